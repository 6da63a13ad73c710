package eval

import (
	"math"
	"strconv"
	"time"

	"vedette"
	"vedette/sim/traffic"
)

// The baselines that have a name; single features come after.
const (
	baseRandom = iota
	baseLimits
	baseZ
	baseNewAddress
	baseSingle
)

// The counts of a day that are single features, of accounts, sources and fingerprints.
const (
	countCalls = iota
	countRefused
	countLogins // that failed
	countOthers // accounts of a source or fingerprint, sources of an account
	countInstruments
	countObjects
	countChanges // withdrawals, transfers, keys, second factors
	counts
)

var countNames = [counts]string{"calls", "refused", "failed_logins", "others", "instruments", "objects", "changes"}

// The sorts of things that are counted by.
const (
	sortAccount = iota
	sortSource
	sortFingerprint
	sorts
)

var sortNames = [sorts]string{"account", "source", "fingerprint"}

// baselineNames are all baselines, in order.
func baselineNames() []string {
	list := []string{"random", "fixed_limits", "key_z_score", "alert_on_new_ip"}
	for _, s := range sortNames {
		for _, c := range countNames {
			list = append(list, "single:"+s+"."+c)
		}
	}
	return list
}

// thing is an account, source or fingerprint as the baselines know it.
type thing struct {
	name      string
	hash      uint64
	day, hour int64
	calls     float64 // of the hour
	refused   float64 // of the hour
	n         float64 // hours before, their mean and sum of squared deviations
	mean, m2  float64
	count     [counts]float64
	best      [baseSingle + 1]float64 // of the day, as given out
	given     [counts]float64
}

// features are the baselines: what anybody would count.
type features struct {
	seed   uint64
	things [sorts]map[string]*thing
	seen   map[uint64]bool // pairs of the day
	places map[uint64]bool // addresses of accounts, ever
	day    int64
	judges []*judge
}

func newFeatures(tr *traffic.Traffic, seed uint64, from time.Time) *features {
	f := &features{seed: seed, seen: map[uint64]bool{}, places: map[uint64]bool{}}
	for i := range f.things {
		f.things[i] = map[string]*thing{}
	}
	for range baselineNames() {
		f.judges = append(f.judges, newJudge(tr, from))
	}
	return f
}

func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9 // mixed, as lots are drawn by it
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

func (f *features) thing(sort int, name string) *thing {
	t := f.things[sort][name]
	if t == nil {
		name = string([]byte(name))
		t = &thing{name: name, hash: hashOf(name), day: -1}
		f.things[sort][name] = t
	}
	return t
}

// observe shows a call to all baselines.
func (f *features) observe(c *vedette.Call) {
	at := c.Time.Unix()
	if d := at / 86400; d != f.day {
		f.day = d
		clear(f.seen)
	}
	account := c.Account
	if account == "" {
		account = c.Credential
	}
	address := c.Source.Addr().String()
	for sort, name := range [sorts]string{account, address, c.JA4} {
		if name == "" {
			continue
		}
		t := f.thing(sort, name)
		t.roll(at)
		other := account
		if sort == sortAccount {
			other = address
		}
		f.count(t, c, other)
		f.single(sort, t, c.Time)
		if sort != sortFingerprint {
			f.limits(t, c.Time)
		}
		if sort == sortAccount {
			f.account(t, address, c.Time)
		}
	}
}

// roll begins a new hour and day.
func (t *thing) roll(at int64) {
	if h := at / 3600; h != t.hour {
		if t.hour > 0 {
			for i := t.hour; i < min(h, t.hour+48); i++ { // hours without a call count too
				x := 0.0
				if i == t.hour {
					x = t.calls
				}
				t.n++
				d := x - t.mean
				t.mean += d / t.n
				t.m2 += d * (x - t.mean)
			}
		}
		t.hour, t.calls, t.refused = h, 0, 0
	}
	if d := at / 86400; d != t.day {
		t.day = d
		t.count, t.best, t.given = [counts]float64{}, [baseSingle + 1]float64{}, [counts]float64{}
	}
}

func (f *features) count(t *thing, c *vedette.Call, other string) {
	t.calls++
	t.count[countCalls]++
	if c.Answer.Status >= 400 {
		t.count[countRefused]++
		t.refused++
		if c.Operation == vedette.OpUserLogin {
			t.count[countLogins]++
		}
	}
	for i, s := range [3]string{other, c.Instrument, c.Object} {
		if s == "" {
			continue
		}
		if k := t.hash*31 + hashOf(s) + uint64(i); !f.seen[k] {
			f.seen[k] = true
			t.count[countOthers+i]++
		}
	}
	switch c.Operation {
	case vedette.OpWithdraw, vedette.OpTransfer, vedette.OpKeyCreate, vedette.OpKeyChange, vedette.OpMFAChange, vedette.OpAllowlistChange, vedette.OpPasswordChange:
		t.count[countChanges]++
	}
}

// single gives out the counts of the day, each time that they have grown by a tenth.
func (f *features) single(sort int, t *thing, at time.Time) {
	for i, v := range t.count {
		if v > t.given[i]*1.1 {
			t.given[i] = v
			f.give(baseSingle+sort*counts+i, t, v, at)
		}
	}
}

func (f *features) give(baseline int, t *thing, v float64, at time.Time) {
	if v > 0 {
		tie := float64(hashOf(t.name+strconv.FormatInt(t.day, 10))%1000) / 1e6 // equal values are ranked by lot
		v *= 1 + tie
		f.judges[baseline].take(alert{subject: t.name, score: v / (v + 100)}, at)
	}
}

func (f *features) rise(baseline int, t *thing, v float64, at time.Time) {
	if v > t.best[baseline]*1.1 {
		t.best[baseline] = v
		f.give(baseline, t, v, at)
	}
}

// limits are fixed ones: 600 calls, 60 refused ones, 10 failed log-ins, as shares of the limit.
func (f *features) limits(t *thing, at time.Time) {
	f.rise(baseLimits, t, max(t.calls/600, t.refused/60, t.count[countLogins]/10), at)
}

// account are the baselines that look at accounts only.
func (f *features) account(t *thing, address string, at time.Time) {
	if t.best[baseRandom] == 0 {
		f.rise(baseRandom, t, float64(hashOf(t.name+strconv.FormatUint(f.seed+uint64(t.day), 10))>>40), at)
	}
	if t.n >= 24 {
		sigma := math.Sqrt(t.m2/t.n) + 1
		f.rise(baseZ, t, (t.calls-t.mean)/sigma, at)
	}
	if k := t.hash*31 + hashOf(address); !f.places[k] {
		f.places[k] = true
		f.rise(baseNewAddress, t, 1, at)
	}
}
