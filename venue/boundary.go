package venue

import (
	"strconv"
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
	if !strings.HasPrefix(r.Path, "/") || len(r.Body) > 0 && (r.bodiless() || !r.IsJSON()) {
		return false
	}
	return r.bodiless() || !opensJSON(r.Path) && !opensJSON(r.Query)
}

// bodiless reports whether the method has no body: one that says something all the same
// is ambiguous for every venue.
func (r *Request) bodiless() bool { return r.Method == "GET" || r.Method == "HEAD" }

// saysNothing reports whether there is no more in the body than an empty object, which
// Coinbase's own Python client sends with every GET. Who put it there changed nothing.
// Where it is signed, text could have been moved into it: see divide.
func (r *Request) saysNothing() bool {
	b := trimSpace(r.Body)
	return len(b) == 0 || b[0] == '{' && len(b) > 1 && b[1] == '}' && len(trimSpace(b[2:])) == 0
}

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

// divideTyped does the same for Binance and who copied its API: clients put the time into
// the query and the order into the form, and the venue's documents cut an order in two. It
// takes both parts where the query ends with the whole of a parameter of a fixed form and
// the form begins with a name.
//
// That leaves one way to divide the text, in which something like
// timestamp=1499827319559quantity=1 stands at one place. Had the client cut it elsewhere,
// then either within the value, and its form would begin with a digit or a capital, as no
// name does; or within timestamp or quantity, of which no half is a parameter, or beside
// them, and its time, window or word would be none. Neither is sent by any client, and both
// are refused.
func (c *Claim) divideTyped(r *Request, signature string) {
	if r.Kind != HTTPRequest || c.Auth != AuthSignature || c.Fault != "" {
		return
	}
	list := r.Params().list
	for i := range list {
		if isWord(list[i].Key) && strings.IndexByte(list[i].Value, '=') >= 0 {
			c.Fault = vedette.Ambiguous
			return
		}
	}
	if c.divideForm(r, signature); c.Fault == "" {
		return
	}
	c.Scratch = appendWithout(c.Scratch[:0], r.Query, signature)
	at := len(c.Scratch)
	c.Scratch = appendWithout(c.Scratch, text(r.Body), signature)
	if endsFixed(text(c.Scratch[:at])) && beginsWithName(text(c.Scratch[at:])) {
		c.Fault = ""
	}
}

// isWord reports whether the parameter is one of the venue's words, all in capitals.
func isWord(name string) bool {
	switch name {
	case "side", "type", "timeInForce", "positionSide":
		return true
	}
	return false
}

// endsFixed reports whether query text ends with the whole of a parameter that cannot go
// on with a small letter: a time, a window or a word.
func endsFixed(s string) bool {
	name, v, _ := strings.Cut(s[strings.LastIndexByte(s, '&')+1:], "=")
	n := len(v) - countDigits(v)
	switch {
	case name == "timestamp":
		return n == 0 && (len(v) == 13 || len(v) == 16)
	case name == "recvWindow":
		return n == 0 && len(v) > 0 && len(v) <= 5
	case !isWord(name) || v == "":
		return false
	}
	for i := range len(v) {
		if v[i] != '_' && (v[i] < 'A' || v[i] > 'Z') {
			return false
		}
	}
	return true
}

// beginsWithName reports whether form text begins with a parameter's name, which begins
// with a small letter, and an equals sign.
func beginsWithName(s string) bool {
	name, _, ok := strings.Cut(s, "=")
	if !ok || name == "" || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for i := range len(name) {
		if c := name[i] | 0x20; (c < 'a' || c > 'z') && !startsDigit(name[i:]) {
			return false
		}
	}
	return true
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

// countDigits returns how many digits s ends with.
func countDigits(s string) (n int) {
	for n < len(s) && startsDigit(s[len(s)-n-1:]) {
		n++
	}
	return n
}

const (
	// MaxNonceDrift is how far the time in a nonce may lie off, where it has to be one.
	// The wider it is, the more often do other digits look like a time by chance.
	MaxNonceDrift = time.Hour

	milliDigits = 13 // of a time in milliseconds
	nanoDigits  = 19 // digits of a nonce that is a time: nanoseconds
)

// nonceIsTime takes the nonce for a time, as every known client makes it from one, where
// digits could have come to it from the text before, or gone there. They are told from its
// own by the time: where other digits at the end of the text are a time close by too, it
// is ambiguous.
func (c *Claim) nonceIsTime(before string) {
	t, ok := nonceTime(c.Nonce)
	if c.NonceAt = t; c.Fault != "" {
		return
	}
	if !ok {
		c.Fault = vedette.BadEncoding
		return
	}
	var buf [2 * nanoDigits]byte
	digits := append(buf[:0], before[len(before)-min(countDigits(before), nanoDigits):]...)
	digits = append(digits, c.Nonce...)
	for n := milliDigits; n <= min(nanoDigits, len(digits)); n++ {
		other, ok := nonceTime(text(digits[len(digits)-n:]))
		if ok && n != len(c.Nonce) && other.Sub(t).Abs() <= 2*MaxNonceDrift { // both near now
			c.Fault = vedette.Ambiguous
		}
	}
}

// nonceTime reads the time that a nonce is: milliseconds, and up to six digits more, be
// they a counter or a part of the time.
func nonceTime(s string) (t time.Time, ok bool) {
	if len(s) < milliDigits || len(s) > nanoDigits || countDigits(s) != len(s) {
		return t, false
	}
	n, _ := strconv.ParseInt(s[:milliDigits], 10, 64)
	return time.UnixMilli(n), true
}

// endsLikeNonce reports whether text ends with as many digits as a nonce has at least,
// and they are not a value of their own.
func endsLikeNonce(s string) bool {
	n := countDigits(s)
	return n >= milliDigits && (n == len(s) || s[len(s)-n-1] != '=' || n > milliDigits)
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
