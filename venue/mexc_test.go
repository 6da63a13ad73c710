package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestMEXCMeaning(t *testing.T) {
	meaningIs(t, venue.MEXC, []row{
		{`POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&price=20000&newClientOrderId=a%20b&timestamp=1`,
			`order.new BTCUSDT buy limit 0.01 @20000 cl=a b`},
		{`POST /api/v3/order symbol=BTCUSDT&side=SELL&type=IMMEDIATE_OR_CANCEL&quantity=1&price=2`, `order.new BTCUSDT sell limit 1 @2 ioc`},
		{`POST /api/v3/order?symbol=BTCUSDT&side=SELL&type=LIMIT_MAKER&quantity=1&price=2`, `order.new BTCUSDT sell limit 1 @2 post`},
		{`POST /api/v3/order/test?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=5`, `order.query BTCUSDT buy market 5`},
		{`POST /api/v3/batchOrders?batchOrders=%5B%7B%22symbol%22%3A%22A%22%2C%22side%22%3A%22BUY%22%2C%22type%22%3A%22LIMIT%22%2C%22quantity%22%3A%221%22%2C%22price%22%3A%222%22%7D%5D&timestamp=1`,
			`order.batch | order.new A buy limit 1 @2`},
		{`DELETE /api/v3/order?symbol=BTCUSDT&origClientOrderId=c1`, `order.cancel BTCUSDT id=c1`},
		{`DELETE /api/v3/openOrders?symbol=BTCUSDT`, `order.cancel_all BTCUSDT`},
		{`GET /api/v3/order?symbol=BTCUSDT&orderId=5`, `order.query BTCUSDT id=5`},
		{`GET /api/v3/account?timestamp=1`, `account.read`},
		{`POST /api/v3/capital/withdraw?coin=USDT&address=TBQ&amount=10&netWork=TRX&withdrawOrderId=w`, `withdraw 10 cl=w asset=USDT to=TBQ`},
		{`POST /api/v3/capital/transfer/internal?toAccountType=EMAIL&toAccount=a@b.c&asset=USDT&amount=1`, `withdraw 1 asset=USDT to=a@b.c`},
		{`POST /api/v3/capital/transfer?fromAccountType=SPOT&toAccountType=FUTURES&asset=USDT&amount=1`, `transfer 1 asset=USDT`},
		{`POST /api/v3/sub-account/apiKey?subAccount=mini&note=n`, `key.create obj=mini`},
		{`DELETE /api/v3/sub-account/apiKey?subAccount=mini&apiKey=abc`, `key.delete obj=abc`},
		{`GET /api/v3/ticker/price?symbol=BTCUSDT`, `market.read BTCUSDT`},
		{`POST /api/v1/private/order/submit {"symbol":"BTC_USDT","price":1,"vol":2,"side":1,"type":1,"openType":1,"externalOid":"c"}`, `order.new BTC_USDT buy limit 2 @1 cl=c`},
		{`POST /api/v1/private/order/create {"symbol":"BTC_USDT","vol":2,"side":4,"type":5}`, `order.new BTC_USDT sell market 2 reduce`},
		{`POST /api/v1/private/order/cancel [101,102]`, `order.batch | order.cancel id=101 | order.cancel id=102`},
		{`POST /api/v1/private/order/submit_batch [{"symbol":"A_B","price":1,"vol":2,"side":3,"type":2}]`, `order.batch | order.new A_B sell limit 2 @1 post`},
		{`POST /api/v1/private/planorder/place {"symbol":"A_B","vol":1,"side":1,"orderType":5,"triggerPrice":7}`, `order.new A_B buy stop 1 stop=7`},
		{`POST /api/v1/private/order/cancel_all {"symbol":"A_B"}`, `order.cancel_all A_B`},
		{`GET /api/v1/private/account/asset/USDT`, `account.read asset=USDT`},
		{`GET /api/v1/contract/ticker?symbol=BTC_USDT`, `market.read BTC_USDT`},
		{`POST /api/v1/private/other {}`, `unknown`},

		{`WS {"method":"login","param":{"apiKey":"k","signature":"s","reqTime":"1"}}`, `session.login`},
		{`WS {"method":"sub.deal","param":{"symbol":"BTC_USDT"}}`, `market.read BTC_USDT`},
		{`WS {"method":"sub.personal.order","param":{}}`, `account.read`},
		{`WS {"method":"ping"}`, `market.read`},
		{`WS {"method":"SUBSCRIPTION","params":["spot@private.orders.v3.api.pb"]}`, `order.query`},
		{`WS {"method":"SUBSCRIPTION","params":["spot@public.deals.v3.api@BTCUSDT"]}`, `market.read`},
		{`WS {"method":"other"}`, `unknown`},
	})
}

func TestMEXCAnswer(t *testing.T) {
	answerIs(t, venue.MEXC, []row{
		{"POST /api/v3/order\n" + `200 {"symbol":"MXUSDT","orderId":"06a4","price":"0.1","transactTime":1}`, `200 accepted order=06a4`},
		{"POST /api/v3/order\n" + `400 {"code":30004,"msg":"Insufficient position"}`, `400 rejected error=30004`},
		{"GET /api/v3/order?orderId=1\n" + `200 {"orderId":"1","status":"PARTIALLY_FILLED"}`, `200 partly_filled order=1`},
		{"POST /api/v3/userDataStream\n" + `200 {"listenKey":"pqia91ma19a5s61cv6a81va65sd099v8a65a1a5s61cv6a81va65sdf19v8a65a1"}`,
			`200 token=pqia91ma19a5s61cv6a81va65sd099v8a65a1a5s61cv6a81va65sdf19v8a65a1`},
		{"POST /api/v1/private/order/submit {}\n" + `200 {"success":true,"code":0,"data":102057569836905984}`, `200 accepted order=102057569836905984`},
		{"POST /api/v1/private/order/create {}\n" + `200 {"success":true,"code":0,"data":{"orderId":"77","ts":1}}`, `200 accepted order=77`},
		{"POST /api/v1/private/order/submit {}\n" + `200 {"success":false,"code":2005,"message":"Insufficient balance"}`, `200 rejected error=2005`},
		{"GET /api/v1/private/order/get/5\n" + `200 {"success":true,"code":0,"data":{"orderId":"5","state":3}}`, `200 filled order=5`},
		{`WS {"method":"login","param":{}}` + "\n" + `WS {"channel":"rs.error","data":"signature validation failed"}`, `0 rejected login-failed`},
		{`WS {"method":"login","param":{}}` + "\n" + `WS {"channel":"rs.login","data":"success"}`, `0`},
	})
}

func TestMEXCClaim(t *testing.T) {
	claimIs(t, venue.MEXC, `GET /api/v3/ticker/price?symbol=A`, "X-MEXC-APIKEY: k", "key-only k")
	claimIs(t, venue.MEXC, `GET /api/v3/account?timestamp=1711001595207`, "X-MEXC-APIKEY: k", "signature k unsigned window=5s+1s")
	claimIs(t, venue.MEXC, `GET /api/v3/account?timestamp=1711001595207&signature=ab&recvWindow=NaN`, "X-MEXC-APIKEY: k", "signature k fault=bad_encoding window=0s+1s")
	claimIs(t, venue.MEXC, `GET /api/v1/private/account/assets`, "ApiKey: k\nSignature: ab\nRequest-Time: 1711001595207\nRecv-Window: 30", "signature k window=30s+30s")
	claimIs(t, venue.MEXC, `POST /api/v1/private/order/submit?x=1 {"symbol":"A"}`, "ApiKey: k\nSignature: ab\nRequest-Time: 1711001595207", "signature k fault=ambiguous window=10s+10s")
}

// Broker endpoints may leave their JSON body out of what is signed; no others may.
func TestMEXCBrokerForm(t *testing.T) {
	for path, want := range map[string]bool{"/api/v3/broker/sub-account/virtualSubAccount": true, "/api/v3/order": false} {
		r := &venue.Request{Method: "POST", Path: path, Query: "timestamp=1&signature=ab", Body: []byte(`{"subAccount":"mini"}`)}
		var c venue.Claim
		if msg, ok := venue.MEXC.Message(r, &c, 0, nil); !ok || string(msg) != `timestamp=1{"subAccount":"mini"}` {
			t.Errorf("%s signs %q", path, msg)
		}
		if msg, ok := venue.MEXC.Message(r, &c, 1, nil); ok != want || ok && string(msg) != "timestamp=1" {
			t.Errorf("%s signs %q, %v", path, msg, ok)
		}
	}
}

func TestMEXCDeny(t *testing.T) {
	denyIs(t, venue.MEXC, `POST /api/v3/order`, map[vedette.Reason]string{
		vedette.BadSignature: `400 {"code":700002,"msg":"Signature for this request is not valid."}`,
	})
	denyIs(t, venue.MEXC, `POST /api/v1/private/order/submit {}`, map[vedette.Reason]string{
		vedette.BadSignature: `200 {"success":false,"code":602,"message":"Signature verification failed"}`,
	})
	denials(t, venue.MEXC, `WS {"method":"login","param":{}}`)
}
