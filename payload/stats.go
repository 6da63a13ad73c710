package payload

import (
	"sync/atomic"
	"time"

	"vedette"
)

type counters struct {
	suspicious atomic.Uint64
	attacks    atomic.Uint64
	clean      atomic.Uint64
	unexamined [vedette.UnexaminedCauses]atomic.Uint64
	panics     atomic.Uint64
	lastPanic  atomic.Value // string
	busy       atomic.Int64 // ns
	compiled   atomic.Int64 // ns
}

func (c *counters) count(found *vedette.Injection) {
	switch {
	case found.Classes != 0:
		c.attacks.Add(1)
	case found.Unexamined == vedette.Examined:
		c.clean.Add(1)
	default:
		c.unexamined[found.Unexamined].Add(1)
	}
}

// Stats are figures since the start.
type Stats struct {
	Suspicious uint64 // calls that the filter did not take for trading
	Attacks    uint64 // of them, those in which the rules found a payload
	Clean      uint64 // those in which they did not
	Unexamined [vedette.UnexaminedCauses]uint64
	Panics     uint64        // of the rules
	LastPanic  string        // where; "" without
	Busy       time.Duration // that examinations took
	Compiled   time.Duration // that compiling the rules took; 0 before
}

// Stats returns the figures.
func (e *Examiner) Stats() Stats {
	c := &e.stats
	s := Stats{Suspicious: c.suspicious.Load(), Attacks: c.attacks.Load(), Clean: c.clean.Load(), Panics: c.panics.Load(),
		Busy: time.Duration(c.busy.Load()), Compiled: time.Duration(c.compiled.Load())}
	s.LastPanic, _ = c.lastPanic.Load().(string)
	for i := range s.Unexamined {
		s.Unexamined[i] = c.unexamined[i].Load()
	}
	return s
}
