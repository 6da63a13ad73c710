package pipeline

import (
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
	"sync"
	"sync/atomic"

	"vedette"
	"vedette/incident"
)

const (
	// crowdSlots is how many addresses, subnets and fingerprints are counted at once: 512 KiB a day.
	crowdSlots = 1 << 15
	// crowdWays is how many of them a subject may be in.
	crowdWays = 4
	// crowdTotal is how many bits the number of all accounts is estimated with: good to some 30,000.
	crowdTotal = 1 << 12
	daySeconds = 86400
)

// crowd counts how many accounts use an address, a subnet or a fingerprint, today and yesterday, by
// the time of the calls. Only authentic calls count: nobody makes an address common, or pushes others
// out, without keys. Counts are estimates by linear counting over 64 bits, good to some 200. When
// there is no room, the subject with the fewest accounts is forgotten, so that who has few keys cannot
// push out a gateway by using many addresses.
type crowd struct {
	now, before atomic.Pointer[crowdDay]
	turning     sync.Mutex // of the day
}

type crowdDay struct {
	day      int64 // since 1970
	slots    [crowdSlots]crowdSlot
	accounts [crowdTotal / 64]atomic.Uint64
}

type crowdSlot struct{ subject, accounts atomic.Uint64 }

func newCrowd() *crowd {
	c := &crowd{}
	c.now.Store(&crowdDay{})
	c.before.Store(&crowdDay{})
	return c
}

// saw counts an authentic call. It allocates nothing but once a day.
func (c *crowd) saw(call *vedette.Call) {
	day := call.Time.Unix() / daySeconds
	d := c.now.Load()
	if day > d.day {
		d = c.turn(day)
	}
	who := hashText(0, call.Account)
	if call.Account == "" {
		who = hashText(hashText(1, call.Venue), call.Credential)
	}
	d.accounts[who>>32%uint64(len(d.accounts))].Or(1 << (who & 63))
	if a := call.Source.Addr(); a.IsValid() {
		host, site := hashPlaces(a)
		d.mark(host, who)
		d.mark(site, who)
	}
	if call.JA4 != "" {
		d.mark(hashText(2, call.JA4), who)
	}
}

func (c *crowd) turn(day int64) *crowdDay {
	c.turning.Lock()
	defer c.turning.Unlock()
	d := c.now.Load()
	if day <= d.day {
		return d
	}
	if day == d.day+1 {
		c.before.Store(d)
	} else {
		c.before.Store(&crowdDay{})
	}
	d = &crowdDay{day: day}
	c.now.Store(d)
	return d
}

func (d *crowdDay) mark(subject, who uint64) {
	bit := uint64(1) << (who >> 6 & 63)
	at := subject % crowdSlots
	rarest, fewest := &d.slots[at], 65
	for i := range uint64(crowdWays) {
		s := &d.slots[(at+i)%crowdSlots]
		switch s.subject.Load() {
		case subject:
			if s.accounts.Load()&bit == 0 {
				s.accounts.Or(bit)
			}
			return
		case 0:
			if s.subject.CompareAndSwap(0, subject) {
				s.accounts.Or(bit)
				return
			}
		}
		if n := bits.OnesCount64(s.accounts.Load()); n < fewest {
			rarest, fewest = s, n
		}
	}
	rarest.subject.Store(subject)
	rarest.accounts.Store(bit)
}

func (d *crowdDay) find(subject uint64) uint64 {
	for i := range uint64(crowdWays) {
		if s := &d.slots[(subject%crowdSlots+i)%crowdSlots]; s.subject.Load() == subject {
			return s.accounts.Load()
		}
	}
	return 0
}

// of returns how many accounts use the subject, and how many there are.
func (c *crowd) of(s vedette.Subject) (accounts, all int) {
	now, before := c.now.Load(), c.before.Load()
	used := 0
	for i := range now.accounts {
		used += bits.OnesCount64(now.accounts[i].Load() | before.accounts[i].Load())
	}
	all = linear(used, crowdTotal)
	var subject uint64
	switch s.Kind {
	case "ja4":
		subject = hashText(2, s.ID)
	case "source", incident.SubjectSubnet:
		p, err := netip.ParsePrefix(s.ID)
		if err != nil {
			a, err := netip.ParseAddr(s.ID)
			if err != nil {
				return 0, all
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		host, site := hashPlaces(p.Addr())
		if subject = host; s.Kind == incident.SubjectSubnet || p.Bits() < 64 && p.Bits() != 32 {
			subject = site
		}
	default:
		return 0, all
	}
	return linear(bits.OnesCount64(now.find(subject)|before.find(subject)), 64), all
}

// linear estimates how many things set so many of the bits.
func linear(set, of int) int {
	if set >= of {
		return of * 8 // more than can be told
	}
	return int(math.Round(-float64(of) * math.Log(float64(of-set)/float64(of))))
}

// hashPlaces returns the subjects of incident.Places: an IPv4 address or IPv6 /64, and an IPv4 /24 or
// IPv6 /48.
func hashPlaces(a netip.Addr) (host, site uint64) {
	b := a.As16() // IPv4 is mapped
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	if a.Unmap().Is4() {
		return mix(3, lo), mix(4, lo>>8)
	}
	return mix(5, hi), mix(6, hi>>16)
}

// mix and hashText are fixed, so that a replay counts alike.
func mix(seed, v uint64) uint64 {
	v = (v ^ seed*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	v = (v ^ v>>32) * 0xc4ceb9fe1a85ec53
	return max(v^v>>29, 1)
}

func hashText(seed uint64, s string) uint64 {
	h := seed ^ 14695981039346656037 // FNV-1a
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(seed, h)
}
