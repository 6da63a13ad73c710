package payload

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// budgets are token buckets by source in a table of fixed size. Who can use many sources can have one forgotten: what they
// cost together the examiner's share bounds.
type budgets struct {
	seed  maphash.Seed
	table []budget
}

type budget struct {
	source netip.Addr
	at     time.Time // when left was brought up to date
	left   float64
}

// line is what one customer has: an address, or the first 64 bits of an IPv6 address.
func line(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

// take takes one examination out of the source's budget, and reports whether there was one.
func (b *budgets) take(source netip.Addr, now time.Time, rate, burst float64) bool {
	if b.table == nil {
		b.seed, b.table = maphash.MakeSeed(), make([]budget, sources)
	}
	source = line(source)
	set := maphash.Comparable(b.seed, source) % (sources / ways) * ways
	oldest := &b.table[set]
	for i := range ways {
		e := &b.table[set+uint64(i)]
		if e.source == source && !e.at.IsZero() {
			if d := now.Sub(e.at); d > 0 {
				e.left, e.at = min(e.left+d.Seconds()*rate, burst), now
			}
			if e.left < 1 {
				return false
			}
			e.left--
			return true
		}
		if e.at.Before(oldest.at) {
			oldest = e
		}
	}
	*oldest = budget{source, now, burst - 1}
	return true
}
