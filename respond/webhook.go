// Package respond carries findings to where people and machines act on them.
package respond

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
)

// Limits of a webhook.
const (
	// DefaultQueue is how many findings wait for a receiver that is slow or down: at
	// 2 KiB each, 8 MiB. When it is full the newest are left out and counted; all are in
	// the ledger.
	DefaultQueue = 4096
	// attempts with backoff from 1 s to 5 min take about 45 min.
	attempts   = 16
	firstDelay = time.Second
	maxDelay   = 5 * time.Minute
	timeout    = 10 * time.Second
	minSecret  = 24 // bytes, as Standard Webhooks wants
)

// Webhook posts findings as JSON, signed as Standard Webhooks 1.0 says
// (standardwebhooks.com): HMAC-SHA256 over "id.timestamp.body" in the header
// webhook-signature. A receiver must tell repeats by webhook-id.
type Webhook struct {
	Config
	queue   chan *vedette.Finding
	done    chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	closing sync.Once

	sent, failed, dropped, retried atomic.Uint64
}

// Config is what a webhook needs. URL and Secret must be set.
type Config struct {
	URL    string
	Secret []byte // the HMAC key, 24 bytes or more
	Queue  int    // DefaultQueue if 0
	Client *http.Client
	Now    func() time.Time
	// Delay returns how long to wait before the given further attempt, from 1; nil for
	// doubling from 1 s to 5 min, with half of it random.
	Delay func(attempt int) time.Duration
	// Failed is told of findings that were given up; it may be nil.
	Failed func(f *vedette.Finding, err error)
}

// ParseSecret reads a secret in the form of Standard Webhooks, whsec_ and base64,
// or as plain text.
func ParseSecret(s string) ([]byte, error) {
	s = strings.TrimSpace(s)
	b := []byte(s)
	if text, ok := strings.CutPrefix(s, "whsec_"); ok {
		var err error
		if b, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, errors.New("cannot read webhook secret: want base64 after whsec_")
		}
	}
	if len(b) < minSecret {
		return nil, fmt.Errorf("cannot use webhook secret: %d bytes, want %d or more", len(b), minSecret)
	}
	return b, nil
}

// NewWebhook starts a webhook.
func NewWebhook(c Config) *Webhook {
	if c.Queue == 0 {
		c.Queue = DefaultQueue
	}
	if c.Client == nil {
		c.Client = &http.Client{}
	}
	client := *c.Client
	client.Timeout = timeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a finding goes where it was told to
	c.Client = &client
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Delay == nil {
		c.Delay = backoff
	}
	w := &Webhook{Config: c, queue: make(chan *vedette.Finding, c.Queue), done: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	go w.run()
	return w
}

func backoff(attempt int) time.Duration {
	d := min(firstDelay<<min(attempt-1, 20), maxDelay)
	return d/2 + rand.N(d/2+1)
}

// Send queues a finding. It does not block; false means that the queue was full.
func (w *Webhook) Send(f *vedette.Finding) bool {
	select {
	case w.queue <- f:
		return true
	default:
		w.dropped.Add(1)
		return false
	}
}

// Close tries for the given time to send what is queued, then gives the rest up.
// Send must not be called after it.
func (w *Webhook) Close(grace time.Duration) {
	w.closing.Do(func() {
		close(w.queue)
		t := time.AfterFunc(grace, w.cancel)
		<-w.done
		t.Stop()
		w.cancel()
	})
}

func (w *Webhook) run() {
	defer close(w.done)
	for f := range w.queue {
		if err := w.deliver(f); err != nil {
			w.failed.Add(1)
			if w.Failed != nil {
				w.Failed(f, err)
			}
		}
	}
}

// deliver tries until the receiver takes the finding, refuses it for good, or
// attempts are used up.
func (w *Webhook) deliver(f *vedette.Finding) error {
	body, err := json.Marshal(f)
	if err != nil {
		panic("BUG: a finding does not encode: " + err.Error())
	}
	for n := 1; ; n++ {
		again, err := w.post(f.ID, body)
		if err == nil {
			w.sent.Add(1)
			return nil
		}
		if !again || n == attempts {
			return fmt.Errorf("cannot deliver finding after %d attempts: %w", n, err)
		}
		w.retried.Add(1)
		select {
		case <-w.ctx.Done():
			return fmt.Errorf("cannot deliver finding before the end: %w", err)
		case <-time.After(w.Delay(n)):
		}
	}
}

// post makes one attempt. again says whether another could succeed.
func (w *Webhook) post(id string, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(w.ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	stamp := strconv.FormatInt(w.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "vedette")
	req.Header.Set("webhook-id", id)
	req.Header.Set("webhook-timestamp", stamp)
	req.Header.Set("webhook-signature", Sign(w.Secret, id, stamp, body))
	res, err := w.Client.Do(req)
	if err != nil {
		return w.ctx.Err() == nil, err
	}
	io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	switch {
	case res.StatusCode/100 == 2:
		return false, nil
	case res.StatusCode == http.StatusRequestTimeout, res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= 500:
		return true, errors.New(res.Status)
	}
	return false, errors.New(res.Status)
}

// Sign returns the value of webhook-signature.
func Sign(secret []byte, id, timestamp string, body []byte) string {
	m := hmac.New(sha256.New, secret)
	fmt.Fprintf(m, "%s.%s.", id, timestamp)
	m.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// Stats are figures since the start.
type Stats struct {
	Sent, Failed, Dropped, Retried uint64
	Queued                         int
}

// Stats returns the figures.
func (w *Webhook) Stats() Stats {
	return Stats{w.sent.Load(), w.failed.Load(), w.dropped.Load(), w.retried.Load(), len(w.queue)}
}
