package sensortest

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
	"vedette/sensor"
	"vedette/venue"
)

// Call is one call as a client makes it or a venue gets it.
type Call struct {
	Method, Target string // target is path with query, as on the wire
	Header         venue.Header
	Body           []byte
}

// Venue is the venue behind the sensor, played by the suite. It is called from many
// goroutines at once. A sensor that reads records calls it to make them.
type Venue struct {
	Answer func(c Call) (status int, body []byte)
	// Reply answers a message of a session; what it returns is sent back where it is not "".
	Reply func(message string) string
}

// Sensor is a running sensor.
type Sensor struct {
	// Do carries one call through the sensor and returns what the client gets.
	Do func(c Call) (status int, body []byte, err error)
	// Malformed carries a request through that cannot be read safely. Nil where the sensor's
	// source cannot hold one.
	Malformed func()
	// Lose makes the sensor lose something, nil where it cannot.
	Lose func()
	// Open opens a session, nil where the sensor knows none.
	Open func() (Session, error)
	// Inline says that calls pass through the sensor: it can refuse them.
	Inline bool
}

// Session is a client's end of a session.
type Session interface {
	Send(message string) error
	// Receive returns the next message, within a few seconds.
	Receive() (string, error)
	Close()
}

// Start starts a sensor with that monitor between the suite's client and venue, with the dialect
// for all calls. It is stopped at the end of t, and then has no call under way.
type Start func(t *testing.T, m *Monitor, d *venue.Dialect, v Venue) Sensor

// Dialect is the one that the suite uses: it knows how to refuse, and nothing else.
var Dialect = &venue.Dialect{
	Name: "suite",
	Deny: func(r *venue.Request, d vedette.Decision, dst []byte) venue.Refusal {
		return venue.Refusal{Status: 403, ContentType: "text/plain", Body: append(append(dst, "denied: "...), d.Reason...)}
	},
}

// Run holds a sensor to the contract of package sensor.
func Run(t *testing.T, start Start) {
	for name, test := range map[string]func(*testing.T, *suite){
		"BytesStay":         bytesStay,
		"Order":             order,
		"Refused":           refused,
		"Malformed":         malformed,
		"Concurrent":        concurrent,
		"AnswerLimit":       answerLimit,
		"NoAnswerLeftOver":  noAnswerLeftOver,
		"Lose":              lose,
		"Session":           session,
		"SessionRefusal":    sessionRefusal,
		"SessionSerialised": sessionSerialised,
		"SessionEnded":      sessionEnded,
	} {
		t.Run(name, func(t *testing.T) {
			s := &suite{t: t, m: &Monitor{}, start: start}
			s.v.Answer = func(Call) (int, []byte) { return 200, []byte("ok") }
			s.v.Reply = func(m string) string { return "re: " + m }
			t.Cleanup(func() {
				for _, v := range s.m.Violations(true) {
					t.Errorf("contract: %s", v)
				}
			})
			test(t, s)
		})
	}
}

// suite is one test's sensor with what surrounds it.
type suite struct {
	t     *testing.T
	m     *Monitor
	v     Venue
	start Start

	mu  sync.Mutex
	got []Call
}

// run starts the sensor; the venue notes what it gets.
func (s *suite) run() Sensor {
	answer := s.v.Answer
	v := s.v
	v.Answer = func(c Call) (int, []byte) {
		s.mu.Lock()
		s.got = append(s.got, Call{clone(c.Method), clone(c.Target), nil, bytes.Clone(c.Body)})
		s.mu.Unlock()
		return answer(c)
	}
	return s.start(s.t, s.m, Dialect, v)
}

func (s *suite) forwarded() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

func (s *suite) eventually(what string, ok func() bool) {
	s.t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(3 * time.Millisecond)
	}
	s.t.Fatalf("not within 3 s: %s", what)
}

// calls waits for n calls that are done.
func (s *suite) calls(n int) []Seen {
	s.t.Helper()
	var calls []Seen
	s.eventually(fmt.Sprintf("%d calls done", n), func() bool {
		calls = s.m.Calls()
		for _, c := range calls {
			if !c.Done {
				return false
			}
		}
		return len(calls) == n
	})
	return calls
}

// bytesStay: what signatures cover reaches monitor and venue as the client wrote it.
func bytesStay(t *testing.T, s *suite) {
	x := s.run()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	rows := []Call{
		{"GET", "/api/v3/account?timestamp=1&signature=ab%2Fcd", nil, nil},
		{"GET", "/a%2fb/C%20d;e=f?x=%5B%22A%22%5D&&y=&x=2", nil, nil},
		{"POST", "/order", venue.Header{{Name: "X-Sign", Value: `a "b"; c=d/+=`}}, []byte(`{"price":"1.10", "z":1}` + "\n")},
		{"POST", "/form", venue.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}, []byte("a=b+c&d=%zz")},
		{"PUT", "/binary", nil, all},
		{"DELETE", "/order?id=1", nil, nil},
		{"POST", "/long", nil, bytes.Repeat([]byte("0123456789"), 20000)},
	}
	for i, c := range rows {
		if status, _, err := x.Do(c); err != nil || status != 200 {
			t.Fatalf("%s %s: %d %v", c.Method, c.Target, status, err)
		}
		seen := s.calls(i + 1)[i]
		path, query, _ := strings.Cut(c.Target, "?")
		r := seen.Request
		if r.Method != c.Method || r.Path != path || r.Query != query || !bytes.Equal(r.Body, c.Body) || r.Host == "" || r.Scheme == "" {
			t.Errorf("%s %s: monitor saw %.400v", c.Method, c.Target, r)
		}
		for _, f := range c.Header {
			if r.Header.Get(f.Name) != f.Value {
				t.Errorf("%s: monitor saw %s: %q", c.Target, f.Name, r.Header.Get(f.Name))
			}
		}
		if got := s.forwarded()[i]; got.Method != c.Method || got.Target != c.Target || !bytes.Equal(got.Body, c.Body) {
			t.Errorf("%s %s: venue got %.400v", c.Method, c.Target, got)
		}
		if seen.Answer.Status != 200 || string(seen.Answer.Body) != "ok" || seen.AnswerBytes != 2 {
			t.Errorf("%s: monitor saw the answer %+v of %d bytes", c.Target, seen.Answer, seen.AnswerBytes)
		}
	}
}

// order: Judge comes before the venue, the venue before Done, Done before the client.
func order(t *testing.T, s *suite) {
	var mu sync.Mutex
	var log []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, what)
	}
	s.m.Decide = func(*sensor.Exchange) { note("judge") }
	s.m.OnDone = func(*sensor.Exchange) {
		time.Sleep(20 * time.Millisecond)
		note("done")
	}
	s.v.Answer = func(Call) (int, []byte) { note("venue"); return 200, []byte("ok") }
	x := s.run()
	if !x.Inline {
		t.Skip("calls do not pass through this sensor")
	}
	x.Do(Call{Method: "GET", Target: "/"})
	note("client")
	if got := fmt.Sprint(log); got != "[judge venue done client]" {
		t.Errorf("order was %s", got)
	}
}

// refused: a refused call never reaches the venue, and its client gets the refusal.
func refused(t *testing.T, s *suite) {
	s.m.Decide = func(x *sensor.Exchange) {
		if strings.HasPrefix(x.Request.Path, "/evil") {
			x.Call.Decision = vedette.Decision{Effect: vedette.Deny, Reason: vedette.BadSignature}
			x.Scratch = append(x.Scratch[:0], "no: "...)
			x.Scratch = append(x.Scratch, x.Request.Path...)
			x.Refusal = venue.Refusal{Status: 401, ContentType: "text/plain", Body: x.Scratch}
		}
	}
	x := s.run()
	if !x.Inline {
		t.Skip("calls do not pass through this sensor")
	}
	for i := range 20 {
		target, wantStatus, wantBody := fmt.Sprintf("/good/%d", i), 200, "ok"
		if i%2 == 1 {
			target, wantStatus = fmt.Sprintf("/evil/%d", i), 401
			wantBody = "no: " + target
		}
		status, body, err := x.Do(Call{Method: "POST", Target: target, Body: []byte("x")})
		if err != nil || status != wantStatus || string(body) != wantBody {
			t.Errorf("%s: %d %q %v", target, status, body, err)
		}
	}
	for _, c := range s.forwarded() {
		if strings.HasPrefix(c.Target, "/evil") {
			t.Errorf("venue got %s", c.Target)
		}
	}
	s.calls(20)
}

// malformed: what cannot be read safely is judged with a fault and not forwarded, whatever the
// monitor says.
func malformed(t *testing.T, s *suite) {
	x := s.run()
	if x.Malformed == nil {
		t.Skip("this sensor's source holds no malformed requests")
	}
	x.Malformed()
	c := s.calls(1)[0]
	if c.Fault == "" || c.Answer.Status != 0 {
		t.Errorf("judged %+v", c)
	}
	if x.Inline && len(s.forwarded()) != 0 {
		t.Errorf("venue got %+v", s.forwarded())
	}
}

// concurrent: calls side by side are not mixed up, and their strings live until Done.
func concurrent(t *testing.T, s *suite) {
	s.v.Answer = func(c Call) (int, []byte) { return 200, append([]byte(c.Target+" "), c.Body...) }
	s.m.OnDone = func(x *sensor.Exchange) {
		if want := x.Request.Path + " " + string(x.Request.Body); string(x.Answer.Body) != want {
			t.Errorf("call %s was done with the answer %.60q", x.Request.Path, x.Answer.Body)
		}
	}
	x := s.run()
	const clients, each = 8, 25
	var wg sync.WaitGroup
	for i := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range each {
				target, body := fmt.Sprintf("/%d/%d", i, j), strings.Repeat(fmt.Sprint(i, j, " "), 1+i*j*7)
				status, got, err := x.Do(Call{Method: "POST", Target: target, Body: []byte(body)})
				if err != nil || status != 200 || string(got) != target+" "+body {
					t.Errorf("%s: %d %.60q %v", target, status, got, err)
				}
			}
		}()
	}
	wg.Wait()
	s.calls(clients * each)
}

// answerLimit: a monitor gets no more of an answer than it must bear; the client gets all.
func answerLimit(t *testing.T, s *suite) {
	long := bytes.Repeat([]byte("abcdefgh"), sensor.AnswerLimit/8+5000)
	s.v.Answer = func(Call) (int, []byte) { return 200, long }
	x := s.run()
	_, body, err := x.Do(Call{Method: "GET", Target: "/"})
	if err != nil || !bytes.Equal(body, long) {
		t.Errorf("client got %d bytes of %d, %v", len(body), len(long), err)
	}
	c := s.calls(1)[0]
	if !bytes.Equal(c.Answer.Body, long[:sensor.AnswerLimit]) || c.AnswerBytes != len(long) {
		t.Errorf("monitor saw %d bytes of %d", len(c.Answer.Body), c.AnswerBytes)
	}
}

// noAnswerLeftOver: exchanges are reused, what was in them is not.
func noAnswerLeftOver(t *testing.T, s *suite) {
	var n atomic.Int64
	s.m.Decide = func(x *sensor.Exchange) {
		if x.Call.Credential != "" || len(x.Call.Reasons) != 0 || x.Call.Verdict != vedette.Unjudged || x.Refusal.Status != 0 || x.Receipt != (vedette.Receipt{}) {
			t.Errorf("call %s starts with what another left: %+v", x.Request.Path, x.Call)
		}
		x.Call.Credential, x.Call.Verdict = fmt.Sprint("key-", n.Add(1)), vedette.Authentic
		x.Call.Reasons = append(x.Call.Reasons, vedette.OldSecret)
		x.Refusal.Status = 418
	}
	x := s.run()
	for i := range 5 {
		x.Do(Call{Method: "GET", Target: fmt.Sprintf("/%d", i)})
	}
	s.calls(5)
}

// lose: what is lost is said.
func lose(t *testing.T, s *suite) {
	x := s.run()
	if x.Lose == nil {
		t.Skip("this sensor cannot lose anything here")
	}
	x.Lose()
	s.eventually("a gap", func() bool { return len(s.m.Gaps()) > 0 })
}

func (s *suite) open(x Sensor) Session {
	s.t.Helper()
	if x.Open == nil {
		s.t.Skip("this sensor knows no sessions")
	}
	c, err := x.Open()
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// session: every message of both directions is shown, in order, and the end is told once.
func session(t *testing.T, s *suite) {
	x := s.run()
	c := s.open(x)
	for i := range 10 {
		m := strings.Repeat(fmt.Sprint("message ", i), 1+i*i*50)
		if err := c.Send(m); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Receive(); err != nil || got != "re: "+m {
			t.Fatalf("got %.60q %v", got, err)
		}
	}
	c.Close()
	s.eventually("session closed", func() bool { return s.m.Closings() == 1 })
	calls := s.calls(11)
	if up := calls[0]; up.Request.Kind != venue.Upgrade || up.Session == 0 || up.Answer.Status != 101 {
		t.Errorf("upgrade %+v", up)
	}
	for i, c := range calls[1:] {
		m := strings.Repeat(fmt.Sprint("message ", i), 1+i*i*50)
		if c.Request.Kind != venue.Message || string(c.Request.Body) != m || c.Session != calls[0].Session || c.Request.Host != calls[0].Request.Host {
			t.Errorf("message %d: monitor saw %.200v", i, c)
		}
		if got := s.m.Replies()[i]; got != "re: "+m {
			t.Errorf("reply %d: monitor saw %.60q", i, got)
		}
	}
}

// sessionRefusal: a refused message does not reach the venue, and the session lives on.
func sessionRefusal(t *testing.T, s *suite) {
	s.m.Decide = func(x *sensor.Exchange) {
		if string(x.Request.Body) == "evil" {
			x.Call.Decision = vedette.Decision{Effect: vedette.Deny, Reason: vedette.Frozen}
			x.Refusal.Body = []byte("refused")
		}
	}
	s.v.Reply = func(m string) string {
		if m == "evil" {
			t.Error("venue got the message")
		}
		return "re: " + m
	}
	x := s.run()
	if !x.Inline {
		t.Skip("calls do not pass through this sensor")
	}
	c := s.open(x)
	defer c.Close()
	for _, m := range []string{"a", "evil", "b"} {
		c.Send(m)
		want := "re: " + m
		if m == "evil" {
			want = "refused"
		}
		if got, err := c.Receive(); err != nil || got != want {
			t.Errorf("%s: got %q %v", m, got, err)
		}
	}
}

// sessionEnded: what the monitor ends, ends, while it is silent and from within a call, and nothing
// more is passed on.
func sessionEnded(t *testing.T, s *suite) {
	var opened atomic.Pointer[sensor.Session]
	s.m.Decide = func(x *sensor.Exchange) { opened.Store(x.Session) }
	x := s.run()
	if !x.Inline {
		t.Skip("calls do not pass through this sensor")
	}
	c := s.open(x)
	defer c.Close()
	c.Send("a")
	if got, err := c.Receive(); err != nil || got != "re: a" {
		t.Fatalf("got %q %v", got, err)
	}
	if opened.Load().End == nil {
		t.Fatal("the sensor's sessions cannot be ended")
	}
	opened.Load().End("because")
	opened.Load().End("again")
	if got, err := c.Receive(); err == nil {
		t.Errorf("got %q on a session that was ended", got)
	}
	s.eventually("session closed", func() bool { return s.m.Closings() == 1 })
	s.m.OnReply = func(e *sensor.Session, _ []byte) {
		e.End("because")
		s.m.Unrecorded.Store(true)
	}
	c = s.open(x)
	defer c.Close()
	c.Send("b")
	if got, err := c.Receive(); err == nil {
		t.Errorf("got %q on a session that was ended", got)
	}
	s.eventually("session closed", func() bool { return s.m.Closings() == 2 })
}

// sessionSerialised: the monitor is in one call at a time for a session, though both directions run;
// Monitor checks that the session's lock is held.
func sessionSerialised(t *testing.T, s *suite) {
	var inside atomic.Int64
	enter := func() {
		if inside.Add(1) > 1 {
			t.Error("two calls for one session at once")
		}
		time.Sleep(100 * time.Microsecond)
		inside.Add(-1)
	}
	s.m.Decide = func(*sensor.Exchange) { enter() }
	s.m.OnDone = func(*sensor.Exchange) { enter() }
	s.m.OnReply = func(*sensor.Session, []byte) { enter() }
	x := s.run()
	c := s.open(x)
	const n = 100
	go func() {
		for i := range n {
			c.Send(fmt.Sprint(i))
		}
	}()
	for i := range n {
		if got, err := c.Receive(); err != nil || got != fmt.Sprint("re: ", i) {
			t.Fatalf("got %q %v", got, err)
		}
	}
	c.Close()
	s.eventually("session closed", func() bool { return s.m.Closings() == 1 })
}
