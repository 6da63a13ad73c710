package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"vedette/keyring"
	"vedette/venue"
)

// KeyOptions tells the keyring how the dialects use secrets.
func KeyOptions(dialects []*venue.Dialect) keyring.Options {
	byName := make(map[string]*venue.Dialect, len(dialects))
	var o keyring.Options
	for _, d := range dialects {
		byName[d.Name] = d
		o.Venues = append(o.Venues, d.Name)
	}
	o.Decode = func(name, scheme string) (keyring.Decoding, bool) {
		d := byName[name]
		if d == nil {
			return keyring.Decoding{}, false
		}
		s := schemeFor(d, scheme, scheme)
		if s == nil { // not the venue's own, but a public key verifies HTTP message signatures
			return keyring.Decoding{}, scheme == "rsa" || scheme == "ed25519" || scheme == "es256"
		}
		k := keyring.Decoding{IDIsKey: s.KeyIsPublic}
		if s.Algorithm.Symmetric() {
			k.Hash, k.Extra = s.Algorithm.Hash(), signedPassphrase
			k.Secret = func(text string) ([]byte, error) { return decodeSecret(s.Secret, text) }
		}
		return k, true
	}
	return o
}

var errSecret = errors.New("it is not in the encoding in which the venue hands out secrets")

func decodeSecret(e venue.Encoding, text string) (b []byte, err error) {
	switch e {
	case venue.Hex:
		b, err = hex.DecodeString(text)
	case venue.Base64:
		b, err = base64.StdEncoding.DecodeString(text)
	case venue.Base64URL:
		b, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	default:
		return []byte(text), nil
	}
	if err != nil {
		return nil, errSecret // the decoder's own error tells where, and so part of the secret
	}
	return b, nil
}

// signedPassphrase is KuCoin's passphrase as clients of key versions 2 and 3 send
// it: base64 of HMAC-SHA256 under the secret.
func signedPassphrase(secret, passphrase []byte) []byte {
	if len(passphrase) == 0 {
		return nil
	}
	m := hmac.New(sha256.New, secret)
	m.Write(passphrase)
	return base64.StdEncoding.AppendEncode(nil, m.Sum(nil))
}
