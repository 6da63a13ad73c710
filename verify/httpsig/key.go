package httpsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"math/big"
)

// Algorithm is a signature algorithm by its registered name (RFC 9421 section
// 6.2.2).
type Algorithm string

// The algorithms.
const (
	RSAPSSSHA512    Algorithm = "rsa-pss-sha512"
	RSAv15SHA256    Algorithm = "rsa-v1_5-sha256"
	HMACSHA256      Algorithm = "hmac-sha256"
	ECDSAP256SHA256 Algorithm = "ecdsa-p256-sha256"
	ECDSAP384SHA384 Algorithm = "ecdsa-p384-sha384"
	Ed25519         Algorithm = "ed25519"
)

// Key is what the verifier knows of a signer. The key, not the message, says
// which algorithm is used.
type Key struct {
	Algorithm Algorithm
	Public    crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	Secret    []byte           // of HMACSHA256
	// AnySalt accepts RSA-PSS salts that are not 64 bytes long. The RFC wants 64, but
	// clients on Node's defaults, such as the npm package http-message-signatures,
	// take the longest that fits. Either is as hard to forge.
	AnySalt bool
}

// Check returns an error if the key is not of its algorithm's kind or is too weak.
func (k Key) Check() error {
	good := false
	switch k.Algorithm {
	case RSAPSSSHA512, RSAv15SHA256:
		p, ok := k.Public.(*rsa.PublicKey)
		good = ok && p.N.BitLen() >= minRSABits && p.N.BitLen() <= maxRSABits
	case ECDSAP256SHA256:
		p, ok := k.Public.(*ecdsa.PublicKey)
		good = ok && p.Curve == elliptic.P256()
	case ECDSAP384SHA384:
		p, ok := k.Public.(*ecdsa.PublicKey)
		good = ok && p.Curve == elliptic.P384()
	case Ed25519:
		p, ok := k.Public.(ed25519.PublicKey)
		good = ok && len(p) == ed25519.PublicKeySize
	case HMACSHA256:
		good = len(k.Secret) >= sha256.Size
	}
	if !good {
		return errors.New("cannot use key: it does not fit its algorithm")
	}
	return nil
}

// verify reports whether sig is the key's signature of base (RFC 9421 section
// 3.3). The caller has asked Check before.
func (k *Key) verify(base, sig []byte) bool {
	switch k.Algorithm {
	case RSAPSSSHA512:
		d := sha512.Sum512(base)
		opts := &rsa.PSSOptions{SaltLength: pssSalt}
		if k.AnySalt {
			opts.SaltLength = rsa.PSSSaltLengthAuto
		}
		return rsa.VerifyPSS(k.Public.(*rsa.PublicKey), crypto.SHA512, d[:], sig, opts) == nil
	case RSAv15SHA256:
		d := sha256.Sum256(base)
		return rsa.VerifyPKCS1v15(k.Public.(*rsa.PublicKey), crypto.SHA256, d[:], sig) == nil
	case ECDSAP256SHA256:
		d := sha256.Sum256(base)
		return verifyECDSA(k.Public.(*ecdsa.PublicKey), d[:], sig)
	case ECDSAP384SHA384:
		d := sha512.Sum384(base)
		return verifyECDSA(k.Public.(*ecdsa.PublicKey), d[:], sig)
	case Ed25519:
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(k.Public.(ed25519.PublicKey), base, sig)
	case HMACSHA256:
		mac := hmac.New(sha256.New, k.Secret)
		mac.Write(base)
		return hmac.Equal(mac.Sum(nil), sig)
	}
	return false
}

// verifyECDSA takes r and s, each of full length.
func verifyECDSA(p *ecdsa.PublicKey, digest, sig []byte) bool {
	size := (p.Params().BitSize + 7) / 8
	if len(sig) != 2*size {
		return false
	}
	return ecdsa.Verify(p, digest, new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:]))
}
