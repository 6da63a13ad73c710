package keyring

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette"
)

var t0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func hmacSpec(venue, id, secret string) Spec {
	return Spec{Credential: vedette.Credential{Venue: venue, ID: id}, Scheme: "hmac", Secrets: Secrets{Secret: NewSecret(secret)}}
}

func TestNothingPrintsASecret(t *testing.T) {
	const word = "hunter2-secret"
	s := hmacSpec("v", "k", word)
	s.Passphrase = NewSecret(word)
	s.Previous, s.PreviousUntil = s.Secrets, t0
	o := Options{Decode: func(string, string) (Decoding, bool) {
		return Decoding{Hash: crypto.SHA256, Keep: true, Extra: func(k, p []byte) []byte { return k }}, true
	}}
	e, err := o.Build(s, t0)
	if err != nil {
		t.Fatal(err)
	}
	hidden := struct {
		e Entry
		s Spec
		p *Entry
	}{*e, s, e}
	leaks := []string{word, hex.EncodeToString([]byte(word)), base64.StdEncoding.EncodeToString([]byte(word)),
		strings.Trim(fmt.Sprint([]byte(word)), "[]"), hex.EncodeToString(e.HMAC[0].state()[:8]), strings.Trim(fmt.Sprint(e.HMAC[0].state()[:8]), "[]"),
		strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(word)), "[]byte"), "{}")}
	check := func(how, out string) {
		t.Helper()
		for _, l := range leaks {
			if strings.Contains(strings.ToLower(out), strings.ToLower(l)) {
				t.Errorf("%s shows %q: %.300s", how, l, out)
			}
		}
	}
	for _, x := range []any{e, *e, s, &s, s.Secret, e.Raw, e.Extra, e.HMAC, e.HMAC[0], e.Material, e.Previous, *e.Previous, hidden, &hidden, []Spec{s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "%s", "%q", "%d", "%c", "%08b", "% x"} {
			check(verb+fmt.Sprintf(" of %T", x), fmt.Sprintf(verb, x))
		}
		j, err := json.Marshal(x)
		if err != nil {
			t.Error(err)
		}
		check(fmt.Sprintf("JSON of %T", x), string(j))
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "e", x)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "e", x)
		check(fmt.Sprintf("log of %T", x), log.String())
	}
	if fmt.Sprint(s.Secret) != "[redacted]" || s.Secret.String() != "[redacted]" || fmt.Sprintf("%#v", s.Secret) != "[redacted]" {
		t.Error("a secret does not print as [redacted]")
	}
}

func pemOf(t *testing.T, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestPublicKeys(t *testing.T) {
	r, _ := rsa.GenerateKey(rand.Reader, 2048)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ec384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	ed, edPrivate, _ := ed25519.GenerateKey(rand.Reader)
	pkix := func(k any) string {
		der, err := x509.MarshalPKIXPublicKey(k)
		return pemOf(t, "PUBLIC KEY", der, err)
	}
	edDER, _ := x509.MarshalPKIXPublicKey(ed)
	good := func(text, scheme string) {
		t.Helper()
		k, err := parsePublicKey(text)
		if err != nil || schemeOfKey(k) != scheme {
			t.Errorf("%s: %v", scheme, err)
		}
	}
	good(pkix(&r.PublicKey), "rsa")
	good(pkix(&ec.PublicKey), "es256")
	good(pkix(ed), "ed25519")
	good(pemOf(t, "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&r.PublicKey), nil), "rsa")
	good(base64.StdEncoding.EncodeToString(ed), "ed25519")
	good(base64.RawURLEncoding.EncodeToString(ed), "ed25519")
	good(hex.EncodeToString(ed), "ed25519")
	good(base64.StdEncoding.EncodeToString(edDER), "ed25519")
	bad := func(text, want string) {
		t.Helper()
		if _, err := parsePublicKey(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(edPrivate)
	bad(pemOf(t, "PRIVATE KEY", der, err), "is a private key")
	der, err = x509.MarshalECPrivateKey(ec)
	bad(pemOf(t, "EC PRIVATE KEY", der, err), "is a private key")
	bad(pkix(&ec384.PublicKey), "P-256")
	bad(pkix(&ec.PublicKey)+pkix(ed), "one block")
	bad(base64.StdEncoding.EncodeToString(ed[:31]), "cannot be read")
	bad("", "cannot be read")
	small := &rsa.PublicKey{N: r.N, E: 2}
	if _, err := checkKey(small); err == nil {
		t.Error("even exponent taken")
	}

	spec := Spec{Credential: vedette.Credential{Venue: "v", ID: "k"}, Scheme: "rsa", Secrets: Secrets{PublicKey: pkix(ed)}}
	if _, err := (Options{}).Build(spec, t0); err == nil || !strings.Contains(err.Error(), "is for ed25519, the scheme is rsa") {
		t.Errorf("scheme and key differ: %v", err)
	}
	spec.Scheme = "eddsa"
	if e, err := (Options{}).Build(spec, t0); err != nil || !e.PublicKey.(ed25519.PublicKey).Equal(ed) {
		t.Errorf("eddsa: %v", err)
	}
	idKey := Options{Decode: func(string, string) (Decoding, bool) { return Decoding{IDIsKey: true}, true }}
	spec = Spec{Credential: vedette.Credential{Venue: "v", ID: base64.StdEncoding.EncodeToString(ed)}, Scheme: "ed25519"}
	if e, err := idKey.Build(spec, t0); err != nil || !e.PublicKey.(ed25519.PublicKey).Equal(ed) {
		t.Errorf("id is key: %v", err)
	}
}

func TestBuildDecodes(t *testing.T) {
	o := Options{Decode: func(venue, scheme string) (Decoding, bool) {
		return Decoding{Hash: crypto.SHA512, Also: []crypto.Hash{crypto.SHA256}, Keep: true,
			Secret: base64.StdEncoding.DecodeString,
			Extra:  func(key, pass []byte) []byte { return append(bytes.Clone(key), pass...) }}, venue == "v" && scheme == "hmac"
	}}
	s := hmacSpec("v", "k", base64.StdEncoding.EncodeToString([]byte("key")))
	s.Passphrase = NewSecret("pass")
	e, err := o.Build(s, t0)
	if err != nil {
		t.Fatal(err)
	}
	var scratch HMACScratch
	for i, h := range []crypto.Hash{crypto.SHA512, crypto.SHA256} {
		want, _ := NewHMACKey(h, []byte("key"))
		got, ok := e.Key(h)
		if !ok || e.HMAC[i].Hash() != h || !bytes.Equal(got.Sum(nil, &scratch, nil), want.Sum(nil, &scratch, nil)) {
			t.Errorf("%s: another key", h)
		}
	}
	if _, ok := e.Key(crypto.SHA384); ok {
		t.Error("a key for SHA-384")
	}
	if !e.Raw.Equal([]byte("key")) || !e.Extra.Equal([]byte("keypass")) || !e.Passphrase.Equal([]byte("pass")) || e.Extra.Equal([]byte("keypas")) {
		t.Error("raw, extra or passphrase differ")
	}
	if (Secret{}).Equal(nil) {
		t.Error("an empty secret equals nothing, not even nothing")
	}
	s.Secret = NewSecret("hunter2!")
	if _, err := o.Build(s, t0); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("bad base64: %v", err)
	}
	s.Scheme, s.Secret = "rsa", Secret{}
	if _, err := o.Build(s, t0); err == nil || !strings.Contains(err.Error(), `venue v has no scheme "rsa"`) {
		t.Errorf("scheme the venue lacks: %v", err)
	}
	bare := Spec{Credential: vedette.Credential{Venue: "v", ID: "k"}}
	if e, err := o.Build(bare, t0); err != nil || !e.Material.Empty() || e.Scheme != "" {
		t.Errorf("without a secret: %v", err)
	}
}

func TestSealing(t *testing.T) {
	m1, m2 := NewSecret(bytes.Repeat([]byte{1}, 32)), NewSecret(bytes.Repeat([]byte{2}, 32))
	one, err := NewSealer(m1)
	if err != nil {
		t.Fatal(err)
	}
	specs, err := Importer{}.Read(strings.NewReader(`{"keys": [{"id": "k", "venue": "v", "secret": "hunter2", "passphrase": "p", "account": "a",
		"owner": "o", "permissions": ["read"], "ip_allow": ["192.0.2.0/24"], "instruments": ["X"], "operations": ["withdraw"], "withdraw_allow": ["w"],
		"created": "2026-01-05T00:00:00Z", "expires": "2026-01-06T00:00:00Z", "nonce_window": 5000, "mfa": true, "frozen": true, "previous_secret": "old",
		"previous_until": "2026-01-07T00:00:00Z"}]}`), "")
	if err != nil {
		t.Fatal(err)
	}
	s := specs[0]
	s.LastRotated = t0
	sealed, err := one.Seal(s)
	if err != nil || bytes.Contains(sealed, []byte("hunter2")) {
		t.Fatal(err)
	}
	got, err := one.Open("v", "k", sealed)
	if err != nil {
		t.Fatal(err)
	}
	a, b := fmt.Sprintf("%+v", toAtRest(&s)), fmt.Sprintf("%+v", toAtRest(&got))
	if a != b || s.NonceWindow != 5000 {
		t.Errorf("opened differs\n%s\n%s", a, b)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x40
		if _, err := one.Open("v", "k", bad); !errors.Is(err, ErrTampered) && !errors.Is(err, ErrMasterUnknown) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if _, err := one.Open("v", "k", sealed[:i]); err == nil {
			t.Fatalf("cut to %d bytes: opened", i)
		}
	}
	for _, name := range [][2]string{{"v", "x"}, {"x", "k"}, {"vk", ""}, {"", "vk"}} {
		if _, err := one.Open(name[0], name[1], sealed); !errors.Is(err, ErrTampered) {
			t.Errorf("opened for %q: %v", name, err)
		}
	}
	two, _ := NewSealer(m2)
	if _, err := two.Open("v", "k", sealed); !errors.Is(err, ErrMasterUnknown) {
		t.Errorf("other master key: %v", err)
	}
	both, _ := NewSealer(m2, m1)
	fresh, changed, err := both.Reseal("v", "k", sealed)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	if _, err := two.Open("v", "k", fresh); err != nil {
		t.Error(err)
	}
	if _, changed, _ := both.Reseal("v", "k", fresh); changed {
		t.Error("resealed what was sealed with the first master key")
	}
	if _, err := NewSealer(NewSecret("short")); err == nil {
		t.Error("short master key taken")
	}
}

// A restriction of a credential that a newer version wrote must not fall away.
func TestSealedByNewerVersion(t *testing.T) {
	s, _ := NewSealer(NewSecret(bytes.Repeat([]byte{1}, 32)))
	head := append([]byte{sealVersion}, s.keys[0].id[:]...)
	sealed := s.keys[0].aead.Seal(head, nil, []byte(`{"id":"k","venue":"v","only_on_mondays":true}`), associated("v", "k", head))
	if _, err := s.Open("v", "k", sealed); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("got %v", err)
	}
}

func TestMasterFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := LoadMaster(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	m, err := CreateMaster(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	again, err := LoadMaster(path)
	if err != nil || !again.Equal(m.Reveal()) {
		t.Errorf("another key read: %v", err)
	}
	if _, err := CreateMaster(path, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second creation: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	os.Chmod(path, 0o640)
	if _, err := LoadMaster(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
	if _, err := CreateMaster(path+"2", strings.NewReader("short")); err == nil {
		t.Error("made of too little randomness")
	}
	if _, err := ParseMaster("xyz"); err == nil {
		t.Error("nonsense taken")
	}
}

func FuzzOpenSealed(f *testing.F) {
	s, _ := NewSealer(NewSecret(bytes.Repeat([]byte{1}, 32)))
	good, _ := s.Seal(hmacSpec("v", "k", "x"))
	f.Add(good)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		// The coordinator and its workers each seal with a nonce of their own.
		if spec, err := s.Open("v", "k", b); err == nil && string(spec.Secret.Reveal()) != "x" {
			t.Fatal("opened what was not sealed")
		}
	})
}
