package detect

import (
	"math"

	"vedette"
)

// MetKey in Event.Met says that the credential made an authentic call in the last weeks.
const MetKey = 1 << 7

// Stranger reports whether a call that is not authentic comes from a network or with a TLS fingerprint that its credential
// did not have in an authentic call of the last weeks. Of a credential that had none, nobody is a stranger.
func (e *Event) Stranger() bool {
	return e.Met&MetKey != 0 && (e.Rare(RareJA4) != 0 && e.Met&(1<<RareJA4) == 0 || e.Rare(RareNetwork) != 0 && e.Met&(1<<RareNetwork) == 0)
}

// market measures how many credentials trade at once. Where many more do than before, the market moved them: that
// one of them is busier says less of it. Credentials are counted and not calls, so that nobody who is loud alone moves it;
// who wants to hide behind a surge must make one with as many credentials as trade at the time.
type market struct {
	slot  int64 // number of the present slot since 1970
	seen  Sketch
	now   float64 // credentials of a slot, over the last minute
	usual float64 // over hours
	surge uint8
}

const (
	marketSlot  = 20e9 // ns: a shock is told within as much
	marketNow   = 0.5  // weight of the newest slot: a minute is most of it
	marketUsual = 1.0 / (3 * 3600e9 / marketSlot)
	marketLeast = 8   // credentials beside those that were counted: of a few, twice as many is chance
	marketFirst = 1.5 // times the usual that is no surge: open and close come to more, slower
	marketMost  = 16
)

// meet counts an event and tells it of the surge.
func (m *market) meet(e *Event) {
	if slot := e.Time / marketSlot; slot > m.slot {
		m.roll(slot)
	}
	if e.Verdict == vedette.Authentic && !e.Reported && e.Ordered() {
		m.seen.Add(e.Subject[ByCredential])
	}
	e.Surge = m.surge
}

// roll ends the present slot, and those without a call since.
func (m *market) roll(slot int64) {
	n, empty := float64(m.seen.Count()), min(slot-m.slot-1, 540)
	if m.slot == 0 {
		m.now, m.usual, empty = n, n, 0
	}
	m.slot, m.seen = slot, Sketch{}
	for ; ; empty-- {
		m.now += marketNow * (n - m.now)
		m.usual += marketUsual * (min(n, 2*m.usual+marketLeast) - m.usual)
		if n = 0; empty <= 0 {
			break
		}
	}
	m.surge = 0
	if times := (m.now + marketLeast) / (m.usual + marketLeast); times >= marketFirst {
		m.surge = uint8(8 * math.Log2(min(times, marketMost)))
	}
}
