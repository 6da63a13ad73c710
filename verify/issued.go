package verify

import (
	"crypto/sha256"
	"sync"
	"time"
)

// issued remembers which credential a venue-issued token belongs to. Tokens are
// kept as keyed hashes. When it is full, tokens that have ended go first, then any:
// a forgotten token makes its calls unverifiable, never authentic.
type issued struct {
	seed [32]byte
	most int // tokens
	mu   sync.RWMutex
	m    map[Key]issuedTo
}

type issuedTo struct {
	credential string
	until      time.Time
}

func (t *issued) key(venue, token string) (k Key) {
	h := sha256.New()
	h.Write(t.seed[:])
	h.Write([]byte(venue))
	h.Write([]byte{0})
	h.Write([]byte(token))
	var sum [32]byte
	copy(k[:], h.Sum(sum[:0]))
	return k
}

func (t *issued) add(venue, token, credential string, ttl time.Duration, now time.Time) {
	if ttl <= 0 || ttl > issuedTTL {
		ttl = issuedTTL
	}
	k := t.key(venue, token)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[Key]issuedTo{}
	}
	if len(t.m) >= t.most {
		t.evict(now)
	}
	t.m[k] = issuedTo{string(append([]byte(nil), credential...)), now.Add(ttl)}
}

// evict drops what has ended, or an eighth of everything if nothing has.
func (t *issued) evict(now time.Time) {
	for k, v := range t.m {
		if !now.Before(v.until) {
			delete(t.m, k)
		}
	}
	n := len(t.m) - t.most*7/8
	for k := range t.m {
		if n <= 0 {
			return
		}
		delete(t.m, k)
		n--
	}
}

func (t *issued) find(venue, token string, now time.Time) (string, bool) {
	if token == "" {
		return "", false
	}
	k := t.key(venue, token)
	t.mu.RLock()
	v, ok := t.m[k]
	t.mu.RUnlock()
	return v.credential, ok && now.Before(v.until)
}
