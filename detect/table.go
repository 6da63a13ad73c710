package detect

import (
	"slices"
	"unsafe"
)

// record is the head of what is kept of one subject. The parts of its shape follow.
type record struct {
	key   uint64
	shape uint32
	_     uint32
}

// table keeps the subjects of one kind in one shard. Those that a stranger can invent have a room of
// their own, so that no flood of them displaces the others.
type table struct {
	*layout
	known, strangers pool
	evicted          uint64
}

func newTable(l *layout, subjects int, m *memory) *table {
	strangers := max(subjects/strangerShare, 1)
	t := &table{layout: l}
	t.known.init(t, max(subjects-strangers, 1), m)
	t.strangers.init(t, strangers, m)
	return t
}

// subject is a place to reach a subject's record by. It is valid until another subject is looked for.
type subject struct {
	pool  *pool
	slot  uint64 // in the index
	shape *shape
	r     unsafe.Pointer
}

// find looks for a subject; r is nil if there is none.
func (t *table) find(key uint64) subject {
	if s := t.known.find(key); s.r != nil {
		return s
	}
	return t.strangers.find(key)
}

// get returns the subject, that is made if there is none.
func (t *table) get(key uint64, known bool) subject {
	s := t.find(key)
	switch {
	case s.r != nil && (!known || s.pool == &t.known):
		return s
	case !known:
		return t.strangers.add(key, t.shapes[0])
	case s.r == nil:
		return t.known.add(key, t.shapes[0])
	}
	n := t.known.add(key, s.shape) // it has shown that it is no stranger
	copy(bytesOf(n.r, s.shape.size), bytesOf(s.r, s.shape.size))
	t.strangers.drop(s.slot)
	return n
}

// part returns one of the record's parts, that is made if there is none. The record may move by that.
func (s *subject) part(i int) unsafe.Pointer {
	if i == none {
		return s.r
	}
	at := s.shape.at[i]
	if at == 0 {
		s.grow(i)
		at = s.shape.at[i]
	}
	return unsafe.Add(s.r, at)
}

// grow gives the record a part, zero.
func (s *subject) grow(part int) {
	p, old, from := s.pool, s.shape, s.r
	s.shape = p.table.with(old, part)
	if s.shape.units != old.units {
		ref := p.take(s.shape.units)
		s.r = p.memory.at(ref)
		s.lay(from, old)
		q := &p.index[s.slot]
		if q.flags&dense != 0 {
			q.flags &^= dense
			p.warm.keys = append(p.warm.keys, q.key)
		}
		p.move(q, ref, s.shape.units)
		p.relieve(q.key)
		s.r = p.memory.at(q.ref) // it may have moved
		return
	}
	s.lay(from, old)
}

// lay puts the parts of another shape's record, which may be the same memory, where they belong.
func (s *subject) lay(from unsafe.Pointer, old *shape) {
	for i := len(old.at) - 1; i >= 0; i-- {
		size := s.pool.table.parts[i]
		switch {
		case old.has[i] == 1:
			copy(bytesOf(unsafe.Add(s.r, s.shape.at[i]), size), bytesOf(unsafe.Add(from, old.at[i]), size))
		case s.shape.has[i] == 1:
			clear(bytesOf(unsafe.Add(s.r, s.shape.at[i]), size))
		}
	}
	*(*record)(s.r) = record{key: (*record)(from).key, shape: s.shape.number}
}

func bytesOf(p unsafe.Pointer, n uintptr) []byte { return unsafe.Slice((*byte)(p), n) }

// pool is a bounded set of records without pointers, found by key. When it is full, the one that
// was not seen for longest gives way, told by the clock algorithm (F. J. Corbató, "A paging experiment
// with the Multics system", 1968).
//
// Most of a record is zero, and most subjects are quiet: where memory is scarce, the records of those are packed.
type pool struct {
	table   *table
	memory  *memory
	limit   int
	few     int // subjects that stay warm even where memory is scarce
	n       int
	hand    uint64
	held    int     // bytes of slabs
	index   []place // open addressing, a power of two, at most half full
	classes []class // by units of a record
	warm    ring
}

type place struct {
	key   uint64
	ref   uint32 // of the record; 0 where free
	units uint16 // of the record
	flags uint8
	near  uint8 // when it was last approached, in nearRounds
}

const (
	seen = 1 << iota // since the pool's hand last came by
	used             // since the ring's hand last came by
	packed
	dense // packing made it no smaller: it is not in the ring until it grows
)

func (p *pool) init(t *table, limit int, m *memory) {
	p.table, p.limit, p.few, p.memory = t, limit, limit/warmShare, m
	p.index = make([]place, 1<<8)
}

// home is where a key's search begins; it spreads keys whose high bits chose the shard.
func (p *pool) home(key uint64) uint64 {
	return key * 0x9e3779b97f4a7c15 >> 20 & uint64(len(p.index)-1)
}

func (p *pool) next(i uint64) uint64 { return (i + 1) & uint64(len(p.index)-1) }

// slot returns where a key is in the index, or where its search ends.
func (p *pool) slot(key uint64) uint64 {
	i := p.home(key)
	for p.index[i].ref != 0 && p.index[i].key != key {
		i = p.next(i)
	}
	return i
}

// find looks for the record of a key.
func (p *pool) find(key uint64) subject {
	i := p.slot(key)
	q := &p.index[i]
	if q.ref == 0 {
		return subject{}
	}
	if q.flags&packed != 0 {
		p.unpack(q)
		q.flags = seen
	} else {
		q.flags = q.flags&dense | seen | used
	}
	r := p.memory.at(q.ref)
	return subject{p, i, p.table.shapes[(*record)(r).shape], r}
}

// add makes a record for a key that has none. Its parts are as they come.
func (p *pool) add(key uint64, s *shape) subject {
	if p.n >= p.limit {
		p.evict()
	}
	if 2*(p.n+1) > len(p.index) {
		p.rehash()
	}
	p.heat(key)
	ref := p.take(s.units)
	r := p.memory.at(ref)
	clear(bytesOf(r, s.size))
	*(*record)(r) = record{key: key, shape: s.number}
	p.n++
	return subject{p, p.enter(place{key: key, ref: ref, units: uint16(s.units), flags: seen}), s, r}
}

func (p *pool) enter(q place) uint64 {
	i := p.home(q.key)
	for p.index[i].ref != 0 {
		i = p.next(i)
	}
	p.index[i] = q
	return i
}

func (p *pool) rehash() {
	old := p.index
	p.index = make([]place, 2*len(old))
	for _, q := range old {
		if q.ref != 0 {
			p.enter(q)
		}
	}
}

// evict drops the record at which the hand finds nothing seen since it last came by.
func (p *pool) evict() {
	for ; ; p.hand++ {
		p.hand &= uint64(len(p.index) - 1)
		q := &p.index[p.hand]
		if q.ref != 0 && q.flags&seen == 0 {
			p.drop(p.hand)
			p.table.evicted++
			return
		}
		q.flags &^= seen
	}
}

// drop forgets the subject of a slot, and closes the gap in the index (Knuth, TAOCP vol. 3, 6.4, algorithm R).
func (p *pool) drop(i uint64) {
	ref, units := p.index[i].ref, int(p.index[i].units)
	p.n--
	for j := i; ; {
		j = p.next(j)
		if p.index[j].ref == 0 {
			break
		}
		mask := uint64(len(p.index) - 1)
		if h := p.home(p.index[j].key); (j-h)&mask >= (j-i)&mask {
			p.index[i] = p.index[j]
			i = j
		}
	}
	p.index[i] = place{}
	p.give(units, ref)
}

// class is where records of one size lie, with some gaps.
type class struct {
	units int
	slabs []uint32 // refs
	n     int      // records, and gaps among them
	gaps  []uint32 // refs
}

func (c *class) perSlab() int { return slabUnits(c.units) / c.units }

// ref returns where the i-th record lies.
func (c *class) ref(i int) uint32 {
	return c.slabs[i/c.perSlab()] + uint32(i%c.perSlab()*c.units)
}

// take returns room for a record of a size.
func (p *pool) take(units int) uint32 {
	for len(p.classes) <= units {
		p.classes = append(p.classes, class{units: len(p.classes)})
	}
	c := &p.classes[units]
	if n := len(c.gaps); n > 0 {
		ref := c.gaps[n-1]
		c.gaps = c.gaps[:n-1]
		return ref
	}
	if c.n == len(c.slabs)*c.perSlab() {
		c.slabs = append(c.slabs, p.memory.take(slabUnits(units)))
		p.held += slabUnits(units) * unit
	}
	c.n++
	return c.ref(c.n - 1)
}

// give takes the room of a record back. Gaps wait for other records of that size: to close each at once would move a record that nobody asked for.
// They are a slab and a part of the records at most.
func (p *pool) give(units int, ref uint32) {
	c := &p.classes[units]
	c.gaps = append(c.gaps, ref)
	if len(c.gaps) > c.perSlab()+c.n/gapShare {
		p.shrink(c)
	}
}

// shrink moves the records of the newest slab into gaps of the others, and gives it back.
func (p *pool) shrink(c *class) {
	first := (len(c.slabs) - 1) * c.perSlab()
	slab, size := c.slabs[len(c.slabs)-1], uint32(c.perSlab()*c.units)
	var free [slabBytes / unit]bool // as many as the smallest make a slab
	c.gaps = slices.DeleteFunc(c.gaps, func(ref uint32) bool {
		inside := ref-slab < size
		if inside {
			free[(ref-slab)/uint32(c.units)] = true
		}
		return inside
	})
	for i := range c.n - first {
		if free[i] {
			continue
		}
		to := c.gaps[len(c.gaps)-1]
		c.gaps = c.gaps[:len(c.gaps)-1]
		from := p.memory.at(c.ref(first + i))
		copy(bytesOf(p.memory.at(to), uintptr(c.units)*unit), bytesOf(from, uintptr(c.units)*unit))
		p.index[p.slot((*record)(from).key)].ref = to
	}
	p.memory.give(slabUnits(c.units), slab)
	p.held -= slabUnits(c.units) * unit
	c.slabs, c.n = c.slabs[:len(c.slabs)-1], first
}

// move lets a subject's record be at another place, where it already is.
func (p *pool) move(q *place, ref uint32, units int) {
	was, had := q.ref, int(q.units)
	q.ref, q.units = ref, uint16(units)
	p.give(had, was)
}

// each calls f for every record, as it is when it is not packed.
func (p *pool) each(f func(s *shape, r unsafe.Pointer)) {
	var whole []uint64
	for _, q := range p.index {
		if q.ref == 0 {
			continue
		}
		r := p.memory.at(q.ref)
		s := p.table.shapes[(*record)(r).shape]
		if q.flags&packed != 0 {
			whole = slices.Grow(whole[:0], s.words())[:s.words()]
			unpack(whole, wordsOf(r, int(q.units)*unitWords))
			r = unsafe.Pointer(unsafe.SliceData(whole))
		}
		f(s, r)
	}
}

// bytes returns the memory held.
func (p *pool) bytes() int {
	return p.held + len(p.index)*int(unsafe.Sizeof(place{})) + cap(p.warm.keys)*wordSize
}
