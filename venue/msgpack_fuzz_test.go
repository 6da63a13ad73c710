package venue

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"vedette/internal/strictjson"
)

// unpack reads one MessagePack value, as its specification says, into words.
func unpack(b []byte) (words string, rest []byte) {
	c, b := b[0], b[1:]
	uint := func(n int) (v uint64) {
		for _, x := range b[:n] {
			v = v<<8 | uint64(x)
		}
		b = b[n:]
		return v
	}
	text := func(n uint64) string {
		s := string(b[:n])
		b = b[n:]
		return strconv.Quote(s)
	}
	list := func(n uint64, keys bool) string {
		var parts []string
		for range n {
			var k, v string
			if keys {
				k, b = unpack(b)
				k += ":"
			}
			v, b = unpack(b)
			parts = append(parts, k+v)
		}
		if keys {
			return "{" + strings.Join(parts, ",") + "}"
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	switch {
	case c < 0x80:
		words = fmt.Sprint(c)
	case c < 0x90:
		words = list(uint64(c&15), true)
	case c < 0xa0:
		words = list(uint64(c&15), false)
	case c < 0xc0:
		words = text(uint64(c & 31))
	case c >= 0xe0:
		words = fmt.Sprint(int8(c))
	case c == 0xc0:
		words = "null"
	case c == 0xc2:
		words = "false"
	case c == 0xc3:
		words = "true"
	case c == 0xcb:
		words = "float " + fmt.Sprint(math.Float64frombits(uint(8)))
	case c >= 0xcc && c <= 0xcf:
		words = fmt.Sprint(uint(1 << (c - 0xcc)))
	case c >= 0xd0 && c <= 0xd3:
		n := 1 << (c - 0xd0)
		shift := 64 - 8*n
		words = fmt.Sprint(int64(uint(n)<<shift) >> shift)
	case c >= 0xd9 && c <= 0xdb:
		words = text(uint(1 << (c - 0xd9)))
	case c == 0xdc || c == 0xdd:
		words = list(uint(2<<(c-0xdc)), false)
	case c == 0xde || c == 0xdf:
		words = list(uint(2<<(c-0xde)), true)
	default:
		panic(fmt.Sprintf("byte %x", c))
	}
	return words, b
}

// say writes a JSON value in the same words.
func say(v strictjson.Value) string {
	var parts []string
	for e := v.First(); e.Exists(); e = e.Next(v) {
		if v.Kind() == strictjson.Object {
			parts = append(parts, strconv.Quote(e.Name())+":"+say(e))
		} else {
			parts = append(parts, say(e))
		}
	}
	switch v.Kind() {
	case strictjson.Object:
		return "{" + strings.Join(parts, ",") + "}"
	case strictjson.Array:
		return "[" + strings.Join(parts, ",") + "]"
	case strictjson.String:
		return strconv.Quote(v.Text())
	case strictjson.Number:
		if s := v.Raw(); strings.ContainsAny(s, ".eE") || s == "-0" {
			f, _ := strconv.ParseFloat(s, 64)
			return "float " + fmt.Sprint(f)
		}
	}
	return v.Raw()
}

// FuzzMsgpack: what is packed reads as what it was made from.
func FuzzMsgpack(f *testing.F) {
	for _, s := range []string{`{"type":"order","orders":[{"a":4,"b":true,"p":"1100","s":"0.2","r":false,"t":{"limit":{"tif":"Gtc"}}}],"grouping":"na"}`, `[-1,-33,-129,-32769,-2147483649,255,65536,4294967296,1.5,-0,null]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var d strictjson.Doc
		if d.Parse([]byte(s)) != nil {
			return
		}
		b, ok := appendMsgpack(nil, d.Root(), "")
		if !ok {
			return
		}
		got, rest := unpack(b)
		if want := say(d.Root()); got != want || len(rest) > 0 {
			t.Fatalf("%s packs to %x: reads %s, want %s, %d bytes left", s, b, got, want, len(rest))
		}
		if len(b) > 9*len(s)+9 {
			t.Fatalf("%d bytes of %d", len(b), len(s))
		}
	})
}
