package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vedette"
	"vedette/sensor"
	"vedette/venue"
)

// echoVenue is a venue that sends every message back, by another implementation.
func echoVenue(t *testing.T) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/denied" {
			http.Error(w, "no", 403)
			return
		}
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"v1"}, InsecureSkipVerify: true,
			CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(20 << 20)
		for {
			typ, b, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if string(b) == "close me" {
				c.Close(4001, "as you wish")
				return
			}
			if c.Write(r.Context(), typ, b) != nil {
				return
			}
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func (r *rig) socket(path string) *websocket.Conn {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+r.addr+path, &websocket.DialOptions{Subprotocols: []string{"v1"},
		HTTPHeader: http.Header{"X-Key": {"k"}}, CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.CloseNow() })
	c.SetReadLimit(20 << 20)
	return c
}

func TestSocketWithAnotherImplementation(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	ctx := context.Background()
	c := r.socket("/ws?a=b")
	if c.Subprotocol() != "v1" {
		t.Errorf("subprotocol %q", c.Subprotocol())
	}
	sent := []string{"", "hello", "ümlaut", strings.Repeat("x", 125), strings.Repeat("y", 126), strings.Repeat("z", 65535), strings.Repeat("w", 65536), strings.Repeat("v", 900000)}
	for i, m := range sent {
		typ := websocket.MessageText
		if i%2 == 1 {
			typ = websocket.MessageBinary
		}
		if err := c.Write(ctx, typ, []byte(m)); err != nil {
			t.Fatal(err)
		}
		got, b, err := c.Read(ctx)
		if err != nil || got != typ || string(b) != m {
			t.Fatalf("message %d: got %v %d bytes, %v", i, got, len(b), err)
		}
	}
	pinged, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	go c.Read(pinged)
	if err := c.Ping(pinged); err != nil {
		t.Errorf("ping: %v", err)
	}
	c.Close(websocket.StatusNormalClosure, "bye")
	eventually(t, "session closed", func() bool { return r.m.Closings() == 1 && r.Stats().SessionsNow == 0 })
	calls := r.m.Calls()
	if len(calls) != 1+len(sent) {
		t.Fatalf("%d calls", len(calls))
	}
	up := calls[0]
	if up.Request.Kind != venue.Upgrade || up.Request.Scheme != "ws" || up.Request.Path != "/ws" || up.Request.Query != "a=b" || up.Answer.Status != 101 || up.Session == 0 {
		t.Errorf("upgrade %+v", up)
	}
	for i, m := range sent {
		c := calls[i+1]
		if c.Request.Kind != venue.Message || string(c.Request.Body) != m || c.Request.Header.Get("X-Key") != "k" || c.Request.Path != "/ws" ||
			c.Session != up.Session || c.Source != up.Source {
			t.Errorf("message %d: monitor saw %.300v", i, c)
		}
		if r.m.Replies()[i] != m {
			t.Errorf("reply %d: monitor saw %d bytes", i, len(r.m.Replies()[i]))
		}
	}
}

func TestSocketMessageRefused(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	r.m.Decide = func(x *sensor.Exchange) {
		if string(x.Request.Body) == "evil" {
			x.Call.Decision = vedette.Decision{Effect: vedette.Deny, Reason: vedette.BadSignature}
			x.Scratch = append(x.Scratch[:0], `{"error":"refused"}`...)
			x.Refusal.Body = x.Scratch
		}
	}
	ctx := context.Background()
	c := r.socket("/ws")
	for _, m := range []string{"good", "evil", "good again"} {
		c.Write(ctx, websocket.MessageText, []byte(m))
		_, b, err := c.Read(ctx)
		want := m
		if m == "evil" {
			want = `{"error":"refused"}`
		}
		if err != nil || string(b) != want {
			t.Errorf("%s: got %q, %v", m, b, err)
		}
	}
	if got := r.m.Replies(); fmt.Sprint(got) != "[good good again]" {
		t.Errorf("venue said %q", got)
	}
}

func TestSocketUpgradeRefused(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	r.m.Decide = func(x *sensor.Exchange) {
		if x.Request.Path == "/refused" {
			x.Call.Decision = vedette.Decision{Effect: vedette.Deny, Reason: vedette.Frozen}
			x.Refusal = venue.Refusal{Status: 401, Body: []byte("frozen")}
		}
	}
	for path, want := range map[string]int{"/refused": 401, "/denied": 403} {
		_, resp, err := websocket.Dial(context.Background(), "ws://"+r.addr+path, nil)
		if err == nil || resp == nil || resp.StatusCode != want {
			t.Errorf("%s: %v %v", path, resp, err)
		}
	}
	for _, c := range r.m.Calls() {
		if c.Request.Path == "/denied" && c.Answer.Status != 403 {
			t.Errorf("monitor saw %+v", c.Answer)
		}
	}
	eventually(t, "both closed", func() bool { return r.m.Closings() == 2 })
}

func TestSocketVenueCloses(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	c := r.socket("/ws")
	c.Write(context.Background(), websocket.MessageText, []byte("close me"))
	_, _, err := c.Read(context.Background())
	if ce, ok := err.(interface{ Unwrap() error }); websocket.CloseStatus(err) != 4001 {
		t.Errorf("got %v %v %v", err, ce, ok)
	}
	eventually(t, "closed", func() bool { return r.m.Closings() == 1 })
}

func TestSocketVenueBreaks(t *testing.T) {
	for name, frame := range map[string]string{
		"masked": "\x81\x81\x00\x00\x00\x00a", "reserved bit": "\xc1\x01a", "bad text": "\x81\x01\xff", "gone": "",
	} {
		addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
			acceptRaw(c, br)
			io.WriteString(c, frame)
			if frame != "" {
				io.Copy(io.Discard, br)
			}
		})
		r := newRig(t, addr, nil)
		c := r.socket("/ws")
		_, _, err := c.Read(context.Background())
		if want := websocket.StatusCode(1011); frame != "" && websocket.CloseStatus(err) != want || err == nil {
			t.Errorf("%s: client got %v", name, err)
		}
		eventually(t, "closed", func() bool { return r.m.Closings() == 1 && (frame == "" || len(r.m.Gaps()) == 1) })
	}
}

// acceptRaw does the venue's part of the opening handshake on the bare socket.
func acceptRaw(c net.Conn, br *bufio.Reader) *http.Request {
	req, err := http.ReadRequest(br)
	if err != nil {
		return nil
	}
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+acceptKey(req.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
	return req
}

// clientFrame is a frame as a client sends it, with whatever first byte.
func clientFrame(first byte, payload string) string {
	key := [4]byte{1, 2, 3, 4}
	b := appendFrame(nil, opText, &key, []byte(payload))
	b[0] = first
	return string(b)
}

const openSocket = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

// What a client may send and must not, after the cases of the Autobahn suite; code is that of the Close
// frame the client gets, echo what comes back before.
func TestSocketProtocol(t *testing.T) {
	big := make([]byte, 10)
	big[0], big[1] = 0x82, 0xff
	binary.BigEndian.PutUint64(big[2:], 1<<62)
	rows := []struct {
		name, send, echo string
		code             int
	}{
		{"text", clientFrame(0x81, "hi"), "hi", 0},
		{"empty", clientFrame(0x81, ""), "", 0},
		{"fragments", clientFrame(0x01, "a") + clientFrame(0x00, "b") + clientFrame(0x80, "c"), "abc", 0},
		{"empty fragments", clientFrame(0x01, "") + clientFrame(0x00, "") + clientFrame(0x80, ""), "", 0},
		{"ping between fragments", clientFrame(0x01, "a") + clientFrame(0x89, "p") + clientFrame(0x80, "c"), "ac", 0},
		{"character over fragments", clientFrame(0x01, "\xc3") + clientFrame(0x80, "\xa4"), "ä", 0},
		{"binary need not be text", clientFrame(0x82, "\xff"), "\xff", 0},
		{"text that is not UTF-8", clientFrame(0x81, "\xff"), "", 1007},
		{"surrogate", clientFrame(0x81, "\xed\xa0\x80"), "", 1007},
		{"overlong", clientFrame(0x81, "\xc0\xaf"), "", 1007},
		{"cut character", clientFrame(0x81, "\xc3"), "", 1007},
		{"unmasked", "\x81\x02hi", "", 1002},
		{"reserved bit 1, as of compression", clientFrame(0xc1, "hi"), "", 1002},
		{"reserved bit 3", clientFrame(0x91, "hi"), "", 1002},
		{"reserved data opcode", clientFrame(0x83, "hi"), "", 1002},
		{"reserved control opcode", clientFrame(0x8b, "hi"), "", 1002},
		{"continuation of nothing", clientFrame(0x80, "hi"), "", 1002},
		{"text inside a fragmented message", clientFrame(0x01, "a") + clientFrame(0x81, "b"), "", 1002},
		{"fragmented ping", clientFrame(0x09, "a"), "", 1002},
		{"long ping", clientFrame(0x89, strings.Repeat("a", 126)), "", 1002},
		{"length not shortest", "\x81\xfe\x00\x01\x00\x00\x00\x00a", "", 1002},
		{"long length not shortest", "\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00a", "", 1002},
		{"negative length", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00a", "", 1002},
		{"huge", string(big) + "\x00\x00\x00\x00", "", 1009},
		{"too long in fragments", clientFrame(0x02, strings.Repeat("x", 900)) + clientFrame(0x80, strings.Repeat("x", 200)), "", 1009},
		{"close of one byte", clientFrame(0x88, "\x03"), "", 1002},
		{"close code reserved", clientFrame(0x88, "\x03\xed"), "", 1002},
		{"close code too low", clientFrame(0x88, "\x03\xe7"), "", 1002},
		{"close code of nobody", clientFrame(0x88, "\x07\xd0"), "", 1002},
		{"close reason not UTF-8", clientFrame(0x88, "\x03\xe8\xff"), "", 1007},
		{"close", clientFrame(0x88, "\x03\xe8bye"), "", 1000},
		{"close with an own code", clientFrame(0x88, "\x0f\xa0"), "", 4000},
	}
	r := newRig(t, echoVenue(t), func(c *Config) { c.Limits.MessageBytes = 1000 })
	for _, row := range rows {
		before := len(r.m.Calls())
		c := r.dial()
		io.WriteString(c, openSocket+row.send) // all at once: frames may ride behind the upgrade
		br := bufio.NewReader(c)
		resp, err := http.ReadResponse(br, nil)
		if err != nil || resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Fatalf("%s: %v %v", row.name, resp, err)
		}
		f := frames{read: br.Read, limit: 1 << 20}
		op, b, err := f.next()
		for op == opPong {
			op, b, err = f.next()
		}
		if row.code == 0 {
			if err != nil || string(b) != row.echo {
				t.Errorf("%s: got %x %q, %v", row.name, op, b, err)
			}
		} else {
			if op != opClose || len(b) < 2 || int(binary.BigEndian.Uint16(b)) != row.code {
				t.Errorf("%s: got %x %q %v, want close %d", row.name, op, b, err, row.code)
			}
			if n := len(r.m.Calls()) - before; n > 1 {
				t.Errorf("%s: %d messages were judged", row.name, n-1)
			}
		}
		c.Close()
	}
	eventually(t, "all closed", func() bool { return r.m.Closings() == len(rows) })
}

// However the frames are cut into packets, they mean the same.
func TestSocketInPieces(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	c := r.dial()
	all := openSocket + clientFrame(0x01, "ab") + clientFrame(0x89, "x") + clientFrame(0x80, strings.Repeat("c", 300))
	go func() {
		for i := range all {
			c.Write([]byte{all[i]})
		}
	}()
	br := bufio.NewReader(c)
	if _, err := http.ReadResponse(br, nil); err != nil {
		t.Fatal(err)
	}
	f := frames{read: br.Read, limit: 1 << 20}
	for range 2 {
		op, b, err := f.next()
		if err != nil || op == opPong && string(b) != "x" || op == opText && string(b) != "ab"+strings.Repeat("c", 300) {
			t.Errorf("got %x %q %v", op, b, err)
		}
	}
}

// Both directions at once, with more under way than any buffer holds: nothing may lock up or mix.
func TestSocketFlood(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	c := r.socket("/ws")
	const n = 300
	body := strings.Repeat("m", 20000)
	go func() {
		for i := range n {
			c.Write(context.Background(), websocket.MessageText, []byte(fmt.Sprint(i, body)))
		}
	}()
	for i := range n {
		_, b, err := c.Read(context.Background())
		if err != nil || string(b) != fmt.Sprint(i, body) {
			t.Fatalf("message %d: %d bytes, %v", i, len(b), err)
		}
	}
	if got := len(r.m.Replies()); got != n {
		t.Errorf("%d replies shown", got)
	}
}

// TestSocketIdle: traffic keeps a session open, and silence ends it. On a busy machine a message may
// come late; what traffic does not keep open is cut however long it may idle.
func TestSocketIdle(t *testing.T) {
	ctx := context.Background()
	for idle := 80 * time.Millisecond; ; idle *= 3 {
		r := newRig(t, echoVenue(t), func(c *Config) { c.Limits.SessionIdle = idle })
		c := r.socket("/ws")
		var err error
		start := time.Now()
		for range 8 { // twice as long as it may idle
			time.Sleep(idle / 4)
			c.Write(ctx, websocket.MessageText, []byte("x"))
			if _, _, err = c.Read(ctx); err != nil {
				break
			}
		}
		if err != nil && idle < 5*time.Second {
			t.Logf("cut after %v, idle %v: %v", time.Since(start), idle, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("got %v", err)
		}
		eventually(t, "closed", func() bool { return r.m.Closings() == 1 })
		return
	}
}

func TestSocketShutdown(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	c := r.socket("/ws")
	done := make(chan error)
	go func() { done <- r.Shutdown(context.Background()) }()
	if _, _, err := c.Read(context.Background()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("got %v", err)
	}
	if err := <-done; err != nil || r.m.Closings() != 1 {
		t.Errorf("%v, %d closings", err, r.m.Closings())
	}
}

// A side that does not answer a Close frame, and talks on, is not waited for long.
func TestSocketCloseIsNotAnswered(t *testing.T) {
	addr := rawOrigin(t, func(c net.Conn, br *bufio.Reader) {
		acceptRaw(c, br)
		for {
			if _, err := c.Write([]byte("\x81\x01x")); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	r := newRig(t, addr, func(c *Config) { c.Limits.CloseTimeout = 50 * time.Millisecond })
	c := r.dial()
	io.WriteString(c, openSocket+clientFrame(0x88, "\x03\xe8"))
	start := time.Now()
	io.Copy(io.Discard, c)
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %v", d)
	}
	eventually(t, "closed", func() bool { return r.m.Closings() == 1 })
}

func TestSocketSurvivesReload(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	c := r.socket("/ws")
	other := r.cfg
	other.Venues = []Venue{{Name: "other", Dialect: testDialect, Upstream: echoVenue(t)}}
	if err := r.Reload(other); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	c.Write(ctx, websocket.MessageText, []byte("still here"))
	if _, b, err := c.Read(ctx); err != nil || string(b) != "still here" {
		t.Errorf("got %q %v", b, err)
	}
}

func TestSocketLimit(t *testing.T) {
	r := newRig(t, echoVenue(t), func(c *Config) { c.Limits.Sessions = 1 })
	c := r.socket("/ws")
	if _, resp, err := websocket.Dial(context.Background(), "ws://"+r.addr+"/ws", nil); err == nil || resp.StatusCode != 503 {
		t.Errorf("second session: %v %v", resp, err)
	}
	c.CloseNow()
	eventually(t, "free", func() bool { return r.Stats().SessionsNow == 0 })
	r.socket("/ws")
}

func TestSocketMonitorPanics(t *testing.T) {
	for _, where := range []string{"judge", "reply"} {
		var upstream atomic.Int64
		r := newRig(t, echoVenue(t), nil)
		r.m.Decide = func(x *sensor.Exchange) {
			if where == "judge" && x.Request.Kind == venue.Message {
				panic(where)
			}
		}
		r.m.OnReply = func(s *sensor.Session, m []byte) {
			upstream.Add(1)
			if where == "reply" {
				panic(where)
			}
		}
		c := r.socket("/ws")
		c.Write(context.Background(), websocket.MessageText, []byte("x"))
		if _, b, err := c.Read(context.Background()); websocket.CloseStatus(err) != websocket.StatusInternalError {
			t.Errorf("%s: got %q %v", where, b, err)
		}
		eventually(t, "closed, with a gap", func() bool { return r.m.Closings() == 1 && len(r.m.Gaps()) > 0 })
		if where == "judge" && upstream.Load() != 0 {
			t.Error("the message was forwarded")
		}
	}
}

// TestUpgradeJudgePanics: what the monitor noted of a session before it failed is given up with the session.
func TestUpgradeJudgePanics(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	r.m.Decide = func(*sensor.Exchange) { panic("judge") }
	if _, resp, err := websocket.Dial(context.Background(), "ws://"+r.addr+"/ws", nil); err == nil || resp.StatusCode != 500 {
		t.Errorf("%v %v", resp, err)
	}
	eventually(t, "closed, with a gap", func() bool { return r.m.Closings() == 1 && len(r.m.Gaps()) > 0 })
	if n := r.Stats().SessionsNow; n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestMaskIsItsOwnInverse(t *testing.T) {
	for n := range 70 {
		b := bytes.Repeat([]byte{0xa5}, n)
		key := [4]byte{1, 2, 3, 4}
		mask(b, key)
		for i := range b {
			if b[i] != 0xa5^key[i&3] {
				t.Fatalf("byte %d of %d", i, n)
			}
		}
		mask(b, key)
		if !bytes.Equal(b, bytes.Repeat([]byte{0xa5}, n)) {
			t.Fatalf("%d bytes", n)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(clientFrame(0x01, "ab")+clientFrame(0x89, "x")+clientFrame(0x80, "c")), uint8(3))
	f.Add([]byte("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff"), uint8(1))
	f.Add([]byte(clientFrame(0x88, "\x03\xe8")), uint8(200))
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		// Read in pieces of step and all at once: both must say the same.
		run := func(step int) (out []string) {
			rest := in
			fr := frames{masked: true, limit: 4096, read: func(b []byte) (int, error) {
				if len(rest) == 0 {
					return 0, io.EOF
				}
				n := copy(b, rest[:min(step, len(rest))])
				rest = rest[n:]
				return n, nil
			}}
			for {
				op, b, err := fr.next()
				if err != nil {
					if err == io.EOF {
						return out
					}
					return append(out, err.Error())
				}
				if len(b) > 4096 || op == opContinuation {
					t.Fatalf("op %x with %d bytes", op, len(b))
				}
				out = append(out, fmt.Sprintf("%x %x", op, b))
			}
		}
		if a, b := run(1+int(step)), run(len(in)+1); fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("in pieces %q, at once %q", a, b)
		}
	})
}

// TestSocketEnded: a session that the monitor ends closes with 1008 and the monitor's words within
// milliseconds, while no message comes; one that was ended at its upgrade likewise.
func TestSocketEnded(t *testing.T) {
	r := newRig(t, echoVenue(t), nil)
	var session atomic.Pointer[sensor.Session]
	atOnce := false
	r.m.Decide = func(x *sensor.Exchange) {
		session.Store(x.Session)
		if atOnce {
			x.Session.End("because")
		}
	}
	for _, atOnce = range []bool{false, true} {
		c := r.socket("/ws")
		begun := time.Now()
		if !atOnce {
			session.Load().End("because")
		}
		_, _, err := c.Read(context.Background())
		if websocket.CloseStatus(err) != websocket.StatusPolicyViolation || !strings.Contains(err.Error(), "because") {
			t.Errorf("ended by %v", err)
		}
		t.Logf("closed after %v", time.Since(begun))
		eventually(t, "session closed", func() bool { return r.Stats().SessionsNow == 0 })
	}
	if n := r.Stats().SessionsEnded; n != 2 {
		t.Errorf("%d sessions ended", n)
	}
}
