package venue

import "vedette"

var (
	geminiOrder = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"side"}, Type: []string{"type"}, TIF: []string{"timeInForce"}, Price: []string{"price"},
		Stop: []string{"stop_price", "stopPrice"}, Quantity: []string{"amount", "quantity", "totalSpend"}, ClientID: []string{"client_order_id", "clientOrderId"},
		Refine: geminiRefine,
	}
	geminiTarget = &Fields{Target: []string{"order_id", "orderId", "client_order_id", "clientOrderId"}, Instrument: []string{"symbol"}}
	geminiRead   = &Fields{Instrument: []string{"symbol"}, Target: []string{"order_id", "client_order_id"}, Asset: []string{"currency"}, Object: []string{"account"}}
	geminiFunds  = &Fields{Address: []string{"address"}, Tag: []string{"memo"}, Quantity: []string{"amount"}, Asset: []string{"currency"}, Object: []string{"targetAccount", "account"},
		ClientID: []string{"clientTransferId", "client_transfer_id"}}
	geminiClearing = &Fields{Instrument: []string{"symbol"}, Side: []string{"side"}, Price: []string{"price"}, Quantity: []string{"amount"},
		Target: []string{"clearing_id"}, Object: []string{"counterparty_id"}}
	geminiAllow = &Fields{Address: []string{"address"}, Object: []string{"label"}}
	geminiAdmin = &Fields{Object: []string{"name", "newName", "account"}}
)

var geminiRoutes = NewRoutes(geminiChanges, geminiReads())

var geminiChanges = []Route{
	{Method: "POST", Path: "/v1/order/new", Op: vedette.OpOrderNew, Fields: geminiOrder},
	{Method: "POST", Path: "/v1/order/cancel", Op: vedette.OpOrderCancel, Fields: geminiTarget},
	{Method: "POST", Path: "/v1/order/cancel/session", Op: vedette.OpOrderCancelAll},
	{Method: "POST", Path: "/v1/order/cancel/all", Op: vedette.OpOrderCancelAll},
	{Method: "POST", Path: "/v1/wrap/{instrument}", Op: vedette.OpOrderNew, Fields: geminiOrder},
	{Method: "POST", Path: "/v1/instant/execute", Op: vedette.OpOrderNew, Fields: geminiOrder},
	{Method: "POST", Path: "/v1/clearing/new", Op: vedette.OpOrderNew, Fields: geminiClearing},
	{Method: "POST", Path: "/v1/clearing/broker/new", Op: vedette.OpOrderNew, Fields: geminiClearing},
	{Method: "POST", Path: "/v1/clearing/confirm", Op: vedette.OpOrderNew, Fields: geminiClearing},
	{Method: "POST", Path: "/v1/clearing/cancel", Op: vedette.OpOrderCancel, Fields: geminiClearing},
	{Method: "POST", Path: "/v1/prediction-markets/order", Op: vedette.OpOrderNew, Fields: geminiOrder},
	{Method: "POST", Path: "/v1/prediction-markets/order/cancel", Op: vedette.OpOrderCancel, Fields: geminiTarget},
	{Method: "POST", Path: "/v1/prediction-markets/order/batch", Op: vedette.OpOrderBatch, Batch: "orders", Part: vedette.OpOrderNew, Of: geminiOrder},
	{Method: "POST", Path: "/v1/prediction-markets/order/batch/cancel", Op: vedette.OpOrderBatch, Batch: "orders", Part: vedette.OpOrderCancel, Of: geminiTarget},
	{Method: "POST", Path: "/v1/prediction-markets/terms/accept", Op: vedette.OpAdmin},

	{Method: "POST", Path: "/v1/withdraw/{asset}", Op: vedette.OpWithdraw, Fields: geminiFunds},
	{Method: "POST", Path: "/v2/withdraw/{}/{asset}", Op: vedette.OpWithdraw, Fields: geminiFunds},
	{Method: "POST", Path: "/v1/payments/sen/withdraw", Op: vedette.OpWithdraw, Fields: geminiFunds.to(nil, "bankId")},
	{Method: "POST", Path: "/v1/account/transfer/{asset}", Op: vedette.OpTransfer, Fields: geminiFunds},
	{Method: "POST", Path: "/v1/staking/stake", Op: vedette.OpTransfer, Fields: geminiFunds},
	{Method: "POST", Path: "/v1/staking/unstake", Op: vedette.OpTransfer, Fields: geminiFunds},
	{Method: "POST", Path: "/v1/deposit/{asset}/newAddress", Op: vedette.OpDepositAddress, Fields: &Fields{Object: []string{"label"}}},
	{Method: "POST", Path: "/v1/addresses/{asset}", Op: vedette.OpDepositAddress},

	{Method: "POST", Path: "/v1/approvedAddresses/{asset}/request", Op: vedette.OpAllowlistChange, Fields: geminiAllow},
	{Method: "POST", Path: "/v1/approvedAddresses/{asset}/remove", Op: vedette.OpAllowlistChange, Fields: geminiAllow},
	{Method: "POST", Path: "/v1/payments/addbank", Op: vedette.OpAllowlistChange},
	{Method: "POST", Path: "/v1/payments/addbank/cad", Op: vedette.OpAllowlistChange},
	{Method: "POST", Path: "/v1/account/create", Op: vedette.OpAdmin, Fields: geminiAdmin},
	{Method: "POST", Path: "/v1/account/rename", Op: vedette.OpAdmin, Fields: geminiAdmin},
	{Method: "POST", Path: "/v1/oauth/revokeByToken", Op: vedette.OpSessionLogout},

	{Method: WS, Path: "order.place", Op: vedette.OpOrderNew, Fields: geminiOrder},
	{Method: WS, Path: "order.cancel", Op: vedette.OpOrderCancel, Fields: geminiTarget},
	{Method: WS, Path: "order.cancel_all", Op: vedette.OpOrderCancelAll},
	{Method: WS, Path: "order.cancel_session", Op: vedette.OpOrderCancelAll},
	{Method: WS, Path: "subscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "unsubscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "list_subscriptions", Op: vedette.OpMarketRead},
	{Method: WS, Path: "depth", Op: vedette.OpMarketRead, Fields: geminiRead},
	{Method: WS, Path: "conninfo", Op: vedette.OpMarketRead},
	{Method: WS, Path: "ping", Op: vedette.OpMarketRead},
	{Method: WS, Path: "time", Op: vedette.OpMarketRead},
}

func geminiReads() []Route {
	var routes []Route
	add := func(method string, op vedette.Operation, paths ...string) {
		for _, p := range paths {
			routes = append(routes, Route{Method: method, Path: p, Op: op, Fields: geminiRead})
		}
	}
	add("POST", vedette.OpOrderQuery, "/v1/order/status", "/v1/orders", "/v1/orders/history", "/v1/mytrades", "/v1/clearing/status", "/v1/clearing/list",
		"/v1/clearing/broker/list", "/v1/clearing/trades", "/v1/instant/quote", "/v1/margin/order/preview", "/v1/prediction-markets/orders/active",
		"/v1/prediction-markets/orders/history")
	add("POST", vedette.OpAccountRead, "/v1/notionalvolume", "/v1/tradevolume", "/v1/balances", "/v1/balances/staking", "/v1/balances/earn",
		"/v1/notionalbalances/{asset}", "/v1/transfers", "/v2/transfers", "/v1/transactions", "/v1/custodyaccountfees", "/v1/withdraw/{asset}/feeEstimate",
		"/v2/withdraw/{}/{asset}/feeEstimate", "/v1/payments/methods", "/v1/staking/history", "/v1/staking/rewards", "/v1/earn/history", "/v1/earn/interest",
		"/v1/approvedAddresses/account/{asset}", "/v1/account", "/v1/account/list", "/v1/heartbeat", "/v1/roles", "/v1/margin", "/v1/margin/account",
		"/v1/margin/rates", "/v1/positions", "/v1/perpetuals/fundingPayment", "/v1/perpetuals/fundingpaymentreport/records.json",
		"/v1/prediction-markets/positions", "/v1/prediction-markets/positions/settled", "/v1/prediction-markets/metrics/volume",
		"/v1/prediction-markets/maker-rebate/payouts")
	add("GET", vedette.OpAccountRead, "/v1/perpetuals/fundingpaymentreport/records.xlsx", "/v1/prediction-markets/terms/status",
		"/v1/prediction-markets/maker-rebate/summary/*", "/v1/prediction-markets/liquidity-rewards/summary/*")
	add("GET", vedette.OpMarketRead, "/", "/v1/symbols", "/v1/symbols/details/{instrument}", "/v1/network/{asset}", "/v2/network/{asset}", "/v2/networks/{}/assets",
		"/v1/staking/rates", "/v1/earn/rates", "/v1/pubticker/{instrument}", "/v1/feepromos", "/v2/ticker/{instrument}", "/v2/candles/{instrument}/{}",
		"/v2/derivatives/candles/{instrument}/{}", "/v1/trades/{instrument}", "/v1/auction/{instrument}", "/v1/auction/{instrument}/history",
		"/v1/pricefeed", "/v1/fundingamount/{instrument}", "/v1/fundingamountreport/records.xlsx", "/v1/book/{instrument}", "/v2/fxrate/{instrument}/{}",
		"/v1/riskstats/{instrument}", "/v1/prediction-markets/*", "/v1/marketdata/{instrument}", "/v1/multimarketdata", "/v2/marketdata")
	add("GET", vedette.OpOrderQuery, "/v1/order/events") // an upgrade
	return routes
}
