package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Why there is no connection to an upstream.
var (
	errDown = errors.New("upstream is down")
	errFull = errors.New("no upstream connection free in time")
)

// upstream is the bounded pool of connections to one venue's API, with its health.
type upstream struct {
	addr  string
	host  string // for the Host field, as in the URL
	tls   *tls.Config
	sweep *sweeper
	lim   atomic.Pointer[Limits]

	mu      sync.Mutex
	idle    []*link // the last used on top
	open    int     // idle, in use and being dialled
	waiters []chan *link
	closed  bool

	failures  atomic.Int64 // in a row
	downUntil atomic.Int64 // coarse time until which nothing is tried; 0 while up
	nextCheck atomic.Int64
	checking  atomic.Bool
}

// link is one connection to an upstream.
type link struct {
	net.Conn
	up     *upstream
	g      guard
	buf    []byte
	r, w   int
	moved  bool // buf no longer holds the head of the answer under way
	reused bool
	since  int64 // coarse time of its return to the pool
	raw    syscall.RawConn
	peek   func(fd uintptr) bool // made once: a closure each time would allocate
	stale  bool                  // what peek found
	secure bool
}

func newUpstream(v *Venue, s *sweeper) (*upstream, error) {
	u, err := url.Parse(v.Upstream)
	if err != nil {
		return nil, err
	}
	up := &upstream{addr: u.Host, host: u.Host, sweep: s}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
		up.tls = &tls.Config{}
		if v.UpstreamTLS != nil {
			up.tls = v.UpstreamTLS.Clone()
		}
		up.tls.MinVersion = max(up.tls.MinVersion, tls.VersionTLS12)
		up.tls.NextProtos = []string{"http/1.1"}
		if up.tls.ServerName == "" {
			up.tls.ServerName = u.Hostname()
		}
	}
	if u.Port() == "" {
		up.addr = net.JoinHostPort(u.Hostname(), port)
	}
	return up, nil
}

// get returns a connection: an idle one, a new one, or one that somebody gives back
// within ConnectTimeout.
func (u *upstream) get(fresh bool) (*link, error) {
	if until := u.downUntil.Load(); until != 0 {
		now := u.sweep.coarse.Load()
		// The first caller after the time is up tries for all.
		if now < until || !u.downUntil.CompareAndSwap(until, now+int64(u.lim.Load().DownTime)) {
			return nil, errDown
		}
	}
	for {
		u.mu.Lock()
		if n := len(u.idle); n > 0 && !fresh {
			l := u.idle[n-1]
			u.idle = u.idle[:n-1]
			u.mu.Unlock()
			if l.usable() {
				return l, nil
			}
			u.drop(l)
			continue
		}
		if n := len(u.idle); n > 0 && u.open >= u.lim.Load().UpstreamConns {
			l := u.idle[0] // a fresh one is wanted and all are idle: the oldest goes
			u.idle = append(u.idle[:0], u.idle[1:]...)
			u.mu.Unlock()
			u.drop(l)
			continue
		}
		if u.open < u.lim.Load().UpstreamConns {
			u.open++
			u.mu.Unlock()
			return u.dial()
		}
		ch := make(chan *link, 1)
		u.waiters = append(u.waiters, ch)
		u.mu.Unlock()
		l, err := u.wait(ch)
		if err != nil {
			return nil, err
		}
		if l == nil {
			return u.dial() // a place without a connection
		}
		if l.usable() {
			return l, nil
		}
		u.drop(l)
	}
}

func (u *upstream) wait(ch chan *link) (*link, error) {
	t := time.NewTimer(u.lim.Load().ConnectTimeout)
	defer t.Stop()
	select {
	case l := <-ch:
		return l, nil
	case <-t.C:
	}
	u.mu.Lock()
	for i, w := range u.waiters {
		if w == ch {
			u.waiters = append(u.waiters[:i], u.waiters[i+1:]...)
			break
		}
	}
	u.mu.Unlock()
	select {
	case l := <-ch: // handed over just now
		return l, nil
	default:
		return nil, errFull
	}
}

// dial connects; the place in open is already taken.
func (u *upstream) dial() (*link, error) {
	timeout := u.lim.Load().ConnectTimeout
	c, err := net.DialTimeout("tcp", u.addr, timeout)
	if err == nil && u.tls != nil {
		t := tls.Client(c, u.tls)
		c.SetDeadline(time.Now().Add(timeout))
		if err = t.Handshake(); err != nil {
			c.Close()
		}
		c.SetDeadline(time.Time{})
		l := newLink(u, t, c)
		l.secure = true
		if err == nil {
			u.sweep.add(&l.g, l)
			return l, nil
		}
	}
	if err != nil {
		u.failed()
		u.release()
		return nil, err
	}
	l := newLink(u, c, c)
	u.sweep.add(&l.g, l)
	return l, nil
}

func newLink(u *upstream, c, tcp net.Conn) *link {
	l := &link{Conn: c, up: u, buf: make([]byte, 2*firstBuffer)}
	if s, ok := tcp.(syscall.Conn); ok {
		l.raw, _ = s.SyscallConn()
	}
	l.peek = func(fd uintptr) bool {
		l.stale = peekStale(fd, l.secure)
		return true
	}
	return l
}

// usable reports whether an idle connection may carry another request: the upstream
// has neither closed it nor sent anything unasked.
func (l *link) usable() bool {
	if !l.g.off() {
		return false
	}
	l.reused = true
	if l.raw != nil {
		l.stale = true
		if l.raw.Read(l.peek) != nil || l.stale {
			return false
		}
	}
	return true
}

// put gives a connection back.
func (u *upstream) put(l *link) {
	if !l.g.off() || l.r != l.w {
		u.drop(l)
		return
	}
	l.r, l.w, l.moved = 0, 0, false
	if cap(l.buf) > keepBuffer {
		l.buf = make([]byte, 2*firstBuffer)
	}
	l.since = u.sweep.coarse.Load()
	u.mu.Lock()
	if n := len(u.waiters); n > 0 {
		ch := u.waiters[0]
		u.waiters = append(u.waiters[:0], u.waiters[1:]...)
		u.mu.Unlock()
		ch <- l
		return
	}
	if u.closed || len(u.idle) >= u.lim.Load().UpstreamIdle {
		u.mu.Unlock()
		u.drop(l)
		return
	}
	u.idle = append(u.idle, l)
	u.mu.Unlock()
}

// drop closes a connection and frees its place.
func (u *upstream) drop(l *link) {
	u.sweep.remove(&l.g)
	l.Close()
	u.release()
}

// release frees a place, to the first who waits for one.
func (u *upstream) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.waiters) > 0 {
		ch := u.waiters[0]
		u.waiters = append(u.waiters[:0], u.waiters[1:]...)
		ch <- nil
		return
	}
	u.open--
}

// prune closes idle connections that were not used for UpstreamTimeout. It runs under
// the sweeper's lock, so the closing is left to another goroutine.
func (u *upstream) prune() {
	old := u.sweep.coarse.Load() - int64(u.lim.Load().UpstreamTimeout)
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for n < len(u.idle) && (u.closed || u.idle[n].since < old) {
		n++
	}
	if n == 0 {
		return
	}
	dead := append([]*link(nil), u.idle[:n]...)
	u.idle = append(u.idle[:0], u.idle[n:]...)
	go func() {
		for _, l := range dead {
			u.drop(l)
		}
	}()
}

// close ends all idle connections now and the others when they are given back.
func (u *upstream) close() {
	u.mu.Lock()
	dead := u.idle
	u.idle, u.closed = nil, true
	u.mu.Unlock()
	for _, l := range dead {
		u.drop(l)
	}
}

// failed notes that the upstream could not be reached or broke its word.
func (u *upstream) failed() {
	lim := u.lim.Load()
	if u.failures.Add(1) >= int64(lim.FailuresToDown) {
		u.downUntil.Store(u.sweep.coarse.Load() + int64(lim.DownTime))
	}
}

// well notes an answer.
func (u *upstream) well() {
	if u.failures.Load() != 0 {
		u.failures.Store(0)
	}
	if u.downUntil.Load() != 0 {
		u.downUntil.Store(0)
	}
}

// up reports whether the upstream counts as up.
func (u *upstream) up() bool { return u.downUntil.Load() == 0 }
