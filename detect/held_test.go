package detect

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"vedette"
)

// What is held comes out by its times, equal ones as they came, with the texts that it came with, however
// late calls are within the tolerance.
func TestHeldOrder(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		late := 1 + r.Int64N(int64(time.Second))
		var h held
		var want []int
		var at []int64
		var got []uint64
		buf := make([]byte, 1) // a sensor's buffer
		c := vedette.Call{Credential: unsafe.String(&buf[0], 1)}
		take := func(next func() (*vedette.Call, uint64, bool)) {
			for d, position, ok := next(); ok; d, position, ok = next() {
				if got = append(got, position); d.Credential[0] != byte(position) {
					t.Fatalf("seed %d: call %d has the text of %d", seed, position, d.Credential[0])
				}
			}
		}
		for i := range 2000 {
			now := int64(i) * int64(10*time.Millisecond)
			if r.IntN(1+int(seed%5)*10) > 0 { // of few, many or all
				now -= r.Int64N(late) / 1e6 * 1e6
			}
			c.Time, buf[0] = time.Unix(0, now), byte(i)
			if !h.add(&c, uint64(i), time.Second) {
				t.Fatalf("seed %d: call %d is late", seed, i)
			}
			want, at = append(want, i), append(at, now)
			take(h.next)
		}
		take(h.drain)
		slices.SortStableFunc(want, func(i, j int) int { return int(at[i] - at[j]) })
		if !slices.EqualFunc(got, want, func(g uint64, w int) bool { return g == uint64(w) }) {
			t.Fatalf("seed %d: the order differs", seed)
		}
	}
	var h held
	c := vedette.Call{Credential: "k"}
	if n := testing.AllocsPerRun(10_000, func() {
		c.Time = c.Time.Add(time.Millisecond)
		h.add(&c, 1, time.Second)
		for _, _, ok := h.next(); ok; _, _, ok = h.next() {
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestHeldForgetsLargeCalls: a few large calls do not make all memory that is used again large.
func TestHeldForgetsLargeCalls(t *testing.T) {
	var h held
	large, small := &vedette.Call{Client: strings.Repeat("x", 30<<10), Batch: make([]vedette.Action, 100)}, &vedette.Call{Client: "y"}
	for i := range 20_000 {
		c := small
		if i%10 == 0 && i < 15_000 {
			c = large
		}
		c.Time = time.UnixMilli(int64(i))
		h.add(c, 1, time.Second)
		for _, _, ok := h.next(); ok; _, _, ok = h.next() {
		}
	}
	for _, w := range append(h.spare, h.rising.list[h.rising.gone:]...) {
		if cap(w.text) > keptText || cap(w.call.Batch) > keptParts {
			t.Fatalf("a call of %d bytes keeps %d, and room for %d parts", len(w.call.Client), cap(w.text), cap(w.call.Batch))
		}
	}
}
