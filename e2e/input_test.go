package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vedette/sim/client"
	"vedette/sim/simtest"
)

// TestUpstreamDown has the venue refuse connections, accept and say nothing, and break
// off in the middle.
func TestUpstreamDown(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts and stays silent
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte(`{"half":`))
	}))
	defer broken.Close()
	refusing := "http://127.0.0.1:1"
	for _, u := range []struct {
		name, url string
		status    []int
	}{{"refuses", refusing, []int{502, 503}}, {"silent", "http://" + l.Addr().String(), []int{502, 503, 504}}, {"breaks off", broken.URL, []int{502, 503, 504}}} {
		m := newMonitor(t, setup{venue: v, yaml: "limits:\n  answer_timeout: 1s\n"})
		b, err := os.ReadFile(m.config)
		if err != nil {
			t.Fatal(err)
		}
		write(t, m.config, strings.Replace(string(b), v.URL, u.url, 1))
		m.start()
		c := newTrader(m, v.Keys[0])
		r := c.order()
		for i := range 8 { // more than make an upstream count as down
			if i > 0 {
				r = c.order()
			}
			began := time.Now()
			a := c.do(r)
			ok := false
			for _, s := range u.status {
				ok = ok || a.Status == s
			}
			// Only where the call was not carried out for certain may the venue's own "not
			// executed" be said, else "unknown".
			code := -1007
			if u.name == "refuses" {
				code = -1001
			}
			if !ok || a.Code != code {
				t.Errorf("%s: %d %s", u.name, a.Status, a.Body)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s: answered after %v", u.name, took)
			}
			if u.name != "refuses" && i == 1 {
				break
			}
		}
		if u.name == "refuses" {
			if s := m.status(); len(s.Listening) != 1 || s.Listening[0].Up {
				t.Errorf("%s: the status says %+v", u.name, s.Listening)
			}
			if m.figure("proxy_upstream_failed_total") == 0 || m.figure(`upstream_up{venue="binance"}`) != 0 {
				t.Errorf("%s: not in /metrics", u.name)
			}
		}
		m.stop()
		m.verified()
		calls := m.calls()
		if len(calls) < 2 || calls[0].Verdict != "authentic" || calls[0].Operation != "order.new" {
			t.Errorf("%s: recorded %v", u.name, calls)
		}
	}
}

// resident is the memory of the monitor, in MiB.
func (m *monitor) resident() int {
	m.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.cmd.Process.Pid))
	if err != nil {
		m.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib >> 10
		}
	}
	m.t.Fatal("no VmRSS")
	return 0
}

// zeros is a body without an end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// TestHugeBody sends a gigabyte, announced and not.
func TestHugeBody(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v}).start()
	c := newTrader(m, v.Keys[0])
	c.want("a call before", c.account(), 200, 0)
	before := m.resident()
	requests := v.API.Requests()
	for _, chunked := range []bool{false, true} {
		q, err := http.NewRequest("POST", m.url+"/api/v3/order", io.LimitReader(zeros{}, 1<<30))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("X-MBX-APIKEY", v.Keys[0].ID)
		if q.ContentLength = 1 << 30; chunked {
			q.ContentLength = -1
		}
		res, err := (&http.Client{Timeout: patience}).Do(q)
		if err != nil {
			t.Logf("chunked %v: %v", chunked, err) // the answer may be lost to the reset
			continue
		}
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("chunked %v: %s", chunked, res.Status)
		}
		res.Body.Close()
	}
	// Many at once that stay below the limit each, and never end.
	var held []net.Conn
	for range 40 {
		n, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		n.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(n, "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", 8<<20)
		if _, err := io.CopyN(n, zeros{}, 1<<20); err == nil {
			held = append(held, n)
		}
	}
	if grown := m.resident() - before; grown > 600 { // 256 MiB of bodies, and the race detector's shadow of it
		t.Errorf("memory grew by %d MiB", grown)
	} else {
		t.Logf("memory grew by %d MiB with %d bodies of 1 MiB under way", grown, len(held))
	}
	c.want("a call meanwhile", c.account(), 200, 0)
	for _, n := range held {
		n.Close()
	}
	if n := v.API.Requests() - requests; n != 1 {
		t.Errorf("%d requests reached the venue, want 1", n)
	}
	eventually(t, "the broken calls are recorded", func() bool { return m.figure("calls_total{verdict=\"malformed\"}") >= 2 })
	m.stop()
	m.verified()
}

// TestHostileBytes sends what is no request, and what is hardly one.
func TestHostileBytes(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v, yaml: "limits:\n  head_timeout: 1s\n  body_timeout: 1s\n"}).start()
	c := newTrader(m, v.Keys[0])
	requests := v.API.Requests()
	rng := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 4096)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	const head = "POST /api/v3/order HTTP/1.1\r\nHost: x\r\n"
	for name, sent := range map[string]string{
		"random":            string(random),
		"newlines":          strings.Repeat("\r\n", 5000),
		"TLS":               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"header of 1 MiB":   "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 1<<20) + "\r\n\r\n",
		"10,000 headers":    "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: a\r\n", 10000) + "\r\n",
		"long target":       "GET /" + strings.Repeat("a", 100<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"two lengths":       head + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
		"length and chunks": head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two hosts":         "GET /api/v3/time HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"chunk too large":   head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
		"folded header":     "GET /api/v3/time HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
		"space in name":     "GET /api/v3/time HTTP/1.1\r\nHost: x\r\nContent-Length : 0\r\n\r\n",
		"negative length":   head + "Content-Length: -1\r\n\r\n",
		"stops in its head": head,
		"stops in its body": head + "Content-Length: 100\r\n\r\nabc",
	} {
		n, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		n.SetDeadline(time.Now().Add(patience))
		go io.WriteString(n, sent)
		res, err := http.ReadResponse(bufio.NewReader(n), nil)
		switch {
		case err == nil && (res.StatusCode < 400 || res.StatusCode > 499):
			t.Errorf("%s: %s", name, res.Status)
		case err != nil && os.IsTimeout(err):
			t.Errorf("%s: neither answer nor end", name)
		}
		n.Close()
		c.want("a call after "+name, c.account(), 200, 0)
	}
	// One byte at a time, forever: cut off at the timeout, and nobody else waits.
	n, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	began := time.Now()
	go func() {
		for range 600 {
			if _, err := io.WriteString(n, "G"); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	n.SetReadDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, n)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a client that sends a byte at a time was held for %v, head_timeout is 1s", took)
	}
	c.want("a call at last", c.account(), 200, 0)
	if n := v.API.Requests() - requests; n != 16 {
		t.Errorf("%d requests reached the venue, want the 16 good ones", n)
	}
	m.stop()
	m.verified()
}

// TestTwoMonitors starts a second monitor on the same folder.
func TestTwoMonitors(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v}).start()
	second := newMonitor(t, setup{venue: v, dir: m.dir})
	if err := second.tryStart(); err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), "lock") {
		t.Errorf("the second monitor: %v", err)
	}
	c := newTrader(m, v.Keys[0])
	c.want("a call of the first", c.order(), 200, 0)
	if s := m.status(); s.Mode != "enforce" {
		t.Errorf("the first one's control socket: %+v", s)
	}
	m.stop()
	m.verified()
}

// TestLongFolder gives the data folder a path that no socket can have.
func TestLongFolder(t *testing.T) {
	t.Parallel()
	m := newMonitor(t, setup{dir: filepath.Join(t.TempDir(), strings.Repeat("long", 25))})
	if err := m.tryStart(); err == nil || !strings.Contains(err.Error(), "give the data folder a shorter one") {
		t.Errorf("got %v", err)
	}
}

// TestReload changes the configuration under a WebSocket session.
func TestReload(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	s := setup{venue: v, mode: "observe", yaml: "ledger:\n  max_delay: 20ms\n"}
	m := newMonitor(t, s).start()
	c := newTrader(m, v.Keys[0])
	ws, err := c.wire.Dial(context.Background(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	message := func(secret string) client.Answer {
		t.Helper()
		liar := newTrader(m, simtest.Key{ID: v.Keys[0].ID, Secret: secret})
		a, err := ws.Do(context.Background(), liar.WS(ws.Next(), client.Account, nil, false))
		if err != nil {
			t.Fatalf("the session ended: %v", err)
		}
		return a
	}
	hup := func(want string) {
		t.Helper()
		m.cmd.Process.Signal(syscall.SIGHUP)
		eventually(t, want, func() bool { return m.said(want) })
	}
	if a := message(v.Keys[0].Secret); a.Status != 200 {
		t.Errorf("at first: %s", a.Body)
	}
	before := v.API.Requests()
	message("wrong")
	if v.API.Requests() != before+1 {
		t.Error("observe mode refused a call")
	}
	s.mode = "enforce"
	m.configure(s)
	hup("configuration reloaded")
	if a := message("wrong"); a.Code != -1022 || v.API.Requests() != before+1 {
		t.Errorf("enforce mode after a reload: %s", a.Body)
	}
	if a := message(v.Keys[0].Secret); a.Status != 200 {
		t.Errorf("the session after a reload: %s", a.Body)
	}
	c.want("a new connection after a reload", c.order(), 200, 0)

	write(t, m.config, "mode: enforce\nvenus: []\n")
	hup("the old configuration stays")
	if !m.said(`unknown key \"venus\"; did you mean \"venues\"?`) {
		t.Error("the log does not name the unknown key")
	}
	s.yaml = "ledger:\n  max_delay: 30ms\n"
	m.configure(s)
	hup("cannot change while running")
	if a := message(v.Keys[0].Secret); a.Status != 200 {
		t.Errorf("after bad reloads: %s", a.Body)
	}
	m.stop()
	m.verified()
}

// TestDrain ends the monitor while a call is under way: it is answered and recorded.
func TestDrain(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	arrived := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		time.Sleep(time.Second)
		io.WriteString(w, `{"orderId":1,"status":"NEW"}`)
	}))
	defer slow.Close()
	m := newMonitor(t, setup{venue: v})
	b, err := os.ReadFile(m.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, m.config, strings.Replace(string(b), v.URL, slow.URL, 1))
	m.start()
	c := newTrader(m, v.Keys[0])
	answer := make(chan client.Answer, 1)
	go func() {
		a, err := c.wire.Do(context.Background(), c.order())
		if err != nil {
			t.Errorf("the call under way was dropped: %v", err)
		}
		answer <- a
	}()
	<-arrived
	m.stop()
	if a := <-answer; a.Status != 200 {
		t.Errorf("the call under way: %d %s", a.Status, a.Body)
	}
	m.verified()
	if calls := m.calls(); len(calls) != 1 || calls[0].Status != 200 {
		t.Errorf("recorded: %v", calls)
	}
	if _, err := os.Stat(filepath.Join(m.dir, "control.sock")); err == nil {
		t.Error("the control socket is left behind")
	}
}
