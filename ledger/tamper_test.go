package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"vedette/internal/durable/durabletest"
)

// soak tells whether long tests should run at full length.
func soak() bool { return os.Getenv("VEDETTE_SOAK") != "" }

// batches makes a ledger with one batch of the given size after the other, and returns
// its files.
func batches(t testing.TB, fs *durabletest.FS, sizes ...int) map[string][]byte {
	t.Helper()
	cfg := testConfig(t, fs)
	cfg.Sync, cfg.MaxDelay = false, 1<<40
	n := 0
	for _, size := range sizes {
		l, _ := mustOpen(t, cfg)
		for range size {
			if _, err := l.Append([]byte(record(n))); err != nil {
				t.Fatal(err)
			}
			n++
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return fs.ReadAll()
}

func verify(t testing.TB, fs *durabletest.FS, change ...func(*VerifyOptions)) *Report {
	t.Helper()
	_, verifiers := testKey(t, testOrigin, 1)
	opt := VerifyOptions{FS: fs, Origin: testOrigin, Verifiers: verifiers}
	for _, c := range change {
		c(&opt)
	}
	report, err := Verify("ledger", opt)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// located tells whether a problem names a place in a file.
func located(r *Report, file string, off int64) bool {
	return slices.ContainsFunc(r.Problems, func(p Problem) bool {
		return "ledger/"+p.File == file && p.Offset <= off && off < p.Offset+p.Length
	})
}

func clone(files map[string][]byte) map[string][]byte {
	out := map[string][]byte{}
	for name, b := range files {
		out[name] = slices.Clone(b)
	}
	return out
}

// reopen opens a ledger that was tampered with. Open must refuse it, or keep every
// record as it was, and Verify must have foretold which.
func reopen(t testing.TB, fs *durabletest.FS, n int) {
	t.Helper()
	before := verify(t, fs)
	l, repair, err := Open(testConfig(t, fs))
	if err != nil {
		var damage *DamageError
		if !errors.As(err, &damage) || damage.File == "" {
			t.Fatalf("refused without a place: %v", err)
		}
		if before.Whole() {
			t.Fatalf("Verify found %v, and Open refuses: %v", before.Problems, err)
		}
		return
	}
	defer l.Close()
	told := slices.ContainsFunc(before.Problems, func(p Problem) bool {
		return p.Kind == Torn && p.Repairable && p.File == repair.TornSegment && p.Offset == repair.TornOffset && p.Length == repair.TornBytes &&
			strings.Contains(p.Detail, repair.TornFile)
	})
	torn := slices.ContainsFunc(before.Problems, func(p Problem) bool { return p.Kind == Torn })
	if set := repair.TornFile != ""; told != set || torn != set {
		t.Fatalf("Verify found %v, and Open did %+v", before.Problems, repair)
	}
	if l.Size() < uint64(n) {
		t.Fatalf("opened with %d of %d records", l.Size(), n)
	}
	i := 0
	err = l.Read(0, uint64(n), func(_ uint64, b []byte) error {
		if string(b) != record(i) {
			return fmt.Errorf("record %d reads %q", i, b)
		}
		i++
		return nil
	})
	var damage *DamageError
	if err != nil && !errors.As(err, &damage) {
		t.Fatal(err)
	}
}

// TestEveryByte flips a bit in every byte of a ledger. Verify finds each and names its
// place; Open refuses or loses nothing.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	fs := durabletest.New()
	files := batches(t, fs, 3, 40, 4, 30, 1, 2)
	if r := verify(t, fs); !r.OK() || r.Size != 80 || r.Segments < 2 {
		t.Fatalf("untouched: %+v", r)
	}
	stride, begin := 17, 200 // of the bytes after the beginning of a file, every 17th
	if soak() {
		stride = 1
	}
	count := 0
	for name, b := range files {
		for off := 0; off < len(b); off++ {
			padding := strings.HasSuffix(name, headName) && off%headSlot > 400
			if off%stride != 0 && off >= begin || padding && off%101 != 0 {
				continue
			}
			changed := maps.Clone(files)
			changed[name] = slices.Clone(b)
			changed[name][off] ^= 1 << (off % 8)
			fs.WriteAll(changed)
			if r := verify(t, fs); !located(r, name, int64(off)) {
				t.Fatalf("%s byte %d of %d: %v", name, off, len(b), r.Problems)
			}
			count++
			if off%3 == 0 {
				reopen(t, fs, 80)
			}
		}
	}
	t.Logf("%d flips", count)
}

// segmentItems cuts a segment into its frames.
func segmentItems(t testing.TB, b []byte) [][]byte {
	t.Helper()
	items := [][]byte{b[:len(segmentMagic)]}
	for at := len(segmentMagic); at < len(b); {
		_, payload, err := parseFrame(b[at:])
		if err != nil {
			t.Fatal(err)
		}
		n := frameHeader + len(payload)
		items = append(items, b[at:at+n])
		at += n
	}
	return items
}

// TestEveryFrame removes, doubles and swaps every frame of every segment, and puts foreign
// ones everywhere. Verify finds each within the segment, Open loses nothing.
func TestEveryFrame(t *testing.T) {
	t.Parallel()
	fs := durabletest.New()
	files := batches(t, fs, 3, 40, 4, 30, 1, 2)
	forged := appendFrame(nil, kindRecord, []byte("never appended"))
	for name, b := range files {
		if !strings.HasSuffix(name, segmentExt) {
			continue
		}
		items := segmentItems(t, b)
		try := func(what string, i int, changed [][]byte) {
			t.Helper()
			joined := bytes.Join(changed, nil)
			if bytes.Equal(joined, b) {
				return
			}
			all := maps.Clone(files)
			all[name] = joined
			fs.WriteAll(all)
			r := verify(t, fs)
			var off int64
			for _, it := range items[:i] {
				off += int64(len(it))
			}
			near := slices.ContainsFunc(r.Problems, func(p Problem) bool {
				return "ledger/"+p.File == name && p.Offset <= off && off <= p.Offset+p.Length
			})
			if !near {
				t.Fatalf("%s %s frame %d (byte %d): %v", what, name, i, off, r.Problems)
			}
			reopen(t, fs, 80)
		}
		for i := range items {
			try("removed", i, slices.Delete(slices.Clone(items), i, i+1))
			try("doubled", i+1, slices.Insert(slices.Clone(items), i, items[i]))
			try("foreign", i, slices.Insert(slices.Clone(items), i, forged))
			try("cut", i, items[:i])
			if i+1 < len(items) {
				swapped := slices.Clone(items)
				swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
				try("swapped", i, swapped)
			}
		}
		for i := 2; i < len(items); i++ { // frames of earlier batches, as a copy or a disk may bring them back
			try("old", len(items), append(slices.Clone(items), items[i]))
			try("old to the end", len(items), append(slices.Clone(items), items[i:]...))
		}
		try("appended", len(items), append(slices.Clone(items), forged))
		try("garbage", len(items), append(slices.Clone(items), []byte{0}))
	}
}

// TestLocatesRecord checks positions, not only bytes.
func TestLocatesRecord(t *testing.T) {
	fs := durabletest.New()
	files := batches(t, fs, 20)
	name := "ledger/" + segmentName(0)
	items := segmentItems(t, files[name]) // magic, opening, 20 records, commit
	f := func(what string, want Problem, change func([][]byte) [][]byte) {
		t.Helper()
		all := maps.Clone(files)
		all[name] = bytes.Join(change(slices.Clone(items)), nil)
		fs.WriteAll(all)
		r := verify(t, fs)
		if len(r.Problems) != 1 {
			t.Fatalf("%s: %v", what, r.Problems)
		}
		got := r.Problems[0]
		if got.Kind != want.Kind || got.Position != want.Position || got.Records != want.Records {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	f("changed", Problem{Kind: Changed, Position: 7, Records: 1}, func(x [][]byte) [][]byte {
		x[2+7] = appendFrame(nil, kindRecord, []byte("another, with a right checksum"))
		return x
	})
	f("removed", Problem{Kind: Removed, Position: 9, Records: 1}, func(x [][]byte) [][]byte {
		return slices.Delete(x, 2+9, 2+10)
	})
	f("three removed", Problem{Kind: Removed, Position: 9, Records: 3}, func(x [][]byte) [][]byte {
		return slices.Delete(x, 2+9, 2+12)
	})
	f("inserted", Problem{Kind: Inserted, Position: 5}, func(x [][]byte) [][]byte {
		return slices.Insert(x, 2+5, appendFrame(nil, kindRecord, []byte("new")))
	})
	f("neighbours swapped", Problem{Kind: Reordered, Position: 3, Records: 2}, func(x [][]byte) [][]byte {
		x[2+3], x[2+4] = x[2+4], x[2+3]
		return x
	})
}

// TestMissingFiles removes each file in turn.
func TestMissingFiles(t *testing.T) {
	fs := durabletest.New()
	files := batches(t, fs, 3, 40, 4, 90, 1, 2)
	for name := range files {
		if strings.HasSuffix(name, "lock") {
			continue
		}
		all := maps.Clone(files)
		delete(all, name)
		fs.WriteAll(all)
		r := verify(t, fs)
		named := slices.ContainsFunc(r.Problems, func(p Problem) bool {
			return "ledger/"+p.File == name || "ledger/"+segmentName(p.Position) == name
		})
		if r.OK() || !named {
			t.Errorf("without %s: %v", name, r.Problems)
		}
		l, _, err := Open(testConfig(t, fs))
		if err == nil {
			l.Close()
			t.Errorf("opened without %s", name)
		}
	}
}

// TestForgedCheckpoint lets somebody without the key rewrite a record and everything that
// follows from it.
func TestForgedCheckpoint(t *testing.T) {
	fs := durabletest.New()
	thief, thiefs := testKey(t, testOrigin, 99)
	other := durabletest.New()
	cfg := testConfig(t, other)
	cfg.Signer, cfg.Verifiers = thief, thiefs
	l, _ := mustOpen(t, cfg)
	for i := range 10 {
		add(t, l, strings.ToUpper(record(i)))
	}
	l.Close()
	fs.WriteAll(other.ReadAll())
	r := verify(t, fs)
	if r.Whole() || !slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Kind == Forged }) {
		t.Errorf("signed by another key: %v", r.Problems)
	}
	if _, _, err := Open(testConfig(t, fs)); err == nil {
		t.Error("opened a ledger signed by another key")
	}
}

// TestTrusted compares with a checkpoint that was kept elsewhere: only that tells an
// earlier state of a ledger, or one that the key's owner made anew.
func TestTrusted(t *testing.T) {
	fs := durabletest.New()
	early := batches(t, fs, 5, 5)
	cfg := testConfig(t, fs)
	l, _ := mustOpen(t, cfg)
	for i := 10; i < 20; i++ {
		add(t, l, record(i))
	}
	l.Close()
	trusted := []byte(l.Checkpoint().Note)
	with := func(o *VerifyOptions) { o.Trusted = trusted }
	if r := verify(t, fs, with); !r.OK() {
		t.Errorf("untouched: %v", r.Problems)
	}
	fs.WriteAll(early)
	if r := verify(t, fs); !r.OK() {
		t.Errorf("an early state cannot be told by itself: %v", r.Problems)
	}
	if r := verify(t, fs, with); len(r.Problems) != 1 || r.Problems[0].Kind != Rollback || r.Problems[0].Position != 10 {
		t.Errorf("rolled back: %v", r.Problems)
	}
	l, _ = mustOpen(t, cfg)
	for i := 10; i < 30; i++ {
		add(t, l, "another history")
	}
	l.Close()
	if r := verify(t, fs, with); len(r.Problems) != 1 || r.Problems[0].Kind != Fork {
		t.Errorf("forked: %v", r.Problems)
	}
	if r := verify(t, fs, with, func(o *VerifyOptions) { o.From, o.To = 29, 30 }); len(r.Problems) != 1 || r.Problems[0].Kind != Fork {
		t.Errorf("forked, verified in part: %v", r.Problems)
	}
	forged := bytes.Replace(trusted, []byte("20"), []byte("21"), 1)
	_, verifiers := testKey(t, testOrigin, 1)
	if _, err := Verify("ledger", VerifyOptions{FS: fs, Origin: testOrigin, Verifiers: verifiers, Trusted: forged}); !errors.Is(err, ErrSignature) {
		t.Errorf("forged trusted checkpoint: %v", err)
	}
}

// TestVerifyRange verifies parts of a ledger.
func TestVerifyRange(t *testing.T) {
	fs := durabletest.New()
	files := batches(t, fs, 80, 80, 80, 80, 80, 80)
	for from := uint64(0); from < 480; from += 37 {
		for to := from + 1; to < 480; to += 97 {
			r := verify(t, fs, func(o *VerifyOptions) { o.From, o.To = from, to })
			if !r.OK() || r.To != to {
				t.Fatalf("%d to %d: %+v", from, to, r)
			}
		}
	}
	segs, _ := listSegments(fs, "ledger")
	name := "ledger/" + segmentName(segs[1])
	all := maps.Clone(files)
	all[name] = slices.Clone(all[name])
	all[name][1000] ^= 4
	fs.WriteAll(all)
	if r := verify(t, fs, func(o *VerifyOptions) { o.From = segs[2] }); !r.OK() {
		t.Errorf("a range beyond the change: %v", r.Problems)
	}
	if r := verify(t, fs, func(o *VerifyOptions) { o.From = segs[1] }); !located(r, name, 1000) {
		t.Errorf("a range with the change: %v", r.Problems)
	}
}

// TestOldHead opens with a head file that lags, as after a power cut. What is whole is kept; a
// damaged batch that later ones follow was durable once, so it is no torn end.
func TestOldHead(t *testing.T) {
	fs := durabletest.New()
	head := batches(t, fs, 3, 3)["ledger/head"]
	cfg := testConfig(t, fs)
	l, _ := mustOpen(t, cfg)
	for i := 6; i < 12; i++ {
		add(t, l, record(i))
	}
	l.Close()
	files := fs.ReadAll()
	files["ledger/head"] = head
	name := "ledger/" + segmentName(0)
	items := segmentItems(t, files[name])
	f := func(what string, change func(b []byte) []byte, check func(*Ledger, *Repair, error)) {
		t.Helper()
		all := clone(files)
		all[name] = change(all[name])
		fs.WriteAll(all)
		l, repair, err := Open(cfg)
		check(l, repair, err)
		if err == nil {
			l.Close()
			if r := verify(t, fs); !r.OK() {
				t.Errorf("%s: %v", what, r.Problems)
			}
		}
	}
	f("whole", func(b []byte) []byte { return b }, func(_ *Ledger, r *Repair, err error) {
		if err != nil || r.Recovered != 6 || r.TornFile != "" {
			t.Errorf("whole: %+v %v", r, err)
		}
	})
	at := 0 // the third record's frame beyond the head's word
	for _, it := range items[:2+6+2+2] {
		at += len(it)
	}
	f("an early batch changed", func(b []byte) []byte { b[at+9] ^= 1; return b }, func(_ *Ledger, _ *Repair, err error) {
		var damage *DamageError
		if !errors.As(err, &damage) || damage.Offset != int64(at) {
			t.Errorf("an early batch changed: %v", err)
		}
	})
	f("the last batch torn", func(b []byte) []byte { return b[:len(b)-3] }, func(l *Ledger, r *Repair, err error) {
		if err != nil || r.Recovered != 5 || r.TornFile == "" {
			t.Errorf("the last batch torn: %+v %v", r, err)
			return
		}
		add(t, l, "goes on")
		if e, err := l.ProveInclusion(11); err != nil || !strings.Contains(string(e.Record), r.TornFile) {
			t.Errorf("no record of the repair: %v", err)
		}
	})
}

// TestOneSpelling changes bits of a signature's base64 that decoding drops, with the frame's
// checksum put right: not even these may change unseen.
func TestOneSpelling(t *testing.T) {
	fs := durabletest.New()
	files := batches(t, fs, 3)
	name := "ledger/" + segmentName(0)
	items := segmentItems(t, files[name])
	last := len(items) - 1
	payload := bytes.Clone(items[last][frameHeader:])
	payload[len(payload)-3]++ // the character before "=" and the newline
	items[last] = appendFrame(nil, kindCommit, payload)
	files[name] = bytes.Join(items, nil)
	fs.WriteAll(files)
	if r := verify(t, fs); len(r.Problems) != 1 || r.Problems[0].Kind != Forged {
		t.Fatal(r.Problems)
	}
}

// TestVerifyNotes: what is no file of a ledger is named, and a signing key that is gone
// or another's; neither is a problem of the records.
func TestVerifyNotes(t *testing.T) {
	dir := t.TempDir()
	key, err := LoadOrCreateKey(dir, testOrigin, &seeded{3})
	if err != nil {
		t.Fatal(err)
	}
	list := note.VerifierList(key.Verifier)
	l, _, err := Open(Config{Dir: dir, Signer: key.Signer, Verifiers: list})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append([]byte("record")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	notes := func(want ...string) {
		t.Helper()
		r, err := Verify(dir, VerifyOptions{Origin: testOrigin, Verifiers: list})
		if err != nil || !r.OK() || len(r.Notes) != len(want) {
			t.Fatalf("%v %+v", err, r)
		}
		for i, n := range r.Notes {
			if !strings.Contains(n, want[i]) {
				t.Errorf("%q, want %q", n, want[i])
			}
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	notes()
	write("head.tmp", "")
	write("torn-00000000000000000000-100-0", "")
	notes()
	write("extra.seg", "")
	write("hashes.9", "")
	notes("extra.seg", "hashes.9")
	os.Remove(filepath.Join(dir, "extra.seg"))
	os.Remove(filepath.Join(dir, "hashes.9"))
	write(keyName, "nonsense")
	notes("is not the key")
	os.Remove(filepath.Join(dir, keyName))
	notes("there is no ledger.key")
}
