// Package store keeps the monitor's relational state in a SQLite file.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// FileName is the name of the database in the data folder.
const FileName = "state.db"

const (
	busyTimeout = 5 * time.Second // wait for another process that writes
	maxConns    = 4               // readers at once; SQLite has one writer anyway
)

// Kinds of failure that a caller may tell apart. The error's text says what, where
// and what to do.
var (
	// ErrCorrupt means that the file is damaged or is no database.
	ErrCorrupt = errors.New("the database is damaged")
	// ErrReadOnly means that the file or its folder cannot be written.
	ErrReadOnly = errors.New("the database cannot be written")
	// ErrFull means that the disk is full; nothing of the change was kept.
	ErrFull = errors.New("the disk is full")
	// ErrNewer means that a newer version of vedette has changed the tables.
	ErrNewer = errors.New("the database is of a newer version of vedette")
	// ErrBusy means that another process kept the database locked.
	ErrBusy = errors.New("the database is in use by another process")
	// ErrNotFound means that there is no such row.
	ErrNotFound = errors.New("not found")
)

// Store is an open database. Its methods may be called concurrently, also by
// several processes. A change is on disk when its method returns.
//
// Whoever can write the file can remove keys and restrictions, make restrictions
// and rewrite the audit; keys he can neither read nor make (see keyring.Sealer).
// The ledger holds the same human actions beyond his reach.
type Store struct {
	path string
	db   *sql.DB
	// watch is one connection that never writes, since data_version tells of the
	// changes of other connections.
	watch *sql.Conn
}

// Open opens the database in the folder, and makes it with mode 0600 if it is not
// there. The folder must exist.
func Open(ctx context.Context, dir string) (*Store, error) {
	s := &Store{path: filepath.Join(dir, FileName)}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", s.path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	// SQLite would create the file readable by all.
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrPermission) || err != nil && strings.Contains(err.Error(), "read-only file system"):
		return fmt.Errorf("%w: %w; let its owner run vedette, or mount the disk writable", ErrReadOnly, err)
	case err != nil:
		return err
	}
	info, err := f.Stat()
	f.Close()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others may read or write it (mode %o): chmod 600 it", info.Mode().Perm())
	}
	q := url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)",
		"trusted_schema(OFF)", "cell_size_check(ON)", "secure_delete(ON)"}, "_txlock": {"immediate"}}
	if s.db, err = sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: s.path}).EscapedPath(), RawQuery: q.Encode()}).String()); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(maxConns)
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err = s.check(ctx); err != nil {
		return explain(err)
	}
	if err = s.migrate(ctx); err != nil {
		return explain(err)
	}
	s.watch, err = s.db.Conn(ctx)
	return explain(err)
}

// check reads through the whole file once, so that damage shows at the start and
// not at the first restriction that is needed.
func (s *Store) check(ctx context.Context) error {
	var answer string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&answer); err != nil {
		return err
	}
	if answer != "ok" {
		return fmt.Errorf("%w (%s); move it away and restore a backup, or import the keys again", ErrCorrupt, answer)
	}
	return nil
}

// Close releases the database.
func (s *Store) Close() error {
	var err error
	if s.watch != nil {
		err = s.watch.Close()
	}
	return errors.Join(err, s.db.Close())
}

// DataVersion returns a number that differs from the one before if anybody, in
// this process or another, changed the database in between. It means nothing
// after a restart.
func (s *Store) DataVersion(ctx context.Context) (int64, error) {
	var v int64
	if err := s.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&v); err != nil {
		return 0, s.failed("read the version of", err)
	}
	return v, nil
}

// failed wraps an error of an operation on the database.
func (s *Store) failed(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s %s: %w", verb, s.path, explain(err))
}

// explain adds to SQLite's error what it means and what to do.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w; move it away and restore a backup, or import the keys again: %w", ErrCorrupt, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%w; let its owner run vedette, or mount the disk writable: %w", ErrReadOnly, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w; free some space: %w", ErrFull, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w; try again: %w", ErrBusy, err)
	}
	return err
}

// update runs f in a transaction that is written as a whole or not at all.
func (s *Store) update(ctx context.Context, verb string, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.failed(verb, err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the first error says more
		return s.failed(verb, err)
	}
	return s.failed(verb, tx.Commit())
}
