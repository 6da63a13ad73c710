package venue

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Kraken signs the path and the SHA-256 of nonce and body. The nonce stands in the
// form or JSON body and must increase, less the window set for the key. WebSocket
// messages carry a token that a signed request asked for.
var Kraken = &Dialect{
	Name:  "kraken",
	Title: "Kraken",
	Docs:  "https://docs.kraken.com/api/docs/guides/spot-rest-auth",
	Hosts: []string{"api.kraken.com", "ws.kraken.com", "ws-auth.kraken.com", "ws-l3.kraken.com", "beta-ws.kraken.com",
		"beta-ws-auth.kraken.com", "beta-api.kraken.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA512, Signature: Base64, Secret: Base64,
		Covers: CoversPath | CoversBody | CoversNonce,
		Note:   "The nonce is no clock: an intercepted request that never arrived stays good until a later nonce did. WebSocket messages carry a token in clear and sign nothing."}},
	Routes:    krakenRoutes,
	Claim:     krakenClaim,
	Message:   krakenMessage,
	Meaning:   krakenMeaning,
	Answer:    krakenAnswer,
	Correlate: krakenCorrelate,
	Deny:      krakenDeny,
}

var krakenHeaders = &signedHeaders{key: "API-Key", sign: "API-Sign"}

func krakenClaim(r *Request, c *Claim) {
	if r.Kind == Message {
		krakenToken(r, c)
		return
	}
	if r.Kind == Upgrade || !krakenHeaders.claim(r, c) {
		return
	}
	c.NonceRule, c.Nonce = NonceIncreasing, r.Values().Get("nonce")
	if c.Nonce != "" && !isNonce(c.Nonce) && c.Fault == "" {
		c.Fault = vedette.BadEncoding
	}
	if q := r.Params().find("nonce"); q != nil && q.In == InQuery {
		c.Fault = vedette.Ambiguous // the nonce that is signed before the body stands in it
	}
}

// krakenToken claims a message by its token. The token that opened the session
// stays good on it for as long as it lasts, past its own 15 minutes.
func krakenToken(r *Request, c *Claim) {
	m := r.JSON()
	for _, at := range [3]strictjson.Value{m.Get("params"), m, m.Get("subscription")} {
		if t := at.Get("token"); t.Exists() {
			c.Auth, c.Token, c.Login = AuthToken, t.Text(), true
			break
		}
	}
	if c.Auth == AuthNone || r.provenBefore(c.Token) {
		c.Token, c.Login, c.Auth = "", false, AuthNone
		sessionClaim(r, c)
	}
}

func krakenMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 || r.Kind != HTTPRequest {
		return dst, false
	}
	dst = append(dst, r.Path...)
	at := len(dst)
	dst = append(append(dst, c.Nonce...), r.Body...)
	sum := sha256.Sum256(dst[at:])
	return append(dst[:at], sum[:]...), true
}

func krakenRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return krakenRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	m := r.JSON()
	channel := m.Get("params").Get("channel").Text()
	v = Values{JSON: m.Get("params")}
	if method = m.Get("method").Text(); method == "" { // version 1
		method, v.JSON = m.Get("event").Text(), m
		channel = m.Get("subscription").Get("name").Text()
	}
	if strings.HasSuffix(method, "subscribe") && channel != "" {
		if route = krakenRoutes.Find(WS, channel); route != nil {
			return route, method, v
		}
	}
	return krakenRoutes.Find(WS, method), method, v
}

func krakenMeaning(r *Request, c *vedette.Call) {
	route, method, v := krakenRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	krakenRoutes.MeanAs(route, r.Path, v, c)
	if route == nil || !route.Op.Changes() {
		return
	}
	cancels := route.Op == vedette.OpOrderCancel
	if cancels || route.Part == vedette.OpOrderCancel {
		krakenTargets(v, cancels, c)
	}
}

// krakenTargets reads cancels that name many orders in lists of ids.
func krakenTargets(v Values, single bool, c *vedette.Call) {
	for _, name := range [5]string{"txid", "order_id", "cl_ord_id", "cl_ord_ids", "order_userref"} {
		list := v.member(name)
		if list.Kind() != strictjson.Array {
			continue
		}
		for e := list.First(); e.Exists() && len(c.Batch) <= MaxParts; e = e.Next(list) {
			c.Batch = append(c.Batch, vedette.Action{Operation: vedette.OpOrderCancel, TargetOrderID: e.Text()})
		}
	}
	switch {
	case single && len(c.Batch) == 1:
		c.TargetOrderID, c.Batch = c.Batch[0].TargetOrderID, c.Batch[:0]
	case single && len(c.Batch) > 1:
		c.Operation = vedette.OpOrderBatch
	}
}

// krakenRefine puts right what Kraken's order types make of its two prices: price
// is the trigger of a conditional order, price2 then its limit. An order that is only
// to be validated is a query.
func krakenRefine(v Values, a *vedette.Action) {
	ordertype := v.first([]string{"ordertype", "order_type"})
	switch {
	case fold(ordertype, "iceberg"):
		a.Type = vedette.Limit
	case (a.Type == vedette.Stop || a.Type == vedette.StopLimit) && !a.StopPrice.IsSet():
		a.StopPrice = a.Price
		a.Price = v.decimal([]string{"price2"})
	}
	if containsFold(v.Get("oflags"), "post") {
		a.PostOnly = true
	}
	if a.Operation == vedette.OpOrderNew && v.Get("validate") == "true" { // only that: what else the venue takes for true is not documented
		a.Operation = vedette.OpOrderQuery
	}
}

func krakenAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	body := answer.JSON()
	if answer.Kind == Reply {
		krakenReply(body, a, issued)
		return
	}
	list := body.Get("error")
	for e := list.First(); e.Exists(); e = e.Next(list) {
		if s := e.Text(); strings.HasPrefix(s, "E") {
			a.Error, a.Outcome = s, vedette.Rejected
			return
		}
	}
	result := body.Get("result")
	if t := result.Get("token"); t.Exists() {
		seconds, _ := strconv.Atoi(result.Get("expires").Text())
		issued.Token, issued.TTL = t.Text(), time.Duration(seconds)*time.Second
		return
	}
	krakenResult(krakenRoutes.Find(r.Method, r.Path), result, a)
}

// krakenResult reads the result of an order request, over REST or WebSocket.
func krakenResult(route *Route, result strictjson.Value, a *vedette.Answer) {
	if !result.Exists() || !route.changes() {
		return
	}
	a.Outcome = vedette.Accepted
	switch route.Op {
	case vedette.OpOrderCancel, vedette.OpOrderCancelAll:
		a.Outcome = vedette.Cancelled
	case vedette.OpWithdraw, vedette.OpTransfer:
		a.OrderID = result.Get("refid").Text()
		return
	}
	if first := result.Get("orders").First(); first.Exists() {
		result = first
	} else if result.Kind() == strictjson.Array {
		result = result.First()
	}
	for _, name := range [2]string{"order_id", "txid"} { // an amend_id is not the order's, which stays
		id := result.Get(name)
		if id.Kind() == strictjson.Array {
			id = id.First()
		}
		if id.Exists() {
			a.OrderID = id.Text()
			return
		}
	}
}

func krakenReply(body strictjson.Value, a *vedette.Answer, issued *Issued) {
	fail := body.Get("error").Text() + body.Get("errorMessage").Text()
	if fail != "" || body.Get("success").Kind() == strictjson.False || body.Get("status").Text() == "error" {
		a.Error, a.Outcome = fail, vedette.Rejected
		issued.LoginFailed = containsFold(fail, "session") || containsFold(fail, "token")
		return
	}
	if method := body.Get("method").Text(); method != "" {
		krakenResult(krakenRoutes.Find(WS, method), body.Get("result"), a)
		return
	}
	// Version 1 answers addOrder with addOrderStatus.
	event := strings.TrimSuffix(body.Get("event").Text(), "Status")
	krakenResult(krakenRoutes.Find(WS, event), body, a)
}

func krakenCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	for _, name := range [2]string{"req_id", "reqid"} {
		if id := r.JSON().Get(name); id.Kind() == strictjson.Number {
			return id.Raw()
		}
	}
	return ""
}

// krakenDenials are Kraken's own errors; the venue answers all but an outage with
// status 200.
var krakenDenials = denials{
	otherGround:   {200, "EGeneral:Permission denied", ""},
	badSignature:  {200, "EAPI:Invalid signature", ""},
	badPassphrase: {200, "EAPI:Invalid signature", ""},
	badTime:       {200, "EAPI:Invalid nonce", ""},
	usedBefore:    {200, "EAPI:Invalid nonce", ""},
	unknownKey:    {200, "EAPI:Invalid key", ""},
	badAddress:    {200, "EGeneral:Permission denied", ""},
	tooMany:       {200, "EAPI:Rate limit exceeded", ""},
	notAvailable:  {503, "EService:Unavailable", ""},
	unanswered:    {504, "EGeneral:Internal error", ""},
	unreadable:    {200, "EGeneral:Invalid arguments", ""},
}

func krakenDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := krakenDenials.of(d)
	if r.Kind != Message {
		dst = append(append(append(dst, `{"error":["`...), e.code...), `"]}`...)
		return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
	}
	code := e.code
	if g := groundOf(d); g == unknownKey || g == badSignature {
		code = "ESession:Invalid session"
	}
	m := r.JSON()
	if event := m.Get("event"); event.Exists() {
		name := "subscription"
		if route := krakenRoutes.Find(WS, event.Text()); route.changes() {
			name = event.Text()
		}
		dst = append(append(append(dst, `{"errorMessage":"`...), code...), `","event":`...)
		dst = appendJSON(dst, name+"Status")
		dst = append(append(dst, `,"reqid":`...), rawOr(m.Get("reqid"), "0")...)
		return Refusal{Body: append(dst, `,"status":"error"}`...)}
	}
	dst = append(append(append(dst, `{"error":"`...), code...), `","method":`...)
	dst = appendJSON(dst, m.Get("method").Text())
	if id := m.Get("req_id"); id.Exists() {
		dst = append(append(dst, `,"req_id":`...), rawOr(id, "0")...)
	}
	return Refusal{Body: append(dst, `,"success":false}`...)}
}
