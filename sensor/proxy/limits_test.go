package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
	"vedette/sensor"
)

func TestDecompressionBomb(t *testing.T) {
	var gz bytes.Buffer
	g := gzip.NewWriter(&gz)
	zero := make([]byte, 1<<20)
	for range 40 {
		g.Write(zero)
	}
	g.Close()
	var d decoder
	b, ok := d.decode("gzip", gz.Bytes())
	if !ok || len(b) != sensor.AnswerLimit {
		t.Errorf("decoded %d bytes, want AnswerLimit", len(b))
	}
	if b, ok = d.decode("gzip", []byte("no gzip")); !ok || len(b) != 0 {
		t.Errorf("got %q", b)
	}
}

func TestGigabyteBody(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, head := range []string{"Content-Length: 1073741824\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n40000000\r\n"} {
		c := r.dial()
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\n"+head)
		sent := make(chan int)
		go func() {
			n, block := 0, make([]byte, 1<<20)
			for n < 1<<30 {
				m, err := c.Write(block)
				n += m
				if err != nil {
					break
				}
			}
			sent <- n
		}()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 413 {
			t.Fatalf("%v %v", resp, err)
		}
		if n := <-sent; n > 64<<20 {
			t.Errorf("%d bytes were taken", n)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 32<<20 {
		t.Errorf("allocated %d bytes", grown)
	}
	calls := r.m.Calls()
	if len(calls) != 2 || calls[0].Fault != vedette.TooLarge || calls[1].Fault != vedette.TooLarge {
		t.Errorf("judged %+v", calls)
	}
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	for _, n := range []int{1, firstBuffer - 50, firstBuffer, smallBody, smallBody + 1, 100_000, 8 << 20} {
		body := strings.Repeat("0123456789", n/10+1)[:n]
		if s := statuses(r.raw(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", n, body))); s[0] != 200 {
			t.Fatalf("%d bytes: %v", n, s)
		}
		if got := <-o.got; got.body != body {
			t.Errorf("venue got %d bytes of %d", len(got.body), n)
		}
		var b strings.Builder
		for rest := body; rest != ""; {
			m := min(len(rest), 5000)
			fmt.Fprintf(&b, "%x\r\n%s\r\n", m, rest[:m])
			rest = rest[m:]
		}
		r.raw("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + b.String() + "0\r\n\r\n")
		if got := <-o.got; got.body != body {
			t.Errorf("in chunks venue got %d bytes of %d", len(got.body), n)
		}
	}
}

func TestBodyMemoryIsShared(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) { c.Limits.BodyMemory = 1 << 20 })
	// Announcing costs nothing.
	for range 20 {
		c := r.dial()
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\nx")
	}
	if s := statuses(r.raw(order)); s[0] != 200 {
		t.Errorf("small body: %v", s)
	}
	if s := statuses(r.raw("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n" + strings.Repeat("x", 500000))); s[0] != 200 {
		t.Errorf("body within memory: %v", s)
	}
	got := statuses(r.raw("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + strings.Repeat("x", 3000000)))
	if len(got) != 1 || got[0] != 503 || r.Stats().Faults["body_memory"] != 1 {
		t.Errorf("body over memory: %v %v", got, r.Stats().Faults)
	}
}

func TestSlowClients(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) {
		c.Limits.HeadTimeout, c.Limits.BodyTimeout, c.Limits.IdleTimeout = 60*time.Millisecond, 60*time.Millisecond, 150*time.Millisecond
	})
	drip := func(request string) (string, time.Duration) {
		c := r.dial()
		start := time.Now()
		go func() {
			for i := range request {
				if _, err := c.Write([]byte{request[i]}); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		b, _ := io.ReadAll(c)
		return string(b), time.Since(start)
	}
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: h\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaa", order + strings.Repeat("x", 100)} {
		if request != order {
			request = strings.Replace(request, "Length: 3", "Length: 90", 1)
		}
		got, took := drip(request)
		if s := statuses(got); len(s) != 1 || s[0] != 408 || took > 2*time.Second {
			t.Errorf("slow: got %q after %v", got, took)
		}
	}
	if got, took := drip(""); got != "" || took < 100*time.Millisecond || took > 2*time.Second {
		t.Errorf("idle: got %q after %v", got, took)
	}
	if n := r.Stats().Faults["timeout"]; n != 2 || len(r.m.Calls()) != 0 {
		t.Errorf("%d timeouts, %d calls", n, len(r.m.Calls()))
	}
}

func TestClientThatDoesNotRead(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 20<<20)) })
	r := newRig(t, o.addr, func(c *Config) { c.Limits.WriteTimeout = 60 * time.Millisecond })
	c := r.dial()
	c.(*net.TCPConn).SetReadBuffer(4096)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	eventually(t, "client given up", func() bool { return r.Stats().ClientsGone == 1 && r.Stats().ConnectionsNow == 0 })
	if !r.m.Calls()[0].Done {
		t.Error("not done")
	}
}

func TestConnectionLimits(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) { c.Limits.Connections, c.Limits.SourceConnections = 5, 3 })
	ask := func(c net.Conn) error {
		io.WriteString(c, order)
		_, err := http.ReadResponse(bufio.NewReader(c), nil)
		return err
	}
	var held []net.Conn
	for range 3 {
		c := r.dial()
		if err := ask(c); err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	if err := ask(r.dial()); err == nil {
		t.Error("a fourth connection of one source was served")
	}
	held[0].Close()
	eventually(t, "place free", func() bool { return r.Stats().ConnectionsNow == 2 })
	if err := ask(r.dial()); err != nil {
		t.Errorf("after one left: %v", err)
	}
	if n := r.Stats().ConnectionLimit; n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestUpstreamConnectionsAreBounded(t *testing.T) {
	var now, most atomic.Int64
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
	})
	r := newRig(t, o.addr, func(c *Config) { c.Limits.UpstreamConns = 3 })
	done := make(chan int, 30)
	for range 30 {
		go func() { done <- statuses(r.raw(order))[0] }()
	}
	for range 30 {
		if s := <-done; s != 200 {
			t.Errorf("got %d", s)
		}
	}
	if most.Load() > 3 {
		t.Errorf("%d at a time", most.Load())
	}
}

func TestSlowHandshake(t *testing.T) {
	o := newOrigin(t, nil)
	a := newAuthority(t)
	r := newRig(t, o.addr, func(c *Config) {
		c.Listeners[0].TLS = &TLS{Certificate: a.issue("vedette.test")}
		c.Limits.HandshakeTimeout = 50 * time.Millisecond
	})
	c := r.dial()
	io.WriteString(c, "\x16\x03\x01")
	start := time.Now()
	if b, _ := io.ReadAll(c); time.Since(start) > time.Second {
		t.Errorf("got %q after %v", b, time.Since(start))
	}
	eventually(t, "counted", func() bool { return r.Stats().HandshakeFailed == 1 })
}
