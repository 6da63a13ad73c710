package proxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A guard ends what takes too long on one connection. Setting a deadline on a
// net.Conn for each request costs a timer; a guard costs one atomic store, and the
// sweeper looks at all guards every SweepResolution.
type guard struct {
	at   atomic.Int64 // coarse time of expiry with the idle bit, guardOff or guardFired
	conn net.Conn
}

const (
	guardOff   = 0
	guardFired = -1
	idleBit    = 1
)

// arm sets the time to live from now on. It reports false if the guard has fired: the
// connection is lost then.
func (g *guard) arm(c *sweeper, d time.Duration) bool {
	return g.at.Swap((c.coarse.Load()+int64(d))&^idleBit) != guardFired
}

// armIdle is arm for a connection that waits for nothing in particular, and may be
// closed at a shutdown.
func (g *guard) armIdle(c *sweeper, d time.Duration) bool {
	return g.at.Swap((c.coarse.Load()+int64(d))|idleBit) != guardFired
}

// off disarms, and reports false if the guard has fired.
func (g *guard) off() bool { return g.at.Swap(guardOff) != guardFired }

// fire ends every read and write under way if the guard still is at what was seen.
func (g *guard) fire(seen int64) bool {
	if !g.at.CompareAndSwap(seen, guardFired) {
		return false
	}
	g.conn.SetDeadline(time.Unix(1, 0))
	return true
}

// sweeper keeps the coarse time and all guards.
type sweeper struct {
	coarse atomic.Int64 // nanoseconds since an arbitrary start, advances each tick; even
	start  time.Time
	stop   chan struct{}
	done   chan struct{}

	mu      sync.Mutex
	guards  map[*guard]struct{}
	tasks   []func() // run each tick
	stopped bool
}

func newSweeper() *sweeper {
	s := &sweeper{start: time.Now(), stop: make(chan struct{}), done: make(chan struct{}), guards: map[*guard]struct{}{}}
	s.coarse.Store(2)
	return s
}

func (s *sweeper) run(tick time.Duration) {
	defer close(s.done)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.sweep()
		}
	}
}

// sweep fires what has expired.
func (s *sweeper) sweep() {
	now := int64(time.Since(s.start))&^idleBit + 2
	s.coarse.Store(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	for g := range s.guards {
		if at := g.at.Load(); at > guardOff && at < now {
			g.fire(at)
		}
	}
	for _, f := range s.tasks {
		f()
	}
}

// closeIdle fires every guard that is idle.
func (s *sweeper) closeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for g := range s.guards {
		if at := g.at.Load(); at > guardOff && at&idleBit != 0 {
			g.fire(at)
		}
	}
}

func (s *sweeper) add(g *guard, c net.Conn) {
	g.conn = c
	s.mu.Lock()
	s.guards[g] = struct{}{}
	s.mu.Unlock()
}

// move has the guard end c instead.
func (s *sweeper) move(g *guard, c net.Conn) {
	s.mu.Lock()
	g.conn = c
	s.mu.Unlock()
}

func (s *sweeper) remove(g *guard) {
	s.mu.Lock()
	delete(s.guards, g)
	s.mu.Unlock()
}

// closeAll fires every guard.
func (s *sweeper) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for g := range s.guards {
		g.at.Store(guardFired)
		g.conn.SetDeadline(time.Unix(1, 0))
	}
}
