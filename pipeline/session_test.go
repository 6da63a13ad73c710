package pipeline

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
	"vedette/gate"
	"vedette/keyring"
	"vedette/sensor"
	"vedette/venue"
	"vedette/verify"
)

const push = `{"e":"executionReport","s":"BTCUSDT","q":"5","X":"FILLED"}`

// tells returns an End that notes its calls and never waits.
func tells(ended chan string) func(string) {
	return func(why string) {
		select {
		case ended <- why:
		default:
		}
	}
}

// open opens a session for key-1 and returns it with what ends it.
func (w *world) open(t *testing.T, source string) (*sensor.Session, chan string) {
	t.Helper()
	ended := make(chan string, 10)
	s := &sensor.Session{Session: venue.Session{ID: 7}, Dialect: venue.Binance, End: tells(ended)}
	s.Source = netip.MustParseAddrPort(source)
	x := w.message(s, "1", "session.logon")
	x.Source = s.Source
	w.m.Judge(x)
	w.m.Done(x)
	if x.Call.Verdict != vedette.Authentic || s.Key != "key-1" {
		t.Fatalf("log-in: %s %v %+v", x.Call.Verdict, x.Call.Reasons, x.Call.Decision)
	}
	return s, ended
}

func (w *world) restrict(t *testing.T, r vedette.Restriction) vedette.Restriction {
	t.Helper()
	r.Reason, r.By = "stolen", "me"
	r, err := w.m.Gate.Set(r, w.now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRestrictionEndsSessions: what refuses all that a session's credential asks also ends what
// it gets unasked; what refuses some does not.
func TestRestrictionEndsSessions(t *testing.T) {
	f := func(r vedette.Restriction, want bool) {
		t.Helper()
		w := newWorld(t)
		s, ended := w.open(t, "192.0.2.7:4000")
		if !w.m.Reply(s, []byte(push), w.now) {
			t.Fatal("a push is held back before")
		}
		w.restrict(t, r)
		if passes := w.m.Reply(s, []byte(push), w.now); passes == want {
			t.Errorf("%s %+v: a push passes: %t", r.Kind, r, passes)
		}
		if len(ended) > 0 != want {
			t.Errorf("%s %+v: ended %d times", r.Kind, r, len(ended))
		}
		told := strings.Join(w.log.records, "\n")
		if strings.Contains(told, `"what":"session.ended","detail":{"venue":"binance","session":7,"credential":"key-1","account":"acct-1"`) != want {
			t.Errorf("%s: recorded %s", r.Kind, told)
		}
	}
	f(vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-1"}, true)
	f(vedette.Restriction{Kind: vedette.RestrictFreeze, Venue: "binance", Account: "acct-1"}, true)
	f(vedette.Restriction{Kind: vedette.RestrictFreeze, Owner: "owner-1"}, true)
	f(vedette.Restriction{Kind: vedette.RestrictFreeze, Source: "192.0.2.0/24"}, true)
	f(vedette.Restriction{Kind: vedette.RestrictBlock, Source: "192.0.2.7"}, true)
	f(vedette.Restriction{Kind: vedette.RestrictKill, Venue: "binance"}, true)
	f(vedette.Restriction{Kind: vedette.RestrictKill}, true)
	f(vedette.Restriction{Kind: vedette.RestrictKill, Venue: "okx"}, false)
	f(vedette.Restriction{Kind: vedette.RestrictFreeze, Venue: "okx", Credential: "key-1"}, false)
	f(vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-2"}, false)
	f(vedette.Restriction{Kind: vedette.RestrictBlock, Source: "192.0.2.8"}, false)
	f(vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-1", Instrument: "BTCUSDT"}, false)
	f(vedette.Restriction{Kind: vedette.RestrictReadOnly, Credential: "key-1"}, false)
	f(vedette.Restriction{Kind: vedette.RestrictStepUp, Credential: "key-1"}, false)
	f(vedette.Restriction{Kind: vedette.RestrictThrottle, Credential: "key-1", Rate: 1}, false)
}

// TestObservedSession: observe mode says once what it would end; enforce mode then ends it.
func TestObservedSession(t *testing.T) {
	w := newWorld(t)
	observe, enforce := gate.Config{Mode: gate.Observe}, gate.Config{Mode: gate.Enforce}
	if err := w.m.Gate.Configure(observe); err != nil {
		t.Fatal(err)
	}
	s, ended := w.open(t, "192.0.2.7:4000")
	r := w.restrict(t, vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-1"})
	for range 3 {
		if !w.m.Reply(s, []byte(push), w.now) {
			t.Error("observe mode holds a push back")
		}
		w.restrict(t, vedette.Restriction{Kind: vedette.RestrictReadOnly, Credential: "key-9"})
	}
	told := strings.Join(w.log.records, "\n")
	if strings.Count(told, `"what":"session.would_end"`) != 1 || !strings.Contains(told, `"reason":"frozen","restriction":"`+r.ID) || len(ended) > 0 {
		t.Errorf("ended %d times, recorded %s", len(ended), told)
	}
	if err := w.m.Gate.Configure(enforce); err != nil {
		t.Fatal(err)
	}
	if w.m.Reply(s, []byte(push), w.now) || len(ended) == 0 {
		t.Error("the session goes on in enforce mode")
	}
}

// TestSilentSessionEnds: no push has to come.
func TestSilentSessionEnds(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Inline = false })
	s, ended := w.open(t, "192.0.2.7:4000")
	other, going := w.open2(t)
	w.restrict(t, vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-1"})
	begun := time.Now()
	select {
	case <-ended:
		t.Logf("ended after %v", time.Since(begun))
	case <-time.After(5 * time.Second):
		t.Fatal("the session was not ended")
	}
	if len(going) > 0 || !w.m.Reply(other, []byte(push), w.now) {
		t.Error("a session that serves nobody was ended")
	}
	w.m.Closed(s, w.now)
	if n := len(w.m.guards.m); n != 0 {
		t.Errorf("%d sessions are kept", n)
	}
}

// open2 opens a session that nobody logs in on.
func (w *world) open2(*testing.T) (*sensor.Session, chan string) {
	ended := make(chan string, 10)
	return &sensor.Session{Session: venue.Session{ID: 8}, Dialect: venue.Binance, End: tells(ended)}, ended
}

// TestRemovedKeyEndsSessions: a key that was taken out of the keyring gets nothing more.
func TestRemovedKeyEndsSessions(t *testing.T) {
	w := newWorld(t)
	s, ended := w.open(t, "192.0.2.7:4000")
	w.m.Verifier.Keys.(*keyring.Ring).Remove("binance", "key-1")
	w.m.Recheck()
	if w.m.Reply(s, []byte(push), w.now) || len(ended) == 0 {
		t.Error("the session goes on")
	}
	if r := w.log.last(t); r["what"] != "session.ended" || r["detail"].(map[string]any)["reason"] != "unknown_key" {
		t.Error(r)
	}
}

// TestJointAccountOfSession: what a wallet asked for an account of several wallets ends with a restriction of that
// account, or with its entry in the keyring, and not with one of the wallet's own account.
func TestJointAccountOfSession(t *testing.T) {
	f := func(change func(*world, *keyring.Ring), want bool) {
		t.Helper()
		w := newWorld(t)
		ring := w.m.Verifier.Keys.(*keyring.Ring)
		for _, c := range []vedette.Credential{{ID: "0x0000000000000000000000000000000000000001", Account: "own", Owner: "signer"},
			{ID: "0x00000000000000000000000000000000000000aa", Account: "vault", Owner: "fund", Signers: []string{"0x0000000000000000000000000000000000000001"}, Threshold: 1}} {
			c.Venue = "hyperliquid"
			if err := ring.Add(keyring.Spec{Credential: c, Scheme: "eip712"}, w.now); err != nil {
				t.Fatal(err)
			}
		}
		ended := make(chan string, 10)
		s := &sensor.Session{Session: venue.Session{ID: 7}, Dialect: venue.Hyperliquid, End: tells(ended)}
		x := &sensor.Exchange{Dialect: venue.Hyperliquid, Session: s}
		x.Call.Venue, x.Call.Verdict, x.Call.Operation = "hyperliquid", vedette.Authentic, vedette.OpAccountRead
		x.Call.Credential, x.Call.Joint, x.Call.Account, x.Call.Owner = "0x0000000000000000000000000000000000000001", "0x00000000000000000000000000000000000000aa", "vault", "fund"
		if w.m.serves(x, nil); x.Call.Decision.Refused() || !w.m.Reply(s, []byte("{}"), w.now) {
			t.Fatalf("held back before: %+v", x.Call.Decision)
		}
		change(w, ring)
		w.m.Recheck()
		if passes := w.m.Reply(s, []byte("{}"), w.now); passes == want || len(ended) > 0 != want {
			t.Errorf("a push passes: %t, ended %d times", passes, len(ended))
		}
		if told := strings.Join(w.log.records, "\n"); strings.Contains(told, `"joint":"0x00000000000000000000000000000000000000aa"`) != want {
			t.Errorf("recorded %s", told)
		}
	}
	freeze := func(r vedette.Restriction) func(*world, *keyring.Ring) {
		r.Kind = vedette.RestrictFreeze
		return func(w *world, _ *keyring.Ring) { w.restrict(t, r) }
	}
	f(freeze(vedette.Restriction{Credential: "0x00000000000000000000000000000000000000aa"}), true)
	f(freeze(vedette.Restriction{Account: "vault"}), true)
	f(freeze(vedette.Restriction{Owner: "fund"}), true)
	f(freeze(vedette.Restriction{Credential: "0x0000000000000000000000000000000000000001"}), true)
	f(freeze(vedette.Restriction{Account: "own"}), false)
	f(freeze(vedette.Restriction{Owner: "signer"}), false)
	f(func(_ *world, ring *keyring.Ring) {
		ring.Remove("hyperliquid", "0x00000000000000000000000000000000000000aa")
	}, true)
}

// TestSecondCredentialOfSession: a session ends for each credential that it was opened for, not only
// for the last.
func TestSecondCredentialOfSession(t *testing.T) {
	w := newWorld(t)
	s, ended := w.open(t, "192.0.2.7:4000")
	s.Key, s.Account = "key-2", "acct-2"
	w.restrict(t, vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-1"})
	if w.m.Reply(s, []byte(push), w.now) || len(ended) == 0 {
		t.Error("the session goes on")
	}
}

// TestSecondLoginOfSession: who logs in with a token of another, or with a key, does not save the session from the
// revocation of the token that opened it first: venues such as Coinbase go on serving both.
func TestSecondLoginOfSession(t *testing.T) {
	revoked := ""
	for _, second := range []string{"token-2", ""} {
		w := newWorld(t)
		s, ended := w.open2(t)
		logIn := func(credential string, byToken bool) {
			x := &sensor.Exchange{Dialect: venue.Coinbase, Session: s}
			x.Claim.Login = true
			x.Call.Venue, x.Call.Credential, x.Call.Verdict = "coinbase", credential, vedette.Authentic
			w.m.serves(x, nil)
			var again verify.Again
			if byToken {
				again = func(*verify.Case) (b verify.BearerResult) {
					if credential == revoked {
						b.Reasons = []vedette.Reason{vedette.TokenRevoked}
					}
					return b
				}
			}
			w.m.byToken(x, again)
		}
		revoked = ""
		logIn("token-1", true)
		logIn(cmp.Or(second, "key-9"), second != "")
		if !w.m.Reply(s, []byte(push), w.now) {
			t.Fatal("a push is held back before")
		}
		revoked = "token-1"
		w.m.Recheck()
		if w.m.Reply(s, []byte(push), w.now) || len(ended) == 0 {
			t.Errorf("then %q: the session goes on", second)
		}
		if r := w.log.last(t); r["what"] != "session.ended" || r["detail"].(map[string]any)["credential"] != "token-1" {
			t.Error(r)
		}
	}
}

// TestStrangersOfSession: what anybody can name takes bounded room, and what has none is refused.
func TestStrangersOfSession(t *testing.T) {
	w := newWorld(t)
	s, _ := w.open(t, "192.0.2.7:4000")
	for i := range sessionStrangers + 1 {
		x := &sensor.Exchange{Dialect: venue.Binance, Session: s}
		x.Claim.Login = true
		x.Call.Venue, x.Call.Credential, x.Call.Verdict = "binance", fmt.Sprint("invented-", i), vedette.Unverifiable
		w.m.serves(x, nil)
		if refused := x.Call.Decision.Refused(); refused != (i == sessionStrangers) {
			t.Errorf("%d: %+v", i, x.Call.Decision)
		}
	}
}

// TestSessionAndGateRace: pushes, log-ins and restrictions at once; after the restriction is set
// no push passes.
func TestSessionAndGateRace(t *testing.T) {
	for range 50 {
		w := newWorld(t, func(c *Config) { c.Inline = false })
		s, _ := w.open(t, "192.0.2.7:4000")
		var wg sync.WaitGroup
		set := make(chan struct{})
		wg.Go(func() {
			for range 50 {
				s.Lock()
				select {
				case <-set:
					if w.m.Reply(s, []byte(push), w.now) {
						t.Error("a push passes after the restriction")
					}
				default:
					w.m.Reply(s, []byte(push), w.now)
				}
				s.Unlock()
			}
		})
		w.restrict(t, vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-1"})
		close(set)
		wg.Wait()
	}
}

// faulty are keys of which a look-up panics when told to.
type faulty struct {
	verify.Keys
	at atomic.Int64 // look-ups until then; below 0 for never
}

func (f *faulty) Lookup(venue, id string) (*keyring.Entry, bool) {
	if f.at.Add(-1) == 0 {
		panic("look-up")
	}
	return f.Keys.Lookup(venue, id)
}

// TestPanicLeavesNoSession: whichever look-up of a log-in or a push panics, the session can be closed, nothing is kept of
// it, and other sessions end when they should.
func TestPanicLeavesNoSession(t *testing.T) {
	panics := 0
	for n := int64(1); n <= 8; n++ {
		keys := &faulty{}
		w := newWorld(t, func(c *Config) {
			c.Inline = false
			keys.Keys = c.Verifier.Keys
			c.Verifier.Keys = keys
		})
		other, ended := w.open(t, "192.0.2.8:4000")
		s := &sensor.Session{Session: venue.Session{ID: 9}, Dialect: venue.Binance, End: func(string) {}}
		keys.at.Store(n)
		func() {
			defer func() {
				if recover() != nil {
					panics++
				}
			}()
			x := w.message(s, "2", "session.logon")
			w.m.Judge(x)
			w.m.Done(x)
			conversationOf(s).guarded.asked.Store(0)
			w.m.Reply(s, []byte(push), w.now)
		}()
		keys.at.Store(-1)
		if g := conversationOf(s).guarded; g != nil && !g.mu.TryLock() {
			t.Errorf("%d: the session stays locked", n)
		} else if g != nil {
			g.mu.Unlock()
		}
		w.m.Closed(s, w.now)
		w.m.guards.mu.Lock()
		if n := len(w.m.guards.m); n != 1 {
			t.Errorf("%d sessions are kept", n)
		}
		w.m.guards.mu.Unlock()
		w.restrict(t, vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-1"})
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			t.Fatal("another session was not ended")
		}
		w.m.Closed(other, w.now)
	}
	if panics < 3 {
		t.Errorf("%d panics", panics)
	}
}

// TestPushCostsNothing: while nothing changes at the gate a push pays for two loads.
func TestPushCostsNothing(t *testing.T) {
	w := newWorld(t)
	s, _ := w.open(t, "192.0.2.7:4000")
	w.m.releases(s)
	if n := testing.AllocsPerRun(100, func() { w.m.releases(s) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	r := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			w.m.releases(s)
		}
	})
	t.Logf("%d ns", r.NsPerOp())
}
