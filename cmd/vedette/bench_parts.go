package main

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"vedette"
	"vedette/keyring"
	"vedette/ledger"
	"vedette/venue"
	"vedette/verify"
)

// verify measures signature checks on one core.
func (b *benches) verify(context.Context) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	msg := make([]byte, 200)
	key, err := keyring.NewHMACKey(crypto.SHA256, []byte("dummysecret0123456789abcdef"))
	if err != nil {
		return err
	}
	var scratch keyring.HMACScratch
	mac := key.Sum(nil, &scratch, msg)
	ours, baseline := make([]float64, b.rounds), make([]float64, b.rounds)
	var allocs int64
	for i := range b.rounds {
		r := testing.Benchmark(func(tb *testing.B) {
			for tb.Loop() {
				if !key.Equal(&scratch, msg, mac) {
					tb.Fatal("does not verify")
				}
			}
		})
		ours[i], allocs = 1e9/float64(r.NsPerOp()), r.AllocsPerOp()
		r = testing.Benchmark(func(tb *testing.B) {
			for tb.Loop() {
				m := hmac.New(sha256.New, []byte("dummysecret0123456789abcdef"))
				m.Write(msg)
				if !hmac.Equal(m.Sum(nil), mac) {
					tb.Fatal("does not verify")
				}
			}
		})
		baseline[i] = 1e9 / float64(r.NsPerOp())
	}
	v := median(ours)
	b.tell(figure{Bench: "verify", Case: "HMAC-SHA256 of 200 bytes", Value: v, Unit: "checks/s/core", Against: "crypto/hmac per call", Ratio: v / median(baseline),
		Allocs: float64(allocs), Goal: ">= 700k/s, 0 allocations", Met: v >= 700e3 && allocs == 0})
	return b.whole(v)
}

// whole measures the judging of a signed order: meaning, claim, signature, window.
func (b *benches) whole(bare float64) error {
	x, v, err := benchCase()
	if err != nil {
		return err
	}
	x.Now = time.Now()
	r := testing.Benchmark(func(tb *testing.B) {
		tb.ReportAllocs()
		for tb.Loop() {
			resetRequest(x)
			venue.Binance.Meaning(x.Request, x.Call)
			v.Verify(x) // after the first time a replay: every step is the same, but for the permissions
		}
	})
	rate := 1e9 / float64(r.NsPerOp())
	b.tell(figure{Bench: "verify", Case: "signed order, whole judgement", Value: rate, Unit: "calls/s/core", Against: "bare HMAC check", Ratio: rate / bare,
		Allocs: float64(r.AllocsPerOp())})
	return nil
}

const benchSecret = "dummysecret0123456789abcdefdummysecret0123456789abcdef"

func benchCase() (*verify.Case, *verify.Verifier, error) {
	ring := keyring.New(verify.KeyOptions(venue.All))
	if err := ring.Add(keyring.Spec{Credential: vedette.Credential{ID: "key-1", Venue: "binance", Account: "acct-1", Permissions: vedette.PermTrade},
		Scheme: "hmac", Secrets: keyring.Secrets{Secret: keyring.NewSecret(benchSecret)}}, time.Now()); err != nil {
		return nil, nil, err
	}
	v := verify.New(verify.Config{Keys: ring, Window: verify.NewWindow(verify.DefaultWindow), Increasing: verify.NewNonces(100, 1), Highest: verify.NewNonces(10, 100), Issued: verify.NewIssued(100)})
	body := benchOrder(1, time.Now())
	return &verify.Case{Dialect: venue.Binance, Source: netip.MustParseAddr("192.0.2.7"), Claim: &venue.Claim{}, Call: &vedette.Call{},
		Request: &venue.Request{Body: body}}, v, nil
}

func resetRequest(x *verify.Case) {
	body := x.Request.Body
	x.Request.Reset()
	x.Request.Method, x.Request.Path, x.Request.Body = "POST", "/api/v3/order", body
	x.Request.Header = append(x.Request.Header, venue.Field{Name: "X-MBX-APIKEY", Value: "key-1"})
}

// benchOrder is the body of a signed order.
func benchOrder(i int, at time.Time) []byte {
	b := fmt.Appendf(nil, "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=20000&newClientOrderId=bench-%d&recvWindow=5000&timestamp=%d", i, at.UnixMilli())
	m := hmac.New(sha256.New, []byte(benchSecret))
	m.Write(b)
	return hex.AppendEncode(append(b, "&signature="...), m.Sum(nil))
}

// ledger measures appending with real syncs, against a plain file synced as often.
func (b *benches) ledger(ctx context.Context) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	record := make([]byte, 300)
	for i := range record {
		record[i] = 'a' + byte(i%26)
	}
	ours, plain, ratios := []float64{}, []float64{}, []float64{}
	for range b.rounds {
		v, err := b.ledgerRound(ctx, record)
		if err != nil {
			return err
		}
		p, err := b.plainRound(record)
		if err != nil {
			return err
		}
		ours, plain, ratios = append(ours, v), append(plain, p), append(ratios, v/p)
	}
	v := median(ours)
	b.tell(figure{Bench: "ledger", Case: "append 300 bytes, synced every 10 ms", Value: v, Unit: "records/s/core", Against: "plain file synced as often",
		Ratio: median(ratios), Goal: ">= 500k/s", Met: v >= 500e3})
	return nil
}

func (b *benches) ledgerRound(ctx context.Context, record []byte) (float64, error) {
	dir, err := os.MkdirTemp(".", "bench-ledger-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	key, err := ledger.LoadOrCreateKey(dir, "bench", rand.Reader)
	if err != nil {
		return 0, err
	}
	l, _, err := ledger.Open(ledger.Config{Dir: dir, Signer: key.Signer, Verifiers: note.VerifierList(key.Verifier), MaxBlock: 10 * time.Second})
	if err != nil {
		return 0, err
	}
	defer l.Close()
	n, began := 0, time.Now()
	var last uint64
	for time.Since(began) < b.length {
		for range 1000 {
			if last, err = l.Append(record); err != nil {
				return 0, err
			}
			n++
		}
	}
	if err := l.Wait(ctx, last); err != nil {
		return 0, err
	}
	return float64(n) / time.Since(began).Seconds(), nil
}

// plainRound writes the same records to a file through a buffer and syncs it every 10 ms.
func (b *benches) plainRound(record []byte) (float64, error) {
	f, err := os.CreateTemp(".", "bench-plain-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	buf := make([]byte, 0, 1<<22)
	n, began := 0, time.Now()
	synced := began
	for {
		for range 1000 {
			buf = append(buf, record...)
			n++
		}
		now := time.Now()
		if now.Sub(synced) >= 10*time.Millisecond || cap(buf)-len(buf) < 1000*len(record) {
			if _, err := f.Write(buf); err != nil {
				return 0, err
			}
			if err := f.Sync(); err != nil {
				return 0, err
			}
			buf, synced = buf[:0], now
		}
		if now.Sub(began) >= b.length {
			return float64(n) / now.Sub(began).Seconds(), nil
		}
	}
}

// memory measures a process with 100,000 credentials and a window of a million
// signatures, all taken.
func (b *benches) memory(ctx context.Context) error {
	out, err := b.child(ctx, "memory")
	if err != nil {
		return err
	}
	v, err := strconv.ParseInt(out, 10, 64)
	if err != nil {
		return err
	}
	const limit = 256 << 20
	b.tell(figure{Bench: "memory", Case: "100k credentials, 1M signatures", Value: float64(v) / (1 << 20), Unit: "MiB resident", RSS: v, Goal: "<= 256 MiB", Met: v <= limit})
	return nil
}

// fillMemory is the child of memory: it prints its resident size.
func fillMemory(e *env) error {
	dir, err := os.MkdirTemp("", "bench-memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	options := verify.KeyOptions(venue.All)
	ring := keyring.New(options)
	for i := range 100_000 {
		id := fmt.Sprintf("%064d", i)
		if err := ring.Add(keyring.Spec{Credential: vedette.Credential{ID: id, Venue: "binance", Account: fmt.Sprint("acct-", i), Owner: fmt.Sprint("owner-", i/3),
			Permissions: vedette.PermRead | vedette.PermTrade}, Scheme: "hmac", Secrets: keyring.Secrets{Secret: keyring.NewSecret(id)}}, time.Now()); err != nil {
			return err
		}
	}
	w, err := verify.OpenWindow(filepath.Join(dir, "replay"), 1_000_000)
	if err != nil {
		return err
	}
	defer w.Close()
	now := time.Now()
	for i := range 1_000_000 {
		sum := sha256.Sum256(strconv.AppendInt(nil, int64(i), 10))
		w.Restore(verify.Key(sum[:16]), now, now.Add(time.Hour), now)
	}
	if live := w.Stats(now).Live; live != 1_000_000 {
		return fmt.Errorf("the window holds %d of 1,000,000", live)
	}
	debug.FreeOSMemory()
	v, err := rss(os.Getpid())
	if err != nil {
		return err
	}
	runtime.KeepAlive(ring)
	fmt.Fprintln(e.stdout, v)
	return nil
}
