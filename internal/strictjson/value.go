package strictjson

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind returns the value's kind.
func (v Value) Kind() Kind {
	if v.d == nil {
		return Missing
	}
	return v.d.nodes[v.i].kind
}

// Exists reports whether there is a value, null included.
func (v Value) Exists() bool { return v.d != nil }

// Raw returns the value's text as it stands in the document; of a string, the
// text between its quotes, escapes and all. It aliases the document.
func (v Value) Raw() string {
	if v.d == nil {
		return ""
	}
	n := &v.d.nodes[v.i]
	return v.d.text(n.start, n.end)
}

// Span returns where the text that Raw returns begins and ends in the document.
func (v Value) Span() (start, end int) {
	if v.d == nil {
		return 0, 0
	}
	n := &v.d.nodes[v.i]
	return int(n.start), int(n.end)
}

// Text returns what a string says, or the literal text of a number, true or
// false; "" for anything else. Without escapes it aliases the document.
func (v Value) Text() string {
	switch v.Kind() {
	case String:
		if n := &v.d.nodes[v.i]; n.escaped {
			return unescape(v.d.text(n.start, n.end))
		}
		return v.Raw()
	case Number, True, False:
		return v.Raw()
	}
	return ""
}

// Get returns the member of an object by name; Missing if there is none.
func (v Value) Get(name string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	d, end := v.d, v.d.nodes[v.i].next
	for i := v.i + 1; i < end; i = d.nodes[i].next {
		if d.keyIs(i, name) {
			return Value{d, i}
		}
	}
	return Value{}
}

// First returns the first element of an array or member of an object.
func (v Value) First() Value {
	if k := v.Kind(); k != Array && k != Object || v.d.nodes[v.i].next == v.i+1 {
		return Value{}
	}
	return Value{v.d, v.i + 1}
}

// Next returns the value after v within the container in; Missing at its end.
func (v Value) Next(in Value) Value {
	if v.d == nil {
		return Value{}
	}
	if i := v.d.nodes[v.i].next; i < in.d.nodes[in.i].next {
		return Value{v.d, i}
	}
	return Value{}
}

// Len returns the number of elements or members.
func (v Value) Len() int {
	n := 0
	for e := v.First(); e.Exists(); e = e.Next(v) {
		n++
	}
	return n
}

// Name returns the member name of a value that stands in an object.
func (v Value) Name() string {
	if v.d == nil {
		return ""
	}
	n := &v.d.nodes[v.i]
	if n.keyEscaped {
		return unescape(v.d.text(n.keyAt, n.keyEnd))
	}
	return v.d.text(n.keyAt, n.keyEnd)
}

func (d *Doc) keyIs(i uint32, name string) bool {
	n := &d.nodes[i]
	if n.keyEscaped {
		return unescape(d.text(n.keyAt, n.keyEnd)) == name
	}
	return d.text(n.keyAt, n.keyEnd) == name
}

func unescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4([]byte(s), i+1)
			i += 4
			if r >= 0xD800 && r <= 0xDBFF {
				low, _ := hex4([]byte(s), i+3)
				r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

type nameRef struct {
	hash uint64
	node uint32
}

// unique reports an error if two members of the object have names that a lenient
// reader could take for the same.
func (d *Doc) unique(self, count int) error {
	if count < 2 {
		return nil
	}
	d.names = d.names[:0]
	for i, end := uint32(self+1), uint32(len(d.nodes)); i < end; i = d.nodes[i].next {
		d.names = append(d.names, nameRef{d.foldHash(i), i})
	}
	if count > 12 {
		slices.SortFunc(d.names, func(a, b nameRef) int { return cmp.Compare(a.hash, b.hash) })
	}
	for i := range d.names {
		for j := i + 1; j < len(d.names); j++ {
			if d.names[i].hash == d.names[j].hash && strings.EqualFold(d.tidyName(d.names[i].node), d.tidyName(d.names[j].node)) {
				return d.fail(ErrDuplicate, "object")
			}
			if count > 12 && d.names[i].hash != d.names[j].hash {
				break
			}
		}
	}
	return nil
}

// seed keeps a sender from making names whose hashes are alike.
var seed = maphash.MakeSeed()

// lower maps ASCII letters to lower case.
var lower = func() (t [256]byte) {
	for c := range t {
		t[c] = byte(c)
		if c >= 'A' && c <= 'Z' {
			t[c] = byte(c) | 0x20
		}
	}
	return t
}()

// tidyName is a member's name without spaces at its ends.
func (d *Doc) tidyName(i uint32) string { return strings.TrimSpace(Value{d, i}.Name()) }

// foldHash hashes a member name so that names equal when tidied, under case folding, hash alike.
func (d *Doc) foldHash(i uint32) uint64 {
	name := d.tidyName(i)
	b := d.fold[:0]
	for k := 0; k < len(name); k++ {
		if name[k] >= utf8.RuneSelf {
			b = appendFolded(b, name[k:])
			break
		}
		b = append(b, lower[name[k]])
	}
	d.fold = b
	return maphash.Bytes(seed, b)
}

// appendFolded appends every rune as the lowest that it folds to, ASCII in lower
// case: U+212A, the kelvin sign, as k.
func appendFolded(b []byte, name string) []byte {
	for _, r := range name {
		low := r
		for s := unicode.SimpleFold(r); s != r; s = unicode.SimpleFold(s) {
			low = min(low, s)
		}
		if low < utf8.RuneSelf {
			low = rune(lower[low])
		}
		b = utf8.AppendRune(b, low)
	}
	return b
}
