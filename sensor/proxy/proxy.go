// Package proxy is the sensor that stands inline between clients and a venue's API.
package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"vedette/sensor"
)

// Proxy is a running proxy. Its methods may be called at any time.
type Proxy struct {
	monitor sensor.Monitor
	now     func() time.Time
	rand    io.Reader
	sweep   *sweeper
	state   atomic.Pointer[state]
	n       counters

	draining atomic.Bool
	serving  sync.WaitGroup // connections and accept loops

	mu        sync.Mutex // Reload and Shutdown
	closed    bool
	listeners map[string]*listener

	connMu  sync.Mutex
	conns   map[*conn]struct{}
	sources map[source]int

	loops    []*loop
	nextLoop atomic.Uint32

	sessionID atomic.Uint64
	streams   sync.Pool // of *h2Stream
}

// state is what Reload swaps.
type state struct {
	cfg     Config
	trusted hops
	routes  []*route
	byName  map[string]*route
	lists   map[string][]*route // of listeners, by key
	h2      *h2Server
}

// New starts a proxy: when it returns, it listens.
func New(cfg Config) (*Proxy, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	p := &Proxy{monitor: cfg.Monitor, now: cfg.Now, rand: cfg.Rand, sweep: newSweeper(), listeners: map[string]*listener{},
		conns: map[*conn]struct{}{}, sources: map[source]int{}}
	p.sweep.tasks = append(p.sweep.tasks, p.tick)
	var err error
	if p.loops, err = newLoops(cfg.Loops); err != nil {
		return nil, err
	}
	cfg.Limits = cfg.Limits.withDefaults()
	go p.sweep.run(cfg.Limits.SweepResolution)
	if err := p.load(cfg); err != nil {
		p.Shutdown(context.Background())
		return nil, err
	}
	return p, nil
}

// Reload takes a new configuration. Calls and sessions under way finish under the old one;
// connections stay. If it fails, nothing has changed.
func (p *Proxy) Reload(cfg Config) error {
	cfg.Monitor = p.monitor
	if err := p.load(cfg); err != nil {
		return fmt.Errorf("cannot reload proxy: %w", err)
	}
	p.n.reloads.Add(1)
	return nil
}

func (p *Proxy) load(cfg Config) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("proxy is shut down")
	}
	cfg.Limits = cfg.Limits.withDefaults()
	if err := cfg.validate(); err != nil {
		return err
	}
	st, err := p.newState(cfg)
	if err != nil {
		return err
	}
	fresh, err := p.open(st)
	if err != nil {
		return err
	}
	if st.h2 == nil {
		st.h2 = newH2Server(&st.cfg.Limits)
	}
	old := p.state.Swap(st)
	for key, l := range fresh {
		p.listeners[key] = l
		p.serving.Add(1)
		go p.accept(l)
	}
	p.closeUnused(old, st)
	return nil
}

// newState builds routes and keeps the upstreams that stay the same.
func (p *Proxy) newState(cfg Config) (*state, error) {
	st := &state{cfg: cfg, trusted: cfg.Trusted, byName: map[string]*route{}, lists: map[string][]*route{}}
	old := p.state.Load()
	for i := range cfg.Venues {
		r := &route{Venue: cfg.Venues[i]}
		if old != nil {
			if o := old.byName[r.Name]; o != nil && o.Upstream == r.Upstream && o.UpstreamTLS == r.UpstreamTLS {
				r.up = o.up
			}
		}
		if r.up == nil {
			var err error
			if r.up, err = newUpstream(&r.Venue, p.sweep, len(p.loops)); err != nil {
				return nil, err
			}
		}
		st.routes = append(st.routes, r)
		st.byName[r.Name] = r
	}
	for i := range cfg.Listeners {
		l := &cfg.Listeners[i]
		list := st.routes
		if len(l.Venues) > 0 {
			list = nil
			for _, n := range l.Venues {
				list = append(list, st.byName[n])
			}
		}
		st.lists[l.key()] = list
	}
	for _, r := range st.routes {
		r.up.lim.Store(&st.cfg.Limits)
	}
	if old != nil && old.cfg.Limits == cfg.Limits {
		st.h2 = old.h2
	}
	return st, nil
}

// open listens where nobody listened before, and hands changed TLS settings to listeners
// that stay.
func (p *Proxy) open(st *state) (map[string]*listener, error) {
	fresh := map[string]*listener{}
	settings := map[string]*tlsSetting{}
	fail := func(err error) (map[string]*listener, error) {
		for _, l := range fresh {
			l.Close()
		}
		return nil, err
	}
	for i := range st.cfg.Listeners {
		l := &st.cfg.Listeners[i]
		set, err := newTLSSetting(l.TLS, p.now)
		if err != nil {
			return fail(fmt.Errorf("cannot use listener %q: %w", l.key(), err))
		}
		settings[l.key()] = set
		if p.listeners[l.key()] != nil {
			continue
		}
		n := &listener{key: l.key(), Listener: l.Listener}
		if n.Listener == nil {
			if n.Listener, err = net.Listen("tcp", l.Addr); err != nil {
				return fail(fmt.Errorf("cannot listen: %w", err))
			}
		}
		fresh[n.key] = n
	}
	for i := range st.cfg.Listeners {
		l := &st.cfg.Listeners[i]
		n := fresh[l.key()]
		if n == nil {
			n = p.listeners[l.key()]
		}
		n.tls.Store(settings[l.key()])
		n.proxy.Store(l.ProxyProtocol)
	}
	return fresh, nil
}

// closeUnused ends listeners and upstreams that the new state has not.
func (p *Proxy) closeUnused(old, st *state) {
	for key, l := range p.listeners {
		if _, ok := st.lists[key]; !ok {
			l.Close()
			delete(p.listeners, key)
		}
	}
	if old == nil {
		return
	}
	if old.h2 != st.h2 {
		go old.h2.Shutdown(context.Background()) // its clients finish, and come back under the new limits
	}
	for name, r := range old.byName {
		if now := st.byName[name]; now == nil || now.up != r.up {
			r.up.close()
		}
	}
}

// tick does what is due on every sweep.
func (p *Proxy) tick() {
	st := p.state.Load()
	if st == nil {
		return
	}
	for _, r := range st.routes {
		r.up.prune()
	}
	if !p.draining.Load() {
		p.check(st)
	}
}

// Addr returns the address that the listener of that Addr in the Config listens on, nil if
// there is none.
func (p *Proxy) Addr(addr string) net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.listeners[addr]; l != nil {
		return l.Listener.Addr()
	}
	return nil
}

// Up reports which venues' upstreams count as reachable, by name.
func (p *Proxy) Up() map[string]bool {
	up := map[string]bool{}
	for _, r := range p.state.Load().routes {
		up[r.Name] = r.up.up()
	}
	return up
}

// Shutdown stops listening, closes idle connections, and waits for calls under way. When ctx
// ends it closes what is left and returns ctx's error.
func (p *Proxy) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.draining.Store(true)
	for _, l := range p.listeners {
		l.Close()
	}
	st := p.state.Load()
	p.mu.Unlock()
	if st != nil {
		go st.h2.Shutdown(context.Background()) // tells clients to go away; ends with their connections
	}
	done := make(chan struct{})
	go func() {
		p.serving.Wait()
		close(done)
	}()
	err := p.drain(ctx, done)
	close(p.sweep.stop)
	<-p.sweep.done
	if st != nil {
		<-st.h2.ended
		for _, r := range st.routes {
			r.up.close()
		}
	}
	for _, l := range p.loops {
		l.stop()
	}
	return err
}

func (p *Proxy) drain(ctx context.Context, done chan struct{}) error {
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for {
		p.sweep.closeIdle()
		select {
		case <-done:
			return nil
		case <-t.C:
		case <-ctx.Done():
			p.closeAll()
			<-done
			return ctx.Err()
		}
	}
}

// closeAll closes every client connection.
func (p *Proxy) closeAll() {
	p.sweep.closeAll()
	p.connMu.Lock()
	defer p.connMu.Unlock()
	for k := range p.conns {
		k.c.Close()
	}
}

// recoverMonitor turns a panic of the monitor into a gap.
func (p *Proxy) recoverMonitor(where string, ok *bool) {
	if r := recover(); r != nil {
		*ok = false
		p.n.monitorPanics.Add(1)
		p.gap(1, "monitor failed in "+where)
	}
}

// gap reports loss to the monitor, that may be what is broken.
func (p *Proxy) gap(lost int, why string) {
	defer func() {
		if recover() != nil {
			p.n.monitorPanics.Add(1)
		}
	}()
	p.monitor.Gap(Name, lost, why)
}
