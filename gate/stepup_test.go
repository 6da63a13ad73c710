package gate

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vedette"
)

// stepUpGate enforces one step-up restriction on withdrawals of account acct.
func stepUpGate(t *testing.T, change func(*vedette.Restriction)) *Gate {
	t.Helper()
	r := vedette.Restriction{ID: "s", Kind: vedette.RestrictStepUp, Account: "acct", Operation: vedette.OpWithdraw}
	if change != nil {
		change(&r)
	}
	return newGate(t, Config{Mode: Enforce}, r)
}

func recorded() error { return nil }

func withdrawal(key string) *vedette.Call {
	c := order(key)
	c.Account, c.Operation = "acct", vedette.OpWithdraw
	return c
}

// TestStepUpOfCredential: who says that a credential's user authenticated more strongly
// lets it pass, until that ends, and nobody else.
func TestStepUpOfCredential(t *testing.T) {
	g := stepUpGate(t, nil)
	f := func(what string, c *vedette.Call, at time.Time, passes bool) {
		t.Helper()
		if d := g.Decide(c, at); d.Refused() == passes || !passes && (d.Effect != vedette.StepUp || d.Restriction != "s") {
			t.Errorf("%s: %+v", what, d)
		}
	}
	f("before", withdrawal("k"), t0, false)
	grant := vedette.StepUpGrant{Venue: order("k").Venue, Credential: "k", Until: t0.Add(10 * time.Minute)}
	if err := g.StepUp(grant, t0, recorded); err != nil {
		t.Fatal(err)
	}
	f("after", withdrawal("k"), t0, true)
	unrecorded := vedette.StepUpGrant{Venue: grant.Venue, Credential: "l", Until: grant.Until}
	if err := g.StepUp(unrecorded, t0, func() error { return errors.New("no room") }); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("not recorded: %v", err)
	}
	f("another key of the account", withdrawal("l"), t0, false)
	other := withdrawal("k")
	other.Venue = "elsewhere"
	f("the same id at another venue", other, t0, false)
	named := withdrawal("k")
	named.Verdict = vedette.Anonymous
	if g.steppedUp(g.rules["s"], named, t0, t0.UnixNano()) {
		t.Error("a call that only names the key passes")
	}
	f("at its end", withdrawal("k"), t0.Add(10*time.Minute), false)
	grant.Until = t0.Add(time.Hour)
	g.StepUp(grant, t0, recorded)
	g.Expire(t0.Add(59 * time.Minute))
	f("prolonged", withdrawal("k"), t0.Add(59*time.Minute), true)
	g.Expire(t0.Add(time.Hour))
	if len(g.stepUps.m) != 0 {
		t.Error("an ended step-up is kept")
	}
}

func TestStepUpIsBounded(t *testing.T) {
	g := stepUpGate(t, nil)
	f := func(want string, s vedette.StepUpGrant) {
		t.Helper()
		if err := g.StepUp(s, t0, recorded); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("name a venue and a credential", vedette.StepUpGrant{Venue: "v", Until: t0.Add(time.Minute)})
	f("is past", vedette.StepUpGrant{Venue: "v", Credential: "k"})
	f("is past", vedette.StepUpGrant{Venue: "v", Credential: "k", Until: t0})
	f("at most 24h", vedette.StepUpGrant{Venue: "v", Credential: "k", Until: t0.Add(25 * time.Hour)})
	f("cannot step up: credential has 4096 bytes, over 1024", vedette.StepUpGrant{Venue: "v", Credential: strings.Repeat("k", 4096), Until: t0.Add(time.Minute)})
	f("by has 2000 bytes, over 1024", vedette.StepUpGrant{Venue: "v", Credential: "k", By: strings.Repeat("a", 2000), Until: t0.Add(time.Minute)})
	g.stepUps.m = map[stepUpOf]int64{}
	for i := range maxStepUps {
		g.stepUps.m[stepUpOf{"v", fmt.Sprint(i)}] = t0.Add(time.Hour).UnixNano()
	}
	f("the limit", vedette.StepUpGrant{Venue: "v", Credential: "one more", Until: t0.Add(time.Minute)})
}

// TestStepUpOfToken: an access token satisfies the restriction by what it says of its user.
func TestStepUpOfToken(t *testing.T) {
	f := func(what string, change func(*vedette.Restriction), acr string, amr []string, at time.Time, passes bool) {
		t.Helper()
		g := stepUpGate(t, change)
		c := withdrawal("app/alice")
		c.ACR, c.AMR, c.AuthTime = acr, amr, at
		if d := g.Decide(c, t0.Add(time.Hour)); d.Refused() == passes {
			t.Errorf("%s: %+v", what, d)
		}
	}
	var never time.Time
	f("nothing said", nil, "", nil, never, false)
	f("authenticated before it was set", nil, "gold", []string{"otp"}, t0.Add(-time.Second), false)
	f("authenticated since", nil, "", nil, t0.Add(time.Second), true)
	acr := func(r *vedette.Restriction) { r.ACR = "gold platinum" }
	f("one of the classes", acr, "platinum", nil, never, true)
	f("another class", acr, "gold platinum", nil, t0.Add(time.Minute), false)
	f("no class", acr, "", nil, t0.Add(time.Minute), false)
	amr := func(r *vedette.Restriction) { r.AMR = "pwd hwk" }
	f("all of the methods", amr, "", []string{"hwk", "pwd"}, never, true)
	f("one of the methods", amr, "", []string{"hwk"}, never, false)
	age := func(r *vedette.Restriction) { r.MaxAge = 60 }
	f("young enough", age, "", nil, t0.Add(time.Hour-time.Minute), true)
	f("too old", age, "", nil, t0.Add(time.Hour-time.Minute-time.Second), false)
	f("no time", age, "", nil, never, false)
	both := func(r *vedette.Restriction) { r.ACR, r.MaxAge = "gold", 60 }
	f("class but old", both, "gold", nil, t0, false)
}

// TestClockJump sets the system's clock by an hour, to and fro: restrictions and step-ups
// end, and limits refill, by the time that passed.
func TestClockJump(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		var passed, off time.Duration
		now := func() time.Time { return t0.Add(passed + off) }
		g := newGate(t, Config{Mode: Enforce, Elapsed: func() time.Duration { return passed }, Limits: Limits{Credential: Limit{Rate: 1, Burst: 2}}})
		set := func(r vedette.Restriction) {
			t.Helper()
			if _, err := g.Set(r, now()); err != nil {
				t.Fatal(err)
			}
		}
		until := func(d time.Duration) time.Time { return now().Add(d) }
		f := func(what, key string, passes bool) {
			t.Helper()
			if d := g.Decide(order(key), now()); d.Refused() == passes {
				t.Errorf("jump of %v: %s: %+v", jump, what, d)
			}
		}
		set(vedette.Restriction{ID: "before", Kind: vedette.RestrictFreeze, Credential: "before", Until: until(10 * time.Minute)})
		set(vedette.Restriction{ID: "s", Kind: vedette.RestrictStepUp, Credential: "stepped"})
		g.StepUp(vedette.StepUpGrant{Venue: order("").Venue, Credential: "stepped", Until: until(10 * time.Minute)}, now(), recorded)
		f("first of a burst", "limited", true)
		f("second of a burst", "limited", true)

		off = jump
		set(vedette.Restriction{ID: "after", Kind: vedette.RestrictFreeze, Credential: "after", Until: until(10 * time.Minute)})
		f("third of a burst", "limited", false)
		passed = 9 * time.Minute
		if gone, _ := g.Expire(now()); len(gone) != 0 {
			t.Errorf("jump of %v: ended wrongly: %v", jump, gone)
		}
		f("frozen before the jump", "before", false)
		f("frozen after it", "after", false)
		f("stepped up before it", "stepped", true)
		f("refilled", "limited", true)
		f("refilled by two", "limited", true)
		f("and no more", "limited", false)
		off = 0
		f("frozen before, the clock set right", "before", false)
		f("frozen after, the clock set right", "after", false)
		passed = 10 * time.Minute
		f("before, ended", "before", true)
		f("after, ended", "after", true)
		f("step-up ended", "stepped", false)
		if gone, _ := g.Expire(now()); len(gone) != 2 {
			t.Errorf("jump of %v: %d ended, want 2", jump, len(gone))
		}
	}
}
