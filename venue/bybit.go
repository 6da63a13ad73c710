package venue

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Bybit (API v5) signs time, key and window, then the query of a GET or the body of
// a POST. Neither method nor path is signed. A WebSocket session logs in once.
var Bybit = &Dialect{
	Name:  "bybit",
	Title: "Bybit",
	Docs:  "https://bybit-exchange.github.io/docs/v5/guide#authentication",
	Hosts: []string{"api.bybit.com", "api.bytick.com", "api.bybit.nl", "api.bybit.eu", "api.bybit-tr.com", "api.bybit.kz", "api.bybitgeorgia.ge",
		"api.bybit.ae", "api.bybit.id", "api.byhkbit.com", "api-demo.bybit.com", "api-testnet.bybit.com", "stream.bybit.com", "stream.bybit.nl", "stream.bybit.eu",
		"stream.bybit-tr.com", "stream.bybit.kz", "stream.bybitgeorgia.ge", "stream.bybit.ae", "stream-demo.bybit.com", "stream-testnet.bybit.com"},
	Schemes: []Scheme{
		{Name: "hmac", Algorithm: HMACSHA256, Signature: Hex, Covers: CoversQuery | CoversBody | CoversTime, Note: bybitNote},
		{Name: "rsa", Algorithm: RSAPKCS1SHA256, Signature: Base64, Covers: CoversQuery | CoversBody | CoversTime, Note: bybitNote},
	},
	Routes:    bybitRoutes,
	Claim:     bybitClaim,
	Message:   bybitMessage,
	Meaning:   bybitMeaning,
	Answer:    bybitAnswer,
	Correlate: bybitCorrelate,
	Deny:      bybitDeny,
}

const bybitNote = "query of a GET or body of a POST; a request with both is refused as ambiguous"

var bybitHeaders = signedHeaders{key: "X-BAPI-API-KEY", sign: "X-BAPI-SIGN", time: "X-BAPI-TIMESTAMP"}

// maxRecvWindow bounds the window that a request may ask for: a longer one is read
// as this, so that the replay window stays bounded.
const maxRecvWindow = time.Minute

func bybitClaim(r *Request, c *Claim) {
	if r.Kind == Message {
		bybitLogin(r, c)
		return
	}
	if !bybitHeaders.claim(r, c) {
		bearerClaim(r, c)
		return
	}
	bybitWindow(c, r.single(c, "X-BAPI-RECV-WINDOW"))
	if r.Query != "" && len(r.Body) > 0 {
		c.Fault = vedette.Ambiguous
	}
	c.afterDigits(r)
}

// bybitWindow reads the time in c.Text: accepted from the window ago up to 1 s
// ahead of the venue's clock (error 10002).
func bybitWindow(c *Claim, window string) {
	age := 5 * time.Second
	if window != "" {
		ms, err := strconv.ParseUint(window, 10, 32)
		if err != nil {
			c.Fault = vedette.BadEncoding
		}
		age = min(time.Duration(ms)*time.Millisecond, maxRecvWindow)
	}
	t, tick, ok := parseUnix(c.Text)
	c.within(t, tick, ok, age, time.Second)
}

func bybitLogin(r *Request, c *Claim) {
	root := r.JSON()
	args := root.Get("args")
	if root.Get("op").Text() != "auth" {
		sessionClaim(r, c)
		if h := root.Get("header"); c.Auth == AuthSession && h.Exists() {
			if c.Text = h.Get("X-BAPI-TIMESTAMP").Text(); c.Text != "" {
				bybitWindow(c, h.Get("X-BAPI-RECV-WINDOW").Text())
			}
			if args.Len() > 1 { // only the first is documented
				c.Fault = vedette.Ambiguous
			}
		}
		return
	}
	c.Auth, c.Login = AuthSignature, true
	key := args.First()
	expires := key.Next(args)
	sign := expires.Next(args)
	c.Key, c.Text, c.Signature = key.Text(), expires.Text(), sign.Text()
	t, _, ok := parseUnix(c.Text)
	if !ok || sign.Next(args).Exists() {
		c.Fault = vedette.BadEncoding
		return
	}
	c.Expires = t
}

func bybitMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	if r.Kind == Message {
		return append(append(dst, "GET/realtime"...), c.Text...), true
	}
	dst = append(append(dst, c.Text...), c.Key...)
	dst = append(dst, r.Header.Get("X-BAPI-RECV-WINDOW")...)
	if len(r.Body) > 0 {
		return append(dst, r.Body...), true
	}
	return append(dst, r.Query...), true
}

func bybitRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return bybitRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	root := r.JSON()
	method = root.Get("op").Text()
	args := root.Get("args")
	route = bybitRoutes.Find(WS, method)
	if route != nil && route.Op == vedette.OpMarketRead {
		if private := firstChannel(args, "", bybitTopic); private != vedette.OpMarketRead {
			route = &privateReads[private]
		}
	}
	return route, method, Values{JSON: args.First()}
}

// bybitTopic returns what a subscription to the topic reads.
func bybitTopic(topic string) vedette.Operation {
	switch head, _, _ := strings.Cut(topic, "."); head {
	case "order", "execution", "stopOrder", "ticketInfo", "dcp":
		return vedette.OpOrderQuery
	case "spread":
		if topic == "spread.order" || topic == "spread.execution" {
			return vedette.OpOrderQuery
		}
	case "position", "wallet", "greeks", "outboundAccountInfo":
		return vedette.OpAccountRead
	}
	return vedette.OpMarketRead
}

func bybitMeaning(r *Request, c *vedette.Call) {
	route, method, v := bybitRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	bybitRoutes.MeanAs(route, r.Path, v, c)
}

func bybitAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	body := answer.JSON()
	code := body.Get("retCode").Text()
	if code == "" {
		code = body.Get("ret_code").Text()
	}
	route, _, _ := bybitRoute(r)
	failed := code != "" && code != "0" || body.Get("success").Kind() == strictjson.False
	if failed {
		a.Error, a.Outcome, issued.LoginFailed = code, vedette.Rejected, route.logsIn()
		return
	}
	result := body.Get("result")
	if answer.Kind == Reply {
		result = body.Get("data")
	}
	if list := result.Get("list"); list.Len() == 1 {
		result = list.First()
	}
	a.OrderID = result.Get("orderId").Text()
	if state := result.Get("orderStatus").Text(); state == "Deactivated" {
		a.Outcome = vedette.Cancelled
	} else {
		a.Outcome = outcome(state)
	}
	if route.changes() && code == "0" && a.Outcome == vedette.OutcomeNone {
		a.Outcome = vedette.Accepted
	}
	if route != nil && route.Op == vedette.OpAccountRead {
		a.Account = uidText(result.Get("userID"))
	}
}

// bybitCorrelate ties log-ins by their kind, since the venue does not always echo
// their id, and the rest by id.
func bybitCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	root := r.JSON()
	if root.Get("op").Text() == "auth" {
		return "auth"
	}
	for _, name := range []string{"reqId", "req_id"} {
		if id := root.Get(name); id.Raw() != "" {
			return id.Raw()
		}
	}
	return ""
}

var bybitDenials = denials{
	otherGround:   {200, "10005", "Permission denied, please check your API key permissions."},
	badSignature:  {200, "10004", "Error sign, please check your signature generation algorithm."},
	badPassphrase: {200, "10004", "Error sign, please check your signature generation algorithm."},
	badTime:       {200, "10002", "invalid request, please check your server timestamp or recv_window param"},
	usedBefore:    {200, "10004", "Error sign: this signature was used before."},
	unknownKey:    {401, "10003", "API key is invalid."},
	badAddress:    {200, "10010", "Unmatched IP, please check your API key's bound IP addresses."},
	tooMany:       {200, "10006", "Too many visits. Exceeded the API Rate Limit."},
	notAvailable:  {503, "10016", "Service is restarting, please retry later."},
	unanswered:    {504, "170007", "Timeout waiting for response from backend server; execution status unknown."},
	unreadable:    {400, "10001", "The request can be read in more than one way or not at all."},
	tooLarge:      {413, "10001", "The request is too large."},
}

func bybitDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := bybitDenials.of(d)
	if r.Kind != Message {
		dst = append(append(dst, `{"retCode":`...), e.code...)
		dst = append(append(append(dst, `,"retMsg":"`...), e.msg...), `","result":{},"retExtInfo":{},"time":0}`...)
		return Refusal{Status: e.status, ContentType: "application/json; charset=utf-8", Body: dst}
	}
	root := r.JSON()
	op := rawOr(root.Get("op"), `""`)
	if id := root.Get("reqId"); id.Exists() || root.Get("header").Exists() { // trade channel
		dst = append(append(dst, `{"reqId":`...), rawOr(id, `""`)...)
		dst = append(append(append(dst, `,"retCode":`...), e.code...), `,"retMsg":"`...)
		dst = append(append(append(dst, e.msg...), `","op":`...), op...)
		return Refusal{Body: append(dst, `,"data":{},"retExtInfo":{}}`...)}
	}
	dst = append(append(dst, `{"success":false,"ret_msg":"`...), e.msg...)
	dst = append(append(append(dst, `","req_id":`...), rawOr(root.Get("req_id"), `""`)...), `,"op":`...)
	return Refusal{Body: append(append(dst, op...), '}')}
}

var (
	bybitOrder = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"side"}, Type: []string{"orderType"}, TIF: []string{"timeInForce"},
		Price: []string{"price"}, Stop: []string{"triggerPrice"}, Quantity: []string{"qty"}, ClientID: []string{"orderLinkId"},
		ReduceOnly: []string{"reduceOnly"}, Refine: triggered,
	}
	bybitTarget = &Fields{
		Instrument: []string{"symbol", "baseCoin", "settleCoin"}, Target: []string{"orderId", "orderLinkId"},
		Price: []string{"price"}, Stop: []string{"triggerPrice"}, Quantity: []string{"qty"},
	}
	bybitStops   = &Fields{Instrument: []string{"symbol"}, Stop: []string{"stopLoss", "takeProfit", "trailingStop"}, Quantity: []string{"slSize", "tpSize"}, Refine: stopReduce}
	bybitCapital = &Fields{
		Asset: []string{"coin", "fromCoin", "currency"}, Address: []string{"address"}, Tag: []string{"tag"}, Quantity: []string{"amount", "requestAmount"},
		ClientID: []string{"transferId", "requestId"}, Object: []string{"toMemberId", "toUid", "subMemberId", "quoteTxId", "id"}, Instrument: []string{"symbol"},
	}
	bybitRFQ  = &Fields{Target: []string{"rfqId", "quoteId"}, ClientID: []string{"rfqLinkId", "quoteLinkId"}, Side: []string{"quoteSide"}}
	bybitRead = &Fields{Instrument: []string{"symbol"}, Target: []string{"orderId", "orderLinkId"}, Asset: []string{"coin"}, Object: []string{"memberId", "subMemberId"}}
	bybitKeys = &Fields{Object: []string{"apikey", "subuid", "subMemberId"}}
)

// triggered makes a stop order of one that has a trigger price.
func triggered(_ Values, a *vedette.Action) {
	if a.StopPrice.Sign() <= 0 {
		return
	}
	if a.Type == vedette.Limit {
		a.Type = vedette.StopLimit
	} else {
		a.Type = vedette.Stop
	}
}

// stopReduce is for calls that set the stops of a position.
func stopReduce(_ Values, a *vedette.Action) { a.Type, a.ReduceOnly = vedette.Stop, true }

var bybitRoutes = NewRoutes(bybitTrading(), bybitAccount(), bybitMore(), bybitWS())

func bybitTrading() []Route {
	const order, position, spread = "/v5/order/", "/v5/position/", "/v5/spread/"
	return slices.Concat(
		family("POST", order, vedette.OpOrderNew, bybitOrder, "create"),
		family("POST", order, vedette.OpOrderQuery, bybitOrder, "pre-check"),
		family("POST", order, vedette.OpOrderAmend, bybitTarget, "amend"),
		family("POST", order, vedette.OpOrderCancel, bybitTarget, "cancel"),
		family("POST", order, vedette.OpOrderCancelAll, bybitTarget, "cancel-all disconnected-cancel-all"),
		batch("POST", order, "request", vedette.OpOrderNew, bybitOrder, "create-batch"),
		batch("POST", order, "request", vedette.OpOrderAmend, bybitTarget, "amend-batch"),
		batch("POST", order, "request", vedette.OpOrderCancel, bybitTarget, "cancel-batch"),
		family("GET", order, vedette.OpOrderQuery, bybitRead, "realtime history spot-borrow-check"),
		family("GET", "/v5/execution/", vedette.OpOrderQuery, bybitRead, "list fast-execution"),

		family("POST", position, vedette.OpOrderNew, bybitStops, "trading-stop"),
		family("POST", position, vedette.OpTransfer, bybitRead, "add-margin move-positions"),
		family("POST", position, vedette.OpSetting, bybitRead, "set-leverage switch-isolated set-tpsl-mode switch-mode set-risk-limit set-auto-add-margin confirm-pending-mmr"),
		family("GET", position, vedette.OpAccountRead, bybitRead, "*"),

		family("POST", spread, vedette.OpOrderNew, bybitOrder, "order/create"),
		family("POST", spread, vedette.OpOrderAmend, bybitTarget, "order/amend"),
		family("POST", spread, vedette.OpOrderCancel, bybitTarget, "order/cancel"),
		family("POST", spread, vedette.OpOrderCancelAll, bybitTarget, "order/cancel-all"),
		family("GET", spread, vedette.OpOrderQuery, bybitRead, "order/realtime order/history execution/list max-qty"),
		family("GET", spread, vedette.OpMarketRead, bybitRead, "instrument orderbook tickers recent-trade"),

		family("GET", "/v5/rfq/", vedette.OpOrderQuery, nil, "*"),
		family("POST", "/v5/rfq/", vedette.OpOrderNew, bybitRFQ, "create-rfq create-quote execute-quote accept-other-quote"),
		family("POST", "/v5/rfq/", vedette.OpOrderCancel, bybitRFQ, "cancel-rfq cancel-quote"),
		family("POST", "/v5/rfq/", vedette.OpOrderCancelAll, nil, "cancel-all-rfq cancel-all-quotes"),
		family("POST", "/v5/strategy/", vedette.OpOrderNew, bybitOrder, "create"),
		family("POST", "/v5/strategy/", vedette.OpOrderCancel, bybitRead, "stop"),
		family("GET", "/v5/strategy/", vedette.OpOrderQuery, bybitRead, "list order-list"),
		family("GET", "/v5/event/", vedette.OpOrderQuery, bybitRead, "order-realtime order-list trades settlements"),
		family("GET", "/v5/event/", vedette.OpAccountRead, bybitRead, "positions"),
		family("GET", "/v5/event/", vedette.OpMarketRead, bybitRead, "instruments-info orderbook"),
		family("GET", "/v5/pre-upgrade/", vedette.OpOrderQuery, bybitRead, "*"),
	)
}

func bybitAccount() []Route {
	const account, asset, user = "/v5/account/", "/v5/asset/", "/v5/user/"
	return slices.Concat(
		family("GET", account, vedette.OpAccountRead, bybitRead, "*"),
		family("POST", account, vedette.OpTransfer, bybitCapital, "quick-repayment borrow repay no-convert-repay"),
		family("POST", account, vedette.OpSetting, bybitRead, "upgrade-to-uta set-margin-mode set-hedging-mode mmp-modify mmp-reset set-limit-px-action set-delta-mode set-collateral-switch set-collateral-switch-batch demo-apply-money"),

		family("GET", asset, vedette.OpAccountRead, bybitRead, "*"),
		family("GET", asset, vedette.OpDepositAddress, bybitRead, "deposit/query-address deposit/query-sub-member-address"),
		family("POST", asset, vedette.OpWithdraw, bybitCapital, "withdraw/create"),
		family("POST", asset, vedette.OpAdmin, bybitCapital, "withdraw/cancel deposit/deposit-to-account transfer/save-transfer-sub-member travel-rule/deposit/submit"),
		family("POST", asset, vedette.OpTransfer, bybitCapital, "transfer/inter-transfer transfer/universal-transfer covert/small-balance-execute convert/small-balance-execute"),
		family("POST", asset, vedette.OpOrderQuery, bybitCapital, "exchange/quote-apply covert/get-quote convert/get-quote"),
		family("POST", asset, vedette.OpOrderNew, bybitCapital, "exchange/convert-execute"),

		family("GET", user, vedette.OpAccountRead, bybitKeys, "*"),
		family("", user, vedette.OpAdmin, bybitKeys, "del-submember"),
		family("POST", user, vedette.OpKeyCreate, bybitKeys, "create-sub-api"),
		family("POST", user, vedette.OpKeyChange, bybitKeys, "update-api update-sub-api"),
		family("POST", user, vedette.OpKeyDelete, bybitKeys, "delete-api delete-sub-api"),
		family("POST", user, vedette.OpAdmin, bybitKeys, "create-sub-member frozen-sub-member agreement create-demo-member"),

		family("GET", "/v5/broker/", vedette.OpAccountRead, nil, "*"),
		family("POST", "/v5/broker/", vedette.OpAccountRead, nil, "award/info award/distribution-record"),
		family("POST", "/v5/broker/", vedette.OpTransfer, bybitCapital, "award/distribute-award"),
		family("GET", "/v5/affiliate/", vedette.OpAccountRead, nil, "*"),
	)
}

func bybitMore() []Route {
	const v5 = "/v5/"
	return slices.Concat(
		family("POST", v5, vedette.OpOrderQuery, bybitCapital, "fiat/quote-apply"),
		family("POST", v5, vedette.OpOrderNew, bybitCapital, "fiat/trade-execute"),
		family("POST", v5, vedette.OpTransfer, bybitCapital, "spot-lever-token/purchase spot-lever-token/redeem spot-margin-trade/fixedborrow spot-margin-trade/fixedborrow-renew spot-cross-margin-trade/loan spot-cross-margin-trade/repay crypto-loan/borrow crypto-loan/repay crypto-loan/adjust-ltv crypto-loan-common/adjust-ltv crypto-loan-flexible/borrow crypto-loan-flexible/repay crypto-loan-flexible/repay-collateral crypto-loan-fixed/borrow crypto-loan-fixed/renew crypto-loan-fixed/supply crypto-loan-fixed/fully-repay crypto-loan-fixed/repay-collateral ins-loan/repay-loan lending/purchase lending/redeem lending/redeem-cancel earn/place-order earn/advance/place-order earn/fixed-term/place-order earn/fixed-term/redeem earn/liquidity-mining/reinvest earn/rwa/place-order earn/token/place-order earn/pwm/fund-transfer earn/pwm/investment-plan/claim earn/pwm/investment-plan/invest-more earn/pwm/investment-plan/redeem earn/pwm/investment-plan/subscribe alpha/lp/stake alpha/lp/redeem"),
		family("POST", v5, vedette.OpSetting, bybitRead, "spot-margin-trade/switch-mode spot-margin-trade/set-leverage spot-margin-trade/set-auto-repay-mode spot-cross-margin-trade/switch crypto-loan-fixed/borrow-order-cancel crypto-loan-fixed/supply-order-cancel ins-loan/association-uid earn/fixed-term/position/auto-invest earn/position/modify apilimit/set broker/apilimit/set p2p/item/create p2p/item/update p2p/item/online p2p/item/cancel p2p/order/pay p2p/order/message/send earn/pwm/asset-manager/create-fund earn/pwm/asset-manager/create-investment-plan earn/pwm/asset-manager/create-sub-account earn/pwm/asset-manager/manage-investment-plan earn/pwm/asset-manager/manage-order earn/pwm/asset-manager/settle-profit earn/pwm/customize-plan/create"),
		family("POST", v5, vedette.OpAccountRead, bybitRead, "crypto-loan-common/max-loan spot-x/launchpool/user/activity-log spot-x/launchpool/user/history p2p/item/info p2p/item/personal/list p2p/order/info p2p/order/simplifyList p2p/order/pending/simplifyList p2p/order/message/listpage p2p/user/personal/info p2p/user/order/personal/info p2p/user/payment/list card/transaction/query-asset-records card/reward/points/balance card/reward/points/records"),
		family("POST", v5, vedette.OpTransfer, bybitCapital, "p2p/order/finish"), // releases the assets
		family("POST", v5, vedette.OpOrderNew, bybitCapital, "alpha/trade/purchase alpha/trade/redeem alpha/prediction/buy alpha/prediction/sell"),
		family("POST", v5, vedette.OpOrderQuery, nil, "alpha/trade/quote alpha/trade/order-list alpha/prediction/order-list alpha/prediction/order-estimate alpha/lp/order-list"),
		family("POST", v5, vedette.OpAccountRead, nil, "alpha/trade/asset-list alpha/trade/asset-detail alpha/prediction/position-list alpha/prediction/position-history alpha/prediction/portfolio-summary alpha/lp/position-list"),
		family("GET", v5, vedette.OpAccountRead, bybitRead, "fiat/* spot-lever-token/* spot-margin-trade/* spot-cross-margin-trade/* crypto-loan/* crypto-loan-common/* crypto-loan-flexible/* crypto-loan-fixed/* ins-loan/* lending/* earn/* apilimit/* spot-x/*"),
		family("GET", v5, vedette.OpMarketRead, bybitRead, "market/* announcements/* system/* spot-x/launchpool/project/list spot-x/puzzle/project/list spot-x/token-splash/project/list earn/product fiat/reference-price spot-margin-trade/data spot-margin-trade/collateral crypto-loan/collateral-data crypto-loan/loanable-data crypto-loan-common/collateral-data crypto-loan-common/loanable-data crypto-loan-fixed/supply-order-quote crypto-loan-fixed/borrow-order-quote ins-loan/product-infos"),
		family("GET", "/v3/", vedette.OpMarketRead, nil, "public/time"),
		family("GET", v5, vedette.OpMarketRead, nil, "private trade public/*"), // upgrades
		family("GET", "/", vedette.OpMarketRead, nil, "realtime_public realtime_private"),
	)
}

func bybitWS() []Route {
	return slices.Concat(
		family(WS, "", vedette.OpSessionLogin, nil, "auth"),
		family(WS, "", vedette.OpMarketRead, nil, "ping subscribe unsubscribe"),
		family(WS, "order.", vedette.OpOrderNew, bybitOrder, "create"),
		family(WS, "order.", vedette.OpOrderAmend, bybitTarget, "amend"),
		family(WS, "order.", vedette.OpOrderCancel, bybitTarget, "cancel"),
		family(WS, "order.", vedette.OpOrderCancelAll, bybitTarget, "cancel-all"),
		batch(WS, "order.", "request", vedette.OpOrderNew, bybitOrder, "create-batch"),
		batch(WS, "order.", "request", vedette.OpOrderAmend, bybitTarget, "amend-batch"),
		batch(WS, "order.", "request", vedette.OpOrderCancel, bybitTarget, "cancel-batch"),
	)
}
