package ruleset

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
)

// traffic makes calls as traders make them, with some of everything else in between.
type traffic struct {
	*rand.Rand
	keys int
	at   time.Time
}

func newTraffic(seed uint64, keys int) *traffic {
	return &traffic{rand.New(rand.NewPCG(seed, 1)), keys, testBegin}
}

func pick[T any](r *traffic, list ...T) T { return list[r.IntN(len(list))] }

// call returns a call; strange ones are a hundredth.
func (r *traffic) call() *vedette.Call {
	r.at = r.at.Add(time.Duration(r.IntN(2_000_000)))
	key := r.IntN(r.keys)
	c := &vedette.Call{Time: r.at, Sensor: "proxy", Venue: "binance", Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(key >> 8), byte(key)}), 50000),
		JA4: "t13d1516h2_8daaf6152771_02713d6af862", Client: pick(r, "python-requests/2.32.1", "ccxt/4.4.1", "desk/1.4"),
		Credential: fmt.Sprintf("key-%d", key), Account: fmt.Sprintf("acct-%d", key), Owner: fmt.Sprintf("owner-%d", key/2), Method: "POST", Path: "/api/v3/order",
		Verdict: vedette.Authentic, ASN: 64500, Country: "CH", RequestBytes: 180,
		Answer: vedette.Answer{Status: 200, Outcome: vedette.Accepted, Latency: time.Duration(5+r.IntN(40)) * time.Millisecond, Bytes: 200 + r.IntN(4000)}}
	c.Decision.Effect = vedette.Allow
	c.Action = vedette.Action{Instrument: pick(r, "BTCUSDT", "ETHUSDT", "SOLUSDT"), Side: pick(r, vedette.Buy, vedette.Sell), Type: vedette.Limit,
		TimeInForce: vedette.GTC, Price: vedette.NewDecimal(int64(10000+r.IntN(200)), 2), Quantity: vedette.NewDecimal(int64(1+r.IntN(100)), 2)}
	switch n := r.IntN(100); {
	case n < 40:
		c.Operation = vedette.OpOrderNew
	case n < 70:
		c.Operation = vedette.OpOrderCancel
	case n < 85:
		c.Operation, c.Method, c.Path, c.Action = vedette.OpMarketRead, "GET", "/api/v3/depth", vedette.Action{Operation: vedette.OpMarketRead}
	case n < 99:
		c.Operation, c.Method, c.Path = vedette.OpAccountRead, "GET", "/api/v3/account"
	default:
		r.strange(c)
	}
	return c
}

func (r *traffic) strange(c *vedette.Call) {
	c.Operation = vedette.Operation(r.IntN(vedette.Operations))
	c.Verdict = vedette.Verdict(r.IntN(vedette.Verdicts))
	c.Reasons = []vedette.Reason{pick(r, vedette.BadSignature, vedette.UnknownKey, vedette.Ambiguous, vedette.AnswerLost)}
	c.Answer.Status = pick(r, 0, 200, 400, 401, 403, 404, 429, 500, 503)
	c.Answer.Error = pick(r, "", "-1013", "-2011")
	c.Answer.Outcome = vedette.Outcome(r.IntN(7))
	c.Client = pick(r, "", "curl/8.5", "Nuclei", "SQLMap/1.8", "\xff\xfe")
	c.Path = pick(r, "", "/.git/config", "/API/V3/Order", "/a/../b", "/x.PHP", "/ünïcode")
	c.Object, c.Asset, c.Address, c.Country = pick(r, "", "42"), pick(r, "", "USDT", "BTC"), pick(r, "", "bc1q"), pick(r, "", "BR", "CH")
	c.Method = pick(r, "GET", "POST", "")
	if r.IntN(4) == 0 {
		c.Source = netip.AddrPort{}
	} else if r.IntN(4) == 0 {
		c.Source = netip.MustParseAddrPort("[2001:db8::1]:443")
	}
	if r.IntN(3) == 0 {
		c.Claimed = c.Time.Add(time.Duration(r.IntN(5000)-2500) * time.Millisecond)
	}
}

// contexts returns what detectors see of calls, to be kept.
func contexts(t testing.TB, calls []*vedette.Call) (out []*detect.Context) {
	t.Helper()
	probe := detect.Define(detect.Detector{Name: "test.probe", Version: 1, Since: "0", Title: "T", Why: "W", Look: "L", Severity: vedette.Low, By: detect.ByVenue, Quiet: 1},
		func(x *detect.Context, _ *uint64) {
			c := *x
			out = append(out, &c)
		})
	for i, c := range calls { // an engine each: what they hold stays
		e, err := detect.New(detect.Config{Detectors: []*detect.Detector{probe}, Subjects: 4})
		if err != nil {
			t.Fatal(err)
		}
		e.Observe(uint64(i+1), c)
	}
	return out
}

func calls(seed uint64, n, keys int) (list []*vedette.Call) {
	r := newTraffic(seed, keys)
	for range n {
		list = append(list, r.call())
	}
	return list
}
