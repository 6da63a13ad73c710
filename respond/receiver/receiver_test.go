package receiver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/respond"
	"vedette/respond/format"
	"vedette/respond/outbox"
)

var secret = []byte("a secret of 24 bytes or more")

func finding(i int) respond.Event {
	return respond.Of(&vedette.Finding{ID: fmt.Sprint("sha256:", i), Detector: "access.replay", Severity: vedette.High, Time: time.Unix(1767614400, 0),
		Venue: "binance", Credential: "<b>&\"]\\é", Summary: fmt.Sprintf("Thing %d happened.", i)})
}

func findings(from, to int) (list []respond.Event) {
	for i := from; i < to; i++ {
		list = append(list, finding(i))
	}
	return list
}

// TestWebhook: each event comes with a good signature and its id; what the answer says decides
// whether it comes again.
func TestWebhook(t *testing.T) {
	status, after := 200, ""
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		if h.Get("webhook-signature") != Sign(secret, h.Get("webhook-id"), h.Get("webhook-timestamp"), body) || h.Get("webhook-timestamp") != "1767614400" {
			t.Error("wrong signature")
		}
		var f vedette.Finding
		if err := json.Unmarshal(body, &f); err != nil || f.ID != h.Get("webhook-id") {
			t.Errorf("%v %q %q", err, f.ID, h.Get("webhook-id"))
		}
		got = append(got, f.ID)
		w.Header().Set("Retry-After", after)
		w.WriteHeader(status)
	}))
	defer s.Close()
	w := &Webhook{URL: s.URL, Secret: secret, Format: format.JSON, Now: func() time.Time { return time.Unix(1767614400, 0) }}
	if err := w.Deliver(t.Context(), findings(0, 1)); err != nil || len(got) != 1 {
		t.Errorf("%v %v", err, got)
	}
	for _, code := range []int{400, 413, 415, 422} {
		if status = code; !errors.Is(w.Deliver(t.Context(), findings(1, 2)), outbox.ErrRefused) {
			t.Errorf("%d does not give the event up", code)
		}
	}
	for _, code := range []int{301, 401, 403, 404, 408, 410, 429, 500, 503} {
		status = code
		if err := w.Deliver(t.Context(), findings(1, 2)); err == nil || errors.Is(err, outbox.ErrRefused) {
			t.Errorf("%d: %v", code, err)
		}
	}
	for after, want := range map[string]time.Duration{"7": 7 * time.Second, "Mon, 05 Jan 2026 12:01:00 GMT": time.Minute} {
		if got := retryAfter(after, time.Unix(1767614400, 0)); got != want {
			t.Errorf("%s is %v", after, got)
		}
	}
	after, status = "7", 429
	var later *outbox.Later
	if err := w.Deliver(t.Context(), findings(1, 2)); !errors.As(err, &later) || later.After != 7*time.Second {
		t.Errorf("%v", err)
	}
}

// TestSign holds Sign to the example of the Standard Webhooks specification.
func TestSign(t *testing.T) {
	key, err := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := ParseSecret("short"); err == nil {
		t.Error("took a short secret")
	}
}

// TestSlack: several events are one message, and no text in it has a meaning to the chat. An error
// does not repeat the URL, which is a secret.
func TestSlack(t *testing.T) {
	var got struct {
		Text   string
		Mrkdwn *bool
	}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { json.NewDecoder(r.Body).Decode(&got) }))
	c := &Slack{URL: s.URL + "/services/T0/B0/token", Now: time.Now}
	if err := c.Deliver(t.Context(), findings(0, 2)); err != nil {
		t.Fatal(err)
	}
	const want = "HIGH access.replay: Thing 0 happened. (credential &lt;b&gt;&amp;\"]\\é, venue binance)\nHIGH access.replay: Thing 1 happened. (credential &lt;b&gt;&amp;\"]\\é, venue binance)"
	if got.Text != want || got.Mrkdwn == nil || *got.Mrkdwn {
		t.Errorf("got %+v", got)
	}
	s.Close()
	if err := c.Deliver(t.Context(), findings(0, 1)); err == nil || strings.Contains(err.Error(), "token") {
		t.Errorf("error %v", err)
	}
}

// TestFile: a line an event, whole even after one that was cut.
func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events.cef")
	w := &File{Name: name, Format: format.CEF}
	if err := os.WriteFile(name, []byte("CEF:0|cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := w.Deliver(t.Context(), findings(i, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	b, _ := os.ReadFile(name)
	lines := strings.Split(string(b), "\n")
	if len(lines) != 4 || lines[0] != "CEF:0|cut" || !strings.Contains(lines[1], "Thing 0") || !strings.Contains(lines[2], "Thing 1") || lines[3] != "" {
		t.Errorf("%q", lines)
	}
}

// TestSyslogCutOff: messages that were written to a connection whose other end is gone are not delivered.
func TestSyslogCutOff(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conns := make(chan net.Conn, 4)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
		}
	}()
	s := &Syslog{Network: "tcp", Address: l.Addr().String(), Format: format.Text, Host: "h", Process: "1"}
	defer s.Close()
	if err := s.Deliver(t.Context(), findings(0, 3)); err != nil {
		t.Fatal(err)
	}
	c := <-conns
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil || head[3] != ' ' {
		t.Errorf("frame begins with %q, %v", head, err)
	}
	c.Close()
	<-s.closed
	if err := s.Deliver(t.Context(), findings(3, 4)); err != nil { // over a new connection
		t.Fatal(err)
	}
	c = <-conns
	c.(*net.TCPConn).SetLinger(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	go c.Close()
	<-s.closed
	l.Close()
	if err := s.Deliver(ctx, findings(4, 5)); err == nil {
		t.Error("delivered to nobody")
	}
}

// TestDatagrams: one message each over UDP and a Unix socket.
func TestDatagrams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for network, address := range map[string]string{"udp": "127.0.0.1:0", "unixgram": path} {
		l, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := &Syslog{Network: strings.TrimSuffix(network, "gram"), Address: l.LocalAddr().String(), Format: format.Text}
		if err := s.Deliver(t.Context(), findings(0, 2)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 8192)
		for i := range 2 {
			n, _, err := l.ReadFrom(buf)
			if got := string(buf[:n]); err != nil || !strings.HasPrefix(got, "<35>1 ") || !strings.Contains(got, fmt.Sprint("Thing ", i)) {
				t.Errorf("%s: %q %v", network, got, err)
			}
		}
		s.Close()
	}
}
