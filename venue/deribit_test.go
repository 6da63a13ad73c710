package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestDeribitMeaning(t *testing.T) {
	meaningIs(t, venue.Deribit, []row{
		{`GET /api/v2/private/buy?instrument_name=BTC-PERPETUAL&amount=10&type=limit&price=20000&label=a%20b`,
			`order.new BTC-PERPETUAL buy limit 10 @20000 cl=a b`},
		{`POST /api/v2/private/sell {"jsonrpc":"2.0","id":1,"method":"private/sell","params":{"instrument_name":"ETH-1","contracts":2,"type":"stop_market","trigger_price":9,"reduce_only":true}}`,
			`order.new ETH-1 sell stop 2 stop=9 reduce`},
		{`POST /api/v2 {"jsonrpc":"2.0","id":1,"method":"private/buy","params":{"instrument_name":"E","amount":2,"price":1,"post_only":true,"time_in_force":"good_til_day"}}`,
			`order.new E buy limit 2 @1 day post`},
		{`WS {"id":1,"method":"private/buy","params":{"instrument_name":"E","amount":2,"type":"market","time_in_force":"immediate_or_cancel"}}`, `order.new E buy market 2 ioc`},
		{`WS {"id":1,"method":"private/edit","params":{"order_id":"o","amount":3,"price":4}}`, `order.amend 3 @4 id=o`},
		{`GET /api/v2/private/cancel?order_id=o1`, `order.cancel id=o1`},
		{`GET /api/v2/private/cancel_by_label?label=l`, `order.cancel cl=l`},
		{`GET /api/v2/private/cancel_all_by_instrument?instrument_name=E`, `order.cancel_all E`},
		{`WS {"id":1,"method":"private/close_position","params":{"instrument_name":"E","type":"market"}}`, `order.new E market`},
		{`WS {"id":1,"method":"private/mass_quote","params":{"quotes":[{"instrument_name":"A","bid":{"price":1,"amount":2},"ask":{"price":3,"amount":2}},{"instrument_name":"B","ask":{"price":9,"amount":1}}]}}`,
			`order.batch | order.new A 2 @1 | order.new B 1 @9`},
		{`GET /api/v2/private/get_order_state?order_id=o`, `order.query id=o`},
		{`GET /api/v2/private/get_account_summary?currency=BTC&extended=true`, `account.read asset=BTC`},
		{`GET /api/v2/private/get_something_new?currency=BTC`, `account.read asset=BTC`},
		{`WS {"id":1,"method":"private/withdraw","params":{"currency":"BTC","address":"bc1q","amount":0.5}}`, `withdraw 0.5 asset=BTC to=bc1q`},
		{`WS {"id":1,"method":"private/submit_transfer_to_user","params":{"currency":"BTC","destination":"0xab","amount":0.5}}`, `withdraw 0.5 asset=BTC to=0xab`},
		{`WS {"id":1,"method":"private/submit_transfer_to_subaccount","params":{"currency":"BTC","destination":12,"amount":0.5}}`, `transfer 0.5 asset=BTC obj=12`},
		{`GET /api/v2/private/create_deposit_address?currency=BTC`, `deposit.address asset=BTC`},
		{`WS {"id":1,"method":"private/create_api_key","params":{"max_scope":"trade:read_write","name":"n"}}`, `key.create obj=n`},
		{`WS {"id":1,"method":"private/remove_api_key","params":{"id":3}}`, `key.delete obj=3`},
		{`WS {"id":1,"method":"private/add_to_address_book","params":{"currency":"BTC","address":"x","label":"l"}}`, `allowlist.change asset=BTC to=x`},
		{`GET /api/v2/public/ticker?instrument_name=E`, `market.read E`},
		{`GET /api/v2/public/get_order_book?instrument_name=E`, `market.read E`},
		{`WS {"id":1,"method":"public/auth","params":{}}`, `session.login`},
		{`WS {"id":1,"method":"private/logout","params":{}}`, `session.logout`},
		{`WS {"id":1,"method":"private/subscribe","params":{"channels":["user.orders.E.raw"]}}`, `account.read`},
		{`WS {"id":1,"method":"private/unheard_of","params":{}}`, `unknown`},
	})
}

func TestDeribitClaim(t *testing.T) {
	const at = "1795340740043"
	hmac := func(s string) string { return "Authorization: deri-hmac-sha256 " + s }
	claimIs(t, venue.Deribit, `GET /api/v2/private/buy`, hmac("id=k,ts="+at+",sig=ab,nonce=n1"), "signature k nonce=n1 window=1m0s+1m0s")
	claimIs(t, venue.Deribit, `GET /api/v2/private/buy`, hmac("nonce=n1, sig=ab, ts="+at+", id=k"), "signature k nonce=n1 window=1m0s+1m0s")
	claimIs(t, venue.Deribit, `GET /api/v2/private/buy`, hmac("id=k,id=l,ts="+at+",sig=ab,nonce=n1"), "signature k fault=ambiguous unsigned")
	claimIs(t, venue.Deribit, `GET /api/v2/private/buy`, hmac("id=k,sig=ab,nonce=n1"), "signature k nonce=n1 fault=bad_encoding")
	claimIs(t, venue.Deribit, `GET /api/v2/private/buy`, hmac("id=k,ts="+at+",sig=ab,nonce=n")+"\nAuthorization: Bearer t",
		"signature k nonce=n fault=ambiguous window=1m0s+1m0s")
	claimIs(t, venue.Deribit, `GET /api/v2/private/buy`, "Authorization: bearer tok", "token token=tok")
	claimIs(t, venue.Deribit, `GET /api/v2/private/buy`, "Authorization: Basic azpz", "signature k scheme=hmac replayable")
	claimIs(t, venue.Deribit, `GET /api/v2/private/buy`, "Authorization: Basic !", "signature scheme=hmac fault=bad_encoding unsigned replayable")
	claimIs(t, venue.Deribit, `GET /api/v2/private/buy`, "", "none")
	claimIs(t, venue.Deribit, `POST /api/v2/private/get_positions {"method":"private/withdraw","params":{}}`, "Authorization: Bearer t", "signature fault=ambiguous unsigned")
	claimIs(t, venue.Deribit, `GET /api/v2/public/auth?grant_type=client_credentials&client_id=k&client_secret=s`, "", "signature k scheme=hmac replayable")
	claimIs(t, venue.Deribit, `WS {"method":"public/auth","params":{"grant_type":"client_credentials","client_id":"k","client_secret":"s"}}`, "", "signature k scheme=hmac login replayable")
	claimIs(t, venue.Deribit, `WS {"method":"public/auth","params":{"grant_type":"client_credentials","client_id":"k"}}`, "", "signature k scheme=hmac unsigned login replayable")
	claimIs(t, venue.Deribit, `WS {"method":"public/auth","params":{"grant_type":"refresh_token","refresh_token":"r"}}`, "", "token token=r login")
	claimIs(t, venue.Deribit, `WS {"method":"private/buy","params":{"access_token":"a"}}`, "", "token token=a")
	claimIs(t, venue.Deribit, `WS {"method":"private/buy","params":{}}`, "", "session")
}

func TestDeribitAnswer(t *testing.T) {
	const buy = `GET /api/v2/private/buy` + "\n"
	answerIs(t, venue.Deribit, []row{
		{buy + `200 {"jsonrpc":"2.0","result":{"order":{"order_id":"E-1","order_state":"open","filled_amount":0},"trades":[]}}`, `200 accepted order=E-1`},
		{buy + `200 {"jsonrpc":"2.0","result":{"order":{"order_id":"E-1","order_state":"open","filled_amount":1.5}}}`, `200 partly_filled order=E-1`},
		{buy + `200 {"jsonrpc":"2.0","result":{"order":{"order_id":"E-1","order_state":"filled"}}}`, `200 filled order=E-1`},
		{`GET /api/v2/private/cancel` + "\n" + `200 {"result":{"order_id":"E-1","order_state":"cancelled"}}`, `200 cancelled order=E-1`},
		{buy + `400 {"jsonrpc":"2.0","error":{"code":13009,"message":"unauthorized"}}`, `400 rejected error=13009 login-failed`},
		{`WS {"id":1,"method":"public/auth","params":{}}` + "\n" + `WS {"id":1,"result":{"access_token":"a","refresh_token":"r","expires_in":900}}`, `0 token=a`},
		{`WS {"id":1,"method":"public/auth","params":{}}` + "\n" + `WS {"id":1,"error":{"code":13004,"message":"invalid_credentials"}}`, `0 rejected error=13004 login-failed`},
	})
}

func TestDeribitDeny(t *testing.T) {
	denyIs(t, venue.Deribit, `GET /api/v2/private/buy`, map[vedette.Reason]string{
		vedette.BadSignature: `400 {"jsonrpc":"2.0","error":{"message":"invalid_credentials","data":{"reason":"signature"},"code":13004}}`,
		vedette.Throttled:    `429 {"jsonrpc":"2.0","error":{"message":"too_many_requests","data":{"reason":"rate_limit"},"code":10028}}`,
	})
	denyIs(t, venue.Deribit, `WS {"id":"a\"b","method":"private/buy"}`, map[vedette.Reason]string{
		vedette.NoPermission: `400 {"jsonrpc":"2.0","id":"a\"b","error":{"message":"forbidden","data":{"reason":"not_permitted"},"code":13021}}`,
	})
	denials(t, venue.Deribit, `WS nonsense`)
	tied(t, venue.Deribit, `{"id":42,"method":"private/buy"}`, `{"jsonrpc":"2.0","id":42,"result":{}}`)
}

// A secret that travels in clear is held against the credential's.
func TestDeribitPlainSecret(t *testing.T) {
	for _, in := range []string{
		`GET /api/v2/private/buy?x=1`,
		`GET /api/v2/public/auth?grant_type=client_credentials&client_id=k&client_secret=s3cret`,
		`WS {"method":"public/auth","params":{"grant_type":"client_credentials","client_id":"k","client_secret":"s3cret"}}`,
	} {
		r := parseRequest(in)
		if r.Path == "/api/v2/private/buy" {
			r.Header = venue.Header{{Name: "Authorization", Value: "Basic azpzM2NyZXQ="}}
		}
		for secret, want := range map[string]bool{"s3cret": true, "s3cre": false, "": false} {
			c := capture{Scheme: "hmac", APIKey: "k", Secret: secret}
			if _, ok := c.verifies(venue.Deribit, r); ok != want {
				t.Errorf("%s with %q verifies: %v", in, secret, ok)
			}
		}
	}
}
