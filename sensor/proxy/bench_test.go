//go:build unix

package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"strconv"
	"testing"

	"vedette/internal/loadgen"
)

const benchAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"orderId\":28,\"s\":1}"

// BenchmarkOrder is one signed order through the proxy over loopback: client, proxy and
// upstream share the processors. Nothing is allocated per request.
func BenchmarkOrder(b *testing.B) {
	p, c := benchProxy(b)
	defer p.Shutdown(context.Background())
	defer c.Close()
	request, answer := benchRequest(0, nil), make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		c.Write(request)
		if _, err := c.Read(answer); err != nil {
			b.Fatal(err)
		}
	}
}

func benchProxy(b *testing.B) (*Proxy, net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go loadgen.Upstream(l, []byte(benchAnswer))
	p, err := New(Config{Listeners: []Listener{{Addr: "127.0.0.1:0"}}, Monitor: allowAll{}, Loops: *testLoops,
		Venues: []Venue{{Name: "v", Dialect: testDialect, Upstream: "http://" + l.Addr().String()}}})
	if err != nil {
		b.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Addr("127.0.0.1:0").String())
	if err != nil {
		b.Fatal(err)
	}
	return p, c
}

// BenchmarkParse is reading an order's head alone.
func BenchmarkParse(b *testing.B) {
	request := benchRequest(0, nil)
	end := headEnd(request, 0)
	lim := Limits{}.withDefaults()
	var h head
	b.SetBytes(int64(end))
	b.ReportAllocs()
	for b.Loop() {
		if h.parse(request[:end], &lim) != faultNone {
			b.Fatal("refused")
		}
	}
}

// BenchmarkFrame is reading a masked message of 200 bytes.
func BenchmarkFrame(b *testing.B) {
	frame := clientFrame(0x81, benchAnswer+benchAnswer)
	rest := ""
	f := frames{masked: true, limit: 1 << 20, read: func(p []byte) (int, error) {
		if rest == "" {
			rest = frame
		}
		n := copy(p, rest)
		rest = rest[n:]
		return n, nil
	}}
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := f.next(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSocketMessage is a WebSocket message to an upstream that sends it back.
func BenchmarkSocketMessage(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		br := bufio.NewReader(c)
		acceptRaw(c, br)
		f := frames{read: br.Read, masked: true, limit: 1 << 20}
		var out []byte
		for {
			op, m, err := f.next()
			if err != nil {
				return
			}
			out = appendFrame(out[:0], op, nil, m)
			c.Write(out)
		}
	}()
	p, err := New(Config{Listeners: []Listener{{Addr: "127.0.0.1:0"}}, Monitor: allowAll{}, Loops: *testLoops,
		Venues: []Venue{{Name: "v", Dialect: testDialect, Upstream: "http://" + l.Addr().String()}}})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Shutdown(context.Background())
	c, err := net.Dial("tcp", p.Addr("127.0.0.1:0").String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, openSocket)
	buf := make([]byte, 4096)
	c.Read(buf)
	frame := []byte(clientFrame(0x81, benchAnswer+benchAnswer))
	b.ReportAllocs()
	for b.Loop() {
		c.Write(frame)
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func benchRequest(i int, dst []byte) []byte {
	const body = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
	dst = append(dst, "POST /api/v3/order HTTP/1.1\r\nHost: api.binance.com\r\nX-MBX-APIKEY: vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A\r\nContent-Type: application/x-www-form-urlencoded\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	return append(append(dst, "\r\n\r\n"...), body...)
}
