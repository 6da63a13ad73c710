package rule

import (
	"fmt"
	"strconv"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	walkDenied = iota
	walkDeniedDay
	walkShare
	walkBreadth
	walkTimes
	walkStride
	walkLearning
)

const (
	walkWide detect.Level = 1 + iota
	walkStrode
	walkRefused
)

var objectReasons = detect.Reasons(vedette.AccountMismatch)

type walkState struct {
	objects detect.Spread // in an hour
	denied  detect.Spread // in an hour
	daily   detect.Spread // in a day
	refused detect.Spread // denied in a day
	since   int64         // the first call with an object
	number  int64         // that the last object ends in
	stride  int64
	run     uint16 // objects in a row that lie a stride apart
	level   detect.Level
}

// ObjectWalk raises on a credential that goes through other people's objects (BOLA).
var ObjectWalk = detect.Define(detect.Detector{
	Name: "access.object_walk", Version: 1, Since: "0.2", Severity: vedette.High, By: detect.ByCredential, Quiet: 24 * time.Hour,
	Title: "A key walks through objects",
	Why:   "Accounts, orders or withdrawals of others are asked for one after the other to find one whose check is missing.",
	Look: "Who owns the objects in the evidence, and whether any that are another's answered with 200: then the venue does not check. A back office that " +
		"took over new sub-accounts reads many too, but its own.",
	Tags: []string{"attack:T1087", "owasp-api:API1:2023"},
	Params: []detect.Param{
		{Name: "denied_in_an_hour", Default: 8, Why: "different objects refused: a stale list of one's own has a few that are gone"},
		{Name: "denied_in_a_day", Default: 15, Why: "the slow form"},
		{Name: "denied_share", Default: 0.5, Why: "of the different objects: who guesses is refused mostly, who owns is not; calls do not count, so that a program's own polling hides nothing"},
		{Name: "objects_in_an_hour", Default: 30, Why: "one in two minutes: at one a minute a walk is told within the hour"},
		{Name: "times_habit", Default: 4, Why: "against the most of the hours before; a firm that doubles its accounts stays below"},
		{Name: "stride_run", Default: 12, Why: "objects in a row whose numbers lie equally far apart: ids of one's own do so by chance in twos and threes"},
		{Name: "learning_s", Unit: "s", Default: 86400, Why: "breadth and strides count only against the habit of a day: until then a firm's first sweep of its sub-accounts looks the same"},
	},
	When: func(e *detect.Event) bool {
		return e.Object != 0 && !e.Reported && (e.Verdict == vedette.Authentic || e.Verdict == vedette.Unauthorised) && e.Operation != vedette.OpUserLogin
	},
}, func(x *detect.Context, s *walkState) {
	if s.since == 0 {
		s.since = x.Time
	}
	s.step(x)
	n := s.objects.Add(x.Object, x.Time, time.Hour)
	daily := s.daily.Add(x.Object, x.Time, 24*time.Hour)
	if objectRefused(x.Event) {
		s.denied.Add(x.Object, x.Time, time.Hour)
		s.refused.Add(x.Object, x.Time, 24*time.Hour)
	}
	denied, refused := s.denied.Count(x.Time, time.Hour), s.refused.Count(x.Time, 24*time.Hour)
	fast := float64(denied) >= max(x.P(walkDenied), x.P(walkShare)*float64(n))
	slow := float64(refused) >= max(x.P(walkDeniedDay), x.P(walkShare)*float64(daily))
	wide := float64(n) >= x.P(walkBreadth) && float64(n) > x.P(walkTimes)*s.objects.Habit()
	learned := x.Time-s.since >= int64(x.Within(walkLearning))
	level := detect.Level(0)
	switch {
	case fast || slow:
		level = walkRefused
	case learned && float64(s.run) >= x.P(walkStride) && float64(n) > 2*s.objects.Habit():
		level = walkStrode
	case learned && wide:
		level = walkWide
	}
	if level != 0 && s.level.Rise(x, level) {
		raiseWalk(x, s, level, n, max(denied, refused))
	}
})

// objectRefused reports whether the object was refused as another's or as none. A cancel that comes too
// late finds its order gone, and is no guess.
func objectRefused(e *detect.Event) bool {
	late := e.Operation == vedette.OpOrderCancel || e.Operation == vedette.OpOrderAmend
	return e.Reasons&objectReasons != 0 || used(e) && (e.Status == 401 || e.Status == 403 || e.Status == 404 && !late)
}

// step measures how the object's number lies to the last one's.
func (s *walkState) step(x *detect.Context) {
	n, ok := x.Number(detect.TextObject)
	stride := n - s.number
	switch {
	case !ok:
		s.run = 0
	case stride == 0:
		return
	case stride == s.stride && s.run < 1<<15:
		s.run++
	default:
		s.run = 1
	}
	s.number, s.stride = n, stride
}

func raiseWalk(x *detect.Context, s *walkState, level detect.Level, n, denied int) {
	r := detect.Raised{Score: 0.85, Values: map[string]vedette.Value{"objects_in_an_hour": of(n, x.P(walkBreadth)), "habit": of(s.objects.Habit(), 0),
		"denied": of(denied, x.P(walkDenied)), "stride_run": of(int(s.run), x.P(walkStride))},
		Summary: fmt.Sprintf("Key %s asked for some %d objects that are not its own or do not exist.", x.Name(), denied)}
	switch level {
	case walkWide:
		r.Score, r.Severity = 0.5, vedette.Medium
		r.Summary = fmt.Sprintf("Key %s asked for some %d objects in an hour, against at most %s before.", x.Name(), n, strconv.FormatFloat(s.objects.Habit(), 'f', 0, 64))
	case walkStrode:
		r.Score = 0.8
		r.Summary = fmt.Sprintf("Key %s asked for %d objects in a row whose numbers lie %d apart.", x.Name(), s.run+1, s.stride)
	}
	x.Raise(r)
}
