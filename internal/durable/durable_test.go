package durable_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"vedette/internal/durable"
	"vedette/internal/durable/durabletest"
)

// TestReplaceFaults lets every step of Replace fail, before and after it took effect, and the power
// go after it: the file holds the old content or the new one, and the new one if Replace said so.
func TestReplaceFaults(t *testing.T) {
	old, fresh := bytes.Repeat([]byte("old"), 1000), bytes.Repeat([]byte("fresh"), 1000)
	for at := 1; at <= 6; at++ {
		for _, after := range []bool{false, true} {
			for seed := range uint64(30) {
				f := durabletest.New()
				if err := durable.Create(f, "d/file", old, 0o600); err != nil {
					t.Fatal(err)
				}
				n := 0
				f.Hook(func(durabletest.Op) durabletest.Fault {
					if n++; n >= at {
						return durabletest.Fault{Err: syscall.EIO, After: after && n == at}
					}
					return durabletest.Fault{}
				})
				err := durable.Replace(f, "d/file", fresh, 0o600)
				f.Crash(rand.New(rand.NewPCG(seed, uint64(at))))
				got, rerr := durable.ReadFile(f, "d/file", 1<<20)
				if rerr != nil {
					t.Fatal(rerr)
				}
				if isNew := bytes.Equal(got, fresh); !isNew && (err == nil || !bytes.Equal(got, old)) {
					t.Fatalf("step %d after %v: Replace says %v, the file holds %d bytes", at, after, err, len(got))
				}
			}
		}
	}
}

func TestOS(t *testing.T) {
	var f durable.OS
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := f.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "file")
	if err := durable.Create(f, name, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := durable.Create(f, name, []byte("two"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second create: %v", err)
	}
	if err := durable.Replace(f, name, []byte("three"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := durable.ReadFile(f, name, 5); err != nil || string(b) != "three" {
		t.Errorf("%q %v", b, err)
	}
	if _, err := durable.ReadFile(f, name, 4); err == nil {
		t.Error("read more than the limit")
	}
	names, err := f.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("%v %v: a temporary file was left", names, err)
	}
	lock, err := f.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Lock(filepath.Join(dir, "lock")); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("second lock: %v", err)
	}
	lock.Close()
	if lock, err = f.Lock(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	lock.Close()
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
