package venue

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/internal/strictjson"
)

// Deribit speaks JSON-RPC over HTTP and WebSocket. A signed HTTP request carries
// time, nonce and signature in its Authorization field and signs all of itself.
// public/auth trades a signature, or the secret itself, for tokens; a WebSocket
// session is then logged in.
var Deribit = &Dialect{
	Name:  "deribit",
	Title: "Deribit",
	Docs:  "https://docs.deribit.com/#authentication",
	Hosts: []string{"www.deribit.com", "deribit.com", "history.deribit.com", "streams.deribit.com", "test.deribit.com", "www.test.deribit.com"},
	Schemes: []Scheme{{Name: "hmac", Algorithm: HMACSHA256, Signature: Hex,
		Covers: CoversMethod | CoversPath | CoversQuery | CoversBody | CoversTime | CoversNonce,
		Note:   "public/auth by client_signature signs time, nonce and data only, and by client_credentials, like HTTP Basic, sends the secret itself: nothing binds that to a request, so neither a replay nor another request by who read it can be told."}},
	GetChanges: true,
	Routes:     deribitRoutes,
	Claim:      deribitClaim,
	Message:    deribitMessage,
	Meaning:    deribitMeaning,
	Answer:     deribitAnswer,
	Correlate:  correlateID,
	Deny:       deribitDeny,
}

var (
	deribitOrder = &Fields{
		Instrument: []string{"instrument_name"}, Side: []string{"direction", "side"}, Type: []string{"type"}, TIF: []string{"time_in_force"},
		Price: []string{"price"}, Stop: []string{"trigger_price", "stop_price"}, Quantity: []string{"amount", "contracts"},
		ClientID: []string{"label"}, Target: []string{"order_id"}, PostOnly: []string{"post_only"}, ReduceOnly: []string{"reduce_only"},
		Refine: func(v Values, a *vedette.Action) {
			if fold(v.Get("time_in_force"), "good_til_day") {
				a.TimeInForce = vedette.Day
			}
			if a.Operation == vedette.OpOrderNew && a.Type == vedette.TypeNone {
				a.Type = vedette.Limit // the venue's default
			}
		},
	}
	deribitTarget = &Fields{Instrument: []string{"instrument_name"}, Target: []string{"order_id"}, ClientID: []string{"label"},
		Asset: []string{"currency"}, Object: []string{"block_rfq_id", "block_rfq_quote_id", "block_trade_id", "id", "subaccount_id"}}
	deribitTrade = &Fields{Instrument: []string{"instrument_name"}, Side: []string{"direction"}, Price: []string{"price"}, Quantity: []string{"amount"}}
	deribitQuote = &Fields{Instrument: []string{"instrument_name"}, Price: []string{"bid.price", "ask.price"}, Quantity: []string{"bid.amount", "ask.amount"}}
	deribitMoney = &Fields{Asset: []string{"currency"}, Quantity: []string{"amount"}, Address: []string{"address"},
		Object: []string{"destination", "target_uid", "id"}}
	deribitAdmin = &Fields{Object: []string{"id", "sid", "subaccount_id", "client_id", "name"}, Asset: []string{"currency"}, Address: []string{"address"}}
)

var deribitRoutes = NewRoutes(
	family(WS, "", vedette.OpSessionLogin, nil, "public/auth public/exchange_token public/fork_token"),
	family(WS, "", vedette.OpSessionLogout, nil, "private/logout"),
	family(WS, "", vedette.OpOrderNew, deribitOrder, "private/buy private/sell private/close_position"),
	family(WS, "", vedette.OpOrderNew, deribitTarget, "private/create_block_rfq private/add_block_rfq_quote private/accept_block_rfq private/approve_block_trade"),
	family(WS, "", vedette.OpOrderAmend, deribitOrder, "private/edit private/edit_by_label"),
	family(WS, "", vedette.OpOrderAmend, deribitTarget, "private/edit_block_rfq_quote"),
	family(WS, "", vedette.OpOrderCancel, deribitTarget, `private/cancel private/cancel_by_label private/cancel_block_rfq private/cancel_block_rfq_quote
		private/reject_block_trade private/invalidate_block_trade_signature private/cancel_block_rfq_trigger`),
	family(WS, "", vedette.OpOrderCancelAll, deribitTarget, `private/cancel_all private/cancel_all_by_currency private/cancel_all_by_currency_pair
		private/cancel_all_by_instrument private/cancel_all_by_kind_or_type private/cancel_quotes private/cancel_all_block_rfq_quotes`),
	batch(WS, "", "quotes", vedette.OpOrderNew, deribitQuote, "private/mass_quote"),
	batch(WS, "", "trades", vedette.OpOrderNew, deribitTrade, "private/execute_block_trade private/verify_block_trade"),
	family(WS, "", vedette.OpOrderQuery, deribitTarget, `private/get_open_orders private/get_open_orders_by_currency private/get_open_orders_by_instrument
		private/get_open_orders_by_label private/get_order_history_by_currency private/get_order_history_by_instrument
		private/get_order_margin_by_ids private/get_order_state private/get_order_state_by_label private/get_trigger_order_history
		private/get_stop_order_history private/get_user_trades_by_currency private/get_user_trades_by_currency_and_time
		private/get_user_trades_by_instrument private/get_user_trades_by_instrument_and_time private/get_user_trades_by_order
		private/get_block_trade private/get_block_trades private/get_block_trade_requests private/get_last_block_trades_by_currency
		private/get_block_rfqs private/get_block_rfq_quotes private/get_block_rfq_user_info private/simulate_block_trade`),
	family(WS, "", vedette.OpWithdraw, deribitMoney, "private/withdraw"),
	family(WS, "", vedette.OpWithdraw, deribitMoney.to(nil, "destination"), "private/submit_transfer_to_user"), // to somebody else as well
	family(WS, "", vedette.OpTransfer, deribitMoney, `private/submit_transfer_to_subaccount private/submit_transfer_between_subaccounts private/cancel_transfer_by_id private/cancel_withdrawal private/move_positions`),
	family(WS, "", vedette.OpDepositAddress, deribitMoney, "private/create_deposit_address private/get_current_deposit_address"),
	family(WS, "", vedette.OpKeyCreate, deribitAdmin, "private/create_api_key"),
	family(WS, "", vedette.OpKeyDelete, deribitAdmin, "private/remove_api_key"),
	family(WS, "", vedette.OpKeyChange, deribitAdmin, `private/change_api_key_name private/change_scope_in_api_key private/disable_api_key private/enable_api_key
		private/edit_api_key private/reset_api_key private/set_api_key_as_default`),
	family(WS, "", vedette.OpAllowlistChange, deribitAdmin, `private/add_to_address_book private/remove_from_address_book private/update_in_address_book
		private/save_address_beneficiary private/delete_address_beneficiary`),
	family(WS, "", vedette.OpMFAChange, deribitAdmin, "private/disable_tfa_for_subaccount"),
	family(WS, "", vedette.OpPasswordChange, deribitAdmin, "private/set_password_for_subaccount"),
	family(WS, "", vedette.OpAdmin, deribitAdmin, `private/create_subaccount private/remove_subaccount private/change_subaccount_name
		private/set_email_for_subaccount private/toggle_subaccount_login private/toggle_notifications_from_subaccount
		private/set_email_language private/enable_affiliate_program private/set_announcement_as_read private/set_clearance_originator
		private/change_margin_model private/set_self_trading_config private/set_disabled_trading_products private/pme/simulate`),
	family(WS, "", opSetting, deribitTarget, `private/set_mmp_config private/reset_mmp private/enable_cancel_on_disconnect
		private/disable_cancel_on_disconnect`),
	family(WS, "", vedette.OpAccountRead, deribitTarget, `private/subscribe private/unsubscribe private/unsubscribe_all private/list_api_keys
		private/simulate_portfolio private/list_address_beneficiaries`),
	family(WS, "", vedette.OpMarketRead, deribitTarget, `public/subscribe public/unsubscribe public/unsubscribe_all public/set_heartbeat
		public/disable_heartbeat public/hello public/status public/test public/ticker public/validate_field`),
)

const deribitBase = "/api/v2/"

// deribitCall returns the JSON-RPC method of a request and its parameters. On HTTP
// the path names the method, the body, or both; two that differ are ambiguous.
func deribitCall(r *Request) (method string, v Values, ambiguous bool) {
	if r.Kind != Message {
		method, _ = strings.CutPrefix(r.Path, deribitBase)
		if method == r.Path {
			method = ""
		}
		v = r.Values()
	}
	if !r.IsJSON() {
		return method, v, false
	}
	m := r.JSON()
	named := m.Get("method").Text()
	if named == "" {
		return method, v, m.Get("params").Exists()
	}
	// Parameters beside those of the body's own params are another reader's.
	beside := r.Kind != Message && r.Query != ""
	for e := m.First(); e.Exists(); e = e.Next(m) {
		switch e.Name() {
		case "jsonrpc", "id", "method", "params", "usIn", "usOut", "usDiff":
		default:
			beside = true
		}
	}
	return named, Values{JSON: m.Get("params")}, beside || method != "" && method != named
}

func deribitMeaning(r *Request, c *vedette.Call) {
	method, v, _ := deribitCall(r)
	route := deribitRoutes.Find(WS, method)
	deribitRoutes.MeanAs(route, method, v, c)
	if r.Kind == Message || r.IsJSON() {
		c.Method = method
	}
	switch {
	case route == nil && strings.HasPrefix(method, "private/get_"):
		c.Operation = vedette.OpAccountRead
		deribitTarget.Fill(v, &c.Action)
	case route == nil && strings.HasPrefix(method, "public/get_"), r.Kind == Upgrade && strings.HasPrefix(r.Path, "/ws/api/v2"):
		c.Operation = vedette.OpMarketRead
		deribitTarget.Fill(v, &c.Action)
	case method == "private/buy":
		c.Side = vedette.Buy
	case method == "private/sell":
		c.Side = vedette.Sell
	}
}

func deribitClaim(r *Request, c *Claim) {
	method, v, ambiguous := deribitCall(r)
	if ambiguous {
		c.Auth, c.Fault = AuthSignature, vedette.Ambiguous
		return
	}
	if route := deribitRoutes.Find(WS, method); route != nil && route.Op == vedette.OpSessionLogin {
		deribitLogin(v, c)
		c.Login = r.Kind == Message
		return
	}
	scheme, rest, _ := strings.Cut(r.single(c, "Authorization"), " ")
	switch {
	case r.Kind == Message:
		// The upgrade's header is not the message's.
	case fold(scheme, "deri-hmac-sha256"):
		deribitHeader(rest, c)
		return
	case fold(scheme, "Bearer") && c.Fault == "":
		c.Auth, c.Token = AuthToken, rest
		return
	case fold(scheme, "Basic"):
		b, err := base64.StdEncoding.DecodeString(rest)
		id, secret, ok := strings.Cut(string(b), ":")
		deribitSecret(id, secret, c)
		if err != nil || !ok {
			c.Fault = vedette.BadEncoding
		}
		return
	}
	if token := v.Get("access_token"); token != "" {
		c.Auth, c.Token = AuthToken, token
	} else if r.Kind == Message {
		sessionClaim(r, c)
	}
}

// deribitHeader reads "id=…,ts=…,sig=…,nonce=…", in any order.
func deribitHeader(s string, c *Claim) {
	c.Auth = AuthSignature
	var ts string
	for s != "" {
		var one string
		one, s, _ = strings.Cut(s, ",")
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		var dst *string
		switch name {
		case "id":
			dst = &c.Key
		case "ts":
			dst = &ts
		case "sig":
			dst = &c.Signature
		case "nonce":
			dst = &c.Nonce
		default:
			continue
		}
		if *dst != "" {
			c.Fault = vedette.Ambiguous
			return
		}
		*dst = value
	}
	deribitTime(ts, c)
}

// deribitTime sets time and nonce of a signature: milliseconds, good for 60 s after
// they were taken; a nonce is for single use (Authentication, "client_signature").
func deribitTime(ts string, c *Claim) {
	c.Text, c.NonceRule = ts, NonceUnique
	if strings.IndexByte(c.Nonce, '\n') >= 0 {
		c.Fault = vedette.Ambiguous // it ends a line of what is signed
	}
	t, tick, ok := parseUnix(ts)
	c.within(t, tick, ok && tick == time.Millisecond, time.Minute, time.Minute)
}

// deribitLogin reads public/auth by its grant type.
func deribitLogin(v Values, c *Claim) {
	switch grant := v.Get("grant_type"); grant {
	case "client_signature":
		c.Auth, c.Key, c.Signature, c.Nonce = AuthSignature, v.Get("client_id"), v.Get("signature"), v.Get("nonce")
		deribitTime(v.Get("timestamp"), c)
	case "client_credentials":
		deribitSecret(v.Get("client_id"), v.Get("client_secret"), c)
	default: // refresh_token, exchange_token and fork_token
		if token := v.Get("refresh_token"); token != "" {
			c.Auth, c.Token = AuthToken, token
		}
	}
}

// deribitPlain is what a secret that travels in clear is taken to have signed.
const deribitPlain = "client_credentials"

// deribitSecret claims a request that carries the secret itself, as its signature
// of a constant: that verifies exactly if the secret is the credential's.
func deribitSecret(id, secret string, c *Claim) {
	c.Auth, c.Key, c.Scheme, c.Replayable, c.Plain, c.Text = AuthSignature, id, "hmac", true, true, deribitPlain
	if secret == "" {
		return // no_signature
	}
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(deribitPlain))
	c.SigBytes = m.Sum(c.SigBytes[:0])
}

func deribitMessage(r *Request, c *Claim, form int, dst []byte) ([]byte, bool) {
	if form > 0 {
		return dst, false
	}
	if c.Text == deribitPlain {
		return append(dst, deribitPlain...), true
	}
	dst = append(append(dst, c.Text...), '\n')
	dst = append(append(dst, c.Nonce...), '\n')
	if method, v, _ := deribitCall(r); method == "public/auth" {
		return append(dst, v.Get("data")...), true
	}
	dst = append(append(dst, r.Method...), '\n')
	dst = append(r.PathQuery(dst), '\n')
	return append(append(dst, r.Body...), '\n'), true
}

func deribitAnswer(r, answer *Request, a *vedette.Answer, issued *Issued) {
	if !answer.IsJSON() {
		return
	}
	body := answer.JSON()
	if e := body.Get("error"); e.Exists() {
		a.Error, a.Outcome = e.Get("code").Text(), vedette.Rejected
		issued.LoginFailed = true
		return
	}
	result := body.Get("result")
	if token := result.Get("access_token").Text(); token != "" {
		issued.Token, issued.Refresh = token, result.Get("refresh_token").Text()
		if s, err := strconv.ParseInt(result.Get("expires_in").Text(), 10, 32); err == nil {
			issued.TTL = time.Duration(s) * time.Second
		}
		return
	}
	order := result.Get("order")
	if !order.Exists() {
		order = result
	}
	if order.Kind() == strictjson.Object {
		a.OrderID = order.Get("order_id").Text()
		a.Outcome = deribitState(order)
	}
}

func deribitState(order strictjson.Value) vedette.Outcome {
	o := outcome(order.Get("order_state").Text())
	if filled := order.Get("filled_amount").Text(); o == vedette.Accepted && filled != "" {
		if d, err := vedette.ParseDecimal(filled); err == nil && d.Sign() > 0 {
			return vedette.PartlyFilled
		}
	}
	return o
}

// deribitDenials are of the venue's table of RPC error codes.
var deribitDenials = denials{
	otherGround:   {400, "13021", "forbidden"},
	badSignature:  {400, "13004", "invalid_credentials"},
	badPassphrase: {400, "13004", "invalid_credentials"},
	badTime:       {400, "13004", "invalid_credentials"},
	usedBefore:    {400, "13004", "invalid_credentials"},
	unknownKey:    {400, "13004", "invalid_credentials"},
	badAddress:    {400, "13021", "forbidden"},
	tooMany:       {429, "10028", "too_many_requests"},
	notAvailable:  {503, "11051", "system_maintenance"},
	unanswered:    {504, "11094", "internal_server_error"},
	unreadable:    {400, "11050", "bad_request"},
}

// deribitReasons say in the error's data what its code does not.
var deribitReasons = [groundsCount]string{badSignature: "signature", badTime: "timestamp", usedBefore: "nonce", unknownKey: "client_id",
	badAddress: "ip_address", otherGround: "not_permitted", unreadable: "ambiguous", tooLarge: "too_large", tooMany: "rate_limit", notAvailable: "not_executed", unanswered: "unknown"}

func deribitDeny(r *Request, d vedette.Decision, dst []byte) Refusal {
	e := deribitDenials.of(d)
	if r.Kind != Message && groundOf(d) == unanswered {
		return gatewayTimeout(dst)
	}
	dst = append(dst, `{"jsonrpc":"2.0",`...)
	if r.IsJSON() {
		if id := rawOr(r.JSON().Get("id"), ""); id != "" {
			dst = append(append(append(dst, `"id":`...), id...), ',')
		}
	}
	dst = append(append(append(dst, `"error":{"message":"`...), e.msg...), `","data":{"reason":"`...)
	dst = append(append(append(dst, deribitReasons[groundOf(d)]...), `"},"code":`...), e.code...)
	return Refusal{Status: e.status, ContentType: "application/json", Body: append(dst, "}}"...)}
}
