package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	stuffingPrintAccounts = iota
	stuffingPrintSources
	stuffingPrintRatio
	stuffingPrintWithin
)

type stuffingPrintState struct {
	accounts detect.Spread // that failed
	sources  detect.Spread // that failed
	failed   detect.Counter
	passed   detect.Counter
	level    detect.Level
}

// CredentialStuffingFingerprint is CredentialStuffing by one program from many addresses. A popular
// browser has many failures at any time: their share counts.
var CredentialStuffingFingerprint = detect.Define(detect.Detector{
	Name: "access.credential_stuffing_fingerprint", Version: 1, Since: "0.2", Severity: vedette.High, By: detect.ByFingerprint, Quiet: 6 * time.Hour,
	Title: "One program tries passwords on many accounts",
	Why:   "A password list is tried through many addresses, so that none stands out, by one program, whose TLS fingerprint does.",
	Look: "Whether the fingerprint is a browser's whose log-ins went wrong for everybody: then the log-in itself is broken. If not, demand a second " +
		"factor from that fingerprint, and look at the accounts it got into.",
	Tags: []string{"attack:T1110.004", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "accounts", Default: 15, Why: "accounts that failed within the window: the same as one source is allowed in a day"},
		{Name: "sources", Default: 5, Why: "addresses: fewer are told by access.credential_stuffing"},
		{Name: "failed_per_passed", Default: 3, Why: "as for access.credential_stuffing: three of four log-ins fail; of people's, one in ten or so does"},
		{Name: "within_s", Unit: "s", Default: 6 * 3600, Why: "1,000 addresses with a try each in a day make 250 in six hours"},
	},
	Asks: func(s detect.Sort) bool { return s.Operation == vedette.OpUserLogin },
	When: CredentialStuffing.When,
}, func(x *detect.Context, s *stuffingPrintState) {
	window, hit := x.Within(stuffingPrintWithin), loginDone(x.Event)
	if hit {
		s.passed.Add(x.Time, window, 1)
	} else {
		s.failed.Add(x.Time, window, 1)
		s.accounts.Add(x.Subject[detect.ByAccount], x.Time, window)
		s.sources.Add(x.Subject[detect.BySource], x.Time, window)
	}
	accounts, sources := s.accounts.Count(x.Time, window), s.sources.Count(x.Time, window)
	failed, passed := s.failed.At(x.Time, window), s.passed.At(x.Time, window)
	level := stuffingTries
	if hit {
		level = stuffingHit
	}
	if float64(accounts) < x.P(stuffingPrintAccounts) || float64(sources) < x.P(stuffingPrintSources) ||
		float64(failed) <= x.P(stuffingPrintRatio)*float64(passed) || !s.level.Rise(x, level) {
		return
	}
	r := detect.Raised{Score: 0.85, Values: map[string]vedette.Value{"accounts": of(accounts, x.P(stuffingPrintAccounts)), "sources": of(sources, x.P(stuffingPrintSources)),
		"failed_per_passed": of(float64(failed)/float64(max(passed, 1)), x.P(stuffingPrintRatio))},
		Summary: fmt.Sprintf("A program with fingerprint %s failed to log in to some %d accounts from some %d addresses.", x.Name(), accounts, sources)}
	if hit {
		r.Score, r.Severity, r.Related = 0.9, vedette.Critical, []string{x.Text(detect.TextAccount)}
		r.Summary = fmt.Sprintf("A program with fingerprint %s that failed to log in to some %d accounts got into %s.", x.Name(), accounts, x.Text(detect.TextAccount))
	}
	x.Raise(r)
})
