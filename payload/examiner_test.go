package payload

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
	"vedette/venue"
)

var (
	home  = netip.MustParseAddr("192.0.2.7")
	other = netip.MustParseAddr("198.51.100.9")
)

func sqli() *venue.Request { return query(url.QueryEscape("1' UNION SELECT NULL,version()-- -")) }

func TestExaminer(t *testing.T) {
	e := New(Config{MaxWait: 20 * time.Second})
	defer e.Close()
	r := sqli()
	q := e.Submit(r, home, nil)
	r.Query = strings.Repeat("x", len(r.Query)) // the sensor's memory is its own again
	got := e.Result(q)
	if got.Classes != vedette.AttackSQLi || got.Score < 10 || got.Rules[0] == 0 || got.Where != vedette.InQuery || got.Parameter != "symbol" || !strings.HasPrefix(got.Sample, "1' UNION") {
		t.Errorf("%+v", got)
	}
	got = e.Result(e.Submit(query("my+wallet+%26+more"), home, nil))
	if !got.Zero() {
		t.Errorf("%+v", got)
	}
	if s := e.Stats(); s.Suspicious != 2 || s.Attacks != 1 || s.Clean != 1 || s.Busy == 0 || s.Compiled == 0 {
		t.Errorf("%+v", s)
	}
}

// TestBudgets: a flood is examined as far as its source's budget goes, and takes nothing from another source.
func TestBudgets(t *testing.T) {
	at := time.Unix(1767614400, 0)
	e := New(Config{MaxWait: time.Hour, SourceRate: 1, SourceBurst: 5, Now: func() time.Time { return at }})
	defer e.Close()
	n := map[vedette.Unexamined]int{}
	for range 50 {
		n[e.Result(e.Submit(sqli(), home, nil)).Unexamined]++
	}
	if n[vedette.Examined] != 5 || n[vedette.OverSourceBudget] != 45 {
		t.Errorf("%v", n)
	}
	if got := e.Result(e.Submit(sqli(), other, nil)); got.Classes == 0 {
		t.Errorf("the other source: %+v", got)
	}
	at = at.Add(2 * time.Second)
	n = map[vedette.Unexamined]int{}
	for range 5 {
		n[e.Result(e.Submit(sqli(), home, nil)).Unexamined]++
	}
	if n[vedette.Examined] != 2 {
		t.Errorf("two seconds later: %v", n)
	}
}

// TestShare: many sources together get no more than the share of a processor.
func TestShare(t *testing.T) {
	at := time.Unix(1767614400, 0)
	e := New(Config{MaxWait: time.Hour, Share: 0.25, Now: func() time.Time { return at }})
	defer e.Close()
	e.left = -time.Second
	e.at = at
	if got := e.Result(e.Submit(sqli(), home, nil)); got.Unexamined != vedette.OverBudget {
		t.Errorf("%+v", got)
	}
	at = at.Add(5 * time.Second)
	if got := e.Result(e.Submit(sqli(), home, nil)); got.Unexamined != vedette.Examined {
		t.Errorf("%+v", got)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left > burst {
		t.Errorf("%v left", e.left)
	}
}

// TestFlood: with a full queue nothing blocks, everything is counted, and memory stays.
func TestFlood(t *testing.T) {
	e := New(Config{MaxWait: 50 * time.Millisecond, SourceBurst: 10})
	defer e.Close()
	var wg sync.WaitGroup
	const senders, each = 16, 50
	began := time.Now()
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				e.Result(e.Submit(sqli(), netip.AddrFrom4([4]byte{198, 51, byte(i), byte(j)}), nil))
			}
		})
	}
	wg.Wait()
	s := e.Stats()
	sum := s.Attacks + s.Clean
	for _, n := range s.Unexamined {
		sum += n
	}
	if sum != senders*each || s.Clean != 0 || s.Suspicious != sum {
		t.Errorf("%+v", s)
	}
	t.Logf("%v: %d examined in %v, not examined %v", time.Since(began).Round(time.Millisecond), s.Attacks, s.Busy.Round(time.Millisecond), s.Unexamined)
}

// TestManySources: a table of fixed size remembers them, and one source can be made forgotten only by many.
func TestManySources(t *testing.T) {
	b := &budgets{}
	at := time.Unix(1767614400, 0)
	for i := range 100_000 {
		if !b.take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), at.Add(time.Duration(i)), 1, 5) {
			t.Fatal("a new source has no budget")
		}
	}
	if len(b.table) != sources {
		t.Errorf("%d entries", len(b.table))
	}
	v6 := func(s string) bool { return b.take(netip.MustParseAddr(s), at.Add(time.Hour), 0, 2) }
	if !v6("2001:db8::1") || !v6("2001:db8::2") || v6("2001:db8::3") || !v6("2001:db8:0:1::1") {
		t.Error("the first 64 bits are one source")
	}
}

// TestTooLong: of what is beyond the bounds the record says that it was not examined whole.
func TestTooLong(t *testing.T) {
	e := New(Config{})
	long := strings.Repeat("word (word) ", maxItem)
	if got := e.Examine(query(url.QueryEscape(long)), nil); got.Unexamined != vedette.TooLong || got.Classes != 0 {
		t.Errorf("%+v", got)
	}
	for _, padded := range []string{"' or '1'='1 " + long, long + " ' or '1'='1"} {
		if got := e.Examine(query(url.QueryEscape(padded)), nil); got.Classes&vedette.AttackSQLi == 0 {
			t.Errorf("padded: %+v", got)
		}
	}
	var many []string
	for i := range 2 * maxItems {
		many = append(many, fmt.Sprintf("p%d=a%%26b", i))
	}
	if items, cut := Collect(&venue.Request{Path: "/", Query: strings.Join(many, "&")}); len(items) != maxItems || !cut {
		t.Errorf("%d items, %v", len(items), cut)
	}
}

// TestPanic: a bug of the rules' code costs one examination.
func TestPanic(t *testing.T) {
	e := New(Config{})
	e.compile.Do(func() { e.ready.Store(&rules{}) })
	if got := e.Examine(sqli(), nil); got.Unexamined != vedette.ExaminerFailed {
		t.Errorf("%+v", got)
	}
	if s := e.Stats(); s.Panics != 1 || s.LastPanic == "" {
		t.Errorf("%+v", s)
	}
}

// TestParanoia: every level compiles, and higher ones find more.
func TestParanoia(t *testing.T) {
	last := 0
	payloads := payloads[:len(payloads)/min(every, 4)]
	for level := 1; level <= MaxParanoia; level++ {
		e := New(Config{Paranoia: level})
		n := 0
		for _, p := range payloads {
			if e.Examine(query(url.QueryEscape(p.text)), nil).Classes != 0 {
				n++
			}
		}
		if n < last {
			t.Errorf("level %d finds %d, level %d found %d", level, n, level-1, last)
		}
		t.Logf("level %d finds %d of %d", level, n, len(payloads))
		last = n
	}
}
