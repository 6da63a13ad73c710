package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// line is one request as JSONL; time and messages may be "".
func line(url, time, messages string) string {
	s := `{"event":"request","method":"GET","url":"` + url + `"`
	if time != "" {
		s += `,"time":"` + time + `"`
	}
	if messages != "" {
		s += `,"messages":[` + messages + `]`
	}
	return s + "}\n"
}

// TestForeignRequests: what cannot be judged is skipped and counted, and the rest judged.
func TestForeignRequests(t *testing.T) {
	const at = "2026-01-05T12:00:00Z"
	const public, private = "https://api.binance.com/api/v3/ticker/price?symbol=BTCUSDT", "https://api.binance.com/api/v3/account?timestamp=1767614400000&signature=00"
	foreign := line("https://cdn.example/logo.png", at, "")
	session := line("wss://chat.example/ws", at, `{"from":"client","time":"`+at+`","data":"{\"id\":1,\"method\":\"order.place\"}"},{"from":"venue","time":"`+at+`","data":"{}"}`)
	own := line("wss://ws-api.binance.com/ws-api/v3", at, "")
	for _, c := range []struct {
		name, capture string
		check, replay int
		lines         int
		says          []string
	}{
		{"foreign before", foreign + line(public, at, ""), exitDone, exitDone, 1, []string{"1 skipped, of 2; the first: ", "index 0: cannot tell the venue of cdn.example/logo.png"}},
		{"foreign after", line(public, at, "") + foreign + foreign, exitDone, exitDone, 1, []string{"2 skipped, of 3", "index 1"}},
		{"no time", line(public, "", "") + line(public, at, ""), exitDone, exitDone, 1, []string{"1 skipped", "no time"}},
		{"a bad one among them", foreign + strings.Replace(line(private, at, ""), `,"time"`, `,"headers":[["X-MBX-APIKEY","k"]],"time"`, 1), exitNo, exitDone, 1, []string{"1 skipped"}},
		{"a foreign session", own + session + line(public, at, ""), exitDone, exitDone, 2, []string{"1 skipped, of 3", "chat.example/ws"}},
		{"nothing of it", foreign + session, exitNo, exitNo, 0, []string{"2 skipped, of 2", "nothing in it could be judged"}},
		{"a broken end", line(public, at, "") + foreign + "{", exitNo, exitNo, 1, []string{"line 3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "capture.jsonl")
			if err := os.WriteFile(file, []byte(c.capture), 0o600); err != nil {
				t.Fatal(err)
			}
			for command, want := range map[string]int{"check": c.check, "replay": c.replay} {
				out, errs, code := invoke("", command, file)
				if code != want {
					t.Errorf("%s ended with %d, want %d: %s", command, code, want, errs)
				}
				if n := strings.Count(out, `"verdict"`); command == "check" && n != c.lines {
					t.Errorf("%d verdicts, want %d:\n%s", n, c.lines, out)
				}
				for _, s := range c.says {
					if !strings.Contains(errs, s) {
						t.Errorf("%s does not say %q: %s", command, s, errs)
					}
				}
			}
		})
	}
}
