package proxy

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A loop serves many connections on one thread: it waits for all of them in one epoll, and runs
// the code of each as a coroutine that steps aside where it would block. The runtime's own poller
// parks and wakes a thread for every wait; under light load that is most of a call's time
// (docs/performance.md).
//
// What a task does between two waits keeps the other connections of its loop waiting. What may
// block otherwise, or takes long, goes through task.block.
type loop struct {
	index  int
	epoll  int
	wakeup int // eventfd

	again []*task // of the loop's goroutine: those that gave way to others

	mu      sync.Mutex
	socks   []*sock  // by slot
	rounds  []uint32 // how often a slot was used: events of an earlier use are told apart
	free    []int32
	ready   []*task // to start, or done with what they did elsewhere
	woken   []*sock // whose deadline changed
	told    bool    // wakeup was written to and not yet read
	stopped bool

	done chan struct{}
}

const (
	loopEvents = 128 // taken from the kernel at once
	taskTurns  = 64  // reads and writes after which a task lets others go first

	// loopSlice is how often a busy loop passes through the scheduler. The runtime takes a processor
	// away from a goroutine that holds it for 10 ms, in a system call every 20 µs from then on.
	loopSlice = 8 * time.Millisecond
)

var errSockClosed = fmt.Errorf("cannot use connection: %w", net.ErrClosed)

// newLoops starts n loops.
func newLoops(n int) (all []*loop, err error) {
	for i := range n {
		l, err := newLoop(i)
		if err != nil {
			for _, l := range all {
				l.stop()
			}
			return nil, fmt.Errorf("cannot start event loop: %w", err)
		}
		all = append(all, l)
		go l.run()
	}
	return all, nil
}

func newLoop(index int) (*loop, error) {
	l := &loop{index: index, done: make(chan struct{})}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if l.wakeup, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err == nil {
		err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, l.wakeup, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1})
	}
	if err != nil {
		unix.Close(l.epoll)
		return nil, err
	}
	return l, nil
}

// stop ends the loop. Its tasks must have ended.
func (l *loop) stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.tell()
	<-l.done
}

func (l *loop) run() {
	defer close(l.done)
	defer unix.Close(l.epoll)
	defer unix.Close(l.wakeup)
	events := make([]unix.EpollEvent, loopEvents)
	var ready, again []*task
	var woken []*sock
	var scheduled time.Time
	for {
		if now := time.Now(); now.Sub(scheduled) > loopSlice {
			scheduled = now
			runtime.Gosched()
		}
		wait := -1
		if len(l.again) > 0 {
			wait = 0
		}
		n, err := unix.EpollWait(l.epoll, events, wait)
		if err != nil && err != unix.EINTR {
			panic(fmt.Sprintf("BUG: epoll: %v", err))
		}
		for i := range max(n, 0) {
			if e := &events[i]; e.Fd >= 0 {
				l.happened(e)
				continue
			}
			var count [8]byte
			unix.Read(l.wakeup, count[:])
			l.mu.Lock()
			l.told = false
			ready, l.ready = l.ready, ready[:0]
			woken, l.woken = l.woken, woken[:0]
			stopped := l.stopped
			l.mu.Unlock()
			if stopped {
				return
			}
			for _, t := range ready {
				t.resume()
			}
			for _, s := range woken {
				s.resume()
			}
		}
		again, l.again = l.again, again[:0]
		for _, t := range again {
			t.resume()
		}
	}
}

// happened resumes the task that waits for an event.
func (l *loop) happened(e *unix.EpollEvent) {
	l.mu.Lock()
	s := l.socks[e.Fd]
	if l.rounds[e.Fd] != uint32(e.Pad) {
		s = nil
	}
	l.mu.Unlock()
	if s == nil {
		return
	}
	const broken = unix.EPOLLERR | unix.EPOLLHUP
	if e.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|broken) != 0 {
		s.readable = true
		s.ended = s.ended || e.Events&(unix.EPOLLRDHUP|broken) != 0
	}
	if e.Events&(unix.EPOLLOUT|broken) != 0 {
		s.writable = true
	}
	s.resume()
}

// tell makes the loop look at what it was given.
func (l *loop) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.told {
		l.told = true
		unix.Write(l.wakeup, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

func (l *loop) post(t *task) {
	l.mu.Lock()
	l.ready = append(l.ready, t)
	l.mu.Unlock()
	l.tell()
}

// task is what is done for one client connection.
type task struct {
	l       *loop
	next    func() (struct{}, bool)
	yield   func(struct{}) bool
	waiting *sock // nil while it waits for something else
	turns   int
}

// start runs f as a task of the loop.
func (l *loop) start(f func(t *task)) {
	t := &task{l: l}
	t.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		f(t)
	})
	l.post(t)
}

func (t *task) resume() {
	t.turns = 0
	t.next()
}

// giveWay lets the loop's other tasks run once this one had its share.
func (t *task) giveWay() {
	if t.turns++; t.turns > taskTurns {
		t.l.again = append(t.l.again, t)
		t.yield(struct{}{})
	}
}

// block runs f, which may block, elsewhere and waits for it. On a nil task it just runs f.
func (t *task) block(f func()) {
	if t == nil {
		f()
		return
	}
	var broke any
	go func() {
		defer t.l.post(t)
		defer func() { broke = recover() }()
		f()
	}()
	t.yield(struct{}{})
	if broke != nil {
		panic(broke)
	}
}

// sock is a connection on a loop. Only the task that uses it may read or write.
type sock struct {
	l             *loop
	fd            int
	slot          int32
	task          *task // that uses it now; nil while nobody does
	local, remote net.Addr

	readable, writable, ended bool // as the kernel told last; the loop's

	heed bool // Write ends with errHeard if it has to wait and there is something to read

	readUntil, writeUntil atomic.Int64 // deadlines, ns since epoch; 0 for none
	closed                atomic.Bool
}

// adopt takes a connection away from the runtime's poller, for t to use; a task that is not known
// yet sets it when it begins. c is closed, or left as it was where that fails.
func (l *loop) adopt(c *net.TCPConn, t *task) (*sock, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &sock{l: l, task: t, local: c.LocalAddr(), remote: c.RemoteAddr()}
	if e := raw.Control(func(fd uintptr) { s.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); e != nil || err != nil {
		return nil, errors.Join(e, err)
	}
	if err := l.register(s); err != nil {
		unix.Close(s.fd)
		return nil, err
	}
	c.Close()
	return s, nil
}

func (l *loop) register(s *sock) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		s.slot = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		s.slot = int32(len(l.socks))
		l.socks, l.rounds = append(l.socks, nil), append(l.rounds, 0)
	}
	l.rounds[s.slot]++
	l.socks[s.slot] = s
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: s.slot, Pad: int32(l.rounds[s.slot])}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, s.fd, &e); err != nil {
		l.forget(s)
		return os.NewSyscallError("epoll_ctl", err)
	}
	return nil
}

// forget frees a slot, with l.mu held.
func (l *loop) forget(s *sock) {
	l.socks[s.slot] = nil
	l.free = append(l.free, s.slot)
}

// release gives the connection back to the runtime's poller. s is closed.
func (s *sock) release() (net.Conn, error) {
	if !s.leave() {
		return nil, errSockClosed
	}
	f := os.NewFile(uintptr(s.fd), "tcp")
	defer f.Close()
	return net.FileConn(f)
}

// leave takes the socket off its loop, once.
func (s *sock) leave() bool {
	if s.closed.Swap(true) {
		return false
	}
	unix.EpollCtl(s.l.epoll, unix.EPOLL_CTL_DEL, s.fd, nil)
	s.l.mu.Lock()
	s.l.forget(s)
	s.l.mu.Unlock()
	return true
}

// resume runs the task if it waits for this socket.
func (s *sock) resume() {
	if t := s.task; t != nil && t.waiting == s {
		t.resume()
	}
}

// wait lets the loop run until something happened to the socket.
func (s *sock) wait() {
	s.task.waiting = s
	s.task.yield(struct{}{})
	s.task.waiting = nil
}

// Read implements net.Conn.
func (s *sock) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		switch {
		case s.closed.Load():
			return 0, errSockClosed
		case past(&s.readUntil):
			return 0, os.ErrDeadlineExceeded
		case !s.readable:
			s.wait()
			continue
		}
		s.task.giveWay()
		n, err := syscall.Read(s.fd, b)
		switch {
		case n > 0:
			// Less than there was room for: the kernel has no more, and will tell of the next.
			s.readable = n == len(b) || s.ended
			return n, nil
		case err == syscall.EAGAIN:
			s.readable = false
		case err == syscall.EINTR:
		case err == nil:
			return 0, io.EOF
		default:
			return 0, os.NewSyscallError("read", err)
		}
	}
}

// Write implements net.Conn.
func (s *sock) Write(b []byte) (done int, err error) {
	for done < len(b) {
		switch {
		case s.closed.Load():
			return done, errSockClosed
		case past(&s.writeUntil):
			return done, os.ErrDeadlineExceeded
		}
		if s.task != nil {
			s.task.giveWay()
		}
		n, err := syscall.Write(s.fd, b[done:])
		done += max(n, 0)
		switch err {
		case nil, syscall.EINTR:
		case syscall.EAGAIN:
			if s.task == nil { // TLS says goodbye on a connection that nobody uses: as far as there is room
				return done, os.ErrDeadlineExceeded
			}
			s.writable = false
			for !s.writable && !s.closed.Load() && !past(&s.writeUntil) {
				if s.heed && s.readable && s.stale() {
					return done, errHeard
				}
				s.wait()
			}
		default:
			return done, os.NewSyscallError("write", err)
		}
	}
	return done, nil
}

// epoch is what deadlines are counted from: a clock that is set does not move them.
var epoch = time.Now()

func past(until *atomic.Int64) bool {
	u := until.Load()
	return u != 0 && int64(time.Since(epoch)) >= u
}

// Close implements net.Conn. No task may be waiting for the socket.
func (s *sock) Close() error {
	if !s.leave() {
		return net.ErrClosed
	}
	return os.NewSyscallError("close", syscall.Close(s.fd))
}

// CloseWrite tells the other end that nothing follows.
func (s *sock) CloseWrite() error {
	return os.NewSyscallError("shutdown", syscall.Shutdown(s.fd, syscall.SHUT_WR))
}

// SetLinger is that of net.TCPConn.
func (s *sock) SetLinger(sec int) error {
	l := syscall.Linger{Onoff: 1, Linger: int32(sec)}
	return os.NewSyscallError("setsockopt", syscall.SetsockoptLinger(s.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &l))
}

// LocalAddr implements net.Conn.
func (s *sock) LocalAddr() net.Addr { return s.local }

// RemoteAddr implements net.Conn.
func (s *sock) RemoteAddr() net.Addr { return s.remote }

// SetDeadline implements net.Conn. Any goroutine may call it.
func (s *sock) SetDeadline(t time.Time) error {
	s.until(t, &s.readUntil, &s.writeUntil)
	return nil
}

// SetReadDeadline implements net.Conn.
func (s *sock) SetReadDeadline(t time.Time) error {
	s.until(t, &s.readUntil)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (s *sock) SetWriteDeadline(t time.Time) error {
	s.until(t, &s.writeUntil)
	return nil
}

func (s *sock) until(t time.Time, deadlines ...*atomic.Int64) {
	ns := int64(0)
	if !t.IsZero() {
		ns = int64(t.Sub(epoch)) | 1 // 0 is for none
	}
	for _, d := range deadlines {
		d.Store(ns)
	}
	switch left := time.Until(t); {
	case ns == 0:
	case left <= 0:
		s.wake()
	default: // rare: guards end what takes too long
		time.AfterFunc(left, s.wake)
	}
}

// wake has the loop resume the task that waits for the socket, if one does.
func (s *sock) wake() {
	if s.closed.Load() {
		return
	}
	s.l.mu.Lock()
	s.l.woken = append(s.l.woken, s)
	s.l.mu.Unlock()
	s.l.tell()
}

// stale reports whether an idle connection cannot be used any more.
func (s *sock) stale() bool { return peekStale(uintptr(s.fd)) }

// readNow is Read that waits for nothing.
func (s *sock) readNow(b []byte) (int, error) {
	if s.closed.Load() {
		return 0, errSockClosed
	}
	return readNow(uintptr(s.fd), b)
}
