package client

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestPublishedExample signs the order of the venue's documentation of request
// security, whose key and signature are published.
func TestPublishedExample(t *testing.T) {
	s := &Signer{Key: "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
		Secret: "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
		Clock:  func() time.Time { return time.UnixMilli(1499827319559) }}
	const want = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559" +
		"&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
	p := P("symbol", "LTCBTC", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "quantity", "1", "price", "0.1", "recvWindow", "5000")
	r := s.REST(OrderNew, p)
	if r.Body != want || r.Query != "" || r.Key != s.Key {
		t.Errorf("request %+v", r)
	}
	s.last, s.InQuery = 0, true
	if r := s.REST(OrderNew, p); r.Query != want || r.Body != "" {
		t.Errorf("request %+v", r)
	}
}

func TestNoTimestampTwice(t *testing.T) {
	s := &Signer{Key: "k", Secret: "s", Clock: func() time.Time { return time.UnixMilli(1000) }, Offset: -time.Second / 2}
	seen := map[string]bool{}
	for range 5 {
		q := s.REST(Account, nil).Query
		if seen[q] {
			t.Fatalf("the same request twice: %s", q)
		}
		seen[q] = true
	}
	if s.last != 504 {
		t.Errorf("last timestamp %d, want 504", s.last)
	}
}

func TestMessage(t *testing.T) {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	s := &Signer{Key: "k", Private: private, Clock: func() time.Time { return time.UnixMilli(1000) }, Window: time.Second}
	r := s.WS(7, OrderCancel, P("symbol", "BTCUSDT", "orderId", "1"), false)
	var m struct {
		ID     int
		Method string
		Params map[string]any
	}
	if err := json.Unmarshal([]byte(r.Message), &m); err != nil || m.ID != 7 || m.Method != "order.cancel" {
		t.Fatalf("%s: %v", r.Message, err)
	}
	if want := s.Sign("apiKey=k&orderId=1&recvWindow=1000&symbol=BTCUSDT&timestamp=1000"); m.Params["signature"] != want {
		t.Errorf("signature %v, want %s", m.Params["signature"], want)
	}
	if r := s.WS(8, OrderCancel, nil, true); strings.Contains(r.Message, "signature") || strings.Contains(r.Message, "apiKey") {
		t.Errorf("a session's message is signed: %s", r.Message)
	}
}

func TestWireSendsWhatItWasGiven(t *testing.T) {
	var got *http.Request
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		w.WriteHeader(400)
		io.WriteString(w, `{"code":-1021,"msg":"late"}`)
	}))
	defer server.Close()
	w := (&Wire{REST: server.URL, Source: netip.MustParseAddr("198.18.0.1"), UserAgent: "x/1", Name: "who"}).Open(time.Second)
	defer w.Close()
	next := w.Next(0)
	a, err := w.Do(t.Context(), Request{Method: "POST", Path: "/a", Query: "b=%2F", Body: "name=my wallet", Key: "k"})
	if err != nil || a.Status != 400 || a.Code != -1021 {
		t.Fatalf("%+v, %v", a, err)
	}
	h := got.Header
	if got.URL.RawQuery != "b=%2F" || body != "name=my wallet" || h.Get("X-MBX-APIKEY") != "k" || h.Get("X-Forwarded-For") != "198.18.0.1" ||
		h.Get("User-Agent") != "x/1" || h.Get("X-Request-Id") != next || next != "who/1" {
		t.Errorf("arrived as %s %s, %v", got.URL, body, h)
	}
}

func TestErrorsHideSignatures(t *testing.T) {
	w := (&Wire{REST: "http://127.0.0.1:1"}).Open(time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Do(ctx, Request{Method: "GET", Path: "/x", Query: "signature=" + url.QueryEscape("s3cret")})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v", err)
	}
}
