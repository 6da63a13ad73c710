package gate

import (
	"fmt"
	"math"
	"time"

	"vedette"
)

// Mode is whether the gate refuses.
type Mode uint8

// The modes. Observe is the zero value: it never refuses, and says what Enforce
// would have done.
const (
	Observe Mode = iota
	Enforce
)

var modeNames = []string{"observe", "enforce"}

func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("invalid(%d)", uint8(m))
}

// MarshalText returns "observe" or "enforce".
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads "observe" or "enforce".
func (m *Mode) UnmarshalText(b []byte) error {
	for i, n := range modeNames {
		if n == string(b) {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("cannot read mode %q: want observe or enforce", b)
}

// VerdictSet is a set of verdicts, one bit each.
type VerdictSet uint16

// VerdictsOf returns the set of the verdicts.
func VerdictsOf(verdicts ...vedette.Verdict) (s VerdictSet) {
	for _, v := range verdicts {
		s |= 1 << v
	}
	return s
}

// Has reports whether v is in the set.
func (s VerdictSet) Has(v vedette.Verdict) bool { return s&(1<<v) != 0 }

// Rule is how the gate treats one operation.
type Rule struct {
	Refuse     VerdictSet // calls with these verdicts are refused
	FailClosed bool       // refused while a part that the decision needs is failing
	// ReplayOpen lets pass, as far as FailClosed does, what could not be held against
	// the replay window because that has no room. Whatever else was found good then
	// passes as often as it is sent.
	ReplayOpen bool
}

// Policy holds the rule of each operation, by its number.
type Policy [vedette.Operations]Rule

// DefaultPolicy refuses calls that are forged, stale, replayed, unauthorised or
// malformed; of the operations that need a permission, those that are anonymous or
// unverifiable too. Withdrawals and the management of keys and access fail
// closed, the rest fails open. Without room in the replay window only market data
// passes.
func DefaultPolicy() *Policy {
	var p Policy
	for i := range p {
		p[i].Refuse = VerdictsOf(vedette.Forged, vedette.Stale, vedette.Replayed, vedette.Unauthorised, vedette.Malformed)
		need := vedette.Operation(i).Needs()
		if need != 0 {
			p[i].Refuse |= VerdictsOf(vedette.Anonymous, vedette.Unverifiable)
		}
		p[i].FailClosed = need&(vedette.PermWithdraw|vedette.PermAdmin) != 0
	}
	p[vedette.OpMarketRead].ReplayOpen = true
	return &p
}

// Limit is how many calls are let through: Rate a second on the long run, Burst
// at once. A Rate of 0 is no limit.
type Limit struct {
	Rate  float64
	Burst int
}

func (l Limit) validate() error {
	switch {
	case math.IsNaN(l.Rate) || l.Rate < 0 || l.Rate > maxRate:
		return fmt.Errorf("a rate of %v is not between 0 and %v calls a second", l.Rate, float64(maxRate))
	case l.Rate > 0 && l.Rate < minRate:
		return fmt.Errorf("a rate of %v is below %v calls a second", l.Rate, minRate)
	case l.Burst < 0 || l.Burst > maxBurst:
		return fmt.Errorf("a burst of %d is not between 0 and %d", l.Burst, maxBurst)
	case l.Rate == 0 && l.Burst != 0:
		return fmt.Errorf("a burst of %d needs a rate", l.Burst)
	}
	return nil
}

// Limits hold one limit for each subject. The limits of a credential and an
// account count authentic calls only, so that nobody uses up another's. Of a
// source, authentic calls and others are counted apart.
type Limits struct {
	Credential Limit
	Account    Limit
	Source     Limit // IPv4 address or IPv6 /64
}

func (l Limits) validate() error {
	for name, l := range map[string]Limit{"credential": l.Credential, "account": l.Account, "source": l.Source} {
		if err := l.validate(); err != nil {
			return fmt.Errorf("limit of a %s: %w", name, err)
		}
	}
	return nil
}

// Venue is what one venue has different. A nil field is as for all.
type Venue struct {
	Policy *Policy
	Limits *Limits
}

// Config is how the gate decides. The zero value observes under DefaultPolicy,
// without limits.
type Config struct {
	Mode   Mode
	Policy *Policy // nil is DefaultPolicy
	Limits Limits
	Venues map[string]Venue
	// FreezeRefusesCancel makes a freeze refuse the cancelling of orders too. By
	// default it lets that through: the owner of a stolen key can still reduce risk,
	// and a thief gains nothing that lasts.
	FreezeRefusesCancel bool
	// RefuseInjection refuses calls whose payloads the Core Rule Set gives at least that
	// score; 0 refuses none.
	RefuseInjection uint16
	// Elapsed is how much time has passed since any moment, by a clock that does not jump
	// when the system's is set. Restrictions and step-ups end and limits refill by it. Nil:
	// by the times that the gate is given, as suits recorded traffic. It is fixed by New.
	Elapsed func() time.Duration
	// TableSize is the number of subjects whose limits are tracked, for each kind of
	// subject; 0 is 65,536. It is fixed by New.
	TableSize int
	// OnChange is called after each change of the restrictions that Set, Lift or
	// Expire made, in their order, before they return; for persistence. The change
	// is in force whatever it returns. It may read from the gate, not change it.
	OnChange func(Change) error
}

// settings are a Config, ready to use.
type settings struct {
	mode                Mode
	freezeRefusesCancel bool
	refuseInjection     uint16
	other               venue // venues without an entry
	venues              map[string]*venue
}

type venue struct {
	policy                      Policy
	credential, account, source pace
}

func compile(c Config) (*settings, error) {
	if c.Mode > Enforce {
		return nil, fmt.Errorf("cannot use mode %s: want observe or enforce", c.Mode)
	}
	if c.Policy == nil {
		c.Policy = DefaultPolicy()
	}
	if err := c.Limits.validate(); err != nil {
		return nil, fmt.Errorf("cannot use limits: %w", err)
	}
	s := &settings{mode: c.Mode, freezeRefusesCancel: c.FreezeRefusesCancel, refuseInjection: c.RefuseInjection,
		other: newVenue(c.Policy, &c.Limits), venues: map[string]*venue{}}
	for name, v := range c.Venues {
		policy, limits := c.Policy, &c.Limits
		if v.Policy != nil {
			policy = v.Policy
		}
		if v.Limits != nil {
			limits = v.Limits
		}
		if err := limits.validate(); err != nil {
			return nil, fmt.Errorf("cannot use limits of venue %s: %w", name, err)
		}
		compiled := newVenue(policy, limits)
		s.venues[name] = &compiled
	}
	return s, nil
}

func newVenue(p *Policy, l *Limits) venue {
	return venue{*p, newPace(l.Credential), newPace(l.Account), newPace(l.Source)}
}

func (s *settings) venue(name string) *venue {
	if v, ok := s.venues[name]; ok {
		return v
	}
	return &s.other
}
