package main

import (
	"bufio"
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
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
	"vedette/internal/npmtest"
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

// tokenApp is a monitor in front of an API that takes tokens of the issuers, and how
// many calls reached that.
func tokenApp(t *testing.T, venue, issuers string, files map[string]string) (a *app, base string, reached *atomic.Int64) {
	t.Helper()
	reached = &atomic.Int64{}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		fmt.Fprint(w, `{"retCode":0,"result":{}}`)
	}))
	t.Cleanup(up.Close)
	dir := t.TempDir()
	files["vedette.yaml"] = fmt.Sprintf("dir: %s/data\nmode: enforce\nops: \"\"\nlisteners: [{address: \"127.0.0.1:0\"}]\nvenues:\n  - {name: bybit, upstream: %q%s}\ntokens:%s",
		dir, up.URL, venue, issuers)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := loadConfig(filepath.Join(dir, "vedette.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if a, err = startApp(context.Background(), c, func(string) string { return "" }, discardLog(), systemClock()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	return a, "http://" + a.proxy.Addr("127.0.0.1:0").String(), reached
}

func tokenMonitor(t *testing.T, venue, issuers string, files map[string]string) (base string, reached *atomic.Int64) {
	t.Helper()
	_, base, reached = tokenApp(t, venue, issuers, files)
	return base, reached
}

// tokenWorld is one with a single issuer, that asks for stronger authentication before a
// withdrawal.
type tokenWorld struct {
	t       *testing.T
	issuer  *issuer
	app     *app
	base    string
	reached *atomic.Int64
}

func newTokenWorld(t *testing.T) *tokenWorld {
	t.Helper()
	w := &tokenWorld{t: t, issuer: newIssuer(t)}
	w.app, w.base, w.reached = tokenApp(t, "", `
  - venue: bybit
    issuer: https://issuer.test
    audience: [https://api.test]
    jwks_file: jwks.json
    account_claim: account
    require:
      withdraw: {scopes: [withdraw], acr: [platinum], max_age: 1m}
`, map[string]string{"jwks.json": string(w.issuer.jwks())})
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
	if n := w.reached.Swap(0); (n == 1) != passed {
		w.t.Errorf("%s: reached the venue %d times, status %s", what, n, res.Status)
	}
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

const orderBody = `{"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"1"}`

// post sends a body with a token and returns the status.
func post(t *testing.T, url, body, token string) int {
	t.Helper()
	req, _ := http.NewRequest("POST", url, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{key}
}

// TestStepUpBatch: what an order needs, each order of a batch needs.
func TestStepUpBatch(t *testing.T) {
	is := newIssuer(t)
	base, reached := tokenMonitor(t, "", `
  - {venue: bybit, issuer: "https://issuer.test", audience: ["https://api.test"], jwks_file: jwks.json, require: {order.new: {acr: [platinum]}}}
`, map[string]string{"jwks.json": string(is.jwks())})
	strong := is.token(func(_, c map[string]any) { c["acr"] = "platinum" })
	for body, path := range map[string]string{orderBody: "/v5/order/create", `{"category":"spot","request":[` + orderBody + `]}`: "/v5/order/create-batch",
		`{"category":"spot","request":"` + strings.Repeat("x", 9) + `"}`: "/v5/order/create-batch"} {
		if code := post(t, base+path, body, is.token(nil)); code != 401 || reached.Load() != 0 {
			t.Errorf("%s without step-up: %d", body, code)
		}
		if code := post(t, base+path, body, strong); code != 200 || reached.Swap(0) != 1 {
			t.Errorf("%s after step-up: %d", body, code)
		}
	}
	cancels := `{"category":"spot","request":[{"symbol":"BTCUSDT","orderId":"1"}]}`
	if code := post(t, base+"/v5/order/cancel-batch", cancels, is.token(nil)); code != 200 {
		t.Errorf("a batch of what needs no step-up: %d", code)
	}
}

// TestIssuers: each of several issuers of a venue is judged by its own keys, also
// where two name a key alike.
func TestIssuers(t *testing.T) {
	first, second := newIssuer(t), newIssuer(t)
	for _, kid := range []string{"k1", "partner-1"} {
		base, _ := tokenMonitor(t, "", `
  - {venue: bybit, issuer: "https://first.test", audience: ["https://api.test"], jwks_file: a.json}
  - {issuer: "https://issuer.test", audience: ["https://api.test"], jwks_file: b.json}
`, map[string]string{"a.json": string(first.jwks()), "b.json": strings.Replace(string(second.jwks()), `"k1"`, `"`+kid+`"`, 1)})
		try := func(what string, want int, by *issuer, iss, kid string) {
			t.Helper()
			token := by.token(func(h, c map[string]any) { h["kid"], c["iss"] = kid, iss })
			if code := post(t, base+"/v5/order/create", orderBody, token); (code == 200) != (want == 200) {
				t.Errorf("%s, second key %s: %d", what, kid, code)
			}
		}
		try("first issuer", 200, first, "https://first.test", "k1")
		try("second issuer", 200, second, "https://issuer.test", kid)
		try("second under the first's name", 401, second, "https://first.test", kid)
		try("first under the second's name", 401, first, "https://issuer.test", "k1")
		try("a third", 401, first, "https://third.test", "k1")
	}
}

// TestOpaqueIssuers: an opaque token is put to each issuer until one knows it.
func TestOpaqueIssuers(t *testing.T) {
	asks := func(iss, known string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"active":%v,"iss":%q,"aud":"https://api.test","client_id":"app","exp":%d}`, r.FormValue("token") == known, iss, time.Now().Unix()+300)
		}))
		t.Cleanup(s.Close)
		return fmt.Sprintf("  - {issuer: %q, audience: [\"https://api.test\"], introspection: {url: %q, client_id: api}}\n", iss, s.URL)
	}
	base, _ := tokenMonitor(t, "", "\n"+asks("https://first.test", "one")+asks("https://second.test", "two"), map[string]string{})
	for token, want := range map[string]int{"one": 200, "two": 200, "three": 401} {
		if code := post(t, base+"/v5/order/create", orderBody, token); code != want {
			t.Errorf("token %s: %d, want %d", token, code, want)
		}
	}
}

// TestDPoPInline: a real DPoP client trades through the proxy, also below a prefix
// that the proxy takes off: its proofs name the URL that it called.
func TestDPoPInline(t *testing.T) {
	home := npmtest.Project(t, "testdata/dpop", "dpop.mjs")
	for _, prefix := range []string{"", "/bybit"} {
		for _, nonce := range []bool{false, true} {
			is := newIssuer(t)
			base, reached := tokenMonitor(t, stripped(prefix), fmt.Sprintf(`
  - {issuer: "https://issuer.test", audience: ["https://api.test"], jwks_file: jwks.json, dpop_nonce: %v}
`, nonce), map[string]string{"jwks.json": string(is.jwks())})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "node", "dpop.mjs", base+prefix+"/v5/order/create")
			cmd.Dir = home
			stdin, _ := cmd.StdinPipe()
			stdout, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			lines.Scan()
			fmt.Fprintln(stdin, is.token(func(_, c map[string]any) { c["cnf"] = map[string]any{"jkt": lines.Text()} }))
			got := ""
			for lines.Scan() {
				got += lines.Text() + " "
			}
			cmd.Wait()
			if got != "200 200 401 401 " || reached.Load() != 2 {
				t.Errorf("prefix %q, nonce %v: %s, %d reached", prefix, nonce, got, reached.Load())
			}
		}
	}
}
