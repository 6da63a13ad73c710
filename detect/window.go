package detect

import (
	"slices"
	"time"
)

// Counter counts over a sliding window, in 16 slots: what it says is exact to a sixteenth of the window.
// Events may come somewhat out of order.
type Counter struct {
	n    [16]uint32
	slot int64 // number of the newest slot since 1970, +1; 0 before the first event
}

// Add counts n at a time, Unix ns, and returns the count in the window that ends with the newest.
func (c *Counter) Add(at int64, window time.Duration, n uint32) uint32 {
	width := int64(window) / int64(len(c.n))
	slot := at/width + 1
	if slot > c.slot {
		for s := max(c.slot+1, slot-int64(len(c.n))+1); s <= slot; s++ {
			c.n[s%int64(len(c.n))] = 0
		}
		c.slot = slot
	}
	if slot > c.slot-int64(len(c.n)) {
		c.n[slot%int64(len(c.n))] += n
	}
	return c.Sum()
}

// At returns the count in the window that ends at a time.
func (c *Counter) At(at int64, window time.Duration) uint32 { return c.Add(at, window, 0) }

// Sum returns the count in the window as of the last Add.
func (c *Counter) Sum() (sum uint32) {
	for _, n := range c.n {
		sum += n
	}
	return sum
}

// Busy returns how many of the window's 16 slots have any, as of the last Add.
func (c *Counter) Busy() (slots int) {
	for _, n := range c.n {
		if n > 0 {
			slots++
		}
	}
	return slots
}

// Trail remembers the newest 16 events: when they were, and where they are in the ledger.
type Trail struct {
	time     [16]int64
	position [16]uint64
	n        uint32 // of all
}

// Add remembers an event.
func (t *Trail) Add(e *Event) {
	i := t.n % uint32(len(t.time))
	t.time[i], t.position[i] = e.Time, e.Position
	t.n++
}

// Within returns how many of the remembered events are at most d before at, and the time of the
// first of them.
func (t *Trail) Within(at int64, d time.Duration) (n int, first int64) {
	first = at
	for i := range min(t.n, uint32(len(t.time))) {
		if at-t.time[i] <= int64(d) {
			n++
			first = min(first, t.time[i])
		}
	}
	return n, first
}

// Since returns the positions of the remembered events that are at most d before at.
func (t *Trail) Since(at int64, d time.Duration) (list []uint64) {
	for i := range min(t.n, uint32(len(t.time))) {
		if at-t.time[i] <= int64(d) {
			list = append(list, t.position[i])
		}
	}
	return list
}

// Distinct counts different values over a window: exactly up to 32, after which the least recent gives
// way, so that the count stays at 32.
type Distinct struct {
	value [32]uint32
	at    [32]uint32 // seconds since 1970, +1; 0 where free
}

// Add takes in a value, that is a hash, and returns how many different ones the window holds.
func (d *Distinct) Add(value uint64, at int64, window time.Duration) int {
	v, now, wide := uint32(value>>32^value), uint32(at/int64(time.Second))+1, uint32(window/time.Second)
	n, place := 0, -1
	for i := range d.value {
		live := d.at[i] != 0 && d.at[i]+wide >= now
		switch {
		case live && d.value[i] == v:
			d.at[i] = max(d.at[i], now)
			place = len(d.value) // there already
		case !live:
			d.at[i] = 0
		}
		if live {
			n++
		}
	}
	if place == len(d.value) {
		return n
	}
	oldest := 0
	for i := range d.at {
		if d.at[i] < d.at[oldest] {
			oldest = i
		}
	}
	if d.at[oldest] == 0 {
		n++
	}
	d.value[oldest], d.at[oldest] = v, now
	return n
}

// Count returns how many different values were there within the window before a time.
func (d *Distinct) Count(at int64, window time.Duration) (n int) {
	now, wide := uint32(at/int64(time.Second))+1, uint32(window/time.Second)
	for _, t := range d.at {
		if t != 0 && t+wide >= now {
			n++
		}
	}
	return n
}

// Clear forgets all.
func (d *Distinct) Clear() { *d = Distinct{} }

func sorted(list []uint64) []uint64 {
	slices.Sort(list)
	return slices.Compact(list)
}
