package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	evasionOwners = iota
	evasionKeys
	evasionThrottled
	evasionCalls
	evasionTimes
)

type evasionState struct {
	owners    detect.Spread // or accounts, where owners are not known
	keys      detect.Spread
	throttled detect.Spread // keys that were told to wait
	software  uint32        // of the last call, a short hash
	changes   uint32        // of the software within the window
}

// evasionWindow is what limits are spread in: venues count by the second or minute, and longer bans follow.
const evasionWindow = 10 * time.Minute

// RateEvasion raises on one address that runs the keys of many owners with one program, suddenly, or many
// keys that all run into their limits.
var RateEvasion = detect.Define(detect.Detector{
	Name: "access.rate_evasion", Version: 1, Since: "0.2", Severity: vedette.Medium, By: detect.BySource, Quiet: 24 * time.Hour,
	Title: "One limit spread over many keys",
	Why:   "A venue limits each key or account. Who needs more uses many at once: farmed accounts, or stolen keys.",
	Look: "Whose the keys are, and whether they were opened together. A firm's own keys behind its one address are the venue's to allow: they have one owner. " +
		"A service that trades for many customers is known to the venue.",
	Tags: []string{"owasp-api:API4:2023", "owasp-api:API6:2023"},
	Params: []detect.Param{
		{Name: "owners", Default: 10, Why: "of one program at one address in ten minutes: an office has fewer that trade by the same one"},
		{Name: "keys", Default: 20, Why: "for keys of one owner, where most are throttled"},
		{Name: "throttled_share", Default: 0.5, Why: "of the keys: one program that is too fast runs one key into its limit, not all"},
		{Name: "calls", Default: 600, Why: "one a second together: below, there is no limit to evade"},
		{Name: "times_habit", Default: 3, Why: "against the most owners of the windows before: a service that always has as many is known"},
	},
	When: func(e *detect.Event) bool { return e.Verdict == vedette.Authentic && !e.Reported },
}, func(x *detect.Context, s *evasionState) {
	key := x.Subject[detect.ByCredential]
	keys := s.keys.Add(key, x.Time, evasionWindow)
	owners := s.owners.Add(owner(x.Event), x.Time, evasionWindow)
	if x.Status == 429 || x.Status == 418 || x.Effect == vedette.Throttle {
		s.throttled.Add(key, x.Time, evasionWindow)
	}
	calls := s.keys.Shown()
	if calls == 1 {
		s.changes = 0
	}
	if software := detect.Fold(detect.Pair(x.Subject[detect.ByFingerprint], x.Product)); software != s.software {
		s.software, s.changes = software, s.changes+1
	}
	if float64(calls) < x.P(evasionCalls) || 5*int(s.changes) > calls { // more than one program
		return
	}
	throttled := s.throttled.Count(x.Time, evasionWindow)
	many := float64(owners) >= x.P(evasionOwners) && float64(owners) > x.P(evasionTimes)*s.owners.Habit()
	worn := float64(keys) >= x.P(evasionKeys) && float64(throttled) >= x.P(evasionThrottled)*float64(keys)
	if !many && !worn || !x.Open() {
		return
	}
	x.Raise(detect.Raised{Score: 0.7, Values: map[string]vedette.Value{"owners": of(owners, x.P(evasionOwners)), "keys": of(keys, x.P(evasionKeys)),
		"throttled": of(throttled, x.P(evasionThrottled)*float64(keys)), "calls": of(calls, x.P(evasionCalls)), "habit": of(s.owners.Habit(), 0)},
		Summary: fmt.Sprintf("%s runs some %d keys of some %d owners with one program, %d calls in ten minutes.", x.Name(), keys, owners, calls)})
})

// owner is whom a key belongs to: the owner or, where none is known, the account or the key itself.
func owner(e *detect.Event) uint64 {
	for _, k := range []detect.Kind{detect.ByOwner, detect.ByAccount} {
		if e.Subject[k] != 0 {
			return e.Subject[k]
		}
	}
	return e.Subject[detect.ByCredential]
}
