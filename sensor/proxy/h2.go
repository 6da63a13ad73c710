package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

// h2Server serves HTTP/2 connections with the limits of one state. The standard library's
// server takes connections from a listener only, so it is given one: the server itself.
type h2Server struct {
	http.Server
	conns chan net.Conn
	stop  chan struct{}
	once  sync.Once
	ended chan struct{} // Serve has returned

	mu   sync.Mutex
	open map[net.Conn]*h2Conn
}

// h2Conn is what is known of a connection.
type h2Conn struct {
	p      *Proxy
	l      *listener
	o      *origin
	closed chan struct{}

	mu      sync.Mutex
	over    bool           // no stream begins any more
	streams sync.WaitGroup // of which handlers run: they outlive the connection
}

// begin notes a stream, for streams.Done to end; false once nobody waits for streams.
func (h *h2Conn) begin() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return false
	}
	h.streams.Add(1)
	return true
}

// end waits until no stream is served.
func (h *h2Conn) end() {
	<-h.closed
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	h.streams.Wait()
}

type h2Key struct{} // of the context value that is the *h2Conn

func newH2Server(l *Limits) *h2Server {
	s := &h2Server{conns: make(chan net.Conn), stop: make(chan struct{}), ended: make(chan struct{}), open: map[net.Conn]*h2Conn{}}
	s.Server = http.Server{
		Handler:           http.HandlerFunc(serveStream),
		MaxHeaderBytes:    l.HeadBytes,
		ReadHeaderTimeout: l.HeadTimeout,
		ReadTimeout:       l.HeadTimeout + l.BodyTimeout,
		WriteTimeout:      l.HeadTimeout + l.BodyTimeout + l.AnswerTimeout + l.WriteTimeout,
		IdleTimeout:       l.IdleTimeout,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: l.Streams, WriteByteTimeout: l.WriteTimeout},
		ErrorLog:          log.New(io.Discard, "", 0), // what it would say is in Stats
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			s.mu.Lock()
			defer s.mu.Unlock()
			return context.WithValue(ctx, h2Key{}, s.open[c])
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				s.forget(c)
			}
		},
	}
	go func() {
		defer close(s.ended)
		s.Server.Serve(s)
	}()
	return s
}

// Accept implements net.Listener.
func (s *h2Server) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.stop:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s *h2Server) Close() error {
	s.once.Do(func() { close(s.stop) })
	return nil
}

// Addr implements net.Listener.
func (s *h2Server) Addr() net.Addr { return &net.TCPAddr{} }

func (s *h2Server) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.open[c]; h != nil {
		close(h.closed)
		delete(s.open, c)
	}
}

// serveHTTP2 serves a connection until it ends. Its streams are calls of their own.
func (p *Proxy) serveHTTP2(l *listener, c *tls.Conn, g *guard, o *origin) {
	if !g.off() {
		return
	}
	h := &h2Conn{p: p, l: l, o: o, closed: make(chan struct{})}
	for {
		s := p.state.Load().h2
		s.mu.Lock()
		s.open[c] = h
		s.mu.Unlock()
		select {
		case s.conns <- c:
			h.end()
			return
		case <-s.stop:
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
			if p.state.Load().h2 == s { // not replaced by a reload, but shut down
				return
			}
		}
	}
}

// h2Stream is one call over HTTP/2.
type h2Stream struct {
	c     call
	w     http.ResponseWriter
	p     *Proxy
	held  int64
	names []string

	aborted bool
	err     error
}

func serveStream(w http.ResponseWriter, r *http.Request) {
	conn := r.Context().Value(h2Key{}).(*h2Conn)
	p := conn.p
	if !conn.begin() {
		panic(http.ErrAbortHandler)
	}
	defer conn.streams.Done()
	s, _ := p.streams.Get().(*h2Stream)
	if s == nil {
		s = &h2Stream{}
	}
	s.w, s.p, s.c.p, s.c.st = w, p, p, p.state.Load()
	s.aborted, s.err = false, nil
	p.n.requests.Add(1)
	s.serve(conn.l, conn.o, r)
	s.w = nil
	p.n.bodyMemory.Add(-s.held)
	s.held = 0
	aborted := s.aborted
	p.streams.Put(s)
	if aborted {
		panic(http.ErrAbortHandler)
	}
}

func (s *h2Stream) serve(l *listener, o *origin, r *http.Request) {
	c := &s.c
	f := s.readHead(r)
	c.h.note(f)
	var body []byte
	if c.h.bad == faultNone {
		var err error
		if body, f, err = s.readBody(r); err != nil {
			s.aborted = true // it did not arrive whole: no call
			return
		}
		if f == faultNone && c.h.length >= 0 && c.h.length != int64(len(body)) {
			f = faultLength // a head that ends the stream may say anything, and the library looks on
		}
		c.h.note(f)
	}
	if c.h.bad != faultNone {
		s.p.n.faults[c.h.bad].Add(1)
	}
	if !c.prepare(l.routes(c.st), o, body, s.p.now()) {
		s.p.n.unrouted.Add(1)
		status, words := 421, "no such venue here"
		if c.h.bad != faultNone {
			s.p.gap(1, "unreadable request for no venue")
			status, words = c.h.bad.status(), "the request cannot be read safely"
		}
		c.own(s, status, words)
		return
	}
	c.run(s)
}

// readHead makes a head of the request. The library has checked the framing; what
// would mean something else behind HTTP/1.1 is checked here (RFC 9113 sections 8.2 and 10.3).
func (s *h2Stream) readHead(r *http.Request) fault {
	h := &s.c.h
	h.reset()
	lim := &s.c.st.cfg.Limits
	h.minor, h.method, h.target = 1, r.Method, r.RequestURI
	switch {
	case !methodKnown(h.method):
		return faultMethod
	case h.target == "" || h.target[0] != '/' || !all([]byte(h.target), charTarget):
		return faultTarget
	case len(h.target) > lim.TargetBytes:
		h.target = h.target[:lim.TargetBytes]
		return faultTargetLength
	}
	if f := h.form(); f != faultNone {
		return f
	}
	if f := h.add("Host", r.Host); f != faultNone {
		return f
	}
	s.names = s.names[:0]
	for name := range r.Header {
		s.names = append(s.names, name)
	}
	slices.Sort(s.names) // maps have no order, records should
	for _, name := range s.names {
		for _, value := range r.Header[name] {
			if f := s.field(name, value, r, lim); f != faultNone {
				return f
			}
		}
	}
	return h.finish()
}

func (s *h2Stream) field(name, value string, r *http.Request, lim *Limits) fault {
	h := &s.c.h
	if len(h.fields) >= lim.Fields {
		return faultHead
	}
	if name == "" || !all([]byte(name), charToken) {
		return faultName
	}
	if !all([]byte(value), charValue) {
		return faultLine
	}
	switch kindOf(name) {
	case kindHost:
		if value != r.Host {
			return faultHost
		}
		return faultNone
	case kindConnection:
		return faultConnection
	case kindCoding:
		return faultCoding
	case kindUpgrade:
		return faultUpgrade
	}
	return h.add(name, value)
}

// readBody reads the whole body.
func (s *h2Stream) readBody(r *http.Request) ([]byte, fault, error) {
	limit := int64(s.c.st.cfg.Limits.BodyBytes)
	if r.ContentLength > limit {
		return nil, faultBody, nil
	}
	if r.Body == http.NoBody {
		return nil, faultNone, nil
	}
	var body []byte
	for {
		if len(body) == cap(body) {
			// A connection has many streams: all that they hold counts, but for their first bytes.
			size := max(streamBody, 2*cap(body))
			if size > streamBody && !s.reserve(int64(size)) {
				return nil, faultMemory, nil
			}
			body = append(make([]byte, 0, size), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		s.p.n.bytesIn.Add(int64(n))
		switch {
		case int64(len(body)) > limit:
			return nil, faultBody, nil
		case err == io.EOF:
			return body, faultNone, nil
		case err != nil:
			return nil, faultNone, err
		}
	}
}

func (s *h2Stream) reserve(held int64) bool {
	if s.p.n.bodyMemory.Add(held-s.held) > s.c.st.cfg.Limits.BodyMemory {
		s.p.n.bodyMemory.Add(s.held - held)
		return false
	}
	s.held = held
	return true
}

func (s *h2Stream) head(r *reply) {
	header := s.w.Header()
	for i, k := range r.kinds {
		switch k {
		case kindHop, kindConnection, kindLength, kindCoding, kindUpgrade:
			continue
		}
		// The strings alias a buffer that will be another's while the library still writes.
		header.Add(string([]byte(r.fields[i].Name)), string([]byte(r.fields[i].Value)))
	}
	if r.contentType != "" {
		header.Set("Content-Type", r.contentType)
	}
	if r.challenge != "" {
		header.Set("WWW-Authenticate", r.challenge)
	}
	if r.nonce != "" {
		header.Set("DPoP-Nonce", r.nonce)
	}
	if r.retryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(r.retryAfter, 10))
	}
	if r.length >= 0 && r.status >= 200 && r.status != 204 {
		header.Set("Content-Length", strconv.FormatInt(r.length, 10))
	}
	s.w.WriteHeader(r.status)
}

func (s *h2Stream) compose(r *reply, body []byte) {
	s.head(r)
	if !r.noBody {
		s.write(body)
	}
}

func (s *h2Stream) write(b []byte) error {
	if s.err == nil && len(b) > 0 {
		var n int
		n, s.err = s.w.Write(b)
		s.p.n.bytesOut.Add(int64(n))
		if s.err != nil {
			s.p.n.clientsGone.Add(1)
		}
	}
	return s.err
}

func (s *h2Stream) flush() error { return s.err }

func (s *h2Stream) start(r *reply) error {
	s.head(r)
	return nil
}

func (s *h2Stream) piece(b []byte) error { return s.write(b) }

func (s *h2Stream) end() error { return s.err }

func (s *h2Stream) abort() { s.aborted = true }
