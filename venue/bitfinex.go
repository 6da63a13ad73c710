package venue

import (
	"strings"

	"vedette"
	"vedette/internal/strictjson"
)

// Bitfinex signs "/api", path, nonce and body, joined without a separator. The nonce
// must increase. The first version of the API takes a signed payload as Gemini does.
// A WebSocket session signs "AUTH" and a nonce.
var Bitfinex = &Dialect{
	Name:  "bitfinex",
	Title: "Bitfinex",
	Docs:  "https://docs.bitfinex.com/docs/rest-auth",
	Hosts: []string{"api.bitfinex.com", "api-pub.bitfinex.com", "api.staging.bitfinex.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA384, Signature: Hex,
		Covers: CoversPath | CoversNonce, Partly: CoversBody,
		Note: "The body is signed on version 2; on version 1 the signed header holds the parameters. The query is not signed. Behind a path that is not known in full the nonce must be a time. A WebSocket log-in signs only its nonce."}},
	Lists:     true,
	Routes:    bitfinexRoutes,
	Claim:     bitfinexClaim,
	Message:   bitfinexMessage,
	Meaning:   bitfinexMeaning,
	Answer:    bitfinexAnswer,
	Correlate: bitfinexCorrelate,
	Deny:      bitfinexDeny,
}

var (
	bitfinexHeaders = &signedHeaders{key: "bfx-apikey", sign: "bfx-signature", time: "bfx-nonce"}
	bitfinexFirst   = &signedHeaders{key: "X-BFX-APIKEY", sign: "X-BFX-SIGNATURE", time: "X-BFX-PAYLOAD"}
)

func bitfinexClaim(r *Request, c *Claim) {
	switch r.Kind {
	case Message:
		bitfinexAuth(r, c)
		return
	case Upgrade:
		return
	}
	if bitfinexHeaders.claim(r, c) {
		c.Nonce, c.NonceRule = c.Text, NonceIncreasing
		if c.Text = ""; c.Nonce != "" && !isNonce(c.Nonce) && c.Fault == "" {
			c.Fault = vedette.BadEncoding
		}
		if len(r.Body) > 0 && !r.IsJSON() {
			c.Fault = vedette.Ambiguous // digits of the nonce could have come into it
		}
		if len(bitfinexRoutes.exact[r.Path]) == 0 { // the path may end with an order's id
			c.nonceIsTime(r.Path)
		}
		if r.Header.Count("bfx-token")+r.Header.Count("X-BFX-PAYLOAD") > 0 {
			c.Fault = vedette.Ambiguous
		}
		return
	}
	c.Text = ""
	if token := r.single(c, "bfx-token"); token != "" {
		c.Auth, c.Token = AuthToken, token
		return
	}
	if bitfinexFirst.claim(r, c) {
		payloadClaim(r, c)
		c.Account = ""
	}
}

// bitfinexAuth claims a message: a log-in by signature or token, or what follows it.
func bitfinexAuth(r *Request, c *Claim) {
	m := r.JSON()
	if m.Get("event").Text() != "auth" {
		sessionClaim(r, c)
		return
	}
	c.Login = true
	if token := m.Get("token").Text(); token != "" {
		c.Auth, c.Token = AuthToken, token
		return
	}
	c.Auth, c.Key, c.Signature = AuthSignature, m.Get("apiKey").Text(), m.Get("authSig").Text()
	c.Text, c.Nonce, c.NonceRule = m.Get("authPayload").Text(), m.Get("authNonce").Text(), NonceIncreasing
	if !isNonce(c.Nonce) {
		c.Fault = vedette.BadEncoding
		return
	}
	// The payload is "AUTH" and the nonce, that some clients write twice or give
	// anew for the field.
	signed, ok := strings.CutPrefix(c.Text, "AUTH")
	if half := len(signed) / 2; len(signed) > 20 && len(signed) == 2*half && signed[:half] == signed[half:] {
		signed = signed[:half]
	}
	if !ok || !isNonce(signed) {
		c.Mismatch = vedette.BoundElsewhere
		return
	}
	c.Nonce = signed
}

func bitfinexMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	if c.Text != "" { // the payload of a log-in or of version 1
		return append(dst, c.Text...), true
	}
	dst = append(append(dst, "/api"...), r.Path...)
	dst = append(dst, c.Nonce...)
	return append(dst, r.Body...), true
}

// bitfinexInput takes a message apart: an event, or an array of channel, name, null
// and parameters.
func bitfinexInput(r *Request) (name string, args strictjson.Value) {
	m := r.JSON()
	if m.Kind() != strictjson.Array {
		return m.Get("event").Text(), m
	}
	e := m.First().Next(m)
	return e.Text(), e.Next(m).Next(m)
}

func bitfinexMeaning(r *Request, c *vedette.Call) {
	path, v := r.Path, r.Values()
	var route *Route
	switch {
	case r.Kind == Message:
		c.Method, v.JSON = bitfinexInput(r)
		v.Params = nil
		route = bitfinexRoutes.Find(WS, c.Method)
	default:
		route = bitfinexRoutes.Find(r.Method, path)
		if payload := r.Header.Get("X-BFX-PAYLOAD"); payload != "" {
			v = Values{}
			v.JSON, _ = r.heldJSON(stdBase64, payload)
		}
	}
	bitfinexRoutes.MeanAs(route, path, v, c)
	if route == nil {
		return
	}
	switch route.Note {
	case "ops":
		list := v.JSON
		if list.Kind() == strictjson.Object {
			list = list.Get("ops")
		}
		bitfinexOps(list, c)
	case "cancels":
		bitfinexCancels(v, c)
	}
}

// bitfinexOps reads a list of operations of all kinds.
func bitfinexOps(list strictjson.Value, c *vedette.Call) {
	for e := list.First(); e.Exists() && len(c.Batch) <= MaxParts; e = e.Next(list) {
		name := e.First()
		route := bitfinexRoutes.Find(WS, name.Text())
		if route == nil {
			c.Batch = append(c.Batch, vedette.Action{})
			continue
		}
		part := vedette.Action{Operation: route.Op}
		route.Fields.Fill(Values{JSON: name.Next(e)}, &part)
		c.Batch = append(c.Batch, part)
	}
}

// bitfinexCancels reads a cancel of many orders, or of all.
func bitfinexCancels(v Values, c *vedette.Call) {
	if v.flag([]string{"all"}) {
		c.Operation = vedette.OpOrderCancelAll
		return
	}
	for _, name := range [3]string{"id", "cid", "gid"} {
		list := v.JSON.Get(name)
		for e := list.First(); e.Exists() && len(c.Batch) <= MaxParts; e = e.Next(list) {
			if e.Kind() == strictjson.Array { // a client id with its date
				c.Batch = append(c.Batch, vedette.Action{Operation: vedette.OpOrderCancel, TargetOrderID: e.First().Text()})
				continue
			}
			c.Batch = append(c.Batch, vedette.Action{Operation: vedette.OpOrderCancel, TargetOrderID: e.Text()})
		}
	}
}

// The order flags that matter here.
const (
	bitfinexReduceOnly = 1024
	bitfinexPostOnly   = 4096
)

// bitfinexRefine reads side and size from the signed amount, and the type without
// the wallet that it may name first.
func bitfinexRefine(v Values, a *vedette.Action) {
	amount := v.Get("amount")
	a.Side = vedette.SideNone
	if s := v.Get("side"); s != "" { // version 1
		a.Side = ParseSide(s)
	} else if size, below := strings.CutPrefix(amount, "-"); below {
		a.Side = vedette.Sell
		a.Quantity, _ = vedette.ParseDecimal(size)
	} else if a.Quantity.Sign() > 0 {
		a.Side = vedette.Buy
	}
	kind := v.Get("type")
	if len(kind) > 9 && fold(kind[:9], "exchange ") {
		kind = kind[9:]
	}
	ParseType(kind, a)
	flags := 0
	for _, d := range v.Get("flags") {
		if d < '0' || d > '9' || flags > 1<<24 {
			flags = 0
			break
		}
		flags = flags*10 + int(d-'0')
	}
	a.PostOnly = a.PostOnly || flags&bitfinexPostOnly != 0
	a.ReduceOnly = a.ReduceOnly || flags&bitfinexReduceOnly != 0
	if v.Get("tif") != "" {
		a.TimeInForce = vedette.GTD
	}
	if a.Type == vedette.Stop && a.Price.IsSet() {
		a.StopPrice, a.Price = a.Price, vedette.Decimal{}
	}
	if a.Type == vedette.StopLimit {
		a.StopPrice, a.Price = a.Price, v.decimal([]string{"price_aux_limit"})
	}
}

var bitfinexDenials = denials{
	otherGround:   {500, "10200", "auth: not permitted"},
	badSignature:  {500, "10100", "apikey: digest invalid"},
	badPassphrase: {500, "10100", "apikey: digest invalid"},
	badTime:       {500, "10114", "nonce: small"},
	usedBefore:    {500, "10114", "nonce: small"},
	unknownKey:    {500, "10100", "apikey: invalid"},
	badAddress:    {500, "10100", "apikey: ip not allowed"},
	tooMany:       {429, "11010", "ratelimit: error"},
	notAvailable:  {500, "20060", "maintenance"}, // ccxt takes the form for an answer with any other status
	unanswered:    {504, "10001", "No answer in time; execution status unknown"},
	unreadable:    {500, "10020", "request: invalid"},
}

func bitfinexDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := bitfinexDenials.of(d)
	if r.Kind == Message {
		return Refusal{Body: bitfinexRefuse(r, e, dst)}
	}
	if groundOf(d) == unanswered { // the venue's form where its gateway answers, not the engine
		dst = append(append(append(dst, `{"code":504,"error":"temporarily_unavailable","error_description":"`...), e.msg...), `"}`...)
		return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
	}
	if strings.HasPrefix(r.Path, "/v1/") {
		dst = append(append(append(dst, `{"message":"`...), e.msg...), `"}`...)
		return Refusal{Status: max(400, min(e.status, 499)), ContentType: "application/json", Body: dst}
	}
	dst = append(append(append(dst, `["error",`...), e.code...), `,"`...)
	return Refusal{Status: e.status, ContentType: "application/json", Body: append(append(dst, e.msg...), `"]`...)}
}

// bitfinexRefuse writes the venue's message for a refused message.
func bitfinexRefuse(r *Request, e *denial, dst []byte) []byte {
	name, args := bitfinexInput(r)
	switch {
	case r.JSON().Kind() == strictjson.Array:
		dst = append(dst, `[0,"n",[null,`...)
		dst = appendJSON(dst, name+"-req")
		dst = append(append(dst, `,null,null,[`...), rawOr(args.Get("id"), "null")...)
		dst = append(append(dst, `,null,`...), rawOr(args.Get("cid"), "null")...)
		dst = append(append(append(dst, `],`...), e.code...), `,"ERROR","`...)
		return append(append(dst, e.msg...), `"]]`...)
	case name == "auth":
		dst = append(append(dst, `{"event":"auth","status":"FAILED","chanId":0,"code":`...), e.code...)
	default:
		dst = append(append(dst, `{"event":"error","code":`...), e.code...)
	}
	return append(append(append(dst, `,"msg":"`...), e.msg...), `"}`...)
}
