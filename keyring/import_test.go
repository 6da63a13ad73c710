package keyring

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vedette"
)

func testImporter() Importer {
	return Importer{
		Options: Options{Venues: []string{"binance", "okx", "hyperliquid"}},
		ReadFile: func(name string) ([]byte, error) {
			if name == "dir/a.secret" {
				return []byte("from-file\r\n"), nil
			}
			return nil, errors.New("no such file")
		},
		Getenv: func(name string) (string, bool) { return "from-env", name == "A_SECRET" },
	}
}

func TestImport(t *testing.T) {
	const file = `# keys of the test
---
keys:   # all of them
  - id: dummy-key                # as the client sends it
    venue: binance
    scheme: hmac
    secret_file: a.secret
    account: acct-1
    owner: owner-1
    permissions: [read, trade]
    ip_allow: [192.0.2.0/24, "2001:db8::1"]
    instruments: [BTCUSDT]
    operations: [order.new, order.cancel]
    withdraw_allow:
      - bc1qxyz
    created: 2026-01-05T00:00:00Z
    expires: 2026-12-31T00:00:00+01:00
    mfa: true

# between
  - venue: okx
    id: 0123456
    secret: 0012_34
    passphrase: "p: # x"
    previous_secret_env: A_SECRET
    previous_until: 2026-02-01T00:00:00Z
  - {id: "0x00000000000000000000000000000000000000aa", venue: hyperliquid, scheme: eip712}
`
	specs, err := testImporter().Read(strings.NewReader(file), "dir")
	if err != nil {
		t.Fatal(err)
	}
	if len(specs) != 3 {
		t.Fatalf("%d keys", len(specs))
	}
	a, b, c := specs[0], specs[1], specs[2]
	got := fmt.Sprintln(a.ID, a.Venue, a.Scheme, string(a.Secret.Reveal()), a.Account, a.Owner, a.Permissions, a.IPAllow, a.Instruments,
		a.Operations, a.WithdrawAllow, a.Created, a.Expires, a.MFA, a.Frozen)
	want := fmt.Sprintln("dummy-key", "binance", "hmac", "from-file", "acct-1", "owner-1", vedette.PermRead|vedette.PermTrade,
		"[192.0.2.0/24 2001:db8::1/128]", "[BTCUSDT]", "[order.new order.cancel]", "[bc1qxyz]",
		"2026-01-05 00:00:00 +0000 UTC", "2026-12-30 23:00:00 +0000 UTC", true, false)
	if got != want {
		t.Errorf("first key\n got %s\nwant %s", got, want)
	}
	if b.ID != "0123456" || string(b.Secret.Reveal()) != "0012_34" || string(b.Passphrase.Reveal()) != "p: # x" ||
		string(b.Previous.Secret.Reveal()) != "from-env" || b.PreviousUntil.IsZero() {
		t.Errorf("second key: %q %q", b.ID, b.Secret.Reveal())
	}
	e, err := testImporter().Build(c, time.Time{})
	if err != nil || e.Wallet[19] != 0xaa {
		t.Errorf("third key: %v %v", e, err)
	}
}

func TestImportErrors(t *testing.T) {
	const ok = "keys:\n  - id: k\n    venue: okx\n"
	test := func(file, want string) {
		t.Helper()
		specs, err := testImporter().Read(strings.NewReader(file), "dir")
		if err == nil || specs != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", file, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
	test(ok+"    secert: hunter2\n", `line 4: unknown key "secert"; did you mean "secret"?`)
	test(ok+"    zzzzzz: 1\n", `line 4: unknown key "zzzzzz"`)
	test(ok+"    permissions: [reed]\n", `line 4: permissions: unknown permission "reed"; did you mean "read"?`)
	test(ok+"    operations: [order.nwe]\n", `unknown operation "order.nwe"; did you mean "order.new"?`)
	test(ok+"    operations: []\n", "empty list")
	test(ok+"    ip_allow: []\n", "empty list")
	test(ok+"    ip_allow: [192.0.2.1/24]\n", "want 192.0.2.0/24")
	test(ok+"    ip_allow: [300.0.2.1]\n", "line 4: ip_allow:")
	test(ok+"    nonce_window: -1\n", "whole number")
	test(ok+"    mfa: yes\n", `"yes" is neither true nor false`)
	test(ok+"    created: 2026-01-05\n", "RFC 3339")
	test(ok+"    secret: hunter2\n    secret_env: A_SECRET\n", "line 5: secret_env: is given twice")
	test(ok+"    secret: hunter2\n    secret: hunter2\n", `line 5: key "secret" is given twice`)
	test(ok+"    secret_file: b.secret\n", "line 4: secret_file: no such file")
	test(ok+"    secret: \"\"\n", "line 4: secret: is empty")
	test(ok+"    secret_env: B\n", "the environment has no B")
	test(ok+"    secret: [hunter2]\n", "is a list")
	test(ok+"    secret: {a: hunter2}\n", "is not a plain value")
	test(ok+"    secret: &a hunter2\n", "is not a plain value")
	test(ok+"    secret: \"hunter2\n", "cannot read YAML")
	test(ok+"    secret:\n", "is empty")
	test(ok+"    previous_secret: hunter2\n", "previous_until")
	test(ok+"    previous_until: 2026-01-05T00:00:00Z\n", "previous_until")
	test(ok+"    scheme: hmca\n", `unknown scheme "hmca"; did you mean "hmac"?`)
	test(ok+"    scheme: rsa\n    secret: hunter2\n", "secret has no use with scheme rsa")
	test(ok+"    public_key: hunter2!\n", "public_key cannot be read")
	test(ok+"    created: 2026-01-05T00:00:00Z\n    expires: 2026-01-04T00:00:00Z\n", "expires is not after created")
	test(ok+"  - id: k\n    venue: okx\n", `line 4: okx key "k" is already on line 2`)
	test("keys:\n  - id: k\n    venue: binanse\n", `line 2: cannot use binanse key "k": unknown venue "binanse"; did you mean "binance"?`)
	test("keys:\n  - id: k\n", "venue is missing")
	test("keys:\n  - venue: okx\n", "id is missing")
	test("key:\n  - id: k\n", `line 1: unknown key "key"; did you mean "keys"?`)
	test(ok+"more: 1\n", "line 4: want another element of keys, or nothing more")
	test(ok+"---\n", "line 4")
	test("", "want one YAML document")
	test("- id: k\n", `want "keys:"`)
	test("keys: 5\n", "want a list")
	test("keys:\n  - hunter2\n", "line 2: want a key with its fields")
	test("keys:\n  - id: k\n   venue: okx\n", "cannot read YAML")
	test("keys:\n  - id: "+strings.Repeat("x", maxItemBytes)+"\n", "line 2: the line has over")
	test("keys: [\n"+strings.Repeat("{id: a, venue: okx},\n", 20_000)+"]", "block form")
	test("keys:\n"+strings.Repeat("  - id: k\n", 30), "further problems are not listed")
}

func TestImportSeveralProblemsAtOnce(t *testing.T) {
	_, err := testImporter().Read(strings.NewReader("keys:\n  - id: a\n    venue: okx\n    x: 1\n    mfa: 3\n  - id: b\n"), "")
	for _, want := range []string{"line 4", "line 5", "line 6"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

func TestImportOtherForms(t *testing.T) {
	for _, file := range []string{
		`{"keys": [{"id": "k", "venue": "okx", "secret": "s"}]}`,
		"keys: [{id: k, venue: okx, secret: s}]",
		"keys:\n- id: k\n  venue: okx\n  secret: s",
		"keys:\r\n- id: k\r\n  venue: okx\r\n  secret: s\r\n",
		"keys:\n  -\n    id: k\n    venue: okx\n    secret: >-\n      s\n",
	} {
		specs, err := testImporter().Read(strings.NewReader(file), "")
		if err != nil || len(specs) != 1 || specs[0].ID != "k" || string(specs[0].Secret.Reveal()) != "s" {
			t.Errorf("%q: %v %v", file, specs, err)
		}
	}
	if specs, err := testImporter().Read(strings.NewReader("keys: []\n"), ""); err != nil || len(specs) != 0 {
		t.Errorf("empty list: %v %v", specs, err)
	}
}

func TestImportFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	write("s", "topsecret\n")
	keys := write("keys.yaml", "keys:\n  - id: k\n    venue: x\n    secret_file: s\n")
	specs, err := Importer{}.File(keys)
	if err != nil || string(specs[0].Secret.Reveal()) != "topsecret" {
		t.Fatal(specs, err)
	}
	write("s", strings.Repeat("x", maxSecretBytes+1))
	if _, err := (Importer{}).File(keys); err == nil || !strings.Contains(err.Error(), "keys.yaml: line 4: secret_file:") {
		t.Errorf("secret too long: %v", err)
	}
	if _, err := (Importer{}).File(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// endless yields n keys of about ten lines.
type endless struct {
	n, i int
	buf  []byte
}

func (e *endless) Read(p []byte) (int, error) {
	for len(e.buf) < len(p) && e.i < e.n {
		if e.i == 0 {
			e.buf = append(e.buf, "keys:\n"...)
		}
		e.buf = fmt.Appendf(e.buf, "  - id: key-%d\n    venue: binance\n    scheme: hmac\n    secret: abcdefabcdefabcdef%d\n    account: acct-%d\n"+
			"    owner: owner-%d\n    permissions: [read, trade]\n    ip_allow: [192.0.2.0/24]\n    created: 2026-01-05T00:00:00Z\n    mfa: true\n", e.i, e.i, e.i, e.i)
		e.i++
	}
	if len(e.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, e.buf)
	e.buf = e.buf[n:]
	return n, nil
}

// A file of a million lines must not take gigabytes. The short run reads a tenth.
func TestImportBoundsMemory(t *testing.T) {
	n := 10_000
	if os.Getenv("VEDETTE_SOAK") != "" {
		n = 100_000
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	specs, err := testImporter().Read(&endless{n: n}, "")
	if err != nil || len(specs) != n {
		t.Fatal(len(specs), err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if per := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / int64(n); per > 2000 {
		t.Errorf("%d bytes kept a key", per)
	}
	if sys := (int64(after.HeapSys) - int64(before.HeapSys)) / int64(n); sys > 12_000 {
		t.Errorf("%d bytes taken a key", sys)
	}
	runtime.KeepAlive(specs)
}

func FuzzImport(f *testing.F) {
	for _, s := range []string{
		"keys:\n  - id: k\n    venue: okx\n    secret: s\n", "keys: []", `{"keys":[{"id":"k","venue":"okx"}]}`, "keys:\n- id: a\n  <<: *x\n",
		"keys:\n  - id: |\n      k\n    venue: okx\n  # c\n  - {id: b, venue: okx, ip_allow: [::1]}\n", "keys:\n  - ? [a]\n    : b\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		specs, err := testImporter().Read(strings.NewReader(string(b)), "dir")
		if (err == nil) != (specs != nil || err == nil) || err != nil && specs != nil {
			t.Fatal("both keys and an error")
		}
		ring := New(testImporter().Options)
		for _, s := range specs {
			if err := ring.Add(s, time.Time{}); err != nil {
				t.Fatalf("an imported key cannot be used: %v", err)
			}
		}
		if ring.Len() != len(specs) {
			t.Fatalf("%d keys imported, %d in the ring", len(specs), ring.Len())
		}
	})
}

// FuzzKey: public keys, wallets and master keys are read or refused, and nothing private
// is taken for a public key.
func FuzzKey(f *testing.F) {
	f.Add("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n") // RFC 9421 appendix B.1.4
	f.Add("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n")
	f.Add("0x52908400098527886E0F7030069857D2E4169EE7") // EIP-55
	f.Add(strings.Repeat("0f", MasterBytes))
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := parsePublicKey(s); err == nil {
			switch k.(type) {
			case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
			default:
				t.Fatalf("a key of type %T", k)
			}
		}
		parseWallet(s)
		if m, err := ParseMaster(s); err == nil && len(m.Reveal()) != MasterBytes {
			t.Fatalf("a master key of %d bytes", len(m.Reveal()))
		}
	})
}
