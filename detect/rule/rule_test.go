package rule

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
)

// TestAllIsFresh wants all.go to list every detector of the package.
func TestAllIsFresh(t *testing.T) {
	before, err := os.ReadFile("all.go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copySources(t, dir)
	run(t, dir, "./internal/list")
	if after, _ := os.ReadFile(filepath.Join(dir, "all.go")); string(after) != string(before) {
		t.Error("all.go is stale: run go generate ./detect/rule")
	}
}

// TestFindingsAreDescribed wants docs/findings.md to say what the detectors are now.
func TestFindingsAreDescribed(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "findings.md")
	before, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	work := filepath.Join(dir, "detect", "rule")
	if err := os.MkdirAll(filepath.Join(dir, "docs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "docs", "findings.md"), before, 0o600); err != nil {
		t.Fatal(err)
	}
	copySources(t, work)
	run(t, work, "./internal/reference")
	if after, _ := os.ReadFile(filepath.Join(dir, "docs", "findings.md")); string(after) != string(before) {
		t.Error("docs/findings.md is stale: run go generate ./detect/rule")
	}
}

// TestMemory holds what every credential in use costs to a kilobyte; those that err cost more.
func TestMemory(t *testing.T) {
	var list []*detect.Detector
	for _, d := range All() {
		if d.By == detect.ByCredential {
			list = append(list, d)
		}
	}
	e, err := detect.New(detect.Config{Detectors: list, Raise: func(f *vedette.Finding) { t.Error(f.Summary) }})
	if err != nil {
		t.Fatal(err)
	}
	const keys = 10_000
	for i := range 3 * keys {
		e.Observe(uint64(i), &vedette.Call{Time: time.Unix(1767614400+int64(i), 0), Venue: "binance", Credential: fmt.Sprint("key-", i%keys), Account: "acct-1",
			Source: netip.MustParseAddrPort("192.0.2.7:1"), Path: "/api/v3/account", Action: vedette.Action{Operation: vedette.OpAccountRead},
			Verdict: vedette.Authentic, Answer: vedette.Answer{Status: 200}})
	}
	if n := e.Stats().Bytes / keys; n > 1024 {
		t.Errorf("access detectors keep %d bytes for each credential", n)
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

// copySources copies the package's files to a folder.
func copySources(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
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
}

// run builds a command of this module and runs it in a folder.
func run(t *testing.T, dir, command string) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "command")
	if out, err := exec.Command("go", "build", "-o", bin, command).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(bin)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
