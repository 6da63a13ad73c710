//go:build unix

package loadgen

import (
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"
)

func TestHistogramQuantiles(t *testing.T) {
	var h Histogram
	r := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 20000 {
		d := time.Duration(r.ExpFloat64() * float64(200*time.Microsecond))
		all = append(all, max(d, 1))
		h.Add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999} {
		want := all[int(q*float64(len(all)))]
		got := h.Quantile(q)
		if diff := float64(got-want) / float64(want); diff < -0.02 || diff > 0.02 {
			t.Errorf("quantile %v: got %v, want %v", q, got, want)
		}
	}
	if h.Max() != all[len(all)-1] || h.Count() != len(all) {
		t.Errorf("max %v count %d, want %v %d", h.Max(), h.Count(), all[len(all)-1], len(all))
	}
}

func TestBucketsAreMonotonous(t *testing.T) {
	last := -1
	for d := time.Duration(1); d < 9*time.Minute; d += d/97 + 1 {
		b := bucket(d)
		if b < last || upper(b) < d {
			t.Fatalf("%v: bucket %d after %d, upper %v", d, b, last, upper(b))
		}
		last = b
	}
}

// An open loop must charge a stall to everything that waited behind it.
func TestOpenLoopCountsWaiting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 4096)
		for i := 0; ; i++ {
			if _, err := c.Read(buf); err != nil {
				return
			}
			if i == 10 {
				time.Sleep(200 * time.Millisecond)
			}
			c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
		}
	}()
	res, err := Run(Options{Addr: l.Addr().String(), Conns: 1, Rate: 200, For: 500 * time.Millisecond,
		Request: func(i int, dst []byte) []byte { return append(dst, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"...) }})
	if err != nil {
		t.Fatal(err)
	}
	if res.Failed != 0 || res.Requests < 60 {
		t.Fatalf("got %d requests, %d failed", res.Requests, res.Failed)
	}
	if p := res.Latency.Quantile(0.75); p < 20*time.Millisecond {
		t.Errorf("p75 %v: the stall of 200 ms was not charged to what waited", p)
	}
}

func TestClosedLoopAgainstUpstream(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go Upstream(l, []byte("HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhello"))
	res, err := Run(Options{Addr: l.Addr().String(), Conns: 2, For: 100 * time.Millisecond, Request: func(i int, dst []byte) []byte {
		return append(dst, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"...)
	}})
	if err != nil || res.Requests == 0 || res.Failed != 0 {
		t.Fatalf("got %+v, %v", res.Requests, err)
	}
}

// A stream keeps to its rate while a server is slow, and charges what waited.
func TestStream(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go Upstream(l, []byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"))
	stop := make(chan struct{})
	time.AfterFunc(600*time.Millisecond, func() { close(stop) })
	res, err := Stream(Options{Addr: l.Addr().String(), Conns: 4, Rate: 1000, Warmup: 100 * time.Millisecond, Request: func(i int, dst []byte) []byte {
		if i == 200 {
			time.Sleep(200 * time.Millisecond) // all that is due meanwhile is late
		}
		return append(dst, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"...)
	}}, stop)
	if err != nil {
		t.Fatal(err)
	}
	if n := res.Requests; n == 0 || res.Failed != n || res.Latency.Count() != n {
		t.Errorf("got %d requests, %d failed, %d measured", n, res.Failed, res.Latency.Count())
	}
	if d := res.Latency.Max(); d < 150*time.Millisecond {
		t.Errorf("at most %v: the stall of 200 ms was not charged to what waited", d)
	}
	if r := res.PerSecond(); r > 1010 { // a busy machine may answer fewer within the time
		t.Errorf("%.0f requests a second, not 1000", r)
	}
}

func TestStreamEndsWithServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
		}
	}()
	if res, err := Stream(Options{Addr: l.Addr().String(), Conns: 1, Rate: 1000, Request: func(i int, dst []byte) []byte {
		return append(dst, "GET / HTTP/1.1\r\n\r\n"...)
	}}, nil); err == nil {
		t.Fatalf("no error: %+v", res.Requests)
	}
}
