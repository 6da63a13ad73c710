package exchange

// Ref names an order of an account, by id or, where that is zero, by client id.
type Ref struct {
	Account  string
	Symbol   string
	ID       int64
	ClientID string
}

// find returns the order a Ref names, open or still remembered.
func (x *Exchange) find(r Ref) (*order, error) {
	a := x.accounts[r.Account]
	switch {
	case a == nil:
		return nil, ErrUnknownAccount
	case x.markets[r.Symbol] == nil:
		return nil, ErrUnknownSymbol
	}
	if r.ID != 0 {
		o := x.orders[r.ID]
		if o == nil || o.account != a || o.Symbol != r.Symbol || r.ClientID != "" && o.ClientID != r.ClientID {
			return nil, ErrUnknownOrder
		}
		return o, nil
	}
	if o := a.open[r.Symbol][r.ClientID]; o != nil {
		return o, nil
	}
	for i := len(a.history) - 1; i >= 0; i-- {
		if o := a.history[i]; o.Symbol == r.Symbol && o.ClientID == r.ClientID {
			return o, nil
		}
	}
	return nil, ErrUnknownOrder
}

func (x *Exchange) findLive(r Ref) (*order, error) {
	o, err := x.find(r)
	if err == nil && !o.State.Live() {
		return nil, ErrUnknownOrder
	}
	return o, err
}

// Cancel ends an open order and returns it as it ended.
func (x *Exchange) Cancel(r Ref) (Order, error) {
	x.lock()
	defer x.mu.Unlock()
	return x.cancel(r)
}

func (x *Exchange) cancel(r Ref) (Order, error) {
	o, err := x.findLive(r)
	if err != nil {
		return Order{}, err
	}
	x.takeOff(o)
	x.finish(o, Cancelled, UserCancelled)
	return o.Order, nil
}

// CancelAll ends every open order of an account in an instrument, oldest first.
func (x *Exchange) CancelAll(account, symbol string) ([]Order, error) {
	x.lock()
	defer x.mu.Unlock()
	if x.accounts[account] == nil {
		return nil, ErrUnknownAccount
	}
	open := x.open(account, symbol)
	if len(open) == 0 {
		return nil, ErrUnknownOrder
	}
	for i, o := range open {
		open[i], _ = x.cancel(Ref{Account: account, Symbol: symbol, ID: o.ID})
	}
	return open, nil
}

// Replacement is the outcome of Replace: each half as Cancel and Place report it.
type Replacement struct {
	Cancelled Order
	CancelErr error
	Attempted bool // the new order was tried
	Order     Order
	Fills     []Fill
	PlaceErr  error
}

// Replace cancels an order and places another as one step. Unless anyway is set, a
// cancel that fails leaves the new order untried.
func (x *Exchange) Replace(r Ref, n NewOrder, anyway bool) (p Replacement) {
	x.lock()
	defer x.mu.Unlock()
	p.Cancelled, p.CancelErr = x.cancel(r)
	if p.CancelErr == nil || anyway {
		p.Attempted = true
		p.Order, p.Fills, p.PlaceErr = x.place(n)
	}
	return p
}

// Amend lowers the quantity of an open order, which keeps its place in the queue.
// The new quantity counts what is filled already.
func (x *Exchange) Amend(r Ref, quantity Units, clientID string) (Order, error) {
	x.lock()
	defer x.mu.Unlock()
	o, err := x.findLive(r)
	if err != nil {
		return Order{}, err
	}
	m, open := o.market, o.account.open[r.Symbol]
	switch {
	case quantity >= o.Quantity || quantity <= o.FilledBase:
		return Order{}, ErrAmendQuantity
	case quantity%m.Lot != 0:
		return Order{}, FilterError("LOT_SIZE")
	case o.Price > 0 && cost(o.Price, quantity) < m.MinNotional:
		return Order{}, FilterError("NOTIONAL")
	case len(clientID) > MaxClientID:
		return Order{}, ErrParameters
	case clientID != "" && clientID != o.ClientID && open[clientID] != nil:
		return Order{}, ErrDuplicate
	}
	cut := o.Quantity - quantity
	o.Quantity = quantity
	if o.locked > 0 {
		release := cut
		if pay := o.pays(); pay == m.quote {
			release = cost(o.Price, cut)
		}
		o.locked -= release
		b := &o.account.balances[o.pays()]
		b.Locked -= release
		b.Free += release
	}
	if clientID != "" {
		delete(open, o.ClientID)
		o.ClientID = clientID
		open[clientID] = o
	}
	x.orderChanged(o, Amended, nil)
	if o.level != nil {
		o.level.total -= cut
		x.levelChanged(m, m.side(o.Side), o.level.price)
	}
	x.balanceChanged(o.account, 0, o.pays())
	return o.Order, nil
}
