package token

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrRevocationsFull says that a revocation found no room: the caller must refuse
// the token's subject by other means.
var ErrRevocationsFull = errors.New("revocation list is full")

// Revocation ends the life of tokens before they expire: of one, by its id, or of
// all that a subject was issued up to a moment.
type Revocation struct {
	TokenID string    // Result.TokenID of the token: its jti, or the hash that stands in for one
	Subject string    // or: the subject …
	Before  time.Time // … whose tokens issued at or before this moment end
	// Until is when the revocation may be forgotten: the latest time that a token it
	// covers could expire.
	Until time.Time
}

// revoked holds revocations by token id and by subject.
type revoked struct {
	count    atomic.Int64 // lets the common case, none, skip the lock
	mu       sync.RWMutex
	limit    int
	ids      map[string]time.Time
	subjects map[string]Revocation
}

func (r *revoked) add(e Revocation, now time.Time) error {
	if (e.TokenID == "") == (e.Subject == "") {
		return errors.New("cannot revoke: want a token id or a subject")
	}
	if len(e.TokenID) > maxName || len(e.Subject) > maxName {
		return errors.New("cannot revoke: id is too long")
	}
	if !e.Until.After(now) {
		return nil // whatever it covers has expired
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size() >= r.limit {
		r.forget(now)
	}
	_, known := r.ids[e.TokenID]
	was, knownSubject := r.subjects[e.Subject]
	if r.size() >= r.limit && !known && !knownSubject {
		return fmt.Errorf("cannot revoke: %w", ErrRevocationsFull)
	}
	if e.TokenID != "" {
		r.ids[e.TokenID] = later(r.ids[e.TokenID], e.Until)
	} else {
		e.Before, e.Until = later(was.Before, e.Before), later(was.Until, e.Until)
		r.subjects[e.Subject] = e
	}
	r.count.Store(int64(r.size()))
	return nil
}

func (r *revoked) size() int { return len(r.ids) + len(r.subjects) }

// forget drops what has run out.
func (r *revoked) forget(now time.Time) {
	for id, until := range r.ids {
		if !until.After(now) {
			delete(r.ids, id)
		}
	}
	for s, e := range r.subjects {
		if !e.Until.After(now) {
			delete(r.subjects, s)
		}
	}
}

// covers reports whether the grant was revoked. A token without iat is covered by
// any revocation of its subject.
func (r *revoked) covers(g *grant) bool {
	if r.count.Load() == 0 {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, ok := r.ids[g.id]; ok {
		return true
	}
	e, ok := r.subjects[g.subject]
	return ok && !g.issued.After(e.Before)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
