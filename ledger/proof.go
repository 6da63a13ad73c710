package ledger

import (
	"errors"
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrProof means that a proof does not prove what it says.
var ErrProof = errors.New("the proof does not hold")

// Inclusion proves that a record is in the ledger. Hashes are base64 in JSON.
type Inclusion struct {
	Position   uint64 `json:"position"`
	RecordHash Hash   `json:"record_hash"` // RFC 6962 leaf hash
	TreeSize   uint64 `json:"tree_size"`
	Path       []Hash `json:"path"`
	Checkpoint string `json:"checkpoint"`       // signed, of TreeSize
	Record     []byte `json:"record,omitempty"` // absent when retention removed it
}

// Consistency proves that a tree only grew.
type Consistency struct {
	OldSize    uint64 `json:"old_size"`
	OldRoot    Hash   `json:"old_root"`
	NewSize    uint64 `json:"new_size"`
	Path       []Hash `json:"path"`
	Checkpoint string `json:"checkpoint"` // signed, of NewSize
}

// ProveInclusion proves that the record at a position is in the tree of the newest
// checkpoint. It reads hashes only, and the record itself if it is still there.
func (r *Reader) ProveInclusion(position uint64) (*Inclusion, error) {
	head := r.view.Load().head
	if position >= head.Size {
		return nil, fmt.Errorf("cannot prove record %d: the ledger has %d records", position, head.Size)
	}
	path, err := tlog.ProveRecord(int64(head.Size), int64(position), r.hashes)
	if err != nil {
		return nil, fmt.Errorf("cannot prove record %d: %w", position, err)
	}
	leaf, err := r.hashes.node(0, position)
	if err != nil {
		return nil, fmt.Errorf("cannot prove record %d: %w", position, err)
	}
	p := &Inclusion{Position: position, RecordHash: leaf, TreeSize: head.Size, Path: path, Checkpoint: head.Note}
	err = r.Read(position, position+1, func(_ uint64, record []byte) error {
		p.Record = append([]byte{}, record...)
		return nil
	})
	if err != nil && !errors.Is(err, ErrRemoved) {
		return nil, fmt.Errorf("cannot prove record %d: %w", position, err)
	}
	if err := p.check(head); err != nil {
		return nil, fmt.Errorf("cannot prove record %d: the ledger is damaged there: %w", position, err)
	}
	return p, nil
}

// Check verifies the proof, offline, against a checkpoint that one of the verifiers
// signed. It returns ErrSignature or ErrProof when it fails.
func (p *Inclusion) Check(verifiers note.Verifiers) error {
	cp, err := ParseCheckpoint([]byte(p.Checkpoint), verifiers)
	if err != nil {
		return fmt.Errorf("cannot check record %d: %w", p.Position, err)
	}
	if err := p.check(cp); err != nil {
		return fmt.Errorf("cannot check record %d: %w", p.Position, err)
	}
	return nil
}

func (p *Inclusion) check(cp *Checkpoint) error {
	if cp.Size != p.TreeSize || p.TreeSize > math.MaxInt64 || p.Position >= p.TreeSize {
		return fmt.Errorf("%w: the checkpoint is of another size", ErrProof)
	}
	if p.Record != nil && tlog.RecordHash(p.Record) != p.RecordHash {
		return fmt.Errorf("%w: the record does not have the hash", ErrProof)
	}
	if err := tlog.CheckRecord(p.Path, int64(cp.Size), cp.Root, int64(p.Position), p.RecordHash); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	return nil
}

// ProveConsistency proves that the tree of the newest checkpoint continues the tree of
// an earlier size.
func (r *Reader) ProveConsistency(oldSize uint64) (*Consistency, error) {
	head := r.view.Load().head
	if oldSize < 1 || oldSize > head.Size {
		return nil, fmt.Errorf("cannot prove consistency with size %d: the ledger has %d records", oldSize, head.Size)
	}
	old, err := r.hashes.frontier(oldSize)
	if err != nil {
		return nil, fmt.Errorf("cannot prove consistency with size %d: %w", oldSize, err)
	}
	path, err := tlog.ProveTree(int64(head.Size), int64(oldSize), r.hashes)
	if err != nil {
		return nil, fmt.Errorf("cannot prove consistency with size %d: %w", oldSize, err)
	}
	c := &Consistency{OldSize: oldSize, OldRoot: old.root(), NewSize: head.Size, Path: path, Checkpoint: head.Note}
	if err := c.check(head); err != nil {
		return nil, fmt.Errorf("cannot prove consistency with size %d: the ledger is damaged: %w", oldSize, err)
	}
	return c, nil
}

// Check verifies the proof, offline, from a checkpoint that was trusted before to the one in
// the proof, which one of the verifiers must have signed.
func (c *Consistency) Check(old *Checkpoint, verifiers note.Verifiers) error {
	cp, err := ParseCheckpoint([]byte(c.Checkpoint), verifiers)
	if err != nil {
		return fmt.Errorf("cannot check consistency: %w", err)
	}
	if old.Size != c.OldSize || old.Root != c.OldRoot || old.Origin != cp.Origin {
		return fmt.Errorf("cannot check consistency: %w: it begins from another tree than the trusted one", ErrProof)
	}
	if err := c.check(cp); err != nil {
		return fmt.Errorf("cannot check consistency: %w", err)
	}
	return nil
}

func (c *Consistency) check(cp *Checkpoint) error {
	if cp.Size != c.NewSize || c.NewSize > math.MaxInt64 || c.OldSize > c.NewSize {
		return fmt.Errorf("%w: the checkpoint is of another size", ErrProof)
	}
	if err := tlog.CheckTree(c.Path, int64(c.NewSize), cp.Root, int64(c.OldSize), c.OldRoot); err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	return nil
}
