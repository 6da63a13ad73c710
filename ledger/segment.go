package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"vedette/internal/durable"
)

const (
	segmentMagic = "vedledg1" // format version 1
	segmentExt   = ".seg"
	tornPrefix   = "torn-" // of a file with a torn end
)

// segmentName names the segment that begins with a position, so that names sort.
func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentExt) }

func parseSegmentName(name string) (first uint64, ok bool) {
	digits, found := strings.CutSuffix(name, segmentExt)
	first, err := strconv.ParseUint(digits, 10, 63)
	if !found || err != nil || segmentName(first) != name {
		return 0, false
	}
	return first, true
}

// listSegments returns the first positions of the segments in a folder, ascending.
func listSegments(fsys durable.FS, dir string) ([]uint64, error) {
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", dir, err)
	}
	var firsts []uint64
	for _, n := range names {
		if first, ok := parseSegmentName(n); ok {
			firsts = append(firsts, first)
		}
	}
	slices.Sort(firsts)
	return firsts, nil
}

// segmentStart is what a segment begins with.
func segmentStart(cp *Checkpoint) []byte {
	return appendFrame([]byte(segmentMagic), kindOpen, []byte(cp.Note))
}

// readStart reads the opening checkpoint of a segment, without checking its signature,
// with the number of bytes it takes.
func readStart(f durable.File) (*Checkpoint, int64, error) {
	b := make([]byte, len(segmentMagic)+frameHeader+maxNote)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	b = b[:n]
	if len(b) < len(segmentMagic) || string(b[:len(segmentMagic)]) != segmentMagic {
		return nil, 0, errors.New("it does not begin as a segment of this version")
	}
	kind, payload, err := parseFrame(b[len(segmentMagic):])
	if err == nil && kind != kindOpen {
		err = errKind
	}
	if err != nil {
		return nil, 0, fmt.Errorf("its opening checkpoint is damaged: %w", err)
	}
	cp, err := peekCheckpoint(payload)
	if err != nil {
		return nil, 0, err
	}
	return cp, int64(len(segmentMagic) + frameHeader + len(payload)), nil
}

// readEnd reads the checkpoint of a segment's last frame, without checking its signature.
func readEnd(f durable.File) (*Checkpoint, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(size, frameHeader+8+maxNote))
	if _, err := f.ReadAt(b, size-int64(len(b))); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for i := len(b) - frameHeader; i >= 0; i-- {
		kind, payload, err := parseFrame(b[i:])
		if err != nil || i+frameHeader+len(payload) != len(b) {
			continue
		}
		switch kind {
		case kindOpen:
			return peekCheckpoint(payload)
		case kindCommit:
			c, err := parseCommit(payload)
			if err != nil {
				return nil, err
			}
			return peekCheckpoint(c.note)
		}
	}
	return nil, errors.New("it does not end with a commit")
}

// frames reads a segment frame by frame in large chunks.
type frames struct {
	f    durable.File
	off  int64 // of the next frame
	end  int64 // where to stop
	buf  []byte
	base int64 // offset of buf[0]
	size int   // bytes of the frame returned last
}

func newFrames(f durable.File, from, end int64) *frames {
	return &frames{f: f, off: from, end: end, base: from}
}

// next returns the next frame as it lies in the file, with its kind. The bytes are
// valid until the next call. It returns io.EOF at the end; any other error leaves off at
// the frame that is damaged.
func (r *frames) next() (kind byte, frame []byte, err error) {
	if r.off >= r.end {
		return 0, nil, io.EOF
	}
	b, err := r.have(frameHeader)
	if err != nil {
		return 0, nil, err
	}
	if len(b) >= frameHeader {
		if b, err = r.have(frameHeader + int(b[1])<<8 + int(b[2])); err != nil {
			return 0, nil, err
		}
	}
	kind, payload, err := parseFrame(b)
	if err != nil {
		return 0, nil, err
	}
	n := frameHeader + len(payload)
	r.off += int64(n)
	return kind, b[:n], nil
}

// have returns up to the end, but at least n bytes from off if they exist.
func (r *frames) have(n int) ([]byte, error) {
	at := int(r.off - r.base)
	if at+n <= len(r.buf) {
		return r.buf[at:], nil
	}
	want := min(max(int64(n), readChunk), r.end-r.off)
	if int64(cap(r.buf)) < want {
		r.buf = make([]byte, want)
	}
	got, err := r.f.ReadAt(r.buf[:want], r.off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot read at byte %d: %w", r.off, err)
	}
	r.buf, r.base = r.buf[:got], r.off
	return r.buf, nil
}

func openSegment(fsys durable.FS, dir string, first uint64, flag int) (durable.File, error) {
	f, err := fsys.OpenFile(filepath.Join(dir, segmentName(first)), flag, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open segment: %w", err)
	}
	return f, nil
}

// createSegment starts a segment after a checkpoint.
func createSegment(fsys durable.FS, dir string, cp *Checkpoint) (durable.File, int64, error) {
	start := segmentStart(cp)
	name := filepath.Join(dir, segmentName(cp.Size))
	if err := durable.Replace(fsys, name, start, 0o600); err != nil {
		return nil, 0, err
	}
	f, err := openSegment(fsys, dir, cp.Size, os.O_RDWR)
	return f, int64(len(start)), err
}
