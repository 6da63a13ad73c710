package token

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/internal/bound"
)

// ErrRevocationsFull says that a revocation found no room: the caller must refuse
// the token's subject by other means.
var ErrRevocationsFull = errors.New("revocation list is full")

// hashBytes is how much of a token's SHA-256 stands for it.
const hashBytes = 16

// whose names the tokens that a revocation ends by subject, client or both.
type whose struct{ subject, client string }

// revoked holds revocations by token and by whose the tokens are.
type revoked struct {
	count  atomic.Int64 // lets the common case, none, skip the lock
	mu     sync.RWMutex
	limit  int
	ids    map[string]time.Time
	hashes map[[hashBytes]byte]time.Time
	whose  map[whose]vedette.Revocation
}

func newRevoked(limit int) revoked {
	return revoked{limit: limit, ids: map[string]time.Time{}, hashes: map[[hashBytes]byte]time.Time{}, whose: map[whose]vedette.Revocation{}}
}

// CheckRevocation completes a revocation with its id, and refuses one that does not say
// what it ends or for how long.
func CheckRevocation(r vedette.Revocation, now time.Time) (vedette.Revocation, error) {
	if err := checkScope(&r); err != nil {
		return r, err
	}
	switch {
	case r.Before.After(now.Add(time.Minute)):
		return r, fmt.Errorf("cannot revoke: before, %s, is ahead: tokens yet to be issued would be refused", r.Before.Format(time.RFC3339))
	case !r.Until.After(now):
		return r, fmt.Errorf("cannot revoke: until, %s, is past", r.Until.Format(time.RFC3339))
	case r.Until.Sub(now) > maxRevocationLife:
		return r, fmt.Errorf("cannot revoke until %s: over %d days ahead", r.Until.Format(time.RFC3339), int(maxRevocationLife/(24*time.Hour)))
	}
	if r.ID == "" {
		b, err := json.Marshal(r)
		if err != nil {
			return r, fmt.Errorf("cannot revoke: %w", err)
		}
		sum := sha256.Sum256(b)
		r.ID = "t-" + hex.EncodeToString(sum[:8])
	}
	return r, nil
}

// checkScope refuses what does not say which tokens it ends.
func checkScope(r *vedette.Revocation) error {
	if err := cmp.Or(bound.Check(maxName, "token_id", r.TokenID, "subject", r.Subject, "client", r.Client),
		bound.Check(maxURL, "id", r.ID, "issuer", r.Issuer, "reason", r.Reason, "by", r.By)); err != nil {
		return fmt.Errorf("cannot revoke: %w", err)
	}
	party := r.Subject != "" || r.Client != ""
	switch {
	case (r.TokenID == "") == !party:
		return errors.New("cannot revoke: name either a token, or a subject or client")
	case party && r.Before.IsZero():
		return errors.New("cannot revoke: say up to when the tokens were issued")
	}
	_, _, err := tokenHash(r.TokenID)
	return err
}

// Hash returns what stands for a token without a jti: as its TokenID says it, and as a
// revocation may name any token.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hashID(&sum)
}

// tokenHash reads a TokenID that is a hash.
func tokenHash(id string) (h [hashBytes]byte, is bool, err error) {
	digits, is := strings.CutPrefix(id, "sha256:")
	if !is {
		return h, false, nil
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) < hashBytes || len(b) > sha256.Size {
		return h, true, fmt.Errorf("cannot revoke: a hash is sha256: and %d to %d hex digits", 2*hashBytes, 2*sha256.Size)
	}
	copy(h[:], b)
	return h, true, nil
}

// add takes in a revocation, of any times: it may have been made by a clock that is ahead of this one.
func (r *revoked) add(e vedette.Revocation, now time.Time) error {
	if err := checkScope(&e); err != nil {
		return err
	}
	if !e.Until.After(now) {
		return nil // whatever it covers has expired
	}
	hash, isHash, _ := tokenHash(e.TokenID)
	of := whose{e.Subject, e.Client}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size() >= r.limit {
		r.forget(now)
	}
	was, known := r.whose[of]
	if e.TokenID != "" {
		_, known = r.ids[e.TokenID]
	}
	if isHash {
		_, known = r.hashes[hash]
	}
	if r.size() >= r.limit && !known {
		return fmt.Errorf("cannot revoke: %w", ErrRevocationsFull)
	}
	switch {
	case isHash:
		r.hashes[hash] = later(r.hashes[hash], e.Until)
	case e.TokenID != "":
		r.ids[e.TokenID] = later(r.ids[e.TokenID], e.Until)
	default:
		e.Before, e.Until = later(was.Before, e.Before), later(was.Until, e.Until)
		r.whose[of] = e
	}
	r.count.Store(int64(r.size()))
	return nil
}

func (r *revoked) size() int { return len(r.ids) + len(r.hashes) + len(r.whose) }

// forget drops what has run out.
func (r *revoked) forget(now time.Time) {
	for id, until := range r.ids {
		if !until.After(now) {
			delete(r.ids, id)
		}
	}
	for h, until := range r.hashes {
		if !until.After(now) {
			delete(r.hashes, h)
		}
	}
	for s, e := range r.whose {
		if !e.Until.After(now) {
			delete(r.whose, s)
		}
	}
}

// covers reports whether the grant was revoked. A token without iat is covered by
// any revocation of its subject or client.
func (r *revoked) covers(g *grant) bool {
	if r.count.Load() == 0 {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, ok := r.ids[g.id]; ok {
		return true
	}
	if _, ok := r.hashes[g.hash]; ok {
		return true
	}
	for _, of := range [3]whose{{g.subject, g.client}, {g.subject, ""}, {"", g.client}} {
		if of == (whose{}) {
			continue
		}
		if e, ok := r.whose[of]; ok && !g.issued.After(e.Before) {
			return true
		}
	}
	return false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
