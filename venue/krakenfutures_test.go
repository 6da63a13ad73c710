package venue_test

import (
	"crypto/sha256"
	"testing"

	"vedette"
	"vedette/venue"
)

func TestKrakenFuturesMeaning(t *testing.T) {
	meaningIs(t, venue.KrakenFutures, []row{
		{`POST /derivatives/api/v3/sendorder?orderType=lmt&symbol=PF_XBTUSD&side=buy&size=1&limitPrice=20000&cliOrdId=a%20b%2Fc`,
			`order.new PF_XBTUSD buy limit 1 @20000 cl=a b/c`},
		{`POST /derivatives/api/v3/sendorder orderType=ioc&symbol=PF_XBTUSD&side=sell&size=1&limitPrice=20000&reduceOnly=true`,
			`order.new PF_XBTUSD sell limit 1 @20000 ioc reduce`},
		{`POST /derivatives/api/v3/sendorder orderType=post&symbol=PF_XBTUSD&side=sell&size=1&limitPrice=20000`, `order.new PF_XBTUSD sell limit 1 @20000 post`},
		{`POST /derivatives/api/v3/sendorder orderType=mkt&symbol=PF_XBTUSD&side=buy&size=1`, `order.new PF_XBTUSD buy market 1`},
		{`POST /derivatives/api/v3/sendorder orderType=stp&symbol=PF_XBTUSD&side=buy&size=1&stopPrice=5`, `order.new PF_XBTUSD buy stop 1 stop=5`},
		{`POST /derivatives/api/v3/sendorder orderType=take_profit&symbol=PF_XBTUSD&side=buy&size=1&stopPrice=5&limitPrice=6`,
			`order.new PF_XBTUSD buy stop_limit 1 @6 stop=5`},
		{`POST /derivatives/api/v3/editorder orderId=o1&size=2&limitPrice=3`, `order.amend 2 @3 id=o1`},
		{`POST /derivatives/api/v3/cancelorder order_id=o1`, `order.cancel id=o1`},
		{`POST /derivatives/api/v3/cancelorder?cliOrdId=c1`, `order.cancel id=c1`},
		{`POST /derivatives/api/v3/cancelallorders symbol=PF_XBTUSD`, `order.cancel_all PF_XBTUSD`},
		{`POST /derivatives/api/v3/cancelallordersafter timeout=60`, `order.cancel_all`},
		{`POST /derivatives/api/v3/batchorder json={"batchOrder":[{"order":"send","orderType":"lmt","symbol":"PF_XBTUSD","side":"buy","size":1,"limitPrice":2},{"order":"edit","order_id":"o1","size":3},{"order":"cancel","cliOrdId":"c1"}]}`,
			`order.batch | order.new PF_XBTUSD buy limit 1 @2 | order.amend 3 id=o1 | order.cancel id=c1`},
		{`POST /derivatives/api/v3/transfer fromAccount=cash&toAccount=flex&unit=xbt&amount=1`, `transfer 1 asset=xbt obj=flex`},
		{`POST /derivatives/api/v3/transfer/subaccount fromUser=a&toUser=b&unit=xbt&amount=1`, `transfer 1 asset=xbt obj=b`},
		{`POST /derivatives/api/v3/withdrawal currency=xbt&amount=2&targetWallet=w`, `transfer 2 asset=xbt obj=w`},
		{`PUT /derivatives/api/v3/leveragepreferences?symbol=PF_XBTUSD&maxLeverage=3`, `setting.change PF_XBTUSD`},
		{`PUT /derivatives/api/v3/subaccount/u1/trading-enabled`, `admin obj=u1`},
		{`GET /derivatives/api/v3/accounts`, `account.read`},
		{`GET /derivatives/api/v3/openorders`, `order.query`},
		{`GET /derivatives/api/v3/tickers/PF_XBTUSD`, `market.read PF_XBTUSD`},
		{`GET /api/charts/v1/trade/PF_XBTUSD/1h`, `market.read`},
		{`GET /api/history/v3/executions`, `order.query`},
		{`GET /api/history/v3/account-log`, `account.read`},
		{`POST /derivatives/api/v3/nosuch`, `unknown`},
		{`WS {"event":"challenge","api_key":"k"}`, `session.login`},
		{`WS {"event":"subscribe","feed":"fills","api_key":"k","original_challenge":"c","signed_challenge":"s"}`, `order.query`},
		{`WS {"event":"subscribe","feed":"balances"}`, `account.read`},
		{`WS {"event":"subscribe","feed":"ticker","product_ids":["PI_XBTUSD"]}`, `market.read`},
	})
}

func TestKrakenFuturesClaim(t *testing.T) {
	const order = `POST /derivatives/api/v3/sendorder size=1`
	claimIs(t, venue.KrakenFutures, order, "APIKey: k\nAuthent: s\nNonce: 1415957147987", `signature k nonce=1415957147987`)
	claimIs(t, venue.KrakenFutures, `POST /derivatives/api/v3/cancelallorders`, "APIKey: k\nAuthent: s\nNonce: 14", `signature k nonce=14`)
	claimIs(t, venue.KrakenFutures, order+"1415957147987", "APIKey: k\nAuthent: s", `signature k fault=ambiguous replayable`)
	claimIs(t, venue.KrakenFutures, order, "APIKey: k\nAuthent: s", `signature k replayable`)
	claimIs(t, venue.KrakenFutures, order, "APIKey: k\nAuthent: s\nNonce: 1x", `signature k nonce=1x fault=bad_encoding`)
	claimIs(t, venue.KrakenFutures, order, "APIKey: k\nAuthent: s\nNonce: 1\nNonce: 2", `signature k nonce=1 fault=ambiguous`)
	claimIs(t, venue.KrakenFutures, order, "APIKey: k", `signature k unsigned replayable`)
}

// TestKrakenFuturesMessage holds the message to the published recipe: SHA-256 of
// data, nonce and path without /derivatives.
func TestKrakenFuturesMessage(t *testing.T) {
	for in, want := range map[string]string{
		"POST /derivatives/api/v3/sendorder?a=1": sha("a=1" + "7" + "/api/v3/sendorder"),
		"POST /derivatives/api/v3/sendorder b=2": sha("b=2" + "7" + "/api/v3/sendorder"),
		"GET /api/history/v3/orders?a=1":         sha("a=1" + "7" + "/api/history/v3/orders"),
	} {
		r := parseRequest(in)
		r.Header = venue.Header{{Name: "apikey", Value: "k"}, {Name: "authent", Value: "s"}, {Name: "nonce", Value: "7"}}
		var c venue.Claim
		venue.KrakenFutures.Claim(r, &c)
		if got, ok := venue.KrakenFutures.Message(r, &c, 0, nil); !ok || string(got) != want {
			t.Errorf("%s: message %x, want %x", in, got, want)
		}
	}
}

// TestKrakenFuturesChallenge: a signed challenge is good on the session that it was
// given on, and there as often as the client likes.
func TestKrakenFuturesChallenge(t *testing.T) {
	d, s := venue.KrakenFutures, &venue.Session{ID: 1}
	send := func(challenge, signed string) (c venue.Claim) {
		d.Claim(&venue.Request{Kind: venue.Message, Session: s, Body: []byte(`{"event":"subscribe","feed":"fills","api_key":"k","original_challenge":"` +
			challenge + `","signed_challenge":"` + signed + `"}`)}, &c)
		return c
	}
	if c := send("c1", "s1"); c.Mismatch != vedette.BoundElsewhere {
		t.Errorf("a challenge before any was given: %+v", c)
	}
	d.Push(&venue.Request{Kind: venue.Reply, Session: s, Body: []byte(`{"event":"challenge","message":"c1"}`)}, s)
	if c := send("c0", "s0"); c.Mismatch != vedette.BoundElsewhere {
		t.Errorf("another session's challenge: %+v", c)
	}
	if c := send("c1", "s1"); c.Auth != venue.AuthSignature || c.Mismatch != "" || !c.Login || c.Nonce != "c1" || c.NonceRule != venue.NonceUnique {
		t.Fatalf("the session's challenge: %+v", c)
	}
	s.Key = "k" // it verified
	if c := send("c1", "s1"); c.Auth != venue.AuthSession {
		t.Errorf("the same again: %+v", c)
	}
	if c := send("c1", "s2"); c.Auth != venue.AuthSignature {
		t.Errorf("another signature: %+v", c)
	}
	s.Key = "other"
	if c := send("c1", "s1"); c.Auth != venue.AuthSignature {
		t.Errorf("another credential's session: %+v", c)
	}
}

func TestKrakenFuturesAnswer(t *testing.T) {
	const order = "POST /derivatives/api/v3/sendorder a=1\n"
	answerIs(t, venue.KrakenFutures, []row{
		{order + `200 {"result":"success","sendStatus":{"order_id":"o1","status":"placed","orderEvents":[{"type":"PLACE"}]}}`, `200 accepted order=o1`},
		{order + `200 {"result":"success","sendStatus":{"order_id":"o1","status":"placed","orderEvents":[{"type":"EXECUTION"}]}}`, `200 partly_filled order=o1`},
		{order + `200 {"result":"success","sendStatus":{"order_id":"o1","status":"insufficientAvailableFunds"}}`, `200 rejected order=o1 error=insufficientAvailableFunds`},
		{order + `200 {"result":"error","error":"nonceBelowThreshold"}`, `200 rejected error=nonceBelowThreshold`},
		{"POST /derivatives/api/v3/cancelorder a=1\n" + `200 {"result":"success","cancelStatus":{"status":"cancelled","order_id":"o1"}}`, `200 cancelled order=o1`},
		{"POST /derivatives/api/v3/cancelorder a=1\n" + `200 {"result":"success","cancelStatus":{"status":"notFound"}}`, `200 rejected error=notFound`},
		{"POST /derivatives/api/v3/editorder a=1\n" + `200 {"result":"success","editStatus":{"status":"edited","orderId":"o1"}}`, `200 accepted order=o1`},
		{"POST /derivatives/api/v3/batchorder a=1\n" + `200 {"result":"success","batchStatus":[{"status":"placed","order_id":"o1"}]}`, `200 accepted order=o1`},
		{"GET /derivatives/api/v3/accounts\n" + `200 {"result":"success","accounts":{}}`, `200`},
		{`WS {"event":"subscribe"}` + "\n" + `WS {"event":"error","message":"bad"}`, `0 rejected error=bad login-failed`},
	})
}

func TestKrakenFuturesDeny(t *testing.T) {
	denyIs(t, venue.KrakenFutures, `POST /derivatives/api/v3/sendorder a=1`, map[vedette.Reason]string{
		vedette.BadSignature: `200 {"result":"error","error":"authenticationError"}`, vedette.NonceReused: `200 {"result":"error","error":"nonceDuplicate"}`,
		vedette.Throttled: `429 {"result":"error","error":"apiLimitExceeded"}`,
	})
	denyIs(t, venue.KrakenFutures, `WS {"event":"subscribe"}`, map[vedette.Reason]string{vedette.BadSignature: `0 {"event":"error","message":"authenticationError"}`})
}

func sha(s string) string {
	sum := sha256.Sum256([]byte(s))
	return string(sum[:])
}
