package sim

import (
	"math/rand/v2"
	"sync"
	"time"

	"vedette/sim/exchange"
)

// walk is the reference price of an instrument: a random walk over time since the
// start that depends on the seed only.
type walk struct {
	mu     sync.Mutex
	rng    *rand.Rand
	prices []exchange.Units
	tick   exchange.Units
}

func newWalk(seed uint64, i int, start, tick exchange.Units) *walk {
	return &walk{rng: stream(seed, "walk", i), prices: []exchange.Units{start}, tick: tick}
}

// at returns the price at a time since the start.
func (w *walk) at(since time.Duration) exchange.Units {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := int(since / walkStep)
	for len(w.prices) <= i {
		p := w.prices[len(w.prices)-1]
		p += p / 100_000 * exchange.Units(w.rng.IntN(41)-20) // up to two hundredths of a per cent
		w.prices = append(w.prices, p)
	}
	return w.prices[i]
}

// away returns the price moved by hundredths of a per cent, on the tick.
func (w *walk) away(since time.Duration, basis int) exchange.Units {
	p := w.at(since)
	p += p / 10_000 * exchange.Units(basis)
	return p - p%w.tick
}

// stream is a generator of its own for one part of the simulation, so that parts do
// not disturb each other's randomness.
func stream(seed uint64, part string, i int) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, c := range []byte(part) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h+uint64(i)*0x9e3779b97f4a7c15))
}
