package httpsig

import "time"

// The limits: a signature names what we must gather and hash, so an attacker's
// signature must not name much.
const (
	maxField      = 16 << 10 // bytes of Signature-Input, and of Signature
	maxSignatures = 8        // signatures of one message that are looked at
	maxComponents = 64       // components one signature covers
	maxBase       = 64 << 10 // bytes of a signature base
	maxText       = 512      // bytes of keyid, nonce, tag
	maxSeconds    = 1 << 38  // a time past the year 10000 is a mistake or an attack
	minRSABits    = 2048     // as for tokens, RFC 7518 section 3.3
	maxRSABits    = 8192     // a larger key costs milliseconds a check
	pssSalt       = 64       // bytes, RFC 9421 section 3.3.1

	defaultMaxAge = 5 * time.Minute  // a signature older than this is stale
	defaultLeeway = 30 * time.Second // clocks of client and venue may differ by this much
)
