package detect

import (
	"unsafe"

	"vedette"
)

// layout says how the states of all detectors of one kind lie in a record.
type layout struct {
	by        Kind
	rare      bool
	detectors []int     // indices in the set
	offset    []uintptr // of their episode
	state     []uintptr // of their state, or their machine's
	machines  machines
	size      uintptr // of the record
	// asked holds, for every operation and verdict, the places in detectors of those to ask.
	asked [vedette.Operations][vedette.Verdicts][]uint16
}

// record is the head of what is kept of one subject. The detectors' states follow.
type record struct {
	key  uint64
	used bool
	seen bool // since the hand last came by
	_    [6]byte
}

func newLayout(by Kind, rare bool, set []*Detector) *layout {
	l := &layout{by: by, rare: rare, size: unsafe.Sizeof(record{})}
	for i, d := range set {
		if d.By == by && d.Rare == rare {
			l.detectors, l.offset = append(l.detectors, i), append(l.offset, l.size)
			l.size += unsafe.Sizeof(episode{})
			at := l.size
			if d.machine != nil {
				at, l.size = l.machines.place(d.machine, l.size)
			}
			l.state = append(l.state, at)
			l.size += (d.size + 7) &^ 7
			l.index(d)
		}
	}
	return l
}

// index puts the detector that was added last where it wants to be asked.
func (l *layout) index(d *Detector) {
	for op := range l.asked {
		for v := range l.asked[op] {
			if d.Asks == nil || d.Asks(vedette.Operation(op), vedette.Verdict(v)) {
				l.asked[op][v] = append(l.asked[op][v], uint16(len(l.detectors)-1))
			}
		}
	}
}

// table keeps the subjects of one kind in one shard. Those that a stranger can invent have a room of
// their own, so that no flood of them displaces the others.
type table struct {
	*layout
	known, strangers pool
	evicted          uint64
}

func newTable(l *layout, subjects int) *table {
	strangers := max(subjects/strangerShare, 1)
	t := &table{layout: l}
	t.known.init(l.size, max(subjects-strangers, 1))
	t.strangers.init(l.size, strangers)
	return t
}

// get returns the subject's record, made if there is none.
func (t *table) get(key uint64, known bool) unsafe.Pointer {
	if r := t.known.find(key); r != nil {
		return r
	}
	stranger := t.strangers.find(key)
	if stranger != nil && !known {
		return stranger
	}
	if !known {
		return t.strangers.add(key, &t.evicted)
	}
	r := t.known.add(key, &t.evicted)
	if stranger != nil { // it has shown that it is none
		copy(bytesOf(r, t.size), bytesOf(stranger, t.size))
		t.strangers.drop(key)
	}
	return r
}

// name is what the table's subjects are counted under.
func (t *table) name() string {
	if t.rare {
		return t.by.String() + ".rare"
	}
	return t.by.String()
}

func bytesOf(p unsafe.Pointer, n uintptr) []byte { return unsafe.Slice((*byte)(p), n) }

// pool is a bounded set of records without pointers, found by key. When it is full, the one that
// was not seen for longest gives way, told by the clock algorithm (F. J. Corbató, "A paging experiment
// with the Multics system", 1968).
type pool struct {
	size  uintptr
	limit uint32
	used  uint32 // records that were handed out once
	slabs [][]uint64
	free  []uint32
	hand  uint32

	index []place // open addressing, a power of two, at most half full
}

type place struct {
	key uint64
	at  uint32 // number of the record, +1; 0 where free
}

const slabRecords = 1 << 10

func (p *pool) init(size uintptr, limit int) {
	p.size, p.limit = size, uint32(limit)
	p.index = make([]place, 1<<8)
}

func (p *pool) record(i uint32) *record {
	return (*record)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(p.slabs[i/slabRecords])), uintptr(i%slabRecords)*p.size))
}

func (p *pool) len() int { return int(p.used) - len(p.free) }

// find returns the record of key, nil if there is none.
func (p *pool) find(key uint64) unsafe.Pointer {
	mask := uint64(len(p.index) - 1)
	for i := home(key) & mask; p.index[i].at != 0; i = (i + 1) & mask {
		if p.index[i].key == key {
			r := p.record(p.index[i].at - 1)
			r.seen = true
			return unsafe.Pointer(r)
		}
	}
	return nil
}

// home spreads keys whose high bits chose the shard.
func home(key uint64) uint64 { return key * 0x9e3779b97f4a7c15 >> 20 }

// add makes a record for a key that has none.
func (p *pool) add(key uint64, evicted *uint64) unsafe.Pointer {
	if uint32(p.len()) >= p.limit {
		p.evict()
		*evicted++
	}
	if 2*(p.len()+1) > len(p.index) {
		p.grow()
	}
	var at uint32
	if n := len(p.free); n > 0 {
		at = p.free[n-1]
		p.free = p.free[:n-1]
	} else {
		if at = p.used; at%slabRecords == 0 {
			n := min(slabRecords, p.limit-at)
			p.slabs = append(p.slabs, make([]uint64, uintptr(n)*p.size/8))
		}
		p.used++
	}
	r := p.record(at)
	clear(bytesOf(unsafe.Pointer(r), p.size))
	r.key, r.used, r.seen = key, true, true
	p.enter(key, at)
	return unsafe.Pointer(r)
}

func (p *pool) enter(key uint64, at uint32) {
	mask := uint64(len(p.index) - 1)
	i := home(key) & mask
	for p.index[i].at != 0 {
		i = (i + 1) & mask
	}
	p.index[i] = place{key, at + 1}
}

func (p *pool) grow() {
	old := p.index
	p.index = make([]place, 2*len(old))
	for _, e := range old {
		if e.at != 0 {
			p.enter(e.key, e.at-1)
		}
	}
}

// evict drops the record at which the hand finds nothing seen since it last came by.
func (p *pool) evict() {
	for {
		r := p.record(p.hand)
		p.hand = (p.hand + 1) % p.used
		if r.used && !r.seen {
			p.drop(r.key)
			return
		}
		r.seen = false
	}
}

// drop forgets a key, and closes the gap in the index (Knuth, TAOCP vol. 3, 6.4, algorithm R).
func (p *pool) drop(key uint64) {
	mask := uint64(len(p.index) - 1)
	i := home(key) & mask
	for p.index[i].key != key || p.index[i].at == 0 {
		if p.index[i].at == 0 {
			return
		}
		i = (i + 1) & mask
	}
	at := p.index[i].at - 1
	p.record(at).used = false
	p.free = append(p.free, at)
	for j := i; ; {
		j = (j + 1) & mask
		if p.index[j].at == 0 {
			break
		}
		if h := home(p.index[j].key) & mask; (j-h)&mask >= (j-i)&mask {
			p.index[i] = p.index[j]
			i = j
		}
	}
	p.index[i] = place{}
}

// bytes returns the memory held, in bytes.
func (p *pool) bytes() int {
	return len(p.index)*int(unsafe.Sizeof(place{})) + cap(p.free)*4 + len(p.slabs)*slabRecords*int(p.size)
}
