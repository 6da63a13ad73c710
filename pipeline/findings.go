package pipeline

import (
	"encoding/json"
	"time"

	"vedette"
	"vedette/detect"
)

// keep appends a call's record and shows the call to the detectors, which never hold it up: where
// they have no room it is left out, counted, and told in a gap record.
func (m *Monitor) keep(record []byte, c *vedette.Call) (position uint64, kept bool) {
	if m.Inline {
		position, kept = m.append(record)
		if m.Position != nil {
			m.engine.Load().Observe(m.Position(), c)
		} else {
			m.engine.Load().Observe(position, c)
		}
		return position, kept
	}
	m.order.Lock()
	position, kept = m.append(record)
	seen := m.engine.Load().Offer(position, c)
	m.order.Unlock()
	if !seen {
		m.stats.unseen.Add(1)
		return position, kept
	}
	if told, n := m.told.Load(), m.stats.unseen.Load(); n > told && m.told.CompareAndSwap(told, n) {
		m.Gap("detectors", int(n-told), "calls came faster than the detectors took them")
	}
	return position, kept
}

// Observe shows a call that was judged elsewhere to the detectors. position is that of its evidence.
func (m *Monitor) Observe(position uint64, c *vedette.Call) {
	m.stats.count(c)
	if m.Parties != nil {
		m.Parties.Saw(c)
	}
	m.engine.Load().Observe(position, c)
}

// Engine returns the engine that runs the detectors now.
func (m *Monitor) Engine() *detect.Engine { return m.engine.Load() }

// Detection returns what the detectors count.
func (m *Monitor) Detection() detect.Stats {
	m.order.Lock()
	past, s := m.past, m.engine.Load().Stats()
	m.order.Unlock()
	s.Events, s.Late, s.Refused = s.Events+past.Events, s.Late+past.Late, s.Refused+past.Refused
	s.Findings, s.Evicted = s.Findings+past.Findings, s.Evicted+past.Evicted
	return s
}

// raise joins a finding to an incident, records it and hands it out.
func (m *Monitor) raise(f *vedette.Finding) {
	if _, ok := m.known[f.ID]; ok {
		return // recorded before the restart
	}
	m.stats.findings.Add(1)
	var joined vedette.Incident
	was := false
	if m.Incidents != nil {
		joined, was = m.Incidents.Join(f)
	}
	b, err := json.Marshal(f)
	if err != nil {
		panic("BUG: a finding does not encode: " + err.Error())
	}
	r := f.Time.UTC().AppendFormat([]byte(`{"event":"finding","time":"`), time.RFC3339Nano)
	m.append(append(append(append(r, `","finding":`...), b...), '}'))
	if m.Finding != nil {
		m.Finding(f)
	}
	if was && m.Incident != nil {
		m.Incident(&joined)
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
