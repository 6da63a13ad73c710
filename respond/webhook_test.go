package respond

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
)

var secret = []byte("a secret of 24 bytes or more")

// receiver is a webhook's other end: it checks every signature and answers as told.
type receiver struct {
	mu     sync.Mutex
	got    []string
	answer func(n int) int
	t      *testing.T
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	h := req.Header
	if h.Get("webhook-signature") != Sign(secret, h.Get("webhook-id"), h.Get("webhook-timestamp"), body) {
		r.t.Error("wrong signature")
	}
	var f vedette.Finding
	if err := json.Unmarshal(body, &f); err != nil || f.ID != h.Get("webhook-id") {
		r.t.Errorf("%v %q %q", err, f.ID, h.Get("webhook-id"))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, f.ID)
	w.WriteHeader(r.answer(len(r.got)))
}

func finding(i int) *vedette.Finding {
	return &vedette.Finding{ID: fmt.Sprint("sha256:", i), Severity: vedette.High, Summary: "A thing happened."}
}

func TestWebhook(t *testing.T) {
	r := &receiver{t: t, answer: func(n int) int {
		if n <= 3 {
			return []int{500, 429, 503}[n-1]
		}
		return 200
	}}
	s := httptest.NewServer(r)
	defer s.Close()
	w := NewWebhook(Config{URL: s.URL, Secret: secret, Delay: func(int) time.Duration { return time.Millisecond }})
	for i := range 5 {
		w.Send(finding(i))
	}
	w.Close(10 * time.Second)
	if got := strings.Join(r.got, " "); got != "sha256:0 sha256:0 sha256:0 sha256:0 sha256:1 sha256:2 sha256:3 sha256:4" {
		t.Errorf("received %s", got)
	}
	if st := w.Stats(); st.Sent != 5 || st.Retried != 3 || st.Failed != 0 || st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
}

func TestWebhookRefusedForGood(t *testing.T) {
	r := &receiver{t: t, answer: func(int) int { return 400 }}
	s := httptest.NewServer(r)
	defer s.Close()
	var why error
	w := NewWebhook(Config{URL: s.URL, Secret: secret, Failed: func(_ *vedette.Finding, err error) { why = err }})
	w.Send(finding(1))
	w.Close(10 * time.Second)
	if len(r.got) != 1 || why == nil || !strings.Contains(why.Error(), "400") {
		t.Errorf("%v %v", r.got, why)
	}
}

// TestWebhookDown fills the queue of a receiver that is down: Send never blocks,
// memory is bounded, what is left out is counted.
func TestWebhookDown(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	url := s.URL
	s.Close()
	w := NewWebhook(Config{URL: url, Secret: secret, Queue: 4, Delay: func(int) time.Duration { return time.Hour }})
	taken := 0
	for i := range 100 {
		if w.Send(finding(i)) {
			taken++
		}
	}
	if taken > 5 || taken < 4 {
		t.Errorf("took %d with a queue of 4", taken)
	}
	if st := w.Stats(); st.Dropped != uint64(100-taken) {
		t.Errorf("%+v", st)
	}
	w.Close(time.Millisecond)
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
