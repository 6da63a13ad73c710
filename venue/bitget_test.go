package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestBitgetMeaning(t *testing.T) {
	meaningIs(t, venue.Bitget, []row{
		{`POST /api/v2/spot/trade/place-order {"symbol":"BTCUSDT","side":"buy","orderType":"limit","force":"gtc","price":"20000","size":"0.01","clientOid":"c1"}`,
			`order.new BTCUSDT buy limit 0.01 @20000 gtc cl=c1`},
		{`POST /api/v2/mix/order/place-order {"symbol":"BTCUSDT","productType":"USDT-FUTURES","marginCoin":"USDT","size":"1","price":"2","side":"sell","tradeSide":"open","orderType":"limit","force":"post_only","reduceOnly":"YES"}`,
			`order.new BTCUSDT sell limit 1 @2 gtc post reduce`},
		{`POST /api/v2/mix/order/place-plan-order {"planType":"normal_plan","symbol":"BTCUSDT","size":"1","price":"2","triggerPrice":"3","side":"buy","orderType":"limit"}`,
			`order.new BTCUSDT buy stop_limit 1 @2 stop=3`},
		{`POST /api/v2/mix/order/place-tpsl-order {"planType":"loss_plan","symbol":"BTCUSDT","size":"1","triggerPrice":"3","holdSide":"long"}`, `order.new BTCUSDT stop 1 stop=3`},
		{`POST /api/v2/mix/order/modify-order {"symbol":"BTCUSDT","orderId":"7","newClientOid":"n","newSize":"2","newPrice":"3"}`, `order.amend BTCUSDT 2 @3 cl=n id=7`},
		{`POST /api/v2/spot/trade/cancel-order {"symbol":"BTCUSDT","clientOid":"c1"}`, `order.cancel BTCUSDT id=c1`},
		{`POST /api/v2/spot/trade/cancel-symbol-order {"symbol":"BTCUSDT"}`, `order.cancel_all BTCUSDT`},
		{`POST /api/v2/mix/order/cancel-all-orders {"productType":"USDT-FUTURES"}`, `order.cancel_all`},
		{`POST /api/v2/spot/trade/batch-orders {"symbol":"BTCUSDT","orderList":[{"side":"buy","orderType":"limit","force":"ioc","price":"2","size":"1"},{"side":"sell","orderType":"market","size":"3"}]}`,
			`order.batch BTCUSDT | order.new BTCUSDT buy limit 1 @2 ioc | order.new BTCUSDT sell market 3`},
		{`POST /api/v2/mix/order/batch-cancel-orders {"symbol":"BTCUSDT","orderIdList":[{"orderId":"1"},{"clientOid":"x"}]}`,
			`order.batch BTCUSDT | order.cancel BTCUSDT id=1 | order.cancel BTCUSDT id=x`},
		{`POST /api/v3/trade/place-order {"category":"SPOT","symbol":"BTCUSDT","qty":"1","price":"2","side":"buy","orderType":"limit","timeInForce":"fok","takeProfit":"9"}`,
			`order.new BTCUSDT buy limit 1 @2 stop=9 fok`},
		{`POST /api/v3/trade/place-batch [{"category":"SPOT","symbol":"A","qty":"1","side":"buy","orderType":"market"}]`, `order.batch | order.new A buy market 1`},
		{`POST /api/v3/trade/close-positions {"category":"USDT-FUTURES","symbol":"BTCUSDT"}`, `order.new BTCUSDT market reduce`},
		{`GET /api/v2/spot/trade/orderInfo?orderId=5`, `order.query id=5`},
		{`GET /api/v2/spot/account/assets?coin=BTC`, `account.read asset=BTC`},
		{`POST /api/v2/spot/wallet/withdrawal {"coin":"USDT","transferType":"on_chain","address":"TBQ","chain":"trc20","size":"10","clientOid":"w"}`,
			`withdraw 10 cl=w asset=USDT to=TBQ`},
		{`POST /api/v2/spot/wallet/subaccount-transfer {"fromType":"spot","toType":"spot","amount":"1","coin":"USDT","fromUserId":"1","toUserId":"2"}`, `transfer 1 asset=USDT obj=2`},
		{`GET /api/v2/spot/wallet/deposit-address?coin=USDT`, `deposit.address asset=USDT`},
		{`POST /api/v2/user/create-virtual-subaccount-apikey {"subAccountUid":"4","passphrase":"p","label":"l"}`, `key.create obj=4`},
		{`POST /api/v3/user/delete-sub-api {"apiKey":"abc"}`, `key.delete obj=abc`},
		{`GET /api/v2/spot/market/tickers?symbol=BTCUSDT`, `market.read BTCUSDT`},
		{`POST /api/v2/spot/other {}`, `unknown`},

		{`WS {"op":"login","args":[{}]}`, `session.login`},
		{`WS ping`, `market.read`},
		{`WS {"op":"subscribe","args":[{"instType":"SPOT","channel":"ticker","instId":"BTCUSDT"}]}`, `market.read BTCUSDT`},
		{`WS {"op":"subscribe","args":[{"instType":"SPOT","channel":"orders","instId":"default"}]}`, `order.query default`},
		{`WS {"op":"subscribe","args":[{"instType":"UTA","topic":"account"}]}`, `account.read`},
		{`WS {"op":"trade","args":[{"id":"1","instType":"SPOT","instId":"BTCUSDT","channel":"place-order","params":{"orderType":"limit","side":"buy","size":"2","price":"3","force":"gtc","clientOid":"c"}}]}`,
			`order.new BTCUSDT buy limit 2 @3 gtc cl=c`},
		{`WS {"op":"trade","args":[{"id":"1","instId":"A","channel":"place-order","params":{"orderType":"market","side":"buy","size":"2"}},{"id":"2","instId":"B","channel":"place-order","params":{"orderType":"market","side":"sell","size":"5"}}]}`,
			`order.batch | order.new A buy market 2 | order.new B sell market 5`},
		{`WS {"op":"trade","args":[{"id":"1","instId":"BTCUSDT","channel":"cancel-order","params":{"orderId":"7"}}]}`, `order.cancel BTCUSDT id=7`},
		{`WS {"op":"trade","id":"9","category":"spot","topic":"place-order","args":[{"symbol":"BTCUSDT","orderType":"limit","qty":"1","price":"2","side":"sell","timeInForce":"gtc"}]}`,
			`order.new BTCUSDT sell limit 1 @2 gtc`},
		{`WS {"op":"trade","id":"9","category":"spot","topic":"batch-cancel","args":[{"orderId":"1"},{"clientOid":"2"}]}`, `order.batch | order.cancel id=1 | order.cancel id=2`},
	})
}

func TestBitgetAnswer(t *testing.T) {
	const order = `POST /api/v2/spot/trade/place-order {}` + "\n"
	answerIs(t, venue.Bitget, []row{
		{order + `200 {"code":"00000","msg":"success","requestTime":1,"data":{"orderId":"1001","clientOid":"c"}}`, `200 accepted order=1001`},
		{order + `400 {"code":"43012","msg":"Insufficient balance","data":null}`, `400 rejected error=43012`},
		{`POST /api/v2/spot/trade/cancel-replace-order {}` + "\n" + `200 {"code":"00000","data":{"orderId":"1002","clientOid":null,"success":"success","msg":null}}`, `200 accepted order=1002`},
		{`POST /api/v2/spot/trade/cancel-replace-order {}` + "\n" + `200 {"code":"00000","data":{"orderId":null,"success":"failure","msg":"duplicate"}}`, `200 rejected`},
		{`GET /api/v2/spot/trade/orderInfo?orderId=1` + "\n" + `200 {"code":"00000","data":[{"userId":"44","orderId":"1","status":"partially_filled"}]}`, `200 partly_filled order=1 account=44`},
		{`GET /api/v3/trade/order-info?orderId=1` + "\n" + `200 {"code":"00000","data":{"orderId":"1","orderStatus":"filled"}}`, `200 filled order=1`},
		{`POST /api/v2/mix/order/batch-place-order {}` + "\n" + `200 {"code":"00000","data":{"successList":[],"failureList":[{"errorCode":"40762"}]}}`, `200 rejected error=40762`},
		{`WS {"op":"login","args":[{}]}` + "\n" + `WS {"event":"error","code":30015,"msg":"Invalid sign"}`, `0 rejected error=30015 login-failed`},
		{`WS {"op":"login","args":[{}]}` + "\n" + `WS {"event":"login","code":0}`, `0`},
		{`WS {"op":"trade","args":[{"channel":"place-order"}]}` + "\n" + `WS {"event":"trade","arg":[{"id":"1","params":{"orderId":"9"}}],"code":0}`, `0 accepted order=9`},
		{`WS {"op":"trade","id":"1","topic":"place-order","args":[{}]}` + "\n" + `WS {"event":"trade","id":"1","topic":"place-order","args":[{"orderId":"8"}],"code":"0"}`, `0 accepted order=8`},
	})
}

// An escaped separator would make the decoded form stand for other parameters.
func TestBitgetDecodedQuery(t *testing.T) {
	for query, want := range map[string]string{
		"coin=%E5%B8%81%20a": "5GET/p?coin=币 a", "coin=a+b": "5GET/p?coin=a b", "coin=a%3Db": "5GET/p?coin=a=b",
		"coin=plain": "", "a=1%26b=2": "", "a%3D1=2": "", "a=%zz": "", "a=%2": "", "a=1%23": "",
	} {
		r := &venue.Request{Method: "GET", Path: "/p", Query: query}
		msg, ok := venue.Bitget.Message(r, &venue.Claim{Text: "5"}, 1, nil)
		if ok != (want != "") || ok && string(msg) != want {
			t.Errorf("%s: %q, %v, want %q", query, msg, ok, want)
		}
	}
}

func TestBitgetDeny(t *testing.T) {
	denyIs(t, venue.Bitget, `POST /api/v2/spot/trade/place-order {}`, map[vedette.Reason]string{
		vedette.BadSignature: `400 {"code":"40009","msg":"sign signature error","requestTime":0,"data":null}`,
	})
	denyIs(t, venue.Bitget, `WS {"op":"trade","id":"9","topic":"place-order","args":[{}]}`, map[vedette.Reason]string{
		vedette.NoPermission: `0 {"event":"error","id":"9","code":40014,"msg":"Incorrect permissions, need the right to do this"}`,
	})
	denials(t, venue.Bitget, `WS {"op":"trade","args":[{"id":"1","channel":"place-order","instId":"A"}]}`)
	denials(t, venue.Bitget, `WS {"op":"login","args":[{}]}`)
}
