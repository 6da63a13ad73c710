package store

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations lead from one version of the tables to the next; user_version counts
// those that were done. A released one is never changed.
var migrations = []string{`
CREATE TABLE keys (
	venue   TEXT NOT NULL,
	id      TEXT NOT NULL,
	sealed  BLOB NOT NULL,     -- keyring.Sealer
	changed INTEGER NOT NULL,  -- Unix ms
	PRIMARY KEY (venue, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE restrictions (
	id   TEXT NOT NULL PRIMARY KEY,
	body TEXT NOT NULL         -- vedette.Restriction as JSON
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
	n       INTEGER PRIMARY KEY AUTOINCREMENT,
	at      INTEGER NOT NULL,  -- Unix ms
	actor   TEXT NOT NULL,
	action  TEXT NOT NULL,
	subject TEXT NOT NULL,
	detail  TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only appended to'); END;
CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only appended to'); END;
`}

// migrate brings the tables up to date. Several processes may try at once.
func (s *Store) migrate(ctx context.Context) error {
	var have int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have == len(migrations) {
		return nil
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := migrateTx(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

func migrateTx(ctx context.Context, tx *sql.Tx) error {
	var have int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have > len(migrations) {
		return fmt.Errorf("%w: its tables are version %d, this program knows %d; use that version, or restore a backup", ErrNewer, have, len(migrations))
	}
	for n := have; n < len(migrations); n++ {
		if _, err := tx.ExecContext(ctx, migrations[n]); err != nil {
			return fmt.Errorf("cannot bring the tables from version %d to %d: %w", n, n+1, err)
		}
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)))
	return err
}
