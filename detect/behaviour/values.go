package behaviour

import "math"

// Values remembers which values a signal ever took, in 1024 cells between the lowest and the highest.
type Values struct {
	Low, High float64
	N         uint64
	seen      [valueCells / 64]uint64
}

const valueCells = 1024

func (v *Values) cell(x float64) int {
	if v.High <= v.Low {
		return 0
	}
	return min(max(int(valueCells*(x-v.Low)/(v.High-v.Low)), 0), valueCells-1)
}

// Novelty returns the distance of x from the nearest value seen, as a share of the range of all seen: 0 for a value as
// usual. It is the nearest-neighbour distance of one dimension (E. M. Knorr, R. T. Ng, VLDB 1998) in constant space.
func (v *Values) Novelty(x float64) float64 {
	span := v.High - v.Low
	switch {
	case v.N == 0:
		return 0
	case x > v.High:
		return min((x-v.High)/max(span, 1e-9), 1e12)
	case x < v.Low:
		return min((v.Low-x)/max(span, 1e-9), 1e12)
	}
	at := v.cell(x)
	for d := range valueCells {
		for _, c := range [2]int{at - d, at + d} {
			if c >= 0 && c < valueCells && v.seen[c/64]&(1<<(c%64)) != 0 {
				return float64(max(d-1, 0)) / valueCells
			}
		}
	}
	return 0
}

// Learn takes in a value.
func (v *Values) Learn(x float64) {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return
	case v.N == 0:
		v.Low, v.High = x, x
	case x < v.Low || x > v.High:
		v.widen(min(v.Low, x), max(v.High, x))
	}
	v.N++
	c := v.cell(x)
	v.seen[c/64] |= 1 << (c % 64)
}

// widen moves what was seen to the cells of a wider range.
func (v *Values) widen(low, high float64) {
	was := *v
	v.Low, v.High, v.seen = low, high, [valueCells / 64]uint64{}
	for c := range valueCells {
		if was.seen[c/64]&(1<<(c%64)) != 0 {
			x := was.Low + (float64(c)+0.5)*(was.High-was.Low)/valueCells
			n := v.cell(x)
			v.seen[n/64] |= 1 << (n % 64)
		}
	}
}
