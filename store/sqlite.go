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

// FileName is the name of the SQLite database in the data folder.
const FileName = "state.db"

// SQLite is a Store in one file, for one machine.
type SQLite struct {
	tables
	path string
	// watch is one connection that never writes, since data_version tells of the
	// changes of other connections.
	watch *sql.Conn
}

var _ Store = (*SQLite)(nil)

// OpenSQLite opens the database in the folder, and makes it with mode 0600 if it is not
// there. The folder must exist.
func OpenSQLite(ctx context.Context, dir string) (*SQLite, error) {
	path := filepath.Join(dir, FileName)
	s := &SQLite{tables: tables{where: path, explain: explainSQLite}, path: path}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", s.path, err)
	}
	return s, nil
}

func (s *SQLite) open(ctx context.Context) (err error) {
	if err := s.makeFile(); err != nil {
		return err
	}
	q := url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", lockTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)",
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
		return explainSQLite(err)
	}
	if err = s.migrate(ctx); err != nil {
		return explainSQLite(err)
	}
	s.watch, err = s.db.Conn(ctx)
	return explainSQLite(err)
}

// makeFile makes the file where there is none: SQLite would make it readable by all.
func (s *SQLite) makeFile() error {
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
	return nil
}

// check reads through the whole file once, so that damage shows at the start and
// not at the first restriction that is needed.
func (s *SQLite) check(ctx context.Context) error {
	var answer string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&answer); err != nil {
		return err
	}
	if answer != "ok" {
		return fmt.Errorf("%w (%s); move it away and restore a backup, or import the keys again", ErrCorrupt, answer)
	}
	return nil
}

// migrate brings the tables up to date. Several processes may try at once.
func (s *SQLite) migrate(ctx context.Context) error {
	var have int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have == len(sqliteMigrations) {
		return nil
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if err := migrateTx(ctx, tx, sqliteMigrations, have); err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(sqliteMigrations))); err != nil {
		return err
	}
	return tx.Commit()
}

// Close releases the database.
func (s *SQLite) Close() error {
	var err error
	if s.watch != nil {
		err = s.watch.Close()
	}
	return errors.Join(err, s.db.Close())
}

// Watch implements Store. It looks every second.
func (s *SQLite) Watch(ctx context.Context, changed func(Change)) error {
	tick := time.NewTicker(sqliteWatch)
	defer tick.Stop()
	var version int64
	var topics map[string]int64
	for {
		v, err := s.dataVersion(ctx)
		if err == nil && (v != version || topics == nil) {
			var next map[string]int64
			if next, err = s.topics(ctx); err == nil {
				if c := changes(topics, next); c != (Change{}) {
					changed(c)
				}
				version, topics = v, next
			}
		}
		if err != nil && ctx.Err() == nil {
			changed(Change{Err: err})
			topics = map[string]int64{} // differs from whatever comes
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// changes compares the counts of two moments; nil is before the first.
func changes(before, after map[string]int64) Change {
	if before == nil {
		return Change{true, true, true, true, true, true, nil}
	}
	is := func(topic string) bool { return before[topic] != after[topic] || len(before) == 0 }
	return Change{is("keys"), is("restrictions"), is("revocations"), is("incidents"), is("rules"), is("audit"), nil}
}

// dataVersion returns a number that differs from the one before if anybody, in
// this process or another, changed the database in between.
func (s *SQLite) dataVersion(ctx context.Context) (int64, error) {
	var v int64
	err := s.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&v)
	return v, s.failed("read the version of", err)
}

// topics returns how often each table was changed.
func (s *SQLite) topics(ctx context.Context) (map[string]int64, error) {
	type count struct {
		topic string
		n     int64
	}
	list, err := query(ctx, s.watch, "SELECT topic, n FROM changes", func(scan func(...any) error) (c count, err error) {
		err = scan(&c.topic, &c.n)
		return c, err
	})
	out := map[string]int64{}
	for _, c := range list {
		out[c.topic] = c.n
	}
	return out, s.failed("read the changes of", err)
}

// explainSQLite adds to SQLite's error what it means and what to do.
func explainSQLite(err error) error {
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
