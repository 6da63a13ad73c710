package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func numbered(i int) (k Key) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(i))
	sum := sha256.Sum256(b[:])
	copy(k[:], sum[:])
	return k
}

func openWindow(t testing.TB, path string, n int) *Window {
	t.Helper()
	w, err := OpenWindow(path, n)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// die lets go of a file as a killed process does: no sync, no unmapping.
func die(t testing.TB, m *mapped) {
	t.Helper()
	if err := unix.Flock(int(m.f.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
}

func TestWindowSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "replay")
	w := openWindow(t, path, 1000)
	if _, err := OpenWindow(path, 1000); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second opener: %v", err)
	}
	u := use{key: Key{1}, content: 7, source: 9, changes: true, now: epoch, until: epoch.Add(time.Minute)}
	answered, judging := u, u
	answered.key, judging.key, judging.judging = Key{2}, Key{3}, true
	for _, u := range []*use{&u, &answered, &judging} {
		seen, ref := w.use(u)
		if seen != SeenNever {
			t.Fatal("seen before")
		}
		if u == &answered {
			w.Answered(ref)
		}
	}
	die(t, w.file)
	w2 := openWindow(t, path, 1000)
	defer w2.Close()
	if w2.seed != w.seed {
		t.Error("seed changed")
	}
	other := u
	other.source = 1
	for name, c := range map[string]struct {
		u    *use
		want Seen
	}{"another source": {&other, SeenAgain}, "was under way": {&u, SeenRetry}, "answered": {&answered, SeenAgain}, "half judged": {&judging, SeenAgain}} {
		if name == "was under way" {
			continue // changes the state: last
		}
		if seen, _ := w2.use(c.u); seen != c.want {
			t.Errorf("%s, after restart: %d", name, seen)
		}
	}
	if seen, _ := w2.use(&u); seen != SeenRetry {
		t.Errorf("was under way, after restart: %d", seen)
	}
	if seen, _ := w2.use(&u); seen != SeenAgain {
		t.Errorf("under way again: %d", seen)
	}
}

// TestWindowDamage opens files that are not what was written.
func TestWindowDamage(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "replay")
	w := openWindow(t, whole, 100)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	try := func(name string, damage func([]byte) []byte, n int, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "replay")
		b := damage(bytes.Clone(good))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := OpenWindow(path, n)
		if err == nil {
			w.Close()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := os.ReadFile(path); want != "" && !bytes.Equal(after, b) {
			t.Errorf("%s: the refused file was changed", name)
		}
	}
	same := func(b []byte) []byte { return b }
	try("whole", same, 100, "")
	try("truncated", func(b []byte) []byte { return b[:len(b)-1] }, 100, "bytes where")
	try("header only", func(b []byte) []byte { return b[:headerPage] }, 100, "bytes where")
	try("longer", func(b []byte) []byte { return append(b, 0) }, 100, "bytes where")
	try("other size", same, 10000, "bytes where")
	try("other text", func([]byte) []byte { return []byte("not a window") }, 100, "bytes where")
	try("other purpose", func(b []byte) []byte { copy(b, nonceMagic); return b }, 100, "not made by this version")
	try("former version", func(b []byte) []byte { copy(b, "VDTWIN1\n"); return b }, 100, "not made by this version")
	try("seed", func(b []byte) []byte { b[atSeed+5] ^= 1; return b }, 100, "damaged")
	try("checksum", func(b []byte) []byte { b[atSum] ^= 1; return b }, 100, "damaged")
	try("killed before the header was whole", func(b []byte) []byte { clear(b[:8]); return b }, 100, "")
}

// TestWindowNoRoom makes a file larger than any disk: nothing is left behind.
func TestWindowNoRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "replay")
	m, err := mapFile(path, windowMagic, 1<<50)
	if err == nil {
		m.close()
		t.Skip("a disk with a pebibyte to spare")
	}
	if !strings.Contains(err.Error(), "cannot reserve") {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was left: %v", err)
	}
}

// TestWindowFileCut takes the file away under the map: the process lives, and says
// that it knows nothing.
func TestWindowFileCut(t *testing.T) {
	dir := t.TempDir()
	w := openWindow(t, filepath.Join(dir, "replay"), 1000)
	u := use{key: Key{1}, content: 7, now: epoch, until: epoch.Add(time.Minute)}
	_, ref := w.use(&u)
	n, err := OpenNonces(dir, 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"replay", "nonces-1"} {
		if err := os.Truncate(filepath.Join(dir, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	if seen, _ := w.use(&u); seen != SeenFull {
		t.Errorf("seen %d", seen)
	}
	if w.Known(u.key, epoch) {
		t.Error("known")
	}
	w.Answered(ref)
	w.Restore(Key{2}, epoch, epoch.Add(time.Minute), epoch)
	if st := w.Stats(epoch); st.Faults != 4 || st.Full != 1 || st.Live != 0 {
		t.Errorf("%+v", st)
	}
	if err := n.use(Key{1}, 5, 0, epoch); err != errNonceFull {
		t.Error(err)
	}
	// The locks are free: another try ends.
	w.use(&u)
	n.use(Key{1}, 5, 0, epoch)
	_ = w.Close()
	_ = n.Close()
}

// TestWindowFills fills a window past its stated size: nothing remembered is
// forgotten before its time, and what finds no room is said to.
func TestWindowFills(t *testing.T) {
	const n = 10000
	w := NewWindow(n)
	full := 0
	for i := range 4 * n {
		seen, _ := w.use(&use{key: numbered(i), content: 1, now: epoch, until: epoch.Add(time.Minute)})
		if seen == SeenFull {
			full++
			if i < n {
				t.Fatalf("full after %d of %d", i, n)
			}
		} else if seen != SeenNever {
			t.Fatalf("signature %d: %d", i, seen)
		}
	}
	st := w.Stats(epoch)
	if full == 0 || st.Live+full != 4*n || int(st.Full) != full {
		t.Errorf("live %d + full %d is not %d (counted %d)", st.Live, full, 4*n, st.Full)
	}
	for i := range n {
		if seen, _ := w.use(&use{key: numbered(i), content: 1, now: epoch.Add(time.Second), source: 9, until: epoch.Add(time.Minute)}); seen != SeenAgain {
			t.Fatalf("signature %d forgotten: %d", i, seen)
		}
	}
	if seen, _ := w.use(&use{key: numbered(1), content: 1, now: epoch.Add(2 * time.Minute), until: epoch.Add(3 * time.Minute)}); seen != SeenNever {
		t.Errorf("remembered past its end: %d", seen)
	}
}

// TestWindowHardlyEverFull keeps windows at their stated size, the worst there is for
// the number of buckets, while entries come and go four times over.
func TestWindowHardlyEverFull(t *testing.T) {
	sizes := []int{1, 4, 8, 64, 1024, 2048, 1 << 16}
	if os.Getenv("VEDETTE_SOAK") != "" {
		sizes = append(sizes, 1<<20, 1<<21)
	}
	for _, n := range sizes {
		w := NewWindow(n)
		full := 0
		for i := range 5 * n {
			now := epoch.Add(time.Duration(i))
			seen, _ := w.use(&use{key: numbered(i), content: 1, now: now, until: now.Add(time.Duration(n)), fixed: true})
			if seen == SeenFull {
				full++
			} else if seen != SeenNever {
				t.Fatalf("size %d, use %d: %d", n, i, seen)
			}
		}
		if most := 1 + 5*n/1_000_000; full > most {
			t.Errorf("size %d: no room for %d of %d, over %d", n, full, 5*n, most)
		}
		if st := w.Stats(epoch.Add(time.Duration(5*n - 1))); st.Live < n-full || st.Live > n {
			t.Errorf("size %d: %d live", n, st.Live)
		}
	}
}

// TestWindowClock moves the clock ahead, lets the window forget, and moves it back.
func TestWindowClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "replay")
	w := openWindow(t, path, 100)
	ref := func(i int, at time.Time) *use {
		return &use{key: numbered(i), content: 1, now: at, until: epoch.Add(5 * time.Second), fixed: true, changes: true}
	}
	const n = 100
	for i := range n {
		if seen, _ := w.use(ref(i, epoch)); seen != SeenNever {
			t.Fatal(seen)
		}
	}
	ahead := epoch.Add(time.Hour)
	for i := range n / 2 { // some of the old ones are overwritten
		w.use(&use{key: numbered(1000 + i), content: 1, now: ahead, until: ahead.Add(time.Second), fixed: true})
	}
	die(t, w.file)
	w = openWindow(t, path, 100) // the mark outlives the process
	defer w.Close()
	again, unknown := 0, 0
	for i := range n {
		switch seen, _ := w.use(ref(i, epoch.Add(time.Second))); seen {
		case SeenRetry: // of the former process: known, and under way when it died
			again++
		case SeenUnknown:
			unknown++
		default:
			t.Fatalf("signature %d after the clock went back: %d", i, seen)
		}
	}
	if again == 0 || unknown == 0 || w.Stats(epoch).Unknown != uint64(unknown) {
		t.Errorf("%d known, %d unknown, %+v", again, unknown, w.Stats(epoch))
	}
	// What is valid for longer than anything that was forgotten is judged as ever.
	u := ref(5000, epoch.Add(time.Second))
	u.until = epoch.Add(6 * time.Second)
	if seen, _ := w.use(u); seen != SeenNever {
		t.Errorf("a later one: %d", seen)
	}
}

// TestWindowOnce has many goroutines use the same signatures: each is new to exactly
// one of them.
func TestWindowOnce(t *testing.T) {
	const n, workers = 3000, 8
	for name, w := range map[string]*Window{"memory": NewWindow(n), "file": openWindow(t, filepath.Join(t.TempDir(), "replay"), n)} {
		var never [n]atomic.Int32
		var wg sync.WaitGroup
		for g := range workers {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(1, uint64(g)))
				for _, i := range r.Perm(n) {
					u := use{key: numbered(i), content: 1, changes: true, now: epoch.Add(time.Duration(r.IntN(1000))), until: epoch.Add(time.Minute), fixed: true}
					switch seen, ref := w.use(&u); seen {
					case SeenNever:
						never[i].Add(1)
						if i%2 == 0 {
							w.Answered(ref)
						}
					case SeenAgain:
					default:
						t.Errorf("%s: %d", name, seen)
					}
					w.Known(u.key, u.now)
				}
			})
		}
		wg.Wait()
		for i := range never {
			if never[i].Load() != 1 {
				t.Fatalf("%s: signature %d was new %d times", name, i, never[i].Load())
			}
		}
	}
}

// remembered is what the naive model of a window keeps of a signature.
type remembered struct {
	content uint64
	source  uint32
	until   time.Time
	changes bool
	state   uint64
	uses    int
	first   time.Time
}

// TestWindowModel holds the window to a map, over random uses, answers, restarts and
// a clock that goes forward.
func TestWindowModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "replay")
	rapid.Check(t, func(t *rapid.T) {
		_ = os.Remove(path)
		w, err := OpenWindow(path, 64)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { w.Close() }()
		model := map[int]*remembered{}
		refs := map[int]Ref{}
		now := epoch
		t.Repeat(map[string]func(*rapid.T){
			"use": func(t *rapid.T) {
				i := rapid.IntRange(0, 30).Draw(t, "signature")
				u := &use{key: numbered(i), content: rapid.Uint64Range(1, 3).Draw(t, "content"), source: rapid.Uint32Range(1, 2).Draw(t, "source"),
					changes: rapid.Bool().Draw(t, "changes"), now: now, fixed: true,
					until: now.Add(time.Duration(rapid.IntRange(1, 50).Draw(t, "life")) * time.Millisecond)}
				want := expect(model, i, u)
				got, ref := w.use(u)
				if got != want {
					t.Fatalf("signature %d: got %d, want %d", i, got, want)
				}
				if ref.set {
					refs[i] = ref
				}
			},
			"answer": func(t *rapid.T) {
				i, answered := rapid.IntRange(0, 30).Draw(t, "signature"), rapid.Bool().Draw(t, "answered")
				ref, ok := refs[i]
				if !ok {
					return
				}
				state := uint64(stateEnded)
				if answered {
					state = stateDone
				}
				w.mark(ref, state)
				if m := model[i]; m != nil && m.state != stateDone {
					m.state = state
				}
			},
			"clock": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "ms")) * time.Millisecond)
			},
			"kill": func(t *rapid.T) {
				_ = unix.Flock(int(w.file.f.Fd()), unix.LOCK_UN)
				_ = unix.Munmap(w.file.mem)
				_ = w.file.f.Close()
				if w, err = OpenWindow(path, 64); err != nil {
					t.Fatal(err)
				}
				for _, m := range model {
					if m.state == stateOpen {
						m.state = stateEnded
					}
				}
			},
			"": func(t *rapid.T) {
				live := 0
				for _, m := range model {
					if m.until.After(now) {
						live++
					}
				}
				if st := w.Stats(now); st.Live != live {
					t.Fatalf("%d live, want %d", st.Live, live)
				}
			},
		})
	})
}

func expect(model map[int]*remembered, i int, u *use) Seen {
	m := model[i]
	if m == nil || !m.until.After(u.now) {
		model[i] = &remembered{u.content, u.source, u.until, u.changes, stateOpen, 1, u.now}
		return SeenNever
	}
	switch {
	case m.content != u.content && !m.changes && !u.changes && m.source == u.source && m.uses < maxRetries:
		m.uses++ // no entry lives longer than concurrency here
		return SeenCoincident
	case m.content != u.content:
		return SeenElsewhere
	case m.source != u.source:
		return SeenAgain
	case !u.changes && m.state != stateDone && m.uses < maxRetries, u.changes && m.uses <= maxChangeRetries &&
		(m.state == stateEnded || m.state == stateOpen && u.now.Sub(m.first) >= retryAfter):
		m.first = u.now
		m.uses++
		m.state = stateOpen
		return SeenRetry
	}
	return SeenAgain
}

// TestWindowShares: holders that send without end leave room for those that send
// little, and one alone gets what the window was asked for. Where a signature goes is
// chance, so that small windows are tried often.
func TestWindowShares(t *testing.T) {
	for _, n := range []int{4, 100, 20000} {
		for _, greedy := range []int{1, 2, 3} {
			others, refused := 0, 0
			for range max(1, 2000/n) {
				a, b := windowShares(t, n, greedy)
				others, refused = others+a, refused+b
			}
			if refused > others/8 {
				t.Errorf("size %d, %d holders: %d of %d others found no room", n, greedy, refused, others)
			}
		}
	}
}

// windowShares fills a window by greedy holders, and says how many of some others were refused.
func windowShares(t *testing.T, n, greedy int) (others, refused int) {
	w, next := NewWindow(n), 0
	send := func(holder uint16) Seen {
		next++
		seen, _ := w.use(&use{key: numbered(next), content: 1, holder: holder, changes: true, now: epoch, until: epoch.Add(time.Minute)})
		return seen
	}
	taken := 0
	for i := range 8 * n {
		if send(uint16(1+i%greedy)) == SeenNever {
			taken++
		}
	}
	if taken < n {
		t.Errorf("size %d, %d holders: got %d places together", n, greedy, taken)
	}
	others = max(1, n/20)
	for i := range others {
		if send(uint16(1000+i)) != SeenNever {
			refused++
		}
	}
	return others, refused
}

// TestWindowOnceShares: one client that sends proofs without end leaves room for another's.
func TestWindowOnceShares(t *testing.T) {
	const n = 20000
	w := NewWindow(n)
	send := func(holder string, i int) (full bool) {
		id := [32]byte(bytes.Repeat(binary.LittleEndian.AppendUint64(nil, mix(uint64(i))), 4))
		_, full = w.Once(holder, id, epoch, epoch.Add(time.Minute))
		return full
	}
	refused := 0
	for i := range 8 * n {
		send("greedy", i)
	}
	for i := range n / 20 {
		if send("other", 8*n+i) {
			refused++
		}
	}
	if refused > n/20/8 {
		t.Errorf("%d of %d of another client found no room", refused, n/20)
	}
}

// TestWindowHolder: credentials have holders of their own, that are no part of what is
// compared as content.
func TestWindowHolder(t *testing.T) {
	if holderOf("binance", "k1") == holderOf("binance", "k2") || holderOf("okx", "k1") == holderOf("binance", "k1") {
		t.Error("two credentials have one holder")
	}
	for _, u := range []use{{}, {content: 1 << 63}, {content: 1, holder: 7}} {
		if u.marked() == 0 {
			t.Errorf("%+v counts as unknown content", u)
		}
	}
}
