package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issuer signs access tokens with one ES256 key.
type issuer struct{ key *ecdsa.PrivateKey }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (i *issuer) jwks() []byte {
	p, _ := i.key.PublicKey.Bytes()
	b, _ := json.Marshal(map[string]any{"keys": []any{map[string]string{"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256", "use": "sig",
		"x": b64(p[1:33]), "y": b64(p[33:])}}})
	return b
}

func (i *issuer) token(change func(head, claims map[string]any)) string {
	now := time.Now().Unix()
	head := map[string]any{"typ": "at+jwt", "alg": "ES256", "kid": "k1"}
	claims := map[string]any{"iss": "https://issuer.test", "aud": "https://api.test", "sub": "alice", "client_id": "app", "jti": "1", "iat": now, "exp": now + 300,
		"scope": "trade", "acr": "gold", "auth_time": now, "account": "acct-9"}
	if change != nil {
		change(head, claims)
	}
	h, _ := json.Marshal(head)
	c, _ := json.Marshal(claims)
	text := b64(h) + "." + b64(c)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		panic(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + b64(sig)
}

// TestTokensInline puts the monitor in front of an API that takes OAuth access
// tokens, and asks for stronger authentication before a withdrawal.
func TestTokensInline(t *testing.T) {
	reached := 0
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached++
		fmt.Fprint(w, `{"retCode":0,"result":{}}`)
	}))
	defer up.Close()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	is := &issuer{key}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("jwks.json", string(is.jwks()))
	write("vedette.yaml", fmt.Sprintf(`dir: %s/data
mode: enforce
ops: ""
listeners: [{address: "127.0.0.1:0"}]
venues:
  - {name: bybit, upstream: "%s"}
tokens:
  - venue: bybit
    issuer: https://issuer.test
    audience: [https://api.test]
    jwks_file: jwks.json
    account_claim: account
    require:
      withdraw: {scopes: [withdraw], acr: [platinum], max_age: 1m}
`, dir, up.URL))
	c, err := loadConfig(filepath.Join(dir, "vedette.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := startApp(context.Background(), c, func(string) string { return "" }, discardLog())
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	base := "http://" + a.proxy.Addr("127.0.0.1:0").String()
	send := func(method, path, body, token string) *http.Response {
		t.Helper()
		req, _ := http.NewRequest(method, base+path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	want := func(what string, res *http.Response, passed bool) {
		t.Helper()
		if (reached == 1) != passed {
			t.Errorf("%s: reached the venue %d times, status %s", what, reached, res.Status)
		}
		reached = 0
	}
	order := `{"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"1"}`
	try := func(what string, passed bool, change func(head, claims map[string]any)) {
		t.Helper()
		want(what, send("POST", "/v5/order/create", order, is.token(change)), passed)
	}
	try("good token", true, nil)
	try("expired", false, func(_, c map[string]any) { c["exp"] = time.Now().Unix() - 3600 })
	try("wrong audience", false, func(_, c map[string]any) { c["aud"] = "https://other.test" })
	try("wrong issuer", false, func(_, c map[string]any) { c["iss"] = "https://evil.test" })
	try("algorithm none", false, func(h, _ map[string]any) { h["alg"] = "none" })
	try("foreign key set", false, func(h, _ map[string]any) { h["jku"] = "https://evil.test/jwks" })
	try("unknown key", false, func(h, _ map[string]any) { h["kid"] = "k2" })
	good := is.token(nil)
	want("cut signature", send("POST", "/v5/order/create", order, good[:strings.LastIndexByte(good, '.')+1]), false)

	withdraw := `{"coin":"BTC","chain":"BTC","address":"bc1qdummy","amount":"1","timestamp":1}`
	res := send("POST", "/v5/asset/withdraw/create", withdraw, is.token(func(_, c map[string]any) { c["scope"] = "withdraw" }))
	if res.StatusCode != 401 || !strings.Contains(res.Header.Get("WWW-Authenticate"), `error="insufficient_user_authentication"`) ||
		!strings.Contains(res.Header.Get("WWW-Authenticate"), "platinum") {
		t.Errorf("step-up: %s %q", res.Status, res.Header.Get("WWW-Authenticate"))
	}
	want("withdrawal without step-up", res, false)
	strong := is.token(func(_, c map[string]any) { c["scope"], c["acr"] = "withdraw", "platinum" })
	want("withdrawal after step-up", send("POST", "/v5/asset/withdraw/create", withdraw, strong), true)
}
