package gate

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"vedette"
)

// ErrUnknown says that no restriction has the id.
var ErrUnknown = errors.New("no such restriction")

// ErrNotSaved says that a change is in force, but OnChange failed: it may not
// outlast a restart.
var ErrNotSaved = errors.New("in force, but not saved")

// ChangeKind is what happened to a restriction.
type ChangeKind uint8

// The changes.
const (
	Added   ChangeKind = iota // or put in place of one with the same id
	Lifted                    // by Lift
	Expired                   // its Until passed, noticed by Expire
)

// Change is one change of the restrictions in force.
type Change struct {
	Kind        ChangeKind
	Restriction vedette.Restriction
}

// Set puts a restriction in force for the next call, in place of one with the
// same id. It fills in ID and From where they are missing, and returns what is in
// force. An error that wraps ErrNotSaved leaves it in force, any other does not.
func (g *Gate) Set(r vedette.Restriction, now time.Time) (vedette.Restriction, error) {
	fresh, err := newRule(r, now, g.clock(now))
	if err == nil {
		err = checkTimes(fresh.Restriction, now)
	}
	if err != nil {
		return r, fmt.Errorf("cannot set restriction: %w", err)
	}
	g.changing.Lock()
	defer g.changing.Unlock()
	if err := g.put(fresh); err != nil {
		return r, err
	}
	return fresh.Restriction, g.changed(Added, fresh)
}

// Impose puts a restriction in force as Set does, and leaves it to save to call OnChange, so that
// the caller, and whoever waits for it, need not wait for that. save does nothing if the
// restriction was lifted or replaced meanwhile.
func (g *Gate) Impose(r vedette.Restriction, now time.Time) (save func() error, err error) {
	fresh, err := newRule(r, now, g.clock(now))
	if err == nil {
		err = checkTimes(fresh.Restriction, now)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot set restriction: %w", err)
	}
	fresh.unsaved = true
	if err := g.put(fresh); err != nil {
		return nil, err
	}
	return func() error {
		g.changing.Lock()
		defer g.changing.Unlock()
		g.mu.Lock()
		still := g.rules[fresh.ID] == fresh
		fresh.unsaved = false
		g.mu.Unlock()
		if !still {
			return nil
		}
		return g.changed(Added, fresh)
	}, nil
}

func (g *Gate) put(fresh *rule) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	x := g.index.Load()
	old := g.rules[fresh.ID]
	switch {
	case old == nil && len(g.rules) >= maxRestrictions:
		return fmt.Errorf("cannot set restriction: %d are in force, the limit", len(g.rules))
	case old != nil:
		if fresh.sameThrottle(old) {
			fresh.bucket = old.bucket
		}
		x = x.without(old)
	}
	g.rules[fresh.ID] = fresh
	g.index.Store(x.with(fresh))
	g.tighter()
	return nil
}

// Lift takes a restriction out of force for the next call and returns it. Its
// error wraps ErrUnknown, or ErrNotSaved where it is lifted all the same.
func (g *Gate) Lift(id string) (vedette.Restriction, error) {
	g.changing.Lock()
	defer g.changing.Unlock()
	r := g.remove(id, nil)
	if r == nil {
		return vedette.Restriction{}, fmt.Errorf("cannot lift %q: %w", id[:min(len(id), 64)], ErrUnknown)
	}
	return r.Restriction, g.changed(Lifted, r)
}

// remove takes out the rule with the id, where only is set if it is that one, and returns it.
func (g *Gate) remove(id string, only *rule) *rule {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.rules[id]
	if r == nil || only != nil && r != only {
		return nil
	}
	delete(g.rules, id)
	g.index.Store(g.index.Load().without(r))
	return r
}

// Expire forgets the restrictions and step-ups that have ended and returns the
// restrictions. They were out of force before; call it now and then to free their memory.
func (g *Gate) Expire(now time.Time) ([]vedette.Restriction, error) {
	g.changing.Lock()
	defer g.changing.Unlock()
	clock := g.clock(now)
	g.stepUps.expire(clock)
	var gone []vedette.Restriction
	var errs []error
	for _, r := range g.sorted() {
		if clock < r.until || g.remove(r.ID, r) == nil { // or another was imposed in its place meanwhile
			continue
		}
		gone = append(gone, r.Restriction)
		errs = append(errs, g.changed(Expired, r))
	}
	return gone, errors.Join(errs...)
}

func (g *Gate) changed(k ChangeKind, r *rule) error {
	if g.onChange == nil {
		return nil
	}
	if err := g.onChange(Change{k, r.Restriction}); err != nil {
		return fmt.Errorf("restriction %s is %w: %w", r.ID, ErrNotSaved, err)
	}
	return nil
}

// Load makes the restrictions all that are in force, at once. OnChange is not called. A
// restriction that is not valid is left out and named by the error; the others
// are in force even then. Those that were in force as they are go on, with their buckets.
func (g *Gate) Load(restrictions []vedette.Restriction, now time.Time) error {
	_, _, err := g.LoadFrom(func() ([]vedette.Restriction, error) { return restrictions, nil }, now)
	return err
}

// LoadFrom loads what read returns, after another process changed what is stored, and returns what came into force by
// that and what fell away. No restriction is set or lifted between the two; what is imposed and not yet saved stays. An
// error of read changes nothing.
func (g *Gate) LoadFrom(read func() ([]vedette.Restriction, error), now time.Time) (added, dropped []vedette.Restriction, err error) {
	g.changing.Lock()
	defer g.changing.Unlock()
	restrictions, err := read()
	if err != nil {
		return nil, nil, err
	}
	if g.inForce(restrictions, g.clock(now)) {
		return nil, nil, nil
	}
	return g.load(restrictions, now)
}

// inForce reports whether these are the restrictions in force, and none has ended.
func (g *Gate) inForce(list []vedette.Restriction, clock int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range list {
		if old := g.rules[r.ID]; old == nil || !same(old.Restriction, r) || clock >= old.until {
			return false
		}
	}
	return len(list) == len(g.rules)
}

// same compares two restrictions, one of which may have been stored meanwhile.
func same(a, b vedette.Restriction) bool {
	if !a.From.Equal(b.From) || !a.Until.Equal(b.Until) {
		return false
	}
	b.From, b.Until = a.From, a.Until
	return a == b
}

func (g *Gate) load(restrictions []vedette.Restriction, now time.Time) (added, dropped []vedette.Restriction, err error) {
	x, rules, clock := newIndex(), map[string]*rule{}, g.clock(now)
	var errs []error
	for _, r := range restrictions {
		fresh, err := g.renewed(r, now, clock)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("cannot load restriction %q: %w", r.ID[:min(len(r.ID), 64)], err))
			continue
		case clock >= fresh.until:
			continue
		case rules[fresh.ID] == nil && len(rules) >= maxRestrictions:
			return nil, nil, fmt.Errorf("cannot load restrictions: there are over %d", maxRestrictions)
		}
		if old := rules[fresh.ID]; old != nil {
			x.edit(old, false, false)
		}
		rules[fresh.ID] = fresh
		x.edit(fresh, true, false)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, r := range rules {
		switch old := g.rules[id]; {
		case old == nil:
			added = append(added, r.Restriction)
		case r.sameThrottle(old):
			r.bucket = old.bucket
		}
	}
	for id, old := range g.rules {
		switch r := rules[id]; {
		case old.unsaved:
			if r != nil {
				x.edit(r, false, false)
			}
			rules[id] = old
			x.edit(old, true, false)
		case r == nil && clock < old.until:
			dropped = append(dropped, old.Restriction)
		}
	}
	g.rules = rules
	g.index.Store(x)
	g.tighter()
	byID := func(a, b vedette.Restriction) int { return cmp.Compare(a.ID, b.ID) }
	slices.SortFunc(added, byID)
	slices.SortFunc(dropped, byID)
	return added, dropped, errors.Join(errs...)
}

// renewed returns the rule of a restriction. What is in force as it is stays, so that a clock that was
// set does not move its end.
func (g *Gate) renewed(r vedette.Restriction, now time.Time, clock int64) (*rule, error) {
	g.mu.Lock()
	old := g.rules[r.ID]
	g.mu.Unlock()
	if old != nil && same(old.Restriction, r) {
		return old, nil
	}
	return newRule(r, now, clock)
}

// List returns the restrictions by id, also those whose Until has passed since
// the last Expire.
func (g *Gate) List() []vedette.Restriction {
	rules := g.sorted()
	list := make([]vedette.Restriction, len(rules))
	for i, r := range rules {
		list[i] = r.Restriction
	}
	return list
}

// sorted returns the rules by id.
func (g *Gate) sorted() []*rule {
	g.mu.Lock()
	list := slices.Collect(maps.Values(g.rules))
	g.mu.Unlock()
	slices.SortFunc(list, func(a, b *rule) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Restriction returns the restriction with the id, in force or just ended.
func (g *Gate) Restriction(id string) (vedette.Restriction, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.rules[id]
	if r == nil {
		return vedette.Restriction{}, false
	}
	return r.Restriction, true
}

// Stats are figures of the gate since its start.
type Stats struct {
	Restrictions int // in force, or expired and not yet forgotten
	// Reused counts the buckets of idle subjects that were given to other subjects,
	// which loses nothing.
	Reused uint64
	// Overflowed counts calls that were limited together with those of other
	// subjects, since the table had no room for their own. Raise TableSize.
	Overflowed uint64
}

// Stats returns the figures now.
func (g *Gate) Stats() Stats {
	g.mu.Lock()
	s := Stats{Restrictions: len(g.rules)}
	g.mu.Unlock()
	for _, t := range []*table{g.credential, g.account, g.source, g.unverified} {
		s.Reused += t.replaced.Load()
		s.Overflowed += t.overflow.Load()
	}
	return s
}
