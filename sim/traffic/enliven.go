package traffic

import (
	"fmt"
	"time"

	"vedette"
)

// enliven adds what happens at a venue in any week and what a monitor must not take for an attack.
func (t *Traffic) enliven() {
	rng := stream(t.cfg.Seed, "occasions", 0)
	from, span := t.start+2*day, t.end-t.start-2*day
	if span <= 0 {
		from, span = t.start, t.end-t.start
	}
	someday := func() int64 { return from + int64(rng.Float64()*float64(span)) }
	t.release(someday())
	for range 2 {
		at := someday()
		s := shock{at, at + int64(20+rng.IntN(20))*minute}
		t.rhythms.shocks = append(t.rhythms.shocks, s)
		t.occasion("market_shock", s.from, s.to, nil)
	}
	t.move(someday())
	t.grow(from, span)
	t.newBots()
	for i := range 40 {
		v := newVendor(t, i)
		t.add(v, t.start+v.gap)
	}
}

func (t *Traffic) occasion(kind string, from, to int64, subjects []string) {
	t.occasions = append(t.occasions, Occasion{kind, subjects, time.Unix(0, from).UTC(), time.Unix(0, to).UTC()})
}

// release has half of the users of the commonest library go over to its next version within two days.
func (t *Traffic) release(at int64) {
	var who []string
	for _, c := range t.customers {
		if c.library != 0 || c.software != libraries[0].now || c.change.at != 0 || c.rng.IntN(2) == 0 {
			continue
		}
		when := at + int64(c.rng.ExpFloat64()*float64(10*hour))
		c.change = change{at: when, overlap: when, software: libraries[0].next}
		who = append(who, c.credential, c.account)
	}
	t.occasion("release", at, at+2*day, who)
}

// move has a firm go over to another data centre within minutes.
func (t *Traffic) move(at int64) {
	var who []string
	var to line
	firm := ""
	for _, c := range t.customers {
		if c.kind.rhythm != session || firm != "" && c.owner != firm {
			continue
		}
		if firm == "" {
			firm = c.owner
			rng := stream(t.cfg.Seed, "move", 0)
			to = address(rng, country(rng), hosting)
			who = append(who, firm, to.addr.Addr().String())
		}
		when := at + c.rng.Int64N(10*minute)
		c.change = change{at: when, overlap: when, line: to}
		who = append(who, c.credential, c.account)
	}
	if firm != "" {
		t.occasion("move", at, at+day, who)
	}
}

// grow has five keys in a thousand take a second machine in their network each week, that trades an instrument
// more: a thief who keeps to the owner's ways looks no different.
func (t *Traffic) grow(from, span int64) {
	rng := stream(t.cfg.Seed, "growth", 0)
	for _, c := range t.customers {
		if c.kind.use != hosting || !c.kind.trades || c.habits != (habits{}) || c.sites || c.change.at != 0 || rng.Float64() >= 0.005*float64(t.cfg.Days)/7 {
			continue
		}
		c.other, c.grows = address(rng, int(c.line.asn-64512)/4, c.line.use), from+int64(rng.Float64()*float64(span))
		t.occasion("second_machine", c.grows, c.grows+day, []string{c.credential, c.account})
	}
}

// newBots has three keys in a thousand appear each day. One in seven begins with a wrong secret.
func (t *Traffic) newBots() {
	ks := kinds()
	n := t.cfg.Keys * 3 / 1000 * t.cfg.Days
	for i := range n {
		k := &ks[1+i%2]
		if i%20 == 0 {
			k = &ks[3] // looks at everything
		}
		c := t.customer(k, len(t.customers), 1<<20+i, 1<<20+i)
		c.born = t.start + int64(c.rng.Float64()*float64(t.end-t.start))
		if c.rng.IntN(7) == 0 {
			c.wrong = 2 + c.rng.IntN(5)
		}
		t.customers = append(t.customers, c)
		t.occasion("new_bot", c.born, c.born+day, []string{c.credential, c.account, c.owner})
	}
}

// vendor sells market data: it reads every instrument in turn, at a steady rate, and names no key.
type vendor struct {
	line line
	software
	gap int64
	at  int
}

func newVendor(t *Traffic, i int) *vendor {
	rng := stream(t.cfg.Seed, "vendor", i)
	gap := int64(float64(10*second+rng.Int64N(4*minute)) / t.cfg.Rate)
	return &vendor{address(rng, country(rng), hosting), software{fmt.Sprintf("marketdata-%d/1", i), libraries[library(rng)].now.ja4}, gap, rng.IntN(len(instruments))}
}

func (v *vendor) step(t *Traffic, at int64) int64 {
	t.from(at, v.line, v.software)
	t.does(vedette.OpMarketRead)
	t.call.Verdict = vedette.Anonymous
	t.call.Instrument = instruments[v.at%len(instruments)]
	v.at++
	return at + v.gap
}
