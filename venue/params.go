package venue

import (
	"hash/maphash"
	"slices"
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
	keyClass   byteClass // of all bytes of Key
	valueClass byteClass // of all bytes of Value
	isDecoded  bool
	decoded    string
	plain      string // the key decoded, where it has escapes
}

// byteClass says what a text holds besides plain ASCII, as bits.
type byteClass uint8

const (
	classAnd    byteClass = 1 << iota // &
	classEquals                       // =
	classEscape                       // % or +
	classOdd                          // NUL, or beyond ASCII
	classNoName                       // in no name: a body with it may be no form
	classMark                         // in a name, but readers that tidy it may not see it, or as _
	classCut                          // ; that ends a parameter for some readers, and spoils it for others
)

var byteClasses = func() (t [256]byteClass) {
	for c := range t {
		if c >= utf8.RuneSelf || c == 0 {
			t[c] |= classOdd
		}
		switch mark := strings.IndexByte(".-~[]$", byte(c)) >= 0; {
		case mark:
			t[c] |= classMark
		case !unreserved(byte(c)):
			t[c] |= classNoName
		}
	}
	t['&'], t['='], t['%'], t['+'] = classAnd, classEquals, classEscape, classEscape
	t[';'] |= classCut
	return t
}()

// Params are the parameters of one request, in wire order.
type Params struct {
	list []Param
	bad  bool // an escape that cannot be read, decoded text that is not UTF-8, a body that is no form
}

const (
	// maxParams bounds the parameters of one request; past it they are ambiguous.
	maxParams = 256
	// maxFolded bounds the names that are compared without regard to case: the longest
	// that a venue knows has about 40 bytes. Beyond, only equal names are the same.
	maxFolded = 64
	// fewParams are compared pair by pair, more by a hash of the name.
	fewParams = 16
)

// nameSeed keeps others from choosing names whose hashes are equal.
var nameSeed = maphash.MakeSeed()

func (p *Params) reset() { p.list, p.bad = p.list[:0], false }

// All returns the parameters in wire order.
func (p *Params) All() []Param { return p.list }

func (p *Params) add(s string, in uint8) {
	for s != "" {
		var q Param
		if s = q.cut(s); q.Key == "" && q.Value == "" && q.keyClass == 0 {
			continue // nothing between two &
		}
		if len(p.list) >= maxParams {
			p.bad = true
			return
		}
		q.In = in
		q.keyClass &^= classEquals
		p.bad = p.bad || in == InBody && q.keyClass&classNoName != 0
		p.list = append(p.list, q)
	}
}

// cut takes the first parameter off s and returns the rest. An = in the text leaves
// its mark in keyClass.
func (q *Param) cut(s string) (rest string) {
	i := 0
	for i < len(s) {
		c := byteClasses[s[i]]
		if c&(classAnd|classEquals) != 0 {
			break
		}
		q.keyClass |= c
		i++
	}
	q.Key = s[:i]
	if i == len(s) {
		return ""
	}
	if s[i] == '&' {
		return s[i+1:]
	}
	q.keyClass |= classEquals
	s = s[i+1:]
	if len(s) > longText {
		return q.cutLong(s)
	}
	for i = 0; i < len(s); i++ {
		c := byteClasses[s[i]]
		if c == classAnd {
			q.Value = s[:i]
			return s[i+1:]
		}
		q.valueClass |= c
	}
	q.Value = s
	return ""
}

// longText is from where on the searches of package strings are faster.
const longText = 256

func (q *Param) cutLong(s string) (rest string) {
	q.Value, rest, _ = strings.Cut(s, "&")
	q.valueClass = classOdd // for the closer look to tell
	if strings.IndexByte(q.Value, '%') >= 0 || strings.IndexByte(q.Value, '+') >= 0 {
		q.valueClass |= classEscape
	}
	return rest
}

// find returns the first parameter of that name, nil if there is none.
func (p *Params) find(name string) *Param {
	for i := range p.list {
		q := &p.list[i]
		if len(q.Key) == len(name) && q.Key == name || q.keyClass&classEscape != 0 && q.name(p) == name {
			return q
		}
	}
	return nil
}

// Raw returns the first parameter of that name as on the wire. Names are compared
// after decoding.
func (p *Params) Raw(name string) (string, bool) {
	if q := p.find(name); q != nil {
		return q.Value, true
	}
	return "", false
}

// Get returns the first parameter of that name, decoded; "" if there is none.
func (p *Params) Get(name string) string {
	if q := p.find(name); q != nil {
		return q.decode(p)
	}
	return ""
}

// Has reports whether there is a parameter of that name.
func (p *Params) Has(name string) bool {
	_, ok := p.Raw(name)
	return ok
}

func (q *Param) name(p *Params) string {
	if q.keyClass&classEscape == 0 {
		return q.Key
	}
	if q.plain == "" {
		q.plain = p.unescape(q.Key)
	}
	return q.plain
}

func (q *Param) decode(p *Params) string {
	if q.valueClass&classEscape == 0 {
		return q.Value
	}
	if !q.isDecoded {
		q.isDecoded = true
		q.decoded = p.unescape(q.Value)
	}
	return q.decoded
}

// unescape decodes as a form does. What cannot be decoded stays as it is and is
// remembered as ambiguous.
func (p *Params) unescape(s string) string {
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
	from := 0 // of what is copied as it is
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+' && plus:
			dst = append(append(dst, s[from:i]...), ' ')
			from = i + 1
		case c == '%' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16:
			dst = append(append(dst, s[from:i]...), unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			from = i + 1
		case c == '%':
			ok = false
		}
	}
	return append(dst, s[from:]...), ok
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
// escape; text that is not UTF-8; a NUL; a bare semicolon; a name that is not ASCII, or that some readers
// tidy; a body that is neither JSON nor a form.
func (p *Params) ambiguous(repeatable []string) bool {
	for i := range p.list {
		q := &p.list[i]
		if ((q.keyClass|q.valueClass)&(classEscape|classOdd|classCut) != 0 || q.keyClass&(classNoName|classMark) != 0) && p.odd(q) {
			return true
		}
	}
	return p.bad || p.repeated(repeatable)
}

// odd reports whether a parameter cannot be read, or not by all alike.
func (p *Params) odd(q *Param) bool {
	name, v := q.name(p), q.decode(p)
	if p.bad || !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 || strings.IndexByte(q.Value, ';') >= 0 {
		return true
	}
	for i := 0; i < len(name); i++ {
		if byteClasses[name[i]]&^classMark != 0 {
			return true
		}
	}
	return ragged(name)
}

// ragged reports whether a name begins or ends as none does: readers that tidy names make
// another of it.
func ragged(name string) bool {
	if name == "" {
		return false
	}
	last := name[len(name)-1]
	return strings.IndexByte(".-~[]", name[0]) >= 0 || strings.IndexByte(".-~[$", last) >= 0 || last == ']' && strings.IndexByte(name, '[') < 0
}

// repeated reports whether a name stands twice that must not. The cost is bounded
// for any input: pairs are compared for few parameters, and hashes for many.
func (p *Params) repeated(repeatable []string) bool {
	if len(p.list) > fewParams {
		return p.repeatedHash(repeatable)
	}
	for i := range p.list {
		a, marked := p.list[i].name(p), p.list[i].keyClass&(classMark|classEscape) != 0
		for j := range i {
			b := p.list[j].name(p)
			switch {
			case a == b:
				if !contains(repeatable, a) {
					return true
				}
			case marked || p.list[j].keyClass&(classMark|classEscape) != 0:
				if sameTidied(a, b) {
					return true
				}
			case len(a) == len(b) && sameName(a, b):
				return true
			}
		}
	}
	return false
}

// tidy appends the name that readers make of one that they tidy: in small letters, one _ for
// the signs between two words, none at its ends. PHP makes _ of a dot. ok is false where that
// is longer than any name that a venue knows.
func tidy(dst []byte, name string) (tidied []byte, ok bool) {
	gap := false
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == '_' || byteClasses[c]&(classMark|classNoName) != 0:
			gap = true
			continue
		}
		if gap && len(dst) > 0 {
			dst = append(dst, '_')
		}
		gap = false
		if dst = append(dst, c); len(dst) >= maxFolded {
			return dst, false
		}
	}
	return dst, true
}

// listed returns the name before brackets: what has it is a list, and to some readers all
// of what has the name without them.
func listed(name string) (base string, brackets bool) {
	if i := strings.IndexByte(name, '['); i > 0 {
		return name[:i], true
	}
	return name, false
}

func sameTidied(a, b string) bool {
	if same(a, b) {
		return true
	}
	x, list := listed(a)
	y, other := listed(b)
	return list != other && same(x, y)
}

func same(a, b string) bool {
	var bufA, bufB [maxFolded]byte
	x, okA := tidy(bufA[:0], a)
	y, okB := tidy(bufB[:0], b)
	return okA && okB && string(x) == string(y) || a == b
}

func sameName(a, b string) bool {
	if len(a) > maxFolded {
		return a == b
	}
	return a == "" || a[0]|0x20 == b[0]|0x20 && strings.EqualFold(a, b)
}

func (p *Params) repeatedHash(repeatable []string) bool {
	var names [maxParams]tidied
	for i := range p.list {
		a := p.list[i].name(p)
		names[i] = tidiedName(a)
		for j := range i {
			if names[i].is(names[j]) && !(names[i].whole == names[j].whole && a == p.list[j].name(p) && contains(repeatable, a)) {
				return true
			}
		}
	}
	return false
}

// has reports whether one of the names is a parameter's too.
func (p *Params) has(names func(yield func(string) bool)) bool {
	var own [maxParams]tidied
	for i := range p.list {
		own[i] = tidiedName(p.list[i].name(p))
	}
	for name := range names {
		if n := tidiedName(name); slices.ContainsFunc(own[:len(p.list)], n.is) {
			return true
		}
	}
	return false
}

// tidied are the hashes of a name and of what it lists, 0 for none.
type tidied struct{ whole, list uint64 }

func tidiedName(name string) tidied {
	t := tidied{whole: tidiedHash(name)}
	if base, list := listed(name); list {
		t.list = tidiedHash(base)
	}
	return t
}

func (t tidied) is(o tidied) bool {
	return t.whole == o.whole || t.list != 0 && o.list == 0 && t.list == o.whole || o.list != 0 && t.list == 0 && o.list == t.whole
}

// tidiedHash is equal for names that are the same when tidied, where they are short.
func tidiedHash(name string) uint64 {
	var b [maxFolded]byte
	if t, ok := tidy(b[:0], name); ok {
		return maphash.Bytes(nameSeed, t)
	}
	return maphash.String(nameSeed, name)
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
