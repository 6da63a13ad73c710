package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// tables are the rows of either engine. Both take the same SQL, with $1 for the first argument.
type tables struct {
	db *sql.DB
	// where says which database it is, for errors.
	where string
	// lockRow is what makes a SELECT keep its rows from others until the transaction ends.
	lockRow string
	// lockAudit is run before the audit is appended to, so that positions are in the order of commits.
	lockAudit string
	// explain adds to an engine's error what it means and what to do.
	explain func(error) error
}

// String says where the database is.
func (t *tables) String() string { return t.where }

// failed wraps an error of an operation on the database.
func (t *tables) failed(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s %s: %w", verb, t.where, t.explain(err))
}

// update runs f in a transaction that is written as a whole or not at all, with the audit.
func (t *tables) update(ctx context.Context, verb string, audit []Audit, f func(*sql.Tx) error) error {
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return t.failed(verb, err)
	}
	if err = f(tx); err == nil {
		err = t.appendAudit(ctx, tx, audit)
	}
	if err != nil {
		_ = tx.Rollback() // the first error says more
		return t.failed(verb, err)
	}
	return t.failed(verb, tx.Commit())
}

const putAudit = `INSERT INTO audit (n, at, actor, action, subject, detail)
	VALUES ((SELECT coalesce(max(n), 0) + 1 FROM audit), $1, $2, $3, $4, $5)`

func (t *tables) appendAudit(ctx context.Context, tx *sql.Tx, audit []Audit) error {
	if len(audit) > 0 && t.lockAudit != "" {
		if _, err := tx.ExecContext(ctx, t.lockAudit); err != nil {
			return err
		}
	}
	for _, a := range audit {
		if _, err := tx.ExecContext(ctx, putAudit, a.At.UnixMilli(), plain(a.Actor), plain(a.Action), plain(a.Subject), plain(a.Detail)); err != nil {
			return err
		}
	}
	return nil
}

// plain makes text storable in either engine: valid UTF-8 without NUL.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
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

// found turns that there is no row into ErrNotFound.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
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
