package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vedette/sensor"
)

// reader is a monitor that reads what it is shown, as dialects do.
type reader struct {
	allowAll
	judged, done *atomic.Int64
}

func (m reader) Judge(x *sensor.Exchange) {
	x.Request.JSON()
	x.Request.Params()
	m.judged.Add(1)
}

func (m reader) Done(x *sensor.Exchange) bool {
	x.Request.JSON()
	x.Answer.JSON()
	m.done.Add(1)
	return true
}

// TestTreesAreNotKept: a body of 65,000 values makes 1.8 MB of tree. It is there while
// the call is judged, not while the connection waits for the venue or for another call.
func TestTreesAreNotKept(t *testing.T) {
	const n = 100
	m := reader{judged: new(atomic.Int64), done: new(atomic.Int64)}
	release := make(chan struct{})
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		for {
			q, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			io.Copy(io.Discard, q.Body)
			<-release
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		}
	})
	r := newRig(t, addr, func(c *Config) { c.Monitor = m })
	body := "[" + strings.Repeat("0,", 65000) + "0]"
	start := heap()
	var conns []net.Conn
	for range n {
		c := r.dial()
		c.SetDeadline(time.Now().Add(time.Minute)) // with the race detector a tree takes long
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		conns = append(conns, c)
	}
	eventually(t, "judged", func() bool { return m.judged.Load() == n })
	if grown := (heap() - start) / n; grown > 512<<10 {
		t.Errorf("%d bytes for a call that waits for the venue", grown)
	}
	close(release)
	for _, c := range conns {
		if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
	}
	if grown := (heap() - start) / n; grown > 192<<10 {
		t.Errorf("%d bytes for a connection that waits for a call", grown)
	}
	runtime.KeepAlive(conns)
}

// TestTreesAreNotKeptBySessions is the same for a WebSocket session.
func TestTreesAreNotKeptBySessions(t *testing.T) {
	const n = 30
	m := reader{judged: new(atomic.Int64), done: new(atomic.Int64)}
	r := newRig(t, echoVenue(t), func(c *Config) { c.Monitor = m })
	message := []byte("[" + strings.Repeat("0,", 65000) + "0]")
	var sockets []*websocket.Conn
	for range n {
		c := r.socket("/")
		c.SetReadLimit(1 << 20)
		sockets = append(sockets, c)
	}
	exchange := func(message []byte) {
		for _, c := range sockets {
			if err := c.Write(context.Background(), websocket.MessageText, message); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Read(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	exchange([]byte("[]"))
	start := heap()
	exchange(message)
	if grown := (heap() - start) / n; grown > 1<<20 { // buffers of both ends, and of the venue, too
		t.Errorf("%d bytes for a session that waits for a message", grown)
	}
}

func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
