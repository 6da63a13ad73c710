package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that the algorithms below name
	_ "crypto/sha512"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// jws is a signed token in compact serialisation (RFC 7515 section 3.1), not yet
// verified.
type jws struct {
	header  object
	alg     string
	kid     string
	payload []byte
	signed  string // header and payload as received, with the dot between
	sig     []byte
}

// parseJWS splits and decodes a token of three parts.
func parseJWS(s string, limit int) (*jws, error) {
	if len(s) > limit {
		return nil, fmt.Errorf("cannot read token: over %d bytes", limit)
	}
	head, rest, ok := strings.Cut(s, ".")
	body, sig, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 { // a fourth part would make the third no base64url
		return nil, errors.New("cannot read token: want three parts")
	}
	t := &jws{signed: s[:len(head)+1+len(body)]}
	raw, err := decode64(head)
	if err != nil {
		return nil, fmt.Errorf("cannot read token header: %w", err)
	}
	if t.header, err = parseObject(raw); err != nil {
		return nil, err
	}
	if t.alg, err = t.header.text("alg"); err != nil {
		return nil, err
	}
	if t.kid, err = t.header.text("kid"); err != nil {
		return nil, err
	}
	if t.payload, err = decode64(body); err != nil {
		return nil, fmt.Errorf("cannot read token payload: %w", err)
	}
	if t.sig, err = decode64(sig); err != nil {
		return nil, fmt.Errorf("cannot read token signature: %w", err)
	}
	return t, nil
}

// macs are the symmetric algorithms (RFC 7518 section 3.2). They work only with
// symmetric keys.
var macs = map[string]crypto.Hash{"HS256": crypto.SHA256, "HS384": crypto.SHA384, "HS512": crypto.SHA512}

// signatures are the asymmetric algorithms (RFC 7518, 8037, 9864) and their hash.
var signatures = map[string]crypto.Hash{
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512,
	"PS256": crypto.SHA256, "PS384": crypto.SHA384, "PS512": crypto.SHA512,
	"ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
	"EdDSA": 0, "Ed25519": 0,
}

// known reports whether alg is an algorithm that verify can check. "none" is not.
func known(alg string) bool {
	_, mac := macs[alg]
	_, sig := signatures[alg]
	return mac || sig
}

// fits reports whether the key may be used with alg: the key's type and curve
// decide, and its own alg if it has one. An RSA key that names one RSA algorithm
// is not used with another.
func (k *key) fits(alg string) bool {
	if k.alg != "" && k.alg != alg && !(sameEdDSA(k.alg) && sameEdDSA(alg)) {
		return false
	}
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		return known(alg) && (alg[0] == 'R' || alg[0] == 'P')
	case *ecdsa.PublicKey:
		return curves[p.Params().Name].alg == alg
	case ed25519.PublicKey:
		return sameEdDSA(alg)
	}
	h, ok := macs[alg]
	return ok && len(k.secret) >= h.Size()
}

func sameEdDSA(alg string) bool { return alg == "EdDSA" || alg == "Ed25519" }

// verify reports whether sig is the key's signature of signed under alg. The
// caller has asked fits before.
func (k *key) verify(alg, signed string, sig []byte) bool {
	if k.secret != nil {
		h, ok := macs[alg]
		if !ok {
			return false
		}
		mac := hmac.New(h.New, k.secret)
		mac.Write([]byte(signed))
		return hmac.Equal(mac.Sum(nil), sig)
	}
	if p, ok := k.public.(ed25519.PublicKey); ok {
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(p, []byte(signed), sig)
	}
	hash, ok := signatures[alg]
	if !ok || hash == 0 {
		return false
	}
	h := hash.New()
	h.Write([]byte(signed))
	digest := h.Sum(nil)
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		if alg[0] == 'P' { // RFC 7518 section 3.5: the salt is as long as the hash
			return rsa.VerifyPSS(p, hash, digest, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(p, hash, digest, sig) == nil
	case *ecdsa.PublicKey:
		size := (p.Params().BitSize + 7) / 8
		if len(sig) != 2*size { // RFC 7518 section 3.4: r and s, each of full length
			return false
		}
		r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
		return ecdsa.Verify(p, digest, r, s)
	}
	return false
}
