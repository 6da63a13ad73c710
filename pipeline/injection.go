package pipeline

import (
	"slices"
	"strings"

	"vedette"
	"vedette/payload"
	"vedette/sensor"
)

// Payloads is what the monitor does about attack payloads in parameters.
type Payloads struct {
	*payload.Examiner
	// Refuse makes Judge wait for the examination of a suspicious call, so that the gate can refuse it.
	Refuse bool
}

// inspect has a call that does not look like trading examined: while the venue answers, or before it is forwarded where
// the gate is to know. Recorded traffic is examined at once and all of it, so that every run finds the same.
func (m *Monitor) inspect(x *sensor.Exchange, s *state) {
	s.inquiry = nil
	if m.Payloads.Examiner == nil || !s.filter.Suspicious(&x.Request) {
		return
	}
	defer s.filter.Trim()
	hide := m.hiding(x)
	if m.Inline {
		x.Call.Injection = m.Payloads.Examine(&x.Request, hide)
		return
	}
	s.inquiry = m.Payloads.Submit(&x.Request, x.Source.Addr(), hide)
	if m.Payloads.Refuse {
		m.conclude(&x.Call, &s.inquiry)
	}
}

// conclude puts what an examination found into the call, before its record. A call that is not suspicious has none.
func (m *Monitor) conclude(c *vedette.Call, inquiry **payload.Inquiry) {
	if *inquiry != nil {
		c.Injection = m.Payloads.Result(*inquiry)
		*inquiry = nil
	}
}

// inquires reports whether the call's examination is waited for now: after Judge where there is one under way, and before
// it where the gate is to know what it finds.
func (m *Monitor) inquires(x *sensor.Exchange) bool {
	if m.Payloads.Examiner == nil {
		return false
	}
	s, _ := x.State.(*state)
	if s != nil && s.inquiry != nil {
		return true
	}
	if !m.Payloads.Refuse || x.Call.Verdict != vedette.Unjudged {
		return false
	}
	if s == nil {
		s = &state{}
		x.State = s
	}
	return s.filter.Suspicious(&x.Request)
}

// hiding returns what decides which parameters may be told of: of the values those that the policy would keep in the
// clear, and never a secret.
func (m *Monitor) hiding(x *sensor.Exchange) func(*payload.Item) {
	keep := m.Bodies[x.Call.Operation]
	secrets := slices.DeleteFunc(secretsOf(&x.Claim), func(s string) bool { return s == "" })
	within := func(s string) bool {
		return slices.ContainsFunc(secrets, func(secret string) bool {
			return strings.Contains(s, secret) || len(s) >= shortSecret && strings.Contains(secret, s)
		})
	}
	return func(it *payload.Item) {
		it.Nameless = within(it.Name)
		it.Hidden = keep != BodyRedacted || it.Where == vedette.InHeader || it.Where == vedette.InPath || it.Name == "" || secretName(it.Name) || within(it.Value) || holds(it.Value, secrets)
	}
}

// shortSecret is from where on a part of a secret tells something of it, bytes.
const shortSecret = 6
