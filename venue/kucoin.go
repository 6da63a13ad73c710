package venue

import (
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// KuCoin signs as OKX does, for spot, margin, futures and the unified account. Its
// streams are opened with a token that the REST API issues; its trading sessions by a
// signed upgrade, followed by a signature of the venue's greeting.
var KuCoin = &Dialect{
	Name:  "kucoin",
	Title: "KuCoin",
	Docs:  "https://www.kucoin.com/docs-new/authentication",
	Hosts: []string{"api.kucoin.com", "openapi-v2.kucoin.com", "api-futures.kucoin.com", "api-broker.kucoin.com", "wsapi.kucoin.com",
		"wsapi-push.kucoin.com", "ws-api-spot.kucoin.com", "ws-api-futures.kucoin.com", "push-private.kucoin.com", "x-push-spot.kucoin.com",
		"x-push-futures.kucoin.com", "x-push-private.kucoin.com", "openapi-sandbox.kucoin.com", "api-sandbox-futures.kucoin.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA256, Signature: Base64,
		Covers: CoversMethod | CoversPath | CoversQuery | CoversBody | CoversTime,
		Note:   "the query as sent or decoded; a stream's token stands for the credential that asked for it"}},
	Routes:    kucoinRoutes,
	Claim:     kucoinClaim,
	Message:   kucoinMessage,
	Meaning:   kucoinMeaning,
	Answer:    kucoinAnswer,
	Correlate: kucoinCorrelate,
	Push:      kucoinPush,
	Deny:      kucoinDeny,
}

var kucoinHeaders = signedHeaders{key: "KC-API-KEY", sign: "KC-API-SIGN", time: "KC-API-TIMESTAMP", passphrase: "KC-API-PASSPHRASE"}

// kucoinWindow is how far a timestamp may be off either way (error 400002).
const kucoinWindow = 5 * time.Second

func kucoinClaim(r *Request, c *Claim) {
	switch r.Kind {
	case Message:
		kucoinGreeting(r, c)
		return
	case Upgrade:
		kucoinUpgrade(r, c)
		return
	}
	if !kucoinHeaders.claim(r, c) {
		return
	}
	version := r.single(c, "KC-API-KEY-VERSION")
	c.PassphraseMAC = version != "" && version != "1" // hashed since version 2
	t, tick, ok := parseUnix(c.Text)
	c.within(t, tick, ok, kucoinWindow, kucoinWindow)
	c.divide(r)
}

// kucoinUpgrade claims a stream by its token, or a trading session by its signature.
func kucoinUpgrade(r *Request, c *Claim) {
	p := r.Params()
	if token, ok := p.Raw("token"); ok {
		c.Auth, c.Token, c.Login = AuthToken, unescapePlain(token), true
		return
	}
	sign, signed := p.Raw("sign")
	if c.Key = p.Get("apikey"); c.Key == "" && !signed {
		return
	}
	pass, _ := p.Raw("passphrase")
	c.Auth, c.Login, c.Signature, c.Text = AuthSignature, true, unescapePlain(sign), p.Get("timestamp")
	c.Passphrase, c.HasPassphrase, c.PassphraseMAC = unescapePlain(pass), true, true
	t, tick, ok := parseUnix(c.Text)
	c.within(t, tick, ok, kucoinWindow, kucoinWindow)
}

// kucoinGreeting claims the answer to the venue's greeting of a trading session: the
// bare signature of it, without JSON.
func kucoinGreeting(r *Request, c *Claim) {
	if r.IsJSON() || r.Session == nil || r.Session.Challenge == "" {
		sessionClaim(r, c)
		return
	}
	c.Auth, c.Login = AuthSignature, true
	c.Signature = strings.Trim(text(r.Body), "\" \r\n\t")
	if up := r.Session.Upgrade; up != nil {
		c.Key = up.Params().Get("apikey")
	}
	c.NonceRule, c.Nonce = NonceUnique, r.Session.Challenge // the venue's own, so a replay signs another
	if len(c.Nonce) > maxNonce {
		c.Nonce = c.Nonce[:maxNonce]
	}
}

// maxNonce bounds a challenge that serves as nonce, in bytes.
const maxNonce = 128

// kucoinPush keeps the greeting of a trading session, which the client must sign.
func kucoinPush(r *Request, s *Session) {
	if r.IsJSON() && r.JSON().Get("sessionId").Text() != "" && !r.JSON().Get("pingInterval").Exists() {
		s.Challenge = string(r.Body)
	}
}

func kucoinMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	switch {
	case r.Kind == Message && form == 0:
		return append(dst, r.Session.Challenge...), true
	case r.Kind == Message && form == 1: // some clients sign two members of it
		var doc strictjson.Doc
		if doc.Parse([]byte(r.Session.Challenge)) != nil {
			return dst, false
		}
		dst = append(dst, doc.Root().Get("sessionId").Text()...)
		return append(dst, doc.Root().Get("timestamp").Text()...), true
	case r.Kind == Upgrade && form == 0:
		return append(append(dst, c.Key...), c.Text...), true
	case r.Kind != HTTPRequest || form > 1:
		return dst, false
	}
	dst = append(append(dst, c.Text...), r.Method...)
	if form == 0 {
		return append(r.PathQuery(dst), r.Body...), true
	}
	return r.appendDecoded(dst)
}

func kucoinRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return kucoinRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	if !r.IsJSON() {
		return kucoinRoutes.Find(WS, "sign"), "sign", Values{}
	}
	root := r.JSON()
	if method = root.Get("op").Text(); method != "" {
		args := root.Get("args")
		return kucoinRoutes.Find(WS, method), method, Values{JSON: args}
	}
	topic := root.Get("topic").Text()
	if method = root.Get("type").Text(); method == "" { // unified account
		method, topic = root.Get("action").Text(), root.Get("channel").Text()
	}
	route = kucoinRoutes.Find(WS, method)
	if route != nil && route.Op == vedette.OpMarketRead {
		if op := kucoinTopic(topic); op != vedette.OpMarketRead {
			route = &privateReads[op]
		}
	}
	return route, method, Values{JSON: root}
}

// kucoinTopic returns what a subscription to the topic reads.
func kucoinTopic(topic string) vedette.Operation {
	topic, _, _ = strings.Cut(topic, ":")
	switch topic {
	case "/spotMarket/tradeOrders", "/spotMarket/tradeOrdersV2", "/spotMarket/advancedOrders", "/contractMarket/tradeOrders",
		"/contractMarket/advancedOrders", "order", "execution", "orderAll", "executionAll":
		return vedette.OpOrderQuery
	case "/account/balance", "/margin/position", "/margin/isolatedPosition", "/margin/fundingBook", "/contract/position", "/contract/positionAll",
		"/contractAccount/wallet", "/contract/crossLeverage", "/contract/marginMode", "balance", "position", "positionAll":
		return vedette.OpAccountRead
	}
	return vedette.OpMarketRead
}

// kucoinArray is the route of a batch whose body is the array itself: the futures
// share a path with the spot batch.
var kucoinArray = Route{Op: vedette.OpOrderBatch, Batch: ".", Part: vedette.OpOrderNew, Of: kucoinOrder}

// kucoinClients are the orders of a batch cancel that are named by client id.
var kucoinClients = Route{Op: vedette.OpOrderBatch, Batch: "clientOidsList", Part: vedette.OpOrderCancel, Of: kucoinTarget}

func kucoinMeaning(r *Request, c *vedette.Call) {
	route, method, v := kucoinRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	if route != nil && route.Batch != "" && v.JSON.Kind() == strictjson.Array {
		route = &kucoinArray
	}
	kucoinRoutes.MeanAs(route, r.Path, v, c)
	if route != nil && route.Batch == "orderIdsList" && v.JSON.Get(kucoinClients.Batch).Exists() {
		kucoinClients.parts(v, c)
	}
}

func kucoinAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	route, _, _ := kucoinRoute(r)
	body := answer.JSON()
	code := body.Get("code").Text()
	if code != "" && code != "200000" || body.Get("type").Text() == "error" {
		a.Error, a.Outcome, issued.LoginFailed = code, vedette.Rejected, route.logsIn()
		return
	}
	data := body.Get("data")
	if data.Kind() == strictjson.Array && data.Len() == 1 {
		data = data.First()
	}
	if token := data.Get("token").Text(); token != "" && data.Get("instanceServers").Exists() {
		issued.Token, issued.TTL = token, 24*time.Hour
		return
	}
	a.OrderID = data.Get("orderId").Text()
	if n := data.Get("newOrderId").Text(); n != "" { // altering puts a new order in the place of the old one
		a.OrderID = n
	}
	if a.OrderID == "" && route != nil && route.Op == vedette.OpOrderQuery {
		a.OrderID = data.Get("id").Text()
	}
	a.Account = uidText(data.Get("uid"))
	a.Outcome = kucoinOutcome(data)
	if data.Get("success").Kind() == strictjson.False {
		a.Outcome = vedette.Rejected
	}
	if route.changes() && code != "" && a.Outcome == vedette.OutcomeNone {
		a.Outcome = vedette.Accepted
	}
}

// kucoinOutcome reads the flags that an order has in place of a state.
func kucoinOutcome(o strictjson.Value) vedette.Outcome {
	active := o.Get("active")
	if !active.Exists() {
		active = o.Get("isActive")
	}
	switch {
	case active.Kind() == strictjson.True:
		if d, err := vedette.ParseDecimal(o.Get("dealSize").Text()); err == nil && d.Sign() > 0 {
			return vedette.PartlyFilled
		}
		return vedette.Accepted
	case o.Get("cancelExist").Kind() == strictjson.True:
		return vedette.Cancelled
	case active.Kind() == strictjson.False:
		return vedette.Filled
	}
	return outcome(o.Get("status").Text())
}

func kucoinCorrelate(r *Request) string {
	if r.Kind == Message && !r.IsJSON() || r.IsJSON() && r.JSON().Get("data").Text() == "welcome" {
		return "session"
	}
	return correlateID(r)
}

var kucoinDenials = denials{
	otherGround:   {403, "400007", "Access denied: the API key lacks the permission."},
	badSignature:  {401, "400005", "Invalid KC-API-SIGN"},
	badPassphrase: {401, "400004", "Invalid KC-API-PASSPHRASE"},
	badTime:       {401, "400002", "Invalid KC-API-TIMESTAMP"},
	usedBefore:    {401, "400005", "Invalid KC-API-SIGN: used before"},
	unknownKey:    {401, "400003", "KC-API-KEY not exists"},
	badAddress:    {401, "400006", "The IP address is not in the API whitelist"},
	tooMany:       {429, "429000", "Too Many Requests"},
	notAvailable:  {503, "500000", "Service unavailable, please try again later"},
	unanswered:    {504, "500000", "No answer in time; execution status unknown"},
	unreadable:    {400, "400100", "The request can be read in more than one way or not at all"},
	tooLarge:      {413, "400100", "The request is too large"},
}

func kucoinDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := kucoinDenials.of(d)
	if r.Kind != Message {
		dst = append(append(dst, `{"code":"`...), e.code...)
		return Refusal{Status: e.status, ContentType: "application/json", Body: append(append(append(dst, `","msg":"`...), e.msg...), `"}`...)}
	}
	root := r.JSON()
	dst = append(append(dst, `{"id":`...), rawOr(root.Get("id"), `""`)...)
	if op := root.Get("op"); op.Exists() || !r.IsJSON() {
		dst = append(append(dst, `,"op":`...), rawOr(op, `""`)...)
		dst = append(append(dst, `,"code":"`...), e.code...)
		return Refusal{Body: append(append(append(dst, `","msg":"`...), e.msg...), `"}`...)}
	}
	dst = append(append(dst, `,"type":"error","code":`...), e.code...)
	return Refusal{Body: append(append(append(dst, `,"data":"`...), e.msg...), `"}`...)}
}

var (
	kucoinOrder = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"side"}, Type: []string{"type", "orderType"}, TIF: []string{"timeInForce"},
		Price: []string{"price"}, Stop: []string{"stopPrice", "triggerPrice", "triggerStopUpPrice", "triggerStopDownPrice"},
		Quantity: []string{"size", "funds", "qty", "valueQty"}, ClientID: []string{"clientOid"}, PostOnly: []string{"postOnly"},
		ReduceOnly: []string{"reduceOnly", "closeOrder"}, Refine: triggered,
	}
	kucoinTarget = &Fields{
		Instrument: []string{"symbol"}, Target: []string{"orderId", "clientOid", "orderIds"}, Price: []string{"newPrice", "price"},
		Quantity: []string{"newSize", "size"},
	}
	kucoinCapital = &Fields{
		Asset: []string{"currency"}, Address: []string{"toAddress", "address"}, Tag: []string{"memo"}, Quantity: []string{"amount", "size", "margin", "withdrawAmount"},
		ClientID: []string{"clientOid", "bizNo"}, Object: []string{"toUserId", "subUserId", "subName", "targetUid"}, Instrument: []string{"symbol"},
	}
	kucoinRead = &Fields{Instrument: []string{"symbol"}, Target: []string{"orderId", "clientOid"}, Asset: []string{"currency"}, Object: []string{"subName", "uid"}}
	kucoinKeys = &Fields{Object: []string{"apiKey", "subName", "uid"}}
)

var kucoinRoutes = NewRoutes(kucoinSpot(), kucoinFutures(), kucoinAccount(), kucoinMarket(), kucoinUnified(), kucoinWS())

func kucoinSpot() []Route {
	const v1, v3, hf = "/api/v1/", "/api/v3/", "/api/v1/hf/orders"
	return slices.Concat(
		family("POST", hf, vedette.OpOrderNew, kucoinOrder, "/sync"),
		family("POST", hf, vedette.OpOrderQuery, kucoinOrder, "/test"),
		family("POST", hf, vedette.OpOrderAmend, kucoinTarget, "/alter"),
		family("POST", hf, vedette.OpOrderCancelAll, kucoinTarget, "/dead-cancel-all"),
		batch("POST", hf, "orderList", vedette.OpOrderNew, kucoinOrder, "/multi /multi/sync"),
		family("DELETE", hf, vedette.OpOrderCancel, kucoinTarget, "/{order} /client-order/{order} /sync/{order} /sync/client-order/{order} /cancel/{order}"),
		family("DELETE", hf, vedette.OpOrderCancelAll, kucoinTarget, "/cancelAll"),
		family("GET", hf, vedette.OpOrderQuery, kucoinRead, "/active /active/page /active/symbols /done /dead-cancel-all/query /{order} /client-order/{order}"),
		family("POST", v1, vedette.OpOrderNew, kucoinOrder, "hf/orders orders stop-order margin/order st-orders copy-trade/futures/orders copy-trade/futures/st-orders"),
		family("POST", v1, vedette.OpOrderQuery, kucoinOrder, "orders/test margin/order/test copy-trade/futures/orders/test"),
		batch("POST", v1, "orderList", vedette.OpOrderNew, kucoinOrder, "orders/multi"),
		family("DELETE", v1, vedette.OpOrderCancelAll, kucoinTarget, "hf/orders orders stop-order/cancel stopOrders"),
		family("DELETE", v1, vedette.OpOrderCancel, kucoinTarget, "orders/{order} order/client-order/{order} orders/client-order/{order} stop-order/{order} stop-order/cancelOrderByClientOid copy-trade/futures/orders copy-trade/futures/orders/client-order"),
		batch("DELETE", v1, "orderIdsList", vedette.OpOrderCancel, kucoinTarget, "orders/multi-cancel"),
		family("GET", v1, vedette.OpOrderQuery, kucoinRead, "orders orders/{order} orders/byClientOid order/client-order/{order} limit/orders fills limit/fills hf/fills stop-order stop-order/{order} stop-order/queryOrderByClientOid stopOrders recentDoneOrders recentFills openOrderStatistics"),

		family("POST", v3, vedette.OpOrderNew, kucoinOrder, "hf/margin/order hf/margin/stop-order hf/margin/oco-order oco/order"),
		family("POST", v3, vedette.OpOrderQuery, kucoinOrder, "hf/margin/order/test"),
		family("DELETE", v3, vedette.OpOrderCancel, kucoinTarget, "hf/margin/orders/{order} hf/margin/orders/client-order/{order} oco/order/{order} oco/client-order/{order} hf/margin/stop-order/cancel-by-id hf/margin/stop-order/cancel-by-clientOid hf/margin/oco-order/cancel-by-id hf/margin/oco-order/cancel-by-clientOid"),
		family("DELETE", v3, vedette.OpOrderCancelAll, kucoinTarget, "hf/margin/orders oco/orders orders hf/margin/stop-order/cancel hf/margin/oco-order/cancel"),
		family("GET", v3, vedette.OpOrderQuery, kucoinRead, "hf/margin/orders/active hf/margin/orders/done hf/margin/orders/{order} hf/margin/orders/client-order/{order} hf/margin/order/active/symbols hf/margin/fills hf/margin/stop-orders hf/margin/stop-order/* hf/margin/oco-order/* hf/margin/oco-orders oco/order/{order} oco/order/details/{order} oco/client-order/{order} oco/orders"),
	)
}

func kucoinFutures() []Route {
	const api = "/api/"
	return slices.Concat(
		family("POST", api, vedette.OpTransfer, kucoinCapital, "v1/position/margin/deposit-margin v1/margin/withdrawMargin v1/copy-trade/futures/position/margin/deposit-margin v1/copy-trade/futures/position/margin/withdraw-margin"),
		family("POST", api, vedette.OpSetting, kucoinRead, "v1/position/margin/auto-deposit-status v1/position/risk-limit-level/change v1/copy-trade/futures/position/margin/auto-deposit-status v1/copy-trade/futures/position/risk-limit-level/change v1/copy-trade/futures/position/changeMarginMode v1/copy-trade/futures/position/changeCrossUserLeverage v1/copy-trade/position/switchPositionMode v2/changeCrossUserLeverage v2/position/changeMarginMode v2/position/batchChangeMarginMode v2/position/switchPositionMode v3/position/update-user-leverage"),
		family("GET", api, vedette.OpAccountRead, kucoinRead, "v1/account-overview v1/account-overview-all v1/position v1/positions v1/history-positions v1/funding-history v1/transaction-history v1/margin/maxWithdrawMargin v1/copy-trade/futures/* v2/getCrossUserLeverage v2/getMaxOpenSize v2/batchGetCrossOrderLimit v2/position/getMarginMode v2/position/getPositionMode v1/trade-statistics"),
	)
}

func kucoinAccount() []Route {
	const api = "/api/"
	return slices.Concat(
		family("POST", api, vedette.OpWithdraw, kucoinCapital, "v1/withdrawals v3/withdrawals"),
		family("DELETE", api, vedette.OpAdmin, kucoinCapital, "v1/withdrawals/{object} v1/cancel/transfer-out"),
		family("POST", api, vedette.OpTransfer, kucoinCapital, "v2/accounts/inner-transfer v2/accounts/sub-transfer v3/accounts/universal-transfer v1/transfer-in v1/transfer-out v2/transfer-out v3/transfer-out v3/margin/borrow v3/margin/repay v1/margin/borrow v1/margin/repay v3/purchase v3/redeem v1/earn/orders v1/struct-earn/orders v1/broker/nd/transfer v1/convert/order"),
		family("POST", api, vedette.OpOrderNew, kucoinOrder, "v1/convert/limit/order"),
		family("DELETE", api, vedette.OpOrderCancel, kucoinTarget, "v1/convert/limit/order/cancel"),
		family("DELETE", api, vedette.OpTransfer, kucoinCapital, "v1/earn/orders"),
		family("", api, vedette.OpDepositAddress, kucoinRead, "v1/deposit-addresses v2/deposit-addresses v3/deposit-addresses v3/deposit-address/create v1/deposit-address v2/deposit-address"),
		family("POST", api, vedette.OpKeyCreate, kucoinKeys, "v1/sub/api-key v1/broker/nd/account/apikey"),
		family("POST", api, vedette.OpKeyChange, kucoinKeys, "v1/sub/api-key/update v1/broker/nd/account/update-apikey"),
		family("DELETE", api, vedette.OpKeyDelete, kucoinKeys, "v1/sub/api-key v1/broker/nd/account/apikey"),
		family("POST", api, vedette.OpAdmin, kucoinKeys, "v2/sub/user/created v3/sub/user/futures/enable v3/sub/user/margin/enable v1/broker/nd/account v3/lend/purchase/update kyc/ndBroker/proxyClient/submit"),
		family("POST", api, vedette.OpAccountRead, nil, "v1/bullet-private v2/bullet-private"),
		family("GET", api, vedette.OpAccountRead, kucoinRead, "v1/accounts v1/accounts/* v1/hf/accounts/* v1/hf/margin/account/ledgers v3/hf/margin/account/ledgers v1/sub-accounts v1/sub-accounts/{object} v2/sub-accounts v1/sub/* v2/sub/user v1/user/api-key v2/user-info v1/user-info v1/deposits v1/hist-deposits v1/withdrawals v1/withdrawals/quotas v1/withdrawals/{object} v1/hist-withdrawals v1/transfer-list v1/base-fee v1/trade-fees v1/margin/account v3/margin/accounts v3/isolated/accounts v1/isolated/accounts v1/isolated/account/{instrument} v3/margin/borrow v3/margin/repay v3/margin/interest v3/purchase/orders v3/redeem/orders v1/broker/* v2/broker/* v3/broker/* v1/asset/ndbroker/deposit/list v2/affiliate/* v1/otc-loan/* v1/earn/hold-assets v1/earn/redeem-preview v1/struct-earn/orders v1/convert/order/* v1/convert/limit/* v1/convert/quote kyc/ndBroker/*"),
	)
}

func kucoinMarket() []Route {
	const api = "/api/"
	return slices.Concat(
		family("GET", api, vedette.OpMarketRead, kucoinRead, "v1/timestamp v1/status v1/my-ip v1/prices v1/markets v1/market/* v3/market/* v1/symbols v2/symbols v2/symbols/{instrument} v3/currencies v3/currencies/{asset} v1/currencies v1/currencies/{asset} v2/currencies/{asset} v1/mark-price/* v3/mark-price/* v1/margin/config v3/margin/symbols v3/margin/currencies v3/margin/collateralRatio v1/isolated/symbols v3/etf/info v3/announcements v1/contracts/active v1/contracts/{instrument} v1/contracts/risk-limit/{instrument} v1/ticker v1/allTickers v1/level2/* v1/level3/* v1/trade/history v1/kline/query v1/interest/query v1/index/query v1/premium/query v1/funding-rate/{instrument}/current v1/contract/funding-rates v3/project/* v1/earn/saving/products v1/earn/promotion/products v1/earn/staking/products v1/earn/kcs-staking/products v1/earn/eth-staking/products v1/convert/symbol v1/convert/currencies"),
		family("POST", api, vedette.OpMarketRead, nil, "v1/bullet-public v2/bullet-public"),
		family("GET", "/", vedette.OpMarketRead, nil, "endpoint v1/private v2/private"), // upgrades
	)
}

// kucoinUnified is the unified account; the segment after v1 is the account mode.
func kucoinUnified() []Route {
	const ua = "/api/ua/v1/"
	return slices.Concat(
		family("POST", ua, vedette.OpOrderNew, kucoinOrder, "{}/order/place"),
		family("POST", ua, vedette.OpOrderCancel, kucoinTarget, "{}/order/cancel"),
		family("POST", ua, vedette.OpOrderCancelAll, kucoinTarget, "{}/order/cancel-all dcp/set"),
		batch("POST", ua, "batchOrders", vedette.OpOrderNew, kucoinOrder, "{}/order/place-batch"),
		batch("POST", ua, "cancelOrderList", vedette.OpOrderCancel, kucoinTarget, "{}/order/cancel-batch"),
		family("POST", ua, vedette.OpTransfer, kucoinCapital, "account/transfer"),
		family("POST", ua, vedette.OpSetting, kucoinRead, "account/mode {}/account/modify-leverage {}/account/modify-leverage-margin-cross sub-account/canTransferOut"),
		family("GET", ua, vedette.OpOrderQuery, kucoinRead, "{}/order/detail {}/order/open-list {}/order/history {}/order/execution"),
		family("GET", ua, vedette.OpAccountRead, kucoinRead, "account/* {}/account/balance {}/account/overview {}/position/open-list {}/position/history {}/position/tiers position/* sub-account/* user/fee-rate dcp/query unified/account/leverage"),
		family("GET", ua, vedette.OpDepositAddress, kucoinRead, "asset/deposit/address account/deposit/address"),
		family("GET", ua, vedette.OpMarketRead, kucoinRead, "market/* server/status asset/currencies user/my-ip"),
	)
}

func kucoinWS() []Route {
	return slices.Concat(
		family(WS, "", vedette.OpSessionLogin, nil, "sign"),
		family(WS, "", vedette.OpMarketRead, subscriptionFields, "ping subscribe unsubscribe openTunnel closeTunnel SUBSCRIBE UNSUBSCRIBE"),
		family(WS, "", vedette.OpOrderNew, kucoinOrder, "spot.order spot.sync_order margin.order futures.order uta.order"),
		family(WS, "", vedette.OpOrderAmend, kucoinTarget, "spot.modify uta.amend"),
		family(WS, "", vedette.OpOrderCancel, kucoinTarget, "spot.cancel spot.sync_cancel margin.cancel futures.cancel uta.cancel"),
		batch(WS, "", "orderList", vedette.OpOrderNew, kucoinOrder, "spot.multi_order futures.multi_order"),
		batch(WS, "", "orderIdsList", vedette.OpOrderCancel, kucoinTarget, "futures.multi_cancel"),
	)
}
