package httpsig

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
)

// npmProject copies a Node project to the user's cache, installs what its lock
// file names, once, and returns the folder. Without npm the test is skipped.
func npmProject(t *testing.T, dir string) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not installed: no real client to test against")
	}
	sum := sha256.New()
	files := []string{"package.json", "package-lock.json", ".npmrc", "peer.mjs"}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(data)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("no cache folder: %v", err)
	}
	home := filepath.Join(cache, "vedette-test", hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(home); err == nil {
		return home
	}
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		t.Skipf("no cache folder: %v", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(home), "install-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	for _, f := range files {
		data, _ := os.ReadFile(filepath.Join(dir, f))
		if err := os.WriteFile(filepath.Join(tmp, f), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install the real client: %v: %s", err, out)
	}
	if err := os.Rename(tmp, home); err != nil {
		if _, statErr := os.Stat(home); statErr != nil {
			t.Fatal(err)
		}
	}
	return home
}

// TestRealClient: requests that the npm package http-message-signatures signed
// are accepted, and refused when a man in the middle touches what is covered.
func TestRealClient(t *testing.T) {
	home := npmProject(t, "testdata/peer")
	var verifier atomic.Pointer[Verifier]
	var mu sync.Mutex
	var calls []Message
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m := FromRequest(r, "http", body)
		mu.Lock()
		calls = append(calls, m)
		mu.Unlock()
		if res := verifier.Load().Verify(m, time.Time{}); res.Verdict != vedette.Authentic {
			t.Errorf("%s: %v %v", m.Target, res.Verdict, res.Reasons)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "peer.mjs", srv.URL)
	cmd.Dir = home
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Skipf("node cannot be started: %v", err)
	}
	defer cmd.Wait()
	defer stdin.Close()
	lines := bufio.NewScanner(stdout)
	lines.Scan()
	keys := readKeys(t, lines.Bytes())
	v := newVerifier(t, Config{Tag: "venue", NeedNonce: true, NeedExpires: true,
		Key: func(id string) (Key, bool) { k, ok := keys[id]; return k, ok }})
	verifier.Store(v)
	io.WriteString(stdin, "go\n")
	lines.Scan()
	var status map[string]int
	if err := json.Unmarshal(lines.Bytes(), &status); err != nil || len(status) != 12 {
		t.Fatalf("%v: %s", err, lines.Text())
	}
	for name, s := range status {
		if s != 200 {
			t.Errorf("%s: status %d", name, s)
		}
	}
	for _, m := range calls {
		for what, change := range map[string]func(*Message){
			"method": func(m *Message) { m.Method = "PUT" },
			"path":   func(m *Message) { m.Target = strings.Replace(m.Target, "order", "withdraw", 1) },
			"query":  func(m *Message) { m.Target += "&x=1" },
			"host":   func(m *Message) { m.Authority = "evil.example" },
			"body":   func(m *Message) { m.Body = []byte(`{"symbol":"BTCUSDT","side":"SELL"}`) },
			"digest": func(m *Message) { m.Header = m.Header.Clone(); m.Header.Set("Content-Digest", "sha-512=:AAAA:") },
			"key": func(m *Message) {
				m.Header = m.Header.Clone()
				in := m.Header.Get("Signature-Input")
				m.Header.Set("Signature-Input", strings.Replace(in, ";nonce=\"", ";nonce=\"0", 1))
			},
		} {
			altered := m
			change(&altered)
			if res := v.Verify(altered, time.Time{}); res.Verdict != vedette.Forged {
				t.Errorf("%s: other %s: %v %v", m.Target, what, res.Verdict, res.Reasons)
			}
		}
		if res := v.Verify(m, time.Now().Add(time.Hour)); res.Verdict != vedette.Stale {
			t.Errorf("%s: an hour later: %v", m.Target, res.Verdict)
		}
	}
}

func readKeys(t *testing.T, line []byte) map[string]Key {
	t.Helper()
	var shown map[string]string
	if err := json.Unmarshal(line, &shown); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	keys := make(map[string]Key)
	for alg, text := range shown {
		raw, err := base64.StdEncoding.DecodeString(text)
		k := Key{Algorithm: Algorithm(alg), AnySalt: true}
		if err == nil && k.Algorithm == HMACSHA256 {
			k.Secret = raw
		} else if err == nil {
			k.Public, err = x509.ParsePKIXPublicKey(raw)
		}
		if err != nil {
			t.Fatal(err)
		}
		keys[alg] = k
	}
	return keys
}
