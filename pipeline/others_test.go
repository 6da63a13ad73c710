package pipeline

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/gate"
	"vedette/keyring"
	"vedette/sensor"
	"vedette/venue"
	"vedette/verify"
)

func listenKey(credential string) string { return credential + strings.Repeat("x", 64) }

// broker returns a world with three customers' keys of which the listenKeys are known.
func broker(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := newWorld(t, change...)
	for i := 1; i <= 3; i++ {
		id := fmt.Sprint("key-", i)
		if i > 1 {
			if err := w.m.Verifier.Keys.(*keyring.Ring).Add(keyring.Spec{Credential: vedette.Credential{ID: id, Venue: "binance", Account: fmt.Sprint("acct-", i), Owner: fmt.Sprint("owner-", i)},
				Scheme: "hmac", Secrets: keyring.Secrets{Secret: keyring.NewSecret(secret)}}, w.now); err != nil {
				t.Fatal(err)
			}
		}
		w.issue(id)
	}
	return w
}

func (w *world) issue(credential string) {
	w.m.Verifier.Issue(&verify.Case{Dialect: venue.Binance, Call: &vedette.Call{Verdict: vedette.Authentic, Credential: credential}, Now: w.now},
		&venue.Issued{Token: listenKey(credential), TTL: time.Hour})
}

// streams asks for the private streams of credentials on a session: by its upgrade, else by a message.
func (w *world) streams(s *sensor.Session, upgrade bool, credentials ...string) *sensor.Exchange {
	keys := make([]string, len(credentials))
	for i, c := range credentials {
		keys[i] = listenKey(c)
	}
	x := &sensor.Exchange{Sensor: "proxy", Dialect: venue.Binance, Arrived: w.now, Source: s.Source, Session: s}
	x.Request.Session = &s.Session
	if x.Request.Kind = venue.Upgrade; upgrade {
		x.Request.Method, x.Request.Path, x.Request.Query = "GET", "/stream", "streams="+strings.Join(keys, "/")
	} else {
		x.Request.Kind = venue.Message
		x.Request.Body = []byte(`{"method":"SUBSCRIBE","params":["` + strings.Join(keys, `","`) + `"],"id":5}`)
	}
	w.m.Judge(x)
	if upgrade {
		x.Answer.Status = 101
	}
	w.m.Done(x)
	if !upgrade && !x.Call.Decision.Refused() {
		w.m.Reply(s, []byte(`{"result":null,"id":5}`), w.now)
	}
	return x
}

func (w *world) session() (*sensor.Session, chan string) {
	ended := make(chan string, 10)
	s := &sensor.Session{Session: venue.Session{ID: 7}, Dialect: venue.Binance, End: tells(ended)}
	s.Source = netip.MustParseAddrPort("192.0.2.7:4000")
	return s, ended
}

// told returns the credential, verdict and decision of each call that was recorded.
func (w *world) told(t *testing.T) (list []string) {
	for _, r := range w.log.records {
		if v := decodeRecord(t, r); v["event"] == "call" {
			list = append(list, strings.TrimSpace(fmt.Sprint(v["credential"], " ", v["verdict"], " ", v["decision"])))
		}
	}
	return list
}

// TestStreamsOfSeveral: a call for the streams of several customers passes if it may for each of them, and is each one's
// in the ledger; else it is refused as that one's for whom it may not.
func TestStreamsOfSeveral(t *testing.T) {
	f := func(change func(*world), credentials []string, want ...string) {
		t.Helper()
		for _, upgrade := range []bool{true, false} {
			w := broker(t)
			change(w)
			w.log.records = nil
			s, _ := w.session()
			x := w.streams(s, upgrade, credentials...)
			got := w.told(t)
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("upgrade %t: recorded %q, want %q", upgrade, got, want)
			}
			if refused := x.Call.Decision.Refused(); refused != strings.HasSuffix(want[0], "deny") {
				t.Errorf("upgrade %t: %+v", upgrade, x.Call.Decision)
			}
			for _, r := range w.log.records {
				if strings.Contains(r, "xxxxxx") {
					t.Errorf("a listenKey is told: %s", r)
				}
			}
		}
	}
	nothing := func(*world) {}
	freeze := func(r vedette.Restriction) func(*world) {
		r.Kind = vedette.RestrictFreeze
		return func(w *world) { w.restrict(t, r) }
	}
	all := []string{"key-1", "key-2", "key-3"}
	f(nothing, all, "key-1 authentic allow", "key-2 authentic allow", "key-3 authentic allow")
	f(nothing, []string{"key-2", "key-1", "key-2"}, "key-1 authentic allow", "key-2 authentic allow")
	for _, one := range all {
		f(freeze(vedette.Restriction{Credential: one}), all, one+" authentic deny")
		f(freeze(vedette.Restriction{Owner: strings.Replace(one, "key", "owner", 1)}), all, one+" authentic deny")
		f(func(w *world) {
			ring := w.m.Verifier.Keys.(*keyring.Ring)
			ring.Remove("binance", one)
			if err := ring.Add(keyring.Spec{Credential: vedette.Credential{ID: one, Venue: "binance", IPAllow: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
				Scheme: "hmac", Secrets: keyring.Secrets{Secret: keyring.NewSecret(secret)}}, w.now); err != nil {
				t.Fatal(err)
			}
		}, all, one+" unauthorised deny")
	}
}

// TestUnknownAmongStreams: of a listenKey that nobody knows a call is refused where the policy refuses such, whatever
// stands beside it; where it lets it pass, those beside it are held to the gate.
func TestUnknownAmongStreams(t *testing.T) {
	for _, streams := range [][]string{{"key-1", "invented"}, {"invented", "key-1"}} {
		w := broker(t)
		s, _ := w.session()
		if x := w.streams(s, false, streams...); x.Call.Verdict != vedette.Unverifiable || !x.Call.Decision.Refused() {
			t.Errorf("%q: %s %+v", streams, x.Call.Verdict, x.Call.Decision)
		}
		if err := w.m.Gate.Configure(gate.Config{Mode: gate.Observe}); err != nil {
			t.Fatal(err)
		}
		s, ended := w.session()
		if x := w.streams(s, false, streams...); x.Call.Decision.Refused() || !x.Call.Decision.WouldDeny {
			t.Errorf("%q: %s %+v", streams, x.Call.Verdict, x.Call.Decision)
		}
		if err := w.m.Gate.Configure(gate.Config{Mode: gate.Enforce}); err != nil {
			t.Fatal(err)
		}
		w.restrict(t, vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-1"})
		if w.m.Reply(s, []byte(push), w.now) || len(ended) == 0 {
			t.Errorf("%q: the session goes on", streams)
		}
	}
}

// TestFreezeOfOneAmongStreams: the session ends, whichever of its customers is frozen.
func TestFreezeOfOneAmongStreams(t *testing.T) {
	for _, upgrade := range []bool{true, false} {
		for _, one := range []string{"key-1", "key-2", "key-3"} {
			w := broker(t)
			s, ended := w.session()
			w.streams(s, upgrade, "key-1", "key-2", "key-3")
			if !w.m.Reply(s, []byte(push), w.now) {
				t.Fatal("a push is held back before")
			}
			w.restrict(t, vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: one})
			if w.m.Reply(s, []byte(push), w.now) || len(ended) == 0 {
				t.Errorf("upgrade %t: the session goes on", upgrade)
			}
			if r := w.log.last(t); r["what"] != "session.ended" || r["detail"].(map[string]any)["credential"] != one {
				t.Error(r)
			}
		}
	}
}

// TestObservedStreams: observe mode tells for whom enforce mode would have refused the call, and lets it pass.
func TestObservedStreams(t *testing.T) {
	w := broker(t)
	if err := w.m.Gate.Configure(gate.Config{Mode: gate.Observe}); err != nil {
		t.Fatal(err)
	}
	w.restrict(t, vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "key-2"})
	s, _ := w.session()
	x := w.streams(s, false, "key-1", "key-2")
	if d := x.Call.Decision; x.Call.Credential != "key-2" || d.Refused() || !d.WouldDeny || d.Reason != vedette.Frozen {
		t.Errorf("%s %+v", x.Call.Credential, d)
	}
	if got := w.told(t); !slices.Equal(got, []string{"key-2 authentic allow", "key-1 authentic allow"}) {
		t.Errorf("recorded %q", got)
	}
	if told := strings.Join(w.log.records, "\n"); strings.Count(told, `"status":200`) != 2 {
		t.Errorf("the answer is not told with each: %s", told)
	}
}

// TestStreamsCountOnce: limits and throttles see one call.
func TestStreamsCountOnce(t *testing.T) {
	w := broker(t)
	w.restrict(t, vedette.Restriction{Kind: vedette.RestrictThrottle, Venue: "binance", Rate: 0.001, Burst: 2})
	for i := range 3 {
		s, _ := w.session()
		if x := w.streams(s, false, "key-1", "key-2", "key-3"); x.Call.Decision.Refused() != (i == 2) {
			t.Errorf("%d: %+v", i, x.Call.Decision)
		}
	}
}

// TestSecretsOfStreams: a record under the policy redacted has none of the listenKeys.
func TestSecretsOfStreams(t *testing.T) {
	w := broker(t, func(c *Config) { c.Bodies[vedette.OpAccountRead] = BodyRedacted })
	s, _ := w.session()
	w.streams(s, false, "key-1", "key-2")
	for _, r := range w.log.records {
		if strings.Contains(r, "xxxxxx") || !strings.Contains(r, `"body":"{`) {
			t.Error(r)
		}
	}
}
