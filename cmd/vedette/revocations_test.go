package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vedette"
	"vedette/store"
	"vedette/verify/token"
)

// revoking is a monitor in front of a venue that takes access tokens, over HTTP and WebSocket.
type revoking struct {
	t        *testing.T
	is       *issuer
	a        *app
	dir, cfg string
}

func newRevoking(t *testing.T) *revoking {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.Write(r.Context(), websocket.MessageText, []byte(`{"type":"initial"}`))
		c.Read(r.Context())
	}))
	t.Cleanup(up.Close)
	w := &revoking{t: t, is: newIssuer(t), dir: t.TempDir()}
	w.cfg = filepath.Join(w.dir, "vedette.yaml")
	for name, text := range map[string]string{"jwks.json": string(w.is.jwks()), "vedette.yaml": fmt.Sprintf(`dir: %s/data
mode: enforce
ops: ""
listeners: [{address: "127.0.0.1:0"}]
venues:
  - {name: gemini, upstream: %q}
tokens:
  - {venue: gemini, issuer: "https://issuer.test", audience: ["https://api.test"], jwks_file: jwks.json}
`, w.dir, up.URL)} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *revoking) start() {
	w.t.Helper()
	c, err := loadConfig(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.a, err = startApp(context.Background(), c, func(string) string { return "" }, discardLog(), systemClock()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.a.close)
}

// open opens a session with the token, nil if that is refused.
func (w *revoking) open(ctx context.Context, token string) *websocket.Conn {
	w.t.Helper()
	s, res, err := websocket.Dial(ctx, "ws://"+w.a.proxy.Addr("127.0.0.1:0").String()+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		if res == nil || res.StatusCode != 401 && res.StatusCode != 403 {
			w.t.Errorf("refused with %v %v", res, err)
		}
		return nil
	}
	w.t.Cleanup(func() { s.CloseNow() })
	if _, b, err := s.Read(ctx); err != nil || !strings.Contains(string(b), "initial") {
		w.t.Fatalf("%s %v", b, err)
	}
	return s
}

func (w *revoking) claims(sub, jti string) string {
	return w.is.token(func(_, c map[string]any) { c["sub"], c["jti"] = sub, jti })
}

// TestTokenRevoke: a revocation is in force when the command returns, ends the session that the token
// opened, outlives a restart, and is in the ledger.
func TestTokenRevoke(t *testing.T) {
	w := newRevoking(t)
	w.start()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	one, two, other, later := w.claims("alice", "one"), w.claims("alice", "two"), w.claims("bob", "three"), w.claims("carol", "four")
	sessions := map[string]*websocket.Conn{}
	for _, tok := range []string{one, two, other, later} {
		if sessions[tok] = w.open(ctx, tok); sessions[tok] == nil {
			t.Fatal("a good token is refused")
		}
	}
	revoke := func(code int, says string, args ...string) {
		t.Helper()
		expect(t, code, says, append([]string{"token", "revoke", "-c", w.cfg}, args...)...)
	}
	ended := func(tok string) {
		t.Helper()
		begun := time.Now()
		_, _, err := sessions[tok].Read(ctx)
		if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("the session ended with %v", err)
		}
		t.Logf("ended after %v", time.Since(begun))
		if w.open(ctx, tok) != nil {
			t.Error("a revoked token opens a session")
		}
	}
	revoke(exitDone, "in force: token one is revoked", "-jti", "one", "-for", "1h", "-reason", "stolen")
	ended(one)
	if w.open(ctx, two) == nil {
		t.Error("another token of the subject is refused")
	}
	file := filepath.Join(w.dir, "token")
	if err := os.WriteFile(file, []byte(other+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	revoke(exitDone, "in force: token "+token.Hash(other), "-token-file", file) // for as long as the token says
	ended(other)
	revoke(exitDone, "in force: subject alice", "-subject", "alice", "-for", "24h")
	ended(two)
	revoke(exitDone, "in force: client app", "-client", "app", "-before", "2020-01-01T00:00:00Z", "-for", "24h") // before any
	if w.open(ctx, later) == nil {
		t.Error("a token that no revocation covers is refused")
	}
	revoke(exitUsage, "say -for or -until", "-jti", "x")
	revoke(exitUsage, "say which", "-for", "1h")
	revoke(exitUsage, "say which", "-jti", "x", "-subject", "y", "-for", "1h")
	revoke(exitNo, `no issuer "https://elsewhere.test"`, "-issuer", "https://elsewhere.test", "-jti", "x", "-for", "1h")
	revoke(exitNo, "sha256: and 32 to 64 hex digits", "-hash", "xyz", "-for", "1h")
	revoke(exitNo, "is ahead", "-subject", "alice", "-before", "2099-01-01T00:00:00Z", "-for", "1h")
	acted := recorded(t, w.a, 4, `"what":"token.revoke"`, `"by":"`+person())
	seen := recorded(t, w.a, 4, `"what":"session.ended"`, `"reason":"token_revoked"`)
	if recorded(t, w.a, 0, other) > 0 {
		t.Error("a token is in the ledger")
	}
	if acted != 4 || seen != 4 {
		t.Errorf("%d revocations and %d ended sessions in the ledger, want 4 and 4", acted, seen)
	}

	w.a.close()
	revoke(exitDone, "stored, in force from its next start", "-jti", "four", "-for", "1h")
	w.start()
	for what, tok := range map[string]string{"one": one, "two": two, "other": other, "revoked while stopped": later} {
		if w.open(ctx, tok) != nil {
			t.Errorf("%s: a revoked token is good after a restart", what)
		}
	}
	if w.open(ctx, w.claims("dave", "five")) == nil {
		t.Error("a good token is refused after the restart")
	}
	out, _, code := invoke("", "token", "list", "-c", w.cfg)
	if code != exitDone || strings.Count(out, "\n") != 6 || !strings.Contains(out, "subject alice, issued until") {
		t.Errorf("%d %s", code, out)
	}
	elsewhere, err := store.OpenSQLite(ctx, filepath.Join(w.dir, "data")) // as another monitor on the same state does
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	five := w.claims("dave", "five")
	sessions[five] = w.open(ctx, five)
	r, err := token.CheckRevocation(vedette.Revocation{TokenID: "five", By: "elsewhere", From: time.Now(), Until: time.Now().Add(time.Hour)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := elsewhere.PutRevocation(ctx, r); err != nil {
		t.Fatal(err)
	}
	ended(five)
	if err := w.a.pruneRevocations(ctx); err != nil {
		t.Error(err)
	}
	if n := len(w.a.Revocations()); n != 6 {
		t.Errorf("%d revocations after removing those that ended", n)
	}
}

// TestFreezeEndsSession: a freeze by command ends the session of whom it names, and no other.
func TestFreezeEndsSession(t *testing.T) {
	w := newRevoking(t)
	w.start()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	mine, other := w.open(ctx, w.claims("alice", "one")), w.open(ctx, w.claims("bob", "two"))
	expect(t, exitDone, "in force", "key", "freeze", "-c", w.cfg, "-venue", "gemini", "-id", "app/alice")
	begun := time.Now()
	if _, _, err := mine.Read(ctx); websocket.CloseStatus(err) != websocket.StatusPolicyViolation || !strings.Contains(err.Error(), "access is restricted") {
		t.Errorf("the session ended with %v", err)
	}
	t.Logf("ended after %v", time.Since(begun))
	if w.open(ctx, w.claims("alice", "three")) != nil {
		t.Error("a frozen client opens a session")
	}
	short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	if _, _, err := other.Read(short); short.Err() == nil {
		t.Errorf("another's session ended: %v", err)
	}
	expect(t, exitDone, "lifted", "key", "thaw", "-c", w.cfg, "-venue", "gemini", "-id", "app/alice")
	if w.open(ctx, w.claims("alice", "four")) == nil {
		t.Error("a thawed client is refused")
	}
}
