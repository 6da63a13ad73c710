package gate

import (
	"cmp"
	"maps"
	"math/bits"
	"net/netip"
	"slices"

	"vedette"
)

// index finds the restrictions that may concern a call. It never changes: an
// update makes a new one that shares what did not change. Each restriction is
// filed once, under the first of credential, account, owner, source, instrument
// and venue that it names.
type index struct {
	credential, account, owner, instrument, venue map[string][]*rule
	source                                        map[netip.Prefix][]*rule
	lengths4                                      uint64    // bit n: there are IPv4 prefixes of length n
	lengths6                                      [3]uint64 // the same for IPv6
	all                                           []*rule   // kills of all venues
}

func newIndex() *index { return &index{} }

// with returns an index that holds r too.
func (x *index) with(r *rule) *index { return x.edited(r, true) }

// without returns an index that does not hold r.
func (x *index) without(r *rule) *index { return x.edited(r, false) }

func (x *index) edited(r *rule, add bool) *index {
	y := *x
	y.edit(r, add, true)
	return &y
}

// edit files r or takes it out. It changes a map in place, unless copied first.
func (x *index) edit(r *rule, add, copied bool) {
	switch {
	case r.Credential != "":
		editMap(&x.credential, r.Credential, r, add, copied)
	case r.Account != "":
		editMap(&x.account, r.Account, r, add, copied)
	case r.Owner != "":
		editMap(&x.owner, r.Owner, r, add, copied)
	case r.Source != "":
		editMap(&x.source, r.prefix, r, add, copied)
		if add {
			x.noteLength(r.prefix)
		}
	case r.instrument != "":
		editMap(&x.instrument, r.instrument, r, add, copied)
	case r.Venue != "":
		editMap(&x.venue, r.Venue, r, add, copied)
	default:
		x.all = editList(x.all, r, add)
	}
}

func editMap[K comparable](m *map[K][]*rule, key K, r *rule, add, copied bool) {
	if *m == nil {
		*m = map[K][]*rule{}
	} else if copied {
		*m = maps.Clone(*m)
	}
	if list := editList((*m)[key], r, add); len(list) > 0 {
		(*m)[key] = list
	} else {
		delete(*m, key)
	}
}

// editList returns a new list, by id, with r or without it.
func editList(list []*rule, r *rule, add bool) []*rule {
	i, found := slices.BinarySearchFunc(list, r.ID, func(o *rule, id string) int { return cmp.Compare(o.ID, id) })
	out := make([]*rule, 0, len(list)+1)
	out = append(out, list[:i]...)
	if add {
		out = append(out, r)
	}
	if found {
		i++
	}
	return append(out, list[i:]...)
}

// noteLength marks a prefix length. Marks stay when the last such prefix goes: a
// look-up then finds nothing.
func (x *index) noteLength(p netip.Prefix) {
	if p.Addr().Is4() {
		x.lengths4 |= 1 << p.Bits()
	} else {
		x.lengths6[p.Bits()/64] |= 1 << (p.Bits() % 64)
	}
}

// each calls f for the restrictions that may concern the call, in an order that
// depends on nothing else, until f returns false. None comes twice.
func (x *index) each(c *vedette.Call, source netip.Addr, f func(*rule) bool) {
	_ = visit(x.credential[c.Credential], f) && (c.Joint == "" || c.Joint == c.Credential || visit(x.credential[c.Joint], f)) && visit(x.account[c.Account], f) && visit(x.owner[c.Owner], f) &&
		x.eachSource(source, f) && x.eachInstrument(c, f) && visit(x.venue[c.Venue], f) && visit(x.all, f)
}

func visit(list []*rule, f func(*rule) bool) bool {
	for _, r := range list {
		if !f(r) {
			return false
		}
	}
	return true
}

// eachSource looks up every prefix length that occurs, the longest first.
func (x *index) eachSource(a netip.Addr, f func(*rule) bool) bool {
	if len(x.source) == 0 || !a.IsValid() {
		return true
	}
	if a.Is4() {
		return x.eachLength(a, x.lengths4, 0, f)
	}
	for i := len(x.lengths6) - 1; i >= 0; i-- {
		if !x.eachLength(a, x.lengths6[i], 64*i, f) {
			return false
		}
	}
	return true
}

func (x *index) eachLength(a netip.Addr, lengths uint64, base int, f func(*rule) bool) bool {
	for lengths != 0 {
		n := 63 - bits.LeadingZeros64(lengths)
		lengths &^= 1 << n
		p, err := a.Prefix(base + n)
		if err != nil {
			panic("BUG: a prefix longer than its address")
		}
		if !visit(x.source[p], f) {
			return false
		}
	}
	return true
}

// eachInstrument looks up the instruments of the call and of its parts, each once.
func (x *index) eachInstrument(c *vedette.Call, f func(*rule) bool) bool {
	if len(x.instrument) == 0 {
		return true
	}
	var buf [maxInstrument]byte
	if c.Instrument != "" && !visit(x.instrument[string(fold(&buf, c.Instrument))], f) {
		return false
	}
	for i := range c.Batch {
		name := fold(&buf, c.Batch[i].Instrument)
		list := x.instrument[string(name)]
		if len(list) == 0 || seenBefore(c, i, list[0].instrument) {
			continue
		}
		if !visit(list, f) {
			return false
		}
	}
	return true
}

// seenBefore reports whether the call, or a part before part i, names the
// instrument. Batches have at most maxBatch parts.
func seenBefore(c *vedette.Call, i int, folded string) bool {
	if sameFold(folded, c.Instrument) {
		return true
	}
	for j := range i {
		if sameFold(folded, c.Batch[j].Instrument) {
			return true
		}
	}
	return false
}
