package verify

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Issued remembers which credential a venue-issued token belongs to, and until when. A
// token itself is not kept, but a hash of it under a secret seed. Tokens that anybody gets
// have a table of their own, so that they displace none of a credential's. Like Window it
// keeps its memory in a mapped file where it has one, so that tokens outlive a killed
// process; a power cut may lose the newest. A forgotten token makes its calls unverifiable,
// never authentic.
//
// An attacker who can write the file can make a token that he invents anybody's; it is 0600
// and lies beside the keys.
type Issued struct {
	mu     sync.RWMutex
	owned  []issuedSlot // of credentials
	public []issuedSlot // of nobody
	seed   [32]byte
	file   *mapped // nil in plain memory
}

// issuedSlot is one token. until is written last and zeroed first, so that a process killed
// half way leaves a free slot.
type issuedSlot struct {
	until     int64 // Unix ns; the slot is free when this is past
	key, rest uint64
	venue     uint8 // bytes of whose that are the venue's name; the credential's id follows
	length    uint8
	whose     [230]byte
}

const (
	issuedMagic = "VDTTOK1\n"
	// issuedProbe is how many neighbouring slots a token may live in.
	issuedProbe = 64
)

// NewIssued returns a table in plain memory for n tokens of credentials.
func NewIssued(n int) *Issued {
	n = max(n, issuedProbe)
	t := &Issued{owned: make([]issuedSlot, n), public: make([]issuedSlot, min(n, maxPublic))}
	if _, err := rand.Read(t.seed[:]); err != nil {
		panic("BUG: no randomness: " + err.Error())
	}
	return t
}

// OpenIssued opens or creates the table kept in a file of the folder.
func OpenIssued(dir string) (*Issued, error) {
	const n = DefaultIssued + maxPublic
	path := filepath.Join(dir, "tokens")
	m, err := mapFile(path, issuedMagic, n*int64(unsafe.Sizeof(issuedSlot{})))
	if err != nil {
		return nil, fmt.Errorf("cannot open issued tokens %s: %w", path, err)
	}
	slots := unsafe.Slice((*issuedSlot)(unsafe.Pointer(&m.body()[0])), n)
	return &Issued{owned: slots[:DefaultIssued], public: slots[DefaultIssued:], seed: m.seed, file: m}, nil
}

// Sync writes the table to disk.
func (t *Issued) Sync() error { return t.file.sync() }

// Close syncs and releases the file. The table must not be used after.
func (t *Issued) Close() error {
	t.owned, t.public = nil, nil
	return t.file.close()
}

func (t *Issued) halves(venue, token string) (lo, hi uint64) {
	h := sha256.New()
	h.Write(t.seed[:])
	h.Write([]byte(venue))
	h.Write([]byte{0})
	h.Write([]byte(token))
	var sum [32]byte
	h.Sum(sum[:0])
	return binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])
}

// add remembers a token, of nobody without a credential. Where there is no room, it takes
// the place of what ended, or else ends soonest.
func (t *Issued) add(venue, token, credential string, ttl time.Duration, now time.Time) {
	if len(venue)+len(credential) > len(issuedSlot{}.whose) {
		return
	}
	if ttl <= 0 || ttl > issuedTTL {
		ttl = issuedTTL
	}
	lo, hi := t.halves(venue, token)
	t.mu.Lock()
	defer t.mu.Unlock()
	table := t.owned
	if credential == "" {
		table = t.public
	}
	t.file.guarded(func() {
		at, best := lo%uint64(len(table)), (*issuedSlot)(nil)
		for range issuedProbe {
			s := &table[at]
			if s.key == lo && s.rest == hi {
				best = s
				break
			}
			if best == nil || s.until < best.until {
				best = s
			}
			at = (at + 1) % uint64(len(table))
		}
		atomic.StoreInt64(&best.until, 0)
		best.key, best.rest, best.venue = lo, hi, uint8(copy(best.whose[:], venue))
		best.length = best.venue + uint8(copy(best.whose[best.venue:], credential))
		atomic.StoreInt64(&best.until, now.Add(ttl).UnixNano())
	})
}

// owner returns whose token it is.
func (s *issuedSlot) owner() (venue, credential string) {
	n := min(int(s.length), len(s.whose))
	m := min(int(s.venue), n)
	return string(s.whose[:m]), string(s.whose[m:n])
}

// keep drops the tokens of credentials for which known is false. What anybody may have
// (KuCoin's public streams) is nobody's and stays.
func (t *Issued) keep(known func(venue, credential string) bool) {
	for chunk := range slices.Chunk(t.owned, 4096) { // calls need not wait for all
		t.keepOf(chunk, known)
	}
}

func (t *Issued) keepOf(table []issuedSlot, known func(venue, credential string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.file.guarded(func() {
		for i := range table {
			if s := &table[i]; s.until != 0 && !known(s.owner()) {
				atomic.StoreInt64(&s.until, 0)
			}
		}
	})
}

// find returns the credential of a token, "" if it is anybody's.
func (t *Issued) find(venue, token string, now time.Time) (credential string, ok bool) {
	if token == "" {
		return "", false
	}
	lo, hi := t.halves(venue, token)
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.file.guarded(func() {
		for _, table := range [2][]issuedSlot{t.owned, t.public} {
			at := lo % uint64(len(table))
			for range issuedProbe {
				if s := &table[at]; s.key == lo && s.rest == hi && s.until > now.UnixNano() {
					_, credential = s.owner()
					ok = true
					return
				}
				at = (at + 1) % uint64(len(table))
			}
		}
	})
	return credential, ok
}
