package pipeline

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vedette"
	"vedette/incident"
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
		if got := p.Exposure(&f); got != want {
			t.Errorf("%+v: %v, want %v", f, got, want)
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
