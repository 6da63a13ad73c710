package token

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette"
)

func TestAccepted(t *testing.T) {
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		s := newSigner(alg, "k1")
		v := newVerifier(t, Config{JWKS: jwks(s, newSigner("ES256", "k2")), Algorithms: []string{alg}})
		r := v.Verify(t.Context(), bearer(s.token()))
		want(t, r, vedette.Authentic)
		if r.Subject != "user-1" || r.ClientID != "bot-1" || r.TokenID != "token-1" || r.Account != "acct-1" ||
			!slices.Equal(r.Scopes, []string{"read", "trade"}) || r.Expires.Unix() != start.Unix()+300 {
			t.Errorf("%s: %+v", alg, r)
		}
		want(t, v.Verify(t.Context(), bearer(s.token(m{"sub": "other"})[:20])), vedette.Malformed, vedette.TokenInvalid)
	}
}

// TestForgeries: tokens that nobody with the issuer's key made.
func TestForgeries(t *testing.T) {
	s := newSigner("RS256", "k1")
	other := &signer{alg: "RS256", key: rsaTwo(), jwk: m{"kid": "k1"}}
	v := newVerifier(t, Config{JWKS: jwks(s), Algorithms: []string{"RS256", "ES256", "EdDSA"}})
	pub := &rsaOnce().PublicKey
	der, _ := x509.MarshalPKIXPublicKey(pub)
	pkcs1 := x509.MarshalPKCS1PublicKey(pub)
	jwk, _ := json.Marshal(s.jwk)
	foreign := newSigner("ES256", "k1")
	good := s.token()
	part := strings.Split(good, ".")
	f := func(name, tok string, verdict vedette.Verdict, reasons ...vedette.Reason) {
		t.Helper()
		t.Run(name, func(t *testing.T) { want(t, v.Verify(t.Context(), bearer(tok)), verdict, reasons...) })
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE", "", "none ", "RS256\u0000none"} {
		head, _ := json.Marshal(s.header(m{"alg": none}))
		body, _ := json.Marshal(claims())
		f("alg "+none, b64(head)+"."+b64(body)+".", vedette.Forged, vedette.TokenAlgorithm)
		f("alg signed "+none, b64(head)+"."+b64(body)+"."+part[2], vedette.Forged, vedette.TokenAlgorithm)
	}
	for name, secret := range map[string][]byte{"der": der, "pkcs1": pkcs1, "jwk": jwk, "n": pub.N.Bytes(),
		"pem":       pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"pem pkcs1": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1})} {
		f("HS256 with public key as "+name, hmacToken(s.header(m{"alg": "HS256"}), claims(), secret), vedette.Forged, vedette.TokenAlgorithm)
	}
	f("other algorithm of the key's family", (&signer{alg: "PS256", key: s.key, jwk: s.jwk}).token(), vedette.Forged, vedette.TokenAlgorithm)
	f("allowed algorithm that the key does not fit", foreign.token(), vedette.Forged, vedette.TokenAlgorithm)
	f("another key", other.token(), vedette.Forged, vedette.TokenInvalid)
	f("embedded jwk", other.jws(other.header(m{"jwk": s.jwk}), claims()), vedette.Forged, vedette.TokenKey)
	f("jku", s.jws(s.header(m{"jku": "https://evil.example/jwks"}), claims()), vedette.Forged, vedette.TokenKey)
	f("x5u", s.jws(s.header(m{"x5u": "https://evil.example/cert"}), claims()), vedette.Forged, vedette.TokenKey)
	f("x5c", s.jws(s.header(m{"x5c": []string{"MII"}}), claims()), vedette.Forged, vedette.TokenKey)
	f("crit", s.jws(s.header(m{"crit": []string{"exp"}}), claims()), vedette.Forged, vedette.TokenKey)
	f("unencoded payload", s.jws(s.header(m{"b64": false}), claims()), vedette.Forged, vedette.TokenKey)
	for _, kid := range []string{"k9", "../../../../dev/null", "k1' OR '1'='1", "k1\x00", "http://evil.example/k", ""} {
		f("kid "+kid, s.jws(s.header(m{"kid": kid}), claims()), vedette.Forged, vedette.TokenKey)
	}
	f("kid not text", s.jws(s.header(m{"kid": []string{"k1"}}), claims()), vedette.Malformed, vedette.TokenInvalid)
	f("no signature", part[0]+"."+part[1]+".", vedette.Forged, vedette.TokenInvalid)
	f("two parts", part[0]+"."+part[1], vedette.Malformed, vedette.TokenInvalid)
	f("four parts", good+".AAAA", vedette.Malformed, vedette.TokenInvalid)
	f("parts swapped", part[1]+"."+part[0]+"."+part[2], vedette.Forged, vedette.TokenAlgorithm)
	f("padding", good+"=", vedette.Malformed, vedette.TokenInvalid)
	f("line end", part[0]+"\n."+part[1]+"."+part[2], vedette.Malformed, vedette.TokenInvalid)
	f("white space", " "+good, vedette.Malformed, vedette.TokenInvalid)
	body, _ := json.Marshal(claims(m{"sub": "admin"}))
	f("other payload", part[0]+"."+b64(body)+"."+part[2], vedette.Forged, vedette.TokenInvalid)
	f("too large", strings.Repeat("a", maxToken+1), vedette.Malformed, vedette.TokenInvalid, vedette.TooLarge)
	f("none at all", "", vedette.Anonymous)
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	text, _ := json.Marshal(claims())
	inner := strings.TrimSuffix(string(text), "}")
	ambiguous := []vedette.Reason{vedette.TokenInvalid, vedette.Ambiguous}
	f("claim twice", s.jws(s.header(), raw(inner+`,"sub":"admin"}`)), vedette.Malformed, ambiguous...)
	f("claim twice, escaped", s.jws(s.header(), raw(inner+`,"s\u0075b":"admin"}`)), vedette.Malformed, ambiguous...)
	f("nested twice", s.jws(s.header(), raw(inner+`,"x":[{"a":1,"a":2}]}`)), vedette.Malformed, ambiguous...)
	f("bad UTF-8", s.jws(s.header(), raw(inner+",\"x\":\"\xff\"}")), vedette.Malformed, ambiguous...)
	f("half a surrogate", s.jws(s.header(), raw(inner+`,"x":"\ud800"}`)), vedette.Malformed, ambiguous...)
	f("data after", s.jws(s.header(), raw(string(text)+"{}")), vedette.Malformed, vedette.TokenInvalid)
	f("deep", s.jws(s.header(), raw(inner+`,"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+"}")), vedette.Malformed, vedette.TokenInvalid)
	head := `{"alg":"none","alg":"RS256","kid":"k1","typ":"at+jwt"}`
	signed := b64([]byte(head)) + "." + part[1]
	f("header member twice", signed+"."+b64(s.sign("RS256", signed)), vedette.Malformed, ambiguous...)
	f("it is good without all that", good, vedette.Authentic)
}

func hmacToken(header, claims any, secret []byte) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	signed := b64(h) + "." + b64(c)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + b64(mac.Sum(nil))
}

// TestMisuse: tokens of the issuer that are not for this call.
func TestMisuse(t *testing.T) {
	s := newSigner("ES256", "k1")
	v := newVerifier(t, Config{JWKS: jwks(s), Types: []string{"JWT"}})
	f := func(name string, tok string, verdict vedette.Verdict, reasons ...vedette.Reason) {
		t.Helper()
		t.Run(name, func(t *testing.T) { want(t, v.Verify(t.Context(), bearer(tok)), verdict, reasons...) })
	}
	leeway := int64(defaultLeeway / time.Second)
	f("within leeway", s.token(m{"exp": start.Unix() - leeway + 1}), vedette.Authentic)
	f("expired", s.token(m{"exp": start.Unix() - leeway}), vedette.Stale, vedette.TokenExpired)
	f("issued in the future", s.token(m{"iat": start.Unix() + leeway + 1}), vedette.Stale, vedette.TokenEarly)
	f("not yet valid", s.token(m{"nbf": start.Unix() + leeway + 1}), vedette.Stale, vedette.TokenEarly)
	f("exp as text", s.token(m{"exp": "9999999999"}), vedette.Malformed, vedette.TokenInvalid)
	f("exp beyond measure", s.token(m{"exp": 1e300}), vedette.Malformed, vedette.TokenInvalid)
	f("another audience", s.token(m{"aud": "https://other.example"}), vedette.Unauthorised, vedette.TokenAudience)
	f("one of several audiences", s.token(m{"aud": []string{"x", audience}}), vedette.Authentic)
	f("null among audiences", s.token(m{"aud": []any{nil, audience}}), vedette.Malformed, vedette.TokenInvalid)
	f("another issuer", s.token(m{"iss": issuer + "/"}), vedette.Unauthorised, vedette.TokenIssuer)
	for _, name := range []string{"exp", "iat", "aud", "sub", "client_id", "jti"} {
		f("without "+name, s.token(m{name: nil}), vedette.Unauthorised, vedette.TokenType)
	}
	f("application/at+jwt", s.jws(s.header(m{"typ": "application/AT+JWT"}), claims()), vedette.Authentic)
	f("accepted type", s.jws(s.header(m{"typ": "JWT"}), claims()), vedette.Authentic)
	f("ID token", s.jws(s.header(m{"typ": "JWT"}), claims(m{"nonce": "n"})), vedette.Unauthorised, vedette.TokenType)
	f("log-out token", s.jws(s.header(m{"typ": "logout+jwt"}), claims()), vedette.Unauthorised, vedette.TokenType)
	f("DPoP proof as token", s.jws(s.header(m{"typ": "dpop+jwt"}), claims()), vedette.Unauthorised, vedette.TokenType)
	f("no type", s.jws(m{"alg": "ES256", "kid": "k1"}, claims()), vedette.Unauthorised, vedette.TokenType)
	in := bearer(s.token())
	in.Scheme = "Basic"
	want(t, v.Verify(t.Context(), in), vedette.Malformed, vedette.WrongScheme)
}

func TestRequirements(t *testing.T) {
	s := newSigner("ES256", "k1")
	v := newVerifier(t, Config{JWKS: jwks(s), Require: map[vedette.Operation]Requirement{
		vedette.OpOrderNew: {Scopes: []string{"trade"}},
		vedette.OpWithdraw: {Scopes: []string{"withdraw"}, ACR: []string{"gold", "platinum"}, AMR: []string{"hwk"}, MaxAge: 5 * time.Minute},
		vedette.OpTransfer: {Bound: true},
	}})
	f := func(op vedette.Operation, change m, verdict vedette.Verdict, reason vedette.Reason, challenge string) {
		t.Helper()
		in := bearer(s.token(change))
		in.Operation = op
		r := v.Verify(t.Context(), in)
		if reason == "" {
			want(t, r, verdict)
		} else {
			want(t, r, verdict, reason)
		}
		if r.Challenge != challenge {
			t.Errorf("challenge %q, want %q", r.Challenge, challenge)
		}
	}
	f(vedette.OpOrderNew, nil, vedette.Authentic, "", "")
	f(vedette.OpOrderNew, m{"scope": "trader read"}, vedette.Unauthorised, vedette.TokenScope, `Bearer error="insufficient_scope", scope="trade"`)
	f(vedette.OpWithdraw, nil, vedette.Unauthorised, vedette.TokenScope, `Bearer error="insufficient_scope", scope="withdraw"`)
	f(vedette.OpTransfer, nil, vedette.Unauthorised, vedette.TokenBinding, `Bearer error="invalid_token"`)
	strong := m{"scope": "withdraw", "acr": "gold", "amr": []string{"pwd", "hwk"}, "auth_time": start.Unix() - 200}
	with := func(k string, val any) m { c := claims(strong); c[k] = val; return c }
	step := `Bearer error="insufficient_user_authentication", acr_values="gold platinum", max_age="300"`
	f(vedette.OpWithdraw, strong, vedette.Authentic, "", "")
	f(vedette.OpWithdraw, with("acr", "silver"), vedette.Unauthorised, vedette.StepUpNeeded, step)
	f(vedette.OpWithdraw, with("amr", []string{"pwd"}), vedette.Unauthorised, vedette.StepUpNeeded, step)
	f(vedette.OpWithdraw, with("auth_time", start.Unix()-400), vedette.Unauthorised, vedette.StepUpNeeded, step)
	f(vedette.OpWithdraw, with("auth_time", start.Unix()+400), vedette.Unauthorised, vedette.StepUpNeeded, step)
	f(vedette.OpWithdraw, m{"scope": "withdraw", "acr": "gold", "amr": []string{"hwk"}}, vedette.Unauthorised, vedette.StepUpNeeded, step)
}

func TestDPoP(t *testing.T) {
	s, holder, thief := newSigner("ES256", "k1"), newSigner("ES256", ""), newSigner("ES256", "")
	v := newVerifier(t, Config{JWKS: jwks(s)})
	tok := s.token(m{"cnf": m{"jkt": holder.thumb(t)}})
	f := func(name string, in Input, verdict vedette.Verdict, reasons ...vedette.Reason) {
		t.Helper()
		t.Run(name, func(t *testing.T) { want(t, v.Verify(t.Context(), in), verdict, reasons...) })
	}
	good := dpop(tok, holder.proof(tok))
	f("good", good, vedette.Authentic)
	f("same proof again", good, vedette.Replayed, vedette.ProofReplayed)
	f("same id, new signature", dpop(tok, holder.proof(tok, m{"jti": "x"})), vedette.Authentic)
	f("same id, new signature", dpop(tok, holder.proof(tok, m{"jti": "x"})), vedette.Replayed, vedette.ProofReplayed)
	f("as bearer token", bearer(tok), vedette.Forged, vedette.TokenBinding, vedette.WrongScheme)
	f("no proof", dpop(tok), vedette.Forged, vedette.TokenBinding, vedette.NoSignature)
	f("two proofs", dpop(tok, holder.proof(tok), holder.proof(tok)), vedette.Malformed, vedette.ProofInvalid, vedette.Ambiguous)
	f("two proofs in one header", dpop(tok, holder.proof(tok)+", "+holder.proof(tok)), vedette.Malformed, vedette.ProofInvalid)
	f("another key", dpop(tok, thief.proof(tok)), vedette.Forged, vedette.TokenBinding)
	f("proof for another token", dpop(tok, holder.proof(tok+"x")), vedette.Forged, vedette.TokenBinding, vedette.ProofInvalid)
	f("proof without ath", dpop(tok, holder.proof(tok, m{"ath": nil})), vedette.Forged, vedette.TokenBinding, vedette.ProofInvalid)
	f("another method", dpop(tok, holder.proof(tok, m{"htm": "GET"})), vedette.Forged, vedette.BoundElsewhere)
	f("method in lower case", dpop(tok, holder.proof(tok, m{"htm": "post"})), vedette.Forged, vedette.BoundElsewhere)
	for _, u := range []string{"https://api.example/v1/withdraw", "https://other.example/v1/order", "http://api.example/v1/order",
		"https://api.example:8443/v1/order", "https://api.example/v1/order/", "//api.example/v1/order", "https://x@api.example/v1/order",
		"https://api.example/v1%2Forder"} {
		f("for "+u, dpop(tok, holder.proof(tok, m{"htu": u})), vedette.Forged, vedette.BoundElsewhere)
	}
	for _, u := range []string{"HTTPS://API.example:443/v1/order", "https://api.example/v1/order?x=1#y", "https://api.example/v1/./a/../%6frder"} {
		f("for "+u, dpop(tok, holder.proof(tok, m{"htu": u})), vedette.Authentic)
	}
	for _, iat := range []int64{-91, +31} {
		f("old or early", dpop(tok, holder.proof(tok, m{"iat": start.Unix() + iat})), vedette.Stale, vedette.ProofStale)
	}
	for _, name := range []string{"jti", "htm", "htu", "iat"} {
		f("without "+name, dpop(tok, holder.proof(tok, m{name: nil})), vedette.Malformed, vedette.ProofInvalid)
	}
	f("private key in proof", dpop(tok, holder.proofHead(tok, m{"jwk": m{"kty": "EC", "crv": "P-256", "x": holder.jwk["x"], "y": holder.jwk["y"], "d": "AA"}})),
		vedette.Forged, vedette.ProofInvalid, vedette.TokenKey)
	f("type of an access token", dpop(tok, holder.proofHead(tok, m{"typ": "at+jwt"})), vedette.Forged, vedette.ProofInvalid, vedette.TokenType)
	f("alg none", dpop(tok, holder.proofHead(tok, m{"alg": "none"})), vedette.Forged, vedette.ProofInvalid, vedette.TokenAlgorithm)
	f("alg of another curve", dpop(tok, holder.proofHead(tok, m{"alg": "ES384"})), vedette.Forged, vedette.ProofInvalid, vedette.TokenKey)
	f("symmetric", dpop(tok, hmacToken(m{"typ": "dpop+jwt", "alg": "HS256", "jwk": m{"kty": "oct", "k": "AA"}}, m{}, []byte{0})),
		vedette.Forged, vedette.ProofInvalid, vedette.TokenAlgorithm)
	for _, member := range []string{"jku", "x5u", "x5c", "crit", "b64"} {
		f("with "+member, dpop(tok, holder.proofHead(tok, m{member: "https://evil.example/"})), vedette.Forged, vedette.ProofInvalid, vedette.TokenKey)
	}
	p := holder.proof(tok)
	f("altered", dpop(tok, p[:len(p)-4]+"AAAA"), vedette.Forged, vedette.ProofInvalid)
	f("too long", dpop(tok, strings.Repeat("a", maxProof+1)), vedette.Malformed, vedette.ProofInvalid)
	plain := s.token()
	f("unbound token with proof", dpop(plain, holder.proof(plain)), vedette.Forged, vedette.TokenBinding, vedette.WrongScheme)
	odd := s.token(m{"cnf": m{"kid": "k"}})
	f("unknown confirmation", bearer(odd), vedette.Forged, vedette.TokenBinding)
	if r := v.Verify(t.Context(), dpop(tok)); r.Challenge != `DPoP error="invalid_dpop_proof", algs="ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256"` {
		t.Errorf("challenge %s", r.Challenge)
	}
}

func TestDPoPNonce(t *testing.T) {
	s, holder := newSigner("ES256", "k1"), newSigner("EdDSA", "")
	now := start
	c := Config{JWKS: jwks(s), ProofNonce: true, NonceEvery: time.Minute, NonceKey: make([]byte, 32), Now: func() time.Time { return now }}
	v, twin := newVerifier(t, c), newVerifier(t, c)
	tok := s.token(m{"cnf": m{"jkt": holder.thumb(t)}})
	r := v.Verify(t.Context(), dpop(tok, holder.proof(tok)))
	want(t, r, vedette.Stale, vedette.NonceMissing)
	if r.DPoPNonce == "" || !strings.HasPrefix(r.Challenge, `DPoP error="use_dpop_nonce"`) {
		t.Fatalf("%+v", r)
	}
	nonce := m{"nonce": r.DPoPNonce}
	r = v.Verify(t.Context(), dpop(tok, holder.proof(tok, nonce)))
	want(t, r, vedette.Authentic)
	if r.DPoPNonce != "" {
		t.Error("a new nonce, though the old one is current")
	}
	want(t, twin.Verify(t.Context(), dpop(tok, holder.proof(tok, nonce))), vedette.Authentic)
	now = now.Add(time.Minute)
	r = v.Verify(t.Context(), dpop(tok, holder.proof(tok, nonce)))
	want(t, r, vedette.Authentic)
	if r.DPoPNonce == "" || r.DPoPNonce == nonce["nonce"] {
		t.Error("no new nonce after the period")
	}
	now = now.Add(time.Minute)
	want(t, v.Verify(t.Context(), dpop(tok, holder.proof(tok, nonce, m{"iat": now.Unix()}))), vedette.Stale, vedette.NonceMissing)
	want(t, v.Verify(t.Context(), dpop(tok, holder.proof(tok, m{"nonce": "AAAA", "iat": now.Unix()}))), vedette.Stale, vedette.NonceMissing)
}

func TestCertificateBinding(t *testing.T) {
	s := newSigner("ES256", "k1")
	v := newVerifier(t, Config{JWKS: jwks(s), Default: Requirement{MTLS: true}})
	mine, other := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("other")}
	sum := sha256.Sum256(mine.Raw)
	in := bearer(s.token(m{"cnf": m{"x5t#S256": b64(sum[:])}}))
	want(t, v.Verify(t.Context(), in), vedette.Forged, vedette.TokenBinding, vedette.NoSignature)
	in.ClientCert = other
	want(t, v.Verify(t.Context(), in), vedette.Forged, vedette.TokenBinding)
	in.ClientCert = mine
	r := v.Verify(t.Context(), in)
	want(t, r, vedette.Authentic)
	if !r.Bound {
		t.Error("not bound")
	}
	in = bearer(s.token())
	in.ClientCert = mine
	want(t, v.Verify(t.Context(), in), vedette.Unauthorised, vedette.TokenBinding)
}

func TestRevocation(t *testing.T) {
	s := newSigner("ES256", "k1")
	v := newVerifier(t, Config{JWKS: jwks(s), MaxRevoked: 2})
	tok, old := s.token(), s.token(m{"jti": "old", "iat": start.Unix() - 100})
	want(t, v.Verify(t.Context(), bearer(tok)), vedette.Authentic)
	until := start.Add(time.Hour)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(v.Revoke(vedette.Revocation{TokenID: "token-1", Until: until}))
	want(t, v.Verify(t.Context(), bearer(tok)), vedette.Unauthorised, vedette.TokenRevoked)
	want(t, v.Verify(t.Context(), bearer(old)), vedette.Authentic)
	check(v.Revoke(vedette.Revocation{Subject: "user-1", Before: start.Add(-50 * time.Second), Until: until}))
	want(t, v.Verify(t.Context(), bearer(old)), vedette.Unauthorised, vedette.TokenRevoked)
	want(t, v.Verify(t.Context(), bearer(s.token(m{"jti": "new"}))), vedette.Authentic)
	check(v.Revoke(vedette.Revocation{Subject: "user-1", Before: start.Add(-110 * time.Second), Until: start.Add(time.Minute)}))
	want(t, v.Verify(t.Context(), bearer(old)), vedette.Unauthorised, vedette.TokenRevoked)
	if err := v.Revoke(vedette.Revocation{TokenID: "third", Until: until}); err == nil {
		t.Error("no error though the list is full")
	}
	if v.Revoke(vedette.Revocation{}) == nil || v.Revoke(vedette.Revocation{TokenID: "a", Subject: "b", Until: until}) == nil {
		t.Error("no error for a revocation of nothing or of two things")
	}
}

// TestRevocationOf: by hash, also of a token with a jti, by client, and by both.
func TestRevocationOf(t *testing.T) {
	s := newSigner("ES256", "k1")
	until := start.Add(time.Hour)
	f := func(r vedette.Revocation, want bool) {
		t.Helper()
		v := newVerifier(t, Config{JWKS: jwks(s)})
		tok := s.token()
		if r.TokenID == "hash" {
			r.TokenID = Hash(tok)
		}
		v.Verify(t.Context(), bearer(tok)) // in the cache
		r.Until = until
		if err := v.Revoke(r); err != nil {
			t.Fatal(err)
		}
		if got := v.Verify(t.Context(), bearer(tok)); (got.Verdict == vedette.Unauthorised) != want {
			t.Errorf("%+v: %s %v", r, got.Verdict, got.Reasons)
		}
	}
	f(vedette.Revocation{TokenID: "hash"}, true)
	f(vedette.Revocation{TokenID: Hash("another")}, false)
	f(vedette.Revocation{Client: "bot-1", Before: start}, true)
	f(vedette.Revocation{Client: "bot-1", Before: start.Add(-time.Hour)}, false)
	f(vedette.Revocation{Client: "bot-2", Before: start}, false)
	f(vedette.Revocation{Subject: "user-1", Client: "bot-1", Before: start}, true)
	f(vedette.Revocation{Subject: "user-1", Client: "bot-2", Before: start}, false)
	v := newVerifier(t, Config{JWKS: jwks(s)})
	for _, r := range []vedette.Revocation{{TokenID: "sha256:zz", Until: until}, {TokenID: "a", Until: start.Add(500 * 24 * time.Hour)},
		{Subject: "user-1", Until: until}, {Subject: "user-1", Before: start.Add(time.Hour), Until: until}} {
		if _, err := CheckRevocation(r, start); err == nil {
			t.Errorf("taken: %+v", r)
		}
	}
	long := strings.Repeat("x", 5000)
	for want, r := range map[string]vedette.Revocation{"token_id has 5000 bytes, over 512": {TokenID: long}, "client has 5000 bytes, over 512": {Subject: "a", Client: long},
		"issuer has 5000 bytes, over 4096": {TokenID: "a", Issuer: long}, "reason has 5000 bytes, over 4096": {TokenID: "a", Reason: long}, "id has 5000 bytes, over 4096": {TokenID: "a", ID: long}} {
		r.Until = until
		if _, err := CheckRevocation(r, start); err == nil || err.Error() != "cannot revoke: "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if v.Revoke(vedette.Revocation{TokenID: "sha256:zz", Until: until}) == nil || v.Revoke(vedette.Revocation{Subject: "user-1", Until: until}) == nil {
		t.Error("in force without saying what it ends")
	}
}

// TestRevocationByClockAhead: what a monitor whose clock is ahead revoked, or this one before its clock was set back,
// is in force all the same.
func TestRevocationByClockAhead(t *testing.T) {
	s := newSigner("ES256", "k1")
	ahead := start.Add(5 * time.Minute)
	for _, r := range []vedette.Revocation{{Subject: "user-1", Before: ahead, Until: ahead.Add(time.Hour)}, {TokenID: "token-1", Until: ahead.Add(maxRevocationLife)}} {
		r, err := CheckRevocation(r, ahead)
		if err != nil {
			t.Fatal(err)
		}
		v := newVerifier(t, Config{JWKS: jwks(s)})
		if err := v.Revoke(r); err != nil {
			t.Fatal(err)
		}
		want(t, v.Verify(t.Context(), bearer(s.token())), vedette.Unauthorised, vedette.TokenRevoked)
	}
}

func TestBadConfig(t *testing.T) {
	base := Config{Issuer: issuer, Audience: []string{audience}, JWKS: jwks(newSigner("ES256", "k"))}
	f := func(name string, change func(*Config)) {
		t.Helper()
		c := base
		change(&c)
		if v, err := New(c); err == nil {
			v.Close()
			t.Errorf("%s: accepted", name)
		}
	}
	f("no issuer", func(c *Config) { c.Issuer = "" })
	f("no audience", func(c *Config) { c.Audience = nil })
	f("two key sources", func(c *Config) { c.JWKSURL = "https://x.example/" })
	f("no key source", func(c *Config) { c.JWKS = nil })
	f("plain http", func(c *Config) { c.JWKS = nil; c.JWKSURL = "http://x.example/" })
	f("alg none", func(c *Config) { c.Algorithms = []string{"none"} })
	f("symmetric from the network", func(c *Config) { c.JWKS = nil; c.JWKSURL = "https://x.example/"; c.Algorithms = []string{"HS256"} })
	f("symmetric proof", func(c *Config) { c.ProofAlgorithms = []string{"HS256"} })
	f("bad set", func(c *Config) { c.JWKS = []byte(`{"keys":[]}`) })
	f("mixed set", func(c *Config) {
		o := newSigner("ES256", "k")
		c.JWKS = jwks(o, &signer{jwk: m{"kty": "oct", "k": b64(make([]byte, 32)), "kid": "s"}})
	})
	f("short nonce key", func(c *Config) { c.NonceKey = []byte("x") })
	f("negative time", func(c *Config) { c.Leeway = -1 })
}

func TestSymmetricLocalSet(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	set := jwks(&signer{jwk: m{"kty": "oct", "k": b64(secret), "kid": "s"}})
	v := newVerifier(t, Config{JWKS: set, Algorithms: []string{"HS256"}})
	h := m{"alg": "HS256", "typ": "at+jwt", "kid": "s"}
	want(t, v.Verify(context.Background(), bearer(hmacToken(h, claims(), secret))), vedette.Authentic)
	want(t, v.Verify(context.Background(), bearer(hmacToken(h, claims(), []byte("other")))), vedette.Forged, vedette.TokenInvalid)
}

// TestKeyChoice: where two keys could be meant, neither is used.
func TestKeyChoice(t *testing.T) {
	a, b := newSigner("ES256", "same"), newSigner("ES256", "same")
	c, d := newSigner("EdDSA", "same"), newSigner("ES384", "other")
	v := newVerifier(t, Config{JWKS: jwks(a, b, c, d), Algorithms: []string{"ES256", "ES384", "EdDSA"}})
	f := func(s *signer, kid bool, verdict vedette.Verdict, reasons ...vedette.Reason) {
		t.Helper()
		h := s.header()
		if !kid {
			delete(h, "kid")
		}
		want(t, v.Verify(t.Context(), bearer(s.jws(h, claims()))), verdict, reasons...)
	}
	f(a, true, vedette.Forged, vedette.TokenAlgorithm)
	f(b, true, vedette.Forged, vedette.TokenAlgorithm)
	f(c, true, vedette.Authentic) // the only one of its kid for the algorithm
	f(d, true, vedette.Authentic)
	f(a, false, vedette.Forged, vedette.TokenKey)
	f(c, false, vedette.Authentic) // the only one for the algorithm
}

func TestBadKeys(t *testing.T) {
	good := newSigner("ES256", "k").jwk
	n := rsaOnce().N.Bytes()
	f := func(name string, change m) {
		t.Helper()
		if _, err := parsePublicKey(mustObject(change)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	ec := func(k string, v any) m {
		o := m{"kty": "EC", "crv": "P-256", "x": good["x"], "y": good["y"]}
		o[k] = v
		return o
	}
	if _, err := parsePublicKey(mustObject(ec("use", "sig"))); err != nil {
		t.Fatal(err)
	}
	f("for encryption", ec("use", "enc"))
	f("for signing only", ec("key_ops", []string{"sign"}))
	f("off the curve", ec("x", good["y"]))
	f("short coordinate", ec("x", good["x"].(string)[:42]))
	f("long coordinate", ec("x", "AAAA"+good["x"].(string)))
	f("unknown curve", ec("crv", "secp256k1"))
	f("private", ec("d", "AA"))
	f("exponent 1", m{"kty": "RSA", "n": b64(n), "e": "AQ"})
	f("even exponent", m{"kty": "RSA", "n": b64(n), "e": "AQAA"})
	f("huge exponent", m{"kty": "RSA", "n": b64(n), "e": "_____w"})
	f("even modulus", m{"kty": "RSA", "n": b64(append(n[:len(n)-1:len(n)-1], 0)), "e": "AQAB"})
	f("small modulus", m{"kty": "RSA", "n": b64(n[:128]), "e": "AQAB"})
	f("huge modulus", m{"kty": "RSA", "n": b64(make([]byte, maxRSABits/8+1)), "e": "AQAB"})
	f("short Ed25519", m{"kty": "OKP", "crv": "Ed25519", "x": "AA"})
	f("Ed448", m{"kty": "OKP", "crv": "Ed448", "x": "AA"})
	f("no type", m{"n": b64(n), "e": "AQAB"})
}

func TestFromRequest(t *testing.T) {
	r := httptest.NewRequest("POST", "/v1/order?x=1", nil)
	if in, err := FromRequest(r, "https://api.example"); err != nil || in.Token != "" || in.URL != callURL || in.Method != "POST" {
		t.Errorf("%+v %v", in, err)
	}
	cert := &x509.Certificate{}
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
	r.Header["Dpop"] = []string{"a", "b"}
	r.Header.Set("Authorization", "dpop abc")
	if in, err := FromRequest(r, "https://api.example"); err != nil || in.Token != "abc" || in.Scheme != "dpop" || len(in.DPoP) != 2 || in.ClientCert != cert {
		t.Errorf("%+v %v", in, err)
	}
	for _, bad := range []string{"abc", "Bearer", "Bearer ", "Bearer a b", "Bearer a,b"} {
		r.Header.Set("Authorization", bad)
		if _, err := FromRequest(r, ""); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
	r.Header["Authorization"] = []string{"Bearer a", "Bearer a"}
	if _, err := FromRequest(r, ""); err == nil {
		t.Error("two headers: no error")
	}
}
