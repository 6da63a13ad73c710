package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
	"vedette/incident"
	"vedette/store"
	"vedette/store/storetest"
)

var t0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func key(venue, id string, sealed []byte, changed time.Time) store.Key {
	return store.Key{Venue: venue, ID: id, Sealed: sealed, Changed: changed}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		dir := t.TempDir()
		return func(t *testing.T) store.Store {
			s, err := store.OpenSQLite(t.Context(), dir)
			must(t, err)
			t.Cleanup(func() { s.Close() })
			return s
		}
	})
}

// openPostgres opens a database that the test closes.
func openPostgres(t *testing.T, url string) *store.Postgres {
	t.Helper()
	s, err := store.OpenPostgres(t.Context(), url, true)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestPostgres(t *testing.T) {
	server := storetest.StartPostgres(t)
	storetest.Run(t, func(t *testing.T) storetest.Open {
		url := server.Fresh(t)
		return func(t *testing.T) store.Store { return openPostgres(t, url) }
	})
	for _, c := range []struct {
		name string
		test func(*testing.T, *storetest.Server)
	}{{"Tables", tables}, {"TLS", verified}, {"Refusals", refusals}, {"Latency", latency}, {"Restart", restart}, {"Kill", kill}} {
		t.Run(c.name, func(t *testing.T) { c.test(t, server) })
	}
}

// tables: they are made once, by whoever comes first, and not where none are wanted.
func tables(t *testing.T, server *storetest.Server) {
	url := server.Fresh(t)
	if _, err := store.OpenPostgres(t.Context(), url, false); !errors.Is(err, store.ErrNoTables) {
		t.Fatalf("no tables: %v", err)
	}
	opened := make(chan error)
	for range 4 {
		go func() {
			s, err := store.OpenPostgres(t.Context(), url, true)
			if err == nil {
				s.Close()
			}
			opened <- err
		}()
	}
	for range 4 {
		must(t, <-opened)
	}
	s, err := store.OpenPostgres(t.Context(), url, false)
	must(t, err)
	defer s.Close()
	must(t, s.AppendAudit(t.Context(), store.Audit{At: t0}))
	for _, sql := range []string{"DELETE FROM audit", "UPDATE audit SET actor = 'x'", "TRUNCATE audit"} {
		if _, err := server.TryExec(url, sql); err == nil {
			t.Errorf("%s went through", sql)
		}
	}
	server.Exec(t, url, "UPDATE schema_version SET version = 99")
	if _, err := store.OpenPostgres(t.Context(), url, true); !errors.Is(err, store.ErrNewer) {
		t.Errorf("newer tables: %v", err)
	}
	if _, err := store.OpenPostgres(t.Context(), strings.Replace(url, "search_path=", "search_path=none_", 1), true); err == nil || !strings.Contains(err.Error(), "search_path") {
		t.Errorf("no schema: %v", err)
	}
}

// verified: with verify-full a server is taken only if its certificate is right.
func verified(t *testing.T, server *storetest.Server) {
	schema := server.Fresh(t)
	_, schema, _ = strings.Cut(schema, "search_path=")
	url := func(host, ca string) string {
		return fmt.Sprintf("postgres://vedette:not-a-real-secret@%s:%d/postgres?sslmode=verify-full&sslrootcert=%s&search_path=%s", host, server.Port, ca, schema)
	}
	s := openPostgres(t, url("127.0.0.1", server.CA))
	must(t, s.AppendAudit(t.Context(), store.Audit{At: t0}))
	told := storetest.Watching(t, s)
	storetest.Await(t, told, "that watching began", func(c store.Change) bool { return c.Audit })
	for name, u := range map[string]string{"another name": url("localhost", server.CA), "another authority": strings.Replace(url("127.0.0.1", ""), "sslrootcert=&", "", 1)} {
		if _, err := store.OpenPostgres(t.Context(), u, false); !errors.Is(err, store.ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// refusals: what the server refuses is named for what it is.
func refusals(t *testing.T, server *storetest.Server) {
	f := func(name string, want error, err error) {
		t.Helper()
		if !errors.Is(err, want) || strings.Contains(fmt.Sprint(err), "not-a-real-secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	url := server.Fresh(t)
	s := openPostgres(t, url)
	must(t, s.PutIncidents(t.Context(), []incident.Record{{Incident: vedette.Incident{ID: "inc:a"}}}))
	held, free := make(chan bool), make(chan bool)
	done := make(chan error)
	go func() {
		_, err := s.Act(t.Context(), "inc:a", func(*incident.Record) error { close(held); <-free; return nil })
		done <- err
	}()
	<-held
	hasty := openPostgres(t, url+"&lock_timeout=50")
	_, err := hasty.Act(t.Context(), "inc:a", func(*incident.Record) error { return nil })
	f("a locked row", store.ErrBusy, err)
	close(free)
	must(t, <-done)
	reader := openPostgres(t, url+"&default_transaction_read_only=on")
	f("read-only", store.ErrReadOnly, reader.AppendAudit(t.Context(), store.Audit{At: t0}))
	_, err = store.OpenPostgres(t.Context(), strings.Replace(url, "/postgres?", "/nothing?", 1), true)
	f("no such database", store.ErrUnreachable, err)
	_, err = store.OpenPostgres(t.Context(), "postgres://vedette:not-a-real-secret@127.0.0.1:1/postgres?sslmode=disable", true)
	f("nobody listens", store.ErrUnreachable, err)
	for has, want := range map[string]string{"off": "on", "remote_apply": "remote_apply"} { // a change is durable when its method returns
		if v, err := openPostgres(t, url+"&synchronous_commit="+has).Setting(t.Context(), "synchronous_commit"); v != want {
			t.Errorf("synchronous_commit is %s, want %s: %v", v, want, err)
		}
	}
}

// latency measures how soon a restriction of one monitor is told to another.
func latency(t *testing.T, server *storetest.Server) {
	url := server.Fresh(t)
	a, b := openPostgres(t, url), openPostgres(t, url)
	told := storetest.Watching(t, b)
	storetest.Await(t, told, "that watching began", func(c store.Change) bool { return c.Restrictions })
	var worst time.Duration
	for i := range 20 {
		must(t, a.PutRestriction(t.Context(), vedette.Restriction{ID: fmt.Sprint(i), Kind: vedette.RestrictKill}))
		began := time.Now()
		storetest.Await(t, told, "a restriction", func(c store.Change) bool { return c.Restrictions })
		worst = max(worst, time.Since(began))
	}
	t.Logf("told at most %v after it was stored", worst)
}

// restart: after the server was away everything counts as changed, and work goes on.
func restart(t *testing.T, server *storetest.Server) {
	url := server.Fresh(t)
	s := openPostgres(t, url)
	told := storetest.Watching(t, s)
	storetest.Await(t, told, "that watching began", func(c store.Change) bool { return c.Restrictions })
	server.Stop()
	storetest.Await(t, told, "that the server is away", func(c store.Change) bool { return errors.Is(c.Err, store.ErrUnreachable) })
	if err := s.AppendAudit(t.Context(), store.Audit{At: t0}); !errors.Is(err, store.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	server.Start(t)
	storetest.Await(t, told, "that all may have changed", func(c store.Change) bool { return c.Keys && c.Restrictions })
	must(t, s.AppendAudit(t.Context(), store.Audit{At: t0}))
}

// kill: what was acknowledged before the server was killed is there, with its audit.
func kill(t *testing.T, server *storetest.Server) {
	url := server.Fresh(t)
	s := openPostgres(t, url)
	var written atomic.Int64
	stopped := make(chan bool)
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			if s.PutKeys(t.Context(), []store.Key{key("v", fmt.Sprint("a", i), []byte("s"), t0), key("v", fmt.Sprint("b", i), []byte("s"), t0)}, store.Audit{At: t0}) != nil {
				return
			}
			written.Add(1)
		}
	}()
	time.Sleep(300 * time.Millisecond)
	server.Kill()
	<-stopped
	time.Sleep(500 * time.Millisecond) // its children notice
	server.Start(t)
	again := openPostgres(t, url)
	keys, err := again.LoadKeys(t.Context())
	must(t, err)
	audit, err := again.LoadAudit(t.Context(), 0, 1<<30)
	must(t, err)
	if len(keys) != 2*len(audit) || len(audit) < int(written.Load()) {
		t.Errorf("%d keys, %d entries, %d acknowledged", len(keys), len(audit), written.Load())
	}
}

// TestPostgresURL: off this machine the server must be verified, and no error holds the password.
func TestPostgresURL(t *testing.T) {
	dir := t.TempDir()
	f := func(url string, good bool) {
		t.Helper()
		_, err := store.ParsePostgres(url)
		if (err == nil) != good {
			t.Errorf("%s: %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in: %v", err)
		}
	}
	f("postgres://u:hunter2@db.example/v?sslmode=verify-full", true)
	f("postgres://u:hunter2@db.example/v", false) // may fall back to plain text
	f("postgres://u:hunter2@db.example/v?sslmode=disable", false)
	f("postgres://u:hunter2@db.example/v?sslmode=require", false)
	f("postgres://u:hunter2@127.0.0.1,db.example/v?sslmode=disable", false)
	f("postgres://u:hunter2@127.0.0.1/v?sslmode=disable", true)
	f("postgres://u:hunter2@[::1]:5433/v", true)
	f("postgres:///v?host="+dir+"&password=hunter2", true)
	f("postgres://u:hunter2 2%@db.example/v", false)
	f("postgres://u:hun#ter2@db.example/v", false)
	f("mysql://u:hunter2@db.example/v", false)
	must(t, os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("none"), 0o600))
	f("postgres://u:hunter2@db.example/v?sslmode=verify-full&sslrootcert="+filepath.Join(dir, "ca.pem"), false)
}
