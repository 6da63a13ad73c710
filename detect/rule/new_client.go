package rule

import (
	"fmt"
	"math"
	"strings"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	newBits = iota
	newLearning
	newProbation
	newSensitive
)

const (
	newMoved detect.Level = 1 + iota // something sensitive, with new software or from a new network
	newSeen                          // both are new
	newActed                         // both, and something sensitive
)

const (
	newMostBits   = 10.0 // of one group: no trait alone is an alert, a move of the owner's has one
	newSubnetBits = 5.0  // of a subnet where networks are not known: dynamic addresses change weekly
	newPrior      = 64   // credentials that are taken to exist beside those that were seen: a small population tells little of what is rare
)

type newState struct {
	traits  [detect.Traits]detect.Slots
	since   int64    // the first use
	changes [2]uint8 // new software and networks after the learning time
	level   detect.Level
}

// NewClient raises when a credential is used by software and from a network that are new to it and
// rare in the population.
var NewClient = detect.Define(detect.Detector{
	Name: "access.new_client", Version: 2, Since: "0.2", Severity: vedette.Medium, By: detect.ByCredential, Quiet: 24 * time.Hour,
	Title: "A key used by a new client from a new place",
	Why:   "A stolen key shows by what it is used with: another program, another TLS library, another network.",
	Look: "Ask the owner whether they moved or changed their software. Both at once, with no overlap with the old client, and reads of balances first, is how " +
		"a stolen key is tried. Many keys of one owner within minutes: a new installation. High: it has moved money or changed who may. Low: that, where only one of both is new, as on a journey or with a release.",
	Tags: []string{"attack:T1078", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "bits", Unit: "bit", Default: 10, Why: "log2 of how many credentials there are to one that has the trait; software and network add up, each at most 10: one alone never suffices, but for what is sensitive"},
		{Name: "learning_s", Unit: "s", Default: 3 * 86400, Why: "three days see the scheduled jobs of a desk; what is used until then is the owner's"},
		{Name: "probation_s", Unit: "s", Default: 86400, Why: "as long what is new is not trusted: who reads first and withdraws later is still new"},
		{Name: "sensitive_bits", Unit: "bit", Default: 3, Why: "added where the call withdraws, transfers or changes who may: taken that at most an eighth of keys do on any day"},
	},
	When: used,
}, func(x *detect.Context, s *newState) {
	if s.since == 0 {
		s.since = x.Time
	}
	weight, fresh := s.meet(x)
	for g := range s.changes {
		if fresh[g] && s.changes[g] < math.MaxUint8 {
			s.changes[g]++
		}
		weight[g] /= max(1, float64(s.changes[g])) // who changes often surprises less
	}
	total, level := weight[0]+weight[1], newSeen
	both := weight[0] > 0 && weight[1] > 0
	switch {
	case total == 0:
		return
	case sensitive(x.Operation) && both:
		total, level = total+x.P(newSensitive), newActed
	case sensitive(x.Operation):
		total, level = total+x.P(newSensitive), newMoved
	case !both:
		return
	}
	if total >= x.P(newBits) && s.level.Rise(x, level) {
		raiseNew(x, s, weight, total, level)
	}
})

// meet looks the event's traits up, and returns how rare those are that are on probation and which
// groups, software and network, have one that is seen for the first time.
func (s *newState) meet(x *detect.Context) (weight [2]float64, fresh [2]bool) {
	learned := s.since + int64(x.Within(newLearning))
	for t := range detect.Trait(detect.Traits) {
		value := x.Trait(t)
		blind := t == detect.TraitASN && value == 0 && x.Country == [2]byte{}
		if blind {
			value = x.Subject[detect.BySubnet]
		}
		if value == 0 {
			continue
		}
		since, first := s.traits[t].Use(value, x.Time)
		if since < learned || x.Time-since >= int64(x.Within(newProbation)) {
			continue
		}
		g, bits := t/2, newSubnetBits
		if !blind {
			bits = rarity(x.Event, t)
		}
		fresh[g] = fresh[g] || first
		weight[g] = max(weight[g], bits)
	}
	return weight, fresh
}

// rarity is how surprising it is that somebody has the event's trait, in bits.
func rarity(e *detect.Event, t detect.Trait) float64 {
	others := max(e.Users[t], 1) // this credential's own use stands for the chance of one more
	return max(0, min(newMostBits, math.Log2(float64(e.Credentials+newPrior)/float64(others))))
}

func raiseNew(x *detect.Context, s *newState, weight [2]float64, total float64, level detect.Level) {
	var what []string
	if weight[0] > 0 {
		what = append(what, fmt.Sprintf("software (%s, %s)", orNone(x.Text(detect.TextClient)), orNone(x.Text(detect.TextJA4))))
	}
	if weight[1] > 0 {
		what = append(what, fmt.Sprintf("network (AS%d, country %s)", x.ASN, orNone(strings.TrimRight(string(x.Country[:]), "\x00"))))
	}
	r := detect.Raised{Score: min(0.95, total/25), Values: map[string]vedette.Value{"bits": of(total, x.P(newBits)), "software_bits": of(weight[0], 0),
		"network_bits": of(weight[1], 0), "credentials": of(x.Credentials, 0)},
		Summary: fmt.Sprintf("Key %s is used with new %s.", x.Name(), strings.Join(what, " and new "))}
	switch level {
	case newMoved:
		r.Score, r.Severity = 0.3, vedette.Low
	case newActed:
		r.Severity = vedette.High
	}
	if level != newSeen {
		r.Summary = fmt.Sprintf("Key %s does %s with new %s.", x.Name(), x.Operation, strings.Join(what, " and new "))
	}
	x.Raise(r)
}

func orNone(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
