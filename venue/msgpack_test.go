package venue

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"vedette/internal/strictjson"
)

// The heads and boundaries of the MessagePack specification ("Formats").
func TestMsgpack(t *testing.T) {
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("0,", n), ",") + "]" }
	object := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%05d":0`, i)
		}
		return "{" + strings.TrimPrefix(b.String(), ",") + "}"
	}
	text := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	for _, x := range []struct{ in, head string }{
		{"null", "c0"}, {"false", "c2"}, {"true", "c3"},
		{"0", "00"}, {"127", "7f"}, {"128", "cc80"}, {"255", "ccff"}, {"256", "cd0100"}, {"65535", "cdffff"}, {"65536", "ce00010000"},
		{"4294967295", "ceffffffff"}, {"4294967296", "cf0000000100000000"}, {"18446744073709551615", "cfffffffffffffffff"},
		{"-1", "ff"}, {"-32", "e0"}, {"-33", "d0df"}, {"-128", "d080"}, {"-129", "d1ff7f"}, {"-32768", "d18000"}, {"-32769", "d2ffff7fff"},
		{"-2147483648", "d280000000"}, {"-2147483649", "d3ffffffff7fffffff"}, {"-9223372036854775808", "d38000000000000000"},
		{"1.5", "cb3ff8000000000000"}, {"10.0", "cb4024000000000000"}, {"1e3", "cb408f400000000000"}, {"-0", "cb8000000000000000"},
		{`""`, "a0"}, {text(31), "bf78"}, {text(32), "d92078"}, {text(255), "d9ff78"}, {text(256), "da010078"}, {text(65535), "daffff78"}, {text(65536), "db0001000078"},
		{`"é"`, "a2c3a9"}, {`"\u00e9"`, "a2c3a9"},
		{"[]", "90"}, {list(15), "9f00"}, {list(16), "dc001000"}, {list(65535), "dcffff00"},
		{"{}", "80"}, {object(15), "8fa53030303030"}, {object(16), "de0010a5"},
		{`{"b":1,"a":[true]}`, "82a16201a16191c3"},
	} {
		var d strictjson.Doc
		if err := d.Parse([]byte(x.in)); err != nil {
			t.Fatal(err)
		}
		got, ok := appendMsgpack([]byte{0xff}, d.Root(), "")
		if s := hex.EncodeToString(got[1:]); !ok || !strings.HasPrefix(s, x.head) {
			t.Errorf("%.40s: %.40s, want %s", x.in, s, x.head)
		}
		if k := d.Root().Kind(); k < strictjson.String && len(got) != 1+len(x.head)/2 {
			t.Errorf("%s: %x", x.in, got[1:])
		}
	}
	for _, in := range []string{"18446744073709551616", "-9223372036854775809", "1e999", "[1,1e999]", `{"a":-9223372036854775809}`} {
		var d strictjson.Doc
		if err := d.Parse([]byte(in)); err != nil {
			t.Fatal(err)
		}
		if got, ok := appendMsgpack(nil, d.Root(), ""); ok {
			t.Errorf("%s: %x, want a refusal", in, got)
		}
	}
	var d strictjson.Doc
	if err := d.Parse([]byte(`{"type":"x","a":{"type":"y"}}`)); err != nil {
		t.Fatal(err)
	}
	if got, _ := appendMsgpack(nil, d.Root(), "type"); hex.EncodeToString(got) != "81a16181a474797065a179" {
		t.Errorf("without a member: %x", got)
	}
}
