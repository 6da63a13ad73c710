package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestBitMEXMeaning(t *testing.T) {
	meaningIs(t, venue.BitMEX, []row{
		{`POST /api/v1/order {"symbol":"XBTUSD","side":"Buy","orderQty":100,"price":20000.5,"ordType":"Limit","timeInForce":"FillOrKill","clOrdID":"c1"}`,
			`order.new XBTUSD buy limit 100 @20000.5 fok cl=c1`},
		{`POST /api/v1/order symbol=XBTUSD&orderQty=-100`, `order.new XBTUSD sell market 100`},
		{`POST /api/v1/order {"symbol":"XBTUSD","orderQty":1,"stopPx":5,"price":6,"execInst":"ReduceOnly,LastPrice"}`, `order.new XBTUSD buy stop_limit 1 @6 stop=5 reduce`},
		{`POST /api/v1/order {"symbol":"XBTUSD","side":"Sell","orderQty":1,"price":6,"ordType":"Limit","execInst":"ParticipateDoNotInitiate"}`,
			`order.new XBTUSD sell limit 1 @6 post`},
		{`POST /api/v1/order {"symbol":"XBTUSD","side":"Sell","orderQty":1,"stopPx":6,"ordType":"MarketIfTouched"}`, `order.new XBTUSD sell stop 1 stop=6`},
		{`PUT /api/v1/order {"origClOrdID":"c1","orderQty":7,"price":3}`, `order.amend 7 @3 id=c1`},
		{`DELETE /api/v1/order {"orderID":"o1"}`, `order.cancel id=o1`},
		{`DELETE /api/v1/order?orderID=b9d11a0e-6d36-4a0c-a9d4-1f0b0c2a3f11`, `order.cancel id=b9d11a0e-6d36-4a0c-a9d4-1f0b0c2a3f11`},
		{`DELETE /api/v1/order orderID=19d11a0e-6d36-4a0c-a9d4-1f0b0c2a3f11`, `order.cancel id=19d11a0e-6d36-4a0c-a9d4-1f0b0c2a3f11`},
		{`DELETE /api/v1/order clOrdID=abc`, `order.cancel cl=abc id=abc`},
		{`DELETE /api/v1/order?orderID=%5B%22o1%22%2C%22o2%22%5D`, `order.cancel id=["o1","o2"] | order.cancel id=o1 | order.cancel id=o2`},
		{`DELETE /api/v1/order {"orderID":["o1","o2"]}`, `order.cancel | order.cancel id=o1 | order.cancel id=o2`},
		{`DELETE /api/v1/order {"clOrdID":["a","b"]}`, `order.cancel | order.cancel cl=a id=a | order.cancel cl=b id=b`},
		{`DELETE /api/v1/order/all {"symbol":"XBTUSD"}`, `order.cancel_all XBTUSD`},
		{`POST /api/v1/order/cancelAllAfter {"timeout":60000}`, `order.cancel_all`},
		{`GET /api/v1/order?filter=%7B%22open%22%3Atrue%7D&symbol=XBTUSD`, `order.query XBTUSD`},
		{`GET /api/v1/user/margin?currency=all`, `account.read asset=all`},
		{`GET /api/v1/user/depositAddress?currency=XBt&network=btc`, `deposit.address asset=XBt`},
		{`POST /api/v1/user/requestWithdrawal {"currency":"XBt","network":"btc","amount":1000,"address":"bc1q","otpToken":"1"}`, `withdraw 1000 asset=XBt to=bc1q`},
		{`POST /api/v1/user/walletTransfer {"currency":"XBt","amount":5,"fromAccountId":1,"toAccountId":2}`, `transfer 5 asset=XBt obj=2`},
		{`POST /api/v1/address {"currency":"XBt","address":"bc1q","name":"n"}`, `allowlist.change asset=XBt to=bc1q`},
		{`DELETE /api/v1/apiKey {"apiKeyID":"abc"}`, `key.delete obj=abc`},
		{`POST /api/v1/position/leverage {"symbol":"XBTUSD","leverage":5}`, `setting.change XBTUSD`},
		{`GET /api/v1/instrument/active`, `market.read`},
		{`GET /api/v1/orderBook/L2?symbol=XBTUSD`, `market.read XBTUSD`},
		{`POST /api/v1/nothing {}`, `unknown`},
		{`WS {"op":"authKeyExpires","args":["k",1,"s"]}`, `session.login`},
		{`WS {"op":"subscribe","args":["trade:XBTUSD","orderBookL2_25:XBTUSD"]}`, `market.read XBTUSD`},
		{`WS {"op":"subscribe","args":["execution","order"]}`, `account.read`},
		{`WS {"op":"subscribe","args":"margin"}`, `account.read`},
		{`WS {"op":"cancelAllAfter","args":15000}`, `order.cancel_all`},
		{`WS ping`, `market.read`},
		{`WS [1,"id","quote:XBTUSD"]`, `market.read XBTUSD`},
		{`WS [0,"id","topic",{"op":"authKeyExpires","args":["k",1,"s"]}]`, `session.login`},
		{`WS {"op":"what"}`, `unknown`},
	})
}

// The examples of the venue's "API Key Usage" page.
func TestBitMEXVectors(t *testing.T) {
	const key, secret = "LAqUlngMIQkIUjXMUreyu3qn", "chNOOS4KvNXR_Xq4k4c9qsfoKWvnDecLATCRlcBwyKDYnWgO"
	for _, v := range []struct{ method, url, expires, body, signature string }{
		{"GET", "/api/v1/instrument", "1518064236", "", "c7682d435d0cfe87c16098df34ef2eb5a549d4c5a3c2b1f0f77b8af73423bf00"},
		{"GET", "/api/v1/instrument?filter=%7B%22symbol%22%3A+%22XBTM15%22%7D", "1518064237", "",
			"e2f422547eecb5b3cb29ade2127e21b858b235b386bfa45e1c1756eb3383919f"},
		{"POST", "/api/v1/order", "1518064238", `{"symbol":"XBTM15","price":219.0,"clOrdID":"mm_bitmex_1a/oemUeQ4CAJZgP3fjHsA","orderQty":98}`,
			"1749cd2ccae4aa49048ae09f0b95110cee706e0944e6a14ad0b3a8cb45bd336b"},
	} {
		c := capture{Exchange: "bitmex", Scheme: "hmac", Method: v.method, URL: v.url, Body: v.body, APIKey: key, Secret: secret,
			Headers: [][2]string{{"api-key", key}, {"api-expires", v.expires}, {"api-signature", v.signature}}}
		if _, ok := c.verifies(venue.BitMEX, c.request()); !ok {
			t.Errorf("%s %s does not verify", v.method, v.url)
		}
	}
}

func TestBitMEXClaim(t *testing.T) {
	claimIs(t, venue.BitMEX, `GET /api/v1/user`, "api-key: k\napi-expires: 1518064236\napi-signature: ab", "signature k expires=1518064236")
	claimIs(t, venue.BitMEX, `GET /api/v1/user`, "api-key: k\napi-expires: soon\napi-signature: ab", "signature k fault=bad_encoding")
	claimIs(t, venue.BitMEX, `GET /api/v1/user`, "api-key: k\napi-expires: 1518064236", "signature k unsigned expires=1518064236")
	claimIs(t, venue.BitMEX, `GET /api/v1/user`, "api-key: k\napi-key: l\napi-expires: 1518064236\napi-signature: ab",
		"signature k fault=ambiguous expires=1518064236")
	claimIs(t, venue.BitMEX, `GET /api/v1/user`, "api-key: k\napi-expires: 100000000000001\napi-signature: ab", "signature k fault=bad_encoding")
	claimIs(t, venue.BitMEX, `GET /api/v1/trade`, "", "none")
	claimIs(t, venue.BitMEX, `WS {"op":"authKeyExpires","args":["k",1518064236,"ab"]}`, "", "signature k login expires=1518064236")
	claimIs(t, venue.BitMEX, `WS {"op":"authKey","args":["k",1,"ab"]}`, "", "signature k fault=bad_encoding login")
	claimIs(t, venue.BitMEX, `WS {"op":"subscribe","args":["order"]}`, "", "session")
}

func TestBitMEXAnswer(t *testing.T) {
	const order = `POST /api/v1/order {}` + "\n"
	answerIs(t, venue.BitMEX, []row{
		{order + `200 {"orderID":"o1","ordStatus":"New","account":7}`, `200 accepted order=o1 account=7`},
		{order + `200 {"orderID":"o1","ordStatus":"PartiallyFilled"}`, `200 partly_filled order=o1`},
		{order + `200 {"orderID":"o1","ordStatus":"Filled"}`, `200 filled order=o1`},
		{order + `400 {"error":{"message":"Invalid price","name":"ValidationError"}}`, `400 rejected error=ValidationError`},
		{`DELETE /api/v1/order {}` + "\n" + `200 [{"orderID":"o1","ordStatus":"Canceled"}]`, `200 cancelled order=o1`},
		{`WS {"op":"authKeyExpires","args":[]}` + "\n" + `WS {"success":true,"request":{"op":"authKeyExpires"}}`, `0 accepted`},
		{`WS {"op":"authKeyExpires","args":[]}` + "\n" + `WS {"status":401,"error":"Signature not valid.","meta":{},"request":{}}`, `401 rejected error=401 login-failed`},
	})
}

func TestBitMEXDeny(t *testing.T) {
	denyIs(t, venue.BitMEX, `POST /api/v1/order {}`, map[vedette.Reason]string{
		vedette.BadSignature: `401 {"error":{"message":"Signature not valid.","name":"HTTPError"}}`,
		vedette.Throttled:    `429 {"error":{"message":"Rate limit exceeded, retry in 1 seconds.","name":"RateLimitError"}}`,
	})
	denyIs(t, venue.BitMEX, `WS {"op":"subscribe","args":["order"]}`, map[vedette.Reason]string{
		vedette.NoPermission: `0 {"status":403,"error":"Access Denied","meta":{},"request":{"op":"subscribe","args":["order"]}}`,
	})
	denials(t, venue.BitMEX, `WS ping`)
	tied(t, venue.BitMEX, `{"op":"subscribe","args":["order"]}`, `{"success":true,"subscribe":"order","request":{"op":"subscribe","args":["order"]}}`)
	tied(t, venue.BitMEX, `{"op":"authKeyExpires","args":["k",1,"s"]}`, `{"success":true,"request":{"op":"authKeyExpires","args":["k",1,"s"]}}`)
	tied(t, venue.BitMEX, `ping`, `pong`)
}

// tied holds that a message and the venue's answer to it correlate.
func tied(t *testing.T, d *venue.Dialect, message, reply string) {
	t.Helper()
	q := d.Correlate(&venue.Request{Kind: venue.Message, Body: []byte(message)})
	a := d.Correlate(&venue.Request{Kind: venue.Reply, Body: []byte(reply)})
	if q == "" || q != a {
		t.Errorf("%s is tied by %q, %s by %q", message, q, reply, a)
	}
}
