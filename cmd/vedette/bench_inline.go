package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vedette/api"
	"vedette/internal/loadgen"
)

// measured is what the load generator prints.
type measured struct {
	Answered int     `json:"answered"`
	RPS      float64 `json:"rps"`
	Failed   int     `json:"failed"`
	P50      float64 `json:"p50"` // µs
	P99      float64 `json:"p99"`
	CPU      float64 `json:"-"` // of the proxy under test, µs a request
}

const (
	inlineConns = 32
	inlineRate  = 2000 // requests a second of the open loop
	loadWarmup  = 500 * time.Millisecond

	// syncedNginx is nginx beside a process that does to the disk what the ledger does, and no more: as many bytes,
	// synced as often. What it costs nginx's clients is the disk's and the kernel's, whoever asks for durability.
	syncedNginx = "nginx and a synced file"
	syncEvery   = 10 * time.Millisecond
	syncBytes   = 12 << 10 // 20 records of 600 bytes
)

// inline measures signed orders through the monitor, nginx, httputil and directly,
// each a process of its own, in turn, so that what disturbs the machine disturbs all.
func (b *benches) inline(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bench-inline-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var stops []func()
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	pids := map[string]int{}
	start := func(name string, cmd *exec.Cmd, addr func() (string, error)) (string, error) {
		defer func() {
			if cmd.Process != nil {
				pids[name] = cmd.Process.Pid
			}
		}()
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
	addrs := map[string]string{"direct": up}
	if addrs["httputil"], err = b.startRole(ctx, start, "httputil", up); err != nil {
		return err
	}
	if err = writeMonitor(dir, up, "", ""); err != nil {
		return err
	}
	if addrs["vedette"], err = b.startMonitor(ctx, start, dir); err != nil {
		return err
	}
	if addrs["nginx"], err = startNginx(ctx, start, dir, up); err != nil {
		return err
	}
	pids["vedette"] = pids["monitor"]
	addrs[syncedNginx], pids[syncedNginx] = addrs["nginx"], pids["nginx"]
	return b.compare(ctx, dir, addrs, pids)
}

type starter func(name string, cmd *exec.Cmd, addr func() (string, error)) (string, error)

// role is this binary, to play a part in a process of its own.
func (b *benches) role(ctx context.Context, role string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, self, append([]string{"bench", "-role", role}, args...)...), nil
}

// startRole starts this binary in a role; it prints its address first.
func (b *benches) startRole(ctx context.Context, start starter, role string, args ...string) (string, error) {
	cmd, err := b.role(ctx, role, args...)
	if err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	return start(role, cmd, func() (string, error) {
		line, err := bufio.NewReader(out).ReadString('\n')
		return strings.TrimSpace(line), err
	})
}

// writeMonitor configures the monitor as anybody would: verification, replay window,
// gate and ledger on, enforcing; with more configuration and keys.
func writeMonitor(dir, up, more, moreKeys string) error {
	conf := fmt.Sprintf("dir: %s/data\nmode: enforce\nops: \"\"\nlisteners:\n  - address: 127.0.0.1:0\nvenues:\n  - name: binance\n    upstream: http://%s\nkeys:\n  file: keys.yaml\n%s", dir, up, more)
	keys := "keys:\n  - id: key-1\n    venue: binance\n    scheme: hmac\n    secret: " + benchSecret + "\n    account: acct-1\n    permissions: [read, trade]\n" + moreKeys
	if err := os.WriteFile(filepath.Join(dir, "vedette.yaml"), []byte(conf), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "keys.yaml"), []byte(keys), 0o600)
}

// startMonitor starts the monitor of the folder.
func (b *benches) startMonitor(ctx context.Context, start starter, dir string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, self, "run", "-plain", "-c", filepath.Join(dir, "vedette.yaml"))
	return start("monitor", cmd, func() (string, error) {
		for range 200 {
			time.Sleep(50 * time.Millisecond)
			c, err := api.Dial(filepath.Join(dir, "data"))
			if err != nil {
				continue
			}
			var s api.Snapshot
			if err := c.Do(ctx, "GET", "/v1/status", "bench", nil, &s); err != nil {
				return "", err
			}
			return strings.TrimPrefix(s.Listening[0].URL, "http://"), nil
		}
		return "", errors.New("the monitor does not answer")
	})
}

func startNginx(ctx context.Context, start starter, dir, up string) (string, error) {
	bin, err := exec.LookPath("nginx")
	if err != nil {
		if bin = "/usr/sbin/nginx"; !exists(bin) {
			return "", errors.New("nginx is not installed: make bench installs it")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	l.Close()
	conf := fmt.Sprintf(`daemon off; worker_processes auto; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 4096; }
http {
 log_format j escape=json '{"t":"$msec","a":"$remote_addr","m":"$request_method","u":"$request_uri","s":$status,"k":"$http_x_mbx_apikey","rt":$request_time,"ut":"$upstream_response_time","b":$body_bytes_sent,"ua":"$http_user_agent"}';
 access_log %[1]s/access.log j;
 client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 keepalive_requests 100000000;
 upstream v { server %[2]s; keepalive 256; keepalive_requests 100000000; }
 server { listen %[3]s; location / { proxy_pass http://v; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } }
}`, dir, up, addr)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return "", err
	}
	return start("nginx", exec.CommandContext(ctx, bin, "-e", dir+"/error.log", "-p", dir, "-c", file), func() (string, error) {
		for range 100 {
			if c, err := net.Dial("tcp", addr); err == nil {
				c.Close()
				return addr, nil
			}
			time.Sleep(20 * time.Millisecond)
		}
		return "", errors.New("nginx does not listen")
	})
}

// cpuTime returns the processor seconds that a process and its children have used.
func cpuTime(pid int) float64 {
	if pid == 0 {
		return 0
	}
	total := 0.0
	list := []int{pid}
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)); err == nil {
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				list = append(list, n)
			}
		}
	}
	for _, p := range list {
		total += ownTime(p)
	}
	return total
}

// ownTime returns the processor seconds of a process alone.
func ownTime(pid int) (total float64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	const perSecond = 100 // USER_HZ
	for _, i := range []int{11, 12} {
		if n, err := strconv.ParseFloat(f[i], 64); err == nil {
			total += n / perSecond
		}
	}
	return total
}

// othersTime begins to measure how many processors are taken by what is none of the processes; what it returns tells.
func othersTime(pids ...int) func() float64 {
	began := time.Now()
	busy := func() (total float64) {
		b, err := os.ReadFile("/proc/stat")
		if err != nil {
			return 0
		}
		line, _, _ := strings.Cut(string(b), "\n")
		const perSecond = 100 // USER_HZ
		for i, f := range strings.Fields(line) {
			if n, err := strconv.ParseFloat(f, 64); err == nil && i <= 8 && i != 4 && i != 5 { // not idle, not waiting for a disk
				total += n / perSecond
			}
		}
		for _, pid := range pids {
			total -= ownTime(pid)
		}
		return total
	}
	before := busy()
	return func() float64 { return max(0, busy()-before) / time.Since(began).Seconds() }
}

func exists(name string) bool { _, err := os.Stat(name); return err == nil }

// compare runs the rounds and tells the medians of the rounds' ratios.
func (b *benches) compare(ctx context.Context, dir string, addrs map[string]string, pids map[string]int) error {
	names := []string{"direct", "nginx", syncedNginx, "vedette", "httputil"}
	closed, open := map[string][]measured{}, map[string][]measured{}
	for round := range b.rounds {
		for i := range names {
			name := names[(i+round)%len(names)] // nobody is always first
			c, o, err := b.loads(ctx, dir, name, addrs[name], pids[name])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if c.Failed > 0 || o.Failed > 0 {
				return fmt.Errorf("%s: %d requests failed", name, c.Failed+o.Failed)
			}
			closed[name], open[name] = append(closed[name], c), append(open[name], o)
		}
	}
	rps := func(m measured) float64 { return m.RPS }
	p99 := func(m measured) float64 { return m.P99 }
	p50 := func(m measured) float64 { return m.P50 }
	for _, name := range names {
		f := figure{Bench: "inline", Case: name + ", 32 connections", Value: median(each(closed[name], rps)), Unit: "requests/s", Against: "nginx", Ratio: ratio(closed, name, rps)}
		if name == "vedette" {
			f.Goal, f.Met = ">= 0.7 of nginx", f.Ratio >= 0.7
		}
		b.tell(f)
	}
	for _, name := range []string{"nginx", "vedette", "httputil"} {
		cpu := func(m measured) float64 { return m.CPU }
		b.tell(figure{Bench: "inline", Case: name + ", CPU time a request", Value: median(each(closed[name], cpu)), Unit: "µs", Against: "nginx", Ratio: ratio(closed, name, cpu)})
	}
	for _, name := range names {
		f := figure{Bench: "inline", Case: name + ", p99 at 2,000/s", Value: median(each(open[name], p99)), Unit: "µs", Against: "nginx", Ratio: ratio(open, name, p99)}
		if name == "vedette" {
			f.Goal, f.Met = "<= 1.25 of nginx", f.Ratio <= 1.25
		}
		b.tell(f)
		if name == "vedette" {
			synced := make([]float64, b.rounds)
			for i := range synced {
				synced[i] = p99(open[name][i]) / p99(open[syncedNginx][i])
			}
			b.tell(figure{Bench: "inline", Case: name + ", p99 at 2,000/s", Value: f.Value, Unit: "µs", Against: syncedNginx, Ratio: median(synced)})
		}
		b.tell(figure{Bench: "inline", Case: name + ", p50 at 2,000/s", Value: median(each(open[name], p50)), Unit: "µs", Against: "nginx", Ratio: ratio(open, name, p50)})
	}
	return nil
}

// loads measures one of the compared in both loops.
func (b *benches) loads(ctx context.Context, dir, name, addr string, pid int) (closed, open measured, err error) {
	if name == syncedNginx {
		cmd, err := b.role(ctx, "sync", filepath.Join(dir, "synced"))
		if err != nil {
			return closed, open, err
		}
		if err := cmd.Start(); err != nil {
			return closed, open, err
		}
		defer func() { cmd.Process.Kill(); cmd.Wait() }()
	}
	before := cpuTime(pid)
	if closed, err = b.load(ctx, addr, 0); err != nil {
		return closed, open, err
	}
	closed.CPU = (cpuTime(pid) - before) * 1e6 / float64(max(closed.Answered, 1))
	open, err = b.load(ctx, addr, inlineRate)
	return closed, open, err
}

// playSync appends to a file and syncs it until it is killed.
func playSync(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	record := make([]byte, syncBytes)
	for {
		time.Sleep(syncEvery)
		if _, err := f.Write(record); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
}

func each(list []measured, f func(measured) float64) []float64 {
	out := make([]float64, len(list))
	for i, m := range list {
		out[i] = f(m)
	}
	return out
}

// ratio is the median over the rounds of name's figure by nginx's of the same round.
func ratio(all map[string][]measured, name string, f func(measured) float64) float64 {
	var r []float64
	for i, m := range all[name] {
		if n := f(all["nginx"][i]); n > 0 {
			r = append(r, f(m)/n)
		}
	}
	return median(r)
}

// load runs the generator in a process of its own.
func (b *benches) load(ctx context.Context, addr string, rate float64) (m measured, err error) {
	out, err := b.child(ctx, "load", addr, fmt.Sprint(rate), b.length.String())
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal([]byte(out), &m)
}

// child runs this binary in a role until it ends, and returns what it prints.
func (b *benches) child(ctx context.Context, role string, args ...string) (string, error) {
	cmd, err := b.role(ctx, role, args...)
	if err != nil {
		return "", err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// playRole is a part of the bench in a process of its own.
func playRole(ctx context.Context, e *env, role string, args []string) error {
	switch {
	case role == "memory":
		return fillMemory(e)
	case role == "load" && len(args) == 3:
		return playLoad(e, args)
	case role == "stream" && len(args) == 2:
		return playStream(ctx, e, args)
	case role == "direct" && len(args) == 2:
		return playDirect(ctx, e, args)
	case role == "sync" && len(args) == 1:
		return playSync(args[0])
	case role == "upstream", role == "httputil" && len(args) == 1:
	default:
		return usagef("unknown role %q", role)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { l.Close() })
	fmt.Fprintln(e.stdout, l.Addr())
	if role == "upstream" {
		const body = `{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","status":"NEW"}`
		loadgen.Upstream(l, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\nx-mbx-used-weight-1m: 1\r\n\r\n%s", len(body), body))
		return nil
	}
	rp := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: args[0]})
	rp.Transport = &http.Transport{MaxIdleConnsPerHost: 256}
	if err := http.Serve(l, rp); ctx.Err() == nil {
		return err
	}
	return nil
}

func playLoad(e *env, args []string) error {
	runtime.GOMAXPROCS(2 * inlineConns)
	rate, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return err
	}
	length, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	r, err := loadgen.Run(loadgen.Options{Addr: args[0], Conns: inlineConns, Rate: rate, Warmup: loadWarmup, For: length, Request: func(i int, dst []byte) []byte {
		return appendOrder(dst, "key-1", i)
	}})
	if err != nil {
		return err
	}
	m := measuredOf(r)
	m.Answered = r.Requests * int(length+loadWarmup) / int(length)
	return json.NewEncoder(e.stdout).Encode(m)
}

// appendOrder appends the i-th signed order of a key, as a whole request.
func appendOrder(dst []byte, key string, i int) []byte {
	body := benchOrder(i, time.Now())
	dst = fmt.Appendf(dst, "POST /api/v3/order HTTP/1.1\r\nHost: api.binance.com\r\nX-MBX-APIKEY: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"User-Agent: bench/1.0\r\nAccept: */*\r\nContent-Length: %d\r\n\r\n", key, len(body))
	return append(dst, body...)
}

func measuredOf(r *loadgen.Result) measured {
	us := func(q float64) float64 { return float64(r.Latency.Quantile(q)) / 1e3 }
	return measured{Answered: r.Requests, RPS: r.PerSecond(), Failed: r.Failed, P50: us(.5), P99: us(.99)}
}
