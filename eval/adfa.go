package eval

import (
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vedette/detect/behaviour"
)

// trace is the system calls of one program's run.
type trace struct {
	calls  []int
	entity int // the folder of an attack; each other trace its own
}

const (
	adfaCells   = 512 // system calls are below 400
	adfaPairs   = 1 << 14
	adfaTriples = 1 << 16
)

// adfa measures track E (G. Creech, J. Hu, "Generation of a new IDS test dataset", WCNC 2013): learned from the training traces,
// the threshold from the fifth of them that is not learned, scored on validation and attack traces.
func adfa(dir string) ([]Figure, error) {
	training, err := readTraces(filepath.Join(dir, "Training_Data_Master"), 0)
	if err != nil {
		return nil, err
	}
	usual, err := readTraces(filepath.Join(dir, "Validation_Data_Master"), len(training))
	if err != nil {
		return nil, err
	}
	attacks, err := readTraces(filepath.Join(dir, "Attack_Data_Master"), 0)
	if err != nil {
		return nil, err
	}
	if len(training) < 10 || len(usual) == 0 || len(attacks) == 0 {
		return nil, fmt.Errorf("%d training, %d validation and %d attack traces are too few", len(training), len(usual), len(attacks))
	}
	base := fmt.Sprintf("%d of %d traces", len(attacks), len(attacks)+len(usual))
	learned, held := split(training)
	model := &sequences{}
	for _, t := range learned {
		model.learn(t.calls)
	}
	r := rand.New(rand.NewPCG(5, 5))
	var figures []Figure
	for _, d := range []struct {
		name  string
		score func(t *trace) float64
	}{{"vedette sequence", model.odd}, {"single feature: pairs never seen", model.unseen}, {"random", func(*trace) float64 { return r.Float64() }},
		{"null", func(*trace) float64 { return 0 }}} {
		var calm []float64
		for i := range held {
			calm = append(calm, d.score(&held[i]))
		}
		threshold := quantile(calm, 0.95)
		var list []judged
		for i := range usual {
			list = append(list, judged{d.score(&usual[i]), false, usual[i].entity})
		}
		for i := range attacks {
			list = append(list, judged{d.score(&attacks[i]), true, -1 - attacks[i].entity})
		}
		figures = append(figures, measured("ADFA-LD", d.name, "AUC", base, list, auc),
			measured("ADFA-LD", d.name, "F1, threshold 5% of held-out training", base, list, func(l []judged) float64 { return f1(l, threshold) }),
			measured("ADFA-LD", d.name, "TPR at 1% FPR", base, list, func(l []judged) float64 { return tprAt(l, 0.01) }))
	}
	return append(figures, Figure{Data: "ADFA-LD", Detector: "best simple method", Metric: "F1", Value: 0.343, Source: "as in the reference of this project; the method is not named there"}), nil
}

// split keeps every fifth trace apart.
func split(list []trace) (learned, held []trace) {
	for i, t := range list {
		if i%5 == 4 {
			held = append(held, t)
		} else {
			learned = append(learned, t)
		}
	}
	return learned, held
}

// readTraces reads every .txt below a folder: numbers of system calls with spaces between. Traces of one folder below it are
// one entity; those right in it are each their own.
func readTraces(dir string, first int) (list []trace, err error) {
	folders := map[string]int{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".txt") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		t := trace{entity: first + len(list)}
		for _, f := range strings.Fields(string(b)) {
			n, err := strconv.Atoi(f)
			if err != nil || n < 0 {
				return fmt.Errorf("%s: %q is no system call", path, f)
			}
			t.calls = append(t.calls, n%adfaCells)
		}
		if folder := filepath.Dir(path); folder != dir {
			// Folders of an attack's tries are called Adduser_1, Adduser_2, …
			kind, _, _ := strings.Cut(filepath.Base(folder), "_")
			if _, ok := folders[kind]; !ok {
				folders[kind] = len(folders)
			}
			t.entity = folders[kind]
		}
		if len(t.calls) > 0 {
			list = append(list, t)
		}
		return nil
	})
	return list, err
}

// sequences counts system calls, pairs and triples by hash.
type sequences struct {
	n       float64
	calls   [adfaCells]uint16
	pairs   [adfaPairs]uint16
	triples [adfaTriples]uint16
}

func hashPair(a, b int) int      { return int(uint32(a*adfaCells+b) * 2654435761 >> 18) }
func hashTriple(a, b, c int) int { return int(uint32((a*adfaCells+b)*adfaCells+c) * 2654435761 >> 16) }

func (s *sequences) learn(t []int) {
	for i, c := range t {
		behaviour.Add(s.calls[:], c)
		if i > 0 {
			behaviour.Add(s.pairs[:], hashPair(t[i-1], c))
		}
		if i > 1 {
			behaviour.Add(s.triples[:], hashTriple(t[i-2], t[i-1], c))
		}
		s.n++
	}
}

// odd is the mean surprise of a trace's calls in nats, each given the two before, with what the one before says as its prior,
// and that with counts alone as its.
func (s *sequences) odd(t *trace) (sum float64) {
	total := behaviour.Sum(s.calls[:])
	a, b := 0, 0
	for i, c := range t.calls {
		p := behaviour.Share(s.calls[:], c, total, 1.0/adfaCells, 1)
		if i > 0 {
			p = behaviour.Share(s.pairs[:], hashPair(b, c), float64(s.calls[b]), p, 2)
		}
		if i > 1 {
			p = behaviour.Share(s.triples[:], hashTriple(a, b, c), float64(s.pairs[hashPair(a, b)]), p, 2)
		}
		sum -= math.Log(p)
		a, b = b, c
	}
	return sum / float64(len(t.calls))
}

// unseen is the share of pairs that training never had.
func (s *sequences) unseen(t *trace) float64 {
	n := 0
	for i := 1; i < len(t.calls); i++ {
		if s.pairs[hashPair(t.calls[i-1], t.calls[i])] == 0 {
			n++
		}
	}
	return float64(n) / float64(len(t.calls))
}
