package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMessageSignaturesInline signs requests as RFC 9421 says, and puts the monitor
// between them and the venue, also below a prefix that the proxy takes off.
func TestMessageSignaturesInline(t *testing.T) {
	for _, prefix := range []string{"", "/bybit"} {
		t.Run(prefix, func(t *testing.T) { testMessageSignatures(t, prefix, false) })
	}
	t.Run("rotated", func(t *testing.T) { testMessageSignatures(t, "", true) })
}

// testMessageSignatures signs with the key that is in force, or with the one before it
// within the overlap.
func testMessageSignatures(t *testing.T, prefix string, rotated bool) {
	reached := 0
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached++ }))
	defer up.Close()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("desk.pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	material := "public_key_file: desk.pub"
	if rotated {
		next, _, _ := ed25519.GenerateKey(rand.Reader)
		der, _ := x509.MarshalPKIXPublicKey(next)
		write("next.pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
		material = "public_key_file: next.pub, previous_public_key_file: desk.pub, previous_until: 2099-01-01T00:00:00Z"
	}
	write("keys.yaml", "keys:\n  - {id: desk, venue: bybit, scheme: ed25519, "+material+", permissions: [read, trade]}\n")
	write("vedette.yaml", fmt.Sprintf("dir: %s/data\nmode: enforce\nops: \"\"\nlisteners: [{address: \"127.0.0.1:0\"}]\nvenues:\n  - {name: bybit, upstream: \"%s\", message_signatures: true%s}\nkeys: {file: keys.yaml}\n", dir, up.URL, stripped(prefix)))
	c, err := loadConfig(filepath.Join(dir, "vedette.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := startApp(context.Background(), c, func(string) string { return "" }, discardLog(), systemClock())
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	host := a.proxy.Addr("127.0.0.1:0").String()
	sign := func(path, body string, created time.Time) *http.Request {
		path = prefix + path
		sum := sha256.Sum256([]byte(body))
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		params := fmt.Sprintf(`("@method" "@authority" "@path" "content-digest");created=%d;keyid="desk"`, created.Unix())
		base := fmt.Sprintf("\"@method\": POST\n\"@authority\": %s\n\"@path\": %s\n\"content-digest\": %s\n\"@signature-params\": %s", host, path, digest, params)
		r, _ := http.NewRequest("POST", "http://"+host+path, strings.NewReader(body))
		r.Header.Set("Content-Digest", digest)
		r.Header.Set("Signature-Input", "sig1="+params)
		r.Header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(base)))+":")
		return r
	}
	try := func(what string, want int, r *http.Request) {
		t.Helper()
		reached = 0
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if reached != want {
			t.Errorf("%s: reached the venue %d times, want %d", what, reached, want)
		}
	}
	const order = "/v5/order/create"
	body := `{"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"1"}`
	now := time.Now()
	try("signed", 1, sign(order, body, now))
	try("the same again", 0, sign(order, body, now))
	r := sign(order, body+" ", now)
	r.URL.Path = prefix + "/v5/order/cancel"
	try("moved", 0, r)
	r = sign(order, body+"  ", now)
	altered := strings.Replace(body, `"1"`, `"9"`, 1) + "  "
	r.Body, r.GetBody = nil, nil
	r2, _ := http.NewRequest("POST", r.URL.String(), strings.NewReader(altered))
	r2.Header = r.Header
	try("altered", 0, r2)
	try("old", 0, sign(order, body+"   ", now.Add(-time.Hour)))
	try("not permitted", 0, sign("/v5/asset/withdraw/create", `{"coin":"BTC","address":"x","amount":"1","timestamp":1}`, now))
	r, _ = http.NewRequest("POST", "http://"+host+prefix+order, strings.NewReader(body))
	try("unsigned", 0, r)
	try("signed anew", 1, sign(order, body+"    ", now))
	want := map[bool]int{true: 2}[rotated]
	if flagged := recorded(t, a, want, `"reasons":["old_secret"]`); flagged != want {
		t.Errorf("%d calls recorded as signed with the old key, want %d", flagged, want)
	}
}

// stripped is the setting of a venue whose prefix the proxy takes off.
func stripped(prefix string) string {
	if prefix == "" {
		return ""
	}
	return ", path_prefix: " + prefix + ", strip_prefix: true"
}

// recorded counts the records that hold all the words, once there are as many as wanted or some
// seconds have passed: a record may reach the disk after its answer.
func recorded(t *testing.T, a *app, want int, words ...string) (n int) {
	t.Helper()
	for range 200 {
		n = 0
		if err := a.ledger.Read(0, a.ledger.Size(), func(_ uint64, record []byte) error {
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(string(record), w) }) {
				n++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n >= want {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	return n
}
