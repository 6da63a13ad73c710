package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"vedette"
	"vedette/api"
)

const (
	victims    = 200                    // keys that are attacked
	atOnce     = 4                      // of them at a time
	probeEvery = 300 * time.Microsecond // between two calls of a key's owner
	forgeEvery = 20 * time.Millisecond  // between two forged calls, above any latency that would be good
	maxForged  = 100                    // calls until a freeze must have come
)

// respond measures how long after an attacker's call, that makes a playbook freeze the key, the first
// call with the key is refused, while others trade.
func (b *benches) respond(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bench-respond-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var stops []func()
	defer func() {
		for _, stop := range slices.Backward(stops) {
			stop()
		}
	}()
	start := func(name string, cmd *exec.Cmd, addr func() (string, error)) (string, error) {
		if err := cmd.Start(); err != nil {
			return "", fmt.Errorf("cannot start %s: %w", name, err)
		}
		stops = append(stops, func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
		return addr()
	}
	up, err := b.startRole(ctx, start, "upstream")
	if err != nil {
		return err
	}
	const playbooks = "playbooks:\n  - name: forged\n    dry_run: false\n    at_most: 1000\n    match: {detector: access.forged_signature}\n    respond: [{do: freeze, subject: credential, for: 1h, approve: 0}]\n"
	if err := os.WriteFile(filepath.Join(dir, "playbooks.yaml"), []byte(playbooks), 0o600); err != nil {
		return err
	}
	var keys strings.Builder
	for i := range victims {
		fmt.Fprintf(&keys, "  - {id: victim-%d, venue: binance, scheme: hmac, secret: %s, permissions: [read, trade]}\n", i, benchSecret)
	}
	addr, err := b.startMonitor(ctx, start, dir, up, "findings:\n  file: findings.jsonl\nrespond:\n  playbooks: playbooks.yaml\n", keys.String())
	if err != nil {
		return err
	}
	outside, owners, err := b.attack(ctx, addr)
	if err != nil {
		return err
	}
	inside, err := frozenAfter(ctx, dir)
	if err != nil {
		return err
	}
	at := func(list []time.Duration, q float64) float64 {
		slices.Sort(list)
		return float64(list[max(0, int(math.Ceil(q*float64(len(list))))-1)].Microseconds()) // the nearest rank
	}
	for _, q := range []float64{.5, .99} {
		name := fmt.Sprintf(", p%g", 100*q)
		f := figure{Bench: "respond", Case: "arrival to in force" + name, Value: at(inside, q), Unit: "µs"}
		g := figure{Bench: "respond", Case: "attack to refusal at the client" + name, Value: at(outside, q), Unit: "µs", Against: "an ordinary call", Ratio: at(outside, q) / at(owners, q)}
		if q == .99 {
			f.Goal, f.Met = "<= 5000", f.Value <= 5000
			g.Goal, g.Met = "<= 5000", g.Value <= 5000
		}
		b.tell(f)
		b.tell(g)
	}
	return nil
}

// frozenAfter returns the time between the arrival of each call that made a finding and its restriction.
func frozenAfter(ctx context.Context, dir string) ([]time.Duration, error) {
	c, err := api.Dial(filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	var list []vedette.Restriction
	if err := c.Do(ctx, "GET", "/v1/restrictions", "bench", nil, &list); err != nil {
		return nil, err
	}
	time.Sleep(time.Second) // the file comes after the restriction
	b, err := os.ReadFile(filepath.Join(dir, "findings.jsonl"))
	if err != nil {
		return nil, err
	}
	arrived := map[string]time.Time{}
	for line := range bytes.Lines(b) {
		var f vedette.Finding
		if err := json.Unmarshal(line, &f); err != nil {
			return nil, err
		}
		arrived[f.Credential] = f.Time
	}
	var took []time.Duration
	for _, r := range list {
		took = append(took, r.From.Sub(arrived[r.Credential]))
	}
	if len(took) != victims {
		return nil, fmt.Errorf("%d keys are frozen, not %d", len(took), victims)
	}
	return took, nil
}

// attack attacks every victim, under load. It returns the latencies, and those of the owners' calls before.
func (b *benches) attack(ctx context.Context, addr string) (took, owners []time.Duration, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for ctx.Err() == nil {
			b.load(ctx, addr, inlineRate)
		}
	}()
	time.Sleep(2 * loadWarmup)
	var mu sync.Mutex
	var errs []error
	next := make(chan int)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := range next {
				d, calls, err := attackOne(ctx, addr, fmt.Sprint("victim-", i))
				mu.Lock()
				took, owners, errs = append(took, d), append(owners, calls...), append(errs, err)
				mu.Unlock()
			}
		})
	}
	for i := range victims {
		next <- i
	}
	close(next)
	wg.Wait()
	return took, owners, errors.Join(errs...)
}

// attackOne forges calls with one key until its owner is refused. It returns the time between the
// sending of the last forged call before that, and the arrival of the first refusal: the way to the
// monitor and back counts.
func attackOne(ctx context.Context, addr, key string) (took time.Duration, owner []time.Duration, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	refused := make(chan time.Time, 1)
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			began := time.Now()
			if status, err := benchAccount(ctx, addr, key, benchSecret, n); err == nil && status == http.StatusForbidden {
				refused <- time.Now()
				return
			}
			owner = append(owner, time.Since(began))
			time.Sleep(probeEvery)
		}
	}()
	var sent []time.Time
	tick := time.NewTicker(forgeEvery)
	defer tick.Stop()
	for n := range maxForged {
		select {
		case at := <-refused:
			i := len(sent) - 1
			for i >= 0 && sent[i].After(at) {
				i--
			}
			if i < 0 {
				return 0, nil, fmt.Errorf("%s was refused before anything happened", key)
			}
			return at.Sub(sent[i]), owner, nil
		case <-tick.C:
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
		sent = append(sent, time.Now())
		if _, err := benchAccount(ctx, addr, key, "another secret", n); err != nil {
			return 0, nil, err
		}
	}
	return 0, nil, fmt.Errorf("%s was never frozen", key)
}

// benchAccount sends a signed read and returns the status.
func benchAccount(ctx context.Context, addr, key, secret string, n int) (int, error) {
	query := fmt.Sprintf("omitZeroBalances=%d&recvWindow=5000&timestamp=%d", n, time.Now().UnixMilli())
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(query))
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/api/v3/account?"+query+"&signature="+hex.EncodeToString(m.Sum(nil)), nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("X-MBX-APIKEY", key)
	res, err := benchClient.Do(req)
	if err != nil {
		return 0, err
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return res.StatusCode, nil
}

var benchClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4 * atOnce}}
