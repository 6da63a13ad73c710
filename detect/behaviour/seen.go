package behaviour

import (
	"math"

	"vedette/detect"
)

const freshFor = 10 // minutes for which a new client counts fully: an hour of windows would try every other oddity with it

// trait is a TLS fingerprint, network or country that the subject came with.
type trait struct {
	value uint32 // hash, the trait in the lowest two bits, +1; 0 where free
	last  uint32 // minutes since 1970
}

// newcomer is one that is not known yet.
type newcomer struct {
	trait
	first uint32
}

func traitValue(t detect.Rare, hash uint64) uint32 { return uint32(hash>>32)&^3 | uint32(t) + 1 }

// traitWeight says how much of its rarity a trait never seen is worth: a country follows from the network mostly.
var traitWeight = [...]float64{detect.RareJA4: 1, detect.RareNetwork: 1, detect.RareCountry: 0.5}

// client takes in whom the call came from.
func (s subject) client(e *detect.Event) {
	w := &s.now
	minute := uint32(e.Time / 60e9)
	from := e.Rare(detect.RareJA4) ^ e.Rare(detect.RareNetwork)*3 ^ e.Rare(detect.RareCountry)*5
	if from == s.from && w.calls > 1 { // known, and the window has noted that it is in use
		return
	}
	s.from = from
	for t := detect.RareJA4; t <= detect.RareCountry; t++ {
		h := e.Rare(t)
		if h == 0 {
			continue
		}
		v := traitValue(t, h)
		had := false
		known := false
		for i := range s.known {
			known = known || s.known[i].value == v
			had = had || s.known[i].value != 0 && (s.known[i].value-1)&3 == uint32(t)
			if s.known[i].value == v {
				s.known[i].last = minute
			}
		}
		if known || !had && s.learned < warmWindows {
			if !known {
				s.meet(v, minute)
				s.from = 0
			}
			continue
		}
		s.from = 0
		s.unknown(e, t, v, minute)
	}
}

// unknown counts a trait that is not yet known, once a window.
func (s subject) unknown(e *detect.Event, t detect.Rare, v, minute uint32) {
	w := &s.now
	age := s.meet(v, minute)
	if w.newTraits&(1<<t) != 0 {
		return
	}
	w.newTraits |= 1 << t
	w.evidence[1] = e.Position
	w.asn, w.country = e.ASN, e.Country
	nats := float32(traitWeight[t] * float64(e.Rarity[t]) / 8 * math.Ln2)
	if age > freshFor {
		nats /= 4
	}
	w.client += nats
	if age == 0 {
		w.first += nats
	}
}

// meet remembers a value that is not known yet, and returns for how many minutes it has been waiting. The oldest that waits gives
// way: what is known cannot be pushed out by inventing.
func (s subject) meet(v, minute uint32) uint32 {
	oldest := 0
	for i := range s.fresh {
		if s.fresh[i].value == v {
			s.fresh[i].last = minute
			return minute - s.fresh[i].first
		}
		if s.fresh[i].value == 0 || s.fresh[oldest].value != 0 && s.fresh[i].last < s.fresh[oldest].last {
			oldest = i
		}
	}
	s.fresh[oldest] = newcomer{trait{v, minute}, minute}
	return 0
}

// admit makes known what waited long enough. Of what is known, that not seen for longest gives way.
func (s subject) admit(at int64) {
	if at < s.held {
		return
	}
	minute := uint32(at / 60e9)
	for i := range s.fresh {
		if f := &s.fresh[i]; f.value != 0 && minute-f.first >= uint32(Quarantine/60e9) && int64(f.first)*60e9 >= s.held-int64(Hold) {
			oldest := 0
			for j := range s.known {
				if s.known[j].last < s.known[oldest].last {
					oldest = j
				}
			}
			s.known[oldest] = f.trait
			*f = newcomer{}
		}
	}
}
