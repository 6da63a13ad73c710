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
	"sync"
	"testing"
	"time"

	"vedette"
)

var t0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir)
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

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	s, ctx := open(t, dir), t.Context()
	must(t, s.PutKeys(ctx, []Key{{"b", "1", []byte("x"), t0}, {"a", "2", []byte("y"), t0}}, Audit{At: t0, Actor: "me", Action: "key.import"}))
	must(t, s.PutKeys(ctx, []Key{{"b", "1", []byte("z"), t0.Add(time.Second)}}))
	s.Close()
	s = open(t, dir)
	keys, err := s.LoadKeys(ctx)
	if got, want := fmt.Sprint(keys, err), fmt.Sprint([]Key{{"a", "2", []byte("y"), t0}, {"b", "1", []byte("z"), t0.Add(time.Second)}}, nil); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if k, err := s.Key(ctx, "a", "2"); err != nil || string(k.Sealed) != "y" {
		t.Error(k, err)
	}
	if _, err := s.Key(ctx, "a", "1"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	must(t, s.DeleteKey(ctx, "a", "2"))
	if err := s.DeleteKey(ctx, "a", "2", Audit{}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	must(t, s.RewriteKeys(ctx, func(k Key) ([]byte, error) { return append(k.Sealed, '!'), nil }))
	if k, _ := s.Key(ctx, "b", "1"); string(k.Sealed) != "z!" {
		t.Errorf("rewritten to %q", k.Sealed)
	}
	fault := errors.New("no")
	if err := s.RewriteKeys(ctx, func(k Key) ([]byte, error) { return nil, fault }); !errors.Is(err, fault) {
		t.Error(err)
	}
	if k, _ := s.Key(ctx, "b", "1"); string(k.Sealed) != "z!" {
		t.Error("a rewrite that failed changed something")
	}
	if err := s.PutKeys(ctx, []Key{{"b", "9", []byte("x"), t0}, {"b", "10", nil, t0}}); err == nil {
		t.Error("a key without content was taken")
	}
	if _, err := s.Key(ctx, "b", "9"); !errors.Is(err, ErrNotFound) {
		t.Error("half of a change was kept")
	}
	audit, err := s.LoadAudit(ctx, 0, 10)
	if err != nil || len(audit) != 1 || audit[0] != (Audit{1, t0, "me", "key.import", "", ""}) {
		t.Error("a change that failed left its audit, or one that did not left none:", audit, err)
	}
}

func TestRestrictions(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	r := vedette.Restriction{ID: "r1", Kind: vedette.RestrictThrottle, Venue: "v", Credential: "c", Account: "a", Owner: "o", Source: "192.0.2.0/24",
		Instrument: "i", Operation: vedette.OpWithdraw, Rate: 0.5, Burst: 3, Reason: "why", By: "me", From: t0, Until: t0.Add(time.Hour)}
	must(t, s.PutRestriction(ctx, vedette.Restriction{ID: "r1", Kind: vedette.RestrictFreeze, From: t0}))
	must(t, s.PutRestriction(ctx, r, Audit{At: t0, Action: "restriction.set", Subject: "r1"}))
	must(t, s.PutRestriction(ctx, vedette.Restriction{ID: "r0", Kind: vedette.RestrictKill, From: t0}))
	rs, err := s.LoadRestrictions(ctx)
	if err != nil || len(rs) != 2 || rs[1] != r || rs[0].ID != "r0" || !rs[0].Until.IsZero() {
		t.Errorf("%+v %v", rs, err)
	}
	must(t, s.LiftRestriction(ctx, "r1"))
	if err := s.LiftRestriction(ctx, "r1"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.db.Exec(`UPDATE restrictions SET body = '{"id":"r0","kind":"kill","shape":"round"}'`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.LoadRestrictions(ctx); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), `"r0"`) {
		t.Errorf("a field that is not known: %v", err)
	}
}

func TestAuditIsAppendOnly(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	for i := range 5 {
		must(t, s.AppendAudit(ctx, Audit{At: t0, Actor: fmt.Sprint(i)}))
	}
	for _, q := range []string{"DELETE FROM audit", "UPDATE audit SET actor = 'x'"} {
		if _, err := s.db.Exec(q); err == nil {
			t.Errorf("%s went through", q)
		}
	}
	list, err := s.LoadAudit(ctx, 2, 2)
	if err != nil || len(list) != 2 || list[0].N != 3 || list[1].Actor != "3" {
		t.Errorf("%+v %v", list, err)
	}
}

func TestDataVersion(t *testing.T) {
	dir := t.TempDir()
	a, b, ctx := open(t, dir), open(t, dir), t.Context()
	version := func() int64 {
		t.Helper()
		v, err := a.DataVersion(ctx)
		must(t, err)
		return v
	}
	before := version()
	if version() != before {
		t.Error("changed on its own")
	}
	must(t, b.PutRestriction(ctx, vedette.Restriction{ID: "r", Kind: vedette.RestrictKill}))
	if version() == before {
		t.Error("a change of another process is not seen")
	}
	before = version()
	must(t, a.LiftRestriction(ctx, "r"))
	if version() == before {
		t.Error("a change of our own is not seen")
	}
}

func TestConcurrentWriters(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{open(t, dir), open(t, dir)}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 20 {
				id := fmt.Sprintf("%d-%d", w, i)
				if err := stores[w%2].PutKeys(t.Context(), []Key{{"v", id, []byte("s"), t0}}, Audit{At: t0, Subject: id}); err != nil {
					t.Error(err)
				}
				if _, err := stores[w%2].LoadRestrictions(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	keys, _ := stores[0].LoadKeys(t.Context())
	audit, _ := stores[0].LoadAudit(t.Context(), 0, 1000)
	if len(keys) != 80 || len(audit) != 80 {
		t.Errorf("%d keys, %d entries", len(keys), len(audit))
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
	if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
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

func TestBadFiles(t *testing.T) {
	test := func(name string, want error, words string, damage func(path string)) {
		t.Helper()
		dir := t.TempDir()
		path := filled(t, dir)
		damage(path)
		s, err := Open(t.Context(), dir)
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
	if _, err := Open(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
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
		if _, err := Open(t.Context(), dir); !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "writable") {
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
	s, err := Open(context.Background(), dir)
	must(t, err)
	for i := 0; ; i++ {
		id := fmt.Sprint(i)
		must(t, s.PutKeys(context.Background(), []Key{{"v", "a" + id, []byte("s"), t0}, {"v", "b" + id, []byte("s"), t0}}, Audit{At: t0, Subject: id}))
		fmt.Println("wrote", id)
	}
}
