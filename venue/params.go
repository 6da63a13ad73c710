package venue

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Where a parameter stood.
const (
	InQuery uint8 = iota
	InBody
)

// Param is one parameter of a query or form, as on the wire.
type Param struct {
	Key, Value string // raw
	In         uint8
	decoded    string
	plain      string // the key decoded, where it has escapes
	isDecoded  bool
	plainName  bool // nothing in Key is escaped
}

// Params are the parameters of one request, in wire order.
type Params struct {
	list []Param
	bad  bool // an escape that cannot be read, or decoded text that is not UTF-8
}

// maxParams bounds the parameters of one request; past it they are ambiguous.
const maxParams = 256

func (p *Params) reset() { p.list, p.bad = p.list[:0], false }

// All returns the parameters in wire order.
func (p *Params) All() []Param { return p.list }

func (p *Params) add(s string, in uint8) {
	for s != "" {
		var one string
		one, s, _ = strings.Cut(s, "&")
		if one == "" {
			continue
		}
		if len(p.list) >= maxParams {
			p.bad = true
			return
		}
		k, v, _ := strings.Cut(one, "=")
		p.list = append(p.list, Param{Key: k, Value: v, In: in, plainName: strings.IndexByte(k, '%') < 0 && strings.IndexByte(k, '+') < 0})
	}
}

// Raw returns the first parameter of that name as on the wire. Names are compared
// after decoding.
func (p *Params) Raw(name string) (string, bool) {
	for i := range p.list {
		if p.list[i].name(p) == name {
			return p.list[i].Value, true
		}
	}
	return "", false
}

// Get returns the first parameter of that name, decoded; "" if there is none.
func (p *Params) Get(name string) string {
	for i := range p.list {
		if p.list[i].name(p) == name {
			return p.list[i].decode(p)
		}
	}
	return ""
}

// Has reports whether there is a parameter of that name.
func (p *Params) Has(name string) bool {
	_, ok := p.Raw(name)
	return ok
}

func (q *Param) name(p *Params) string {
	if q.plainName {
		return q.Key
	}
	if q.plain == "" {
		q.plain = p.unescape(q.Key)
	}
	return q.plain
}

func (q *Param) decode(p *Params) string {
	if !q.isDecoded {
		q.isDecoded = true
		q.decoded = p.unescape(q.Value)
	}
	return q.decoded
}

// unescape decodes as a form does. What cannot be decoded stays as it is and is
// remembered as ambiguous.
func (p *Params) unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out, ok := AppendUnescaped(make([]byte, 0, len(s)), s, true)
	if !ok {
		p.bad = true
	}
	return text(out)
}

// AppendUnescaped appends s with its percent escapes decoded, and plus signs as
// spaces if plus. ok is false if an escape is broken; it is then copied as it is.
func AppendUnescaped(dst []byte, s string, plus bool) (out []byte, ok bool) {
	ok = true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+' && plus:
			dst = append(dst, ' ')
		case c == '%' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16:
			dst = append(dst, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			ok = ok && c != '%'
			dst = append(dst, c)
		}
	}
	return dst, ok
}

func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// ambiguous reports whether two readers could understand the parameters
// differently: a name twice, in one case or two, in query and body; a broken
// escape; text that is not UTF-8; a NUL.
func (p *Params) ambiguous(repeatable []string) bool {
	for i := range p.list {
		a := p.list[i].name(p)
		if v := p.list[i].decode(p); p.bad || !utf8.ValidString(v) || !utf8.ValidString(a) || strings.IndexByte(v, 0) >= 0 || strings.IndexByte(a, 0) >= 0 {
			return true
		}
		for j := 0; j < i; j++ {
			b := p.list[j].name(p)
			if strings.EqualFold(a, b) && !(a == b && contains(repeatable, a)) {
				return true
			}
		}
	}
	return p.bad
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// text views bytes as a string without copying.
func text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}
