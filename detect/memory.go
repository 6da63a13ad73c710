package detect

import "unsafe"

// memory is what a shard's records lie in, outside of the collector's heap: it has no pointers, and would have the collector wait until
// as much garbage has come together again. It is taken from the system in regions and never given back; slabs of one size are used again.
type memory struct {
	regions []unsafe.Pointer
	used    int              // units of the newest region
	room    int              // that it has
	free    map[int][]uint32 // by units
	held    int              // units that slabs take
	plenty  int              // units that they may take before records are packed
}

const (
	unit        = 64      // bytes: a line of a processor's cache
	regionUnits = 1 << 18 // of the largest region, 16 MiB; the first has 64 KiB, and each twice as many as the one before
	firstUnits  = 1 << 10
	slabBytes   = 32 << 10 // of records up to an eighth of it; larger ones come eight a slab
)

// slabUnits is how large slabs are for records of a size.
func slabUnits(units int) int { return max(slabBytes/unit, 8*units) }

// at returns where a ref points to: its high bits are the region, its low ones units within.
func (m *memory) at(ref uint32) unsafe.Pointer {
	return unsafe.Add(m.regions[ref/regionUnits], uintptr(ref%regionUnits)*unit)
}

// scarce reports whether there is no more memory for records as they are.
func (m *memory) scarce() bool { return m.held > m.plenty }

// take returns a ref to a number of units. None is 0.
func (m *memory) take(units int) uint32 {
	m.held += units
	if list := m.free[units]; len(list) > 0 {
		m.free[units] = list[:len(list)-1]
		return list[len(list)-1]
	}
	if m.used+units > m.room {
		m.used, m.room = 0, max(units+1, min(regionUnits, firstUnits<<min(len(m.regions), 16)))
		m.regions = append(m.regions, region(m, uintptr(m.room)*unit))
		if len(m.regions) == 1 {
			m.used = 1
		}
	}
	m.used += units
	return uint32((len(m.regions)-1)*regionUnits + m.used - units)
}

// give takes units back.
func (m *memory) give(units int, ref uint32) {
	m.held -= units
	if m.free == nil {
		m.free = map[int][]uint32{}
	}
	m.free[units] = append(m.free[units], ref)
}
