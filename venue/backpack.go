package venue

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Backpack signs the name of an instruction, the parameters of query or body sorted
// by name, the time and the window, with an Ed25519 key whose public half is the
// API key. The instruction stands for method and path: Route.Note has it. A batch
// signs instruction and parameters once an order.
var Backpack = &Dialect{
	Name:  "backpack",
	Title: "Backpack Exchange",
	Docs:  "https://docs.backpack.exchange/#section/Authentication/Signing-requests",
	Hosts: []string{"api.backpack.exchange", "ws.backpack.exchange"},
	Schemes: []Scheme{{Name: "ed25519", Algorithm: Ed25519, Signature: Base64, KeyIsPublic: true,
		Covers: CoversMethod | CoversPath | CoversQuery | CoversBody | CoversTime,
		Note:   "Method and path are signed as an instruction name. An order and a batch of that one order sign alike. A WebSocket log-in signs no channels."}},
	Repeatable: []string{"marketType", "sources"},
	Routes:     backpackRoutes,
	Claim:      backpackClaim,
	Message:    backpackMessage,
	Meaning:    backpackMeaning,
	Answer:     backpackAnswer,
	Correlate:  correlateID,
	Deny:       backpackDeny,
}

var (
	backpackOrder = &Fields{
		Instrument: []string{"symbol"}, Side: []string{"side"}, Type: []string{"orderType", "strategyType"}, TIF: []string{"timeInForce"},
		Price: []string{"price", "priceLimit"}, Stop: []string{"triggerPrice"}, Quantity: []string{"quantity", "quoteQuantity", "totalQuantity"},
		ClientID: []string{"clientId"}, PostOnly: []string{"postOnly"}, ReduceOnly: []string{"reduceOnly"},
		Refine: func(v Values, a *vedette.Action) {
			if !a.StopPrice.IsSet() {
				return
			}
			switch a.Type { // a trigger makes a stop of either
			case vedette.Market:
				a.Type = vedette.Stop
			case vedette.Limit:
				a.Type = vedette.StopLimit
			}
		},
	}
	backpackTarget = &Fields{Instrument: []string{"symbol"}, ClientID: []string{"clientId"},
		Target: []string{"orderId", "strategyId", "rfqId", "quoteId", "clientId"}, Object: []string{"subaccountId"}}
	backpackQuote = &Fields{Instrument: []string{"symbol"}, Target: []string{"rfqId", "quoteId"}, ClientID: []string{"clientId"},
		Price: []string{"bidPrice"}}
	backpackMoney = &Fields{Asset: []string{"symbol", "asset"}, Quantity: []string{"quantity"}, Address: []string{"address"}, Tag: []string{"memo"},
		ClientID: []string{"clientId"}, Object: []string{"subaccountId"}}
)

// instructed is a family of routes with the instruction that each signs:
// "path instruction path instruction …".
func instructed(method, base string, op vedette.Operation, f *Fields, list string) []Route {
	words := strings.Fields(list)
	var routes []Route
	for i := 0; i+1 < len(words); i += 2 {
		routes = append(routes, Route{Method: method, Path: base + words[i], Op: op, Fields: f, Note: words[i+1]})
	}
	return routes
}

var backpackRoutes = NewRoutes(
	[]Route{{Method: "POST", Path: "/api/v1/orders", Op: vedette.OpOrderBatch, Batch: ".", Part: vedette.OpOrderNew, Of: backpackOrder, Note: "orderExecute"}},
	instructed("POST", "/api/v1/", vedette.OpOrderNew, backpackOrder, "order orderExecute strategy strategyCreate rfq rfqSubmit"),
	instructed("POST", "/api/v1/rfq/", vedette.OpOrderNew, backpackQuote, "quote quoteSubmit accept quoteAccept"),
	instructed("POST", "/api/v1/rfq/", vedette.OpOrderAmend, backpackQuote, "refresh rfqRefresh"),
	instructed("POST", "/api/v1/rfq/", vedette.OpOrderCancel, backpackQuote, "cancel rfqCancel"),
	instructed("DELETE", "/api/v1/", vedette.OpOrderCancel, backpackTarget, "order orderCancel strategy strategyCancel"),
	instructed("DELETE", "/api/v1/", vedette.OpOrderCancelAll, backpackTarget, "orders orderCancelAll strategies strategyCancelAll"),
	instructed("GET", "/api/v1/", vedette.OpOrderQuery, backpackTarget, `order orderQuery orders orderQueryAll strategy strategyQuery strategies strategyQueryAll
		rfqs rfqQueryAll`),
	instructed("GET", "/wapi/v1/history/", vedette.OpOrderQuery, backpackTarget, `orders orderHistoryQueryAll fills fillHistoryQueryAll rfq rfqHistoryQueryAll
		quote quoteHistoryQueryAll rfq/fill rfqFillHistoryQueryAll quote/fill quoteFillHistoryQueryAll strategies strategyHistoryQueryAll`),
	instructed("GET", "/wapi/v1/history/", vedette.OpAccountRead, backpackTarget, `borrowLend borrowHistoryQueryAll interest interestHistoryQueryAll
		borrowLend/positions borrowPositionHistoryQueryAll dust dustHistoryQueryAll funding fundingHistoryQueryAll
		position positionHistoryQueryAll pnl pnlHistoryQueryAll settlement settlementHistoryQueryAll`),
	instructed("GET", "/api/v1/", vedette.OpAccountRead, backpackTarget, `account accountQuery account/limits/borrow maxBorrowQuantity
		account/limits/order maxOrderQuantity account/limits/withdrawal maxWithdrawalQuantity
		borrowLend/positions borrowLendPositionQuery borrowLend/position/liquidationPrice borrowLendLiquidationPriceQuery
		capital balanceQuery capital/collateral collateralQuery position positionQuery`),
	instructed("GET", "/wapi/v1/capital/", vedette.OpAccountRead, backpackMoney, `deposits depositQueryAll withdrawals withdrawalQueryAll
		withdrawals/delay withdrawalDelayQuery`),
	instructed("GET", "/wapi/v1/capital/", vedette.OpDepositAddress, backpackMoney, "deposit/address depositAddressQuery"),
	instructed("POST", "/wapi/v1/capital/", vedette.OpWithdraw, backpackMoney, "withdrawals withdraw"),
	instructed("POST", "/wapi/v1/capital/", vedette.OpAdmin, backpackMoney, "withdrawals/delay withdrawalDelayCreate"),
	instructed("PATCH", "/wapi/v1/capital/", vedette.OpAdmin, backpackMoney, "withdrawals/delay withdrawalDelayUpdate"),
	instructed("POST", "/wapi/v1/user/", vedette.OpMFAChange, nil, "2fa issueTwoFactorToken"),
	instructed("POST", "/api/v1/", vedette.OpTransfer, backpackMoney, "borrowLend borrowLendExecute account/convertDust convertDust"),
	instructed("PATCH", "/api/v1/", opSetting, nil, "account accountUpdate"),
	family("GET", "/api/v1/", vedette.OpMarketRead, backpackTarget, `assets collateral borrowLend/markets borrowLend/markets/history borrowLend/apy markets
		market ticker tickers depth prediction prediction/tags market-sessions market-holidays securities klines markPrices
		openInterest fundingRates status ping time wallets trades trades/history`),
	family("GET", "/", vedette.OpMarketRead, nil, "ws"),
	[]Route{{Method: "GET", Path: "/", Op: vedette.OpMarketRead}},
	family(WS, "", vedette.OpMarketRead, nil, "SUBSCRIBE UNSUBSCRIBE PING"),
)

func backpackMeaning(r *Request, c *vedette.Call) {
	if r.Kind != Message {
		backpackRoutes.Mean(r, c)
		return
	}
	m := r.JSON()
	c.Method = m.Get("method").Text()
	backpackRoutes.MeanAs(backpackRoutes.Find(WS, c.Method), r.Path, Values{}, c)
	streams := m.Get("params")
	for s := streams.First(); s.Exists(); s = s.Next(streams) {
		name := s.Text()
		if strings.HasPrefix(name, "account.") {
			c.Operation = vedette.OpAccountRead
		} else if i := strings.LastIndexByte(name, '.'); i >= 0 {
			set(&c.Instrument, name[i+1:])
		}
	}
}

var backpackHeaders = signedHeaders{key: "X-API-Key", sign: "X-Signature", time: "X-Timestamp"}

// maxBackpackWindow is the venue's bound of X-Window.
const maxBackpackWindow = 60 * time.Second

func backpackClaim(r *Request, c *Claim) {
	window, has := "", false
	if r.Kind == Message {
		sign := r.JSON().Get("signature") // [key, signature, time, window]
		if sign.Kind() != strictjson.Array {
			sessionClaim(r, c)
			return
		}
		key := sign.First()
		mac := key.Next(sign)
		at := mac.Next(sign)
		c.Auth, c.Login = AuthSignature, true
		c.Key, c.Signature, c.Text = key.Text(), mac.Text(), at.Text()
		window = at.Next(sign).Text()
		has = window != ""
	} else {
		if !backpackHeaders.claim(r, c) {
			return
		}
		route := backpackRoutes.Find(r.Method, r.Path)
		if c.Signature == "" && route != nil && route.Op == vedette.OpMarketRead {
			c.Auth = AuthKeyOnly // some clients send their key with everything
			return
		}
		if (route == nil || route.Note == "") && c.Fault == "" {
			c.Fault = vedette.BadEncoding // what is signed for this endpoint is not known
		}
		if r.IsJSON() && r.JSON().Kind() == strictjson.Array && r.Query != "" {
			c.Fault = vedette.Ambiguous // of a list of orders nothing else is signed
		}
		window = r.single(c, "X-Window")
		has = window != ""
	}
	age := 5 * time.Second
	if has {
		ms, err := strconv.ParseUint(window, 10, 32)
		if age = time.Duration(ms) * time.Millisecond; err != nil || age > maxBackpackWindow {
			c.Fault = vedette.BadEncoding
		}
	}
	t, tick, ok := parseUnix(c.Text)
	c.within(t, tick, ok && tick == time.Millisecond, age, age)
}

// backpackMessage has form 0 for clients that sign values as they are, form 1 for
// those that sign them percent-encoded: the only one for what could not be told apart
// unencoded.
func backpackMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	encoded := form == 1
	if form > 1 || r.Kind == Message && encoded {
		return dst, false
	}
	if r.Kind != Message && !encoded && !backpackApart(r, r.Values().JSON) {
		return backpackMessage(r, c, 1, dst)
	}
	window := ""
	if r.Kind == Message {
		sign := r.JSON().Get("signature")
		for e := sign.First(); e.Exists(); e = e.Next(sign) {
			window = e.Text()
		}
		dst = append(dst, "instruction=subscribe&"...)
	} else {
		window = r.Header.Get("X-Window")
		route := backpackRoutes.Find(r.Method, r.Path)
		if route == nil {
			return dst, false
		}
		body := strictjson.Value{}
		if r.IsJSON() {
			body = r.JSON()
		}
		if body.Kind() == strictjson.Array {
			for e := body.First(); e.Exists(); e = e.Next(body) {
				dst = append(append(append(dst, "instruction="...), route.Note...), '&')
				dst = appendBackpackBody(dst, e, encoded)
			}
		} else {
			dst = append(append(append(dst, "instruction="...), route.Note...), '&')
			dst = appendBackpackQuery(dst, r.Params(), encoded)
			dst = appendBackpackBody(dst, body, encoded)
		}
	}
	if window == "" {
		window = "5000"
	}
	dst = append(append(dst, "timestamp="...), c.Text...)
	return append(append(dst, "&window="...), window...), true
}

// backpackApart reports whether the parameters can be told apart again where they are
// signed as they are, joined by &, and from what the scheme itself adds.
func backpackApart(r *Request, body strictjson.Value) bool {
	own := func(name string) bool {
		return name == "instruction" || name == "timestamp" || name == "window" || strings.ContainsAny(name, "&=")
	}
	p := r.Params()
	for i := range p.list {
		if q := &p.list[i]; own(q.name(p)) || strings.IndexByte(q.decode(p), '&') >= 0 {
			return false
		}
	}
	switch body.Kind() {
	case strictjson.Array:
		for e := body.First(); e.Exists(); e = e.Next(body) {
			if !backpackApart(&Request{}, e) {
				return false
			}
		}
	case strictjson.Object:
		for m := body.First(); m.Exists(); m = m.Next(body) {
			if own(m.Name()) {
				return false
			}
		}
		return joinedSafely(body)
	}
	return true
}

func appendBackpackQuery(dst []byte, p *Params, encoded bool) []byte {
	var buf [16]int
	order := buf[:0]
	for i := range p.list {
		order = append(order, i)
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(p.list[a].name(p), p.list[b].name(p)) })
	for _, i := range order {
		q := &p.list[i]
		dst = append(append(dst, q.name(p)...), '=')
		if encoded {
			dst = append(dst, q.Value...)
		} else {
			dst = append(dst, q.decode(p)...)
		}
		dst = append(dst, '&')
	}
	return dst
}

func appendBackpackBody(dst []byte, o strictjson.Value, encoded bool) []byte {
	var buf [24]strictjson.Value
	list := buf[:0]
	for m := o.First(); m.Exists(); m = m.Next(o) {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b strictjson.Value) int { return strings.Compare(a.Name(), b.Name()) })
	for _, m := range list {
		dst = append(append(dst, m.Name()...), '=')
		value := m.Raw()
		if m.Kind() == strictjson.String {
			value = m.Text()
		}
		if encoded {
			dst = appendEscaped(dst, value)
		} else {
			dst = append(dst, value...)
		}
		dst = append(dst, '&')
	}
	return dst
}

// appendEscaped appends s with all but the unreserved characters percent-encoded
// (RFC 3986 section 2.3).
func appendEscaped(dst []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', digits[c>>4], digits[c&15])
	}
	return dst
}

func backpackAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	body := answer.JSON()
	if answer.Kind == Reply {
		if e := body.Get("error"); e.Exists() {
			a.Outcome, a.Error = vedette.Rejected, e.Get("code").Text()
			issued.LoginFailed = true
		}
		return
	}
	if body.Kind() == strictjson.Array {
		body = body.First()
		if body.Get("operation").Text() == "Err" { // of the first of several orders
			a.Outcome, a.Error = vedette.Rejected, body.Get("code").Text()
			return
		}
	}
	if code := body.Get("code").Text(); code != "" && a.Status >= 400 {
		a.Outcome, a.Error = vedette.Rejected, code
		return
	}
	a.Outcome = outcome(body.Get("status").Text())
	if route := backpackRoutes.Find(r.Method, r.Path); route.changes() || route != nil && route.Op == vedette.OpOrderQuery {
		a.OrderID = body.Get("id").Text()
	}
}

var backpackDenials = denials{
	otherGround:   {403, "FORBIDDEN", "This action is not permitted"},
	badSignature:  {400, "INVALID_SIGNATURE", "Invalid signature"},
	badPassphrase: {400, "INVALID_SIGNATURE", "Invalid signature"},
	badTime:       {400, "INVALID_CLIENT_REQUEST", "Request has expired"},
	usedBefore:    {400, "INVALID_CLIENT_REQUEST", "This signature was used before"},
	unknownKey:    {401, "UNAUTHORIZED", "Unauthorized"},
	badAddress:    {403, "FORBIDDEN", "This IP address is not permitted"},
	tooMany:       {429, "TOO_MANY_REQUESTS", "Too many requests"},
	notAvailable:  {503, "MAINTENANCE", "Service unavailable; the request was not executed"},
	unanswered:    {504, "TIMEOUT", "No answer in time; execution status unknown"},
	unreadable:    {400, "INVALID_CLIENT_REQUEST", "The request cannot be read, or can be read in more than one way"},
	tooLarge:      {413, "INVALID_CLIENT_REQUEST", "The request is too large"},
}

func backpackDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := backpackDenials.of(d)
	if r.Kind == Message {
		dst = append(dst, `{"id":`...)
		id := ""
		if r.IsJSON() {
			id = rawOr(r.JSON().Get("id"), "")
		}
		if id == "" {
			id = "null"
		}
		dst = append(append(append(dst, id...), `,"error":{"code":"`...), e.code...)
		return Refusal{Body: append(append(append(dst, `","message":"`...), e.msg...), `"}}`...)}
	}
	dst = append(append(dst, `{"code":"`...), e.code...)
	dst = append(append(append(dst, `","message":"`...), e.msg...), `"}`...)
	return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
}
