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

const (
	forgedUnused detect.Level = 1 + iota // of a key that nobody used
	forgedAtHome                         // by what the key is used with
	forgedElsewhere
)

type forgedState struct {
	minute detect.Trail
	day    detect.Counter
	level  detect.Level
}

// ForgedSignature raises on signatures that do not verify, of credentials that the keyring knows.
var ForgedSignature = detect.Define(detect.Detector{
	Name: "access.forged_signature", Version: 3, Since: "0.1", Severity: vedette.High, By: detect.ByCredential, Quiet: time.Hour,
	Title: "Signatures that do not verify",
	Why:   "Somebody uses a key without its secret, or alters requests on their way. A client with a wrong secret looks the same for minutes, not for hours.",
	Look: "High: they come from a network or with a TLS fingerprint that the key never had. Medium: from where the key is used; ask for a wrong secret or a broken " +
		"library first. Low: the key was not used in the last four to eight weeks, as one that is being set up with a wrong secret.",
	Tags: []string{"attack:T1078", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "in_a_minute", Default: 3, Max: 16, Why: "a hand that mistypes a secret tries twice"},
		{Name: "in_a_day", Default: 8, Why: "the slow form: one try every three hours"},
	},
	Asks: detect.Odd,
	When: func(e *detect.Event) bool { return e.Verdict == vedette.Forged && e.Reasons&forgedReasons != 0 },
}, func(x *detect.Context, s *forgedState) {
	s.minute.Add(x.Event)
	day := s.day.Add(x.Time, 24*time.Hour, 1)
	minute, _ := s.minute.Within(x.Time, time.Minute)
	burst := minute >= int(x.P(forgedMinute))
	level := forgedElsewhere
	switch {
	case x.Met&detect.MetKey == 0:
		level = forgedUnused
	case !x.Stranger():
		level = forgedAtHome
	}
	if !burst && float64(day) < x.P(forgedDay) || !s.level.Rise(x, level) {
		return
	}
	kind, values := "burst", map[string]vedette.Value{"in_a_minute": {Value: float64(minute), Threshold: x.P(forgedMinute)}}
	if !burst {
		kind, values["in_a_day"] = "slow", vedette.Value{Value: float64(day), Threshold: x.P(forgedDay)}
	}
	r := detect.Raised{Score: 0.9, Values: values, Evidence: s.minute.Since(x.Time, 24*time.Hour)}
	from := "from a place new to it"
	switch level {
	case forgedUnused:
		r.Score, r.Severity, from, r.Tags = 0.4, vedette.Low, "that nobody used lately", []string{"cause:set_up"}
	case forgedAtHome:
		r.Score, r.Severity, from = 0.6, vedette.Medium, "from where it is used"
	}
	r.Summary = fmt.Sprintf("%d calls with key %s, %s, carried a signature that does not verify (%s).", max(minute, int(day)), x.Name(), from, kind)
	x.Raise(r)
})
