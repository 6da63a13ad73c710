package ruleset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestSums holds the sliding sum to a list of all that was added: it is that of the window, or of the window
// less an eighth.
func TestSums(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const width = int64(8 * time.Second)
	type added struct {
		at int64
		v  float64
	}
	var s sums
	var all []added
	at := int64(1e18)
	over := func(since int64) (sum float64) {
		for _, a := range all {
			if a.at > since {
				sum += a.v
			}
		}
		return sum
	}
	for range 5000 {
		at += r.Int64N(int64(3 * time.Second))
		if r.IntN(50) == 0 {
			at += 2 * width
		}
		a := added{at, float64(1 + r.IntN(10))}
		all = append(all, a)
		got, from := s.add(a.at, width, a.v, 1)
		if most, least := over(at-width), over(at-width+width/slots); got > most || got < least {
			t.Fatalf("sum %v, want from %v to %v", got, least, most)
		}
		if from > at || from < at-width {
			t.Fatalf("from %d with the newest at %d", from, at)
		}
	}
}

// TestSumsLate adds what comes out of order.
func TestSumsLate(t *testing.T) {
	var s sums
	const width, at = int64(8 * time.Second), int64(1e18)
	s.add(at, width, 1, 1)
	if got, _ := s.add(at-int64(2*time.Second), width, 1, 2); got != 2 {
		t.Errorf("an event of 2s before: sum %v, want 2", got)
	}
	if got, _ := s.add(at-int64(20*time.Second), width, 1, 3); got != 2 {
		t.Errorf("an event before the window: sum %v, want 2", got)
	}
}

func TestMeet(t *testing.T) {
	v := make([]value, 4)
	const width = int64(time.Minute)
	at := int64(1e18)
	step := func(h uint64, wantN int, wantOld, wantFull bool) {
		t.Helper()
		at += int64(time.Second)
		if n, old, full := meet(v, h*0x9e3779b97f4a7c15, at, width); n != wantN || old != wantOld || full != wantFull {
			t.Errorf("%d, known %v, full %v; want %d, %v, %v", n, old, full, wantN, wantOld, wantFull)
		}
	}
	step(1, 1, false, false)
	step(1, 1, true, false)
	step(2, 2, false, false)
	step(3, 3, false, false)
	step(4, 4, false, false)
	step(5, 4, false, true) // 1 gives way
	step(1, 4, false, true)
	at += 2 * width
	step(9, 1, false, false)
}

// TestSketch wants counts within a tenth.
func TestSketch(t *testing.T) {
	for _, n := range []int{40, 200, fewSketch, maxSketch} {
		var s sketch
		words, of := new(halves16).words(), 1024.0
		if n <= fewSketch {
			words, of = new(halves8).words(), 512
		}
		var got float64
		for i := range n {
			for range 3 {
				got = estimate(s.add(words, fnv(fmt.Append(nil, "value-", i)), int64(1e18)+int64(i), int64(time.Hour), 1), of)
			}
		}
		if math.Abs(got-float64(n)) > 0.1*float64(n) {
			t.Errorf("%d values counted as %.0f", n, got)
		}
		if got = estimate(s.add(words, 1, int64(1e18)+int64(3*time.Hour), int64(time.Hour), 1), of); got > 2 {
			t.Errorf("hours later: %.0f", got)
		}
	}
}

// TestBaseline wants quantiles near those of the values, and that jumps move them only slowly.
func TestBaseline(t *testing.T) {
	for name, q := range quantiles {
		r := rand.New(rand.NewPCG(5, 6))
		u := &usual{factor: 5, name: name, quantile: q, over: 7 * 24 * time.Hour}
		var b baseline
		at := int64(1e18)
		for range 20000 {
			at += int64(time.Minute)
			b.update(math.Exp(r.NormFloat64()*0.5), at, u)
		}
		want := map[string][2]float64{"mean": {1, 1.3}, "median": {0.85, 1.2}, "p99": {2.4, 4.4}}[name] // 1.13, 1 and 3.2 of the distribution
		if b.usual < want[0] || b.usual > want[1] {
			t.Errorf("%s is %.2f, want from %.2f to %.2f", name, b.usual, want[0], want[1])
		}
		before := b.usual
		for range 60 { // an hour of an attack
			at += int64(time.Minute)
			b.update(1e9, at, u)
		}
		if b.usual > before*1.6 {
			t.Errorf("%s went from %.2f to %.2f within an hour of values above all limits", name, before, b.usual)
		}
	}
}
