package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// nonces makes and checks DPoP nonces (RFC 9449 section 8) without keeping any: a
// nonce is the number of its period with a MAC over it.
type nonces struct {
	key   []byte
	every time.Duration
}

func (n *nonces) at(period int64) string {
	var b [nonceBytes]byte
	binary.BigEndian.PutUint64(b[:8], uint64(period))
	mac := hmac.New(sha256.New, n.key)
	mac.Write(b[:8])
	copy(b[8:], mac.Sum(nil))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (n *nonces) period(now time.Time) int64 { return now.UnixNano() / int64(n.every) }

// current is the nonce to hand out.
func (n *nonces) current(now time.Time) string { return n.at(n.period(now)) }

// check reports whether s is the nonce of this period or the one before, and
// whether the client should be handed a new one.
func (n *nonces) check(s string, now time.Time) (ok, renew bool) {
	p := n.period(now)
	if subtle.ConstantTimeCompare([]byte(s), []byte(n.at(p))) == 1 {
		return true, false
	}
	return subtle.ConstantTimeCompare([]byte(s), []byte(n.at(p-1))) == 1, true
}
