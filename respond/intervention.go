package respond

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"vedette"
)

// State is how far an intervention has got.
type State string

// The states.
const (
	DryRun   State = "dry_run"  // the playbook is not switched on: nothing was done
	Proposed State = "proposed" // waits for people
	Doing    State = "doing"    // being carried out, again after a crash
	Done     State = "done"     // carried out; in force until it ends
	Failed   State = "failed"   // could not be carried out; Result says why
	Rejected State = "rejected" // by a person
	Expired  State = "expired"  // nobody approved in time
	Undone   State = "undone"   // by a person
)

// Vote is one person's approval.
type Vote struct {
	By    string    `json:"by"`
	Proof string    `json:"proof,omitempty"` // that of Person
	At    time.Time `json:"at"`
}

// Person is who says something about an intervention.
type Person struct {
	Name string
	// Proof is what shows that it is another than whoever gives another name, such as the user of the operating system or
	// a key: two with one proof are one person. "" for nothing but the name.
	Proof string
}

// proofKind is in which way a proof shows who somebody is: "uid", "key", "" for none.
func proofKind(proof string) string {
	kind, _, _ := strings.Cut(proof, " ")
	return kind
}

// Intervention is what a playbook did, would have done, or wants to do.
type Intervention struct {
	ID           string                `json:"id"`
	Playbook     string                `json:"playbook"`
	Do           Do                    `json:"do"`
	Subject      vedette.Subject       `json:"subject"`
	Venue        string                `json:"venue,omitempty"`
	Restrictions []vedette.Restriction `json:"restrictions,omitempty"` // with their ids; times once in force
	For          time.Duration         `json:"for,omitempty"`          // ns that it lasts
	Words        string                `json:"words"`                  // what it does
	Event        string                `json:"event"`                  // id of the first finding or incident
	Why          string                `json:"why"`                    // in its words
	Times        int                   `json:"times"`                  // events that asked for it, since the start of the process
	State        State                 `json:"state"`
	Automatic    bool                  `json:"automatic"`
	Held         string                `json:"held,omitempty"` // why it was not automatic although the playbook says so
	Needs        int                   `json:"needs"`          // people that must approve
	Approvals    []Vote                `json:"approvals,omitempty"`
	At           time.Time             `json:"at"`               // when it was proposed, or carried out without that
	Changed      time.Time             `json:"changed"`          // when it came into its state
	Until        time.Time             `json:"until,omitzero"`   // when the proposal, or what is in force, ends
	By           string                `json:"by,omitempty"`     // who brought it into its state
	Result       string                `json:"result,omitempty"` // in words, how it went
	Key          string                `json:"key,omitempty"`    // of what it would do
}

// restrictionPrefix begins the ids of restrictions that playbooks set.
const restrictionPrefix = "playbook:"

// idOf returns the id of the intervention that an event makes: the same after a restart.
func idOf(key, event string) string {
	sum := sha256.Sum256([]byte(key + "\n" + event))
	return hex.EncodeToString(sum[:6])
}

// live reports whether another one for the same key has nothing to add.
func (i *Intervention) live(now time.Time) bool {
	switch i.State {
	case Doing:
		return true
	case Proposed, Done, DryRun:
		return now.Before(i.Until)
	case Failed: // else a flood of events would make one of failures
		return now.Before(i.Changed.Add(afterFailure))
	case Rejected:
		return now.Before(i.Changed.Add(afterUndo))
	}
	return false
}

// open reports whether it must be kept whatever else is.
func (i *Intervention) open(now time.Time) bool {
	return i.State == Doing || (i.State == Proposed || i.State == Done) && now.Before(i.Until)
}

// approvedBy returns the vote by which the person has approved already, nil if there is none. Names that differ in
// case only are one person's, and so is all that has one proof.
func (i *Intervention) approvedBy(who Person) *Vote {
	n := slices.IndexFunc(i.Approvals, func(v Vote) bool {
		return strings.EqualFold(v.By, who.Name) || v.Proof != "" && v.Proof == who.Proof
	})
	if n < 0 {
		return nil
	}
	return &i.Approvals[n]
}

func (i *Intervention) copy() Intervention {
	c := *i
	c.Restrictions, c.Approvals = slices.Clone(i.Restrictions), slices.Clone(i.Approvals)
	return c
}
