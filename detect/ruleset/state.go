package ruleset

import (
	"math"
	"math/bits"
	"slices"

	"vedette/detect"
)

// What rules keep of a subject. Each is of a fixed size and without pointers, and its zero value is a
// subject never seen.

// mark is an event that is remembered.
type mark struct {
	at       int64
	position uint64
}

// trail4 and trail8 remember the newest events exactly: for counts up to as many.
type (
	trail4 struct {
		n     uint32
		marks [4]mark
	}
	trail8 struct {
		n     uint32
		marks [8]mark
	}
)

// recent counts the remembered events that are at most width before at, and says when the first was.
func recent(marks []mark, at, width int64) (n int, from int64) {
	from = at
	for _, m := range marks {
		if m.at != 0 && at-m.at <= width {
			n++
			from = min(from, m.at)
		}
	}
	return n, from
}

func positions(marks []mark, at, width int64) (list []uint64) {
	for _, m := range marks {
		if m.at != 0 && at-m.at <= width {
			list = append(list, m.position)
		}
	}
	return list
}

// slots is how many parts a sliding window has: what it says is exact to an eighth of the window.
const slots = 8 // a power of two

// sums adds up over a sliding window, and keeps the places of the newest events.
type sums struct {
	sum    [slots]float32
	slot   int64 // number of the newest slot since 1970, +1; 0 before the first event
	newest [3]uint64
	n      uint32
}

// add adds v at a time and returns the sum over the window, and when the first of it can have been.
func (s *sums) add(at, width int64, v float64, position uint64) (sum float64, from int64) {
	part := width / slots
	slot := at/part + 1
	s.newest[s.n%uint32(len(s.newest))] = position
	s.n++
	for i := begun(&s.slot, slot); i <= slot; i++ {
		s.sum[i&(slots-1)] = 0
	}
	if slot > s.slot-slots {
		s.sum[slot&(slots-1)] += float32(v)
	}
	return s.total(part)
}

func (s *sums) total(part int64) (sum float64, from int64) {
	from = (s.slot - 1) * part
	for i := s.slot - slots + 1; i <= s.slot; i++ {
		if v := s.sum[i&(slots-1)]; v != 0 {
			sum += float64(v)
			from = min(from, (i-1)*part)
		}
	}
	return sum, from
}

func (s *sums) evidence() []uint64 { return slices.Clone(s.newest[:min(s.n, uint32(len(s.newest)))]) }

// begun moves the newest slot on, and returns the first of those that are new and to be cleared.
func begun(newest *int64, slot int64) (first int64) {
	first = max(*newest+1, slot-slots+1)
	*newest = max(*newest, slot)
	return first
}

// shares counts a part and the whole over a sliding window.
type shares struct {
	part, whole [slots]uint32
	slot        int64
	last        uint64
}

func (s *shares) add(at, width int64, hit bool, position uint64) (part, whole float64, from int64) {
	unit := width / slots
	slot := at/unit + 1
	for i := begun(&s.slot, slot); i <= slot; i++ {
		s.part[i&(slots-1)], s.whole[i&(slots-1)] = 0, 0
	}
	if slot > s.slot-slots {
		s.whole[slot&(slots-1)]++
		if hit {
			s.part[slot&(slots-1)]++
		}
	}
	if hit {
		s.last = position
	}
	some, all := uint64(0), uint64(0)
	for i := range s.whole {
		some, all = some+uint64(s.part[i]), all+uint64(s.whole[i])
	}
	from = at
	for i := s.slot - slots + 1; i <= s.slot; i++ {
		if s.whole[i&(slots-1)] != 0 {
			from = min(from, max((i-1)*unit, 0))
			break
		}
	}
	return float64(some), float64(all), from
}

// value is one that is told apart from others, with when it was seen last: in parts of the window, +1; 0
// where free.
type value struct{ hash, at uint32 }

type (
	values4  struct{ v [4]value }
	values8  struct{ v [8]value }
	values16 struct{ v [16]value }
	values32 struct{ v [32]value }
)

// tick is the unit in which times of values are kept: fine enough, and uint32 lasts for two years
// of the shortest window.
func tick(width int64) int64 { return max(width/64, 1) }

// meet takes in a value, and returns how many different ones the window holds, whether this is one of
// those, and whether one had to give way.
func meet(list []value, hash uint64, at, width int64) (n int, old, full bool) {
	unit := tick(width)
	h, now := uint32(hash>>32^hash), uint32(at/unit)
	now = max(now, 1)
	place := 0
	for i := range list {
		v := &list[i]
		if v.at != 0 && now > v.at && now-v.at > 64 {
			*v = value{}
		}
		switch {
		case v.at == 0:
		case v.hash == h:
			v.at, old = max(v.at, now), true
			n++
		default:
			n++
		}
		if list[i].at < list[place].at {
			place = i
		}
	}
	if old {
		return n, true, false
	}
	if full = list[place].at != 0; !full {
		n++
	}
	list[place] = value{h, now}
	return n, false, full
}

// sketch counts different values of a window in two halves, by linear counting (K.-Y. Whang et al., "A
// linear-time probabilistic counting algorithm for database applications", 1990).
type sketch struct {
	epoch int64 // of the newer half, +1
	last  uint64
}

// halves8 and halves16 are the bits of a sketch, in words.
type (
	halves8  struct{ half [2][8]uint64 }
	halves16 struct{ half [2][16]uint64 }
)

func (h *halves8) words() [2][]uint64  { return [2][]uint64{h.half[0][:], h.half[1][:]} }
func (h *halves16) words() [2][]uint64 { return [2][]uint64{h.half[0][:], h.half[1][:]} }

// add takes in a value and returns how many bits are free.
func (s *sketch) add(half [2][]uint64, hash uint64, at, width int64, position uint64) (free int) {
	epoch := at/max(width/2, 1) + 1
	switch {
	case epoch > s.epoch+1:
		clear(half[0])
		clear(half[1])
	case epoch > s.epoch:
		clear(half[epoch%2])
	}
	s.epoch, s.last = max(s.epoch, epoch), position
	bit := mix(hash) >> 54 % uint64(64*len(half[0]))
	half[epoch%2][bit/64] |= 1 << (bit % 64)
	for i, w := range half[0] {
		free += 64 - bits.OnesCount64(w|half[1][i])
	}
	return free
}

// estimate is how many values leave as many of n bits free.
func estimate(free int, n float64) float64 { return n * math.Log(n/max(float64(free), 0.5)) }

// freeAt is how many of n bits a number of values leaves free.
func freeAt(values, n float64) int { return int(n * math.Exp(-values/n)) }

// mix spreads a hash over all of its bits (D. Stafford's variant 13 of the finaliser of MurmurHash3).
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// baseline learns what is usual: a mean, or a quantile by stochastic approximation on the logarithm
// (H. Robbins and S. Monro, "A stochastic approximation method", 1951).
type baseline struct {
	usual float64
	n     uint32
	first int64 // when it began to learn
	last  int64
}

// ready reports whether there is enough to compare with.
func (b *baseline) ready(at, learn int64) bool { return b.n >= minLearned && at-b.first >= learn }

// update takes in a value. Those above factor times the usual move it no more than one just there: who
// wants to move the baseline has to go slowly.
func (b *baseline) update(v float64, at int64, u *usual) {
	if b.n == 0 {
		b.usual, b.first, b.last, b.n = v, at, at, 1
		return
	}
	if b.n >= minLearned {
		v = min(v, b.usual*u.factor)
	}
	weight := max(1/float64(b.n+1), min(float64(max(at-b.last, 0))/float64(u.over), 0.25))
	if u.quantile == 0 {
		b.usual += weight * (v - b.usual)
	} else {
		step := math.Exp2(min(16*weight, 1) * u.quantile)
		if v <= b.usual {
			step = math.Exp2(-min(16*weight, 1) * (1 - u.quantile))
		}
		if b.usual *= step; b.usual == 0 {
			b.usual = v
		}
	}
	b.n, b.last = min(b.n+1, math.MaxUint32-1), max(b.last, at)
}

// busy is a baseline of windows: of each, the highest that the sliding sum was.
type busy struct {
	baseline
	window int64 // the present one
	peak   float64
}

func (b *busy) see(v float64, at, width int64, u *usual) {
	if w := at / width; w > b.window {
		if b.window != 0 {
			b.update(b.peak, b.window*width, u)
		}
		b.window, b.peak = w, 0
	}
	b.peak = max(b.peak, v)
}

// run is a sequence under way.
type run struct {
	start int64
	step  uint16 // that is waited for
	times uint16 // that it came already
	n     uint32 // of places
	place [4]uint64
}

func (r *run) begin(e *detect.Event) { *r = run{start: e.Time} }

func (r *run) note(position uint64) {
	r.place[r.n%uint32(len(r.place))] = position
	r.n++
}

func (r *run) evidence() []uint64 { return slices.Clone(r.place[:min(r.n, uint32(len(r.place)))]) }
