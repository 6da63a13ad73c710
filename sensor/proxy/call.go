package proxy

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"vedette"
	"vedette/sensor"
	"vedette/venue"
)

// Name is the proxy's name in records.
const Name = "proxy"

// client is where a call's answer goes: a connection of HTTP/1.1 or a stream of HTTP/2.
// Its methods return an error once the client cannot be reached any more.
type client interface {
	// compose readies a complete answer, for flush to send. It keeps nothing of its arguments.
	compose(r *reply, body []byte)
	flush() error
	// start begins an answer that follows in pieces, ended by end. Its length is -1 where
	// it is not known.
	start(r *reply) error
	piece(b []byte) error
	end() error
	// abort breaks an answer off, so that the client cannot take it for complete.
	abort()
}

// reply is the head of an answer to the client.
type reply struct {
	status      int
	reason      string
	fields      venue.Header // of the venue's answer
	kinds       []kind
	length      int64 // of the body, -1 if unknown
	noBody      bool  // by the rules of HTTP; length is then only told
	contentType string
	retryAfter  int64 // seconds
	challenge   string
	nonce       string
}

// origin is what a client's connection says about all its calls.
type origin struct {
	from       netip.AddrPort // the client or the last hop: the peer, or what its PROXY header says
	peer       netip.AddrPort
	scheme     string
	ja4        string
	clientCert *x509.Certificate
}

// call is one exchange on its way. It is reused.
type call struct {
	p      *Proxy
	task   *task // that serves it, nil on a goroutine of its own
	link   *link // that it holds, so that a bug does not cost the upstream a place
	st     *state
	v      *route
	x      sensor.Exchange
	h      head
	a      answer
	target string     // as it goes to the upstream
	from   netip.Addr // who sent it here: the client or a trusted hop
	hop    bool       // from is trusted
	reply  reply

	out      []byte // requests and answers as they are written
	sample   []byte // the answer's beginning
	hold     []byte // the piece held back until Done
	decoder  decoder
	deny     []byte
	keepLink bool // the link is the caller's to drop
	judged   bool
	finished bool
}

// prepare fills the exchange from the head. It returns false if the call is for no
// venue.
func (c *call) prepare(routes []*route, o *origin, body []byte, at time.Time) bool {
	x := &c.x
	c.judged, c.finished, c.v = false, false, nil
	x.Fault, x.AnswerBytes, x.Session, x.Receipt = "", 0, nil, vedette.Receipt{}
	x.Refusal = venue.Refusal{}
	x.Call = vedette.Call{Reasons: x.Call.Reasons[:0]}
	x.Request.Reset()
	x.Answer.Reset()
	x.Answer.Header, x.Answer.Kind = nil, venue.HTTPAnswer

	c.target = c.h.target
	path, query, _ := strings.Cut(c.target, "?")
	if c.v = find(routes, c.h.host, path); c.v == nil {
		if c.h.bad == faultNone || len(routes) == 0 {
			return false
		}
		c.v = routes[0] // unreadable, and somebody has to get it
	}
	if c.v.StripPrefix && c.v.PathPrefix != "" && under(path, c.v.PathPrefix) {
		x.Request.Asked = path
		path, c.target = path[len(c.v.PathPrefix):], c.target[len(c.v.PathPrefix):]
		if path == "" {
			path, c.target = "/", "/"+c.target
		}
	}
	x.Sensor, x.Dialect, x.Arrived = Name, c.v.Dialect, at
	x.Peer, x.JA4, x.ClientCert = o.peer, o.ja4, o.clientCert
	x.Source = c.st.trusted.source(o.from, &c.h)
	r := &x.Request
	r.Method, r.Host, r.Path, r.Query, r.Header, r.Body = c.h.method, c.h.host, path, query, c.h.fields, body
	r.Scheme = o.scheme
	if c.h.socket {
		r.Kind = venue.Upgrade
	}
	c.from = o.from.Addr()
	if c.hop = c.st.trusted.trust(c.from); c.hop {
		r.Scheme = c.forwardedScheme(o.scheme)
	}
	if c.h.socket {
		r.Scheme = "ws" + strings.TrimPrefix(r.Scheme, "http")
	}
	if c.h.bad != faultNone {
		x.Fault = vedette.Ambiguous
		if c.h.bad.size() {
			x.Fault = vedette.TooLarge
		}
	}
	return true
}

// forwardedScheme is the scheme that the trusted hop says the client used.
func (c *call) forwardedScheme(scheme string) string {
	said := ""
	for i, k := range c.h.kinds {
		if k != kindForwardedProto {
			continue
		}
		if said != "" {
			return scheme
		}
		said = c.h.fields[i].Value
	}
	switch said {
	case "http", "https":
		return said
	}
	return scheme
}

// run judges the call and answers it on w. It reports whether the client's connection
// is still good for another call.
func (c *call) run(w client) bool {
	if !c.judge() {
		return c.own(w, 500, "the call could not be judged") == nil
	}
	if c.x.Fault != "" || c.x.Call.Decision.Refused() {
		if !c.x.Call.Decision.Refused() || c.x.Fault == "" {
			c.p.n.refused.Add(1)
		}
		return c.refuse(w) == nil && c.x.Fault == ""
	}
	return c.forward(w)
}

// judge asks the monitor. A monitor that panics has not judged: the call is refused.
func (c *call) judge() bool {
	if c.mayWait() || len(c.x.Request.Body) > smallBody {
		return c.elsewhere((*call).judgeHere)
	}
	return c.judgeHere()
}

func (c *call) judgeHere() (ok bool) {
	defer c.p.recoverMonitor("judge", &ok)
	if s := c.x.Session; s != nil {
		s.Lock()
		defer s.Unlock()
	}
	c.p.monitor.Judge(&c.x)
	c.judged = true
	return true
}

// done tells the monitor that the call is over, once. It reports false if the call has no
// record that it must have, or the monitor panicked: nothing is released then.
func (c *call) done() bool {
	if !c.judged || c.finished {
		return true
	}
	c.finished = true
	defer c.x.Trim()
	if c.mayWait() || c.task != nil && len(c.x.Request.Body) > smallBody {
		return c.elsewhere((*call).doneHere)
	}
	return c.doneHere()
}

func (c *call) doneHere() (ok bool) {
	defer c.p.recoverMonitor("done", &ok)
	if s := c.x.Session; s != nil {
		s.Lock()
		defer s.Unlock()
	}
	return c.p.monitor.Done(&c.x)
}

// mayWait reports whether the monitor could hold up the loop that serves the call.
func (c *call) mayWait() bool { return c.task != nil && c.p.monitor.Waits(&c.x) }

// elsewhere runs f off the loop.
func (c *call) elsewhere(f func(*call) bool) (ok bool) {
	c.task.block(func() { ok = f(c) })
	return ok
}

// unrecorded are the words where an answer of the venue is not released.
const unrecorded = "the call could not be recorded: whether it was carried out is not known"

// refuse answers with the monitor's refusal.
func (c *call) refuse(w client) error {
	if !c.done() {
		return c.own(w, 500, "the call could not be recorded")
	}
	ref := &c.x.Refusal
	status := ref.Status
	if c.h.bad != faultNone { // says more than a venue's own shape could
		status = c.h.bad.status()
	}
	if status < 200 || status > 599 {
		status = 403
	}
	c.reply = reply{status: status, length: int64(len(ref.Body)), contentType: ref.ContentType,
		retryAfter: (c.x.Call.Decision.RetryAfterMS + 999) / 1000, challenge: line(ref.Challenge), nonce: line(ref.Nonce)}
	return c.send(w, ref.Body)
}

// line is s if it can stand in a header field, else "".
func line(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			return ""
		}
	}
	return s
}

// own answers with words of the proxy's own, where no dialect can.
func (c *call) own(w client, status int, words string) error {
	c.deny = append(append(append(c.deny[:0], `{"error":"`...), words...), `"}`...)
	c.reply = reply{status: status, length: int64(len(c.deny)), contentType: "application/json"}
	return c.send(w, c.deny)
}

// send is whole, minding HEAD.
func (c *call) send(w client, body []byte) error {
	c.reply.noBody = c.h.method == "HEAD"
	w.compose(&c.reply, body)
	return w.flush()
}

// unavailable answers for a venue that gave no answer: nothing was carried out where
// nothing was sent, else nobody knows.
func (c *call) unavailable(w client, err error, sent bool) bool {
	c.p.n.upstreamFailed.Add(1)
	c.x.Answer.Reset()
	c.x.Answer.Kind = venue.HTTPAnswer
	recorded := c.done()
	switch {
	case sent:
		return c.fail(w, vedette.AnswerLost, err)
	case !recorded:
		return c.own(w, 500, "the call could not be recorded") == nil
	}
	return c.fail(w, vedette.UpstreamDown, err)
}

// fail says in the venue's own words that there is no answer of the venue.
func (c *call) fail(w client, why vedette.Reason, err error) bool {
	ref := c.denial(why)
	status := 502
	switch {
	case ref.Status >= 500:
		status = ref.Status // goes with the words
	case errors.Is(err, errDown), errors.Is(err, errFull):
		status = 503
	case timedOut(err):
		status = 504
	}
	if len(ref.Body) == 0 {
		return c.own(w, status, string(why)) == nil
	}
	c.reply = reply{status: status, length: int64(len(ref.Body)), contentType: ref.ContentType}
	return c.send(w, ref.Body) == nil
}

func (c *call) denial(why vedette.Reason) (ref venue.Refusal) {
	defer func() {
		c.x.Request.Trim() // it was read again, after done
		if recover() != nil {
			c.p.n.monitorPanics.Add(1)
			ref = venue.Refusal{}
		}
	}()
	if c.v.Dialect.Deny == nil {
		return venue.Refusal{}
	}
	ref = c.v.Dialect.Deny(&c.x.Request, vedette.Decision{Effect: vedette.Deny, Reason: why}, c.deny[:0])
	if cap(ref.Body) > cap(c.deny) {
		c.deny = ref.Body[:0]
	}
	return ref
}

// forward sends the call to the venue and the answer to the client.
func (c *call) forward(w client) bool {
	c.x.Request.Trim() // of up to 30 s for the venue
	for try := 0; ; try++ {
		l, err := c.v.up.get(try > 0, c.task)
		if err != nil {
			if errors.Is(err, errFull) {
				c.p.n.upstreamFull.Add(1)
			}
			return c.unavailable(w, err, false)
		}
		c.link = l
		sent, got, err := c.ask(l)
		if err == nil {
			return c.relay(w, l)
		}
		reused := l.reused
		c.link = nil
		c.v.up.drop(l)
		// Only a connection that had gone stale is worth another try, and only where the
		// venue cannot have carried the call out: not a byte of it left, or it changes
		// nothing.
		if reused && !got && try == 0 && (!sent || c.harmless()) && !timedOut(err) {
			c.p.n.upstreamRetried.Add(1)
			continue
		}
		c.v.up.failed()
		return c.unavailable(w, err, sent)
	}
}

func timedOut(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errExpired)
}

// harmless reports whether carrying the call out twice is the same as once.
func (c *call) harmless() bool {
	switch c.h.method {
	case "GET", "HEAD", "OPTIONS":
		return !c.x.Call.Operation.Changes()
	}
	return false
}

// ask writes the request and reads the answer's head.
func (c *call) ask(l *link) (sent, got bool, err error) {
	c.out = c.appendRequest(c.out[:0])
	lim := &c.st.cfg.Limits
	l.g.arm(c.p.sweep, lim.AnswerTimeout)
	var n int64
	if len(c.x.Request.Body) <= smallBody {
		c.out = append(c.out, c.x.Request.Body...)
		var m int
		m, err = l.Write(c.out)
		n = int64(m)
	} else {
		n, err = l.send(c.task, c.out, c.x.Request.Body)
	}
	if err != nil {
		if n > 0 && c.earlyAnswer(l) {
			return true, true, nil
		}
		return n > 0, false, fmt.Errorf("cannot send to upstream: %w", err)
	}
	if got, err = l.readHead(&c.a, lim.AnswerHeadBytes); err != nil {
		return true, got, fmt.Errorf("cannot read answer: %w", err)
	}
	if c.a.status == 101 && !c.h.socket {
		return true, true, fmt.Errorf("%w: switches protocols unasked", errBadAnswer)
	}
	return true, true, nil
}

// earlyAnswer looks for a refusal that the upstream sent, and closed or not, without reading
// the whole request (RFC 9112 section 9.5).
func (c *call) earlyAnswer(l *link) bool {
	_, err := l.readHead(&c.a, c.st.cfg.Limits.AnswerHeadBytes)
	c.a.close = true
	return err == nil && c.a.status >= 400
}
