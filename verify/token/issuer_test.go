package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"vedette"
)

// signer is a private key with its JWK.
type signer struct {
	alg string
	key crypto.Signer
	jwk map[string]any
}

var (
	rsaOnce = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
	rsaTwo  = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func newSigner(alg, kid string) *signer {
	s := &signer{alg: alg, jwk: map[string]any{"kid": kid}}
	ec := func(c elliptic.Curve) {
		k, _ := ecdsa.GenerateKey(c, rand.Reader)
		p, _ := k.PublicKey.Bytes()
		n := (len(p) - 1) / 2
		s.key = k
		s.jwk["kty"], s.jwk["crv"], s.jwk["x"], s.jwk["y"] = "EC", c.Params().Name, b64(p[1:1+n]), b64(p[1+n:])
	}
	switch alg {
	case "ES256":
		ec(elliptic.P256())
	case "ES384":
		ec(elliptic.P384())
	case "ES512":
		ec(elliptic.P521())
	case "EdDSA", "Ed25519":
		pub, k, _ := ed25519.GenerateKey(rand.Reader)
		s.key = k
		s.jwk["kty"], s.jwk["crv"], s.jwk["x"] = "OKP", "Ed25519", b64(pub)
	default:
		k := rsaOnce()
		s.key = k
		s.jwk["kty"], s.jwk["n"], s.jwk["e"] = "RSA", b64(k.N.Bytes()), "AQAB"
	}
	return s
}

func (s *signer) thumb(t *testing.T) string {
	raw, _ := json.Marshal(s.jwk)
	return mustKey(t, raw).thumb
}

func (s *signer) sign(alg, signed string) []byte {
	hash := signatures[alg]
	if hash == 0 {
		sig, _ := s.key.Sign(rand.Reader, []byte(signed), crypto.Hash(0))
		return sig
	}
	h := hash.New()
	io.WriteString(h, signed)
	switch k := s.key.(type) {
	case *ecdsa.PrivateKey:
		r, ss, _ := ecdsa.Sign(rand.Reader, k, h.Sum(nil))
		size := (k.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), ss.FillBytes(make([]byte, size))...)
	case *rsa.PrivateKey:
		var opts crypto.SignerOpts = hash
		if alg[0] == 'P' {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		sig, _ := k.Sign(rand.Reader, h.Sum(nil), opts)
		return sig
	}
	panic("BUG: no such key")
}

func (s *signer) jws(header map[string]any, claims any) string {
	head, _ := json.Marshal(header)
	body, ok := claims.(json.RawMessage)
	if !ok {
		body, _ = json.Marshal(claims)
	}
	signed := b64(head) + "." + b64(body)
	return signed + "." + b64(s.sign(s.alg, signed))
}

const (
	issuer   = "https://auth.example"
	audience = "https://api.example"
	callURL  = "https://api.example/v1/order"
)

var start = time.Unix(1_800_000_000, 0)

type m = map[string]any

func claims(change ...m) m {
	c := m{"iss": issuer, "aud": audience, "sub": "user-1", "client_id": "bot-1", "jti": "token-1", "scope": "read trade",
		"iat": start.Unix() - 10, "exp": start.Unix() + 300, "account": "acct-1"}
	for _, ch := range change {
		for k, v := range ch {
			if v == nil {
				delete(c, k)
			} else {
				c[k] = v
			}
		}
	}
	return c
}

func (s *signer) header(change ...m) m {
	h := m{"alg": s.alg, "typ": "at+jwt", "kid": s.jwk["kid"]}
	for _, ch := range change {
		maps.Copy(h, ch)
	}
	return h
}

func (s *signer) token(change ...m) string { return s.jws(s.header(), claims(change...)) }

func jwks(signers ...*signer) []byte {
	keys := make([]any, len(signers))
	for i, s := range signers {
		keys[i] = s.jwk
	}
	doc, _ := json.Marshal(m{"keys": keys})
	return doc
}

var proofCount int

// proof makes a DPoP proof for a call with the token.
func (s *signer) proof(tok string, change ...m) string { return s.proofHead(tok, nil, change...) }

func (s *signer) proofHead(tok string, head m, change ...m) string {
	proofCount++
	ath := sha256.Sum256([]byte(tok))
	jwk := maps.Clone(s.jwk)
	delete(jwk, "kid")
	h := m{"typ": "dpop+jwt", "alg": s.alg, "jwk": jwk}
	maps.Copy(h, head)
	c := m{"jti": fmt.Sprint("proof-", proofCount), "htm": "POST", "htu": callURL, "iat": start.Unix(), "ath": b64(ath[:])}
	for _, ch := range change {
		for k, v := range ch {
			if v == nil {
				delete(c, k)
			} else {
				c[k] = v
			}
		}
	}
	return s.jws(h, c)
}

func newVerifier(t testing.TB, c Config) *Verifier {
	t.Helper()
	if c.Issuer == "" {
		c.Issuer, c.Audience = issuer, []string{audience}
	}
	if c.Now == nil {
		c.Now = func() time.Time { return start }
	}
	c.AccountClaim = "account"
	v, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func bearer(tok string) Input {
	return Input{Token: tok, Scheme: "Bearer", Method: "POST", URL: callURL, Operation: vedette.OpOrderNew}
}

func dpop(tok string, proofs ...string) Input {
	in := bearer(tok)
	in.Scheme, in.DPoP = "DPoP", proofs
	return in
}

func want(t *testing.T, r Result, v vedette.Verdict, reasons ...vedette.Reason) {
	t.Helper()
	if r.Verdict != v || !(len(reasons) == 0 && len(r.Reasons) == 0 || reflect.DeepEqual(r.Reasons, reasons)) {
		t.Errorf("got %v %v, want %v %v", r.Verdict, r.Reasons, v, reasons)
	}
	if (r.Verdict == vedette.Authentic) != (r.Challenge == "") {
		t.Errorf("%v with challenge %q", r.Verdict, r.Challenge)
	}
}

// serve answers every request with what the function returns.
func serve(t *testing.T, answer func() (int, string)) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, body := answer()
		w.WriteHeader(code)
		io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return srv
}
