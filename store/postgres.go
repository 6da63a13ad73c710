package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Postgres is a Store in a PostgreSQL database, that several monitors may share.
type Postgres struct {
	tables
	config *pgx.ConnConfig
	schema string // where the tables are, as notifications name it
}

var _ Store = (*Postgres)(nil)

// OpenPostgres opens the database that the URL names, such as
// postgres://vedette:secret@db.internal/vedette?sslmode=verify-full. Off this machine the server must be
// verified. Where there are no tables yet they are made, or the error wraps ErrNoTables if create is
// false. The URL's password is in no error.
func OpenPostgres(ctx context.Context, url string, create bool) (*Postgres, error) {
	c, err := ParsePostgres(url)
	if err != nil {
		return nil, err
	}
	p := &Postgres{config: c, tables: tables{
		where:   "PostgreSQL " + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database,
		lockRow: " FOR UPDATE", lockAudit: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", auditing), explain: explainPostgres}}
	p.db = stdlib.OpenDB(*c, stdlib.OptionAfterConnect(durable))
	p.db.SetMaxOpenConns(maxConns)
	p.db.SetConnMaxLifetime(connLife)
	if err := p.migrate(ctx, create); err != nil {
		p.db.Close()
		return nil, fmt.Errorf("cannot open %s: %w", p.where, explainPostgres(err))
	}
	return p, nil
}

// ParsePostgres reads a URL of OpenPostgres and checks that nobody on the way can read or change what
// goes to the server. The error does not hold the URL.
func ParsePostgres(url string) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(strings.TrimSpace(url))
	if err != nil { // its text may hold pieces of the password
		return nil, errors.New("cannot read the URL of PostgreSQL: want postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full, with what is special in the password as %XX, and readable certificates where it names some")
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	if err := secure(c); err != nil {
		return nil, fmt.Errorf("cannot use the URL of PostgreSQL: %w", err)
	}
	for name, value := range map[string]string{"application_name": "vedette", "lock_timeout": ms(lockTimeout), "statement_timeout": ms(statementTimeout),
		"idle_in_transaction_session_timeout": ms(statementTimeout)} {
		if c.RuntimeParams[name] == "" {
			c.RuntimeParams[name] = value
		}
	}
	return c, nil
}

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// secure refuses a way to the server, or a fallback, that is neither within this machine nor TLS with a
// verified name.
func secure(c *pgx.ConnConfig) error {
	ways := []*pgconn.FallbackConfig{{Host: c.Host, TLSConfig: c.TLSConfig}}
	for _, w := range append(ways, c.Fallbacks...) {
		a, err := netip.ParseAddr(w.Host)
		if strings.HasPrefix(w.Host, "/") || w.Host == "localhost" || err == nil && a.IsLoopback() {
			continue
		}
		if w.TLSConfig == nil || w.TLSConfig.InsecureSkipVerify {
			return fmt.Errorf("host %s is not this machine, so it needs sslmode=verify-full (and sslrootcert=FILE for an authority of your own)", w.Host)
		}
	}
	return nil
}

// durable makes commits wait for the disk where the server is set up not to.
func durable(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
	return err
}

// The advisory locks of who changes the tables, and of who appends to the audit.
const (
	migrating = 0x76656465747465 // "vedette"
	auditing  = migrating + 1
)

func (p *Postgres) migrate(ctx context.Context, create bool) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrating)); err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(current_schema(), ''), to_regclass('schema_version') IS NOT NULL").Scan(&p.schema, &there); err != nil {
		return err
	}
	have := 0
	switch {
	case p.schema == "":
		return errors.New("there is no schema to make tables in: is search_path right?")
	case there:
		if err := tx.QueryRowContext(ctx, "SELECT version FROM schema_version").Scan(&have); err != nil {
			return err
		}
	case !create:
		return ErrNoTables
	default:
		if _, err := tx.ExecContext(ctx, "CREATE TABLE schema_version (version INTEGER NOT NULL); INSERT INTO schema_version VALUES (0)"); err != nil {
			return err
		}
	}
	if have == len(postgresMigrations) {
		return nil
	}
	if err := migrateTx(ctx, tx, postgresMigrations, have); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE schema_version SET version = $1", len(postgresMigrations)); err != nil {
		return err
	}
	return tx.Commit()
}

// Close ends the connections.
func (p *Postgres) Close() error { return p.db.Close() }

// Watch implements Store. The server tells of each change when it is committed.
func (p *Postgres) Watch(ctx context.Context, changed func(Change)) error {
	for {
		err := p.listen(ctx, changed)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		changed(Change{Err: p.failed("watch", err)})
		if err := sleep(ctx, watchAgain); err != nil {
			return err
		}
	}
}

// listen tells of changes until the connection fails.
func (p *Postgres) listen(ctx context.Context, changed func(Change)) error {
	c, err := pgx.ConnectConfig(ctx, p.config.Copy())
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "LISTEN vedette"); err != nil {
		return err
	}
	changed(Change{true, true, true, true, true, true, nil}) // what was changed before we listened
	for {
		wait, cancel := context.WithTimeout(ctx, watchProbe)
		n, err := c.WaitForNotification(wait)
		cancel()
		switch {
		case err == nil:
			if topic, ok := strings.CutPrefix(n.Payload, p.schema+"."); ok {
				changed(topicChange(topic))
			}
		case ctx.Err() != nil || !pgconn.Timeout(err):
			return err
		default: // silent for long: is it alive?
			probe, cancel := context.WithTimeout(ctx, connectTimeout)
			_, err := c.Exec(probe, "SELECT 1")
			cancel()
			if err != nil {
				return err
			}
		}
	}
}

func topicChange(topic string) Change {
	return Change{topic == "keys", topic == "restrictions", topic == "revocations", topic == "incidents", topic == "rules", topic == "audit", nil}
}

// explainPostgres adds to PostgreSQL's error what it means and what to do.
func explainPostgres(err error) error {
	var e *pgconn.PgError
	var refused *pgconn.ConnectError
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &e):
		if kind, advice := meaning(e.Code); kind != nil {
			return fmt.Errorf("%w%s: %w", kind, advice, err)
		}
		return err
	case errors.As(err, &refused) || pgconn.Timeout(err) || isNetwork(err):
		return fmt.Errorf("%w; is the server up, and may we connect: %w", ErrUnreachable, err)
	}
	return err
}

func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, sql.ErrConnDone) || strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "unexpected EOF")
}

// meaning says what a SQLSTATE means to us; nil if it is none of ours.
func meaning(code string) (kind error, advice string) {
	switch code {
	case "53100":
		return ErrFull, "; free some space"
	case "55P03", "40001", "40P01", "57014": // also a statement that took too long
		return ErrBusy, "; try again"
	case "25006", "42501":
		return ErrReadOnly, "; is it the primary server, and does the user own the tables"
	case "XX001", "XX002":
		return ErrCorrupt, "; restore a backup"
	}
	switch code[:min(len(code), 2)] {
	case "08", "28", "57", "53", "3D":
		return ErrUnreachable, "; is the server up, and may we connect"
	}
	return nil, ""
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
