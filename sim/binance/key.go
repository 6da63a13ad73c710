package binance

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
	"time"

	"vedette"
)

// Key is an API key that the venue knows.
type Key struct {
	ID          string
	Account     string // of the exchange; must be open there
	Permissions vedette.Permission
	// Secret signs with HMAC-SHA256; Public with Ed25519 or RSA instead. Exactly one is set.
	Secret string
	Public crypto.PublicKey
	// WithdrawAllow lists the addresses funds may leave to; empty allows any.
	WithdrawAllow []string
}

// key is a Key at work.
type key struct {
	Key
	macs sync.Pool // of hash.Hash, keyed with the secret
}

func newKey(k Key) (*key, error) {
	if k.ID == "" || k.Account == "" {
		return nil, fmt.Errorf("cannot add key %q: no id or no account", k.ID)
	}
	switch p := k.Public.(type) {
	case nil:
		if k.Secret == "" {
			return nil, fmt.Errorf("cannot add key %q: nothing to verify with", k.ID)
		}
	case ed25519.PublicKey, *rsa.PublicKey:
		if k.Secret != "" {
			return nil, fmt.Errorf("cannot add key %q: a secret and a public key", k.ID)
		}
	default:
		return nil, fmt.Errorf("cannot add key %q: keys of type %T cannot verify", k.ID, p)
	}
	n := &key{Key: k}
	n.macs.New = func() any { return hmac.New(sha256.New, []byte(k.Secret)) }
	return n, nil
}

// verify checks a signature over the concatenation of parts.
func (k *key) verify(signature string, parts ...string) bool {
	switch pub := k.Public.(type) {
	case ed25519.PublicKey:
		sig, err := base64.StdEncoding.DecodeString(signature)
		return err == nil && len(sig) == ed25519.SignatureSize && ed25519.Verify(pub, []byte(strings.Join(parts, "")), sig)
	case *rsa.PublicKey:
		sig, err := base64.StdEncoding.DecodeString(signature)
		if err != nil {
			return false
		}
		sum := sha256.Sum256([]byte(strings.Join(parts, "")))
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], sig) == nil
	}
	if len(signature) != 2*sha256.Size {
		return false
	}
	var given, sum [sha256.Size]byte
	if _, err := hex.Decode(given[:], []byte(signature)); err != nil {
		return false
	}
	mac := k.macs.Get().(hash.Hash)
	defer k.macs.Put(mac)
	mac.Reset()
	for _, p := range parts {
		mac.Write([]byte(p))
	}
	return hmac.Equal(mac.Sum(sum[:0]), given[:])
}

// mayLogOn reports whether the key may authenticate a whole session: Ed25519 only.
func (k *key) mayLogOn() bool {
	_, ok := k.Public.(ed25519.PublicKey)
	return ok
}

// mayReach reports whether the key may withdraw to an address.
func (k *key) mayReach(address string) bool {
	return len(k.WithdrawAllow) == 0 || slices.Contains(k.WithdrawAllow, address)
}

// fresh checks a request's timestamp against its window.
func fresh(p *params, now time.Time) *apiError {
	text := p.get("timestamp")
	if text == "" {
		return errMissing("timestamp")
	}
	at, ok := parseTime(text)
	if !ok {
		return errIllegal("timestamp")
	}
	window := DefaultWindow
	if w := p.get("recvWindow"); w != "" {
		d, err := vedette.ParseDecimal(w)
		if err != nil || d.Sign() < 0 {
			return errIllegal("recvWindow")
		}
		if d.Cmp(vedette.NewDecimal(MaxWindow.Milliseconds(), 0)) > 0 {
			return fail(-1131, "recvWindow must be less than 60000")
		}
		window = milliseconds(d)
	}
	switch age := now.Sub(at); {
	case age <= -MaxAhead:
		return errAhead()
	case age > window:
		return errWindow()
	}
	return nil
}

// milliseconds turns a decimal count of them into a duration, to the microsecond.
func milliseconds(d vedette.Decimal) time.Duration {
	text := append(d.Append(nil), "ms"...)
	v, err := time.ParseDuration(string(bytes.TrimPrefix(text, []byte("+"))))
	if err != nil {
		return 0
	}
	return v
}

// parseTime reads milliseconds or, above the year 2286 in those, microseconds.
func parseTime(s string) (time.Time, bool) {
	if len(s) == 0 || len(s) > 16 {
		return time.Time{}, false
	}
	var v int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return time.Time{}, false
		}
		v = v*10 + int64(s[i]-'0')
	}
	if v >= 1e13 {
		return time.UnixMicro(v), true
	}
	return time.UnixMilli(v), true
}
