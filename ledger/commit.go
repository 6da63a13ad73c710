package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"vedette/internal/durable"
)

// committer is the state of the goroutine that writes; nobody else touches it.
type committer struct {
	front  frontier
	tail   tileTail
	seg    durable.File
	start  int64 // bytes before the first batch of the segment
	end    int64 // where the next batch goes
	first  uint64
	head   *head
	synced time.Time // when the head was last synced
	dirty  bool      // the head has changed since
	usual  time.Duration
}

func (c *committer) close() {
	c.seg.Close()
	c.head.file.Close()
}

// run commits batch after batch until Close or failure.
func (l *Ledger) run() {
	defer close(l.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.idle(timer)
		l.gather(timer)
		for {
			b := l.take()
			if b == nil {
				break
			}
			if !l.commit(b, timer) {
				return
			}
			if !l.cfg.Sync {
				break
			}
		}
		if l.ended() {
			if err := l.c.syncHead(l.cfg.Now()); err != nil {
				l.fail(err)
			}
			return
		}
	}
}

// idle waits for something to do. When nothing happens it syncs the head, and looks
// whether the files are still there.
func (l *Ledger) idle(timer *time.Timer) {
	for {
		timer.Reset(headSync)
		select {
		case <-l.kick:
			return
		case <-timer.C:
			err := l.c.syncHead(l.cfg.Now())
			if err == nil {
				err = l.c.inPlace()
			}
			if err != nil {
				l.fail(err)
				l.wake()
			}
		}
	}
}

// inPlace returns an error when the files being written were deleted, moved or replaced:
// records written to them would be lost, or be in another place than people think.
func (c *committer) inPlace() error {
	for _, f := range []durable.File{c.seg, c.head.file} {
		if err := f.InPlace(); err != nil {
			return fmt.Errorf("the ledger's folder was deleted, moved or replaced while it was written to: put it back and start again: %w", err)
		}
	}
	return nil
}

// gather lets a batch grow until it must be written to be durable in time: MaxDelay
// after its first record, less twice what a commit usually takes, and less a quarter
// so that a commit that takes longer than usual does not hold answers up (Overdue).
func (l *Ledger) gather(timer *time.Timer) {
	if l.cfg.Sync {
		return
	}
	for {
		l.mu.Lock()
		b := l.pending
		now := b.n == 0 || l.closing || l.state != Ready || len(b.buf) >= l.early()
		since := b.since
		l.mu.Unlock()
		left := l.cfg.MaxDelay*3/4 - 2*l.c.usual - max(0, l.cfg.Now().Sub(since)) // a clock without a monotonic reading may go back
		if now || left <= 0 {
			return
		}
		timer.Reset(left)
		select {
		case <-l.kick:
		case <-timer.C:
			return
		}
	}
}

func (l *Ledger) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == Failed || l.closing && l.pending.n == 0
}

// take makes the pending batch the flying one, or returns nil if there is nothing to
// write. Lost records are told first.
func (l *Ledger) take() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == Failed {
		return nil
	}
	if l.lost > 0 {
		since := l.since.UTC()
		l.event(Event{Kind: EventGap, Lost: l.lost, Since: &since})
		l.lost = 0
	}
	if l.pending.n == 0 {
		return nil
	}
	b := l.pending
	spare := l.flying // committed long ago: its buffer is free
	if spare == nil {
		spare = &batch{}
	}
	l.pending = &batch{first: l.next, buf: spare.buf[:0], done: make(chan struct{})}
	l.flying = b
	l.oldest.Store(max(1, int64(b.since.Sub(l.opened))))
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
	return b
}

// event appends one of our own records, with l.mu held. No bound applies to it.
func (l *Ledger) event(e Event) uint64 {
	e.Time = l.cfg.Now().UTC()
	record := e.encode()
	head := frameHead(kindRecord, record)
	position, _ := l.push(&head, record)
	return position
}

// commit makes a batch durable. It reports false when the ledger has ended.
func (l *Ledger) commit(b *batch, timer *time.Timer) bool {
	cp, err := l.seal(b)
	if err != nil {
		l.fail(err)
		return false
	}
	for {
		begun := l.cfg.Now()
		err := l.persist(b, cp)
		if err == nil {
			l.publish(b, cp, begun)
			return true
		}
		var lie *syncError
		if errors.As(err, &lie) || !durable.Full(err) {
			l.fail(err)
			return false
		}
		if !l.full(err, timer) {
			return false
		}
	}
}

// seal hashes a batch and ends it with its commit frame.
func (l *Ledger) seal(b *batch) (*Checkpoint, error) {
	c := &l.c
	c.tail.begin(c.front.size)
	for off := 0; off < len(b.buf); {
		n := frameHeader + int(binary.BigEndian.Uint16(b.buf[off+1:]))
		c.front.add(leafInFrame(b.buf[off:off+n]), &c.tail)
		off += n
	}
	if c.front.size != b.first+uint64(b.n) {
		panic("BUG: the batch and the tree disagree on their size")
	}
	cp, err := signCheckpoint(l.cfg.Signer, l.cfg.Origin, c.front.size, c.front.root())
	if err != nil {
		return nil, err
	}
	b.buf = appendFrame(b.buf, kindCommit, commit{prev: b.first, note: []byte(cp.Note)}.payload())
	return cp, nil
}

// syncError is a failed sync after which writing again would not help, because what was
// written earlier is no longer in memory.
type syncError struct{ error }

func (e *syncError) Unwrap() error { return e.error }

// persist writes a batch and syncs it. It may be called again after an error for lack of
// room: all it does it does again.
func (l *Ledger) persist(b *batch, cp *Checkpoint) error {
	c := &l.c
	if err := l.hashes.write(&c.tail); err != nil {
		return err
	}
	if c.end > c.start && c.end+int64(len(b.buf)) > l.cfg.SegmentBytes {
		if err := l.roll(); err != nil {
			return err
		}
	}
	if _, err := c.seg.WriteAt(b.buf, c.end); err != nil {
		return fmt.Errorf("cannot write %s: %w", segmentName(c.first), err)
	}
	begun := l.cfg.Now()
	// A failed sync for lack of room is followed by writing all of the batch again, so that
	// the next sync speaks of it. After any other the segment is not trusted again.
	if err := c.seg.Sync(); err != nil {
		return fmt.Errorf("cannot sync %s: %w", segmentName(c.first), err)
	}
	if err := c.inPlace(); err != nil {
		return err
	}
	took := l.cfg.Now().Sub(begun)
	l.mu.Lock()
	l.stats.SyncLast, l.stats.SyncMax = took, max(took, l.stats.SyncMax)
	l.mu.Unlock()
	if err := c.head.write(cp.Note); err != nil {
		return err
	}
	c.dirty = true
	return nil
}

// roll ends the segment and begins the next. All that the finished segment vouches for is
// synced first, since Open rehashes only the last one.
func (l *Ledger) roll() error {
	c := &l.c
	if err := l.hashes.sync(); err != nil {
		return &syncError{err}
	}
	if err := c.syncHead(l.cfg.Now()); err != nil {
		return &syncError{err}
	}
	v := l.view.Load()
	seg, start, err := createSegment(l.cfg.FS, l.cfg.Dir, v.head)
	if err != nil {
		return err
	}
	c.seg.Close()
	c.seg, c.first, c.start, c.end = seg, v.head.Size, start, start
	l.replaceView(func(v *view) {
		v.segs = append(v.segs[:len(v.segs):len(v.segs)], c.first)
		v.end = start
	})
	return nil
}

func (c *committer) syncHead(now time.Time) error {
	if !c.dirty {
		return nil
	}
	if err := c.head.sync(); err != nil {
		return err
	}
	c.synced, c.dirty = now, false
	return nil
}

func (l *Ledger) replaceView(change func(*view)) {
	l.published.Lock()
	defer l.published.Unlock()
	v := *l.view.Load()
	change(&v)
	l.view.Store(&v)
}

// publish lets readers and waiters see a committed batch.
func (l *Ledger) publish(b *batch, cp *Checkpoint, begun time.Time) {
	c := &l.c
	c.end += int64(len(b.buf))
	l.replaceView(func(v *view) { v.head, v.end = cp, c.end })
	now := l.cfg.Now()
	c.usual += (now.Sub(begun) - c.usual) / 8
	l.mu.Lock()
	if l.state == Full {
		l.enter(Ready, nil)
	}
	s := &l.stats
	s.Appended += uint64(b.n)
	s.Bytes += uint64(len(b.buf))
	s.Batches++
	s.LastCommit, s.DelayMax = now, max(now.Sub(b.since), s.DelayMax)
	if b.n > 0 {
		close(b.done)
	}
	l.oldest.Store(0)
	again := l.pending.n > 0 || l.lost > 0 || l.closing
	l.mu.Unlock()
	if again {
		l.wake()
	}
	if now.Sub(c.synced) >= headSync {
		if err := c.syncHead(now); err != nil {
			l.fail(err)
		}
	}
}

// full waits before a full disk is tried again. It reports false when Close was called
// and trying once more did not help.
func (l *Ledger) full(cause error, timer *time.Timer) bool {
	l.mu.Lock()
	closing := l.closing
	last := l.state == Full && closing
	l.enter(Full, fmt.Errorf("%w: %w", ErrFull, cause))
	l.mu.Unlock()
	if last {
		return false
	}
	if closing {
		return true
	}
	timer.Reset(fullRetry)
	for {
		select {
		case <-timer.C:
			return true
		case <-l.kick:
			l.mu.Lock()
			closing := l.closing
			l.mu.Unlock()
			if closing {
				return true
			}
		}
	}
}

func (l *Ledger) fail(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.enter(Failed, fmt.Errorf("%w: %w", ErrFailed, cause))
}
