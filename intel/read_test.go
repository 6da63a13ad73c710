package intel

import (
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vedette"
)

var rewrite = flag.Bool("rewrite", false, "write what the inputs of testdata give")

// golden compares text with the file, or writes it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil || text != string(want) {
		t.Errorf("%s: %v; got\n%s", name, err, text)
	}
}

// told is a reading as text.
func told(r *reading, err error) string {
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	out := string(appendIndicators(nil, r.indicators))
	out += fmt.Sprintf("# %d entries, %d unreadable", r.entries, r.unreadable)
	if r.firstBad != nil {
		out += ", the first: " + r.firstBad.Error()
	}
	for _, what := range slices.Sorted(maps.Keys(r.ignored)) {
		out += fmt.Sprintf("\n# ignored %s: %d", what, r.ignored[what])
	}
	return out + "\n"
}

// TestReadings reads the inputs of testdata/read: NAME.KIND.list, NAME.COLUMN.KIND.csv and
// bundles of STIX; what they give stands beside them in .want.
func TestReadings(t *testing.T) {
	names, _ := filepath.Glob("testdata/read/*")
	n := 0
	for _, name := range names {
		if strings.HasSuffix(name, ".want") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		part := strings.Split(filepath.Base(name), ".")
		like := Indicator{Confidence: 60}
		if kind := part[len(part)-2]; part[len(part)-1] != "json" {
			if err := like.Kind.UnmarshalText([]byte(kind)); err != nil {
				t.Fatal(err)
			}
		}
		var r *reading
		switch part[len(part)-1] {
		case "list":
			r = readList(b, like)
		case "csv":
			r, err = readCSV(b, part[1], like)
		case "json":
			r, err = readBundle(b, like)
		}
		golden(t, name+".want", told(r, err))
		n++
	}
	if n < 10 {
		t.Errorf("only %d inputs", n)
	}
}

// TestMISPEvents reads the feed of testdata/misp.
func TestMISPEvents(t *testing.T) {
	b, err := os.ReadFile("testdata/misp/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	events, err := readManifest(b)
	if err != nil || events["5a1f0e6c-1111-4222-8333-444455556666"] != "1767614400" || events["5a1f0e6c-1111-4222-8333-444455557777"] != "1767528000" {
		t.Fatalf("%v %v", events, err)
	}
	for id := range events {
		name := filepath.Join("testdata/misp", id+".json")
		if b, err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".want", told(readEvent(b, Indicator{Confidence: 60, Object: id})))
	}
	for _, bad := range []string{`[]`, `{"../../etc/passwd":{"timestamp":"1"}}`, `{"5a1f0e6c-1111-4222-8333-44445555666/":{}}`, `{"a":1}`} {
		if _, err := readManifest([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	if _, err := readEvent([]byte(`{"response":[]}`), Indicator{}); err == nil {
		t.Error("no event was taken for one")
	}
}

func TestPatterns(t *testing.T) {
	f := func(pattern string, combined bool, want ...string) {
		t.Helper()
		terms, got, err := readPattern(pattern)
		var have []string
		for _, x := range terms {
			have = append(have, x.object+":"+x.path+"="+x.value)
		}
		if err != nil || got != combined || !slices.Equal(have, want) {
			t.Errorf("%s: %q combined %v, %v", pattern, have, got, err)
		}
	}
	f(`[a:b = 'x']`, false, "a:b=x")
	f(`[a:b=1]`, false, "a:b=1")
	f(`[ a:b = 'x' OR a:b = 'it\'s \\ so' ]`, false, "a:b=x", `a:b=it's \ so`)
	f(`[a:b = 'x' AND a:c = 'y']`, true)
	f(`[a:b = 'x' AND a:c = 'y' OR a:d = 'z']`, true, "a:d=z")
	f(`[a:b = 'x' AND (a:c = 'y' OR a:d = 'z')]`, true)
	f(`[(a:b = 'x' OR a:c = 'y')]`, false, "a:b=x", "a:c=y")
	f(`[a:b = 'x'] OR [a:c = 'y']`, false, "a:b=x", "a:c=y")
	f(`[a:b = 'x'] AND [a:c = 'y']`, true)
	f(`[a:b = 'x'] FOLLOWEDBY [a:c = 'y'] OR [a:d = 'z']`, true, "a:d=z")
	f(`([a:b = 'x'] OR [a:c = 'y']) WITHIN 300 SECONDS`, true)
	f(`[a:b = 'x'] REPEATS 5 TIMES OR [a:c = 'y']`, true, "a:c=y")
	f(`[a:b = 'x'] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'`, true)
	f(`[a:b != 'x']`, true)
	f(`[NOT a:b = 'x']`, true)
	f(`[a:b NOT = 'x']`, true)
	f(`[a:b NOT IN ('x')]`, true)
	f(`[a:b IN ('x', 'y')]`, false, "a:b=x", "a:b=y")
	f(`[a:b ISSUBSET '192.0.2.0/24']`, false, "a:b=192.0.2.0/24")
	f(`[a:b LIKE 'x%' OR a:b MATCHES '^x' OR a:n > 5 OR a:n <= 7]`, true)
	f(`[EXISTS a:b OR a:c = 'y']`, true, "a:c=y")
	f(`[file:hashes.'SHA-256' = 'ab']`, false, "file:hashes.'SHA-256'=ab")
	f(`[a:list[*].name = 'x' OR a:list[0].name = 'y']`, false, "a:list[*].name=x", "a:list[0].name=y")
	for _, bad := range []string{``, `[`, `[]`, `a:b = 'x'`, `[a:b = 'x'`, `[a:b = ]`, `[a:b 'x']`, `[a = 'x']`, `[a:b = 'x'] x`, `[a:b = 'x' OR]`, `[a:b IN 'x',]`, `[a:b IN ('x']`,
		`[a:b = 'x\`, `[:b = 'x']`, `['a:b' = 'x']`, "[a:b = '\xff']", `[a:b = 'x'] OR`, strings.Repeat("(", 1000), strings.Repeat("[(", 1000)} {
		if terms, _, err := readPattern(bad); err == nil {
			t.Errorf("%.40s was taken: %v", bad, terms)
		}
	}
}

func TestValues(t *testing.T) {
	f := func(kind vedette.IndicatorKind, in string, want ...string) {
		t.Helper()
		list, err := readValue(nil, kind, in)
		var have []string
		for i := range list {
			have = append(have, list[i].String())
		}
		if (err == nil) != (len(want) > 0) || !slices.Equal(have, want) {
			t.Errorf("%s %q: %q, %v", kind, in, have, err)
		}
	}
	f(vedette.IndicatorAddress, "0.0.0.0-255.255.255.255", "0.0.0.0/0")
	f(vedette.IndicatorAddress, "192.0.2.1-192.0.2.6", "192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/31", "192.0.2.6/32")
	f(vedette.IndicatorAddress, "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0")
	f(vedette.IndicatorAddress, "::ffff:192.0.2.0/120", "192.0.2.0/24")
	f(vedette.IndicatorAddress, "192.0.2.1%eth0")
	f(vedette.IndicatorAddress, "192.0.02.1")
	f(vedette.IndicatorASN, "AS64500", "64500")
	for _, bad := range []string{"0", "AS", "AS-1", "23456", "4294967295", "4294967296", "as 5"} {
		f(vedette.IndicatorASN, bad)
	}
	f(vedette.IndicatorJA4, "T13d1516h2_8daaf6152771_02713d6af862")
	f(vedette.IndicatorWallet, "password")
	f(vedette.IndicatorWallet, strings.Repeat("a", maxValue+1))
	f(vedette.IndicatorKey, "abcd")
	f(vedette.IndicatorNone, "x")
}

// TestRanges: the prefixes of a range cover it and nothing else.
func TestRanges(t *testing.T) {
	at := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)}) }
	for from := range 70 {
		for to := from; to < 300; to += 7 {
			list, ok := rangePrefixes(at(from), at(to))
			for n := range 400 {
				in := slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(at(n)) })
				if !ok || in != (n >= from && n <= to) {
					t.Fatalf("%v-%v: %v, %v is in: %v", at(from), at(to), list, at(n), in)
				}
			}
		}
	}
}
