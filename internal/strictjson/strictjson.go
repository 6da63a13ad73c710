// Package strictjson reads JSON into a reusable flat tree, refusing everything that two parsers could read differently.
//
// It follows RFC 8259 with the restrictions of I-JSON (RFC 7493): duplicate
// member names, names that differ only in case, invalid UTF-8 and lone surrogates
// are errors, and so are names that differ only in spaces at their ends and names with
// control characters, at which some readers end them. Parsing into a Doc that is used again does not allocate.
package strictjson

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// Limits against hostile documents.
const (
	MaxDepth = 64      // nesting; the deepest known venue message has 9
	MaxNodes = 1 << 16 // values in one document: a batch of 1,000 orders has 12,000
	// keepNodes is how many values Trim leaves room for, 28 bytes each: an order or its
	// answer has below 50.
	keepNodes = 256
	// largeBytes is from where on a document takes memory that a large one left.
	largeBytes = 8 << 10
)

// Kinds of error. Every error of Parse wraps one of them.
var (
	ErrSyntax    = errors.New("not JSON")
	ErrDuplicate = errors.New("duplicate member name")
	ErrEncoding  = errors.New("invalid UTF-8 or lone surrogate")
	ErrLimit     = errors.New("document too deep or too large")
)

// Kind is the type of a value.
type Kind uint8

// The kinds. Missing is what Get returns for a member that is not there.
const (
	Missing Kind = iota
	Null
	True
	False
	Number
	String
	Array
	Object
)

type node struct {
	kind          Kind
	escaped       bool // a string with escapes
	keyEscaped    bool
	start, end    uint32 // of the value's text; of a string without its quotes
	keyAt, keyEnd uint32 // of the member name without its quotes
	next          uint32 // index of the first node after this value's subtree
}

// Doc is a parsed document. It refers to the bytes it was parsed from. A Doc may
// be used again by calling Parse; values of the former document then end.
type Doc struct {
	src []byte
	pos int
	memory
}

// memory is what a Doc keeps from one document to the next.
type memory struct {
	nodes []node
	names []nameRef
	fold  []byte
}

// large holds the memory of large documents that were trimmed, for the next ones: as
// many as are read at once, and the collector may take it.
var large sync.Pool // *memory

// Value is one value of a Doc. The zero Value is Missing.
type Value struct {
	d *Doc
	i uint32
}

// Parse reads the whole of src, which must not change while the Doc is in use.
func (d *Doc) Parse(src []byte) error {
	if len(src) > largeBytes && cap(d.nodes) <= keepNodes {
		if m, ok := large.Get().(*memory); ok {
			d.memory = *m
		}
	}
	d.src, d.nodes, d.pos = src, d.nodes[:0], 0
	if len(src) > 1<<30 {
		return fmt.Errorf("%w: %d bytes", ErrLimit, len(src))
	}
	d.space()
	err := d.value(0)
	if err == nil {
		if d.space(); d.pos < len(src) {
			err = d.fail(ErrSyntax, "text after the document")
		}
	}
	if err != nil {
		d.nodes = d.nodes[:0]
	}
	return err
}

// Trim gives up the memory of a large document, whose values then end, and reports
// whether it was one.
func (d *Doc) Trim() bool {
	if cap(d.nodes) <= keepNodes && cap(d.names) <= keepNodes && cap(d.fold) <= 16*keepNodes {
		return false
	}
	m := d.memory
	large.Put(&m)
	*d = Doc{}
	return true
}

// Root returns the document's value; Missing before a successful Parse.
func (d *Doc) Root() Value {
	if len(d.nodes) == 0 {
		return Value{}
	}
	return Value{d, 0}
}

func (d *Doc) fail(kind error, what string) error {
	return fmt.Errorf("cannot read JSON at byte %d: %s: %w", d.pos, what, kind)
}

func (d *Doc) space() {
	if d.pos < len(d.src) && d.src[d.pos] > ' ' { // the usual case, small enough to inline
		return
	}
	d.spaces()
}

func (d *Doc) spaces() {
	for d.pos < len(d.src) {
		switch d.src[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

func (d *Doc) peek() byte {
	if d.pos < len(d.src) {
		return d.src[d.pos]
	}
	return 0
}

// value appends the value at pos and its subtree.
func (d *Doc) value(depth int) error {
	if len(d.nodes) >= MaxNodes {
		return d.fail(ErrLimit, "too many values")
	}
	i := len(d.nodes)
	d.nodes = append(d.nodes, node{start: uint32(d.pos)})
	var err error
	kind := Missing
	switch c := d.peek(); {
	case (c == '{' || c == '[') && depth >= MaxDepth:
		return d.fail(ErrLimit, "too many levels")
	case c == '{':
		kind, err = Object, d.object(i, depth)
	case c == '[':
		kind, err = Array, d.array(depth)
	case c == '"':
		var esc bool
		var from, to int
		from, to, esc, err = d.str()
		if err != nil {
			return err
		}
		n := &d.nodes[i]
		n.kind, n.escaped, n.start, n.end, n.next = String, esc, uint32(from), uint32(to), uint32(i+1)
		return nil
	case c == '-' || c >= '0' && c <= '9':
		kind, err = Number, d.number()
	case c == 't':
		kind, err = True, d.word("true")
	case c == 'f':
		kind, err = False, d.word("false")
	case c == 'n':
		kind, err = Null, d.word("null")
	default:
		err = d.fail(ErrSyntax, "no value")
	}
	if err != nil {
		return err
	}
	n := &d.nodes[i]
	n.kind, n.end, n.next = kind, uint32(d.pos), uint32(len(d.nodes))
	return nil
}

func (d *Doc) word(w string) error {
	if len(d.src)-d.pos < len(w) || string(d.src[d.pos:d.pos+len(w)]) != w {
		return d.fail(ErrSyntax, "no value")
	}
	d.pos += len(w)
	return nil
}

func (d *Doc) digits() bool {
	from := d.pos
	for d.pos < len(d.src) && d.src[d.pos] >= '0' && d.src[d.pos] <= '9' {
		d.pos++
	}
	return d.pos > from
}

func (d *Doc) number() error {
	if d.peek() == '-' {
		d.pos++
	}
	if d.peek() == '0' {
		d.pos++
	} else if !d.digits() {
		return d.fail(ErrSyntax, "bad number")
	}
	if d.peek() == '.' {
		d.pos++
		if !d.digits() {
			return d.fail(ErrSyntax, "bad number")
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if !d.digits() {
			return d.fail(ErrSyntax, "bad number")
		}
	}
	return nil
}

func (d *Doc) array(depth int) error {
	d.pos++
	d.space()
	if d.peek() == ']' {
		d.pos++
		return nil
	}
	for {
		d.space()
		if err := d.value(depth + 1); err != nil {
			return err
		}
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
		case ']':
			d.pos++
			return nil
		default:
			return d.fail(ErrSyntax, "want , or ]")
		}
	}
}

func (d *Doc) object(self, depth int) error {
	d.pos++
	d.space()
	if d.peek() == '}' {
		d.pos++
		return nil
	}
	count := 0
	for {
		d.space()
		if d.peek() != '"' {
			return d.fail(ErrSyntax, "want a member name")
		}
		from, to, esc, err := d.str()
		if err != nil {
			return err
		}
		d.space()
		if d.peek() != ':' {
			return d.fail(ErrSyntax, "want :")
		}
		d.pos++
		d.space()
		member := len(d.nodes)
		if err := d.value(depth + 1); err != nil {
			return err
		}
		n := &d.nodes[member]
		n.keyAt, n.keyEnd, n.keyEscaped = uint32(from), uint32(to), esc
		if esc && strings.ContainsFunc(Value{d, uint32(member)}.Name(), unicode.IsControl) {
			return d.fail(ErrEncoding, "control character in a member name")
		}
		count++
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
			continue
		case '}':
			d.pos++
		default:
			return d.fail(ErrSyntax, "want , or }")
		}
		break
	}
	return d.unique(self, count)
}

// plain are the bytes that stand for themselves in a string and are ASCII.
var plain = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// str reads the string at pos and returns the extent of its text.
func (d *Doc) str() (from, to int, escaped bool, err error) {
	src, i := d.src, d.pos+1
	from = i
	high := false
	for {
		for i < len(src) && plain[src[i]] {
			i++
		}
		d.pos = i
		if i >= len(src) {
			return 0, 0, false, d.fail(ErrSyntax, "string does not end")
		}
		switch c := src[i]; {
		case c == '"':
			d.pos++
			if high && !utf8.Valid(src[from:i]) {
				d.pos = from
				return 0, 0, false, d.fail(ErrEncoding, "string")
			}
			return from, i, escaped, nil
		case c == '\\':
			escaped = true
			if err := d.escape(); err != nil {
				return 0, 0, false, err
			}
			i = d.pos
		case c < 0x20:
			return 0, 0, false, d.fail(ErrSyntax, "control character in a string")
		default:
			high = true
			i++
		}
	}
}

func (d *Doc) escape() error {
	d.pos++
	c := d.peek()
	if c != 'u' {
		if c == 0 || strings.IndexByte(`"\/bfnrt`, c) < 0 {
			return d.fail(ErrSyntax, "bad escape")
		}
		d.pos++
		return nil
	}
	r, ok := hex4(d.src, d.pos+1)
	if !ok {
		return d.fail(ErrSyntax, "bad escape")
	}
	d.pos += 5
	if r < 0xD800 || r > 0xDFFF {
		return nil
	}
	low, ok := rune(0), false
	if d.pos+1 < len(d.src) && d.src[d.pos] == '\\' && d.src[d.pos+1] == 'u' {
		low, ok = hex4(d.src, d.pos+2)
	}
	if r > 0xDBFF || !ok || low < 0xDC00 || low > 0xDFFF {
		return d.fail(ErrEncoding, "lone surrogate")
	}
	d.pos += 6
	return nil
}

func hex4(s []byte, at int) (rune, bool) {
	if at+4 > len(s) {
		return 0, false
	}
	var r rune
	for _, c := range s[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// text returns the string at [from,to) without copying.
func (d *Doc) text(from, to uint32) string {
	if from == to {
		return ""
	}
	return unsafe.String(&d.src[from], int(to-from))
}
