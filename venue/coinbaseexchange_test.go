package venue_test

import (
	"testing"

	"vedette"
	"vedette/venue"
)

func TestCoinbaseExchangeMeaning(t *testing.T) {
	meaningIs(t, venue.CoinbaseExchange, []row{
		{`POST /orders {"product_id":"BTC-USD","side":"buy","type":"limit","price":"20000","size":"0.01","time_in_force":"GTT","post_only":true,"client_oid":"c"}`,
			`order.new BTC-USD buy limit 0.01 @20000 gtd post cl=c`},
		{`POST /orders {"product_id":"BTC-USD","side":"sell","type":"market","funds":"10"}`, `order.new BTC-USD sell market 10`},
		{`POST /orders {"product_id":"BTC-USD","side":"sell","price":"2","size":"1"}`, `order.new BTC-USD sell limit 1 @2`},
		{`POST /orders {"product_id":"BTC-USD","side":"sell","type":"limit","price":"2","size":"1","stop":"loss","stop_price":"3"}`,
			`order.new BTC-USD sell stop_limit 1 @2 stop=3`},
		{`DELETE /orders/o1?product_id=BTC-USD`, `order.cancel BTC-USD id=o1`},
		{`DELETE /orders/client:c1`, `order.cancel id=c1`},
		{`DELETE /orders?product_id=BTC-USD`, `order.cancel_all BTC-USD`},
		{`GET /orders/o1`, `order.query id=o1`},
		{`GET /orders?status=open&status=pending`, `order.query`},
		{`GET /fills?order_id=o1`, `order.query id=o1`},
		{`GET /accounts/a1`, `account.read obj=a1`},
		{`POST /withdrawals/crypto {"amount":0.1,"currency":"BTC","crypto_address":"bc1q"}`, `withdraw 0.1 asset=BTC to=bc1q`},
		{`POST /withdrawals/payment-method {"amount":10,"currency":"USD","payment_method_id":"p"}`, `withdraw 10 asset=USD to=p`},
		{`POST /profiles/transfer {"from":"a","to":"b","currency":"USD","amount":"1"}`, `transfer 1 asset=USD obj=b`},
		{`POST /conversions {"from":"USD","to":"USDC","amount":"1"}`, `transfer 1 asset=USD obj=USDC`},
		{`POST /coinbase-accounts/a1/addresses`, `deposit.address obj=a1`},
		{`POST /address-book {"currency":"BTC","address":"bc1q"}`, `allowlist.change asset=BTC to=bc1q`},
		{`DELETE /address-book/x1`, `allowlist.change obj=x1`},
		{`PUT /profiles/p1/deactivate {}`, `admin obj=p1`},
		{`GET /products/BTC-USD/book?level=2`, `market.read BTC-USD`},
		{`GET /time`, `market.read`},
		{`POST /nosuch {}`, `unknown`},
		{`WS {"type":"subscribe","product_ids":["BTC-USD"],"channels":["ticker","user"]}`, `order.query BTC-USD`},
		{`WS {"type":"subscribe","channels":[{"name":"level2","product_ids":["BTC-USD"]}]}`, `market.read`},
		{`WS {"type":"subscribe","channels":[{"name":"balance","account_ids":["a"]}]}`, `account.read`},
		{`WS {"type":"x"}`, `unknown`},
	})
}

func TestCoinbaseExchangeClaim(t *testing.T) {
	const all = "CB-ACCESS-KEY: k\nCB-ACCESS-SIGN: s\nCB-ACCESS-PASSPHRASE: p\nCB-ACCESS-TIMESTAMP: "
	claimIs(t, venue.CoinbaseExchange, "GET /accounts", all+"1795340739", "signature k window=30s+30s")
	claimIs(t, venue.CoinbaseExchange, "GET /accounts", all+"1795340739.125", "signature k window=30s+30s")
	claimIs(t, venue.CoinbaseExchange, "GET /accounts", all+"1795340739125", "signature k fault=bad_encoding")
	claimIs(t, venue.CoinbaseExchange, "GET /accounts", all+"-1", "signature k fault=bad_encoding")
	claimIs(t, venue.CoinbaseExchange, "GET /accounts", "CB-ACCESS-KEY: k\nCB-ACCESS-TIMESTAMP: 1795340739", "signature k unsigned window=30s+30s")
	claimIs(t, venue.CoinbaseExchange, "GET /accounts", all+"1795340739\ncb-access-key: j", "signature k fault=ambiguous window=30s+30s")
	claimIs(t, venue.CoinbaseExchange, "GET /products", "", "none")

	s := &venue.Session{ID: 1}
	send := func(body string) (c venue.Claim) {
		venue.CoinbaseExchange.Claim(&venue.Request{Kind: venue.Message, Session: s, Body: []byte(body)}, &c)
		return c
	}
	const signed = `{"type":"subscribe","channels":["user"],"timestamp":"1795340758","key":"k","signature":"sig","passphrase":"p"}`
	if c := send(signed); c.Auth != venue.AuthSignature || !c.Login || c.Passphrase != "p" || c.Text != "1795340758" {
		t.Errorf("log-in: %+v", c)
	}
	s.Key = "k"
	if c := send(signed); c.Auth != venue.AuthSession {
		t.Errorf("the same signature within the second: %+v", c)
	}
	if c := send(`{"type":"unsubscribe","channels":["user"]}`); c.Auth != venue.AuthSession {
		t.Errorf("unsigned after log-in: %+v", c)
	}
	if c := send(`{"type":"subscribe","key":"other","signature":"sig","timestamp":"1795340758"}`); c.Auth != venue.AuthSignature || c.Key != "other" {
		t.Errorf("another key with it: %+v", c)
	}
}

func TestCoinbaseExchangeAnswer(t *testing.T) {
	const order = "POST /orders {}\n"
	answerIs(t, venue.CoinbaseExchange, []row{
		{order + `200 {"id":"o1","status":"pending","filled_size":"0"}`, `200 accepted order=o1`},
		{order + `200 {"id":"o1","status":"done","done_reason":"filled"}`, `200 filled order=o1`},
		{order + `200 {"id":"o1","status":"done","done_reason":"canceled"}`, `200 cancelled order=o1`},
		{order + `200 {"id":"o1","status":"rejected","reject_reason":"post only"}`, `200 rejected order=o1 error=post only`},
		{order + `400 {"message":"Insufficient funds"}`, `400 rejected error=Insufficient funds`},
		{"DELETE /orders/o1\n" + `200 "o1"`, `200 cancelled order=o1`},
		{"DELETE /orders\n" + `200 ["o1","o2"]`, `200 cancelled order=o1`},
		{"POST /withdrawals/crypto {}\n" + `200 {"id":"w1","amount":"1","currency":"BTC"}`, `200 accepted order=w1`},
		{"GET /accounts\n" + `200 [{"id":"a"}]`, `200`},
		{`WS {"type":"subscribe"}` + "\n" + `WS {"type":"error","message":"Authentication Failed"}`, `0 rejected login-failed error=Authentication Failed`},
	})
	tied(t, venue.CoinbaseExchange, `{"type":"subscribe","channels":["user"]}`, `{"type":"subscriptions","channels":[]}`)
}

func TestCoinbaseExchangeDeny(t *testing.T) {
	denyIs(t, venue.CoinbaseExchange, `POST /orders {}`, map[vedette.Reason]string{
		vedette.BadSignature: `401 {"message":"invalid signature"}`, vedette.WindowPassed: `400 {"message":"request timestamp expired"}`,
		vedette.UnknownKey: `401 {"message":"Invalid API Key"}`, vedette.BadPassphrase: `401 {"message":"Invalid Passphrase"}`,
		vedette.Throttled: `429 {"message":"Private rate limit exceeded"}`, vedette.NoPermission: `403 {"message":"Forbidden"}`,
	})
	denials(t, venue.CoinbaseExchange, `WS {"type":"subscribe"}`)
}

func TestCoinbaseInternationalMeaning(t *testing.T) {
	meaningIs(t, venue.CoinbaseInternational, []row{
		{`POST /api/v1/orders {"client_order_id":"c","side":"BUY","size":"1","tif":"GTC","instrument":"BTC-PERP","type":"LIMIT","price":"20000","portfolio":"p1"}`,
			`order.new BTC-PERP buy limit 1 @20000 gtc cl=c obj=p1`},
		{`POST /api/v1/orders {"side":"SELL","size":"1","tif":"IOC","instrument":"BTC-PERP","type":"STOP_LIMIT","price":"2","stop_price":"3","close_only":true}`,
			`order.new BTC-PERP sell stop_limit 1 @2 stop=3 ioc reduce`},
		{`PUT /api/v1/orders/o1 {"client_order_id":"c","portfolio":"p1","price":"3","size":"2"}`, `order.amend 2 @3 cl=c id=o1 obj=p1`},
		{`DELETE /api/v1/orders/o1?portfolio=p1`, `order.cancel id=o1 obj=p1`},
		{`DELETE /api/v1/orders?portfolio=p1&instrument=BTC-PERP`, `order.cancel_all BTC-PERP obj=p1`},
		{`GET /api/v1/orders?portfolio=p1`, `order.query obj=p1`},
		{`GET /api/v1/portfolios/p1/balances`, `account.read obj=p1`},
		{`GET /api/v1/portfolios/p1/positions/BTC-PERP`, `account.read BTC-PERP obj=p1`},
		{`POST /api/v1/transfers/withdraw {"portfolio":"p1","asset":"BTC","amount":"0.1","address":"1Boat"}`, `withdraw 0.1 asset=BTC to=1Boat obj=p1`},
		{`POST /api/v1/transfers/withdraw/counterparty {"portfolio":"p1","counterparty_id":"c9","asset":"BTC","amount":"1"}`, `withdraw 1 asset=BTC to=c9 obj=p1`},
		{`POST /api/v1/portfolios/transfer {"from":"a","to":"b","asset":"USDC","amount":"1"}`, `transfer 1 asset=USDC obj=b`},
		{`POST /api/v1/transfers/address {"portfolio":"p1","network_arn_id":"n"}`, `deposit.address obj=p1`},
		{`POST /api/v1/portfolios {"name":"n"}`, `admin obj=n`},
		{`GET /api/v1/instruments/BTC-PERP/quote`, `market.read BTC-PERP`},
		{`POST /api/v1/nosuch {}`, `unknown`},
		{`WS {"type":"SUBSCRIBE","channels":["LEVEL1"],"product_ids":["BTC-PERP"]}`, `market.read BTC-PERP`},
	})
}

func TestCoinbaseInternationalAnswer(t *testing.T) {
	const order = "POST /api/v1/orders {}\n"
	answerIs(t, venue.CoinbaseInternational, []row{
		{order + `200 {"order_id":"o1","order_status":"WORKING","event_type":"NEW"}`, `200 accepted order=o1`},
		{order + `200 {"order_id":"o1","order_status":"DONE","event_type":"TRADE"}`, `200 filled order=o1`},
		{order + `200 {"order_id":"o1","order_status":"DONE","event_type":"REJECTED"}`, `200 rejected order=o1 error=REJECTED`},
		{order + `400 {"title":"bad","status":400}`, `400 rejected error=bad`},
		{"DELETE /api/v1/orders/o1\n" + `200 {"order_id":"o1","order_status":"WORKING","event_type":"PENDING_CANCEL"}`, `200 cancelled order=o1`},
		{"POST /api/v1/transfers/withdraw {}\n" + `200 {"transfer_uuid":"t1"}`, `200 order=t1`},
	})
	denyIs(t, venue.CoinbaseInternational, `POST /api/v1/orders {}`, map[vedette.Reason]string{
		vedette.AddressDenied: `401 {"title":"Unauthorized: ip not allowed","status":401}`,
	})
	denials(t, venue.CoinbaseInternational, `WS {"type":"SUBSCRIBE"}`)
	const all = "CB-ACCESS-KEY: k\nCB-ACCESS-SIGN: s\nCB-ACCESS-PASSPHRASE: p\nCB-ACCESS-TIMESTAMP: 1795340739"
	claimIs(t, venue.CoinbaseInternational, "GET /api/v1/orders", all, "signature k window=5s+5s")
}

func TestCoinbasePrimeMeaning(t *testing.T) {
	meaningIs(t, venue.CoinbasePrime, []row{
		{`POST /v1/portfolios/p1/order {"product_id":"BTC-USD","side":"BUY","client_order_id":"c","type":"LIMIT","base_quantity":"0.01","limit_price":"20000","time_in_force":"GOOD_UNTIL_CANCELLED"}`,
			`order.new BTC-USD buy limit 0.01 @20000 gtc cl=c obj=p1`},
		{`POST /v1/portfolios/p1/order {"productId":"BTC-USD","side":"SELL","clientOrderId":"c","type":"TWAP","baseQuantity":"1","limitPrice":"2","timeInForce":"GOOD_UNTIL_DATE_TIME"}`,
			`order.new BTC-USD sell limit 1 @2 gtd cl=c obj=p1`},
		{`POST /v1/portfolios/p1/order {"product_id":"BTC-USD","side":"SELL","type":"STOP_LIMIT","base_quantity":"1","limit_price":"2","stop_price":"3"}`,
			`order.new BTC-USD sell stop_limit 1 @2 stop=3 obj=p1`},
		{`POST /v1/portfolios/p1/order_preview {"product_id":"BTC-USD","side":"BUY","type":"MARKET","quote_value":"10"}`, `order.query BTC-USD buy market 10 obj=p1`},
		{`POST /v1/portfolios/p1/orders/o1/cancel`, `order.cancel id=o1 obj=p1`},
		{`PUT /v1/portfolios/p1/orders/o1/edit {"base_quantity":"2","limit_price":"3"}`, `order.amend 2 @3 id=o1 obj=p1`},
		{`GET /v1/portfolios/p1/open_orders?product_ids=BTC-USD`, `order.query BTC-USD obj=p1`},
		{`GET /v1/portfolios/p1/balances?symbols=BTC`, `account.read asset=BTC obj=p1`},
		{`GET /v1/entities/e1/positions`, `account.read obj=e1`},
		{`POST /v1/portfolios/p1/wallets/w1/withdrawals {"amount":"0.1","destination_type":"DESTINATION_BLOCKCHAIN","currency_symbol":"BTC","blockchain_address":{"address":"1Boat"},"idempotency_key":"i"}`,
			`withdraw 0.1 cl=i asset=BTC to=1Boat obj=p1`},
		{`POST /v1/portfolios/p1/wallets/w1/withdrawals {"amount":"1","currencySymbol":"BTC","blockchainAddress":{"address":"1Boat"}}`, `withdraw 1 asset=BTC to=1Boat obj=p1`},
		{`POST /v1/portfolios/p1/wallets/w1/transfers {"amount":"0.1","destination":"w2","currency_symbol":"BTC"}`, `transfer 0.1 asset=BTC obj=w2`},
		{`POST /v1/portfolios/p1/address_book {"address":"1Boat","currency_symbol":"BTC"}`, `allowlist.change asset=BTC to=1Boat obj=p1`},
		{`POST /v1/api-keys/rotate`, `key.change`},
		{`GET /v1/portfolios/p1/wallets/w1/deposit_instructions`, `deposit.address obj=p1`},
		{`GET /v1/portfolios/p1/products`, `market.read obj=p1`},
		{`POST /v1/portfolios/p1/nosuch {}`, `unknown`},
		{`WS {"type":"subscribe","channel":"orders","portfolio_id":"p1","product_ids":["BTC-USD"]}`, `order.query BTC-USD obj=p1`},
		{`WS {"type":"subscribe","channel":"l2_data","product_ids":["BTC-USD"]}`, `market.read BTC-USD`},
	})
}

// TestCoinbasePrimeStream: channel, key, service account, time, portfolio and
// products are signed; the time as it stands, or in seconds.
func TestCoinbasePrimeStream(t *testing.T) {
	r := &venue.Request{Kind: venue.Message, Session: &venue.Session{}, Body: []byte(`{"type":"subscribe","channel":"l2_data","access_key":"K","api_key_id":"S",` +
		`"timestamp":"2022-02-19T20:05:22Z","passphrase":"p","signature":"s","portfolio_id":"P","product_ids":["BTC-USD","ETH-USD"]}`)}
	var c venue.Claim
	venue.CoinbasePrime.Claim(r, &c)
	if c.Auth != venue.AuthSignature || c.Key != "K" || !c.HasPassphrase || c.Time.Unix() != 1645301122 || !c.Login {
		t.Errorf("%+v", c)
	}
	for form, want := range []string{"l2_dataKS2022-02-19T20:05:22ZPBTC-USDETH-USD", "l2_dataKS1645301122PBTC-USDETH-USD"} {
		if msg, ok := venue.CoinbasePrime.Message(r, &c, form, nil); !ok || string(msg) != want {
			t.Errorf("form %d: %q, want %q", form, msg, want)
		}
	}
	if _, ok := venue.CoinbasePrime.Message(r, &c, 2, nil); ok {
		t.Error("a third form")
	}
}

func TestCoinbasePrimeAnswer(t *testing.T) {
	answerIs(t, venue.CoinbasePrime, []row{
		{"POST /v1/portfolios/p1/order {}\n" + `200 {"order_id":"o1"}`, `200 accepted order=o1`},
		{"POST /v1/portfolios/p1/order {}\n" + `400 {"message":"bad"}`, `400 rejected error=bad`},
		{"POST /v1/portfolios/p1/orders/o1/cancel\n" + `200 {"id":"o1"}`, `200 cancelled order=o1`},
		{"POST /v1/portfolios/p1/wallets/w1/withdrawals {}\n" + `200 {"activity_id":"a1"}`, `200 accepted order=a1`},
		{"GET /v1/portfolios\n" + `200 {}`, `200`},
	})
	denyIs(t, venue.CoinbasePrime, `POST /v1/portfolios/p1/order {}`, map[vedette.Reason]string{vedette.BadSignature: `401 {"message":"invalid signature"}`})
	denials(t, venue.CoinbasePrime, `WS {"type":"subscribe"}`)
}
