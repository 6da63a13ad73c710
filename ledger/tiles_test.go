package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"vedette/internal/durable"
	"vedette/internal/durable/durabletest"
)

// tileClient is tlog's client side: it authenticates every tile that it is given.
type tileClient struct {
	get   func(path string) ([]byte, error)
	reads int
}

func (c *tileClient) Height() int { return 8 }

func (c *tileClient) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		b, err := c.get(Tile{Level: t.L, Index: uint64(t.N), Width: t.W}.Path())
		if err != nil {
			return nil, err
		}
		c.reads++
		out = append(out, b)
	}
	return out, nil
}

func (c *tileClient) SaveTiles([]tlog.Tile, [][]byte) {}

// checkLog reads a whole log as a stranger would: checkpoint, tiles, entry bundles.
func checkLog(t *testing.T, get func(string) ([]byte, error), verifiers note.Verifiers, n int) {
	t.Helper()
	signed, err := get("checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	cp, err := ParseCheckpoint(signed, verifiers)
	if err != nil || cp.Size != uint64(n) {
		t.Fatalf("checkpoint %v: %v", cp, err)
	}
	tree := tlog.Tree{N: int64(cp.Size), Hash: cp.Root}
	client := &tileClient{get: get}
	reader := tlog.TileHashReader(tree, client)
	var indexes []int64
	for i := range int64(n) {
		indexes = append(indexes, tlog.StoredHashIndex(0, i))
	}
	leaves, err := reader.ReadHashes(indexes)
	if err != nil {
		t.Fatalf("tlog refuses the tiles: %v", err)
	}
	for pos := 0; pos < n; pos += 256 {
		b, err := get(Tile{Entries: true, Index: uint64(pos / 256), Width: min(256, n-pos)}.Path())
		if err != nil {
			t.Fatal(err)
		}
		for i := pos; i < min(n, pos+256); i++ {
			size := binary.BigEndian.Uint16(b)
			if tlog.RecordHash(b[2:2+size]) != leaves[i] {
				t.Fatalf("entry %d does not have its leaf's hash", i)
			}
			b = b[2+size:]
		}
		if len(b) != 0 {
			t.Fatalf("%d bytes after the last entry", len(b))
		}
	}
	for _, i := range []int64{0, 1, 255, 256, int64(n) / 2, int64(n) - 1} {
		p, err := tlog.ProveRecord(tree.N, i, reader)
		if err != nil || tlog.CheckRecord(p, tree.N, tree.Hash, i, leaves[i]) != nil {
			t.Fatalf("record %d is not proven: %v", i, err)
		}
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	const n = 66000 // level 2 has a hash
	cfg := testConfig(t, durabletest.New())
	cfg.Sync, cfg.SegmentBytes = false, 1<<20
	l, _ := mustOpen(t, cfg)
	for i := range n {
		if _, err := l.Append([]byte(record(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, _ = mustOpen(t, cfg)
	defer l.Close()
	server := httptest.NewServer(http.StripPrefix("/log", l))
	defer server.Close()
	get := func(path string) ([]byte, error) {
		res, err := http.Get(server.URL + "/log/" + path)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", path, res.Status)
		}
		return io.ReadAll(res.Body)
	}
	checkLog(t, get, cfg.Verifiers, n)
	for _, bad := range []string{"tile/0/258", "tile/3/000", "tile/2/000", "tile/2/000.p/2", "tile/0/257.p/209", "tile/64/000",
		"tile/00/000", "tile/0/x000/001", "tile/0/1", "tile/-1/000", "tile/data/000", "tile/entries/258", "", "tile/0/000.p/256", "checkpoint/",
		"tile/0/../../head"} {
		if _, err := get(bad); err == nil {
			t.Errorf("served %q", bad)
		}
	}

	dir := t.TempDir()
	// Export writes where the ledger's file system is; copy what it wrote to look at it.
	l.Reader.fs = mirror{cfg.FS}
	if err := l.Export(dir); err != nil {
		t.Fatal(err)
	}
	checkLog(t, func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, path)) }, cfg.Verifiers, n)
}

// mirror reads the ledger from one file system and writes to the machine's.
type mirror struct{ durable.FS }

func (m mirror) on(name string) durable.FS {
	if strings.HasPrefix(name, "ledger") {
		return m.FS
	}
	return durable.OS{}
}

func (m mirror) OpenFile(name string, flag int, perm os.FileMode) (durable.File, error) {
	return m.on(name).OpenFile(name, flag, perm)
}
func (m mirror) Rename(a, b string) error                    { return m.on(a).Rename(a, b) }
func (m mirror) MkdirAll(dir string, perm os.FileMode) error { return m.on(dir).MkdirAll(dir, perm) }
func (m mirror) SyncDir(string) error                        { return nil }

func TestProofs(t *testing.T) {
	cfg := testConfig(t, durabletest.New())
	l, _ := mustOpen(t, cfg)
	defer l.Close()
	var kept []Checkpoint
	for i := range 300 {
		add(t, l, record(i))
		kept = append(kept, l.Checkpoint())
	}
	_, strangers := testKey(t, testOrigin, 50)
	for i := range uint64(300) {
		p, err := l.ProveInclusion(i)
		if err != nil || string(p.Record) != record(int(i)) {
			t.Fatal(i, err)
		}
		if err := p.Check(cfg.Verifiers); err != nil {
			t.Fatal(err)
		}
		if err := p.Check(strangers); !errors.Is(err, ErrSignature) {
			t.Fatalf("a stranger's key: %v", err)
		}
		p.Record = append(p.Record, 'x')
		if err := p.Check(cfg.Verifiers); !errors.Is(err, ErrProof) {
			t.Fatalf("another record: %v", err)
		}
		p.Record = nil
		p.Position = (p.Position + 1) % 300
		if err := p.Check(cfg.Verifiers); !errors.Is(err, ErrProof) {
			t.Fatalf("another position: %v", err)
		}
		c, err := l.ProveConsistency(i + 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(&kept[i], cfg.Verifiers); err != nil {
			t.Fatal(err)
		}
		if err := c.Check(&kept[(i+1)%300], cfg.Verifiers); !errors.Is(err, ErrProof) {
			t.Fatalf("another old checkpoint: %v", err)
		}
		c.OldRoot[3]++
		forged := kept[i]
		forged.Root = c.OldRoot
		if err := c.Check(&forged, cfg.Verifiers); !errors.Is(err, ErrProof) {
			t.Fatalf("another old root: %v", err)
		}
	}
	if _, err := l.ProveInclusion(300); err == nil {
		t.Error("proved a record that is not there")
	}
	if _, err := l.ProveConsistency(301); err == nil {
		t.Error("proved a tree that is not there")
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	fs := durabletest.New()
	cfg := testConfig(t, fs)
	l, _ := mustOpen(t, cfg)
	ctx := context.Background()
	for i := range 1000 {
		if pos, err := l.Append([]byte(record(i))); err != nil || i%10 == 9 && l.Wait(ctx, pos) != nil {
			t.Fatal(err)
		}
	}
	segs := l.view.Load().segs
	held := segs[2]
	if err := l.LegalHold(ctx, "case 7", held+1, held+2); err != nil {
		t.Fatal(err)
	}
	if err := l.LegalHold(ctx, "\x00", 0, 0); err == nil {
		t.Error("a name that JSON escapes")
	}
	if err := l.LegalHold(ctx, "case 7", 0, 0); err == nil {
		t.Error("two holds of one name")
	}
	out, err := l.Retain(ctx, 600)
	if err != nil || out.Segments < 5 || len(out.Held) != 1 {
		t.Fatalf("%+v: %v", out, err)
	}
	check := func() {
		t.Helper()
		if r := verify(t, fs); len(r.Problems) != 0 || len(r.Removed) == 0 {
			t.Fatalf("%+v", r)
		}
		for _, pos := range []uint64{0, 100, held, held + 1, 599, 999} {
			p, err := l.ProveInclusion(pos)
			if err != nil || p.Check(cfg.Verifiers) != nil {
				t.Fatalf("record %d: %v", pos, err)
			}
			if gone := pos == 0 || pos == 100; gone != (p.Record == nil) {
				t.Fatalf("record %d: bytes %q", pos, p.Record)
			}
		}
		if _, err := l.Tile(Tile{Entries: true, Width: 256}); !errors.Is(err, ErrRemoved) {
			t.Fatalf("entries that were removed: %v", err)
		}
		if b, err := l.Tile(Tile{Width: 256}); err != nil || len(b) != 8192 {
			t.Fatalf("hashes of removed entries: %v", err)
		}
		checkRecords(t, l.Reader, int(held), int(segs[3]))
		checkRecords(t, l.Reader, 650, 1000)
		pos, err := l.Find(func(b []byte) bool {
			var i int
			_, err := fmt.Sscanf(string(b), "record %d ", &i)
			return err != nil || i >= 700 // the ledger's own records come last here
		})
		if err != nil || pos != 700 {
			t.Fatalf("found %d: %v", pos, err)
		}
	}
	check()
	l.Close()
	l, _ = mustOpen(t, cfg)
	check()
	if err := l.Release(ctx, "case 7"); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(ctx, "case 7"); err == nil {
		t.Error("released twice")
	}
	if out, err = l.Retain(ctx, 600); err != nil || out.Segments != 1 {
		t.Fatalf("after release: %+v: %v", out, err)
	}
	if state, _ := l.RetentionState(); len(state.Removed) != 1 || state.Removed[0].From != 0 {
		t.Fatalf("%+v", state)
	}
	l.Close()
	tamperRetention(t, fs, cfg)
}

// tamperRetention changes the hashes of removed records and the retention file.
func tamperRetention(t *testing.T, fs *durabletest.FS, cfg Config) {
	files := fs.ReadAll()
	if r := verify(t, fs); !r.OK() {
		t.Fatal(r.Problems)
	}
	for _, name := range []string{"ledger/hashes.0", "ledger/hashes.1", "ledger/" + retentionName} {
		stride := max(1, len(files[name])/40)
		for off := 0; off < len(files[name]); off += stride {
			all := clone(files)
			all[name][off] ^= 1
			fs.WriteAll(all)
			if r := verify(t, fs); !located(r, name, int64(off)) {
				t.Fatalf("%s byte %d: %v", name, off, r.Problems)
			}
		}
	}
	// A segment removed without Retain, with or without a forged retention file.
	segs, _ := listSegments(fs, "ledger")
	all := clone(files)
	delete(all, "ledger/"+segmentName(segs[0]))
	fs.WriteAll(all)
	if r := verify(t, fs); r.Whole() {
		t.Error("a segment that somebody removed is not missed")
	}
	if _, _, err := Open(cfg); err == nil {
		t.Error("opened without a segment")
	}
	kept, err := readRetention(fs, "ledger")
	if err != nil {
		t.Fatal(err)
	}
	kept.State.Removed = []Range{{0, segs[1]}}
	all["ledger/"+retentionName] = kept.encode()
	fs.WriteAll(all)
	if r := verify(t, fs); r.Whole() {
		t.Error("a forged retention file hides a removal")
	}
}
