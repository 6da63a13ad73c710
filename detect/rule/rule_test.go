package rule

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAllIsFresh wants all.go to list every detector of the package.
func TestAllIsFresh(t *testing.T) {
	before, err := os.ReadFile("all.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files, _ := filepath.Glob("*.go")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(t.TempDir(), "list")
	if out, err := exec.Command("go", "build", "-o", bin, "./internal/list").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, "all.go")); string(after) != string(before) {
		t.Error("all.go is stale: run go generate ./detect/rule")
	}
}

// TestEveryDetectorIsTested wants a test with golden data for each.
func TestEveryDetectorIsTested(t *testing.T) {
	for _, d := range All() {
		_, name, _ := strings.Cut(d.Name, ".")
		if _, err := os.Stat(name + "_test.go"); err != nil {
			t.Errorf("%s has no %s_test.go", d.Name, name)
		}
		if dirs, _ := filepath.Glob(filepath.Join("testdata", name, "*.txt")); len(dirs) < 2 {
			t.Errorf("%s has no golden data in testdata/%s", d.Name, name)
		}
	}
	if len(All()) == 0 {
		t.Error("no detectors")
	}
}
