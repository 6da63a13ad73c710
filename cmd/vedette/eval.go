package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"vedette/eval"
)

var evalCommand = &command{name: "eval", args: "-data DIR [-track A,B,C,E] [-json]",
	short:   "Measure detection on public data, beside published figures",
	example: "vedette eval -track B -data ~/NAB",
	run:     runEval}

func runEval(_ context.Context, e *env, flags *flag.FlagSet) error {
	names := flags.String("track", strings.Join(eval.Tracks(), ","), "what to measure; docs/evaluation.md says what each is")
	dir := flags.String("data", "", "folder that holds the data, in the form in which it is published, or folders of it")
	asJSON := flags.Bool("json", false, "one JSON object per figure")
	if err := e.parse(flags); err != nil {
		return err
	}
	if *dir == "" || flags.NArg() > 0 {
		return usagef("say with -data where the data is")
	}
	measured := 0
	err := eval.Run(*dir, strings.Split(*names, ","), func(f eval.Figure) error {
		measured++
		if *asJSON {
			return f.WriteJSON(e.stdout)
		}
		return f.WriteText(e.stdout)
	}, func(track, want string) {
		fmt.Fprintf(e.stderr, "vedette eval: track %s is left out: there is no %s\n", track, want)
	})
	if err == nil && measured == 0 {
		return errNo
	}
	return err
}
