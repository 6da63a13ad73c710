package behaviour

import "math"

// Judgement is how odd the oddest window was that a call had judged.
type Judgement struct {
	judged bool
	P      float64             // probability of a window as odd in the subject's usual conduct
	Signal [Signals]float32    // probability of each signal alone
	rates  [meterCount]float32 // counts, as of the judgement
	w      facts
}

// joint is the probability below which a signal counts towards the fused one.
const joint = 0.03

// weight is what a signal of probability p counts.
func weight(p float64) float64 {
	if p >= joint {
		return 0
	}
	return math.Log(joint / p)
}

// judge judges the window as it is, and keeps the odder of what this call had judged.
func (s subject) judge(oddest *Judgement) {
	var j Judgement
	stat := s.statistics()
	fused := 0.0
	for i := range s.tails {
		p := s.tails[i].P(stat[i], heavy)
		j.Signal[i] = float32(p)
		fused += weight(p)
	}
	j.P = s.fused.P(fused, heavyFused)
	if oddest.judged && j.P >= oddest.P {
		return
	}
	j.w, j.rates, j.judged = s.now.facts, s.counts(), true
	*oddest, s.p = j, j.P
}

// statistics returns each signal's, zero or more. Probabilities of signals are joined by the truncated product (D. V. Zaykin
// et al., "Truncated product method for combining P-values", Genetic Epidemiology 22, 2002), and the tail of what comes of it is
// learned as each signal's is: signals depend on each other, for every subject in its own way.
func (s subject) statistics() (stat [Signals]float64) {
	w := &s.now
	x, prior := s.counts(), s.habit.kind()
	z := func(i int, floor float64) float64 {
		z := max(0, s.habit.rates[i].Z(math.Log1p(float64(x[i])), prior.rates[i], warmWindows/4, floor))
		return min(z*z/2, 300)
	}
	stat[Rate] = max(z(meterWindow, 0.25), z(meterQuarter, 0.2), z(meterSixHours, 0.2))
	stat[Sensitive] = z(meterSensitive, 0.35)
	stat[Failures] = z(meterFailures, 0.5)
	if s.learned > 0 {
		s.sampled(&stat)
		stat[Timing] = s.rhythm()
		stat[Sizes] = s.sizes()
	}
	stat[Client] = float64(w.client)
	return stat
}

// sampled fills in the statistics of the calls that were kept: sums of log-likelihood ratios by the root of how many.
func (s subject) sampled(stat *[Signals]float64) {
	w, h := &s.now, &s.habit
	var mix, pairs, instruments, traded float64
	for i, m := range w.sample[:w.sampled] {
		c, rarity := m.sample(), w.rarity[i]
		n := h.at(mixAt + int(c.mix))
		mix += ratio(n, float64(s.n.mix), share(rarity[0]), 8)
		once := (n + 1) / (float64(s.n.mix) + mixCells)
		pairs += ratio(h.at(pairsAt+int(pair(c.before, c.mix))), h.at(mixAt+int(c.before)), once, 4)
		if c.instrument != 0 {
			instruments += ratio(h.at(instrumentAt+int(c.instrument)), float64(s.n.instruments), share(rarity[1]), 8)
			traded++
		}
	}
	n := math.Sqrt(max(float64(w.sampled), 1))
	stat[Endpoints], stat[Sequence] = max(0, mix)/n, max(0, pairs)/n
	stat[Instruments] = max(0, instruments) / math.Sqrt(max(traded, 1))
}

// sizeTail is how much less likely each factor of 4 beyond the largest size is, in nats: sizes of trades fall off as a power of
// about 1.5 (P. Gopikrishnan et al., "Statistical properties of share volume traded in financial markets", 2000).
const sizeTail = 1.5 * 2 * math.Ln2

// sizes is how unlikely the window's largest size is. It is half believed: a window's largest is of more orders than are learned.
func (s subject) sizes() (odd float64) {
	w := &s.now
	for row, cell := range w.size {
		if cell == 0 {
			continue
		}
		var all [sizeCells]uint8
		cells := all[:]
		if s.habit.dense(cells, sizesAt+row*sizeCells); Sum(cells) < 8 {
			continue
		}
		at, top := int(cell-1), sizeCells-1
		for top > 0 && cells[top] == 0 {
			top--
		}
		over := max(at-top, 0)
		if x := -math.Log(upper(cells, at)) + sizeTail*float64(over); x > odd {
			odd, w.sizeOver = x, uint8(over)
		}
	}
	return odd / 2
}

// counts returns the window's calls and the meters.
func (s subject) counts() (x [meterCount]float32) {
	for i := range s.meters {
		x[i] = s.meters[i].Sum
	}
	x[meterWindow] = s.now.eased
	return x
}

// rhythm is the divergence of the window's gaps between calls from those learned (S. Kullback, R. A. Leibler, 1951), times the
// number of gaps as far as they can be believed independent.
func (s subject) rhythm() (g float64) {
	n := Sum(s.now.gaps[:])
	if n < 4 {
		return 0
	}
	var gaps [gapCells]uint8
	s.habit.dense(gaps[:], gapsAt)
	for i, c := range s.now.gaps {
		if c > 0 {
			p := float64(c) / n
			q := Share(gaps[:], i, float64(s.n.gaps), 1.0/gapCells, 4)
			beside := Share(gaps[:], max(i-1, 0), float64(s.n.gaps), 1.0/gapCells, 4) +
				Share(gaps[:], min(i+1, gapCells-1), float64(s.n.gaps), 1.0/gapCells, 4)
			g += p * math.Log(p/(0.9*q+0.05*beside)) // a clock that drifts over the edge of a cell is no other rhythm
		}
	}
	return max(0, g) * min(n, 12) / 4
}
