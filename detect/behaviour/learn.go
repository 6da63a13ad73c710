package behaviour

import (
	"math"

	"vedette"
	"vedette/detect"
)

// pendingWindow is a window in quarantine.
type pendingWindow struct {
	start  int64 // 0 where free
	rates  [meterCount]float32
	stat   [Signals]float32
	fused  float32
	n      uint8
	sample [pendingCalls]mark
}

// memory of what is learned, in windows: at most three an hour are, so that it is four weeks of a busy subject.
const habitMemory = 2000

// close judges the window that is over, lets what waited be learned, and starts another at a call.
func (s subject) close(at int64, j *Judgement) {
	s.judge(j)
	if s.p < gate && s.learned >= warmWindows {
		s.odd(at)
	}
	s.absorb(at)
	s.admit(at)
	s.wait()
	s.day()
	s.begin(at)
}

// odd drops what waits: it may be the beginning of what was found. What stays odd for longer than Hold is
// learned after all, and told as a baseline that moved.
func (s subject) odd(at int64) {
	if s.held == 0 || at > s.held+int64(Hold) {
		s.held = at + int64(Hold)
	}
	if at < s.held {
		s.drop()
	}
}

func (s subject) drop() {
	s.pending = [pendingWindows]pendingWindow{}
	s.fresh = [freshTraits]newcomer{}
}

// hear drops what waits, and the window that is open, when another detector finds something: it may be its beginning.
// A finding that takes no more than the key's name is not heard, or anybody could keep a key from being learned.
func (s subject) hear(e *detect.Event) {
	switch e.Verdict {
	case vedette.Forged, vedette.Malformed, vedette.Anonymous:
		return
	}
	s.odd(e.Time)
	s.drop()
	s.lastPend = max(s.lastPend, s.now.start)
}

// wait puts the window into quarantine, if there is room and it is not soon after another.
func (s subject) wait() {
	w := &s.now
	if w.start < s.held || w.start-s.lastPend < int64(Quarantine)/pendingWindows {
		return
	}
	for i := range s.pending {
		if s.pending[i].start != 0 {
			continue
		}
		stat := s.statistics()
		stat[Client] = float64(w.first)
		p := pendingWindow{start: w.start, rates: s.counts(), n: min(w.sampled, pendingCalls), sample: [pendingCalls]mark(w.sample[:pendingCalls])}
		for j := range stat {
			p.stat[j] = float32(stat[j])
			p.fused += float32(weight(s.tails[j].P(stat[j], heavy)))
		}
		s.pending[i], s.lastPend = p, w.start
		return
	}
}

// absorb learns the windows whose quarantine is over.
func (s subject) absorb(at int64) {
	for i := range s.pending {
		if p := &s.pending[i]; p.start != 0 && at-p.start >= int64(Quarantine) {
			s.learn(p)
			*p = pendingWindow{}
		}
	}
}

func (s subject) learn(p *pendingWindow) {
	for i, x := range p.rates {
		s.habit.rates[i].Learn(math.Log1p(float64(x)), habitMemory)
	}
	if s.learned >= tailsFrom {
		for i, x := range p.stat {
			s.tails[i].Learn(float64(x))
		}
		s.fused.Learn(float64(p.fused))
	}
	h := &s.habit
	for _, m := range p.sample[:p.n] {
		c := m.sample()
		Add(h.classes[:], int(c.class))
		h.add(mixAt, mixCells, int(c.mix))
		h.add(pairsAt, pairCells, int(pair(c.before, c.mix)))
		h.add(gapsAt, gapCells, int(c.gap))
		if c.instrument > 0 {
			h.add(instrumentAt, instrumentCells, int(c.instrument))
		}
		if c.size > 0 {
			row := int(c.size-1) / sizeCells * sizeCells
			h.add(sizesAt+row, sizeCells, int(c.size-1)%sizeCells)
		}
	}
	s.n = totals{float32(h.sum(mixAt, mixCells)), float32(h.sum(instrumentAt, instrumentCells)), float32(h.sum(gapsAt, gapCells))}
	s.learned++
}
