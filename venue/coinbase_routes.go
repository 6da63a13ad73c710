package venue

import "vedette"

// Advanced Trade takes the names of its JSON members and query parameters in snake
// case or camel case: the official clients send either.
var (
	coinbaseOrder = &Fields{Instrument: []string{"product_id", "productId"}, Side: []string{"side"}, ClientID: []string{"client_order_id", "clientOrderId"},
		Quantity: []string{"size"}, Object: []string{"retail_portfolio_id", "retailPortfolioId"}, Refine: coinbaseConfiguration}
	coinbaseAmend = &Fields{Target: []string{"order_id", "orderId"}, Price: []string{"price"}, Quantity: []string{"size"},
		Stop: []string{"stop_price", "stopPrice"}, ClientID: []string{"client_order_id", "clientOrderId"}}
	coinbaseRead = &Fields{Instrument: []string{"product_id", "productId", "product_ids", "productIds"},
		Target: []string{"order_id", "orderId", "order_ids", "orderIds"},
		Object: []string{"retail_portfolio_id", "retailPortfolioId", "portfolio_uuid", "portfolioUuid"}}
	coinbaseMove = &Fields{Asset: []string{"funds.currency", "currency"}, Quantity: []string{"funds.value", "amount", "usd_amount", "usdAmount"},
		Object: []string{"target_portfolio_uuid", "targetPortfolioUuid", "portfolio_uuid", "portfolioUuid"}, Instrument: []string{"symbol"}}
	coinbaseConvert = &Fields{Asset: []string{"from_account", "fromAccount"}, Quantity: []string{"amount"}, Object: []string{"to_account", "toAccount"}}
	coinbaseSend    = &Fields{Asset: []string{"currency"}, Quantity: []string{"amount"}, Address: []string{"to"}, Tag: []string{"destination_tag"}, ClientID: []string{"idem"}, Refine: coinbaseMoney}
	coinbaseFiat    = &Fields{Asset: []string{"currency"}, Quantity: []string{"amount"}, Address: []string{"payment_method"}}
	coinbaseAdmin   = &Fields{Object: []string{"name", "setting"}}
)

const (
	coinbaseV3 = "/api/v3/brokerage"
	coinbaseV2 = "/v2/accounts/{account}"
)

var coinbaseRoutes = NewRoutes(coinbaseAdvanced, coinbaseApp, coinbaseReads())

var coinbaseAdvanced = []Route{
	{Method: "POST", Path: coinbaseV3 + "/orders", Op: vedette.OpOrderNew, Fields: coinbaseOrder},
	{Method: "POST", Path: coinbaseV3 + "/orders/preview", Op: vedette.OpOrderQuery, Fields: coinbaseOrder},
	{Method: "POST", Path: coinbaseV3 + "/orders/edit", Op: vedette.OpOrderAmend, Fields: coinbaseAmend},
	{Method: "POST", Path: coinbaseV3 + "/orders/edit_preview", Op: vedette.OpOrderQuery, Fields: coinbaseAmend},
	{Method: "POST", Path: coinbaseV3 + "/orders/batch_cancel", Op: vedette.OpOrderBatch, Batch: "order_ids", Part: vedette.OpOrderCancel},
	{Method: "POST", Path: coinbaseV3 + "/orders/close_position", Op: vedette.OpOrderNew, Fields: coinbaseOrder},
	{Method: "POST", Path: coinbaseV3 + "/convert/quote", Op: vedette.OpOrderQuery, Fields: coinbaseConvert},
	{Method: "POST", Path: coinbaseV3 + "/convert/trade/{order}", Op: vedette.OpOrderNew, Fields: coinbaseConvert},
	{Method: "POST", Path: coinbaseV3 + "/portfolios/move_funds", Op: vedette.OpTransfer, Fields: coinbaseMove},
	{Method: "POST", Path: coinbaseV3 + "/intx/allocate", Op: vedette.OpTransfer, Fields: coinbaseMove},
	{Method: "POST", Path: coinbaseV3 + "/cfm/sweeps/schedule", Op: vedette.OpTransfer, Fields: coinbaseMove},
	{Method: "DELETE", Path: coinbaseV3 + "/cfm/sweeps", Op: vedette.OpTransfer},
	{Method: "POST", Path: coinbaseV3 + "/portfolios", Op: vedette.OpAdmin, Fields: coinbaseAdmin},
	{Method: "PUT", Path: coinbaseV3 + "/portfolios/{account}", Op: vedette.OpAdmin},
	{Method: "DELETE", Path: coinbaseV3 + "/portfolios/{account}", Op: vedette.OpAdmin},
	{Method: "POST", Path: coinbaseV3 + "/cfm/intraday/margin_setting", Op: vedette.OpSetting, Fields: coinbaseAdmin},
	{Method: "POST", Path: coinbaseV3 + "/intx/multi_asset_collateral", Op: vedette.OpAdmin},

	{Method: WS, Path: "subscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "unsubscribe", Op: vedette.OpMarketRead},
}

var coinbaseApp = []Route{
	{Method: "POST", Path: coinbaseV2 + "/transactions", Op: vedette.OpWithdraw, Fields: coinbaseSend},
	{Method: "POST", Path: coinbaseV2 + "/transactions/{object}/complete", Op: vedette.OpTransfer},
	{Method: "POST", Path: coinbaseV2 + "/transactions/{object}/resend", Op: vedette.OpTransfer},
	{Method: "DELETE", Path: coinbaseV2 + "/transactions/{object}", Op: vedette.OpTransfer},
	{Method: "POST", Path: coinbaseV2 + "/withdrawals", Op: vedette.OpWithdraw, Fields: coinbaseFiat},
	{Method: "POST", Path: coinbaseV2 + "/withdrawals/{object}/commit", Op: vedette.OpWithdraw},
	{Method: "POST", Path: coinbaseV2 + "/deposits", Op: vedette.OpTransfer, Fields: coinbaseFiat},
	{Method: "POST", Path: coinbaseV2 + "/deposits/{object}/commit", Op: vedette.OpTransfer},
	{Method: "POST", Path: coinbaseV2 + "/buys", Op: vedette.OpOrderNew, Fields: coinbaseFiat},
	{Method: "POST", Path: coinbaseV2 + "/buys/{order}/commit", Op: vedette.OpOrderNew},
	{Method: "POST", Path: coinbaseV2 + "/sells", Op: vedette.OpOrderNew, Fields: coinbaseFiat},
	{Method: "POST", Path: coinbaseV2 + "/sells/{order}/commit", Op: vedette.OpOrderNew},
	{Method: "POST", Path: coinbaseV2 + "/addresses", Op: vedette.OpDepositAddress},
	{Method: "GET", Path: coinbaseV2 + "/addresses", Op: vedette.OpDepositAddress},
	{Method: "GET", Path: coinbaseV2 + "/addresses/{object}", Op: vedette.OpDepositAddress},
	{Method: "POST", Path: "/v2/accounts", Op: vedette.OpAdmin, Fields: coinbaseAdmin},
	{Method: "POST", Path: coinbaseV2 + "/primary", Op: vedette.OpAdmin},
	{Method: "PUT", Path: coinbaseV2, Op: vedette.OpAdmin},
	{Method: "DELETE", Path: coinbaseV2, Op: vedette.OpAdmin},
	{Method: "PUT", Path: "/v2/user", Op: vedette.OpAdmin},
}

func coinbaseReads() []Route {
	var routes []Route
	add := func(op vedette.Operation, paths ...string) {
		for _, p := range paths {
			routes = append(routes, Route{Method: "GET", Path: p, Op: op, Fields: coinbaseRead})
		}
	}
	add(vedette.OpOrderQuery, coinbaseV3+"/orders/historical/batch", coinbaseV3+"/orders/historical/fills",
		coinbaseV3+"/orders/historical/{order}", coinbaseV3+"/convert/trade/{order}", coinbaseV2+"/buys", coinbaseV2+"/buys/{order}",
		coinbaseV2+"/sells", coinbaseV2+"/sells/{order}")
	add(vedette.OpMarketRead, "/", coinbaseV3+"/time", coinbaseV3+"/market/*", coinbaseV3+"/products", coinbaseV3+"/products/{instrument}",
		coinbaseV3+"/products/{instrument}/*", coinbaseV3+"/best_bid_ask", coinbaseV3+"/product_book",
		"/v2/currencies", "/v2/currencies/crypto", "/v2/exchange-rates", "/v2/prices/{instrument}/{}", "/v2/time")
	add(vedette.OpAccountRead, coinbaseV3+"/*", "/v2/accounts", coinbaseV2, coinbaseV2+"/*", "/v2/user", "/v2/user/auth", "/v2/users/{object}",
		"/v2/payment-methods", "/v2/payment-methods/{object}", "/v2/subscriptions/*")
	return routes
}
