//go:build linux

package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vedette/sensor"
)

// startLoop gives one loop for the test.
func startLoop(t *testing.T) *loop {
	t.Helper()
	all, err := newLoops(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(all[0].stop)
	return all[0]
}

// tcpPair gives both ends of a connection.
func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

// onLoop runs f as the task of one end of a connection and returns the other.
func onLoop(t *testing.T, l *loop, f func(t *task, s *sock)) *net.TCPConn {
	t.Helper()
	a, b := tcpPair(t)
	s, err := l.adopt(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.start(func(k *task) {
		s.task = k
		f(k, s)
		s.Close()
	})
	return b
}

func echo(_ *task, s *sock) { io.Copy(s, struct{ io.Reader }{s}) }

// Everything arrives, whole and in order, over many connections of one loop, more than socket
// buffers hold.
func TestLoopMovesBytes(t *testing.T) {
	l := startLoop(t)
	var wg sync.WaitGroup
	for i := range 50 {
		c := onLoop(t, l, echo)
		wg.Go(func() {
			sent := bytes.Repeat([]byte(fmt.Sprintf("%06d|", i)), 300_000)
			go func() {
				c.Write(sent)
				c.CloseWrite()
			}()
			time.Sleep(20 * time.Millisecond) // until writing has to wait
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("connection %d: %d of %d bytes came back, error %v", i, len(got), len(sent), err)
			}
		})
	}
	wg.Wait()
}

// A deadline ends a read under way, from any goroutine, also one that is set while waiting.
func TestLoopDeadlines(t *testing.T) {
	l := startLoop(t)
	socks, ended := make(chan *sock, 1), make(chan error, 1)
	read := func(_ *task, s *sock) {
		socks <- s
		_, err := s.Read(make([]byte, 1))
		ended <- err
	}
	for _, when := range []time.Duration{-time.Hour, 20 * time.Millisecond} {
		onLoop(t, l, read)
		s := <-socks
		begun := time.Now()
		s.SetReadDeadline(begun.Add(when))
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) < when {
			t.Errorf("deadline in %v: %v after %v", when, err, time.Since(begun))
		}
	}
}

// A task that blocks elsewhere holds nobody up, and a panic there is its own.
func TestLoopBlock(t *testing.T) {
	l := startLoop(t)
	release := make(chan struct{})
	blocked := onLoop(t, l, func(k *task, s *sock) {
		defer func() { fmt.Fprint(s, recover()) }()
		k.block(func() {
			<-release
			panic("ours")
		})
	})
	c := onLoop(t, l, echo)
	c.Write([]byte("x"))
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatalf("held up by a blocked task: %v", err)
	}
	close(release)
	if got, _ := io.ReadAll(blocked); string(got) != "ours" {
		t.Errorf("got %q, want the panic", got)
	}
}

// A client that always has more to say does not starve the others.
func TestLoopIsFair(t *testing.T) {
	l := startLoop(t)
	var turns atomic.Int64
	stop := make(chan struct{})
	defer close(stop)
	c := onLoop(t, l, func(_ *task, s *sock) {
		for b := make([]byte, 1); ; turns.Add(1) {
			if _, err := s.Read(b); err != nil {
				return
			}
		}
	})
	go func() {
		for b := make([]byte, 64<<10); ; {
			select {
			case <-stop:
				c.Close()
				return
			default:
				c.Write(b)
			}
		}
	}()
	eventually(t, "greedy client at work", func() bool { return turns.Load() > taskTurns })
	other := onLoop(t, l, echo)
	other.SetDeadline(time.Now().Add(5 * time.Second))
	for range 100 {
		other.Write([]byte("x"))
		if _, err := other.Read(make([]byte, 1)); err != nil {
			t.Fatalf("starved: %v", err)
		}
	}
}

// A connection goes back to the runtime's poller with nothing lost.
func TestLoopRelease(t *testing.T) {
	l := startLoop(t)
	freed := make(chan net.Conn, 1)
	a, b := tcpPair(t)
	s, err := l.adopt(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.start(func(k *task) {
		s.task = k
		s.Read(make([]byte, 5))
		go func() {
			c, err := s.release()
			if err != nil {
				t.Error(err)
			}
			freed <- c
		}()
	})
	b.Write([]byte("first second"))
	c := <-freed
	defer c.Close()
	b.CloseWrite()
	if got, err := io.ReadAll(c); err != nil || string(got) != " second" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := s.Close(); err == nil {
		t.Error("the descriptor has two owners")
	}
}

// slowMonitor waits in Done until it is let go, as sync mode does for the disk.
type slowMonitor struct {
	allowAll
	hold chan struct{}
}

func (slowMonitor) Waits(x *sensor.Exchange) bool { return strings.HasPrefix(x.Request.Path, "/slow") }
func (m slowMonitor) Done(x *sensor.Exchange) bool {
	if m.Waits(x) {
		<-m.hold
	}
	return true
}

// A call whose record waits for the disk holds no other call of its loop up.
func TestWaitingMonitorHoldsNobodyUp(t *testing.T) {
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}
	})
	m := slowMonitor{hold: make(chan struct{})}
	r := newRig(t, addr, func(c *Config) { c.Monitor = m; c.Loops = 1 })
	slow := make(chan string)
	go func() { slow <- r.raw("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n") }()
	for range 20 {
		if s := statuses(r.raw("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n")); len(s) != 1 || s[0] != 200 {
			t.Fatalf("quick call: %v", s)
		}
	}
	select {
	case s := <-slow:
		t.Fatalf("answer released before its record: %q", s)
	default:
	}
	close(m.hold)
	if s := statuses(<-slow); len(s) != 1 || s[0] != 200 {
		t.Errorf("slow call: %v", s)
	}
}
