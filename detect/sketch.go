package detect

import (
	"math"
	"math/bits"
	"time"
)

// Sketch estimates how many different values it was shown, to an eighth; up to some 20 hardly ever wrong
// by more than one (P. Flajolet et al., "HyperLogLog", 2007, with 64 registers and linear counting below).
type Sketch [64]uint8

// Add shows it a value, and reports whether the estimate may have changed.
func (s *Sketch) Add(value uint64) bool {
	v := mix(value)
	i, rank := v%uint64(len(s)), uint8(bits.LeadingZeros64(v)+1)
	if s[i] >= rank {
		return false
	}
	s[i] = rank
	return true
}

// Count returns the estimate.
func (s *Sketch) Count() int {
	const m = float64(len(s))
	sum, free := 0.0, 0
	for _, rank := range s {
		sum += 1 / float64(uint64(1)<<min(rank, 63))
		if rank == 0 {
			free++
		}
	}
	n := 0.709 * m * m / sum
	if n <= 2.5*m && free > 0 {
		n = m * math.Log(m/float64(free))
	}
	return int(n + 0.5)
}

// mix spreads a value over all bits (S. Vigna, SplitMix64).
func mix(v uint64) uint64 {
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// Pair makes one value of two.
func Pair(a, b uint64) uint64 { return mix(a) ^ b }

// Spread estimates how many different values each window of a fixed grid holds, and remembers how many
// it is used to.
type Spread struct {
	seen    Sketch
	slot    int64 // number of the window since 1970, +1; 0 before the first event
	n       uint32
	shown   uint32 // values of the window, equal ones too
	windows uint32 // that are over and held any
	habit   float32
}

const (
	spreadHalf = 64 // windows until an old habit counts half: some days of hours
	// spreadYoung windows set the habit by themselves; later ones raise it by a twentieth at most, so
	// that who creeps up on it needs 23 windows to treble it.
	spreadYoung = 24
)

// Add takes in a value and returns the count in its window. A value of a window that is over is left out.
func (s *Spread) Add(value uint64, at int64, window time.Duration) int {
	s.roll(at, window)
	if at/int64(window)+1 != s.slot {
		return int(s.n)
	}
	s.shown++
	if s.seen.Add(value) {
		s.n = uint32(s.seen.Count())
	}
	return int(s.n)
}

// Count returns the count in the window of a time.
func (s *Spread) Count(at int64, window time.Duration) int {
	s.roll(at, window)
	return int(s.n)
}

func (s *Spread) roll(at int64, window time.Duration) {
	slot := at/int64(window) + 1
	if slot <= s.slot {
		return
	}
	if s.slot != 0 && s.n > 0 {
		n, old := float32(s.n), s.habit
		if s.windows >= spreadYoung {
			n = min(n, old*1.05+1)
		}
		s.habit = max(n, old*float32(math.Exp2(-float64(slot-s.slot)/spreadHalf)))
		s.windows++
	}
	s.slot, s.n, s.shown, s.seen = slot, 0, 0, Sketch{}
}

// Shown returns how many values the newest window was shown, equal ones too.
func (s *Spread) Shown() int { return int(s.shown) }

// Habit returns how many the windows before held: the most, old ones weighing less.
func (s *Spread) Habit() float64 { return float64(s.habit) }
