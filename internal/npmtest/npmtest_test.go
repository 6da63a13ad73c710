package npmtest

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestInstallOnce(t *testing.T) {
	cache, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("registry is down")
	if _, err := install(cache, dir, func(string) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if left, _ := os.ReadDir(cache); len(left) != 0 {
		t.Fatalf("a failed installation leaves %v", left)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			home, err := install(cache, dir, func(d string) error { return os.Mkdir(filepath.Join(d, "node_modules"), 0o755) })
			if err != nil || !present(home) {
				t.Errorf("%s, %v", home, err)
			}
		})
	}
	wg.Wait()
	home, err := install(cache, dir, func(string) error { return errors.New("installed twice") })
	if err != nil {
		t.Fatal(err)
	}
	if all, _ := os.ReadDir(cache); len(all) != 1 || all[0].Name() != filepath.Base(home) {
		t.Fatalf("cache holds %v", all)
	}
}
