// Package ledger keeps records so that a change to any of them shows.
//
// Records are leaves of an RFC 6962 Merkle tree. They are written in batches, each
// ended by a checkpoint that is signed; FORMAT.md describes the files and what who can
// write to them could still do.
package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"vedette/internal/durable"
)

// Errors that callers branch on.
var (
	// ErrFull means that the ledger cannot take a record now: the disk is full, or
	// slower than the records come. Nothing of the record was kept. Who refuses the call
	// (fail closed) has lost nothing; who goes on without a record (fail open) says so with
	// Lost. From Wait it means that the record is kept in memory and will be
	// written when there is room, but is not durable.
	ErrFull = errors.New("the ledger is full")
	// ErrFailed means that the disk failed in a way after which nothing more can be trusted.
	// The ledger must be closed and opened again.
	ErrFailed = errors.New("the ledger has failed")
	// ErrClosed means that Close was called.
	ErrClosed = errors.New("the ledger is closed")
	// ErrTooLarge means that a record is longer than MaxRecord.
	ErrTooLarge = errors.New("the record is too large")
	// ErrReserved means that a record begins as the ledger's own do.
	ErrReserved = errors.New("the record begins as the ledger's own records do")
)

// Config says how a ledger is kept. Only Dir, Signer and Verifiers are needed.
type Config struct {
	Dir string
	// Origin is the first line of checkpoints and identifies the ledger, the signer's
	// name if empty.
	Origin string
	Signer note.Signer
	// Verifiers must know the signer's key, and older keys that the ledger was signed with.
	Verifiers note.Verifiers
	// MaxDelay bounds what a power cut may lose: a batch is durable this long after its
	// first record at the latest, as long as the disk syncs within half of it. Default 10 ms.
	MaxDelay time.Duration
	// Sync commits as soon as there is something to commit, for callers that Wait for each
	// record. What comes during a commit makes up the next one.
	Sync bool
	// SegmentBytes is where a segment ends and the next begins. Default 128 MiB.
	SegmentBytes int64
	// QueueBytes bounds the records that wait to be written; as much again may be on its
	// way to the disk. Default 32 MiB.
	QueueBytes int
	// MaxBlock is how long Append waits for room when QueueBytes are used up, before
	// it returns ErrFull. Default 100 ms, negative for not at all.
	MaxBlock time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// FS is where the files are. Default durable.OS.
	FS durable.FS
}

func (c *Config) prepare() error {
	if c.Dir == "" || c.Signer == nil || c.Verifiers == nil {
		return errors.New("cannot open ledger: Dir, Signer and Verifiers are needed")
	}
	if c.Origin == "" {
		c.Origin = c.Signer.Name()
	}
	if c.Origin == "" || len(c.Origin) > MaxOrigin || strings.ContainsAny(c.Origin, "\n\r") {
		return fmt.Errorf("cannot open ledger: the origin must be one line of at most %d bytes", MaxOrigin)
	}
	defaultTo(&c.MaxDelay, defaultMaxDelay)
	defaultTo(&c.SegmentBytes, defaultSegmentBytes)
	defaultTo(&c.QueueBytes, defaultQueueBytes)
	defaultTo(&c.MaxBlock, defaultMaxBlock)
	if err := CheckSizes(c.MaxDelay, c.SegmentBytes); err != nil {
		return fmt.Errorf("cannot open ledger: %w", err)
	}
	if c.QueueBytes < minQueueBytes {
		return fmt.Errorf("cannot open ledger: QueueBytes must not be below %d", minQueueBytes)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.FS == nil {
		c.FS = durable.OS{}
	}
	cp, err := signCheckpoint(c.Signer, c.Origin, 0, emptyRoot())
	if err != nil {
		return fmt.Errorf("cannot open ledger: %w", err)
	}
	if _, err := parseOwn([]byte(cp.Note), c.Origin, c.Verifiers); err != nil {
		return fmt.Errorf("cannot open ledger: Verifiers do not know the Signer: %w", err)
	}
	return nil
}

// CheckSizes says why a ledger cannot have these; 0 is the default of each.
func CheckSizes(delay time.Duration, segment int64) error {
	switch {
	case delay < 0:
		return fmt.Errorf("max_delay %v: want more than 0", delay)
	case segment != 0 && (segment < minSegmentBytes || segment > maxSegmentBytes):
		return fmt.Errorf("segment_bytes %d: want %d to %d", segment, minSegmentBytes, maxSegmentBytes)
	}
	return nil
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// State is what a ledger can do at the moment.
type State uint8

// The states.
const (
	Ready  State = iota // takes records
	Full                // the disk is full; tries again by itself
	Failed              // must be opened again
	Closed
)

func (s State) String() string { return [...]string{"ready", "full", "failed", "closed"}[s] }

// Ledger appends records to a folder. One Ledger at a time may have a folder open. Its
// methods may be called concurrently.
type Ledger struct {
	*Reader
	cfg  Config
	lock io.Closer
	kick chan struct{} // there is something to do for the committer
	done chan struct{} // the committer has ended

	mu      sync.Mutex
	pending *batch
	flying  *batch // the committer has it; nil if none
	next    uint64 // position of the next record
	room    chan struct{}
	state   State
	err     error         // why the state is not Ready
	trouble chan struct{} // closed when the state leaves Ready
	lost    uint64        // records given up and not yet told in a gap event
	since   time.Time     // when the first of them was
	closing bool
	stats   Stats

	opened time.Time
	oldest atomic.Int64 // ns from then until the first record of the flying batch came; 0 with none

	retention sync.Mutex // one change at a time
	published sync.Mutex // guards replacing the view

	c committer
}

// batch is what one commit writes.
type batch struct {
	first uint64
	n     int
	buf   []byte // frames
	since time.Time
	done  chan struct{} // closed when durable
}

// Append takes a record and returns its position, counted from 0 over the life of the
// ledger. The bytes are copied. It does not wait for the disk unless QueueBytes are used
// up, and then MaxBlock at most. The record is durable MaxDelay later, or when Wait says so.
func (l *Ledger) Append(record []byte) (position uint64, err error) {
	if len(record) > MaxRecord {
		return 0, ErrTooLarge
	}
	if bytes.HasPrefix(record, []byte(eventPrefix)) {
		return 0, ErrReserved
	}
	head := frameHead(kindRecord, record)
	l.mu.Lock()
	if l.state != Ready || l.closing || len(l.pending.buf)+len(head)+len(record) > l.cfg.QueueBytes {
		if err := l.wait(len(head) + len(record)); err != nil {
			l.mu.Unlock()
			return 0, err
		}
	}
	position, wake := l.push(&head, record)
	l.mu.Unlock()
	if wake {
		l.wake()
	}
	return position, nil
}

// push adds a frame to the pending batch, with l.mu held. It reports whether the
// committer should look.
func (l *Ledger) push(head *[frameHeader]byte, record []byte) (position uint64, wake bool) {
	b := l.pending
	before := len(b.buf)
	if need := before + len(head) + len(record); need > cap(b.buf) {
		// Doubled, where append would grow by a quarter and copy five times as much.
		b.buf = append(make([]byte, 0, max(2*need, minQueueBytes)), b.buf...)
	}
	b.buf = append(append(b.buf, head[:]...), record...)
	position = l.next
	l.next++
	b.n++
	if b.n == 1 {
		b.since = l.cfg.Now()
		return position, true
	}
	early := l.early()
	return position, before < early && len(b.buf) >= early
}

// early is how many bytes make a batch worth writing before its time.
func (l *Ledger) early() int { return min(l.cfg.QueueBytes/2, batchBytes) }

// wait waits with l.mu held until there is room for n bytes.
func (l *Ledger) wait(n int) error {
	var timeout <-chan time.Time
	for {
		if l.state != Ready {
			return l.err
		}
		if l.closing {
			return ErrClosed
		}
		if len(l.pending.buf)+n <= l.cfg.QueueBytes {
			return nil
		}
		if l.cfg.MaxBlock < 0 {
			return ErrFull
		}
		if timeout == nil {
			t := time.NewTimer(l.cfg.MaxBlock)
			defer t.Stop()
			timeout = t.C
		}
		if l.room == nil {
			l.room = make(chan struct{})
		}
		room, trouble := l.room, l.trouble
		l.mu.Unlock()
		var late bool
		select {
		case <-room:
		case <-trouble:
		case <-timeout:
			late = true
		}
		l.mu.Lock()
		if late {
			return ErrFull
		}
	}
}

func (l *Ledger) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Wait returns when the record at a position, which Append returned, is durable. It
// returns ErrFull or ErrFailed when it is not and will not be soon.
func (l *Ledger) Wait(ctx context.Context, position uint64) error {
	l.mu.Lock()
	if position >= l.next {
		l.mu.Unlock()
		return fmt.Errorf("cannot wait for record %d: there is none yet", position)
	}
	b := l.pending
	if l.flying != nil && position < b.first {
		b = l.flying
	}
	done, trouble := b.done, l.trouble
	committed := position < b.first
	l.mu.Unlock()
	if committed {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-trouble:
	}
	select {
	case <-done: // both at once: what is durable is durable
		return nil
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		return ErrFull // full, and ready again since; the caller may ask again
	}
	return l.err
}

// Overdue reports whether records wait longer than MaxDelay to become durable,
// because the disk is slow. Who answers calls then holds the answers back with Wait, so
// that a power cut takes no more than MaxDelay's worth of answered calls.
func (l *Ledger) Overdue() bool {
	since := l.oldest.Load()
	return since != 0 && int64(l.cfg.Now().Sub(l.opened))-since > int64(l.cfg.MaxDelay)
}

// Lost says that n records were given up after ErrFull because the caller went on without
// them. The next commit that succeeds records how many in a gap event.
func (l *Ledger) Lost(n uint64) {
	l.mu.Lock()
	if l.lost == 0 {
		l.since = l.cfg.Now()
	}
	l.lost += n
	l.stats.Lost += n
	l.mu.Unlock()
	l.wake()
}

// Stats are figures of a ledger since it was opened.
type Stats struct {
	State      State
	Err        error     // why the state is not Ready
	Since      time.Time // when the state was entered
	Records    uint64    // committed, over the life of the ledger
	Queued     uint64    // appended and not yet durable
	Appended   uint64    // committed since open
	Bytes      uint64    // written to segments since open
	Batches    uint64    // committed since open
	Segments   int
	LastCommit time.Time     // when the last batch became durable
	SyncLast   time.Duration // fsync of the last batch
	SyncMax    time.Duration
	DelayMax   time.Duration // longest that a batch's first record waited until durable
	Lost       uint64        // records given up, as callers said
}

// Stats returns the figures.
func (l *Ledger) Stats() Stats {
	v := l.view.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.State, s.Err = l.state, l.err
	s.Records, s.Segments = v.head.Size, len(v.segs)
	s.Queued = l.next - v.head.Size
	return s
}

// Close commits what was appended and closes the files. It returns an error if
// something could not be written. Closing twice is harmless.
func (l *Ledger) Close() error {
	l.mu.Lock()
	first := !l.closing
	l.closing = true
	l.mu.Unlock()
	l.wake()
	<-l.done
	if !first {
		return nil
	}
	l.c.close()
	l.hashes.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if left := l.next - l.view.Load().head.Size; left > 0 {
		err = fmt.Errorf("cannot close ledger: %d records were not written: %w", left, l.err)
	} else if l.state == Failed {
		err = fmt.Errorf("cannot close ledger: %w", l.err)
	}
	l.enter(Closed, ErrClosed)
	if cerr := l.lock.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("cannot close ledger: %w", cerr)
	}
	return err
}

// enter changes the state with l.mu held.
func (l *Ledger) enter(s State, err error) {
	if l.state == s {
		return
	}
	if l.state == Ready {
		close(l.trouble)
	}
	if s == Ready {
		l.trouble = make(chan struct{})
	}
	l.state, l.err = s, err
	l.stats.Since = l.cfg.Now()
}
