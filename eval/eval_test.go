package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write makes a file of lines below a folder.
func write(t *testing.T, dir, name string, lines ...string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// figures runs a track and returns its own figures by detector and the first word of the metric.
func figures(t *testing.T, dir, name string) map[string]Figure {
	t.Helper()
	out := map[string]Figure{}
	err := Run(dir, []string{name}, func(f Figure) error {
		if f.Source == "" {
			out[f.Detector+"/"+f.Metric] = f
		} else if f.Value == 0 || f.Base != "" {
			t.Errorf("published figure %+v", f)
		}
		return nil
	}, func(track, want string) { t.Errorf("track %s is absent: no %s", track, want) })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func above(t *testing.T, list map[string]Figure, name string, least float64) {
	t.Helper()
	f, ok := list[name]
	if !ok || f.Value < least {
		t.Errorf("%s is %.3f (%v), want at least %v", name, f.Value, ok, least)
	}
}

func below(t *testing.T, list map[string]Figure, name string, most float64) {
	t.Helper()
	f, ok := list[name]
	if !ok || f.Value > most {
		t.Errorf("%s is %.3f (%v), want at most %v", name, f.Value, ok, most)
	}
}

func TestNAB(t *testing.T) {
	dir := t.TempDir()
	labels := map[string][][2]string{}
	for i := range 10 {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		rows := []string{"timestamp,value"}
		begin := time.Date(2014, 4, 1, 0, 0, 0, 0, time.UTC)
		at := func(j int) time.Time { return begin.Add(time.Duration(j) * 5 * time.Minute) }
		for j := range 2000 {
			x := 20 + 5*math.Sin(float64(j)/288*2*math.Pi) + r.NormFloat64()
			if j >= 1500 && j < 1510 {
				x += 40
			}
			rows = append(rows, fmt.Sprintf("%s,%g", at(j).Format(time.DateTime), x))
		}
		name := fmt.Sprintf("real/s%d.csv", i)
		write(t, dir, "nab/data/"+name, rows...)
		const form = "2006-01-02 15:04:05.000000"
		labels[name] = [][2]string{{at(1450).Format(form), at(1600).Format(form)}}
	}
	b, _ := json.Marshal(labels)
	write(t, dir, "nab/labels/combined_windows.json", string(b))
	f := figures(t, dir, "B")
	above(t, f, "vedette series/standard profile", 80)
	above(t, f, "vedette series/standard profile, 5-fold threshold", 75)
	above(t, f, "vedette series/5-fold threshold and constants", 75)
	below(t, f, "random/standard profile, 5-fold threshold", 50)
	if v := f["null/standard profile"].Value; v != 0 {
		t.Errorf("null is worth %v", v)
	}
}

// TestNABScore holds the scorer to what NAB's own tests say of it (tests/unit/test_scorer.py there).
func TestNABScore(t *testing.T) {
	s := &nabSeries{value: make([]float64, 1000), time: make([]int64, 1000), windows: [][2]int{{400, 499}, {700, 799}}}
	sum := func(detections ...int) float64 {
		scores := make([]float64, 1000)
		for _, i := range detections {
			scores[i] = 1
		}
		return nabSum(s.worths(scores, 0), 2, 0.5)
	}
	f := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	f("nothing", sum(), -2)
	f("both at their first point", sum(400, 700), 2)
	f("one", sum(400), 0)
	f("only the best of a window counts", sum(400, 420, 499), 0)
	f("at the last point", sum(499), -1+sigmoid(-0.01)/sigmoid(-1))
	f("before any window", sum(300), -2-0.11)
	f("in probation", sum(149), -2)
	f("at the end of probation", sum(150), -2-0.11)
	f("just after a window", sum(500), -2+0.11*sigmoid(1.0/99))
	f("long after a window", sum(690), -2+0.11*sigmoid(191.0/99))
	f("normal of nothing", nabNormal(-2, 2), 0)
	f("normal of all", nabNormal(2, 2), 100)
	if earlier, later := sum(410), sum(490); earlier <= later {
		t.Errorf("earlier is worth %v, later %v", earlier, later)
	}
	scores := make([]float64, 1000)
	scores[400], scores[300], scores[700] = 0.9, 0.5, 0.3
	if at, best := nabSweep(s.worths(scores, 0), 2); at != 0.3 || math.Abs(best-(2-0.11)) > 1e-9 {
		t.Errorf("the best threshold is %v with %v", at, best)
	}
}

// TestNABFull is the whole benchmark, where it is at hand.
func TestNABFull(t *testing.T) {
	dir := os.Getenv("VEDETTE_NAB")
	if dir == "" {
		if os.Getenv("CI") != "" && !raceDetector { // make test runs it without the race detector
			t.Fatal("VEDETTE_NAB names no folder: the benchmark's data must lie beside the project, in ../shared/data/nab")
		}
		t.Skip("VEDETTE_NAB names no folder with the Numenta Anomaly Benchmark")
	}
	f := figures(t, dir, "B")
	above(t, f, "vedette series/standard profile, 5-fold threshold", 65)
	above(t, f, "vedette series/5-fold threshold and constants", 65)
}

func TestSchonlau(t *testing.T) {
	dir := t.TempDir()
	const users, blocks = 6, 40
	var summary []string
	other := func(u, b int) bool { return b >= 20 && (u+b)%9 == 0 }
	draw := func(r *rand.Rand, u int) string {
		if r.Float64() < 0.3 {
			return []string{"ls", "cd", "cat", "sh"}[r.IntN(4)]
		}
		return fmt.Sprintf("prog%d", u*20+int(r.ExpFloat64()*5))
	}
	for b := range blocks {
		var row []string
		for u := range users {
			row = append(row, map[bool]string{true: "1", false: "0"}[other(u, b)])
		}
		summary = append(summary, strings.Join(row, " "))
	}
	for u := range users {
		r := rand.New(rand.NewPCG(uint64(u), 1))
		var list []string
		for i := range 5000 + 100*blocks {
			who := u
			if i >= 5000 && other(u, (i-5000)/100) {
				who = (u + 1) % users
			}
			list = append(list, draw(r, who))
		}
		write(t, dir, fmt.Sprint("User", u+1), list...)
	}
	write(t, dir, "masquerade_summary.txt", summary...)
	f := figures(t, dir, "A")
	above(t, f, "vedette counts and sequence/AUC, sealed", 0.99)
	above(t, f, "vedette counts and sequence/TPR at 1.3% FPR, sealed", 0.8)
	below(t, f, "random/AUC, sealed", 0.75)
	if f["null/AUC, sealed"].Value != 0.5 {
		t.Errorf("null: %+v", f["null/AUC, sealed"])
	}
	if base := f["null/AUC, sealed"].Base; !strings.Contains(base, "of 120 blocks") {
		t.Errorf("base %q", base)
	}
	write(t, dir, "masquerade_summary.txt", "1 0")
	if err := Run(dir, []string{"A"}, func(Figure) error { return nil }, nil); err == nil {
		t.Error("a summary with too few columns passes")
	}
}

func TestDARPA(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	var edges, labels []string
	for tick := 1; tick <= 400; tick++ {
		for range 50 {
			edges, labels = append(edges, fmt.Sprintf("%d,%d,%d", r.IntN(100), 1000+r.IntN(20), tick)), append(labels, "0")
		}
		if tick%40 == 39 {
			for range 200 {
				edges, labels = append(edges, fmt.Sprintf("%d,%d,%d", 7, 1000+tick, tick)), append(labels, "1")
			}
		}
	}
	write(t, dir, "darpa_processed.csv", edges...)
	write(t, dir, "darpa_ground_truth.csv", labels...)
	f := figures(t, dir, "C")
	above(t, f, "MIDAS-R/AUC, all edges", 0.95)
	above(t, f, "MIDAS-R/AP", 0.5)
	if f["MIDAS-R/ns an edge"].Value <= 0 {
		t.Error("no cost")
	}
	if f["null/AUC"].Value != 0.5 {
		t.Errorf("null %+v", f["null/AUC"])
	}
	write(t, dir, "darpa_ground_truth.csv", labels[1:]...)
	if err := Run(dir, []string{"C"}, func(Figure) error { return nil }, nil); err == nil {
		t.Error("labels are missing, and nobody says so")
	}
}

func TestADFA(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 1))
	run := func(step int) string {
		var list []string
		at := r.IntN(50)
		for range 200 {
			if at = (at + step) % 50; r.Float64() < 0.1 {
				at = r.IntN(50)
			}
			list = append(list, fmt.Sprint(at))
		}
		return strings.Join(list, " ")
	}
	for i := range 50 {
		write(t, dir, fmt.Sprintf("ADFA-LD/Training_Data_Master/UTD-%04d.txt", i), run(3))
		write(t, dir, fmt.Sprintf("ADFA-LD/Validation_Data_Master/UVD-%04d.txt", i), run(3))
		write(t, dir, fmt.Sprintf("ADFA-LD/Attack_Data_Master/Web_Shell_%d/UAD-%d.txt", 1+i%5, i), run(7))
	}
	f := figures(t, dir, "E")
	above(t, f, "vedette sequence/AUC", 0.99)
	above(t, f, "vedette sequence/F1, threshold 5% of held-out training", 0.9)
	below(t, f, "random/AUC", 0.65)
	if base := f["vedette sequence/AUC"].Base; base != "50 of 100 traces" {
		t.Errorf("base %q", base)
	}
}

func TestAbsent(t *testing.T) {
	var absent []string
	err := Run(t.TempDir(), Tracks(), func(f Figure) error { t.Errorf("%+v", f); return nil }, func(track, want string) { absent = append(absent, want) })
	if err != nil || len(absent) != len(tracks) {
		t.Errorf("%v, %v", err, absent)
	}
	if err := Run(t.TempDir(), []string{"Z"}, nil, nil); err == nil || !strings.Contains(err.Error(), `"Z"`) {
		t.Errorf("an unknown track: %v", err)
	}
}

func TestRank(t *testing.T) {
	list := []judged{{5, true, 1}, {4, false, 2}, {3, true, 3}, {3, false, 4}, {1, false, 5}}
	f := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	f("AUC", auc(list), (3+1.5)/6)
	f("TPR without a false one", tprAt(list, 0), 0.5)
	f("TPR with one in three", tprAt(list, 0.34), 0.5)
	f("TPR with two", tprAt(list, 0.67), 1)
	f("average precision", averagePrecision(list), (1+2.0/4)/2)
	f("F1", f1(list, 2), 2*2.0/(2*2+0+2))
	if low, high := interval(list, auc); low > 0.75 || high < 0.75 || low == high {
		t.Errorf("interval %v to %v", low, high)
	}
}

func TestWrite(t *testing.T) {
	var text, object bytes.Buffer
	f := Figure{Track: "B", Data: "NAB", Detector: "d", Metric: "m", Value: 61.5, Low: 50, High: 70, Base: "116 windows"}
	f.WriteText(&text)
	f.WriteJSON(&object)
	if got := strings.Join(strings.Fields(text.String()), " "); got != "B d m 61.5 [50, 70] 116 windows" {
		t.Errorf("%q", got)
	}
	if got := object.String(); got != `{"track":"B","data":"NAB","detector":"d","metric":"m","value":61.5,"baseline":"","baseline_value":0,"n":0,"seed":0,"case":"","low":50,"high":70,"base":"116 windows"}`+"\n" {
		t.Errorf("%s", got)
	}
}
