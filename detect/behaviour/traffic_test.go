package behaviour

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"vedette"
	"vedette/detect"
)

// start of every simulated story, a Monday.
var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// client makes the calls of one key, as its kind of program would.
type client struct {
	*rand.Rand
	name     string
	account  string
	rate     float64 // calls a minute by day
	loop     []vedette.Operation
	jitter   float64 // of gaps, 0 for a clock
	symbols  []string
	size     float64 // ln of the usual
	ja4      string
	asn      uint32
	country  string
	failures float64
	at       int // in the loop
	next     time.Time
}

var loops = map[string][]vedette.Operation{
	"reader":   {vedette.OpMarketRead, vedette.OpMarketRead, vedette.OpAccountRead, vedette.OpOrderQuery},
	"trader":   {vedette.OpMarketRead, vedette.OpAccountRead, vedette.OpOrderNew, vedette.OpOrderQuery, vedette.OpOrderCancel},
	"maker":    {vedette.OpOrderNew, vedette.OpOrderNew, vedette.OpOrderCancel, vedette.OpOrderCancel},
	"treasury": {vedette.OpAccountRead, vedette.OpAccountRead, vedette.OpWithdraw, vedette.OpTransfer, vedette.OpAccountRead},
}

func newClient(seed uint64, kind string, rate float64) *client {
	r := rand.New(rand.NewPCG(seed, 7))
	name := fmt.Sprintf("%s-%d", kind, seed)
	c := &client{Rand: r, name: name, account: "acct-" + name, rate: rate, loop: loops[kind], jitter: []float64{0.05, 0.5, 1}[r.IntN(3)],
		size: 4 + 3*r.Float64(), ja4: fmt.Sprintf("t13d%d", r.IntN(12)), asn: 64500 + uint32(r.IntN(20)), country: []string{"DE", "US", "SG", "JP"}[r.IntN(4)], failures: 0.01}
	for range 1 + r.IntN(4) {
		c.symbols = append(c.symbols, fmt.Sprintf("S%dUSDT", r.IntN(40)))
	}
	c.next = start.Add(time.Duration(r.Float64() * float64(time.Hour)))
	return c
}

// call makes the client's next call and moves its clock.
func (c *client) call() *vedette.Call {
	op := c.loop[c.at%len(c.loop)]
	c.at++
	if c.Float64() < 0.05 {
		c.at = c.IntN(len(c.loop))
	}
	v := &vedette.Call{Time: c.next, Venue: "binance", Credential: c.name, Account: c.account, JA4: c.ja4, ASN: c.asn, Country: c.country,
		Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(c.asn), byte(c.asn >> 8), 1}), 999), Path: "/" + op.String(), Verdict: vedette.Authentic}
	v.Operation = op
	v.Answer.Status = 200
	if c.Float64() < c.failures {
		v.Answer.Status = 400
	}
	if op == vedette.OpOrderNew {
		v.Instrument, v.Side = c.symbols[c.IntN(len(c.symbols))], vedette.Side(1+c.IntN(2))
		v.Quantity = decimal(math.Exp(c.size + c.NormFloat64()*0.7))
	}
	if op == vedette.OpWithdraw {
		v.Quantity = decimal(math.Exp(c.size + c.NormFloat64()))
	}
	hour := float64(c.next.Unix()%86400) / 3600
	rate := c.rate * (0.6 + 0.4*math.Sin((hour-9)/24*2*math.Pi))
	gap := 1/rate*(1-c.jitter) + c.ExpFloat64()/rate*c.jitter
	c.next = c.next.Add(time.Duration(gap * float64(time.Minute)))
	return v
}

func decimal(x float64) vedette.Decimal {
	d, err := vedette.ParseDecimal(fmt.Sprintf("%.4f", x))
	if err != nil {
		panic(err)
	}
	return d
}

// story runs clients together until an end, and returns what was found. before is told of every client ahead of its next call.
func story(list []*client, end time.Time, before func(c *client), set ...*detect.Detector) (found []*vedette.Finding, calls int) {
	if len(set) == 0 {
		set = All()
	}
	e, err := detect.New(detect.Config{Detectors: set, Subjects: 1 << 12, Raise: func(f *vedette.Finding) { found = append(found, f) }})
	if err != nil {
		panic(err)
	}
	defer e.Close()
	for {
		c := slices.MinFunc(list, func(a, b *client) int { return a.next.Compare(b.next) })
		if !c.next.Before(end) {
			return found, calls
		}
		if before != nil {
			before(c)
		}
		calls++
		e.Observe(uint64(calls), c.call())
	}
}

// crowd is a mixed lot of clients.
func crowd(seed uint64, n int) (list []*client) {
	for i := range n {
		kind := []string{"reader", "trader", "trader", "maker", "treasury"}[i%5]
		rate := map[string]float64{"reader": 3, "trader": 2, "maker": 8, "treasury": 0.05}[kind]
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		list = append(list, newClient(seed*1000+uint64(i), kind, rate*math.Exp(0.5*r.NormFloat64())))
	}
	return list
}
