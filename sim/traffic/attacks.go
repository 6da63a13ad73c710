package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"vedette"
)

// stuffOne tries a list of leaked passwords from one address: three accounts in ten exist, one in 150
// passwords is right.
func stuffOne(t *Traffic, a *attack) bool {
	a.from(t, a.line)
	a.ofTool(t)
	a.stuff(t, func(int) line { return a.line })
	return true
}

// stuffMany does so from a thousand homes, with one tool.
func stuffMany(t *Traffic, a *attack) bool {
	lines := make([]line, 1000)
	for i := range lines {
		lines[i] = address(a.rng, country(a.rng), homes)
		a.of(t, lines[i].addr.Addr().String())
	}
	a.tool, a.common = oddTool(a.rng), false // it is what they have in common
	a.ofTool(t)
	a.stuff(t, func(n int) line { return lines[n%len(lines)] })
	return true
}

func (a *attack) stuff(t *Traffic, place func(n int) line) {
	people := t.people()
	tried := make([]string, a.total)
	for i := range tried {
		tried[i] = fmt.Sprintf("user-%d@leak", a.rng.IntN(1e9))
		if len(people) > 0 && a.rng.IntN(10) < 3 {
			tried[i] = people[a.rng.IntN(len(people))].account
		}
	}
	a.of(t, tried...)
	a.act = func(t *Traffic, at int64, n int) {
		t.from(at, place(n), a.tool)
		t.does(vedette.OpUserLogin)
		x := &t.call
		x.Account, x.Verdict = tried[n], vedette.Anonymous
		if a.rng.IntN(150) > 0 {
			x.Answer.Status, x.Answer.Error = 401, "bad_password"
		}
	}
}

// people are the customers that log in.
func (t *Traffic) people() (list []*customer) {
	for _, c := range t.customers {
		if c.kind.name == "web" {
			list = append(list, c)
		}
	}
	return list
}

// enumerate tries invented key ids.
func enumerate(t *Traffic, a *attack) bool {
	a.from(t, a.line)
	a.ofTool(t)
	a.act = func(t *Traffic, at int64, n int) {
		t.from(at, a.line, a.tool)
		t.does(vedette.OpAccountRead)
		t.call.Credential = t.signature(uint64(a.label)+77, uint64(n))
		t.because(vedette.Unverifiable, 401, vedette.UnknownKey)
		t.call.Answer.Error = "-2015"
	}
	return true
}

// walk reads one order of strangers after the other, with the attacker's own key; the venue answers four
// times in ten.
func walk(t *Traffic, a *attack) bool {
	a.own(t)
	a.from(t, a.line)
	a.ofTool(t)
	first := a.rng.Uint64() >> 24
	a.act = func(t *Traffic, at int64, n int) {
		x := a.as(t, at, a.line, a.tool)
		t.does(vedette.OpOrderQuery)
		x.Object = t.text("", first+uint64(n))
		if a.rng.IntN(10) >= 4 {
			x.Answer.Status, x.Answer.Error = 403, "-2013"
		}
	}
	return true
}

// probe tries what a stolen key may do, one operation after the other.
func probe(t *Traffic, a *attack) bool {
	if !t.prey(a, "tracker", "poller") {
		return false
	}
	a.from(t, a.line)
	a.ofTool(t)
	ops := []vedette.Operation{vedette.OpAccountRead, vedette.OpOrderNew, vedette.OpWithdraw, vedette.OpTransfer, vedette.OpKeyCreate, vedette.OpKeyChange,
		vedette.OpAllowlistChange, vedette.OpMFAChange, vedette.OpOrderCancel, vedette.OpSetting, vedette.OpAdmin, vedette.OpUnknown}
	a.act = func(t *Traffic, at int64, n int) {
		a.as(t, at, a.line, a.tool)
		op := ops[n%len(ops)]
		t.does(op)
		if op.Needs()&^vedette.PermRead != 0 {
			t.because(vedette.Unauthorised, 403, vedette.NoPermission)
		}
		if op == vedette.OpUnknown {
			t.call.Answer.Status = 404
		}
	}
	return true
}

// replay sends captured calls again, half of them to another endpoint.
func replay(t *Traffic, a *attack) bool {
	if !t.prey(a, "hobby", "taker") {
		return false
	}
	a.from(t, a.line)
	a.ofTool(t)
	a.act = func(t *Traffic, at int64, n int) {
		x := a.as(t, at, a.line, a.tool)
		x.SignatureHash = t.signature(uint64(a.victim.n), 1+uint64(n)) // the owner's
		x.Claimed = x.Time.Add(-1e9)
		if n%2 == 0 {
			t.does(vedette.OpOrderNew)
			x.Instrument = instruments[a.victim.instruments[0]]
			t.because(vedette.Replayed, 400, vedette.SignatureReused)
			return
		}
		t.does(vedette.OpWithdraw)
		x.Asset = "BTC"
		t.because(vedette.Replayed, 400, vedette.CrossEndpoint)
	}
	return true
}

// stealUnlike uses a stolen key from another country, with another program, for what its owner never does.
func stealUnlike(t *Traffic, a *attack) bool {
	if !t.prey(a, "hobby", "taker", "maker") {
		return false
	}
	a.from(t, a.line)
	a.ofTool(t)
	odd := len(instruments) - 1 - a.rng.IntN(100)
	a.act = func(t *Traffic, at int64, n int) { a.loot(t, at, n, a.line, a.tool, odd) }
	return true
}

// loot looks at the account, buys an instrument that nobody trades, and tries to withdraw; one attacker in two
// only trades: the counterparty is his.
func (a *attack) loot(t *Traffic, at int64, n int, l line, tool software, odd int) {
	x := a.as(t, at, l, tool)
	switch {
	case n < 3:
		t.does(vedette.OpAccountRead)
	case n%20 == 19 && !a.trades:
		t.does(vedette.OpWithdraw)
		x.Asset, x.Quantity, x.Address = "BTC", vedette.NewDecimal(5+a.rng.Int64N(50), 1), t.text("bc1qthief", uint64(a.label))
		if !a.victim.mayWithdraw() {
			t.because(vedette.Unauthorised, 403, vedette.NoPermission)
		}
	default:
		t.order(a.rng, 1<<32+uint64(n), a.victim.account, odd, vedette.IOC, 2000)
		x.Quantity = vedette.NewDecimal(5000+a.rng.Int64N(5000), 3)
	}
}

// mayWithdraw reports whether the customer's key has the permission.
func (c *customer) mayWithdraw() bool {
	return c.kind.name == "treasury" || c.kind.name == "sparse" || c.kind.use == homes || c.kind.use == mobile
}

// stealLike uses a stolen key as its owner does: from a neighbouring address, with the same program, for the
// same operations, among the owner's own calls. The last calls trade an instrument that is new to the key.
func stealLike(t *Traffic, a *attack) bool {
	if !t.prey(a, "hobby", "taker") {
		return false
	}
	l := hostile(a.rng, int(a.victim.line.asn-64512)/4, a.victim.line.use)
	a.from(t, l)
	odd := favourite(a.rng)
	a.act = func(t *Traffic, at int64, n int) {
		a.mimic(t, at, l, a.victim.software)
		if n >= a.total-10 {
			t.order(a.rng, 1<<32+uint64(n), a.victim.account, odd, vedette.GTC, 150)
		}
	}
	return true
}

// mimic does what the owner would do next.
func (a *attack) mimic(t *Traffic, at int64, l line, tool software) {
	twin := *a.victim
	twin.rng, twin.left = a.rng, 1
	a.as(t, at, l, tool)
	a.victim.kind.act(t, &twin)
}

// forgotten is how long before the start a key that wake uses was used last, at least.
const forgotten = 30 * day

// wake uses a key that was not used for weeks: after looking, it trades and withdraws.
func wake(t *Traffic, a *attack) bool {
	if !t.prey(a, "sparse") {
		return false
	}
	a.victim.ends = t.start - forgotten // its owner has forgotten it
	a.from(t, a.line)
	tool := libraries[max(a.victim.library, 0)].now // what everybody has
	a.act = func(t *Traffic, at int64, n int) { a.loot(t, at, n, a.line, tool, a.victim.instruments[0]) }
	return true
}

// share lends a key to somebody elsewhere, who does the same as its owner, at the same time.
func share(t *Traffic, a *attack) bool {
	if !t.prey(a, "hobby", "taker", "poller") {
		return false
	}
	l := hostile(a.rng, country(a.rng), homes)
	a.from(t, l)
	tool := libraries[library(a.rng)].now
	a.act = func(t *Traffic, at int64, n int) { a.mimic(t, at, l, tool) }
	return true
}

// stealToken uses a phone's token: half of the tokens are bound to a key that the thief lacks.
func stealToken(t *Traffic, a *attack) bool {
	if !t.prey(a, "mobile") {
		return false
	}
	a.from(t, a.line)
	a.ofTool(t)
	bound := a.rng.IntN(2) == 0
	a.act = func(t *Traffic, at int64, n int) {
		a.loot(t, at, n, a.line, a.tool, a.victim.instruments[0])
		if bound {
			t.because(vedette.Unauthorised, 401, vedette.TokenBinding)
		}
	}
	return true
}

// resetMFA talks support into a reset of the second factor, logs in, makes a key and withdraws.
func resetMFA(t *Traffic, a *attack) bool {
	if !t.prey(a, "web") {
		return false
	}
	a.from(t, a.line)
	tool := browsers[a.rng.IntN(len(browsers))]
	sid := fmt.Sprintf("session:%016x", a.rng.Uint64())
	a.of(t, sid)
	a.act = func(t *Traffic, at int64, n int) {
		x := a.as(t, at, a.line, tool)
		x.SignatureHash = ""
		switch n {
		case 0:
			t.account("mfa_reset", vedette.OpMFAChange)
		case 1:
			t.does(vedette.OpUserLogin)
			x.Credential, x.Verdict = "", vedette.Anonymous
		case 2, 3:
			t.does(vedette.OpAccountRead)
			x.Credential = sid
		case 4:
			t.account("allowlist_changed", vedette.OpAllowlistChange)
		default:
			t.does(vedette.OpWithdraw)
			x.Credential = sid
			x.Asset, x.Quantity, x.Address = "BTC", vedette.NewDecimal(5+a.rng.Int64N(50), 1), t.text("bc1qthief", uint64(a.label))
		}
	}
	return true
}

// scrape reads every instrument in turn with a key of its own, that never trades.
func scrape(t *Traffic, a *attack) bool {
	a.own(t)
	a.from(t, a.line)
	a.ofTool(t)
	a.act = func(t *Traffic, at int64, n int) {
		a.as(t, at, a.line, a.tool)
		t.does(vedette.OpMarketRead)
		t.call.Instrument = instruments[n%len(instruments)]
	}
	a.after = func(_ *Traffic, at int64, _ int) int64 { return at + a.gap } // like a clock
	return true
}

// spread shares the work of one among 200 keys of as many accounts at 20 addresses, so that none is over a limit.
func spread(t *Traffic, a *attack) bool {
	a.tool, a.common = oddTool(a.rng), false
	var keys [200]*customer
	for i := range keys {
		keys[i] = a.own(t)
		keys[i].account, keys[i].owner = fmt.Sprintf("%s-%d", keys[i].account, i), fmt.Sprintf("%s-%d", keys[i].owner, i)
		a.of(t, keys[i].account, keys[i].owner)
	}
	var lines [20]line
	for i := range lines {
		lines[i] = hostile(a.rng, country(a.rng), hosting)
		a.from(t, lines[i])
	}
	a.ofTool(t)
	a.act = func(t *Traffic, at int64, n int) {
		i := n % len(keys)
		l := i % len(lines) // the hasty one has not thought of turning them
		if a.pace != Fast {
			l = (i + n/len(keys)) % len(lines)
		}
		a.victim = keys[i]
		a.as(t, at, lines[l], a.tool)
		if n%3 == 0 {
			t.order(a.rng, uint64(n), a.victim.account, 7, vedette.IOC, 40)
			return
		}
		t.does(vedette.OpMarketRead)
		t.call.Instrument = instruments[7]
	}
	return true
}

// poison uses a stolen key like its owner, from elsewhere, at a rate that grows from day to day for PoisonDays;
// then it loots the key, which is a campaign of its own: Theft.
func poison(t *Traffic, a *attack) bool {
	if !t.prey(a, "hobby", "taker") {
		return false
	}
	a.from(t, a.line)
	tool := libraries[max(a.victim.library, 0)].now
	theft := *t.campaigns[a.label]
	theft.Kind = Theft
	t.campaigns = append(t.campaigns, &theft)
	rate := a.share / (1 - a.share) / a.victim.mean // calls a ns at the end
	odd, looted, label := len(instruments)-1-a.rng.IntN(100), 0, len(t.campaigns)-1
	a.act = func(t *Traffic, at int64, n int) {
		if at < a.began+PoisonDays*day {
			a.mimic(t, at, a.line, tool)
			return
		}
		if looted == 0 {
			theft.Start = time.Unix(0, at).UTC()
		}
		t.campaign = label
		a.loot(t, at, looted, a.line, tool, odd)
		looted++
	}
	a.total = math.MaxInt
	a.after = func(_ *Traffic, at int64, _ int) int64 {
		if looted == thefts {
			return 0
		}
		return ramp(a.rng, at, a.began, rate)
	}
	return true
}

// PoisonDays is how long the poisoning goes on before the theft; thefts is how many calls that takes.
const (
	PoisonDays = 30
	thefts     = 40
)

// ramp returns when a process whose rate grows from nothing over PoisonDays comes next; after them, every minute.
func ramp(rng *rand.Rand, at, began int64, rate float64) int64 {
	end := began + PoisonDays*day
	if at >= end {
		return at + minute
	}
	for {
		at += int64(min(rng.ExpFloat64()/rate, float64(PoisonDays*day))) + 1
		if at >= end {
			return end
		}
		if rng.Float64() < float64(at-began)/float64(end-began) {
			return at
		}
	}
}
