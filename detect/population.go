package detect

import (
	"unsafe"

	"vedette"
)

// Trait is something about a client that it shares with others.
type Trait uint8

// The traits.
const (
	TraitJA4 Trait = iota
	TraitProduct
	TraitASN
	TraitCountry
	traitCount
)

// Traits is the number of traits; every Trait is below it.
const Traits = int(traitCount)

// Trait returns the hash of what the event has of a trait; 0 where it is not known.
func (e *Event) Trait(t Trait) uint64 {
	switch t {
	case TraitJA4:
		return e.Subject[ByFingerprint]
	case TraitProduct:
		return e.Product
	case TraitASN:
		return uint64(e.ASN)
	}
	return uint64(e.Country[0])<<8 | uint64(e.Country[1])
}

// population estimates how many credentials share a trait. It sees the events in their order, before
// they go to the shards, so that their number changes nothing. Only authentic calls count: to make
// a fingerprint look common, an attacker needs the secrets of many keys. Who invents values with one
// key displaces only values that are as rare.
type population struct {
	all    Sketch
	count  uint32
	values [Traits][populationSets][populationWays]shared
}

// shared is one value of a trait.
type shared struct {
	value uint64 // 0 where free
	count uint32
	seen  Sketch
}

// observe counts the event's credential and tells the event of the others.
func (p *population) observe(e *Event) {
	key := e.Subject[ByCredential]
	counts := key != 0 && e.Verdict == vedette.Authentic && !e.Reported
	if counts && p.all.Add(key) {
		p.count = uint32(p.all.Count())
	}
	e.Credentials = p.count
	for t := range traitCount {
		value := e.Trait(t)
		if value == 0 {
			continue
		}
		v := p.find(t, value)
		if counts {
			if v.value != value {
				*v = shared{value: value}
			}
			if v.seen.Add(key) {
				v.count = uint32(v.seen.Count())
			}
		}
		if v.value == value {
			e.Users[t] = v.count
		}
	}
}

// find returns the value's place or, where it has none, the one that may be had for it.
func (p *population) find(t Trait, value uint64) *shared {
	set := &p.values[t][mix(value)%populationSets]
	least := &set[0]
	for i := range set {
		if set[i].value == value {
			return &set[i]
		}
		if set[i].value == 0 || least.value != 0 && set[i].count < least.count {
			least = &set[i]
		}
	}
	return least
}

// bytes is the population as it lies in memory.
func (p *population) bytes() []byte { return bytesOf(unsafe.Pointer(p), unsafe.Sizeof(*p)) }
