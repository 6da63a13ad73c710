package venue

import (
	"slices"

	"vedette"
)

var (
	gateSpotOrder = &Fields{
		Instrument: []string{"currency_pair", "market"}, Side: []string{"side", "put.side"}, Type: []string{"type", "put.type"},
		TIF: []string{"time_in_force", "put.time_in_force"}, Price: []string{"price", "put.price"}, Stop: []string{"trigger.price"},
		Quantity: []string{"amount", "put.amount"}, ClientID: []string{"text", "put.text"}, Refine: triggered,
	}
	gateSpotTarget = &Fields{
		Instrument: []string{"currency_pair", "market", "pair"}, Target: []string{"order_id", "id"}, Price: []string{"price"}, Quantity: []string{"amount"},
		ClientID: []string{"amend_text"},
	}
	// gateContractOrder has the side in the sign of the size, and a price of 0 for market.
	gateContractOrder = &Fields{
		Instrument: []string{"contract", "initial.contract"}, TIF: []string{"tif", "initial.tif"}, Price: []string{"price", "initial.price"},
		Stop: []string{"trigger.price"}, Quantity: []string{"size", "initial.size"}, ClientID: []string{"text", "initial.text"},
		ReduceOnly: []string{"reduce_only", "initial.reduce_only", "close", "initial.close", "is_reduce_only", "is_close"}, Refine: gateContract,
	}
	gateContractTarget = &Fields{
		Instrument: []string{"contract"}, Target: []string{"order_id", "id", "text"}, Price: []string{"price"}, Quantity: []string{"size"},
		Side: []string{"side"},
	}
	gateCrossOrder = &Fields{
		Instrument: []string{"symbol", "currency"}, Side: []string{"side"}, Type: []string{"type", "price_type"}, TIF: []string{"time_in_force"},
		Price: []string{"price"}, Quantity: []string{"qty", "volume", "amount", "quote_qty"}, ClientID: []string{"text", "client_order_id"},
		ReduceOnly: []string{"reduce_only"}, Refine: gateStockSide,
	}
	gateCapital = &Fields{
		Asset: []string{"currency", "sell_currency", "borrow_currency"}, Address: []string{"address", "receive_uid"},
		Quantity: []string{"amount", "sell_amount", "borrow_amount", "change"}, ClientID: []string{"withdraw_order_id", "client_order_id"},
		Object: []string{"sub_account", "sub_account_to"}, Instrument: []string{"currency_pair", "contract"},
	}
	gateRead = &Fields{Instrument: []string{"currency_pair", "contract", "market"}, Target: []string{"order_id", "order"}, Asset: []string{"currency"},
		Object: []string{"sub_uid"}}
)

// gateStockSide reads the side of shares, a number.
func gateStockSide(v Values, a *vedette.Action) {
	switch v.Get("side") {
	case "1":
		a.Side = vedette.Buy
	case "2":
		a.Side = vedette.Sell
	}
}

func gateContract(v Values, a *vedette.Action) {
	switch a.Quantity.Sign() {
	case 1:
		a.Side = vedette.Buy
	case -1:
		a.Side, a.Quantity = vedette.Sell, a.Quantity.Abs()
	}
	a.Type = vedette.Limit
	if a.Price.Sign() == 0 {
		a.Type, a.Price = vedette.Market, vedette.Decimal{}
	}
	triggered(v, a)
}

var gateRoutes = NewRoutes(gateSpot(), gateContracts("/api/v4/futures/{}/"), gateContracts("/api/v4/delivery/{}/"), gateOptions(), gateCross(), gateAccount(), gateMore(), gateWS())

func gateSpot() []Route {
	const spot = "/api/v4/spot/"
	return slices.Concat(
		family("POST", spot, vedette.OpOrderNew, gateSpotOrder, "orders price_orders cross_liquidate_orders pov_orders"),
		family("PATCH", spot, vedette.OpOrderAmend, gateSpotTarget, "orders/{order}"),
		family("DELETE", spot, vedette.OpOrderCancel, gateSpotTarget, "orders/{order} price_orders/{order} pov_orders/{order}"),
		family("DELETE", spot, vedette.OpOrderCancelAll, gateSpotTarget, "orders price_orders pov_orders"),
		family("POST", spot, vedette.OpOrderCancelAll, gateSpotTarget, "countdown_cancel_all"),
		batch("POST", spot, ".", vedette.OpOrderNew, gateSpotOrder, "batch_orders"),
		batch("POST", spot, ".", vedette.OpOrderCancel, gateSpotTarget, "cancel_batch_orders"),
		batch("POST", spot, ".", vedette.OpOrderAmend, gateSpotTarget, "amend_batch_orders"),
		family("GET", spot, vedette.OpOrderQuery, gateRead, "orders orders/{order} open_orders my_trades price_orders price_orders/{order} pov_orders pov_orders/{order}"),
		family("GET", spot, vedette.OpAccountRead, gateRead, "accounts account_book fee batch_fee"),
		family("GET", spot, vedette.OpMarketRead, gateRead, "currencies currencies/{asset} currency_pairs currency_pairs/{instrument} tickers order_book trades candlesticks time insurance_history"),
	)
}

func gateContracts(base string) []Route {
	return slices.Concat(
		family("POST", base, vedette.OpOrderNew, gateContractOrder, "orders price_orders bbo_orders autoorder/v1/trail/create autoorder/v1/chase/create"),
		family("PUT", base, vedette.OpOrderAmend, gateContractTarget, "orders/{order} price_orders/{order} price_orders/amend/{order}"),
		family("POST", base, vedette.OpOrderAmend, gateContractTarget, "autoorder/v1/trail/update"),
		family("DELETE", base, vedette.OpOrderCancel, gateContractTarget, "orders/{order} price_orders/{order}"),
		family("POST", base, vedette.OpOrderCancel, gateContractTarget, "autoorder/v1/trail/stop autoorder/v1/chase/stop"),
		family("DELETE", base, vedette.OpOrderCancelAll, gateContractTarget, "orders price_orders"),
		family("POST", base, vedette.OpOrderCancelAll, gateContractTarget, "countdown_cancel_all autoorder/v1/trail/stop_all autoorder/v1/chase/stop_all"),
		batch("POST", base, ".", vedette.OpOrderNew, gateContractOrder, "batch_orders"),
		batch("POST", base, ".", vedette.OpOrderCancel, gateContractTarget, "batch_cancel_orders"),
		batch("POST", base, ".", vedette.OpOrderAmend, gateContractTarget, "batch_amend_orders"),
		family("GET", base, vedette.OpOrderQuery, gateRead, "orders orders/{order} orders_timerange my_trades my_trades_timerange price_orders price_orders/{order} autoorder/*"),
		family("GET", base, vedette.OpAccountRead, gateRead, "accounts account_book positions positions/{instrument} position_close_history positions_timerange dual_comp/positions/{instrument} get_leverage/{instrument} position_close liquidates auto_deleverages fee risk_limit_table settlements"),
		family("POST", base, vedette.OpTransfer, gateCapital, "positions/{instrument}/margin dual_comp/positions/{instrument}/margin"),
		family("POST", base, vedette.OpSetting, gateRead, "positions/{instrument}/leverage positions/{instrument}/set_leverage positions/{instrument}/risk_limit positions/cross_mode dual_comp/positions/cross_mode dual_mode set_position_mode dual_comp/positions/{instrument}/leverage dual_comp/positions/{instrument}/risk_limit"),
		family("GET", base, vedette.OpMarketRead, gateRead, "contracts contracts/{instrument} order_book trades candlesticks premium_index tickers funding_rate insurance contract_stats index_constituents/{} liq_orders risk_limit_tiers adl_risk_states"),
		family("POST", base, vedette.OpMarketRead, nil, "funding_rates"),
	)
}

func gateOptions() []Route {
	const options = "/api/v4/options/"
	return slices.Concat(
		family("POST", options, vedette.OpOrderNew, gateContractOrder, "orders"),
		family("PUT", options, vedette.OpOrderAmend, gateContractTarget, "orders/{order}"),
		family("DELETE", options, vedette.OpOrderCancel, gateContractTarget, "orders/{order}"),
		family("DELETE", options, vedette.OpOrderCancelAll, gateContractTarget, "orders"),
		family("POST", options, vedette.OpOrderCancelAll, gateContractTarget, "countdown_cancel_all"),
		family("POST", options, vedette.OpAdmin, nil, "mmp mmp/reset"),
		family("GET", options, vedette.OpOrderQuery, gateRead, "orders orders/{order} my_trades"),
		family("GET", options, vedette.OpAccountRead, gateRead, "my_settlements accounts account_book positions positions/{instrument} position_close mmp"),
		family("GET", options, vedette.OpMarketRead, gateRead, "underlyings expirations contracts contracts/{instrument} settlements settlements/{instrument} order_book tickers underlying/* candlesticks trades"),
	)
}

// gateCross are the products that trade elsewhere: other venues, shares, contracts
// for difference, tokens on chain.
func gateCross() []Route {
	const x, tradfi, stock, alpha = "/api/v4/crossex/", "/api/v4/tradfi/", "/api/v4/stock/", "/api/v4/alpha/"
	return slices.Concat(
		family("POST", x, vedette.OpOrderNew, gateCrossOrder, "orders position"),
		family("PUT", x, vedette.OpOrderAmend, gateCrossOrder, "orders/{order}"),
		family("DELETE", x, vedette.OpOrderCancel, gateCrossOrder, "orders/{order}"),
		batch("POST", x, ".", vedette.OpOrderCancel, gateContractTarget, "batch_cancel_orders"),
		family("POST", x, vedette.OpOrderQuery, nil, "convert/quote"),
		family("POST", x, vedette.OpOrderNew, nil, "convert/orders"),
		family("POST", x, vedette.OpTransfer, gateCapital, "transfers positions/margin"),
		family("POST", x, vedette.OpSetting, gateCrossOrder, "margin_positions/leverage positions/leverage"),
		family("PUT", x, vedette.OpAdmin, nil, "accounts"),
		family("GET", x, vedette.OpOrderQuery, gateCrossOrder, "open_orders history_orders orders/{order} history_trades"),
		family("GET", x, vedette.OpMarketRead, nil, "market/* rule/*"),
		family("GET", x, vedette.OpAccountRead, nil, "*"),

		family("POST", tradfi, vedette.OpOrderNew, gateCrossOrder, "orders positions/{object}/close"),
		family("PUT", tradfi, vedette.OpOrderAmend, gateCrossOrder, "orders/{order} positions/{order}"),
		family("DELETE", tradfi, vedette.OpOrderCancel, nil, "orders/{order}"),
		family("POST", tradfi, vedette.OpTransfer, gateCapital, "transactions"),
		family("POST", tradfi, vedette.OpAdmin, nil, "users"),
		family("GET", tradfi, vedette.OpOrderQuery, nil, "orders orders/*"),
		family("GET", tradfi, vedette.OpMarketRead, nil, "symbols symbols/*"),
		family("GET", tradfi, vedette.OpAccountRead, nil, "*"),

		family("POST", stock, vedette.OpOrderNew, gateCrossOrder, "orders positions/close"),
		family("PUT", stock, vedette.OpOrderAmend, gateCrossOrder, "orders/{order}"),
		family("DELETE", stock, vedette.OpOrderCancel, nil, "orders/{order}"),
		family("DELETE", stock, vedette.OpOrderCancelAll, gateCrossOrder, "orders"),
		family("POST", stock, vedette.OpTransfer, gateCapital, "transactions"),
		family("GET", stock, vedette.OpOrderQuery, nil, "orders orders/history"),
		family("GET", stock, vedette.OpMarketRead, nil, "market/* symbols symbols/* exchanges"),
		family("GET", stock, vedette.OpAccountRead, nil, "*"),

		family("POST", alpha, vedette.OpOrderNew, gateCrossOrder, "orders"),
		family("POST", alpha, vedette.OpOrderQuery, gateCrossOrder, "quote"),
		family("GET", alpha, vedette.OpOrderQuery, gateRead, "orders order"),
		family("GET", alpha, vedette.OpMarketRead, gateRead, "currencies tickers"),
		family("GET", alpha, vedette.OpAccountRead, gateRead, "accounts account_book"),
	)
}

func gateAccount() []Route {
	const v4 = "/api/v4/"
	return slices.Concat(
		family("POST", v4, vedette.OpWithdraw, gateCapital.to([]string{"memo"}, "address"), "withdrawals"),
		family("POST", v4, vedette.OpWithdraw, gateCapital.to(nil, "receive_uid"), "withdrawals/push"),
		family("DELETE", v4, vedette.OpAdmin, gateCapital, "withdrawals/{object}"),
		family("POST", v4, vedette.OpTransfer, gateCapital, "wallet/transfers wallet/sub_account_transfers wallet/sub_account_to_sub_account wallet/small_balance"),
		family("GET", v4, vedette.OpDepositAddress, gateRead, "wallet/deposit_address"),
		family("GET", v4, vedette.OpMarketRead, gateRead, "wallet/currency_chains"),
		family("GET", v4, vedette.OpAccountRead, gateRead, "wallet/* account/* rebate/*"),
		family("POST", v4, vedette.OpKeyCreate, nil, "sub_accounts/{object}/keys"),
		family("PUT", v4, vedette.OpKeyChange, nil, "sub_accounts/{}/keys/{object}"),
		family("DELETE", v4, vedette.OpKeyDelete, nil, "sub_accounts/{}/keys/{object}"),
		family("POST", v4, vedette.OpAdmin, nil, "sub_accounts sub_accounts/{object}/lock sub_accounts/{object}/unlock account/stp_groups account/stp_groups/{object}/users account/debit_fee"),
		family("DELETE", v4, vedette.OpAdmin, nil, "account/stp_groups/{object}/users"),
		family("GET", v4, vedette.OpAccountRead, nil, "sub_accounts sub_accounts/{object} sub_accounts/{object}/keys sub_accounts/{}/keys/{object} sub_accounts/unified_mode"),
	)
}

func gateMore() []Route {
	const v4 = "/api/v4/"
	return slices.Concat(
		family("GET", v4, vedette.OpAccountRead, gateRead, "unified/* margin/* earn/* loan/* flash_swap/orders flash_swap/orders/{object} otc/*"),
		family("GET", v4, vedette.OpMarketRead, gateRead, "unified/currencies unified/history_loan_rate margin/uni/currency_pairs margin/uni/currency_pairs/{instrument} margin/loan_margin_tiers margin/currency_pairs margin/currency_pairs/{instrument} margin/funding_book margin/cross/currencies margin/cross/currencies/{asset} flash_swap/currency_pairs flash_swap/currencies earn/dual/investment_plan earn/structured/products earn/fixed-term/product loan/collateral/currencies loan/multi_collateral/currencies loan/multi_collateral/ltv loan/multi_collateral/fixed_rate loan/multi_collateral/current_rate"),
		family("POST", v4, vedette.OpAccountRead, nil, "unified/portfolio_calculator"),
		family("POST", v4, vedette.OpTransfer, gateCapital, "unified/loans unified/loans/repay unified/quick_repayment margin/uni/loans margin/loans margin/merged_loans margin/loans/{object}/repayment margin/cross/loans margin/cross/repayments earn/uni/lends earn/staking/eth2/swap earn/staking/swap earn/dual/orders earn/dual/order-refund earn/structured/orders earn/fixed-term/user/lend earn/fixed-term/user/pre-redeem earn/autoinvest/plans/create earn/autoinvest/plans/add_position loan/collateral/orders loan/collateral/repay loan/collateral/collaterals loan/multi_collateral/orders loan/multi_collateral/repay loan/multi_collateral/mortgage"),
		family("POST", v4, vedette.OpSetting, gateRead, "unified/leverage/user_currency_setting unified/leverage/user_setting unified/collateral_currencies unified/delta_neutral unified/account_mode margin/auto_repay margin/leverage/user_market_setting earn/autoinvest/plans/stop earn/autoinvest/plans/update earn/dual/modify-order-reinvest"),
		family("PUT", v4, vedette.OpAdmin, nil, "unified/unified_mode earn/uni/interest_reinvest"),
		family("PATCH", v4, vedette.OpAdmin, gateCapital, "margin/loans/{object} margin/loan_records/{object} earn/uni/lends"),
		family("DELETE", v4, vedette.OpAdmin, nil, "margin/loans/{object}"),
		family("POST", v4, vedette.OpAdmin, nil, "otc/bank/create otc/bank/delete otc/bank/set_default otc/bank/personal/bank_supplement otc/bank/enterprise/bank_supplement otc/order/paid otc/order/cancel"),
		family("POST", v4, vedette.OpOrderQuery, nil, "otc/quote earn/autoinvest/min_invest_amount"),
		family("POST", v4, vedette.OpOrderNew, gateCapital, "otc/order/create otc/stable_coin/order/create"),
		family("POST", v4, vedette.OpOrderNew, gateCapital, "flash_swap/orders"),
		family("POST", v4, vedette.OpOrderQuery, gateCapital, "flash_swap/orders/preview"),
		family("GET", "/", vedette.OpMarketRead, nil, "ws/v4/ v4/ws/usdt v4/ws/btc v4/ws v4/ws/delivery/usdt v4/ws/delivery/btc"), // upgrades
	)
}

func gateWS() []Route {
	spot := slices.Concat(
		family(WS, "", vedette.OpSessionLogin, nil, "login"),
		family(WS, "", vedette.OpMarketRead, nil, "ping"),
		family(WS, "", vedette.OpOrderNew, gateSpotOrder, "order_place"),
		family(WS, "", vedette.OpOrderAmend, gateSpotTarget, "order_amend"),
		family(WS, "", vedette.OpOrderCancel, gateSpotTarget, "order_cancel order_cancel_ids"),
		family(WS, "", vedette.OpOrderCancelAll, gateSpotTarget, "order_cancel_cp"),
		family(WS, "", vedette.OpOrderQuery, gateRead, "order_status order_list"),
	)
	for _, base := range []string{"futures.", "delivery."} {
		spot = slices.Concat(spot,
			family(WS, base, vedette.OpOrderNew, gateContractOrder, "order_place"),
			batch(WS, base, ".", vedette.OpOrderNew, gateContractOrder, "order_batch_place"),
			family(WS, base, vedette.OpOrderAmend, gateContractTarget, "order_amend"),
			family(WS, base, vedette.OpOrderCancel, gateContractTarget, "order_cancel order_cancel_ids"),
			family(WS, base, vedette.OpOrderCancelAll, gateContractTarget, "order_cancel_cp"),
		)
	}
	return spot
}
