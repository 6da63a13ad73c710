package httpsig

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// TestWycheproof runs the vectors of each algorithm. A test that Wycheproof calls
// acceptable may come out either way.
func TestWycheproof(t *testing.T) {
	for file, alg := range map[string]Algorithm{
		"rsa_pss_4096_sha512_mgf1_64_test.json":  RSAPSSSHA512,
		"rsa_signature_2048_sha256_test.json":    RSAv15SHA256,
		"ecdsa_secp256r1_sha256_p1363_test.json": ECDSAP256SHA256,
		"ecdsa_secp384r1_sha384_p1363_test.json": ECDSAP384SHA384,
		"ed25519_test.json":                      Ed25519,
		"hmac_sha256_test.json":                  HMACSHA256,
	} {
		t.Run(string(alg), func(t *testing.T) { runWycheproof(t, file, alg) })
	}
}

func runWycheproof(t *testing.T, file string, alg Algorithm) {
	data, err := os.ReadFile("../testdata/wycheproof/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		NumberOfTests int
		TestGroups    []struct {
			PublicKeyDer string
			TagSize      int
			Tests        []struct {
				TcID                       int
				Msg, Sig, Tag, Key, Result string
			}
		}
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ran := 0
	for _, g := range f.TestGroups {
		k := Key{Algorithm: alg}
		if alg != HMACSHA256 {
			if k.Public, err = x509.ParsePKIXPublicKey(unhex(g.PublicKeyDer)); err != nil {
				t.Fatal(err)
			}
		}
		for _, e := range g.Tests {
			ran++
			sig, want := unhex(e.Sig), e.Result == "valid"
			if alg == HMACSHA256 {
				k.Secret, sig = unhex(e.Key), unhex(e.Tag)
				want = want && g.TagSize == 256 // we never truncate
			}
			if e.Result == "acceptable" {
				continue
			}
			if got := k.verify(unhex(e.Msg), sig); got != want {
				t.Errorf("%s %d: %v, want %s", file, e.TcID, got, e.Result)
			}
		}
	}
	if ran != f.NumberOfTests {
		t.Errorf("ran %d of %d", ran, f.NumberOfTests)
	}
}
