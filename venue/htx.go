package venue

import (
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// HTX (formerly Huobi) signs method, host, path and the query sorted by name, a line
// each. The body of a POST is not signed. A WebSocket session logs in once, in one
// form for spot (version 2.1) and another for contracts (version 2).
var HTX = &Dialect{
	Name:  "htx",
	Title: "HTX",
	Docs:  "https://www.htx.com/en-us/opend/newApiPages/",
	Hosts: []string{"api.huobi.pro", "api-aws.huobi.pro", "api.htx.com", "api.hbdm.com", "api.hbdm.vn", "api.btcgateway.pro", "futures.htx.com", "www.htx.com",
		"status.huobigroup.com"},
	Schemes: []Scheme{
		{Name: "hmac", Algorithm: HMACSHA256, Signature: Base64, Covers: htxCovers, Note: htxNote},
		{Name: "ed25519", Algorithm: Ed25519, Signature: Base64, Covers: htxCovers, Note: htxNote},
	},
	Routes:    htxRoutes,
	Claim:     htxClaim,
	Message:   htxMessage,
	Meaning:   htxMeaning,
	Answer:    htxAnswer,
	Correlate: htxCorrelate,
	Deny:      htxDeny,
}

const (
	htxCovers = CoversMethod | CoversHost | CoversPath | CoversQuery | CoversTime
	htxNote   = "the body of a POST, with the whole order in it, is not signed"
)

// htxWindow is how far a timestamp may be off either way ("Invalid submission time").
const htxWindow = 5 * time.Minute

func htxClaim(r *Request, c *Claim) {
	if r.Kind == Message {
		htxLogin(r, c)
		return
	}
	p := r.Params()
	raw, signed := p.Raw("Signature")
	if c.Key = p.Get("AccessKeyId"); c.Key == "" && !signed {
		return
	}
	c.Signature = unescapePlain(raw)
	c.htx(p.Get("SignatureMethod"), p.Get("Timestamp"))
}

// htx sets what every signed form of the venue says of itself.
func (c *Claim) htx(method, timestamp string) {
	c.Auth, c.Text = AuthSignature, timestamp
	switch method {
	case "HmacSHA256":
		c.Scheme = "hmac"
	case "Ed25519", "ED25519":
		c.Scheme = "ed25519"
	default:
		c.Fault = vedette.BadEncoding
	}
	t, tick, ok := parseISO(timestamp, false)
	c.within(t, tick, ok, htxWindow, htxWindow)
}

// The names under which the two kinds of log-in message carry the same things, in
// the order in which they are signed.
var (
	htxSpotNames     = [4]string{"accessKey", "signatureMethod", "signatureVersion", "timestamp"}
	htxContractNames = [4]string{"AccessKeyId", "SignatureMethod", "SignatureVersion", "Timestamp"}
)

// htxAuth returns the object of a log-in message and the names in it; Missing for
// any other message.
func htxAuth(r *Request) (o strictjson.Value, names *[4]string, signature string) {
	root := r.JSON()
	if root.Get("ch").Text() == "auth" && root.Get("action").Text() == "req" {
		return root.Get("params"), &htxSpotNames, "signature"
	}
	if root.Get("op").Text() == "auth" {
		return root, &htxContractNames, "Signature"
	}
	return strictjson.Value{}, nil, ""
}

func htxLogin(r *Request, c *Claim) {
	o, names, signature := htxAuth(r)
	if names == nil {
		sessionClaim(r, c)
		return
	}
	c.Login = true
	c.Key, c.Signature = o.Get(names[0]).Text(), o.Get(signature).Text()
	c.htx(o.Get(names[1]).Text(), o.Get(names[3]).Text())
}

// htxMessage knows up to four forms: the query as encoded by the client or encoded
// anew, and the host as sent or without its port.
func htxMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	host, _, ported := strings.Cut(r.Host, ":")
	if form > 3 || form > 1 && !ported {
		return dst, false
	}
	if form < 2 {
		host = r.Host
	}
	method := r.Method
	if r.Kind == Message {
		method = "GET"
	}
	dst = append(append(dst, method...), '\n')
	for i := 0; i < len(host); i++ {
		b := host[i]
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		dst = append(dst, b)
	}
	dst = append(append(append(dst, '\n'), r.Path...), '\n')
	if r.Kind == Message {
		return appendHTXLogin(dst, r), true
	}
	return appendHTXQuery(dst, r.Query, form&1 == 1), true
}

func appendHTXLogin(dst []byte, r *Request) []byte {
	o, names, _ := htxAuth(r)
	if names == nil {
		return dst
	}
	for i, name := range names {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = appendEscaped(append(append(dst, name...), '='), o.Get(name).Text())
	}
	return dst
}

// appendHTXQuery appends the query sorted by name, less the signature.
func appendHTXQuery(dst []byte, query string, anew bool) []byte {
	var buf [32]string
	list := buf[:0]
	for one := range strings.SplitSeq(query, "&") {
		if !strings.HasPrefix(one, "Signature=") {
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	for i, one := range list {
		if i > 0 {
			dst = append(dst, '&')
		}
		if !anew {
			dst = append(dst, one...)
			continue
		}
		k, v, _ := strings.Cut(one, "=")
		plain, _ := AppendUnescaped(nil, v, true)
		dst = appendEscaped(append(append(dst, k...), '='), text(plain))
	}
	return dst
}

func htxRoute(r *Request) (route *Route, method string, v Values) {
	if r.Kind != Message {
		return htxRoutes.Find(r.Method, r.Path), "", r.Values()
	}
	root := r.JSON()
	ch := root.Get("ch").Text()
	switch action, op := root.Get("action").Text(), root.Get("op").Text(); {
	case ch == "auth" || op == "auth":
		return htxRoutes.Find(WS, "auth"), "auth", Values{}
	case op == "sub" || op == "unsub":
		return &privateReads[htxTopic(root.Get("topic").Text())], op, Values{}
	case action == "sub" || action == "unsub":
		return &privateReads[htxTopic(ch)], action, Values{}
	case op != "": // contracts
		data := root.Get("data")
		return htxRoutes.Find(WS, op), op, Values{JSON: data}
	case action == "" && ch != "": // spot
		return htxRoutes.Find(WS, ch), ch, Values{JSON: root.Get("params")}
	case action != "":
		return htxRoutes.Find(WS, action), action, Values{}
	}
	for _, name := range []string{"sub", "unsub", "req", "pong", "ping"} { // market data
		if root.Get(name).Exists() {
			return htxRoutes.Find(WS, "market"), name, Values{}
		}
	}
	return nil, "", Values{}
}

// htxTopic returns what a subscription to the topic reads.
func htxTopic(topic string) vedette.Operation {
	head, _, _ := strings.Cut(topic, "#")
	if head == topic {
		head, _, _ = strings.Cut(topic, ".")
	}
	switch strings.TrimSuffix(head, "_cross") {
	case "orders", "trade.clearing", "matchOrders", "trigger_order", "trade", "match_orders", "algo":
		return vedette.OpOrderQuery
	case "accounts", "accounts.update", "positions", "accounts_unify", "account", "position":
		return vedette.OpAccountRead
	}
	return vedette.OpMarketRead
}

// htxClients are the orders of a batch cancel that are named by client id.
var htxClients = Route{Op: vedette.OpOrderBatch, Batch: "client-order-ids", Part: vedette.OpOrderCancel}

func htxMeaning(r *Request, c *vedette.Call) {
	route, method, v := htxRoute(r)
	if r.Kind == Message {
		c.Method = method
	}
	htxRoutes.MeanAs(route, r.Path, v, c)
	if route != nil && route.Batch == "order-ids" && v.JSON.Get(htxClients.Batch).Exists() {
		htxClients.parts(v, c)
	}
}

func htxAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	route, _, _ := htxRoute(r)
	body := answer.JSON()
	fault := ""
	for _, name := range []string{"err-code", "err_code"} {
		if s := body.Get(name).Text(); s != "" && fault == "" && s != "0" {
			fault = s
		}
	}
	for _, name := range []string{"code", "err-code"} {
		if s := body.Get(name).Text(); fault == "" && s != "" && s != "200" && s != "0" {
			fault = s
		}
	}
	if fault != "" || body.Get("status").Text() == "error" {
		a.Error, a.Outcome, issued.LoginFailed = fault, vedette.Rejected, route.logsIn()
		return
	}
	data := body.Get("data")
	if list := data.Get("orders"); list.Len() == 1 {
		data = list
	}
	if data.Kind() == strictjson.Array && data.Len() == 1 {
		data = data.First()
	}
	for _, name := range []string{"order-id", "order_id_str", "order_id", "orderId"} {
		if a.OrderID == "" {
			a.OrderID = data.Get(name).Text()
		}
	}
	if id := data.Get("id"); a.OrderID == "" && route != nil && route.Op == vedette.OpOrderQuery {
		a.OrderID = id.Text()
	}
	if a.OrderID == "" && route != nil && (route.Op == vedette.OpOrderNew || route.Op == vedette.OpOrderCancel) {
		a.OrderID = data.Text() // spot answers with the bare id
	}
	a.Outcome = htxOutcome(data)
	if route.changes() && a.Outcome == vedette.OutcomeNone && (a.Status < 400 || answer.Kind == Reply) {
		a.Outcome = vedette.Accepted
	}
}

// htxOutcome reads an order's state: words for spot, numbers for contracts.
func htxOutcome(o strictjson.Value) vedette.Outcome {
	switch s := o.Get("state").Text(); s {
	case "partial-canceled", "partially_canceled":
		return vedette.Cancelled
	case "":
	default:
		return outcome(s)
	}
	switch o.Get("status").Text() {
	case "1", "2", "3":
		return vedette.Accepted
	case "4":
		return vedette.PartlyFilled
	case "5", "7":
		return vedette.Cancelled
	case "6":
		return vedette.Filled
	}
	return vedette.OutcomeNone
}

func htxCorrelate(r *Request) string {
	if !r.IsJSON() {
		return ""
	}
	root := r.JSON()
	for _, name := range []string{"cid", "id"} {
		if id := root.Get(name); id.Raw() != "" {
			return id.Raw()
		}
	}
	if root.Get("op").Text() == "auth" || root.Get("ch").Text() == "auth" {
		return "auth"
	}
	return ""
}

var htxDenials = denials{
	otherGround:   {200, "api-not-support-temp-addr", "API key has no permission"},
	badSignature:  {200, "api-signature-not-valid", "Signature not valid: Verification failure"},
	badPassphrase: {200, "api-signature-not-valid", "Signature not valid: Verification failure"},
	badTime:       {200, "api-signature-not-valid", "Signature not valid: Invalid submission time"},
	usedBefore:    {200, "api-signature-not-valid", "Signature not valid: used before"},
	unknownKey:    {200, "api-signature-not-valid", "Signature not valid: Incorrect Access key"},
	badAddress:    {200, "api-signature-not-valid", "Signature not valid: Incorrect IP address"},
	tooMany:       {429, "api-request-too-frequent", "exceeded rate limit"},
	notAvailable:  {503, "gateway-internal-error", "Internal gateway error. Try again later."},
	unanswered:    {504, "timeout", "timeout"},
	unreadable:    {400, "bad-request", "The request can be read in more than one way or not at all"},
	tooLarge:      {413, "bad-request", "The request is too large"},
}

// htxNumbers are the same for the APIs whose codes are numbers: v2 of spot, contracts.
var htxNumbers = denials{
	otherGround:   {200, "1002", ""},
	badSignature:  {200, "1003", ""},
	badPassphrase: {200, "1003", ""},
	badTime:       {200, "1003", ""},
	usedBefore:    {200, "1003", ""},
	unknownKey:    {200, "1003", ""},
	badAddress:    {200, "1003", ""},
	tooMany:       {429, "1032", ""},
	notAvailable:  {503, "1004", ""},
	unanswered:    {504, "1000", ""},
	unreadable:    {400, "1030", ""},
}

func htxDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e, n := htxDenials.of(d), htxNumbers.of(d)
	root := r.JSON()
	switch {
	case r.Kind == Message && root.Get("op").Exists(): // contracts
		dst = append(append(dst, `{"op":`...), rawOr(root.Get("op"), `""`)...)
		dst = append(append(dst, `,"cid":`...), rawOr(root.Get("cid"), `""`)...)
		dst = append(append(dst, `,"ts":0,"err-code":`...), n.code...)
		return Refusal{Body: append(append(append(dst, `,"err-msg":"`...), e.msg...), `"}`...)}
	case r.Kind == Message && root.Get("action").Exists(): // spot, version 2
		dst = append(append(dst, `{"action":`...), rawOr(root.Get("action"), `""`)...)
		dst = append(append(dst, `,"code":`...), n.code...)
		dst = append(append(dst, `,"ch":`...), rawOr(root.Get("ch"), `""`)...)
		return Refusal{Body: append(append(append(dst, `,"message":"`...), e.msg...), `"}`...)}
	case r.Kind == Message:
		dst = append(append(dst, `{"status":"error","id":`...), rawOr(root.Get("id"), `""`)...)
		dst = append(append(dst, `,"err-code":"`...), e.code...)
		return Refusal{Body: append(append(append(dst, `","err-msg":"`...), e.msg...), `"}`...)}
	case strings.HasPrefix(r.Path, "/v2/") || strings.HasPrefix(r.Path, "/v5/"):
		dst = append(append(dst, `{"code":`...), n.code...)
		dst = append(append(append(dst, `,"message":"`...), e.msg...), `","success":false}`...)
	case strings.HasPrefix(r.Path, "/v1/"):
		dst = append(append(dst, `{"status":"error","err-code":"`...), e.code...)
		dst = append(append(append(dst, `","err-msg":"`...), e.msg...), `","data":null}`...)
	default:
		dst = append(append(dst, `{"status":"error","err_code":`...), n.code...)
		dst = append(append(append(dst, `,"err_msg":"`...), e.msg...), `","ts":0}`...)
	}
	return Refusal{Status: e.status, ContentType: "application/json;charset=utf-8", Body: dst}
}
