package proxy

import (
	"errors"
	"net"
	"sync"
	"time"
)

// verdict is the monitor's that a session ends. It may come at any time from the upgrade's
// judgement on.
type verdict struct {
	mu     sync.Mutex
	given  bool
	why    string
	socket *socket // once it serves
}

// end implements sensor.Session.End.
func (e *verdict) end(why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.given {
		return
	}
	e.given, e.why = true, why
	if e.socket != nil {
		go e.socket.end(why)
	}
}

// meets has the verdict end the socket, and reports whether it was given already.
func (e *verdict) meets(k *socket) (why string, given bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.socket = k
	return e.why, e.given
}

// error returns what ends the session, nil if there is no verdict.
func (e *verdict) error() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.given {
		return nil
	}
	return &endedError{e.why}
}

// endedError ends a session that the monitor wants ended.
type endedError struct{ why string }

func (e *endedError) Error() string { return "session ended: " + e.why }

// end ends both directions, also while neither has traffic.
func (k *socket) end(why string) {
	defer k.p.recoverConn()
	k.ending.Do(func() { k.tell(&endedError{why}) })
}

// errClosing says that a direction ended with a Close frame, which was passed on.
var errClosing = errors.New("websocket: closing")

// errShut says that both sides were told of the end before.
var errShut = errors.New("websocket: the session has ended")

// finish ends one direction. After a Close frame the other side has CloseTimeout to answer it;
// after anything else both are told as far as they can be, and closed.
func (k *socket) finish(err error, onward *guard) {
	if errors.Is(err, errClosing) {
		k.closing.Store(true)
		onward.arm(k.p.sweep, k.lim.CloseTimeout)
		return
	}
	k.ending.Do(func() { k.tell(err) })
}

// tell says to both sides why the session ends, and hangs up.
func (k *socket) tell(err error) {
	if k.closing.Load() {
		k.hangUp(k.client)
		k.hangUp(k.venue)
		return
	}
	var ce *closeError
	var ee *endedError
	code, why := closeGoingAway, ""
	switch {
	case errors.As(err, &ee):
		k.p.n.sessionsEnded.Add(1)
		code, why = closePolicy, ee.why
	case errors.As(err, &ce):
		k.p.n.sessionFaults.Add(1)
		code, why = ce.code, ce.why
	case timedOut(err):
		why = "idle"
		if k.p.draining.Load() {
			why = "shutting down"
		}
	}
	deadline := time.Now().Add(lingerTime)
	k.client.SetDeadline(deadline)
	k.venue.SetDeadline(deadline)
	k.shut.Store(true)
	k.clientMu.Lock()
	k.clientFrame(opClose, closeBody(code, why))
	k.clientMu.Unlock()
	if code == closePolicy {
		code, why = closeGoingAway, "" // why is no business of the venue's
	}
	k.venueMu.Lock()
	k.venueFrame(opClose, closeBody(code, why))
	k.venueMu.Unlock()
	k.hangUp(k.client)
	k.hangUp(k.venue)
}

func closeBody(code int, why string) []byte {
	return append([]byte{byte(code >> 8), byte(code)}, why...)
}

// hangUp wakes whoever reads from c, without losing what was just written to it.
func (k *socket) hangUp(c net.Conn) {
	if w, ok := c.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	}
	c.SetReadDeadline(time.Unix(1, 0))
}
