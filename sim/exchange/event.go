package exchange

import (
	"time"

	"vedette"
)

// EventKind is what an event tells.
type EventKind uint8

// The kinds of event.
const (
	OrderChanged   EventKind = iota // Order, Cause
	Traded                          // Fill
	LevelChanged                    // Level
	BalanceChanged                  // Account, Balances, Delta where it is no trade
	MoveMade                        // Move
)

// Cause is why an order changed.
type Cause uint8

// The causes.
const (
	Placed Cause = iota
	Matched
	UserCancelled
	Amended
	Triggered
	Ended // by time in force, lack of a counterparty or of funds
	SelfTrade
)

// Level is one price level after a change.
type Level struct {
	Symbol   string
	Side     vedette.Side
	Price    Units
	Quantity Units // zero: the level is gone
	Update   int64 // counts from 1 per instrument, without gaps
}

// Event tells one change. Listeners get events in the order of their Sequence,
// which has no gaps; they may not keep the pointers, nor call the exchange.
type Event struct {
	Sequence uint64
	Time     time.Time
	Kind     EventKind
	Cause    Cause
	Order    *Order
	Fill     *Fill // also set on OrderChanged with cause Matched
	Level    Level
	Account  string
	Balances []Balance
	Delta    Units
	Move     *Move
}

type listener struct{ f func(*Event) }

// Listen calls f for every event until the returned function is called. f runs
// while the engine is locked: it must be quick and must not call back.
func (x *Exchange) Listen(f func(*Event)) (stop func()) {
	l := &listener{f}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.listeners = append(x.listeners[:len(x.listeners):len(x.listeners)], l)
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		for i, o := range x.listeners {
			if o == l {
				x.listeners = append(append([]*listener(nil), x.listeners[:i]...), x.listeners[i+1:]...)
				return
			}
		}
	}
}

func (x *Exchange) emit(e *Event) {
	x.sequence++
	e.Sequence, e.Time = x.sequence, x.now
	for _, l := range x.listeners {
		l.f(e)
	}
}

func (x *Exchange) orderChanged(o *order, c Cause, f *Fill) {
	o.Updated = x.now
	if len(x.listeners) > 0 {
		x.emit(&Event{Kind: OrderChanged, Cause: c, Order: &o.Order, Fill: f, Account: o.account.name})
	}
}

// balanceChanged tells balances; delta is zero where trading changed them.
func (x *Exchange) balanceChanged(a *account, delta Units, assets ...int) {
	if len(x.listeners) == 0 {
		return
	}
	e := Event{Kind: BalanceChanged, Account: a.name, Delta: delta}
	for _, i := range assets {
		e.Balances = append(e.Balances, a.balances[i])
	}
	x.emit(&e)
}

// levelChanged counts a change of a level and tells it.
func (x *Exchange) levelChanged(m *market, s *ladder, price Units) {
	m.update++
	if len(x.listeners) == 0 {
		return
	}
	l := Level{Symbol: m.Symbol, Side: s.side, Price: price, Update: m.update}
	if i, ok := s.find(price); ok {
		l.Quantity = s.levels[i].total
	}
	x.emit(&Event{Kind: LevelChanged, Level: l})
}
