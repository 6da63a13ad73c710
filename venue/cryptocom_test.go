package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestCryptoComMeaning(t *testing.T) {
	post := func(method, params string) string {
		return `POST /exchange/v1/` + method + ` {"id":1,"method":"` + method + `","params":` + params + `,"nonce":1}`
	}
	meaningIs(t, venue.CryptoCom, []row{
		{post("private/create-order", `{"instrument_name":"BTC_USDT","side":"BUY","type":"LIMIT","price":"20000","quantity":"0.01","exec_inst":["POST_ONLY"],"client_oid":"c"}`),
			`order.new BTC_USDT buy limit 0.01 @20000 post cl=c`},
		{post("private/create-order", `{"instrument_name":"B","side":"SELL","type":"STOP_LOSS","quantity":"1","ref_price":"9","time_in_force":"FILL_OR_KILL"}`), `order.new B sell stop 1 stop=9 fok`},
		{post("private/create-order", `{"instrument_name":"B","side":"SELL","type":"MARKET","notional":"50"}`), `order.new B sell market 50`},
		{post("private/amend-order", `{"order_id":"o","new_price":"2","new_quantity":"3"}`), `order.amend 3 @2 id=o`},
		{post("private/cancel-order", `{"order_id":"o"}`), `order.cancel id=o`},
		{post("private/cancel-all-orders", `{"instrument_name":"B"}`), `order.cancel_all B`},
		{post("private/create-order-list", `{"contingency_type":"LIST","order_list":[{"instrument_name":"A","side":"BUY","type":"LIMIT","price":"1","quantity":"2"},{"instrument_name":"B","side":"SELL","type":"MARKET","quantity":"3"}]}`),
			`order.batch | order.new A buy limit 2 @1 | order.new B sell market 3`},
		{post("private/cancel-order-list", `{"order_list":[{"instrument_name":"A","order_id":"1"}]}`), `order.batch | order.cancel A id=1`},
		{post("private/close-position", `{"instrument_name":"B","type":"MARKET"}`), `order.new B market`},
		{post("private/get-order-detail", `{"order_id":"o"}`), `order.query id=o`},
		{post("private/user-balance", `{}`), `account.read`},
		{post("private/get-positions", `{"instrument_name":"B"}`), `account.read B`},
		{post("private/create-withdrawal", `{"currency":"BTC","amount":"1","address":"bc1q","client_wid":"w"}`), `withdraw 1 cl=w asset=BTC to=bc1q`},
		{post("private/create-subaccount-transfer", `{"from":"a","to":"b","currency":"CRO","amount":"1"}`), `transfer 1 asset=CRO obj=b`},
		{post("private/get-deposit-address", `{"currency":"BTC"}`), `deposit.address asset=BTC`},
		{post("private/change-account-leverage", `{"account_id":"a","leverage":5}`), `setting.change obj=a`},
		{post("private/unheard-of", `{}`), `unknown`},
		{`GET /exchange/v1/public/get-book?instrument_name=B&depth=10`, `market.read B`},
		{`WS {"id":1,"method":"public/auth","api_key":"k","sig":"s","nonce":1}`, `session.login`},
		{`WS {"id":1,"method":"private/create-order","params":{"instrument_name":"B","side":"BUY","type":"MARKET","quantity":"1"}}`, `order.new B buy market 1`},
		{`WS {"id":1,"method":"subscribe","params":{"channels":["ticker.BTC_USDT"]}}`, `market.read BTC_USDT`},
		{`WS {"id":1,"method":"subscribe","params":{"channels":["user.order.BTC_USDT","user.balance"]}}`, `account.read`},
		{`WS {"id":1,"method":"public/respond-heartbeat"}`, `market.read`},
	})
}

// The string to sign of nested parameters, as the venue documents it.
func TestCryptoComMessage(t *testing.T) {
	r := parseRequest(`POST /exchange/v1/private/create-order-list {"id":14,"method":"private/create-order-list","api_key":"K","sig":"s","nonce":1587846358253,
		"params":{"order_list":[{"side":"BUY","price":5000.5,"flag":true},{"b":null,"a":["x","y"]}],"contingency_type":"LIST","n":{"z":1,"y":"é"}}}`)
	var c venue.Claim
	venue.CryptoCom.Claim(r, &c)
	msg, ok := venue.CryptoCom.Message(r, &c, 0, nil)
	const want = "private/create-order-list14Kcontingency_typeLISTnyéz1order_listflagtrueprice5000.5sideBUYaxybnull1587846358253"
	if string(msg) != want || !ok {
		t.Errorf("got %s\nwant %s", msg, want)
	}
}

func TestCryptoComClaim(t *testing.T) {
	const body = `{"id":1,"method":"private/user-balance","params":{},"api_key":"k","sig":"s","nonce":1795340740057}`
	claimIs(t, venue.CryptoCom, `POST /exchange/v1/private/user-balance `+body, "", "signature k window=1m0s+1m0s")
	claimIs(t, venue.CryptoCom, `POST /exchange/v1/private/create-withdrawal `+body, "", "signature k mismatch=bound_elsewhere window=1m0s+1m0s")
	claimIs(t, venue.CryptoCom, `POST /v1/private/user-balance {"method":"private/user-balance","api_key":"k","nonce":1795340740057}`, "", "signature k unsigned window=1m0s+1m0s")
	claimIs(t, venue.CryptoCom, `POST /v1/private/user-balance {"method":"private/user-balance","api_key":"k","sig":"s","nonce":"x"}`, "", "signature k fault=bad_encoding")
	claimIs(t, venue.CryptoCom, `GET /v1/public/get-book`, "", "none")
	claimIs(t, venue.CryptoCom, `WS {"id":1,"method":"public/auth","api_key":"k","sig":"s","nonce":1795340740057}`, "", "signature k login window=1m0s+1m0s")
	claimIs(t, venue.CryptoCom, `WS {"id":1,"method":"private/create-order","params":{},"nonce":1795340740057}`, "", "session")
}

func TestCryptoComAnswer(t *testing.T) {
	const order = `POST /exchange/v1/private/create-order {}` + "\n"
	answerIs(t, venue.CryptoCom, []row{
		{order + `200 {"id":1,"method":"private/create-order","code":0,"result":{"order_id":"18","client_oid":"c"}}`, `200 accepted order=18`},
		{order + `401 {"id":1,"method":"private/create-order","code":40101,"message":"UNAUTHORIZED"}`, `401 rejected error=40101 login-failed`},
		{order + `200 {"id":1,"code":0,"result":[{"index":0,"code":306,"message":"INSUFFICIENT_AVAILABLE_BALANCE"}]}`, `200 rejected error=306`},
		{`POST /exchange/v1/private/get-order-detail {}` + "\n" + `200 {"id":1,"code":0,"result":{"order_id":"18","status":"FILLED"}}`, `200 filled order=18`},
		{`WS {"id":1,"method":"public/auth"}` + "\n" + `WS {"id":1,"method":"public/auth","code":0}`, `0 accepted`},
	})
}

func TestCryptoComDeny(t *testing.T) {
	denyIs(t, venue.CryptoCom, `POST /exchange/v1/private/create-order {"id":"a\"b","method":"private/create-order"}`, map[vedette.Reason]string{
		vedette.BadSignature: `401 {"id":"a\"b","method":"private/create-order","code":40101,"message":"UNAUTHORIZED"}`,
		vedette.WindowPassed: `400 {"id":"a\"b","method":"private/create-order","code":40102,"message":"INVALID_NONCE"}`,
		vedette.Throttled:    `429 {"id":"a\"b","method":"private/create-order","code":42901,"message":"TOO_MANY_REQUESTS"}`,
	})
	denials(t, venue.CryptoCom, `WS {"id":1,"method":"evil\"\u0000"}`)
	denials(t, venue.CryptoCom, `WS nonsense`)
	tied(t, venue.CryptoCom, `{"id":42,"method":"private/create-order"}`, `{"id":42,"method":"private/create-order","code":0}`)
}
