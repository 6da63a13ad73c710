package venue_test

import (
	"encoding/json"
	"strings"
	"testing"

	"vedette/venue"
)

// TestAlterations: each is valid JSON that says something else, and every part is among
// them.
func TestAlterations(t *testing.T) {
	const body = ` {"op":"login","args":[{"n":-10,"t":"9","esc":"\n","none":"","é":"é"},[],true,null],"o":{}} `
	var parts []string
	for part, r := range venue.Alterations(&venue.Request{Kind: venue.Message, Body: []byte(body)}) {
		if len(parts) == 0 || parts[len(parts)-1] != part {
			parts = append(parts, part)
		}
		if !json.Valid(r.Body) || string(r.Body) == body {
			t.Errorf("%s: %s", part, r.Body)
		}
	}
	want := "op args.0.n args.0.t args.0.esc args.0.none args.0.é args.0.* args.1.* args.2 args.3 args.* o.* *"
	if got := strings.Join(parts, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for range venue.Alterations(&venue.Request{Kind: venue.Message, Body: []byte("no JSON")}) {
		t.Error("something of no JSON")
	}
	for _, x := range []row{
		{"GET /a", "method POST /a | method PUT /a | method DELETE /a | path GET /ax | query GET /a?zz=1 | body GET /a {\"zz\":1} | body GET /a zz=1"},
		{"DELETE /a?b=c%2C&d=%20&e=&f", "method GET | method POST | method PUT | path | query DELETE /a?zz=1&b=c%2C&d=%20&e=&f" +
			" | query DELETE /a?b=c%2C&d=%20&e=&f&zz=1 | query DELETE /a?b=d%2C&d=%20&e=&f | body | body"},
		{`POST /a {"b":1}`, `method | method | method | path | query POST /a?zz=1 {"b":1} | body.b POST /a {"b":2} | body.* POST /a {"b":1,"zz":1}`},
		{`POST /a b=1`, `method | method | method | path | query | body POST /a zz=1&b=1 | body POST /a b=1&zz=1 | body POST /a b=2`},
	} {
		wants := strings.Split(x.want, " | ")
		i := 0
		for part, r := range venue.Alterations(parseRequest(x.in)) {
			got := strings.TrimSuffix(part+" "+r.Method+" "+r.Path+"?"+r.Query+" "+string(r.Body), " ")
			got = strings.TrimSuffix(strings.Replace(got, "? ", " ", 1), "?")
			if i >= len(wants) || !strings.HasPrefix(got, wants[i]) || strings.Contains(wants[i], "/") && got != wants[i] {
				t.Errorf("%s: %d: got %q of %q", x.in, i, got, wants)
			}
			i++
		}
		if i != len(wants) {
			t.Errorf("%s: %d alterations, want %d", x.in, i, len(wants))
		}
	}
	up := &venue.Request{Kind: venue.Upgrade, Path: "/ws", Query: "a=b"}
	got := ""
	for part, r := range venue.Alterations(up) {
		got += part + " " + r.Path + "?" + r.Query + " "
	}
	if want := "path /wsx?a=b query /ws?zz=1&a=b query /ws?a=b&zz=1 query /ws?a=c "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
