package binance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"
)

func TestRSAKey(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k, err := newKey(Key{ID: "k", Account: "a", Public: &private.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("a=b&timestamp=1"))
	sig, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(sig)
	if !k.verify(text, "a=b", "&timestamp=1") {
		t.Error("a good signature is refused")
	}
	if k.verify(text, "a=c", "&timestamp=1") || k.verify("", "a=b&timestamp=1") || k.verify("%%", "a=b&timestamp=1") {
		t.Error("a bad signature is taken")
	}
	if k.mayLogOn() {
		t.Error("an RSA key may not log a session on")
	}
}

func TestKeyRefusals(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []Key{{}, {ID: "k", Secret: "s"}, {ID: "k", Account: "a"}, {ID: "k", Account: "a", Secret: "s", Public: &ec.PublicKey},
		{ID: "k", Account: "a", Public: &ec.PublicKey}} {
		if _, err := newKey(k); err == nil {
			t.Errorf("%+v accepted", k)
		}
	}
}

func TestParseTime(t *testing.T) {
	f := func(s string, want time.Time, ok bool) {
		t.Helper()
		if got, gotOK := parseTime(s); gotOK != ok || ok && !got.Equal(want) {
			t.Errorf("parseTime(%q) = %v, %v", s, got, gotOK)
		}
	}
	f("1499827319559", time.UnixMilli(1499827319559), true)
	f("1499827319559123", time.UnixMicro(1499827319559123), true)
	for _, s := range []string{"", "-1", "1.5", "1e3", "99999999999999999"} {
		f(s, time.Time{}, false)
	}
}
