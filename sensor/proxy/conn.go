package proxy

import (
	"crypto/tls"
	"net"
)

// conn is one connection of a client. It is opened on a goroutine of its own where that takes a
// PROXY header or a TLS handshake. HTTP/1.1 is then served on a loop, where there are loops; HTTP/2
// and WebSocket sessions stay with goroutines.
type conn struct {
	p      *Proxy
	lis    *listener
	source source
	g      guard
	o      origin

	c    net.Conn  // TCP, nobody's once it is on a loop
	tls  *tls.Conn // over it, nil without
	sock *sock     // the connection on its loop, nil elsewhere
	h1   *h1       // HTTP/1.1 on it
}

// serve opens the connection and serves it by whatever protocol it speaks, or hands it to a loop.
func (k *conn) serve() {
	over := true
	defer func() {
		if over {
			k.end()
		}
	}()
	defer k.p.recoverConn()
	switch {
	case !k.open():
	case k.tls != nil && k.tls.ConnectionState().NegotiatedProtocol == "h2":
		k.p.serveHTTP2(k.lis, k.tls, &k.g, &k.o)
	case k.toLoop():
		over = false
	default:
		if s := k.http1(nil); s.opening {
			s.upgrade()
		}
	}
}

// open reads what comes before HTTP.
func (k *conn) open() bool {
	p, st := k.p, k.p.state.Load()
	k.g.arm(p.sweep, st.cfg.Limits.HandshakeTimeout)
	if k.lis.proxy.Load() {
		from, err := readProxyHeader(k.c, st.trusted, k.o.peer)
		if err != nil {
			p.n.handshakeFailed.Add(1)
			return false
		}
		if from.IsValid() {
			k.o.from = from
		}
	}
	set := k.lis.tls.Load()
	if set == nil {
		return true
	}
	var err error
	if k.tls, k.o.ja4, err = set.handshake(k.c); err != nil {
		p.n.handshakeFailed.Add(1)
		return false
	}
	k.o.scheme = "https"
	if cs := k.tls.ConnectionState(); len(cs.VerifiedChains) > 0 {
		k.o.clientCert = cs.PeerCertificates[0]
	}
	return true
}

// http1 serves requests until the connection ends or becomes a session.
func (k *conn) http1(t *task) *h1 {
	s := &h1{p: k.p, lis: k.lis, conn: k.stream(), g: &k.g, o: k.o}
	s.c.p, s.c.task, k.h1 = k.p, t, s
	s.serve()
	if k.tls != nil && s.err == nil && !s.opening {
		k.tls.CloseWrite()
	}
	return s
}

// stream is where HTTP is spoken.
func (k *conn) stream() net.Conn {
	switch {
	case k.tls != nil:
		return k.tls
	case k.sock != nil:
		return k.sock
	}
	return k.c
}

// toLoop has a loop serve the connection from now on, and reports whether one does.
func (k *conn) toLoop() bool {
	tcp, ok := k.c.(*net.TCPConn)
	if !ok || len(k.p.loops) == 0 {
		return false
	}
	l := k.p.loops[k.p.nextLoop.Add(1)%uint32(len(k.p.loops))]
	s, err := l.adopt(tcp, nil)
	if err != nil {
		return false
	}
	k.sock = s
	k.move(s)
	l.start(k.onLoop)
	return true
}

// onLoop is the connection's task.
func (k *conn) onLoop(t *task) {
	k.sock.task = t
	var s *h1
	func() {
		defer k.p.recoverConn()
		s = k.http1(t)
	}()
	if s != nil && s.opening {
		go k.session(s)
		return
	}
	k.end()
}

// session takes the connection off its loop and serves its WebSocket session.
func (k *conn) session(s *h1) {
	defer k.end()
	defer k.p.recoverConn()
	c, err := k.sock.release()
	if err != nil {
		k.p.gap(1, "no descriptor for a session: "+err.Error())
		return
	}
	k.p.connMu.Lock()
	k.c, k.sock = c, nil
	k.p.connMu.Unlock()
	k.move(c)
	s.conn, s.c.task = k.stream(), nil
	s.upgrade()
}

// move puts guard and TLS on another form of the same connection.
func (k *conn) move(to net.Conn) {
	k.p.sweep.move(&k.g, to)
	if k.tls != nil {
		k.tls.NetConn().(*helloConn).Conn = to
	}
}

// end gives the connection up.
func (k *conn) end() {
	p := k.p
	if k.h1 != nil && k.h1.c.link != nil { // a panic on the way
		k.h1.c.v.up.drop(k.h1.c.link)
	}
	p.sweep.remove(&k.g)
	if k.sock != nil {
		k.sock.Close()
	}
	k.c.Close()
	p.n.connectionsNow.Add(-1)
	p.connMu.Lock()
	delete(p.conns, k)
	if p.sources[k.source]--; p.sources[k.source] == 0 {
		delete(p.sources, k.source)
	}
	p.connMu.Unlock()
	p.serving.Done()
}
