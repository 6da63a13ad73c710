package token

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
	"vedette/internal/npmtest"
)

// recorded is a call that reached the API, with what was made of it.
type recorded struct {
	in  Input
	res Result
}

// peerAPI is the API that real clients call.
type peerAPI struct {
	*httptest.Server
	verifier atomic.Pointer[Verifier]
	mu       sync.Mutex
	calls    map[string][]recorded
}

func (a *peerAPI) serve(w http.ResponseWriter, r *http.Request) {
	scheme, tok, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	in := Input{Token: tok, Scheme: scheme, DPoP: r.Header.Values("DPoP"), Method: r.Method, URL: a.URL + r.URL.EscapedPath(),
		Operation: vedette.OpOrderNew}
	res := a.verifier.Load().Verify(r.Context(), in)
	a.mu.Lock()
	name := r.URL.Query().Get("name")
	a.calls[name] = append(a.calls[name], recorded{in, res})
	a.mu.Unlock()
	if res.DPoPNonce != "" {
		w.Header().Set("DPoP-Nonce", res.DPoPNonce)
	}
	if res.Verdict != vedette.Authentic {
		w.Header().Set("WWW-Authenticate", res.Challenge)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	io.WriteString(w, "{}")
}

// TestRealServer: tokens of oidc-provider, presented by oauth4webapi, are
// accepted; the same tokens stolen, moved, replayed or altered are refused.
func TestRealServer(t *testing.T) {
	home := npmtest.Project(t, "testdata/peer", "peer.mjs")
	api := &peerAPI{calls: make(map[string][]recorded)}
	api.Server = httptest.NewServer(http.HandlerFunc(api.serve))
	defer api.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "peer.mjs", api.URL)
	cmd.Dir = home
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Skipf("node cannot be started: %v", err)
	}
	defer cmd.Wait()
	defer stdin.Close()
	type line struct {
		Issuer, JWKS, Introspection, Name string
		Status                            any
		Nonces                            int
		Done                              bool
	}
	status := make(map[string]any)
	nonces, done := 0, false
	for lines := bufio.NewScanner(stdout); !done && lines.Scan(); {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		if l.Issuer != "" {
			api.start(t, l.Issuer, l.JWKS, l.Introspection)
			io.WriteString(stdin, "go\n")
			continue
		}
		status[l.Name], nonces, done = l.Status, nonces+l.Nonces, l.Done
	}
	if !done {
		t.Fatalf("the client did not end: %s", stderr.String())
	}
	api.checkAnswers(t, status)
	if nonces != 5 {
		t.Errorf("%d calls were sent back for a nonce, want the first of each of 5 clients", nonces)
	}
	api.inTheMiddle(t)
}

func (a *peerAPI) start(t *testing.T, issuer, jwks, introspection string) {
	v := newVerifier(t, Config{Issuer: issuer, JWKSURL: jwks, Algorithms: []string{"ES256", "RS256", "PS256", "EdDSA"},
		Audience: []string{"https://api.example/ES256", "https://api.example/RS256", "https://api.example/PS256",
			"https://api.example/EdDSA", "https://api.example/opaque"},
		Introspection: Introspection{URL: introspection, ClientID: "bot", ClientSecret: "a secret of the bot: %+", TTL: time.Millisecond},
		ProofNonce:    true, Default: Requirement{Scopes: []string{"trade"}}, Now: time.Now})
	a.verifier.Store(v)
}

func (a *peerAPI) checkAnswers(t *testing.T, status map[string]any) {
	t.Helper()
	if len(status) < 24 {
		t.Errorf("%d calls", len(status))
	}
	for name, got := range status {
		if name == "" {
			continue
		}
		last := a.calls[name][len(a.calls[name])-1].res
		bad := strings.HasSuffix(name, "stolen") || strings.HasSuffix(name, "as bearer") || name == "other audience" || name == "opaque revoked"
		if bad == (got == float64(200)) || bad == (last.Verdict == vedette.Authentic) {
			t.Errorf("%s: status %v, %v %v", name, got, last.Verdict, last.Reasons)
		}
		if !bad && (last.ClientID != "bot" || last.TokenID == "" || last.Expires.IsZero()) {
			t.Errorf("%s: %+v", name, last)
		}
	}
	want(t, a.calls["other audience"][0].res, vedette.Unauthorised, vedette.TokenAudience)
	revoked := a.calls["opaque revoked"]
	want(t, revoked[len(revoked)-1].res, vedette.Unauthorised, vedette.TokenRevoked)
}

// inTheMiddle presents what was overheard again, elsewhere, and altered.
func (a *peerAPI) inTheMiddle(t *testing.T) {
	v := a.verifier.Load()
	for name, calls := range a.calls {
		if !strings.HasPrefix(name, "dpop") {
			continue
		}
		c := calls[len(calls)-1]
		if c.res.Verdict != vedette.Authentic {
			continue
		}
		want(t, v.Verify(t.Context(), c.in), vedette.Replayed, vedette.ProofReplayed)
		f := func(change func(*Input), verdict vedette.Verdict, reasons ...vedette.Reason) {
			t.Helper()
			in := c.in
			change(&in)
			want(t, v.Verify(t.Context(), in), verdict, reasons...)
		}
		f(func(in *Input) { in.Method = "DELETE" }, vedette.Forged, vedette.BoundElsewhere)
		f(func(in *Input) { in.URL += "/withdraw" }, vedette.Forged, vedette.BoundElsewhere)
		f(func(in *Input) { in.Now = time.Now().Add(2 * time.Minute) }, vedette.Stale, vedette.ProofStale)
		f(func(in *Input) { in.Now = time.Now().Add(time.Hour) }, vedette.Stale, vedette.TokenExpired)
		f(func(in *Input) { in.Token = alter(in.Token) }, vedette.Forged, vedette.TokenInvalid)
		f(func(in *Input) { in.DPoP = []string{alter(in.DPoP[0])} }, vedette.Forged, vedette.ProofInvalid)
	}
}

// alter changes one character in the middle of the signature.
func alter(s string) string {
	i := strings.LastIndexByte(s, '.') + 20
	c := byte('A')
	if s[i] == c {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}
