package venue

import (
	"bytes"
	"strings"

	"vedette"
	"vedette/internal/strictjson"
)

// Fields names the parameters that carry the order fields of a route. Each is a
// list of alternatives, the first that is present wins. "a.b" reaches into nested
// JSON objects. Of Instrument, Address and Tag no two may be present that differ:
// which of them counts, only the venue knows.
type Fields struct {
	Instrument, Side, Type, TIF, Price, Stop, Quantity []string
	ClientID, Target, Object, Asset, Address           []string
	// Tag is the second half of an address where accounts share one: ADDRESS:TAG.
	Tag                  []string
	PostOnly, ReduceOnly []string
	// Refine corrects what the general reading cannot know, after it ran.
	Refine func(v Values, a *vedette.Action)
}

// Values reads parameters by name, from a JSON object, then from query and form.
type Values struct {
	JSON   strictjson.Value
	Params *Params
	r      *Request
}

// Values returns the request's parameters, wherever they stand.
func (r *Request) Values() Values {
	v := Values{Params: r.Params(), r: r}
	if r.IsJSON() {
		v.JSON = r.JSON()
	}
	return v
}

// Get returns the text of the parameter, "" if there is none.
func (v Values) Get(name string) string {
	if v.JSON.Exists() {
		if m := v.member(name); m.Exists() {
			return m.Text()
		}
	}
	if v.Params != nil {
		return v.Params.Get(name)
	}
	return ""
}

func (v Values) member(name string) strictjson.Value {
	m := v.JSON
	for {
		one, rest, nested := strings.Cut(name, ".")
		if m = m.Get(one); !nested {
			return m
		}
		name = rest
	}
}

func (v Values) first(names []string) string {
	for _, n := range names {
		if s := v.Get(n); s != "" {
			return s
		}
	}
	return ""
}

// sole returns the one value that the alternatives have, and whether there are
// several: was, unless it is empty, is one too.
func (v Values) sole(names []string, was string) (s string, several bool) {
	s = was
	for _, n := range names {
		switch t := v.said(n); {
		case t == "":
		case s == "":
			s = t
		case s != t:
			several = true
		}
	}
	return s, several
}

// said is Get, but an object or array is its own text.
func (v Values) said(name string) string {
	if v.JSON.Exists() {
		if m := v.member(name); m.Kind() == strictjson.Object || m.Kind() == strictjson.Array {
			return m.Raw()
		}
	}
	return v.Get(name)
}

func (v Values) decimal(names []string) vedette.Decimal {
	if s := v.first(names); s != "" {
		if d, err := vedette.ParseDecimal(s); err == nil {
			return d
		}
	}
	return vedette.Decimal{}
}

func (v Values) flag(names []string) bool {
	switch v.first(names) {
	case "true", "True", "TRUE", "1", "yes", "YES", "t":
		return true
	}
	return false
}

// Fill sets the order fields of a from v.
func (f *Fields) Fill(v Values, a *vedette.Action) {
	if f == nil {
		return
	}
	f.fillWhat(v, a)
	set(&a.ClientOrderID, v.first(f.ClientID))
	set(&a.TargetOrderID, v.first(f.Target))
	set(&a.Object, v.first(f.Object))
	set(&a.Asset, v.first(f.Asset))
	if len(f.Side) > 0 {
		a.Side = ParseSide(v.first(f.Side))
	}
	if len(f.Type) > 0 {
		ParseType(v.first(f.Type), a)
	}
	if len(f.TIF) > 0 {
		ParseTIF(v.first(f.TIF), a)
	}
	a.Price = v.decimal(f.Price)
	a.StopPrice = v.decimal(f.Stop)
	a.Quantity = v.decimal(f.Quantity)
	a.PostOnly = a.PostOnly || v.flag(f.PostOnly)
	a.ReduceOnly = a.ReduceOnly || v.flag(f.ReduceOnly)
	if f.Refine != nil {
		f.Refine(v, a)
	}
}

// fillWhat sets what a credential may be confined to: the instrument and, with its
// tag, the address. Who only reads may name several instruments.
func (f *Fields) fillWhat(v Values, a *vedette.Action) {
	var instruments, addresses, tags bool
	var tag string
	a.Instrument, instruments = v.sole(f.Instrument, a.Instrument)
	a.Address, addresses = v.sole(f.Address, a.Address)
	if tag, tags = v.sole(f.Tag, ""); tag != "" {
		a.Address += ":" + tag
	}
	a.Ambiguous = instruments && a.Operation.Changes() || addresses || tags
}

// to returns the fields of a route that sends to somebody else: the names of the
// destination, and of its tag.
func (f *Fields) to(tag []string, names ...string) *Fields {
	g := *f
	g.Address, g.Tag = names, tag
	g.Object = nil
	for _, n := range f.Object {
		if !contains(names, n) {
			g.Object = append(g.Object, n)
		}
	}
	return &g
}

// untargeted returns the fields of an order that is placed beside one that is named.
func (f *Fields) untargeted() *Fields {
	g := *f
	g.Target = nil
	return &g
}

func set(dst *string, s string) {
	if s != "" {
		*dst = s
	}
}

// ParseSide reads a side in any venue's words.
func ParseSide(s string) vedette.Side {
	switch {
	case fold(s, "buy"), fold(s, "bid"), fold(s, "b"), fold(s, "long"):
		return vedette.Buy
	case fold(s, "sell"), fold(s, "ask"), fold(s, "s"), fold(s, "a"), fold(s, "short"):
		return vedette.Sell
	}
	return vedette.SideNone
}

// ParseType reads an order type in any venue's words. A type that implies a time in
// force or post-only sets those too.
func ParseType(s string, a *vedette.Action) {
	has := func(part string) bool { return containsFold(s, part) }
	switch {
	case s == "":
		return
	case has("post") || has("maker"):
		a.Type, a.PostOnly = vedette.Limit, true
	case fold(s, "ioc") || has("limit_ioc") || has("limit-ioc") || has("optimal_limit_ioc"):
		a.Type, a.TimeInForce = vedette.Limit, vedette.IOC
	case fold(s, "fok") || has("limit_fok") || has("limit-fok") || has("limit fok"):
		a.Type, a.TimeInForce = vedette.Limit, vedette.FOK
	case has("stop") || has("stp") || has("take") || has("trigger") || has("trail") || has("conditional"):
		a.Type = vedette.Stop
		if has("limit") || has("lmt") {
			a.Type = vedette.StopLimit
		}
	case has("market") || has("mkt"):
		a.Type = vedette.Market
	case has("limit") || has("lmt"):
		a.Type = vedette.Limit
	}
}

// ParseTIF reads a time in force in any venue's words.
func ParseTIF(s string, a *vedette.Action) {
	switch {
	case s == "":
	case containsFold(s, "post") || fold(s, "gtx") || fold(s, "alo") || fold(s, "poc") || containsFold(s, "maker"):
		a.PostOnly, a.TimeInForce = true, vedette.GTC
	case fold(s, "gtc") || containsFold(s, "good_till_cancel") || containsFold(s, "good_til_cancel") ||
		containsFold(s, "goodtillcancel") || fold(s, "good-till-cancel") || containsFold(s, "good_until_cancel"):
		a.TimeInForce = vedette.GTC
	case fold(s, "ioc") || containsFold(s, "immediate"):
		a.TimeInForce = vedette.IOC
	case fold(s, "fok") || containsFold(s, "fill"):
		a.TimeInForce = vedette.FOK
	case fold(s, "gtd") || fold(s, "gtt") || containsFold(s, "good"):
		a.TimeInForce = vedette.GTD
	case fold(s, "day"):
		a.TimeInForce = vedette.Day
	}
}

func fold(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// containsFold reports whether part, that is ASCII, stands in s in any case.
func containsFold(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i]|0x20 == part[0]|0x20 && strings.EqualFold(s[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

// Mean is the Meaning of a dialect whose routes say everything: it finds the
// request's route by method and path and fills the call from it.
func (t *Routes) Mean(r *Request, c *vedette.Call) {
	t.MeanAs(t.Find(r.Method, r.Path), r.Path, r.Values(), c)
}

// MeanAs fills the call from a route that the dialect found itself; nil means that
// the endpoint is unknown.
func (t *Routes) MeanAs(route *Route, path string, v Values, c *vedette.Call) {
	c.Action = vedette.Action{}
	c.Batch = c.Batch[:0]
	if route == nil {
		return
	}
	c.Operation = route.Op
	route.pathFields(path, c)
	route.Fields.Fill(v, &c.Action)
	switch {
	case route.Cancels != nil:
		c.Batch = append(c.Batch, vedette.Action{Operation: vedette.OpOrderCancel}, vedette.Action{Operation: route.Part})
		route.Cancels.Fill(v, &c.Batch[0])
		route.Of.Fill(v, &c.Batch[1])
	case route.Batch != "":
		route.parts(v, c)
	}
}

// MaxParts bounds the parts of one batch: no venue takes more. Of a longer one a
// Meaning lists one part more than that, by which it is known.
const MaxParts = 1000

// listIn reports whether the parameter of the parts is to be read as JSON: always for
// a batch; where one plain id may stand there too (BitMEX cancels), if it starts so.
func (route *Route) listIn(v Values) bool {
	b := trimSpace(bytesOf(v.Get(route.Batch)))
	return route.Op == vedette.OpOrderBatch || len(b) > 0 && strings.IndexByte(`["{`, b[0]) >= 0
}

func (route *Route) parts(v Values, c *vedette.Call) {
	list := v.JSON
	if route.Batch != "." {
		if list = v.member(route.Batch); !list.Exists() && v.r != nil && route.listIn(v) {
			list = v.r.ParamJSON(route.Batch)
		}
	}
	if list.Kind() != strictjson.Array {
		return
	}
	f := route.Of
	if f == nil {
		f = route.Fields
	}
	for e := list.First(); e.Exists() && len(c.Batch) <= MaxParts; e = e.Next(list) {
		a := vedette.Action{Operation: route.Part}
		if e.Kind() == strictjson.Object {
			f.Fill(Values{JSON: e}, &a)
		} else {
			a.TargetOrderID = e.Text() // a list of plain ids
		}
		if a.Instrument == "" {
			a.Instrument = c.Instrument
		}
		c.Batch = append(c.Batch, a)
	}
}

// Ambiguous returns why venue and monitor could read the request differently: ""
// if they cannot.
func (r *Request) Ambiguous(repeatable []string) vedette.Reason {
	if r.Params().ambiguous(repeatable) {
		return vedette.Ambiguous
	}
	if r.Kind != Reply && r.IsJSON() && (r.JSONError() != nil || r.bothWays() || r.twoFaced()) {
		return vedette.Ambiguous
	}
	if r.Kind != Message && r.Kind != Reply && AmbiguousPath(r.Path) {
		return vedette.Ambiguous
	}
	if r.Kind == HTTPRequest && len(r.Body) > 0 && (foreign(r.Header.Get("Content-Type")) || r.Header.Count("Content-Type") > 1) {
		return vedette.Ambiguous
	}
	if r.innerBad || r.Kind == HTTPRequest && r.bodiless() && !r.saysNothing() || r.Kind != Message && r.Kind != Reply && r.overridden() {
		return vedette.Ambiguous
	}
	return ""
}

// overridden reports whether a header asks some servers to take another method or path
// than the request's own.
func (r *Request) overridden() bool {
	for i := range r.Header {
		switch name := r.Header[i].Name; {
		case len(name) < 13 || name[0]|0x20 != 'x':
		case fold(name, "X-HTTP-Method-Override"), fold(name, "X-HTTP-Method"), fold(name, "X-Method-Override"),
			fold(name, "X-Original-URL"), fold(name, "X-Rewrite-URL"):
			return true
		}
	}
	return false
}

// twoFaced reports whether a JSON body is labelled a form and holds what a form has:
// who goes by the label finds parameters in it.
func (r *Request) twoFaced() bool {
	return r.Kind == HTTPRequest && hasMedia(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && bytes.IndexByte(r.Body, '&') >= 0
}

// foreign reports whether a body of that type is read by other rules than ours: in
// parts, in which a lenient reader finds parameters, or in an encoding in which other
// bytes are the braces and quotes.
func foreign(contentType string) bool {
	if hasMedia(contentType, "multipart/") {
		return true
	}
	const word = "charset"
	for s := contentType; len(s) >= len(word); s = s[1:] {
		if strings.EqualFold(s[:len(word)], word) {
			set, _, _ := strings.Cut(strings.TrimLeft(s[len(word):], ` ="'`), ";")
			switch set = strings.TrimRight(set, ` "'`); {
			case fold(set, "utf-8"), fold(set, "utf8"), fold(set, "us-ascii"), fold(set, "iso-8859-1"):
			default:
				return true
			}
		}
	}
	return false
}

func hasMedia(contentType, media string) bool {
	return len(contentType) >= len(media) && strings.EqualFold(contentType[:len(media)], media)
}

// bothWays reports whether a parameter of the query stands in the body's object too:
// which of them counts, each venue decides for itself.
func (r *Request) bothWays() bool {
	if r.Kind == Message || len(r.Params().list) == 0 || r.JSON().Kind() != strictjson.Object {
		return false
	}
	if r.JSON().Len() > maxParams { // beside a query, more than any venue takes
		return true
	}
	return r.params.has(func(yield func(string) bool) {
		for m := r.JSON().First(); m.Exists() && yield(m.Name()); m = m.Next(r.JSON()) {
		}
	})
}
