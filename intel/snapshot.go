package intel

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"vedette"
)

// snapshot is everything that look-ups need. It never changes.
type snapshot struct {
	feeds    []string // by number
	lapse    []int64  // Unix seconds, by feed: when indicators without an end of their own cease to count
	prefixes *prefixes
	// values holds the other kinds, by kind; nil where there are none.
	values [vedette.IndicatorKey + 1]*table
	// lists holds the matches of each value, one list after another, the strictest first.
	lists []match
	geo   []*geo

	// unlisted holds hashes of credentials that are no listed key, each in the slot that
	// the hash says. Without the seed nobody can make two that are alike.
	unlisted *[unlistedSlots]atomic.Uint64
	seed     maphash.Seed
}

// match is what a feed says of a value.
type match struct {
	from, until int64 // Unix seconds; until is 0 where the feed's lapse counts
	feed        uint8
	action      vedette.IntelAction
	confidence  uint8
	last        bool // of its list
}

func (m *match) counts(now int64, lapse []int64) bool {
	if now < m.from {
		return false
	}
	if m.until == 0 {
		return now < lapse[m.feed]
	}
	return now < m.until
}

// enrich fills in where the source is, if the call does not say, and what of the call is
// listed. It does not allocate where c.Intel has room for maxMatches.
func (s *snapshot) enrich(c *vedette.Call, at time.Time) {
	now, source := at.Unix(), c.Source.Addr().Unmap()
	for _, g := range s.geo {
		if c.ASN != 0 && c.Country != "" || !source.IsValid() {
			break
		}
		p := g.lookup(source)
		if c.ASN == 0 {
			c.ASN = p.asn
		}
		if c.Country == "" {
			c.Country = p.country
		}
	}
	if source.IsValid() {
		if list, ok := s.prefixes.lookup(source); ok {
			s.note(c, vedette.IndicatorAddress, list, now)
		}
	}
	if s.values[vedette.IndicatorASN] != nil && c.ASN != 0 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], c.ASN)
		s.find(c, vedette.IndicatorASN, b[:], now)
	}
	if s.values[vedette.IndicatorJA4] != nil && c.JA4 != "" {
		var b [maxValue]byte
		s.find(c, vedette.IndicatorJA4, append(b[:0], c.JA4[:min(len(c.JA4), maxValue)]...), now)
	}
	if s.values[vedette.IndicatorWallet] != nil {
		s.wallets(c, now)
	}
	if s.values[vedette.IndicatorKey] != nil && c.Credential != "" {
		s.key(c, now)
	}
}

// wallets looks up every destination, and the credential where it is a wallet.
func (s *snapshot) wallets(c *vedette.Call, now int64) {
	s.wallet(c, c.Address, now)
	for i := range c.Batch {
		s.wallet(c, c.Batch[i].Address, now)
	}
	if isEVM(c.Credential) {
		s.wallet(c, c.Credential, now)
	}
}

func (s *snapshot) wallet(c *vedette.Call, address string, now int64) {
	if address == "" || len(address) > maxValue {
		return
	}
	var b [maxValue]byte
	s.find(c, vedette.IndicatorWallet, appendWallet(b[:0], address), now)
}

// key looks the credential up by its SHA-256. Hashing costs as much as the rest, so that
// credentials that are not listed are remembered.
func (s *snapshot) key(c *vedette.Call, now int64) {
	if len(c.Credential) > maxCredential {
		return
	}
	h := maphash.String(s.seed, c.Credential) | 1
	seen := &s.unlisted[h>>32%uint64(len(s.unlisted))]
	if seen.Load() == h {
		return
	}
	var b [maxCredential]byte
	sum := sha256.Sum256(append(b[:0], c.Credential...))
	if list, ok := s.values[vedette.IndicatorKey].get(sum[:]); ok {
		s.note(c, vedette.IndicatorKey, list, now)
	} else {
		seen.Store(h)
	}
}

func (s *snapshot) find(c *vedette.Call, kind vedette.IndicatorKind, key []byte, now int64) {
	if list, ok := s.values[kind].get(key); ok {
		s.note(c, kind, list, now)
	}
}

// note adds the matches of a list that count now to the call.
func (s *snapshot) note(c *vedette.Call, kind vedette.IndicatorKind, list uint32, now int64) {
	for i := list; ; i++ {
		m := &s.lists[i]
		if m.counts(now, s.lapse) {
			c.Intel = add(c.Intel, vedette.IntelMatch{Feed: s.feeds[m.feed], Kind: kind, Confidence: m.confidence, Action: m.action})
		}
		if m.last {
			return
		}
	}
}

// add adds a match, unless its feed and kind are there already in a form as strict. Where
// there is no room the mildest gives way.
func add(list []vedette.IntelMatch, m vedette.IntelMatch) []vedette.IntelMatch {
	mildest := 0
	for i := range list {
		if list[i].Kind == m.Kind && list[i].Feed == m.Feed {
			if stricter(&m, &list[i]) {
				list[i] = m
			}
			return list
		}
		if stricter(&list[mildest], &list[i]) {
			mildest = i
		}
	}
	if len(list) < maxMatches {
		return append(list, m)
	}
	if stricter(&m, &list[mildest]) {
		list[mildest] = m
	}
	return list
}

func stricter(a, b *vedette.IntelMatch) bool {
	return a.Action > b.Action || a.Action == b.Action && a.Confidence > b.Confidence
}

// A contribution is what one feed gives to a snapshot.
type contribution struct {
	feed       *Feed
	indicators []Indicator
	geo        *geo
	lapse      int64
}

// builder makes a snapshot.
type builder struct {
	*snapshot
	known map[string]uint32 // lists by their content
	buf   []byte
}

// item is a value with what one feed says of it.
type item[K any] struct {
	key K
	m   match
}

// compile makes a snapshot of what feeds say, at most maxFeeds.
func compile(of []contribution) *snapshot {
	b := builder{snapshot: &snapshot{prefixes: &prefixes{}, unlisted: &[unlistedSlots]atomic.Uint64{}, seed: maphash.MakeSeed()}, known: map[string]uint32{}}
	var ranges []item[netip.Prefix]
	var values [len(b.values)][]item[string]
	for n, c := range of {
		b.feeds, b.lapse = append(b.feeds, c.feed.Name), append(b.lapse, c.lapse)
		if c.geo != nil {
			b.geo = append(b.geo, c.geo)
		}
		for i := range c.indicators {
			in := &c.indicators[i]
			m := match{from: in.From, until: in.Until, feed: uint8(n), confidence: in.confidence(c.feed)}
			if m.confidence >= c.feed.MinConfidence {
				m.action = c.feed.Action
			}
			if in.Kind == vedette.IndicatorAddress {
				ranges = append(ranges, item[netip.Prefix]{in.Prefix, m})
			} else {
				values[in.Kind] = append(values[in.Kind], item[string]{string(appendKey(nil, in)), m})
			}
		}
	}
	b.addPrefixes(ranges)
	for kind, items := range values {
		b.addValues(kind, items)
	}
	return b.snapshot
}

// groups calls f for each key with all that is said of it, in the order of keys.
func groups[K any](items []item[K], order func(a, b K) int, f func(key K, of []match)) {
	slices.SortFunc(items, func(a, b item[K]) int { return order(a.key, b.key) })
	var of []match
	for i := range items {
		of = append(of, items[i].m)
		if i+1 == len(items) || order(items[i].key, items[i+1].key) != 0 {
			f(items[i].key, of)
			of = of[:0]
		}
	}
}

// around is a prefix that is open while what it holds is added.
type around struct {
	p  netip.Prefix
	of []match // said of it and of all that hold it
	at uint32
}

// addPrefixes gives each prefix what is said of it and of all that hold it, so that one
// look-up of the longest finds all.
func (b *builder) addPrefixes(items []item[netip.Prefix]) {
	var open []around
	shut := func() {
		last := len(open) - 1
		next := lastOf(open[last].p).Next()
		if open = open[:last]; !next.IsValid() {
			return // the end of the address space
		}
		at := uint32(0)
		if last > 0 {
			at = open[last-1].at
		}
		b.prefixes.say(next, at)
	}
	groups(items, netip.Prefix.Compare, func(p netip.Prefix, of []match) {
		for len(open) > 0 && !open[len(open)-1].p.Overlaps(p) {
			shut()
		}
		all := slices.Clone(of)
		if len(open) > 0 {
			all = append(all, open[len(open)-1].of...)
		}
		all = strictest(all)
		open = append(open, around{p, all, b.list(all) + 1})
		b.prefixes.say(p.Addr(), open[len(open)-1].at)
	})
	for len(open) > 0 {
		shut()
	}
	b.prefixes.index()
}

func (b *builder) addValues(kind int, items []item[string]) {
	if len(items) == 0 {
		return
	}
	t := newTable(len(items))
	groups(items, strings.Compare, func(key string, of []match) { t.put([]byte(key), b.list(strictest(of))) })
	b.values[kind] = t
}

// strictest sorts matches, the strictest and longest first, without repeats, and keeps
// maxList.
func strictest(of []match) []match {
	if len(of) > 1 {
		slices.SortFunc(of, func(x, y match) int {
			return cmp.Or(cmp.Compare(y.action, x.action), cmp.Compare(y.confidence, x.confidence), cmp.Compare(x.feed, y.feed),
				cmp.Compare(y.until-1, x.until-1), cmp.Compare(x.from, y.from))
		})
		of = slices.Compact(of)
	}
	return of[:min(len(of), maxList)]
}

// list returns where the list of these matches begins. Lists that are alike are kept once.
func (b *builder) list(of []match) uint32 {
	b.buf = b.buf[:0]
	for i := range of {
		m := &of[i]
		b.buf = append(b.buf, m.feed, byte(m.action), m.confidence)
		b.buf = binary.BigEndian.AppendUint64(b.buf, uint64(m.from))
		b.buf = binary.BigEndian.AppendUint64(b.buf, uint64(m.until))
	}
	if at, ok := b.known[string(b.buf)]; ok {
		return at
	}
	if len(b.lists)+len(of) > math.MaxUint32 {
		panic("BUG: more matches than the limits allow")
	}
	at := uint32(len(b.lists))
	b.lists = append(b.lists, of...)
	b.lists[len(b.lists)-1].last = true
	b.known[string(b.buf)] = at
	return at
}

// lapsing returns the snapshot with other times of lapse.
func (s *snapshot) lapsing(lapse []int64) *snapshot {
	next := *s
	next.lapse = lapse
	return &next
}
