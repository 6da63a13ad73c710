package capture

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"vedette"
	"vedette/internal/strictjson"
)

// plain reads an event that is written as recorders write nearly all: known members, each once, whose texts are
// ASCII without escapes. It reports false for any other, be it right or wrong: the tree has the last word on those, and
// says what is wrong. So plain needs to be sure only of what it takes.
func (p *EventParser) plain(b []byte, c *vedette.Call) bool {
	p.begin(c)
	return p.object(b, 0, false) == len(b) && (p.event == "call" || p.event == "account")
}

const (
	notPlain  = -1
	plainList = 1 << 10 // more in one list goes to the tree, which has limits of its own
)

// object reads the object that begins at the place and returns where it ends. part says that it is one of
// a batch.
func (p *EventParser) object(b []byte, at int, part bool) int {
	if byteAt(b, at) != '{' {
		return notPlain
	}
	var had uint64 // members, as bits
	last := uint8(maxMembers)
	if part {
		last++
	}
	for c := byte(','); c == ','; c = byteAt(b, at) {
		at = spaces(b, at+1)
		i, n := p.name(b, at, last)
		if i < 0 || had&(1<<i) != 0 || part && !members[i].action {
			return notPlain
		}
		had, last = had|1<<i, uint8(i)
		if at = spaces(b, n); byteAt(b, at) != ':' {
			return notPlain
		}
		if at = p.value(b, spaces(b, at+1), &members[i]); at < 0 {
			return notPlain
		}
		at = spaces(b, at)
	}
	if byteAt(b, at) != '}' {
		return notPlain
	}
	return at + 1
}

// name reads the member name at the place and returns the number of the member, negative if there is none, and where
// the name ends. Nearly always it is the one that came after the last member before, too.
func (p *EventParser) name(b []byte, at int, last uint8) (i, end int) {
	if byteAt(b, at) != '"' {
		return notPlain, 0
	}
	at++
	next := p.after[last]
	name := members[next].name
	if end = at + len(name); end < len(b) && b[end] == '"' && string(b[at:end]) == name {
		return int(next), end + 1
	}
	if end = textEnd(b, at); end < 0 {
		return notPlain, 0
	}
	if i = known.number(alias(b, at, end)); i >= 0 {
		p.after[last] = uint8(i)
	}
	return i, end + 1
}

// value reads the value at the place into the member and returns where it ends.
func (p *EventParser) value(b []byte, at int, m *member) int {
	c := byteAt(b, at)
	if m.set == nil {
		return p.list(b, at, m)
	}
	var err error
	end := at
	switch {
	case c == '"':
		if end = textEnd(b, at+1); end < 0 {
			return notPlain
		}
		err = m.set(p, strictjson.String, alias(b, at+1, end))
		end++
	case c-'0' <= 9:
		for end++; c != '0' && byteAt(b, end)-'0' <= 9; end++ {
		}
		err = m.set(p, strictjson.Number, alias(b, at, end))
	case c == 't' && len(b)-at > 4 && string(b[at:at+4]) == "true":
		end += 4
		err = m.set(p, strictjson.True, "true")
	case c == 'f' && len(b)-at > 5 && string(b[at:at+5]) == "false":
		end += 5
		err = m.set(p, strictjson.False, "false")
	default:
		return notPlain
	}
	if err != nil {
		return notPlain
	}
	return end
}

// list reads the list of texts, or of a batch's parts, at the place into the member and returns where it ends.
func (p *EventParser) list(b []byte, at int, m *member) int {
	if byteAt(b, at) != '[' {
		return notPlain
	}
	if at = spaces(b, at+1); byteAt(b, at) == ']' {
		return at + 1
	}
	for range plainList {
		if m.list == nil {
			at = p.part(b, at)
		} else if byteAt(b, at) == '"' {
			from := at + 1
			if at = textEnd(b, from); at > 0 {
				m.list(p, alias(b, from, at))
				at++
			}
		} else {
			return notPlain
		}
		if at < 0 {
			return notPlain
		}
		switch at = spaces(b, at); byteAt(b, at) {
		case ']':
			return at + 1
		case ',':
			at = spaces(b, at+1)
		default:
			return notPlain
		}
	}
	return notPlain
}

// part reads the part of a batch at the place and returns where it ends.
func (p *EventParser) part(b []byte, at int) int {
	p.call.Batch = append(p.call.Batch, vedette.Action{})
	p.to = &p.call.Batch[len(p.call.Batch)-1]
	at = p.object(b, at, true)
	p.to = &p.call.Action
	return at
}

// textEnd returns where the text that begins at the place ends, before its quote. A text is not plain if it has escapes,
// or anything but ASCII. Eight bytes are looked at together: each of the four terms has the highest bit of
// a byte set if the byte is a quote, a backslash, a control character or not ASCII, and may err only above
// a byte for which that is so.
func textEnd(b []byte, at int) int {
	const ones, highest = 0x0101010101010101, 0x8080808080808080
	for ; at+8 <= len(b); at += 8 {
		w := binary.LittleEndian.Uint64(b[at:])
		quote, escape := w^'"'*ones, w^'\\'*ones
		if odd := ((quote-ones)&^quote | (escape-ones)&^escape | (w-' '*ones)&^w | w) & highest; odd != 0 {
			at += bits.TrailingZeros64(odd) / 8
			break
		}
	}
	for ; at < len(b); at++ { // once, but near the end
		switch c := b[at]; {
		case c == '"':
			return at
		case c == '\\', c < ' ', c >= 0x80:
			return notPlain
		}
	}
	return notPlain
}

func byteAt(b []byte, at int) byte {
	if at < len(b) {
		return b[at]
	}
	return 0
}

func spaces(b []byte, at int) int {
	for byteAt(b, at) == ' ' {
		at++
	}
	return at
}

// alias is the text from one place to another, which it shares.
func alias(b []byte, from, to int) string {
	if from == to {
		return ""
	}
	return unsafe.String(&b[from], to-from)
}
