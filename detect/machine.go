package detect

import (
	"reflect"
	"slices"
	"unsafe"
)

// Machine is state of a subject that several detectors read: it is kept once, and brought up to date
// before any of them looks at it.
type Machine struct {
	name    string
	version int // raised when its state changes: what a snapshot has of another is forgotten
	size    uintptr
	grown   uintptr // bytes of what it keeps of those that have grown
	moment  uintptr // bytes of what it tells of an event
	when    func(e *Event) bool
	grows   func(e *Event, state unsafe.Pointer) bool
	update  func(e *Event, state, grown, moment unsafe.Pointer)
	hear    func(e *Event, state unsafe.Pointer) // nil for a machine that hears of no findings
}

// NewMachine makes a machine of what update does with the events that when lets through, parts of
// batches too. Name and version are for snapshots. S is what Define says of a state. G is what is kept beside it of subjects that
// have grown: from the first event before which grows said so, which may be nil. Before, update gets nil for it. M is what the machine tells of the
// event at hand, zero before: it is not kept.
func NewMachine[S, G, M any](name string, version int, when func(e *Event) bool, grows func(e *Event, s *S) bool, update func(e *Event, s *S, g *G, m *M)) *Machine {
	for _, t := range []reflect.Type{reflect.TypeFor[S](), reflect.TypeFor[G](), reflect.TypeFor[M]()} {
		if !plain(t) {
			panic("BUG: the state of a machine has pointers: " + t.String())
		}
	}
	m := &Machine{name: name, version: version, size: unsafe.Sizeof(*new(S)), moment: unsafe.Sizeof(*new(M)), when: when,
		update: func(e *Event, state, grown, moment unsafe.Pointer) {
			m := (*M)(moment)
			*m = *new(M)
			update(e, (*S)(state), (*G)(grown), m)
		}}
	if grows != nil {
		m.grown, m.grows = unsafe.Sizeof(*new(G)), func(e *Event, state unsafe.Pointer) bool { return grows(e, (*S)(state)) }
	}
	return m
}

// run shows an event to a machine.
func (s *subject) run(j int, e *Event) {
	l := s.pool.table.layout
	m := l.machines[j]
	state, grown := s.part(l.machine[j]), unsafe.Pointer(nil)
	if m.grows != nil {
		if at := s.shape.at[l.grown[j]]; at != 0 {
			grown = unsafe.Add(s.r, at)
		} else if m.grows(e, state) {
			grown = s.part(l.grown[j])
			state = s.part(l.machine[j]) // the record may have moved
		}
	}
	m.update(e, state, grown, l.moments[j])
}

// Hearing completes a machine that is told of what other detectors find: of each finding of medium severity or higher
// on a subject whose state it has, with the event that raised it. Only findings of detectors that keep their state by the
// same kind can be heard: they are made by the shard that owns the subject, in the order of events. What is found
// of anything else comes at a time that depends on the shards.
func Hearing[S any](m *Machine, hear func(e *Event, s *S)) *Machine {
	if unsafe.Sizeof(*new(S)) != m.size {
		panic("BUG: " + m.name + " hears with another state")
	}
	m.hear = func(e *Event, state unsafe.Pointer) { hear(e, (*S)(state)) }
	return m
}

// tell lets the machines of a subject hear of a finding, but for the one whose detector made it.
func (s *shard) tell(e *Event, d *Detector) {
	t := s.tables[d.By]
	if t == nil {
		return
	}
	r := t.find(e.Subject[d.By])
	for i, m := range t.machines {
		if m.hear != nil && m != d.machine && r.r != nil && r.shape.has[t.machine[i]] == 1 {
			m.hear(e, r.part(t.machine[i]))
		}
	}
}

// Read completes a detector that looks at a machine's state, and keeps none of its own. It sees the calls
// that the machine sees and d.When lets through.
func Read[S, G, M any](d Detector, m *Machine, observe func(x *Context, s *S, g *G, m *M)) *Detector {
	if unsafe.Sizeof(*new(S)) != m.size || m.grows != nil && unsafe.Sizeof(*new(G)) != m.grown || unsafe.Sizeof(*new(M)) != m.moment {
		panic("BUG: " + d.Name + " reads a machine of another state")
	}
	also := d.When
	d.When = func(e *Event) bool { return m.when(e) && (also == nil || also(e)) }
	r := Define(d, func(*Context, *struct{}) {})
	r.machine = m
	r.observe = func(x *Context, state unsafe.Pointer) { observe(x, (*S)(state), (*G)(x.grown), (*M)(x.moment)) }
	return r
}

// Peek returns a copy of what a machine keeps of one subject, zero where it has not grown, and whether it is known. venue may be "" for
// kinds that are not of a venue.
func Peek[S, G any](e *Engine, m *Machine, by Kind, venue, name string) (s S, g G, ok bool) {
	e.subject(m, by, venue, name, false, func(r *subject, state, grown int) {
		s, ok = *(*S)(r.part(state)), true
		if grown != none && r.shape.has[grown] == 1 {
			g = *(*G)(r.part(grown))
		}
	})
	return s, g, ok
}

// Poke replaces what a machine keeps of one subject: with the zero values it begins anew. It reports whether the
// subject is known.
func Poke[S any, G comparable](e *Engine, m *Machine, by Kind, venue, name string, s S, g G) (ok bool) {
	return put(e, m, by, venue, name, false, s, g)
}

// Put is Poke, but that a subject that is not known is made known. It reports whether the machine runs at all.
func Put[S any, G comparable](e *Engine, m *Machine, by Kind, venue, name string, s S, g G) (ok bool) {
	return put(e, m, by, venue, name, true, s, g)
}

func put[S any, G comparable](e *Engine, m *Machine, by Kind, venue, name string, add bool, s S, g G) (ok bool) {
	e.subject(m, by, venue, name, add, func(r *subject, state, grown int) {
		if grown != none && (g != *new(G) || r.shape.has[grown] == 1) {
			*(*G)(r.part(grown)) = g
		}
		*(*S)(r.part(state)), ok = s, true
	})
	return ok
}

// Mark returns a keyed hash of b, by which what comes back can be known as the installation's own.
func (e *Engine) Mark(b []byte) uint64 { return e.cfg.Hash.Of(string(b)) }

// subject calls f with a subject of which the machine keeps something, or is to, and the parts that it keeps it in, while no shard runs.
func (e *Engine) subject(m *Machine, by Kind, venue, name string, add bool, f func(r *subject, state, grown int)) {
	key := e.cfg.Hash.Of(name)
	if by == ByCredential || by == ByAccount || by == ByInstrument {
		key = mixed(key, e.cfg.Hash.Of(venue))
	}
	e.pause()
	defer e.resume()
	t := e.shards[e.shardOf(key)].tables[by]
	if t == nil {
		return
	}
	r := t.find(key)
	if r.r == nil && add {
		r = t.get(key, true)
	}
	if i := slices.Index(t.machines, m); r.r != nil && i >= 0 && (add || r.shape.has[t.machine[i]] == 1) {
		f(&r, t.machine[i], t.grown[i])
	}
}
