package exchange

import (
	"fmt"
	"math/big"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vedette"
)

// naive is the engine written for reading: a list of resting orders sorted before
// every match, balances as big integers.
type naive struct {
	resting []*Order
	total   map[string]*big.Int // account/asset: free and locked together, before fees
	fees    map[string]*big.Int
	maker   int64
	taker   int64
	next    int64
}

func (n *naive) add(account, asset string, v Units) {
	k := account + "/" + asset
	if n.total[k] == nil {
		n.total[k] = new(big.Int)
	}
	n.total[k].Add(n.total[k], big.NewInt(int64(v)))
}

func product(a, b, c Units) Units {
	v := new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(b)))
	return Units(v.Div(v, big.NewInt(int64(c))).Int64())
}

// matches lists what would trade: maker, price and quantity, in order.
func (n *naive) place(o Order) (fills []Fill) {
	n.next++
	o.ID = n.next
	var against []*Order
	for _, r := range n.resting {
		if r.Side != o.Side && (o.Price == 0 || o.Side == vedette.Buy && r.Price <= o.Price || o.Side == vedette.Sell && r.Price >= o.Price) {
			against = append(against, r)
		}
	}
	sort.SliceStable(against, func(i, j int) bool {
		if against[i].Price != against[j].Price {
			return (against[i].Price < against[j].Price) == (o.Side == vedette.Buy)
		}
		return against[i].ID < against[j].ID
	})
	if o.TimeInForce == vedette.FOK {
		var can Units
		for _, r := range against {
			own := r.Account == o.Account && o.Prevention != PreventNone
			if own && o.Prevention != ExpireMaker {
				break
			}
			if !own {
				can += r.Remaining()
			}
		}
		if can < o.Quantity {
			return nil
		}
	}
	ended := false
	for _, r := range against {
		if o.Remaining() == 0 || ended {
			break
		}
		if r.Account == o.Account && o.Prevention != PreventNone {
			if o.Prevention != ExpireTaker {
				n.drop(r)
			}
			ended = o.Prevention != ExpireMaker
			continue
		}
		q := min(o.Remaining(), r.Remaining())
		fills = append(fills, n.trade(&o, r, q))
		if r.Remaining() == 0 {
			n.drop(r)
		}
	}
	if o.Remaining() > 0 && !ended && o.Type != Market && o.TimeInForce == vedette.GTC {
		n.resting = append(n.resting, &o)
	}
	return fills
}

func (n *naive) trade(o, r *Order, q Units) Fill {
	c := product(r.Price, q, One)
	buyer, seller, buyRate, sellRate := o.Account, r.Account, n.taker, n.maker
	if o.Side == vedette.Sell {
		buyer, seller, buyRate, sellRate = r.Account, o.Account, n.maker, n.taker
	}
	bf, sf := product(q, Units(buyRate), million), product(c, Units(sellRate), million)
	n.add(buyer, "BTC", q-bf)
	n.add(buyer, "USDT", -c)
	n.add(seller, "BTC", -q)
	n.add(seller, "USDT", c-sf)
	o.FilledBase += q
	r.FilledBase += q
	return Fill{MakerOrder: r.ID, TakerOrder: o.ID, Price: r.Price, Quantity: q, Cost: c}
}

func (n *naive) drop(r *Order) {
	for i, o := range n.resting {
		if o == r {
			n.resting = append(n.resting[:i], n.resting[i+1:]...)
			return
		}
	}
}

func testExchange(t interface{ Fatal(...any) }) *Exchange {
	at := time.Unix(1_700_000_000, 0)
	x, err := New(Config{
		Clock: func() time.Time { at = at.Add(time.Millisecond); return at },
		Assets: []Asset{{Name: "BTC", Network: "BTC", WithdrawFee: MustUnits("0.0001"), WithdrawMin: MustUnits("0.001")},
			{Name: "USDT", Network: "ETH", WithdrawFee: One, WithdrawMin: 2 * One}},
		Instruments: []Instrument{{Symbol: "BTCUSDT", Base: "BTC", Quote: "USDT", Tick: MustUnits("0.5"), Lot: MustUnits("0.001"),
			MinNotional: One, MaxPrice: MustUnits("1000000"), MaxQuantity: MustUnits("1000")}},
		MakerFee: 1000, TakerFee: 1700, WithdrawDelay: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

var accounts = []string{"a", "b", "c"}

// TestAgainstNaiveModel drives both engines with the same orders: they must agree on
// every fill, every resting order and every balance, and the audit must hold.
func TestAgainstNaiveModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x := testExchange(r)
		n := &naive{total: map[string]*big.Int{}, maker: 1000, taker: 1700}
		for _, a := range accounts {
			x.OpenAccount(a)
			for asset, v := range map[string]Units{"BTC": 50 * One, "USDT": 5000 * One} {
				if _, err := x.Deposit(a, asset, v); err != nil {
					r.Fatal(err)
				}
				n.add(a, asset, v)
			}
		}
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			switch rapid.IntRange(0, 9).Draw(r, "what") {
			case 0:
				cancelBoth(r, x, n)
			case 1:
				amendBoth(r, x, n)
			default:
				placeBoth(r, x, n)
			}
			if err := x.Audit(); err != nil {
				r.Fatal(err)
			}
			compare(r, x, n)
		}
	})
}

func placeBoth(r *rapid.T, x *Exchange, n *naive) {
	o := NewOrder{Account: rapid.SampledFrom(accounts).Draw(r, "account"), Symbol: "BTCUSDT",
		Side:        rapid.SampledFrom([]vedette.Side{vedette.Buy, vedette.Sell}).Draw(r, "side"),
		Type:        rapid.SampledFrom([]Type{Limit, Limit, Limit, LimitMaker, Market}).Draw(r, "type"),
		Quantity:    Units(rapid.IntRange(1, 3000).Draw(r, "lots")) * MustUnits("0.001"),
		TimeInForce: vedette.GTC,
		Prevention:  Prevention(rapid.IntRange(0, 3).Draw(r, "prevention"))}
	if o.Type != Market {
		o.Price = Units(rapid.IntRange(190, 210).Draw(r, "ticks")) * MustUnits("0.5")
	}
	if o.Type == Limit {
		o.TimeInForce = rapid.SampledFrom([]vedette.TimeInForce{vedette.GTC, vedette.GTC, vedette.IOC, vedette.FOK}).Draw(r, "tif")
	}
	got, fills, err := x.Place(o)
	if err != nil {
		return // refused: the naive book must not see it; balances are compared after
	}
	if o.Type == Market && o.Side == vedette.Buy && o.Prevention == ExpireMaker {
		// What it sets aside is measured before its own orders leave the book: the
		// naive model has no such bound. Only compare where the funds sufficed.
		if got.State == Expired {
			r.Skip("market buy through own orders")
		}
	}
	want := n.place(Order{NewOrder: o})
	if n.next != got.ID {
		r.Fatalf("order id %d, want %d", got.ID, n.next)
	}
	if len(fills) != len(want) {
		r.Fatalf("%+v: %d fills, want %d", o, len(fills), len(want))
	}
	for i, w := range want {
		f := fills[i]
		if f.MakerOrder != w.MakerOrder || f.TakerOrder != w.TakerOrder || f.Price != w.Price || f.Quantity != w.Quantity || f.Cost != w.Cost {
			r.Fatalf("fill %d is %+v, want %+v", i, f, w)
		}
	}
}

func cancelBoth(r *rapid.T, x *Exchange, n *naive) {
	if len(n.resting) == 0 {
		return
	}
	o := rapid.SampledFrom(n.resting).Draw(r, "cancel")
	if _, err := x.Cancel(Ref{Account: o.Account, Symbol: o.Symbol, ID: o.ID}); err != nil {
		r.Fatalf("cancel of resting order %d: %v", o.ID, err)
	}
	n.drop(o)
}

func amendBoth(r *rapid.T, x *Exchange, n *naive) {
	if len(n.resting) == 0 {
		return
	}
	o := rapid.SampledFrom(n.resting).Draw(r, "amend")
	q := Units(rapid.IntRange(1, 3000).Draw(r, "to")) * MustUnits("0.001")
	_, err := x.Amend(Ref{Account: o.Account, Symbol: o.Symbol, ID: o.ID}, q, "")
	if ok := q < o.Quantity && q > o.FilledBase && product(o.Price, q, One) >= One; ok != (err == nil) {
		r.Fatalf("amend %v (filled %v) to %v: %v", o.Quantity, o.FilledBase, q, err)
	}
	if err == nil {
		o.Quantity = q
	}
}

func compare(r *rapid.T, x *Exchange, n *naive) {
	open := map[int64]Order{}
	for _, a := range accounts {
		orders, _ := x.Open(a, "")
		for _, o := range orders {
			open[o.ID] = o
		}
		balances, _ := x.Balances(a)
		for _, b := range balances {
			if w := n.total[a+"/"+b.Asset]; w.Cmp(big.NewInt(int64(b.Free+b.Locked))) != 0 {
				r.Fatalf("%s holds %v %s, want %v", a, b.Free+b.Locked, b.Asset, w)
			}
		}
	}
	if len(open) != len(n.resting) {
		r.Fatalf("%d orders open, want %d", len(open), len(n.resting))
	}
	for _, w := range n.resting {
		if o, ok := open[w.ID]; !ok || o.Remaining() != w.Remaining() || o.Price != w.Price {
			r.Fatalf("order %d is %+v, want %+v", w.ID, o, *w)
		}
	}
}

// TestEverythingConserves throws every operation at the engine, stops and moves
// included, and audits after each; a second engine fed the same must tell the same.
func TestEverythingConserves(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x, y := testExchange(r), testExchange(r)
		var told [2][]string
		for i, e := range []*Exchange{x, y} {
			e.Listen(func(ev *Event) { told[i] = append(told[i], string(AppendJSON(nil, "sim", ev))) })
			for _, a := range accounts {
				e.OpenAccount(a)
				e.Deposit(a, "BTC", 50*One)
				e.Deposit(a, "USDT", 5000*One)
			}
		}
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			f := anything(r)
			f(x)
			f(y)
			if err := x.Audit(); err != nil {
				r.Fatal(err)
			}
		}
		if a, b := fmt.Sprint(told[0]), fmt.Sprint(told[1]); a != b {
			r.Fatalf("same input, different events:\n%s\n%s", a, b)
		}
	})
}

func anything(r *rapid.T) func(*Exchange) {
	account := rapid.SampledFrom(accounts).Draw(r, "account")
	ref := Ref{Account: account, Symbol: "BTCUSDT", ID: int64(rapid.IntRange(1, 40).Draw(r, "id"))}
	lots := Units(rapid.IntRange(1, 3000).Draw(r, "lots")) * MustUnits("0.001")
	o := NewOrder{Account: account, Symbol: "BTCUSDT", Side: vedette.Side(rapid.IntRange(1, 2).Draw(r, "side")),
		Type: Type(rapid.IntRange(0, 6).Draw(r, "type")), Prevention: Prevention(rapid.IntRange(0, 3).Draw(r, "stp"))}
	if o.Type.priced() {
		o.Price = Units(rapid.IntRange(190, 210).Draw(r, "ticks")) * MustUnits("0.5")
	}
	if o.Type.waits() {
		o.Stop = Units(rapid.IntRange(190, 210).Draw(r, "stop")) * MustUnits("0.5")
	}
	if o.Type == Market && rapid.Bool().Draw(r, "by amount") {
		o.Spend = lots * 100
	} else {
		o.Quantity = lots
	}
	switch rapid.IntRange(0, 9).Draw(r, "what") {
	case 0:
		return func(x *Exchange) { x.Cancel(ref) }
	case 1:
		return func(x *Exchange) { x.Amend(ref, lots, "") }
	case 2:
		return func(x *Exchange) { x.Replace(ref, o, lots%2 == 0) }
	case 3:
		return func(x *Exchange) { x.CancelAll(account, "BTCUSDT") }
	case 4:
		return func(x *Exchange) { x.Withdraw(account, "USDT", "addr", "", lots*10) }
	case 5:
		return func(x *Exchange) { x.Transfer(account, "a", "BTC", lots) }
	}
	return func(x *Exchange) { x.Place(o) }
}
