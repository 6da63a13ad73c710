package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vedette/sim/client"
)

// Target is where traders and attackers send their calls: the monitor, or the venue.
type Target struct {
	REST string // base URL, such as http://127.0.0.1:8080
	WS   string // base URL, such as ws://127.0.0.1:8080
}

// Run is a simulation in progress.
type Run struct {
	world  *World
	target Target
	start  time.Time
	end    context.CancelFunc
	tap    wiretap
	done   chan struct{}

	calls   atomic.Int64
	refused atomic.Int64 // answered with a status of 400 or more
	quirks  [allowlisted + 1]atomic.Int64

	mu       sync.Mutex
	injected []*Injection
	failed   int64
	failures []string
}

// Report is how a run went.
type Report struct {
	Seed     uint64      `json:"seed"`
	Calls    int64       `json:"calls"`   // sent, by traders and attackers
	Refused  int64       `json:"refused"` // answered with a status of 400 or more, whoever refused
	Injected []Injection `json:"injected"`
	Failed   int64       `json:"failed"` // got no answer where one was due
	Failures []string    `json:"failures,omitempty"`
	Retried  int64       `json:"retried"` // harmless: the same bytes again, since no answer came
	Doubled  int64       `json:"doubled"` // harmless: the same read twice at once
	Rotated  int64       `json:"rotated"` // harmless: calls with a second key
	Audit    string      `json:"audit"`   // of the exchange: "ok", or what does not balance
}

// Start lets traders and attackers loose on a target. They stop after the configured
// duration, or when ctx ends. A World runs once.
func (w *World) Start(ctx context.Context, target Target) (*Run, error) {
	if target.REST == "" || target.WS == "" {
		return nil, errors.New("cannot start simulation: no target")
	}
	r := &Run{world: w, target: target, start: time.Now(), done: make(chan struct{})}
	ctx, r.end = context.WithTimeout(ctx, w.config.Duration+afterwards)
	trading, stop := context.WithTimeout(ctx, w.config.Duration)
	var traders, attackers sync.WaitGroup
	for _, t := range w.traders {
		traders.Go(func() { r.trade(trading, t) })
	}
	for i := range w.plan {
		attackers.Go(func() { r.attack(ctx, trading, &w.plan[i]) })
	}
	go func() {
		traders.Wait()
		attackers.Wait()
		stop()
		r.end()
		close(r.done)
	}()
	return r, nil
}

// Calls is how many calls were sent so far.
func (r *Run) Calls() int64 { return r.calls.Load() }

// Done is closed when everybody has stopped.
func (r *Run) Done() <-chan struct{} { return r.done }

// Stop ends the run early.
func (r *Run) Stop() { r.end() }

// Wait waits until everybody has stopped and reports.
func (r *Run) Wait() Report {
	<-r.done
	rep := Report{Seed: r.world.config.Seed, Calls: r.calls.Load(), Refused: r.refused.Load(), Injected: r.Injected(),
		Retried: r.quirks[retries].Load(), Doubled: r.quirks[duplicates].Load(), Rotated: r.quirks[rotates].Load(), Audit: "ok"}
	if err := r.world.exchange.Audit(); err != nil {
		rep.Audit = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	rep.Failed, rep.Failures = r.failed, slices.Clone(r.failures)
	return rep
}

// Injected lists the campaigns begun so far, in the order in which they began.
func (r *Run) Injected() []Injection {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Injection, len(r.injected))
	for i, in := range r.injected {
		out[i] = *in
		out[i].codes = maps.Clone(in.codes)
	}
	return out
}

// fail notes a call that got no answer, unless the run is ending.
func (r *Run) fail(ctx context.Context, who string, err error) {
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed++
	if len(r.failures) < maxErrors {
		r.failures = append(r.failures, fmt.Sprintf("%s: %v", who, err))
	}
}

func (r *Run) wire(name, agent string, t *trader) *client.Wire {
	w := &client.Wire{REST: r.target.REST, WS: r.target.WS, UserAgent: agent, Name: name}
	if r.world.config.Addresses && t != nil {
		w.Source = t.source
	}
	return w
}

// hands are what a trader works with during a run.
type hands struct {
	run     *Run
	trader  *trader
	wire    *client.Wire
	signers []*client.Signer
	socket  *client.Socket
	sent    int
}

// trade makes one trader's decisions and carries them out until ctx ends.
func (r *Run) trade(ctx context.Context, t *trader) {
	h := &hands{run: r, trader: t, wire: r.wire(t.name, t.agent, t).Open(callTimeout)}
	defer h.close()
	for _, k := range t.keys {
		h.signers = append(h.signers, t.signer(k, r.world.config.Clock))
	}
	c, at := r.world.config, time.Duration(0)
	mean := r.world.meanGap(t)
	for {
		d := t.decide(at, mean, float64(at)/float64(c.Duration))
		at = d.at
		if !sleepUntil(ctx, r.start.Add(at)) {
			return
		}
		h.carryOut(ctx, &d)
	}
}

// meanGap is the time between two decisions of a trader at the configured rate.
func (w *World) meanGap(t *trader) time.Duration {
	total := 0.0
	for _, o := range w.traders {
		total += o.weight
	}
	return time.Duration(float64(time.Second) * total / (w.config.Rate * t.weight))
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

func (h *hands) close() {
	if h.socket != nil {
		h.socket.Close()
	}
	h.wire.Close()
}

// carryOut sends one decision, with the trader's habits.
func (h *hands) carryOut(ctx context.Context, d *decision) {
	if h.sent++; h.sent%reconnectEvery == 0 {
		h.wire.Reconnect()
		h.hangUp()
	}
	signer := h.signers[d.key]
	if h.trader.websocket && d.op.Message != "" {
		h.message(ctx, d, signer)
		return
	}
	req := signer.REST(d.op, d.params)
	if d.key > 0 {
		h.run.quirks[rotates].Add(1)
	}
	switch {
	case d.double:
		h.run.world.faults.add(h.wire.Next(0), linger)
		h.run.world.faults.add(h.wire.Next(1), linger)
		var other sync.WaitGroup
		other.Go(func() { h.send(ctx, req, d) })
		h.send(ctx, req, d)
		other.Wait()
		h.run.quirks[duplicates].Add(1)
	case d.lost:
		h.impatient(ctx, req, d)
	default:
		h.send(ctx, req, d)
	}
}

// send sends a request and accounts for its answer.
func (h *hands) send(ctx context.Context, req client.Request, d *decision) {
	h.run.calls.Add(1)
	a, err := h.wire.Do(ctx, req)
	h.note(ctx, req, d, a, err)
}

func (h *hands) note(ctx context.Context, req client.Request, d *decision, a client.Answer, err error) {
	if err != nil {
		h.run.fail(ctx, h.trader.name, err)
		return
	}
	if a.Status >= http.StatusBadRequest {
		h.run.refused.Add(1)
	}
	if d.op.Signed {
		h.run.tap.heard(req, d.op)
	}
}

// impatient sends a request that the venue will lose, gives up waiting, and sends the
// same bytes again.
func (h *hands) impatient(ctx context.Context, req client.Request, d *decision) {
	h.run.world.faults.add(h.wire.Next(0), lose)
	short, cancel := context.WithTimeout(ctx, impatience)
	h.run.calls.Add(1)
	a, err := h.wire.Do(short, req)
	cancel()
	if err == nil { // answered after all: by a monitor that refused it, or a target that is not this venue
		h.note(ctx, req, d, a, nil)
		return
	}
	if ctx.Err() != nil {
		return
	}
	h.run.quirks[retries].Add(1)
	h.send(ctx, req, d)
}

// message sends a decision over the WebSocket API, connecting first where needed.
func (h *hands) message(ctx context.Context, d *decision, signer *client.Signer) {
	if h.socket == nil && !h.connect(ctx, signer) {
		return
	}
	req := signer.WS(h.socket.Next(), d.op, d.params, h.socket.Session)
	h.run.calls.Add(1)
	a, err := h.socket.Do(ctx, req)
	if err != nil {
		h.hangUp()
	}
	h.note(ctx, req, d, a, err)
}

func (h *hands) connect(ctx context.Context, signer *client.Signer) bool {
	s, err := h.wire.Dial(ctx, callTimeout)
	if err != nil {
		h.run.fail(ctx, h.trader.name, err)
		return false
	}
	h.socket = s
	if signer.Private == nil {
		return true
	}
	h.run.calls.Add(1)
	req, a, err := s.Logon(ctx, signer)
	h.note(ctx, req, &decision{op: client.Op{Message: "session.logon", Signed: true}}, a, err)
	return true
}

func (h *hands) hangUp() {
	if h.socket != nil {
		h.socket.Close()
		h.socket = nil
	}
}
