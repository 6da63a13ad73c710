package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"time"
)

// h1 serves one client connection with HTTP/1.1. One goroutine reads the request, judges
// it, asks the upstream and writes the answer: no hand-over, no allocation per request.
type h1 struct {
	p    *Proxy
	lis  *listener
	conn net.Conn
	g    *guard
	in   []byte // what the client sent; r to w is unread
	r, w int
	body []byte // of a request that does not fit in
	held int64  // of BodyMemory
	out  []byte
	o    origin
	c    call

	opening bool // the request was for a session: upgrade goes on
	closing bool // after this answer
	chunked bool // the answer under way is
	err     error
}

// Errors that end a connection without an answer.
var errGone = errors.New("client is gone")

// serve handles requests until the connection ends.
func (s *h1) serve() {
	defer s.free()
	for s.request() {
		if s.r == s.w {
			s.r, s.w = 0, 0
		}
		if cap(s.in) > keepBuffer && s.r == s.w {
			s.in = make([]byte, firstBuffer)
		}
		if s.r > len(s.in)/2 { // a pipelined request: make room behind it
			s.w = copy(s.in, s.in[s.r:s.w])
			s.r = 0
		}
		if cap(s.out) > 2*keepBuffer {
			s.out = nil
		}
	}
}

func (s *h1) free() {
	s.p.n.bodyMemory.Add(-s.held)
	s.held = 0
}

// request handles one. It reports whether the connection is good for another.
func (s *h1) request() bool {
	s.c.st = s.p.state.Load()
	lim := &s.c.st.cfg.Limits
	s.closing, s.chunked = false, false
	n, f, err := s.readHead(lim)
	if err != nil {
		return false
	}
	s.p.n.requests.Add(1)
	if f == faultNone {
		f = s.c.h.parse(s.in[s.r:s.r+n], lim)
		s.r += n
	} else {
		s.tornHead(f, n, lim)
	}
	var b []byte
	if f == faultNone {
		if b, f, err = s.readBody(lim); err != nil {
			return s.lost(err)
		}
	}
	s.c.h.note(f)
	ok := s.g.off() && s.answer(b)
	s.dropBody()
	return ok && !s.closing && s.err == nil
}

// answer runs the call.
func (s *h1) answer(b []byte) bool {
	c := &s.c
	s.closing = c.h.close || c.h.bad != faultNone || s.p.draining.Load()
	if c.h.bad != faultNone {
		s.p.n.faults[c.h.bad].Add(1)
	}
	routes := s.lis.routes(c.st)
	s.closing = s.closing || routes == nil // the listener was taken away
	ok := false
	if c.prepare(routes, &s.o, b, s.p.now()) {
		if c.h.socket && c.x.Fault == "" {
			s.opening = true
			return false
		}
		ok = c.run(s)
	} else {
		ok = s.unrouted()
	}
	if c.h.bad != faultNone {
		s.linger()
	}
	return ok
}

// unrouted answers a call for no venue. There is no dialect that could judge it.
func (s *h1) unrouted() bool {
	c := &s.c
	s.p.n.unrouted.Add(1)
	status, words := 421, "no such venue here"
	if c.h.bad != faultNone {
		s.p.gap(1, "unreadable request for no venue")
		status, words = c.h.bad.status(), "the request cannot be read safely"
	}
	return c.own(s, status, words) == nil
}

// readHead waits for a whole head at r and returns its length.
func (s *h1) readHead(lim *Limits) (n int, f fault, err error) {
	if s.in == nil {
		s.in = make([]byte, firstBuffer)
	}
	begun := s.r < s.w
	if begun {
		s.g.arm(s.p.sweep, lim.HeadTimeout)
	} else if !s.g.armIdle(s.p.sweep, lim.IdleTimeout) {
		return 0, faultNone, errExpired
	}
	from := 0
	blank := false
	for {
		// An empty line before a request is skipped, once (RFC 9112 section 2.2).
		if !blank && s.w-s.r >= 2 && s.in[s.r] == '\r' && s.in[s.r+1] == '\n' {
			s.r += 2
			blank = true
		}
		b := s.in[s.r:s.w]
		if n = headEnd(b, min(from, len(b))); n >= 0 && n <= lim.HeadBytes {
			return n, faultNone, nil
		}
		switch {
		case len(b) > lim.HeadBytes || n >= 0:
			return len(b), faultHead, nil
		case torn(b, min(from, len(b))):
			return len(b), faultLine, nil
		case len(b) >= 4 && string(b[:4]) == "PRI ":
			return len(b), faultVersion, nil
		}
		from = max(0, len(b)-3)
		if err := s.fill(); err != nil {
			if len(b) > 0 && timedOut(err) {
				s.timeout()
			}
			return 0, faultNone, err
		}
		if !begun {
			begun = true
			if !s.g.arm(s.p.sweep, lim.HeadTimeout) {
				return 0, faultNone, errExpired
			}
		}
	}
}

// fill reads more. The buffer grows as needed; what was parsed stays where it was.
func (s *h1) fill() error {
	if s.w == len(s.in) {
		bigger := make([]byte, max(firstBuffer, 2*(s.w-s.r)))
		s.w = copy(bigger, s.in[s.r:s.w])
		s.in, s.r = bigger, 0
	}
	n, err := s.conn.Read(s.in[s.w:])
	s.w += n
	s.p.n.bytesIn.Add(int64(n))
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// tornHead reads what can be read of a head that is no good, for the record.
func (s *h1) tornHead(f fault, n int, lim *Limits) {
	h := &s.c.h
	h.parse(s.in[s.r:s.r+n], lim)
	h.bad = f
	s.r = s.w
}

// timeout tells a client that it was too slow.
func (s *h1) timeout() {
	s.p.n.faults[faultTimeout].Add(1)
	s.p.n.requests.Add(1)
	s.conn.SetDeadline(time.Now().Add(lingerTime))
	s.conn.Write([]byte("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
}

// lost ends a connection whose request did not arrive whole: it is no call.
func (s *h1) lost(err error) bool {
	if timedOut(err) {
		s.p.n.requests.Add(-1) // timeout counts it
		s.timeout()
	}
	return false
}

// linger reads what a refused client still sends, for a while: closing with unread data
// would reset the connection and might take the answer away from the client.
func (s *h1) linger() {
	if t, ok := s.conn.(interface{ CloseWrite() error }); ok {
		t.CloseWrite()
	}
	s.conn.SetReadDeadline(time.Now().Add(lingerTime))
	for n := 0; n < lingerBytes; {
		m, err := s.conn.Read(s.in[:cap(s.in)])
		if err != nil {
			return
		}
		n += m
	}
}

func (s *h1) flush() error {
	if !s.g.arm(s.p.sweep, s.c.st.cfg.Limits.WriteTimeout) {
		s.err = errExpired
		return s.err
	}
	n, err := s.conn.Write(s.out)
	s.p.n.bytesOut.Add(int64(n))
	if !s.g.off() || err != nil { // what follows may have to wait for the venue
		s.p.n.clientsGone.Add(1)
		s.err = errGone
		return s.err
	}
	return nil
}

func (s *h1) compose(r *reply, body []byte) {
	s.out = appendReply(s.out[:0], r, false, s.closing)
	if !r.noBody {
		s.out = append(s.out, body...)
	}
}

func (s *h1) start(r *reply) error {
	s.chunked = r.length < 0 && s.c.h.minor == 1
	if r.length < 0 && !s.chunked {
		s.closing = true
	}
	s.out = appendReply(s.out[:0], r, s.chunked, s.closing)
	return s.flush()
}

func (s *h1) piece(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	s.out = s.out[:0]
	if s.chunked {
		s.out = append(strconv.AppendInt(s.out, int64(len(b)), 16), '\r', '\n')
	}
	s.out = append(s.out, b...)
	if s.chunked {
		s.out = append(s.out, '\r', '\n')
	}
	return s.flush()
}

func (s *h1) end() error {
	if !s.chunked {
		return nil
	}
	s.out = append(s.out[:0], "0\r\n\r\n"...)
	return s.flush()
}

// abort resets the connection where the answer has no other end, so that a cut answer is
// not taken for whole.
func (s *h1) abort() {
	s.closing = true
	c := s.conn
	if t, ok := c.(*tls.Conn); ok { // without TLS's word that this was all
		c = t.NetConn().(*helloConn).Conn
	}
	if t, ok := c.(interface{ SetLinger(int) error }); ok {
		t.SetLinger(0)
	}
	c.Close()
}
