package venue

import (
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// CoinbaseExchange signs time, METHOD, path with query, and body, joined without a
// separator. A WebSocket subscription signs as if it were GET /users/self/verify.
var CoinbaseExchange = &Dialect{
	Name:  "coinbaseexchange",
	Title: "Coinbase Exchange",
	Docs:  "https://docs.cdp.coinbase.com/exchange/rest-api/authentication",
	Hosts: []string{"api.exchange.coinbase.com", "api-public.sandbox.exchange.coinbase.com", "ws-feed.exchange.coinbase.com",
		"ws-direct.exchange.coinbase.com", "ws-feed-public.sandbox.exchange.coinbase.com", "ws-direct.sandbox.exchange.coinbase.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA256, Signature: Base64, Secret: Base64,
		Covers: CoversMethod | CoversPath | CoversQuery | CoversBody | CoversTime,
		Note:   "A WebSocket subscription signs only its time."}},
	Repeatable: []string{"status", "sorting"},
	Routes:     coinbaseExchangeRoutes,
	Claim:      coinbaseExchangeClaim,
	Message:    coinbaseExchangeMessage,
	Meaning:    coinbaseExchangeMeaning,
	Answer:     coinbaseExchangeAnswer,
	Correlate:  coinbaseCorrelate,
	Deny:       coinbaseExchangeDeny,
}

var coinbaseExchangeHeaders = &signedHeaders{key: "CB-ACCESS-KEY", sign: "CB-ACCESS-SIGN", time: "CB-ACCESS-TIMESTAMP", passphrase: "CB-ACCESS-PASSPHRASE"}

// coinbaseWindow is how far a timestamp may be off in either direction (Exchange,
// Prime: "within 30 seconds").
const coinbaseWindow = 30 * time.Second

// coinbaseTime sets the claim's time from seconds since 1970, with or without a
// fraction. Other units are refused: Coinbase reads seconds only.
func coinbaseTime(c *Claim, seconds string, window time.Duration) {
	t, tick, ok := parseUnix(seconds)
	whole, _, _ := strings.Cut(seconds, ".")
	c.within(t, tick, ok && len(whole) <= 11, window, window)
}

func coinbaseExchangeClaim(r *Request, c *Claim) {
	switch r.Kind {
	case Message:
		coinbaseSubscription(r, c, "timestamp", coinbaseWindow)
	case HTTPRequest:
		if coinbaseExchangeHeaders.claim(r, c) {
			coinbaseTime(c, c.Text, coinbaseWindow)
			c.divide(r)
		}
	}
}

// coinbaseSubscription claims a signed subscription. A client sends the same
// signature for all that it subscribes to within a second.
func coinbaseSubscription(r *Request, c *Claim, timeName string, window time.Duration) {
	m := r.JSON()
	key, signature := m.Get("key").Text(), m.Get("signature").Text()
	if key == "" && signature == "" {
		sessionClaim(r, c)
		return
	}
	if r.provenBefore(signature) && r.Session.Key == key {
		c.Auth = AuthSession
		return
	}
	c.Auth, c.Login, c.Key, c.Signature = AuthSignature, true, key, signature
	c.Passphrase, c.HasPassphrase = m.Get("passphrase").Text(), true
	c.Text = m.Get(timeName).Text()
	coinbaseTime(c, c.Text, window)
}

func coinbaseExchangeMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	dst = append(dst, c.Text...)
	if r.Kind == Message {
		return append(dst, "GET/users/self/verify"...), true
	}
	dst = append(dst, r.Method...)
	return append(r.PathQuery(dst), r.Body...), true
}

func coinbaseExchangeMeaning(r *Request, c *vedette.Call) {
	if r.Kind != Message {
		coinbaseExchangeRoutes.Mean(r, c)
		return
	}
	m := r.JSON()
	c.Method = m.Get("type").Text()
	route := coinbaseExchangeRoutes.Find(WS, c.Method)
	coinbaseExchangeRoutes.MeanAs(route, r.Path, Values{JSON: m}, c)
	if route != nil {
		c.Operation = firstChannel(m.Get("channels"), "name", coinbaseChannel)
	}
	c.Instrument = m.Get("product_ids").First().Text()
}

// coinbaseChannel is what reading a channel of a Coinbase feed means.
func coinbaseChannel(name string) vedette.Operation {
	switch name {
	case "user", "orders":
		return vedette.OpOrderQuery
	case "balance", "futures_balance_summary":
		return vedette.OpAccountRead
	}
	return vedette.OpMarketRead
}

func coinbaseExchangeAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if answer.Kind == Reply {
		if m := answer.JSON(); m.Get("type").Text() == "error" {
			a.Error, a.Outcome, issued.LoginFailed = m.Get("message").Text(), vedette.Rejected, true
		}
		return
	}
	route := coinbaseExchangeRoutes.Find(r.Method, r.Path)
	if a.Status >= 400 {
		a.Outcome, a.Error = vedette.Rejected, answer.JSON().Get("message").Text()
		return
	}
	if !route.changes() {
		return
	}
	body := answer.JSON()
	if route.Op == vedette.OpOrderCancel || route.Op == vedette.OpOrderCancelAll {
		if a.Outcome, a.OrderID = vedette.Cancelled, body.Text(); a.OrderID == "" {
			a.OrderID = body.First().Text()
		}
		return
	}
	a.OrderID = body.Get("id").Text()
	coinbaseDone(body, a)
}

// coinbaseDone reads the order state, where "done" says too little.
func coinbaseDone(body strictjson.Value, a *vedette.Answer) {
	status := body.Get("status").Text()
	if status == "done" {
		status = body.Get("done_reason").Text()
	}
	if a.Outcome = outcome(status); a.Outcome == vedette.Rejected {
		a.Error = body.Get("reject_reason").Text()
	}
	if a.OrderID != "" && a.Outcome == vedette.OutcomeNone {
		a.Outcome = vedette.Accepted
	}
}

// coinbaseCorrelate ties a subscription to its confirmation; the feeds have no ids.
func coinbaseCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	m := r.JSON()
	switch t := m.Get("type").Text(); {
	case fold(t, "subscribe"), fold(t, "unsubscribe"), fold(t, "subscriptions"), t == "error":
		return "subscriptions"
	case m.Get("channel").Text() == "subscriptions":
		return "subscriptions"
	}
	return ""
}

var coinbaseExchangeDenials = denials{
	otherGround:   {403, "", "Forbidden"},
	badSignature:  {401, "", "invalid signature"},
	badPassphrase: {401, "", "Invalid Passphrase"},
	badTime:       {400, "", "request timestamp expired"},
	usedBefore:    {400, "", "request timestamp expired"},
	unknownKey:    {401, "", "Invalid API Key"},
	badAddress:    {403, "", "IP does not match IP whitelist"},
	tooMany:       {429, "", "Private rate limit exceeded"},
	notAvailable:  {503, "", "ServiceUnavailable"},
	unanswered:    {504, "", "No answer in time; execution status unknown"},
	unreadable:    {400, "", "Bad Request"},
}

func coinbaseExchangeDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := coinbaseExchangeDenials.of(d)
	if r.Kind == Message {
		return coinbaseFeedError(r, dst, "Authentication Failed", e.msg)
	}
	dst = append(append(append(dst, `{"message":"`...), e.msg...), `"}`...)
	return Refusal{Status: e.status, ContentType: "application/json; charset=utf-8", Body: dst}
}

// coinbaseFeedError is the error message that the feeds of Coinbase share.
func coinbaseFeedError(r *Request, dst []byte, message, reason string) Refusal {
	dst = append(append(dst, `{"type":"error","message":"`...), message...)
	return Refusal{Body: append(append(append(dst, `","reason":"`...), reason...), `"}`...)}
}
