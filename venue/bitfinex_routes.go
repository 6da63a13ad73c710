package venue

import "vedette"

var (
	bitfinexOrder = &Fields{
		Instrument: []string{"symbol"}, Price: []string{"price"}, Quantity: []string{"amount"}, ClientID: []string{"cid"}, Refine: bitfinexRefine,
	}
	bitfinexAmend = &Fields{
		Price: []string{"price"}, Quantity: []string{"amount", "delta"}, Stop: []string{"price_aux_limit"}, Target: []string{"id", "order_id", "cid"},
		Instrument: []string{"symbol"}, Refine: bitfinexRefine,
	}
	bitfinexTarget = &Fields{Target: []string{"id", "order_id", "cid", "offer_id"}}
	// bitfinexReplaced is the order that version 1 replaces by one that the request names in full.
	bitfinexReplaced = &Fields{Instrument: []string{"symbol"}, Target: []string{"order_id", "id"}}
	bitfinexRead     = &Fields{Asset: []string{"currency"}, Instrument: []string{"symbol"}, Target: []string{"order_id"}}
	bitfinexFunds    = &Fields{
		Asset: []string{"currency", "method", "withdraw_type"}, Quantity: []string{"amount"}, Address: []string{"address", "invoice", "account_number"}, Tag: []string{"payment_id"},
		Object: []string{"email_dst", "to", "walletto", "wallet"},
	}
	bitfinexOffer = &Fields{Instrument: []string{"symbol", "currency"}, Quantity: []string{"amount"}, Price: []string{"rate"}, Object: []string{"id"}}
)

var bitfinexRoutes = NewRoutes(bitfinexChanges, bitfinexReads(), bitfinexVersion1(), bitfinexInputs)

const bitfinexWrite = "/v2/auth/w/"

var bitfinexChanges = []Route{
	{Method: "POST", Path: bitfinexWrite + "order/submit", Op: vedette.OpOrderNew, Fields: bitfinexOrder},
	{Method: "POST", Path: bitfinexWrite + "order/update", Op: vedette.OpOrderAmend, Fields: bitfinexAmend},
	{Method: "POST", Path: bitfinexWrite + "order/cancel", Op: vedette.OpOrderCancel, Fields: bitfinexTarget},
	{Method: "POST", Path: bitfinexWrite + "order/cancel/multi", Op: vedette.OpOrderBatch, Note: "cancels"},
	{Method: "POST", Path: bitfinexWrite + "order/multi", Op: vedette.OpOrderBatch, Note: "ops"},
	{Method: "POST", Path: bitfinexWrite + "funding/offer/submit", Op: vedette.OpOrderNew, Fields: bitfinexOffer},
	{Method: "POST", Path: bitfinexWrite + "funding/offer/cancel", Op: vedette.OpOrderCancel, Fields: bitfinexTarget},
	{Method: "POST", Path: bitfinexWrite + "funding/offer/cancel/all", Op: vedette.OpOrderCancelAll, Fields: bitfinexRead},
	{Method: "POST", Path: bitfinexWrite + "funding/close", Op: vedette.OpOrderCancel, Fields: bitfinexTarget},
	{Method: "POST", Path: bitfinexWrite + "funding/auto", Op: vedette.OpAdmin, Fields: bitfinexOffer},
	{Method: "POST", Path: bitfinexWrite + "funding/keep", Op: vedette.OpAdmin, Fields: bitfinexOffer},
	{Method: "POST", Path: bitfinexWrite + "position/claim", Op: vedette.OpOrderNew, Fields: bitfinexTarget},
	{Method: "POST", Path: bitfinexWrite + "position/increase", Op: vedette.OpOrderNew, Fields: bitfinexOrder},
	{Method: "POST", Path: bitfinexWrite + "position/update/funding/type", Op: vedette.OpSetting, Fields: bitfinexRead},
	{Method: "POST", Path: bitfinexWrite + "deriv/collateral/set", Op: vedette.OpTransfer, Fields: &Fields{Instrument: []string{"symbol"}, Quantity: []string{"collateral"}}},
	{Method: "POST", Path: bitfinexWrite + "deriv/collateral/limits", Op: vedette.OpAccountRead, Fields: bitfinexRead},

	{Method: "POST", Path: bitfinexWrite + "withdraw", Op: vedette.OpWithdraw, Fields: bitfinexFunds},
	{Method: "POST", Path: bitfinexWrite + "transfer", Op: vedette.OpTransfer, Fields: bitfinexFunds},
	{Method: "POST", Path: bitfinexWrite + "ext/wallets/withdrawals/request", Op: vedette.OpWithdraw, Fields: bitfinexFunds},
	{Method: "POST", Path: bitfinexWrite + "ext/wallets/deposits/request", Op: vedette.OpTransfer, Fields: bitfinexFunds},
	{Method: "POST", Path: bitfinexWrite + "deposit/address", Op: vedette.OpDepositAddress, Fields: bitfinexFunds},
	{Method: "POST", Path: bitfinexWrite + "deposit/invoice", Op: vedette.OpDepositAddress, Fields: bitfinexFunds},
	{Method: "POST", Path: "/v2/auth/r/deposit/address/all", Op: vedette.OpDepositAddress, Fields: bitfinexFunds},
	{Method: "POST", Path: bitfinexWrite + "token", Op: vedette.OpKeyCreate, Fields: &Fields{Object: []string{"scope"}}},
	{Method: "POST", Path: bitfinexWrite + "token/del", Op: vedette.OpKeyDelete},
	{Method: "POST", Path: bitfinexWrite + "ext/recurring-ao/create", Op: vedette.OpOrderNew, Fields: bitfinexOrder},
	{Method: "POST", Path: bitfinexWrite + "ext/recurring-ao/update/{order}", Op: vedette.OpOrderAmend},
	{Method: "POST", Path: bitfinexWrite + "ext/recurring-ao/cancel/{order}", Op: vedette.OpOrderCancel},
	{Method: "POST", Path: bitfinexWrite + "settings/set", Op: vedette.OpAdmin},
	{Method: "POST", Path: bitfinexWrite + "settings/del", Op: vedette.OpAdmin},
	{Method: "POST", Path: bitfinexWrite + "alert/set", Op: vedette.OpAccountRead, Fields: bitfinexRead},
	{Method: "POST", Path: bitfinexWrite + "alert/*", Op: vedette.OpAccountRead},
	{Method: "POST", Path: bitfinexWrite + "pulse/add", Op: vedette.OpAdmin},
	{Method: "POST", Path: bitfinexWrite + "pulse/del", Op: vedette.OpAdmin},
}

// bitfinexReads: reads are asked for with POST, below /r/.
func bitfinexReads() []Route {
	var routes []Route
	add := func(method string, op vedette.Operation, paths ...string) {
		for _, p := range paths {
			routes = append(routes, Route{Method: method, Path: p, Op: op, Fields: bitfinexRead})
		}
	}
	add("POST", vedette.OpOrderQuery, "/v2/auth/r/orders", "/v2/auth/r/orders/hist", "/v2/auth/r/orders/{instrument}", "/v2/auth/r/orders/{instrument}/hist",
		"/v2/auth/r/orders/otc/{instrument}/hist", "/v2/auth/r/order/{}/trades", "/v2/auth/r/trades/hist", "/v2/auth/r/trades/{instrument}/hist",
		"/v2/auth/r/trades/calc", "/v2/auth/r/funding/*", "/v2/auth/calc/order/avail")
	add("POST", vedette.OpAccountRead, "/v2/auth/r/*")
	add("GET", vedette.OpMarketRead, "/v2/conf/*", "/v2/platform/status", "/v2/tickers", "/v2/tickers/hist", "/v2/ticker/{instrument}",
		"/v2/trades/{instrument}/hist", "/v2/book/{instrument}/{}", "/v2/stats1/*", "/v2/candles/*", "/v2/status/*", "/v2/liquidations/hist",
		"/v2/rankings/*", "/v2/pulse/*", "/v2/funding/stats/{instrument}/hist", "/v2/ext/vasps", "/ws/2", "/ws/1", "/ws", "/v2/ws", "/")
	add("POST", vedette.OpMarketRead, "/v2/calc/trade/avg", "/v2/calc/fx", "/v2/calc/*")
	return routes
}

// bitfinexVersion1 are the endpoints of the first version.
func bitfinexVersion1() []Route {
	routes := []Route{
		{Method: "POST", Path: "/v1/order/new", Op: vedette.OpOrderNew, Fields: bitfinexOrder},
		{Method: "POST", Path: "/v1/order/new/multi", Op: vedette.OpOrderBatch, Batch: "orders", Part: vedette.OpOrderNew, Of: bitfinexOrder},
		{Method: "POST", Path: "/v1/order/cancel", Op: vedette.OpOrderCancel, Fields: bitfinexTarget},
		{Method: "POST", Path: "/v1/order/cancel/multi", Op: vedette.OpOrderBatch, Batch: "order_ids", Part: vedette.OpOrderCancel},
		{Method: "POST", Path: "/v1/order/cancel/all", Op: vedette.OpOrderCancelAll},
		replace("POST", "/v1/order/cancel/replace", bitfinexReplaced, bitfinexOrder),
		{Method: "POST", Path: "/v1/offer/new", Op: vedette.OpOrderNew, Fields: bitfinexOffer},
		{Method: "POST", Path: "/v1/offer/cancel", Op: vedette.OpOrderCancel, Fields: bitfinexTarget},
		{Method: "POST", Path: "/v1/withdraw", Op: vedette.OpWithdraw, Fields: bitfinexFunds},
		{Method: "POST", Path: "/v1/transfer", Op: vedette.OpTransfer, Fields: bitfinexFunds},
		{Method: "POST", Path: "/v1/deposit/new", Op: vedette.OpDepositAddress, Fields: bitfinexFunds},
		{Method: "POST", Path: "/v1/position/claim", Op: vedette.OpOrderNew, Fields: bitfinexTarget},
		{Method: "POST", Path: "/v1/position/close", Op: vedette.OpOrderNew, Fields: bitfinexTarget},
	}
	for _, p := range []string{"order/status", "orders", "orders/hist", "mytrades", "mytrades_funding", "offer/status", "offers", "offers/hist", "credits",
		"taken_funds", "unused_taken_funds", "total_taken_funds"} {
		routes = append(routes, Route{Method: "POST", Path: "/v1/" + p, Op: vedette.OpOrderQuery, Fields: bitfinexRead})
	}
	for _, p := range []string{"balances", "margin_infos", "account_infos", "account_fees", "summary", "key_info", "positions", "history", "history/movements"} {
		routes = append(routes, Route{Method: "POST", Path: "/v1/" + p, Op: vedette.OpAccountRead, Fields: bitfinexRead})
	}
	for _, p := range []string{"pubticker/{instrument}", "stats/{instrument}", "lendbook/{asset}", "book/{instrument}", "trades/{instrument}", "lends/{asset}",
		"symbols", "symbols_details", "tickers"} {
		routes = append(routes, Route{Method: "GET", Path: "/v1/" + p, Op: vedette.OpMarketRead})
	}
	return routes
}

// bitfinexInputs are the messages by event, or by name within an array.
var bitfinexInputs = []Route{
	{Method: WS, Path: "auth", Op: vedette.OpSessionLogin},
	{Method: WS, Path: "unauth", Op: vedette.OpSessionLogout},
	{Method: WS, Path: "ping", Op: vedette.OpMarketRead},
	{Method: WS, Path: "conf", Op: vedette.OpMarketRead},
	{Method: WS, Path: "subscribe", Op: vedette.OpMarketRead, Fields: bitfinexRead},
	{Method: WS, Path: "unsubscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "on", Op: vedette.OpOrderNew, Fields: bitfinexOrder},
	{Method: WS, Path: "ou", Op: vedette.OpOrderAmend, Fields: bitfinexAmend},
	{Method: WS, Path: "oc", Op: vedette.OpOrderCancel, Fields: bitfinexTarget},
	{Method: WS, Path: "oc_multi", Op: vedette.OpOrderBatch, Note: "cancels"},
	{Method: WS, Path: "ox_multi", Op: vedette.OpOrderBatch, Note: "ops"},
	{Method: WS, Path: "fon", Op: vedette.OpOrderNew, Fields: bitfinexOffer},
	{Method: WS, Path: "foc", Op: vedette.OpOrderCancel, Fields: bitfinexTarget},
	{Method: WS, Path: "calc", Op: vedette.OpAccountRead},
}
