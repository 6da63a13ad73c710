package ruleset

import (
	"testing"

	"vedette"
	"vedette/sensor/capture"
)

func parse(line []byte) (*vedette.Call, bool, error) { return capture.ParseJudged(line, false) }

func defaults(t testing.TB) *Set {
	t.Helper()
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestPack runs the tests that the rules of the pack carry.
func TestPack(t *testing.T) {
	set := defaults(t)
	for _, r := range set.Rules {
		for _, res := range r.Test(parse) {
			if res.Err != nil {
				t.Errorf("%s:%d: %s: %s: %v", r.File, r.Line, r.ID, res.Test, res.Err)
			}
		}
		if len(r.Slow) > 0 {
			t.Errorf("%s: runs on the slow path: %q", r.ID, r.Slow)
		}
	}
	if n := len(set.Detectors()); n < 40 {
		t.Errorf("only %d rules are enabled, want 40", n)
	}
}
