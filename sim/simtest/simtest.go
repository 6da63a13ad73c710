// Package simtest runs real clients against a simulated venue, behind a monitor or bare.
package simtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/sim/binance"
	"vedette/sim/exchange"
)

// Venue is a venue with a stocked book and two keys of account "alice".
type Venue struct {
	URL, WS  string // base URLs, on loopback
	Exchange *exchange.Exchange
	API      *binance.Server
	Keys     []Key
}

// Key is a credential of the venue. It may read, trade and withdraw BTC to
// "bc1qallowed" only.
type Key struct {
	ID        string
	Scheme    string // "hmac" or "ed25519"
	Secret    string // what the client signs with: the HMAC secret, or a private key in PEM
	PublicKey string // PEM, of ed25519
	Account   string
}

// Allowed is the only address that the keys may withdraw to.
const Allowed = "bc1qallowed"

// NewVenue starts a venue that ends with the test; the test fails if the books do
// not balance then.
func NewVenue(t testing.TB) *Venue {
	t.Helper()
	x := stocked(t)
	v := &Venue{Exchange: x, Keys: []Key{{ID: "hmac-key", Scheme: "hmac", Secret: "dummysecret0123456789abcdef", Account: "alice"}}}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v.Keys = append(v.Keys, Key{ID: "ed-key", Scheme: "ed25519", Account: "alice",
		Secret: encode(t, "PRIVATE KEY", x509.MarshalPKCS8PrivateKey, private), PublicKey: encode(t, "PUBLIC KEY", x509.MarshalPKIXPublicKey, public)})
	const may = vedette.PermRead | vedette.PermTrade | vedette.PermWithdraw
	v.API, err = binance.New(binance.Config{Exchange: x, Clock: time.Now, DepthInterval: 20 * time.Millisecond, Keys: []binance.Key{
		{ID: "hmac-key", Account: "alice", Permissions: may, Secret: v.Keys[0].Secret, WithdrawAllow: []string{Allowed}},
		{ID: "ed-key", Account: "alice", Permissions: may, Public: public, WithdrawAllow: []string{Allowed}}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(v.API)
	v.URL, v.WS = server.URL, strings.Replace(server.URL, "http", "ws", 1)
	t.Cleanup(func() {
		v.API.Close()
		server.Close()
		if err := x.Audit(); err != nil {
			t.Errorf("the books do not balance: %v", err)
		}
	})
	return v
}

func encode[K any](t testing.TB, kind string, marshal func(any) ([]byte, error), key K) string {
	der, err := marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// stocked is an exchange where a maker quotes 5 BTC at each of 19890, 19900, 20000
// and 20010, and alice holds 10 BTC and 100,000 USDT.
func stocked(t testing.TB) *exchange.Exchange {
	u := exchange.MustUnits
	x, err := exchange.New(exchange.Config{Clock: time.Now, MakerFee: 1000, TakerFee: 1000,
		Assets: []exchange.Asset{{Name: "BTC", Network: "BTC", WithdrawFee: u("0.0001"), WithdrawMin: u("0.001")},
			{Name: "USDT", Network: "ETH", WithdrawFee: u("1"), WithdrawMin: u("10")}},
		Instruments: []exchange.Instrument{{Symbol: "BTCUSDT", Base: "BTC", Quote: "USDT", Tick: u("0.01"), Lot: u("0.00001"),
			MinNotional: u("5"), MaxPrice: u("1000000"), MaxQuantity: u("9000")}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []struct{ account, asset, amount string }{{"alice", "BTC", "10"}, {"alice", "USDT", "100000"},
		{"maker", "BTC", "1000"}, {"maker", "USDT", "10000000"}} {
		x.OpenAccount(d.account)
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
	return x
}
