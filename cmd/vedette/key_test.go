package main

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/api"
	"vedette/internal/durable"
	"vedette/venue"
	"vedette/verify"
)

func TestFreezeOfWhatIsThere(t *testing.T) {
	p := newPlace(t)
	key := func(code int, says, verb string, args ...string) {
		t.Helper()
		expect(t, code, says, append([]string{"key", verb, "-c", p.config}, args...)...)
	}
	for _, verb := range []string{"freeze", "thaw", "list"} {
		key(exitNo, "there is no ", verb, "-account", "alice")
	}
	if _, err := os.Stat(p.dir); err == nil {
		t.Error("a command that reads made the data folder")
	}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	key(exitNo, "there is no ", "freeze", "-account", "alice")
	if list, _ := os.ReadDir(p.dir); len(list) > 0 {
		t.Errorf("a command that reads made %v", list)
	}
	p.write("other.yaml", "keys:\n  - {id: stored-1, venue: binance, secret: dummysecret0123456789}\n")
	key(exitDone, "key.import", "import", filepath.Join(p.root, "other.yaml"))
	key(exitDone, "are in force too and are not listed", "list")
	if out, errs, code := invoke("", "key", "list", "-dir", p.dir); code != exitDone || errs != "" || !strings.Contains(out, "stored-1") {
		t.Errorf("list without a configuration: %d %s %s", code, out, errs)
	}

	for _, verb := range []string{"freeze", "thaw"} {
		key(exitUsage, `unknown venue "binanse"; did you mean "binance"?`, verb, "-venue", "binanse", "-id", "stored-1")
	}
	const warning = "no such key in the keyring: done all the same"
	check := func() {
		t.Helper()
		for id, known := range map[string]bool{"stored-1": true, "key-1": true, "key-9": false} {
			_, errs, code := invoke("", "key", "freeze", "-c", p.config, "-venue", "binance", "-id", id)
			if code != exitDone || strings.Contains(errs, warning) == known {
				t.Errorf("freeze of %s: %d %s", id, code, errs)
			}
			key(exitDone, "lifted", "thaw", "-venue", "binance", "-id", id)
		}
	}
	check()
	p.started()
	check()
}

// TestFreezeOfNobody: a scope that no key has is said, with what it may have meant, and a wallet is
// frozen however its address is written.
func TestFreezeOfNobody(t *testing.T) {
	p := newPlace(t)
	const wallet = "0xab5801a7d398351b8be11c439e05c5b3259aec9b"
	p.write("other.yaml", "keys:\n  - {id: stored-1, venue: binance, account: acct-1, owner: owner-1, secret: dummysecret0123456789}\n  - {id: \""+wallet+"\", venue: hyperliquid, scheme: eip712}\n")
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	expect(t, exitDone, "key.import", "key", "import", "-c", p.config, filepath.Join(p.root, "other.yaml"))
	f := func(want string, scope ...string) {
		t.Helper()
		for _, verb := range [][]string{{"key", "freeze"}, {"restrict", "set", "read_only"}} {
			if verb[0] == "restrict" {
				scope = slices.Clone(scope)
				for i, s := range scope {
					if s == "-id" {
						scope[i] = "-credential"
					}
				}
			}
			_, errs, code := invoke("", append(append(verb, "-c", p.config), scope...)...)
			if code != exitDone || strings.Contains(errs, "warning") != (want != "") || !strings.Contains(errs, want) {
				t.Errorf("%v %v: %d %s, want %q", verb, scope, code, errs, want)
			}
		}
	}
	check := func() {
		t.Helper()
		f("", "-account", "acct-1")
		f("", "-venue", "binance", "-owner", "owner-1")
		f(`did you mean "acct-1"? Case counts`, "-account", "ACCT-1")
		f(`did you mean "owner-1"?`, "-owner", "Owner-1")
		f("has that account or owner", "-account", "acct-2")
		f("has that account or owner", "-venue", "okx", "-account", "acct-1")
		f("no such key", "-id", "stored-1", "-account", "acct-2")
		f("no such key", "-id", "nobody")
		f("", "-venue", "hyperliquid", "-id", wallet)
		f("", "-venue", "hyperliquid", "-id", "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B")
		f("", "-id", "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B")
		out, _, _ := invoke("", "restrict", "list", "-c", p.config)
		if !strings.Contains(out, wallet) || strings.Contains(out, "0xAb") {
			t.Error(out)
		}
		expect(t, exitDone, "lifted", "key", "thaw", "-c", p.config, "-venue", "hyperliquid", "-id", "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B")
	}
	check()
	p.started()
	check()
}

// TestSilentMonitor: where a monitor holds the ledger and does not answer, nothing is
// stored as if it had been told.
func TestSilentMonitor(t *testing.T) {
	p := newPlace(t)
	expect(t, exitDone, "", "key", "import", "-c", p.config, filepath.Join(p.root, "keys.yaml"))
	if err := os.Mkdir(filepath.Join(p.dir, "ledger"), 0o700); err != nil {
		t.Fatal(err)
	}
	freeze := func(code int, says string) {
		t.Helper()
		expect(t, code, says, "key", "freeze", "-c", p.config, "-venue", "binance", "-id", "key-1")
	}
	freeze(exitDone, "no monitor runs")
	lock, err := durable.OS{}.Lock(filepath.Join(p.dir, "ledger", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	const silent = "its control socket does not answer"
	freeze(exitNo, silent)
	expect(t, exitNo, silent, "key", "thaw", "-c", p.config, "-venue", "binance", "-id", "key-1")
	expect(t, exitNo, silent, "key", "remove", "-c", p.config, "-venue", "binance", "-id", "key-1")
	if out, _, _ := invoke("", "key", "list", "-c", p.config); !strings.Contains(out, "key-1") || !strings.Contains(out, "frozen") {
		t.Errorf("changed though the monitor was not told: %s", out)
	}
	l, err := net.Listen("unix", filepath.Join(p.dir, api.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close() // a socket left behind
	freeze(exitNo, silent)
	lock.Close()
	freeze(exitDone, "no monitor runs")
}

func TestKeyAddRefuses(t *testing.T) {
	p := newPlace(t)
	p.write("secret", "dummysecret0123456789")
	add := func(code int, says string, args ...string) {
		t.Helper()
		expect(t, code, says, append([]string{"key", "add", "-c", p.config, "-venue", "binance", "-secret-file", filepath.Join(p.root, "secret")}, args...)...)
	}
	add(exitUsage, "-permissions is empty", "-id", "k", "-permissions", "")
	add(exitUsage, "-permissions is empty", "-id", "k", "-permissions", " , ")
	add(exitUsage, `got "extra"`, "-id", "k", "extra")
	add(exitDone, "key.add", "-id", "k", "-account", "alice")
	add(exitNo, "rotate it, or remove it first", "-id", "k", "-account", "mallory")
	if out, _, _ := invoke("", "key", "list", "-c", p.config); !strings.Contains(out, "alice") {
		t.Errorf("the key was replaced: %s", out)
	}
	expect(t, exitDone, "", "key", "remove", "-c", p.config, "-venue", "binance", "-id", "k")
	add(exitDone, "key.add", "-id", "k", "-permissions", "read")
}

func TestExtraArguments(t *testing.T) {
	dir := t.TempDir()
	for _, verb := range []string{"list", "rotate", "remove", "freeze", "thaw"} {
		expect(t, exitUsage, `got "extra"`, "key", verb, "-dir", dir, "extra")
	}
	for _, verb := range []string{"verify", "prove", "checkpoint", "read", "export", "retain", "hold", "release"} {
		expect(t, exitUsage, `got "extra"`, "ledger", verb, "-dir", dir, "extra")
	}
}

func TestKeyRefuses(t *testing.T) {
	p := newPlace(t)
	p.write("secret", "dummysecret0123456789")
	p.write("empty", " \n")
	key := func(code int, says, verb string, args ...string) {
		t.Helper()
		expect(t, code, says, append([]string{"key", verb, "-c", p.config, "-venue", "binance"}, args...)...)
	}
	file := func(name string) string { return filepath.Join(p.root, name) }
	key(exitNo, "is empty", "add", "-id", "k", "-secret-file", os.DevNull)
	key(exitNo, "is empty", "add", "-id", "k", "-secret-file", file("empty"))
	key(exitDone, "key.add", "add", "-id", "k", "-secret-file", file("secret"))
	key(exitNo, "is empty", "rotate", "-id", "k", "-secret-file", os.DevNull)
	for _, d := range []string{"-1h", "0"} {
		key(exitUsage, "want a time to come", "freeze", "-id", "k", "-for", d)
	}
	if out, _, _ := invoke("", "key", "list", "-c", p.config); strings.Contains(out, "frozen") {
		t.Errorf("frozen all the same: %s", out)
	}
	key(exitDone, "rotated", "rotate", "-id", "k", "-secret-file", file("secret"))
	key(exitNo, "rotating again would end it now", "rotate", "-id", "k", "-secret-file", file("secret"))
	key(exitDone, "rotated", "rotate", "-id", "k", "-secret-file", file("secret"), "-force")
	key(exitDone, "rotated", "rotate", "-id", "k", "-secret-file", file("secret"), "-force", "-overlap", "0")
	key(exitDone, "rotated", "rotate", "-id", "k", "-secret-file", file("secret"))
}

// TestKeyOfTheKeysFile: what the running monitor has from its keys file is known to the
// commands, also without its configuration.
func TestKeyOfTheKeysFile(t *testing.T) {
	p := newPlace(t)
	p.write("secret", "dummysecret0123456789")
	const shadowed, unknown = "the keys file has binance key", "no such key"
	do := func(warning string, want bool, args ...string) {
		t.Helper()
		if _, errs, code := invoke("", append([]string{"key"}, args...)...); code != exitDone || strings.Contains(errs, warning) != want {
			t.Errorf("%q: %d %s", args, code, errs)
		}
	}
	add := func(where, place, id string, want bool) {
		t.Helper()
		do(shadowed, want, "add", where, place, "-venue", "binance", "-id", id, "-secret-file", filepath.Join(p.root, "secret"))
		do(shadowed, want && where == "-c", "rotate", where, place, "-venue", "binance", "-id", id, "-secret-file", filepath.Join(p.root, "secret"))
		do("", true, "remove", where, place, "-venue", "binance", "-id", id)
	}
	add("-c", p.config, "key-1", true)
	add("-c", p.config, "key-9", false)
	p.started()
	add("-dir", p.dir, "key-1", true)
	add("-dir", p.dir, "key-9", false)
	do(unknown, false, "freeze", "-dir", p.dir, "-venue", "binance", "-id", "key-1")
	do(unknown, true, "freeze", "-dir", p.dir, "-venue", "binance", "-id", "key-9")
}

// TestTokenOfRemovedKey: a key that was removed while no monitor ran, and came back, finds
// no token of the time before.
func TestTokenOfRemovedKey(t *testing.T) {
	p := newPlace(t)
	p.write("secret", "dummysecret0123456789")
	key := func(verb string, more ...string) {
		t.Helper()
		expect(t, exitDone, "key."+verb, append([]string{"key", verb, "-dir", p.dir, "-venue", "binance", "-id", "key-9"}, more...)...)
	}
	token := strings.Repeat("t", 64)
	use := func(a *app) string {
		x := &verify.Case{Dialect: venue.Binance, Source: netip.MustParseAddr("192.0.2.7"), Now: time.Now(), Claim: &venue.Claim{}, Call: &vedette.Call{},
			Request: &venue.Request{Kind: venue.Upgrade, Method: "GET", Path: "/ws/" + token, Session: &venue.Session{}}}
		a.monitor.Verifier.Verify(x)
		return x.Call.Verdict.String()
	}
	key("add", "-secret-file", filepath.Join(p.root, "secret"))
	a := p.started()
	a.monitor.Verifier.Issue(&verify.Case{Dialect: venue.Binance, Now: time.Now(), Claim: &venue.Claim{}, Call: &vedette.Call{Verdict: vedette.Authentic, Credential: "key-9"}},
		&venue.Issued{Token: token})
	a.close()
	a = p.started()
	if got := use(a); got != "authentic" {
		t.Errorf("after a restart: %s", got)
	}
	a.close()
	if _, errs, code := invoke("", "key", "remove", "-dir", p.dir, "-venue", "binance", "-id", "key-9"); code != exitDone {
		t.Fatal(errs)
	}
	p.started().close()
	key("add", "-secret-file", filepath.Join(p.root, "secret"))
	if got := use(p.started()); got != "unverifiable" {
		t.Errorf("after the key came back: %s", got)
	}
}
