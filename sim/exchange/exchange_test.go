package exchange

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vedette"
)

// stocked is an exchange with three accounts that hold both assets.
func stocked(t testing.TB) *Exchange {
	x := testExchange(t)
	for _, a := range accounts {
		x.OpenAccount(a)
		for _, asset := range []string{"BTC", "USDT"} {
			if _, err := x.Deposit(a, asset, 100_000*One); err != nil {
				t.Fatal(err)
			}
		}
	}
	return x
}

func limit(account string, side vedette.Side, price, quantity string) NewOrder {
	return NewOrder{Account: account, Symbol: "BTCUSDT", Side: side, Type: Limit, Price: MustUnits(price), Quantity: MustUnits(quantity)}
}

func mustPlace(t testing.TB, x *Exchange, n NewOrder) (Order, []Fill) {
	t.Helper()
	o, f, err := x.Place(n)
	if err != nil {
		t.Fatal(err)
	}
	return o, f
}

func TestParseUnits(t *testing.T) {
	f := func(s, want string, wantErr error) {
		t.Helper()
		u, err := ParseUnits(s)
		if !errors.Is(err, wantErr) || err == nil && u.String() != want {
			t.Errorf("ParseUnits(%q) = %v, %v; want %s, %v", s, u, err, want, wantErr)
		}
	}
	f("1", "1.00000000", nil)
	f("0.00000001", "0.00000001", nil)
	f("1.100000000000", "1.10000000", nil)
	f(".5", "0.50000000", nil)
	f("40000000000", "40000000000.00000000", nil)
	f("40000000000.00000001", "", ErrRange)
	f("99999999999999999999999", "", ErrRange)
	f("0.000000001", "", ErrPrecision)
	for _, s := range []string{"", ".", "-1", "+1", "1e3", "1,5", " 1", "1.2.3", "0x1"} {
		f(s, "", ErrNumber)
	}
	if s := Units(-150_000_000).String(); s != "-1.50000000" {
		t.Errorf("negative prints %s", s)
	}
}

func TestAmendKeepsPriority(t *testing.T) {
	x := stocked(t)
	first, _ := mustPlace(t, x, limit("a", vedette.Sell, "100", "2"))
	mustPlace(t, x, limit("b", vedette.Sell, "100", "2"))
	if _, err := x.Amend(Ref{Account: "a", Symbol: "BTCUSDT", ID: first.ID}, One, "renamed"); err != nil {
		t.Fatal(err)
	}
	_, fills := mustPlace(t, x, limit("c", vedette.Buy, "100", "1"))
	if len(fills) != 1 || fills[0].MakerOrder != first.ID {
		t.Fatalf("fills %+v, want the amended order first", fills)
	}
	if o, err := x.Order(Ref{Account: "a", Symbol: "BTCUSDT", ClientID: "renamed"}); err != nil || o.State != Filled {
		t.Fatalf("amended order by its new name: %+v, %v", o, err)
	}
}

func TestStopFiresAndCascades(t *testing.T) {
	x := stocked(t)
	mustPlace(t, x, limit("a", vedette.Buy, "100", "1"))
	mustPlace(t, x, limit("a", vedette.Buy, "90", "1"))
	mustPlace(t, x, limit("a", vedette.Buy, "80", "1"))
	stop := func(account, at string) Order {
		o, _ := mustPlace(t, x, NewOrder{Account: account, Symbol: "BTCUSDT", Side: vedette.Sell, Type: StopLoss, Stop: MustUnits(at), Quantity: One})
		return o
	}
	one, two := stop("b", "100"), stop("c", "90")
	if b, _ := x.Balances("b"); b[0].Locked != One {
		t.Fatalf("stop sets aside %v, want 1", b[0].Locked)
	}
	mustPlace(t, x, limit("b", vedette.Sell, "100", "1"))
	for _, w := range []struct {
		o     Order
		price string
	}{{one, "90"}, {two, "80"}} {
		o, err := x.Order(Ref{Account: w.o.Account, Symbol: "BTCUSDT", ID: w.o.ID})
		if err != nil || o.State != Filled || o.FilledCost != MustUnits(w.price) {
			t.Fatalf("stop ended as %+v, %v; want filled at %s", o, err, w.price)
		}
	}
	if _, _, err := x.Place(NewOrder{Account: "b", Symbol: "BTCUSDT", Side: vedette.Sell, Type: StopLoss, Stop: MustUnits("95"),
		Quantity: One}); !errors.Is(err, ErrWouldTrigger) {
		t.Fatalf("stop above the last price: %v", err)
	}
	if err := x.Audit(); err != nil {
		t.Fatal(err)
	}
}

func TestMarketByAmount(t *testing.T) {
	x := stocked(t)
	mustPlace(t, x, limit("a", vedette.Sell, "100", "1"))
	mustPlace(t, x, limit("a", vedette.Sell, "200", "5"))
	o, fills := mustPlace(t, x, NewOrder{Account: "b", Symbol: "BTCUSDT", Side: vedette.Buy, Type: Market, Spend: MustUnits("300.15")})
	if o.State != Filled || len(fills) != 2 || o.FilledBase != 2*One || o.FilledCost != 300*One {
		t.Fatalf("order %+v", o)
	}
	if err := x.Audit(); err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	f := func(want error, change func(*NewOrder)) {
		t.Helper()
		x := stocked(t)
		mustPlace(t, x, limit("a", vedette.Sell, "100", "1"))
		n := limit("b", vedette.Buy, "99", "1")
		change(&n)
		if _, _, err := x.Place(n); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if err := x.Check(n); !errors.Is(err, want) {
			t.Errorf("check says %v, want %v", err, want)
		}
	}
	f(ErrUnknownSymbol, func(n *NewOrder) { n.Symbol = "X" })
	f(ErrUnknownAccount, func(n *NewOrder) { n.Account = "x" })
	f(ErrParameters, func(n *NewOrder) { n.Side = 0 })
	f(ErrParameters, func(n *NewOrder) { n.Quantity = 0 })
	f(ErrParameters, func(n *NewOrder) { n.Quantity = -One })
	f(ErrParameters, func(n *NewOrder) { n.Type = Market })
	f(ErrParameters, func(n *NewOrder) { n.Spend = One })
	f(ErrParameters, func(n *NewOrder) { n.Stop = One })
	f(ErrParameters, func(n *NewOrder) { n.ClientID = strings.Repeat("x", MaxClientID+1) })
	f(FilterError("PRICE_FILTER"), func(n *NewOrder) { n.Price++ })
	f(FilterError("LOT_SIZE"), func(n *NewOrder) { n.Quantity++ })
	f(FilterError("LOT_SIZE"), func(n *NewOrder) { n.Quantity = 2000 * One })
	f(FilterError("NOTIONAL"), func(n *NewOrder) { n.Price = MustUnits("0.5") })
	f(ErrInsufficient, func(n *NewOrder) { n.Price, n.Quantity = MustUnits("1000000"), One })
	f(ErrWouldTake, func(n *NewOrder) { n.Type, n.Price = LimitMaker, MustUnits("100") })
}

func TestLimitsOfOpenOrders(t *testing.T) {
	x := stocked(t)
	for range MaxOpenOrders {
		mustPlace(t, x, limit("a", vedette.Buy, "100", "0.01"))
	}
	if _, _, err := x.Place(limit("a", vedette.Buy, "100", "0.01")); !errors.Is(err, FilterError("MAX_NUM_ORDERS")) {
		t.Fatal(err)
	}
	if all, err := x.CancelAll("a", "BTCUSDT"); err != nil || len(all) != MaxOpenOrders {
		t.Fatalf("cancelled %d, %v", len(all), err)
	}
	n := limit("a", vedette.Buy, "100", "0.01")
	n.ClientID = "same"
	mustPlace(t, x, n)
	if _, _, err := x.Place(n); !errors.Is(err, ErrDuplicate) {
		t.Fatal(err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	x := stocked(t)
	for range 3 * MaxHistory {
		mustPlace(t, x, limit("a", vedette.Sell, "100", "0.01"))
		mustPlace(t, x, limit("b", vedette.Buy, "100", "0.01"))
	}
	if len(x.orders) > 4*MaxHistory || len(x.accounts["a"].history) > 2*MaxHistory || len(x.markets["BTCUSDT"].trades) > 2*MaxTrades {
		t.Fatalf("%d orders, %d in history kept", len(x.orders), len(x.accounts["a"].history))
	}
	if orders, _ := x.Orders("a", "BTCUSDT"); len(orders) < MaxHistory {
		t.Fatalf("only %d orders remembered", len(orders))
	}
}

func TestWithdraw(t *testing.T) {
	x := stocked(t)
	m, err := x.Withdraw("a", "BTC", "bc1q", "w1", One)
	if err != nil || m.Fee != MustUnits("0.0001") || m.Done.Sub(m.Time) != time.Minute {
		t.Fatalf("%+v, %v", m, err)
	}
	f := func(want error, asset, address string, amount Units) {
		t.Helper()
		if _, err := x.Withdraw("a", asset, address, "", amount); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	f(ErrInsufficient, "BTC", "bc1q", 100_000*One)
	f(ErrWithdrawMin, "BTC", "bc1q", 10)
	f(ErrUnknownAsset, "DOGE", "bc1q", One)
	f(ErrParameters, "BTC", "", One)
	if err := x.Audit(); err != nil {
		t.Fatal(err)
	}
}

// TestAuditSees breaks the books on purpose: an audit that cannot fail proves nothing.
func TestAuditSees(t *testing.T) {
	f := func(name string, damage func(*Exchange)) {
		x := stocked(t)
		mustPlace(t, x, limit("a", vedette.Sell, "101", "1"))
		mustPlace(t, x, limit("b", vedette.Buy, "100", "1"))
		damage(x)
		if x.Audit() == nil {
			t.Errorf("%s: not seen", name)
		}
	}
	m := func(x *Exchange) *market { return x.markets["BTCUSDT"] }
	f("made", func(x *Exchange) { x.accounts["a"].balances[0].Free++ })
	f("lost", func(x *Exchange) { x.fees[0]-- })
	f("locked", func(x *Exchange) { b := &x.accounts["a"].balances[0]; b.Locked--; b.Free++ })
	f("crossed", func(x *Exchange) { m(x).bids.levels[0].price = MustUnits("102") })
	f("total", func(x *Exchange) { m(x).asks.levels[0].total++ })
}

func BenchmarkPlaceCancel(b *testing.B) {
	x := stocked(b)
	for i := range 100 {
		p := Units(i) * MustUnits("0.5")
		mustPlace(b, x, NewOrder{Account: "a", Symbol: "BTCUSDT", Side: vedette.Buy, Type: Limit, Price: 100*One - p, Quantity: One})
	}
	b.ReportAllocs()
	for b.Loop() {
		o, _, err := x.Place(limit("b", vedette.Sell, "110", "1"))
		if err != nil {
			b.Fatal(err)
		}
		x.Cancel(Ref{Account: "b", Symbol: "BTCUSDT", ID: o.ID})
	}
}

func BenchmarkMatch(b *testing.B) {
	x := stocked(b)
	sell, buy := limit("a", vedette.Sell, "100", "0.01"), limit("b", vedette.Buy, "100", "0.01")
	back, forth := limit("b", vedette.Sell, "100", "0.01"), limit("a", vedette.Buy, "100", "0.01")
	b.ReportAllocs()
	for b.Loop() {
		for _, n := range []NewOrder{sell, buy, back, forth} {
			if _, _, err := x.Place(n); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func FuzzParseUnits(f *testing.F) {
	for _, s := range []string{"0", "1.5", "0.00000001", "40000000000", "1e5", "-1", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseUnits(s)
		if err != nil {
			return
		}
		if u < 0 || u > MaxUnits {
			t.Fatalf("%q reads as %d", s, u)
		}
		if again, err := ParseUnits(u.String()); err != nil || again != u {
			t.Fatalf("%q prints %s, reads as %v, %v", s, u, again, err)
		}
	})
}
