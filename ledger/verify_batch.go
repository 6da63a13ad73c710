package ledger

import "fmt"

// judge compares a batch with the commit that ends it.
func (w *segmentWalk) judge(prev uint64, cp *Checkpoint, off, length int64) {
	v := w.v
	from := v.front.size
	grown := w.grow(cp)
	if (grown == nil || prev != from || cp.Size <= from) && w.aside() {
		return
	}
	if cp.Size <= from || prev >= cp.Size {
		v.found(Problem{Kind: Inserted, File: w.name, Offset: w.start, Length: off + length - w.start, Position: from,
			Detail: fmt.Sprintf("a commit of size %d after one of size %d", cp.Size, from)})
		return
	}
	at := Problem{File: w.name, Offset: off, Length: length, Position: from, Records: cp.Size - from}
	if grown != nil {
		w.compareLeaves(cp)
		w.missingCommit(prev)
		w.settle(grown, cp)
		return
	}
	w.locate(prev, cp, at)
}

// aside ends the walk at bytes that Open would move aside, and reports them unless a
// writer is at them just now: they do not continue the last commit, whatever they are, the
// head file speaks of none of them, and no later signed commit is among them.
func (w *segmentWalk) aside() bool {
	v := w.v
	if !w.last || v.head == nil || v.head.Size > v.front.size {
		return false
	}
	rest := make([]byte, w.size-w.start)
	if n, _ := w.f.ReadAt(rest, w.start); n < len(rest) || findLaterCommit(rest, v.front.size, v.opt.Origin, v.opt.Verifiers) >= 0 {
		return false
	}
	w.ended = true
	if !v.report.Live {
		v.found(Problem{Kind: Torn, File: w.name, Offset: w.start, Length: int64(len(rest)), Position: v.front.size, Repairable: true,
			Detail: fmt.Sprintf("%d bytes that do not continue the last commit, such as a crash or a copy of earlier frames leaves; "+
				"the next start moves them into %s", len(rest), tornName(w.first, w.start, 0))})
	}
	return true
}

// missingCommit reports that the commit before the present one should have come after the
// batch's first records.
func (w *segmentWalk) missingCommit(prev uint64) {
	from := w.v.front.size
	if prev == from {
		return
	}
	p := Problem{Kind: Removed, File: w.name, Offset: w.start, Position: prev,
		Detail: fmt.Sprintf("the commit of size %d that the next one follows is not there", prev)}
	if prev > from && prev-from < uint64(len(w.batch)) {
		p.Offset = w.batch[prev-from].off
	}
	w.v.found(p)
}

// judgeEnd compares records that no commit follows with what the head file says.
func (w *segmentWalk) judgeEnd(cp *Checkpoint) {
	at := Problem{File: w.name, Offset: w.start, Length: w.size - w.start, Position: w.v.front.size,
		Records: cp.Size - w.v.front.size}
	if grown := w.grow(cp); grown != nil {
		w.settle(grown, cp)
		return
	}
	w.locate(w.v.front.size, cp, at)
}

// grow returns the tree with the batch's records, or nil if they do not give the
// commit's size and root.
func (w *segmentWalk) grow(cp *Checkpoint) *frontier {
	if uint64(len(w.batch)) != cp.Size-w.v.front.size {
		return nil
	}
	grown := *w.v.front
	for i := range w.batch {
		if w.batch[i].bad != nil {
			return nil
		}
		grown.add(w.batch[i].leaf, nil)
	}
	if grown.root() != cp.Root {
		return nil
	}
	return &grown
}

// settle makes the tree the grown one, by way of the batch's leaves.
func (w *segmentWalk) settle(grown *frontier, cp *Checkpoint) {
	if w.v.newest == nil || cp.Size > w.v.newest.Size {
		w.v.newest = cp
	}
	for i := range w.batch {
		w.v.front.add(w.batch[i].leaf, &w.v.tail)
		w.v.meet(w.v.front)
	}
	if *w.v.front != *grown {
		panic("BUG: two ways to grow a tree disagree")
	}
}

// compareLeaves compares records that are right with the hash file.
func (w *segmentWalk) compareLeaves(cp *Checkpoint) {
	v := w.v
	from := v.front.size
	p := Problem{Kind: BadHashes, File: hashFile(0), Repairable: w.last}
	b, err := v.hashes.tile(0, from, len(w.batch))
	if err != nil {
		p.Offset, p.Position, p.Records, p.Detail = int64(from)*32, from, cp.Size-from, err.Error()
		v.found(p)
		return
	}
	for i := range w.batch {
		if Hash(b[32*i:]) != w.batch[i].leaf {
			pos := from + uint64(i)
			p.Offset, p.Length, p.Position, p.Records = int64(pos)*32, 32, pos, 1
			p.Detail = "the hash is not that of the record"
			v.found(p)
		}
	}
}

// locate finds what is wrong with a batch by means of the hash file, if that still gives
// the root that was signed.
func (w *segmentWalk) locate(prev uint64, cp *Checkpoint, at Problem) {
	v := w.v
	from := v.front.size
	want := w.wanted(from, cp)
	if want == nil {
		for _, it := range w.batch {
			if it.bad != nil {
				v.found(Problem{Kind: Changed, File: w.name, Offset: it.off, Length: it.size, Position: from,
					Records: cp.Size - from, Detail: it.bad.Error()})
			}
		}
		at.Kind, at.Offset, at.Length = Unlocated, w.start, at.Offset+at.Length-w.start
		at.Detail = "the records do not give the root that was signed, nor does the hash file"
		v.found(at)
		v.front = v.skip(cp)
		v.tail.begin(v.front.size)
		return
	}
	w.diff(from, want, at.Offset)
	w.missingCommit(prev)
	for _, h := range want {
		v.front.add(h, &v.tail)
		v.meet(v.front)
	}
}

// wanted returns the leaves of the hash file from a position up to a checkpoint's size, if
// they give its root.
func (w *segmentWalk) wanted(from uint64, cp *Checkpoint) []Hash {
	n := cp.Size - from
	if n*32 > uint64(w.v.sizeOf(hashFile(0))) {
		return nil
	}
	b, err := w.v.hashes.tile(0, from, int(n))
	if err != nil {
		return nil
	}
	want := make([]Hash, n)
	grown := *w.v.front
	for i := range want {
		want[i] = Hash(b[32*i:])
		grown.add(want[i], nil)
	}
	if grown.root() != cp.Root {
		return nil
	}
	return want
}

// skip returns the tree at a checkpoint from the upper hash files, or one of which only the
// size is known.
func (v *verifier) skip(cp *Checkpoint) *frontier {
	f, err := v.hashes.frontier(cp.Size)
	if err != nil || f.root() != cp.Root {
		return &frontier{size: cp.Size}
	}
	return f
}

// diff reports where the batch differs from the leaves that it must have.
func (w *segmentWalk) diff(from uint64, want []Hash, commitOff int64) {
	got := w.batch
	place := map[Hash]int{}
	for j, h := range want {
		place[h] = j
	}
	offset := func(i int) int64 {
		if i < len(got) {
			return got[i].off
		}
		return commitOff
	}
	report := func(kind string, i, n, j, k int, detail string) {
		p := Problem{Kind: kind, File: w.name, Offset: offset(i), Length: offset(i+n) - offset(i), Position: from + uint64(j),
			Records: uint64(k), Detail: detail}
		w.v.found(p)
	}
	same := func(i, j int) bool {
		if i == len(got) || j == len(want) {
			return i == len(got) && j == len(want)
		}
		return got[i].bad == nil && got[i].leaf == want[j]
	}
	for i, j := 0, 0; i < len(got) || j < len(want); {
		switch {
		case i < len(got) && same(i, j):
			i, j = i+1, j+1
		case i < len(got) && got[i].bad != nil:
			k := 0
			for k < maxShift && j+k < len(want) && !same(i+1, j+k) {
				k++
			}
			report(Changed, i, 1, j, k, got[i].bad.Error())
			i, j = i+1, j+k
		case i+1 < len(got) && j+1 < len(want) && same(i, j+1) && same(i+1, j):
			report(Reordered, i, 2, j, 2, "the two records stand at each other's place")
			i, j = i+2, j+2
		case i < len(got) && j < len(want) && same(i+1, j+1):
			if other, known := place[got[i].leaf]; known {
				report(Reordered, i, 1, j, 1, fmt.Sprintf("this is record %d", from+uint64(other)))
			} else {
				report(Changed, i, 1, j, 1, "the record does not have the hash that was signed")
			}
			i, j = i+1, j+1
		default:
			i, j = w.shift(i, j, len(want), same, report)
		}
	}
}

// shift reports records that are missing or too many, whichever explains more.
func (w *segmentWalk) shift(i, j, wants int, same func(i, j int) bool, report func(string, int, int, int, int, string)) (int, int) {
	gots := len(w.batch)
	for k := 1; k < maxShift && (i+k <= gots || j+k <= wants); k++ {
		if j+k <= wants && same(i, j+k) {
			report(Removed, i, 0, j, k, "the records are not there")
			return i, j + k
		}
		if i+k <= gots && same(i+k, j) {
			report(Inserted, i, k, j, 0, "these records were never committed here")
			return i + k, j
		}
	}
	n, m := min(1, gots-i), min(1, wants-j)
	report(Changed, i, n, j, m, "the record does not have the hash that was signed")
	return i + n, j + m
}
