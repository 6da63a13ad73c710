package venue

import (
	"strings"

	"vedette"
	"vedette/internal/strictjson"
)

// Coinbase takes a JWT of its own per request, signed by the credential, whose
// claims name METHOD, host and path; a WebSocket message carries one that names
// nothing. Older keys sign time, METHOD, path and body, with the query on version
// 2 only.
var Coinbase = &Dialect{
	Name:  "coinbase",
	Title: "Coinbase Advanced Trade and Coinbase App",
	Docs:  "https://docs.cdp.coinbase.com/coinbase-app/authentication-authorization/api-key-authentication",
	Hosts: coinbaseHosts,
	Schemes: []Scheme{
		{Name: "es256", Algorithm: ECDSAP256SHA256, Signature: Base64URL, Covers: coinbaseJWTCovers, Note: coinbaseJWTNote},
		{Name: "eddsa", Algorithm: Ed25519, Signature: Base64URL, Covers: coinbaseJWTCovers, Note: coinbaseJWTNote},
		{Name: "hmac", Algorithm: HMACSHA256, Signature: Hex, Covers: CoversMethod | CoversPath | CoversBody | CoversTime,
			Partly: CoversQuery, Note: "The query is signed for GET on /v2, not on /api/v3."},
	},
	Repeatable: []string{"product_ids", "order_ids", "order_status", "order_types", "asset_filters", "trade_ids", "time_in_forces",
		"productIds", "orderIds", "orderStatus", "orderTypes", "assetFilters", "tradeIds", "timeInForces"},
	Routes:    coinbaseRoutes,
	Claim:     coinbaseClaim,
	Message:   coinbaseMessage,
	Meaning:   coinbaseMeaning,
	Answer:    coinbaseAnswer,
	Correlate: coinbaseCorrelate,
	Deny:      coinbaseDeny,
}

const (
	coinbaseJWTCovers = CoversMethod | CoversHost | CoversPath | CoversTime | CoversNonce
	coinbaseJWTNote   = "Query and body are not signed: an order's fields can be changed on the way. The JWT of a WebSocket message covers only time and nonce."
)

var coinbaseHosts = []string{"api.coinbase.com", "api-sandbox.coinbase.com", "advanced-trade-ws.coinbase.com", "advanced-trade-ws-user.coinbase.com"}

var coinbaseLegacyHeaders = &signedHeaders{key: "CB-ACCESS-KEY", sign: "CB-ACCESS-SIGN", time: "CB-ACCESS-TIMESTAMP"}

func coinbaseClaim(r *Request, c *Claim) {
	switch r.Kind {
	case Message:
		coinbaseChannelClaim(r, c)
		return
	case Upgrade:
		return
	}
	if coinbaseLegacyHeaders.claim(r, c) {
		c.Scheme = "hmac"
		coinbaseTime(c, c.Text, coinbaseWindow)
		c.divide(r)
		if r.Header.Count("Authorization") > 0 {
			c.Fault = vedette.Ambiguous
		}
		return
	}
	if scheme := bearerClaim(r, c); fold(scheme, "Bearer") && strings.Count(c.Token, ".") == 2 {
		coinbaseJWT(r, c)
	}
}

// coinbaseChannelClaim claims a subscription by its JWT or, for older keys, its
// signature of time, channel and products.
func coinbaseChannelClaim(r *Request, c *Claim) {
	m := r.JSON()
	jwt, signature := m.Get("jwt").Text(), m.Get("signature").Text()
	switch {
	case jwt != "" && signature != "":
		c.Auth, c.Fault = AuthSignature, vedette.Ambiguous
	case r.provenBefore(jwt + signature):
		c.Auth = AuthSession
	case jwt != "":
		c.Auth, c.Token, c.Login = AuthBearer, jwt, true
		if strings.Count(jwt, ".") == 2 {
			coinbaseJWT(r, c)
		}
	case signature != "" || m.Get("api_key").Exists():
		c.Auth, c.Login, c.Scheme = AuthSignature, true, "hmac"
		c.Key, c.Signature, c.Text = m.Get("api_key").Text(), signature, m.Get("timestamp").Text()
		coinbaseTime(c, c.Text, coinbaseWindow)
	default:
		sessionClaim(r, c)
	}
}

func coinbaseMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	dst = append(dst, c.Text...)
	switch {
	case c.Scheme != "hmac": // the JWS signing input
	case r.Kind == Message:
		m := r.JSON()
		dst = append(dst, m.Get("channel").Text()...)
		products := m.Get("product_ids")
		for p := products.First(); p.Exists(); p = p.Next(products) {
			if p != products.First() {
				dst = append(dst, ',')
			}
			dst = append(dst, p.Text()...)
		}
	default:
		dst = append(dst, r.Method...)
		if strings.HasPrefix(r.Path, "/v2/") {
			dst = r.PathQuery(dst)
		} else {
			dst = append(dst, r.Path...)
		}
		dst = append(dst, r.Body...)
	}
	return dst, true
}

func coinbaseMeaning(r *Request, c *vedette.Call) {
	if r.Kind != Message {
		coinbaseRoutes.Mean(r, c)
		if c.Operation == vedette.OpOrderBatch {
			list := r.JSON().Get("orderIds")
			for e := list.First(); e.Exists() && len(c.Batch) <= MaxParts; e = e.Next(list) {
				c.Batch = append(c.Batch, vedette.Action{Operation: vedette.OpOrderCancel, TargetOrderID: e.Text()})
			}
		}
		return
	}
	m := r.JSON()
	c.Method = m.Get("type").Text()
	route := coinbaseRoutes.Find(WS, c.Method)
	coinbaseRoutes.MeanAs(route, r.Path, Values{JSON: m}, c)
	if route != nil {
		c.Operation = coinbaseChannel(m.Get("channel").Text())
	}
	c.Instrument = m.Get("product_ids").First().Text()
}

// coinbaseConfiguration reads an order's configuration, whose only member is named
// after the order's type and time in force, such as limit_limit_gtc.
func coinbaseConfiguration(v Values, a *vedette.Action) {
	o := v.JSON.Get("order_configuration").First()
	if !o.Exists() {
		o = v.JSON.Get("orderConfiguration").First()
	}
	name := o.Name()
	if o.Kind() != strictjson.Object || len(name) < 3 {
		return
	}
	switch {
	case containsFold(name, "market"):
		a.Type = vedette.Market
	case containsFold(name, "stop") || containsFold(name, "bracket"):
		a.Type = vedette.StopLimit
	default:
		a.Type = vedette.Limit
	}
	ParseTIF(name[len(name)-3:], a)
	in := Values{JSON: o}
	a.Quantity = in.decimal([]string{"base_size", "baseSize", "quote_size", "quoteSize"})
	a.Price = in.decimal([]string{"limit_price", "limitPrice"})
	a.StopPrice = in.decimal([]string{"stop_price", "stopPrice", "stop_trigger_price", "stopTriggerPrice"})
	a.PostOnly = in.flag([]string{"post_only", "postOnly"})
}

// coinbaseMoney reads what a transaction of version 2 is for.
func coinbaseMoney(v Values, a *vedette.Action) {
	switch v.Get("type") {
	case "send":
		a.Operation = vedette.OpWithdraw
	case "request":
		a.Operation = vedette.OpAccountRead
	case "transfer":
		a.Operation, a.Object, a.Address = vedette.OpTransfer, a.Address, ""
	}
}

func coinbaseAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	body := answer.JSON()
	if answer.Kind == Reply {
		if body.Get("type").Text() == "error" {
			a.Error, a.Outcome, issued.LoginFailed = body.Get("message").Text(), vedette.Rejected, true
		}
		return
	}
	route := coinbaseRoutes.Find(r.Method, r.Path)
	if a.Status >= 400 {
		a.Outcome = vedette.Rejected
		if a.Error = body.Get("error").Text(); a.Error == "" {
			a.Error = body.Get("errors").First().Get("id").Text()
		}
		return
	}
	if !route.changes() {
		return
	}
	if strings.HasPrefix(r.Path, "/v2/") {
		data := body.Get("data")
		a.OrderID, a.Outcome = data.Get("id").Text(), outcome(data.Get("status").Text())
		return
	}
	coinbaseOrderAnswer(route.Op, body, a)
}

// coinbaseOrderAnswer reads an answer to an order request: it is 200 even when the
// order was refused.
func coinbaseOrderAnswer(op vedette.Operation, body strictjson.Value, a *vedette.Answer) {
	if first := body.Get("results").First(); first.Exists() { // batch_cancel
		body = first
	}
	if body.Get("success").Kind() == strictjson.False {
		a.Outcome = vedette.Rejected
		for _, e := range [3]strictjson.Value{body.Get("error_response").Get("error"), body.Get("errors").First().Get("edit_failure_reason"), body.Get("failure_reason")} {
			if a.Error = e.Text(); a.Error != "" {
				break
			}
		}
		return
	}
	for _, at := range [3]strictjson.Value{body.Get("success_response"), body, body.Get("trade")} {
		for _, name := range [2]string{"order_id", "id"} {
			if a.OrderID = at.Get(name).Text(); a.OrderID != "" {
				break
			}
		}
		if a.OrderID != "" {
			break
		}
	}
	if body.Get("success").Kind() == strictjson.True {
		if a.Outcome = vedette.Accepted; op == vedette.OpOrderBatch {
			a.Outcome = vedette.Cancelled
		}
	}
}

var coinbaseDenials = denials{
	otherGround:   {403, "PERMISSION_DENIED", "permission denied"},
	badSignature:  {401, "authentication_error", "invalid signature"},
	badPassphrase: {401, "authentication_error", "invalid signature"},
	badTime:       {401, "authentication_error", "request timestamp expired"},
	usedBefore:    {401, "authentication_error", "request seen before"},
	unknownKey:    {401, "authentication_error", "invalid api key"},
	badAddress:    {403, "PERMISSION_DENIED", "IP address is not allowed for this API key"},
	tooMany:       {429, "rate_limit_exceeded", "rate limit exceeded"},
	notAvailable:  {503, "internal_server_error", "service unavailable"},
	unanswered:    {504, "", "No answer in time; execution status unknown"},
	unreadable:    {400, "INVALID_ARGUMENT", "invalid request"},
}

func coinbaseDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := coinbaseDenials.of(d)
	if r.Kind == Message {
		return coinbaseFeedError(r, dst, "authentication failure", e.msg)
	}
	if groundOf(d) == unanswered {
		return gatewayTimeout(dst)
	}
	if strings.HasPrefix(r.Path, "/v2/") {
		dst = append(append(append(dst, `{"errors":[{"id":"`...), e.code...), `","message":"`...)
		dst = append(append(dst, e.msg...), `"}]}`...)
	} else {
		dst = append(append(append(dst, `{"error":"`...), e.code...), `","error_details":"`...)
		dst = append(append(append(dst, e.msg...), `","message":"`...), e.msg...)
		dst = append(dst, `"}`...)
	}
	return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
}
