package venue

import (
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Where a venue signs parts of a request joined without a separator, the signature
// holds for every way to divide the text between them: quantity=10 in the query is
// quantity=1 there and a body that begins with 0. What follows refuses requests whose
// parts could end elsewhere, so that of all the ways to divide a text one is left.

// divide faults a signed request whose path and query, joined with the body, could end
// elsewhere. Such venues take JSON bodies, and nothing before one can begin another.
func (c *Claim) divide(r *Request) {
	if r.Kind == HTTPRequest && !r.divided() && c.Fault == "" {
		c.Fault = vedette.Ambiguous
	}
}

func (r *Request) divided() bool {
	if !strings.HasPrefix(r.Path, "/") || len(r.Body) > 0 && !r.IsJSON() {
		return false
	}
	return r.bodiless() || !opensJSON(r.Path) && !opensJSON(r.Query)
}

// bodiless reports whether the method has no body: one that has one all the same is
// ambiguous for every venue.
func (r *Request) bodiless() bool { return r.Method == "GET" || r.Method == "HEAD" }

func opensJSON(s string) bool {
	return strings.IndexByte(s, '{') >= 0 || strings.IndexByte(s, '[') >= 0
}

// divideForm does the same for venues that sign query and form, joined: one of the two
// is empty, but for the signature.
func (c *Claim) divideForm(r *Request, signature string) {
	if r.Kind == HTTPRequest && c.Auth == AuthSignature && c.Fault == "" && hasOther(r.Query, signature) && hasOther(text(r.Body), signature) {
		c.Fault = vedette.Ambiguous
	}
}

// hasOther reports whether query or form text has anything beside the parameter of that
// name; "" for none.
func hasOther(s, name string) bool {
	for one := range strings.SplitSeq(s, "&") {
		if k, _, _ := strings.Cut(one, "="); one != "" && (name == "" || k != name) {
			return true
		}
	}
	return false
}

// afterDigits faults a request whose query or body, of which one is signed right behind
// digits (a time or a window), begins with a digit, or whose query is a body.
func (c *Claim) afterDigits(r *Request) {
	if r.Kind == HTTPRequest && c.Fault == "" && (startsDigit(r.Query) || startsDigit(text(r.Body)) || opensJSON(r.Query[:min(1, len(r.Query))])) {
		c.Fault = vedette.Ambiguous
	}
}

func startsDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// MaxNonceDrift is how far the time in a nonce may lie off, where it has to be one.
const MaxNonceDrift = 24 * time.Hour

// nonceIsTime takes the nonce for a time, as every known client makes it from one, where
// digits could have come to it from the text before: with a digit more or less it is
// years off.
func (c *Claim) nonceIsTime() {
	t, _, ok := parseUnix(c.Nonce)
	if c.NonceAt = t; !ok && c.Fault == "" {
		c.Fault = vedette.BadEncoding
	}
}

// endsLikeNonce reports whether text ends with as many digits as a nonce has at least,
// and they are not a value of their own.
func endsLikeNonce(s string) bool {
	const nonceDigits = 13 // milliseconds
	i := len(s)
	for i > 0 && startsDigit(s[i-1:]) {
		i--
	}
	return len(s)-i >= nonceDigits && (i == 0 || s[i-1] != '=' || len(s)-i > nonceDigits)
}

// joinedSafely reports whether members that are signed as name=value pairs joined by &,
// unescaped, can be told apart again.
func joinedSafely(o strictjson.Value) bool {
	for m := o.First(); m.Exists(); m = m.Next(o) {
		if strings.ContainsAny(m.Name(), "&=") || strings.IndexByte(m.Raw(), '&') >= 0 || strings.IndexByte(m.Text(), '&') >= 0 {
			return false
		}
	}
	return true
}
