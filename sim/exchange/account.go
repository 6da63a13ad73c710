package exchange

import (
	"fmt"
	"time"
)

// account is one holder of balances.
type account struct {
	name     string
	balances []Balance                    // by asset
	open     map[string]map[string]*order // symbol, then client id
	history  []*order                     // closed, oldest first
	fills    []Fill
	moves    []Move
}

// Balance is what an account holds of an asset.
type Balance struct {
	Asset  string
	Free   Units
	Locked Units // set aside for open orders
}

// MoveKind is a way in which funds reach or leave an account other than trading.
type MoveKind uint8

// The kinds of move.
const (
	Deposited MoveKind = iota
	Withdrawn
	TransferredIn
	TransferredOut
)

// Move is a deposit, a withdrawal or one leg of a transfer.
type Move struct {
	ID       int64
	Kind     MoveKind
	Account  string
	Asset    string
	Amount   Units // that reached or left the account; of a withdrawal, fee included
	Fee      Units
	Address  string // of a withdrawal; the other account of a transfer
	ClientID string
	Time     time.Time
	Done     time.Time // when a withdrawal completes
}

// OpenAccount makes an empty account; one that exists stays as it is.
func (x *Exchange) OpenAccount(name string) {
	x.lock()
	defer x.mu.Unlock()
	if x.accounts[name] != nil {
		return
	}
	a := &account{name: name, balances: make([]Balance, len(x.assets)), open: map[string]map[string]*order{}}
	for i := range a.balances {
		a.balances[i].Asset = x.assets[i].Name
	}
	x.accounts[name] = a
}

func (x *Exchange) holder(name, asset string) (*account, int, error) {
	a := x.accounts[name]
	if a == nil {
		return nil, 0, ErrUnknownAccount
	}
	i, ok := x.assetIndex[asset]
	if !ok {
		return nil, 0, ErrUnknownAsset
	}
	return a, i, nil
}

// Balances returns the account's balances in the order of the assets.
func (x *Exchange) Balances(name string) ([]Balance, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.accounts[name]
	if a == nil {
		return nil, ErrUnknownAccount
	}
	return append([]Balance(nil), a.balances...), nil
}

// Deposit credits an account from outside. The supply of an asset is bounded by
// MaxUnits.
func (x *Exchange) Deposit(name, asset string, amount Units) (Move, error) {
	x.lock()
	defer x.mu.Unlock()
	a, i, err := x.holder(name, asset)
	if err != nil {
		return Move{}, err
	}
	if amount <= 0 || amount > MaxUnits-x.supply[i] {
		return Move{}, ErrRange
	}
	x.supply[i] += amount
	a.balances[i].Free += amount
	m := x.move(a, Move{Kind: Deposited, Asset: asset, Amount: amount, Done: x.now})
	x.balanceChanged(a, amount, i)
	return m, nil
}

// Withdraw debits an account at once; the withdrawal completes after the
// configured delay. The fee is part of the amount.
func (x *Exchange) Withdraw(name, asset, address, clientID string, amount Units) (Move, error) {
	x.lock()
	defer x.mu.Unlock()
	a, i, err := x.holder(name, asset)
	switch {
	case err != nil:
		return Move{}, err
	case address == "":
		return Move{}, ErrParameters
	case amount <= x.assets[i].WithdrawFee || amount < x.assets[i].WithdrawMin:
		return Move{}, ErrWithdrawMin
	case amount > a.balances[i].Free:
		return Move{}, ErrInsufficient
	}
	fee := x.assets[i].WithdrawFee
	a.balances[i].Free -= amount
	x.supply[i] -= amount - fee
	x.fees[i] += fee
	m := x.move(a, Move{Kind: Withdrawn, Asset: asset, Amount: amount, Fee: fee, Address: address, ClientID: clientID,
		Done: x.now.Add(x.delay)})
	x.balanceChanged(a, -amount, i)
	return m, nil
}

// Transfer moves funds between two accounts and returns its id.
func (x *Exchange) Transfer(from, to, asset string, amount Units) (int64, error) {
	x.lock()
	defer x.mu.Unlock()
	a, i, err := x.holder(from, asset)
	if err != nil {
		return 0, err
	}
	b := x.accounts[to]
	switch {
	case b == nil:
		return 0, ErrUnknownAccount
	case amount <= 0 || a == b:
		return 0, ErrParameters
	case amount > a.balances[i].Free:
		return 0, ErrInsufficient
	}
	a.balances[i].Free -= amount
	b.balances[i].Free += amount
	m := x.move(a, Move{Kind: TransferredOut, Asset: asset, Amount: amount, Address: to, Done: x.now})
	x.move(b, Move{Kind: TransferredIn, Asset: asset, Amount: amount, Address: from, Done: x.now})
	x.balanceChanged(a, -amount, i)
	x.balanceChanged(b, amount, i)
	return m.ID, nil
}

// move writes a move into the account's history under the next id.
func (x *Exchange) move(a *account, m Move) Move {
	x.lastMove++
	m.ID, m.Account, m.Time = x.lastMove, a.name, x.now
	a.moves = appendBounded(a.moves, m, MaxHistory)
	x.emit(&Event{Kind: MoveMade, Move: &m})
	return m
}

// Moves lists the account's moves of one kind, oldest first.
func (x *Exchange) Moves(name string, kind MoveKind) ([]Move, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.accounts[name]
	if a == nil {
		return nil, ErrUnknownAccount
	}
	var out []Move
	for _, m := range a.moves {
		if m.Kind == kind {
			out = append(out, m)
		}
	}
	return out, nil
}

// appendBounded appends and, once twice the limit is reached, forgets the older
// half: amortised constant time.
func appendBounded[T any](s []T, v T, limit int) []T {
	if len(s) >= 2*limit {
		s = s[:copy(s, s[len(s)-limit:])]
	}
	return append(s, v)
}

// Audit checks every invariant of the engine: no balance made or lost, what is
// locked equals what open orders need, queues and totals agree, no book crossed. It
// walks everything; it is meant for tests and for the end of a run.
func (x *Exchange) Audit() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	sums := make([]Units, len(x.assets))
	for _, a := range x.accounts {
		locked := make([]Units, len(x.assets))
		for _, orders := range a.open {
			for _, o := range orders {
				locked[o.pays()] += o.locked
			}
		}
		for i, b := range a.balances {
			if b.Free < 0 || b.Locked != locked[i] {
				return fmt.Errorf("account %s: %s free %v, locked %v, open orders need %v", a.name, b.Asset, b.Free, b.Locked, locked[i])
			}
			sums[i] += b.Free + b.Locked
		}
	}
	for i := range sums {
		if sums[i]+x.fees[i] != x.supply[i] {
			return fmt.Errorf("%s: accounts hold %v, fees %v, supply is %v", x.assets[i].Name, sums[i], x.fees[i], x.supply[i])
		}
	}
	for _, m := range x.markets {
		if err := m.audit(); err != nil {
			return fmt.Errorf("instrument %s: %w", m.Symbol, err)
		}
	}
	return nil
}

func (m *market) audit() error {
	if b, a := m.bids.best(), m.asks.best(); b != nil && a != nil && b.price >= a.price {
		return fmt.Errorf("book is crossed: %v against %v", b.price, a.price)
	}
	for _, s := range []*ladder{&m.bids, &m.asks} {
		for i, l := range s.levels {
			if i > 0 && !s.better(l.price, s.levels[i-1].price) {
				return fmt.Errorf("levels out of order at %v", l.price)
			}
			var total Units
			var last int64
			n := 0
			for o := l.head; o != nil; o = o.next {
				if o.Remaining() <= 0 || !o.State.Live() || o.level != l {
					return fmt.Errorf("order %d rests but is over", o.ID)
				}
				total += o.Remaining()
				last = o.ID
				n++
			}
			if total != l.total || n != l.count || n == 0 {
				return fmt.Errorf("level %v counts %v in %d orders, holds %v in %d (last %d)", l.price, l.total, l.count, total, n, last)
			}
		}
	}
	return nil
}
