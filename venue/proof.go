package venue

import (
	"encoding/base64"
	"strings"
	"unsafe"

	"vedette/internal/strictjson"
)

// provenBefore reports whether the session was logged in with this very proof, a
// token or signature. Venues let a client repeat on a session what opened it, so
// that the repetition is no replay: the session authenticates it. Until a log-in
// succeeds, the proof tried last is the session's state.
func (r *Request) provenBefore(proof string) bool {
	if r.Session == nil || proof == "" {
		return false
	}
	if r.Session.Key == "" {
		r.Session.State = strings.Clone(proof)
		return false
	}
	return r.Session.State == proof
}

// maxHeld bounds what a request may carry as base64 text: header limits are lower.
const maxHeld = 64 << 10

// heldJSON reads JSON that the request carries as base64 text. It is decoded into
// memory of the request, so that its strings last as long as the request's own; a
// second call ends the first's values, but not its strings.
func (r *Request) heldJSON(encoding *base64.Encoding, s string) (strictjson.Value, error) {
	at := len(r.held)
	if len(s) > maxHeld {
		return strictjson.Value{}, strictjson.ErrLimit
	}
	var err error
	if r.held, err = encoding.AppendDecode(r.held, bytesOf(s)); err != nil {
		return strictjson.Value{}, err
	}
	if err := r.inner.Parse(r.held[at:]); err != nil {
		return strictjson.Value{}, err
	}
	return r.inner.Root(), nil
}

// bytesOf returns the bytes of s without copying. They must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// isNonce reports whether s is a nonce as venues count them: digits that fit 64 bits.
func isNonce(s string) bool {
	if s == "" || len(s) > 20 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) < 20 || s <= "18446744073709551615"
}
