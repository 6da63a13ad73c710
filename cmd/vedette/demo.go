package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"vedette"
	"vedette/ledger"
	"vedette/sim"
)

var demoCommand = &command{name: "demo", args: "[-headless] [-for 60s] [-seed 7] [-json]",
	short:   "A venue, traders, attackers and the monitor on this machine",
	example: "vedette demo -headless -for 30s -seed 7 -json",
	run:     runDemo}

// demoOptions are the flags of the demo.
type demoOptions struct {
	headless, json, keep bool
	length               time.Duration
	seed                 uint64
	rate                 float64
	traders              int
	dir, listen, ops     string
}

func runDemo(ctx context.Context, e *env, flags *flag.FlagSet) error {
	o := &demoOptions{}
	flags.BoolVar(&o.headless, "headless", false, "no live view")
	flags.BoolVar(&o.json, "json", false, "end with one line of JSON")
	flags.DurationVar(&o.length, "for", 0, "how long, attacks spread over it; 60s headless, 2m otherwise")
	flags.Uint64Var(&o.seed, "seed", 7, "what traders and attackers do follows from it")
	flags.Float64Var(&o.rate, "rate", 200, "calls a second of all traders")
	flags.IntVar(&o.traders, "traders", 20, "how many trade")
	flags.StringVar(&o.dir, "dir", "", "data folder; a temporary one, removed at the end, if not given")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "where the monitor stands; port 0 takes a free one")
	flags.StringVar(&o.ops, "ops", "127.0.0.1:9464", "where the page and /metrics are; port 0 takes a free one")
	if err := e.parse(flags); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return usagef("no argument is wanted, got %q", flags.Arg(0))
	}
	if o.length == 0 {
		o.length = time.Minute
		if !o.headless && e.terminal {
			o.length = 2 * time.Minute // the attacks spread over it: long enough to look, short enough to see some soon
		}
	}
	d := &demo{env: e, o: o}
	return d.run(ctx)
}

// demo is a demo under way.
type demo struct {
	*env
	o     *demoOptions
	world *sim.World
	app   *app

	mu    sync.Mutex
	found []raised
}

// raised is a finding with how far the attacks were when it was raised.
type raised struct {
	*vedette.Finding
	at      time.Time
	actions map[string]int // by request id of the injection
}

func (d *demo) run(ctx context.Context) error {
	tuneMemory()
	if d.o.dir == "" {
		dir, err := os.MkdirTemp("", "vedette-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		d.o.dir = dir
	}
	var err error
	d.world, err = sim.New(sim.Config{Seed: d.o.seed, Traders: d.o.traders, Rate: d.o.rate, Duration: d.o.length, Addresses: true})
	if err != nil {
		return err
	}
	defer d.world.Close()
	c, err := d.config()
	if err != nil {
		return err
	}
	live := d.terminal && !d.o.headless
	log := discardLog()
	if !live {
		log = slog.New(slog.NewTextHandler(d.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	d.app, err = startApp(ctx, c, func(string) string { return "" }, log, systemClock())
	if err != nil {
		return err
	}
	closed := false
	defer func() {
		if !closed {
			d.app.close()
		}
	}()
	report, err := d.play(ctx, live)
	if err != nil {
		return err
	}
	stats := d.app.monitor.Stats()
	d.app.close() // commits everything, so that the ledger can be verified whole
	closed = true
	return d.conclude(report, stats.Denied+stats.Throttled+stats.SteppedUp)
}

// config puts a monitor that refuses in front of the simulated venue.
func (d *demo) config() (*config, error) {
	if err := os.MkdirAll(d.o.dir, 0o700); err != nil {
		return nil, err
	}
	keys := filepath.Join(d.o.dir, "keys.yaml")
	if err := os.WriteFile(keys, []byte(d.world.KeysYAML()), 0o600); err != nil {
		return nil, err
	}
	c := defaultConfig()
	c.Dir, c.Mode, c.Ops = d.o.dir, "enforce", d.o.ops
	c.Listeners = []listenerConfig{{Address: d.o.listen}}
	c.Venues = []venueConfig{{Name: "binance", Upstream: d.world.REST()}}
	// The simulated venue squeezes a day into a minute: rules that count withdrawals in minutes are right
	// to raise, and the demo has no label for it.
	c.Rules.Pack = new(bool)
	c.Trusted = []string{"127.0.0.1"}
	c.Keys.File = keys
	return c, c.check()
}

// play lets traders and attackers loose and watches until they are done.
func (d *demo) play(ctx context.Context, live bool) (sim.Report, error) {
	addr := d.app.proxy.Addr(d.o.listen).String()
	run, err := d.world.Start(ctx, sim.Target{REST: "http://" + addr, WS: "ws://" + addr})
	if err != nil {
		return sim.Report{}, err
	}
	d.app.findings.mu.Lock()
	d.app.findings.watch = func(f *vedette.Finding) { d.note(f, run) }
	d.app.findings.mu.Unlock()
	if !live {
		d.app.announce(d.stderr)
		fmt.Fprintf(d.stderr, "%d traders and their attackers are at work for %v\n", d.o.traders, d.o.length)
	}
	inner, stop := context.WithCancel(ctx)
	go func() {
		<-run.Done()
		stop()
	}()
	d.app.untilEnd(inner, d.env, live)
	run.Stop()
	report := run.Wait()
	time.Sleep(100 * time.Millisecond) // the detectors' queue
	return report, nil
}

func (d *demo) note(f *vedette.Finding, run *sim.Run) {
	r := raised{Finding: f, at: time.Now(), actions: map[string]int{}}
	for _, i := range run.Injected() {
		r.actions[i.Request] = i.Actions
	}
	d.mu.Lock()
	d.found = append(d.found, r)
	d.mu.Unlock()
}

// outcome is the demo's last line.
type outcome struct {
	Seed        uint64           `json:"seed"`
	Calls       int64            `json:"calls"`
	Injected    []injectedResult `json:"injected"`
	Found       int              `json:"found"`
	Missed      int              `json:"missed"`
	FalseAlerts int              `json:"false_alerts"`
	Refused     uint64           `json:"refused"`
	Ledger      string           `json:"ledger"`
	Records     uint64           `json:"records"`
	Audit       string           `json:"venue_audit"`
	False       []string         `json:"false,omitempty"`
}

type injectedResult struct {
	Kind            string    `json:"kind"`
	Variant         string    `json:"variant"`
	Subject         string    `json:"subject"`
	At              time.Time `json:"at"`
	Actions         int       `json:"actions"`
	Refused         int       `json:"refused"`
	Found           bool      `json:"found"`
	Finding         string    `json:"finding"`
	ActionsToDetect int       `json:"actions_to_detect"`
}

// conclude matches what was injected with what was found.
func (d *demo) conclude(report sim.Report, refused uint64) error {
	out := outcome{Seed: d.o.seed, Calls: report.Calls, Refused: refused, Audit: report.Audit, Injected: []injectedResult{}}
	used := map[string]bool{}
	for _, i := range report.Injected {
		res := injectedResult{Kind: i.Kind, Variant: i.Variant, Subject: i.Subject, At: i.At, Actions: i.Actions, Refused: i.Refused}
		for _, f := range d.found {
			if f.Detector != i.Kind || f.Credential != i.Subject && f.Source != i.Subject || f.Time.Before(i.At.Add(-time.Second)) {
				continue
			}
			used[f.ID] = true
			if !res.Found {
				res.Found, res.Finding, res.ActionsToDetect = true, f.ID, max(1, f.actions[i.Request])
			}
		}
		if res.Found {
			out.Found++
		} else {
			out.Missed++
		}
		out.Injected = append(out.Injected, res)
	}
	d.falseAlerts(report.Injected, used, &out)
	var err error
	if out.Ledger, out.Records, err = d.verifyLedger(); err != nil {
		return err
	}
	if d.o.json {
		return json.NewEncoder(d.stdout).Encode(out)
	}
	d.tell(&out)
	return nil
}

// falseAlerts counts findings that no attack explains. A finding of another kind on
// an attacked credential within the attack is a side of the attack, not a false
// alert: a moved request that is also stale, for example.
func (d *demo) falseAlerts(injected []sim.Injection, used map[string]bool, out *outcome) {
	for _, f := range d.found {
		explained := used[f.ID] || slices.ContainsFunc(injected, func(i sim.Injection) bool {
			return (f.Credential != "" && f.Credential == i.Credential || f.Source == i.Source) && !f.Time.Before(i.At.Add(-time.Second))
		})
		if !explained {
			out.FalseAlerts++
			out.False = append(out.False, f.Detector+": "+f.Summary)
		}
	}
}

// verifyLedger reads the whole ledger again, as an outsider would.
func (d *demo) verifyLedger() (string, uint64, error) {
	dir := filepath.Join(d.o.dir, "ledger")
	b, err := os.ReadFile(filepath.Join(dir, "ledger.pub"))
	if err != nil {
		return "", 0, err
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(b)))
	if err != nil {
		return "", 0, err
	}
	r, err := ledger.Verify(dir, ledger.VerifyOptions{Origin: v.Name(), Verifiers: note.VerifierList(v)})
	if err != nil {
		return "", 0, err
	}
	if !r.OK() {
		return "damaged: " + r.Problems[0].Detail, r.Size, nil
	}
	return "verified", r.Size, nil
}

func (d *demo) tell(out *outcome) {
	w := d.stdout
	fmt.Fprintf(w, "%d calls, %d refused, ledger of %d records %s, the venue's books %s\n\n", out.Calls, out.Refused, out.Records, out.Ledger, out.Audit)
	for _, i := range out.Injected {
		state := "MISSED"
		if i.Found {
			state = fmt.Sprintf("found after %d of %d actions", i.ActionsToDetect, i.Actions)
		}
		fmt.Fprintf(w, "  %-30s %-18s %-28s %s\n", i.Kind, i.Variant, cut(i.Subject, 28), state)
	}
	fmt.Fprintf(w, "\n%d attacks, %d found, %d missed, %d false alerts\n", len(out.Injected), out.Found, out.Missed, out.FalseAlerts)
	for _, f := range out.False {
		fmt.Fprintf(w, "  false: %s\n", f)
	}
}
