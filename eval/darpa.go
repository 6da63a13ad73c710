package eval

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// edge is one connection of the DARPA 1998 data, as MIDAS's repository gives it.
type edge struct {
	from, to uint64
	at       int64 // ticks of a minute
	attack   bool
}

// darpa measures track C. The first half, by time, warms the detectors and is not scored; the second is scored as it
// is, and with attacks thinned to a hundredth and a thousandth.
func darpa(dir string) ([]Figure, error) {
	edges, err := readEdges(dir)
	if err != nil {
		return nil, err
	}
	var figures []Figure
	for _, d := range []struct {
		name  string
		score func(edges []edge) []float64
	}{{"MIDAS-R", midasScores}, {"single feature: edge count", countScores}, {"random", func(edges []edge) []float64 {
		r, out := rand.New(rand.NewPCG(1, 1)), make([]float64, len(edges))
		for i := range out {
			out[i] = r.Float64()
		}
		return out
	}}, {"null", func(edges []edge) []float64 { return make([]float64, len(edges)) }}} {
		began := time.Now()
		scores := d.score(edges)
		each := float64(time.Since(began).Nanoseconds()) / float64(len(edges))
		list := make([]judged, 0, len(edges))
		for i, e := range edges {
			list = append(list, judged{finite(scores[i]), e.attack, int(e.from)})
		}
		figures = append(figures, Figure{Data: "DARPA", Detector: d.name, Metric: "AUC, all edges", Value: auc(list), Base: baseRate(list)},
			Figure{Data: "DARPA", Detector: d.name, Metric: "ns an edge", Value: each})
		late := list[len(list)/2:]
		for _, rate := range []float64{0, 0.01, 0.001} {
			some := thinned(late, rate)
			base := "second half by time, " + baseRate(some)
			figures = append(figures, measured("DARPA", d.name, "AUC", base, some, auc), measured("DARPA", d.name, "AP", base, some, averagePrecision),
				measured("DARPA", d.name, "TPR at 0.1% FPR", base, some, func(l []judged) float64 { return tprAt(l, 0.001) }))
		}
	}
	return append(figures,
		Figure{Data: "DARPA", Detector: "MIDAS-R", Metric: "AUC, all edges", Value: 0.95, Source: "S. Bhatia et al., AAAI 2020"},
		Figure{Data: "DARPA", Detector: "MIDAS-R", Metric: "AUC, all edges", Value: 0.948, Source: "ours, earlier; 239 ns an edge"},
		Figure{Data: "DARPA", Detector: "edge count", Metric: "AUC, all edges", Value: 0.847, Source: "ours, earlier"}), nil
}

func baseRate(list []judged) string {
	attacks := 0
	for _, c := range list {
		if c.attack {
			attacks++
		}
	}
	return fmt.Sprintf("%d of %d edges", attacks, len(list))
}

// thinned keeps so many attacks that they are rate of all; 0 keeps them all.
func thinned(list []judged, rate float64) (out []judged) {
	attacks := 0
	for _, c := range list {
		if c.attack {
			attacks++
		}
	}
	keep := 1.0
	if rate > 0 && attacks > 0 {
		keep = min(1, rate/(1-rate)*float64(len(list)-attacks)/float64(attacks))
	}
	r := rand.New(rand.NewPCG(3, 3))
	for _, c := range list {
		if !c.attack || r.Float64() < keep {
			out = append(out, c)
		}
	}
	return out
}

// readEdges reads darpa_processed.csv (source, destination, tick) and darpa_ground_truth.csv (1 for an attack), a line an edge.
func readEdges(dir string) (edges []edge, err error) {
	name := filepath.Join(dir, "darpa_processed.csv")
	err = lines(name, func(n int, line string) error {
		f := strings.Split(line, ",")
		if len(f) != 3 {
			return fmt.Errorf("%s:%d: %d columns, want source, destination, tick", name, n, len(f))
		}
		var v [3]int64
		for i := range f {
			if v[i], err = strconv.ParseInt(strings.TrimSpace(f[i]), 10, 64); err != nil {
				return fmt.Errorf("%s:%d: %w", name, n, err)
			}
		}
		edges = append(edges, edge{from: uint64(v[0]), to: uint64(v[1]), at: v[2]})
		return nil
	})
	if err != nil {
		return nil, err
	}
	labels := 0
	err = lines(filepath.Join(dir, "darpa_ground_truth.csv"), func(_ int, line string) error {
		if labels < len(edges) {
			edges[labels].attack = strings.HasPrefix(line, "1")
		}
		labels++
		return nil
	})
	if err == nil && labels != len(edges) {
		err = fmt.Errorf("%d labels for %d edges", labels, len(edges))
	}
	return edges, err
}

// lines calls f with every line that is not empty.
func lines(name string, f func(n int, line string) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewScanner(file)
	for n := 1; in.Scan(); n++ {
		if line := strings.TrimSpace(in.Text()); line != "" {
			if err := f(n, line); err != nil {
				return err
			}
		}
	}
	return in.Err()
}

func countScores(edges []edge) []float64 {
	n := map[[2]uint64]float64{}
	out := make([]float64, len(edges))
	for i, e := range edges {
		n[[2]uint64{e.from, e.to}]++
		out[i] = n[[2]uint64{e.from, e.to}]
	}
	return out
}
