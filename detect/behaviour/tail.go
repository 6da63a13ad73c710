package behaviour

import "math"

// Tail is a distribution's upper tail as a stream shows it: a high quantile and the excesses over it, which
// turn a statistic into the probability of one as large in usual conduct. It is streaming peaks over threshold
// with a generalised Pareto tail fitted by moments (A. Siffer et al., "Anomaly detection in streams with extreme
// value theory", KDD 2017; J. R. M. Hosking, J. R. Wallis, "Parameter and quantile estimation for the generalized
// Pareto distribution", Technometrics 29, 1987). The zero value is the tail of an exponential with mean 1, worth
// tailPrior observations, so that a subject never seen has a tail too.
type Tail struct {
	N     float32 // observations, at most tailMemory
	Level float32 // the quantile's distance from the prior's
	Over  float32 // observations over the level, as far as N goes back
	Sum   float32 // of excesses
	Sq    float32 // of their squares
}

const (
	tailShare  = 0.05 // share of observations over the level: the method wants 1 to 10%
	tailPrior  = 20   // observations that the prior is worth: what a subject shows outweighs it in an hour of windows
	tailMemory = 4000 // observations after which old ones fade: three days of windows of a busy subject
	heavy      = 0.3  // shape of the heaviest tail fitted to a signal: few excesses would give any
	heavyFused = 0.1  // and to what is joined: sums of logarithms of probabilities fall off exponentially where those are right
	tailScale  = 0.5  // smallest mean of excesses believed: statistics are in nats, and some are discrete or bounded until they are not
	tailShown  = 4    // excesses that halve the shape believed before any was seen: a tail is light only when shown to be
)

func (t *Tail) level() float64 { return max(-math.Log(tailShare)+float64(t.Level), 0) }

// Learn takes in a statistic, zero or more and of the order of 1 in usual conduct.
func (t *Tail) Learn(x float64) {
	step := 1/(1+float64(t.N)/tailPrior) + 0.01
	if excess := x - t.level(); excess > 0 {
		t.Over++
		t.Sum += float32(excess)
		t.Sq += float32(excess * excess)
		t.Level += float32(step * (1 - tailShare))
	} else {
		t.Level = max(t.Level-float32(step*tailShare), float32(math.Log(tailShare)))
	}
	if t.N++; t.N > tailMemory {
		const keep = tailMemory / (tailMemory + 1.0)
		t.N, t.Over, t.Sum, t.Sq = tailMemory, t.Over*keep, t.Sum*keep, t.Sq*keep
	}
}

// P returns the probability of a statistic of x or more, at least 1e-30, with a tail of at most a shape.
func (t *Tail) P(x, heaviest float64) float64 {
	const prior = tailShare * tailPrior // excesses of the prior: mean 1, mean square 2
	if !(x > 0) {
		return 1
	}
	n := float64(t.Over) + prior
	share := n / (float64(t.N) + tailPrior)
	level := t.level()
	if x <= level {
		return math.Pow(share, x/level)
	}
	mean, sq := max((float64(t.Sum)+prior)/n, tailScale), (float64(t.Sq)+2*prior)/n
	r := mean * mean / max(sq-mean*mean, 1e-9)
	shape := min(max((1-r)/2, 0.01, heaviest*tailShown/(tailShown+float64(t.Over))), heaviest)
	return max(share*math.Pow(1+shape*(x-level)/(mean*(1-shape)), -1/shape), 1e-30)
}
