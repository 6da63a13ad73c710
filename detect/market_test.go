package detect

import (
	"testing"
	"time"

	"vedette"
)

// TestSurge: many who trade at once make a surge, at once and for as long; one who is loud does not, nor do readers.
func TestSurge(t *testing.T) {
	p, at := new(rarities), int64(1_700_000_000e9)
	minutes := func(n int, keys uint64, op vedette.Operation) (surge uint8) {
		for range n * 60 {
			at += int64(time.Second)
			for k := range keys {
				e := &Event{Time: at, Verdict: vedette.Authentic, Operation: op}
				e.Subject[ByCredential] = mix(uint64(at)*keys + k%max(keys/4, 1) + 1)
				if keys > 1000 {
					e.Subject[ByCredential] = 7 // one, a thousand times a second
				}
				p.meet(e)
				surge = e.Surge
			}
		}
		return surge
	}
	if s := minutes(600, 4, vedette.OpOrderNew); s != 0 {
		t.Errorf("usual trading is a surge of %d", s)
	}
	if s := minutes(3, 2000, vedette.OpOrderNew); s != 0 {
		t.Errorf("one loud key makes a surge of %d", s)
	}
	minutes(60, 4, vedette.OpOrderNew)
	if s := minutes(2, 400, vedette.OpMarketRead); s != 0 {
		t.Errorf("readers make a surge of %d", s)
	}
	minutes(60, 4, vedette.OpOrderNew)
	if s := minutes(2, 400, vedette.OpOrderNew); s < 12 || s > 32 {
		t.Errorf("a hundred times as many make a surge of %d eighths, want 1.5 to 4 powers of two", s)
	}
	if s := minutes(20, 4, vedette.OpOrderNew); s != 0 {
		t.Errorf("afterwards there is a surge of %d", s)
	}
}

// TestStranger: what is not authentic is held against what was, also after the memory was renewed once.
func TestStranger(t *testing.T) {
	p, at := new(rarities), int64(1_700_000_000e9)
	see := func(v vedette.Verdict, key, ja4 uint64, asn uint32, after time.Duration) *Event {
		at += int64(after)
		e := &Event{Time: at, Verdict: v, ASN: asn}
		e.Subject[ByCredential], e.Subject[ByFingerprint] = mix(key), mix(ja4)
		p.meet(e)
		return e
	}
	see(vedette.Authentic, 1, 10, 64500, time.Second)
	f := func(key, ja4 uint64, asn uint32, met, stranger bool) {
		t.Helper()
		e := see(vedette.Forged, key, ja4, asn, time.Second)
		if e.Met&MetKey != 0 != met || e.Stranger() != stranger {
			t.Errorf("key %d, ja4 %d, network %d: met %08b, stranger %v", key, ja4, asn, e.Met, e.Stranger())
		}
	}
	f(1, 10, 64500, true, false)
	f(1, 11, 64500, true, true)
	f(1, 10, 64501, true, true)
	f(2, 10, 64500, false, false)
	f(2, 10, 64500, false, false) // a forged call teaches nothing
	see(vedette.Authentic, 3, 10, 64500, 28*24*time.Hour)
	f(1, 10, 64500, true, false)
	see(vedette.Authentic, 3, 10, 64500, 29*24*time.Hour)
	f(1, 10, 64500, false, false)
}
