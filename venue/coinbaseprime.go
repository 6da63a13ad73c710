package venue

import (
	"strconv"
	"strings"

	"vedette"
)

// CoinbasePrime signs time, METHOD, path and body with the secret's text, joined
// without a separator; the query is left out. A WebSocket subscription signs
// channel, key, service account, time, portfolio and products.
var CoinbasePrime = &Dialect{
	Name:  "coinbaseprime",
	Title: "Coinbase Prime",
	Docs:  "https://docs.cdp.coinbase.com/prime/rest-api/authentication",
	Hosts: []string{"api.prime.coinbase.com", "ws-feed.prime.coinbase.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA256, Signature: Base64,
		Covers: CoversMethod | CoversPath | CoversBody | CoversTime,
		Note:   "The query is not signed."}},
	Repeatable: coinbasePrimeLists,
	Routes:     coinbasePrimeRoutes,
	Claim:      coinbasePrimeClaim,
	Message:    coinbasePrimeMessage,
	Meaning:    coinbasePrimeMeaning,
	Answer:     coinbasePrimeAnswer,
	Correlate:  coinbaseCorrelate,
	Deny:       coinbasePrimeDeny,
}

// coinbasePrimeLists are query names that take many values.
var coinbasePrimeLists = []string{"symbols", "categories", "statuses", "order_statuses", "product_ids", "types", "activity_level",
	"conversion_types", "wallet_ids", "visibility_statuses", "productIds", "orderStatuses", "activityLevel", "conversionTypes", "walletIds", "visibilityStatuses"}

var coinbasePrimeHeaders = &signedHeaders{key: "X-CB-ACCESS-KEY", sign: "X-CB-ACCESS-SIGNATURE", time: "X-CB-ACCESS-TIMESTAMP",
	passphrase: "X-CB-ACCESS-PASSPHRASE"}

func coinbasePrimeClaim(r *Request, c *Claim) {
	switch r.Kind {
	case Message:
		coinbasePrimeSubscription(r, c)
	case HTTPRequest:
		if coinbasePrimeHeaders.claim(r, c) {
			coinbaseTime(c, c.Text, coinbaseWindow)
			c.divide(r)
		}
	}
}

// coinbasePrimeSubscription claims a subscription. Every one is signed; the time is
// in ISO 8601 or in seconds.
func coinbasePrimeSubscription(r *Request, c *Claim) {
	m := r.JSON()
	key, signature := m.Get("access_key").Text(), m.Get("signature").Text()
	if key == "" && signature == "" {
		return
	}
	if r.provenBefore(signature) && r.Session.Key == key {
		c.Auth = AuthSession
		return
	}
	c.Auth, c.Login, c.Key, c.Signature = AuthSignature, true, key, signature
	c.Passphrase, c.HasPassphrase = m.Get("passphrase").Text(), true
	c.Text = m.Get("timestamp").Text()
	if strings.IndexByte(c.Text, 'T') > 0 {
		t, tick, ok := parseISO(c.Text, true)
		c.within(t, tick, ok, coinbaseWindow, coinbaseWindow)
		return
	}
	coinbaseTime(c, c.Text, coinbaseWindow)
}

func coinbasePrimeMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if r.Kind != Message {
		if form > 0 {
			return dst, false
		}
		dst = append(append(append(dst, c.Text...), r.Method...), r.Path...)
		return append(dst, r.Body...), true
	}
	// The time is signed as it stands or, where it stands in ISO 8601, in seconds.
	if form > 1 || form == 1 && strings.IndexByte(c.Text, 'T') < 0 {
		return dst, false
	}
	m := r.JSON()
	dst = append(append(dst, m.Get("channel").Text()...), c.Key...)
	dst = append(dst, m.Get("api_key_id").Text()...)
	if form == 0 {
		dst = append(dst, c.Text...)
	} else {
		dst = strconv.AppendInt(dst, c.Time.Unix(), 10)
	}
	dst = append(dst, m.Get("portfolio_id").Text()...)
	products := m.Get("product_ids")
	for p := products.First(); p.Exists(); p = p.Next(products) {
		dst = append(dst, p.Text()...)
	}
	return dst, true
}

func coinbasePrimeMeaning(r *Request, c *vedette.Call) {
	if r.Kind != Message {
		coinbasePrimeRoutes.Mean(r, c)
		return
	}
	m := r.JSON()
	c.Method = m.Get("type").Text()
	route := coinbasePrimeRoutes.Find(WS, c.Method)
	coinbasePrimeRoutes.MeanAs(route, r.Path, Values{JSON: m}, c)
	if route != nil {
		c.Operation = coinbaseChannel(m.Get("channel").Text())
	}
	c.Instrument, c.Object = m.Get("product_ids").First().Text(), m.Get("portfolio_id").Text()
}

func coinbasePrimeAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	body := answer.JSON()
	if answer.Kind == Reply {
		if body.Get("type").Text() == "error" {
			a.Error, a.Outcome, issued.LoginFailed = body.Get("message").Text(), vedette.Rejected, true
		}
		return
	}
	route := coinbasePrimeRoutes.Find(r.Method, r.Path)
	switch {
	case a.Status >= 400:
		a.Outcome, a.Error = vedette.Rejected, body.Get("message").Text()
	case !route.changes():
	case route.Op == vedette.OpWithdraw || route.Op == vedette.OpTransfer:
		a.OrderID, a.Outcome = body.Get("activity_id").Text(), vedette.Accepted
	case route.Op == vedette.OpOrderCancel:
		a.OrderID, a.Outcome = body.Get("id").Text(), vedette.Cancelled
	case route.Op == vedette.OpOrderNew || route.Op == vedette.OpOrderAmend:
		if a.OrderID = body.Get("order_id").Text(); a.OrderID != "" {
			a.Outcome = vedette.Accepted
		}
	}
}

var coinbasePrimeDenials = denials{
	otherGround:   {403, "", "permission denied"},
	badSignature:  {401, "", "invalid signature"},
	badPassphrase: {401, "", "invalid passphrase"},
	badTime:       {401, "", "request timestamp expired"},
	usedBefore:    {401, "", "request seen before"},
	unknownKey:    {401, "", "api key not found"},
	badAddress:    {403, "", "ip address not allowed"},
	tooMany:       {429, "", "rate limit exceeded"},
	notAvailable:  {503, "", "service unavailable"},
	unanswered:    {504, "", "No answer in time; execution status unknown"},
	unreadable:    {400, "", "invalid request"},
}

func coinbasePrimeDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := coinbasePrimeDenials.of(d)
	if r.Kind == Message {
		return coinbaseFeedError(r, dst, "authentication failed", e.msg)
	}
	dst = append(append(append(dst, `{"message":"`...), e.msg...), `"}`...)
	return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
}

// coinbaseTitled is the error of the International Exchange's server.
func coinbaseTitled(e *denial, dst []byte) Refusal {
	dst = append(append(append(dst, `{"title":"`...), e.msg...), `","status":`...)
	dst = append(strconv.AppendInt(dst, int64(e.status), 10), '}')
	return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
}
