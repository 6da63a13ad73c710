package intel

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"

	"vedette"
)

// million returns a million indicators of a mix that lists have: IPv4 and IPv6 addresses
// and prefixes, most of them single addresses.
func million(r *rand.Rand) []Indicator {
	out := make([]Indicator, 0, 1_000_000)
	for len(out) < cap(out) {
		var p netip.Prefix
		if r.IntN(4) > 0 {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], 0x01000000+r.Uint32N(0xdf000000-0x01000000))
			p = netip.PrefixFrom(netip.AddrFrom4(b), []int{32, 32, 32, 24, 22, 28}[r.IntN(6)])
		} else {
			var b [16]byte
			binary.BigEndian.PutUint64(b[:], 0x2000000000000000|r.Uint64()>>3)
			binary.BigEndian.PutUint64(b[8:], r.Uint64())
			p = netip.PrefixFrom(netip.AddrFrom16(b), []int{128, 64, 48, 32}[r.IntN(4)])
		}
		out = append(out, Indicator{Kind: vedette.IndicatorAddress, Prefix: p.Masked(), Confidence: 50})
	}
	return out
}

// benchSources returns sources of which every second is in a listed network, more than
// caches hold the way to.
func benchSources(r *rand.Rand, of []Indicator) []netip.AddrPort {
	sources := make([]netip.AddrPort, 1<<17)
	for i := range sources {
		a := of[r.IntN(len(of))].Prefix.Addr()
		if i%2 == 0 {
			b := a.As16()
			b[12], b[13] = byte(r.Uint32()), byte(r.Uint32())
			if a.Is6() {
				b[5] = byte(r.Uint32())
			}
			a = netip.AddrFrom16(b).Unmap()
		}
		sources[i] = netip.AddrPortFrom(a, 443)
	}
	return sources
}

// benchCall is a call that nothing but its source can match; its credential changes.
func benchCall(keys []string, i int, source netip.AddrPort, c *vedette.Call) {
	c.Source, c.ASN, c.Country, c.Intel, c.Credential = source, 0, "", c.Intel[:0], keys[i&(len(keys)-1)]
}

func benchKeys() []string {
	keys := make([]string, 1<<12)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%d", i)
	}
	return keys
}

// BenchmarkLookup enriches calls at a million prefixes, and with every other kind of
// list beside them; naive is a walk of a map for each length of prefix that occurs.
func BenchmarkLookup(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	of := million(r)
	sources, keys := benchSources(r, of), benchKeys()
	call := &vedette.Call{JA4: "t13d1516h2_8daaf6152771_02713d6af862", Intel: make([]vedette.IntelMatch, 0, maxMatches)}
	now := time.Unix(1767614400, 0)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := &Feed{Name: "m"}
	s := compile([]contribution{{feed: f, indicators: of, lapse: now.Unix() + 1000}})
	runtime.GC()
	runtime.ReadMemStats(&after)
	run := func(name string, s *snapshot, bytes float64) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				benchCall(keys, i, sources[i&(len(sources)-1)], call)
				s.enrich(call, now)
			}
			if bytes > 0 {
				b.ReportMetric(bytes/1e6, "MB")
			}
		})
	}
	run("prefixes-1m", s, float64(after.HeapAlloc-before.HeapAlloc))
	all := append([]Indicator{}, of...)
	for i := range 100_000 {
		all = append(all, Indicator{Kind: vedette.IndicatorJA4, Value: fmt.Sprintf("t13d1516h2_%012x_02713d6af862", i)},
			Indicator{Kind: vedette.IndicatorKey, Value: fmt.Sprintf("%064x", i)}, Indicator{Kind: vedette.IndicatorWallet, Value: fmt.Sprintf("0x%040x", i)})
	}
	run("every-kind", compile([]contribution{{feed: f, indicators: all, lapse: now.Unix() + 1000}}), 0)
	naive := map[netip.Prefix]uint32{}
	var bits4, bits6 [129]bool
	for i := range of {
		p := of[i].Prefix
		naive[p] = 0
		if p.Addr().Is4() {
			bits4[p.Bits()] = true
		} else {
			bits6[p.Bits()] = true
		}
	}
	b.Run("naive-map", func(b *testing.B) {
		n := 0
		for i := 0; b.Loop(); i++ {
			a := sources[i&(len(sources)-1)].Addr()
			lengths := &bits4
			if a.Is6() {
				lengths = &bits6
			}
			for l := a.BitLen(); l >= 0; l-- {
				if lengths[l] {
					p, _ := a.Prefix(l)
					if _, ok := naive[p]; ok {
						n++
					}
				}
			}
		}
	})
}

// BenchmarkGeo places sources in a database of 200,000 networks.
func BenchmarkGeo(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	aliased := []netip.Prefix{netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16")} // of IPv4
	of := slices.DeleteFunc(million(r)[:200_000], func(i Indicator) bool { return slices.ContainsFunc(aliased, i.Prefix.Overlaps) })
	records := map[string]mmdbtype.Map{}
	for i := range of {
		records[of[i].Prefix.String()] = mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(r.Uint32N(70_000) + 1), "country": mmdbtype.Map{"iso_code": mmdbtype.String("NL")}}
	}
	g, err := newGeo(database(b, "both", records))
	if err != nil {
		b.Fatal(err)
	}
	s := compile([]contribution{{feed: &Feed{Name: "g"}, geo: g}})
	sources, keys, call := benchSources(r, of), benchKeys(), &vedette.Call{}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		benchCall(keys, i, sources[i&(len(sources)-1)], call)
		s.enrich(call, time.Unix(1767614400, 0))
	}
}
