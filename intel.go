package vedette

// IndicatorKind is what an indicator of threat intelligence speaks of.
type IndicatorKind uint8

// The kinds.
const (
	IndicatorNone    IndicatorKind = iota
	IndicatorAddress               // the client's address, or a range that holds it
	IndicatorASN                   // the autonomous system that announces the address
	IndicatorJA4                   // the client's TLS fingerprint
	IndicatorWallet                // a withdrawal's destination, or the wallet that signed
	IndicatorKey                   // the SHA-256 of the credential's id: a list of leaked keys is no leak itself
)

var indicatorNames = []string{"", "address", "asn", "ja4", "wallet", "key_hash"}

func (k IndicatorKind) String() string { return enumName(indicatorNames, k) }

// MarshalText returns the name used in every format of ours.
func (k IndicatorKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (k *IndicatorKind) UnmarshalText(b []byte) error {
	return enumParse("kind of indicator", indicatorNames, string(b), k)
}

// IntelAction is what a feed asks of the gate for calls that match it, the mildest first.
type IntelAction uint8

// The actions.
const (
	IntelFlag   IntelAction = iota // note it on the call
	IntelStepUp                    // refuse until authenticated more strongly
	IntelDeny                      // refuse
)

var intelActionNames = []string{"flag", "step_up", "deny"}

func (a IntelAction) String() string { return enumName(intelActionNames, a) }

// MarshalText returns the name used in every format of ours.
func (a IntelAction) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (a *IntelAction) UnmarshalText(b []byte) error {
	return enumParse("action", intelActionNames, string(b), a)
}

// IntelMatch says that a feed of threat intelligence lists something of a call. The
// value is the call's own: its source, ASN, JA4, an action's address, or its credential.
type IntelMatch struct {
	Feed       string        `json:"feed"` // by the name that the configuration gives it
	Kind       IndicatorKind `json:"kind"`
	Confidence uint8         `json:"confidence"` // 0 to 100, that the indicator is right
	Action     IntelAction   `json:"action"`
}
