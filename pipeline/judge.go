package pipeline

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strings"
	"time"
	"unsafe"

	"vedette"
	"vedette/gate"
	"vedette/payload"
	"vedette/sensor"
	"vedette/venue"
	"vedette/verify"
	"vedette/verify/token"
)

// state is what the monitor keeps with an exchange between Judge and Done.
type state struct {
	verify.Case
	issued venue.Issued
	body   []byte          // what the record tells of the body
	others []*vedette.Call // of its further parties, see others.go

	filter  payload.Filter
	inquiry *payload.Inquiry // into a suspicious call; nil where there is none, or it is concluded
}

// Waits implements sensor.Monitor.
func (m *Monitor) Waits(x *sensor.Exchange) bool {
	return m.Sync || m.Asks || m.Log.Overdue() || m.inquires(x)
}

// Judge implements sensor.Monitor.
func (m *Monitor) Judge(x *sensor.Exchange) {
	s, _ := x.State.(*state)
	if s == nil {
		s = &state{}
		x.State = s
	}
	m.describe(x)
	if x.Fault == "" {
		x.Dialect.Meaning(&x.Request, &x.Call)
	}
	s.Case = verify.Case{Dialect: x.Dialect, Request: &x.Request, Source: x.Source.Addr(), Cert: x.ClientCert, Now: x.Arrived,
		Fault: x.Fault, Claim: &x.Claim, Call: &x.Call}
	s.issued = venue.Issued{}
	m.Verifier.Verify(&s.Case)
	m.inspect(x, s)
	if t := x.Claim.Token; t != "" && strings.Contains(x.Call.Path, t) || strings.Contains(x.Call.Path, "/ws/") {
		x.Call.Path = hideToken(x.Call.Path, t)
	}
	if m.Intel != nil {
		m.Intel.Enrich(&x.Call, x.Arrived)
	}
	x.Call.Decision = m.Gate.Decide(&x.Call, x.Arrived)
	s.others = m.others(x, s.Parties)
	if !x.Call.Decision.Refused() {
		m.serves(x, s.others)
	}
	if x.Call.Decision.Refused() {
		m.challenge(x, s)
		x.Refusal = x.Dialect.Deny(&x.Request, x.Call.Decision, x.Scratch[:0])
		x.Scratch = x.Refusal.Body
		x.Refusal.Challenge, x.Refusal.Nonce = s.Challenge, s.Nonce
		if s.Challenge != "" {
			x.Refusal.Status = 401 // RFC 9110 section 11.6.1: a challenge comes with 401
		}
	} else if x.Claim.Login && x.Call.Verdict == vedette.Authentic && x.Session != nil {
		x.Session.Key = clone(x.Call.Credential)
		x.Session.Account = clone(x.Call.Account)
		x.Session.External, x.Session.Token = s.Entry == nil, nil
		if s.Again != nil {
			x.Session.Token = s.Again
		}
		m.byToken(x, s.Again)
	}
	m.stats.count(&x.Call)
}

// challenge tells the bearer of an access token what a step-up restriction, or a feed of
// threat intelligence, asks for.
func (m *Monitor) challenge(x *sensor.Exchange, s *state) {
	d := &x.Call.Decision
	if d.Effect != vedette.StepUp || x.Claim.Auth != venue.AuthBearer {
		return
	}
	scheme, _, _ := strings.Cut(x.Request.Header.Get("Authorization"), " ")
	if d.Reason == vedette.IntelMatched {
		s.Challenge = token.StepUpChallenge(scheme, "", gate.IntelMaxAge)
		return
	}
	r, ok := m.Gate.Restriction(d.Restriction)
	if !ok {
		return // the verdict asked for it, or it was lifted meanwhile
	}
	maxAge := time.Duration(r.MaxAge) * time.Second
	switch {
	case r.MaxAge == 0 && r.ACR == "" && r.AMR == "":
		maxAge = max(0, x.Arrived.Sub(r.From))
	case r.MaxAge == 0:
		maxAge = -1
	}
	s.Challenge = token.StepUpChallenge(scheme, r.ACR, maxAge)
}

// hideToken takes the token, and whatever is as long as Binance's listenKeys, out of
// a path.
func hideToken(path, token string) string {
	const keyLength = 60
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if token != "" && strings.Contains(p, token) || len(p) >= keyLength {
			parts[i] = hidden
		}
	}
	return strings.Join(parts, "/")
}

// describe fills in what the sensor saw. Memory of the call's slices is kept.
func (m *Monitor) describe(x *sensor.Exchange) {
	c := &x.Call
	*c = vedette.Call{Time: x.Arrived, Sensor: x.Sensor, Venue: x.Dialect.Name, Source: x.Source, JA4: x.JA4,
		Client: x.Request.Header.Get("User-Agent"), Method: x.Request.Method, Path: x.Request.Path, RequestBytes: len(x.Request.Body),
		Batch: c.Batch[:0], Reasons: c.Reasons[:0], Intel: c.Intel[:0]}
	if x.Request.Kind == venue.Message {
		c.Protocol = vedette.WebSocket
		c.Method = ""
	}
	if x.Session != nil {
		c.Session = x.Session.ID
	}
}

// Done implements sensor.Monitor. A refusal, and that the venue did not answer, may
// always be told: nothing that was carried out goes with it.
func (m *Monitor) Done(x *sensor.Exchange) bool {
	s := x.State.(*state)
	c := &x.Call
	refused := c.Decision.Refused()
	settled := true
	switch {
	case x.Request.Kind == venue.Message:
		if !refused {
			var postponed bool
			if postponed, settled = m.postpone(x, s); postponed {
				return true
			}
		}
		m.Verifier.Answered(&s.Case)
	case x.Answer.Status != 0:
		c.Answer = vedette.Answer{Status: x.Answer.Status, Bytes: x.AnswerBytes}
		if !refused {
			c.Answer.Latency = m.Now().Sub(x.Arrived)
			x.Dialect.Answer(&x.Request, &x.Answer, &c.Answer, &s.issued)
			m.Verifier.Issue(&s.Case, &s.issued)
		}
		m.Verifier.Answered(&s.Case)
	case refused:
		m.Verifier.Answered(&s.Case)
	default: // the venue did not answer: the client may ask again
		m.Verifier.Unanswered(&s.Case)
	}
	if refused && c.Answer.Status == 0 {
		c.Answer.Status = x.Refusal.Status
	}
	s.body = m.appendContent(s.body[:0], x)
	m.conclude(c, &s.inquiry)
	if refused {
		s.others = nil // it is one call that did not take place
	}
	r, kept := m.record(c, s.others, s.body)
	s.others = nil
	x.Receipt = r
	if cap(s.body) > keepBody {
		s.body = nil
	}
	return settled && (kept || refused || x.Answer.Status == 0 && x.Request.Kind != venue.Message)
}

// keepBody is the memory for what a record tells of a body that stays with an exchange:
// hashes of query and body, with room to spare.
const keepBody = 4 << 10

// record appends the call's record, with what it tells of the body, and one for each of the others whose
// call it was too, and passes them to the detectors. kept is false if the call fails closed and has no record, or
// under sync none that is durable.
func (m *Monitor) record(c *vedette.Call, others []*vedette.Call, body []byte) (r vedette.Receipt, kept bool) {
	r.Position, kept = m.put(c, body)
	last := r.Position
	for _, o := range others {
		o.Answer, o.Injection = c.Answer, c.Injection
		var ok bool
		if last, ok = m.put(o, body); !ok {
			kept = false
		}
	}
	if kept && (m.Sync || m.Log.Overdue()) {
		r.Durable = m.wait(last)
		kept = r.Durable
	}
	return r, kept || !m.Gate.FailsClosed(c)
}

// put appends a call's record and passes the call to the detectors.
func (m *Monitor) put(c *vedette.Call, body []byte) (position uint64, kept bool) {
	buf := m.records.Get().(*[]byte)
	b := appendRecord((*buf)[:0], c, body)
	position, kept = m.keep(b, c)
	*buf = b
	m.records.Put(buf)
	if m.Parties != nil {
		m.Parties.Saw(c)
	}
	return position, kept
}

// waiting is a message that was forwarded and not yet answered.
type waiting struct {
	id     string
	call   *vedette.Call
	others []*vedette.Call
	body   []byte // what the record tells of it
	login  bool
	kase   verify.Case
	began  time.Time
	// request is a copy of the message for the dialect to read the answer by.
	request venue.Request
	inquiry *payload.Inquiry
	size    int64 // memory that it takes, about
}

// conversation is the monitor's state of a session.
type conversation struct {
	pending []*waiting // oldest first
	held    int64      // memory of pending
	guarded *guarded   // nil while it serves nobody
}

// room claims memory for waiting messages: ownPending is the session's own, what it has
// beyond comes out of what all share.
func (m *Monitor) room(c *conversation, size int64) bool {
	grow := max(0, c.held+size-ownPending) - max(0, c.held-ownPending)
	if m.pending.Add(grow) > sharedPending && grow > 0 {
		m.pending.Add(-grow)
		return false
	}
	c.held += size
	return true
}

// postpone keeps a message until its answer comes, unless nothing will tie one to it or
// there is no room. settled is false if an older message had to be recorded for it and
// could not be.
func (m *Monitor) postpone(x *sensor.Exchange, s *state) (postponed, settled bool) {
	id := x.Dialect.Correlate(&x.Request)
	if id == "" || x.Session == nil {
		return false, true
	}
	conv := conversationOf(x.Session)
	w := &waiting{id: clone(id), call: x.Call.Clone(), began: x.Arrived, kase: s.Case, login: x.Claim.Login, inquiry: s.inquiry,
		others: s.others}
	w.body = m.appendContent(nil, x)
	w.request = venue.Request{Kind: venue.Message, Scheme: x.Request.Scheme, Body: append([]byte(nil), x.Request.Body...), Session: x.Request.Session}
	w.kase.Request, w.kase.Call, w.kase.Claim = &w.request, w.call, nil
	w.size = int64(len(id) + len(w.body) + len(w.request.Body) + len(w.call.Batch)*int(unsafe.Sizeof(vedette.Action{})) + int(unsafe.Sizeof(*w)+unsafe.Sizeof(*w.call))*(1+len(w.others)))
	for len(conv.pending) >= pendingMessages || !m.room(conv, w.size) {
		if len(conv.pending) == 0 {
			return false, true
		}
		if !m.settle(m.take(conv, 0)) {
			return false, false
		}
	}
	conv.pending = append(conv.pending, w)
	s.inquiry, s.others = nil, nil
	return true, true
}

// take takes a message out of those that wait.
func (m *Monitor) take(conv *conversation, i int) *waiting {
	w := conv.pending[i]
	conv.pending = slices.Delete(conv.pending, i, i+1)
	m.room(conv, -w.size)
	return w
}

// settle records a message. It returns false as record does.
func (m *Monitor) settle(w *waiting) (kept bool) {
	m.Verifier.Answered(&w.kase)
	m.conclude(w.call, &w.inquiry)
	_, kept = m.record(w.call, w.others, w.body)
	return kept
}

// Reply implements sensor.Monitor.
func (m *Monitor) Reply(s *sensor.Session, message []byte, at time.Time) bool {
	if !m.releases(s) {
		return false
	}
	r := venue.Request{Kind: venue.Reply, Session: &s.Session, Body: unzipped(message)}
	if s.Dialect.Push != nil {
		s.Dialect.Push(&r, &s.Session)
	}
	conv, _ := s.State.(*conversation)
	if conv == nil || len(conv.pending) == 0 {
		return true
	}
	id := s.Dialect.Correlate(&r)
	if id == "" {
		return true
	}
	for i, w := range conv.pending {
		if w.id != id {
			continue
		}
		m.take(conv, i)
		return m.answered(s, w, &r, at)
	}
	return true
}

// maxReply bounds the plain form of a compressed message that is looked at.
const maxReply = 1 << 20

// unzipped returns a message that the venue compressed with gzip, as HTX does, in
// the clear; any other as it is. What does not unpack within the bound is left.
func unzipped(message []byte) []byte {
	if len(message) < 18 || message[0] != 0x1f || message[1] != 0x8b {
		return message
	}
	z, err := gzip.NewReader(bytes.NewReader(message))
	if err != nil {
		return message
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxReply+1))
	if err != nil || len(plain) > maxReply {
		return message
	}
	return plain
}

// answered completes a message's call with the venue's answer. It returns false as
// record does.
func (m *Monitor) answered(s *sensor.Session, w *waiting, r *venue.Request, at time.Time) bool {
	a := &w.call.Answer
	*a = vedette.Answer{Status: 200, Bytes: len(r.Body), Latency: at.Sub(w.began)}
	var issued venue.Issued
	s.Dialect.Answer(&w.request, r, a, &issued)
	m.Verifier.Issue(&w.kase, &issued)
	if issued.LoginFailed && w.login && s.Key == w.call.Credential {
		s.Key, s.Account, s.Token = "", "", nil // the venue did not accept what we did
	}
	return m.settle(w)
}

// Closed implements sensor.Monitor.
func (m *Monitor) Closed(s *sensor.Session, at time.Time) {
	conv, _ := s.State.(*conversation)
	if conv == nil {
		return
	}
	if conv.guarded != nil {
		m.unguard(conv.guarded)
	}
	for len(conv.pending) > 0 {
		w := m.take(conv, 0)
		m.Verifier.Unanswered(&w.kase) // the client may send it again elsewhere
		m.conclude(w.call, &w.inquiry)
		m.record(w.call, w.others, w.body)
	}
	s.State = nil
}

func clone(s string) string { return string([]byte(s)) }
