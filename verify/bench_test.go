package verify

import (
	"crypto"
	"encoding/binary"
	"testing"
	"time"

	"vedette"
	"vedette/keyring"
	"vedette/venue"
)

// BenchmarkSignature is the verification of one HMAC-SHA256 signature over the text
// of a Binance order: decoding, canonical form, HMAC, constant-time comparison.
func BenchmarkSignature(b *testing.B) {
	c := newBench(b).order()
	key, err := keyring.NewHMACKey(crypto.SHA256, []byte(testSecret))
	if err != nil {
		b.Fatal(err)
	}
	m := &keyring.Material{HMAC: []keyring.HMACKey{key}}
	msg, signature := []byte(c.query[:len(c.query)-len("&signature=")-64]), c.query[len(c.query)-64:]
	claim := &venue.Claim{Signature: signature}
	scheme, _ := venue.Binance.Scheme("hmac")
	s := new(scratch)
	b.ReportAllocs()
	for b.Loop() {
		sig, ok := s.signature(scheme, claim)
		if !ok || !s.check(scheme.Algorithm, m, msg, sig) {
			b.Fatal("does not verify")
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "verifications/s")
}

// BenchmarkVerifyHMAC is the whole path of one signed order, after the sensor read
// it and before the gate decides: meaning, ambiguity, signature, freshness, replay
// window, permission.
func BenchmarkVerifyHMAC(b *testing.B) {
	bb := newBench(b)
	bb.v.Window = NewWindow(1 << 20)
	c := bb.order()
	x, _ := bb.send(c)
	head := append(venue.Header(nil), venue.Field{Name: "Host", Value: "api.binance.com"}, venue.Field{Name: "User-Agent", Value: "client/1.0"},
		venue.Field{Name: "X-MBX-APIKEY", Value: c.key}, venue.Field{Name: "Accept", Value: "*/*"})
	b.ReportAllocs()
	from := cpu(b)
	for b.Loop() {
		// The signature stays the same: taking the entry back keeps it a first use.
		bb.v.Window.forget(x.Ref)
		x.Request.Reset()
		x.Request.Method, x.Request.Path, x.Request.Query = c.method, c.path, c.query
		x.Request.Header = append(x.Request.Header, head...)
		venue.Binance.Meaning(x.Request, x.Call)
		bb.v.Verify(x)
		if x.Call.Verdict != vedette.Authentic || len(x.Call.Reasons) > 0 {
			b.Fatal(x.Call.Verdict, x.Call.Reasons)
		}
	}
	b.ReportMetric(float64((cpu(b)-from).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// BenchmarkWindow uses distinct signatures over a window of a million, at the rate
// that keeps it three quarters full.
func BenchmarkWindow(b *testing.B) {
	w := NewWindow(1 << 20)
	u := use{content: 1, now: epoch}
	var n uint64
	b.ReportAllocs()
	for b.Loop() {
		n++
		binary.LittleEndian.PutUint64(u.key[:], mix(n))
		binary.LittleEndian.PutUint64(u.key[8:], mix(^n))
		u.now = u.now.Add(time.Microsecond)
		u.until = u.now.Add(time.Second)
		if seen, _ := w.use(&u); seen != SeenNever {
			b.Fatal(seen)
		}
	}
}

// forget takes an entry out, for benchmarks.
func (w *Window) forget(r Ref) {
	if r.set {
		w.buckets[r.slot/bucketSlots].until[r.slot%bucketSlots] = 0
	}
}
