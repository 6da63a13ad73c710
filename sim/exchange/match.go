package exchange

import "vedette"

// work matches an order against the book, then rests, ends or fills it.
func (x *Exchange) work(o *order) []Fill {
	o.Working, o.Began = true, x.now
	x.orderChanged(o, Placed, nil)
	if o.TimeInForce == vedette.FOK && o.fillable() < o.Quantity {
		x.finish(o, Expired, Ended)
		return nil
	}
	fills := x.match(o)
	switch {
	case !o.State.Live():
	case !o.Type.priced() || o.TimeInForce != vedette.GTC:
		x.finish(o, Expired, Ended)
	default:
		s := o.market.side(o.Side)
		s.at(o.Price).push(o)
		x.levelChanged(o.market, s, o.Price)
		if len(fills) == 0 { // otherwise the last fill told
			x.balanceChanged(o.account, 0, o.pays())
		}
	}
	return fills
}

// full reports whether there is nothing left to trade. An order by amount is also
// full when the rest buys no further lot.
func (o *order) full() bool {
	if o.Spend == 0 {
		return o.Remaining() == 0
	}
	return o.FilledCost == o.Spend || o.market.side(opposite(o.Side)).best() != nil && o.takes() == 0
}

// takes is how much the order would take from the best level.
func (o *order) takes() Units {
	l := o.market.side(opposite(o.Side)).best()
	if l == nil {
		return 0
	}
	want := o.Remaining()
	if o.Spend > 0 {
		want = affordable(o.Spend-o.FilledCost, l.price, o.market.Lot)
	}
	switch {
	case o.Side == vedette.Sell:
		want = min(want, o.locked)
	case o.Price == 0:
		want = min(want, affordable(o.locked, l.price, o.market.Lot))
	}
	return min(want, l.total)
}

// match trades an order against the opposite side until it is done, out of
// limit, out of funds or out of counterparties.
func (x *Exchange) match(o *order) (fills []Fill) {
	s := o.market.side(opposite(o.Side))
	for o.State.Live() {
		l := s.best()
		if l == nil || o.Price != 0 && s.better(o.Price, l.price) {
			break
		}
		take := o.takes()
		if take == 0 {
			break
		}
		maker := l.head
		if maker.account == o.account && o.Prevention != PreventNone {
			if o.Prevention != ExpireTaker {
				maker.Prevented = true
				x.takeOff(maker)
				x.finish(maker, Expired, SelfTrade)
			}
			if o.Prevention != ExpireMaker {
				o.Prevented = true
				x.finish(o, Expired, SelfTrade)
			}
			continue
		}
		fills = append(fills, x.trade(maker, o, min(take, maker.Remaining())))
	}
	return fills
}

// fillable is how much a fill-or-kill order could take at once, its own orders
// treated as its self-trade prevention would.
func (o *order) fillable() (sum Units) {
	s := o.market.side(opposite(o.Side))
	if o.Prevention == PreventNone {
		return s.available(o.Price, o.Quantity)
	}
	for i := len(s.levels) - 1; i >= 0 && sum < o.Quantity; i-- {
		l := s.levels[i]
		if s.better(o.Price, l.price) {
			break
		}
		for m := l.head; m != nil; m = m.next {
			switch {
			case m.account != o.account:
				sum += m.Remaining()
			case o.Prevention != ExpireMaker:
				return sum
			}
		}
	}
	return sum
}

// trade matches a quantity between a resting order and an incoming one.
func (x *Exchange) trade(maker, taker *order, quantity Units) Fill {
	m := taker.market
	m.lastTrade++
	f := Fill{TradeID: m.lastTrade, Symbol: m.Symbol, Price: maker.Price, Quantity: quantity, Cost: cost(maker.Price, quantity),
		Time: x.now, Aggressor: taker.Side, MakerOrder: maker.ID, TakerOrder: taker.ID,
		MakerAccount: maker.account.name, TakerAccount: taker.account.name}
	s := m.side(maker.Side)
	maker.level.total -= quantity
	f.MakerFee, f.MakerPays = x.settle(maker, &f, x.makerFee)
	f.TakerFee, f.TakerPays = x.settle(taker, &f, x.takerFee)
	if maker.Remaining() == 0 {
		s.drop(maker)
	}
	m.record(&f)
	maker.account.fills = appendBounded(maker.account.fills, f, MaxHistory)
	if taker.account != maker.account {
		taker.account.fills = appendBounded(taker.account.fills, f, MaxHistory)
	}
	for _, o := range [2]*order{taker, maker} {
		if o.State = PartlyFilled; o.full() {
			o.State = Filled
			x.close(o)
		}
	}
	x.tell(maker, taker, &f)
	return f
}

// tell reports a match: the trade, both orders, the level and the balances.
func (x *Exchange) tell(maker, taker *order, f *Fill) {
	m := taker.market
	if len(x.listeners) > 0 {
		x.emit(&Event{Kind: Traded, Fill: f})
	}
	x.orderChanged(taker, Matched, f)
	x.orderChanged(maker, Matched, f)
	x.levelChanged(m, m.side(maker.Side), f.Price)
	x.balanceChanged(taker.account, 0, m.base, m.quote)
	if maker.account != taker.account {
		x.balanceChanged(maker.account, 0, m.base, m.quote)
	}
}

// settle moves what one party of a fill pays and receives.
func (x *Exchange) settle(o *order, f *Fill, rate Units) (fee Units, asset string) {
	m := o.market
	pay, get, out, in := f.Cost, f.Quantity, m.quote, m.base
	release := Units(0) // what a better price than the limit leaves over
	if o.Side == vedette.Sell {
		pay, get, out, in = f.Quantity, f.Cost, m.base, m.quote
	} else if o.Price > 0 {
		release = cost(o.Price, f.Quantity) - f.Cost
	}
	fee, _, _ = mulDiv(get, rate, million)
	o.locked -= pay + release
	o.account.balances[out].Locked -= pay + release
	o.account.balances[out].Free += release
	o.account.balances[in].Free += get - fee
	x.fees[in] += fee
	o.FilledBase += f.Quantity
	o.FilledCost += f.Cost
	return fee, x.assets[in].Name
}

// record keeps a trade for the public.
func (m *market) record(f *Fill) {
	m.last = f.Price
	if m.open == 0 {
		m.open, m.low = f.Price, f.Price
	}
	m.high, m.low = max(m.high, f.Price), min(m.low, f.Price)
	m.volume = saturate(m.volume, f.Quantity)
	m.turnover = saturate(m.turnover, f.Cost)
	m.trades = appendBounded(m.trades, *f, MaxTrades)
}

// saturate adds statistics, which may stop at the top; balances never pass here.
func saturate(a, b Units) Units { return min(a, MaxUnits-b) + b }

// takeOff removes a live order from the book or from the waiting stops.
func (x *Exchange) takeOff(o *order) {
	m := o.market
	if o.level != nil {
		s, price := m.side(o.Side), o.level.price
		s.drop(o)
		x.levelChanged(m, s, price)
		return
	}
	for i, w := range m.waiting {
		if w == o {
			m.waiting = append(m.waiting[:i], m.waiting[i+1:]...)
			return
		}
	}
}

// finish ends an order that is on no book: gives back what it set aside and tells.
func (x *Exchange) finish(o *order, s State, c Cause) {
	o.State = s
	x.close(o)
	x.orderChanged(o, c, nil)
	x.balanceChanged(o.account, 0, o.pays())
}

// close gives back what an order set aside and moves it into the history.
func (x *Exchange) close(o *order) {
	a := o.account
	open := a.open[o.Symbol]
	delete(open, o.ClientID)
	b := &a.balances[o.pays()]
	b.Locked -= o.locked
	b.Free += o.locked
	o.locked = 0
	if len(a.history) >= 2*MaxHistory {
		for _, old := range a.history[:len(a.history)-MaxHistory] {
			delete(x.orders, old.ID)
		}
	}
	a.history = appendBounded(a.history, o, MaxHistory)
}

// triggered reports whether a waiting order fires at a last price.
func (o *order) triggered(last Units) bool {
	rising := (o.Side == vedette.Buy) == (o.Type == StopLoss || o.Type == StopLossLimit)
	if rising {
		return last >= o.Stop
	}
	return last <= o.Stop
}

// trigger fires waiting orders, oldest first, until the last price reaches none:
// each may move it further.
func (x *Exchange) trigger(m *market) {
	for i := 0; i < len(m.waiting); i++ {
		o := m.waiting[i]
		if m.last == 0 || !o.triggered(m.last) {
			continue
		}
		m.waiting = append(m.waiting[:i], m.waiting[i+1:]...)
		if !o.Type.priced() && o.Side == vedette.Buy && !x.payTriggered(o) {
			x.finish(o, Rejected, Ended)
		} else {
			x.work(o)
		}
		i = -1
	}
}

// payTriggered sets aside what a triggered market buy costs now.
func (x *Exchange) payTriggered(o *order) bool {
	b := &o.account.balances[o.pays()]
	need := o.market.asks.costOf(o.Quantity)
	if need > b.Free {
		return false
	}
	o.locked = need
	b.Free -= need
	b.Locked += need
	return true
}
