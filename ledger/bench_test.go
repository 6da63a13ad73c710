package ledger

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const benchRecord = 300 // bytes; what the goal speaks of

func benchConfig(b *testing.B) Config {
	signer, verifiers := testKey(b, testOrigin, 1)
	return Config{Dir: b.TempDir(), Signer: signer, Verifiers: verifiers}
}

// meter measures time on the wall and on the processor: on a machine that is shared, or whose
// disk is the limit, only the second says what the code costs.
type meter struct {
	wall time.Time
	cpu  time.Duration
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func newMeter(b *testing.B) meter { return meter{time.Now(), cpuTime(b)} }

func (m meter) report(b *testing.B, n int) {
	b.ReportMetric(float64(n)/time.Since(m.wall).Seconds(), "records/s")
	b.ReportMetric(float64(n)/(cpuTime(b)-m.cpu).Seconds(), "records/cpu-s")
}

// BenchmarkAppend includes hashing, signing, writing and fsync of all records: it ends
// when Close has made them durable.
func BenchmarkAppend(b *testing.B) {
	cfg := benchConfig(b)
	cfg.MaxBlock = time.Minute
	l, _ := mustOpen(b, cfg)
	record := make([]byte, benchRecord)
	b.SetBytes(benchRecord)
	b.ReportAllocs()
	m := newMeter(b)
	for b.Loop() {
		if _, err := l.Append(record); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	m.report(b, b.N)
}

// BenchmarkBaseline writes the same bytes to a plain file and syncs it every 10 ms: what the disk
// and the copying cost without any tree.
func BenchmarkBaseline(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 4<<20)
	record := make([]byte, benchRecord)
	b.SetBytes(benchRecord)
	b.ReportAllocs()
	m := newMeter(b)
	synced := m.wall
	n := 0
	flush := func() {
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		synced = time.Now()
	}
	for b.Loop() {
		w.Write(record)
		if n++; n%256 == 0 && time.Since(synced) >= defaultMaxDelay {
			flush()
		}
	}
	flush()
	m.report(b, n)
}

// BenchmarkAppendLatency has one goroutine append at a steady 50,000 records/s.
func BenchmarkAppendLatency(b *testing.B) {
	l, _ := mustOpen(b, benchConfig(b))
	defer l.Close()
	record := make([]byte, benchRecord)
	took := make([]time.Duration, 0, 1<<20)
	next := time.Now()
	for b.Loop() {
		next = next.Add(20 * time.Microsecond)
		for time.Until(next) > 0 {
			runtime.Gosched()
		}
		begun := time.Now()
		if _, err := l.Append(record); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	percentiles(b, took)
	b.ReportMetric(float64(l.Stats().DelayMax.Microseconds()), "delay-max-µs")
}

// BenchmarkAppendSync has 64 goroutines wait for each of their records.
func BenchmarkAppendSync(b *testing.B) {
	cfg := benchConfig(b)
	cfg.Sync = true
	l, _ := mustOpen(b, cfg)
	defer l.Close()
	record := make([]byte, benchRecord)
	var all atomic.Pointer[[]time.Duration]
	m := newMeter(b)
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		var took []time.Duration
		for pb.Next() {
			begun := time.Now()
			pos, err := l.Append(record)
			if err == nil {
				err = l.Wait(context.Background(), pos)
			}
			if err != nil {
				b.Error(err)
				return
			}
			took = append(took, time.Since(begun))
		}
		all.CompareAndSwap(nil, &took) // one goroutine's figures stand for all
	})
	m.report(b, b.N)
	b.ReportMetric(float64(b.N)/float64(max(1, l.Stats().Batches)), "records/batch")
	percentiles(b, *all.Load())
}

func percentiles(b *testing.B, took []time.Duration) {
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	for _, p := range []struct {
		name string
		at   float64
	}{{"p50-ns", 0.5}, {"p99-ns", 0.99}} {
		b.ReportMetric(float64(took[min(len(took)-1, int(p.at*float64(len(took))))]), p.name)
	}
}

// BenchmarkVerify verifies a ledger whole; a hundred commits a second stand for a day's pace.
func BenchmarkVerify(b *testing.B) {
	cfg := benchConfig(b)
	cfg.MaxBlock = time.Minute
	l, _ := mustOpen(b, cfg)
	const n = 200_000
	record := make([]byte, benchRecord)
	for range n {
		if _, err := l.Append(record); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	opt := VerifyOptions{Origin: testOrigin, Verifiers: cfg.Verifiers}
	b.SetBytes(n * benchRecord)
	m, rounds := newMeter(b), 0
	for b.Loop() {
		if r, err := Verify(cfg.Dir, opt); err != nil || !r.OK() {
			b.Fatal(r, err)
		}
		rounds++
	}
	m.report(b, n*rounds)
}

// BenchmarkOpen opens a ledger whose last segment is full: what a start costs at most.
func BenchmarkOpen(b *testing.B) {
	cfg := benchConfig(b)
	cfg.MaxBlock = time.Minute
	l, _ := mustOpen(b, cfg)
	record := make([]byte, benchRecord)
	for range defaultSegmentBytes / (benchRecord + 2*frameHeader) {
		if _, err := l.Append(record); err != nil {
			b.Fatal(err)
		}
	}
	l.Close()
	for b.Loop() {
		l, _ := mustOpen(b, cfg)
		b.StopTimer()
		l.Close()
		b.StartTimer()
	}
}

func BenchmarkProve(b *testing.B) {
	l, _ := mustOpen(b, benchConfig(b))
	defer l.Close()
	for range 10_000 {
		if _, err := l.Append(make([]byte, benchRecord)); err != nil {
			b.Fatal(err)
		}
	}
	for l.Size() < 10_000 {
		time.Sleep(time.Millisecond)
	}
	i := uint64(0)
	for b.Loop() {
		if _, err := l.ProveInclusion(i % 10_000); err != nil {
			b.Fatal(err)
		}
		i += 997
	}
}
