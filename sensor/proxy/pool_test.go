package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"math/rand"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// okOrigin answers every request without a body.
func okOrigin(accepted *atomic.Int64, wait time.Duration) func(c net.Conn, br *bufio.Reader) {
	return func(c net.Conn, br *bufio.Reader) {
		accepted.Add(1)
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				time.Sleep(wait)
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}
	}
}

// crowd has n clients ask for some time, and counts the answers with 200 and others. pause lets connections go
// idle now and then.
func crowd(addr string, n int, d, pause time.Duration) (ok, other int64) {
	var wg sync.WaitGroup
	var good, bad atomic.Int64
	end := time.Now().Add(d)
	for range n {
		wg.Go(func() {
			cl := &http.Client{Transport: &http.Transport{}}
			defer cl.CloseIdleConnections()
			for i := 1; time.Now().Before(end); i++ {
				resp, err := cl.Get("http://" + addr + "/x")
				if err != nil {
					bad.Add(1)
					continue
				}
				io.Copy(io.Discard, resp.Body)
				if resp.Body.Close(); resp.StatusCode == 200 {
					good.Add(1)
				} else {
					bad.Add(1)
				}
				if i%50 == 0 {
					time.Sleep(pause)
				}
			}
		})
	}
	wg.Wait()
	return good.Load(), bad.Load()
}

// places returns how many of the upstream's places are taken, and by idle links.
func (r *rig) places() (open, idling int) {
	u := r.Proxy.state.Load().routes[0].up
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.open, u.idling
}

// Links to a TLS upstream that idle on one loop are closed by another and by the sweeper, which say goodbye in
// their name.
func TestIdleTLSLinksAreClosedFromElsewhere(t *testing.T) {
	a := newAuthority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*a.issue("venue.test")}})
	if err != nil {
		t.Fatal(err)
	}
	var accepted atomic.Int64
	serveEach(t, l, okOrigin(&accepted, 0))
	r := newRig(t, "https://"+l.Addr().String(), func(c *Config) {
		c.Monitor = allowAll{}
		c.Venues[0].UpstreamTLS = &tls.Config{RootCAs: a.pool, ServerName: "venue.test"}
		c.Limits.UpstreamConns, c.Limits.UpstreamIdle, c.Limits.UpstreamTimeout = 8, 8, 30*time.Millisecond
	})
	ok, bad := crowd(r.addr, 12, time.Second, 60*time.Millisecond)
	if bad > 0 || ok < 100 || accepted.Load() < 10 {
		t.Errorf("%d answers, %d failed, over %d connections", ok, bad, accepted.Load())
	}
	if n := r.Stats().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

// A link that is given back while who waits for it gives up is not lost.
func TestPoolKeepsItsPlaces(t *testing.T) {
	var accepted atomic.Int64
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		okOrigin(&accepted, time.Duration(rand.Intn(1500))*time.Microsecond)(c, br)
	})
	r := newRig(t, addr, func(c *Config) {
		c.Monitor = allowAll{}
		c.Limits.UpstreamConns, c.Limits.UpstreamIdle, c.Limits.ConnectTimeout = 4, 4, 2*time.Millisecond
	})
	ok, bad := crowd(r.addr, 48, 2*time.Second, 0)
	if ok == 0 || bad == 0 {
		t.Errorf("%d answered, %d refused: that is no overload", ok, bad)
	}
	if open, idling := r.places(); open != idling {
		t.Errorf("%d of %d places are gone", open-idling, open)
	}
}

// Loops that share a pool at its limit do not take each other's connections apart.
func TestPoolAtItsLimitKeepsConnections(t *testing.T) {
	var accepted atomic.Int64
	addr := rawOrigin(t, okOrigin(&accepted, time.Millisecond))
	r := newRig(t, addr, func(c *Config) {
		c.Monitor = allowAll{}
		c.Limits.UpstreamConns, c.Limits.UpstreamIdle = 8, 8
	})
	ok, bad := crowd(r.addr, 32, time.Second, 0)
	if bad > 0 || accepted.Load() > max(100, ok/20) {
		t.Errorf("%d connections for %d answers, %d failed", accepted.Load(), ok, bad)
	}
}

// Of an answer that its client does not wait for no more is read than what saves the upstream's connection.
func TestGoneIsNotReadOn(t *testing.T) {
	ended := make(chan struct{})
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		defer close(ended)
		br.ReadString('\n')
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
		for b := make([]byte, 64<<10); ; time.Sleep(time.Millisecond) {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
	r := newRig(t, addr, func(c *Config) { c.Monitor = allowAll{} })
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
	io.ReadFull(c, make([]byte, 1<<10))
	c.Close()
	select {
	case <-ended: // long before its end
	case <-time.After(10 * time.Second):
		t.Error("the upstream is still read from")
	}
	eventually(t, "its place", func() bool { open, _ := r.places(); return open == 0 && r.Stats().ClientsGone == 1 })
}

// A client that reads a large answer at a trickle does not hold the upstream's connection for long, and does not
// make the upstream count as down.
func TestTrickleIsCut(t *testing.T) {
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		br.ReadString('\n')
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n")
		for b := make([]byte, 1<<20); ; {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
	r := newRig(t, addr, func(c *Config) {
		c.Monitor = allowAll{}
		c.Limits.WriteTimeout = 200 * time.Millisecond
	})
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
	done := make(chan struct{})
	go func() { // some bytes every 50 ms: each piece is taken in time
		defer close(done)
		for b := make([]byte, 4<<10); ; time.Sleep(50 * time.Millisecond) {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	}()
	eventually(t, "the trickle cut", func() bool { open, _ := r.places(); return open == 0 && r.Stats().ClientsGone > 0 })
	<-done
	if !r.Up()["test"] || r.Stats().UpstreamFailed != 0 {
		t.Errorf("up %v, %d failures of the upstream", r.Up(), r.Stats().UpstreamFailed)
	}
}
