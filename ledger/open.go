package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
		Reader: newReader(cfg.FS, cfg.Dir, cfg.Origin, cfg.Verifiers), cfg: cfg, lock: lock, opened: cfg.Now(),
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
