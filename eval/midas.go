package eval

import "math"

// midas scores edges of a graph as they come: MIDAS-R of S. Bhatia, B. Hooi, M. Yoon, K. Shin, C. Faloutsos, "MIDAS: microcluster-based
// detector of anomalies in edge streams", AAAI 2020, with the constants of its authors for this data.
type midas struct {
	tick              int64 // from 1
	edges, from, into midasCounts
}

const (
	midasRows  = 2
	midasCells = 1 << 10
	midasFade  = 0.5 // what counts of this tick keep in the next
)

// midasCounts are count-min sketches of this tick and of all time (G. Cormode, S. Muthukrishnan, 2005), beside each other: one look-up
// touches one cache line a row.
type midasCounts [midasRows][midasCells][2]float32

// add counts a key and returns the counts of this tick and of all time.
func (m *midasCounts) add(key uint64) (now, all float64) {
	now, all = math.MaxFloat64, math.MaxFloat64
	for i := range m {
		h := (key + uint64(i)*0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
		c := &m[i][(h^h>>31)*0x94d049bb133111eb>>54]
		c[0]++
		c[1]++
		now, all = min(now, float64(c[0])), min(all, float64(c[1]))
	}
	return now, all
}

func (m *midasCounts) fade() {
	for i := range m {
		for j := range m[i] {
			m[i][j][0] *= midasFade
		}
	}
}

// score is how far the count of this tick is from the mean of all ticks, a chi-squared statistic of one degree.
func (m *midas) score(now, all float64) float64 {
	t := float64(m.tick)
	if all == 0 || t <= 1 {
		return 0
	}
	d := now - all/t
	return d * d * t * t / (all * (t - 1))
}

// observe takes in an edge and returns the largest of its, its source's and its destination's scores.
func (m *midas) observe(e *edge) float64 {
	if e.at > m.tick {
		m.edges.fade()
		m.from.fade()
		m.into.fade()
		m.tick = e.at
	}
	return max(m.score(m.edges.add(e.from*0x9e3779b97f4a7c15^e.to)), m.score(m.from.add(e.from)), m.score(m.into.add(e.to)))
}

func midasScores(edges []edge) []float64 {
	var m midas
	out := make([]float64, len(edges))
	for i := range edges {
		out[i] = math.Log1p(m.observe(&edges[i]))
	}
	return out
}
