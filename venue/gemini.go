package venue

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Gemini signs a header that holds the whole request as JSON in base64: endpoint,
// nonce and parameters. The HTTP body means nothing. A WebSocket session signs its
// upgrade.
var Gemini = &Dialect{
	Name:  "gemini",
	Title: "Gemini",
	Docs:  "https://docs.gemini.com/authentication/api-key",
	Hosts: []string{"api.gemini.com", "api.sandbox.gemini.com", "ws.gemini.com", "ws.sandbox.gemini.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA384, Signature: Hex,
		Covers: CoversPath | CoversNonce,
		Note:   "The signed header holds the parameters: neither query nor HTTP body is signed, nor read as parameters. A nonce in seconds is a time, good for 30 s either way."}},
	Repeatable: []string{"symbolFilter", "apiSessionFilter", "eventTypeFilter", "accountFilter"},
	Routes:     geminiRoutes,
	Claim:      geminiClaim,
	Message:    geminiMessage,
	Meaning:    geminiMeaning,
	Answer:     geminiAnswer,
	Correlate:  correlateID,
	Deny:       geminiDeny,
}

var geminiHeaders = &signedHeaders{key: "X-GEMINI-APIKEY", sign: "X-GEMINI-SIGNATURE", time: "X-GEMINI-PAYLOAD"}

// geminiWindow is how far a nonce in seconds may be off, for keys with a nonce
// based on time.
const geminiWindow = 30 * time.Second

func geminiClaim(r *Request, c *Claim) {
	if r.Kind == Message {
		sessionClaim(r, c)
		return
	}
	if !geminiHeaders.claim(r, c) {
		bearerClaim(r, c)
		c.Login = r.Kind == Upgrade && c.Auth == AuthBearer
		return
	}
	c.Login = r.Kind == Upgrade
	if nonce := r.single(c, "X-GEMINI-NONCE"); nonce != "" {
		geminiNonceOnly(r, c, nonce)
		return
	}
	payloadClaim(r, c)
	if whole, _, _ := strings.Cut(c.Nonce, "."); len(whole) == 10 {
		geminiSeconds(c)
	}
}

// geminiNonceOnly claims the upgrade of the newer WebSocket API, whose payload is
// the nonce alone, in seconds.
func geminiNonceOnly(r *Request, c *Claim, nonce string) {
	var b [maxNonceText]byte
	n, err := stdBase64.Decode(b[:], bytesOf(c.Text[:min(len(c.Text), maxNonceText)]))
	if err != nil || string(b[:n]) != nonce || !isNonce(nonce) {
		c.Fault = vedette.BadEncoding
		return
	}
	if r.Kind != Upgrade { // signs no endpoint
		c.Mismatch = vedette.BoundElsewhere
	}
	c.Nonce = nonce
	geminiSeconds(c)
}

// maxNonceText is enough base64 text for a nonce of 20 digits.
const maxNonceText = 28

// geminiSeconds takes the nonce for a time. Requests of one second then share it.
func geminiSeconds(c *Claim) {
	c.NonceRule = NonceNone
	t, tick, ok := parseUnix(c.Nonce)
	c.within(t, tick, ok, geminiWindow, geminiWindow)
}

// payloadClaim claims by a payload in c.Text: JSON in base64 that names endpoint and
// nonce. Gemini and the first version of Bitfinex's API take one.
func payloadClaim(r *Request, c *Claim) {
	p, err := r.heldJSON(stdBase64, c.Text)
	if err != nil || p.Kind() != strictjson.Object {
		if c.Fault = vedette.BadEncoding; errors.Is(err, strictjson.ErrDuplicate) {
			c.Fault = vedette.Ambiguous
		}
		return
	}
	c.NonceRule, c.Nonce = NonceIncreasing, p.Get("nonce").Text()
	// The documented examples take seconds with a fraction for a nonce.
	if whole, _, _ := strings.Cut(c.Nonce, "."); c.Nonce != "" && !isNonce(whole) {
		c.Fault = vedette.BadEncoding
	}
	c.Account = p.Get("account").Text()
	endpoint, query, asked := strings.Cut(p.Get("request").Text(), "?")
	if endpoint != r.Path || asked && query != r.Query {
		c.Mismatch = vedette.BoundElsewhere
	}
}

func geminiMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	return append(dst, c.Text...), form == 0
}

func geminiMeaning(r *Request, c *vedette.Call) {
	switch {
	case r.Kind == Message:
		m := r.JSON()
		c.Method = m.Get("method").Text()
		geminiRoutes.MeanAs(geminiRoutes.Find(WS, c.Method), r.Path, Values{JSON: m.Get("params")}, c)
		geminiStreams(m, c)
	default:
		v := Values{Params: r.Params()}
		if payload := r.Header.Get("X-GEMINI-PAYLOAD"); payload != "" {
			v.Params = nil
			v.JSON, _ = r.heldJSON(stdBase64, payload)
		}
		geminiRoutes.MeanAs(geminiRoutes.Find(r.Method, r.Path), r.Path, v, c)
	}
}

// geminiStreams reads a subscription to streams of orders or balances.
func geminiStreams(m strictjson.Value, c *vedette.Call) {
	if c.Method != "subscribe" && c.Method != "unsubscribe" {
		return
	}
	list := m.Get("params")
	for s := list.First(); s.Exists(); s = s.Next(list) {
		switch name := s.Text(); {
		case strings.HasPrefix(name, "orders@") || strings.HasSuffix(name, "@orders"):
			c.Operation = vedette.OpOrderQuery
		case strings.HasPrefix(name, "balances@") || strings.HasPrefix(name, "positions@"):
			c.Operation = vedette.OpAccountRead
		}
	}
}

// geminiRefine reads the execution options, an array of at most one name.
func geminiRefine(v Values, a *vedette.Action) {
	options := v.JSON.Get("options")
	for o := options.First(); o.Exists(); o = o.Next(options) {
		switch o.Text() {
		case "maker-or-cancel":
			a.PostOnly = true
		case "immediate-or-cancel":
			a.TimeInForce = vedette.IOC
		case "fill-or-kill":
			a.TimeInForce = vedette.FOK
		}
	}
}

func geminiAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	body := answer.JSON()
	var route *Route
	if answer.Kind == Reply {
		if e := body.Get("error"); e.Exists() {
			a.Outcome, a.Error = vedette.Rejected, e.Get("code").Text()
			return
		}
		route, body = geminiRoutes.Find(WS, r.JSON().Get("method").Text()), body.Get("result")
	} else {
		route = geminiRoutes.Find(r.Method, r.Path)
	}
	if body.Get("result").Text() == "error" {
		a.Outcome, a.Error = vedette.Rejected, body.Get("reason").Text()
		return
	}
	if !route.changes() || a.Status >= 400 {
		return
	}
	switch route.Op {
	case vedette.OpWithdraw, vedette.OpTransfer:
		if a.OrderID = body.Get("withdrawalId").Text(); a.OrderID == "" {
			a.OrderID = body.Get("uuid").Text()
		}
		return
	}
	for _, name := range [3]string{"order_id", "orderId", "i"} {
		if a.OrderID = body.Get(name).Text(); a.OrderID != "" {
			break
		}
	}
	a.Outcome = geminiState(body)
}

// geminiState reads an order's state from its flags and amounts, or from its status
// where it has one.
func geminiState(o strictjson.Value) vedette.Outcome {
	if s := o.Get("status"); s.Exists() {
		return outcome(s.Text())
	}
	done, _ := vedette.ParseDecimal(o.Get("executed_amount").Text())
	left, _ := vedette.ParseDecimal(o.Get("remaining_amount").Text())
	switch {
	case o.Get("is_cancelled").Kind() == strictjson.True:
		return vedette.Cancelled
	case done.Sign() > 0 && left.IsSet() && left.Sign() == 0:
		return vedette.Filled
	case done.Sign() > 0:
		return vedette.PartlyFilled
	case o.Get("is_live").Kind() == strictjson.True || o.Get("result").Text() == "ok":
		return vedette.Accepted
	}
	return vedette.OutcomeNone
}

var geminiDenials = denials{
	otherGround:   {403, "MissingRole", "To access this endpoint, you need a role that this API key does not have"},
	badSignature:  {400, "InvalidSignature", "InvalidSignature"},
	badPassphrase: {400, "InvalidSignature", "InvalidSignature"},
	badTime:       {400, "InvalidNonce", "Nonce is not within the accepted range"},
	usedBefore:    {400, "InvalidNonce", "Nonce has not increased since your last call to the Gemini API"},
	unknownKey:    {400, "InvalidApiKey", "Invalid API key"},
	badAddress:    {403, "MissingRole", "The address of the request is not allowed for this API key"},
	tooMany:       {429, "RateLimit", "Requests were made too frequently"},
	notAvailable:  {503, "Maintenance", "The service is not available; the request was not executed"},
	unanswered:    {504, "InternalServerError", "Internal Server Error: no answer in time; execution status unknown"},
	unreadable:    {400, "InvalidJson", "The request cannot be read in one way only"},
	tooLarge:      {413, "InvalidJson", "The request is too large"},
}

func geminiDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := geminiDenials.of(d)
	if d.Reason == vedette.BoundElsewhere {
		e = &denial{400, "EndpointMismatch", "EndpointMismatch"}
	}
	if r.Kind == Message {
		dst = append(append(dst, `{"id":`...), rawOr(r.JSON().Get("id"), "null")...)
		dst = strconv.AppendInt(append(dst, `,"status":`...), int64(e.status), 10)
		dst = append(dst, `,"error":{"code":"`...)
		dst = append(append(append(dst, e.code...), `","msg":"`...), e.msg...)
		return Refusal{Body: append(dst, `"}}`...)}
	}
	dst = append(append(append(dst, `{"result":"error","reason":"`...), e.code...), `","message":"`...)
	dst = append(append(dst, e.msg...), `"}`...)
	return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
}
