package sim

import (
	"fmt"
	"time"

	"vedette/sim/client"
	"vedette/sim/exchange"
)

// decision is one call that a trader makes up its mind to make.
type decision struct {
	at     time.Duration // since the start
	op     client.Op
	params []client.Param
	key    int  // of the trader's keys
	double bool // send the same bytes twice at once
	lost   bool // the venue loses it the first time
}

// decide makes the trader's next decision. It depends on the seed and on the
// decisions before, never on answers: what a trader believes of its orders may be
// wrong, as it often is. mean is the time between two decisions; share is how much
// of the run has passed, in [0,1].
func (t *trader) decide(after, mean time.Duration, share float64) decision {
	gap := time.Duration(t.rng.ExpFloat64() * float64(mean))
	d := decision{at: after + min(gap, 20*mean)}
	t.step++
	switch t.role {
	case maker:
		t.quote(&d)
	case taker:
		t.take(&d)
	case noise:
		t.wander(&d)
	case reader:
		t.read(&d)
	case treasurer:
		t.manage(&d)
	}
	switch t.quirk {
	case retries:
		d.lost = d.op.Signed && t.rng.IntN(40) == 0
	case duplicates:
		d.double = d.op.Signed && t.rng.IntN(8) == 0
	case rotates:
		// Until 40% of the run the old key, from 60% the new one, between them both.
		if share > 0.6 || share > 0.4 && t.rng.IntN(2) == 0 {
			d.key = 1
		}
	}
	return d
}

// orderID names the trader's next order. Names are unique per run and trader.
func (t *trader) orderID() string { return fmt.Sprintf("%s-%d", t.name, t.step) }

// size draws a quantity worth about 50 to 2000 of the quote asset, in whole lots.
func (t *trader) size(m int, at time.Duration) exchange.Units {
	worth := exchange.Units(50+t.rng.IntN(1950)) * exchange.One
	price := t.walks[m].at(at)
	lot := markets[m].Lot
	lots := worth / (price / 1000) * (exchange.One / 1000) / lot
	return max(lots, 1) * lot
}

// quote refreshes one side of one instrument.
func (t *trader) quote(d *decision) {
	m, side := t.rng.IntN(len(markets)), t.rng.IntN(2)
	symbol := markets[m].Symbol
	if t.rng.IntN(12) == 0 {
		d.op, d.params = client.OpenOrders, client.P("symbol", symbol)
		return
	}
	slot := 2*m + side
	id, basis := t.orderID(), 3+t.rng.IntN(12)
	name := "SELL"
	if side == 0 {
		name, basis = "BUY", -basis
	}
	price, size := t.walks[m].away(d.at, basis), t.size(m, d.at)
	old, quoted := t.quotes[slot]
	if quoted && t.rng.IntN(10) == 0 {
		d.op = client.OrderAmend
		d.params = client.P("symbol", symbol, "origClientOrderId", old, "newQty", markets[m].Lot.String())
		return
	}
	order := client.P("symbol", symbol, "side", name, "type", "LIMIT", "timeInForce", "GTC", "quantity", size.String(),
		"price", price.String(), "newClientOrderId", id)
	d.op, d.params = client.OrderNew, order
	if quoted {
		d.op = client.OrderReplace
		d.params = append(order, client.P("cancelReplaceMode", "ALLOW_FAILURE", "cancelOrigClientOrderId", old)...)
	}
	t.quotes[slot] = id
}

// take crosses the spread, or looks.
func (t *trader) take(d *decision) {
	m := t.rng.IntN(len(markets))
	symbol, side, basis := markets[m].Symbol, "BUY", 40
	if t.rng.IntN(2) == 0 {
		side, basis = "SELL", -40
	}
	switch t.rng.IntN(8) {
	case 0:
		d.op, d.params = client.Depth, client.P("symbol", symbol, "limit", "20")
	case 1:
		d.op, d.params = client.MyTrades, client.P("symbol", symbol, "limit", "20")
	case 2:
		d.op = client.OrderNew
		d.params = client.P("symbol", symbol, "side", side, "type", "MARKET", "quantity", t.size(m, d.at).String(), "newClientOrderId", t.orderID())
	default:
		d.op = client.OrderNew
		d.params = client.P("symbol", symbol, "side", side, "type", "LIMIT", "timeInForce", "IOC", "quantity", t.size(m, d.at).String(),
			"price", t.walks[m].away(d.at, basis).String(), "newClientOrderId", t.orderID())
	}
}

// wander rests orders away from the touch, asks after them and cancels them.
func (t *trader) wander(d *decision) {
	m := t.rng.IntN(len(markets))
	symbol := markets[m].Symbol
	switch k := t.rng.IntN(10); {
	case len(t.resting) > restingOrders || k < 3 && len(t.resting) > 0:
		o := t.resting[0]
		t.resting = t.resting[1:]
		d.op, d.params = client.OrderCancel, client.P("symbol", markets[o.market].Symbol, "origClientOrderId", o.id)
	case k == 3 && len(t.resting) > 0:
		o := t.resting[t.rng.IntN(len(t.resting))]
		d.op, d.params = client.OrderQuery, client.P("symbol", markets[o.market].Symbol, "origClientOrderId", o.id)
	case k == 4:
		d.op, d.params = client.OpenOrders, client.P("symbol", symbol)
	default:
		side, basis := "SELL", 15+t.rng.IntN(150)
		if t.rng.IntN(2) == 0 {
			side, basis = "BUY", -basis
		}
		id := t.orderID()
		d.op = client.OrderNew
		d.params = client.P("symbol", symbol, "side", side, "type", "LIMIT", "timeInForce", "GTC", "quantity", t.size(m, d.at).String(),
			"price", t.walks[m].away(d.at, basis).String(), "newClientOrderId", id)
		t.resting = append(t.resting, resting{m, id})
	}
}

// read looks at the account.
func (t *trader) read(d *decision) {
	symbol := markets[t.rng.IntN(len(markets))].Symbol
	switch t.rng.IntN(6) {
	case 0:
		d.op, d.params = client.MyTrades, client.P("symbol", symbol)
	case 1:
		d.op, d.params = client.OpenOrders, client.P("symbol", symbol)
	case 2:
		d.op, d.params = client.Price, client.P("symbol", symbol)
	case 3:
		d.op = client.Coins
	default:
		d.op, d.params = client.Account, client.P("omitZeroBalances", "true")
	}
}

// manage watches the funds and now and then withdraws to the own cold wallet.
func (t *trader) manage(d *decision) {
	switch t.rng.IntN(10) {
	case 0:
		d.op = client.Withdraw
		d.params = client.P("coin", "BTC", "address", t.coldWallet(), "amount", "0.005", "name", "cold wallet", "withdrawOrderId", t.orderID())
	case 1, 2:
		d.op, d.params = client.DepositTo, client.P("coin", "BTC")
	case 3, 4:
		d.op, d.params = client.Withdrawals, client.P("coin", "BTC")
	default:
		d.op, d.params = client.Account, client.P("omitZeroBalances", "true")
	}
}
