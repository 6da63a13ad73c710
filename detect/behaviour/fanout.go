package behaviour

import (
	"fmt"
	"math"
	"math/bits"
	"time"

	"vedette"
	"vedette/detect"
)

// Met counts the different values that a subject ever met, with the HyperLogLog registers of P. Flajolet et al. (2007) and
// the increments of D. Ting ("Streamed approximate counting of distinct elements", KDD 2014): the sum of what each
// change of a register stands for. New values are told from known ones only by chance, but their count is right on average.
type Met struct {
	register [metRegisters]uint8
	sum      float32 // of 2^-register
}

const metRegisters = 128 // the count is good to 0.8/√128, 7%

// Add takes in a value's hash, and returns how many new values that stands for: 0 mostly.
func (m *Met) Add(hash uint64) float64 {
	if m.sum == 0 {
		m.sum = metRegisters
	}
	h := hash * 0x9e3779b97f4a7c15
	r := &m.register[h>>57]
	rank := uint8(bits.LeadingZeros64(h<<7|1<<6)) + 1
	if rank <= *r {
		return 0
	}
	news := metRegisters / float64(m.sum)
	m.sum += float32(math.Exp2(-float64(rank)) - math.Exp2(-float64(*r)))
	*r = rank
	return news
}

// fanState is what is kept of one TLS fingerprint: it is shared by everybody who uses one client, so that only a change of how
// fast it comes to new accounts says something.
type fanState struct {
	met      Met
	hour     int64
	accounts float32 // new ones of the hour
	calls    uint32
	failures uint32
	usual    Spread // of ln(1+new accounts of an hour)
	failed   Spread // of the share of failures, calls of an hour
}

const fanMemory = 24 * 14 // hours

const (
	fanAccounts = iota
	fanDeviations
	fanFailures
)

// FanOut raises on a client that comes to many new accounts.
var FanOut = detect.Define(detect.Detector{
	Name: "behaviour.fan_out", Version: 1, Since: "0.2", Severity: vedette.Medium, By: detect.ByFingerprint, Quiet: 6 * time.Hour,
	Title: "One client comes to many new accounts",
	Why:   "Who has a list of stolen keys or passwords tries them with one program, from however many addresses.",
	Look:  "Whether it is a release of a popular library: then the accounts are known by their older fingerprint, and calls succeed.",
	Tags:  []string{"attack:T1110.004", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "accounts", Default: 25, Why: "new ones within an hour: below, one desk that moves its keys does it"},
		{Name: "deviations", Default: 4, Why: "from the fingerprint's own hours"},
		{Name: "failures", Default: 0.3, Why: "share of failed calls among those to new accounts' hour, beyond the usual: a release that works does not fail"},
	},
	When: func(e *detect.Event) bool { return e.Subject[detect.ByAccount]|e.Subject[detect.ByCredential] != 0 },
}, func(x *detect.Context, s *fanState) {
	s.pass(x.Time / int64(time.Hour))
	who := x.Subject[detect.ByAccount]
	if who == 0 {
		who = x.Subject[detect.ByCredential]
	}
	s.accounts += float32(s.met.Add(who))
	s.calls++
	if x.Status >= 400 {
		s.failures++
	}
	if float64(s.accounts) < x.P(fanAccounts) {
		return
	}
	z := s.usual.Z(math.Log1p(float64(s.accounts)), Spread{Mean: 1, Var: 0.5}, 4, 0.3)
	failed := float64(s.failures)/float64(s.calls) - float64(s.failed.Mean)
	if z < x.P(fanDeviations) || failed < x.P(fanFailures) || !x.Open() {
		return
	}
	_, high := expBand(s.usual.blend(Spread{Mean: 1, Var: 0.5}, 4))
	x.Raise(detect.Raised{Score: 0.8, From: x.Time - x.Time%int64(time.Hour),
		Values: map[string]vedette.Value{"accounts": {Value: math.Round(float64(s.accounts)), Threshold: x.P(fanAccounts)},
			"deviations": {Value: z, Threshold: x.P(fanDeviations)}, "failures": {Value: failed, Threshold: x.P(fanFailures)}},
		Summary: fmt.Sprintf("One client came to about %.0f new accounts in this hour, against at most %.0f usually, and %.0f%% of its calls failed.",
			s.accounts, high, 100*float64(s.failures)/float64(s.calls))})
})

// pass ends the hour. An hour in which something was found would teach that it is usual: the spread takes at most what it
// would itself call odd.
func (s *fanState) pass(hour int64) {
	if hour <= s.hour {
		return
	}
	if s.hour != 0 {
		_, high := expBand(s.usual.blend(Spread{Mean: 1, Var: 0.5}, 4))
		s.usual.Learn(math.Log1p(min(float64(s.accounts), high)), fanMemory)
		s.failed.Learn(min(float64(s.failures)/float64(max(s.calls, 1)), 0.5), fanMemory)
	}
	s.hour, s.accounts, s.calls, s.failures = hour, 0, 0, 0
}
