package pipeline

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
	"vedette/gate"
	"vedette/payload"
	"vedette/sensor"
	"vedette/sensor/capture"
	"vedette/venue"
)

const attack = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&newClientOrderId=1%27%20UNION%20SELECT%20NULL,version()--%20-"

// examiner is that of all tests: under the race detector compiling its rules takes long.
var examiner = sync.OnceValue(func() *payload.Examiner {
	return payload.New(payload.Config{MaxWait: time.Minute, Share: 1, SourceBurst: 10000})
})

// examining has payloads looked for, by goroutines as live.
func examining(change ...func(*Config)) []func(*Config) {
	return append([]func(*Config){func(c *Config) { c.Payloads.Examiner, c.Inline = examiner(), false }}, change...)
}

// calls returns the records of calls.
func (m *memory) calls() (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.records {
		if strings.HasPrefix(r, `{"event":"call"`) {
			list = append(list, r)
		}
	}
	return list
}

// lastCall returns the newest record of a call; detectors may append others meanwhile.
func (w *world) lastCall() map[string]any {
	w.t.Helper()
	list := w.log.calls()
	if len(list) == 0 {
		w.t.Fatal("no call was recorded")
	}
	return decodeRecord(w.t, list[len(list)-1])
}

// TestInjectionLiveAndReplayed: what an examination found is in the call's record, and the findings of the live run are those of
// its records.
func TestInjectionLiveAndReplayed(t *testing.T) {
	var live []string
	w := newWorld(t, examining(func(c *Config) { c.Finding = func(f *vedette.Finding) { live = append(live, f.ID+f.Summary) } })...)
	x := w.request("/api/v3/order", attack)
	w.send(x, 400, "{}")
	w.send(w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1"), 200, "{}")
	for i := range 4 {
		w.send(w.request("/api/v3/order", fmt.Sprintf("symbol=BTCUSDT%d&x=%%3Cscript%%3Ealert(1)%%3C/script%%3E", i)), 400, "{}")
	}
	w.m.Close()
	records := w.log.calls()
	if len(records) != 6 || !strings.Contains(records[0], `"injection":{"classes":["sqli"`) || !strings.Contains(records[0], `"where":"body","parameter":"newClientOrderId"`) || strings.Contains(records[1], "injection") {
		t.Fatalf("%q", records)
	}
	if strings.Contains(records[0], "UNION SELECT") && strings.Contains(records[0], `"sample"`) {
		t.Errorf("the policy keeps no text: %s", records[0])
	}
	var again []string
	r := newWorld(t, func(c *Config) { c.Finding = func(f *vedette.Finding) { again = append(again, f.ID+f.Summary) } })
	for i, line := range records {
		c, ok, err := capture.ParseJudged([]byte(line), false)
		if err != nil || !ok {
			t.Fatal(err)
		}
		r.m.Observe(uint64(i), c)
	}
	r.m.Close()
	if len(live) != 2 || fmt.Sprint(live) != fmt.Sprint(again) {
		t.Errorf("live:\n%s\nreplayed:\n%s", strings.Join(live, "\n"), strings.Join(again, "\n"))
	}
}

// TestInjectionOfRecordedTraffic: without goroutines the same is found.
func TestInjectionOfRecordedTraffic(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Payloads.Examiner = examiner() })
	w.send(w.request("/api/v3/order", attack), 400, "{}")
	if r := w.log.calls()[0]; !strings.Contains(r, `"injection":{"classes":["sqli"`) {
		t.Error(r)
	}
}

// TestInjectionRefused: with the option on, a payload does not reach the venue; in observe mode the record says what would
// have been.
func TestInjectionRefused(t *testing.T) {
	for _, mode := range []gate.Mode{gate.Enforce, gate.Observe} {
		w := newWorld(t, examining(func(c *Config) {
			c.Payloads.Refuse = true
			c.Gate, _ = gate.New(gate.Config{Mode: mode, RefuseInjection: 10})
		})...)
		x := w.request("/api/v3/order", attack)
		x.Call = vedette.Call{}
		if !w.m.Waits(x) {
			t.Error("a suspicious call may wait in Judge")
		}
		w.send(x, 200, "{}")
		if mode == gate.Enforce {
			w.want(w.lastCall(), "decision", "deny", "decision_reason", "injection", "status", 403)
		} else {
			w.want(w.lastCall(), "decision", "allow", "decision_reason", "injection", "would_deny", true, "status", 200)
		}
		x = w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
		x.Call = vedette.Call{}
		if w.m.Waits(x) {
			t.Error("an ordinary call waits")
		}
		w.send(x, 200, "{}")
		w.want(w.lastCall(), "decision", "allow", "decision_reason", nil, "injection", nil)
	}
}

// TestInjectionWaits: only the end of a suspicious call may wait, and that not for ever.
func TestInjectionWaits(t *testing.T) {
	e := payload.New(payload.Config{MaxWait: time.Millisecond})
	e.Close() // nobody examines
	w := newWorld(t, func(c *Config) { c.Payloads.Examiner, c.Inline = e, false })
	x := w.request("/api/v3/order", attack)
	if w.m.Waits(x) {
		t.Error("waits before it is judged")
	}
	w.m.Judge(x)
	if !w.m.Waits(x) {
		t.Error("does not wait for the examination")
	}
	x.Answer.Kind, x.Answer.Status = venue.HTTPAnswer, 200
	w.m.Done(x)
	w.want(w.lastCall(), "injection", "map[unexamined:starting]")
	x = w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
	w.m.Judge(x)
	if w.m.Waits(x) {
		t.Error("an ordinary call waits")
	}
	w.m.Done(x)
}

// TestInjectionInMessage: a message's examination is over before its record, whichever way that comes.
func TestInjectionInMessage(t *testing.T) {
	w := newWorld(t, examining()...)
	s := &sensor.Session{Session: venue.Session{ID: 7}, Dialect: venue.Binance}
	bad := func(id string) *sensor.Exchange {
		x := w.message(s, id, "order.place")
		x.Request.Body = []byte(strings.Replace(string(x.Request.Body), `"symbol":"BTCUSDT"`, `"symbol":"BTC' OR '1'='1"`, 1))
		return x
	}
	const want = "map[classes:[sqli] parameter:symbol rules:[942100] score:5 where:body]"
	w.send(bad("a"), 0, "") // forged: refused at once
	w.want(w.lastCall(), "decision", "deny", "injection", want)
	w.m.Gate, _ = gate.New(gate.Config{})
	w.send(bad("b"), 0, "")
	w.m.Reply(s, []byte(`{"id":"b","status":400}`), w.now)
	w.want(w.lastCall(), "status", 400, "injection", want)
	w.send(bad("c"), 0, "")
	w.m.Closed(s, w.now)
	w.want(w.lastCall(), "status", nil, "injection", want)
}

// TestInjectionTellsNoSecret: what a payload stands in is told only where the policy keeps text, and never with a secret.
func TestInjectionTellsNoSecret(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Payloads.Examiner = examiner()
		for i := range c.Bodies {
			c.Bodies[i] = BodyRedacted
		}
	})
	injection := func(params string) string {
		t.Helper()
		w.send(w.request("/api/v3/order", params), 400, "{}")
		r := w.log.calls()[len(w.log.calls())-1]
		_, in, _ := strings.Cut(r, `"injection":`)
		in, _, _ = strings.Cut(in, "}")
		return in
	}
	if in := injection("symbol=BTC%27%20OR%20%271%27=%271"); !strings.Contains(in, `"sample":"BTC' OR '1'='1"`) {
		t.Error(in)
	}
	if in := injection("password=hunter22%27%20OR%20%271%27=%271"); strings.Contains(in, "hunter22") || !strings.Contains(in, `"parameter":"password"`) {
		t.Error(in)
	}
	if in := injection("hunter22%27%20OR%20%271%27%3D%271"); strings.Contains(in, "hunter22") || !strings.Contains(in, "sqli") {
		t.Error(in)
	}
	if in := injection("note=" + strings.Repeat("x", 200) + "%27%20OR%20%271%27=%271"); len(in) > 250 || !strings.Contains(in, "xxx…") {
		t.Error(in)
	}
	x := w.request("/api/v3/order", "symbol=1")
	_, signature, _ := strings.Cut(string(x.Request.Body), "signature=")
	x.Request.Body = []byte(string(x.Request.Body) + "&echo=" + signature + "%27%20OR%20%271%27=%271&" + signature + "%27%20OR%20%271%27=%271=1")
	w.send(x, 400, "{}")
	_, in, _ := strings.Cut(w.log.calls()[len(w.log.calls())-1], `"injection":`)
	if in, _, _ = strings.Cut(in, "}"); strings.Contains(in, signature) || !strings.Contains(in, "sqli") {
		t.Error(in)
	}
}
