package keyring

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// MasterBytes is the length of a master key.
const MasterBytes = 32

// ParseMaster reads a master key: 64 hex digits, with white space around.
func ParseMaster(text string) (Secret, error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != MasterBytes {
		return Secret{}, fmt.Errorf("cannot read master key: want %d hex digits", 2*MasterBytes)
	}
	return NewSecret(b), nil
}

// LoadMaster reads the master key from a file, which nobody but its owner may be
// able to read.
func LoadMaster(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Secret{}, fmt.Errorf("cannot read master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Secret{}, fmt.Errorf("cannot read master key: others may read or write %s (mode %o): chmod 600 it", path, info.Mode().Perm())
	}
	b, err := readSmall(path)
	if err != nil {
		return Secret{}, fmt.Errorf("cannot read master key: %w", err)
	}
	m, err := ParseMaster(string(b))
	if err != nil {
		return Secret{}, fmt.Errorf("%w in %s", err, path)
	}
	return m, nil
}

// CreateMaster makes a master key from the random source (nil is crypto/rand)
// and writes it to a new file that only its owner can read. It returns after the
// file is on disk. It fails with fs.ErrExist if there is one, and leaves a whole
// file or none.
func CreateMaster(path string, random io.Reader) (Secret, error) {
	if random == nil {
		random = rand.Reader
	}
	key := make([]byte, MasterBytes)
	_, err := io.ReadFull(random, key)
	if err == nil {
		err = writeNew(path, hex.EncodeToString(key)+"\n")
	}
	if err != nil {
		return Secret{}, fmt.Errorf("cannot create master key: %w", err)
	}
	return NewSecret(key), nil
}

// writeNew links a written and synced file to its name, which unlike a rename
// fails if another process was first.
func writeNew(path, text string) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".master-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
