package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vedette"
	"vedette/detect"
	"vedette/detect/behaviour"
	"vedette/detect/rule"
	"vedette/detect/ruleset"
	"vedette/internal/durable"
	"vedette/internal/strictyaml"
	"vedette/pipeline"
	"vedette/sensor/capture"
)

// detectConfig is how conduct is detected.
type detectConfig struct {
	Shards        int                           `yaml:"shards"`
	Subjects      int                           `yaml:"subjects"`
	SnapshotEvery *strictyaml.Duration          `yaml:"snapshot_every"`
	Params        map[string]map[string]float64 `yaml:"params"`
}

// rulesConfig names the rules that run beside the built-in detectors.
type rulesConfig struct {
	Pack  *bool    `yaml:"pack"` // the default pack; on unless said otherwise
	Files []string `yaml:"files"`
}

// rules reads the rules: the default pack, and over it the files, which may replace rules of it.
func (c *config) rules() (*ruleset.Set, error) {
	set := &ruleset.Set{}
	if c.Rules.Pack == nil || *c.Rules.Pack {
		var err error
		if set, err = ruleset.Default(); err != nil {
			return nil, err
		}
	}
	if len(c.Rules.Files) == 0 {
		return set, nil
	}
	var files []string
	for _, f := range c.Rules.Files {
		files = append(files, c.file(f))
	}
	own, err := ruleset.Load(files...)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return set.With(own), nil
}

// rulesSum is a hash of all that rules read: where it is the same, nothing changes on a reload.
func (c *config) rulesSum() (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	fmt.Fprintln(h, c.Rules.Pack == nil || *c.Rules.Pack)
	for _, f := range c.Rules.Files {
		err = errors.Join(err, filepath.WalkDir(c.file(f), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			fmt.Fprintf(h, "%q %d\n%s", name, len(b), b)
			return err
		}))
	}
	return [sha256.Size]byte(h.Sum(nil)), err
}

// The state of detection in the data folder.
const (
	snapshotName  = "detect.snapshot"
	detectKeyName = "detect.key"
	snapshotEvery = 5 * time.Minute
	// learnedMuch is how many calls a start reads from the ledger, some 50 ms, after which it saves what it learned at once: else one that is
	// killed again and again before it saves would take longer each time.
	learnedMuch = 5000
)

// detection returns what the engine is made of, but for its key.
func (c *config) detection() (detect.Config, error) {
	set, err := c.rules()
	if err != nil {
		return detect.Config{}, err
	}
	d := detect.Config{Detectors: slices.Concat(rule.All(), behaviour.All(), set.Detectors()), Params: c.Detect.Params, Shards: c.Detect.Shards, Subjects: c.Detect.Subjects}
	switch every := c.snapshotEvery(); {
	case d.Shards < 0 || d.Shards > detect.MaxShards:
		return d, fmt.Errorf("detect: shards %d is not between 0 and %d", d.Shards, detect.MaxShards)
	case d.Subjects != 0 && (d.Subjects < minSubjects || d.Subjects > maxSubjects):
		return d, fmt.Errorf("detect: subjects %d is not between %d and %d", d.Subjects, minSubjects, maxSubjects)
	case every < time.Second || every > 24*time.Hour:
		return d, fmt.Errorf("detect: snapshot_every %v is not between 1s and 24h", every)
	}
	trial := d
	trial.Shards, trial.Subjects = 0, minSubjects
	_, err = detect.New(trial)
	return d, err
}

// Bounds of detect.subjects: fewer would forget a small venue's keys, more would take over 64 GiB.
const (
	minSubjects = 1 << 10
	maxSubjects = 1 << 24
)

func (c *config) snapshotEvery() time.Duration {
	if c.Detect.SnapshotEvery == nil {
		return snapshotEvery
	}
	return duration(c.Detect.SnapshotEvery)
}

// detectKey returns the key that subjects are hashed with, made at the first start.
func detectKey(dir string) (k [16]byte, err error) {
	name := filepath.Join(dir, detectKeyName)
	b, err := durable.ReadFile(durable.OS{}, name, int64(len(k)))
	if errors.Is(err, fs.ErrNotExist) {
		rand.Read(k[:])
		return k, durable.Create(durable.OS{}, name, k[:], 0o600)
	}
	if err == nil && len(b) != len(k) {
		err = fmt.Errorf("cannot use %s: it has %d bytes, want %d; remove it, and %s: what was learned is lost then", name, len(b), len(k), snapshotName)
	}
	copy(k[:], b)
	return k, err
}

// startDetection begins where the ledger ends. What playbooks do about a finding of before can be done by now.
func (a *app) startDetection(context.Context) error {
	err := a.resumeDetection()
	a.resumed = err == nil
	return err
}

// resumeDetection brings the detectors to where the ledger ends.
func (a *app) resumeDetection() error {
	name := a.snapshot
	var snapshot io.Reader
	f, err := os.Open(name)
	switch {
	case err == nil:
		defer f.Close()
		snapshot = f
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	began := time.Now()
	calls, err := a.monitor.Resume(snapshot, a.records, decodeCalls())
	if errors.Is(err, detect.ErrSnapshot) {
		a.log.Warn("what was learned cannot be used; it is learned again from the ledger", "file", name, "error", err)
		calls, err = a.monitor.Resume(nil, a.records, decodeCalls())
	}
	if err != nil {
		return err
	}
	if calls >= learnedMuch {
		a.saveSoon()
	}
	a.log.Info("detection resumed", "snapshot", snapshot != nil, "calls_from_ledger", calls, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// records reads the ledger from a position on.
func (a *app) records(from uint64, f func(uint64, []byte) error) error {
	size := a.ledger.Size()
	if from = max(from, a.ledger.First()); from >= size {
		return nil
	}
	return a.ledger.Read(from, size, f)
}

// decodeCalls returns what reads the calls' records. A call is valid until the next.
func decodeCalls() pipeline.Decode {
	p, c := capture.EventParser{Lenient: true}, &vedette.Call{}
	return func(record []byte) (*vedette.Call, error) {
		_, err := p.Parse(record, c)
		return c, err
	}
}

// saveDetection writes a snapshot. It is put in place when the ledger has what it speaks of: after a
// power cut it must not know more.
func (a *app) saveDetection() error {
	return durable.ReplaceWith(durable.OS{}, a.snapshot, 0o600, func(w io.Writer) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return a.monitor.Snapshot(ctx, w)
	})
}

// keepDetection saves what was learned from time to time.
func (a *app) keepDetection(ctx context.Context, every time.Duration) {
	defer a.wg.Done()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-a.saveNow:
		}
		a.report("detection", a.saveDetection())
	}
}
