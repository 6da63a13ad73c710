package main

import (
	"context"
	"fmt"
	"time"

	"vedette/internal/strictyaml"
	"vedette/payload"
	"vedette/pipeline"
)

// injectionConfig is what vedette.yaml says of payloads in parameters.
type injectionConfig struct {
	Enabled     *bool                `yaml:"enabled"` // on unless said otherwise
	Paranoia    int                  `yaml:"paranoia"`
	CPU         float64              `yaml:"cpu"`
	SourceRate  float64              `yaml:"source_rate"`
	SourceBurst int                  `yaml:"source_burst"`
	MaxWait     *strictyaml.Duration `yaml:"max_wait"`
	Refuse      bool                 `yaml:"refuse"`
	RefuseScore int                  `yaml:"refuse_score"`
}

// defaultRefuseScore is two critical rules: a single one now and then takes free text for a payload.
const defaultRefuseScore = 10

// payloads returns what the monitor does about payloads; its Examiner is nil where nothing.
func (c *config) payloads(failed func(error)) (out pipeline.Payloads, err error) {
	in := &c.Injection
	switch wait := duration(in.MaxWait); {
	case in.Paranoia < 0 || in.Paranoia > payload.MaxParanoia:
		err = fmt.Errorf("paranoia %d is not between 1 and %d", in.Paranoia, payload.MaxParanoia)
	case in.CPU < 0 || in.CPU > 1:
		err = fmt.Errorf("cpu %v is not between 0 and 1: it is a share of one processor", in.CPU)
	case in.SourceRate < 0 || in.SourceRate > 1000:
		err = fmt.Errorf("source_rate %v is not between 0 and 1000", in.SourceRate)
	case in.SourceBurst < 0 || in.SourceBurst > 10000:
		err = fmt.Errorf("source_burst %d is not between 1 and 10000", in.SourceBurst)
	case in.MaxWait != nil && (wait < time.Millisecond || wait > 2*time.Second):
		err = fmt.Errorf("max_wait %v is not between 1ms and 2s", wait)
	case in.RefuseScore < 0 || in.RefuseScore > 1000:
		err = fmt.Errorf("refuse_score %d is not between 1 and 1000", in.RefuseScore)
	case in.RefuseScore != 0 && !in.Refuse:
		err = fmt.Errorf("refuse_score without refuse: true has no effect")
	case in.Refuse && in.Enabled != nil && !*in.Enabled:
		err = fmt.Errorf("refuse: true with enabled: false: nothing would be examined")
	}
	if err != nil {
		return out, fmt.Errorf("injection: %w", err)
	}
	if in.Enabled != nil && !*in.Enabled {
		return out, nil
	}
	out.Refuse = in.Refuse
	out.Examiner = payload.New(payload.Config{Paranoia: in.Paranoia, Share: in.CPU, SourceRate: in.SourceRate, SourceBurst: in.SourceBurst,
		MaxWait: duration(in.MaxWait), Failed: failed})
	return out, nil
}

// refuseScore is from which score on the gate refuses; 0 for never.
func (in *injectionConfig) refuseScore() uint16 {
	switch {
	case !in.Refuse:
		return 0
	case in.RefuseScore == 0:
		return defaultRefuseScore
	}
	return uint16(in.RefuseScore)
}

// startPayloads makes the examiner. Its rules are compiled when they are first needed, or by warm.
func (a *app) startPayloads(context.Context) (err error) {
	a.payloads, err = a.config.payloads(func(err error) {
		a.log.Error("payloads are not examined: suspicious calls are only marked as such", "error", err)
	})
	if err == nil && a.payloads.Examiner != nil {
		a.defer_(a.payloads.Close)
	}
	return err
}

// warm has the payload rules compiled in the background, so that they are ready before they are needed.
func (a *app) warm() {
	if a.payloads.Examiner != nil {
		a.payloads.Warm()
	}
}
