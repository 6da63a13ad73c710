package detect

import (
	"testing"

	"vedette"
)

func populationEvent(credential, ja4 uint64, verdict vedette.Verdict) *Event {
	e := &Event{Verdict: verdict}
	e.Subject[ByCredential], e.Subject[ByFingerprint] = mix(credential), mix(ja4)
	return e
}

// TestPopulation: only authentic calls make a trait common, and whoever invents traits displaces none
// that others share.
func TestPopulation(t *testing.T) {
	p := new(population)
	for c := range uint64(1000) {
		p.observe(populationEvent(c+1, 7, vedette.Authentic))
		p.observe(populationEvent(c+1, 8, vedette.Forged))
	}
	for i := range uint64(100_000) {
		p.observe(populationEvent(1, 1000+i, vedette.Authentic))
	}
	e := populationEvent(1, 7, vedette.Authentic)
	p.observe(e)
	if n := e.Users[TraitJA4]; n < 700 || n > 1300 {
		t.Errorf("1000 credentials have the fingerprint, the estimate is %d", n)
	}
	if n := e.Credentials; n < 700 || n > 1300 {
		t.Errorf("there are 1000 credentials, the estimate is %d", n)
	}
	e = populationEvent(2, 8, vedette.Forged)
	if p.observe(e); e.Users[TraitJA4] != 0 {
		t.Errorf("forged calls made a fingerprint look used by %d", e.Users[TraitJA4])
	}
}

// TestSketch holds estimates to what Sketch says of them.
func TestSketch(t *testing.T) {
	for n := 1; n <= 100_000; n = n*5/4 + 1 {
		worst := 0.0
		for try := range uint64(20) {
			s := Sketch{}
			for i := range n {
				s.Add(Pair(try, uint64(i)))
			}
			worst += float64(s.Count()-n) * float64(s.Count()-n) / 20
		}
		if limit := max(2, float64(n)/5); worst > limit*limit {
			t.Errorf("of %d: the mean square error is %.1f", n, worst)
		}
	}
}

// TestSpread: a sudden breadth stands out from the habit, and a creeping one raises it slowly.
func TestSpread(t *testing.T) {
	s, v := Spread{}, uint64(0)
	hour := func(h, n int) int {
		got := 0
		for range n {
			v++
			got = s.Add(v, int64(h)*3600e9, 3600e9)
		}
		return got
	}
	for h := range 48 {
		hour(h, 10)
	}
	if n := hour(48, 100); n < 70 || s.Habit() > 13 || s.Habit() < 8 {
		t.Errorf("%d against a habit of %.1f", n, s.Habit())
	}
	hour(49, 1)
	if s.Habit() > 15 {
		t.Errorf("one wide hour made a habit of %.1f", s.Habit())
	}
}

// TestSlots: values come back with the time since when they are known; the fifth takes the oldest's place.
func TestSlots(t *testing.T) {
	s := Slots{}
	for i, step := range []struct {
		value uint64
		since int64
		fresh bool
	}{{1, 0, true}, {2, 1, true}, {1, 0, false}, {3, 3, true}, {4, 4, true}, {2, 1, false}, {5, 6, true}, {1, 7, true}, {5, 6, false}} {
		if since, fresh := s.Use(step.value, int64(i)*1e9); since != step.since*1e9 || fresh != step.fresh {
			t.Errorf("step %d: since %d, new %v", i, since/1e9, fresh)
		}
	}
}
