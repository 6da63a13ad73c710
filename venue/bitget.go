package venue

import (
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Bitget signs as OKX does, but for a time in ms and for clients that sign the query
// decoded. APIs v2 and v3 (unified account).
var Bitget = &Dialect{
	Name:  "bitget",
	Title: "Bitget",
	Docs:  "https://www.bitget.com/api-doc/common/signature",
	Hosts: []string{"api.bitget.com", "vip-api.bitget.com", "ws.bitget.com", "vip-ws.bitget.com", "vip-ws-uta.bitget.com", "wspap.bitget.com"},
	Schemes: []Scheme{
		{Name: "hmac", Algorithm: HMACSHA256, Signature: Base64, Covers: bitgetCovers, Note: bitgetNote},
		{Name: "rsa", Algorithm: RSAPKCS1SHA256, Signature: Base64, Covers: bitgetCovers, Note: bitgetNote},
	},
	Routes:    bitgetRoutes,
	Claim:     bitgetClaim,
	Message:   bitgetMessage,
	Meaning:   bitgetMeaning,
	Answer:    bitgetAnswer,
	Correlate: bitgetCorrelate,
	Deny:      bitgetDeny,
}

const (
	bitgetCovers = CoversMethod | CoversPath | CoversQuery | CoversBody | CoversTime
	bitgetNote   = "the query as sent or decoded; not signed: paptrading (demo or real account), the passphrase"
)

var bitgetHeaders = signedHeaders{key: "ACCESS-KEY", sign: "ACCESS-SIGN", time: "ACCESS-TIMESTAMP", passphrase: "ACCESS-PASSPHRASE"}

// bitgetWindow is how far a timestamp may be off either way (error 40008).
const bitgetWindow = 30 * time.Second

func bitgetClaim(r *Request, c *Claim) {
	if r.Kind == Message {
		okxLogin(r, c)
		return
	}
	if !bitgetHeaders.claim(r, c) {
		bearerClaim(r, c)
		return
	}
	t, tick, ok := parseUnix(c.Text)
	c.within(t, tick, ok, bitgetWindow, bitgetWindow)
	c.divide(r)
}

func bitgetMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if r.Kind == Message {
		return append(append(dst, c.Text...), "GET/user/verify"...), form == 0
	}
	dst = append(append(dst, c.Text...), r.Method...)
	switch form {
	case 0:
		return append(r.PathQuery(dst), r.Body...), true
	case 1:
		return r.appendDecoded(dst)
	}
	return dst, false
}

// appendDecoded appends path, query with its escapes decoded, and body, unless the
// decoded query could be read as a body.
func (r *Request) appendDecoded(dst []byte) ([]byte, bool) {
	from := len(dst) + len(r.Path)
	dst, ok := appendDecodedQuery(append(append(dst, r.Path...), '?'), r.Query)
	return append(dst, r.Body...), ok && (r.bodiless() || !opensJSON(text(dst[from:])))
}

// appendDecodedQuery appends the query with its escapes decoded, for venues and
// clients that sign it so. It returns false where that adds nothing, or where the
// decoded text would read as other parameters than the query: an escaped & or #, or
// an = within a name.
func appendDecodedQuery(dst []byte, query string) ([]byte, bool) {
	from, escaped, inName := len(dst), false, true
	for i := 0; i < len(query); i++ {
		c := query[i]
		switch {
		case c == '&':
			inName = true
		case c == '=':
			inName = false
		case c == '+':
			c, escaped = ' ', true
		case c == '%':
			if i+2 >= len(query) || unhex(query[i+1]) > 15 || unhex(query[i+2]) > 15 {
				return dst[:from], false
			}
			c, escaped = unhex(query[i+1])<<4|unhex(query[i+2]), true
			i += 2
			if c == '&' || c == '#' || c == '=' && inName {
				return dst[:from], false
			}
		}
		dst = append(dst, c)
	}
	return dst, escaped
}

// bitgetRoute finds the route of a request. A trade message of v3 names its
// operation in topic; one of v2 in each argument's channel.
func bitgetRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return bitgetRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	if !r.IsJSON() {
		return bitgetRoutes.Find(WS, text(r.Body)), "ping", Values{}
	}
	root := r.JSON()
	args := root.Get("args")
	if method = root.Get("op").Text(); method != "trade" {
		route = bitgetRoutes.Find(WS, method)
		if route != nil && route.Op == vedette.OpMarketRead {
			if private := bitgetChannels(args); private != vedette.OpMarketRead {
				route = &privateReads[private]
			}
		}
		return route, method, argsValues(route, root, args)
	}
	if topic := root.Get("topic"); topic.Exists() {
		route = bitgetRoutes.Find(WS, topic.Text())
		return route, topic.Text(), argsValues(route, root, args)
	}
	method = args.First().Get("channel").Text()
	return bitgetRoutes.Find(WS, method), method, Values{JSON: args.First()}
}

func bitgetChannels(args strictjson.Value) vedette.Operation {
	if op := firstChannel(args, "channel", bitgetChannel); op != vedette.OpMarketRead {
		return op
	}
	return firstChannel(args, "topic", bitgetChannel) // v3
}

func bitgetChannel(ch string) vedette.Operation {
	switch ch {
	case "account", "positions", "position", "positions-history", "account-crossed", "account-isolated", "equity", "adl-notification", "position-adl":
		return vedette.OpAccountRead
	case "orders", "order", "orders-algo", "fill", "fast-fill", "orders-crossed", "orders-isolated", "strategy-order", "liquidation-order":
		return vedette.OpOrderQuery
	}
	return vedette.OpMarketRead
}

func bitgetMeaning(r *Request, c *vedette.Call) {
	route, method, v := bitgetRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	bitgetRoutes.MeanAs(route, r.Path, v, c)
	if r.Kind == Message && route != nil && route.Batch == "" {
		manyArgs(route, r.JSON().Get("args"), c)
	}
}

func bitgetAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	route, _, _ := bitgetRoute(r)
	body := answer.JSON()
	code := body.Get("code").Text()
	ok := code == "00000" || code == "0" || code == "" || code == "200"
	if !ok {
		a.Error, a.Outcome, issued.LoginFailed = code, vedette.Rejected, route.logsIn()
		return
	}
	one := body.Get("data")
	if answer.Kind == Reply {
		if one = body.Get("args"); !one.Exists() {
			one = body.Get("arg").First().Get("params")
		}
	}
	if list := one.Get("list"); list.Len() == 1 {
		one = list
	}
	if one.Kind() == strictjson.Array && one.Len() == 1 {
		one = one.First()
	}
	a.OrderID = one.Get("orderId").Text()
	a.Account = uidText(one.Get("userId"))
	for _, name := range []string{"status", "state", "orderStatus"} {
		if s := one.Get(name).Text(); s != "" {
			a.Outcome = outcome(s)
		}
	}
	if fails := one.Get("failureList"); fails.Len() > 0 && one.Get("successList").Len() == 0 {
		a.Outcome, a.Error = vedette.Rejected, fails.First().Get("errorCode").Text()
	}
	if one.Get("success").Text() == "failure" { // of an order that was to take another's place
		a.Outcome = vedette.Rejected
	}
	if route.changes() && code != "" && a.Outcome == vedette.OutcomeNone {
		a.Outcome = vedette.Accepted
	}
}

// bitgetCorrelate ties trades by their id, of v3 in the message and of v2 in its
// argument, and log-ins by their kind. An error with a code of log-ins answers one.
func bitgetCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	root := r.JSON()
	if id := correlateID(r); id != "" {
		return id
	}
	for _, args := range []string{"args", "arg"} {
		if id := root.Get(args).First().Get("id"); id.Raw() != "" {
			return id.Raw()
		}
	}
	if root.Get("op").Text() == "login" || root.Get("event").Text() == "login" {
		return "login"
	}
	if root.Get("event").Text() == "error" {
		switch root.Get("code").Text() {
		case "30005", "30011", "30012", "30013", "30014", "30015":
			return "login"
		}
	}
	return ""
}

var bitgetDenials = denials{
	otherGround:   {400, "40014", "Incorrect permissions, need the right to do this"},
	badSignature:  {400, "40009", "sign signature error"},
	badPassphrase: {400, "40012", "apikey/password is incorrect"},
	badTime:       {400, "40008", "Request timestamp expired"},
	usedBefore:    {400, "40009", "sign signature error: used before"},
	unknownKey:    {400, "40037", "Apikey does not exist"},
	badAddress:    {400, "40018", "Invalid IP"},
	tooMany:       {429, "429", "Too Many Requests"},
	notAvailable:  {503, "40015", "System is abnormal, please try again later"},
	unanswered:    {504, "50008", "No answer in time; execution status unknown"},
	unreadable:    {400, "40017", "The request can be read in more than one way or not at all"},
	tooLarge:      {413, "40017", "The request is too large"},
}

var bitgetMessageDenials = denials{
	otherGround:   {0, "40014", "Incorrect permissions, need the right to do this"},
	badSignature:  {0, "30015", "Invalid sign"},
	badPassphrase: {0, "30012", "Invalid ACCESS_PASSPHRASE"},
	badTime:       {0, "30014", "Request timestamp expired"},
	usedBefore:    {0, "30015", "Invalid sign: used before"},
	unknownKey:    {0, "30011", "Invalid ACCESS_KEY"},
	badAddress:    {0, "40018", "Invalid IP"},
	tooMany:       {0, "30006", "request too many"},
	notAvailable:  {0, "40015", "System is abnormal, please try again later"},
	unanswered:    {0, "30008", "No answer in time; execution status unknown"},
	unreadable:    {0, "30016", "The request can be read in more than one way or not at all"},
	tooLarge:      {0, "30016", "The request is too large"},
}

func bitgetDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	if r.Kind != Message {
		e := bitgetDenials.of(d)
		dst = append(append(dst, `{"code":"`...), e.code...)
		dst = append(append(append(dst, `","msg":"`...), e.msg...), `","requestTime":0,"data":null}`...)
		return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
	}
	root, e := r.JSON(), bitgetMessageDenials.of(d)
	dst = append(dst, `{"event":"error",`...)
	if id := root.Get("id"); id.Exists() { // v3
		dst = append(append(append(dst, `"id":`...), rawOr(id, `""`)...), ',')
	} else if a := root.Get("args").First(); a.Get("id").Exists() { // v2
		dst = append(append(dst, `"arg":[{"id":`...), rawOr(a.Get("id"), `""`)...)
		dst = append(append(dst, `,"channel":`...), rawOr(a.Get("channel"), `""`)...)
		dst = append(append(dst, `,"instId":`...), rawOr(a.Get("instId"), `""`)...)
		dst = append(dst, `}],`...)
	}
	dst = append(append(dst, `"code":`...), e.code...)
	return Refusal{Body: append(append(append(dst, `,"msg":"`...), e.msg...), `"}`...)}
}
