package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vedette/internal/durable"
)

// Repair says what Open found after a crash and did about it. All zero after a clean
// stop.
type Repair struct {
	// Bytes after the last signed commit, which nobody was told were durable, were moved to
	// TornFile.
	TornFile    string
	TornSegment string
	TornOffset  int64
	TornBytes   int64
	// Recovered is how many records were whole on disk beyond what the head file said; they
	// were kept.
	Recovered uint64
	// HeadSlot is set when a slot of the head file was spoilt and has been written anew.
	HeadSlot bool
}

// DamageError says that committed data was changed, and where. Nothing was altered by
// finding it.
type DamageError struct {
	File     string // within the ledger's folder
	Offset   int64  // first byte in question
	Position uint64 // first record in question
	Reason   string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("committed data was changed: %s at byte %d (record %d): %s; nothing was altered: "+
		"verify the whole ledger, then restore this file from a copy or set the folder aside and begin a new ledger",
		e.File, e.Offset, e.Position, e.Reason)
}

// Open opens the ledger in a folder, or begins one. After a crash it moves a torn end
// aside, says so, and continues; it refuses a ledger in which committed data was changed
// with a *DamageError.
//
// So that a start stays quick it reads the last segment whole, and of the others the
// first and last frame. Verify reads all.
func Open(cfg Config) (*Ledger, *Repair, error) {
	if err := cfg.prepare(); err != nil {
		return nil, nil, err
	}
	if err := cfg.FS.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("cannot make %s: %w", cfg.Dir, err)
	}
	lock, err := cfg.FS.Lock(filepath.Join(cfg.Dir, "lock"))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot lock %s: %w", cfg.Dir, err)
	}
	l := &Ledger{
		Reader: newReader(cfg.FS, cfg.Dir, cfg.Origin, cfg.Verifiers), cfg: cfg, lock: lock,
		kick: make(chan struct{}, 1), done: make(chan struct{}), trouble: make(chan struct{}),
	}
	o := &opening{l: l, repair: &Repair{}}
	if err := o.run(); err != nil {
		o.abandon()
		return nil, nil, fmt.Errorf("cannot open ledger: %w", err)
	}
	l.start(o.repair)
	return l, o.repair, nil
}

func (l *Ledger) start(repair *Repair) {
	l.next = l.c.front.size
	l.pending = &batch{first: l.next, done: make(chan struct{})}
	l.stats.Since = l.cfg.Now()
	l.c.synced = l.stats.Since
	if repair.TornFile != "" {
		l.mu.Lock()
		l.event(Event{Kind: EventTorn, Segment: repair.TornSegment, Offset: repair.TornOffset, Bytes: repair.TornBytes,
			File: repair.TornFile})
		l.mu.Unlock()
		l.wake()
	}
	go l.run()
}

// opening is the work of Open.
type opening struct {
	l      *Ledger
	repair *Repair
	head   *headState
	segs   []uint64
	kept   *retentionFile

	// Of the last segment: where it is good up to.
	opened  *Checkpoint // at its start
	good    int64
	front   frontier
	last    *Checkpoint
	headOff int64          // end of the commit that the head file speaks of
	event   *retentionFile // newest retention event
}

func (o *opening) abandon() {
	c := &o.l.c
	if c.seg != nil {
		c.seg.Close()
	}
	if c.head != nil {
		c.head.file.Close()
	}
	o.l.hashes.close()
	o.l.lock.Close()
}

func (o *opening) run() error {
	if err := o.list(); err != nil {
		return err
	}
	if err := o.checkChain(); err != nil {
		return err
	}
	c := &o.l.c
	c.first = o.segs[len(o.segs)-1]
	var err error
	if c.seg, err = openSegment(o.l.fs, o.l.dir, c.first, os.O_RDWR); err != nil {
		return err
	}
	if err := o.readLast(); err != nil {
		return err
	}
	return o.settle()
}

// list finds the files, and begins a ledger if there are none.
func (o *opening) list() error {
	l := o.l
	names, err := l.fs.ReadDir(l.dir)
	if err != nil {
		return fmt.Errorf("cannot list %s: %w", l.dir, err)
	}
	var hasHead, hasOther bool
	for _, n := range names {
		if _, ok := parseSegmentName(n); ok || n == retentionName || strings.HasPrefix(n, "hashes.") {
			hasOther = hasOther || n != segmentName(0)
		}
		hasHead = hasHead || n == headName
		if strings.HasSuffix(n, durable.TempSuffix) {
			if err := l.fs.Remove(filepath.Join(l.dir, n)); err != nil {
				return fmt.Errorf("cannot remove leftover: %w", err)
			}
		}
	}
	if !hasHead {
		if err := o.begin(hasOther); err != nil {
			return err
		}
	}
	if o.segs, err = listSegments(l.fs, l.dir); err != nil {
		return err
	}
	if o.head, err = readHead(l.fs, l.dir, l.origin, l.verifiers); err != nil {
		return &DamageError{File: headName, Reason: err.Error()}
	}
	o.repair.HeadSlot = o.head.bad[0] != nil || o.head.bad[1] != nil
	o.kept, err = readRetention(l.fs, l.dir)
	if err != nil {
		return &DamageError{File: retentionName, Reason: err.Error()}
	}
	return nil
}

// begin makes the first segment and the head. A crash between the two leaves a segment that
// holds nothing; a ledger of which only the head is missing looks different.
func (o *opening) begin(hasOther bool) error {
	l := o.l
	cp, err := signCheckpoint(l.cfg.Signer, l.origin, 0, emptyRoot())
	if err != nil {
		return err
	}
	f, err := openSegment(l.fs, l.dir, 0, os.O_RDONLY)
	if err == nil {
		size, err := f.Size()
		f.Close()
		if err != nil || size > int64(len(segmentStart(cp))) {
			hasOther = true
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if hasOther {
		return &DamageError{File: headName, Reason: "it is missing"}
	}
	if f, _, err = createSegment(l.fs, l.dir, cp); err != nil {
		return err
	}
	f.Close()
	return createHead(l.fs, l.dir, cp.Note)
}

// checkChain checks that each segment begins where the one before it ends, or where
// retention left off.
func (o *opening) checkChain() error {
	if len(o.segs) == 0 {
		return &DamageError{File: segmentName(0), Reason: "all segments are missing"}
	}
	var removed *Retention
	if o.kept != nil {
		removed = &o.kept.State
	}
	var at uint64
	for i, first := range o.segs {
		name := segmentName(first)
		if first < at {
			return &DamageError{File: name, Position: first, Reason: "it overlaps the segment before it"}
		}
		if first > at && !removed.covers(Range{at, first}) {
			return &DamageError{File: segmentName(at), Position: at,
				Reason: fmt.Sprintf("the segment is missing, up to record %d, and retention did not remove it", first)}
		}
		end, err := o.checkEnds(first, i == len(o.segs)-1, i >= len(o.segs)-2)
		if err != nil {
			return err
		}
		at = end
	}
	return nil
}

// checkEnds checks the first frame of a segment, and the last unless it is the last
// segment, and returns where it ends.
func (o *opening) checkEnds(first uint64, last, signed bool) (uint64, error) {
	f, err := openSegment(o.l.fs, o.l.dir, first, os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	name := segmentName(first)
	start, n, err := readStart(f)
	if err == nil && signed {
		_, err = parseOwn([]byte(start.Note), o.l.origin, o.l.verifiers)
	}
	if err == nil && start.Size != first {
		err = fmt.Errorf("its opening checkpoint is of size %d", start.Size)
	}
	if err != nil {
		return 0, &DamageError{File: name, Position: first, Reason: err.Error()}
	}
	if last {
		o.opened, o.good = start, n
		return first, nil
	}
	end, err := readEnd(f)
	if err == nil && end.Size <= first {
		err = errors.New("it holds no record")
	}
	if err != nil {
		size, _ := f.Size()
		return 0, &DamageError{File: name, Offset: size, Position: first, Reason: err.Error()}
	}
	return end.Size, nil
}

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
	if off := findLaterCommit(rest, o.last.Size, l); off >= 0 {
		damage.Reason = fmt.Sprintf("%v, but a later signed commit follows at byte %d", why, o.good+int64(off))
		return damage
	}
	return o.setAside(rest)
}

// findLaterCommit looks for a signed commit of a batch after the next one. A crash can
// spoil one batch only, because none is written before the one before it is synced; so a later
// one proves that this one was durable once.
func findLaterCommit(b []byte, size uint64, l *Ledger) int {
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
		if cp, err := parseOwn(cm.note, l.origin, l.verifiers); err == nil && cp.Size > cm.prev {
			return i
		}
	}
	return -1
}

// setAside moves a torn end into a file of its own.
func (o *opening) setAside(rest []byte) error {
	l, c := o.l, &o.l.c
	for i := range maxTornCopies {
		name := fmt.Sprintf("torn-%020d-%d-%d", c.first, o.good, i)
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
