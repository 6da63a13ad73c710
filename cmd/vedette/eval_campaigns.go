package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"vedette/detect"
	"vedette/detect/behaviour"
	"vedette/detect/rule"
	"vedette/detect/ruleset"
	"vedette/eval"
)

// campaignFlags are the flags of vedette eval for the tracks F, I and J.
type campaignFlags struct {
	many   *int
	visits *int
	keys   *int
	rate   *float64
	seeds  *int
	write  *string
	only   *string
	ablate *bool
}

// defineCampaignFlags adds them to the command's, by the functions of its flag set.
func defineCampaignFlags(number func(string, int, string) *int, share func(string, float64, string) *float64, text func(string, string, string) *string, yes func(string, bool, string) *bool) campaignFlags {
	return campaignFlags{
		many:   number("many", 1_000_000, "track J: keys"),
		visits: number("visits", 8, "track J: calls of each key before anything is measured, half an hour apart: after 12, it is judged by its own past"),
		keys:   number("keys", 10_000, "tracks F, I: keys of the simulated venue"),
		rate:   share("rate", 0.3, "tracks F, I: share of the customers' calls that is simulated; 1 is some 150 a key and day"),
		seeds:  number("seeds", 20, "tracks F, I: sealed seeds"),
		write:  text("write", "", "track F: write one seed's traffic as JSONL for vedette replay, and its labels beside it, instead of measuring"),
		only:   text("only", "", "tracks F, I, J: only detectors whose names begin with one of these, by commas: access.,behaviour."),
		ablate: yes("ablate", false, "tracks F, I: on the development seeds alone, what is found without each detector, and how often clean weeks raise it"),
	}
}

// run measures track F, I or J.
func (f campaignFlags) run(e *env, track string) ([]eval.Figure, error) {
	n := len(eval.SealedSeeds())
	if *f.seeds < 1 || *f.seeds > n || *f.keys < 500 || *f.many < 500 || *f.visits < 1 || *f.rate <= 0 || *f.rate > 1 {
		return nil, usagef("want 1 to %d seeds, 500 keys or more, 1 visit or more, and a rate over 0 and up to 1", n)
	}
	detectors, err := f.detectors()
	if err != nil {
		return nil, err
	}
	if track == "J" {
		return eval.Cost(eval.CostConfig{Detectors: detectors, Keys: *f.many, Visits: *f.visits, Progress: func(part string, calls int, cpu time.Duration) {
			fmt.Fprintf(e.stderr, "%s: %d calls, %v of processor time\n", part, calls, cpu.Round(time.Millisecond))
		}})
	}
	c := eval.CampaignConfig{Detectors: detectors, Keys: *f.keys, Rate: *f.rate, Develop: eval.DevelopSeeds(), Sealed: eval.SealedSeeds()[:*f.seeds],
		Progress: func(seed uint64, calls int, took time.Duration) {
			fmt.Fprintf(e.stderr, "seed %d: %d scored calls, %v\n", seed, calls, took.Round(time.Millisecond))
		}}
	c.Develop = c.Develop[:min(len(c.Develop), *f.seeds)]
	switch {
	case *f.write != "":
		return nil, f.writeTraffic(c)
	case *f.ablate && track == "F":
		return eval.Ablate(c)
	case track == "F":
		return eval.Campaigns(c)
	}
	c.Sealed = c.Sealed[:min(len(c.Sealed), 5)] // weeks: five of them are 350,000 key-days
	c.Develop = c.Develop[:min(len(c.Develop), 5)]
	if *f.ablate {
		return eval.CleanRates(c)
	}
	return eval.Soak(eval.SoakConfig{CampaignConfig: c})
}

// detectors are the built-in ones, and the rules of the pack.
func (f campaignFlags) detectors() (list []*detect.Detector, err error) {
	set, err := ruleset.Default()
	if err != nil {
		return nil, err
	}
	for _, d := range slices.Concat(rule.All(), behaviour.All(), set.Detectors()) {
		if slices.ContainsFunc(strings.Split(*f.only, ","), func(prefix string) bool { return strings.HasPrefix(d.Name, prefix) }) {
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		return nil, usagef("no detector's name begins with any of %s", *f.only)
	}
	return list, nil
}

// writeTraffic writes a development seed's traffic and, to FILE.labels, a line for each campaign.
func (f campaignFlags) writeTraffic(c eval.CampaignConfig) error {
	out, err := os.Create(*f.write)
	if err != nil {
		return err
	}
	labels, err := c.WriteTraffic(out, c.Develop[0], true)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	var b strings.Builder
	for _, l := range labels {
		fmt.Fprintf(&b, "%s %v, from %s to %s, %d calls: %s\n", l.Kind, l.Pace, l.Start.Format(time.RFC3339), l.End.Format(time.RFC3339), l.Actions, strings.Join(l.Subjects, " "))
	}
	return os.WriteFile(*f.write+".labels", []byte(b.String()), 0o600)
}

// printFigures writes figures for people: a line each, cases together.
func printFigures(w io.Writer, list []eval.Figure) {
	for _, f := range list {
		fmt.Fprintf(w, "%s  %-34s %-36s %-34s %10.3f", f.Track, f.Case, f.Detector, f.Metric, f.Value)
		if f.High > 0 {
			fmt.Fprintf(w, "  [%.3f, %.3f]", f.Low, f.High)
		}
		if f.Baseline != "" {
			fmt.Fprintf(w, "   %s %.3f", f.Baseline, f.BaselineValue)
		}
		fmt.Fprintf(w, "   n=%d\n", f.N)
	}
}
