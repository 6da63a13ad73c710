package venue

import (
	"crypto/sha512"
	"encoding/hex"
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
	unanswered:    {504, "SERVER_ERROR", "No answer in time; execution status unknown"},
	unreadable:    {400, "INVALID_REQUEST_BODY", "The request can be read in more than one way or not at all"},
	tooLarge:      {413, "INVALID_REQUEST_BODY", "The request is too large"},
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
