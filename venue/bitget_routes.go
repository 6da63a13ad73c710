package venue

import (
	"slices"

	"vedette"
)

var (
	// bitgetOrder also reaches into the params of a v2 trade message.
	bitgetOrder = &Fields{
		Instrument: []string{"symbol", "instId"}, Side: []string{"side", "params.side"}, Type: []string{"orderType", "params.orderType"},
		TIF:      []string{"force", "timeInForce", "params.force"},
		Price:    []string{"price", "executePrice", "params.price", "slLimitPrice", "tpLimitPrice"},
		Stop:     []string{"triggerPrice", "stopLoss", "takeProfit", "stopLossTriggerPrice", "stopSurplusTriggerPrice"},
		Quantity: []string{"size", "qty", "params.size"}, ReduceOnly: []string{"reduceOnly", "params.reduceOnly"},
		ClientID: []string{"clientOid", "newClientOid", "params.clientOid"}, Refine: bitgetRefine,
	}
	bitgetTarget = &Fields{
		Instrument: []string{"symbol", "instId"}, Target: []string{"orderId", "clientOid", "params.orderId", "params.clientOid"},
		Price: []string{"newPrice", "price"}, Quantity: []string{"newSize", "qty", "size"}, Stop: []string{"newTriggerPrice", "triggerPrice"},
		ClientID: []string{"newClientOid"},
	}
	bitgetSymbol  = &Fields{Instrument: []string{"symbol", "instId"}}
	bitgetClose   = &Fields{Instrument: []string{"symbol"}, Side: []string{"side"}, Quantity: []string{"size"}, ClientID: []string{"clientOid"}, Refine: marketReduce}
	bitgetCapital = &Fields{
		Asset: []string{"coin", "fromCoin"}, Address: []string{"address"}, Quantity: []string{"size", "amount", "fromCoinSize", "fromCoinAmount"},
		ClientID: []string{"clientOid"}, Object: []string{"toUserId", "toUid", "subUid", "subAccountUid", "orderId"}, Instrument: []string{"symbol"},
	}
	bitgetWithdraw = bitgetCapital.to([]string{"tag", "areaCode"}, "address")
	bitgetRead     = &Fields{Instrument: []string{"symbol"}, Target: []string{"orderId", "clientOid"}, Asset: []string{"coin"}, Object: []string{"subUid", "subAccountUid"}}
	bitgetKeys     = &Fields{Object: []string{"subAccountApiKey", "apiKey", "subAccountUid", "subUid", "subaccountName", "username"}}
)

// bitgetRefine makes a stop of a plan order, but not of an order that merely carries
// a take-profit or stop-loss for later.
func bitgetRefine(v Values, a *vedette.Action) {
	if a.StopPrice.Sign() > 0 && (v.Get("triggerPrice") != "" || a.Quantity.Sign() == 0 || a.Type == vedette.TypeNone) {
		if a.Price.Sign() > 0 {
			a.Type = vedette.StopLimit
		} else {
			a.Type = vedette.Stop
		}
	}
}

var bitgetRoutes = NewRoutes(bitgetSpot(), bitgetMix(), bitgetUnified(), bitgetMore(), bitgetWS())

// fields gives routes the fields that stand outside their parts.
func fields(f *Fields, routes []Route) []Route {
	for i := range routes {
		routes[i].Fields = f
	}
	return routes
}

func bitgetSpot() []Route {
	const trade, spot, margin = "/api/v2/spot/trade/", "/api/v2/spot/", "/api/v2/margin/"
	return slices.Concat(
		family("POST", trade, vedette.OpOrderNew, bitgetOrder, "place-order place-plan-order"),
		family("POST", trade, vedette.OpOrderAmend, bitgetTarget, "modify-plan-order cancel-replace-order"),
		family("POST", trade, vedette.OpOrderCancel, bitgetTarget, "cancel-order cancel-plan-order"),
		family("POST", trade, vedette.OpOrderCancelAll, bitgetSymbol, "cancel-symbol-order batch-cancel-plan-order"),
		fields(bitgetSymbol, batch("POST", trade, "orderList", vedette.OpOrderNew, bitgetOrder, "batch-orders")),
		fields(bitgetSymbol, batch("POST", trade, "orderList", vedette.OpOrderAmend, bitgetTarget, "batch-cancel-replace-order")),
		fields(bitgetSymbol, batch("POST", trade, "orderList", vedette.OpOrderCancel, bitgetTarget, "batch-cancel-order")),
		family("GET", trade, vedette.OpOrderQuery, bitgetRead, "*"),

		family("GET", spot, vedette.OpAccountRead, bitgetRead, "account/* wallet/* ins-loan/*"),
		family("GET", spot, vedette.OpDepositAddress, bitgetRead, "wallet/deposit-address wallet/subaccount-deposit-address"),
		family("POST", spot, vedette.OpWithdraw, bitgetWithdraw, "wallet/withdrawal"),
		family("POST", spot, vedette.OpTransfer, bitgetCapital, "wallet/transfer wallet/subaccount-transfer"),
		family("POST", spot, vedette.OpAdmin, bitgetCapital, "wallet/cancel-withdrawal wallet/modify-deposit-account account/upgrade account/switch-deduct"),
		family("GET", spot, vedette.OpMarketRead, bitgetRead, "public/* market/*"),

		family("POST", margin, vedette.OpOrderNew, bitgetOrder, "crossed/place-order isolated/place-order"),
		family("POST", margin, vedette.OpOrderCancel, bitgetTarget, "crossed/cancel-order isolated/cancel-order"),
		fields(bitgetSymbol, batch("POST", margin, "orderList", vedette.OpOrderNew, bitgetOrder, "crossed/batch-place-order isolated/batch-place-order")),
		fields(bitgetSymbol, batch("POST", margin, "orderIdList", vedette.OpOrderCancel, bitgetTarget, "crossed/batch-cancel-order isolated/batch-cancel-order")),
		family("GET", margin, vedette.OpOrderQuery, bitgetRead, "crossed/open-orders crossed/history-orders crossed/fills isolated/open-orders isolated/history-orders isolated/fills crossed/liquidation-order isolated/liquidation-order"),
		family("POST", margin, vedette.OpTransfer, bitgetCapital, "crossed/account/borrow crossed/account/repay crossed/account/flash-repay isolated/account/borrow isolated/account/repay isolated/account/flash-repay"),
		family("POST", margin, vedette.OpAccountRead, nil, "crossed/account/query-flash-repay-status isolated/account/query-flash-repay-status"),
		family("GET", margin, vedette.OpAccountRead, bitgetRead, "crossed/* isolated/*"),
		family("GET", margin, vedette.OpMarketRead, bitgetRead, "currencies market/*"),
	)
}

func bitgetMix() []Route {
	const order, mix = "/api/v2/mix/order/", "/api/v2/mix/"
	return slices.Concat(
		family("POST", order, vedette.OpOrderNew, bitgetOrder, "place-order place-tpsl-order place-pos-tpsl place-plan-order"),
		family("POST", order, vedette.OpOrderNew, bitgetClose, "click-backhand close-positions"),
		family("POST", order, vedette.OpOrderAmend, bitgetTarget, "modify-order modify-tpsl-order modify-plan-order"),
		family("POST", order, vedette.OpOrderCancel, bitgetTarget, "cancel-order"),
		family("POST", order, vedette.OpOrderCancelAll, bitgetSymbol, "cancel-all-orders"),
		fields(bitgetSymbol, batch("POST", order, "orderList", vedette.OpOrderNew, bitgetOrder, "batch-place-order")),
		fields(bitgetSymbol, batch("POST", order, "orderIdList", vedette.OpOrderCancel, bitgetTarget, "batch-cancel-orders cancel-plan-order")),
		family("GET", order, vedette.OpOrderQuery, bitgetRead, "*"),
		family("GET", mix, vedette.OpAccountRead, bitgetRead, "account/* position/*"),
		family("POST", mix, vedette.OpSetting, bitgetRead, "account/set-auto-margin account/set-leverage account/set-all-leverage account/set-asset-mode account/set-margin-mode account/set-position-mode"),
		family("POST", mix, vedette.OpTransfer, bitgetCapital, "account/set-margin account/union-convert"),
		family("GET", mix, vedette.OpMarketRead, bitgetRead, "market/*"),
	)
}

func bitgetUnified() []Route {
	const trade, account, v3 = "/api/v3/trade/", "/api/v3/account/", "/api/v3/"
	return slices.Concat(
		family("POST", trade, vedette.OpOrderNew, bitgetOrder, "place-order place-strategy-order place-reality-order"),
		family("POST", trade, vedette.OpOrderNew, bitgetClose, "close-positions"),
		family("POST", trade, vedette.OpOrderAmend, bitgetTarget, "modify-order modify-strategy-order"),
		family("POST", trade, vedette.OpOrderCancel, bitgetTarget, "cancel-order cancel-strategy-order cancel-reality-order"),
		family("POST", trade, vedette.OpOrderCancelAll, bitgetSymbol, "cancel-symbol-order countdown-cancel-all"),
		batch("POST", trade, ".", vedette.OpOrderNew, bitgetOrder, "place-batch"),
		batch("POST", trade, ".", vedette.OpOrderAmend, bitgetTarget, "batch-modify-order"),
		batch("POST", trade, ".", vedette.OpOrderCancel, bitgetTarget, "cancel-batch"),
		family("POST", trade, vedette.OpAdmin, bitgetSymbol, "grid/create-bot grid/modify-bot grid/modify-grid-interval grid/add-investment grid/close-bot grid/create-neutral-bot grid/modify-neutral-bot grid/modify-neutral-grid-interval"),
		family("POST", trade, vedette.OpOrderQuery, bitgetSymbol, "grid/validate grid/validate-neutral"),
		family("GET", trade, vedette.OpOrderQuery, bitgetRead, "*"),

		family("GET", account, vedette.OpAccountRead, bitgetRead, "*"),
		family("GET", account, vedette.OpDepositAddress, bitgetRead, "deposit-address sub-deposit-address"),
		family("POST", account, vedette.OpWithdraw, bitgetWithdraw, "withdraw withdrawal"),
		family("POST", account, vedette.OpTransfer, bitgetCapital, "transfer sub-transfer sub-master-transfer repay move-positions set-margin"),
		family("POST", account, vedette.OpAccountRead, bitgetRead, "max-open-available sub-deposit-records"),
		family("POST", account, vedette.OpSetting, bitgetCapital, "set-leverage set-hold-mode switch-deduct deposit-account switch adjust-account-mode cancel-withdrawal set-collateral-type"),

		family("GET", v3, vedette.OpAccountRead, bitgetRead, "position/* user/* broker/* ins-loan/* loan/* tax/* copy/* convert/* earn/* stockplus/asset/*"),
		family("GET", v3, vedette.OpOrderQuery, bitgetRead, "stockplus/trade/* p2p/*"),
		family("POST", v3, vedette.OpKeyCreate, bitgetKeys, "user/create-sub-api broker/create-sub-apikey"),
		family("POST", v3, vedette.OpKeyChange, bitgetKeys, "user/update-sub-api broker/modify-sub-apikey"),
		family("POST", v3, vedette.OpKeyDelete, bitgetKeys, "user/delete-sub-api broker/delete-sub-apikey"),
		family("POST", v3, vedette.OpAdmin, bitgetKeys, "user/create-sub user/freeze-sub user/set-rate-limit-quota user/sub-account/agent-create broker/create-sub broker/modify-sub ins-loan/bind-uid"),
		family("POST", v3, vedette.OpWithdraw, bitgetWithdraw, "broker/sub-withdrawal"),
		family("POST", v3, vedette.OpDepositAddress, bitgetCapital, "broker/sub-deposit-address"),
		family("POST", v3, vedette.OpTransfer, bitgetCapital, "loan/borrow loan/repay loan/revise-pledge copy/futures/transfer convert/small-assets-trade earn/elite-subscribe earn/elite-redeem stockplus/asset/transfer"),
		family("POST", v3, vedette.OpOrderNew, bitgetOrder, "stockplus/trade/place-order"),
		family("POST", v3, vedette.OpOrderAmend, bitgetTarget, "stockplus/trade/modify-order"),
		family("POST", v3, vedette.OpOrderCancel, bitgetTarget, "stockplus/trade/cancel-order"),
		family("POST", v3, vedette.OpAdmin, nil, "p2p/ad-create p2p/ad-update p2p/ad-operate p2p/order-pay"),
		family("POST", v3, vedette.OpTransfer, bitgetCapital, "p2p/order-release"),
		family("POST", v3, vedette.OpAccountRead, nil, "p2p/fee-simulate"),
		family("GET", v3, vedette.OpMarketRead, bitgetRead, "market/* public/* reality/* stockplus/market/*"),
	)
}

func bitgetMore() []Route {
	const v2 = "/api/v2/"
	return slices.Concat(
		family("GET", v2, vedette.OpAccountRead, bitgetRead, "account/* user/* broker/* copy/* tax/* convert/* earn/* common/* p2p/* affiliate/*"),
		family("GET", v2, vedette.OpMarketRead, bitgetRead, "public/* convert/currencies earn/loan/public/*"),
		family("POST", v2, vedette.OpKeyCreate, bitgetKeys, "user/create-virtual-subaccount-apikey user/batch-create-subaccount-and-apikey broker/manage/create-subaccount-apikey"),
		family("POST", v2, vedette.OpKeyChange, bitgetKeys, "user/modify-virtual-subaccount-apikey broker/manage/modify-subaccount-apikey"),
		family("POST", v2, vedette.OpKeyDelete, bitgetKeys, "broker/manage/delete-subaccount-apikey"),
		family("POST", v2, vedette.OpAdmin, bitgetKeys, "user/create-virtual-subaccount user/modify-virtual-subaccount user/create-agent-subaccount broker/account/create-subaccount broker/account/modify-subaccount broker/account/modify-subaccount-email broker/account/set-subaccount-autotransfer"),
		family("POST", v2, vedette.OpDepositAddress, bitgetCapital, "broker/account/subaccount-address"),
		family("POST", v2, vedette.OpWithdraw, bitgetWithdraw, "broker/account/subaccount-withdrawal"),
		family("POST", v2, vedette.OpAccountRead, nil, "broker/customer-asset broker/customer-deposit broker/customer-list broker/customer-trade-volume"),
		family("POST", v2, vedette.OpOrderNew, bitgetCapital, "convert/trade convert/bgb-convert"),
		family("POST", v2, vedette.OpTransfer, bitgetCapital, "earn/savings/subscribe earn/savings/redeem earn/sharkfin/subscribe earn/loan/borrow earn/loan/repay earn/loan/revise-pledge earn/elite/subscribe earn/elite/redeem"),
		family("POST", v2, vedette.OpOrderAmend, bitgetTarget, "copy/mix-trader/order-modify-tpsl copy/spot-trader/order-modify-tpsl"),
		family("POST", v2, vedette.OpOrderNew, bitgetTarget, "copy/mix-follower/setting-tpsl copy/spot-follower/setting-tpsl"),
		family("POST", v2, vedette.OpOrderNew, bitgetClose, "copy/mix-trader/order-close-positions copy/mix-follower/close-positions copy/spot-trader/order-close-tracking copy/spot-follower/order-close-tracking copy/spot-follower/stop-order"),
		family("POST", v2, vedette.OpAdmin, bitgetSymbol, "copy/mix-trader/config-setting-symbols copy/mix-trader/config-setting-base copy/mix-trader/config-settings-base copy/mix-trader/config-remove-follower copy/mix-follower/settings copy/mix-follower/cancel-trader copy/spot-trader/config-setting-symbols copy/spot-trader/config-remove-follower copy/spot-follower/settings copy/spot-follower/cancel-trader"),
		family("GET", "/", vedette.OpMarketRead, nil, "v2/ws/public v2/ws/private v3/ws/public v3/ws/private"), // upgrades
	)
}

func bitgetWS() []Route {
	return slices.Concat(
		family(WS, "", vedette.OpSessionLogin, nil, "login"),
		family(WS, "", vedette.OpMarketRead, subscriptionFields, "ping subscribe unsubscribe"),
		family(WS, "", vedette.OpOrderNew, bitgetOrder, "place-order"),
		family(WS, "", vedette.OpOrderCancel, bitgetTarget, "cancel-order"),
		family(WS, "", vedette.OpOrderAmend, bitgetTarget, "modify-order"),
		batch(WS, "", "args", vedette.OpOrderNew, bitgetOrder, "batch-place"),
		batch(WS, "", "args", vedette.OpOrderCancel, bitgetTarget, "batch-cancel"),
		batch(WS, "", "args", vedette.OpOrderAmend, bitgetTarget, "batch-modify"),
		fields(bitgetSymbol, batch(WS, "", "params", vedette.OpOrderNew, bitgetOrder, "batch-place-order")),
		fields(bitgetSymbol, batch(WS, "", "params", vedette.OpOrderCancel, bitgetTarget, "batch-cancel-order")),
	)
}
