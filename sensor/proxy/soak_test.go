//go:build unix

package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestTenThousandConnections holds 10,000 connections, each of which has made a call, and
// refuses the next. It takes fewer where there are not 20,500 descriptors.
func TestTenThousandConnections(t *testing.T) {
	if os.Getenv("VEDETTE_SOAK") == "" {
		t.Skip("set VEDETTE_SOAK=1 for 10,000 connections")
	}
	var lim syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim)
	lim.Cur = lim.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
	n := min(10000, int(lim.Cur-500)/2) // both ends are in this process
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		for {
			if _, err := http.ReadRequest(br); err != nil {
				return
			}
			br.Discard(3)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	r := newRig(t, addr, func(c *Config) { c.Limits.Connections, c.Limits.SourceConnections = n, n; c.Monitor = allowAll{} })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	conns := make([]net.Conn, n)
	buf := make([]byte, 1000)
	for i := range conns {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, order)
		if _, err := c.Read(buf); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns[i] = c
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := (after.HeapInuse + after.StackInuse - before.HeapInuse - before.StackInuse) / uint64(n)
	t.Logf("%d connections, %d bytes each, client's side included", n, per)
	if per > 40<<10 {
		t.Errorf("%d bytes a connection", per)
	}
	c := r.dial()
	if m, err := c.Read(buf); err == nil {
		t.Errorf("connection over the limit was answered %q", buf[:m])
	}
	start := time.Now()
	for i, c := range conns {
		fmt.Fprint(c, order)
		if _, err := c.Read(buf); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	t.Logf("a call on each: %v", time.Since(start))
}
