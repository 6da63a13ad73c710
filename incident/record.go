package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"vedette"
	"vedette/internal/bound"
)

// Record is an incident with what must be kept beside it.
type Record struct {
	vedette.Incident
	// Monitor names whose incident it is, where several share a store: only that one joins findings to
	// it. People may act on it through any.
	Monitor string `json:"monitor"`
	// MergedInto is the incident that this one turned out to be part of, "" for none. All else is empty
	// then.
	MergedInto string `json:"merged_into,omitempty"`
	// Closed is when it was closed, zero while it is open.
	Closed time.Time `json:"closed,omitzero"`
	// Acted is when a person did something to it last, zero for never.
	Acted time.Time `json:"acted,omitzero"`
	// Revision grows with each change of state, resolution, assignee or notes. What was found has none:
	// of two forms of one record, findings come from the monitor's and acts from the higher revision, or
	// from a person where a finding re-opened it at the same time.
	Revision int64  `json:"revision"`
	Memory   Memory `json:"memory"`
}

// Memory is what a Joiner needs of an incident to go on with it after a restart.
type Memory struct {
	Evidence  map[string]float64 `json:"evidence"` // by detector, as Input has it
	Exposure  float64            `json:"exposure"`
	Intel     float64            `json:"intel"`
	Weight    float64            `json:"weight"`    // of the finding that gave the title
	Strongest stamp              `json:"strongest"` // that finding
	Seen      []stamp            `json:"seen"`
	Links     []Linked           `json:"links"`
}

// Linked is a subject that an incident is found by, and when.
type Linked struct {
	Kind string    `json:"kind"`
	ID   string    `json:"id"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Weigh sets the risk, and whether the incident is an alert, by what is remembered of it.
func (r *Record) Weigh() {
	m := &r.Memory
	in := Input{slices.Collect(maps.Values(m.Evidence)), m.Exposure, m.Intel}
	r.Risk, r.Alert = Risk(in), Threat(in) >= AlertThreat
}

// adopt takes over what people did, if the other form knows more of it.
func (r *Record) adopt(o *Record) bool {
	if o.Revision < r.Revision || o.Revision == r.Revision && !o.Acted.After(r.Acted) {
		return false
	}
	r.State, r.Resolution, r.Assignee, r.Closed, r.Acted, r.Revision = o.State, o.Resolution, o.Assignee, o.Closed, o.Acted, o.Revision
	r.Notes, r.Updated = slices.Clone(o.Notes), latest(r.Updated, o.Acted)
	return true
}

// Adopt returns the record with what people did according to the other form of it, if that knows more.
func (r Record) Adopt(o Record) Record {
	r.adopt(&o)
	return r
}

// mergeActs unites what people did to two incidents that are one: all notes, the older one's assignee
// if there is one, and the state of both where it is the same, else triaged: somebody knows, and not
// all of it is stopped.
func (r *Record) mergeActs(o *Record) {
	revision := max(r.Revision, o.Revision)
	if revision == 0 {
		return
	}
	if r.State != o.State || r.Resolution != o.Resolution {
		r.State, r.Resolution, r.Closed = vedette.IncidentTriaged, vedette.Unresolved, time.Time{}
	}
	r.Closed, r.Acted = latest(r.Closed, o.Closed), latest(r.Acted, o.Acted)
	if r.State != vedette.IncidentClosed {
		r.Closed = time.Time{}
	}
	r.Assignee = cmp.Or(r.Assignee, o.Assignee)
	r.Notes = slices.Concat(r.Notes, o.Notes)
	slices.SortStableFunc(r.Notes, func(a, b vedette.Note) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.By, b.By), cmp.Compare(a.Text, b.Text))
	})
	r.Notes = slices.Compact(r.Notes)
	r.Notes = r.Notes[:min(len(r.Notes), maxNotes)]
	r.Revision = revision + 1
}

// reopen is what a finding does to an incident that was closed as true.
func (r *Record) reopen(f *vedette.Finding) {
	r.State, r.Resolution, r.Closed = vedette.IncidentNew, vedette.Unresolved, time.Time{}
	r.Revision++
	if len(r.Notes) < maxNotes {
		r.Notes = append(slices.Clone(r.Notes), vedette.Note{Time: f.Time.UTC(), By: "vedette", Text: "re-opened: " + f.Detector + " came after it was closed as true"})
	}
}

// clone returns a copy that shares nothing that changes.
func (r *Record) clone() Record {
	c := *r
	c.Subjects, c.Findings, c.Tags, c.Notes = slices.Clone(r.Subjects), slices.Clone(r.Findings), slices.Clone(r.Tags), slices.Clone(r.Notes)
	c.Memory.Evidence = maps.Clone(r.Memory.Evidence)
	return c
}

// ActKind is what a person does to an incident.
type ActKind string

// The acts.
const (
	Triage  ActKind = "triage"  // look at it and take it on; a closed one is open again
	Contain ActKind = "contain" // what it threatened is stopped
	Close   ActKind = "close"   // with a resolution and why
	Comment ActKind = "note"
	Assign  ActKind = "assign" // to somebody; "" to nobody
)

// Act is one thing that a person does to an incident. Nothing but acts changes state, resolution,
// assignee and notes, except that a finding can re-open what was closed as true.
type Act struct {
	Kind       ActKind            `json:"act"`
	By         string             `json:"by"`
	At         time.Time          `json:"at"`
	Resolution vedette.Resolution `json:"resolution"` // of Close
	Assignee   string             `json:"assignee"`   // of Assign
	Text       string             `json:"text"`       // why, or what was seen or done; wanted by Close and Comment
}

// Do changes the record. Its error says what is wrong with the act; the record is then as it was.
func (r *Record) Do(a Act) error {
	if err := r.check(a); err != nil {
		return fmt.Errorf("cannot %s %s: %w", a.Kind, r.ID, err)
	}
	said := ""
	switch a.Kind {
	case Triage:
		r.State, r.Resolution, r.Closed, said = vedette.IncidentTriaged, vedette.Unresolved, time.Time{}, "triaged"
		r.Assignee = cmp.Or(r.Assignee, a.By)
	case Contain:
		r.State, said = vedette.IncidentContained, "contained"
	case Close:
		r.State, r.Resolution, r.Closed, said = vedette.IncidentClosed, a.Resolution, a.At.UTC(), "closed as "+a.Resolution.String()
	case Assign:
		r.Assignee, said = a.Assignee, "assigned to "+cmp.Or(a.Assignee, "nobody")
	}
	switch {
	case said == "":
		said = a.Text
	case a.Text != "":
		said += ": " + a.Text
	}
	r.Notes = append(slices.Clone(r.Notes), vedette.Note{Time: a.At.UTC(), By: a.By, Text: said})
	r.Acted, r.Updated, r.Revision = a.At.UTC(), latest(r.Updated, a.At.UTC()), r.Revision+1
	return nil
}

func (r *Record) check(a Act) error {
	if err := cmp.Or(bound.Check(maxTitle, "by", a.By, "assignee", a.Assignee), bound.Check(maxNoteBytes, "text", a.Text)); err != nil {
		return err
	}
	switch {
	case a.By == "":
		return fmt.Errorf("by says nobody")
	case len(r.Notes) >= maxNotes:
		return fmt.Errorf("it has %d notes, the limit", len(r.Notes))
	}
	closed := r.State == vedette.IncidentClosed
	switch a.Kind {
	case Triage:
		if r.State == vedette.IncidentTriaged {
			return fmt.Errorf("it is triaged already")
		}
	case Contain:
		if closed || r.State == vedette.IncidentContained {
			return fmt.Errorf("it is %s already", r.State)
		}
	case Close:
		if closed {
			return fmt.Errorf("it is closed already, as %s; triage opens it again", r.Resolution)
		}
		if a.Resolution == vedette.Unresolved || a.Text == "" {
			return fmt.Errorf("say as what (true, benign_trigger or false) and why")
		}
	case Comment:
		if a.Text == "" {
			return fmt.Errorf("the note is empty")
		}
	case Assign:
	default:
		return fmt.Errorf("no such act; want triage, contain, close, note or assign")
	}
	return nil
}
