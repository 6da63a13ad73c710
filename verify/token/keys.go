package token

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// keySet is one fetched set; it never changes.
type keySet struct {
	byKid   map[string][]*key
	all     []*key
	fetched time.Time
	sum     [32]byte // of the document
	gen     uint64   // grows when the document differs from the one before
}

func newKeySet(keys []*key, doc []byte, now time.Time) *keySet {
	s := &keySet{byKid: make(map[string][]*key, len(keys)), all: keys, fetched: now, sum: sha256.Sum256(doc), gen: 1}
	for _, k := range keys {
		s.byKid[k.kid] = append(s.byKid[k.kid], k)
	}
	return s
}

// find returns the key that a token with this header must be signed with, or nil.
// Two keys that fit are as bad as none: which one is meant would be anybody's
// choice, whether they share a kid or the token names none.
func (s *keySet) find(kid, alg string, named bool) *key {
	candidates := s.byKid[kid]
	if !named {
		candidates = s.all
	}
	var fit *key
	for _, k := range candidates {
		if !k.fits(alg) {
			continue
		}
		if fit != nil {
			return nil
		}
		fit = k
	}
	return fit
}

// keySource keeps the last good key set of an issuer. Fetches run in the
// background, one at a time, and never more often than every minGap, so that
// tokens with invented key ids cannot make us hammer the issuer.
type keySource struct {
	url      string
	client   *http.Client
	now      func() time.Time
	refresh  time.Duration
	minGap   time.Duration
	stale    time.Duration
	wait     time.Duration
	failed   func(error)
	set      atomic.Pointer[keySet]
	fetches  atomic.Uint64
	failures atomic.Uint64

	stop    context.Context
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	flight  chan struct{} // closed when the fetch under way ends; nil if none is
	started time.Time     // when the last fetch started
}

// current returns the set to verify with, or nil if there is none that is not
// stale. It never waits; it starts a fetch if the set is due.
func (s *keySource) current() *keySet {
	set := s.set.Load()
	if s.url == "" || set == nil {
		return set
	}
	age := s.now().Sub(set.fetched)
	if age >= s.refresh {
		s.fetch()
	}
	if age > s.stale {
		return nil
	}
	return set
}

// newer waits for a set other than old, at most s.wait or until ctx is done, and
// returns what there is then. It returns old at once where no fetch may start.
func (s *keySource) newer(ctx context.Context, old *keySet) *keySet {
	if s.url == "" {
		return old
	}
	if done := s.fetch(); done != nil {
		timer := time.NewTimer(s.wait)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return s.current()
}

// fetch starts a fetch unless one is under way or the last is too recent. It
// returns a channel that is closed when the fetch under way ends, or nil.
func (s *keySource) fetch() <-chan struct{} {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil {
		return s.flight
	}
	gap := now.Sub(s.started)
	if s.closed || !s.started.IsZero() && gap >= 0 && gap < s.minGap {
		return nil
	}
	done := make(chan struct{})
	s.flight, s.started = done, now
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		s.load(now)
		s.mu.Lock()
		s.flight = nil
		s.mu.Unlock()
		close(done)
	}()
	return done
}

// load fetches the set and keeps it. On failure the old set stays.
func (s *keySource) load(now time.Time) {
	s.fetches.Add(1)
	doc, err := s.get()
	var keys []*key
	if err == nil {
		keys, err = parseKeySet(doc, false)
	}
	if err != nil {
		s.failures.Add(1)
		s.failed(fmt.Errorf("cannot fetch keys: %w", err))
		return
	}
	set := newKeySet(keys, doc, now)
	if old := s.set.Load(); old != nil {
		set.gen = old.gen
		if set.sum != old.sum {
			set.gen++
		}
	}
	s.set.Store(set)
}

func (s *keySource) get() ([]byte, error) {
	ctx, cancel := context.WithTimeout(s.stop, defaultTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	return exchange(s.client, req, maxJWKS)
}

// exchange sends a request and returns the body of a 200 answer of at most limit
// bytes.
func exchange(c *http.Client, req *http.Request, limit int64) ([]byte, error) {
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("answer over %d bytes", limit)
	}
	return body, nil
}

// close waits for the fetch under way; the caller has cancelled s.stop.
func (s *keySource) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
}
