package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// errAmbiguous marks a document that two readers could take in two ways.
var errAmbiguous = errors.New("document can be read in two ways")

// object is a JSON object that was read strictly: no member twice at any depth,
// no invalid UTF-8, no lone surrogate, nothing after it. Names compare exactly.
type object map[string]json.RawMessage

// parseObject reads data as exactly one JSON object.
func parseObject(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("cannot read JSON: invalid UTF-8: %w", errAmbiguous)
	}
	p := parser{data: data}
	p.space()
	o := make(object, 12)
	if err := p.members(0, o); err != nil {
		return nil, err
	}
	p.space()
	if p.at != len(data) {
		return nil, errors.New("cannot read JSON: data after the object")
	}
	return o, nil
}

// parser reads RFC 8259 JSON. The standard decoder is of no use here: it takes the
// last of two members of one name, compares names without regard to case, and
// mends broken text silently.
type parser struct {
	data []byte
	at   int
}

var errSyntax = errors.New("cannot read JSON: bad syntax")

func (p *parser) space() {
	for p.at < len(p.data) {
		switch p.data[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// take steps over c after white space, if it is there.
func (p *parser) take(c byte) bool {
	p.space()
	if p.at < len(p.data) && p.data[p.at] == c {
		p.at++
		return true
	}
	return false
}

// members reads an object from its brace on and puts its members into o.
func (p *parser) members(depth int, o object) error {
	if !p.take('{') {
		return errors.New("cannot read JSON: want an object")
	}
	if p.take('}') {
		return nil
	}
	for {
		p.space()
		start := p.at
		if err := p.text(); err != nil {
			return err
		}
		name, err := unquote(p.data[start:p.at])
		if err != nil {
			return err
		}
		if _, twice := o[name]; twice {
			return fmt.Errorf("cannot read JSON: a member appears twice: %w", errAmbiguous)
		}
		if len(o) == maxMembers {
			return errors.New("cannot read JSON: too many members")
		}
		if !p.take(':') {
			return errSyntax
		}
		p.space()
		start = p.at
		if err := p.value(depth + 1); err != nil {
			return err
		}
		o[name] = p.data[start:p.at]
		if p.take(',') {
			continue
		}
		if p.take('}') {
			return nil
		}
		return errSyntax
	}
}

// value steps over a value and checks it by the same rules.
func (p *parser) value(depth int) error {
	if depth > maxDepth {
		return errors.New("cannot read JSON: nested too deep")
	}
	if p.at == len(p.data) {
		return errSyntax
	}
	switch p.data[p.at] {
	case '{':
		return p.members(depth, make(object))
	case '[':
		return p.elements(depth)
	case '"':
		return p.text()
	}
	start := p.at
	for p.at < len(p.data) && strings.IndexByte(" \t\n\r,]}", p.data[p.at]) < 0 {
		p.at++
	}
	return checkScalar(p.data[start:p.at])
}

func (p *parser) elements(depth int) error {
	p.at++
	if p.take(']') {
		return nil
	}
	for {
		p.space()
		if err := p.value(depth + 1); err != nil {
			return err
		}
		if p.take(',') {
			continue
		}
		if p.take(']') {
			return nil
		}
		return errSyntax
	}
}

// text steps over a string.
func (p *parser) text() error {
	if p.at == len(p.data) || p.data[p.at] != '"' {
		return errSyntax
	}
	for p.at++; p.at < len(p.data); p.at++ {
		switch c := p.data[p.at]; {
		case c == '"':
			p.at++
			return nil
		case c < 0x20:
			return errSyntax
		case c == '\\':
			if err := p.escape(); err != nil {
				return err
			}
		}
	}
	return errSyntax
}

// escape steps to the last byte of an escape sequence. Half a surrogate pair is
// refused: readers differ in what they make of it.
func (p *parser) escape() error {
	p.at++
	if p.at == len(p.data) || strings.IndexByte(`"\/bfnrtu`, p.data[p.at]) < 0 {
		return errSyntax
	}
	if p.data[p.at] != 'u' {
		return nil
	}
	r, ok := p.hex4()
	if !ok {
		return errSyntax
	}
	if !utf16.IsSurrogate(r) {
		return nil
	}
	low := rune(-1)
	if p.at+2 < len(p.data) && p.data[p.at+1] == '\\' && p.data[p.at+2] == 'u' {
		p.at += 2
		if low, ok = p.hex4(); !ok {
			return errSyntax
		}
	}
	if utf16.DecodeRune(r, low) == utf8.RuneError {
		return fmt.Errorf("cannot read JSON: half a surrogate pair: %w", errAmbiguous)
	}
	return nil
}

// hex4 reads the four digits after a u and stops on the last.
func (p *parser) hex4() (rune, bool) {
	if p.at+4 >= len(p.data) {
		return 0, false
	}
	var r rune
	for range 4 {
		p.at++
		c := p.data[p.at]
		if !isHex(c) {
			return 0, false
		}
		r = r<<4 | rune(unhex(c))
	}
	return r, true
}

// checkScalar takes true, false, null or a number in the form of RFC 8259 section 6.
func checkScalar(b []byte) error {
	switch string(b) {
	case "true", "false", "null":
		return nil
	}
	if len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9') && json.Valid(b) {
		return nil
	}
	return errSyntax
}

// unquote decodes a string that text has checked.
func unquote(b []byte) (string, error) {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1]), nil
	}
	var s string
	if json.Unmarshal(b, &s) != nil {
		return "", errSyntax
	}
	return s, nil
}

func (o object) has(name string) bool { _, ok := o[name]; return ok }

// text returns a string member of at most maxName bytes; "" if it is absent.
func (o object) text(name string) (string, error) { return o.textUpTo(name, maxName) }

func (o object) textUpTo(name string, limit int) (string, error) {
	raw, ok := o[name]
	if !ok {
		return "", nil
	}
	if raw[0] == '"' {
		if s, err := unquote(raw); err == nil && len(s) <= limit {
			return s, nil
		}
	}
	return "", fmt.Errorf("cannot read %s: want a string of at most %d bytes", name, limit)
}

// identifier returns a string, or the digits of a whole number, as text: account
// claims come both ways.
func (o object) identifier(name string) (string, error) {
	raw, ok := o[name]
	if !ok {
		return "", nil
	}
	if raw[0] == '"' {
		return o.text(name)
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	return "", fmt.Errorf("cannot read %s: want a string or a whole number", name)
}

// texts returns a member that is a string or an array of strings.
func (o object) texts(name string, limit int) ([]string, error) {
	raw, ok := o[name]
	if !ok {
		return nil, nil
	}
	if raw[0] == '"' {
		s, err := o.text(name)
		return []string{s}, err
	}
	var list []string
	if raw[0] != '[' || json.Unmarshal(raw, &list) != nil || len(list) > limit || bytes.Contains(raw, []byte("null")) && hasNull(raw) {
		return nil, fmt.Errorf("cannot read %s: want a string or at most %d strings", name, limit)
	}
	for _, s := range list {
		if len(s) > maxName {
			return nil, fmt.Errorf("cannot read %s: an entry is too long", name)
		}
	}
	return list, nil
}

// hasNull tells an array entry null, which the decoder takes for "", from a
// string that contains the word.
func hasNull(raw []byte) bool {
	var list []*string
	if json.Unmarshal(raw, &list) != nil {
		return true
	}
	for _, s := range list {
		if s == nil {
			return true
		}
	}
	return false
}

// time returns a NumericDate (RFC 7519 section 2); zero if it is absent.
func (o object) time(name string) (time.Time, error) {
	raw, ok := o[name]
	if !ok {
		return time.Time{}, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsNaN(f) || f < 0 || f >= maxSeconds {
		return time.Time{}, fmt.Errorf("cannot read %s: want seconds since 1970", name)
	}
	return time.Unix(int64(f), 0), nil
}

// object returns a member that is itself an object; nil if it is absent.
func (o object) object(name string) (object, error) {
	raw, ok := o[name]
	if !ok {
		return nil, nil
	}
	return parseObject(raw)
}
