package behaviour

import (
	"fmt"
	"math"
	"strings"
	"time"

	"vedette/detect"
)

// Profile is what is known of a subject, as people and programs read it.
type Profile struct {
	Kind        string           `json:"kind"`    // of client: reader, trader, maker, treasury
	Learned     uint32           `json:"learned"` // windows
	Judged      string           `json:"judged"`  // by what: its own habits, or its cohort's too
	LastCall    time.Time        `json:"last_call"`
	HeldUntil   *time.Time       `json:"held_until,omitempty"` // nothing is learned until then
	PerMinute   [2]float64       `json:"calls_per_minute"`     // usual range, of minutes with calls
	SixHours    [2]float64       `json:"calls_per_six_hours"`
	Sensitive   [2]float64       `json:"sensitive_per_hour"`
	Failures    [2]float64       `json:"failures_per_quarter"`
	Endpoints   int              `json:"endpoints"` // different ones, as far as hashes tell
	Instruments int              `json:"instruments"`
	Clients     int              `json:"clients"` // TLS fingerprints
	Networks    int              `json:"networks"`
	Countries   int              `json:"countries"`
	Gap         [2]time.Duration `json:"gap_ns"`        // between calls, the most usual: from, to
	FrozenDays  int              `json:"frozen_days"`   // of the first week; more: days compared with it
	PerDay      [2]float64       `json:"calls_per_day"` // of the frozen week
	Ramp        float64          `json:"ramp"`          // deviations added up, negative for a fall
	P           float64          `json:"probability"`   // of the window judged last
}

// Read returns the profile of a credential or account of an engine, and whether there is one.
func Read(e *detect.Engine, by detect.Kind, venue, name string) (Profile, bool) {
	s, ok := Export(e, by, venue, name)
	return s.Profile(), ok && s.now.start != 0
}

// Export returns all that is kept of a subject, for Import on another engine of the same version.
func Export(e *detect.Engine, by detect.Kind, venue, name string) (s State, ok bool) {
	s.young, s.grown, ok = detect.Peek[young, grown](e, machine, by, venue, name)
	return s, ok
}

// Import replaces what is kept of a subject; the zero State resets it. It reports whether the subject is known.
func Import(e *detect.Engine, by detect.Kind, venue, name string, s State) bool {
	return detect.Poke(e, machine, by, venue, name, s.young, s.grown)
}

// Profile renders a state.
func (s *State) Profile() Profile { return subject{&s.young, &s.grown}.profile() }

func (s subject) profile() Profile {
	p := Profile{Kind: s.habit.kind().name, Learned: s.learned, Judged: "own habits", LastCall: time.Unix(0, s.last).UTC(), P: s.p,
		Endpoints: s.habit.n(mixAt, mixCells), Instruments: s.habit.n(instrumentAt, instrumentCells), FrozenDays: int(s.days), Ramp: float64(s.slow.ramp[rampCalls].Up)}
	if s.learned < warmWindows {
		p.Judged = "its cohort's habits and its own"
	}
	if s.held > s.last {
		t := time.Unix(0, s.held).UTC()
		p.HeldUntil = &t
	}
	for i, band := range map[int]*[2]float64{meterWindow: &p.PerMinute, meterSixHours: &p.SixHours, meterSensitive: &p.Sensitive, meterFailures: &p.Failures} {
		band[0], band[1] = s.band(i)
	}
	p.PerDay[0], p.PerDay[1] = expBand(s.slow.daily[rampCalls].blend(Spread{}, 1e-9))
	if r := s.slow.ramp[rampCalls]; r.Down > r.Up {
		p.Ramp = -float64(r.Down)
	}
	for _, k := range s.known {
		if k.value != 0 {
			[]func(){func() { p.Clients++ }, func() { p.Networks++ }, func() { p.Countries++ }}[(k.value-1)&3]()
		}
	}
	most := 0
	var gaps [gapCells]uint8
	s.habit.dense(gaps[:], gapsAt)
	for i, c := range gaps {
		if c > gaps[most] {
			most = i
		}
	}
	p.Gap = [2]time.Duration{gapFrom(most), gapFrom(most + 1)}
	return p
}

// gapFrom is where a cell of gaps begins.
func gapFrom(cell int) time.Duration {
	if cell == 0 {
		return 0
	}
	return time.Duration(math.Exp2(float64(2*cell-2))) << 20
}

// String says it in words.
func (p Profile) String() string {
	var b strings.Builder
	f := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	f("A %s; %d windows learned, judged by %s. Last call %s.\n", p.Kind, p.Learned, p.Judged, p.LastCall.Format(time.RFC3339))
	f("Usual: %s calls in a minute with calls, %s in six hours; %s sensitive calls an hour; %s failures in a quarter of an hour.\n",
		between(p.PerMinute[0], p.PerMinute[1]), between(p.SixHours[0], p.SixHours[1]), between(p.Sensitive[0], p.Sensitive[1]), between(p.Failures[0], p.Failures[1]))
	f("It uses %d endpoints and %d instruments, from %d clients, %d networks and %d countries; %v to %v between calls.\n",
		p.Endpoints, p.Instruments, p.Clients, p.Networks, p.Countries, p.Gap[0].Round(time.Millisecond), p.Gap[1].Round(time.Millisecond))
	if p.FrozenDays < freezeAfter {
		f("The frozen baseline is %d of %d days old.\n", p.FrozenDays, freezeAfter)
	} else {
		f("Frozen baseline: %s calls a day; the days since deviate by %.1f in sum.\n", between(p.PerDay[0], p.PerDay[1]), p.Ramp)
	}
	if p.HeldUntil != nil {
		f("Nothing is learned until %s: it was found odd.\n", p.HeldUntil.Format(time.RFC3339))
	}
	return b.String()
}
