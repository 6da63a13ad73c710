package verify

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"vedette/venue"
)

// TestIssuedOutlivesProcess: what was added is there again, without having been synced
// or closed, and the file holds no token.
func TestIssuedOutlivesProcess(t *testing.T) {
	dir := t.TempDir()
	a, err := OpenIssued(dir)
	if err != nil {
		t.Fatal(err)
	}
	const token = "a-listen-key-of-sixty-characters-0123456789-0123456789-01234"
	a.add("binance", token, "key-1", time.Hour, epoch)
	a.add("kucoin", token, "", time.Hour, epoch)
	defer a.Close()
	raw, err := os.ReadFile(filepath.Join(dir, "tokens")) // what the kernel has, also of a killed process
	if err != nil {
		t.Fatal(err)
	}
	after := t.TempDir()
	if err := os.WriteFile(filepath.Join(after, "tokens"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := OpenIssued(after)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	f := func(venue, token string, at time.Time, want string, found bool) {
		t.Helper()
		if got, ok := b.find(venue, token, at); got != want || ok != found {
			t.Errorf("%s %s: %q %v, want %q %v", venue, token, got, ok, want, found)
		}
	}
	f("binance", token, epoch.Add(time.Hour-1), "key-1", true)
	f("binance", token, epoch.Add(time.Hour), "", false)
	f("kucoin", token, epoch, "", true)
	f("mexc", token, epoch, "", false)
	f("binance", "another", epoch, "", false)
	f("binance", "", epoch, "", false)
	if bytes.Contains(raw, []byte(token)) || !bytes.Contains(raw, []byte("key-1")) {
		t.Error("the file holds the token, or not whose it is")
	}
	if st, _ := os.Stat(filepath.Join(dir, "tokens")); st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	if _, err := OpenIssued(dir); err == nil || !strings.Contains(err.Error(), "another process holds it") {
		t.Errorf("opened twice: %v", err)
	}
	if n := unsafe.Sizeof(issuedSlot{}); n != 256 {
		t.Errorf("a slot has %d bytes: it would straddle sectors", n)
	}
}

// TestIssuedIsBounded: beyond its room it forgets what ended, then what ends soonest.
func TestIssuedIsBounded(t *testing.T) {
	b := NewIssued(issuedProbe)
	known := func(i int, at time.Time) bool {
		c, ok := b.find("v", fmt.Sprint(i), at)
		return ok && c == fmt.Sprint("key-", i)
	}
	add := func(i int, ttl time.Duration, at time.Time) {
		b.add("v", fmt.Sprint(i), fmt.Sprint("key-", i), ttl, at)
	}
	for i := range issuedProbe {
		add(i, time.Duration(i+1)*time.Minute, epoch)
	}
	add(issuedProbe, 2*time.Hour, epoch)
	for i := range issuedProbe + 1 {
		if known(i, epoch) == (i == 0) {
			t.Errorf("token %d: known %v", i, i != 0)
		}
	}
	add(issuedProbe, 3*time.Hour, epoch) // prolonged in its place
	if !known(1, epoch) || !known(issuedProbe, epoch.Add(3*time.Hour-1)) {
		t.Error("prolonging took another's place")
	}
	for _, n := range []int{230, 300} {
		b.add("v", "long", strings.Repeat("k", n), time.Hour, epoch)
		if c, ok := b.find("v", "long", epoch); ok {
			t.Errorf("a credential that does not fit became %q", c)
		}
	}
	longest := strings.Repeat("k", 229)
	b.add("v", "longest", longest, time.Hour, epoch)
	if c, _ := b.find("v", "longest", epoch); c != longest {
		t.Errorf("the longest credential became %q", c)
	}
}

// TestIssuedKeeps: tokens of credentials that are gone are dropped, also from the file, and
// no others.
func TestIssuedKeeps(t *testing.T) {
	dir := t.TempDir()
	a, err := OpenIssued(dir)
	if err != nil {
		t.Fatal(err)
	}
	a.add("binance", "one", "key-1", time.Hour, epoch)
	a.add("mexc", "two", "key-1", time.Hour, epoch)
	a.add("binance", "three", "key-2", time.Hour, epoch)
	a.add("kucoin", "public", "", time.Hour, epoch)
	a.keep(func(venue, credential string) bool { return venue == "mexc" || credential == "key-2" })
	check := func() {
		t.Helper()
		f := func(venue, token, want string, found bool) {
			t.Helper()
			if got, ok := a.find(venue, token, epoch); got != want || ok != found {
				t.Errorf("%s %s: %q %v, want %q %v", venue, token, got, ok, want, found)
			}
		}
		f("binance", "one", "", false)
		f("mexc", "two", "key-1", true)
		f("binance", "three", "key-2", true)
		f("kucoin", "public", "", true)
	}
	check()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if a, err = OpenIssued(dir); err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	check()
}

// TestListenKeyOutlivesKey: a listen key of a credential that was taken out of the keyring
// since authenticates nothing.
func TestListenKeyOutlivesKey(t *testing.T) {
	b := newBench(t)
	const token = "0123456789012345678901234567890123456789012345678901234567890123"
	b.v.Issue(b.want(b.order(), "authentic"), &venue.Issued{Token: token})
	b.useToken(token, "authentic [session]")
	b.v.Keys.(interface{ Remove(venue, id string) bool }).Remove("binance", "key-1")
	b.useToken(token, "unverifiable [unknown_key]")
}
