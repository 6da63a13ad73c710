package detect

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"unsafe"
)

// A snapshot is all that the detectors remember, up to a position: a line that says what it is, a line of
// JSON, the records of each kind as they lie in memory, and the SHA-256 of all before. Little endian
// machines only, as all that Vedette runs on are.
const snapshotMagic = "vedette detect snapshot 1\n"

// ErrSnapshot says that a snapshot cannot be used: the engine is as it was.
var ErrSnapshot = errors.New("cannot use snapshot")

// snapshotHead is the line of JSON.
type snapshotHead struct {
	Position uint64         `json:"position"` // of the newest event
	Hash     uint64         `json:"hash"`     // of a fixed text: subjects are found by the same key only
	Kinds    []snapshotKind `json:"kinds"`
	Crowd    int            `json:"crowd"` // bytes of the population
}

type snapshotKind struct {
	Kind      string             `json:"kind"`
	Size      int                `json:"size"` // of a record, bytes
	Known     int                `json:"known"`
	Strangers int                `json:"strangers"`
	Detectors []snapshotDetector `json:"detectors"`
}

type snapshotDetector struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Meaning uint64 `json:"meaning,omitempty"`
	Offset  int    `json:"offset"` // in the record
	Size    int    `json:"size"`   // with its episode
}

// Snapshot writes all that the detectors remember, and returns the position that it reaches to. Events
// that come meanwhile wait, as many as there is room for.
func (e *Engine) Snapshot(w io.Writer) (position uint64, err error) {
	e.pause()
	defer e.resume()
	sum := sha256.New()
	bw := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	head := e.head()
	line, err := json.Marshal(head)
	if err != nil {
		return 0, err
	}
	bw.WriteString(snapshotMagic)
	bw.Write(append(line, '\n'))
	for k := range 2 * Kinds {
		for _, strangers := range []bool{false, true} {
			for _, s := range e.shards {
				if t := s.tables[k]; t != nil {
					t.pool(strangers).write(bw)
				}
			}
		}
	}
	bw.Write(e.crowd.bytes())
	bw.Write(e.rare.bytes())
	if err := bw.Flush(); err != nil {
		return 0, fmt.Errorf("cannot write snapshot: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return 0, fmt.Errorf("cannot write snapshot: %w", err)
	}
	return head.Position, nil
}

func (e *Engine) head() snapshotHead {
	h := snapshotHead{Position: e.launched, Hash: e.cfg.Hash.Of(snapshotMagic), Crowd: len(e.crowd.bytes()) + len(e.rare.bytes())}
	for k := range 2 * Kinds {
		if e.shards[0].tables[k] == nil {
			continue
		}
		l := e.shards[0].tables[k].layout
		s := snapshotKind{Kind: e.shards[0].tables[k].name(), Size: int(l.size)}
		for _, sh := range e.shards {
			s.Known += sh.tables[k].known.len()
			s.Strangers += sh.tables[k].strangers.len()
		}
		s.Detectors = e.parts(l)
		h.Kinds = append(h.Kinds, s)
	}
	return h
}

func (t *table) pool(strangers bool) *pool {
	if strangers {
		return &t.strangers
	}
	return &t.known
}

func (p *pool) write(w *bufio.Writer) {
	for i := range p.used {
		if r := p.record(i); r.used {
			w.Write(bytesOf(unsafe.Pointer(r), p.size)) // the writer keeps its error
		}
	}
}

// Restore takes in a snapshot, before the first event. Detectors that were changed since, by their
// version or meaning, begin anew; the number of shards may be another. It returns the position that the snapshot
// reaches to: what came after is to be observed again.
func (e *Engine) Restore(r io.Reader) (position uint64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stats.Events > 0 {
		panic("BUG: restore after events")
	}
	sum := sha256.New()
	br := bufio.NewReaderSize(r, 1<<20)
	in := &summed{br, sum}
	head, err := readHead(in)
	if err != nil {
		return 0, err
	}
	if head.Hash != e.cfg.Hash.Of(snapshotMagic) {
		return 0, fmt.Errorf("%w: it was made under another key", ErrSnapshot)
	}
	var fresh []*shard
	for _, s := range e.shards {
		fresh = append(fresh, newShard(e, s.number, e.cfg.Subjects/len(e.shards)))
	}
	for _, k := range head.Kinds {
		if err := e.restoreKind(in, k, fresh); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrSnapshot, err)
		}
	}
	crowd := new(population)
	rare := new(rarities)
	if head.Crowd != len(crowd.bytes())+len(rare.bytes()) {
		return 0, fmt.Errorf("%w: it tells of the population in another way", ErrSnapshot)
	}
	for _, b := range [][]byte{crowd.bytes(), rare.bytes()} {
		if err := in.full(b); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrSnapshot, err)
		}
	}
	want := make([]byte, sha256.Size)
	if _, err := io.ReadFull(br, want); err != nil || !bytes.Equal(want, sum.Sum(nil)) {
		return 0, fmt.Errorf("%w: it is damaged or cut off", ErrSnapshot)
	}
	for i, s := range e.shards {
		s.tables = fresh[i].tables
	}
	e.crowd, e.rare = crowd, rare
	e.position, e.launched = head.Position, head.Position
	return head.Position, nil
}

type summed struct {
	*bufio.Reader
	sum hash.Hash
}

func (s *summed) full(b []byte) error {
	_, err := io.ReadFull(s.Reader, b)
	s.sum.Write(b)
	return err
}

func readHead(in *summed) (h snapshotHead, err error) {
	magic := make([]byte, len(snapshotMagic))
	if err := in.full(magic); err != nil || string(magic) != snapshotMagic {
		return h, fmt.Errorf("%w: it is none, or of another version", ErrSnapshot)
	}
	line, err := in.ReadSlice('\n')
	in.sum.Write(line)
	if err == nil {
		err = json.Unmarshal(line, &h)
	}
	if err != nil {
		return h, fmt.Errorf("%w: its head cannot be read: %w", ErrSnapshot, err)
	}
	return h, nil
}

// move says where a detector's state goes from a snapshot's record to ours.
type move struct{ from, to, size uintptr }

func (e *Engine) restoreKind(in *summed, k snapshotKind, shards []*shard) error {
	at, moves := e.moves(k)
	if k.Size < int(unsafe.Sizeof(record{})) || k.Size > maxRecordBytes || k.Known < 0 || k.Strangers < 0 {
		return fmt.Errorf("its records of kind %q make no sense", k.Kind)
	}
	b := make([]uint64, (k.Size+7)/8)
	raw := bytesOf(unsafe.Pointer(unsafe.SliceData(b)), uintptr(k.Size))
	for i := range k.Known + k.Strangers {
		if err := in.full(raw); err != nil {
			return err
		}
		if at < 0 {
			continue
		}
		from := (*record)(unsafe.Pointer(unsafe.SliceData(b)))
		t := shards[e.shardOf(from.key)].tables[at]
		to := t.get(from.key, i < k.Known)
		for _, m := range moves {
			copy(bytesOf(unsafe.Add(to, m.to), m.size), raw[m.from:m.from+m.size])
		}
	}
	return nil
}

// parts are what a record is made of: for each detector its episode and its state, and the machines' states.
func (e *Engine) parts(l *layout) (list []snapshotDetector) {
	for i, n := range l.detectors {
		d := e.cfg.Detectors[n]
		list = append(list, snapshotDetector{d.Name, d.Version, d.Meaning, int(l.offset[i]), int(unsafe.Sizeof(episode{}))})
		if d.machine == nil && d.size > 0 {
			list = append(list, snapshotDetector{d.Name + " state", d.Version, d.Meaning, int(l.state[i]), int(d.size)})
		}
	}
	for i, m := range l.machines.list {
		list = append(list, snapshotDetector{m.name + " machine", m.version, 0, int(l.machines.offset[i]), int(m.size)})
	}
	return list
}

// moves matches a snapshot's parts with ours, and says at which place we keep that kind; -1 where we do not.
func (e *Engine) moves(k snapshotKind) (at int, list []move) {
	at = slices.IndexFunc(e.shards[0].tables[:], func(t *table) bool { return t != nil && t.name() == k.Kind })
	if at < 0 {
		return at, nil
	}
	for _, to := range e.parts(e.shards[0].tables[at].layout) {
		for _, from := range k.Detectors {
			if from.Name == to.Name && from.Version == to.Version && from.Meaning == to.Meaning && from.Size == to.Size && from.Offset >= 0 && from.Offset+from.Size <= k.Size {
				list = append(list, move{uintptr(from.Offset), uintptr(to.Offset), uintptr(to.Size)})
			}
		}
	}
	return at, list
}
