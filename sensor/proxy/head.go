package proxy

import (
	"strings"
	"unsafe"

	"vedette/venue"
)

// Character classes of RFC 9110 section 5.6.2, RFC 9110 section 5.5 and RFC 3986.
const (
	charToken  = 1 << iota // of a token
	charValue              // of a field value
	charTarget             // of a request target: visible ASCII but '#'
	charHost               // of a host with port
)

// chars is written once, here; a composite literal of 256 entries would say less.
var chars = func() (t [256]uint8) {
	for c := 0; c < 256; c++ {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if alnum || c < 128 && strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0 {
			t[c] |= charToken
		}
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[c] |= charValue
		}
		if c > ' ' && c < 0x7f && c != '#' {
			t[c] |= charTarget
		}
		if alnum || c < 128 && strings.IndexByte("-._~:[]", byte(c)) >= 0 {
			t[c] |= charHost
		}
	}
	return t
}()

func all(s []byte, class uint8) bool {
	for _, c := range s {
		if chars[c]&class == 0 {
			return false
		}
	}
	return true
}

// text aliases b as a string.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// head is a request's head. Its strings alias the buffer it was parsed from.
type head struct {
	method  string
	target  string // origin-form, as it goes to the upstream
	host    string
	minor   byte // of the HTTP version, 0 or 1
	fields  venue.Header
	kinds   []kind // of fields, index by index
	length  int64  // Content-Length, -1 without one
	chunked bool
	close   bool // the client will send no more requests, or may not
	expect  bool // 100-continue
	socket  bool // a well-formed upgrade to websocket
	bad     fault

	authority string // of an absolute-form target
	socketKey string
	lists     int // X-Forwarded-For fields
}

func (h *head) reset() {
	*h = head{fields: h.fields[:0], kinds: h.kinds[:0], length: -1}
}

// parse reads a head up to its empty line. It keeps reading after a fault where that is
// safe, so that the record says as much as can be known.
func (h *head) parse(b []byte, l *Limits) fault {
	h.reset()
	line, rest, ok := cutLine(b)
	if !ok {
		return h.note(faultLine)
	}
	if f := h.requestLine(line, l); f != faultNone {
		h.note(f)
		if f == faultRequestLine || f == faultLine || f == faultVersion {
			return f
		}
	}
	for {
		if line, rest, ok = cutLine(rest); !ok {
			return h.note(faultLine)
		}
		if len(line) == 0 {
			break
		}
		if len(h.fields) >= l.Fields {
			return h.note(faultHead)
		}
		if f := h.field(line); f != faultNone {
			return h.note(f)
		}
	}
	h.note(h.finish())
	return h.bad
}

// note keeps the first fault.
func (h *head) note(f fault) fault {
	if h.bad == faultNone {
		h.bad = f
	}
	return h.bad
}

// cutLine cuts off a line that ends with CRLF. It refuses a bare LF; a bare CR is
// found by the character classes, that leave it out.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	i := indexByte(b, '\n')
	if i < 1 || b[i-1] != '\r' {
		return nil, nil, false
	}
	return b[:i-1], b[i+1:], true
}

func (h *head) requestLine(line []byte, l *Limits) fault {
	sp := indexByte(line, ' ')
	if sp < 1 || !all(line[:sp], charToken) {
		return faultRequestLine
	}
	h.method, line = text(line[:sp]), line[sp+1:]
	if sp = indexByte(line, ' '); sp < 1 {
		return faultRequestLine
	}
	target, version := line[:sp], line[sp+1:]
	switch string(version) {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
		h.close = true
	default:
		if len(version) == 8 && string(version[:5]) == "HTTP/" {
			return faultVersion
		}
		return faultRequestLine
	}
	switch {
	case !all(target, charTarget):
		return faultTarget
	case len(target) > l.TargetBytes:
		h.target = text(target[:l.TargetBytes])
		return faultTargetLength
	}
	h.target = text(target)
	if !methodKnown(h.method) {
		return faultMethod
	}
	return h.form()
}

func methodKnown(m string) bool {
	switch m {
	case "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS":
		return true
	}
	return false
}

// form checks the target's form. An absolute-form becomes origin-form: RFC 9112
// section 3.2.2 asks servers to accept it, and its authority must be Host's.
func (h *head) form() fault {
	t := h.target
	if t[0] != '/' {
		scheme, after, ok := strings.Cut(t, "://")
		if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
			return faultTarget
		}
		slash := strings.IndexByte(after, '/')
		if slash < 1 || strings.IndexByte(after[:slash], '?') >= 0 {
			return faultTarget
		}
		h.authority, h.target = after[:slash], after[slash:]
	}
	path, _, _ := strings.Cut(h.target, "?")
	if strings.IndexByte(path, '\\') >= 0 || dotSegment(path) {
		return faultTarget
	}
	return faultNone
}

// dotSegment reports whether a path has a segment "." or "..", escaped or not: what
// it means depends on who reads it.
func dotSegment(path string) bool {
	if strings.IndexByte(path, '.') < 0 && strings.IndexByte(path, '%') < 0 {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if dots(segment) {
			return true
		}
	}
	return false
}

func dots(segment string) bool {
	n := 0
	for i := 0; i < len(segment); n++ {
		switch {
		case segment[i] == '.':
			i++
		case len(segment)-i >= 3 && segment[i] == '%' && segment[i+1] == '2' && segment[i+2]|0x20 == 'e':
			i += 3
		default:
			return false
		}
	}
	return n == 1 || n == 2
}

// field reads one header line.
func (h *head) field(line []byte) fault {
	if line[0] == ' ' || line[0] == '\t' {
		return faultFold
	}
	colon := indexByte(line, ':')
	if colon < 1 || !all(line[:colon], charToken) {
		if !all(line, charValue) {
			return faultLine
		}
		return faultName
	}
	value := line[colon+1:]
	if !all(value, charValue) {
		return faultLine
	}
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for n := len(value) - 1; n >= 0 && (value[n] == ' ' || value[n] == '\t'); n-- {
		value = value[:n]
	}
	return h.add(text(line[:colon]), text(value))
}

// add takes one field, of whichever HTTP version.
func (h *head) add(name, value string) fault {
	k := kindOf(name)
	switch k {
	case kindPlain:
		if len(name) <= 17 && strings.IndexByte(name, '_') >= 0 && imitates(name) {
			return faultName
		}
	case kindHost:
		if h.host != "" || !hostOK(value) {
			return faultHost
		}
		h.host = value
	case kindLength:
		if h.length >= 0 {
			return faultLength
		}
		n, ok := decimal(value)
		if !ok {
			return faultLength
		}
		h.length = n
	case kindCoding:
		if h.chunked || h.minor == 0 || !strings.EqualFold(value, "chunked") {
			return faultCoding
		}
		h.chunked = true
	case kindExpect:
		if !strings.EqualFold(value, "100-continue") {
			return faultExpect
		}
		h.expect = h.minor == 1
	case kindContentCoding:
		if value != "" && !strings.EqualFold(value, "identity") {
			return faultContentCoding
		}
	case kindForwardedFor:
		h.lists++
	}
	h.fields = append(h.fields, venue.Field{Name: name, Value: value})
	h.kinds = append(h.kinds, k)
	return faultNone
}

// imitates reports whether a name would be a framing field's if underscores were read as
// hyphens, as CGI-like servers do.
func imitates(name string) bool {
	switch kindOf(strings.ReplaceAll(name, "_", "-")) {
	case kindHost, kindLength, kindCoding:
		return true
	}
	return false
}

func decimal(s string) (int64, bool) {
	if len(s) == 0 || len(s) > 15 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	var n int64
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// hostOK checks a Host value: reg-name or IP literal, with an optional port.
func hostOK(s string) bool {
	if len(s) == 0 || len(s) > 255+6 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if chars[s[i]]&charHost == 0 {
			return false
		}
	}
	name, port := splitPort(s)
	if name == "" || len(port) > 5 {
		return false
	}
	for i := 0; i < len(port); i++ {
		if port[i] < '0' || port[i] > '9' {
			return false
		}
	}
	if name[0] == '[' {
		return name[len(name)-1] == ']' && strings.Count(name, "[") == 1 && strings.Count(name, "]") == 1
	}
	return strings.IndexByte(name, '[') < 0 && strings.IndexByte(name, ']') < 0 && strings.IndexByte(name, ':') < 0
}

// splitPort splits host and port without judging them.
func splitPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// finish checks what only the whole head can tell, and drops the fields of the hop.
func (h *head) finish() fault {
	switch {
	case h.host == "":
		return faultHost
	case h.authority != "" && !strings.EqualFold(h.authority, h.host):
		return faultTarget
	case h.chunked && h.length >= 0:
		return faultLengthAndCoding
	}
	upgrade := false
	for i, k := range h.kinds {
		if k != kindConnection {
			continue
		}
		if f := h.connection(h.fields[i].Value, &upgrade); f != faultNone {
			return f
		}
	}
	if f := h.checkUpgrade(upgrade); f != faultNone {
		return f
	}
	h.dropHop()
	return faultNone
}

// connection reads a Connection field. A field named there is dropped before the
// call is judged, so that monitor and venue see the same header; naming a field that the
// venue must see for the request to stay the same, or what a trusted hop says of the client, is a
// trick, not a wish.
func (h *head) connection(value string, upgrade *bool) fault {
	for value != "" {
		var token string
		token, value, _ = strings.Cut(value, ",")
		switch token = strings.Trim(token, " \t"); {
		case token == "":
		case strings.EqualFold(token, "close"):
			h.close = true
		case strings.EqualFold(token, "keep-alive"):
		case strings.EqualFold(token, "upgrade"):
			*upgrade = true
		default:
			switch kindOf(token) {
			case kindHost, kindLength, kindCoding, kindContentCoding, kindConnection, kindForwarded, kindForwardedFor, kindForwardedProto:
				return faultConnection
			}
			if strings.EqualFold(token, "authorization") || strings.EqualFold(token, "cookie") || strings.EqualFold(token, "content-type") {
				return faultConnection
			}
			for i := range h.fields {
				if len(h.fields[i].Name) == len(token) && strings.EqualFold(h.fields[i].Name, token) {
					h.kinds[i] = kindHop
				}
			}
		}
	}
	return faultNone
}

// checkUpgrade accepts an upgrade to websocket as RFC 6455 section 4.2.1 asks for it,
// and no other. An Upgrade field that Connection does not name means nothing.
func (h *head) checkUpgrade(wanted bool) fault {
	var keys, versions, upgrades int
	good := true
	for i, k := range h.kinds {
		v := h.fields[i].Value
		switch k {
		case kindUpgrade:
			upgrades++
			good = good && strings.EqualFold(v, "websocket")
		case kindSocketKey:
			keys++
			h.socketKey = v
		case kindSocketVersion:
			versions++
			good = good && v == "13"
		}
	}
	if !wanted {
		return faultNone
	}
	if upgrades != 1 || !good || keys != 1 || versions != 1 || !keyOK(h.socketKey) || h.method != "GET" || h.minor == 0 ||
		h.chunked || h.length > 0 || h.expect {
		return faultUpgrade
	}
	h.socket = true
	return faultNone
}

// keyOK checks a Sec-WebSocket-Key: base64 of 16 bytes.
func keyOK(s string) bool {
	if len(s) != 24 || s[22] != '=' || s[23] != '=' {
		return false
	}
	for i := 0; i < 22; i++ {
		c := s[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '+' || c == '/') {
			return false
		}
	}
	return true
}

// dropHop removes the fields that concern this connection only.
func (h *head) dropHop() {
	n := 0
	for i, k := range h.kinds {
		switch k {
		case kindHop, kindConnection, kindCoding, kindExpect, kindUpgrade, kindSocketExtension:
			continue
		}
		h.fields[n], h.kinds[n] = h.fields[i], k
		n++
	}
	h.fields, h.kinds = h.fields[:n], h.kinds[:n]
}
