package venue

import (
	"slices"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// OKX signs time, method, path with query, and body. A WebSocket session logs in
// once; its later messages carry nothing of their own.
var OKX = &Dialect{
	Name:  "okx",
	Title: "OKX",
	Docs:  "https://www.okx.com/docs-v5/en/#overview-rest-authentication",
	Hosts: []string{"www.okx.com", "okx.com", "aws.okx.com", "openapi.okx.com", "us.okx.com", "app.okx.com", "eea.okx.com", "my.okx.com",
		"ws.okx.com", "wsaws.okx.com", "wspap.okx.com", "wsus.okx.com", "wsuspap.okx.com", "wseea.okx.com", "wseeapap.okx.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA256, Signature: Base64,
		Covers: CoversMethod | CoversPath | CoversQuery | CoversBody | CoversTime,
		Note:   "not signed: x-simulated-trading (demo or real account), expTime, the passphrase"}},
	Routes:    okxRoutes,
	Claim:     okxClaim,
	Message:   okxMessage,
	Meaning:   okxMeaning,
	Answer:    okxAnswer,
	Correlate: okxCorrelate,
	Deny:      okxDeny,
}

var okxHeaders = signedHeaders{key: "OK-ACCESS-KEY", sign: "OK-ACCESS-SIGN", time: "OK-ACCESS-TIMESTAMP", passphrase: "OK-ACCESS-PASSPHRASE"}

// okxWindow is how far a timestamp may be off either way (error 50102).
const okxWindow = 30 * time.Second

func okxClaim(r *Request, c *Claim) {
	if r.Kind == Message {
		okxLogin(r, c)
		return
	}
	if !okxHeaders.claim(r, c) {
		bearerClaim(r, c)
		return
	}
	t, tick, ok := parseISO(c.Text, true)
	c.within(t, tick, ok, okxWindow, okxWindow)
	c.divide(r)
}

// okxLogin claims a log-in message of OKX and of venues that copied it.
func okxLogin(r *Request, c *Claim) {
	root := r.JSON()
	if root.Get("op").Text() != "login" {
		sessionClaim(r, c)
		return
	}
	args := root.Get("args")
	a := args.First()
	c.Auth, c.Login = AuthSignature, true
	c.Key, c.Signature, c.Text = a.Get("apiKey").Text(), a.Get("sign").Text(), a.Get("timestamp").Text()
	c.Passphrase, c.HasPassphrase = a.Get("passphrase").Text(), true
	t, tick, ok := parseUnix(c.Text)
	c.within(t, tick, ok, okxWindow, okxWindow)
	if a.Next(args).Exists() { // several accounts on one session cannot be told apart later
		c.Fault = vedette.Ambiguous
	}
}

func okxMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	if r.Kind == Message {
		return append(append(dst, c.Text...), "GET/users/self/verify"...), true
	}
	dst = append(append(dst, c.Text...), r.Method...)
	return append(r.PathQuery(dst), r.Body...), true
}

func okxRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return okxRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	if !r.IsJSON() { // the heartbeat is the bare word
		return okxRoutes.Find(WS, text(r.Body)), "ping", Values{}
	}
	root := r.JSON()
	method = root.Get("op").Text()
	args := root.Get("args")
	route = okxRoutes.Find(WS, method)
	if route != nil && route.Op == vedette.OpMarketRead {
		if private := firstChannel(args, "channel", okxChannel); private != vedette.OpMarketRead {
			route = &privateReads[private]
		}
	}
	return route, method, argsValues(route, root, args)
}

func okxChannel(ch string) vedette.Operation {
	switch ch {
	case "account", "positions", "balance_and_position", "liquidation-warning", "account-greeks", "deposit-info", "withdrawal-info":
		return vedette.OpAccountRead
	case "orders", "fills", "orders-algo", "algo-advance", "grid-orders-spot", "grid-orders-contract", "grid-positions", "grid-sub-orders",
		"algo-recurring-buy", "copytrading-notification", "rfqs", "quotes", "struc-block-trades", "sprd-orders", "sprd-trades":
		return vedette.OpOrderQuery
	}
	return vedette.OpMarketRead
}

func okxMeaning(r *Request, c *vedette.Call) {
	route, method, v := okxRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	okxRoutes.MeanAs(route, r.Path, v, c)
	if r.Kind == Message && route != nil && route.Batch == "" {
		manyArgs(route, r.JSON().Get("args"), c)
	}
}

func okxAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	route, _, _ := okxRoute(r)
	body := answer.JSON()
	code := body.Get("code").Text()
	data := body.Get("data")
	part := data.First()
	if data.Kind() == strictjson.Object {
		part = data
	}
	if code != "" && code != "0" {
		a.Error, a.Outcome = code, vedette.Rejected
		if s := part.Get("sCode").Text(); s != "" && data.Len() == 1 {
			a.Error = s
		}
		if code == "2" { // of a batch, some
			a.Outcome = vedette.Accepted
		}
		issued.LoginFailed = route.logsIn()
		return
	}
	if data.Kind() == strictjson.Array && data.Len() != 1 {
		part = strictjson.Value{}
	}
	a.OrderID = part.Get("ordId").Text()
	if a.OrderID == "" {
		a.OrderID = part.Get("algoId").Text()
	}
	a.Account = part.Get("uid").Text()
	if a.Outcome = outcome(part.Get("state").Text()); route.changes() && code == "0" && a.Outcome == vedette.OutcomeNone {
		a.Outcome = vedette.Accepted
	}
}

// okxCorrelate ties orders by id and log-ins by their kind. An error without an id
// answers a log-in if its code is one of those.
func okxCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	root := r.JSON()
	if root.Get("op").Text() == "login" || root.Get("event").Text() == "login" {
		return "login"
	}
	if id := correlateID(r); id != "" {
		return id
	}
	if root.Get("event").Text() == "error" {
		switch root.Get("code").Text() {
		case "60004", "60005", "60006", "60007", "60009", "60022", "60024", "60032":
			return "login"
		}
	}
	return ""
}

var okxDenials = denials{
	otherGround:   {401, "50120", "This API key does not have permission to use this function."},
	badSignature:  {401, "50113", "Invalid Sign"},
	badPassphrase: {401, "50105", "Request header OK-ACCESS-PASSPHRASE incorrect."},
	badTime:       {401, "50102", "Timestamp request expired"},
	usedBefore:    {401, "50113", "Invalid Sign: used before"},
	unknownKey:    {401, "50119", "API key does not exist."},
	badAddress:    {401, "50110", "Your IP is not included in your API keys IP whitelist."},
	tooMany:       {429, "50011", "Too Many Requests"},
	notAvailable:  {503, "50001", "Service temporarily unavailable. Try again later."},
	unanswered:    {504, "50004", "API endpoint request timeout (does not mean that the request was successful or failed, please check the request result)"},
	unreadable:    {400, "50000", "The request can be read in more than one way or not at all."},
	tooLarge:      {413, "50000", "The request is too large."},
}

// okxLoginDenials are those of log-in messages, and of the session as a whole.
var okxLoginDenials = denials{
	otherGround:   {0, "60009", "Login failed."},
	badSignature:  {0, "60007", "Invalid sign"},
	badPassphrase: {0, "60024", "Wrong passphrase"},
	badTime:       {0, "60006", "Timestamp request expired"},
	usedBefore:    {0, "60007", "Invalid sign: used before"},
	unknownKey:    {0, "60005", "Invalid apiKey"},
	badAddress:    {0, "60009", "Login failed: IP not whitelisted."},
	tooMany:       {0, "60014", "Requests too frequent."},
	notAvailable:  {0, "60026", "Service upgrade in progress: please reconnect."},
	unanswered:    {0, "60026", "No answer in time; execution status unknown."},
	unreadable:    {0, "60012", "Invalid request"},
}

func okxDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	if r.Kind != Message {
		e := okxDenials.of(d)
		dst = append(append(dst, `{"code":"`...), e.code...)
		dst = append(append(append(dst, `","msg":"`...), e.msg...), `","data":[]}`...)
		return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
	}
	root := r.JSON()
	id := root.Get("id")
	if route, _, _ := okxRoute(r); !id.Exists() || !route.changes() {
		e := okxLoginDenials.of(d)
		dst = append(append(dst, `{"event":"error","code":"`...), e.code...)
		dst = append(append(append(dst, `","msg":"`...), e.msg...), '"')
		if id.Exists() {
			dst = append(append(dst, `,"id":`...), rawOr(id, `""`)...)
		}
		return Refusal{Body: append(dst, '}')}
	}
	e := okxDenials.of(d)
	dst = append(append(dst, `{"id":`...), rawOr(id, "null")...)
	dst = append(append(dst, `,"op":`...), rawOr(root.Get("op"), `""`)...)
	dst = append(append(dst, `,"code":"`...), e.code...)
	dst = append(append(append(dst, `","msg":"`...), e.msg...), `","data":[]}`...)
	return Refusal{Body: dst}
}

var (
	okxOrder = &Fields{
		Instrument: []string{"instId", "sprdId", "instIdCode"}, Side: []string{"side"}, Type: []string{"ordType"},
		Price: []string{"px", "orderPx", "pxUsd", "pxVol", "newPx"}, Stop: []string{"triggerPx", "slTriggerPx", "tpTriggerPx", "activePx"},
		Quantity: []string{"sz", "newSz", "rfqSz"}, ReduceOnly: []string{"reduceOnly"}, ClientID: []string{"clOrdId", "algoClOrdId", "clQReqId"},
		Refine: okxRefine,
	}
	// okxTarget is for what names an order that exists, by either id.
	okxTarget = &Fields{
		Instrument: []string{"instId", "sprdId", "instFamily"}, Target: []string{"ordId", "clOrdId", "algoId", "algoClOrdId", "rfqId", "quoteId"},
		Price: []string{"newPx", "newOrdPx"}, Stop: []string{"newTriggerPx", "newSlTriggerPx", "newTpTriggerPx"}, Quantity: []string{"newSz"},
		ClientID: []string{"reqId"},
	}
	okxClose   = &Fields{Instrument: []string{"instId"}, ClientID: []string{"clOrdId"}, Refine: marketReduce}
	okxConvert = &Fields{Instrument: []string{"instId"}, Side: []string{"side"}, Quantity: []string{"sz"}, Asset: []string{"baseCcy", "fromCcy"},
		ClientID: []string{"clTReqId", "clOrdId"}, Object: []string{"quoteId"}}
	okxCapital = &Fields{
		Asset: []string{"ccy", "investCcy"}, Quantity: []string{"amt"}, Address: []string{"toAddr", "invoice", "paymentAcctId"},
		ClientID: []string{"clientId", "clOrdId"}, Object: []string{"subAcct", "toSubAccount", "wdId"}, Instrument: []string{"instId", "toInstId"},
	}
	okxRead = &Fields{Instrument: []string{"instId", "sprdId", "instFamily", "uly"}, Target: []string{"ordId", "clOrdId", "algoId", "algoClOrdId"},
		Asset: []string{"ccy"}, Object: []string{"subAcct"}}
	okxKeys = &Fields{Object: []string{"apiKey", "subAcct"}}
)

// okxRefine reads the algo orders: a trigger makes a stop, "-1" is at market.
func okxRefine(v Values, a *vedette.Action) {
	switch v.Get("ordType") {
	case "conditional", "oco", "trigger", "move_order_stop":
		a.Type = vedette.Stop
		for _, px := range []string{"orderPx", "slOrdPx", "tpOrdPx"} {
			if s := v.Get(px); s != "" && s != "-1" {
				a.Type = vedette.StopLimit
			}
		}
	case "iceberg", "twap", "chase":
		a.Type = vedette.Limit
	}
	if a.Price.Sign() < 0 && v.Get("orderPx") == "-1" {
		a.Price = vedette.Decimal{}
	}
}

// marketReduce is for calls that close a position at market.
func marketReduce(_ Values, a *vedette.Action) { a.Type, a.ReduceOnly = vedette.Market, true }

var okxRoutes = NewRoutes(okxTrading(), okxAccount(), okxMarket(), okxWS())

func okxTrading() []Route {
	const trade, sprd, rfq = "/api/v5/trade/", "/api/v5/sprd/", "/api/v5/rfq/"
	return slices.Concat(
		family("POST", trade, vedette.OpOrderNew, okxOrder, "order order-algo"),
		family("POST", trade, vedette.OpOrderQuery, okxOrder, "order-precheck"),
		family("POST", trade, vedette.OpOrderNew, okxClose, "close-position"),
		family("POST", trade, vedette.OpOrderNew, okxConvert, "easy-convert one-click-repay one-click-repay-v2"),
		family("POST", trade, vedette.OpOrderCancel, okxTarget, "cancel-order"),
		family("POST", trade, vedette.OpOrderAmend, okxTarget, "amend-order amend-algos"),
		family("POST", trade, vedette.OpOrderCancelAll, okxTarget, "mass-cancel cancel-all-after"),
		family("POST", trade, vedette.OpOrderQuery, nil, "fills-archive"),
		batch("POST", trade, ".", vedette.OpOrderNew, okxOrder, "batch-orders"),
		batch("POST", trade, ".", vedette.OpOrderCancel, okxTarget, "cancel-batch-orders cancel-algos cancel-advance-algos"),
		batch("POST", trade, ".", vedette.OpOrderAmend, okxTarget, "amend-batch-orders"),
		family("GET", trade, vedette.OpOrderQuery, okxRead, "*"),
		family("GET", trade, vedette.OpAccountRead, nil, "account-rate-limit easy-convert-currency-list one-click-repay-currency-list one-click-repay-currency-list-v2"),

		family("POST", sprd, vedette.OpOrderNew, okxOrder, "order"),
		family("POST", sprd, vedette.OpOrderCancel, okxTarget, "cancel-order"),
		family("POST", sprd, vedette.OpOrderAmend, okxTarget, "amend-order"),
		family("POST", sprd, vedette.OpOrderCancelAll, okxTarget, "mass-cancel cancel-all-after"),
		family("GET", sprd, vedette.OpOrderQuery, okxRead, "order orders-pending orders-history orders-history-archive trades"),
		family("GET", sprd, vedette.OpMarketRead, okxRead, "spreads books public-trades ticker"),

		family("POST", rfq, vedette.OpOrderNew, okxOrder, "create-rfq create-quote execute-quote"),
		family("POST", rfq, vedette.OpOrderCancel, okxTarget, "cancel-rfq cancel-quote"),
		family("POST", rfq, vedette.OpOrderCancelAll, nil, "cancel-batch-rfqs cancel-all-rfqs cancel-batch-quotes cancel-all-quotes cancel-all-after"),
		family("POST", rfq, vedette.OpSetting, nil, "maker-instrument-settings mmp-reset mmp-config"),
		family("GET", rfq, vedette.OpOrderQuery, nil, "*"),
		family("GET", rfq, vedette.OpMarketRead, nil, "public-trades"),

		family("POST", "/api/v5/tradingBot/", vedette.OpOrderNew, okxOrder, "grid/order-algo grid/copy-order-algo recurring/order-algo signal/order-algo signal/sub-order dca/create dca/orders/manual-buy grid/order-instant-trigger grid/adjust-investment recurring/add-investment recurring/restart"),
		batch("POST", "/api/v5/tradingBot/", ".", vedette.OpOrderCancel, okxTarget, "grid/stop-order-algo recurring/stop-order-algo signal/stop-order-algo dca/stop"),
		family("POST", "/api/v5/tradingBot/", vedette.OpOrderAmend, okxTarget, "grid/amend-algo-basic-param grid/amend-order-algo recurring/amend-order-algo signal/amendTPSL dca/amend-order-algo grid/margin-balance signal/margin-balance recurring/amend-price-range recurring/amend-recurring-amount recurring/amend-recurring-time recurring/pause dca/settings/reinvestment dca/settings/take-profit dca/margin/add dca/margin/reduce signal/set-instruments"),
		family("POST", "/api/v5/tradingBot/", vedette.OpOrderCancel, okxTarget, "grid/cancel-close-order signal/cancel-sub-order"),
		family("POST", "/api/v5/tradingBot/", vedette.OpOrderNew, okxClose, "grid/close-position signal/close-position"),
		family("POST", "/api/v5/tradingBot/", vedette.OpTransfer, okxCapital, "grid/withdraw-income"),
		family("POST", "/api/v5/tradingBot/", vedette.OpOrderQuery, nil, "grid/compute-margin-balance grid/min-investment"),
		family("POST", "/api/v5/tradingBot/", vedette.OpAdmin, nil, "signal/create-signal"),
		family("GET", "/api/v5/tradingBot/", vedette.OpOrderQuery, okxRead, "*"),

		family("POST", "/api/v5/copytrading/", vedette.OpOrderNew, okxClose, "close-subposition"),
		family("POST", "/api/v5/copytrading/", vedette.OpOrderNew, okxOrder, "algo-order"),
		family("POST", "/api/v5/copytrading/", vedette.OpAdmin, okxRead, "set-instruments amend-profit-sharing-ratio first-copy-settings amend-copy-settings stop-copy-trading batch-set-leverage apply-lead-trading stop-lead-trading"),
		family("GET", "/api/v5/copytrading/", vedette.OpAccountRead, okxRead, "*"),
		family("GET", "/api/v5/copytrading/", vedette.OpMarketRead, okxRead, "public-config public-lead-traders public-weekly-pnl public-pnl public-stats public-preference-currency public-current-subpositions public-subpositions-history public-copy-traders"),
	)
}

func okxAccount() []Route {
	const account, asset, users, broker, finance = "/api/v5/account/", "/api/v5/asset/", "/api/v5/users/", "/api/v5/broker/", "/api/v5/finance/"
	return slices.Concat(
		family("GET", account, vedette.OpAccountRead, okxRead, "*"),
		family("POST", account, vedette.OpAccountRead, nil, "simulated_margin position-builder position-builder-graph bills-history-archive"),
		family("POST", account, vedette.OpTransfer, okxCapital, "position/margin-balance spot-manual-borrow-repay quick-margin-borrow-repay borrow-repay move-positions fixed-loan/borrowing-order fixed-loan/amend-borrowing-order fixed-loan/manual-reborrow fixed-loan/repay-borrowing-order fixed-loan/convert-to-market-loan fixed-loan/reduce-liabilities"),
		family("POST", account, vedette.OpSetting, okxRead, "set-position-mode set-leverage set-fee-type set-greeks set-isolated-mode set-auto-repay set-riskOffset-type set-riskOffset-amt activate-option set-auto-loan account-level-switch-preset set-account-level set-collateral-assets mmp-reset mmp-config set-auto-earn set-settle-currency set-trading-config demo-adjust-balance subaccount/set-loan-allocation"),

		family("GET", asset, vedette.OpAccountRead, okxRead, "*"),
		family("GET", asset, vedette.OpMarketRead, nil, "exchange-list"),
		family("GET", asset, vedette.OpDepositAddress, okxRead, "deposit-address deposit-lightning broker/nd/subaccount-deposit-address"),
		family("POST", asset, vedette.OpDepositAddress, okxRead, "broker/nd/subaccount-deposit-address"),
		family("POST", asset, vedette.OpAdmin, okxRead, "broker/nd/modify-subaccount-deposit-address"),
		family("POST", asset, vedette.OpAccountRead, nil, "monthly-statement"),
		family("POST", asset, vedette.OpWithdraw, okxCapital.to([]string{"areaCode"}, "toAddr"), "withdrawal"),
		family("POST", asset, vedette.OpWithdraw, okxCapital.to(nil, "invoice"), "withdrawal-lightning"),
		family("POST", asset, vedette.OpAdmin, okxCapital, "cancel-withdrawal"),
		family("POST", asset, vedette.OpTransfer, okxCapital, "transfer subaccount/transfer convert-dust-assets"),
		family("POST", asset, vedette.OpOrderQuery, okxConvert, "convert/estimate-quote"),
		family("POST", asset, vedette.OpOrderNew, okxConvert, "convert/trade"),

		family("POST", "/api/v5/fiat/", vedette.OpWithdraw, okxCapital.to(nil, "paymentAcctId"), "create-withdrawal"),
		family("POST", "/api/v5/fiat/", vedette.OpAdmin, okxTarget, "cancel-withdrawal"),
		family("POST", "/api/v5/fiat/", vedette.OpOrderQuery, okxConvert, "buy-sell/quote"),
		family("POST", "/api/v5/fiat/", vedette.OpOrderNew, okxConvert, "buy-sell/trade"),
		family("GET", "/api/v5/fiat/", vedette.OpAccountRead, okxRead, "*"),

		family("GET", users, vedette.OpAccountRead, okxKeys, "*"),
		family("POST", users, vedette.OpKeyCreate, okxKeys, "subaccount/apikey"),
		family("POST", users, vedette.OpKeyChange, okxKeys, "subaccount/modify-apikey subaccount/subaccount-apikey"),
		family("POST", users, vedette.OpKeyDelete, okxKeys, "subaccount/delete-apikey"),
		family("POST", users, vedette.OpAdmin, okxKeys, "subaccount/create-subaccount subaccount/set-transfer-out"),

		family("GET", broker, vedette.OpAccountRead, okxKeys, "*"),
		family("POST", broker, vedette.OpKeyCreate, okxKeys, "nd/subaccount/apikey dma/subaccount/apikey"),
		family("POST", broker, vedette.OpKeyChange, okxKeys, "nd/subaccount/modify-apikey"),
		family("POST", broker, vedette.OpKeyDelete, okxKeys, "nd/subaccount/delete-apikey"),
		family("POST", broker, vedette.OpAdmin, okxKeys, "nd/create-subaccount nd/delete-subaccount nd/set-subaccount-level nd/set-subaccount-fee-rate nd/set-subaccount-assets nd/report-subaccount-ip"),
		family("POST", broker, vedette.OpAccountRead, okxKeys, "nd/rebate-per-orders fd/rebate-per-orders"),

		family("GET", finance, vedette.OpAccountRead, okxRead, "*"),
		family("GET", finance, vedette.OpMarketRead, okxRead, "savings/lending-rate-summary savings/lending-rate-history staking-defi/eth/apy-history staking-defi/sol/apy-history fixed-loan/lending-offers fixed-loan/lending-apy-history fixed-loan/pending-lending-volume sfp/dcd/products"),
		family("POST", finance, vedette.OpTransfer, okxCapital, "savings/purchase-redempt staking-defi/purchase staking-defi/redeem staking-defi/cancel staking-defi/eth/purchase staking-defi/eth/redeem staking-defi/eth/cancel-redeem staking-defi/sol/purchase staking-defi/sol/redeem staking-defi/sol/cancel-redeem flexible-loan/adjust-collateral flexible-loan/borrow flexible-loan/repay okusd/subscribe okusd/redeem sfp/dcd/order sfp/dcd/trade sfp/dcd/redeem fixed-loan/lending-order fixed-loan/amend-lending-order stable-rewards/trade"),
		family("POST", finance, vedette.OpAccountRead, okxCapital, "flexible-loan/max-loan sfp/dcd/quote sfp/dcd/redeem-quote stable-rewards/quote"),
		family("POST", finance, vedette.OpAdmin, okxCapital, "savings/set-lending-rate"),
		family("GET", "/api/v5/affiliate/", vedette.OpAccountRead, nil, "*"),
	)
}

func okxMarket() []Route {
	return slices.Concat(
		family("GET", "/api/v5/", vedette.OpMarketRead, okxRead, "market/* public/* rubik/* system/* support/*"),
		family("GET", "/api/v5/tradingBot/", vedette.OpMarketRead, okxRead, "public/rsi-back-testing grid/ai-param grid/min-investment grid/grid-quantity"),
		family("GET", "/ws/v5/", vedette.OpMarketRead, nil, "public private business public-sbe"), // upgrades
	)
}

func okxWS() []Route {
	return slices.Concat(
		family(WS, "", vedette.OpSessionLogin, nil, "login"),
		family(WS, "", vedette.OpMarketRead, subscriptionFields, "ping subscribe unsubscribe channel-conn-count"),
		family(WS, "", vedette.OpOrderNew, okxOrder, "order sprd-order"),
		family(WS, "", vedette.OpOrderCancel, okxTarget, "cancel-order sprd-cancel-order"),
		family(WS, "", vedette.OpOrderAmend, okxTarget, "amend-order sprd-amend-order"),
		family(WS, "", vedette.OpOrderCancelAll, okxTarget, "mass-cancel sprd-mass-cancel"),
		batch(WS, "", "args", vedette.OpOrderNew, okxOrder, "batch-orders"),
		batch(WS, "", "args", vedette.OpOrderCancel, okxTarget, "batch-cancel-orders"),
		batch(WS, "", "args", vedette.OpOrderAmend, okxTarget, "batch-amend-orders"),
	)
}
