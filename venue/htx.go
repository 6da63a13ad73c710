package venue

import (
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// HTX (formerly Huobi) signs method, host, path and the query sorted by name, a line
// each. The body of a POST is not signed. A WebSocket session logs in once, in one
// form for spot (version 2.1) and another for contracts (version 2).
var HTX = &Dialect{
	Name:  "htx",
	Title: "HTX",
	Docs:  "https://www.htx.com/en-us/opend/newApiPages/",
	Hosts: []string{"api.huobi.pro", "api-aws.huobi.pro", "api.htx.com", "api.hbdm.com", "api.hbdm.vn", "api.btcgateway.pro", "futures.htx.com", "www.htx.com",
		"status.huobigroup.com"},
	Schemes: []Scheme{
		{Name: "hmac", Algorithm: HMACSHA256, Signature: Base64, Covers: htxCovers, Note: htxNote},
		{Name: "ed25519", Algorithm: Ed25519, Signature: Base64, Covers: htxCovers, Note: htxNote},
	},
	Routes:    htxRoutes,
	Claim:     htxClaim,
	Message:   htxMessage,
	Meaning:   htxMeaning,
	Answer:    htxAnswer,
	Correlate: htxCorrelate,
	Deny:      htxDeny,
}

const (
	htxCovers = CoversMethod | CoversHost | CoversPath | CoversQuery | CoversTime
	htxNote   = "the body of a POST, with the whole order in it, is not signed"
)

// htxWindow is how far a timestamp may be off either way ("Invalid submission time").
const htxWindow = 5 * time.Minute

func htxClaim(r *Request, c *Claim) {
	if r.Kind == Message {
		htxLogin(r, c)
		return
	}
	p := r.Params()
	raw, signed := p.Raw("Signature")
	if c.Key = p.Get("AccessKeyId"); c.Key == "" && !signed {
		return
	}
	c.Signature = unescapePlain(raw)
	c.htx(p.Get("SignatureMethod"), p.Get("Timestamp"))
}

// htx sets what every signed form of the venue says of itself.
func (c *Claim) htx(method, timestamp string) {
	c.Auth, c.Text = AuthSignature, timestamp
	switch method {
	case "HmacSHA256":
		c.Scheme = "hmac"
	case "Ed25519", "ED25519":
		c.Scheme = "ed25519"
	default:
		c.Fault = vedette.BadEncoding
	}
	t, tick, ok := parseISO(timestamp, false)
	c.within(t, tick, ok, htxWindow, htxWindow)
}

// The names under which the two kinds of log-in message carry the same things, in
// the order in which they are signed.
var (
	htxSpotNames     = [4]string{"accessKey", "signatureMethod", "signatureVersion", "timestamp"}
	htxContractNames = [4]string{"AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp"}
)

// htxAuth returns the object of a log-in message and the names in it; Missing for
// any other message.
func htxAuth(r *Request) (o strictjson.Value, names *[4]string, signature string) {
	root := r.JSON()
	if root.Get("ch").Text() == "auth" && root.Get("action").Text() == "req" {
		return root.Get("params"), &htxSpotNames, "signature"
	}
	if root.Get("op").Text() == "auth" {
		return root, &htxContractNames, "Signature"
	}
	return strictjson.Value{}, nil, ""
}

func htxLogin(r *Request, c *Claim) {
	o, names, signature := htxAuth(r)
	if names == nil {
		sessionClaim(r, c)
		return
	}
	c.Login = true
	c.Key, c.Signature = o.Get(names[0]).Text(), o.Get(signature).Text()
	c.htx(o.Get(names[1]).Text(), o.Get(names[3]).Text())
}

// htxMessage knows up to four forms: the query as encoded by the client or encoded
// anew, and the host as sent or without its port.
func htxMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	host, _, ported := strings.Cut(r.Host, ":")
	if form > 3 || form > 1 && !ported {
		return dst, false
	}
	if form < 2 {
		host = r.Host
	}
	method := r.Method
	if r.Kind == Message {
		method = "GET"
	}
	dst = append(append(dst, method...), '\n')
	for i := 0; i < len(host); i++ {
		b := host[i]
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		dst = append(dst, b)
	}
	dst = append(append(append(dst, '\n'), r.Path...), '\n')
	if r.Kind == Message {
		return appendHTXLogin(dst, r), true
	}
	return appendHTXQuery(dst, r.Query, form&1 == 1), true
}

func appendHTXLogin(dst []byte, r *Request) []byte {
	o, names, _ := htxAuth(r)
	if names == nil {
		return dst
	}
	for i, name := range names {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = appendEscaped(append(append(dst, name...), '='), o.Get(name).Text())
	}
	return dst
}

// appendHTXQuery appends the query sorted by name, less the signature.
func appendHTXQuery(dst []byte, query string, anew bool) []byte {
	var buf [32]string
	list := buf[:0]
	for one := range strings.SplitSeq(query, "&") {
		if !strings.HasPrefix(one, "Signature=") {
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	for i, one := range list {
		if i > 0 {
			dst = append(dst, '&')
		}
		if !anew {
			dst = append(dst, one...)
			continue
		}
		k, v, _ := strings.Cut(one, "=")
		plain, _ := AppendUnescaped(nil, v, true)
		dst = appendEscaped(append(append(dst, k...), '='), text(plain))
	}
	return dst
}

func htxRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return htxRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	root := r.JSON()
	ch := root.Get("ch").Text()
	switch action, op := root.Get("action").Text(), root.Get("op").Text(); {
	case ch == "auth" || op == "auth":
		return htxRoutes.Find(WS, "auth"), "auth", Values{}
	case op == "sub" || op == "unsub":
		return &privateReads[htxTopic(root.Get("topic").Text())], op, Values{}
	case action == "sub" || action == "unsub":
		return &privateReads[htxTopic(ch)], action, Values{}
	case op != "": // contracts
		data := root.Get("data")
		return htxRoutes.Find(WS, op), op, Values{JSON: data}
	case action == "" && ch != "": // spot
		return htxRoutes.Find(WS, ch), ch, Values{JSON: root.Get("params")}
	case action != "":
		return htxRoutes.Find(WS, action), action, Values{}
	}
	for _, name := range []string{"sub", "unsub", "req", "pong", "ping"} { // market data
		if root.Get(name).Exists() {
			return htxRoutes.Find(WS, "market"), name, Values{}
		}
	}
	return nil, "", Values{}
}

// htxTopic returns what a subscription to the topic reads.
func htxTopic(topic string) vedette.Operation {
	head, _, _ := strings.Cut(topic, "#")
	if head == topic {
		head, _, _ = strings.Cut(topic, ".")
	}
	switch strings.TrimSuffix(head, "_cross") {
	case "orders", "trade.clearing", "matchOrders", "trigger_order", "trade", "match_orders", "algo":
		return vedette.OpOrderQuery
	case "accounts", "accounts.update", "positions", "accounts_unify", "account", "position":
		return vedette.OpAccountRead
	}
	return vedette.OpMarketRead
}

// htxClients are the orders of a batch cancel that are named by client id.
var htxClients = Route{Op: vedette.OpOrderBatch, Batch: "client-order-ids", Part: vedette.OpOrderCancel}

func htxMeaning(r *Request, c *vedette.Call) {
	route, method, v := htxRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	htxRoutes.MeanAs(route, r.Path, v, c)
	if route != nil && route.Batch == "order-ids" && v.JSON.Get(htxClients.Batch).Exists() {
		htxClients.parts(v, c)
	}
}

func htxAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	route, _, _ := htxRoute(r)
	body := answer.JSON()
	fault := ""
	for _, name := range []string{"err-code", "err_code"} {
		if s := body.Get(name).Text(); s != "" && fault == "" && s != "0" {
			fault = s
		}
	}
	for _, name := range []string{"code", "err-code"} {
		if s := body.Get(name).Text(); fault == "" && s != "" && s != "200" && s != "0" {
			fault = s
		}
	}
	if fault != "" || body.Get("status").Text() == "error" {
		a.Error, a.Outcome, issued.LoginFailed = fault, vedette.Rejected, route.logsIn()
		return
	}
	data := body.Get("data")
	if list := data.Get("orders"); list.Len() == 1 {
		data = list
	}
	if data.Kind() == strictjson.Array && data.Len() == 1 {
		data = data.First()
	}
	for _, name := range []string{"order-id", "order_id_str", "order_id", "orderId"} {
		if a.OrderID == "" {
			a.OrderID = data.Get(name).Text()
		}
	}
	if id := data.Get("id"); a.OrderID == "" && route != nil && route.Op == vedette.OpOrderQuery {
		a.OrderID = id.Text()
	}
	if a.OrderID == "" && route != nil && (route.Op == vedette.OpOrderNew || route.Op == vedette.OpOrderCancel) {
		a.OrderID = data.Text() // spot answers with the bare id
	}
	a.Outcome = htxOutcome(data)
	if route.changes() && a.Outcome == vedette.OutcomeNone && (a.Status < 400 || answer.Kind == Reply) {
		a.Outcome = vedette.Accepted
	}
}

// htxOutcome reads an order's state: words for spot, numbers for contracts.
func htxOutcome(o strictjson.Value) vedette.Outcome {
	switch s := o.Get("state").Text(); s {
	case "partial-canceled", "partially_canceled":
		return vedette.Cancelled
	case "":
	default:
		return outcome(s)
	}
	switch o.Get("status").Text() {
	case "1", "2", "3":
		return vedette.Accepted
	case "4":
		return vedette.PartlyFilled
	case "5", "7":
		return vedette.Cancelled
	case "6":
		return vedette.Filled
	}
	return vedette.OutcomeNone
}

func htxCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	root := r.JSON()
	for _, name := range []string{"cid", "id"} {
		if id := root.Get(name); id.Raw() != "" {
			return id.Raw()
		}
	}
	if root.Get("op").Text() == "auth" || root.Get("ch").Text() == "auth" {
		return "auth"
	}
	return ""
}

var htxDenials = denials{
	otherGround:   {200, "api-not-support-temp-addr", "API key has no permission"},
	badSignature:  {200, "api-signature-not-valid", "Signature not valid: Verification failure"},
	badPassphrase: {200, "api-signature-not-valid", "Signature not valid: Verification failure"},
	badTime:       {200, "api-signature-not-valid", "Signature not valid: Invalid submission time"},
	usedBefore:    {200, "api-signature-not-valid", "Signature not valid: used before"},
	unknownKey:    {200, "api-signature-not-valid", "Signature not valid: Incorrect Access key"},
	badAddress:    {200, "api-signature-not-valid", "Signature not valid: Incorrect IP address"},
	tooMany:       {429, "api-request-too-frequent", "exceeded rate limit"},
	notAvailable:  {503, "gateway-internal-error", "Internal gateway error. Try again later."},
	unreadable:    {400, "bad-request", "The request can be read in more than one way or not at all"},
}

// htxNumbers are the same for the APIs whose codes are numbers: v2 of spot, contracts.
var htxNumbers = denials{
	otherGround:   {200, "1002", ""},
	badSignature:  {200, "1003", ""},
	badPassphrase: {200, "1003", ""},
	badTime:       {200, "1003", ""},
	usedBefore:    {200, "1003", ""},
	unknownKey:    {200, "1003", ""},
	badAddress:    {200, "1003", ""},
	tooMany:       {429, "1032", ""},
	notAvailable:  {503, "1004", ""},
	unreadable:    {400, "1030", ""},
}

func htxDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e, n := htxDenials.of(d), htxNumbers.of(d)
	root := r.JSON()
	switch {
	case r.Kind == Message && root.Get("op").Exists(): // contracts
		dst = append(append(dst, `{"op":`...), rawOr(root.Get("op"), `""`)...)
		dst = append(append(dst, `,"cid":`...), rawOr(root.Get("cid"), `""`)...)
		dst = append(append(dst, `,"ts":0,"err-code":`...), n.code...)
		return Refusal{Body: append(append(append(dst, `,"err-msg":"`...), e.msg...), `"}`...)}
	case r.Kind == Message && root.Get("action").Exists(): // spot, version 2
		dst = append(append(dst, `{"action":`...), rawOr(root.Get("action"), `""`)...)
		dst = append(append(dst, `,"code":`...), n.code...)
		dst = append(append(dst, `,"ch":`...), rawOr(root.Get("ch"), `""`)...)
		return Refusal{Body: append(append(append(dst, `,"message":"`...), e.msg...), `"}`...)}
	case r.Kind == Message:
		dst = append(append(dst, `{"status":"error","id":`...), rawOr(root.Get("id"), `""`)...)
		dst = append(append(dst, `,"err-code":"`...), e.code...)
		return Refusal{Body: append(append(append(dst, `","err-msg":"`...), e.msg...), `"}`...)}
	case strings.HasPrefix(r.Path, "/v2/") || strings.HasPrefix(r.Path, "/v5/"):
		dst = append(append(dst, `{"code":`...), n.code...)
		dst = append(append(append(dst, `,"message":"`...), e.msg...), `","success":false}`...)
	case strings.HasPrefix(r.Path, "/v1/"):
		dst = append(append(dst, `{"status":"error","err-code":"`...), e.code...)
		dst = append(append(append(dst, `","err-msg":"`...), e.msg...), `","data":null}`...)
	default:
		dst = append(append(dst, `{"status":"error","err_code":`...), n.code...)
		dst = append(append(append(dst, `,"err_msg":"`...), e.msg...), `","ts":0}`...)
	}
	return Refusal{Status: e.status, ContentType: "application/json;charset=utf-8", Body: dst}
}

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
		Asset: []string{"currency", "asset"}, Address: []string{"address"}, Quantity: []string{"amount"}, ClientID: []string{"client-order-id", "client_order_id"},
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
		family("POST", prefix, vedette.OpAdmin, htxRead, "switch_lever_rate switch_position_mode sub_auth"),
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
		family("POST", v5, vedette.OpAdmin, htxRead, "account/asset_mode position/lever position/mode account/fee_deduction_currency"),
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
