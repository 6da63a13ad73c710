package verify

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzMapped: files of the replay window and the nonces with any content are refused, or
// used without harm; a signature is then seen once.
func FuzzMapped(f *testing.F) {
	dir := f.TempDir()
	w, err := OpenWindow(filepath.Join(dir, "replay"), 8)
	err = closed(w, err)
	if err == nil {
		n, e := OpenNonces(dir, 4, 1)
		err = closed(n, e)
	}
	sizes := map[string]int{}
	for _, name := range []string{"replay", "nonces-1"} {
		b, e := os.ReadFile(filepath.Join(dir, name))
		if err != nil || e != nil {
			f.Fatal(err, e)
		}
		sizes[name] = len(b)
		f.Add(b[:256], b[4096:])
	}
	f.Fuzz(func(t *testing.T, header, body []byte) {
		dir := t.TempDir()
		now := time.Unix(1_800_000_000, 0)
		for name, size := range sizes {
			b := make([]byte, size)
			copy(b, header)
			copy(b[4096:], body)
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if w, err := OpenWindow(filepath.Join(dir, "replay"), 8); err == nil {
			w.Known(Key{1}, now)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := OpenNonces(dir, 4, 1); err == nil {
			if err := n.use(Key{1}, 7, 0, now); err == nil && n.use(Key{1}, 7, 0, now) == nil {
				t.Fatal("a nonce was taken twice")
			}
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func closed(c interface{ Close() error }, err error) error {
	if err != nil {
		return err
	}
	return c.Close()
}
