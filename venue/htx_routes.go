package venue

import (
	"slices"
	"strings"

	"vedette"
)

var (
	// htxOrder has the side in front of the type: buy-limit, sell-ioc.
	htxOrder = &Fields{
		Instrument: []string{"symbol"}, Type: []string{"type"}, Price: []string{"price"}, Stop: []string{"stop-price"},
		Quantity: []string{"amount", "market-amount"}, ClientID: []string{"client-order-id"}, Refine: htxTypes,
	}
	htxTarget = &Fields{Instrument: []string{"symbol"}, Target: []string{"order-id", "client-order-id", "orderId", "clientOrderId"}}
	htxAlgo   = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"orderSide"}, Type: []string{"orderType"}, TIF: []string{"timeInForce"}, Price: []string{"orderPrice"},
		Stop: []string{"stopPrice"}, Quantity: []string{"orderSize", "orderValue"}, ClientID: []string{"clientOrderId"}, Refine: triggered,
	}
	htxContractOrder = &Fields{
		Instrument: []string{"contract_code", "symbol"}, Side: []string{"direction", "side"}, Type: []string{"order_price_type", "type"},
		TIF: []string{"time_in_force"}, Price: []string{"price", "order_price", "sl_order_price", "tp_order_price"},
		Stop: []string{"trigger_price", "sl_trigger_price", "tp_trigger_price", "active_price"}, Quantity: []string{"volume"},
		ClientID: []string{"client_order_id"}, ReduceOnly: []string{"reduce_only"}, Refine: htxContract,
	}
	htxContractTarget = &Fields{Instrument: []string{"contract_code", "symbol"}, Target: []string{"order_id", "client_order_id", "algo_id"}}
	htxClose          = &Fields{Instrument: []string{"contract_code", "symbol"}, Side: []string{"direction"}, Quantity: []string{"volume"}, ClientID: []string{"client_order_id"}, Refine: marketReduce}
	htxCapital        = &Fields{
		Asset: []string{"currency", "asset"}, Address: []string{"address"}, Tag: []string{"addr-tag"}, Quantity: []string{"amount"}, ClientID: []string{"client-order-id", "client_order_id"},
		Object: []string{"sub-uid", "sub_uid", "to-user", "toUid"}, Instrument: []string{"symbol", "contract_code"},
	}
	htxRead = &Fields{Instrument: []string{"symbol", "contract_code"}, Target: []string{"order-id", "clientOrderId", "client-order-id", "order_id", "client_order_id"},
		Asset: []string{"currency"}, Object: []string{"account-id", "sub_uid", "subUid"}}
	htxKeys = &Fields{Object: []string{"accessKey", "access_key", "subUid", "subUids"}}
)

func htxTypes(v Values, a *vedette.Action) {
	side, kind, _ := strings.Cut(v.Get("type"), "-")
	if a.Side = ParseSide(side); kind == "ioc" {
		a.Type, a.TimeInForce = vedette.Limit, vedette.IOC
	}
	if strings.HasPrefix(kind, "stop-limit") {
		a.Type = vedette.StopLimit
		if kind == "stop-limit-fok" {
			a.TimeInForce = vedette.FOK
		}
	}
}

// htxContract reads price types that name a level of the book instead of a price,
// and closing orders as such.
func htxContract(v Values, a *vedette.Action) {
	kind := v.Get("order_price_type")
	switch {
	case strings.HasPrefix(kind, "opponent") || strings.HasPrefix(kind, "optimal") || strings.HasPrefix(kind, "lightning"):
		a.Type = vedette.Market
	case kind == "ioc" || kind == "fok":
		a.Type = vedette.Limit
	}
	if strings.HasSuffix(kind, "ioc") {
		a.TimeInForce = vedette.IOC
	} else if strings.HasSuffix(kind, "fok") {
		a.TimeInForce = vedette.FOK
	}
	if v.Get("offset") == "close" {
		a.ReduceOnly = true
	}
	triggered(v, a)
}

var htxRoutes = NewRoutes(htxSpot(), htxFunds(), htxMarket(),
	htxContracts("/api/v1/contract_"), htxContracts("/swap-api/v1/swap_"), htxContracts("/linear-swap-api/v1/swap_"), htxContracts("/linear-swap-api/v1/swap_cross_"),
	htxContractMore(), htxV5(), htxWS())

func htxSpot() []Route {
	const order, algo, v1 = "/v1/order/", "/v2/algo-orders", "/v1/"
	return slices.Concat(
		family("POST", order, vedette.OpOrderNew, htxOrder, "orders/place auto/place"),
		batch("POST", order, ".", vedette.OpOrderNew, htxOrder, "batch-orders"),
		family("POST", order, vedette.OpOrderCancel, htxTarget, "orders/{order}/submitcancel orders/submitCancelClientOrder"),
		batch("POST", order, "order-ids", vedette.OpOrderCancel, htxTarget, "orders/batchcancel"),
		family("POST", order, vedette.OpOrderCancelAll, htxTarget, "orders/batchCancelOpenOrders"),
		family("GET", order, vedette.OpOrderQuery, htxRead, "openOrders orders orders/{order} orders/{order}/matchresults orders/{order}/matchresult orders/getClientOrder history matchresults"),
		family("POST", algo, vedette.OpOrderCancelAll, nil, "/cancel-all-after"),
		batch("POST", algo, "clientOrderIds", vedette.OpOrderCancel, nil, "/cancellation"),
		family("GET", algo, vedette.OpOrderQuery, htxRead, "/opening /history /specific"),
		family("POST", "/v2/", vedette.OpOrderNew, htxAlgo, "algo-orders"),
		family("POST", v1, vedette.OpOrderNew, htxCapital, "stable-coin/exchange"),
		family("GET", v1, vedette.OpAccountRead, htxRead, "account/accounts account/accounts/{object}/balance account/accounts/{object} account/history query/deposit-withdraw query/withdraw/client-order-id subuser/aggregate-balance margin/* cross-margin/* points/* fee/fee-rate/get stable-coin/quote"),
	)
}

func htxFunds() []Route {
	const v1, v2 = "/v1/", "/v2/"
	return slices.Concat(
		family("POST", v1, vedette.OpWithdraw, htxCapital, "dw/withdraw/api/create"),
		family("POST", v1, vedette.OpAdmin, nil, "dw/withdraw-virtual/{object}/cancel trust/user/active/credit"),
		family("POST", v1, vedette.OpTransfer, htxCapital, "account/transfer futures/transfer subuser/transfer dw/transfer-in/margin dw/transfer-out/margin margin/orders margin/orders/{object}/repay cross-margin/transfer-in cross-margin/transfer-out cross-margin/orders cross-margin/orders/{object}/repay"),
		family("POST", v2, vedette.OpTransfer, htxCapital, "account/transfer account/repayment point/transfer etp/creation etp/redemption"),
		family("POST", "/v5/", vedette.OpTransfer, htxCapital, "account/universal_transfer"),
		family("POST", v2, vedette.OpKeyCreate, htxKeys, "sub-user/api-key-generation"),
		family("POST", v2, vedette.OpKeyChange, htxKeys, "sub-user/api-key-modification"),
		family("POST", v2, vedette.OpKeyDelete, htxKeys, "sub-user/api-key-deletion"),
		family("POST", v2, vedette.OpAdmin, htxKeys, "sub-user/creation sub-user/management sub-user/tradable-market sub-user/transferability sub-user/deduct-mode etp/{object}/cancel etp/batch-cancel"),
		family("GET", v2, vedette.OpDepositAddress, htxRead, "account/deposit/address sub-user/deposit-address"),
		family("GET", v2, vedette.OpAccountRead, htxRead, "account/* point/account user/* sub-user/* reference/transact-fee-rate etp/transactions etp/transaction etp/limit invitee/*"),
	)
}

func htxMarket() []Route {
	return slices.Concat(
		family("GET", "/", vedette.OpMarketRead, htxRead, "market/* index/market/* swap-ex/market/* linear-swap-ex/market/* v2/market-status v2/reference/currencies v2/settings/common/* v2/etp/reference v2/etp/rebalance v2/swap-ex/market/* v2/linear-swap-ex/market/* v1/common/* v1/settings/common/* v5/market/* heartbeat/"),
		family("GET", "/", vedette.OpMarketRead, nil, "ws ws/v2 ws/trade feed notification swap-ws swap-notification linear-swap-ws linear-swap-notification linear-swap-trade ws_index center-notification"), // upgrades
	)
}

// htxContracts are the endpoints that all contract products share under their own
// prefix. Reading is a POST, too.
func htxContracts(prefix string) []Route {
	return slices.Concat(
		family("POST", prefix, vedette.OpOrderNew, htxContractOrder, "order trigger_order tpsl_order track_order"),
		batch("POST", prefix, "orders_data", vedette.OpOrderNew, htxContractOrder, "batchorder"),
		family("POST", prefix, vedette.OpOrderCancel, htxContractTarget, "cancel trigger_cancel tpsl_cancel track_cancel"),
		family("POST", prefix, vedette.OpOrderCancelAll, htxContractTarget, "cancelall trigger_cancelall tpsl_cancelall track_cancelall"),
		family("POST", prefix, vedette.OpOrderNew, htxClose, "lightning_close_position"),
		family("POST", prefix, vedette.OpOrderQuery, htxRead, "order_info order_detail openorders hisorders hisorders_exact matchresults matchresults_exact trigger_openorders trigger_hisorders tpsl_openorders tpsl_hisorders relation_tpsl_order track_openorders track_hisorders"),
		family("POST", prefix, vedette.OpAccountRead, htxRead, "balance_valuation account_info position_info account_position_info sub_account_list sub_account_info_list sub_account_info sub_position_info financial_record financial_record_exact user_settlement_records order_limit fee transfer_limit position_limit master_sub_transfer_record available_level_rate lever_position_limit"),
		family("POST", prefix, vedette.OpTransfer, htxCapital, "master_sub_transfer transfer_inner"),
		family("POST", prefix, vedette.OpSetting, htxRead, "switch_lever_rate switch_position_mode sub_auth"),
		family("GET", prefix, vedette.OpAccountRead, htxRead, "sub_auth_list api_trading_status position_side"),
		family("GET", prefix, vedette.OpMarketRead, htxRead, "contract_info index query_elements price_limit open_interest delivery_price risk_info insurance_fund adjustfactor his_open_interest ladder_margin api_state elite_account_ratio elite_position_ratio liquidation_orders settlement_records funding_rate batch_funding_rate historical_funding_rate estimated_settlement_price trade_state transfer_state"),
	)
}

func htxContractMore() []Route {
	return slices.Concat(
		family("POST", "/", vedette.OpOrderCancelAll, htxContractTarget, "api/v1/contract-cancel-after swap-api/v1/swap-cancel-after linear-swap-api/v1/linear-cancel-after"),
		family("POST", "/api/v1/", vedette.OpOrderNew, htxClose, "lightning_close_position"),
		family("POST", "/", vedette.OpOrderQuery, htxRead, "api/v3/contract_hisorders api/v3/contract_hisorders_exact api/v3/contract_matchresults api/v3/contract_matchresults_exact swap-api/v3/swap_hisorders swap-api/v3/swap_hisorders_exact swap-api/v3/swap_matchresults swap-api/v3/swap_matchresults_exact linear-swap-api/v3/swap_hisorders linear-swap-api/v3/swap_hisorders_exact linear-swap-api/v3/swap_matchresults linear-swap-api/v3/swap_matchresults_exact linear-swap-api/v3/swap_cross_hisorders linear-swap-api/v3/swap_cross_hisorders_exact linear-swap-api/v3/swap_cross_matchresults linear-swap-api/v3/swap_cross_matchresults_exact"),
		family("POST", "/", vedette.OpAccountRead, htxRead, "api/v3/contract_financial_record api/v3/contract_financial_record_exact swap-api/v3/swap_financial_record swap-api/v3/swap_financial_record_exact linear-swap-api/v3/swap_financial_record linear-swap-api/v3/swap_financial_record_exact linear-swap-api/v3/fix_position_margin_change_record"),
		family("POST", "/linear-swap-api/v3/", vedette.OpAdmin, htxRead, "swap_switch_account_type linear_swap_fee_switch"),
		family("GET", "/linear-swap-api/v3/", vedette.OpAccountRead, htxRead, "unified_account_info swap_unified_account_type linear_swap_overview_account_info linear_swap_fee_switch"),
		family("GET", "/", vedette.OpMarketRead, htxRead, "api/v1/timestamp api/v3/contract_liquidation_orders swap-api/v3/swap_liquidation_orders linear-swap-api/v3/swap_liquidation_orders"),
	)
}

// htxV5 is the unified contract API.
func htxV5() []Route {
	const v5, copying = "/v5/", "/api/v6/copyTrading/trader/"
	return slices.Concat(
		family("POST", v5, vedette.OpOrderNew, htxContractOrder, "trade/order algo/order"),
		batch("POST", v5, ".", vedette.OpOrderNew, htxContractOrder, "trade/batch_orders"),
		family("POST", v5, vedette.OpOrderCancel, htxContractTarget, "trade/cancel_order algo/cancel_orders"),
		batch("POST", v5, "order_id", vedette.OpOrderCancel, htxContractTarget, "trade/cancel_batch_orders"),
		family("POST", v5, vedette.OpOrderCancelAll, htxContractTarget, "trade/cancel_all_orders trade/cancel-after"),
		family("POST", v5, vedette.OpOrderNew, htxClose, "trade/position trade/position_all"),
		family("POST", v5, vedette.OpTransfer, htxCapital, "position/margin"),
		family("POST", v5, vedette.OpSetting, htxRead, "account/asset_mode position/lever position/mode account/fee_deduction_currency"),
		family("GET", v5, vedette.OpOrderQuery, htxRead, "trade/* algo/*"),
		family("GET", v5, vedette.OpAccountRead, htxRead, "account/* position/* trade/position/opens"),
		family("GET", copying, vedette.OpAccountRead, nil, "*"),
		family("POST", copying, vedette.OpAdmin, nil, "follower follower-settings config"),
		family("POST", copying, vedette.OpTransfer, htxCapital, "transfer"),
		family("POST", copying, vedette.OpKeyCreate, htxKeys, "apikey"),
	)
}

func htxWS() []Route {
	return slices.Concat(
		family(WS, "", vedette.OpSessionLogin, nil, "auth"),
		family(WS, "", vedette.OpMarketRead, nil, "market ping pong req"),
		family(WS, "", vedette.OpOrderNew, htxOrder, "create-order create-margin-order"),
		batch(WS, "", ".", vedette.OpOrderNew, htxOrder, "create-batchorder"),
		family(WS, "", vedette.OpOrderNew, htxContractOrder, "create_order create_cross_order"),
		batch(WS, "", "orders_data", vedette.OpOrderNew, htxContractOrder, "create_batchorder create_cross_batchorder"),
		family(WS, "", vedette.OpOrderCancel, htxContractTarget, "cancel cross_cancel"),
		family(WS, "", vedette.OpOrderCancelAll, htxContractTarget, "cancelall cross_cancelall"),
	)
}
