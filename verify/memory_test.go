package verify

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/keyring"
	"vedette/venue"
)

const (
	memoryKeys    = 100_000
	memoryEntries = 1 << 20
	memoryLimit   = 256 // MiB
)

// memoryChild fills a keyring and a window, and prints its resident memory in KiB.
func memoryChild(dir string) {
	ring := keyring.New(KeyOptions(venue.All))
	for i := range memoryKeys {
		id := fmt.Sprintf("%064x", i)
		err := ring.Add(keyring.Spec{Credential: vedette.Credential{ID: id, Venue: "binance", Account: "acct-" + id[50:], Owner: "owner-" + id[50:], Permissions: vedette.PermRead | vedette.PermTrade},
			Scheme: "hmac", Secrets: keyring.Secrets{Secret: keyring.NewSecret(id)}}, epoch)
		if err != nil {
			panic(err)
		}
	}
	w, err := OpenWindow(filepath.Join(dir, "replay"), memoryEntries)
	if err != nil {
		panic(err)
	}
	for i := range memoryEntries {
		if seen, _ := w.use(&use{key: numbered(i), content: 1, now: epoch, until: epoch.Add(time.Minute), fixed: true}); seen != SeenNever {
			panic(fmt.Sprint("entry ", i, " seen ", seen))
		}
	}
	if st := w.Stats(epoch); st.Live != memoryEntries {
		panic(fmt.Sprint(st))
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s", status)
	fmt.Println("credentials", ring.Len())
}

// TestMemory: 100,000 credentials and a window of a million signatures, full, fit
// 256 MiB of resident memory, mapped file and its high-water mark included.
func TestMemory(t *testing.T) {
	if os.Getenv("VEDETTE_SOAK") == "" {
		t.Skip("takes seconds: set VEDETTE_SOAK=1")
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "VEDETTE_VERIFY_CHILD=memory", "VEDETTE_VERIFY_DIR="+t.TempDir())
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(strings.TrimSuffix(value, "kB"))
		if name != "VmHWM" && name != "VmRSS" && name != "RssFile" && name != "RssShmem" && name != "RssAnon" {
			continue
		}
		kib, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(line)
		}
		t.Logf("%s %d MiB", name, kib/1024)
		if name == "VmHWM" && kib > memoryLimit*1024 {
			t.Errorf("%d MiB resident, over %d", kib/1024, memoryLimit)
		}
	}
}
