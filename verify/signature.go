package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"unsafe"

	secp "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/sha3"

	"vedette"
	"vedette/keyring"
	"vedette/venue"
)

// genuine reports whether the signature is the credential's. If not, it has said why.
func (v *Verifier) genuine(x *Case, s *scratch) bool {
	if x.Claim.Auth == venue.AuthRecover {
		return v.recovered(x, s)
	}
	if !v.identify(x) {
		x.say(vedette.Unverifiable, vedette.UnknownKey)
		return false
	}
	if x.Claim.Signature == "" && len(x.Claim.SigBytes) == 0 {
		x.say(vedette.Forged, vedette.NoSignature)
		return false
	}
	verdict, why := vedette.Forged, vedette.WrongScheme
	for e := x.Entry; e != nil; e = e.Also {
		scheme := schemeFor(x.Dialect, x.Claim.Scheme, e.Scheme)
		if scheme == nil {
			continue
		}
		if e.Empty() {
			verdict, why = vedette.Unverifiable, vedette.NoSecret
			continue
		}
		verdict, why = vedette.Forged, v.signedBy(x, s, e, scheme)
		if why == "" {
			return true
		}
	}
	if why == vedette.BadSignature && x.hashed && v.Window.Known(x.key, x.Now) { // genuine, on altered content: not a wrong secret
		x.say(verdict, why, vedette.SignatureReused)
	} else {
		x.say(verdict, why)
	}
	return false
}

// signedBy returns why the signature is not that of the entry under the scheme, ""
// if it is.
func (v *Verifier) signedBy(x *Case, s *scratch, e *keyring.Entry, scheme *venue.Scheme) vedette.Reason {
	sig, ok := s.signature(scheme, x.Claim)
	if !ok {
		return vedette.BadSignature
	}
	x.setKey(s, "", canonical(scheme.Algorithm, sig, &s.canon))
	material, old := &e.Material, false
	if !s.matches(x, scheme, material, sig) {
		material, old = e.Old(x.Now), true
		if material == nil || !s.matches(x, scheme, material, sig) {
			return vedette.BadSignature
		}
	}
	if x.Claim.HasPassphrase && !passphrase(x.Claim, material) {
		return vedette.BadPassphrase
	}
	x.Entry = e
	if old {
		x.say(vedette.Authentic, vedette.OldSecret)
	}
	return ""
}

// schemeFor returns the scheme that request and credential agree on, nil if they
// do not. "eddsa" and "ed25519" are one thing under two names.
func schemeFor(d *venue.Dialect, claimed, known string) *venue.Scheme {
	alias := func(name string) (*venue.Scheme, bool) {
		if s, ok := d.Scheme(name); ok || name != "ed25519" && name != "eddsa" {
			return s, ok
		}
		if name == "eddsa" {
			return d.Scheme("ed25519")
		}
		return d.Scheme("eddsa")
	}
	if claimed == "" {
		claimed = known
	}
	a, ok := alias(claimed)
	if !ok {
		return nil
	}
	if b, ok := alias(known); known != "" && (!ok || a != b) {
		return nil
	}
	return a
}

// signature decodes the signature as presented.
func (s *scratch) signature(scheme *venue.Scheme, c *venue.Claim) ([]byte, bool) {
	if len(c.SigBytes) > 0 {
		return c.SigBytes, true
	}
	if len(c.Signature) > maxSignature {
		return nil, false
	}
	if strings.ContainsAny(c.Signature, "\r\n") { // package base64 would skip them
		return nil, false
	}
	dst, src := s.sig[:], unsafe.Slice(unsafe.StringData(c.Signature), len(c.Signature))
	var n int
	var err error
	switch scheme.Signature {
	case venue.Hex:
		n, err = hex.Decode(dst, src)
	case venue.Base64:
		n, err = strictBase64.Decode(dst, src)
	case venue.Base64URL:
		n, err = strictBase64URL.Decode(dst, src)
	default:
		n = copy(dst, c.Signature)
	}
	return dst[:n], err == nil
}

// Strict decoders refuse text whose unused bits are not zero.
var (
	strictBase64    = base64.StdEncoding.Strict()
	strictBase64URL = base64.RawURLEncoding.Strict()
)

// view is bytes as a string, without copying.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// canonical returns the one form of a signature that has others under which it
// verifies as well, so that no second form of a used signature is new. HMAC,
// Ed25519 and RSA have one form once decoded; in ECDSA s and n-s both verify.
func canonical(a venue.Algorithm, sig []byte, buf *[65]byte) []byte {
	switch {
	case a == venue.ECDSAP256SHA256 && len(sig) == 64:
		s := new(big.Int).SetBytes(sig[32:])
		n := elliptic.P256().Params().N
		if other := new(big.Int).Sub(n, s); other.Sign() > 0 && other.Cmp(s) < 0 {
			s = other
		}
		copy(buf[:32], sig[:32])
		s.FillBytes(buf[32:64])
		return buf[:64]
	case a == venue.EIP712Recover && len(sig) == 65 && sig[64] < 27:
		copy(buf[:], sig)
		buf[64] += 27
		return buf[:]
	}
	return sig
}

// matches tries every form of the message.
func (s *scratch) matches(x *Case, scheme *venue.Scheme, m *keyring.Material, sig []byte) bool {
	for form := range maxForms {
		if form > 0 && len(x.Request.Query)+len(x.Request.Body) > maxReformed {
			return false
		}
		msg, ok := x.Dialect.Message(x.Request, x.Claim, form, s.msg[:0])
		if cap(msg) > cap(s.msg) && cap(msg) <= 1<<20 {
			s.msg = msg
		}
		if !ok {
			return false
		}
		if s.check(scheme.Algorithm, m, msg, sig) {
			return true
		}
	}
	return false
}

// check verifies one signature. All comparisons of secrets are constant-time.
func (s *scratch) check(a venue.Algorithm, m *keyring.Material, msg, sig []byte) bool {
	if a.Symmetric() {
		key, ok := m.Key(a.Hash())
		return ok && key.Equal(&s.hmac, msg, sig)
	}
	switch pub := m.PublicKey.(type) {
	case ed25519.PublicKey:
		return a == venue.Ed25519 && len(sig) == ed25519.SignatureSize && ed25519.Verify(pub, msg, sig)
	case *rsa.PublicKey:
		sum := sha256.Sum256(msg)
		switch a {
		case venue.RSAPKCS1SHA256:
			return rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], sig) == nil
		case venue.RSAPSSSHA256:
			// The salt is as long as the hash (RFC 7518 section 3.5).
			return rsa.VerifyPSS(pub, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
	case *ecdsa.PublicKey:
		sum := sha256.Sum256(msg)
		return a == venue.ECDSAP256SHA256 && len(sig) == 64 &&
			ecdsa.Verify(pub, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	}
	return false
}

// passphrase compares what the client presented with what it should be.
func passphrase(c *venue.Claim, m *keyring.Material) bool {
	want := m.Passphrase.Reveal()
	if c.PassphraseMAC {
		want = m.Extra.Reveal()
	}
	if len(want) == 0 {
		return true // the keyring does not know it; the signature was good
	}
	return subtle.ConstantTimeCompare([]byte(c.Passphrase), want) == 1
}

// recovered finds the wallet that signed. A changed request recovers to a wallet
// that nobody has, so a wallet that the keyring does not know counts as forged.
func (v *Verifier) recovered(x *Case, s *scratch) bool {
	for form := range maxForms {
		digest, ok := x.Dialect.Message(x.Request, x.Claim, form, s.msg[:0])
		if !ok {
			break
		}
		address, ok := RecoverAddress(digest, x.Claim.SigBytes)
		if !ok {
			continue
		}
		x.Call.Credential = address
		x.setKey(s, "", canonical(venue.EIP712Recover, x.Claim.SigBytes, &s.canon))
		if v.identify(x) {
			return x.Claim.Joint == "" || v.cosigned(x, s, form)
		}
	}
	x.say(vedette.Forged, vedette.UnknownKey)
	return false
}

// cosigned holds the signatures of a joint account's wallets to those that the keyring
// lists, and their number to its threshold. The message's own signature was good under
// the form.
func (v *Verifier) cosigned(x *Case, s *scratch, form int) bool {
	c := x.Claim
	joint, ok := v.Keys.Lookup(x.Dialect.Name, c.Joint)
	var signed []string
	switch {
	case !strings.EqualFold(c.JointBy, x.Call.Credential):
		x.say(vedette.Forged, vedette.BoundElsewhere)
		return false
	case !ok || len(joint.Signers) == 0:
		x.say(vedette.Unverifiable, vedette.NoSecret)
		return false
	case c.Cosigners > len(joint.Signers):
		x.say(vedette.Forged, vedette.BadSignature)
		return false
	}
	for n := range c.Cosigners {
		digest, sig, ok := x.Dialect.Cosigned(x.Request, c, form, n, s.msg[:0])
		wallet := ""
		if ok {
			wallet, ok = RecoverAddress(digest, sig)
		}
		if !ok || !slices.Contains(joint.Signers, wallet) || slices.Contains(signed, wallet) {
			x.say(vedette.Forged, vedette.BadSignature)
			return false
		}
		signed = append(signed, wallet)
	}
	if len(signed) < joint.Threshold {
		x.say(vedette.Unauthorised, vedette.NoPermission)
		return false
	}
	x.joint, x.Call.Joint = joint, joint.ID
	if joint.Account != "" {
		x.Call.Account, x.Call.Owner = joint.Account, joint.Owner
	}
	return true
}

// RecoverAddress returns the Ethereum address, in lower case with 0x, of the key
// that made the signature r‖s‖v over a 32-byte digest (EIP-712, SEC 1 section
// 4.1.6). Only low s is accepted (EIP-2), so that a signature has one form.
func RecoverAddress(digest, sig []byte) (string, bool) {
	if len(sig) != 65 || len(digest) != 32 {
		return "", false
	}
	v := sig[64]
	if v < 27 {
		v += 27
	}
	if v != 27 && v != 28 || !lowS(sig[32:64]) {
		return "", false
	}
	var compact [65]byte
	compact[0] = v
	copy(compact[1:], sig[:64])
	pub, _, err := secp.RecoverCompact(compact[:], digest)
	if err != nil {
		return "", false
	}
	h := sha3.NewLegacyKeccak256()
	h.Write(pub.SerializeUncompressed()[1:])
	return "0x" + hex.EncodeToString(h.Sum(nil)[12:]), true
}

// halfOrder is half the order of secp256k1 (SEC 2 section 2.4.1), rounded down.
var halfOrder = [32]byte{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0}

func lowS(s []byte) bool { return string(s) <= string(halfOrder[:]) }
