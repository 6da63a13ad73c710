// Package outbox keeps what a receiver has not taken yet, over crashes and outages.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/internal/durable"
	"vedette/respond"
)

// ErrRefused is wrapped by what Deliver returns where the receiver will never take the
// events: they are given up.
var ErrRefused = errors.New("refused for good")

// Later is an error of Deliver that says how long the receiver wants to be left alone.
type Later struct {
	After time.Duration
	Err   error
}

func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns the cause.
func (l *Later) Unwrap() error { return l.Err }

// Config is what an outbox needs. FS, File and Deliver must be set.
type Config struct {
	FS   durable.FS
	File string
	// MaxBytes bounds what waits; 0 for DefaultBytes. When it is full, the oldest of the
	// lowest severity is dropped and counted.
	MaxBytes int64
	// Deliver hands events to the receiver, oldest first. It returns nil once the receiver has
	// them; after an error all of them come again. One call at a time.
	Deliver func(ctx context.Context, batch []respond.Event) error
	Batch   int           // events of one delivery at most; 0 for 1
	Every   time.Duration // between two deliveries at least
	// Delay returns how long to wait after the given failed attempt, from 1; nil for
	// doubling from 1 s to 5 min, with half of it random.
	Delay func(attempt int) time.Duration
	// Lost is told of every event that is given up, refused or dropped; may be nil.
	Lost func(e respond.Event, err error)
	// Failed is told of the first failed attempt after a good one; may be nil.
	Failed func(err error)
}

// Outbox delivers events to one receiver at least once, in order. What Put took outlives the
// process, and a power cut after 0.2 s.
type Outbox struct {
	Config
	wake    chan struct{}
	dirty   chan struct{}
	life    context.Context
	cancel  context.CancelFunc
	closing atomic.Bool
	wg      sync.WaitGroup

	files sync.RWMutex // held for writing while the file is replaced

	mu      sync.Mutex
	journal *durable.Journal
	queue   queue
	stats   Stats
}

// Stats are figures since the start.
type Stats struct {
	Sent, Refused, Dropped, Retried uint64
	Pending                         int
	PendingBytes                    int64
	Down                            string // the last attempt's error, "" if it was good
}

// Open reads what waits and starts delivering.
func Open(c Config) (*Outbox, error) {
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultBytes
	}
	if c.Delay == nil {
		c.Delay = backoff
	}
	c.Batch = max(c.Batch, 1)
	o := &Outbox{Config: c, wake: make(chan struct{}, 1), dirty: make(chan struct{}, 1)}
	var err error
	if o.journal, _, err = durable.OpenJournal(c.FS, c.File, o.queue.load); err != nil {
		return nil, fmt.Errorf("cannot open outbox: %w", err)
	}
	o.queue.sort()
	o.life, o.cancel = context.WithCancel(context.Background())
	o.wg.Add(2)
	go o.run()
	go o.sync()
	return o, nil
}

func backoff(attempt int) time.Duration {
	d := min(firstDelay<<min(attempt-1, 20), maxDelay)
	return d/2 + rand.N(d/2+1)
}

// Put takes the event in. An error means that it was not kept: the disk does not take it, or
// what waits is full of more severe ones.
func (o *Outbox) Put(e respond.Event) error {
	b, err := json.Marshal(e)
	if err != nil {
		panic("BUG: an event does not encode: " + err.Error())
	}
	o.mu.Lock()
	err = o.put(uint8(e.Severity()), b)
	o.mu.Unlock()
	if err != nil {
		return err
	}
	signal(o.wake)
	signal(o.dirty)
	return nil
}

func (o *Outbox) put(severity uint8, event []byte) error {
	severity = min(severity, uint8(vedette.Critical))
	n := int64(len(event))
	for o.queue.bytes+n > o.MaxBytes || o.queue.n >= maxPending {
		least, ok := o.queue.lowest()
		if !ok || least.severity > severity {
			o.stats.Dropped++
			return fmt.Errorf("cannot keep event: %d bytes wait for the receiver, the limit, all as severe or more", o.queue.bytes)
		}
		o.drop(least)
	}
	en := &entry{seq: o.queue.next, severity: severity, size: n}
	var err error
	if en.at, err = o.journal.Append(en.record(event)); err != nil {
		o.stats.Dropped++
		return err
	}
	o.queue.push(en)
	return nil
}

// drop gives up the oldest of the lowest severity.
func (o *Outbox) drop(en *entry) {
	o.stats.Dropped++
	e, err := o.read(en)
	o.queue.drop(en)
	o.done([]*entry{en})
	if err == nil && o.Lost != nil {
		o.Lost(e, errors.New("the outbox was full"))
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// done notes that the entries need not be delivered any more. If the disk does not take that,
// they come again after a restart.
func (o *Outbox) done(list []*entry) {
	o.queue.settled(list)
	o.journal.Append(doneRecord(list))
	if o.journal.Size() > 2*o.queue.bytes+slack {
		o.compact()
	}
}

// compact rewrites the file with what waits only.
func (o *Outbox) compact() {
	o.files.Lock()
	defer o.files.Unlock()
	all := o.queue.all()
	i := 0
	// After an error the old file goes on, and grows until a later rewrite succeeds.
	o.journal.Replace(func(yield func([]byte, error) bool) {
		for _, en := range all {
			if b, err := o.journal.Read(en.at); !yield(b, err) {
				return
			}
		}
	}, func(at int64) { all[i].at = at; i++ })
}

func (o *Outbox) read(en *entry) (e respond.Event, err error) {
	b, err := o.journal.Read(en.at)
	if err == nil {
		err = json.Unmarshal(b[entryHead:], &e)
	}
	if err == nil && e.Finding == nil && e.Incident == nil && e.Proposal == nil {
		err = errors.New("it is neither finding nor incident")
	}
	return e, err
}

// Stats returns the figures.
func (o *Outbox) Stats() Stats {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.stats
	s.Pending, s.PendingBytes = o.queue.n, o.queue.bytes
	return s
}

// Close goes on delivering for the given time at most, then ends. What the receiver did not
// take is delivered after the next Open.
func (o *Outbox) Close(grace time.Duration) error {
	if o.closing.Swap(true) {
		return nil
	}
	signal(o.wake)
	t := time.AfterFunc(grace, o.cancel)
	defer t.Stop()
	o.wg.Wait()
	return o.journal.Close()
}
