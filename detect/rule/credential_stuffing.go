package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	stuffingHour = iota
	stuffingDay
	stuffingRatio
)

const (
	stuffingTries detect.Level = 1 + iota
	stuffingHit
)

// loginFailed and loginDone tell log-ins by the answer. One that was throttled, or to which the venue had
// no answer, says nothing of the password.
func loginFailed(e *detect.Event) bool {
	return e.Operation == vedette.OpUserLogin && e.Subject[detect.ByAccount] != 0 && e.Status/100 == 4 && e.Status != 429
}

func loginDone(e *detect.Event) bool {
	return e.Operation == vedette.OpUserLogin && e.Subject[detect.ByAccount] != 0 && e.Status/100 == 2
}

type stuffingState struct {
	failed detect.Distinct // accounts
	passed detect.Distinct
	level  detect.Level
}

// CredentialStuffing raises on log-in failures of one source fanned out over accounts, and again when
// one of its log-ins succeeds.
var CredentialStuffing = detect.Define(detect.Detector{
	Name: "access.credential_stuffing", Version: 1, Since: "0.2", Severity: vedette.High, By: detect.BySource, Quiet: 24 * time.Hour,
	Title: "One source tries passwords on many accounts",
	Why:   "Passwords from other services' leaks are tried on accounts here: mostly one try each, and a few in ten thousand fit.",
	Look: "Is the address a firm's or a mobile network's, behind which many people log in? Then many log-ins succeed too. After a success " +
		"(critical): end the sessions of that account, reset its password, and look at what it did since.",
	Tags: []string{"attack:T1110.004", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "accounts_in_an_hour", Default: 6, Max: 32, Why: "a household or a small office has fewer people who mistype in one hour"},
		{Name: "accounts_in_a_day", Default: 15, Max: 32, Why: "the slow form: one try in an hour and a half"},
		{Name: "failed_per_passed", Default: 3, Why: "accounts that failed against those that got in: people succeed mostly, lists of leaked passwords in 0.05% (Shape Security, Credential Spill Report, 2018, of banks)"},
	},
	Asks: func(s detect.Sort) bool { return s.Operation == vedette.OpUserLogin },
	When: func(e *detect.Event) bool { return loginFailed(e) || loginDone(e) },
}, func(x *detect.Context, s *stuffingState) {
	hit := loginDone(x.Event)
	if hit {
		s.passed.Add(x.Subject[detect.ByAccount], x.Time, 24*time.Hour)
	} else {
		s.failed.Add(x.Subject[detect.ByAccount], x.Time, 24*time.Hour)
	}
	enough := func(window time.Duration, limit float64) (int, bool) {
		failed := s.failed.Count(x.Time, window)
		return failed, float64(failed) >= limit && float64(failed) > x.P(stuffingRatio)*float64(s.passed.Count(x.Time, window))
	}
	hour, fast := enough(time.Hour, x.P(stuffingHour))
	day, slow := enough(24*time.Hour, x.P(stuffingDay))
	level := stuffingTries
	if hit {
		level = stuffingHit
	}
	if !fast && !slow || !s.level.Rise(x, level) {
		return
	}
	r := detect.Raised{Score: 0.9, Values: map[string]vedette.Value{"accounts_in_an_hour": of(hour, x.P(stuffingHour)), "accounts_in_a_day": of(day, x.P(stuffingDay))},
		Summary: fmt.Sprintf("%s failed to log in to %d accounts.", x.Name(), max(hour, day))}
	if hit {
		r.Score, r.Severity, r.Related = 0.95, vedette.Critical, []string{x.Text(detect.TextAccount)}
		r.Summary = fmt.Sprintf("%s failed to log in to %d accounts, then got into %s.", x.Name(), max(hour, day), x.Text(detect.TextAccount))
	}
	x.Raise(r)
})
