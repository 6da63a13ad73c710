// Package gate decides inline, before a call is forwarded, whether it may pass.
package gate

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
)

// Gate decides about calls. Decide may run at any number of goroutines and takes
// no lock but that of a small set of buckets, where limits are configured, and that of
// the step-ups, where a restriction asks for one.
type Gate struct {
	settings atomic.Pointer[settings]
	index    atomic.Pointer[index]
	failing  atomic.Pointer[failures] // nil while all is well

	seed                                    maphash.Seed
	credential, account, source, unverified *table // buckets; unverified are sources of calls that are not authentic

	elapsed  func() time.Duration
	onChange func(Change) error
	changing sync.Mutex // orders changes and their OnChange
	stepUps  stepUps

	generation atomic.Uint64 // see Generation

	mu       sync.Mutex       // held shortly, within changing or alone
	rules    map[string]*rule // by id; mu
	watchers []func()         // mu
}

// Part is a part of the monitor that decisions need.
type Part string

// Keyring is the part without which calls are unverifiable through no fault of
// theirs: while it is failing, the policy for failure decides about those, not
// the one for the verdict. Other parts may have any name.
const Keyring Part = "keyring"

// failures are the parts that fail, with the reason. It never changes.
type failures map[Part]string

// New returns a gate without restrictions.
func New(c Config) (*Gate, error) {
	if c.TableSize == 0 {
		c.TableSize = defaultTable
	}
	if c.TableSize < 0 || c.TableSize > maxTable {
		return nil, fmt.Errorf("cannot use a table size of %d: want 1 to %d", c.TableSize, maxTable)
	}
	s, err := compile(c)
	if err != nil {
		return nil, err
	}
	g := &Gate{seed: maphash.MakeSeed(), elapsed: c.Elapsed, onChange: c.OnChange, rules: map[string]*rule{}}
	for _, t := range []**table{&g.credential, &g.account, &g.source, &g.unverified} {
		*t = newTable(c.TableSize)
	}
	g.settings.Store(s)
	g.index.Store(newIndex())
	return g, nil
}

// clock returns ns on the clock by which things end.
func (g *Gate) clock(now time.Time) int64 {
	if g.elapsed != nil {
		return int64(g.elapsed())
	}
	return now.UnixNano()
}

// Configure puts another configuration in force for the next call. Restrictions,
// buckets, Elapsed, TableSize and OnChange stay.
func (g *Gate) Configure(c Config) error {
	s, err := compile(c)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settings.Store(s)
	g.tighter()
	return nil
}

// Degraded notes that a part is failing, with the reason in words, until Recovered.
func (g *Gate) Degraded(part Part, reason string) {
	g.setFailure(func(f failures) { f[part] = reason })
}

// Recovered notes that a part works again.
func (g *Gate) Recovered(part Part) {
	g.setFailure(func(f failures) { delete(f, part) })
}

// Failing returns the failing parts with the reasons, nil if there are none.
func (g *Gate) Failing() map[Part]string {
	if f := g.failing.Load(); f != nil {
		return maps.Clone(*f)
	}
	return nil
}

func (g *Gate) setFailure(change func(failures)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := failures{}
	if old := g.failing.Load(); old != nil {
		f = maps.Clone(*old)
	}
	change(f)
	if len(f) == 0 {
		g.failing.Store(nil)
		return
	}
	g.failing.Store(&f)
}

// Decide returns what to do with a verified call. What it looks at, in order:
// kill and block; the verdict; failing parts; freeze, read-only and denied operation;
// what threat intelligence lists of it; step-up; payloads in it; throttles and limits. So a caller who is not who he says learns
// nothing about the restrictions of others, and a refused call counts towards no
// limit. Given the same calls, times and changes it decides the same, but for
// subjects that share an overflow bucket.
func (g *Gate) Decide(c *vedette.Call, now time.Time) vedette.Decision {
	s := g.settings.Load()
	return s.weigh(g.decide(s, c, now, true))
}

// Also returns what Decide would say if the call were a further credential's, whose token it
// presents besides the one that it is counted for: throttles and limits see one call.
func (g *Gate) Also(c *vedette.Call, now time.Time) vedette.Decision {
	s := g.settings.Load()
	return s.weigh(g.decide(s, c, now, false))
}

// Weigh makes another part's refusal what the mode makes of one: in observe mode it is
// let through.
func (g *Gate) Weigh(d vedette.Decision) vedette.Decision { return g.settings.Load().weigh(d) }

func (s *settings) weigh(d vedette.Decision) vedette.Decision {
	if s.mode == Observe && d.Refused() {
		return vedette.Decision{Effect: vedette.Allow, Reason: d.Reason, Restriction: d.Restriction, WouldDeny: true}
	}
	return d
}

func (g *Gate) decide(s *settings, c *vedette.Call, at time.Time, counted bool) vedette.Decision {
	if len(c.Batch) > maxBatch {
		return deny(vedette.TooLarge)
	}
	x, source, now := g.index.Load(), c.Source.Addr().Unmap().WithZone(""), g.clock(at)
	worst, throttled := g.worst(x, s, c, source, at, now)
	if worst != nil && ranks[worst.Kind] <= rankBlock {
		return refusal(worst)
	}
	v, f := s.venue(c.Venue), g.failing.Load()
	if d := v.judge(c, f); d.Refused() {
		return d
	}
	open := vedette.Reason("")
	if f != nil || c.Verdict == vedette.Unjudged || hasReason(c, vedette.ReplayFull) {
		if v.any(c, func(r *Rule) bool { return r.FailClosed }) {
			return deny(vedette.FailClosed)
		}
		open = vedette.FailOpen
	}
	listed := g.listed(c, at, now)
	if worst != nil && (listed.Effect != vedette.Deny || worst.Kind != vedette.RestrictStepUp) {
		return refusal(worst)
	}
	if listed.Refused() {
		return listed
	}
	if s.refuseInjection != 0 && c.Injection.Score >= s.refuseInjection {
		return deny(vedette.Injected)
	}
	if counted {
		if d := g.throttle(x, v, c, source, now, throttled); d.Refused() {
			return d
		}
	}
	return vedette.Decision{Effect: vedette.Allow, Reason: open}
}

// FailsClosed reports whether the policy refuses the call while a part that it needs
// is failing. In observe mode nothing does.
func (g *Gate) FailsClosed(c *vedette.Call) bool {
	s := g.settings.Load()
	return s.mode == Enforce && s.venue(c.Venue).any(c, func(r *Rule) bool { return r.FailClosed })
}

func deny(r vedette.Reason) vedette.Decision {
	return vedette.Decision{Effect: vedette.Deny, Reason: r}
}

// worst returns the restriction that refuses the call, nil if none does, and
// whether throttles concern it.
func (g *Gate) worst(x *index, s *settings, c *vedette.Call, source netip.Addr, at time.Time, now int64) (worst *rule, throttled bool) {
	x.each(c, source, func(r *rule) bool {
		if now >= r.until || !r.concerns(c, source) {
			return true
		}
		if r.Kind == vedette.RestrictThrottle {
			throttled = true
			return true
		}
		if worst != nil && worst.before(r) {
			return true
		}
		if r.refuses(s, c) && !(r.Kind == vedette.RestrictStepUp && g.steppedUp(r, c, at, now)) {
			worst = r
		}
		return true
	})
	return worst, throttled
}

func refusal(r *rule) vedette.Decision {
	d := vedette.Decision{Effect: vedette.Deny, Restriction: r.ID}
	switch r.Kind {
	case vedette.RestrictKill:
		d.Reason = vedette.Killed
	case vedette.RestrictBlock:
		d.Reason = vedette.AddressDenied
	case vedette.RestrictFreeze:
		d.Reason = vedette.Frozen
	case vedette.RestrictReadOnly:
		d.Reason = vedette.ReadOnly
	case vedette.RestrictOperation:
		d.Reason = vedette.OperationDenied
	case vedette.RestrictStepUp:
		d.Effect, d.Reason = vedette.StepUp, vedette.StepUpNeeded
	default:
		panic("BUG: a restriction of kind " + r.Kind.String() + " does not refuse on its own")
	}
	return d
}

// judge applies the policy for the verdict.
func (v *venue) judge(c *vedette.Call, f *failures) vedette.Decision {
	if c.Verdict == vedette.Unverifiable && hasReason(c, vedette.ReplayFull) {
		if v.any(c, func(r *Rule) bool { return !r.ReplayOpen }) {
			return deny(vedette.ReplayFull)
		}
		return vedette.Decision{} // it is our room that is missing: the policy for failure decides
	}
	if c.Verdict == vedette.Unverifiable && f != nil {
		if _, ok := (*f)[Keyring]; ok {
			return vedette.Decision{}
		}
	}
	refused := v.any(c, func(r *Rule) bool { return r.Refuse.Has(c.Verdict) })
	switch {
	case !refused:
		return vedette.Decision{}
	case c.Verdict == vedette.Unauthorised && len(c.Reasons) > 0 && c.Reasons[0] == vedette.StepUpNeeded:
		return vedette.Decision{Effect: vedette.StepUp, Reason: vedette.StepUpNeeded}
	case len(c.Reasons) > 0:
		return deny(c.Reasons[0])
	}
	return deny(reasons[c.Verdict])
}

// reasons holds what to say of a verdict that came without a reason, by number.
var reasons = [vedette.Verdicts]vedette.Reason{
	vedette.Unjudged: vedette.FailClosed, vedette.Forged: vedette.BadSignature, vedette.Stale: vedette.WindowPassed,
	vedette.Replayed: vedette.SignatureReused, vedette.Unauthorised: vedette.NoPermission, vedette.Malformed: vedette.BadEncoding,
	vedette.Anonymous: vedette.NoSignature, vedette.Unverifiable: vedette.NoSecret}

// rule returns the rule of an operation. One that this build does not know is
// treated as unknown.
func (v *venue) rule(op vedette.Operation) *Rule {
	if int(op) >= len(v.policy) {
		op = vedette.OpUnknown
	}
	return &v.policy[op]
}

// any reports whether is holds for the rule of the call or of a part of its batch.
func (v *venue) any(c *vedette.Call, is func(*Rule) bool) bool {
	if is(v.rule(c.Operation)) {
		return true
	}
	for i := range c.Batch {
		if is(v.rule(c.Batch[i].Operation)) {
			return true
		}
	}
	return false
}

func hasReason(c *vedette.Call, want vedette.Reason) bool {
	for _, r := range c.Reasons {
		if r == want {
			return true
		}
	}
	return false
}

// throttle counts the call towards every throttle and limit that concerns it, or,
// if one is exhausted, towards none.
func (g *Gate) throttle(x *index, v *venue, c *vedette.Call, source netip.Addr, now int64, throttled bool) vedette.Decision {
	var full *rule
	var wait int64
	if throttled {
		if full, wait = x.take(c, source, now); full != nil {
			return vedette.Decision{Effect: vedette.Throttle, Reason: vedette.Throttled, Restriction: full.ID, RetryAfterMS: millis(wait)}
		}
	}
	if wait = g.limit(v, c, source, now); wait > 0 {
		if throttled {
			x.giveBack(c, source, now, nil)
		}
		return vedette.Decision{Effect: vedette.Throttle, Reason: vedette.Throttled, RetryAfterMS: millis(wait)}
	}
	return vedette.Decision{}
}

func millis(ns int64) int64 { return int64(math.Ceil(float64(ns) / 1e6)) }

// counts reports whether the call is to be counted by the throttle r. One that
// is for a credential, account or owner counts authentic calls only: others are
// not theirs.
func (r *rule) counts(c *vedette.Call, source netip.Addr, now int64) bool {
	if r.Kind != vedette.RestrictThrottle || now >= r.until || !r.concerns(c, source) {
		return false
	}
	return c.Verdict == vedette.Authentic || r.Credential == "" && r.Account == "" && r.Owner == ""
}

// take counts the call in each throttle that concerns it; if one is exhausted,
// in none, and returns that one.
func (x *index) take(c *vedette.Call, source netip.Addr, now int64) (full *rule, wait int64) {
	x.each(c, source, func(r *rule) bool {
		if r.counts(c, source, now) {
			if wait = r.bucket.take(r.pace, now); wait > 0 {
				full = r
				return false
			}
		}
		return true
	})
	if full != nil {
		x.giveBack(c, source, now, full)
	}
	return full, wait
}

// giveBack undoes take for the throttles before the given one.
func (x *index) giveBack(c *vedette.Call, source netip.Addr, now int64, before *rule) {
	x.each(c, source, func(r *rule) bool {
		if r == before {
			return false
		}
		if r.counts(c, source, now) {
			r.bucket.giveBack(r.pace)
		}
		return true
	})
}

// limit counts the call towards the limits of its source, credential and account,
// or, if one is exhausted, towards none, and returns the ns to wait.
func (g *Gate) limit(v *venue, c *vedette.Call, source netip.Addr, now int64) (wait int64) {
	authentic := c.Verdict == vedette.Authentic
	var bySource, byCredential uint64
	sources := g.unverified
	if authentic {
		sources = g.source
	}
	if v.source.interval > 0 && source.IsValid() {
		bySource = g.hashSource(c.Venue, source)
		if wait = sources.take(bySource, v.source, now); wait > 0 {
			return wait
		}
	}
	if v.credential.interval > 0 && authentic && c.Credential != "" {
		byCredential = g.hash(c.Venue, c.Credential)
		if wait = g.credential.take(byCredential, v.credential, now); wait > 0 {
			byCredential = 0
		}
	}
	if wait == 0 && v.account.interval > 0 && authentic && c.Account != "" {
		wait = g.account.take(g.hash(c.Venue, c.Account), v.account, now)
	}
	if wait > 0 {
		if bySource != 0 {
			sources.giveBack(bySource, v.source)
		}
		if byCredential != 0 {
			g.credential.giveBack(byCredential, v.credential)
		}
	}
	return wait
}

func (g *Gate) hash(venue, subject string) uint64 {
	return (maphash.String(g.seed, subject) ^ maphash.String(g.seed, venue)*0x9e3779b97f4a7c15) | 1<<63
}

func (g *Gate) hashSource(venue string, a netip.Addr) uint64 {
	b := a.As16()
	if a.Is6() {
		clear(b[sourceBits6/8:])
	}
	return (maphash.Bytes(g.seed, b[:]) ^ maphash.String(g.seed, venue)*0x9e3779b97f4a7c15) | 1<<63
}
