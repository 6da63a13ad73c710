package httpsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"math/big"
	"net/http"
	"testing"
	"time"

	"vedette"
)

func hmacOf(secret []byte, s string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(s))
	return mac.Sum(nil)
}

// TestP384AndMalleability: the curve that the RFC has no vector for; and that the
// other s of an ECDSA signature, which verifies too, is still a replay.
func TestP384AndMalleability(t *testing.T) {
	k, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	var first [32]byte
	v := newVerifier(t, Config{Key: func(string) (Key, bool) { return Key{Algorithm: ECDSAP384SHA384, Public: &k.PublicKey}, true },
		Seen: func(_ string, id [32]byte, _, _ time.Time) (bool, bool) {
			again := id == first
			first = id
			return again, false
		}})
	m := Message{Method: "GET", Scheme: "https", Authority: "a.example", Target: "/", Header: http.Header{}}
	const input = `s=("@method" "@target-uri");created=1618884473;keyid="k"`
	digest := sha512.Sum384([]byte(baseOf(t, &m, input)))
	r, s, _ := ecdsa.Sign(rand.Reader, k, digest[:])
	verify := func(r, s *big.Int, size int) vedette.Verdict {
		sig := append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
		m.Header.Set("Signature-Input", input)
		m.Header.Set("Signature", "s=:"+base64.StdEncoding.EncodeToString(sig)+":")
		return v.Verify(m, signed).Verdict
	}
	if got := verify(r, s, 48); got != vedette.Authentic {
		t.Error(got)
	}
	if got := verify(r, s.Sub(elliptic.P384().Params().N, s), 48); got != vedette.Replayed {
		t.Error(got)
	}
	if got := verify(r, s, 49); got != vedette.Forged {
		t.Error(got)
	}
}

func FuzzSignatureInput(f *testing.F) {
	rfc := loadRFC(f)
	for _, e := range rfc.Tests {
		f.Add(e.Input, e.Signature)
	}
	f.Add(`s=("@query-param";name="a" "x";bs "y";sf;key="z");created=1`, `s=:AA==:`)
	v := newVerifier(f, Config{Key: rfc.key(f), Partial: true})
	good := make(map[string]bool)
	for _, e := range rfc.Tests {
		good[e.Input] = true
	}
	f.Fuzz(func(t *testing.T, input, sig string) {
		for _, name := range []string{"request", "transform", "unavailable"} {
			m := rfc.message(name)
			m.Header.Add("Signature-Input", input)
			m.Header.Add("Signature", sig)
			r := v.Verify(m, signed)
			if r.Verdict == vedette.Unjudged {
				t.Errorf("%+v", r)
			}
			if r.Verdict == vedette.Authentic && len(r.Covered) > 0 && r.Label == "" {
				t.Errorf("%q accepted: %+v", input, r)
			}
		}
	})
}

func FuzzQueryParam(f *testing.F) {
	f.Add("/p?a=1&b=%20+&a=2", "b")
	f.Fuzz(func(t *testing.T, target, name string) {
		m := Message{Target: target}
		v, err := m.queryParam(name)
		if err != nil {
			return
		}
		if again, err := recode(v); err != nil || again != v {
			t.Errorf("%q is not in normal form", v)
		}
	})
}

func BenchmarkHMAC(b *testing.B) {
	rfc := loadRFC(b)
	v := newVerifier(b, Config{Key: rfc.key(b)})
	m := rfc.message("request")
	sign(b, &m, rfc, `s=("@method" "@authority" "@path" "@query" "content-digest");created=1618884473;keyid="test-shared-secret"`)
	b.ReportAllocs()
	for b.Loop() {
		if r := v.Verify(m, signed); r.Verdict != vedette.Authentic {
			b.Fatal(r)
		}
	}
}

// FuzzDigest: only a digest of the very body is accepted.
func FuzzDigest(f *testing.F) {
	body := []byte(`{"hello": "world"}`)
	good := `sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:` // RFC 9530 appendix B
	f.Add(good, body)
	f.Add(`sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:`, []byte(`{"hello": "world"}`))
	f.Add("md5=:AA==:, sha-256=?1", []byte{})
	f.Fuzz(func(t *testing.T, field string, other []byte) {
		m := &Message{Header: http.Header{"Content-Digest": {field}}, Body: body}
		first := checkDigest(m)
		m.Body = other
		if second := checkDigest(m); first == nil && second == nil && !bytes.Equal(body, other) {
			t.Fatalf("%q is accepted for %q and %q", field, body, other)
		}
	})
}
