package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
	"vedette/respond"
	"vedette/sim/exchange"
	"vedette/sim/simtest"
)

// forgeCalls sends calls of the key whose signatures do not verify, until the monitor is gone.
func forgeCalls(m *monitor, k simtest.Key, n int) {
	k.Secret = "another secret"
	c := newTrader(m, k)
	defer c.wire.Close()
	for range n {
		if _, err := c.wire.Do(context.Background(), c.order()); err != nil {
			return
		}
	}
}

// findingIDs are those that the ledger holds.
func (m *monitor) findingIDs() (ids []string) {
	m.t.Helper()
	for line := range strings.Lines(m.must("ledger", "read", "-dir", m.dir)) {
		var r struct {
			Record struct{ Finding *vedette.Finding }
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			m.t.Fatalf("%v: %s", err, line)
		}
		if f := r.Record.Finding; f != nil {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// interventions are what respond list prints.
func (m *monitor) interventions() (list []respond.Intervention) {
	m.t.Helper()
	for line := range strings.Lines(m.must("respond", "list", "-json", "-dir", m.dir)) {
		var i respond.Intervention
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			m.t.Fatalf("%v: %s", err, line)
		}
		list = append(list, i)
	}
	return list
}

// gate is a receiver that may be down.
type gate struct {
	mu    sync.Mutex
	up    bool
	tried int
	got   map[string]int
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tried++; !g.up {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	g.got[r.Header.Get("webhook-id")]++
}

// TestReceiversOverKill: what was found while a receiver was down reaches it after kill -9 and a start, and
// other receivers did not wait for it.
func TestReceiversOverKill(t *testing.T) {
	v := simtest.NewVenue(t)
	g := &gate{got: map[string]int{}}
	server := httptest.NewServer(g)
	defer server.Close()
	m := newMonitor(t, setup{venue: v, dir: memoryDir(t), yaml: fmt.Sprintf("receivers:\n  - {name: lake, kind: webhook, format: stix, url: %q, secret_file: hook.secret}\n  - {name: disk, kind: file, format: ocsf, file: events.jsonl}\n", server.URL)})
	write(t, filepath.Join(m.home, "hook.secret"), hookSecret)
	m.start()
	forgeCalls(m, v.Keys[0], 15)
	file := filepath.Join(m.home, "events.jsonl")
	eventually(t, "the other receiver has it", func() bool { b, _ := os.ReadFile(file); return strings.Contains(string(b), `"class_uid":2004`) })
	eventually(t, "the receiver was tried", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.tried > 0 })
	eventually(t, "metrics say so", func() bool {
		_, text := m.get("/metrics")
		return strings.Contains(text, `vedette_receiver_up{receiver="lake"} 0`) && strings.Contains(text, `vedette_receiver_sent_total{receiver="disk"} 1`)
	})
	m.kill()
	g.mu.Lock()
	g.up = true
	g.mu.Unlock()
	m.start()
	eventually(t, "the finding is delivered", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.got) > 0 })
	m.stop()
	ids := m.findingIDs()
	for _, id := range ids {
		if g.got[id] == 0 {
			t.Errorf("%s was not delivered", id)
		}
	}
	if len(ids) != len(g.got) {
		t.Errorf("%d findings, %d delivered", len(ids), len(g.got))
	}
}

// TestPlaybookOverKill kills the monitor around the moment when a playbook acts. After the start, a finding
// that the ledger holds has been acted on, once; the key's own orders are cancelled with a stored secret.
func TestPlaybookOverKill(t *testing.T) {
	rounds := 4
	if soak {
		rounds = 50
	}
	acted := 0
	for round := range rounds {
		v := simtest.NewVenue(t)
		m := newMonitor(t, setup{venue: v, dir: memoryDir(t), noKeys: true, yaml: "respond:\n  playbooks: playbooks.yaml\n  cancel_with: [{venue: binance, key: hmac-key}]\n"})
		write(t, filepath.Join(m.home, "playbooks.yaml"), "playbooks:\n  - name: forged\n    dry_run: false\n    match: {detector: access.forged_signature}\n    respond:\n      - {do: freeze, subject: credential, for: 1h, approve: 0}\n      - {do: cancel_all, approve: 0}\n")
		write(t, filepath.Join(m.home, "import.yaml"), keysYAML(v.Keys[0]))
		m.must("key", "import", "-dir", m.dir, filepath.Join(m.home, "import.yaml"))
		for _, price := range []string{"15000", "15001"} {
			if _, _, err := v.Exchange.Place(exchange.NewOrder{Account: "alice", Symbol: "BTCUSDT", Side: vedette.Buy, Price: exchange.MustUnits(price), Quantity: exchange.MustUnits("0.01")}); err != nil {
				t.Fatal(err)
			}
		}
		m.start()
		forged := make(chan bool)
		go func() { forgeCalls(m, v.Keys[0], 30); close(forged) }()
		time.Sleep(rand.N(20 * time.Millisecond))
		m.kill()
		<-forged
		found := len(m.findingIDs())
		m.start()
		if found > 0 {
			acted++
		} else {
			forgeCalls(m, v.Keys[0], 30)
		}
		c := newTrader(m, v.Keys[0])
		eventually(t, "the key is frozen", func() bool { return c.do(c.account()).Status == http.StatusForbidden })
		eventually(t, "its orders are gone", func() bool { open, err := v.Exchange.Open("alice", ""); return err == nil && len(open) == 0 })
		eventually(t, "both are noted", func() bool {
			list := m.interventions()
			if len(list) > 2 {
				t.Fatalf("round %d: done twice: %+v", round, list)
			}
			return len(list) == 2 && list[0].State == respond.Done && list[1].State == respond.Done
		})
		m.stop()
	}
	t.Logf("%d of %d kills came after the finding", acted, rounds)
}
