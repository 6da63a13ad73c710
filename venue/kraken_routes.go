package venue

import "vedette"

var (
	krakenOrder = &Fields{
		Instrument: []string{"pair", "symbol"}, Side: []string{"type", "side"}, Type: []string{"ordertype", "order_type"},
		TIF: []string{"timeinforce", "time_in_force"}, Price: []string{"price", "limit_price"}, Stop: []string{"triggers.price"},
		Quantity: []string{"volume", "order_qty", "cash_order_qty"}, ClientID: []string{"cl_ord_id", "userref", "order_userref"},
		PostOnly: []string{"post_only"}, ReduceOnly: []string{"reduce_only"}, Refine: krakenRefine,
	}
	krakenAmend = &Fields{
		Instrument: []string{"pair", "symbol"}, Price: []string{"limit_price", "price"}, Stop: []string{"trigger_price"},
		Quantity: []string{"order_qty", "volume"}, ClientID: []string{"cl_ord_id", "userref", "newuserref", "order_userref"},
		Target: []string{"txid", "order_id", "orderid", "cl_ord_id"}, PostOnly: []string{"post_only"}, ReduceOnly: []string{"reduce_only"},
		Refine: krakenRefine,
	}
	krakenTarget = &Fields{Target: []string{"txid", "order_id", "cl_ord_id", "order_userref"}, Instrument: []string{"pair", "symbol"}}
	krakenRead   = &Fields{Instrument: []string{"pair", "symbol"}, Asset: []string{"asset"}, Target: []string{"txid", "order_id", "cl_ord_id"},
		Object: []string{"id", "report", "refid"}}
	krakenFunds = &Fields{Asset: []string{"asset"}, Quantity: []string{"amount"}, Address: []string{"address", "key"},
		Object: []string{"to", "refid", "strategy_id", "key"}, ClientID: []string{"idempotency_key"}}
	krakenAdmin = &Fields{Object: []string{"username", "email", "id", "name"}}
)

var krakenRoutes = NewRoutes(krakenTrading, krakenReads(), krakenMessages)

var krakenTrading = []Route{
	{Method: "POST", Path: "/0/private/AddOrder", Op: vedette.OpOrderNew, Fields: krakenOrder},
	{Method: "POST", Path: "/0/private/AddOrderBatch", Op: vedette.OpOrderBatch, Fields: &Fields{Instrument: []string{"pair"}},
		Batch: "orders", Part: vedette.OpOrderNew, Of: krakenOrder},
	{Method: "POST", Path: "/0/private/AmendOrder", Op: vedette.OpOrderAmend, Fields: krakenAmend},
	{Method: "POST", Path: "/0/private/EditOrder", Op: vedette.OpOrderAmend, Fields: krakenAmend},
	{Method: "POST", Path: "/0/private/CancelOrder", Op: vedette.OpOrderCancel, Fields: krakenTarget},
	{Method: "POST", Path: "/0/private/CancelOrderBatch", Op: vedette.OpOrderBatch, Batch: "orders", Part: vedette.OpOrderCancel},
	{Method: "POST", Path: "/0/private/CancelAll", Op: vedette.OpOrderCancelAll},
	{Method: "POST", Path: "/0/private/CancelAllOrdersAfter", Op: vedette.OpOrderCancelAll},

	{Method: "POST", Path: "/0/private/Withdraw", Op: vedette.OpWithdraw, Fields: krakenFunds.to(nil, "key")},
	{Method: "POST", Path: "/0/private/WithdrawCancel", Op: vedette.OpTransfer, Fields: krakenFunds},
	{Method: "POST", Path: "/0/private/WalletTransfer", Op: vedette.OpTransfer, Fields: krakenFunds},
	{Method: "POST", Path: "/0/private/AccountTransfer", Op: vedette.OpTransfer, Fields: krakenFunds},
	{Method: "POST", Path: "/0/private/Earn/Allocate", Op: vedette.OpTransfer, Fields: krakenFunds},
	{Method: "POST", Path: "/0/private/Earn/Deallocate", Op: vedette.OpTransfer, Fields: krakenFunds},
	{Method: "POST", Path: "/0/private/Stake", Op: vedette.OpTransfer, Fields: krakenFunds},
	{Method: "POST", Path: "/0/private/Unstake", Op: vedette.OpTransfer, Fields: krakenFunds},
	{Method: "POST", Path: "/0/private/DepositAddresses", Op: vedette.OpDepositAddress, Fields: krakenRead},
	{Method: "POST", Path: "/0/private/CreateSubaccount", Op: vedette.OpAdmin, Fields: krakenAdmin},
	{Method: "POST", Path: "/0/private/GetWebSocketsToken", Op: vedette.OpAccountRead},
}

// krakenReads are the endpoints that change nothing. Public ones are asked for with
// GET by most clients and with POST by some.
func krakenReads() []Route {
	var routes []Route
	for _, p := range []string{"OpenOrders", "ClosedOrders", "QueryOrders", "OrderAmends", "TradesHistory", "QueryTrades"} {
		routes = append(routes, Route{Method: "POST", Path: "/0/private/" + p, Op: vedette.OpOrderQuery, Fields: krakenRead})
	}
	for _, p := range []string{"Balance", "BalanceEx", "CreditLines", "TradeBalance", "OpenPositions", "Ledgers", "QueryLedgers",
		"TradeVolume", "AddExport", "ExportStatus", "RetrieveExport", "RemoveExport", "GetApiKeyInfo", "ListWalletAccounts",
		"DepositMethods", "DepositStatus", "WithdrawMethods", "WithdrawAddresses", "WithdrawInfo", "WithdrawStatus",
		"Earn/AllocateStatus", "Earn/DeallocateStatus", "Earn/Strategies", "Earn/Allocations"} {
		routes = append(routes, Route{Method: "POST", Path: "/0/private/" + p, Op: vedette.OpAccountRead, Fields: krakenRead})
	}
	routes = append(routes, Route{Method: "POST", Path: "/0/private/Level3", Op: vedette.OpMarketRead, Fields: krakenRead})
	for _, p := range []string{"Time", "SystemStatus", "MaintenanceSchedule", "Assets", "AssetPairs", "Ticker", "OHLC", "Depth",
		"GroupedBook", "Trades", "Spread", "PreTrade", "PostTrade"} {
		routes = append(routes, Route{Path: "/0/public/" + p, Op: vedette.OpMarketRead, Fields: krakenRead})
	}
	// Upgrades to WebSocket.
	for _, p := range []string{"/", "/v2", "/v2/"} {
		routes = append(routes, Route{Method: "GET", Path: p, Op: vedette.OpMarketRead})
	}
	return routes
}

var krakenMessages = []Route{
	{Method: WS, Path: "add_order", Op: vedette.OpOrderNew, Fields: krakenOrder},
	{Method: WS, Path: "amend_order", Op: vedette.OpOrderAmend, Fields: krakenAmend},
	{Method: WS, Path: "edit_order", Op: vedette.OpOrderAmend, Fields: krakenAmend},
	{Method: WS, Path: "cancel_order", Op: vedette.OpOrderCancel, Fields: krakenTarget},
	{Method: WS, Path: "cancel_all", Op: vedette.OpOrderCancelAll},
	{Method: WS, Path: "cancel_all_orders_after", Op: vedette.OpOrderCancelAll},
	{Method: WS, Path: "batch_add", Op: vedette.OpOrderBatch, Fields: &Fields{Instrument: []string{"symbol"}}, Batch: "orders",
		Part: vedette.OpOrderNew, Of: krakenOrder},
	{Method: WS, Path: "batch_cancel", Op: vedette.OpOrderBatch, Batch: "orders", Part: vedette.OpOrderCancel},
	{Method: WS, Path: "addOrder", Op: vedette.OpOrderNew, Fields: krakenOrder},
	{Method: WS, Path: "editOrder", Op: vedette.OpOrderAmend, Fields: krakenAmend},
	{Method: WS, Path: "cancelOrder", Op: vedette.OpOrderCancel, Fields: krakenTarget},
	{Method: WS, Path: "cancelAll", Op: vedette.OpOrderCancelAll},
	{Method: WS, Path: "cancelAllOrdersAfter", Op: vedette.OpOrderCancelAll},
	{Method: WS, Path: "subscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "unsubscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "ping", Op: vedette.OpMarketRead},
	// Subscriptions by channel.
	{Method: WS, Path: "executions", Op: vedette.OpOrderQuery},
	{Method: WS, Path: "openOrders", Op: vedette.OpOrderQuery},
	{Method: WS, Path: "ownTrades", Op: vedette.OpOrderQuery},
	{Method: WS, Path: "balances", Op: vedette.OpAccountRead},
}
