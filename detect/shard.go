package detect

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// shard owns the subjects whose hash falls to it. One goroutine runs it, so nothing is locked.
type shard struct {
	e      *Engine
	number int
	tables [Kinds]*table // nil where no detector keeps that kind
	in     chan *batch
	memory *memory
	x      Context // used again for every event
	rounds uint    // of approach

	mu   sync.Mutex // what others may see
	size size
}

// size is how much a shard keeps.
type size struct {
	subjects [Kinds]int
	evicted  uint64
	bytes    int
}

// measure lets others see how much there is.
func (s *shard) measure() {
	var n size
	for k, t := range s.tables {
		if t != nil {
			n.subjects[k] = t.known.n + t.strangers.n
			n.evicted += t.evicted
			n.bytes += t.known.bytes() + t.strangers.bytes()
		}
	}
	s.mu.Lock()
	s.size = n
	s.mu.Unlock()
}

func newShard(e *Engine, number, subjects int) *shard {
	s := &shard{e: e, number: number, in: make(chan *batch, batchCount+1), memory: &memory{plenty: subjects * subjectBytes / unit}}
	for k := range kindCount {
		if l := newLayout(k, e.cfg.Detectors, e.params); l != nil {
			s.tables[k] = newTable(l, subjects, s.memory)
		}
	}
	return s
}

func (s *shard) run() {
	for b := range s.in {
		s.judge(b)
		b.pending.Done()
	}
}

// judge shows the shard's events of a batch to its detectors.
func (s *shard) judge(b *batch) {
	for from := 0; from < len(b.events); from += ahead {
		to := min(from+ahead, len(b.events))
		s.approach(b.events[from:to])
		for i := from; i < to; i++ {
			if len(b.mine) == 0 || b.mine[i]&(1<<s.number) != 0 {
				s.event(b, i)
			}
		}
	}
	s.measure()
}

// ahead is how many events are approached at once: their subjects' records are to stay in a processor's nearer caches meanwhile.
const ahead = 32

// nearRounds is for how many approaches, up to twice, a record stays near: it is not approached again meanwhile.
const nearRounds = 4

// nearBytes of a pool are near anyway.
const nearBytes = 1 << 20

// approach has what is kept of the subjects of some events brought near, for when detectors ask for it. With many subjects hardly
// any is, and a processor that waits for one read can wait for ten others meanwhile, if none of them depends on it: so the index is read for all
// subjects first, then all of their records. Those that will be packed, for others to be unpacked, are brought too.
func (s *shard) approach(events []Event) {
	s.rounds++
	now := uint8(s.rounds / nearRounds)
	var list [2 * ahead * Kinds]near
	n := 0
	for i := range events {
		for k, t := range s.tables {
			if key := events[i].Subject[k]; t != nil && t.known.held > nearBytes && key != 0 && s.owns(key) {
				list[n] = near{&t.known, key}
				list[n].prefetch()
				n++
			}
		}
	}
	cold := n
	for _, x := range list[:n] {
		q := &x.index[x.slot(x.key)]
		if q.ref == 0 || now-q.near <= 1 {
			continue
		}
		q.near = now
		prefetch(x.memory.at(q.ref), int(q.units))
		if q.flags&packed != 0 && s.memory.scarce() {
			list[cold] = near{x.pool, x.warm.keys[(x.warm.hand+x.warm.soon)%len(x.warm.keys)]}
			list[cold].prefetch()
			x.warm.soon++
			cold++
		}
	}
	for _, x := range list[n:cold] {
		x.warm.soon = 0
		if q := &x.index[x.slot(x.key)]; q.ref != 0 {
			prefetch(x.memory.at(q.ref), int(q.units))
		}
	}
}

// near is a subject that is approached.
type near struct {
	*pool
	key uint64
}

// prefetch has the subject's place in the index brought near.
func (n *near) prefetch() { prefetch(unsafe.Pointer(&n.index[n.home(n.key)]), 1) }

func (s *shard) owns(key uint64) bool {
	return len(s.e.shards) == 1 || s.e.shardOf(key) == uint64(s.number)
}

// event shows an event to the detectors whose subject the shard owns.
func (s *shard) event(b *batch, i int) {
	ev := &b.events[i]
	sort := ev.Sort()
	s.x = Context{Event: ev, arena: b.arena, out: &b.out[s.number], shard: s}
	for k, t := range s.tables {
		key := ev.Subject[k]
		if t == nil || key == 0 || !s.owns(key) {
			continue
		}
		var r subject
		for j, m := range t.machines {
			if m.when(ev) {
				if r.r == nil {
					r = t.get(key, ev.Known)
				}
				r.run(j, ev)
			}
		}
		for _, a := range t.ask(sort) {
			if ev.Part > 0 && !a.parts || a.when != nil && !a.when(ev) {
				continue
			}
			s.x.d, s.x.params, s.x.order = a.d, a.params, i*len(s.e.cfg.Detectors)+a.n
			if a.match != nil && !a.match(&s.x) {
				continue
			}
			if a.starts != nil && !a.starts(&s.x) {
				if r.r == nil {
					r = t.find(key)
				}
				if r.r == nil || r.shape.has[a.state] == 0 {
					continue
				}
			}
			if r.r == nil || ev.Known && r.pool != &t.known {
				r = t.get(key, ev.Known)
			}
			s.ask(a, &r)
		}
	}
}

// ask shows the event to a detector. Its episode is written after it: a record may move when it gets one, and the detector holds its state.
func (s *shard) ask(a *asking, r *subject) {
	state := r.part(a.state)
	s.x.episode, s.x.opened, s.x.grown, s.x.moment = episode{}, false, nil, a.moment
	if a.grown != none {
		if at := r.shape.at[a.grown]; at != 0 {
			s.x.grown = unsafe.Add(r.r, at)
		}
	}
	if at := r.shape.at[a.episode]; at != 0 {
		s.x.episode = *(*episode)(unsafe.Add(r.r, uintptr(at)+a.at))
	}
	a.observe(&s.x, state)
	if s.x.opened {
		*(*episode)(unsafe.Add(r.part(a.episode), a.at)) = s.x.episode
	}
}

// parameters gives every detector its parameters: the defaults, changed as configured.
func parameters(set []*Detector, changed map[string]map[string]float64) ([][]float64, error) {
	all := make([][]float64, len(set))
	names := map[string]bool{}
	for i, d := range set {
		if names[d.Name] {
			return nil, fmt.Errorf("cannot start detection: two detectors are called %s", d.Name)
		}
		names[d.Name] = true
		for _, p := range d.Params {
			v, ok := changed[d.Name][p.Name]
			if !ok {
				v = p.Default
			}
			if p.Max != 0 && v > p.Max {
				return nil, fmt.Errorf("cannot configure %s: %s is at most %v", d.Name, p.Name, p.Max)
			}
			all[i] = append(all[i], v)
		}
		for name := range changed[d.Name] {
			if !slices.ContainsFunc(d.Params, func(p Param) bool { return p.Name == name }) {
				return nil, fmt.Errorf("cannot configure %s: it has no parameter %q; it has %s", d.Name, name, paramNames(d))
			}
		}
	}
	for name := range changed {
		if !names[name] {
			return nil, fmt.Errorf("cannot configure detector %q: there is none of that name", name)
		}
	}
	return all, nil
}

func paramNames(d *Detector) string {
	var names []string
	for _, p := range d.Params {
		names = append(names, p.Name)
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}
