package venue

import (
	"strings"
	"time"

	"vedette"
)

// signedHeaders are the names of the headers that carry the claim of a signed
// request. A name may be empty where the venue has none.
type signedHeaders struct{ key, sign, time, passphrase string }

// claim reads the headers into c, the timestamp into c.Text. It returns false for a
// request that has none of key and signature. One that stands twice is a fault.
func (h *signedHeaders) claim(r *Request, c *Claim) bool {
	var seen [4]bool
	for i := range r.Header {
		f := &r.Header[i]
		var at int
		var dst *string
		switch {
		case fold(f.Name, h.key):
			at, dst = 0, &c.Key
		case fold(f.Name, h.sign):
			at, dst = 1, &c.Signature
		case fold(f.Name, h.time):
			at, dst = 2, &c.Text
		case h.passphrase != "" && fold(f.Name, h.passphrase):
			at, dst = 3, &c.Passphrase
		default:
			continue
		}
		if seen[at] {
			c.Fault = vedette.Ambiguous
			continue
		}
		seen[at], *dst = true, f.Value
	}
	if !seen[0] && !seen[1] {
		c.Text, c.Passphrase = "", ""
		return false
	}
	c.Auth, c.HasPassphrase = AuthSignature, h.passphrase != ""
	return true
}

// within sets the time of the claim and how far it may be off.
func (c *Claim) within(t time.Time, tick time.Duration, ok bool, past, ahead time.Duration) {
	if !ok {
		if c.Fault == "" {
			c.Fault = vedette.BadEncoding
		}
		return
	}
	c.Time, c.Tick, c.MaxAge, c.MaxAhead = t, tick, past, ahead
}

// bearerClaim claims an OAuth access token, where the request has one: as a bearer's,
// or as one that is bound to a key (DPoP, RFC 9449). It returns which.
func bearerClaim(r *Request, c *Claim) (scheme string) {
	scheme, token, ok := strings.Cut(r.single(c, "Authorization"), " ")
	if ok && (fold(scheme, "Bearer") || fold(scheme, "DPoP")) {
		c.Auth, c.Token = AuthBearer, token
	}
	return scheme
}

// sessionClaim claims what a message has by the session that it travels on.
func sessionClaim(r *Request, c *Claim) {
	if r.Session != nil && r.Session.Key != "" {
		c.Auth = AuthSession
	}
}
