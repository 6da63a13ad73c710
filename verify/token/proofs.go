package token

import (
	"sync"
	"time"
)

// proofs remembers the ids of DPoP proofs in two generations. An id is held for
// at least span, which is as long as its proof could be accepted, and less
// than three times that. When the running generation is full, no id is taken: the proof is
// refused, because to accept it would allow its replay.
type proofs struct {
	mu       sync.Mutex
	span     time.Duration
	limit    int // ids of one generation
	now, old map[[32]byte]struct{}
	turned   time.Time
}

func newProofs(capacity int, span time.Duration) *proofs {
	return &proofs{span: span, limit: max(1, capacity/2), now: make(map[[32]byte]struct{})}
}

// add notes id and reports whether it was there before and whether there was no
// room for it.
func (p *proofs) add(id [32]byte, now, _ time.Time) (again, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	if p.has(id) {
		return true, false
	}
	if len(p.now) >= p.limit {
		return false, true
	}
	p.now[id] = struct{}{}
	return false, false
}

func (p *proofs) has(id [32]byte) bool {
	if _, ok := p.now[id]; ok {
		return true
	}
	_, ok := p.old[id]
	return ok
}

// turn starts a new generation when the running one is span old.
func (p *proofs) turn(now time.Time) {
	if p.turned.IsZero() {
		p.turned = now
	}
	age := now.Sub(p.turned)
	if age < p.span {
		return
	}
	p.old = p.now
	if age >= 2*p.span {
		p.old = nil
	}
	p.now = make(map[[32]byte]struct{})
	p.turned = now
}
