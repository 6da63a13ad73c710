package token

import (
	"testing"
	"time"

	"vedette"
)

func benchVerify(b *testing.B, size int, alg string) {
	s := newSigner(alg, "k1")
	v := newVerifier(b, Config{JWKS: jwks(s), CacheSize: size, Algorithms: []string{alg}, Require: map[vedette.Operation]Requirement{
		vedette.OpOrderNew: {Scopes: []string{"trade"}}}})
	in := bearer(s.token())
	b.ReportAllocs()
	for b.Loop() {
		if r := v.Verify(b.Context(), in); r.Verdict != vedette.Authentic {
			b.Fatal(r)
		}
	}
}

func BenchmarkVerifyCached(b *testing.B) { benchVerify(b, 0, "ES256") }
func BenchmarkVerifyES256(b *testing.B)  { benchVerify(b, -1, "ES256") }
func BenchmarkVerifyRS256(b *testing.B)  { benchVerify(b, -1, "RS256") }
func BenchmarkVerifyEdDSA(b *testing.B)  { benchVerify(b, -1, "EdDSA") }

// BenchmarkDPoP is a cached token with a fresh proof a call.
func BenchmarkDPoP(b *testing.B) {
	s, holder := newSigner("ES256", "k1"), newSigner("ES256", "")
	v := newVerifier(b, Config{JWKS: jwks(s), ProofSeen: func(string, [32]byte, time.Time, time.Time) (bool, bool) { return false, false }})
	k, err := parsePublicKey(mustObject(holder.jwk))
	if err != nil {
		b.Fatal(err)
	}
	tok := s.token(m{"cnf": m{"jkt": k.thumb}})
	in := dpop(tok, holder.proof(tok))
	b.ReportAllocs()
	for b.Loop() {
		if r := v.Verify(b.Context(), in); r.Verdict != vedette.Authentic {
			b.Fatal(r)
		}
	}
}

func BenchmarkProofMemory(b *testing.B) {
	p := newProofs(1<<20, time.Hour)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.add(number(i%(1<<19)), start, start)
	}
}
