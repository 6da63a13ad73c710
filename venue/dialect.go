// Package venue knows how trading venues sign, route and mean their API calls.
package venue

import (
	"crypto"
	"strings"
	"time"

	"vedette"
)

// Dialect is all that the monitor knows of one venue's API. A dialect is a value,
// one file each; its functions keep no state of their own and are safe for
// concurrent use. They must not keep the request, or strings of it.
type Dialect struct {
	Name  string   // as in keys.yaml
	Title string   // for people
	Docs  string   // where the venue documents signing
	Hosts []string // host names of the venue's API; "*.x.y" matches any label

	// Schemes are the ways a credential of this venue signs, the usual one first.
	Schemes []Scheme
	// Repeatable are query or form names that clients of this venue send more than
	// once on purpose. Any other repeated name makes a request ambiguous.
	Repeatable []string

	Routes *Routes
	// Plain are bare words that clients of this venue send as WebSocket messages and
	// that change nothing, beside ping and pong.
	Plain []string
	// Lists says that a WebSocket message of a client may be a JSON array that begins with a
	// scalar: a channel's number before what is sent on it. Elsewhere an array is unread.
	Lists bool
	// GetChanges says that GET requests can change something too (Deribit's orders).
	GetChanges bool

	// Claim reads what the request says about who sent it and when. It fills c, that
	// comes zeroed but for its scratch memory. A request that names no credential
	// leaves c.Auth at AuthNone.
	Claim func(r *Request, c *Claim)
	// Message appends the bytes that were signed. Clients of some venues differ:
	// form counts the known forms from 0, likeliest first, and ok is false past the
	// last. The first form under which the signature verifies wins.
	Message func(r *Request, c *Claim, form int, dst []byte) (msg []byte, ok bool)
	// Cosigned appends the digest that the n-th cosigner of the claim signed, under the form
	// that fits the message, and returns its signature. Nil where no request has any.
	Cosigned func(r *Request, c *Claim, form, n int, dst []byte) (digest, sig []byte, ok bool)
	// Meaning sets Action and Batch of the call, and Method and Path where a message
	// carries them. It runs for every request, verified or not.
	Meaning func(r *Request, call *vedette.Call)
	// Answer reads the venue's answer to r. With a WebSocket, answer is the message
	// of the venue that answers the client's message r.
	Answer func(r, answer *Request, a *vedette.Answer, issued *Issued)
	// Correlate returns what ties a WebSocket answer to its question: the same text
	// for both, "" where there is nothing.
	Correlate func(r *Request) string
	// Push looks at a message of the venue that answers nothing, for what later
	// messages of the client depend on (a challenge). May be nil.
	Push func(r *Request, s *Session)
	// Deny appends the venue's own form of a refusal: the body of an HTTP answer, or
	// a WebSocket message.
	Deny func(r *Request, d vedette.Decision, dst []byte) Refusal
}

// Refusal is a refused call's answer in the venue's own shape.
type Refusal struct {
	Status      int // HTTP status; unused for messages
	ContentType string
	Body        []byte
	// Challenge is the value of WWW-Authenticate, and Nonce that of DPoP-Nonce, where
	// the caller must authenticate in another way (RFC 9470, RFC 9449); "" for none.
	Challenge, Nonce string
}

// Algorithm is a signature algorithm.
type Algorithm uint8

// The algorithms.
const (
	NoAlgorithm Algorithm = iota
	HMACSHA256
	HMACSHA384
	HMACSHA512
	RSAPKCS1SHA256
	RSAPSSSHA256
	ECDSAP256SHA256  // signature as r‖s, 64 bytes (JWS, RFC 7518 section 3.4)
	Ed25519          // RFC 8032
	EIP712Recover    // secp256k1 over a 32-byte digest, signature as r‖s‖v; the key is recovered
	HMACSHA256Double // reserved for venues that hash with the secret appended; see the dialect
)

// Encoding is how a signature or secret is written.
type Encoding uint8

// The encodings.
const (
	Raw       Encoding = iota // the bytes themselves
	Hex                       // either case
	Base64                    // standard alphabet, padded
	Base64URL                 // URL alphabet, no padding
)

// Part is a part of a request that a signature may cover, as a bit.
type Part uint8

// The parts.
const (
	CoversMethod Part = 1 << iota
	CoversHost
	CoversPath
	CoversQuery
	CoversBody
	CoversTime  // a timestamp or expiry is signed
	CoversNonce // a nonce is signed
)

// Scheme is one way a credential signs.
type Scheme struct {
	Name      string // as in keys.yaml: hmac rsa ed25519 es256 eddsa eip712
	Algorithm Algorithm
	Signature Encoding // of the signature on the wire
	Secret    Encoding // of the secret as the venue hands it out (HMAC only)
	Covers    Part     // what the signature covers, held to by mutation tests
	// Partly are parts that the signature covers on some endpoints only; see Note.
	Partly Part
	// KeyIsPublic says that the credential's id is its public key.
	KeyIsPublic bool
	// Note says what the table in docs/coverage.md must add, such as "POST only".
	Note string
}

// Hash returns the hash function of the algorithm, 0 if it has none of its own.
func (a Algorithm) Hash() crypto.Hash {
	switch a {
	case HMACSHA256, RSAPKCS1SHA256, RSAPSSSHA256, ECDSAP256SHA256:
		return crypto.SHA256
	case HMACSHA384:
		return crypto.SHA384
	case HMACSHA512:
		return crypto.SHA512
	}
	return 0
}

// Symmetric reports whether the algorithm is an HMAC.
func (a Algorithm) Symmetric() bool { return a >= HMACSHA256 && a <= HMACSHA512 }

// Scheme returns the scheme of the given name; the first one for "".
func (d *Dialect) Scheme(name string) (*Scheme, bool) {
	for i := range d.Schemes {
		if name == "" || d.Schemes[i].Name == name {
			return &d.Schemes[i], true
		}
	}
	return nil, false
}

// Auth is how a request says who sent it.
type Auth uint8

// The ways.
const (
	AuthNone      Auth = iota // names no credential
	AuthSignature             // signed by the credential named in Key
	AuthRecover               // signed; the credential is recovered from the signature (EIP-712)
	AuthKeyOnly               // names a credential where the venue asks for no signature (Binance listenKey)
	AuthSession               // nothing of its own: authenticated by the WebSocket session's log-in
	AuthToken                 // a token that the venue itself issued over this API (Kraken WebSocket token, KuCoin bullet)
	AuthBearer                // an OAuth access token of some issuer
)

// NonceRule is what a venue demands of nonces.
type NonceRule uint8

// The rules.
const (
	NonceNone       NonceRule = iota
	NonceUnique               // never the same again within the validity of the request
	NonceIncreasing           // above every nonce seen, less the credential's nonce window
	NonceHighest              // among the highest NonceKeep ones and not seen (Hyperliquid)
)

// Claim is what a request says about itself, as the dialect read it.
type Claim struct {
	Auth Auth
	Key  string // credential id as presented
	// Scheme is set where the request itself says how it is signed, so that it can
	// be held against the credential's.
	Scheme string
	// Signature is the signature as presented. SigBytes is set by dialects that had to
	// assemble it; otherwise it is decoded by the scheme's encoding.
	Signature string
	SigBytes  []byte
	// Login says that, if authentic, the session belongs to Key from now on.
	Login bool
	// Passphrase as presented; PassphraseMAC says that it is the base64 HMAC-SHA256 of
	// the passphrase under the secret (KuCoin).
	Passphrase    string
	HasPassphrase bool // the scheme wants one; a missing one is then a mismatch
	PassphraseMAC bool

	// Time is the request's own timestamp, zero if it has none; Tick the resolution it
	// was given in. It is fresh while now-Time ≤ MaxAge and Time-now < MaxAhead.
	Time     time.Time
	Tick     time.Duration
	MaxAge   time.Duration
	MaxAhead time.Duration
	// Expires is an absolute end given by the request, zero if none. It may lie at most
	// MaxExpiry ahead, where that is not zero.
	Expires   time.Time
	MaxExpiry time.Duration

	Nonce     string // as text, "" if none
	NonceRule NonceRule
	NonceKeep int // for NonceHighest
	// NonceAt is the time that the nonce is, where it has to be one, and may then lie
	// MaxNonceDrift off; zero where any number will do.
	NonceAt time.Time
	// Replayable says that the scheme binds neither time nor nonce, so that one
	// request and its replay are the same bytes.
	Replayable bool
	// Plain says that the request carries the secret itself: nothing of it is bound to that.
	Plain bool

	Token string // for AuthToken and AuthBearer; never recorded
	// Tokens are further ones beside it, for AuthToken alone: the streams of several
	// credentials asked for in one call. Each is judged.
	Tokens []string

	// Account is the account that the request acts for, where it names one.
	Account string
	// Joint is an account of several wallets that the request acts for, "" for none;
	// Cosigners of them signed it too, for JointBy to send it.
	Joint, JointBy string
	Cosigners      int

	// Fault is set when the request cannot be judged: what the dialect must read is
	// missing or unreadable. Mismatch is set when the signature may be good but its
	// signed claims contradict the request.
	Fault    vedette.Reason
	Mismatch vedette.Reason

	// Scratch is memory that a dialect may use between Claim and Message.
	Scratch []byte
	// Int and Text are the dialect's to pass from Claim to Message.
	Int  int
	Text string
}

// Reset empties the claim and keeps its scratch memory.
func (c *Claim) Reset() {
	*c = Claim{Scratch: c.Scratch[:0], SigBytes: c.SigBytes[:0], Tokens: c.Tokens[:0]}
}

// Issued is a token that the venue handed out in an answer.
type Issued struct {
	Token string        // "" if none
	TTL   time.Duration // 0 if not said
	// Credential that the answer names, "" for the one that asked.
	Credential string
	// Refresh is a second token, good only for getting another Token; "" if none.
	Refresh string
	// Refused is set by answers that tell a session log-in failed.
	LoginFailed bool
}

// Session is one WebSocket session as the dialect needs it. The sensor makes one a
// connection; calls for one session never run at the same time, but for the two
// directions, that the sensor serialises.
type Session struct {
	ID      uint64
	Key     string // credential that logged in, "" before
	Account string
	// External says that Key is not of the keyring, but of another's token.
	External bool
	// Token is what the verifier of access tokens keeps of the one that opened the session.
	Token any
	// Challenge is the venue's last challenge.
	Challenge string
	// Upgrade is the request that opened the session; its strings are its own.
	Upgrade *Request
	// State is the dialect's own.
	State string
}

// Serves reports whether host, with or without a port, is one of the venue's.
func (d *Dialect) Serves(host string) bool {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	for _, h := range d.Hosts {
		if suffix, any := strings.CutPrefix(h, "*"); strings.EqualFold(h, host) || any && len(host) > len(suffix) &&
			strings.EqualFold(host[len(host)-len(suffix):], suffix) {
			return true
		}
	}
	return false
}
