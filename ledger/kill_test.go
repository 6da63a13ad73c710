package ledger

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// killEnv makes the test binary the process that TestKill kills.
const (
	killEnv  = "VEDETTE_LEDGER_KILL"
	killSync = "VEDETTE_LEDGER_KILL_SYNC"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killEnv); dir != "" {
		killed(dir)
	}
	os.Exit(m.Run())
}

func killConfig(dir string) (Config, error) {
	skey, vkey, err := note.GenerateKey(&seeded{1}, testOrigin)
	if err != nil {
		return Config{}, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return Config{}, err
	}
	verifier, err := note.NewVerifier(vkey)
	return Config{Dir: dir, Signer: signer, Verifiers: note.VerifierList(verifier), SegmentBytes: 2 << 20,
		MaxDelay: 2 * time.Millisecond}, err
}

// killed appends from several goroutines and prints what was acknowledged, for ever.
func killed(dir string) {
	cfg, err := killConfig(dir)
	cfg.Sync = os.Getenv(killSync) != ""
	var l *Ledger
	if err == nil {
		l, _, err = Open(cfg)
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	for g := range 4 {
		go func() {
			var told []string // acknowledged when the last of them is
			for i := 0; ; i++ {
				rec := fmt.Appendf(nil, "%d %d %d %0*d", os.Getpid(), g, i, i*i*37%3000, 0)
				pos, err := l.Append(rec)
				told = append(told, fmt.Sprintf("ack %d %x\n", pos, sha256.Sum256(rec)))
				if err == nil && i%(1<<(4*g)) == 0 {
					if err = l.Wait(context.Background(), pos); err == nil {
						mu.Lock()
						fmt.Print(strings.Join(told, ""))
						mu.Unlock()
						told = told[:0]
					}
				}
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
			}
		}()
	}
	select {}
}

// TestKill kills a process under load with SIGKILL at random moments. Each time the ledger
// verifies, before and after it is opened again, and nothing acknowledged is missing.
func TestKill(t *testing.T) {
	kills := 10
	if soak() {
		kills = 200
	}
	torn, told := 0, 0
	for i := range kills / 5 {
		dir := t.TempDir() // so that the checks do not take longer and longer
		acked := map[uint64]string{}
		for range 5 {
			killOnce(t, dir, i%2 == 0, acked)
			torn += checkKilled(t, dir, acked)
		}
		told += len(acked)
		os.RemoveAll(dir)
	}
	if told == 0 {
		t.Error("no record was acknowledged")
	}
	t.Logf("%d kills, %d records acknowledged, %d torn ends", kills, told, torn)
}

func killOnce(t *testing.T, dir string, sync bool, acked map[uint64]string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killEnv+"="+dir)
	if sync {
		cmd.Env = append(cmd.Env, killSync+"=1")
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var after *time.Timer
	for lines.Scan() {
		if after == nil { // the load is on
			after = time.AfterFunc(time.Duration(rand.IntN(80_000))*time.Microsecond, func() { cmd.Process.Kill() })
		}
		var pos uint64
		var hash string
		if n, _ := fmt.Sscanf(lines.Text(), "ack %d %s", &pos, &hash); n != 2 || len(hash) != 64 {
			if strings.HasPrefix(lines.Text(), "error") {
				t.Fatal(lines.Text())
			}
			continue // the line that the kill cut off
		}
		if other, known := acked[pos]; known && other != hash {
			t.Fatalf("position %d was given out twice", pos)
		}
		acked[pos] = hash
	}
	if after == nil {
		cmd.Process.Kill()
	}
	cmd.Wait()
}

func checkKilled(t *testing.T, dir string, acked map[uint64]string) (torn int) {
	cfg, err := killConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	opt := VerifyOptions{Origin: testOrigin, Verifiers: cfg.Verifiers}
	r, err := Verify(dir, opt)
	if err != nil || !r.Whole() {
		t.Fatalf("before opening: %v %v", r.Problems, err)
	}
	l, repair, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err = Verify(dir, opt); err != nil || !r.OK() {
		t.Fatalf("after opening: %v %v", r.Problems, err)
	}
	found := 0
	err = l.Read(0, l.Size(), func(pos uint64, rec []byte) error {
		if hash, ok := acked[pos]; ok {
			found++
			if sum := sha256.Sum256(rec); hash != hex.EncodeToString(sum[:]) {
				return fmt.Errorf("record %d is another than was acknowledged", pos)
			}
		}
		return nil
	})
	if err != nil || found != len(acked) {
		t.Fatalf("%d of %d acknowledged records found: %v", found, len(acked), err)
	}
	if repair.TornFile != "" {
		torn = 1
		if _, err := os.Stat(dir + "/" + repair.TornFile); errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s is not there", repair.TornFile)
		}
	}
	return torn
}

// TestRealFull fills a real file system of 2 MiB, which needs the right to mount one.
func TestRealFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("vedette-test", dir, "tmpfs", 0, "size=2m"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("cannot mount a small file system: %v", err)
		}
		t.Skipf("cannot mount a small file system, so the simulated one of TestFull has to do: %v", err)
	}
	defer syscall.Unmount(dir, 0)
	cfg, err := killConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Sync = true
	l, _ := mustOpen(t, cfg)
	ballast := dir + "/ballast"
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n < 100_000; n++ {
		pos, aerr := l.Append(make([]byte, 1000))
		if aerr == nil {
			aerr = l.Wait(context.Background(), pos)
		}
		if err = aerr; err != nil {
			break
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d records: %v", n, err)
	}
	l.Lost(5)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); l.Stats().State != Ready || l.Stats().Queued > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not ready again: %+v", l.Stats())
		}
	}
	add(t, l, "after")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(dir, VerifyOptions{Origin: testOrigin, Verifiers: cfg.Verifiers})
	if err != nil || !r.OK() || r.Size < uint64(n)+2 {
		t.Fatalf("%d records acknowledged: %+v %v", n, r, err)
	}
}
