package incident

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vedette"
)

func TestRisk(t *testing.T) {
	unit := rapid.Float64Range(0, 1)
	rapid.Check(t, func(t *rapid.T) {
		in := Input{rapid.SliceOfN(unit, 0, 6).Draw(t, "evidence"), unit.Draw(t, "exposure"), unit.Draw(t, "intel")}
		r := Risk(in)
		if r < 0 || r > 1 {
			t.Fatalf("risk %v of %+v", r, in)
		}
		up := func(name string, v float64) float64 { return v + (1-v)*unit.Draw(t, name) }
		const rounding = 1e-12
		more := in
		more.Exposure = up("more exposure", in.Exposure)
		higher := []Input{more}
		more = in
		more.Intel = up("more intel", in.Intel)
		higher = append(higher, more)
		more = in
		more.Evidence = append(slices.Clone(in.Evidence), unit.Draw(t, "one more"))
		higher = append(higher, more)
		for i := range in.Evidence {
			more = in
			more.Evidence = slices.Clone(in.Evidence)
			more.Evidence[i] = up("more evidence", in.Evidence[i])
			higher = append(higher, more)
		}
		for _, h := range higher {
			if Risk(h) < r-rounding {
				t.Fatalf("risk fell from %v to %v: %+v, %+v", r, Risk(h), in, h)
			}
		}
	})
	for s := vedette.Low; s < vedette.Critical; s++ {
		if Weight(s) >= Weight(s+1) {
			t.Errorf("%s counts as much as %s", s, s+1)
		}
	}
	if r := Risk(Input{Evidence: []float64{0.5, 0.5}, Exposure: 1}); r != 0.75 {
		t.Errorf("two witnesses: %v", r)
	}
}

// TestRepeats: one detector that fires often is no more than one that fires once.
func TestRepeats(t *testing.T) {
	j := New(Config{Exposure: known})
	first, _ := j.Join(finding(0, "x", "k", "alice", ""))
	again, _ := j.Join(finding(1, "x", "k", "alice", ""))
	other, _ := j.Join(finding(2, "y", "k", "alice", ""))
	if again.Risk != first.Risk || other.Risk <= first.Risk || again.Count != 2 {
		t.Errorf("%v, %v, %v", first.Risk, again.Risk, other.Risk)
	}
}

// TestFigures: exposure and intelligence raise the risk of an incident, and stay when a finding
// without them joins.
func TestFigures(t *testing.T) {
	risk := func(exposure, intel float64) float64 {
		first := true
		once := func(v float64) func(*vedette.Finding) float64 {
			return func(*vedette.Finding) float64 {
				if first {
					return v
				}
				return 0
			}
		}
		words := func(f *vedette.Finding) (float64, string) { return once(exposure)(f), "the key may trade" }
		j := New(Config{Exposure: words, Intel: once(intel)})
		j.Join(finding(0, "x", "k", "alice", ""))
		first = false
		i, _ := j.Join(finding(1, "x", "k", "alice", ""))
		if want := map[bool]string{true: "the key may trade"}[exposure > 0]; i.AtStake != want {
			t.Errorf("at stake: %q, want %q", i.AtStake, want)
		}
		return i.Risk
	}
	low := risk(0, 0)
	if risk(1, 0) <= low || risk(0, 1) <= low || risk(1, 1) <= max(risk(1, 0), risk(0, 1)) {
		t.Errorf("%v, %v, %v, %v", low, risk(1, 0), risk(0, 1), risk(1, 1))
	}
}

func TestRules(t *testing.T) {
	hour := func(r Rule) Rule {
		r.Reason, r.By, r.From, r.Until = "why", "ann", t0, t0.Add(time.Hour)
		return r
	}
	bad := map[string]Rule{"everything": {}, "no end": {Detector: "x", From: t0, Reason: "r", By: "b"}, "no reason": {Detector: "x", From: t0, Until: t0.Add(1), By: "b"},
		"too long": {Detector: "x", From: t0, Until: t0.Add(maxSuppression + 1), Reason: "r", By: "b"}, "before it begins": {Detector: "x", From: t0, Until: t0, Reason: "r", By: "b"},
		"no address": hour(Rule{Source: "there"}), "a venue": hour(Rule{Venue: "binance"})}
	for name, r := range bad {
		if _, err := NewRule(r); err == nil && name != "everything" {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := NewRule(hour(Rule{})); err == nil {
		t.Error("everything: taken")
	}
	long := strings.Repeat("x", 5000)
	for want, r := range map[string]Rule{"detector has 5000 bytes, over 1024": {Detector: long}, "venue has 5000 bytes, over 1024": {Detector: "x", Venue: long}, "account has 5000": {Credential: "k", Account: long},
		"owner has 5000": {Credential: "k", Owner: long}, "ja4 has 5000": {Credential: "k", JA4: long}, "instrument has 5000": {Credential: "k", Instrument: long}} {
		if _, err := NewRule(hour(r)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	wordy := hour(Rule{Detector: "x"})
	wordy.Reason = long
	if _, err := NewRule(wordy); err == nil || err.Error() != "cannot suppress: reason has 5000 bytes, over 4096" {
		t.Error(err)
	}
	f := func(r Rule, change func(*vedette.Finding), want bool) {
		t.Helper()
		r, err := NewRule(hour(r))
		if err != nil {
			t.Fatal(err)
		}
		j := New(Config{})
		if err := j.SetRules([]Rule{r}); err != nil {
			t.Fatal(err)
		}
		g := finding(1, "access.replay", "k", "alice", "198.51.100.7")
		change(g)
		_, joined := j.Join(g)
		if joined == want || Suppressed(g) != want || (g.Incident == "") != want || j.Stats().Suppressed != j.Rules()[0].Kept || (j.Rules()[0].Kept == 1) != want {
			t.Errorf("%+v: joined %v, %+v", r, joined, g)
		}
	}
	same := func(*vedette.Finding) {}
	f(Rule{Detector: "access.replay"}, same, true)
	f(Rule{Detector: "access."}, same, true)
	f(Rule{Detector: "access"}, same, false)
	f(Rule{Detector: "access.replay", Account: "bob"}, same, false)
	f(Rule{Source: "198.51.100.0/24"}, same, true)
	f(Rule{Source: "198.51.100.7"}, func(g *vedette.Finding) { g.Source = "198.51.100.0/24" }, false)
	f(Rule{Account: "alice"}, func(g *vedette.Finding) { g.Time = t0.Add(time.Hour) }, false)
	f(Rule{Account: "alice"}, func(g *vedette.Finding) { g.Time = t0.Add(-1) }, false)
	f(Rule{Account: "alice"}, func(g *vedette.Finding) { g.Severity = vedette.Critical }, true)
	f(Rule{Account: "alice", Expected: true}, same, true)
	f(Rule{Venue: "binance", Expected: true}, same, true)
	f(Rule{Account: "alice", Expected: true}, func(g *vedette.Finding) { g.Severity = vedette.Critical }, false)
	a, _ := NewRule(hour(Rule{Detector: "x"}))
	b, _ := NewRule(hour(Rule{Detector: "y"}))
	if a.ID == b.ID || a.ID == "" {
		t.Error("two rules have one id")
	}
}
