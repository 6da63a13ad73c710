package vedette

import "time"

// IncidentState is how far people have got with an incident.
type IncidentState uint8

// The states.
const (
	IncidentNew       IncidentState = iota
	IncidentTriaged                 // somebody has looked and taken it on
	IncidentContained               // what it threatened is stopped
	IncidentClosed
)

var incidentStateNames = []string{"new", "triaged", "contained", "closed"}

func (s IncidentState) String() string { return enumName(incidentStateNames, s) }

// MarshalText returns the name used in every format of ours.
func (s IncidentState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (s *IncidentState) UnmarshalText(b []byte) error {
	return enumParse("incident state", incidentStateNames, string(b), s)
}

// Resolution is what an incident that was closed turned out to be.
type Resolution uint8

// The resolutions. A benign trigger is conduct that a detector was right to raise and that was
// allowed; it is counted apart from errors.
const (
	Unresolved Resolution = iota
	TrueIncident
	BenignTrigger
	FalseAlarm
)

var resolutionNames = []string{"", "true", "benign_trigger", "false"}

func (r Resolution) String() string { return enumName(resolutionNames, r) }

// MarshalText returns the name used in every format of ours.
func (r Resolution) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (r *Resolution) UnmarshalText(b []byte) error {
	return enumParse("resolution", resolutionNames, string(b), r)
}

// Incident joins findings on linked subjects within a window. One attack is one incident.
type Incident struct {
	ID         string        `json:"id"` // that of its first finding, with the prefix "inc:"
	Opened     time.Time     `json:"opened"`
	Updated    time.Time     `json:"updated"` // the last finding or human action
	From       time.Time     `json:"from"`    // what its findings speak of
	To         time.Time     `json:"to"`
	State      IncidentState `json:"state"`
	Resolution Resolution    `json:"resolution"`
	Severity   Severity      `json:"severity"` // the highest of its findings
	// Risk is in [0,1], from severity, confidence, exposure and intelligence.
	Risk float64 `json:"risk"`
	// AtStake says in words what the exposure is that the risk is made of; "" where nobody known is concerned.
	AtStake string `json:"at_stake"`
	// Alert says that somebody should look at it. The others are context: kept, joined, and shown on request.
	Alert    bool      `json:"alert"`
	Title    string    `json:"title"` // one plain sentence
	Subjects []Subject `json:"subjects"`
	Findings []string  `json:"findings"` // ids, oldest first, bounded; Count has them all
	Count    int       `json:"count"`
	Tags     []string  `json:"tags"`
	Assignee string    `json:"assignee"`
	Notes    []Note    `json:"notes"`
}

// AlertsFirst compares incidents so that alerts come before context.
func AlertsFirst(a, b Incident) int {
	switch {
	case a.Alert == b.Alert:
		return 0
	case a.Alert:
		return -1
	}
	return 1
}

// Subject is somebody or something that findings are about. Findings that share one belong together,
// unless it is too common to say who it is, as instruments and venues are.
type Subject struct {
	Kind string `json:"kind"` // credential account owner source ja4 instrument venue
	ID   string `json:"id"`
}

// Note is what somebody, or a playbook, said or did about an incident. Notes are only added.
type Note struct {
	Time time.Time `json:"time"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}
