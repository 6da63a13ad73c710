package binance

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/sim/exchange"
)

const all = vedette.PermRead | vedette.PermTrade | vedette.PermWithdraw | vedette.PermTransfer

// testVenue is a venue with a stocked book and two keys of account "alice": "hmac-key"
// and, with Ed25519, "ed-key". "read-key" may only read.
type testVenue struct {
	*httptest.Server
	api      *Server
	exchange *exchange.Exchange
	secret   string
	private  ed25519.PrivateKey
}

func newVenue(t testing.TB) *testVenue {
	t.Helper()
	u := exchange.MustUnits
	x, err := exchange.New(exchange.Config{Clock: time.Now, MakerFee: 1000, TakerFee: 1000,
		Assets: []exchange.Asset{{Name: "BTC", Network: "BTC", WithdrawFee: u("0.0001"), WithdrawMin: u("0.001")},
			{Name: "USDT", Network: "ETH", WithdrawFee: u("1"), WithdrawMin: u("10")}},
		Instruments: []exchange.Instrument{{Symbol: "BTCUSDT", Base: "BTC", Quote: "USDT", Tick: u("0.01"), Lot: u("0.00001"),
			MinNotional: u("5"), MaxPrice: u("1000000"), MaxQuantity: u("9000")}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"alice", "maker"} {
		x.OpenAccount(a)
	}
	for _, d := range []struct{ account, asset, amount string }{{"alice", "BTC", "10"}, {"alice", "USDT", "100000"},
		{"maker", "BTC", "1000"}, {"maker", "USDT", "10000000"}} {
		if _, err := x.Deposit(d.account, d.asset, u(d.amount)); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range []struct {
		side  vedette.Side
		price string
	}{{vedette.Sell, "20000"}, {vedette.Sell, "20010"}, {vedette.Buy, "19900"}, {vedette.Buy, "19890"}} {
		if _, _, err := x.Place(exchange.NewOrder{Account: "maker", Symbol: "BTCUSDT", Side: o.side, Price: u(o.price), Quantity: u("5")}); err != nil {
			t.Fatal(err)
		}
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v := &testVenue{exchange: x, secret: "dummysecret0123456789abcdef", private: priv}
	v.api, err = New(Config{Exchange: x, Clock: time.Now, DepthInterval: 20 * time.Millisecond, Keys: []Key{
		{ID: "hmac-key", Account: "alice", Permissions: all, Secret: v.secret, WithdrawAllow: []string{"bc1qallowed"}},
		{ID: "ed-key", Account: "alice", Permissions: all, Public: pub},
		{ID: "read-key", Account: "alice", Permissions: vedette.PermRead, Secret: v.secret}}})
	if err != nil {
		t.Fatal(err)
	}
	v.Server = httptest.NewServer(v.api)
	t.Cleanup(func() {
		v.api.Close()
		v.Server.Close()
		if err := x.Audit(); err != nil {
			t.Errorf("the books do not balance: %v", err)
		}
	})
	return v
}

func (v *testVenue) hmac(payload string) string {
	m := hmac.New(sha256.New, []byte(v.secret))
	io.WriteString(m, payload)
	return hex.EncodeToString(m.Sum(nil))
}

func (v *testVenue) ed(payload string) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(v.private, []byte(payload)))
}

func (v *testVenue) pem(t testing.TB) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(v.private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// signed appends timestamp and signature to parameters.
func (v *testVenue) signed(p string) string {
	if p != "" {
		p += "&"
	}
	p += fmt.Sprintf("timestamp=%d", time.Now().UnixMilli())
	return p + "&signature=" + v.hmac(p)
}

// call sends a request; query and body are raw.
func (v *testVenue) call(t testing.TB, method, path, key, query, body string) (int, string) {
	t.Helper()
	u := v.URL + path
	if query != "" {
		u += "?" + query
	}
	r, err := http.NewRequest(method, u, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("X-MBX-APIKEY", key)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b) {
		t.Fatalf("%s %s answers no JSON: %s", method, path, b)
	}
	return resp.StatusCode, string(b)
}

// TestEveryRouteAnswersJSON calls everything a client can read.
func TestEveryRouteAnswersJSON(t *testing.T) {
	v := newVenue(t)
	v.call(t, "POST", "/api/v3/order", "hmac-key", "", v.signed("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.1"))
	for path, methods := range restRoutes {
		for method, rt := range methods {
			p := "symbol=BTCUSDT&interval=1m&coin=BTC"
			if rt.security == signedCall {
				p = v.signed(p)
			}
			status, body := v.call(t, method, path, "hmac-key", p, "")
			if method == "GET" && status != 200 && !strings.Contains(body, "orderId") {
				t.Errorf("%s %s: %d %s", method, path, status, body)
			}
		}
	}
}

func TestErrorShapes(t *testing.T) {
	v := newVenue(t)
	f := func(method, path, key, query, body string, status, code int) {
		t.Helper()
		gotStatus, got := v.call(t, method, path, key, query, body)
		var e struct {
			Code int
			Msg  string
		}
		if err := json.Unmarshal([]byte(got), &e); err != nil || gotStatus != status || e.Code != code || e.Msg == "" {
			t.Errorf("%s %s %s: got %d %s; want %d, code %d", method, path, query+body, gotStatus, got, status, code)
		}
	}
	order := func(p string) string { return v.signed("symbol=BTCUSDT&side=BUY&" + p) }
	at := func(d time.Duration, more string) string {
		p := fmt.Sprintf("timestamp=%d%s", time.Now().Add(d).UnixMilli(), more)
		return p + "&signature=" + v.hmac(p)
	}
	account := "/api/v3/account"
	f("GET", account, "", v.signed(""), "", 401, -2014)
	f("GET", account, "nobody", v.signed(""), "", 401, -2015)
	f("GET", account, "hmac-key", "timestamp=1", "", 400, -1102)
	f("GET", account, "hmac-key", "signature=00", "", 400, -1102)
	f("GET", account, "hmac-key", v.signed("")+"0", "", 400, -1022)
	f("GET", account, "hmac-key", v.signed("a=b")+"&c=d", "", 400, -1022)
	f("GET", account, "hmac-key", at(-6*time.Second, ""), "", 400, -1021)
	f("GET", account, "hmac-key", at(-70*time.Second, "&recvWindow=60000"), "", 400, -1021)
	f("GET", account, "hmac-key", at(0, "&recvWindow=60001"), "", 400, -1131)
	f("GET", account, "hmac-key", at(1500*time.Millisecond, ""), "", 400, -1021)
	f("GET", account, "hmac-key", v.signed("x=1&x=2"), "", 400, -1101)
	f("GET", account, "hmac-key", "a=%zz", "", 400, -1135)
	f("GET", account, "ed-key", v.signed(""), "", 400, -1022)
	f("GET", "/api/v3/nothing", "", "", "", 404, -1000)
	f("PATCH", account, "", "", "", 405, -1000)
	f("GET", "/api/v3/depth", "", "symbol=NOPE", "", 400, -1121)
	f("GET", "/api/v3/depth", "", "", "", 400, -1102)
	f("POST", "/api/v3/order", "read-key", "", order("type=MARKET&quantity=1"), 401, -2015)
	f("POST", "/sapi/v1/capital/withdraw/apply", "read-key", "", v.signed("coin=BTC&address=x&amount=1"), 401, -2015)
	f("POST", "/sapi/v1/broker/subAccountApi", "hmac-key", "", v.signed(""), 401, -2015)
	f("POST", "/api/v3/order", "hmac-key", "", order("type=LIMIT&quantity=1&price=1"), 400, -1102)
	f("POST", "/api/v3/order", "hmac-key", "", order("type=NOPE&quantity=1"), 400, -1116)
	f("POST", "/api/v3/order", "hmac-key", "", order("type=LIMIT&timeInForce=GTC&quantity=1&price=1.001"), 400, -1013)
	f("POST", "/api/v3/order", "hmac-key", "", order("type=LIMIT&timeInForce=GTC&quantity=0.00000001&price=1"), 400, -1013)
	f("POST", "/api/v3/order", "hmac-key", "", order("type=LIMIT&timeInForce=GTC&quantity=0.000000001&price=1"), 400, -1111)
	f("POST", "/api/v3/order", "hmac-key", "", order("type=LIMIT&timeInForce=GTC&quantity=-1&price=1"), 400, -1100)
	f("POST", "/api/v3/order", "hmac-key", "", order("type=LIMIT&timeInForce=GTC&quantity=8000&price=20000"), 400, -2010)
	f("POST", "/api/v3/order", "hmac-key", "", order("type=LIMIT_MAKER&quantity=1&price=20000"), 400, -2010)
	f("DELETE", "/api/v3/order", "hmac-key", v.signed("symbol=BTCUSDT&orderId=12345"), "", 400, -2011)
	f("GET", "/api/v3/order", "hmac-key", v.signed("symbol=BTCUSDT&orderId=12345"), "", 400, -2013)
	f("POST", "/sapi/v1/capital/withdraw/apply", "hmac-key", "", v.signed("coin=BTC&address=elsewhere&amount=1"), 400, -4104)
	f("POST", "/sapi/v1/capital/withdraw/apply", "hmac-key", "", v.signed("coin=BTC&address=bc1qallowed&amount=100"), 400, -4026)
	f("POST", "/api/v3/order/cancelReplace", "hmac-key", "",
		order("type=LIMIT&timeInForce=GTC&quantity=1&price=19000&cancelOrderId=777&cancelReplaceMode=STOP_ON_FAILURE"), 400, -2022)
	f("POST", "/api/v3/order/cancelReplace", "hmac-key", "",
		order("type=LIMIT&timeInForce=GTC&quantity=1&price=19000&cancelOrderId=777&cancelReplaceMode=ALLOW_FAILURE"), 409, -2021)
	f("POST", "/api/v3/order", "hmac-key", "", strings.Repeat("x", MaxBody+1), 413, -1000)
}

// TestSignatureForms checks every place in which clients put parameters.
func TestSignatureForms(t *testing.T) {
	v := newVenue(t)
	now := fmt.Sprint(time.Now().UnixMilli())
	f := func(method, key, query, body string, want int) {
		t.Helper()
		if status, got := v.call(t, method, "/api/v3/order/test", key, query, body); status != want {
			t.Errorf("%s?%s %s: %d %s, want %d", method, query, body, status, got, want)
		}
	}
	p := "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.1&timestamp=" + now
	f("POST", "hmac-key", "", p+"&signature="+v.hmac(p), 200)
	f("POST", "hmac-key", p+"&signature="+v.hmac(p), "", 200)
	f("POST", "hmac-key", "", "signature="+v.hmac(p)+"&"+p, 200)
	f("POST", "hmac-key", "", p+"&signature="+strings.ToUpper(v.hmac(p)), 200)
	q, b := "symbol=BTCUSDT&side=SELL", "type=MARKET&quantity=0.1&timestamp="+now
	f("POST", "hmac-key", q, b+"&signature="+v.hmac(q+b), 200)
	f("POST", "hmac-key", q, b+"&signature="+v.hmac(q+"&"+b), 400)
	f("POST", "ed-key", "", p+"&signature="+url.QueryEscape(v.ed(p)), 200)
	f("POST", "ed-key", "", p+"&signature="+url.QueryEscape(v.ed(p+"x")), 400)
	micro := "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.1&timestamp=" + now + "000&recvWindow=4000.5"
	f("POST", "hmac-key", "", micro+"&signature="+v.hmac(micro), 200)
}

func TestWeightLimit(t *testing.T) {
	v := newVenue(t)
	v.api.limit = 3
	refused := 0
	for range 5 {
		if status, _ := v.call(t, "GET", "/api/v3/ping", "", "", ""); status == 429 {
			refused++
		}
	}
	if refused < 2 && time.Now().Second() > 1 { // a new minute starts a new count
		t.Fatalf("%d of 5 calls refused, want 2", refused)
	}
}
