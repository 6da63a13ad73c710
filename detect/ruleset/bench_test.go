package ruleset

import (
	"syscall"
	"testing"
	"time"

	"cel.dev/cel-go/cel"

	"vedette"
	"vedette/detect"
)

// condition pairs of a rule, compiled and interpreted.
type twice struct {
	r    *Rule
	fast func(*detect.Event, *detect.Context) bool
	slow *program
}

func pairs(b testing.TB) (list []twice) {
	for _, r := range defaults(b).Rules {
		if !r.Enabled {
			continue
		}
		a, err := check(r.match.source, cel.BoolType)
		if err != nil {
			b.Fatal(err)
		}
		p, err := newProgram(a)
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, twice{r, r.match.whole(), p})
	}
	return list
}

var sink int

// cpuTime is the processor time of this program, which other programs beside it do not stretch.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs a benchmark and reports its processor time too.
func measure(b *testing.B, each func(i int)) {
	b.ReportAllocs()
	began, n := cpuTime(), 0
	for b.Loop() {
		each(n)
		n++
	}
	b.ReportMetric(float64(cpuTime()-began)/float64(n), "cpu-ns/op")
}

// BenchmarkConditions asks the conditions of the pack about a mix of calls: compiled and by the index, as
// the engine does it, then as CEL interprets them, with the index and without.
func BenchmarkConditions(b *testing.B) {
	events := contexts(b, calls(1, 2000, 500))
	list := pairs(b)
	index := map[detect.Sort][]twice{}
	for _, x := range events {
		sort := x.Sort()
		if _, ok := index[sort]; ok {
			continue
		}
		index[sort] = nil
		for _, p := range list {
			if p.r.asks(sort) {
				index[sort] = append(index[sort], p)
			}
		}
	}
	indexed := func(holds func(*twice, *detect.Context) bool) func(*detect.Context) {
		return func(x *detect.Context) {
			of := index[x.Sort()]
			for i := range of {
				if holds(&of[i], x) {
					sink++
				}
			}
		}
	}
	fast := func(p *twice, x *detect.Context) bool { return p.fast(x.Event, x) }
	slow := func(p *twice, x *detect.Context) bool { return p.slow.holds(x) }
	run := func(b *testing.B, ask func(*detect.Context)) {
		measure(b, func(i int) { ask(events[i%len(events)]) })
	}
	b.Run("compiled", func(b *testing.B) { run(b, indexed(fast)) })
	b.Run("CEL_indexed", func(b *testing.B) { run(b, indexed(slow)) })
	b.Run("CEL", func(b *testing.B) {
		run(b, func(x *detect.Context) {
			for i := range list {
				if slow(&list[i], x) {
					sink++
				}
			}
		})
	})
}

// BenchmarkEngine runs the whole pack over a mix of calls, and an engine without detectors beside it.
func BenchmarkEngine(b *testing.B) {
	list := calls(1, 20000, 500)
	for _, with := range []struct {
		name string
		set  []*detect.Detector
	}{{"pack", defaults(b).Detectors()}, {"empty", nil}} {
		b.Run(with.name, func(b *testing.B) {
			e, err := detect.New(detect.Config{Detectors: with.set, Subjects: 1 << 14, Raise: func(*vedette.Finding) {}})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			span := list[len(list)-1].Time.Sub(list[0].Time) + time.Millisecond
			measure(b, func(i int) {
				c := list[i%len(list)]
				if i >= len(list) {
					c.Time = c.Time.Add(span)
				}
				e.Observe(uint64(i), c)
			})
		})
	}
}

// TestNoAllocations wants none on the fast path, in conditions and in the whole engine.
func TestNoAllocations(t *testing.T) {
	list := calls(5, 4000, 100)
	e, err := detect.New(detect.Config{Detectors: defaults(t).Detectors(), Subjects: 1 << 12, Raise: func(*vedette.Finding) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for i, c := range list {
		e.Observe(uint64(i), c)
	}
	var clean []*vedette.Call
	for _, c := range list {
		if c.Verdict == vedette.Authentic && len(c.Reasons) == 0 {
			clean = append(clean, c)
		}
	}
	at := list[len(list)-1].Time
	n := testing.AllocsPerRun(20, func() {
		for i, c := range clean {
			at = at.Add(time.Millisecond)
			c.Time = at
			e.Observe(uint64(i), c)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations for %d calls", n, len(clean))
	}
}
