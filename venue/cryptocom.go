package venue

import (
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// CryptoCom signs what the body says: method, id, key, parameters sorted by name,
// and nonce. The URL is not signed, but has to name the method that is. A
// WebSocket session logs in with public/auth and then signs nothing.
var CryptoCom = &Dialect{
	Name:  "cryptocom",
	Title: "Crypto.com Exchange",
	Docs:  "https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#digital-signature",
	Hosts: []string{"api.crypto.com", "stream.crypto.com", "deriv-api.crypto.com", "deriv-stream.crypto.com", "uat-api.3ona.co", "uat-stream.3ona.co"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA256, Signature: Hex, Covers: CoversPath | CoversBody | CoversTime,
		Note: "The path is held against the signed method. Parameters are signed without separators: one whose text holds the name of another is refused. Members beside id, method, params, api_key and nonce are not signed. A WebSocket log-in signs no parameters, and what follows it nothing."}},
	Routes:    cryptoRoutes,
	Claim:     cryptoClaim,
	Message:   cryptoMessage,
	Meaning:   cryptoMeaning,
	Answer:    cryptoAnswer,
	Correlate: correlateID,
	Deny:      cryptoDeny,
}

var (
	cryptoOrder = &Fields{
		Instrument: []string{"instrument_name"}, Side: []string{"side"}, Type: []string{"type"}, TIF: []string{"time_in_force"},
		Price: []string{"price", "new_price", "limit_price"}, Stop: []string{"ref_price", "trigger_price"},
		Quantity: []string{"quantity", "new_quantity", "notional"},
		ClientID: []string{"client_oid"}, Target: []string{"order_id", "orig_client_oid", "list_id"}, Object: []string{"isolation_id"},
		Refine: func(v Values, a *vedette.Action) {
			list := v.member("exec_inst")
			for e := list.First(); e.Exists(); e = e.Next(list) {
				a.PostOnly = a.PostOnly || e.Text() == "POST_ONLY" || e.Text() == "SMART_POST_ONLY"
				a.ReduceOnly = a.ReduceOnly || e.Text() == "REDUCE_ONLY"
			}
		},
	}
	cryptoTarget = &Fields{Instrument: []string{"instrument_name"}, Target: []string{"order_id", "client_oid", "list_id", "bot_id", "quote_id"},
		ClientID: []string{"client_oid"}, Object: []string{"account_id"}, Asset: []string{"currency"}}
	cryptoMoney = &Fields{
		Asset: []string{"currency", "staking_inst_id", "from_instrument_name", "instrument_name"}, Address: []string{"address", "bank_details"},
		Quantity: []string{"amount", "quantity"}, ClientID: []string{"client_wid"}, Object: []string{"to", "sub_account_uuid", "isolation_id"},
	}
)

var cryptoRoutes = NewRoutes(
	family(WS, "", vedette.OpSessionLogin, nil, "public/auth"),
	family(WS, "", vedette.OpOrderNew, cryptoOrder, `private/create-order private/close-position private/otc/accept-quote private/otc/create-order
		private/bot/create-trading-bot private/bot/resume-trading-bot private/advanced/create-order`),
	family(WS, "", vedette.OpOrderAmend, cryptoOrder, "private/amend-order private/bot/update-trading-bot private/bot/pause-trading-bot"),
	family(WS, "", vedette.OpOrderCancel, cryptoTarget, `private/cancel-order private/bot/terminate-trading-bot private/advanced/cancel-order
		private/advanced/cancel-oco private/advanced/cancel-oto private/advanced/cancel-otoco`),
	family(WS, "", vedette.OpOrderCancelAll, cryptoTarget, "private/cancel-all-orders private/advanced/cancel-all-orders"),
	batch(WS, "", "order_list", vedette.OpOrderNew, cryptoOrder, `private/create-order-list private/advanced/create-oco private/advanced/create-oto
		private/advanced/create-otoco`),
	batch(WS, "", "order_list", vedette.OpOrderCancel, cryptoTarget, "private/cancel-order-list"),
	family(WS, "", vedette.OpOrderQuery, cryptoTarget, `private/get-order-history private/get-open-orders private/get-order-detail private/get-trades
		private/get-order-list private/otc/request-quote private/otc/get-quote-history private/otc/get-trade-history
		private/otc/get-open-deals private/bot/get-trading-bots private/bot/get-trading-bot-executions
		private/advanced/get-open-orders private/advanced/get-order-history private/advanced/get-order-detail private/advanced/get-order-list`),
	family(WS, "", vedette.OpAccountRead, cryptoTarget, `private/user-balance private/user-balance-history private/get-cancel-on-disconnect
		private/otc/get-otc-user private/otc/get-instruments private/export/create-export-request private/export/get-export-requests
		private/export/download-export-output private/fiat/fiat-deposit-history private/fiat/fiat-withdraw-history
		private/fiat/fiat-transaction-quota private/fiat/fiat-transaction-limit private/fiat/fiat-get-bank-accounts
		private/staking/get-staking-position private/staking/get-staking-instruments private/staking/get-open-stake
		private/staking/get-stake-history private/staking/get-reward-history private/staking/get-open-convert
		private/staking/get-convert-history`),
	family(WS, "", vedette.OpWithdraw, cryptoMoney.to([]string{"address_tag"}, "address"), "private/create-withdrawal"),
	family(WS, "", vedette.OpWithdraw, cryptoMoney.to(nil, "bank_details"), "private/fiat/fiat-create-withdraw"),
	family(WS, "", vedette.OpTransfer, cryptoMoney, `private/create-subaccount-transfer private/create-isolated-margin-transfer private/convert-collateral
		private/staking/stake private/staking/unstake private/staking/convert`),
	family(WS, "", vedette.OpDepositAddress, cryptoMoney, "private/get-deposit-address private/fiat/fiat-deposit-info"),
	family(WS, "", opSetting, cryptoTarget, `private/change-account-leverage private/change-isolated-margin-leverage private/change-account-settings
		private/set-cancel-on-disconnect`),
	family(WS, "", vedette.OpMarketRead, cryptoTarget, `subscribe unsubscribe public/heartbeat public/respond-heartbeat
		public/staking/get-conversion-rate public/margin/get-transfer-currencies public/margin/get-load-currenices`),
)

// cryptoCall returns the method of a request: the one in the body, that is signed,
// or the one in the path.
func cryptoCall(r *Request) (method string, v Values) {
	if r.IsJSON() {
		m := r.JSON()
		if method = m.Get("method").Text(); method != "" {
			return method, Values{JSON: m.Get("params")}
		}
	}
	if r.Kind == Message {
		return "", Values{}
	}
	for _, family := range []string{"/public/", "/private/"} {
		if i := strings.LastIndex(r.Path, family); i >= 0 {
			return r.Path[i+1:], r.Values()
		}
	}
	return "", r.Values()
}

func cryptoMeaning(r *Request, c *vedette.Call) {
	method, v := cryptoCall(r)
	route := cryptoRoutes.Find(WS, method)
	cryptoRoutes.MeanAs(route, method, v, c)
	if r.Kind == Message {
		c.Method = method
	}
	switch {
	case route == nil && strings.HasPrefix(method, "private/get-"):
		c.Operation = vedette.OpAccountRead
		cryptoTarget.Fill(v, &c.Action)
	case route == nil && strings.HasPrefix(method, "public/get-"), r.Kind == Upgrade && strings.Contains(r.Path, "/v"):
		c.Operation = vedette.OpMarketRead
		cryptoTarget.Fill(v, &c.Action)
	case r.Kind == Message && (method == "subscribe" || method == "unsubscribe"):
		channels := v.member("channels")
		for ch := channels.First(); ch.Exists(); ch = ch.Next(channels) {
			name, rest, _ := strings.Cut(ch.Text(), ".")
			if name == "user" {
				c.Operation = vedette.OpAccountRead
				continue
			}
			rest, _, _ = strings.Cut(rest, ".")
			set(&c.Instrument, rest)
		}
	}
}

func cryptoClaim(r *Request, c *Claim) {
	if !r.IsJSON() {
		return
	}
	m := r.JSON()
	c.Key, c.Signature = m.Get("api_key").Text(), m.Get("sig").Text()
	method := m.Get("method").Text()
	if c.Key == "" && c.Signature == "" {
		if r.Kind == Message && method != "public/auth" {
			sessionClaim(r, c)
		}
		return
	}
	c.Auth = AuthSignature
	c.Login = r.Kind == Message && method == "public/auth"
	t, tick, ok := parseUnix(m.Get("nonce").Text())
	// INVALID_NONCE, 40102: "differs by more than 60 seconds from server".
	c.within(t, tick, ok && tick == time.Millisecond, time.Minute, time.Minute)
	if m.Get("params").Kind() == strictjson.Array || method == "" {
		c.Fault = vedette.BadEncoding
	}
	if c.Fault == "" && cryptoMerged(m.Get("params"), false) {
		c.Fault = vedette.Ambiguous
	}
	if r.Kind != Message && !strings.HasSuffix(r.Path, "/"+method) {
		c.Mismatch = vedette.BoundElsewhere
	}
}

func cryptoMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	m := r.JSON()
	dst = append(dst, m.Get("method").Text()...)
	dst = append(dst, m.Get("id").Text()...)
	dst = append(dst, c.Key...)
	dst = appendParams(dst, m.Get("params"))
	return append(dst, m.Get("nonce").Text()...), true
}

// cryptoNames are the parameters of the calls that change something.
var cryptoNames = []string{"address", "address_tag", "amount", "bank_details", "client_oid", "client_wid", "contingency_type", "currency", "exec_inst",
	"from_instrument_name", "instrument_name", "isolation_id", "limit_price", "network_id", "new_price", "new_quantity", "notional", "order_id", "order_list",
	"orig_client_oid", "price", "quantity", "ref_price", "ref_price_type", "side", "spot_margin", "stp_inst", "stp_scope", "sub_account_uuid", "time_in_force",
	"trigger_price", "type"}

// cryptoMerged reports whether parameters, that are signed in the order of their names
// without separators, may have been several more: the text of one holds the name of
// another at a place where that could have stood.
func cryptoMerged(v strictjson.Value, listed bool) bool {
	switch v.Kind() {
	case strictjson.Array:
		for e := v.First(); e.Exists(); e = e.Next(v) {
			if cryptoMerged(e, true) {
				return true
			}
		}
	case strictjson.Object:
		for m := v.First(); m.Exists(); m = m.Next(v) {
			if cryptoTwoNames(m.Name()) || cryptoMerged(m, listed) || m.Kind() == strictjson.String && cryptoHolds(v, m, listed) {
				return true
			}
		}
	}
	return false
}

// cryptoHolds reports whether the text of member m of v holds the name of a parameter
// that could have stood between it and the next; behind the last of an object in a
// list, any could.
func cryptoHolds(v, m strictjson.Value, listed bool) bool {
	next := ""
	for o := v.First(); o.Exists(); o = o.Next(v) {
		if name := o.Name(); name > m.Name() && (next == "" || name < next) {
			next = name
		}
	}
	for _, name := range cryptoNames {
		fits := name > m.Name() && (next == "" || name < next) || next == "" && listed
		if fits && strings.Contains(m.Text(), name) {
			return true
		}
	}
	return false
}

// cryptoTwoNames reports whether a name begins with one parameter's and ends with
// another's.
func cryptoTwoNames(s string) bool {
	if len(s) < 8 || contains(cryptoNames, s) {
		return false
	}
	for _, a := range cryptoNames {
		for _, b := range cryptoNames {
			if len(a)+len(b) <= len(s) && strings.HasPrefix(s, a) && strings.HasSuffix(s, b) {
				return true
			}
		}
	}
	return false
}

// appendParams appends a value as the venue's params string has it: an object as
// its members sorted by name, name and value, an array as its elements, all without
// separators. The parser bounds the depth.
func appendParams(dst []byte, v strictjson.Value) []byte {
	switch v.Kind() {
	case strictjson.Array:
		for e := v.First(); e.Exists(); e = e.Next(v) {
			dst = appendParams(dst, e)
		}
	case strictjson.Object:
		var buf [24]strictjson.Value
		list := buf[:0]
		for e := v.First(); e.Exists(); e = e.Next(v) {
			list = append(list, e)
		}
		slices.SortFunc(list, func(a, b strictjson.Value) int { return strings.Compare(a.Name(), b.Name()) })
		for _, e := range list {
			dst = appendParams(append(dst, e.Name()...), e)
		}
	case strictjson.Null:
		dst = append(dst, "null"...)
	default:
		dst = append(dst, v.Text()...)
	}
	return dst
}

func cryptoAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	body := answer.JSON()
	code := body.Get("code").Text()
	if code != "" && code != "0" {
		a.Error, a.Outcome = code, vedette.Rejected
		issued.LoginFailed = true
		return
	}
	if code != "0" {
		return
	}
	result := body.Get("result")
	if list := result.Get("result_list"); list.Exists() {
		result = list.First()
	} else if result.Kind() == strictjson.Array {
		result = result.First()
	}
	a.OrderID = result.Get("order_id").Text()
	a.Outcome = vedette.Accepted
	if s := result.Get("status").Text(); s != "" {
		a.Outcome = outcome(s)
	}
	if e := result.Get("code").Text(); e != "" && e != "0" { // of the first of several orders
		a.Error, a.Outcome = e, vedette.Rejected
	}
}

var cryptoDenials = denials{
	otherGround:   {401, "40101", "UNAUTHORIZED"},
	badSignature:  {401, "40101", "UNAUTHORIZED"},
	badPassphrase: {401, "40101", "UNAUTHORIZED"},
	badTime:       {400, "40102", "INVALID_NONCE"},
	usedBefore:    {400, "40102", "INVALID_NONCE"},
	unknownKey:    {401, "40101", "UNAUTHORIZED"},
	badAddress:    {401, "40103", "IP_ILLEGAL"},
	tooMany:       {429, "42901", "TOO_MANY_REQUESTS"},
	notAvailable:  {503, "10001", "SYS_ERROR"},
	unanswered:    {504, "40801", "REQUEST_TIMEOUT"},
	unreadable:    {400, "40003", "INVALID_REQUEST"},
}

func cryptoDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := cryptoDenials.of(d)
	var id string
	if r.IsJSON() {
		id = rawOr(r.JSON().Get("id"), "")
	}
	if id == "" {
		id = "-1"
	}
	method, _ := cryptoCall(r)
	dst = append(append(dst, `{"id":`...), id...)
	dst = appendJSON(append(dst, `,"method":`...), method[:min(len(method), 64)])
	dst = append(append(dst, `,"code":`...), e.code...)
	dst = append(append(append(dst, `,"message":"`...), e.msg...), `"}`...)
	return Refusal{Status: e.status, ContentType: "application/json", Body: dst}
}
