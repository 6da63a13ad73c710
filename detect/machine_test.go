package detect

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"
	"unsafe"

	"vedette"
)

type machineTally struct{ calls, refused uint32 }

// two detectors of a machine, and one of another kind on it.
func machineTallies() (m *Machine, set []*Detector, seen map[string][]uint32) {
	m = NewMachine("test", 1, func(e *Event) bool { return e.Verdict == vedette.Authentic }, nil, func(e *Event, s *machineTally, _ *struct{}, now *uint32) {
		s.calls++
		*now += s.calls
		if e.Status >= 400 {
			s.refused++
		}
	})
	seen = map[string][]uint32{}
	make := func(name string, by Kind, when func(e *Event) bool) *Detector {
		return Read(Detector{Name: name, Version: 1, Since: "0.2", Title: "t", Why: "w", Look: "l", Severity: vedette.Low, By: by, Quiet: time.Hour, When: when}, m,
			func(x *Context, s *machineTally, _ *struct{}, now *uint32) {
				seen[name] = append(seen[name], s.calls)
				if *now != s.calls {
					panic("what the machine tells is of another event")
				}
			})
	}
	return m, []*Detector{make("test.one", ByCredential, nil), make("test.refused", ByCredential, func(e *Event) bool { return e.Status >= 400 }),
		make("test.account", ByAccount, nil)}, seen
}

func call(key string, status int, v vedette.Verdict) *vedette.Call {
	return &vedette.Call{Time: time.Unix(1000, 0), Venue: "binance", Credential: key, Account: "a", Verdict: v, Answer: vedette.Answer{Status: status}}
}

func TestMachineIsUpdatedOnceForAll(t *testing.T) {
	m, set, seen := machineTallies()
	e, err := New(Config{Detectors: set, Subjects: 100, Raise: func(*vedette.Finding) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.Observe(1, call("k1", 200, vedette.Authentic))
	e.Observe(2, call("k1", 200, vedette.Forged)) // not the machine's
	e.Observe(3, call("k1", 400, vedette.Authentic))
	e.Observe(4, call("k2", 200, vedette.Authentic))
	if got := fmt.Sprint(seen); got != "map[test.account:[1 2 3] test.one:[1 2 1] test.refused:[2]]" {
		t.Errorf("detectors saw %s", got)
	}
	if s, _, ok := Peek[machineTally, struct{}](e, m, ByCredential, "binance", "k1"); !ok || s != (machineTally{2, 1}) {
		t.Errorf("peek %v %v", s, ok)
	}
	if _, _, ok := Peek[machineTally, struct{}](e, m, ByCredential, "kraken", "k1"); ok {
		t.Error("the key of another venue is known")
	}
	if !Poke(e, m, ByCredential, "binance", "k1", machineTally{}, struct{}{}) || Poke(e, m, ByOwner, "", "nobody", machineTally{}, struct{}{}) {
		t.Error("poke")
	}
	e.Observe(5, call("k1", 200, vedette.Authentic))
	if s, _, _ := Peek[machineTally, struct{}](e, m, ByCredential, "binance", "k1"); s.calls != 1 {
		t.Errorf("%d calls after a reset and one", s.calls)
	}
}

func TestRarity(t *testing.T) {
	_, set, _ := machineTallies()
	var last [rareCount]uint8
	spy := Define(Detector{Name: "test.spy", Version: 1, Since: "0.2", Title: "t", Why: "w", Look: "l", Severity: vedette.Low, By: ByCredential, Quiet: time.Hour},
		func(x *Context, _ *machineTally) { last = x.Rarity })
	e, err := New(Config{Detectors: append(set, spy), Subjects: 10_000, Raise: func(*vedette.Finding) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	see := func(key, ja4 string, asn uint32, v vedette.Verdict) [rareCount]uint8 {
		c := call(key, 200, v)
		c.JA4, c.ASN, c.Country, c.Path, c.Instrument = ja4, asn, "DE", "/order", "BTCUSDT"
		c.Source = netip.MustParseAddrPort("192.0.2.1:1")
		e.Observe(1, c)
		return last
	}
	for i := range 1008 {
		see(fmt.Sprint("k", i), "usual", uint32(1+i%2), vedette.Authentic)
	}
	for range 5000 { // one key says it often: it is one key
		see("loud", "rare", 3, vedette.Authentic)
	}
	f := func(name string, got uint8, want int) {
		t.Helper()
		if int(got) < want-2 || int(got) > want+2 {
			t.Errorf("the rarity of %s is %d eighths, want %d", name, got, want)
		}
	}
	r := see("k1", "usual", 1, vedette.Authentic)
	f("what all have", r[RareJA4], 0)
	f("what half have", r[RareNetwork], 8)
	f("everybody's country", r[RareCountry], 0)
	f("everybody's path", r[RarePath], 0)
	f("what one of a thousand has", see("k2", "rare", 1, vedette.Authentic)[RareJA4], 72)
	for range 100 {
		see("stranger", "invented", 9, vedette.Forged)
	}
	f("what only strangers have", see("k3", "invented", 9, vedette.Authentic)[RareJA4], 80)
}

func TestRarityAges(t *testing.T) {
	p := &rarities{since: 1}
	e := &Event{Time: 2, Verdict: vedette.Authentic, Path: 7}
	e.Subject[ByFingerprint], e.Subject[ByCredential] = 5, 1
	for i := range uint64(64) {
		e.Subject[ByCredential] = 100 + i
		p.meet(e)
	}
	before := p.count[RareJA4][5]
	e.Time += int64(rarityAge) + 1
	p.meet(e)
	if after := p.count[RareJA4][5]; before != 64 || after != before/2+1 || p.total[RareJA4] != after {
		t.Errorf("%d, then %d of %d", before, after, p.total[RareJA4])
	}
}

// A machine hears what other detectors of its subject find, from medium severity on, and its own do not tell it; for
// any number of shards after the same call.
func TestHearing(t *testing.T) {
	type heard struct{ calls, heard, at uint32 }
	for _, shards := range []int{0, 1, 4} {
		m := Hearing(NewMachine("test", 1, func(e *Event) bool { return true }, nil, func(e *Event, s *heard, _, _ *struct{}) { s.calls++ }), func(e *Event, s *heard) {
			s.heard++
			s.at = s.calls
		})
		raise := func(x *Context, v vedette.Severity) {
			if x.Open() {
				x.Raise(Raised{Severity: v, Summary: "s"})
			}
		}
		d := func(name string, by Kind, status uint16) Detector {
			return Detector{Name: name, Version: 1, Since: "0.2", Title: "t", Why: "w", Look: "l", Severity: vedette.Low, By: by, Quiet: 1,
				When: func(e *Event) bool { return e.Status == status }}
		}
		set := []*Detector{Read(d("test.own", ByCredential, 500), m, func(x *Context, s *heard, _, _ *struct{}) { raise(x, vedette.High) }),
			Read(d("test.account", ByAccount, 501), m, func(x *Context, s *heard, _, _ *struct{}) {}),
			Define(d("test.low", ByCredential, 502), func(x *Context, _ *uint64) { raise(x, vedette.Low) }),
			Define(d("test.medium", ByCredential, 503), func(x *Context, _ *uint64) { raise(x, vedette.Medium) }),
			Define(d("test.critical", ByCredential, 504), func(x *Context, _ *uint64) { raise(x, vedette.Critical) }),
			Define(d("test.source", BySource, 505), func(x *Context, _ *uint64) { raise(x, vedette.Critical) })}
		e, err := New(Config{Detectors: set, Shards: shards, Subjects: 1000, Raise: func(*vedette.Finding) {}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3000 {
			c := call(fmt.Sprint("k", i%3), 200, vedette.Authentic)
			c.Time, c.Source = c.Time.Add(time.Duration(i)*time.Second), netip.MustParseAddrPort("192.0.2.7:1")
			switch i {
			case 300, 301:
				c.Answer.Status = 500 // k0, k1 by their own detector
			case 900, 901, 902:
				c.Answer.Status = 502 + i - 900
			case 1000:
				c.Answer.Status = 505
			case 1204:
				c.Answer.Status = 503 // k1
			}
			e.Observe(uint64(i), c)
		}
		e.Flush()
		for key, want := range map[string]heard{"k0": {1000, 0, 0}, "k1": {1000, 2, 402}, "k2": {1000, 1, 301}} {
			if s, _, _ := Peek[heard, struct{}](e, m, ByCredential, "binance", key); s != want {
				t.Errorf("%d shards, %s: %+v, want %+v", shards, key, s, want)
			}
		}
		if s, _, _ := Peek[heard, struct{}](e, m, ByAccount, "binance", "a"); s.heard != 0 {
			t.Errorf("%d shards: the account heard of its keys", shards)
		}
		e.Close()
	}
}

// Who looks at a state and who changes one, while snapshots are written and events come, wait for each other.
func TestPokeWhileBusy(t *testing.T) {
	m, set, _ := machineTallies()
	for _, d := range set {
		d.observe = func(*Context, unsafe.Pointer) {}
	}
	e, err := New(Config{Detectors: set, Shards: 2, Subjects: 100, Raise: func(*vedette.Finding) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var work sync.WaitGroup
	for _, f := range []func(){func() { e.Snapshot(io.Discard) }, func() { Put(e, m, ByCredential, "binance", "k1", machineTally{}, struct{}{}) },
		func() { Peek[machineTally, struct{}](e, m, ByCredential, "binance", "k1") }, func() { e.Observe(1, call("k1", 200, vedette.Authentic)) }} {
		work.Go(func() {
			for range 200 {
				f()
			}
		})
	}
	work.Wait()
}

// What a machine keeps of subjects that have grown is there from the event before which it was wanted, for its detectors too, survives a
// snapshot, and is of no other subject.
func TestGrown(t *testing.T) {
	type grown struct {
		since, seen uint64
		_           [30]uint64 // so that the record moves
	}
	for _, shards := range []int{0, 1, 3} {
		m := NewMachine("test", 1, func(e *Event) bool { return true }, func(e *Event, calls *uint64) bool { return *calls >= 2 },
			func(e *Event, calls *uint64, g *grown, _ *struct{}) {
				if *calls++; g != nil {
					if g.seen++; g.since == 0 {
						g.since = *calls
					}
				}
			})
		var mu sync.Mutex
		var told []string
		d := Read(Detector{Name: "test.grown", Version: 1, Since: "0.2", Title: "t", Why: "w", Look: "l", Severity: vedette.Low, By: ByCredential, Quiet: 1}, m,
			func(x *Context, calls *uint64, g *grown, _ *struct{}) {
				mu.Lock()
				defer mu.Unlock()
				if g != nil {
					told = append(told, fmt.Sprint(x.Name(), *calls, g.seen))
				}
			})
		make := func() *Engine {
			e, err := New(Config{Detectors: []*Detector{d}, Shards: shards, Raise: func(*vedette.Finding) {}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(e.Close)
			return e
		}
		e := make()
		observe := func(keys ...string) {
			for i, key := range keys {
				e.Observe(uint64(i), call(key, 200, vedette.Authentic))
			}
			e.Flush()
		}
		observe("a", "a", "b", "a", "a")
		var snapshot bytes.Buffer
		if _, err := e.Snapshot(&snapshot); err != nil {
			t.Fatal(err)
		}
		e = make()
		if _, err := e.Restore(&snapshot); err != nil {
			t.Fatal(err)
		}
		observe("a", "b")
		if fmt.Sprint(told) != "[a3 1 a4 2 a5 3]" {
			t.Errorf("%d shards: %v", shards, told)
		}
		if s, g, ok := Peek[uint64, grown](e, m, ByCredential, "binance", "a"); !ok || s != 5 || g != (grown{since: 3, seen: 3}) {
			t.Errorf("%d %v %v", s, g, ok)
		}
		if s, g, ok := Peek[uint64, grown](e, m, ByCredential, "binance", "b"); !ok || s != 2 || g != (grown{}) {
			t.Errorf("%d %v %v", s, g, ok)
		}
		if !Poke(e, m, ByCredential, "binance", "b", uint64(7), grown{since: 1, seen: 2}) || !Poke(e, m, ByCredential, "binance", "a", uint64(0), grown{}) {
			t.Error("poke")
		}
		if s, g, _ := Peek[uint64, grown](e, m, ByCredential, "binance", "b"); s != 7 || g != (grown{since: 1, seen: 2}) {
			t.Errorf("%d %v", s, g)
		}
		if s, g, _ := Peek[uint64, grown](e, m, ByCredential, "binance", "a"); s != 0 || g != (grown{}) {
			t.Errorf("%d %v", s, g)
		}
	}
}
