package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestScaffold begins a detector in a copy of the package: what comes builds, fails until it has a
// positive and a near miss, and passes then.
func TestScaffold(t *testing.T) {
	dir := module(t)
	if err := write(dir, "access.made_up"); err != nil {
		t.Fatal(err)
	}
	run := func() (string, error) {
		cmd := exec.Command("go", "test", "-mod=mod", "-run", "TestMadeUp", "-rewrite", ".")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run(); err == nil || !strings.Contains(out, "has no events") {
		t.Fatalf("the skeleton passes, or fails otherwise: %v\n%s", err, out)
	}
	edit(t, filepath.Join(dir, "made_up.go"), "return false", "return e.Status == 418")
	event := `{"event":"call","time":"2026-01-05T12:00:0%dZ","venue":"binance","credential":"key-1","status":%d,"verdict":"authentic"}` + "\n"
	for i := range 3 {
		add(t, filepath.Join(dir, "testdata/made_up/positive.txt"), fmt.Sprintf(event, i, 418))
	}
	if out, err := run(); err == nil || !strings.Contains(out, "has no events") {
		t.Fatalf("passes without a near miss, or fails otherwise: %v\n%s", err, out)
	}
	add(t, filepath.Join(dir, "testdata/made_up/near_miss.txt"), fmt.Sprintf(event, 0, 200))
	if out, err := run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := write(dir, "access.made_up"); err == nil {
		t.Error("overwrites a detector")
	}
	for _, bad := range []string{"made_up", "access.", "access.MadeUp", "access.a-b", "access.x/../y"} {
		if write(dir, bad) == nil {
			t.Errorf("takes the name %q", bad)
		}
	}
}

// module makes a module beside ours whose only package is that of the detectors, without any of them.
func module(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for from, to := range map[string]string{"go.mod": "go.mod", "go.sum": "go.sum", "detect/rule/gen.go": "gen.go", "detect/rule/conduct.go": "conduct.go"} {
		b, err := os.ReadFile(filepath.Join(root, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit(t, filepath.Join(dir, "go.mod"), "module vedette\n", "module scratch\n\nrequire vedette v0.0.0\n\nreplace vedette => "+root+"\n")
	add(t, filepath.Join(dir, "all.go"), "package rule\n\nimport \"vedette/detect\"\n\n// All returns none.\nfunc All() []*detect.Detector { return nil }\n")
	return dir
}

func edit(t *testing.T, path, old, now string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), old) {
		t.Fatalf("%s has no %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), old, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
