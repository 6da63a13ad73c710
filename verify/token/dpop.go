package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"vedette"
)

// proof is a DPoP proof that verifies with the key it brings (RFC 9449 section
// 4.2). Whether it is for this call is not decided yet.
type proof struct {
	thumb              string // of its key
	id, method, target string
	nonce, tokenHash   string
	issued             time.Time
}

// foreignKeyMembers are header members that would bring a key from elsewhere, or
// change what is signed.
var foreignKeyMembers = []string{"jku", "x5u", "x5c", "crit", "b64"}

// readProof parses a proof and checks its signature: rules 2 to 7 of RFC 9449
// section 4.3.
func readProof(s string, algorithms []string) (*proof, *refusal) {
	bad := func(v vedette.Verdict, r ...vedette.Reason) (*proof, *refusal) {
		return nil, refuse(v, "invalid_dpop_proof", r...)
	}
	t, err := parseJWS(s, maxProof)
	if err != nil {
		return bad(malformed(err).verdict, vedette.ProofInvalid)
	}
	if typ, err := t.header.text("typ"); err != nil || typ != "dpop+jwt" {
		return bad(vedette.Forged, vedette.ProofInvalid, vedette.TokenType)
	}
	if !slices.Contains(algorithms, t.alg) {
		return bad(vedette.Forged, vedette.ProofInvalid, vedette.TokenAlgorithm)
	}
	for _, m := range foreignKeyMembers {
		if t.header.has(m) {
			return bad(vedette.Forged, vedette.ProofInvalid, vedette.TokenKey)
		}
	}
	jwk, err := t.header.object("jwk")
	if err != nil || jwk == nil {
		return bad(vedette.Forged, vedette.ProofInvalid, vedette.TokenKey)
	}
	k, err := parsePublicKey(jwk)
	if err != nil || !k.fits(t.alg) {
		return bad(vedette.Forged, vedette.ProofInvalid, vedette.TokenKey)
	}
	if !k.verify(t.alg, t.signed, t.sig) {
		return bad(vedette.Forged, vedette.ProofInvalid)
	}
	p, err := readProofClaims(t.payload)
	if err != nil {
		return bad(malformed(err).verdict, vedette.ProofInvalid)
	}
	p.thumb = k.thumb
	return p, nil
}

func readProofClaims(payload []byte) (*proof, error) {
	o, err := parseObject(payload)
	if err != nil {
		return nil, err
	}
	p := &proof{}
	for name, field := range map[string]*string{"jti": &p.id, "htm": &p.method, "nonce": &p.nonce, "ath": &p.tokenHash} {
		if *field, err = o.text(name); err != nil {
			return nil, err
		}
	}
	if p.target, err = o.textUpTo("htu", maxURL); err != nil {
		return nil, err
	}
	if p.issued, err = o.time("iat"); err != nil {
		return nil, err
	}
	if p.id == "" || p.method == "" || p.target == "" || !o.has("iat") {
		return nil, errMissing
	}
	return p, nil
}

// checkProof decides whether the call proves possession of the key that the token
// is bound to, once: RFC 9449 sections 4.3 and 7.
func (v *Verifier) checkProof(in *Input, g *grant, sum *[32]byte, now time.Time, res *Result) *refusal {
	bad := func(verdict vedette.Verdict, r ...vedette.Reason) *refusal {
		return refuse(verdict, "invalid_dpop_proof", r...)
	}
	switch len(in.DPoP) {
	case 0:
		return bad(vedette.Forged, vedette.TokenBinding, vedette.NoSignature)
	case 1:
	default: // rule 1: exactly one header
		return bad(vedette.Malformed, vedette.ProofInvalid, vedette.Ambiguous)
	}
	p, ref := readProof(in.DPoP[0], v.cfg.ProofAlgorithms)
	if ref != nil {
		return ref
	}
	if !same(p.thumb, g.jkt) {
		return bad(vedette.Forged, vedette.TokenBinding)
	}
	if want := base64.RawURLEncoding.EncodeToString(sum[:]); !same(p.tokenHash, want) {
		return bad(vedette.Forged, vedette.TokenBinding, vedette.ProofInvalid)
	}
	if age := now.Sub(p.issued); age > v.cfg.ProofAge+v.cfg.Leeway || age < -v.cfg.Leeway {
		return bad(vedette.Stale, vedette.ProofStale)
	}
	if p.method != in.Method || !sameTarget(p.target, in.URL) {
		return bad(vedette.Forged, vedette.BoundElsewhere)
	}
	if v.cfg.ProofNonce {
		ok, renew := v.nonces.check(p.nonce, now)
		if renew {
			res.DPoPNonce = v.nonces.current(now)
		}
		if !ok {
			return refuse(vedette.Stale, "use_dpop_nonce", vedette.NonceMissing)
		}
	}
	return v.consume(p, g, now)
}

// consume notes the proof's id. It comes last, so that a proof that failed for
// another reason does not use up memory.
func (v *Verifier) consume(p *proof, g *grant, now time.Time) *refusal {
	id := sha256.Sum256([]byte(p.thumb + "\x00" + p.id))
	until := p.issued.Add(v.cfg.ProofAge + v.cfg.Leeway)
	again, full := v.seen(g.client+"/"+g.subject, id, now, until)
	switch {
	case again:
		return refuse(vedette.Replayed, "invalid_dpop_proof", vedette.ProofReplayed)
	case full:
		return refuse(vedette.Unverifiable, "invalid_dpop_proof", vedette.ReplayFull)
	}
	return nil
}

// same compares two public values in constant time; an empty one matches nothing.
func same(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// sameTarget compares htu with the URL of the call after normalising both.
func sameTarget(htu, url string) bool {
	a, ok := normalise(htu)
	b, ok2 := normalise(url)
	return ok && ok2 && a == b
}

// normalise applies RFC 3986 sections 6.2.2 and 6.2.3 to an http or https URL and
// drops query and fragment (RFC 9449 section 4.3, rule 9).
func normalise(s string) (string, bool) {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i]
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || len(s) > maxURL {
		return "", false
	}
	host, path := rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	scheme, host = strings.ToLower(scheme), strings.ToLower(host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	host = strings.TrimSuffix(host, ":")
	if host == "" || strings.ContainsAny(host, "@\\ %") {
		return "", false
	}
	path, ok = normalisePath(path)
	return scheme + "://" + host + path, ok
}

// normalisePath brings percent-encoding into one form, then removes dot segments
// (RFC 3986 section 5.2.4).
func normalisePath(path string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c <= ' ' || c >= 0x7f || c == '\\' {
			return "", false
		}
		if c != '%' {
			b.WriteByte(c)
			continue
		}
		if i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2]) {
			return "", false
		}
		d := unhex(path[i+1])<<4 | unhex(path[i+2])
		if unreserved(d) {
			b.WriteByte(d)
		} else {
			b.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	var out []string
	segments := strings.Split(b.String(), "/")[1:]
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, s)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/"), true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// unreserved are the characters of RFC 3986 section 2.3.
func unreserved(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("-._~", c) >= 0
}
