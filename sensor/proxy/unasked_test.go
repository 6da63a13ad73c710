package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// gatherConn sends what is written to it at once when told to.
type gatherConn struct {
	net.Conn
	hold bool
	b    bytes.Buffer
}

func (c *gatherConn) Write(b []byte) (int, error) {
	if c.hold {
		return c.b.Write(b)
	}
	return c.Conn.Write(b)
}

func (c *gatherConn) release() {
	c.hold = false
	c.Conn.Write(c.b.Bytes())
	c.b.Reset()
}

// An answer that the venue sends unasked is nobody's, also where it came in the same packet as
// another one and lies in TLS's buffer.
func TestUnaskedAnswerOverTLSIsNobodys(t *testing.T) {
	a := newAuthority(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{*a.issue("127.0.0.1")}}
	serveEach(t, l, func(raw net.Conn, _ *bufio.Reader) {
		g := &gatherConn{Conn: raw}
		c := tls.Server(g, cfg)
		br := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			g.hold = true
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
			if req.URL.Path == "/first" {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nothers")
			}
			g.release()
			if req.URL.Path == "/idle" { // as load balancers do before they close
				time.Sleep(5 * time.Millisecond)
				io.WriteString(c, "HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\n\r\n")
			}
		}
	})
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	for _, loops := range []int{0, 1} {
		r := newRig(t, "https://"+l.Addr().String(), func(c *Config) {
			c.Loops = min(c.Loops, loops)
			c.Venues[0].UpstreamTLS = &tls.Config{RootCAs: pool}
		})
		for _, path := range []string{"/first", "/second", "/idle", "/third"} {
			got := r.raw("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
			if !strings.HasSuffix(got, "mine") {
				t.Errorf("%d loops: %s was answered %q", loops, path, got)
			}
			time.Sleep(20 * time.Millisecond)
		}
		if open, _ := r.places(); open != 1 {
			t.Errorf("%d connections are open", open)
		}
	}
}

// A client of HTTP/1.0 knows the end of a long answer by the connection's: over TLS too, a cut one
// must not end as a whole one does.
func TestCutAnswerOverTLSIsNotWhole(t *testing.T) {
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		http.ReadRequest(br)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n"+strings.Repeat("x", 200000))
	})
	addrChunked := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		http.ReadRequest(br)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n"+strings.Repeat("x", 200000)+"\r\n")
	})
	a := newAuthority(t)
	for _, addr := range []string{addr, addrChunked} {
		r := newRig(t, addr, func(c *Config) { c.Listeners[0].TLS = &TLS{Certificate: a.issue("vedette.test")} })
		c, err := tls.Dial("tcp", r.addr, &tls.Config{RootCAs: a.pool, ServerName: "vedette.test"})
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(c, "GET /a HTTP/1.0\r\nHost: h\r\n\r\n")
		b, err := io.ReadAll(c)
		c.Close()
		if err == nil && !strings.Contains(string(b), "Content-Length") {
			t.Errorf("%d bytes were taken for the whole answer", len(b))
		}
	}
}
