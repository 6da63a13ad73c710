package venue

import "vedette"

// Coinbase Prime, like Advanced Trade, takes the names of its JSON members and
// query parameters in snake case or camel case: the official clients send either.
var (
	coinbasePrimeOrder = &Fields{
		Instrument: []string{"product_id", "productId"}, Side: []string{"side"}, Type: []string{"type"}, TIF: []string{"time_in_force", "timeInForce"},
		Price: []string{"limit_price", "limitPrice"}, Stop: []string{"stop_price", "stopPrice"},
		Quantity: []string{"base_quantity", "baseQuantity", "quote_value", "quoteValue"},
		ClientID: []string{"client_order_id", "clientOrderId", "client_quote_id", "clientQuoteId"}, PostOnly: []string{"post_only", "postOnly"},
		Target: []string{"orig_client_order_id", "origClientOrderId", "quote_id", "quoteId"}, Refine: coinbasePrimeRefine,
	}
	coinbasePrimeAmend = &Fields{
		Price: []string{"limit_price", "limitPrice"}, Stop: []string{"stop_price", "stopPrice"},
		Quantity: []string{"base_quantity", "baseQuantity", "quote_value", "quoteValue"}, ClientID: []string{"client_order_id", "clientOrderId"},
	}
	coinbasePrimeRead  = &Fields{Instrument: []string{"product_ids", "productIds", "product_id", "productId"}, Asset: []string{"symbol", "symbols"}}
	coinbasePrimeFunds = &Fields{
		Asset: []string{"currency_symbol", "currencySymbol", "source_symbol", "sourceSymbol", "currency"}, Quantity: []string{"amount"},
		Address: []string{"blockchain_address.address", "blockchainAddress.address", "payment_method.payment_method_id", "paymentMethod.paymentMethodId",
			"counterparty.counterparty_id", "counterparty.counterpartyId"},
		Tag:      []string{"blockchain_address.account_identifier", "blockchainAddress.accountIdentifier"},
		Object:   []string{"destination"},
		ClientID: []string{"idempotency_key", "idempotencyKey"},
	}
	coinbasePrimeBook = &Fields{Address: []string{"address"}, Asset: []string{"currency_symbol", "currencySymbol"}}
)

// coinbasePrimeRefine reads the algorithmic types as what they trade.
func coinbasePrimeRefine(v Values, a *vedette.Action) {
	switch v.Get("type") {
	case "TWAP", "VWAP", "RFQ", "BLOCK", "PEG":
		if a.Type = vedette.Market; a.Price.IsSet() {
			a.Type = vedette.Limit
		}
	}
}

const (
	coinbasePrimePortfolio = "/v1/portfolios/{account}"
	coinbasePrimeWallet    = "/v1/portfolios/{account}/wallets/{}"
)

var coinbasePrimeRoutes = NewRoutes(coinbasePrimeChanges, coinbasePrimeReads())

var coinbasePrimeChanges = []Route{
	{Method: "POST", Path: coinbasePrimePortfolio + "/order", Op: vedette.OpOrderNew, Fields: coinbasePrimeOrder},
	{Method: "POST", Path: coinbasePrimePortfolio + "/order_preview", Op: vedette.OpOrderQuery, Fields: coinbasePrimeOrder},
	{Method: "POST", Path: coinbasePrimePortfolio + "/orders/{order}/cancel", Op: vedette.OpOrderCancel},
	{Method: "PUT", Path: coinbasePrimePortfolio + "/orders/{order}/edit", Op: vedette.OpOrderAmend, Fields: coinbasePrimeAmend},
	{Method: "POST", Path: coinbasePrimePortfolio + "/rfq", Op: vedette.OpOrderQuery, Fields: coinbasePrimeOrder},
	{Method: "POST", Path: coinbasePrimePortfolio + "/accept_quote", Op: vedette.OpOrderNew, Fields: coinbasePrimeOrder},

	{Method: "POST", Path: coinbasePrimeWallet + "/withdrawals", Op: vedette.OpWithdraw, Fields: coinbasePrimeFunds},
	{Method: "POST", Path: coinbasePrimeWallet + "/onchain_transaction", Op: vedette.OpWithdraw, Fields: coinbasePrimeFunds.to(nil)},
	{Method: "POST", Path: coinbasePrimeWallet + "/transfers", Op: vedette.OpTransfer, Fields: coinbasePrimeFunds},
	{Method: "POST", Path: coinbasePrimeWallet + "/conversion", Op: vedette.OpTransfer, Fields: coinbasePrimeFunds},
	{Method: "POST", Path: coinbasePrimeWallet + "/staking/initiate", Op: vedette.OpTransfer, Fields: coinbasePrimeFunds},
	{Method: "POST", Path: coinbasePrimeWallet + "/staking/unstake", Op: vedette.OpTransfer, Fields: coinbasePrimeFunds},
	{Method: "POST", Path: coinbasePrimeWallet + "/staking/claim_rewards", Op: vedette.OpTransfer, Fields: coinbasePrimeFunds},
	{Method: "POST", Path: coinbasePrimePortfolio + "/staking/initiate", Op: vedette.OpTransfer, Fields: coinbasePrimeFunds},
	{Method: "POST", Path: coinbasePrimePortfolio + "/staking/unstake", Op: vedette.OpTransfer, Fields: coinbasePrimeFunds},
	{Method: "POST", Path: coinbasePrimePortfolio + "/staking/transaction-validators/query", Op: vedette.OpAccountRead},
	{Method: "POST", Path: "/v1/entities/{account}/futures/sweeps", Op: vedette.OpTransfer, Fields: coinbasePrimeFunds},
	{Method: "DELETE", Path: "/v1/entities/{account}/futures/sweeps", Op: vedette.OpTransfer},
	{Method: "POST", Path: "/v1/entities/{account}/futures/auto_sweep", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/v1/allocations", Op: vedette.OpTransfer},
	{Method: "POST", Path: "/v1/allocations/net", Op: vedette.OpTransfer},
	{Method: "POST", Path: coinbasePrimeWallet + "/addresses", Op: vedette.OpDepositAddress},
	{Method: "GET", Path: coinbasePrimeWallet + "/addresses", Op: vedette.OpDepositAddress},
	{Method: "GET", Path: coinbasePrimeWallet + "/deposit_instructions", Op: vedette.OpDepositAddress},

	{Method: "POST", Path: coinbasePrimePortfolio + "/address_book", Op: vedette.OpAllowlistChange, Fields: coinbasePrimeBook},
	{Method: "POST", Path: coinbasePrimePortfolio + "/onchain_address_group", Op: vedette.OpAllowlistChange},
	{Method: "PUT", Path: coinbasePrimePortfolio + "/onchain_address_group", Op: vedette.OpAllowlistChange},
	{Method: "DELETE", Path: coinbasePrimePortfolio + "/onchain_address_group/{object}", Op: vedette.OpAllowlistChange},
	{Method: "POST", Path: coinbasePrimePortfolio + "/wallets", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/v1/api-keys/rotate", Op: vedette.OpKeyChange},

	{Method: WS, Path: "subscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "unsubscribe", Op: vedette.OpMarketRead},
}

func coinbasePrimeReads() []Route {
	var routes []Route
	add := func(op vedette.Operation, paths ...string) {
		for _, p := range paths {
			routes = append(routes, Route{Method: "GET", Path: p, Op: op, Fields: coinbasePrimeRead})
		}
	}
	add(vedette.OpOrderQuery, coinbasePrimePortfolio+"/orders", coinbasePrimePortfolio+"/open_orders", coinbasePrimePortfolio+"/fills",
		coinbasePrimePortfolio+"/orders/{order}", coinbasePrimePortfolio+"/orders/{order}/fills", coinbasePrimePortfolio+"/orders/{order}/edit_history")
	add(vedette.OpMarketRead, "/", coinbasePrimePortfolio+"/products", coinbasePrimePortfolio+"/candles", coinbasePrimePortfolio+"/products/*")
	add(vedette.OpAccountRead, "/v1/portfolios", coinbasePrimePortfolio, coinbasePrimePortfolio+"/*", "/v1/entities/{account}/*",
		"/v1/activities/{object}", "/v1/conversion/fees", "/v1/assets")
	return routes
}
