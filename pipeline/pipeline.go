// Package pipeline wires verification, gate, ledger and detection into the monitor that sensors call.
package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/detect"
	"vedette/gate"
	"vedette/incident"
	"vedette/intel"
	"vedette/ledger"
	"vedette/sensor"
	"vedette/verify"
)

// Log is where records go: the ledger, or nowhere when recorded traffic is judged.
type Log interface {
	// Append takes in a record, copying it. It blocks at most for the ledger's bound.
	// The error is ledger.ErrFull, ErrFailed or ErrClosed if the record was not kept.
	Append(record []byte) (position uint64, err error)
	// Wait returns when the record is durable.
	Wait(ctx context.Context, position uint64) error
	// Overdue reports whether records wait longer for the disk than is stated.
	Overdue() bool
	// Lost says that n records were given up.
	Lost(n uint64)
}

// Config is what a Monitor is made of.
type Config struct {
	Verifier *verify.Verifier
	Gate     *gate.Gate
	Log      Log
	// Intel says what of a call threat intelligence lists; nil if there is none.
	Intel *intel.Feeds
	// Payloads looks for attacks in parameters; zero for not.
	Payloads Payloads
	// Sync makes Done wait until the call's record is durable, at most SyncTimeout.
	Sync bool
	// Asks says that judging may ask a token issuer over the network.
	Asks bool
	// Bodies says what becomes of bodies, by operation.
	Bodies BodyPolicy
	// Seal encrypts a body for the record; needed where Bodies says sealed.
	Seal func(dst, body []byte) ([]byte, error)
	// Finding is called for every finding, from one goroutine, after it was recorded.
	Finding func(*vedette.Finding)
	// Detect says which detectors there are. Raise is the monitor's.
	Detect detect.Config
	// Incident is called for the incident that a finding joined, after Finding.
	Incident func(*vedette.Incident)
	// Incidents joins findings into incidents before they are recorded; nil for none.
	Incidents *incident.Joiner
	// Parties is told of every call, so that it knows what is common; nil for none.
	Parties *Parties
	// Inline runs detection within Done, in the order of calls, for recorded traffic;
	// otherwise shards of their own do, and calls never wait for them.
	Inline bool
	// Position gives evidence its position where Log has none of its own.
	Position func() uint64
	Now      func() time.Time // nil for time.Now
}

// Monitor judges calls, records them and looks for findings. It implements
// sensor.Monitor.
type Monitor struct {
	Config
	stats    counters
	records  sync.Pool // *[]byte
	engine   atomic.Pointer[detect.Engine]
	order    sync.Mutex   // calls reach log and detectors in the same order; engine and past change under it
	past     detect.Stats // counts of engines before
	told     atomic.Uint64
	known    map[string]struct{} // findings that are in the log already; while catching up
	last     atomic.Uint64       // position of a late record
	logDown  atomic.Bool
	guards   guards
	rechecks atomic.Uint64 // see Recheck
	pending  atomic.Int64  // bytes of messages that wait for answers, beyond their sessions' own
}

var _ sensor.Monitor = (*Monitor)(nil)

const (
	// pendingMessages bounds the messages of a session that wait for their answer; the
	// oldest is then recorded without one.
	pendingMessages = 256
	// ownPending is how many bytes of them a session may hold, sharedPending how many all
	// sessions together beyond that: 16 orders, and 64 MiB. The oldest go first, too.
	ownPending    = 16 << 10
	sharedPending = 64 << 20
	// syncTimeout bounds how long an answer is held back for its record.
	syncTimeout = 5 * time.Second
)

// New returns a running monitor. It fails where detection is configured wrongly.
func New(c Config) (*Monitor, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	m := &Monitor{Config: c}
	m.records.New = func() any { b := make([]byte, 0, 2048); return &b }
	e, err := detect.New(m.detection(c.Detect))
	m.engine.Store(e)
	if err == nil && !c.Inline {
		m.guardSessions()
	}
	return m, err
}

// detection completes what is configured.
func (m *Monitor) detection(d detect.Config) detect.Config {
	d.Raise = m.raise
	if m.Inline {
		d.Shards = 0
	} else {
		d.Shards = max(d.Shards, 1)
	}
	return d
}

// Redetect has other detectors run from the next call on. Those that are the same remember what they
// have seen; if it fails, nothing has changed. Calls wait for it.
func (m *Monitor) Redetect(c detect.Config) error {
	next, err := detect.New(m.detection(c))
	if err != nil {
		return err
	}
	m.order.Lock()
	defer m.order.Unlock()
	last := m.engine.Load()
	last.Flush()
	var state bytes.Buffer
	if _, err = last.Snapshot(&state); err == nil {
		_, err = next.Restore(&state)
	}
	if err != nil {
		next.Close()
		return fmt.Errorf("cannot change detectors: %w", err)
	}
	last.Close()
	m.engine.Store(next)
	n := last.Stats()
	m.past.Events, m.past.Late, m.past.Refused, m.past.Findings, m.past.Evicted = m.past.Events+n.Events, m.past.Late+n.Late,
		m.past.Refused+n.Refused, m.past.Findings+n.Findings, m.past.Evicted+n.Evicted
	return nil
}

// Close lets the detectors finish. No call may be judged after it.
func (m *Monitor) Close() {
	m.guards.end()
	m.engine.Load().Close()
}

// append records, and tells the gate when that stops or begins to work.
func (m *Monitor) append(record []byte) (uint64, bool) {
	position, err := m.Log.Append(record)
	if err == nil {
		m.last.Store(position)
		if m.logDown.Load() && m.logDown.CompareAndSwap(true, false) {
			m.Gate.Recovered("ledger")
		}
		return position, true
	}
	if errors.Is(err, ledger.ErrTooLarge) || errors.Is(err, ledger.ErrReserved) {
		panic(fmt.Sprintf("BUG: a record of %d bytes cannot be kept: %v", len(record), err))
	}
	m.Log.Lost(1)
	m.stats.lost.Add(1)
	if m.logDown.CompareAndSwap(false, true) {
		m.Gate.Degraded("ledger", err.Error())
	}
	return 0, false
}

// LogState tells what the log can do now, nil for everything, so that the gate
// learns of it also while no call comes.
func (m *Monitor) LogState(err error) {
	if down := err != nil; m.logDown.CompareAndSwap(!down, down) {
		if down {
			m.Gate.Degraded("ledger", err.Error())
		} else {
			m.Gate.Recovered("ledger")
		}
	}
}

// wait holds the answer back until the record is durable.
func (m *Monitor) wait(position uint64) bool {
	ctx, cancel := context.WithTimeout(context.Background(), syncTimeout)
	defer cancel()
	if err := m.Log.Wait(ctx, position); err != nil {
		if m.logDown.CompareAndSwap(false, true) {
			m.Gate.Degraded("ledger", err.Error())
		}
		return false
	}
	return true
}

// Record appends an event that is no call, such as a human action.
func (m *Monitor) Record(record []byte) (vedette.Receipt, error) {
	position, ok := m.append(record)
	if !ok {
		return vedette.Receipt{}, errNotRecorded
	}
	return vedette.Receipt{Position: position, Durable: m.wait(position)}, nil
}

var errNotRecorded = errors.New("cannot record: the ledger takes no records now")
