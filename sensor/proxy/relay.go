package proxy

import (
	"io"
	"time"

	"vedette"
	"vedette/sensor"
)

// relayUnopened is relay for a session that was not opened; the link stays the caller's.
func (c *call) relayUnopened(w client, l *link) {
	c.keepLink = true
	defer func() { c.keepLink = false }()
	c.relay(w, l)
}

// relay brings the answer to the client. Nothing of a small answer, and not the last piece of
// a large one, is released before Done.
func (c *call) relay(w client, l *link) bool {
	a := &c.a
	c.v.up.well()
	src := body{l: l, frame: a.framing(c.h.method), left: a.length}
	src.chunks.lenient = true
	c.reply = reply{status: a.status, reason: a.reason, fields: a.fields, kinds: a.kinds, length: a.length,
		noBody: src.frame == bodyNone}
	c.x.Answer.Status, c.x.Answer.Header = a.status, a.fields
	whole, rest, err := c.collect(&src)
	if err != nil {
		return c.cut(w, l, err, false)
	}
	if rest == nil {
		c.answered(whole, len(whole))
		if !c.done() {
			c.release(l, &src)
			return c.own(w, 500, unrecorded) == nil
		}
		if src.frame != bodyNone {
			c.reply.length = int64(len(whole))
		}
		w.compose(&c.reply, whole)
		c.release(l, &src) // from here on its buffer, where head and body lie, is another's
		return w.flush() == nil
	}
	return c.stream(w, l, &src, whole, rest)
}

// collect reads the body as far as wholeAnswer. rest is nil if that was all, else the piece
// that went beyond.
func (c *call) collect(src *body) (whole, rest []byte, err error) {
	c.sample = c.sample[:0]
	for {
		piece, err := src.next()
		if err == io.EOF {
			return c.sample, nil, nil
		}
		if err != nil {
			return c.sample, nil, err
		}
		if len(c.sample) == 0 && src.frame == bodyLength && src.left == 0 {
			return piece, nil, nil // all in one piece: no need to copy
		}
		if len(c.sample)+len(piece) > wholeAnswer {
			return c.sample, piece, nil
		}
		c.sample = append(c.sample, piece...)
	}
}

// stream relays a large answer: a piece is released when the next one has come, the last one
// after Done.
func (c *call) stream(w client, l *link, src *body, whole, piece []byte) bool {
	total := len(whole)
	gone := w.start(&c.reply)
	if src.frame != bodyLength {
		c.reply.length = -1
	}
	waited := -int64(c.st.cfg.Limits.WriteTimeout) // for the client
	taken := total                                 // when the client was there last
	c.hold = append(c.hold[:0], whole...)
	if room := wholeAnswer - len(c.sample); room > 0 {
		c.sample = append(c.sample, piece[:min(room, len(piece))]...)
	}
	for {
		l.g.arm(c.p.sweep, c.st.cfg.Limits.AnswerTimeout)
		if gone == nil {
			begun := c.p.sweep.coarse.Load()
			gone = w.piece(c.hold)
			waited += c.p.sweep.coarse.Load() - begun
		}
		slow := waited > int64(total)*int64(time.Second)/slowestClient
		if slow && gone == nil {
			c.p.n.clientsGone.Add(1)
		}
		if slow || gone != nil && total-taken > lingerBytes { // it holds the upstream's connection, to no end
			c.answered(c.sample, total)
			c.done()
			c.release(l, nil)
			w.abort()
			return false
		}
		if gone == nil {
			taken = total
		}
		total += len(piece)
		c.hold = append(c.hold[:0], piece...)
		var err error
		if piece, err = src.next(); err == io.EOF {
			break
		} else if err != nil {
			c.x.AnswerBytes = total
			return c.cut(w, l, err, true)
		}
	}
	c.answered(c.sample, total)
	ok := c.done()
	c.release(l, src)
	if gone != nil || !ok {
		w.abort()
		return false
	}
	return w.piece(c.hold) == nil && w.end() == nil
}

// answered fills in the answer for the monitor.
func (c *call) answered(raw []byte, total int) {
	body, known := c.decoder.decode(c.a.coding, raw)
	if !known {
		c.p.n.answersUnread.Add(1)
		c.p.gap(1, "answer in a coding that cannot be read")
	}
	c.x.Answer.Body = body[:min(len(body), sensor.AnswerLimit)]
	c.x.AnswerBytes = total
}

// release gives the link back where it can carry another call: not after a body that broke off
// (src nil).
func (c *call) release(l *link, src *body) {
	c.link = nil
	switch {
	case c.keepLink:
	case src == nil || c.a.close || src.frame == bodyClose || c.a.status == 101:
		c.v.up.drop(l)
	default:
		c.v.up.put(l)
	}
}

// cut ends a call whose answer broke off. The monitor is told the status and what came.
func (c *call) cut(w client, l *link, err error, started bool) bool {
	c.p.n.answersCut.Add(1)
	c.p.n.upstreamFailed.Add(1)
	c.answered(c.sample, max(c.x.AnswerBytes, len(c.sample)))
	c.done()
	c.release(l, nil)
	c.v.up.failed()
	c.p.gap(1, "answer broke off")
	if started {
		w.abort()
		return false
	}
	return c.fail(w, vedette.AnswerLost, err)
}
