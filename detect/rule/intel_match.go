package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const intelConfidence = iota

type intelState struct {
	trail detect.Trail
}

// IntelMatch raises on calls that threat intelligence speaks of.
var IntelMatch = detect.Define(detect.Detector{
	Name: "access.intel_match", Version: 1, Since: "0.2", Severity: vedette.Medium, By: detect.BySource, Quiet: 24 * time.Hour,
	Title: "Listed by threat intelligence",
	Why:   "A feed lists the address, network, fingerprint, key or withdrawal address of the call.",
	Look:  "What the feed says of it and how old that is: `vedette intel lookup`. A cloud's address is reused within hours; a wallet is not.",
	Tags:  []string{"attack:T1078"},
	Params: []detect.Param{
		{Name: "confidence", Unit: "%", Default: 50, Max: 100, Why: "feeds that are wrong more often than right only cost an analyst's time"},
	},
	Asks: detect.Odd,
	When: func(e *detect.Event) bool { return e.Listed > 0 },
}, func(x *detect.Context, s *intelState) {
	s.trail.Add(x.Event)
	if float64(x.Confidence) < x.P(intelConfidence) || !x.Open() {
		return
	}
	severity := vedette.Medium
	if x.ListedAs == vedette.IndicatorWallet || x.ListedAs == vedette.IndicatorKey {
		severity = vedette.High // neither is shared with strangers
	}
	x.Raise(detect.Raised{Score: float64(x.Confidence) / 100, Severity: severity, Evidence: s.trail.Since(x.Time, 24*time.Hour),
		Values:  map[string]vedette.Value{"confidence": {Value: float64(x.Confidence), Threshold: x.P(intelConfidence)}},
		Summary: fmt.Sprintf("The feed %s lists the %s of a call from %s.", x.Text(detect.TextFeed), x.ListedAs, x.Name())})
})
