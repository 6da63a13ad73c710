package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"vedette/internal/durable"
)

// readLast rehashes the last segment and stops at what is not good. Hashes for the hash
// files are written as they come, also those that are there already: what was not synced
// must be written again before a sync can speak of it.
func (o *opening) readLast() error {
	l, c := o.l, &o.l.c
	front, err := l.hashes.frontier(c.first)
	if err == nil && front.root() != o.opened.Root {
		err = errors.New("the hashes of earlier records do not give the root of the segment's opening checkpoint")
	}
	if err != nil {
		return &DamageError{File: hashFile(0), Position: 0, Reason: err.Error()}
	}
	o.front, o.last = *front, o.opened
	size, err := c.seg.Size()
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", segmentName(c.first), err)
	}
	c.start = o.good
	c.tail.begin(c.first)
	if err := o.meetHead(c.first, o.opened, o.good); err != nil {
		return err
	}
	frames := newFrames(c.seg, o.good, size)
	why := o.readBatches(frames)
	var damage *DamageError
	if errors.As(why, &damage) {
		return damage
	}
	if err := o.checkRest(frames, why, size); err != nil {
		return err
	}
	return l.hashes.write(&c.tail)
}

// readBatches accepts batch after batch. It returns nil at a clean end, and otherwise
// why it stopped.
func (o *opening) readBatches(frames *frames) error {
	c := &o.l.c
	front, mark := o.front, c.tail
	var event *retentionFile
	for {
		at := frames.off
		kind, frame, err := frames.next()
		switch {
		case err == io.EOF && frames.off == o.good:
			return nil
		case err == io.EOF:
			err = errors.New("the last batch has no commit")
		case err == nil && kind == kindRecord:
			if e := retentionEvent(front.size, frame[frameHeader:]); e != nil {
				event = e
			}
			front.add(leafInFrame(frame), &c.tail)
			continue
		case err == nil && kind == kindOpen:
			err = errors.New("a segment's opening inside a segment")
		case err == nil:
			var cp *Checkpoint
			if cp, err = o.acceptCommit(frame[frameHeader:], &front); err == nil {
				if err = o.meetHead(o.last.Size, cp, frames.off); err != nil {
					return err
				}
				o.front, o.last, o.good, o.event, mark = front, cp, frames.off, event, c.tail
				continue
			}
			frames.off = at
		}
		c.tail = mark
		if front.size > o.front.size {
			err = fmt.Errorf("record %d: %w", front.size, err)
		}
		return err
	}
}

// acceptCommit checks a commit against the records before it. Its signature is checked
// by Verify, and here for the last one: the root already ties the records to it.
func (o *opening) acceptCommit(payload []byte, front *frontier) (*Checkpoint, error) {
	cm, err := parseCommit(payload)
	if err != nil {
		return nil, err
	}
	cp, err := peekCheckpoint(cm.note)
	if err != nil {
		return nil, err
	}
	switch {
	case cm.prev != o.front.size || cp.Size != front.size || cp.Size <= cm.prev:
		return nil, fmt.Errorf("the commit is of records %d to %d", cm.prev, cp.Size)
	case cp.Root != front.root():
		return nil, errors.New("the records do not give the root that the commit has")
	}
	return cp, nil
}

// meetHead compares the commit that the head file speaks of with the segment's.
func (o *opening) meetHead(prev uint64, cp *Checkpoint, end int64) error {
	head := o.head.best
	if cp.Size == head.Size {
		o.headOff = end
	}
	if cp.Size == head.Size && cp.Root != head.Root || prev < head.Size && head.Size < cp.Size {
		return &DamageError{File: segmentName(o.l.c.first), Offset: end, Position: prev,
			Reason: fmt.Sprintf("the head file was signed for another tree of size %d", head.Size)}
	}
	return nil
}

// checkRest tells a torn end, which is moved aside, from changed data.
func (o *opening) checkRest(frames *frames, why error, size int64) error {
	l, c := o.l, &o.l.c
	damage := &DamageError{File: segmentName(c.first), Offset: frames.off, Position: o.last.Size}
	if o.head.best.Size > o.last.Size {
		if why == nil {
			why = errors.New("the segment ends")
		}
		damage.Reason = fmt.Sprintf("%v, but the head file says that %d records were durable", why, o.head.best.Size)
		return damage
	}
	if o.headOff == 0 {
		damage.Reason = fmt.Sprintf("the head file says %d records, fewer than the segments before", o.head.best.Size)
		return damage
	}
	if _, err := parseOwn([]byte(o.last.Note), l.origin, l.verifiers); err != nil {
		damage.Offset = o.good
		damage.Reason = err.Error()
		return damage
	}
	if o.good == size {
		return nil
	}
	rest := make([]byte, size-o.good)
	if n, err := c.seg.ReadAt(rest, o.good); n < len(rest) {
		return fmt.Errorf("cannot read %s: %w", segmentName(c.first), err)
	}
	if off := findLaterCommit(rest, o.last.Size, l.origin, l.verifiers); off >= 0 {
		damage.Reason = fmt.Sprintf("%v, but a later signed commit follows at byte %d", why, o.good+int64(off))
		return damage
	}
	return o.setAside(rest)
}

// findLaterCommit looks for a signed commit of a batch after the next one. A crash can
// spoil one batch only, because none is written before the one before it is synced; so a later
// one proves that this one was durable once.
func findLaterCommit(b []byte, size uint64, origin string, verifiers note.Verifiers) int {
	for i := range b {
		if b[i] != kindCommit {
			continue
		}
		kind, payload, err := parseFrame(b[i:])
		if err != nil || kind != kindCommit {
			continue
		}
		cm, err := parseCommit(payload)
		if err != nil || cm.prev <= size {
			continue
		}
		if cp, err := parseOwn(cm.note, origin, verifiers); err == nil && cp.Size > cm.prev {
			return i
		}
	}
	return -1
}

// tornName names the copy of what was torn off a segment at a byte.
func tornName(first uint64, off int64, copy int) string {
	return fmt.Sprintf(tornPrefix+"%020d-%d-%d", first, off, copy)
}

// setAside moves a torn end into a file of its own.
func (o *opening) setAside(rest []byte) error {
	l, c := o.l, &o.l.c
	for i := range maxTornCopies {
		name := tornName(c.first, o.good, i)
		err := durable.Create(l.fs, filepath.Join(l.dir, name), rest, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		o.repair.TornFile, o.repair.TornSegment = name, segmentName(c.first)
		o.repair.TornOffset, o.repair.TornBytes = o.good, int64(len(rest))
		if err := c.seg.Truncate(o.good); err != nil {
			return fmt.Errorf("cannot cut %s: %w", segmentName(c.first), err)
		}
		return nil
	}
	return fmt.Errorf("cannot set the torn end aside: %d files of its name exist", maxTornCopies)
}

// settle makes durable what is kept, and brings the other files in line with it.
func (o *opening) settle() error {
	l, c := o.l, &o.l.c
	o.repair.Recovered = o.last.Size - o.head.best.Size
	if err := o.rewrite(); err != nil {
		return err
	}
	if err := c.seg.Sync(); err != nil {
		return fmt.Errorf("cannot sync %s: %w", segmentName(c.first), err)
	}
	if err := l.hashes.cut(o.last.Size); err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return fmt.Errorf("cannot sync %s: %w", l.dir, err)
	}
	var err error
	if c.head, err = openHead(l.fs, l.dir, 1-o.head.slot); err != nil {
		return err
	}
	if o.repair.Recovered > 0 || o.repair.HeadSlot {
		if err := c.head.write(o.last.Note); err != nil {
			return err
		}
		if err := c.head.sync(); err != nil {
			return err
		}
	}
	if o.event != nil && (o.kept == nil || o.kept.Event < o.event.Event) {
		// The crash came between the event and the file that points to it.
		if err := durable.Replace(l.fs, filepath.Join(l.dir, retentionName), o.event.encode(), 0o600); err != nil {
			return err
		}
	}
	c.front, c.end, c.synced = o.front, o.good, time.Time{}
	l.view.Store(&view{head: o.last, segs: o.segs, end: o.good})
	return nil
}

// rewrite writes what lies beyond the head file's word again, byte for byte. A sync that
// failed in an earlier life may have left it in memory only, marked as if it were on disk;
// written again, it is what the next sync speaks of.
func (o *opening) rewrite() error {
	c := &o.l.c
	b := make([]byte, readChunk)
	for off := o.headOff; off < o.good; {
		n := int(min(int64(len(b)), o.good-off))
		if got, err := c.seg.ReadAt(b[:n], off); got < n {
			return fmt.Errorf("cannot read %s: %w", segmentName(c.first), err)
		}
		if _, err := c.seg.WriteAt(b[:n], off); err != nil {
			return fmt.Errorf("cannot write %s: %w", segmentName(c.first), err)
		}
		off += int64(n)
	}
	return nil
}
