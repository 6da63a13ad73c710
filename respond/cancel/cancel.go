// Package cancel cancels all open orders of an account through the venue's own API.
package cancel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Key is a credential of the account that may read orders and trade, with its secret as the
// venue handed it out.
type Key struct {
	ID                 string
	Secret, Passphrase []byte
}

// Config is what cancelling needs.
type Config struct {
	Venue  string              // name of the dialect, one of Supported
	URL    string              // of the venue's API, without a path
	Key    func() (Key, error) // asked once for each call of All, so that no secret is kept
	Client *http.Client        // nil for one of its own
	Now    func() time.Time    // the venue's time, as near as the clock is
	Nonce  func() string       // never the same twice; for venues that want one beside the time
}

// venues hold how each venue is asked.
var venues = map[string]struct {
	sign func(s *session, r *request) error
	run  func(s *session) (int, error)
}{
	"binance": {signBinance, runBinance},
	"bybit":   {signBybit, runBybit},
	"deribit": {signDeribit, runDeribit},
	"kraken":  {signKraken, runKraken},
	"okx":     {signOKX, runOKX},
}

// Supported lists the dialects that All knows.
func Supported() []string { return slices.Sorted(maps.Keys(venues)) }

// Check says why a key of the venue, with that signing scheme, cannot be used.
func Check(venue, scheme string) error {
	if _, ok := venues[venue]; !ok {
		return fmt.Errorf("cancelling all orders is not known for %s, only for %s", venue, strings.Join(Supported(), ", "))
	}
	if scheme != "hmac" {
		return fmt.Errorf("cancelling all orders needs a key that signs by hmac, not %s: of others only the public key is kept", scheme)
	}
	return nil
}

// All cancels every open order of the key's account and returns when the venue shows none any
// more. n counts what was cancelled, as far as the venue says. An error leaves open how many are
// left: calling again does no harm.
func All(ctx context.Context, c Config) (n int, err error) {
	v, ok := venues[c.Venue]
	if !ok {
		return 0, Check(c.Venue, "hmac")
	}
	key, err := c.Key()
	if err != nil {
		return 0, fmt.Errorf("cannot cancel orders at %s: %w", c.Venue, err)
	}
	client := http.Client{}
	if c.Client != nil {
		client = *c.Client
	}
	client.Timeout = timeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s := &session{Config: c, ctx: ctx, key: key, client: &client, sign: v.sign}
	if n, err = v.run(s); err != nil {
		return n, fmt.Errorf("cannot cancel orders at %s: %w", c.Venue, err)
	}
	return n, nil
}

// session is one call of All.
type session struct {
	Config
	ctx    context.Context
	key    Key
	client *http.Client
	sign   func(s *session, r *request) error
	last   int64 // ms, of the last stamp
}

// request is one call of the venue's API.
type request struct {
	method, path, query, body string
	header                    map[string]string
}

// target is what stands in the request line.
func (r *request) target() string {
	if r.query == "" {
		return r.path
	}
	return r.path + "?" + r.query
}

// stamp returns the time in ms, never the same twice: two requests with the same parameters would
// carry one signature.
func (s *session) stamp() int64 {
	s.last = max(s.last+1, s.Now().UnixMilli())
	return s.last
}

// call signs and sends a request and decodes the answer. An answer of the venue that refuses is an
// *refusal.
func (s *session) call(r request, into any) error {
	r.header = map[string]string{}
	if err := s.sign(s, &r); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(s.ctx, r.method, strings.TrimSuffix(s.URL, "/")+r.target(), bytes.NewReader([]byte(r.body)))
	if err != nil {
		return errors.New("cannot make request") // the cause would repeat the signature
	}
	req.Header.Set("User-Agent", "vedette")
	for name, value := range r.header {
		req.Header[name] = []string{value}
	}
	res, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, errors.Unwrap(err))
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	if res.StatusCode != http.StatusOK {
		return &refusal{r.method + " " + r.path, res.StatusCode, string(b[:min(len(b), 200)])}
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s %s: cannot read answer: %w", r.method, r.path, err)
	}
	return nil
}

// refusal is an answer that says no.
type refusal struct {
	call   string
	status int
	words  string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("%s was answered with %d %q", r.call, r.status, r.words)
}

// untilNone cancels what is open until nothing is, and returns how many orders it saw.
func untilNone[T comparable](s *session, open func() ([]T, error), cancel func([]T) error) (int, error) {
	seen := map[T]bool{}
	for n := range rounds {
		if n > 0 {
			select {
			case <-s.ctx.Done():
				return len(seen), s.ctx.Err()
			case <-time.After(pause):
			}
		}
		list, err := open()
		if err != nil || len(list) == 0 {
			return len(seen), err
		}
		for _, o := range list {
			seen[o] = true
		}
		if err := cancel(list); err != nil {
			return len(seen), err
		}
	}
	return len(seen), fmt.Errorf("orders are still open after %d rounds: new ones come meanwhile, so freeze the account first", rounds)
}

// distinct returns each value of f once.
func distinct[T any, K comparable](list []T, f func(T) K) (out []K) {
	for _, x := range list {
		if k := f(x); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}
