package token

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vedette"
)

func number(n int) [32]byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return sha256.Sum256(b[:])
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(64)
	for i := range 10_000 {
		sum := number(i)
		c.put(&sum, &grant{subject: "s"})
		hot := number(0)
		if c.get(&hot) == nil { // always in use: never evicted
			t.Fatalf("lost the entry in use after %d others", i)
		}
	}
	if c.len() > 64 {
		t.Errorf("%d entries", c.len())
	}
}

// TestCacheTellsTruth: what the cache returns is what was last put for the key.
func TestCacheTellsTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCache(rapid.IntRange(-1, 40).Draw(t, "size"))
		last := make(map[int]*grant)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			i := rapid.IntRange(0, 60).Draw(t, "key")
			sum := number(i)
			if rapid.Bool().Draw(t, "put") {
				last[i] = &grant{}
				c.put(&sum, last[i])
			} else if g := c.get(&sum); g != nil && g != last[i] {
				t.Fatal("another grant")
			}
		}
	})
}

// TestProofsRemember: within the span no id is accepted twice, whatever the
// order, and memory stays bounded.
func TestProofsRemember(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const span = 100 * time.Second
		limit := rapid.IntRange(2, 50).Draw(t, "limit")
		p := newProofs(limit, span)
		now := start
		added := make(map[int]time.Time)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "s")) * time.Second)
			i := rapid.IntRange(0, 100).Draw(t, "id")
			again, full := p.add(number(i), now, time.Time{})
			at, was := added[i]
			switch {
			case was && now.Sub(at) < span && !again:
				t.Fatal("forgot an id within the span")
			case again && !was:
				t.Fatal("remembers what never was")
			case again && now.Sub(at) >= 3*span:
				t.Fatal("remembers for three spans")
			case !again && !full:
				added[i] = now
			}
			if len(p.now)+len(p.old) > limit {
				t.Fatal("over the limit")
			}
		}
	})
}

// TestProofsFull: with no room a proof is refused, and the call is marked as one
// that could not be checked.
func TestProofsFull(t *testing.T) {
	s, holder := newSigner("ES256", "k1"), newSigner("EdDSA", "")
	now := start
	v := newVerifier(t, Config{JWKS: jwks(s), ProofCapacity: 4, Now: func() time.Time { return now }})
	tok := s.token(m{"cnf": m{"jkt": holder.thumb(t)}, "exp": start.Unix() + 1e6})
	for range 2 {
		want(t, v.Verify(t.Context(), dpop(tok, holder.proof(tok))), vedette.Authentic)
	}
	want(t, v.Verify(t.Context(), dpop(tok, holder.proof(tok))), vedette.Unverifiable, vedette.ReplayFull)
	now = now.Add(time.Hour)
	want(t, v.Verify(t.Context(), dpop(tok, holder.proof(tok, m{"iat": now.Unix()}))), vedette.Authentic)
}

// TestProofRace: of many calls with one proof, one is accepted.
func TestProofRace(t *testing.T) {
	s, holder := newSigner("ES256", "k1"), newSigner("EdDSA", "")
	v := newVerifier(t, Config{JWKS: jwks(s)})
	tok := s.token(m{"cnf": m{"jkt": holder.thumb(t)}})
	in := dpop(tok, holder.proof(tok))
	var wg sync.WaitGroup
	var mu sync.Mutex
	count := make(map[vedette.Verdict]int)
	for range 50 {
		wg.Go(func() {
			r := v.Verify(t.Context(), in)
			mu.Lock()
			count[r.Verdict]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if count[vedette.Authentic] != 1 || count[vedette.Replayed] != 49 {
		t.Error(count)
	}
}

// TestCacheSavesWork: a repeated token costs no signature check, still ages, and
// is looked at anew after CacheTTL.
func TestCacheSavesWork(t *testing.T) {
	s := newSigner("ES256", "k1")
	now := start
	v := newVerifier(t, Config{JWKS: jwks(s), Now: func() time.Time { return now }, CacheTTL: time.Minute})
	in := bearer(s.token())
	for range 10 {
		want(t, v.Verify(t.Context(), in), vedette.Authentic)
	}
	if st := v.Stats(); st.Verified != 1 || st.Cached != 9 || st.CacheEntries != 1 {
		t.Errorf("%+v", st)
	}
	now = now.Add(time.Minute)
	want(t, v.Verify(t.Context(), in), vedette.Authentic)
	if st := v.Stats(); st.Verified != 2 {
		t.Errorf("%+v", st)
	}
	now = start.Add(300*time.Second + defaultLeeway)
	want(t, v.Verify(t.Context(), in), vedette.Stale, vedette.TokenExpired)
}

func TestNormalise(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, ok := normalise(in)
		if ok && got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	f("https://A.example", "https://a.example/")
	f("https://a.example:443/", "https://a.example/")
	f("http://a.example:443/", "http://a.example:443/")
	f("HTTP://a.example:80", "http://a.example/")
	f("https://a.example/a/b/../c/./d", "https://a.example/a/c/d")
	f("https://a.example/a/..", "https://a.example/")
	f("https://a.example/../../a/.", "https://a.example/a/")
	f("https://a.example/%7euser/%2f%2F", "https://a.example/~user/%2F%2F")
	f("https://a.example/%2e%2e/b", "https://a.example/b")
	f("https://a.example//b", "https://a.example//b")
	f("https://a.example/b?x#y", "https://a.example/b")
	f("https://[::1]:443/b", "https://[::1]/b")
	f("https://a.example/%", "")
	f("https://a.example/%zz", "")
	f("https://a.example/\\b", "")
	f("https://a.example/ü", "")
	f("https://u@a.example/", "")
	f("ftp://a.example/", "")
	f("a.example/", "")
	f("https://", "")
}
