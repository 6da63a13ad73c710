package venue

import (
	"time"

	"vedette"
)

// CoinbaseInternational signs time, METHOD, path and body, joined without a
// separator; the query is left out. A WebSocket subscription signs time, key,
// "CBINTLMD" and passphrase.
var CoinbaseInternational = &Dialect{
	Name:  "coinbaseinternational",
	Title: "Coinbase International Exchange",
	Docs:  "https://docs.cdp.coinbase.com/international-exchange/introduction/authentication",
	Hosts: []string{"api.international.coinbase.com", "api-n5e1.coinbase.com", "ws-md.international.coinbase.com", "ws-md.n5e2.coinbase.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA256, Signature: Base64, Secret: Base64,
		Covers: CoversMethod | CoversPath | CoversBody | CoversTime,
		Note:   "The query is not signed: which portfolio a read or a cancel-all is for can be changed. A WebSocket subscription signs only its time."}},
	Routes:    coinbaseIntlRoutes,
	Claim:     coinbaseIntlClaim,
	Message:   coinbaseIntlMessage,
	Meaning:   coinbaseIntlMeaning,
	Answer:    coinbaseIntlAnswer,
	Correlate: coinbaseCorrelate,
	Deny:      coinbaseIntlDeny,
}

// How far a timestamp may be off: 5 s for REST, 30 s for a subscription.
const coinbaseIntlWindow = 5 * time.Second

func coinbaseIntlClaim(r *Request, c *Claim) {
	switch r.Kind {
	case Message:
		coinbaseSubscription(r, c, "time", coinbaseWindow)
	case HTTPRequest:
		if coinbaseExchangeHeaders.claim(r, c) {
			coinbaseTime(c, c.Text, coinbaseIntlWindow)
			c.divide(r)
		}
	}
}

func coinbaseIntlMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	dst = append(dst, c.Text...)
	if r.Kind == Message {
		dst = append(append(dst, c.Key...), "CBINTLMD"...)
		return append(dst, c.Passphrase...), true
	}
	dst = append(append(dst, r.Method...), r.Path...)
	return append(dst, r.Body...), true
}

var (
	coinbaseIntlOrder = &Fields{
		Instrument: []string{"instrument"}, Side: []string{"side"}, Type: []string{"type"}, TIF: []string{"tif"},
		Price: []string{"price"}, Stop: []string{"stop_price", "stop_limit_price"}, Quantity: []string{"size"},
		ClientID: []string{"client_order_id"}, Object: []string{"portfolio"}, PostOnly: []string{"post_only"}, ReduceOnly: []string{"close_only"},
	}
	coinbaseIntlTarget = &Fields{Object: []string{"portfolio"}}
	coinbaseIntlRead   = &Fields{Instrument: []string{"instrument", "instruments"}, Object: []string{"portfolio", "portfolios"}, Target: []string{"order_id"}}
	coinbaseIntlFunds  = &Fields{
		Asset: []string{"asset"}, Instrument: []string{"instrument"}, Quantity: []string{"amount", "quantity"}, Address: []string{"address"},
		Object: []string{"to", "counterparty_id", "portfolio"}, ClientID: []string{"nonce"},
	}
	coinbaseIntlAdmin = &Fields{Object: []string{"portfolio_id", "portfolio", "name"}}
)

var coinbaseIntlRoutes = NewRoutes(coinbaseIntlChanges, coinbaseIntlReads())

var coinbaseIntlChanges = []Route{
	{Method: "POST", Path: "/api/v1/orders", Op: vedette.OpOrderNew, Fields: coinbaseIntlOrder},
	{Method: "PUT", Path: "/api/v1/orders/{order}", Op: vedette.OpOrderAmend, Fields: coinbaseIntlOrder},
	{Method: "DELETE", Path: "/api/v1/orders/{order}", Op: vedette.OpOrderCancel, Fields: coinbaseIntlTarget},
	{Method: "DELETE", Path: "/api/v1/orders", Op: vedette.OpOrderCancelAll, Fields: coinbaseIntlRead},

	{Method: "POST", Path: "/api/v1/transfers/withdraw", Op: vedette.OpWithdraw, Fields: coinbaseIntlFunds},
	{Method: "POST", Path: "/api/v1/transfers/withdraw/counterparty", Op: vedette.OpWithdraw, Fields: coinbaseIntlFunds.to(nil, "counterparty_id")},
	{Method: "POST", Path: "/api/v1/transfers/address", Op: vedette.OpDepositAddress, Fields: coinbaseIntlFunds},
	{Method: "POST", Path: "/api/v1/transfers/create-counterparty-id", Op: vedette.OpDepositAddress, Fields: coinbaseIntlFunds},
	{Method: "POST", Path: "/api/v1/transfers/validate-counterparty-id", Op: vedette.OpAccountRead, Fields: coinbaseIntlFunds},
	{Method: "POST", Path: "/api/v1/portfolios/transfer", Op: vedette.OpTransfer, Fields: coinbaseIntlFunds},
	{Method: "POST", Path: "/api/v1/portfolios/transfer-position", Op: vedette.OpTransfer, Fields: coinbaseIntlFunds},
	{Method: "POST", Path: "/api/v1/portfolios/{account}/loans/{asset}", Op: vedette.OpTransfer, Fields: &Fields{Quantity: []string{"amount"}}},
	{Method: "POST", Path: "/api/v1/portfolios/{account}/loans/{asset}/preview", Op: vedette.OpAccountRead},

	{Method: "POST", Path: "/api/v1/portfolios", Op: vedette.OpAdmin, Fields: coinbaseIntlAdmin},
	{Method: "PATCH", Path: "/api/v1/portfolios", Op: vedette.OpAdmin, Fields: coinbaseIntlAdmin},
	{Method: "PUT", Path: "/api/v1/portfolios/{account}", Op: vedette.OpAdmin},
	{Method: "PATCH", Path: "/api/v1/portfolios/{account}", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/api/v1/portfolios/margin", Op: vedette.OpSetting, Fields: coinbaseIntlAdmin},
	{Method: "POST", Path: "/api/v1/portfolios/{account}/cross-collateral-enabled", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/api/v1/portfolios/{account}/auto-margin-enabled", Op: vedette.OpSetting},

	{Method: WS, Path: "SUBSCRIBE", Op: vedette.OpMarketRead},
	{Method: WS, Path: "UNSUBSCRIBE", Op: vedette.OpMarketRead},
}

func coinbaseIntlReads() []Route {
	var routes []Route
	add := func(op vedette.Operation, paths ...string) {
		for _, p := range paths {
			routes = append(routes, Route{Method: "GET", Path: p, Op: op, Fields: coinbaseIntlRead})
		}
	}
	add(vedette.OpOrderQuery, "/api/v1/orders", "/api/v1/orders/{order}", "/api/v1/portfolios/fills", "/api/v1/portfolios/{account}/fills")
	add(vedette.OpAccountRead, "/api/v1/portfolios", "/api/v1/portfolios/fee-rates", "/api/v1/portfolios/{account}", "/api/v1/portfolios/{account}/*",
		"/api/v1/portfolios/{account}/positions/{instrument}", "/api/v1/portfolios/{account}/balances/{asset}",
		"/api/v1/portfolios/transfer/{account}/{asset}/transfer-limit",
		"/api/v1/transfers", "/api/v1/transfers/{object}", "/api/v1/transfers/withdraw/{account}/{asset}/counterparty-withdrawal-limit",
		"/api/v1/address-book", "/api/v1/rankings/statistics")
	add(vedette.OpMarketRead, "/", "/api/v1/assets", "/api/v1/assets/{asset}", "/api/v1/assets/{asset}/networks", "/api/v1/index/*",
		"/api/v1/instruments", "/api/v1/instruments/{instrument}", "/api/v1/instruments/{instrument}/*", "/api/v1/instruments/volumes/daily",
		"/api/v1/position-offsets", "/api/v1/fee-rate-tiers")
	return routes
}

func coinbaseIntlMeaning(r *Request, c *vedette.Call) {
	if r.Kind != Message {
		coinbaseIntlRoutes.Mean(r, c)
		return
	}
	m := r.JSON()
	c.Method = m.Get("type").Text()
	coinbaseIntlRoutes.MeanAs(coinbaseIntlRoutes.Find(WS, c.Method), r.Path, Values{JSON: m}, c)
	c.Instrument = m.Get("product_ids").First().Text()
}

func coinbaseIntlAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	body := answer.JSON()
	if answer.Kind == Reply {
		if body.Get("type").Text() == "error" || body.Get("type").Text() == "REJECT" {
			a.Error, a.Outcome, issued.LoginFailed = body.Get("message").Text(), vedette.Rejected, true
		}
		return
	}
	route := coinbaseIntlRoutes.Find(r.Method, r.Path)
	switch {
	case a.Status >= 400:
		a.Outcome, a.Error = vedette.Rejected, body.Get("title").Text()
	case !route.changes():
	case route.Op == vedette.OpOrderCancelAll:
		a.Outcome = vedette.Cancelled
	case route.Op == vedette.OpWithdraw || route.Op == vedette.OpTransfer:
		a.OrderID = body.Get("transfer_uuid").Text()
	default:
		coinbaseIntlOrderState(route.Op, body.Get("order_status").Text(), body.Get("event_type").Text(), a)
		a.OrderID = body.Get("order_id").Text()
	}
}

// coinbaseIntlOrderState reads an order's state: its status is WORKING or DONE, the
// event says how it got there.
func coinbaseIntlOrderState(op vedette.Operation, status, event string, a *vedette.Answer) {
	switch event {
	case "REJECTED", "REPLACE_REJECTED", "CANCEL_REJECTED":
		a.Outcome, a.Error = vedette.Rejected, event
	case "TRADE":
		if a.Outcome = vedette.PartlyFilled; status == "DONE" {
			a.Outcome = vedette.Filled
		}
	case "CANCELED", "CANCELLED":
		a.Outcome = vedette.Cancelled
	case "EXPIRED":
		a.Outcome = vedette.Expired
	default:
		if a.Outcome = vedette.Accepted; op == vedette.OpOrderCancel {
			a.Outcome = vedette.Cancelled
		}
	}
}

var coinbaseIntlDenials = denials{
	otherGround:   {403, "", "Forbidden"},
	badSignature:  {401, "", "Unauthorized: invalid signature"},
	badPassphrase: {401, "", "Unauthorized: invalid passphrase"},
	badTime:       {401, "", "Unauthorized: timestamp expired"},
	usedBefore:    {401, "", "Unauthorized: request seen before"},
	unknownKey:    {401, "", "Unauthorized: invalid API key"},
	badAddress:    {401, "", "Unauthorized: ip not allowed"},
	tooMany:       {429, "", "Too Many Requests"},
	notAvailable:  {503, "", "Service Unavailable"},
	unanswered:    {504, "", "No answer in time; execution status unknown"},
	unreadable:    {400, "", "Bad Request"},
}

func coinbaseIntlDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := coinbaseIntlDenials.of(d)
	if r.Kind == Message {
		return coinbaseFeedError(r, dst, "Authentication Failed", e.msg)
	}
	if groundOf(d) == unanswered {
		return gatewayTimeout(dst)
	}
	return coinbaseTitled(e, dst)
}
