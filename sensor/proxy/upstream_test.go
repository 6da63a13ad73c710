package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
	"vedette/sensor"
)

const order = "POST /order HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na=b"

func TestUpstreamDown(t *testing.T) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	l.Close()
	r := newRig(t, "http://"+l.Addr().String(), func(c *Config) { c.Limits.DownTime = time.Hour; c.Limits.FailuresToDown = 3 })
	for i := range 6 {
		got := r.raw(order)
		want := 502
		if i >= 3 {
			want = 503
		}
		if s := statuses(got); len(s) != 1 || s[0] != want || !strings.Contains(got, `{"code":-1,"msg":"upstream_down"}`) {
			t.Errorf("call %d: got %q, want %d in the venue's own shape", i, got, want)
		}
	}
	if r.Up()["test"] {
		t.Error("counts as up")
	}
	for _, c := range r.m.Calls() {
		if !c.Done || c.Answer.Status != 0 {
			t.Errorf("call %+v: want done without an answer", c)
		}
	}
}

func TestUpstreamComesBack(t *testing.T) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	addr := l.Addr().String()
	l.Close()
	r := newRig(t, "http://"+addr, func(c *Config) { c.Limits.DownTime = 20 * time.Millisecond; c.Limits.FailuresToDown = 1 })
	r.raw(order)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skip("port was taken meanwhile")
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})}
	go srv.Serve(l)
	defer srv.Close()
	eventually(t, "an answer again", func() bool { return statuses(r.raw(order))[0] == 200 })
	if !r.Up()["test"] {
		t.Error("counts as down")
	}
}

// Only failures in a row count.
func TestAnswersEndARowOfFailures(t *testing.T) {
	var fail atomic.Bool
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		for {
			if _, err := http.ReadRequest(br); err != nil || fail.Load() {
				return
			}
			br.Discard(3)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	r := newRig(t, addr, func(c *Config) { c.Limits.FailuresToDown, c.Limits.DownTime = 3, time.Hour })
	for i := range 9 {
		fail.Store(i%3 != 2)
		want := 502
		if i%3 == 2 {
			want = 200
		}
		if s := statuses(r.raw(order)); s[0] != want {
			t.Errorf("call %d: got %v, want %d", i, s, want)
		}
	}
	if !r.Up()["test"] {
		t.Error("counts as down")
	}
}

func TestActiveCheckFindsUpstreamBack(t *testing.T) {
	var healthy atomic.Bool
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ping" && !healthy.Load() {
			w.WriteHeader(503)
		}
	})
	r := newRig(t, o.addr, func(c *Config) {
		c.Limits.FailuresToDown = 2
		c.Limits.DownTime = 10 * time.Millisecond
		c.Venues[0].CheckPath, c.Venues[0].CheckEvery = "/ping", 5*time.Millisecond
	})
	eventually(t, "found down", func() bool { return !r.Up()["test"] })
	healthy.Store(true)
	eventually(t, "found up", func() bool { return r.Up()["test"] })
	if n := len(r.m.Calls()); n != 0 {
		t.Errorf("checks were judged as calls: %d", n)
	}
}

// An order whose answer is lost may have been carried out: it is never sent twice, and the client
// is not told otherwise.
func TestLostAnswerIsNotSentAgain(t *testing.T) {
	var got atomic.Int64
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		for i := 0; ; i++ {
			req, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			io.Copy(io.Discard, req.Body)
			if i == 1 {
				got.Add(1)
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	r := newRig(t, addr, nil)
	r.raw(order)
	answer := r.raw(order)
	if s := statuses(answer); len(s) != 1 || s[0] != 502 || !strings.Contains(answer, "not known") || got.Load() != 1 {
		t.Errorf("order: got %q, sent %d times", answer, got.Load())
	}
	r.m.Decide = func(x *sensor.Exchange) { x.Call.Operation = vedette.OpMarketRead }
	get := "GET /time HTTP/1.1\r\nHost: h\r\n\r\n"
	r.raw(get)
	if s := statuses(r.raw(get)); len(s) != 1 || s[0] != 200 || r.Stats().UpstreamRetried != 1 {
		t.Errorf("reading: got %v, retried %d times", s, r.Stats().UpstreamRetried)
	}
	r.m.Decide = func(x *sensor.Exchange) { x.Call.Operation = vedette.OpUnknown }
	if s := statuses(r.raw(get)); s[0] != 502 {
		t.Errorf("unknown operation by GET: got %v, want no second try", s)
	}
}

// A connection that the upstream closed while it was idle is noticed before anything is sent.
func TestStaleConnectionIsNotUsed(t *testing.T) {
	var conns atomic.Int64
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		conns.Add(1)
		http.ReadRequest(br)
		br.Discard(3)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	r := newRig(t, addr, nil)
	for i := range 5 {
		if s := statuses(r.raw(order)); len(s) != 1 || s[0] != 200 {
			t.Fatalf("call %d: %v", i, s)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if conns.Load() != 5 || r.Stats().UpstreamFailed != 0 {
		t.Errorf("%d connections, %d failures", conns.Load(), r.Stats().UpstreamFailed)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var conns atomic.Int64
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		conns.Add(1)
		for {
			if _, err := http.ReadRequest(br); err != nil {
				return
			}
			br.Discard(3)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	r := newRig(t, addr, nil)
	for range 20 {
		r.raw(order)
	}
	if conns.Load() != 1 {
		t.Errorf("%d connections for 20 calls in a row", conns.Load())
	}
}

// Answers that are no HTTP, with the status the client gets.
func TestBadAnswers(t *testing.T) {
	var answer atomic.Value
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		if _, err := http.ReadRequest(br); err == nil {
			br.Discard(3)
			io.WriteString(c, answer.Load().(string))
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, br)
		}
	})
	r := newRig(t, addr, func(c *Config) { c.Limits.FailuresToDown = 1000 })
	for _, bad := range []string{
		"",
		"SSH-2.0-OpenSSH\r\n",
		"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"HTTP/2 200\r\n\r\n",
		"HTTP/1.1 20x OK\r\n\r\n",
		"HTTP/1.1 200OK\r\n\r\n",
		"HTTP/1.1 099 x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 70<<10) + "\r\n\r\n",
		strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	} {
		answer.Store(bad)
		if s := statuses(r.raw(order)); len(s) != 1 || s[0] != 502 {
			t.Errorf("answer %.60q: client got %v, want 502", bad, s)
		}
	}
}

func TestAnswersInEveryFraming(t *testing.T) {
	var answer atomic.Value
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		for {
			req, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			io.Copy(io.Discard, req.Body)
			s := answer.Load().(string)
			last := strings.Contains(s, "Connection: close")
			for len(s) > 0 { // in pieces, to cut everywhere
				n := min(len(s), 1+len(s)/3)
				io.WriteString(c, s[:n])
				s = s[n:]
			}
			if last {
				return
			}
		}
	})
	r := newRig(t, addr, nil)
	big := strings.Repeat("0123456789abcdef", 20<<10) // 320 KiB
	chunked := func(s string, size int) string {
		var b strings.Builder
		for len(s) > 0 {
			n := min(size, len(s))
			fmt.Fprintf(&b, "%x;e=f\r\n%s\r\n", n, s[:n])
			s = s[n:]
		}
		return b.String() + "0\r\nT: u\r\n\r\n"
	}
	rows := []struct{ name, method, answer, body string }{
		{"length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		{"no length, closed", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", "hello"},
		{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked("hello", 2), "hello"},
		{"empty", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		{"no reason", "GET", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "ok"},
		{"interim", "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
		{"204", "DELETE", "HTTP/1.1 204 No Content\r\n\r\n", ""},
		{"304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", ""},
		{"HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", ""},
		{"large by length", "GET", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(big), big), big},
		{"large by chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(big, 1000), big},
		{"large until closed", "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + big, big},
		{"just whole", "GET", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", wholeAnswer, big[:wholeAnswer]), big[:wholeAnswer]},
		{"just not whole", "GET", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", wholeAnswer+1, big[:wholeAnswer+1]), big[:wholeAnswer+1]},
	}
	for _, minor := range []string{"1", "0"} {
		c := r.dial()
		br := bufio.NewReader(c)
		for _, row := range rows {
			if minor == "0" {
				c = r.dial()
				br = bufio.NewReader(c)
			}
			answer.Store(row.answer)
			fmt.Fprintf(c, "%s / HTTP/1.%s\r\nHost: h\r\n\r\n", row.method, minor)
			resp, err := http.ReadResponse(br, &http.Request{Method: row.method})
			if err != nil {
				t.Errorf("%s to 1.%s: %v", row.name, minor, err)
				continue
			}
			b, err := io.ReadAll(resp.Body)
			if err != nil || string(b) != row.body {
				t.Errorf("%s to 1.%s: got %d bytes (%v), want %d", row.name, minor, len(b), err, len(row.body))
			}
			if resp.Header.Get("Link") != "" || resp.Trailer.Get("T") != "" {
				t.Errorf("%s to 1.%s: header %v", row.name, minor, resp.Header)
			}
			if strings.Contains(row.name, "with a length") && resp.Header.Get("Content-Length") != "10" {
				t.Errorf("%s to 1.%s: header %v", row.name, minor, resp.Header)
			}
			calls := r.m.Calls()
			last := calls[len(calls)-1]
			if want := row.body[:min(len(row.body), sensor.AnswerLimit)]; string(last.Answer.Body) != want || last.AnswerBytes != len(row.body) {
				t.Errorf("%s to 1.%s: monitor saw %d bytes of %d, want %d of %d", row.name, minor, len(last.Answer.Body), last.AnswerBytes, len(want), len(row.body))
			}
		}
	}
}

// Nothing of a small answer and not the end of a large one is released before Done.
func TestReleaseWaitsForDone(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/big" {
			w.Header().Set("Content-Length", fmt.Sprint(len(big)))
			io.WriteString(w, big)
		}
	})
	r := newRig(t, o.addr, nil)
	gate := make(chan struct{})
	r.m.OnDone = func(*sensor.Exchange) { <-gate }
	for _, path := range []string{"/small", "/big"} {
		c := r.dial()
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path)
		<-o.got
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		early, _ := io.ReadAll(c)
		_, released, _ := bytes.Cut(early, []byte("\r\n\r\n"))
		if path == "/small" && len(early) > 0 || len(released) >= len(big) {
			t.Errorf("%s: %d bytes were released before Done", path, len(early))
		}
		gate <- struct{}{}
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(early), c)), nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if path == "/big" && string(b) != big || err != nil {
			t.Errorf("%s: got %d bytes, %v", path, len(b), err)
		}
		c.Close()
	}
}

func TestCodedAnswers(t *testing.T) {
	text := strings.Repeat(`{"orderId":1,"status":"FILLED"}`, 100)
	var gz, zl bytes.Buffer
	g := gzip.NewWriter(&gz)
	io.WriteString(g, text)
	g.Close()
	z := zlib.NewWriter(&zl)
	io.WriteString(z, text)
	z.Close()
	coded := map[string]string{"gzip": gz.String(), "deflate": zl.String(), "br": "\x0b\x02\x80abc\x03"}
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		c := r.URL.Path[1:]
		w.Header().Set("Content-Encoding", c)
		io.WriteString(w, coded[c])
	})
	r := newRig(t, o.addr, nil)
	for _, c := range []string{"gzip", "deflate", "br"} {
		answer := r.raw("GET /" + c + " HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, deflate\r\n\r\n")
		if !strings.HasSuffix(answer, coded[c]) || !strings.Contains(answer, "Content-Encoding: "+c) {
			t.Errorf("%s: the client's answer was changed: %q", c, answer)
		}
		calls := r.m.Calls()
		got := string(calls[len(calls)-1].Answer.Body)
		if c == "br" {
			if got != "" || r.Stats().AnswersUnread != 1 || len(r.m.Gaps()) != 1 {
				t.Errorf("br: monitor saw %q, gaps %v", got, r.m.Gaps())
			}
		} else if got != text {
			t.Errorf("%s: monitor saw %.60q", c, got)
		}
	}
}

// A small answer that unpacks to gigabytes costs what AnswerLimit says.
func TestDecompressionBomb(t *testing.T) {
	var gz bytes.Buffer
	g := gzip.NewWriter(&gz)
	zero := make([]byte, 1<<20)
	for range 40 {
		g.Write(zero)
	}
	g.Close()
	var d decoder
	b, ok := d.decode("gzip", gz.Bytes())
	if !ok || len(b) != sensor.AnswerLimit {
		t.Errorf("decoded %d bytes, want AnswerLimit", len(b))
	}
	if b, ok = d.decode("gzip", []byte("no gzip")); !ok || len(b) != 0 {
		t.Errorf("got %q", b)
	}
}

func TestSlowUpstream(t *testing.T) {
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		http.ReadRequest(br)
		io.Copy(io.Discard, br)
	})
	r := newRig(t, addr, func(c *Config) { c.Limits.AnswerTimeout = 50 * time.Millisecond })
	start := time.Now()
	answer := r.raw(order)
	if s := statuses(answer); len(s) != 1 || s[0] != 504 || !strings.Contains(answer, "not known") {
		t.Errorf("got %q", answer)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %v", d)
	}
}

// A large answer that breaks off must not look whole to the client.
func TestResetInMidAnswer(t *testing.T) {
	for _, frame := range []string{"Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nf4240\r\n"} {
		addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
			http.ReadRequest(br)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n"+frame+strings.Repeat("x", 500000))
			time.Sleep(20 * time.Millisecond)
			c.(*net.TCPConn).SetLinger(0)
		})
		r := newRig(t, addr, nil)
		c := r.dial()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%q: client read %d bytes and took them for all", frame, len(b))
		}
		eventually(t, "done with the status that came, and a gap", func() bool {
			calls := r.m.Calls()
			return calls[0].Done && calls[0].Answer.Status == 200 && len(r.m.Gaps()) == 1
		})
	}
}

func TestClientLeaves(t *testing.T) {
	arrived := make(chan struct{}, 10)
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		time.Sleep(30 * time.Millisecond)
		io.WriteString(w, strings.Repeat("x", 1000))
	})
	r := newRig(t, o.addr, nil)
	// In the middle of a head and of a body: no call.
	for _, part := range []string{"POST / HT", order[:len(order)-1]} {
		c := r.dial()
		io.WriteString(c, part)
		c.Close()
	}
	// While the venue works: the call is carried out and recorded.
	c := r.dial()
	io.WriteString(c, order)
	<-arrived
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	eventually(t, "done with the answer", func() bool {
		calls := r.m.Calls()
		return len(calls) == 1 && calls[0].Done && calls[0].Answer.Status == 200
	})
}

// Bodies over the limit are refused without reading them, whoever sends how much.
func TestGigabyteBody(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, head := range []string{"Content-Length: 1073741824\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n40000000\r\n"} {
		c := r.dial()
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\n"+head)
		sent := make(chan int)
		go func() {
			n, block := 0, make([]byte, 1<<20)
			for n < 1<<30 {
				m, err := c.Write(block)
				n += m
				if err != nil {
					break
				}
			}
			sent <- n
		}()
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 413 {
			t.Fatalf("%v %v", resp, err)
		}
		if n := <-sent; n > 64<<20 {
			t.Errorf("%d bytes were taken", n)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 32<<20 {
		t.Errorf("allocated %d bytes", grown)
	}
	calls := r.m.Calls()
	if len(calls) != 2 || calls[0].Fault != vedette.TooLarge || calls[1].Fault != vedette.TooLarge {
		t.Errorf("judged %+v", calls)
	}
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	for _, n := range []int{1, firstBuffer - 50, firstBuffer, smallBody, smallBody + 1, 100_000, 8 << 20} {
		body := strings.Repeat("0123456789", n/10+1)[:n]
		if s := statuses(r.raw(fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", n, body))); s[0] != 200 {
			t.Fatalf("%d bytes: %v", n, s)
		}
		if got := <-o.got; got.body != body {
			t.Errorf("venue got %d bytes of %d", len(got.body), n)
		}
		var b strings.Builder
		for rest := body; rest != ""; {
			m := min(len(rest), 5000)
			fmt.Fprintf(&b, "%x\r\n%s\r\n", m, rest[:m])
			rest = rest[m:]
		}
		r.raw("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + b.String() + "0\r\n\r\n")
		if got := <-o.got; got.body != body {
			t.Errorf("in chunks venue got %d bytes of %d", len(got.body), n)
		}
	}
}

func TestBodyMemoryIsShared(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) { c.Limits.BodyMemory = 1 << 20 })
	// Announcing costs nothing.
	for range 20 {
		c := r.dial()
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\nx")
	}
	if s := statuses(r.raw(order)); s[0] != 200 {
		t.Errorf("small body: %v", s)
	}
	if s := statuses(r.raw("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n" + strings.Repeat("x", 500000))); s[0] != 200 {
		t.Errorf("body within memory: %v", s)
	}
	got := statuses(r.raw("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + strings.Repeat("x", 3000000)))
	if len(got) != 1 || got[0] != 503 || r.Stats().Faults["body_memory"] != 1 {
		t.Errorf("body over memory: %v %v", got, r.Stats().Faults)
	}
}

func TestSlowClients(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) {
		c.Limits.HeadTimeout, c.Limits.BodyTimeout, c.Limits.IdleTimeout = 60*time.Millisecond, 60*time.Millisecond, 150*time.Millisecond
	})
	drip := func(request string) (string, time.Duration) {
		c := r.dial()
		start := time.Now()
		go func() {
			for i := range request {
				if _, err := c.Write([]byte{request[i]}); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		b, _ := io.ReadAll(c)
		return string(b), time.Since(start)
	}
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: h\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaa", order + strings.Repeat("x", 100)} {
		if request != order {
			request = strings.Replace(request, "Length: 3", "Length: 90", 1)
		}
		got, took := drip(request)
		if s := statuses(got); len(s) != 1 || s[0] != 408 || took > 2*time.Second {
			t.Errorf("slow: got %q after %v", got, took)
		}
	}
	if got, took := drip(""); got != "" || took < 100*time.Millisecond || took > 2*time.Second {
		t.Errorf("idle: got %q after %v", got, took)
	}
	if n := r.Stats().Faults["timeout"]; n != 2 || len(r.m.Calls()) != 0 {
		t.Errorf("%d timeouts, %d calls", n, len(r.m.Calls()))
	}
}

// A client that does not read its answers is let go.
func TestClientThatDoesNotRead(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 20<<20)) })
	r := newRig(t, o.addr, func(c *Config) { c.Limits.WriteTimeout = 60 * time.Millisecond })
	c := r.dial()
	c.(*net.TCPConn).SetReadBuffer(4096)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	eventually(t, "client given up", func() bool { return r.Stats().ClientsGone == 1 && r.Stats().ConnectionsNow == 0 })
	if !r.m.Calls()[0].Done {
		t.Error("not done")
	}
}

func TestHalfClose(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		io.WriteString(w, "late")
	})
	r := newRig(t, o.addr, nil)
	c := r.dial()
	io.WriteString(c, order)
	c.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(c); err != nil || !bytes.HasSuffix(b, []byte("late")) {
		t.Errorf("got %q %v", b, err)
	}
}

func TestConnectionLimits(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) { c.Limits.Connections, c.Limits.SourceConnections = 5, 3 })
	ask := func(c net.Conn) error {
		io.WriteString(c, order)
		_, err := http.ReadResponse(bufio.NewReader(c), nil)
		return err
	}
	var held []net.Conn
	for range 3 {
		c := r.dial()
		if err := ask(c); err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	if err := ask(r.dial()); err == nil {
		t.Error("a fourth connection of one source was served")
	}
	held[0].Close()
	eventually(t, "place free", func() bool { return r.Stats().ConnectionsNow == 2 })
	if err := ask(r.dial()); err != nil {
		t.Errorf("after one left: %v", err)
	}
	if n := r.Stats().ConnectionLimit; n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestUpstreamConnectionsAreBounded(t *testing.T) {
	var now, most atomic.Int64
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
	})
	r := newRig(t, o.addr, func(c *Config) { c.Limits.UpstreamConns = 3 })
	done := make(chan int, 30)
	for range 30 {
		go func() { done <- statuses(r.raw(order))[0] }()
	}
	for range 30 {
		if s := <-done; s != 200 {
			t.Errorf("got %d", s)
		}
	}
	if most.Load() > 3 {
		t.Errorf("%d at a time", most.Load())
	}
}

func TestRefusal(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	r.m.Decide = func(x *sensor.Exchange) {
		if x.Request.Path == "/order" {
			x.Call.Decision = vedette.Decision{Effect: vedette.Throttle, Reason: vedette.Throttled, RetryAfterMS: 1500}
			x.Refusal.Status, x.Refusal.ContentType, x.Refusal.Body = 429, "application/json", []byte(`{"code":-1003}`)
		}
	}
	got := r.raw(order + "GET /time HTTP/1.1\r\nHost: h\r\n\r\n" + order)
	if s := statuses(got); fmt.Sprint(s) != "[429 200 429]" {
		t.Errorf("got %v", s)
	}
	if !strings.Contains(got, "Retry-After: 2\r\n") || !strings.Contains(got, `{"code":-1003}`) {
		t.Errorf("got %q", got)
	}
	if g := <-o.got; g.uri != "/time" || len(o.got) != 0 {
		t.Errorf("venue got %s and %d more", g.uri, len(o.got))
	}
}

// A monitor that panics must neither let a call through nor take the proxy down.
func TestMonitorPanics(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	r.m.Decide = func(x *sensor.Exchange) {
		if x.Request.Path == "/judge" {
			panic("judge")
		}
	}
	r.m.OnDone = func(x *sensor.Exchange) {
		if x.Request.Path == "/done" {
			panic("done")
		}
	}
	if s := statuses(r.raw("GET /judge HTTP/1.1\r\nHost: h\r\n\r\nGET /done HTTP/1.1\r\nHost: h\r\n\r\nGET /fine HTTP/1.1\r\nHost: h\r\n\r\n")); fmt.Sprint(s) != "[500 500 200]" {
		t.Errorf("got %v", s)
	}
	if g := <-o.got; g.uri != "/done" {
		t.Errorf("venue got %s", g.uri)
	}
	if g := r.m.Gaps(); len(g) != 2 || r.Stats().MonitorPanics != 2 {
		t.Errorf("gaps %v", g)
	}
}

func TestShutdownDrains(t *testing.T) {
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(100 * time.Millisecond)
		io.WriteString(w, "late")
	})
	r := newRig(t, o.addr, nil)
	idle, busy := r.dial(), r.dial()
	io.WriteString(busy, order)
	<-o.got
	done := make(chan error)
	go func() { done <- r.Shutdown(context.Background()) }()
	if b, _ := io.ReadAll(busy); !bytes.HasSuffix(b, []byte("late")) || !bytes.Contains(b, []byte("Connection: close")) && len(statuses(string(b))) != 1 {
		t.Errorf("busy got %q", b)
	}
	if b, _ := io.ReadAll(idle); len(b) != 0 {
		t.Errorf("idle got %q", b)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("still listens")
	}
}

func TestReload(t *testing.T) {
	var slow atomic.Bool
	a := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			time.Sleep(100 * time.Millisecond)
		}
		io.WriteString(w, "a")
	})
	b := newOrigin(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "b") })
	r := newRig(t, a.addr, nil)
	c := r.dial()
	br := bufio.NewReader(c)
	ask := func() string {
		io.WriteString(c, order)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	if got := ask(); got != "a" {
		t.Errorf("before: %s", got)
	}
	slow.Store(true)
	r.cfg.Venues = append([]Venue(nil), r.cfg.Venues...)
	r.cfg.Venues[0].Upstream = b.addr
	go func() {
		time.Sleep(30 * time.Millisecond)
		if err := r.Reload(r.cfg); err != nil {
			t.Error(err)
		}
	}()
	if got := ask(); got != "a" {
		t.Errorf("under way while reloading: %s", got)
	}
	if got := ask(); got != "b" {
		t.Errorf("after, on the same connection: %s", got)
	}
	bad := r.cfg
	bad.Venues = []Venue{{Name: "x", Dialect: testDialect, Upstream: "gopher://x"}}
	if err := r.Reload(bad); err == nil {
		t.Error("took a bad configuration")
	}
	if got := ask(); got != "b" {
		t.Errorf("after a refused reload: %s", got)
	}
}

func TestRouting(t *testing.T) {
	o := newOrigin(t, nil)
	p := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) {
		c.Venues = []Venue{
			{Name: "host", Dialect: testDialect, Upstream: o.addr, Hosts: []string{"api.one.example", "*.two.example"}},
			{Name: "path", Dialect: testDialect, Upstream: p.addr, PathPrefix: "/three", StripPrefix: true, SendHost: UpstreamHost},
		}
	})
	rows := []struct{ host, target, venue, uri string }{
		{"api.one.example", "/x", "host", "/x"},
		{"API.One.Example:8080", "/x?y", "host", "/x?y"},
		{"a.two.example", "/x", "host", "/x"},
		{"a.b.two.example", "/x", "", ""},
		{"two.example", "/x", "", ""},
		{"elsewhere", "/three/x?y=z", "path", "/x?y=z"},
		{"elsewhere", "/three", "path", "/"},
		{"elsewhere", "/three?a=b", "path", "/?a=b"},
		{"elsewhere", "/threefold", "", ""},
	}
	for _, row := range rows {
		before := len(r.m.Calls())
		s := statuses(r.raw("GET " + row.target + " HTTP/1.1\r\nHost: " + row.host + "\r\n\r\n"))
		if row.venue == "" {
			if s[0] != 421 || len(r.m.Calls()) != before {
				t.Errorf("%+v: got %v", row, s)
			}
			continue
		}
		from, host := o, row.host
		if row.venue == "path" {
			from, host = p, strings.TrimPrefix(p.addr, "http://")
		}
		if got := <-from.got; got.uri != row.uri || got.host != host {
			t.Errorf("%+v: venue got %s at %s", row, got.uri, got.host)
		}
		if c := r.m.Calls()[before].Request; c.Host != row.host || c.Path+"?"+c.Query != row.uri && c.Path != row.uri {
			t.Errorf("%+v: monitor saw %+v", row, c)
		}
	}
	if n := r.Stats().Unrouted; n != 3 {
		t.Errorf("%d unrouted", n)
	}
}

// An upstream may refuse a long body before it has read it.
func TestEarlyAnswer(t *testing.T) {
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		http.ReadRequest(br)
		io.WriteString(c, "HTTP/1.1 413 Too Long\r\nContent-Length: 4\r\n\r\nlong")
		time.Sleep(20 * time.Millisecond) // closes with unread data: a reset
	})
	r := newRig(t, addr, nil)
	got := r.raw("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n" + strings.Repeat("x", 8000000))
	if s := statuses(got); len(s) != 1 || s[0] != 413 && s[0] != 502 {
		t.Errorf("got %.200q", got)
	}
}

func TestHideClient(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) {
		c.Venues[0].HideClient = true
		c.Trusted = prefixes("127.0.0.0/8")
	})
	r.raw("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nForwarded: for=x\r\n\r\n")
	for name := range (<-o.got).header {
		if k := kindOf(name); k == kindForwarded || k == kindForwardedFor || k == kindForwardedProto {
			t.Errorf("venue got %s", name)
		}
	}
	if c := r.m.Calls()[0]; c.Source != "203.0.113.7:0" || c.Request.Scheme != "https" {
		t.Errorf("monitor saw %s by %s", c.Source, c.Request.Scheme)
	}
}

// Listeners come and go, and change between plain HTTP and TLS, while others serve on.
func TestReloadListeners(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	kept := r.dial()
	br := bufio.NewReader(kept)
	ask := func() {
		t.Helper()
		io.WriteString(kept, order)
		if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v %v", resp, err)
		} else {
			io.Copy(io.Discard, resp.Body)
		}
	}
	ask()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	added := r.cfg
	added.Listeners = append([]Listener{}, r.cfg.Listeners...)
	added.Listeners = append(added.Listeners, Listener{Listener: l})
	if err := r.Reload(added); err != nil {
		t.Fatal(err)
	}
	ask()
	second := &rig{Proxy: r.Proxy, t: t, m: r.m, addr: l.Addr().String()}
	if s := statuses(second.raw(order)); s[0] != 200 {
		t.Errorf("new listener: %v", s)
	}
	a := newAuthority(t)
	added.Listeners[1].TLS = &TLS{Certificate: a.issue("vedette.test")}
	if err := r.Reload(added); err != nil {
		t.Fatal(err)
	}
	resp, err := second.httpsClient(a, nil, false).Get("https://" + second.addr + "/")
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("with TLS: %v", err)
	}
	resp.Body.Close()
	added.Listeners = added.Listeners[:1]
	if err := r.Reload(added); err != nil {
		t.Fatal(err)
	}
	ask()
	if _, err := net.Dial("tcp", second.addr); err == nil {
		t.Error("removed listener still listens")
	}
	if n := r.Stats().Reloads; n != 3 {
		t.Errorf("%d reloads", n)
	}
}

func TestSlowHandshake(t *testing.T) {
	o := newOrigin(t, nil)
	a := newAuthority(t)
	r := newRig(t, o.addr, func(c *Config) {
		c.Listeners[0].TLS = &TLS{Certificate: a.issue("vedette.test")}
		c.Limits.HandshakeTimeout = 50 * time.Millisecond
	})
	c := r.dial()
	io.WriteString(c, "\x16\x03\x01")
	start := time.Now()
	if b, _ := io.ReadAll(c); time.Since(start) > time.Second {
		t.Errorf("got %q after %v", b, time.Since(start))
	}
	eventually(t, "counted", func() bool { return r.Stats().HandshakeFailed == 1 })
}

func TestBadConfigurations(t *testing.T) {
	good := func() Config {
		return Config{Monitor: allowAll{}, Listeners: []Listener{{Addr: "127.0.0.1:0"}}, Venues: []Venue{{Name: "a", Dialect: testDialect, Upstream: "http://127.0.0.1:1"}}}
	}
	for name, spoil := range map[string]func(*Config){
		"no monitor":          func(c *Config) { c.Monitor = nil },
		"no dialect":          func(c *Config) { c.Venues[0].Dialect = nil },
		"venue twice":         func(c *Config) { c.Venues = append(c.Venues, c.Venues[0]) },
		"venue without name":  func(c *Config) { c.Venues[0].Name = "" },
		"upstream scheme":     func(c *Config) { c.Venues[0].Upstream = "ftp://x" },
		"upstream with path":  func(c *Config) { c.Venues[0].Upstream = "http://x/api" },
		"upstream with user":  func(c *Config) { c.Venues[0].Upstream = "http://u:p@x" },
		"no verification":     func(c *Config) { c.Venues[0].UpstreamTLS = &tls.Config{InsecureSkipVerify: true} },
		"prefix":              func(c *Config) { c.Venues[0].PathPrefix = "api/" },
		"listener twice":      func(c *Config) { c.Listeners = append(c.Listeners, c.Listeners[0]) },
		"unknown venue":       func(c *Config) { c.Listeners[0].Venues = []string{"b"} },
		"TLS without a key":   func(c *Config) { c.Listeners[0].TLS = &TLS{CertFile: "x"} },
		"TLS without files":   func(c *Config) { c.Listeners[0].TLS = &TLS{CertFile: "/nonexistent/c", KeyFile: "/nonexistent/k"} },
		"address taken":       func(c *Config) { c.Listeners[0].Addr = "256.0.0.1:0" },
		"head limit":          func(c *Config) { c.Limits.HeadBytes = 10 },
		"target over head":    func(c *Config) { c.Limits.TargetBytes = 1 << 19 },
		"negative body limit": func(c *Config) { c.Limits.BodyBytes = -1 },
	} {
		c := good()
		spoil(&c)
		p, err := New(c)
		if err == nil {
			t.Errorf("%s: accepted", name)
			p.Shutdown(context.Background())
		}
		if err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: tells the secret: %v", name, err)
		}
	}
}
