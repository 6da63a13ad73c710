package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vedette"
	"vedette/incident"
	"vedette/pipeline"
	"vedette/store"
)

const (
	// pageIncidents is how many open incidents the page shows.
	pageIncidents = 20
	// listIncidents is how many the list has unless told otherwise.
	listIncidents = 100
	// storeEvery is how long a change of an incident may wait to be stored. After a crash it is found
	// again in the ledger.
	storeEvery = 200 * time.Millisecond
	// rejoinRecords bounds the records that are looked through for findings at the start.
	rejoinRecords = 1 << 17
	// keepStrangers is how long an incident is kept that concerns nobody known and that nobody touched.
	keepStrangers = 30 * 24 * time.Hour
	// actsAgain is how far back acts are read again when others acted: more than clocks differ.
	actsAgain = 10 * time.Minute
)

// startIncidents takes up the incidents of before: those stored, and findings that the ledger has and
// the store does not.
func (a *app) startIncidents(ctx context.Context) error {
	a.parties = pipeline.NewParties(a.ring)
	a.joiner = a.parties.Incidents(a.origin, 0, a.intel)
	since := a.now().Add(-2 * incident.DefaultWindow)
	stored, err := a.store.Incidents(ctx, store.IncidentQuery{Monitor: a.origin, Updated: since})
	if err != nil {
		return err
	}
	a.joiner.Restore(stored, a.now())
	a.acted = a.now().Add(-actsAgain)
	if err := a.takeRules(ctx); err != nil {
		return err
	}
	n, err := a.rejoin()
	if err != nil {
		return err
	}
	a.log.Info("incidents taken up", "open", a.joiner.Stats().Open, "findings_from_ledger", n)
	a.wg.Add(1)
	go a.keepIncidents(a.life)
	a.defer_(func() { a.report("incidents", a.storeIncidents()) })
	return nil
}

// rejoin reads the last records of the ledger: findings that no stored incident has, and authentic
// calls, for how common addresses are. It returns how many findings there were.
func (a *app) rejoin() (n int, err error) {
	size, since := a.ledger.Size(), a.now().Add(-incident.DefaultWindow)
	from := max(a.ledger.First(), size-min(size, rejoinRecords))
	err = a.ledger.Read(from, size, func(_ uint64, record []byte) error {
		switch {
		case bytes.HasPrefix(record, []byte(`{"event":"finding"`)):
			var r struct{ Finding vedette.Finding }
			if json.Unmarshal(record, &r) != nil || r.Finding.Time.Before(since) || incident.Suppressed(&r.Finding) {
				return nil
			}
			if _, fresh := a.joiner.Join(&r.Finding); fresh {
				n++
			}
		case bytes.HasPrefix(record, []byte(`{"event":"call"`)) && bytes.Contains(record, []byte(`"verdict":"authentic"`)):
			var r struct {
				Time                            time.Time
				Source                          netip.AddrPort
				JA4, Venue, Credential, Account string
			}
			if json.Unmarshal(record, &r) == nil {
				a.parties.Saw(&vedette.Call{Verdict: vedette.Authentic, Time: r.Time, Source: r.Source, JA4: r.JA4, Venue: r.Venue, Credential: r.Credential, Account: r.Account})
			}
		}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("cannot read findings from the ledger: %w", err)
	}
	return n, nil
}

// keepIncidents stores what changed, and removes what is old.
func (a *app) keepIncidents(ctx context.Context) {
	defer a.wg.Done()
	tick := time.NewTicker(storeEvery)
	defer tick.Stop()
	const hour = int(time.Hour / storeEvery)
	failing := false
	for beats := 0; ; beats++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := a.storeIncidents()
		if err != nil && !failing {
			a.log.Error("incidents not stored: tried again", "error", err)
		}
		failing = err != nil
		if beats%hour == hour-1 {
			if _, err := a.store.Prune(ctx, a.now().Add(-keepStrangers)); err != nil {
				a.log.Error("old incidents not removed", "error", err)
			}
		}
	}
}

// storeIncidents stores what changed. When it returns nil all is stored that was found before.
func (a *app) storeIncidents() error {
	a.storing.Lock()
	defer a.storing.Unlock()
	list := a.joiner.Take()
	if len(list) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	err := a.store.PutIncidents(ctx, list)
	if err != nil {
		a.joiner.Retry(list)
	}
	return err
}

// takeActs takes over what people did to incidents, through whichever monitor or command.
func (a *app) takeActs(ctx context.Context) error {
	began := a.now()
	list, err := a.store.Incidents(ctx, store.IncidentQuery{Monitor: a.origin, Acted: a.acted})
	if err != nil {
		return err
	}
	a.acted = began.Add(-actsAgain)
	a.joiner.Adopt(list...)
	return nil
}

// takeRules puts the stored suppressions and expected changes in force.
func (a *app) takeRules(ctx context.Context) error {
	rules, err := a.store.LoadRules(ctx)
	if err != nil {
		return err
	}
	now := a.now()
	return a.joiner.SetRules(slices.DeleteFunc(rules, func(r incident.Rule) bool { return r.Until.Before(now.Add(-incident.DefaultTolerance)) }))
}

// Incidents implements api.Orders.
func (a *app) Incidents(ctx context.Context, open bool, limit int) ([]vedette.Incident, error) {
	if err := a.storeIncidents(); err != nil {
		return nil, err
	}
	return incidentsOf(ctx, a.store, open, limit)
}

// incidentsOf lists incidents of all monitors that share the store, alerts before context and the riskiest first.
func incidentsOf(ctx context.Context, s store.Store, open bool, limit int) ([]vedette.Incident, error) {
	records, err := s.Incidents(ctx, store.IncidentQuery{Open: open, Limit: 10 * maxListed}) // the store sorts by risk alone
	list := make([]vedette.Incident, len(records))
	for i, r := range records {
		if r.MergedInto == "" && len(r.Memory.Evidence) > 0 {
			r.Weigh()
		}
		list[i] = r.Incident
	}
	slices.SortStableFunc(list, vedette.AlertsFirst)
	return list[:min(limit, len(list))], err
}

// Incident implements api.Orders.
func (a *app) Incident(ctx context.Context, id string) (vedette.Incident, error) {
	if err := a.storeIncidents(); err != nil {
		return vedette.Incident{}, err
	}
	r, err := a.store.Incident(ctx, id)
	return r.Incident, err
}

// Act implements api.Orders. The act is stored and audited first, then recorded in the ledger.
func (a *app) Act(ctx context.Context, id string, act incident.Act) (vedette.Incident, error) {
	if err := a.storeIncidents(); err != nil {
		return vedette.Incident{}, err
	}
	act.At = a.now().UTC()
	r, err := actOn(ctx, a.store, id, act)
	if err != nil {
		return r.Incident, err
	}
	a.joiner.Adopt(r)
	return r.Incident, a.tellAudit(ctx)
}

// actOn does an act to a stored incident.
func actOn(ctx context.Context, s store.Store, id string, act incident.Act) (incident.Record, error) {
	detail := act.Text
	switch act.Kind {
	case incident.Close:
		detail = act.Resolution.String() + ": " + detail
	case incident.Assign:
		detail = "to " + act.Assignee + " " + detail
	}
	return s.Act(ctx, id, func(r *incident.Record) error { return r.Do(act) },
		store.Audit{At: act.At, Actor: act.By, Action: "incident." + string(act.Kind), Subject: id, Detail: detail})
}

// Rules implements api.Orders.
func (a *app) Rules() []incident.Rule { return a.joiner.Rules() }

// AddRule implements api.Orders.
func (a *app) AddRule(ctx context.Context, r incident.Rule) (incident.Rule, error) {
	if r.From.IsZero() {
		r.From = a.now().UTC()
	}
	r, err := addRule(ctx, a.store, r, a.now())
	if err != nil {
		return r, err
	}
	return r, errors.Join(a.takeRules(ctx), a.tellAudit(ctx))
}

// addRule checks and stores a rule.
func addRule(ctx context.Context, s store.Store, r incident.Rule, now time.Time) (incident.Rule, error) {
	r, err := incident.NewRule(r)
	if err != nil {
		return r, err
	}
	if !r.Until.After(now) {
		return r, fmt.Errorf("it ended at %s", r.Until.Format(time.RFC3339))
	}
	what := "incident.suppress"
	if r.Expected {
		what = "incident.expect"
	}
	return r, s.PutRule(ctx, r, store.Audit{At: now, Actor: r.By, Action: what, Subject: r.ID, Detail: ruleScope(r) + ", until " + r.Until.Format(time.RFC3339) + ": " + r.Reason})
}

// EndRule implements api.Orders.
func (a *app) EndRule(ctx context.Context, id, who string) error {
	if err := endRule(ctx, a.store, id, who, a.now()); err != nil {
		return err
	}
	return errors.Join(a.takeRules(ctx), a.tellAudit(ctx))
}

func endRule(ctx context.Context, s store.Store, id, who string, now time.Time) error {
	return s.DeleteRule(ctx, id, store.Audit{At: now, Actor: who, Action: "incident.lift", Subject: id})
}

// ruleScope says in words what a rule keeps out.
func ruleScope(r incident.Rule) string {
	out := "everything"
	if r.Detector != "" {
		out = r.Detector
	}
	for _, p := range [][2]string{{"venue", r.Venue}, {"key", r.Credential}, {"account", r.Account}, {"owner", r.Owner}, {"source", r.Source}, {"ja4", r.JA4}, {"instrument", r.Instrument}} {
		if p[1] != "" {
			out += ", " + p[0] + " " + p[1]
		}
	}
	return out
}
