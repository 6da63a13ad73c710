package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	nonceCalls = iota
	nonceWithin
)

var nonceReasons = detect.Reasons(vedette.NonceRegressed, vedette.NonceReused, vedette.NonceMissing)

type nonceState struct {
	marks detect.Marks // tagged with the source
}

// NonceRegression raises on nonces that are missing, repeated or go back.
var NonceRegression = detect.Define(detect.Detector{
	Name: "access.nonce_regression", Version: 2, Since: "0.1", Severity: vedette.Medium, By: detect.ByCredential, Quiet: time.Hour,
	Title: "Nonces that go back",
	Why:   "Two programs share a key, a clock was set back, or old requests are being sent.",
	Look: "Two sources or clients that alternate are two programs: one key each cures it. One source whose nonces all fell at one moment: its clock was " +
		"set back. Old nonces from elsewhere: a replay.",
	Tags: []string{"attack:T1557"},
	Params: []detect.Param{
		{Name: "calls", Default: 3, Max: detect.MaxMarks, Why: "two requests that overtake each other on their way make one or two"},
		{Name: "within_s", Unit: "s", Default: 600, Why: "requests that overtake each other do so once in a while; two programs do all the time"},
	},
	Asks: detect.Odd,
	When: func(e *detect.Event) bool { return e.Reasons&nonceReasons != 0 && e.Verdict != vedette.Authentic },
}, func(x *detect.Context, s *nonceState) {
	s.marks.Add(x.Event, detect.Fold(x.Subject[detect.BySource]))
	n, first := s.marks.Within(x.Time, x.Within(nonceWithin))
	if n < int(x.P(nonceCalls)) || !x.Open() {
		return
	}
	sources := s.marks.Kinds(x.Time, x.Within(nonceWithin))
	x.Raise(detect.Raised{Score: 0.6, From: first, Evidence: s.marks.Since(x.Time, x.Within(nonceWithin)),
		Values:  map[string]vedette.Value{"calls": of(n, x.P(nonceCalls)), "sources": of(sources, 0)},
		Summary: fmt.Sprintf("%d calls of key %s had a nonce that was missing, used before or below what the venue still accepts.", n, x.Name())})
})
