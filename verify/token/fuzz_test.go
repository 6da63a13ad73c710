package token

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vedette"
)

func mustObject(v any) object {
	raw, _ := json.Marshal(v)
	o, err := parseObject(raw)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return o
}

// FuzzToken: no token but the one that was signed is accepted, and none panics.
func FuzzToken(f *testing.F) {
	s := newSigner("ES256", "k1")
	v, err := New(Config{Issuer: issuer, Audience: []string{audience}, JWKS: jwks(s), Now: func() time.Time { return start }})
	if err != nil {
		f.Fatal(err)
	}
	good := s.token()
	f.Add(good)
	f.Add(strings.Repeat(".", 5))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(b64([]byte(`{"alg":"ES256","kid":"k1","typ":"at+jwt","crit":[]}`)) + ".e30.AA")
	f.Fuzz(func(t *testing.T, tok string) {
		r := v.Verify(t.Context(), bearer(tok))
		if r.Verdict == vedette.Authentic && tok != good {
			t.Errorf("accepted %q", tok)
		}
		if r.Verdict == vedette.Unjudged || strings.ContainsAny(r.Challenge, "\r\n") {
			t.Errorf("%+v", r)
		}
	})
}

func FuzzProof(f *testing.F) {
	holder := newSigner("ES256", "")
	good := holder.proof("t")
	f.Add(good)
	f.Add(b64([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC"}}`)) + ".e30.AA")
	f.Add(b64([]byte(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}}`)) + ".e30.AA")
	f.Fuzz(func(t *testing.T, s string) {
		p, ref := readProof(s, []string{"ES256", "EdDSA", "RS256"})
		if (p == nil) == (ref == nil) {
			t.Fatal("neither proof nor refusal, or both")
		}
		if p != nil && p.thumb == holderThumb(holder) && s != good {
			t.Errorf("accepted %q", s)
		}
	})
}

func holderThumb(s *signer) string {
	k, _ := parsePublicKey(mustObject(s.jwk))
	return k.thumb
}

func FuzzKeySet(f *testing.F) {
	f.Add(string(jwks(newSigner("ES256", "a"), newSigner("EdDSA", "b"))))
	f.Add(`{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"},{"kty":"oct","k":"AA"}]}`)
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		for _, local := range []bool{true, false} {
			keys, err := parseKeySet([]byte(doc), local)
			if (err == nil) != (len(keys) > 0) {
				t.Fatal("no keys and no error, or both")
			}
			for _, k := range keys {
				if k.secret != nil && (!local || k.public != nil) || k.secret == nil && (k.public == nil || k.thumb == "") {
					t.Errorf("%+v", k)
				}
				k.verify("RS256", "x", []byte("y"))
			}
		}
	})
}

// FuzzJSON: what is read strictly, the standard decoder reads too, to the same
// members; and an object that it reads is refused only for a stated reason.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"a":2}`, `{"a":{"b":[1,{"c":null}]}}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{"a":1}{`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseObject(data)
		var std map[string]json.RawMessage
		stdErr := json.Unmarshal(data, &std)
		if err != nil {
			if stdErr == nil && std != nil && errors.Is(err, errSyntax) {
				t.Errorf("refused %q", data)
			}
			return
		}
		if !utf8.Valid(data) || stdErr != nil || len(std) != len(o) {
			t.Errorf("read %q", data)
		}
		for name, raw := range o {
			if string(raw) != string(std[name]) {
				t.Errorf("%q: %s is %q, want %q", data, name, raw, std[name])
			}
		}
		for name := range o {
			o.text(name)
			o.texts(name, 3)
			o.time(name)
			o.identifier(name)
		}
	})
}

// FuzzTarget: normalising twice changes nothing more.
func FuzzTarget(f *testing.F) {
	f.Add("https://a.example/../%2e%2E/x?y")
	f.Add("HTTP://A:80")
	f.Fuzz(func(t *testing.T, s string) {
		once, ok := normalise(s)
		if !ok {
			return
		}
		if twice, ok := normalise(once); !ok || twice != once {
			t.Errorf("%q: %q, then %q", s, once, twice)
		}
	})
}

// FuzzIntrospection: an answer gives a grant or an error, and one that is not active
// gives nothing.
func FuzzIntrospection(f *testing.F) {
	f.Add([]byte(`{"active":true,"client_id":"l238j323ds-23ij4","username":"jdoe","scope":"read write dolphin","sub":"Z5O3upPC88QrAjx00dis","aud":"https://protected.example.net/resource","iss":"https://server.example.com/","exp":1419356238,"iat":1419350238}`))
	f.Add([]byte(`{"active":false}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := readAnswer(b, "account")
		if (g == nil) == (err == nil) {
			t.Fatal("neither grant nor error, or both")
		}
		if g != nil && !g.active && (g.subject != "" || len(g.scopes) > 0) {
			t.Fatalf("not active, and says %+v", g)
		}
	})
}
