package pipeline

import (
	"sync/atomic"
	"time"

	"vedette"
	"vedette/incident"
	"vedette/keyring"
)

// Parties is what the monitor knows of the parties that findings are about: how many use what, from
// the calls, and what they could lose, from the keyring. Its methods may be called concurrently.
type Parties struct {
	crowd *crowd
	ring  *keyring.Ring
	held  atomic.Pointer[holdings]
}

// holdings are figures of the keyring as a whole.
type holdings struct {
	exposure map[string]float64 // by account, and by owner after a NUL: the most of their credentials
	accounts map[string]int     // by owner
}

// NewParties returns what is known of the ring's parties. Renew must be called when the ring changes.
func NewParties(ring *keyring.Ring) *Parties {
	p := &Parties{crowd: newCrowd(), ring: ring}
	p.Renew()
	return p
}

// Renew reads the ring anew.
func (p *Parties) Renew() {
	h := &holdings{map[string]float64{}, map[string]int{}}
	for _, e := range p.ring.List() {
		v := exposure(&e.Credential)
		if e.Account != "" {
			if _, ok := h.exposure[e.Account]; !ok && e.Owner != "" {
				h.accounts[e.Owner]++
			}
			h.exposure[e.Account] = max(h.exposure[e.Account], v)
		}
		if e.Owner != "" {
			h.exposure["\x00"+e.Owner] = max(h.exposure["\x00"+e.Owner], v)
		}
	}
	p.held.Store(h)
}

// Saw counts a call towards the population, if it is authentic.
func (p *Parties) Saw(c *vedette.Call) {
	if c.Verdict == vedette.Authentic {
		p.crowd.saw(c)
	}
}

// Population implements incident.Population: addresses, subnets and fingerprints by the authentic
// calls of today and yesterday, owners by the keyring.
func (p *Parties) Population(s vedette.Subject) (accounts, of int) {
	if s.Kind == "owner" {
		h := p.held.Load()
		return h.accounts[s.ID], len(h.exposure)
	}
	return p.crowd.of(s)
}

// Exposure returns what the finding's parties could lose, in [0,1]: by the most that the credential
// may do, else the credentials of the account, else those of the owner. It is 0 for who is not in the
// keyring. Balances and open orders are not known here: where a key may trade or withdraw, all that is
// there counts.
func (p *Parties) Exposure(f *vedette.Finding) float64 {
	if e, ok := p.ring.Lookup(f.Venue, f.Credential); ok {
		v := 0.0
		for ; e != nil; e = e.Also {
			v = max(v, exposure(&e.Credential))
		}
		return v
	}
	h := p.held.Load()
	if v := h.exposure[f.Account]; v > 0 && f.Account != "" {
		return v
	}
	return h.exposure["\x00"+f.Owner]
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

func exposure(c *vedette.Credential) float64 {
	v, may := atStakeRead, c.Permissions
	if may&vedette.PermTrade != 0 {
		v = atStakeTrade
	}
	if may&vedette.PermTransfer != 0 {
		v = atStakeTransfer
	}
	if may&vedette.PermWithdraw != 0 {
		listed := atStakeWithdraw
		if len(c.WithdrawAllow) > 0 {
			listed = atStakeListed
		}
		v = max(v, listed)
	}
	if may&vedette.PermAdmin != 0 || may == 0 {
		v = atStakeAll
	}
	if c.Frozen {
		v = atStakeRead // it can do nothing now
	}
	return v
}

// Incidents returns a Joiner that knows the parties.
func (p *Parties) Incidents(monitor string, window time.Duration) *incident.Joiner {
	return incident.New(incident.Config{Window: window, Population: p.Population, Exposure: p.Exposure, Monitor: monitor})
}
