package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	enumerationPrintKeys = iota
	enumerationPrintUsers
)

type enumerationPrintState struct {
	keys    detect.Spread
	sources detect.Spread
}

// KeyEnumerationFingerprint is KeyEnumeration by one program from many addresses.
var KeyEnumerationFingerprint = detect.Define(detect.Detector{
	Name: "access.key_enumeration_fingerprint", Version: 1, Since: "0.2", Severity: vedette.High, By: detect.ByFingerprint, Quiet: 6 * time.Hour,
	Title: "One program tries many unknown keys",
	Why:   "Somebody guesses key ids through many addresses, with one TLS fingerprint.",
	Look: "Which addresses, and whether they belong to a proxy network. A fingerprint that many owners share, with keys that follow a pattern of yours: " +
		"is the keyring complete?",
	Tags: []string{"attack:T1110.004", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "keys_in_an_hour", Default: 10, Why: "twice the threshold of one address: a program has more than one user"},
		{Name: "of_users", Default: 0.5, Why: "keys that nobody has against those that have used this program: where half as many are unknown, it is not the odd mistake"},
	},
	Asks: detect.Odd,
	When: KeyEnumeration.When,
}, func(x *detect.Context, s *enumerationPrintState) {
	keys := s.keys.Add(x.Subject[detect.ByCredential], x.Time, time.Hour)
	sources := s.sources.Add(x.Subject[detect.BySource], x.Time, time.Hour)
	limit := max(x.P(enumerationPrintKeys), x.P(enumerationPrintUsers)*float64(x.Users[detect.TraitJA4]))
	if float64(keys) < limit || sources < 3 || !x.Open() {
		return
	}
	x.Raise(detect.Raised{Score: 0.8, Values: map[string]vedette.Value{"keys_in_an_hour": of(keys, limit), "sources": of(sources, 3)},
		Summary: fmt.Sprintf("A program with fingerprint %s tried some %d keys that nobody has, from some %d addresses.", x.Name(), keys, sources)})
})
