package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vedette"
	"vedette/internal/npmtest"
	"vedette/venue"
)

// orderPaths are an order's endpoint for every venue that ccxt knows, one for each form
// of the venue's errors.
var orderPaths = []string{"backpack /api/v1/order", "binance /api/v3/order", "bitfinex /v2/auth/w/order/submit",
	"bitget /api/v2/spot/trade/place-order", "bybit /v5/order/create", "coinbase /api/v3/brokerage/orders", "coinbase /v2/accounts",
	"coinbaseexchange /orders", "coinbaseinternational /api/v1/orders", "cryptocom /v1/private/create-order", "deribit /api/v2/private/buy",
	"gate /api/v4/spot/orders", "gemini /v1/order/new", "htx /v1/order/orders/place", "htx /v2/account/repayment",
	"htx /linear-swap-api/v1/swap_order", "hyperliquid /exchange", "kraken /0/private/AddOrder", "krakenfutures /derivatives/api/v3/sendorder",
	"kucoin /api/v1/hf/orders", "mexc /api/v3/order", "mexc /api/v1/private/order/create", "okx /api/v5/trade/order"}

// TestLostAnswerInCCXT: ccxt takes the answer "sent, and nothing came back" for an
// operation that failed with an unknown outcome, and for no refusal.
func TestLostAnswerInCCXT(t *testing.T) {
	t.Parallel()
	home := npmtest.Install(t, filepath.Join("testdata", "ccxt"))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, path, _ := strings.Cut(r.URL.Path[1:], "/")
		i := slices.IndexFunc(venue.All, func(d *venue.Dialect) bool { return d.Name == name })
		lost := venue.All[i].Deny(&venue.Request{Method: r.Method, Path: "/" + path}, vedette.Decision{Effect: vedette.Deny, Reason: vedette.AnswerLost}, nil)
		w.Header().Set("Content-Type", lost.ContentType)
		w.WriteHeader(lost.Status)
		w.Write(lost.Body)
	}))
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	c := exec.CommandContext(ctx, "node", append([]string{filepath.Join("testdata", "ccxt", "lost.js"), s.URL}, orderPaths...)...)
	c.Env = append(os.Environ(), "CLIENT_HOME="+home)
	c.Stderr = os.Stderr
	out, err := c.Output()
	var raised map[string][]string
	if e := json.Unmarshal(out, &raised); e != nil || err != nil {
		t.Fatalf("ccxt failed: %v %v\n%s", e, err, out)
	}
	for _, name := range orderPaths {
		if got := raised[name]; !slices.Contains(got, "OperationFailed") || slices.Contains(got, "ExchangeError") {
			t.Errorf("%s: ccxt raises %v", name, got)
		}
	}
}
