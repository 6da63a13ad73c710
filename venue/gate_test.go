package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestGateMeaning(t *testing.T) {
	meaningIs(t, venue.Gate, []row{
		{`POST /api/v4/spot/orders {"text":"t-c1","currency_pair":"BTC_USDT","type":"limit","account":"spot","side":"buy","amount":"0.01","price":"20000","time_in_force":"poc"}`,
			`order.new BTC_USDT buy limit 0.01 @20000 gtc post cl=t-c1`},
		{`POST /api/v4/spot/price_orders {"trigger":{"price":"100","rule":">="},"put":{"type":"limit","side":"sell","price":"99","amount":"2"},"market":"GT_USDT"}`,
			`order.new GT_USDT sell stop_limit 2 @99 stop=100`},
		{`POST /api/v4/futures/usdt/orders {"contract":"BTC_USDT","size":-5,"price":"0","tif":"ioc","reduce_only":true,"text":"t-x"}`,
			`order.new BTC_USDT sell market 5 ioc reduce cl=t-x`},
		{`POST /api/v4/futures/usdt/orders {"contract":"BTC_USDT","size":5,"price":"3"}`, `order.new BTC_USDT buy limit 5 @3`},
		{`POST /api/v4/futures/usdt/price_orders {"initial":{"contract":"BTC_USDT","size":-1,"price":"2"},"trigger":{"price":"3"}}`, `order.new BTC_USDT sell stop_limit 1 @2 stop=3`},
		{`PATCH /api/v4/spot/orders/7?currency_pair=BTC_USDT {"price":"3"}`, `order.amend BTC_USDT @3 id=7`},
		{`PUT /api/v4/futures/usdt/orders/7 {"size":3,"price":"2"}`, `order.amend 3 @2 id=7`},
		{`DELETE /api/v4/spot/orders/7?currency_pair=BTC_USDT`, `order.cancel BTC_USDT id=7`},
		{`DELETE /api/v4/spot/orders?currency_pair=BTC_USDT`, `order.cancel_all BTC_USDT`},
		{`POST /api/v4/spot/batch_orders [{"currency_pair":"A_B","side":"buy","amount":"1","price":"2","type":"limit"},{"currency_pair":"C_D","side":"sell","amount":"3","type":"market"}]`,
			`order.batch | order.new A_B buy limit 1 @2 | order.new C_D sell market 3`},
		{`POST /api/v4/spot/cancel_batch_orders [{"currency_pair":"A_B","id":"1"}]`, `order.batch | order.cancel A_B id=1`},
		{`POST /api/v4/futures/usdt/batch_cancel_orders ["1","2"]`, `order.batch | order.cancel id=1 | order.cancel id=2`},
		{`GET /api/v4/spot/orders/7?currency_pair=BTC_USDT`, `order.query BTC_USDT id=7`},
		{`GET /api/v4/spot/accounts?currency=BTC`, `account.read asset=BTC`},
		{`POST /api/v4/withdrawals {"currency":"BTC","address":"bc1q","amount":"1","chain":"BTC"}`, `withdraw 1 asset=BTC to=bc1q`},
		{`POST /api/v4/wallet/sub_account_transfers {"sub_account":"9","currency":"BTC","amount":"1","direction":"to"}`, `transfer 1 asset=BTC obj=9`},
		{`GET /api/v4/wallet/deposit_address?currency=BTC`, `deposit.address asset=BTC`},
		{`POST /api/v4/sub_accounts/9/keys {"name":"k"}`, `key.create obj=9`},
		{`DELETE /api/v4/sub_accounts/9/keys/abc`, `key.delete obj=abc`},
		{`POST /api/v4/futures/usdt/positions/BTC_USDT/leverage?leverage=5`, `setting.change BTC_USDT`},
		{`POST /api/v4/crossex/orders {"text":"t-1","symbol":"BINANCE_FUTURE_ADA_USDT","side":"BUY","type":"LIMIT","qty":"1","price":"2","time_in_force":"POC"}`,
			`order.new BINANCE_FUTURE_ADA_USDT buy limit 1 @2 gtc post cl=t-1`},
		{`POST /api/v4/crossex/batch_cancel_orders [{"order_id":"5"},{"text":"t-1"}]`, `order.batch | order.cancel id=5 | order.cancel id=t-1`},
		{`POST /api/v4/stock/orders {"symbol":"AAPL","side":2,"volume":"1","price_type":"market","time_in_force":"day"}`, `order.new AAPL sell market 1 day`},
		{`GET /api/v4/spot/tickers?currency_pair=BTC_USDT`, `market.read BTC_USDT`},
		{`POST /api/v4/other {}`, `unknown`},

		{`WS {"time":1,"channel":"spot.login","event":"api","payload":{"req_id":"1","timestamp":"1","api_key":"k","signature":"s"}}`, `session.login`},
		{`WS {"time":1,"channel":"spot.ping"}`, `market.read`},
		{`WS {"time":1,"channel":"spot.tickers","event":"subscribe","payload":["BTC_USDT"]}`, `market.read`},
		{`WS {"time":1,"channel":"spot.balances","event":"subscribe","auth":{"method":"api_key","KEY":"k","SIGN":"s"}}`, `account.read`},
		{`WS {"time":1,"channel":"futures.usertrades","event":"subscribe","payload":["1","!all"],"auth":{}}`, `order.query`},
		{`WS {"time":1,"channel":"spot.order_place","event":"api","payload":{"req_id":"1","req_param":{"text":"t-1","currency_pair":"A_B","type":"limit","side":"buy","amount":"1","price":"2"}}}`,
			`order.new A_B buy limit 1 @2 cl=t-1`},
		{`WS {"time":1,"channel":"spot.order_place","event":"api","payload":{"req_id":"1","req_param":[{"currency_pair":"A_B","type":"limit","side":"buy","amount":"1","price":"2"}]}}`,
			`order.batch | order.new A_B buy limit 1 @2`},
		{`WS {"time":1,"channel":"futures.order_place","event":"api","payload":{"req_id":"1","req_param":{"contract":"A_B","size":-2,"price":"0","tif":"ioc"}}}`,
			`order.new A_B sell market 2 ioc`},
		{`WS {"time":1,"channel":"spot.order_cancel","event":"api","payload":{"req_id":"1","req_param":{"order_id":"5","currency_pair":"A_B"}}}`, `order.cancel A_B id=5`},
		{`WS {"time":1,"channel":"futures.order_cancel_ids","event":"api","payload":{"req_id":"1","req_param":["5","6"]}}`, `order.batch | order.cancel id=5 | order.cancel id=6`},
		{`WS {"time":1,"channel":"spot.order_nuke","event":"api","payload":{"req_param":{}}}`, `unknown`},
	})
}

func TestGateAnswer(t *testing.T) {
	const order = `POST /api/v4/spot/orders {}` + "\n"
	answerIs(t, venue.Gate, []row{
		{order + `201 {"id":"12","text":"t-1","status":"open","currency_pair":"A_B","amount":"2","left":"2"}`, `201 accepted order=12`},
		{order + `201 {"id":"12","status":"open","amount":"2","left":"1"}`, `201 partly_filled order=12`},
		{order + `201 {"id":"12","status":"closed","amount":"2","left":"0"}`, `201 filled order=12`},
		{order + `400 {"label":"BALANCE_NOT_ENOUGH","message":"x"}`, `400 rejected error=BALANCE_NOT_ENOUGH`},
		{`POST /api/v4/futures/usdt/orders {}` + "\n" + `201 {"id":15,"contract":"A_B","status":"finished","finish_as":"ioc","size":5,"left":5}`, `201 cancelled order=15`},
		{`GET /api/v4/account/detail` + "\n" + `200 {"user_id":1667201533}`, `200 account=1667201533`},
		{`WS {"channel":"spot.login","event":"api","payload":{}}` + "\n" + `WS {"request_id":"1","header":{"status":"401"},"data":{"errs":{"label":"INVALID_KEY","message":"x"}}}`, `0 rejected error=INVALID_KEY login-failed`},
		{`WS {"channel":"spot.login","event":"api","payload":{}}` + "\n" + `WS {"request_id":"1","header":{"status":"200"},"data":{"result":{"api_key":"k","uid":"110284739"}}}`, `0 account=110284739`},
		{`WS {"channel":"spot.order_place","event":"api","payload":{"req_param":{}}}` + "\n" + `WS {"request_id":"1","ack":false,"data":{"result":{"id":"9","status":"open","amount":"1","left":"1"}}}`, `0 accepted order=9`},
		{`WS {"channel":"spot.balances","event":"subscribe","auth":{}}` + "\n" + `WS {"channel":"spot.balances","event":"subscribe","error":{"code":2,"message":"x"}}`, `0 rejected error=2`},
	})
}

func TestGateClaim(t *testing.T) {
	claimIs(t, venue.Gate, `WS {"time":1711001595,"channel":"spot.order_place","event":"api","payload":{"req_id":"1","req_param":{}}}`, "", "session")
	claimIs(t, venue.Gate, `WS {"time":1711001595,"channel":"spot.login","event":"api","payload":{"timestamp":"1711001596","api_key":"k","signature":"ab"}}`, "", "signature k fault=ambiguous login window=1m0s+1m0s")
	claimIs(t, venue.Gate, `GET /api/v4/spot/accounts`, "KEY: k\nTimestamp: 1711001595", "signature k unsigned window=1m0s+1m0s")
}

func TestGateDeny(t *testing.T) {
	denyIs(t, venue.Gate, `POST /api/v4/spot/orders {}`, map[vedette.Reason]string{
		vedette.BadSignature: `401 {"label":"INVALID_SIGNATURE","message":"Signature mismatch"}`,
	})
	denyIs(t, venue.Gate, `WS {"time":1,"channel":"spot.order_place","event":"api","payload":{"req_id":"r","req_param":{}}}`, map[vedette.Reason]string{
		vedette.UnknownKey: `0 {"request_id":"r","ack":false,"header":{"response_time":"0","status":"401","channel":"spot.order_place","event":"api"},"data":{"errs":{"label":"INVALID_KEY","message":"Invalid key provided"}}}`,
	})
	denials(t, venue.Gate, `WS {"time":1,"channel":"spot.balances","event":"subscribe","auth":{"KEY":"k"}}`)
	denials(t, venue.Gate, `WS nonsense`)
}
