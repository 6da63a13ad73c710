package venue

import (
	"cmp"
	"strings"

	"vedette/internal/strictjson"
)

// Kind is what a Request stands for.
type Kind uint8

// The kinds.
const (
	HTTPRequest Kind = iota
	HTTPAnswer
	Upgrade // an HTTP request that opens a WebSocket session
	Message // of the client, on a WebSocket
	Reply   // of the venue, on a WebSocket
)

// Request is one unit on the wire: an HTTP request or answer, or a WebSocket
// message. Its strings alias the sensor's buffer.
type Request struct {
	Kind   Kind
	Method string
	Scheme string // http, https, ws, wss, as the client addressed the venue
	Host   string // as the client addressed it, with port if it gave one
	Path   string // escaped, as on the wire
	// Asked is the path that the client asked for, where the sensor took a prefix off
	// it; "" where it is Path.
	Asked  string
	Query  string // raw, without the question mark
	Header Header
	Body   []byte // of the message for Message and Reply
	Status int    // of an HTTPAnswer

	// Session is set for Upgrade, Message and Reply. Host, Path, Query and Header of a
	// Message are those of its upgrade.
	Session *Session

	parsed uint8
	params Params
	doc    strictjson.Doc
	docErr error
	inner  strictjson.Doc // of a parameter that holds JSON
	// innerBad says that such a parameter could not be read.
	innerBad bool
	held     []byte // decoded from base64 text of the request
}

// Field is one header field as it arrived.
type Field struct{ Name, Value string }

// Header holds fields in the order they arrived.
type Header []Field

// Get returns the value of the first field of that name, in any case; "" if none.
func (h Header) Get(name string) string {
	for i := range h {
		if len(h[i].Name) == len(name) && strings.EqualFold(h[i].Name, name) {
			return h[i].Value
		}
	}
	return ""
}

// Count returns how many fields have that name, in any case.
func (h Header) Count(name string) int {
	n := 0
	for i := range h {
		if len(h[i].Name) == len(name) && strings.EqualFold(h[i].Name, name) {
			n++
		}
	}
	return n
}

const (
	parsedParams = 1 << iota
	parsedJSON
)

// Reset readies the request for use with the next unit. Memory of the lazily
// parsed parts is kept.
func (r *Request) Reset() {
	r.Kind, r.Status, r.parsed = HTTPRequest, 0, 0
	r.Method, r.Scheme, r.Host, r.Path, r.Asked, r.Query = "", "", "", "", "", ""
	r.Header, r.Body, r.Session = r.Header[:0], nil, nil
	r.held, r.innerBad = r.held[:0], false
}

// What Trim leaves, in parameters and bytes.
const (
	keepParams = 64
	keepBytes  = 4 << 10
)

// Trim gives up memory of lazily parsed parts beyond what most units need: before the
// request waits, and before its memory does. What was read from it stays good; what is
// read again is parsed again.
func (r *Request) Trim() {
	if r.doc.Trim() {
		r.parsed &^= parsedJSON
	}
	r.inner.Trim()
	if cap(r.params.list) > keepParams {
		r.params = Params{}
		r.parsed &^= parsedParams
	}
	if cap(r.held) > keepBytes {
		r.held = nil
	}
}

// Params returns the query's and, if the body is a form, the body's parameters.
func (r *Request) Params() *Params {
	if r.parsed&parsedParams == 0 {
		r.parsed |= parsedParams
		r.params.reset()
		r.params.add(r.Query, InQuery)
		if r.IsForm() {
			r.params.add(text(r.Body), InBody)
		}
	}
	return &r.params
}

// IsForm reports whether the body is read as form parameters: there is one, and it
// does not start like a JSON object or array. Clients label bodies wrongly too often
// to go by that, but see Ambiguous.
func (r *Request) IsForm() bool {
	return r.Kind == HTTPRequest && len(trimSpace(r.Body)) > 0 && !r.IsJSON()
}

// IsJSON reports whether the body starts like a JSON object or array.
func (r *Request) IsJSON() bool {
	b := trimSpace(r.Body)
	return len(b) > 0 && (b[0] == '{' || b[0] == '[')
}

// JSON returns the body as JSON; Missing where it is none, see JSONError.
func (r *Request) JSON() strictjson.Value {
	if r.parsed&parsedJSON == 0 {
		r.parsed |= parsedJSON
		r.docErr = r.doc.Parse(r.Body)
	}
	return r.doc.Root()
}

// JSONError returns why the body could not be read as JSON.
func (r *Request) JSONError() error {
	r.JSON()
	return r.docErr
}

// ParamJSON returns the JSON that a query or form parameter holds; Missing where
// there is none. One parameter at a time: a second call ends the first's values.
func (r *Request) ParamJSON(name string) strictjson.Value {
	s := r.Params().Get(name)
	if s == "" {
		return strictjson.Value{}
	}
	if r.inner.Parse([]byte(s)) != nil {
		r.innerBad = true // the venue may read what we do not
		return strictjson.Value{}
	}
	return r.inner.Root()
}

// AskedPath returns the path as the client addressed it. Proofs that name a URL
// (RFC 9421, RFC 9449) are made for that one.
func (r *Request) AskedPath() string { return cmp.Or(r.Asked, r.Path) }

// PathQuery appends the path with the query as on the wire.
func (r *Request) PathQuery(dst []byte) []byte {
	dst = append(dst, r.Path...)
	if r.Query != "" {
		dst = append(append(dst, '?'), r.Query...)
	}
	return dst
}

func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\t' || b[0] == '\r') {
		b = b[1:]
	}
	return b
}
