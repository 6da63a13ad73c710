package ja4

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// hello is a ClientHello as lists of hex codes.
type hello struct {
	version    uint16 // legacy_version
	ciphers    string
	extensions string
	schemes    string
	versions   string // of supported_versions
	alpn       []string
}

func codes(s string) []uint16 {
	var list []uint16
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) {
		v, err := strconv.ParseUint(f, 16, 16)
		if err != nil {
			panic(err)
		}
		list = append(list, uint16(v))
	}
	return list
}

func list16(list []uint16, width int) []byte {
	var b []byte
	for _, v := range list {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return prefixed(b, width)
}

func prefixed(b []byte, width int) []byte {
	if width == 1 {
		return append([]byte{byte(len(b))}, b...)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// record builds the bytes on the wire. Extensions whose content the fingerprint does not
// read get the least that a server parses.
func (h hello) record() []byte {
	body := binary.BigEndian.AppendUint16(nil, h.version)
	body = append(body, make([]byte, 32)...) // random
	body = append(body, 0)                   // session id
	body = append(body, list16(codes(h.ciphers), 2)...)
	body = append(body, 1, 0) // compression
	var all []byte
	for _, e := range codes(h.extensions) {
		var c []byte
		switch e {
		case 0x0000:
			c = prefixed(append([]byte{0}, prefixed([]byte("api.example.com"), 2)...), 2)
		case 0x0005:
			c = []byte{1, 0, 0, 0, 0}
		case 0x000a:
			c = list16([]uint16{0x1a1a, 0x001d}, 2)
		case 0x000b:
			c = []byte{1, 0}
		case 0x000d:
			c = list16(codes(h.schemes), 2)
		case 0x0010:
			var p []byte
			for _, a := range h.alpn {
				p = append(p, prefixed([]byte(a), 1)...)
			}
			c = prefixed(p, 2)
		case 0x002b:
			c = list16(codes(h.versions), 1)
		case 0x002d:
			c = []byte{1, 1}
		case 0x0033:
			c = prefixed(append([]byte{0, 0x1d}, prefixed(make([]byte, 32), 2)...), 2)
		case 0xff01:
			c = []byte{0}
		}
		all = append(binary.BigEndian.AppendUint16(all, e), prefixed(c, 2)...)
	}
	body = append(body, prefixed(all, 2)...)
	msg := append([]byte{1, byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}, body...)
	return append([]byte{22, 3, 1}, prefixed(msg, 2)...)
}

// served returns the fingerprint that a real TLS server computes from the bytes.
func served(t *testing.T, record []byte) string {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	client.SetDeadline(time.Now().Add(5 * time.Second))
	server.SetDeadline(time.Now().Add(5 * time.Second))
	go func() {
		client.Write(record)
		client.Read(make([]byte, 100))
	}()
	got := ""
	stop := errors.New("seen enough")
	err := tls.Server(server, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		got = Of(h)
		return nil, stop
	}}).Handshake()
	if got == "" {
		t.Fatalf("server did not take the hello: %v", err)
	}
	return got
}

const (
	chromeCiphers = "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"
	chromeSchemes = "0403,0804,0401,0503,0805,0501,0806,0601"
)

func TestPublishedExamples(t *testing.T) {
	rows := []struct {
		name string
		h    hello
		want string
	}{
		{"the example of JA4.md, in its original order", hello{0x0303, chromeCiphers,
			"001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015", chromeSchemes, "0304,0303", []string{"h2", "http/1.1"}},
			"t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"the same with GREASE everywhere", hello{0x0303, "3a3a," + chromeCiphers,
			"fafa,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,1a1a,0015", "0a0a," + chromeSchemes, "8a8a,0304,0303", []string{"h2"}},
			"t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"the same in another order of extensions", hello{0x0303, chromeCiphers,
			"0015,000a,000b,ff01,002b,0012,0023,0005,000d,002d,0017,4469,0010,0033,0000,001b", chromeSchemes, "0304", []string{"h2"}},
			"t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"Chrome 143 with its published raw form", hello{0x0303, "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
			"002d,0033,0010,fe0d,0017,44cd,0000,000b,000a,002b,ff01,0023,0012,0005,000d,001b", chromeSchemes, "0304,0303", []string{"h2", "http/1.1"}},
			"t13d1516h2_8daaf6152771_d8a2da3f94cd"},
		{"no SNI, no ALPN, TLS 1.2 without supported_versions", hello{0x0303, "c02f,00ff", "000d,000a,000b", "0401", "", nil},
			"t12i020300_" + hash("00ff,c02f") + "_" + hash("000a,000b,000d_0401")},
		{"TLS 1.0 without extensions", hello{0x0301, "002f", "", "", "", nil}, "t10i010000_" + hash("002f") + "_000000000000"},
	}
	for _, row := range rows {
		if got := served(t, row.h.record()); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}

func hash(list string) string { return string(appendHash(nil, []byte(list))) }

// JA4.md gives these hashes of their own.
func TestPublishedHashes(t *testing.T) {
	if got := hash("0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01"); got != "6d807ffa2a79" {
		t.Errorf("without signature algorithms: %s", got)
	}
	if got := hash(""); got != "000000000000" {
		t.Errorf("nothing: %s", got)
	}
}

// The ALPN examples of JA4.md.
func TestPublishedALPN(t *testing.T) {
	for alpn, want := range map[string]string{"": "00", "h2": "h2", "http/1.1": "h1", "x": "xx", "\xab": "ab", "\xab\xcd": "ad",
		"\x30\xab": "3b", "\x30\x31\xab\xcd": "3d", "\x30\xab\xcd\x31": "01"} {
		if got := string(appendALPN(nil, []string{alpn})); got != want {
			t.Errorf("%q: got %s, want %s", alpn, got, want)
		}
	}
}

func TestCountsStopAt99(t *testing.T) {
	h := &tls.ClientHelloInfo{CipherSuites: make([]uint16, 300), SupportedVersions: []uint16{0x7f1c}}
	if got := Of(h); !strings.HasPrefix(got, "t00i990000_") {
		t.Errorf("got %s", got)
	}
}

func BenchmarkOf(b *testing.B) {
	h := &tls.ClientHelloInfo{CipherSuites: codes(chromeCiphers), Extensions: codes("0000,000a,000d,0010,002b,0033"),
		SupportedVersions: codes("0304"), SupportedProtos: []string{"h2"}}
	b.ReportAllocs()
	for b.Loop() {
		Of(h)
	}
}
