package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestKrakenMeaning(t *testing.T) {
	meaningIs(t, venue.Kraken, []row{
		{`POST /0/private/AddOrder nonce=1&pair=XBTUSD&type=buy&ordertype=limit&price=20000&volume=0.01&cl_ord_id=c1&timeinforce=IOC&oflags=post`,
			`order.new XBTUSD buy limit 0.01 @20000 ioc post cl=c1`},
		{`POST /0/private/AddOrder nonce=1&pair=XBTUSD&type=sell&ordertype=market&volume=1&userref=7&reduce_only=true`, `order.new XBTUSD sell market 1 reduce cl=7`},
		{`POST /0/private/AddOrder nonce=1&pair=XBTUSD&type=sell&ordertype=stop-loss&price=19000&volume=1`, `order.new XBTUSD sell stop 1 stop=19000`},
		{`POST /0/private/AddOrder nonce=1&pair=XBTUSD&type=sell&ordertype=stop-loss-limit&price=19000&price2=18900&volume=1`,
			`order.new XBTUSD sell stop_limit 1 @18900 stop=19000`},
		{`POST /0/private/AddOrder nonce=1&pair=XBTUSD&type=sell&ordertype=iceberg&price=19000&volume=5&displayvol=1`, `order.new XBTUSD sell limit 5 @19000`},
		{`POST /0/private/AddOrder nonce=1&pair=XBTUSD&type=buy&ordertype=market&volume=1&validate=true`, `order.query XBTUSD buy market 1`},
		{`POST /0/private/AddOrder nonce=1&pair=XBTUSD&type=buy&ordertype=market&volume=1&validate=false`, `order.new XBTUSD buy market 1`},
		{`POST /0/private/AddOrderBatch {"nonce":"1","pair":"XBTUSD","orders":[{"type":"buy","ordertype":"limit","price":"1","volume":"2"},{"type":"sell","ordertype":"market","volume":3}]}`,
			`order.batch XBTUSD | order.new XBTUSD buy limit 2 @1 | order.new XBTUSD sell market 3`},
		{`POST /0/private/AmendOrder nonce=1&txid=O1&limit_price=2&order_qty=3`, `order.amend 3 @2 id=O1`},
		{`POST /0/private/EditOrder nonce=1&txid=O1&pair=XBTUSD&volume=3&price=2`, `order.amend XBTUSD 3 @2 id=O1`},
		{`POST /0/private/CancelOrder nonce=1&txid=O1`, `order.cancel id=O1`},
		{`POST /0/private/CancelOrder nonce=1&cl_ord_id=c1`, `order.cancel id=c1`},
		{`POST /0/private/CancelOrderBatch {"nonce":"1","orders":["O1",7],"cl_ord_ids":["c1"]}`, `order.batch | order.cancel id=O1 | order.cancel id=7 | order.cancel id=c1`},
		{`POST /0/private/CancelAll nonce=1`, `order.cancel_all`},
		{`POST /0/private/CancelAllOrdersAfter nonce=1&timeout=60`, `order.cancel_all`},
		{`POST /0/private/QueryOrders nonce=1&txid=O1`, `order.query id=O1`},
		{`POST /0/private/OpenOrders nonce=1`, `order.query`},
		{`POST /0/private/Balance nonce=1`, `account.read`},
		{`POST /0/private/GetWebSocketsToken nonce=1`, `account.read`},
		{`POST /0/private/Withdraw nonce=1&asset=XBT&key=my%20wallet&amount=0.1`, `withdraw 0.1 asset=XBT to=my wallet`},
		{`POST /0/private/Withdraw nonce=1&asset=XBT&key=w&address=bc1q&amount=0.1`, `withdraw 0.1 asset=XBT to=w`},
		{`POST /0/private/WalletTransfer nonce=1&asset=XBT&from=Spot%20Wallet&to=Futures%20Wallet&amount=1`, `transfer 1 asset=XBT obj=Futures Wallet`},
		{`POST /0/private/AccountTransfer nonce=1&asset=XBT&from=A&to=B&amount=1`, `transfer 1 asset=XBT obj=B`},
		{`POST /0/private/DepositAddresses nonce=1&asset=XBT&method=Bitcoin&new=true`, `deposit.address asset=XBT`},
		{`POST /0/private/CreateSubaccount nonce=1&username=u&email=e`, `admin obj=u`},
		{`GET /0/public/Ticker?pair=XBTUSD`, `market.read XBTUSD`},
		{`POST /0/public/Time`, `market.read`},
		{`POST /0/private/NoSuch nonce=1`, `unknown`},
		{`GET /0/private/AddOrder?pair=XBTUSD`, `unknown`},

		{`WS {"method":"add_order","params":{"order_type":"limit","side":"buy","limit_price":26500.4,"order_qty":1.2,"symbol":"BTC/USD","time_in_force":"gtd","post_only":true,"cl_ord_id":"c","token":"T"},"req_id":1}`,
			`order.new BTC/USD buy limit 1.2 @26500.4 gtd post cl=c`},
		{`WS {"method":"add_order","params":{"order_type":"stop-loss","side":"sell","order_qty":100,"symbol":"MATIC/USD","triggers":{"reference":"last","price":-2.0},"token":"T"}}`,
			`order.new MATIC/USD sell stop 100 stop=-2.0`},
		{`WS {"method":"amend_order","params":{"order_id":"O1","limit_price":490795,"order_qty":2,"token":"T"}}`, `order.amend 2 @490795 id=O1`},
		{`WS {"method":"cancel_order","params":{"order_id":["O1"],"token":"T"}}`, `order.cancel id=O1`},
		{`WS {"method":"cancel_order","params":{"order_id":["O1","O2"],"token":"T"}}`, `order.batch | order.cancel id=O1 | order.cancel id=O2`},
		{`WS {"method":"batch_add","params":{"orders":[{"order_type":"limit","side":"buy","limit_price":1,"order_qty":2}],"symbol":"BTC/USD","token":"T"}}`,
			`order.batch BTC/USD | order.new BTC/USD buy limit 2 @1`},
		{`WS {"method":"batch_cancel","params":{"orders":["O1","O2"],"token":"T"}}`, `order.batch | order.cancel id=O1 | order.cancel id=O2`},
		{`WS {"method":"cancel_all","params":{"token":"T"}}`, `order.cancel_all`},
		{`WS {"method":"subscribe","params":{"channel":"executions","token":"T"}}`, `order.query`},
		{`WS {"method":"subscribe","params":{"channel":"ticker","symbol":["BTC/USD"]}}`, `market.read`},
		{`WS {"event":"addOrder","token":"T","pair":"XBT/USD","type":"buy","ordertype":"limit","price":"9000","volume":"10","reqid":2}`,
			`order.new XBT/USD buy limit 10 @9000`},
		{`WS {"event":"cancelOrder","token":"T","txid":["O1","O2"]}`, `order.batch | order.cancel id=O1 | order.cancel id=O2`},
		{`WS {"event":"subscribe","subscription":{"name":"ownTrades","token":"T"}}`, `order.query`},
		{`WS {"event":"ping"}`, `market.read`},
		{`WS {"method":"drop_tables"}`, `unknown`},
	})
}

func TestKrakenClaim(t *testing.T) {
	const headers = "API-Key: k\nAPI-Sign: c2ln"
	claimIs(t, venue.Kraken, `POST /0/private/Balance nonce=1795340739690`, headers, `signature k nonce=1795340739690`)
	claimIs(t, venue.Kraken, `POST /0/private/Balance {"nonce":1795340739690}`, headers, `signature k nonce=1795340739690`)
	claimIs(t, venue.Kraken, `POST /0/private/Balance nonce=-1`, headers, `signature k nonce=-1 fault=bad_encoding`)
	claimIs(t, venue.Kraken, `POST /0/private/Balance nonce=18446744073709551616`, headers, `signature k nonce=18446744073709551616 fault=bad_encoding`)
	claimIs(t, venue.Kraken, `POST /0/private/Balance nonce=1`, "API-Key: k", `signature k nonce=1 unsigned`)
	claimIs(t, venue.Kraken, `POST /0/private/Balance nonce=1`, "API-Key: k\nAPI-Sign: a\napi-sign: b", `signature k nonce=1 fault=ambiguous`)
	claimIs(t, venue.Kraken, `GET /0/public/Time`, "", `none`)
}

// TestKrakenToken: the token that a session opened with is the session's for as long
// as it lasts; any other must be known.
func TestKrakenToken(t *testing.T) {
	s := &venue.Session{ID: 1}
	send := func(body string) (c venue.Claim) {
		venue.Kraken.Claim(&venue.Request{Kind: venue.Message, Session: s, Body: []byte(body)}, &c)
		return c
	}
	if c := send(`{"method":"ping"}`); c.Auth != venue.AuthNone {
		t.Errorf("ping before log-in: %+v", c)
	}
	send(`{"method":"subscribe","params":{"channel":"balances","token":"WRONG"}}`) // refused: Key stays empty
	c := send(`{"method":"subscribe","params":{"channel":"balances","token":"T1"}}`)
	if c.Auth != venue.AuthToken || c.Token != "T1" || !c.Login {
		t.Fatalf("first use of a token: %+v", c)
	}
	s.Key = "k" // the monitor knows T1
	if c = send(`{"event":"addOrder","token":"T1"}`); c.Auth != venue.AuthSession || c.Token != "" || c.Login {
		t.Errorf("the session's own token again: %+v", c)
	}
	for _, token := range []string{"WRONG", "T2"} {
		if c = send(`{"method":"add_order","params":{"token":"` + token + `"}}`); c.Auth != venue.AuthToken || c.Token != token {
			t.Errorf("another token: %+v", c)
		}
	}
	if c = send(`{"method":"ping"}`); c.Auth != venue.AuthSession {
		t.Errorf("ping after log-in: %+v", c)
	}
}

func TestKrakenAnswer(t *testing.T) {
	answerIs(t, venue.Kraken, []row{
		{"POST /0/private/AddOrder a=1\n" + `200 {"error":[],"result":{"descr":{"order":"buy 1.25 XBTUSD"},"txid":["OUF4EM-FRGI2-MQMWZD"]}}`, `200 accepted order=OUF4EM-FRGI2-MQMWZD`},
		{"POST /0/private/AddOrder a=1\n" + `200 {"error":["EGeneral:Oops"]}`, `200 rejected error=EGeneral:Oops`},
		{"POST /0/private/AddOrder a=1\n" + `200 {"error":["WGeneral:Notice"],"result":{"txid":["O1"]}}`, `200 accepted order=O1`},
		{"POST /0/private/AddOrderBatch {}\n" + `200 {"error":[],"result":{"orders":[{"txid":"O1"},{"txid":"O2"}]}}`, `200 accepted order=O1`},
		{"POST /0/private/AmendOrder a=1\n" + `200 {"error":[],"result":{"amend_id":"A1"}}`, `200 accepted`},
		{"POST /0/private/EditOrder a=1\n" + `200 {"error":[],"result":{"status":"ok","txid":"O2","originaltxid":"O1"}}`, `200 accepted order=O2`},
		{`WS {"method":"amend_order","req_id":1}` + "\n" + `WS {"method":"amend_order","req_id":1,"success":true,"result":{"amend_id":"A1","order_id":"O1"}}`, `0 accepted order=O1`},
		{`WS {"method":"edit_order","req_id":1}` + "\n" + `WS {"method":"edit_order","req_id":1,"success":true,"result":{"order_id":"O2","original_order_id":"O1"}}`, `0 accepted order=O2`},
		{`WS {"event":"editOrder"}` + "\n" + `WS {"event":"editOrderStatus","status":"ok","txid":"O2","originaltxid":"O1"}`, `0 accepted order=O2`},
		{"POST /0/private/CancelOrder a=1\n" + `200 {"error":[],"result":{"count":1}}`, `200 cancelled`},
		{"POST /0/private/Withdraw a=1\n" + `200 {"error":[],"result":{"refid":"R1"}}`, `200 accepted order=R1`},
		{"POST /0/private/Balance a=1\n" + `200 {"error":[],"result":{"ZUSD":"1"}}`, `200`},
		{"POST /0/private/GetWebSocketsToken a=1\n" + `200 {"error":[],"result":{"token":"T1","expires":900}}`, `200 token=T1`},
		{`WS {"method":"add_order","req_id":1}` + "\n" + `WS {"method":"add_order","req_id":1,"success":true,"result":{"order_id":"O1"}}`, `0 accepted order=O1`},
		{`WS {"method":"add_order","req_id":1}` + "\n" + `WS {"error":"Insufficient_funds","method":"add_order","req_id":1,"success":false}`, `0 rejected error=Insufficient_funds`},
		{`WS {"method":"subscribe"}` + "\n" + `WS {"error":"ESession:Invalid_session","method":"subscribe","success":false}`, `0 rejected error=ESession:Invalid_session login-failed`},
		{`WS {"event":"addOrder"}` + "\n" + `WS {"event":"addOrderStatus","status":"ok","txid":"O1"}`, `0 accepted order=O1`},
		{`WS {"event":"addOrder"}` + "\n" + `WS {"event":"addOrderStatus","status":"error","errorMessage":"EOrder:Margin"}`, `0 rejected error=EOrder:Margin`},
		{`WS {"event":"cancelOrder"}` + "\n" + `WS {"event":"cancelOrderStatus","status":"ok"}`, `0 cancelled`},
	})
	tied(t, venue.Kraken, `{"method":"add_order","req_id":12}`, `{"method":"add_order","req_id":12,"success":true}`)
	tied(t, venue.Kraken, `{"event":"addOrder","reqid":12}`, `{"event":"addOrderStatus","reqid":12}`)
}

func TestKrakenDeny(t *testing.T) {
	denyIs(t, venue.Kraken, `POST /0/private/AddOrder nonce=1`, map[vedette.Reason]string{
		vedette.BadSignature: `200 {"error":["EAPI:Invalid signature"]}`, vedette.NonceReused: `200 {"error":["EAPI:Invalid nonce"]}`,
		vedette.UnknownKey: `200 {"error":["EAPI:Invalid key"]}`, vedette.Throttled: `200 {"error":["EAPI:Rate limit exceeded"]}`,
		vedette.NoPermission: `200 {"error":["EGeneral:Permission denied"]}`, vedette.UpstreamDown: `503 {"error":["EService:Unavailable"]}`,
	})
	denyIs(t, venue.Kraken, `WS {"method":"add_order","req_id":12}`, map[vedette.Reason]string{
		vedette.NoPermission: `0 {"error":"EGeneral:Permission denied","method":"add_order","req_id":12,"success":false}`,
	})
	denyIs(t, venue.Kraken, `WS {"event":"addOrder","reqid":12}`, map[vedette.Reason]string{
		vedette.UnknownKey: `0 {"errorMessage":"ESession:Invalid session","event":"addOrderStatus","reqid":12,"status":"error"}`,
	})
	denials(t, venue.Kraken, `WS {"method":"\"\u0000","req_id":"a\"b"}`)
	denials(t, venue.Kraken, `WS nonsense`)
}
