package detect

import (
	"math/bits"
	"unsafe"
)

// A packed record has its head, then a bit for each word of the rest that is not zero, then those words.

const (
	wordSize  = 8
	unitWords = unit / wordSize
	headWords = int(unsafe.Sizeof(record{})) / wordSize
)

func wordsOf(p unsafe.Pointer, n int) []uint64 { return unsafe.Slice((*uint64)(p), n) }

// words returns the words of a record of the shape.
func (s *shape) words() int { return int(s.size) / wordSize }

// pack packs a record into to, that has room for it whatever it holds, and returns how many words it takes.
func pack(to, from []uint64) int {
	copy(to, from[:headWords])
	to, from = to[headWords:], from[headWords:]
	n := (len(from) + 63) / 64
	for m := 0; len(from) > 0; m++ {
		group := from[:min(64, len(from))]
		from = from[len(group):]
		has := uint64(0)
		for i := 0; i < len(group); i += 8 {
			if len(group)-i >= 8 {
				if g := (*[8]uint64)(group[i:]); g[0]|g[1]|g[2]|g[3]|g[4]|g[5]|g[6]|g[7] == 0 {
					continue
				}
			}
			for j, w := range group[i:min(i+8, len(group))] {
				to[n] = w
				one := (w | -w) >> 63
				has |= one << (i + j)
				n += int(one)
			}
		}
		to[m] = has
	}
	return headWords + n
}

// unpack undoes pack.
func unpack(to, from []uint64) {
	copy(to, from[:headWords])
	to, from = to[headWords:], from[headWords:]
	clear(to)
	n := (len(to) + 63) / 64
	for m := 0; len(to) > 0; m++ {
		for has := from[m]; has != 0; has &= has - 1 {
			to[bits.TrailingZeros64(has)] = from[n]
			n++
		}
		to = to[min(64, len(to)):]
	}
}

// ring holds the keys of the subjects that are warm: those that were used last, told by the clock algorithm too.
type ring struct {
	keys  []uint64
	hand  int
	soon  int      // how many keys at the hand have been approached
	words []uint64 // to pack into
}

// heat makes a subject warm.
func (p *pool) heat(key uint64) {
	w := &p.warm
	if len(w.keys) >= 2*p.limit { // half of it are subjects that went, or are there twice
		p.recall()
	}
	w.keys = append(w.keys, key)
	p.relieve(key)
}

// relieve packs a subject that has been left alone, where memory is scarce, and another if that is not enough, but not the one that takes more,
// and none where few are warm.
func (p *pool) relieve(but uint64) {
	for i := 0; i < 2 && len(p.warm.keys) > p.few && p.memory.scarce() && p.cool(but); i++ {
	}
}

// cool packs the next subject that has been left alone, but for one, and takes it from the ring. It reports false where there is none.
func (p *pool) cool(but uint64) bool {
	w := &p.warm
	for range 2 * len(w.keys) {
		at := w.hand % len(w.keys)
		w.hand = at + 1
		if w.keys[at] == but { // it may be on its way into the index
			continue
		}
		q := &p.index[p.slot(w.keys[at])]
		switch {
		case q.ref == 0 || q.flags&packed != 0: // it went, or is here twice
		case q.flags&used != 0:
			q.flags &^= used
			continue
		default:
			p.pack(q)
		}
		last := len(w.keys) - 1
		w.keys[at] = w.keys[last]
		w.keys = w.keys[:last]
		return true
	}
	return false
}

// recall makes the ring anew, of those subjects that are warm.
func (p *pool) recall() {
	w := &p.warm
	w.keys, w.hand = w.keys[:0], 0
	for _, q := range p.index {
		if q.ref != 0 && q.flags&(packed|dense) == 0 {
			w.keys = append(w.keys, q.key)
		}
	}
}

// pack packs a subject's record, if that makes it smaller.
func (p *pool) pack(q *place) {
	r := p.memory.at(q.ref)
	s := p.table.shapes[(*record)(r).shape]
	w := &p.warm
	if need := 2*s.words() + unitWords; len(w.words) < need {
		w.words = make([]uint64, need)
	}
	n := pack(w.words, wordsOf(r, s.words()))
	units := (n + unitWords - 1) / unitWords
	if units >= s.units {
		q.flags |= dense
		return
	}
	ref := p.take(units)
	copy(wordsOf(p.memory.at(ref), n), w.words)
	q.flags |= packed
	p.move(q, ref, units)
}

// unpack unpacks a subject's record, and makes it warm. The one that is packed for it leaves its room to it mostly.
func (p *pool) unpack(q *place) {
	p.heat(q.key)
	from := p.memory.at(q.ref)
	s := p.table.shapes[(*record)(from).shape]
	ref := p.take(s.units)
	unpack(wordsOf(p.memory.at(ref), s.words()), wordsOf(from, int(q.units)*unitWords))
	q.flags &^= packed
	p.move(q, ref, s.units)
}
