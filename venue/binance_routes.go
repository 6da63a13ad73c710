package venue

import (
	"slices"

	"vedette"
)

var (
	binanceOrder = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"side"}, Type: []string{"type", "orderType", "strategyType"},
		TIF: []string{"timeInForce"}, Price: []string{"price", "workingPrice"}, Stop: []string{"stopPrice", "triggerPrice", "belowStopPrice"},
		Quantity: []string{"quantity", "newQty", "quoteOrderQty", "workingQuantity"}, ReduceOnly: []string{"reduceOnly"},
		ClientID: []string{"newClientOrderId", "clientAlgoId", "newClientStrategyId", "listClientOrderId"},
		Target:   []string{"orderId", "origClientOrderId", "cancelOrderId", "cancelOrigClientOrderId", "orderListId", "algoId"},
	}
	// binanceReplaced is the order that cancelReplace cancels. With ALLOW_FAILURE it places the
	// other one even if there is nothing to cancel.
	binanceReplaced = &Fields{Instrument: []string{"symbol"}, Target: []string{"cancelOrderId", "cancelOrigClientOrderId"}}
	binanceCapital  = &Fields{
		Asset: []string{"coin", "asset"}, Address: []string{"address"}, Quantity: []string{"amount"},
		ClientID: []string{"withdrawOrderId", "clientTranId"},
		Object:   []string{"toEmail", "toAccount", "email", "fromEmail", "subAccountId"}, Instrument: []string{"symbol"},
	}
	binanceWithdraw = binanceCapital.to([]string{"addressTag"}, "address")
	binanceFiat     = binanceCapital.to(nil, "accountInfo", "bankAccount")
	binanceRead     = &Fields{Instrument: []string{"symbol"}, Target: []string{"orderId", "origClientOrderId"}, Asset: []string{"asset", "coin"},
		Object: []string{"email", "subAccountId"}}
	binanceKeys = &Fields{Object: []string{"subAccountId", "email", "subAccountApiKey"}}
)

var binanceRoutes = NewRoutes(binanceSpot, binanceSAPI, binanceFutures("/fapi/v1"), binanceFutures("/dapi/v1"), binanceMore, binancePortfolio(), binanceEarn(), binanceRest(), binanceWS)

var binanceSpot = []Route{
	{Method: "POST", Path: "/api/v3/order", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: "POST", Path: "/api/v3/order/test", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: "GET", Path: "/api/v3/order", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: "DELETE", Path: "/api/v3/order", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	replace("POST", "/api/v3/order/cancelReplace", binanceReplaced, binanceOrder),
	{Method: "PUT", Path: "/api/v3/order/amend/keepPriority", Op: vedette.OpOrderAmend, Fields: binanceOrder},
	{Method: "GET", Path: "/api/v3/order/amendments", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: "GET", Path: "/api/v3/openOrders", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "DELETE", Path: "/api/v3/openOrders", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/allOrders", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "POST", Path: "/api/v3/order/oco", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: "POST", Path: "/api/v3/orderList/{}", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: "DELETE", Path: "/api/v3/orderList", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	{Method: "GET", Path: "/api/v3/orderList", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: "GET", Path: "/api/v3/allOrderList", Op: vedette.OpOrderQuery},
	{Method: "GET", Path: "/api/v3/openOrderList", Op: vedette.OpOrderQuery},
	{Method: "POST", Path: "/api/v3/sor/order", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: "POST", Path: "/api/v3/sor/order/test", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: "GET", Path: "/api/v3/account", Op: vedette.OpAccountRead},
	{Method: "GET", Path: "/api/v3/account/commission", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/myTrades", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/myPreventedMatches", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/myAllocations", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/myFilters", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/rateLimit/order", Op: vedette.OpAccountRead},
	{Method: "POST", Path: "/api/v3/userDataStream", Op: vedette.OpAccountRead, Note: "key"},
	{Method: "PUT", Path: "/api/v3/userDataStream", Op: vedette.OpAccountRead, Note: "key"},
	{Method: "DELETE", Path: "/api/v3/userDataStream", Op: vedette.OpSessionLogout, Note: "key"},
	{Method: "GET", Path: "/api/v3/ping", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/api/v3/time", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/api/v3/exchangeInfo", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/depth", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/trades", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/historicalTrades", Op: vedette.OpMarketRead, Fields: binanceRead, Note: "key"},
	{Method: "GET", Path: "/api/v3/aggTrades", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/klines", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/uiKlines", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/avgPrice", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/ticker", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "GET", Path: "/api/v3/ticker/{}", Op: vedette.OpMarketRead, Fields: binanceRead},
	// Streams: a WebSocket upgrade; the last segment may be a listenKey.
	{Method: "GET", Path: "/ws", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/ws/*", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/stream", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/ws-api/v3", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/ws-fapi/v1", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/ws-dapi/v1", Op: vedette.OpMarketRead},
}

var binanceSAPI = []Route{
	{Method: "POST", Path: "/sapi/v1/capital/withdraw/apply", Op: vedette.OpWithdraw, Fields: binanceWithdraw},
	{Method: "GET", Path: "/sapi/v1/capital/withdraw/*", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "POST", Path: "/sapi/v1/localentity/withdraw/apply", Op: vedette.OpWithdraw, Fields: binanceWithdraw},
	{Method: "POST", Path: "/sapi/v1/fiat/withdraw", Op: vedette.OpWithdraw, Fields: binanceFiat},
	{Method: "GET", Path: "/sapi/v1/capital/deposit/address", Op: vedette.OpDepositAddress, Fields: binanceRead},
	{Method: "GET", Path: "/sapi/v1/capital/deposit/address/list", Op: vedette.OpDepositAddress, Fields: binanceRead},
	{Method: "GET", Path: "/sapi/v1/capital/deposit/{}", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "GET", Path: "/sapi/v1/capital/*", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "POST", Path: "/sapi/v1/asset/transfer", Op: vedette.OpTransfer, Fields: binanceCapital},
	{Method: "GET", Path: "/sapi/v1/asset/*", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "POST", Path: "/sapi/v1/asset/dust", Op: vedette.OpTransfer, Fields: binanceCapital},
	{Method: "POST", Path: "/sapi/v3/asset/getUserAsset", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "POST", Path: "/sapi/v1/sub-account/universalTransfer", Op: vedette.OpTransfer, Fields: binanceCapital},
	{Method: "POST", Path: "/sapi/v1/sub-account/transfer/{}", Op: vedette.OpTransfer, Fields: binanceCapital},
	{Method: "POST", Path: "/sapi/v1/sub-account/{}/transfer", Op: vedette.OpTransfer, Fields: binanceCapital},
	{Method: "POST", Path: "/sapi/v1/sub-account/subAccountApi/ipRestriction", Op: vedette.OpAllowlistChange, Fields: binanceKeys},
	{Method: "DELETE", Path: "/sapi/v1/sub-account/subAccountApi/ipRestriction/ipList", Op: vedette.OpAllowlistChange, Fields: binanceKeys},
	{Method: "POST", Path: "/sapi/v2/sub-account/subAccountApi/ipRestriction", Op: vedette.OpAllowlistChange, Fields: binanceKeys},
	{Method: "GET", Path: "/sapi/v1/sub-account/*", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "POST", Path: "/sapi/v1/sub-account/*", Op: vedette.OpAdmin, Fields: binanceKeys},
	{Method: "POST", Path: "/sapi/v1/broker/subAccountApi", Op: vedette.OpKeyCreate, Fields: binanceKeys},
	{Method: "DELETE", Path: "/sapi/v1/broker/subAccountApi", Op: vedette.OpKeyDelete, Fields: binanceKeys},
	{Method: "POST", Path: "/sapi/v1/broker/subAccountApi/permission", Op: vedette.OpKeyChange, Fields: binanceKeys},
	{Method: "POST", Path: "/sapi/v1/broker/subAccountApi/permission/{}", Op: vedette.OpKeyChange, Fields: binanceKeys},
	{Method: "POST", Path: "/sapi/v1/broker/subAccountApi/ipRestriction", Op: vedette.OpAllowlistChange, Fields: binanceKeys},
	{Method: "POST", Path: "/sapi/v1/broker/transfer", Op: vedette.OpTransfer, Fields: binanceCapital},
	{Method: "POST", Path: "/sapi/v1/broker/*", Op: vedette.OpAdmin, Fields: binanceKeys},
	{Method: "GET", Path: "/sapi/v1/broker/*", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "GET", Path: "/sapi/v1/system/status", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/sapi/v1/account/*", Op: vedette.OpAccountRead},
	{Method: "POST", Path: "/sapi/v1/account/enableFastWithdrawSwitch", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/sapi/v1/account/disableFastWithdrawSwitch", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/sapi/v1/margin/order", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: "GET", Path: "/sapi/v1/margin/order", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: "DELETE", Path: "/sapi/v1/margin/order", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	{Method: "DELETE", Path: "/sapi/v1/margin/openOrders", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
	{Method: "POST", Path: "/sapi/v1/margin/order/oco", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: "DELETE", Path: "/sapi/v1/margin/orderList", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	{Method: "GET", Path: "/sapi/v1/margin/openOrders", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "GET", Path: "/sapi/v1/margin/allOrders", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "GET", Path: "/sapi/v1/margin/myTrades", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "POST", Path: "/sapi/v1/margin/transfer", Op: vedette.OpTransfer, Fields: binanceCapital},
	{Method: "POST", Path: "/sapi/v1/margin/borrow-repay", Op: vedette.OpTransfer, Fields: binanceCapital},
	{Method: "POST", Path: "/sapi/v1/margin/apiKey", Op: vedette.OpKeyCreate},
	{Method: "DELETE", Path: "/sapi/v1/margin/apiKey", Op: vedette.OpKeyDelete},
	{Method: "PUT", Path: "/sapi/v1/margin/apiKey/ip", Op: vedette.OpAllowlistChange},
	{Method: "GET", Path: "/sapi/v1/margin/*", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "POST", Path: "/sapi/v1/futures/transfer", Op: vedette.OpTransfer, Fields: binanceCapital},
	{Method: "POST", Path: "/sapi/v1/userDataStream", Op: vedette.OpAccountRead, Note: "key"},
	{Method: "PUT", Path: "/sapi/v1/userDataStream", Op: vedette.OpAccountRead, Note: "key"},
	{Method: "POST", Path: "/sapi/v1/convert/acceptQuote", Op: vedette.OpOrderNew, Fields: binanceCapital},
	{Method: "POST", Path: "/sapi/v1/convert/getQuote", Op: vedette.OpOrderQuery, Fields: binanceCapital},
	{Method: "GET", Path: "/sapi/*", Op: vedette.OpAccountRead, Fields: binanceRead},
}

// binanceFutures are the endpoints that the USD-M and COIN-M futures share.
func binanceFutures(base string) []Route {
	routes := []Route{
		{Method: "POST", Path: "/order", Op: vedette.OpOrderNew, Fields: binanceOrder},
		{Method: "PUT", Path: "/order", Op: vedette.OpOrderAmend, Fields: binanceOrder},
		{Method: "GET", Path: "/order", Op: vedette.OpOrderQuery, Fields: binanceOrder},
		{Method: "DELETE", Path: "/order", Op: vedette.OpOrderCancel, Fields: binanceOrder},
		{Method: "POST", Path: "/order/test", Op: vedette.OpOrderQuery, Fields: binanceOrder},
		{Method: "POST", Path: "/batchOrders", Op: vedette.OpOrderBatch, Batch: "batchOrders", Part: vedette.OpOrderNew, Of: binanceOrder},
		{Method: "PUT", Path: "/batchOrders", Op: vedette.OpOrderBatch, Batch: "batchOrders", Part: vedette.OpOrderAmend, Of: binanceOrder},
		{Method: "DELETE", Path: "/batchOrders", Op: vedette.OpOrderBatch, Fields: binanceRead, Batch: "orderIdList", Part: vedette.OpOrderCancel},
		{Method: "DELETE", Path: "/allOpenOrders", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
		{Method: "POST", Path: "/countdownCancelAll", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
		{Method: "POST", Path: "/algoOrder", Op: vedette.OpOrderNew, Fields: binanceOrder},
		{Method: "DELETE", Path: "/algoOrder", Op: vedette.OpOrderCancel, Fields: binanceOrder},
		{Method: "DELETE", Path: "/algoOpenOrders", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
		{Method: "POST", Path: "/leverage", Op: vedette.OpSetting, Fields: binanceRead},
		{Method: "POST", Path: "/marginType", Op: vedette.OpSetting, Fields: binanceRead},
		{Method: "POST", Path: "/positionMargin", Op: vedette.OpTransfer, Fields: binanceRead},
		{Method: "POST", Path: "/positionSide/dual", Op: vedette.OpSetting},
		{Method: "POST", Path: "/listenKey", Op: vedette.OpAccountRead, Note: "key"},
		{Method: "PUT", Path: "/listenKey", Op: vedette.OpAccountRead, Note: "key"},
		{Method: "DELETE", Path: "/listenKey", Op: vedette.OpSessionLogout, Note: "key"},
	}
	for _, p := range []string{"openOrder", "openOrders", "allOrders", "userTrades", "orderAmendment", "forceOrders", "algoOrder", "openAlgoOrders", "allAlgoOrders"} {
		routes = append(routes, Route{Method: "GET", Path: "/" + p, Op: vedette.OpOrderQuery, Fields: binanceRead})
	}
	for _, p := range []string{"account", "balance", "positionRisk", "income", "leverageBracket", "commissionRate", "adlQuantile", "positionSide/dual",
		"positionMargin/history", "accountConfig", "symbolConfig", "rateLimit/order", "multiAssetsMargin", "feeBurn", "apiTradingStatus"} {
		routes = append(routes, Route{Method: "GET", Path: "/" + p, Op: vedette.OpAccountRead, Fields: binanceRead})
	}
	for _, p := range []string{"ping", "time", "exchangeInfo", "depth", "trades", "aggTrades", "klines", "continuousKlines", "indexPriceKlines",
		"markPriceKlines", "premiumIndex", "fundingRate", "fundingInfo", "openInterest", "ticker/24hr", "ticker/price", "ticker/bookTicker",
		"indexInfo", "assetIndex", "constituents", "historicalTrades"} {
		routes = append(routes, Route{Method: "GET", Path: "/" + p, Op: vedette.OpMarketRead, Fields: binanceRead})
	}
	for i := range routes {
		routes[i].Path = base + routes[i].Path
	}
	return routes
}

var binanceMore = []Route{
	{Method: "GET", Path: "/fapi/v2/{}", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "GET", Path: "/fapi/v3/{}", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "GET", Path: "/fapi/v2/ticker/price", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "GET", Path: "/futures/data/*", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "POST", Path: "/eapi/v1/order", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: "GET", Path: "/eapi/v1/order", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: "DELETE", Path: "/eapi/v1/order", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	{Method: "POST", Path: "/eapi/v1/batchOrders", Op: vedette.OpOrderBatch, Batch: "orders", Part: vedette.OpOrderNew, Of: binanceOrder},
	{Method: "DELETE", Path: "/eapi/v1/batchOrders", Op: vedette.OpOrderBatch, Fields: binanceRead, Batch: "orderIds", Part: vedette.OpOrderCancel},
	{Method: "DELETE", Path: "/eapi/v1/allOpenOrders", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
	{Method: "DELETE", Path: "/eapi/v1/allOpenOrdersByUnderlying", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
	{Method: "POST", Path: "/eapi/v1/listenKey", Op: vedette.OpAccountRead, Note: "key"},
	{Method: "GET", Path: "/eapi/v1/openOrders", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "GET", Path: "/eapi/v1/historyOrders", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "GET", Path: "/eapi/v1/userTrades", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "GET", Path: "/eapi/v1/position", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "GET", Path: "/eapi/v1/marginAccount", Op: vedette.OpAccountRead},
	{Method: "GET", Path: "/eapi/v1/*", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: "POST", Path: "/papi/v1/{}/order", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: "PUT", Path: "/papi/v1/{}/order", Op: vedette.OpOrderAmend, Fields: binanceOrder},
	{Method: "DELETE", Path: "/papi/v1/{}/order", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	{Method: "POST", Path: "/papi/v1/{}/conditional/order", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: "DELETE", Path: "/papi/v1/{}/conditional/order", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	{Method: "DELETE", Path: "/papi/v1/{}/allOpenOrders", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
	{Method: "DELETE", Path: "/papi/v1/margin/allOpenOrders", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
	{Method: "GET", Path: "/papi/v1/{}/{}", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: "GET", Path: "/papi/v1/{}", Op: vedette.OpAccountRead, Fields: binanceRead},
	{Method: "POST", Path: "/papi/v1/listenKey", Op: vedette.OpAccountRead, Note: "key"},
}

// binancePortfolio is what the portfolio margin account has of its own.
func binancePortfolio() []Route {
	const papi = "/papi/v1/"
	return slices.Concat(
		family("DELETE", papi, vedette.OpOrderCancelAll, binanceRead, "{}/conditional/allOpenOrders um/algo/allOpenOrders"),
		family("DELETE", papi, vedette.OpOrderCancel, binanceOrder, "margin/orderList um/algo/order"),
		family("POST", papi, vedette.OpOrderNew, binanceOrder, "margin/order/oco um/algo/order"),
		family("GET", papi, vedette.OpOrderQuery, binanceRead, "{}/conditional/{} um/algo/{} um/order/* um/trade/* um/income/*"),
		family("GET", papi, vedette.OpAccountRead, binanceRead, "{}/positionSide/dual"),
		family("GET", "/papi/v2/", vedette.OpAccountRead, binanceRead, "um/account"),
		family("POST", papi, vedette.OpTransfer, binanceCapital, "asset-collection auto-collection bnb-transfer margin/repay-debt marginLoan repayLoan repay-futures-negative-balance"),
		family("POST", papi, vedette.OpSetting, binanceRead, "{}/leverage {}/positionSide/dual um/feeBurn repay-futures-switch um/stock/contract"),
		keyed(family("PUT", papi, vedette.OpAccountRead, nil, "listenKey")),
		keyed(family("DELETE", papi, vedette.OpSessionLogout, nil, "listenKey")),
	)
}

// keyed marks routes that ask for the key alone.
func keyed(routes []Route) []Route {
	for i := range routes {
		routes[i].Note = "key"
	}
	return routes
}

// binanceEarn are the products that take assets in and give them back.
func binanceEarn() []Route {
	const v1, v2 = "/sapi/v1/", "/sapi/v2/"
	return slices.Concat(
		family("POST", v1, vedette.OpTransfer, binanceCapital, "asset/convert-transfer asset/dust-convert/convert bfusd/redeem bfusd/subscribe blvt/redeem blvt/subscribe bswap/liquidityAdd bswap/liquidityRemove dci/product/subscribe eth-staking/eth/redeem eth-staking/eth/stake eth-staking/wbeth/wrap giftcard/buyCode giftcard/createCode giftcard/redeemCode lending/auto-invest/one-off lending/auto-invest/redeem lending/customizedFixed/purchase lending/positionChanged loan/adjust/ltv loan/borrow loan/repay loan/vip/borrow loan/vip/fixed/borrow loan/vip/renew loan/vip/repay managed-subaccount/deposit managed-subaccount/withdraw margin/exchange-small-liability margin/isolated/transfer margin/liquidation-loan/repay margin/loan-group/borrow margin/loan-group/repay margin/loan-group/transfer-out onchain-yields/locked/redeem onchain-yields/locked/subscribe portfolio/asset-collection portfolio/auto-collection portfolio/bnb-transfer portfolio/earn-asset-transfer portfolio/mint portfolio/redeem portfolio/repay portfolio/repay-futures-negative-balance rwusd/redeem rwusd/subscribe simple-earn/flexible/redeem simple-earn/flexible/subscribe simple-earn/locked/redeem simple-earn/locked/subscribe sol-staking/sol/claim sol-staking/sol/redeem sol-staking/sol/stake"),
		family("POST", v2, vedette.OpTransfer, binanceCapital, "eth-staking/eth/stake loan/flexible/adjust/ltv loan/flexible/borrow loan/flexible/repay loan/flexible/repay/collateral"),
		family("POST", v1, vedette.OpAdmin, binanceRead, "bnbBurn dci/product/auto_compound/edit-status lending/auto-invest/plan/add lending/auto-invest/plan/edit lending/auto-invest/plan/edit-status loan/customize/margin_call margin/exit-special-key-mode margin/isolated/account margin/loan-group/edit-member margin/max-leverage onchain-yields/locked/setAutoSubscribe onchain-yields/locked/setRedeemOption portfolio/delta-mode portfolio/margin-call-level portfolio/repay-futures-switch simple-earn/flexible/setAutoSubscribe simple-earn/locked/setAutoSubscribe simple-earn/locked/setRedeemOption"),
		family("DELETE", v1, vedette.OpAdmin, binanceRead, "margin/isolated/account margin/loan-group portfolio/margin-call-level"),
		family("POST", v1, vedette.OpAccountRead, binanceRead, "asset/dust-btc asset/get-funding-asset asset/dust-convert/query-convertible-assets"),
	)
}

// binanceRest is what fits nowhere else.
func binanceRest() []Route {
	const v1 = "/sapi/v1/"
	return slices.Concat(
		family("POST", v1, vedette.OpOrderNew, binanceOrder, "algo/futures/newOrderTwap algo/futures/newOrderVp algo/spot/newOrderTwap margin/order/oto margin/order/otoco convert/limit/placeOrder margin/manual-liquidation"),
		family("DELETE", v1, vedette.OpOrderCancel, binanceOrder, "algo/futures/order algo/spot/order"),
		family("POST", v1, vedette.OpOrderCancel, binanceOrder, "convert/limit/cancelOrder"),
		family("POST", "/sapi/v2/", vedette.OpWithdraw, binanceFiat, "fiat/withdraw"),
		family("DELETE", v1, vedette.OpAdmin, binanceKeys, "broker/subAccount"),
		family("DELETE", v1, vedette.OpAllowlistChange, binanceKeys, "broker/subAccountApi/ipRestriction/ipList"),
		family("POST", "/sapi/v2/", vedette.OpAllowlistChange, binanceKeys, "broker/subAccountApi/ipRestriction"),
		keyed(family("POST", v1, vedette.OpAccountRead, nil, "userDataStream/isolated margin/listen-key")),
		keyed(family("PUT", v1, vedette.OpAccountRead, nil, "userDataStream/isolated margin/listen-key")),
		keyed(family("DELETE", v1, vedette.OpSessionLogout, nil, "userDataStream userDataStream/isolated margin/listen-key")),
		family("POST", v1, vedette.OpAccountRead, nil, "userListenToken"),
		family("GET", "/api/v3/", vedette.OpMarketRead, binanceRead, "executionRules historicalBlockTrades referencePrice referencePrice/calculation"),
		family("GET", "/fapi/v1/", vedette.OpAccountRead, binanceRead, "pmAccountInfo income/asyn income/asyn/id order/asyn order/asyn/id trade/asyn trade/asyn/id apiReferral/* convert/orderStatus symbolAdlRisk"),
		family("GET", "/dapi/v1/", vedette.OpAccountRead, binanceRead, "pmAccountInfo income/asyn income/asyn/id order/asyn order/asyn/id trade/asyn trade/asyn/id apiReferral/*"),
		family("GET", "/dapi/v2/", vedette.OpAccountRead, binanceRead, "leverageBracket"),
		family("GET", "/fapi/v1/", vedette.OpMarketRead, binanceRead, "convert/exchangeInfo insuranceBalance lvtKlines premiumIndexKlines rpiDepth tradingSchedule"),
		family("GET", "/dapi/v1/", vedette.OpMarketRead, binanceRead, "pmExchangeInfo premiumIndexKlines"),
		family("POST", "/fapi/v1/", vedette.OpOrderQuery, binanceCapital, "convert/getQuote"),
		family("POST", "/fapi/v1/", vedette.OpOrderNew, binanceCapital, "convert/acceptQuote"),
		family("POST", "/fapi/v1/", vedette.OpSetting, binanceRead, "feeBurn multiAssetsMargin stock/contract apiReferral/customization"),
		family("POST", "/dapi/v1/", vedette.OpAdmin, binanceRead, "apiReferral/customization"),
		family("PUT", "/fapi/v1/", vedette.OpOrderAmend, binanceOrder, "order/amend/keepPriority"),
		family("GET", "/bapi/defi/v1/public/", vedette.OpMarketRead, binanceRead, "*"),
	)
}

var binanceWS = []Route{
	{Method: WS, Path: "session.logon", Op: vedette.OpSessionLogin},
	{Method: WS, Path: "session.status", Op: vedette.OpAccountRead},
	{Method: WS, Path: "session.logout", Op: vedette.OpSessionLogout},
	{Method: WS, Path: "order.place", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: WS, Path: "order.test", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: WS, Path: "order.status", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: WS, Path: "order.cancel", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	{Method: WS, Path: "order.modify", Op: vedette.OpOrderAmend, Fields: binanceOrder},
	replace(WS, "order.cancelReplace", binanceReplaced, binanceOrder),
	{Method: WS, Path: "order.amend.keepPriority", Op: vedette.OpOrderAmend, Fields: binanceOrder},
	{Method: WS, Path: "order.amendments", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: WS, Path: "openOrders.status", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: WS, Path: "openOrders.cancelAll", Op: vedette.OpOrderCancelAll, Fields: binanceRead},
	{Method: WS, Path: "orderList.place", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: WS, Path: "orderList.place.oco", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: WS, Path: "orderList.place.oto", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: WS, Path: "orderList.place.otoco", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: WS, Path: "orderList.status", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: WS, Path: "orderList.cancel", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	{Method: WS, Path: "openOrderLists.status", Op: vedette.OpOrderQuery},
	{Method: WS, Path: "sor.order.place", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: WS, Path: "sor.order.test", Op: vedette.OpOrderQuery, Fields: binanceOrder},
	{Method: WS, Path: "algoOrder.place", Op: vedette.OpOrderNew, Fields: binanceOrder},
	{Method: WS, Path: "algoOrder.cancel", Op: vedette.OpOrderCancel, Fields: binanceOrder},
	{Method: WS, Path: "account.status", Op: vedette.OpAccountRead},
	{Method: WS, Path: "account.balance", Op: vedette.OpAccountRead},
	{Method: WS, Path: "account.position", Op: vedette.OpAccountRead},
	{Method: WS, Path: "account.commission", Op: vedette.OpAccountRead},
	{Method: WS, Path: "account.rateLimits.orders", Op: vedette.OpAccountRead},
	{Method: WS, Path: "v2/account.status", Op: vedette.OpAccountRead},
	{Method: WS, Path: "v2/account.balance", Op: vedette.OpAccountRead},
	{Method: WS, Path: "v2/account.position", Op: vedette.OpAccountRead},
	{Method: WS, Path: "allOrders", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: WS, Path: "allOrderLists", Op: vedette.OpOrderQuery},
	{Method: WS, Path: "myTrades", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: WS, Path: "myPreventedMatches", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: WS, Path: "myAllocations", Op: vedette.OpOrderQuery, Fields: binanceRead},
	{Method: WS, Path: "userDataStream.start", Op: vedette.OpAccountRead, Note: "key"},
	{Method: WS, Path: "userDataStream.ping", Op: vedette.OpAccountRead, Note: "key"},
	{Method: WS, Path: "userDataStream.stop", Op: vedette.OpSessionLogout, Note: "key"},
	{Method: WS, Path: "userDataStream.subscribe", Op: vedette.OpAccountRead},
	{Method: WS, Path: "userDataStream.subscribe.signature", Op: vedette.OpAccountRead},
	{Method: WS, Path: "userDataStream.unsubscribe", Op: vedette.OpAccountRead},
	{Method: WS, Path: "session.subscriptions", Op: vedette.OpAccountRead},
	{Method: WS, Path: "ping", Op: vedette.OpMarketRead},
	{Method: WS, Path: "time", Op: vedette.OpMarketRead},
	{Method: WS, Path: "exchangeInfo", Op: vedette.OpMarketRead},
	{Method: WS, Path: "depth", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "trades.recent", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "trades.historical", Op: vedette.OpMarketRead, Fields: binanceRead, Note: "key"},
	{Method: WS, Path: "trades.aggregate", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "klines", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "uiKlines", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "avgPrice", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "ticker", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "ticker.24hr", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "ticker.tradingDay", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "ticker.price", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "ticker.book", Op: vedette.OpMarketRead, Fields: binanceRead},
	{Method: WS, Path: "SUBSCRIBE", Op: vedette.OpMarketRead},
	{Method: WS, Path: "UNSUBSCRIBE", Op: vedette.OpMarketRead},
	{Method: WS, Path: "LIST_SUBSCRIPTIONS", Op: vedette.OpMarketRead},
	{Method: WS, Path: "SET_PROPERTY", Op: vedette.OpMarketRead},
	{Method: WS, Path: "GET_PROPERTY", Op: vedette.OpMarketRead},
}
