package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

var (
	replayReasons = detect.Reasons(vedette.SignatureReused, vedette.NonceReused)
	retryReasons  = detect.Reasons(vedette.Retry)
)

type replayState struct {
	replays detect.Counter
	retries detect.Counter // the client's own, which are benign
}

// Replay raises on a signature or nonce that was used before.
var Replay = detect.Define(detect.Detector{
	Name: "access.replay", Version: 2, Since: "0.1", Severity: vedette.High, By: detect.ByCredential, Quiet: time.Hour,
	Title: "A request seen before",
	Why:   "A copy of a genuine request was sent again after it was answered, or from another place: the line or a log is being read.",
	Look: "The first use: the record with the same `signature_hash`. The same address within seconds may be a client that retries although it had an " +
		"answer, above all where `retries` is high; another address is a copy. Ask where requests of this client are logged, and what stands " +
		"between it and the venue. Freeze the key if the copies change something.",
	Tags: []string{"attack:T1557", "owasp-api:API2:2023"},
	Asks: detect.Odd,
	When: func(e *detect.Event) bool {
		return e.Verdict == vedette.Replayed && e.Reasons&replayReasons != 0 || e.Verdict == vedette.Authentic && e.Reasons&retryReasons != 0
	},
}, func(x *detect.Context, s *replayState) {
	if x.Verdict == vedette.Authentic {
		s.retries.Add(x.Time, 24*time.Hour, 1)
		return
	}
	n := s.replays.Add(x.Time, 24*time.Hour, 1)
	if !x.Open() {
		return
	}
	x.Raise(detect.Raised{Score: 0.95, Summary: fmt.Sprintf("A signed request of key %s was sent again after its first use.", x.Name()),
		Values: map[string]vedette.Value{"replays": of(n, 1), "retries": of(s.retries.At(x.Time, 24*time.Hour), 0)}})
})
