package rule

import (
	"math/rand/v2"
	"testing"

	"vedette"
	"vedette/detect"
)

// TestAsks wants no event left out by the index that a detector has a use for.
func TestAsks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	status := []uint16{0, 200, 201, 299, 300, 400, 401, 403, 404, 405, 418, 429, 500, 501}
	hits, left := map[string]int{}, 0
	for range 100_000 {
		e := &detect.Event{Operation: vedette.Operation(r.IntN(vedette.Operations)), Verdict: vedette.Verdict(r.IntN(vedette.Verdicts)), Status: status[r.IntN(len(status))],
			Effect: vedette.Effect(r.IntN(4)), Object: r.Uint64(), Country: [2]byte{68, 69}, Reported: r.IntN(9) == 0}
		for i := range e.Subject {
			e.Subject[i] = uint64(r.IntN(3))
		}
		if r.IntN(2) == 0 {
			e.Reasons = detect.ReasonSet(r.Uint64())
		}
		if r.IntN(3) == 0 {
			e.Attacks, e.Suspect, e.Listed = vedette.Attacks(r.IntN(4)), r.IntN(2) == 0, uint8(r.IntN(2))
		}
		for _, d := range All() {
			switch wants, asked := d.When == nil || d.When(e), d.Asks == nil || d.Asks(e.Sort()); {
			case wants && !asked:
				t.Fatalf("%s is not asked of %+v", d.Name, e)
			case wants:
				hits[d.Name]++
			case !asked:
				left++
			}
		}
	}
	for _, d := range All() {
		if hits[d.Name] == 0 {
			t.Errorf("%s had a use for nothing: the test does not test it", d.Name)
		}
	}
	if left == 0 {
		t.Error("nothing is left out")
	}
}
