package eval

import (
	"bufio"
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
	"vedette/detect/behaviour"
	"vedette/detect/rule"
	"vedette/detect/ruleset"
	"vedette/incident"
	"vedette/sensor/capture"
	"vedette/sim/traffic"
)

// strangers raises on every call with a key that nobody has: enough to find enumeration, and nothing else.
var strangers = detect.Define(detect.Detector{Name: "test.strangers", Version: 1, Since: "0", Title: "t", Why: "w", Look: "l", Severity: vedette.High,
	By: detect.BySource, Quiet: time.Minute, When: func(e *detect.Event) bool { return e.Reasons&detect.Reasons(vedette.UnknownKey) != 0 }},
	func(x *detect.Context, n *uint32) {
		if *n++; *n == 5 && x.Open() {
			x.Raise(detect.Raised{Score: 0.9, Summary: "s"})
		}
	})

func small() CampaignConfig {
	return CampaignConfig{Detectors: []*detect.Detector{strangers}, Keys: 500, Rate: 0.05, Develop: []uint64{1}, Sealed: []uint64{1001, 1002}}
}

// TestCampaigns wants the figures of a detector that finds one kind of campaign at its fifth action, and
// the same figures of another run.
func TestCampaigns(t *testing.T) {
	list, err := Campaigns(small())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range list {
		kind := f.Case == "key_enumeration/fast" || f.Case == "key_enumeration/medium" || f.Case == "key_enumeration/slow"
		switch {
		case f.Metric == "recall_at_50" && kind && f.Value != 1, f.Metric == "recall_at_50" && f.Case == "replay/fast" && f.Value != 0,
			f.Metric == "actions_median_at_50" && kind && f.Value != 5:
			t.Errorf("%+v", f)
		case f.Metric == "recall_at_50" && f.Baseline == "null" && f.BaselineValue != 0:
			t.Errorf("%+v", f)
		}
		if kind {
			seen++
		}
	}
	if seen == 0 {
		t.Error("no figures of key enumeration")
	}
	again, err := Campaigns(small())
	if err != nil || !reflect.DeepEqual(list, again) {
		t.Errorf("another run says otherwise; %v", err)
	}
}

// TestSoak wants figures of clean weeks and of thefts at each share.
func TestSoak(t *testing.T) {
	list, err := Soak(SoakConfig{CampaignConfig: small(), PoisonKeys: 200, PoisonSeeds: 1, Shares: []float64{0, 0.2}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"clean week": true, "theft_after_poisoning share 0%": true, "theft_after_poisoning share 20%": true, "poisoning share 20%": true}
	for _, f := range list {
		delete(want, f.Case)
		if f.Case == "poisoning share 0%" {
			t.Errorf("%+v", f)
		}
	}
	if len(want) > 0 {
		t.Errorf("no figures of %v", want)
	}
}

// TestCutoff wants no more false alerts than the budget on what the cutoff is chosen on.
func TestCutoff(t *testing.T) {
	c := CampaignConfig{Keys: 10_000, Days: 3, Warm: 1}
	o := outcome{}
	for i := range 25 {
		o.clean = append(o.clean, alarm{risk: float64(i+1) / 100})
	}
	for _, test := range []struct {
		budget, false int
	}{{5, 10}, {20, 25}} {
		cut := c.cutoff([]outcome{o}, test.budget)
		got := c.tally([]run{{ours: o}}, ours, cut, everyCampaign).falseAlerts
		if got != test.false {
			t.Errorf("budget %d: %d false alerts in two days, want %d", test.budget, got, test.false)
		}
	}
}

// TestJudge wants alerts to count for a campaign while it is under way, and only for its subjects; findings of
// a day to add up; and what comes before the scored days not to count.
func TestJudge(t *testing.T) {
	at := func(h int) time.Time { return start.Add(time.Duration(h) * time.Hour) }
	j := &judge{campaigns: []*traffic.Campaign{{Kind: "k", Start: at(24), End: at(30), Actions: 7}}, byName: map[string][]int{"key": {0}}, from: at(10),
		days: map[dayOf]*dayState{}, outcome: outcome{found: make([][]rise, 1)}}
	j.take(alert{subject: "x", source: "a", score: 0.5}, at(1))
	j.take(alert{subject: "x", source: "a", score: 0.5}, at(11))
	j.take(alert{subject: "x", source: "b", score: 0.5}, at(12))
	j.take(alert{subject: "owner", also: []string{"key"}, source: "a", score: 0.4}, at(13)) // before it began
	j.take(alert{subject: "owner", also: []string{"key"}, source: "a", score: 0.4}, at(25))
	j.take(alert{subject: "owner", also: []string{"key"}, source: "a", score: 0.6}, at(26))
	j.take(alert{subject: "owner", also: []string{"key"}, source: "a", score: 0.9}, at(32)) // after it ended
	o := j.end()
	var got []string
	for _, a := range o.clean {
		got = append(got, fmt.Sprintf("%s %.2f", a.subject, a.risk))
	}
	if want := []string{"owner 0.90", "x 0.75", "owner 0.40"}; !reflect.DeepEqual(got, want) {
		t.Errorf("clean %v, want %v", got, want)
	}
	if want := [][]rise{{{0.4, 7, time.Hour}, {0.6, 7, 2 * time.Hour}}}; !reflect.DeepEqual(o.found, want) {
		t.Errorf("found %v, want %v", o.found, want)
	}
}

// TestWriteTraffic wants lines that replay reads.
func TestWriteTraffic(t *testing.T) {
	var b bytes.Buffer
	labels, err := small().WriteTraffic(&b, 1, true)
	if err != nil || len(labels) != len(traffic.Kinds())*len(traffic.Paces()) {
		t.Fatalf("%d labels, %v", len(labels), err)
	}
	n := 0
	if err := capture.ReadJudged(bufio.NewReader(&b), false, func(*capture.Judged) error { n++; return nil }); err != nil || n < 10_000 {
		t.Errorf("read %d calls: %v", n, err)
	}
}

// TestMeasured wants what incidents trust less to be detectors that there are: a renamed one would be trusted fully.
func TestMeasured(t *testing.T) {
	set, err := ruleset.Default()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range slices.Concat(rule.All(), behaviour.All(), set.Detectors()) {
		names = append(names, d.Name)
	}
	for _, name := range incident.Measured() {
		if !slices.Contains(names, name) {
			t.Errorf("there is no detector %s", name)
		}
	}
}

// TestAblate wants the one detector that raised anything left out, and nothing found by that.
func TestAblate(t *testing.T) {
	list, err := Ablate(small())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range list {
		if f.Metric == "recall_of_alerts" {
			found[f.Case+" "+f.Detector] = f.Value
		}
	}
	if len(found) != 2 || found["with all"] == 0 || found["without test.strangers"] != 0 {
		t.Error(found)
	}
	if list, err = CleanRates(small()); err != nil || len(list) == 0 {
		t.Errorf("%v %v", list, err)
	}
}
