package venue

import "vedette"

var (
	krakenFuturesOrder = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"side"}, Type: []string{"orderType"}, Price: []string{"limitPrice"},
		Stop: []string{"stopPrice"}, Quantity: []string{"size"}, ClientID: []string{"cliOrdId"}, ReduceOnly: []string{"reduceOnly"},
		Refine: krakenFuturesRefine,
	}
	krakenFuturesAmend = &Fields{
		Price: []string{"limitPrice"}, Stop: []string{"stopPrice"}, Quantity: []string{"size"},
		Target: []string{"orderId", "order_id", "cliOrdId"},
	}
	krakenFuturesTarget = &Fields{Target: []string{"order_id", "orderId", "cliOrdId"}}
	krakenFuturesInPart = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"side"}, Type: []string{"orderType"}, Price: []string{"limitPrice"},
		Stop: []string{"stopPrice"}, Quantity: []string{"size"}, ClientID: []string{"cliOrdId"}, ReduceOnly: []string{"reduceOnly"},
		Target: []string{"order_id", "orderId"}, Refine: krakenFuturesPart,
	}
	krakenFuturesRead  = &Fields{Instrument: []string{"symbol"}, Target: []string{"orderIds", "cliOrdIds"}, Object: []string{"account", "uid"}}
	krakenFuturesFunds = &Fields{Asset: []string{"unit", "currency"}, Quantity: []string{"amount"},
		Object: []string{"toUser", "toAccount", "targetWallet"}}
	krakenFuturesAdmin = &Fields{Instrument: []string{"symbol"}, Object: []string{"id", "contractType"}}
)

var krakenFuturesRoutes = NewRoutes(krakenFuturesTrading, krakenFuturesReads(), krakenFuturesFeeds())

const krakenFuturesV3 = "/derivatives/api/v3/"

var krakenFuturesTrading = []Route{
	{Method: "POST", Path: krakenFuturesV3 + "sendorder", Op: vedette.OpOrderNew, Fields: krakenFuturesOrder},
	{Method: "POST", Path: krakenFuturesV3 + "editorder", Op: vedette.OpOrderAmend, Fields: krakenFuturesAmend},
	{Method: "POST", Path: krakenFuturesV3 + "cancelorder", Op: vedette.OpOrderCancel, Fields: krakenFuturesTarget},
	{Method: "POST", Path: krakenFuturesV3 + "cancelallorders", Op: vedette.OpOrderCancelAll, Fields: krakenFuturesRead},
	{Method: "POST", Path: krakenFuturesV3 + "cancelallordersafter", Op: vedette.OpOrderCancelAll},
	{Method: "POST", Path: krakenFuturesV3 + "batchorder", Op: vedette.OpOrderBatch, Batch: "batchOrder", Part: vedette.OpOrderNew, Of: krakenFuturesInPart},
	{Method: "POST", Path: krakenFuturesV3 + "orders/status", Op: vedette.OpOrderQuery, Fields: krakenFuturesRead},
	{Method: "POST", Path: krakenFuturesV3 + "rfqs/{object}/place-offer", Op: vedette.OpOrderNew},
	{Method: "PUT", Path: krakenFuturesV3 + "rfqs/{object}/replace-offer", Op: vedette.OpOrderAmend},
	{Method: "DELETE", Path: krakenFuturesV3 + "rfqs/{object}/cancel-offer", Op: vedette.OpOrderCancel},
	{Method: "POST", Path: krakenFuturesV3 + "transfer", Op: vedette.OpTransfer, Fields: krakenFuturesFunds},
	{Method: "POST", Path: krakenFuturesV3 + "transfer/subaccount", Op: vedette.OpTransfer, Fields: krakenFuturesFunds},
	// To the spot wallet of the same user, not to an address.
	{Method: "POST", Path: krakenFuturesV3 + "withdrawal", Op: vedette.OpTransfer, Fields: krakenFuturesFunds},
	{Method: "PUT", Path: krakenFuturesV3 + "leveragepreferences", Op: vedette.OpSetting, Fields: krakenFuturesAdmin},
	{Method: "PUT", Path: krakenFuturesV3 + "pnlpreferences", Op: vedette.OpAdmin, Fields: krakenFuturesAdmin},
	{Method: "PUT", Path: krakenFuturesV3 + "self-trade-strategy", Op: vedette.OpAdmin},
	{Method: "PUT", Path: krakenFuturesV3 + "subaccount/{account}/trading-enabled", Op: vedette.OpAdmin},
	{Method: "PUT", Path: krakenFuturesV3 + "rfq-assignment/max-leverage", Op: vedette.OpSetting},
	{Method: "DELETE", Path: krakenFuturesV3 + "rfq-assignment/max-leverage", Op: vedette.OpSetting},
	{Method: "POST", Path: krakenFuturesV3 + "assignmentprogram/add", Op: vedette.OpAdmin, Fields: krakenFuturesAdmin},
	{Method: "POST", Path: krakenFuturesV3 + "assignmentprogram/delete", Op: vedette.OpAdmin, Fields: krakenFuturesAdmin},
}

func krakenFuturesReads() []Route {
	var routes []Route
	add := func(op vedette.Operation, base string, paths ...string) {
		for _, p := range paths {
			routes = append(routes, Route{Method: "GET", Path: base + p, Op: op, Fields: krakenFuturesRead})
		}
	}
	add(vedette.OpOrderQuery, krakenFuturesV3, "openorders", "recentorders", "fills", "orders/status", "rfqs/open-offers")
	add(vedette.OpAccountRead, krakenFuturesV3, "accounts", "openpositions", "transfers", "notifications", "leveragepreferences",
		"pnlpreferences", "assignmentprogram/current", "assignmentprogram/history", "unwindqueue", "self-trade-strategy",
		"subaccounts", "subaccount/{account}/trading-enabled", "rfq-assignment/max-leverage", "feeschedules/volumes",
		"initialmargin", "initialmargin/maxordersize", "api-keys/v3/check", "portfolio-margining/parameters")
	add(vedette.OpMarketRead, krakenFuturesV3, "feeschedules", "instruments", "instruments/status", "instruments/{instrument}/status",
		"orderbook", "tickers", "tickers/{instrument}", "history", "historicalfundingrates", "historical-funding-rates", "rfqs", "rfqs/{object}")
	add(vedette.OpMarketRead, "/derivatives/api/v4/", "historicalfundingrates")
	add(vedette.OpMarketRead, "/api/charts/", "*")
	for _, v := range []string{"/api/history/v2/", "/api/history/v3/"} {
		add(vedette.OpOrderQuery, v, "orders", "executions", "triggers")
		add(vedette.OpAccountRead, v, "account-log", "accountlogcsv", "positions")
		add(vedette.OpMarketRead, v, "market/*")
	}
	add(vedette.OpAccountRead, "/api/auth/v1/", "api-keys/v3/check")
	add(vedette.OpMarketRead, "/ws/v1", "", "/") // upgrades
	return routes
}

// krakenFuturesFeeds are the messages, and subscriptions by feed.
func krakenFuturesFeeds() []Route {
	routes := []Route{
		{Method: WS, Path: "challenge", Op: vedette.OpSessionLogin},
		{Method: WS, Path: "subscribe", Op: vedette.OpMarketRead},
		{Method: WS, Path: "unsubscribe", Op: vedette.OpMarketRead},
		{Method: WS, Path: "ping", Op: vedette.OpMarketRead},
	}
	for _, f := range []string{"open_orders", "open_orders_verbose", "fills"} {
		routes = append(routes, Route{Method: WS, Path: f, Op: vedette.OpOrderQuery})
	}
	for _, f := range []string{"open_positions", "balances", "balance", "account_balances_and_margins", "account_log",
		"deposits_withdrawals", "notifications_auth"} {
		routes = append(routes, Route{Method: WS, Path: f, Op: vedette.OpAccountRead})
	}
	return routes
}
