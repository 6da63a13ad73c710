package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"vedette/internal/durable/durabletest"
)

// script appends, reopens, removes and holds, and notes what was acknowledged.
func script(cfg Config) (acked map[uint64]string, err error) {
	acked = map[uint64]string{}
	ctx := context.Background()
	n := 0
	for life := range 2 {
		l, _, err := Open(cfg)
		if err != nil {
			return acked, err
		}
		for i := range 25 {
			rec := fmt.Sprintf("life %d record %d %0200d", life, n, n)
			n++
			pos, err := l.Append([]byte(rec))
			if err == nil && i%3 == 0 {
				err = l.Wait(ctx, pos)
			}
			if err != nil {
				l.Close()
				return acked, err
			}
			if i%3 == 0 {
				acked[pos] = rec
			}
		}
		if life == 1 {
			err = l.LegalHold(ctx, "h", 3, 4)
			if err == nil {
				_, err = l.Retain(ctx, 0)
			}
		}
		if err := errors.Join(err, l.Close()); err != nil {
			return acked, err
		}
	}
	return acked, nil
}

// checkAfter opens after a fault and checks that what was acknowledged is there, that
// the whole verifies, and that the ledger goes on.
func checkAfter(t *testing.T, fs *durabletest.FS, cfg Config, acked map[uint64]string, what string) {
	t.Helper()
	if r := verify(t, fs); !r.Whole() && fsHasHead(fs) {
		t.Fatalf("%s: before reopening: %v", what, r.Problems)
	}
	l, _, err := Open(cfg)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if _, err := l.Append([]byte("after")); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := l.Close(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	found := 0
	err = l.Read(0, l.Size(), func(pos uint64, b []byte) error {
		if want, ok := acked[pos]; ok {
			if found++; want != string(b) {
				return fmt.Errorf("record %d is %q", pos, b)
			}
		}
		return nil
	})
	if err != nil || found != len(acked) {
		t.Fatalf("%s: %d of %d acknowledged records: %v", what, found, len(acked), err)
	}
	if r := verify(t, fs); !r.OK() {
		t.Fatalf("%s: after reopening: %v", what, r.Problems)
	}
}

func fsHasHead(fs *durabletest.FS) bool { return fs.ReadAll()["ledger/head"] != nil }

// TestFaults lets every change of the disk fail in turn, before and after it took effect, with
// an error, with a process killed, and with the power cut.
func TestFaults(t *testing.T) {
	t.Parallel()
	run := func(at int, fault durabletest.Fault, then func(*durabletest.FS, *rand.Rand), seed uint64) (ops int) {
		fs := durabletest.New()
		cfg := testConfig(t, fs)
		var mu sync.Mutex
		var what durabletest.Op
		hit := false
		fs.Hook(func(op durabletest.Op) durabletest.Fault {
			mu.Lock()
			defer mu.Unlock()
			ops++
			switch {
			case ops == at:
				what, hit = op, true
				return fault
			case hit && then != nil: // the process or the machine is gone: nothing happens any more
				return durabletest.Fault{Err: syscall.EIO}
			}
			return durabletest.Fault{}
		})
		acked, err := script(cfg)
		fs.Hook(nil)
		if at > 0 && !hit {
			return ops
		}
		if at == 0 && err != nil {
			t.Fatalf("without a fault: %v", err)
		}
		if then == nil {
			then = func(fs *durabletest.FS, _ *rand.Rand) { fs.Kill() }
		}
		then(fs, rand.New(rand.NewPCG(seed, uint64(at))))
		checkAfter(t, fs, cfg, acked, fmt.Sprintf("op %d %v %+v seed %d (%v)", at, what, fault, seed, err))
		return ops
	}
	ops := run(0, durabletest.Fault{}, nil, 0)
	seeds, stride := uint64(1), 3
	if soak() {
		seeds, stride = 20, 1
	}
	eio := durabletest.Fault{Err: syscall.EIO}
	late := durabletest.Fault{Err: syscall.EIO, After: true}
	for at := 1; at <= ops; at++ {
		run(at, eio, nil, 0)
		run(at, late, nil, 0)
		if at%stride == 0 || at < 20 {
			for seed := range seeds {
				cut := func(fs *durabletest.FS, r *rand.Rand) { fs.Crash(r) }
				run(at, eio, cut, seed)
				run(at, late, cut, seed)
			}
		}
	}
	t.Logf("%d changes of the disk failed in turn", ops)
}

// TestPowerCut cuts the power at random under load, again and again on one ledger; a new one is
// begun now and then, so that checking does not take longer and longer.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	rounds := 15
	if soak() {
		rounds = 500
	}
	fs := durabletest.New()
	cfg := testConfig(t, fs)
	r := rand.New(rand.NewPCG(1, 2))
	acked := map[uint64]string{}
	for round := range rounds {
		if round%25 == 24 {
			fs, acked = durabletest.New(), map[uint64]string{}
			cfg.FS = fs
		}
		cfg.Sync = round%2 == 0
		cfg.MaxDelay = time.Millisecond
		l, _, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		left := 20 + r.IntN(400)
		dead := false
		fs.Hook(func(durabletest.Op) durabletest.Fault {
			mu.Lock()
			defer mu.Unlock()
			if left--; left < 0 {
				dead = true
				return durabletest.Fault{Err: syscall.EIO, After: left%2 == 0}
			}
			return durabletest.Fault{}
		})
		for i := 0; ; i++ {
			rec := fmt.Sprintf("round %d record %d %0*d", round, i, r.IntN(300), i)
			pos, err := l.Append([]byte(rec))
			if err == nil && i%5 == 0 {
				if err = l.Wait(context.Background(), pos); err == nil {
					acked[pos] = rec
				}
			}
			if err != nil {
				break
			}
		}
		l.Close()
		if !dead {
			t.Fatal("the ledger failed by itself")
		}
		fs.Crash(r)
		checkAfter(t, fs, cfg, acked, fmt.Sprintf("round %d", round))
	}
}

// TestSyncLie has a sync fail once and succeed from then on without having written, as Linux does.
// Nothing of that batch may be acknowledged, and what Open keeps must be on disk.
func TestSyncLie(t *testing.T) {
	fs := durabletest.New()
	cfg := testConfig(t, fs)
	l, _ := mustOpen(t, cfg)
	add(t, l, "first")
	once := sync.Once{}
	fs.Hook(func(op durabletest.Op) (f durabletest.Fault) {
		if op.Kind == "sync" {
			once.Do(func() { f.Err = syscall.EIO })
		}
		return f
	})
	pos, err := l.Append([]byte("second"))
	if err == nil {
		err = l.Wait(context.Background(), pos)
	}
	if !errors.Is(err, ErrFailed) {
		t.Fatalf("after a failed sync: %v", err)
	}
	if _, err := l.Append(nil); !errors.Is(err, ErrFailed) {
		t.Fatalf("append after a failed sync: %v", err)
	}
	if err := l.Close(); !errors.Is(err, ErrFailed) {
		t.Fatalf("close after a failed sync: %v", err)
	}
	fs.Kill()
	l, repair := mustOpen(t, cfg) // in memory the second record looks fine
	size := l.Size()
	if size == 2 && repair.Recovered != 1 {
		t.Errorf("%+v", repair)
	}
	l.Close()
	for seed := range uint64(20) {
		fs.Crash(rand.New(rand.NewPCG(seed, 1)))
		l, _ := mustOpen(t, cfg)
		if l.Size() < size {
			t.Fatalf("%d records of %d that Open had kept", l.Size(), size)
		}
		l.Close()
	}
}

// TestFull fills the simulated disk, and makes room again.
func TestFull(t *testing.T) {
	fs := durabletest.New()
	cfg := testConfig(t, fs)
	cfg.SegmentBytes = 64 << 10
	l, _ := mustOpen(t, cfg)
	ctx := context.Background()
	add(t, l, "before")
	fs.Limit(fs.Used() + 3000)
	var acked []uint64
	var failed error
	for range 1000 {
		pos, err := l.Append(make([]byte, 100))
		if err == nil {
			if err = l.Wait(ctx, pos); err == nil {
				acked = append(acked, pos)
			}
		}
		if err != nil {
			failed = err
			break
		}
	}
	if !errors.Is(failed, ErrFull) || !errors.Is(failed, syscall.ENOSPC) {
		t.Fatalf("on a full disk: %v", failed)
	}
	if s := l.Stats(); s.State != Full || s.Err == nil {
		t.Fatalf("%+v", s)
	}
	if _, err := l.Append(nil); !errors.Is(err, ErrFull) {
		t.Fatalf("append: %v", err)
	}
	l.Lost(3)
	l.Lost(4)
	fs.Limit(0)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if s := l.Stats(); s.State == Ready && s.Queued == 0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("not ready again: %+v", s)
		}
	}
	add(t, l, "after")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	gaps := 0
	err := l.Read(0, l.Size(), func(pos uint64, b []byte) error {
		if e, ok := ParseEvent(b); ok {
			if gaps++; e.Kind != EventGap || e.Lost != 7 || e.Since == nil {
				return fmt.Errorf("event %s", b)
			}
		}
		return nil
	})
	if err != nil || gaps != 1 {
		t.Fatalf("%d gap events: %v", gaps, err)
	}
	if r := verify(t, fs); !r.OK() {
		t.Fatal(r.Problems)
	}
	if l.Size() < uint64(len(acked)) {
		t.Fatal("acknowledged records are missing")
	}
}

// TestCloseFull closes while the disk is full: what could not be written is named, and what was
// acknowledged is there afterwards.
func TestCloseFull(t *testing.T) {
	fs := durabletest.New()
	cfg := testConfig(t, fs)
	l, _ := mustOpen(t, cfg)
	add(t, l, "before")
	fs.Limit(fs.Used() + 10)
	if _, err := l.Append(make([]byte, 500)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); !errors.Is(err, ErrFull) {
		t.Fatalf("close: %v", err)
	}
	fs.Limit(0)
	fs.Kill()
	l, repair := mustOpen(t, cfg)
	if l.Size() != 1 {
		t.Fatalf("size %d, repair %+v", l.Size(), repair)
	}
	l.Close()
}

// TestQueueFull has the disk slower than the records.
func TestQueueFull(t *testing.T) {
	fs := durabletest.New()
	cfg := testConfig(t, fs)
	cfg.QueueBytes, cfg.MaxBlock = minQueueBytes, -1
	l, _ := mustOpen(t, cfg)
	stop := make(chan struct{})
	fs.Hook(func(op durabletest.Op) durabletest.Fault {
		<-stop
		return durabletest.Fault{}
	})
	accepted := 0
	for ; accepted < 100; accepted++ {
		if _, err := l.Append(make([]byte, 30000)); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	if accepted == 100 {
		t.Fatal("the queue has no bound")
	}
	close(stop)
	if err := l.Close(); err != nil || l.Size() != uint64(accepted) {
		t.Fatalf("%d of %d: %v", l.Size(), accepted, err)
	}
}
