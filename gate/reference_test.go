package gate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vedette"
)

var t0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// reference decides as Gate does, by looking at every restriction, with buckets
// that count in floating point. It shares no code with the gate.
type reference struct {
	c        Config
	rs       map[string]vedette.Restriction
	buckets  map[string]*float64 // tokens
	filled   map[string]time.Time
	failing  map[Part]string
	policies map[string]*Policy
}

func (g *reference) tokens(key string, l Limit, now time.Time) *float64 {
	burst := float64(l.Burst)
	if l.Burst == 0 {
		burst = max(1, float64(int(l.Rate+0.999999)))
	}
	if g.buckets[key] == nil {
		g.buckets[key], g.filled[key] = new(float64), now
		*g.buckets[key] = burst
	}
	b := g.buckets[key]
	*b = min(burst, *b+now.Sub(g.filled[key]).Seconds()*l.Rate)
	g.filled[key] = now
	return b
}

func (g *reference) decide(c *vedette.Call, now time.Time) vedette.Decision {
	d := g.enforce(c, now)
	if g.c.Mode == Observe && d.Effect > vedette.Allow {
		d = vedette.Decision{Effect: vedette.Allow, WouldDeny: true, Reason: d.Reason, Restriction: d.Restriction}
	}
	return d
}

func (g *reference) enforce(c *vedette.Call, now time.Time) vedette.Decision {
	parts := []vedette.Operation{c.Operation}
	instruments := []string{strings.ToLower(c.Instrument)}
	for _, p := range c.Batch {
		parts, instruments = append(parts, p.Operation), append(instruments, strings.ToLower(p.Instrument))
	}
	does := parts
	if len(c.Batch) > 0 && c.Operation == vedette.OpOrderBatch {
		does = parts[1:]
	}
	var hits []vedette.Restriction
	for _, r := range g.rs {
		source := true
		if r.Source != "" {
			p, err := netip.ParsePrefix(r.Source)
			if err != nil {
				a := netip.MustParseAddr(r.Source)
				p = netip.PrefixFrom(a, a.BitLen())
			}
			source = p.Contains(c.Source.Addr().Unmap())
		}
		match := func(want, have string) bool { return want == "" || want == have }
		if source && match(r.Venue, c.Venue) && match(r.Credential, c.Credential) && match(r.Account, c.Account) && match(r.Owner, c.Owner) &&
			(r.Instrument == "" || slices.Contains(instruments, strings.ToLower(r.Instrument))) &&
			(r.Operation == 0 || slices.Contains(parts, r.Operation)) && (r.Until.IsZero() || now.Before(r.Until)) {
			hits = append(hits, r)
		}
	}
	slices.SortFunc(hits, func(a, b vedette.Restriction) int { return cmp.Compare(a.ID, b.ID) })
	first := func(k vedette.RestrictionKind, effect vedette.Effect, reason vedette.Reason, refuses func(vedette.Operation) bool) (d vedette.Decision) {
		for _, r := range hits {
			named := k == vedette.RestrictStepUp && r.Operation != 0
			if r.Kind == k && d.Effect == 0 && (named || slices.ContainsFunc(does, refuses)) {
				d = vedette.Decision{Effect: effect, Reason: reason, Restriction: r.ID}
			}
		}
		return d
	}
	always := func(vedette.Operation) bool { return true }
	if d := first(vedette.RestrictKill, vedette.Deny, vedette.Killed, always); d.Effect != 0 {
		return d
	}
	if d := first(vedette.RestrictBlock, vedette.Deny, vedette.AddressDenied, always); d.Effect != 0 {
		return d
	}
	policy := g.c.Policy
	if p := g.policies[c.Venue]; p != nil {
		policy = p
	}
	refused, closed, unchecked := false, false, false
	for _, op := range parts {
		refused = refused || policy[op].Refuse.Has(c.Verdict)
		closed = closed || policy[op].FailClosed
		unchecked = unchecked || !policy[op].ReplayOpen
	}
	full := c.Verdict == vedette.Unverifiable && slices.Contains(c.Reasons, vedette.ReplayFull)
	if full && unchecked {
		return vedette.Decision{Effect: vedette.Deny, Reason: vedette.ReplayFull}
	}
	if _, down := g.failing[Keyring]; refused && !full && !(down && c.Verdict == vedette.Unverifiable) {
		reason := vedette.Reason("")
		if len(c.Reasons) > 0 {
			reason = c.Reasons[0]
		}
		if reason == vedette.StepUpNeeded && c.Verdict == vedette.Unauthorised {
			return vedette.Decision{Effect: vedette.StepUp, Reason: reason}
		}
		if reason == "" {
			reason = map[vedette.Verdict]vedette.Reason{vedette.Unjudged: "fail_closed", vedette.Forged: "bad_signature", vedette.Stale: "window_passed",
				vedette.Replayed: "signature_reused", vedette.Unauthorised: "permission", vedette.Malformed: "bad_encoding",
				vedette.Anonymous: "no_signature", vedette.Unverifiable: "no_secret"}[c.Verdict]
		}
		return vedette.Decision{Effect: vedette.Deny, Reason: reason}
	}
	allow := vedette.Decision{Effect: vedette.Allow}
	if len(g.failing) > 0 || c.Verdict == vedette.Unjudged || slices.Contains(c.Reasons, vedette.ReplayFull) {
		if closed {
			return vedette.Decision{Effect: vedette.Deny, Reason: vedette.FailClosed}
		}
		allow.Reason = vedette.FailOpen
	}
	if d := first(vedette.RestrictFreeze, vedette.Deny, vedette.Frozen, func(op vedette.Operation) bool {
		cancel := op == vedette.OpOrderCancel || op == vedette.OpOrderCancelAll
		return op != vedette.OpMarketRead && op != vedette.OpSessionLogout && !(cancel && !g.c.FreezeRefusesCancel)
	}); d.Effect != 0 {
		return d
	}
	if d := first(vedette.RestrictReadOnly, vedette.Deny, vedette.ReadOnly, vedette.Operation.Changes); d.Effect != 0 {
		return d
	}
	if d := first(vedette.RestrictOperation, vedette.Deny, vedette.OperationDenied, always); d.Effect != 0 {
		return d
	}
	if d := first(vedette.RestrictStepUp, vedette.StepUp, vedette.StepUpNeeded, func(op vedette.Operation) bool {
		return op != vedette.OpMarketRead && op != vedette.OpSessionLogin && op != vedette.OpSessionLogout && op != vedette.OpUserLogin
	}); d.Effect != 0 {
		return d
	}
	if d := g.throttle(c, hits, now); d.Effect != 0 {
		return d
	}
	return allow
}

func (g *reference) throttle(c *vedette.Call, hits []vedette.Restriction, now time.Time) vedette.Decision {
	var all []*float64
	full := false
	add := func(key string, l Limit) {
		if l.Rate > 0 {
			b := g.tokens(key, l, now)
			all = append(all, b)
			full = full || *b < 1-1e-6
		}
	}
	authentic := c.Verdict == vedette.Authentic
	for _, r := range hits {
		if r.Kind == vedette.RestrictThrottle && (authentic || r.Credential+r.Account+r.Owner == "") {
			add("r "+r.ID, Limit{r.Rate, r.Burst})
		}
	}
	l := g.c.Limits
	if v, ok := g.c.Venues[c.Venue]; ok && v.Limits != nil {
		l = *v.Limits
	}
	a := c.Source.Addr().Unmap()
	if a.Is6() {
		p, _ := a.Prefix(64)
		a = p.Addr()
	}
	if a.IsValid() {
		add(fmt.Sprint("s ", authentic, c.Venue, a), l.Source)
	}
	if authentic && c.Credential != "" {
		add("c "+c.Venue+c.Credential, l.Credential)
	}
	if authentic && c.Account != "" {
		add("a "+c.Venue+c.Account, l.Account)
	}
	if full {
		return vedette.Decision{Effect: vedette.Throttle, Reason: vedette.Throttled}
	}
	for _, b := range all {
		*b--
	}
	return vedette.Decision{}
}

// Generators over few values, so that scopes and calls meet often.
var (
	genVenue      = rapid.SampledFrom([]string{"a", "b"})
	genCredential = rapid.SampledFrom([]string{"", "k1", "k2"})
	genAccount    = rapid.SampledFrom([]string{"", "acct"})
	genOwner      = rapid.SampledFrom([]string{"", "owner"})
	genInstrument = rapid.SampledFrom([]string{"", "BTCUSDT", "btcusdt", "ETHUSDT", strings.Repeat("X", 70)})
	genAddress    = rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.77", "198.51.100.1", "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "::ffff:192.0.2.1"})
	genOperation  = rapid.OneOf(rapid.SampledFrom([]vedette.Operation{vedette.OpOrderNew, vedette.OpOrderCancel, vedette.OpWithdraw}),
		rapid.Map(rapid.IntRange(0, vedette.Operations-1), func(i int) vedette.Operation { return vedette.Operation(i) }))
	genLimit = rapid.SampledFrom([]Limit{{}, {}, {1, 1}, {2, 3}, {0.5, 0}, {10, 2}})
)

func genCall(t *rapid.T) *vedette.Call {
	c := &vedette.Call{Venue: genVenue.Draw(t, "venue"), Credential: genCredential.Draw(t, "credential"), Account: genAccount.Draw(t, "account"),
		Owner: genOwner.Draw(t, "owner"), Verdict: vedette.Authentic}
	if rapid.IntRange(0, 9).Draw(t, "addressed") > 0 {
		c.Source = netip.AddrPortFrom(netip.MustParseAddr(genAddress.Draw(t, "address")), 1)
	}
	c.Operation, c.Instrument = genOperation.Draw(t, "operation"), genInstrument.Draw(t, "instrument")
	if rapid.IntRange(0, 3).Draw(t, "batch") == 0 {
		c.Operation = rapid.SampledFrom([]vedette.Operation{vedette.OpOrderBatch, vedette.OpOrderCancelAll}).Draw(t, "batch operation")
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			c.Batch = append(c.Batch, vedette.Action{Operation: genOperation.Draw(t, "operation"), Instrument: genInstrument.Draw(t, "instrument")})
		}
	}
	if rapid.IntRange(0, 2).Draw(t, "unauthentic") == 0 {
		c.Verdict = vedette.Verdict(rapid.IntRange(0, vedette.Verdicts-1).Draw(t, "verdict"))
		c.Reasons = rapid.SampledFrom([][]vedette.Reason{nil, {vedette.BadSignature}, {vedette.StepUpNeeded}, {vedette.ReplayFull}, {vedette.OldSecret, vedette.ReplayFull}}).Draw(t, "reasons")
	}
	return c
}

func genRestriction(t *rapid.T) vedette.Restriction {
	kind := rapid.IntRange(int(vedette.RestrictFreeze), int(vedette.RestrictBlock)).Draw(t, "kind")
	r := vedette.Restriction{ID: fmt.Sprint("r", rapid.IntRange(0, 11).Draw(t, "id")), Kind: vedette.RestrictionKind(kind)}
	r.Venue = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "venue")
	if r.Kind != vedette.RestrictKill {
		r.Credential, r.Account, r.Owner = genCredential.Draw(t, "credential"), genAccount.Draw(t, "account"), genOwner.Draw(t, "owner")
		r.Instrument = rapid.SampledFrom([]string{"", "", "BTCUSDT", "btcusdt", "ethUSDT"}).Draw(t, "instrument")
		r.Source = rapid.SampledFrom([]string{"", "", "192.0.2.1", "192.0.2.0/24", "192.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "2001:db8::/64", "2001:db8::1", "::/0"}).Draw(t, "source")
	}
	switch r.Kind {
	case vedette.RestrictOperation:
		r.Operation = max(1, genOperation.Draw(t, "operation"))
	case vedette.RestrictStepUp:
		r.Operation = genOperation.Draw(t, "operation")
	case vedette.RestrictThrottle:
		l := rapid.SampledFrom([]Limit{{1, 1}, {2, 3}, {0.5, 0}, {10, 2}}).Draw(t, "throttle")
		r.Rate, r.Burst = l.Rate, l.Burst
	}
	return r
}

// The gate must decide as the reference does, whatever the restrictions, limits,
// failing parts and calls.
func TestDecidesAsReference(t *testing.T) {
	seen := map[vedette.Reason]int{}
	rapid.Check(t, func(t *rapid.T) {
		c := Config{Mode: Mode(rapid.IntRange(0, 1).Draw(t, "mode")), FreezeRefusesCancel: rapid.Bool().Draw(t, "cancel"), Policy: DefaultPolicy(),
			Limits: Limits{genLimit.Draw(t, "credential"), genLimit.Draw(t, "account"), genLimit.Draw(t, "source")}}
		own := DefaultPolicy()
		own[vedette.OpOrderNew] = Rule{VerdictsOf(vedette.Forged, vedette.Unjudged), true, rapid.Bool().Draw(t, "replay open")}
		c.Venues = map[string]Venue{"b": {Policy: own, Limits: &Limits{Credential: genLimit.Draw(t, "credential of b")}}}
		g, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		want := &reference{c: c, rs: map[string]vedette.Restriction{}, buckets: map[string]*float64{}, filled: map[string]time.Time{},
			failing: map[Part]string{}, policies: map[string]*Policy{"b": own}}
		now := t0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "pass")) * time.Millisecond)
			switch step := rapid.IntRange(0, 19).Draw(t, "step"); {
			case step < 4:
				r := genRestriction(t)
				if rapid.IntRange(0, 3).Draw(t, "ends") == 0 {
					r.Until = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "until")) * time.Millisecond)
				}
				got, err := g.Set(r, now)
				if err != nil {
					if _, ok := want.rs[r.ID]; ok == (g.rules[r.ID] == nil) {
						t.Fatal("a refused restriction changed what is in force")
					}
					continue
				}
				old, had := want.rs[r.ID]
				if had {
					old.From, old.Until, old.Reason, old.By = got.From, got.Until, got.Reason, got.By
				}
				if !had || old != got {
					delete(want.buckets, "r "+r.ID)
				}
				want.rs[r.ID] = got
			case step == 4:
				id := fmt.Sprint("r", rapid.IntRange(0, 11).Draw(t, "id"))
				_, err := g.Lift(id)
				if _, had := want.rs[id]; had != (err == nil) {
					t.Fatal(err)
				}
				delete(want.rs, id)
				delete(want.buckets, "r "+id)
			case step == 5:
				part := rapid.SampledFrom([]Part{Keyring, "ledger"}).Draw(t, "part")
				if rapid.Bool().Draw(t, "works") {
					g.Recovered(part)
					delete(want.failing, part)
				} else {
					g.Degraded(part, "test")
					want.failing[part] = "test"
				}
			case step == 6:
				if err := g.Load(g.List(), now); err != nil {
					t.Fatal(err)
				}
				for id, r := range want.rs {
					if !r.Until.IsZero() && !now.Before(r.Until) {
						delete(want.rs, id)
						delete(want.buckets, "r "+id)
					}
				}
			default:
				call := genCall(t)
				got, exp := g.Decide(call, now), want.decide(call, now)
				seen[exp.Reason]++
				if exp.Reason == vedette.Throttled { // which of several exhausted ones is named, is open
					exp.Restriction, exp.RetryAfterMS = got.Restriction, got.RetryAfterMS
					if exp.Effect == vedette.Throttle && got.RetryAfterMS <= 0 {
						t.Fatalf("throttled without a time to retry: %+v", got)
					}
				}
				if got != exp {
					t.Fatalf("%+v\n got %+v\nwant %+v\nrestrictions %+v", call, got, exp, g.List())
				}
			}
		}
	})
	t.Logf("decisions by reason: %v", seen) // each kind has a test of its own besides
}
