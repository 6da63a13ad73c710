// Package respond acts on findings and incidents: playbooks choose responses, people approve them.
package respond

import (
	"fmt"
	"strconv"
	"time"

	"vedette"
)

// Event is what there is to respond to, or to hear of: a finding, an incident that is new or has
// changed, or what a playbook proposes to people. Exactly one of the three is set.
type Event struct {
	Finding  *vedette.Finding  `json:"finding,omitempty"`
	Incident *vedette.Incident `json:"incident,omitempty"`
	Proposal *Intervention     `json:"proposal,omitempty"`
	// Risk is in [0,1]: that of the incident that the finding belongs to, or the finding's
	// score while it belongs to none.
	Risk float64 `json:"risk"`
}

// Of returns the event of a finding that belongs to no incident yet.
func Of(f *vedette.Finding) Event { return Event{Finding: f, Risk: f.Score} }

// OfIncident returns the event of an incident.
func OfIncident(i *vedette.Incident) Event { return Event{Incident: i, Risk: i.Risk} }

// OfProposal returns the event of an intervention that waits for people.
func OfProposal(i Intervention) Event {
	i.Key = "" // the journal's own matter
	return Event{Proposal: &i, Risk: 1}
}

// ID tells events apart: who gets one twice knows it by this. An incident that has
// changed is another event, and so is a proposal that one more has approved.
func (e Event) ID() string {
	switch {
	case e.Finding != nil:
		return e.Finding.ID
	case e.Proposal != nil:
		return fmt.Sprintf("proposal:%s@%d", e.Proposal.ID, len(e.Proposal.Approvals))
	}
	return e.Incident.ID + "@" + strconv.FormatInt(e.Incident.Updated.UnixNano(), 10)
}

// Severity returns that of the finding or incident. A proposal is of high severity: somebody is waited for.
func (e Event) Severity() vedette.Severity {
	switch {
	case e.Finding != nil:
		return e.Finding.Severity
	case e.Proposal != nil:
		return vedette.High
	}
	return e.Incident.Severity
}

// Time returns when the finding could first be raised, or when the incident or proposal last changed.
func (e Event) Time() time.Time {
	switch {
	case e.Finding != nil:
		return e.Finding.Time
	case e.Proposal != nil:
		return e.Proposal.Changed
	}
	return e.Incident.Updated
}

// Words returns the finding's or incident's plain sentence, or what a proposal would do and whom it waits for.
func (e Event) Words() string {
	switch i := e.Proposal; {
	case e.Finding != nil:
		return e.Finding.Summary
	case i != nil:
		people := "1 person"
		if n := i.Needs - len(i.Approvals); n != 1 {
			people = strconv.Itoa(n) + " people"
		}
		return fmt.Sprintf("%s waits for %s until %s, vedette respond approve %s: %s", i.Words, people, i.Until.UTC().Format(time.RFC3339), i.ID, i.Why)
	}
	return e.Incident.Title
}

// Tags returns those of the finding or incident, or the playbook of a proposal.
func (e Event) Tags() []string {
	switch {
	case e.Finding != nil:
		return e.Finding.Tags
	case e.Proposal != nil:
		return []string{"playbook:" + e.Proposal.Playbook}
	}
	return e.Incident.Tags
}

// Subjects returns whom the event is about, "" kinds left out.
func (e Event) Subjects() []vedette.Subject {
	f := e.Finding
	switch {
	case e.Incident != nil:
		return e.Incident.Subjects
	case e.Proposal != nil && e.Proposal.Venue != "" && e.Proposal.Subject.Kind != "venue":
		return []vedette.Subject{e.Proposal.Subject, {Kind: "venue", ID: e.Proposal.Venue}}
	case e.Proposal != nil:
		return []vedette.Subject{e.Proposal.Subject}
	}
	var list []vedette.Subject
	for _, s := range []vedette.Subject{{Kind: "credential", ID: f.Credential}, {Kind: "account", ID: f.Account}, {Kind: "owner", ID: f.Owner},
		{Kind: "source", ID: f.Source}, {Kind: "ja4", ID: f.JA4}, {Kind: "instrument", ID: f.Instrument}, {Kind: "venue", ID: f.Venue}} {
		if s.ID != "" {
			list = append(list, s)
		}
	}
	return list
}
