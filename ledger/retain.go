package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vedette/internal/durable"
)

const retentionName = "retention.json"

// Range is the records from position From up to, without, position To.
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// Hold keeps records from being removed. To 0 means without end.
type Hold struct {
	Name string `json:"name"`
	From uint64 `json:"from"`
	To   uint64 `json:"to,omitempty"`
}

func (h Hold) touches(r Range) bool { return h.From < r.To && (h.To == 0 || r.From < h.To) }

// Retention is what was removed and what must stay.
type Retention struct {
	Removed []Range `json:"removed,omitempty"` // ascending, neighbours merged
	Holds   []Hold  `json:"holds,omitempty"`
}

// retentionFile is the retention file: the newest retention event and where it is.
type retentionFile struct {
	Event uint64    `json:"event"` // position
	State Retention `json:"state"`
}

func readRetention(fsys durable.FS, dir string) (*retentionFile, error) {
	b, err := durable.ReadFile(fsys, filepath.Join(dir, retentionName), maxRetention)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", retentionName, err)
	}
	f := &retentionFile{}
	if err := json.Unmarshal(b, f); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", retentionName, err)
	}
	if again := f.encode(); string(again) != string(b) {
		return nil, fmt.Errorf("cannot accept %s: it is not encoded as we encode", retentionName)
	}
	return f, nil
}

func (f *retentionFile) encode() []byte {
	b, err := json.Marshal(f)
	if err != nil {
		panic("BUG: cannot encode the retention state: " + err.Error())
	}
	return append(b, '\n')
}

// covers tells whether all of a range was removed.
func (r *Retention) covers(x Range) bool {
	if r == nil {
		return false
	}
	for _, y := range r.Removed {
		if y.From <= x.From && x.To <= y.To {
			return true
		}
	}
	return false
}

// add returns the ranges with one more, merged.
func addRange(ranges []Range, x Range) []Range {
	all := append(slices.Clone(ranges), x)
	slices.SortFunc(all, func(a, b Range) int {
		if a.From < b.From {
			return -1
		}
		return 1
	})
	out := all[:1]
	for _, y := range all[1:] {
		if last := &out[len(out)-1]; y.From <= last.To {
			last.To = max(last.To, y.To)
		} else {
			out = append(out, y)
		}
	}
	return out
}

// Removal says what Retain did.
type Removal struct {
	Segments int
	Records  uint64
	Bytes    int64
	Held     []string // holds that kept segments which would have gone
}

// RetentionState returns what was removed and the holds in force.
func (l *Ledger) RetentionState() (Retention, error) {
	f, err := readRetention(l.fs, l.dir)
	if err != nil || f == nil {
		return Retention{}, err
	}
	return f.State, nil
}

// Removed returns which records retention removed, ascending, as the retention file says now.
// Verify holds that file against the records.
func (r *Reader) Removed() ([]Range, error) {
	f, err := readRetention(r.fs, r.dir)
	if err != nil || f == nil {
		return nil, err
	}
	return f.State.Removed, nil
}

// Retain removes the bytes of records before a position, as far as whole segments go and
// no hold touches them. Their hashes stay, so that all proofs still hold. What is
// removed is itself recorded, durably, before it goes.
func (l *Ledger) Retain(ctx context.Context, before uint64) (Removal, error) {
	l.retention.Lock()
	defer l.retention.Unlock()
	state, err := l.RetentionState()
	if err != nil {
		return Removal{}, err
	}
	victims, out, err := l.victims(before, state)
	if err != nil || len(victims) == 0 {
		return out, err
	}
	for _, v := range victims {
		state.Removed = addRange(state.Removed, v)
	}
	if len(state.Removed) > maxRemoved {
		return Removal{}, fmt.Errorf("cannot remove segments: more than %d separate ranges would be missing", maxRemoved)
	}
	if err := l.record(ctx, EventRetain, state); err != nil {
		return Removal{}, err
	}
	gone := map[uint64]bool{}
	for _, v := range victims {
		gone[v.From] = true
	}
	l.replaceView(func(v *view) {
		v.segs = slices.DeleteFunc(slices.Clone(v.segs), func(first uint64) bool { return gone[first] })
	})
	for first := range gone {
		if err := l.fs.Remove(filepath.Join(l.dir, segmentName(first))); err != nil {
			return Removal{}, fmt.Errorf("cannot remove segment: %w", err)
		}
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return Removal{}, fmt.Errorf("cannot sync %s: %w", l.dir, err)
	}
	return out, nil
}

// victims returns the segments, as ranges, that lie before a position and are not held.
func (l *Ledger) victims(before uint64, state Retention) (victims []Range, out Removal, err error) {
	v := l.view.Load()
	held := map[string]bool{}
	for i := 0; i+1 < len(v.segs); i++ {
		f, err := openSegment(l.fs, l.dir, v.segs[i], os.O_RDONLY)
		if err != nil {
			return nil, Removal{}, err
		}
		end, err := readEnd(f)
		size, serr := f.Size()
		f.Close()
		if err = errors.Join(err, serr); err != nil {
			return nil, Removal{}, fmt.Errorf("cannot read %s: %w", segmentName(v.segs[i]), err)
		}
		r := Range{v.segs[i], end.Size}
		if r.To > before || r.To > v.segs[i+1] {
			break
		}
		free := true
		for _, h := range state.Holds {
			if h.touches(r) {
				free, held[h.Name] = false, true
			}
		}
		if free {
			victims = append(victims, r)
			out.Segments++
			out.Records += r.To - r.From
			out.Bytes += size
		}
	}
	for name := range held {
		out.Held = append(out.Held, name)
	}
	slices.Sort(out.Held)
	return victims, out, nil
}

// LegalHold keeps the records from a position up to, without, another from being
// removed, until Release of the same name; to 0 means without end. It is itself recorded.
func (l *Ledger) LegalHold(ctx context.Context, name string, from, to uint64) error {
	if !holdName(name) || to != 0 && from >= to {
		return fmt.Errorf("cannot hold records %d to %d: a range is needed, and a name of at most %d letters, digits, "+
			"spaces and -_./:#", from, to, maxHoldName)
	}
	l.retention.Lock()
	defer l.retention.Unlock()
	state, err := l.RetentionState()
	if err != nil {
		return err
	}
	if len(state.Holds) == maxHolds {
		return fmt.Errorf("cannot hold records: %d holds are in force already", maxHolds)
	}
	for _, h := range state.Holds {
		if h.Name == name {
			return fmt.Errorf("cannot hold records: hold %q exists", name)
		}
	}
	state.Holds = append(state.Holds, Hold{name, from, to})
	return l.record(ctx, EventHold, state)
}

// holdName tells whether a name needs no escaping in JSON, so that all holds fit a record.
func holdName(name string) bool {
	for _, c := range name {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(" -_./:#", c)) {
			return false
		}
	}
	return name != "" && len(name) <= maxHoldName
}

// Release ends a legal hold. It is itself recorded.
func (l *Ledger) Release(ctx context.Context, name string) error {
	l.retention.Lock()
	defer l.retention.Unlock()
	state, err := l.RetentionState()
	if err != nil {
		return err
	}
	n := len(state.Holds)
	state.Holds = slices.DeleteFunc(state.Holds, func(h Hold) bool { return h.Name == name })
	if len(state.Holds) == n {
		return fmt.Errorf("cannot release hold %q: there is none", name)
	}
	return l.record(ctx, EventRelease, state)
}

// record makes a retention event durable and then the file that points to it.
func (l *Ledger) record(ctx context.Context, kind string, state Retention) error {
	l.mu.Lock()
	if l.state != Ready || l.closing {
		defer l.mu.Unlock()
		if l.err != nil {
			return l.err
		}
		return ErrClosed
	}
	pos := l.event(Event{Kind: kind, Retention: &state})
	l.mu.Unlock()
	l.wake()
	if err := l.Wait(ctx, pos); err != nil {
		return fmt.Errorf("cannot record %s: %w", kind, err)
	}
	f := &retentionFile{Event: pos, State: state}
	return durable.Replace(l.fs, filepath.Join(l.dir, retentionName), f.encode(), 0o600)
}
