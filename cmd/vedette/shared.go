package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"vedette"
	"vedette/gate"
	"vedette/store"
)

// saveRestriction keeps what the gate changed. It is called under the gate's lock for changes. What
// could not be kept is tried again before what is stored is taken over.
func (a *app) saveRestriction(c gate.Change) error {
	err := a.saveOnce(c)
	if err == nil {
		delete(a.unsaved, c.Restriction.ID)
		return nil
	}
	if a.unsaved == nil {
		a.unsaved = map[string]gate.Change{}
	}
	a.unsaved[c.Restriction.ID] = c
	return err
}

// saveTimeout bounds how long an order waits for the store.
const saveTimeout = 5 * time.Second

func (a *app) saveOnce(c gate.Change) error {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	if c.Kind == gate.Added {
		return a.store.PutRestriction(ctx, c.Restriction)
	}
	if err := a.store.LiftRestriction(ctx, c.Restriction.ID); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// watchStore takes over what others change in the store: another monitor on the same database, or a
// command.
func (a *app) watchStore(ctx context.Context) {
	defer a.wg.Done()
	var mu sync.Mutex
	var todo store.Change
	wake := make(chan struct{}, 1)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-wake:
			}
			mu.Lock()
			c := todo
			todo = store.Change{}
			mu.Unlock()
			a.takeOver(ctx, c)
		}
	})
	a.store.Watch(ctx, func(c store.Change) {
		a.storeFailing(c.Err)
		mu.Lock()
		todo = store.Change{Keys: todo.Keys || c.Keys, Restrictions: todo.Restrictions || c.Restrictions, Revocations: todo.Revocations || c.Revocations,
			Incidents: todo.Incidents || c.Incidents, Rules: todo.Rules || c.Rules, Audit: todo.Audit || c.Audit}
		mu.Unlock()
		select {
		case wake <- struct{}{}:
		default: // it is awake and will see this too
		}
	})
	work.Wait()
}

// storeFailing notes whether the store works, for the page and /healthz, and says so once.
func (a *app) storeFailing(err error) {
	if err == nil {
		if a.storeFails.Swap(nil) != nil {
			a.log.Info("the state can be reached again")
		}
		return
	}
	why := err.Error()
	if a.storeFails.Swap(&why) == nil {
		a.log.Error("the state cannot be reached: restrictions and keys are those of before, new ones are kept here only", "error", err)
	}
}

// takeOver brings into force what was changed in the store. Restrictions first: they may be urgent.
func (a *app) takeOver(ctx context.Context, c store.Change) {
	for _, step := range []struct {
		due  bool
		what string
		do   func(context.Context) error
	}{{c.Restrictions, "restrictions", a.takeRestrictions}, {c.Revocations, "revocations", a.takeRevocations}, {c.Keys, "keys", a.takeKeys}, {c.Rules, "rules", a.takeRules},
		{c.Incidents, "incidents", a.takeActs}, {c.Audit, "audit", a.tellAudit}} {
		if !step.due {
			continue
		}
		if err := step.do(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("stored changes not taken over", "what", step.what, "error", err)
		}
	}
}

// takeRestrictions puts the stored restrictions in force, after those that were not stored yet, and
// records what others changed: the ledger says what was in force here.
func (a *app) takeRestrictions(ctx context.Context) error {
	added, dropped, err := a.gate.LoadFrom(func() ([]vedette.Restriction, error) {
		for _, c := range a.unsaved {
			if err := a.saveRestriction(c); err != nil {
				return nil, err
			}
		}
		return a.store.LoadRestrictions(ctx)
	}, a.now())
	for _, r := range added {
		_, logged := a.monitor.Act(r.By, "restriction.taken_over", r)
		err = errors.Join(err, logged)
	}
	for _, r := range dropped {
		_, logged := a.monitor.Act("vedette", "restriction.dropped", r)
		err = errors.Join(err, logged)
	}
	return err
}

func (a *app) takeKeys(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.loadKeys(ctx); err != nil {
		return err
	}
	a.monitor.Verifier.ForgetRemoved()
	a.monitor.Recheck()
	return a.freezeKeys()
}
