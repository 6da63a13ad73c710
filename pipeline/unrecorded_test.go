package pipeline

import (
	"crypto/rand"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"golang.org/x/mod/sumdb/note"

	"vedette"
	"vedette/gate"
	"vedette/internal/durable/durabletest"
	"vedette/ledger"
	"vedette/sensor"
	"vedette/venue"
)

// strict fails closed for every operation.
func strict(t *testing.T, mode gate.Mode) *gate.Gate {
	t.Helper()
	p := gate.DefaultPolicy()
	for i := range p {
		p[i].FailClosed = true
	}
	g, err := gate.New(gate.Config{Mode: mode, Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// ledgerOn opens a ledger in sync mode on a simulated disk.
func ledgerOn(t *testing.T, fs *durabletest.FS) *ledger.Ledger {
	t.Helper()
	key, err := ledger.LoadOrCreateKey(t.TempDir(), "test", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l, _, err := ledger.Open(ledger.Config{Dir: "l", Signer: key.Signer, Verifiers: note.VerifierList(key.Verifier), Sync: true, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestSyncReleasesNothingUnrecorded lets the disk fail and hang under calls that fail
// closed: no answer of the venue is released, and after a power cut every released one is
// in the ledger.
func TestSyncReleasesNothingUnrecorded(t *testing.T) {
	for name, fail := range map[string]func(hung chan struct{}) durabletest.Fault{
		"fails": func(chan struct{}) durabletest.Fault { return durabletest.Fault{Err: syscall.EIO} },
		"full":  func(chan struct{}) durabletest.Fault { return durabletest.Fault{Err: syscall.ENOSPC} },
		"hangs": func(hung chan struct{}) durabletest.Fault { <-hung; return durabletest.Fault{} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fs, hung := durabletest.New(), make(chan struct{})
				l := ledgerOn(t, fs)
				w := newWorld(t, func(c *Config) { c.Sync, c.Log, c.Gate = true, l, strict(t, gate.Enforce) })
				order := func() (released, refused bool) {
					x := w.request("/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
					w.m.Judge(x)
					if x.Call.Decision.Refused() {
						return w.m.Done(x), true
					}
					x.Answer.Kind, x.Answer.Status, x.Answer.Body = venue.HTTPAnswer, 200, []byte("{}")
					return w.m.Done(x), false
				}
				if released, refused := order(); !released || refused {
					t.Fatalf("with a good disk: released %v, refused %v", released, refused)
				}
				fs.Hook(func(op durabletest.Op) durabletest.Fault {
					if op.Kind == "sync" && strings.HasSuffix(op.Name, ".seg") {
						return fail(hung)
					}
					return durabletest.Fault{}
				})
				if released, refused := order(); released || refused {
					t.Errorf("when the disk went: released %v, refused %v", released, refused)
				}
				if released, refused := order(); !released || !refused {
					t.Errorf("the next call: released %v, refused %v", released, refused)
				}
				close(hung)
			})
		})
	}
}

// TestWhatFailsOpenIsReleased: the policy decides, call by call.
func TestWhatFailsOpenIsReleased(t *testing.T) {
	for _, c := range []struct {
		name     string
		gate     func(*testing.T) *gate.Gate
		path     string
		released bool
	}{
		{"an order under the default policy", func(t *testing.T) *gate.Gate { return nil }, "/api/v3/order", true},
		{"a withdrawal under the default policy", func(t *testing.T) *gate.Gate { return nil }, "/sapi/v1/capital/withdraw/apply", false},
		{"an order that fails closed", func(t *testing.T) *gate.Gate { return strict(t, gate.Enforce) }, "/api/v3/order", false},
		{"an order in observe mode", func(t *testing.T) *gate.Gate { return strict(t, gate.Observe) }, "/api/v3/order", true},
	} {
		w := newWorld(t, func(cfg *Config) {
			if g := c.gate(t); g != nil {
				cfg.Gate = g
			}
		})
		x := w.request(c.path, "coin=BTC&address=bc1qdummy&amount=1&symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1")
		w.m.Judge(x)
		w.log.fail(ledger.ErrFull) // between judgement and answer, in the default mode
		x.Answer.Kind, x.Answer.Status, x.Answer.Body = venue.HTTPAnswer, 200, []byte("{}")
		if released := w.m.Done(x); released != c.released {
			t.Errorf("%s: released %v, want %v", c.name, released, c.released)
		}
	}
}

// TestUnrecordedMessages: neither is the answer to a message released.
func TestUnrecordedMessages(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Gate = strict(t, gate.Enforce) })
	s := &sensor.Session{Dialect: venue.Binance}
	x := w.message(s, "a", "order.place")
	w.m.Judge(x)
	if !w.m.Done(x) {
		t.Fatal("a message that waits for its answer was held back")
	}
	w.log.fail(ledger.ErrFull)
	if w.m.Reply(s, []byte(`{"id":"a","status":200,"result":{}}`), w.now) {
		t.Error("the answer was released without a record")
	}
	if !w.m.Reply(s, []byte(`{"e":"depthUpdate"}`), w.now) {
		t.Error("what answers no call was held back")
	}
	w.log.fail(nil)
	w.m.LogState(nil)
	x = w.message(s, "", "order.place")
	x.Request.Body = []byte(strings.Replace(string(x.Request.Body), `"id":"",`, "", 1)) // nothing will tie an answer to it
	w.m.Judge(x)
	w.log.fail(ledger.ErrFull)
	if x.Call.Decision.Effect != vedette.Allow || w.m.Done(x) {
		t.Errorf("a message that has no record would be forwarded: %+v", x.Call.Decision)
	}
}

// TestUnrecordedForRoom: a message is not forwarded where an older one had to be recorded to
// make room for it, and could not be.
func TestUnrecordedForRoom(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Gate = strict(t, gate.Enforce) })
	s := &sensor.Session{Dialect: venue.Binance}
	large := strings.Repeat("x", 8<<20)
	for i := range sharedPending/len(large) - 1 {
		x := w.message(s, fmt.Sprint(i, large), "order.place")
		if w.m.Judge(x); !w.m.Done(x) {
			t.Fatal("a message that waits for its answer was held back")
		}
	}
	x := w.message(s, "one more"+large, "order.place")
	w.m.Judge(x)
	w.log.fail(ledger.ErrFull)
	if x.Call.Decision.Effect != vedette.Allow || w.m.Done(x) {
		t.Errorf("forwarded: %+v", x.Call.Decision)
	}
	w.m.Closed(s, w.now)
	if n := w.m.pending.Load(); n != 0 {
		t.Errorf("%d bytes are still held", n)
	}
}
