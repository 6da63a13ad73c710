package behaviour

import "math"

const frozenCells = 32

// frozen is a subject's first week, that no later conduct moves, and how far the days since have gone from it.
type frozen struct {
	daily [rampCount]Spread // of ln(1+count of a day)
	ramp  [rampCount]Cusum
	rate  float32 // mean of the six-hour rate when frozen, ln
	mix   [frozenCells]uint8

	rampNow  [rampCount]float32 // sums as of the newest day that is over
	newest   [rampCount]float32 // that day, ln(1+count)
	movedNow Move
}

// What is counted by day.
const (
	rampCalls = iota
	rampSensitive
	rampCount
)

// Move is how far a baseline has gone from the frozen one.
type Move struct {
	Rate float32 // learned rate by the frozen one
	Mix  float32 // divergence of endpoints, bits
}

const (
	rampAllowance = 1 // deviations of a day that are usual: a week's mean is itself off by 0.4
	rampClip      = 4 // so that one day alone is no ramp
)

// rampFloor is the smallest deviation believed, ln: a fifth more calls or less is no news, nor is half as many withdrawals more.
var rampFloor = [rampCount]float64{0.2, 0.4}

// day counts the calls of a window to its day, and compares days that are over.
func (s subject) day() {
	if today := s.now.day(); today != s.today {
		if s.today != 0 {
			s.dayOver()
		}
		s.today, s.counted = today, [rampCount]uint32{}
	}
	s.counted[rampCalls] += s.now.calls
	s.counted[rampSensitive] += s.now.sensitive
}

// day is the window's, since 1970.
func (w *window) day() int32 { return int32(w.start / 86400e9) }

func (s subject) dayOver() {
	f := &s.slow
	s.days++
	for i, n := range s.counted {
		x := math.Log1p(float64(n))
		f.newest[i] = float32(x)
		if s.days <= freezeAfter {
			f.daily[i].Learn(x, freezeAfter)
		} else {
			f.rampNow[i] = float32(f.ramp[i].Add(f.daily[i].Z(x, Spread{}, 0, rampFloor[i]), rampAllowance, rampClip))
		}
	}
	switch {
	case s.days == freezeAfter:
		s.freeze()
	case s.days > freezeAfter:
		folded := s.habit.fold()
		f.movedNow = Move{float32(math.Exp(float64(s.habit.rates[meterSixHours].Mean - f.rate))), float32(divergence(folded[:], f.mix[:]))}
	}
}

// freeze takes the learned baseline for the frozen one.
func (s subject) freeze() {
	s.slow.rate, s.slow.mix = s.habit.rates[meterSixHours].Mean, s.habit.fold()
}

// thaw begins another week for the counts by day: the ramp was told.
func (s subject) thaw() {
	f := &s.slow
	s.days, f.daily, f.ramp, f.rampNow = 0, [rampCount]Spread{}, [rampCount]Cusum{}, [rampCount]float32{}
}

// fold is a habit's endpoints in fewer cells, as shares of 255.
func (h *habit) fold() (f [frozenCells]uint8) {
	var sum [frozenCells]float64
	var mix [mixCells]uint8
	h.dense(mix[:], mixAt)
	n := max(Sum(mix[:]), 1)
	for i, c := range mix {
		sum[i%frozenCells] += float64(c)
	}
	for i := range sum {
		f[i] = uint8(math.Round(255 * sum[i] / n))
	}
	return f
}
