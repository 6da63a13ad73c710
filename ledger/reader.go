package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"

	"vedette/internal/durable"
)

// ErrRemoved means that retention removed a record's bytes. Its hash is still there.
var ErrRemoved = errors.New("the record was removed by retention")

// Reader reads what is committed. Its methods may be called concurrently, also while a
// Ledger, in this process or another, appends to the same folder.
type Reader struct {
	fs        durable.FS
	dir       string
	origin    string
	verifiers note.Verifiers
	hashes    *hashStore
	view      atomic.Pointer[view]

	mu      sync.Mutex
	indexes []*segmentIndex // most recently used last
}

// view is one committed state. It is never changed, only replaced.
type view struct {
	head *Checkpoint
	segs []uint64 // first positions, ascending
	end  int64    // committed bytes of the last segment
}

// segmentIndex knows where every 256th record of a segment begins. It grows as far
// as somebody asked.
type segmentIndex struct {
	mu      sync.Mutex
	first   uint64
	offsets []int64
}

// OpenReader opens a ledger's folder for reading only, whoever writes to it. It trusts
// the head file as far as its signature goes; Verify checks the rest.
func OpenReader(fsys durable.FS, dir, origin string, verifiers note.Verifiers) (*Reader, error) {
	if fsys == nil {
		fsys = durable.OS{}
	}
	r := newReader(fsys, dir, origin, verifiers)
	if err := r.Refresh(); err != nil {
		return nil, err
	}
	return r, nil
}

func newReader(fsys durable.FS, dir, origin string, verifiers note.Verifiers) *Reader {
	return &Reader{fs: fsys, dir: dir, origin: origin, verifiers: verifiers, hashes: &hashStore{fs: fsys, dir: dir}}
}

// Refresh looks again at what is committed, for a Reader that OpenReader returned.
func (r *Reader) Refresh() error {
	state, err := readHead(r.fs, r.dir, r.origin, r.verifiers)
	if err != nil {
		return fmt.Errorf("cannot open ledger: %w", err)
	}
	v := &view{head: state.best}
	if v.segs, err = listSegments(r.fs, r.dir); err != nil {
		return fmt.Errorf("cannot open ledger: %w", err)
	}
	if n := len(v.segs); n > 0 {
		f, err := openSegment(r.fs, r.dir, v.segs[n-1], os.O_RDONLY)
		if err != nil {
			return fmt.Errorf("cannot open ledger: %w", err)
		}
		defer f.Close()
		if v.end, err = f.Size(); err != nil {
			return fmt.Errorf("cannot open ledger: %w", err)
		}
	}
	r.view.Store(v)
	return nil
}

// Close closes the files of a Reader that OpenReader returned.
func (r *Reader) Close() error {
	r.hashes.close()
	return nil
}

// Size returns the number of committed records.
func (r *Reader) Size() uint64 { return r.view.Load().head.Size }

// Checkpoint returns the signed head of what is committed.
func (r *Reader) Checkpoint() Checkpoint { return *r.view.Load().head }

// First returns the position of the oldest record whose bytes are still kept.
func (r *Reader) First() uint64 {
	if segs := r.view.Load().segs; len(segs) > 0 {
		return segs[0]
	}
	return 0
}

// Read calls fn for the committed records from position from up to, without, position
// to, in order; a to beyond the end means the end. The bytes are valid until fn returns. It
// returns fn's error as it is, ErrRemoved where retention removed a record, and a
// *DamageError where a record does not have the hash that was kept of it.
func (r *Reader) Read(from, to uint64, fn func(pos uint64, record []byte) error) error {
	v := r.view.Load()
	to = min(to, v.head.Size)
	for pos := from; pos < to; {
		i := sort.Search(len(v.segs), func(i int) bool { return v.segs[i] > pos }) - 1
		if i < 0 {
			return fmt.Errorf("cannot read record %d: %w", pos, ErrRemoved)
		}
		next, err := r.readSegment(v, i, pos, to, fn)
		if err != nil {
			return err
		}
		if next == pos {
			return fmt.Errorf("cannot read record %d: %w", pos, ErrRemoved)
		}
		pos = next
	}
	return nil
}

// Find returns the position of the first record for which reached is true, or the size if
// there is none. Once it is true of a record it must be true of those after it, as "at or
// after a time" nearly is. Records that retention removed count as not reached.
func (r *Reader) Find(reached func(record []byte) bool) (uint64, error) {
	var failed error
	pos := sort.Search(int(r.Size()), func(i int) (yes bool) {
		if failed != nil {
			return true
		}
		err := r.Read(uint64(i), uint64(i)+1, func(_ uint64, record []byte) error {
			yes = reached(record)
			return nil
		})
		if err != nil && !errors.Is(err, ErrRemoved) {
			failed = err
		}
		return yes
	})
	return uint64(pos), failed
}

// readSegment reads records of one segment and returns the position after the last.
func (r *Reader) readSegment(v *view, i int, from, to uint64, fn func(uint64, []byte) error) (uint64, error) {
	first := v.segs[i]
	f, err := openSegment(r.fs, r.dir, first, os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("cannot read record %d: %w", from, ErrRemoved)
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	end := v.end
	if i < len(v.segs)-1 {
		if end, err = f.Size(); err != nil {
			return 0, fmt.Errorf("cannot read segment: %w", err)
		}
	}
	pos, off, err := r.index(first).seek(f, from, end)
	if err != nil {
		return 0, err
	}
	frames := newFrames(f, off, end)
	leaves := leafCheck{hashes: r.hashes, end: v.head.Size}
	for pos < to {
		at := frames.off
		kind, frame, err := frames.next()
		if err == io.EOF {
			if cp, err := readEnd(f); i == len(v.segs)-1 || err != nil || cp.Size > pos {
				return 0, &DamageError{File: segmentName(first), Offset: at, Position: pos, Reason: "the segment lacks records"}
			}
			break
		}
		if err == nil && kind != kindRecord {
			continue
		}
		if err == nil && pos >= from {
			err = leaves.check(pos, frame)
		}
		if err != nil {
			return 0, &DamageError{File: segmentName(first), Offset: at, Position: pos, Reason: err.Error()}
		}
		if pos >= from {
			if err := fn(pos, frame[frameHeader:len(frame):len(frame)]); err != nil {
				return 0, err
			}
		}
		pos++
	}
	return max(pos, from), nil
}

// leafCheck compares records with the hashes that were kept of them.
type leafCheck struct {
	hashes *hashStore
	end    uint64 // of the tree
	first  uint64
	leaves []byte
}

func (c *leafCheck) check(pos uint64, frame []byte) error {
	if i := pos - c.first; c.leaves == nil || i >= uint64(len(c.leaves)/32) {
		b, err := c.hashes.tile(0, pos, int(min(tileWidth, c.end-pos)))
		if err != nil {
			return err
		}
		c.first, c.leaves = pos, b
	}
	if Hash(c.leaves[32*(pos-c.first):]) != leafInFrame(frame) {
		return errors.New("the record does not have the hash that was kept of it")
	}
	return nil
}

// index returns the index of a segment, made or recalled.
func (r *Reader) index(first uint64) *segmentIndex {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, x := range r.indexes {
		if x.first == first {
			r.indexes = append(slices.Delete(r.indexes, i, i+1), x)
			return x
		}
	}
	x := &segmentIndex{first: first}
	if len(r.indexes) == maxIndexed {
		r.indexes = slices.Delete(r.indexes, 0, 1)
	}
	r.indexes = append(r.indexes, x)
	return x
}

// seek returns a position at or before pos, near it, and where its frame begins.
func (x *segmentIndex) seek(f durable.File, pos uint64, end int64) (uint64, int64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.offsets) == 0 {
		_, n, err := readStart(f)
		if err != nil {
			return 0, 0, fmt.Errorf("cannot read %s: %w", segmentName(x.first), err)
		}
		x.offsets = append(x.offsets, n)
	}
	want := int((pos - x.first) / tileWidth)
	if want >= len(x.offsets) {
		if err := x.extend(f, want, end); err != nil {
			return 0, 0, err
		}
	}
	want = min(want, len(x.offsets)-1)
	return x.first + uint64(want)*tileWidth, x.offsets[want], nil
}

func (x *segmentIndex) extend(f durable.File, want int, end int64) error {
	at := x.first + uint64(len(x.offsets)-1)*tileWidth
	frames := newFrames(f, x.offsets[len(x.offsets)-1], end)
	for want >= len(x.offsets) {
		off := frames.off
		kind, _, err := frames.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read record %d in %s at byte %d: %w", at, segmentName(x.first), frames.off, err)
		}
		if kind != kindRecord {
			continue
		}
		if n := at - x.first; n > 0 && n%tileWidth == 0 && int(n/tileWidth) == len(x.offsets) {
			x.offsets = append(x.offsets, off)
		}
		at++
	}
	return nil
}
