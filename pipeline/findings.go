package pipeline

import (
	"encoding/json"
	"time"

	"vedette"
	"vedette/detect"
)

// suspect is a call that detectors want to see.
type suspect struct {
	call     *vedette.Call
	position uint64
}

// suspect passes a call on to the detectors. It never waits for them.
func (m *Monitor) suspect(position uint64, c *vedette.Call) {
	if !detect.Wants(c) {
		return
	}
	if m.Position != nil {
		position = m.Position()
	}
	if m.Inline {
		m.set.Observe(position, c)
		return
	}
	m.closing.RLock()
	defer m.closing.RUnlock()
	if m.closed {
		return
	}
	select {
	case m.queue <- suspect{c.Clone(), position}:
	default:
		m.stats.unseen.Add(1)
	}
}

// detect runs the detectors; it owns the set.
func (m *Monitor) detect() {
	defer close(m.stopped)
	var told uint64
	for s := range m.queue {
		m.set.Observe(s.position, s.call)
		if n := m.stats.unseen.Load(); n > told && len(m.queue) == 0 {
			m.Gap("detectors", int(n-told), "calls came faster than the detectors took them")
			told = n
		}
	}
}

// raise records a finding and hands it out.
func (m *Monitor) raise(f *vedette.Finding) {
	m.stats.findings.Add(1)
	b, err := json.Marshal(f)
	if err != nil {
		panic("BUG: a finding does not encode: " + err.Error())
	}
	r := f.Time.UTC().AppendFormat([]byte(`{"event":"finding","time":"`), time.RFC3339Nano)
	m.append(append(append(append(r, `","finding":`...), b...), '}'))
	if m.Finding != nil {
		m.Finding(f)
	}
}

// Gap implements sensor.Monitor.
func (m *Monitor) Gap(sensor string, lost int, why string) {
	m.stats.gaps.Add(1)
	b, _ := json.Marshal(struct {
		Event  string    `json:"event"`
		Time   time.Time `json:"time"`
		Sensor string    `json:"sensor"`
		Lost   int       `json:"lost"`
		Why    string    `json:"why"`
	}{"gap", m.Now().UTC(), sensor, lost, why})
	m.append(b)
}

// Action is a record of something a person or the monitor itself did.
type Action struct {
	Event  string    `json:"event"` // "action"
	Time   time.Time `json:"time"`
	By     string    `json:"by"`
	What   string    `json:"what"` // such as restriction.set
	Detail any       `json:"detail,omitempty"`
}

// Act records an action and returns its receipt.
func (m *Monitor) Act(by, what string, detail any) (vedette.Receipt, error) {
	return m.Record(m.action(by, what, detail))
}

// Note records an action without waiting for the disk, and returns its position.
func (m *Monitor) Note(by, what string, detail any) (position uint64, err error) {
	position, ok := m.append(m.action(by, what, detail))
	if !ok {
		return 0, errNotRecorded
	}
	return position, nil
}

// Settled returns when the record at the position is on disk, and reports whether it is.
func (m *Monitor) Settled(position uint64) bool { return m.wait(position) }

func (m *Monitor) action(by, what string, detail any) []byte {
	b, err := json.Marshal(Action{"action", m.Now().UTC(), by, what, detail})
	if err != nil {
		panic("BUG: an action does not encode: " + err.Error())
	}
	return b
}
