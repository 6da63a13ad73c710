package venue_test

import (
	"encoding/base64"
	"testing"

	"vedette"
	"vedette/venue"
)

func TestBitfinexMeaning(t *testing.T) {
	meaningIs(t, venue.Bitfinex, []row{
		{`POST /v2/auth/w/order/submit {"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"-0.01","price":"20000","cid":5,"flags":4096}`,
			`order.new tBTCUSD sell limit 0.01 @20000 post cl=5`},
		{`POST /v2/auth/w/order/submit {"type":"MARKET","symbol":"tBTCF0:USTF0","amount":"2","flags":1024}`, `order.new tBTCF0:USTF0 buy market 2 reduce`},
		{`POST /v2/auth/w/order/submit {"type":"EXCHANGE IOC","symbol":"tBTCUSD","amount":"1","price":"2"}`, `order.new tBTCUSD buy limit 1 @2 ioc`},
		{`POST /v2/auth/w/order/submit {"type":"EXCHANGE FOK","symbol":"tBTCUSD","amount":"1","price":"2"}`, `order.new tBTCUSD buy limit 1 @2 fok`},
		{`POST /v2/auth/w/order/submit {"type":"STOP","symbol":"tBTCUSD","amount":"1","price":"2","tif":"2030-01-01 10:45:23"}`, `order.new tBTCUSD buy stop 1 stop=2 gtd`},
		{`POST /v2/auth/w/order/submit {"type":"EXCHANGE STOP LIMIT","symbol":"tBTCUSD","amount":"1","price":"2","price_aux_limit":"3"}`,
			`order.new tBTCUSD buy stop_limit 1 @3 stop=2`},
		{`POST /v2/auth/w/order/update {"id":77,"price":"3","amount":"-2"}`, `order.amend sell 2 @3 id=77`},
		{`POST /v2/auth/w/order/cancel {"id":77}`, `order.cancel id=77`},
		{`POST /v2/auth/w/order/cancel {"cid":5,"cid_date":"2030-01-01"}`, `order.cancel id=5`},
		{`POST /v2/auth/w/order/cancel/multi {"id":[1,2],"cid":[[5,"2030-01-01"]]}`, `order.batch | order.cancel id=1 | order.cancel id=2 | order.cancel id=5`},
		{`POST /v2/auth/w/order/cancel/multi {"all":1}`, `order.cancel_all`},
		{`POST /v2/auth/w/order/multi {"ops":[["on",{"type":"LIMIT","symbol":"tBTCUSD","amount":"1","price":"2"}],["ou",{"id":7,"price":"3"}],["oc",{"id":8}],["xx",{}]]}`,
			`order.batch | order.new tBTCUSD buy limit 1 @2 | order.amend @3 id=7 | order.cancel id=8 | unknown`},
		{`POST /v2/auth/w/withdraw {"wallet":"exchange","method":"bitcoin","amount":"0.1","address":"1Boat"}`, `withdraw 0.1 asset=bitcoin to=1Boat obj=exchange`},
		{`POST /v2/auth/w/transfer {"from":"exchange","to":"margin","currency":"BTC","amount":"1","email_dst":"a@b"}`, `transfer 1 asset=BTC obj=a@b`},
		{`POST /v2/auth/w/deposit/address {"wallet":"exchange","method":"bitcoin","op_renew":1}`, `deposit.address asset=bitcoin obj=exchange`},
		{`POST /v2/auth/w/token {"scope":"api","ttl":120}`, `key.create obj=api`},
		{`POST /v2/auth/w/token/del {"token":"t"}`, `key.delete`},
		{`POST /v2/auth/r/wallets {}`, `account.read`},
		{`POST /v2/auth/r/orders/tBTCUSD/hist {}`, `order.query tBTCUSD`},
		{`POST /v2/auth/r/logins/hist {}`, `account.read`},
		{`GET /v2/ticker/tBTCUSD`, `market.read tBTCUSD`},
		{`GET /v2/candles/trade:1m:tBTCUSD/hist`, `market.read`},
		{`POST /v2/auth/w/nosuch {}`, `unknown`},
		{`WS {"event":"auth","apiKey":"k","authSig":"s","authNonce":1,"authPayload":"AUTH1"}`, `session.login`},
		{`WS [0,"on",null,{"cid":5,"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.5","price":"1"}]`, `order.new tBTCUSD buy limit 0.5 @1 cl=5`},
		{`WS [0,"oc",null,{"id":7}]`, `order.cancel id=7`},
		{`WS [0,"oc_multi",null,{"all":1}]`, `order.cancel_all`},
		{`WS [0,"ox_multi",null,[["on",{"type":"MARKET","symbol":"tBTCUSD","amount":"-1"}],["oc",{"id":7}]]]`, `order.batch | order.new tBTCUSD sell market 1 | order.cancel id=7`},
		{`WS {"event":"subscribe","channel":"ticker","symbol":"tBTCUSD"}`, `market.read tBTCUSD`},
		{`WS [0,"zz",null,{}]`, `unknown`},
	})
	r := parseRequest("POST /v1/order/new")
	r.Header = venue.Header{{Name: "X-BFX-PAYLOAD", Value: base64.StdEncoding.EncodeToString([]byte(
		`{"request":"/v1/order/new","nonce":"7","symbol":"BTCUSD","amount":"0.5","price":"2","side":"sell","type":"exchange limit"}`))}}
	var c vedette.Call
	venue.Bitfinex.Meaning(r, &c)
	if got, want := sayCall(&c), "order.new BTCUSD sell limit 0.5 @2"; got != want {
		t.Errorf("version 1: got %s, want %s", got, want)
	}
	r = parseRequest("POST /v1/order/cancel/replace")
	r.Header = venue.Header{{Name: "X-BFX-PAYLOAD", Value: base64.StdEncoding.EncodeToString([]byte(
		`{"request":"/v1/order/cancel/replace","nonce":"7","order_id":5,"symbol":"BTCUSD","amount":"0.5","price":"2","side":"sell","type":"exchange limit"}`))}}
	c = vedette.Call{}
	venue.Bitfinex.Meaning(r, &c)
	if got, want := sayCall(&c), `order.batch BTCUSD id=5 | order.cancel BTCUSD id=5 | order.new BTCUSD sell limit 0.5 @2`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBitfinexClaim(t *testing.T) {
	d := venue.Bitfinex
	const order = `POST /v2/auth/w/order/submit {"symbol":"tBTCUSD"}`
	claimIs(t, d, order, "bfx-apikey: k\nbfx-signature: s\nbfx-nonce: 1795340739964", `signature k nonce=1795340739964`)
	claimIs(t, d, order, "bfx-apikey: k\nbfx-signature: s\nbfx-nonce: 1.5", `signature k nonce=1.5 fault=bad_encoding`)
	claimIs(t, d, order, "bfx-apikey: k\nbfx-nonce: 1", `signature k nonce=1 unsigned`)
	claimIs(t, d, order, "bfx-token: pub:api:x\nbfx-nonce: 1", `token token=pub:api:x`)
	claimIs(t, d, order, "bfx-apikey: k\nbfx-signature: s\nbfx-nonce: 1\nbfx-token: t", `signature k nonce=1 fault=ambiguous`)
	v1 := func(payload string) string {
		return "X-BFX-APIKEY: k\nX-BFX-SIGNATURE: s\nX-BFX-PAYLOAD: " + base64.StdEncoding.EncodeToString([]byte(payload))
	}
	claimIs(t, d, "POST /v1/balances", v1(`{"request":"/v1/balances","nonce":"7"}`), `signature k nonce=7`)
	claimIs(t, d, "POST /v1/order/new", v1(`{"request":"/v1/balances","nonce":"7"}`), `signature k nonce=7 mismatch=bound_elsewhere`)
	claimIs(t, d, "POST /v1/balances", v1(`{"request":"/v1/balances","request":"/v1/order/new","nonce":"7"}`), `signature k fault=ambiguous`)

	ws := func(body string) *venue.Claim {
		var c venue.Claim
		d.Claim(&venue.Request{Kind: venue.Message, Session: &venue.Session{}, Body: []byte(body)}, &c)
		return &c
	}
	for body, want := range map[string]vedette.Reason{
		`{"event":"auth","apiKey":"k","authSig":"s","authNonce":1795340753132,"authPayload":"AUTH1795340753132"}`:                 "",
		`{"event":"auth","apiKey":"k","authSig":"s","authNonce":1795340753132,"authPayload":"AUTH17953407531321795340753132"}`:    "",
		`{"event":"auth","apiKey":"k","authSig":"s","authNonce":1795340753132,"authPayload":"AUTH1795340753132-1795340753132"}`:   vedette.BoundElsewhere,
		`{"event":"auth","apiKey":"k","authSig":"s","authNonce":1795340753132,"authPayload":"/api/v2/auth/w/withdraw1795340753"}`: vedette.BoundElsewhere,
	} {
		if c := ws(body); c.Auth != venue.AuthSignature || !c.Login || c.Mismatch != want {
			t.Errorf("%s: auth %d login %v mismatch %q, want %q", body, c.Auth, c.Login, c.Mismatch, want)
		}
	}
	// The nonce that counts is the signed one, not the field beside it.
	if c := ws(`{"event":"auth","apiKey":"k","authSig":"s","authNonce":99,"authPayload":"AUTH5"}`); c.Nonce != "5" {
		t.Errorf("nonce %q, want 5", c.Nonce)
	}
	if c := ws(`{"event":"auth","token":"t"}`); c.Auth != venue.AuthToken || c.Token != "t" || !c.Login {
		t.Errorf("log-in by token: %+v", c)
	}
}

// TestBitfinexBody: version 2 signs the body, version 1 the header.
func TestBitfinexBody(t *testing.T) {
	for _, c := range captures(t, "*-rest.json") {
		if c.Exchange != "bitfinex" || c.Body == "" {
			continue
		}
		bad := c
		bad.Body += " "
		if _, ok := bad.verifies(venue.Bitfinex, bad.request()); ok {
			t.Errorf("%s: verifies with another body", c.name())
		}
	}
}

func TestBitfinexAnswer(t *testing.T) {
	const order = "POST /v2/auth/w/order/submit {}\n"
	answerIs(t, venue.Bitfinex, []row{
		{order + `200 [1567590617442,"on-req",null,null,[[30630788061,null,1567590617439,"tBTCUSD",1567590617439,1567590617439,0.001,0.001,"LIMIT",null,null,null,0,"ACTIVE",null]],null,"SUCCESS","Submitting 1 orders."]`,
			`200 accepted order=30630788061`},
		{order + `200 [1,"on-req",null,null,[[7,null,5,"tBTCUSD",1,1,0,1,"MARKET",null,null,null,0,"EXECUTED @ 107.6(-0.2)",null]],null,"SUCCESS",""]`, `200 filled order=7`},
		{order + `500 ["error",10114,"nonce: small"]`, `500 rejected error=10114`},
		{order + `200 [1,"on-req",null,null,[null,null,5],10001,"ERROR","Invalid order: not enough exchange balance"]`, `200 rejected error=10001`},
		{"POST /v2/auth/w/order/cancel {}\n" + `200 [1,"oc-req",null,null,[7,null,5,"tBTCUSD",1,1,1,1,"LIMIT",null,null,null,0,"ACTIVE"],null,"SUCCESS",""]`, `200 accepted order=7`},
		{"POST /v2/auth/w/token {}\n" + `200 ["pub:api:abc"]`, `200 token=pub:api:abc`},
		{"POST /v2/auth/r/wallets {}\n" + `200 [["exchange","USD",1,0,null]]`, `200`},
		{"POST /v1/order/new\n" + `200 {"id":448364249,"is_live":true,"is_cancelled":false,"order_id":448364249}`, `200 accepted order=448364249`},
		{`WS {"event":"auth"}` + "\n" + `WS {"event":"auth","status":"OK","chanId":0,"userId":1}`, `0`},
		{`WS {"event":"auth"}` + "\n" + `WS {"event":"auth","status":"FAILED","chanId":0,"code":10100,"msg":"apikey: invalid"}`, `0 rejected error=10100 login-failed`},
		{`WS [0,"on",null,{"cid":5}]` + "\n" + `WS [0,"n",[1,"on-req",null,null,[7,null,5,"tBTCUSD",1,1,1,1,"LIMIT",null,null,null,0,"ACTIVE"],null,"SUCCESS",""]]`, `0 accepted order=7`},
		{`WS [0,"on",null,{"cid":5}]` + "\n" + `WS [0,"n",[1,"on-req",null,null,[null,null,5],null,"ERROR","Invalid price"]]`, `0 rejected error=error`},
	})
	tied(t, venue.Bitfinex, `[0,"on",null,{"cid":5,"type":"LIMIT"}]`, `[0,"n",[1,"on-req",null,null,[7,null,5,"tBTCUSD"],null,"SUCCESS",""]]`)
	tied(t, venue.Bitfinex, `[0,"oc",null,{"id":7}]`, `[0,"n",[1,"oc-req",null,null,[7,null,5,"tBTCUSD"],null,"SUCCESS",""]]`)
	tied(t, venue.Bitfinex, `{"event":"auth"}`, `{"event":"auth","status":"OK"}`)
}

func TestBitfinexDeny(t *testing.T) {
	denyIs(t, venue.Bitfinex, `POST /v2/auth/w/order/submit {}`, map[vedette.Reason]string{
		vedette.UnknownKey: `500 ["error",10100,"apikey: invalid"]`, vedette.NonceReused: `500 ["error",10114,"nonce: small"]`,
		vedette.Throttled: `429 ["error",11010,"ratelimit: error"]`,
	})
	denyIs(t, venue.Bitfinex, `WS [0,"on",null,{"cid":5}]`, map[vedette.Reason]string{
		vedette.Throttled: `0 [0,"n",[null,"on-req",null,null,[null,null,5],11010,"ERROR","ratelimit: error"]]`,
	})
	denyIs(t, venue.Bitfinex, `WS {"event":"auth"}`, map[vedette.Reason]string{
		vedette.UnknownKey: `0 {"event":"auth","status":"FAILED","chanId":0,"code":10100,"msg":"apikey: invalid"}`,
	})
	denials(t, venue.Bitfinex, `POST /v1/order/new`)
	denials(t, venue.Bitfinex, `WS [0,"o\"n",null,{"cid":"a\"b"}]`)
	denials(t, venue.Bitfinex, `WS nonsense`)
}
