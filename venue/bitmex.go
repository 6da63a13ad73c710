package venue

import (
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// BitMEX signs METHOD, path with query, expiry and body, joined without a
// separator. A WebSocket session signs "GET/realtime" and an expiry, in its first
// message, or in headers or query of the upgrade.
var BitMEX = &Dialect{
	Name:  "bitmex",
	Title: "BitMEX",
	Docs:  "https://www.bitmex.com/app/apiKeysUsage",
	Hosts: []string{"www.bitmex.com", "api.bitmex.com", "ws.bitmex.com", "testnet.bitmex.com", "api.testnet.bitmex.com", "ws.testnet.bitmex.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA256, Signature: Hex,
		Covers: CoversMethod | CoversPath | CoversQuery | CoversBody | CoversTime,
		Note:   "A WebSocket log-in signs only its expiry. The client sets the expiry, and the venue states no bound for it; over HTTP more than an hour ahead, and a minute for clocks, is refused (clients set 5 s to an hour)."}},
	Repeatable: []string{"columns"},
	Lists:      true,
	Routes:     bitmexRoutes,
	Claim:      bitmexClaim,
	Message:    bitmexMessage,
	Meaning:    bitmexMeaning,
	Answer:     bitmexAnswer,
	Correlate:  bitmexCorrelate,
	Deny:       bitmexDeny,
}

// opSetting is what a change of leverage or margin mode counts as.
const opSetting = vedette.OpSetting

var (
	bitmexOrder = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"side"}, Type: []string{"ordType"}, TIF: []string{"timeInForce"},
		Price: []string{"price", "pegOffsetValue"}, Stop: []string{"stopPx"}, Quantity: []string{"orderQty", "leavesQty"},
		ClientID: []string{"clOrdID"}, Refine: bitmexRefine,
	}
	bitmexAmend = &Fields{
		Price: []string{"price", "pegOffsetValue"}, Stop: []string{"stopPx"}, Quantity: []string{"orderQty", "leavesQty"},
		ClientID: []string{"clOrdID"}, Target: []string{"orderID", "origClOrdID"},
	}
	bitmexTarget = &Fields{Instrument: []string{"symbol"}, ClientID: []string{"clOrdID"}, Target: []string{"orderID", "clOrdID"}}
	bitmexRead   = &Fields{Instrument: []string{"symbol"}, Asset: []string{"currency"}, Object: []string{"targetAccountId", "accountId"}}
	bitmexWallet = &Fields{
		Asset: []string{"currency"}, Quantity: []string{"amount"}, Address: []string{"address"},
		Object: []string{"toAccountId", "targetUserId", "addressId", "token", "transactID", "redemptionID"}, Instrument: []string{"symbol"},
	}
	bitmexWithdraw = bitmexWallet.to([]string{"memo"}, "address", "addressId", "targetUserId")
	bitmexConfirm  = bitmexWallet.to(nil) // the venue's own token says where to
	bitmexAdmin    = &Fields{Object: []string{"targetAccountId", "apiKeyID", "id"}, Instrument: []string{"symbol"}}
)

var bitmexRoutes = NewRoutes([]Route{
	{Method: "POST", Path: "/api/v1/order", Op: vedette.OpOrderNew, Fields: bitmexOrder},
	{Method: "PUT", Path: "/api/v1/order", Op: vedette.OpOrderAmend, Fields: bitmexAmend},
	{Method: "DELETE", Path: "/api/v1/order", Op: vedette.OpOrderCancel, Fields: bitmexTarget, Batch: "orderID", Part: vedette.OpOrderCancel},
	{Method: "DELETE", Path: "/api/v1/order/all", Op: vedette.OpOrderCancelAll, Fields: bitmexRead},
	{Method: "POST", Path: "/api/v1/order/cancelAllAfter", Op: vedette.OpOrderCancelAll, Fields: bitmexRead},
	{Method: "POST", Path: "/api/v1/order/closePosition", Op: vedette.OpOrderNew, Fields: bitmexOrder},
	{Method: "GET", Path: "/api/v1/order", Op: vedette.OpOrderQuery, Fields: bitmexRead},
	{Method: "GET", Path: "/api/v1/execution", Op: vedette.OpOrderQuery, Fields: bitmexRead},
	{Method: "GET", Path: "/api/v1/execution/tradeHistory", Op: vedette.OpOrderQuery, Fields: bitmexRead},
	{Method: "GET", Path: "/api/v1/user/executionHistory", Op: vedette.OpOrderQuery, Fields: bitmexRead},
	{Method: "GET", Path: "/api/v1/position", Op: vedette.OpAccountRead, Fields: bitmexRead},
	{Method: "POST", Path: "/api/v1/position/isolate", Op: opSetting, Fields: bitmexAdmin},
	{Method: "POST", Path: "/api/v1/position/leverage", Op: opSetting, Fields: bitmexAdmin},
	{Method: "POST", Path: "/api/v1/position/crossLeverage", Op: opSetting, Fields: bitmexAdmin},
	{Method: "POST", Path: "/api/v1/position/riskLimit", Op: opSetting, Fields: bitmexAdmin},
	{Method: "POST", Path: "/api/v1/position/transferMargin", Op: vedette.OpTransfer, Fields: bitmexWallet},
	{Method: "GET", Path: "/api/v1/user", Op: vedette.OpAccountRead},
	{Method: "GET", Path: "/api/v1/user/*", Op: vedette.OpAccountRead, Fields: bitmexRead},
	{Method: "GET", Path: "/api/v1/user/depositAddress", Op: vedette.OpDepositAddress, Fields: bitmexRead},
	{Method: "GET", Path: "/api/v1/userAffiliates", Op: vedette.OpAccountRead},
	{Method: "GET", Path: "/api/v1/userEvent", Op: vedette.OpAccountRead},
	{Method: "GET", Path: "/api/v1/globalNotification", Op: vedette.OpAccountRead},
	{Method: "GET", Path: "/api/v1/leaderboard/name", Op: vedette.OpAccountRead},
	{Method: "GET", Path: "/api/v1/porl/snapshots", Op: vedette.OpAccountRead},
	{Method: "POST", Path: "/api/v1/user/requestWithdrawal", Op: vedette.OpWithdraw, Fields: bitmexWithdraw},
	{Method: "POST", Path: "/api/v1/user/confirmWithdrawal", Op: vedette.OpWithdraw, Fields: bitmexConfirm},
	{Method: "POST", Path: "/api/v1/user/cancelWithdrawal", Op: vedette.OpTransfer, Fields: bitmexWallet},
	{Method: "DELETE", Path: "/api/v1/user/withdrawal", Op: vedette.OpTransfer, Fields: bitmexWallet},
	{Method: "POST", Path: "/api/v1/user/walletTransfer", Op: vedette.OpTransfer, Fields: bitmexWallet},
	{Method: "POST", Path: "/api/v1/user/unstakingRequests", Op: vedette.OpTransfer, Fields: bitmexWallet},
	{Method: "DELETE", Path: "/api/v1/user/unstakingRequests", Op: vedette.OpTransfer, Fields: bitmexWallet},
	{Method: "POST", Path: "/api/v1/user/addSubaccount", Op: vedette.OpAdmin, Fields: bitmexAdmin},
	{Method: "POST", Path: "/api/v1/user/updateSubaccount", Op: vedette.OpAdmin, Fields: bitmexAdmin},
	{Method: "POST", Path: "/api/v1/user/preferences", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/api/v1/user/communicationToken", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/api/v1/user/confirmEmail", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/api/v1/user/logout", Op: vedette.OpSessionLogout},
	{Method: "GET", Path: "/api/v1/address", Op: vedette.OpAccountRead},
	{Method: "GET", Path: "/api/v1/addressConfig", Op: vedette.OpAccountRead},
	{Method: "POST", Path: "/api/v1/address", Op: vedette.OpAllowlistChange, Fields: bitmexWallet},
	{Method: "DELETE", Path: "/api/v1/address", Op: vedette.OpAllowlistChange, Fields: bitmexWallet},
	{Method: "GET", Path: "/api/v1/apiKey", Op: vedette.OpAccountRead},
	{Method: "POST", Path: "/api/v1/apiKey", Op: vedette.OpKeyCreate, Fields: bitmexAdmin},
	{Method: "DELETE", Path: "/api/v1/apiKey", Op: vedette.OpKeyDelete, Fields: bitmexAdmin},
	{Method: "POST", Path: "/api/v1/apiKey/disable", Op: vedette.OpKeyChange, Fields: bitmexAdmin},
	{Method: "POST", Path: "/api/v1/apiKey/enable", Op: vedette.OpKeyChange, Fields: bitmexAdmin},
	{Method: "POST", Path: "/api/v1/chat", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/api/v1/guild", Op: vedette.OpAdmin},
	{Method: "PUT", Path: "/api/v1/guild", Op: vedette.OpAdmin},
	{Method: "POST", Path: "/api/v1/guild/{}", Op: vedette.OpAdmin},
	{Method: "GET", Path: "/realtime", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/realtimemd", Op: vedette.OpMarketRead},
	{Method: "GET", Path: "/realtimePlatform", Op: vedette.OpMarketRead},
}, bitmexMarket(), []Route{
	{Method: WS, Path: "authKeyExpires", Op: vedette.OpSessionLogin},
	{Method: WS, Path: "authKey", Op: vedette.OpSessionLogin},
	{Method: WS, Path: "logout", Op: vedette.OpSessionLogout},
	{Method: WS, Path: "cancelAllAfter", Op: vedette.OpOrderCancelAll},
	{Method: WS, Path: "subscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "unsubscribe", Op: vedette.OpMarketRead},
	{Method: WS, Path: "help", Op: vedette.OpMarketRead},
	{Method: WS, Path: "ping", Op: vedette.OpMarketRead},
})

func bitmexMarket() (routes []Route) {
	for _, p := range []string{"announcement", "announcement/urgent", "chat", "chat/{}", "funding", "guild", "instrument", "instrument/{}",
		"insurance", "leaderboard", "liquidation", "orderBook/L2", "porl/nonce", "quote", "quote/bucketed", "schema", "schema/websocketHelp",
		"settlement", "stats", "stats/{}", "trade", "trade/bucketed", "wallet/assets", "wallet/networks", "version"} {
		routes = append(routes, Route{Method: "GET", Path: "/api/v1/" + p, Op: vedette.OpMarketRead, Fields: bitmexRead})
	}
	return append(routes, Route{Method: "GET", Path: "/api/v1", Op: vedette.OpMarketRead})
}

// bitmexRefine fills in what the venue takes for granted: the type by the prices
// given, the side by the sign of the quantity.
func bitmexRefine(v Values, a *vedette.Action) {
	switch kind := v.Get("ordType"); {
	case kind == "" && a.StopPrice.IsSet() && a.Price.IsSet():
		a.Type = vedette.StopLimit
	case kind == "" && a.StopPrice.IsSet():
		a.Type = vedette.Stop
	case kind == "" && a.Price.IsSet():
		a.Type = vedette.Limit
	case kind == "":
		a.Type = vedette.Market
	case fold(kind, "MarketIfTouched"):
		a.Type = vedette.Stop
	case fold(kind, "LimitIfTouched"):
		a.Type = vedette.StopLimit
	}
	if a.Side == vedette.SideNone && a.Quantity.IsSet() {
		a.Side = vedette.Buy
		if a.Quantity.Sign() < 0 {
			a.Side = vedette.Sell
		}
	}
	a.Quantity = a.Quantity.Abs()
	exec := v.Get("execInst")
	a.PostOnly = a.PostOnly || containsFold(exec, "ParticipateDoNotInitiate")
	a.ReduceOnly = a.ReduceOnly || containsFold(exec, "ReduceOnly") || containsFold(exec, "Close")
}

// bitmexPrivate are the topics that tell of an account.
var bitmexPrivate = []string{"affiliate", "execution", "order", "margin", "position", "privateNotifications", "transact", "wallet"}

func bitmexMeaning(r *Request, c *vedette.Call) {
	if r.Kind != Message {
		bitmexRoutes.Mean(r, c)
		if list := r.Values().JSON.Get("clOrdID"); c.Operation == vedette.OpOrderCancel && list.Kind() == strictjson.Array {
			for e := list.First(); e.Exists() && len(c.Batch) <= MaxParts; e = e.Next(list) {
				c.Batch = append(c.Batch, vedette.Action{Operation: vedette.OpOrderCancel, ClientOrderID: e.Text(), TargetOrderID: e.Text()})
			}
		}
		return
	}
	op, args := bitmexOp(r)
	c.Method = op
	bitmexRoutes.MeanAs(bitmexRoutes.Find(WS, op), r.Path, Values{}, c)
	if c.Operation != vedette.OpMarketRead {
		return
	}
	topic := args
	if args.Kind() == strictjson.Array {
		topic = args.First()
	}
	for ; topic.Exists(); topic = topic.Next(args) {
		name, instrument, _ := strings.Cut(topic.Text(), ":")
		set(&c.Instrument, instrument)
		for _, p := range bitmexPrivate {
			if name == p {
				c.Operation = vedette.OpAccountRead
			}
		}
		if args.Kind() != strictjson.Array {
			return
		}
	}
}

// bitmexOp returns the operation of a message with its arguments. On the
// multiplexed endpoint a message is [type, id, topic, payload].
func bitmexOp(r *Request) (op string, args strictjson.Value) {
	if !r.IsJSON() {
		if string(trimSpace(r.Body)) == "ping" {
			return "ping", strictjson.Value{}
		}
		return "", strictjson.Value{}
	}
	m := r.JSON()
	if m.Kind() == strictjson.Array {
		var e [4]strictjson.Value
		for i, v := 0, m.First(); i < len(e) && v.Exists(); i, v = i+1, v.Next(m) {
			e[i] = v
		}
		if kind := e[0].Text(); kind == "1" || kind == "2" { // open and close a stream
			return "subscribe", e[2]
		}
		m = e[3]
	}
	return m.Get("op").Text(), m.Get("args")
}

func bitmexClaim(r *Request, c *Claim) {
	var expires string
	if r.Kind == Message {
		op, args := bitmexOp(r)
		if op != "authKeyExpires" && op != "authKey" {
			if r.Session != nil && r.Session.Key != "" {
				c.Auth = AuthSession
			}
			return
		}
		c.Login, c.Auth = true, AuthSignature
		key := args.First()
		at := key.Next(args)
		c.Key, expires, c.Signature = key.Text(), at.Text(), at.Next(args).Text()
		if op == "authKey" { // signed with a nonce, which the venue no longer takes
			expires = ""
		}
	} else {
		c.Key, expires, c.Signature = r.single(c, "api-key"), r.single(c, "api-expires"), r.single(c, "api-signature")
		if p := r.Params(); r.Kind == Upgrade && c.Key == "" && c.Signature == "" {
			c.Key, expires, c.Signature = p.Get("api-key"), p.Get("api-expires"), p.Get("api-signature")
		}
		if c.Key == "" && c.Signature == "" {
			c.Fault = "" // no more than a stray header
			return
		}
		c.Auth, c.Login = AuthSignature, r.Kind == Upgrade
	}
	n, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || n <= 0 || n > 1e14 || expires[0] == '+' {
		if c.Fault == "" {
			c.Fault = vedette.BadEncoding
		}
		return
	}
	// The venue reads seconds. A client that writes milliseconds (ccxt's WebSocket
	// log-in) signs what does not expire in anybody's lifetime.
	// The same question asked twice within a second is the same bytes.
	c.Text, c.Expires, c.Tick = expires, time.Unix(n, 0), time.Second
	if r.Kind == HTTPRequest {
		bitmexDivide(r, c)
	}
}

// bitmexExpiry is how far ahead the expiry of an HTTP request may lie: clients set 5 s
// (ccxt) to an hour (the official ones), rounded up, by clocks that may be fast.
const bitmexExpiry = time.Hour + time.Minute

// bitmexDivide holds a request to what keeps the expiry apart from query and body,
// between which it is signed without a separator: ten digits, not far ahead, and a body
// that does not begin with one.
func bitmexDivide(r *Request, c *Claim) {
	c.MaxExpiry = bitmexExpiry
	b := r.Body
	letter := len(b) == 0 || r.IsJSON() || b[0]|0x20 >= 'a' && b[0]|0x20 <= 'z'
	if c.Fault == "" && (len(c.Text) != 10 || !letter) {
		c.Fault = vedette.Ambiguous
	}
}

func bitmexMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	if r.Kind == Message || r.Kind == Upgrade {
		return append(append(dst, "GET/realtime"...), c.Text...), true
	}
	dst = append(dst, r.Method...)
	dst = append(r.PathQuery(dst), c.Text...)
	return append(dst, r.Body...), true
}

func bitmexAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	body := answer.JSON()
	if body.Kind() == strictjson.Array {
		body = body.First()
	}
	if e := body.Get("error"); e.Kind() == strictjson.Object {
		a.Error, a.Outcome = e.Get("name").Text(), vedette.Rejected
		return
	} else if e.Text() != "" { // of a message, or of one order of several
		a.Outcome, a.Error = vedette.Rejected, body.Get("status").Text()
		if s, err := strconv.Atoi(a.Error); err == nil {
			a.Status = s
		}
		issued.LoginFailed = true
		return
	}
	if body.Get("success").Text() == "true" {
		a.Outcome = vedette.Accepted
		return
	}
	a.OrderID = body.Get("orderID").Text()
	a.Outcome = outcome(body.Get("ordStatus").Text())
	a.Account = body.Get("account").Text()
}

// bitmexCorrelate ties by the request that the venue repeats in its answer.
func bitmexCorrelate(r *Request) string {
	if !r.IsJSON() {
		if s := string(trimSpace(r.Body)); s == "ping" || s == "pong" {
			return "ping"
		}
		return ""
	}
	m := r.JSON()
	if r.Kind == Reply {
		m = m.Get("request")
	}
	op := m.Get("op").Text()
	if op == "" || op == "authKeyExpires" {
		return op
	}
	return op + " " + m.Get("args").Raw()
}

var bitmexDenials = denials{
	otherGround:   {403, "HTTPError", "Access Denied"},
	badSignature:  {401, "HTTPError", "Signature not valid."},
	badPassphrase: {401, "HTTPError", "Signature not valid."},
	badTime:       {401, "HTTPError", "This request has expired - its expires is in the past."},
	usedBefore:    {401, "HTTPError", "This request has expired - its signature was used before."},
	unknownKey:    {401, "HTTPError", "Invalid API Key."},
	badAddress:    {403, "HTTPError", "This IP address is not allowed to use this key."},
	tooMany:       {429, "RateLimitError", "Rate limit exceeded, retry in 1 seconds."},
	notAvailable:  {503, "HTTPError", "The system is currently overloaded. Please try again later."},
	unanswered:    {504, "HTTPError", "No answer in time; execution status unknown."},
	unreadable:    {400, "ValidationError", "The request cannot be read, or can be read in more than one way."},
	tooLarge:      {413, "ValidationError", "The request is too large."},
}

// maxEcho bounds what a refusal repeats of a message.
const maxEcho = 4096

func bitmexDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := bitmexDenials.of(d)
	if r.Kind == Message {
		dst = strconv.AppendInt(append(dst, `{"status":`...), int64(e.status), 10)
		dst = append(appendJSON(append(dst, `,"error":`...), e.msg), `,"meta":{},"request":`...)
		if m := r.JSON(); m.Kind() == strictjson.Object && len(m.Raw()) <= maxEcho {
			dst = append(dst, m.Raw()...)
		} else {
			dst = append(dst, "{}"...)
		}
		return Refusal{Body: append(dst, '}')}
	}
	dst = append(appendJSON(append(dst, `{"error":{"message":`...), e.msg), `,"name":"`...)
	return Refusal{Status: e.status, ContentType: "application/json; charset=utf-8", Body: append(append(dst, e.code...), `"}}`...)}
}
