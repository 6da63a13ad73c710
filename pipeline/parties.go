package pipeline

import (
	"fmt"
	"math"
	"net/netip"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/incident"
	"vedette/intel"
	"vedette/keyring"
)

// Parties is what the monitor knows of the parties that findings are about: how many use what, from
// the calls, and what they could lose, from the keyring. Its methods may be called concurrently.
type Parties struct {
	crowd  *crowd
	orders *orders
	ring   *keyring.Ring
	held   atomic.Pointer[holdings]
}

// holdings are figures of the keyring as a whole.
type holdings struct {
	stake    map[string]stake // by account, and by owner after a NUL: the most of their credentials
	accounts map[string]int   // by owner
}

// stake is what a party could lose, in [0,1] and in words.
type stake struct {
	value float64
	words string
}

// or returns the larger of two.
func (s stake) or(o stake) stake {
	if o.value > s.value {
		return o
	}
	return s
}

// NewParties returns what is known of the ring's parties. Renew must be called when the ring changes.
func NewParties(ring *keyring.Ring) *Parties {
	p := &Parties{crowd: newCrowd(), orders: &orders{}, ring: ring}
	p.Renew()
	return p
}

// Renew reads the ring anew.
func (p *Parties) Renew() {
	h := &holdings{map[string]stake{}, map[string]int{}}
	for _, e := range p.ring.List() {
		v := atStake(&e.Credential)
		if e.Account != "" {
			if _, ok := h.stake[e.Account]; !ok && e.Owner != "" {
				h.accounts[e.Owner]++
			}
			h.stake[e.Account] = h.stake[e.Account].or(v)
		}
		if e.Owner != "" {
			h.stake["\x00"+e.Owner] = h.stake["\x00"+e.Owner].or(v)
		}
	}
	p.held.Store(h)
}

// Saw counts a call towards the population, and follows its orders, if it is authentic.
func (p *Parties) Saw(c *vedette.Call) {
	if c.Verdict == vedette.Authentic {
		p.crowd.saw(c)
		p.orders.saw(c)
	}
}

// Population implements incident.Population: addresses, subnets and fingerprints by the authentic
// calls of today and yesterday, owners by the keyring.
func (p *Parties) Population(s vedette.Subject) (accounts, of int) {
	if s.Kind == "owner" {
		h := p.held.Load()
		return h.accounts[s.ID], len(h.stake)
	}
	return p.crowd.of(s)
}

// Exposure returns what the finding's parties could lose, in [0,1] and in words: by the most that the credential
// may do, else the credentials of the account, else those of the owner, and more where orders of the account are open. It
// is 0 for who is not in the keyring. Balances are not known here: where a key may trade or withdraw, it counts as if
// there were something.
func (p *Parties) Exposure(f *vedette.Finding) (float64, string) {
	s, account := p.stake(f)
	if s.value < atStakeTrade {
		return s.value, s.words
	}
	n, more := p.orders.open(f.Venue, account, f.Time)
	if n == 0 {
		return s.value, s.words
	}
	s.value += (1 - s.value) * openPart * min(1, math.Log2(1+float64(n))/math.Log2(1+ordersEach))
	words := "1 order is open"
	switch {
	case more:
		words = fmt.Sprintf("more than %d orders are open", n)
	case n > 1:
		words = fmt.Sprintf("%d orders are open", n)
	}
	return s.value, s.words + "; as far as calls show, " + words
}

// stake returns what the permissions of a finding's parties put at stake, and the account that is meant.
func (p *Parties) stake(f *vedette.Finding) (s stake, account string) {
	if e, ok := p.ring.Lookup(f.Venue, f.Credential); ok {
		for account = e.Account; e != nil; e = e.Also {
			s = s.or(atStake(&e.Credential))
		}
		return s, account
	}
	h := p.held.Load()
	if s := h.stake[f.Account]; s.value > 0 && f.Account != "" {
		return s, f.Account
	}
	return h.stake["\x00"+f.Owner], f.Account
}

// What a permission puts at stake: everything for who can make keys or has no limits, nearly so for who
// can move assets out, less where they only go to listed addresses, half for who can lose them in
// trades, little for who can look.
const (
	atStakeAll      = 1.0
	atStakeWithdraw = 0.9
	atStakeTransfer = 0.8
	atStakeListed   = 0.6
	atStakeTrade    = 0.5
	atStakeRead     = 0.1
)

// openPart is how far open orders raise what permissions put at stake: the latter say what could be lost, the former that
// something is there to be.
const openPart = 0.4

func atStake(c *vedette.Credential) stake {
	may := c.Permissions
	switch {
	case c.Frozen: // it can do nothing now
		return stake{atStakeRead, "the key is frozen"}
	case may == 0:
		return stake{atStakeAll, "the key is held to nothing"}
	case may&vedette.PermAdmin != 0:
		return stake{atStakeAll, "the key may do everything"}
	case may&vedette.PermWithdraw != 0 && len(c.WithdrawAllow) == 0:
		return stake{atStakeWithdraw, "the key may withdraw to any address"}
	case may&vedette.PermTransfer != 0:
		return stake{atStakeTransfer, "the key may transfer"}
	case may&vedette.PermWithdraw != 0:
		return stake{atStakeListed, "the key may withdraw to listed addresses"}
	case may&vedette.PermTrade != 0:
		return stake{atStakeTrade, "the key may trade"}
	}
	return stake{atStakeRead, "the key may read"}
}

// Incidents returns a Joiner that knows the parties, and what feeds list of them; nil for no feeds.
func (p *Parties) Incidents(monitor string, window time.Duration, feeds *intel.Feeds) *incident.Joiner {
	c := incident.Config{Window: window, Population: p.Population, Exposure: p.Exposure, Monitor: monitor}
	if feeds != nil {
		c.Intel = func(f *vedette.Finding) float64 { return listed(feeds, f) }
	}
	return incident.New(c)
}

// listed is how sure the surest of the feeds is that the finding's address, its network, fingerprint or key is hostile, in
// [0,1], at the time of the finding.
func listed(feeds *intel.Feeds, f *vedette.Finding) float64 {
	c := vedette.Call{JA4: f.JA4, Credential: f.Credential}
	if a, err := netip.ParseAddr(f.Source); err == nil {
		c.Source = netip.AddrPortFrom(a, 0)
	} else if p, err := netip.ParsePrefix(f.Source); err == nil && (p.IsSingleIP() || p.Bits() >= 64) { // one line; not a subnet
		c.Source = netip.AddrPortFrom(p.Addr(), 0)
	}
	feeds.Enrich(&c, f.Time)
	most := uint8(0)
	for _, m := range c.Intel {
		most = max(most, m.Confidence)
	}
	return float64(most) / 100
}
