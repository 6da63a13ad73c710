package gate

import (
	"math"
	"sync"
	"sync/atomic"
)

// minRate is calls a second; its interval of some 11 days is far from overflow.
const minRate = 1e-6

// maxBack is ns by which calls may come in another order than their times.
const maxBack = 1e9

// pace is a Limit as the generic cell rate algorithm (ITU-T I.371) takes it. A
// subject's whole state is the time at which its next call would be due were they
// spread evenly. That time lies at most tolerance ahead of now.
type pace struct {
	interval  int64 // ns between calls; 0 is no limit
	tolerance int64 // ns
}

func newPace(l Limit) pace {
	if l.Rate == 0 {
		return pace{}
	}
	interval := int64(math.Round(1e9 / l.Rate))
	burst := l.Burst
	if burst == 0 {
		burst = max(1, int(math.Ceil(l.Rate)))
	}
	if int64(burst) > math.MaxInt64/4/interval { // years of standing still are long enough
		burst = int(math.MaxInt64 / 4 / interval)
	}
	return pace{interval, interval * int64(burst)}
}

// take returns the state after one more call, or how long to wait for it.
func (p pace) take(due, now int64) (next, wait int64) {
	if due > now+p.tolerance+maxBack {
		due = now // the clock went back: better one burst too many than standing still
	}
	next = max(due, now) + p.interval
	return next, max(0, next-p.tolerance-now)
}

// bucket is one subject's state on its own.
type bucket struct{ due atomic.Int64 }

// take counts a call, or returns how many ns to wait and counts nothing.
func (b *bucket) take(p pace, now int64) (wait int64) {
	for {
		due := b.due.Load()
		next, wait := p.take(due, now)
		if wait > 0 || b.due.CompareAndSwap(due, next) {
			return wait
		}
	}
}

// giveBack undoes one take.
func (b *bucket) giveBack(p pace) { b.due.Add(-p.interval) }

// table holds the states of many subjects in bounded memory: sets of some ways,
// each with a lock.
//
// A state whose time is not ahead of now says nothing that its absence does not
// say, so it is replaced freely. A state that is ahead is never evicted: nobody
// makes the table forget another by inventing subjects. A subject that finds its
// set full of such states shares one overflow state with all others of that set.
type table struct {
	sets     []set
	replaced atomic.Uint64
	overflow atomic.Uint64
}

type set struct {
	mu       sync.Mutex
	key      [ways]uint64 // hash of the subject; 0 is empty
	due      [ways]int64
	overflow int64 // the shared state
}

func newTable(entries int) *table {
	n := 1
	for n*ways < entries {
		n *= 2
	}
	return &table{sets: make([]set, n)}
}

// take counts a call of the subject with the given hash, or returns how many ns
// to wait and counts nothing.
func (t *table) take(hash uint64, p pace, now int64) (wait int64) {
	hash |= 1 << 63 // never 0
	s := &t.sets[hash&uint64(len(t.sets)-1)]
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.slot(hash, now)
	due := &s.overflow
	if i < 0 {
		t.overflow.Add(1)
	} else {
		due = &s.due[i]
		if s.key[i] != hash {
			if s.key[i] != 0 {
				t.replaced.Add(1)
			}
			s.key[i], *due = hash, 0
		}
	}
	next, wait := p.take(*due, now)
	if wait == 0 {
		*due = next
	}
	return wait
}

// slot returns the subject's place, or one that it may take, or -1.
func (s *set) slot(hash uint64, now int64) int {
	free := -1
	for i, k := range s.key {
		if k == hash {
			return i
		}
		if free < 0 && (k == 0 || s.due[i] <= now) {
			free = i
		}
	}
	return free
}

// giveBack undoes one take of the subject.
func (t *table) giveBack(hash uint64, p pace) {
	hash |= 1 << 63
	s := &t.sets[hash&uint64(len(t.sets)-1)]
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, k := range s.key {
		if k == hash {
			s.due[i] -= p.interval
			return
		}
	}
	s.overflow -= p.interval
}
