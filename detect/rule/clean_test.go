package rule

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
)

// trader is one credential of the clean week.
type trader struct {
	call   vedette.Call
	every  time.Duration // between its calls, at random or not
	steady bool
	ops    []vedette.Operation
	office []netip.Addr // where it comes from; the first mostly
}

// TestCleanWeek runs a week of lively but innocent traffic past all detectors: market makers that poll
// steadily, a firm with 60 keys behind one address, people on VPNs and dynamic addresses, withdrawals, a
// library that everybody upgrades on the third day, new traders every day, a day of many errors. Of such,
// none may look like an attack; what is low may be raised now and then.
func TestCleanWeek(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var found []*vedette.Finding
	e, err := detect.New(detect.Config{Detectors: All(), Raise: func(f *vedette.Finding) { found = append(found, f) }})
	if err != nil {
		t.Fatal(err)
	}
	var calls []vedette.Call
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	for i := range 300 {
		calls = append(calls, trade(r, newTrader(r, i), start.Add(time.Duration(max(0, i-200))*100*time.Minute), start.Add(7*24*time.Hour))...)
	}
	slices.SortStableFunc(calls, func(a, b vedette.Call) int { return a.Time.Compare(b.Time) })
	for i := range calls {
		e.Observe(uint64(i), &calls[i])
	}
	e.Close()
	low := 0
	for _, f := range found {
		if low++; f.Severity > vedette.Low {
			t.Errorf("%s %s %s: %s", f.Time.Format(time.DateTime), f.Severity, f.Detector, f.Summary)
		}
	}
	if low > 35 { // five a day
		t.Errorf("%d findings in a week", low)
	}
	t.Logf("%d calls, %d findings", len(calls), low)
}

func newTrader(r *rand.Rand, i int) trader {
	trading := []vedette.Operation{vedette.OpOrderNew, vedette.OpOrderCancel, vedette.OpAccountRead, vedette.OpMarketRead}
	v := trader{every: time.Duration(20+r.IntN(100)) * time.Minute, ops: trading, office: []netip.Addr{address(r)}}
	v.call = vedette.Call{Venue: "binance", Credential: fmt.Sprint("key-", i), Account: fmt.Sprint("acct-", i), Owner: fmt.Sprint("owner-", i), Client: "ccxt/4.5.84",
		JA4: "ja4-ccxt", ASN: uint32(64496 + r.IntN(30)), Country: []string{"DE", "US", "JP", "SG"}[r.IntN(4)], Verdict: vedette.Authentic}
	switch {
	case i < 20: // market makers
		v.every, v.steady = 4*time.Minute, true
	case i < 80: // one firm
		v.office, v.call.Owner, v.call.ASN, v.call.Country = []netip.Addr{netip.MustParseAddr("192.0.2.1")}, "firm", 64600, "GB"
		v.call.Client, v.call.JA4 = "firm-desk/1", "ja4-firm"
	case i < 120: // people on VPNs
		v.call.Client, v.call.JA4 = "Mozilla/5.0", "ja4-chrome"
		v.office = append(v.office, address(r), address(r))
	case i < 160: // dynamic addresses
		for range 7 {
			v.office = append(v.office, address(r))
		}
	case i < 180: // those who only look
		v.ops = []vedette.Operation{vedette.OpAccountRead, vedette.OpMarketRead, vedette.OpOrderQuery}
	}
	if i%3 == 0 {
		v.ops = append(slices.Repeat(v.ops, 20), vedette.OpWithdraw)
	}
	return v
}

func address(r *rand.Rand) netip.Addr {
	return netip.AddrFrom4([4]byte{198, byte(18 + r.IntN(2)), byte(r.IntN(256)), byte(1 + r.IntN(250))})
}

// trade returns a trader's calls of a time.
func trade(r *rand.Rand, v trader, from, to time.Time) (calls []vedette.Call) {
	upgrade := from.Truncate(24 * time.Hour).Add(time.Duration(r.IntN(24)) * time.Hour)
	if third := time.Date(2026, 1, 7, r.IntN(24), 0, 0, 0, time.UTC); upgrade.Before(third) {
		upgrade = third
	}
	for at := from; at.Before(to); {
		c := v.call
		c.Time, c.Operation, c.Answer.Status = at, v.ops[r.IntN(len(v.ops))], 200
		switch r.IntN(60) { // what goes wrong
		case 0:
			c.Answer.Status = 404
		case 1:
			c.Answer.Status = []int{429, 500, 400, 403}[r.IntN(4)]
		case 2:
			c.Reasons = []vedette.Reason{vedette.Retry}
		case 3:
			c.Verdict, c.Reasons, c.Answer.Status = vedette.Stale, []vedette.Reason{vedette.WindowPassed}, 400
			c.Claimed = at.Add(-6 * time.Second)
		}
		c.Source = netip.AddrPortFrom(v.office[min(len(v.office)-1, int(at.Sub(from)/(24*time.Hour)))], 4000)
		if len(v.office) == 3 { // a VPN that is switched on now and then
			n := r.IntN(5) / 3
			c.Source = netip.AddrPortFrom(v.office[n], 4000)
			if n == 1 {
				c.ASN, c.Country = 64700, "NL"
			}
		}
		if c.Client == "ccxt/4.5.84" && at.After(upgrade) {
			c.Client, c.JA4 = "ccxt/4.6.0", "ja4-ccxt-new"
		}
		c.Instrument, c.RequestBytes = fmt.Sprint("SYM", r.IntN(12)), 200
		calls = append(calls, c)
		step := v.every
		if !v.steady {
			step = time.Duration(r.ExpFloat64() * float64(v.every))
		}
		at = at.Add(step + time.Second)
	}
	return calls
}
