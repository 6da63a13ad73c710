package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// key is one JSON Web Key (RFC 7517) that may verify signatures.
type key struct {
	kid    string
	alg    string // the only algorithm the key says it is for, "" if it does not say
	public crypto.PublicKey
	secret []byte // of a symmetric key; public is nil then
	thumb  string // RFC 7638 thumbprint, base64url; "" for a symmetric key
}

// errUnusable marks a key that is well formed but not for verifying signatures
// here, as a set may hold (RFC 7517 section 5).
var errUnusable = errors.New("key is not for verifying signatures")

// privateMembers are the JWK members that a public key must not have.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// parsePublicKey reads a public asymmetric JWK. A key with a private member is
// refused: whoever publishes one has lost it (RFC 9449 section 4.3, rule 7).
func parsePublicKey(o object) (*key, error) {
	for _, m := range privateMembers {
		if o.has(m) {
			return nil, errors.New("cannot read key: it has a private member")
		}
	}
	k, err := parseKeyHead(o)
	if err != nil {
		return nil, err
	}
	kty, err := o.text("kty")
	if err != nil {
		return nil, err
	}
	switch kty {
	case "RSA":
		err = k.readRSA(o)
	case "EC":
		err = k.readEC(o)
	case "OKP":
		err = k.readOKP(o)
	default:
		err = errUnusable
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// parseKeyHead reads what all key types share and refuses keys for other uses.
func parseKeyHead(o object) (*key, error) {
	k := &key{}
	var err error
	if k.kid, err = o.text("kid"); err != nil {
		return nil, err
	}
	if k.alg, err = o.text("alg"); err != nil {
		return nil, err
	}
	use, err := o.text("use")
	if err != nil {
		return nil, err
	}
	ops, err := o.texts("key_ops", maxList)
	if err != nil {
		return nil, err
	}
	if o.has("use") && use != "sig" || o.has("key_ops") && !slices.Contains(ops, "verify") {
		return nil, errUnusable
	}
	return k, nil
}

func (k *key) readRSA(o object) error {
	n, err := o.bytes("n", maxRSABits/8)
	if err != nil {
		return err
	}
	e, err := o.bytes("e", 4)
	if err != nil {
		return err
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if bits := pub.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("cannot read key: RSA of %d bits", bits)
	}
	if pub.E < 3 || pub.E&1 == 0 || pub.E > 1<<31-1 || pub.N.Bit(0) == 0 {
		return errors.New("cannot read key: bad RSA exponent or modulus")
	}
	if roca(pub.N) {
		return errors.New("cannot read key: RSA modulus with the structure of CVE-2017-15361")
	}
	k.public = pub
	k.setThumb(`{"e":"%s","kty":"RSA","n":"%s"}`, e, n)
	return nil
}

// curves maps a JWK curve to ours and the algorithm of JWS that goes with it.
var curves = map[string]struct {
	curve elliptic.Curve
	alg   string
}{
	"P-256": {elliptic.P256(), "ES256"},
	"P-384": {elliptic.P384(), "ES384"},
	"P-521": {elliptic.P521(), "ES512"},
}

func (k *key) readEC(o object) error {
	crv, err := o.text("crv")
	if err != nil {
		return err
	}
	c, ok := curves[crv]
	if !ok {
		return errUnusable
	}
	size := (c.curve.Params().BitSize + 7) / 8
	x, err := o.bytes("x", size)
	if err != nil {
		return err
	}
	y, err := o.bytes("y", size)
	if err != nil {
		return err
	}
	point := slices.Concat([]byte{4}, x, y) // refused below if a coordinate is short: RFC 7518 section 6.2.1.2
	pub, err := ecdsa.ParseUncompressedPublicKey(c.curve, point)
	if err != nil {
		return errors.New("cannot read key: not a point of the curve")
	}
	k.public = pub
	k.setThumb(`{"crv":"`+crv+`","kty":"EC","x":"%s","y":"%s"}`, x, y)
	return nil
}

func (k *key) readOKP(o object) error {
	crv, err := o.text("crv")
	if err != nil {
		return err
	}
	if crv != "Ed25519" {
		return errUnusable
	}
	x, err := o.bytes("x", ed25519.PublicKeySize)
	if err != nil {
		return err
	}
	if len(x) != ed25519.PublicKeySize {
		return errors.New("cannot read key: Ed25519 key of wrong length")
	}
	k.public = ed25519.PublicKey(x)
	k.setThumb(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, x)
	return nil
}

// setThumb fills in the RFC 7638 thumbprint from its canonical form.
func (k *key) setThumb(format string, parts ...[]byte) {
	args := make([]any, len(parts))
	for i, p := range parts {
		args[i] = base64.RawURLEncoding.EncodeToString(p)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, format, args...))
	k.thumb = base64.RawURLEncoding.EncodeToString(sum[:])
}

// bytes returns a base64url member of at most limit bytes without leading zeros
// being significant to us; an absent or empty one is an error.
func (o object) bytes(name string, limit int) ([]byte, error) {
	s, err := o.textUpTo(name, limit*2)
	if err != nil {
		return nil, err
	}
	b, err := decode64(s)
	if err != nil || len(b) == 0 || len(b) > limit {
		return nil, fmt.Errorf("cannot read key member %s: want base64url of at most %d bytes", name, limit)
	}
	return b, nil
}

// decode64 reads base64url without padding (RFC 7515 section 2), strictly: the
// package decoder would skip line ends and accept stray trailing bits.
func decode64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("line end in base64url")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

// parseSymmetricKey reads an oct key (RFC 7518 section 6.4) of a set that came
// from a file of ours, never from the network.
func parseSymmetricKey(o object) (*key, error) {
	k, err := parseKeyHead(o)
	if err != nil {
		return nil, err
	}
	k.secret, err = o.bytes("k", maxName)
	if err != nil {
		return nil, err
	}
	if h, ok := macs[k.alg]; k.alg != "" && (!ok || len(k.secret) < h.Size()) {
		return nil, errUnusable
	}
	return k, nil
}

// parseKeySet reads a JWK set (RFC 7517 section 5). Keys that are of no use here
// are left out; so are malformed ones, except in a local set, where they are a
// mistake that somebody can mend. Symmetric keys are taken only from a local set,
// and only if nothing else is in it: a set of both kinds invites confusion of one
// with the other.
func parseKeySet(data []byte, local bool) ([]*key, error) {
	if len(data) > maxJWKS {
		return nil, errors.New("cannot read key set: too large")
	}
	set, err := parseObject(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read key set: %w", err)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(set["keys"], &raw); err != nil || raw == nil {
		return nil, errors.New("cannot read key set: no keys member")
	}
	if len(raw) > maxKeys {
		return nil, fmt.Errorf("cannot read key set: more than %d keys", maxKeys)
	}
	var keys []*key
	kinds := 0
	for i, r := range raw {
		k, kind, err := parseSetKey(r, local)
		kinds |= kind
		switch {
		case err == nil:
			keys = append(keys, k)
		case local && !errors.Is(err, errUnusable):
			return nil, fmt.Errorf("cannot read key %d of set: %w", i, err)
		}
	}
	if local && kinds == symmetric|asymmetric {
		return nil, errors.New("cannot read key set: symmetric and asymmetric keys in one set")
	}
	if len(keys) == 0 {
		return nil, errors.New("cannot read key set: no usable key")
	}
	return keys, nil
}

// The kinds of key, as bits.
const (
	symmetric = 1 << iota
	asymmetric
)

func parseSetKey(raw []byte, local bool) (*key, int, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, 0, err
	}
	if kty, _ := o.text("kty"); kty != "oct" {
		k, err := parsePublicKey(o)
		return k, asymmetric, err
	}
	if !local {
		return nil, symmetric, errUnusable
	}
	k, err := parseSymmetricKey(o)
	return k, symmetric, err
}
