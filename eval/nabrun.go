package eval

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"vedette/detect/behaviour"
)

// nabFolds of the holdout: a threshold is chosen on four fifths of the series and scored on the last.
const nabFolds = 5

// corpus is the benchmark with what every detector that was tried says of it.
type corpus struct {
	series  []*nabSeries
	first   []int // number of each series' first window
	windows int
}

// nab measures track B.
func nab(dir string) ([]Figure, error) {
	series, err := readNAB(dir)
	if err != nil {
		return nil, err
	}
	c := &corpus{series: series}
	points := 0
	for _, s := range series {
		c.first = append(c.first, c.windows)
		c.windows += len(s.windows)
		points += len(s.value)
	}
	base := fmt.Sprintf("%d windows in %d series, %d points", c.windows, len(series), points)
	var figures []Figure
	told := func(detector string, run func(*nabSeries) []float64) {
		p := c.points(run)
		_, best := nabSweep(slices.Concat(p...), c.windows)
		figures = append(figures,
			Figure{Data: "NAB", Detector: detector, Metric: "standard profile", Value: nabNormal(best, c.windows), Base: base},
			Figure{Data: "NAB", Detector: detector, Metric: "standard profile, 5-fold threshold", Value: nabNormal(c.holdout(p), c.windows), Base: base})
		low, high := c.interval(p)
		figures[len(figures)-1].Low, figures[len(figures)-1].High = low, high
	}
	told("vedette series", seriesRun(behaviour.DefaultSeries))
	figures = append(figures, Figure{Data: "NAB", Detector: "vedette series", Metric: "5-fold threshold and constants", Value: nabNormal(c.nested(), c.windows), Base: base})
	told("single feature: nearest value", nearestValue)
	told("single feature: hourly deviation", hourlyDeviation)
	told("random", randomScores)
	told("null", func(s *nabSeries) []float64 { return make([]float64, len(s.value)) })
	return append(figures, nabPublished()...), nil
}

// nabPublished are figures of others: the scoreboard of the benchmark's repository, and what was measured with the same holdout.
func nabPublished() (list []Figure) {
	for _, p := range []struct {
		name    string
		all     float64
		holdout float64
	}{{"ARTime", 74.9, 74.0}, {"Numenta HTM", 70.5, 68.7}, {"CAD OSE", 69.9, 68.2}, {"DSPOT with refractory", 52.6, 48.0}, {"Random Cut Forest", 51.7, 49.7},
		{"Windowed Gaussian", 39.6, 0}} {
		list = append(list, Figure{Data: "NAB", Detector: p.name, Metric: "standard profile", Value: p.all, Source: "NAB scoreboard (github.com/numenta/NAB); DSPOT: ours, earlier"})
		if p.holdout > 0 {
			list = append(list, Figure{Data: "NAB", Detector: p.name, Metric: "standard profile, 5-fold threshold", Value: p.holdout, Source: "ours, on the scores of that repository"})
		}
	}
	return list
}

// points runs a detector over all series, two at a time, and returns what its scores are worth, by series.
func (c *corpus) points(run func(*nabSeries) []float64) [][]worth {
	out := make([][]worth, len(c.series))
	var wg sync.WaitGroup
	for half := range 2 {
		wg.Go(func() {
			for i := half; i < len(c.series); i += 2 {
				out[i] = c.series[i].worths(run(c.series[i]), c.first[i])
			}
		})
	}
	wg.Wait()
	return out
}

// fold returns the points and windows of a fold, or of all others.
func (c *corpus) fold(p [][]worth, fold int, others bool) (points []worth, windows int) {
	for i, s := range c.series {
		if (i%nabFolds == fold) != others {
			points = append(points, p[i]...)
			windows += len(s.windows)
		}
	}
	return points, windows
}

// holdout is the sum of all folds, each at the threshold that is best for the others.
func (c *corpus) holdout(p [][]worth) (sum float64) {
	for k := range nabFolds {
		threshold, _ := nabSweep(c.fold(p, k, true))
		points, windows := c.fold(p, k, false)
		sum += nabSum(points, windows, threshold)
	}
	return sum
}

// nested is holdout with the constants too chosen on the other folds, of a grid around the default.
func (c *corpus) nested() (sum float64) {
	var grid [][][]worth
	for _, smooth := range []float64{3, 5, 8} {
		for _, refractory := range []int{100, 150, 200} {
			for _, factor := range []float64{1.5, 2, 3} {
				cfg := behaviour.DefaultSeries
				cfg.Smooth, cfg.Refractory, cfg.Factor = smooth, refractory, factor
				grid = append(grid, c.points(seriesRun(cfg)))
			}
		}
	}
	for k := range nabFolds {
		var chosen [][]worth
		threshold, top := 0.0, math.Inf(-1)
		for _, p := range grid {
			points, windows := c.fold(p, k, true)
			if at, best := nabSweep(points, windows); best > top {
				chosen, threshold, top = p, at, best
			}
		}
		points, windows := c.fold(chosen, k, false)
		sum += nabSum(points, windows, threshold)
	}
	return sum
}

// interval is the bootstrap of the holdout score over series, at each series' held-out threshold.
func (c *corpus) interval(p [][]worth) (low, high float64) {
	var sums []float64
	for i, s := range c.series {
		threshold, _ := nabSweep(c.fold(p, i%nabFolds, true))
		sums = append(sums, nabSum(p[i], len(s.windows), threshold))
	}
	r := rand.New(rand.NewPCG(1, 2))
	var values []float64
	for range bootstraps * 5 {
		sum, windows := 0.0, 0
		for range c.series {
			i := r.IntN(len(c.series))
			sum += sums[i]
			windows += len(c.series[i].windows)
		}
		values = append(values, nabNormal(sum, windows))
	}
	return quantile(values, 0.025), quantile(values, 0.975)
}

func seriesRun(cfg behaviour.SeriesConfig) func(*nabSeries) []float64 {
	return func(s *nabSeries) []float64 {
		var d behaviour.Series
		out := make([]float64, len(s.value))
		for i, x := range s.value {
			out[i] = finite(d.Observe(&cfg, s.time[i], x))
		}
		return out
	}
}

func nearestValue(s *nabSeries) []float64 {
	var v behaviour.Values
	out := make([]float64, len(s.value))
	for i, x := range s.value {
		if i > behaviour.DefaultSeries.Warm {
			out[i] = v.Novelty(x)
		}
		v.Learn(x)
	}
	return out
}

func hourlyDeviation(s *nabSeries) []float64 {
	var hours [24]behaviour.Spread
	out := make([]float64, len(s.value))
	for i, x := range s.value {
		h := &hours[s.time[i]%86400/3600]
		if h.N > 2 {
			out[i] = math.Abs(h.Z(x, behaviour.Spread{}, 0, 1e-9+1e-3*math.Abs(x)))
		}
		h.Learn(x, 100)
	}
	return out
}

func randomScores(s *nabSeries) []float64 {
	h := fnv.New64()
	h.Write([]byte(s.name))
	r := rand.New(rand.NewPCG(h.Sum64(), 1))
	out := make([]float64, len(s.value))
	for i := range out {
		out[i] = r.Float64()
	}
	return out
}
