package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vedette"
)

// LoadKeys implements Keys.
func (t *tables) LoadKeys(ctx context.Context) ([]Key, error) {
	keys, err := query(ctx, t.db, "SELECT venue, id, sealed, changed FROM keys ORDER BY venue, id", scanKey)
	return keys, t.failed("read keys from", err)
}

// Key implements Keys.
func (t *tables) Key(ctx context.Context, venue, id string) (Key, error) {
	k, err := scanKey(t.db.QueryRowContext(ctx, "SELECT venue, id, sealed, changed FROM keys WHERE venue = $1 AND id = $2", venue, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return k, fmt.Errorf("cannot read %s key %q from %s: %w", venue, id, t.where, ErrNotFound)
	}
	return k, t.failed("read a key from", err)
}

func scanKey(scan func(...any) error) (k Key, err error) {
	var ms int64
	err = scan(&k.Venue, &k.ID, &k.Sealed, &ms)
	k.Changed = time.UnixMilli(ms).UTC()
	return k, err
}

const putKey = `INSERT INTO keys (venue, id, sealed, changed) VALUES ($1, $2, $3, $4)
	ON CONFLICT (venue, id) DO UPDATE SET sealed = excluded.sealed, changed = excluded.changed`

// PutKeys implements Keys.
func (t *tables) PutKeys(ctx context.Context, keys []Key, audit ...Audit) error {
	return t.update(ctx, "write keys to", audit, func(tx *sql.Tx) error {
		put, err := tx.PrepareContext(ctx, putKey)
		if err != nil {
			return err
		}
		defer put.Close()
		for _, k := range keys {
			if _, err := put.ExecContext(ctx, k.Venue, k.ID, k.Sealed, k.Changed.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteKey implements Keys.
func (t *tables) DeleteKey(ctx context.Context, venue, id string, audit ...Audit) error {
	return t.update(ctx, "remove a key from", audit, func(tx *sql.Tx) error {
		return gone(tx.ExecContext(ctx, "DELETE FROM keys WHERE venue = $1 AND id = $2", venue, id))
	})
}

// RewriteKeys implements Keys.
func (t *tables) RewriteKeys(ctx context.Context, f func(Key) ([]byte, error), audit ...Audit) error {
	return t.update(ctx, "rewrite keys in", audit, func(tx *sql.Tx) error {
		keys, err := query(ctx, tx, "SELECT venue, id, sealed, changed FROM keys"+t.lockRow, scanKey)
		if err != nil {
			return err
		}
		for _, k := range keys {
			sealed, err := f(k)
			if err != nil {
				return err
			}
			if bytes.Equal(sealed, k.Sealed) {
				continue
			}
			if _, err := tx.ExecContext(ctx, "UPDATE keys SET sealed = $1 WHERE venue = $2 AND id = $3", sealed, k.Venue, k.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// LoadRestrictions implements Restrictions.
func (t *tables) LoadRestrictions(ctx context.Context) ([]vedette.Restriction, error) {
	rs, err := query(ctx, t.db, "SELECT id, body FROM restrictions ORDER BY id", func(scan func(...any) error) (r vedette.Restriction, err error) {
		err = scanBody(scan, "restriction", &r, func() string { return r.ID })
		return r, err
	})
	return rs, t.failed("read restrictions from", err)
}

// scanBody reads a row of id and body. A field that is not known must not fall away.
func scanBody(scan func(...any) error, what string, into any, has func() string) error {
	var id, body string
	if err := scan(&id, &body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil || has() != id {
		return fmt.Errorf("%w: %s %q cannot be read", ErrCorrupt, what, id)
	}
	return nil
}

// PutRestriction implements Restrictions.
func (t *tables) PutRestriction(ctx context.Context, r vedette.Restriction, audit ...Audit) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot write restriction %q: %w", r.ID, err)
	}
	return t.update(ctx, "write a restriction to", audit, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO restrictions (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body", r.ID, string(body))
		return err
	})
}

// LiftRestriction implements Restrictions.
func (t *tables) LiftRestriction(ctx context.Context, id string, audit ...Audit) error {
	return t.update(ctx, "lift a restriction in", audit, func(tx *sql.Tx) error {
		return gone(tx.ExecContext(ctx, "DELETE FROM restrictions WHERE id = $1", id))
	})
}

// LoadRevocations implements Revocations.
func (t *tables) LoadRevocations(ctx context.Context) ([]vedette.Revocation, error) {
	rs, err := query(ctx, t.db, "SELECT id, body FROM revocations ORDER BY id", func(scan func(...any) error) (r vedette.Revocation, err error) {
		err = scanBody(scan, "revocation", &r, func() string { return r.ID })
		return r, err
	})
	return rs, t.failed("read revocations from", err)
}

const putRevocation = `INSERT INTO revocations (id, ends, body) VALUES ($1, $2, $3)
	ON CONFLICT (id) DO UPDATE SET ends = excluded.ends, body = excluded.body`

// PutRevocation implements Revocations.
func (t *tables) PutRevocation(ctx context.Context, r vedette.Revocation, audit ...Audit) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot write revocation %q: %w", r.ID, err)
	}
	return t.update(ctx, "write a revocation to", audit, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, putRevocation, r.ID, r.Until.UnixMilli(), string(body))
		return err
	})
}

// PruneRevocations implements Revocations.
func (t *tables) PruneRevocations(ctx context.Context, before time.Time) (n int64, err error) {
	err = t.update(ctx, "remove ended revocations from", nil, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM revocations WHERE ends < $1", before.UnixMilli())
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}

// AppendAudit implements Audits.
func (t *tables) AppendAudit(ctx context.Context, a Audit) error {
	return t.update(ctx, "write the audit to", []Audit{a}, func(*sql.Tx) error { return nil })
}

// LoadAudit implements Audits.
func (t *tables) LoadAudit(ctx context.Context, n int64, limit int) ([]Audit, error) {
	const q = "SELECT n, at, actor, action, subject, detail FROM audit WHERE n > $1 ORDER BY n LIMIT $2"
	list, err := query(ctx, t.db, q, func(scan func(...any) error) (a Audit, err error) {
		var ms int64
		err = scan(&a.N, &ms, &a.Actor, &a.Action, &a.Subject, &a.Detail)
		a.At = time.UnixMilli(ms).UTC()
		return a, err
	}, n, limit)
	return list, t.failed("read the audit from", err)
}
