package verify

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vedette"
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
