package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

var benchCommand = &command{name: "bench", args: "[-only inline,verify,ledger,memory,respond,replay] [-for 3s] [-rounds 5] [-rate 2000,20000] [-json]",
	short:   "Measure speed, as ratios against baselines of the same run",
	example: "vedette bench -only inline -rounds 5",
	run:     runBench}

// figure is one measured number; -json prints them as docs/formats.md says.
type figure struct {
	Bench   string  `json:"bench"`
	Case    string  `json:"case"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Against string  `json:"against"`
	Ratio   float64 `json:"ratio"` // value by the baseline's
	RSS     int64   `json:"rss_bytes,omitempty"`
	Allocs  float64 `json:"allocs_per_op"`
	Goal    string  `json:"goal,omitempty"`
	Met     bool    `json:"met"`
}

// benches is one run of the bench command.
type benches struct {
	*env
	rounds  int
	length  time.Duration
	rates   string
	json    bool
	figures []figure
}

func runBench(ctx context.Context, e *env, flags *flag.FlagSet) error {
	b := &benches{env: e}
	only := flags.String("only", "verify,ledger,memory,replay,inline,respond", "which parts to measure")
	role := flags.String("role", "", "used by the bench itself: play a part of it in a process of its own")
	flags.DurationVar(&b.length, "for", 3*time.Second, "length of one measurement")
	flags.IntVar(&b.rounds, "rounds", 5, "rounds; the median ratio of paired rounds is told")
	flags.StringVar(&b.rates, "rate", respondRates, "orders a second of others while respond attacks; a run for each")
	flags.BoolVar(&b.json, "json", false, "one JSON object per figure")
	if err := e.parse(flags); err != nil {
		return err
	}
	if *role != "" {
		return playRole(ctx, e, *role, flags.Args())
	}
	parts := map[string]func(context.Context) error{"verify": b.verify, "ledger": b.ledger, "memory": b.memory, "inline": b.inline, "respond": b.respond, "replay": b.replay}
	for _, name := range strings.Split(*only, ",") {
		run := parts[name]
		if run == nil {
			return usagef("unknown part %q: want of inline,verify,ledger,memory,respond,replay", name)
		}
		if err := run(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if !b.json {
		fmt.Fprintf(e.stdout, "%d cores, %s; figures of one machine at one time: compare the ratios\n", runtime.NumCPU(), runtime.Version())
	}
	return nil
}

// tell prints a figure.
func (b *benches) tell(f figure) {
	b.figures = append(b.figures, f)
	if b.json {
		json.NewEncoder(b.stdout).Encode(f)
		return
	}
	goal := ""
	if f.Goal != "" {
		goal = "  goal " + f.Goal + ": met"
		if !f.Met {
			goal = "  goal " + f.Goal + ": NOT met"
		}
	}
	against := ""
	if f.Against != "" {
		against = fmt.Sprintf("  %.2f of %s", f.Ratio, f.Against)
	}
	fmt.Fprintf(b.stdout, "%-8s %-44s %12.5g %-16s%s%s\n", f.Bench, f.Case, f.Value, f.Unit, against, goal)
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	if len(v) == 0 {
		return 0
	}
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

// rss returns the resident memory of a process in bytes.
func rss(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb << 10, nil
		}
	}
	return 0, errors.New("no VmRSS")
}
