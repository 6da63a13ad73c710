package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

var crossReasons = detect.Reasons(vedette.CrossEndpoint)

type crossState struct {
	moved detect.Counter
}

// CrossEndpointReplay raises on a seen signature on another endpoint or content.
var CrossEndpointReplay = detect.Define(detect.Detector{
	Name: "access.cross_endpoint_replay", Version: 2, Since: "0.1", Severity: vedette.Critical, By: detect.ByCredential, Quiet: time.Hour,
	Title: "A signature moved to another endpoint",
	Why:   "The venue's signature leaves method or path open. A captured signature was put on another call: only an attacker does that.",
	Look: "Freeze the key. What the signature of each venue leaves open is in [coverage.md](coverage.md). Then as for a replay: where was the " +
		"first request read?",
	Tags: []string{"attack:T1557", "owasp-api:API2:2023"},
	Asks: detect.Odd,
	When: func(e *detect.Event) bool { return e.Verdict == vedette.Replayed && e.Reasons&crossReasons != 0 },
}, func(x *detect.Context, s *crossState) {
	n := s.moved.Add(x.Time, 24*time.Hour, 1)
	if !x.Open() {
		return
	}
	x.Raise(detect.Raised{Score: 0.99, Values: map[string]vedette.Value{"moved": of(n, 1)},
		Summary: fmt.Sprintf("A signature of key %s came back on another endpoint or with other content.", x.Name())})
})
