package binance

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// nullWriter answers nobody.
type nullWriter struct{ h http.Header }

func (w nullWriter) Header() http.Header         { return w.h }
func (w nullWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w nullWriter) WriteHeader(int)             {}

// BenchmarkOrderHandler measures one signed order without the network: form,
// signature, matching, answer. Every second order fills the one before.
func BenchmarkOrderHandler(b *testing.B) {
	v := newVenue(b)
	bodies := [2]string{v.signed("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=19950&quantity=0.001&recvWindow=60000"),
		v.signed("symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&price=19950&quantity=0.001&recvWindow=60000")}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		body := bodies[i%2]
		i++
		r, _ := http.NewRequest("POST", "/api/v3/order", strings.NewReader(body))
		r.Header["X-Mbx-Apikey"] = []string{"hmac-key"}
		v.api.ServeHTTP(nullWriter{http.Header{}}, r)
	}
}

// BenchmarkOrderHTTP measures signed orders over loopback connections, one per
// goroutine, with a client that does as little as it can. Client and server share
// the cores.
func BenchmarkOrderHTTP(b *testing.B) {
	v := newVenue(b)
	var raw [2]string
	for i, side := range []string{"BUY", "SELL"} {
		body := v.signed("symbol=BTCUSDT&side=" + side + "&type=LIMIT&timeInForce=GTC&price=19950&quantity=0.001&recvWindow=60000")
		raw[i] = fmt.Sprintf("POST /api/v3/order HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: hmac-key\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	b.SetParallelism(8)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", strings.TrimPrefix(v.URL, "http://"))
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		r := bufio.NewReader(c)
		for i := 0; pb.Next(); i++ {
			if _, err := c.Write([]byte(raw[i%2])); err != nil {
				b.Error(err)
				return
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := r.Discard(int(resp.ContentLength)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
