// Package payload finds attack payloads in what calls carry: by a filter of its own that every call passes,
// and by the OWASP Core Rule Set for the few that do not look like trading.
package payload

import (
	"strings"
	"unicode/utf8"
	"unsafe"

	"vedette/venue"
)

// Filter decides whether a call's parameters look like anything else than those of trading. It keeps memory for
// decoding: one filter serves one call at a time. Its zero value is ready.
type Filter struct {
	scratch []byte
}

// Classes of bytes, as bits.
const (
	strong  = 1 << iota // has a meaning in some language that payloads are written in
	anchor              // harmless alone: what stands beside it tells
	escape              // of the encoding: the value has to be decoded
	divider             // ends a parameter
)

// table gives each byte its class.
type table [256]uint8

const (
	letters  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	digits   = "0123456789"
	harmless = letters + digits + "-,=@~!*#+]" // with meaning only beside others
	anchors  = "./:_ %[?"
)

func newTable(harmless, anchors, escapes, dividers string) *table {
	t := &table{}
	for i := range t {
		t[i] = strong
	}
	for i, set := range []string{harmless, anchors, escapes, dividers} { // the later wins
		for _, c := range []byte(set) {
			t[c] = []uint8{0, anchor, escape, divider}[i]
		}
	}
	return t
}

// of returns the classes of all bytes of s.
func (t *table) of(s string) (m uint8) {
	for len(s) >= 8 {
		m |= t[s[0]] | t[s[1]] | t[s[2]] | t[s[3]] | t[s[4]] | t[s[5]] | t[s[6]] | t[s[7]]
		s = s[8:]
	}
	for i := 0; i < len(s); i++ {
		m |= t[s[i]]
	}
	return m
}

// The tables: of a value in the clear, of forms and queries, of cookies, of paths, of JSON strings, and of header
// fields, whose languages have parentheses, quotes and the like themselves.
var (
	plainTable  = newTable(harmless, anchors, "", "")
	formTable   = newTable(harmless, anchors, "%+", "&")
	cookieTable = newTable(harmless, anchors, "%", ";")
	pathTable   = newTable(letters+digits+"-,=@~!+", anchors, "%", "")
	jsonTable   = newTable(harmless, anchors, `\`, `"`)
	headerTable = newTable(harmless+"&;()\"^", anchors+"\t", "", "")
)

// Suspicious reports whether the path, query, body or a header field of the request can carry a payload. What
// symbols, numbers, hexadecimal and base64 text, UUIDs, timestamps and JSON of them are made of never can.
func (f *Filter) Suspicious(r *venue.Request) bool {
	if r.Kind != venue.Message {
		if f.path(r.Path) || r.Query != "" && f.form(r.Query, formTable) || f.header(r.Header) {
			return true
		}
	}
	return len(r.Body) > 0 && f.body(r)
}

// Trim gives up memory beyond what most calls need.
func (f *Filter) Trim() {
	if cap(f.scratch) > keepScratch {
		f.scratch = nil
	}
}

func (f *Filter) body(r *venue.Request) bool {
	if r.IsJSON() {
		return f.json(text(r.Body), 0)
	}
	if r.Kind == venue.Message {
		return hot(text(r.Body))
	}
	return f.form(text(r.Body), formTable)
}

// header looks at the values of all fields: payloads for logs are put into any of them.
func (f *Filter) header(h venue.Header) bool {
	for i := range h {
		name, value := h[i].Name, h[i].Value
		if len(name) == 6 && strings.EqualFold(name, "cookie") {
			if f.form(value, cookieTable) {
				return true
			}
			continue
		}
		m := headerTable.of(value)
		switch {
		case m&strong != 0:
			return true
		case m&anchor == 0:
		case rich(name):
			if escaped(value) {
				return true
			}
		case anchored(value):
			return true
		}
		if len(name) > 10 && packedField(name) && f.packed(value) {
			return true
		}
	}
	return false
}

// rich reports whether a field is of those whose values are addresses, products, dates and lists.
func rich(name string) bool {
	for _, n := range richFields[min(len(name), len(richFields)-1)] {
		if strings.EqualFold(name, n) {
			return true
		}
	}
	return false
}

// richFields holds the fields by the lengths of their names.
var richFields = [...][]string{3: {"Via"}, 4: {"Host", "Date", "From", "DPoP"}, 6: {"Accept", "Origin"}, 7: {"Referer", "Baggage", "Upgrade"}, 8: {"Priority"},
	9: {"Forwarded", "Signature"}, 10: {"User-Agent"}, 11: {"Traceparent"}, 12: {"Content-Type"}, 13: {"Authorization", "Cache-Control", "If-None-Match"},
	15: {"Accept-Encoding", "Accept-Language", "Signature-Input"}, 17: {"If-Modified-Since"}, 18: nil}

// escaped reports whether a text has one of the bytes that payloads begin with as a percent escape, or climbs in folders.
func escaped(s string) bool {
	for i := 0; i+2 < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if h := hexValue(s[i+1])<<4 | hexValue(s[i+2]); plainTable[h]&strong != 0 {
				return true
			}
		case c == '.' && s[i+1] == '.' && s[i+2] == '/':
			return true
		}
	}
	return false
}

// packedField reports whether a field holds a request as base64, as X-GEMINI-PAYLOAD does.
func packedField(name string) bool { return strings.EqualFold(name[len(name)-8:], "-payload") }

// packed looks into base64 text. What does not decode cannot be read by the venue either.
func (f *Filter) packed(value string) bool {
	from := len(f.scratch)
	var ok bool
	if f.scratch, ok = appendBase64(f.scratch, value); !ok || len(f.scratch) == from {
		f.scratch = f.scratch[:from]
		return true
	}
	bad := f.value(text(f.scratch[from:]), 0)
	f.scratch = f.scratch[:from]
	return bad
}

func (f *Filter) path(p string) bool {
	m := pathTable.of(p)
	switch {
	case m&strong != 0:
		return true
	case m&escape == 0:
		return anchored(p)
	}
	from := len(f.scratch)
	var ok bool
	f.scratch, ok = venue.AppendUnescaped(f.scratch, p, false)
	bad := !ok || hot(text(f.scratch[from:]))
	f.scratch = f.scratch[:from]
	return bad
}

// form looks at the parameters of a query, form or cookie.
func (f *Filter) form(s string, t *table) bool {
	var m uint8
	from := 0
	for i := 0; i < len(s); i++ {
		c := t[s[i]]
		if c == 0 {
			continue
		}
		m |= c
		if c == divider {
			if m &^= divider; m != 0 && f.parameter(s[from:i], m, t) {
				return true
			}
			m, from = 0, i+1
		}
	}
	return m != 0 && f.parameter(s[from:], m, t)
}

// parameter looks at one parameter that is more than letters and digits. m are the classes of its bytes.
func (f *Filter) parameter(s string, m uint8, t *table) bool {
	if m == anchor {
		return anchored(s)
	}
	if len(s) > maxPlain {
		return true
	}
	name, value, both := strings.Cut(s, "=")
	if !both {
		name, value = "", s
	}
	return f.decoded(name, t) || f.decoded(value, t)
}

// decoded looks at a name or value that may be encoded.
func (f *Filter) decoded(s string, t *table) bool {
	if s == "" {
		return false
	}
	from := len(f.scratch)
	var ok bool
	f.scratch, ok = venue.AppendUnescaped(f.scratch, s, t == formTable)
	bad := !ok || f.value(text(f.scratch[from:]), 0)
	f.scratch = f.scratch[:from]
	return bad
}

// value looks at a value in the clear, that may be JSON.
func (f *Filter) value(s string, depth int) bool {
	if !hot(s) {
		return false
	}
	return len(s) == 0 || s[0] != '{' && s[0] != '[' || depth >= maxDepth || f.json(s, depth+1)
}

// json looks at the strings of a JSON text, names too. What stands outside of them must be JSON.
func (f *Filter) json(s string, depth int) bool {
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '"':
			i++
			from := i
			var m uint8
			for ; i < len(s) && s[i] != '"'; i++ {
				k := jsonTable[s[i]]
				if k == 0 {
					continue
				}
				if m |= k; k == escape {
					i++
				}
			}
			if i >= len(s) {
				return true
			}
			if m != 0 && f.jsonString(s[from:i], m, depth) {
				return true
			}
			i++
		case '{', '}', '[', ']', ',', ':', ' ', '\t', '\n', '\r', '-', '.', '+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			i++
		case 'e', 'E':
			if i == 0 || s[i-1] < '0' || s[i-1] > '9' {
				return true
			}
			i++
		default:
			n := literal(s[i:])
			if n == 0 {
				return true
			}
			i += n
		}
	}
	return false
}

// literal returns the length of true, false or null.
func literal(s string) int {
	for _, w := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s, w) {
			return len(w)
		}
	}
	return 0
}

// jsonString looks at what stands between quotes.
func (f *Filter) jsonString(s string, m uint8, depth int) bool {
	if m == anchor {
		return anchored(s)
	}
	if m&escape == 0 { // strong
		return s[0] != '{' && s[0] != '[' || f.value(s, depth)
	}
	if len(s) > maxPlain {
		return true
	}
	from := len(f.scratch)
	var ok bool
	f.scratch, ok = appendJSONText(f.scratch, s)
	bad := !ok || f.value(text(f.scratch[from:]), depth)
	f.scratch = f.scratch[:from]
	return bad
}

// appendJSONText appends what a JSON string means. ok is false where it means nothing.
func appendJSONText(dst []byte, s string) (out []byte, ok bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		if i++; i >= len(s) {
			return dst, false
		}
		switch s[i] {
		case '"', '\\', '/':
			dst = append(dst, s[i])
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			if i+4 >= len(s) {
				return dst, false
			}
			r := rune(0)
			for _, h := range []byte(s[i+1 : i+5]) {
				v := hexValue(h)
				if v > 15 {
					return dst, false
				}
				r = r<<4 | rune(v)
			}
			dst = utf8.AppendRune(dst, r)
			i += 4
		default:
			return dst, false
		}
	}
	return dst, true
}

func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}

// hot reports whether a text in the clear is more than trading has a use for.
func hot(s string) bool {
	m := plainTable.of(s)
	return m&strong != 0 || m&anchor != 0 && anchored(s)
}

// text is b as a string, without copying it.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
