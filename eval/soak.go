package eval

import (
	"fmt"

	"vedette/sim/traffic"
)

// SoakConfig is what track I is run with, besides.
type SoakConfig struct {
	CampaignConfig
	// Shares are the parts of a key's calls that a thief makes in the end of a month's poisoning.
	Shares []float64
	// PoisonKeys is how many keys there are in the months of poisoning; 0 for 1,000.
	PoisonKeys int
	// PoisonSeeds is how many of the sealed seeds are played for a month; 0 for 3.
	PoisonSeeds int
}

// soakDays are scored in the clean weeks.
const soakDays = 7

// poisoned is how many keys are poisoned at once, for each share.
const poisoned = 5

// Soak measures track I: false alerts in clean but lively weeks, and what is found of thefts after a month
// of poisoning. Cutoffs are of the development seeds' clean weeks.
func Soak(c SoakConfig) ([]Figure, error) {
	c.CampaignConfig = c.withDefaults()
	c.Days = c.Warm + soakDays
	if c.Shares == nil {
		c.Shares = []float64{0, 0.05, 0.20, 0.57}
	}
	if c.PoisonKeys == 0 {
		c.PoisonKeys = 1000
	}
	if c.PoisonSeeds == 0 {
		c.PoisonSeeds = 3
	}
	clean := func(seed uint64) (run, error) { return c.play(seed, false, false) }
	develop, err := c.each(c.Develop, clean)
	if err != nil {
		return nil, err
	}
	sealed, err := c.each(c.Sealed, clean)
	if err != nil {
		return nil, err
	}
	list := append(baseRates("I", sealed, c.CampaignConfig), c.cleanWeeks(develop, sealed)...)
	list = append(list, c.atAlertLine("I", sealed)...)
	list = append(list, falseBy("I", sealed, c.CampaignConfig)...)
	months, err := c.poison(develop)
	return append(list, months...), err
}

// cleanWeeks returns the false alerts a day at each cutoff, and of all findings.
func (c SoakConfig) cleanWeeks(develop, sealed []run) (list []Figure) {
	add := func(metric string, v float64) {
		list = append(list, Figure{Track: "I", Detector: "all", Metric: metric, Value: v, N: len(sealed), Case: "clean week"})
	}
	for _, b := range Budgets {
		cut := c.cutoff(outcomes(develop, ours), b)
		t := c.tally(sealed, ours, cut, everyCampaign)
		add(fmt.Sprintf("false_alerts_a_day_at_%d", b), t.falseADay())
		benign := 0
		for _, r := range sealed {
			for _, a := range r.ours.clean {
				if a.risk > cut && a.occasion != "" {
					benign++
				}
			}
		}
		add(fmt.Sprintf("benign_trigger_share_at_%d", b), ratio(benign, t.falseAlerts))
	}
	add("false_alerts_a_day_of_any_finding", c.tally(sealed, ours, 0, everyCampaign).falseADay())
	return list
}

// poison plays months in which keys are poisoned, and returns what is found of the poisoning and of the
// theft at its end, by the thief's share of the calls.
func (c SoakConfig) poison(develop []run) (list []Figure, err error) {
	cuts := map[int]float64{}
	for _, b := range Budgets {
		cuts[b] = c.cutoff(outcomes(develop, ours), b)
	}
	m := c.CampaignConfig
	m.Keys, m.Warm, m.Days = c.PoisonKeys, 4, traffic.PoisonDays+2
	for _, share := range c.Shares {
		t := traffic.Config{Keys: m.Keys, Days: m.Days, Start: start, Rate: m.Rate}
		for range poisoned {
			t.Attacks = append(t.Attacks, traffic.Attack{Kind: traffic.Poisoning, From: start, Share: share})
		}
		runs, err := m.each(c.Sealed[:min(c.PoisonSeeds, len(c.Sealed))], func(seed uint64) (run, error) {
			t := t
			t.Seed = seed
			return m.follow(traffic.New(t), seed, false)
		})
		if err != nil {
			return nil, err
		}
		list = append(list, m.poisonFigures(runs, share, cuts)...)
	}
	return list, nil
}

func (c CampaignConfig) poisonFigures(runs []run, share float64, cuts map[int]float64) (list []Figure) {
	for _, kind := range []string{traffic.Poisoning, traffic.Theft} {
		of := func(l *traffic.Campaign) bool { return l.Kind == kind }
		name := fmt.Sprintf("%s share %.0f%%", kind, 100*share)
		add := func(metric string, v float64, n int) {
			list = append(list, Figure{Track: "I", Detector: "all", Metric: metric, Value: v, N: n, Case: name})
		}
		for _, b := range Budgets {
			t := c.tally(runs, ours, cuts[b], of)
			if t.campaigns == 0 {
				continue // nothing was poisoned
			}
			add(fmt.Sprintf("recall_at_%d", b), t.recall(), t.campaigns)
			add(fmt.Sprintf("actions_median_at_%d", b), quantileOf(t.actions, 0.5), t.found)
		}
		if t := c.tally(runs, ours, 0, of); t.campaigns > 0 {
			add("recall_of_any_finding", t.recall(), t.campaigns)
		}
	}
	return list
}
