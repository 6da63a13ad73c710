package rule

import (
	"time"

	"vedette"
	"vedette/detect"
)

// TokenMisuseSource is TokenMisuse for tokens that name no credential: those that cannot be read.
var TokenMisuseSource = detect.Define(detect.Detector{
	Name: "access.token_misuse_source", Version: 1, Since: "0.2", Severity: vedette.High, By: detect.BySource, Quiet: time.Hour,
	Title: "Tokens of nobody from one address",
	Why:   "Tokens that name no credential, with foreign keys, algorithms or types, are how a forger finds out what the check lets through.",
	Look: "Whether the address also makes authentic calls: then a client of its owner's sends another service's token. If not, block the source. " +
		"`token_algorithm` and `token_key` are attacks; [reasons.md](reasons.md#of-tokens) says what each reason means.",
	Tags:   []string{"attack:T1550.001", "owasp-api:API2:2023"},
	Params: tokenParams,
	Asks:   detect.Odd,
	When:   func(e *detect.Event) bool { return e.Reasons&tokenReasons != 0 && e.Subject[detect.ByCredential] == 0 },
}, judgeToken)
