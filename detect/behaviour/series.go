package behaviour

import "math"

// Series judges one metric as its values come: how far each is from any seen before, and how far its departure from the hour's
// usual is. An odd value is told once: for a while after, only an odder one counts.
type Series struct {
	N        int
	values   Values
	odd      Values // of the smoothed departure
	hours    [24]Spread
	smoothed float64
	told     float64
	toldAt   int
}

// SeriesConfig are the constants of a Series.
type SeriesConfig struct {
	Warm       int     // values before the first is judged
	Memory     float32 // of an hour's usual, in values
	Smooth     float64 // span over which departures are smoothed, in values
	Refractory int     // values for which a told one silences less odd ones
	Factor     float64 // how much odder another must be
}

// DefaultSeries was chosen with the series of NAB in view; docs/evaluation.md shows what other choices give.
var DefaultSeries = SeriesConfig{Warm: 50, Memory: 10, Smooth: 5, Refractory: 100, Factor: 1.5}

// Observe takes in a value at a time in Unix seconds, and returns how odd it is: shares of the range of what was seen, 0 for usual.
func (s *Series) Observe(c *SeriesConfig, at int64, x float64) float64 {
	s.N++
	hour := &s.hours[at%86400/3600]
	departure := 0.0
	if hour.N > 0 {
		departure = x - float64(hour.Mean)
	}
	s.smoothed += (departure - s.smoothed) * max(1/c.Smooth, 1/float64(s.N))
	novelty := 0.0
	if s.N > c.Warm+1 {
		novelty = s.values.Novelty(x) + s.odd.Novelty(s.smoothed)
	}
	s.values.Learn(x)
	s.odd.Learn(s.smoothed)
	hour.Learn(x, c.Memory)
	if s.N-s.toldAt > c.Refractory {
		s.told = 0
	}
	if novelty < 0.01 || novelty <= s.told*c.Factor || math.IsNaN(novelty) {
		return 0
	}
	s.told, s.toldAt = novelty, s.N
	return novelty
}
