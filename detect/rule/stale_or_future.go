package rule

import (
	"fmt"
	"math"
	"slices"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	staleCalls = iota
	staleWithin
	staleSpread
	staleTold
)

const (
	staleDrift detect.Level = 1 + iota
	staleExpired
	staleDelayed
)

// untimed is the tag of a call that says no time of its own.
const untimed = math.MinInt32

var staleReasons = detect.Reasons(vedette.WindowPassed, vedette.ClockAhead)

type staleState struct {
	marks  detect.Marks // tagged with arrival less claimed time, ms
	source uint64       // of the first within the window
	places bool         // others came too
	told   int32        // the skew that was told, ms
	toldAt int64        // when the clock was last seen to be off by it, or about; 0 for never
	level  detect.Level
}

// StaleOrFuture raises on times outside the venue's window and tells a client's wrong clock from
// requests that were held back.
var StaleOrFuture = detect.Define(detect.Detector{
	Name: "access.stale_or_future", Version: 3, Since: "0.1", Severity: vedette.Medium, By: detect.ByCredential, Quiet: time.Hour,
	Title: "Requests outside their time window",
	Why:   "Requests held back and sent later come with scattered delays. A client whose clock is off comes with one delay, always the same.",
	Look: "With the tag `cause:clock_drift` all came from one address with one delay: tell the owner the skew. Many credentials at once: look at the " +
		"monitor's own clock first. With `cause:delayed` compare `claimed_time` with `time` in the evidence, and whether the client is the usual one.",
	Tags: []string{"attack:T1557"},
	Params: []detect.Param{
		{Name: "calls", Default: 3, Max: detect.MaxMarks, Why: "one late packet and its repetition are not enough to tell a spread"},
		{Name: "within_s", Unit: "s", Default: 600, Why: "a quartz clock off by 100 ppm, worse than most, moves 60 ms in that time: far less than the spread"},
		{Name: "spread_s", Unit: "s", Default: 0.5, Why: "network jitter is mostly below 100 ms, and delays of requests held back scatter more"},
		{Name: "told_s", Unit: "s", Default: 7 * 86400, Why: "for which a clock must have been right for its being off to be news again: who was told of it sets it or does not"},
	},
	Asks: detect.Odd,
	When: func(e *detect.Event) bool { return e.Verdict == vedette.Stale && e.Reasons&staleReasons != 0 },
}, func(x *detect.Context, s *staleState) {
	if n, _ := s.marks.Within(x.Time, x.Within(staleWithin)); n == 0 {
		s.source, s.places = x.Subject[detect.BySource], false
	}
	s.places = s.places || s.source != x.Subject[detect.BySource]
	skew := int64(untimed)
	if x.Claimed != 0 {
		skew = max(untimed+1, min((x.Time-x.Claimed)/int64(time.Millisecond), math.MaxInt32))
	}
	s.marks.Add(x.Event, uint32(int32(skew)))
	n, _ := s.marks.Within(x.Time, x.Within(staleWithin))
	if n < int(x.P(staleCalls)) {
		return
	}
	var buffer [detect.MaxMarks]int32
	skews := s.skews(x, buffer[:0])
	level := staleExpired
	if len(skews) > 0 {
		level = staleDelayed
		if spread(skews) <= x.Within(staleSpread) && !s.places {
			level = staleDrift
		}
	}
	if level == staleDrift && s.knows(x, skews[len(skews)/2]) {
		return
	}
	if s.level.Rise(x, level) {
		raiseStale(x, s, level, n, skews)
	}
})

// knows reports whether a clock's being off by a skew was told already, and remembers it. A clock that runs wrong goes on
// doing so, by up to 100 ppm.
func (s *staleState) knows(x *detect.Context, skew int32) bool {
	since := time.Duration(x.Time - s.toldAt)
	far := time.Duration(max(skew-s.told, s.told-skew)) * time.Millisecond
	known := s.toldAt != 0 && since < x.Within(staleTold) && far <= x.Within(staleSpread)+since/10_000
	s.told, s.toldAt = skew, x.Time
	return known
}

// skews returns those of the window, in order.
func (s *staleState) skews(x *detect.Context, list []int32) []int32 {
	var buffer [detect.MaxMarks]uint32
	for _, tag := range s.marks.Tags(x.Time, x.Within(staleWithin), &buffer) {
		if int32(tag) != untimed {
			list = append(list, int32(tag))
		}
	}
	slices.Sort(list)
	return list
}

func spread(sorted []int32) time.Duration {
	return time.Duration(int64(sorted[len(sorted)-1])-int64(sorted[0])) * time.Millisecond
}

func raiseStale(x *detect.Context, s *staleState, level detect.Level, n int, skews []int32) {
	r := detect.Raised{Values: map[string]vedette.Value{"calls": of(n, x.P(staleCalls))}, Evidence: s.marks.Since(x.Time, x.Within(staleWithin))}
	if len(skews) > 0 {
		r.Values["skew_s"] = of(float64(skews[len(skews)/2])/1000, 0)
		r.Values["spread_s"] = of(spread(skews).Seconds(), x.P(staleSpread))
	}
	switch level {
	case staleExpired:
		r.Score, r.Summary = 0.5, fmt.Sprintf("%d calls of key %s came after their expiry.", n, x.Name())
	case staleDrift:
		skew, way := time.Duration(skews[len(skews)/2])*time.Millisecond, "behind"
		if skew < 0 {
			skew, way = -skew, "ahead"
		}
		r.Score, r.Severity, r.Tags = 0.3, vedette.Low, []string{"cause:clock_drift"}
		r.Summary = fmt.Sprintf("The clock of the client with key %s is %v %s.", x.Name(), skew, way)
	default:
		r.Score, r.Tags = 0.8, []string{"cause:delayed"}
		r.Summary = fmt.Sprintf("%d calls of key %s came outside their time window, by times that scatter over %v: they were held back or kept.", n, x.Name(), spread(skews))
		if spread(skews) <= x.Within(staleSpread) {
			r.Summary = fmt.Sprintf("%d calls of key %s came outside their time window, from several addresses: copies are sent on.", n, x.Name())
		}
	}
	x.Raise(r)
}
