package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"

	"vedette"
)

// kind is one sort of customer.
type kind struct {
	name   string
	share  float64 // of the keys
	perDay float64 // calls, at Rate 1
	spread float64 // sigma of the log of the rate
	rhythm rhythm
	zoned  bool // lives by the hours of its country
	trades bool // a shock makes it busy
	use    use
	act    func(t *Traffic, c *customer)
	start  func(t *Traffic, c *customer) // nil where there is nothing to prepare
}

// kinds are who calls. The shares and rates are our judgement of a mid-sized venue: a few makers make most
// of the calls, most keys are small bots and trackers, and people come by browser and phone.
func kinds() []kind {
	return []kind{
		{"maker", 0.04, 1500, 0.8, steady, false, true, hosting, quote, nil},
		{"taker", 0.14, 300, 0.9, market, false, true, hosting, take, nil},
		{"hobby", 0.19, 80, 1.1, steady, false, true, hosting, tinker, atHome},
		{"screener", 0.01, 4, 0.5, steady, false, false, hosting, screen, atHome}, // bursts
		{"tracker", 0.12, 48, 0.3, steady, false, false, hosting, track, tracked},
		{"poller", 0.08, 90, 0.8, steady, false, false, hosting, track, nil},
		{"dashboard", 0.08, 60, 0.6, office, true, false, offices, look, nil},
		{"treasury", 0.02, 8, 0.4, office, true, false, offices, manage, nil},
		{"web", 0.13, 2.2, 0.7, leisure, true, false, homes, browse, person}, // sessions
		{"mobile", 0.09, 3, 0.7, leisure, true, false, mobile, tap, person},  // sessions
		{"firm", 0.06, 200, 0.7, session, false, true, offices, take, employed},
		{"sparse", 0.04, 0.05, 0.5, steady, false, false, hosting, rebalance, nil},
	}
}

// customer is one key, or one person.
type customer struct {
	kind *kind
	n    int
	rng  *rand.Rand
	mean float64 // between calls or sessions, ns

	credential, account, owner string
	software
	library     int
	line        line
	other       line  // a second place: another site, the phone's network, home
	sites       bool  // calls from both all the time
	grows       int64 // when the second place is added; 0 for never
	zone        int64
	instruments []int
	wallets     int

	habits
	change change
	born   int64 // 0 for before all
	ends   int64 // 0 for never

	count   uint64 // calls
	orders  uint64
	left    int // calls of the session or burst at hand
	wrong   int // calls with the wrong secret that are still to come
	failed  bool
	session string
	retried uint64 // signature to send again; 0 for none
}

// habits are what goes wrong with somebody, as shares of calls.
type habits struct {
	drift     bool // its clock is wrong
	retries   bool // loses answers and sends again
	forbidden vedette.Operation
	expires   int64 // when its key is over; it goes on for a while
	deleted   bool  // calls with a key that is no more
}

// change is what changes for a customer at a time.
type change struct {
	at         int64 // 0 for nothing
	overlap    int64 // until when the old and the new are both used
	line       line
	software   software
	credential string
}

// populate makes the customers. Owners have up to five accounts, firms two hundred.
func (t *Traffic) populate() {
	ks := kinds()
	owner, more := 0, 0
	rng := stream(t.cfg.Seed, "owners", 0)
	for i := range ks {
		k := &ks[i]
		owner++
		more = 0
		for j := range int(math.Round(k.share * float64(t.cfg.Keys))) {
			if more--; more < 0 || k.rhythm == session && j%firmKeys == 0 {
				owner++
				more = rng.IntN(5)
				if k.rhythm == session {
					more = firmKeys
				}
			}
			t.customers = append(t.customers, t.customer(k, len(t.customers), j, owner))
		}
	}
}

const firmKeys = 200

func (t *Traffic) customer(k *kind, n, nth, owner int) *customer {
	rng := stream(t.cfg.Seed, k.name, nth)
	c := &customer{kind: k, n: n, rng: rng, account: fmt.Sprintf("acct-%d", n), owner: fmt.Sprintf("owner-%d", owner), credential: keyName(rng)}
	c.mean = float64(day) / (k.perDay * t.cfg.Rate * math.Exp(k.spread*rng.NormFloat64()-k.spread*k.spread/2))
	if k.name == "sparse" { // their silence is what they are for: not scaled
		c.mean *= t.cfg.Rate
	}
	at := country(rng)
	c.line = address(rng, at, k.use)
	if c.library = library(rng); k.use == offices || k.use == hosting {
		c.software = libraries[c.library].now
	}
	if k.use == hosting && rng.IntN(100) < 8 { // has written its own
		c.library, c.software = -1, software{fmt.Sprintf("bot-%d/1", n), fingerprint("t13d1100h1", rng.Uint64()>>8)}
	}
	if k.zoned {
		c.zone = c.line.zone
	}
	for range 1 + rng.IntN(6) {
		c.instruments = append(c.instruments, favourite(rng))
	}
	c.wallets = 1 + rng.IntN(3)
	c.misfortune(t)
	if k.start != nil {
		k.start(t, c)
	}
	return c
}

// misfortune draws what goes wrong. The shares are our judgement.
func (c *customer) misfortune(t *Traffic) {
	r := c.rng.Float64()
	someday := t.start + int64(c.rng.Float64()*float64(t.end-t.start))
	switch {
	case c.kind.use == homes || c.kind.use == mobile:
	case r < 0.015:
		c.drift = true
	case r < 0.065:
		c.retries = true
	case r < 0.075:
		c.forbidden = c.ambition()
	case r < 0.080:
		c.expires = someday
		c.ends = someday + int64(2+c.rng.IntN(46))*hour
	case r < 0.083:
		c.deleted = true
	case r < 0.11: // two machines, one in reserve
		c.other, c.sites = address(c.rng, int(c.line.asn-64512)/4, c.kind.use), true
	case r < 0.113: // two sites
		c.other, c.sites = address(c.rng, country(c.rng), c.kind.use), true
	case r < 0.12: // expected to change its key
		c.change = change{at: someday, overlap: someday + int64(c.rng.IntN(48))*hour, credential: keyName(c.rng)}
	}
}

// ambition is what somebody was told that the key can do, and cannot: mostly a transfer or an instrument,
// rarely a withdrawal.
func (c *customer) ambition() vedette.Operation {
	switch n := c.rng.IntN(20); {
	case n == 0:
		return vedette.OpWithdraw
	case n < 8:
		return vedette.OpTransfer
	}
	return vedette.OpOrderNew
}

// keyName is a key id of 32 hexadecimal digits.
func keyName(rng *rand.Rand) string { return fmt.Sprintf("%016x%016x", rng.Uint64(), rng.Uint64()) }

// atHome moves four hobbyists in ten to their own line.
func atHome(_ *Traffic, c *customer) {
	if c.rng.IntN(10) < 4 {
		c.line = address(c.rng, int(c.line.asn-64512)/4, homes)
		c.sites = false
	}
}

// tracked puts a key into the hands of one of three services that watch the accounts of thousands, from
// four addresses each, with one program.
func tracked(t *Traffic, c *customer) {
	n := c.rng.IntN(3)
	rng := stream(t.cfg.Seed, "tracker", n)
	c.library, c.software = -1, software{fmt.Sprintf("TrackerCo-%d/3", n), fingerprint("t13d1514h2", uint64(40+n))}
	c.line = address(rng, n, hosting)
	a := c.line.addr.Addr().As4()
	a[3] = a[3]&^3 | byte(c.rng.IntN(4))
	c.line.addr = addrPort(a, c.line.addr.Port())
	c.habits, c.sites, c.change = habits{}, false, change{}
}

// employed puts a key of a firm behind the firm's one address.
func employed(t *Traffic, c *customer) {
	rng := stream(t.cfg.Seed, "firm "+c.owner, 0)
	c.line = address(rng, country(rng), offices)
	c.library = -1
	c.software = software{"desk-" + c.owner + "/5", fingerprint("t13d1312h2", rng.Uint64()>>8)}
	c.sites, c.change = false, change{}
}

// person gives somebody a browser or a phone, and the network of the road.
func person(_ *Traffic, c *customer) {
	at := int(c.line.asn-64512) / 4
	if c.kind.use == mobile {
		c.software = apps[c.rng.IntN(len(apps))]
		c.other = address(c.rng, at, homes)
		c.credential = "tok-" + c.credential[:16]
		return
	}
	c.software = browsers[c.rng.IntN(len(browsers))]
	c.other = address(c.rng, at, mobile)
}

// first returns when the customer calls first.
func (c *customer) first(t *Traffic) int64 {
	from := t.start
	if c.kind.name == "sparse" {
		from = t.prelude
	}
	return t.wait(c, max(from, c.born), c.rng.Float64())
}

// pause draws how long the customer waits for its next call or session, as a share of the mean.
func (c *customer) pause() float64 {
	if c.kind.name == "sparse" { // jobs that somebody starts every other week or month
		return 0.5 + c.rng.Float64()
	}
	return c.rng.ExpFloat64()
}

// wait returns when the customer's next call or session comes, share of the mean from now at its rhythm.
func (t *Traffic) wait(c *customer, at int64, share float64) int64 {
	return t.rhythms.after(at, share*c.mean, c.kind.rhythm, c.zone, c.kind.trades)
}
