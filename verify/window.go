package verify

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
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
// An attacker who can write the file can make the monitor forget or invent
// signatures; it is 0600 and lies beside the ledger, that shows both.
type Window struct {
	slots []slot
	mask  uint64 // of buckets
	seed  [32]byte
	file  *mapped // nil in plain memory
	locks [256]sync.Mutex
	full  atomic.Uint64
}

// slot is one remembered signature. until is written last and zeroed first, so
// that a process killed half way leaves a free slot, never a false one.
type slot struct {
	until   int64 // Unix ns; the slot is free when this is past
	key     [16]byte
	content uint64 // keyed hash of method, path, query and body; 0 if unknown (restored)
	first   int64  // Unix ns of the first arrival
	source  uint32 // hash of the client's address
	tries   uint16
	state   uint16
}

const (
	bucketSlots = 8
	windowMagic = "VDTWIN1\n"
	stateOpen   = 1 // forwarded, no answer yet
	stateDone   = 2 // answered or refused
)

// Key identifies a signature: a truncated SHA-256 over venue, credential and
// signature.
type Key [16]byte

// Ref points at a remembered signature, to mark its answer.
type Ref struct {
	slot uint64
	key  Key
	set  bool
}

// Seen is what the window knows about a signature.
type Seen uint8

// What Window.Use can find.
const (
	SeenNever      Seen = iota // first use, now remembered
	SeenRetry                  // same request, same source, first use unanswered
	SeenCoincident             // same request, same source, within one tick of the clock
	SeenAgain                  // same request
	SeenElsewhere              // another method, path, query or body
	SeenFull                   // no room: nothing is known, nothing remembered
)

// NewWindow returns a window in plain memory for about n signatures.
func NewWindow(n int) *Window {
	w := &Window{}
	buckets := bucketsFor(n)
	w.slots, w.mask = make([]slot, buckets*bucketSlots), uint64(buckets-1)
	if _, err := rand.Read(w.seed[:]); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	return w
}

// bucketsFor leaves a quarter or more of the slots free: with two choices of
// bucket, overflow is then out of reach of chance.
func bucketsFor(n int) int {
	b := 1
	for b*bucketSlots*3/4 < n {
		b *= 2
	}
	return b
}

// OpenWindow opens or creates the window kept in a file. A file made for another
// size is refused, since forgetting is not an option: delete it to start anew.
func OpenWindow(path string, n int) (*Window, error) {
	buckets := bucketsFor(n)
	m, err := mapFile(path, windowMagic, int64(buckets)*bucketSlots*int64(unsafe.Sizeof(slot{})))
	if err != nil {
		return nil, fmt.Errorf("cannot open replay window %s: %w", path, err)
	}
	w := &Window{file: m, mask: uint64(buckets - 1), seed: m.seed}
	w.slots = unsafe.Slice((*slot)(unsafe.Pointer(&m.body()[0])), buckets*bucketSlots)
	return w, nil
}

// Sync writes what was remembered to disk.
func (w *Window) Sync() error { return w.file.sync() }

// Close syncs and releases the file. The window must not be used after.
func (w *Window) Close() error {
	w.slots = nil
	return w.file.close()
}

// buckets returns the two buckets of a key. The seed keeps an attacker from
// choosing signatures that crowd one bucket.
func (w *Window) buckets(k Key) (a, b uint64) {
	x := binary.LittleEndian.Uint64(k[:8]) ^ binary.LittleEndian.Uint64(w.seed[:8])
	y := binary.LittleEndian.Uint64(k[8:]) ^ binary.LittleEndian.Uint64(w.seed[8:16])
	return mix(x) & w.mask, mix(y) & w.mask
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// lock takes the locks of both buckets, in order.
func (w *Window) lock(a, b uint64) (first, second *sync.Mutex) {
	i, j := a%256, b%256
	if i > j {
		i, j = j, i
	}
	first = &w.locks[i]
	first.Lock()
	if i != j {
		second = &w.locks[j]
		second.Lock()
	}
	return first, second
}

// use is one use of a signature.
type use struct {
	key     Key
	content uint64
	source  uint32
	now     time.Time
	until   time.Time     // when it could no longer be accepted
	tick    time.Duration // resolution of the request's own timestamp
}

// use looks a signature up and remembers it.
func (w *Window) use(u *use) (Seen, Ref) {
	a, b := w.buckets(u.key)
	first, second := w.lock(a, b)
	seen, at := w.useLocked(a, b, u)
	if second != nil {
		second.Unlock()
	}
	first.Unlock()
	return seen, Ref{slot: at, key: u.key, set: seen <= SeenCoincident}
}

func (w *Window) useLocked(a, b uint64, u *use) (Seen, uint64) {
	now := u.now.UnixNano()
	free, freeIn := -1, [2]int{}
	for n, bucket := range [2]uint64{a, b} {
		if n == 1 && a == b {
			break
		}
		for i := range bucketSlots {
			at := bucket*bucketSlots + uint64(i)
			s := &w.slots[at]
			if s.until <= now {
				freeIn[n]++
				if free < 0 || n == 1 && freeIn[1] > freeIn[0] {
					free = int(at)
				}
				continue
			}
			if s.key == u.key {
				return s.again(u, now), at
			}
		}
	}
	if free < 0 {
		w.full.Add(1)
		return SeenFull, 0
	}
	w.slots[free].fill(u, now)
	return SeenNever, uint64(free)
}

func (s *slot) fill(u *use, now int64) {
	atomic.StoreInt64(&s.until, 0)
	s.key, s.content, s.first, s.source, s.tries, s.state = u.key, u.content, now, u.source, 1, stateOpen
	atomic.StoreInt64(&s.until, u.until.UnixNano())
}

func (s *slot) again(u *use, now int64) Seen {
	switch {
	case s.content != 0 && s.content != u.content:
		return SeenElsewhere
	case s.content == 0 || s.source != u.source || s.tries >= maxRetries:
		return SeenAgain
	case s.state == stateOpen:
		s.tries++
		return SeenRetry
	case now-s.first < int64(u.tick):
		s.tries++
		return SeenCoincident
	}
	return SeenAgain
}

// Known looks a signature up without remembering it.
func (w *Window) Known(k Key, now time.Time) bool {
	a, b := w.buckets(k)
	first, second := w.lock(a, b)
	found := w.find(a, b, k, now.UnixNano()) != nil
	if second != nil {
		second.Unlock()
	}
	first.Unlock()
	return found
}

func (w *Window) find(a, b uint64, k Key, now int64) *slot {
	for _, bucket := range [2]uint64{a, b} {
		for i := range uint64(bucketSlots) {
			if s := &w.slots[bucket*bucketSlots+i]; s.key == k && s.until > now {
				return s
			}
		}
	}
	return nil
}

// Answered marks the use as answered: from now on the same request is a replay.
func (w *Window) Answered(r Ref) {
	if !r.set {
		return
	}
	a, b := w.buckets(r.key)
	first, second := w.lock(a, b)
	if s := &w.slots[r.slot]; s.key == r.key {
		s.state = stateDone
	}
	if second != nil {
		second.Unlock()
	}
	first.Unlock()
}

// Restore remembers a signature that the ledger shows to have been used.
func (w *Window) Restore(k Key, first, until, now time.Time) {
	a, b := w.buckets(k)
	l1, l2 := w.lock(a, b)
	if w.find(a, b, k, now.UnixNano()) == nil {
		if _, at := w.useLocked(a, b, &use{key: k, now: now, until: until}); w.slots[at].key == k {
			w.slots[at].content, w.slots[at].first, w.slots[at].state = 0, first.UnixNano(), stateDone
		}
	}
	if l2 != nil {
		l2.Unlock()
	}
	l1.Unlock()
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
	Full     uint64 // uses that found no room
}

// Stats counts the live entries; it visits every slot.
func (w *Window) Stats(now time.Time) Stats {
	st := Stats{Capacity: len(w.slots), Full: w.full.Load()}
	ns := now.UnixNano()
	for i := range w.slots {
		if atomic.LoadInt64(&w.slots[i].until) > ns {
			st.Live++
		}
	}
	return st
}

// Full returns how many uses found no room.
func (w *Window) Full() uint64 { return w.full.Load() }
