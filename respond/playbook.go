package respond

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictyaml"
)

// Do is what a response does.
type Do string

// The responses. All but CancelAll are restrictions of the gate.
const (
	Freeze        Do = "freeze"
	ReadOnly      Do = "read_only"
	Throttle      Do = "throttle"
	DenyOperation Do = "deny_operation"
	StepUp        Do = "step_up"
	Block         Do = "block"      // a source
	Halt          Do = "halt"       // an instrument: no new and no amended orders, cancelling goes on
	Kill          Do = "kill"       // every call of a venue
	CancelAll     Do = "cancel_all" // an account's open orders, at the venue
)

var dos = []Do{Freeze, ReadOnly, Throttle, DenyOperation, StepUp, Block, Halt, Kill, CancelAll}

// subjectsOf are the kinds of subject that a response may act on, the usual one first.
var subjectsOf = map[Do][]string{Block: {"source"}, Halt: {"instrument"}, Kill: {"venue"}, CancelAll: {"account"}}

// scopes are those of all other responses.
var scopes = []string{"credential", "account", "owner", "source", "instrument"}

// subjectKinds are what an event may be about.
var subjectKinds = []string{"credential", "account", "owner", "source", "ja4", "instrument", "venue"}

// Book is a set of playbooks, read from YAML. It never changes.
type Book struct {
	Playbooks []*Playbook `yaml:"playbooks"`
	// Never lists whom nothing automatic may touch: such a response waits for a person.
	Never []Never `yaml:"never"`
}

// Never is one subject: what is set must match.
type Never struct {
	Venue      string `yaml:"venue"`
	Credential string `yaml:"credential"`
	Account    string `yaml:"account"`
	Owner      string `yaml:"owner"`
	Source     string `yaml:"source"` // address or CIDR
	Instrument string `yaml:"instrument"`
}

// Playbook says what is done about which events.
type Playbook struct {
	Name    string      `yaml:"name"`
	Match   Match       `yaml:"match"`
	Respond []*Response `yaml:"respond"`
	// DryRun, true unless the file says otherwise, records what would be done and does nothing.
	DryRun *bool `yaml:"dry_run"`
	// AtMost bounds the automatic interventions in an hour. Beyond it they wait for a person.
	AtMost int `yaml:"at_most"`
	// Wait is how long a proposal waits for approval.
	Wait *strictyaml.Duration `yaml:"wait"`
}

// Match is what an event must be; all that is set must hold.
type Match struct {
	On       string   `yaml:"on"`       // finding, if empty, or incident
	Detector string   `yaml:"detector"` // glob, such as access.*
	Severity string   `yaml:"severity"` // at least
	Risk     float64  `yaml:"risk"`     // at least, in [0,1]
	Tags     []string `yaml:"tags"`     // all of them
	Subjects []string `yaml:"subjects"` // kinds that the event must name
	Venue    string   `yaml:"venue"`

	severity vedette.Severity
}

// Response is one thing that a playbook does.
type Response struct {
	Do        Do                   `yaml:"do"`
	Subject   string               `yaml:"subject"` // kind, such as credential
	For       *strictyaml.Duration `yaml:"for"`
	Approve   *int                 `yaml:"approve"` // people, 0 to 2; 1 if not given
	Rate      float64              `yaml:"rate"`    // calls a second
	Burst     int                  `yaml:"burst"`
	Operation string               `yaml:"operation"`
	ACR       string               `yaml:"acr"`
	AMR       string               `yaml:"amr"`
	MaxAge    *strictyaml.Duration `yaml:"max_age"`
	// AutomaticKill is the second word that a kill without approval needs.
	AutomaticKill bool `yaml:"automatic_kill"`

	operation vedette.Operation
}

// ParseBook reads playbooks. The error of an unknown key names its line and the nearest known key;
// others name the playbook.
func ParseBook(b []byte) (*Book, error) {
	book := &Book{}
	if err := strictyaml.Decode(b, book); err != nil {
		return nil, fmt.Errorf("cannot read playbooks: %w", err)
	}
	if len(book.Playbooks) > maxPlaybooks || len(book.Never) > maxNever {
		return nil, fmt.Errorf("cannot use playbooks: over %d playbooks or %d never", maxPlaybooks, maxNever)
	}
	for i, n := range book.Never {
		if err := n.check(); err != nil {
			return nil, fmt.Errorf("cannot use playbooks: never, number %d: %w", i+1, err)
		}
	}
	names := map[string]bool{}
	for i, p := range book.Playbooks {
		if p == nil || p.Name == "" {
			return nil, fmt.Errorf("cannot use playbooks: number %d has no name", i+1)
		}
		if names[p.Name] {
			return nil, fmt.Errorf("cannot use playbooks: %q is there twice", p.Name)
		}
		names[p.Name] = true
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("cannot use playbook %q: %w", p.Name, err)
		}
	}
	return book, nil
}

func (n *Never) check() error {
	if n.Credential == "" && n.Account == "" && n.Owner == "" && n.Source == "" && n.Instrument == "" && n.Venue == "" {
		return errors.New("it names nobody")
	}
	if n.Source != "" {
		if _, err := prefixOf(n.Source); err != nil {
			return fmt.Errorf("source %q is no address or range", n.Source)
		}
	}
	return nil
}

func (p *Playbook) check() error {
	if p.AtMost == 0 {
		p.AtMost = defaultAtMost
	}
	if p.DryRun == nil {
		yes := true
		p.DryRun = &yes
	}
	switch {
	case len(p.Name) > 64 || strings.ContainsFunc(p.Name, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("a name has 64 bytes at most, and no spaces")
	case len(p.Respond) == 0 || len(p.Respond) > maxResponses:
		return fmt.Errorf("respond: it has %d responses, not 1 to %d", len(p.Respond), maxResponses)
	case p.AtMost < 1 || p.AtMost > maxAtMost:
		return fmt.Errorf("at_most is %d, not 1 to %d", p.AtMost, maxAtMost)
	case p.Wait != nil && (time.Duration(*p.Wait) < minFor || time.Duration(*p.Wait) > maxFor):
		return fmt.Errorf("wait is not between %v and %v", minFor, maxFor)
	}
	if err := p.Match.check(); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	for i, r := range p.Respond {
		if r == nil {
			return fmt.Errorf("respond: number %d is empty", i+1)
		}
		if err := r.check(); err != nil {
			return fmt.Errorf("respond: number %d: %w", i+1, err)
		}
	}
	return nil
}

func (p *Playbook) wait() time.Duration {
	if p.Wait == nil {
		return proposalLasts
	}
	return time.Duration(*p.Wait)
}

func (m *Match) check() error {
	if m.Severity != "" {
		if err := m.severity.UnmarshalText([]byte(m.Severity)); err != nil {
			return err
		}
	}
	if _, err := path.Match(m.Detector, ""); err != nil {
		return fmt.Errorf("detector %q is no pattern", m.Detector)
	}
	switch {
	case m.On != "" && m.On != "finding" && m.On != "incident":
		return fmt.Errorf("on %q: want finding or incident", m.On)
	case m.On == "incident" && m.Detector != "":
		return errors.New("detector has no use with incidents, that join findings of several")
	case !(m.Risk >= 0 && m.Risk <= 1):
		return fmt.Errorf("risk %v is not in [0,1]", m.Risk)
	case m.Detector == "" && m.Severity == "" && m.Risk == 0 && len(m.Tags) == 0:
		return errors.New("it names neither detector, severity, risk nor tags, so everything would match")
	}
	for _, s := range m.Subjects {
		if !slices.Contains(subjectKinds, s) {
			return fmt.Errorf("unknown subject %q%s", s, strictyaml.Suggest(s, subjectKinds))
		}
	}
	return nil
}

func (r *Response) check() error {
	if !slices.Contains(dos, r.Do) {
		var names []string
		for _, d := range dos {
			names = append(names, string(d))
		}
		return fmt.Errorf("unknown response %q%s; want %s", r.Do, strictyaml.Suggest(string(r.Do), names), strings.Join(names, ", "))
	}
	allowed := subjectsOf[r.Do]
	if allowed == nil {
		allowed = scopes
	} else if r.Subject == "" {
		r.Subject = allowed[0]
	}
	if !slices.Contains(allowed, r.Subject) {
		return fmt.Errorf("%s of %q%s: want subject %s", r.Do, r.Subject, strictyaml.Suggest(r.Subject, allowed), strings.Join(allowed, ", "))
	}
	if r.Operation != "" {
		if err := r.operation.UnmarshalText([]byte(r.Operation)); err != nil {
			return err
		}
	}
	if r.Approve == nil {
		one := 1
		r.Approve = &one
	}
	return r.checkValues()
}

func (r *Response) checkValues() error {
	lasts := r.lasts()
	switch {
	case *r.Approve < 0 || *r.Approve > maxApprovals:
		return fmt.Errorf("approve is %d, not 0 to %d", *r.Approve, maxApprovals)
	case r.Do == CancelAll && r.For != nil:
		return errors.New("for has no use with cancel_all: it happens once")
	case r.Do != CancelAll && r.For == nil:
		return fmt.Errorf("for is missing: say how long the %s lasts", r.Do)
	case r.Do != CancelAll && (lasts < minFor || lasts > maxFor):
		return fmt.Errorf("for is %v, not between %v and %v", lasts, minFor, maxFor)
	case r.Do == Throttle && !(r.Rate >= 1e-6 && r.Rate <= 1e6):
		return fmt.Errorf("a throttle needs a rate, 0.000001 to 1000000, not %v", r.Rate)
	case r.Do != Throttle && (r.Rate != 0 || r.Burst != 0):
		return fmt.Errorf("rate and burst have no use with %s", r.Do)
	case r.Do == DenyOperation && r.operation == vedette.OpUnknown:
		return errors.New("deny_operation needs an operation")
	case r.Operation != "" && r.Do != DenyOperation && r.Do != StepUp && r.Do != Throttle:
		return fmt.Errorf("operation has no use with %s", r.Do)
	case r.Do != StepUp && (r.ACR != "" || r.AMR != "" || r.MaxAge != nil):
		return fmt.Errorf("acr, amr and max_age have no use with %s", r.Do)
	case r.AutomaticKill && (r.Do != Kill || *r.Approve != 0):
		return errors.New("automatic_kill has a use only with kill and approve: 0")
	case r.Do == Kill && *r.Approve == 0 && !r.AutomaticKill:
		return errors.New("a kill without approval refuses a whole venue's calls: say automatic_kill: true if that is meant")
	}
	return nil
}

// lasts returns how long the response is in force; 0 for one that happens once.
func (r *Response) lasts() time.Duration {
	if r.For == nil {
		return 0
	}
	return time.Duration(*r.For)
}

// Cancels reports whether a playbook cancels orders at venues.
func (b *Book) Cancels() bool {
	return slices.ContainsFunc(b.Playbooks, func(p *Playbook) bool {
		return slices.ContainsFunc(p.Respond, func(r *Response) bool { return r.Do == CancelAll })
	})
}
