package receiver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vedette/respond"
	"vedette/respond/format"
)

// Webhook posts each event as JSON, signed as Standard Webhooks 1.0 says
// (standardwebhooks.com): HMAC-SHA256 over "id.timestamp.body" in the header
// webhook-signature. A receiver must tell repeats by webhook-id.
type Webhook struct {
	URL    string
	Secret []byte           // the HMAC key, 24 bytes or more
	Format format.Format    // one that writes JSON
	Client *http.Client     // nil for one of its own
	Now    func() time.Time // for the timestamp
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

// Batch implements Receiver.
func (*Webhook) Batch() (int, time.Duration) { return 1, 0 }

// Deliver implements Receiver.
func (w *Webhook) Deliver(ctx context.Context, batch []respond.Event) error {
	client := httpClient(w.Client)
	for _, e := range batch {
		now, body := w.Now(), w.Format(e)
		id, stamp := format.OneLine(e.ID()), strconv.FormatInt(now.Unix(), 10)
		if err := post(ctx, client, w.URL, map[string]string{"webhook-id": id, "webhook-timestamp": stamp,
			"webhook-signature": Sign(w.Secret, id, stamp, body)}, body, now); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Receiver.
func (w *Webhook) Close() error { return nil }

// Sign returns the value of webhook-signature.
func Sign(secret []byte, id, timestamp string, body []byte) string {
	m := hmac.New(sha256.New, secret)
	fmt.Fprintf(m, "%s.%s.", id, timestamp)
	m.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}
