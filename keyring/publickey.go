package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// parsePublicKey reads a public key: PEM (SubjectPublicKeyInfo of RFC 5280,
// RSAPublicKey of RFC 8017, or a certificate), or base64, base64url or hex of DER
// or of the 32 bytes of an Ed25519 key (RFC 8032).
func parsePublicKey(text string) (crypto.PublicKey, error) {
	der, kind, err := publicKeyBytes(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	var key any
	switch {
	case kind == "" && len(der) == ed25519.PublicKeySize:
		key = ed25519.PublicKey(der)
	case kind == "" || kind == "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(der)
	case kind == "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(der)
	case kind == "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(der); err == nil {
			key = c.PublicKey
		}
	case strings.HasSuffix(kind, "PRIVATE KEY"):
		return nil, errors.New("public_key is a private key: the monitor must not hold it, give the public one")
	default:
		return nil, fmt.Errorf("public_key is PEM of type %q: want PUBLIC KEY", clip(kind))
	}
	if err != nil {
		return nil, errors.New("public_key cannot be read: it is neither PEM nor encoded DER nor 32 bytes of Ed25519")
	}
	return checkKey(key)
}

// publicKeyBytes returns the bytes and the PEM type, "" without PEM.
func publicKeyBytes(text string) (der []byte, kind string, err error) {
	if strings.HasPrefix(text, "-----BEGIN") {
		block, rest := pem.Decode([]byte(text))
		if block == nil || len(strings.TrimSpace(string(rest))) > 0 {
			return nil, "", errors.New("public_key is not one block of PEM")
		}
		return block.Bytes, block.Type, nil
	}
	if b, err := hex.DecodeString(strings.TrimPrefix(text, "0x")); err == nil && len(b) > 0 {
		return b, "", nil
	}
	flat := strings.Join(strings.Fields(text), "")
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := enc.Strict().DecodeString(flat); err == nil && len(b) > 0 {
			return b, "", nil
		}
	}
	return nil, "", errors.New("public_key cannot be read: it is neither PEM nor base64 nor hex")
}

func checkKey(key any) (crypto.PublicKey, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSABits || n > maxRSABits {
			return nil, fmt.Errorf("public_key is RSA of %d bits: want %d to %d", n, minRSABits, maxRSABits)
		}
		if k.E < 3 || k.E&1 == 0 {
			return nil, errors.New("public_key is RSA with an exponent that is even or below 3")
		}
		return k, nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return nil, errors.New("public_key is not on curve P-256")
		}
		return k, nil
	case ed25519.PublicKey:
		return k, nil
	}
	return nil, errors.New("public_key is none of RSA, ECDSA on P-256 and Ed25519")
}

// schemeOfKey returns the scheme that a parsed public key is for.
func schemeOfKey(key crypto.PublicKey) string {
	switch key.(type) {
	case *rsa.PublicKey:
		return "rsa"
	case *ecdsa.PublicKey:
		return "es256"
	case ed25519.PublicKey:
		return "ed25519"
	}
	panic("BUG: a public key of a kind that parsePublicKey does not return")
}

func parseWallet(text string) (w [20]byte, err error) {
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok || len(digits) != 2*len(w) {
		return w, errors.New("wallet is not 0x and 40 hex digits")
	}
	if _, err := hex.Decode(w[:], []byte(digits)); err != nil {
		return w, errors.New("wallet is not 0x and 40 hex digits")
	}
	if w == [20]byte{} {
		return w, errors.New("wallet is the zero address, which signs nothing")
	}
	return w, nil
}
