package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// eventPrefix begins every record that the ledger itself writes. Append refuses it, so
// that no caller's record can pass for one.
const eventPrefix = `{"ledger":`

// Event is a record of the ledger about itself, kept as JSON among the others.
type Event struct {
	Kind string    `json:"ledger"` // gap, torn, retain, hold or release
	Time time.Time `json:"time"`

	// Of a gap: how many records were given up for lack of room, the first of them when.
	Lost  uint64     `json:"lost,omitempty"`
	Since *time.Time `json:"since,omitempty"`

	// Of a torn end that Open set aside: where it was, how much, where it is now.
	Segment string `json:"segment,omitempty"`
	Offset  int64  `json:"offset,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"`
	File    string `json:"file,omitempty"`

	// Of a retain, hold or release: the whole state after it.
	Retention *Retention `json:"retention,omitempty"`
}

// The kinds of events.
const (
	EventGap     = "gap"
	EventTorn    = "torn"
	EventRetain  = "retain"
	EventHold    = "hold"
	EventRelease = "release"
)

// ParseEvent reads a record of the ledger about itself. It reports false for every
// record that a caller appended.
func ParseEvent(record []byte) (Event, bool) {
	var e Event
	if !bytes.HasPrefix(record, []byte(eventPrefix)) || json.Unmarshal(record, &e) != nil {
		return Event{}, false
	}
	return e, true
}

func (e Event) encode() []byte {
	b, err := json.Marshal(e)
	if err != nil || !bytes.HasPrefix(b, []byte(eventPrefix)) || len(b) > MaxRecord {
		panic(fmt.Sprintf("BUG: cannot encode event %s of %d bytes: %v", e.Kind, len(b), err))
	}
	return b
}
