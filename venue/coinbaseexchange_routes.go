package venue

import (
	"strings"

	"vedette"
)

var (
	coinbaseExchangeOrder = &Fields{
		Instrument: []string{"product_id"}, Side: []string{"side"}, Type: []string{"type"}, TIF: []string{"time_in_force"},
		Price: []string{"price"}, Stop: []string{"stop_price"}, Quantity: []string{"size", "funds"}, ClientID: []string{"client_oid"},
		PostOnly: []string{"post_only"}, Refine: coinbaseExchangeRefine,
	}
	coinbaseExchangeTarget = &Fields{Instrument: []string{"product_id"}, Object: []string{"profile_id"}, Refine: func(_ Values, a *vedette.Action) {
		a.TargetOrderID = strings.TrimPrefix(a.TargetOrderID, "client:")
	}}
	coinbaseExchangeRead  = &Fields{Instrument: []string{"product_id"}, Target: []string{"order_id"}, Object: []string{"profile_id"}}
	coinbaseExchangeFunds = &Fields{
		Asset: []string{"currency", "from"}, Quantity: []string{"amount"}, Address: []string{"crypto_address"},
		Object:   []string{"coinbase_account_id", "payment_method_id", "counterparty_id", "to_profile_id", "to", "profile_id"},
		ClientID: []string{"nonce", "idem"},
	}
	coinbaseExchangeCrypto   = coinbaseExchangeFunds.to([]string{"destination_tag"}, "crypto_address")
	coinbaseExchangeProfiles = &Fields{Asset: []string{"currency"}, Quantity: []string{"amount"}, Object: []string{"to", "from"}}
	coinbaseExchangeAdmin    = &Fields{Object: []string{"id", "profile_id", "name"}, Address: []string{"address"}, Asset: []string{"currency"}}
)

// coinbaseExchangeRefine makes a stop order of one that carries a stop price.
func coinbaseExchangeRefine(_ Values, a *vedette.Action) {
	switch {
	case !a.StopPrice.IsSet():
		if a.Type == vedette.TypeNone {
			a.Type = vedette.Limit // the venue's default
		}
	case a.Type == vedette.Market:
		a.Type = vedette.Stop
	default:
		a.Type = vedette.StopLimit
	}
}

var coinbaseExchangeRoutes = NewRoutes(coinbaseExchangeTrading, coinbaseExchangeReads())

var coinbaseExchangeTrading = []Route{
	{Method: "POST", Path: "/orders", Op: vedette.OpOrderNew, Fields: coinbaseExchangeOrder},
	{Method: "DELETE", Path: "/orders", Op: vedette.OpOrderCancelAll, Fields: coinbaseExchangeRead},
	{Method: "DELETE", Path: "/orders/{order}", Op: vedette.OpOrderCancel, Fields: coinbaseExchangeTarget},
	{Method: "POST", Path: "/position/close", Op: vedette.OpOrderNew, Fields: coinbaseExchangeOrder},

	{Method: "POST", Path: "/withdrawals/crypto", Op: vedette.OpWithdraw, Fields: coinbaseExchangeCrypto},
	{Method: "POST", Path: "/withdrawals/coinbase", Op: vedette.OpWithdraw, Fields: coinbaseExchangeFunds.to(nil, "coinbase_account_id")},
	{Method: "POST", Path: "/withdrawals/coinbase-account", Op: vedette.OpWithdraw, Fields: coinbaseExchangeFunds.to(nil, "coinbase_account_id")},
	{Method: "POST", Path: "/withdrawals/payment-method", Op: vedette.OpWithdraw, Fields: coinbaseExchangeFunds.to(nil, "payment_method_id")},
	{Method: "POST", Path: "/withdrawals/counterparty", Op: vedette.OpWithdraw, Fields: coinbaseExchangeFunds.to(nil, "counterparty_id")},
	{Method: "POST", Path: "/deposits/coinbase-account", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/deposits/payment-method", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/conversions", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/profiles/transfer", Op: vedette.OpTransfer, Fields: coinbaseExchangeProfiles},
	{Method: "POST", Path: "/profiles/margin-transfer", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/funding/repay", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/loans/open", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/loans/repay-interest", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/loans/repay-principal", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/wrapped-assets/redeem", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/wrapped-assets/stake-wrap", Op: vedette.OpTransfer, Fields: coinbaseExchangeFunds},
	{Method: "POST", Path: "/coinbase-accounts/{account}/addresses", Op: vedette.OpDepositAddress},

	{Method: "POST", Path: "/address-book", Op: vedette.OpAllowlistChange, Fields: coinbaseExchangeAdmin},
	{Method: "PUT", Path: "/address-book/{object}", Op: vedette.OpAllowlistChange},
	{Method: "DELETE", Path: "/address-book/{object}", Op: vedette.OpAllowlistChange},
	{Method: "POST", Path: "/profiles", Op: vedette.OpAdmin, Fields: coinbaseExchangeAdmin},
	{Method: "PUT", Path: "/profiles/{account}", Op: vedette.OpAdmin},
	{Method: "PUT", Path: "/profiles/{account}/deactivate", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/users/{account}/settlement-preferences", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/travel-rules", Op: vedette.OpAdmin},
	{Method: "DELETE", Path: "/travel-rules/{object}", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/transfers/{object}/travel-rules", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/reports", Op: vedette.OpAccountRead, Fields: coinbaseExchangeRead},

	{Method: WS, Path: "subscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "unsubscribe", Op: vedette.OpMarketRead},
}

func coinbaseExchangeReads() []Route {
	var routes []Route
	add := func(op vedette.Operation, paths ...string) {
		for _, p := range paths {
			routes = append(routes, Route{Method: "GET", Path: p, Op: op, Fields: coinbaseExchangeRead})
		}
	}
	add(vedette.OpOrderQuery, "/orders", "/fills", "/otc/orders")
	routes = append(routes, Route{Method: "GET", Path: "/orders/{order}", Op: vedette.OpOrderQuery, Fields: coinbaseExchangeTarget})
	add(vedette.OpAccountRead, "/accounts", "/accounts/{account}", "/accounts/{account}/holds", "/accounts/{account}/ledger",
		"/accounts/{account}/transfers", "/coinbase-accounts", "/payment-methods", "/fees", "/funding", "/position", "/profiles",
		"/profiles/{account}", "/reports", "/reports/{object}", "/transfers", "/transfers/{object}", "/travel-rules", "/address-book",
		"/address-book/counterparty", "/conversions", "/conversions/fees", "/conversions/{object}", "/withdrawals/fee-estimate", "/oracle",
		"/users/self/verify", "/users/self/exchange-limits", "/users/self/hold-balances", "/users/self/trailing-volume",
		"/users/{account}/exchange-limits", "/users/{account}/trading-volumes", "/margin/*", "/loans", "/loans/*",
		"/wrapped-assets/redeem", "/wrapped-assets/redeem/{object}", "/wrapped-assets/stake-wrap", "/wrapped-assets/stake-wrap/{object}")
	add(vedette.OpMarketRead, "/", "/time", "/currencies", "/currencies/{asset}", "/products", "/products/spark-lines", "/products/volume-summary",
		"/products/{instrument}", "/products/{instrument}/*", "/wrapped-assets", "/wrapped-assets/{asset}", "/wrapped-assets/{asset}/conversion-rate")
	return routes
}
