package token

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"vedette"
)

// Config says which tokens a Verifier accepts. One Verifier is for one issuer.
// Zero values of times and sizes take the defaults.
type Config struct {
	Issuer   string   // iss must equal it
	Audience []string // aud must contain one of them

	// Keys come from JWKSURL (https, or http on a loopback address), or from JWKS,
	// the content of a key set file; not both. Neither is needed when every token
	// is opaque.
	JWKSURL string
	JWKS    []byte

	// Algorithms are those that an access token may be signed with. Empty allows
	// RS256, PS256, ES256, EdDSA. HS256, HS384 and HS512 work only with a JWKS that
	// holds nothing but symmetric keys.
	Algorithms []string
	// Types are values of typ that are accepted besides at+jwt (RFC 9068 section
	// 2.1), for issuers that do not follow it: such as "JWT".
	Types []string
	// Lax drops the demand for the claims client_id and jti, which RFC 9068 wants
	// and older issuers leave out.
	Lax bool
	// AccountClaim names the claim that holds the venue's account; "" for none.
	AccountClaim string

	Introspection Introspection

	// Require says what an operation needs beyond a valid token; Default is for
	// operations that Require does not name.
	Require map[vedette.Operation]Requirement
	Default Requirement

	// ProofAlgorithms are those that a DPoP proof may be signed with. Empty allows
	// ES256, ES384, ES512, EdDSA, Ed25519, PS256, RS256.
	ProofAlgorithms []string
	ProofAge        time.Duration // oldest DPoP proof accepted
	ProofCapacity   int           // proof ids remembered; when full, proofs are refused
	// ProofNonce demands a nonce of ours in each DPoP proof (RFC 9449 section 9).
	// NonceKey, 32 bytes, makes instances accept each other's; nil draws one.
	ProofNonce bool
	NonceKey   []byte
	NonceEvery time.Duration // a new nonce this often; the one before is still accepted
	// ProofSeen, if set, replaces the memory of proof ids by one that is shared or
	// survives a restart. It must be safe for concurrent use, note the id of the holder's
	// proof, which is the token's client and subject, until the given time, and say whether it was there before and whether it had no room.
	ProofSeen func(holder string, id [32]byte, now, until time.Time) (again, full bool)

	Leeway        time.Duration // allowed difference of clocks
	CacheSize     int           // verified tokens remembered; below 0 for none
	CacheTTL      time.Duration // for how long at most
	Refresh       time.Duration // age at which keys are fetched anew, in the background
	MinRefresh    time.Duration // least time between fetches
	Stale         time.Duration // keys older than this verify nothing
	KeyWait       time.Duration // how long a call waits for keys it lacks
	MaxRevoked    int           // revocations held
	HTTP          *http.Client  // nil for one of our own; redirects are never followed
	Now           func() time.Time
	Rand          func([]byte) // fills with random bytes; nil for crypto/rand
	OnFetchFailed func(error)  // told of each failed fetch of keys or introspection; must not block
}

// Introspection asks the issuer about a token (RFC 7662).
type Introspection struct {
	URL          string // "" for none
	ClientID     string // HTTP Basic, with ClientSecret
	ClientSecret string
	BearerToken  string        // instead of the two above
	Always       bool          // ask about JWTs too, so that a revocation is noticed
	TTL          time.Duration // how long an answer is believed
	Timeout      time.Duration // of one request
}

// Requirement is what an operation needs beyond a valid token.
type Requirement struct {
	Scopes []string      // all of them
	ACR    []string      // any of them (RFC 9470)
	AMR    []string      // all of them (RFC 8176)
	MaxAge time.Duration // since the user authenticated (auth_time); 0 for any
	DPoP   bool          // the token must be bound to a DPoP key
	MTLS   bool          // the token must be bound to a client certificate
	Bound  bool          // the token must be bound to either
}

// complete copies the configuration, fills in the defaults and checks it.
func (c Config) complete() (Config, error) {
	c.Audience = slices.Clone(c.Audience)
	c.Algorithms = orList(c.Algorithms, "RS256", "PS256", "ES256", "EdDSA")
	c.ProofAlgorithms = orList(c.ProofAlgorithms, "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "PS256", "RS256")
	for _, d := range []struct {
		p *time.Duration
		d time.Duration
	}{{&c.Leeway, defaultLeeway}, {&c.CacheTTL, defaultCacheTTL}, {&c.Refresh, defaultRefresh},
		{&c.MinRefresh, defaultMinRefresh}, {&c.Stale, defaultStale}, {&c.KeyWait, defaultKeyWait},
		{&c.ProofAge, defaultProofAge}, {&c.NonceEvery, defaultNonceEvery},
		{&c.Introspection.TTL, defaultAskTTL}, {&c.Introspection.Timeout, defaultAskTimeout}} {
		if *d.p < 0 {
			return c, errors.New("a duration is negative")
		}
		*d.p = orDuration(*d.p, d.d)
	}
	c.CacheSize = orInt(c.CacheSize, defaultCacheSize)
	c.ProofCapacity = orInt(c.ProofCapacity, defaultProofs)
	c.MaxRevoked = min(orInt(c.MaxRevoked, defaultRevocations), maxRevocation)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = func(b []byte) { rand.Read(b) } // crypto/rand.Read never fails
	}
	if c.OnFetchFailed == nil {
		c.OnFetchFailed = func(error) {}
	}
	c.HTTP = withoutRedirects(c.HTTP)
	return c, c.check()
}

func (c *Config) check() error {
	keys := c.JWKSURL != "" || c.JWKS != nil
	switch {
	case c.Issuer == "":
		return errors.New("no issuer")
	case len(c.Audience) == 0:
		return errors.New("no audience: a token for another API would be accepted")
	case c.JWKSURL != "" && c.JWKS != nil:
		return errors.New("both a key set and a URL of one")
	case !keys && c.Introspection.URL == "":
		return errors.New("neither keys nor introspection")
	case c.NonceKey != nil && len(c.NonceKey) != 32:
		return errors.New("nonce key is not 32 bytes")
	case c.ProofCapacity < 0:
		return errors.New("proof capacity is negative")
	}
	for _, alg := range c.Algorithms {
		if !known(alg) {
			return fmt.Errorf("algorithm %q is not one of ours", alg)
		}
		if _, mac := macs[alg]; mac && c.JWKS == nil {
			return fmt.Errorf("algorithm %s needs a local key set", alg)
		}
	}
	for _, alg := range c.ProofAlgorithms {
		if _, ok := signatures[alg]; !ok {
			return fmt.Errorf("algorithm %q is not an asymmetric one of ours", alg)
		}
	}
	for _, u := range []string{c.JWKSURL, c.Introspection.URL} {
		if err := checkEndpoint(u); err != nil {
			return err
		}
	}
	return nil
}

// checkEndpoint wants https, or http on this machine.
func checkEndpoint(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("a URL cannot be read")
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return fmt.Errorf("URL of host %s is not https", u.Host)
	}
	return nil
}

// withoutRedirects copies the client: a redirect could lead to an address that
// nobody configured.
func withoutRedirects(c *http.Client) *http.Client {
	own := http.Client{}
	if c != nil {
		own = *c
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil
	return &own
}

func orList(list []string, or ...string) []string {
	if len(list) == 0 {
		return or
	}
	return slices.Clone(list)
}

func orDuration(d, or time.Duration) time.Duration {
	if d == 0 {
		return or
	}
	return d
}

func orInt(n, or int) int {
	if n == 0 {
		return or
	}
	return n
}
