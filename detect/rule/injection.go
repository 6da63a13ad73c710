package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	injectionScore = iota
	injectionGrave
	injectionCalls
	injectionUnexamined
)

// Levels of an episode.
const (
	injectionSuspected detect.Level = 1 + iota
	injectionOnce
	injectionSerious
)

// injectionParams are those of both detectors of payloads.
var injectionParams = []detect.Param{
	{Name: "score", Default: 5, Max: 1000, Why: "one critical rule of the Core Rule Set, which is its own threshold"},
	{Name: "grave_score", Default: 15, Max: 1000, Why: "three critical rules that agree: of 72 texts that people might write none reaches it, one has two"},
	{Name: "calls_in_10_min", Default: 3, Max: 16, Why: "a person's odd text is sent again once or twice, a scanner tries many"},
	{Name: "unexamined_in_10_min", Default: 20, Max: 1000, Why: "the budget of one source: more than that is a flood, and may hide one that works"},
}

type injectionState struct {
	trail   detect.Trail // of calls with payloads
	suspect detect.Counter
	level   detect.Level
}

// atServer are the kinds that, where they work, run or read something at the venue.
const atServer = vedette.AttackRCE | vedette.AttackJava | vedette.AttackPHP | vedette.AttackSQLi | vedette.AttackSSRF | vedette.AttackLFI | vedette.AttackRFI | vedette.AttackGeneric

// attackWords say what the kinds are.
var attackWords = map[vedette.Attacks]string{vedette.AttackRCE: "shell commands", vedette.AttackJava: "Java code", vedette.AttackPHP: "PHP code", vedette.AttackSQLi: "SQL",
	vedette.AttackSSRF: "addresses inside the venue's network", vedette.AttackLFI: "paths of files", vedette.AttackRFI: "addresses of foreign files",
	vedette.AttackGeneric: "code or templates", vedette.AttackXSS: "code for browsers", vedette.AttackProtocol: "header fields or protocol text"}

// Injection raises on a source whose calls carry attack payloads.
var Injection = detect.Define(detect.Detector{
	Name: "access.injection", Version: 1, Since: "0.2", Severity: vedette.Medium, By: detect.BySource, Quiet: 24 * time.Hour,
	Title: "Attack payloads in parameters",
	Why:   "Somebody puts SQL, shell commands, paths of files or code where a symbol or a number belongs, to find software behind the API that takes it for its own.",
	Look: "The records' `injection`: which parameter, and which rules (coreruleset.org explains each by its number). What did the venue answer? Errors of 5xx, slow answers " +
		"and answers of another size are worth a look in its own logs. Text that people write, such as a label with a quote, is a benign trigger.",
	Tags:   []string{"attack:T1190", "owasp-api:API8:2023"},
	Params: injectionParams,
	Asks:   detect.Odd,
	When:   func(e *detect.Event) bool { return e.Attacks != 0 || e.Suspect },
}, judgeInjection)

func judgeInjection(x *detect.Context, s *injectionState) {
	unexamined := s.suspect.At(x.Time, 10*time.Minute)
	attacks := x.Attacks != 0 && float64(x.AttackScore) >= x.P(injectionScore)
	if attacks {
		s.trail.Add(x.Event)
	} else if x.Suspect {
		unexamined = s.suspect.Add(x.Time, 10*time.Minute, 1)
	}
	calls, _ := s.trail.Within(x.Time, 10*time.Minute)
	level := detect.Level(0)
	switch {
	case attacks && (float64(x.AttackScore) >= x.P(injectionGrave) || float64(calls) >= x.P(injectionCalls)):
		level = injectionSerious
	case attacks:
		level = injectionOnce
	case float64(unexamined) >= x.P(injectionUnexamined):
		level = injectionSuspected
	}
	if level == 0 || !s.level.Rise(x, level) {
		return
	}
	r := detect.Raised{Values: map[string]vedette.Value{"score": of(uint32(x.AttackScore), x.P(injectionScore)), "calls_in_10_min": of(calls, x.P(injectionCalls)),
		"unexamined_in_10_min": of(unexamined, x.P(injectionUnexamined))}}
	if level == injectionSuspected {
		r.Score, r.Severity = 0.4, vedette.Low
		r.Summary = fmt.Sprintf("%s sent %d calls in 10 min that do not look like trading and were too many to examine.", x.Name(), unexamined)
		x.Raise(r)
		return
	}
	r.Evidence = s.trail.Since(x.Time, 10*time.Minute)
	r.Score, r.Severity = 0.6, vedette.Low
	if x.Attacks&atServer != 0 {
		r.Severity = vedette.Medium
	}
	if level == injectionSerious {
		r.Score, r.Severity = 0.9, r.Severity+1
	}
	for _, class := range x.Attacks.List() {
		r.Tags = append(r.Tags, "payload:"+class)
	}
	r.Summary = fmt.Sprintf("A call %s carried %s in its %s (score %d, rule %d)%s.", whose(x), attackWords[x.Attacks.Gravest()], x.Text(detect.TextParameter),
		x.AttackScore, x.AttackRule, others(calls-1))
	x.Raise(r)
}

// whose says who the call came from.
func whose(x *detect.Context) string {
	if x.Verdict == vedette.Authentic {
		return "of key " + x.Text(detect.TextCredential)
	}
	return "from " + x.Addr().String()
}

func others(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", and one other in 10 min"
	}
	return fmt.Sprintf(", and %d others in 10 min", n)
}
