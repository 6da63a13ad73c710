package rule

import (
	"fmt"
	"math/bits"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	scopeOperations = iota
	scopeCalls
	scopeWithin
	scopeTold
)

const (
	scopeRepeated detect.Level = 1 + iota // the same again and again: mostly a program that was set up wrongly
	scopeTried
	scopeWithdrew
)

var (
	scopeReasons    = detect.Reasons(vedette.NoPermission, vedette.OperationDenied, vedette.InstrumentDenied, vedette.WithdrawDenied, vedette.TokenScope)
	withdrawReasons = detect.Reasons(vedette.NoPermission, vedette.WithdrawDenied, vedette.TokenScope)
)

type scopeState struct {
	marks   detect.Marks // of what was refused, tagged with the operation
	granted uint32       // operations that were once granted, as bits
	told    uint32       // operations that findings told of
	toldAt  uint32       // when one of those was refused last, s since 1970
	level   detect.Level
}

// ScopeProbe raises on a credential that tries what it may not do. What our own restrictions refuse does
// not count: a frozen key that goes on trading does not probe. Nor does what the venue refuses now and
// once granted: a key that was revoked there is refused everything.
var ScopeProbe = detect.Define(detect.Detector{
	Name: "access.scope_probe", Version: 3, Since: "0.1", Severity: vedette.High, By: detect.ByCredential, Quiet: time.Hour,
	Title: "A key tries what it may not do",
	Why:   "Whoever holds a stolen key finds out what it can do. Its owner knows.",
	Look: "Medium: one or two kinds, again and again, as a program does that was set up with the wrong key. Which operations, from where, with which client, and what authentic calls of the key came shortly before from the same place? A new " +
		"integration of the owner probes once and stops. If not: freeze the key, call the owner.",
	Tags: []string{"attack:T1087", "owasp-api:API5:2023"},
	Params: []detect.Param{
		{Name: "operations", Default: 3, Max: detect.MaxMarks, Why: "kinds of operation never granted; a program set up with the wrong key tries the one or two that it is for"},
		{Name: "calls", Default: 6, Max: detect.MaxMarks, Why: "of any kinds: a person who sees a refusal does not send it six times"},
		{Name: "within_s", Unit: "s", Default: 600, Why: "what a key can do is found out at one sitting"},
		{Name: "told_s", Unit: "s", Default: 7 * 86400, Why: "operations that a finding told of are no news until they were not tried for as long: a program goes on trying what it never may"},
	},
	When: func(e *detect.Event) bool { return e.Reasons&scopeReasons != 0 || used(e) && e.Status != 0 },
}, func(x *detect.Context, s *scopeState) {
	bit := uint32(1) << x.Operation
	denied := x.Reasons&scopeReasons != 0
	switch {
	case !denied && x.Status/100 == 2:
		s.granted |= bit
		return
	case !denied && x.Status != 401 && x.Status != 403, !denied && s.granted&bit != 0:
		return
	}
	s.marks.Add(x.Event, uint32(x.Operation))
	n, _ := s.marks.Within(x.Time, x.Within(scopeWithin))
	operations, level := s.marks.Kinds(x.Time, x.Within(scopeWithin)), scopeRepeated
	if operations >= int(x.P(scopeOperations)) {
		level = scopeTried
	}
	if x.Operation == vedette.OpWithdraw && x.Reasons&withdrawReasons != 0 {
		level = scopeWithdrew
	}
	enough := level > scopeRepeated || n >= int(x.P(scopeCalls))
	if !enough || s.knows(x) || !s.level.Rise(x, level) {
		return
	}
	s.told |= s.tried(x)
	r := detect.Raised{Score: 0.85, Evidence: s.marks.Since(x.Time, x.Within(scopeWithin)),
		Values: map[string]vedette.Value{"operations": of(operations, x.P(scopeOperations)), "calls": of(n, x.P(scopeCalls)),
			"granted": of(bits.OnesCount32(s.granted), 0)},
		Summary: fmt.Sprintf("Key %s tried %d kinds of operation that it may not do.", x.Name(), operations)}
	switch level {
	case scopeRepeated:
		r.Score, r.Severity = 0.5, vedette.Medium
		r.Summary = fmt.Sprintf("Key %s keeps trying what it may not do: %s.", x.Name(), x.Operation)
	case scopeWithdrew:
		r.Summary = fmt.Sprintf("Key %s tried a withdrawal that it may not make.", x.Name())
	}
	x.Raise(r)
})

// tried returns the operations of the window, as bits.
func (s *scopeState) tried(x *detect.Context) (bits uint32) {
	var buffer [detect.MaxMarks]uint32
	for _, op := range s.marks.Tags(x.Time, x.Within(scopeWithin), &buffer) {
		bits |= 1 << op
	}
	return bits
}

// knows reports whether a finding told of all that the window tried, and not long ago.
func (s *scopeState) knows(x *detect.Context) bool {
	now := uint32(x.Time / int64(time.Second))
	if float64(now-s.toldAt) > x.P(scopeTold) {
		s.told = 0
	}
	s.toldAt = now
	return s.tried(x)&^s.told == 0
}
