package gate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"vedette"
	"vedette/internal/bound"
)

// rule is a restriction, ready to be held against calls. Only its bucket changes.
type rule struct {
	vedette.Restriction
	instrument string       // folded
	prefix     netip.Prefix // of Source; zero without one
	until      int64        // on the gate's clock
	pace       pace         // of a throttle
	bucket     *bucket
	unsaved    bool // imposed, and not yet given to OnChange
}

// newRule checks the restriction and fills in From and ID where they are missing. clock
// is what the gate's clock shows now.
func newRule(r vedette.Restriction, now time.Time, clock int64) (*rule, error) {
	if r.From.IsZero() {
		r.From = now.UTC()
	}
	if r.ID == "" {
		r.ID = idOf(r)
	}
	if err := validate(r); err != nil {
		return nil, err
	}
	var buf [maxInstrument]byte
	c := &rule{Restriction: r, instrument: string(fold(&buf, r.Instrument)), until: math.MaxInt64}
	if !r.Until.IsZero() && r.Until.Year() < 2262 { // the last year that Unix ns can hold
		c.until = after(r.Until, now, clock)
	}
	if r.Source != "" {
		var err error
		if c.prefix, err = parseSource(r.Source); err != nil {
			return nil, err
		}
		c.Source = c.prefix.String()
		if c.prefix.IsSingleIP() {
			c.Source = c.prefix.Addr().String()
		}
	}
	if r.Kind == vedette.RestrictThrottle {
		c.pace, c.bucket = newPace(Limit{r.Rate, r.Burst}), &bucket{}
	}
	return c, nil
}

// after returns where the gate's clock, that shows clock now, will be at a later time.
func after(t, now time.Time, clock int64) int64 { return clock + int64(t.Sub(now.Round(0))) }

// idOf derives an id from what the restriction says, so that saying it twice
// makes one.
func idOf(r vedette.Restriction) string {
	b, err := json.Marshal(r)
	if err != nil {
		return "" // an invalid kind or time; validate says so
	}
	sum := sha256.Sum256(b)
	return "r-" + hex.EncodeToString(sum[:8])
}

func validate(r vedette.Restriction) error {
	if err := cmp.Or(
		bound.Check(maxScopeBytes, "id", r.ID, "venue", r.Venue, "credential", r.Credential, "account", r.Account, "owner", r.Owner, "source", r.Source, "by", r.By),
		bound.Check(maxInstrument, "instrument", r.Instrument), bound.Check(maxReasonBytes, "reason", r.Reason)); err != nil {
		return err
	}
	subject := r.Credential != "" || r.Account != "" || r.Owner != "" || r.Source != "" || r.Instrument != ""
	switch {
	case r.Kind == vedette.RestrictNone || r.Kind > vedette.RestrictBlock:
		return errors.New("the kind is missing or unknown")
	case r.ID == "":
		return errors.New("it has no id, and none can be derived")
	case r.Kind == vedette.RestrictKill && subject:
		return errors.New("a kill is for a venue or for all, nothing narrower: freeze or block the rest")
	case r.Kind != vedette.RestrictKill && !subject && r.Venue == "":
		return errors.New("it has no scope: name a venue, credential, account, owner, source or instrument")
	case r.Kind == vedette.RestrictBlock && r.Source == "":
		return errors.New("a block needs a source address or range")
	case int(r.Operation) >= vedette.Operations:
		return errors.New("the operation is unknown")
	case r.Kind == vedette.RestrictOperation && r.Operation == vedette.OpUnknown:
		return errors.New("deny_operation needs an operation")
	case r.Operation != vedette.OpUnknown && !takesOperation(r.Kind):
		return fmt.Errorf("an operation has no use with %s", r.Kind)
	case r.Kind != vedette.RestrictThrottle && (r.Rate != 0 || r.Burst != 0):
		return fmt.Errorf("a rate or burst has no use with %s", r.Kind)
	case r.Kind != vedette.RestrictStepUp && (r.ACR != "" || r.AMR != "" || r.MaxAge != 0):
		return fmt.Errorf("acr, amr and max_age have no use with %s", r.Kind)
	case len(r.ACR)+len(r.AMR) > maxScopeBytes:
		return fmt.Errorf("acr and amr have %d bytes, over %d", len(r.ACR)+len(r.AMR), maxScopeBytes)
	case r.MaxAge < 0:
		return fmt.Errorf("max_age is %d, below 0", r.MaxAge)
	case r.Kind == vedette.RestrictThrottle && r.Rate == 0:
		return errors.New("a throttle needs a rate; to let nothing through, freeze")
	}
	return Limit{r.Rate, r.Burst}.validate()
}

// checkTimes refuses what Set must not take; a stored restriction may have any.
func checkTimes(r vedette.Restriction, now time.Time) error {
	switch {
	case !r.Until.IsZero() && !r.Until.After(now):
		return fmt.Errorf("until, %s, is past", r.Until.Format(time.RFC3339))
	case r.From.Sub(now) > maxSkew:
		return fmt.Errorf("from, %s, is ahead: a restriction is in force once set", r.From.Format(time.RFC3339))
	}
	return nil
}

func takesOperation(k vedette.RestrictionKind) bool {
	return k == vedette.RestrictOperation || k == vedette.RestrictStepUp || k == vedette.RestrictThrottle
}

// parseSource reads an address or CIDR.
func parseSource(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		return p, fmt.Errorf("source %q is not an address or range such as 192.0.2.0/24", s[:min(len(s), 64)])
	case p.Masked() != p:
		return p, fmt.Errorf("source %s has bits outside its range: want %s", p, p.Masked())
	}
	return p, nil
}

// concerns reports whether the call is in the scope, operation included.
func (r *rule) concerns(c *vedette.Call, source netip.Addr) bool {
	if r.Venue != "" && r.Venue != c.Venue || r.Credential != "" && r.Credential != c.Credential && r.Credential != c.Joint ||
		r.Account != "" && r.Account != c.Account || r.Owner != "" && r.Owner != c.Owner ||
		r.Source != "" && !r.prefix.Contains(source) {
		return false
	}
	return (r.instrument == "" || r.namesInstrument(c)) && (r.Operation == vedette.OpUnknown || r.namesOperation(c))
}

func (r *rule) namesInstrument(c *vedette.Call) bool {
	if sameFold(r.instrument, c.Instrument) {
		return true
	}
	for i := range c.Batch {
		if sameFold(r.instrument, c.Batch[i].Instrument) {
			return true
		}
	}
	return false
}

// sameFold compares with a folded name.
func sameFold(folded, name string) bool {
	var buf [maxInstrument]byte
	return len(name) == len(folded) && string(fold(&buf, name)) == folded
}

// fold lowers ASCII letters into buf. A name that does not fit, which no
// restriction can mean, becomes empty.
func fold(buf *[maxInstrument]byte, name string) []byte {
	if len(name) > len(buf) {
		return nil
	}
	for i := range len(name) {
		b := name[i]
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		buf[i] = b
	}
	return buf[:len(name)]
}

func (r *rule) namesOperation(c *vedette.Call) bool {
	if c.Operation == r.Operation {
		return true
	}
	for i := range c.Batch {
		if c.Batch[i].Operation == r.Operation {
			return true
		}
	}
	return false
}

// Ranks order the kinds: where several restrictions refuse a call, the lowest
// rank decides, then the lowest id. Kill and block come before the verdict, the
// others after it.
const (
	rankKill = iota
	rankBlock
	rankFreeze
	rankReadOnly
	rankOperation
	rankStepUp
	rankNone // a throttle
)

// ranks holds the rank of each kind, by number.
var ranks = [...]uint8{vedette.RestrictNone: rankNone, vedette.RestrictKill: rankKill, vedette.RestrictBlock: rankBlock,
	vedette.RestrictFreeze: rankFreeze, vedette.RestrictReadOnly: rankReadOnly, vedette.RestrictOperation: rankOperation,
	vedette.RestrictStepUp: rankStepUp, vedette.RestrictThrottle: rankNone}

// before reports whether r decides rather than o where both refuse a call.
func (r *rule) before(o *rule) bool {
	return ranks[r.Kind] < ranks[o.Kind] || ranks[r.Kind] == ranks[o.Kind] && r.ID < o.ID
}

// refuses reports whether a restriction that concerns the call, and is no
// throttle, refuses it.
func (r *rule) refuses(s *settings, c *vedette.Call) bool {
	switch r.Kind {
	case vedette.RestrictFreeze:
		return anyOperation(c, func(op vedette.Operation) bool { return !thaws(s, op) })
	case vedette.RestrictReadOnly:
		return anyOperation(c, vedette.Operation.Changes)
	case vedette.RestrictStepUp:
		return r.Operation != vedette.OpUnknown || anyOperation(c, wantsStepUp)
	}
	return true
}

// thaws reports whether a freeze lets the operation through.
func thaws(s *settings, op vedette.Operation) bool {
	switch op {
	case vedette.OpMarketRead, vedette.OpSessionLogout:
		return true
	case vedette.OpOrderCancel, vedette.OpOrderCancelAll:
		return !s.freezeRefusesCancel
	}
	return false
}

// wantsStepUp reports whether a step-up restriction without an operation means
// this one: all but those by which one authenticates, leaves, or reads the market.
func wantsStepUp(op vedette.Operation) bool {
	switch op {
	case vedette.OpMarketRead, vedette.OpSessionLogin, vedette.OpSessionLogout, vedette.OpUserLogin:
		return false
	}
	return true
}

// anyOperation reports whether f holds for what the call does: for each part of a
// batch, and for the call itself unless it is no more than its parts.
func anyOperation(c *vedette.Call, f func(vedette.Operation) bool) bool {
	if (len(c.Batch) == 0 || c.Operation != vedette.OpOrderBatch) && f(c.Operation) {
		return true
	}
	for i := range c.Batch {
		if f(c.Batch[i].Operation) {
			return true
		}
	}
	return false
}

// sameThrottle reports whether a restriction that takes r's place goes on
// with its bucket.
func (r *rule) sameThrottle(o *rule) bool {
	a, b := r.Restriction, o.Restriction
	a.Reason, a.By, a.From, a.Until = b.Reason, b.By, b.From, b.Until
	return r.bucket != nil && a == b
}
