package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStandardInput: what a command reads from a file it reads from standard input as well, and of a secret that is too
// long it takes no part.
func TestStandardInput(t *testing.T) {
	p := newPlace(t)
	keysFile := filepath.Join(p.root, "keys.yaml")
	recording := `[{"exchange":"binance","method":"GET","url":"https://api.binance.com/api/v3/time","headers":[]}]`
	converted, errs, code := invoke(recording, "convert", "-")
	if code != exitDone || !strings.Contains(converted, "/api/v3/time") {
		t.Fatalf("convert ended with %d: %s%s", code, converted, errs)
	}
	long := strings.Repeat("s", 64<<10+1)
	for _, x := range []struct {
		in   string
		code int
		says string
		args []string
	}{
		{converted, exitDone, "", []string{"check", "-keys", keysFile}},
		{converted, exitDone, "", []string{"replay", "-c", p.config}},
		{"dummysecret0123456789\n", exitDone, "", []string{"key", "add", "-c", p.config, "-venue", "binance", "-id", "key-2", "-secret-file"}},
		{long, exitNo, "cannot read secret: it has over 65536 bytes", []string{"key", "add", "-c", p.config, "-venue", "binance", "-id", "key-3", "-secret-file"}},
		{long, exitNo, "cannot read token: it has over 65536 bytes", []string{"token", "revoke", "-c", p.config, "-for", "1h", "-token-file"}},
	} {
		file := filepath.Join(t.TempDir(), "in")
		if err := os.WriteFile(file, []byte(x.in), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"-", file} {
			if x.args[0] == "key" && x.code == exitDone {
				x.args[7] += "x" // another key
			}
			if _, errs, code := invoke(x.in, append(x.args, name)...); code != x.code || !strings.Contains(errs, x.says) {
				t.Errorf("%q %s: ended with %d, want %d and %q; it said\n%s", x.args, name, code, x.code, x.says, errs)
			}
		}
	}
}
