package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vedette/api"
	"vedette/sim/simtest"
)

// program is the path of the binary under test, built once with the race detector.
var program string

// soak asks for the long runs.
var soak = os.Getenv("VEDETTE_SOAK") != ""

func TestMain(m *testing.M) { os.Exit(withBinary(m.Run)) }

func withBinary(run func() int) int {
	dir, err := os.MkdirTemp("", "vedette-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "vedette")
	os.Setenv("GORACE", "atexit_sleep_ms=0") // else every command ends a second late
	if out, err := exec.Command("go", "build", "-race", "-o", program, "vedette/cmd/vedette").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build: %v\n%s", err, out)
		return 1
	}
	return run()
}

// patience bounds every wait for something that normally takes milliseconds: the
// machine may be busy, and the program runs under the race detector.
const patience = 90 * time.Second

// setup is what a monitor is started with.
type setup struct {
	venue *simtest.Venue
	mode  string // enforce if empty
	dir   string // data folder; one of its own if empty
	venueYAML,
	yaml string // more configuration of the venue, and at the top level
	noKeys bool
	env    []string
}

// monitor is the program as a process.
type monitor struct {
	t      testing.TB
	venue  *simtest.Venue
	home   string // of the configuration and the keys file
	dir    string // data folder
	config string
	env    []string

	cmd    *exec.Cmd
	log    string // file of stdout and stderr, over all starts
	waited chan error
	url    string // of the venue behind the monitor
	ops    string
}

// newMonitor writes the configuration; start starts it.
func newMonitor(t testing.TB, s setup) *monitor {
	t.Helper()
	home, err := os.MkdirTemp("", "e2e-") // t.TempDir makes names too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	m := &monitor{t: t, venue: s.venue, home: home, dir: s.dir, config: filepath.Join(home, "vedette.yaml"), env: s.env, log: filepath.Join(home, "log")}
	if m.dir == "" {
		m.dir = filepath.Join(home, "data")
	}
	t.Cleanup(func() {
		m.kill()
		m.checkLog()
		if t.Failed() {
			b, _ := os.ReadFile(m.log)
			t.Logf("the monitor said:\n%s", b[max(0, len(b)-8<<10):])
		}
		os.RemoveAll(home)
	})
	m.configure(s)
	return m
}

// memoryDir is a folder in memory, where no other program keeps the disk busy; one
// on disk where there is none. What kill -9 leaves is the same in both.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "e2e-")
	if err != nil {
		dir, err = os.MkdirTemp("", "e2e-")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// configure writes vedette.yaml anew.
func (m *monitor) configure(s setup) {
	m.t.Helper()
	if s.mode == "" {
		s.mode = "enforce"
	}
	upstream := "http://127.0.0.1:1"
	if s.venue != nil {
		upstream = s.venue.URL
	}
	keys := ""
	if !s.noKeys && s.venue != nil {
		keys = "keys:\n  file: keys.yaml\n"
		write(m.t, filepath.Join(m.home, "keys.yaml"), keysYAML(s.venue.Keys...))
	}
	if !strings.Contains(s.yaml, "replay:") {
		s.yaml += "replay:\n  entries: 65536\n" // the default takes a moment to reserve
	}
	if !strings.Contains(s.yaml, "rules:") {
		s.yaml += "rules: {pack: false}\n" // the stories are told of the built-in detectors
	}
	write(m.t, m.config, fmt.Sprintf("dir: %s\nmode: %s\nops: 127.0.0.1:0\nlisteners:\n  - address: 127.0.0.1:0\nvenues:\n  - name: binance\n    upstream: %s\n%s%s%s",
		m.dir, s.mode, upstream, s.venueYAML, keys, s.yaml))
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func keysYAML(keys ...simtest.Key) string {
	var b strings.Builder
	b.WriteString("keys:\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "  - id: %s\n    venue: binance\n    scheme: %s\n", k.ID, k.Scheme)
		if k.PublicKey == "" {
			fmt.Fprintf(&b, "    secret: %s\n", k.Secret)
		} else {
			fmt.Fprintf(&b, "    public_key: |\n      %s\n", strings.ReplaceAll(strings.TrimSpace(k.PublicKey), "\n", "\n      "))
		}
		fmt.Fprintf(&b, "    account: %s\n    permissions: [read, trade, withdraw]\n    withdraw_allow: [%s]\n", k.Account, simtest.Allowed)
	}
	return b.String()
}

var (
	clientURL = regexp.MustCompile(`(?m)^binance\s+(http://\S+) -> `)
	opsURL    = regexp.MustCompile(`(?m)^page, /metrics, /healthz  (http://\S+)/$`)
)

// start starts the program and waits until it says where it listens.
func (m *monitor) start() *monitor {
	m.t.Helper()
	if err := m.tryStart(); err != nil {
		m.t.Fatal(err)
	}
	return m
}

func (m *monitor) tryStart() error {
	out, err := os.OpenFile(m.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	before, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	m.cmd = exec.Command(program, "run", "-c", m.config, "-plain")
	m.cmd.Stdout, m.cmd.Stderr = out, out
	m.cmd.Env = append(os.Environ(), m.env...)
	if err := m.cmd.Start(); err != nil {
		return err
	}
	waited, cmd := make(chan error, 1), m.cmd
	m.waited = waited
	go func() { waited <- cmd.Wait() }()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		b, _ := os.ReadFile(m.log)
		b = b[min(int(before), len(b)):]
		client, ops := clientURL.FindSubmatch(b), opsURL.FindSubmatch(b)
		if client != nil && ops != nil {
			m.url, m.ops = string(client[1]), string(ops[1])
			return nil
		}
		select {
		case err := <-waited:
			m.cmd = nil
			return fmt.Errorf("the monitor does not start: %w\n%s", err, b)
		default:
		}
		if time.Now().After(end) {
			m.kill()
			return fmt.Errorf("the monitor does not start in %v\n%s", patience, b)
		}
	}
}

// stop ends the program as an operator does, and expects a clean end.
func (m *monitor) stop() {
	m.t.Helper()
	if m.cmd == nil {
		return
	}
	m.cmd.Process.Signal(syscall.SIGTERM)
	if err := m.wait(); err != nil {
		m.t.Errorf("the monitor ended with %v", err)
	}
}

func (m *monitor) wait() error {
	m.t.Helper()
	cmd := m.cmd
	m.cmd = nil
	select {
	case err := <-m.waited:
		return err
	case <-time.After(patience):
		cmd.Process.Signal(syscall.SIGQUIT) // shows where it hangs
		<-m.waited
		return fmt.Errorf("did not end in %v", patience)
	}
}

// kill ends the program as the kernel does.
func (m *monitor) kill() {
	if m.cmd != nil {
		m.cmd.Process.Kill()
		<-m.waited
		m.cmd = nil
	}
}

// checkLog fails the test if the program showed a bug of its own.
func (m *monitor) checkLog() {
	b, _ := os.ReadFile(m.log)
	for _, bug := range []string{"DATA RACE", "BUG:", "panic:", "fatal error:", "monitor panicked"} {
		if i := bytes.Index(b, []byte(bug)); i >= 0 {
			m.t.Errorf("the log of the monitor holds %q:\n%s", bug, b[max(0, i-200):min(len(b), i+4000)])
		}
	}
}

// tail is the end of the log.
func (m *monitor) tail() string {
	b, _ := os.ReadFile(m.log)
	return string(b[max(0, len(b)-2000):])
}

// said reports whether the log holds the text by now.
func (m *monitor) said(text string) bool {
	b, _ := os.ReadFile(m.log)
	return bytes.Contains(b, []byte(text))
}

// run runs another command of the program.
func (m *monitor) run(args ...string) (stdout, stderr string, code int) {
	m.t.Helper()
	return command(m.t, m.env, "", args...)
}

func command(t testing.TB, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr, c.Stdin = &out, &errs, strings.NewReader(stdin)
	c.Env = append(os.Environ(), env...)
	err := c.Run()
	if c.ProcessState == nil {
		t.Fatalf("cannot run vedette %q: %v", args, err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// must runs a command that must succeed and returns its standard output.
func (m *monitor) must(args ...string) string {
	m.t.Helper()
	out, errs, code := m.run(args...)
	if code != 0 {
		m.t.Fatalf("vedette %q ended with %d: %s%s", args, code, out, errs)
	}
	return out
}

// record is a record of the ledger, with the fields that tests look at.
type record struct {
	Position    uint64
	Raw         json.RawMessage
	Event       string
	Time        time.Time
	Protocol    string
	Client      string
	Credential  string
	Method      string
	Path        string
	Operation   string
	Status      int
	Verdict     string
	Reasons     []string
	Decision    string
	Why         string    `json:"decision_reason"`
	WouldDeny   bool      `json:"would_deny"`
	Hash        string    `json:"signature_hash"`
	Claimed     time.Time `json:"claimed_time"`
	ClientOrder string    `json:"client_order_id"`
	TargetOrder string    `json:"target_order_id"`
	What        string
	Detail      struct{ Subject string }
	By          string
	Lost        uint64
	Kind        string
}

func (r *record) String() string { return string(r.Raw) }

// records reads the ledger, also of a monitor that runs.
func (m *monitor) records() []record { m.t.Helper(); return m.recordsFrom(0) }

func (m *monitor) recordsFrom(n uint64) []record {
	m.t.Helper()
	var list []record
	dec := json.NewDecoder(strings.NewReader(m.must("ledger", "read", "-dir", m.dir, "-from", fmt.Sprint(n))))
	for dec.More() {
		var line struct {
			Position uint64
			Record   json.RawMessage
		}
		if err := dec.Decode(&line); err != nil {
			m.t.Fatalf("cannot read ledger: %v", err)
		}
		r := record{Position: line.Position, Raw: line.Record}
		if err := json.Unmarshal(line.Record, &r); err != nil {
			m.t.Fatalf("cannot read record %s: %v", line.Record, err)
		}
		list = append(list, r)
	}
	return list
}

// calls are the records of calls.
func (m *monitor) calls() []record {
	m.t.Helper()
	var list []record
	for _, r := range m.records() {
		if r.Event == "call" {
			list = append(list, r)
		}
	}
	return list
}

// report is what ledger verify says.
type report struct {
	Size     uint64
	Live     bool
	Problems []problem
}

type problem struct {
	Kind, File, Detail string
	Offset             int64
	Position           uint64
	Repairable         bool
}

// verify verifies the ledger and returns the exit code too.
func (m *monitor) verify(args ...string) (r report, code int) {
	m.t.Helper()
	out, errs, code := m.run(append([]string{"ledger", "verify", "-json", "-dir", m.dir}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		m.t.Fatalf("ledger verify: %v: %s%s", err, out, errs)
	}
	return r, code
}

// verified expects a ledger without any problem.
func (m *monitor) verified() uint64 {
	m.t.Helper()
	r, code := m.verify()
	if code != 0 || len(r.Problems) > 0 {
		m.t.Errorf("ledger verify ends with %d: %+v", code, r.Problems)
	}
	return r.Size
}

// status asks the control socket.
func (m *monitor) status() (s api.Snapshot) {
	m.t.Helper()
	c, err := api.Dial(m.dir)
	if err == nil {
		err = c.Do(context.Background(), "GET", "/v1/status", "test", nil, &s)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// figure returns the value of a metric, as /metrics prints it with its labels.
func (m *monitor) figure(name string) float64 {
	m.t.Helper()
	_, text := m.get("/metrics")
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "vedette_"+name+" "); ok {
			var f float64
			if _, err := fmt.Sscan(v, &f); err == nil {
				return f
			}
		}
	}
	m.t.Fatalf("no metric %s", name)
	return 0
}

// get asks the ops address.
func (m *monitor) get(path string) (status int, body string) {
	m.t.Helper()
	c := http.Client{Timeout: patience}
	res, err := c.Get(m.ops + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}

// receiver collects webhook deliveries.
type receiver struct {
	mu   sync.Mutex
	list []delivery
}

type delivery struct {
	id, stamp, signature string
	body                 []byte
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	b, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	r.list = append(r.list, delivery{q.Header.Get("webhook-id"), q.Header.Get("webhook-timestamp"), q.Header.Get("webhook-signature"), b})
	n := len(r.list)
	r.mu.Unlock()
	if n == 1 {
		w.WriteHeader(http.StatusServiceUnavailable) // the first delivery must be tried again
	}
}

func (r *receiver) all() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery(nil), r.list...)
}
