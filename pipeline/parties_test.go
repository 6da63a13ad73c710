package pipeline

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vedette"
	"vedette/incident"
	"vedette/intel"
	"vedette/keyring"
)

func authentic(account, source, ja4 string, at time.Time) *vedette.Call {
	return &vedette.Call{Time: at, Verdict: vedette.Authentic, Account: account, Source: netip.MustParseAddrPort(source), JA4: ja4}
}

// TestCrowd: how many accounts use an address, subnet or fingerprint, over two days.
func TestCrowd(t *testing.T) {
	p := NewParties(keyring.New(keyring.Options{}))
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 200 {
		a := fmt.Sprint("a", i)
		p.Saw(authentic(a, "192.0.2.1:5", "common", day)) // one gateway
		p.Saw(authentic(a, "192.0.2.1:6", "common", day))
		p.Saw(authentic("me", fmt.Sprintf("198.51.100.%d:5", i%250), "mine", day))
		p.Saw(authentic(a, fmt.Sprintf("[2001:db8:0:%x::1]:5", i), "", day))
		forged := authentic(a, "203.0.113.1:5", "bad", day)
		forged.Verdict = vedette.Forged
		p.Saw(forged)
	}
	f := func(kind, id string, least, most int) {
		t.Helper()
		n, of := p.Population(vedette.Subject{Kind: kind, ID: id})
		if n < least || n > most || of < 180 || of > 220 {
			t.Errorf("%s %s: %d of %d accounts, want %d to %d of 201", kind, id, n, of, least, most)
		}
	}
	f("source", "192.0.2.1", 120, 600)
	f("ja4", "common", 120, 600)
	f("source", "198.51.100.7", 1, 1)
	f(incident.SubjectSubnet, "198.51.100.0/24", 1, 1)
	f("source", "198.51.100.0/24", 1, 1) // a finding on a subnet
	f("source", "192.0.2.0/24", 120, 600)
	f("source", "2001:db8::/48", 120, 600)
	f("ja4", "mine", 1, 1)
	f("source", "2001:db8:0:7::/64", 1, 1)
	f(incident.SubjectSubnet, "2001:db8::/48", 120, 600)
	f("source", "203.0.113.1", 0, 0) // calls that are not genuine make nothing common
	f("ja4", "never seen", 0, 0)
	p.Saw(authentic("a1", "192.0.2.1:5", "", day.Add(24*time.Hour)))
	f("source", "192.0.2.1", 120, 600)
	p.Saw(authentic("a1", "192.0.2.1:5", "", day.Add(72*time.Hour)))
	if n, of := p.Population(vedette.Subject{Kind: "source", ID: "192.0.2.1"}); n != 1 || of != 1 {
		t.Errorf("after days: %d of %d", n, of)
	}
}

// TestCrowdHolds: one account with a million addresses does not push out a gateway.
func TestCrowdHolds(t *testing.T) {
	c := newCrowd()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 50 {
		c.saw(authentic(fmt.Sprint("a", i), "192.0.2.1:5", "", at))
	}
	for i := range 1 << 20 {
		c.saw(&vedette.Call{Time: at, Account: "evil", Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1)})
	}
	if n, _ := c.of(vedette.Subject{Kind: "source", ID: "192.0.2.1"}); n < 30 {
		t.Errorf("%d accounts left of 50", n)
	}
}

func TestExposure(t *testing.T) {
	ring := keyring.New(keyring.Options{})
	add := func(id, account, owner string, may vedette.Permission, change func(*vedette.Credential)) {
		e := &keyring.Entry{Credential: vedette.Credential{ID: id, Venue: "v", Account: account, Owner: owner, Permissions: may}}
		if change != nil {
			change(&e.Credential)
		}
		if err := ring.Put(e); err != nil {
			t.Fatal(err)
		}
	}
	add("reads", "a", "o", vedette.PermRead, nil)
	add("trades", "a", "o", vedette.PermRead|vedette.PermTrade, nil)
	add("listed", "b", "o", vedette.PermTrade|vedette.PermWithdraw, func(c *vedette.Credential) { c.WithdrawAllow = []string{"x"} })
	add("moves", "c", "", vedette.PermWithdraw, nil)
	add("free", "d", "", 0, nil)
	add("frozen", "e", "", 0, func(c *vedette.Credential) { c.Frozen = true })
	p := NewParties(ring)
	f := func(f vedette.Finding, want float64) {
		t.Helper()
		f.Venue = "v"
		if got, words := p.Exposure(&f); got != want || (words == "") != (want == 0) {
			t.Errorf("%+v: %v %q, want %v", f, got, words, want)
		}
	}
	f(vedette.Finding{Credential: "reads"}, atStakeRead)
	f(vedette.Finding{Credential: "trades"}, atStakeTrade)
	f(vedette.Finding{Credential: "listed"}, atStakeListed)
	f(vedette.Finding{Credential: "moves"}, atStakeWithdraw)
	f(vedette.Finding{Credential: "free"}, atStakeAll)
	f(vedette.Finding{Credential: "frozen"}, atStakeRead)
	f(vedette.Finding{Account: "a"}, atStakeTrade)
	f(vedette.Finding{Owner: "o"}, atStakeListed)
	f(vedette.Finding{Credential: "nobody"}, 0)
	f(vedette.Finding{Source: "192.0.2.1"}, 0)
	if n, _ := p.Population(vedette.Subject{Kind: "owner", ID: "o"}); n != 2 {
		t.Errorf("%d accounts of o", n)
	}
}

func BenchmarkCrowd(b *testing.B) {
	c := newCrowd()
	calls := make([]*vedette.Call, 1<<14)
	for i := range calls {
		calls[i] = authentic(fmt.Sprint("a", i), fmt.Sprintf("10.0.%d.%d:5", i>>8, i&255), "t13d1516h2_8daaf6152771_02713d6af862", time.Unix(1e9, 0))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.saw(calls[i%len(calls)])
	}
}

// TestOpenOrders: what is at stake grows with the orders that are open as far as calls show, with words for it.
func TestOpenOrders(t *testing.T) {
	ring := keyring.New(keyring.Options{})
	for id, may := range map[string]vedette.Permission{"trades": vedette.PermTrade, "reads": vedette.PermRead} {
		if err := ring.Put(&keyring.Entry{Credential: vedette.Credential{ID: id, Venue: "v", Account: "a", Permissions: may}}); err != nil {
			t.Fatal(err)
		}
	}
	p := NewParties(ring)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	call := func(op vedette.Operation, outcome vedette.Outcome, id string, change func(*vedette.Call)) {
		at = at.Add(time.Second)
		c := &vedette.Call{Time: at, Verdict: vedette.Authentic, Venue: "v", Credential: "trades", Account: "a",
			Action: vedette.Action{Operation: op, Instrument: "BTCUSDT", Type: vedette.Limit}, Answer: vedette.Answer{Status: 200, Outcome: outcome}}
		if op == vedette.OpOrderNew {
			c.Answer.OrderID = id
		} else {
			c.TargetOrderID = id
		}
		if change != nil {
			change(c)
		}
		p.Saw(c)
	}
	is := func(what string, open int, words string) {
		t.Helper()
		f := vedette.Finding{Venue: "v", Account: "a", Time: at}
		if n, _ := p.orders.open("v", "a", at); n != open {
			t.Errorf("%s: %d are open, want %d", what, n, open)
		}
		v, got := p.Exposure(&f)
		if got != "the key may trade"+words || (v > atStakeTrade) != (open > 0) || v > atStakeTrade+(1-atStakeTrade)*openPart {
			t.Errorf("%s: %v %q", what, v, got)
		}
	}
	const shown = "; as far as calls show, "
	placed, cancelled := vedette.Accepted, vedette.Cancelled
	is("nothing was seen", 0, "")
	call(vedette.OpOrderNew, placed, "1", nil)
	is("one", 1, shown+"1 order is open")
	call(vedette.OpOrderNew, placed, "1", nil)
	is("the same again", 1, shown+"1 order is open")
	call(vedette.OpOrderNew, vedette.PartlyFilled, "", func(c *vedette.Call) { c.ClientOrderID = "mine" })
	is("one by the client's id", 2, shown+"2 orders are open")
	for what, change := range map[string]func(*vedette.Call){"rejected": func(c *vedette.Call) { c.Answer.Outcome = vedette.Rejected },
		"filled": func(c *vedette.Call) { c.Answer.Outcome = vedette.Filled }, "unanswered": func(c *vedette.Call) { c.Answer.Outcome = vedette.OutcomeNone },
		"at the market": func(c *vedette.Call) { c.Type = vedette.Market }, "at once or never": func(c *vedette.Call) { c.TimeInForce = vedette.IOC },
		"forged": func(c *vedette.Call) { c.Verdict = vedette.Forged }, "of another account": func(c *vedette.Call) { c.Account = "b" },
		"at another venue": func(c *vedette.Call) { c.Venue = "w" }, "without an id": func(c *vedette.Call) { c.Answer.OrderID = "" }} {
		call(vedette.OpOrderNew, placed, what, change)
		is(what, 2, shown+"2 orders are open")
	}
	call(vedette.OpOrderCancel, vedette.Rejected, "1", nil)
	call(vedette.OpOrderCancel, cancelled, "no such", nil)
	is("nothing was cancelled", 2, shown+"2 orders are open")
	call(vedette.OpOrderCancel, cancelled, "mine", nil)
	is("cancelled by the client's id", 1, shown+"1 order is open")
	call(vedette.OpOrderAmend, placed, "1", func(c *vedette.Call) { c.Answer.OrderID = "2" })
	is("replaced", 1, shown+"1 order is open")
	call(vedette.OpOrderQuery, vedette.Filled, "2", nil)
	is("seen filled", 0, "")
	call(vedette.OpOrderBatch, placed, "", func(c *vedette.Call) {
		c.Batch = []vedette.Action{{Operation: vedette.OpOrderNew, ClientOrderID: "x", Instrument: "ETHUSDT"}, {Operation: vedette.OpOrderNew, ClientOrderID: "y", Instrument: "BTCUSDT"}}
	})
	is("a batch", 2, shown+"2 orders are open")
	call(vedette.OpOrderCancelAll, cancelled, "", nil)
	is("all of an instrument", 1, shown+"1 order is open")
	call(vedette.OpOrderCancelAll, cancelled, "", func(c *vedette.Call) { c.Instrument = "" })
	is("all", 0, "")
	for i := range ordersEach + 5 {
		call(vedette.OpOrderNew, placed, fmt.Sprint("many", i), nil)
	}
	is("more than are told apart", ordersEach, shown+"more than 48 orders are open")
	if v, words := p.Exposure(&vedette.Finding{Venue: "v", Credential: "reads", Time: at}); v != atStakeRead || words != "the key may read" {
		t.Errorf("who may only read can lose none of them: %v %q", v, words)
	}
	at = at.Add(orderLife + time.Minute)
	is("a day later", 0, "")
}

// TestOrdersHold: many accounts leave memory as it is, and following orders allocates nothing.
func TestOrdersHold(t *testing.T) {
	o := &orders{}
	c := &vedette.Call{Time: time.Unix(1767614400, 0), Venue: "v", Action: vedette.Action{Operation: vedette.OpOrderNew, Type: vedette.Limit}, Answer: vedette.Answer{OrderID: "1", Outcome: vedette.Accepted}}
	for i := range 4 * orderAccounts {
		c.Account = fmt.Sprint("a", i)
		c.Time = c.Time.Add(time.Second)
		o.saw(c)
	}
	kept := 0
	for i := range 4 * orderAccounts {
		n, _ := o.open("v", fmt.Sprint("a", i), c.Time)
		kept += n
	}
	if kept < orderAccounts*9/10 || kept > orderAccounts {
		t.Errorf("%d orders of %d accounts are known, room is for %d", kept, 4*orderAccounts, orderAccounts)
	}
	if n, _ := o.open("v", c.Account, c.Time); n != 1 {
		t.Error("the newest was forgotten")
	}
	if n := testing.AllocsPerRun(100, func() { o.saw(c) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

// TestListed: what feeds list of a finding's parties raises the risk of its incident, by the surest.
func TestListed(t *testing.T) {
	dir := t.TempDir()
	feed := func(name string, kind vedette.IndicatorKind, confidence uint8, text string) intel.Feed {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return intel.Feed{Name: name, Format: intel.List, Kind: kind, File: file, Confidence: confidence}
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	feeds, err := intel.Open(intel.Config{Dir: filepath.Join(dir, "copies"), Now: func() time.Time { return at }, Feeds: []intel.Feed{
		feed("addresses", vedette.IndicatorAddress, 60, "198.51.100.0/24\n2001:db8:1::/48"), feed("tools", vedette.IndicatorJA4, 90, "t13d1516h2_8daaf6152771_02713d6af862")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"addresses", "tools"} {
		if _, err := feeds.Refresh(t.Context(), name, false); err != nil {
			t.Fatal(err)
		}
	}
	f := func(f vedette.Finding, want float64) {
		t.Helper()
		f.Time = at
		if got := listed(feeds, &f); got != want {
			t.Errorf("%+v: %v, want %v", f, got, want)
		}
	}
	f(vedette.Finding{Source: "198.51.100.7"}, 0.6)
	f(vedette.Finding{Source: "198.51.100.7/32"}, 0.6)
	f(vedette.Finding{Source: "198.51.100.7", JA4: "t13d1516h2_8daaf6152771_02713d6af862"}, 0.9)
	f(vedette.Finding{Source: "2001:db8:1:7::/64"}, 0.6)
	f(vedette.Finding{Source: "198.51.100.0/24"}, 0) // a subnet of which a part is listed
	f(vedette.Finding{Source: "203.0.113.7"}, 0)
	f(vedette.Finding{}, 0)
	risk := func(feeds *intel.Feeds) float64 {
		i, _ := NewParties(keyring.New(keyring.Options{})).Incidents("", 0, feeds).Join(&vedette.Finding{ID: "1", Detector: "x", Time: at, Severity: vedette.Medium, Score: 0.5, Source: "198.51.100.7"})
		return i.Risk
	}
	if with, without := risk(feeds), risk(nil); with <= without {
		t.Errorf("risk %v with feeds, %v without", with, without)
	}
}
