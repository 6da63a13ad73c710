package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// listener is one address that is listened on.
type listener struct {
	net.Listener
	key   string
	tls   atomic.Pointer[tlsSetting] // nil setting for plain HTTP
	proxy atomic.Bool
}

// routes returns the venues behind the listener; none once it was taken away.
func (l *listener) routes(st *state) []*route { return st.lists[l.key] }

// source is what the connections of one client are counted by: an IPv4 address or the first
// 64 bits of an IPv6 one.
type source struct{ netip.Addr }

func sourceOf(a netip.Addr) source {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return source{p.Addr()}
		}
	}
	return source{a}
}

func (p *Proxy) accept(l *listener) {
	defer p.serving.Done()
	for pause := time.Duration(0); ; {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			p.admit(l, c)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of descriptors, most likely: waiting is all that helps.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		time.Sleep(pause)
	}
}

// admit takes a connection in, or closes it where a limit says so.
func (p *Proxy) admit(l *listener, c net.Conn) {
	p.n.connections.Add(1)
	peer := addrPort(c.RemoteAddr())
	lim := &p.state.Load().cfg.Limits
	src := sourceOf(peer.Addr())
	p.connMu.Lock()
	if p.draining.Load() || len(p.conns) >= lim.Connections || p.sources[src] >= lim.SourceConnections {
		p.connMu.Unlock()
		p.n.connectionLimit.Add(1)
		c.Close()
		return
	}
	k := &conn{p: p, lis: l, c: c, source: src, o: origin{from: peer, peer: peer, scheme: "http"}}
	p.conns[k] = struct{}{}
	p.sources[src]++
	p.serving.Add(1)
	p.connMu.Unlock()
	p.n.connectionsNow.Add(1)
	p.sweep.add(&k.g, c)
	if l.proxy.Load() || l.tls.Load() != nil || !k.toLoop() {
		go k.serve()
	}
}

// recoverConn keeps a bug of ours from taking the whole venue's API down: the call under way
// is lost, which the monitor is told, and it was not forwarded if it had not been judged.
func (p *Proxy) recoverConn() {
	if r := recover(); r != nil {
		p.n.panics.Add(1)
		p.gap(1, fmt.Sprintf("BUG: %v", r))
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
