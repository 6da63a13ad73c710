package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestOKXMeaning(t *testing.T) {
	meaningIs(t, venue.OKX, []row{
		{`POST /api/v5/trade/order {"instId":"BTC-USDT","tdMode":"cash","side":"buy","ordType":"limit","px":"20000","sz":"0.01","clOrdId":"c1"}`,
			`order.new BTC-USDT buy limit 0.01 @20000 cl=c1`},
		{`POST /api/v5/trade/order {"instId":"BTC-USDT-SWAP","side":"sell","ordType":"post_only","px":"1","sz":"2","reduceOnly":true}`,
			`order.new BTC-USDT-SWAP sell limit 2 @1 post reduce`},
		{`POST /api/v5/trade/order {"instId":"BTC-USDT","side":"sell","ordType":"ioc","px":"1","sz":"2"}`, `order.new BTC-USDT sell limit 2 @1 ioc`},
		{`POST /api/v5/trade/order {"instId":"BTC-USDT-SWAP","side":"sell","ordType":"optimal_limit_ioc","sz":"2"}`, `order.new BTC-USDT-SWAP sell limit 2 ioc`},
		{`POST /api/v5/trade/order-precheck {"instId":"BTC-USDT","side":"buy","ordType":"market","sz":"1"}`, `order.query BTC-USDT buy market 1`},
		{`POST /api/v5/trade/order-algo {"instId":"BTC-USDT","side":"sell","ordType":"trigger","sz":"2","triggerPx":"100","orderPx":"-1"}`,
			`order.new BTC-USDT sell stop 2 stop=100`},
		{`POST /api/v5/trade/order-algo {"instId":"BTC-USDT","side":"sell","ordType":"conditional","sz":"2","slTriggerPx":"100","slOrdPx":"99"}`,
			`order.new BTC-USDT sell stop_limit 2 stop=100`},
		{`POST /api/v5/trade/amend-order {"instId":"BTC-USDT","ordId":"7","newSz":"2","newPx":"3"}`, `order.amend BTC-USDT 2 @3 id=7`},
		{`POST /api/v5/trade/cancel-order {"instId":"BTC-USDT","clOrdId":"c1"}`, `order.cancel BTC-USDT id=c1`},
		{`POST /api/v5/trade/cancel-algos [{"instId":"BTC-USDT","algoId":"5"}]`, `order.batch | order.cancel BTC-USDT id=5`},
		{`POST /api/v5/trade/batch-orders [{"instId":"A-B","side":"buy","ordType":"limit","px":"2","sz":"1"},{"instId":"C-D","side":"sell","ordType":"market","sz":"3"}]`,
			`order.batch | order.new A-B buy limit 1 @2 | order.new C-D sell market 3`},
		{`POST /api/v5/trade/mass-cancel {"instType":"OPTION","instFamily":"BTC-USD"}`, `order.cancel_all BTC-USD`},
		{`POST /api/v5/trade/close-position {"instId":"BTC-USDT-SWAP","mgnMode":"cross"}`, `order.new BTC-USDT-SWAP market reduce`},
		{`GET /api/v5/trade/order?instId=BTC-USDT&ordId=9`, `order.query BTC-USDT id=9`},
		{`GET /api/v5/trade/orders-pending`, `order.query`},
		{`GET /api/v5/account/balance?ccy=BTC`, `account.read asset=BTC`},
		{`POST /api/v5/account/set-leverage {"instId":"BTC-USDT","lever":"5"}`, `setting.change BTC-USDT`},
		{`POST /api/v5/asset/withdrawal {"ccy":"BTC","amt":"1","dest":"4","toAddr":"bc1q","chain":"BTC-Bitcoin"}`, `withdraw 1 asset=BTC to=bc1q`},
		{`POST /api/v5/asset/transfer {"ccy":"USDT","amt":"1.5","from":"6","to":"18","subAcct":"mini"}`, `transfer 1.5 asset=USDT obj=mini`},
		{`GET /api/v5/asset/deposit-address?ccy=BTC`, `deposit.address asset=BTC`},
		{`POST /api/v5/users/subaccount/apikey {"subAcct":"mini","label":"l"}`, `key.create obj=mini`},
		{`POST /api/v5/users/subaccount/modify-apikey {"subAcct":"mini","apiKey":"abc"}`, `key.change obj=abc`},
		{`POST /api/v5/users/subaccount/delete-apikey {"subAcct":"mini","apiKey":"abc"}`, `key.delete obj=abc`},
		{`GET /api/v5/market/ticker?instId=BTC-USDT`, `market.read BTC-USDT`},
		{`GET /api/v5/public/instruments?instType=SPOT`, `market.read`},
		{`POST /api/v5/trade/no-such {"instId":"BTC-USDT"}`, `unknown`},

		{`WS {"op":"login","args":[{"apiKey":"k","passphrase":"p","timestamp":"1","sign":"s"}]}`, `session.login`},
		{`WS ping`, `market.read`},
		{`WS {"op":"subscribe","args":[{"channel":"tickers","instId":"BTC-USDT"}]}`, `market.read BTC-USDT`},
		{`WS {"op":"subscribe","args":[{"channel":"tickers","instId":"X"},{"channel":"orders","instType":"ANY"}]}`, `order.query X`},
		{`WS {"op":"subscribe","args":[{"channel":"account","ccy":"BTC"}]}`, `account.read asset=BTC`},
		{`WS {"id":"1","op":"order","args":[{"side":"buy","instId":"BTC-USDT","tdMode":"cash","ordType":"market","sz":"100"}]}`, `order.new BTC-USDT buy market 100`},
		{`WS {"id":"1","op":"order","args":[{"side":"buy","instId":"A","ordType":"market","sz":"1"},{"side":"sell","instId":"B","ordType":"market","sz":"2"}]}`,
			`order.batch | order.new A buy market 1 | order.new B sell market 2`},
		{`WS {"id":"1","op":"batch-cancel-orders","args":[{"instId":"A","ordId":"1"},{"instId":"B","clOrdId":"x"}]}`,
			`order.batch | order.cancel A id=1 | order.cancel B id=x`},
		{`WS {"id":"1","op":"amend-order","args":[{"instId":"A","ordId":"1","newSz":"2"}]}`, `order.amend A 2 id=1`},
		{`WS {"id":"1","op":"mass-cancel","args":[{"instType":"OPTION","instFamily":"BTC-USD"}]}`, `order.cancel_all BTC-USD`},
	})
}

func TestOKXAnswer(t *testing.T) {
	const order = `POST /api/v5/trade/order {}` + "\n"
	answerIs(t, venue.OKX, []row{
		{order + `200 {"code":"0","msg":"","data":[{"clOrdId":"c","ordId":"312","tag":"","sCode":"0","sMsg":""}]}`, `200 accepted order=312`},
		{order + `200 {"code":"1","msg":"All operations failed","data":[{"clOrdId":"c","ordId":"","sCode":"51008","sMsg":"no funds"}]}`, `200 rejected error=51008`},
		{order + `401 {"code":"50113","msg":"Invalid Sign"}`, `401 rejected error=50113`},
		{`GET /api/v5/trade/order?ordId=312` + "\n" + `200 {"code":"0","data":[{"ordId":"312","state":"partially_filled"}]}`, `200 partly_filled order=312`},
		{`GET /api/v5/trade/order?ordId=312` + "\n" + `200 {"code":"0","data":[{"ordId":"312","state":"filled"}]}`, `200 filled order=312`},
		{`GET /api/v5/account/config` + "\n" + `200 {"code":"0","data":[{"uid":"44"}]}`, `200 account=44`},
		{`POST /api/v5/trade/batch-orders []` + "\n" + `200 {"code":"2","data":[{"ordId":"1","sCode":"0"},{"ordId":"","sCode":"51008"}]}`, `200 accepted error=2`},
		{`WS {"op":"login","args":[{}]}` + "\n" + `WS {"event":"error","code":"60009","msg":"Login failed."}`, `0 rejected error=60009 login-failed`},
		{`WS {"op":"login","args":[{}]}` + "\n" + `WS {"event":"login","code":"0","msg":"","connId":"a"}`, `0`},
		{`WS {"id":"1","op":"order","args":[{}]}` + "\n" + `WS {"id":"1","op":"order","data":[{"ordId":"9","sCode":"0"}],"code":"0"}`, `0 accepted order=9`},
	})
}

func TestOKXCorrelate(t *testing.T) {
	for _, pair := range [][2]string{
		{`{"op":"login","args":[{}]}`, `{"event":"login","code":"0"}`},
		{`{"op":"login","args":[{}]}`, `{"event":"error","code":"60009","msg":"Login failed."}`},
		{`{"id":"1","op":"login","args":[{}]}`, `{"event":"login","code":"0"}`},
		{`{"id":"7","op":"order","args":[]}`, `{"id":"7","op":"order","data":[]}`},
	} {
		q := venue.OKX.Correlate(&venue.Request{Kind: venue.Message, Body: []byte(pair[0])})
		a := venue.OKX.Correlate(&venue.Request{Kind: venue.Reply, Body: []byte(pair[1])})
		if q == "" || q != a {
			t.Errorf("%s is tied by %q, %s by %q", pair[0], q, pair[1], a)
		}
	}
}

func TestOKXDeny(t *testing.T) {
	denyIs(t, venue.OKX, `POST /api/v5/trade/order {}`, map[vedette.Reason]string{
		vedette.BadSignature: `401 {"code":"50113","msg":"Invalid Sign","data":[]}`,
		vedette.WindowPassed: `401 {"code":"50102","msg":"Timestamp request expired","data":[]}`,
		vedette.Throttled:    `429 {"code":"50011","msg":"Too Many Requests","data":[]}`,
	})
	denyIs(t, venue.OKX, `WS {"id":"a\"b","op":"order","args":[{}]}`, map[vedette.Reason]string{
		vedette.NoPermission: `0 {"id":"a\"b","op":"order","code":"50120","msg":"This API key does not have permission to use this function.","data":[]}`,
	})
	denyIs(t, venue.OKX, `WS {"op":"login","args":[{}]}`, map[vedette.Reason]string{
		vedette.BadSignature: `0 {"event":"error","code":"60007","msg":"Invalid sign"}`,
	})
	denials(t, venue.OKX, `WS {"id":"1","op":"subscribe","args":[{"channel":"orders"}]}`)
	denials(t, venue.OKX, `WS ping`)
}
