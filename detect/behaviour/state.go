package behaviour

import (
	"math"
	"math/bits"

	"vedette"
	"vedette/detect"
)

// Signal is one way in which conduct can be odd.
type Signal uint8

// The signals.
const (
	Rate        Signal = iota // calls a minute, a quarter of an hour and six hours
	Sensitive                 // withdrawals, transfers, changes of keys, an hour
	Failures                  // answers that are errors
	Endpoints                 // which are called
	Instruments               // which are traded
	Sequence                  // of endpoints
	Sizes                     // of orders and withdrawals
	Client                    // TLS fingerprint, network, country never seen
	Timing                    // gaps between calls
	signalCount
)

// Signals is the number of signals; every Signal is below it.
const Signals = int(signalCount)

var signalNames = []string{"rate", "sensitive", "failures", "endpoints", "instruments", "sequence", "sizes", "client", "timing"}

func (s Signal) String() string { return signalNames[s] }

// State is what is kept of one credential or account. What every call touches comes first.
type State struct {
	last   int64 // newest call, Unix ns
	now    window
	meters [meterCount]Meter // as of last
	n      totals

	verdict Judgement
	judged  bool // by this call

	known [seenSlots - freshSlots]slot
	fresh [freshSlots]slot
	habit habit

	pending  [pendingWindows]pendingWindow
	lastPend int64 // when the newest of them began
	held     int64 // until when nothing is learned
	learned  uint32
	tails    [Signals]Tail
	fused    Tail
	slow     frozen
}

// window is what the calls of one minute amount to.
type window struct {
	start                              int64
	calls, sensitive, failures, traded uint32
	mix, instrument, sequence          float32 // sums of log-likelihood ratios, nats
	size, client, first                float32 // nats; first is client, of what was never seen before this window
	judgedAt                           uint32  // calls, when it was judged last
	asn                                uint32
	country                            [2]byte
	operation                          vedette.Operation // the newest sensitive one
	newTraits                          uint8             // bits
	sizeOver                           uint8             // cells over the largest learned
	sampled                            uint8
	previous                           uint8 // endpoint's cell, kept from window to window
	gaps                               [gapCells]uint8
	sample                             [pendingCalls]sample
	evidence                           [3]uint64 // positions: the first call, the newest odd one, the newest sensitive one
}

// sample is a call that may be learned. 0 is none but in mix and gap.
type sample struct{ mix, instrument, pair, size, gap, class uint8 }

// habit is what was learned of endpoints, instruments, sequence, sizes and gaps.
type habit struct {
	mix         [mixCells]uint8
	instruments [instrumentCells]uint8
	pairs       [pairCells]uint8
	sizes       [3 * sizeCells]uint8 // buys, sells, everything else
	gaps        [gapCells]uint8
	classes     [classCount]uint16
	rates       [meterCount]Spread // of ln(1+count)
}

// totals are sums over cells of habit, so that no call has to add them up.
type totals struct{ mix, instruments, gaps float32 }

// Meters, and what they fade with.
const (
	meterWindow    = iota // calls of the window; no meter
	meterQuarter          // calls of 15 min
	meterSixHours         // calls
	meterSensitive        // sensitive calls of an hour
	meterFailures         // of a quarter of an hour
	meterCount
)

var meterSpan = [meterCount]int64{0, 15 * 60e9, 6 * 3600e9, 3600e9, 15 * 60e9}

// machine watches every call that the subject may have made: what is forged says nothing of it.
var machine = detect.NewMachine(func(e *detect.Event) bool {
	return e.Verdict == vedette.Authentic || e.Verdict == vedette.Unauthorised || e.Verdict == vedette.Unverifiable
}, func(e *detect.Event, s *State) { s.update(e) })

func (s *State) update(e *detect.Event) {
	s.judged = false
	if s.now.start == 0 {
		s.begin(e.Time)
	}
	if e.Part == 0 && e.Time-s.now.start >= int64(Window) {
		s.close(e.Time)
	}
	s.count(e)
	w := &s.now
	if w.calls >= 8 && w.calls >= 2*w.judgedAt || w.newTraits != 0 && w.judgedAt == 0 {
		w.judgedAt = w.calls
		s.judge()
	}
}

// begin starts a window.
func (s *State) begin(at int64) {
	s.now = window{start: at, previous: s.now.previous}
}

// count takes a call, or a part of a batch, into the window.
func (s *State) count(e *detect.Event) {
	w := &s.now
	var c sample
	if e.Part == 0 {
		s.pass(e.Time)
		w.calls++
		c = s.endpoint(e)
		s.meters[meterQuarter].Sum++
		s.meters[meterSixHours].Sum++
		if e.Status >= 400 {
			w.failures++
			s.meters[meterFailures].Sum++
		}
		if c.class == classSensitive {
			w.sensitive++
			w.operation, w.evidence[2] = e.Operation, e.Position
			s.meters[meterSensitive].Sum++
		}
		if w.calls == 1 {
			w.evidence[0] = e.Position
		}
		s.client(e)
	}
	s.trade(e, &c)
	s.take(e, c)
}

// pass lets the time since the newest call pass.
func (s *State) pass(at int64) {
	elapsed := at - s.last
	if s.last != 0 && elapsed > 0 {
		for i := meterQuarter; i < meterCount; i++ {
			s.meters[i].Fade(elapsed, meterSpan[i])
		}
	}
}

// endpoint takes in which endpoint was called, after which other, after what time.
func (s *State) endpoint(e *detect.Event) (c sample) {
	w := &s.now
	path := e.Trait(detect.TraitPath)
	c.mix, c.class = uint8(path>>20%mixCells), class(e.Operation)
	w.mix += float32(Ratio(s.habit.mix[:], int(c.mix), float64(s.n.mix), share(e.Rarity[detect.TraitPath]), 8))
	c.pair = pair(w.previous, c.mix)
	here, before := float64(s.habit.mix[c.mix]), float64(s.habit.mix[w.previous])
	w.sequence += float32(Ratio(s.habit.pairs[:], int(c.pair), before, (here+1)/(float64(s.n.mix)+mixCells), 4))
	w.previous = c.mix
	c.gap = gapCells - 1
	if s.last != 0 {
		c.gap = cell4(uint64(max(e.Time-s.last, 0))>>20, gapCells)
	}
	if w.gaps[c.gap] < math.MaxUint8 {
		w.gaps[c.gap]++
	}
	s.last = max(s.last, e.Time)
	return c
}

// pair is the cell of two endpoints in sequence.
func pair(a, b uint8) uint8 { return a*151 ^ b }

// share is the probability that a rarity stands for.
func share(rarity uint8) float64 { return math.Exp2(-float64(rarity) / 8) }

// cell4 is the cell of a number among cells of a factor of 4 each.
func cell4(x uint64, cells int) uint8 { return uint8(min((bits.Len64(x)+1)/2, cells-1)) }

// sizeTail is how much less likely each factor of 4 beyond the largest size is, in nats: sizes of trades fall off as a power of
// about 1.5 (P. Gopikrishnan et al., "Statistical properties of share volume traded in financial markets", 2000).
const sizeTail = 1.5 * 2 * math.Ln2

// trade takes in what is traded or withdrawn, and how much.
func (s *State) trade(e *detect.Event, c *sample) {
	w := &s.now
	if v := e.Trait(detect.TraitInstrument); v != 0 {
		c.instrument = uint8(1 + v>>20%(instrumentCells-1))
		w.traded++
		w.instrument += float32(Ratio(s.habit.instruments[:], int(c.instrument), float64(s.n.instruments), share(e.Rarity[detect.TraitInstrument]), 8))
	}
	amount := e.Quantity
	if e.Price > 0 {
		amount *= e.Price
	}
	if !(amount > 0) || !e.Operation.Changes() {
		return
	}
	row := 2
	if e.Side != vedette.SideNone {
		row = int(e.Side) - 1
	}
	at := int(cell4(uint64(min(amount*1e2, 1e18)), sizeCells)) // of hundredths
	c.size = uint8(1 + row*sizeCells + at)
	cells := s.habit.sizes[row*sizeCells : (row+1)*sizeCells]
	top := sizeCells - 1
	for top > 0 && cells[top] == 0 {
		top--
	}
	if Sum(cells) < 8 {
		return
	}
	over := max(at-top, 0)
	if odd := float32(-math.Log(upper(cells, at)) + sizeTail*float64(over)); odd > w.size {
		w.size, w.sizeOver = odd, uint8(over)
		w.evidence[1] = e.Position
	}
}

// take keeps a call for learning: each of the window's with equal chance (J. S. Vitter, "Random sampling with a
// reservoir", 1985), decided by its position so that a replay keeps the same.
func (s *State) take(e *detect.Event, c sample) {
	w := &s.now
	at := int(w.sampled)
	if at == pendingCalls {
		at = int((e.Position*0x9e3779b97f4a7c15 + uint64(e.Part)) >> 32 % uint64(w.calls+1))
	} else {
		w.sampled++
	}
	if at < pendingCalls {
		w.sample[at] = c
	}
}
