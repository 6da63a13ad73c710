// Package verify judges whether a call is authentic, fresh, once and permitted.
package verify

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"vedette"
	"vedette/keyring"
	"vedette/venue"
)

// Keys finds credentials. It must be safe for concurrent use and must not keep id.
type Keys interface {
	Lookup(venue, id string) (*keyring.Entry, bool)
}

// Bearer judges OAuth access tokens. It sets the verdict and the reasons, and
// returns the credential's id, account and permissions as the token gives them.
type Bearer func(x *Case) BearerResult

// BearerResult is what a token says.
type BearerResult struct {
	Verdict vedette.Verdict
	Reasons []vedette.Reason
	// Credential is the token's id or its client and subject; never the token itself.
	Credential, Account, Owner string
	// ACR, AMR and AuthTime are how and when its user authenticated.
	ACR      string
	AMR      []string
	AuthTime time.Time
	// Challenge is the WWW-Authenticate value to send with a refusal, Nonce the
	// DPoP-Nonce; "" for none.
	Challenge, Nonce string
	// Again judges another call on a session that the token opened: it does not carry it.
	Again Again
}

// Again judges a call by a token that was judged before.
type Again func(x *Case) BearerResult

// Signed judges HTTP message signatures (RFC 9421). It reports whether the request
// carries one that it is to judge.
type Signed func(x *Case) (r BearerResult, carries bool)

// Config is what a Verifier needs. Bearer and Signed may be nil.
type Config struct {
	Keys       Keys
	Window     *Window
	Increasing *Nonces // made with keep 1
	Highest    *Nonces // made with keep 100
	Issued     *Issued
	Bearer     Bearer
	Signed     Signed
}

// Verifier judges calls. It is safe for concurrent use.
type Verifier struct {
	Config
	scratch sync.Pool
}

// New returns a verifier.
func New(c Config) *Verifier {
	if c.Keys == nil || c.Window == nil || c.Increasing == nil || c.Highest == nil || c.Issued == nil {
		panic("BUG: verifier without keys, window, nonces or issued tokens")
	}
	v := &Verifier{Config: c}
	v.scratch.New = func() any { return new(scratch) }
	return v
}

// Case is one call to judge.
type Case struct {
	Dialect *venue.Dialect
	Request *venue.Request
	Source  netip.Addr
	Cert    *x509.Certificate // the client's, verified by the listener
	Now     time.Time         // arrival
	Fault   vedette.Reason    // found by the sensor, "" for none

	// Verify fills these.
	Claim     *venue.Claim
	Call      *vedette.Call
	Entry     *keyring.Entry // nil if the credential is not known
	Ref       Ref            // of the signature in the window
	Challenge string         // to send with a refusal
	Nonce     string         // likewise
	Again     Again          // of an authentic call's access token
	Parties   []Party        // besides the call's own credential

	joint  *keyring.Entry // of the account of several wallets that the call is for; nil for none
	key    Key            // of the signature
	hashed bool
	text   [2 * len(Key{})]byte
}

// Party is a further credential whose token a call presents, judged as if the call were
// its alone.
type Party struct {
	Credential, Account, Owner string
	Verdict                    vedette.Verdict
	Reasons                    []vedette.Reason
}

type scratch struct {
	hmac  keyring.HMACScratch
	msg   []byte
	sig   [maxSignature]byte
	canon [65]byte
	key   []byte
}

// Verify judges the call: it sets Verdict, Reasons, Credential, Account, Owner,
// SignatureHash and Nonce of x.Call. The call's Action must be set before.
func (v *Verifier) Verify(x *Case) {
	s := v.scratch.Get().(*scratch)
	v.verify(x, s)
	v.scratch.Put(s)
}

// say sets the verdict. Why a call is not authentic stands before what else was
// found; what is said of one that is comes last.
func (x *Case) say(verdict vedette.Verdict, reasons ...vedette.Reason) {
	at := len(x.Call.Reasons)
	if verdict != vedette.Authentic {
		at = 0
	}
	x.Call.Verdict = verdict
	x.Call.Reasons = slices.Insert(x.Call.Reasons, at, reasons...)
}

func (v *Verifier) verify(x *Case, s *scratch) {
	x.Ref, x.Entry, x.joint, x.hashed, x.Challenge, x.Nonce, x.Again, x.Parties = Ref{}, nil, nil, false, "", "", nil, nil
	x.Call.Reasons = x.Call.Reasons[:0]
	x.Claim.Reset()
	if x.Fault != "" {
		x.say(vedette.Malformed, x.Fault)
		return
	}
	x.Dialect.Claim(x.Request, x.Claim)
	x.Call.Credential, x.Call.Nonce, x.Call.Claimed = x.Claim.Key, x.Claim.Nonce, x.Claim.Time
	x.Call.SignatureHash, x.Call.AcceptUntil = "", time.Time{}
	why := x.unclear()
	if why == "" && len(x.Call.Batch) > venue.MaxParts {
		why = vedette.TooLarge // what is not looked at could be anything
	}
	if why != "" {
		x.say(vedette.Malformed, why)
	} else {
		v.byAuth(x, s)
	}
	if !x.hashed && (x.Claim.Signature != "" || len(x.Claim.SigBytes) > 0) {
		x.setKey(s, x.Claim.Signature, x.Claim.SigBytes) // as presented: no scheme to decode it by
	}
}

// unclear returns why venue and monitor could read the call differently, "" if they cannot.
func (x *Case) unclear() vedette.Reason {
	if why := x.Request.Ambiguous(x.Dialect.Repeatable); why != "" {
		return why
	}
	if x.Dialect.Unread(x.Request, x.Claim) || x.Call.Operation == vedette.OpUnknown && x.Dialect.Disguised(x.Request) || contradicts(x.Call) {
		return vedette.Ambiguous
	}
	return ""
}

// contradicts reports whether the call, or a part of it, names several instruments or
// destinations.
func contradicts(c *vedette.Call) bool {
	return c.Ambiguous || slices.ContainsFunc(c.Batch, func(a vedette.Action) bool { return a.Ambiguous })
}

func (v *Verifier) byAuth(x *Case, s *scratch) {
	if x.Claim.Fault != "" {
		x.say(vedette.Malformed, x.Claim.Fault)
		v.identify(x)
		return
	}
	if v.Signed != nil && x.Request.Kind != venue.Message && (x.Claim.Auth == venue.AuthNone || x.Claim.Auth == venue.AuthBearer) {
		if b, carries := v.Signed(x); carries {
			v.external(x, b)
			return
		}
	}
	switch x.Claim.Auth {
	case venue.AuthNone:
		x.say(vedette.Anonymous)
	case venue.AuthKeyOnly:
		x.say(vedette.Anonymous, vedette.NoSignature)
		v.identify(x)
	case venue.AuthSession:
		v.session(x)
	case venue.AuthToken:
		v.token(x)
	case venue.AuthBearer:
		v.bearer(x)
	default:
		v.signed(x, s)
	}
}

// identify looks the credential up and fills in whose it is.
func (v *Verifier) identify(x *Case) bool {
	e, ok := v.Keys.Lookup(x.Dialect.Name, x.Call.Credential)
	if !ok {
		return false
	}
	x.Entry = e
	x.Call.Credential, x.Call.Account, x.Call.Owner = e.ID, e.Account, e.Owner
	return true
}

// signed judges a call that carries a signature, in the order of what an attacker
// learns least from: is it genuine, is it fresh, is it new, is it allowed.
func (v *Verifier) signed(x *Case, s *scratch) {
	if !v.genuine(x, s) {
		return
	}
	if x.Claim.Mismatch != "" {
		x.say(vedette.Forged, x.Claim.Mismatch)
		return
	}
	if why := fresh(x.Claim, x.Now); why != "" {
		x.say(vedette.Stale, why)
		return
	}
	if !v.once(x, s) {
		return
	}
	x.permitted()
}

// fresh applies the venue's rule to the request's time and expiry (for each venue
// see docs/coverage.md).
func fresh(c *venue.Claim, now time.Time) vedette.Reason {
	if !c.Time.IsZero() {
		switch age := now.Sub(c.Time); {
		case age > c.MaxAge:
			return vedette.WindowPassed
		case age < 0 && !c.Time.Before(now.Add(c.MaxAhead)): // -age could overflow
			return vedette.ClockAhead
		}
	}
	if !c.Expires.IsZero() && now.After(c.Expires) {
		return vedette.WindowPassed
	}
	if c.MaxExpiry > 0 && c.Expires.Sub(now) > c.MaxExpiry {
		return vedette.ClockAhead
	}
	if c.NonceAt.IsZero() {
		return ""
	}
	if now.Sub(c.NonceAt) > venue.MaxNonceDrift {
		return vedette.WindowPassed
	}
	if c.NonceAt.Sub(now) > venue.MaxNonceDrift {
		return vedette.ClockAhead
	}
	return ""
}

// until returns when the request could no longer be accepted: fixed where the
// request says so itself, open where nothing would refuse it after the time that
// its signature is remembered for.
func until(c *venue.Claim, now time.Time) (t time.Time, fixed, open bool) {
	switch {
	case !c.Time.IsZero():
		t = c.Time.Add(c.MaxAge)
		if !c.Expires.IsZero() && c.Expires.Before(t) {
			t = c.Expires
		}
	case !c.Expires.IsZero():
		t = c.Expires
	case c.NonceRule != venue.NonceNone: // ordered, or good for one session only
		return now.Add(nonceHold), false, false
	default:
		return now.Add(maxHold), false, true
	}
	if t.Sub(now) > maxHold {
		return now.Add(maxHold), false, c.NonceRule != venue.NonceIncreasing && c.NonceRule != venue.NonceHighest
	}
	return t.Add(time.Millisecond), true, false // the last instant is still accepted
}

// once holds the signature against the window and the nonce against its rule.
func (v *Verifier) once(x *Case, s *scratch) bool {
	c := x.Claim
	if c.Replayable {
		return v.unmoved(x, s)
	}
	ordered := c.NonceRule == venue.NonceIncreasing || c.NonceRule == venue.NonceHighest
	t, fixed, open := until(c, x.Now)
	if c.NonceRule == venue.NonceIncreasing && x.Entry != nil && x.Entry.NonceWindow > 0 {
		t, fixed = x.Now.Add(maxHold), false
	}
	u := use{key: x.key, content: v.Window.content(x.Request, s), holder: holderOf(x.Dialect.Name, x.Call.Credential), source: v.Window.sourceHash(x.Source), changes: c.Login || !reads(x.Call.Operation),
		judging: ordered, fixed: fixed && !ordered, now: x.Now, until: t, tick: max(c.Tick, time.Millisecond)}
	if x.Call.Source.Addr() == x.Source {
		u.port = x.Call.Source.Port()
	}
	var seen Seen
	seen, x.Ref = v.Window.use(&u)
	x.Call.AcceptUntil = t
	if l := x.Request.Session; c.Login && l != nil && l.Key == x.Call.Credential && (seen == SeenAgain || seen == SeenElsewhere) {
		x.say(vedette.Authentic, vedette.SessionAuth) // repeated on the session that it opened, as some clients do: it gains nothing
		return true
	}
	switch seen {
	case SeenElsewhere:
		x.say(vedette.Replayed, vedette.CrossEndpoint)
		return false
	case SeenAgain:
		x.say(vedette.Replayed, vedette.SignatureReused)
		return false
	case SeenRetry:
		x.say(vedette.Authentic, vedette.Retry)
		return true // its nonce was taken the first time
	case SeenCoincident:
		x.say(vedette.Authentic, vedette.Coincident)
		return true
	case SeenFull, SeenUnknown:
		x.say(vedette.Unverifiable, vedette.ReplayFull)
		return false
	}
	if ordered {
		if !v.nonce(x, s) {
			x.Ref = Ref{} // stays in judgement: or a second copy would be a retry of what was never good
			return false
		}
		v.Window.judged(x.Ref)
	}
	x.say(vedette.Authentic)
	if open {
		x.say(vedette.Authentic, vedette.Replayable)
	}
	return true
}

// unmoved judges a signature without time or nonce. Sent again as it was it cannot be told
// from the client's own; but where it is over all that a request asks for, the same one
// on another method, or parted otherwise, is no client's. It is remembered for as long as
// that is cheap.
func (v *Verifier) unmoved(x *Case, s *scratch) bool {
	const all = venue.CoversPath | venue.CoversQuery | venue.CoversBody
	scheme, ok := x.Dialect.Scheme(x.Entry.Scheme)
	if ok && !x.Claim.Plain && scheme.Covers&all == all {
		u := use{key: x.key, content: v.Window.content(x.Request, s), holder: holderOf(x.Dialect.Name, x.Call.Credential),
			source: v.Window.sourceHash(x.Source), changes: !reads(x.Call.Operation), now: x.Now, until: x.Now.Add(nonceHold), tick: time.Millisecond}
		if seen, _ := v.Window.use(&u); seen == SeenElsewhere {
			x.say(vedette.Replayed, vedette.CrossEndpoint)
			return false
		}
	}
	x.say(vedette.Authentic, vedette.Replayable)
	return true
}

// reads reports whether an operation only reads: a log-in does more.
func reads(op vedette.Operation) bool {
	return op == vedette.OpMarketRead || op == vedette.OpAccountRead || op == vedette.OpOrderQuery
}

func (v *Verifier) nonce(x *Case, s *scratch) bool {
	c := x.Claim
	table := v.Increasing
	if c.NonceRule == venue.NonceHighest {
		table = v.Highest
	}
	n, err := strconv.ParseUint(c.Nonce, 10, 64)
	if err != nil {
		why := vedette.BadEncoding
		if c.Nonce == "" {
			why = vedette.NonceMissing
		}
		x.say(vedette.Malformed, why)
		return false
	}
	var window uint64
	if x.Entry != nil {
		window = x.Entry.NonceWindow
	}
	switch table.use(s.digest(x.Dialect.Name, x.Call.Credential, "nonce"), n, window, x.Now) {
	case errNonceReused:
		x.say(vedette.Replayed, vedette.NonceReused)
	case errNonceRegressed:
		x.say(vedette.Stale, vedette.NonceRegressed)
	case errNonceFull:
		x.say(vedette.Unverifiable, vedette.ReplayFull)
	default:
		return true
	}
	return false
}

// Answered tells the window that the venue answered the call, or that it was
// refused: the same request is then no retry any more.
func (v *Verifier) Answered(x *Case) { v.Window.Answered(x.Ref) }

// Unanswered tells the window that the call is over and no answer came: the same
// request is then a retry, also of a call that changes something.
func (v *Verifier) Unanswered(x *Case) { v.Window.Unanswered(x.Ref) }

// setKey sets the window's key of the call's signature, given as text or bytes,
// and the call's SignatureHash to it.
func (x *Case) setKey(s *scratch, signature string, bytes []byte) {
	if signature == "" {
		signature = view(bytes)
	}
	x.key, x.hashed = s.digest(x.Dialect.Name, x.Call.Credential, signature), true
	hex.Encode(x.text[:], x.key[:])
	x.Call.SignatureHash = unsafe.String(&x.text[0], len(x.text))
}

func (s *scratch) digest(parts ...string) (k Key) {
	s.key = s.key[:0]
	for _, p := range parts {
		s.key = binary.BigEndian.AppendUint32(s.key, uint32(len(p)))
		s.key = append(s.key, p...)
	}
	sum := sha256.Sum256(s.key)
	copy(k[:], sum[:])
	return k
}

// content is a keyed hash of what a signature might leave open. It is keyed with
// the window's secret seed, so that nobody can compute two requests that share it.
func (w *Window) content(r *venue.Request, s *scratch) uint64 {
	b := append(s.key[:0], w.seed[:]...)
	for _, p := range [3]string{r.Method, r.Path, r.Query} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	b = append(b, r.Body...)
	s.key = b
	sum := sha256.Sum256(b)
	return max(1, binary.LittleEndian.Uint64(sum[:8]))
}

func (w *Window) sourceHash(a netip.Addr) uint32 {
	b := a.As16()
	x := mix(binary.LittleEndian.Uint64(b[:8]) ^ binary.LittleEndian.Uint64(w.seed[16:24]))
	return uint32(mix(x ^ binary.LittleEndian.Uint64(b[8:])))
}
