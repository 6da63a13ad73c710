package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"vedette"
	"vedette/detect"
	"vedette/gate"
	"vedette/incident"
	"vedette/keyring"
	"vedette/pipeline"
	"vedette/sensor/capture"
	"vedette/verify"
)

var replayCommand = &command{name: "replay", args: "[-c vedette.yaml] [-keys keys.yaml] FILE…",
	short:   "Run recorded traffic through the whole pipeline; findings as JSONL",
	example: "vedette replay -keys keys.yaml monday.jsonl",
	run:     runReplay}

func runReplay(ctx context.Context, e *env, flags *flag.FlagSet) error {
	path := flags.String("c", "", "configuration: its gate and keys are used, nothing is written to its ledger")
	keysFile := flags.String("keys", "", "keys.yaml, if not that of the configuration")
	lenient := flags.Bool("lenient", false, "skip members of JSONL events that are not known")
	name := flags.String("venue", "", "dialect of every request; without it, told by the record, the host or the key")
	if err := e.parse(flags); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return usagef("no file given; - reads standard input")
	}
	c, err := loadConfig(*path)
	if err != nil {
		return err
	}
	if *keysFile != "" {
		c.Keys.File, c.path = *keysFile, ""
	}
	p := &replayer{out: bufio.NewWriter(e.stdout), lenient: *lenient}
	defer p.out.Flush()
	if err := p.start(c, *name); err != nil {
		return err
	}
	began := time.Now()
	for _, file := range flags.Args() {
		p.before += p.lines
		p.lines = 0
		if err := p.file(ctx, e, file); err != nil {
			return err
		}
	}
	p.monitor.Close()
	s := p.monitor.Stats()
	d := p.monitor.Detection()
	fmt.Fprintf(e.stderr, "%d calls in %v, %.0f calls/s, %d findings in %d incidents; state %d MiB, %d late, %d dropped\n", s.Calls,
		time.Since(began).Round(time.Millisecond), float64(s.Calls)/time.Since(began).Seconds(), s.Findings, p.joiner.Stats().Incidents, d.Bytes>>20,
		d.Late, d.Refused)
	for v := vedette.Verdict(1); int(v) < vedette.Verdicts; v++ {
		if s.Verdicts[v] > 0 {
			fmt.Fprintf(e.stderr, "  %-13s %d\n", v, s.Verdicts[v])
		}
	}
	return errors.Join(p.leftOut(e.stderr), p.failed)
}

// judged shows calls that were judged before to the detectors.
func (p *replayer) judged(ctx context.Context, name string, in io.Reader) error {
	err := capture.ReadJudged(in, p.lenient, func(j *capture.Judged) error {
		p.lines = j.Line
		p.monitor.Observe(uint64(p.before+p.lines), &j.Call)
		return ctx.Err()
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// replayer runs recorded traffic through a monitor of its own.
type replayer struct {
	checker
	out    *bufio.Writer
	joiner *incident.Joiner
	before int // lines of earlier files
	lines  int // of this file, up to the unit at hand
	failed error

	lenient bool // members of events that are not known are skipped
}

func (p *replayer) start(c *config, name string) error {
	dialects, err := c.dialects()
	if err != nil {
		return err
	}
	p.dialects = withBuiltIn(dialects)
	if name != "" {
		if p.only = findDialect(p.dialects, name); p.only == nil {
			return usagef("unknown venue %q", name)
		}
	}
	options := verify.KeyOptions(p.dialects)
	p.ring = keyring.New(options)
	if c.Keys.File != "" {
		specs, err := keyring.Importer{Options: options}.File(c.file(c.Keys.File))
		if err != nil {
			return err
		}
		for _, s := range specs {
			if err := p.ring.Add(s, time.Time{}); err != nil {
				return err
			}
		}
	}
	gc, err := c.gateConfig()
	if err != nil {
		return err
	}
	g, err := gate.New(gc)
	if err != nil {
		return err
	}
	bearers, err := c.bearers(func() time.Time { return p.now }, nil)
	if err != nil {
		return err
	}
	detection, err := c.detection()
	if err != nil {
		return err
	}
	detection.Tolerance = detect.DefaultTolerance
	feeds, err := c.openIntel(func() time.Time { return p.now }, nil)
	if err != nil {
		return err
	}
	payloads, err := c.payloads(func(err error) { p.failed = err })
	if err != nil {
		return err
	}
	parties := pipeline.NewParties(p.ring)
	p.joiner = parties.Incidents("", 0, feeds)
	enc := json.NewEncoder(p.out)
	p.monitor, err = pipeline.New(pipeline.Config{Gate: g, Intel: feeds, Payloads: payloads, Log: nowhere{}, Inline: true, Now: func() time.Time { return p.now }, Detect: detection, Incidents: p.joiner, Parties: parties,
		Position: func() uint64 { return uint64(p.before + p.lines) },
		Finding: func(f *vedette.Finding) {
			if err := enc.Encode(f); err != nil {
				p.failed = err
			}
		},
		Verifier: verify.New(verify.Config{Keys: p.ring, Window: verify.NewWindow(c.replayEntries()), Bearer: verifyBearer(bearers),
			Increasing: verify.NewNonces(nonceCredentials, 1), Highest: verify.NewNonces(nonceWallets, 100), Issued: verify.NewIssued(verify.DefaultIssued)})})
	return err
}

func (p *replayer) file(ctx context.Context, e *env, name string) error {
	in, err := e.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	br := bufio.NewReaderSize(in, 1<<16)
	if capture.IsJudged(br) {
		return p.judged(ctx, name, br)
	}
	return p.capture(ctx, name, br, func(u *capture.Unit) error {
		p.lines = u.Index + 1
		return p.judge(u, nil)
	})
}
