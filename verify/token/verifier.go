// Package token judges the OAuth 2.0 access token that a call presents.
package token

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
)

// Input is what a call presents. Its strings are not kept.
type Input struct {
	Token  string   // without the scheme
	Scheme string   // "Bearer" or "DPoP", in any case, as in Authorization
	DPoP   []string // all values of the DPoP header
	Method string
	URL    string // scheme://host/path as the client addressed it; query and fragment are ignored
	// ClientCert is the certificate that the client proved to hold in TLS, or nil.
	ClientCert *x509.Certificate
	Operation  vedette.Operation
	Batch      []vedette.Action // the parts, where the call has several: what each needs holds too
	Now        time.Time        // when the call arrived; zero for the clock of Config
}

// Result is the judgement. Slices are shared: do not change them.
type Result struct {
	Verdict vedette.Verdict
	Reasons []vedette.Reason // nil for Authentic

	// What the token says. Set where the verdict is Authentic, and for other
	// verdicts if the token itself verified.
	Issuer, Subject, ClientID, Account string
	TokenID                            string // jti, or "sha256:…" of a token without one
	Scopes                             []string
	Expires                            time.Time // zero if the issuer did not say
	Bound                              bool      // bound to a key or certificate that the call proved to hold
	ACR                                string    // how and when the user authenticated (RFC 9470)
	AMR                                []string
	AuthTime                           time.Time

	Challenge string // WWW-Authenticate value to refuse the call with; "" for Authentic
	DPoPNonce string // DPoP-Nonce value to answer with, "" for none

	grant *grant // nil where the token itself did not verify
}

// Stats counts since the start.
type Stats struct {
	Verified       uint64 // tokens accepted after a signature check or introspection
	Cached         uint64 // tokens accepted from the cache
	KeyFetches     uint64
	KeyFailures    uint64
	Introspections uint64
	IntrospectFail uint64
	CacheEntries   int
}

// Verifier judges the tokens of one issuer. It is safe for concurrent use.
type Verifier struct {
	cfg      Config
	keys     keySource
	ask      introspector
	good     *cache
	inactive *cache // apart, so that invented tokens cannot push out good ones
	revoked  revoked
	nonces   nonces
	seen     func(holder string, id [32]byte, now, until time.Time) (again, full bool)
	require  [vedette.Operations]Requirement
	stop     context.CancelFunc
	buffers  sync.Pool // of *[]byte

	verified, cached atomic.Uint64
}

// New checks the configuration and returns a Verifier. It fetches nothing yet:
// see Prefetch.
func New(cfg Config) (*Verifier, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, fmt.Errorf("cannot make token verifier: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	v := &Verifier{cfg: cfg, stop: stop, good: newCache(cfg.CacheSize)}
	v.buffers.New = func() any { return new([]byte) }
	v.inactive = newCache(max(cfg.CacheSize/8, cacheShards))
	v.keys = keySource{url: cfg.JWKSURL, client: cfg.HTTP, now: cfg.Now, refresh: cfg.Refresh, minGap: cfg.MinRefresh,
		stale: cfg.Stale, wait: cfg.KeyWait, failed: cfg.OnFetchFailed, stop: ctx}
	v.ask = introspector{cfg: cfg.Introspection, client: cfg.HTTP, claim: cfg.AccountClaim, stop: ctx,
		flights: make(map[[32]byte]*flight)}
	v.revoked = newRevoked(cfg.MaxRevoked)
	v.seen = cfg.ProofSeen
	if v.seen == nil {
		own := newProofs(cfg.ProofCapacity, cfg.ProofAge+2*cfg.Leeway)
		v.seen = func(_ string, id [32]byte, now, until time.Time) (again, full bool) { return own.add(id, now, until) }
	}
	v.nonces = nonces{key: slices.Clone(cfg.NonceKey), every: cfg.NonceEvery}
	if v.nonces.key == nil {
		v.nonces.key = make([]byte, 32)
		cfg.Rand(v.nonces.key)
	}
	for op := range v.require {
		v.require[op] = cfg.Default
		if r, ok := cfg.Require[vedette.Operation(op)]; ok {
			v.require[op] = r
		}
	}
	if cfg.JWKS != nil {
		keys, err := parseKeySet(cfg.JWKS, true)
		if err != nil {
			stop()
			return nil, fmt.Errorf("cannot make token verifier: %w", err)
		}
		v.keys.set.Store(newKeySet(keys, cfg.JWKS, cfg.Now()))
	}
	return v, nil
}

// Prefetch fetches the keys and waits until they are there, at most the time that
// one fetch may take. Without it the first call waits, at most Config.KeyWait.
func (v *Verifier) Prefetch(ctx context.Context) error {
	if v.cfg.JWKSURL == "" {
		return nil
	}
	if done := v.keys.fetch(); done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if v.keys.current() == nil {
		return fmt.Errorf("cannot fetch keys of %s", v.cfg.Issuer)
	}
	return nil
}

// Close ends what runs in the background. No Verify may be under way or follow.
func (v *Verifier) Close() {
	v.stop()
	v.keys.close()
}

// Revoke refuses tokens from now on, also those in the cache. It takes any times, as a stored
// revocation may have: see CheckRevocation. Its error wraps ErrRevocationsFull where there is no room.
func (v *Verifier) Revoke(r vedette.Revocation) error { return v.revoked.add(r, v.cfg.Now()) }

// Stats returns the counts.
func (v *Verifier) Stats() Stats {
	return Stats{Verified: v.verified.Load(), Cached: v.cached.Load(), KeyFetches: v.keys.fetches.Load(),
		KeyFailures: v.keys.failures.Load(), Introspections: v.ask.asked.Load(), IntrospectFail: v.ask.failed.Load(),
		CacheEntries: v.good.len()}
}

// Verify judges the token of one call:
//
//	Anonymous      no token
//	Malformed      token or proof cannot be read, or in two ways
//	Forged         the signature fails, the key or algorithm is not allowed, or the
//	               call does not hold the key that the token is bound to
//	Stale          token or proof is too old or from the future, or wants a new nonce
//	Replayed       the proof came before
//	Unauthorised   a good token of another issuer, audience or kind; revoked; or the
//	               operation needs another scope or stronger authentication
//	Unverifiable   no keys, no answer of the issuer, or no room to note the proof
//
// It waits at most Config.KeyWait for keys
// and Introspection.Timeout for the issuer, and only for a token that it does not
// remember. A token that was accepted before costs no signature check.
func (v *Verifier) Verify(ctx context.Context, in Input) Result {
	var res Result
	now := v.at(&in)
	require := &v.require[in.Operation]
	g, ref := v.judge(ctx, &in, now, &res)
	if ref == nil {
		require, ref = v.meets(&in, g, now)
	}
	return v.conclude(res, &in, require, ref)
}

// Again judges another call on a session that was opened with the token of an authentic call:
// what its operation needs. That the token was in force, and its client's, was found then.
func (v *Verifier) Again(opened Result, in Input) Result {
	res := Result{Bound: opened.Bound}
	res.tell(opened.grant)
	if v.revoked.covers(opened.grant) {
		return v.conclude(res, &in, &v.require[in.Operation], invalid(vedette.Unauthorised, vedette.TokenRevoked))
	}
	require, ref := v.meets(&in, opened.grant, v.at(&in))
	return v.conclude(res, &in, require, ref)
}

func (v *Verifier) at(in *Input) time.Time {
	if in.Now.IsZero() {
		return v.cfg.Now()
	}
	return in.Now
}

// conclude says what was found.
func (v *Verifier) conclude(res Result, in *Input, require *Requirement, ref *refusal) Result {
	if ref != nil {
		res.Verdict, res.Reasons = ref.verdict, ref.reasons
		dpop := strings.EqualFold(in.Scheme, "DPoP") || require.DPoP
		res.Challenge = v.challenge(dpop, ref.err, require)
		return res
	}
	res.Verdict = vedette.Authentic
	return res
}

// judge finds out what the token grants, and that the call may use it.
func (v *Verifier) judge(ctx context.Context, in *Input, now time.Time, res *Result) (*grant, *refusal) {
	if in.Token == "" {
		return nil, refuse(vedette.Anonymous, "")
	}
	if len(in.Token) > maxToken {
		return nil, invalid(vedette.Malformed, vedette.TokenInvalid, vedette.TooLarge)
	}
	sum := v.hash(in.Token)
	g, ref := v.grant(ctx, in.Token, &sum, now)
	if ref != nil {
		return nil, ref
	}
	res.tell(g)
	if ref := v.checkTime(g, now); ref != nil {
		return nil, ref
	}
	if v.revoked.covers(g) {
		return nil, invalid(vedette.Unauthorised, vedette.TokenRevoked)
	}
	if ref := v.checkBinding(in, g, &sum, now, res); ref != nil {
		return nil, ref
	}
	res.Bound = g.bound
	return g, nil
}

// hash is the SHA-256 of the token, made without allocating.
func (v *Verifier) hash(token string) [32]byte {
	buf := v.buffers.Get().(*[]byte)
	*buf = append((*buf)[:0], token...)
	sum := sha256.Sum256(*buf)
	clear(*buf) // a token is a secret
	v.buffers.Put(buf)
	return sum
}

// tell copies what the token says into the result.
func (res *Result) tell(g *grant) {
	res.grant = g
	res.Issuer, res.Subject, res.ClientID, res.Account = g.issuer, g.subject, g.client, g.account
	res.TokenID, res.Scopes, res.Expires = g.id, g.scopes, g.expires
	res.ACR, res.AMR, res.AuthTime = g.acr, g.amr, g.authTime
}

// grant returns what is remembered of the token or else finds out.
func (v *Verifier) grant(ctx context.Context, token string, sum *[32]byte, now time.Time) (*grant, *refusal) {
	set := v.keys.current()
	if g := v.good.get(sum); g != nil && now.Before(g.until) && (g.keys == 0 || set != nil && g.keys == set.gen) {
		v.cached.Add(1)
		return g, nil
	}
	g, ref := v.examine(ctx, token, sum, set, now)
	if ref != nil {
		return nil, ref
	}
	if g.id == "" {
		g.id = hashID(sum)
	}
	copy(g.hash[:], sum[:])
	v.verified.Add(1)
	v.good.put(sum, g)
	return g, nil
}

// examine tells a JWT from an opaque token and verifies either.
func (v *Verifier) examine(ctx context.Context, token string, sum *[32]byte, set *keySet, now time.Time) (*grant, *refusal) {
	hasKeys := v.cfg.JWKSURL != "" || v.cfg.JWKS != nil
	asks := v.cfg.Introspection.URL != ""
	if !hasKeys || asks && !looksLikeJWT(token) {
		return v.introspect(ctx, token, sum, now)
	}
	g, ref := v.verifyJWT(ctx, token, set)
	if ref != nil {
		return nil, ref
	}
	g.until = now.Add(v.cfg.CacheTTL)
	if asks && v.cfg.Introspection.Always {
		said, ref := v.introspect(ctx, token, sum, now)
		if ref != nil {
			return nil, ref
		}
		g.until = said.until
	}
	return g, nil
}

// introspect asks the issuer, or remembers that it called the token inactive.
func (v *Verifier) introspect(ctx context.Context, token string, sum *[32]byte, now time.Time) (*grant, *refusal) {
	if v.cfg.Introspection.URL == "" {
		return nil, invalid(vedette.Malformed, vedette.TokenInvalid)
	}
	if g := v.inactive.get(sum); g != nil && now.Before(g.until) {
		return nil, invalid(vedette.Unauthorised, vedette.TokenRevoked)
	}
	g, err := v.ask.ask(ctx, token, sum)
	if err != nil {
		v.cfg.OnFetchFailed(err)
		return nil, refuse(vedette.Unverifiable, "", vedette.NoSecret)
	}
	own := *g // the flight's grant is shared by all who waited
	own.until = g.believedUntil(now, v.cfg.Introspection.TTL)
	if !g.active {
		v.inactive.put(sum, &own)
		return nil, invalid(vedette.Unauthorised, vedette.TokenRevoked)
	}
	if own.issuer != "" && own.issuer != v.cfg.Issuer {
		return nil, invalid(vedette.Unauthorised, vedette.TokenIssuer)
	}
	own.issuer = v.cfg.Issuer
	if own.audience != nil {
		if ref := v.checkAudience(&own); ref != nil {
			return nil, ref
		}
	}
	return &own, nil
}

// checkBinding holds the call to the key or certificate that the token is bound
// to, and the scheme to the binding: a bound token presented as a bearer token is
// a stolen one (RFC 9449 section 7.2).
func (v *Verifier) checkBinding(in *Input, g *grant, sum *[32]byte, now time.Time, res *Result) *refusal {
	dpop := strings.EqualFold(in.Scheme, "DPoP")
	if !dpop && !strings.EqualFold(in.Scheme, "Bearer") {
		return refuse(vedette.Malformed, "invalid_request", vedette.WrongScheme)
	}
	if g.bound && g.jkt == "" && g.x5t == "" { // RFC 7800: a confirmation we do not know
		return invalid(vedette.Forged, vedette.TokenBinding)
	}
	if dpop != (g.jkt != "") {
		return invalid(vedette.Forged, vedette.TokenBinding, vedette.WrongScheme)
	}
	if g.x5t != "" {
		if in.ClientCert == nil {
			return invalid(vedette.Forged, vedette.TokenBinding, vedette.NoSignature)
		}
		thumb := sha256.Sum256(in.ClientCert.Raw)
		if !same(base64.RawURLEncoding.EncodeToString(thumb[:]), g.x5t) {
			return invalid(vedette.Forged, vedette.TokenBinding)
		}
	}
	if dpop {
		return v.checkProof(in, g, sum, now, res)
	}
	return nil
}
