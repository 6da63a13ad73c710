package behaviour

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"vedette"
	"vedette/detect"
)

// maxReasons is how many reasons a finding names: the rest is in its values.
const maxReasons = 3

// reasons says in words which signals made the verdict, the oddest first.
func (s subject) reasons(j *Judgement, x *detect.Context) string {
	order := make([]Signal, 0, Signals)
	for i := range signalCount {
		if j.Signal[i] < joint {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b Signal) int {
		switch {
		case j.Signal[a] < j.Signal[b]:
			return -1
		case j.Signal[a] > j.Signal[b]:
			return 1
		}
		return 0
	})
	var words []string
	for _, sig := range order[:min(len(order), maxReasons)] {
		if math.Log(float64(j.Signal[sig])) > math.Log(float64(j.Signal[order[0]]))/3 {
			break // next to the first it says nothing
		}
		words = append(words, s.reason(sig, j, x))
	}
	return strings.Join(words, "; ")
}

func (s subject) reason(sig Signal, j *Judgement, x *detect.Context) string {
	switch sig {
	case Rate:
		return s.rateReason(j)
	case Sensitive:
		return fmt.Sprintf("%.0f %s/h against a usual %s", math.Round(float64(j.rates[meterSensitive])), plural(j.w.operation), s.usual(meterSensitive))
	case Failures:
		return fmt.Sprintf("%.0f failures in a quarter of an hour against a usual %s", j.rates[meterFailures], s.usual(meterFailures))
	case Endpoints:
		return "calls that it does not make"
	case Instruments:
		return "instruments that it does not trade"
	case Sequence:
		return "calls in an order that it does not use"
	case Sizes:
		switch {
		case j.w.sizeOver == 0:
			return "sizes at the top of its usual"
		case j.w.sizeOver == 1:
			return "a size larger than any before"
		}
		return fmt.Sprintf("a size over %.0f times its largest", math.Pow(4, float64(j.w.sizeOver-1)))
	case Client:
		return clientReason(&j.w, x)
	}
	return "a rhythm that is not its own"
}

// rateReason names the shortest time over which the rate is odd.
func (s subject) rateReason(j *Judgement) string {
	if _, high := s.band(meterWindow); float64(j.rates[meterWindow]) > high {
		return fmt.Sprintf("%.0f calls/min against a usual %s", j.rates[meterWindow], s.usual(meterWindow))
	}
	if _, high := s.band(meterQuarter); float64(j.rates[meterQuarter]) > high {
		return fmt.Sprintf("%.0f calls in a quarter of an hour against a usual %s", j.rates[meterQuarter], s.usual(meterQuarter))
	}
	return fmt.Sprintf("%.0f calls in six hours against a usual %s", j.rates[meterSixHours], s.usual(meterSixHours))
}

// band returns the usual range of a meter, two deviations either way.
func (s subject) band(i int) (low, high float64) {
	return expBand(s.habit.rates[i].blend(s.habit.kind().rates[i], warmWindows/4))
}

func expBand(mean, sd float64) (low, high float64) {
	return max(0, math.Round(math.Expm1(mean-2*sd))), math.Ceil(math.Expm1(mean + 2*sd))
}

func (s subject) usual(i int) string { return between(s.band(i)) }

func between(low, high float64) string { return fmt.Sprintf("%.0f–%.0f", low, high) }

func clientReason(w *facts, x *detect.Context) string {
	var words []string
	if w.newTraits&(1<<detect.RareNetwork) != 0 {
		if w.asn != 0 {
			words = append(words, fmt.Sprintf("first use from AS%d", w.asn))
		} else {
			words = append(words, "first use from this network")
		}
	}
	if w.newTraits&(1<<detect.RareCountry) != 0 {
		words = append(words, "first use from "+string(w.country[:]))
	}
	if w.newTraits&(1<<detect.RareJA4) != 0 {
		words = append(words, "JA4 never seen on this "+strings.ToLower(kindWord(x)))
	}
	return strings.Join(words, ", ")
}

// plural names sensitive operations as people do.
func plural(o vedette.Operation) string {
	switch o {
	case vedette.OpWithdraw:
		return "withdrawals"
	case vedette.OpTransfer:
		return "transfers"
	case vedette.OpDepositAddress:
		return "deposit addresses"
	case vedette.OpKeyCreate, vedette.OpKeyChange, vedette.OpKeyDelete:
		return "changes of keys"
	}
	return "sensitive calls"
}

// values are the signals' probabilities against what counts, and the joint one against the threshold.
func (j *Judgement) values(threshold float64) map[string]vedette.Value {
	v := map[string]vedette.Value{"probability": {Value: j.P, Threshold: threshold}}
	for i := range signalCount {
		if j.Signal[i] < joint {
			v["probability_"+i.String()] = vedette.Value{Value: float64(j.Signal[i]), Threshold: joint}
		}
	}
	return v
}

func (j *Judgement) evidence() (list []uint64) {
	for _, p := range j.w.evidence {
		if p != 0 {
			list = append(list, p)
		}
	}
	return list
}
