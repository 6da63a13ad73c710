package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	tokenCalls = iota
	tokenWithin
)

const (
	tokenBroken detect.Level = 1 + iota
	tokenStolen
)

var (
	// tokenAttack are the reasons that no working client produces.
	tokenAttack = detect.Reasons(vedette.TokenAlgorithm, vedette.TokenKey, vedette.TokenBinding, vedette.TokenRevoked, vedette.TokenType,
		vedette.ProofReplayed, vedette.BoundElsewhere)
	tokenReasons = tokenAttack | detect.Reasons(vedette.TokenInvalid, vedette.TokenExpired, vedette.TokenEarly, vedette.TokenAudience,
		vedette.TokenIssuer, vedette.ProofInvalid, vedette.ProofStale)
)

// tokenParams are those of both detectors of tokens.
var tokenParams = []detect.Param{
	{Name: "calls", Default: 5, Max: detect.MaxMarks, Why: "of the kinds that a broken client makes too; a client that renews late makes one or two an hour"},
	{Name: "within_s", Unit: "s", Default: 3600, Why: "access tokens mostly live for an hour or less"},
}

type tokenState struct {
	marks detect.Marks
	level detect.Level
}

// TokenMisuse raises on tokens that were tampered with, stolen, or used after their end.
var TokenMisuse = detect.Define(detect.Detector{
	Name: "access.token_misuse", Version: 2, Since: "0.1", Severity: vedette.High, By: detect.ByCredential, Quiet: time.Hour,
	Title: "A token used as it must not be",
	Why:   "Tokens with foreign keys or algorithms are forgeries; a token without the certificate or key it is bound to is stolen.",
	Look: "The summary names the reason; [reasons.md](reasons.md#of-tokens) says what each means. Revoke the token at its issuer. Several clients with " +
		"`token_key` at once: the issuer rotated its keys and the key set could not be fetched. Expired tokens alone are mostly a client that does not renew.",
	Tags:   []string{"attack:T1550.001", "owasp-api:API2:2023"},
	Params: tokenParams,
	Asks:   detect.Odd,
	When:   func(e *detect.Event) bool { return e.Reasons&tokenReasons != 0 },
}, judgeToken)

func judgeToken(x *detect.Context, s *tokenState) {
	s.marks.Add(x.Event, 0)
	n, _ := s.marks.Within(x.Time, x.Within(tokenWithin))
	level, why := tokenBroken, (x.Reasons & tokenReasons).First()
	if x.Reasons&tokenAttack != 0 {
		level, why = tokenStolen, (x.Reasons & tokenAttack).First()
	}
	if level == tokenBroken && n < int(x.P(tokenCalls)) || !s.level.Rise(x, level) {
		return
	}
	r := detect.Raised{Score: 0.9, Evidence: s.marks.Since(x.Time, x.Within(tokenWithin)), Values: map[string]vedette.Value{"calls": of(n, 1)},
		Summary: fmt.Sprintf("A token of %s was refused: %s.", x.Name(), why)}
	if level == tokenBroken {
		r.Score, r.Severity, r.Values["calls"] = 0.5, vedette.Medium, of(n, x.P(tokenCalls))
		r.Summary = fmt.Sprintf("%d tokens of %s were refused, the last for %s.", n, x.Name(), why)
	}
	x.Raise(r)
}
