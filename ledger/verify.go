package ledger

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"vedette/internal/durable"
)

// VerifyOptions says what to verify and against what.
type VerifyOptions struct {
	FS        durable.FS // default durable.OS
	Origin    string
	Verifiers note.Verifiers
	// From and To bound the records, To 0 for the end. Whole segments are read.
	From, To uint64
	// Trusted is a signed checkpoint that was kept elsewhere, or nil. Only with one can a
	// ledger be told from an earlier state of itself, or from one made by who has the key.
	Trusted []byte
	// Progress is called now and then with the records done of how many; nil for not.
	Progress func(done, total uint64)
}

// The kinds of problems.
const (
	Changed    = "changed"    // records or their framing are not what was committed
	Removed    = "removed"    // records, or a commit, are not there
	Inserted   = "inserted"   // bytes or records that were never committed there
	Reordered  = "reordered"  // records stand at each other's place
	Missing    = "missing"    // a file is not there
	Truncated  = "truncated"  // a file ends before what was durable
	Torn       = "torn"       // bytes after the last commit that do not continue it: Open moves them aside
	Forged     = "forged"     // a checkpoint without a valid signature
	Rollback   = "rollback"   // the ledger is older than a checkpoint that was signed
	Fork       = "fork"       // the ledger is another than a checkpoint was signed for
	BadHashes  = "hashes"     // a hash file does not agree with the records
	BadHead    = "head"       // the head file
	BadRemoval = "retention"  // the retention file does not agree with the records
	Unlocated  = "unlocated"  // a whole batch does not give its root, nor do the hash files
	Unreadable = "unreadable" // the disk gave an error
)

// Problem is something that is not as it was committed, and where.
type Problem struct {
	Kind     string `json:"kind"`
	File     string `json:"file"`
	Offset   int64  `json:"offset"` // first byte in question
	Length   int64  `json:"length"` // bytes in question; 0 where something is missing
	Position uint64 `json:"position"`
	Records  uint64 `json:"records"` // records in question from Position on
	Detail   string `json:"detail"`
	// Repairable is set where Open puts it right without losing what was acknowledged, as
	// after a crash.
	Repairable bool `json:"repairable,omitempty"`
}

func (p Problem) String() string {
	return fmt.Sprintf("%s: %s at byte %d (%d bytes), record %d (%d records): %s", p.Kind, p.File, p.Offset, p.Length,
		p.Position, p.Records, p.Detail)
}

// Report is the outcome of Verify.
type Report struct {
	Size       uint64    `json:"size"`       // records by the last commit
	Checkpoint string    `json:"checkpoint"` // signed, the newest found
	From       uint64    `json:"from"`       // what was verified
	To         uint64    `json:"to"`
	Records    uint64    `json:"records"` // whose bytes were hashed
	Commits    uint64    `json:"commits"`
	Segments   int       `json:"segments"`
	Bytes      int64     `json:"bytes"`
	Removed    []Range   `json:"removed,omitempty"` // by retention; only hashes were verified
	Live       bool      `json:"live,omitempty"`    // somebody has the ledger open
	Problems   []Problem `json:"problems"`
	More       int       `json:"more,omitempty"` // problems beyond the bound of the list
	// Notes tell what is no problem of the records: files that no ledger has, a signing
	// key that is gone or is another's.
	Notes []string `json:"notes,omitempty"`
}

// OK tells whether nothing at all was found.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Whole tells whether all that was committed is there and unchanged; what a crash may
// leave, and Open repairs, does not count against it.
func (r *Report) Whole() bool {
	return r.More == 0 && !slices.ContainsFunc(r.Problems, func(p Problem) bool { return !p.Repairable })
}

// Verify reads a ledger's files and reports everything that is not as it was committed.
// It changes nothing and works on a ledger that is open elsewhere, up to what its head
// says at the start. An error means that it could not look.
func Verify(dir string, opt VerifyOptions) (*Report, error) {
	if opt.FS == nil {
		opt.FS = durable.OS{}
	}
	if opt.Verifiers == nil || opt.Origin == "" || opt.To != 0 && opt.From >= opt.To {
		return nil, errors.New("cannot verify ledger: Origin, Verifiers and a range that is not empty are needed")
	}
	v := &verifier{opt: opt, dir: dir, fs: opt.FS, hashes: &hashStore{fs: opt.FS, dir: dir}, report: &Report{Problems: []Problem{}}}
	defer v.hashes.close()
	lock, err := v.fs.Lock(filepath.Join(dir, "lock"))
	switch {
	case err == nil:
		defer lock.Close()
	case errors.Is(err, durable.ErrLocked):
		v.report.Live = true
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("cannot verify ledger: %w", err)
	}
	if err := v.run(); err != nil {
		return nil, fmt.Errorf("cannot verify ledger: %w", err)
	}
	return v.report, nil
}

// verifier is the work of Verify.
type verifier struct {
	opt    VerifyOptions
	dir    string
	fs     durable.FS
	hashes *hashStore
	report *Report

	head    *Checkpoint // newest valid slot, nil if none
	expect  []expectation
	kept    *retentionFile
	segs    []uint64
	event   *retentionFile // newest retention event among the records read
	front   *frontier      // nil when lost until the next segment's opening
	tail    tileTail
	newest  *Checkpoint
	reached uint64 // where the last segment ended

	mu      sync.Mutex // guards report.Problems while signatures are checked
	checks  chan func()
	workers sync.WaitGroup
}

// expectation is a signed checkpoint that the tree must agree with.
type expectation struct {
	cp      *Checkpoint
	problem Problem
	met     bool
}

func (v *verifier) run() error {
	v.checks = make(chan func(), 1024)
	for range runtime.GOMAXPROCS(0) {
		v.workers.Go(func() {
			for check := range v.checks {
				check()
			}
		})
	}
	err := v.all()
	close(v.checks)
	v.workers.Wait()
	slices.SortStableFunc(v.report.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
	})
	return err
}

func (v *verifier) all() error {
	if err := v.readTrusted(); err != nil {
		return err
	}
	if err := v.readHead(); err != nil {
		return err
	}
	var err error
	if v.segs, err = listSegments(v.fs, v.dir); err != nil {
		return err
	}
	if v.kept, err = readRetention(v.fs, v.dir); err != nil {
		v.found(Problem{Kind: BadRemoval, File: retentionName, Length: v.sizeOf(retentionName), Detail: err.Error()})
	}
	if v.kept != nil {
		v.report.Removed = v.kept.State.Removed
	}
	if err := v.walk(); err != nil {
		return err
	}
	v.checkExpectations()
	v.checkRetention()
	if err := v.lookAround(); err != nil {
		return err
	}
	if v.newest != nil {
		v.report.Checkpoint = v.newest.Note
	}
	return nil
}

func (v *verifier) found(p Problem) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.report.Problems) == maxProblems {
		v.report.More++
		return
	}
	v.report.Problems = append(v.report.Problems, p)
}

func (v *verifier) readTrusted() error {
	if v.opt.Trusted == nil {
		return nil
	}
	cp, err := ParseCheckpoint(v.opt.Trusted, v.opt.Verifiers)
	if err != nil {
		return fmt.Errorf("cannot use the trusted checkpoint: %w", err)
	}
	if cp.Origin != v.opt.Origin {
		return fmt.Errorf("cannot use the trusted checkpoint: it is of %q, not %q", cp.Origin, v.opt.Origin)
	}
	v.expect = append(v.expect, expectation{cp: cp, problem: Problem{File: "trusted checkpoint"}})
	return nil
}

func (v *verifier) readHead() error {
	b, err := durable.ReadFile(v.fs, filepath.Join(v.dir, headName), 1<<20)
	if errors.Is(err, os.ErrNotExist) {
		v.found(Problem{Kind: Missing, File: headName, Detail: "the head file is missing"})
		return nil
	}
	if err != nil {
		return err
	}
	state, err := parseHead(b, v.opt.Origin, v.opt.Verifiers)
	if err != nil {
		v.found(Problem{Kind: BadHead, File: headName, Length: int64(len(b)), Detail: err.Error()})
		return nil
	}
	v.head, v.newest = state.best, state.best
	for i := range 2 {
		p := Problem{File: headName, Offset: int64(i) * headSlot, Length: headSlot}
		if cp := state.notes[i]; cp != nil {
			v.expect = append(v.expect, expectation{cp: cp, problem: p})
			continue
		}
		p.Kind, p.Detail, p.Repairable = BadHead, state.bad[i].Error(), true
		v.found(p)
	}
	return nil
}

// walk goes through the segments in order.
func (v *verifier) walk() error {
	end := uint64(0)
	if v.head != nil {
		end = v.head.Size
	}
	to := v.opt.To
	if to == 0 {
		to = ^uint64(0)
	}
	v.report.From = v.opt.From
	if len(v.segs) == 0 && end > 0 {
		v.found(Problem{Kind: Missing, File: segmentName(0), Records: end, Detail: "all segments are missing"})
	}
	for i, first := range v.segs {
		next := ^uint64(0)
		if i+1 < len(v.segs) {
			next = v.segs[i+1]
		}
		if next <= v.opt.From || first >= to {
			v.front, v.reached = nil, min(next, max(end, first))
			continue
		}
		if err := v.segment(i, first); err != nil {
			return err
		}
		if v.opt.Progress != nil {
			v.opt.Progress(min(v.reached, to)-min(v.opt.From, v.reached), min(max(end, v.reached), to)-min(v.opt.From, to))
		}
	}
	if v.head != nil && v.reached < v.head.Size && len(v.segs) > 0 && v.segs[len(v.segs)-1] < to {
		last := segmentName(v.segs[len(v.segs)-1])
		size := v.sizeOf(last)
		v.found(Problem{Kind: Truncated, File: last, Offset: size, Position: v.reached, Records: v.head.Size - v.reached,
			Detail: fmt.Sprintf("the ledger ends at record %d, but the head file says that %d were durable", v.reached, v.head.Size)})
	}
	v.report.Size = max(v.reached, end)
	v.report.To = min(to, v.report.Size)
	v.checkHashEnds()
	return nil
}

func (v *verifier) sizeOf(name string) int64 {
	f, err := v.fs.OpenFile(filepath.Join(v.dir, name), os.O_RDONLY, 0)
	if err != nil {
		return 0
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return 0
	}
	return size
}

// checkHashEnds looks for bytes in the hash files beyond what the tree has.
func (v *verifier) checkHashEnds() {
	if v.report.Live || v.opt.To != 0 {
		return
	}
	for level := range tileFiles {
		want := int64(v.report.Size>>(tileLevel*level)) * 32
		if have := v.sizeOf(hashFile(level)); have > want {
			v.found(Problem{Kind: BadHashes, File: hashFile(level), Offset: want, Length: have - want, Position: v.report.Size,
				Detail: "hashes beyond the last record", Repairable: true})
		}
	}
}

// meet compares the tree, at the size it has now, with the checkpoints of that size.
func (v *verifier) meet(f *frontier) {
	for i := range v.expect {
		if e := &v.expect[i]; !e.met && e.cp.Size == f.size {
			e.met = true
			if f.root() != e.cp.Root {
				v.fork(e)
			}
		}
	}
}

func (v *verifier) fork(e *expectation) {
	p := e.problem
	p.Kind, p.Records = Fork, e.cp.Size
	p.Detail = fmt.Sprintf("it was signed for other records than the first %d of this ledger", e.cp.Size)
	v.found(p)
}

// checkExpectations looks at the checkpoints that the walk did not come by.
func (v *verifier) checkExpectations() {
	for i := range v.expect {
		e := &v.expect[i]
		if e.met {
			continue
		}
		if e.cp.Size > v.report.Size {
			p := e.problem
			p.Kind, p.Position, p.Records = Rollback, v.report.Size, e.cp.Size-v.report.Size
			p.Detail = fmt.Sprintf("it was signed for %d records, but the ledger ends at %d", e.cp.Size, v.report.Size)
			v.found(p)
			continue
		}
		f, err := v.hashes.frontier(e.cp.Size)
		if err != nil || f.root() != e.cp.Root {
			v.fork(e)
		}
	}
}

// checkRetention compares the retention file with the event that it points to.
func (v *verifier) checkRetention() {
	whole := v.opt.From == 0 && v.opt.To == 0
	p := Problem{Kind: BadRemoval, File: retentionName, Length: v.sizeOf(retentionName)}
	switch {
	case v.kept == nil && v.event == nil:
		return
	case v.event != nil && (v.kept == nil || v.kept.Event < v.event.Event):
		p.Position, p.Detail = v.event.Event, "it is older than the newest retention event"
		p.Repairable = len(v.segs) > 0 && v.event.Event >= v.segs[len(v.segs)-1]
	case v.event != nil && v.kept.Event == v.event.Event:
		if bytes.Equal(v.event.encode(), v.kept.encode()) {
			return
		}
		p.Position, p.Detail = v.kept.Event, "it does not say what its event says"
	default:
		event, err := v.eventAt(v.kept.Event)
		if !whole && err == nil && bytes.Equal(event.encode(), v.kept.encode()) {
			return
		}
		p.Position, p.Detail = v.kept.Event, "the record that it points to is no such event"
	}
	v.found(p)
}

func (v *verifier) eventAt(pos uint64) (*retentionFile, error) {
	r := &Reader{fs: v.fs, dir: v.dir, hashes: v.hashes}
	last := v.segs[len(v.segs)-1]
	r.view.Store(&view{head: &Checkpoint{Size: v.report.Size}, segs: v.segs, end: v.sizeOf(segmentName(last))})
	var out *retentionFile
	err := r.Read(pos, pos+1, func(pos uint64, record []byte) error {
		out = retentionEvent(pos, record)
		return nil
	})
	if err == nil && out == nil {
		err = io.ErrUnexpectedEOF
	}
	return out, err
}

// retentionEvent returns the state that a record tells, or nil if it tells none.
func retentionEvent(pos uint64, record []byte) *retentionFile {
	if e, ok := ParseEvent(record); ok && e.Retention != nil {
		return &retentionFile{Event: pos, State: *e.Retention}
	}
	return nil
}

// lookAround notes what stands in the folder beside the records.
func (v *verifier) lookAround() error {
	names, err := v.fs.ReadDir(v.dir)
	if err != nil {
		return fmt.Errorf("cannot list %s: %w", v.dir, err)
	}
	say := func(format string, args ...any) {
		v.report.Notes = append(v.report.Notes, fmt.Sprintf(format, args...))
	}
	for _, name := range names {
		if !ownFile(name) {
			if len(v.report.Notes) == maxNotes {
				say("and other files that are none of a ledger's")
				break
			}
			say("%q is no file of a ledger: nothing was read of it", name)
		}
	}
	b, err := durable.ReadFile(v.fs, filepath.Join(v.dir, keyName), 4096)
	if err != nil {
		say("there is no %s that can be read: enough to verify, but no monitor can go on with this ledger", keyName)
	} else if !v.signs(b) {
		say("%s is not the key that signed these checkpoints: no monitor can go on with this ledger", keyName)
	}
	return nil
}

// ownFile reports whether a ledger has files of that name.
func ownFile(name string) bool {
	name = strings.TrimSuffix(name, durable.TempSuffix) // a crash leaves it
	if _, ok := parseSegmentName(name); ok || strings.HasPrefix(name, tornPrefix) {
		return true
	}
	for level := range tileFiles {
		if name == hashFile(level) {
			return true
		}
	}
	switch name {
	case headName, keyName, publicName, retentionName, "lock":
		return true
	}
	return false
}

// signs reports whether a signing key is one that the verifiers know.
func (v *verifier) signs(key []byte) bool {
	s, err := note.NewSigner(strings.TrimSpace(string(key)))
	if err != nil {
		return false
	}
	_, err = v.opt.Verifiers.Verifier(s.Name(), s.KeyHash())
	return err == nil
}
