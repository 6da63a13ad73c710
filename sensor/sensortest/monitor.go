// Package sensortest holds the conformance suite that every sensor passes.
package sensortest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/sensor"
	"vedette/venue"
)

// Unit is a copy of a request, answer or message as the monitor saw it.
type Unit struct {
	Kind                              venue.Kind
	Method, Scheme, Host, Path, Query string
	Header                            venue.Header
	Body                              []byte
	Status                            int
}

func unit(r *venue.Request) Unit {
	u := Unit{Kind: r.Kind, Method: clone(r.Method), Scheme: clone(r.Scheme), Host: clone(r.Host), Path: clone(r.Path),
		Query: clone(r.Query), Body: bytes.Clone(r.Body), Status: r.Status}
	for _, f := range r.Header {
		u.Header = append(u.Header, venue.Field{Name: clone(f.Name), Value: clone(f.Value)})
	}
	return u
}

func clone(s string) string { return string([]byte(s)) }

func (u Unit) equal(v Unit) bool {
	return u.Kind == v.Kind && u.Method == v.Method && u.Scheme == v.Scheme && u.Host == v.Host && u.Path == v.Path &&
		u.Query == v.Query && bytes.Equal(u.Body, v.Body) && slices.Equal(u.Header, v.Header)
}

// Seen is one judged call.
type Seen struct {
	Request     Unit
	Answer      Unit // as of Done
	AnswerBytes int
	Fault       vedette.Reason
	Decision    vedette.Decision
	Source      string
	Peer        string
	JA4         string
	Cert        string // common name of the client's certificate
	Session     uint64
	Done        bool
	At          time.Time
}

// Monitor is a sensor.Monitor that remembers what it is told and checks that the sensor
// keeps the contract. Its zero value allows every call.
type Monitor struct {
	// Decide sets the decision and refusal of a call. Nil allows all.
	Decide func(x *sensor.Exchange)
	// OnDone runs at the end of Done. May be nil.
	OnDone func(x *sensor.Exchange)
	// OnReply runs in Reply. May be nil.
	OnReply func(s *sensor.Session, message []byte)
	// Unrecorded makes Done and Reply return false: nothing may be released.
	Unrecorded atomic.Bool

	asked      atomic.Int64
	mu         sync.Mutex
	calls      []*Seen
	open       map[*sensor.Exchange]*Seen
	replies    []string
	closed     map[*sensor.Session]int
	gaps       []string
	lost       int
	violations []string
}

func (m *Monitor) violate(format string, args ...any) {
	m.violations = append(m.violations, fmt.Sprintf(format, args...))
}

// Waits implements sensor.Monitor: every other call may wait, so that both ways are tested.
func (m *Monitor) Waits(*sensor.Exchange) bool { return m.asked.Add(1)%2 == 0 }

// Judge implements sensor.Monitor.
func (m *Monitor) Judge(x *sensor.Exchange) {
	m.mu.Lock()
	if m.open == nil {
		m.open = map[*sensor.Exchange]*Seen{}
	}
	if m.open[x] != nil {
		m.violate("Judge again before Done: %s %s", x.Request.Method, x.Request.Path)
	}
	s := &Seen{Request: unit(&x.Request), Fault: x.Fault, Source: x.Source.String(), Peer: x.Peer.String(), JA4: x.JA4, At: x.Arrived}
	if x.ClientCert != nil {
		s.Cert = x.ClientCert.Subject.CommonName
	}
	if x.Session != nil {
		s.Session = x.Session.ID
		m.locked(x.Session, "Judge")
	}
	m.checkJudged(x)
	m.open[x] = s
	m.calls = append(m.calls, s)
	m.mu.Unlock()
	x.Call.Decision.Effect = vedette.Allow
	if m.Decide != nil {
		judged := false
		defer func() {
			if !judged { // it panicked: the call was not judged
				m.mu.Lock()
				delete(m.open, x)
				m.mu.Unlock()
			}
		}()
		m.Decide(x)
		judged = true
	}
	m.mu.Lock()
	s.Decision = x.Call.Decision
	m.mu.Unlock()
}

func (m *Monitor) checkJudged(x *sensor.Exchange) {
	switch {
	case x.Sensor == "":
		m.violate("Judge without the sensor's name")
	case x.Dialect == nil:
		m.violate("Judge without a dialect")
	case x.Arrived.IsZero():
		m.violate("Judge without a time of arrival")
	case x.Answer.Status != 0 || len(x.Answer.Body) != 0 || x.AnswerBytes != 0:
		m.violate("Judge with an answer left over from another call")
	case (x.Request.Kind == venue.Message || x.Request.Kind == venue.Upgrade) && x.Session == nil:
		m.violate("Judge of an upgrade or message without its session")
	case x.Request.Kind == venue.HTTPRequest && x.Session != nil:
		m.violate("Judge of a plain request with a session")
	}
}

func (m *Monitor) locked(s *sensor.Session, where string) {
	if s.TryLock() {
		s.Unlock()
		m.violate("%s without the session's lock", where)
	}
}

// Done implements sensor.Monitor.
func (m *Monitor) Done(x *sensor.Exchange) bool {
	m.finish(x)
	if m.OnDone != nil {
		m.OnDone(x)
	}
	return !m.Unrecorded.Load()
}

func (m *Monitor) finish(x *sensor.Exchange) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.open[x]
	if s == nil {
		m.violate("Done without Judge, or twice: %s %s", x.Request.Method, x.Request.Path)
		return
	}
	delete(m.open, x)
	if x.Session != nil {
		m.locked(x.Session, "Done")
	}
	if now := unit(&x.Request); !now.equal(s.Request) {
		m.violate("request changed between Judge and Done: %+v, then %+v", s.Request, now)
	}
	s.Answer, s.AnswerBytes, s.Done = unit(&x.Answer), x.AnswerBytes, true
	if (s.Decision.Refused() || s.Fault != "") && x.Answer.Status != 0 {
		m.violate("a refused call has an answer of the venue: %s", s.Request.Path)
	}
	if len(x.Answer.Body) > sensor.AnswerLimit {
		m.violate("answer's body over AnswerLimit: %d", len(x.Answer.Body))
	}
}

// Reply implements sensor.Monitor.
func (m *Monitor) Reply(s *sensor.Session, message []byte, at time.Time) bool {
	if m.OnReply != nil {
		m.OnReply(s, message)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locked(s, "Reply")
	if m.closed[s] > 0 {
		m.violate("Reply after Closed")
	}
	m.replies = append(m.replies, string(message))
	return !m.Unrecorded.Load()
}

// Closed implements sensor.Monitor.
func (m *Monitor) Closed(s *sensor.Session, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed == nil {
		m.closed = map[*sensor.Session]int{}
	}
	m.locked(s, "Closed")
	if m.closed[s]++; m.closed[s] > 1 {
		m.violate("Closed twice for session %d", s.ID)
	}
}

// Gap implements sensor.Monitor.
func (m *Monitor) Gap(name string, lost int, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if name == "" || why == "" || lost < 1 {
		m.violate("Gap(%q, %d, %q) says too little", name, lost, why)
	}
	m.lost += lost
	m.gaps = append(m.gaps, why)
}

// Calls returns what was judged so far.
func (m *Monitor) Calls() []Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := make([]Seen, len(m.calls))
	for i, s := range m.calls {
		calls[i] = *s
	}
	return calls
}

// Replies returns the venue's messages so far.
func (m *Monitor) Replies() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.replies)
}

// Closings returns how many sessions were closed.
func (m *Monitor) Closings() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.closed)
}

// Gaps returns the reasons of all gaps.
func (m *Monitor) Gaps() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.gaps)
}

// Violations returns how the sensor broke the contract so far. Once it is idle, a call that
// was judged and never done is one more.
func (m *Monitor) Violations(idle bool) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := slices.Clone(m.violations)
	if idle {
		for _, s := range m.open {
			v = append(v, fmt.Sprintf("Judge without Done: %s %s", s.Request.Method, s.Request.Path))
		}
	}
	return v
}
