package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"vedette/internal/durable"
)

// item is a frame of a batch, or bytes that are no frame.
type item struct {
	off  int64
	size int64
	leaf Hash
	bad  error // why the bytes are no frame
}

// segmentWalk is the verification of one segment.
type segmentWalk struct {
	v      *verifier
	f      durable.File
	name   string
	first  uint64
	size   int64
	last   bool
	batch  []item
	start  int64 // of the batch
	ended  bool  // what follows start is no part of the ledger
	opened *Checkpoint
}

// segment verifies one segment and the way to it from the one before.
func (v *verifier) segment(i int, first uint64) error {
	f, err := openSegment(v.fs, v.dir, first, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	w := &segmentWalk{v: v, f: f, name: segmentName(first), first: first, last: i == len(v.segs)-1}
	if w.size, err = f.Size(); err != nil {
		return err
	}
	if first < v.reached {
		v.found(Problem{Kind: Inserted, File: w.name, Length: w.size, Position: first,
			Detail: "the segment overlaps the one before it"})
		return nil
	}
	v.report.Segments++
	v.report.Bytes += w.size
	off := w.open()
	if i > 0 || v.opt.From == 0 {
		if err := w.bridge(i); err != nil {
			return err
		}
	}
	w.adoptOpening()
	v.tail.begin(v.front.size)
	v.meet(v.front)
	if err := w.batches(off); err != nil {
		return err
	}
	w.checkUpper()
	v.reached = max(v.reached, first)
	if v.front != nil {
		v.reached = v.front.size
	}
	return nil
}

// open reads the opening checkpoint and returns where the first batch begins.
func (w *segmentWalk) open() int64 {
	cp, off, err := readStart(w.f)
	if err == nil && cp.Size != w.first {
		err = fmt.Errorf("its opening checkpoint is of size %d", cp.Size)
	}
	if err != nil {
		off = w.resync(int64(len(segmentMagic)) + 1)
		w.v.found(Problem{Kind: Changed, File: w.name, Length: off, Position: w.first, Detail: err.Error()})
		return off
	}
	w.opened = cp
	w.v.checkNote(w.name, 0, off, cp)
	return off
}

// checkNote has a stored checkpoint's signature verified.
func (v *verifier) checkNote(name string, off, length int64, cp *Checkpoint) {
	v.checks <- func() {
		if _, err := parseOwn([]byte(cp.Note), v.opt.Origin, v.opt.Verifiers); err != nil {
			v.found(Problem{Kind: Forged, File: name, Offset: off, Length: length, Position: cp.Size, Detail: err.Error()})
		}
	}
}

// bridge goes from where the segment before ended to where this one begins: nothing
// to do, or a range that retention removed, or a segment that is missing.
func (w *segmentWalk) bridge(i int) error {
	v := w.v
	if w.first == v.reached {
		return nil
	}
	gap := Range{v.reached, w.first}
	if v.kept == nil || !v.kept.State.covers(gap) {
		p := Problem{Kind: Missing, File: segmentName(gap.From), Position: gap.From, Records: gap.To - gap.From,
			Detail: "the segment is missing, and retention did not remove it"}
		if i > 0 && v.segs[i-1] == gap.From { // it is there, with no batch left in it
			p.Offset = v.sizeOf(p.File)
		} else if i > 0 {
			p.File = segmentName(v.segs[i-1])
			p.Offset = v.sizeOf(p.File)
			p.Detail = fmt.Sprintf("the end of this segment or the whole of %s is missing", segmentName(gap.From))
		}
		v.found(p)
	}
	if v.front == nil || v.front.size != gap.From {
		f, err := v.hashes.frontier(gap.From)
		if err != nil {
			return nil // the opening below says what is wrong
		}
		v.front = f
	}
	// Only the hashes of these records are left. They must lead to the root that was signed.
	v.tail.begin(gap.From)
	for pos := gap.From; pos < gap.To; {
		n := min(gap.To-pos, tileWidth-pos%tileWidth)
		b, err := v.hashes.tile(0, pos, int(n))
		if err != nil {
			v.found(Problem{Kind: BadHashes, File: hashFile(0), Offset: int64(pos) * 32, Position: pos, Records: gap.To - pos,
				Detail: err.Error()})
			v.front = nil
			return nil
		}
		for i := range int(n) {
			v.front.add(Hash(b[32*i:]), &v.tail)
			v.meet(v.front)
		}
		pos += n
	}
	v.compareUpper(gap, true)
	if w.opened != nil && v.front.root() != w.opened.Root {
		v.found(Problem{Kind: BadHashes, File: hashFile(0), Offset: int64(gap.From) * 32, Length: int64(gap.To-gap.From) * 32,
			Position: gap.From, Records: gap.To - gap.From, Detail: "the hashes of removed records do not give the root that was signed"})
		v.front = nil
	}
	return nil
}

// adoptOpening sets the tree to what the segment's opening says, if it was lost or never known,
// and compares it otherwise.
func (w *segmentWalk) adoptOpening() {
	v := w.v
	if v.front != nil && v.front.size == w.first {
		if w.opened != nil && v.front.root() != w.opened.Root {
			v.found(Problem{Kind: Fork, File: w.name, Length: int64(len(segmentMagic)), Position: w.first,
				Detail: "its opening checkpoint is of another tree than the segments before give"})
			v.front = nil
		}
	} else {
		v.front = nil
	}
	if v.front != nil {
		return
	}
	f, err := v.hashes.frontier(w.first)
	if err == nil && w.opened != nil && f.root() != w.opened.Root {
		err = errors.New("the hashes of earlier records do not give the root of the segment's opening checkpoint")
	}
	if err != nil {
		v.found(Problem{Kind: BadHashes, File: hashFile(0), Length: int64(w.first) * 32, Records: w.first, Detail: err.Error()})
		f = &frontier{size: w.first}
	}
	v.front = f
}

// batches walks the frames and judges each batch at its commit.
func (w *segmentWalk) batches(off int64) error {
	end := w.size
	frames := newFrames(w.f, off, end)
	w.start = off
	for !w.ended {
		at := frames.off
		kind, frame, err := frames.next()
		switch {
		case err == io.EOF:
			return w.finish(end)
		case err != nil || kind == kindOpen:
			if err == nil {
				err = errors.New("a segment's opening inside a segment")
			}
			next := w.resync(at + 1)
			w.batch = append(w.batch, item{off: at, size: next - at, bad: err})
			frames = newFrames(w.f, next, end)
		case kind == kindRecord:
			w.record(at, frame)
		default:
			w.commit(at, frame)
		}
	}
	return nil
}

func (w *segmentWalk) record(at int64, frame []byte) {
	v := w.v
	w.batch = append(w.batch, item{off: at, size: int64(len(frame)), leaf: leafInFrame(frame)})
	v.report.Records++
	if e := retentionEvent(v.front.size+uint64(len(w.batch))-1, frame[frameHeader:]); e != nil {
		v.event = e
	}
}

func (w *segmentWalk) commit(at int64, frame []byte) {
	v := w.v
	v.report.Commits++
	c, err := parseCommit(frame[frameHeader:])
	var cp *Checkpoint
	if err == nil {
		cp, err = peekCheckpoint(append([]byte(nil), c.note...))
	}
	if err != nil {
		w.batch = append(w.batch, item{off: at, size: int64(len(frame)), bad: err})
		return
	}
	v.checkNote(w.name, at, int64(len(frame)), cp)
	w.judge(c.prev, cp, at, int64(len(frame)))
	w.batch, w.start = w.batch[:0], at+int64(len(frame))
}

// finish looks at what follows the last commit.
func (w *segmentWalk) finish(end int64) error {
	v := w.v
	if w.start == end || w.aside() {
		return nil
	}
	p := Problem{Kind: Truncated, File: w.name, Offset: w.start, Length: end - w.start, Position: v.front.size,
		Detail: "no commit follows"}
	switch {
	case !w.last:
		p.Detail = "the segment does not end with a commit"
		if next, ok := w.following(); ok && next.Size > v.front.size {
			w.judgeEnd(next)
		}
	case v.head != nil && v.head.Size > v.front.size:
		p.Detail = fmt.Sprintf("no commit follows, but the head file says that %d records were durable", v.head.Size)
		w.judgeEnd(v.head)
	}
	v.found(p)
	return nil
}

// following returns the opening checkpoint of the next segment.
func (w *segmentWalk) following() (*Checkpoint, bool) {
	i, found := slices.BinarySearch(w.v.segs, w.first)
	if !found || i+1 == len(w.v.segs) {
		return nil, false
	}
	f, err := openSegment(w.v.fs, w.v.dir, w.v.segs[i+1], os.O_RDONLY)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	cp, _, err := readStart(f)
	return cp, err == nil
}

// resync returns where the next frame begins at or after off, or the end. It first
// believes the length of the damaged frame that begins just before.
func (w *segmentWalk) resync(off int64) int64 {
	const most = frameHeader + MaxRecord
	window := make([]byte, 8*most)
	for from := off - 1; from < w.size; from += int64(len(window) - most) {
		n, _ := w.f.ReadAt(window, from)
		b := window[:n]
		if from == off-1 && n >= frameHeader {
			next := frameHeader + int(b[1])<<8 + int(b[2])
			if from+int64(next) == w.size {
				return w.size
			}
			if _, _, err := parseFrame(b[min(next, n):]); err == nil {
				return from + int64(next)
			}
			b[0] = 0 // not a frame again
		}
		for i := range min(n, len(window)-most) {
			if _, _, err := parseFrame(b[i:]); err == nil {
				return from + int64(i)
			}
		}
	}
	return w.size
}

// checkUpper compares the hash files above the leaves with the records of the segment.
func (w *segmentWalk) checkUpper() {
	if w.v.front != nil {
		w.v.compareUpper(Range{w.first, w.v.front.size}, false)
	}
}

// compareUpper compares what the walk collected for the upper hash files with them. Where
// the records are gone, either of two files may be the changed one, and both are named.
func (v *verifier) compareUpper(r Range, removed bool) {
	last := len(v.segs) > 0 && r.From >= v.segs[len(v.segs)-1]
	for level := 1; level < tileFiles; level++ {
		b := v.tail.hashes[level]
		n := len(b) / 32
		if n == 0 {
			return
		}
		from := v.tail.from[level]
		have, err := v.hashes.tile(level, from, n)
		if err != nil {
			v.found(Problem{Kind: BadHashes, File: hashFile(level), Offset: int64(from) * 32, Length: int64(len(b)),
				Position: r.From, Records: r.To - r.From, Detail: err.Error(), Repairable: last})
			continue
		}
		for i := range n {
			if Hash(have[32*i:]) == Hash(b[32*i:]) {
				continue
			}
			span := uint64(1) << (tileLevel * level)
			at := from + uint64(i)
			p := Problem{Kind: BadHashes, File: hashFile(level), Offset: int64(at) * 32, Length: 32, Position: at * span,
				Records: span, Detail: "the hash is not that of the records below it", Repairable: last}
			v.found(p)
			if removed {
				p.File, p.Offset, p.Length = hashFile(level-1), int64(at)*tileWidth*32, tileWidth*32
				p.Detail = "the tile does not give the hash above it"
				v.found(p)
			}
		}
	}
}
