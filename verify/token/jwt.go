package token

import (
	"context"
	"slices"
	"strings"

	"vedette"
)

// looksLikeJWT reports whether the first of three parts is a JSON object. An
// opaque token may have dots too.
func looksLikeJWT(token string) bool {
	head, rest, ok := strings.Cut(token, ".")
	if !ok || strings.Count(rest, ".") != 1 {
		return false
	}
	raw, err := decode64(head)
	return err == nil && len(raw) > 1 && raw[0] == '{'
}

// Issuer returns the issuer that a JWT names, which nobody has verified; "" for any
// other token.
func Issuer(token string) string {
	if len(token) > maxToken || !looksLikeJWT(token) {
		return ""
	}
	_, rest, _ := strings.Cut(token, ".")
	body, _, _ := strings.Cut(rest, ".")
	raw, err := decode64(body)
	if err != nil {
		return ""
	}
	o, err := parseObject(raw)
	if err != nil {
		return ""
	}
	iss, _ := o.text("iss")
	return iss
}

// verifyJWT verifies a JWT access token (RFC 9068 section 4) up to what depends
// on time or on the call.
func (v *Verifier) verifyJWT(ctx context.Context, token string, set *keySet) (*grant, *refusal) {
	t, err := parseJWS(token, maxToken)
	if err != nil {
		return nil, malformed(err)
	}
	if !slices.Contains(v.cfg.Algorithms, t.alg) {
		return nil, invalid(vedette.Forged, vedette.TokenAlgorithm)
	}
	if ref := v.checkHeader(t.header); ref != nil {
		return nil, ref
	}
	set, ref := v.verifySignature(ctx, t, set)
	if ref != nil {
		return nil, ref
	}
	typ, err := t.header.text("typ")
	if err != nil {
		return nil, malformed(err)
	}
	typ = strings.ToLower(typ)
	strict := typ == "at+jwt" || typ == "application/at+jwt"
	if !strict && !slices.ContainsFunc(v.cfg.Types, func(s string) bool { return strings.EqualFold(s, typ) }) {
		return nil, invalid(vedette.Unauthorised, vedette.TokenType)
	}
	o, err := parseObject(t.payload)
	if err != nil {
		return nil, malformed(err)
	}
	g, err := readGrant(o, v.cfg.AccountClaim)
	if err != nil {
		return nil, malformed(err)
	}
	g.keys = set.gen
	return g, v.checkClaims(o, g, strict)
}

// checkHeader refuses keys that the token brings along or points to (RFC 8725
// section 3.10), and extensions we would have to understand (RFC 7515 section
// 4.1.11). A jku is harmless if it names the set that we use anyway.
func (v *Verifier) checkHeader(h object) *refusal {
	for _, m := range [...]string{"jwk", "x5u", "x5c", "crit", "b64"} {
		if h.has(m) {
			return invalid(vedette.Forged, vedette.TokenKey)
		}
	}
	if h.has("jku") {
		if jku, err := h.textUpTo("jku", maxURL); err != nil || jku == "" || jku != v.cfg.JWKSURL {
			return invalid(vedette.Forged, vedette.TokenKey)
		}
	}
	return nil
}

// verifySignature returns the set that held the key.
func (v *Verifier) verifySignature(ctx context.Context, t *jws, set *keySet) (*keySet, *refusal) {
	named := t.header.has("kid")
	var k *key
	if set != nil {
		k = set.find(t.kid, t.alg, named)
	}
	if k == nil {
		if set = v.keys.newer(ctx, set); set == nil {
			return nil, refuse(vedette.Unverifiable, "", vedette.NoSecret)
		}
		k = set.find(t.kid, t.alg, named)
	}
	switch {
	case k == nil:
		return nil, invalid(vedette.Forged, v.missReason(set, t, named))
	case !k.verify(t.alg, t.signed, t.sig):
		return nil, invalid(vedette.Forged, vedette.TokenInvalid)
	}
	return set, nil
}

// missReason tells an unknown key from a known one that the algorithm does not
// fit: the mark of an algorithm confusion.
func (v *Verifier) missReason(set *keySet, t *jws, named bool) vedette.Reason {
	if named && len(set.byKid[t.kid]) > 0 {
		return vedette.TokenAlgorithm
	}
	return vedette.TokenKey
}
