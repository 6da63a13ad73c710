package detect

import "time"

// Marks remembers the newest 8 events: when they were, where they are in the ledger, and a tag that the
// detector gives them.
type Marks struct {
	time     [8]int64
	position [8]uint64
	tag      [8]uint32
	n        uint32 // of all
}

// MaxMarks is how many events Marks can count.
const MaxMarks = 8

// Add remembers an event.
func (m *Marks) Add(e *Event, tag uint32) {
	i := m.n % MaxMarks
	m.time[i], m.position[i], m.tag[i] = e.Time, e.Position, tag
	m.n++
}

// each calls f for the remembered events that are at most d before at.
func (m *Marks) each(at int64, d time.Duration, f func(i int)) {
	for i := range min(m.n, MaxMarks) {
		if at-m.time[i] <= int64(d) {
			f(int(i))
		}
	}
}

// Within returns how many events there were in the time d before at, at most MaxMarks, and when the first was.
func (m *Marks) Within(at int64, d time.Duration) (n int, first int64) {
	first = at
	m.each(at, d, func(i int) { n, first = n+1, min(first, m.time[i]) })
	return n, first
}

// Since returns the positions of those events.
func (m *Marks) Since(at int64, d time.Duration) (list []uint64) {
	m.each(at, d, func(i int) { list = append(list, m.position[i]) })
	return list
}

// Tags puts the tags of those events into a buffer, and returns what it filled.
func (m *Marks) Tags(at int64, d time.Duration, to *[MaxMarks]uint32) []uint32 {
	n := 0
	m.each(at, d, func(i int) { to[n] = m.tag[i]; n++ })
	return to[:n]
}

// Kinds returns how many different tags those events have.
func (m *Marks) Kinds(at int64, d time.Duration) (n int) {
	var buffer [MaxMarks]uint32
	tags := m.Tags(at, d, &buffer)
	for i, t := range tags {
		n++
		for _, u := range tags[:i] {
			if t == u {
				n--
				break
			}
		}
	}
	return n
}

// Slots remembers 4 values, the last used first, and since when each has been known.
type Slots struct {
	value [4]uint32
	since [4]uint32 // s since 1970
}

// Use finds the value, which is a hash, or puts it in the place of the one that was not used for longest.
// It returns since when it has been known, Unix ns to the second, and whether it is new.
func (s *Slots) Use(value uint64, at int64) (since int64, fresh bool) {
	v := Fold(value)
	if s.value[0] == v {
		return int64(s.since[0]) * int64(time.Second), false
	}
	t := uint32(at / int64(time.Second))
	i := 1
	for i < len(s.value)-1 && s.value[i] != v {
		i++
	}
	if fresh = s.value[i] != v; !fresh {
		t = s.since[i]
	}
	copy(s.value[1:i+1], s.value[:i])
	copy(s.since[1:i+1], s.since[:i])
	s.value[0], s.since[0] = v, t
	return int64(t) * int64(time.Second), fresh
}

// Fold makes a short hash of a long one; of 0 alone it makes 0.
func Fold(value uint64) uint32 {
	if value == 0 {
		return 0
	}
	return max(uint32(mix(value)), 1)
}

// Level is how bad an episode has become. A detector that can tell worse from bad keeps one, so that
// the worse is not hidden in the quiet time of the bad.
type Level uint8

// Rise says that the detector's condition holds at a level, and reports whether to raise a finding: it is
// news, as by Open, or worse than before. Such a finding speaks of now: From stays zero, which keeps the
// ids of an episode's findings apart.
func (l *Level) Rise(x *Context, to Level) bool {
	if news := x.Open(); !news && to <= *l {
		return false
	}
	*l = to
	return true
}
