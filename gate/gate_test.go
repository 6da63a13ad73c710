package gate

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
)

func newGate(tb testing.TB, c Config, rs ...vedette.Restriction) *Gate {
	tb.Helper()
	g, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range rs {
		if _, err := g.Set(r, t0); err != nil {
			tb.Fatal(err)
		}
	}
	return g
}

func order(credential string) *vedette.Call {
	return &vedette.Call{Venue: "v", Credential: credential, Account: "acct", Owner: "owner", Verdict: vedette.Authentic,
		Source: netip.MustParseAddrPort("192.0.2.1:1"), Action: vedette.Action{Operation: vedette.OpOrderNew, Instrument: "BTCUSDT"}}
}

func TestValidation(t *testing.T) {
	g := newGate(t, Config{})
	bad := func(want string, r vedette.Restriction) {
		t.Helper()
		if _, err := g.Set(r, t0); err == nil || !strings.Contains(err.Error(), want) || len(g.List()) != 0 {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	type R = vedette.Restriction
	bad("kind", R{Credential: "k"})
	bad("kind", R{Kind: 99, Credential: "k"})
	bad("no scope", R{Kind: vedette.RestrictFreeze})
	bad("no scope", R{Kind: vedette.RestrictOperation, Operation: vedette.OpWithdraw})
	bad("kill", R{Kind: vedette.RestrictKill, Credential: "k"})
	bad("needs a source", R{Kind: vedette.RestrictBlock, Venue: "v"})
	bad("not an address", R{Kind: vedette.RestrictBlock, Source: "192.0.2"})
	bad("not an address", R{Kind: vedette.RestrictBlock, Source: "::ffff:192.0.2.0/120"})
	bad("want 192.0.2.0/24", R{Kind: vedette.RestrictBlock, Source: "192.0.2.1/24"})
	bad("needs an operation", R{Kind: vedette.RestrictOperation, Venue: "v"})
	bad("no use with freeze", R{Kind: vedette.RestrictFreeze, Venue: "v", Operation: vedette.OpWithdraw})
	bad("operation is unknown", R{Kind: vedette.RestrictOperation, Venue: "v", Operation: 200})
	bad("no use with freeze", R{Kind: vedette.RestrictFreeze, Venue: "v", Rate: 1})
	bad("needs a rate", R{Kind: vedette.RestrictThrottle, Venue: "v", Burst: 1})
	bad("rate", R{Kind: vedette.RestrictThrottle, Venue: "v", Rate: -1})
	bad("rate", R{Kind: vedette.RestrictThrottle, Venue: "v", Rate: 1e-9})
	bad("burst", R{Kind: vedette.RestrictThrottle, Venue: "v", Rate: 1, Burst: -1})
	bad("past", R{Kind: vedette.RestrictFreeze, Venue: "v", Until: t0})
	bad("ahead", R{Kind: vedette.RestrictFreeze, Venue: "v", From: t0.Add(time.Hour)})
	bad("instrument has", R{Kind: vedette.RestrictFreeze, Instrument: strings.Repeat("x", 65)})
	bad("credential has", R{Kind: vedette.RestrictFreeze, Credential: strings.Repeat("x", 2000)})
	bad("reason has", R{Kind: vedette.RestrictFreeze, Venue: "v", Reason: strings.Repeat("x", 5000)})
	for _, c := range []Config{{Mode: 7}, {TableSize: -1}, {TableSize: maxTable + 1}, {Limits: Limits{Source: Limit{-1, 0}}},
		{Limits: Limits{Source: Limit{0, 5}}}, {Venues: map[string]Venue{"v": {Limits: &Limits{Account: Limit{2e6, 0}}}}}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v taken", c)
		}
	}
	if err := g.Configure(Config{Mode: 7}); err == nil {
		t.Error("mode 7 taken")
	}
}

func TestSetFillsIn(t *testing.T) {
	g := newGate(t, Config{})
	a, err := g.Set(vedette.Restriction{Kind: vedette.RestrictBlock, Source: "::ffff:192.0.2.1"}, t0)
	if err != nil || a.ID == "" || !a.From.Equal(t0) || a.Source != "192.0.2.1" {
		t.Fatalf("%+v %v", a, err)
	}
	if _, err := g.Set(vedette.Restriction{Kind: vedette.RestrictBlock, Source: "::ffff:192.0.2.1"}, t0); err != nil || len(g.List()) != 1 {
		t.Error("the same restriction twice makes two")
	}
}

func TestFreeze(t *testing.T) {
	freeze := vedette.Restriction{Kind: vedette.RestrictFreeze, ID: "f", Credential: "k"}
	g := newGate(t, Config{Mode: Enforce}, freeze)
	strict := newGate(t, Config{Mode: Enforce, FreezeRefusesCancel: true}, freeze)
	for op, want := range map[vedette.Operation][2]bool{vedette.OpOrderNew: {false, false}, vedette.OpOrderAmend: {false, false},
		vedette.OpWithdraw: {false, false}, vedette.OpAccountRead: {false, false}, vedette.OpUnknown: {false, false}, vedette.OpSessionLogin: {false, false},
		vedette.OpMarketRead: {true, true}, vedette.OpSessionLogout: {true, true}, vedette.OpOrderCancel: {true, false}, vedette.OpOrderCancelAll: {true, false}} {
		c := order("k")
		c.Operation = op
		for i, g := range []*Gate{g, strict} {
			d := g.Decide(c, t0)
			if d.Refused() == want[i] || d.Refused() && d != (vedette.Decision{Effect: vedette.Deny, Reason: vedette.Frozen, Restriction: "f"}) {
				t.Errorf("%s: %+v", op, d)
			}
		}
	}
	c := order("k")
	c.Operation, c.Batch = vedette.OpOrderBatch, []vedette.Action{{Operation: vedette.OpOrderCancel}, {Operation: vedette.OpOrderCancel}}
	if g.Decide(c, t0).Refused() {
		t.Error("a batch of cancels refused")
	}
	c.Batch[1].Operation = vedette.OpOrderNew
	if !g.Decide(c, t0).Refused() {
		t.Error("a new order hidden among cancels let through")
	}
	if d := g.Decide(order("other"), t0); d != (vedette.Decision{Effect: vedette.Allow}) {
		t.Errorf("another credential: %+v", d)
	}
	c = order("signer")
	c.Joint = "k"
	if d := g.Decide(c, t0); d.Restriction != "f" {
		t.Errorf("a signer's call for a frozen joint account: %+v", d)
	}
	c.Credential, c.Joint = "k", "account"
	if d := g.Decide(c, t0); d.Restriction != "f" {
		t.Errorf("a frozen signer's call for a joint account: %+v", d)
	}
}

func TestKinds(t *testing.T) {
	test := func(r vedette.Restriction, op vedette.Operation, want vedette.Decision) {
		t.Helper()
		r.ID = "r"
		if want.Refused() {
			want.Restriction = "r"
		}
		c := order("k")
		c.Operation = op
		if d := newGate(t, Config{Mode: Enforce}, r).Decide(c, t0); d != want {
			t.Errorf("%s of %s: %+v", r.Kind, op, d)
		}
	}
	type R = vedette.Restriction
	allow := vedette.Decision{Effect: vedette.Allow}
	deny := func(r vedette.Reason) vedette.Decision { return vedette.Decision{Effect: vedette.Deny, Reason: r} }
	test(R{Kind: vedette.RestrictKill}, vedette.OpMarketRead, deny(vedette.Killed))
	test(R{Kind: vedette.RestrictBlock, Source: "192.0.2.0/28"}, vedette.OpMarketRead, deny(vedette.AddressDenied))
	test(R{Kind: vedette.RestrictBlock, Source: "192.0.2.16/28"}, vedette.OpOrderNew, allow)
	test(R{Kind: vedette.RestrictBlock, Source: "2001:db8::/32"}, vedette.OpOrderNew, allow)
	test(R{Kind: vedette.RestrictReadOnly, Owner: "owner"}, vedette.OpOrderCancel, deny(vedette.ReadOnly))
	test(R{Kind: vedette.RestrictReadOnly, Owner: "owner"}, vedette.OpUnknown, deny(vedette.ReadOnly))
	test(R{Kind: vedette.RestrictReadOnly, Owner: "owner"}, vedette.OpAccountRead, allow)
	test(R{Kind: vedette.RestrictOperation, Account: "acct", Operation: vedette.OpWithdraw}, vedette.OpWithdraw, deny(vedette.OperationDenied))
	test(R{Kind: vedette.RestrictOperation, Account: "acct", Operation: vedette.OpWithdraw}, vedette.OpTransfer, allow)
	test(R{Kind: vedette.RestrictStepUp, Instrument: "btcusdt"}, vedette.OpOrderNew, vedette.Decision{Effect: vedette.StepUp, Reason: vedette.StepUpNeeded})
	test(R{Kind: vedette.RestrictStepUp, Instrument: "btcusdt"}, vedette.OpSessionLogin, allow)
	test(R{Kind: vedette.RestrictFreeze, Credential: "k", Venue: "w"}, vedette.OpOrderNew, allow)
	test(R{Kind: vedette.RestrictFreeze, Credential: "k", Account: "other"}, vedette.OpOrderNew, allow)
}

func TestDefaults(t *testing.T) {
	g := newGate(t, Config{Mode: Enforce})
	decide := func(v vedette.Verdict, op vedette.Operation) vedette.Decision {
		c := order("k")
		c.Verdict, c.Operation = v, op
		return g.Decide(c, t0)
	}
	for _, v := range []vedette.Verdict{vedette.Forged, vedette.Stale, vedette.Replayed, vedette.Unauthorised, vedette.Malformed} {
		for op := range vedette.Operations {
			if !decide(v, vedette.Operation(op)).Refused() {
				t.Errorf("%s %s let through", v, vedette.Operation(op))
			}
		}
	}
	for _, v := range []vedette.Verdict{vedette.Anonymous, vedette.Unverifiable} {
		if !decide(v, vedette.OpOrderNew).Refused() || decide(v, vedette.OpMarketRead).Refused() || decide(v, vedette.OpUnknown).Refused() {
			t.Errorf("%s: not as documented", v)
		}
	}
	full := order("k")
	full.Verdict, full.Reasons = vedette.Unverifiable, []vedette.Reason{vedette.ReplayFull}
	for op := range vedette.Operations {
		full.Operation = vedette.Operation(op)
		if d := g.Decide(full, t0); d.Refused() != (full.Operation != vedette.OpMarketRead) || d.Refused() && d.Reason != vedette.ReplayFull {
			t.Errorf("%s without room in the replay window: %+v", full.Operation, d)
		}
	}
	g.Degraded("ledger", "disk full")
	if d := decide(vedette.Authentic, vedette.OpWithdraw); d != (vedette.Decision{Effect: vedette.Deny, Reason: vedette.FailClosed}) {
		t.Errorf("withdrawal while failing: %+v", d)
	}
	if d := decide(vedette.Authentic, vedette.OpOrderNew); d != (vedette.Decision{Effect: vedette.Allow, Reason: vedette.FailOpen}) {
		t.Errorf("order while failing: %+v", d)
	}
	if !decide(vedette.Unverifiable, vedette.OpOrderNew).Refused() {
		t.Error("a failing ledger must not let the unverifiable through")
	}
	if g.Failing()["ledger"] != "disk full" {
		t.Error("failure not shown")
	}
	g.Degraded(Keyring, "cannot be read")
	if d := decide(vedette.Unverifiable, vedette.OpOrderNew); d.Reason != vedette.FailOpen || d.Refused() {
		t.Errorf("order without the keyring: %+v", d)
	}
	if d := decide(vedette.Unverifiable, vedette.OpKeyCreate); d.Reason != vedette.FailClosed {
		t.Errorf("key creation without the keyring: %+v", d)
	}
	g.Recovered(Keyring)
	g.Recovered("ledger")
	if d := decide(vedette.Authentic, vedette.OpWithdraw); d != (vedette.Decision{Effect: vedette.Allow}) || g.Failing() != nil {
		t.Errorf("after recovery: %+v", d)
	}
	c := order("k")
	c.Batch = make([]vedette.Action, maxBatch+1)
	if d := g.Decide(c, t0); d.Reason != vedette.TooLarge {
		t.Errorf("huge batch: %+v", d)
	}
}

func TestNobodyUsesUpAnothersLimit(t *testing.T) {
	g := newGate(t, Config{Mode: Enforce, Limits: Limits{Credential: Limit{1, 1}, Account: Limit{1, 1}, Source: Limit{1, 1}}},
		vedette.Restriction{ID: "t", Kind: vedette.RestrictThrottle, Credential: "k", Rate: 1, Burst: 1})
	for _, v := range []vedette.Verdict{vedette.Forged, vedette.Anonymous, vedette.Unverifiable} {
		c := order("k")
		c.Verdict, c.Operation = v, vedette.OpMarketRead
		for range 5 {
			g.Decide(c, t0)
		}
	}
	if d := g.Decide(order("k"), t0); d.Refused() {
		t.Errorf("calls of others count: %+v", d)
	}
	if d := g.Decide(order("k"), t0); d.Effect != vedette.Throttle || d.RetryAfterMS != 1000 {
		t.Errorf("second call: %+v", d)
	}
}

// A refused call counts towards nothing, not even where there was room.
func TestRefusedCallsAreGivenBack(t *testing.T) {
	throttle := func(id string, r vedette.Restriction, burst int) vedette.Restriction {
		r.ID, r.Kind, r.Rate, r.Burst = id, vedette.RestrictThrottle, 0.001, burst
		return r
	}
	test := func(name string, g *Gate, narrow, wide *vedette.Call) {
		t.Helper()
		if g.Decide(narrow, t0).Refused() {
			t.Errorf("%s: first call refused", name)
		}
		for range 10 {
			if !g.Decide(narrow, t0).Refused() {
				t.Errorf("%s: narrow limit not kept", name)
			}
		}
		for i := range 2 {
			wide.Account = fmt.Sprint("other-", i)
			if d := g.Decide(wide, t0); d.Refused() {
				t.Errorf("%s: call %d of the wide limit was used up by refused ones: %+v", name, i, d)
			}
		}
		if !g.Decide(wide, t0).Refused() {
			t.Errorf("%s: wide limit not kept", name)
		}
	}
	test("throttles", newGate(t, Config{Mode: Enforce}, throttle("a", vedette.Restriction{Credential: "k"}, 3),
		throttle("b", vedette.Restriction{Account: "acct"}, 1)), order("k"), order("k"))
	test("throttle and limit", newGate(t, Config{Mode: Enforce, Limits: Limits{Account: Limit{0.001, 1}}},
		throttle("a", vedette.Restriction{Credential: "k"}, 3)), order("k"), order("k"))
	test("limits", newGate(t, Config{Mode: Enforce, Limits: Limits{Credential: Limit{0.001, 3}, Account: Limit{0.001, 1}}}), order("k"), order("k"))
	test("source and account", newGate(t, Config{Mode: Enforce, Limits: Limits{Source: Limit{0.001, 3}, Account: Limit{0.001, 1}}}), order("k"), order("k2"))
}

// A batch counts once, however often it names the instrument of a throttle.
func TestBatchCountsOnce(t *testing.T) {
	g := newGate(t, Config{Mode: Enforce}, vedette.Restriction{ID: "t", Kind: vedette.RestrictThrottle, Instrument: "btcusdt", Rate: 0.001, Burst: 2})
	c := order("k")
	c.Operation = vedette.OpOrderBatch
	for range 5 {
		c.Batch = append(c.Batch, vedette.Action{Operation: vedette.OpOrderNew, Instrument: "BTCUSDT"})
	}
	for i, instrument := range []string{"", "BtcUsdt"} {
		c.Instrument = instrument
		if d := g.Decide(c, t0); d.Refused() {
			t.Errorf("batch %d: %+v", i, d)
		}
	}
	if !g.Decide(c, t0).Refused() {
		t.Error("third batch let through")
	}
}

func TestConfigure(t *testing.T) {
	g := newGate(t, Config{}, vedette.Restriction{ID: "x", Kind: vedette.RestrictKill, Venue: "v"})
	if d := g.Decide(order("k"), t0); d != (vedette.Decision{Effect: vedette.Allow, Reason: vedette.Killed, Restriction: "x", WouldDeny: true}) {
		t.Errorf("observing: %+v", d)
	}
	if err := g.Configure(Config{Mode: Enforce}); err != nil {
		t.Fatal(err)
	}
	if d := g.Decide(order("k"), t0); d != (vedette.Decision{Effect: vedette.Deny, Reason: vedette.Killed, Restriction: "x"}) {
		t.Errorf("enforcing: %+v", d)
	}
	c := order("k")
	c.Venue = "w"
	if g.Decide(c, t0).Refused() {
		t.Error("kill of another venue")
	}
	if _, err := g.Set(vedette.Restriction{ID: "a", Kind: vedette.RestrictStepUp, Account: "acct", Operation: vedette.OpOrderNew}, t0); err != nil {
		t.Fatal(err)
	}
	if d := g.Decide(c, t0); d.Effect != vedette.StepUp || d.Restriction != "a" {
		t.Errorf("step-up: %+v", d)
	}
}

func TestOnChange(t *testing.T) {
	var log []string
	fail := false
	var g *Gate
	g = newGate(t, Config{OnChange: func(c Change) error {
		log = append(log, fmt.Sprint(c.Kind, c.Restriction.ID, len(g.List())))
		if fail {
			return errors.New("disk full")
		}
		return nil
	}})
	set := func(id string, until time.Time) error {
		_, err := g.Set(vedette.Restriction{ID: id, Kind: vedette.RestrictFreeze, Credential: "k", Until: until}, t0)
		return err
	}
	set("a", t0.Add(time.Second))
	set("b", time.Time{})
	gone, err := g.Expire(t0.Add(time.Second))
	if err != nil || len(gone) != 1 || gone[0].ID != "a" {
		t.Errorf("expired: %v %v", gone, err)
	}
	if _, err := g.Lift("b"); err != nil {
		t.Error(err)
	}
	if _, err := g.Lift("b"); !errors.Is(err, ErrUnknown) {
		t.Errorf("lifted twice: %v", err)
	}
	if got := strings.Join(log, ","); got != "0a1,0b2,2a1,1b0" {
		t.Errorf("changes %s", got)
	}
	fail = true
	if err := set("c", time.Time{}); !errors.Is(err, ErrNotSaved) || len(g.List()) != 1 {
		t.Errorf("not saved: %v", err)
	}
	if _, err := g.Lift("c"); !errors.Is(err, ErrNotSaved) || len(g.List()) != 0 {
		t.Errorf("not saved: %v", err)
	}
}

func TestLoad(t *testing.T) {
	throttle := vedette.Restriction{ID: "t", Kind: vedette.RestrictThrottle, Credential: "k", Rate: 0.001, Burst: 1}
	g := newGate(t, Config{Mode: Enforce, OnChange: func(Change) error { return nil }}, throttle,
		vedette.Restriction{ID: "old", Kind: vedette.RestrictFreeze, Credential: "k2"})
	g.Decide(order("k"), t0)
	err := g.Load([]vedette.Restriction{throttle, {ID: "bad", Kind: vedette.RestrictBlock, Source: "x"},
		{ID: "past", Kind: vedette.RestrictFreeze, Credential: "k", Until: t0},
		{ID: "new", Kind: vedette.RestrictFreeze, Credential: "k3", From: t0.Add(time.Hour)}}, t0)
	if err == nil || !strings.Contains(err.Error(), `"bad"`) || strings.Contains(err.Error(), "past") {
		t.Errorf("error %v", err)
	}
	if l := g.List(); len(l) != 2 || l[0].ID != "new" || l[1].ID != "t" {
		t.Errorf("in force: %+v", l)
	}
	if !g.Decide(order("k"), t0).Refused() {
		t.Error("the throttle's bucket was refilled by loading")
	}
	if g.Decide(order("k2"), t0).Refused() || !g.Decide(order("k3"), t0).Refused() {
		t.Error("not the loaded restrictions decide")
	}
}

// A restriction decides from the moment that Set returns until that when Lift does,
// whatever other changes go on.
func TestChangesAreSeenAtOnce(t *testing.T) {
	g := newGate(t, Config{Mode: Enforce}, vedette.Restriction{ID: "fixed", Kind: vedette.RestrictFreeze, Credential: "fixed"})
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			if !g.Decide(order("fixed"), t0).Refused() {
				t.Error("a restriction was lost for a moment")
				return
			}
		}
	})
	for w := range 3 {
		wg.Go(func() {
			id := fmt.Sprint("k", w)
			for range 300 {
				if _, err := g.Set(vedette.Restriction{ID: id, Kind: vedette.RestrictFreeze, Credential: id}, t0); err != nil {
					t.Error(err)
				}
				if !g.Decide(order(id), t0).Refused() {
					t.Error("set, and not yet in force")
				}
				g.Lift(id)
				if g.Decide(order(id), t0).Refused() {
					t.Error("lifted, and still in force")
				}
			}
		})
	}
	for range 200 {
		g.Degraded("x", "y")
		g.Recovered("x")
	}
	time.AfterFunc(50*time.Millisecond, func() { stop.Store(true) })
	wg.Wait()
}

func TestTableKeepsWhoIsActive(t *testing.T) {
	tab, p := newTable(64), newPace(Limit{1, 10})
	now := t0.UnixNano()
	const real = uint64(12345)
	for range 10 {
		tab.take(real, p, now)
	}
	for i := range uint64(100_000) { // an attacker invents sources
		tab.take(i*0x9e3779b97f4a7c15, p, now)
	}
	if tab.take(real, p, now) == 0 {
		t.Error("an active subject was forgotten")
	}
	if tab.overflow.Load() == 0 {
		t.Error("overflow not counted")
	}
	later := now + int64(time.Minute)
	if tab.take(real, p, later) != 0 {
		t.Error("an idle subject is still limited")
	}
	before := tab.overflow.Load()
	if tab.take(999, p, later) != 0 || tab.overflow.Load() != before || tab.replaced.Load() == 0 {
		t.Error("idle subjects are not replaced")
	}
}

func TestPace(t *testing.T) {
	now := t0.UnixNano()
	var b bucket
	p := newPace(Limit{10, 5})
	passed := 0
	for i := range 1000 { // ten seconds, a call every 10 ms
		if b.take(p, now+int64(i)*1e7) == 0 {
			passed++
		}
	}
	if passed != 104 { // 5 at once, then 10 a second
		t.Errorf("%d calls passed", passed)
	}
	if b.take(p, now) != 0 {
		t.Error("the clock went back ten seconds, and the subject stands still")
	}
	if newPace(Limit{0.5, 0}).tolerance != 2e9 || newPace(Limit{2.5, 0}).tolerance != 3*4e8 {
		t.Error("burst does not default to a second's calls, at least one")
	}
	huge := newPace(Limit{minRate, maxBurst})
	if next, wait := huge.take(now+huge.tolerance, now); next < now || wait <= 0 {
		t.Error("overflow")
	}
}

func TestConcurrentLimit(t *testing.T) {
	g := newGate(t, Config{Mode: Enforce, Limits: Limits{Credential: Limit{0.001, 100}}},
		vedette.Restriction{ID: "t", Kind: vedette.RestrictThrottle, Account: "acct", Rate: 0.001, Burst: 50})
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if !g.Decide(order("k"), t0).Refused() {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := passed.Load(); n != 50 {
		t.Errorf("%d calls passed, want 50", n)
	}
}

func manyRestrictions(n int) (rs []vedette.Restriction) {
	for i := range n {
		r := vedette.Restriction{ID: fmt.Sprint("r", i), Kind: vedette.RestrictFreeze}
		switch i % 5 {
		case 0:
			r.Credential = fmt.Sprint("key-", i)
		case 1:
			r.Account = fmt.Sprint("account-", i)
		case 2:
			r.Owner = fmt.Sprint("owner-", i)
		case 3:
			r.Kind, r.Source = vedette.RestrictBlock, fmt.Sprintf("10.%d.%d.0/%d", i>>8&255, i&255, 24)
		case 4:
			r.Instrument = fmt.Sprint("COIN", i)
		}
		rs = append(rs, r)
	}
	return rs
}

func TestDecideAllocatesNothing(t *testing.T) {
	c := Config{Mode: Enforce, Limits: Limits{Credential: Limit{1e6, 1 << 20}, Account: Limit{1e6, 1 << 20}, Source: Limit{1e6, 1 << 20}},
		Venues: map[string]Venue{"v": {}}}
	g := newGate(t, c, vedette.Restriction{Kind: vedette.RestrictThrottle, Credential: "k", Rate: 1e6, Burst: 1 << 20})
	if err := g.Load(append(g.List(), manyRestrictions(1000)...), t0); err != nil {
		t.Fatal(err)
	}
	batch := order("k")
	batch.Operation, batch.Batch = vedette.OpOrderBatch, make([]vedette.Action, 20)
	v6 := order("k")
	v6.Source = netip.MustParseAddrPort("[2001:db8::1]:1")
	for _, call := range []*vedette.Call{order("k"), batch, v6} {
		now := t0
		if n := testing.AllocsPerRun(100, func() {
			now = now.Add(time.Millisecond)
			if g.Decide(call, now).Refused() {
				t.Fatal("refused")
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{0, 10_000} {
		for _, limits := range []bool{false, true} {
			b.Run(fmt.Sprintf("restrictions=%d/limits=%v", n, limits), func(b *testing.B) {
				c := Config{Mode: Enforce}
				if limits {
					c.Limits = Limits{Credential: Limit{1e6, 1 << 20}, Account: Limit{1e6, 1 << 20}, Source: Limit{1e6, 1 << 20}}
				}
				g := newGate(b, c)
				if err := g.Load(manyRestrictions(n), t0); err != nil {
					b.Fatal(err)
				}
				call, now := order("k"), t0
				b.ReportAllocs()
				for b.Loop() {
					now = now.Add(time.Microsecond)
					if g.Decide(call, now).Refused() {
						b.Fatal("refused")
					}
				}
			})
		}
	}
}

// BenchmarkSet is one freeze set and lifted among 10,000 restrictions.
func BenchmarkSet(b *testing.B) {
	g := newGate(b, Config{})
	if err := g.Load(manyRestrictions(10_000), t0); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		g.Set(vedette.Restriction{ID: "x", Kind: vedette.RestrictFreeze, Credential: "k"}, t0)
		g.Lift("x")
	}
}

// TestImpose: what is imposed is in force before it is saved, and not saved once it was lifted.
func TestImpose(t *testing.T) {
	var saved []string
	g, err := New(Config{Mode: Enforce, OnChange: func(c Change) error { saved = append(saved, c.Restriction.ID); return errors.New("disk full") }})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1767614400, 0)
	r := vedette.Restriction{ID: "r", Kind: vedette.RestrictFreeze, Venue: "v", Credential: "k", Until: now.Add(time.Hour)}
	c := &vedette.Call{Venue: "v", Credential: "k", Verdict: vedette.Authentic, Action: vedette.Action{Operation: vedette.OpOrderNew}}
	save, err := g.Impose(r, now)
	if err != nil || len(saved) != 0 || g.Decide(c, now).Reason != vedette.Frozen {
		t.Fatalf("%v, saved %v, %+v", err, saved, g.Decide(c, now))
	}
	if err := save(); !errors.Is(err, ErrNotSaved) || len(saved) != 1 {
		t.Errorf("%v, saved %v", err, saved)
	}
	r.ID = "s"
	if save, err = g.Impose(r, now); err != nil {
		t.Fatal(err)
	}
	g.Lift("s")
	n := len(saved)
	if err := save(); err != nil || len(saved) != n {
		t.Errorf("saved after it was lifted: %v %v", err, saved)
	}
	if _, err := g.Impose(vedette.Restriction{Kind: vedette.RestrictFreeze}, now); err == nil {
		t.Error("imposed without a scope")
	}
}

// TestExpireLeavesWhatIsImposed: what is imposed under the id of a restriction that has ended, while others expire,
// stays in force.
func TestExpireLeavesWhatIsImposed(t *testing.T) {
	now := time.Unix(1767614400, 0)
	r := func(id string) vedette.Restriction {
		return vedette.Restriction{ID: id, Kind: vedette.RestrictFreeze, Venue: "v", Credential: id, Until: now.Add(time.Hour)}
	}
	again := r("b")
	again.Until = now.Add(3 * time.Hour)
	var g *Gate
	g, err := New(Config{Mode: Enforce, OnChange: func(c Change) error {
		if c.Kind == Expired && c.Restriction.ID == "a" {
			_, err := g.Impose(again, now.Add(time.Hour))
			return err
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		if _, err := g.Set(r(id), now); err != nil {
			t.Fatal(err)
		}
	}
	now2 := now.Add(2 * time.Hour)
	gone, err := g.Expire(now2)
	if err != nil || len(gone) != 1 {
		t.Errorf("expired %v, %v", gone, err)
	}
	c := &vedette.Call{Venue: "v", Credential: "b", Verdict: vedette.Authentic, Action: vedette.Action{Operation: vedette.OpOrderNew}}
	if d := g.Decide(c, now2); d.Reason != vedette.Frozen {
		t.Errorf("what was imposed is gone: %+v", d)
	}
}
