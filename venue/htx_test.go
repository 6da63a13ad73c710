package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestHTXMeaning(t *testing.T) {
	meaningIs(t, venue.HTX, []row{
		{`POST /v1/order/orders/place?AccessKeyId=k {"account-id":"1","symbol":"btcusdt","type":"buy-limit","amount":"0.01","price":"20000","client-order-id":"c1"}`,
			`order.new btcusdt buy limit 0.01 @20000 cl=c1`},
		{`POST /v1/order/orders/place {"symbol":"btcusdt","type":"sell-ioc","amount":"1","price":"2"}`, `order.new btcusdt sell limit 1 @2 ioc`},
		{`POST /v1/order/orders/place {"symbol":"btcusdt","type":"buy-limit-maker","amount":"1","price":"2"}`, `order.new btcusdt buy limit 1 @2 post`},
		{`POST /v1/order/orders/place {"symbol":"btcusdt","type":"sell-market","amount":"1"}`, `order.new btcusdt sell market 1`},
		{`POST /v1/order/orders/place {"symbol":"btcusdt","type":"sell-stop-limit","amount":"1","price":"2","stop-price":"3","operator":"lte"}`,
			`order.new btcusdt sell stop_limit 1 @2 stop=3`},
		{`POST /v1/order/batch-orders [{"symbol":"a","type":"buy-limit","amount":"1","price":"2"},{"symbol":"b","type":"sell-market","amount":"3"}]`,
			`order.batch | order.new a buy limit 1 @2 | order.new b sell market 3`},
		{`POST /v1/order/orders/59378/submitcancel {}`, `order.cancel id=59378`},
		{`POST /v1/order/orders/submitCancelClientOrder {"client-order-id":"c1"}`, `order.cancel id=c1`},
		{`POST /v1/order/orders/batchcancel {"order-ids":["1","2"],"client-order-ids":["x"]}`, `order.batch | order.cancel id=1 | order.cancel id=2 | order.cancel id=x`},
		{`POST /v1/order/orders/batchCancelOpenOrders {"account-id":"1","symbol":"btcusdt"}`, `order.cancel_all btcusdt`},
		{`POST /v2/algo-orders {"accountId":1,"symbol":"btcusdt","orderSide":"sell","orderType":"limit","orderPrice":"2","orderSize":"1","stopPrice":"3","clientOrderId":"c"}`,
			`order.new btcusdt sell stop_limit 1 @2 stop=3 cl=c`},
		{`GET /v1/order/orders/59378?AccessKeyId=k`, `order.query id=59378`},
		{`GET /v1/account/accounts/100/balance`, `account.read obj=100`},
		{`POST /v1/dw/withdraw/api/create {"address":"0xde","amount":"0.05","currency":"eth","fee":"0.01","client-order-id":"w"}`, `withdraw 0.05 cl=w asset=eth to=0xde`},
		{`POST /v1/subuser/transfer {"sub-uid":"9","currency":"btc","amount":"1","type":"master-transfer-out"}`, `transfer 1 asset=btc obj=9`},
		{`GET /v2/account/deposit/address?currency=btc`, `deposit.address asset=btc`},
		{`POST /v2/sub-user/api-key-generation {"subUid":123,"note":"n","permission":"trade"}`, `key.create obj=123`},
		{`POST /v2/sub-user/api-key-deletion {"subUid":123,"accessKey":"abc"}`, `key.delete obj=abc`},
		{`POST /linear-swap-api/v1/swap_cross_order {"contract_code":"BTC-USDT","direction":"buy","offset":"open","price":"2","volume":1,"lever_rate":5,"order_price_type":"limit"}`,
			`order.new BTC-USDT buy limit 1 @2`},
		{`POST /linear-swap-api/v1/swap_order {"contract_code":"BTC-USDT","direction":"sell","offset":"close","volume":1,"order_price_type":"optimal_5_ioc"}`,
			`order.new BTC-USDT sell market 1 ioc reduce`},
		{`POST /swap-api/v1/swap_cancel {"contract_code":"BTC-USD","order_id":"77"}`, `order.cancel BTC-USD id=77`},
		{`POST /api/v1/contract_cancelall {"symbol":"BTC"}`, `order.cancel_all BTC`},
		{`POST /api/v1/contract_batchorder {"orders_data":[{"contract_code":"BTC1","direction":"buy","price":"1","volume":2,"order_price_type":"post_only"}]}`,
			`order.batch | order.new BTC1 buy limit 2 @1 post`},
		{`POST /linear-swap-api/v1/swap_cross_account_info {"margin_account":"USDT"}`, `account.read`},
		{`POST /v5/trade/order {"contract_code":"BTC-USDT","side":"buy","type":"market","volume":"1"}`, `order.new BTC-USDT buy market 1`},
		{`GET /market/detail/merged?symbol=btcusdt`, `market.read btcusdt`},
		{`POST /v1/order/other {}`, `unknown`},

		{`WS {"action":"req","ch":"auth","params":{"authType":"api"}}`, `session.login`},
		{`WS {"op":"auth","type":"api"}`, `session.login`},
		{`WS {"sub":"market.btcusdt.kline.1min","id":"id1"}`, `market.read`},
		{`WS {"pong":1492420473027}`, `market.read`},
		{`WS {"action":"pong","data":{"ts":1}}`, `market.read`},
		{`WS {"op":"pong","ts":"1"}`, `market.read`},
		{`WS {"action":"sub","ch":"orders#btcusdt"}`, `order.query`},
		{`WS {"action":"sub","ch":"accounts.update#1"}`, `account.read`},
		{`WS {"op":"sub","cid":"1","topic":"matchOrders_cross.btc-usdt"}`, `order.query`},
		{`WS {"op":"sub","cid":"1","topic":"public.*.liquidation_orders"}`, `market.read`},
		{`WS {"op":"create_order","cid":"1","data":{"contract_code":"BTC-USDT","direction":"buy","price":"1","volume":2,"order_price_type":"limit"}}`,
			`order.new BTC-USDT buy limit 2 @1`},
		{`WS {"op":"other"}`, `unknown`},
	})
}

func TestHTXAnswer(t *testing.T) {
	const order = `POST /v1/order/orders/place {}` + "\n"
	answerIs(t, venue.HTX, []row{
		{order + `200 {"status":"ok","data":"356501383558845"}`, `200 accepted order=356501383558845`},
		{order + `200 {"status":"error","err-code":"account-frozen-balance-insufficient-error","err-msg":"x","data":null}`, `200 rejected error=account-frozen-balance-insufficient-error`},
		{`GET /v1/order/orders/5` + "\n" + `200 {"status":"ok","data":{"id":5,"state":"partial-canceled"}}`, `200 cancelled order=5`},
		{`GET /v1/order/orders/5` + "\n" + `200 {"status":"ok","data":{"id":5,"state":"filled"}}`, `200 filled order=5`},
		{`POST /linear-swap-api/v1/swap_order {}` + "\n" + `200 {"status":"ok","data":{"order_id":7,"order_id_str":"7"},"ts":1}`, `200 accepted order=7`},
		{`POST /linear-swap-api/v1/swap_order {}` + "\n" + `200 {"status":"error","err_code":1047,"err_msg":"Insufficient margin","ts":1}`, `200 rejected error=1047`},
		{`POST /linear-swap-api/v1/swap_order_info {}` + "\n" + `200 {"status":"ok","data":[{"order_id_str":"7","status":4}]}`, `200 partly_filled order=7`},
		{`POST /v2/algo-orders {}` + "\n" + `200 {"code":200,"data":{"clientOrderId":"c"}}`, `200 accepted`},
		{`POST /v2/algo-orders {}` + "\n" + `200 {"code":2002,"message":"invalid"}`, `200 rejected error=2002`},
		{`WS {"action":"req","ch":"auth","params":{}}` + "\n" + `WS {"action":"req","code":200,"ch":"auth","data":{}}`, `0`},
		{`WS {"action":"req","ch":"auth","params":{}}` + "\n" + `WS {"action":"req","code":2002,"ch":"auth","message":"invalid.auth.state"}`, `0 rejected error=2002 login-failed`},
		{`WS {"op":"auth"}` + "\n" + `WS {"op":"auth","type":"api","err-code":2003,"err-msg":"Authentication failed."}`, `0 rejected error=2003 login-failed`},
	})
}

func TestHTXClaim(t *testing.T) {
	const q = `GET /v1/account/accounts?AccessKeyId=k&SignatureVersion=2&Timestamp=2026-11-22T09%3A45%3A40`
	claimIs(t, venue.HTX, q+`&SignatureMethod=Ed25519&Signature=ab`, "", "signature k scheme=ed25519 window=5m0s+5m0s")
	claimIs(t, venue.HTX, q+`&SignatureMethod=MD5&Signature=ab`, "", "signature k fault=bad_encoding window=5m0s+5m0s")
	claimIs(t, venue.HTX, q+`&SignatureMethod=HmacSHA256`, "", "signature k scheme=hmac unsigned window=5m0s+5m0s")
	claimIs(t, venue.HTX, `GET /market/tickers`, "", "none")
}

// The venue decodes and encodes anew, so that clients may escape as they like.
func TestHTXForms(t *testing.T) {
	r := &venue.Request{Method: "GET", Host: "API.huobi.pro:443", Path: "/v1/x", Query: "b=1+2%2c3&Signature=zz&a=%7E&AccessKeyId=k"}
	var c venue.Claim
	for form, want := range []string{
		"GET\napi.huobi.pro:443\n/v1/x\nAccessKeyId=k&a=%7E&b=1+2%2c3", "GET\napi.huobi.pro:443\n/v1/x\nAccessKeyId=k&a=~&b=1%202%2C3",
		"GET\napi.huobi.pro\n/v1/x\nAccessKeyId=k&a=%7E&b=1+2%2c3", "GET\napi.huobi.pro\n/v1/x\nAccessKeyId=k&a=~&b=1%202%2C3",
	} {
		if got, ok := venue.HTX.Message(r, &c, form, nil); !ok || string(got) != want {
			t.Errorf("form %d: %q, %v, want %q", form, got, ok, want)
		}
	}
	if _, ok := venue.HTX.Message(r, &c, 4, nil); ok {
		t.Error("a fifth form")
	}
}

func TestHTXDeny(t *testing.T) {
	denyIs(t, venue.HTX, `POST /v1/order/orders/place {}`, map[vedette.Reason]string{
		vedette.BadSignature: `200 {"status":"error","err-code":"api-signature-not-valid","err-msg":"Signature not valid: Verification failure","data":null}`,
	})
	denyIs(t, venue.HTX, `POST /linear-swap-api/v1/swap_order {}`, map[vedette.Reason]string{
		vedette.Throttled: `429 {"status":"error","err_code":1032,"err_msg":"exceeded rate limit","ts":0}`,
	})
	for _, in := range []string{`POST /v2/algo-orders {}`, `WS {"op":"auth"}`, `WS {"action":"sub","ch":"orders#a\"b"}`, `WS {"sub":"market.x","id":"1"}`} {
		denials(t, venue.HTX, in)
	}
}
