package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	forgedMinute = iota
	forgedDay
)

var forgedReasons = detect.Reasons(vedette.BadSignature, vedette.BadPassphrase, vedette.WrongScheme, vedette.NoSignature)

type forgedState struct {
	minute detect.Trail
	day    detect.Counter
}

// ForgedSignature raises on signatures that do not verify, of credentials that the keyring knows.
var ForgedSignature = detect.Define(detect.Detector{
	Name: "access.forged_signature", Version: 2, Since: "0.1", Severity: vedette.High, By: detect.ByCredential, Quiet: time.Hour,
	Title: "Signatures that do not verify",
	Why:   "Somebody uses a key without its secret, or alters requests on their way. A client with a wrong secret looks the same for minutes, not for hours.",
	Look:  "Whether the address and client are the owner's: if so, ask for a wrong secret or a broken library first.",
	Tags:  []string{"attack:T1078", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "in_a_minute", Default: 3, Max: 16, Why: "a hand that mistypes a secret tries twice"},
		{Name: "in_a_day", Default: 8, Why: "the slow form: one try every three hours"},
	},
	When: func(e *detect.Event) bool { return e.Verdict == vedette.Forged && e.Reasons&forgedReasons != 0 },
}, func(x *detect.Context, s *forgedState) {
	s.minute.Add(x.Event)
	day := s.day.Add(x.Time, 24*time.Hour, 1)
	minute, first := s.minute.Within(x.Time, time.Minute)
	burst := minute >= int(x.P(forgedMinute))
	if !burst && float64(day) < x.P(forgedDay) || !x.Open() {
		return
	}
	kind, values := "burst", map[string]vedette.Value{"in_a_minute": {Value: float64(minute), Threshold: x.P(forgedMinute)}}
	if !burst {
		kind, values["in_a_day"] = "slow", vedette.Value{Value: float64(day), Threshold: x.P(forgedDay)}
	}
	x.Raise(detect.Raised{Score: 0.9, From: first, Values: values, Evidence: s.minute.Since(x.Time, 24*time.Hour),
		Summary: fmt.Sprintf("%d calls with key %s carried a signature that does not verify (%s).", max(minute, int(day)), x.Name(), kind)})
})
