package gate

import (
	"testing"
	"time"

	"vedette"
)

func matched(key string, op vedette.Operation, actions ...vedette.IntelAction) *vedette.Call {
	c := order(key)
	c.Operation = op
	for _, a := range actions {
		c.Intel = append(c.Intel, vedette.IntelMatch{Feed: "f", Kind: vedette.IndicatorAddress, Confidence: 80, Action: a})
	}
	return c
}

// TestIntel: the strictest action of what a call matches decides, after the verdict and
// what people ordered.
func TestIntel(t *testing.T) {
	g := newGate(t, Config{Mode: Enforce}, vedette.Restriction{ID: "frozen", Kind: vedette.RestrictFreeze, Credential: "frozen"},
		vedette.Restriction{ID: "s", Kind: vedette.RestrictStepUp, Credential: "stepped"})
	f := func(c *vedette.Call, effect vedette.Effect, reason vedette.Reason) {
		t.Helper()
		if d := g.Decide(c, t0); d.Effect != effect || d.Reason != reason {
			t.Errorf("%+v, want %v %s", d, effect, reason)
		}
	}
	const flag, stepUp, refuse = vedette.IntelFlag, vedette.IntelStepUp, vedette.IntelDeny
	f(matched("k", vedette.OpOrderNew, flag, flag), vedette.Allow, "")
	f(matched("k", vedette.OpOrderNew, flag, refuse, stepUp), vedette.Deny, vedette.IntelMatched)
	f(matched("k", vedette.OpMarketRead, refuse), vedette.Deny, vedette.IntelMatched)
	f(matched("k", vedette.OpOrderNew, stepUp, flag), vedette.StepUp, vedette.IntelMatched)
	f(matched("k", vedette.OpMarketRead, stepUp), vedette.Allow, "")
	f(matched("frozen", vedette.OpOrderNew, refuse), vedette.Deny, vedette.Frozen)
	f(matched("stepped", vedette.OpOrderNew, refuse), vedette.Deny, vedette.IntelMatched)
	f(matched("stepped", vedette.OpOrderNew, flag), vedette.StepUp, vedette.StepUpNeeded)
	forged := matched("k", vedette.OpOrderNew, refuse)
	forged.Verdict = vedette.Forged
	f(forged, vedette.Deny, vedette.BadSignature)

	fresh := matched("k", vedette.OpOrderNew, stepUp)
	fresh.AuthTime = t0.Add(-IntelMaxAge)
	f(fresh, vedette.Allow, "")
	fresh.AuthTime = t0.Add(-IntelMaxAge - time.Second)
	f(fresh, vedette.StepUp, vedette.IntelMatched)
	if err := g.StepUp(vedette.StepUpGrant{Venue: "v", Credential: "k", Until: t0.Add(time.Minute)}, t0, recorded); err != nil {
		t.Fatal(err)
	}
	f(matched("k", vedette.OpOrderNew, stepUp), vedette.Allow, "")
	f(matched("k", vedette.OpOrderNew, refuse), vedette.Deny, vedette.IntelMatched)
}

// TestIntelObserved: observe mode refuses nothing and says what it would.
func TestIntelObserved(t *testing.T) {
	g := newGate(t, Config{})
	d := g.Decide(matched("k", vedette.OpOrderNew, vedette.IntelDeny), t0)
	if d.Effect != vedette.Allow || !d.WouldDeny || d.Reason != vedette.IntelMatched {
		t.Errorf("%+v", d)
	}
}
