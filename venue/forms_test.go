package venue_test

import (
	"strings"
	"testing"

	"vedette/venue"
)

// form is a request as a named client sends it. SIGN stands for its signature.
type form struct {
	client  string
	d       *venue.Dialect
	headers string // name=value, by spaces
	request string // METHOD target body
}

const (
	formsAt      = 1795353222919 // ms
	binanceKey   = "X-MBX-APIKEY=k"
	krakenOrder  = "POST /derivatives/api/v3/sendorder orderType=lmt&symbol=PF_XBTUSD&side=buy&size=1&limitPrice=1.0"
	bitmexOrder  = `POST /api/v1/order {"symbol":"XBTUSD","orderQty":100,"price":9,"ordType":"Limit"}`
	binanceOrder = "price=9&quantity=1&side=BUY&symbol=BTCUSDT&timeInForce=GTC&type=LIMIT"
)

// clientForms are forms of widely used clients that no capture has, as their published
// source makes them.
var clientForms = []form{
	{"go-binance order", venue.Binance, binanceKey, "POST /api/v3/order?timestamp=1795353222919&signature=SIGN " + binanceOrder},
	{"go-binance order with a window", venue.Binance, binanceKey, "POST /api/v3/order?recvWindow=5000&timestamp=1795353222919&signature=SIGN " + binanceOrder},
	{"go-binance cancel", venue.Binance, binanceKey, "DELETE /api/v3/order?timestamp=1795353222919&signature=SIGN orderId=17953532&symbol=BTCUSDT"},
	{"go-binance futures batch", venue.Binance, binanceKey,
		"POST /fapi/v1/batchOrders?timestamp=1795353222919&signature=SIGN batchOrders=%5B%7B%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22BUY%22%7D%5D"},
	{"go-binance read", venue.Binance, binanceKey, "GET /api/v3/account?timestamp=1795353222919&signature=SIGN"},
	{"window last, time in microseconds", venue.Binance, binanceKey, "POST /api/v3/order?timestamp=1795353222919123&recvWindow=5000&signature=SIGN " + binanceOrder},
	{"Binance's documents", venue.Binance, binanceKey, "POST /api/v3/order?symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC" +
		" quantity=1&price=0.1&recvWindow=5000&timestamp=1795353222919&signature=SIGN"},
	{"MEXC's documents", venue.MEXC, "X-MEXC-APIKEY=k", "POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT quantity=1&price=11&recvWindow=5000&timestamp=1795353222919&signature=SIGN"},
	{"go-binance's form at MEXC", venue.MEXC, "X-MEXC-APIKEY=k", "POST /api/v3/order?recvWindow=5000&timestamp=1795353222919&signature=SIGN " + binanceOrder},
	{"ccxt", venue.KrakenFutures, "APIKey=k Authent=SIGN Nonce=1795353222919", krakenOrder},
	{"cfRestApiV3: milliseconds and four digits", venue.KrakenFutures, "APIKey=k Authent=SIGN Nonce=17953532229190001", krakenOrder},
	{"python-kraken-sdk 2: milliseconds and four digits", venue.KrakenFutures, "APIKey=k Authent=SIGN Nonce=17953532229190000", "POST /derivatives/api/v3/cancelorder?order_id=x-1"},
	{"python-kraken-sdk 3: 10 ns", venue.KrakenFutures, "APIKey=k Authent=SIGN Nonce=179535322291912345", krakenOrder},
	{"microseconds", venue.KrakenFutures, "APIKey=k Authent=SIGN Nonce=1795353222919123", krakenOrder},
	{"nanoseconds", venue.KrakenFutures, "APIKey=k Authent=SIGN Nonce=1795353222919123456", krakenOrder},
	{"bitfinex-api-go: nanoseconds", venue.Bitfinex, "bfx-apikey=k bfx-signature=SIGN bfx-nonce=1795353222919123456", "POST /v2/auth/w/ext/recurring-ao/cancel/123 {}"},
	{"BitMEX's market maker", venue.BitMEX, "api-key=k api-signature=SIGN api-expires=1795356823", bitmexOrder}, // an hour, rounded up
	{"BitMEX's market maker, its clock 2 s fast", venue.BitMEX, "api-key=k api-signature=SIGN api-expires=1795356825", bitmexOrder},
	{"BitMEX's market maker, no body", venue.BitMEX, "api-key=k api-signature=SIGN api-expires=1795356823", "DELETE /api/v1/order?orderID=11111111-1111-1111-1111-111111111111"},
	{"coinbasepro-python, cancel all", venue.CoinbaseExchange, "CB-ACCESS-KEY=k CB-ACCESS-SIGN=SIGN CB-ACCESS-TIMESTAMP=1795353222.919 CB-ACCESS-PASSPHRASE=p",
		"DELETE /orders?product_id=BTC-USD"},
}

// capture makes the request, as yet unsigned.
func (f *form) capture() *capture {
	r := parseRequest(f.request)
	c := &capture{Exchange: f.d.Name, Scheme: "hmac", APIKey: "k", Passphrase: "p", Secret: "c2VjcmV0c2VjcmV0c2VjcmV0", ReceivedAtMs: formsAt, Method: r.Method,
		URL: strings.TrimSuffix(r.Path+"?"+r.Query, "?"), Body: string(r.Body)}
	for h := range strings.FieldsSeq(f.headers) {
		name, v, _ := strings.Cut(h, "=")
		c.Headers = append(c.Headers, [2]string{name, v})
	}
	return c
}

// signed makes the request with the signature in its place.
func (f *form) signed(t *testing.T) *capture {
	t.Helper()
	c := f.capture()
	c.put(c.sign(t, f.d))
	return c
}

func (c *capture) put(sign string) {
	in := strings.NewReplacer("SIGN", sign)
	c.URL, c.Body = in.Replace(c.URL), in.Replace(c.Body)
	for i := range c.Headers {
		c.Headers[i][1] = in.Replace(c.Headers[i][1])
	}
}

// TestClientForms: the clients' requests stand, and no other division of them does.
func TestClientForms(t *testing.T) {
	for _, f := range clientForms {
		t.Run(f.d.Name+" "+f.client, func(t *testing.T) {
			c := f.signed(t)
			if !c.stands(f.d) {
				var claim venue.Claim
				f.d.Claim(c.request(), &claim)
				t.Errorf("does not stand: %q %v, %q", claim.Fault, claim.NonceAt, c.request().Ambiguous(nil))
			}
			c.divide(t, f.d)
			c.divideUnsigned(t, f.d)
		})
	}
}

// divideUnsigned moves text as divide does, but with the signature last of all, or in
// front: where the parameter with it stands is not signed.
func (c *capture) divideUnsigned(t *testing.T, d *venue.Dialect) {
	t.Helper()
	path, query, _ := strings.Cut(c.URL, "?")
	find := func(s string) (plain, sign string) {
		i := strings.Index(s, "signature=")
		if i < 0 {
			return s, ""
		}
		return strings.TrimSuffix(s[:i], "&"), s[i:]
	}
	q, inQuery := find(query)
	b, inBody := find(c.Body)
	sign := inQuery + inBody
	if sign == "" {
		return
	}
	whole := q + b
	for n := 0; n <= len(whole); n++ {
		for _, at := range [...]string{"query", "body", "query's front", "body's front"} {
			bad := *c
			q, b := whole[:n], whole[n:]
			switch at {
			case "query":
				q = strings.Trim(q+"&"+sign, "&")
			case "body":
				b = strings.Trim(b+"&"+sign, "&")
			case "query's front":
				q = strings.Trim(sign+"&"+q, "&")
			default:
				b = strings.Trim(sign+"&"+b, "&")
			}
			if bad.URL, bad.Body = path+"?"+q, b; bad.stands(d) && bad.says() != c.says() {
				t.Errorf("divided at %d, the signature in the %s, it stands:\n%s %s %s", n, at, bad.Method, bad.URL, bad.Body)
			}
		}
	}
}

// TestClientFormsAltered: what a border that shows itself must not let through. The first
// of each pair is what a client signed, the second what became of it.
func TestClientFormsAltered(t *testing.T) {
	f := func(d *venue.Dialect, headers, signed, altered, alteredHeaders string) {
		t.Helper()
		one := form{"", d, headers, signed}
		c := one.capture()
		sign := c.sign(t, d)
		two := form{"", d, alteredHeaders, altered}
		bad := two.capture()
		if bad.put(sign); bad.stands(d) {
			t.Errorf("%s: %s\nstands for %s", d.Name, altered, signed)
		}
		var claim venue.Claim
		r := bad.request()
		d.Claim(r, &claim)
		var genuine venue.Claim
		g := c.request()
		d.Claim(g, &genuine)
		a, _ := d.Message(r, &claim, 0, nil)
		b, _ := d.Message(g, &genuine, 0, nil)
		if string(a) != string(b) {
			t.Errorf("no division of the same text:\n%s\n%s", b, a)
		}
	}
	b := func(signed, altered string) { t.Helper(); f(venue.Binance, binanceKey, signed, altered, binanceKey) }
	const end = "&timestamp=1795353222919&signature=SIGN"
	b("POST /api/v3/order?quantity=10 price=9&side=BUY"+end, "POST /api/v3/order?quantity=1 0price=9&side=BUY"+end)
	b("POST /api/v3/order?quantity=1e5 price=9&side=BUY"+end, "POST /api/v3/order?quantity=1 e5price=9&side=BUY"+end)
	b("POST /api/v3/order?side=BUY&type=LIMIT quantity=1&price=9"+end, "POST /api/v3/order side=BUY&type=LIMITquantity=1&price=9"+end)
	b("POST /api/v3/order?side=BUY&type=LIMIT_MAKER quantity=1&price=9"+end, "POST /api/v3/order?side=BUY&type=LIMIT _MAKERquantity=1&price=9"+end)
	b("POST /api/v3/order?newClientOrderId=a price=9"+end, "POST /api/v3/order?newClientOrderId=ap rice=9"+end)
	b("POST /api/v3/order?recvWindow=5000 symbol=A"+end, "POST /api/v3/order?recvWindow=500 0symbol=A"+end)
	b("POST /api/v3/order symbol=A&side=BUY"+end, "POST /api/v3/order?symbol=A&side=BUY &timestamp=1795353222919&signature=SIGN")
	// A query that ends with anything else could have been cut elsewhere.
	for _, in := range []string{"newClientOrderId=A", "symbol=BTCUSDT", "quantity=1", "side=", "side=Buy", "recvWindow=", "recvWindow=500000", "recvWindow=5.5"} {
		b("POST /api/v3/order?"+in+" price=9"+end, "POST /api/v3/order?"+in+" price=9"+end)
	}
	for _, in := range []string{"timestamp=1795353222919.5 price=9&signature=SIGN", "timestamp=1795353222919& price=9&signature=SIGN"} {
		b("POST /api/v3/order?"+in, "POST /api/v3/order?"+in)
	}
	// Nor is a body on GET, where it is signed behind the path.
	const okx = "OK-ACCESS-KEY=k OK-ACCESS-SIGN=SIGN OK-ACCESS-TIMESTAMP=2026-11-22T13:13:42.919Z OK-ACCESS-PASSPHRASE=p"
	f(venue.OKX, okx, "GET /api/v5/account/balance?ccy={}", "GET /api/v5/account/balance?ccy= {}", okx)
	// A repeated or differing parameter stays ambiguous, whoever put it there.
	b("POST /api/v3/order?quantity=2&timestamp=1795353222919&signature=SIGN quantity=1", "POST /api/v3/order?quantity=2&timestamp=1795353222919&signature=SIGN quantity=1")
	b("POST /api/v3/order?side=BUY&timestamp=1795353222919&signature=SIGN Side=SELL", "POST /api/v3/order?side=BUY&timestamp=1795353222919&signature=SIGN Side=SELL")

}

// describedNonce is a description of a venue whose nonce stands behind the parameters.
const describedNonce = `
name: behind
schemes: [{name: hmac, algorithm: hmac-sha256, signature: hex, covers: [path, body, nonce]}]
request:
  key: header APIKey
  signature: header Authent
  nonce: header Nonce
  nonce_rule: increasing
  sign: ["{body}{nonce}{path}"]
`

// TestNonceByChance: now and then the time's first digits, before a nonce in milliseconds,
// are a nonce of 10 ns that is a time too. Then a value that ends with them is refused,
// and so is one that lost them to the nonce.
func TestNonceByChance(t *testing.T) {
	const now, order = 1795317953180, "POST /derivatives/api/v3/sendorder symbol=PF_XBTUSD&side=sell&limitPrice="
	make := func(price, nonce string) *capture {
		one := form{"", venue.KrakenFutures, "APIKey=k Authent=SIGN Nonce=" + nonce, order + price}
		c := one.signed(t)
		c.ReceivedAtMs = now
		return c
	}
	f := func(price, nonce string, want bool) {
		t.Helper()
		if got := make(price, nonce).stands(venue.KrakenFutures); got != want {
			t.Errorf("price %s, nonce %s: stands %v", price, nonce, got)
		}
	}
	f("117953", "1795317953180", false)
	f("1", "179531795317953180", false)
	f("117952", "1795317953180", true)
	f("117951", "179531795318012345", false) // its own last digits are a time for these few seconds
	f("117951", "1795317953180000", true)
	d, err := venue.NewGeneric([]byte(describedNonce))
	if err != nil {
		t.Fatal(err)
	}
	for price, want := range map[string]bool{"117953": false, "117952": true} {
		one := form{"", d, "APIKey=k Authent=SIGN Nonce=1795317953180", order + price}
		c := one.signed(t)
		if c.ReceivedAtMs = now; c.stands(d) != want {
			t.Errorf("described, price %s: stands %v", price, !want)
		}
	}
	for id, want := range map[string]bool{"17953": false, "17952": true} {
		one := form{"", venue.Bitfinex, "bfx-apikey=k bfx-nonce=1795317953180 bfx-signature=SIGN", "POST /v2/auth/w/ext/recurring-ao/cancel/" + id + " {}"}
		c := one.signed(t)
		if c.ReceivedAtMs = now; c.stands(venue.Bitfinex) != want {
			t.Errorf("Bitfinex, id %s: stands %v", id, !want)
		}
	}
	f("1", "17953179531", false) // no nonce of a known form
	f("1", "17953179531800000000", false)
}

// TestEmptyBodies: coinbase-advanced-py sends {} with every GET. It changes nothing that is
// signed; where a body is signed it stays ambiguous, and so does one that says something.
func TestEmptyBodies(t *testing.T) {
	n := 0
	for _, c := range captures(t, "*-rest.json") {
		if c.Method != "GET" || unsigned(&c) || c.Body != "" {
			continue
		}
		d := c.dialect(t)
		s, _ := d.Scheme(c.schemeName())
		for body, empty := range map[string]bool{"{}": true, " {} \n": true, " ": true, `{"a":1}`: false, "a=1": false, "[]": false, "{}{}": false} {
			c.Body = body
			signed := (s.Covers|s.Partly)&venue.CoversBody != 0 && d != venue.Backpack // that signs the body's members: here none
			want := empty && !signed
			if got := c.stands(d); got != want {
				t.Errorf("%s with the body %q: stands %v", c.name(), body, got)
			}
		}
		n++
	}
	if n == 0 {
		t.Error("no capture")
	}
}
