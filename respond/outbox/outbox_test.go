package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vedette"
	"vedette/internal/durable/durabletest"
	"vedette/respond"
)

func event(i int, s vedette.Severity) respond.Event {
	return respond.Of(&vedette.Finding{ID: fmt.Sprint(i), Severity: s, Summary: strings.Repeat("x", 200)})
}

// receiver is the other end. It may be down, or refuse some events for good.
type receiver struct {
	mu     sync.Mutex
	down   error
	refuse string // id
	got    []string
	most   int // events in one delivery
}

func (r *receiver) deliver(_ context.Context, batch []respond.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most = max(r.most, len(batch))
	if r.down != nil {
		return r.down
	}
	for _, e := range batch {
		if e.ID() == r.refuse {
			return fmt.Errorf("400: %w", ErrRefused)
		}
	}
	for _, e := range batch {
		r.got = append(r.got, e.ID())
	}
	return nil
}

func (r *receiver) set(down error) {
	r.mu.Lock()
	r.down = down
	r.mu.Unlock()
}

func (r *receiver) ids() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.got, " ")
}

func open(t *testing.T, f *durabletest.FS, r *receiver, change ...func(*Config)) *Outbox {
	t.Helper()
	c := Config{FS: f, File: "out/box", Deliver: r.deliver, Batch: 4, Delay: func(int) time.Duration { return time.Millisecond }}
	for _, set := range change {
		set(&c)
	}
	o, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close(0) })
	return o
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s never came", what)
		}
	}
}

// TestDown: a receiver that is down for a while, over a kill of the process, loses nothing and
// gets everything in order.
func TestDown(t *testing.T) {
	f, r := durabletest.New(), &receiver{down: errors.New("connection refused")}
	var failed []string
	o := open(t, f, r, func(c *Config) { c.Failed = func(err error) { failed = append(failed, err.Error()) } })
	for i := range 5 {
		if err := o.Put(event(i, vedette.High)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "a second attempt", func() bool { return o.Stats().Retried > 1 })
	f.Kill()
	o.Close(0)
	if len(failed) != 1 {
		t.Errorf("the failure was told %d times", len(failed))
	}
	o = open(t, f, r)
	for i := range 5 {
		if err := o.Put(event(5+i, vedette.High)); err != nil {
			t.Fatal(err)
		}
	}
	r.set(nil)
	await(t, "the last event", func() bool { return o.Stats().Pending == 0 })
	if got := r.ids(); got != "0 1 2 3 4 5 6 7 8 9" {
		t.Errorf("received %s", got)
	}
	if r.most != 4 {
		t.Errorf("%d events in one delivery", r.most)
	}
	o.Close(time.Second)
	if o = open(t, f, r); o.Stats().Pending != 0 {
		t.Error("what was delivered comes again")
	}
}

// TestRefused: what the receiver refuses for good is given up, its neighbours are not.
func TestRefused(t *testing.T) {
	f, r := durabletest.New(), &receiver{down: errors.New("down"), refuse: "2"}
	var lost []string
	o := open(t, f, r, func(c *Config) {
		c.Lost = func(e respond.Event, err error) { lost = append(lost, e.ID()+" "+err.Error()) }
	})
	for i := range 4 {
		o.Put(event(i, vedette.Low))
	}
	r.set(nil)
	await(t, "the end", func() bool { return o.Stats().Pending == 0 })
	o.Close(time.Second)
	if got := r.ids(); got != "0 1 3" || len(lost) != 1 || lost[0] != "2 400: refused for good" || o.Stats().Refused != 1 {
		t.Errorf("received %s, lost %q", got, lost)
	}
}

// TestFull: what is dropped is the oldest of the lowest severity, and never something more severe than
// what comes.
func TestFull(t *testing.T) {
	f, r := durabletest.New(), &receiver{down: errors.New("down")}
	size := func(e respond.Event) int64 {
		o := open(t, durabletest.New(), r)
		o.Put(e)
		return o.Stats().PendingBytes
	}(event(0, vedette.High))
	lost := map[string]bool{}
	o := open(t, f, r, func(c *Config) {
		c.Batch, c.MaxBytes = 1, 5*size+20
		c.Lost = func(e respond.Event, _ error) { lost[e.ID()] = true }
		c.Delay = func(int) time.Duration { return time.Hour }
	})
	o.Put(event(0, vedette.Low)) // is being delivered: it stays
	await(t, "the first attempt", func() bool { return o.Stats().Retried == 1 })
	for i, s := range []vedette.Severity{vedette.High, vedette.Low, vedette.Critical, vedette.Low, vedette.High} {
		if err := o.Put(event(i+1, s)); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Put(event(6, vedette.Low)); err != nil { // the oldest low one goes
		t.Fatal(err)
	}
	if err := o.Put(event(7, vedette.Critical)); err != nil {
		t.Fatal(err)
	}
	if err := o.Put(event(8, vedette.Medium)); err == nil {
		t.Error("took a medium one where only more severe ones were")
	}
	var left []string
	for _, en := range o.queue.all() {
		e, err := o.read(en)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, e.ID())
	}
	if want := []string{"0", "1", "3", "5", "7"}; !slices.Equal(left, want) || len(lost) != 3 {
		t.Errorf("left %v, want %v; lost %v", left, want, lost)
	}
	if s := o.Stats(); s.Dropped != 4 || s.PendingBytes > o.MaxBytes {
		t.Errorf("%+v", s)
	}
}

// TestRewritten: the file does not grow with what was delivered, and a full disk costs only what
// comes while it is full.
func TestRewritten(t *testing.T) {
	f, r := durabletest.New(), &receiver{}
	o := open(t, f, r)
	for i := range 6000 {
		if err := o.Put(event(i, vedette.High)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the end", func() bool { return o.Stats().Pending == 0 })
	if n := f.Used(); n > 2*slack {
		t.Errorf("the file has %d bytes with nothing in it", n)
	}
	f.Hook(func(op durabletest.Op) durabletest.Fault {
		if op.Kind == "write" {
			return durabletest.Fault{Err: syscall.ENOSPC}
		}
		return durabletest.Fault{}
	})
	if err := o.Put(event(1, vedette.High)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	f.Hook(nil)
	if err := o.Put(event(7000, vedette.High)); err != nil {
		t.Fatal(err)
	}
	await(t, "the event after the full disk", func() bool { return strings.HasSuffix(r.ids(), " 7000") })
}
