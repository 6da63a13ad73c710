package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"

	"vedette"
)

// favourite draws an instrument, as a few make most of the volume.
func favourite(rng *rand.Rand) int {
	return min(int(math.Exp(rng.Float64()*math.Log(float64(len(instruments)+1))))-1, len(instruments)-1)
}

func (c *customer) instrument() int { return c.instruments[c.rng.IntN(len(c.instruments))] }

// order places an order on an instrument, away from its price by up to so many basis points.
func (t *Traffic) order(rng *rand.Rand, id uint64, who string, instrument int, tif vedette.TimeInForce, off int) {
	x := &t.call
	t.does(vedette.OpOrderNew)
	x.Instrument, x.Type, x.TimeInForce = instruments[instrument], vedette.Limit, tif
	if x.Side = vedette.Buy; rng.IntN(2) == 0 {
		x.Side = vedette.Sell
	}
	price := int64(1_000_000) * int64(1+instrument%7)
	x.Price = vedette.NewDecimal(price+price/10_000*int64(rng.IntN(2*off+1)-off), 2)
	x.Quantity = vedette.NewDecimal(1+int64(100*math.Exp(rng.NormFloat64())), 3)
	x.Answer.OrderID = t.text(who, id)
	x.Answer.Outcome = vedette.Accepted
	switch {
	case rng.IntN(100) == 0:
		x.Answer.Status, x.Answer.Outcome, x.Answer.Error = 400, vedette.Rejected, "-2010"
	case tif == vedette.IOC && rng.IntN(3) > 0:
		x.Answer.Outcome = vedette.Filled
	}
}

func (c *customer) order(t *Traffic, tif vedette.TimeInForce, off int) {
	c.orders++
	t.order(c.rng, c.orders, c.account, c.instrument(), tif, off)
}

// named asks for one of the customer's own orders.
func (c *customer) named(t *Traffic, op vedette.Operation) {
	t.does(op)
	t.call.Instrument = instruments[c.instrument()]
	t.call.TargetOrderID = t.text(c.account, c.orders-min(c.orders, uint64(c.rng.IntN(4))))
	if c.rng.IntN(60) == 0 {
		t.call.Answer.Status, t.call.Answer.Error = 400, "-2013"
	}
}

func (c *customer) watch(t *Traffic) {
	t.does(vedette.OpMarketRead)
	t.call.Instrument = instruments[c.instrument()]
}

// quote is a market maker's: it places, cancels, and rarely looks.
func quote(t *Traffic, c *customer) {
	switch r := c.rng.IntN(100); {
	case r < 45:
		c.order(t, vedette.GTC, 15)
	case r < 90:
		c.named(t, vedette.OpOrderCancel)
	case r < 95:
		c.named(t, vedette.OpOrderQuery)
	default:
		t.does(vedette.OpAccountRead)
	}
}

// take looks, and crosses the spread.
func take(t *Traffic, c *customer) {
	switch r := c.rng.IntN(100); {
	case r < 30:
		c.watch(t)
	case r < 75:
		c.order(t, vedette.IOC, 40)
	case r < 85:
		c.named(t, vedette.OpOrderQuery)
	default:
		t.does(vedette.OpAccountRead)
	}
}

// tinker is a small bot's: it mostly looks.
func tinker(t *Traffic, c *customer) {
	switch r := c.rng.IntN(100); {
	case r < 40:
		c.watch(t)
	case r < 62:
		c.order(t, vedette.GTC, 150)
	case r < 77:
		c.named(t, vedette.OpOrderCancel)
	case r < 87:
		c.named(t, vedette.OpOrderQuery)
	default:
		t.does(vedette.OpAccountRead)
	}
}

// track reads one account.
func track(t *Traffic, c *customer) {
	if c.rng.IntN(4) == 0 {
		c.named(t, vedette.OpOrderQuery)
		return
	}
	t.does(vedette.OpAccountRead)
}

// screen looks through the whole market a few times a day, and picks something.
func screen(t *Traffic, c *customer) {
	switch {
	case c.left == 0:
		c.left = 60 + c.rng.IntN(140)
		t.does(vedette.OpAccountRead)
	case c.left == 1 && c.rng.IntN(4) == 0:
		c.order(t, vedette.GTC, 60)
	default:
		t.does(vedette.OpMarketRead)
		t.call.Instrument = instruments[c.left*2%len(instruments)]
	}
}

// look is a screen in an office: many instruments, and the owner's accounts.
func look(t *Traffic, c *customer) {
	if c.rng.IntN(10) < 7 {
		t.does(vedette.OpMarketRead)
		t.call.Instrument = instruments[(c.n*7+c.rng.IntN(40))%len(instruments)]
		return
	}
	t.does(vedette.OpAccountRead)
	if n := c.rng.IntN(4); n > 0 {
		t.call.Object = t.text(c.account+"-sub-", uint64(n))
	}
}

// manage moves money to the same few addresses.
func manage(t *Traffic, c *customer) {
	switch r := c.rng.IntN(10); {
	case r == 0:
		c.withdraw(t, c.rng.IntN(c.wallets))
	case r < 3:
		t.does(vedette.OpDepositAddress)
		t.call.Asset = "BTC"
	case r == 3:
		t.does(vedette.OpTransfer)
		t.call.Asset, t.call.Quantity = "USDT", vedette.NewDecimal(1000+c.rng.Int64N(100000), 0)
	default:
		t.does(vedette.OpAccountRead)
	}
}

func (c *customer) withdraw(t *Traffic, wallet int) {
	t.does(vedette.OpWithdraw)
	t.call.Asset, t.call.Quantity = "BTC", vedette.NewDecimal(1+c.rng.Int64N(500), 3)
	t.call.Address = t.text("bc1q"+c.account+"w", uint64(wallet))
}

// browse is a person's: a log-in, some looking and trading, now and then a withdrawal.
func browse(t *Traffic, c *customer) {
	x := &t.call
	if c.left == 0 || c.failed {
		c.open(t)
		return
	}
	x.Credential = c.session
	switch r := c.rng.IntN(200); {
	case r < 80:
		t.does(vedette.OpAccountRead)
	case r < 150:
		c.watch(t)
	case r < 190:
		c.order(t, vedette.GTC, 60)
	case r < 198:
		c.named(t, vedette.OpOrderCancel)
	case r < 199:
		c.withdraw(t, c.rng.IntN(c.wallets))
	default: // settings
		switch c.rng.IntN(150) {
		case 0:
			t.account("mfa_reset", vedette.OpMFAChange) // a new phone
		case 1:
			t.account("password_changed", vedette.OpPasswordChange)
		case 2:
			t.account("allowlist_changed", vedette.OpAllowlistChange)
		case 3, 4, 5, 6, 7, 8, 9, 10:
			t.does(vedette.OpWithdraw) // the second factor comes next
			t.because(vedette.Unauthorised, 401, vedette.StepUpNeeded)
		default:
			t.does(vedette.OpSetting)
		}
	}
}

// open logs somebody in, if the password is right: seven times in a hundred it is not at first.
func (c *customer) open(t *Traffic) {
	x := &t.call
	t.does(vedette.OpUserLogin)
	x.Credential, x.SignatureHash = "", ""
	switch r := c.rng.IntN(100); {
	case c.failed: // of the same place as before
	case r < 3:
		c.line, c.other = c.other, c.line // on the way, or home again
	case r < 4:
		c.line = address(c.rng, country(c.rng), homes) // abroad, or a VPN
	case r < 8:
		c.line = address(c.rng, int(c.line.asn-64512)/4, c.line.use) // a new address from the provider
	}
	x.Source, x.ASN, x.Country = c.line.addr, c.line.asn, c.line.country
	if c.failed = c.rng.IntN(100) < 7; c.failed {
		x.Answer.Status, x.Answer.Error, x.Verdict = 401, "bad_password", vedette.Anonymous
		c.left = 2 // the next call is the next try
		c.session = ""
		return
	}
	x.Verdict = vedette.Anonymous
	c.session = fmt.Sprintf("session:%016x", c.rng.Uint64())
	c.left = 5 + c.rng.IntN(26)
}

// tap is a phone's: a token that stays, an address that does not.
func tap(t *Traffic, c *customer) {
	x := &t.call
	if c.left == 0 {
		c.left = 3 + c.rng.IntN(15)
		c.line = c.other // at home
		if c.rng.IntN(3) > 0 {
			c.line = address(c.rng, int(c.line.asn-64512)/4, mobile)
		}
		x.Source, x.ASN, x.Country = c.line.addr, c.line.asn, c.line.country
	}
	switch r := c.rng.IntN(100); {
	case r < 55:
		t.does(vedette.OpAccountRead)
	case r < 85:
		c.watch(t)
	case r < 99:
		c.order(t, vedette.GTC, 60)
	default:
		c.withdraw(t, c.rng.IntN(c.wallets))
	}
}

// rebalance is a burst every few weeks.
func rebalance(t *Traffic, c *customer) {
	if c.left == 0 {
		c.left = 6 + c.rng.IntN(6)
		t.does(vedette.OpAccountRead)
		return
	}
	c.order(t, vedette.GTC, 30)
}
