// Package durabletest simulates a file system that fails and loses power.
package durabletest

import (
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"

	"vedette/internal/durable"
)

// page is what a disk writes at once: a power cut leaves each page old or new.
const page = 512

// Op is one change that the simulated disk was asked for.
type Op struct {
	Kind string // create write sync truncate rename remove syncdir
	Name string
}

// Fault says what happens at an Op.
type Fault struct {
	Err   error // what the caller is told; nil for no fault
	After bool  // the change takes effect although the caller is told that it failed
}

// FS is a durable.FS in memory. It keeps what programs see apart from what is on
// disk, and Crash leaves a random mixture that a real disk could have left.
type FS struct {
	mu    sync.Mutex
	seen  map[string]*inode // name space as programs see it
	disk  map[string]*inode // name space as it is on disk
	moves []func(map[string]*inode)
	locks map[string]bool
	life  int // handles of an earlier life are dead
	hook  func(Op) Fault
	limit int64 // bytes all files may hold together, 0 for no limit
}

type inode struct {
	seen, disk []byte
	dirty      map[int]bool // pages
}

// New returns an empty file system.
func New() *FS {
	return &FS{seen: map[string]*inode{}, disk: map[string]*inode{}, locks: map[string]bool{}}
}

// Hook installs what decides about faults, called before every change; nil removes it.
func (f *FS) Hook(h func(Op) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = h
}

// Limit bounds the bytes of all files together; writes beyond it fail with ENOSPC.
func (f *FS) Limit(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = bytes
}

// Used returns the bytes of all files together.
func (f *FS) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used()
}

func (f *FS) used() (n int64) {
	for _, i := range f.seen {
		n += int64(len(i.seen))
	}
	return n
}

// Kill ends all handles and locks as kill -9 does: the kernel keeps what was written.
func (f *FS) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.life++
	f.locks = map[string]bool{}
	f.hook = nil
}

// Crash cuts the power: of what was not synced, each page and each change of a folder
// survives or not, as the random source says; folder changes survive in order.
func (f *FS) Crash(r *rand.Rand) {
	f.Kill()
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.moves); n > 0 {
		for _, m := range f.moves[:r.IntN(n+1)] {
			m(f.disk)
		}
	}
	f.moves = nil
	f.seen = map[string]*inode{}
	for name, i := range f.disk {
		i.crash(r)
		f.seen[name] = i
	}
}

func (i *inode) crash(r *rand.Rand) {
	size := len(i.disk)
	if len(i.seen) != len(i.disk) && r.IntN(2) == 0 {
		size = len(i.seen)
	}
	left := make([]byte, size)
	copy(left, i.disk)
	for p := range i.dirty {
		lo, hi := p*page, min((p+1)*page, size, len(i.seen))
		if lo < hi && r.IntN(2) == 0 {
			copy(left[lo:hi], i.seen[lo:hi])
		}
	}
	i.disk, i.seen, i.dirty = left, append([]byte(nil), left...), map[int]bool{}
}

// ReadAll returns a copy of every file as programs see it.
func (f *FS) ReadAll() map[string][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string][]byte{}
	for name, i := range f.seen {
		all[name] = append([]byte(nil), i.seen...)
	}
	return all
}

// WriteAll replaces everything, durably.
func (f *FS) WriteAll(all map[string][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen, f.disk, f.moves = map[string]*inode{}, map[string]*inode{}, nil
	for name, b := range all {
		i := &inode{seen: append([]byte(nil), b...), disk: append([]byte(nil), b...), dirty: map[int]bool{}}
		f.seen[name], f.disk[name] = i, i
	}
}

// change asks the hook and runs do unless the fault comes before it.
func (f *FS) change(kind, name string, do func() error) error {
	if f.hook == nil {
		return do()
	}
	fault := f.hook(Op{kind, name})
	if fault.Err != nil && !fault.After {
		return &fs.PathError{Op: kind, Path: name, Err: fault.Err}
	}
	if err := do(); err != nil {
		return err
	}
	if fault.Err != nil {
		return &fs.PathError{Op: kind, Path: name, Err: fault.Err}
	}
	return nil
}

// move changes the name space now, and on disk when the folder is synced.
func (f *FS) move(m func(map[string]*inode)) {
	m(f.seen)
	f.moves = append(f.moves, m)
}

// OpenFile implements durable.FS.
func (f *FS) OpenFile(name string, flag int, _ fs.FileMode) (durable.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.seen[name]
	switch {
	case i == nil && flag&os.O_CREATE == 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case i != nil && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case i == nil:
		err := f.change("create", name, func() error {
			i = &inode{dirty: map[int]bool{}}
			f.move(func(m map[string]*inode) { m[name] = i })
			return nil
		})
		if err != nil {
			return nil, err
		}
	case flag&os.O_TRUNC != 0:
		if err := f.change("truncate", name, func() error { i.truncate(0); return nil }); err != nil {
			return nil, err
		}
	}
	return &file{fs: f, i: i, name: name, life: f.life}, nil
}

// Rename implements durable.FS.
func (f *FS) Rename(oldName, newName string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[oldName] == nil {
		return &fs.PathError{Op: "rename", Path: oldName, Err: fs.ErrNotExist}
	}
	return f.change("rename", newName, func() error {
		f.move(func(m map[string]*inode) {
			if i := m[oldName]; i != nil {
				delete(m, oldName)
				m[newName] = i
			}
		})
		return nil
	})
}

// Remove implements durable.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	return f.change("remove", name, func() error {
		f.move(func(m map[string]*inode) { delete(m, name) })
		return nil
	})
}

// ReadDir implements durable.FS.
func (f *FS) ReadDir(dir string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for name := range f.seen {
		if filepath.Dir(name) == filepath.Clean(dir) {
			names = append(names, filepath.Base(name))
		}
	}
	sort.Strings(names)
	return names, nil
}

// MkdirAll implements durable.FS; folders exist by being named.
func (f *FS) MkdirAll(string, fs.FileMode) error { return nil }

// SyncDir implements durable.FS. One folder's sync carries out those before it too, as
// the journal of a real file system does.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.change("syncdir", dir, func() error {
		for _, m := range f.moves {
			m(f.disk)
		}
		f.moves = nil
		return nil
	})
}

// Lock implements durable.FS.
func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locks[name] {
		return nil, durable.ErrLocked
	}
	f.locks[name] = true
	return unlock{f, name, f.life}, nil
}

type unlock struct {
	fs   *FS
	name string
	life int
}

func (u unlock) Close() error {
	u.fs.mu.Lock()
	defer u.fs.mu.Unlock()
	if u.life == u.fs.life {
		delete(u.fs.locks, u.name)
	}
	return nil
}

type file struct {
	fs   *FS
	i    *inode
	name string
	life int
}

func (h *file) alive() error {
	if h.life != h.fs.life {
		return &fs.PathError{Op: "use", Path: h.name, Err: fs.ErrClosed}
	}
	return nil
}

func (h *file) ReadAt(b []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err := h.alive(); err != nil {
		return 0, err
	}
	if off >= int64(len(h.i.seen)) {
		return 0, io.EOF
	}
	n := copy(b, h.i.seen[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *file) WriteAt(b []byte, off int64) (n int, err error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err := h.alive(); err != nil {
		return 0, err
	}
	err = h.fs.change("write", h.name, func() error {
		n = len(b)
		if grow := off + int64(n) - int64(len(h.i.seen)); h.fs.limit > 0 && grow > 0 {
			if over := h.fs.used() + grow - h.fs.limit; over > 0 {
				n = max(0, n-int(over)) // a full disk takes what still fits
			}
		}
		h.i.write(b[:n], off)
		if n < len(b) {
			return &fs.PathError{Op: "write", Path: h.name, Err: syscall.ENOSPC}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (i *inode) write(b []byte, off int64) {
	if len(b) == 0 {
		return
	}
	end := int(off) + len(b)
	if end > len(i.seen) {
		i.truncate(end)
	}
	copy(i.seen[off:], b)
	for p := int(off) / page; p*page < end; p++ {
		i.dirty[p] = true
	}
}

func (i *inode) truncate(size int) {
	for p := min(size, len(i.seen)) / page; p*page < max(size, len(i.seen)); p++ {
		i.dirty[p] = true
	}
	if size <= len(i.seen) {
		i.seen = i.seen[:size]
		return
	}
	i.seen = append(i.seen, make([]byte, size-len(i.seen))...)
}

func (h *file) Sync() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err := h.alive(); err != nil {
		return err
	}
	if h.fs.hook != nil {
		if fault := h.fs.hook(Op{"sync", h.name}); fault.Err != nil {
			if fault.After {
				h.i.flush()
			} else {
				// As Linux does: the pages count as clean although they were not written.
				h.i.dirty = map[int]bool{}
			}
			return &fs.PathError{Op: "sync", Path: h.name, Err: fault.Err}
		}
	}
	h.i.flush()
	return nil
}

func (i *inode) flush() {
	disk := make([]byte, len(i.seen))
	copy(disk, i.disk)
	for p := range i.dirty {
		lo, hi := p*page, min((p+1)*page, len(i.seen))
		if lo < hi {
			copy(disk[lo:hi], i.seen[lo:hi])
		}
	}
	i.disk, i.dirty = disk, map[int]bool{}
}

func (h *file) Truncate(size int64) error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err := h.alive(); err != nil {
		return err
	}
	return h.fs.change("truncate", h.name, func() error { h.i.truncate(int(size)); return nil })
}

func (h *file) Size() (int64, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return int64(len(h.i.seen)), h.alive()
}

func (h *file) InPlace() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.fs.seen[h.name] != h.i {
		return &fs.PathError{Op: "find", Path: h.name, Err: fs.ErrNotExist}
	}
	return h.alive()
}

func (h *file) Close() error { return nil }

// String lists the files, for a failing test's log.
func (f *FS) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for name, i := range f.seen {
		fmt.Fprintf(&b, "%s %d bytes\n", name, len(i.seen))
	}
	return b.String()
}
