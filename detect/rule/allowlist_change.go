package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	allowWithin = iota
	allowSettled
)

const (
	allowTwice  detect.Level = 1 + iota // two kinds of change, from places that are known
	allowUnseen                         // nobody knows where from
	allowNew                            // from a place new to the account
)

// change is the last change of one kind: of the allowlist, of keys, of permissions.
type change struct {
	at       int64
	position uint64
	placed   bool // it is known where it came from
	strange  bool // from a place new to the account
}

var changeKinds = [3]string{"its allowlist was changed", "a key was created", "a permission was changed"}

type allowState struct {
	places  detect.Slots
	since   int64 // the first use
	changes [len(changeKinds)]change
	level   detect.Level
}

// AllowlistChange raises when an account lets more in or out, and money leaves within hours. Owners do
// that too: it matters where from.
var AllowlistChange = detect.Define(detect.Detector{
	Name: "access.allowlist_change", Version: 1, Since: "0.2", Severity: vedette.High, By: detect.ByAccount, Quiet: time.Hour,
	Title: "Money leaves shortly after an account was opened up",
	Why:   "An allowlist, a permission or a key is all that stands between a thief and the money: it is changed first, and used at once.",
	Look: "Where the change came from, and whether the destination was ever used before. Hold the withdrawal and ask the owner. The owner's own change comes " +
		"from where they always are.",
	Tags: []string{"attack:T1098", "owasp-api:API5:2023"},
	Params: []detect.Param{
		{Name: "within_s", Unit: "s", Default: 86400, Why: "venues let new addresses wait for 24 h where the owner asked for it; without that a thief waits for minutes"},
		{Name: "settled_s", Unit: "s", Default: 86400, Why: "a network that has been the account's for a day is its owner's, unless something else says otherwise"},
	},
	When: func(e *detect.Event) bool { return used(e) || e.Reported },
}, func(x *detect.Context, s *allowState) {
	if s.since == 0 {
		s.since = x.Time
	}
	placed, strange := s.place(x)
	kind := -1
	switch x.Operation {
	case vedette.OpAllowlistChange:
		kind = 0
	case vedette.OpKeyCreate:
		kind = 1
	case vedette.OpKeyChange:
		kind = 2
	case vedette.OpWithdraw, vedette.OpTransfer:
		if done(x.Event) {
			s.withdraw(x, placed, strange)
		}
	}
	if kind >= 0 && done(x.Event) {
		s.changes[kind] = change{x.Time, x.Position, placed, strange}
	}
})

// place notes where the event came from, and reports whether that is known and whether it is new to
// an account that is not itself new.
func (s *allowState) place(x *detect.Context) (placed, strange bool) {
	from := network(x.Event)
	if from == 0 {
		return false, false
	}
	since, settled := s.since, int64(x.Within(allowSettled))
	known, _ := s.places.Use(from, x.Time)
	return true, x.Time-since >= settled && known > since && x.Time-known < settled
}

// withdraw weighs a withdrawal against the changes before it.
func (s *allowState) withdraw(x *detect.Context, placed, strange bool) {
	kinds, last := 0, -1
	for i, c := range s.changes {
		if c.at == 0 || x.Time-c.at > int64(x.Within(allowWithin)) {
			continue
		}
		kinds++
		placed, strange = placed || c.placed, strange || c.strange
		if last < 0 || c.at > s.changes[last].at {
			last = i
		}
	}
	level := detect.Level(0)
	switch {
	case kinds == 0:
		return
	case strange:
		level = allowNew
	case !placed:
		level = allowUnseen
	case kinds > 1:
		level = allowTwice
	}
	if level == 0 || !s.level.Rise(x, level) {
		return
	}
	after := time.Duration(x.Time - s.changes[last].at)
	r := detect.Raised{Score: [...]float64{0, 0.3, 0.5, 0.85}[level], Severity: [...]vedette.Severity{0, vedette.Low, vedette.Medium, vedette.High}[level],
		Evidence: []uint64{s.changes[last].position},
		Values:   map[string]vedette.Value{"after_s": of(after.Seconds(), x.P(allowWithin)), "kinds": of(kinds, 1)},
		Summary:  fmt.Sprintf("Account %s: %s %v after %s%s.", x.Name(), x.Operation, after.Round(time.Second), changeKinds[last], [...]string{"", "", "", ", from a network new to it"}[level])}
	if address := x.Text(detect.TextAddress); address != "" {
		r.Related = []string{address}
	}
	x.Raise(r)
}
