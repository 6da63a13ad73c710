package detect

import (
	"slices"
	"unsafe"

	"vedette"
)

// layout says what is kept of the subjects of one kind: the parts that a record can have, one for the state of each detector and machine.
// A record has the parts that its subject gave cause for: most subjects never make an event that most detectors have a use for.
type layout struct {
	by       Kind
	machines []*Machine
	machine  []int            // by machine: the part of its state
	grown    []int            // by machine: the part of what it keeps of those that have grown, or none
	moments  []unsafe.Pointer // by machine: what it tells of the event at hand
	parts    []uintptr
	fields   []field
	// asked holds, for every operation and verdict, and whether the event is plain, the detectors to ask.
	asked [vedette.Operations][vedette.Verdicts][2][]*asking

	shapes []*shape
	known  map[string]*shape
}

// ask returns the detectors to ask of a sort of event.
func (l *layout) ask(s Sort) []*asking {
	if s.Plain {
		return l.asked[s.Operation][s.Verdict][1]
	}
	return l.asked[s.Operation][s.Verdict][0]
}

// none is the part of what keeps nothing.
const none = -1

// field is what a snapshot calls a piece of a part.
type field struct {
	name    string
	version int
	meaning uint64
	part    int
	at      uintptr // in the part
	size    uintptr
}

// asking is a detector as it is asked about every call: what that takes lies together.
type asking struct {
	when    func(*Event) bool
	match   func(*Context) bool
	starts  func(*Context) bool
	observe func(*Context, unsafe.Pointer)
	params  []float64
	state   int     // the part of its state, or of its machine's; none where it keeps nothing
	episode int     // the part that has its episode
	at      uintptr // where in that
	n       int     // in the set
	parts   bool
	grown   int            // of its machine: the part, or none
	moment  unsafe.Pointer // of its machine
	d       *Detector
}

// episodesPart is how many detectors' episodes make a part: what was found of a subject is little, or nothing.
const episodesPart = 16

// newLayout lays out the states of those of a set that are of a kind, nil if there are none. params are the set's.
func newLayout(by Kind, set []*Detector, params [][]float64) *layout {
	l := &layout{by: by, known: map[string]*shape{}}
	var list []asking
	for i, d := range set {
		if d.By == by {
			list = append(list, asking{d.When, d.Match, d.Starts, d.observe, params[i], none, len(list) / episodesPart, uintptr(len(list)%episodesPart) * unsafe.Sizeof(episode{}), i, d.Parts, none, nil, d})
		}
	}
	if len(list) == 0 {
		return nil
	}
	for n := len(list); n > 0; n -= episodesPart {
		l.parts = append(l.parts, uintptr(min(n, episodesPart))*unsafe.Sizeof(episode{}))
	}
	for i := range list {
		a := &list[i]
		l.fields = append(l.fields, field{a.d.Name, a.d.Version, a.d.Meaning, a.episode, a.at, unsafe.Sizeof(episode{})})
		a.state = l.place(a.d)
		if i := slices.Index(l.machines, a.d.machine); i >= 0 {
			a.grown, a.moment = l.grown[i], l.moments[i]
		}
		l.index(a)
	}
	l.shape(make([]byte, len(l.parts)))
	return l
}

// place returns the part of a detector's state, or of its machine's.
func (l *layout) place(d *Detector) int {
	m := d.machine
	switch i := slices.Index(l.machines, m); {
	case m == nil && d.size == 0:
		return none
	case m == nil:
		return l.part(d.Name+" state", d.Version, d.Meaning, d.size)
	case i >= 0:
		return l.machine[i]
	}
	i := l.part(m.name+" machine", m.version, 0, m.size)
	grown := none
	if m.grows != nil {
		grown = l.part(m.name+" grown", m.version, 0, m.grown)
	}
	l.machines, l.machine, l.grown = append(l.machines, m), append(l.machine, i), append(l.grown, grown)
	l.moments = append(l.moments, unsafe.Pointer(unsafe.SliceData(make([]uint64, m.moment/wordSize+1))))
	return i
}

// part adds one, and returns its number.
func (l *layout) part(name string, version int, meaning uint64, size uintptr) int {
	l.parts = append(l.parts, (size+7)&^7)
	l.fields = append(l.fields, field{name, version, meaning, len(l.parts) - 1, 0, size})
	return len(l.parts) - 1
}

// index puts a detector where it wants to be asked.
func (l *layout) index(a *asking) {
	for op := range l.asked {
		for v := range l.asked[op] {
			for plain := range l.asked[op][v] {
				if a.d.Asks == nil || a.d.Asks(Sort{vedette.Operation(op), vedette.Verdict(v), plain == 1}) {
					l.asked[op][v][plain] = append(l.asked[op][v][plain], a)
				}
			}
		}
	}
}

// shape is a set of parts, and where they lie in the records that have just these: in the order of their numbers, so that a part that is added
// moves those behind it by its size.
type shape struct {
	number uint32
	has    []byte   // by part, 1 or 0
	at     []uint32 // by part, from the record's begin; 0 for one that it does not have
	more   []*shape // by part, the shape that has it too; nil where nobody has asked
	size   uintptr  // of a record
	units  int      // of memory that it takes
}

// maxShapes bounds the shapes of a layout. Traffic makes some hundred; whoever makes more has their records given all parts.
const maxShapes = 1 << 12

// shape returns the shape that has the parts.
func (l *layout) shape(has []byte) *shape {
	if s := l.known[string(has)]; s != nil {
		return s
	}
	if len(l.shapes) >= maxShapes-1 {
		for i := range has {
			has[i] = 1
		}
		if s := l.known[string(has)]; s != nil {
			return s
		}
	}
	s := &shape{number: uint32(len(l.shapes)), has: has, at: make([]uint32, len(has)), more: make([]*shape, len(has)), size: unsafe.Sizeof(record{})}
	for i, size := range l.parts {
		if has[i] == 1 {
			s.at[i] = uint32(s.size)
			s.size += size
		}
	}
	s.units = int((s.size + unit - 1) / unit)
	l.shapes = append(l.shapes, s)
	l.known[string(has)] = s
	return s
}

// with returns the shape that has one more part.
func (l *layout) with(s *shape, part int) *shape {
	if s.has[part] == 1 {
		return s
	}
	if s.more[part] == nil {
		has := slices.Clone(s.has)
		has[part] = 1
		s.more[part] = l.shape(has)
	}
	return s.more[part]
}
