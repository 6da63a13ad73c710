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

// Key is one credential at rest.
type Key struct {
	Venue, ID string
	Sealed    []byte // as keyring.Sealer made it
	Changed   time.Time
}

// LoadKeys returns all keys by venue and id.
func (s *Store) LoadKeys(ctx context.Context) ([]Key, error) {
	keys, err := query(ctx, s.db, "SELECT venue, id, sealed, changed FROM keys ORDER BY venue, id", scanKey)
	return keys, s.failed("read keys from", err)
}

// Key returns one key. Its error wraps ErrNotFound if there is none.
func (s *Store) Key(ctx context.Context, venue, id string) (Key, error) {
	k, err := scanKey(s.db.QueryRowContext(ctx, "SELECT venue, id, sealed, changed FROM keys WHERE venue = ? AND id = ?", venue, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return k, fmt.Errorf("cannot read %s key %q from %s: %w", venue, id, s.path, ErrNotFound)
	}
	return k, s.failed("read a key from", err)
}

func scanKey(scan func(...any) error) (k Key, err error) {
	var ms int64
	err = scan(&k.Venue, &k.ID, &k.Sealed, &ms)
	k.Changed = time.UnixMilli(ms).UTC()
	return k, err
}

const putKey = `INSERT INTO keys (venue, id, sealed, changed) VALUES (?, ?, ?, ?)
	ON CONFLICT (venue, id) DO UPDATE SET sealed = excluded.sealed, changed = excluded.changed`

// PutKeys writes the keys, in place of those with the same venue and id, with
// entries of the audit that say so. All of it is written, or nothing.
func (s *Store) PutKeys(ctx context.Context, keys []Key, audit ...Audit) error {
	return s.update(ctx, "write keys to", func(tx *sql.Tx) error {
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
		return appendAudit(ctx, tx, audit)
	})
}

// DeleteKey removes a key. Its error wraps ErrNotFound if there is none.
func (s *Store) DeleteKey(ctx context.Context, venue, id string, audit ...Audit) error {
	return s.update(ctx, "remove a key from", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM keys WHERE venue = ? AND id = ?", venue, id)
		if err := gone(res, err); err != nil {
			return err
		}
		return appendAudit(ctx, tx, audit)
	})
}

// RewriteKeys replaces the sealed form of every key by what f returns, in one
// transaction, as after a change of the master key. f must not use the store.
func (s *Store) RewriteKeys(ctx context.Context, f func(Key) ([]byte, error), audit ...Audit) error {
	return s.update(ctx, "rewrite keys in", func(tx *sql.Tx) error {
		keys, err := query(ctx, tx, "SELECT venue, id, sealed, changed FROM keys", scanKey)
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
			if _, err := tx.ExecContext(ctx, "UPDATE keys SET sealed = ? WHERE venue = ? AND id = ?", sealed, k.Venue, k.ID); err != nil {
				return err
			}
		}
		return appendAudit(ctx, tx, audit)
	})
}

// LoadRestrictions returns all restrictions by id.
func (s *Store) LoadRestrictions(ctx context.Context) ([]vedette.Restriction, error) {
	rs, err := query(ctx, s.db, "SELECT id, body FROM restrictions ORDER BY id", func(scan func(...any) error) (r vedette.Restriction, err error) {
		var id, body string
		if err := scan(&id, &body); err != nil {
			return r, err
		}
		d := json.NewDecoder(bytes.NewReader([]byte(body)))
		d.DisallowUnknownFields() // a scope that is not understood must not fall away
		if err := d.Decode(&r); err != nil || r.ID != id {
			return r, fmt.Errorf("%w: restriction %q cannot be read", ErrCorrupt, id)
		}
		return r, nil
	})
	return rs, s.failed("read restrictions from", err)
}

// PutRestriction writes a restriction, in place of one with the same id.
func (s *Store) PutRestriction(ctx context.Context, r vedette.Restriction, audit ...Audit) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot write restriction %q: %w", r.ID, err)
	}
	return s.update(ctx, "write a restriction to", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO restrictions (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
			r.ID, string(body)); err != nil {
			return err
		}
		return appendAudit(ctx, tx, audit)
	})
}

// LiftRestriction removes a restriction. Its error wraps ErrNotFound if there is
// none.
func (s *Store) LiftRestriction(ctx context.Context, id string, audit ...Audit) error {
	return s.update(ctx, "lift a restriction in", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM restrictions WHERE id = ?", id)
		if err := gone(res, err); err != nil {
			return err
		}
		return appendAudit(ctx, tx, audit)
	})
}

// Audit is one human action. It holds no secret.
type Audit struct {
	N       int64 // position, given by the store
	At      time.Time
	Actor   string // who: a name, or a user of the system
	Action  string // such as "key.rotate" or "restriction.set"
	Subject string // on what
	Detail  string // in words
}

// AppendAudit writes an action that changes nothing else here.
func (s *Store) AppendAudit(ctx context.Context, a Audit) error {
	return s.update(ctx, "write the audit to", func(tx *sql.Tx) error { return appendAudit(ctx, tx, []Audit{a}) })
}

// LoadAudit returns up to limit actions after position n, the oldest first.
func (s *Store) LoadAudit(ctx context.Context, n int64, limit int) ([]Audit, error) {
	const q = "SELECT n, at, actor, action, subject, detail FROM audit WHERE n > ? ORDER BY n LIMIT ?"
	list, err := query(ctx, s.db, q, func(scan func(...any) error) (a Audit, err error) {
		var ms int64
		err = scan(&a.N, &ms, &a.Actor, &a.Action, &a.Subject, &a.Detail)
		a.At = time.UnixMilli(ms).UTC()
		return a, err
	}, n, limit)
	return list, s.failed("read the audit from", err)
}

func appendAudit(ctx context.Context, tx *sql.Tx, audit []Audit) error {
	for _, a := range audit {
		if _, err := tx.ExecContext(ctx, "INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
			a.At.UnixMilli(), a.Actor, a.Action, a.Subject, a.Detail); err != nil {
			return err
		}
	}
	return nil
}

// gone turns a deletion of nothing into ErrNotFound.
func gone(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return ErrNotFound
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func query[T any](ctx context.Context, db querier, q string, scan func(func(...any) error) (T, error), args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}
