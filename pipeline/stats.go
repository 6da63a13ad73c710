package pipeline

import (
	"sync/atomic"

	"vedette"
)

// counters are the monitor's running figures.
type counters struct {
	verdicts   [vedette.Verdicts]atomic.Uint64
	operations [vedette.Operations]atomic.Uint64
	effects    [8]atomic.Uint64
	would      atomic.Uint64
	findings   atomic.Uint64
	unseen     atomic.Uint64
	gaps       atomic.Uint64
	lost       atomic.Uint64
}

func (s *counters) count(c *vedette.Call) {
	s.verdicts[c.Verdict].Add(1)
	s.operations[c.Operation].Add(1)
	s.effects[c.Decision.Effect].Add(1)
	if c.Decision.WouldDeny {
		s.would.Add(1)
	}
}

// Stats are figures since the start.
type Stats struct {
	Calls      uint64
	Verdicts   [vedette.Verdicts]uint64
	Operations [vedette.Operations]uint64
	Allowed    uint64
	Denied     uint64
	Throttled  uint64
	SteppedUp  uint64
	WouldDeny  uint64 // let through in observe mode
	Findings   uint64
	Unseen     uint64 // calls that detectors did not see because their queue was full
	Gaps       uint64
	Lost       uint64 // records that the ledger did not take
}

// Stats returns the figures.
func (m *Monitor) Stats() Stats {
	s := &m.stats
	out := Stats{Allowed: s.effects[vedette.Allow].Load(), Denied: s.effects[vedette.Deny].Load(), Throttled: s.effects[vedette.Throttle].Load(),
		SteppedUp: s.effects[vedette.StepUp].Load(), WouldDeny: s.would.Load(), Findings: s.findings.Load(), Unseen: s.unseen.Load(),
		Gaps: s.gaps.Load(), Lost: s.lost.Load()}
	for i := range out.Verdicts {
		out.Verdicts[i] = s.verdicts[i].Load()
		out.Calls += out.Verdicts[i]
	}
	for i := range out.Operations {
		out.Operations[i] = s.operations[i].Load()
	}
	return out
}
