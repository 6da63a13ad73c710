package rule

import (
	"time"

	"vedette"
	"vedette/detect"
)

// InjectionCredential is Injection for the credential of authentic calls: whoever signs them attacks, from wherever.
var InjectionCredential = detect.Define(detect.Detector{
	Name: "access.injection_credential", Version: 1, Since: "0.2", Severity: vedette.Medium, By: detect.ByCredential, Quiet: 24 * time.Hour,
	Title: "A key signs attack payloads",
	Why:   "Behind authentication there is more to reach, and fewer look. The owner attacks, or a thief who has the secret.",
	Look: "Whether the key is used as ever besides, and from where it is ever. A payload in free text, such as the name of a withdrawal address, may be meant for the " +
		"people of the venue who read it. Freeze the key if the payload is none that its owner could have meant.",
	Tags:   []string{"attack:T1190", "owasp-api:API8:2023"},
	Params: injectionParams,
	Asks:   detect.Odd,
	When:   func(e *detect.Event) bool { return e.Verdict == vedette.Authentic && (e.Attacks != 0 || e.Suspect) },
}, judgeInjection)
