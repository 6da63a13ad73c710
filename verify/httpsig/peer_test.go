package httpsig

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vedette"
	"vedette/internal/npmtest"
)

// TestRealClient: requests that the npm package http-message-signatures signed
// are accepted, and refused when a man in the middle touches what is covered.
func TestRealClient(t *testing.T) {
	home := npmtest.Project(t, "testdata/peer", "peer.mjs")
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
