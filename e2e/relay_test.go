package e2e

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// relay is a man in the middle: it carries bytes between a client and the monitor
// and keeps what the client sent.
type relay struct {
	addr string
	hold atomic.Int64 // ns that the client's bytes are held back, except where nothing is signed

	mu    sync.Mutex
	taps  []*tap
	conns []net.Conn
}

// tap is the client's half of one connection.
type tap struct {
	mu    sync.Mutex
	bytes []byte
}

func newRelay(t testing.TB, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { r.carry(c, to) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.mu.Lock()
		for _, c := range r.conns {
			c.Close()
		}
		r.mu.Unlock()
		wg.Wait()
	})
	return r
}

func (r *relay) carry(client net.Conn, to string) {
	defer client.Close()
	monitor, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer monitor.Close()
	p := &tap{}
	r.mu.Lock()
	r.taps = append(r.taps, p)
	r.conns = append(r.conns, client, monitor)
	r.mu.Unlock()
	go func() {
		io.Copy(client, monitor)
		client.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if n > 0 {
			p.mu.Lock()
			p.bytes = append(p.bytes, buf[:n]...)
			p.mu.Unlock()
			if masked := buf[0]&0x80 != 0; masked || bytes.Contains(buf[:n], []byte("signature=")) {
				time.Sleep(time.Duration(r.hold.Load()))
			}
			if _, err := monitor.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// heard is one request or WebSocket message on the line.
type heard struct {
	raw     []byte // the whole request as sent; nil for a message
	request *http.Request
	body    []byte
	message []byte
}

// signed reports whether it carries a signature.
func (h *heard) signed() bool {
	return h.message != nil && bytes.Contains(h.message, []byte(`"signature"`)) ||
		h.message == nil && (strings.Contains(h.request.URL.RawQuery, "signature=") || bytes.Contains(h.body, []byte("signature=")))
}

// heard takes the client's bytes apart again.
func (r *relay) heard(t testing.TB) (list []heard) {
	t.Helper()
	r.mu.Lock()
	taps := append([]*tap(nil), r.taps...)
	r.mu.Unlock()
	for _, p := range taps {
		p.mu.Lock()
		b := bytes.Clone(p.bytes)
		p.mu.Unlock()
		more, err := takeApart(b)
		if err != nil {
			t.Fatalf("cannot take apart what ccxt sent: %v", err)
		}
		list = append(list, more...)
	}
	return list
}

func takeApart(b []byte) (list []heard, err error) {
	for len(b) > 0 {
		rest := bytes.NewReader(b)
		br := bufio.NewReader(rest)
		q, err := http.ReadRequest(br)
		if err != nil {
			return list, err
		}
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return list, err
		}
		n := len(b) - rest.Len() - br.Buffered()
		list = append(list, heard{raw: b[:n], request: q, body: body})
		b = b[n:]
		if strings.EqualFold(q.Header.Get("Upgrade"), "websocket") {
			messages, err := messages(b)
			return append(list, messages...), err
		}
	}
	return list, nil
}

// messages reads a client's WebSocket frames (RFC 6455, section 5.2).
func messages(b []byte) (list []heard, err error) {
	for len(b) >= 6 {
		opcode, size, head := b[0]&15, int(b[1]&0x7f), 2
		switch size {
		case 126:
			size, head = int(binary.BigEndian.Uint16(b[2:])), 4
		case 127:
			size, head = int(binary.BigEndian.Uint64(b[2:])), 10
		}
		if b[0]&0xf0 != 0x80 || b[1]&0x80 == 0 || len(b) < head+4+size {
			return list, errors.New("a fragment, a compressed or an unmasked frame: the test expects none")
		}
		mask, data := b[head:head+4], bytes.Clone(b[head+4:head+4+size])
		for i := range data {
			data[i] ^= mask[i%4]
		}
		if opcode == 1 {
			list = append(list, heard{message: data})
		}
		b = b[head+4+size:]
	}
	return list, nil
}
