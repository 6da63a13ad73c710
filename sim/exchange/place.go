package exchange

import (
	"fmt"

	"vedette"
)

// Place takes an order and matches it. It returns the order as it then stands,
// with the fills it made. An order that the engine took but could not fill (an IOC,
// a FOK, a market order) comes back Expired without an error.
func (x *Exchange) Place(n NewOrder) (Order, []Fill, error) {
	x.lock()
	defer x.mu.Unlock()
	return x.place(n)
}

// Check tells whether Place would take the order now, and changes nothing.
func (x *Exchange) Check(n NewOrder) error {
	x.lock()
	defer x.mu.Unlock()
	_, err := x.prepare(n)
	return err
}

func (x *Exchange) place(n NewOrder) (Order, []Fill, error) {
	o, err := x.prepare(n)
	if err != nil {
		return Order{}, nil, err
	}
	m, a := o.market, o.account
	x.lastOrder++
	o.ID, o.Created, o.Updated = x.lastOrder, x.now, x.now
	if o.ClientID == "" {
		o.ClientID = fmt.Sprintf("auto%d", o.ID)
	}
	if a.open[m.Symbol] == nil {
		a.open[m.Symbol] = map[string]*order{}
	}
	a.open[m.Symbol][o.ClientID] = o
	x.orders[o.ID] = o
	a.balances[o.pays()].Free -= o.locked
	a.balances[o.pays()].Locked += o.locked
	var fills []Fill
	if o.Type.waits() {
		m.waiting = append(m.waiting, o)
		x.orderChanged(o, Placed, nil)
		if o.locked > 0 {
			x.balanceChanged(a, 0, o.pays())
		}
	} else {
		fills = x.work(o)
		x.trigger(m)
	}
	return o.Order, fills, nil
}

// prepare checks an order against everything that could refuse it.
func (x *Exchange) prepare(n NewOrder) (*order, error) {
	m, a := x.markets[n.Symbol], x.accounts[n.Account]
	switch {
	case m == nil:
		return nil, ErrUnknownSymbol
	case a == nil:
		return nil, ErrUnknownAccount
	}
	if n.TimeInForce == vedette.TIFNone {
		n.TimeInForce = vedette.GTC
	}
	if err := wellFormed(&n); err != nil {
		return nil, err
	}
	if err := m.filter(&n); err != nil {
		return nil, err
	}
	open := a.open[m.Symbol]
	if n.ClientID != "" && open[n.ClientID] != nil {
		return nil, ErrDuplicate
	}
	if len(open) >= MaxOpenOrders {
		return nil, FilterError("MAX_NUM_ORDERS")
	}
	if n.Type.waits() && waitingOf(open) >= MaxStops {
		return nil, FilterError("MAX_NUM_ALGO_ORDERS")
	}
	o := &order{Order: Order{NewOrder: n}, account: a, market: m}
	if n.Type.waits() && m.last != 0 && o.triggered(m.last) {
		return nil, ErrWouldTrigger
	}
	if n.Type == LimitMaker && m.side(opposite(n.Side)).available(n.Price, 1) > 0 {
		return nil, ErrWouldTake
	}
	return o, x.fund(o)
}

func waitingOf(open map[string]*order) (n int) {
	for _, o := range open {
		if !o.Working {
			n++
		}
	}
	return n
}

// wellFormed checks that the fields of an order fit its type.
func wellFormed(n *NewOrder) error {
	ok := (n.Side == vedette.Buy || n.Side == vedette.Sell) && n.Type <= TakeProfitLimit && n.Prevention < preventCount &&
		n.TimeInForce >= vedette.GTC && n.TimeInForce <= vedette.FOK && len(n.ClientID) <= MaxClientID &&
		n.Price >= 0 && n.Stop >= 0 && n.Quantity >= 0 && n.Spend >= 0
	ok = ok && n.Type.priced() == (n.Price > 0) && n.Type.waits() == (n.Stop > 0)
	ok = ok && (n.Quantity > 0) != (n.Spend > 0) && (n.Spend == 0 || n.Type == Market)
	ok = ok && (n.TimeInForce == vedette.GTC || n.Type == Limit || n.Type == StopLossLimit || n.Type == TakeProfitLimit)
	if !ok {
		return ErrParameters
	}
	return nil
}

// filter checks an order against the instrument's filters.
func (m *market) filter(n *NewOrder) error {
	for _, p := range []Units{n.Price, n.Stop} {
		if p%m.Tick != 0 || p > m.MaxPrice {
			return FilterError("PRICE_FILTER")
		}
	}
	if n.Quantity%m.Lot != 0 || n.Quantity > m.MaxQuantity {
		return FilterError("LOT_SIZE")
	}
	notional := n.Spend
	switch {
	case n.Quantity > 0 && n.Price > 0:
		notional = cost(n.Price, n.Quantity)
	case n.Quantity > 0 && n.Stop > 0:
		notional = cost(n.Stop, n.Quantity)
	case n.Quantity > 0 && m.last > 0:
		notional = cost(m.last, n.Quantity)
	case n.Quantity > 0:
		return nil // a market order before the first trade has no price to measure it by
	}
	if notional < m.MinNotional || notional > MaxUnits {
		return FilterError("NOTIONAL")
	}
	return nil
}

// pays returns the asset that the order spends.
func (o *order) pays() int {
	if o.Side == vedette.Buy {
		return o.market.quote
	}
	return o.market.base
}

// fund finds what the order must set aside, and refuses what the account cannot
// pay for. Orders without a limit price are checked against the book as it is.
func (x *Exchange) fund(o *order) error {
	free := o.account.balances[o.pays()].Free
	need := o.Quantity
	switch {
	case o.Side == vedette.Buy && o.Price > 0:
		need = cost(o.Price, o.Quantity)
	case o.Side == vedette.Buy && o.Type != Market:
		return nil // a market buy on a trigger is paid for when it fires
	case o.Side == vedette.Buy && o.Spend > 0:
		need = o.Spend
	case o.Side == vedette.Buy:
		need = o.market.asks.costOf(o.Quantity)
	case o.Spend > 0:
		need = o.market.bids.quantityFor(o.Spend, o.market.Lot)
	}
	if need > free {
		return ErrInsufficient
	}
	o.locked = need
	return nil
}

// costOf walks the book for what a quantity would cost now; a quantity beyond the
// book costs what the book holds.
func (s *ladder) costOf(quantity Units) (sum Units) {
	for i := len(s.levels) - 1; i >= 0 && quantity > 0; i-- {
		take := min(quantity, s.levels[i].total)
		sum += cost(s.levels[i].price, take)
		quantity -= take
	}
	return sum
}

// quantityFor walks the book for how much an amount of quote trades now, rounded
// down to whole lots per level.
func (s *ladder) quantityFor(spend, lot Units) (sum Units) {
	for i := len(s.levels) - 1; i >= 0; i-- {
		l := s.levels[i]
		take := affordable(spend, l.price, lot)
		if take < l.total {
			return sum + take
		}
		sum += l.total
		spend -= cost(l.price, l.total)
	}
	return sum
}

// affordable is the largest whole number of lots that an amount buys at a price.
func affordable(spend, price, lot Units) Units {
	q, _, ok := mulDiv(spend, One, price)
	if !ok {
		q = MaxUnits
	}
	return q - q%lot
}
