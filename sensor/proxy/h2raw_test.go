package proxy

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// h2Fields writes header fields in the plainest form of HPACK: literals that are not indexed.
func h2Fields(fields ...string) (b []byte) {
	for i := 0; i < len(fields); i += 2 {
		b = append(b, 0)
		for _, s := range fields[i : i+2] {
			b = append(append(b, byte(len(s))), s...) // below 127 bytes
		}
	}
	return b
}

func h2Frame(typ, flags byte, stream uint32, payload []byte) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), typ, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// h2Raw is a client that sends frames as they are given.
type h2Raw struct {
	t *testing.T
	c *tls.Conn
}

func (r *rig) h2Raw(a *authority) *h2Raw {
	r.t.Helper()
	c, err := tls.Dial("tcp", r.addr, &tls.Config{RootCAs: a.pool, ServerName: "vedette.test", NextProtos: []string{"h2"}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(5 * time.Second))
	c.Write(append([]byte(http2Preface), h2Frame(4, 0, 0, nil)...))
	return &h2Raw{r.t, c}
}

const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// ended reads frames until the stream has ended, and returns the type of the frame that did it.
func (h *h2Raw) ended(stream uint32) byte {
	h.t.Helper()
	var head [9]byte
	for {
		if _, err := io.ReadFull(h.c, head[:]); err != nil {
			h.t.Fatalf("stream %d: %v", stream, err)
		}
		n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		io.CopyN(io.Discard, h.c, int64(n))
		if binary.BigEndian.Uint32(head[5:]) == stream && (head[3] == 3 || head[3] <= 1 && head[4]&1 != 0) {
			return head[3]
		}
	}
}

// A Content-Length that no body follows, in a request whose head ends the stream, must not reach
// the venue: it would take what comes next on the connection, another's request, for the body.
func TestHTTP2LengthWithoutBody(t *testing.T) {
	var mu sync.Mutex
	var heads []string
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		for { // answers before it has the body, as nginx does
			req, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			mu.Lock()
			heads = append(heads, req.Method+" "+req.RequestURI)
			mu.Unlock()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			io.Copy(io.Discard, req.Body)
		}
	})
	a := newAuthority(t)
	r := newRig(t, addr, func(c *Config) { c.Listeners[0].TLS = &TLS{Certificate: a.issue("vedette.test")} })
	h := r.h2Raw(a)
	fields := func(method, path string, more ...string) []byte {
		return h2Fields(append([]string{":method", method, ":path", path, ":scheme", "https", ":authority", "h"}, more...)...)
	}
	smuggled := "POST /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	second := "POST /second HTTP/1.1\r\nHost: h\r\nContent-Length: " + strconv.Itoa(len(smuggled)) +
		"\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n"
	h.c.Write(h2Frame(1, 5, 1, fields("GET", "/first", "content-length", strconv.Itoa(len(second)))))
	h.ended(1)
	h.c.Write(h2Frame(1, 4, 3, fields("POST", "/second")))
	h.c.Write(h2Frame(0, 1, 3, []byte(smuggled)))
	h.ended(3)
	time.Sleep(50 * time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	if slices.Contains(heads, "POST /smuggled") || slices.Contains(heads, "GET /first") {
		t.Errorf("venue read %q; judged were %d calls", heads, len(r.m.Calls()))
	}
}

// Bodies of many streams that do not end hold no more memory together than bodies may.
func TestHTTP2BodiesShareMemory(t *testing.T) {
	o := newOrigin(t, nil)
	a := newAuthority(t)
	r := newRig(t, o.addr, func(c *Config) {
		c.Listeners[0].TLS = &TLS{Certificate: a.issue("vedette.test")}
		c.Limits.BodyMemory = 1 << 20
	})
	h := r.h2Raw(a)
	refused := make(chan struct{}, 1000)
	go func() {
		defer close(refused)
		var head [9]byte
		for {
			if _, err := io.ReadFull(h.c, head[:]); err != nil {
				return
			}
			io.CopyN(io.Discard, h.c, int64(head[0])<<16|int64(head[1])<<8|int64(head[2]))
			if head[3] == 1 {
				refused <- struct{}{}
			}
		}
	}()
	time.Sleep(50 * time.Millisecond) // until the server has opened its window
	for i := range 120 {
		stream := uint32(2*i + 1)
		h.c.Write(h2Frame(1, 4, stream, h2Fields(":method", "POST", ":path", "/a", ":scheme", "https", ":authority", "h")))
		h.c.Write(h2Frame(0, 0, stream, make([]byte, 15000)))
		time.Sleep(time.Millisecond)
	}
	select {
	case <-refused:
	case <-time.After(2 * time.Second):
		t.Errorf("120 streams with 15,000 bytes each are held; counted are %d bytes", r.Stats().BodyMemoryNow)
	}
	h.c.Close()
	eventually(t, "their memory back", func() bool { return r.Stats().BodyMemoryNow == 0 })
}
