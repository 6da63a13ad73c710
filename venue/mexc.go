package venue

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// MEXC has two APIs. Spot signs as Binance does: query and body, less the signature.
// Contracts sign key, time, and the query or the body. Neither signs method or path.
var MEXC = &Dialect{
	Name:  "mexc",
	Title: "MEXC",
	Docs:  "https://www.mexc.com/api-docs/spot-v3/general-info",
	Hosts: []string{"api.mexc.com", "contract.mexc.com", "futures.mexc.com", "www.mexc.com", "wbs.mexc.com", "wbs-api.mexc.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA256, Signature: Hex, Covers: CoversQuery | CoversBody | CoversTime,
		Note: "contracts: query or body, a request with both is refused; broker endpoints: the JSON body may be left out of what is signed"}},
	Routes:    mexcRoutes,
	Claim:     mexcClaim,
	Message:   mexcMessage,
	Meaning:   mexcMeaning,
	Answer:    mexcAnswer,
	Correlate: mexcCorrelate,
	Deny:      mexcDeny,
}

var mexcHeaders = signedHeaders{key: "ApiKey", sign: "Signature", time: "Request-Time"}

// mexcWindow is how far the time of a contract request may be off either way, unless
// its Recv-Window says otherwise, in seconds.
const mexcWindow = 10 * time.Second

// mexcContracts reports whether the request is one of the contract API.
func mexcContracts(r *Request) bool { return strings.HasPrefix(r.Path, "/api/v1/") }

func mexcClaim(r *Request, c *Claim) {
	switch {
	case r.Kind == Message:
		mexcLogin(r, c)
	case !mexcContracts(r) || r.Kind == Upgrade:
		route, _, v := mexcRoute(r)
		if r.Kind == HTTPRequest && r.IsJSON() { // time and window stand in the query
			v.JSON = strictjson.Value{}
		}
		binanceStyleClaim(r, c, "X-MEXC-APIKEY", route, v)
		if !r.IsJSON() || opensJSON(r.Query) { // broker endpoints take JSON beside the query
			c.divideTyped(r, "signature")
		}
	case mexcHeaders.claim(r, c):
		window := mexcWindow
		if s := r.single(c, "Recv-Window"); s != "" {
			n, err := strconv.ParseUint(s, 10, 32)
			if err != nil {
				c.Fault = vedette.BadEncoding
			}
			window = min(time.Duration(n)*time.Second, maxRecvWindow)
		}
		t, tick, ok := parseUnix(c.Text)
		c.within(t, tick, ok, window, window)
		if r.Query != "" && len(r.Body) > 0 {
			c.Fault = vedette.Ambiguous
		}
		c.afterDigits(r)
	}
}

func mexcLogin(r *Request, c *Claim) {
	root := r.JSON()
	if root.Get("method").Text() != "login" {
		sessionClaim(r, c)
		return
	}
	p := root.Get("param")
	c.Auth, c.Login = AuthSignature, true
	c.Key, c.Signature, c.Text = p.Get("apiKey").Text(), p.Get("signature").Text(), p.Get("reqTime").Text()
	t, tick, ok := parseUnix(c.Text)
	c.within(t, tick, ok, mexcWindow, mexcWindow)
}

func mexcMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	switch {
	case r.Kind == Message:
		return append(append(dst, c.Key...), c.Text...), form == 0
	case !mexcContracts(r):
		dst = appendWithout(dst, r.Query, "signature")
		if form == 0 {
			return appendWithout(dst, text(r.Body), "signature"), true
		}
		return dst, form == 1 && r.IsJSON() && strings.HasPrefix(r.Path, "/api/v3/broker/")
	}
	dst = append(append(dst, c.Key...), c.Text...)
	switch {
	case form == 0 && len(r.Body) > 0:
		return append(dst, r.Body...), true
	case form == 0:
		return append(dst, r.Query...), true
	case form == 1: // the venue sorts, whatever the order on the wire
		return appendSortedQuery(dst, r.Query)
	}
	return dst, false
}

// appendSortedQuery appends the raw parameters of a query sorted by name; false where
// they stand in that order already.
func appendSortedQuery(dst []byte, query string) ([]byte, bool) {
	var buf [32]string
	list := buf[:0]
	for one := range strings.SplitSeq(query, "&") {
		list = append(list, one)
	}
	byName := func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	}
	if slices.IsSortedFunc(list, byName) {
		return dst, false
	}
	slices.SortStableFunc(list, byName)
	for i, one := range list {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, one...)
	}
	return dst, true
}

func mexcRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return mexcRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	root := r.JSON()
	method = root.Get("method").Text()
	route = mexcRoutes.Find(WS, method)
	params := root.Get("params")
	if params.Kind() == strictjson.Array && route != nil { // spot
		if op := firstChannel(params, "", mexcChannel); op != vedette.OpMarketRead {
			route = &privateReads[op]
		}
	}
	if route == nil && strings.HasPrefix(method, "sub.personal") || strings.HasPrefix(method, "unsub.personal") {
		route = &privateReads[vedette.OpAccountRead]
	} else if route == nil && (strings.HasPrefix(method, "sub.") || strings.HasPrefix(method, "unsub.")) {
		route = &privateReads[vedette.OpMarketRead]
	}
	return route, method, Values{JSON: root.Get("param")}
}

func mexcChannel(ch string) vedette.Operation {
	switch {
	case strings.HasPrefix(ch, "spot@private.account"):
		return vedette.OpAccountRead
	case strings.HasPrefix(ch, "spot@private."):
		return vedette.OpOrderQuery
	}
	return vedette.OpMarketRead
}

func mexcMeaning(r *Request, c *vedette.Call) {
	route, method, v := mexcRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	if route != nil && route.Batch != "" && route.Batch != "." && v.JSON.Kind() == strictjson.Array {
		many := *route
		many.Batch = "."
		route = &many
	}
	mexcRoutes.MeanAs(route, r.Path, v, c)
}

func mexcAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	route, _, _ := mexcRoute(r)
	body := answer.JSON()
	if answer.Kind == Reply {
		if body.Get("channel").Text() == "rs.error" {
			a.Outcome, issued.LoginFailed = vedette.Rejected, route.logsIn()
		}
		return
	}
	code := body.Get("code").Text()
	if body.Get("success").Kind() == strictjson.False || code != "" && code != "0" && code != "200" {
		a.Error, a.Outcome = code, vedette.Rejected
		return
	}
	if body.Get("success").Exists() { // contracts wrap their answers
		data := body.Get("data")
		if a.OrderID = data.Get("orderId").Text(); a.OrderID == "" && route.changes() {
			a.OrderID = data.Text()
		}
		switch data.Get("state").Text() { // 1 uninformed, 2 uncompleted, 3 completed, 4 cancelled, 5 invalid
		case "1", "2":
			a.Outcome = vedette.Accepted
		case "3":
			a.Outcome = vedette.Filled
		case "4":
			a.Outcome = vedette.Cancelled
		case "5":
			a.Outcome = vedette.Rejected
		}
	} else {
		a.OrderID = body.Get("orderId").Text()
		a.Outcome = outcome(body.Get("status").Text())
		if key := body.Get("listenKey").Text(); key != "" {
			issued.Token, issued.TTL = key, time.Hour
		}
		a.Account = uidText(body.Get("uid"))
	}
	if route.changes() && a.Outcome == vedette.OutcomeNone && a.Status < 400 {
		a.Outcome = vedette.Accepted
	}
}

func mexcCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	if id := correlateID(r); id != "" && id != "0" {
		return id
	}
	switch root := r.JSON(); {
	case root.Get("method").Text() == "login", root.Get("channel").Text() == "rs.login", root.Get("channel").Text() == "rs.error":
		return "login"
	}
	return ""
}

var mexcDenials = denials{
	otherGround:   {400, "700007", "No permission to access the endpoint."},
	badSignature:  {400, "700002", "Signature for this request is not valid."},
	badPassphrase: {400, "700002", "Signature for this request is not valid."},
	badTime:       {400, "700003", "Timestamp for this request is outside of the recvWindow."},
	usedBefore:    {400, "700002", "Signature for this request was used before."},
	unknownKey:    {400, "10072", "Api key info invalid"},
	badAddress:    {400, "700006", "IP non white list"},
	tooMany:       {429, "429", "Too Many Requests"},
	notAvailable:  {503, "503", "Service not available, please try again"},
	unanswered:    {504, "504", "No answer in time; execution status unknown"},
	unreadable:    {400, "700004", "The request can be read in more than one way or not at all."},
	tooLarge:      {413, "700004", "The request is too large."},
}

var mexcContractDenials = denials{
	otherGround:   {200, "403", "Access denied"},
	badSignature:  {200, "602", "Signature verification failed"},
	badPassphrase: {200, "602", "Signature verification failed"},
	badTime:       {200, "513", "Invalid request: the request time is out of its window"},
	usedBefore:    {200, "602", "Signature verification failed: used before"},
	unknownKey:    {401, "402", "Api_key expired or not known"},
	badAddress:    {200, "406", "The accessed IP is not in the whitelist"},
	tooMany:       {200, "510", "Excessive frequency of requests"},
	notAvailable:  {503, "501", "System busy"},
	unanswered:    {504, "504", "No answer in time; execution status unknown"},
	unreadable:    {200, "600", "Parameter error: the request can be read in more than one way or not at all"},
	tooLarge:      {200, "600", "Parameter error: the request is too large"},
}

func mexcDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	switch {
	case r.Kind == Message && strings.HasPrefix(r.Path, "/ws"): // spot
		e := mexcDenials.of(d)
		dst = append(append(dst, `{"id":`...), rawOr(r.JSON().Get("id"), "0")...)
		dst = append(append(dst, `,"code":`...), e.code...)
		return Refusal{Body: append(append(append(dst, `,"msg":"`...), e.msg...), `"}`...)}
	case r.Kind == Message:
		dst = append(append(dst, `{"channel":"rs.error","data":"`...), mexcContractDenials.of(d).msg...)
		return Refusal{Body: append(dst, `","ts":0}`...)}
	case mexcContracts(r):
		e := mexcContractDenials.of(d)
		dst = append(append(dst, `{"success":false,"code":`...), e.code...)
		return Refusal{Status: e.status, ContentType: "application/json;charset=utf-8", Body: append(append(append(dst, `,"message":"`...), e.msg...), `"}`...)}
	}
	e := mexcDenials.of(d)
	dst = append(append(dst, `{"code":`...), e.code...)
	return Refusal{Status: e.status, ContentType: "application/json;charset=utf-8", Body: append(append(append(dst, `,"msg":"`...), e.msg...), `"}`...)}
}

var (
	mexcOrder = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"side"}, Type: []string{"type"}, Price: []string{"price"}, Stop: []string{"stopPrice"},
		Quantity: []string{"quantity", "quoteOrderQty"}, ClientID: []string{"newClientOrderId"}, Refine: mexcTypes,
	}
	mexcTarget = &Fields{Instrument: []string{"symbol"}, Target: []string{"orderId", "origClientOrderId"}}
	// mexcContractOrder has side and type as numbers.
	mexcContractOrder = &Fields{
		Instrument: []string{"symbol"}, Price: []string{"price"}, Stop: []string{"triggerPrice", "stopLossPrice", "takeProfitPrice"},
		Quantity: []string{"vol"}, ClientID: []string{"externalOid"}, ReduceOnly: []string{"reduceOnly"}, Refine: mexcContract,
	}
	mexcContractTarget = &Fields{
		Instrument: []string{"symbol"}, Target: []string{"orderId", "externalOid", "stopPlanOrderId", "trackOrderId"}, Price: []string{"price"},
		Quantity: []string{"vol"}, Stop: []string{"triggerPrice", "stopLossPrice", "takeProfitPrice"},
	}
	mexcCapital = &Fields{
		Asset: []string{"coin", "asset", "currency"}, Address: []string{"address"}, Tag: []string{"memo"}, Quantity: []string{"amount"}, ClientID: []string{"withdrawOrderId"},
		Object: []string{"toAccount", "id"}, Instrument: []string{"symbol"},
	}
	mexcInternal = &Fields{Asset: []string{"asset"}, Address: []string{"toAccount"}, Tag: []string{"areaCode"}, Quantity: []string{"amount"}}
	mexcRead     = &Fields{Instrument: []string{"symbol"}, Target: []string{"orderId", "origClientOrderId", "order_id"}, Asset: []string{"coin", "asset"},
		Object: []string{"subAccount"}}
	mexcKeys = &Fields{Object: []string{"apiKey", "subAccount"}}
)

func mexcTypes(v Values, a *vedette.Action) {
	switch v.Get("type") {
	case "IMMEDIATE_OR_CANCEL":
		a.Type, a.TimeInForce = vedette.Limit, vedette.IOC
	case "FILL_OR_KILL":
		a.Type, a.TimeInForce = vedette.Limit, vedette.FOK
	}
}

// mexcContract reads side (1 open long, 2 close short, 3 open short, 4 close long)
// and type (1 limit, 2 post only, 3 IOC, 4 FOK, 5 and 6 market).
func mexcContract(v Values, a *vedette.Action) {
	switch v.Get("side") {
	case "1":
		a.Side = vedette.Buy
	case "2":
		a.Side, a.ReduceOnly = vedette.Buy, true
	case "3":
		a.Side = vedette.Sell
	case "4":
		a.Side, a.ReduceOnly = vedette.Sell, true
	}
	kind := v.Get("type")
	if kind == "" {
		kind = v.Get("orderType")
	}
	switch kind {
	case "1", "2", "3", "4":
		a.Type, a.PostOnly = vedette.Limit, kind == "2"
		switch kind {
		case "3":
			a.TimeInForce = vedette.IOC
		case "4":
			a.TimeInForce = vedette.FOK
		}
	case "5", "6":
		a.Type = vedette.Market
	}
	if v.Get("triggerPrice") != "" {
		triggered(v, a)
	}
}

var mexcRoutes = NewRoutes(mexcSpot(), mexcPrivate(), mexcPublic(), mexcWS())

func mexcSpot() []Route {
	const v3 = "/api/v3/"
	routes := slices.Concat(
		family("POST", v3, vedette.OpOrderNew, mexcOrder, "order"),
		family("POST", v3, vedette.OpOrderQuery, mexcOrder, "order/test"),
		batch("POST", v3, "batchOrders", vedette.OpOrderNew, mexcOrder, "batchOrders"),
		family("DELETE", v3, vedette.OpOrderCancel, mexcTarget, "order margin/order"),
		family("DELETE", v3, vedette.OpOrderCancelAll, mexcTarget, "openOrders order/all margin/openOrders"),
		family("GET", v3, vedette.OpOrderQuery, mexcRead, "order openOrders allOrders myTrades margin/order margin/openOrders margin/allOrders margin/myTrades"),
		family("GET", v3, vedette.OpAccountRead, mexcRead, "account kyc/status uid apiKeyInfo tradeFee sub-account/* capital/* margin/* rebate/* mxDeduct/enable strategy/* asset/* broker/*"),
		family("GET", v3, vedette.OpDepositAddress, mexcRead, "capital/deposit/address broker/capital/deposit/subAddress"),
		family("POST", v3, vedette.OpDepositAddress, mexcRead, "capital/deposit/address broker/capital/deposit/subAddress"),
		family("POST", v3, vedette.OpWithdraw, mexcCapital, "capital/withdraw capital/withdraw/apply broker/capital/withdraw/apply"),
		family("DELETE", v3, vedette.OpAdmin, mexcCapital, "capital/withdraw"),
		family("POST", v3, vedette.OpWithdraw, mexcInternal, "capital/transfer/internal"),
		family("POST", v3, vedette.OpTransfer, mexcCapital, "capital/transfer capital/sub-account/universalTransfer broker/sub-account/universalTransfer capital/convert"),
		family("POST", v3, vedette.OpKeyCreate, mexcKeys, "sub-account/apiKey broker/sub-account/apiKey"),
		family("DELETE", v3, vedette.OpKeyDelete, mexcKeys, "sub-account/apiKey broker/sub-account/apiKey"),
		family("POST", v3, vedette.OpAdmin, mexcKeys, "sub-account/virtualSubAccount sub-account/futures sub-account/margin broker/sub-account/virtualSubAccount broker/sub-account/futures mxDeduct/enable strategy/group strategy/group/uid apiKeyInfo"),
		family("DELETE", v3, vedette.OpAdmin, mexcKeys, "strategy/group strategy/group/uid"),
		family("", v3, vedette.OpAccountRead, nil, "userDataStream"),
		family("DELETE", v3, vedette.OpSessionLogout, nil, "userDataStream"),
		family("GET", v3, vedette.OpMarketRead, mexcRead, "announcements ping time defaultSymbols symbol/offline exchangeInfo depth trades historicalTrades aggTrades klines avgPrice ticker/24hr ticker/price ticker/bookTicker etf/info"),
	)
	return append(routes, Route{Method: "GET", Path: "/ws", Op: vedette.OpMarketRead}) // upgrade
}

func mexcPrivate() []Route {
	const order, p = "/api/v1/private/order/", "/api/v1/private/"
	return slices.Concat(
		family("POST", order, vedette.OpOrderNew, mexcContractOrder, "submit create"),
		family("POST", order, vedette.OpOrderAmend, mexcContractTarget, "change_limit_order chase_limit_order"),
		batch("POST", order, ".", vedette.OpOrderNew, mexcContractOrder, "submit_batch"),
		batch("POST", order, ".", vedette.OpOrderCancel, mexcContractTarget, "cancel batch_cancel_with_external"),
		family("POST", order, vedette.OpOrderCancel, mexcContractTarget, "cancel_with_external"),
		family("POST", order, vedette.OpOrderCancelAll, mexcContractTarget, "cancel_all"),
		family("POST", order, vedette.OpOrderQuery, mexcRead, "open_order_total_count batch_query_with_external"),
		family("GET", order, vedette.OpOrderQuery, mexcRead, "list/* list/open_orders/{instrument} get/{order} external/{instrument}/{order} batch_query deal_details/{order}"),
		family("GET", order, vedette.OpAccountRead, nil, "fee_details"),
		family("POST", p, vedette.OpOrderNew, mexcContractOrder, "planorder/place planorder/place/v2 stoporder/place trackorder/place"),
		family("POST", p, vedette.OpOrderAmend, mexcContractTarget, "planorder/change_stop_order stoporder/change_price stoporder/change_plan_price trackorder/change_order"),
		batch("POST", p, ".", vedette.OpOrderCancel, mexcContractTarget, "planorder/cancel stoporder/cancel"),
		family("POST", p, vedette.OpOrderCancel, mexcContractTarget, "trackorder/cancel"),
		family("POST", p, vedette.OpOrderCancelAll, mexcContractTarget, "planorder/cancel_all stoporder/cancel_all"),
		family("GET", p, vedette.OpOrderQuery, mexcRead, "planorder/* stoporder/* trackorder/*"),
		family("POST", p, vedette.OpOrderNew, &Fields{Instrument: []string{"symbol"}, Refine: marketReduce}, "position/close_all"),
		family("POST", p, vedette.OpOrderNew, &Fields{Instrument: []string{"symbol"}, Quantity: []string{"vol"}}, "position/reverse"),
		family("POST", p, vedette.OpTransfer, mexcCapital, "position/change_margin"),
		family("POST", p, vedette.OpSetting, mexcRead, "position/change_auto_add_im position/change_leverage position/change_position_mode account/change_risk_level market_maker/self_trade/blacklist/create market_maker/self_trade/blacklist/update market_maker/self_trade/blacklist/delete"),
		family("POST", p, vedette.OpAccountRead, mexcRead, "account/asset/analysis/v3 account/asset/analysis/calendar/daily/v3 account/asset/analysis/calendar/monthly/v3 account/asset/analysis/recent/v3"),
		family("GET", p, vedette.OpAccountRead, mexcRead, "account/asset/{asset} account/* position/* market_maker/*"),
	)
}

func mexcPublic() []Route {
	return slices.Concat(
		family("GET", "/api/v1/contract/", vedette.OpMarketRead, mexcRead, "*"),
		family("GET", "/", vedette.OpMarketRead, nil, "edge"), // upgrade
	)
}

func mexcWS() []Route {
	return slices.Concat(
		family(WS, "", vedette.OpSessionLogin, nil, "login"),
		family(WS, "", vedette.OpMarketRead, nil, "ping PING SUBSCRIPTION UNSUBSCRIPTION GET_SUBSCRIPTIONS sub.tickers unsub.tickers"),
		family(WS, "", vedette.OpAccountRead, nil, "personal.filter"),
	)
}
