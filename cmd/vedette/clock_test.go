package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
)

// hands are a clock that a test moves.
type hands struct {
	mu     sync.Mutex
	base   time.Time
	passed time.Duration
	off    time.Duration // by which the time of day is wrong
}

func (h *hands) clock() clock {
	return clock{func() time.Time { return h.true().Add(h.wrong()) }, func() time.Duration { return h.true().Sub(h.base) }}
}

func (h *hands) true() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.base.Add(h.passed)
}

func (h *hands) wrong() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.off
}

func (h *hands) move(passed, off time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.passed, h.off = h.passed+passed, off
}

// jumped is a monitor whose clock is set wrong, and clients whose clocks are right.
type jumped struct {
	t     *testing.T
	hands *hands
	app   *app
	base  string
	n     int
	sent  map[string]string // verdicts by what was said of the call
}

func newJumped(t *testing.T) *jumped {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") }))
	t.Cleanup(up.Close)
	p := newPlace(t)
	p.write("keys.yaml", placeKeys+"  - {id: key-2, venue: binance, secret: dummysecret0123456789}\n")
	p.write("vedette.yaml", p.yaml(up.URL, "enforce")+"gate:\n  limits:\n    credential: {rate: 1, burst: 3}\n")
	j := &jumped{t: t, hands: &hands{base: time.Now().Round(0)}}
	var err error
	if j.app, err = p.startAt(false, j.hands.clock()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.app.close)
	j.base = "http://" + j.app.proxy.Addr("127.0.0.1:0").String()
	return j
}

// order signs an order at a time.
func (j *jumped) order(key string, at time.Time) func(what string) *http.Request {
	j.n++
	q := fmt.Sprintf("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=%d&timestamp=%d", j.n, at.UnixMilli())
	m := hmac.New(sha256.New, []byte("dummysecret0123456789"))
	m.Write([]byte(q))
	q += "&signature=" + hex.EncodeToString(m.Sum(nil))
	return func(what string) *http.Request {
		r, _ := http.NewRequest("POST", j.base+"/api/v3/order?"+q, nil)
		r.Header.Set("X-MBX-APIKEY", key)
		r.Header.Set("User-Agent", what)
		return r
	}
}

// want sends a call and expects a status; the verdict is looked up at the end.
func (j *jumped) want(what string, call func(string) *http.Request, status int, verdict string) {
	j.t.Helper()
	res, err := http.DefaultClient.Do(call(what))
	if err != nil {
		j.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != status {
		j.t.Errorf("%s: %s, want %d", what, res.Status, status)
	}
	if j.sent == nil {
		j.sent = map[string]string{}
	}
	j.sent[what] = verdict
}

// checkRecords holds the verdicts in the ledger against what was expected, and returns
// the gaps that tell of the clock.
func (j *jumped) checkRecords() (gaps []string) {
	j.t.Helper()
	if _, err := j.app.monitor.Act("test", "end", nil); err != nil { // and all before it is durable
		j.t.Fatal(err)
	}
	got := map[string]string{}
	err := j.app.ledger.Read(0, j.app.ledger.Size(), func(_ uint64, b []byte) error {
		var r struct {
			Event, Sensor, Why, Client, Verdict string
			Reasons                             []string
		}
		err := json.Unmarshal(b, &r)
		switch {
		case r.Event == "gap" && r.Sensor == "clock":
			gaps = append(gaps, r.Why)
		case r.Event == "call":
			got[r.Client] = strings.TrimSpace(r.Verdict + " " + strings.Join(r.Reasons, " "))
		}
		return err
	})
	if err != nil {
		j.t.Fatal(err)
	}
	for what, want := range j.sent {
		if got[what] != want {
			j.t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
	return gaps
}

// TestClockJump sets the monitor's clock by an hour under calls, ahead and back, and later
// right again.
func TestClockJump(t *testing.T) {
	for _, c := range []struct {
		by           time.Duration
		stale, early string // verdicts on a right clock's call, and on one by the right clock that was seen before
	}{
		{time.Hour, "stale window_passed", "stale clock_ahead"},
		{-time.Hour, "stale clock_ahead", "stale window_passed"},
	} {
		t.Run(c.by.String(), func(t *testing.T) {
			t.Parallel()
			j := newJumped(t)
			h := j.hands
			right := func(key string) func(string) *http.Request { return j.order(key, h.true()) }
			wrong := func(key string) func(string) *http.Request { return j.order(key, h.true().Add(c.by)) }
			first := right("key-1")
			j.want("before", first, 200, "authentic")
			freeze := vedette.Restriction{Kind: vedette.RestrictFreeze, Venue: "binance", Credential: "key-2", By: "test", Until: h.true().Add(10 * time.Minute)}
			if _, err := j.app.Restrict(freeze); err != nil {
				t.Fatal(err)
			}

			h.move(time.Second, c.by)
			j.want("a right client during the jump", right("key-1"), 400, c.stale)
			j.want("replayed during the jump", first, 400, c.stale)
			during := wrong("key-1")
			j.want("a client as wrong as the monitor", during, 200, "authentic")
			j.want("its replay", during, 400, "replayed signature_reused")
			j.want("frozen, during the jump", wrong("key-2"), 403, "authentic")
			j.want("second of a burst", wrong("key-1"), 200, "authentic")
			j.want("third of a burst", wrong("key-1"), 200, "authentic")
			j.want("over the limit", wrong("key-1"), 429, "authentic")
			waitFor(t, "a record of the jump", func() bool { return len(j.checkRecords()) == 1 })

			h.move(2*time.Second, 0)
			j.want("replayed after it", first, 400, "replayed signature_reused")
			j.want("of the jump, after it", during, 400, c.early)
			j.want("afterwards", right("key-1"), 200, "authentic")
			j.want("refilled by no more than passed", right("key-1"), 200, "authentic")
			j.want("over the limit again", right("key-1"), 429, "authentic")
			waitFor(t, "a record of setting it right", func() bool { return len(j.checkRecords()) == 2 })
			j.want("frozen, after the jump", right("key-2"), 403, "authentic")
			h.move(10*time.Minute, 0)
			j.want("the freeze ended", right("key-2"), 200, "authentic")
			gaps := j.checkRecords()
			if want := fmt.Sprintf("the wall clock jumped by %v", c.by); gaps[0] != want || gaps[1] != fmt.Sprintf("the wall clock jumped by %v", -c.by) {
				t.Errorf("gaps %q, want the first %q", gaps, want)
			}
		})
	}
}

// waitFor waits for what the monitor does by itself each second.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s", what)
		}
	}
}
