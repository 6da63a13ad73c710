package behaviour

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
)

const day = 24 * time.Hour

// TestStolenKey lets a key change hands after ten days, in ways from crude to careful, among twenty keys that go on as before.
func TestStolenKey(t *testing.T) {
	f := func(name string, within int, words string, take func(c *client)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := crowd(3, 20)
			victim, taken, calls := list[1], start.Add(10*day+12*time.Hour), 0
			var first *vedette.Finding
			found, _ := story(list, taken.Add(6*time.Hour), func(c *client) {
				if c == victim && c.next.After(taken) {
					if calls == 0 {
						take(c)
					}
					calls++
				}
			}, Anomaly)
			for _, f := range found {
				switch {
				case f.Credential != victim.name || f.Time.Before(taken):
					t.Errorf("false alert: %s %s", f.Time, f.Summary)
				case first == nil:
					first = f
				}
			}
			if first == nil {
				t.Fatalf("not found in %d calls", calls)
			}
			if !strings.Contains(first.Summary, words) || first.Score < 0.99 {
				t.Errorf("want %q in %s (%v)", words, first.Summary, first.Score)
			}
			if took := first.Time.Sub(taken); took > time.Duration(within)*time.Minute {
				t.Errorf("found after %v: %s", took, first.Summary)
			}
		})
	}
	f("unlike its owner", 3, "first use from AS65001, first use from KP, JA4 never seen on this key", func(c *client) {
		c.ja4, c.asn, c.country, c.loop = "t13d999", 65001, "KP", []vedette.Operation{vedette.OpAccountRead, vedette.OpWithdraw}
	})
	f("ten times faster", 5, "calls/min against a usual", func(c *client) { c.rate *= 10 })
	f("only moves money", 10, "transfers/h against a usual 0–1", func(c *client) { c.loop = []vedette.Operation{vedette.OpTransfer, vedette.OpDepositAddress} })
	f("moves money among its trades", 40, "withdrawals/h", func(c *client) { c.loop = append([]vedette.Operation{vedette.OpWithdraw}, c.loop...) })
	f("pumps with it: large orders in another instrument, from another network", 60, "instruments that it does not trade", func(c *client) {
		c.size, c.symbols, c.ja4, c.asn = c.size+5, []string{"PUMPUSDT"}, "t13d999", 65001
	})
}

// TestCleanTraffic has programs released, servers moved, instruments added and rates that wander, and nothing to find.
func TestCleanTraffic(t *testing.T) {
	days := 10
	if raceEnabled {
		days = 2
	}
	last := map[*client]int{}
	found, calls := story(crowd(11, 40), start.Add(time.Duration(days)*day), func(c *client) {
		if d := int(c.next.Sub(start) / day); last[c] != d {
			last[c] = d
			c.rate *= math.Exp(0.1 * c.NormFloat64())
			if c.Float64() < 0.03 {
				c.ja4 = fmt.Sprintf("t13d%d", c.IntN(12))
			}
			if c.Float64() < 0.03 {
				c.asn = 64500 + uint32(c.IntN(20))
			}
			if c.Float64() < 0.03 {
				c.symbols = append(c.symbols, fmt.Sprintf("S%dUSDT", c.IntN(40)))
			}
		}
	})
	for _, f := range found {
		t.Errorf("%s %s %v", f.Time, f.Summary, f.Values)
	}
	if calls < days*50_000 {
		t.Errorf("only %d calls", calls)
	}
}

// TestMarketShock has sixty keys trade 25 times as often for half an hour. Some are found if they do so alone, and
// hardly any if all do.
func TestMarketShock(t *testing.T) {
	var list []*client
	for i := range 60 {
		list = append(list, newClient(uint64(700+i), "trader", 0.3))
	}
	shock := start.Add(5*day + 9*time.Hour)
	rise := func(which func(i int) bool) int {
		for i := range list {
			list[i] = newClient(uint64(700+i), "trader", 0.3)
		}
		found, _ := story(list, shock.Add(time.Hour), func(c *client) {
			c.rate = 0.3
			if at := c.next.Sub(shock); at >= 0 && at < 30*time.Minute && which(slices.Index(list, c)) {
				c.rate *= 25
			}
		}, Anomaly)
		return len(found)
	}
	few := rise(func(i int) bool { return i%20 == 6 || i%20 == 11 }) // those that show most clearly
	if all := rise(func(int) bool { return true }); all > 3 || few < 2 {
		t.Errorf("%d were found of sixty that rose together, %d of six that did so alone", all, few)
	}
}

// TestPoisoning has an attacker with a key's whole month, who moves its habits a little each day so that no window is odd.
func TestPoisoning(t *testing.T) {
	f := func(name, detector string, move func(c *client, days float64)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := crowd(5, 6)
			victim, from := list[1], start.Add(12*day)
			found, _ := story(list, from.Add(30*day), func(c *client) {
				if c == victim && c.next.After(from) {
					move(c, float64(c.next.Sub(from))/float64(day))
				}
			})
			ok := false
			for _, f := range found {
				ok = ok || f.Credential == victim.name && f.Detector == detector
				if f.Credential != victim.name && f.Account != "acct-"+victim.name {
					t.Errorf("false alert: %s %s", f.Time, f.Summary)
				}
			}
			if !ok {
				t.Errorf("%s did not find it; found %d others", detector, len(found))
			}
		})
	}
	usual := crowd(5, 6)[1].rate
	f("5% faster each day", "behaviour.slow_ramp", func(c *client, days float64) { c.rate = usual * math.Pow(1.05, days) })
	f("a few more transfers each day", "behaviour.slow_ramp", func(c *client, days float64) {
		c.loop = loops["trader"]
		if c.Float64() < days/30 {
			c.loop = []vedette.Operation{vedette.OpTransfer, vedette.OpAccountRead}
		}
	})
	f("reads instead of trades, slowly", "behaviour.baseline_moved", func(c *client, days float64) {
		c.loop = loops["trader"]
		if c.Float64() < days/20 {
			c.loop = []vedette.Operation{vedette.OpSetting, vedette.OpSessionLogin}
		}
	})
}

// TestQuarantine wants nothing learned of an hour in which something was found, and of a flood no more than its share.
func TestQuarantine(t *testing.T) {
	e, c := lone(t)
	before, _ := Export(e, detect.ByCredential, "binance", c.name)
	c.rate, c.ja4, c.asn = 600, "t13d999", 65001
	c.loop = []vedette.Operation{vedette.OpTransfer}
	run(e, c, 2*time.Hour)
	after, _ := Export(e, detect.ByCredential, "binance", c.name)
	if after.learned > before.learned+pendingWindows || after.held == 0 || after.habit.classes[classSensitive] > 2 {
		t.Errorf("learned %d windows and %d transfers of an attack", after.learned-before.learned, after.habit.classes[classSensitive])
	}
	for _, k := range after.known {
		if k.value == traitValue(detect.RareNetwork, scatterASN(65001)) {
			t.Error("the attacker's network is known")
		}
	}
}

// TestQuarantineHears: what another detector finds on a key keeps the hour around it from being learned, however usual
// the conduct looks, unless it is of low severity or of calls that take no more than the key's name.
func TestQuarantineHears(t *testing.T) {
	f := func(v vedette.Severity, verdict vedette.Verdict, kept bool) {
		t.Helper()
		alarm := detect.Define(detect.Detector{Name: "access.test", Version: 1, Since: "0", Title: "T", Why: "W", Look: "L", Severity: v, By: detect.ByCredential,
			Quiet: time.Hour, When: func(e *detect.Event) bool { return e.Status == 418 }}, func(x *detect.Context, _ *uint64) {
			if x.Open() {
				x.Raise(detect.Raised{Summary: "found"})
			}
		})
		e, err := detect.New(detect.Config{Detectors: append(All(), alarm), Subjects: 1 << 10, Raise: func(*vedette.Finding) {}})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		c := newClient(1, "trader", 2)
		find := func() {
			v := c.call()
			v.Verdict, v.Answer.Status, v.JA4, v.ASN = verdict, 418, "t13d999", 65001
			e.Observe(1, v)
		}
		state := func() State {
			s, _ := Export(e, detect.ByCredential, "binance", c.name)
			return s
		}
		run(e, c, 5*day)
		before := state()
		find()
		if s := state(); kept != (s.pending != [pendingWindows]pendingWindow{}) {
			t.Errorf("%v, %v: waiting windows are kept: %v, want %v", v, verdict, !kept, kept)
		}
		run(e, c, 3*time.Hour)
		if s := state(); kept != (s.learned > before.learned) {
			t.Errorf("%v, %v: %d windows were learned, kept %v", v, verdict, s.learned-before.learned, kept)
		}
		run(e, c, Hold)
		between := state()
		find() // a second one while nothing is held
		run(e, c, 30*time.Minute)
		if s := state(); verdict == vedette.Authentic && !kept && s.learned != between.learned {
			t.Errorf("%v: %d windows were learned after the second finding", v, s.learned-between.learned)
		}
		run(e, c, day)
		if s := state(); s.learned == between.learned {
			t.Errorf("%v, %v: nothing is learned any more", v, verdict)
		}
	}
	f(vedette.Medium, vedette.Authentic, false)
	f(vedette.High, vedette.Replayed, false)
	f(vedette.Low, vedette.Authentic, true)
	f(vedette.Critical, vedette.Forged, true)
}

func scatterASN(asn uint32) uint64 {
	e := detect.Event{ASN: asn}
	return e.Rare(detect.RareNetwork)
}

// lone is an engine that has seen one trader for five days.
func lone(t *testing.T) (*detect.Engine, *client) {
	e, err := detect.New(detect.Config{Detectors: All(), Subjects: 1 << 10, Raise: func(*vedette.Finding) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	c := newClient(1, "trader", 2)
	run(e, c, 5*day)
	return e, c
}

func run(e *detect.Engine, c *client, d time.Duration) {
	for end := c.next.Add(d); c.next.Before(end); {
		e.Observe(1, c.call())
	}
}

// TestFloodOfClients wants what is known of a key's clients to survive any number of invented ones.
func TestFloodOfClients(t *testing.T) {
	e, c := lone(t)
	for i := range 1000 {
		v := c.call()
		v.JA4, v.ASN = fmt.Sprint("invented", i), uint32(i+1)
		e.Observe(1, v)
	}
	s, _ := Export(e, detect.ByCredential, "binance", c.name)
	if p := s.Profile(); p.Clients != 1 || p.Networks != 1 {
		t.Errorf("%d clients and %d networks are known", p.Clients, p.Networks)
	}
}

func TestProfile(t *testing.T) {
	e, c := lone(t)
	p, ok := Read(e, detect.ByCredential, "binance", c.name)
	if !ok || p.Kind != "trader" || p.Learned < 200 || p.Endpoints != 5 || p.Clients != 1 || p.PerMinute[1] < 2 || p.PerMinute[1] > 20 {
		t.Errorf("%v %+v", ok, p)
	}
	for _, want := range []string{"A trader;", "own habits", "5 endpoints", "calls in a minute"} {
		if !strings.Contains(p.String(), want) {
			t.Errorf("want %q in\n%s", want, p)
		}
	}
	s, _ := Export(e, detect.ByCredential, "binance", c.name)
	if !Import(e, detect.ByCredential, "binance", c.name, State{}) {
		t.Error("no reset")
	}
	if p, _ := Read(e, detect.ByCredential, "binance", c.name); p.Learned != 0 {
		t.Error("reset left something")
	}
	Import(e, detect.ByCredential, "binance", c.name, s)
	if again, _ := Read(e, detect.ByCredential, "binance", c.name); again.Learned != p.Learned {
		t.Error("import differs from export")
	}
	if _, ok := Read(e, detect.ByCredential, "binance", "nobody"); ok {
		t.Error("a profile of nobody")
	}
	if _, ok := Read(e, detect.ByAccount, "binance", "acct-"+c.name); !ok {
		t.Error("no profile of the account")
	}
}
