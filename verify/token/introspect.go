package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var errMissing = errors.New("a required member is missing")

// errBusy says that too many questions are under way.
var errBusy = errors.New("too many introspection requests under way")

// introspector asks the issuer about tokens: one question a token at a time, and
// at most maxInFlight in all.
type introspector struct {
	cfg    Introspection
	client *http.Client
	claim  string // account claim
	stop   context.Context
	asked  atomic.Uint64
	failed atomic.Uint64

	mu      sync.Mutex
	flights map[[32]byte]*flight
}

// flight is one question under way; grant and err are set before done is closed.
type flight struct {
	done  chan struct{}
	grant *grant
	err   error
}

// ask returns what the issuer says. It waits at most cfg.Timeout or until ctx is
// done; a question that others wait for too goes on.
func (i *introspector) ask(ctx context.Context, token string, sum *[32]byte) (*grant, error) {
	i.mu.Lock()
	f, ok := i.flights[*sum]
	if !ok {
		if len(i.flights) >= maxInFlight {
			i.mu.Unlock()
			return nil, errBusy
		}
		f = &flight{done: make(chan struct{})}
		key := *sum
		i.flights[key] = f
		go func() {
			f.grant, f.err = i.question(token)
			i.mu.Lock()
			delete(i.flights, key)
			i.mu.Unlock()
			close(f.done)
		}()
	}
	i.mu.Unlock()
	select {
	case <-f.done:
		return f.grant, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (i *introspector) question(token string) (*grant, error) {
	i.asked.Add(1)
	g, err := i.exchange(token)
	if err != nil {
		i.failed.Add(1)
		return nil, fmt.Errorf("cannot introspect token: %w", err)
	}
	return g, nil
}

func (i *introspector) exchange(token string) (*grant, error) {
	ctx, cancel := context.WithTimeout(i.stop, i.cfg.Timeout)
	defer cancel()
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.cfg.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if i.cfg.BearerToken != "" {
		req.Header.Set("Authorization", "Bearer "+i.cfg.BearerToken)
	} else if i.cfg.ClientID != "" { // RFC 6749 section 2.3.1: both parts form-encoded
		req.SetBasicAuth(url.QueryEscape(i.cfg.ClientID), url.QueryEscape(i.cfg.ClientSecret))
	}
	body, err := exchange(i.client, req, maxAnswer)
	if err != nil {
		return nil, err
	}
	return readAnswer(body, i.claim)
}

// readAnswer reads an introspection answer. An answer that is not active says
// nothing else (RFC 7662 section 2.2).
func readAnswer(body []byte, claim string) (*grant, error) {
	o, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	switch string(o["active"]) {
	case "true":
		return readGrant(o, claim)
	case "false":
		return &grant{}, nil
	}
	return nil, errors.New("answer does not say whether the token is active")
}

// believedUntil is when an answer must be asked for anew.
func (g *grant) believedUntil(now time.Time, ttl time.Duration) time.Time {
	until := now.Add(ttl)
	if g.active && !g.expires.IsZero() && g.expires.Before(until) {
		return g.expires
	}
	return until
}
