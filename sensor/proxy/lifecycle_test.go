package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vedette"
	"vedette/sensor"
)

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

// TestUnrecordedIsNotReleased: where the monitor could not record a call, nothing of the
// venue's answer reaches the client as an answer, and the venue gets no message.
func TestUnrecordedIsNotReleased(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	o := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		body := big[:map[string]int{"/small": 10, "/big": len(big)}[r.URL.Path]]
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		io.WriteString(w, body)
	})
	r := newRig(t, o.addr, nil)
	r.m.Unrecorded.Store(true)
	got := r.raw("GET /small HTTP/1.1\r\nHost: h\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 500 ") || !strings.Contains(got, "whether it was carried out is not known") || strings.Contains(got, "xxx") {
		t.Errorf("a small answer: got %q", got)
	}
	if got = r.raw("GET /big HTTP/1.1\r\nHost: h\r\n\r\n"); strings.Count(got, "x") >= len(big) {
		t.Error("a large answer was released whole")
	}
	r, client := newH2Rig(t, o.addr, nil)
	r.m.Unrecorded.Store(true)
	if res, err := client.Get("https://" + r.addr + "/big"); err == nil {
		if b, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("HTTP/2: %d, %d bytes", res.StatusCode, len(b))
		}
		res.Body.Close()
	}

	for _, where := range []string{"message", "reply"} {
		r := newRig(t, echoVenue(t), nil)
		c := r.socket("/ws")
		set := func() { r.m.Unrecorded.Store(true) }
		if where == "message" {
			set()
		} else {
			r.m.OnReply = func(*sensor.Session, []byte) { set() }
		}
		c.Write(context.Background(), websocket.MessageText, []byte("x"))
		if _, b, err := c.Read(context.Background()); websocket.CloseStatus(err) != websocket.StatusInternalError {
			t.Errorf("%s: got %q %v", where, b, err)
		}
		if got := r.m.Replies(); where == "message" && len(got) != 0 {
			t.Errorf("the message was forwarded: %q", got)
		}
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
