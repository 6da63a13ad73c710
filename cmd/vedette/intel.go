package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"vedette/api"
	"vedette/intel"
	"vedette/internal/strictyaml"
)

// intelConfig is the threat intelligence of vedette.yaml.
type intelConfig struct {
	OwnRanges []string     `yaml:"own_ranges"`
	Feeds     []feedConfig `yaml:"feeds"`
}

type feedConfig struct {
	Name          string               `yaml:"name"`
	Format        string               `yaml:"format"`
	Kind          string               `yaml:"kind"`
	Column        string               `yaml:"column"`
	URL           string               `yaml:"url"`
	File          string               `yaml:"file"`
	Collection    string               `yaml:"collection"`
	Refresh       *strictyaml.Duration `yaml:"refresh"`
	TTL           *strictyaml.Duration `yaml:"ttl"`
	Confidence    *int                 `yaml:"confidence"`
	MinConfidence int                  `yaml:"min_confidence"`
	Action        string               `yaml:"action"`
	TokenFile     string               `yaml:"token_file"`
	User          string               `yaml:"user"`
	PasswordFile  string               `yaml:"password_file"`
	CA            string               `yaml:"ca"`
}

// intelConfig returns the feeds, and our own addresses, to which trusted hops belong.
func (c *config) intelConfig() (out intel.Config, err error) {
	out.Dir = filepath.Join(c.Dir, "intel")
	if out.Own, err = ranges(c.Intel.OwnRanges); err != nil {
		return out, fmt.Errorf("intel: own_ranges: %w", err)
	}
	hops, err := ranges(c.Trusted)
	if err != nil {
		return out, fmt.Errorf("trusted_hops: %w", err)
	}
	out.Own = append(out.Own, hops...)
	for i := range c.Intel.Feeds {
		f, err := c.feed(&c.Intel.Feeds[i])
		if err != nil {
			return out, fmt.Errorf("intel: feed %q: %w", c.Intel.Feeds[i].Name, err)
		}
		out.Feeds = append(out.Feeds, f)
	}
	if err := intel.Check(out.Feeds...); err != nil {
		return out, fmt.Errorf("intel: %w", err)
	}
	return out, nil
}

func (c *config) feed(f *feedConfig) (out intel.Feed, err error) {
	out = intel.Feed{Name: f.Name, Format: intel.Format(f.Format), Column: f.Column, URL: f.URL, File: c.file(f.File), Collection: f.Collection,
		Refresh: duration(f.Refresh), TTL: duration(f.TTL), TokenFile: c.file(f.TokenFile), User: f.User, PasswordFile: c.file(f.PasswordFile)}
	if out.File != "" { // a copy is that of a place, whatever folder the command is started in
		if out.File, err = filepath.Abs(out.File); err != nil {
			return out, err
		}
	}
	if err = out.Kind.UnmarshalText([]byte(f.Kind)); err != nil {
		return out, err
	}
	if f.Action != "" {
		if err = out.Action.UnmarshalText([]byte(f.Action)); err != nil {
			return out, err
		}
	}
	confidence := intel.DefaultConfidence
	if f.Confidence != nil {
		confidence = *f.Confidence
	} else if out.Format == intel.MMDB {
		confidence = 0
	}
	for _, n := range []int{confidence, f.MinConfidence} {
		if n < 0 || n > 100 {
			return out, fmt.Errorf("a confidence of %d is not between 0 and 100", n)
		}
	}
	out.Confidence, out.MinConfidence = uint8(confidence), uint8(f.MinConfidence)
	if f.CA != "" {
		if out.TLS, err = trust(c.file(f.CA)); err != nil {
			return out, fmt.Errorf("ca: %w", err)
		}
	}
	return out, nil
}

// checkFeedFiles reads what feeds need at each refresh.
func (c *config) checkFeedFiles() error {
	for _, f := range c.Intel.Feeds {
		for _, name := range []string{f.File, f.TokenFile, f.PasswordFile} {
			if name == "" {
				continue
			}
			if _, err := os.Stat(c.file(name)); err != nil {
				return fmt.Errorf("intel: feed %q: %w", f.Name, err)
			}
		}
	}
	return nil
}

// openIntel opens the feeds with their last good copies.
func (c *config) openIntel(now func() time.Time, told func(intel.Status)) (*intel.Feeds, error) {
	ic, err := c.intelConfig()
	if err != nil {
		return nil, err
	}
	ic.Now, ic.Told, ic.Jitter = now, told, rand.Float64
	return intel.Open(ic)
}

func (a *app) startIntel(context.Context) (err error) {
	a.intel, err = a.config.openIntel(a.now, a.tellIntel)
	return err
}

// runIntel tells what is wrong with the stored copies, and keeps the feeds fresh.
func (a *app) runIntel(ctx context.Context) {
	a.tellBadIntel()
	a.wg.Go(func() { a.intel.Run(ctx) })
}

func (a *app) tellBadIntel() {
	for _, s := range a.intel.Statuses() {
		if s.State == intel.Refused || s.State == intel.Failed {
			a.tellIntel(s)
		}
	}
}

// tellIntel logs and records how a feed fares: that one was refused is part of the proof
// of why a call passed.
func (a *app) tellIntel(s intel.Status) {
	switch s.State {
	case intel.Refused:
		a.log.Error("feed refused: the last good copy stays", "feed", s.Feed, "suspicion", s.Suspicion, "detail", s.Detail)
	case intel.Failed:
		a.log.Warn("feed failed: the last good copy stays", "feed", s.Feed, "detail", s.Detail)
	default:
		a.log.Info("feed read", "feed", s.Feed, "indicators", s.Count, "unreadable", s.Unreadable)
	}
	if _, err := a.monitor.Act("vedette", "intel."+string(s.State), s); err != nil {
		a.log.Error("state of a feed not recorded", "feed", s.Feed, "error", err)
	}
}

// Intel implements api.Orders.
func (a *app) Intel() []intel.Status { return a.intel.Statuses() }

// IntelLookup implements api.Orders.
func (a *app) IntelLookup(value string) intel.Result { return a.intel.Lookup(value, a.now()) }

// IntelRefresh implements api.Orders.
func (a *app) IntelRefresh(ctx context.Context, r api.IntelRefresh) (intel.Status, error) {
	if _, err := a.monitor.Act(r.By, "intel.refresh", r); err != nil {
		return intel.Status{}, err
	}
	return a.intel.Refresh(ctx, r.Feed, r.Accept)
}
