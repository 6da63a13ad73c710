package rule

import (
	"time"

	"vedette"
	"vedette/detect"
)

// FunctionProbeSource is FunctionProbe for calls that name no credential.
var FunctionProbeSource = detect.Define(detect.Detector{
	Name: "access.function_probe_source", Version: 1, Since: "0.2", Severity: vedette.Medium, By: detect.BySource, Quiet: 24 * time.Hour,
	Title:  "An address reaches for functions that are not there",
	Why:    "A scanner with a word list of paths looks for administration and forgotten endpoints. The internet is full of them; what matters is what one found.",
	Look:   "Whether any path answered with 200, and whether the address also holds a key. Otherwise it can be blocked.",
	Tags:   []string{"attack:T1595.003", "owasp-api:API9:2023"},
	Params: functionParams,
	Asks:   detect.Odd,
	When:   func(e *detect.Event) bool { return e.Subject[detect.ByCredential] == 0 && functionRefused(e) },
}, judgeFunction)
