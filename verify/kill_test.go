package verify

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain lends the test binary to the tests that need a process of their own.
func TestMain(m *testing.M) {
	switch dir := os.Getenv("VEDETTE_VERIFY_DIR"); os.Getenv("VEDETTE_VERIFY_CHILD") {
	case "kill":
		killChild(dir)
	case "memory":
		memoryChild(dir)
	default:
		os.Exit(m.Run())
	}
}

const (
	killWindow  = 1 << 16
	killWindows = 64 // credentials with nonces
)

// killChild uses signatures and nonces as fast as it can, and reports each only after
// the use returned. Somebody will kill it.
func killChild(dir string) {
	w, err := OpenWindow(filepath.Join(dir, "replay"), killWindow)
	if err != nil {
		fmt.Println("!", err)
		os.Exit(1)
	}
	n, err := OpenNonces(dir, killWindows, 1)
	if err != nil {
		fmt.Println("!", err)
		os.Exit(1)
	}
	high, err := OpenNonces(filepath.Join(dir, "high"), killWindows, 100)
	if err != nil {
		fmt.Println("!", err)
		os.Exit(1)
	}
	from, _ := strconv.Atoi(os.Getenv("VEDETTE_VERIFY_FROM"))
	for i := from; ; i++ {
		if seen, ref := w.use(&use{key: numbered(i), content: 1, changes: true, now: epoch, until: epoch.Add(time.Hour), fixed: true}); seen != SeenNever {
			fmt.Println("!", i, seen)
			os.Exit(1)
		} else if i%2 == 0 {
			w.Answered(ref)
		}
		if err := n.use(numbered(i%killWindows), uint64(i+1), 0, epoch); err != nil {
			fmt.Println("!", i, err)
			os.Exit(1)
		}
		if err := high.use(numbered(i%killWindows), uint64(i+1), 0, epoch); err != nil {
			fmt.Println("!", i, err)
			os.Exit(1)
		}
		os.Stdout.WriteString(strconv.Itoa(i) + "\n") // a write of its own: what the pipe holds was used
	}
}

// TestKill kills a process that uses the window, again and again at random moments:
// the next one knows every signature and nonce that was reported.
func TestKill(t *testing.T) {
	rounds := 10
	if os.Getenv("VEDETTE_SOAK") != "" {
		rounds = 200
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "high"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	next, fresh := 0, 0
	for round := range rounds {
		if next-fresh > killWindow/2 { // the entries last an hour: start anew before it is full
			if err := os.Remove(filepath.Join(dir, "replay")); err != nil {
				t.Fatal(err)
			}
			fresh = next
		}
		last := killOne(t, dir, next, time.Duration(r.IntN(40_000))*time.Microsecond)
		checkKilled(t, dir, round, next, last)
		next = last + 2 // the one after the last report may have been used
	}
	t.Logf("%d kills, %d uses", rounds, next)
}

// killOne runs the child until it is killed and returns the last number it reported.
func killOne(t *testing.T, dir string, from int, after time.Duration) int {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "VEDETTE_VERIFY_CHILD=kill", "VEDETTE_VERIFY_DIR="+dir, "VEDETTE_VERIFY_FROM="+strconv.Itoa(from))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	last := from - 1
	in := bufio.NewScanner(out)
	for in.Scan() {
		if strings.HasPrefix(in.Text(), "!") {
			t.Error(in.Text())
			break
		}
		n, err := strconv.Atoi(in.Text())
		if err != nil {
			break // cut by the kill
		}
		if last = n; n == from {
			time.AfterFunc(after, func() { _ = c.Process.Kill() })
		}
		if n-from > 3000 {
			_ = c.Process.Kill()
		}
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	return last
}

func checkKilled(t *testing.T, dir string, round, from, last int) {
	t.Helper()
	w := openWindow(t, filepath.Join(dir, "replay"), killWindow)
	defer w.Close()
	n, err := OpenNonces(dir, killWindows, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	high, err := OpenNonces(filepath.Join(dir, "high"), killWindows, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer high.Close()
	for i := from; i <= last; i++ {
		u := &use{key: numbered(i), content: 1, source: 99, changes: true, now: epoch.Add(time.Second), until: epoch.Add(time.Hour), fixed: true}
		if seen, _ := w.use(u); seen != SeenAgain {
			t.Fatalf("round %d: signature %d of %d to %d: %d", round, i, from, last, seen)
		}
		if err := n.use(numbered(i%killWindows), uint64(i+1), 0, epoch); err != errNonceReused && err != errNonceRegressed {
			t.Fatalf("round %d: nonce %d: %v", round, i, err)
		}
		if err := high.use(numbered(i%killWindows), uint64(i+1), 0, epoch); err != errNonceReused && err != errNonceRegressed {
			t.Fatalf("round %d: one of the highest nonces, %d: %v", round, i, err)
		}
	}
}
