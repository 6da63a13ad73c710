package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	mfaWithin = iota
	mfaMissing
	mfaPrompts
	mfaCountWithin
)

const (
	mfaSkipped detect.Level = 1 + iota
	mfaFlooded
	mfaUsed
	mfaWithdrew
)

var stepUpReasons = detect.Reasons(vedette.StepUpNeeded)

type mfaState struct {
	reset   int64 // when a factor was last reset or changed
	at      uint64
	missing detect.Marks // sensitive calls without the factor that they need
	prompts detect.Marks // log-ins that were asked for one
	level   detect.Level
}

// MFAAnomaly raises on second factors that are missing, worn down with prompts, or reset before money
// moves.
var MFAAnomaly = detect.Define(detect.Detector{
	Name: "access.mfa_anomaly", Version: 1, Since: "0.2", Severity: vedette.High, By: detect.ByAccount, Quiet: time.Hour,
	Title: "A second factor that is missing, flooded or reset",
	Why:   "Whoever takes an account over has the factor reset, or sends prompts until the owner confirms one, and then withdraws.",
	Look: "Who asked for the reset, and from where; support staff are deceived into it. Hold withdrawals and call the owner by a number from before the reset. " +
		"Step-up that is missing again and again from the owner's address is a program that has none.",
	Tags: []string{"attack:T1621", "attack:T1556.006", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "after_reset_s", Unit: "s", Default: 86400, Why: "venues hold withdrawals for 24 h (Crypto.com) to 72 h (ProBit) after a reset for the same reason"},
		{Name: "missing", Default: 3, Max: detect.MaxMarks, Why: "a client is told at the first, and may be set up wrongly at the second"},
		{Name: "prompts", Default: 5, Max: detect.MaxMarks, Why: "people miss one or two; floods count in tens (push bombing in CISA, Implementing Phishing-Resistant MFA, 2022)"},
		{Name: "within_s", Unit: "s", Default: 600, Why: "of the two counts; a flood wants to wear somebody down now"},
	},
	When: func(e *detect.Event) bool {
		return e.Reasons&stepUpReasons != 0 || e.Effect == vedette.StepUp || sensitive(e.Operation) && done(e)
	},
}, func(x *detect.Context, s *mfaState) {
	level := detect.Level(0)
	switch asked := x.Reasons&stepUpReasons != 0 || x.Effect == vedette.StepUp; {
	case asked && x.Operation == vedette.OpUserLogin:
		level = s.count(x, &s.prompts, mfaPrompts, mfaFlooded)
	case asked && sensitive(x.Operation):
		level = s.count(x, &s.missing, mfaMissing, mfaSkipped)
	case asked:
	case x.Operation == vedette.OpMFAChange:
		if !x.Is(detect.TextPath, "account:mfa_enabled") {
			s.reset, s.at = x.Time, x.Position
		}
	case s.reset != 0 && x.Time-s.reset <= int64(x.Within(mfaWithin)):
		level = afterReset(x.Operation)
	}
	if level != 0 && s.level.Rise(x, level) {
		raiseMFA(x, s, level)
	}
})

// count counts an event, and returns the level once there are enough.
func (s *mfaState) count(x *detect.Context, m *detect.Marks, limit int, level detect.Level) detect.Level {
	m.Add(x.Event, 0)
	if n, _ := m.Within(x.Time, x.Within(mfaCountWithin)); n < int(x.P(limit)) {
		return 0
	}
	return level
}

// afterReset is how bad an operation is shortly after a factor was reset.
func afterReset(op vedette.Operation) detect.Level {
	switch op {
	case vedette.OpWithdraw, vedette.OpTransfer:
		return mfaWithdrew
	case vedette.OpKeyCreate, vedette.OpKeyChange, vedette.OpAllowlistChange:
		return mfaUsed
	}
	return 0
}

func raiseMFA(x *detect.Context, s *mfaState, level detect.Level) {
	r := detect.Raised{}
	switch level {
	case mfaSkipped:
		n, _ := s.missing.Within(x.Time, x.Within(mfaCountWithin))
		r.Score, r.Severity, r.Values, r.Evidence = 0.5, vedette.Medium, map[string]vedette.Value{"missing": of(n, x.P(mfaMissing))}, s.missing.Since(x.Time, x.Within(mfaCountWithin))
		r.Summary = fmt.Sprintf("Account %s: %d sensitive calls came without the stronger authentication that they need.", x.Name(), n)
	case mfaFlooded:
		n, _ := s.prompts.Within(x.Time, x.Within(mfaCountWithin))
		r.Score, r.Values, r.Evidence = 0.75, map[string]vedette.Value{"prompts": of(n, x.P(mfaPrompts))}, s.prompts.Since(x.Time, x.Within(mfaCountWithin))
		r.Summary = fmt.Sprintf("Account %s was asked for its second factor %d times within minutes.", x.Name(), n)
	default:
		after := time.Duration(x.Time - s.reset)
		r.Score, r.Values, r.Evidence = 0.8, map[string]vedette.Value{"after_reset_s": of(after.Seconds(), x.P(mfaWithin))}, []uint64{s.at}
		if level == mfaWithdrew {
			r.Score, r.Severity = 0.9, vedette.Critical
		}
		r.Summary = fmt.Sprintf("Account %s: %s %v after a second factor was reset or changed.", x.Name(), x.Operation, after.Round(time.Second))
	}
	x.Raise(r)
}
