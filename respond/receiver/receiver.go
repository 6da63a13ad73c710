// Package receiver delivers events to the systems and people that read them elsewhere.
package receiver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"vedette/respond"
	"vedette/respond/outbox"
)

// Receiver is where events go. An outbox calls it from one goroutine.
type Receiver interface {
	// Deliver hands over events, oldest first, and returns nil once the receiver has them. An
	// error wraps outbox.ErrRefused if it will never take them, and may be an outbox.Later.
	Deliver(ctx context.Context, batch []respond.Event) error
	// Batch says how many events one delivery takes at most, and what must lie between two.
	Batch() (events int, every time.Duration)
	// Close ends connections.
	Close() error
}

// httpClient returns a client for one receiver; c may be nil. It follows no redirect: an
// event goes where it was told to.
func httpClient(c *http.Client) *http.Client {
	client := http.Client{}
	if c != nil {
		client = *c
	}
	client.Timeout = timeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

// post sends a request and reads how it was answered.
func post(ctx context.Context, client *http.Client, url string, header map[string]string, body []byte, now time.Time) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return errors.New("cannot make request") // the cause would repeat a URL that may be a secret
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "vedette")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("cannot reach receiver: %w", errors.Unwrap(err))
	}
	io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	return answered(res, now)
}

// answered turns an HTTP answer into Deliver's error. Only answers that say that this event is
// wrong give it up: an event outlasts a receiver that is set up wrongly for a while.
func answered(res *http.Response, now time.Time) error {
	err := fmt.Errorf("the receiver answered %s", res.Status)
	switch res.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %w", err, outbox.ErrRefused)
	}
	if res.StatusCode/100 == 2 {
		return nil
	}
	if after := retryAfter(res.Header.Get("Retry-After"), now); after > 0 {
		return &outbox.Later{After: after, Err: err}
	}
	return err
}

// retryAfter reads the field of RFC 9110, section 10.2.3; 0 for none.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 && n < 1<<20 {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
