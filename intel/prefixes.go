package intel

import (
	"encoding/binary"
	"net/netip"
)

// prefixes finds what is said of the longest prefix that holds an address. It keeps the
// address space cut where the answer changes, in order, so that a look-up is one search
// in one piece of memory: a million prefixes do not fit into caches, and a trie misses
// them at each step of its way.
type prefixes struct {
	spans4 []span4
	top4   []uint32 // where the spans of each /16 begin, and the end; nil without spans

	starts6 []key6
	lists6  []uint32
	every6  []key6 // each stride6-th start, few enough to stay in a cache
}

// span4 reaches from its start to that of the next.
type span4 struct{ start, list uint32 } // list is 0 where nothing is said, else 1 more than where the list begins

type key6 struct{ high, low uint64 }

func (k key6) after(o key6) bool { return k.high > o.high || k.high == o.high && k.low > o.low }

const stride6 = 64 // starts: a kilobyte, of which a search touches three lines

func number4(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func number6(a netip.Addr) key6 {
	b := a.As16()
	return key6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// say appends that from an address on this is said. Addresses must not fall, within IPv4
// and within IPv6.
func (p *prefixes) say(from netip.Addr, list uint32) {
	if from.Is4() {
		s := span4{number4(from), list}
		if n := len(p.spans4); n > 0 && p.spans4[n-1].start == s.start {
			p.spans4[n-1] = s
			return
		}
		p.spans4 = append(p.spans4, s)
		return
	}
	k := number6(from)
	if n := len(p.starts6); n > 0 && p.starts6[n-1] == k {
		p.lists6[n-1] = list
		return
	}
	p.starts6, p.lists6 = append(p.starts6, k), append(p.lists6, list)
}

// index is to be called when all is said.
func (p *prefixes) index() {
	if len(p.spans4) > 0 {
		p.top4 = make([]uint32, 1<<16+1)
		at := 0
		for top := range p.top4 {
			for at < len(p.spans4) && int(p.spans4[at].start>>16) < top {
				at++
			}
			p.top4[top] = uint32(at)
		}
	}
	for i := 0; i < len(p.starts6); i += stride6 {
		p.every6 = append(p.every6, p.starts6[i])
	}
}

// lookup returns where the list of an address begins.
func (p *prefixes) lookup(a netip.Addr) (list uint32, ok bool) {
	if a.Is4() {
		list = p.lookup4(number4(a))
	} else {
		list = p.lookup6(number6(a))
	}
	return list - 1, list != 0
}

func (p *prefixes) lookup4(a uint32) uint32 {
	if p.top4 == nil {
		return 0
	}
	lo, hi := p.top4[a>>16], p.top4[a>>16+1]
	for lo < hi {
		if mid := (lo + hi) / 2; p.spans4[mid].start <= a {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0
	}
	return p.spans4[lo-1].list
}

func (p *prefixes) lookup6(k key6) uint32 {
	from := notAfter(p.every6, k)
	if from == 0 {
		return 0
	}
	from = (from - 1) * stride6
	block := p.starts6[from:min(from+stride6, len(p.starts6))]
	return p.lists6[from+notAfter(block, k)-1]
}

// notAfter returns how many of the keys, which are in order, are not after k.
func notAfter(keys []key6, k key6) int {
	lo, hi := 0, len(keys)
	for lo < hi {
		if mid := (lo + hi) / 2; keys[mid].after(k) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
