package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// earlyOrigin answers a request before its body has come, reads no more, and closes nothing until the end.
func earlyOrigin(answer string, end chan struct{}) func(c net.Conn, br *bufio.Reader) {
	return func(c net.Conn, br *bufio.Reader) {
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		io.WriteString(c, answer)
		<-end
	}
}

// TestEarlyRefusalWithoutClose: an upstream that refuses a long body before it has it, and neither reads on
// nor closes, does not hold the call up.
func TestEarlyRefusalWithoutClose(t *testing.T) {
	const refusal = "HTTP/1.1 413 Too Long\r\nContent-Length: 4\r\n\r\nlong"
	a := newAuthority(t)
	for _, loops := range []int{0, 1} {
		for _, scheme := range []string{"http", "https"} {
			end := make(chan struct{})
			addr := rawOrigin(t, earlyOrigin(refusal, end))
			if scheme == "https" {
				addr = tlsOrigin(t, a, earlyOrigin(refusal, end))
			}
			r := newRig(t, addr, func(c *Config) {
				c.Loops = loops
				c.Venues[0].UpstreamTLS = &tls.Config{RootCAs: a.pool, ServerName: "venue.test"}
			})
			t.Cleanup(func() { close(end) })
			start := time.Now()
			got := r.raw("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 8000000\r\n\r\n" + strings.Repeat("x", 8000000))
			if s := statuses(got); len(s) != 1 || s[0] != 413 || !strings.HasSuffix(got, "long") || time.Since(start) > 10*time.Second {
				t.Errorf("loops %d, %s: after %v: %.200q", loops, scheme, time.Since(start), got)
			}
		}
	}
}

// TestEarlyAcceptance: what an upstream says while it still reads is no reason to stop.
func TestEarlyAcceptance(t *testing.T) {
	serve := func(c net.Conn, br *bufio.Reader) {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
		time.Sleep(50 * time.Millisecond)
		n, _ := io.Copy(io.Discard, req.Body)
		if n == 8000000 {
			io.WriteString(c, "8000000")
		}
	}
	a := newAuthority(t)
	for _, loops := range []int{0, 1} {
		for _, addr := range []string{rawOrigin(t, serve), tlsOrigin(t, a, serve)} {
			r := newRig(t, addr, func(c *Config) {
				c.Loops = loops
				c.Venues[0].UpstreamTLS = &tls.Config{RootCAs: a.pool, ServerName: "venue.test"}
			})
			got := r.raw("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 8000000\r\n\r\n" + strings.Repeat("x", 8000000))
			if s := statuses(got); len(s) != 1 || s[0] != 200 || !strings.HasSuffix(got, "8000000") {
				t.Errorf("loops %d, %s: %.200q", loops, addr, got)
			}
		}
	}
}

// tlsOrigin is rawOrigin over TLS.
func tlsOrigin(t *testing.T, a *authority, f func(c net.Conn, br *bufio.Reader)) string {
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*a.issue("venue.test")}})
	if err != nil {
		t.Fatal(err)
	}
	serveEach(t, l, f)
	return "https://" + l.Addr().String()
}
