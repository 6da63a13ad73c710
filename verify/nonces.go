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
	words int // uint64 words a slot: until, key (2), nonces
	mem   []uint64
	slots int
	seed  [32]byte
	file  *mapped
	mu    sync.Mutex
	full  atomic.Uint64
}

// nonceProbe is how many neighbouring slots a credential may live in.
const nonceProbe = 64

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
	return &Nonces{keep: keep, words: 3 + keep, slots: max(2*n, 2*nonceProbe)}
}

// OpenNonces opens or creates a table kept in a file of the folder.
func OpenNonces(dir string, n, keep int) (*Nonces, error) {
	t := newNonces(n, keep)
	path := filepath.Join(dir, fmt.Sprintf("nonces-%d", keep))
	m, err := mapFile(path, "VDTNON1\n", int64(t.slots*t.words*8))
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
	errNonceFull      = errors.New("no room for another credential's nonces")
)

// use takes a nonce of the credential that key names. window is by how much it may
// fall short of the highest where one is kept.
func (t *Nonces) use(key Key, nonce, window uint64, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(key, now.UnixNano())
	if s == nil {
		t.full.Add(1)
		return errNonceFull
	}
	atomic.StoreUint64(&s[0], uint64(now.Add(nonceKeepHold).UnixNano()))
	if t.keep == 1 {
		high := s[3]
		switch {
		case nonce > high:
			atomic.StoreUint64(&s[3], nonce)
		case nonce == high:
			return errNonceReused
		case high-nonce > window:
			return errNonceRegressed
		}
		return nil
	}
	return insertHighest(s[3:], nonce)
}

// insertHighest keeps list sorted, lowest first, zeroes being free.
func insertHighest(list []uint64, nonce uint64) error {
	if nonce < list[0] {
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
		list[i] = list[i+1]
	}
	list[at-1] = nonce
	return nil
}

// slot returns the words of the credential's slot, a fresh one if it has none,
// nil if there is no room.
func (t *Nonces) slot(key Key, now int64) []uint64 {
	lo, hi := binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])
	at := mix(lo^binary.LittleEndian.Uint64(t.seed[:8])) % uint64(t.slots)
	var free []uint64
	for range nonceProbe {
		s := t.mem[int(at)*t.words : (int(at)+1)*t.words]
		if s[1] == lo && s[2] == hi && s[0] != 0 {
			return s
		}
		if free == nil && int64(s[0]) <= now {
			free = s
		}
		at = (at + 1) % uint64(t.slots)
	}
	if free != nil {
		atomic.StoreUint64(&free[0], 0)
		clear(free[1:])
		free[1], free[2] = lo, hi
	}
	return free
}
