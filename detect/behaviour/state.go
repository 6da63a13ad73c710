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

// State is all that is kept of one credential or account.
type State struct {
	young
	grown
}

// subject is a State as it lies in memory.
type subject struct {
	*young
	*grown // nothing's where it has not grown
}

// nothing is what is kept of a subject that has not grown, for reading.
var nothing grown

func subjectOf(y *young, g *grown) subject {
	if g == nil {
		g = &nothing
	}
	return subject{y, g}
}

// young is what is kept of every subject. What every call touches comes first, in one piece.
type young struct {
	last   int64             // newest call, Unix ns
	faded  int64             // as of when meters are, Unix ns
	main   uint64            // of an account: the credential that came first
	from   uint64            // hash of the newest call's client, if all of it is known
	meters [meterCount]Meter // the window's has no meter
	now    window

	p     float64 // of the window judged last
	n     totals
	known [knownTraits]trait
	fresh [freshTraits]newcomer
	habit habit

	pending  [pendingWindows]pendingWindow
	lastPend int64 // when the newest of them began
	held     int64 // until when nothing is learned
	learned  uint32
	today    int32             // day since 1970
	counted  [rampCount]uint32 // of that day
	days     uint16            // learned or compared with the frozen baseline
}

// grown is kept of a subject once it is to be judged by its own past, after some hours with calls or a day.
type grown struct {
	tails [Signals]Tail
	fused Tail
	slow  frozen
}

// grows reports whether what an event may bring needs more than young.
func (y *young) grows() bool {
	return y.learned+pendingWindows > tailsFrom || y.today != 0 && y.now.day() != y.today
}

// window is what the calls of one minute amount to.
type window struct {
	calls, judgedAt uint32 // the latter: calls, when it was judged last
	sensitive       uint32
	client, first   float32 // nats; first is client, of what was never seen before this window
	eased           float32 // calls, those in a surge of the market counting less
	facts
	previous uint8    // endpoint's cell, kept from window to window
	sampled  uint8    // of sample
	size     [3]uint8 // largest cell of buys, sells, everything else, +1; 0 for none
	gaps     [gapCells]uint8
	rarity   [windowCalls][2]uint8 // of the sample's endpoint and instrument
	sample   [windowCalls]mark
}

// facts of a window are for the words of a finding.
type facts struct {
	start     int64
	evidence  [3]uint64         // positions: the first call, the newest with a new client or the largest size, the newest sensitive one
	operation vedette.Operation // the newest sensitive one
	newTraits uint8             // bits
	country   [2]byte
	asn       uint32
	sizeOver  uint8 // cells over the largest learned
	other     bool  // calls came by another credential than the main one
}

// sample is a call that is looked at when the window is judged. Instrument 0 is none.
type sample struct{ mix, before, instrument, gap, class, size uint8 }

// mark is a sample in 32 bits.
type mark uint32

func (c sample) mark() mark {
	return mark(c.mix) | mark(c.before)<<7 | mark(c.instrument)<<14 | mark(c.gap)<<20 | mark(c.class)<<24 | mark(c.size)<<26
}

func (m mark) sample() sample {
	return sample{uint8(m & 127), uint8(m >> 7 & 127), uint8(m >> 14 & 63), uint8(m >> 20 & 15), uint8(m >> 24 & 3), uint8(m >> 26)}
}

// habit is what was learned of endpoints, instruments, sequence, sizes and gaps.
type habit struct {
	cells
	classes [classCount]uint16
	rates   [meterCount]Spread // of ln(1+count)
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
var machine = detect.Hearing(detect.NewMachine("behaviour", stateVersion, func(e *detect.Event) bool {
	return e.Verdict == vedette.Authentic || e.Verdict == vedette.Unauthorised || e.Verdict == vedette.Unverifiable
}, func(_ *detect.Event, y *young) bool { return y.grows() }, func(e *detect.Event, y *young, g *grown, j *Judgement) { subjectOf(y, g).update(e, j) }),
	func(e *detect.Event, y *young) { subjectOf(y, nil).hear(e) })

func (s subject) update(e *detect.Event, j *Judgement) {
	if s.now.start == 0 {
		s.faded, s.main = e.Time, e.Subject[detect.ByCredential]
		s.begin(e.Time)
	}
	if e.Part == 0 && e.Time-s.now.start >= int64(Window) {
		s.close(e.Time, j)
	}
	s.count(e)
	w := &s.now
	if w.calls >= 8 && w.calls >= 2*w.judgedAt || w.newTraits != 0 && w.judgedAt == 0 {
		w.judgedAt = w.calls
		s.judge(j)
	}
}

// begin starts a window.
func (s subject) begin(at int64) {
	s.now = window{facts: facts{start: at}, previous: s.now.previous}
}

// count takes a call, or a part of a batch, into the window.
func (s subject) count(e *detect.Event) {
	c := sample{class: class(e.Operation)}
	if e.Part == 0 {
		s.call(e, &c)
	}
	if v := e.Rare(detect.RareInstrument); v != 0 {
		c.instrument = uint8(1 + v>>20%(instrumentCells-1))
	}
	s.amount(e, &c)
	if e.Part == 0 || c.instrument != 0 {
		s.take(e, c)
	}
}

// call takes in a call: when, which endpoint after which, who by.
func (s subject) call(e *detect.Event, c *sample) {
	w := &s.now
	if e.Time-s.faded >= fadeEvery {
		for i := meterQuarter; i < meterCount; i++ {
			s.meters[i].Fade(e.Time-s.faded, meterSpan[i])
		}
		s.faded = e.Time
	}
	if w.calls++; w.calls == 1 {
		w.evidence[0] = e.Position
	}
	ease := s.ease(e)
	w.eased += ease
	s.meters[meterQuarter].Sum += ease
	s.meters[meterSixHours].Sum += ease
	if e.Status >= 400 {
		s.meters[meterFailures].Sum += ease
	}
	if c.class == classSensitive {
		w.sensitive++
		w.operation, w.evidence[2] = e.Operation, e.Position
		s.meters[meterSensitive].Sum++
	}
	c.mix = uint8(e.Rare(detect.RarePath) >> 20 % mixCells)
	c.before, w.previous = w.previous, c.mix
	c.gap = gapCells - 1
	if s.last != 0 {
		c.gap = cell4(uint64(float32(max(e.Time-s.last, 0))/ease)>>20, gapCells)
	}
	if w.gaps[c.gap] < math.MaxUint8 {
		w.gaps[c.gap]++
	}
	s.last = max(s.last, e.Time)
	w.other = w.other || e.Subject[detect.ByCredential] != s.main
	s.client(e)
}

// ease returns what a call counts: less than one while the market moves many who trade, if the subject does.
func (s subject) ease(e *detect.Event) float32 {
	if e.Surge == 0 || !s.habit.trades() {
		return 1
	}
	return float32(share(e.Surge))
}

// fadeEvery is how often meters fade, in ns: a hundredth of the shortest span.
const fadeEvery = 9e9

// pair is the cell of two endpoints in sequence.
func pair(a, b uint8) uint8 { return a*151 ^ b }

// share is the probability that a rarity stands for.
func share(rarity uint8) float64 { return shares[rarity] }

var shares = func() (p [256]float64) {
	for i := range p {
		p[i] = math.Exp2(-float64(i) / 8)
	}
	return p
}()

// cell4 is the cell of a number among cells of a factor of 4 each.
func cell4(x uint64, cells int) uint8 { return uint8(min((bits.Len64(x)+1)/2, cells-1)) }

// amount takes in how much is traded or withdrawn.
func (s subject) amount(e *detect.Event, c *sample) {
	x := e.Quantity
	if e.Price > 0 {
		x *= e.Price
	}
	if !(x > 0) || !e.Operation.Changes() {
		return
	}
	row := uint8(2)
	if e.Side != vedette.SideNone {
		row = uint8(e.Side) - 1
	}
	at := cell4(uint64(min(x*1e2, 1e18)), sizeCells) // of hundredths
	c.size = 1 + row*sizeCells + at
	if w := &s.now; at >= w.size[row] {
		w.size[row] = at + 1
		w.evidence[1] = e.Position
	}
}

// take keeps a call: each of the window's with equal chance (J. S. Vitter, "Random sampling with a reservoir", 1985), decided by its
// position so that a replay keeps the same.
func (s subject) take(e *detect.Event, c sample) {
	w := &s.now
	at := uint64(w.sampled)
	if at == windowCalls {
		at = (e.Position*0x9e3779b97f4a7c15 + uint64(e.Part)) >> 32 % uint64(w.calls+1)
	} else {
		w.sampled++
	}
	if at < windowCalls {
		w.sample[at], w.rarity[at] = c.mark(), [2]uint8{e.Rarity[detect.RarePath], e.Rarity[detect.RareInstrument]}
	}
}
