package eval

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"vedette/sim/traffic"
)

// Budgets are how many false alerts a day at 10,000 keys an operator is taken to bear.
var Budgets = []int{5, 20, 50}

// cutoff returns the risk above which there are at most budget false alerts a day on clean subjects.
func (c CampaignConfig) cutoff(list []outcome, budget int) float64 {
	var risks []float64
	for _, o := range list {
		for _, a := range o.clean {
			risks = append(risks, a.risk)
		}
	}
	slices.Sort(risks)
	slices.Reverse(risks)
	if n := int(float64(budget) * c.scale() * float64(c.Days-c.Warm) * float64(len(list))); n < len(risks) {
		return risks[n]
	}
	return 0
}

// scale is the number of keys in 10,000s, which false alerts are counted against.
func (c CampaignConfig) scale() float64 { return float64(c.Keys) / 10_000 }

// tally is what a way of detection finds at a cutoff.
type tally struct {
	campaigns, found int
	falseAlerts      int
	days             float64 // scaled to 10,000 keys
	actions          []float64
	minutes          []float64
	each             []bool // by campaign, in order: found
}

func (t *tally) recall() float64 { return ratio(t.found, t.campaigns) }

// precision is of incidents: a campaign that is found is one, however many of its subjects show.
func (t *tally) precision() float64 { return ratio(t.found, t.found+t.falseAlerts) }

func (t *tally) falseADay() float64 {
	if t.days == 0 {
		return 0
	}
	return float64(t.falseAlerts) / t.days
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// tally counts outcomes at a cutoff, of the campaigns that want says.
func (c CampaignConfig) tally(runs []run, of func(run) outcome, cutoff float64, want func(*traffic.Campaign) bool) *tally {
	t := &tally{days: c.scale() * float64(c.Days-c.Warm) * float64(len(runs))}
	for _, r := range runs {
		o := of(r)
		for _, a := range o.clean {
			if a.risk > cutoff {
				t.falseAlerts++
			}
		}
		for i, l := range r.campaigns {
			if l.Actions == 0 || !want(l) {
				continue
			}
			t.campaigns++
			at := slices.IndexFunc(o.found[i], func(x rise) bool { return x.risk > cutoff })
			t.each = append(t.each, at >= 0)
			if at >= 0 {
				t.found++
				t.actions = append(t.actions, float64(o.found[i][at].actions))
				t.minutes = append(t.minutes, float64(o.found[i][at].after)/float64(time.Minute))
			}
		}
	}
	return t
}

// quantileOf returns a quantile of a list, 0 if it is empty.
func quantileOf(list []float64, q float64) float64 {
	if len(list) == 0 {
		return 0
	}
	l := slices.Sorted(slices.Values(list))
	return l[min(int(q*float64(len(l))), len(l)-1)]
}

// bootstrap returns the bounds of 95% of the recalls of samples of the campaigns.
func (t *tally) bootstrap() (low, high float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	var recalls []float64
	for range 1000 {
		n := 0
		for range t.each {
			if t.each[rng.IntN(len(t.each))] {
				n++
			}
		}
		recalls = append(recalls, ratio(n, len(t.each)))
	}
	return quantileOf(recalls, 0.025), quantileOf(recalls, 0.975)
}

func budgetName(metric string, budget int) string { return fmt.Sprintf("%s_at_%d", metric, budget) }

func everyCampaign(*traffic.Campaign) bool { return true }

func ours(r run) outcome { return r.ours }

func baseline(i int) func(run) outcome { return func(r run) outcome { return r.base[i] } }

func outcomes(runs []run, of func(run) outcome) (list []outcome) {
	for _, r := range runs {
		list = append(list, of(r))
	}
	return list
}

// Campaigns measures track F: what is found of labelled campaigns, at a number of false alerts a day.
// Cutoffs are of the development seeds' clean subjects, figures of the sealed seeds.
func Campaigns(c CampaignConfig) ([]Figure, error) {
	c = c.withDefaults()
	play := func(seed uint64) (run, error) { return c.play(seed, true, true) }
	develop, err := c.each(c.Develop, play)
	if err != nil {
		return nil, err
	}
	sealed, err := c.each(c.Sealed, play)
	if err != nil {
		return nil, err
	}
	list := baseRates("F", sealed, c)
	for _, b := range Budgets {
		list = append(list, c.atBudget(develop, sealed, b)...)
	}
	list = append(list, c.atAlertLine("F", sealed)...)
	list = append(list, c.anything(sealed)...)
	return append(list, falseBy("F", sealed, c)...), nil
}

// baseRates say how rare is what is looked for.
func baseRates(track string, runs []run, c CampaignConfig) []Figure {
	calls, hostile, campaigns := 0, 0, 0
	for _, r := range runs {
		calls, hostile, campaigns = calls+r.calls, hostile+r.hostile, campaigns+len(r.campaigns)
	}
	days := float64(len(runs) * (c.Days - c.Warm))
	f := func(metric string, v float64) Figure {
		return Figure{Track: track, Detector: "-", Metric: metric, Value: v, N: len(runs), Case: "base rate"}
	}
	return []Figure{f("keys", float64(c.Keys)), f("scored_days", float64(c.Days-c.Warm)), f("calls_a_day", float64(calls)/max(days, 1)), f("hostile_call_share", ratio(hostile, calls)),
		f("campaigns_a_day", float64(campaigns)/max(days, 1)), f("campaigns_a_key_day", float64(campaigns)/max(days, 1)/float64(c.Keys))}
}

// atBudget returns the figures at one budget: all campaigns, beside every baseline; then each kind and pace.
func (c CampaignConfig) atBudget(develop, sealed []run, budget int) (list []Figure) {
	cut := c.cutoff(outcomes(develop, ours), budget)
	t := c.tally(sealed, ours, cut, everyCampaign)
	low, high := t.bootstrap()
	add := func(metric string, v float64, n int, of string) {
		list = append(list, Figure{Track: "F", Detector: "all", Metric: budgetName(metric, budget), Value: v, N: n, Case: of})
	}
	add("cutoff", cut, len(develop), "all")
	add("recall", t.recall(), t.campaigns, "all")
	list[len(list)-1].Low, list[len(list)-1].High = low, high
	add("precision", t.precision(), t.campaigns, "all")
	add("false_alerts_a_day", t.falseADay(), len(sealed), "all")
	add("actions_median", quantileOf(t.actions, 0.5), t.found, "all")
	add("minutes_median", quantileOf(t.minutes, 0.5), t.found, "all")
	list = append(list, c.besideBaselines(develop, sealed, budget, t)...)
	for _, k := range traffic.Kinds() {
		for _, p := range traffic.Paces() {
			t := c.tally(sealed, ours, cut, func(l *traffic.Campaign) bool { return l.Kind == k && l.Pace == p })
			of := k + "/" + p.String()
			add("recall", t.recall(), t.campaigns, of)
			add("actions_median", quantileOf(t.actions, 0.5), t.found, of)
			add("minutes_median", quantileOf(t.minutes, 0.5), t.found, of)
		}
	}
	return list
}

// besideBaselines returns recall and precision beside those of Null, of every named baseline, and of the
// single feature that found most on the development seeds.
func (c CampaignConfig) besideBaselines(develop, sealed []run, budget int, t *tally) (list []Figure) {
	beside := func(name string, b *tally) {
		for _, m := range []struct {
			name string
			of   func(*tally) float64
		}{{"recall", (*tally).recall}, {"precision", (*tally).precision}, {"false_alerts_a_day", (*tally).falseADay}} {
			list = append(list, Figure{Track: "F", Detector: "all", Metric: budgetName(m.name, budget), Value: m.of(t),
				Baseline: name, BaselineValue: m.of(b), N: t.campaigns, Case: "all"})
		}
	}
	beside("null", &tally{campaigns: t.campaigns})
	best, most := -1, -1.0
	for i, name := range baselineNames() {
		cut := c.cutoff(outcomes(develop, baseline(i)), budget)
		if i < baseSingle {
			beside(name, c.tally(sealed, baseline(i), cut, everyCampaign))
			continue
		}
		if r := c.tally(develop, baseline(i), cut, everyCampaign).recall(); r > most {
			best, most = i, r
		}
	}
	cut := c.cutoff(outcomes(develop, baseline(best)), budget)
	beside("best_"+baselineNames()[best], c.tally(sealed, baseline(best), cut, everyCampaign))
	return list
}

// anything returns what is found by any finding at all, whatever its risk.
func (c CampaignConfig) anything(runs []run) (list []Figure) {
	t := c.tally(runs, ours, 0, everyCampaign)
	list = append(list, Figure{Track: "F", Detector: "all", Metric: "recall_of_any_finding", Value: t.recall(), N: t.campaigns, Case: "all"},
		Figure{Track: "F", Detector: "all", Metric: "false_alerts_a_day_of_any_finding", Value: t.falseADay(), N: len(runs), Case: "all"})
	for _, k := range traffic.Kinds() {
		for _, p := range traffic.Paces() {
			t := c.tally(runs, ours, 0, func(l *traffic.Campaign) bool { return l.Kind == k && l.Pace == p })
			list = append(list, Figure{Track: "F", Detector: "all", Metric: "recall_of_any_finding", Value: t.recall(), N: t.campaigns, Case: k + "/" + p.String()})
		}
	}
	return list
}

// falseBy returns the false alerts a day by detector, and by the lively events that they come with.
func falseBy(track string, runs []run, c CampaignConfig) (list []Figure) {
	by, occasion := map[string]float64{}, map[string]float64{}
	days := c.scale() * float64(c.Days-c.Warm) * float64(len(runs))
	for _, r := range runs {
		for _, a := range r.ours.clean {
			for _, s := range a.sources {
				by[s] += 1 / days
			}
			if o := a.occasion; o != "" {
				occasion[o] += 1 / days
			} else {
				occasion["no occasion"] += 1 / days
			}
		}
	}
	for _, d := range sorted(by) {
		list = append(list, Figure{Track: track, Detector: d, Metric: "false_alerts_a_day", Value: by[d], N: len(runs), Case: "all"})
	}
	for _, o := range sorted(occasion) {
		list = append(list, Figure{Track: track, Detector: "all", Metric: "false_alerts_a_day", Value: occasion[o], N: len(runs), Case: "occasion " + strings.ReplaceAll(o, "_", " ")})
	}
	return list
}
