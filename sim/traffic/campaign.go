package traffic

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"vedette"
)

// Pace is how patient an attacker is.
type Pace uint8

// The paces.
const (
	Fast Pace = iota
	Medium
	Slow
	paces
)

var paceNames = []string{"fast", "medium", "slow"}

func (p Pace) String() string { return paceNames[p] }

// Paces are all of them.
func Paces() []Pace { return []Pace{Fast, Medium, Slow} }

// plan is one kind of campaign: how many actions, how far apart, by pace.
type plan struct {
	kind   string
	gap    [paces]time.Duration
	n      [paces]int
	recipe func(t *Traffic, a *attack) bool // false where there is no victim
}

func plans() []plan {
	const s, m, h = time.Second, time.Minute, time.Hour
	return []plan{
		{"credential_stuffing", [3]time.Duration{s / 10, 5 * s, 5 * m}, [3]int{600, 500, 400}, stuffOne},
		{"credential_stuffing_spread", [3]time.Duration{s / 5, 10 * s, m}, [3]int{2000, 2000, 2000}, stuffMany},
		{"key_enumeration", [3]time.Duration{s / 10, 10 * s, 10 * m}, [3]int{300, 200, 150}, enumerate},
		{"object_walk", [3]time.Duration{s / 5, m, 10 * m}, [3]int{300, 300, 200}, walk},
		{"scope_probe", [3]time.Duration{2 * s, 2 * m, h}, [3]int{24, 24, 24}, probe},
		{"replay", [3]time.Duration{s / 2, m, 3 * h}, [3]int{20, 12, 10}, replay},
		{"stolen_key_unlike", [3]time.Duration{s, m, 20 * m}, [3]int{100, 80, 60}, stealUnlike},
		{"stolen_key_like", [3]time.Duration{20 * s, 5 * m, 40 * m}, [3]int{120, 80, 50}, stealLike},
		{"dormant_key", [3]time.Duration{s, m, h}, [3]int{60, 40, 24}, wake},
		{"shared_key", [3]time.Duration{10 * s, 2 * m, 30 * m}, [3]int{600, 200, 80}, share},
		{"token_theft", [3]time.Duration{s, m, 20 * m}, [3]int{60, 40, 40}, stealToken},
		{"mfa_reset", [3]time.Duration{m, 20 * m, 5 * h}, [3]int{8, 8, 8}, resetMFA},
		{"scraping", [3]time.Duration{s / 10, s, 20 * s}, [3]int{3000, 3000, 3000}, scrape},
		{"rate_evasion", [3]time.Duration{s / 10, s, 10 * s}, [3]int{6000, 5000, 4000}, spread},
	}
}

// Kinds are the kinds of campaigns, but for Poisoning.
func Kinds() (list []string) {
	for _, p := range plans() {
		list = append(list, p.kind)
	}
	return list
}

// Campaigns that last a month. Poisoning is a stolen key whose use grows to Attack.Share of its calls, so that
// it is taken for the key's way; its label is followed by that of the Theft at its end.
const (
	Poisoning = "poisoning"
	Theft     = "theft_after_poisoning"
)

// attack is an attacker at work.
type attack struct {
	label  int
	plan   plan
	pace   Pace
	rng    *rand.Rand
	share  float64
	began  int64
	done   int
	total  int
	gap    int64
	line   line
	tool   software
	common bool // the tool is one that customers have too
	trades bool // and never withdraws
	victim *customer
	act    func(t *Traffic, at int64, n int)       // makes the n-th call
	after  func(t *Traffic, at int64, n int) int64 // nil for the plan's gap
}

func (a *attack) step(t *Traffic, at int64) int64 {
	t.campaign = a.label
	if a.done == 0 && a.began == 0 {
		a.began = at
		t.campaigns[a.label].Start = time.Unix(0, at).UTC()
	}
	a.act(t, at, a.done)
	if a.done++; a.done >= a.total {
		return 0
	}
	if a.after != nil {
		return a.after(t, at, a.done)
	}
	return at + a.gap*3/4 + a.rng.Int64N(a.gap/2+1)
}

// attack injects a campaign.
func (t *Traffic) attack(want Attack, rng *rand.Rand) {
	all := plans()
	i := slices.IndexFunc(all, func(p plan) bool { return p.kind == want.Kind })
	p := plan{kind: Poisoning, recipe: poison}
	switch {
	case i >= 0:
		p = all[i]
	case want.Kind != Poisoning:
		panic("BUG: no campaign is called " + want.Kind)
	}
	at := want.From.UnixNano() + int64(rng.Float64()*float64(want.Span))
	l := &Campaign{Kind: want.Kind, Pace: want.Pace, Start: time.Unix(0, at).UTC(), End: time.Unix(0, at).UTC()}
	t.campaigns = append(t.campaigns, l)
	a := &attack{label: len(t.campaigns) - 1, plan: p, pace: want.Pace, rng: rng, share: want.Share, total: p.n[want.Pace], gap: int64(p.gap[want.Pace])}
	a.line, a.tool = hostile(rng, country(rng), hosting), oddTool(rng)
	a.trades = rng.IntN(2) == 0
	if a.common = rng.IntN(2) == 0; a.common {
		a.tool = libraries[library(rng)].now
	}
	switch {
	case !p.recipe(t, a):
	case want.Kind == Poisoning && want.Share == 0: // nothing before the theft
		a.began = at
		t.add(a, at+PoisonDays*day)
	default:
		t.add(a, at)
	}
}

// of adds subjects to the label.
func (a *attack) of(t *Traffic, subjects ...string) {
	l := t.campaigns[a.label]
	for _, s := range subjects {
		if s != "" {
			l.Subjects = append(l.Subjects, s)
		}
	}
}

// oddTool is a program that nobody else has.
func oddTool(rng *rand.Rand) software {
	return software{"python-httpx/0.28", fingerprint("t13d1812h2", rng.Uint64()>>8)}
}

// ofTool adds the attacker's program to the label, if it is his alone.
func (a *attack) ofTool(t *Traffic) {
	if !a.common {
		a.of(t, a.tool.ja4)
	}
}

// from adds where the attacker calls from to the label.
func (a *attack) from(t *Traffic, l line) { a.of(t, l.addr.Addr().String(), l.subnet()) }

// prey picks a victim of the kinds named, whom no other attack has: its owner calls as before.
func (t *Traffic) prey(a *attack, kinds ...string) bool {
	for range 1000 {
		c := t.customers[a.rng.IntN(len(t.customers))]
		if slices.Contains(kinds, c.kind.name) && !t.used[c.account] && c.habits == (habits{}) && c.change.at == 0 && c.born == 0 && c.ends == 0 && c.grows == 0 &&
			(c.kind.name != "sparse" || c.mean < float64(18*day)) {
			t.used[c.account] = true
			a.victim = c
			a.of(t, c.credential, c.account)
			return true
		}
	}
	return false
}

// own gives the attacker an account of his own, opened before the start, with its key.
func (a *attack) own(t *Traffic) *customer {
	n := len(t.customers) + 1000*(a.label+1)
	c := &customer{n: n, rng: a.rng, credential: keyName(a.rng), account: fmt.Sprintf("acct-%d", n), owner: fmt.Sprintf("owner-%d", n), software: a.tool, line: a.line,
		instruments: []int{favourite(a.rng)}}
	a.victim = c
	a.of(t, c.credential, c.account, c.owner)
	return c
}

// as begins a call with the victim's credential from the attacker's place.
func (a *attack) as(t *Traffic, at int64, l line, tool software) *vedette.Call {
	c := a.victim
	t.from(at, l, tool)
	x := &t.call
	x.Credential, x.Account, x.Owner = c.credential, c.account, c.owner
	x.SignatureHash = t.signature(uint64(1<<40+a.label), uint64(a.done))
	x.Claimed = x.Time
	x.Answer.Latency = time.Duration(300e3 + a.rng.Int64N(2e6))
	return x
}
