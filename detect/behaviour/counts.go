package behaviour

import "math"

// Count is what a cell of Counts holds. The narrow one halves all cells at 255: what was learned longest ago
// counts for least.
type Count interface{ ~uint8 | ~uint16 }

// Add counts a cell.
func Add[C Count](cells []C, i int) {
	if cells[i] == ^C(0) {
		for j := range cells {
			cells[j] /= 2
		}
	}
	cells[i]++
}

// Sum returns the observations in cells.
func Sum[C Count](cells []C) (n float64) {
	for _, c := range cells {
		n += float64(c)
	}
	return n
}

// Share returns the probability of a cell under counts of n observations in all, smoothed by a prior probability that is worth weight
// observations (Dirichlet; D. J. C. MacKay, L. C. Peto, "A hierarchical Dirichlet language model", 1995).
func Share[C Count](cells []C, i int, n, prior, weight float64) float64 {
	return (float64(cells[i]) + weight*prior) / (n + weight)
}

// Ratio is the log-likelihood ratio of a value in nats, of a prior against what cells say: above 0 where the
// prior explains it better. Masqueraders show in its sum (R. A. Maxion, T. N. Townsend, "Masquerade detection using
// truncated command lines", DSN 2002).
func Ratio[C Count](cells []C, i int, n, prior, weight float64) float64 {
	return ratio(float64(cells[i]), n, prior, weight)
}

func ratio(count, n, prior, weight float64) float64 {
	return math.Log(prior * (n + weight) / (count + weight*prior))
}

// upper returns the share of observations in cell i or above, with half an observation more than there were.
func upper[C Count](cells []C, i int) float64 {
	above := 0.0
	for _, c := range cells[i:] {
		above += float64(c)
	}
	return (above + 0.5) / (Sum(cells) + 1)
}

// divergence is the Jensen-Shannon divergence of two counts in bits, between 0 and 1 (J. Lin, 1991).
func divergence[C Count](a, b []C) (d float64) {
	na, nb := Sum(a), Sum(b)
	if na == 0 || nb == 0 {
		return 0
	}
	for i := range a {
		p, q := float64(a[i])/na, float64(b[i])/nb
		m := (p + q) / 2
		if p > 0 {
			d += p / 2 * math.Log2(p/m)
		}
		if q > 0 {
			d += q / 2 * math.Log2(q/m)
		}
	}
	return d
}
