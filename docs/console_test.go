package docs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// binary builds the program once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "vedette-docs-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "vedette"), "../cmd/vedette").CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("cannot build: %w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := binary(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// shell runs a command line in a folder and returns what it printed and its exit code.
func shell(t *testing.T, dir, line string) (string, int) {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.WaitDelay = time.Minute
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestConsole runs the console blocks that are marked "test", each in a folder with the
// files of testdata. A line "…" stands for any lines, "…" within a line for any text;
// standard output and error are compared without their order.
func TestConsole(t *testing.T) {
	for _, b := range blocks(t, "console test") {
		t.Run(fmt.Sprintf("%s:%d", b.file, b.line), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
				t.Fatal(err)
			}
			var command string
			var want []string
			run := func() {
				if command != "" {
					check(t, dir, command, want)
				}
				want = nil
			}
			for _, line := range strings.Split(strings.TrimRight(b.text, "\n"), "\n") {
				if next, ok := strings.CutPrefix(line, "$ "); ok {
					run()
					command = next
					continue
				}
				want = append(want, line)
			}
			run()
		})
	}
}

// check compares what a command prints and how it ends.
func check(t *testing.T, dir, command string, want []string) {
	t.Helper()
	out, code := shell(t, dir, command)
	wantCode := 0
	if n := len(want); n > 0 && strings.HasPrefix(want[n-1], "[exit ") {
		fmt.Sscanf(want[n-1], "[exit %d]", &wantCode)
		want = want[:n-1]
	}
	if code != wantCode {
		t.Errorf("$ %s\nended with %d, want %d:\n%s", command, code, wantCode, out)
		return
	}
	left := strings.Split(strings.TrimRight(out, "\n"), "\n")
	if out == "" {
		left = nil
	}
	open := false
	for _, w := range want {
		if w == "…" {
			open = true
			continue
		}
		p := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(w), "…", ".*") + "$")
		found := false
		for i, l := range left {
			if found = p.MatchString(l); found {
				left = append(left[:i], left[i+1:]...)
				break
			}
		}
		if !found {
			t.Errorf("$ %s\ndid not print %q, but\n%s", command, w, out)
		}
	}
	if len(left) > 0 && !open {
		t.Errorf("$ %s\nprinted also\n%s", command, strings.Join(left, "\n"))
	}
}
