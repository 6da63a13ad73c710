package eval

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// judged is one thing that was judged: how odd it was found, and whether it is what was sought.
type judged struct {
	score  float64
	attack bool
	entity int // whose it is: bootstraps draw entities, since what one does is alike
}

// auc is the chance that an attack scores above what is none, ties counted half (Mann–Whitney).
func auc(list []judged) float64 {
	list = ascending(list)
	var ranks, attacks float64
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j].score == list[i].score {
			j++
		}
		for _, c := range list[i:j] {
			if c.attack {
				ranks += float64(i+j+1) / 2
				attacks++
			}
		}
		i = j
	}
	rest := float64(len(list)) - attacks
	if attacks == 0 || rest == 0 {
		return 0
	}
	return (ranks - attacks*(attacks+1)/2) / (attacks * rest)
}

func ascending(list []judged) []judged {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b judged) int { return cmp.Compare(a.score, b.score) })
	return list
}

// tprAt returns the share of attacks found at the threshold at which at most fpr of the rest are.
func tprAt(list []judged, fpr float64) float64 {
	list = ascending(list)
	attacks := 0
	for _, c := range list {
		if c.attack {
			attacks++
		}
	}
	allowed, found, best := int(fpr*float64(len(list)-attacks)), 0, 0
	for i := len(list) - 1; i >= 0; {
		j := i
		for ; j >= 0 && list[j].score == list[i].score; j-- {
			if list[j].attack {
				found++
			} else {
				allowed--
			}
		}
		if allowed < 0 {
			break
		}
		best, i = found, j
	}
	return float64(best) / float64(max(attacks, 1))
}

// averagePrecision is the mean of the precision at each attack, the highest score first, ties as one step.
func averagePrecision(list []judged) float64 {
	list = ascending(list)
	slices.Reverse(list)
	var sum float64
	found, attacks := 0, 0
	for i := 0; i < len(list); {
		j, before := i, found
		for ; j < len(list) && list[j].score == list[i].score; j++ {
			if list[j].attack {
				found++
			}
		}
		sum += float64(found-before) * float64(found) / float64(j)
		i = j
	}
	attacks = found
	return sum / float64(max(attacks, 1))
}

// f1 is the harmonic mean of precision and recall at a threshold.
func f1(list []judged, threshold float64) float64 {
	var hit, miss, wrong float64
	for _, c := range list {
		switch {
		case c.attack && c.score > threshold:
			hit++
		case c.attack:
			miss++
		case c.score > threshold:
			wrong++
		}
	}
	return 2 * hit / max(2*hit+miss+wrong, 1)
}

const bootstraps = 200

// interval returns the 95% interval of a metric under draws of entities (B. Efron, 1979), from a fixed seed.
func interval(list []judged, metric func([]judged) float64) (low, high float64) {
	by := map[int][]judged{}
	var entities []int
	for _, c := range list {
		if by[c.entity] == nil {
			entities = append(entities, c.entity)
		}
		by[c.entity] = append(by[c.entity], c)
	}
	r := rand.New(rand.NewPCG(1, 2))
	var values []float64
	for range bootstraps {
		var draw []judged
		for range entities {
			draw = append(draw, by[entities[r.IntN(len(entities))]]...)
		}
		values = append(values, metric(draw))
	}
	slices.Sort(values)
	return values[bootstraps*25/1000], values[bootstraps*975/1000]
}

// measured makes a figure of a metric with its interval.
func measured(data, detector, name, base string, list []judged, metric func([]judged) float64) Figure {
	low, high := interval(list, metric)
	return Figure{Data: data, Detector: detector, Metric: name, Value: metric(list), Low: low, High: high, Base: base}
}

// quantile returns the value that a share q of list does not exceed.
func quantile(list []float64, q float64) float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[min(int(q*float64(len(list))), len(list)-1)]
}
