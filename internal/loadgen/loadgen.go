//go:build unix

// Package loadgen measures an HTTP/1.1 server's throughput and latency with prepared requests over raw sockets.
package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Options says what load to make.
type Options struct {
	Addr  string // of the server
	Conns int    // keep-alive connections, each with one request under way
	// Rate is requests per second of all connections together, sent on schedule whether or
	// not earlier answers came in time (open loop). 0 sends the next request as soon as
	// the last was answered (closed loop).
	Rate   float64
	Warmup time.Duration // not measured
	For    time.Duration // measured
	// Request appends the i-th request, whole, to dst. It is called from one goroutine per
	// connection, with i counted over all of them.
	Request func(i int, dst []byte) []byte
}

// Result is what came of it.
type Result struct {
	Requests int           // answered within the measured time
	Failed   int           // of these with a status of 400 and above
	Elapsed  time.Duration // of the measured part
	// Latency is from the intended time of sending in an open loop, so that a stalled
	// server cannot hide what waited behind it, and from the real one in a closed loop.
	Latency Histogram
}

// PerSecond returns the rate of answered requests.
func (r *Result) PerSecond() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// Run makes the load and returns what it measured. Each connection has a thread of its own
// that blocks in the kernel: the generator takes no part in any poller, and its sleep is as
// exact as the kernel's. Run it in a process with GOMAXPROCS above Conns.
func Run(o Options) (*Result, error) {
	start := time.Now().Add(10 * time.Millisecond)
	from, to := start.Add(o.Warmup), start.Add(o.Warmup+o.For)
	results := make([]Result, o.Conns)
	errs := make([]error, o.Conns)
	var wg sync.WaitGroup
	for i := range results {
		c, err := Dial(o.Addr)
		if err != nil {
			return nil, err
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer c.Close()
			Exact()
			errs[i] = c.run(&o, i, start, from, to, &results[i])
		}()
	}
	wg.Wait()
	total := &Result{Elapsed: o.For}
	for i := range results {
		total.Requests += results[i].Requests
		total.Failed += results[i].Failed
		total.Latency.Merge(&results[i].Latency)
	}
	return total, errors.Join(errs...)
}

// Conn is one connection with blocking calls, past the runtime's poller.
type Conn struct {
	fd   int
	file interface{ Close() error }
	in   []byte
	out  []byte
}

// Dial connects.
func Dial(addr string) (*Conn, error) {
	n, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", err)
	}
	defer n.Close()
	f, err := n.(*net.TCPConn).File()
	if err != nil {
		return nil, fmt.Errorf("cannot take socket over: %w", err)
	}
	// Fd sets the descriptor to blocking mode.
	return &Conn{fd: int(f.Fd()), file: f, in: make([]byte, 64<<10)}, nil
}

// Close closes it.
func (c *Conn) Close() { c.file.Close() }

func (c *Conn) run(o *Options, i int, start, from, to time.Time, r *Result) error {
	gap := time.Duration(0)
	if o.Rate > 0 {
		gap = time.Duration(float64(o.Conns) / o.Rate * float64(time.Second))
	}
	due := start.Add(gap * time.Duration(i) / time.Duration(o.Conns))
	for n := i; ; n += o.Conns {
		c.out = o.Request(n, c.out[:0])
		if gap > 0 || n == i {
			SleepUntil(due)
		} else {
			due = time.Now()
		}
		if due.After(to) {
			return nil
		}
		status, err := c.RoundTrip(c.out)
		if err != nil {
			return err
		}
		now := time.Now()
		if due.After(from) && now.Before(to) {
			r.count(status, now.Sub(due))
		}
		due = due.Add(gap)
	}
}

// Exact has the calling goroutine keep a thread of its own whose sleep is as exact as the kernel's.
func Exact() {
	runtime.LockOSThread()
	exactSleep()
}

// SleepUntil sleeps in the kernel.
func SleepUntil(t time.Time) {
	for d := time.Until(t); d > 0; d = time.Until(t) {
		ts := syscall.NsecToTimespec(int64(d))
		syscall.Nanosleep(&ts, nil)
	}
}

// RoundTrip sends a request, reads an answer with a Content-Length and returns its status.
func (c *Conn) RoundTrip(request []byte) (int, error) {
	for b := request; len(b) > 0; {
		n, err := syscall.Write(c.fd, b)
		if err != nil {
			return 0, fmt.Errorf("cannot send: %w", err)
		}
		b = b[n:]
	}
	for have := 0; ; {
		n, err := syscall.Read(c.fd, c.in[have:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("cannot receive: %w", err)
		}
		if n == 0 {
			return 0, errors.New("cannot receive: server closed the connection")
		}
		have += n
		if end := messageEnd(c.in[:have]); end > 0 && have >= end {
			return strconv.Atoi(string(c.in[9:12]))
		}
		if have == len(c.in) {
			return 0, errors.New("cannot receive: answer over 64 KiB")
		}
	}
}

// messageEnd returns the length of the message at the start of b, 0 while its head is
// incomplete. It knows Content-Length only.
func messageEnd(b []byte) int {
	i := bytes.Index(b, []byte("\r\n\r\n"))
	if i < 0 {
		return 0
	}
	head := b[:i+2]
	for j := 0; j < len(head); {
		k := j + bytes.IndexByte(head[j:], '\n')
		const name = "content-length:"
		if line := head[j:k]; len(line) > len(name) && line[0]|0x20 == 'c' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			n, _ := strconv.Atoi(string(bytes.TrimSpace(line[len(name):])))
			return i + 4 + n
		}
		j = k + 1
	}
	return i + 4
}

// Upstream answers every request on l with the same bytes, until l is closed. Requests may
// carry a body with a Content-Length.
func Upstream(l net.Listener, answer []byte) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			in, have := make([]byte, 64<<10), 0
			for {
				n, err := c.Read(in[have:])
				if err != nil {
					return
				}
				have += n
				for {
					end := messageEnd(in[:have])
					if end == 0 || have < end {
						break
					}
					if _, err := c.Write(answer); err != nil {
						return
					}
					have = copy(in, in[end:have])
				}
			}
		}()
	}
}
