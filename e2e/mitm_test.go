package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vedette/internal/npmtest"
	hooks "vedette/respond/receiver"
	"vedette/sim/simtest"
)

const hookSecret = "whsec_bm90IHJlYWxseSBhIHNlY3JldCBidXQgbG9uZyBlbm91Z2g="

// attack is what the man in the middle does to one request that he heard.
type attack struct {
	name            string
	verdict, reason string
	code            int
	change          func(h heard) []byte // returns the request or message to send, nil for no such form
}

var (
	signature = regexp.MustCompile(`signature"?[=:]"?([^"& ]+)`)
	timestamp = regexp.MustCompile(`timestamp"?[=:](\d+)`)
	quantity  = regexp.MustCompile(`(quantity|amount|origQty|newQty)"?[=:]"?\d`)
)

var attacks = []attack{
	{"replay", "replayed", "signature_reused", -1022, func(h heard) []byte { return h.bytes() }},
	{"move", "replayed", "cross_endpoint", -1022, move},
	{"alter time", "forged", "bad_signature", -1022, func(h heard) []byte { return flipLast(h.bytes(), timestamp) }},
	{"alter quantity", "forged", "bad_signature", -1022, func(h heard) []byte { return flipLast(h.bytes(), quantity) }},
}

func first(pattern *regexp.Regexp, h heard) string { return string(pattern.FindSubmatch(h.bytes())[1]) }

func (h *heard) bytes() []byte {
	if h.message != nil {
		return bytes.Clone(h.message)
	}
	return bytes.Clone(h.raw)
}

// flipLast changes the last byte of what the pattern finds, so that no length changes.
func flipLast(b []byte, pattern *regexp.Regexp) []byte {
	at := pattern.FindIndex(b)
	if at == nil {
		return nil
	}
	i := at[1] - 1
	b[i] = '0' + (b[i]-'0'+1)%10
	return b
}

// move puts the signed parameters on another endpoint, or in another message.
func move(h heard) []byte {
	if h.message != nil {
		old := regexp.MustCompile(`"method":"[^"]+"`).Find(h.message)
		name := `"method":"openOrders.cancelAll"`
		if string(old) == name {
			name = `"method":"order.cancel"`
		}
		return bytes.Replace(h.message, old, []byte(name), 1)
	}
	path := "/api/v3/openOrders"
	if h.request.URL.Path == path {
		path = "/api/v3/allOrders"
	}
	if h.request.Method == "POST" {
		path = "/sapi/v1/capital/withdraw/apply"
		if h.request.URL.Path == path {
			path = "/api/v3/order"
		}
	}
	return bytes.Replace(h.raw, []byte(h.request.URL.Path), []byte(path), 1)
}

// TestManInTheMiddle lets an unmodified ccxt trade through a man in the middle and the
// monitor. He then tries what he can with what he heard.
func TestManInTheMiddle(t *testing.T) {
	for i, mode := range []string{"enforce", "observe"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			for k, scheme := range []string{"hmac", "ed25519"} {
				if k == i || soak { // each mode with another kind of key
					t.Run(scheme, func(t *testing.T) { manInTheMiddle(t, mode, k) })
				}
			}
		})
	}
}

func manInTheMiddle(t *testing.T, mode string, key int) {
	v := simtest.NewVenue(t)
	hook := &receiver{}
	server := httptest.NewServer(hook)
	defer server.Close()
	m := newMonitor(t, setup{venue: v, mode: mode, yaml: fmt.Sprintf(
		"ledger:\n  sync: true\nfindings:\n  file: findings.jsonl\n  webhook:\n    url: %s\n    secret_file: hook.secret\n", server.URL)})
	write(t, filepath.Join(m.home, "hook.secret"), hookSecret)
	m.start()
	r := newRelay(t, strings.TrimPrefix(m.url, "http://"))

	simtest.CCXT(t, "http://"+r.addr, "ws://"+r.addr, v.Keys[key]).Check(t)
	client := m.calls()
	for _, c := range client {
		signed := c.Hash != ""
		thief := c.Verdict == "forged" && c.Operation == "account.read" // the script ends with a wrong secret
		if signed && c.Verdict != "authentic" && !thief || !signed && c.Verdict != "anonymous" && !slices.Contains(c.Reasons, "session") {
			t.Errorf("a call of ccxt is not authentic: %s", &c)
		}
	}
	for _, op := range []string{"account.read", "order.new", "order.amend", "order.cancel", "order.cancel_all", "order.query", "withdraw", "market.read"} {
		if !slices.ContainsFunc(client, func(c record) bool { return c.Operation == op && (c.Verdict == "authentic") == (op != "market.read") }) {
			t.Errorf("the ledger holds no authentic %s of ccxt", op)
		}
	}

	forged := map[string]bool{} // by timestamp
	for _, c := range client {
		forged[fmt.Sprint(c.Claimed.UnixMilli())] = c.Verdict == "forged"
	}
	all := slices.DeleteFunc(r.heard(t), func(h heard) bool { return !h.signed() })
	uses := map[string]int{} // ccxt loads markets with several reads at once, signed alike
	for _, h := range all {
		uses[first(signature, h)]++
	}
	heard := slices.DeleteFunc(all, func(h heard) bool { return forged[first(timestamp, h)] || uses[first(signature, h)] > 1 })
	if len(heard) < 25 {
		t.Fatalf("heard only %d signed requests", len(heard))
	}
	time.Sleep(1100 * time.Millisecond) // what he moves within a second may be the client's own concurrent reads
	mm := &middleman{t: t, m: m, v: v, mode: mode}
	for _, a := range attacks {
		mm.overREST(a, heard)
		mm.overWS(a, heard)
	}
	mm.delay(r, v.Keys[key])
	m.stop()
	m.verified()
	mm.findings(hook, v.Keys[key].ID)
}

// middleman attacks and holds what came of it against what should have.
type middleman struct {
	t    *testing.T
	m    *monitor
	v    *simtest.Venue
	mode string
}

// books are the venue's books of an account, as text.
func books(t testing.TB, v *simtest.Venue) string {
	t.Helper()
	b, err1 := v.Exchange.Balances("alice")
	o, err2 := v.Exchange.Orders("alice", "BTCUSDT")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return fmt.Sprintf("%+v %+v", b, o)
}

// untouched runs an attack that must not reach the venue in enforce mode, but for the
// harmless requests that it makes too.
func (mm *middleman) untouched(name string, harmless int64, f func()) {
	mm.t.Helper()
	before, requests := books(mm.t, mm.v), mm.v.API.Requests()+harmless
	f()
	if mm.mode == "observe" {
		if n := mm.v.API.Requests(); n == requests {
			mm.t.Errorf("%s: nothing reached the venue, though only observed", name)
		}
		return
	}
	if n := mm.v.API.Requests(); n != requests {
		mm.t.Errorf("%s: %d requests reached the venue", name, n-requests)
	}
	if after := books(mm.t, mm.v); after != before {
		mm.t.Errorf("%s: the venue's books changed:\n%s\n%s", name, before, after)
	}
}

// judged holds the newest calls against the attack.
func (mm *middleman) judged(a attack, protocol string, n int) {
	mm.t.Helper()
	var calls []record
	for _, c := range mm.m.calls() {
		if c.Protocol == protocol && !strings.HasPrefix(c.Path, "/ws-api") == (protocol == "http") && c.Method != "ping" {
			calls = append(calls, c)
		}
	}
	if len(calls) < n {
		mm.t.Fatalf("%s: %d calls in the ledger, want %d more", a.name, len(calls), n)
	}
	for _, c := range calls[len(calls)-n:] {
		decision := "deny"
		if mm.mode == "observe" {
			decision = "allow"
		}
		if c.Verdict != a.verdict || len(c.Reasons) == 0 || c.Reasons[0] != a.reason || c.Decision != decision || c.WouldDeny != (mm.mode == "observe") || c.Why != a.reason {
			mm.t.Errorf("%s: want %s, %s, %s: %s", a.name, a.verdict, a.reason, decision, &c)
		}
	}
}

// refusal is Binance's way to refuse.
type refusal struct {
	Code int
	Msg  string
}

func (mm *middleman) overREST(a attack, list []heard) {
	mm.t.Helper()
	n := 0
	mm.untouched(a.name, 0, func() {
		for _, h := range list {
			if h.message != nil {
				continue
			}
			b := a.change(h)
			if b == nil {
				continue
			}
			n++
			status, body := sendRaw(mm.t, mm.m.url, b)
			if mm.mode == "observe" {
				continue // whatever the venue says
			}
			var e refusal
			if err := json.Unmarshal(body, &e); err != nil || status != 400 || e.Code != a.code || e.Msg == "" {
				mm.t.Errorf("%s of %s %s: %d %s", a.name, h.request.Method, h.request.URL.Path, status, body)
			}
		}
	})
	if n < 3 {
		mm.t.Errorf("%s: only %d requests to try with", a.name, n)
	}
	mm.judged(a, "http", n)
}

// sendRaw sends raw bytes on a connection of its own.
func sendRaw(t testing.TB, url string, b []byte) (status int, body []byte) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("no answer to %.60q: %v", b, err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

func (mm *middleman) overWS(a attack, list []heard) {
	mm.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, mm.m.url+"/ws-api/v3", nil)
	if err != nil {
		mm.t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	n := 0
	mm.untouched(a.name+" over WebSocket", 1, func() {
		for _, h := range list {
			if h.message == nil {
				continue
			}
			b := a.change(h)
			if b == nil {
				continue
			}
			n++
			if err := c.Write(ctx, websocket.MessageText, b); err != nil {
				mm.t.Fatal(err)
			}
			answer := answerTo(ctx, mm.t, c, b)
			if mm.mode == "observe" {
				continue
			}
			if answer.Status != 400 || answer.Error.Code != a.code || answer.Error.Msg == "" {
				mm.t.Errorf("%s of %s: %+v", a.name, h.message, answer)
			}
		}
		ping := []byte(`{"id":"after","method":"ping"}`) // the session goes on
		if err := c.Write(ctx, websocket.MessageText, ping); err != nil || answerTo(ctx, mm.t, c, ping).Status != 200 {
			mm.t.Errorf("%s: the session ended: %v", a.name, err)
		}
	})
	if n < 2 {
		mm.t.Errorf("%s: only %d messages to try with", a.name, n)
	}
	mm.judged(a, "websocket", n)
}

type wsAnswer struct {
	ID     json.RawMessage
	Status int
	Error  refusal
}

func answerTo(ctx context.Context, t testing.TB, c *websocket.Conn, message []byte) (a wsAnswer) {
	t.Helper()
	var q struct{ ID json.RawMessage }
	if err := json.Unmarshal(message, &q); err != nil {
		t.Fatal(err)
	}
	for {
		_, b, err := c.Read(ctx)
		if err != nil {
			t.Fatalf("no answer to %s: %v", message, err)
		}
		a = wsAnswer{}
		if json.Unmarshal(b, &a) == nil && bytes.Equal(a.ID, q.ID) {
			return a
		}
	}
}

// delay holds ccxt's requests back until their window has passed.
func (mm *middleman) delay(r *relay, key simtest.Key) {
	mm.t.Helper()
	before := len(mm.m.calls())
	r.hold.Store(int64(2500 * time.Millisecond))
	defer r.hold.Store(0)
	var names []string
	mm.untouched("delay", 3, func() { names = delayed(mm.t, "http://"+r.addr, "ws://"+r.addr, key) })
	for _, n := range names {
		if n != "InvalidNonce" { // so ccxt calls Binance's -1021
			mm.t.Errorf("ccxt took the refusal of a delayed call for %s", n)
		}
	}
	stale := 0
	for _, c := range mm.m.calls()[before:] {
		if c.Verdict == "stale" && c.Reasons[0] == "window_passed" && c.WouldDeny == (mm.mode == "observe") {
			stale++
		} else if c.Credential != "" {
			mm.t.Errorf("delay: %s", &c)
		}
	}
	if len(names) != 5 || stale != len(names) {
		mm.t.Errorf("%d calls delayed, %d of them judged stale", len(names), stale)
	}
}

// delayed runs the script that is delayed; it returns how ccxt calls each error.
func delayed(t testing.TB, rest, ws string, key simtest.Key) (names []string) {
	t.Helper()
	home := npmtest.Install(t, filepath.Join("testdata", "ccxt"))
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, key.Secret)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	c := exec.CommandContext(ctx, "node", filepath.Join("testdata", "ccxt", "delayed.js"), rest, ws, key.ID, secret)
	c.Env = append(os.Environ(), "CLIENT_HOME="+home)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if e := json.Unmarshal(out, &names); e != nil || err != nil {
		t.Fatalf("ccxt failed: %v %v\n%s", e, err, out)
	}
	return names
}

// findings holds the file and the webhook against what was done.
func (mm *middleman) findings(hook *receiver, key string) {
	t := mm.t
	t.Helper()
	b, err := os.ReadFile(filepath.Join(mm.m.home, "findings.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	inFile := map[string]string{}
	for line := range bytes.Lines(b) {
		var f struct {
			ID, Detector, Credential string
			Evidence                 []json.RawMessage
		}
		if err := json.Unmarshal(line, &f); err != nil || len(f.Evidence) == 0 || f.Credential != key {
			t.Errorf("finding %s: %v", line, err)
		}
		inFile[f.ID] = f.Detector
	}
	var detectors []string
	for _, d := range inFile {
		detectors = append(detectors, d)
	}
	slices.Sort(detectors)
	want := []string{"access.cross_endpoint_replay", "access.forged_signature", "access.replay", "access.stale_or_future"}
	if !slices.Equal(detectors, want) {
		t.Errorf("found %v, want %v", detectors, want)
	}
	secret, err := hooks.ParseSecret(hookSecret)
	if err != nil {
		t.Fatal(err)
	}
	delivered := map[string]bool{}
	list := hook.all()
	for _, d := range list {
		if d.signature != hooks.Sign(secret, d.id, d.stamp, d.body) {
			t.Errorf("delivery %s is signed %s", d.id, d.signature)
		}
		if !bytes.Contains(b, d.body) {
			t.Errorf("delivered what the file does not hold: %s", d.body)
		}
		delivered[d.id] = true
	}
	if len(delivered) != len(inFile) || len(list) != len(inFile)+1 {
		t.Errorf("%d findings, %d delivered in %d deliveries, of which the first was refused", len(inFile), len(delivered), len(list))
	}
}
