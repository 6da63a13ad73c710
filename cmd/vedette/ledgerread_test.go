package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"vedette/ledger"
)

// TestLedgerReadRemoved: who asks for records that retention removed is told which are gone and where the ledger goes on.
func TestLedgerReadRemoved(t *testing.T) {
	dir := t.TempDir()
	key, err := ledger.LoadOrCreateKey(dir, "vedette/test", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l, _, err := ledger.Open(ledger.Config{Dir: dir, Signer: key.Signer, Verifiers: note.VerifierList(key.Verifier), SegmentBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	for i := range 1000 {
		pos, err := l.Append(fmt.Appendf(nil, `{"event":"call","time":%q,"pad":"%50d"}`, begin.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), i))
		if err != nil || i%10 == 9 && l.Wait(t.Context(), pos) != nil {
			t.Fatal(err)
		}
	}
	if err := l.LegalHold(t.Context(), "case", 300, 301); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Retain(t.Context(), 900); err != nil {
		t.Fatal(err)
	}
	state, err := l.RetentionState()
	if err != nil || len(state.Removed) != 2 {
		t.Fatalf("%+v, %v", state, err)
	}
	size := l.Size()
	l.Close()
	proof, _, _ := invoke("", "ledger", "prove", "-dir", dir, "-record", "950")
	if _, errs, code := invoke(proof, "ledger", "check", "-dir", dir, "-"); code != exitDone || !strings.Contains(errs, "record 950 is in the ledger") {
		t.Errorf("a proof on standard input: ended with %d, it said\n%s", code, errs)
	}
	front, hole := state.Removed[0], state.Removed[1]
	since := func(pos uint64) string { return begin.Add(time.Duration(pos) * time.Minute).Format(time.RFC3339) }
	first := fmt.Sprintf("records 0 to %d were removed by retention: the ledger reaches back to record %d, of %s\n", front.To-1, front.To, since(front.To))
	second := fmt.Sprintf("records %d to %d were removed by retention: the ledger goes on with record %d, of %s\n", hole.From, hole.To-1, hole.To, since(hole.To))
	try := func(lines uint64, code int, says string, args ...string) {
		t.Helper()
		out, errs, got := invoke("", append([]string{"ledger", "read", "-dir", dir}, args...)...)
		if n := strings.Count(out, "\n"); n != int(lines) || got != code || errs != says {
			t.Errorf("%q: %d lines, want %d; ended with %d, want %d; it said\n%swant\n%s", args, n, lines, got, code, errs, says)
		}
	}
	n := func(pos uint64) string { return fmt.Sprint(pos) }
	try(hole.From-front.To+size-hole.To, exitDone, first+second)
	try(0, exitNo, first, "-from", "5", "-to", "20")
	try(0, exitNo, second, "-from", n(hole.From), "-to", n(hole.To))
	try(1, exitDone, first, "-to", n(front.To+1))
	try(2, exitDone, second, "-from", n(hole.From-1), "-to", n(hole.To+1))
	try(size-hole.To, exitDone, "", "-from", n(hole.To))
	try(0, exitDone, "", "-from", n(size))
	try(0, exitDone, "", "-from", "5", "-to", "5")
	try(0, exitNo, fmt.Sprintf("the ledger has %d records: %d is not there yet\n", size, size+1), "-from", n(size+1))
	try(0, exitUsage, "vedette ledger: -to 4 lies before -from 5\n", "-from", "5", "-to", "4")
	if err := os.Remove(filepath.Join(dir, "retention.json")); err != nil {
		t.Fatal(err)
	}
	try(0, exitNo, fmt.Sprintf("vedette ledger: cannot read record 0: its segment is missing, and retention did not remove it: vedette ledger verify says more; the oldest record is %d\n", front.To))
}
