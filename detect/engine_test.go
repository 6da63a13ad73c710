package detect

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"vedette"
)

// tally counts calls of each subject and raises on every tenth.
type tally struct {
	n     uint32
	trail Trail
}

func tallyBy(k Kind) *Detector {
	return Define(Detector{Name: "test.tally_" + k.String(), Version: 1, Since: "0", Title: "t", Why: "w", Look: "l", Severity: vedette.Low, By: k, Quiet: time.Nanosecond,
		Params: []Param{{Name: "every", Default: 10}}},
		func(x *Context, s *tally) {
			s.trail.Add(x.Event)
			if s.n++; float64(s.n) >= x.P(0) {
				s.n = 0
				x.Open()
				x.Raise(Raised{Score: 0.5, Summary: fmt.Sprintf("%s %d", x.Name(), s.trail.n), Evidence: s.trail.Since(x.Time, time.Hour)})
			}
		})
}

func tallies() (list []*Detector) {
	for k := range kindCount {
		list = append(list, tallyBy(k))
	}
	return list
}

// stream makes n calls of few subjects, in order.
func stream(seed uint64, n int) []*vedette.Call {
	r := rand.New(rand.NewPCG(seed, 1))
	at := time.Unix(1767614400, 0)
	var list []*vedette.Call
	for range n {
		at = at.Add(time.Duration(1 + r.IntN(1e8)))
		id := r.IntN(20)
		c := &vedette.Call{Time: at, Venue: []string{"binance", "okx"}[r.IntN(2)], Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(r.IntN(3)), byte(r.IntN(9))}), 1),
			Credential: fmt.Sprintf("key-%d", id), Account: fmt.Sprintf("acct-%d", id/2), Owner: fmt.Sprintf("owner-%d", id/4), JA4: fmt.Sprintf("t13_%d", r.IntN(4)),
			Verdict: vedette.Authentic, Action: vedette.Action{Operation: vedette.OpOrderNew, Instrument: fmt.Sprintf("I%d", r.IntN(5))}}
		if r.IntN(10) == 0 {
			c.Batch = []vedette.Action{c.Action, c.Action}
		}
		list = append(list, c)
	}
	return list
}

// run observes calls and returns the findings, as text.
func run(t testing.TB, cfg Config, calls []*vedette.Call) (out []string) {
	t.Helper()
	e := start(t, cfg, &out)
	for i, c := range calls {
		e.Observe(uint64(i), c)
	}
	e.Close()
	return out
}

func start(t testing.TB, cfg Config, out *[]string) *Engine {
	t.Helper()
	cfg.Raise = func(f *vedette.Finding) {
		*out = append(*out, fmt.Sprintf("%s %s %v %s %v", f.ID, f.Detector, f.Time, f.Summary, f.Evidence))
	}
	if cfg.Detectors == nil {
		cfg.Detectors = tallies()
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Whatever the number of shards, the findings and their order are the same.
func TestShardsDoNotMatter(t *testing.T) {
	for seed := range uint64(5) {
		calls := stream(seed, 5000)
		want := run(t, Config{}, calls)
		if len(want) < 1000 {
			t.Fatalf("only %d findings", len(want))
		}
		for _, n := range []int{1, 2, 3, 7, MaxShards} {
			if got := run(t, Config{Shards: n}, calls); !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d, %d shards: %d findings that differ from %d", seed, n, len(got), len(want))
			}
		}
	}
}

// starve has a shard pack whatever it can.
func starve(s *shard) {
	s.memory.plenty = 0
	for _, t := range s.tables {
		if t != nil {
			t.known.few, t.strangers.few = 0, 0
		}
	}
}

// Who fills the memory with subjects of one kind does not have the few that are used of another packed at every call.
func TestFewStayWarm(t *testing.T) {
	l := newLayout(ByCredential, []*Detector{tallyBy(ByCredential)}, [][]float64{nil})
	l.parts[len(l.parts)-1] = 4000
	p := &newTable(l, 4000, new(memory)).known // no memory at all is left
	for key := range uint64(2000) {
		s := p.add(1+key, l.shapes[0])
		s.part(len(l.parts) - 1)
	}
	cold := 0
	for round := range 20 {
		for key := range uint64(p.few / 2) {
			if p.index[p.slot(1+key)].flags&packed != 0 && round > 2 {
				cold++
			}
			p.find(1 + key)
		}
	}
	if packs := len(p.warm.keys); cold > 0 || packs > p.few+1 {
		t.Errorf("%d times one that is used was packed; %d are warm, want %d", cold, packs, p.few)
	}
}

// Nor does it matter which subjects are packed.
func TestPackingDoesNotMatter(t *testing.T) {
	calls := stream(11, 5000)
	want := run(t, Config{}, calls)
	var got []string
	e := start(t, Config{}, &got)
	starve(e.shards[0])
	for i, c := range calls {
		e.Observe(uint64(i), c)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d findings that differ from %d", len(got), len(want))
	}
}

// Calls that come late within the tolerance change nothing; later ones are counted and left out.
func TestLateCalls(t *testing.T) {
	calls := stream(1, 3000)
	want := run(t, Config{}, calls)
	ids := func(list []string) (out []string) {
		for _, s := range list {
			out = append(out, strings.SplitN(s, "[", 2)[0]) // positions are those of arrival
		}
		return out
	}
	r := rand.New(rand.NewPCG(2, 2))
	shuffled := slices.Clone(calls)
	jitter := map[*vedette.Call]time.Duration{}
	for _, c := range calls {
		jitter[c] = time.Duration(r.Int64N(int64(2 * time.Second)))
	}
	slices.SortFunc(shuffled, func(a, b *vedette.Call) int { return a.Time.Add(jitter[a]).Compare(b.Time.Add(jitter[b])) })
	if slices.Equal(shuffled, calls) {
		t.Fatal("nothing is out of order")
	}
	for _, n := range []int{0, 3} {
		if got := run(t, Config{Tolerance: 2 * time.Second, Shards: n}, shuffled); !reflect.DeepEqual(ids(got), ids(want)) {
			t.Errorf("%d shards: late calls changed the findings: %d, want %d", n, len(got), len(want))
		}
	}
	var out []string
	e := start(t, Config{Tolerance: 2 * time.Second}, &out)
	for i, c := range calls {
		e.Observe(uint64(i), c)
	}
	old := *calls[0]
	e.Observe(1, &old)
	if s := e.Stats(); s.Late != 1 {
		t.Errorf("%d late, want 1", s.Late)
	}
	e.Close()
}

// An engine that was stopped anywhere and restored goes on as if nothing had happened, with another
// number of shards too.
func TestSnapshot(t *testing.T) {
	calls := stream(3, 4000)
	want := run(t, Config{}, calls)
	for _, cut := range []int{1, 777, 2000, 3999} {
		var got []string
		e := start(t, Config{Shards: 2}, &got)
		for i, c := range calls[:cut] {
			e.Observe(uint64(i), c)
		}
		e.Flush()
		var snap bytes.Buffer
		if p, err := e.Snapshot(&snap); err != nil || p != uint64(cut-1) {
			t.Fatalf("snapshot: %v, position %d", err, p)
		}
		e.Close()
		e = start(t, Config{Shards: 5}, &got)
		p, err := e.Restore(bytes.NewReader(snap.Bytes()))
		if err != nil || p != uint64(cut-1) {
			t.Fatalf("restore: %v, position %d", err, p)
		}
		for i, c := range calls[cut:] {
			e.Observe(uint64(cut+i), c)
		}
		e.Close()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("cut at %d: %d findings, want %d", cut, len(got), len(want))
		}
	}
}

// Events that come while a snapshot is written wait and are not lost, and it does not hold them.
func TestSnapshotWhileBusy(t *testing.T) {
	calls := stream(3, 20_000)
	want := run(t, Config{}, calls)
	var got []string
	e := start(t, Config{Shards: 2}, &got)
	done := make(chan struct{})
	var positions []uint64
	go func() {
		defer close(done)
		for range 20 {
			var snap bytes.Buffer
			p, err := e.Snapshot(&snap)
			if err != nil {
				t.Error(err)
			}
			positions = append(positions, p)
		}
	}()
	for i, c := range calls {
		if !e.Offer(uint64(i), c) {
			e.Observe(uint64(i), c)
		}
	}
	<-done
	e.Close()
	if !reflect.DeepEqual(got, want) || !slices.IsSorted(positions) {
		t.Errorf("%d findings, want %d; snapshots at %v", len(got), len(want), positions)
	}
}

// A damaged snapshot is refused, and the engine is as it was.
func TestSnapshotDamage(t *testing.T) {
	calls := stream(4, 500)
	var out []string
	e := start(t, Config{}, &out)
	for i, c := range calls {
		e.Observe(uint64(i), c)
	}
	var snap bytes.Buffer
	if _, err := e.Snapshot(&snap); err != nil {
		t.Fatal(err)
	}
	good := snap.Bytes()
	try := func(what string, b []byte, cfg Config) {
		t.Helper()
		var out []string
		e := start(t, cfg, &out)
		if _, err := e.Restore(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: taken in", what)
		}
		if n := e.Stats().Subjects["credential"]; n != 0 {
			t.Errorf("%s: %d credentials of it are kept", what, n)
		}
	}
	for at := 0; at < len(good); at += 1 + len(good)/97 {
		b := bytes.Clone(good)
		b[at] ^= 0x40
		try(fmt.Sprintf("byte %d of %d changed", at, len(good)), b, Config{})
		try(fmt.Sprintf("cut at %d", at), good[:at], Config{})
	}
	try("another key", good, Config{Hash: NewHash([16]byte{1})})
}

// A detector of another version or meaning forgets; the others remember.
func TestSnapshotOfAnotherVersion(t *testing.T) {
	t.Run("version", func(t *testing.T) { forgets(t, func(d *Detector) { d.Version++ }) })
	t.Run("meaning", func(t *testing.T) { forgets(t, func(d *Detector) { d.Meaning++ }) })
}

func forgets(t *testing.T, change func(*Detector)) {
	calls := stream(5, 1000)
	var out, want []string
	e := start(t, Config{}, &out)
	for i, c := range calls {
		e.Observe(uint64(i), c)
	}
	var snap bytes.Buffer
	e.Snapshot(&snap)
	next := tallies()
	change(next[ByAccount])
	next = append(next[1:], tallyBy(ByCredential)) // in another order
	e2 := start(t, Config{Detectors: next}, &want)
	if _, err := e2.Restore(&snap); err != nil {
		t.Fatal(err)
	}
	var a, b tally
	for i, d := range next {
		_ = i
		if d.By == ByCredential {
			a = stateOf(e, ByCredential, "test.tally_credential", calls[0])
			b = stateOf(e2, ByCredential, "test.tally_credential", calls[0])
		}
	}
	if a != b || a.trail.n == 0 {
		t.Errorf("credential: %+v became %+v", a, b)
	}
	if b = stateOf(e2, ByAccount, "test.tally_account", calls[0]); b.trail.n != 0 {
		t.Errorf("account: a changed detector remembers %+v", b)
	}
}

func stateOf(e *Engine, by Kind, name string, c *vedette.Call) tally {
	var ev Event
	ev.set(e.cfg.Hash, c, 0, nil)
	t := e.shards[e.shardOf(ev.Subject[by])].tables[by]
	r := t.get(ev.Subject[by], true)
	for _, a := range t.ask(Sort{c.Operation, c.Verdict, false}) {
		if a.d.Name == name {
			return *(*tally)(r.part(a.state))
		}
	}
	panic("none")
}

// A flood of invented subjects leaves those that are known alone, and memory flat.
func TestFloodOfStrangers(t *testing.T) {
	var out []string
	const subjects = 4000
	e := start(t, Config{Subjects: subjects, Detectors: []*Detector{tallyBy(ByCredential), tallyBy(BySource)}}, &out)
	at := time.Unix(1767614400, 0)
	call := func(id string, v vedette.Verdict) {
		at = at.Add(time.Millisecond)
		e.Observe(0, &vedette.Call{Time: at, Credential: id, Verdict: v, Source: netip.MustParseAddrPort("192.0.2.1:1")})
	}
	for i := range 2000 {
		for range 5 {
			call(fmt.Sprintf("real-%d", i), vedette.Authentic)
		}
	}
	before := e.Stats()
	for i := range 50_000 {
		call(fmt.Sprintf("invented-%d", i), vedette.Unverifiable)
	}
	after := e.Stats()
	if after.Evicted < 45_000 || after.Subjects["credential"] > subjects {
		t.Errorf("%d evicted, %d kept", after.Evicted, after.Subjects["credential"])
	}
	if grown := after.Bytes - before.Bytes; grown > 2<<20 {
		t.Errorf("the flood took %d bytes", grown)
	}
	out = nil
	for i := range 2000 { // the tenth call of each, if the first five are remembered
		for range 5 {
			call(fmt.Sprintf("real-%d", i), vedette.Authentic)
		}
	}
	n := 0
	for _, s := range out {
		if strings.Contains(s, "tally_credential") {
			n++
		}
	}
	if n != 2000 {
		t.Errorf("%d of 2000 known keys were remembered", n)
	}
}

// Subjects that come and go while there is memory enough do not make the ring of the warm longer, nor lose any of those that are there.
func TestRingIsBounded(t *testing.T) {
	l := newLayout(ByCredential, []*Detector{tallyBy(ByCredential)}, [][]float64{nil})
	const limit = 100
	p := &newTable(l, limit*4/3, &memory{plenty: 1 << 20}).known
	for key := range uint64(10_000) {
		p.add(1+key, l.shapes[0])
	}
	if len(p.warm.keys) > 2*limit+1 || p.n != limit {
		t.Errorf("%d in the ring, %d subjects", len(p.warm.keys), p.n)
	}
	p.recall()
	for _, key := range p.warm.keys {
		if p.find(key).r == nil {
			t.Errorf("%d is in the ring and not there", key)
		}
	}
	if len(p.warm.keys) != limit {
		t.Errorf("%d in the ring, of %d subjects", len(p.warm.keys), limit)
	}
}

// Where memory is scarce, all subjects but the newest are packed: those that came when nothing else was warm, and those that were too small to be
// packed and have grown since, though no others come.
func TestScarce(t *testing.T) {
	for _, late := range []bool{false, true} {
		l := newLayout(ByCredential, []*Detector{tallyBy(ByCredential)}, [][]float64{nil})
		l.parts[len(l.parts)-1] = 4000
		p := &newTable(l, 4000, new(memory)).known
		p.few = 0
		const subjects = 1000
		for key := range uint64(subjects) {
			if s := p.add(1+key, l.shapes[0]); !late {
				s.part(len(l.parts) - 1)
			}
		}
		for key := range uint64(subjects) {
			s := p.find(1 + key)
			s.part(len(l.parts) - 1)
		}
		whole := 0
		for _, q := range p.index {
			if q.units > 8 {
				whole++
			}
		}
		if whole > 1 || len(p.warm.keys) == 0 || p.bytes() > 500_000 {
			t.Errorf("late %v: %d of %d are whole, %d in the ring, %d bytes", late, whole, subjects, len(p.warm.keys), p.bytes())
		}
	}
}

// Subjects that are packed are approached, however few are warm, and from a snapshot too.
func TestApproachPacked(t *testing.T) {
	e := start(t, Config{Detectors: []*Detector{tallyBy(ByCredential)}}, new([]string))
	name := func(i int) string { return fmt.Sprint("key-", i) }
	for i := range 20_000 {
		e.Observe(uint64(i), call(name(i), 200, vedette.Authentic))
	}
	s := e.shards[0]
	starve(s)
	for i := range 20_000 {
		e.Observe(uint64(i), call(fmt.Sprint("other-", i), 200, vedette.Authentic))
	}
	if p := &s.tables[ByCredential].known; p.held < nearBytes {
		t.Fatalf("%d bytes are near", p.held)
	}
	for i := range 100 {
		e.Observe(uint64(i), call(name(i), 200, vedette.Authentic))
	}
	var b bytes.Buffer
	if _, err := e.Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	e = start(t, Config{Detectors: []*Detector{tallyBy(ByCredential)}}, new([]string))
	if _, err := e.Restore(&b); err != nil {
		t.Fatal(err)
	}
	if s := e.shards[0]; s.memory != s.tables[ByCredential].known.memory {
		t.Error("a restored shard looks at another memory than its records are in")
	}
}

// A detector with Starts keeps nothing of a subject that gave no cause to begin, and hears of all once one did.
func TestStarts(t *testing.T) {
	for _, shards := range []int{0, 3} {
		var seen []uint64
		d := Define(Detector{Name: "test.starts", Version: 1, Since: "0.2", Title: "t", Why: "w", Look: "l", Severity: vedette.Low, By: ByCredential, Quiet: time.Hour,
			Starts: func(x *Context) bool { return x.Status == 500 }}, func(x *Context, s *uint64) {
			*s++
			seen = append(seen, x.Position)
		})
		other := tallyBy(ByCredential) // that keeps something from the first event on
		other.When = func(e *Event) bool { return e.Position < 5 }
		e, err := New(Config{Detectors: []*Detector{other, d}, Shards: shards, Raise: func(*vedette.Finding) {}})
		if err != nil {
			t.Fatal(err)
		}
		for i, status := range []int{200, 200, 500, 200, 200} {
			e.Observe(uint64(i), call("k1", status, vedette.Authentic))
			e.Flush()
		}
		e.Observe(9, call("k2", 200, vedette.Authentic))
		e.Flush()
		if n := e.Stats().Subjects["credential"]; n != 1 || !slices.Equal(seen, []uint64{2, 3, 4}) {
			t.Errorf("%d shards: %d subjects, seen %v", shards, n, seen)
		}
		e.Close()
	}
}

// Offer refuses when there is no room, and counts; Observe waits.
func TestOfferDoesNotWait(t *testing.T) {
	hold := make(chan struct{})
	e, err := New(Config{Detectors: []*Detector{tallyBy(ByVenue)}, Shards: 1, Raise: func(*vedette.Finding) { <-hold }})
	if err != nil {
		t.Fatal(err)
	}
	calls := stream(6, 40_000)
	refused := 0
	for i, c := range calls {
		if !e.Offer(uint64(i), c) {
			refused++
		}
	}
	if refused == 0 || refused > 30_000 {
		t.Errorf("%d of %d refused", refused, len(calls))
	}
	close(hold)
	if s := e.Stats(); s.Refused != uint64(refused) {
		t.Errorf("%d counted, %d refused", s.Refused, refused)
	}
	e.Close()
}

// Subjects are found again with all of their parts as they were, whatever was dropped or has grown between (a model test).
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := newLayout(ByCredential, []*Detector{tallyBy(ByCredential)}, [][]float64{nil})
	for i := range 5 {
		l.part(fmt.Sprint(i), 1, 0, uintptr(8+60*i))
	}
	l.shapes, l.known = nil, map[string]*shape{}
	l.shape(make([]byte, len(l.parts)))
	const limit = 300
	const plenty = 16 * slabBytes / unit // some of the time
	table := newTable(l, limit*4/3, &memory{plenty: plenty})
	p := &table.known
	p.few = 8
	model := map[uint64]map[int]byte{}
	for range 200_000 {
		key := uint64(1 + r.IntN(600))
		s := p.find(key)
		if (s.r != nil) != (model[key] != nil) {
			t.Fatalf("key %d: found %v, want %v", key, s.r != nil, model[key] != nil)
		}
		switch {
		case s.r != nil && r.IntN(10) == 0:
			p.drop(s.slot)
			delete(model, key)
		case s.r == nil && len(model) < limit:
			s = p.add(key, l.shapes[0])
			model[key] = map[int]byte{}
		}
		if model[key] == nil {
			continue
		}
		for i := range l.parts {
			if r.IntN(8) == 0 {
				v := byte(r.IntN(256))
				for j := range bytesOf(s.part(i), l.parts[i]) {
					bytesOf(s.part(i), l.parts[i])[j] = v
				}
				model[key][i] = v
			}
		}
		for i, size := range l.parts {
			if v, had := model[key][i]; had != (s.shape.has[i] == 1) || had && !bytes.Equal(bytesOf(s.part(i), size), bytes.Repeat([]byte{v}, int(size))) {
				t.Fatalf("key %d, part %d: %v, want %v", key, i, s.shape.has[i], had)
			}
		}
		n, used := 0, map[uint32]bool{}
		if r.IntN(1000) == 0 {
			p.each(func(s *shape, r unsafe.Pointer) { n, used[uint32((*record)(r).key)] = n+1, true })
			if n != len(model) || len(used) != n || p.n != n || table.evicted != 0 {
				t.Fatalf("%d records of %d subjects, want %d", n, len(used), len(model))
			}
		}
	}
	if p.bytes() > 1<<20 {
		t.Errorf("%d bytes are held", p.bytes())
	}
}

// Whoever gives cause to ever other detectors does not make ever more shapes.
func TestShapesAreBounded(t *testing.T) {
	l := newLayout(ByCredential, []*Detector{tallyBy(ByCredential)}, [][]float64{nil})
	for i := range 13 {
		l.part(fmt.Sprint(i), 1, 0, 8)
	}
	l.shapes, l.known = nil, map[string]*shape{}
	l.shape(make([]byte, len(l.parts)))
	for set := range 1 << len(l.parts) {
		s := l.shapes[0]
		for i := range l.parts {
			if set>>i&1 == 1 {
				s = l.with(s, i)
			}
		}
		for i := range l.parts {
			if set>>i&1 == 1 && s.at[i] == 0 {
				t.Fatalf("a record of shape %d has no part %d", s.number, i)
			}
		}
	}
	if len(l.shapes) != maxShapes {
		t.Errorf("%d shapes", len(l.shapes))
	}
}

func TestParameters(t *testing.T) {
	set := []*Detector{tallyBy(ByVenue)}
	for _, bad := range []map[string]map[string]float64{{"test.tally_venue": {"evry": 3}}, {"test.none": {}}} {
		if _, err := New(Config{Detectors: set, Params: bad}); err == nil {
			t.Errorf("%v: taken", bad)
		}
	}
	if _, err := New(Config{Detectors: append(set, set...)}); err == nil {
		t.Error("the same name twice: taken")
	}
	calls := stream(7, 100)
	n := func(every float64) int {
		return len(run(t, Config{Detectors: set, Params: map[string]map[string]float64{"test.tally_venue": {"every": every}}}, calls))
	}
	if few, many := n(50), n(5); few >= many {
		t.Errorf("%d findings at every 50, %d at every 5", few, many)
	}
}

// Steady state allocates nothing but for findings.
func TestObserveAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var out []string
	e := start(t, Config{Params: map[string]map[string]float64{}, Detectors: []*Detector{quietBy(ByCredential), quietBy(BySource), quietBy(ByInstrument)}}, &out)
	calls := stream(8, 1000)
	for i, c := range calls {
		e.Observe(uint64(i), c)
	}
	i := 0
	if n := testing.AllocsPerRun(2000, func() {
		e.Observe(uint64(i), calls[i%len(calls)])
		i++
	}); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

// quietBy keeps what tallyBy keeps and raises nothing.
func quietBy(k Kind) *Detector {
	return Define(Detector{Name: "test.quiet_" + k.String(), Version: 1, Since: "0", Title: "t", Why: "w", Look: "l", Severity: vedette.Low, By: k, Quiet: time.Hour},
		func(x *Context, s *tally) { s.trail.Add(x.Event) })
}

// BenchmarkEngine: one shard within Observe, three detectors, 1 million credentials by a Zipf law.
func BenchmarkEngine(b *testing.B) {
	var out []string
	e := start(b, Config{Subjects: 1 << 21, Detectors: []*Detector{quietBy(ByCredential), quietBy(BySource), quietBy(ByInstrument)}}, &out)
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 1)), 1.1, 1, 1e6)
	calls := stream(9, 1<<16)
	for _, c := range calls {
		c.Credential, c.Batch = fmt.Sprintf("key-%d", z.Uint64()), nil
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e.Observe(uint64(i), calls[i&(1<<16-1)])
		i++
	}
}

func add(p unsafe.Pointer, n uintptr) unsafe.Pointer { return unsafe.Add(p, n) }

// A finding says whom the call that raised it was made by, beyond what it is about; what a failed log-in names is
// the caller's wish.
func TestRelated(t *testing.T) {
	related := map[string][]string{}
	var all []*Detector
	for k := range kindCount {
		all = append(all, Define(Detector{Name: "test." + k.String(), Version: 1, Since: "0", Title: "T", Why: "W", Look: "L", Severity: vedette.Low, By: k, Quiet: 1},
			func(x *Context, _ *uint64) {
				if x.Open() {
					x.Raise(Raised{Summary: "s", Related: []string{"named"}})
				}
			}))
	}
	show := func(c *vedette.Call) {
		clear(related)
		e, err := New(Config{Detectors: all, Raise: func(f *vedette.Finding) { related[f.Detector] = f.Related }})
		if err != nil {
			t.Fatal(err)
		}
		e.Observe(1, c)
	}
	c := &vedette.Call{Time: time.Unix(1767614400, 0), Venue: "binance", Source: netip.MustParseAddrPort("192.0.2.7:1"), JA4: "t13", Credential: "key-1", Account: "acct-1",
		Owner: "owner-1", Verdict: vedette.Authentic, Action: vedette.Action{Operation: vedette.OpOrderNew, Instrument: "BTCUSDT"}}
	show(c)
	parties := []string{"named", "credential:key-1", "account:acct-1", "owner:owner-1"}
	for kind, want := range map[string][]string{"credential": {"named"}, "account": {"named", "credential:key-1"}, "owner": {"named", "credential:key-1", "account:acct-1"},
		"source": parties, "subnet": append(parties, "source:192.0.2.7"), "fingerprint": append(parties, "source:192.0.2.7"),
		"instrument": append(parties, "source:192.0.2.7"), "venue": append(parties, "source:192.0.2.7")} {
		if got := related["test."+kind]; !reflect.DeepEqual(got, want) {
			t.Errorf("by %s: %q, want %q", kind, got, want)
		}
	}
	c.Verdict, c.Operation, c.Answer.Status = vedette.Anonymous, vedette.OpUserLogin, 401
	show(c)
	if got := related["test.source"]; !reflect.DeepEqual(got, []string{"named"}) {
		t.Errorf("a failed log-in: %q", got)
	}
	c.Account, c.Credential, c.Owner, c.Verdict, c.Operation = "named", "", "", vedette.Authentic, vedette.OpOrderNew
	show(c)
	if got := related["test.source"]; !reflect.DeepEqual(got, []string{"named"}) {
		t.Errorf("named twice: %q", got)
	}
}

// What a wrongful call raises does not wait for others.
func TestHurry(t *testing.T) {
	raised := make(chan struct{})
	e, err := New(Config{Detectors: []*Detector{tallyBy(ByCredential)}, Shards: 2, Params: map[string]map[string]float64{"test.tally_credential": {"every": 1}},
		Raise: func(*vedette.Finding) { raised <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	at := time.Unix(1767614400, 0)
	least := time.Hour
	for range 20 { // a busy machine delays some
		time.Sleep(2 * batchWait) // pace is at rest
		at = at.Add(time.Second)
		began := time.Now()
		e.Observe(0, &vedette.Call{Time: at, Venue: "binance", Credential: "key-1", Verdict: vedette.Forged})
		<-raised
		least = min(least, time.Since(began))
	}
	if least >= batchWait {
		t.Errorf("a forged call waited %v", least)
	}
}
