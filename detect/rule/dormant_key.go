package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	dormantDays = iota
	dormantAwake
	dormantHabit
)

const (
	dormantTraded   detect.Level = 1 + iota // by the network and software of before
	dormantReadElse                         // by another network or software
	dormantWithdrew
	dormantTradedElse
	dormantWithdrewElse
)

type dormantState struct {
	last  int64 // use
	woke  int64
	gap   int64  // the silence that it woke from, ns
	habit int64  // the longest silence before that, ns
	home  uint32 // the network before the silence, a short hash
	tool  uint32 // and the software
	level detect.Level
}

// DormantKey raises on the first use of a credential after long silence, and again when it goes on to
// trade or withdraw. Only authentic calls are use: a stranger's tries wake nothing.
var DormantKey = detect.Define(detect.Detector{
	Name: "access.dormant_key", Version: 2, Since: "0.2", Severity: vedette.Medium, By: detect.ByCredential, Quiet: 24 * time.Hour,
	Title: "A key wakes after long silence",
	Why:   "Nobody watches a key that is not in use. Those stolen from Binance's users in 2018 lay still for weeks before they traded at once.",
	Look: "From another network or with other software than before the silence it is medium for reading, high for trading, critical for withdrawing. Where both are " +
		"the same the owner started something again, most likely: nothing for reading, low for trading, medium for withdrawing. Keys that nobody needs any more are " +
		"best deleted. A key that gave way to others for lack of room is forgotten, and new when it comes back.",
	Tags: []string{"attack:T1078", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "silence_s", Unit: "s", Default: 30 * 86400, Why: "monthly jobs come at most 31 days apart, and after the first time are the key's habit"},
		{Name: "awake_s", Unit: "s", Default: 86400, Why: "as long a key that woke is not in use as usual"},
		{Name: "habit_share", Default: 0.5, Why: "a silence is nothing new to a key that was once silent half as long, if that was long too"},
	},
	When: used,
}, func(x *detect.Context, s *dormantState) {
	gap := x.Time - s.last
	if s.last != 0 && gap >= int64(x.Within(dormantDays)) {
		s.habit = max(s.habit, s.gap)
		s.woke, s.gap = x.Time, gap
	}
	s.last = max(s.last, x.Time)
	home, tool := detect.Fold(network(x.Event)), detect.Fold(detect.Pair(x.Subject[detect.ByFingerprint], x.Product))
	if s.woke == 0 || x.Time-s.woke > int64(x.Within(dormantAwake)) {
		s.home, s.tool = home, tool
		return
	}
	if float64(s.habit) >= x.P(dormantHabit)*float64(s.gap) {
		return
	}
	level, apart := detect.Level(0), s.home != home || s.tool != tool
	switch out := x.Operation == vedette.OpWithdraw || x.Operation == vedette.OpTransfer; {
	case out && apart:
		level = dormantWithdrewElse
	case out:
		level = dormantWithdrew
	case x.Operation.Changes() && x.Operation != vedette.OpUnknown && apart:
		level = dormantTradedElse
	case x.Operation.Changes() && x.Operation != vedette.OpUnknown:
		level = dormantTraded
	case apart:
		level = dormantReadElse
	}
	if level == 0 || !s.level.Rise(x, level) {
		return
	}
	days, with := float64(s.gap)/float64(24*time.Hour), "as before"
	if apart {
		with = "from another network or with other software"
	}
	x.Raise(detect.Raised{Score: [...]float64{0, 0.3, 0.6, 0.6, 0.85, 0.95}[level],
		Severity: [...]vedette.Severity{0, vedette.Low, vedette.Medium, vedette.Medium, vedette.High, vedette.Critical}[level],
		Values:   map[string]vedette.Value{"days": of(days, x.P(dormantDays)/86400)},
		Summary:  fmt.Sprintf("Key %s does %s after %.0f days of silence, %s.", x.Name(), x.Operation, days, with)})
})
