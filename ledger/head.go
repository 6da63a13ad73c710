package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"vedette/internal/durable"
)

// The head file says how far the ledger was durable: two slots, written in turn, so that a
// power cut spoils one at most. A slot is a page:
//
//	crc32c(4, big-endian, of length and checkpoint) length(2, big-endian) checkpoint zeros
//
// It is written after each commit was synced, so it never says too much.
const (
	headName = "head"
	headSlot = 4096
	headFile = 2 * headSlot
)

var errSlot = errors.New("the slot's checksum, length or padding does not match")

func encodeSlot(signed string) []byte {
	b := make([]byte, headSlot)
	binary.BigEndian.PutUint16(b[4:], uint16(len(signed)))
	copy(b[6:], signed)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:6+len(signed)], crcTable))
	return b
}

func decodeSlot(b []byte) (signed []byte, err error) {
	if len(b) != headSlot {
		return nil, errSlot
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n > maxNote || crc32.Checksum(b[4:6+n], crcTable) != binary.BigEndian.Uint32(b) {
		return nil, errSlot
	}
	for _, c := range b[6+n:] {
		if c != 0 {
			return nil, errSlot
		}
	}
	return b[6 : 6+n], nil
}

// head is the open head file.
type head struct {
	file durable.File
	next int // slot to write
}

// createHead writes both slots with the same checkpoint.
func createHead(fsys durable.FS, dir, signed string) error {
	slot := encodeSlot(signed)
	return durable.Create(fsys, filepath.Join(dir, headName), append(slot, slot...), 0o600)
}

// headState is what reading the head file gave.
type headState struct {
	best  *Checkpoint // of the newest valid slot
	slot  int         // where it is
	bad   [2]error    // why a slot is no good
	notes [2]*Checkpoint
}

// parseHead reads both slots. It fails if neither is good.
func parseHead(b []byte, origin string, verifiers note.Verifiers) (*headState, error) {
	if len(b) != headFile {
		return nil, fmt.Errorf("cannot read %s: it has %d bytes, not %d", headName, len(b), headFile)
	}
	s := &headState{}
	for i := range 2 {
		signed, err := decodeSlot(b[i*headSlot : (i+1)*headSlot])
		if err == nil {
			s.notes[i], err = parseOwn(signed, origin, verifiers)
		}
		s.bad[i] = err
		if err == nil && (s.best == nil || s.notes[i].Size > s.best.Size) {
			s.best, s.slot = s.notes[i], i
		}
	}
	if s.best == nil {
		return nil, fmt.Errorf("cannot read %s: slot 0 (byte 0): %w; slot 1 (byte %d): %w", headName, s.bad[0], headSlot, s.bad[1])
	}
	return s, nil
}

func readHead(fsys durable.FS, dir, origin string, verifiers note.Verifiers) (*headState, error) {
	b, err := durable.ReadFile(fsys, filepath.Join(dir, headName), 1<<20)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", headName, err)
	}
	return parseHead(b, origin, verifiers)
}

func openHead(fsys durable.FS, dir string, next int) (*head, error) {
	f, err := fsys.OpenFile(filepath.Join(dir, headName), os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", headName, err)
	}
	return &head{file: f, next: next}, nil
}

// write puts a checkpoint in the older slot. It does not sync.
func (h *head) write(signed string) error {
	if _, err := h.file.WriteAt(encodeSlot(signed), int64(h.next)*headSlot); err != nil {
		return fmt.Errorf("cannot write %s: %w", headName, err)
	}
	h.next = 1 - h.next
	return nil
}

func (h *head) sync() error {
	if err := h.file.Sync(); err != nil {
		return fmt.Errorf("cannot sync %s: %w", headName, err)
	}
	return nil
}
