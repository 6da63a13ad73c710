package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
	"vedette/detect/rule"
	"vedette/gate"
	"vedette/sensor/capture"
)

// read gives the records from a position on.
func (m *memory) read(from uint64, f func(uint64, []byte) error) error {
	m.mu.Lock()
	list := slices.Clone(m.records)
	m.mu.Unlock()
	for i := int(from); i < len(list); i++ {
		if err := f(uint64(i), []byte(list[i])); err != nil {
			return err
		}
	}
	return nil
}

// findings returns the ids of the findings in the log, in order.
func (m *memory) findings(t *testing.T) (ids []string) {
	for _, r := range m.records {
		if strings.HasPrefix(r, string(findingRecord)) {
			ids = append(ids, decodeRecord(t, r)["finding"].(map[string]any)["id"].(string))
		}
	}
	return ids
}

func detecting(t *testing.T, log *memory, shards int) *Monitor {
	t.Helper()
	g, err := gate.New(gate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(Config{Gate: g, Log: log, Detect: detect.Config{Detectors: rule.All(), Shards: shards}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// attacked makes calls of which some are forged, by many keys.
func attacked(seed uint64, n int) (list []*vedette.Call) {
	r := rand.New(rand.NewPCG(seed, 1))
	at := time.Unix(1767614400, 0).UTC()
	for range n {
		at = at.Add(time.Duration(r.Int64N(int64(time.Minute))))
		c := &vedette.Call{Time: at, Venue: "binance", Credential: fmt.Sprintf("key-%d", r.IntN(40)), Account: "acct", Verdict: vedette.Authentic,
			Source: netip.MustParseAddrPort("192.0.2.1:9"), Action: vedette.Action{Operation: vedette.OpOrderNew}}
		if r.IntN(3) == 0 {
			c.Verdict, c.Reasons = vedette.Forged, []vedette.Reason{vedette.BadSignature}
		}
		list = append(list, c)
	}
	return list
}

// A monitor that is killed anywhere and started again, from the last snapshot and the log, misses no
// finding and raises none twice.
func TestResume(t *testing.T) {
	calls := attacked(1, 4000)
	whole := &memory{}
	m := detecting(t, whole, 1)
	for _, c := range calls {
		m.record(c, nil, nil)
		m.engine.Load().Flush()
	}
	m.Close()
	want := whole.findings(t)
	if len(want) < 30 {
		t.Fatalf("only %d findings", len(want))
	}
	r := rand.New(rand.NewPCG(2, 2))
	for range 12 {
		log := &memory{}
		var snapshot []byte
		m := detecting(t, log, 1)
		snap, kill := r.IntN(len(calls)), r.IntN(len(calls))
		for i, c := range calls {
			if i == kill { // what it knew is gone, and so are findings that it was about to record
				m.Close()
				if n := len(log.records); n > 0 && strings.HasPrefix(log.records[n-1], string(findingRecord)) {
					log.records = log.records[:n-1]
				}
				m = detecting(t, log, 3)
				var b *bytes.Reader
				if snapshot != nil {
					b = bytes.NewReader(snapshot)
				}
				if err := resume(m, b, log); err != nil {
					t.Fatal(err)
				}
			}
			m.record(c, nil, nil)
			m.engine.Load().Flush()
			if i == snap {
				var b bytes.Buffer
				if err := m.Snapshot(context.Background(), &b); err != nil {
					t.Fatal(err)
				}
				snapshot = b.Bytes()
			}
		}
		m.Close()
		got := log.findings(t)
		slices.Sort(got)
		sorted := slices.Sorted(slices.Values(want))
		if !reflect.DeepEqual(got, sorted) {
			t.Errorf("snapshot at %d, killed at %d: %d findings, want %d", snap, kill, len(got), len(want))
		}
	}
}

func resume(m *Monitor, snapshot *bytes.Reader, log *memory) (err error) {
	decode := func(b []byte) (*vedette.Call, error) {
		c, _, err := capture.ParseJudged(b, true)
		return c, err
	}
	if snapshot == nil {
		_, err = m.Resume(nil, log.read, decode)
	} else {
		_, err = m.Resume(snapshot, log.read, decode)
	}
	return err
}

// Detectors that change while calls come in miss none and remember; a set that cannot run changes nothing.
func TestRedetect(t *testing.T) {
	calls := attacked(3, 3000)
	whole := &memory{}
	m := detecting(t, whole, 1)
	for _, c := range calls {
		m.record(c, nil, nil)
	}
	m.Close()
	log := &memory{}
	m = detecting(t, log, 1)
	for i, c := range calls {
		m.record(c, nil, nil)
		if i%500 == 0 {
			if err := m.Redetect(detect.Config{Detectors: rule.All(), Shards: 1 + i/500}); err != nil {
				t.Fatal(err)
			}
			if err := m.Redetect(detect.Config{Detectors: append(rule.All(), rule.All()...)}); err == nil {
				t.Fatal("two detectors of one name were taken")
			}
		}
	}
	m.Close()
	if got, want := log.findings(t), whole.findings(t); !reflect.DeepEqual(got, want) || len(want) < 20 {
		t.Errorf("%d findings, want %d", len(got), len(want))
	}
}
