package token

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
)

// clock is a clock that a test moves.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock                   { c := &clock{}; c.nanos.Store(start.UnixNano()); return c }
func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) forward(d time.Duration) { c.nanos.Add(int64(d)) }

// keyServer publishes a set that a test changes; nil answers 500.
func keyServer(t *testing.T) (*httptest.Server, *atomic.Pointer[[]byte], *atomic.Int64) {
	var doc atomic.Pointer[[]byte]
	var hits atomic.Int64
	srv := serve(t, func() (int, string) {
		hits.Add(1)
		if d := doc.Load(); d != nil {
			return 200, string(*d)
		}
		return 500, "no"
	})
	return srv, &doc, &hits
}

// settle waits for the fetch under way.
func (v *Verifier) settle() {
	v.keys.mu.Lock()
	f := v.keys.flight
	v.keys.mu.Unlock()
	if f != nil {
		<-f
	}
}

func TestRotation(t *testing.T) {
	srv, doc, hits := keyServer(t)
	c := newClock()
	old, next := newSigner("ES256", "old"), newSigner("ES256", "new")
	set := jwks(old)
	doc.Store(&set)
	v := newVerifier(t, Config{JWKSURL: srv.URL, Now: c.now, CacheTTL: time.Hour, KeyWait: 5 * time.Second})
	later := m{"exp": start.Unix() + 1e6}
	want(t, v.Verify(t.Context(), bearer(old.token(later))), vedette.Authentic)
	want(t, v.Verify(t.Context(), bearer(next.token(later))), vedette.Forged, vedette.TokenKey)
	both := jwks(old, next)
	doc.Store(&both)
	want(t, v.Verify(t.Context(), bearer(next.token(later))), vedette.Forged, vedette.TokenKey) // too soon to ask again
	c.forward(defaultMinRefresh)
	want(t, v.Verify(t.Context(), bearer(next.token(later))), vedette.Authentic)
	want(t, v.Verify(t.Context(), bearer(old.token(later))), vedette.Authentic)
	cached := old.token(later)
	want(t, v.Verify(t.Context(), bearer(cached)), vedette.Authentic)
	only := jwks(next)
	doc.Store(&only)
	c.forward(defaultRefresh)
	want(t, v.Verify(t.Context(), bearer(next.token(later))), vedette.Authentic) // starts the fetch
	v.settle()
	want(t, v.Verify(t.Context(), bearer(cached)), vedette.Forged, vedette.TokenKey)
	want(t, v.Verify(t.Context(), bearer(next.token(later))), vedette.Authentic)
	if n := hits.Load(); n > 4 {
		t.Errorf("%d fetches", n)
	}
}

// TestKeyFlood: invented key ids cause one fetch in each MinRefresh.
func TestKeyFlood(t *testing.T) {
	srv, doc, hits := keyServer(t)
	s := newSigner("ES256", "k1")
	set := jwks(s)
	doc.Store(&set)
	c := newClock()
	v := newVerifier(t, Config{JWKSURL: srv.URL, Now: c.now, KeyWait: 5 * time.Second})
	if err := v.Prefetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			r := v.Verify(t.Context(), bearer(s.jws(s.header(m{"kid": fmt.Sprint("x", i)}), claims())))
			want(t, r, vedette.Forged, vedette.TokenKey)
		})
	}
	wg.Wait()
	if n := hits.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
	want(t, v.Verify(t.Context(), bearer(s.token())), vedette.Authentic)
}

func TestKeyServerTrouble(t *testing.T) {
	s := newSigner("ES256", "k1")
	huge := `{"keys":[` + strings.Repeat(" ", maxJWKS) + `]}`
	many := `{"keys":[{}` + strings.Repeat(`,{}`, maxKeys) + `]}`
	secret, _ := json.Marshal(m{"keys": []m{{"kty": "oct", "k": b64(make([]byte, 32)), "kid": "k1"}}})
	leaked, _ := json.Marshal(m{"keys": []m{{"kty": "EC", "crv": "P-256", "kid": "k1", "x": s.jwk["x"], "y": s.jwk["y"], "d": "AA"}}})
	for name, doc := range map[string]string{"huge": huge, "garbage": "<html>", "many": many, "empty": "", "no keys": `{"keys":[]}`,
		"null": `{"keys":null}`, "twice": `{"keys":[],"keys":[]}`, "symmetric": string(secret), "private": string(leaked)} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, func() (int, string) { return 200, doc })
			var told atomic.Int64
			v := newVerifier(t, Config{JWKSURL: srv.URL, KeyWait: 5 * time.Second, OnFetchFailed: func(error) { told.Add(1) }})
			want(t, v.Verify(t.Context(), bearer(s.token())), vedette.Unverifiable, vedette.NoSecret)
			if told.Load() != 1 {
				t.Error("nobody was told")
			}
		})
	}
	t.Run("redirect", func(t *testing.T) {
		target := serve(t, func() (int, string) { return 200, string(jwks(s)) })
		srv := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusFound))
		defer srv.Close()
		v := newVerifier(t, Config{JWKSURL: srv.URL, KeyWait: 5 * time.Second})
		want(t, v.Verify(t.Context(), bearer(s.token())), vedette.Unverifiable, vedette.NoSecret)
	})
	t.Run("slow", func(t *testing.T) {
		release := make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		defer srv.Close()
		defer close(release)
		v := newVerifier(t, Config{JWKSURL: srv.URL, KeyWait: 20 * time.Millisecond})
		began := time.Now()
		want(t, v.Verify(t.Context(), bearer(s.token())), vedette.Unverifiable, vedette.NoSecret)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("waited %v", took)
		}
		v.Close() // must end the fetch
	})
}

// TestStaleKeys: the last good set is used while the server is down, until it is
// stale.
func TestStaleKeys(t *testing.T) {
	srv, doc, _ := keyServer(t)
	s := newSigner("ES256", "k1")
	set := jwks(s)
	doc.Store(&set)
	c := newClock()
	v := newVerifier(t, Config{JWKSURL: srv.URL, Now: c.now})
	if err := v.Prefetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	doc.Store(nil)
	tok := s.token(m{"exp": start.Unix() + 1e6})
	c.forward(defaultStale)
	want(t, v.Verify(t.Context(), bearer(tok)), vedette.Authentic)
	v.settle()
	c.forward(time.Minute)
	want(t, v.Verify(t.Context(), bearer(tok)), vedette.Unverifiable, vedette.NoSecret)
	v.settle()
	doc.Store(&set)
	c.forward(time.Minute)
	if err := v.Prefetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, v.Verify(t.Context(), bearer(tok)), vedette.Authentic)
}

// introspection serves answers by token and records what it was asked.
type introspection struct {
	*httptest.Server
	mu     sync.Mutex
	answer map[string]string
	asked  int
	auth   string
	form   url.Values
}

func newIntrospection(t *testing.T) *introspection {
	i := &introspection{answer: make(map[string]string)}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		i.mu.Lock()
		defer i.mu.Unlock()
		i.asked++
		i.auth, i.form = r.Header.Get("Authorization"), r.Form
		a, ok := i.answer[r.Form.Get("token")]
		if !ok {
			a = `{"active":false}`
		}
		io.WriteString(w, a)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *introspection) say(tok, answer string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer[tok] = answer
}

func TestIntrospection(t *testing.T) {
	i := newIntrospection(t)
	c := newClock()
	v := newVerifier(t, Config{Now: c.now, Introspection: Introspection{URL: i.URL, ClientID: "a:b", ClientSecret: "c d"},
		Default: Requirement{Scopes: []string{"trade"}}})
	good := `{"active":true,"sub":"u","scope":"trade","client_id":"c","exp":` + fmt.Sprint(start.Unix()+100) + `}`
	i.say("good.opaque.token", good)
	r := v.Verify(t.Context(), bearer("good.opaque.token"))
	want(t, r, vedette.Authentic)
	if r.Subject != "u" || !strings.HasPrefix(r.TokenID, "sha256:") || r.Issuer != issuer {
		t.Errorf("%+v", r)
	}
	if i.form.Get("token_type_hint") != "access_token" || i.auth != "Basic YSUzQWI6Yytk" {
		t.Errorf("asked with %q and %q", i.auth, i.form)
	}
	want(t, v.Verify(t.Context(), bearer("good.opaque.token")), vedette.Authentic)
	want(t, v.Verify(t.Context(), bearer("bad")), vedette.Unauthorised, vedette.TokenRevoked)
	want(t, v.Verify(t.Context(), bearer("bad")), vedette.Unauthorised, vedette.TokenRevoked)
	if i.asked != 2 {
		t.Errorf("asked %d times", i.asked)
	}
	i.say("good.opaque.token", `{"active":false}`)
	c.forward(defaultAskTTL)
	want(t, v.Verify(t.Context(), bearer("good.opaque.token")), vedette.Unauthorised, vedette.TokenRevoked)
	f := func(answer string, verdict vedette.Verdict, reasons ...vedette.Reason) {
		t.Helper()
		tok := fmt.Sprint("t", len(i.answer))
		i.say(tok, answer)
		want(t, v.Verify(t.Context(), bearer(tok)), verdict, reasons...)
	}
	f(`{"active":true,"aud":"https://other.example"}`, vedette.Unauthorised, vedette.TokenAudience)
	f(`{"active":true,"iss":"https://other.example"}`, vedette.Unauthorised, vedette.TokenIssuer)
	f(`{"active":true,"exp":1}`, vedette.Stale, vedette.TokenExpired)
	f(`{"active":true,"sub":"u"}`, vedette.Unauthorised, vedette.TokenScope)
	for _, bad := range []string{``, `{`, `{"active":"true"}`, `{}`, `{"active":true,"active":false}`, `{"active":true,"sub":1}`,
		`{"active":true,"scope":"trade"}` + strings.Repeat(" ", maxAnswer)} {
		f(bad, vedette.Unverifiable, vedette.NoSecret)
	}
}

// TestIntrospectionOfJWT: Always notices a revocation of a token that verifies.
func TestIntrospectionOfJWT(t *testing.T) {
	i := newIntrospection(t)
	c := newClock()
	s := newSigner("ES256", "k1")
	v := newVerifier(t, Config{Now: c.now, JWKS: jwks(s), Introspection: Introspection{URL: i.URL, BearerToken: "me", Always: true}})
	tok := s.token()
	i.say(tok, `{"active":true}`)
	want(t, v.Verify(t.Context(), bearer(tok)), vedette.Authentic)
	if i.auth != "Bearer me" {
		t.Errorf("asked with %q", i.auth)
	}
	i.say(tok, `{"active":false}`)
	c.forward(defaultAskTTL)
	want(t, v.Verify(t.Context(), bearer(tok)), vedette.Unauthorised, vedette.TokenRevoked)
	asked := i.asked
	want(t, v.Verify(t.Context(), bearer(tok[:len(tok)-8]+"AAAAAAAA")), vedette.Forged, vedette.TokenInvalid)
	if i.asked != asked {
		t.Error("asked about a forged token")
	}
}

// TestIntrospectionFlood: one question a token, a bounded number in all, and no
// call waits longer than the timeout.
func TestIntrospectionFlood(t *testing.T) {
	release := make(chan struct{})
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-release
		io.WriteString(w, `{"active":true}`)
	}))
	defer srv.Close()
	v := newVerifier(t, Config{Introspection: Introspection{URL: srv.URL, Timeout: 5 * time.Second}})
	var wg sync.WaitGroup
	var good, busy atomic.Int64
	ask := func(tok string) {
		wg.Go(func() {
			switch v.Verify(t.Context(), bearer(tok)).Verdict {
			case vedette.Authentic:
				good.Add(1)
			case vedette.Unverifiable:
				busy.Add(1)
			}
		})
	}
	for range 50 {
		ask("same")
	}
	for asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for i := range 100 {
		ask(fmt.Sprint("t", i))
	}
	for busy.Load() < 100-maxInFlight+1 {
		time.Sleep(time.Millisecond)
	}
	close(release)
	wg.Wait()
	if asked.Load() != maxInFlight || good.Load() != 50+maxInFlight-1 {
		t.Errorf("asked %d, good %d, busy %d", asked.Load(), good.Load(), busy.Load())
	}
}
