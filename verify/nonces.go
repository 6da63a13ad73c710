package verify

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Nonces remembers the highest nonces of each credential: one where the venue
// wants them to increase, up to 100 where it wants one of the highest. Only calls
// whose signature verified reach it, so strangers cannot fill it. Like Window it
// keeps its memory in a mapped file where it has one.
type Nonces struct {
	keep  int // nonces a credential
	words int // uint64 words a slot
	mem   []uint64
	slots int
	seed  [32]byte
	file  *mapped
	mu    sync.Mutex
	full  atomic.Uint64
}

// The words of a slot. A slot with until 0 is free. The floor serves a nonce window
// (see increase).
const (
	nonceUntil = iota // Unix ns
	nonceKey
	nonceKeyRest
	nonceFloor // no nonce at or below it is accepted
	nonceNext  // the floor of the next period
	nonceSince // Unix ns: when this period began
	nonceList  // the nonces, lowest first
)

const (
	nonceMagic = "VDTNON2\n"
	// nonceProbe is how many neighbouring slots a credential may live in.
	nonceProbe = 64
)

// NewNonces returns a table in plain memory for about n credentials that keeps
// the highest keep nonces of each.
func NewNonces(n, keep int) *Nonces {
	t := newNonces(n, keep)
	t.mem = make([]uint64, t.slots*t.words)
	if _, err := rand.Read(t.seed[:]); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	return t
}

func newNonces(n, keep int) *Nonces {
	return &Nonces{keep: keep, words: nonceList + keep, slots: max(2*n, 2*nonceProbe)}
}

// OpenNonces opens or creates a table kept in a file of the folder.
func OpenNonces(dir string, n, keep int) (*Nonces, error) {
	t := newNonces(n, keep)
	path := filepath.Join(dir, fmt.Sprintf("nonces-%d", keep))
	m, err := mapFile(path, nonceMagic, int64(t.slots*t.words*8))
	if err != nil {
		return nil, fmt.Errorf("cannot open nonces %s: %w", path, err)
	}
	t.file, t.seed = m, m.seed
	t.mem = unsafe.Slice((*uint64)(unsafe.Pointer(&m.body()[0])), t.slots*t.words)
	return t, nil
}

// Sync writes the table to disk.
func (t *Nonces) Sync() error { return t.file.sync() }

// Close syncs and releases the file. The table must not be used after.
func (t *Nonces) Close() error {
	t.mem = nil
	return t.file.close()
}

// What use of a nonce can find.
var (
	errNonceReused    = errors.New("nonce was used")
	errNonceRegressed = errors.New("nonce is below what is accepted")
	errNonceFull      = errors.New("no room for another credential's nonces, or no file")
)

// use takes a nonce of the credential that key names. window is by how much it may
// fall short of the highest where one is kept.
func (t *Nonces) use(key Key, nonce, window uint64, now time.Time) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ok := t.file.guarded(func() {
		s := t.slot(key, now.UnixNano())
		if s == nil {
			err = errNonceFull
			return
		}
		atomic.StoreUint64(&s[nonceUntil], uint64(now.Add(nonceKeepHold).UnixNano()))
		if t.keep == 1 {
			err = increase(s, nonce, window, now.UnixNano())
			return
		}
		err = insertHighest(s[nonceList:], nonce)
	})
	if !ok {
		err = errNonceFull
	}
	if err == errNonceFull {
		t.full.Add(1)
	}
	return err
}

// noncePeriod is how long one floor stays. A nonce falls under the floor three
// periods after it was taken, at the latest.
const noncePeriod = maxHold / 4

// increase takes a nonce that may fall short of the highest by up to window. That
// such a nonce is new, the replay window knows, for maxHold. So what was highest two
// periods ago becomes the floor: a nonce whose signature is forgotten is below it.
func increase(s []uint64, nonce, window uint64, now int64) error {
	high := s[nonceList]
	age := now - int64(s[nonceSince])
	if age >= int64(noncePeriod) || age < -int64(noncePeriod) {
		floor := s[nonceNext]
		if age >= 2*int64(noncePeriod) { // silent for so long that both are over
			floor = high
		}
		atomic.StoreUint64(&s[nonceFloor], floor)
		atomic.StoreUint64(&s[nonceNext], high)
		atomic.StoreUint64(&s[nonceSince], uint64(now))
	}
	switch {
	case nonce > high:
		atomic.StoreUint64(&s[nonceList], nonce)
	case nonce == high:
		return errNonceReused
	case high-nonce > window || nonce <= s[nonceFloor]:
		return errNonceRegressed
	}
	return nil
}

// insertHighest keeps list sorted, lowest first, zeroes being free.
func insertHighest(list []uint64, nonce uint64) error {
	if nonce < list[0] || nonce == 0 {
		return errNonceRegressed
	}
	at := 0
	for at < len(list) && list[at] < nonce {
		at++
	}
	if at < len(list) && list[at] == nonce {
		return errNonceReused
	}
	// Shifting from the low end keeps the list sorted at every step but for one
	// doubled value, so that a crash here loses only the lowest nonce.
	for i := 0; i+1 < at; i++ {
		atomic.StoreUint64(&list[i], list[i+1])
	}
	atomic.StoreUint64(&list[at-1], nonce)
	return nil
}

// slot returns the words of the credential's slot, a fresh one if it has none,
// nil if there is no room. A slot that fell silent is taken only where none was
// never used.
func (t *Nonces) slot(key Key, now int64) []uint64 {
	lo, hi := key.halves()
	at := mix(lo^binary.LittleEndian.Uint64(t.seed[:8])) % uint64(t.slots)
	var free []uint64
	for range nonceProbe {
		s := t.mem[int(at)*t.words : (int(at)+1)*t.words]
		switch until := int64(s[nonceUntil]); {
		case until == 0 && (free == nil || free[nonceUntil] != 0):
			free = s
		case until != 0 && s[nonceKey] == lo && s[nonceKeyRest] == hi:
			return s
		case until <= now && free == nil:
			free = s
		}
		at = (at + 1) % uint64(t.slots)
	}
	if free != nil {
		atomic.StoreUint64(&free[nonceUntil], 0)
		clear(free[1:])
		free[nonceKey], free[nonceKeyRest] = lo, hi
	}
	return free
}
