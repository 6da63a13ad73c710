package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"vedette"
)

// Records gives f the records of the log from a position on, oldest first.
type Records func(from uint64, f func(position uint64, record []byte) error) error

// Decode reads a call's record.
type Decode func(record []byte) (*vedette.Call, error)

var (
	callRecord    = []byte(`{"event":"call"`)
	findingRecord = []byte(`{"event":"finding"`)
)

// Resume brings the detectors to where the log ends, before the first call: from a snapshot, nil if there
// is none, and the records after it. Findings that are in the log already are not raised again. It
// returns how many calls were read.
func (m *Monitor) Resume(snapshot io.Reader, records Records, decode Decode) (calls int, err error) {
	from := uint64(0)
	if snapshot != nil {
		if from, err = m.engine.Load().Restore(snapshot); err != nil {
			return 0, err
		}
		from++
	}
	m.known = map[string]struct{}{}
	if err := records(from, m.note); err != nil {
		return 0, fmt.Errorf("cannot read findings of the log: %w", err)
	}
	err = records(from, func(position uint64, record []byte) error {
		if !bytes.HasPrefix(record, callRecord) {
			return nil
		}
		c, err := decode(record)
		if err != nil {
			return fmt.Errorf("record %d: %w", position, err)
		}
		calls++
		if m.Parties != nil {
			m.Parties.Saw(c)
		}
		m.engine.Load().Observe(position, c)
		return nil
	})
	m.engine.Load().Flush()
	m.known = nil
	if err != nil {
		return calls, fmt.Errorf("cannot bring detectors up to the log: %w", err)
	}
	return calls, nil
}

// note remembers a finding that is in the log.
func (m *Monitor) note(_ uint64, record []byte) error {
	if !bytes.HasPrefix(record, findingRecord) {
		return nil
	}
	var r struct {
		Finding struct {
			ID string `json:"id"`
		} `json:"finding"`
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return err
	}
	m.known[r.Finding.ID] = struct{}{}
	return nil
}

// Snapshot writes what the detectors remember, and returns when the log has durably what it rests on: the
// calls, and the findings that are in its past. Calls wait for the detectors meanwhile, not for the snapshot.
func (m *Monitor) Snapshot(ctx context.Context, w io.Writer) error {
	if _, err := m.engine.Load().Snapshot(w); err != nil {
		return err
	}
	return m.Log.Wait(ctx, m.last.Load())
}
