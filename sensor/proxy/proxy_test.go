package proxy

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/sensor"
	"vedette/sensor/sensortest"
	"vedette/venue"
)

// testLoops is how many loops serve HTTP/1.1 in tests.
var testLoops = flag.Int("loops", 2, "event loops of the proxies under test; 0 for goroutines")

// allowAll is a monitor that allows everything and keeps nothing.
type allowAll struct{}

func (allowAll) Waits(*sensor.Exchange) bool                          { return false }
func (allowAll) Judge(x *sensor.Exchange)                             { x.Call.Decision.Effect = vedette.Allow }
func (allowAll) Done(x *sensor.Exchange) bool                         { return true }
func (allowAll) Reply(s *sensor.Session, m []byte, at time.Time) bool { return true }
func (allowAll) Closed(s *sensor.Session, at time.Time)               {}
func (allowAll) Gap(name string, lost int, why string)                {}

var testDialect = &venue.Dialect{
	Name: "test",
	Deny: func(r *venue.Request, d vedette.Decision, dst []byte) venue.Refusal {
		dst = append(append(append(dst, `{"code":-1,"msg":"`...), d.Reason...), `"}`...)
		return venue.Refusal{Status: 403, ContentType: "application/json", Body: dst}
	},
}

// rig is a proxy with a monitor that checks the contract, in front of an upstream.
type rig struct {
	*Proxy
	t    *testing.T
	m    *sensortest.Monitor
	addr string
	cfg  Config
}

// newRig starts one. change may alter the configuration; at the end of the test the contract
// must be kept and no goroutine left.
func newRig(t *testing.T, upstream string, change func(*Config)) *rig {
	t.Helper()
	before := runtime.NumGoroutine()
	m := &sensortest.Monitor{}
	cfg := Config{Monitor: m, Listeners: []Listener{{Addr: "127.0.0.1:0"}},
		Venues: []Venue{{Name: "test", Dialect: testDialect, Upstream: upstream}},
		Limits: Limits{SweepResolution: 5 * time.Millisecond}, Loops: *testLoops}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Proxy: p, t: t, m: m, addr: p.Addr("127.0.0.1:0").String(), cfg: cfg}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		for _, v := range m.Violations(true) {
			t.Errorf("contract: %s", v)
		}
		if n := p.Stats(); n.ConnectionsNow != 0 || n.BodyMemoryNow != 0 || n.SessionsNow != 0 {
			t.Errorf("left over after shutdown: %+v", n)
		}
		for range 200 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
	})
	return r
}

func (r *rig) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// raw sends bytes on a new connection, says that no more will come, and returns all that
// comes back.
func (r *rig) raw(request string) string {
	r.t.Helper()
	c := r.dial()
	go func() {
		io.WriteString(c, request)
		c.(*net.TCPConn).CloseWrite()
	}()
	b, _ := io.ReadAll(c)
	return string(b)
}

// statuses returns the status codes of the answers in what raw returned.
func statuses(answers string) []int {
	var codes []int
	br := bufio.NewReader(strings.NewReader(answers))
	for {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			return codes
		}
		io.Copy(io.Discard, resp.Body)
		codes = append(codes, resp.StatusCode)
	}
}

// origins is an upstream made of Go's net/http server, that remembers what it read.
type origins struct {
	addr string
	got  chan received
}

type received struct {
	method, uri, host, body string
	header                  http.Header
	length                  int64
}

func newOrigin(t *testing.T, h http.HandlerFunc) *origins {
	t.Helper()
	o := &origins{got: make(chan received, 1000)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			b = []byte(fmt.Sprintf("error: %v", err))
		}
		o.got <- received{r.Method, r.RequestURI, r.Host, string(b), r.Header.Clone(), r.ContentLength}
		if h != nil {
			h(w, r)
			return
		}
		io.WriteString(w, "ok")
	})}
	done := make(chan struct{})
	go func() { srv.Serve(l); close(done) }()
	t.Cleanup(func() { srv.Close(); <-done })
	o.addr = "http://" + l.Addr().String()
	return o
}

// rawOrigin is an upstream that answers each connection's requests with the given function on
// the bare socket.
func rawOrigin(t *testing.T, f func(c net.Conn, br *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveEach(t, l, f)
	return "http://" + l.Addr().String()
}

// serveEach has f serve each connection of a listener, until the test ends.
func serveEach(t *testing.T, l net.Listener, f func(c net.Conn, br *bufio.Reader)) {
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c, bufio.NewReader(c))
			}()
		}
	}()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 4000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("not within 20 s: %s", what)
}
