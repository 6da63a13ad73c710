package gate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vedette"
	"vedette/internal/bound"
)

// stepUps are the credentials whose users authenticated more strongly, as the venue said,
// and until when on the gate's clock. They are not kept over a restart: who then still
// needs one authenticates again.
type stepUps struct {
	mu sync.RWMutex
	m  map[stepUpOf]int64
}

type stepUpOf struct{ venue, credential string }

// StepUp lets calls of the credential pass step-up restrictions from now on until s ends,
// in place of an earlier step-up of it. record is called before that, once nothing else is
// wrong, and its error leaves all as it was.
func (g *Gate) StepUp(s vedette.StepUpGrant, now time.Time, record func() error) error {
	if err := cmp.Or(bound.Check(maxScopeBytes, "venue", s.Venue, "credential", s.Credential, "by", s.By), bound.Check(maxReasonBytes, "reason", s.Reason)); err != nil {
		return fmt.Errorf("cannot step up: %w", err)
	}
	left := s.Until.Sub(now.Round(0))
	switch {
	case s.Venue == "" || s.Credential == "":
		return errors.New("cannot step up: name a venue and a credential")
	case left <= 0:
		return fmt.Errorf("cannot step up: until, %s, is past", s.Until.Format(time.RFC3339))
	case left > maxStepUp:
		return fmt.Errorf("cannot step up for %v: at most %v", left, maxStepUp)
	}
	g.changing.Lock()
	defer g.changing.Unlock()
	clock := g.clock(now)
	g.stepUps.expire(clock)
	if n := g.stepUps.len(); n >= maxStepUps {
		return fmt.Errorf("cannot step up: %d step-ups are in force, the limit", n)
	}
	if err := record(); err != nil {
		return fmt.Errorf("cannot step up: %w", err)
	}
	g.stepUps.set(stepUpOf{s.Venue, s.Credential}, clock+int64(left))
	return nil
}

func (s *stepUps) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.m)
}

func (s *stepUps) set(of stepUpOf, until int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[stepUpOf]int64{}
	}
	s.m[of] = until
}

func (s *stepUps) expire(clock int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for of, until := range s.m {
		if clock >= until {
			delete(s.m, of)
		}
	}
}

// steppedUp reports whether the call satisfies the step-up restriction r: its credential
// was stepped up, or its access token says that the user authenticated as r asks.
func (g *Gate) steppedUp(r *rule, c *vedette.Call, at time.Time, clock int64) bool {
	if c.Verdict != vedette.Authentic {
		return false // it only says whose it is
	}
	g.stepUps.mu.RLock()
	until, ok := g.stepUps.m[stepUpOf{c.Venue, c.Credential}]
	g.stepUps.mu.RUnlock()
	if ok && clock < until {
		return true
	}
	if r.ACR == "" && r.AMR == "" && r.MaxAge == 0 {
		return !c.AuthTime.IsZero() && !c.AuthTime.Before(r.From)
	}
	if r.ACR != "" && (c.ACR == "" || !slices.Contains(strings.Fields(r.ACR), c.ACR)) {
		return false
	}
	for m := range strings.FieldsSeq(r.AMR) {
		if !slices.Contains(c.AMR, m) {
			return false
		}
	}
	return r.MaxAge == 0 || !c.AuthTime.IsZero() && at.Sub(c.AuthTime) <= time.Duration(r.MaxAge)*time.Second
}
