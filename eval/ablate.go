package eval

import (
	"vedette/incident"
	"vedette/sim/traffic"
)

// Ablate says what each detector is worth: what is found on the development seeds without it, at the two tighter budgets and at
// the default alert line. The sealed seeds are not touched.
func Ablate(c CampaignConfig) ([]Figure, error) {
	c = c.withDefaults()
	runs, err := c.each(c.Develop, func(seed uint64) (run, error) { return c.play(seed, true, false) })
	if err != nil {
		return nil, err
	}
	list := baseRates("F", runs, c)
	without := func(name string) {
		of := make([]run, len(runs))
		for i, r := range runs {
			of[i] = r
			of[i].ours = r.judge.weighed(func(n *note) float64 {
				if n.source == name {
					return 0
				}
				return n.score
			})
		}
		kind := "without"
		if name == "" {
			name, kind = "all", "with"
		}
		add := func(metric string, v float64) {
			list = append(list, Figure{Track: "F", Detector: name, Metric: metric, Value: v, N: len(runs), Case: kind})
		}
		for _, b := range Budgets[:2] {
			t := c.tally(of, ours, c.cutoff(outcomes(of, ours), b), everyCampaign)
			add(budgetName("recall", b), t.recall())
		}
		t := c.tally(of, ours, alertLine, everyCampaign)
		add("recall_of_alerts", t.recall())
		add("false_alerts_a_day", t.falseADay())
	}
	without("")
	for _, d := range c.Detectors {
		if raised(runs, d.Name) {
			without(d.Name)
		}
	}
	return list, nil
}

// raised reports whether a detector found anything at all.
func raised(runs []run, name string) bool {
	for _, r := range runs {
		for _, n := range r.judge.notes {
			if n.source == name {
				return true
			}
		}
	}
	return false
}

// CleanRates says how many owners a day clean weeks of the development seeds give a finding of each detector and severity, at
// 10,000 keys. incident.Trust is made of it.
func CleanRates(c CampaignConfig) ([]Figure, error) {
	c = c.withDefaults()
	c.Days = c.Warm + soakDays
	runs, err := c.each(c.Develop, func(seed uint64) (run, error) { return c.play(seed, false, false) })
	if err != nil {
		return nil, err
	}
	type day struct {
		run int
		of  dayOf
	}
	days := map[string]map[day]bool{}
	for i, r := range runs {
		for _, n := range r.judge.notes {
			name := n.source + " " + n.severity.String()
			if days[name] == nil {
				days[name] = map[day]bool{}
			}
			days[name][day{i, dayOf{n.at.Unix() / 86400, n.subject, false}}] = true
		}
	}
	list := baseRates("I", runs, c)
	scale := c.scale() * float64(c.Days-c.Warm) * float64(len(runs))
	for _, name := range sorted(days) {
		list = append(list, Figure{Track: "I", Detector: name, Metric: "clean_findings_a_day", Value: float64(len(days[name])) / scale, N: len(runs), Case: "clean week"})
	}
	return list, nil
}

// atAlertLine returns what the default alert line comes to.
func (c CampaignConfig) atAlertLine(track string, runs []run) (list []Figure) {
	t := c.tally(runs, ours, alertLine, everyCampaign)
	add := func(metric string, v float64, n int, of string) {
		list = append(list, Figure{Track: track, Detector: "all", Metric: metric + "_at_alert_line", Value: v, N: n, Case: of})
	}
	add("false_alerts_a_day", t.falseADay(), len(runs), "all")
	if t.campaigns == 0 {
		return list
	}
	add("recall", t.recall(), t.campaigns, "all")
	list[len(list)-1].Low, list[len(list)-1].High = t.bootstrap()
	add("precision", t.precision(), t.campaigns, "all")
	add("actions_median", quantileOf(t.actions, 0.5), t.found, "all")
	add("minutes_median", quantileOf(t.minutes, 0.5), t.found, "all")
	for _, k := range traffic.Kinds() {
		for _, p := range traffic.Paces() {
			t := c.tally(runs, ours, alertLine, func(l *traffic.Campaign) bool { return l.Kind == k && l.Pace == p })
			add("recall", t.recall(), t.campaigns, k+"/"+p.String())
		}
	}
	return list
}

// alertLine is the default alert line as a cutoff, that risks must exceed.
const alertLine = incident.AlertThreat - 1e-9
