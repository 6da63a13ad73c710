package sim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/keyring"
	"vedette/sim/client"
)

func newWorld(t testing.TB, c Config) *World {
	t.Helper()
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// decisions lists what every trader decides first, and the plan of the attackers.
func decisions(w *World) string {
	var b strings.Builder
	for _, t := range w.traders {
		at := time.Duration(0)
		for range 300 {
			d := t.decide(at, w.meanGap(t), float64(at)/float64(w.config.Duration))
			at = d.at
			fmt.Fprintln(&b, t.name, d)
		}
	}
	for _, c := range w.plan {
		victim := ""
		if c.victim != nil {
			victim = c.victim.name
		}
		fmt.Fprintln(&b, c.kind, c.name, victim, c.start, c.actions, c.gap, c.source, c.agent, c.rng.Uint64())
	}
	return b.String()
}

func TestDecisionsFollowFromTheSeed(t *testing.T) {
	c := Config{Seed: 7, Addresses: true}
	a, b := newWorld(t, c), newWorld(t, c)
	c.Seed = 8
	other := newWorld(t, c)
	if a.KeysYAML() != b.KeysYAML() {
		t.Error("same seed, different keys")
	}
	if a.KeysYAML() == other.KeysYAML() {
		t.Error("another seed, the same keys")
	}
	x, y, z := decisions(a), decisions(b), decisions(other)
	if x != y {
		t.Error("same seed, different decisions")
	}
	if x == z {
		t.Error("another seed, the same decisions")
	}
	for _, op := range []string{"order.place", "order.cancelReplace", "order.amend.keepPriority", "order.cancel", "account.status", "withdraw/apply", "true"} {
		if !strings.Contains(x, op) {
			t.Errorf("nobody decides on %s", op)
		}
	}
}

func TestPlanAttacksEachSubjectOncePerKind(t *testing.T) {
	w := newWorld(t, Config{Seed: 3, Attacks: 60, Traders: 40})
	seen := map[string]bool{}
	for _, c := range w.plan {
		if c.victim == nil {
			continue
		}
		k := c.kind + c.victim.name
		if seen[k] {
			t.Errorf("%s twice", k)
		}
		seen[k] = true
		if c.actions < c.least || c.start > w.config.Duration*6/10 {
			t.Errorf("%s: %d actions from %v", k, c.actions, c.start)
		}
	}
}

// TestRun lets everybody loose on the bare venue. It has no defence against replays:
// those succeed, everything that a venue refuses by itself is refused.
func TestRun(t *testing.T) {
	w := newWorld(t, Config{Seed: 11, Rate: 500, Duration: 5 * time.Second, Addresses: true})
	run, err := w.Start(t.Context(), Target{w.REST(), w.WS()})
	if err != nil {
		t.Fatal(err)
	}
	r := run.Wait()
	if r.Failed > 0 || r.Audit != "ok" {
		t.Errorf("%d calls failed: %v; audit: %s", r.Failed, r.Failures, r.Audit)
	}
	if n := w.Venue().Requests(); n < r.Calls-50 || n > r.Calls+50 {
		t.Errorf("%d calls sent, %d reached the venue", r.Calls, n)
	}
	var kinds []string
	for i := range r.Injected {
		in := &r.Injected[i]
		kinds = append(kinds, in.Kind+"/"+in.Variant)
		checkInjection(t, w, in)
	}
	if r.Calls < 1500 {
		t.Logf("only %d calls: this machine is too busy for the rest", r.Calls)
		return
	}
	if r.Retried == 0 || r.Doubled == 0 || r.Rotated == 0 {
		t.Errorf("%d retried, %d doubled, %d rotated", r.Retried, r.Doubled, r.Rotated)
	}
	for _, v := range variants() {
		if !slices.Contains(kinds, v.kind+"/"+v.name) {
			t.Errorf("no campaign %s/%s in %v", v.kind, v.name, kinds)
		}
	}
	checkMarket(t, w)
}

func checkInjection(t *testing.T, w *World, in *Injection) {
	t.Helper()
	i := slices.IndexFunc(w.plan, func(c campaign) bool { return c.kind == in.Kind && c.name == in.Variant })
	c := w.plan[i]
	hears := slices.Contains([]string{"captured", "websocket", "moved", "altered"}, in.Variant) // and may have heard too little
	if in.Actions < 1 || in.Actions != c.actions && !hears || in.Source != c.source.String() || in.Request != "attack-"+in.Variant+"/1" || in.At.IsZero() || in.Last.Before(in.At) {
		t.Errorf("injection %+v, planned %d actions from %v", in, c.actions, c.source)
	}
	if in.Kind == KeyEnumeration {
		if in.Credential != "" || in.Subject != in.Source {
			t.Errorf("enumeration by %+v", in)
		}
	} else if in.Credential != c.victim.keys[0].ID || in.Subject != in.Credential || in.Account != c.victim.account {
		t.Errorf("injection %+v, planned against %s", in, c.victim.name)
	}
	switch in.Kind {
	case Replay, CrossEndpoint:
		for _, code := range []int{-1021, -1022, -1102, -2014, -2015} {
			if in.codes[code] {
				t.Errorf("%s/%s: the bare venue answers %d, as if the signature were no good", in.Kind, in.Variant, code)
			}
		}
	default:
		if in.Refused != in.Actions {
			t.Errorf("%s/%s: the venue let %d of %d through", in.Kind, in.Variant, in.Actions-in.Refused, in.Actions)
		}
	}
}

// checkMarket expects a market that lives: a book with two sides, and trades.
func checkMarket(t *testing.T, w *World) {
	t.Helper()
	for _, m := range markets {
		s, err := w.Exchange().Stats(m.Symbol)
		if err != nil || s.Trades < 5 || s.Bid.Price == 0 || s.Ask.Price == 0 {
			t.Errorf("%s: %+v, %v", m.Symbol, s, err)
		}
	}
}

// TestHarmlessHabits carries out single decisions: a lost call and a doubled read.
func TestHarmlessHabits(t *testing.T) {
	w := newWorld(t, Config{Seed: 1})
	run := &Run{world: w, target: Target{w.REST(), w.WS()}, done: make(chan struct{})}
	tr := w.traders[1]
	h := &hands{run: run, trader: tr, wire: run.wire(tr.name, tr.agent, tr).Open(callTimeout), signers: []*client.Signer{tr.signer(tr.keys[0], time.Now)}}
	defer h.close()
	order := client.P("symbol", "BTCUSDT", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "quantity", "0.01", "price", "19000", "newClientOrderId", "once")
	h.carryOut(t.Context(), &decision{op: client.OrderNew, params: order, lost: true})
	if open, _ := w.Exchange().Open(tr.account, ""); len(open) != 1 || run.quirks[retries].Load() != 1 || run.calls.Load() != 2 || w.Venue().Requests() != 1 {
		t.Errorf("%d orders, %d calls of which %d reached the venue", len(open), run.calls.Load(), w.Venue().Requests())
	}
	h.carryOut(t.Context(), &decision{op: client.Account, double: true})
	if run.quirks[duplicates].Load() != 1 || run.calls.Load() != 4 || run.refused.Load() != 0 || run.failed != 0 {
		t.Errorf("%d calls, %d refused, failures %v", run.calls.Load(), run.refused.Load(), run.failures)
	}
}

func TestReplayNeverHitsAMissedRequest(t *testing.T) {
	var tap wiretap
	if _, ok := tap.latest("k", func(heard) bool { return true }); ok {
		t.Fatal("heard what nobody said")
	}
}

func TestStopEndsEarly(t *testing.T) {
	w := newWorld(t, Config{Seed: 1, Rate: 100, Duration: time.Hour})
	run, err := w.Start(t.Context(), Target{w.REST(), w.WS()})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	begun := time.Now()
	run.Stop()
	if r := run.Wait(); r.Failed > 0 || time.Since(begun) > 3*time.Second {
		t.Errorf("stopped after %v: %+v", time.Since(begun), r)
	}
}

func TestConfigRefusals(t *testing.T) {
	for _, c := range []Config{{Traders: -1}, {Traders: maxTraders + 1}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v accepted", c)
		}
	}
	w := newWorld(t, Config{})
	if _, err := w.Start(t.Context(), Target{}); err == nil {
		t.Error("started without a target")
	}
}

func TestKeysMatchTheVenue(t *testing.T) {
	w := newWorld(t, Config{Seed: 5, Addresses: true})
	keys := w.Keys()
	perms := map[vedette.Permission]int{}
	for _, k := range keys {
		perms[k.Permissions]++
		if (k.Secret == "") == (k.PublicKey == "") || k.Venue != "binance" || !reflect.DeepEqual(k.Created.Location(), time.UTC) {
			t.Errorf("key %+v", k)
		}
	}
	specs, err := keyring.Importer{}.Read(strings.NewReader(w.KeysYAML()), "")
	if err != nil || len(specs) != len(keys) {
		t.Errorf("the keyring reads %d of %d keys: %v", len(specs), len(keys), err)
	}
	if len(keys) != 22 || len(perms) != 3 {
		t.Errorf("%d keys with permissions %v", len(keys), perms)
	}
}
