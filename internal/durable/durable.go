// Package durable writes files so that a power cut leaves the old content or the
// new one.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// TempSuffix ends the name of a file that is not yet in place. A crash may leave
// one behind; the next write of the same file replaces it.
const TempSuffix = ".tmp"

// FS is the part of a file system that durable state needs. Two implementations
// exist: OS, and the crash-simulating one in durabletest.
//
// All methods may be called concurrently. Errors are those of package os, so that
// errors.Is works with fs.ErrNotExist, fs.ErrExist and syscall.ENOSPC.
type FS interface {
	// OpenFile opens a file as os.OpenFile does. A file that it creates survives a
	// power cut only after SyncDir of its folder.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Rename replaces newName atomically. It is durable after SyncDir.
	Rename(oldName, newName string) error
	// Remove deletes a file. It is durable after SyncDir.
	Remove(name string) error
	// ReadDir lists the names in a folder, sorted.
	ReadDir(dir string) ([]string, error)
	// MkdirAll makes a folder with its parents and makes their entries durable.
	MkdirAll(dir string, perm fs.FileMode) error
	// SyncDir makes creations, renames and removals in a folder durable.
	SyncDir(dir string) error
	// Lock takes an advisory lock that no other process or holder can have, or
	// fails with ErrLocked. The lock ends with Close or with the process.
	Lock(name string) (io.Closer, error)
}

// File is an open file. Reads and writes at offsets may be concurrent.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the content and the size durable. After an error nothing is known
	// about what was written since the last Sync that succeeded; a second Sync that
	// succeeds proves nothing until the content was written again.
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	// InPlace returns an error unless the name that the file was opened by still leads
	// to it: one that wraps fs.ErrNotExist where it leads nowhere or to another file.
	InPlace() error
}

// ErrLocked means that somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")

// Create writes a file that must not exist yet. It returns an error that wraps
// fs.ErrExist if it does.
func Create(fsys FS, name string, data []byte, perm fs.FileMode) error {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err == nil {
		f.Close()
		return fmt.Errorf("cannot create %s: %w", name, fs.ErrExist)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot create %s: %w", name, err)
	}
	return Replace(fsys, name, data, perm)
}

// Replace writes a file whether or not it exists: into a temporary file, synced,
// renamed, and the folder synced. After an error the file holds the old content or the
// new one, never a mixture.
func Replace(fsys FS, name string, data []byte, perm fs.FileMode) error {
	return ReplaceWith(fsys, name, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// ReplaceWith is Replace for content that write makes, and need not be in memory.
func ReplaceWith(fsys FS, name string, perm fs.FileMode, write func(w io.Writer) error) error {
	temp := name + TempSuffix
	if err := writeSynced(fsys, temp, perm, write); err != nil {
		fsys.Remove(temp) // best effort: a leftover is harmless
		return fmt.Errorf("cannot write %s: %w", temp, err)
	}
	if err := fsys.Rename(temp, name); err != nil {
		fsys.Remove(temp)
		return fmt.Errorf("cannot put %s in place: %w", name, err)
	}
	if err := fsys.SyncDir(filepath.Dir(name)); err != nil {
		return fmt.Errorf("cannot sync the folder of %s: %w", name, err)
	}
	return nil
}

func writeSynced(fsys FS, name string, perm fs.FileMode, write func(w io.Writer) error) (err error) {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	if err := write(io.NewOffsetWriter(f, 0)); err != nil {
		return err
	}
	return f.Sync()
}

// ReadFile reads a whole file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("cannot read %s: %d bytes, more than the limit of %d", name, size, limit)
	}
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if err != nil && !(errors.Is(err, io.EOF) && int64(n) == size) {
		return nil, err
	}
	return b, nil
}
