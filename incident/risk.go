package incident

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"vedette"
)

// Input is what the risk of an incident is made of. All figures are in [0,1].
type Input struct {
	// Evidence is, for each detector that raised a finding, the largest of it.
	Evidence []float64
	// Exposure is how much could be lost: what the credentials concerned may do. 0 where nobody known
	// is concerned.
	Exposure float64
	// Intel is how sure threat intelligence is that a party is hostile; 0 where it says nothing.
	Intel float64
}

const (
	// intelPart is how far intelligence alone reaches: a feed may be stale or wrong, so it moves an
	// incident half of the way up, never to the top.
	intelPart = 0.5
	// leastHarm is what an attack on nothing counts: it may be the first step.
	leastHarm = 0.5
)

// AlertThreat is the threat from which an incident is an alert, that somebody should look at; what is below is context. It was
// chosen on the development seeds: docs/evaluation.md has what is found and missed by it.
const AlertThreat = 0.2

// Weight returns what a finding of that severity counts when it is certain.
func Weight(s vedette.Severity) float64 {
	switch s {
	case vedette.Low:
		return 0.25
	case vedette.Medium:
		return 0.5
	case vedette.High:
		return 0.8
	case vedette.Critical:
		return 1
	}
	return 0
}

// Risk combines the input into one figure in [0,1]:
//
//	threat = 1 - (1 - intelPart·Intel) · Π (1 - evidence)    over detectors
//	risk   = threat · (leastHarm + (1-leastHarm)·Exposure)
//
// Detectors are taken as independent witnesses (noisy-or), so that two that agree say more than one.
// One detector counts once, however often it fires: repeats are not independent, and an attacker who
// repeats himself must not outrank one who does not. Threat is how likely and how bad, exposure what
// for; they multiply as in every risk. The result never falls when an input rises.
func Risk(in Input) float64 {
	return Threat(in) * (leastHarm + (1-leastHarm)*clamp(in.Exposure))
}

// Threat is how likely and how bad it is, whatever is exposed: in [0,1], and never falling when an input rises.
func Threat(in Input) float64 {
	safe := 1 - intelPart*clamp(in.Intel)
	evidence := slices.Clone(in.Evidence)
	slices.Sort(evidence) // so that the last bit does not depend on the order
	for _, e := range evidence {
		safe *= 1 - clamp(e)
	}
	return 1 - safe
}

func clamp(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, 0), 1)
}

// strengthen takes in a finding's weight; of over maxDetectors the weakest goes.
func strengthen(evidence map[string]float64, detector string, weight float64) {
	evidence[detector] = max(evidence[detector], clamp(weight))
	if len(evidence) > maxDetectors {
		delete(evidence, slices.MinFunc(slices.Collect(maps.Keys(evidence)), func(a, b string) int {
			return cmp.Or(cmp.Compare(evidence[a], evidence[b]), cmp.Compare(b, a))
		}))
	}
}
