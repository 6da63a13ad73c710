package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"vedette/internal/durable"
)

// leafInFrame hashes the record of a frame where it lies: the frame's last header
// byte is the leaf prefix.
func leafInFrame(frame []byte) Hash { return sha256.Sum256(frame[frameHeader-1:]) }

func nodeHash(l, r *Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], l[:])
	copy(b[1+sha256.Size:], r[:])
	return sha256.Sum256(b[:])
}

// frontier holds the roots of the complete subtrees that make up a tree, one for
// each bit of its size.
type frontier struct {
	size  uint64
	nodes [64]Hash
}

// add appends a leaf. Hashes that belong in tiles go to t, unless that is nil.
func (f *frontier) add(h Hash, t *tileTail) {
	if t != nil {
		t.put(0, h)
	}
	level := 0
	for s := f.size; s&1 == 1; s >>= 1 {
		h = nodeHash(&f.nodes[level], &h)
		level++
		if level%tileLevel == 0 && t != nil {
			t.put(level/tileLevel, h)
		}
	}
	f.nodes[level] = h
	f.size++
}

// root returns the hash of the whole tree.
func (f *frontier) root() Hash {
	if f.size == 0 {
		return emptyRoot()
	}
	low := bits.TrailingZeros64(f.size)
	h := f.nodes[low]
	for level := low + 1; level < bits.Len64(f.size); level++ {
		if f.size>>level&1 == 1 {
			h = nodeHash(&f.nodes[level], &h)
		}
	}
	return h
}

// tileTail collects hashes for the hash files until they are written.
type tileTail struct {
	from   [tileFiles]uint64 // index of the first hash collected, by tile level
	hashes [tileFiles][]byte
}

// begin empties the tail for a tree of the given size.
func (t *tileTail) begin(size uint64) {
	for l := range t.hashes {
		t.from[l] = size >> (tileLevel * l)
		t.hashes[l] = t.hashes[l][:0]
	}
}

func (t *tileTail) put(level int, h Hash) { t.hashes[level] = append(t.hashes[level], h[:]...) }

// hashFile names the file that holds all hashes of one tile level, one after another:
// tile N of width W is W*32 bytes at N*8192.
func hashFile(level int) string { return "hashes." + strconv.Itoa(level) }

// hashStore keeps the hash files. They can be made again from the segments that are
// still there, so they are synced only when a segment is finished.
type hashStore struct {
	fs    durable.FS
	dir   string
	mu    sync.RWMutex
	files [tileFiles]durable.File
}

func (s *hashStore) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l, f := range s.files {
		if f != nil {
			f.Close()
			s.files[l] = nil
		}
	}
}

// file opens the file of a level; only a writer passes os.O_CREATE.
func (s *hashStore) file(level, flag int) (durable.File, error) {
	s.mu.RLock()
	f := s.files[level]
	s.mu.RUnlock()
	if f != nil {
		return f, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files[level] != nil {
		return s.files[level], nil
	}
	f, err := s.fs.OpenFile(filepath.Join(s.dir, hashFile(level)), flag, 0o600)
	if err != nil {
		return nil, err
	}
	s.files[level] = f
	return f, nil
}

// write puts collected hashes in place. Writing the same twice does no harm.
func (s *hashStore) write(t *tileTail) error {
	for l, b := range t.hashes {
		if len(b) == 0 {
			continue
		}
		f, err := s.file(l, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return fmt.Errorf("cannot open %s: %w", hashFile(l), err)
		}
		if _, err := f.WriteAt(b, int64(t.from[l])*sha256.Size); err != nil {
			return fmt.Errorf("cannot write %s: %w", hashFile(l), err)
		}
	}
	return nil
}

func (s *hashStore) sync() error {
	for l := range s.files {
		s.mu.RLock()
		f := s.files[l]
		s.mu.RUnlock()
		if f == nil {
			continue
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("cannot sync %s: %w", hashFile(l), err)
		}
	}
	return s.fs.SyncDir(s.dir)
}

// cut removes hashes beyond a tree size.
func (s *hashStore) cut(size uint64) error {
	for l := range s.files {
		want := int64(size>>(tileLevel*l)) * sha256.Size
		f, err := s.file(l, os.O_RDWR)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot open %s: %w", hashFile(l), err)
		}
		have, err := f.Size()
		if err == nil && have > want {
			err = f.Truncate(want)
		}
		if err != nil {
			return fmt.Errorf("cannot cut %s: %w", hashFile(l), err)
		}
	}
	return nil
}

// tile reads hashes first to first+n of a tile level.
func (s *hashStore) tile(level int, first uint64, n int) ([]byte, error) {
	f, err := s.file(level, os.O_RDWR)
	if errors.Is(err, os.ErrPermission) {
		f, err = s.file(level, os.O_RDONLY)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", hashFile(level), err)
	}
	b := make([]byte, n*sha256.Size)
	off := int64(first) * sha256.Size
	got, err := f.ReadAt(b, off)
	if got < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("cannot read %s at byte %d: %w", hashFile(level), off, err)
	}
	return b, nil
}

// node returns a hash of any level of the tree. Levels that no tile holds are made
// from the nearest tile below, from at most 128 hashes.
func (s *hashStore) node(level int, n uint64) (Hash, error) {
	sub := level % tileLevel
	b, err := s.tile(level/tileLevel, n<<sub, 1<<sub)
	if err != nil {
		return Hash{}, err
	}
	return fold(b), nil
}

// fold hashes a power of two of consecutive hashes into the root of their subtree.
func fold(b []byte) Hash {
	hashes := make([]Hash, len(b)/sha256.Size)
	for i := range hashes {
		copy(hashes[i][:], b[i*sha256.Size:])
	}
	for n := len(hashes) / 2; n > 0; n /= 2 {
		for i := range n {
			hashes[i] = nodeHash(&hashes[2*i], &hashes[2*i+1])
		}
	}
	return hashes[0]
}

// frontier reads the frontier of a tree of the given size.
func (s *hashStore) frontier(size uint64) (*frontier, error) {
	f := &frontier{size: size}
	for level := range bits.Len64(size) {
		if size>>level&1 == 0 {
			continue
		}
		h, err := s.node(level, size>>level-1)
		if err != nil {
			return nil, err
		}
		f.nodes[level] = h
	}
	return f, nil
}

// ReadHashes implements tlog.HashReader.
func (s *hashStore) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		h, err := s.node(level, uint64(n))
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}
