package main

import (
	"context"
	"slices"
	"strconv"

	"vedette/store"
)

// auditTold marks in the store's audit up to where a ledger has it.
const auditTold = "audit.told"

// tellAudit records in the ledger what people did to keys, restrictions and incidents, and what
// it does not have yet: commands write their audit into the store, also while
// no monitor runs. After a crash between the two a row can be told twice; its number
// shows that. Monitors that share a store each tell their own ledger; a new one begins where the others are.
func (a *app) tellAudit(ctx context.Context) error {
	a.telling.Lock()
	defer a.telling.Unlock()
	rows, err := a.untold(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := a.monitor.Act(r.Actor, r.Action, map[string]any{"at": r.At.UTC(), "subject": r.Subject, "why": r.Detail, "audit": r.N}); err != nil {
			a.auditRead = r.N - 1 // again the next time
			return err
		}
	}
	a.audited = true
	if len(rows) == 0 {
		return nil
	}
	return a.store.AppendAudit(ctx, store.Audit{At: a.now(), Actor: "vedette", Action: auditTold, Subject: strconv.FormatInt(rows[len(rows)-1].N, 10), Detail: a.origin})
}

// untold reads on in the audit and returns what our ledger does not have.
func (a *app) untold(ctx context.Context) (rows []store.Audit, err error) {
	const page = 1000
	var own, others int64
	for {
		list, err := a.store.LoadAudit(ctx, a.auditRead, page)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			a.auditRead = r.N
			n, _ := strconv.ParseInt(r.Subject, 10, 64)
			switch {
			case r.Action != auditTold:
				rows = append(rows, r)
			case r.Detail == "" || r.Detail == a.origin:
				own = max(own, n)
			case !a.audited:
				others = max(others, n)
			}
		}
		if len(list) < page {
			break
		}
	}
	if own == 0 && !a.audited {
		own = others
	}
	return slices.DeleteFunc(rows, func(r store.Audit) bool { return r.N <= own }), nil
}
