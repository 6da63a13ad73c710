package venue_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"vedette"
	"vedette/venue"
)

func TestCoinbaseMeaning(t *testing.T) {
	const orders = `POST /api/v3/brokerage/orders `
	meaningIs(t, venue.Coinbase, []row{
		{orders + `{"client_order_id":"c","product_id":"BTC-USD","side":"BUY","order_configuration":{"limit_limit_gtc":{"base_size":"0.01","limit_price":"20000","post_only":true}}}`,
			`order.new BTC-USD buy limit 0.01 @20000 gtc post cl=c`},
		{orders + `{"product_id":"BTC-USD","side":"SELL","order_configuration":{"market_market_ioc":{"quote_size":"10"}}}`, `order.new BTC-USD sell market 10 ioc`},
		{orders + `{"product_id":"BTC-USD","side":"SELL","order_configuration":{"sor_limit_ioc":{"base_size":"1","limit_price":"2"}}}`, `order.new BTC-USD sell limit 1 @2 ioc`},
		{orders + `{"product_id":"BTC-USD","side":"SELL","order_configuration":{"limit_limit_fok":{"base_size":"1","limit_price":"2"}}}`, `order.new BTC-USD sell limit 1 @2 fok`},
		{orders + `{"product_id":"BTC-USD","side":"SELL","order_configuration":{"stop_limit_stop_limit_gtd":{"base_size":"1","limit_price":"2","stop_price":"3"}}}`,
			`order.new BTC-USD sell stop_limit 1 @2 stop=3 gtd`},
		{orders + `{"clientOrderId":"c","productId":"BTC-USD","side":"BUY","orderConfiguration":{"limitLimitGtc":{"baseSize":"1","limitPrice":"2"}}}`,
			`order.new BTC-USD buy limit 1 @2 gtc cl=c`},
		{orders + `{"productId":"BTC-USD","side":"BUY","orderConfiguration":{"market_market_ioc":{"quote_size":"10"}}}`, `order.new BTC-USD buy market 10 ioc`},
		{`POST /api/v3/brokerage/orders/preview {"product_id":"BTC-USD","side":"BUY"}`, `order.query BTC-USD buy`},
		{`POST /api/v3/brokerage/orders/edit {"order_id":"o1","price":"2","size":"3"}`, `order.amend 3 @2 id=o1`},
		{`POST /api/v3/brokerage/orders/batch_cancel {"order_ids":["a","b"]}`, `order.batch | order.cancel id=a | order.cancel id=b`},
		{`POST /api/v3/brokerage/orders/batch_cancel {"orderIds":["a"]}`, `order.batch | order.cancel id=a`},
		{`POST /api/v3/brokerage/orders/close_position {"client_order_id":"c","product_id":"BIT-28JUL23-CDE","size":"1"}`, `order.new BIT-28JUL23-CDE 1 cl=c`},
		{`POST /api/v3/brokerage/portfolios/move_funds {"funds":{"value":"1","currency":"USD"},"source_portfolio_uuid":"a","target_portfolio_uuid":"b"}`,
			`transfer 1 asset=USD obj=b`},
		{`POST /api/v3/brokerage/intx/allocate {"portfolio_uuid":"p","symbol":"BTC-PERP","amount":"1","currency":"USD"}`, `transfer BTC-PERP 1 asset=USD obj=p`},
		{`DELETE /api/v3/brokerage/portfolios/p1`, `admin obj=p1`},
		{`GET /api/v3/brokerage/accounts?limit=49`, `account.read`},
		{`GET /api/v3/brokerage/orders/historical/o1`, `order.query id=o1`},
		{`GET /api/v3/brokerage/orders/historical/batch?product_ids=BTC-USD`, `order.query BTC-USD`},
		{`GET /api/v3/brokerage/products/BTC-USD/candles`, `market.read BTC-USD`},
		{`GET /api/v3/brokerage/key_permissions`, `account.read`},
		{`POST /v2/accounts/a1/transactions {"type":"send","to":"1Boat","amount":"0.1","currency":"BTC","idem":"i"}`, `withdraw 0.1 cl=i asset=BTC to=1Boat obj=a1`},
		{`POST /v2/accounts/a1/transactions {"type":"transfer","to":"a2","amount":"0.1","currency":"BTC"}`, `transfer 0.1 asset=BTC obj=a2`},
		{`POST /v2/accounts/a1/transactions {"to":"1Boat","amount":"0.1","currency":"BTC"}`, `withdraw 0.1 asset=BTC to=1Boat obj=a1`},
		{`POST /v2/accounts/a1/withdrawals {"amount":"10","currency":"USD","payment_method":"p"}`, `withdraw 10 asset=USD to=p obj=a1`},
		{`POST /v2/accounts/a1/addresses {}`, `deposit.address obj=a1`},
		{`GET /v2/accounts/a1/transactions`, `account.read obj=a1`},
		{`GET /v2/prices/BTC-USD/spot`, `market.read BTC-USD`},
		{`POST /api/v3/brokerage/nosuch {}`, `unknown`},
		{`WS {"type":"subscribe","channel":"user","product_ids":["BTC-USD"],"jwt":"x"}`, `order.query BTC-USD`},
		{`WS {"type":"subscribe","channel":"level2","product_ids":["BTC-USD"]}`, `market.read BTC-USD`},
		{`WS {"type":"subscribe","channel":"futures_balance_summary","jwt":"x"}`, `account.read`},
		{`WS {"type":"whatever"}`, `unknown`},
	})
}

// jwt puts header and claims into the compact form, with a signature that is none.
func jwt(header, claims string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(claims)) + ".c2ln"
}

func TestCoinbaseJWT(t *testing.T) {
	const (
		header = `{"alg":"ES256","kid":"k","typ":"JWT","nonce":"n"}`
		claims = `{"iss":"cdp","sub":"k","nbf":1795340739,"exp":1795340859,"uri":"POST api.coinbase.com/api/v3/brokerage/orders"}`
		good   = `signature k scheme=es256 nonce=n window=2m0s+5s expires=1795340859`
	)
	with := func(s, old, new string) string {
		if !strings.Contains(s, old) {
			t.Fatalf("%q is not in %s", old, s)
		}
		return strings.Replace(s, old, new, 1)
	}
	for _, x := range []struct{ name, header, claims, want string }{
		{"good", header, claims, good},
		{"eddsa", with(header, "ES256", "EdDSA"), claims, with(good, "es256", "eddsa")},
		{"no nonce, no typ", `{"alg":"ES256","kid":"k"}`, claims, with(good, " nonce=n", "")},
		{"older issuer, uris", header, with(with(claims, "cdp", "coinbase-cloud"), `"uri":"POST api.coinbase.com/api/v3/brokerage/orders"`,
			`"uris":["GET api.coinbase.com/x","POST api.coinbase.com/api/v3/brokerage/orders"]`), good},
		{"none", with(header, "ES256", "none"), claims, with(good, "es256", "unknown")},
		{"HS256", with(header, "ES256", "HS256"), claims, with(good, "es256", "unknown")},
		{"jku", with(header, `"typ"`, `"jku":"https://evil","typ"`), claims, good + " fault=token_key"},
		{"jwk", with(header, `"typ"`, `"jwk":{},"typ"`), claims, good + " fault=token_key"},
		{"crit", with(header, `"typ"`, `"crit":["b64"],"typ"`), claims, good + " fault=token_invalid"},
		{"typ", with(header, `"JWT"`, `"dpop+jwt"`), claims, good + " fault=token_type"},
		{"access token", with(header, `"JWT"`, `"at+jwt"`), claims, "bearer token=" + jwt(with(header, `"JWT"`, `"at+jwt"`), claims)},
		{"two kids", with(header, `"typ"`, `"kid":"other","typ"`), claims, "signature fault=token_invalid"},
		{"no kid", with(header, `"kid":"k",`, ``), claims, "signature scheme=es256 nonce=n fault=token_invalid mismatch=bound_elsewhere window=2m0s+5s expires=1795340859"},
		{"other subject", header, with(claims, `"sub":"k"`, `"sub":"j"`), good + " mismatch=bound_elsewhere"},
		{"other issuer", header, with(claims, "cdp", "me"), good + " mismatch=token_issuer"},
		{"other method", header, with(claims, "POST", "GET"), good + " mismatch=bound_elsewhere"},
		{"other host", header, with(claims, "api.coinbase.com", "api.evil.com"), good + " mismatch=bound_elsewhere"},
		{"other host of the venue", header, with(claims, "api.coinbase.com", "api-sandbox.coinbase.com"), good + " mismatch=bound_elsewhere"},
		{"other path", header, with(claims, "orders", "orders/edit"), good + " mismatch=bound_elsewhere"},
		{"for a stream", header, with(claims, `,"uri":"POST api.coinbase.com/api/v3/brokerage/orders"`, ``), good + " mismatch=bound_elsewhere"},
		{"no expiry", header, with(claims, `"exp":1795340859,`, ``), "signature k scheme=es256 nonce=n fault=token_invalid"},
		{"claims twice", header, with(claims, `"iss"`, `"sub":"j","iss"`), "signature k scheme=es256 nonce=n fault=token_invalid"},
		{"no JSON", `x`, claims, "signature fault=token_invalid"},
	} {
		r := parseRequest("POST /api/v3/brokerage/orders {}")
		r.Host = "api.coinbase.com"
		r.Header = venue.Header{{Name: "Authorization", Value: "Bearer " + jwt(x.header, x.claims)}}
		var c venue.Claim
		venue.Coinbase.Claim(r, &c)
		if got := sayToken(&c); !sameWords(got, x.want) {
			t.Errorf("%s\n got %s\nwant %s", x.name, got, x.want)
		}
		if msg, _ := venue.Coinbase.Message(r, &c, 0, nil); c.Auth == venue.AuthSignature && c.Fault == "" && string(msg)+".c2ln" != jwt(x.header, x.claims) {
			t.Errorf("%s: message %s", x.name, msg)
		}
	}
	claimIs(t, venue.Coinbase, "GET /v2/user", "Authorization: Bearer opaque", "bearer token=opaque")
	claimIs(t, venue.Coinbase, "GET /v2/user", "Authorization: Bearer a\nAuthorization: Bearer b", "bearer token=a fault=ambiguous")
	claimIs(t, venue.Coinbase, "GET /v2/user", "CB-ACCESS-KEY: k\nCB-ACCESS-SIGN: s\nCB-ACCESS-TIMESTAMP: 1795340739", "signature k scheme=hmac window=30s+30s")
	claimIs(t, venue.Coinbase, "GET /v2/user", "CB-ACCESS-KEY: k\nCB-ACCESS-SIGN: s\nCB-ACCESS-TIMESTAMP: 1795340739123", "signature k scheme=hmac fault=bad_encoding")
	claimIs(t, venue.Coinbase, "GET /v2/user", "CB-ACCESS-KEY: k\nCB-ACCESS-SIGN: s\nCB-ACCESS-TIMESTAMP: 1795340739\nAuthorization: Bearer x",
		"signature k scheme=hmac fault=ambiguous window=30s+30s")
}

func sayToken(c *venue.Claim) string {
	s := authNames[c.Auth]
	for _, x := range []struct{ name, v string }{{"", c.Key}, {"scheme=", c.Scheme}, {"nonce=", c.Nonce}, {"token=", c.Token},
		{"fault=", string(c.Fault)}, {"mismatch=", string(c.Mismatch)}} {
		if x.v != "" {
			s += " " + x.name + x.v
		}
	}
	if !c.Time.IsZero() {
		s += fmt.Sprintf(" window=%v+%v", c.MaxAge, c.MaxAhead)
	}
	if !c.Expires.IsZero() {
		s += fmt.Sprintf(" expires=%d", c.Expires.Unix())
	}
	return s
}

// TestCoinbaseStream: a stream takes a JWT that names no endpoint, once as a log-in
// and again on the same session.
func TestCoinbaseStream(t *testing.T) {
	const header = `{"alg":"ES256","kid":"k","nonce":"n"}`
	open := jwt(header, `{"iss":"cdp","sub":"k","nbf":1795340739,"exp":1795340859}`)
	bound := jwt(header, `{"iss":"cdp","sub":"k","nbf":1795340739,"exp":1795340859,"uri":"GET api.coinbase.com/x"}`)
	s := &venue.Session{ID: 1}
	send := func(body string) (c venue.Claim) {
		venue.Coinbase.Claim(&venue.Request{Kind: venue.Message, Session: s, Body: []byte(body)}, &c)
		return c
	}
	if c := send(`{"type":"subscribe","channel":"user","jwt":"` + bound + `"}`); c.Mismatch != vedette.BoundElsewhere {
		t.Errorf("a JWT for a request: %+v", c)
	}
	if c := send(`{"type":"subscribe","channel":"user","jwt":"` + open + `"}`); c.Auth != venue.AuthSignature || !c.Login || c.Mismatch != "" {
		t.Errorf("a JWT for a stream: %+v", c)
	}
	s.Key = "k"
	if c := send(`{"type":"subscribe","channel":"heartbeats","jwt":"` + open + `"}`); c.Auth != venue.AuthSession {
		t.Errorf("the same again: %+v", c)
	}
	if c := send(`{"type":"subscribe","channel":"heartbeats","jwt":"` + open + `","signature":"x"}`); c.Fault != vedette.Ambiguous {
		t.Errorf("JWT and signature: %+v", c)
	}
	// Older keys sign time, channel and products.
	m := &venue.Request{Kind: venue.Message, Session: &venue.Session{}, Body: []byte(
		`{"type":"subscribe","channel":"level2","product_ids":["A-B","C-D"],"api_key":"k","timestamp":"1795340739","signature":"00"}`)}
	var c venue.Claim
	venue.Coinbase.Claim(m, &c)
	if msg, ok := venue.Coinbase.Message(m, &c, 0, nil); !ok || string(msg) != "1795340739level2A-B,C-D" || c.Scheme != "hmac" {
		t.Errorf("older keys: %q %+v", msg, c)
	}
}

// TestCoinbaseQuery: older keys sign the query on version 2 and leave it open on 3.
func TestCoinbaseQuery(t *testing.T) {
	seen := 0
	for _, c := range captures(t, "*-rest.json") {
		if c.Exchange != "coinbase" || c.schemeName() != "hmac" || c.Method != "GET" {
			continue
		}
		bad := c
		bad.URL += "&zz=1"
		_, ok := bad.verifies(venue.Coinbase, bad.request())
		if signed := strings.HasPrefix(c.URL, "/v2/"); ok == signed {
			t.Errorf("%s: verifies with another query: %v", c.name(), ok)
		}
		seen++
	}
	if seen < 4 {
		t.Errorf("%d captures", seen)
	}
}

func TestCoinbaseAnswer(t *testing.T) {
	const order = "POST /api/v3/brokerage/orders {}\n"
	answerIs(t, venue.Coinbase, []row{
		{order + `200 {"success":true,"success_response":{"order_id":"o1","product_id":"BTC-USD","side":"BUY"}}`, `200 accepted order=o1`},
		{order + `200 {"success":false,"failure_reason":"UNKNOWN_FAILURE_REASON","error_response":{"error":"INSUFFICIENT_FUND","message":"m"}}`, `200 rejected error=INSUFFICIENT_FUND`},
		{order + `401 Unauthorized`, `401 rejected`},
		{order + `403 {"error":"PERMISSION_DENIED","error_details":"d","message":"m"}`, `403 rejected error=PERMISSION_DENIED`},
		{"POST /api/v3/brokerage/orders/batch_cancel {}\n" + `200 {"results":[{"success":true,"failure_reason":"UNKNOWN_CANCEL_FAILURE_REASON","order_id":"o1"}]}`, `200 cancelled order=o1`},
		{"POST /api/v3/brokerage/orders/batch_cancel {}\n" + `200 {"results":[{"success":false,"failure_reason":"UNKNOWN_CANCEL_ORDER","order_id":"o1"}]}`, `200 rejected error=UNKNOWN_CANCEL_ORDER`},
		{"POST /api/v3/brokerage/orders/edit {}\n" + `200 {"success":false,"errors":[{"edit_failure_reason":"ORDER_NOT_FOUND"}]}`, `200 rejected error=ORDER_NOT_FOUND`},
		{"POST /v2/accounts/a/transactions {}\n" + `201 {"data":{"id":"t1","type":"send","status":"pending"}}`, `201 accepted order=t1`},
		{"POST /v2/accounts/a/transactions {}\n" + `401 {"errors":[{"id":"authentication_error","message":"m"}]}`, `401 rejected error=authentication_error`},
		{"GET /api/v3/brokerage/accounts\n" + `200 {"accounts":[]}`, `200`},
		{`WS {"type":"subscribe"}` + "\n" + `WS {"type":"error","message":"authentication failure"}`, `0 login-failed rejected error=authentication failure`},
	})
}

func TestCoinbaseDeny(t *testing.T) {
	denyIs(t, venue.Coinbase, `POST /api/v3/brokerage/orders {}`, map[vedette.Reason]string{
		vedette.NoPermission: `403 {"error":"PERMISSION_DENIED","error_details":"permission denied","message":"permission denied"}`,
	})
	denyIs(t, venue.Coinbase, `POST /v2/accounts/a/transactions {}`, map[vedette.Reason]string{
		vedette.BadSignature: `401 {"errors":[{"id":"authentication_error","message":"invalid signature"}]}`,
	})
	denials(t, venue.Coinbase, `WS {"type":"subscribe"}`)
}
