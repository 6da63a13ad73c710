package venue

import (
	"bytes"
	"iter"
	"strconv"
	"strings"

	"vedette/internal/strictjson"
)

// Alterations yields copies of a request, WebSocket upgrade or message that differ from it
// in one part, with the part's name: "method" of a request; "path" and "query" of a request
// or upgrade, a query put where there was none too; "body" of a request, and of one in JSON
// every value, as "body.price", and one member or element more, as "body.*"; of a message
// the same without "body". A part comes more than once where it can be altered in more than
// one way.
func Alterations(r *Request) iter.Seq2[string, *Request] {
	return func(yield func(string, *Request) bool) {
		a := alterer{r, yield}
		switch r.Kind {
		case Message:
			a.document("")
		case Upgrade:
			_ = a.path() && a.query()
		default:
			_ = a.method() && a.path() && a.query() && a.body()
		}
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

// document alters the JSON of the body, whose parts are named below base.
func (a *alterer) document(base string) bool {
	var d strictjson.Doc
	return d.Parse(a.r.Body) != nil || a.value(d.Root(), base)
}

func (a *alterer) method() bool {
	for _, m := range [4]string{"GET", "POST", "PUT", "DELETE"} {
		if m == a.r.Method {
			continue
		}
		other := a.r.bare()
		if other.Method = m; !a.yield("method", other) {
			return false
		}
	}
	return true
}

func (a *alterer) path() bool {
	other := a.r.bare()
	other.Path += "x"
	return a.yield("path", other)
}

func (a *alterer) query() bool {
	return a.params(a.r.Query, func(s string) bool {
		other := a.r.bare()
		other.Query = s
		return a.yield("query", other)
	})
}

func (a *alterer) body() bool {
	say := func(s string) bool {
		other := a.r.bare()
		other.Body = []byte(s)
		return a.yield("body", other)
	}
	switch {
	case a.r.IsJSON():
		return a.document("body")
	case len(trimSpace(a.r.Body)) == 0:
		return say(`{"zz":1}`) && say("zz=1")
	}
	return a.params(text(a.r.Body), say)
}

// params alters parameters of a query or form: one more at either end, and every value by
// its last letter or digit.
func (a *alterer) params(s string, say func(string) bool) bool {
	if s == "" {
		return say("zz=1")
	}
	if !say("zz=1&"+s) || !say(s+"&zz=1") {
		return false
	}
	for start := 0; start < len(s); {
		end := len(s)
		if i := strings.IndexByte(s[start:], '&'); i >= 0 {
			end = start + i
		}
		last := end - 1
		for last > start && s[last] != '=' && (!plain(s[last]) || s[max(last-2, 0)] == '%' || s[max(last-1, 0)] == '%') {
			last-- // an escape stays whole
		}
		if last > start && s[last] != '=' && strings.IndexByte(s[start:last], '=') >= 0 && !say(s[:last]+next(s[last])+s[last+1:]) {
			return false
		}
		start = end + 1
	}
	return true
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
