package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"slices"
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
	idle    [][]*link // by home; the last used on top
	idling  int       // links in idle
	open    int       // idle, in use and being dialled
	waiters []waiter
	closed  bool

	failures  atomic.Int64 // in a row
	downUntil atomic.Int64 // coarse time until which nothing is tried; 0 while up
	nextCheck atomic.Int64
	checking  atomic.Bool
}

// waiter is a call that waits for a link of its home, or for a place: nil.
type waiter struct {
	home  int
	since int64 // coarse
	ch    chan *link
}

// link is one connection to an upstream.
type link struct {
	net.Conn
	up     *upstream
	home   int   // the loop that it is on, counted from 1; 0 for none
	sock   *sock // on its loop, nil without
	g      guard
	buf    []byte
	r, w   int
	moved  bool // buf no longer holds the head of the answer under way
	reused bool
	since  int64 // coarse time of its return to the pool
	raw    syscall.RawConn
	peek   func(fd uintptr) bool // made once: a closure each time would allocate
	stale  bool                  // what peek found
	under  *movable              // under TLS, nil without
	probe  [1]byte
}

func newUpstream(v *Venue, s *sweeper, loops int) (*upstream, error) {
	u, err := url.Parse(v.Upstream)
	if err != nil {
		return nil, err
	}
	up := &upstream{addr: u.Host, host: u.Host, sweep: s, idle: make([][]*link, 1+loops)}
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

// get returns a connection for t: an idle one, a new one, or one that somebody gives back
// within ConnectTimeout.
func (u *upstream) get(fresh bool, t *task) (*link, error) {
	if until := u.downUntil.Load(); until != 0 {
		now := u.sweep.coarse.Load()
		// The first caller after the time is up tries for all.
		if now < until || !u.downUntil.CompareAndSwap(until, now+int64(u.lim.Load().DownTime)) {
			return nil, errDown
		}
	}
	home := homeOf(t)
	for {
		u.mu.Lock()
		if n := len(u.idle[home]); n > 0 && !fresh {
			l := u.take(home, n-1)
			u.mu.Unlock()
			if l.usable(t) {
				return l, nil
			}
			u.drop(l)
			continue
		}
		if u.open < u.lim.Load().UpstreamConns {
			u.open++
			u.mu.Unlock()
			return u.dial(t)
		}
		if u.idling > 0 { // a fresh one is wanted, or they are on other loops: the oldest goes
			l := u.take(u.oldest(), 0)
			u.mu.Unlock()
			u.drop(l)
			continue
		}
		w := waiter{home: home, since: u.sweep.coarse.Load(), ch: make(chan *link, 1)}
		u.waiters = append(u.waiters, w)
		u.mu.Unlock()
		l, err := u.wait(w, t)
		if err != nil {
			return nil, err
		}
		if l == nil {
			return u.dial(t) // a place without a connection
		}
		if l.usable(t) {
			return l, nil
		}
		u.drop(l)
	}
}

func homeOf(t *task) int {
	if t == nil {
		return 0
	}
	return t.l.index + 1
}

// take takes an idle link, with u.mu held.
func (u *upstream) take(home, i int) *link {
	list := u.idle[home]
	l := list[i]
	u.idle[home] = append(list[:i], list[i+1:]...)
	u.idling--
	return l
}

// oldest returns the home whose link idles longest, with u.mu held and one idle.
func (u *upstream) oldest() int {
	home := -1
	for h, list := range u.idle {
		if len(list) > 0 && (home < 0 || list[0].since < u.idle[home][0].since) {
			home = h
		}
	}
	return home
}

func (u *upstream) wait(w waiter, t *task) (l *link, err error) {
	t.block(func() { l, err = u.waitHere(w) })
	return l, err
}

func (u *upstream) waitHere(w waiter) (*link, error) {
	t := time.NewTimer(u.lim.Load().ConnectTimeout)
	defer t.Stop()
	select {
	case l := <-w.ch:
		return l, nil
	case <-t.C:
	}
	u.mu.Lock()
	u.waiters = slices.DeleteFunc(u.waiters, func(o waiter) bool { return o == w })
	u.mu.Unlock()
	select {
	case l := <-w.ch: // handed over just now
		return l, nil
	default:
		return nil, errFull
	}
}

// dial connects; the place in open is already taken.
func (u *upstream) dial(t *task) (l *link, err error) {
	t.block(func() { l, err = u.dialHere(t) })
	if err != nil {
		u.failed()
		u.release()
		return nil, err
	}
	u.sweep.add(&l.g, l)
	return l, nil
}

// dialHere connects and shakes hands, and puts the connection on the task's loop then.
func (u *upstream) dialHere(t *task) (*link, error) {
	timeout := u.lim.Load().ConnectTimeout
	c, err := net.DialTimeout("tcp", u.addr, timeout)
	if err != nil {
		return nil, err
	}
	l := &link{Conn: c, up: u, home: homeOf(t), buf: make([]byte, 2*firstBuffer)}
	if u.tls != nil {
		l.under = newMovable(c)
		s := tls.Client(l.under, u.tls)
		l.Conn = s
		c.SetDeadline(time.Now().Add(timeout))
		if err := s.Handshake(); err != nil {
			c.Close()
			return nil, err
		}
		c.SetDeadline(time.Time{})
	}
	tcp, ok := c.(*net.TCPConn)
	if t == nil || !ok {
		l.watch(c)
		return l, nil
	}
	if l.sock, err = t.l.adopt(tcp, t); err != nil {
		c.Close()
		return nil, err
	}
	if l.under != nil {
		l.under.Conn, l.under.now = l.sock, l.sock.readNow
	} else {
		l.Conn = l.sock
	}
	return l, nil
}

// movable is a connection under TLS, that goes on in another form.
type movable struct {
	net.Conn
	now   func(b []byte) (int, error) // Read that waits for nothing
	eager bool                        // for now

	mu sync.Mutex // of Conn, for guards: who uses the connection changes it
}

// become goes on as c.
func (m *movable) become(c net.Conn, now func(b []byte) (int, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Conn, m.now = c, now
}

// SetDeadline implements net.Conn. A guard calls it at any time.
func (m *movable) SetDeadline(t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Conn.SetDeadline(t)
}

func newMovable(c net.Conn) *movable {
	m := &movable{Conn: c, now: func([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }}
	s, ok := c.(syscall.Conn)
	if !ok {
		return m
	}
	if raw, err := s.SyscallConn(); err == nil {
		m.now = func(b []byte) (n int, err error) {
			if e := raw.Read(func(fd uintptr) bool { n, err = readNow(fd, b); return true }); e != nil {
				return 0, e
			}
			return n, err
		}
	}
	return m
}

func (m *movable) Read(b []byte) (int, error) {
	if m.eager {
		return m.now(b)
	}
	return m.Conn.Read(b)
}

// watch readies usable.
func (l *link) watch(tcp net.Conn) {
	if s, ok := tcp.(syscall.Conn); ok {
		l.raw, _ = s.SyscallConn()
	}
	l.peek = func(fd uintptr) bool {
		l.stale = peekStale(fd)
		return true
	}
}

// usable reports whether an idle connection may carry another request: the upstream
// has neither closed it nor sent anything unasked. It is t's from then on.
func (l *link) usable(t *task) bool {
	if !l.g.off() {
		return false
	}
	l.reused = true
	if l.sock != nil {
		l.sock.task = t
	}
	switch {
	case l.under != nil:
		return l.silent()
	case l.sock != nil:
		return !l.sock.stale()
	case l.raw != nil:
		l.stale = true
		if l.raw.Read(l.peek) != nil || l.stale {
			return false
		}
	}
	return true
}

// silent reports whether the upstream has said nothing over TLS but what is TLS's own. What it said may
// lie in TLS's buffer as well as the kernel's, and only TLS can tell an answer from a session ticket.
func (l *link) silent() bool {
	l.under.eager = true
	n, err := l.Conn.Read(l.probe[:])
	l.under.eager = false
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
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
	if l.sock != nil {
		l.sock.task = nil
	}
	u.mu.Lock()
	if i := u.next(l.home); i >= 0 {
		w := u.waiters[i]
		u.waiters = slices.Delete(u.waiters, i, i+1)
		w.ch <- l // has room, and is sent before the waiter can give up
		u.mu.Unlock()
		return
	}
	if u.closed || len(u.waiters) > 0 || u.idling >= u.lim.Load().UpstreamIdle {
		u.mu.Unlock()
		u.drop(l) // its place goes to who waits
		return
	}
	u.idle[l.home] = append(u.idle[l.home], l)
	u.idling++
	u.mu.Unlock()
}

// next returns who gets a link of this home, with u.mu held; -1 for nobody: the first of the same home, unless
// one of another waits for long, who then gets the place.
func (u *upstream) next(home int) int {
	if len(u.waiters) == 0 || u.waiters[0].home != home && u.sweep.coarse.Load()-u.waiters[0].since > int64(u.lim.Load().ConnectTimeout/2) {
		return -1
	}
	return slices.IndexFunc(u.waiters, func(w waiter) bool { return w.home == home })
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
		w := u.waiters[0]
		u.waiters = append(u.waiters[:0], u.waiters[1:]...)
		w.ch <- nil
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
	var dead []*link
	for home, list := range u.idle {
		n := 0
		for n < len(list) && (u.closed || list[n].since < old) {
			n++
		}
		dead = append(dead, list[:n]...)
		u.idle[home] = append(list[:0], list[n:]...)
	}
	if u.idling -= len(dead); len(dead) == 0 {
		return
	}
	go func() {
		for _, l := range dead {
			u.drop(l)
		}
	}()
}

// close ends all idle connections now and the others when they are given back.
func (u *upstream) close() {
	u.mu.Lock()
	dead := slices.Concat(u.idle...)
	for home := range u.idle {
		u.idle[home] = nil
	}
	u.idling, u.closed = 0, true
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
