package token

import "time"

// The limits. Whatever an attacker can send or make us fetch is bounded here.
const (
	maxToken      = 16 << 10 // bytes of an access token: the header limit of common servers
	maxProof      = 8 << 10  // bytes of a DPoP proof: an RSA key and signature fit twice
	maxJWKS       = 1 << 20  // bytes of a key set document
	maxKeys       = 100      // keys of a set that are kept; a larger set is refused
	maxAnswer     = 64 << 10 // bytes of an introspection answer
	maxDepth      = 16       // nesting of JSON
	maxMembers    = 256      // members of one JSON object
	maxName       = 512      // bytes of an identifier (kid, jti, sub, client_id, nonce …)
	maxURL        = 4 << 10  // bytes of htu
	maxScopes     = 256      // scopes of a token
	maxList       = 64       // entries of aud and amr
	minRSABits    = 2048     // RFC 7518 section 3.3
	maxRSABits    = 8192     // a larger key costs milliseconds a check
	maxSeconds    = 1 << 38  // a NumericDate past the year 10000 is a mistake or an attack
	maxInFlight   = 32       // introspection requests at once, per verifier
	maxChallenge  = 512      // bytes of a list in a challenge
	nonceBytes    = 24       // 8 of time, 16 of MAC
	cacheShards   = 16       // locks of the cache; a power of two
	maxRevocation = 1 << 20  // revocations held

	// maxRevocationLife is how far ahead a revocation may end: access tokens live for minutes to days.
	maxRevocationLife = 400 * 24 * time.Hour
)

// The defaults of Config, each with its reason.
const (
	defaultLeeway      = 30 * time.Second // clocks of issuer and venue may differ by this much
	defaultCacheSize   = 1 << 16          // tokens: about 50 MiB when full of large ones
	defaultCacheTTL    = 5 * time.Minute  // how long a verified token is trusted without a new look
	defaultRefresh     = 5 * time.Minute  // age at which a key set is fetched anew in the background
	defaultMinRefresh  = 10 * time.Second // least time between two fetches, whatever unknown key ids are sent
	defaultStale       = 24 * time.Hour   // a key set older than this verifies nothing
	defaultKeyWait     = 250 * time.Millisecond
	defaultTimeout     = 5 * time.Second  // of one key set fetch
	defaultAskTimeout  = time.Second      // of one introspection
	defaultAskTTL      = 30 * time.Second // how long an introspection answer is believed: the delay of a revocation
	defaultProofAge    = time.Minute      // RFC 9449 section 11.1: seconds to minutes
	defaultProofs      = 1 << 18          // proof ids held: about 20 MiB
	defaultNonceEvery  = 2 * time.Minute
	defaultRevocations = 1 << 16
)
