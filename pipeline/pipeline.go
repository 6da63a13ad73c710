// Package pipeline wires verification, gate, ledger and detection into the monitor that sensors call.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/detect"
	"vedette/gate"
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
	// Inline runs detection within Done, in the order of calls, for recorded traffic;
	// otherwise a goroutine of its own does, and calls never wait for it.
	Inline bool
	// Position gives evidence its position where Log has none of its own.
	Position func() uint64
	Now      func() time.Time // nil for time.Now
}

// Monitor judges calls, records them and looks for findings. It implements
// sensor.Monitor.
type Monitor struct {
	Config
	stats   counters
	queue   chan suspect
	stopped chan struct{}
	records sync.Pool // *[]byte
	closing sync.RWMutex
	closed  bool
	set     *detect.Set
	logDown atomic.Bool
}

var _ sensor.Monitor = (*Monitor)(nil)

const (
	// queueCalls bounds the calls that wait for detectors, some 1 KiB each. When it is
	// full calls are left out, counted and told in a gap record.
	queueCalls = 8192
	// pendingMessages bounds the messages of a session that wait for their answer; the
	// oldest is then recorded without one.
	pendingMessages = 256
	// syncTimeout bounds how long an answer is held back for its record.
	syncTimeout = 5 * time.Second
)

// New returns a running monitor.
func New(c Config) *Monitor {
	if c.Now == nil {
		c.Now = time.Now
	}
	m := &Monitor{Config: c, queue: make(chan suspect, queueCalls), stopped: make(chan struct{})}
	m.records.New = func() any { b := make([]byte, 0, 2048); return &b }
	m.set = detect.NewSet(m.raise)
	if c.Inline {
		close(m.stopped)
	} else {
		go m.detect()
	}
	return m
}

// Close lets the detectors finish. No call may be judged after it.
func (m *Monitor) Close() {
	m.closing.Lock()
	if !m.closed {
		m.closed = true
		close(m.queue)
	}
	m.closing.Unlock()
	<-m.stopped
}

// append records, and tells the gate when that stops or begins to work.
func (m *Monitor) append(record []byte) (uint64, bool) {
	position, err := m.Log.Append(record)
	if err == nil {
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
