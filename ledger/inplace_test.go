package ledger

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFolderGone takes the folder, or a file in it, away from a ledger that is open: no
// record is acknowledged after that, and it shows also while none comes.
func TestFolderGone(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(dir string) error{
		"renamed": func(dir string) error { return os.Rename(dir, dir+".away") },
		"deleted": os.RemoveAll,
		"another folder in its place": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".away"), os.CopyFS(dir, os.DirFS(dir+".away")))
		},
		"segment deleted": func(dir string) error { return os.Remove(filepath.Join(dir, segmentName(0))) },
		"head replaced": func(dir string) error {
			head := filepath.Join(dir, headName)
			b, err := os.ReadFile(head)
			return errors.Join(err, os.Remove(head), os.WriteFile(head, b, 0o600))
		},
	} {
		for _, busy := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cfg, err := killConfig(filepath.Join(t.TempDir(), "ledger"))
				if err != nil {
					t.Fatal(err)
				}
				l, _ := mustOpen(t, cfg)
				add(t, l, "before")
				if err := take(cfg.Dir); err != nil {
					t.Fatal(err)
				}
				if busy {
					pos, err := l.Append([]byte("after"))
					if err == nil {
						err = l.Wait(context.Background(), pos)
					}
					if !errors.Is(err, ErrFailed) || !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("a record after that: %v", err)
					}
				}
				for end := time.Now().Add(10 * time.Second); l.Stats().State != Failed; time.Sleep(5 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("nobody noticed")
					}
				}
				if err := l.Stats().Err; !strings.Contains(err.Error(), "deleted, moved or replaced") || !strings.Contains(err.Error(), cfg.Dir) {
					t.Errorf("it says %v", err)
				}
				if err := l.Close(); !errors.Is(err, ErrFailed) {
					t.Errorf("close: %v", err)
				}
			})
		}
	}
}
