// Package respond acts on findings and incidents: playbooks choose responses, people approve them.
package respond

import (
	"strconv"
	"time"

	"vedette"
)

// Event is what there is to respond to: a finding, or an incident that is new or has
// changed. Exactly one of the two is set.
type Event struct {
	Finding  *vedette.Finding  `json:"finding,omitempty"`
	Incident *vedette.Incident `json:"incident,omitempty"`
	// Risk is in [0,1]: that of the incident that the finding belongs to, or the finding's
	// score while it belongs to none.
	Risk float64 `json:"risk"`
}

// Of returns the event of a finding that belongs to no incident yet.
func Of(f *vedette.Finding) Event { return Event{Finding: f, Risk: f.Score} }

// OfIncident returns the event of an incident.
func OfIncident(i *vedette.Incident) Event { return Event{Incident: i, Risk: i.Risk} }

// ID tells events apart: who gets one twice knows it by this. An incident that has
// changed is another event.
func (e Event) ID() string {
	if e.Finding != nil {
		return e.Finding.ID
	}
	return e.Incident.ID + "@" + strconv.FormatInt(e.Incident.Updated.UnixNano(), 10)
}

// Severity returns that of the finding or incident.
func (e Event) Severity() vedette.Severity {
	if e.Finding != nil {
		return e.Finding.Severity
	}
	return e.Incident.Severity
}

// Time returns when the finding could first be raised, or when the incident last changed.
func (e Event) Time() time.Time {
	if e.Finding != nil {
		return e.Finding.Time
	}
	return e.Incident.Updated
}

// Words returns the finding's or incident's plain sentence.
func (e Event) Words() string {
	if e.Finding != nil {
		return e.Finding.Summary
	}
	return e.Incident.Title
}

// tags returns those of the finding or incident.
func (e Event) tags() []string {
	if e.Finding != nil {
		return e.Finding.Tags
	}
	return e.Incident.Tags
}

// Subjects returns whom the event is about, "" kinds left out.
func (e Event) Subjects() []vedette.Subject {
	if e.Incident != nil {
		return e.Incident.Subjects
	}
	f := e.Finding
	var list []vedette.Subject
	for _, s := range []vedette.Subject{{Kind: "credential", ID: f.Credential}, {Kind: "account", ID: f.Account}, {Kind: "owner", ID: f.Owner},
		{Kind: "source", ID: f.Source}, {Kind: "ja4", ID: f.JA4}, {Kind: "instrument", ID: f.Instrument}, {Kind: "venue", ID: f.Venue}} {
		if s.ID != "" {
			list = append(list, s)
		}
	}
	return list
}
