package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"vedette/eval"
)

// campaignTracks are those that make their own data.
var campaignTracks = []string{"F", "I", "J"}

var evalCommand = &command{name: "eval", args: "[-track A,B,C,D,E,F,I,J] [-data DIR] [-json]",
	short:   "Measure detection on public data and on labelled traffic, beside published figures and simpler ways",
	example: "vedette eval -track B -data ~/NAB",
	run:     runEval}

func runEval(_ context.Context, e *env, flags *flag.FlagSet) error {
	names := flags.String("track", strings.Join(append(eval.Tracks(), campaignTracks...), ","), "what to measure; docs/evaluation.md says what each is")
	dir := flags.String("data", "", "tracks A to E: folder that holds the data, in the form in which it is published, or folders of it")
	asJSON := flags.Bool("json", false, "one JSON object per figure")
	campaigns := defineCampaignFlags(flags.Int, flags.Float64, flags.String, flags.Bool)
	if err := e.parse(flags); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return usagef("no argument is wanted here, got %q", flags.Arg(0))
	}
	var public, made []string
	for _, name := range strings.Split(*names, ",") {
		if slices.Contains(campaignTracks, name) {
			made = append(made, name)
		} else {
			public = append(public, name)
		}
	}
	if len(public) > 0 && *dir == "" {
		return usagef("say with -data where the data of track %s is", strings.Join(public, ", "))
	}
	measured := 0
	err := eval.Run(*dir, public, func(f eval.Figure) error {
		measured++
		if *asJSON {
			return f.WriteJSON(e.stdout)
		}
		return f.WriteText(e.stdout)
	}, func(track, want string) {
		fmt.Fprintf(e.stderr, "vedette eval: track %s is left out: there is no %s\n", track, want)
	})
	if err == nil && measured == 0 && len(made) == 0 {
		return errNo
	}
	for _, track := range made {
		if err != nil {
			return err
		}
		var list []eval.Figure
		if list, err = campaigns.run(e, track); err == nil {
			err = showCampaigns(e, list, *asJSON)
		}
	}
	return err
}

func showCampaigns(e *env, list []eval.Figure, asJSON bool) error {
	if !asJSON {
		printFigures(e.stdout, list)
		return nil
	}
	for _, f := range list {
		if err := f.WriteJSON(e.stdout); err != nil {
			return err
		}
	}
	return nil
}
