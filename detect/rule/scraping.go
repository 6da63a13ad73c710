package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	scrapingInstruments = iota
	scrapingObjects
	scrapingCalls
	scrapingBusy
	scrapingTimes
	scrapingIdle
	scrapingBulk
	scrapingBreadth
	scrapingFull
)

type scrapingState struct {
	instruments detect.Spread // read in an hour
	objects     detect.Spread // accounts and their like, read in an hour
	reads       detect.Counter
	traded      int64 // when it last changed something, Unix ns
	since       int64 // the first read, Unix ns
	level       detect.Level
}

const (
	scrapingMarket detect.Level = 1 + iota
	scrapingWhole               // of the market, all of it again and again
	scrapingAccounts
)

// Scraping raises on a source that reads broadly, steadily, and never trades.
var Scraping = detect.Define(detect.Detector{
	Name: "access.scraping", Version: 2, Since: "0.2", Severity: vedette.Low, By: detect.BySource, Quiet: 24 * time.Hour,
	Title: "An address that only collects",
	Why:   "Data is harvested, to be sold or to prepare something; it takes capacity that traders pay for.",
	Look: "Whose address it is. A recorder of market data that everybody knows of is a benign trigger: it is raised once, and not again while it goes on. " +
		"Medium: it goes through accounts, or through the whole market again and again, as nobody does who looks for something.",
	Tags: []string{"attack:T1119", "owasp-api:API6:2023"},
	Params: []detect.Param{
		{Name: "instruments_in_an_hour", Default: 40, Why: "a person or a strategy looks at a few dozen"},
		{Name: "objects_in_an_hour", Default: 25, Why: "accounts, sub-accounts or addresses: a family office has fewer"},
		{Name: "calls_in_an_hour", Default: 50, Why: "at one a minute it is told within the hour"},
		{Name: "busy_slots", Default: 8, Max: 16, Why: "of the sixteen of the hour: a program goes on, a person pauses; half an hour is enough to take all that a venue lists"},
		{Name: "times_habit", Default: 3, Why: "against the most of the hours before: who always read as much is known"},
		{Name: "idle_s", Unit: "s", Default: 86400, Why: "a market maker's address trades within any day"},
		{Name: "bulk_calls", Default: 1000, Why: "in an hour: twenty times what counts otherwise need not go on for long. It is over in minutes"},
		{Name: "breadth", Default: 100, Why: "instruments in an hour that make a medium of it: twice a screen full and more"},
		{Name: "full_slots", Default: 16, Max: 16, Why: "of the sixteen of the hour: who looks through the market and picks something is done by then"},
	},
	When: func(e *detect.Event) bool { return !e.Reported && e.Effect < vedette.Deny },
}, func(x *detect.Context, s *scrapingState) {
	switch x.Operation {
	case vedette.OpMarketRead:
		if x.Subject[detect.ByInstrument] != 0 {
			s.instruments.Add(x.Subject[detect.ByInstrument], x.Time, time.Hour)
		}
	case vedette.OpAccountRead, vedette.OpOrderQuery:
		if x.Object != 0 {
			s.objects.Add(x.Object, x.Time, time.Hour)
		}
	case vedette.OpSessionLogin, vedette.OpSessionLogout, vedette.OpUnknown:
		return
	default:
		if x.Verdict == vedette.Authentic {
			s.traded = max(s.traded, x.Time)
		}
		return
	}
	if s.traded != 0 && x.Time-s.traded < int64(x.Within(scrapingIdle)) {
		return
	}
	if s.since == 0 {
		s.since = x.Time
	}
	calls := s.reads.Add(x.Time, time.Hour, 1)
	if bulk := float64(calls) >= x.P(scrapingBulk); float64(calls) < x.P(scrapingCalls) || float64(s.reads.Busy()) < x.P(scrapingBusy) && !bulk {
		return
	}
	s.judge(x, calls)
})

func (s *scrapingState) judge(x *detect.Context, calls uint32) {
	instruments, objects := s.instruments.Count(x.Time, time.Hour), s.objects.Count(x.Time, time.Hour)
	young := x.Time-s.since < int64(x.Within(scrapingIdle)) // an hour or two are no habit
	above := func(n, limit int, s *detect.Spread) bool {
		return float64(n) >= x.P(limit) && float64(n) > x.P(scrapingTimes)*s.Habit()
	}
	level, whole := detect.Level(0), float64(calls) >= x.P(scrapingBulk) || float64(s.reads.Busy()) >= x.P(scrapingFull)
	switch {
	case above(objects, scrapingObjects, &s.objects):
		level = scrapingAccounts
	case whole && (above(instruments, scrapingBreadth, &s.instruments) || young && float64(instruments) >= x.P(scrapingBreadth)):
		level = scrapingWhole
	case above(instruments, scrapingInstruments, &s.instruments):
		level = scrapingMarket
	}
	if level == 0 || !s.level.Rise(x, level) {
		return
	}
	r := detect.Raised{Score: 0.4, Values: map[string]vedette.Value{"instruments_in_an_hour": of(instruments, x.P(scrapingInstruments)),
		"objects_in_an_hour": of(objects, x.P(scrapingObjects)), "calls_in_an_hour": of(calls, x.P(scrapingCalls)), "busy_slots": of(s.reads.Busy(), x.P(scrapingBusy))},
		Summary: fmt.Sprintf("%s reads some %d instruments an hour, steadily, and never trades.", x.Name(), instruments)}
	if level == scrapingWhole {
		r.Score, r.Severity = 0.6, vedette.Medium
		r.Summary = fmt.Sprintf("%s reads some %d instruments an hour, %d calls without a pause, and never trades.", x.Name(), instruments, calls)
	}
	if level == scrapingAccounts {
		r.Score, r.Severity = 0.6, vedette.Medium
		r.Summary = fmt.Sprintf("%s reads some %d accounts or the like an hour, steadily, and never trades.", x.Name(), objects)
	}
	x.Raise(r)
}
