package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Migrations lead from one version of the tables to the next. A released one is never changed.

// sqliteMigrations: user_version counts those that were done.
var sqliteMigrations = []string{`
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
`, `
CREATE TABLE incidents (
	id          TEXT NOT NULL PRIMARY KEY,
	monitor     TEXT NOT NULL,     -- whose it is
	closed      INTEGER NOT NULL,  -- 1 if it is
	known       INTEGER NOT NULL,  -- 1 if it concerns somebody that the keyring knows
	risk        REAL NOT NULL,
	updated     INTEGER NOT NULL,  -- Unix ms
	acted       INTEGER NOT NULL,  -- Unix ms of the last human action, 0 for none
	merged_into TEXT NOT NULL,     -- '' for none
	body        TEXT NOT NULL      -- incident.Record as JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX incidents_risk ON incidents (closed, risk DESC);
CREATE INDEX incidents_updated ON incidents (updated);
CREATE INDEX incidents_acted ON incidents (acted) WHERE acted > 0;
CREATE TABLE rules (
	id   TEXT NOT NULL PRIMARY KEY,
	body TEXT NOT NULL             -- incident.Rule as JSON
) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
	topic TEXT NOT NULL PRIMARY KEY,  -- a table
	n     INTEGER NOT NULL            -- how often it was changed
) STRICT, WITHOUT ROWID;
` + sqliteTold("keys", "restrictions", "incidents", "rules", "audit"), `
CREATE TABLE revocations (
	id    TEXT NOT NULL PRIMARY KEY,
	ends  INTEGER NOT NULL,        -- Unix ms
	body  TEXT NOT NULL            -- vedette.Revocation as JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX revocations_ends ON revocations (ends);
` + sqliteTold("revocations")}

// sqliteTold makes each change of the tables count, for Watch.
func sqliteTold(tables ...string) string {
	var b strings.Builder
	for _, table := range tables {
		fmt.Fprintf(&b, "INSERT INTO changes VALUES ('%s', 0);\n", table)
		for _, what := range []string{"INSERT", "UPDATE", "DELETE"} {
			fmt.Fprintf(&b, "CREATE TRIGGER %s_told_%s AFTER %s ON %s BEGIN UPDATE changes SET n = n + 1 WHERE topic = '%s'; END;\n", table, strings.ToLower(what), what, table, table)
		}
	}
	return b.String()
}

// postgresMigrations: the table schema_version counts those that were done. Text is compared by its
// bytes, as SQLite does.
var postgresMigrations = []string{`
CREATE TABLE keys (
	venue   TEXT COLLATE "C" NOT NULL,
	id      TEXT COLLATE "C" NOT NULL,
	sealed  BYTEA NOT NULL,
	changed BIGINT NOT NULL,
	PRIMARY KEY (venue, id)
);
CREATE TABLE restrictions (
	id   TEXT COLLATE "C" PRIMARY KEY,
	body TEXT NOT NULL
);
CREATE TABLE audit (
	n       BIGINT PRIMARY KEY,
	at      BIGINT NOT NULL,
	actor   TEXT NOT NULL,
	action  TEXT NOT NULL,
	subject TEXT NOT NULL,
	detail  TEXT NOT NULL
);
CREATE FUNCTION audit_only_appended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit is only appended to'; END $$;
CREATE TRIGGER audit_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_only_appended();
CREATE TABLE incidents (
	id          TEXT COLLATE "C" PRIMARY KEY,
	monitor     TEXT COLLATE "C" NOT NULL,
	closed      INTEGER NOT NULL,
	known       INTEGER NOT NULL,
	risk        DOUBLE PRECISION NOT NULL,
	updated     BIGINT NOT NULL,
	acted       BIGINT NOT NULL,
	merged_into TEXT COLLATE "C" NOT NULL,
	body        TEXT NOT NULL
);
CREATE INDEX incidents_risk ON incidents (closed, risk DESC);
CREATE INDEX incidents_updated ON incidents (updated);
CREATE INDEX incidents_acted ON incidents (acted) WHERE acted > 0;
CREATE TABLE rules (
	id   TEXT COLLATE "C" PRIMARY KEY,
	body TEXT NOT NULL
);
CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	PERFORM pg_notify('vedette', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME); RETURN NULL;
END $$;
` + postgresTold("keys", "restrictions", "incidents", "rules", "audit"), `
CREATE TABLE revocations (
	id    TEXT COLLATE "C" PRIMARY KEY,
	ends  BIGINT NOT NULL,
	body  TEXT NOT NULL
);
CREATE INDEX revocations_ends ON revocations (ends);
` + postgresTold("revocations")}

// postgresTold makes each change of the tables notify whoever listens, when it is committed.
func postgresTold(tables ...string) string {
	var b strings.Builder
	for _, table := range tables {
		fmt.Fprintf(&b, "CREATE TRIGGER %s_told AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION tell_change();\n", table, table)
	}
	return b.String()
}

// migrateTx does the migrations that the tables do not have yet.
func migrateTx(ctx context.Context, tx *sql.Tx, migrations []string, have int) error {
	if have > len(migrations) {
		return fmt.Errorf("%w: its tables are version %d, this program knows %d; use that version, or restore a backup", ErrNewer, have, len(migrations))
	}
	for n := have; n < len(migrations); n++ {
		if _, err := tx.ExecContext(ctx, migrations[n]); err != nil {
			return fmt.Errorf("cannot bring the tables from version %d to %d: %w", n, n+1, err)
		}
	}
	return nil
}
