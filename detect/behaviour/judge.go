package behaviour

import "math"

// Judgement is how odd a window was.
type Judgement struct {
	P      float64          // probability of a window as odd in the subject's usual conduct
	Signal [Signals]float32 // probability of each signal alone
	w      window
	rates  [meterCount]float32 // counts, as of the judgement
}

// joint is the probability below which a signal counts towards the fused one.
const joint = 0.1

// judge judges the window as it is, and keeps the odder of what this call had judged.
func (s *State) judge() {
	var j Judgement
	stat := s.statistics()
	fused := 0.0
	for i := range s.tails {
		p := s.tails[i].P(stat[i])
		j.Signal[i] = float32(p)
		fused += max(0, math.Log(joint/p))
	}
	j.P = s.fused.P(fused)
	if s.judged && j.P >= s.verdict.P {
		return
	}
	j.w = s.now
	j.rates = s.counts()
	s.verdict, s.judged = j, true
}

// statistics returns each signal's, zero or more. Probabilities of signals are joined by the truncated product (D. V. Zaykin
// et al., "Truncated product method for combining P-values", Genetic Epidemiology 22, 2002), and the tail of what comes of it is
// learned as each signal's is: signals depend on each other, for every subject in its own way.
func (s *State) statistics() (stat [Signals]float64) {
	w := &s.now
	x, prior := s.counts(), s.habit.kind()
	z := func(i int, floor float64) float64 {
		z := max(0, s.habit.rates[i].Z(math.Log1p(float64(x[i])), prior.rates[i], warmWindows/4, floor))
		return min(z*z/2, 300)
	}
	stat[Rate] = max(z(meterWindow, 0.25), z(meterQuarter, 0.2), z(meterSixHours, 0.2))
	stat[Sensitive] = z(meterSensitive, 0.35)
	stat[Failures] = z(meterFailures, 0.5)
	if n := float64(w.calls); n > 0 && s.learned > 0 {
		stat[Endpoints] = max(0, float64(w.mix)) / math.Sqrt(n)
		stat[Sequence] = max(0, float64(w.sequence)) / math.Sqrt(n)
		stat[Timing] = s.rhythm()
	}
	if w.traded > 0 && s.learned > 0 {
		stat[Instruments] = max(0, float64(w.instrument)) / math.Sqrt(float64(w.traded))
	}
	stat[Sizes] = float64(w.size)
	stat[Client] = float64(w.client)
	return stat
}

// counts returns the window's calls and the meters.
func (s *State) counts() (x [meterCount]float32) {
	for i := range s.meters {
		x[i] = s.meters[i].Sum
	}
	x[meterWindow] = float32(s.now.calls)
	return x
}

// rhythm is the divergence of the window's gaps between calls from those learned (S. Kullback, R. A. Leibler, 1951), times the
// number of gaps as far as they can be believed independent.
func (s *State) rhythm() (g float64) {
	n := Sum(s.now.gaps[:])
	if n < 4 {
		return 0
	}
	for i, c := range s.now.gaps {
		if c > 0 {
			p := float64(c) / n
			g += p * math.Log(p/Share(s.habit.gaps[:], i, float64(s.n.gaps), 1.0/gapCells, 4))
		}
	}
	return max(0, g) * min(n, 32) / 4
}
