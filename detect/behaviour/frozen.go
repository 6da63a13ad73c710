package behaviour

import "math"

const frozenCells = 32

// frozen is a subject's first week, that no later conduct moves, and how far the days since have gone from it.
type frozen struct {
	today            int32 // day since 1970
	calls, sensitive uint32
	days             uint16 // learned or compared
	daily            Spread // of ln(1+calls of a day)
	ramp             Cusum
	rate             float32 // mean of the six-hour rate when frozen, ln
	mix              [frozenCells]uint8

	rampNow  float32 // this call's: the sum, 0 between days
	movedNow Move
}

// Move is how far a baseline has gone from the frozen one.
type Move struct {
	Rate float32 // learned rate by the frozen one
	Mix  float32 // divergence of endpoints, bits
}

const (
	rampAllowance = 1   // deviations of a day that are usual: a week's mean is itself off by 0.4
	rampClip      = 4   // so that one day alone is no ramp
	rampFloor     = 0.2 // smallest deviation believed, ln: a fifth more or less is no news
)

// day counts a window to its day, and compares days that are over.
func (s *State) day(at int64) {
	f := &s.slow
	f.rampNow, f.movedNow = 0, Move{}
	f.calls += s.now.calls
	f.sensitive += s.now.sensitive
	today := int32(at / 86400e9)
	if today == f.today {
		return
	}
	if f.today != 0 {
		s.dayOver(math.Log1p(float64(f.calls)))
	}
	f.today, f.calls, f.sensitive = today, 0, 0
}

func (s *State) dayOver(x float64) {
	f := &s.slow
	if f.days++; f.days <= freezeAfter {
		f.daily.Learn(x, freezeAfter)
		if f.days == freezeAfter {
			s.freeze()
		}
		return
	}
	f.rampNow = float32(f.ramp.Add(f.daily.Z(x, Spread{}, 0, rampFloor), rampAllowance, rampClip))
	folded := fold(&s.habit.mix)
	f.movedNow = Move{float32(math.Exp(float64(s.habit.rates[meterSixHours].Mean - f.rate))), float32(divergence(folded[:], f.mix[:]))}
}

// freeze takes the learned baseline for the frozen one.
func (s *State) freeze() {
	s.slow.rate, s.slow.mix = s.habit.rates[meterSixHours].Mean, fold(&s.habit.mix)
}

// thaw begins another frozen week: the move was told.
func (s *State) thaw() { s.slow = frozen{today: s.slow.today} }

// fold is a habit's endpoints in fewer cells, as shares of 255.
func fold(mix *[mixCells]uint8) (f [frozenCells]uint8) {
	var sum [frozenCells]float64
	n := max(Sum(mix[:]), 1)
	for i, c := range mix {
		sum[i%frozenCells] += float64(c)
	}
	for i := range sum {
		f[i] = uint8(math.Round(255 * sum[i] / n))
	}
	return f
}
