package keyring

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vedette"
)

func TestRotate(t *testing.T) {
	r := New(Options{})
	if err := r.Add(hmacSpec("v", "k", "one"), t0); err != nil {
		t.Fatal(err)
	}
	var scratch HMACScratch
	verifies := func(m *Material, secret string) bool {
		if m == nil {
			return false
		}
		want, _ := NewHMACKey(m.HMAC[0].Hash(), []byte(secret))
		return m.HMAC[0].Equal(&scratch, []byte("x"), want.Sum(nil, &scratch, []byte("x")))
	}
	if err := r.Rotate("v", "k", Secrets{Secret: NewSecret("two")}, time.Hour, t0); err != nil {
		t.Fatal(err)
	}
	e, _ := r.Lookup("v", "k")
	if !verifies(&e.Material, "two") || !verifies(e.Old(t0.Add(time.Hour-1)), "one") {
		t.Error("within the overlap both secrets must verify")
	}
	if e.Old(t0.Add(time.Hour)) != nil {
		t.Error("the old secret outlives the overlap")
	}
	if !e.LastRotated.Equal(t0) {
		t.Error("time of rotation not kept")
	}
	if err := r.Rotate("v", "k", Secrets{Secret: NewSecret("three")}, 0, t0); err != nil {
		t.Fatal(err)
	}
	if e, _ := r.Lookup("v", "k"); e.Old(t0) != nil || !verifies(&e.Material, "three") {
		t.Error("without an overlap the old secret must be gone")
	}
	for _, d := range []time.Duration{-1, MaxOverlap + 1} {
		if err := r.Rotate("v", "k", Secrets{Secret: NewSecret("x")}, d, t0); err == nil {
			t.Errorf("overlap %s taken", d)
		}
	}
	if err := r.Rotate("v", "k", Secrets{}, 0, t0); err == nil {
		t.Error("rotation to nothing taken")
	}
	if err := r.Rotate("v", "none", Secrets{Secret: NewSecret("x")}, 0, t0); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown key: %v", err)
	}
	if e, _ := r.Lookup("v", "k"); !verifies(&e.Material, "three") {
		t.Error("a refused rotation changed the key")
	}

	s := hmacSpec("v", "k", "one")
	if err := s.Rotate(Secrets{Secret: NewSecret("two")}, time.Hour, t0); err != nil {
		t.Fatal(err)
	}
	built, err := (Options{}).Build(s, t0)
	if err != nil || !verifies(&built.Material, "two") || !verifies(built.Old(t0), "one") {
		t.Errorf("a rotated spec: %v", err)
	}
}

// The ring must agree with a map, whatever is done to it.
func TestRingIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, want := New(Options{}), map[[2]string]*Entry{}
		venue, id := rapid.SampledFrom([]string{"a", "b"}), rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprint(rapid.IntRange(0, 200).Draw(t, "id"))
		})
		for range rapid.IntRange(1, 600).Draw(t, "steps") {
			k := [2]string{venue.Draw(t, "venue"), id.Draw(t, "id")}
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				e := &Entry{Credential: vedette.Credential{Venue: k[0], ID: k[1]}}
				want[k] = e
				if err := r.Put(e); err != nil {
					t.Fatal(err)
				}
			case 2:
				if had := want[k] != nil; r.Remove(k[0], k[1]) != had {
					t.Fatalf("remove says it was there: %v", !had)
				}
				delete(want, k)
			case 3:
				err := r.SetFrozen(k[0], k[1], true)
				if (err == nil) != (want[k] != nil) {
					t.Fatal(err)
				}
				if err == nil {
					if want[k].Frozen {
						break
					}
					e, _ := r.Lookup(k[0], k[1])
					if !e.Frozen || want[k].Frozen {
						t.Fatal("not frozen, or the old entry was changed")
					}
					want[k] = e
				}
			}
		}
		for _, v := range []string{"a", "b"} {
			for i := range 202 {
				e, ok := r.Lookup(v, fmt.Sprint(i))
				w := want[[2]string{v, fmt.Sprint(i)}]
				if ok != (w != nil) || ok && (e.ID != w.ID || e.Venue != w.Venue || e.Frozen != w.Frozen) {
					t.Fatalf("%s %d: %v, want %v", v, i, e, w)
				}
			}
		}
		used := 0
		for i := range r.table.Load().slots {
			if r.table.Load().slots[i].Load() != nil {
				used++
			}
		}
		if used != r.used || 3*used > 2*len(r.table.Load().slots) {
			t.Fatalf("%d of %d slots used, counted %d", used, len(r.table.Load().slots), r.used)
		}
		if r.Len() != len(want) || len(r.List()) != len(want) {
			t.Fatalf("%d entries, want %d", r.Len(), len(want))
		}
	})
}

func TestRingOddIDs(t *testing.T) {
	r := New(Options{})
	r.Put(&Entry{Credential: vedette.Credential{Venue: "a", ID: "bc"}})
	r.Put(&Entry{Credential: vedette.Credential{Venue: "", ID: "x"}})
	r.Remove("", "x")
	for _, k := range [][2]string{{"ab", "c"}, {"", ""}, {"", "x"}, {"a", ""}, {"", "abc"}, {"a", strings.Repeat("b", 1<<20)}} {
		if _, ok := r.Lookup(k[0], k[1]); ok {
			t.Errorf("found %.20q", k)
		}
	}
}

func TestReplace(t *testing.T) {
	r := New(Options{})
	r.Add(hmacSpec("v", "a", "s"), t0)
	b, _ := (Options{}).Build(hmacSpec("v", "b", "s"), t0)
	if err := r.Replace([]*Entry{b}); err != nil {
		t.Fatal(err)
	}
	_, a := r.Lookup("v", "a")
	if _, ok := r.Lookup("v", "b"); !ok || a || r.Len() != 1 {
		t.Error("content not replaced")
	}
}

// Keys that are always there must always be found, whatever else comes and goes.
func TestReadersDoNotStop(t *testing.T) {
	r := New(Options{})
	const fixed = 100
	for i := range fixed {
		r.Add(hmacSpec("v", fmt.Sprintf("fixed-%d", i), "s"), t0)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if e, ok := r.Lookup("v", fmt.Sprintf("fixed-%d", i%fixed)); !ok || e.ID != fmt.Sprintf("fixed-%d", i%fixed) {
					t.Error("lost a key")
					return
				}
			}
		})
	}
	for i := range 20_000 {
		id := fmt.Sprintf("x-%d", i)
		r.Put(&Entry{Credential: vedette.Credential{Venue: "v", ID: id}})
		if i%3 > 0 {
			r.Remove("v", id)
		}
		r.SetFrozen("v", fmt.Sprintf("fixed-%d", i%fixed), i%2 == 0)
	}
	stop.Store(true)
	wg.Wait()
}

func TestLookupAllocatesNothing(t *testing.T) {
	r := New(Options{})
	r.Add(hmacSpec("v", "some-key-id", "s"), t0)
	id := []byte("some-key-id")
	if n := testing.AllocsPerRun(100, func() { r.Lookup("v", string(id)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func fill(tb testing.TB, n int) *Ring {
	r := New(Options{})
	for i := range n {
		s := hmacSpec("binance", fmt.Sprintf("key-%060d", i), fmt.Sprintf("secret-%057d", i))
		s.Account, s.Owner = fmt.Sprintf("account-%d", i), fmt.Sprintf("owner-%d", i)
		if err := r.Add(s, t0); err != nil {
			tb.Fatal(err)
		}
	}
	return r
}

// A hundred thousand credentials share 256 MiB with a million replay entries; the
// ring's part is at most 80 MiB.
func TestRingIsSmall(t *testing.T) {
	const n = 20_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := fill(t, n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := (after.HeapAlloc - before.HeapAlloc) / n
	t.Logf("%d bytes a credential", per)
	if per > 840 {
		t.Errorf("%d bytes a credential", per)
	}
	runtime.KeepAlive(r)
}

func BenchmarkRing(b *testing.B) {
	r := fill(b, 100_000)
	ids := make([]string, 1024)
	for i := range ids {
		ids[i] = fmt.Sprintf("key-%060d", i*97)
	}
	b.Run("Lookup", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, ok := r.Lookup("binance", ids[i&1023]); !ok {
				b.Fatal("lost")
			}
			i++
		}
	})
	b.Run("Freeze", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			r.SetFrozen("binance", ids[i&1023], i&1 == 0)
			i++
		}
	})
}
