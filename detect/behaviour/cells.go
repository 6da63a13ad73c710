package behaviour

import (
	"math"
	"math/bits"
)

// Where the cells of each habit begin.
const (
	mixAt        = 0
	pairsAt      = mixAt + mixCells
	instrumentAt = pairsAt + pairCells
	sizesAt      = instrumentAt + instrumentCells // buys, sells, everything else
	gapsAt       = sizesAt + 3*sizeCells
	habitCells   = gapsAt + gapCells
)

// cells counts in all cells of a habit, most of which are never used: there is a bit for each, and a count for those that are.
type cells struct {
	used  [habitCells / 64]uint64
	count [usedCells]uint8 // in the order of the bits
}

// place returns where the count of a cell is, or belongs, and whether it is there.
func (c *cells) place(i int) (at int, ok bool) {
	for _, w := range c.used[:i/64] {
		at += bits.OnesCount64(w)
	}
	w, bit := c.used[i/64], uint64(1)<<(i%64)
	return at + bits.OnesCount64(w&(bit-1)), w&bit != 0
}

// at returns the count of a cell.
func (c *cells) at(i int) float64 {
	if at, ok := c.place(i); ok {
		return float64(c.count[at])
	}
	return 0
}

// n returns how many cells of the n from a first one are used.
func (c *cells) n(from, n int) int {
	a, _ := c.place(from)
	return c.before(from+n) - a
}

// before returns how many cells before one are used.
func (c *cells) before(i int) int {
	if i == habitCells {
		i--
		n, last := c.place(i)
		if last {
			n++
		}
		return n
	}
	n, _ := c.place(i)
	return n
}

// sum returns the observations in the n cells from a first one.
func (c *cells) sum(from, n int) float64 { return Sum(c.count[c.before(from):c.before(from+n)]) }

// dense fills list with the counts from a cell on.
func (c *cells) dense(list []uint8, from int) {
	at := c.before(from)
	for i := range list {
		list[i] = 0
		if c.used[(from+i)/64]&(1<<((from+i)%64)) != 0 {
			list[i] = c.count[at]
			at++
		}
	}
}

// add counts a cell, of those of one kind that are the n from a first one. They halve when it is full, as all do when there is no room for one more.
func (c *cells) add(from, n, i int) {
	at, ok := c.place(from + i)
	for !ok && c.before(habitCells) == usedCells {
		c.halve(0, habitCells)
		at, ok = c.place(from + i)
	}
	if ok && c.count[at] == math.MaxUint8 {
		c.halve(from, n)
		at, ok = c.place(from + i)
	}
	if !ok {
		copy(c.count[at+1:], c.count[at:])
		c.count[at] = 0
		c.used[(from+i)/64] |= 1 << ((from + i) % 64)
	}
	c.count[at]++
}

// halve halves counts. Cells that come to nothing are free again.
func (c *cells) halve(from, n int) {
	at := c.before(from)
	to := at
	for i := from; i < from+n; i++ {
		w, bit := &c.used[i/64], uint64(1)<<(i%64)
		if *w&bit == 0 {
			continue
		}
		c.count[to] = c.count[at] / 2
		at++
		if c.count[to] == 0 {
			*w &^= bit
		} else {
			to++
		}
	}
	rest := copy(c.count[to:], c.count[at:])
	clear(c.count[to+rest:])
}
