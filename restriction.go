package vedette

import "time"

// RestrictionKind is what a restriction does to the calls in its scope.
type RestrictionKind uint8

// The kinds.
const (
	RestrictNone      RestrictionKind = iota
	RestrictFreeze                    // refuse everything but log-out and reading of market data
	RestrictReadOnly                  // refuse everything that changes something
	RestrictOperation                 // refuse the named operation
	RestrictThrottle                  // at most Rate calls a second, Burst at once
	RestrictStepUp                    // refuse until authenticated more strongly
	RestrictKill                      // refuse every call of the venue (or of all venues)
	RestrictBlock                     // refuse a source address or range
)

var restrictionNames = []string{"", "freeze", "read_only", "deny_operation", "throttle", "step_up", "kill", "block"}

func (k RestrictionKind) String() string { return enumName(restrictionNames, k) }

// MarshalText returns the name used in every format of ours.
func (k RestrictionKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (k *RestrictionKind) UnmarshalText(b []byte) error {
	return enumParse("restriction", restrictionNames, string(b), k)
}

// Restriction is what the gate enforces. The scope fields that are set must all
// match; a restriction with none is refused unless its kind is RestrictKill.
type Restriction struct {
	ID         string          `json:"id"`
	Kind       RestrictionKind `json:"kind"`
	Venue      string          `json:"venue,omitempty"`
	Credential string          `json:"credential,omitempty"`
	Account    string          `json:"account,omitempty"`
	Owner      string          `json:"owner,omitempty"`
	Source     string          `json:"source,omitempty"` // address or CIDR
	Instrument string          `json:"instrument,omitempty"`
	Operation  Operation       `json:"operation,omitempty"` // for RestrictOperation and RestrictStepUp
	Rate       float64         `json:"rate,omitempty"`      // calls a second, for RestrictThrottle
	Burst      int             `json:"burst,omitempty"`
	// What RestrictStepUp asks of an access token's user (RFC 9470): one of the classes in
	// ACR and all of the methods in AMR, separated by spaces, and at most MaxAge seconds
	// since. If none is set, to have authenticated since From.
	ACR    string `json:"acr,omitempty"`
	AMR    string `json:"amr,omitempty"`
	MaxAge int    `json:"max_age,omitempty"`

	Reason string    `json:"reason"` // in words, by whom it was set
	By     string    `json:"by"`     // person or part that set it
	From   time.Time `json:"from"`
	Until  time.Time `json:"until,omitzero"` // zero: until lifted
}

// StepUpGrant says that who uses a credential has authenticated more strongly, to the
// venue's own second factor, and satisfies step-up restrictions until it ends.
type StepUpGrant struct {
	Venue      string    `json:"venue"`
	Credential string    `json:"credential"`
	Reason     string    `json:"reason"` // in words, such as how
	By         string    `json:"by"`     // person or part that says so
	Until      time.Time `json:"until"`
}

// Receipt proves that a record is in the ledger: its position, and the size of
// the tree that holds it. `vedette ledger prove` turns it into a Merkle proof.
type Receipt struct {
	Position uint64 `json:"position"`
	Durable  bool   `json:"durable"` // written and synced, not only accepted
}
