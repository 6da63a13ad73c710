package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
	"vedette/detect/rule"
	"vedette/sensor/capture"
	"vedette/sim/simtest"
)

// TestDetectionOutlivesKill attacks while the monitor is killed and started again at random moments. In
// the end the ledger has exactly the findings that its calls give when they are replayed: none is
// missed, none is there twice.
func TestDetectionOutlivesKill(t *testing.T) {
	t.Parallel()
	rounds := 4
	if soak {
		rounds = 60
	}
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v, dir: memoryDir(t), yaml: "ledger:\n  max_delay: 20ms\ndetect:\n  snapshot_every: 1s\n"})
	var keys []simtest.Key
	for i := range 40 * rounds {
		keys = append(keys, simtest.Key{ID: fmt.Sprintf("victim-%d", i), Scheme: "hmac", Secret: "dummy", Account: fmt.Sprintf("acct-%d", i)})
	}
	write(t, filepath.Join(m.home, "keys.yaml"), keysYAML(keys...))
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		m.start()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 3 {
			r := rand.New(rand.NewPCG(rng.Uint64(), 1))
			wg.Go(func() { forgeries(m.url, keys[:40*(round+1)], r, stop) })
		}
		time.Sleep(300*time.Millisecond + time.Duration(rng.Int64N(int64(1500*time.Millisecond))))
		m.kill()
		close(stop)
		wg.Wait()
	}
	m.start()
	m.stop()
	want, got := replayed(t, m), found(t, m)
	if len(want) < 20*rounds {
		t.Fatalf("only %d findings: that is no attack", len(want))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the ledger has %d findings, its calls give %d", len(got), len(want))
	}
}

// TestStartSavesWhatItLearned kills a monitor that has not saved for long, twice: only the first start after it has much to learn.
func TestStartSavesWhatItLearned(t *testing.T) {
	t.Parallel()
	m := newMonitor(t, setup{venue: simtest.NewVenue(t), dir: memoryDir(t), yaml: "ledger:\n  max_delay: 20ms\ndetect:\n  snapshot_every: 24h\n"})
	keys := []simtest.Key{{ID: "victim", Scheme: "hmac", Secret: "dummy", Account: "acct"}}
	write(t, filepath.Join(m.home, "keys.yaml"), keysYAML(keys...))
	m.start()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() { forgeries(m.url, keys, rand.New(rand.NewPCG(uint64(i), 1)), stop) })
	}
	eventually(t, "enough calls", func() bool { return m.figure("detect_events_total") > 6000 })
	close(stop)
	wg.Wait()
	m.kill()
	saved := filepath.Join(m.dir, "detect.snapshot")
	if _, err := os.Stat(saved); err == nil {
		t.Fatal("it has saved: this tests nothing")
	}
	m.start()
	eventually(t, "a snapshot", func() bool { _, err := os.Stat(saved); return err == nil })
	m.kill()
	m.start()
	m.stop()
	b, err := os.ReadFile(m.log)
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for _, found := range regexp.MustCompile(`calls_from_ledger=(\d+)`).FindAllSubmatch(b, -1) {
		read = append(read, string(found[1]))
	}
	if len(read) != 3 || len(read[1]) < 4 || read[2] != "0" {
		t.Errorf("the starts read %v calls, want none, over 5000, none", read)
	}
}

// forgeries sends signatures that do not verify until the monitor is gone.
func forgeries(url string, keys []simtest.Key, r *rand.Rand, stop chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		q, err := http.NewRequest("GET", fmt.Sprintf("%s/api/v3/account?timestamp=%d&signature=%064x", url, time.Now().UnixMilli(), r.Uint64()), nil)
		if err != nil {
			return
		}
		q.Header.Set("X-MBX-APIKEY", keys[r.IntN(len(keys))].ID)
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		resp.Body.Close()
	}
}

// replayed returns the ids of the findings that the ledger's calls give.
func replayed(t *testing.T, m *monitor) (ids []string) {
	t.Helper()
	e, err := detect.New(detect.Config{Detectors: rule.All(), Raise: func(f *vedette.Finding) { ids = append(ids, f.ID) }})
	if err != nil {
		t.Fatal(err)
	}
	p := capture.EventParser{Lenient: true}
	for _, r := range m.records() {
		if r.Event != "call" {
			continue
		}
		var c vedette.Call
		if _, err := p.Parse(r.Raw, &c); err != nil {
			t.Fatal(err)
		}
		e.Observe(r.Position, &c)
	}
	e.Close()
	slices.Sort(ids)
	return ids
}

// found returns the ids of the findings in the ledger.
func found(t *testing.T, m *monitor) (ids []string) {
	t.Helper()
	for _, r := range m.records() {
		if r.Event != "finding" {
			continue
		}
		var f struct{ Finding vedette.Finding }
		if err := json.Unmarshal(r.Raw, &f); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(f.Finding.Detector, "access.") {
			ids = append(ids, f.Finding.ID)
		}
	}
	slices.Sort(ids)
	return ids
}
