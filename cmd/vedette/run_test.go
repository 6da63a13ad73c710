package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vedette/store"
)

// invoke runs one command in this process.
func invoke(stdin string, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = run(context.Background(), &env{args: args, stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, getenv: func(string) string { return "" }})
	return out.String(), errs.String(), code
}

// expect runs a command and holds its exit code, and what it says to people.
func expect(t *testing.T, code int, says string, args ...string) {
	t.Helper()
	_, errs, got := invoke("", args...)
	if got != code || !strings.Contains(errs, says) {
		t.Errorf("%q: ended with %d, want %d and %q; it said\n%s", args, got, code, says, errs)
	}
}

// place is a folder with a configuration and keys for the built-in dialect binance.
type place struct {
	t                 *testing.T
	root, dir, config string
}

const placeKeys = "keys:\n  - {id: key-1, venue: binance, secret: dummysecret0123456789}\n"

func newPlace(t *testing.T) *place {
	up := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(up.Close)
	root := t.TempDir()
	p := &place{t, root, filepath.Join(root, "data"), filepath.Join(root, "vedette.yaml")}
	p.write("keys.yaml", placeKeys)
	p.write("vedette.yaml", p.yaml(up.URL, "observe"))
	return p
}

func (p *place) yaml(upstream, mode string) string {
	return fmt.Sprintf("dir: %s\nmode: %s\nops: \"\"\nlisteners: [{address: \"127.0.0.1:0\"}]\nvenues:\n  - {name: binance, upstream: \"%s\"}\nkeys: {file: keys.yaml}\n", p.dir, mode, upstream)
}

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.root, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) start(acceptNewState bool) (*app, error) {
	return p.startAt(acceptNewState, systemClock())
}

func (p *place) startAt(acceptNewState bool, at clock) (*app, error) {
	p.t.Helper()
	c, err := loadConfig(p.config)
	if err != nil {
		p.t.Fatal(err)
	}
	c.acceptNewState = acceptNewState
	return startApp(context.Background(), c, func(string) string { return "" }, discardLog(), at)
}

func (p *place) started() *app {
	p.t.Helper()
	a, err := p.start(false)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(a.close)
	return a
}

// TestReloadWhole: a reload changes everything or nothing.
func TestReloadWhole(t *testing.T) {
	p := newPlace(t)
	a := p.started()
	next := p.yaml("http://127.0.0.1:1", "enforce")
	state := func() (mode, upstream string, keys int) {
		s := a.Status()
		return s.Mode, s.Listening[0].Upstream, len(a.ring.List())
	}
	mode, upstream, _ := state()
	p.write("vedette.yaml", next)
	for what, keys := range map[string]string{"no YAML": "keys: [", "a key of no venue": strings.Replace(placeKeys, "binance", "nowhere", 1),
		"a bad key after a good one": placeKeys + "  - {id: key-2, venue: binance, scheme: rsa, secret: x}\n"} {
		p.write("keys.yaml", keys)
		if err := a.Reload(); err == nil || errors.Is(err, errInForce) {
			t.Errorf("%s: %v", what, err)
		}
		if m, u, n := state(); m != mode || u != upstream || n != 1 {
			t.Errorf("%s: half applied: mode %s, upstream %s, %d keys", what, m, u, n)
		}
		if up := a.proxy.Up(); len(up) != 1 {
			t.Errorf("%s: %v", what, up)
		}
	}
	p.write("keys.yaml", placeKeys+"  - {id: key-2, venue: binance, secret: dummysecret0123456789}\n")
	if err := a.Reload(); err != nil {
		t.Fatal(err)
	}
	if m, u, n := state(); m != "enforce" || u != "http://127.0.0.1:1" || n != 2 {
		t.Errorf("not applied: mode %s, upstream %s, %d keys", m, u, n)
	}
}

// TestNewState: a monitor that has recorded before does not start without its state.
func TestNewState(t *testing.T) {
	p := newPlace(t)
	a, err := p.start(false) // the first start ever
	if err != nil {
		t.Fatal(err)
	}
	a.close()
	file := filepath.Join(p.dir, store.FileName)
	for what, lose := range map[string]func() error{"gone": func() error { return os.Remove(file) }, "empty": func() error { return os.WriteFile(file, nil, 0o600) }} {
		for _, f := range []string{file + "-wal", file + "-shm"} {
			os.Remove(f)
		}
		if err := lose(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a refused start must not make the next one pass
			if a, err := p.start(false); err == nil {
				a.close()
				t.Fatalf("%s: started", what)
			} else if !strings.Contains(err.Error(), "-accept-new-state") {
				t.Errorf("%s: %v", what, err)
			}
			expect(t, exitNo, "-accept-new-state", "key", "freeze", "-c", p.config, "-account", "alice")
			expect(t, exitNo, "-accept-new-state", "key", "import", "-c", p.config, filepath.Join(p.root, "keys.yaml"))
		}
		if a, err = p.start(true); err != nil {
			t.Fatalf("%s: accepted, but %v", what, err)
		}
		a.close()
		if out, errs, _ := invoke("", "ledger", "read", "-dir", p.dir); !strings.Contains(out, `"state.new"`) {
			t.Errorf("%s: that a new state was accepted is not recorded: %s%s", what, out, errs)
		}
		if a, err = p.start(false); err != nil {
			t.Fatalf("%s: the start after: %v", what, err)
		}
		a.close()
	}
}

// TestCheckConfigReadsFiles: what the start would refuse, -check-config does.
func TestCheckConfigReadsFiles(t *testing.T) {
	p := newPlace(t)
	check := func(code int, says string) { t.Helper(); expect(t, code, says, "run", "-check-config", "-c", p.config) }
	check(exitDone, "configuration is good")
	p.write("keys.yaml", "keys:\n  - {id: key-1, venue: binance, secrit: x}\n")
	check(exitNo, "secrit")
	p.write("keys.yaml", strings.Replace(placeKeys, "binance", "binanse", 1))
	check(exitNo, "binanse")
	os.Remove(filepath.Join(p.root, "keys.yaml"))
	check(exitNo, "keys.yaml")
	p.write("keys.yaml", placeKeys)
	hook := func(url string) {
		p.write("vedette.yaml", p.yaml("http://127.0.0.1:1", "observe")+"findings: {webhook: {url: \""+url+"\", secret_file: hook.secret}}\n")
	}
	hook("https://hook.example/")
	check(exitNo, "hook.secret")
	p.write("hook.secret", "short")
	check(exitNo, "hook.secret")
	p.write("hook.secret", strings.Repeat("dummy0123", 4))
	check(exitDone, "configuration is good")
	hook("http://hook.example/")
	check(exitNo, "must be https")
	if _, err := os.Stat(p.dir); err == nil {
		t.Error("-check-config made the data folder")
	}
}

// TestOriginStays: another origin in front of a ledger that has one is an error, not
// silence.
func TestOriginStays(t *testing.T) {
	p := newPlace(t)
	first := p.yaml("http://127.0.0.1:1", "observe")
	p.write("vedette.yaml", first+"ledger: {origin: desk-a}\n")
	p.started().close()
	p.write("vedette.yaml", first+"ledger: {origin: desk-b}\n")
	if a, err := p.start(false); err == nil || !strings.Contains(err.Error(), `begun as "desk-a"`) {
		t.Errorf("%v", err)
		a.close()
	}
	p.write("vedette.yaml", first)
	p.started()
}
