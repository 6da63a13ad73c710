package rule

import (
	"fmt"
	"time"

	"vedette"
	"vedette/detect"
)

const (
	sharedTurns = iota
	sharedWithin
	sharedLearning
	sharedYoung
	sharedPool
	sharedNearTurns
	sharedNearWithin
)

// face is how a credential's user looks: where from, with what.
type face struct {
	subnet, network, software uint32 // short hashes
	first, last               uint32 // s since 1970
}

const (
	sharedNear    detect.Level = 1 + iota // same software elsewhere in the same network
	sharedHosts                           // same software in separated networks
	sharedTenants                         // other software elsewhere in the same network
	sharedApart                           // other software in separated networks
)

type sharedState struct {
	faces   [5]face
	since   uint32 // the first use, s since 1970
	turned  uint32 // when the faces last took turns
	neared  uint32 // when two of one network and software last did
	current uint8
	turns   uint8
	near    uint8 // turns of such
	strange uint8 // faces that came after the learning time, or when there were too many
	level   detect.Level
}

// SharedKey raises on a credential that two parties use at the same time: one that is known and one that
// is new take turns. What a credential does from its first day is its way.
var SharedKey = detect.Define(detect.Detector{
	Name: "access.shared_key", Version: 2, Since: "0.2", Severity: vedette.High, By: detect.ByCredential, Quiet: 24 * time.Hour,
	Title: "A key in use at two places at once",
	Why:   "A thief uses a key while its owner does. Or two programs share one, so that neither can be told or stopped alone.",
	Look: "Which of the two came later, and what it does that the other does not. A move to another data centre runs old and new side by side for hours, " +
		"mostly with the same software (medium). Low: the same software twice in one network, as a second machine or a careful thief. A portfolio service that the owner gave the key to reads only: advise a key of its own.",
	Tags: []string{"attack:T1078", "owasp-api:API2:2023"},
	Params: []detect.Param{
		{Name: "turns", Default: 3, Max: 255, Why: "times that the known party comes back while the other is there: a fail-over and back is one"},
		{Name: "within_s", Unit: "s", Default: 3600, Why: "small programs poll every few minutes to every hour; people who carry a key about do not change places three times in that"},
		{Name: "learning_s", Unit: "s", Default: 86400, Why: "a program of several sites shows them all within a day"},
		{Name: "young_s", Unit: "s", Default: 7 * 86400, Why: "a party that has been there a week is no news"},
		{Name: "pool", Default: 8, Why: "new places after the learning time, or beyond five: a key with more sits behind a pool of addresses, and only other software counts"},
		{Name: "near_turns", Default: 6, Max: 255, Why: "where network and software are the same: an address that changes does not come back"},
		{Name: "near_within_s", Unit: "s", Default: 3 * 3600, Why: "a thief who keeps to the owner's ways is as slow as the owner"},
	},
	When: func(e *detect.Event) bool { return used(e) && e.Subject[detect.BySource] != 0 },
}, func(x *detect.Context, s *sharedState) {
	now := uint32(x.Time / int64(time.Second))
	if s.since == 0 {
		s.since = now
	}
	was := s.current
	s.enter(x, now)
	if was == s.current || s.faces[was].last == 0 {
		return
	}
	a, b := &s.faces[was], &s.faces[s.current]
	level := s.apart(a, b)
	within := uint32(x.P(sharedWithin))
	young := max(a.first, b.first)
	news := young >= s.since+uint32(x.P(sharedLearning)) && now-young < uint32(x.P(sharedYoung))
	if level == 0 || !news || a.first <= b.first { // count the return of the older one
		return
	}
	if !s.turn(x, level, now, within) || level < sharedTenants && float64(s.strange) > x.P(sharedPool) {
		return
	}
	if s.level.Rise(x, level) {
		raiseShared(x, s, level)
		if level == sharedNear { // told once: it is a week old by that
			s.faces[was].first -= min(s.faces[was].first, uint32(x.P(sharedYoung)))
		}
	}
})

// turn counts a turn, and reports whether there were enough of them.
func (s *sharedState) turn(x *detect.Context, level detect.Level, now, within uint32) bool {
	n, at, least := &s.turns, &s.turned, x.P(sharedTurns)
	if level == sharedNear {
		n, at, least, within = &s.near, &s.neared, x.P(sharedNearTurns), uint32(x.P(sharedNearWithin))
	}
	if now-*at > within {
		*n = 0
	}
	*n, *at = min(*n, 254)+1, now
	if float64(*n) < least {
		return false
	}
	*n--
	return true
}

// enter makes the event's face the current one, in the place of the one that was not seen for longest
// if it is new.
func (s *sharedState) enter(x *detect.Context, now uint32) {
	f := face{subnet: detect.Fold(x.Subject[detect.BySubnet]), network: x.ASN, software: detect.Fold(detect.Pair(x.Subject[detect.ByFingerprint], x.Product)), first: now, last: now}
	oldest := uint8(0)
	for i := range s.faces {
		g := &s.faces[i]
		if g.last != 0 && g.subnet == f.subnet && g.software == f.software {
			g.last = max(g.last, now)
			s.current = uint8(i)
			return
		}
		if g.last < s.faces[oldest].last {
			oldest = uint8(i)
		}
	}
	if (s.faces[oldest].last != 0 || now >= s.since+uint32(x.P(sharedLearning))) && s.strange < 255 {
		s.strange++
	}
	s.faces[oldest], s.current = f, oldest
}

// apart says how two faces differ; 0 where they are one party, or its program has two libraries.
func (s *sharedState) apart(a, b *face) detect.Level {
	networks := a.network != b.network && a.network != 0 && b.network != 0
	blind := a.network == 0 || b.network == 0
	switch {
	case a.subnet == b.subnet:
		return 0
	case a.software == b.software && (networks || blind):
		return sharedHosts
	case a.software == b.software:
		return sharedNear
	case networks || blind:
		return sharedApart
	}
	return sharedTenants
}

func raiseShared(x *detect.Context, s *sharedState, level detect.Level) {
	r := detect.Raised{Score: 0.85, Values: map[string]vedette.Value{"turns": of(int(s.turns)+1, x.P(sharedTurns)), "new_places": of(int(s.strange), x.P(sharedPool))},
		Summary: fmt.Sprintf("Key %s is in use from two networks at once, with different software.", x.Name())}
	switch level {
	case sharedNear:
		r.Score, r.Severity = 0.3, vedette.Low
		r.Values["turns"] = of(int(s.near)+1, x.P(sharedNearTurns))
		r.Summary = fmt.Sprintf("Key %s is in use from two places of one network at once, with the same software.", x.Name())
	case sharedHosts:
		r.Score, r.Severity = 0.5, vedette.Medium
		r.Summary = fmt.Sprintf("Key %s is in use from two networks at once, with the same software.", x.Name())
	case sharedTenants:
		r.Score, r.Severity = 0.6, vedette.Medium
		r.Summary = fmt.Sprintf("Key %s is in use from two places of one network at once, with different software.", x.Name())
	}
	x.Raise(r)
}
