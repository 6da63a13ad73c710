package venue_test

import (
	"encoding/base64"
	"testing"

	"vedette"
	"vedette/venue"
)

// geminiRequest carries the payload in its header.
func geminiRequest(target, payload string) *venue.Request {
	r := parseRequest("POST " + target)
	r.Header = venue.Header{{Name: "X-GEMINI-APIKEY", Value: "account-k"}, {Name: "X-GEMINI-SIGNATURE", Value: "00"},
		{Name: "X-GEMINI-PAYLOAD", Value: base64.StdEncoding.EncodeToString([]byte(payload))}}
	return r
}

func TestGeminiMeaning(t *testing.T) {
	for _, x := range []struct{ target, payload, want string }{
		{"/v1/order/new", `{"symbol":"btcusd","amount":"5","price":"3633.00","side":"buy","type":"exchange limit","client_order_id":"c1","options":["maker-or-cancel"]}`,
			"order.new btcusd buy limit 5 @3633.00 post cl=c1"},
		{"/v1/order/new", `{"symbol":"btcusd","amount":"5","price":"1","side":"sell","type":"exchange limit","options":["immediate-or-cancel"]}`,
			"order.new btcusd sell limit 5 @1 ioc"},
		{"/v1/order/new", `{"symbol":"btcusd","amount":"5","price":"1","stop_price":"2","side":"sell","type":"exchange stop limit"}`,
			"order.new btcusd sell stop_limit 5 @1 stop=2"},
		{"/v1/order/cancel", `{"order_id":106817811}`, "order.cancel id=106817811"},
		{"/v1/order/cancel/all", `{}`, "order.cancel_all"},
		{"/v1/order/cancel/session", `{}`, "order.cancel_all"},
		{"/v1/order/status", `{"order_id":7}`, "order.query id=7"},
		{"/v1/prediction-markets/order/batch", `{"orders":[{"symbol":"A","side":"buy","quantity":"1","price":"0.5"}]}`, "order.batch | order.new A buy 1 @0.5"},
		{"/v1/mytrades", `{"symbol":"btcusd"}`, "order.query btcusd"},
		{"/v1/balances", `{}`, "account.read"},
		{"/v1/withdraw/btc", `{"address":"1Boat","amount":"0.1","clientTransferId":"t"}`, "withdraw 0.1 cl=t asset=btc to=1Boat"},
		{"/v2/withdraw/ethereum/usdc", `{"address":"0x1","amount":"1"}`, "withdraw 1 asset=usdc to=0x1"},
		{"/v1/account/transfer/btc", `{"sourceAccount":"a","targetAccount":"b","amount":"1"}`, "transfer 1 asset=btc obj=b"},
		{"/v1/deposit/bitcoin/newAddress", `{"label":"l"}`, "deposit.address asset=bitcoin obj=l"},
		{"/v1/approvedAddresses/ethereum/request", `{"address":"0x1","label":"l"}`, "allowlist.change asset=ethereum to=0x1 obj=l"},
		{"/v1/account/create", `{"name":"n"}`, "admin obj=n"},
		{"/v1/heartbeat", `{}`, "account.read"},
		{"/v1/nosuch", `{"symbol":"x"}`, "unknown"},
	} {
		r := geminiRequest(x.target, x.payload)
		r.Body = []byte(`{"symbol":"ethusd","amount":"999","side":"sell","address":"other"}`) // means nothing
		var c vedette.Call
		venue.Gemini.Meaning(r, &c)
		if got := sayCall(&c); got != x.want {
			t.Errorf("%s %s\n got %s\nwant %s", x.target, x.payload, got, x.want)
		}
	}
	meaningIs(t, venue.Gemini, []row{
		{`GET /v1/pubticker/btcusd`, `market.read btcusd`},
		{`GET /v1/order/events?eventTypeFilter=fill&eventTypeFilter=closed`, `order.query`},
		{`WS {"id":"1","method":"order.place","params":{"symbol":"BTCUSD","side":"BUY","type":"LIMIT","timeInForce":"IOC","price":"1","quantity":"2","clientOrderId":"c"}}`,
			`order.new BTCUSD buy limit 2 @1 ioc cl=c`},
		{`WS {"id":"1","method":"order.cancel","params":{"orderId":"7"}}`, `order.cancel id=7`},
		{`WS {"id":"1","method":"order.cancel_all"}`, `order.cancel_all`},
		{`WS {"id":"1","method":"subscribe","params":["btcusd@bookTicker"]}`, `market.read`},
		{`WS {"id":"1","method":"subscribe","params":["btcusd@trade","orders@account"]}`, `order.query`},
	})
}

func TestGeminiClaim(t *testing.T) {
	for _, x := range []struct {
		target, payload string
		nonce           string
		rule            venue.NonceRule
		timed           bool
		fault, mismatch vedette.Reason
	}{
		{"/v1/balances", `{"request":"/v1/balances","nonce":"1795340739974"}`, "1795340739974", venue.NonceIncreasing, false, "", ""},
		{"/v1/balances", `{"request":"/v1/balances","nonce":1795340739974}`, "1795340739974", venue.NonceIncreasing, false, "", ""},
		{"/v1/balances", `{"request":"/v1/balances","nonce":1795340739}`, "1795340739", venue.NonceNone, true, "", ""},
		{"/v1/balances", `{"request":"/v1/balances","nonce":1795340739.25}`, "1795340739.25", venue.NonceNone, true, "", ""},
		{"/v1/balances", `{"request":"/v1/balances"}`, "", venue.NonceIncreasing, false, "", ""},
		{"/v1/balances", `{"request":"/v1/balances","nonce":"soon"}`, "soon", venue.NonceIncreasing, false, vedette.BadEncoding, ""},
		{"/v1/order/new", `{"request":"/v1/balances","nonce":1795340739974}`, "1795340739974", venue.NonceIncreasing, false, "", vedette.BoundElsewhere},
		{"/v1/x?a=1", `{"request":"/v1/x?a=1","nonce":1795340739974}`, "1795340739974", venue.NonceIncreasing, false, "", ""},
		{"/v1/x?a=2", `{"request":"/v1/x?a=1","nonce":1795340739974}`, "1795340739974", venue.NonceIncreasing, false, "", vedette.BoundElsewhere},
		{"/v1/balances", `{"request":"/v1/balances","nonce":1,"Nonce":2}`, "", venue.NonceNone, false, vedette.Ambiguous, ""},
		{"/v1/balances", `[]`, "", venue.NonceNone, false, vedette.BadEncoding, ""},
	} {
		var c venue.Claim
		venue.Gemini.Claim(geminiRequest(x.target, x.payload), &c)
		if c.Auth != venue.AuthSignature || c.Nonce != x.nonce || c.NonceRule != x.rule || c.Time.IsZero() == x.timed || c.Fault != x.fault || c.Mismatch != x.mismatch {
			t.Errorf("%s: %+v", x.payload, c)
		}
	}
	var c venue.Claim
	venue.Gemini.Claim(geminiRequest("/v1/balances", `{"request":"/v1/balances","nonce":1,"account":"sub"}`), &c)
	if c.Account != "sub" {
		t.Errorf("account %q", c.Account)
	}
	claimIs(t, venue.Gemini, "POST /v1/balances", "Authorization: Bearer abc", "bearer token=abc")
	claimIs(t, venue.Gemini, "POST /v1/balances", "X-GEMINI-APIKEY: k\nX-GEMINI-PAYLOAD: e30=", "signature k mismatch=bound_elsewhere unsigned")
}

// TestGeminiUpgrade: the newer WebSocket API signs the nonce alone, that opens a
// session and nothing else.
func TestGeminiUpgrade(t *testing.T) {
	r := &venue.Request{Kind: venue.Upgrade, Method: "GET", Path: "/", Header: venue.Header{{Name: "X-GEMINI-APIKEY", Value: "account-k"},
		{Name: "X-GEMINI-NONCE", Value: "1795340739"}, {Name: "X-GEMINI-PAYLOAD", Value: "MTc5NTM0MDczOQ=="}, {Name: "X-GEMINI-SIGNATURE", Value: "00"}}}
	var c venue.Claim
	venue.Gemini.Claim(r, &c)
	if c.Auth != venue.AuthSignature || !c.Login || c.Time.Unix() != 1795340739 || c.Fault != "" || c.Mismatch != "" {
		t.Errorf("upgrade: %+v", c)
	}
	if msg, ok := venue.Gemini.Message(r, &c, 0, nil); !ok || string(msg) != "MTc5NTM0MDczOQ==" {
		t.Errorf("message %q", msg)
	}
	r.Kind = venue.HTTPRequest
	c.Reset()
	if venue.Gemini.Claim(r, &c); c.Mismatch != vedette.BoundElsewhere {
		t.Errorf("the same on REST: %+v", c)
	}
	r.Kind, r.Header[1].Value = venue.Upgrade, "1795340740"
	c.Reset()
	if venue.Gemini.Claim(r, &c); c.Fault != vedette.BadEncoding {
		t.Errorf("nonce and payload differ: %+v", c)
	}
}

func TestGeminiAnswer(t *testing.T) {
	const order = "POST /v1/order/new\n"
	answerIs(t, venue.Gemini, []row{
		{order + `200 {"order_id":"1062","symbol":"btcusd","executed_amount":"0","remaining_amount":"5","is_live":true,"is_cancelled":false}`, `200 accepted order=1062`},
		{order + `200 {"order_id":"1062","executed_amount":"5","remaining_amount":"0","is_live":false,"is_cancelled":false}`, `200 filled order=1062`},
		{order + `200 {"order_id":"1062","executed_amount":"2","remaining_amount":"3","is_live":true,"is_cancelled":false}`, `200 partly_filled order=1062`},
		{order + `400 {"result":"error","reason":"InvalidNonce","message":"m"}`, `400 rejected error=InvalidNonce`},
		{"POST /v1/order/cancel\n" + `200 {"order_id":"1062","is_live":false,"is_cancelled":true,"executed_amount":"0"}`, `200 cancelled order=1062`},
		{"POST /v1/withdraw/btc\n" + `200 {"address":"1Boat","amount":"1","withdrawalId":"w1"}`, `200 order=w1`},
		{"POST /v1/balances\n" + `200 [{"currency":"BTC"}]`, `200`},
		{`WS {"id":"1","method":"order.place"}` + "\n" + `WS {"id":"1","status":200,"result":{"orderId":"7","status":"NEW"}}`, `0 accepted order=7`},
		{`WS {"id":"1","method":"order.place"}` + "\n" + `WS {"id":"1","status":400,"error":{"code":-1013,"msg":"m"}}`, `0 rejected error=-1013`},
	})
	tied(t, venue.Gemini, `{"id":"1","method":"order.place"}`, `{"id":"1","status":200}`)
}

func TestGeminiDeny(t *testing.T) {
	denyIs(t, venue.Gemini, `POST /v1/order/new`, map[vedette.Reason]string{
		vedette.BadSignature: `400 {"result":"error","reason":"InvalidSignature","message":"InvalidSignature"}`,
		vedette.Throttled:    `429 {"result":"error","reason":"RateLimit","message":"Requests were made too frequently"}`,
	})
	denyIs(t, venue.Gemini, `WS {"id":"1","method":"order.place"}`, map[vedette.Reason]string{
		vedette.Throttled: `0 {"id":"1","status":429,"error":{"code":"RateLimit","msg":"Requests were made too frequently"}}`,
	})
	denials(t, venue.Gemini, `WS nonsense`)
}
