package vedette

// Verdict is the outcome of verification.
type Verdict uint8

// The verdicts.
const (
	Unjudged     Verdict = iota // verification did not run
	Authentic                   // signed by the credential it names, fresh, once, permitted
	Forged                      // the signature or token does not verify
	Stale                       // verifies, but too old or from the future
	Replayed                    // verifies, but was seen before
	Unauthorised                // verifies, but the credential may not do this
	Malformed                   // cannot be read, or could be read in two ways
	Anonymous                   // names no credential
	Unverifiable                // names a credential whose secret is not at hand
	verdictCount
)

// Verdicts is the number of verdicts; every Verdict is below it.
const Verdicts = int(verdictCount)

var verdictNames = []string{"", "authentic", "forged", "stale", "replayed", "unauthorised", "malformed", "anonymous",
	"unverifiable"}

func (v Verdict) String() string { return enumName(verdictNames, v) }

// MarshalText returns the name used in every format of ours.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (v *Verdict) UnmarshalText(b []byte) error {
	return enumParse("verdict", verdictNames, string(b), v)
}

// Reason is a short fixed code that says why a verdict or decision came out as it
// did. Codes never change meaning; docs/reasons.md lists them.
type Reason string

// The reasons of verification.
const (
	BadSignature     Reason = "bad_signature"      // the signature does not verify
	BadPassphrase    Reason = "bad_passphrase"     // the passphrase differs from the credential's
	WrongScheme      Reason = "wrong_scheme"       // signed with a scheme the credential does not use
	NoSignature      Reason = "no_signature"       // names a credential but carries no signature where one is due
	BoundElsewhere   Reason = "bound_elsewhere"    // the token's claims name another method, host or path
	UnknownKey       Reason = "unknown_key"        // the credential is not in the keyring
	NoSecret         Reason = "no_secret"          // the keyring knows the credential but holds nothing to verify with
	ClockAhead       Reason = "clock_ahead"        // the time is further in the future than the venue accepts
	WindowPassed     Reason = "window_passed"      // the time or expiry is past
	NonceReused      Reason = "nonce_reused"       // this nonce was used before
	NonceRegressed   Reason = "nonce_regressed"    // the nonce is below what the venue would still accept
	NonceMissing     Reason = "nonce_missing"      // the scheme wants a nonce and there is none
	SignatureReused  Reason = "signature_reused"   // this very request was seen before
	CrossEndpoint    Reason = "cross_endpoint"     // this signature was seen on another method, path, query or body
	Retry            Reason = "retry"              // the same request again, and the first was never answered
	Coincident       Reason = "coincident"         // the same request again within one tick of the venue's timestamp, same source
	Replayable       Reason = "replayable"         // the scheme binds neither time nor nonce: a replay cannot be told
	SessionAuth      Reason = "session"            // authenticated by the session it travels on
	OldSecret        Reason = "old_secret"         // signed with the secret that was rotated away, still within the overlap
	CredentialOver   Reason = "expired"            // the credential has expired
	NoPermission     Reason = "permission"         // the credential lacks the permission for this operation
	InstrumentDenied Reason = "instrument"         // the credential may not act on this instrument
	OperationDenied  Reason = "operation"          // the credential may not do this operation
	AddressDenied    Reason = "address"            // the source address is not on the credential's allowlist
	AccountMismatch  Reason = "account"            // the call names an account that the credential is not bound to
	WithdrawDenied   Reason = "withdraw_address"   // the destination is not on the withdrawal allowlist
	StepUpNeeded     Reason = "step_up"            // the operation wants stronger or fresher authentication (RFC 9470)
	Ambiguous        Reason = "ambiguous"          // venue and monitor could read the request differently
	BadEncoding      Reason = "bad_encoding"       // a field that the dialect must read cannot be read
	TooLarge         Reason = "too_large"          // over a stated limit
	ReplayFull       Reason = "replay_window_full" // the replay window had no room: the call could not be checked
)

// The reasons of tokens.
const (
	TokenInvalid   Reason = "token_invalid"   // not a token, or its signature does not verify
	TokenExpired   Reason = "token_expired"   // exp is past
	TokenEarly     Reason = "token_early"     // nbf or iat is in the future
	TokenRevoked   Reason = "token_revoked"   // revoked, or introspection says inactive
	TokenAlgorithm Reason = "token_algorithm" // algorithm not allowed for this issuer ("none", HS with a public key, …)
	TokenKey       Reason = "token_key"       // unknown kid, or a key that the token brought itself (jku, x5u, jwk)
	TokenAudience  Reason = "token_audience"  // aud is not this API
	TokenIssuer    Reason = "token_issuer"    // iss is not the configured issuer
	TokenType      Reason = "token_type"      // typ is not at+jwt, or the claims are those of another kind of token
	TokenBinding   Reason = "token_binding"   // the certificate or DPoP key is not the one the token is bound to
	TokenScope     Reason = "token_scope"     // the scope does not cover the operation
	ProofInvalid   Reason = "proof_invalid"   // the DPoP proof or HTTP message signature does not verify
	ProofReplayed  Reason = "proof_replayed"  // the proof's jti was seen before
	ProofStale     Reason = "proof_stale"     // the proof's time is outside its window
)

// The reasons of the gate.
const (
	Frozen       Reason = "frozen"        // the credential or account is frozen
	ReadOnly     Reason = "read_only"     // only reading is allowed
	Killed       Reason = "killed"        // the kill switch is on
	Throttled    Reason = "throttled"     // over the limit in force
	FailClosed   Reason = "fail_closed"   // a part the decision needs is not working, and policy is to refuse
	FailOpen     Reason = "fail_open"     // a part the decision needs is not working, and policy is to allow
	IntelMatched Reason = "intel_match"   // a feed of threat intelligence lists something of the call, and asks to refuse it
	Injected     Reason = "injection"     // its parameters carry an attack payload, and such calls are to be refused
	UpstreamDown Reason = "upstream_down" // the venue cannot be reached: the call was not carried out
	AnswerLost   Reason = "answer_lost"   // the venue took the call and did not answer: whether it was carried out is not known
)

// Effect is what the gate did with a call.
type Effect uint8

// The effects.
const (
	Undecided Effect = iota
	Allow
	Deny
	Throttle // refused for now: the client may try again later
	StepUp   // refused until stronger authentication
)

var effectNames = []string{"", "allow", "deny", "throttle", "step_up"}

func (e Effect) String() string { return enumName(effectNames, e) }

// MarshalText returns the name used in every format of ours.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads a name written by MarshalText.
func (e *Effect) UnmarshalText(b []byte) error { return enumParse("effect", effectNames, string(b), e) }

// Decision is what the gate did with a call, and why.
type Decision struct {
	Effect      Effect
	Reason      Reason // "" for a plain allow
	Restriction string // id of the restriction that decided, if one did
	// WouldDeny says that enforce mode would have refused a call that observe mode
	// let through; Reason then says why.
	WouldDeny bool
	// RetryAfterMS is when a throttled client may try again, in milliseconds; 0 if unknown.
	RetryAfterMS int64
}

// Refused reports whether the call was kept from the venue.
func (d Decision) Refused() bool { return d.Effect >= Deny }
