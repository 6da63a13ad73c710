package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"vedette"
	"vedette/incident"
)

// maxMerges bounds the way from an incident to the one that it became part of.
const maxMerges = 64

// PutIncidents implements Incidents.
func (t *tables) PutIncidents(ctx context.Context, records []incident.Record) error {
	return t.update(ctx, "write incidents to", nil, func(tx *sql.Tx) error {
		for _, r := range records {
			have, err := t.incident(ctx, tx, r.ID, t.lockRow)
			switch {
			case errors.Is(err, ErrNotFound):
			case err != nil:
				return err
			case have.MergedInto != "": // it is part of another for good
				continue
			default:
				r = r.Adopt(have)
			}
			if err := putIncident(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

const putIncidentSQL = `INSERT INTO incidents (id, monitor, closed, known, risk, updated, acted, merged_into, body)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
	ON CONFLICT (id) DO UPDATE SET monitor = excluded.monitor, closed = excluded.closed, known = excluded.known, risk = excluded.risk,
		updated = excluded.updated, acted = excluded.acted, merged_into = excluded.merged_into, body = excluded.body`

func putIncident(ctx context.Context, tx *sql.Tx, r incident.Record) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	closed, known := 0, 0
	if r.State == vedette.IncidentClosed {
		closed = 1
	}
	if r.Memory.Exposure > 0 {
		known = 1
	}
	_, err = tx.ExecContext(ctx, putIncidentSQL, r.ID, r.Monitor, closed, known, r.Risk, milli(r.Updated), milli(r.Acted), r.MergedInto, string(body))
	return err
}

// milli is Unix time in ms, 0 for none.
func milli(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// incident reads one row; its error is ErrNotFound if there is none.
func (t *tables) incident(ctx context.Context, db querier, id, lock string) (incident.Record, error) {
	r, err := scanIncident(db.QueryRowContext(ctx, "SELECT id, body FROM incidents WHERE id = $1"+lock, id).Scan)
	return r, found(err)
}

func scanIncident(scan func(...any) error) (r incident.Record, err error) {
	err = scanBody(scan, "incident", &r, func() string { return r.ID })
	return r, err
}

// shortest is how many hex digits name an incident at least.
const shortest = 8

// whole returns the id that a shortened one stands for, and any other as it is.
func (t *tables) whole(ctx context.Context, db querier, id string) (string, error) {
	const prefix = "inc:sha256:"
	short := strings.TrimPrefix(id, prefix)
	if len(short) < shortest || len(short) >= 64 || strings.Trim(short, "0123456789abcdef") != "" {
		return id, nil
	}
	list, err := query(ctx, db, "SELECT id FROM incidents WHERE id >= $1 AND id < $2 LIMIT 2", func(scan func(...any) error) (id string, err error) {
		err = scan(&id)
		return id, err
	}, prefix+short, prefix+short+"g")
	switch {
	case err != nil:
		return id, err
	case len(list) > 1:
		return id, fmt.Errorf("several begin with %q: give more of it", short)
	case len(list) == 0:
		return id, ErrNotFound
	}
	return list[0], nil
}

// living follows merges to the incident that an id stands for now.
func (t *tables) living(ctx context.Context, db querier, id, lock string) (incident.Record, error) {
	id, err := t.whole(ctx, db, id)
	if err != nil {
		return incident.Record{}, err
	}
	for range maxMerges {
		r, err := t.incident(ctx, db, id, lock)
		if err != nil || r.MergedInto == "" {
			return r, err
		}
		id = r.MergedInto
	}
	return incident.Record{}, fmt.Errorf("%w: incidents are merged in a circle", ErrCorrupt)
}

// Incident implements Incidents.
func (t *tables) Incident(ctx context.Context, id string) (incident.Record, error) {
	r, err := t.living(ctx, t.db, id, "")
	return r, t.failed(fmt.Sprintf("read incident %q from", id), err)
}

const incidentsSQL = `SELECT id, body FROM incidents
	WHERE merged_into = '' AND closed <= $1 AND updated >= $2 AND acted >= $3 AND ($4 = '' OR monitor = $4)
	ORDER BY risk DESC, updated DESC, id LIMIT $5`

// Incidents implements Incidents.
func (t *tables) Incidents(ctx context.Context, q IncidentQuery) ([]incident.Record, error) {
	closed := 1
	if q.Open {
		closed = 0
	}
	if q.Limit <= 0 {
		q.Limit = math.MaxInt32
	}
	list, err := query(ctx, t.db, incidentsSQL, scanIncident, closed, milli(q.Updated), milli(q.Acted), q.Monitor, q.Limit)
	return list, t.failed("read incidents from", err)
}

// Act implements Incidents.
func (t *tables) Act(ctx context.Context, id string, f func(*incident.Record) error, audit ...Audit) (r incident.Record, err error) {
	err = t.update(ctx, fmt.Sprintf("change incident %q in", id), audit, func(tx *sql.Tx) (err error) {
		if r, err = t.living(ctx, tx, id, t.lockRow); err != nil {
			return err
		}
		if err = f(&r); err != nil {
			return err
		}
		return putIncident(ctx, tx, r)
	})
	return r, err
}

// Prune implements Incidents.
func (t *tables) Prune(ctx context.Context, before time.Time) (n int64, err error) {
	err = t.update(ctx, "remove old incidents from", nil, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM incidents WHERE known = 0 AND acted = 0 AND updated < $1", milli(before))
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}

// LoadRules implements Incidents.
func (t *tables) LoadRules(ctx context.Context) ([]incident.Rule, error) {
	rules, err := query(ctx, t.db, "SELECT id, body FROM rules ORDER BY id", func(scan func(...any) error) (r incident.Rule, err error) {
		err = scanBody(scan, "rule", &r, func() string { return r.ID })
		return r, err
	})
	return rules, t.failed("read rules from", err)
}

// PutRule implements Incidents.
func (t *tables) PutRule(ctx context.Context, r incident.Rule, audit ...Audit) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot write rule %q: %w", r.ID, err)
	}
	return t.update(ctx, "write a rule to", audit, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO rules (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body", r.ID, string(body))
		return err
	})
}

// DeleteRule implements Incidents.
func (t *tables) DeleteRule(ctx context.Context, id string, audit ...Audit) error {
	return t.update(ctx, "remove a rule from", audit, func(tx *sql.Tx) error {
		return gone(tx.ExecContext(ctx, "DELETE FROM rules WHERE id = $1", id))
	})
}
