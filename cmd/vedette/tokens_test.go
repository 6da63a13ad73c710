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
	"regexp"
	"strings"
	"testing"
	"time"

	"vedette"
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

// tokenWorld is a monitor in front of an API that takes OAuth access tokens.
type tokenWorld struct {
	t       *testing.T
	issuer  *issuer
	app     *app
	base    string
	reached int
}

func newTokenWorld(t *testing.T) *tokenWorld {
	t.Helper()
	w := &tokenWorld{t: t}
	up := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.reached++
		fmt.Fprint(out, `{"retCode":0,"result":{}}`)
	}))
	t.Cleanup(up.Close)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.issuer = &issuer{key}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("jwks.json", string(w.issuer.jwks()))
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
	if w.app, err = startApp(context.Background(), c, func(string) string { return "" }, discardLog(), systemClock()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.app.close)
	w.base = "http://" + w.app.proxy.Addr("127.0.0.1:0").String()
	return w
}

func (w *tokenWorld) send(method, path, body, token string) *http.Response {
	w.t.Helper()
	req, _ := http.NewRequest(method, w.base+path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	res.Body.Close()
	return res
}

func (w *tokenWorld) want(what string, res *http.Response, passed bool) {
	w.t.Helper()
	if (w.reached == 1) != passed {
		w.t.Errorf("%s: reached the venue %d times, status %s", what, w.reached, res.Status)
	}
	w.reached = 0
}

// TestTokensInline puts the monitor in front of an API that takes OAuth access
// tokens, and asks for stronger authentication before a withdrawal.
func TestTokensInline(t *testing.T) {
	w := newTokenWorld(t)
	is, send, want := w.issuer, w.send, w.want
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

// TestStepUpByToken: an access token's user satisfies a step-up restriction by having
// authenticated since it was set, or as it asks; the refusal says how (RFC 9470).
func TestStepUpByToken(t *testing.T) {
	w := newTokenWorld(t)
	withdraw := func(auth time.Time, acr string) *http.Response {
		return w.send("POST", "/v5/asset/withdraw/create", `{"coin":"BTC","chain":"BTC","address":"bc1qdummy","amount":"1","timestamp":1}`,
			w.issuer.token(func(_, c map[string]any) {
				c["scope"], c["acr"], c["auth_time"] = "withdraw", acr, auth.Unix()
			}))
	}
	f := func(what string, res *http.Response, challenge string) {
		t.Helper()
		w.want(what, res, challenge == "")
		got := res.Header.Get("WWW-Authenticate")
		if ok, _ := regexp.MatchString("^"+challenge+"$", got); !ok || challenge != "" && res.StatusCode != 401 {
			t.Errorf("%s: %s, challenge %q, want %q", what, res.Status, got, challenge)
		}
	}
	set := func(r vedette.Restriction) {
		t.Helper()
		r.ID, r.Kind, r.Venue, r.Operation, r.By = "s", vedette.RestrictStepUp, "bybit", vedette.OpWithdraw, "test"
		if _, err := w.app.Restrict(r); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	f("at first", withdraw(now.Add(-30*time.Second), "platinum"), "")
	set(vedette.Restriction{From: now.Add(-10 * time.Second)})
	f("authenticated before", withdraw(now.Add(-30*time.Second), "platinum"), `Bearer error="insufficient_user_authentication", max_age="1\d"`)
	f("authenticated since", withdraw(now.Add(-5*time.Second), "platinum"), "")
	set(vedette.Restriction{ACR: "diamond", MaxAge: 20})
	f("of another class", withdraw(now, "platinum"), `Bearer error="insufficient_user_authentication", acr_values="diamond", max_age="20"`)
	set(vedette.Restriction{ACR: "diamond platinum", MaxAge: 20})
	f("of one of the classes", withdraw(now, "platinum"), "")
	f("too long ago", withdraw(now.Add(-25*time.Second), "platinum"), `Bearer .*acr_values="diamond platinum", max_age="20"`)
	if err := w.app.StepUp(vedette.StepUpGrant{Venue: "bybit", Credential: "app/alice", By: "mfa", Until: now.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	f("stepped up by the venue", withdraw(now.Add(-25*time.Second), "platinum"), "")

	found := map[string]bool{}
	err := w.app.ledger.Read(0, w.app.ledger.Size(), func(_ uint64, record []byte) error {
		for _, s := range []string{`"acr":"platinum"`, `"auth_time":"`, `"what":"stepup.set"`, `"max_age":20`} {
			found[s] = found[s] || strings.Contains(string(record), s)
		}
		return nil
	})
	if err != nil || len(found) != 4 || !found[`"acr":"platinum"`] || !found[`"auth_time":"`] || !found[`"what":"stepup.set"`] || !found[`"max_age":20`] {
		t.Errorf("the ledger has %v, %v", found, err)
	}
}
