package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/api"
)

// TestProfileCommand: what was learned is exported, reset and imported again, under another name too, and outlives
// a restart; what was changed or is another installation's is refused.
func TestProfileCommand(t *testing.T) {
	p := newPlace(t)
	p.write("keys.yaml", "keys:\n  - {id: key-1, venue: binance, secret: dummysecret0123456789, account: acct-1}\n  - {id: key-2, venue: binance, secret: dummysecret0123456789}\n")
	a := p.started()
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	for i := range 600 {
		a.monitor.Observe(uint64(i), &vedette.Call{Time: at.Add(time.Duration(i) * time.Minute), Venue: "binance", Credential: "key-1", Account: "acct-1", JA4: "t13",
			Source: netip.MustParseAddrPort("192.0.2.7:1"), Verdict: vedette.Authentic, Action: vedette.Action{Operation: vedette.OpOrderNew, Instrument: "BTCUSDT"}})
	}
	a.monitor.Engine().Flush()
	command := func(stdin string, code int, says string, args ...string) string {
		t.Helper()
		out, errs, got := invoke(stdin, append([]string{"profile", args[0], "-dir", p.dir}, args[1:]...)...)
		if got != code || !strings.Contains(errs, says) {
			t.Errorf("%q: ended with %d, want %d and %q; it said\n%s", args, got, code, says, errs)
		}
		return out
	}
	learned := func(name string) uint32 {
		got, _ := a.Profile(api.ProfileOf{Venue: "binance", Name: name})
		return got.Learned
	}
	before := learned("key-1")
	if before == 0 {
		t.Fatal("nothing was learned")
	}
	all := command("", 0, "exported: 2", "export", "all")
	one := command("", 0, "exported: 1", "export", "-venue", "binance", "key-1")
	if strings.Count(all, "\n") != 2 || !strings.Contains(all, one) || !strings.Contains(all, `"name":"acct-1","account":true`) || !strings.Contains(one, fmt.Sprintf(`"learned":%d`, before)) {
		t.Errorf("exported\n%sand\n%s", all, one)
	}
	command("", 1, "nothing was learned of key-2", "export", "-venue", "binance", "key-2")
	command("", 0, "forgotten", "reset", "-venue", "binance", "key-1")
	command("", 1, "nothing was learned of key-1", "show", "-venue", "binance", "key-1")
	command("", 0, "exported: 1", "export", "all")
	command(one, 0, "imported: 1", "import", "-")
	if got := learned("key-1"); got != before {
		t.Errorf("%d windows after the import, want %d", got, before)
	}
	command(strings.ReplaceAll(one, `"key-1"`, `"key-2"`), 0, "imported: 1", "import", "-")
	if got := learned("key-2"); got != before {
		t.Errorf("%d windows under the new name, want %d", got, before)
	}
	command(all, 0, "imported: 1", "import", "-account", "-")
	command(strings.Replace(one, `"state":"`, `"state":"AAAA`, 1), 1, "line 1: key-1 at binance: it is damaged", "import", "-")
	command(one+"{}\n", 1, "line 2", "import", "-")
	command(strings.ReplaceAll(one, `"key-1"`, `"`+strings.Repeat("k", 20_000)+`"`), 1, "at binance: cannot take the order: name has 20000 bytes, over 1024", "import", "-")
	command("{", 1, "line 1", "import", "-")
	command("", 2, "say the files", "import")
	command("", 2, "say -venue", "reset", "key-1")

	other := newPlace(t)
	other.started()
	if _, errs, code := invoke(one, "profile", "import", "-dir", other.dir, "-"); code != 1 || !strings.Contains(errs, "another installation") {
		t.Errorf("another installation took it: %d %s", code, errs)
	}

	// It is saved at once, and not only in five minutes or at the end.
	for range 500 {
		if st, err := os.Stat(a.snapshot); err == nil && st.Size() > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := os.Stat(a.snapshot); err != nil {
		t.Error(err)
	}
	a.close()
	if a = p.started(); learned("key-2") != before {
		t.Errorf("%d windows after a restart, want %d", learned("key-2"), before)
	}
}
