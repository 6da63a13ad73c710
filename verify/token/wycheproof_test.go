package token

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// TestWycheproofPrimitives runs the vectors of the algorithms behind JWS.
func TestWycheproofPrimitives(t *testing.T) {
	for file, alg := range map[string]string{
		"rsa_signature_2048_sha256_test.json":    "RS256",
		"rsa_signature_2048_sha384_test.json":    "RS384",
		"rsa_signature_2048_sha512_test.json":    "RS512",
		"rsa_pss_2048_sha256_mgf1_32_test.json":  "PS256",
		"rsa_pss_4096_sha512_mgf1_64_test.json":  "PS512",
		"ecdsa_secp256r1_sha256_p1363_test.json": "ES256",
		"ecdsa_secp384r1_sha384_p1363_test.json": "ES384",
		"ecdsa_secp521r1_sha512_p1363_test.json": "ES512",
		"ed25519_test.json":                      "EdDSA",
	} {
		t.Run(alg, func(t *testing.T) { runPrimitive(t, file, alg) })
	}
}

func runPrimitive(t *testing.T, file, alg string) {
	data, err := os.ReadFile("../testdata/wycheproof/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		NumberOfTests int
		TestGroups    []struct {
			PublicKeyDer string
			Tests        []struct {
				TcID             int
				Msg, Sig, Result string
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
		k := &key{}
		if k.public, err = x509.ParsePKIXPublicKey(unhex(g.PublicKeyDer)); err != nil {
			t.Fatal(err)
		}
		if !k.fits(alg) {
			t.Fatalf("%s: key does not fit", file)
		}
		for _, e := range g.Tests {
			ran++
			got := k.verify(alg, string(unhex(e.Msg)), unhex(e.Sig))
			if e.Result != "acceptable" && got != (e.Result == "valid") {
				t.Errorf("%s %d: %v, want %s", file, e.TcID, got, e.Result)
			}
		}
	}
	if ran != f.NumberOfTests {
		t.Errorf("ran %d of %d", ran, f.NumberOfTests)
	}
}
