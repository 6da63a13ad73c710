package venue_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"vedette"
	"vedette/venue"
)

func TestBinanceMeaning(t *testing.T) {
	meaningIs(t, venue.Binance, []row{
		{`POST /api/v3/order symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=20000&newClientOrderId=a%20b&timestamp=1&signature=x`,
			`order.new BTCUSDT buy limit 0.01 @20000 gtc cl=a b`},
		{`POST /api/v3/order?symbol=BTCUSDT&side=SELL&type=MARKET&quoteOrderQty=10`, `order.new BTCUSDT sell market 10`},
		{`POST /api/v3/order?symbol=BTCUSDT&side=SELL&type=LIMIT_MAKER&quantity=1&price=2`, `order.new BTCUSDT sell limit 1 @2 post`},
		{`POST /api/v3/order?symbol=BTCUSDT&side=SELL&type=STOP_LOSS_LIMIT&quantity=1&price=2&stopPrice=3&timeInForce=IOC`, `order.new BTCUSDT sell stop_limit 1 @2 stop=3 ioc`},
		{`POST /api/v3/order/test?symbol=BTCUSDT&side=SELL&type=MARKET&quantity=1`, `order.query BTCUSDT sell market 1`},
		{`POST /api/v3/order/cancelReplace?symbol=BTCUSDT&side=BUY&type=LIMIT&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=9&quantity=1&price=2&timeInForce=GTC`,
			`order.batch BTCUSDT id=9 | order.cancel BTCUSDT id=9 | order.new BTCUSDT buy limit 1 @2 gtc`},
		{`PUT /api/v3/order/amend/keepPriority?symbol=BTCUSDT&orderId=9&newQty=5`, `order.amend BTCUSDT 5 id=9`},
		{`DELETE /api/v3/order?symbol=BTCUSDT&origClientOrderId=c1`, `order.cancel BTCUSDT id=c1`},
		{`DELETE /api/v3/openOrders?symbol=BTCUSDT`, `order.cancel_all BTCUSDT`},
		{`GET /api/v3/order?symbol=BTCUSDT&orderId=7`, `order.query BTCUSDT id=7`},
		{`POST /fapi/v1/batchOrders batchOrders=[{"symbol":"A","side":"BUY","type":"LIMIT","timeInForce":"GTX","quantity":"1","price":"2"},{"symbol":"B","side":"SELL","type":"MARKET","quantity":"3","reduceOnly":"true"}]`,
			`order.batch | order.new A buy limit 1 @2 gtc post | order.new B sell market 3 reduce`},
		{`DELETE /fapi/v1/batchOrders?symbol=A&orderIdList=%5B1%2C2%5D`, `order.batch A | order.cancel A id=1 | order.cancel A id=2`},
		{`PUT /fapi/v1/order?symbol=A&side=SELL&quantity=1&price=2&orderId=3`, `order.amend A sell 1 @2 id=3`},
		{`POST /papi/v1/um/order?symbol=A&side=SELL&type=MARKET&quantity=1`, `order.new A sell market 1`},
		{`GET /api/v3/account?timestamp=1`, `account.read`},
		{`POST /sapi/v1/capital/withdraw/apply?coin=BTC&address=bc1q&amount=0.1&withdrawOrderId=w`, `withdraw 0.1 cl=w asset=BTC to=bc1q`},
		{`POST /sapi/v1/asset/transfer?type=MAIN_UMFUTURE&asset=USDT&amount=1`, `transfer 1 asset=USDT`},
		{`POST /sapi/v1/sub-account/universalTransfer?toEmail=a@b.c&fromAccountType=SPOT&toAccountType=SPOT&asset=USDT&amount=1`, `transfer 1 asset=USDT obj=a@b.c`},
		{`POST /sapi/v1/asset/convert-transfer?asset=BUSD&amount=1&clientTranId=t`, `transfer 1 cl=t asset=BUSD`},
		{`POST /sapi/v1/asset/dust-btc`, `account.read`},
		{`POST /sapi/v1/asset/not-known`, `unknown`},
		{`DELETE /papi/v1/um/conditional/allOpenOrders?symbol=A`, `order.cancel_all A`},
		{`GET /sapi/v1/capital/deposit/address?coin=BTC`, `deposit.address asset=BTC`},
		{`POST /sapi/v1/broker/subAccountApi?subAccountId=9&canTrade=true`, `key.create obj=9`},
		{`PUT /sapi/v1/margin/apiKey/ip?apiKey=k&ip=1.2.3.4`, `allowlist.change`},
		{`GET /api/v3/ticker/price?symbol=BTCUSDT`, `market.read BTCUSDT`},
		{`POST /api/v3/nothing`, `unknown`},

		{`WS {"id":1,"method":"session.logon","params":{"apiKey":"k","timestamp":1,"signature":"s"}}`, `session.login`},
		{`WS {"id":1,"method":"order.place","params":{"symbol":"BTCUSDT","side":"SELL","type":"LIMIT","timeInForce":"FOK","quantity":"1","price":2,"newClientOrderId":"c"}}`,
			`order.new BTCUSDT sell limit 1 @2 fok cl=c`},
		{`WS {"id":1,"method":"order.cancelReplace","params":{"symbol":"BTCUSDT","side":"SELL","type":"MARKET","quantity":"1","cancelReplaceMode":"ALLOW_FAILURE","cancelOrigClientOrderId":"o","newClientOrderId":"n"}}`,
			`order.batch BTCUSDT id=o | order.cancel BTCUSDT id=o | order.new BTCUSDT sell market 1 cl=n`},
		{`WS {"id":1,"method":"order.cancel","params":{"symbol":"BTCUSDT","orderId":7}}`, `order.cancel BTCUSDT id=7`},
		{`WS {"id":1,"method":"openOrders.cancelAll","params":{"symbol":"BTCUSDT"}}`, `order.cancel_all BTCUSDT`},
		{`WS {"id":1,"method":"SUBSCRIBE","params":["btcusdt@trade"]}`, `market.read`},
		{`WS {"id":1,"method":"SUBSCRIBE","params":["btcusdt@trade","pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"]}`, `account.read`},
		{`WS {"id":1,"method":"REQUEST","params":["pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1@account"]}`, `account.read`},
		{`WS {"id":1,"method":"order.nothing","params":{}}`, `unknown`},
	})
}

func TestBinanceAnswer(t *testing.T) {
	const order = "POST /api/v3/order\n"
	answerIs(t, venue.Binance, []row{
		{order + `200 {"symbol":"BTCUSDT","orderId":28,"status":"NEW"}`, `200 accepted order=28`},
		{"POST /api/v3/order/cancelReplace\n" + `409 {"code":-2021,"msg":"Order cancel-replace partially failed.","data":{"cancelResult":"FAILURE","newOrderResult":"SUCCESS","cancelResponse":{"code":-2011},"newOrderResponse":{"orderId":11,"status":"FILLED"}}}`,
			`409 filled error=-2021 order=11`},
		{"POST /api/v3/order/cancelReplace\n" + `409 {"code":-2021,"data":{"cancelResult":"SUCCESS","newOrderResult":"FAILURE","newOrderResponse":{"code":-2010}}}`, `409 rejected error=-2021`},
		{order + `200 {"symbol":"BTCUSDT","orderId":28,"status":"FILLED"}`, `200 filled order=28`},
		{order + `200 {"symbol":"BTCUSDT","orderId":28,"status":"PARTIALLY_FILLED"}`, `200 partly_filled order=28`},
		{order + `400 {"code":-2010,"msg":"Account has insufficient balance for requested action."}`, `400 rejected error=-2010`},
		{"DELETE /api/v3/order\n" + `200 {"orderId":28,"status":"CANCELED"}`, `200 cancelled order=28`},
		{"POST /api/v3/userDataStream\n" + `200 {"listenKey":"pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"}`,
			`200 token=pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1`},
		{"POST /sapi/v1/capital/withdraw/apply\n" + `200 {"id":"7213fea8e94b4a5593d507237e5a555b"}`, `200 accepted`},
		{"POST /fapi/v1/batchOrders\n" + `200 [{"code":-2022,"msg":"ReduceOnly Order is rejected."}]`, `200 rejected error=-2022`},
		{"POST /fapi/v1/batchOrders\n" + `200 [{"orderId":5,"status":"NEW"}]`, `200 accepted order=5`},
		{"GET /api/v3/account\n" + `200 {"balances":[],"uid":354937868}`, `200 account=354937868`},
		{`WS {"id":1,"method":"order.place","params":{}}` + "\n" + `WS {"id":1,"status":200,"result":{"orderId":28,"status":"NEW"}}`, `200 accepted order=28`},
		{`WS {"id":1,"method":"session.logon","params":{}}` + "\n" + `WS {"id":1,"status":400,"error":{"code":-1022,"msg":"x"}}`, `400 rejected error=-1022 login-failed`},
	})
}

func TestBinanceClaim(t *testing.T) {
	const signed = `GET /api/v3/account?timestamp=1499827319559&signature=ab`
	claimIs(t, venue.Binance, signed, "X-MBX-APIKEY: k", "signature k window=5s+1s")
	claimIs(t, venue.Binance, signed+"&recvWindow=5000.123", "X-MBX-APIKEY: k", "signature k window=5.000123s+1s")
	claimIs(t, venue.Binance, signed+"&recvWindow=60001", "X-MBX-APIKEY: k", "signature k fault=bad_encoding window=1m0.001s+1s")
	for _, bad := range []string{"NaN", "1e3", "-1", "+1", "1.2345", "0x10", "5000.-1"} {
		claimIs(t, venue.Binance, signed+"&recvWindow="+bad, "X-MBX-APIKEY: k", "signature k fault=bad_encoding window=0s+1s")
	}
	claimIs(t, venue.Binance, signed, "X-MBX-APIKEY: k\nX-MBX-APIKEY: l", "signature k fault=ambiguous window=5s+1s")
	claimIs(t, venue.Binance, `GET /api/v3/account?timestamp=1499827319559`, "X-MBX-APIKEY: k", "signature k unsigned window=5s+1s")
	claimIs(t, venue.Binance, `GET /api/v3/account?signature=ab`, "X-MBX-APIKEY: k", "signature k fault=bad_encoding")
	claimIs(t, venue.Binance, `GET /api/v3/historicalTrades?symbol=A`, "X-MBX-APIKEY: k", "key-only k")
	claimIs(t, venue.Binance, `GET /api/v3/time`, "", "none")
	claimIs(t, venue.Binance, `WS {"id":1,"method":"order.place","params":{"symbol":"A"}}`, "", "session")
	const listenKey = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
	claimIs(t, venue.Binance, `WS {"id":1,"method":"SUBSCRIBE","params":["btcusdt@trade","`+listenKey+`"]}`, "", "token token="+listenKey)
	for _, at := range []struct{ path, query string }{{"/ws/" + listenKey, ""}, {"/private/ws", "listenKey=" + listenKey}, {"/stream", "streams=btcusdt@trade/" + listenKey},
		{"/ws/" + listenKey + "/btcusdt@trade", ""}} {
		var c venue.Claim
		venue.Binance.Claim(&venue.Request{Kind: venue.Upgrade, Method: "GET", Path: at.path, Query: at.query}, &c)
		if c.Auth != venue.AuthToken || c.Token != listenKey || !c.Login {
			t.Errorf("%s?%s: %+v", at.path, at.query, c)
		}
	}
	// Of several each is claimed, wherever it stands.
	const other = "zqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
	claimIs(t, venue.Binance, `WS {"id":1,"method":"SUBSCRIBE","params":["`+listenKey+`","`+other+`"]}`, "", "token token="+listenKey+" token="+other)
	claimIs(t, venue.Binance, `WS {"id":1,"method":"SUBSCRIBE","params":["`+listenKey+`","\u0070`+listenKey[1:]+`"]}`, "", "token token="+listenKey)
	claimIs(t, venue.Binance, `WS {"id":1,"method":"REQUEST","params":["`+listenKey+`@account","`+listenKey+`@balance","`+other+`@position"]}`, "", "token token="+listenKey+" token="+other)
	for _, at := range []struct{ path, query string }{{"/ws/" + listenKey, "streams=" + other}, {"/ws/" + listenKey, "listenKey=" + other}, {"/stream", "streams=" + listenKey + "/" + other},
		{"/stream", "streams=" + listenKey + "%2F" + other}, {"/ws/" + listenKey + "/" + other, ""}} {
		var c venue.Claim
		venue.Binance.Claim(&venue.Request{Kind: venue.Upgrade, Method: "GET", Path: at.path, Query: at.query}, &c)
		if c.Fault != "" || c.Token != listenKey || len(c.Tokens) != 1 || c.Tokens[0] != other || !c.Login {
			t.Errorf("%s?%s: %+v", at.path, at.query, c)
		}
	}
	many := `"` + listenKey + `"`
	for i := range 1023 {
		many += fmt.Sprintf(`,"%064d"`, i)
	}
	for more, want := range map[string]vedette.Reason{"": "", `,"` + other + `"`: vedette.TooLarge} {
		var c venue.Claim
		venue.Binance.Claim(parseRequest(`WS {"id":1,"method":"SUBSCRIBE","params":[`+many+more+`]}`), &c)
		if c.Fault != want || len(c.Tokens) != 1023 {
			t.Errorf("fault %q, %d further tokens, want %q", c.Fault, len(c.Tokens), want)
		}
	}
	var c venue.Claim
	if venue.Binance.Claim(&venue.Request{Kind: venue.Upgrade, Method: "GET", Path: "/stream", Query: "streams=btcusdt@trade/ethusdt@depth"}, &c); c.Auth != venue.AuthNone {
		t.Errorf("a stream of market data: %+v", c)
	}
}

// What a WebSocket message signs, altered, must not verify.
func TestWebSocketMessagesCovered(t *testing.T) {
	for _, x := range []struct{ file, exchange, from, to string }{
		{"binance-ws.json", "binance", `"price":20000`, `"price":20001`},
		{"ccxt-ws.json", "binance", `"quantity":"0.01"`, `"quantity":"0.02"`},
		{"binance-spot-ws.json", "binance", `"side":"BUY"`, `"side":"SELL"`},
		{"gateio-api-ws.json", "gate", `"amount":"1"`, `"amount":"2"`},
		{"gateio-api-ws.json", "gate", `"spot.order_place"`, `"spot.order_cancel"`},
		{"gateio-api-ws.json", "gate", `"spot.orders"`, `"spot.balances"`},
		{"ccxt-ws.json", "okx", `"timestamp":"17953`, `"timestamp":"17952`},
		{"ccxt-ws.json", "bybit", `"1795340761653"`, `"1795340761654"`},
		{"ccxt-ws.json", "htx", `2026-11-22T09:46`, `2026-11-22T09:47`},
	} {
		altered := 0
		for _, c := range captures(t, x.file) {
			if c.Exchange != x.exchange {
				continue
			}
			d, up := c.dialect(t), c.request()
			for i := range c.Messages {
				if _, ok := c.verifies(d, c.message(up, i)); !ok || !strings.Contains(c.Messages[i], x.from) {
					continue
				}
				altered++
				bad := c
				bad.Messages = append([]string(nil), c.Messages...)
				bad.Messages[i] = strings.Replace(bad.Messages[i], x.from, x.to, 1)
				if _, ok := bad.verifies(d, bad.message(up, i)); ok {
					t.Errorf("%s: verifies with %s for %s: %s", c.name(), x.to, x.from, c.Messages[i])
				}
			}
		}
		if altered == 0 {
			t.Errorf("%s: no verified message of %s has %s", x.file, x.exchange, x.from)
		}
	}
}

func TestBinanceDeny(t *testing.T) {
	denyIs(t, venue.Binance, `POST /api/v3/order`, map[vedette.Reason]string{
		vedette.BadSignature: `400 {"code":-1022,"msg":"Signature for this request is not valid."}`,
		vedette.Throttled:    `429 {"code":-1003,"msg":"Too many requests."}`,
	})
	denyIs(t, venue.Binance, `WS {"id":"a\"b","method":"order.place","params":{}}`, map[vedette.Reason]string{
		vedette.WindowPassed: `0 {"id":"a\"b","status":400,"error":{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}}`,
	})
	denials(t, venue.Binance, `WS nonsense`)
}

// The signing examples of the venue's documents (REST API, "SIGNED Endpoint
// Examples for POST /api/v3/order"), with the key and secret published there.
func TestBinanceDocumentedHMAC(t *testing.T) {
	const (
		key     = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
		secret  = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
		first   = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
		second  = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
		sig     = "&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
		mixed   = "&signature=0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
		unicode = "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT&timeInForce=GTC&" + second +
			"&signature=e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"
	)
	for name, c := range map[string]capture{
		"as a request body":                    {URL: "/api/v3/order", Body: first + "&" + second + sig},
		"as a query string":                    {URL: "/api/v3/order?" + first + "&" + second + sig},
		"non-ASCII symbol":                     {URL: "/api/v3/order?" + unicode},
		"the signature in capitals":            {URL: "/api/v3/order?" + first + "&" + second + "&signature=C8DB56825AE71D6D79447849E617115F4A920FA2ACDCAB2B053C4B2838BD6B71"},
		"mixed query string and request body":  {URL: "/api/v3/order?" + first, Body: second + mixed},
		"the signature in front of the others": {URL: "/api/v3/order?" + sig[1:] + "&" + first + "&" + second},
	} {
		c.Method, c.Scheme, c.APIKey, c.Secret = "POST", "hmac", key, secret
		c.Headers = [][2]string{{"X-MBX-APIKEY", key}}
		if claim, ok := c.verifies(venue.Binance, c.request()); !ok || claim.Key != key {
			t.Errorf("%s: does not verify: %+v", name, claim)
		}
	}
}

// The request of the documents' RSA and Ed25519 examples. The documents publish no
// public key, so that here one of our own signs the documented payload.
func TestBinanceDocumentedPayload(t *testing.T) {
	const payload = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2&timestamp=1668481559918&recvWindow=5000"
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	sig := base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(payload)))
	r := &venue.Request{Method: "POST", Path: "/api/v3/order", Query: payload + "&signature=" + escape(sig), Header: venue.Header{{Name: "X-MBX-APIKEY", Value: "k"}}}
	var c venue.Claim
	venue.Binance.Claim(r, &c)
	msg, ok := venue.Binance.Message(r, &c, 0, nil)
	if !ok || string(msg) != payload || c.Signature != sig {
		t.Errorf("payload %q, signature %q", msg, c.Signature)
	}
}

// Several clients sign %20 and send a plus sign.
func TestBinanceForms(t *testing.T) {
	r := &venue.Request{Method: "POST", Query: "a=x+y%21&signature=q&b=%2B%zz", Body: []byte("c=(+)%c3%a9")}
	for form, want := range []string{"a=x+y%21&b=%2B%zzc=(+)%c3%a9", "a=x%20y!&b=%2B%25zzc=(%20)%C3%A9"} {
		if got, ok := venue.Binance.Message(r, &venue.Claim{}, form, nil); !ok || string(got) != want {
			t.Errorf("form %d: %q, %v, want %q", form, got, ok, want)
		}
	}
	plain := &venue.Request{Method: "GET", Query: "a=1"}
	if _, ok := venue.Binance.Message(plain, &venue.Claim{}, 1, nil); ok {
		t.Error("a second form of a request without escapes")
	}
}
