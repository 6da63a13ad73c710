package behaviour

import (
	"math/rand/v2"
	"testing"
)

// TestCells wants sparse counts to be what dense ones are, until there is no room: then all halve, and nothing else changes.
func TestCells(t *testing.T) {
	groups := [][2]int{{mixAt, mixCells}, {pairsAt, pairCells}, {instrumentAt, instrumentCells}, {sizesAt, sizeCells}, {sizesAt + sizeCells, sizeCells}, {gapsAt, gapCells}}
	r := rand.New(rand.NewPCG(3, 4))
	for run := range 20 {
		var c cells
		var model [habitCells]uint8
		n, full := 0, 0
		for range 20_000 {
			g := groups[r.IntN(len(groups))]
			i := r.IntN(min(g[1], 2+6*run))
			if run%2 == 0 {
				i = i * i % g[1]
			}
			if model[g[0]+i] == 0 && n == usedCells {
				full++
				for n == usedCells {
					n = 0
					for j := range model {
						if model[j] /= 2; model[j] > 0 {
							n++
						}
					}
				}
			}
			if c.add(g[0], g[1], i); model[g[0]+i] == 0 {
				n++
			}
			Add(model[g[0]:g[0]+g[1]], i)
			n = 0
			for _, m := range model {
				if m > 0 {
					n++
				}
			}
			if r.IntN(50) > 0 {
				continue
			}
			for j, want := range model {
				if got := c.at(j); got != float64(want) {
					t.Fatalf("run %d, cell %d: %v, want %d", run, j, got, want)
				}
			}
			for _, g := range groups {
				if got, want := c.sum(g[0], g[1]), Sum(model[g[0]:g[0]+g[1]]); got != want {
					t.Fatalf("run %d, from %d: sum %v, want %v", run, g[0], got, want)
				}
				row := make([]uint8, g[1])
				c.dense(row, g[0])
				if string(row) != string(model[g[0]:g[0]+g[1]]) {
					t.Fatalf("run %d, from %d: %v, want %v", run, g[0], row, model[g[0]:g[0]+g[1]])
				}
			}
			if c.n(0, habitCells) != n {
				t.Fatalf("run %d: %d used, want %d", run, c.n(0, habitCells), n)
			}
		}
		if run == 19 && full == 0 {
			t.Errorf("run %d: was full %d times", run, full)
		}
	}
}

func TestMark(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		c := sample{uint8(r.IntN(mixCells)), uint8(r.IntN(mixCells)), uint8(r.IntN(instrumentCells)), uint8(r.IntN(gapCells)), uint8(r.IntN(classCount)), uint8(r.IntN(3*sizeCells + 1))}
		if got := c.mark().sample(); got != c {
			t.Fatalf("%v, want %v", got, c)
		}
	}
}
