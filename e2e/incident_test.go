package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/sim/simtest"
)

// TestIncidentAfterKill: a monitor that was killed right after its findings has them in one incident
// after the next start, each once, however often it is killed.
func TestIncidentAfterKill(t *testing.T) {
	dir := memoryDir(t)
	findings := filepath.Join(dir, "findings.jsonl")
	m := newMonitor(t, setup{venue: simtest.NewVenue(t), dir: filepath.Join(dir, "data"), yaml: "findings: {file: " + findings + "}\n"}).start()
	c := newTrader(m, m.venue.Keys[0])
	order := c.order()
	c.want("order", order, 200, 0)
	c.again(order)
	order.Path = "/sapi/v1/capital/withdraw/apply"
	c.again(order)
	raised := func() int {
		b, _ := os.ReadFile(findings)
		return strings.Count(string(b), "\n")
	}
	for end := time.Now().Add(patience); raised() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d findings", raised())
		}
	}
	time.Sleep(30 * time.Millisecond) // the ledger has them
	var id string
	for range 3 {
		m.kill()
		m.start()
		var list []vedette.Incident
		for line := range strings.Lines(m.must("incident", "list", "-all", "-json", "-dir", m.dir)) {
			var i vedette.Incident
			if err := json.Unmarshal([]byte(line), &i); err != nil {
				t.Fatal(err)
			}
			list = append(list, i)
		}
		if len(list) != 1 || list[0].Count != 2 || len(list[0].Findings) != 2 || id != "" && list[0].ID != id {
			t.Fatalf("%+v", list)
		}
		id = list[0].ID
	}
	b, _ := os.ReadFile(findings)
	if strings.Count(string(b), `"incident":"`+id+`"`) != 2 {
		t.Errorf("the findings were not in %s: %s", id, b)
	}
}
