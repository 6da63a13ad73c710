package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vedette/sim/simtest"
)

// TestTamper changes a ledger's files after a clean stop, in every way that is easy.
func TestTamper(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v, yaml: "ledger:\n  sync: true\n  segment_bytes: 16384\n"}).start()
	c := newTrader(m, v.Keys[0])
	for range 60 {
		c.want("an order", c.order(), 200, 0)
	}
	m.stop()
	m.verified()
	trusted := filepath.Join(m.home, "checkpoint")
	write(t, trusted, m.must("ledger", "checkpoint", "-dir", m.dir))

	segments, err := filepath.Glob(filepath.Join(m.dir, "ledger", "*.seg*"))
	if err != nil || len(segments) < 2 {
		t.Fatalf("segments %v, %v: the test needs two", segments, err)
	}
	slices.Sort(segments)
	first, last := segments[0], segments[len(segments)-1]
	whole := map[string][]byte{}
	for _, name := range []string{first, last} {
		if whole[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}

	// Each change says where the report must point: at the byte of the change or up to a
	// record before it. refused tells that run refuses to start, since it rehashes the
	// last segment.
	try := func(what, file string, refused bool, change func([]byte) ([]byte, int)) {
		t.Helper()
		b, at := change(bytes.Clone(whole[file]))
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, code := m.verify()
		near := slices.ContainsFunc(r.Problems, func(p problem) bool {
			return p.File == filepath.Base(file) && p.Offset <= int64(at) && p.Offset > int64(at)-2048 && !p.Repairable
		})
		if code != 1 || !near {
			t.Errorf("%s at byte %d: ledger verify ends with %d and says %+v", what, at, code, r.Problems)
		}
		out, _, _ := m.run("ledger", "verify", "-dir", m.dir)
		if !strings.Contains(out, filepath.Base(file)) || !strings.Contains(out, "at byte ") || !strings.Contains(out, "NOT as it was committed") {
			t.Errorf("%s: in words: %s", what, out)
		}
		if refused {
			err := m.tryStart()
			if err == nil {
				t.Errorf("%s: the monitor starts", what)
				m.stop()
			} else if !strings.Contains(err.Error(), "committed data was changed: "+filepath.Base(file)+" at byte ") {
				t.Errorf("%s: it says %v", what, err)
			}
			if now, _ := os.ReadFile(file); !bytes.Equal(now, b) {
				t.Errorf("%s: the refused start altered the file", what)
			}
		}
		if err := os.WriteFile(file, whole[file], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	flip := func(at int) func([]byte) ([]byte, int) {
		return func(b []byte) ([]byte, int) { b[at] ^= 1; return b, at }
	}
	// inRecord finds the nth order in a segment.
	inRecord := func(b []byte, n int) int {
		at := 0
		for range n {
			at += bytes.Index(b[at:], []byte(`{"event":"call"`)) + 1
		}
		return at
	}
	for _, file := range []string{first, last} {
		b := whole[file]
		isLast := file == last
		try("a byte of a record flipped", file, isLast, flip(inRecord(b, 2)+40))
		try("a byte in the middle flipped", file, isLast, flip(len(b)/2))
		try("the end cut off", file, isLast, func(b []byte) ([]byte, int) { return b[:len(b)-3], len(b) - 3 })
		try("a record cut out", file, isLast, func(b []byte) ([]byte, int) {
			from, to := inRecord(b, 2), inRecord(b, 3)
			return slices.Delete(b, from, to), from
		})
		try("two records swapped", file, isLast, func(b []byte) ([]byte, int) {
			x, y, z := inRecord(b, 1), inRecord(b, 2), inRecord(b, 3)
			swapped := slices.Concat(b[:x], b[y:z], b[x:y], b[z:])
			return swapped, x
		})
	}
	try("half the segment put after itself", first, false, func(b []byte) ([]byte, int) { return append(b, b[len(b)/2:]...), len(b) })
	// Behind the last commit lies what a crash leaves, or earlier frames: said, and put aside
	// where that was said.
	for _, end := range []string{"garbage", string(whole[last][len(whole[last])/2:])} {
		now, err := os.ReadFile(last)
		if err != nil {
			t.Fatal(err)
		}
		write(t, last, string(now)+end)
		r, code := m.verify()
		if code != 1 || len(r.Problems) != 1 || r.Problems[0].Kind != "torn" || r.Problems[0].Offset != int64(len(now)) || !r.Problems[0].Repairable {
			t.Errorf("%d bytes at the end: %d %+v", len(end), code, r.Problems)
			continue
		}
		m.start()
		if !m.said("ledger repaired") {
			t.Error("the repair is not said")
		}
		m.stop()
		m.verified()
		_, name, _ := strings.Cut(r.Problems[0].Detail, "moves them into ")
		if b, err := os.ReadFile(filepath.Join(m.dir, "ledger", name)); err != nil || string(b) != end {
			t.Errorf("moved aside: %d bytes, want %d: %v", len(b), len(end), err)
		}
	}

	// A ledger that was cut back to a whole earlier state shows against a checkpoint that
	// was kept elsewhere.
	if r, code := m.verify("-trusted", trusted); code != 0 {
		t.Errorf("against the checkpoint: %+v", r.Problems)
	}
	if err := os.RemoveAll(filepath.Join(m.dir, "ledger")); err != nil {
		t.Fatal(err)
	}
	m.start()
	m.stop()
	m.must("ledger", "verify", "-dir", m.dir)
	if out, _, code := m.run("ledger", "verify", "-dir", m.dir, "-trusted", trusted, "-json"); code == 0 {
		t.Errorf("a ledger made anew passes for the old one: %s", out)
	}
}
