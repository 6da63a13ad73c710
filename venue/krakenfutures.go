package venue

import (
	"cmp"
	"crypto/sha256"
	"strings"

	"vedette"
	"vedette/internal/strictjson"
)

// KrakenFutures signs query, body, nonce and path, without the prefix
// /derivatives, through SHA-256. The nonce may be left out. A WebSocket session
// signs the challenge that the venue gave it.
var KrakenFutures = &Dialect{
	Name:  "krakenfutures",
	Title: "Kraken Futures",
	Docs:  "https://docs.kraken.com/api/docs/guides/futures-rest",
	Hosts: []string{"futures.kraken.com", "demo-futures.kraken.com", "api.futures.kraken.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA512, Signature: Base64, Secret: Base64,
		Covers: CoversPath | CoversQuery | CoversBody | CoversNonce,
		Note:   "The nonce is optional: a request without one can be replayed for ever; on another method it is seen within a minute. Query, body and nonce are joined without a separator: a request with query and body is refused, and so is a nonce beside them that is no time, and a last value that could have a nonce in it. A WebSocket session signs the venue's challenge."}},
	Repeatable: []string{"orderIds", "cliOrdIds", "contractType"},
	Routes:     krakenFuturesRoutes,
	Claim:      krakenFuturesClaim,
	Message:    krakenFuturesMessage,
	Meaning:    krakenFuturesMeaning,
	Answer:     krakenFuturesAnswer,
	Correlate:  krakenFuturesCorrelate,
	Push:       krakenFuturesPush,
	Deny:       krakenFuturesDeny,
}

var krakenFuturesHeaders = &signedHeaders{key: "APIKey", sign: "Authent", time: "Nonce"}

func krakenFuturesClaim(r *Request, c *Claim) {
	switch r.Kind {
	case Message:
		krakenFuturesChallenge(r, c)
		return
	case Upgrade:
		return
	}
	if !krakenFuturesHeaders.claim(r, c) {
		return
	}
	c.Nonce = c.Text
	switch {
	case c.Nonce == "":
		c.Replayable = true
	case isNonce(c.Nonce):
		c.NonceRule = NonceIncreasing
	case c.Fault == "":
		c.Fault = vedette.BadEncoding
	}
	// Query, body and nonce are joined: a nonce could have come into a value.
	c.divideForm(r, "")
	switch params := cmp.Or(text(r.Body), r.Query); {
	case c.Nonce != "" && params != "":
		c.nonceIsTime()
	case c.Nonce == "" && endsLikeNonce(params) && c.Fault == "":
		c.Fault = vedette.Ambiguous
	}
}

// krakenFuturesChallenge claims a message that signs the session's challenge. A
// client sends the same signed challenge with every private subscription.
func krakenFuturesChallenge(r *Request, c *Claim) {
	m := r.JSON()
	c.Key, c.Signature = m.Get("api_key").Text(), m.Get("signed_challenge").Text()
	if c.Key == "" && c.Signature == "" {
		sessionClaim(r, c)
		return
	}
	if m.Get("event").Text() == "challenge" && c.Signature == "" {
		c.Auth = AuthKeyOnly
		return
	}
	if s := r.Session; r.provenBefore(c.Signature) && s.Key == c.Key {
		c.Key, c.Signature, c.Auth = "", "", AuthSession
		return
	}
	c.Auth, c.Login = AuthSignature, true
	c.Nonce, c.NonceRule = m.Get("original_challenge").Text(), NonceUnique
	if c.Nonce == "" {
		c.Fault = vedette.NonceMissing
	} else if r.Session == nil || c.Nonce != r.Session.Challenge {
		c.Mismatch = vedette.BoundElsewhere
	}
}

func krakenFuturesMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	at := len(dst)
	if r.Kind == HTTPRequest {
		dst = append(append(dst, r.Query...), r.Body...)
		dst = append(append(dst, c.Nonce...), strings.TrimPrefix(r.Path, "/derivatives")...)
	} else {
		dst = append(dst, c.Nonce...)
	}
	sum := sha256.Sum256(dst[at:])
	return append(dst[:at], sum[:]...), true
}

func krakenFuturesMeaning(r *Request, c *vedette.Call) {
	if r.Kind == Message {
		m := r.JSON()
		c.Method = m.Get("event").Text()
		route := krakenFuturesRoutes.Find(WS, c.Method)
		if feed := m.Get("feed").Text(); feed != "" && strings.HasSuffix(c.Method, "subscribe") {
			if f := krakenFuturesRoutes.Find(WS, feed); f != nil {
				route = f
			}
		}
		krakenFuturesRoutes.MeanAs(route, r.Path, Values{JSON: m}, c)
		return
	}
	route, v := krakenFuturesRoutes.Find(r.Method, r.Path), r.Values()
	if route != nil && route.Batch != "" {
		v = Values{JSON: r.ParamJSON("json")}
	}
	krakenFuturesRoutes.MeanAs(route, r.Path, v, c)
}

// krakenFuturesRefine reads the order types that are short for a time in force.
func krakenFuturesRefine(v Values, a *vedette.Action) {
	switch t := v.Get("orderType"); {
	case fold(t, "stp"), fold(t, "take_profit"):
		if a.Type = vedette.Stop; a.Price.IsSet() {
			a.Type = vedette.StopLimit
		}
	}
}

// krakenFuturesPart reads what one part of a batch does.
func krakenFuturesPart(v Values, a *vedette.Action) {
	krakenFuturesRefine(v, a)
	switch v.Get("order") {
	case "send":
		a.Operation = vedette.OpOrderNew
	case "edit":
		a.Operation = vedette.OpOrderAmend
	case "cancel":
		a.Operation = vedette.OpOrderCancel
		if a.TargetOrderID == "" {
			a.TargetOrderID, a.ClientOrderID = a.ClientOrderID, ""
		}
	}
}

func krakenFuturesAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	body := answer.JSON()
	if answer.Kind == Reply {
		if e := body.Get("event").Text(); e == "error" || e == "alert" {
			a.Error, a.Outcome, issued.LoginFailed = body.Get("message").Text(), vedette.Rejected, true
		}
		return
	}
	if body.Get("result").Text() == "error" {
		a.Outcome = vedette.Rejected
		if a.Error = body.Get("error").Text(); a.Error == "" {
			a.Error = body.Get("errors").First().Get("message").Text()
		}
		return
	}
	for _, name := range [5]string{"sendStatus", "editStatus", "cancelStatus", "batchStatus", "status"} {
		s := body.Get(name)
		if s.Kind() == strictjson.Array {
			s = s.First()
		}
		if s.Kind() == strictjson.Object {
			krakenFuturesStatus(s, a)
			return
		}
	}
}

func krakenFuturesStatus(s strictjson.Value, a *vedette.Answer) {
	a.OrderID = s.Get("order_id").Text()
	if a.OrderID == "" {
		a.OrderID = s.Get("orderId").Text()
	}
	events := s.Get("orderEvents")
	executed := false
	for e := events.First(); e.Exists(); e = e.Next(events) {
		executed = executed || e.Get("type").Text() == "EXECUTION"
	}
	switch status := s.Get("status").Text(); status {
	case "placed", "edited", "attempted":
		if a.Outcome = vedette.Accepted; executed {
			a.Outcome = vedette.PartlyFilled
		}
	case "filled":
		a.Outcome = vedette.Filled
	case "partiallyFilled":
		a.Outcome = vedette.PartlyFilled
	case "cancelled":
		a.Outcome = vedette.Cancelled
	case "noOrdersToCancel":
		a.Outcome = vedette.Accepted
	default:
		a.Outcome, a.Error = vedette.Rejected, status
	}
}

// krakenFuturesCorrelate: the feed's messages carry no ids.
func krakenFuturesCorrelate(*Request) string { return "" }

func krakenFuturesPush(r *Request, s *Session) {
	if !r.IsJSON() {
		return
	}
	if m := r.JSON(); m.Get("event").Text() == "challenge" {
		s.Challenge = strings.Clone(m.Get("message").Text())
	}
}

var krakenFuturesDenials = denials{
	otherGround:   {200, "authenticationError", ""},
	badSignature:  {200, "authenticationError", ""},
	badPassphrase: {200, "authenticationError", ""},
	badTime:       {200, "nonceBelowThreshold", ""},
	usedBefore:    {200, "nonceDuplicate", ""},
	unknownKey:    {200, "authenticationError", ""},
	badAddress:    {200, "authenticationError", ""},
	tooMany:       {429, "apiLimitExceeded", ""},
	notAvailable:  {503, "unavailable", ""},
	unanswered:    {504, "timeout", "No answer in time; execution status unknown"},
	unreadable:    {200, "invalidArgument", ""},
}

func krakenFuturesDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := krakenFuturesDenials.of(d)
	if r.Kind == Message {
		return Refusal{Body: append(append(append(dst, `{"event":"error","message":"`...), e.code...), `"}`...)}
	}
	if groundOf(d) == unanswered {
		return gatewayTimeout(dst)
	}
	dst = append(append(append(dst, `{"result":"error","error":"`...), e.code...), `"}`...)
	return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
}
