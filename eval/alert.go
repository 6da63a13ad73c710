package eval

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"vedette"
	"vedette/incident"
	"vedette/sim/traffic"
)

// alert is a score that somebody gave to a subject at a time. What an operator sees is at most one
// alert a subject and day: the score of that is what scores of one day come to.
type alert struct {
	subject  string   // whom it is about, first of all
	also     []string // whom else
	source   string   // a detector or a feature
	severity vedette.Severity
	raw      float64 // the finding's own score
	summary  string
	score    float64 // in [0,1]; with several sources they add up as if independent
}

// rise is a point at which the risk of a subject that belongs to a campaign rose.
type rise struct {
	risk    float64
	actions int // that the attacker had made
	after   time.Duration
}

// outcome is what one way of detection said of one run.
type outcome struct {
	clean []alarm  // every subject and day with nothing to find, above zero
	found [][]rise // by campaign, rising
}

// alarm is a subject's day that is no campaign's.
type alarm struct {
	risk     float64
	subject  string
	sources  []string
	occasion string // the lively event that it belongs to, "" for none
}

// judge counts alerts against labels.
type judge struct {
	campaigns []*traffic.Campaign
	byName    map[string][]int // campaigns by subject
	occasions map[string][]traffic.Occasion
	common    []traffic.Occasion // those that are everybody's
	from      time.Time          // nothing before is counted
	days      map[dayOf]*dayState
	keep      bool   // of alerts, to weigh them again
	notes     []note // kept
	outcome
}

// note is an alert with whom it hit when it was raised.
type note struct {
	alert
	at  time.Time
	hit []hit
}

// hit is a campaign that an alert belongs to, as it was then.
type hit struct {
	campaign int
	actions  int
	after    time.Duration
}

type dayOf struct {
	day     int64
	subject string
	attack  bool
}

type dayState struct {
	sources map[string]float64
	risk    float64
	when    time.Time
}

// grace is how long after its last action a campaign may still be found.
const grace = time.Hour

func newJudge(tr *traffic.Traffic, from time.Time) *judge {
	j := &judge{campaigns: tr.Campaigns(), byName: map[string][]int{}, occasions: map[string][]traffic.Occasion{}, from: from, days: map[dayOf]*dayState{}}
	for i, c := range j.campaigns {
		for _, s := range c.Subjects {
			if l := j.byName[s]; len(l) == 0 || l[len(l)-1] != i {
				j.byName[s] = append(l, i)
			}
		}
	}
	for _, o := range tr.Occasions() {
		if o.Subjects == nil {
			j.common = append(j.common, o)
		}
		for _, s := range o.Subjects {
			j.occasions[s] = append(j.occasions[s], o)
		}
	}
	j.found = make([][]rise, len(j.campaigns))
	return j
}

// of appends the campaigns that are under way and that a subject belongs to.
func (j *judge) of(subject string, at time.Time, list []int) []int {
	for _, i := range j.byName[subject] {
		c := j.campaigns[i]
		over := c.Kind == traffic.Poisoning && j.campaigns[i+1].Actions > 0 // what comes now is for the theft
		if c.Actions > 0 && !over && !at.Before(c.Start) && !at.After(c.End.Add(grace)) && !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	return list
}

// take counts an alert.
func (j *judge) take(a alert, at time.Time) {
	if at.Before(j.from) || a.subject == "" {
		return
	}
	under := j.of(a.subject, at, nil)
	for _, s := range a.also {
		under = j.of(s, at, under)
	}
	n := note{alert: a, at: at}
	for _, i := range under {
		c := j.campaigns[i]
		n.hit = append(n.hit, hit{i, c.Actions, at.Sub(c.Start)})
	}
	if j.keep {
		j.notes = append(j.notes, n)
	}
	j.count(n)
}

// count adds a note up with the others of its subject and day.
func (j *judge) count(n note) {
	k := dayOf{n.at.Unix() / 86400, n.subject, len(n.hit) > 0}
	d := j.days[k]
	if d == nil {
		d = &dayState{sources: map[string]float64{}, when: n.at}
		j.days[k] = d
	}
	if n.score <= d.sources[n.source] {
		return
	}
	d.sources[n.source] = n.score
	rest := 1.0
	for _, s := range sorted(d.sources) {
		rest *= 1 - d.sources[s]
	}
	d.risk = 1 - rest
	for _, h := range n.hit {
		if l := j.found[h.campaign]; len(l) == 0 || l[len(l)-1].risk < d.risk {
			j.found[h.campaign] = append(l, rise{d.risk, h.actions, h.after})
		}
	}
}

// weighed returns what the notes that were kept come to with other scores; one of zero leaves a note out.
func (j *judge) weighed(score func(n *note) float64) outcome {
	o := &judge{occasions: j.occasions, common: j.common, days: map[dayOf]*dayState{}}
	o.found = make([][]rise, len(j.found))
	for _, n := range j.notes {
		if n.score = score(&n); n.score > 0 {
			o.count(n)
		}
	}
	return o.end()
}

// end returns the outcome.
func (j *judge) end() outcome {
	for k, d := range j.days {
		if !k.attack {
			j.clean = append(j.clean, alarm{d.risk, k.subject, sorted(d.sources), j.occasion(k.subject, d.when)})
		}
	}
	slices.SortFunc(j.clean, func(a, b alarm) int {
		return cmp.Or(cmp.Compare(b.risk, a.risk), cmp.Compare(a.subject, b.subject))
	})
	return j.outcome
}

// occasion names the lively event that a subject's day belongs to.
func (j *judge) occasion(subject string, at time.Time) string {
	for _, o := range slices.Concat(j.occasions[subject], j.common) {
		if at.After(o.Start.Add(-time.Hour)) && at.Before(o.End.Add(24*time.Hour)) {
			return o.Kind
		}
	}
	return ""
}

func sorted[V any](m map[string]V) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// alertOf makes a finding an alert on whom it is about: the owner where one is known, so that findings on the
// owner's keys, sessions and accounts add up to one.
func alertOf(f *vedette.Finding) alert {
	a := alert{source: f.Detector, severity: f.Severity, raw: f.Score, summary: f.Summary, score: min(incident.Evidence(f), 0.999)}
	names := []string{f.Owner, f.Account, f.Credential, f.Source, f.JA4, f.Instrument}
	if f.Credential == "" && f.Account == "" && f.Owner == "" { // of a source
		names = []string{f.Source, f.JA4, f.Instrument, f.Venue}
	}
	for _, s := range slices.Concat(names, f.Related) {
		switch {
		case s == "":
		case a.subject == "":
			a.subject = s
		default:
			a.also = append(a.also, s)
		}
	}
	if p, err := netip.ParsePrefix(a.subject); err == nil && p.IsSingleIP() {
		a.also = append(a.also, p.Addr().String())
	}
	return a
}
