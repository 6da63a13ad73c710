package binance

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette/internal/npmtest"
)

type ccxtOrder struct {
	ID, Status, Type, Side         string
	Price, Amount, Filled, Average float64
}

type ccxtResult struct {
	Error, Stack string
	REST         struct {
		Clock                                                      bool
		Before, Locked, After                                      map[string][]float64
		Placed, Edited, Replaced, Cancelled, Fetched, Market, Stop ccxtOrder
		Open                                                       []ccxtOrder
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
		Placed, Order, Edited, Cancelled, Filled, Fetched ccxtOrder
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

// TestCCXT lets an unmodified ccxt trade on the venue, with both kinds of key.
func TestCCXT(t *testing.T) {
	if testing.Short() {
		t.Skip("starts node")
	}
	home := npmtest.Install(t, "../testdata/ccxt")
	for _, key := range []string{"hmac-key", "ed-key"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			v := newVenue(t)
			secret := []byte(v.secret)
			if key == "ed-key" {
				secret = v.pem(t)
			}
			checkCCXT(t, runCCXT(t, home, v.URL, key, secret))
		})
	}
}

func runCCXT(t *testing.T, home, base, key string, secret []byte) *ccxtResult {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "node", "../testdata/ccxt/trade.js", base, strings.Replace(base, "http", "ws", 1), key, file)
	c.Env = append(os.Environ(), "CLIENT_HOME="+home)
	c.Stderr = os.Stderr
	out, err := c.Output()
	r := &ccxtResult{}
	if e := json.Unmarshal(out, r); e != nil || err != nil || r.Error != "" {
		t.Fatalf("ccxt failed: %v %v %s\n%s\n%s", e, err, r.Error, r.Stack, out)
	}
	return r
}

func checkCCXT(t *testing.T, r *ccxtResult) {
	equal := func(what string, got, want any) {
		t.Helper()
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		if string(g) != string(w) {
			t.Errorf("%s is %s, want %s", what, g, w)
		}
	}
	rest := &r.REST
	equal("clock", rest.Clock, true)
	equal("balance before", rest.Before, map[string][]float64{"BTC": {10, 0, 10}, "USDT": {100000, 0, 100000}})
	equal("placed", rest.Placed.Status, "open")
	equal("balance with an order", rest.Locked["USDT"], []float64{90500, 9500, 100000})
	equal("open orders", len(rest.Open), 1)
	equal("edited", []any{rest.Edited.Status, rest.Edited.Amount, rest.Edited.Price}, []any{"open", 0.4, 19100})
	equal("replaced", rest.Replaced.Status, "canceled")
	equal("fetched after cancel", rest.Fetched.Status, "canceled")
	equal("market", []any{rest.Market.Status, rest.Market.Filled, rest.Market.Average}, []any{"closed", 0.25, 20000})
	equal("my trades", len(rest.Trades), 1)
	if len(rest.Trades) == 1 {
		equal("fee", rest.Trades[0].Fee.Cost, 0.00025)
		equal("role", rest.Trades[0].TakerOrMaker, "taker")
	}
	equal("post-only", rest.PostOnly, "OrderImmediatelyFillable")
	equal("stop", rest.Stop.Status, "open")
	equal("cancel all", rest.StopCancelled, 1)
	equal("amended quantity", rest.Amended, "0.20000000")
	equal("too much", rest.TooMuch, "InsufficientFunds")
	equal("unknown order", rest.UnknownOrder, "OrderNotFound")
	equal("withdrawals", rest.Withdrawals, json.RawMessage(`[{"Amount":0.0499,"Fee":0.0001,"Address":"bc1qallowed","Status":"ok"}]`))
	equal("wrong secret", rest.WrongSecret, "AuthenticationError")
	equal("balance after", rest.After, map[string][]float64{"BTC": {10.19975, 0, 10.19975}, "USDT": {95000, 0, 95000}})

	ws := &r.WS
	equal("placed", ws.Placed.Status, "open")
	equal("watched balance", ws.Balance["USDT"], []float64{85500, 9500})
	equal("watched order", []any{ws.Order.ID, ws.Order.Status}, []any{ws.Placed.ID, "open"})
	equal("edited", []any{ws.Edited.Status, ws.Edited.Amount}, []any{"open", 0.4})
	equal("cancelled", ws.Cancelled.Status, "canceled")
	equal("filled", []any{ws.Filled.Status, ws.Filled.Filled}, []any{"closed", 0.1})
	equal("watched trade", ws.Trade, json.RawMessage(`{"Price":20000,"Amount":0.1,"Side":"buy"}`))
	equal("book", []any{ws.Book.Bid, ws.Book.Ask[0]}, []any{true, 20000})
	equal("open orders", ws.OpenOrders, 0)
	equal("balance", ws.FetchBalance, map[string]string{"asset": "USDT", "free": "93000.00000000", "locked": "0.00000000"})
	equal("too much", ws.TooMuch, "InsufficientFunds")
}
