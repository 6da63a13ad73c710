package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)
	for _, x := range []struct {
		in   string
		want error
	}{
		{`{}`, nil}, {`[]`, nil}, {`"x"`, nil}, {` 1 `, nil}, {`-0.5e+3`, nil}, {`null`, nil}, {"\t[true,false]\r\n", nil},
		{`{"a":{"b":[1,{"c":"d"}]}}`, nil}, {`"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"`, nil}, {`{"a":1,"b":1,"ab":1}`, nil},
		{strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), nil},
		{``, ErrSyntax}, {` `, ErrSyntax}, {`{`, ErrSyntax}, {`{"a"}`, ErrSyntax}, {`{"a":}`, ErrSyntax}, {`{"a":1,}`, ErrSyntax}, {`[1,]`, ErrSyntax},
		{`[1 2]`, ErrSyntax}, {`01`, ErrSyntax}, {`-`, ErrSyntax}, {`1.`, ErrSyntax}, {`.5`, ErrSyntax}, {`1e`, ErrSyntax}, {`+1`, ErrSyntax}, {`tru`, ErrSyntax},
		{`NaN`, ErrSyntax}, {`'a'`, ErrSyntax}, {`"a`, ErrSyntax}, {"\"a\nb\"", ErrSyntax}, {`"\x"`, ErrSyntax}, {`"\u12"`, ErrSyntax}, {`"\`, ErrSyntax},
		{`{} {}`, ErrSyntax}, {`1,`, ErrSyntax}, {"\ufeff{}", ErrSyntax}, {`{a:1}`, ErrSyntax}, {`// x`, ErrSyntax}, {"[1]\x00", ErrSyntax},
		{`{"a":1,"a":1}`, ErrDuplicate}, {`{"a":1,"A":1}`, ErrDuplicate}, {`{"a":1,"\u0061":1}`, ErrDuplicate}, {`{"k":1,"` + "\u212a" + `":1}`, ErrDuplicate},
		{`{"s":1,"\u017f":1}`, ErrDuplicate}, {`{"É":1,"é":1}`, ErrDuplicate}, {`{"x":[{"a":1,"b":{"c":1,"C":2}}]}`, ErrDuplicate},
		{`{"a":1,"a ":1}`, ErrDuplicate}, {`{"a":1,"\u0020A":1}`, ErrDuplicate}, {`{"a":1,"a\u0000":1}`, ErrEncoding}, {`{"a\n":1}`, ErrEncoding},
		{`{"a b":1,"ab":1}`, nil}, {`{"":1,"":2}`, ErrDuplicate}, {members(40, 39), ErrDuplicate}, {members(12, 3), ErrDuplicate}, {members(40, -1), nil},
		{"\"\xff\"", ErrEncoding}, {"\"\xc0\x80\"", ErrEncoding}, {"{\"\xed\xa0\x80\":1}", ErrEncoding}, {`"\ud800"`, ErrEncoding}, {`"\udc00"`, ErrEncoding},
		{`"\ud800\u0041"`, ErrEncoding}, {`"\ud800x"`, ErrEncoding}, {`"\ud800\ud800"`, ErrEncoding}, {`"\udc00\udc00"`, ErrEncoding},
		{deep, ErrLimit}, {"[" + strings.Repeat("0,", MaxNodes) + "0]", ErrLimit},
	} {
		var d Doc
		err := d.Parse([]byte(x.in))
		short := x.in[:min(len(x.in), 60)]
		if !errors.Is(err, x.want) || (x.want == nil) != (err == nil) {
			t.Errorf("%q: %v, want %v", short, err, x.want)
		}
		if err != nil && d.Root().Exists() {
			t.Errorf("%q: has a root after an error", short)
		}
	}
}

// members is an object of n members, the last of which repeats the name of number
// again; -1 for none.
func members(n, again int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `%c"name%d":%d`, "{,"[min(i, 1)], i, i)
	}
	if again >= 0 {
		fmt.Fprintf(&b, `,"NAME%d":0`, again)
	}
	return b.String() + "}"
}

func TestValue(t *testing.T) {
	var d Doc
	if err := d.Parse([]byte(`{"s":"a\n\u00e9\ud83d\ude00","n":-1.50,"t":true,"z":null,"l":[1,[2,3],{"k":"v"}],"\u006b":"esc","e":"","o":{}}`)); err != nil {
		t.Fatal(err)
	}
	r := d.Root()
	for name, want := range map[string]string{"s": "a\né😀", "n": "-1.50", "t": "true", "z": "", "l": "", "k": "esc", "e": "", "gone": ""} {
		if got := r.Get(name).Text(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]Kind{"s": String, "n": Number, "t": True, "z": Null, "l": Array, "o": Object, "gone": Missing} {
		if got := r.Get(name).Kind(); got != want {
			t.Errorf("%s: kind %d, want %d", name, got, want)
		}
	}
	l := r.Get("l")
	if l.Raw() != `[1,[2,3],{"k":"v"}]` || l.Len() != 3 || r.Len() != 8 || r.Get("o").Len() != 0 {
		t.Errorf("list %q of %d, object of %d", l.Raw(), l.Len(), r.Len())
	}
	if second := l.First().Next(l); second.Raw() != "[2,3]" || second.Next(l).Get("k").Text() != "v" || second.Next(l).Next(l).Exists() {
		t.Errorf("elements: %q", second.Raw())
	}
	if r.Get("s").Raw() != `a\n\u00e9\ud83d\ude00` || r.Get("k").Name() != "k" || r.Name() != "" {
		t.Errorf("raw %q, name %q", r.Get("s").Raw(), r.Get("k").Name())
	}
	var none Value
	if none.Exists() || none.Raw() != "" || none.Text() != "" || none.Name() != "" || none.Get("x").Exists() || none.First().Exists() || none.Next(r).Exists() {
		t.Error("the zero value is not missing")
	}
	if l.Get("k").Exists() || r.Get("n").First().Exists() {
		t.Error("an array has members, or a number elements")
	}
}

// TestReuse holds that a Doc forgets its former document and allocates nothing.
func TestReuse(t *testing.T) {
	var d Doc
	docs := [][]byte{[]byte(order), []byte(`{"a":1,"a":2}`), []byte(`[]`), []byte(members(60, -1)), []byte(`{"a":`)}
	for _, b := range docs {
		d.Parse(b)
	}
	if n := testing.AllocsPerRun(100, func() {
		if d.Parse(docs[0]) != nil || d.Root().Get("symbol").Text() != "BTCUSDT" || d.Parse(docs[3]) != nil || d.Root().Get("name59").Text() != "59" {
			t.Error("wrong document")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if d.Parse(docs[2]) != nil || d.Root().Kind() != Array || d.Root().Len() != 0 {
		t.Error("the former document shows")
	}
}

// FuzzParse holds the parser to encoding/json: what it accepts, that accepts with
// the same values; what it refuses as ambiguous is only that.
func FuzzParse(f *testing.F) {
	for _, s := range []string{order, `{"a":[1,-2.5e3,true,false,null,"x\u00e9\ud83d\ude00\n"],"b":{}}`, `{"a":1,"A":2}`, `"\ud800"`, "\"\xff\"", `[[[[]]]]`, `{"a":1}{}`, ` [ 1 , 2 ] `, `-0`, `1e400`, `"\u0000"`} {
		f.Add([]byte(s))
	}
	var d Doc
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		err := d.Parse(b)
		if !bytes.Equal(before, b) {
			t.Fatal("the document was changed")
		}
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.UseNumber()
		var want any
		lenient := dec.Decode(&want) == nil && !dec.More() && json.Valid(b)
		switch {
		case err == nil && !lenient:
			t.Fatalf("accepted, and encoding/json refuses: %q", b)
		case err == nil:
			if got := tree(d.Root()); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
				t.Fatalf("%q\n got %#v\nwant %#v", b, got, want)
			}
		case errors.Is(err, ErrSyntax) && lenient && utf8.Valid(b):
			t.Fatalf("refused as no JSON, and encoding/json accepts: %q: %v", b, err)
		}
	})
}

// tree rebuilds what encoding/json would have made.
func tree(v Value) any {
	switch v.Kind() {
	case True, False:
		return v.Kind() == True
	case Number:
		return json.Number(v.Text())
	case String:
		return v.Text()
	case Array:
		list := []any{}
		for e := v.First(); e.Exists(); e = e.Next(v) {
			list = append(list, tree(e))
		}
		return list
	case Object:
		m := map[string]any{}
		for e := v.First(); e.Exists(); e = e.Next(v) {
			m[e.Name()] = tree(e)
			if v.Get(e.Name()) != e {
				panic("BUG: Get does not find " + e.Name())
			}
		}
		return m
	}
	return nil
}

const order = `{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.0100","price":"20000.50","newClientOrderId":"x-8f2a77","recvWindow":5000,"timestamp":1795340740057}`

func BenchmarkParse(b *testing.B) {
	batch := `{"op":"batch","args":[` + strings.Repeat(order+",", 19) + order + `]}`
	for name, in := range map[string]string{"order": order, "batch": batch} {
		b.Run(name, func(b *testing.B) {
			var d Doc
			src := []byte(in)
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if d.Parse(src) != nil {
					b.Fatal("does not parse")
				}
			}
		})
	}
	b.Run("stdlib", func(b *testing.B) {
		src := []byte(order)
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			var v map[string]any
			if json.Unmarshal(src, &v) != nil {
				b.Fatal("does not parse")
			}
		}
	})
}

// TestTrim: a large document's memory goes to the next, a small one's stays, and what
// is parsed after is right.
func TestTrim(t *testing.T) {
	var d Doc
	if err := d.Parse([]byte(`{"a":[1,2]}`)); err != nil || d.Trim() || d.Root().Get("a").Len() != 2 {
		t.Error("a small document was trimmed", err)
	}
	big := []byte("[" + strings.Repeat(`{"a":0,"b":"x"},`, 5000) + "1]")
	for range 3 {
		if err := d.Parse(big); err != nil || d.Root().Len() != 5001 {
			t.Fatal(err, d.Root().Len())
		}
		if !d.Trim() || cap(d.nodes) > keepNodes || d.Root().Exists() {
			t.Error("a large document stays")
		}
	}
	grown := testing.AllocsPerRun(20, func() {
		if d.Parse(big) != nil || !d.Trim() {
			t.Error("not parsed")
		}
	})
	if grown > 12 { // from nothing it takes 30; with the race detector a pool forgets at random
		t.Errorf("%.1f allocations for a large document after another", grown)
	}
}
