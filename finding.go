package vedette

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Severity of a finding.
type Severity uint8

// The severities.
const (
	SeverityNone Severity = iota
	Low
	Medium
	High
	Critical
)

var severityNames = []string{"", "low", "medium", "high", "critical"}

func (s Severity) String() string { return enumName(severityNames, s) }

// MarshalText returns the name used in every format of ours.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (s *Severity) UnmarshalText(b []byte) error {
	return enumParse("severity", severityNames, string(b), s)
}

// Finding is one detection. Its JSON form is the one in docs/formats.md.
type Finding struct {
	ID         string           `json:"id"`
	Detector   string           `json:"detector"`
	Version    int              `json:"version"`
	Time       time.Time        `json:"time"` // when it could first be raised, in event time
	From       time.Time        `json:"from"` // the window it speaks of
	To         time.Time        `json:"to"`
	Severity   Severity         `json:"severity"`
	Score      float64          `json:"score"` // in [0,1]
	Venue      string           `json:"venue"`
	Credential string           `json:"credential"`
	Account    string           `json:"account"`
	Owner      string           `json:"owner"`
	Source     string           `json:"source"` // address or CIDR
	JA4        string           `json:"ja4"`
	Instrument string           `json:"instrument"`
	Related    []string         `json:"related"` // further subjects, as kind:id; a bare id is an account that the detector names
	Summary    string           `json:"summary"` // one plain sentence
	Values     map[string]Value `json:"values"`
	Evidence   []uint64         `json:"evidence"` // ledger positions, or line numbers under replay
	Tags       []string         `json:"tags"`
	Incident   string           `json:"incident"`
}

// Value is a measured figure against the threshold it crossed.
type Value struct {
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"`
}

// FindingID returns the id of a finding: a hash of detector, subject and the
// start of its window, so that a replay of the same calls yields the same id.
func FindingID(detector, subject string, from time.Time) string {
	h := sha256.New()
	for _, s := range []string{detector, subject} {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(from.UnixNano()))
	h.Write(t[:])
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
