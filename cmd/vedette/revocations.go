package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"vedette"
	"vedette/verify/token"
)

// revocations are the access tokens that people ended, in force at the verifiers.
type revocations struct {
	mu      sync.Mutex // orders changes
	known   map[string]vedette.Revocation
	unsaved map[string]vedette.Revocation
}

// keepRevoked is how long the store keeps a revocation that has ended, for a clock that was ahead.
const keepRevoked = 24 * time.Hour

// startRevocations puts what is stored in force.
func (a *app) startRevocations(ctx context.Context) error {
	list, err := a.store.LoadRevocations(ctx)
	if err != nil {
		return err
	}
	a.revoked.known, a.revoked.unsaved = map[string]vedette.Revocation{}, map[string]vedette.Revocation{}
	for _, r := range list {
		if err := a.revoke(r); err != nil {
			return fmt.Errorf("cannot restore revocation %s: %w", r.ID, err)
		}
	}
	return nil
}

// revoke puts a revocation in force, at the verifiers of its issuer. One of an issuer that the
// configuration does not name now ends nothing.
func (a *app) revoke(r vedette.Revocation) error {
	for _, b := range a.bearers {
		if r.Issuer != "" && r.Issuer != b.issuer {
			continue
		}
		if err := b.Revoke(r); err != nil {
			return err
		}
	}
	a.revoked.known[r.ID] = r
	return nil
}

// errNotStored says that a revocation is in force, and may not outlast a restart.
var errNotStored = errors.New("in force, but not saved")

// Revoke implements api.Orders.
func (a *app) Revoke(r vedette.Revocation) (vedette.Revocation, error) {
	r.From = a.now().UTC()
	r, err := token.CheckRevocation(r, a.now())
	if err != nil {
		return r, err
	}
	if !slices.ContainsFunc(a.bearers, func(b bearer) bool { return r.Issuer == "" || r.Issuer == b.issuer }) {
		return r, unknownIssuer(r.Issuer)
	}
	a.revoked.mu.Lock()
	defer a.revoked.mu.Unlock()
	if err := a.revoke(r); err != nil {
		return r, err
	}
	a.monitor.Recheck()
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	if err = a.store.PutRevocation(ctx, r); err != nil {
		a.revoked.unsaved[r.ID] = r
		err = fmt.Errorf("revocation %s is %w: %w", r.ID, errNotStored, err)
	}
	_, logged := a.monitor.Act(r.By, "token.revoke", r)
	return r, errors.Join(err, logged)
}

func unknownIssuer(name string) error {
	if name == "" {
		return errors.New("cannot revoke: the configuration has no issuer of access tokens")
	}
	return fmt.Errorf("cannot revoke: the configuration has no issuer %q", name)
}

// Revocations implements api.Orders.
func (a *app) Revocations() []vedette.Revocation {
	a.revoked.mu.Lock()
	defer a.revoked.mu.Unlock()
	list := make([]vedette.Revocation, 0, len(a.revoked.known))
	for _, r := range a.revoked.known {
		if r.Until.After(a.now()) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b vedette.Revocation) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID)) })
	return list
}

// takeRevocations stores what could not be stored, and puts what others revoked in force.
func (a *app) takeRevocations(ctx context.Context) error {
	a.revoked.mu.Lock()
	defer a.revoked.mu.Unlock()
	for id, r := range a.revoked.unsaved {
		if err := a.store.PutRevocation(ctx, r); err != nil {
			return err
		}
		delete(a.revoked.unsaved, id)
	}
	list, err := a.store.LoadRevocations(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range list {
		if old, ok := a.revoked.known[r.ID]; ok && old.Until.Equal(r.Until) {
			continue
		}
		if err := a.revoke(r); err != nil {
			errs = append(errs, err)
			continue
		}
		_, logged := a.monitor.Act(r.By, "token.revocation_taken_over", r)
		errs = append(errs, logged)
	}
	a.monitor.Recheck()
	return errors.Join(errs...)
}

// pruneRevocations forgets those that ended.
func (a *app) pruneRevocations(ctx context.Context) error {
	before := a.now().Add(-keepRevoked)
	a.revoked.mu.Lock()
	defer a.revoked.mu.Unlock()
	for id, r := range a.revoked.known {
		if r.Until.Before(before) {
			delete(a.revoked.known, id)
		}
	}
	_, err := a.store.PruneRevocations(ctx, before)
	return err
}
