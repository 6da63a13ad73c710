package verify

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapped is a file of fixed size mapped into memory: a header page, then the body.
// What is stored in it outlives the process at once, without a system call.
//
// The blocks are reserved when the file is made, so that a full disk shows at the
// start and never later. A disk that fails under the map, or somebody who cuts the
// file, raises a fault in the goroutine that touches it: guarded makes of that an
// answer that nothing is known.
type mapped struct {
	f    *os.File
	mem  []byte
	seed [32]byte
}

// The header page: magic, seed, a checksum of both, and two words that change.
const (
	headerPage = 4096
	atSeed     = 16
	atSum      = 48
	atLost     = 64 // see Window.lost
	atStarts   = 72 // how often the file was opened
)

// mapFile opens or creates the file for a body of n bytes and locks it. magic has
// eight bytes.
func mapFile(path, magic string, n int64) (*mapped, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	m := &mapped{f: f}
	if err := m.open(magic, headerPage+n); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

func (m *mapped) open(magic string, size int64) error {
	fd := int(m.f.Fd())
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return errors.New("another process holds it")
	}
	st, err := m.f.Stat()
	if err != nil {
		return err
	}
	if st.Size() != 0 && st.Size() != size {
		return fmt.Errorf("it has %d bytes where %d are configured: set the size it was made with, or delete it and forget what it saw", st.Size(), size)
	}
	if err := m.reserve(st.Size() == 0, size); err != nil {
		return fmt.Errorf("cannot reserve %d bytes: %w", size, err)
	}
	if m.mem, err = unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("cannot map: %w", err)
	}
	if err := m.header(magic); err != nil {
		return err
	}
	*m.word(atStarts)++
	return nil
}

// reserve gives the file its blocks. A new file that cannot have them is removed.
func (m *mapped) reserve(fresh bool, size int64) error {
	err := unix.Fallocate(int(m.f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) { // a file system that only writing makes reserve
		err = nil
		if fresh {
			_, err = io.CopyN(m.f, zeros{}, size)
		}
	}
	if err != nil && fresh {
		err = errors.Join(err, os.Remove(m.f.Name()))
	}
	return err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func (m *mapped) header(magic string) error {
	sum := func() []byte { s := sha256.Sum256(m.mem[:atSum]); return s[:8] }
	switch got := string(m.mem[:len(magic)]); got {
	case magic:
		if !bytes.Equal(m.mem[atSum:atSum+8], sum()) {
			return errors.New("its header is damaged: delete it and forget what it saw")
		}
		copy(m.seed[:], m.mem[atSeed:])
		return nil
	case string(make([]byte, len(magic))): // new, or killed before its header was whole
		if _, err := rand.Read(m.seed[:]); err != nil {
			return err
		}
		copy(m.mem[atSeed:], m.seed[:])
		copy(m.mem, magic)
		copy(m.mem[atSum:], sum())
		return m.sync()
	}
	return errors.New("it was not made by this version for this purpose")
}

func (m *mapped) body() []byte { return m.mem[headerPage:] }

// word is one of the header's words.
func (m *mapped) word(at int) *uint64 { return (*uint64)(unsafe.Pointer(&m.mem[at])) }

// guarded calls f and reports whether the file was there for it. m may be nil.
func (m *mapped) guarded(f func()) (ok bool) {
	if m == nil {
		f()
		return true
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if ok {
			return
		}
		p := recover()
		if _, fault := p.(interface{ Addr() uintptr }); !fault {
			panic(p)
		}
	}()
	f()
	return true
}

func (m *mapped) sync() error {
	if m == nil {
		return nil
	}
	if err := unix.Msync(m.mem, unix.MS_SYNC); err != nil {
		return fmt.Errorf("cannot sync %s: %w", m.f.Name(), err)
	}
	return nil
}

func (m *mapped) close() error {
	if m == nil {
		return nil
	}
	var err error
	if m.mem != nil {
		err = errors.Join(m.sync(), unix.Munmap(m.mem))
		m.mem = nil
	}
	return errors.Join(err, m.f.Close())
}

// raise stores v unless what is there is higher.
func raise(p *int64, v int64) {
	for old := atomic.LoadInt64(p); old < v; old = atomic.LoadInt64(p) {
		if atomic.CompareAndSwapInt64(p, old, v) {
			return
		}
	}
}
