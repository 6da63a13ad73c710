package exchange

import (
	"slices"
	"time"
)

// Order returns one order of an account, open or still remembered.
func (x *Exchange) Order(r Ref) (Order, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	o, err := x.find(r)
	if err != nil {
		return Order{}, err
	}
	return o.Order, nil
}

// Open lists the open orders of an account, oldest first; of all instruments if
// symbol is empty.
func (x *Exchange) Open(account, symbol string) ([]Order, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.accounts[account] == nil:
		return nil, ErrUnknownAccount
	case symbol != "" && x.markets[symbol] == nil:
		return nil, ErrUnknownSymbol
	}
	return x.open(account, symbol), nil
}

func (x *Exchange) open(account, symbol string) []Order {
	var out []Order
	for s, orders := range x.accounts[account].open {
		if symbol != "" && s != symbol {
			continue
		}
		for _, o := range orders {
			out = append(out, o.Order)
		}
	}
	sortByID(out)
	return out
}

func sortByID(o []Order) {
	slices.SortFunc(o, func(a, b Order) int { return int(a.ID - b.ID) })
}

// Orders lists the open and the remembered orders of an account in an instrument,
// oldest first.
func (x *Exchange) Orders(account, symbol string) ([]Order, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.accounts[account]
	switch {
	case a == nil:
		return nil, ErrUnknownAccount
	case x.markets[symbol] == nil:
		return nil, ErrUnknownSymbol
	}
	out := x.open(account, symbol)
	for _, o := range a.history {
		if o.Symbol == symbol {
			out = append(out, o.Order)
		}
	}
	sortByID(out)
	return out, nil
}

// Fills lists the remembered fills of an account in an instrument, oldest first.
func (x *Exchange) Fills(account, symbol string) ([]Fill, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.accounts[account]
	switch {
	case a == nil:
		return nil, ErrUnknownAccount
	case x.markets[symbol] == nil:
		return nil, ErrUnknownSymbol
	}
	var out []Fill
	for _, f := range a.fills {
		if f.Symbol == symbol {
			out = append(out, f)
		}
	}
	return out, nil
}

// Depth is a book by levels, best first.
type Depth struct {
	Update     int64 // the last change it holds
	Bids, Asks []Level
}

// Depth returns up to limit levels of each side, appended to those of into, which
// may be reused.
func (x *Exchange) Depth(symbol string, limit int, into *Depth) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.markets[symbol]
	if m == nil {
		return ErrUnknownSymbol
	}
	into.Update = m.update
	into.Bids = m.bids.top(limit, into.Bids[:0])
	into.Asks = m.asks.top(limit, into.Asks[:0])
	return nil
}

func (s *ladder) top(limit int, out []Level) []Level {
	for i := len(s.levels) - 1; i >= 0 && limit > 0; i, limit = i-1, limit-1 {
		out = append(out, Level{Price: s.levels[i].price, Quantity: s.levels[i].total, Side: s.side})
	}
	return out
}

// Trades returns up to limit of the latest trades, oldest first.
func (x *Exchange) Trades(symbol string, limit int) ([]Fill, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.markets[symbol]
	if m == nil {
		return nil, ErrUnknownSymbol
	}
	n := min(limit, len(m.trades))
	return append([]Fill(nil), m.trades[len(m.trades)-n:]...), nil
}

// Stats are an instrument's figures since the exchange started.
type Stats struct {
	Symbol           string
	Open, High, Low  Units
	Last, LastSize   Units
	Volume, Turnover Units // of base and quote
	Trades           int64
	Bid, Ask         Level
	Time             time.Time
}

// Stats returns the figures of one instrument.
func (x *Exchange) Stats(symbol string) (Stats, error) {
	x.lock()
	defer x.mu.Unlock()
	m := x.markets[symbol]
	if m == nil {
		return Stats{}, ErrUnknownSymbol
	}
	s := Stats{Symbol: symbol, Open: m.open, High: m.high, Low: m.low, Last: m.last, Volume: m.volume, Turnover: m.turnover,
		Trades: m.lastTrade, Time: x.now}
	if n := len(m.trades); n > 0 {
		s.LastSize = m.trades[n-1].Quantity
	}
	for _, l := range m.bids.top(1, nil) {
		s.Bid = l
	}
	for _, l := range m.asks.top(1, nil) {
		s.Ask = l
	}
	return s, nil
}
