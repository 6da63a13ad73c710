package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/incident"
)

var t0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string) *SQLite {
	t.Helper()
	s, err := OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSealedRows: the audit is only appended to, and a row that is not understood does not fall away.
func TestSealedRows(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	for i := range 5 {
		must(t, s.AppendAudit(ctx, Audit{At: t0, Actor: fmt.Sprint(i)}))
	}
	for _, q := range []string{"DELETE FROM audit", "UPDATE audit SET actor = 'x'"} {
		if _, err := s.db.Exec(q); err == nil {
			t.Errorf("%s went through", q)
		}
	}
	must(t, s.PutRestriction(ctx, vedette.Restriction{ID: "r0", Kind: vedette.RestrictKill}))
	if _, err := s.db.Exec(`UPDATE restrictions SET body = '{"id":"r0","kind":"kill","shape":"round"}'`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.LoadRestrictions(ctx); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), `"r0"`) {
		t.Errorf("a field that is not known: %v", err)
	}
}

func TestFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	must(t, s.PutRestriction(t.Context(), vedette.Restriction{ID: "r", Kind: vedette.RestrictKill}))
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(names) < 2 {
		t.Errorf("files %v, want a write-ahead log too", names)
	}
	for _, n := range names {
		if info, err := os.Stat(n); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", n, info.Mode(), err)
		}
	}
	s.Close()
	os.Chmod(filepath.Join(dir, FileName), 0o644)
	if _, err := OpenSQLite(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by all: %v", err)
	}
}

func TestOddFolderNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b%20?c=#d")
	must(t, os.Mkdir(dir, 0o700))
	s := open(t, dir)
	must(t, s.PutRestriction(t.Context(), vedette.Restriction{ID: "r", Kind: vedette.RestrictKill}))
	must(t, s.Close())
	if info, err := os.Stat(filepath.Join(dir, FileName)); err != nil || info.Size() == 0 {
		t.Errorf("written elsewhere: %v", err)
	}
}

// filled makes a database of some size, closes it and returns its path.
func filled(t *testing.T, dir string) string {
	t.Helper()
	s := open(t, dir)
	var keys []Key
	for i := range 2000 {
		keys = append(keys, Key{"v", fmt.Sprint("key-", i), bytes.Repeat([]byte{byte(i)}, 100), t0})
	}
	must(t, s.PutKeys(t.Context(), keys))
	must(t, s.Close())
	return s.path
}

// TestMigration: a database of the version before keeps what it holds and gets what it lacks.
func TestMigration(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	must(t, os.WriteFile(path, nil, 0o600))
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.Exec(sqliteMigrations[0] + `PRAGMA user_version = 1;
		INSERT INTO restrictions VALUES ('r', '{"id":"r","kind":"kill","reason":"","by":"","from":"2026-03-01T00:00:00Z"}');
		INSERT INTO audit (at, actor, action, subject, detail) VALUES (1, 'a', 'b', 'c', 'd');`)
	must(t, err)
	must(t, db.Close())
	s, ctx := open(t, dir), t.Context()
	if rs, err := s.LoadRestrictions(ctx); err != nil || len(rs) != 1 {
		t.Errorf("%v %v", rs, err)
	}
	must(t, s.PutIncidents(ctx, []incident.Record{{Incident: vedette.Incident{ID: "inc:a"}}}))
	must(t, s.PutRevocation(ctx, vedette.Revocation{ID: "t", Until: t0}))
	must(t, s.AppendAudit(ctx, Audit{At: t0}))
	if list, err := s.LoadAudit(ctx, 0, 9); err != nil || len(list) != 2 || list[1].N != 2 {
		t.Errorf("%v %v", list, err)
	}
	if n, err := s.topics(ctx); err != nil || n["incidents"] == 0 || n["revocations"] == 0 || n["audit"] == 0 || n["keys"] != 0 {
		t.Errorf("changes %v %v", n, err)
	}
}

func TestBadFiles(t *testing.T) {
	test := func(name string, want error, words string, damage func(path string)) {
		t.Helper()
		dir := t.TempDir()
		path := filled(t, dir)
		damage(path)
		s, err := OpenSQLite(t.Context(), dir)
		if err == nil {
			_, err = s.LoadKeys(t.Context())
			s.Close()
		}
		if !errors.Is(err, want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	write := func(offset int64, b []byte) func(string) {
		return func(path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			must(t, err)
			defer f.Close()
			_, err = f.WriteAt(b, offset)
			must(t, err)
		}
	}
	test("no database", ErrCorrupt, "restore a backup", write(0, []byte("this is no database")))
	test("damaged page", ErrCorrupt, "restore a backup", write(8192, bytes.Repeat([]byte{0xa5}, 4096)))
	test("cut short", ErrCorrupt, "restore a backup", func(path string) { must(t, os.Truncate(path, 20_000)) })
	test("newer version", ErrNewer, "version 99", func(path string) {
		db, err := sql.Open("sqlite", path)
		must(t, err)
		defer db.Close()
		_, err = db.Exec("PRAGMA user_version = 99")
		must(t, err)
	})
	if _, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestReadOnly(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root writes anywhere: only SQLite's own refusal is tested")
	} else {
		dir := t.TempDir()
		filled(t, dir)
		os.Chmod(filepath.Join(dir, FileName), 0o400)
		if _, err := OpenSQLite(t.Context(), dir); !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "writable") {
			t.Errorf("read-only file: %v", err)
		}
	}
	s := open(t, t.TempDir())
	s.db.SetMaxOpenConns(2) // the watching one and this
	if _, err := s.db.Exec("PRAGMA query_only = ON"); err != nil {
		t.Fatal(err)
	}
	err := s.PutRestriction(t.Context(), vedette.Restriction{ID: "r", Kind: vedette.RestrictKill})
	if !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), s.path) {
		t.Errorf("got %v", err)
	}
}

// A full disk must lose nothing that was there and keep nothing of the change.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir)
	s := open(t, dir)
	s.db.SetMaxOpenConns(2)
	if _, err := s.db.Exec("PRAGMA max_page_count = 1"); err != nil { // SQLite raises it to the present size
		t.Fatal(err)
	}
	big := []Key{{"v", "key-0", []byte("changed"), t0}, {"v", "big", make([]byte, 1<<20), t0}}
	err := s.PutKeys(t.Context(), big)
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "free some space") || !strings.Contains(err.Error(), s.path) {
		t.Errorf("got %v", err)
	}
	if k, err := s.Key(t.Context(), "v", "key-0"); err != nil || len(k.Sealed) != 100 {
		t.Errorf("half of a change was kept: %v", err)
	}
	if _, err := s.db.Exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	must(t, s.PutKeys(t.Context(), big))
}

func TestBusy(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	tx, err := a.db.BeginTx(t.Context(), nil)
	must(t, err)
	defer tx.Rollback()
	b.db.SetMaxOpenConns(2)
	_, err = b.db.Exec("PRAGMA busy_timeout = 20")
	must(t, err)
	if err := b.AppendAudit(t.Context(), Audit{At: t0}); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	if _, err := b.LoadRestrictions(t.Context()); err != nil {
		t.Errorf("a writer stops readers: %v", err)
	}
}

// TestKill kills a process that writes: it must leave whole changes only, and all
// that it was told are written.
func TestKill(t *testing.T) {
	if dir := os.Getenv("VEDETTE_STORE_VICTIM"); dir != "" {
		writeForEver(t, dir)
	}
	rounds := 3
	if os.Getenv("VEDETTE_SOAK") != "" {
		rounds = 50
	}
	for round := range rounds {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "VEDETTE_STORE_VICTIM="+dir)
		var out bytes.Buffer
		cmd.Stdout = &out
		must(t, cmd.Start())
		time.Sleep(time.Duration(400+37*(round%10)) * time.Millisecond)
		must(t, cmd.Process.Kill())
		cmd.Wait()
		acknowledged := strings.Count(out.String(), "wrote ")
		s := open(t, dir)
		keys, err := s.LoadKeys(t.Context())
		must(t, err)
		audit, err := s.LoadAudit(t.Context(), 0, 1<<30)
		must(t, err)
		if len(keys) != 2*len(audit) || len(audit) < acknowledged {
			t.Errorf("%d keys, %d entries, %d acknowledged", len(keys), len(audit), acknowledged)
		}
		t.Logf("killed after %d changes", acknowledged)
		s.Close()
	}
}

func writeForEver(t *testing.T, dir string) {
	s, err := OpenSQLite(context.Background(), dir)
	must(t, err)
	for i := 0; ; i++ {
		id := fmt.Sprint(i)
		must(t, s.PutKeys(context.Background(), []Key{{"v", "a" + id, []byte("s"), t0}, {"v", "b" + id, []byte("s"), t0}}, Audit{At: t0, Subject: id}))
		fmt.Println("wrote", id)
	}
}
