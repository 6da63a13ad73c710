//go:build unix

package loadgen

import (
	"math/bits"
	"time"
)

const (
	subBits = 6 // 64 buckets to the octave: a value is known to 1.6%
	buckets = (40 - subBits) << subBits
)

// Histogram counts durations from 1 ns to 9 minutes with a relative error of at most 1.6%.
type Histogram struct {
	count [buckets]uint32
	total uint64
	max   time.Duration
}

func bucket(d time.Duration) int {
	v := uint64(max(d, 1))
	shift := bits.Len64(v) - subBits - 1
	if shift <= 0 {
		return int(v)
	}
	return min(shift<<subBits+int(v>>shift), buckets-1)
}

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	h.count[bucket(d)]++
	h.total++
	h.max = max(h.max, d)
}

// Merge adds all that other counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.count {
		h.count[i] += n
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// Count returns how many durations were counted.
func (h *Histogram) Count() int { return int(h.total) }

// Max returns the largest duration.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the duration that the share q of all is not above, such as 0.99; 0 if
// nothing was counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	want := uint64(q * float64(h.total))
	var seen uint64
	for i, n := range h.count {
		if seen += uint64(n); n > 0 && seen > want {
			return min(upper(i), h.max)
		}
	}
	return h.max
}

// upper is the largest value that falls into bucket i.
func upper(i int) time.Duration {
	if i < 2<<subBits {
		return time.Duration(i)
	}
	shift := i>>subBits - 1
	return time.Duration((uint64(i-shift<<subBits)+1)<<shift - 1)
}
