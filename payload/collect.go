package payload

import (
	"encoding/base64"
	"strings"
	"unsafe"

	"vedette"
	"vedette/internal/strictjson"
	"vedette/venue"
)

// Item is a suspicious parameter, decoded.
type Item struct {
	Where       vedette.Place
	Name, Value string
	// Hidden says that the value, or name and value, must not be told.
	Hidden, Nameless bool

	kind fieldKind // of header field that it comes from
	raw  string    // of a query's parameter: as it was sent
}

// fieldKind is what a header field holds.
type fieldKind uint8

const (
	wholeField fieldKind = iota
	cookieField
	packedParameter // one of a request that is packed into the field
)

// gathering collects items up to the limits.
type gathering struct {
	list  []Item
	bytes int
	cut   bool // not all was taken
	all   bool // harmless parameters are taken too
	kind  fieldKind
}

// full reports whether nothing more is taken, and notes that something was left.
func (g *gathering) full() bool {
	if len(g.list) == maxItems || g.bytes >= maxBytes {
		g.cut = true
		return true
	}
	return false
}

func (g *gathering) add(where vedette.Place, name, value string) {
	if g.full() {
		return
	}
	take := func(s string) string {
		n := min(maxItem, maxBytes-g.bytes)
		g.bytes += min(len(s), n)
		if len(s) <= n {
			return strings.Clone(s)
		}
		g.cut = true // padding before a payload, or behind it, does not hide it
		return s[:n/2] + s[len(s)-(n-n/2):]
	}
	g.list = append(g.list, Item{Where: where, Name: take(name), Value: take(value), kind: g.kind})
}

// Collect returns the request's suspicious parameters in memory of their own. cut says that not all of them, or not all
// of each, could be taken.
func Collect(r *venue.Request) (items []Item, cut bool) { return collect(r, &gathering{}) }

// CollectAll is Collect without the filter: every parameter is taken. It is what the filter is measured against.
func CollectAll(r *venue.Request) (items []Item, cut bool) { return collect(r, &gathering{all: true}) }

func collect(r *venue.Request, g *gathering) (items []Item, cut bool) {
	f := &Filter{}
	if r.Kind != venue.Message {
		if g.all || f.path(r.Path) {
			g.add(vedette.InPath, "", r.Path)
		}
		g.form(vedette.InQuery, r.Query, formTable)
		for _, h := range r.Header {
			g.field(f, h)
		}
	}
	if len(r.Body) > 0 && (g.all || f.body(r)) {
		switch body := string(r.Body); {
		case r.IsJSON():
			g.json(vedette.InBody, "", body, 0)
		case r.Kind == venue.Message || !isForm(r, body):
			g.add(vedette.InBody, "", body)
		default:
			g.form(vedette.InBody, body, formTable)
		}
	}
	return g.list, g.cut
}

// isForm reports whether a body is to be read as a form: it is labelled so, or not labelled and looks like one.
func isForm(r *venue.Request, body string) bool {
	if kind := strings.ToLower(r.Header.Get("Content-Type")); kind != "" && !strings.Contains(kind, "json") {
		return strings.Contains(kind, "form-urlencoded")
	}
	body = strings.TrimLeft(body, " \t\r\n")
	return !strings.HasPrefix(body, "<") && !strings.HasPrefix(body, "--")
}

func (g *gathering) field(f *Filter, h venue.Field) {
	switch one := (venue.Header{h}); {
	case !g.all && !f.header(one):
	case strings.EqualFold(h.Name, "cookie"):
		g.kind = cookieField
		g.form(vedette.InHeader, h.Value, cookieTable)
		g.kind = wholeField
	case len(h.Name) > 10 && packedField(h.Name):
		if plain, err := base64.StdEncoding.DecodeString(h.Value); err == nil {
			g.kind = packedParameter
			g.value(vedette.InHeader, h.Name, string(plain), 0)
			g.kind = wholeField
			return
		}
		fallthrough
	default:
		g.add(vedette.InHeader, h.Name, h.Value)
	}
}

func (g *gathering) form(where vedette.Place, s string, t *table) {
	end := "&"
	if t == cookieTable {
		end = ";"
	}
	f := &Filter{}
	for p := range strings.SplitSeq(s, end) {
		if !g.all && !f.form(p, t) {
			continue
		}
		if g.full() {
			return
		}
		name, value, both := strings.Cut(p, "=")
		if !both {
			name, value = "", name
		}
		name, value = unescaped(name, t), unescaped(value, t)
		before := len(g.list)
		g.value(where, strings.TrimLeft(name, " "), value, 0)
		if where == vedette.InQuery && len(g.list) == before+1 && len(p) <= maxItem && g.list[before].Value == value {
			g.list[before].raw = strings.Clone(p)
		}
	}
}

func unescaped(s string, t *table) string {
	plain, _ := venue.AppendUnescaped(nil, s, t == formTable)
	return string(plain)
}

// value takes a value in the clear: the strings of it that are suspicious where it is JSON.
func (g *gathering) value(where vedette.Place, name, s string, depth int) {
	if depth < maxDepth && s != "" && (s[0] == '{' || s[0] == '[') {
		before := len(g.list)
		if g.json(where, name, s, depth+1); len(g.list) > before || g.cut {
			return
		}
	}
	g.add(where, name, s)
}

// json takes the suspicious strings of a JSON text. One that is none is taken whole.
func (g *gathering) json(where vedette.Place, name, s string, depth int) {
	var doc strictjson.Doc
	if doc.Parse([]byte(s)) != nil {
		g.add(where, name, s)
		return
	}
	g.walk(where, name, doc.Root(), depth, &Filter{})
}

func (g *gathering) walk(where vedette.Place, name string, v strictjson.Value, depth int, f *Filter) {
	switch v.Kind() {
	case strictjson.Object, strictjson.Array:
		for e := v.First(); e.Exists() && !g.cut; e = e.Next(v) {
			n := name
			if v.Kind() == strictjson.Object {
				if n = e.Name(); hot(n) || g.all {
					g.add(where, n, "")
				}
			}
			g.walk(where, n, e, depth, f)
		}
	case strictjson.String:
		if t := v.Text(); g.all || f.value(t, depth) {
			g.value(where, name, t, depth)
		}
	}
}

// appendBase64 appends what base64 text means, without allocating where there is room.
func appendBase64(dst []byte, s string) ([]byte, bool) {
	n := base64.StdEncoding.DecodedLen(len(s))
	for cap(dst)-len(dst) < n {
		dst = append(dst[:cap(dst)], 0)[:len(dst)]
	}
	m, err := base64.StdEncoding.Decode(dst[len(dst):len(dst)+n], unsafe.Slice(unsafe.StringData(s), len(s)))
	return dst[:len(dst)+m], err == nil
}
