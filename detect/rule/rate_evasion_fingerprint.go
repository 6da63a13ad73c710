package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	mixedKeys = iota
	mixedNetworks
	mixedPerKey
	mixedPerNetwork
	mixedCalls
	farmOwners
	farmPlaces
	farmPerPlace
	farmShare
	farmTimes
)

const (
	evasionFarm  detect.Level = 1 + iota // many owners at each of some addresses
	evasionMixed                         // and each key at many
)

type mixedState struct {
	keys     detect.Spread
	networks detect.Spread
	pairs    detect.Spread // of a key and a network
	owners   detect.Spread // of the hour, as are the following
	places   detect.Spread // addresses
	ties     detect.Spread // of an owner and an address
	level    detect.Level
}

// RateEvasionFingerprint raises on a program whose keys are mixed over networks: each key comes from
// many, and each network has many; or, at any rate of calls, on one whose addresses each hold the keys of many owners.
// Independent users of one program keep to their own.
var RateEvasionFingerprint = detect.Define(detect.Detector{
	Name: "access.rate_evasion_fingerprint", Version: 2, Since: "0.2", Severity: vedette.Medium, By: detect.ByFingerprint, Quiet: 24 * time.Hour,
	Title: "Many keys rotated through many networks",
	Why:   "Limits by key and by address are both evaded by a pool of keys behind a pool of proxies. One program gives it away.",
	Look: "Whose the networks are: residential ones are a proxy service. A firm whose fleet leaves through several regions looks alike if it uses its keys " +
		"everywhere: it has one owner.",
	Tags: []string{"owasp-api:API4:2023", "attack:T1090"},
	Params: []detect.Param{
		{Name: "keys", Default: 15, Why: "a fleet of a trader has a handful"},
		{Name: "networks", Default: 8, Why: "subnets: a firm's egress has two or three"},
		{Name: "networks_per_key", Default: 2.5, Why: "in ten minutes a client has one, or two if a phone leaves the house"},
		{Name: "keys_per_network", Default: 2.5, Why: "where each network has its own keys they are separate firms"},
		{Name: "calls", Default: 600, Why: "one a second together: below, there is no limit to evade by keys that turn"},
		{Name: "farm_owners", Default: 30, Why: "of one program in an hour: where each address holds the keys of many owners, however few calls they make, somebody else holds them"},
		{Name: "farm_addresses", Default: 8, Why: "a service that trades for many customers has a few, and the venue knows it"},
		{Name: "owners_per_address", Default: 4, Why: "users of one program have an address each; behind a carrier's gateway a few meet by chance"},
		{Name: "share", Default: 0.2, Why: "of all credentials that have the fingerprint: a browser's or the venue's own app's says nothing of who holds them"},
		{Name: "times_habit", Default: 3, Why: "against the most owners of the hours before: what was always there is known"},
	},
	When: func(e *detect.Event) bool { return used(e) && e.Subject[detect.BySubnet] != 0 },
}, func(x *detect.Context, s *mixedState) {
	level := s.mixed(x)
	if level == 0 {
		level = s.farm(x)
	}
	if level != 0 && s.level.Rise(x, level) {
		raiseMixed(x, s, level)
	}
})

// mixed reports whether keys turn through networks, fast enough to be at a limit together.
func (s *mixedState) mixed(x *detect.Context) detect.Level {
	key, net := x.Subject[detect.ByCredential], x.Subject[detect.BySubnet]
	keys, networks := s.keys.Add(key, x.Time, evasionWindow), s.networks.Add(net, x.Time, evasionWindow)
	pairs := s.pairs.Add(detect.Pair(key, net), x.Time, evasionWindow)
	perKey, perNetwork := float64(pairs)/float64(max(keys, 1)), float64(pairs)/float64(max(networks, 1))
	if float64(s.keys.Shown()) < x.P(mixedCalls) || float64(keys) < x.P(mixedKeys) || float64(networks) < x.P(mixedNetworks) || perKey < x.P(mixedPerKey) ||
		perNetwork < x.P(mixedPerNetwork) {
		return 0
	}
	return evasionMixed
}

// farm reports whether many owners' keys are at each of some addresses.
func (s *mixedState) farm(x *detect.Context) detect.Level {
	who, place := owner(x.Event), x.Subject[detect.BySource]
	owners, places := s.owners.Add(who, x.Time, time.Hour), s.places.Add(place, x.Time, time.Hour)
	ties := s.ties.Add(detect.Pair(who, place), x.Time, time.Hour)
	if float64(owners) < x.P(farmOwners) || float64(places) < x.P(farmPlaces) || float64(ties) < x.P(farmPerPlace)*float64(places) ||
		float64(owners) <= x.P(farmTimes)*s.owners.Habit() || float64(x.Users[detect.TraitJA4]) > x.P(farmShare)*float64(x.Credentials) {
		return 0
	}
	return evasionFarm
}

func raiseMixed(x *detect.Context, s *mixedState, level detect.Level) {
	if level == evasionFarm {
		owners, places, ties := s.owners.Count(x.Time, time.Hour), s.places.Count(x.Time, time.Hour), s.ties.Count(x.Time, time.Hour)
		x.Raise(detect.Raised{Score: 0.7, Values: map[string]vedette.Value{"owners": of(owners, x.P(farmOwners)), "addresses": of(places, x.P(farmPlaces)),
			"owners_per_address": of(float64(ties)/float64(max(places, 1)), x.P(farmPerPlace)), "habit": of(s.owners.Habit(), 0)},
			Summary: fmt.Sprintf("A program with fingerprint %s runs the keys of some %d owners at some %d addresses, several at each.", x.Name(), owners, places)})
		return
	}
	keys, networks, pairs := s.keys.Count(x.Time, evasionWindow), s.networks.Count(x.Time, evasionWindow), s.pairs.Count(x.Time, evasionWindow)
	x.Raise(detect.Raised{Score: 0.75, Values: map[string]vedette.Value{"keys": of(keys, x.P(mixedKeys)), "networks": of(networks, x.P(mixedNetworks)),
		"networks_per_key": of(float64(pairs)/float64(max(keys, 1)), x.P(mixedPerKey)), "keys_per_network": of(float64(pairs)/float64(max(networks, 1)), x.P(mixedPerNetwork)),
		"calls": of(s.keys.Shown(), x.P(mixedCalls))},
		Summary: fmt.Sprintf("A program with fingerprint %s runs some %d keys through some %d networks, each key from several.", x.Name(), keys, networks)})
}
