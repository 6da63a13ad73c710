package behaviour

import "math"

// Spread is a mean and variance that forget: each observation weighs 1/n until n reaches a memory, and as much from then on
// (T. Finch, "Incremental calculation of weighted mean and variance", 2009).
type Spread struct{ Mean, Var, N float32 }

// Learn takes in an observation.
func (s *Spread) Learn(x float64, memory float32) {
	s.N = min(s.N+1, memory)
	a := 1 / s.N
	d := float32(x) - s.Mean
	s.Mean += a * d
	s.Var = (1 - a) * (s.Var + a*d*d)
}

// Z returns how many deviations x is from the mean. prior stands for as many observations as weight says, floor is the
// smallest deviation believed.
func (s *Spread) Z(x float64, prior Spread, weight, floor float64) float64 {
	mean, sd := s.blend(prior, weight)
	return (x - mean) / max(sd, floor)
}

// blend returns mean and deviation of the observations and the prior's together.
func (s *Spread) blend(prior Spread, weight float64) (mean, sd float64) {
	n := float64(s.N)
	w := weight / (weight + n)
	mean = (1-w)*float64(s.Mean) + w*float64(prior.Mean)
	between := float64(s.Mean - prior.Mean)
	return mean, math.Sqrt((1-w)*float64(s.Var) + w*float64(prior.Var) + w*(1-w)*between*between)
}

// Meter is a count per time that fades: the sum of counts weighted by e^(-age/span).
type Meter struct{ Sum float32 }

// Fade lets time pass. both in ns.
func (m *Meter) Fade(elapsed, span int64) {
	if m.Sum != 0 {
		m.Sum *= float32(math.Exp(-float64(elapsed) / float64(span)))
	}
}

// Cusum is a two-sided cumulative sum of deviations beyond an allowance (E. S. Page, "Continuous inspection
// schemes", Biometrika 41, 1954).
type Cusum struct{ Up, Down float32 }

// Add takes in a deviation, of which allowance is usual and clip the most believed of one observation. It returns
// the larger of both sums, negative for a fall.
func (c *Cusum) Add(z, allowance, clip float64) float64 {
	z = min(max(z, -clip), clip)
	c.Up = max(0, c.Up+float32(z-allowance))
	c.Down = max(0, c.Down+float32(-z-allowance))
	if c.Down > c.Up {
		return -float64(c.Down)
	}
	return float64(c.Up)
}
