package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	functionPaths = iota
	functionDay
	functionAdmin
)

const (
	functionUndocumented detect.Level = 1 + iota
	functionPrivileged
)

// functionParams are those of both detectors of functions.
var functionParams = []detect.Param{
	{Name: "paths_in_10_min", Default: 6, Max: 32, Why: "a browser asks unbidden for up to five: favicon, robots.txt, touch icons, manifest, well-known"},
	{Name: "paths_in_a_day", Default: 12, Max: 32, Why: "the slow form: one in two hours"},
	{Name: "admin_paths_in_a_day", Default: 2, Max: 32, Why: "one may be a link that went wrong"},
}

type functionState struct {
	paths detect.Distinct // unknown to the dialect
	admin detect.Distinct
	level detect.Level
}

// functionRefused reports whether an event reaches for an admin operation or an unknown one and is told
// that it may not or that there is none.
func functionRefused(e *detect.Event) bool {
	if e.Operation != vedette.OpAdmin && e.Operation != vedette.OpUnknown || e.Reported {
		return false
	}
	switch e.Status {
	case 401, 403, 404, 405, 501:
		return true
	}
	return e.Verdict == vedette.Unauthorised
}

// FunctionProbe raises on a credential that reaches for functions that are not for it.
var FunctionProbe = detect.Define(detect.Detector{
	Name: "access.function_probe", Version: 1, Since: "0.2", Severity: vedette.High, By: detect.ByCredential, Quiet: 24 * time.Hour,
	Title: "A key reaches for functions that are not for it",
	Why:   "Administration and undocumented endpoints are tried one after the other to find one whose check is missing.",
	Look: "The paths in the records: names from a word list, or the endpoints of an old version of the API that a client still calls? Did any of them " +
		"answer with 200?",
	Tags:   []string{"attack:T1595.003", "owasp-api:API5:2023"},
	Params: functionParams,
	Asks:   detect.Odd,
	When:   functionRefused,
}, judgeFunction)

func judgeFunction(x *detect.Context, s *functionState) {
	if x.Operation == vedette.OpAdmin {
		s.admin.Add(x.Path, x.Time, 24*time.Hour)
	} else {
		s.paths.Add(x.Path, x.Time, 24*time.Hour)
	}
	fast, day, admin := s.paths.Count(x.Time, 10*time.Minute), s.paths.Count(x.Time, 24*time.Hour), s.admin.Count(x.Time, 24*time.Hour)
	level := detect.Level(0)
	switch {
	case float64(admin) >= x.P(functionAdmin):
		level = functionPrivileged
	case float64(fast) >= x.P(functionPaths) || float64(day) >= x.P(functionDay):
		level = functionUndocumented
	}
	if level == 0 || !s.level.Rise(x, level) {
		return
	}
	r := detect.Raised{Score: 0.8, Severity: vedette.Medium, Values: map[string]vedette.Value{"paths_in_10_min": of(fast, x.P(functionPaths)),
		"paths_in_a_day": of(day, x.P(functionDay)), "admin_paths_in_a_day": of(admin, x.P(functionAdmin))},
		Summary: fmt.Sprintf("%s reached for %d paths that the API does not have.", x.Name(), day)}
	if level == functionPrivileged {
		r.Score, r.Severity = 0.9, vedette.High
		r.Summary = fmt.Sprintf("%s reached for %d administration paths that it may not use.", x.Name(), admin)
	}
	x.Raise(r)
}
