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
	mu   sync.RWMutex
	m    map[Key]issuedTo
}

type issuedTo struct {
	venue, credential string
	until             time.Time
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
	if len(t.m) >= maxIssued {
		t.evict(now)
	}
	t.m[k] = issuedTo{venue, string(append([]byte(nil), credential...)), now.Add(ttl)}
}

// keep drops the tokens of credentials for which known is false. What anybody may
// have (KuCoin's public streams) is nobody's and stays.
func (t *issued) keep(known func(venue, credential string) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, v := range t.m {
		if v.credential != "" && !known(v.venue, v.credential) {
			delete(t.m, k)
		}
	}
}

// evict drops what has ended, or an eighth of everything if nothing has.
func (t *issued) evict(now time.Time) {
	for k, v := range t.m {
		if !now.Before(v.until) {
			delete(t.m, k)
		}
	}
	n := len(t.m) - maxIssued*7/8
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
