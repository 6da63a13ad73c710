package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestBackpackMeaning(t *testing.T) {
	meaningIs(t, venue.Backpack, []row{
		{`POST /api/v1/order {"orderType":"Limit","price":"100","quantity":"1","side":"Bid","symbol":"SOL_USDC","timeInForce":"IOC","clientId":7}`,
			`order.new SOL_USDC buy limit 1 @100 ioc cl=7`},
		{`POST /api/v1/order {"orderType":"Market","quoteQuantity":"50","side":"Ask","symbol":"SOL_USDC","reduceOnly":true,"triggerPrice":"9"}`,
			`order.new SOL_USDC sell stop 50 stop=9 reduce`},
		{`POST /api/v1/order {"orderType":"Limit","price":"100","quantity":"1","side":"Bid","symbol":"S","postOnly":true}`, `order.new S buy limit 1 @100 post`},
		{`POST /api/v1/orders [{"orderType":"Limit","price":"1","quantity":"1","side":"Bid","symbol":"A"},{"orderType":"Market","quantity":"2","side":"Ask","symbol":"B"}]`,
			`order.batch | order.new A buy limit 1 @1 | order.new B sell market 2`},
		{`DELETE /api/v1/order {"orderId":"28","symbol":"BTC_USDT"}`, `order.cancel BTC_USDT id=28`},
		{`DELETE /api/v1/orders {"symbol":"BTC_USDT"}`, `order.cancel_all BTC_USDT`},
		{`GET /api/v1/order?orderId=1&symbol=A`, `order.query A id=1`},
		{`GET /wapi/v1/history/fills?symbol=A`, `order.query A`},
		{`GET /api/v1/capital`, `account.read`},
		{`POST /wapi/v1/capital/withdrawals {"address":"4x","blockchain":"Solana","quantity":"1","symbol":"SOL"}`, `withdraw 1 asset=SOL to=4x`},
		{`GET /wapi/v1/capital/deposit/address?blockchain=Solana`, `deposit.address`},
		{`POST /api/v1/borrowLend {"quantity":"1","side":"Lend","symbol":"SOL"}`, `transfer 1 asset=SOL`},
		{`POST /api/v1/rfq/accept {"quoteId":"q","rfqId":"r"}`, `order.new id=r`},
		{`PATCH /api/v1/account {"autoLend":true}`, `setting.change`},
		{`GET /api/v1/depth?symbol=A`, `market.read A`},
		{`POST /api/v1/unheard {}`, `unknown`},
		{`WS {"method":"SUBSCRIBE","params":["depth.SOL_USDC"]}`, `market.read SOL_USDC`},
		{`WS {"method":"SUBSCRIBE","params":["account.orderUpdate"],"signature":["k","s","1","5000"]}`, `account.read`},
	})
}

// The venue's documented string, and what its clients make of batches, encoded
// values and a missing window.
func TestBackpackMessage(t *testing.T) {
	const headers = "X-API-Key: k\nX-Signature: s\nX-Timestamp: 1614550000000"
	for _, x := range []struct {
		in, window, want string
		form             int
	}{
		{`DELETE /api/v1/order {"symbol":"BTC_USDT","orderId":28}`, "5000", `instruction=orderCancel&orderId=28&symbol=BTC_USDT&timestamp=1614550000000&window=5000`, 0},
		{`DELETE /api/v1/order {"symbol":"BTC_USDT","orderId":28}`, "", `instruction=orderCancel&orderId=28&symbol=BTC_USDT&timestamp=1614550000000&window=5000`, 0},
		{`GET /api/v1/capital`, "60000", `instruction=balanceQuery&timestamp=1614550000000&window=60000`, 0},
		{`GET /wapi/v1/history/fills?symbol=A%20B&from=1`, "5000", `instruction=fillHistoryQueryAll&from=1&symbol=A B&timestamp=1614550000000&window=5000`, 0},
		{`GET /wapi/v1/history/fills?symbol=A%20B&from=1`, "5000", `instruction=fillHistoryQueryAll&from=1&symbol=A%20B&timestamp=1614550000000&window=5000`, 1},
		{`POST /api/v1/orders [{"symbol":"A","side":"Bid"},{"symbol":"B","postOnly":true}]`, "5000",
			`instruction=orderExecute&side=Bid&symbol=A&instruction=orderExecute&postOnly=true&symbol=B&timestamp=1614550000000&window=5000`, 0},
	} {
		r := parseRequest(x.in)
		r.Header = venue.Header{{Name: "X-API-Key", Value: "k"}, {Name: "X-Signature", Value: "s"}, {Name: "X-Timestamp", Value: "1614550000000"}}
		if x.window != "" {
			r.Header = append(r.Header, venue.Field{Name: "X-Window", Value: x.window})
		}
		var c venue.Claim
		venue.Backpack.Claim(r, &c)
		if got, ok := venue.Backpack.Message(r, &c, x.form, nil); string(got) != x.want || !ok || c.Fault != "" {
			t.Errorf("%s form %d (fault %q)\n got %s\nwant %s", x.in, x.form, c.Fault, got, x.want)
		}
	}
	claimIs(t, venue.Backpack, `GET /api/v1/capital`, headers+"\nX-Window: 60001", "signature k fault=bad_encoding window=1m0.001s+1m0.001s")
	claimIs(t, venue.Backpack, `GET /api/v1/capital`, headers+"\nX-Window: 1000\nX-Window: 60000", "signature k fault=ambiguous window=1s+1s")
	claimIs(t, venue.Backpack, `POST /api/v1/unheard {}`, headers, "signature k fault=bad_encoding window=5s+5s")
	claimIs(t, venue.Backpack, `GET /api/v1/capital`, "X-API-Key: k", "signature k fault=bad_encoding unsigned")
	claimIs(t, venue.Backpack, `GET /api/v1/depth?symbol=A`, "X-API-Key: k", "key-only k")
	claimIs(t, venue.Backpack, `GET /api/v1/depth?symbol=A`, "", "none")
	claimIs(t, venue.Backpack, `WS {"method":"SUBSCRIBE","params":["account.x"],"signature":["k","s","1614550000000","5000"]}`, "", "signature k login window=5s+5s")
}

func TestBackpackAnswer(t *testing.T) {
	const order = `POST /api/v1/order {}` + "\n"
	answerIs(t, venue.Backpack, []row{
		{order + `200 {"orderType":"Limit","id":"111","status":"New"}`, `200 accepted order=111`},
		{order + `200 {"id":"111","status":"PartiallyFilled"}`, `200 partly_filled order=111`},
		{order + `400 {"code":"INSUFFICIENT_FUNDS","message":"m"}`, `400 rejected error=INSUFFICIENT_FUNDS`},
		{`POST /api/v1/orders []` + "\n" + `200 [{"operation":"Err","code":"INVALID_ORDER","message":"m"}]`, `200 rejected error=INVALID_ORDER`},
		{`POST /api/v1/orders []` + "\n" + `200 [{"operation":"Ok","id":"5","status":"Filled"}]`, `200 filled order=5`},
		{`DELETE /api/v1/order {}` + "\n" + `200 {"id":"111","status":"Cancelled"}`, `200 cancelled order=111`},
		{`WS {"method":"SUBSCRIBE","params":[]}` + "\n" + `WS {"id":null,"error":{"code":4005,"message":"Invalid signature"}}`, `0 rejected error=4005 login-failed`},
	})
}

func TestBackpackDeny(t *testing.T) {
	denyIs(t, venue.Backpack, `POST /api/v1/order {}`, map[vedette.Reason]string{
		vedette.BadSignature: `400 {"code":"INVALID_SIGNATURE","message":"Invalid signature"}`,
		vedette.Throttled:    `429 {"code":"TOO_MANY_REQUESTS","message":"Too many requests"}`,
	})
	denyIs(t, venue.Backpack, `WS {"id":3,"method":"SUBSCRIBE"}`, map[vedette.Reason]string{
		vedette.BadSignature: `0 {"id":3,"error":{"code":"INVALID_SIGNATURE","message":"Invalid signature"}}`,
	})
	denials(t, venue.Backpack, `WS nonsense`)
}
