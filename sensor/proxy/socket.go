package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
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
