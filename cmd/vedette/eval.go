package main

import (
	"context"
	"encoding/json"
	"flag"
	"strings"

	"vedette/eval"
)

var evalCommand = &command{name: "eval", args: "[-track F,I] [-json]",
	short:   "Measure detection on labelled traffic, beside simpler ways",
	example: "vedette eval -track F -seeds 3 -keys 2000",
	run:     runEval}

func runEval(_ context.Context, e *env, flags *flag.FlagSet) error {
	tracks := flags.String("track", "F,I", "tracks to run")
	asJSON := flags.Bool("json", false, "print one JSON object a figure")
	campaigns := defineCampaignFlags(flags.Int, flags.Float64, flags.String)
	if err := e.parse(flags); err != nil {
		return err
	}
	enc := json.NewEncoder(e.stdout)
	for _, track := range strings.Split(*tracks, ",") {
		var list []eval.Figure
		var err error
		switch track {
		case "F", "I":
			list, err = campaigns.run(e, track)
		default:
			err = usagef("there is no track %q", track)
		}
		if err != nil {
			return err
		}
		if !*asJSON {
			printFigures(e.stdout, list)
			continue
		}
		for _, f := range list {
			if err := enc.Encode(f); err != nil {
				return err
			}
		}
	}
	return nil
}
