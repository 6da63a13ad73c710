//go:build unix

package proxy

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vedette/internal/loadgen"
)

// The comparison runs each part as a process of its own: this test binary again, told by
// roleEnv what to be.
const roleEnv = "VEDETTE_PROXY_ROLE"

func TestMain(m *testing.M) {
	role, arg, _ := strings.Cut(os.Getenv(roleEnv), " ")
	switch role {
	case "":
		os.Exit(m.Run())
	case "upstream":
		l := listenRole()
		loadgen.Upstream(l, []byte("HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: 110\r\nx-mbx-used-weight-1m: 1\r\n\r\n"+
			`{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","status":"NEW"}`+"    "[:4]))
	case "vedette":
		p, err := New(Config{Listeners: []Listener{{Addr: "127.0.0.1:0"}}, Monitor: allowAll{}, Loops: *testLoops,
			Venues: []Venue{{Name: "v", Dialect: testDialect, Upstream: "http://" + arg}}})
		if err != nil {
			panic(err)
		}
		fmt.Println(p.Addr("127.0.0.1:0"))
		ch := make(chan os.Signal, 1)
		signal.Notify(ch, syscall.SIGTERM)
		stop := profileRole()
		<-ch
		stop()
	case "httputil":
		l := listenRole()
		u, _ := url.Parse("http://" + arg)
		rp := httputil.NewSingleHostReverseProxy(u)
		rp.Transport = &http.Transport{MaxIdleConnsPerHost: 100}
		http.Serve(l, rp)
	case "load":
		runtime.GOMAXPROCS(64)
		var o loadgen.Options
		fields := strings.Fields(arg)
		o.Addr = fields[0]
		o.Conns, _ = strconv.Atoi(fields[1])
		o.Rate, _ = strconv.ParseFloat(fields[2], 64)
		o.Warmup, o.For = 500*time.Millisecond, 3*time.Second
		o.Request = benchRequest
		r, err := loadgen.Run(o)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		json.NewEncoder(os.Stdout).Encode(map[string]any{"rps": r.PerSecond(), "all": float64(r.Requests) * 3.5 / 3, "failed": r.Failed, "p50": r.Latency.Quantile(.5).Microseconds(),
			"p90": r.Latency.Quantile(.9).Microseconds(), "p99": r.Latency.Quantile(.99).Microseconds(), "p999": r.Latency.Quantile(.999).Microseconds()})
	}
	os.Exit(0)
}

func benchRequest(i int, dst []byte) []byte {
	const body = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
	dst = append(dst, "POST /api/v3/order HTTP/1.1\r\nHost: api.binance.com\r\nX-MBX-APIKEY: vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A\r\nContent-Type: application/x-www-form-urlencoded\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	return append(append(dst, "\r\n\r\n"...), body...)
}

func listenRole() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	return l
}

// cpu returns the processor time that a process and its children (nginx's workers) have used.
func cpu(pid int) time.Duration {
	var ticks int
	for _, p := range append([]string{strconv.Itoa(pid)}, children(pid)...) {
		b, _ := os.ReadFile("/proc/" + p + "/stat")
		_, after, _ := strings.Cut(string(b), ") ")
		if f := strings.Fields(after); len(f) > 12 {
			u, _ := strconv.Atoi(f[11])
			s, _ := strconv.Atoi(f[12])
			ticks += u + s
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func children(pid int) []string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	return strings.Fields(string(b))
}

// startRole starts a process and returns what it prints first, its address.
func startRole(t *testing.T, role string) (string, int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
	buf := make([]byte, 64)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatalf("%s: %v", role, err)
	}
	return strings.TrimSpace(string(buf[:n])), cmd.Process.Pid
}

func startNginx(t *testing.T, upstream string) (string, int) {
	bin, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("nginx is not installed")
	}
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	conf := fmt.Sprintf(`daemon off; worker_processes 2; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 4096; }
http {
 log_format j escape=json '{"t":"$msec","a":"$remote_addr","m":"$request_method","u":"$request_uri","s":$status,"k":"$http_x_mbx_apikey","rt":$request_time,"ut":"$upstream_response_time","b":$body_bytes_sent,"ua":"$http_user_agent"}';
 access_log %[1]s/access.log j;
 client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 keepalive_requests 100000000;
 upstream v { server %[2]s; keepalive 256; keepalive_requests 100000000; }
 server { listen %[3]s; location / { proxy_pass http://v; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } }
}`, dir, upstream, addr)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "-e", dir+"/error.log", "-p", dir, "-c", file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr, cmd.Process.Pid
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("nginx does not listen")
	return "", 0
}

func load(t *testing.T, addr string, conns int, rate float64) map[string]float64 {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=load %s %d %v", roleEnv, addr, conns, rate))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]float64{}
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return m
}

// TestCompare prints the figures of docs/performance.md: it measures, it does not judge.
func TestCompare(t *testing.T) {
	if os.Getenv("VEDETTE_COMPARE") == "" {
		t.Skip("set VEDETTE_COMPARE=1 to measure against nginx and net/http/httputil")
	}
	up, upPID := startRole(t, "upstream")
	type part struct {
		name, addr string
		pid        int
	}
	parts := []part{{"direct", up, upPID}}
	add := func(name string, start func() (string, int)) {
		if only := os.Getenv("VEDETTE_COMPARE_ONLY"); only == "" || strings.Contains(only, name) {
			addr, pid := start()
			parts = append(parts, part{name, addr, pid})
		}
	}
	add("nginx", func() (string, int) { return startNginx(t, up) })
	add("vedette", func() (string, int) { return startRole(t, "vedette "+up) })
	add("httputil", func() (string, int) { return startRole(t, "httputil "+up) })
	for round := range 3 {
		for _, p := range parts {
			for _, rate := range []float64{0, 2000} {
				before := cpu(p.pid)
				r := load(t, p.addr, 32, rate)
				used := cpu(p.pid) - before
				t.Logf("round %d %-9s rate %4.0f: %6.0f/s  p50 %5.0f  p90 %5.0f  p99 %5.0f  p99.9 %5.0f us, processor %5.1f us each, failed %.0f", round, p.name, rate,
					r["rps"], r["p50"], r["p90"], r["p99"], r["p999"], float64(used.Microseconds())/r["all"], r["failed"])
			}
		}
	}
}
