package durable_test

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"vedette/internal/durable"
	"vedette/internal/durable/durabletest"
)

func openJournal(t *testing.T, f durable.FS) (*durable.Journal, []string) {
	t.Helper()
	var got []string
	j, _, err := durable.OpenJournal(f, "d/j", func(_ int64, b []byte) error { got = append(got, string(b)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return j, got
}

func sequence(list []string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, s := range list {
			if !yield([]byte(s), nil) {
				return
			}
		}
	}
}

// TestJournalFaults appends, syncs and rewrites while steps fail, before and after they took effect, and
// kills the process or cuts the power: every record that was synced is there, in order, and
// what is there beyond was appended; a kill loses nothing that Append took.
func TestJournalFaults(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		f := durabletest.New()
		j, _ := openJournal(t, f)
		f.Hook(func(op durabletest.Op) durabletest.Fault {
			if op.Kind != "sync" && r.IntN(6) == 0 {
				return durabletest.Fault{Err: syscall.EIO, After: r.IntN(2) == 0}
			}
			return durabletest.Fault{}
		})
		var taken, refused []string
		synced := 0
		for i := range 30 {
			switch r.IntN(5) {
			case 0:
				if j.Sync() == nil {
					synced = len(taken)
				}
			case 1:
				n := 0
				if j.Replace(sequence(taken), func(int64) { n++ }) == nil && n == len(taken) {
					synced = len(taken)
				}
			default:
				s := fmt.Sprint(i, " ", string(bytes.Repeat([]byte{'x'}, r.IntN(900))))
				if _, err := j.Append([]byte(s)); err == nil {
					taken = append(taken, s)
				} else {
					refused = append(refused, s)
				}
			}
		}
		least := synced
		if f.Hook(nil); seed%2 == 0 {
			f.Kill()
			least = len(taken)
		} else {
			f.Crash(r)
		}
		_, got := openJournal(t, f)
		got = slices.DeleteFunc(got, func(s string) bool { return slices.Contains(refused, s) })
		if len(got) < least || len(got) > len(taken) || !slices.Equal(got, taken[:len(got)]) {
			t.Fatalf("seed %d: %d records, %d were taken, %d had to stay", seed, len(got), len(taken), least)
		}
	}
}

// TestJournalTorn: what does not continue the records is moved aside, and appending goes on.
func TestJournalTorn(t *testing.T) {
	f := durabletest.New()
	j, _ := openJournal(t, f)
	for _, s := range []string{"one", "two"} {
		if _, err := j.Append([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	all := f.ReadAll()
	all["d/j"] = all["d/j"][:len(all["d/j"])-1]
	f.WriteAll(all)
	j, got := openJournal(t, f)
	if !slices.Equal(got, []string{"one"}) || len(f.ReadAll()["d/j"+durable.TornSuffix]) != 10 {
		t.Fatalf("%q, aside %q", got, f.ReadAll()["d/j"+durable.TornSuffix])
	}
	at, err := j.Append([]byte("three"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := j.Read(at); err != nil || string(b) != "three" {
		t.Errorf("%q %v", b, err)
	}
	if _, got = openJournal(t, f); !slices.Equal(got, []string{"one", "three"}) {
		t.Errorf("%q", got)
	}
}
