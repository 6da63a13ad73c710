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
)

// TestTokenSession: what an operation needs of an access token, it needs on a session that the token
// opened too.
func TestTokenSession(t *testing.T) {
	reached := make(chan string, 10)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			_, b, err := c.Read(r.Context())
			if err != nil {
				return
			}
			reached <- string(b)
			c.Write(r.Context(), websocket.MessageText, []byte(`{"id":"1","status":200,"result":{}}`))
		}
	}))
	defer up.Close()
	is := newIssuer(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"jwks.json": string(is.jwks()), "vedette.yaml": fmt.Sprintf(`dir: %s/data
mode: enforce
ops: ""
listeners: [{address: "127.0.0.1:0"}]
venues:
  - {name: gemini, upstream: %q}
tokens:
  - venue: gemini
    issuer: https://issuer.test
    audience: [https://api.test]
    jwks_file: jwks.json
    require:
      order.new: {scopes: [trade], acr: [gold]}
`, dir, up.URL)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := loadConfig(filepath.Join(dir, "vedette.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := startApp(context.Background(), c, func(string) string { return "" }, discardLog(), systemClock())
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	addr := a.proxy.Addr("127.0.0.1:0").String()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	try := func(what string, passes bool, change func(head, claims map[string]any)) {
		t.Helper()
		s, res, err := websocket.Dial(ctx, "ws://"+addr+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + is.token(change)}}})
		if err != nil {
			t.Fatalf("%s: %v %v", what, res, err)
		}
		defer s.CloseNow()
		s.Write(ctx, websocket.MessageText, []byte(`{"id":"1","method":"order.place","params":{"symbol":"BTCUSD","side":"BUY","quantity":"1","price":"1"}}`))
		_, answer, err := s.Read(ctx)
		got := len(reached) > 0
		for len(reached) > 0 {
			<-reached
		}
		if got != passes || err != nil {
			t.Errorf("%s: reached the venue %v; answer %s %v", what, got, strings.TrimSpace(string(answer)), err)
		}
	}
	try("good token", true, nil)
	try("without the scope", false, func(_, c map[string]any) { c["scope"] = "read" })
	try("without stronger authentication", false, func(_, c map[string]any) { c["acr"] = "silver" })
}
