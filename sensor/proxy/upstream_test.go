package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vedette"
	"vedette/sensor"
)

const order = "POST /order HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na=b"

// deadPort returns an address where nobody listens, until listen is called. The port is taken: nobody else gets it.
func deadPort(t *testing.T) (addr string, listen func() net.Listener) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "port")
	t.Cleanup(func() { f.Close() })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port), func() net.Listener {
		if err := unix.Listen(fd, 8); err != nil {
			t.Fatal(err)
		}
		l, err := net.FileListener(f)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

func TestUpstreamDown(t *testing.T) {
	addr, _ := deadPort(t)
	r := newRig(t, "http://"+addr, func(c *Config) { c.Limits.DownTime = time.Hour; c.Limits.FailuresToDown = 3 })
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
	addr, listen := deadPort(t)
	r := newRig(t, "http://"+addr, func(c *Config) { c.Limits.DownTime = 20 * time.Millisecond; c.Limits.FailuresToDown = 1 })
	r.raw(order)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})}
	go srv.Serve(listen())
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

// oneLoop has all clients share the upstream's connections, which each loop has its own of.
func oneLoop(c *Config) { c.Loops = min(c.Loops, 1) }

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
	r := newRig(t, addr, oneLoop)
	r.raw(order)
	answer := r.raw(order)
	if s := statuses(answer); len(s) != 1 || s[0] != 502 || !strings.Contains(answer, "answer_lost") || got.Load() != 1 {
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
	r := newRig(t, addr, oneLoop)
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
func TestSlowUpstream(t *testing.T) {
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		http.ReadRequest(br)
		io.Copy(io.Discard, br)
	})
	r := newRig(t, addr, func(c *Config) { c.Limits.AnswerTimeout = 50 * time.Millisecond })
	start := time.Now()
	answer := r.raw(order)
	if s := statuses(answer); len(s) != 1 || s[0] != 504 || !strings.Contains(answer, "answer_lost") {
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
// A client that does not read its answers is let go.
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

// A monitor that panics must neither let a call through nor take the proxy down.
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

// Listeners come and go, and change between plain HTTP and TLS, while others serve on.

// A client that reads at once is not cut off since the venue pauses.
func TestVenuePausesLongerThanClientsMayTake(t *testing.T) {
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		http.ReadRequest(br)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 4<<20)
		piece := strings.Repeat("x", 2<<20)
		io.WriteString(c, piece)
		time.Sleep(400 * time.Millisecond)
		io.WriteString(c, piece)
	})
	r := newRig(t, addr, func(c *Config) { c.Limits.WriteTimeout, c.Limits.AnswerTimeout = 100*time.Millisecond, 5*time.Second })
	resp, err := http.Get("http://" + r.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if len(b) != 4<<20 || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	http.DefaultClient.CloseIdleConnections()
}
