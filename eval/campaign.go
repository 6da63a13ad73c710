package eval

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"vedette"
	"vedette/detect"
	"vedette/sim/traffic"
)

// CampaignConfig is what the tracks F and I are run with.
type CampaignConfig struct {
	Detectors []*detect.Detector
	Params    map[string]map[string]float64 // changes from their defaults
	Keys      int                           // 0 for 10,000
	Rate      float64                       // of the customers' calls; 0 for 0.3
	Days      int                           // of traffic; 0 for 8
	Warm      int                           // days that are not scored; 0 for 4
	Develop   []uint64                      // seeds that thresholds are chosen on
	Sealed    []uint64                      // seeds that figures are of
	Workers   int                           // seeds at once; 0 for as many as there are processors
	Progress  func(seed uint64, calls int, took time.Duration)
}

// DevelopSeeds are 1 to 10: thresholds and the constants of detectors may be chosen on them.
func DevelopSeeds() []uint64 { return seeds(1, 10) }

// SealedSeeds are 1001 to 1020: nothing is chosen on them.
func SealedSeeds() []uint64 { return seeds(1001, 20) }

func seeds(first uint64, n int) (list []uint64) {
	for i := range uint64(n) {
		list = append(list, first+i)
	}
	return list
}

func (c CampaignConfig) withDefaults() CampaignConfig {
	if c.Keys == 0 {
		c.Keys = 10_000
	}
	if c.Rate == 0 {
		c.Rate = 0.3
	}
	if c.Days == 0 {
		c.Days = 8
	}
	if c.Warm == 0 {
		c.Warm = 4
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	return c
}

// start of the traffic: a Monday.
var start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// scored returns from when on alerts count.
func (c CampaignConfig) scored() time.Time { return start.AddDate(0, 0, c.Warm) }

// traffic returns the traffic of a seed, with a campaign of each kind and pace, or without.
func (c CampaignConfig) traffic(seed uint64, attacks bool) *traffic.Traffic {
	t := traffic.Config{Seed: seed, Keys: c.Keys, Days: c.Days, Start: start, Rate: c.Rate}
	for _, k := range traffic.Kinds() {
		for _, p := range traffic.Paces() {
			if attacks {
				t.Attacks = append(t.Attacks, traffic.Attack{Kind: k, Pace: p, From: c.scored(), Span: 30 * time.Hour})
			}
		}
	}
	return traffic.New(t)
}

// run is what came of one seed.
type run struct {
	seed      uint64
	calls     int // scored ones
	hostile   int
	subjects  int // accounts and their days that were scored
	campaigns []*traffic.Campaign
	ours      outcome
	judge     *judge    // with the alerts of ours
	base      []outcome // by baseline; none where they were not asked for
}

// play runs a seed's traffic through the detectors, and the baselines if asked for.
func (c CampaignConfig) play(seed uint64, attacks, baselines bool) (run, error) {
	return c.follow(c.traffic(seed, attacks), seed, baselines)
}

// follow runs traffic through the detectors.
func (c CampaignConfig) follow(tr *traffic.Traffic, seed uint64, baselines bool) (run, error) {
	r := run{seed: seed, campaigns: tr.Campaigns()}
	from := c.scored()
	j := newJudge(tr, from)
	j.keep = true
	var now time.Time
	e, err := detect.New(detect.Config{Detectors: c.Detectors, Params: c.Params, Raise: func(f *vedette.Finding) { j.take(alertOf(f), now) }})
	if err != nil {
		return r, err
	}
	var base *features
	if baselines {
		base = newFeatures(tr, seed, from)
	}
	for n := uint64(1); ; n++ {
		call, campaign, ok := tr.Next()
		if !ok {
			break
		}
		now = call.Time
		e.Observe(n, call)
		if base != nil {
			base.observe(call)
		}
		if !now.Before(from) {
			r.calls++
			if campaign >= 0 {
				r.hostile++
			}
		}
	}
	e.Close()
	r.ours, r.judge = j.end(), j
	if base != nil {
		for _, j := range base.judges {
			r.base = append(r.base, j.end())
		}
	}
	return r, nil
}

// each runs f for every seed, some at once, and returns what came of them in the order of the seeds.
func (c CampaignConfig) each(seeds []uint64, f func(seed uint64) (run, error)) ([]run, error) {
	runs, errs := make([]run, len(seeds)), make([]error, len(seeds))
	var wg sync.WaitGroup
	slots := make(chan struct{}, c.Workers)
	for i, s := range seeds {
		slots <- struct{}{}
		wg.Go(func() {
			began := time.Now()
			runs[i], errs[i] = f(s)
			if c.Progress != nil {
				c.Progress(s, runs[i].calls, time.Since(began))
			}
			<-slots
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("cannot measure campaigns: %w", err)
		}
	}
	return runs, nil
}

// WriteTraffic writes the traffic of a seed as JSONL that vedette replay reads, with its campaigns or
// without, and returns the labels.
func (c CampaignConfig) WriteTraffic(w io.Writer, seed uint64, attacks bool) ([]*traffic.Campaign, error) {
	c = c.withDefaults()
	tr := c.traffic(seed, attacks)
	bw := bufio.NewWriterSize(w, 1<<20)
	var line []byte
	for {
		call, _, ok := tr.Next()
		if !ok {
			return tr.Campaigns(), bw.Flush()
		}
		line = append(vedette.AppendCall(line[:0], call), '\n')
		if _, err := bw.Write(line); err != nil {
			return nil, err
		}
	}
}
