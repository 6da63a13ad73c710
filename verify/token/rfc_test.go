package token

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"vedette"
)

type rfcVectors struct {
	RFC9449 struct {
		JKT    string
		Proofs []struct {
			Figure             int
			Method, URL, Proof string
			IAT                int64
			AccessToken        string `json:"access_token"`
		}
	}
	RFC7638 struct {
		JWK        json.RawMessage
		Thumbprint string
	}
	JWS []struct {
		Source string
		Key    json.RawMessage
		JWS    string
	}
	Thumb8037 string `json:"rfc8037_thumbprint"`
}

func loadRFC(t *testing.T) (v rfcVectors) {
	t.Helper()
	data, err := os.ReadFile("testdata/rfc.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func mustKey(t *testing.T, raw []byte) *key {
	t.Helper()
	o, err := parseObject(raw)
	if err != nil {
		t.Fatal(err)
	}
	parse := parsePublicKey
	if o.has("k") {
		parse = parseSymmetricKey
	}
	k, err := parse(o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRFCSignatures(t *testing.T) {
	v := loadRFC(t)
	if len(v.JWS) != 5 {
		t.Fatalf("%d examples", len(v.JWS))
	}
	for _, e := range v.JWS {
		k := mustKey(t, e.Key)
		s, err := parseJWS(e.JWS, maxToken)
		if err != nil {
			t.Fatalf("%s: %v", e.Source, err)
		}
		if !k.fits(s.alg) || !k.verify(s.alg, s.signed, s.sig) {
			t.Errorf("%s does not verify", e.Source)
		}
		s.sig[len(s.sig)/2] ^= 1
		if k.verify(s.alg, s.signed, s.sig) {
			t.Errorf("%s verifies with another signature", e.Source)
		}
	}
}

func TestThumbprints(t *testing.T) {
	v := loadRFC(t)
	if got := mustKey(t, v.RFC7638.JWK).thumb; got != v.RFC7638.Thumbprint {
		t.Errorf("RFC 7638: %s", got)
	}
	if got := mustKey(t, v.JWS[4].Key).thumb; got != v.Thumb8037 {
		t.Errorf("RFC 8037: %s", got)
	}
}

// TestRFC9449 verifies the proofs of figures 2 and 13 and presents the latter
// with its opaque token, as section 7.1 shows.
func TestRFC9449(t *testing.T) {
	v := loadRFC(t)
	for _, e := range v.RFC9449.Proofs {
		p, ref := readProof(e.Proof, []string{"ES256"})
		if ref != nil {
			t.Fatalf("figure %d: %v", e.Figure, ref.reasons)
		}
		if p.thumb != v.RFC9449.JKT || p.method != e.Method || !sameTarget(p.target, e.URL) || p.issued.Unix() != e.IAT {
			t.Errorf("figure %d: %+v", e.Figure, p)
		}
	}
	e := v.RFC9449.Proofs[1]
	srv := serve(t, func() (int, string) {
		return 200, `{"active":true,"sub":"someone@example.com","cnf":{"jkt":"` + v.RFC9449.JKT + `"}}`
	})
	ver := newVerifier(t, Config{Issuer: "https://server.example.com", Audience: []string{"https://resource.example.org"},
		Introspection: Introspection{URL: srv.URL}})
	in := Input{Token: e.AccessToken, Scheme: "DPoP", DPoP: []string{e.Proof}, Method: e.Method, URL: e.URL,
		Now: time.Unix(e.IAT, 0)}
	want(t, ver.Verify(t.Context(), in), vedette.Authentic)
	want(t, ver.Verify(t.Context(), in), vedette.Replayed, vedette.ProofReplayed)
	in.Token += "x"
	want(t, ver.Verify(t.Context(), in), vedette.Forged, vedette.TokenBinding, vedette.ProofInvalid)
}

type wycheproofFile struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Public, Private json.RawMessage
		Tests           []struct {
			TcID                 int
			Comment, JWS, Result string
		}
	}
}

func loadWycheproof(t *testing.T, name string) (f wycheproofFile) {
	t.Helper()
	data, err := os.ReadFile("../testdata/wycheproof/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// otherwise are the tests of Wycheproof that we answer differently, each for a
// reason.
var otherwise = map[string]map[int]string{"json_web_signature_test.json": {
	346: "the key says PS256, the token PS384",
	347: "the key's alg is ES521, which does not exist",
	350: "as 346",
	351: "as 347",
	367: "a mistake of the file: the very token of test 357, which is valid",
	370: "as 367",
	372: "a mistake of the file: a question mark is not base64url",
	373: "as 372",
}}

func TestWycheproofJWS(t *testing.T) {
	for _, file := range []string{"json_web_signature_test.json", "json_web_key_test.json"} {
		f := loadWycheproof(t, file)
		ran := 0
		for _, g := range f.TestGroups {
			doc := g.Public
			if doc == nil {
				doc = g.Private
			}
			if !strings.Contains(string(doc), `"keys"`) {
				doc = []byte(`{"keys":[` + string(doc) + `]}`)
			}
			keys, keyErr := parseKeySet(doc, true)
			for _, e := range g.Tests {
				ran++
				ok := keyErr == nil && verifies(keys, e.JWS)
				_, differs := otherwise[file][e.TcID]
				if ok != (e.Result == "valid") != differs {
					t.Errorf("%s %d (%s, %s): accepted %v, want %s (%v)", file, e.TcID, g.Comment, e.Comment, ok, e.Result, keyErr)
				}
			}
		}
		if ran != f.NumberOfTests {
			t.Errorf("%s: ran %d of %d", file, ran, f.NumberOfTests)
		}
	}
}

func verifies(keys []*key, s string) bool {
	t, err := parseJWS(s, maxToken)
	if err != nil || !known(t.alg) {
		return false
	}
	for _, m := range []string{"crit", "b64", "jwk", "jku", "x5u", "x5c"} {
		if t.header.has(m) {
			return false
		}
	}
	k := newKeySet(keys, nil, time.Time{}).find(t.kid, t.alg, t.header.has("kid"))
	return k != nil && k.verify(t.alg, t.signed, t.sig)
}
