package traffic

import (
	"fmt"
	"net/netip"
	"time"

	"vedette"
)

// step makes the customer's next call.
func (c *customer) step(t *Traffic, at int64) int64 {
	if c.ends > 0 && at > c.ends {
		return 0
	}
	c.count++
	if c.change.at > 0 && at >= c.change.overlap {
		c.adopt()
	}
	if c.grows > 0 && at >= c.grows {
		c.sites, c.grows = true, 0
		c.instruments = append(c.instruments, c.n%len(instruments))
	}
	t.begin(c, at)
	if c.count == 1 && c.born > 0 {
		t.created(c)
		return at + minute + c.rng.Int64N(10*minute)
	}
	switch {
	case c.wrong > 0:
		c.wrong--
		c.kind.act(t, c)
		t.because(vedette.Forged, 401, vedette.BadSignature)
		return at + 5*second + c.rng.Int64N(minute)
	case c.retried > 0:
		c.again(t)
	default:
		c.kind.act(t, c)
		c.mishap(t, at)
	}
	switch {
	case c.retried > 0:
		return at + second + c.rng.Int64N(second)
	case c.left > 1: // in a session or a burst
		c.left--
		return at + int64(c.rng.ExpFloat64()*float64(8*second))
	}
	c.left = 0
	return t.wait(c, at, c.pause())
}

// adopt makes the change final.
func (c *customer) adopt() {
	w := &c.change
	if w.line.network != nil {
		c.line = w.line
	}
	if w.software != (software{}) {
		c.software = w.software
	}
	if w.credential != "" {
		c.credential = w.credential
	}
	c.change = change{}
}

// begin fills in whose call it is.
func (t *Traffic) begin(c *customer, at int64) {
	l, s, credential := c.line, c.software, c.credential
	if w := &c.change; w.at > 0 && at >= w.at && c.count%2 == 0 { // both are in use
		if w.line.network != nil {
			l = w.line
		}
		if w.software != (software{}) {
			s = w.software
		}
		if w.credential != "" {
			credential = w.credential
		}
	}
	if c.sites && c.count%3 == 0 {
		l = c.other
	}
	t.from(at, l, s)
	x := &t.call
	x.Credential, x.Account, x.Owner = credential, c.account, c.owner
	x.SignatureHash = t.signature(uint64(c.n), c.count)
	x.Claimed = time.Unix(0, at-c.rng.Int64N(60e6)).UTC()
	x.Answer.Latency = time.Duration(300e3 + c.rng.Int64N(2e6))
}

// from fills in what every call has.
func (t *Traffic) from(at int64, l line, s software) {
	x := &t.call
	x.Time, x.Sensor, x.Venue = time.Unix(0, at).UTC(), "proxy", "binance"
	x.Source, x.ASN, x.Country = l.addr, l.asn, l.country
	x.Client, x.JA4 = s.agent, s.ja4
	x.Verdict, x.Answer.Status = vedette.Authentic, 200
}

// mishap lets go wrong what goes wrong for this customer.
func (c *customer) mishap(t *Traffic, at int64) {
	x := &t.call
	r := c.rng.Float64()
	switch {
	case c.deleted:
		t.because(vedette.Unverifiable, 401, vedette.UnknownKey)
		x.Account, x.Owner = "", ""
	case c.expires > 0 && at > c.expires:
		t.because(vedette.Unauthorised, 401, vedette.CredentialOver)
	case c.drift && r < 0.03:
		x.Claimed = x.Time.Add(-5*time.Second - time.Duration(c.rng.Int64N(200e6))) // just out of the window, as some of its calls are
		t.because(vedette.Stale, 400, vedette.WindowPassed)
		x.Answer.Error = "-1021"
	case c.retries && r < 0.005:
		x.Answer.Status, x.Answer.Outcome = 0, vedette.OutcomeNone
		c.retried = c.count
	case c.forbidden != 0 && r < 0.02:
		t.does(c.forbidden)
		t.because(vedette.Unauthorised, 403, vedette.NoPermission)
		if c.kind.trades && c.forbidden == vedette.OpOrderNew {
			x.Instrument = instruments[(c.n*13)%len(instruments)]
			t.reason[0] = vedette.InstrumentDenied
		}
		x.Answer.Error = "-2015"
	case r > 0.9995:
		x.Answer.Status = 502
	case r > 0.999:
		x.Answer.Status, x.Answer.Error = 429, "-1003"
	}
}

// again sends the call whose answer was lost.
func (c *customer) again(t *Traffic) {
	t.does(vedette.OpAccountRead)
	t.call.SignatureHash = t.signature(uint64(c.n), c.retried)
	t.because(vedette.Authentic, 200, vedette.Retry)
	c.retried = 0
}

// created is the news that somebody has a key.
func (t *Traffic) created(c *customer) {
	t.account("key_created", vedette.OpKeyCreate)
	t.call.Object = c.credential
}

// account makes the call into what happened to the account, as docs/formats.md has it.
func (t *Traffic) account(kind string, op vedette.Operation) {
	x := &t.call
	x.Credential, x.SignatureHash, x.Claimed, x.Operation, x.Path, x.Method = "", "", time.Time{}, op, accountPaths[kind], ""
	x.Verdict, x.Answer = vedette.Authentic, vedette.Answer{Status: 200}
}

var accountPaths = map[string]string{"key_created": "account:key_created", "mfa_reset": "account:mfa_reset", "password_changed": "account:password_changed",
	"allowlist_changed": "account:allowlist_changed"}

// routes are method and path by operation.
var routes = [vedette.Operations][2]string{
	vedette.OpUnknown: {"GET", "/api/v3/unknown"}, vedette.OpMarketRead: {"GET", "/api/v3/depth"}, vedette.OpAccountRead: {"GET", "/api/v3/account"},
	vedette.OpOrderQuery: {"GET", "/api/v3/order"}, vedette.OpOrderNew: {"POST", "/api/v3/order"}, vedette.OpOrderCancel: {"DELETE", "/api/v3/order"},
	vedette.OpOrderAmend: {"PUT", "/api/v3/order/amend"}, vedette.OpOrderCancelAll: {"DELETE", "/api/v3/openOrders"}, vedette.OpWithdraw: {"POST", "/sapi/v1/capital/withdraw/apply"},
	vedette.OpTransfer: {"POST", "/sapi/v1/asset/transfer"}, vedette.OpDepositAddress: {"GET", "/sapi/v1/capital/deposit/address"}, vedette.OpKeyCreate: {"POST", "/sapi/v1/account/apiKey"},
	vedette.OpKeyChange: {"PUT", "/sapi/v1/account/apiKey"}, vedette.OpKeyDelete: {"DELETE", "/sapi/v1/account/apiKey"}, vedette.OpMFAChange: {"POST", "/account/mfa"},
	vedette.OpAllowlistChange: {"POST", "/account/allowlist"}, vedette.OpUserLogin: {"POST", "/account/login"}, vedette.OpPasswordChange: {"POST", "/account/password"},
	vedette.OpAdmin: {"GET", "/admin/users"}, vedette.OpSetting: {"POST", "/fapi/v1/leverage"}, vedette.OpSessionLogout: {"POST", "/account/logout"}}

// does says what the call asks for, and that the venue did it.
func (t *Traffic) does(op vedette.Operation) {
	x := &t.call
	x.Operation, x.Method, x.Path = op, routes[op][0], routes[op][1]
	x.RequestBytes, x.Answer.Bytes = 120, 180
	if op == vedette.OpAccountRead {
		x.Answer.Bytes, x.Object = 2400, x.Account
	}
	if op == vedette.OpMarketRead {
		x.Answer.Bytes = 6000
	}
}

func addrPort(a [4]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(a), port)
}

// instruments are what is traded; the first are what most trade.
var instruments = func() (list [500]string) {
	for i := range list {
		list[i] = fmt.Sprintf("C%03dUSDT", i)
	}
	return list
}()
