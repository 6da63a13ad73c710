package behaviour

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"vedette"
	"vedette/detect"
)

// BenchmarkEvent measures what an event costs with learned behaviour of a million keys, against an engine that
// only takes it in. bytes/key is of the whole engine.
func BenchmarkEvent(b *testing.B) {
	const keys = 1 << 20
	for _, draw := range []string{"zipf", "uniform"} {
		for _, set := range []struct {
			name string
			list []*detect.Detector
		}{{"none", nil}, {"credential", []*detect.Detector{Anomaly, SlowRamp, BaselineMoved}}, {"all", All()}} {
			b.Run(draw+"/"+set.name, func(b *testing.B) {
				e, err := detect.New(detect.Config{Detectors: set.list, Subjects: 3 * keys, Raise: func(*vedette.Finding) {}})
				if err != nil {
					b.Fatal(err)
				}
				defer e.Close()
				calls := manyKeys(keys)
				for i := range calls { // every key once
					calls[i].Time = start
					e.Observe(uint64(i), &calls[i])
				}
				r := rand.New(rand.NewPCG(1, 1))
				zipf := rand.NewZipf(r, 1.1, 8, keys-1)
				order := make([]uint32, 1<<20)
				for i := range order {
					if order[i] = uint32(r.IntN(keys)); draw == "zipf" {
						order[i] = uint32(zipf.Uint64())
					}
				}
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					c := &calls[order[i&(len(order)-1)]]
					c.Time = start.Add(time.Duration(i) * 10 * time.Microsecond)
					e.Observe(uint64(i), c)
				}
				b.StopTimer()
				b.ReportMetric(float64(e.Stats().Bytes)/keys, "bytes/key")
			})
		}
	}
}

func manyKeys(n int) []vedette.Call {
	calls := make([]vedette.Call, n)
	for i := range calls {
		c := &calls[i]
		*c = vedette.Call{Venue: "binance", Credential: fmt.Sprint("key-", i), Account: fmt.Sprint("acct-", i), JA4: fmt.Sprint("t13d", i%40), ASN: uint32(64500 + i%50),
			Country: "DE", Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i), byte(i >> 8), 1}), 1), Path: "/api/v3/order", Verdict: vedette.Authentic}
		c.Operation, c.Instrument, c.Side, c.Answer.Status = vedette.OpOrderNew, "BTCUSDT", vedette.Buy, 200
	}
	return calls
}

func TestStateSize(t *testing.T) {
	if n := unsafe.Sizeof(young{}); n > 1088 {
		t.Errorf("the state of a subject takes %d bytes: a million keys and their accounts would take over 4 GiB", n)
	} else {
		t.Logf("%d bytes, %d when grown", n, unsafe.Sizeof(State{}))
	}
}
