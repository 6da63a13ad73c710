package ruleset

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
)

// trader is a customer with habits.
type trader struct {
	n      int
	pause  time.Duration // between calls
	next   time.Time
	maker  bool
	since  time.Time
	price  float64
	market string
}

// TestPackIsQuiet runs the pack over three weeks of clean but lively traffic: releases, a market shock, new bots,
// venue hiccups, withdrawals. It allows one false finding a day.
func TestPackIsQuiet(t *testing.T) {
	days := 21
	if testing.Short() {
		days = 5
	}
	found := map[string]int{}
	total := 0
	e, err := detect.New(detect.Config{Detectors: defaults(t).Detectors(), Subjects: 1 << 12, Raise: func(f *vedette.Finding) {
		if total++; found[f.Detector] == 0 {
			t.Logf("%s %s", f.Time.Format(time.DateTime), f.Summary)
		}
		found[f.Detector]++
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r := newTraffic(11, 0)
	list := newTraders(r, 60)
	end := testBegin.Add(time.Duration(days) * 24 * time.Hour)
	n := uint64(0)
	for {
		who := slices.MinFunc(list, func(a, b *trader) int { return a.next.Compare(b.next) })
		if who.next.After(end) {
			break
		}
		n++
		e.Observe(n, who.call(r))
		pause := float64(who.pause) * r.ExpFloat64() / market(who.next)
		who.next = who.next.Add(time.Duration(pause) + time.Millisecond)
	}
	e.Close()
	t.Logf("%d calls, %d findings: %v", n, total, found)
	if total > days {
		t.Errorf("%d findings in %d days of clean traffic: %v", total, days, found)
	}
}

// market says how busy the market is: an open and close every day, and a shock on the tenth.
func market(at time.Time) float64 {
	busy := 1 + 1.5*math.Exp(-math.Pow(float64(at.Hour())-14, 2)/4)
	if since := at.Sub(testBegin); since > 220*time.Hour && since < 222*time.Hour {
		busy *= 6
	}
	return busy
}

func newTraders(r *traffic, n int) (list []*trader) {
	for i := range n {
		tr := &trader{n: i, pause: time.Duration(math.Exp(r.Float64()*4)*20) * time.Second, maker: i%3 == 0, since: testBegin, market: pick(r, "BTCUSDT", "ETHUSDT", "SOLUSDT")}
		if i >= n*9/10 {
			tr.since = testBegin.Add(time.Duration(i%7) * 60 * time.Hour) // new bots
		}
		if tr.price = 30000; tr.market != "BTCUSDT" {
			tr.price = 100
		}
		tr.next = tr.since
		list = append(list, tr)
	}
	return list
}

func (tr *trader) call(r *traffic) *vedette.Call {
	at := tr.next
	id := fmt.Sprint(tr.n)
	version := int(at.Sub(testBegin)/(9*24*time.Hour)) + tr.n%2 // a release every nine days
	c := &vedette.Call{Time: at, Venue: "binance", Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(tr.n), byte(1 + r.IntN(2))}), 4000),
		JA4: "t13d1516h2_8daaf6152771_02713d6af862", Client: fmt.Sprintf("desk-%d/1.%d", tr.n%5, version), Credential: "key-" + id, Account: "acct-" + id, Owner: "owner-" + id,
		Method: "POST", Path: "/api/v3/order", Verdict: vedette.Authentic, ASN: uint32(64500 + tr.n%4), Country: "CH",
		Answer: vedette.Answer{Status: 200, Outcome: vedette.Accepted, Latency: time.Duration(8+r.ExpFloat64()*20) * time.Millisecond, Bytes: 300 + r.IntN(3000)}}
	c.Decision.Effect = vedette.Allow
	price := tr.price * (1 + 0.02*r.NormFloat64()) * (1 + 0.2*math.Min(1, (market(at)-1)/6))
	c.Action = vedette.Action{Operation: vedette.OpOrderNew, Instrument: tr.market, Side: pick(r, vedette.Buy, vedette.Sell), Type: vedette.Limit, TimeInForce: vedette.GTC,
		Price: vedette.NewDecimal(int64(price*100), 2), Quantity: vedette.NewDecimal(int64(100*math.Exp(r.NormFloat64()*0.8))+1, 3)}
	switch n := r.IntN(1000); {
	case n < 350 && tr.maker:
		c.Operation = vedette.OpOrderCancel
	case n < 450:
		c.Operation = vedette.OpOrderQuery
	case n < 600:
		c.Operation = vedette.OpAccountRead
	case n < 620:
		c.Answer.Status, c.Answer.Outcome, c.Answer.Error = 400, vedette.Rejected, "-1013"
	case n < 623:
		c.Answer.Status, c.Answer.Outcome, c.Answer.Error = 503, vedette.OutcomeNone, "-1001"
	case n < 625:
		c.Answer.Status = 429
	case n < 627:
		c.Verdict, c.Reasons, c.Answer.Status = vedette.Stale, []vedette.Reason{vedette.WindowPassed}, 400
	case n == 627:
		c.Action = vedette.Action{Operation: vedette.OpWithdraw, Asset: "USDT", Address: fmt.Sprintf("wallet-%d-%d", tr.n, r.IntN(2)), Quantity: vedette.NewDecimal(int64(100*math.Exp(r.NormFloat64()*0.7)), 0)}
	case n == 628:
		c.Action = vedette.Action{Operation: vedette.OpOrderCancelAll, Instrument: tr.market}
	case n == 629:
		c.Type, c.Price = vedette.Market, vedette.Decimal{}
	}
	return c
}
