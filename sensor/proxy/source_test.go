package proxy

import (
	"encoding/binary"

	"hash/crc32"

	"net/netip"
	"strings"
	"testing"
)

func prefixes(list ...string) hops {
	var h hops
	for _, s := range list {
		h = append(h, netip.MustParsePrefix(s))
	}
	return h
}

func TestForwardedForIsPeeled(t *testing.T) {
	trusted := prefixes("10.0.0.0/8", "fd00::/8")
	rows := []struct {
		from   string
		fields []string
		want   string
	}{
		{"192.0.2.1:5", []string{"6.6.6.6"}, "192.0.2.1:5"}, // not trusted: nothing is believed
		{"10.0.0.1:5", nil, "10.0.0.1:5"},
		{"10.0.0.1:5", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"10.0.0.1:5", []string{"6.6.6.6, 203.0.113.7"}, "203.0.113.7:0"}, // 6.6.6.6 is the client's own claim
		{"10.0.0.1:5", []string{"203.0.113.7, 10.0.0.2"}, "203.0.113.7:0"},
		{"10.0.0.1:5", []string{"6.6.6.6", "203.0.113.7", "10.0.0.2"}, "203.0.113.7:0"}, // fields in order
		{"10.0.0.1:5", []string{"203.0.113.7:1234"}, "203.0.113.7:1234"},
		{"10.0.0.1:5", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"10.0.0.1:5", []string{"[2001:db8::7]:99"}, "[2001:db8::7]:99"},
		{"10.0.0.1:5", []string{"[2001:db8::7]"}, "[2001:db8::7]:0"},
		{"[fd00::1]:5", []string{"::ffff:203.0.113.7"}, "203.0.113.7:0"},
		{"10.0.0.1:5", []string{"rubbish"}, "10.0.0.1:5"},
		{"10.0.0.1:5", []string{"203.0.113.7, rubbish, 10.0.0.2"}, "10.0.0.2:0"}, // the last one known
		{"10.0.0.1:5", []string{""}, "10.0.0.1:5"},
		{"10.0.0.1:5", []string{"203.0.113.7,"}, "10.0.0.1:5"},
		{"10.0.0.1:5", []string{"fe80::1%eth0"}, "10.0.0.1:5"},
		{"10.0.0.1:5", []string{strings.Repeat("203.0.113.7, ", 40) + strings.TrimSuffix(strings.Repeat("10.0.0.2, ", 40), ", ")}, "10.0.0.2:0"},
	}
	for _, row := range rows {
		var h head
		h.reset()
		for _, f := range row.fields {
			h.add("X-Forwarded-For", f)
		}
		if got := trusted.source(netip.MustParseAddrPort(row.from), &h).String(); got != row.want {
			t.Errorf("%s via %q: got %s, want %s", row.from, row.fields, got, row.want)
		}
	}
}

func TestTrustedHop(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) { c.Trusted = prefixes("127.0.0.0/8") })
	r.raw("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a\r\nForwarded: for=x\r\n\r\n")
	g := <-o.got
	if v := g.header.Values("X-Forwarded-For"); len(v) != 1 || v[0] != "6.6.6.6, 203.0.113.7, 127.0.0.1" {
		t.Errorf("venue got %q", v)
	}
	if g.header.Get("X-Forwarded-Proto") != "https" || g.header.Get("X-Forwarded-Host") != "a" || g.header.Get("Forwarded") != "for=x" {
		t.Errorf("venue got %v", g.header)
	}
	c := r.m.Calls()[0]
	if c.Source != "203.0.113.7:0" || !strings.HasPrefix(c.Peer, "127.0.0.1:") || c.Request.Scheme != "https" {
		t.Errorf("monitor saw %s via %s by %s", c.Source, c.Peer, c.Request.Scheme)
	}
}

// header2 builds a PROXY header; TLVs are appended as they are.
func header2(command, family byte, addresses string, tlvs ...string) string {
	body := addresses + strings.Join(tlvs, "")
	return proxySignature + string([]byte{command, family}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(body)))) + body
}

func tlv(typ byte, value string) string {
	return string(binary.BigEndian.AppendUint16([]byte{typ}, uint16(len(value)))) + value
}

// summed fills in the checksum TLV that ends the header.
func summed(h string) string {
	sum := crc32.Checksum([]byte(h), crc32.MakeTable(crc32.Castagnoli))
	return h[:len(h)-4] + string(binary.BigEndian.AppendUint32(nil, sum))
}

const (
	tcp4 = "\xcb\x00\x71\x07\x0a\x00\x00\x01\x12\x34\x01\xbb" // 203.0.113.7:4660 to 10.0.0.1:443
	tcp6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x12\x34\x01\xbb"
)

var proxyHeaders = []struct {
	name, header, from string
	ok                 bool
}{
	{"TCP over IPv4", header2(0x21, 0x11, tcp4), "203.0.113.7:4660", true},
	{"TCP over IPv6", header2(0x21, 0x21, tcp6), "[2001:db8::7]:4660", true},
	{"local", header2(0x20, 0x00, ""), "invalid AddrPort", true},
	{"local with addresses", header2(0x20, 0x11, tcp4), "invalid AddrPort", true},
	{"unspecified", header2(0x21, 0x00, "whatever"), "invalid AddrPort", true},
	{"unix", header2(0x21, 0x31, strings.Repeat("\x00", 216)), "invalid AddrPort", true},
	{"TLVs", header2(0x21, 0x11, tcp4, tlv(0x01, "h2"), tlv(0x04, ""), tlv(0xea, "vpce")), "203.0.113.7:4660", true},
	{"SSL TLV", header2(0x21, 0x11, tcp4, tlv(0x20, "\x01\x00\x00\x00\x00"+tlv(0x21, "TLSv1.3"))), "203.0.113.7:4660", true},
	{"checksum", summed(header2(0x21, 0x11, tcp4, tlv(0x03, "\x00\x00\x00\x00"))), "203.0.113.7:4660", true},
	{"wrong checksum", header2(0x21, 0x11, tcp4, tlv(0x03, "\x00\x00\x00\x00")), "", false},
	{"checksum of three bytes", header2(0x21, 0x11, tcp4, tlv(0x03, "\x00\x00\x00")), "", false},
	{"two checksums", header2(0x21, 0x11, tcp4, tlv(0x03, "abcd"), tlv(0x03, "abcd")), "", false},
	{"TLV cut off", header2(0x21, 0x11, tcp4, "\x01\x00\x05ab"), "", false},
	{"TLV head cut off", header2(0x21, 0x11, tcp4, "\x01\x00"), "", false},
	{"nested TLV cut off", header2(0x21, 0x11, tcp4, tlv(0x20, "\x01\x00\x00\x00\x00\x21\x00\x09ab")), "", false},
	{"SSL TLV too short", header2(0x21, 0x11, tcp4, tlv(0x20, "\x01\x00")), "", false},
	{"addresses cut off", header2(0x21, 0x11, tcp4[:11]), "", false},
	{"UDP", header2(0x21, 0x12, tcp4), "", false},
	{"unknown family", header2(0x21, 0x41, tcp4), "", false},
	{"unknown command", header2(0x22, 0x11, tcp4), "", false},
	{"version 1 nibble", header2(0x11, 0x11, tcp4), "", false},
	{"version 1 line", "PROXY TCP4 203.0.113.7 10.0.0.1 4660 443\r\n", "", false},
	{"too long", header2(0x21, 0x11, tcp4, tlv(0x04, strings.Repeat("x", 5000))), "", false},
	{"no header", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", false},
}

func TestProxyHeader(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) {
		c.Trusted = prefixes("127.0.0.0/8")
		c.Listeners[0].ProxyProtocol = true
	})
	for _, row := range proxyHeaders {
		before := len(r.m.Calls())
		s := statuses(r.raw(row.header + "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"))
		if !row.ok {
			if len(s) != 0 || len(r.m.Calls()) != before {
				t.Errorf("%s: served: %v", row.name, s)
			}
			continue
		}
		if len(s) != 1 || s[0] != 200 {
			t.Errorf("%s: got %v", row.name, s)
			continue
		}
		// The address in the header is no trusted hop: what it says of others is not believed.
		c, g := r.m.Calls()[before], <-o.got
		if row.from == "invalid AddrPort" {
			if c.Source != "6.6.6.6:0" { // the hop itself forwards
				t.Errorf("%s: source %s", row.name, c.Source)
			}
		} else if c.Source != row.from || g.header.Get("X-Forwarded-For") != netip.MustParseAddrPort(row.from).Addr().String() {
			t.Errorf("%s: source %s, venue got %q", row.name, c.Source, g.header.Get("X-Forwarded-For"))
		}
		if !strings.HasPrefix(c.Peer, "127.0.0.1:") {
			t.Errorf("%s: peer %s", row.name, c.Peer)
		}
	}
}

func TestProxyHeaderOnlyFromTrustedHops(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) { c.Listeners[0].ProxyProtocol = true })
	if s := r.raw(header2(0x21, 0x11, tcp4) + order); s != "" || len(r.m.Calls()) != 0 {
		t.Errorf("served: %q", s)
	}
	if r.Stats().HandshakeFailed != 1 {
		t.Error("not counted")
	}
}

func FuzzProxyHeader(f *testing.F) {
	for _, row := range proxyHeaders {
		f.Add([]byte(row.header))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := string(b)
		from, err := parseProxyHeader(b)
		if string(b) != before {
			t.Fatal("the header was changed")
		}
		if err != nil && from.IsValid() {
			t.Fatalf("an address besides an error: %v", from)
		}
	})
}

func FuzzForwardedFor(f *testing.F) {
	f.Add("10.0.0.1", "6.6.6.6, 203.0.113.7, 10.2.3.4")
	f.Add("10.0.0.1", "[::1]:80,,x")
	trusted := prefixes("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, from, list string) {
		a, err := netip.ParseAddr(from)
		if err != nil {
			return
		}
		var h head
		h.reset()
		h.add("x-forwarded-for", list)
		got := trusted.source(netip.AddrPortFrom(a, 1), &h)
		switch {
		case !got.IsValid():
			t.Fatal("no source")
		case !trusted.trust(a) && got.Addr() != a:
			t.Fatalf("believed %s, who said %s", a, got)
		}
	})
}

// FuzzRequest checks that what one parse takes for a request, net/http takes for the same: it
// is fed as a whole and in pieces.
func FuzzRequest(f *testing.F) {
	for _, row := range smuggling {
		f.Add([]byte(row.request))
	}
	for _, row := range odd {
		f.Add([]byte(row.request))
	}
	lim := Limits{}.withDefaults()
	f.Fuzz(func(t *testing.T, in []byte) { compareWithNetHTTP(t, in, &lim) })
}

func FuzzChunks(f *testing.F) {
	f.Add([]byte("5;a=b\r\nhello\r\n0\r\nT: u\r\n\r\n"), uint8(2))
	f.Add([]byte("1\r\na\r\n00\r\n\r\nx"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, step uint8) { compareChunks(t, in, 1+int(step)) })
}

// A client must not have the proxy drop what a trusted hop said of it.
func TestConnectionMayNotNameWhatHopsSay(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, func(c *Config) { c.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Forwarded-Host"} {
		got := r.raw("GET /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nConnection: close, " + name + "\r\n\r\n")
		if s := statuses(got); len(s) != 1 || s[0] != 400 {
			calls := r.m.Calls()
			t.Errorf("Connection: %s: got %v, source taken as %v", name, s, calls[len(calls)-1].Source)
		}
	}
}
