package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"vedette"
	"vedette/eval"
)

// replay measures vedette replay over judged calls of a venue's customers and attackers, with the default pack of
// rules and all detectors, against encoding/json that only decodes the same lines.
func (b *benches) replay(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bench-replay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "traffic.jsonl")
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = eval.CampaignConfig{Keys: 2000, Days: 3, Rate: 0.3}.WriteTraffic(out, eval.DevelopSeeds()[0], true)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	var core, clock, ratios []float64
	for range b.rounds {
		lines, took, busy, err := b.replayRound(ctx, name)
		if err != nil {
			return err
		}
		decoding, err := decodeRound(name)
		if err != nil {
			return err
		}
		core, clock = append(core, lines/busy.Seconds()), append(clock, lines/took.Seconds())
		ratios = append(ratios, decoding.Seconds()/busy.Seconds())
	}
	v := median(core)
	b.tell(figure{Bench: "replay", Case: "judged calls, all detectors", Value: v, Unit: "lines/s/core", Against: "encoding/json decoding them",
		Ratio: median(ratios), Goal: ">= 150k/s", Met: v >= 150e3})
	b.tell(figure{Bench: "replay", Case: "the same, by the clock", Value: median(clock), Unit: "lines/s"})
	return nil
}

// replayRound replays the file and returns its lines, the time that passed, and the processor time of this process.
func (b *benches) replayRound(ctx context.Context, name string) (lines float64, took, busy time.Duration, err error) {
	c, err := loadConfig("")
	if err != nil {
		return 0, 0, 0, err
	}
	p := &replayer{out: bufio.NewWriter(io.Discard)}
	if err := p.start(c, ""); err != nil {
		return 0, 0, 0, err
	}
	began, before := time.Now(), processorTime()
	err = p.file(ctx, b.env, name)
	p.monitor.Close()
	return float64(p.lines), time.Since(began), processorTime() - before, errors.Join(err, p.failed)
}

// decodeRound returns the processor time that encoding/json takes to decode the lines of the file.
func decodeRound(name string) (time.Duration, error) {
	in, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	before := processorTime()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var c vedette.Call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return 0, err
		}
	}
	return processorTime() - before, lines.Err()
}

// processorTime is what this process has taken of all processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("BUG: a process cannot ask for its own times: " + err.Error())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
