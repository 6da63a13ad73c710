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
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"vedette"
	"vedette/api"
	"vedette/internal/loadgen"
)

const (
	respondRates = "2000,20000"           // orders a second, others' than the victims', of each run
	traders      = 1000                   // keys that send them
	streamConns  = 64                     // connections that carry them
	victims      = 400                    // keys that are attacked
	atOnce       = 2                      // of them at a time
	probeEvery   = 200 * time.Microsecond // between two calls of a key's owner
	forgeEvery   = 20 * time.Millisecond  // between two forged calls, above any latency that would be good
	maxForged    = 100                    // calls until a freeze must have come
)

// respond measures how long after an attacker's call, that makes a playbook freeze the key, the first
// call with the key is refused, while others trade.
func (b *benches) respond(ctx context.Context) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2*atOnce + 2)) // threads that wait in the kernel
	for rate := range strings.SplitSeq(b.rates, ",") {
		if n, err := strconv.Atoi(rate); err != nil || n <= 0 {
			return usagef("-rate: %q is no number of calls a second", rate)
		}
		if err := errors.Join(b.respondAt(ctx, rate), b.respondDirect(ctx, rate)); err != nil {
			return fmt.Errorf("at %s/s: %w", rate, err)
		}
	}
	return nil
}

func (b *benches) respondAt(ctx context.Context, rate string) error {
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
	pids := []int{os.Getpid()}
	start := func(name string, cmd *exec.Cmd, addr func() (string, error)) (string, error) {
		if err := cmd.Start(); err != nil {
			return "", fmt.Errorf("cannot start %s: %w", name, err)
		}
		stops = append(stops, func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
		pids = append(pids, cmd.Process.Pid)
		return addr()
	}
	up, err := b.startRole(ctx, start, "upstream")
	if err != nil {
		return err
	}
	if err := writeRespond(dir, up); err != nil {
		return err
	}
	addr, err := b.startMonitor(ctx, start, dir)
	if err != nil {
		return err
	}
	seen, load, err := b.attack(ctx, addr, rate, pids)
	if err != nil {
		return err
	}
	told, err := readEpisodes(ctx, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	b.tellRespond(rate, seen, told, load)
	return nil
}

// writeRespond writes the configuration of a monitor that freezes keys by itself.
func writeRespond(dir, up string) error {
	const playbooks = "playbooks:\n  - name: forged\n    dry_run: false\n    at_most: 1000\n    match: {detector: access.forged_signature}\n    respond: [{do: freeze, subject: credential, for: 1h, approve: 0}]\n"
	if err := os.WriteFile(filepath.Join(dir, "playbooks.yaml"), []byte(playbooks), 0o600); err != nil {
		return err
	}
	var keys strings.Builder
	for name, n := range map[string]int{"victim": victims, "trader": traders} {
		for i := range n {
			fmt.Fprintf(&keys, "  - {id: %s-%d, venue: binance, scheme: hmac, secret: %s, permissions: [read, trade]}\n", name, i, benchSecret)
		}
	}
	return writeMonitor(dir, up, "respond:\n  playbooks: playbooks.yaml\n", keys.String())
}

// respondDirect is respondAt without a network.
func (b *benches) respondDirect(ctx context.Context, rate string) error {
	dir, err := os.MkdirTemp("", "bench-respond-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeRespond(dir, "127.0.0.1:1"); err != nil {
		return err
	}
	out, err := b.child(ctx, "direct", dir, rate)
	if err != nil {
		return err
	}
	var d direct
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		return err
	}
	due, _ := strconv.ParseFloat(rate, 64)
	b.tell(figure{Bench: "respond", Case: rate + "/s in process, orders judged", Value: d.Rate, Unit: "calls/s", Against: "what was due", Ratio: d.Rate / due})
	b.tell(figure{Bench: "respond", Case: rate + "/s in process, taken by other work", Value: d.Others, Unit: "processors"})
	for _, q := range []float64{.5, .99} {
		b.tell(latency(rate+"/s in process, arrival to refusal", d.Refused, q))
	}
	return nil
}

// tellRespond tells the figures of a run.
func (b *benches) tellRespond(rate string, seen *sights, told *episodes, load measured) {
	due, _ := strconv.ParseFloat(rate, 64)
	b.tell(figure{Bench: "respond", Case: rate + "/s, orders answered", Value: load.RPS, Unit: "calls/s", Against: "what was due", Ratio: load.RPS / due})
	b.tell(figure{Bench: "respond", Case: rate + "/s, taken by other work", Value: seen.others, Unit: "processors"})
	b.tell(figure{Bench: "respond", Case: rate + "/s, orders and probes recorded", Value: told.rate, Unit: "calls/s", Against: "orders due", Ratio: told.rate / due})
	for _, q := range []float64{.5, .99} {
		b.tell(latency(rate+"/s, arrival to in force", told.inForce, q))
		b.tell(latency(rate+"/s, arrival to refusal", told.refused, q))
		f := latency(rate+"/s, sent to refusal at client", seen.refused, q)
		f.Against, f.Ratio = "an ordinary call", f.Value/micros(seen.ordinary, q)
		b.tell(f)
	}
}

// latency is the figure of a quantile; there is a goal for p99.
func latency(name string, list []time.Duration, q float64) figure {
	f := figure{Bench: "respond", Case: fmt.Sprintf("%s, p%g", name, 100*q), Value: micros(list, q), Unit: "µs"}
	if q == .99 {
		f.Goal, f.Met = "<= 5000", f.Value <= 5000
	}
	return f
}

// micros is the nearest rank of a quantile.
func micros(list []time.Duration, q float64) float64 {
	slices.Sort(list)
	return float64(list[max(0, int(math.Ceil(q*float64(len(list))))-1)].Microseconds())
}

// episodes are what the monitor says of the attacks.
type episodes struct {
	inForce []time.Duration // from the arrival of the call that made a finding to the restriction
	refused []time.Duration // to the arrival of the first call that was refused for it
	rate    float64         // authentic calls a second, of all keys, from the first finding to the last
}

// readEpisodes reads the ledger and the restrictions.
func readEpisodes(ctx context.Context, data string) (*episodes, error) {
	c, err := api.Dial(data)
	if err != nil {
		return nil, err
	}
	var list []vedette.Restriction
	if err := c.Do(ctx, "GET", "/v1/restrictions", "bench", nil, &list); err != nil {
		return nil, err
	}
	time.Sleep(time.Second) // the disk has what came last
	reader, _, err := (&ledgers{f: &ledgerFlags{dir: data}}).reader()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	arrived, refused := map[string]time.Time{}, map[string]time.Time{}
	var calls, first, last int // authentic ones so far: in all, at the first finding, at the last
	var began, ended time.Time
	err = reader.Read(0, reader.Size(), func(_ uint64, record []byte) error {
		var r struct {
			Time                 time.Time
			Credential, Decision string
			Finding              *vedette.Finding
		}
		authentic := bytes.Contains(record, []byte(`"verdict":"authentic"`))
		switch {
		case bytes.HasPrefix(record, []byte(`{"event":"gap"`)):
			return fmt.Errorf("the detectors did not see all: %s", record)
		case bytes.HasPrefix(record, []byte(`{"event":"finding"`)):
			if err := json.Unmarshal(record, &r); err != nil || r.Finding.Detector != "access.forged_signature" {
				return err
			}
			if began.IsZero() {
				began, first = r.Time, calls
			}
			ended, last = r.Time, calls
			arrived[r.Finding.Credential] = r.Finding.Time
		case authentic && bytes.Contains(record, []byte(`"credential":"victim-`)) && bytes.Contains(record, []byte(`"decision":"deny"`)):
			if err := json.Unmarshal(record, &r); err != nil {
				return err
			}
			if _, ok := refused[r.Credential]; !ok {
				refused[r.Credential] = r.Time
			}
		}
		if authentic {
			calls++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	e := &episodes{rate: float64(last-first) / ended.Sub(began).Seconds()}
	for _, r := range list {
		if _, ok := refused[r.Credential]; !ok {
			return nil, fmt.Errorf("%s was frozen and no call of it was refused", r.Credential)
		}
		e.inForce = append(e.inForce, r.From.Sub(arrived[r.Credential]))
		e.refused = append(e.refused, refused[r.Credential].Sub(arrived[r.Credential]))
	}
	if len(list) != victims {
		return nil, fmt.Errorf("%d keys are frozen, not %d", len(list), victims)
	}
	return e, nil
}

// sights are what clients see of the attacks.
type sights struct {
	refused  []time.Duration // from the sending of the last forged call to the arrival of a refusal at the owner
	ordinary []time.Duration // how long the owners' calls took before
	others   float64         // processors that were taken by what is no part of the bench
}

// attack attacks every victim, under load.
func (b *benches) attack(ctx context.Context, addr, rate string, pids []int) (*sights, measured, error) {
	var load measured
	cmd, err := b.role(ctx, "stream", addr, rate)
	if err != nil {
		return nil, load, err
	}
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Start(); err != nil {
		return nil, load, fmt.Errorf("cannot start load: %w", err)
	}
	time.Sleep(2 * loadWarmup)
	others := othersTime(append(pids, cmd.Process.Pid)...)
	seen, err := attackAll(ctx, addr)
	if err == nil {
		seen.others = others()
	}
	cmd.Process.Signal(syscall.SIGTERM)
	if e := cmd.Wait(); e != nil {
		return nil, load, fmt.Errorf("the load ended: %w: %s", e, stderr.Bytes())
	}
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &load)
	}
	if err == nil && load.Failed > 0 {
		err = fmt.Errorf("%d orders of the load were refused", load.Failed)
	}
	return seen, load, err
}

func attackAll(ctx context.Context, addr string) (*sights, error) {
	var mu sync.Mutex
	var errs []error
	all := &sights{}
	next := make(chan int)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := range next {
				d, calls, err := attackOne(ctx, addr, fmt.Sprint("victim-", i))
				mu.Lock()
				all.refused, all.ordinary, errs = append(all.refused, d), append(all.ordinary, calls...), append(errs, err)
				mu.Unlock()
			}
		})
	}
	for i := range victims {
		next <- i
	}
	close(next)
	wg.Wait()
	return all, errors.Join(errs...)
}

// attackOne forges calls with one key, and calls as its owner without pause after each, until that is refused. It returns the time between
// the sending of the last forged call and the arrival of the first refusal: the way to the monitor and back counts. One thread does both,
// so that a client that waits for a processor does not pass for a monitor that is late, unless it waits just then.
func attackOne(ctx context.Context, addr, key string) (took time.Duration, ordinary []time.Duration, err error) {
	attacker, err := loadgen.Dial(addr)
	if err != nil {
		return 0, nil, err
	}
	defer attacker.Close()
	owner, err := loadgen.Dial(addr)
	if err != nil {
		return 0, nil, err
	}
	defer owner.Close()
	loadgen.Exact()
	probe := func(n int) (refused bool, err error) {
		request := benchRead(key, benchSecret, n)
		began := time.Now()
		status, err := owner.RoundTrip(request)
		switch {
		case err != nil:
			return false, err
		case status == http.StatusForbidden:
			return true, nil
		case status != http.StatusOK:
			return false, fmt.Errorf("%s: status %d", key, status)
		}
		ordinary = append(ordinary, time.Since(began))
		loadgen.SleepUntil(time.Now().Add(probeEvery))
		return false, ctx.Err()
	}
	if refused, err := probe(0); refused || err != nil {
		return 0, nil, fmt.Errorf("%s cannot call before anything happened: %w", key, err)
	}
	for n := range maxForged {
		request := benchRead(key, "another secret", n)
		sent := time.Now()
		if _, err := attacker.RoundTrip(request); err != nil {
			return 0, nil, err
		}
		for i := 1; i == 1 || time.Since(sent) < forgeEvery; i++ {
			refused, err := probe(1000*n + i)
			if refused || err != nil {
				return time.Since(sent), ordinary, err
			}
		}
	}
	return 0, nil, fmt.Errorf("%s was never frozen", key)
}

// benchRead returns a signed read as a whole request.
func benchRead(key, secret string, n int) []byte {
	return fmt.Appendf(nil, "GET /api/v3/account?%s HTTP/1.1\r\nHost: api.binance.com\r\nX-MBX-APIKEY: %s\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n", benchAccount(secret, n), key)
}

// benchAccount is the query of a signed read.
func benchAccount(secret string, n int) string {
	query := fmt.Sprintf("omitZeroBalances=%d&recvWindow=5000&timestamp=%d", n, time.Now().UnixMilli())
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(query))
	return query + "&signature=" + hex.EncodeToString(m.Sum(nil))
}

// playStream makes the background load until the context ends.
func playStream(ctx context.Context, e *env, args []string) error {
	rate, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return err
	}
	r, err := loadgen.Stream(loadgen.Options{Addr: args[0], Conns: streamConns, Rate: rate, Warmup: loadWarmup, Request: func(i int, dst []byte) []byte {
		return appendOrder(dst, fmt.Sprint("trader-", i%traders), i)
	}}, ctx.Done())
	if err != nil {
		return err
	}
	return json.NewEncoder(e.stdout).Encode(measuredOf(r))
}
