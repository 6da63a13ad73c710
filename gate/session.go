package gate

import (
	"time"

	"vedette"
)

// Generation is a number that changes whenever what Session says may have become
// stricter: a restriction came into force, or another configuration. It is never 0.
// Who asked Session after reading it need not ask again while it stays.
func (g *Gate) Generation() uint64 { return g.generation.Load() + 1 }

// Watch has f called whenever Generation has changed. f must return at once and not
// call the gate.
func (g *Gate) Watch(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watchers = append(g.watchers, f)
}

// tighter says that what is in force may have become stricter. g.mu is held.
func (g *Gate) tighter() {
	g.generation.Add(1)
	for _, f := range g.watchers {
		f()
	}
}

// Session decides whether a session that was opened for the credential, account, owner
// and source of c may go on: a kill, a block or a freeze of them ends it, since the
// venue goes on sending without being asked. What refuses some calls only, and a freeze
// of one instrument, leaves it. Of several the one decides that Decide would name.
func (g *Gate) Session(c *vedette.Call, now time.Time) vedette.Decision {
	s, clock, source := g.settings.Load(), g.clock(now), c.Source.Addr().Unmap().WithZone("")
	var worst *rule
	g.index.Load().each(c, source, func(r *rule) bool {
		if ranks[r.Kind] <= rankFreeze && clock < r.until && r.concerns(c, source) && (worst == nil || r.before(worst)) {
			worst = r
		}
		return true
	})
	if worst == nil {
		return vedette.Decision{}
	}
	return s.weigh(refusal(worst))
}
