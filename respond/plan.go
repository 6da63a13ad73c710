package respond

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"vedette"
)

// Plan is one response of a playbook to an event, for one subject.
type Plan struct {
	Playbook *Playbook
	Response *Response
	Subject  vedette.Subject
	Venue    string // "" where the event names none, or several
}

// Plan returns what the playbooks want done about the event. It looks at nothing else.
func (b *Book) Plan(e Event) []Plan {
	var list []Plan
	for _, p := range b.Playbooks {
		if !p.Match.matches(e) {
			continue
		}
		subjects := e.Subjects()
		venue := onlyVenue(subjects)
		for _, r := range p.Respond {
			at, n := venue, 0
			if r.Subject == "owner" {
				at = "" // an owner is one person at every venue
			}
			for _, s := range subjects {
				if s.Kind == r.Subject && n < maxTargets {
					list = append(list, Plan{p, r, s, at})
					n++
				}
			}
		}
	}
	return list
}

func onlyVenue(subjects []vedette.Subject) (venue string) {
	for _, s := range subjects {
		if s.Kind == "venue" {
			if venue != "" {
				return ""
			}
			venue = s.ID
		}
	}
	return venue
}

func (m *Match) matches(e Event) bool {
	if (m.On == "incident") != (e.Incident != nil) || e.Severity() < m.severity || e.Risk < m.Risk {
		return false
	}
	if m.Detector != "" {
		if ok, _ := path.Match(m.Detector, e.Finding.Detector); !ok {
			return false
		}
	}
	tags := e.Tags()
	for _, t := range m.Tags {
		if !slices.Contains(tags, t) {
			return false
		}
	}
	if len(m.Subjects) == 0 && m.Venue == "" {
		return true
	}
	subjects := e.Subjects()
	for _, kind := range m.Subjects {
		if !slices.ContainsFunc(subjects, func(s vedette.Subject) bool { return s.Kind == kind }) {
			return false
		}
	}
	return m.Venue == "" || slices.Contains(subjects, vedette.Subject{Kind: "venue", ID: m.Venue})
}

// key names what a plan would do: two plans with one key are not both carried out.
func (p Plan) key() string {
	return fmt.Sprintf("%q %d %s %q %q %q", p.Playbook.Name, slices.Index(p.Playbook.Respond, p.Response), p.Response.Do, p.Venue, p.Subject.Kind, p.Subject.ID)
}

// restrictions returns what the gate is to enforce, without ids and times; none for CancelAll.
func (p Plan) restrictions() []vedette.Restriction {
	r := vedette.Restriction{Venue: p.Venue}
	switch p.Subject.Kind {
	case "credential":
		r.Credential = p.Subject.ID
	case "account":
		r.Account = p.Subject.ID
	case "owner":
		r.Owner = p.Subject.ID
	case "source":
		r.Source = p.Subject.ID
	case "instrument":
		r.Instrument = p.Subject.ID
	case "venue":
		r.Venue = p.Subject.ID
	}
	res := p.Response
	r.Operation, r.Rate, r.Burst, r.ACR, r.AMR = res.operation, res.Rate, res.Burst, res.ACR, res.AMR
	if res.MaxAge != nil {
		r.MaxAge = int(time.Duration(*res.MaxAge) / time.Second)
	}
	switch res.Do {
	case CancelAll:
		return nil
	case Halt:
		r.Kind, r.Operation = vedette.RestrictOperation, vedette.OpOrderNew
		amend := r
		amend.Operation = vedette.OpOrderAmend
		return []vedette.Restriction{r, amend}
	}
	if err := r.Kind.UnmarshalText([]byte(res.Do)); err != nil {
		panic("BUG: a response that is no restriction: " + err.Error())
	}
	return []vedette.Restriction{r}
}

// planOf returns the plan that a restriction carries out, false if no playbook has it any more.
func (b *Book) planOf(x vedette.Restriction) (Plan, bool) {
	scope := map[string]string{"credential": x.Credential, "account": x.Account, "owner": x.Owner, "source": x.Source, "instrument": x.Instrument, "venue": x.Venue}
	for _, p := range b.Playbooks {
		if byPlaybook+p.Name != x.By {
			continue
		}
		for _, r := range p.Respond {
			plan := Plan{p, r, vedette.Subject{Kind: r.Subject, ID: scope[r.Subject]}, x.Venue}
			for _, want := range plan.restrictions() {
				want.ID, want.By, want.Reason, want.From, want.Until = x.ID, x.By, x.Reason, x.From, x.Until
				if want == x {
					return plan, true
				}
			}
		}
	}
	return Plan{}, false
}

// Words says what the plan would do, such as "freeze of key k1 at binance for 1h0m0s".
func (p Plan) Words() string {
	s := fmt.Sprintf("%s of %s %s", p.Response.Do, p.Subject.Kind, p.Subject.ID)
	if p.Venue != "" && p.Subject.Kind != "venue" {
		s += " at " + p.Venue
	}
	if p.Response.Operation != "" {
		s += ", " + p.Response.Operation
	}
	if d := p.Response.lasts(); d > 0 {
		s += " for " + d.String()
	}
	return s
}

// Protected returns the entry of never that forbids to carry the plan out without a person, in
// words, "" if there is none: one that the event names, or that the plan would hit besides. credential
// returns what is known of a key; it may be nil.
func (b *Book) Protected(p Plan, e Event, credential func(venue, id string) (vedette.Credential, bool)) string {
	subjects := e.Subjects()
	for _, n := range b.Never {
		if n.Venue != "" && p.Venue != "" && n.Venue != p.Venue {
			continue
		}
		if n.hits(subjects) || n.hits([]vedette.Subject{p.Subject}) || n.under(p, credential) {
			return n.words()
		}
	}
	return ""
}

// hits reports whether one of the subjects is among those that the entry names. An entry
// that names only a venue is hit by everything there.
func (n *Never) hits(subjects []vedette.Subject) bool {
	own := n.subjects()
	if len(own) == 0 {
		own = []vedette.Subject{{Kind: "venue", ID: n.Venue}}
	}
	for _, s := range subjects {
		for _, o := range own {
			if s == o || s.Kind == "source" && o.Kind == "source" && overlap(s.ID, o.ID) {
				return true
			}
		}
	}
	return false
}

func (n *Never) subjects() (list []vedette.Subject) {
	for _, s := range []vedette.Subject{{Kind: "credential", ID: n.Credential}, {Kind: "account", ID: n.Account}, {Kind: "owner", ID: n.Owner},
		{Kind: "source", ID: n.Source}, {Kind: "instrument", ID: n.Instrument}} {
		if s.ID != "" {
			list = append(list, s)
		}
	}
	return list
}

// under reports whether the entry's credential belongs to the account or owner that the plan
// acts on, or to the venue.
func (n *Never) under(p Plan, credential func(venue, id string) (vedette.Credential, bool)) bool {
	if p.Subject.Kind == "venue" {
		return n.Venue == "" || n.Venue == p.Subject.ID
	}
	if n.Credential == "" || credential == nil {
		return false
	}
	venue := n.Venue
	if venue == "" {
		venue = p.Venue
	}
	c, ok := credential(venue, n.Credential)
	return ok && (p.Subject.Kind == "account" && c.Account == p.Subject.ID || p.Subject.Kind == "owner" && c.Owner == p.Subject.ID)
}

func (n *Never) words() string {
	var parts []string
	for _, s := range append(n.subjects(), vedette.Subject{Kind: "venue", ID: n.Venue}) {
		if s.ID != "" {
			parts = append(parts, s.Kind+" "+s.ID)
		}
	}
	return strings.Join(parts, ", ")
}

func prefixOf(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

func overlap(a, b string) bool {
	p, err := prefixOf(a)
	q, err2 := prefixOf(b)
	return err == nil && err2 == nil && p.Overlaps(q)
}
