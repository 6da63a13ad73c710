package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vedette/sim/client"
	"vedette/sim/exchange"
	"vedette/sim/simtest"
)

// done is a signed request and when its answer came.
type done struct {
	client.Request
	at time.Time
}

// load sends orders and cancels them, over REST and WebSocket, until the monitor dies.
type load struct {
	m    *monitor
	v    *simtest.Venue
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	answered []done
	problems []string
}

func startLoad(m *monitor, v *simtest.Venue, rest, sockets int) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{m: m, v: v, stop: stop}
	for range rest {
		c := newTrader(m, v.Keys[0])
		l.wg.Go(func() {
			defer c.wire.Close()
			l.trade(ctx, c, func(op client.Op, p []client.Param) (client.Request, client.Answer, error) {
				r := c.REST(op, p)
				a, err := c.wire.Do(ctx, r)
				return r, a, err
			})
		})
	}
	for range sockets {
		c := newTrader(m, v.Keys[0])
		l.wg.Go(func() {
			s, err := c.wire.Dial(ctx, patience)
			if err != nil {
				return // killed before
			}
			defer s.Close()
			l.trade(ctx, c, func(op client.Op, p []client.Param) (client.Request, client.Answer, error) {
				r := c.WS(s.Next(), op, p, false)
				a, err := s.Do(ctx, r)
				return r, a, err
			})
		})
	}
	return l
}

func (l *load) trade(ctx context.Context, c *trader, send func(client.Op, []client.Param) (client.Request, client.Answer, error)) {
	for {
		id := c.order().Body
		id, _, _ = strings.Cut(id[strings.Index(id, "newClientOrderId=")+len("newClientOrderId="):], "&")
		for _, step := range []struct {
			op client.Op
			p  []client.Param
		}{
			{client.OrderNew, client.P("symbol", "BTCUSDT", "side", "BUY", "type", "LIMIT", "timeInForce", "GTC", "quantity", "0.001", "price", "10000", "newClientOrderId", id)},
			{client.OrderCancel, client.P("symbol", "BTCUSDT", "origClientOrderId", id)},
		} {
			r, a, err := send(step.op, step.p)
			if err != nil {
				return // the monitor was killed
			}
			l.mu.Lock()
			l.answered = append(l.answered, done{r, time.Now()})
			if a.Status != 200 {
				l.problems = append(l.problems, string(a.Body))
			}
			l.mu.Unlock()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// kill kills the monitor under load and returns what had been answered and when it died.
func (l *load) kill(t testing.TB) ([]done, time.Time) {
	t.Helper()
	at := time.Now()
	l.m.kill()
	l.stop()
	l.wg.Wait()
	for _, p := range l.problems {
		t.Errorf("a call under load was refused: %s", p)
	}
	return l.answered, at
}

// keyOf is what ties a request to its record.
func keyOf(r client.Request) (id, operation string) {
	text, operation := r.Query+r.Body+r.Message, "order.new"
	for _, name := range []string{"newClientOrderId", "origClientOrderId"} {
		if i := strings.Index(text, name); i >= 0 {
			id = strings.Trim(text[i+len(name):], `=":`)
			id = id[:strings.IndexFunc(id, func(r rune) bool { return r == '&' || r == '"' })]
			if name[0] == 'o' {
				operation = "order.cancel"
			}
		}
	}
	return id, operation
}

// delayBound is the bound that the asynchronous rounds are run with. graceBound is
// added to it: the bound holds while the disk syncs within half of it, which a busy
// machine does not always.
const (
	delayBound = 100 * time.Millisecond
	graceBound = 150 * time.Millisecond
)

// TestKill kills the monitor under load at random moments, again and again on the same
// folder.
func TestKill(t *testing.T) {
	rounds := 4
	if soak {
		rounds = 100
	}
	for _, c := range []struct{ name, yaml string }{
		{"sync", "ledger:\n  sync: true\n  segment_bytes: 65536\ndetect:\n  snapshot_every: 2s\n"},
		{"delay", "ledger:\n  max_delay: 100ms\n  segment_bytes: 65536\ndetect:\n  snapshot_every: 2s\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := simtest.NewVenue(t)
			m := newMonitor(t, setup{venue: v, yaml: c.yaml, dir: memoryDir(t)})
			seed := uint64(time.Now().UnixNano())
			rng := rand.New(rand.NewPCG(seed, 0))
			t.Logf("seed %d", seed)
			total, retold := 0, 0
			m.start()
			from := uint64(0)
			for range rounds {
				l := startLoad(m, v, 3, 1)
				time.Sleep(200*time.Millisecond + time.Duration(rng.Int64N(int64(600*time.Millisecond))))
				answered, at := l.kill(t)
				total += len(answered)
				if r, _ := m.verify(); slices.ContainsFunc(r.Problems, func(p problem) bool { return !p.Repairable }) {
					t.Fatalf("after a kill: %+v", r.Problems)
				}
				m.start()
				size := m.verified()
				if c.name == "delay" {
					bound := at.Add(-delayBound - graceBound)
					answered = slices.DeleteFunc(answered, func(d done) bool { return d.at.After(bound) })
				}
				checkKept(t, m, from, answered, at)
				from = size
				retold += refusedAgain(t, m, v, answered, rng)
				if t.Failed() {
					return
				}
				// The kill left orders open that nobody cancels.
				if _, err := v.Exchange.CancelAll("alice", "BTCUSDT"); err != nil && !errors.Is(err, exchange.ErrUnknownOrder) {
					t.Fatal(err)
				}
			}
			m.stop()
			m.verified()
			t.Logf("%d rounds, %d calls answered, %d sent again", rounds, total, retold)
			if total < 10*rounds {
				t.Errorf("only %d calls answered: that is no load", total)
			}
		})
	}
}

// checkKept expects every answered call in the ledger, from a position on.
func checkKept(t *testing.T, m *monitor, from uint64, answered []done, at time.Time) {
	t.Helper()
	have := map[string]bool{}
	for _, c := range m.recordsFrom(from) {
		if c.Event == "call" && c.Verdict == "authentic" && c.Status == 200 {
			for _, id := range []string{c.ClientOrder, c.TargetOrder} {
				have[c.Operation+" "+id] = true
			}
		}
	}
	missing := slices.DeleteFunc(slices.Clone(answered), func(d done) bool {
		id, op := keyOf(d.Request)
		return have[op+" "+id]
	})
	if len(missing) > 0 {
		t.Errorf("%d of %d answered calls are not in the ledger; answered %v to %v before the kill; %s", len(missing), len(answered),
			at.Sub(missing[0].at), at.Sub(missing[len(missing)-1].at), m.tail())
	}
}

// refusedAgain sends what had been answered again, the last ones and some others.
func refusedAgain(t *testing.T, m *monitor, v *simtest.Venue, answered []done, rng *rand.Rand) int {
	t.Helper()
	rest := slices.DeleteFunc(slices.Clone(answered), func(d done) bool { return d.Message != "" })
	if len(rest) > 25 {
		late := rest[len(rest)-15:]
		rng.Shuffle(len(rest)-15, func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		rest = append(rest[:10:10], late...)
	}
	c := newTrader(m, v.Keys[0])
	defer c.wire.Close()
	before := v.API.Requests()
	// After a minute, which a start on a busy machine can take, the venue's window refuses them too.
	refused := func(d done, a client.Answer) bool {
		return a.Status == 400 && (a.Code == -1022 || a.Code == -1021 && time.Since(d.at) > 50*time.Second)
	}
	for _, d := range rest {
		if a := c.do(d.Request); !refused(d, a) {
			t.Errorf("a call answered before the kill: %d %s", a.Status, a.Body)
		}
	}
	ws := 0
	s, err := c.wire.Dial(context.Background(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := len(answered) - 1; i >= 0 && ws < 5; i-- {
		if answered[i].Message == "" {
			continue
		}
		ws++
		if a, err := s.Do(context.Background(), answered[i].Request); err != nil || !refused(answered[i], a) {
			t.Errorf("a message answered before the kill: %d %s %v", a.Status, a.Body, err)
		}
	}
	if n := v.API.Requests(); n != before {
		t.Errorf("%d replays reached the venue", n-before)
	}
	c.want("a fresh call", c.account(), 200, 0)
	return len(rest) + ws
}

// TestReplayWindowIsRestored loses the replay window's file, as a power cut may lose
// what was last written to it.
func TestReplayWindowIsRestored(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	m := newMonitor(t, setup{venue: v, yaml: "ledger:\n  sync: true\n"}).start()
	c := newTrader(m, v.Keys[0])
	var sent []client.Request
	for range 5 {
		sent = append(sent, c.order(), c.account())
	}
	for _, r := range sent {
		c.want("first use", r, 200, 0)
	}
	m.kill()
	if err := os.Remove(filepath.Join(m.dir, "replay")); err != nil {
		t.Fatal(err)
	}
	m.start()
	c = newTrader(m, v.Keys[0])
	requests := v.API.Requests()
	for _, r := range sent {
		c.want("second use", r, 400, -1022)
	}
	moved := sent[0]
	moved.Path = "/sapi/v1/capital/withdraw/apply"
	c.want("moved", moved, 400, -1022)
	if v.API.Requests() != requests {
		t.Error("replays reached the venue")
	}
	c.want("a fresh call", c.account(), 200, 0)
	m.stop()
	m.verified()
}

// TestIssuedTokensOutliveKill: a listen key that the venue handed out before the monitor was
// killed is still its key's after the next start, and nowhere in the data folder.
func TestIssuedTokensOutliveKill(t *testing.T) {
	t.Parallel()
	v := simtest.NewVenue(t)
	// The venue hands out listen keys for the mere name of a key.
	m := newMonitor(t, setup{venue: v, yaml: "gate:\n  refuse:\n    account.read: [forged, unverifiable]\n"}).start()
	req, _ := http.NewRequest("POST", m.url+"/api/v3/userDataStream", nil)
	req.Header.Set("X-MBX-APIKEY", v.Keys[0].ID)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var issued struct{ ListenKey string }
	err = json.NewDecoder(res.Body).Decode(&issued)
	res.Body.Close()
	if err != nil || len(issued.ListenKey) < 60 {
		t.Fatalf("no listen key: %v %s", err, res.Status)
	}
	m.kill()
	m.start()
	for token, want := range map[string]string{issued.ListenKey: "hmac-key authentic [session]", strings.Repeat("a", 60): " unverifiable [unknown_key]"} {
		c, _, err := websocket.Dial(context.Background(), strings.Replace(m.url, "http", "ws", 1)+"/ws/"+token, &websocket.DialOptions{HTTPHeader: http.Header{"User-Agent": {"stream " + token[:8]}}})
		if err == nil {
			c.CloseNow()
		}
		eventually(t, "the upgrade's record", func() bool {
			for _, r := range m.records() {
				if r.Client == "stream "+token[:8] {
					if got := fmt.Sprint(r.Credential, " ", r.Verdict, " ", r.Reasons); got != want {
						t.Errorf("with %.8s…: %s, want %s", token, got, want)
					}
					return true
				}
			}
			return false
		})
	}
	m.stop()
	m.verified()
	filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte(issued.ListenKey)) {
				t.Errorf("%s holds the listen key: %v", path, err)
			}
		}
		return nil
	})
}
