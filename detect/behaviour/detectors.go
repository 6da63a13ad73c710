package behaviour

import (
	"fmt"
	"math"
	"time"

	"vedette"
	"vedette/detect"
)

// All returns the detectors of learned behaviour.
func All() []*detect.Detector {
	return []*detect.Detector{Anomaly, AccountAnomaly, SlowRamp, BaselineMoved, FanOut}
}

var anomaly = detect.Detector{
	Version: 1, Since: "0.2", Severity: vedette.Medium, Quiet: 6 * time.Hour,
	Why:  "Whoever holds a stolen key passes every check of a single call. What remains is that they do not behave like its owner.",
	Look: "The reasons, likeliest first: a new client with usual conduct is often a move of servers; a new client that withdraws is not.",
	Tags: []string{"attack:T1078", "owasp-api:API2:2023"},
	Params: []detect.Param{{Name: "probability", Default: 3e-9,
		Why: "of a minute as odd in usual conduct, as estimated from it: chosen on simulated clean traffic"}},
}

// Anomaly raises on conduct unlike a credential's own.
var Anomaly = anomalyBy("behaviour.anomaly", "A key behaves unlike itself", detect.ByCredential)

// AccountAnomaly raises on conduct unlike an account's own where it does not come by the account's first key alone: of that,
// Anomaly says the same.
var AccountAnomaly = anomalyBy("behaviour.account_anomaly", "An account behaves unlike itself", detect.ByAccount)

func anomalyBy(name, title string, by detect.Kind) *detect.Detector {
	d := anomaly
	d.Name, d.Title, d.By = name, title, by
	return detect.Read(d, machine, func(x *detect.Context, y *young, g *grown, j *Judgement) {
		if !j.judged || j.P >= x.P(0) || by == detect.ByAccount && !j.w.other || !x.Open() {
			return
		}
		r := detect.Raised{Score: Score(j.P), From: j.w.start, Values: j.values(x.P(0)), Evidence: j.evidence(),
			Summary: fmt.Sprintf("%s %s behaves unlike itself: %s.", kindWord(x), x.Name(), subjectOf(y, g).reasons(j, x))}
		if j.P < x.P(0)/1000 && j.Signal[Sensitive] < joint {
			r.Severity = vedette.High
		}
		x.Raise(r)
	})
}

func kindWord(x *detect.Context) string {
	if x.Text(detect.TextCredential) == x.Name() {
		return "Key"
	}
	return "Account"
}

// Score is the probability that no minute of a day of usual conduct is as odd as one of probability p.
func Score(p float64) float64 {
	const day = float64(24 * time.Hour / Window)
	return math.Exp(day * math.Log1p(-min(p, 1-1e-9)))
}

// SlowRamp raises on an activity that grew or fell day by day, against the first week's.
var SlowRamp = detect.Read(detect.Detector{
	Name: "behaviour.slow_ramp", Version: 1, Since: "0.2", Severity: vedette.Medium, By: detect.ByCredential, Quiet: 7 * 24 * time.Hour,
	Title: "Activity moves slowly away from what it was",
	Why:   "Who raises the rate a little every day moves the learned baseline along, until an attack is usual.",
	Look:  "What the additional calls are, and whether the owner knows of them.",
	Params: []detect.Param{
		{Name: "sum", Default: 10, Why: "standard deviations beyond the allowance of one a day, added up: no one day makes a ramp, nor three"},
		{Name: "factor", Default: 3, Why: "of the newest day by the frozen week: rates that wander by a tenth a day come to twice or half of it in a month"},
	},
}, machine, func(x *detect.Context, y *young, g *grown, _ *Judgement) {
	if g == nil {
		return
	}
	s, f := subjectOf(y, g), &g.slow
	kind, word := rampCalls, "calls"
	if f.rampNow[rampSensitive] > f.rampNow[rampCalls] {
		kind, word = rampSensitive, "sensitive calls"
	}
	sum, way := float64(f.rampNow[kind]), "grew"
	if sum < 0 {
		sum, way = -sum, "fell"
	}
	factor := math.Exp(math.Abs(float64(f.newest[kind] - f.daily[kind].Mean)))
	if sum < x.P(0) || factor < x.P(1) || !x.Open() {
		return
	}
	days := int64(s.days - freezeAfter)
	x.Raise(detect.Raised{Score: 0.8, From: x.Time - days*86400e9, Values: map[string]vedette.Value{"sum": {Value: sum, Threshold: x.P(0)},
		"factor": {Value: factor, Threshold: x.P(1)}},
		Summary: fmt.Sprintf("The activity of key %s %s over %d days, from a usual %s %s a day.", x.Name(), way, days,
			between(expBand(f.daily[kind].blend(Spread{}, 0))), word)})
	s.thaw()
})

// BaselineMoved raises when what was learned has gone far from the frozen baseline.
var BaselineMoved = detect.Read(detect.Detector{
	Name: "behaviour.baseline_moved", Version: 1, Since: "0.2", Severity: vedette.Medium, By: detect.ByCredential, Quiet: 7 * 24 * time.Hour,
	Title: "What is usual for a key has changed",
	Why:   "Learning follows its subject. Where the baseline itself has moved, somebody should say that the new one is right, or the detectors were led.",
	Look:  "The profile: which endpoints are new, and since when.",
	Params: []detect.Param{
		{Name: "rate", Default: 4, Why: "times the calls of six hours: a robot that doubles is a good month"},
		{Name: "mix", Unit: "bit", Default: 0.3, Why: "divergence of endpoints; 1 is a key that does nothing that it did"},
	},
}, machine, func(x *detect.Context, y *young, g *grown, _ *Judgement) {
	if g == nil {
		return
	}
	s, m := subjectOf(y, g), g.slow.movedNow
	rate := max(float64(m.Rate), 1/max(float64(m.Rate), 1e-9))
	if m == (Move{}) || rate < x.P(0) && float64(m.Mix) < x.P(1) || !x.Open() {
		return
	}
	x.Raise(detect.Raised{Score: 0.7, From: x.Time - int64(s.days)*86400e9,
		Values:  map[string]vedette.Value{"rate": {Value: rate, Threshold: x.P(0)}, "mix": {Value: float64(m.Mix), Threshold: x.P(1)}},
		Summary: fmt.Sprintf("What is usual for key %s has moved: calls by a factor of %.1f, endpoints by %.2f of 1 bit, against its first week.", x.Name(), m.Rate, m.Mix)})
	s.freeze()
	s.slow.movedNow = Move{}
})
