package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestBybitMeaning(t *testing.T) {
	meaningIs(t, venue.Bybit, []row{
		{`POST /v5/order/create {"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.01","price":"20000","timeInForce":"PostOnly","orderLinkId":"c1"}`,
			`order.new BTCUSDT buy limit 0.01 @20000 gtc post cl=c1`},
		{`POST /v5/order/create {"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"1","triggerPrice":"19000","reduceOnly":true}`,
			`order.new BTCUSDT sell stop 1 stop=19000 reduce`},
		{`POST /v5/order/pre-check {"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"1"}`, `order.query BTCUSDT sell market 1`},
		{`POST /v5/order/amend {"category":"linear","symbol":"ETHUSDT","orderId":"7","qty":"2","price":"3"}`, `order.amend ETHUSDT 2 @3 id=7`},
		{`POST /v5/order/cancel {"category":"linear","symbol":"ETHUSDT","orderLinkId":"c1"}`, `order.cancel ETHUSDT id=c1`},
		{`POST /v5/order/cancel-all {"category":"linear","settleCoin":"USDT"}`, `order.cancel_all USDT`},
		{`POST /v5/order/create-batch {"category":"option","request":[{"symbol":"A","side":"Buy","orderType":"Limit","qty":"1","price":"2"},{"symbol":"B","side":"Sell","orderType":"Market","qty":"3"}]}`,
			`order.batch | order.new A buy limit 1 @2 | order.new B sell market 3`},
		{`POST /v5/order/cancel-batch {"category":"linear","request":[{"symbol":"A","orderId":"1"},{"symbol":"B","orderLinkId":"x"}]}`,
			`order.batch | order.cancel A id=1 | order.cancel B id=x`},
		{`POST /v5/position/trading-stop {"category":"linear","symbol":"XRPUSDT","stopLoss":"0.2"}`, `order.new XRPUSDT stop stop=0.2 reduce`},
		{`POST /v5/position/set-leverage {"category":"linear","symbol":"BTCUSDT","buyLeverage":"6"}`, `setting.change BTCUSDT`},
		{`GET /v5/order/realtime?category=linear&symbol=ETHUSDT&orderId=5`, `order.query ETHUSDT id=5`},
		{`GET /v5/account/wallet-balance?accountType=UNIFIED&coin=BTC`, `account.read asset=BTC`},
		{`POST /v5/asset/withdraw/create {"coin":"BTC","chain":"BTC","address":"bc1q","amount":"1","timestamp":1}`, `withdraw 1 asset=BTC to=bc1q`},
		{`POST /v5/asset/transfer/universal-transfer {"transferId":"t1","coin":"BTC","amount":"0.05","fromMemberId":1,"toMemberId":592324}`,
			`transfer 0.05 cl=t1 asset=BTC obj=592324`},
		{`GET /v5/asset/deposit/query-address?coin=USDT`, `deposit.address asset=USDT`},
		{`POST /v5/user/create-sub-api {"subuid":53888000,"note":"n","readOnly":0}`, `key.create obj=53888000`},
		{`POST /v5/user/update-sub-api {"apikey":"abc","ips":"*"}`, `key.change obj=abc`},
		{`POST /v5/user/delete-api {}`, `key.delete`},
		{`POST /v5/user/del-submember {"subMemberId":"5"}`, `admin obj=5`},
		{`GET /v5/market/tickers?category=spot&symbol=BTCUSDT`, `market.read BTCUSDT`},
		{`POST /v5/rfq/cancel-quote {"quoteId":"q1"}`, `order.cancel id=q1`},
		{`POST /v5/p2p/order/finish {"orderId":"1"}`, `transfer`},
		{`POST /v5/order/other {}`, `unknown`},

		{`WS {"op":"auth","args":["k","1","s"]}`, `session.login`},
		{`WS {"op":"ping"}`, `market.read`},
		{`WS {"req_id":"1","op":"subscribe","args":["orderbook.1.BTCUSDT"]}`, `market.read`},
		{`WS {"req_id":"1","op":"subscribe","args":["tickers.X","order"]}`, `order.query`},
		{`WS {"op":"subscribe","args":["wallet"]}`, `account.read`},
		{`WS {"reqId":"t","header":{"X-BAPI-TIMESTAMP":"1711001595207"},"op":"order.create","args":[{"symbol":"ETHUSDT","side":"Buy","orderType":"Limit","qty":"0.2","price":"2800","category":"linear","timeInForce":"IOC"}]}`,
			`order.new ETHUSDT buy limit 0.2 @2800 ioc`},
		{`WS {"op":"order.create-batch","header":{},"args":[{"category":"linear","request":[{"symbol":"A","side":"Buy","orderType":"Market","qty":"1"}]}]}`,
			`order.batch | order.new A buy market 1`},
		{`WS {"op":"order.cancel","header":{},"args":[{"category":"linear","symbol":"A","orderId":"4"}]}`, `order.cancel A id=4`},
	})
}

func TestBybitAnswer(t *testing.T) {
	const order = `POST /v5/order/create {}` + "\n"
	answerIs(t, venue.Bybit, []row{
		{order + `200 {"retCode":0,"retMsg":"OK","result":{"orderId":"1321-a","orderLinkId":"c"},"retExtInfo":{},"time":1}`, `200 accepted order=1321-a`},
		{order + `200 {"retCode":170131,"retMsg":"Insufficient balance.","result":{},"time":1}`, `200 rejected error=170131`},
		{`GET /v5/order/realtime?orderId=1` + "\n" + `200 {"retCode":0,"result":{"list":[{"orderId":"1","orderStatus":"PartiallyFilled"}]}}`, `200 partly_filled order=1`},
		{`GET /v5/order/history?orderId=1` + "\n" + `200 {"retCode":0,"result":{"list":[{"orderId":"1","orderStatus":"Deactivated"}]}}`, `200 cancelled order=1`},
		{`GET /v5/user/query-api` + "\n" + `200 {"retCode":0,"result":{"userID":24617703}}`, `200 account=24617703`},
		{`WS {"op":"auth","args":[]}` + "\n" + `WS {"success":false,"ret_msg":"Params error","op":"auth"}`, `0 rejected login-failed`},
		{`WS {"op":"auth","args":[]}` + "\n" + `WS {"success":true,"ret_msg":"","op":"auth","conn_id":"c"}`, `0`},
		{`WS {"op":"auth","args":[]}` + "\n" + `WS {"retCode":0,"retMsg":"OK","op":"auth","connId":"c"}`, `0`},
		{`WS {"reqId":"1","op":"order.create","args":[{}]}` + "\n" + `WS {"reqId":"1","retCode":0,"retMsg":"OK","op":"order.create","data":{"orderId":"5"}}`, `0 accepted order=5`},
		{`WS {"reqId":"1","op":"order.create","args":[{}]}` + "\n" + `WS {"reqId":"1","retCode":10403,"retMsg":"Exceed","op":"order.create","data":{}}`, `0 rejected error=10403`},
	})
}

func TestBybitClaim(t *testing.T) {
	claimIs(t, venue.Bybit, `POST /v5/order/create?symbol=A {"symbol":"B"}`, "X-BAPI-API-KEY: k\nX-BAPI-SIGN: ab\nX-BAPI-TIMESTAMP: 1711001595207", "signature k fault=ambiguous window=5s+1s")
	claimIs(t, venue.Bybit, `GET /v5/order/realtime`, "X-BAPI-API-KEY: k\nX-BAPI-SIGN: ab\nX-BAPI-TIMESTAMP: soon", "signature k fault=bad_encoding")
	claimIs(t, venue.Bybit, `GET /v5/order/realtime`, "X-BAPI-API-KEY: k\nX-BAPI-API-KEY: l\nX-BAPI-SIGN: ab\nX-BAPI-TIMESTAMP: 1711001595207", "signature k fault=ambiguous window=5s+1s")
	claimIs(t, venue.Bybit, `GET /v5/order/realtime`, "X-BAPI-API-KEY: k\nX-BAPI-TIMESTAMP: 1711001595207", "signature k unsigned window=5s+1s")
	claimIs(t, venue.Bybit, `GET /v5/order/realtime`, "X-BAPI-API-KEY: k\nX-BAPI-SIGN: ab\nX-BAPI-TIMESTAMP: 1711001595207\nX-BAPI-RECV-WINDOW: 99999999", "signature k window=1m0s+1s")
	claimIs(t, venue.Bybit, `GET /v5/market/time`, "", "none")
	claimIs(t, venue.Bybit, `WS {"op":"order.create","header":{"X-BAPI-TIMESTAMP":"1711001595207","X-BAPI-RECV-WINDOW":"8000"},"args":[{}]}`, "", "session window=8s+1s")
	claimIs(t, venue.Bybit, `WS {"op":"order.create","header":{"X-BAPI-TIMESTAMP":"1711001595207"},"args":[{},{}]}`, "", "session fault=ambiguous window=5s+1s")
}

func TestBybitDeny(t *testing.T) {
	denyIs(t, venue.Bybit, `POST /v5/order/create {}`, map[vedette.Reason]string{
		vedette.BadSignature: `200 {"retCode":10004,"retMsg":"Error sign, please check your signature generation algorithm.","result":{},"retExtInfo":{},"time":0}`,
	})
	denyIs(t, venue.Bybit, `WS {"reqId":"r1","header":{},"op":"order.create","args":[{}]}`, map[vedette.Reason]string{
		vedette.Throttled: `0 {"reqId":"r1","retCode":10006,"retMsg":"Too many visits. Exceeded the API Rate Limit.","op":"order.create","data":{},"retExtInfo":{}}`,
	})
	denials(t, venue.Bybit, `WS {"op":"auth","args":["k","1","s"]}`)
	denials(t, venue.Bybit, `WS ping`)
}
