package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	enumerationFast = iota
	enumerationDay
)

var unknownKey = detect.Reasons(vedette.UnknownKey)

type enumerationState struct {
	keys detect.Distinct
}

// KeyEnumeration raises on one source that tries many keys nobody has. Distinct keys count, not calls:
// repeating one of them hides nothing.
var KeyEnumeration = detect.Define(detect.Detector{
	Name: "access.key_enumeration", Version: 2, Since: "0.1", Severity: vedette.High, By: detect.BySource, Quiet: 24 * time.Hour,
	Title: "One source tries many unknown keys",
	Why:   "Somebody guesses key ids or tries a list of leaked ones.",
	Look: "Has the source made authentic calls too? Then a key of the list worked: find it. A trading firm's address with many new keys at once: is the " +
		"keyring complete? On Hyperliquid an altered request recovers to a wallet that nobody has, so altered traffic looks like this too. " +
		"Otherwise block the source: `vedette key freeze -source`.",
	Tags: []string{"attack:T1110.004", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "keys_in_10_min", Default: 5, Max: 32, Why: "a person who mixes up keys has a handful of them"},
		{Name: "keys_in_a_day", Default: 12, Max: 32, Why: "the slow form: one key in two hours"},
	},
	Asks: detect.Odd,
	When: func(e *detect.Event) bool { return e.Reasons&unknownKey != 0 && e.Subject[detect.ByCredential] != 0 },
}, func(x *detect.Context, s *enumerationState) {
	day := s.keys.Add(x.Subject[detect.ByCredential], x.Time, 24*time.Hour)
	fast := s.keys.Count(x.Time, 10*time.Minute)
	if float64(fast) < x.P(enumerationFast) && float64(day) < x.P(enumerationDay) || !x.Open() {
		return
	}
	n := fast
	values := map[string]vedette.Value{"keys_in_10_min": of(fast, x.P(enumerationFast))}
	if float64(fast) < x.P(enumerationFast) {
		n, values["keys_in_a_day"] = day, of(day, x.P(enumerationDay))
	}
	x.Raise(detect.Raised{Score: 0.9, Values: values, Summary: fmt.Sprintf("%s tried %d keys that nobody has.", x.Name(), n)})
})
