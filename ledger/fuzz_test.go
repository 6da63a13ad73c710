package ledger

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"vedette/internal/durable/durabletest"
)

// FuzzSegment opens and verifies a ledger whose only segment holds any bytes. Open may
// refuse or set aside, but never lose what the head file says, and nothing may panic.
func FuzzSegment(f *testing.F) {
	files := batches(f, durabletest.New(), 3, 2)
	name := "ledger/" + segmentName(0)
	f.Add(files[name])
	f.Add(files[name][:len(files[name])-5])
	f.Add(append(bytes.Clone(files[name]), "RRRR"...))
	f.Add([]byte(segmentMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := durabletest.New()
		all := clone(files)
		all[name] = b
		fs.WriteAll(all)
		r := verify(t, fs)
		if !bytes.Equal(b, files[name]) && r.OK() {
			t.Fatal("another segment verifies")
		}
		reopen(t, fs, 5)
	})
}

// FuzzHead reads any bytes as a head file.
func FuzzHead(f *testing.F) {
	files := batches(f, durabletest.New(), 1)
	_, verifiers := testKey(f, testOrigin, 1)
	f.Add(files["ledger/head"])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseHead(b, testOrigin, verifiers)
		if err == nil && s.best == nil {
			t.Fatal("neither a checkpoint nor an error")
		}
	})
}

// FuzzFrame reads any bytes as a frame; what is read is written the same.
func FuzzFrame(f *testing.F) {
	f.Add(appendFrame(nil, kindRecord, []byte("record")))
	f.Add(appendFrame(nil, kindCommit, commit{prev: 7, note: []byte("note")}.payload()))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, payload, err := parseFrame(b)
		if err != nil {
			return
		}
		if again := appendFrame(nil, kind, payload); !bytes.HasPrefix(b, again) {
			t.Fatalf("%x reads as %x", b, again)
		}
		if c, err := parseCommit(payload); err == nil && !bytes.Equal(c.payload(), payload) {
			t.Fatalf("the commit %x is not written the same", payload)
		}
	})
}

// FuzzCheckpoint reads any bytes as a checkpoint.
func FuzzCheckpoint(f *testing.F) {
	signer, verifiers := testKey(f, testOrigin, 1)
	cp, err := signCheckpoint(signer, testOrigin, 12, emptyRoot())
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(cp.Note))
	f.Add([]byte(strings.Replace(cp.Note, "\n\n", "\nextension\n\n", 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseCheckpoint(b, verifiers); err == nil && (c.Size != 12 || c.Root != emptyRoot()) {
			t.Fatal("something else than was signed is accepted")
		}
		if c, err := parseOwn(b, testOrigin, verifiers); err == nil && string(b) != cp.Note {
			t.Fatalf("%q is accepted as %+v", b, c)
		}
		if c, err := peekCheckpoint(b); err == nil && c.Note != string(b) {
			t.Fatal("the note is not kept")
		}
	})
}

// FuzzTilePath reads any path; only the one right spelling of a tile is one.
func FuzzTilePath(f *testing.F) {
	for _, p := range []string{"tile/0/000", "tile/entries/x001/x234/067.p/255", "tile/63/999", "tile/0/000.p/1"} {
		f.Add(p)
	}
	l, _, err := Open(testConfig(f, durabletest.New()))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	add(f, l, "one")
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := ParseTile(path)
		if err != nil {
			return
		}
		if tile.Path() != path {
			t.Fatalf("%q reads as %q", path, tile.Path())
		}
		if _, err := l.Tile(tile); err == nil && (tile.Index != 0 || tile.Width != 1 || tile.Level != 0) {
			t.Fatalf("%q exists in a tree of one record", path)
		}
	})
}

// FuzzEvent reads any record as one of the ledger's own.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"ledger":"gap","time":"2026-01-01T00:00:00Z","lost":3}`))
	f.Add(Event{Kind: EventHold, Retention: &Retention{Holds: []Hold{{"a", 1, 2}}}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, ok := ParseEvent(b); ok {
			l := &Ledger{}
			if _, err := l.Append(b); !errors.Is(err, ErrReserved) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("a caller may append %q", b)
			}
		}
	})
}

func FuzzRetention(f *testing.F) {
	f.Add((&retentionFile{Event: 7, State: Retention{Removed: []Range{{0, 40}}, Holds: []Hold{{"case-1", 40, 0}}}}).encode())
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := durabletest.New()
		fs.WriteAll(map[string][]byte{"ledger/" + retentionName: b})
		r, err := readRetention(fs, "ledger")
		if (r == nil) == (err == nil) {
			t.Fatal("neither a state nor an error, or both")
		}
		if r != nil && !bytes.Equal(r.encode(), b) {
			t.Fatalf("%q reads as %q", b, r.encode())
		}
	})
}
