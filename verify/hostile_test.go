package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"net/netip"
	"vedette"
	"vedette/keyring"
	"vedette/venue"
)

// hostile are requests of about a megabyte, from nobody known, that are made to be
// dear to judge. The credential is known and the signature wrong.
func hostile() map[string]*call {
	const size = 1 << 20
	fill := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	signed := func(body string) *call {
		return &call{method: "POST", path: "/api/v3/order", query: "timestamp=1795340739148&signature=" + strings.Repeat("0", 64), body: body, key: "key-1", from: "192.0.2.7"}
	}
	return map[string]*call{
		"one long value":      signed("a=" + strings.Repeat("x", size)),
		"escapes":             signed("a=" + strings.Repeat("%41", size/3)),
		"broken escapes":      signed("a=" + strings.Repeat("%zz", size/3)),
		"plus signs":          signed("a=" + strings.Repeat("+", size)),
		"long names":          signed(fill(250, func(i int) string { return fmt.Sprintf("%s%03d=1&", strings.Repeat("n", size/250-6), i) })),
		"few long names":      signed(fill(14, func(i int) string { return fmt.Sprintf("%s%03d=1&", strings.Repeat("n", size/14-6), i) })),
		"escaped names":       signed(fill(250, func(i int) string { return fmt.Sprintf("%s%03d=1&", strings.Repeat("%6e", size/750-3), i) })),
		"too many parameters": signed(strings.Repeat("a&", size/2)),
		"nothing but &":       signed(strings.Repeat("&", size)),
		"UTF-8":               signed("a=" + strings.Repeat("é", size/2)),
		"JSON members":        signed("{" + strings.TrimSuffix(fill(size/14, func(i int) string { return fmt.Sprintf(`"n%07d":1,`, i) }), ",") + "}"),
		"JSON array":          signed("[" + strings.Repeat("0,", 100_000) + "0]"),
		"JSON string":         signed(`{"a":"` + strings.Repeat("x", size) + `"}`),
		"JSON escapes":        signed(`{"a":"` + strings.Repeat(`\u0041`, size/6) + `"}`),
		"long path":           {method: "POST", path: strings.Repeat("/a", size/2), key: "key-1", from: "192.0.2.7"},
		"long signature":      {method: "POST", path: "/api/v3/order", query: "timestamp=1795340739148&signature=" + strings.Repeat("0", size), key: "key-1", from: "192.0.2.7"},
		"long key":            {method: "POST", path: "/api/v3/order", query: "timestamp=1795340739148&signature=00", key: strings.Repeat("k", size), from: "192.0.2.7"},
	}
}

// TestHostile: none of them is authentic, whatever the cost.
func TestHostile(t *testing.T) {
	for name, c := range hostile() {
		b := newBench(t)
		if x, got := b.send(c); x.Call.Verdict == vedette.Authentic {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// BenchmarkHostile is the whole path over each; ns/op is close to ns per MiB.
func BenchmarkHostile(b *testing.B) {
	for name, c := range hostile() {
		b.Run(name, func(b *testing.B) {
			bb := newBench(b)
			x, _ := bb.send(c)
			body := []byte(c.body)
			b.SetBytes(int64(len(c.query) + len(c.path) + len(c.key) + len(c.body)))
			b.ReportAllocs()
			from := cpu(b)
			for b.Loop() {
				x.Request.Reset()
				x.Request.Method, x.Request.Path, x.Request.Query, x.Request.Body = c.method, c.path, c.query, body
				x.Request.Header = append(x.Request.Header, venue.Field{Name: "X-MBX-APIKEY", Value: c.key})
				venue.Binance.Meaning(x.Request, x.Call)
				bb.v.Verify(x)
			}
			b.ReportMetric(float64((cpu(b)-from).Nanoseconds())/float64(b.N)/1e6, "cpu-ms/op")
		})
	}
}

// cpu is the processor time of this process: on a machine that others use as well,
// the clock on the wall says little.
func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestUnknownUnderRestrictedKey: what the dialect does not know does not pass under a
// key that may not do everything, unless it only reads or is allowed by name.
func TestUnknownUnderRestrictedKey(t *testing.T) {
	try := func(want, method, path string, change func(*keyring.Spec)) {
		t.Helper()
		b := newBench(t, change)
		b.want(b.order(func(c *call) { c.method, c.path, c.query = method, path, "coin=BTC&address=evil&amount=1" }), want)
	}
	read := func(s *keyring.Spec) { s.Permissions = vedette.PermRead }
	const apply = "/sapi/v1/capital/withdraw/apply"
	try("unauthorised permission", "POST", apply, read)
	try("malformed ambiguous", "POST", apply+"/", read)
	try("malformed ambiguous", "POST", "/SAPI/v1/capital/withdraw/apply", read)
	try("malformed ambiguous", "POST", "/sapi/v1/capital//withdraw/apply", read)
	try("malformed ambiguous", "POST", "/sapi/v1/capital%2fwithdraw/apply", read)
	try("malformed ambiguous", "POST", "/sapi/v1/capital/withdraw/%61pply", read)
	try("unauthorised permission", "POST", apply+".json", read)
	try("unauthorised permission", "POST", apply+"%20", read)
	try("unauthorised permission", "PATCH", apply, read)
	try("unauthorised permission", "POST", "/sapi/v9/new", read)
	try("authentic", "GET", "/api/v9/new", read)
	try("authentic", "POST", "/sapi/v9/new", func(s *keyring.Spec) {})
	try("authentic", "POST", "/sapi/v9/new", func(s *keyring.Spec) {
		s.Permissions, s.Operations = vedette.PermRead, []vedette.Operation{vedette.OpUnknown}
	})
	try("unauthorised permission", "POST", "/sapi/v9/new", func(s *keyring.Spec) { s.WithdrawAllow = []string{"good"} })
}

// TestOverrides: a header that makes another request of it for some servers.
func TestOverrides(t *testing.T) {
	for header, want := range map[string]string{"X-HTTP-Method-Override": "malformed", "x-http-method": "malformed", "X-Method-Override": "malformed",
		"X-Original-URL": "malformed", "X-Rewrite-Url": "malformed", "X-Other-Thing-Here": "authentic"} {
		b := newBench(t)
		c := b.order()
		x := &Case{Dialect: venue.Binance, Source: netip.MustParseAddr(c.from), Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{},
			Request: &venue.Request{Method: c.method, Path: c.path, Query: c.query, Header: venue.Header{{Name: "X-MBX-APIKEY", Value: c.key}, {Name: header, Value: "DELETE"}}}}
		venue.Binance.Meaning(x.Request, x.Call)
		b.v.Verify(x)
		if got := x.Call.Verdict.String(); got != want {
			t.Errorf("%s: %s, want %s", header, got, want)
		}
	}
}

// TestTwoFacedBodies: parameters do not hide in a body that only some readers read.
func TestTwoFacedBodies(t *testing.T) {
	try := func(want, contentType, body string) {
		t.Helper()
		b := newBench(t)
		c := b.order(func(c *call) {
			c.path, c.query, c.body = "/sapi/v1/capital/withdraw/apply", "coin=BTC&address=good&amount=1", body
		})
		if body == "network=BTC" { // all of it in the body
			c.query, c.body = "", c.query+"&"+body
			m := hmac.New(sha256.New, []byte(testSecret))
			at := strings.Index(c.body, "&signature=")
			m.Write([]byte(c.body[:at] + "&" + body))
			c.body = c.body[:at] + "&" + body + "&signature=" + hex.EncodeToString(m.Sum(nil))
		}
		x := &Case{Dialect: venue.Binance, Source: netip.MustParseAddr(c.from), Now: b.now, Claim: &venue.Claim{}, Call: &vedette.Call{},
			Request: &venue.Request{Method: c.method, Path: c.path, Query: c.query, Body: []byte(c.body), Header: venue.Header{{Name: "X-MBX-APIKEY", Value: c.key},
				{Name: "Content-Type", Value: contentType}}}}
		venue.Binance.Meaning(x.Request, x.Call)
		b.v.Verify(x)
		if got := x.Call.Verdict.String(); got != want {
			t.Errorf("%s %q: %s %v, want %s", contentType, body, got, x.Call.Reasons, want)
		}
	}
	try("malformed", "application/x-www-form-urlencoded", `"=1&address=evil`)
	try("malformed", "application/x-www-form-urlencoded", `x=1&address=evil`)
	try("malformed", "application/x-www-form-urlencoded", `{"a":"&address=evil&z="}`)
	try("malformed", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"address\"\r\n\r\nevil\r\n--x--\r\n")
	try("authentic", "application/x-www-form-urlencoded", `network=BTC`)
}
