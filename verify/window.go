package verify

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Window remembers signatures for as long as they could be accepted, so that a
// second use is seen. Its memory is fixed when it is opened. With a file, the
// table is the file, mapped: what was remembered outlives the process however
// that ends, without a write per call. A power cut may lose what the kernel had
// not written back; Restore fills that in from the ledger.
//
// A clock that runs ahead lets entries end early. Those that nothing overwrote are
// known again once the clock is right. For the others the window keeps the latest
// end that it forgot: a signature that ends no later may be one of them, and is
// SeenUnknown, never SeenNever. With a clock that does not go back there are none.
//
// An attacker who can write the file can make the monitor forget or invent
// signatures; it is 0600 and lies beside the ledger, that shows both.
type Window struct {
	buckets []bucket
	mask    uint64 // of buckets
	stripes uint64 // mask of locks in use
	seed    [32]byte
	start   uint64  // generation of this process, in stateGeneration bits
	lost    *int64  // Unix ns: the latest end of an entry that was overwritten
	file    *mapped // nil in plain memory
	locks   [256]sync.Mutex
	full    atomic.Uint64
	unknown atomic.Uint64
	faults  atomic.Uint64
}

const (
	bucketSlots = 8
	// tightRoom is how many free slots in the emptier bucket of a key are few, so that
	// who holds the others is looked at in that many buckets.
	tightRoom = 3
	sampled   = 32
)

// bucket holds eight signatures, column by column: looking one up reads two cache
// lines. until is written last and zeroed first, so that a process killed half way
// leaves a free slot, never a false one.
type bucket struct {
	until   [bucketSlots]int64  // Unix ns; the slot is free when this is past
	key     [bucketSlots]uint64 // first half
	rest    [bucketSlots]uint64 // second half
	content [bucketSlots]uint64 // use.marked; 0 if unknown (restored)
	first   [bucketSlots]int64  // Unix ns of the first arrival
	who     [bucketSlots]who
}

// who is the client of the first use and how that went: hash of the address (32
// bits), port (16), uses (8), generation (6) and state (2).
type who uint64

const (
	stateJudging = iota // remembered, not yet judged
	stateOpen           // forwarded, no answer yet
	stateEnded          // over, without an answer
	stateDone           // answered or refused

	stateGeneration = 63
)

func newWho(source uint32, port uint16, generation, state uint64) who {
	return who(uint64(source)<<32 | uint64(port)<<16 | 1<<8 | generation<<2 | state)
}

func (w who) source() uint32              { return uint32(w >> 32) }
func (w who) port() uint16                { return uint16(w >> 16) }
func (w who) uses() int                   { return int(w >> 8 & 255) }
func (w who) to(generation, s uint64) who { return w&^255 | who(generation<<2|s) }

// state is what the state means to a process of that generation. An earlier process
// ended with all that it had open.
func (w who) state(generation uint64) uint64 {
	s := uint64(w & 3)
	switch {
	case uint64(w>>2)&stateGeneration == generation:
	case s == stateOpen:
		return stateEnded
	case s == stateJudging:
		return stateDone
	}
	return s
}

const windowMagic = "VDTWIN2\n"

// Key identifies a signature: a truncated SHA-256 over venue, credential and
// signature.
type Key [16]byte

func (k *Key) halves() (uint64, uint64) {
	return binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])
}

// Ref points at a remembered signature, to mark its answer.
type Ref struct {
	slot uint64
	key  Key
	set  bool
}

// Seen is what the window knows about a signature.
type Seen uint8

// What a use can find.
const (
	SeenNever      Seen = iota // first use, now remembered
	SeenRetry                  // same request, same source, first use unanswered
	SeenCoincident             // same request, same source, within one tick of the clock
	SeenAgain                  // same request
	SeenElsewhere              // another method, path, query or body
	SeenFull                   // no room, or the file is gone: nothing is known, nothing remembered
	SeenUnknown                // the clock went back: it may have been seen and forgotten
)

// NewWindow returns a window in plain memory for about n signatures.
func NewWindow(n int) *Window {
	w := newWindow(n)
	w.buckets, w.lost = make([]bucket, w.mask+1), new(int64)
	if _, err := rand.Read(w.seed[:]); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	return w
}

func newWindow(n int) *Window {
	b := uint64(bucketsFor(n))
	// A stripe has 1024 buckets or more, so that chance does not crowd one of them.
	return &Window{mask: b - 1, stripes: min(uint64(len(Window{}.locks)), max(1, b/1024)) - 1}
}

// bucketsFor leaves half or more of the slots free: with two choices of bucket, less
// than one use in a million finds no room by chance (TestWindowHardlyEverFull).
func bucketsFor(n int) int {
	b := 1
	for b*bucketSlots/2 < n {
		b *= 2
	}
	return b
}

// OpenWindow opens or creates the window kept in a file. A file made for another
// size is refused, since forgetting is not an option: delete it to start anew.
func OpenWindow(path string, n int) (*Window, error) {
	w := newWindow(n)
	m, err := mapFile(path, windowMagic, int64(w.mask+1)*int64(unsafe.Sizeof(bucket{})))
	if err != nil {
		return nil, fmt.Errorf("cannot open replay window %s: %w", path, err)
	}
	w.file, w.seed, w.start = m, m.seed, *m.word(atStarts)&stateGeneration
	w.lost = (*int64)(unsafe.Pointer(m.word(atLost)))
	w.buckets = unsafe.Slice((*bucket)(unsafe.Pointer(&m.body()[0])), w.mask+1)
	return w, nil
}

// Sync writes what was remembered to disk.
func (w *Window) Sync() error { return w.file.sync() }

// Close syncs and releases the file. The window must not be used after.
func (w *Window) Close() error {
	w.buckets = nil
	return w.file.close()
}

// choices returns the two buckets of a key, that share a lock. The seed keeps an
// attacker from choosing signatures that crowd one bucket.
func (w *Window) choices(lo, hi uint64) (a, b uint64) {
	a = mix(lo^binary.LittleEndian.Uint64(w.seed[:8])) & w.mask
	b = mix(hi^binary.LittleEndian.Uint64(w.seed[8:16])) & w.mask
	return a, b&^w.stripes | a&w.stripes
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// locked calls f with the key's two buckets, locked. It reports whether the memory
// was there.
func (w *Window) locked(lo, hi uint64, f func(a, b uint64)) bool {
	a, b := w.choices(lo, hi)
	l := &w.locks[a&w.stripes]
	l.Lock()
	defer l.Unlock()
	if w.file.guarded(func() { f(a, b) }) {
		return true
	}
	w.faults.Add(1)
	return false
}

// use is one use of a signature.
type use struct {
	key     Key
	content uint64
	holder  uint16 // tells the credential's signatures from those of others
	source  uint32 // hash of the client's address
	port    uint16 // of the client, 0 if unknown
	changes bool   // the call does more than read
	judging bool   // more is to be checked: judged or Answered follows
	fixed   bool   // until is a function of the request alone
	now     time.Time
	until   time.Time     // when it could no longer be accepted
	tick    time.Duration // resolution of the request's own timestamp
}

// contentRead is the bit of a remembered content hash that says whether the call only
// reads; from holderShift on stands the holder. What is left of the hash is keyed, so
// that nobody can look for two contents that share it.
const (
	contentRead = 1
	holderShift = 48
)

// marked is the content with that bit and the holder; 0 is none.
func (u *use) marked() uint64 {
	m := uint64(max(1, u.holder))<<holderShift | u.content<<1&(1<<holderShift-1)
	if !u.changes {
		m |= contentRead
	}
	return m
}

// holderOf returns the holder of a credential's signatures: one in 65,535.
func holderOf(venue, credential string) uint16 {
	c := crc32.Update(crc32.ChecksumIEEE(unsafe.Slice(unsafe.StringData(venue), len(venue))), crc32.IEEETable,
		unsafe.Slice(unsafe.StringData(credential), len(credential)))
	return uint16(c>>16 ^ c)
}

// Once notes an id that must come once until the given time, such as that of a DPoP
// proof (RFC 9449) or of an HTTP message signature, and reports whether it was noted
// before and whether there was no room to note it. The holder is whose it is: as that of a
// signature, it gets no more than its share of the room.
func (w *Window) Once(holder string, id [32]byte, now, until time.Time) (again, full bool) {
	if limit := now.Add(maxHold); until.After(limit) {
		until = limit
	}
	switch seen, _ := w.use(&use{key: Key(id[:len(Key{})]), content: 2, holder: holderOf("", holder), changes: true, fixed: true, now: now, until: until}); seen {
	case SeenNever:
		return false, false
	case SeenFull, SeenUnknown:
		return false, true
	}
	return true, false
}

// use looks a signature up and remembers it.
func (w *Window) use(u *use) (seen Seen, r Ref) {
	lo, hi := u.key.halves()
	seen = SeenFull
	w.locked(lo, hi, func(a, b uint64) { seen, r.slot = w.useLocked(a, b, lo, hi, u) })
	switch seen {
	case SeenFull:
		w.full.Add(1)
	case SeenUnknown:
		w.unknown.Add(1)
	}
	r.key, r.set = u.key, seen <= SeenCoincident
	return seen, r
}

func (w *Window) useLocked(a, b, lo, hi uint64, u *use) (Seen, uint64) {
	now, until := u.now.UnixNano(), u.until.UnixNano()
	at, found, free := w.find(a, b, lo, hi, now)
	if found {
		return w.again(at, u, now), at
	}
	if free == 0 || free <= tightRoom && w.hogged(a, u, free, now) {
		return SeenFull, 0
	}
	seen := SeenNever
	if u.fixed && until <= atomic.LoadInt64(w.lost) {
		seen = SeenUnknown
	}
	state := uint64(stateOpen)
	if seen == SeenUnknown {
		state = stateDone
	} else if u.judging {
		state = stateJudging
	}
	w.fill(at, lo, hi, until, u.marked(), now, newWho(u.source, u.port, w.start, state))
	return seen, at
}

// hogged reports whether the holder has more than its share, as far as a sample of the
// buckets under the same lock tells: 2.5 times the room that is left, and less the fewer
// slots are left to this key. So one credential gets five sevenths of the room at most,
// which is more than the window was asked for, and some is left for those that have
// little.
func (w *Window) hogged(a uint64, u *use, left int, now int64) bool {
	holder, mine, free := u.marked()>>holderShift, 0, 0
	for n := range min(sampled, (w.mask+1)/(w.stripes+1)) {
		k := &w.buckets[(a+n*(w.stripes+1))&w.mask]
		for i := range k.until {
			if k.until[i] <= now {
				free++
			} else if k.content[i]>>holderShift == holder {
				mine++
			}
		}
	}
	return 2*mine > (2+left)*free
}

// find returns the slot of a key, or else a free one in the emptier bucket, and how
// many are free there.
func (w *Window) find(a, b, lo, hi uint64, now int64) (at uint64, found bool, most int) {
	for _, n := range [2]uint64{a, b} {
		k := &w.buckets[n]
		free, last := 0, 0
		for i := range k.until {
			if k.until[i] <= now {
				free, last = free+1, i
			} else if k.key[i] == lo && k.rest[i] == hi {
				return n*bucketSlots + uint64(i), true, 0
			}
		}
		if free > most {
			most, at = free, n*bucketSlots+uint64(last)
		}
	}
	return at, false, most
}

func (w *Window) fill(at, lo, hi uint64, until int64, content uint64, first int64, by who) {
	k, i := &w.buckets[at/bucketSlots], at%bucketSlots
	raise(w.lost, k.until[i])
	atomic.StoreInt64(&k.until[i], 0)
	k.key[i], k.rest[i], k.content[i], k.first[i], k.who[i] = lo, hi, content, first, by
	atomic.StoreInt64(&k.until[i], until)
}

// again judges a further use of a signature that is remembered.
//
// Reading twice harms nobody, so a repeated read is a Retry until it was answered,
// and Coincident within the tick of the venue's timestamp, for the same address.
//
// What changes something must not happen twice by an attacker's hand. He who shares
// the client's address (a NAT, a cloud's egress) can copy a request while the first
// is on its way, and again until it is answered. So such a request is a Retry only
// once the first use ended without an answer, or has waited for one for retryAfter,
// longer than venues take and shorter than clients wait; and only maxChangeRetries
// times. The client cannot know either whether it was carried out, and has the right
// to ask again; anybody else gains at most what the client would do itself. And it is
// Coincident only on the connection of the first use, where nobody else can write:
// two equal orders within a second are real at venues that count time in seconds.
// On another connection they are refused: one such order lost is an error message,
// one too many is money. The client cures it with an order id of its own.
//
// A log-in counts as such a request, since whoever repeats it has a session: a client
// that opens two connections in one second of such a venue has the second refused, and
// signs the next with a time of its own.
//
// Where a signature leaves the endpoint open, a client that makes several calls in the
// same instant signs them alike: ccxt does, when it loads Binance's markets. So reads
// of the same address that come within concurrency of each other are Coincident. He
// who copies one of them can read what else the key may read, from the client's own
// address, within that time; what changes something he cannot.
func (w *Window) again(at uint64, u *use, now int64) Seen {
	k, i := &w.buckets[at/bucketSlots], at%bucketSlots
	by := k.who[i]
	state := by.state(w.start)
	if c := k.content[i]; c != 0 && c&^contentRead != u.marked()&^contentRead {
		aside := now - k.first[i]
		if u.changes || c&contentRead == 0 || by.source() != u.source || max(aside, -aside) >= int64(concurrency) || by.uses() >= maxRetries {
			return SeenElsewhere
		}
		k.who[i] = by + 1<<8
		return SeenCoincident
	}
	if k.content[i] == 0 || by.source() != u.source || state == stateJudging {
		return SeenAgain
	}
	age := now - k.first[i]
	coincident := age < int64(u.tick) && age > -int64(u.tick)
	most := maxRetries
	var seen Seen
	switch {
	case !u.changes && state != stateDone:
		seen = SeenRetry
	case !u.changes && coincident:
		seen = SeenCoincident
	case coincident && u.tick > time.Millisecond && u.port != 0 && by.port() == u.port:
		seen = SeenCoincident
	case state == stateEnded, state == stateOpen && age >= int64(retryAfter):
		seen, most = SeenRetry, maxChangeRetries+1
	default:
		return SeenAgain
	}
	if by.uses() >= most {
		return SeenAgain
	}
	by += 1 << 8
	if seen == SeenRetry {
		by = by.to(w.start, stateOpen)
		k.first[i] = now
	}
	k.who[i] = by
	return seen
}

// Known looks a signature up without remembering it.
func (w *Window) Known(k Key, now time.Time) (found bool) {
	lo, hi := k.halves()
	w.locked(lo, hi, func(a, b uint64) { _, found, _ = w.find(a, b, lo, hi, now.UnixNano()) })
	return found
}

// Answered marks the use as answered or refused: from now on the same request is
// a replay.
func (w *Window) Answered(r Ref) { w.mark(r, stateDone) }

// Unanswered marks the use as over without an answer: the client may try again.
func (w *Window) Unanswered(r Ref) { w.mark(r, stateEnded) }

// judged marks the use as forwarded.
func (w *Window) judged(r Ref) { w.mark(r, stateOpen) }

func (w *Window) mark(r Ref, state uint64) {
	if !r.set {
		return
	}
	lo, hi := r.key.halves()
	w.locked(lo, hi, func(_, _ uint64) {
		k, i := &w.buckets[r.slot/bucketSlots], r.slot%bucketSlots
		if k.key[i] == lo && k.rest[i] == hi && k.who[i].state(w.start) != stateDone {
			k.who[i] = k.who[i].to(w.start, state)
		}
	})
}

// Restore remembers a signature that the ledger shows to have been used.
func (w *Window) Restore(k Key, first, until, now time.Time) {
	lo, hi := k.halves()
	w.locked(lo, hi, func(a, b uint64) {
		if at, found, free := w.find(a, b, lo, hi, now.UnixNano()); free > 0 && !found {
			w.fill(at, lo, hi, until.UnixNano(), 0, first.UnixNano(), newWho(0, 0, w.start, stateDone))
		}
	})
}

// RestoreHash is Restore with the key as a record's signature_hash tells it. It
// reports whether that was one.
func (w *Window) RestoreHash(hash string, first, until, now time.Time) bool {
	var k Key
	if len(hash) != 2*len(k) || !until.After(now) {
		return false
	}
	if _, err := hex.Decode(k[:], []byte(hash)); err != nil {
		return false
	}
	w.Restore(k, first, until, now)
	return true
}

// Stats are the window's figures.
type Stats struct {
	Capacity int    // slots
	Live     int    // signatures remembered now
	Full     uint64 // uses that found no room, or no file
	Unknown  uint64 // uses that may be forgotten ones, after the clock went back
	Faults   uint64 // times that the file's memory could not be touched
}

// Stats counts the live entries; it visits every slot.
func (w *Window) Stats(now time.Time) Stats {
	st := Stats{Capacity: len(w.buckets) * bucketSlots, Full: w.full.Load(), Unknown: w.unknown.Load(), Faults: w.faults.Load()}
	ns := now.UnixNano()
	w.file.guarded(func() {
		for b := range w.buckets {
			for i := range bucketSlots {
				if atomic.LoadInt64(&w.buckets[b].until[i]) > ns {
					st.Live++
				}
			}
		}
	})
	return st
}

// Full returns how many uses could not be checked: no room, no file, or a clock
// that went back.
func (w *Window) Full() uint64 { return w.full.Load() + w.unknown.Load() }
