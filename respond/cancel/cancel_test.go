package cancel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
	"vedette/keyring"
	"vedette/sim/exchange"
	"vedette/sim/simtest"
	"vedette/venue"
	"vedette/verify"
)

// judge stands before a venue and judges each request by our own dialect: all must be authentic and
// permitted to a key that may read and trade.
type judge struct {
	t        *testing.T
	dialect  *venue.Dialect
	verifier *verify.Verifier
	next     http.Handler

	mu   sync.Mutex
	seen []string // operations
}

func newJudge(t *testing.T, dialect *venue.Dialect, key Key, next http.Handler) *judge {
	t.Helper()
	ring := keyring.New(verify.KeyOptions(venue.All))
	err := ring.Add(keyring.Spec{Credential: vedette.Credential{ID: key.ID, Venue: dialect.Name, Permissions: vedette.PermRead | vedette.PermTrade}, Scheme: "hmac",
		Secrets: keyring.Secrets{Secret: keyring.NewSecret(string(key.Secret)), Passphrase: keyring.NewSecret(string(key.Passphrase))}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &judge{t: t, dialect: dialect, next: next, verifier: verify.New(verify.Config{Keys: ring, Window: verify.NewWindow(1000), Increasing: verify.NewNonces(10, 1),
		Highest: verify.NewNonces(10, 100), Issued: verify.NewIssued(100)})}
}

func (j *judge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	q := &venue.Request{Method: r.Method, Scheme: "https", Host: r.Host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Body: body}
	for name, values := range r.Header {
		for _, v := range values {
			q.Header = append(q.Header, venue.Field{Name: name, Value: v})
		}
	}
	c := &verify.Case{Dialect: j.dialect, Request: q, Source: netip.MustParseAddr("192.0.2.7"), Now: time.Now(), Claim: &venue.Claim{}, Call: &vedette.Call{Method: q.Method, Path: q.Path}}
	j.dialect.Meaning(q, c.Call)
	if j.verifier.Verify(c); c.Call.Verdict != vedette.Authentic {
		j.t.Errorf("%s %s: %s %v", r.Method, r.URL, c.Call.Verdict, c.Call.Reasons)
	}
	j.mu.Lock()
	j.seen = append(j.seen, c.Call.Operation.String())
	j.mu.Unlock()
	j.next.ServeHTTP(w, r)
}

// book is a venue that holds orders: it answers lists and cancellations in the venue's form.
type book struct {
	mu     sync.Mutex
	orders []map[string]string
	answer func(b *book, r *http.Request, body string) any
}

func (b *book) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	json.NewEncoder(w).Encode(b.answer(b, r, string(body)))
}

// list returns the orders with all of the given members.
func (b *book) list(want map[string]string) []map[string]string {
	out := []map[string]string{}
	for _, o := range b.orders {
		if matches(o, want) {
			out = append(out, o)
		}
	}
	return out
}

func (b *book) remove(want map[string]string) {
	b.orders = slices.DeleteFunc(b.orders, func(o map[string]string) bool { return matches(o, want) })
}

func matches(o, want map[string]string) bool {
	for k, v := range want {
		if o[k] != v {
			return false
		}
	}
	return true
}

type object = map[string]any

func okxBook(b *book, r *http.Request, body string) any {
	var ids []map[string]string
	json.Unmarshal([]byte(body), &ids)
	switch r.URL.Path {
	case "/api/v5/trade/orders-pending":
		return object{"code": "0", "data": b.list(map[string]string{"kind": "plain"})}
	case "/api/v5/trade/orders-algo-pending":
		kind := r.URL.Query().Get("ordType")
		return object{"code": "0", "data": b.list(map[string]string{"kind": kind})}
	case "/api/v5/trade/cancel-batch-orders", "/api/v5/trade/cancel-algos":
		for _, id := range ids {
			b.remove(id)
		}
		return object{"code": "0", "data": []any{}}
	}
	return object{"code": "404"}
}

func bybitBook(b *book, r *http.Request, body string) any {
	var in map[string]string
	json.Unmarshal([]byte(body), &in)
	want := map[string]string{}
	for _, k := range []string{"category", "orderFilter", "settleCoin"} {
		if v := r.URL.Query().Get(k); v != "" {
			want[k] = v
		}
	}
	if r.Method == "GET" {
		return object{"retCode": 0, "result": object{"list": b.list(want)}}
	}
	b.remove(in)
	return object{"retCode": 0, "result": object{"list": []any{}}}
}

func krakenBook(b *book, r *http.Request, _ string) any {
	if r.URL.Path == "/0/private/CancelAll" {
		b.orders = nil
		return object{"error": []string{}, "result": object{"count": 2}}
	}
	open := object{}
	for _, o := range b.orders {
		open[o["id"]] = object{}
	}
	return object{"error": []string{}, "result": object{"open": open}}
}

func deribitBook(b *book, r *http.Request, _ string) any {
	if r.URL.Path == "/api/v2/private/cancel_all" {
		n := len(b.orders)
		b.orders = nil
		return object{"result": n}
	}
	return object{"result": b.list(nil)}
}

// TestVenues cancels at a server that answers in each venue's form: every request is authentic by our own
// dialect, the operations are those meant, and nothing is left.
func TestVenues(t *testing.T) {
	const secret = "ZHVtbXktc2VjcmV0LWZvci1sb2NhbC1jYXB0dXJlLW9ubHktMDEyMzQ1Njc4OS0="
	for _, c := range []struct {
		dialect *venue.Dialect
		answer  func(*book, *http.Request, string) any
		orders  []map[string]string
	}{
		{venue.OKX, okxBook, []map[string]string{{"kind": "plain", "instId": "BTC-USDT", "ordId": "1"}, {"kind": "plain", "instId": "ETH-USDT", "ordId": "2"}, {"kind": "trigger", "instId": "ETH-USDT", "algoId": "3"}}},
		{venue.Bybit, bybitBook, []map[string]string{{"category": "spot", "orderFilter": "Order", "symbol": "BTCUSDT", "orderId": "1"}, {"category": "linear", "settleCoin": "USDT", "symbol": "BTCUSDT", "orderId": "2"},
			{"category": "linear", "settleCoin": "USDT", "symbol": "ETHUSDT", "orderId": "3"}}},
		{venue.Kraken, krakenBook, []map[string]string{{"id": "OA"}, {"id": "OB"}, {"id": "OC"}}},
		{venue.Deribit, deribitBook, []map[string]string{{"order_id": "BTC-1"}, {"order_id": "ETH-2"}, {"order_id": "ETH-3"}}},
	} {
		t.Run(c.dialect.Name, func(t *testing.T) {
			key := Key{"key-1", []byte(secret), nil}
			if c.dialect == venue.OKX {
				key.Passphrase = []byte("pass phrase")
			}
			b := &book{orders: c.orders, answer: c.answer}
			j := newJudge(t, c.dialect, key, b)
			s := httptest.NewServer(j)
			defer s.Close()
			nonces := 0
			n, err := All(t.Context(), Config{Venue: c.dialect.Name, URL: s.URL, Key: func() (Key, error) { return key, nil }, Now: time.Now,
				Nonce: func() string { nonces++; return fmt.Sprint("nonce", nonces) }})
			if err != nil || n != 3 || len(b.orders) != 0 {
				t.Errorf("cancelled %d, %v; left %v", n, err, b.orders)
			}
			for _, op := range j.seen {
				if op != "order.query" && op != "order.cancel_all" && op != "order.batch" {
					t.Errorf("a request means %s: %v", op, j.seen)
				}
			}
		})
	}
}

// TestBinance cancels at the simulated venue: open orders in it are gone, those of others stay, and a
// retry finds nothing.
func TestBinance(t *testing.T) {
	v := simtest.NewVenue(t)
	u := exchange.MustUnits
	for _, price := range []string{"15000", "15001", "15002"} {
		if _, _, err := v.Exchange.Place(exchange.NewOrder{Account: "alice", Symbol: "BTCUSDT", Side: vedette.Buy, Price: u(price), Quantity: u("0.01")}); err != nil {
			t.Fatal(err)
		}
	}
	key := Key{v.Keys[0].ID, []byte(v.Keys[0].Secret), nil}
	j := newJudge(t, venue.Binance, key, v.API)
	s := httptest.NewServer(j)
	defer s.Close()
	c := Config{Venue: "binance", URL: s.URL, Key: func() (Key, error) { return key, nil }, Now: time.Now}
	if n, err := All(t.Context(), c); err != nil || n != 3 {
		t.Fatalf("cancelled %d, %v", n, err)
	}
	for account, want := range map[string]int{"alice": 0, "maker": 4} {
		if open, err := v.Exchange.Open(account, ""); err != nil || len(open) != want {
			t.Errorf("%s has %d open orders, %v, want %d", account, len(open), err, want)
		}
	}
	if n, err := All(t.Context(), c); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	key.Secret = []byte("wrong")
	j.verifier = newJudge(t, venue.Binance, key, nil).verifier
	if _, err := All(t.Context(), c); err == nil || strings.Contains(err.Error(), "signature=") {
		t.Errorf("a wrong secret: %v", err)
	}
}

// TestNeverEnding: orders that come back end it with an error, as does a context.
func TestNeverEnding(t *testing.T) {
	key := Key{"k", []byte("c2VjcmV0"), nil}
	b := &book{orders: []map[string]string{{"id": "OA"}}, answer: func(b *book, r *http.Request, body string) any {
		defer func() { b.orders = []map[string]string{{"id": "OA"}} }()
		return krakenBook(b, r, body)
	}}
	s := httptest.NewServer(b)
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := All(ctx, Config{Venue: "kraken", URL: s.URL, Key: func() (Key, error) { return key, nil }, Now: time.Now}); err == nil {
		t.Error("said that all are gone")
	}
	if err := Check("bitmex", "hmac"); err == nil || !strings.Contains(err.Error(), "only for binance, bybit, deribit, kraken, okx") {
		t.Error(err)
	}
	if Check("binance", "ed25519") == nil || Check("binance", "hmac") != nil {
		t.Error("schemes")
	}
}
