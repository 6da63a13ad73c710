package intel

import (
	"bytes"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"vedette"
)

// database makes a MaxMind-format database of networks and their records.
func database(t testing.TB, kind string, of map[string]mmdbtype.Map) []byte {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true, BuildEpoch: 1767614400})
	if err != nil {
		t.Fatal(err)
	}
	networks := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return netip.MustParsePrefix(a).Bits() - netip.MustParsePrefix(b).Bits() })
	for _, network := range networks { // the wider first: a later one takes its part
		record := of[network]
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Insert(n, record); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func country(code string) mmdbtype.Map {
	return mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code), "names": mmdbtype.Map{"en": mmdbtype.String("Somewhere")}}}
}

func countries(t testing.TB) []byte {
	return database(t, "GeoLite2-Country", map[string]mmdbtype.Map{"198.51.100.0/24": country("NL"), "198.51.100.128/25": country("SG"), "2001:db8:1::/48": country("US"),
		"192.0.2.0/24": {"registered_country": mmdbtype.Map{"iso_code": mmdbtype.String("DE")}}})
}

func networks(t testing.TB) []byte {
	return database(t, "GeoLite2-ASN", map[string]mmdbtype.Map{
		"198.51.100.0/24": {"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example")},
		"2001:db8::/32":   {"autonomous_system_number": mmdbtype.Uint32(64501)}})
}

// TestGeo: a call's source is placed by the databases, unless the call says where it is;
// a listed ASN is found by what they say.
func TestGeo(t *testing.T) {
	dir := t.TempDir()
	c, n, asns := filepath.Join(dir, "country.mmdb"), filepath.Join(dir, "asn.mmdb"), filepath.Join(dir, "asns")
	write(t, c, string(countries(t)))
	write(t, n, string(networks(t)))
	write(t, asns, "AS64500\nAS64999\n")
	d := newDesk(t, Feed{Name: "country", Format: MMDB, File: c}, Feed{Name: "asn", Format: MMDB, File: n},
		Feed{Name: "hosting", Format: List, Kind: vedette.IndicatorASN, File: asns, Confidence: 40, Action: vedette.IntelStepUp})
	for _, f := range d.c.Feeds {
		if _, err := d.Refresh(t.Context(), f.Name, false); err != nil {
			t.Fatal(err)
		}
	}
	f := func(source string, asn uint32, country string, listed bool) {
		t.Helper()
		call := vedette.Call{Source: netip.AddrPortFrom(netip.MustParseAddr(source), 1)}
		d.Enrich(&call, d.now)
		if call.ASN != asn || call.Country != country || (len(call.Intel) == 1) != listed {
			t.Errorf("%s: AS%d %q %+v", source, call.ASN, call.Country, call.Intel)
		}
	}
	for range 2 {
		f("198.51.100.1", 64500, "NL", true)
		f("::ffff:198.51.100.200", 64500, "SG", true)
		f("2001:db8:1::1", 64501, "US", false)
		f("192.0.2.1", 0, "DE", false)
		f("203.0.113.1", 0, "", false)
		d.open()
	}
	call := vedette.Call{Source: netip.MustParseAddrPort("198.51.100.1:1"), ASN: 64999, Country: "XX"}
	d.Enrich(&call, d.now)
	if call.ASN != 64999 || call.Country != "XX" || len(call.Intel) != 1 {
		t.Errorf("what the call says was not kept: %+v", call)
	}
	if r := d.Lookup("198.51.100.1", d.now); r.ASN != 64500 || r.Country != "NL" || len(r.Hits) != 1 || r.Hits[0].Value != "64500" {
		t.Errorf("%+v", r)
	}
	write(t, c, string(countries(t))[:200])
	if s, err := d.Refresh(t.Context(), "country", false); err == nil || s.Suspicion != Unreadable {
		t.Errorf("half a database: %v %+v", err, s)
	}
	write(t, c, string(database(t, "x", map[string]mmdbtype.Map{"198.51.100.0/24": {"city": mmdbtype.String("x")}})))
	if s, err := d.Refresh(t.Context(), "country", false); err == nil || s.Suspicion != Unreadable {
		t.Errorf("a database of something else: %v %+v", err, s)
	}
	f("198.51.100.1", 64500, "NL", true)
}

// TestFlatGeo reads the flat form, and refuses codes that are none.
func TestFlatGeo(t *testing.T) {
	g, err := newGeo(database(t, "lite", map[string]mmdbtype.Map{"198.51.100.0/24": {"asn": mmdbtype.String("AS64500"), "country": mmdbtype.String("Netherlands"), "country_code": mmdbtype.String("NL")},
		"192.0.2.0/24": {"country": mmdbtype.String("DE")}}))
	if err != nil {
		t.Fatal(err)
	}
	if p := g.lookup(netip.MustParseAddr("198.51.100.9")); p != (place{64500, "NL"}) {
		t.Errorf("%+v", p)
	}
	if p := g.lookup(netip.MustParseAddr("192.0.2.9")); p != (place{0, "DE"}) {
		t.Errorf("%+v", p)
	}
	for _, bad := range []mmdbtype.Map{country("<b>"), country("nl"), {"asn": mmdbtype.String("many")}} {
		if _, err := newGeo(database(t, "x", map[string]mmdbtype.Map{"198.51.100.0/24": bad})); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

// FuzzGeo: no database ends the program, and what one says is a country's code.
func FuzzGeo(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := readGeo(b, 10_000)
		if err != nil {
			return
		}
		for _, a := range []string{"198.51.100.1", "192.0.2.1", "2001:db8:1::1", "::"} {
			if p := g.lookup(netip.MustParseAddr(a)); len(p.country) != 0 && len(p.country) != 2 {
				t.Errorf("%+v", p)
			}
		}
	})
}

// TestHostileTree: a tree of 127 nodes whose every branch leads to the same next node has
// 2^127 ends. It is not walked to them.
func TestHostileTree(t *testing.T) {
	const nodes = 127
	var b []byte
	for i := range nodes {
		next := byte(i + 1) // the last one says "nothing here"
		b = append(b, 0, 0, next, 0, 0, next)
	}
	b = append(append(b, make([]byte, 16)...), "\xab\xcd\xefMaxMind.com\xe9"...)
	for _, m := range []string{"binary_format_major_version", "\xa1\x02", "binary_format_minor_version", "\xa0", "build_epoch", "\x01\x02\x01", "database_type", "\x41x",
		"description", "\xe0", "ip_version", "\xa1\x06", "languages", "\x00\x04", "node_count", "\xc1\x7f", "record_size", "\xa1\x18"} {
		if len(m) > 3 { // a name
			b = append(b, 0x40|byte(min(len(m), 29)))
		}
		b = append(b, m...)
	}
	if g, err := readGeo(b, 10_000); err == nil || !strings.Contains(err.Error(), "over 10000 networks") {
		t.Errorf("%v %v", g, err)
	}
}
