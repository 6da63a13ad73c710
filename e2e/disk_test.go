package e2e

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vedette/sim/simtest"
)

// smallDisk is a file system of some megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m,mode=0700"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("cannot mount a small disk: %v", err)
		}
		t.Skipf("cannot mount a small disk, so a full one is not tested: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all room there is on the disk.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	chunk := make([]byte, 4096)
	for {
		if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			return func() {
				if err := os.Remove(name); err != nil {
					t.Error(err)
				}
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFull fills the disk under a monitor that runs and frees it again.
func TestDiskFull(t *testing.T) {
	for _, c := range []struct{ name, yaml string }{{"delay", ""}, {"sync", "ledger:\n  sync: true\n"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			diskFull(t, c.yaml)
		})
	}
}

func diskFull(t *testing.T, yaml string) {
	disk := smallDisk(t)
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v, yaml: yaml + "replay:\n  entries: 8192\n", dir: filepath.Join(disk, "data")}).start()
	c := newTrader(m, v.Keys[0])
	c.want("an order", c.order(), 200, 0)
	c.want("a withdrawal", c.withdrawal(), 200, 0)
	if s, body := m.get("/healthz"); s != http.StatusOK {
		t.Errorf("healthz: %d %s", s, body)
	}

	free := fill(t, disk)
	sent := 2
	eventually(t, "the full disk shows", func() bool {
		c.want("an order while the disk fills", c.order(), 200, 0)
		sent++
		s, _ := m.get("/healthz")
		return s == http.StatusServiceUnavailable
	})
	if _, body := m.get("/healthz"); !strings.Contains(body, "ledger") || !strings.Contains(body, "no space left") {
		t.Errorf("healthz does not say what is wrong: %s", body)
	}
	requests := v.API.Requests()
	const orders, withdrawals = 10, 5
	for range orders {
		c.want("an order on a full disk", c.order(), 200, 0)
	}
	for range withdrawals {
		c.want("a withdrawal on a full disk", c.withdrawal(), 503, -1001)
	}
	sent += orders + withdrawals
	if n := v.API.Requests() - requests; n != orders {
		t.Errorf("%d requests reached the venue, want the %d orders", n, orders)
	}
	lost := m.figure("ledger_lost_total")
	if lost < orders || lost > float64(sent) {
		t.Errorf("%v records counted as lost, of %d sent", lost, sent)
	}
	if m.figure("failing") == 0 || m.figure("ledger_ready") != 0 {
		t.Error("/metrics does not show the failure")
	}
	// A freeze works without a disk, and says that it could not be kept.
	if _, errs, code := m.run("key", "freeze", "-dir", m.dir, "-venue", "binance", "-id", v.Keys[0].ID); code == 0 || errs == "" {
		t.Logf("freeze on a full disk: %d %s", code, errs)
	}
	c.want("an order with a frozen key", c.order(), 403, -2015)

	free()
	eventually(t, "the monitor recovers by itself", func() bool {
		s, _ := m.get("/healthz")
		return s == http.StatusOK
	})
	if out, errs, code := m.run("key", "thaw", "-dir", m.dir, "-venue", "binance", "-id", v.Keys[0].ID); code != 0 {
		t.Errorf("thaw: %d %s%s", code, out, errs)
	}
	c.want("an order after", c.order(), 200, 0)
	c.want("a withdrawal after", c.withdrawal(), 200, 0)
	lost = m.figure("ledger_lost_total")
	m.stop()
	m.verified()
	var told uint64
	calls, open, closed := 0, 0, 0
	for _, r := range m.records() {
		if r.Kind == "gap" || r.Event == "ledger.gap" || r.Lost > 0 {
			told += r.Lost
		}
		if r.Event == "call" {
			calls++
			if r.Why == "fail_open" {
				open++
			}
			if r.Why == "fail_closed" {
				closed++
			}
		}
	}
	if float64(told) != lost {
		t.Errorf("the gap records tell of %d lost records, /metrics of %v", told, lost)
	}
	t.Logf("%d calls in the ledger, %v records lost, %d fail_open, %d fail_closed", calls, lost, open, closed)
}

// TestLedgerFolderMoved moves the ledger's folder away under a monitor that runs: that
// shows, also while no call comes, and goes by the policy for a disk that failed.
func TestLedgerFolderMoved(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v}).start()
	c := newTrader(m, v.Keys[0])
	c.want("a withdrawal", c.withdrawal(), 200, 0)
	folder := filepath.Join(m.dir, "ledger")
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the missing folder shows", func() bool {
		s, body := m.get("/healthz")
		return s == http.StatusServiceUnavailable && strings.Contains(body, "deleted, moved or replaced")
	})
	eventually(t, "/metrics shows it too", func() bool { return m.figure("failing") > 0 && m.figure("ledger_ready") == 0 })
	c.want("an order", c.order(), 200, 0)
	c.want("a withdrawal", c.withdrawal(), 503, -1001)
	if m.figure("ledger_lost_total") == 0 {
		t.Error("the order's record is not counted as lost")
	}
	if err := os.Rename(folder+".away", folder); err != nil {
		t.Fatal(err)
	}
	m.stop()
	m.start()
	c = newTrader(m, v.Keys[0])
	c.want("a withdrawal after a restart", c.withdrawal(), 200, 0)
	m.stop()
	m.verified()
}
