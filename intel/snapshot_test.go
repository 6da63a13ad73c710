package intel

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vedette"
)

// small draws values of a world so small that they meet: prefixes nest, feeds agree.
var small = struct {
	prefix     *rapid.Generator[netip.Prefix]
	address    *rapid.Generator[netip.Addr]
	wallet     *rapid.Generator[string]
	key        *rapid.Generator[string]
	ja4        *rapid.Generator[string]
	validity   *rapid.Generator[int64]
	confidence *rapid.Generator[uint8]
}{
	prefix: rapid.Custom(func(t *rapid.T) netip.Prefix {
		a := smallAddress(t)
		return netip.PrefixFrom(a, a.BitLen()-rapid.IntRange(0, 12).Draw(t, "open bits")).Masked()
	}),
	address:    rapid.Custom(smallAddress),
	wallet:     rapid.SampledFrom([]string{"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5AAEB6053f3e94c9b9a09f33669435e7ef1beaed", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "1boatslrhtknngkdxeeobr76b53letptpy", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ", ""}),
	key:        rapid.SampledFrom([]string{"key-1", "key-2", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", ""}),
	ja4:        rapid.SampledFrom([]string{"t13d1516h2_8daaf6152771_02713d6af862", "t13d1516h2_8daaf6152771_02713d6af863", ""}),
	validity:   rapid.SampledFrom([]int64{0, 0, 90, 100, 110}),
	confidence: rapid.Uint8Range(0, 100),
}

func smallAddress(t *rapid.T) netip.Addr {
	n := rapid.Uint16Range(0, 4095).Draw(t, "address")
	if rapid.Bool().Draw(t, "IPv6") {
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: byte(n >> 8), 15: byte(n)})
	}
	return netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)})
}

func smallIndicator(t *rapid.T) Indicator {
	in := Indicator{Kind: vedette.IndicatorKind(rapid.IntRange(1, int(vedette.IndicatorKey)).Draw(t, "kind")), Confidence: small.confidence.Draw(t, "confidence"),
		From: small.validity.Draw(t, "from"), Until: small.validity.Draw(t, "until")}
	value := ""
	switch in.Kind {
	case vedette.IndicatorAddress:
		in.Prefix = small.prefix.Draw(t, "prefix")
		return in
	case vedette.IndicatorASN:
		value = strconv.Itoa(rapid.IntRange(64500, 64503).Draw(t, "asn"))
	case vedette.IndicatorJA4:
		value = small.ja4.Filter(func(s string) bool { return s != "" }).Draw(t, "ja4")
	case vedette.IndicatorWallet:
		value = small.wallet.Filter(func(s string) bool { return s != "" }).Draw(t, "wallet")
	case vedette.IndicatorKey:
		sum := sha256.Sum256([]byte(small.key.Draw(t, "key")))
		value = hex.EncodeToString(sum[:])
	}
	list, err := readValue(nil, in.Kind, value)
	if err != nil {
		t.Fatal(err)
	}
	in.Value = list[0].Value
	return in
}

func smallCall(t *rapid.T) *vedette.Call {
	c := &vedette.Call{Source: netip.AddrPortFrom(small.address.Draw(t, "source"), 1), ASN: rapid.Uint32Range(64499, 64503).Draw(t, "ASN"), JA4: small.ja4.Draw(t, "JA4"), Credential: small.key.Draw(t, "credential")}
	c.Address = small.wallet.Draw(t, "address")
	for range rapid.IntRange(0, 3).Draw(t, "parts") {
		c.Batch = append(c.Batch, vedette.Action{Address: small.wallet.Draw(t, "part's address")})
	}
	return c
}

// sameWallet compares wallets without this package's code.
func sameWallet(a, b string) bool {
	evm := func(s string) bool { return len(s) == 42 && strings.HasPrefix(strings.ToLower(s), "0x") }
	bech32 := func(s string) bool { return s == strings.ToUpper(s) || s == strings.ToLower(s) }
	return a == b || (evm(a) && evm(b) || bech32(a) && bech32(b)) && strings.EqualFold(a, b)
}

// naive walks through everything that feeds list: what Enrich must find.
func naive(of []contribution, c *vedette.Call, now int64) (out []vedette.IntelMatch) {
	for _, k := range of {
		for kind := vedette.IndicatorAddress; kind <= vedette.IndicatorKey; kind++ {
			best := -1
			for i, in := range k.indicators {
				until := in.Until
				if until == 0 {
					until = k.lapse
				}
				if in.Kind != kind || now < in.From || now >= until || !listedBy(&in, c) {
					continue
				}
				if best < 0 || in.Confidence > k.indicators[best].Confidence {
					best = i
				}
			}
			if best >= 0 {
				m := vedette.IntelMatch{Feed: k.feed.Name, Kind: kind, Confidence: k.indicators[best].Confidence}
				if m.Confidence >= k.feed.MinConfidence {
					m.Action = k.feed.Action
				}
				out = append(out, m)
			}
		}
	}
	return out
}

func listedBy(in *Indicator, c *vedette.Call) bool {
	switch in.Kind {
	case vedette.IndicatorAddress:
		return in.Prefix.Contains(c.Source.Addr())
	case vedette.IndicatorASN:
		return in.Value == fmt.Sprint(c.ASN)
	case vedette.IndicatorJA4:
		return in.Value == c.JA4
	case vedette.IndicatorKey:
		sum := sha256.Sum256([]byte(c.Credential))
		return c.Credential != "" && in.Value == hex.EncodeToString(sum[:])
	}
	found := sameWallet(in.Value, c.Address) || strings.HasPrefix(c.Credential, "0x") && sameWallet(in.Value, c.Credential)
	for i := range c.Batch {
		found = found || sameWallet(in.Value, c.Batch[i].Address)
	}
	return found
}

// TestAgainstNaive: look-ups find what a walk through everything finds, whatever nests,
// overlaps, begins and ends.
func TestAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var of []contribution
		for i := range rapid.IntRange(0, 3).Draw(t, "feeds") {
			f := &Feed{Name: fmt.Sprint("f", i), Action: vedette.IntelAction(rapid.IntRange(0, 2).Draw(t, "action")), MinConfidence: small.confidence.Draw(t, "least")}
			of = append(of, contribution{feed: f, lapse: rapid.Int64Range(95, 105).Draw(t, "lapse"), indicators: rapid.SliceOfN(rapid.Custom(smallIndicator), 0, 40).Draw(t, "indicators")})
		}
		s := compile(of)
		for range 20 {
			c := smallCall(t)
			for now := int64(88); now < 112; now += 3 {
				want := naive(of, c, now)
				c.Intel = nil
				s.enrich(c, time.Unix(now, 0))
				if len(want) > maxMatches {
					continue // TestRoom
				}
				order := func(a, b vedette.IntelMatch) int {
					return strings.Compare(fmt.Sprint(a.Feed, a.Kind), fmt.Sprint(b.Feed, b.Kind))
				}
				slices.SortFunc(c.Intel, order)
				slices.SortFunc(want, order)
				if !slices.Equal(c.Intel, want) {
					t.Fatalf("at %d\n%+v\nwant\n%+v\nof %+v", now, c.Intel, want, c)
				}
			}
		}
	})
}

// TestRoom: a call has room for eight matches, and the strictest stay.
func TestRoom(t *testing.T) {
	var of []contribution
	p := netip.MustParsePrefix("198.51.100.0/24")
	for i := range 20 {
		f := &Feed{Name: fmt.Sprint("f", i)}
		if i == 13 {
			f.Action = vedette.IntelDeny
		}
		of = append(of, contribution{feed: f, lapse: 200, indicators: []Indicator{{Kind: vedette.IndicatorAddress, Prefix: p, Confidence: uint8(i)},
			{Kind: vedette.IndicatorASN, Value: "64500", Confidence: uint8(50 + i)}}})
	}
	c := vedette.Call{Source: netip.MustParseAddrPort("198.51.100.1:1"), ASN: 64500}
	compile(of).enrich(&c, time.Unix(100, 0))
	if len(c.Intel) != maxMatches || !slices.ContainsFunc(c.Intel, func(m vedette.IntelMatch) bool {
		return m.Feed == "f13" && m.Action == vedette.IntelDeny && m.Confidence == 63
	}) {
		t.Errorf("%+v", c.Intel)
	}
	for _, m := range c.Intel {
		if m.Kind != vedette.IndicatorASN && m.Feed != "f13" {
			t.Errorf("%+v stayed", m)
		}
	}
}

// TestNothingOdd: calls that lack everything, or hold what is too long, match nothing.
func TestNothingOdd(t *testing.T) {
	s := compile([]contribution{{feed: &Feed{Name: "f"}, lapse: 200, indicators: []Indicator{{Kind: vedette.IndicatorASN, Value: "64500"},
		{Kind: vedette.IndicatorJA4, Value: "t13d1516h2_8daaf6152771_02713d6af862"}, {Kind: vedette.IndicatorWallet, Value: "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"},
		{Kind: vedette.IndicatorKey, Value: strings.Repeat("ab", 32)}, {Kind: vedette.IndicatorAddress, Prefix: netip.MustParsePrefix("198.51.100.0/24")}}}})
	long := strings.Repeat("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", 100)
	for _, c := range []vedette.Call{{}, {JA4: long, Credential: long, Action: vedette.Action{Address: long}}, {Source: netip.MustParseAddrPort("[fe80::1%eth0]:1")}} {
		s.enrich(&c, time.Unix(100, 0))
		if len(c.Intel) > 0 || c.ASN != 0 {
			t.Errorf("%+v", c.Intel)
		}
	}
}

// TestEnrichDoesNotAllocate: neither hits nor misses of any kind do, databases included.
func TestEnrichDoesNotAllocate(t *testing.T) {
	g, err := newGeo(countries(t))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("key-1"))
	s := compile([]contribution{{feed: &Feed{Name: "geo"}, geo: g}, {feed: &Feed{Name: "f"}, lapse: 200, indicators: []Indicator{{Kind: vedette.IndicatorASN, Value: "64500"},
		{Kind: vedette.IndicatorJA4, Value: "t13d1516h2_8daaf6152771_02713d6af862"}, {Kind: vedette.IndicatorWallet, Value: "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
		{Kind: vedette.IndicatorKey, Value: hex.EncodeToString(sum[:])}, {Kind: vedette.IndicatorAddress, Prefix: netip.MustParsePrefix("198.51.100.0/24")}}}})
	hit := &vedette.Call{Source: netip.MustParseAddrPort("198.51.100.1:1"), ASN: 64500, JA4: "t13d1516h2_8daaf6152771_02713d6af862", Credential: "key-1",
		Action: vedette.Action{Address: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}, Intel: make([]vedette.IntelMatch, 0, maxMatches)}
	miss := &vedette.Call{Source: netip.MustParseAddrPort("[2001:db8:1::1]:1"), JA4: "t13d1516h2_8daaf6152771_02713d6af863", Credential: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee", Action: vedette.Action{Address: "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"}}
	at := time.Unix(100, 0)
	for want, c := range map[int]*vedette.Call{5: hit, 0: miss} {
		if n := testing.AllocsPerRun(100, func() {
			c.Intel, c.Country = c.Intel[:0], ""
			s.enrich(c, at)
		}); n != 0 || len(c.Intel) != want || c.Country == "" {
			t.Errorf("%v allocations, %+v in %q", n, c.Intel, c.Country)
		}
	}
}

// TestTable: a table finds what was put in, and nothing else.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.SliceOfN(rapid.Byte(), 0, 4), func(b []byte) string { return string(b) }).Draw(t, "keys")
		table := newTable(len(keys))
		for i, k := range keys {
			table.put(k, uint32(i))
		}
		for i, k := range keys {
			if n, ok := table.get(k); !ok || n != uint32(i) {
				t.Fatalf("%x: %d %v", k, n, ok)
			}
		}
		other := rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "other")
		if _, ok := table.get(other); ok != slices.ContainsFunc(keys, func(k []byte) bool { return string(k) == string(other) }) {
			t.Fatalf("%x: %v", other, ok)
		}
	})
}
