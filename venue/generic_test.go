package venue_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"vedette"
	"vedette/venue"
)

// described are built-in venues as descriptions: their REST signing.
var described = map[string]string{
	"bybit": `
name: bybit
schemes:
  - {name: hmac, algorithm: hmac-sha256, signature: hex, covers: [query, body, time]}
  - {name: rsa, algorithm: rsa-pkcs1-sha256, signature: base64, covers: [query, body, time]}
request:
  key: header X-BAPI-API-KEY
  signature: header X-BAPI-SIGN
  time: header X-BAPI-TIMESTAMP
  window: header X-BAPI-RECV-WINDOW
  max_age: 5s
  max_ahead: 1s
  sign: ["{timestamp}{key}{recv_window}{query}{body}"]
`,
	"okx": `
name: okx
schemes: [{name: hmac, algorithm: hmac-sha256, signature: base64, covers: [method, path, query, body, time]}]
request:
  key: header OK-ACCESS-KEY
  signature: header OK-ACCESS-SIGN
  time: header OK-ACCESS-TIMESTAMP
  passphrase: header OK-ACCESS-PASSPHRASE
  max_age: 30s
  sign: ["{timestamp}{method}{path_query}{body}"]
`,
	"bitmex": `
name: bitmex
schemes: [{name: hmac, algorithm: hmac-sha256, signature: hex, covers: [method, path, query, body, time]}]
request:
  key: header api-key
  signature: header api-signature
  expires: header api-expires
  sign: ["{method}{path_query}{timestamp}{body}"]
`,
	"binance": `
name: binance
schemes:
  - {name: hmac, algorithm: hmac-sha256, signature: hex, covers: [query, body, time]}
  - {name: rsa, algorithm: rsa-pkcs1-sha256, signature: base64, covers: [query, body, time]}
  - {name: ed25519, algorithm: ed25519, signature: base64, covers: [query, body, time]}
request:
  key: header X-MBX-APIKEY
  signature: query signature
  time: query timestamp
  window: query recvWindow
  max_age: 5s
  max_ahead: 1s
  sign: ["{query}{body}"]
`,
	"cryptocom": `
name: cryptocom
schemes: [{name: hmac, algorithm: hmac-sha256, signature: hex, covers: [body, time]}]
request:
  key: json api_key
  signature: json sig
  time: json nonce
  max_age: 60s
  sign: ["{json:method}{json:id}{key}{concat:params}{timestamp}"]
`,
	"gate": `
name: gate
schemes: [{name: hmac, algorithm: hmac-sha512, signature: hex, covers: [method, path, query, body, time]}]
request:
  key: header KEY
  signature: header SIGN
  time: header Timestamp
  max_age: 60s
  sign: ["{method}\n{path}\n{query_decoded}\n{body_sha512_hex}\n{timestamp}"]
`,
}

// A POST of ccxt to Binance has all of its parameters in the body.
func TestGenericForm(t *testing.T) {
	d, err := venue.NewGeneric([]byte(strings.NewReplacer("query signature", "form signature", "query timestamp", "form timestamp",
		"query recvWindow", "form recvWindow").Replace(described["binance"])))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range captures(t, "ccxt-rest.json") {
		if c.Exchange != "binance" || c.Method != "POST" || strings.Contains(c.URL, "signature=") || unsigned(&c) {
			continue
		}
		n++
		if claim, ok := c.verifies(d, c.request()); !ok {
			t.Errorf("%s does not verify: %+v", c.name(), claim)
		}
	}
	if n == 0 {
		t.Error("no capture")
	}
}

// TestGenericDescribes holds descriptions of built-in venues to the captures of
// their clients, and to mutations of them.
func TestGenericDescribes(t *testing.T) {
	verified := map[string]int{}
	for _, c := range captures(t, "ccxt-rest.json") {
		description, ok := described[c.Exchange]
		if !ok || unsigned(&c) || c.Exchange == "binance" && c.Method == "POST" && !strings.Contains(c.URL, "signature=") {
			continue // a POST of ccxt to Binance has its parameters in the body: another description's "form"
		}
		t.Run(c.name(), func(t *testing.T) {
			d, err := venue.NewGeneric([]byte(description))
			if err != nil {
				t.Fatal(err)
			}
			claim, ok := c.verifies(d, c.request())
			if !ok {
				t.Fatalf("does not verify: auth %d key %q fault %q", claim.Auth, claim.Key, claim.Fault)
			}
			checkClaim(t, &c, &claim)
			s, _ := d.Scheme(c.schemeName())
			for _, m := range mutations(&c) {
				bad := c
				bad.Headers = append([][2]string(nil), c.Headers...)
				m.apply(&bad)
				_, good := bad.verifies(d, bad.request())
				if covered := s.Covers&m.part != 0; covered == good {
					t.Errorf("%s: covered %v, yet verifies %v", m.what, covered, good)
				}
			}
			verified[c.Exchange]++
		})
	}
	for name := range described {
		if verified[name] == 0 {
			t.Errorf("no capture of %s was verified", name)
		}
	}
}

// example is the description in GENERIC.md.
func example(t testing.TB) *venue.Dialect {
	t.Helper()
	b, err := os.ReadFile("GENERIC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "```yaml\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no example in GENERIC.md")
	}
	d, err := venue.NewGeneric([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestGenericExample(t *testing.T) {
	d := example(t)
	secret := []byte("throwaway")
	c := capture{Scheme: "hmac", Method: "POST", URL: "/v1/order?dry=1", Body: `{"symbol":"BTC-USD"}`, APIKey: "k", Secret: base64.StdEncoding.EncodeToString(secret)}
	body := sha256.Sum256([]byte(c.Body))
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("1795340740043\nn1\nPOST\n/v1/order?dry=1\n" + hex.EncodeToString(body[:])))
	c.Headers = [][2]string{{"X-Acme-Key", "k"}, {"X-Acme-Time", "1795340740043"}, {"x-acme-nonce", "n1"}, {"X-Acme-Window", "20000"},
		{"X-Acme-Sign", hex.EncodeToString(m.Sum(nil))}}
	if claim, ok := c.verifies(d, c.request()); !ok || claim.MaxAge.Seconds() != 20 || claim.NonceRule != venue.NonceUnique {
		t.Errorf("a signed request does not verify: %+v", claim)
	}
	c.Body += " "
	if _, ok := c.verifies(d, c.request()); ok {
		t.Error("an altered body verifies")
	}
	claimIs(t, d, `GET /v1/account/x`, "", "none")
	claimIs(t, d, `GET /v1/account/x`, "Authorization: bearer tok", "token token=tok")
	claimIs(t, d, `GET /v1/account/x`, "X-Acme-Key: k", "signature k fault=bad_encoding unsigned")
	claimIs(t, d, `GET /v1/market/x`, "X-Acme-Key: k", "key-only k")
	claimIs(t, d, `GET /v1/account/x`, "X-Acme-Key: k\nX-Acme-Sign: s\nX-Acme-Time: 1795340740\nX-Acme-Window: 60001", "signature k fault=bad_encoding window=1m0.001s+1s")
	claimIs(t, d, `GET /v1/account/x`, "X-Acme-Key: k\nX-Acme-Key: l\nX-Acme-Sign: s\nX-Acme-Time: 1795340740", "signature k fault=ambiguous window=5s+1s")
	claimIs(t, d, `WS {"op":"login","args":[{"key":"k","sign":"s","expires":1795340740}]}`, "", "signature k login expires=1795340740")
	claimIs(t, d, `WS {"op":"order.place","args":[{}]}`, "", "session")
	meaningIs(t, d, []row{
		{`POST /v1/order {"symbol":"BTC-USD","side":"BUY","type":"LIMIT","price":"1","quantity":2,"tif":"IOC","clientOrderId":"c"}`, `order.new BTC-USD buy limit 2 @1 ioc cl=c`},
		{`DELETE /v1/order/77`, `order.cancel id=77`},
		{`POST /v1/orders {"orders":[{"symbol":"A","side":"sell"},{"symbol":"B","side":"buy"}]}`, `order.batch | order.new A sell | order.new B buy`},
		{`POST /v1/withdraw {"coin":"BTC","amount":"1","address":"bc1q"}`, `withdraw 1 asset=BTC to=bc1q`},
		{`POST /v1/else {}`, `unknown`},
		{`WS {"op":"order.place","id":1,"args":[{"symbol":"A","side":"sell","quantity":"1"}]}`, `order.new A sell 1`},
		{`WS ping`, `market.read`},
	})
	const order = `POST /v1/order {}` + "\n"
	answerIs(t, d, []row{
		{order + `200 {"code":"0","data":{"orderId":"5","status":"NEW"}}`, `200 accepted order=5`},
		{order + `200 {"code":0,"data":{"orderId":"5","status":2}}`, `200 filled order=5`},
		{order + `200 {"code":"10004","msg":"error sign!"}`, `200 rejected error=10004 login-failed`},
		{order + `200 {"code":"0","data":{"accessToken":"t"}}`, `200 token=t`},
	})
	denyIs(t, d, `POST /v1/order {}`, map[vedette.Reason]string{vedette.BadSignature: `401 {"code":10004,"msg":"error sign!"}`})
	denyIs(t, d, `WS {"id":"a\"b","op":"x\"y"}`, map[vedette.Reason]string{vedette.Throttled: `429 {"id":"a\"b","op":"x\"y","code":10006,"msg":"Too many requests."}`})
	denials(t, d, `WS nonsense`)
	tied(t, d, `{"id":42,"op":"order.place"}`, `{"id":42,"code":"0"}`)
}

// Every mistake names its line or key, and the nearest word where there is one.
func TestGenericMistakes(t *testing.T) {
	const good = "name: x\nschemes: [{name: hmac, algorithm: hmac-sha256}]\nrequest: {key: header K, signature: header S, sign: [\"{body}\"]}\n"
	if _, err := venue.NewGeneric([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ old, new, want string }{
		{"schemes:", "shemes:", `line 2|shemes|schemes`},
		{"signature: header S", "sginature: header S", `line 3|sginature|signature`},
		{"hmac-sha256}", "hmac-sha1}", `line 2|hmac-sha1|hmac-sha`},
		{"header K", "heder K", `line 3|heder|header`},
		{"header K", "header", `line 3|header NAME`},
		{"{body}", "{bdy}", `line 3|{bdy}|body`},
		{"{body}", "{code}", `sign|{code}`},
		{"{body}", "{json}", `{json:PATH}`},
		{", sign: [\"{body}\"]", "", `request: sign: missing`},
		{"key: header K, ", "", `key: missing`},
		{"signature: header S", "signature: header S, time: header T", `max_age`},
		{"signature: header S", "signature: header S, nonce_rule: increasing", `nonce: missing`},
		{"name: x", "name: Not Good", `name:`},
		{"\nrequest", "\nroutes: [{method: GET, path: /a, operation: market.raed}]\nrequest", `line 3|market.raed|market.read`},
		{"\nrequest", "\nroutes: [{method: GET, path: /a, operation: market.read}, {method: GET, path: /a, operation: admin}]\nrequest", `number 2|given twice`},
		{"\nrequest", "\nroutes: [{method: GET, path: \"/{x}\", operation: market.read}, {method: GET, path: \"/{y}\", operation: admin}]\nrequest", `given twice`},
		{"\nrequest", "\nroutes: [{method: GET, path: \"/*\", operation: market.read}, {method: GET, path: \"/*/y\", operation: admin}]\nrequest", `given twice`},
		{"\nrequest", "\nfields: {order: {side: [s]}}\nroutes: [{method: GET, path: /a, operation: market.read, fields: ordr}]\nrequest", `ordr|order`},
		{"\nrequest", "\ndeny: {body: '{\"a\":{codes}}'}\nrequest", `line 3|codes|code`},
		{"\nrequest", "\ndeny: {body: '{\"a\":{code}'}\nrequest", `not JSON`},
		{"\nrequest", "\ndeny: {errors: {signatur: {code: \"1\"}}}\nrequest", `signatur|signature`},
		{"\nrequest", "\nanswer: {states: {a: filed}}\nrequest", `line 3|filed|filled`},
	} {
		bad := strings.Replace(good, x.old, x.new, 1)
		_, err := venue.NewGeneric([]byte(bad))
		if err == nil {
			t.Errorf("accepted:\n%s", bad)
			continue
		}
		for _, w := range strings.Split(x.want, "|") {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s\n%s: error does not say %q: %v", x.new, x.old, w, err)
			}
		}
	}
}
