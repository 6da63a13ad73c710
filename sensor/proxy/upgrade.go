package proxy

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strings"

	"vedette/sensor"
	"vedette/venue"
)

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
