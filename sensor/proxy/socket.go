package proxy

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/sensor"
	"vedette/venue"
)

// socket is a WebSocket session. Each direction has a goroutine; messages are read whole,
// judged or shown to the monitor, and framed anew.
type socket struct {
	c       *call
	p       *Proxy
	session *sensor.Session
	lim     *Limits

	client, venue           net.Conn
	clientIdle, venueIdle   *guard // of reading
	clientWrite, venueWrite guard

	clientMu  sync.Mutex // owns writing to the client
	clientOut []byte
	venueMu   sync.Mutex // owns writing to the venue
	venueOut  []byte
	masks     *bufio.Reader
	key       [4]byte

	fromClient, fromVenue frames
	gap                   string // set by the venue's direction: what of it was not read

	closing atomic.Bool // a Close frame was passed on
	ended   *verdict    // the monitor's that the session ends
	ending  sync.Once
	shut    atomic.Bool // both are told that the session ends: nothing else is written
}

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

// upgrade judges a request to open a session, opens it at the venue, and serves it until it
// ends. The connection is not good for anything afterwards.
func (s *h1) upgrade() {
	c := &s.c
	x := &c.x
	session := &sensor.Session{Dialect: c.v.Dialect, Opened: x.Arrived, Source: x.Source, Peer: x.Peer, JA4: x.JA4,
		ClientCert: x.ClientCert}
	session.ID = s.p.sessionID.Add(1)
	session.Upgrade = own(&x.Request)
	session.Upgrade.Session = &session.Session
	ended := &verdict{}
	session.End = ended.end
	x.Session, x.Request.Session = session, &session.Session
	s.closing = true
	defer func() { // also of a judgement that failed half way: the monitor may keep something of the session already
		session.Lock()
		defer session.Unlock()
		var ok bool
		defer s.p.recoverMonitor("closed", &ok)
		s.p.monitor.Closed(session, s.p.now())
	}()
	if !c.judge() {
		c.own(s, 500, "the call could not be judged")
		return
	}
	if x.Call.Decision.Refused() {
		s.p.n.refused.Add(1)
		c.refuse(s)
		return
	}
	if s.p.n.sessionsNow.Add(1) > int64(c.st.cfg.Limits.Sessions) {
		s.p.n.sessionsNow.Add(-1)
		s.p.n.sessionLimit.Add(1)
		c.unavailable(s, errFull, false)
		return
	}
	defer s.p.n.sessionsNow.Add(-1)
	l, err := c.v.up.get(true, nil)
	if err != nil {
		c.unavailable(s, err, false)
		return
	}
	defer c.v.up.drop(l)
	if s.openSession(l) {
		s.p.n.sessions.Add(1)
		newSocket(s, l, session, ended).serve()
	}
}

// own copies a request's words: those of an upgrade outlive the buffer they came in.
func own(r *venue.Request) *venue.Request {
	o := &venue.Request{Kind: r.Kind, Method: strings.Clone(r.Method), Scheme: strings.Clone(r.Scheme),
		Host: strings.Clone(r.Host), Path: strings.Clone(r.Path), Asked: strings.Clone(r.Asked), Query: strings.Clone(r.Query)}
	for _, f := range r.Header {
		o.Header = append(o.Header, venue.Field{Name: strings.Clone(f.Name), Value: strings.Clone(f.Value)})
	}
	return o
}

// openSession does the opening handshake. A venue that answers otherwise has its answer
// relayed.
func (s *h1) openSession(l *link) bool {
	c := &s.c
	sent, _, err := c.ask(l)
	if err == nil && c.a.status == 101 {
		err = c.a.accepts(c.h.socketKey)
	}
	if err != nil {
		c.v.up.failed()
		c.unavailable(s, err, sent)
		return false
	}
	if c.a.status != 101 {
		c.a.close = true
		c.relayUnopened(s, l)
		return false
	}
	c.v.up.well()
	c.x.Answer.Status, c.x.Answer.Header = 101, c.a.fields
	if !c.done() {
		c.own(s, 500, "the call could not be recorded")
		return false
	}
	c.reply = reply{status: 101, reason: c.a.reason, fields: c.a.fields, kinds: c.a.kinds, length: -1, noBody: true}
	s.closing = false // of the answer's Connection field
	s.out = appendReply(s.out[:0], &c.reply, false, false)
	s.out = append(s.out[:len(s.out)-2], "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"...)
	return s.flush() == nil && s.g.off()
}

// accepts checks the venue's part of the opening handshake (RFC 6455 section 4.1).
func (a *answer) accepts(key string) error {
	switch {
	case a.fields.Get("Sec-WebSocket-Accept") != acceptKey(key):
		return fmt.Errorf("%w: Sec-WebSocket-Accept", errBadAnswer)
	case !strings.EqualFold(a.fields.Get("Upgrade"), "websocket"):
		return fmt.Errorf("%w: Upgrade", errBadAnswer)
	case a.fields.Get("Sec-WebSocket-Extensions") != "":
		return fmt.Errorf("%w: extension that was not offered", errBadAnswer)
	}
	return nil
}

// acceptKey is the answer to a Sec-WebSocket-Key (RFC 6455 section 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func newSocket(s *h1, l *link, session *sensor.Session, ended *verdict) *socket {
	lim := &s.c.st.cfg.Limits
	k := &socket{c: &s.c, p: s.p, session: session, ended: ended, lim: lim, client: s.conn, venue: l, clientIdle: s.g, venueIdle: &l.g,
		masks: bufio.NewReaderSize(s.p.rand, 256)}
	k.fromClient = frames{read: s.conn.Read, room: k.room, masked: true, limit: lim.MessageBytes,
		buf: append(make([]byte, 0, firstBuffer), s.in[s.r:s.w]...)}
	k.fromClient.w = len(k.fromClient.buf)
	k.fromClient.buf = k.fromClient.buf[:cap(k.fromClient.buf)]
	k.fromVenue = frames{read: l.Conn.Read, room: k.room, limit: lim.ReplyBytes, buf: l.buf, r: l.r, w: l.w}
	s.in = nil
	return k
}

// room claims memory for messages, from what bodies use too.
func (k *socket) room(grow int) bool {
	if k.p.n.bodyMemory.Add(int64(grow)) > k.lim.BodyMemory && grow > 0 {
		k.p.n.bodyMemory.Add(int64(-grow))
		return false
	}
	return true
}

// serve runs both directions until the session has ended.
func (k *socket) serve() {
	k.p.sweep.add(&k.clientWrite, k.client)
	k.p.sweep.add(&k.venueWrite, k.venue)
	defer k.p.sweep.remove(&k.clientWrite)
	defer k.p.sweep.remove(&k.venueWrite)
	defer k.fromClient.claim(0)
	defer k.fromVenue.claim(0)
	k.touch()
	if why, given := k.ended.meets(k); given {
		k.end(why)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer k.p.recoverConn()
		k.finish(k.replies(), k.clientIdle)
	}()
	k.finish(k.messages(), k.venueIdle)
	<-ended
	if k.gap != "" {
		k.p.gap(1, k.gap)
	}
}

// touch keeps a session alive that has traffic.
func (k *socket) touch() {
	if k.closing.Load() {
		return
	}
	k.clientIdle.armIdle(k.p.sweep, k.lim.SessionIdle)
	k.venueIdle.armIdle(k.p.sweep, k.lim.SessionIdle)
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

// messages reads what the client sends.
func (k *socket) messages() error {
	for {
		op, payload, err := k.fromClient.next()
		if err != nil {
			return err
		}
		k.touch()
		switch op {
		case opText, opBinary:
			k.p.n.messagesIn.Add(1)
			k.p.n.bytesIn.Add(int64(len(payload)))
			err = k.message(op, payload)
		default:
			err = k.toVenue(op, payload)
		}
		if err != nil {
			return err
		}
		if op == opClose {
			return errClosing
		}
	}
}

// message judges one message and forwards it, or answers with the refusal. Its record is
// finished before it leaves, so that a reply, however fast, comes after Done.
func (k *socket) message(op byte, payload []byte) error {
	c := k.c
	x := &c.x
	c.resetMessage(payload, k.session, k.p.now())
	if !c.judge() {
		return &closeError{closeUnexpected, "the message could not be judged"}
	}
	if !c.done() {
		return &closeError{closeUnexpected, "the message could not be recorded"}
	}
	if x.Call.Decision.Refused() {
		k.p.n.messageRefused.Add(1)
		if len(x.Refusal.Body) == 0 {
			return nil
		}
		return k.toClient(opText, x.Refusal.Body)
	}
	return k.toVenue(op, payload)
}

// resetMessage makes the exchange that of a message.
func (c *call) resetMessage(payload []byte, s *sensor.Session, at time.Time) {
	x, up := &c.x, s.Upgrade
	c.judged, c.finished = false, false
	x.Fault, x.AnswerBytes, x.Receipt, x.Refusal = "", 0, vedette.Receipt{}, venue.Refusal{}
	x.Call = vedette.Call{Reasons: x.Call.Reasons[:0]}
	x.Arrived, x.Session = at, s
	x.Answer.Reset()
	x.Answer.Header, x.Answer.Kind = nil, venue.Reply
	r := &x.Request
	r.Reset()
	r.Kind, r.Scheme, r.Host, r.Path, r.Query, r.Header = venue.Message, up.Scheme, up.Host, up.Path, up.Query, up.Header
	r.Session, r.Body = &s.Session, payload
}

// replies reads what the venue sends.
func (k *socket) replies() error {
	for {
		op, payload, err := k.fromVenue.next()
		if err != nil {
			var ce *closeError
			if errors.As(err, &ce) {
				k.gap = "venue broke the WebSocket protocol"
				err = &closeError{closeUnexpected, "venue broke the protocol"}
			}
			return err
		}
		k.touch()
		if op == opText || op == opBinary {
			k.p.n.messagesOut.Add(1)
			if !k.reply(payload) {
				if err := k.ended.error(); err != nil {
					return err
				}
				return &closeError{closeUnexpected, "the message could not be recorded"}
			}
		}
		if err := k.toClient(op, payload); err != nil {
			return err
		}
		if op == opClose {
			return errClosing
		}
	}
}

// reply shows a venue's message to the monitor. It reports false if that must not be
// released.
func (k *socket) reply(payload []byte) (ok bool) {
	defer k.p.recoverMonitor("reply", &ok)
	k.session.Lock()
	defer k.session.Unlock()
	return k.p.monitor.Reply(k.session, payload, k.p.now())
}

func (k *socket) toClient(op byte, payload []byte) error {
	k.clientMu.Lock()
	defer k.clientMu.Unlock()
	if k.shut.Load() {
		return errShut
	}
	return k.clientFrame(op, payload)
}

// clientFrame writes a frame; clientMu is held.
func (k *socket) clientFrame(op byte, payload []byte) error {
	k.clientOut = appendFrame(k.clientOut[:0], op, nil, payload)
	n, err := k.send(k.client, &k.clientWrite, k.clientOut)
	k.p.n.bytesOut.Add(int64(n))
	if cap(k.clientOut) > keepBuffer {
		k.clientOut = nil
	}
	return err
}

func (k *socket) toVenue(op byte, payload []byte) error {
	k.venueMu.Lock()
	defer k.venueMu.Unlock()
	if k.shut.Load() {
		return errShut
	}
	return k.venueFrame(op, payload)
}

// venueFrame writes a frame; venueMu is held.
func (k *socket) venueFrame(op byte, payload []byte) error {
	if _, err := io.ReadFull(k.masks, k.key[:]); err != nil {
		return fmt.Errorf("cannot make masking key: %w", err)
	}
	k.venueOut = appendFrame(k.venueOut[:0], op, &k.key, payload)
	_, err := k.send(k.venue, &k.venueWrite, k.venueOut)
	if cap(k.venueOut) > keepBuffer {
		k.venueOut = nil
	}
	return err
}

// send writes within WriteTimeout. A side that takes nothing holds the other one up: that is
// the backpressure, nothing is queued.
func (k *socket) send(to net.Conn, g *guard, b []byte) (int, error) {
	if !g.arm(k.p.sweep, k.lim.WriteTimeout) {
		return 0, errExpired
	}
	n, err := to.Write(b)
	g.off()
	return n, err
}
