package venue_test

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/venue"
)

// stands reports whether the request would pass as genuine and fresh.
func (c *capture) stands(d *venue.Dialect) bool {
	r := c.request()
	claim, ok := c.verifies(d, r)
	if !ok || r.Ambiguous(d.Repeatable) != "" {
		return false
	}
	if t := claim.Time; !t.IsZero() && (c.at().Sub(t) > claim.MaxAge || t.After(c.at()) && !t.Before(c.at().Add(claim.MaxAhead))) {
		return false
	}
	if off := claim.NonceAt.Sub(c.at()).Abs(); !claim.NonceAt.IsZero() && off > venue.MaxNonceDrift {
		return false
	}
	left := claim.Expires.Sub(c.at())
	return claim.Expires.IsZero() || left >= 0 && (claim.MaxExpiry == 0 || left <= claim.MaxExpiry)
}

// says is what the request asks for: two that differ only in where their parameters
// stand ask for the same.
func (c *capture) says() string {
	path, query, _ := strings.Cut(c.URL, "?")
	body := c.Body
	if !strings.HasPrefix(body, "{") && !strings.HasPrefix(body, "[") {
		query, body = strings.Trim(query+"&"+body, "&"), ""
	}
	q, _ := url.ParseQuery(query)
	return c.Method + " " + path + " " + q.Encode() + " " + body
}

// TestBoundaries moves text over every border between the parts of captured requests:
// none but the original division may stand, but for parts that are not signed at all.
func TestBoundaries(t *testing.T) {
	moved := 0
	for _, c := range captures(t, "*-rest.json") {
		if unsigned(&c) {
			continue
		}
		t.Run(c.name(), func(t *testing.T) {
			if !c.stands(c.dialect(t)) {
				t.Fatal("does not stand as it is")
			}
			moved += c.divide(t, c.dialect(t))
			if description, ok := described[c.Exchange]; ok {
				d, err := venue.NewGeneric([]byte(description))
				if err != nil {
					t.Fatal(err)
				}
				moved += c.divide(t, d)
			}
		})
	}
	t.Logf("%d divisions", moved)
}

// divide holds every other division of the request against the dialect.
func (c *capture) divide(t *testing.T, d *venue.Dialect) int {
	t.Helper()
	s, _ := d.Scheme(c.schemeName())
	list := divisions(c)
	for what, bad := range list {
		open := s.Covers&venue.CoversQuery == 0 && strings.Contains(what, "query") || s.Covers&venue.CoversBody == 0 && strings.Contains(what, "body")
		if !open && bad.says() != c.says() && bad.stands(d) {
			t.Errorf("%s stands:\n%s %s %s\n%s %s %s %v", what, c.Method, c.URL, c.Body, bad.Method, bad.URL, bad.Body, bad.Headers)
		}
	}
	return len(list)
}

// divisions are the request with its text divided otherwise: up to 40 bytes go from one
// part into the next, either way.
func divisions(c *capture) map[string]*capture {
	list := map[string]*capture{}
	add := func(what string, change func(*capture)) {
		bad := *c
		bad.Headers = slices.Clone(c.Headers)
		change(&bad)
		list[what] = &bad
	}
	path, query, _ := strings.Cut(c.URL, "?")
	for n := 1; n <= 40; n++ {
		if n <= len(query) {
			add(fmt.Sprint("query to body ", n), func(b *capture) { b.URL, b.Body = path+"?"+query[:len(query)-n], query[len(query)-n:]+c.Body })
		}
		if n < len(c.URL) {
			add(fmt.Sprint("target to body ", n), func(b *capture) { b.URL, b.Body = c.URL[:len(c.URL)-n], c.URL[len(c.URL)-n:]+c.Body })
		}
		if n <= len(c.Body) {
			add(fmt.Sprint("body to target ", n), func(b *capture) { b.URL, b.Body = c.URL+c.Body[:n], c.Body[n:] })
			add(fmt.Sprint("body to query ", n), func(b *capture) { b.URL, b.Body = path+"?"+query+c.Body[:n], c.Body[n:] })
		}
	}
	add("query to body", func(b *capture) { b.URL, b.Body = path, query+c.Body })
	add("target to body", func(b *capture) { b.URL, b.Body = path, strings.TrimPrefix(c.URL, path)+c.Body })
	add("body to query", func(b *capture) { b.URL, b.Body = path+"?"+query+c.Body, "" })
	add("body to target", func(b *capture) { b.URL, b.Body = c.URL+c.Body, "" })
	add("body to query, escaped", func(b *capture) { b.URL, b.Body = path+"?"+query+url.PathEscape(c.Body), "" })
	for i, h := range c.Headers {
		name := strings.ToLower(h[0])
		signed := slices.ContainsFunc([]string{"time", "nonce", "window", "expires"}, func(s string) bool { return strings.Contains(name, s) })
		if signed && strings.Trim(h[1], "0123456789.") == "" {
			numberDivisions(c, i, add)
		}
	}
	return list
}

// numberDivisions moves digits between a header that is a number (a time, a nonce, a
// window) and what it could be signed beside.
func numberDivisions(c *capture, i int, add func(string, func(*capture))) {
	name, v := c.Headers[i][0], c.Headers[i][1]
	path, query, _ := strings.Cut(c.URL, "?")
	for n := 1; n <= len(v); n++ {
		head, tail := v[:n], v[n:]
		add(fmt.Sprint(name, " to the end of the target ", n), func(b *capture) { b.URL += head; b.Headers[i][1] = tail })
		add(fmt.Sprint(name, " to the end of the body ", n), func(b *capture) { b.Body += head; b.Headers[i][1] = tail })
		head, tail = v[:len(v)-n], v[len(v)-n:]
		add(fmt.Sprint(name, " to the body ", n), func(b *capture) { b.Body = tail + b.Body; b.Headers[i][1] = head })
		add(fmt.Sprint(name, " to the query ", n), func(b *capture) { b.URL = path + "?" + tail + query; b.Headers[i][1] = head })
		if n < len(c.URL) {
			add(fmt.Sprint("the target's end to ", name, " ", n), func(b *capture) {
				b.URL, b.Headers[i][1] = c.URL[:len(c.URL)-n], c.URL[len(c.URL)-n:]+v
			})
		}
		if n <= len(c.Body) {
			add(fmt.Sprint("the body's end to ", name, " ", n), func(b *capture) {
				b.Body, b.Headers[i][1] = c.Body[:len(c.Body)-n], c.Body[len(c.Body)-n:]+v
			})
			add(fmt.Sprint("the body's begin to ", name, " ", n), func(b *capture) { b.Body, b.Headers[i][1] = c.Body[n:], v+c.Body[:n] })
		}
	}
}

// TestBoundaryExamples moves text in requests that no capture has.
func TestBoundaryExamples(t *testing.T) {
	at := time.UnixMilli(1795353222919)
	f := func(d *venue.Dialect, headers, genuine string, altered ...string) {
		t.Helper()
		make := func(in string) *capture {
			r := parseRequest(in)
			c := &capture{Exchange: d.Name, Scheme: "hmac", APIKey: "k", Secret: "c2VjcmV0c2VjcmV0c2VjcmV0", ReceivedAtMs: at.UnixMilli(), Method: r.Method,
				URL: strings.TrimSuffix(r.Path+"?"+r.Query, "?"), Body: string(r.Body)}
			for h := range strings.FieldsSeq(headers) {
				name, v, _ := strings.Cut(h, "=")
				c.Headers = append(c.Headers, [2]string{name, v})
			}
			return c
		}
		c := make(genuine)
		sign := c.sign(t, d)
		for i, in := range append([]string{genuine}, altered...) {
			headers := headers // those of the genuine one, but for what stands before |
			if h, rest, ok := strings.Cut(in, " | "); ok {
				headers, in = h, rest
			}
			b := make(in)
			b.Headers = nil
			for h := range strings.FieldsSeq(headers) {
				name, v, _ := strings.Cut(h, "=")
				b.Headers = append(b.Headers, [2]string{name, strings.ReplaceAll(v, "SIGN", sign)})
			}
			if b.stands(d) != (i == 0) {
				t.Errorf("%s: stands %v: %s", d.Name, i > 0, in)
			}
		}
	}
	f(venue.BitMEX, "api-key=k api-expires=1795353227 api-signature=SIGN", `DELETE /api/v1/order?orderID=11111111-1111-1111-1111-111111111111`,
		`api-key=k api-expires=11795353227 api-signature=SIGN | DELETE /api/v1/order?orderID=11111111-1111-1111-1111-11111111111`,
		`api-key=k api-expires=1179535322 api-signature=SIGN | DELETE /api/v1/order?orderID=11111111-1111-1111-1111-11111111111 7`)
	f(venue.BitMEX, "api-key=k api-expires=1795353227 api-signature=SIGN", `POST /api/v1/order symbol=XBTUSD&orderQty=1`)
	f(venue.Bitfinex, "bfx-apikey=k bfx-nonce=1795353222919000 bfx-signature=SIGN", `POST /v2/auth/w/ext/recurring-ao/cancel/123 {}`,
		`bfx-apikey=k bfx-nonce=31795353222919000 bfx-signature=SIGN | POST /v2/auth/w/ext/recurring-ao/cancel/12 {}`,
		`bfx-apikey=k bfx-nonce=795353222919000 bfx-signature=SIGN | POST /v2/auth/w/ext/recurring-ao/cancel/1231 {}`)
	f(venue.KrakenFutures, "APIKey=k Nonce=1795353222919 Authent=SIGN", `POST /derivatives/api/v3/sendorder symbol=PF_XBTUSD&size=1`,
		`APIKey=k Nonce=795353222919 Authent=SIGN | POST /derivatives/api/v3/sendorder symbol=PF_XBTUSD&size=11`,
		`APIKey=k Authent=SIGN | POST /derivatives/api/v3/sendorder symbol=PF_XBTUSD&size=11795353222919`,
		`APIKey=k Nonce=11795353222919 Authent=SIGN | POST /derivatives/api/v3/sendorder symbol=PF_XBTUSD&size=`)
	f(venue.Bybit, "X-BAPI-API-KEY=k X-BAPI-TIMESTAMP=1795353222919 X-BAPI-RECV-WINDOW=5000 X-BAPI-SIGN=SIGN", `GET /v5/order/realtime?category=linear`,
		`X-BAPI-API-KEY=k X-BAPI-TIMESTAMP=1795353222919 X-BAPI-RECV-WINDOW=500 X-BAPI-SIGN=SIGN | GET /v5/order/realtime?0category=linear`,
		`X-BAPI-API-KEY=k X-BAPI-TIMESTAMP=1795353222919 X-BAPI-SIGN=SIGN | GET /v5/order/realtime?5000category=linear`)
}

// sign returns the signature of the request by its own secret.
func (c *capture) sign(t *testing.T, d *venue.Dialect) string {
	t.Helper()
	s, _ := d.Scheme("")
	secret, err := decode(s.Secret, c.Secret)
	if err != nil {
		t.Fatal(err)
	}
	var claim venue.Claim
	r := c.request()
	d.Claim(r, &claim)
	msg, _ := d.Message(r, &claim, 0, nil)
	m := hmac.New(s.Algorithm.Hash().New, secret)
	m.Write(msg)
	if s.Signature == venue.Hex {
		return hex.EncodeToString(m.Sum(nil))
	}
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// TestBoundaryMessages: members that are joined unescaped do not stand for one another.
func TestBoundaryMessages(t *testing.T) {
	f := func(d *venue.Dialect, in string, fault vedette.Reason) {
		t.Helper()
		var c venue.Claim
		if d.Claim(parseRequest(in), &c); c.Fault != fault || c.Auth != venue.AuthSignature {
			t.Errorf("%s\n got fault %q, want %q", in, c.Fault, fault)
		}
	}
	const ws = `WS {"id":1,"method":"order.place","params":{"apiKey":"k","signature":"s","timestamp":1795353222919,`
	f(venue.Binance, ws+`"newClientOrderId":"a","price":"1"}}`, "")
	f(venue.Binance, ws+`"newClientOrderId":"a&price=1"}}`, vedette.Ambiguous)
	f(venue.Binance, ws+`"newClientOrderId":"a\u0026price=1"}}`, vedette.Ambiguous)
	f(venue.Binance, ws+`"newClientOrderId=a&price":"1"}}`, vedette.Ambiguous)
	const crypto = `POST /exchange/v1/private/create-order {"id":1,"method":"private/create-order","api_key":"k","sig":"s","nonce":1795353222919,"params":`
	f(venue.CryptoCom, crypto+`{"client_oid":"price-bot","exec_inst":["POST_ONLY"],"instrument_name":"BTCUSD","price":"1","side":"BUY","type":"LIMIT"}}`, "")
	f(venue.CryptoCom, crypto+`{"client_oid":"price-botexec_instPOST_ONLY","instrument_name":"BTCUSD","price":"1","side":"BUY"}}`, vedette.Ambiguous)
	f(venue.CryptoCom, crypto+`{"client_oidxprice":"1","side":"BUY"}}`, vedette.Ambiguous)
	f(venue.CryptoCom, crypto+`{"order_list":[{"side":"BUYinstrument_nameETHUSD"}]}}`, vedette.Ambiguous)
	f(venue.Deribit, `WS {"id":1,"method":"public/auth","params":{"grant_type":"client_signature","client_id":"k","timestamp":1795353222919,"nonce":"a\nb","signature":"s"}}`, vedette.Ambiguous)
}
