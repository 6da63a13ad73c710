package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette/sim/binance"
	"vedette/sim/client"
	"vedette/sim/simtest"
)

// TestFreeze freezes and thaws while a client trades.
func TestFreeze(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v, yaml: "trusted_hops: [127.0.0.1]\n"}).start()
	c := newTrader(m, v.Keys[0])
	key := func(args ...string) string {
		t.Helper()
		out, errs, code := m.run(append([]string{"key", args[0], "-c", m.config}, args[1:]...)...)
		if code != 0 {
			t.Errorf("key %q: %d %s%s", args, code, out, errs)
		}
		return errs
	}
	frozen := func(what string) { t.Helper(); c.want(what, c.order(), 403, -2015) }
	free := func(what string) { t.Helper(); c.want(what, c.order(), 200, 0) }
	byKey := []string{"-venue", "binance", "-id", v.Keys[0].ID}

	free("at first")
	kept := c.do(c.order())
	if kept.Status != 200 {
		t.Fatal(kept)
	}
	// The command's exit is the moment: the very next call is refused.
	key(append([]string{"freeze", "-reason", "stolen laptop"}, byKey...)...)
	done := time.Now()
	frozen("the next call after freeze")
	t.Logf("refused %v after the command's end", time.Since(done))
	c.want("reading with a frozen key", c.account(), 403, -2015)
	c.want("cancelling with a frozen key", c.REST(client.CancelAll, client.P("symbol", "BTCUSDT")), 200, 0)
	if list := key("list"); strings.Contains(list, v.Keys[0].Secret) {
		t.Error("key list shows a secret")
	}
	m.kill()
	m.start()
	c.wire.REST = m.url
	frozen("after a restart")
	key(append([]string{"thaw"}, byKey...)...)
	free("thawed")

	key(append([]string{"freeze", "-for", "2s"}, byKey...)...)
	until := time.Now().Add(2 * time.Second)
	frozen("for two seconds")
	time.Sleep(time.Until(until) + 50*time.Millisecond)
	free("after its time")

	key("freeze", "-account", "alice")
	frozen("by account")
	key("thaw", "-account", "alice")
	free("account thawed")

	other := newTrader(m, v.Keys[0])
	other.wire.Source = netip.MustParseAddr("192.0.2.7")
	key("freeze", "-source", "192.0.2.0/24")
	other.want("from the frozen range", other.order(), 403, -2015)
	free("from elsewhere")
	key("thaw", "-source", "192.0.2.0/24")
	other.want("range thawed", other.order(), 200, 0)
	if _, errs, code := m.run("key", "thaw", "-c", m.config, "-source", "192.0.2.0/24"); code != 1 || !strings.Contains(errs, "no such restriction") {
		t.Errorf("thaw of nothing: %d %s", code, errs)
	}

	// A session that stands ends.
	s, err := c.wire.Dial(context.Background(), patience)
	if err == nil {
		t.Error("the old WebSocket address answers")
	}
	c.wire.WS = strings.Replace(m.url, "http", "ws", 1)
	if s, err = c.wire.Dial(context.Background(), patience); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	message := func() client.Answer {
		t.Helper()
		a, err := s.Do(context.Background(), c.WS(s.Next(), client.Account, nil, false))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if a := message(); a.Status != 200 {
		t.Errorf("message: %s", a.Body)
	}
	key(append([]string{"freeze"}, byKey...)...)
	if a, err := s.Do(context.Background(), c.WS(s.Next(), client.Account, nil, false)); err == nil || !strings.Contains(err.Error(), "access is restricted") {
		t.Errorf("message with a frozen key: %s %v", a.Body, err)
	}
	m.stop()

	// Freeze and thaw without a running monitor hold from its next start.
	key(append([]string{"thaw"}, byKey...)...)
	key("freeze", "-account", "alice")
	m.start()
	c.wire.REST = m.url
	frozen("frozen while the monitor was down")
	key("thaw", "-account", "alice")
	free("at last")
	// Every order is in the ledger, with who gave it, also those given while no monitor ran.
	var actions []string
	ended := 0
	for _, r := range m.records() {
		if r.What == "session.ended" { // before or after the freeze that ended it
			ended++
		} else if r.Event == "action" {
			if r.By == "" {
				t.Errorf("an action of nobody: %s", &r)
			}
			actions = append(actions, r.What)
		}
	}
	set, lift := "restriction.set", "restriction.lift"
	want := []string{"start", set, "start", lift, set, set, lift, set, lift, set, "start", lift, set, lift}
	if !slices.Equal(actions, want) {
		t.Errorf("actions in the ledger:\n%v, want\n%v", actions, want)
	}
	if ended != 1 {
		t.Errorf("%d sessions ended in the ledger, want 1", ended)
	}
	m.stop()
	m.verified()
}

// TestFreezeUnderLoad measures how long calls still pass after a freeze was ordered.
func TestFreezeUnderLoad(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v}).start()
	var mu sync.Mutex
	var lastPassed time.Time // when the last call that passed was sent
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 3 {
		c := newTrader(m, v.Keys[0])
		wg.Go(func() {
			for ctx.Err() == nil {
				sent := time.Now()
				if a, err := c.wire.Do(ctx, c.account()); err == nil && a.Status == 200 {
					mu.Lock()
					if sent.After(lastPassed) {
						lastPassed = sent
					}
					mu.Unlock()
				}
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	m.must("key", "freeze", "-dir", m.dir, "-venue", "binance", "-id", v.Keys[0].ID)
	done := time.Now()
	time.Sleep(300 * time.Millisecond)
	stop()
	wg.Wait()
	if lastPassed.IsZero() || lastPassed.After(done) {
		t.Errorf("a call sent %v after the freeze was confirmed passed", lastPassed.Sub(done))
	}
	t.Logf("the last call that passed was sent %v before the command ended", done.Sub(lastPassed))
}

// TestKeys manages keys while the monitor runs, and then looks for secrets wherever
// they must not be.
func TestKeys(t *testing.T) {
	t.Parallel()
	const master = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	v := simtest.NewVenue(t)
	const passphrase = "a-passphrase-of-okx-4711"
	m := newMonitor(t, setup{venue: v, noKeys: true, env: []string{"VEDETTE_MASTER_KEY=" + master}, yaml: "bodies:\n  all: redacted\n  withdraw: sealed\nfindings:\n  file: findings.jsonl\n"}).start()
	var said strings.Builder
	key := func(stdin string, args ...string) string {
		t.Helper()
		out, errs, code := command(t, m.env, stdin, append([]string{"key", args[0], "-c", m.config}, args[1:]...)...)
		if code != 0 {
			t.Fatalf("key %q: %d %s%s", args, code, out, errs)
		}
		said.WriteString(out + errs)
		return out
	}
	var sent []client.Request
	send := func(c *trader, r client.Request, status, code int) {
		t.Helper()
		sent = append(sent, r)
		c.want("with key "+c.Key, r, status, code)
	}

	old := v.Keys[0]
	c := newTrader(m, old)
	send(c, c.order(), 401, -2014) // nobody knows the key yet
	key(old.Secret+"\n", "add", "-venue", "binance", "-id", old.ID, "-account", "alice", "-permissions", "read,trade,withdraw", "-secret-file", "-")
	send(c, c.order(), 200, 0)
	send(c, c.withdrawal(), 200, 0)
	s, err := c.wire.Dial(context.Background(), patience)
	if err != nil {
		t.Fatal(err)
	}
	r := c.WS(s.Next(), client.OrderNew, client.P("symbol", "BTCUSDT", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "quantity", "0.001", "price", "10000"), false)
	sent = append(sent, r)
	if a, err := s.Do(context.Background(), r); err != nil || a.Status != 200 {
		t.Errorf("message: %v %s", err, a.Body)
	}
	s.Close()

	imported := filepath.Join(t.TempDir(), "more.yaml")
	write(t, imported, "keys:\n  - id: okx-key\n    venue: okx\n    secret: OKXSECRET0123456789\n    passphrase: "+passphrase+"\n    account: bob\n"+
		"  - id: reader\n    venue: binance\n    secret: readersecret0123456789\n    account: alice\n    permissions: [read]\n")
	key("", "import", imported)
	if err := v.API.AddKey(binance.Key{ID: "reader", Account: "alice", Permissions: 0xff, Secret: "readersecret0123456789"}); err != nil {
		t.Fatal(err)
	}
	reader := newTrader(m, simtest.Key{ID: "reader", Secret: "readersecret0123456789"})
	send(reader, reader.account(), 200, 0)
	send(reader, reader.order(), 403, -2015)

	// Rotation: the old secret stays valid for the overlap, and is flagged.
	fresh := simtest.Key{ID: old.ID, Secret: "rotatedsecret0123456789abcdef"}
	rotate := filepath.Join(t.TempDir(), "fresh")
	write(t, rotate, fresh.Secret)
	const overlap = 6 * time.Second
	key("", "rotate", "-venue", "binance", "-id", old.ID, "-secret-file", rotate, "-overlap", overlap.String())
	over := time.Now().Add(overlap)
	send(c, c.account(), 200, 0)
	n := newTrader(m, fresh)
	send(n, n.account(), 400, -1022) // the venue, that knows the old one only, refuses it
	time.Sleep(time.Until(over) + 100*time.Millisecond)
	requests := v.API.Requests()
	send(c, c.account(), 400, -1022)
	if v.API.Requests() != requests {
		t.Error("a call with the secret rotated away reached the venue after the overlap")
	}
	send(n, n.account(), 400, -1022)

	list := key("", "list") + key("", "list", "-json")
	for _, want := range []string{old.ID, "okx-key", "reader", "old_secret_until", "alice", "bob"} {
		if !strings.Contains(list, want) {
			t.Errorf("key list lacks %s: %s", want, list)
		}
	}
	key("", "remove", "-venue", "binance", "-id", "reader")
	send(reader, reader.account(), 401, -2014)
	_, metrics := m.get("/metrics")
	_, page := m.get("/")
	_, status := m.get("/status.json")
	m.stop()
	m.verified()
	records := m.records()

	var actions []string
	for _, r := range records {
		if r.Event == "action" && strings.HasPrefix(r.What, "key.") {
			actions = append(actions, r.What+" "+r.Detail.Subject)
		}
	}
	if want := []string{"key.add binance hmac-key", "key.import 2 keys", "key.rotate binance hmac-key", "key.remove binance reader"}; !slices.Equal(actions, want) {
		t.Errorf("actions in the ledger: %v, want %v", actions, want)
	}
	flagged := 0
	for _, r := range records {
		if slices.Contains(r.Reasons, "old_secret") {
			flagged++
		}
	}
	if flagged != 1 {
		t.Errorf("%d calls flagged old_secret, want 1", flagged)
	}
	secrets := map[string]string{"hmac": old.Secret, "rotated": fresh.Secret, "okx": "OKXSECRET0123456789", "passphrase": passphrase,
		"reader": "readersecret0123456789", "master key": master}
	raw, _ := hex.DecodeString(master)
	secrets["master key's bytes"] = string(raw)
	for i, r := range sent {
		for _, p := range []string{r.Query, r.Body, r.Message} {
			if m := signature.FindStringSubmatch(p); m != nil {
				secrets["signature "+string(rune('A'+i))] = m[1]
			}
		}
	}
	if len(secrets) < 15 {
		t.Fatalf("only %d secrets to look for", len(secrets))
	}
	texts := map[string][]byte{"metrics": []byte(metrics), "page": []byte(page), "status": []byte(status), "said": []byte(said.String())}
	err = filepath.WalkDir(m.home, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			texts[path], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range texts {
		for name, s := range secrets {
			if bytes.Contains(text, []byte(s)) {
				t.Errorf("%s holds the %s", where, name)
			}
			if b, err := hex.DecodeString(s); err == nil && len(b) >= 16 && bytes.Contains(text, b) {
				t.Errorf("%s holds the bytes of the %s", where, name)
			}
		}
	}
	if len(texts) < 10 {
		t.Errorf("looked at %d files only", len(texts))
	}
	err = filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if i, err := d.Info(); err != nil || i.Mode().Perm()&0o077 != 0 && d.Name() != "ledger.pub" {
			t.Errorf("%s is open to others: %v %v", path, i.Mode(), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFullWindow: while the replay window has no room, an order that cannot be checked
// is refused, however often it is sent, and a read passes where that was asked for.
func TestFullWindow(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v, yaml: "replay: {entries: 4}\ngate:\n  replay_full: {account.read: open}\n"}).start()
	c := newTrader(m, v.Keys[0])
	for i := range 12 {
		c.want("a read", c.REST(client.Account, client.P("n", fmt.Sprint(i))), 200, 0)
	}
	before := v.API.Requests()
	order := c.order()
	for range 3 {
		c.want("an order without room", order, 503, -1001)
	}
	if n := v.API.Requests() - before; n != 0 {
		t.Errorf("%d orders reached the venue", n)
	}
	m.stop()
	m.verified()
}
