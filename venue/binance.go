package venue

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Binance signs query and body, joined without a separator, less the signature
// itself. Method and path are not signed. WebSocket API messages sign their
// params, sorted by name and unencoded.
var Binance = &Dialect{
	Name:  "binance",
	Title: "Binance",
	Docs:  "https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security",
	Hosts: []string{"api.binance.com", "api1.binance.com", "api2.binance.com", "api3.binance.com", "api4.binance.com",
		"api-gcp.binance.com", "fapi.binance.com", "dapi.binance.com", "eapi.binance.com", "papi.binance.com",
		"ws-api.binance.com", "ws-fapi.binance.com", "ws-dapi.binance.com", "stream.binance.com", "fstream.binance.com",
		"dstream.binance.com", "testnet.binance.vision", "ws-api.testnet.binance.vision", "stream.testnet.binance.vision", "testnet.binancefuture.com"},
	Schemes: []Scheme{
		{Name: "hmac", Algorithm: HMACSHA256, Signature: Hex, Covers: CoversQuery | CoversBody | CoversTime},
		{Name: "rsa", Algorithm: RSAPKCS1SHA256, Signature: Base64, Covers: CoversQuery | CoversBody | CoversTime},
		{Name: "ed25519", Algorithm: Ed25519, Signature: Base64, Covers: CoversQuery | CoversBody | CoversTime},
	},
	Routes:    binanceRoutes,
	Claim:     binanceClaim,
	Message:   binanceMessage,
	Meaning:   binanceMeaning,
	Answer:    binanceAnswer,
	Correlate: correlateID,
	Deny:      binanceDeny,
}

func binanceRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return binanceRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	method = r.JSON().Get("method").Text()
	v = Values{JSON: r.JSON().Get("params")}
	route = binanceRoutes.Find(WS, method)
	if v.JSON.Kind() == strictjson.Array && namesListenKey(v.JSON) {
		route = &privateReads[vedette.OpAccountRead]
	}
	return route, method, v
}

func binanceMeaning(r *Request, c *vedette.Call) {
	route, method, v := binanceRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	binanceRoutes.MeanAs(route, r.Path, v, c)
}

func binanceClaim(r *Request, c *Claim) {
	route, _, v := binanceRoute(r)
	if r.Kind != Message {
		binanceStyleClaim(r, c, "X-MBX-APIKEY", route, v)
		c.divideTyped(r, "signature")
		return
	}
	binanceMessageClaim(r, c, route, v)
}

// binanceMessageClaim claims a message of the WebSocket API: signed on its own, or
// authenticated by the session's log-on.
func binanceMessageClaim(r *Request, c *Claim, route *Route, v Values) {
	if v.JSON.Kind() == strictjson.Array {
		if listenKeysIn(v.JSON, c); c.Token != "" {
			return
		}
	}
	c.Key, c.Signature = v.Get("apiKey"), v.Get("signature")
	c.Login = route.logsIn()
	if c.Key == "" && c.Signature == "" {
		sessionClaim(r, c)
		return
	}
	if binanceSigned(c, route, v); c.Fault == "" && !joinedSafely(v.JSON) {
		c.Fault = vedette.Ambiguous
	}
}

// binanceStyleClaim reads the claim of an HTTP request of Binance, or of a venue that
// copied its API.
func binanceStyleClaim(r *Request, c *Claim, keyHeader string, route *Route, v Values) {
	if r.Kind == Upgrade {
		binanceStream(r, c)
		return
	}
	raw, _ := r.Params().Raw("signature")
	c.Key, c.Signature = r.single(c, keyHeader), unescapePlain(raw)
	if c.Key == "" && c.Signature == "" {
		return
	}
	binanceSigned(c, route, v)
}

// binanceSigned settles what a request with a key must show: nothing more where the
// endpoint asks for the key alone, else a signature and a time.
func binanceSigned(c *Claim, route *Route, v Values) {
	if c.Signature == "" && route != nil && (route.Note == "key" || route.Op == vedette.OpMarketRead) {
		c.Auth = AuthKeyOnly
		return
	}
	c.Auth = AuthSignature
	binanceWindow(v, c)
}

// binanceStream claims streams by the listenKeys in path and query. A path may name several
// streams, as the query may.
func binanceStream(r *Request, c *Claim) {
	for one := range strings.SplitSeq(r.Path, "/") {
		c.listenKey(one)
	}
	c.listenKey(r.Params().Get("listenKey"))
	for one := range strings.SplitSeq(r.Params().Get("streams"), "/") {
		c.listenKey(one)
	}
	c.Login = c.Token != ""
}

// maxStreams is how many further listenKeys one call may name: the venue lets a connection
// have 1,024 streams.
const maxStreams = 1<<10 - 1

// listenKey claims the listenKey in the name of a stream, if there is one. A broker may ask for those of
// several customers at once.
func (c *Claim) listenKey(stream string) {
	switch name := listenKeyOf(stream); {
	case name == "" || name == c.Token:
	case c.Token == "":
		c.Auth, c.Token = AuthToken, name
	case len(c.Tokens) < maxStreams:
		c.Tokens = append(c.Tokens, name)
	default:
		c.Fault = vedette.TooLarge
	}
}

// listenKeyOf returns the listenKey that the name of a stream is or begins with, "" for that of a market's: futures ask
// for data of an account by listenKey@account (REQUEST).
func listenKeyOf(stream string) string {
	name, _, _ := strings.Cut(stream, "@")
	if len(name) < 60 || strings.ContainsAny(name, "!/") {
		return ""
	}
	return name
}

// namesListenKey reports whether a message subscribes to the stream of a listenKey.
func namesListenKey(params strictjson.Value) bool {
	for p := params.First(); p.Exists(); p = p.Next(params) {
		if p.Kind() == strictjson.String && listenKeyOf(p.Text()) != "" {
			return true
		}
	}
	return false
}

// listenKeysIn claims the listenKeys among the streams that a message subscribes to.
func listenKeysIn(params strictjson.Value, c *Claim) {
	for p := params.First(); p.Exists(); p = p.Next(params) {
		if p.Kind() == strictjson.String {
			c.listenKey(p.Text())
		}
	}
}

// binanceWindow reads timestamp and recvWindow. The venue accepts a timestamp up
// to 1 s ahead and recvWindow behind, in ms or µs (REST API, "Timing security").
func binanceWindow(v Values, c *Claim) {
	t, tick, ok := parseUnix(v.Get("timestamp"))
	if !ok {
		c.Fault = vedette.BadEncoding
		return
	}
	c.Time, c.Tick, c.MaxAge, c.MaxAhead = t, tick, 5*time.Second, time.Second
	if s := v.Get("recvWindow"); s != "" {
		if c.MaxAge, ok = parseMillis(s); !ok || c.MaxAge > maxRecvWindow {
			c.Fault = vedette.BadEncoding
		}
	}
}

// parseMillis reads a number of milliseconds with up to three decimals.
func parseMillis(s string) (time.Duration, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	ms, err := strconv.ParseUint(whole, 10, 32)
	if err != nil || len(frac) > 3 {
		return 0, false
	}
	us := uint64(0)
	if frac != "" {
		if us, err = strconv.ParseUint((frac + "00")[:3], 10, 32); err != nil {
			return 0, false
		}
	}
	return time.Duration(ms)*time.Millisecond + time.Duration(us)*time.Microsecond, true
}

// binanceMessage knows two forms of a request: as it stands on the wire, and with
// its values escaped anew, as several clients, official ones among them, sign it
// and then send another spelling of the same (a space as + for %20).
func binanceMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if r.Kind == Message {
		return appendSortedParams(dst, r.JSON().Get("params"), "signature"), form == 0
	}
	body := text(r.Body)
	switch {
	case form == 0:
		dst = appendWithout(dst, r.Query, "signature")
		return appendWithout(dst, body, "signature"), true
	case form == 1 && (strings.ContainsAny(r.Query, "%+") || strings.ContainsAny(body, "%+")):
		dst = appendAnew(dst, r.Query, "signature")
		return appendAnew(dst, body, "signature"), true
	}
	return dst, false
}

// appendAnew appends query or form text without the parameters of that name, its
// values decoded and escaped again as encodeURIComponent of ECMAScript does.
func appendAnew(dst []byte, s, name string) []byte {
	first := true
	for one := range strings.SplitSeq(s, "&") {
		k, v, assigned := strings.Cut(one, "=")
		if k == name || one == "" {
			continue
		}
		if !first {
			dst = append(dst, '&')
		}
		first = false
		if dst = append(dst, k...); assigned {
			dst = append(dst, '=')
		}
		for v != "" {
			c, n := v[0], 1
			switch {
			case c == '+':
				c = ' '
			case c == '%' && len(v) > 2 && unhex(v[1]) < 16 && unhex(v[2]) < 16:
				c, n = unhex(v[1])<<4|unhex(v[2]), 3
			}
			if v = v[n:]; strings.IndexByte("!'()*", c) >= 0 {
				dst = append(dst, c)
			} else {
				dst = appendEscaped(dst, text([]byte{c}))
			}
		}
	}
	return dst
}

// appendSortedParams appends the members of an object as name=value pairs, sorted
// by name and joined by &, leaving out one name.
func appendSortedParams(dst []byte, o strictjson.Value, without string) []byte {
	var buf [32]strictjson.Value
	list := buf[:0]
	for m := o.First(); m.Exists(); m = m.Next(o) {
		if m.Name() != without {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b strictjson.Value) int { return strings.Compare(a.Name(), b.Name()) })
	for i, m := range list {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(append(dst, m.Name()...), '=')
		if m.Kind() == strictjson.String {
			dst = append(dst, m.Text()...)
		} else {
			dst = append(dst, m.Raw()...)
		}
	}
	return dst
}

func binanceAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	route, _, _ := binanceRoute(r)
	body := answer.JSON()
	if answer.Kind == Reply {
		if s, err := strconv.Atoi(body.Get("status").Text()); err == nil {
			a.Status = s
		}
		if e := body.Get("error"); e.Exists() {
			issued.LoginFailed = route.logsIn()
			binanceRefused(e, a)
			return
		}
		body = body.Get("result")
	}
	if body.Get("code").Exists() && a.Status >= 400 {
		binanceRefused(body, a)
		return
	}
	a.OrderID = body.Get("orderId").Text()
	if n := body.Get("newOrderResponse"); n.Exists() { // cancelReplace
		body, a.OrderID = n, n.Get("orderId").Text()
	}
	if a.Outcome = outcome(body.Get("status").Text()); a.Outcome == vedette.OutcomeNone && route.changes() && a.Status >= 200 && a.Status < 300 {
		a.Outcome = vedette.Accepted
		if first := body.First(); body.Kind() == strictjson.Array && body.Len() == 1 { // a batch of one
			if code := first.Get("code"); code.Exists() && first.Get("msg").Exists() {
				a.Error, a.Outcome = code.Text(), vedette.Rejected
			} else {
				a.OrderID, a.Outcome = first.Get("orderId").Text(), outcome(first.Get("status").Text())
			}
		}
	}
	if route != nil && route.Op == vedette.OpAccountRead {
		a.Account = uidText(body.Get("uid"))
	}
	if k := body.Get("listenKey").Text(); k != "" {
		issued.Token, issued.TTL = k, time.Hour
	}
}

// binanceRefused reads an error. One of a cancelReplace may be the cancel's alone: then the
// new order is in its data.
func binanceRefused(e strictjson.Value, a *vedette.Answer) {
	a.Error, a.Outcome = e.Get("code").Text(), vedette.Rejected
	if data := e.Get("data"); data.Get("newOrderResult").Text() == "SUCCESS" {
		placed := data.Get("newOrderResponse")
		a.OrderID = placed.Get("orderId").Text()
		if a.Outcome = outcome(placed.Get("status").Text()); a.Outcome == vedette.OutcomeNone {
			a.Outcome = vedette.Accepted
		}
	}
}

func binanceDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	status, code := 403, -2015
	msg := "Invalid API-key, IP, or permissions for action."
	switch d.Reason {
	case vedette.BadSignature, vedette.NoSignature:
		status, code, msg = 400, -1022, "Signature for this request is not valid."
	case vedette.WindowPassed:
		status, code, msg = 400, -1021, "Timestamp for this request is outside of the recvWindow."
	case vedette.ClockAhead:
		status, code, msg = 400, -1021, "Timestamp for this request was 1000ms ahead of the server's time."
	case vedette.SignatureReused, vedette.CrossEndpoint:
		status, code, msg = 400, -1022, "Signature for this request was used before."
	case vedette.Throttled:
		status, code, msg = 429, -1003, "Too many requests."
	case vedette.UpstreamDown, vedette.FailClosed, vedette.ReplayFull:
		status, code, msg = 503, -1001, "Service unavailable; the request was not executed."
	case vedette.AnswerLost:
		status, code, msg = 504, -1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
	case vedette.Ambiguous, vedette.BadEncoding:
		status, code, msg = 400, -1102, "The request can be read in more than one way or not at all."
	case vedette.TooLarge:
		status, code, msg = 413, -1102, "The request is too large."
	case vedette.UnknownKey:
		status, code, msg = 401, -2014, "API-key format invalid."
	}
	if r.Kind == Message {
		dst = append(append(dst, `{"id":`...), rawOr(r.JSON().Get("id"), "null")...)
		dst = strconv.AppendInt(append(dst, `,"status":`...), int64(status), 10)
		dst = strconv.AppendInt(append(dst, `,"error":{"code":`...), int64(code), 10)
		dst = append(append(append(dst, `,"msg":"`...), msg...), `"}}`...)
		return Refusal{Body: dst}
	}
	dst = strconv.AppendInt(append(dst, `{"code":`...), int64(code), 10)
	dst = append(append(append(dst, `,"msg":"`...), msg...), `"}`...)
	return Refusal{Status: status, ContentType: "application/json;charset=UTF-8", Body: dst}
}
