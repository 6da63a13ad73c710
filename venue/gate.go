package venue

import (
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Gate (API v4) signs method, path, decoded query, hash of the body, and time, a line
// each. On a WebSocket, subscriptions sign channel, event and time; requests sign
// event, channel, parameters and time, or travel on a session that logged in so.
var Gate = &Dialect{
	Name:  "gate",
	Title: "Gate",
	Docs:  "https://www.gate.com/docs/developers/apiv4/en/#authentication",
	Hosts: []string{"api.gateio.ws", "fx-api.gateio.ws", "api.gateapi.io", "api-testnet.gateapi.io", "fx-api-testnet.gateio.ws", "fx-ws.gateio.ws",
		"op-ws.gateio.live", "op-ws-testnet.gateio.live", "ws-testnet.gate.com", "fx-ws-testnet.gateio.ws"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA512, Signature: Hex,
		Covers: CoversMethod | CoversPath | CoversQuery | CoversBody | CoversTime,
		Note:   "the query decoded; a WebSocket subscription's signature leaves its payload open"}},
	Routes:    gateRoutes,
	Claim:     gateClaim,
	Message:   gateMessage,
	Meaning:   gateMeaning,
	Answer:    gateAnswer,
	Correlate: gateCorrelate,
	Deny:      gateDeny,
}

var gateHeaders = signedHeaders{key: "KEY", sign: "SIGN", time: "Timestamp"}

// gateWindow is how far a timestamp may be off either way (label REQUEST_EXPIRED).
const gateWindow = time.Minute

func gateClaim(r *Request, c *Claim) {
	if r.Kind == Message {
		gateMessageClaim(r, c)
	} else if !gateHeaders.claim(r, c) {
		bearerClaim(r, c)
		return
	}
	if c.Auth == AuthSignature {
		t, tick, ok := parseUnix(c.Text)
		c.within(t, tick, ok, gateWindow, gateWindow)
	}
}

// gateMessageClaim claims a subscription by its auth member, or a request by its
// payload's.
func gateMessageClaim(r *Request, c *Claim) {
	root := r.JSON()
	c.Text = root.Get("time").Text()
	auth := root.Get("auth")
	if auth.Kind() == strictjson.Object {
		c.Auth, c.Key, c.Signature = AuthSignature, auth.Get("KEY").Text(), auth.Get("SIGN").Text()
		return
	}
	p := root.Get("payload")
	if c.Key, c.Signature = p.Get("api_key").Text(), p.Get("signature").Text(); c.Key == "" && c.Signature == "" {
		sessionClaim(r, c)
		return
	}
	c.Auth, c.Login = AuthSignature, strings.HasSuffix(root.Get("channel").Text(), ".login")
	if ts := p.Get("timestamp").Text(); ts != "" {
		if c.Text != "" && c.Text != ts {
			c.Fault = vedette.Ambiguous
		}
		c.Text = ts
	}
}

func gateMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if r.Kind == Message {
		return gateMessageText(r, c, form, dst)
	}
	if form > 0 {
		return dst, false
	}
	dst = append(append(dst, r.Method...), '\n')
	dst = append(append(dst, r.Path...), '\n')
	if strings.ContainsAny(r.Query, "%+") {
		var ok bool
		if dst, ok = appendDecodedQuery(dst, r.Query); !ok {
			return dst, false
		}
	} else {
		dst = append(dst, r.Query...)
	}
	sum := sha512.Sum512(r.Body)
	dst = append(hex.AppendEncode(append(dst, '\n'), sum[:]), '\n')
	return append(dst, c.Text...), true
}

func gateMessageText(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	root := r.JSON()
	channel, event := root.Get("channel").Text(), root.Get("event").Text()
	if root.Get("auth").Exists() {
		dst = append(append(dst, "channel="...), channel...)
		dst = append(append(dst, "&event="...), event...)
		return append(append(dst, "&time="...), c.Text...), form == 0
	}
	dst = append(append(dst, event...), '\n')
	dst = append(append(dst, channel...), '\n')
	param := root.Get("payload").Get("req_param")
	switch form {
	case 0:
		if param.Kind() == strictjson.String {
			dst = append(append(append(dst, '"'), param.Raw()...), '"')
		} else {
			dst = append(dst, param.Raw()...)
		}
	case 1: // the venue's own example of a log-in signs no parameters at all
		if param.First().Exists() || param.Text() != "" {
			return dst, false
		}
	default:
		return dst, false
	}
	return append(append(dst, '\n'), c.Text...), true
}

func gateRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return gateRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	root := r.JSON()
	method = root.Get("channel").Text()
	product, name, _ := strings.Cut(method, ".")
	payload := root.Get("payload")
	if root.Get("event").Text() != "api" {
		route = gateRoutes.Find(WS, name)
		if route == nil || route.Op != vedette.OpMarketRead {
			route = &privateReads[gateChannel(name)]
		}
		return route, method, Values{JSON: payload}
	}
	param := payload.Get("req_param")
	if product == "spot" || product == "unified" {
		return gateRoutes.Find(WS, name), method, Values{JSON: param}
	}
	if route = gateRoutes.Find(WS, method); route == nil {
		route = gateRoutes.Find(WS, name)
	}
	return route, method, Values{JSON: param}
}

// gateChannel returns what a subscription to the channel reads.
func gateChannel(name string) vedette.Operation {
	switch name {
	case "orders", "orders_v2", "usertrades", "usertrades_v2", "priceorders", "autoorders", "liquidates", "auto_deleverages", "position_closes", "user_settlements":
		return vedette.OpOrderQuery
	case "balances", "margin_balances", "funding_balances", "cross_balances", "cross_loan", "positions", "reduce_risk_limits", "adl_rank":
		return vedette.OpAccountRead
	}
	return vedette.OpMarketRead
}

func gateMeaning(r *Request, c *vedette.Call) {
	route, method, v := gateRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	if route != nil && route.Batch == "" && v.JSON.Kind() == strictjson.Array && route.changes() {
		many := Route{Op: vedette.OpOrderBatch, Batch: ".", Part: route.Op, Of: route.Fields}
		route = &many
	}
	gateRoutes.MeanAs(route, r.Path, v, c)
}

func gateAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	route, _, _ := gateRoute(r)
	body := answer.JSON()
	if answer.Kind == Reply {
		fault := body.Get("data").Get("errs").Get("label").Text()
		if e := body.Get("error"); e.Kind() == strictjson.Object {
			fault = e.Get("code").Text()
		}
		if fault != "" {
			a.Error, a.Outcome, issued.LoginFailed = fault, vedette.Rejected, route.logsIn()
			return
		}
		a.Account = uidText(body.Get("data").Get("result").Get("uid"))
		body = body.Get("data").Get("result")
	}
	if body.Kind() == strictjson.Array && body.Len() == 1 {
		body = body.First()
	}
	if label := body.Get("label").Text(); label != "" || body.Get("succeeded").Kind() == strictjson.False {
		a.Error, a.Outcome = label, vedette.Rejected
		return
	}
	if body.Get("status").Exists() || body.Get("contract").Exists() || body.Get("currency_pair").Exists() {
		a.OrderID = body.Get("id").Text()
		a.Outcome = gateOutcome(body)
	}
	if route != nil && route.Op == vedette.OpAccountRead {
		a.Account = uidText(body.Get("user_id"))
	}
	if route.changes() && a.Outcome == vedette.OutcomeNone && (a.Status < 400 || answer.Kind == Reply) {
		a.Outcome = vedette.Accepted
	}
}

// gateOutcome reads an order's state, with how it finished and what is left of it.
func gateOutcome(o strictjson.Value) vedette.Outcome {
	state := o.Get("status").Text()
	if how := o.Get("finish_as").Text(); state == "finished" || state == "closed" && how != "" {
		switch how {
		case "cancelled", "ioc", "poc", "stp", "reduce_only", "position_closed", "reduce_out":
			return vedette.Cancelled
		case "filled":
			return vedette.Filled
		}
	}
	if state == "open" {
		total := o.Get("amount")
		if !total.Exists() {
			total = o.Get("size")
		}
		left, err1 := vedette.ParseDecimal(o.Get("left").Text())
		all, err2 := vedette.ParseDecimal(total.Text())
		if err1 == nil && err2 == nil && left.Abs().Cmp(all.Abs()) < 0 {
			return vedette.PartlyFilled
		}
	}
	return outcome(state)
}

// gateCorrelate ties requests by their id, but for the acknowledgement that comes
// before the answer, and subscriptions by id or channel.
func gateCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	root := r.JSON()
	if r.Kind == Message {
		if id := root.Get("payload").Get("req_id"); id.Raw() != "" {
			return id.Raw()
		}
	} else if id := root.Get("request_id"); id.Raw() != "" {
		if root.Get("ack").Kind() == strictjson.True {
			return ""
		}
		return id.Raw()
	}
	if id := correlateID(r); id != "" {
		return id
	}
	if event := root.Get("event").Text(); event == "subscribe" || event == "unsubscribe" {
		return root.Get("channel").Raw()
	}
	return ""
}

var gateDenials = denials{
	otherGround:   {403, "FORBIDDEN", "Request not permitted for this key"},
	badSignature:  {401, "INVALID_SIGNATURE", "Signature mismatch"},
	badPassphrase: {401, "INVALID_SIGNATURE", "Signature mismatch"},
	badTime:       {403, "REQUEST_EXPIRED", "gap between request Timestamp and server time exceeds 60"},
	usedBefore:    {401, "INVALID_SIGNATURE", "Signature used before"},
	unknownKey:    {401, "INVALID_KEY", "Invalid key provided"},
	badAddress:    {403, "IP_FORBIDDEN", "Request IP not in whitelist"},
	tooMany:       {429, "TOO_MANY_REQUESTS", "Request Rate limit Exceeded"},
	notAvailable:  {503, "TOO_BUSY", "Please try again later"},
	unreadable:    {400, "INVALID_REQUEST_BODY", "The request can be read in more than one way or not at all"},
}

func gateDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := gateDenials.of(d)
	if r.Kind != Message {
		dst = append(append(dst, `{"label":"`...), e.code...)
		return Refusal{Status: e.status, ContentType: "application/json", Body: append(append(append(dst, `","message":"`...), e.msg...), `"}`...)}
	}
	root := r.JSON()
	channel, event := rawOr(root.Get("channel"), `""`), rawOr(root.Get("event"), `""`)
	if root.Get("event").Text() == "api" {
		dst = append(append(dst, `{"request_id":`...), rawOr(root.Get("payload").Get("req_id"), `""`)...)
		dst = append(append(dst, `,"ack":false,"header":{"response_time":"0","status":"`...), byte('0'+e.status/100), byte('0'+e.status/10%10), byte('0'+e.status%10))
		dst = append(append(append(append(dst, `","channel":`...), channel...), `,"event":`...), event...)
		dst = append(append(dst, `},"data":{"errs":{"label":"`...), e.code...)
		return Refusal{Body: append(append(append(dst, `","message":"`...), e.msg...), `"}}}`...)}
	}
	dst = append(append(dst, `{"time":0,"id":`...), rawOr(root.Get("id"), "null")...)
	dst = append(append(append(append(dst, `,"channel":`...), channel...), `,"event":`...), event...)
	dst = append(append(dst, `,"error":{"code":2,"message":"`...), e.msg...)
	return Refusal{Body: append(dst, `"},"result":null}`...)}
}

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
	gateCapital = &Fields{
		Asset: []string{"currency", "sell_currency", "borrow_currency"}, Address: []string{"address", "receive_uid"},
		Quantity: []string{"amount", "sell_amount", "borrow_amount", "change"}, ClientID: []string{"withdraw_order_id", "client_order_id"},
		Object: []string{"sub_account", "sub_account_to"}, Instrument: []string{"currency_pair", "contract"},
	}
	gateRead = &Fields{Instrument: []string{"currency_pair", "contract", "market"}, Target: []string{"order_id", "order"}, Asset: []string{"currency"},
		Object: []string{"sub_uid"}}
)

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

var gateRoutes = NewRoutes(gateSpot(), gateContracts("/api/v4/futures/{}/"), gateContracts("/api/v4/delivery/{}/"), gateOptions(), gateAccount(), gateMore(), gateWS())

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
		family("GET", base, vedette.OpAccountRead, gateRead, "accounts account_book positions positions/{instrument} positions_timerange dual_comp/positions/{instrument} get_leverage/{instrument} position_close liquidates auto_deleverages fee risk_limit_table settlements"),
		family("POST", base, vedette.OpTransfer, gateCapital, "positions/{instrument}/margin dual_comp/positions/{instrument}/margin"),
		family("POST", base, vedette.OpAdmin, gateRead, "positions/{instrument}/leverage positions/{instrument}/set_leverage positions/{instrument}/risk_limit positions/cross_mode dual_comp/positions/cross_mode dual_mode set_position_mode dual_comp/positions/{instrument}/leverage dual_comp/positions/{instrument}/risk_limit"),
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

func gateAccount() []Route {
	const v4 = "/api/v4/"
	return slices.Concat(
		family("POST", v4, vedette.OpWithdraw, gateCapital, "withdrawals withdrawals/push"),
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
		family("POST", v4, vedette.OpTransfer, gateCapital, "unified/loans unified/quick_repayment margin/uni/loans margin/loans margin/merged_loans margin/loans/{object}/repayment margin/cross/loans margin/cross/repayments earn/uni/lends earn/staking/eth2/swap earn/staking/swap earn/dual/orders earn/dual/order-refund earn/structured/orders earn/fixed-term/user/lend earn/fixed-term/user/pre-redeem earn/autoinvest/plans/create earn/autoinvest/plans/add_position loan/collateral/orders loan/collateral/repay loan/collateral/collaterals loan/multi_collateral/orders loan/multi_collateral/repay loan/multi_collateral/mortgage"),
		family("POST", v4, vedette.OpAdmin, gateRead, "unified/leverage/user_currency_setting unified/leverage/user_setting unified/collateral_currencies unified/delta_neutral unified/account_mode margin/auto_repay margin/leverage/user_market_setting earn/autoinvest/plans/stop earn/autoinvest/plans/update earn/dual/modify-order-reinvest"),
		family("PUT", v4, vedette.OpAdmin, nil, "unified/unified_mode earn/uni/interest_reinvest"),
		family("PATCH", v4, vedette.OpAdmin, gateCapital, "margin/loans/{object} margin/loan_records/{object} earn/uni/lends"),
		family("DELETE", v4, vedette.OpAdmin, nil, "margin/loans/{object}"),
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
