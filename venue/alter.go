package venue

import (
	"bytes"
	"iter"
	"strconv"

	"vedette/internal/strictjson"
)

// Alterations yields copies of a WebSocket upgrade or message that differ from it in one
// part, with the part's name: of an upgrade "path" and "query"; of a message every value of
// its JSON, as "params.price", and one member or element more, as "params.*". A part comes
// more than once where it can be altered in more than one way.
func Alterations(r *Request) iter.Seq2[string, *Request] {
	return func(yield func(string, *Request) bool) {
		if r.Kind == Message {
			a := alterer{r, yield}
			var d strictjson.Doc
			if d.Parse(r.Body) == nil {
				a.value(d.Root(), "")
			}
			return
		}
		other := r.bare()
		other.Path += "x"
		if !yield("path", other) || r.Query == "" {
			return
		}
		other = r.bare()
		other.Query = "zz=1&" + other.Query
		yield("query", other)
	}
}

// bare copies a request without what was parsed of it.
func (r *Request) bare() *Request {
	return &Request{Kind: r.Kind, Method: r.Method, Scheme: r.Scheme, Host: r.Host, Path: r.Path, Query: r.Query, Header: r.Header,
		Body: r.Body, Session: r.Session}
}

type alterer struct {
	r     *Request
	yield func(string, *Request) bool
}

// replace yields the message with other text from start to end.
func (a *alterer) replace(part string, start, end int, text string) bool {
	other := a.r.bare()
	other.Body = append(append(append([]byte(nil), a.r.Body[:start]...), text...), a.r.Body[end:]...)
	return a.yield(part, other)
}

// value alters a value and all within it.
func (a *alterer) value(v strictjson.Value, path string) bool {
	start, end := v.Span()
	switch v.Kind() {
	case strictjson.Array, strictjson.Object:
		return a.members(v, path, end-1)
	case strictjson.String, strictjson.Number:
		return a.text(path, start, end)
	case strictjson.True:
		return a.replace(path, start, end, "false")
	}
	return a.replace(path, start, end, "true")
}

func (a *alterer) members(v strictjson.Value, path string, end int) bool {
	if path != "" {
		path += "."
	}
	i := 0
	for e := v.First(); e.Exists(); e = e.Next(v) {
		name := strconv.Itoa(i)
		if v.Kind() == strictjson.Object {
			name = e.Name()
		}
		if !a.value(e, path+name) {
			return false
		}
		i++
	}
	more := "1"
	if v.Kind() == strictjson.Object {
		more = `"zz":1`
	}
	if i > 0 {
		more = "," + more
	}
	return a.replace(path+"*", end, end, more)
}

// text alters the first and the last letter or digit of a string or number: what reads
// one part of a text only, as a prefix, may not see a change of the other. Text with escapes
// is made longer, so that they stay whole.
func (a *alterer) text(path string, start, end int) bool {
	first, last := start, end-1
	for first < end && !plain(a.r.Body[first]) {
		first++
	}
	for last >= start && !plain(a.r.Body[last]) {
		last--
	}
	if first > last || bytes.IndexByte(a.r.Body[start:end], '\\') >= 0 {
		return a.replace(path, start, start, "x")
	}
	return a.replace(path, first, first+1, next(a.r.Body[first])) &&
		(first == last || a.replace(path, last, last+1, next(a.r.Body[last])))
}

// plain are the letters and digits.
func plain(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// next returns another of the same kind, never 0: a number must not begin with it.
func next(c byte) string {
	if c == '9' || c == 'z' || c == 'Z' {
		return string(c - 1)
	}
	return string(c + 1)
}
