package venue_test

import (
	"strings"
	"testing"

	"vedette"
	"vedette/venue"
)

func TestParams(t *testing.T) {
	r := &venue.Request{Query: "a=1&b=x%20y+z&c&&=v&a%62=e%2", Body: []byte("d=%C3%A9&b=body")}
	p := r.Params()
	for name, want := range map[string]string{"a": "1", "b": "x y z", "c": "", "": "v", "ab": "e%2", "d": "é", "none": ""} {
		if got := p.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if raw, ok := p.Raw("b"); raw != "x%20y+z" || !ok {
		t.Errorf("raw b: %q", raw)
	}
	if !p.Has("c") || p.Has("none") {
		t.Error("Has")
	}
	var where []string
	for _, q := range p.All() {
		where = append(where, q.Key+string('0'+rune(q.In)))
	}
	if got := strings.Join(where, " "); got != "a0 b0 c0 0 a%620 d1 b1" {
		t.Errorf("order: %s", got)
	}
	r.Reset()
	if r.Query = "z=1"; r.Params().Has("a") || !r.Params().Has("z") {
		t.Error("the former request's parameters show")
	}
}

func TestAmbiguous(t *testing.T) {
	many := strings.Repeat("a=1&", 300)
	for _, x := range []struct {
		query, body string
		repeatable  []string
		want        vedette.Reason
	}{
		{"a=1&b=2", "", nil, ""},
		{"a=1&b=2", "c=3", nil, ""},
		{"a=1&a=1", "", nil, vedette.Ambiguous},
		{"a=1&A=1", "", nil, vedette.Ambiguous},
		{"a=1&%61=1", "", nil, vedette.Ambiguous},
		{"a=1&a=2", "", []string{"a"}, ""},
		{"a=1&A=2", "", []string{"a"}, vedette.Ambiguous},
		{"a=1", "a=1", nil, vedette.Ambiguous},
		{"a=1&+a=2", "", nil, vedette.Ambiguous}, // some readers tidy names
		{"a=1&a%20=2", "", nil, vedette.Ambiguous},
		{"a=1&a[]=2", "", nil, vedette.Ambiguous},
		{"a=1&A%5B%5D=2", "", []string{"a"}, vedette.Ambiguous},
		{"a=1&a[]=2&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=", "", nil, vedette.Ambiguous},
		{"a[]=1&a[]=2", "", []string{"a[]"}, ""},
		{"a=1&a.=2", "", nil, vedette.Ambiguous}, // PHP reads a_
		{"a.=2", "", nil, vedette.Ambiguous},
		{"-a=2", "", nil, vedette.Ambiguous},
		{"a=1&a%3d=2", "", nil, vedette.Ambiguous},
		{"a%3D=2", "", nil, vedette.Ambiguous},
		{"a;=2", "", nil, vedette.Ambiguous},
		{"a=1;b=2", "", nil, vedette.Ambiguous}, // some readers cut there, others drop it all
		{"", "a=1&b=2;a=3", nil, vedette.Ambiguous},
		{"a=" + strings.Repeat("x", 300) + ";b=2", "", nil, vedette.Ambiguous},
		{"a=1%3Bb=2", "", nil, ""},
		{"a[=2", "", nil, vedette.Ambiguous},
		{"a]=2", "", nil, vedette.Ambiguous},
		{"", "a%5B=2", nil, vedette.Ambiguous},
		{"a=1&a[0]=2", "", nil, vedette.Ambiguous},
		{"a[0]=1&a=2", "", nil, vedette.Ambiguous},
		{"a[0]=1&a[1]=2", "", nil, ""},
		{"a_b=1&a.b=2", "", nil, vedette.Ambiguous},
		{"a-b=1&A[b]=2", "", nil, vedette.Ambiguous},
		{"$a=1&a=2", "", nil, vedette.Ambiguous},
		{"a-b=1&c=2&$d=3&e.f=4&ef=5", "", nil, ""},
		{"a_b=1&a.b=2&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=", "", nil, vedette.Ambiguous},
		{"a=1&a[x]=2&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=", "", nil, vedette.Ambiguous},
		{"a[x]=1&a=2&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=", "", nil, vedette.Ambiguous},
		{"a[x]=1&a[y]=2&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=", "", nil, ""},
		{"a=1", "a=2", []string{"a"}, ""},
		{"a=%", "", nil, vedette.Ambiguous},
		{"a=%zz", "", nil, vedette.Ambiguous},
		{"a=%2", "", nil, vedette.Ambiguous},
		{"a=%00", "", nil, vedette.Ambiguous},
		{"%00=a", "", nil, vedette.Ambiguous},
		{"a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=&r=", "", nil, ""}, // more than are compared pair by pair
		{"a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=&A=", "", nil, vedette.Ambiguous},
		{"a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=&%41=", "", nil, vedette.Ambiguous},
		{"a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=&q=", "", []string{"q"}, ""},
		{"a=%ff", "", nil, vedette.Ambiguous},
		{"%ff=a", "", nil, vedette.Ambiguous},
		{"a=%C3%A9", "", nil, ""},
		{many, "", []string{"a"}, vedette.Ambiguous},
		{"", `{"a":1}`, nil, ""},
		{"", `{"a":1,"a":2}`, nil, vedette.Ambiguous},
		{"", `{"a":1`, nil, vedette.Ambiguous},
		{"", "{\"a\":\"\xff\"}", nil, vedette.Ambiguous},
		{"a=1", `{"a":1}`, nil, vedette.Ambiguous}, // which one counts, each venue decides for itself
		{"b=1", `{"a":1}`, nil, ""},
		{"A=1", `{"a":1}`, nil, vedette.Ambiguous},
		{"a[]=1", `{"a":1}`, nil, vedette.Ambiguous},
		{"a-b=1", `{"a":{"b":1},"a_b":2}`, nil, vedette.Ambiguous},
		{"a[c]=1", `{"b":{"c":1},"d":2}`, nil, ""},
		{"b=1", `[{"b":1}]`, nil, ""},
		{"", "\ufeff{\"a\":1}", nil, vedette.Ambiguous}, // neither JSON nor a form
		{"", "\u00a0{\"a\":1}", nil, vedette.Ambiguous},
		{"", "\f{\"a\":1}", nil, vedette.Ambiguous},
		{"", `/**/{"a":1}`, nil, vedette.Ambiguous},
		{"", "//\n{\"a\":1}", nil, vedette.Ambiguous},
		{"", "{\x00\"\x00a\x00\"\x00", nil, vedette.Ambiguous},
		{"", `<a>1</a>`, nil, vedette.Ambiguous},
		{"", `%7B%22a%22:1}`, nil, vedette.Ambiguous},
		{"", "a=1&{b}=2", nil, vedette.Ambiguous},
		{"", `orders[0][symbol]=x&orders%5B1%5D.b-c_~d=["y"]`, nil, ""},
		{"\u00e9=1", "", nil, vedette.Ambiguous},
	} {
		r := &venue.Request{Method: "POST", Query: x.query, Body: []byte(x.body)}
		if got := r.Ambiguous(x.repeatable); got != x.want {
			t.Errorf("%.40q %q %v: %q, want %q", x.query, x.body, x.repeatable, got, x.want)
		}
	}
}

func TestAppendUnescaped(t *testing.T) {
	for _, x := range []struct {
		in   string
		plus bool
		want string
		ok   bool
	}{
		{"", true, "", true}, {"a+b", true, "a b", true}, {"a+b", false, "a+b", true}, {"%41%6a%6A", false, "Ajj", true},
		{"%", false, "%", false}, {"%4", false, "%4", false}, {"%4g", false, "%4g", false}, {"%%41", false, "%A", false}, {"100%25", false, "100%", true},
	} {
		got, ok := venue.AppendUnescaped([]byte("<"), x.in, x.plus)
		if string(got) != "<"+x.want || ok != x.ok {
			t.Errorf("%q: %q %v, want %q %v", x.in, got, ok, x.want, x.ok)
		}
	}
}

func TestRoutes(t *testing.T) {
	table := venue.NewRoutes([]venue.Route{
		{Method: "GET", Path: "/a", Op: vedette.OpMarketRead},
		{Method: "", Path: "/a", Op: vedette.OpAdmin},
		{Method: "GET", Path: "/a/{instrument}", Op: vedette.OpAccountRead},
		{Method: "GET", Path: "/a/fixed", Op: vedette.OpOrderQuery},
		{Method: "DELETE", Path: "/a/{instrument}/{order}", Op: vedette.OpOrderCancel},
		{Method: "GET", Path: "/a/b/*", Op: vedette.OpTransfer},
		{Method: "GET", Path: "/a/b/c/{}", Op: vedette.OpWithdraw},
		{Method: venue.WS, Path: "order.place", Op: vedette.OpOrderNew},
	})
	for _, x := range []struct {
		method, path string
		want         vedette.Operation
	}{
		{"GET", "/a", vedette.OpMarketRead}, {"POST", "/a", vedette.OpAdmin}, {venue.WS, "/a", 0}, {"GET", "/a/", 0}, {"GET", "/a/x", vedette.OpAccountRead},
		{"GET", "/a/fixed", vedette.OpOrderQuery}, {"POST", "/a/x", 0}, {"DELETE", "/a/x/1", vedette.OpOrderCancel}, {"DELETE", "/a//1", 0},
		{"GET", "/a/b/x/y", vedette.OpTransfer}, {"GET", "/a/b/c/d", vedette.OpWithdraw}, {"GET", "/a/b/c/d/e", vedette.OpTransfer}, {"GET", "/A", 0}, {"GET", "a", 0}, {"GET", "", 0},
		{venue.WS, "order.place", vedette.OpOrderNew}, {"GET", "order.place", 0},
	} {
		got := vedette.OpUnknown
		if r := table.Find(x.method, x.path); r != nil {
			got = r.Op
		}
		if got != x.want {
			t.Errorf("%s %s: %s, want %s", x.method, x.path, got, x.want)
		}
	}
	n := 0
	table.All(func(venue.Route) { n++ })
	if n != 8 {
		t.Errorf("All has %d routes, want 8", n)
	}
	var c vedette.Call
	table.Mean(&venue.Request{Method: "DELETE", Path: "/a/BTC%2FUSD/o%201"}, &c)
	if c.Operation != vedette.OpOrderCancel || c.Instrument != "BTC/USD" || c.TargetOrderID != "o 1" {
		t.Errorf("path fields: %+v", c.Action)
	}
	table.Mean(&venue.Request{Method: "GET", Path: "/none"}, &c)
	if c.Operation != vedette.OpUnknown || c.Instrument != "" {
		t.Errorf("an unknown endpoint keeps the former meaning: %+v", c.Action)
	}
	defer func() {
		if recover() == nil {
			t.Error("a route given twice does not panic")
		}
	}()
	venue.NewRoutes([]venue.Route{{Method: "GET", Path: "/a"}, {Method: "GET", Path: "/a"}})
}

// TestRoutesOfVenues holds every table to what the operations must not be.
func TestRoutesOfVenues(t *testing.T) {
	for _, d := range venue.All {
		if d.Routes == nil {
			t.Errorf("%s has no routes", d.Name)
			continue
		}
		ops := map[vedette.Operation]int{}
		d.Routes.All(func(r venue.Route) {
			ops[r.Op]++
			if r.Op == vedette.OpUnknown {
				t.Errorf("%s: %s %s has no operation", d.Name, r.Method, r.Path)
			}
			if r.Method == "GET" && strings.HasPrefix(r.Path, "/") && r.Op == vedette.OpWithdraw {
				t.Errorf("%s: %s %s withdraws", d.Name, r.Method, r.Path)
			}
			if r.Batch != "" && r.Part == vedette.OpUnknown {
				t.Errorf("%s: %s %s: a batch of nothing", d.Name, r.Method, r.Path)
			}
			if need := r.Op.Needs(); strings.HasSuffix(r.Path, "/*") && need&(vedette.PermTrade|vedette.PermWithdraw|vedette.PermTransfer) != 0 {
				t.Errorf("%s: %s %s: a family that trades or moves money", d.Name, r.Method, r.Path)
			}
		})
		if ops[vedette.OpOrderNew] == 0 || ops[vedette.OpMarketRead] == 0 || ops[vedette.OpOrderCancel]+ops[vedette.OpOrderBatch] == 0 {
			t.Errorf("%s: %v", d.Name, ops)
		}
	}
}

func TestParseWords(t *testing.T) {
	for s, want := range map[string]vedette.Side{"BUY": vedette.Buy, "bid": vedette.Buy, "Sell": vedette.Sell, "ask": vedette.Sell, "A": vedette.Sell, "b": vedette.Buy,
		"": 0, "both": 0, "buyer": 0} {
		if got := venue.ParseSide(s); got != want {
			t.Errorf("side %q: %s", s, got)
		}
	}
	for s, want := range map[string]string{"LIMIT": "limit", "market": "market", "STOP_LOSS_LIMIT": "stop_limit", "stop": "stop", "TAKE_PROFIT": "stop",
		"trailing_stop": "stop", "LIMIT_MAKER": "limit post", "post_only": "limit post", "ioc": "limit ioc", "optimal_limit_ioc": "limit ioc", "EXCHANGE FOK": "",
		"fok": "limit fok", "mkt": "market", "lmt": "limit", "": "", "odd": ""} {
		var a vedette.Action
		venue.ParseType(s, &a)
		if got := strings.TrimPrefix(sayAction(&a), "unknown"); strings.Join(sortedWords(got), " ") != strings.Join(sortedWords(want), " ") {
			t.Errorf("type %q: %q, want %q", s, got, want)
		}
	}
	for s, want := range map[string]string{"GTC": "gtc", "good_till_cancelled": "gtc", "GoodTillCancel": "gtc", "IOC": "ioc", "immediate_or_cancel": "ioc", "FOK": "fok",
		"FillOrKill": "fok", "GTX": "gtc post", "Alo": "gtc post", "poc": "gtc post", "PostOnly": "gtc post", "GTD": "gtd", "good_till_date": "gtd", "Day": "day", "": "", "odd": ""} {
		var a vedette.Action
		venue.ParseTIF(s, &a)
		if got := strings.TrimPrefix(sayAction(&a), "unknown"); strings.Join(sortedWords(got), " ") != strings.Join(sortedWords(want), " ") {
			t.Errorf("time in force %q: %q, want %q", s, got, want)
		}
	}
}

func sortedWords(s string) []string {
	words := strings.Fields(s)
	for i := range words {
		for j := i; j > 0 && words[j] < words[j-1]; j-- {
			words[j], words[j-1] = words[j-1], words[j]
		}
	}
	return words
}

func TestAmbiguousCharset(t *testing.T) {
	for contentType, want := range map[string]vedette.Reason{
		"application/json":                            "",
		"application/json; charset=utf-8":             "",
		"application/json;charset=\"UTF-8\"; x=y":     "",
		"application/json; charset=ISO-8859-1":        "",
		"application/json; charset=utf-7":             vedette.Ambiguous,
		"application/json; Charset=\"UTF-16\"":        vedette.Ambiguous,
		"application/json; charset=utf-8;charset=ibm": vedette.Ambiguous,
		"multipart/form-data; boundary=x":             vedette.Ambiguous,
	} {
		r := &venue.Request{Method: "POST", Body: []byte(`{"a":1}`), Header: venue.Header{{Name: "Content-Type", Value: contentType}}}
		if got := r.Ambiguous(nil); got != want {
			t.Errorf("%s: %q, want %q", contentType, got, want)
		}
	}
	twice := &venue.Request{Method: "POST", Body: []byte(`{"a":1}`), Header: venue.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "content-type", Value: "multipart/form-data; boundary=x"}}}
	if got := twice.Ambiguous(nil); got != vedette.Ambiguous {
		t.Errorf("two content types: %q", got)
	}
}
