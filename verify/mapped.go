package verify

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mapped is a file of fixed size mapped into memory: a header page with a magic
// text and a random seed, then the body. What is stored in it outlives the
// process at once, without a system call.
type mapped struct {
	f    *os.File
	mem  []byte
	seed [32]byte
}

const headerPage = 4096

// mapFile opens or creates the file for a body of n bytes and locks it.
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
	// Reserving the blocks now means that no later store can find the disk full.
	if err := unix.Fallocate(fd, 0, 0, size); err != nil {
		return fmt.Errorf("cannot reserve %d bytes: %w", size, err)
	}
	if m.mem, err = unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("cannot map: %w", err)
	}
	switch got := string(m.mem[:len(magic)]); got {
	case magic:
		copy(m.seed[:], m.mem[16:])
		return nil
	case string(make([]byte, len(magic))): // new, or killed before its header was whole
		if _, err := rand.Read(m.seed[:]); err != nil {
			return err
		}
		copy(m.mem[16:], m.seed[:])
		copy(m.mem, magic)
		return m.sync()
	}
	return errors.New("it was not made by this version for this purpose")
}

func (m *mapped) body() []byte { return m.mem[headerPage:] }

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
