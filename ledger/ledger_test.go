package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"vedette/internal/durable/durabletest"
)

// seeded is a source of random bytes that a test can repeat.
type seeded struct{ n byte }

func (s *seeded) Read(b []byte) (int, error) {
	for i := range b {
		s.n = s.n*31 + 7
		b[i] = s.n
	}
	return len(b), nil
}

func testKey(t testing.TB, name string, seed byte) (note.Signer, note.Verifiers) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(&seeded{seed}, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, note.VerifierList(verifier)
}

const testOrigin = "vedette/test"

// testConfig is a ledger in simulated memory with small segments.
func testConfig(t testing.TB, fs *durabletest.FS) Config {
	signer, verifiers := testKey(t, testOrigin, 1)
	return Config{Dir: "ledger", Signer: signer, Verifiers: verifiers, FS: fs, Sync: true, SegmentBytes: 4096}
}

func mustOpen(t testing.TB, cfg Config) (*Ledger, *Repair) {
	t.Helper()
	l, repair, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l, repair
}

// add appends a record and waits until it is durable.
func add(t testing.TB, l *Ledger, record string) uint64 {
	t.Helper()
	pos, err := l.Append([]byte(record))
	if err == nil {
		err = l.Wait(context.Background(), pos)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

func record(i int) string { return fmt.Sprintf("record %d %s", i, bytes.Repeat([]byte{'x'}, i%50)) }

// checkRecords fails unless records from up to n are what record makes.
func checkRecords(t testing.TB, r *Reader, from, n int) {
	t.Helper()
	i := from
	err := r.Read(uint64(from), uint64(n), func(pos uint64, b []byte) error {
		if pos != uint64(i) || string(b) != record(i) {
			return fmt.Errorf("record %d is %q at %d, want %q", i, b, pos, record(i))
		}
		i++
		return nil
	})
	if err != nil || i != n {
		t.Fatalf("read %d records: %v", i, err)
	}
}

func TestAppendReadReopen(t *testing.T) {
	cfg := testConfig(t, durabletest.New())
	n := 0
	for range 4 {
		l, repair := mustOpen(t, cfg)
		if *repair != (Repair{}) {
			t.Fatalf("repair after a clean stop: %+v", *repair)
		}
		if l.Size() != uint64(n) {
			t.Fatalf("size %d, want %d", l.Size(), n)
		}
		for range 150 {
			if pos := add(t, l, record(n)); pos != uint64(n) {
				t.Fatalf("position %d, want %d", pos, n)
			}
			n++
		}
		checkRecords(t, l.Reader, 0, n)
		checkRecords(t, l.Reader, n/2, n)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := OpenReader(cfg.FS, cfg.Dir, testOrigin, cfg.Verifiers)
	if err != nil {
		t.Fatal(err)
	}
	checkRecords(t, r, 0, n)
	if len(r.view.Load().segs) < 5 {
		t.Fatalf("%d segments: the test must cross segments", len(r.view.Load().segs))
	}
}

// TestTree compares the incremental tree with tlog's.
func TestTree(t *testing.T) {
	cfg := testConfig(t, durabletest.New())
	l, _ := mustOpen(t, cfg)
	defer l.Close()
	var stored []Hash
	reader := tlog.HashReaderFunc(func(at []int64) (out []Hash, err error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for i := range 700 {
		pos := add(t, l, record(i))
		more, err := tlog.StoredHashes(int64(pos), []byte(record(i)), reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
		want, err := tlog.TreeHash(int64(i+1), reader)
		if err != nil {
			t.Fatal(err)
		}
		if cp := l.Checkpoint(); cp.Size != uint64(i+1) || cp.Root != want {
			t.Fatalf("checkpoint %d %x, want %d %x", cp.Size, cp.Root, i+1, want)
		}
	}
	var indexes []int64
	for i := range stored {
		indexes = append(indexes, int64(i))
	}
	got, err := l.hashes.ReadHashes(indexes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i] != stored[i] {
			t.Fatalf("stored hash %d differs", i)
		}
	}
}

func TestConcurrentAppend(t *testing.T) {
	signer, verifiers := testKey(t, testOrigin, 1)
	for _, sync := range []bool{false, true} {
		cfg := Config{Dir: t.TempDir(), Signer: signer, Verifiers: verifiers, Sync: sync, SegmentBytes: 64 << 10}
		l, _ := mustOpen(t, cfg)
		seen := appendFrom(t, l, 8, 200)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l, _ = mustOpen(t, cfg)
		err := l.Read(0, l.Size(), func(pos uint64, b []byte) error {
			if seen[pos] != sha256.Sum256(b) {
				return fmt.Errorf("record %d is not what was appended", pos)
			}
			delete(seen, pos)
			return nil
		})
		if err != nil || len(seen) != 0 {
			t.Fatalf("%d missing: %v", len(seen), err)
		}
		l.Close()
	}
}

// appendFrom appends from several goroutines and returns what went where.
func appendFrom(t *testing.T, l *Ledger, goroutines, each int) map[uint64][32]byte {
	seen := map[uint64][32]byte{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				b := fmt.Appendf(nil, "%d of %d %s", i, g, bytes.Repeat([]byte{'y'}, i))
				pos, err := l.Append(b)
				if err == nil && i%16 == 0 {
					err = l.Wait(context.Background(), pos)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[pos] = sha256.Sum256(b)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return seen
}

func TestAppendRefuses(t *testing.T) {
	l, _ := mustOpen(t, testConfig(t, durabletest.New()))
	if _, err := l.Append(make([]byte, MaxRecord+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := l.Append([]byte(`{"ledger":"gap"}`)); !errors.Is(err, ErrReserved) {
		t.Errorf("reserved: %v", err)
	}
	for _, n := range []int{0, 1, MaxRecord} {
		add(t, l, string(bytes.Repeat([]byte{'a'}, n)))
	}
	if err := l.Wait(context.Background(), 3); err == nil {
		t.Error("waited for a record that does not exist")
	}
	l.Close()
	if _, err := l.Append(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestOnlyOne(t *testing.T) {
	cfg := testConfig(t, nil)
	cfg.FS, cfg.Dir = nil, t.TempDir()
	l, _ := mustOpen(t, cfg)
	if _, _, err := Open(cfg); err == nil {
		t.Fatal("opened twice")
	}
	l.Close()
	l, _ = mustOpen(t, cfg)
	l.Close()
}

// TestMaxDelay checks that records become durable without anybody waiting.
func TestMaxDelay(t *testing.T) {
	cfg := testConfig(t, durabletest.New())
	cfg.Sync, cfg.MaxDelay = false, 5*time.Millisecond
	l, _ := mustOpen(t, cfg)
	defer l.Close()
	for i := range 20 {
		if _, err := l.Append([]byte(record(i))); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(30 * time.Second); l.Size() < 20; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d records after 30 s", l.Size())
		}
	}
	if s := l.Stats(); s.Batches == 20 {
		t.Error("20 records at once were not grouped")
	}
}

func TestKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	k, err := LoadOrCreateKey(dir, testOrigin, &seeded{3})
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreateKey(dir, testOrigin, failing{})
	if err != nil || again.Public != k.Public {
		t.Fatalf("second load: %v", err)
	}
	name := filepath.Join(dir, keyName)
	if info, _ := os.Stat(name); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	os.Chmod(name, 0o640)
	if _, err := LoadOrCreateKey(dir, testOrigin, failing{}); err == nil {
		t.Error("a key that the group can read was accepted")
	}
	os.Chmod(name, 0o600)
	os.WriteFile(name, []byte("PRIVATE+KEY+secret"), 0o600)
	if _, err := LoadOrCreateKey(dir, testOrigin, failing{}); err == nil || bytes.Contains([]byte(err.Error()), []byte("secret")) {
		t.Errorf("a broken key: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestHeadSlots checks that a commit leaves the slot of the one before it alone, since a power
// cut may spoil the slot that is being written.
func TestHeadSlots(t *testing.T) {
	fs := durabletest.New()
	cfg := testConfig(t, fs)
	for n := uint64(2); n < 12; n += 2 {
		l, _ := mustOpen(t, cfg)
		add(t, l, "record")
		add(t, l, "record")
		l.Close()
		s, err := readHead(fs, "ledger", testOrigin, cfg.Verifiers)
		if err != nil || s.best.Size != n || s.notes[1-s.slot].Size != n-1 {
			t.Fatalf("after record %d: slots of size %d and %d: %v", n, s.best.Size, s.notes[1-s.slot].Size, err)
		}
		files := fs.ReadAll()
		copy(files["ledger/head"][s.slot*headSlot:], make([]byte, 512))
		fs.WriteAll(files)
		l, repair := mustOpen(t, cfg)
		if !repair.HeadSlot || l.Size() != n {
			t.Fatalf("with a spoilt slot: %+v, size %d", repair, l.Size())
		}
		l.Close()
		if r := verify(t, fs); !r.OK() {
			t.Fatal(r.Problems)
		}
		fs.WriteAll(files)
		if r := verify(t, fs); r.OK() || !r.Whole() {
			t.Fatal(r.Problems)
		}
		l, _ = mustOpen(t, cfg)
		l.Close()
	}
}

// TestOriginBeforeKey: a name that cannot be an origin leaves no key behind, that would
// spoil the folder.
func TestOriginBeforeKey(t *testing.T) {
	for _, name := range []string{"", "a b", "a+b", "a\tb", "a\nb", "a\u00a0b", "\xff", strings.Repeat("a", MaxOrigin+1)} {
		dir := filepath.Join(t.TempDir(), "ledger")
		if _, err := LoadOrCreateKey(dir, name, &seeded{3}); err == nil {
			t.Errorf("%q was taken", name)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%q left a folder", name)
		}
	}
	if err := CheckOrigin("vedette/desk-a.venue.example"); err != nil {
		t.Error(err)
	}
}
