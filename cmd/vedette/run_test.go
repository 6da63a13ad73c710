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
	"time"

	"vedette/intel"
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

// TestReloadIntel: feeds come, change and go with a reload; a wrong one leaves them as they were.
func TestReloadIntel(t *testing.T) {
	p := newPlace(t)
	a := p.started()
	p.write("bad.list", "198.51.100.7\n")
	plain := p.yaml("http://127.0.0.1:1", "enforce")
	reload := func(feeds, hits string, fine bool) {
		t.Helper()
		p.write("vedette.yaml", plain+feeds)
		if err := a.Reload(); (err == nil) != fine {
			t.Errorf("%s: %v", feeds, err)
		}
		for range 500 { // a feed that is added is read at once, and not in the reload
			if list := a.Intel(); len(list) == 0 || list[0].State != intel.Waiting {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		got := ""
		for _, h := range a.IntelLookup("198.51.100.7").Hits {
			got += fmt.Sprintf("%s %s ", h.Feed, h.Action)
		}
		if got != hits {
			t.Errorf("%s: %q, want %q", feeds, got, hits)
		}
	}
	reload("", "", true)
	reload("intel: {feeds: [{name: mine, format: list, kind: address, file: bad.list, action: deny}]}\n", "mine deny ", true)
	reload("intel: {feeds: [{name: mine, format: list, kind: address, file: bad.list, action: hang}]}\n", "mine deny ", false)
	reload("intel: {feeds: [{name: mine, format: list, kind: address, file: bad.list}]}\n", "mine flag ", true)
	reload("intel: {own_ranges: [198.51.100.0/24], feeds: [{name: mine, format: list, kind: address, file: bad.list}]}\n", "", true)
	reload("", "", true)
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

// TestReceiversAndRespond: what is wrong with receivers, playbooks and the keys that cancel orders is said
// before anything starts.
func TestReceiversAndRespond(t *testing.T) {
	p := newPlace(t)
	p.write("keys.yaml", "keys:\n  - {id: key-1, venue: binance, secret: dummysecret0123456789, account: a, permissions: [read]}\n  - {id: key-2, venue: binance, secret: dummysecret0123456789, permissions: [read, trade]}\n"+
		"  - {id: key-3, venue: binance, scheme: ed25519, account: a, permissions: [read, trade]}\n")
	p.write("hook.secret", strings.Repeat("dummy0123", 4))
	p.write("bad.url", "http://chat.example/secret")
	p.write("cancel.yaml", "playbooks: [{name: a, match: {severity: high}, respond: [{do: cancel_all}]}]\n")
	p.write("freeze.yaml", "playbooks: [{name: a, match: {severity: high}, respond: [{do: freeze, subject: account, for: 1h}]}]\n")
	upstream := "http://127.0.0.1:1"
	f := func(yaml, says string) {
		t.Helper()
		p.write("vedette.yaml", strings.Replace(p.yaml(upstream, "observe"), "venues:\n", "venues:\n  - {name: kucoin, upstream: \"http://127.0.0.1:2\", path_prefix: /k}\n", 1)+yaml+"\n")
		code := exitNo
		if says == "configuration is good" {
			code = exitDone
		}
		expect(t, code, says, "run", "-check-config", "-c", p.config)
	}
	f("receivers: [{name: a, kind: file, file: f.jsonl}, {name: b, kind: syslog, address: 'siem.example:6514', format: cef, severity: high}]", "configuration is good")
	f("receivers: [{name: A, kind: file, file: f}]", `name "A"`)
	f("receivers: [{name: a, kind: file, file: f}, {name: a, kind: file, file: g}]", "want one of its own")
	f("receivers: [{name: findings-webhook, kind: file, file: f}]", "want one of its own")
	f("receivers: [{name: a, kind: fax}]", "want webhook, slack, syslog, mail or file")
	f("receivers: [{name: a, kind: file}]", "receivers: a: file is missing")
	f("receivers: [{name: a, kind: file, file: f, url: 'https://x'}]", "url has no use with kind file")
	f("receivers: [{name: a, kind: file, file: f, format: osf}]", `format "osf"; did you mean "ocsf"?`)
	f("receivers: [{name: a, kind: file, file: f, severity: hihg}]", "hihg")
	f("receivers: [{name: a, kind: file, file: f, keep_bytes: 5}]", "keep_bytes 5")
	f("receivers: [{name: a, kind: syslog, network: tcp, address: 'siem.example:514'}]", "in the clear")
	f("receivers: [{name: a, kind: syslog, network: sctp, address: 'siem.example:514'}]", "want tls, tcp, udp or unix")
	f("receivers: [{name: a, kind: mail, address: 'm:587', from: 'Vedette <v@x.example>', to: [a@x.example]}]", "is no mail address")
	f("receivers: [{name: a, kind: mail, address: 'm:587', from: v@x.example, to: [a@x.example], user: v}]", "go together")
	f("receivers: [{name: a, kind: webhook, url: 'http://x.example/', secret_file: hook.secret}]", "must be https")
	f("receivers: [{name: a, kind: webhook, url: 'https://x.example/', secret_file: none}]", "none")
	p.write("vedette.yaml", p.yaml(upstream, "observe")+"receivers: [{name: a, kind: slack, url_file: bad.url}]\n")
	if _, errs, code := invoke("", "run", "-check-config", "-c", p.config); code != exitNo || !strings.Contains(errs, "holds no https URL") || strings.Contains(errs, "secret") {
		t.Errorf("%d %s", code, errs)
	}
	f("respond: {playbooks: none.yaml}", "none.yaml")
	f("respond: {playbooks: freeze.yaml}", "configuration is good")
	f("respond: {playbooks: cancel.yaml}", "a playbook has cancel_all, but cancel_with names no key")
	f("respond: {playbooks: cancel.yaml, cancel_with: [{venue: kucoin, key: k}]}", "cancelling all orders is not known for kucoin, only for binance, bybit, deribit, kraken, okx")
	f("respond: {playbooks: cancel.yaml, cancel_with: [{venue: binanc, key: k}]}", `no venue has that name; did you mean "binance"?`)
	f("respond: {playbooks: cancel.yaml, cancel_with: [{venue: binance}]}", "key is missing")
	for key, says := range map[string]string{"none": "no such key in the keyring", "key-1": "needs the permissions read and trade", "key-2": "names no account", "key-3": "signs by hmac, not ed25519"} {
		p.write("vedette.yaml", p.yaml(upstream, "observe")+"respond: {playbooks: cancel.yaml, cancel_with: [{venue: binance, key: "+key+"}]}\n")
		expect(t, exitNo, says, "run", "-plain", "-c", p.config)
	}
}
