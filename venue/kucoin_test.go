package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestKuCoinMeaning(t *testing.T) {
	meaningIs(t, venue.KuCoin, []row{
		{`POST /api/v1/hf/orders {"clientOid":"c1","symbol":"BTC-USDT","side":"buy","type":"limit","price":"20000","size":"0.01","timeInForce":"GTT","postOnly":true}`,
			`order.new BTC-USDT buy limit 0.01 @20000 gtd post cl=c1`},
		{`POST /api/v1/orders {"clientOid":"c1","symbol":"XBTUSDTM","side":"sell","type":"market","size":1,"leverage":1,"reduceOnly":true}`,
			`order.new XBTUSDTM sell market 1 reduce cl=c1`},
		{`POST /api/v1/stop-order {"symbol":"BTC-USDT","side":"buy","type":"limit","price":"2","size":"1","stopPrice":"3"}`, `order.new BTC-USDT buy stop_limit 1 @2 stop=3`},
		{`POST /api/v1/hf/orders/test {"symbol":"BTC-USDT","side":"buy","type":"market","funds":"5"}`, `order.query BTC-USDT buy market 5`},
		{`POST /api/v1/hf/orders/alter {"symbol":"BTC-USDT","clientOid":"c1","newPrice":"3","newSize":"2"}`, `order.amend BTC-USDT 2 @3 id=c1`},
		{`DELETE /api/v1/orders/5`, `order.cancel id=5`},
		{`DELETE /api/v1/hf/orders/client-order/c1?symbol=BTC-USDT`, `order.cancel BTC-USDT id=c1`},
		{`DELETE /api/v1/hf/orders?symbol=BTC-USDT`, `order.cancel_all BTC-USDT`},
		{`DELETE /api/v1/hf/orders/cancelAll`, `order.cancel_all`},
		{`POST /api/v1/hf/orders/multi {"orderList":[{"clientOid":"1","symbol":"A","side":"buy","type":"limit","price":"2","size":"1"},{"clientOid":"2","symbol":"B","side":"sell","type":"market","size":"3"}]}`,
			`order.batch | order.new A buy limit 1 @2 cl=1 | order.new B sell market 3 cl=2`},
		{`POST /api/v1/orders/multi [{"clientOid":"1","symbol":"XBTUSDTM","side":"buy","type":"limit","price":"2","size":1}]`, `order.batch | order.new XBTUSDTM buy limit 1 @2 cl=1`},
		{`DELETE /api/v1/orders/multi-cancel {"orderIdsList":["1","2"],"clientOidsList":[{"symbol":"A","clientOid":"x"}]}`,
			`order.batch | order.cancel id=1 | order.cancel id=2 | order.cancel A id=x`},
		{`GET /api/v1/orders/5`, `order.query id=5`},
		{`GET /api/v1/accounts?currency=BTC&type=trade`, `account.read asset=BTC`},
		{`POST /api/v3/withdrawals {"currency":"USDT","toAddress":"TKF","amount":3,"withdrawType":"ADDRESS"}`, `withdraw 3 asset=USDT to=TKF`},
		{`POST /api/v3/accounts/universal-transfer {"clientOid":"t","currency":"USDT","amount":"1","toUserId":"9","type":"PARENT_TO_SUB"}`, `transfer 1 cl=t asset=USDT obj=9`},
		{`GET /api/v3/deposit-addresses?currency=BTC`, `deposit.address asset=BTC`},
		{`POST /api/v1/sub/api-key {"subName":"mini","passphrase":"p"}`, `key.create obj=mini`},
		{`DELETE /api/v1/sub/api-key?apiKey=abc&subName=mini`, `key.delete obj=abc`},
		{`POST /api/ua/v1/unified/order/place {"tradeType":"SPOT","symbol":"BTC-USDT","side":"BUY","orderType":"LIMIT","size":"1","price":"2","timeInForce":"IOC"}`,
			`order.new BTC-USDT buy limit 1 @2 ioc`},
		{`POST /api/v1/bullet-private`, `account.read`},
		{`GET /api/v1/market/allTickers`, `market.read`},
		{`POST /api/v1/other {}`, `unknown`},

		{`WS {"id":"1","type":"subscribe","topic":"/market/ticker:BTC-USDT","response":true}`, `market.read`},
		{`WS {"id":"1","type":"subscribe","topic":"/account/balance","privateChannel":true}`, `account.read`},
		{`WS {"id":"1","type":"subscribe","topic":"/contractMarket/tradeOrders:XBTUSDTM","privateChannel":true}`, `order.query`},
		{`WS {"id":"1","type":"ping"}`, `market.read`},
		{`WS {"id":"1","op":"spot.order","args":{"symbol":"BTC-USDT","side":"buy","type":"limit","price":"2","size":"1"}}`, `order.new BTC-USDT buy limit 1 @2`},
		{`WS {"id":"1","op":"futures.multi_cancel","args":{"orderIdsList":["1"]}}`, `order.batch | order.cancel id=1`},
		{`WS {"id":"1","op":"futures.multi_order","args":[{"symbol":"A","side":"buy","type":"market","size":1}]}`, `order.batch | order.new A buy market 1`},
		{`WS c2lnbmF0dXJl`, `session.login`},
	})
}

func TestKuCoinAnswer(t *testing.T) {
	const order = `POST /api/v1/hf/orders {}` + "\n"
	answerIs(t, venue.KuCoin, []row{
		{order + `200 {"code":"200000","data":{"orderId":"67","clientOid":"c"}}`, `200 accepted order=67`},
		{order + `200 {"code":"200004","msg":"Balance insufficient!"}`, `200 rejected error=200004`},
		{`POST /api/v1/hf/orders/alter {}` + "\n" + `200 {"code":"200000","data":{"newOrderId":"68","clientOid":"c"}}`, `200 accepted order=68`},
		{`WS {"id":"1","op":"spot.modify","args":{}}` + "\n" + `WS {"id":"1","op":"spot.modify","code":"200000","data":{"newOrderId":"68"}}`, `0 accepted order=68`},
		{`GET /api/v1/hf/orders/67` + "\n" + `200 {"code":"200000","data":{"id":"67","active":true,"dealSize":"0.1"}}`, `200 partly_filled order=67`},
		{`GET /api/v1/hf/orders/67` + "\n" + `200 {"code":"200000","data":{"id":"67","active":false,"cancelExist":true,"dealSize":"0"}}`, `200 cancelled order=67`},
		{`GET /api/v1/orders/67` + "\n" + `200 {"code":"200000","data":{"id":"67","isActive":false,"cancelExist":false,"dealSize":1}}`, `200 filled order=67`},
		{`POST /api/v1/bullet-private` + "\n" + `200 {"code":"200000","data":{"token":"T0k","instanceServers":[{"endpoint":"wss://x"}]}}`, `200 token=T0k`},
		{`WS {"id":"1","op":"spot.order","args":{}}` + "\n" + `WS {"id":"1","op":"spot.order","code":"200000","data":{"orderId":"9"}}`, `0 accepted order=9`},
		{`WS {"id":"1","op":"spot.order","args":{}}` + "\n" + `WS {"id":"1","op":"spot.order","code":"400100","msg":"x"}`, `0 rejected error=400100`},
		{`WS {"id":"1","type":"subscribe"}` + "\n" + `WS {"id":"1","type":"error","code":404,"data":"topic is not found"}`, `0 rejected error=404`},
	})
}

// The token opens a stream; what follows travels on it.
func TestKuCoinClaim(t *testing.T) {
	headers := "KC-API-KEY: k\nKC-API-SIGN: c2ln\nKC-API-TIMESTAMP: 1711001595207\nKC-API-PASSPHRASE: p"
	claimIs(t, venue.KuCoin, `GET /api/v1/accounts`, headers, "signature k window=5s+5s")
	claimIs(t, venue.KuCoin, `GET /api/v1/accounts`, headers+"\nKC-API-KEY-VERSION: 2\nKC-API-KEY-VERSION: 1", "signature k fault=ambiguous window=5s+5s")
	claimIs(t, venue.KuCoin, `WS {"id":"1","type":"ping"}`, "", "session")
	var c venue.Claim
	r := &venue.Request{Kind: venue.Upgrade, Method: "GET", Path: "/endpoint", Query: "token=a%3D&connectId=1"}
	if venue.KuCoin.Claim(r, &c); c.Auth != venue.AuthToken || c.Token != "a=" || !c.Login {
		t.Errorf("token upgrade: %+v", c)
	}
}

// A trading session is opened by a signed upgrade; the client then signs the
// venue's greeting, whole or two members of it.
func TestKuCoinTradingSession(t *testing.T) {
	const key, secret, pass, ts = "k", "s", "p", "1711001595207"
	d := venue.KuCoin
	up := &venue.Request{Kind: venue.Upgrade, Method: "GET", Path: "/v1/private",
		Query: "apikey=" + key + "&sign=" + escape(hmac64(secret, key+ts)) + "&passphrase=" + escape(hmac64(secret, pass)) + "&timestamp=" + ts}
	s := &venue.Session{ID: 1, Upgrade: up}
	up.Session = s
	c := capture{APIKey: key, Secret: secret, Passphrase: pass, Scheme: "hmac"}
	if claim, ok := c.verifies(d, up); !ok || claim.Key != key || !claim.Login {
		t.Fatalf("upgrade does not verify: %+v", claim)
	}
	greeting := `{"sessionId":"8a1c","timestamp":1711001595300}`
	d.Push(&venue.Request{Kind: venue.Reply, Session: s, Body: []byte(greeting)}, s)
	for _, signed := range []string{greeting, "8a1c1711001595300"} {
		m := &venue.Request{Kind: venue.Message, Session: s, Body: []byte(hmac64(secret, signed))}
		if claim, ok := c.verifies(d, m); !ok || claim.Key != key || !claim.Login || claim.Nonce == "" {
			t.Errorf("signature of %s does not verify: %+v", signed, claim)
		}
	}
	m := &venue.Request{Kind: venue.Message, Session: s, Body: []byte(hmac64(secret, "other"))}
	if _, ok := c.verifies(d, m); ok {
		t.Error("a signature of something else verifies")
	}
}

func TestKuCoinDeny(t *testing.T) {
	denyIs(t, venue.KuCoin, `POST /api/v1/hf/orders {}`, map[vedette.Reason]string{
		vedette.BadSignature: `401 {"code":"400005","msg":"Invalid KC-API-SIGN"}`,
		vedette.Throttled:    `429 {"code":"429000","msg":"Too Many Requests"}`,
	})
	denyIs(t, venue.KuCoin, `WS {"id":"1","op":"spot.order","args":{}}`, map[vedette.Reason]string{
		vedette.NoPermission: `0 {"id":"1","op":"spot.order","code":"400007","msg":"Access denied: the API key lacks the permission."}`,
	})
	denials(t, venue.KuCoin, `WS {"id":"1","type":"subscribe"}`)
	denials(t, venue.KuCoin, `WS c2lnbmF0dXJl`)
}
