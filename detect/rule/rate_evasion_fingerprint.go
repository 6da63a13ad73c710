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
)

type mixedState struct {
	keys     detect.Spread
	networks detect.Spread
	pairs    detect.Spread // of a key and a network
}

// RateEvasionFingerprint raises on a program whose keys are mixed over networks: each key comes from
// many, and each network has many. Independent users of one program keep to their own.
var RateEvasionFingerprint = detect.Define(detect.Detector{
	Name: "access.rate_evasion_fingerprint", Version: 1, Since: "0.2", Severity: vedette.Medium, By: detect.ByFingerprint, Quiet: 24 * time.Hour,
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
		{Name: "calls", Default: 600, Why: "one a second together: below, there is no limit to evade"},
	},
	When: func(e *detect.Event) bool { return used(e) && e.Subject[detect.BySubnet] != 0 },
}, func(x *detect.Context, s *mixedState) {
	key, net := x.Subject[detect.ByCredential], x.Subject[detect.BySubnet]
	keys, networks := s.keys.Add(key, x.Time, evasionWindow), s.networks.Add(net, x.Time, evasionWindow)
	pairs, calls := s.pairs.Add(detect.Pair(key, net), x.Time, evasionWindow), s.keys.Shown()
	if float64(calls) < x.P(mixedCalls) {
		return
	}
	perKey, perNetwork := float64(pairs)/float64(max(keys, 1)), float64(pairs)/float64(max(networks, 1))
	if float64(keys) < x.P(mixedKeys) || float64(networks) < x.P(mixedNetworks) || perKey < x.P(mixedPerKey) || perNetwork < x.P(mixedPerNetwork) || !x.Open() {
		return
	}
	x.Raise(detect.Raised{Score: 0.75, Values: map[string]vedette.Value{"keys": of(keys, x.P(mixedKeys)), "networks": of(networks, x.P(mixedNetworks)),
		"networks_per_key": of(perKey, x.P(mixedPerKey)), "keys_per_network": of(perNetwork, x.P(mixedPerNetwork)), "calls": of(calls, x.P(mixedCalls))},
		Summary: fmt.Sprintf("A program with fingerprint %s runs some %d keys through some %d networks, each key from several.", x.Name(), keys, networks)})
})
