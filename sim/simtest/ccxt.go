package simtest

import (
	"context"
	"embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"vedette/internal/npmtest"
)

// Order is an order as ccxt shows it.
type Order struct {
	ID, Status, Type, Side         string
	Price, Amount, Filled, Average float64
}

// Result is what the script saw, step by step.
type Result struct {
	Error, Stack string
	REST         struct {
		Clock                                                      bool
		Before, Locked, After                                      map[string][]float64
		Placed, Edited, Replaced, Cancelled, Fetched, Market, Stop Order
		Open                                                       []Order
		Trades                                                     []struct {
			Order, Side, TakerOrMaker string
			Price, Amount             float64
			Fee                       struct {
				Cost     float64
				Currency string
			}
		}
		StopCancelled, Candles                                            int
		Amended, PostOnly, TooMuch, UnknownOrder, Withdrawal, WrongSecret string
		Withdrawals                                                       []struct {
			Amount, Fee     float64
			Address, Status string
		}
	}
	WS struct {
		Placed, Order, Edited, Cancelled, Filled, Fetched Order
		Balance                                           map[string][]float64
		FetchBalance                                      map[string]string
		Book                                              struct {
			Bid bool
			Ask []float64
		}
		Trade struct {
			Price, Amount float64
			Side          string
		}
		OpenOrders int
		TooMuch    string
	}
}

//go:embed testdata/ccxt/package.json testdata/ccxt/trade.js
var files embed.FS

// scriptTime bounds one run of the script, that takes about two seconds.
const scriptTime = time.Minute

// CCXT trades with an unmodified ccxt on the venue behind two base URLs, over REST
// and WebSocket, and returns what it saw. Only its URLs are overridden. The test is
// skipped where node is missing (see npmtest.Install).
func CCXT(t testing.TB, rest, ws string, key Key) *Result {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"package.json", "trade.js"} {
		b, err := files.ReadFile("testdata/ccxt/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(key.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	home := npmtest.Install(t, dir)
	ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
	defer cancel()
	c := exec.CommandContext(ctx, "node", filepath.Join(dir, "trade.js"), rest, ws, key.ID, secret)
	c.Env = append(os.Environ(), "CLIENT_HOME="+home)
	c.Stderr = os.Stderr
	out, err := c.Output()
	r := &Result{}
	if e := json.Unmarshal(out, r); e != nil || err != nil || r.Error != "" {
		t.Fatalf("ccxt failed: %v %v %s\n%s\n%s", e, err, r.Error, r.Stack, out)
	}
	return r
}

// Check holds every step against what a Venue fresh from NewVenue gives: balances
// before and after, states of orders, fills, fees, refusals.
func (r *Result) Check(t testing.TB) {
	t.Helper()
	r.checkREST(t)
	r.checkWS(t)
}

// equal compares as JSON.
func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if string(g) != string(w) {
		t.Errorf("%s is %s, want %s", what, g, w)
	}
}

func (r *Result) checkREST(t testing.TB) {
	t.Helper()
	rest := &r.REST
	equal(t, "clock", rest.Clock, true)
	equal(t, "balance before", rest.Before, map[string][]float64{"BTC": {10, 0, 10}, "USDT": {100000, 0, 100000}})
	equal(t, "placed", rest.Placed.Status, "open")
	equal(t, "balance with an order", rest.Locked["USDT"], []float64{90500, 9500, 100000})
	equal(t, "open orders", len(rest.Open), 1)
	equal(t, "edited", []any{rest.Edited.Status, rest.Edited.Amount, rest.Edited.Price}, []any{"open", 0.4, 19100})
	equal(t, "replaced", rest.Replaced.Status, "canceled")
	equal(t, "fetched after cancel", rest.Fetched.Status, "canceled")
	equal(t, "market", []any{rest.Market.Status, rest.Market.Filled, rest.Market.Average}, []any{"closed", 0.25, 20000})
	equal(t, "my trades", len(rest.Trades), 1)
	if len(rest.Trades) == 1 {
		equal(t, "fee", rest.Trades[0].Fee.Cost, 0.00025)
		equal(t, "role", rest.Trades[0].TakerOrMaker, "taker")
	}
	equal(t, "post-only", rest.PostOnly, "OrderImmediatelyFillable")
	equal(t, "stop", rest.Stop.Status, "open")
	equal(t, "cancel all", rest.StopCancelled, 1)
	equal(t, "amended quantity", rest.Amended, "0.20000000")
	equal(t, "too much", rest.TooMuch, "InsufficientFunds")
	equal(t, "unknown order", rest.UnknownOrder, "OrderNotFound")
	equal(t, "withdrawals", rest.Withdrawals, json.RawMessage(`[{"Amount":0.0499,"Fee":0.0001,"Address":"bc1qallowed","Status":"ok"}]`))
	equal(t, "wrong secret", rest.WrongSecret, "AuthenticationError")
	equal(t, "balance after", rest.After, map[string][]float64{"BTC": {10.19975, 0, 10.19975}, "USDT": {95000, 0, 95000}})

}

func (r *Result) checkWS(t testing.TB) {
	t.Helper()
	ws := &r.WS
	equal(t, "placed", ws.Placed.Status, "open")
	equal(t, "watched balance", ws.Balance["USDT"], []float64{85500, 9500})
	equal(t, "watched order", []any{ws.Order.ID, ws.Order.Status}, []any{ws.Placed.ID, "open"})
	equal(t, "edited", []any{ws.Edited.Status, ws.Edited.Amount}, []any{"open", 0.4})
	equal(t, "cancelled", ws.Cancelled.Status, "canceled")
	equal(t, "filled", []any{ws.Filled.Status, ws.Filled.Filled}, []any{"closed", 0.1})
	equal(t, "watched trade", ws.Trade, json.RawMessage(`{"Price":20000,"Amount":0.1,"Side":"buy"}`))
	equal(t, "book", []any{ws.Book.Bid, ws.Book.Ask[0]}, []any{true, 20000})
	equal(t, "open orders", ws.OpenOrders, 0)
	equal(t, "balance", ws.FetchBalance, map[string]string{"asset": "USDT", "free": "93000.00000000", "locked": "0.00000000"})
	equal(t, "too much", ws.TooMuch, "InsufficientFunds")
}
