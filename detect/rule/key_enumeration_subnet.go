package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	enumerationSubnetKeys = iota
	enumerationSubnetSources
)

type enumerationSubnetState struct {
	keys    detect.Distinct
	sources detect.Distinct
}

// KeyEnumerationSubnet is KeyEnumeration spread over the addresses of one network.
var KeyEnumerationSubnet = detect.Define(detect.Detector{
	Name: "access.key_enumeration_subnet", Version: 1, Since: "0.2", Severity: vedette.High, By: detect.BySubnet, Quiet: 24 * time.Hour,
	Title: "One network tries many unknown keys",
	Why:   "Somebody guesses key ids and changes the address before each count is full.",
	Look:  "Who the network belongs to, and whether authentic calls come from it too. A network of strangers can be blocked whole.",
	Tags:  []string{"attack:T1110.004", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "keys_in_a_day", Default: 12, Max: 32, Why: "three times the near misses of one address: neighbours of one network are many"},
		{Name: "sources", Default: 3, Max: 32, Why: "fewer are told by access.key_enumeration"},
	},
	Asks: detect.Odd,
	When: KeyEnumeration.When,
}, func(x *detect.Context, s *enumerationSubnetState) {
	keys := s.keys.Add(x.Subject[detect.ByCredential], x.Time, 24*time.Hour)
	sources := s.sources.Add(x.Subject[detect.BySource], x.Time, 24*time.Hour)
	if float64(keys) < x.P(enumerationSubnetKeys) || float64(sources) < x.P(enumerationSubnetSources) || !x.Open() {
		return
	}
	x.Raise(detect.Raised{Score: 0.85,
		Values:  map[string]vedette.Value{"keys_in_a_day": of(keys, x.P(enumerationSubnetKeys)), "sources": of(sources, x.P(enumerationSubnetSources))},
		Summary: fmt.Sprintf("%d addresses of %s tried %d keys that nobody has.", sources, x.Name(), keys)})
})
