package venue

import (
	"fmt"
	"strings"

	"vedette"
)

// Route says what one endpoint, or one kind of WebSocket message, means.
type Route struct {
	// Method is the HTTP method, "" for any, or WS for a message.
	Method string
	// Path is the endpoint's path, or the operation name of a message. A segment in
	// braces matches any one segment and names the field it fills: {instrument},
	// {order} (the target), {client}, {object}, {asset}, {account}, {} (nothing). A
	// last segment * matches any rest.
	Path   string
	Op     vedette.Operation
	Fields *Fields
	// Batch is the name of the parameter or member that holds the array of parts, "."
	// for a body that is the array itself. Part is what each part does, and Of the
	// fields of a part (Fields where nil).
	Batch string
	Part  vedette.Operation
	Of    *Fields
	// Cancels names the order that a request cancels before it places another: a batch of
	// both, whose second part is Part with the fields Of.
	Cancels *Fields
	// Note is the dialect's own, such as the name that is signed for the endpoint.
	Note string
}

// WS is the Method of routes that are WebSocket messages.
const WS = "WS"

// Routes finds the route of a request. It is built once and then only read.
type Routes struct {
	exact map[string][]Route // by path
	tree  *segment           // paths with patterns
	// folded are the same paths in lower case without a slash at the end.
	folded *Routes
}

type segment struct {
	next   map[string]*segment
	any    *segment
	routes []Route // that end here
	rest   []Route // that end in *
}

// NewRoutes builds the table. It panics on a route that is given twice: the
// tables are constants of ours.
func NewRoutes(lists ...[]Route) *Routes {
	t := &Routes{exact: map[string][]Route{}, tree: &segment{}}
	t.folded = &Routes{exact: map[string][]Route{}, tree: &segment{}}
	for _, list := range lists {
		for _, r := range list {
			t.add(r)
			if low := strings.ToLower(strings.TrimRight(r.Path, "/")); r.Method != WS && !t.folded.holds(r.Method, low) {
				r.Path = low
				t.folded.add(r)
			}
		}
	}
	return t
}

// holds reports whether the table has a route of exactly that method and path text.
func (t *Routes) holds(method, path string) bool {
	list := t.exact[path]
	if strings.ContainsAny(path, "{*") {
		s := t.tree
		for rest := path; rest != ""; {
			var one string
			one, rest, _ = strings.Cut(rest, "/")
			if one == "*" {
				list = s.rest
				break
			}
			s = s.child(one)
			list = s.routes
		}
	}
	for i := range list {
		if list[i].Method == method {
			return true
		}
	}
	return false
}

func (t *Routes) add(r Route) {
	into := t.exact[r.Path]
	if strings.ContainsAny(r.Path, "{*") {
		s := t.tree
		rest := r.Path
		for rest != "" {
			var one string
			one, rest, _ = strings.Cut(rest, "/")
			if one == "*" {
				s.rest = appendRoute(s.rest, r)
				return
			}
			s = s.child(one)
		}
		s.routes = appendRoute(s.routes, r)
		return
	}
	t.exact[r.Path] = appendRoute(into, r)
}

func appendRoute(list []Route, r Route) []Route {
	for i := range list {
		if list[i].Method == r.Method {
			panic(fmt.Sprintf("BUG: route %s %s given twice", r.Method, r.Path))
		}
	}
	return append(list, r)
}

func (s *segment) child(name string) *segment {
	if strings.HasPrefix(name, "{") {
		if s.any == nil {
			s.any = &segment{}
		}
		return s.any
	}
	if s.next == nil {
		s.next = map[string]*segment{}
	}
	if s.next[name] == nil {
		s.next[name] = &segment{}
	}
	return s.next[name]
}

// All calls f for every route, in no particular order.
func (t *Routes) All(f func(Route)) {
	for _, list := range t.exact {
		for _, r := range list {
			f(r)
		}
	}
	var walk func(s *segment)
	walk = func(s *segment) {
		for _, r := range s.routes {
			f(r)
		}
		for _, r := range s.rest {
			f(r)
		}
		for _, n := range s.next {
			walk(n)
		}
		if s.any != nil {
			walk(s.any)
		}
	}
	walk(t.tree)
}

// Find returns the route of a method and path, nil if there is none. An exact
// path wins over a pattern, a literal segment over a pattern segment.
func (t *Routes) Find(method, path string) *Route {
	if r := pick(t.exact[path], method); r != nil {
		return r
	}
	return t.tree.find(method, path)
}

func pick(list []Route, method string) *Route {
	var fallback *Route
	for i := range list {
		if list[i].Method == method {
			return &list[i]
		}
		if list[i].Method == "" && method != WS {
			fallback = &list[i]
		}
	}
	return fallback
}

func (s *segment) find(method, path string) *Route {
	if path == "" {
		return pick(s.routes, method)
	}
	one, rest, _ := strings.Cut(path, "/")
	if n := s.next[one]; n != nil {
		if r := n.find(method, rest); r != nil {
			return r
		}
	}
	if s.any != nil && one != "" {
		if r := s.any.find(method, rest); r != nil {
			return r
		}
	}
	return pick(s.rest, method)
}

// pathFields fills what the route's pattern names from the path.
func (r *Route) pathFields(path string, c *vedette.Call) {
	pattern := r.Path
	for pattern != "" && strings.IndexByte(pattern, '{') >= 0 {
		var p, s string
		p, pattern, _ = strings.Cut(pattern, "/")
		s, path, _ = strings.Cut(path, "/")
		if !strings.HasPrefix(p, "{") {
			continue
		}
		if strings.IndexByte(s, '%') >= 0 {
			b, _ := AppendUnescaped(nil, s, false)
			s = text(b)
		}
		switch p {
		case "{instrument}":
			c.Instrument = s
		case "{order}":
			c.TargetOrderID = s
		case "{client}":
			c.ClientOrderID = s
		case "{object}":
			c.Object = s
		case "{asset}":
			c.Asset = s
		case "{account}":
			c.Object = s
		}
	}
}

// family returns routes that differ in nothing but their path: the paths are
// separated by blanks, and base stands before each.
func family(method, base string, op vedette.Operation, f *Fields, paths string) []Route {
	var routes []Route
	for p := range strings.FieldsSeq(paths) {
		routes = append(routes, Route{Method: method, Path: base + p, Op: op, Fields: f})
	}
	return routes
}

// replace is a route that cancels one order, which old names, and places another.
func replace(method, path string, old, placed *Fields) Route {
	return Route{Method: method, Path: path, Op: vedette.OpOrderBatch, Fields: old, Cancels: old, Part: vedette.OpOrderNew, Of: placed.untargeted()}
}

// batch is a family of routes whose member or parameter list holds the parts.
func batch(method, base, list string, part vedette.Operation, of *Fields, paths string) []Route {
	routes := family(method, base, vedette.OpOrderBatch, nil, paths)
	for i := range routes {
		routes[i].Batch, routes[i].Part, routes[i].Of = list, part, of
	}
	return routes
}
