package behaviour

import (
	"math"
	"math/rand/v2"
	"testing"

	"vedette"
	"vedette/detect"
)

func TestTailIsCalibrated(t *testing.T) {
	f := func(name string, draw func(r *rand.Rand) float64) {
		t.Helper()
		r := rand.New(rand.NewPCG(1, 2))
		var tail Tail
		below := map[float64]float64{}
		const n = 400_000
		for i := range n {
			x := draw(r)
			p := tail.P(x, heavy)
			for _, level := range []float64{1e-2, 1e-3, 1e-4} {
				if i > 2000 && p < level {
					below[level]++
				}
			}
			tail.Learn(x)
		}
		for level, got := range below {
			if share := got / n / level; share < 0.02 || share > 3 { // light tails are not believed: too few is right
				t.Errorf("%s: %.2f times as many below %g as should be", name, share, level)
			}
		}
		if tail.P(1e9, heavy) > 1e-6 || tail.P(0, heavy) != 1 {
			t.Errorf("%s: P(1e9) = %g, P(0) = %g", name, tail.P(1e9, heavy), tail.P(0, heavy))
		}
	}
	f("exponential", func(r *rand.Rand) float64 { return r.ExpFloat64() })
	f("half normal", func(r *rand.Rand) float64 { return math.Abs(r.NormFloat64()) })
	f("Pareto", func(r *rand.Rand) float64 { return math.Pow(r.Float64(), -0.25) - 1 })
	f("mostly nothing", func(r *rand.Rand) float64 {
		if r.Float64() < 0.95 {
			return 0
		}
		return 2 * r.ExpFloat64()
	})
}

func TestTailOfNothingSeen(t *testing.T) {
	var tail Tail
	for x, want := range map[float64]float64{1: 0.37, 3: 0.05, 6: 0.003} {
		if p := tail.P(x, heavy); p < want/2 || p > want*2 {
			t.Errorf("P(%v) = %v, want about %v", x, p, want)
		}
	}
}

func TestSpread(t *testing.T) {
	var s Spread
	for _, x := range []float64{2, 4, 4, 4, 5, 5, 7, 9} {
		s.Learn(x, 100)
	}
	if s.Mean != 5 || math.Abs(float64(s.Var)-4) > 1e-6 {
		t.Errorf("mean %v and variance %v, want 5 and 4", s.Mean, s.Var)
	}
	if z := s.Z(9, Spread{}, 0, 0.1); math.Abs(z-2) > 1e-6 {
		t.Errorf("z of 9 is %v, want 2", z)
	}
	if z := s.Z(9, Spread{Mean: 9, Var: 4}, 1e9, 0.1); math.Abs(z) > 1e-3 {
		t.Errorf("a heavy prior does not count: %v", z)
	}
}

func TestCusum(t *testing.T) {
	var c Cusum
	for range 1000 {
		if got := c.Add(0.9, 1, 4); got != 0 {
			t.Fatalf("usual days add up to %v", got)
		}
	}
	if got := c.Add(100, 1, 4); got != 3 {
		t.Errorf("one day counts %v, want 3", got)
	}
	for range 4 {
		c.Add(-3, 1, 4)
	}
	if got := c.Add(-3, 1, 4); got != -10 {
		t.Errorf("a fall counts %v, want -10", got)
	}
}

func TestCounts(t *testing.T) {
	var c [4]uint8
	for range 255 {
		Add(c[:], 0)
	}
	Add(c[:], 1)
	Add(c[:], 0)
	if c[0] != 128 || c[1] != 0 {
		t.Errorf("%v: the full cell does not halve all", c)
	}
	if got := Ratio(c[:], 1, 128, 0.5, 8); math.Abs(got-math.Log(17)) > 1e-9 {
		t.Errorf("ratio %v, want ln 17", got)
	}
	if a, b := [2]uint8{10, 0}, [2]uint8{0, 10}; divergence(a[:], b[:]) != 1 || divergence(a[:], a[:]) != 0 {
		t.Error("divergence is not between 0 and 1")
	}
}

func TestValues(t *testing.T) {
	var v Values
	if v.Novelty(5) != 0 {
		t.Error("the first value is novel")
	}
	for _, x := range []float64{0, 1, 2, 8, 9, 10} {
		v.Learn(x)
	}
	f := func(x, want float64) {
		t.Helper()
		if got := v.Novelty(x); math.Abs(got-want) > 0.005 {
			t.Errorf("novelty of %v is %v, want %v", x, got, want)
		}
	}
	f(8, 0)
	f(5, 0.3)
	f(15, 0.5)
	f(-10, 1)
	v.Learn(100) // what was seen is kept over a wider range
	f(5, 0.03)
	f(50, 0.4)
	v.Learn(math.NaN())
	f(50, 0.4)
}

func TestSeries(t *testing.T) {
	var s Series
	told := 0
	for i := range 5000 {
		x := 10 + 5*math.Sin(float64(i)/288*2*math.Pi) + 0.2*math.Sin(float64(i)*1.7)
		if i >= 4000 && i < 4010 {
			x = 40
		}
		if got := s.Observe(&DefaultSeries, int64(i)*300, x); got > 0.05 && i > 1000 {
			told++
			if i < 4000 || i > 4000+288 { // a day later the hour's usual holds some of it
				t.Errorf("%v at %d", got, i)
			}
		}
	}
	if told == 0 || told > 3 {
		t.Errorf("told %d times, want once or little more", told)
	}
}

func TestMet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var m Met
	count := 0.0
	const n = 10_000
	for range n {
		h := r.Uint64()
		count += m.Add(h)
		count += m.Add(h)
	}
	if count < 0.75*n || count > 1.25*n {
		t.Errorf("%v different values, want about %d", count, n)
	}
}

// TestSeriesRefractory wants a level that stays told once or twice, not fifty times.
func TestSeriesRefractory(t *testing.T) {
	var s Series
	told := 0
	for i := range 200 {
		x := float64(i % 7)
		if i > 150 {
			x = 50 + 0.1*float64(i%3)
		}
		if s.Observe(&DefaultSeries, int64(i)*60, x) > 0 && i > 60 {
			told++
		}
	}
	if told < 1 || told > 2 { // the value, then its smoothed departure
		t.Errorf("told %d times", told)
	}
}

func TestCohort(t *testing.T) {
	f := func(want string, classes [classCount]uint16) {
		t.Helper()
		if got := (&habit{classes: classes}).kind().name; got != want {
			t.Errorf("%v is a %s, want %s", classes, got, want)
		}
	}
	f("reader", [classCount]uint16{})
	f("reader", [classCount]uint16{classRead: 100, classOrder: 2})
	f("trader", [classCount]uint16{classRead: 60, classOrder: 30, classCancel: 10})
	f("maker", [classCount]uint16{classRead: 5, classOrder: 50, classCancel: 45})
	f("treasury", [classCount]uint16{classRead: 5, classSensitive: 5})
}

// TestAccountIsToldOfOtherKeys wants an account told where another key comes to it, and not where its only key is odd: that
// is told of the key.
func TestAccountIsToldOfOtherKeys(t *testing.T) {
	f := func(name string, want bool, change func(victim, thief *client)) {
		t.Helper()
		list := crowd(3, 20)
		victim, taken, done := list[1], start.Add(5*day), false
		thief := newClient(99, "treasury", 4)
		thief.next = taken
		found, _ := story(append(list, thief), taken.Add(day/12), func(c *client) {
			if !c.next.Before(taken) && !done {
				change(victim, thief)
				done = true
			}
		}, AccountAnomaly)
		got := false
		for _, f := range found {
			got = got || f.Account == victim.account
		}
		if got != want {
			t.Errorf("%s: told %v, want %v", name, got, want)
		}
	}
	f("its own key", false, func(victim, thief *client) {
		victim.loop, victim.ja4, victim.asn = []vedette.Operation{vedette.OpWithdraw}, "t13d999", 65001
	})
	f("a new key", true, func(victim, thief *client) { thief.account, thief.ja4, thief.asn = victim.account, "t13d999", 65001 })
}

func TestAll(t *testing.T) {
	names := map[string]bool{}
	for _, d := range All() {
		if names[d.Name] {
			t.Errorf("%s is there twice", d.Name)
		}
		names[d.Name] = true
	}
	if _, err := detect.New(detect.Config{Detectors: All(), Raise: func(*vedette.Finding) {}}); err != nil {
		t.Error(err)
	}
}
