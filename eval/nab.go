package eval

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Constants of NAB's standard profile (github.com/numenta/NAB, config/profiles.json and
// nab/sweeper.py; A. Lavin, S. Ahmad, "Evaluating real-time anomaly detection algorithms", ICMLA 2015).
const (
	nabFalse     = 0.11 // what a detection outside windows costs at most
	nabMissed    = 1.0  // what a window without a detection costs
	nabProbation = 0.15 // share of a series that is not scored
	nabLongest   = 5000 // points that the share is taken of, at most
)

// nabSeries is one series of the benchmark.
type nabSeries struct {
	name    string
	time    []int64 // Unix s
	value   []float64
	windows [][2]int // indices, both inclusive
}

// probation returns how many points at the start are not scored.
func (s *nabSeries) probation() int {
	return int(math.Floor(nabProbation * float64(min(len(s.value), nabLongest))))
}

// readNAB reads the benchmark in the form of its repository: data/*/*.csv and
// labels/combined_windows.json.
func readNAB(dir string) ([]*nabSeries, error) {
	b, err := os.ReadFile(filepath.Join(dir, "labels", "combined_windows.json"))
	if err != nil {
		return nil, fmt.Errorf("cannot read NAB: %w", err)
	}
	var labels map[string][][2]string
	if err := json.Unmarshal(b, &labels); err != nil {
		return nil, fmt.Errorf("cannot read NAB's labels: %w", err)
	}
	var list []*nabSeries
	for name, windows := range labels {
		s, err := readSeries(filepath.Join(dir, "data", filepath.FromSlash(name)), windows)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", name, err)
		}
		s.name = name
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *nabSeries) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return list, nil
}

func readSeries(file string, windows [][2]string) (*nabSeries, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	s := &nabSeries{}
	for _, row := range rows[min(1, len(rows)):] {
		if len(row) != 2 {
			return nil, fmt.Errorf("a line has %d columns, want timestamp and value", len(row))
		}
		at, err := time.Parse(time.DateTime, row[0])
		if err != nil {
			return nil, err
		}
		v, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			return nil, err
		}
		s.time, s.value = append(s.time, at.Unix()), append(s.value, v)
	}
	for _, w := range windows {
		var ends [2]int
		for i, text := range w {
			at, err := time.Parse("2006-01-02 15:04:05.000000", text)
			if err != nil {
				return nil, err
			}
			if ends[i] = slices.Index(s.time, at.Unix()); ends[i] < 0 {
				return nil, fmt.Errorf("window end %s is no point of the series", text)
			}
		}
		s.windows = append(s.windows, ends)
	}
	return s, nil
}

// sigmoid is NAB's scaledSigmoid: 1 long before a window's end, 0 at it, -1 long after.
func sigmoid(x float64) float64 {
	if x > 3 {
		return -1
	}
	return 2/(1+math.Exp(5*x)) - 1
}

// worth is what a detection at a point is worth: within a window only the best one counts.
type worth struct {
	score  float64 // of the detector, at the point
	gain   float64
	window int // number over the whole corpus; -1 outside
}

// worths returns what detections at each scored point are worth. first is the number of the series' first window.
func (s *nabSeries) worths(scores []float64, first int) (list []worth) {
	w := 0
	for i := range s.value {
		for w < len(s.windows) && i > s.windows[w][1] {
			w++
		}
		if i < s.probation() {
			continue
		}
		p := worth{score: scores[i], window: -1}
		switch {
		case w < len(s.windows) && i >= s.windows[w][0]:
			width := float64(s.windows[w][1] - s.windows[w][0] + 1)
			p.gain, p.window = sigmoid(-float64(s.windows[w][1]-i+1)/width)/sigmoid(-1), first+w
		case w == 0:
			p.gain = -nabFalse
		default:
			before := s.windows[w-1]
			p.gain = nabFalse * sigmoid(float64(i-before[1])/float64(before[1]-before[0]))
		}
		list = append(list, p)
	}
	return list
}

// nabSweep returns the best threshold over the points of series with that many windows, and the sum at it.
func nabSweep(points []worth, windows int) (threshold, best float64) {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b worth) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	gain := map[int]float64{}
	sum := -nabMissed * float64(windows)
	threshold, best = math.Inf(1), sum
	for i, p := range points {
		switch got, ok := gain[p.window]; {
		case p.window < 0:
			sum += p.gain
		case !ok && p.gain > -nabMissed:
			sum += p.gain + nabMissed
			gain[p.window] = p.gain
		case ok && p.gain > got:
			sum += p.gain - got
			gain[p.window] = p.gain
		}
		if (i+1 == len(points) || points[i+1].score != p.score) && sum > best {
			threshold, best = p.score, sum
		}
	}
	return threshold, best
}

// nabSum returns the sum of the points at a threshold.
func nabSum(points []worth, windows int, threshold float64) float64 {
	gain := map[int]float64{}
	sum := 0.0
	for _, p := range points {
		switch got, ok := gain[p.window]; {
		case p.score < threshold:
		case p.window < 0:
			sum += p.gain
		case !ok || p.gain > got:
			gain[p.window] = p.gain
		}
	}
	for _, g := range gain {
		sum += max(g, -nabMissed)
	}
	return sum - nabMissed*float64(windows-len(gain))
}

// nabNormal puts a sum on NAB's scale: 0 for a detector that says nothing, 100 for a perfect one.
func nabNormal(sum float64, windows int) float64 {
	if windows == 0 {
		return 0
	}
	return 100 * (sum + nabMissed*float64(windows)) / (float64(windows) * (1 + nabMissed))
}
