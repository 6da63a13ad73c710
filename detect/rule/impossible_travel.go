package rule

import (
	"fmt"
	"strings"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	travelWithin = iota
	travelLearning
)

type travelState struct {
	countries detect.Slots
	since     int64 // the first use
	last      int64
	asn       uint32 // of the last use
	country   [2]byte
}

// ImpossibleTravel raises, as low as it can, when an account is used from a country that is new to it
// within minutes of another. Only countries are known, not distances: it is a feature for
// incidents to add up, never an alert alone.
var ImpossibleTravel = detect.Define(detect.Detector{
	Name: "access.impossible_travel", Version: 1, Since: "0.2", Severity: vedette.Low, By: detect.ByAccount, Quiet: 24 * time.Hour,
	Title: "An account in two countries within minutes",
	Why:   "Nobody travels that fast. But VPNs, cloud regions and programs at several sites seem to.",
	Look: "Nothing, by itself. Beside a finding of another kind on the account: which of the two countries is the owner's. Neighbouring countries on a mobile " +
		"network are roaming.",
	Tags: []string{"attack:T1078", "feature"},
	Params: []detect.Param{
		{Name: "within_s", Unit: "s", Default: 3600, Why: "a flight between two countries takes longer from door to door"},
		{Name: "learning_s", Unit: "s", Default: 86400, Why: "an account of several sites shows them all within a day"},
	},
	When: func(e *detect.Event) bool { return used(e) && e.Country != [2]byte{} },
}, func(x *detect.Context, s *travelState) {
	if s.since == 0 {
		s.since = x.Time
	}
	_, fresh := s.countries.Use(x.Trait(detect.TraitCountry), x.Time)
	from, asn, gap := s.country, s.asn, x.Time-s.last
	s.country, s.asn, s.last = x.Country, x.ASN, max(s.last, x.Time)
	learned := x.Time-s.since >= int64(x.Within(travelLearning))
	sameNetwork := asn != 0 && asn == x.ASN // its addresses are announced in many countries
	if !fresh || !learned || sameNetwork || gap > int64(x.Within(travelWithin)) || !x.Open() {
		return
	}
	name := func(c [2]byte) string { return strings.TrimRight(string(c[:]), "\x00") }
	x.Raise(detect.Raised{Score: 0.2, Values: map[string]vedette.Value{"gap_s": of(time.Duration(gap).Seconds(), x.P(travelWithin))},
		Summary: fmt.Sprintf("Account %s was used from %s %v after %s.", x.Name(), name(x.Country), time.Duration(gap).Round(time.Second), name(from))})
})
