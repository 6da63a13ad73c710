package detect

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"unsafe"
)

// A snapshot is all that the detectors remember, up to a position: a line that says what it is, a line of
// JSON, the subjects of each kind, and the SHA-256 of all before. A subject is its key, how many bytes follow, and fields: the number of
// each, and what it holds as it lies in memory. Little endian machines only, as all that Vedette runs on are.
const snapshotMagic = "vedette detect snapshot 2\n"

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
	Kind      string          `json:"kind"`
	Known     int             `json:"known"`
	Strangers int             `json:"strangers"`
	Fields    []snapshotField `json:"fields"`
}

type snapshotField struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
	Meaning uint64 `json:"meaning,omitempty"`
	Size    int    `json:"size"`
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
	for k := range Kinds {
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
	for k := range kindCount {
		if e.shards[0].tables[k] == nil {
			continue
		}
		s := snapshotKind{Kind: k.String()}
		for _, sh := range e.shards {
			s.Known += sh.tables[k].known.n
			s.Strangers += sh.tables[k].strangers.n
		}
		for _, f := range e.shards[0].tables[k].fields {
			s.Fields = append(s.Fields, snapshotField{f.name, f.version, f.meaning, int(f.size)})
		}
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

// What stands before a subject's fields, its key and their size, and before what a field holds, its number.
const (
	subjectHead = 8 + 4
	fieldHead   = 4
)

// write writes the records. A field that is zero is left out: it is as if it were not there.
func (p *pool) write(w *bufio.Writer) {
	var b []byte
	zero := make([]byte, slices.Max(p.table.parts))
	p.each(func(s *shape, r unsafe.Pointer) {
		b = append(b[:0], zero[:subjectHead]...)
		for i, f := range p.table.fields {
			if s.has[f.part] == 0 {
				continue
			}
			if held := bytesOf(unsafe.Add(r, uintptr(s.at[f.part])+f.at), f.size); !bytes.Equal(held, zero[:f.size]) {
				b = append(binary.LittleEndian.AppendUint32(b, uint32(i)), held...)
			}
		}
		binary.LittleEndian.PutUint64(b, (*record)(r).key)
		binary.LittleEndian.PutUint32(b[8:], uint32(len(b)-subjectHead))
		w.Write(b) // the writer keeps its error
	})
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
		s.tables, s.memory = fresh[i].tables, fresh[i].memory
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

// restoreKind reads the subjects of a kind. It makes something of them where we keep that kind.
func (e *Engine) restoreKind(in *summed, k snapshotKind, shards []*shard) error {
	by := slices.Index(kindNames, k.Kind)
	var ours []int
	if by >= 0 && e.shards[0].tables[by] != nil {
		ours = k.ours(e.shards[0].tables[by].layout)
	}
	b := make([]byte, maxRecordBytes)
	for i := range k.Known + k.Strangers {
		if err := in.full(b[:subjectHead]); err != nil {
			return err
		}
		key, size := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
		if size > maxRecordBytes {
			return fmt.Errorf("a record of kind %q has %d bytes", k.Kind, size)
		}
		if err := in.full(b[:size]); err != nil {
			return err
		}
		if ours == nil {
			continue
		}
		if err := k.restore(key, b[:size], shards[e.shardOf(key)].tables[by].pool(i >= k.Known), ours); err != nil {
			return err
		}
	}
	return nil
}

// ours returns, for each field of a snapshot's kind, which of a layout it is; -1 for one that it does not have, or has changed.
func (k *snapshotKind) ours(l *layout) []int {
	list := make([]int, len(k.Fields))
	for i, f := range k.Fields {
		list[i] = slices.IndexFunc(l.fields, func(o field) bool {
			return o.name == f.Name && o.version == f.Version && o.meaning == f.Meaning && int(o.size) == f.Size
		})
	}
	return list
}

// restore makes a subject of the fields in b.
func (k *snapshotKind) restore(key uint64, b []byte, p *pool, ours []int) error {
	t := p.table
	each := func(f func(o field, held []byte)) error {
		for rest := b; len(rest) > 0; {
			n := len(ours)
			if len(rest) >= fieldHead {
				n = int(min(binary.LittleEndian.Uint32(rest), uint32(n)))
			}
			if n == len(ours) || k.Fields[n].Size < 0 || len(rest)-fieldHead < k.Fields[n].Size {
				return fmt.Errorf("a record of kind %q makes no sense", k.Kind)
			}
			if ours[n] >= 0 {
				f(t.fields[ours[n]], rest[fieldHead:][:k.Fields[n].Size])
			}
			rest = rest[fieldHead+k.Fields[n].Size:]
		}
		return nil
	}
	has := t.shapes[0]
	if err := each(func(o field, _ []byte) { has = t.with(has, o.part) }); err != nil {
		return err
	}
	s := p.add(key, has)
	return each(func(o field, held []byte) { copy(bytesOf(unsafe.Add(s.part(o.part), o.at), o.size), held) })
}
