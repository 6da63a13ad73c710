package rule

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
)

// BenchmarkAuthentic shows what plain authentic calls cost with all detectors, where keys are used
// as in life, few of them much.
func BenchmarkAuthentic(b *testing.B) {
	for _, keys := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			e, err := detect.New(detect.Config{Detectors: All(), Raise: func(*vedette.Finding) {}})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, uint64(keys-1))
			names := make([]vedette.Call, keys)
			for i := range names {
				names[i] = vedette.Call{Venue: "binance", Credential: fmt.Sprint("key-", i), Account: fmt.Sprint("acct-", i), Owner: fmt.Sprint("owner-", i/3),
					Source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1), JA4: fmt.Sprint("t13d-", i%40), Client: "ccxt/4.5",
					ASN: uint32(64496 + i%50), Country: "DE", Verdict: vedette.Authentic, Answer: vedette.Answer{Status: 200}}
				names[i].Operation = []vedette.Operation{vedette.OpOrderNew, vedette.OpOrderCancel, vedette.OpAccountRead}[i%3]
			}
			at := time.Unix(1767614400, 0)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				c := &names[zipf.Uint64()]
				c.Time = at.Add(time.Duration(n) * 50 * time.Microsecond)
				e.Observe(uint64(n), c)
			}
			b.ReportMetric(float64(e.Stats().Bytes)/float64(keys), "state-B/key")
		})
	}
}
