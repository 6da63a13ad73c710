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
	up := &venue.Request{Kind: venue.Upgrade, Path: "/ws", Query: "a=b"}
	got := ""
	for part, r := range venue.Alterations(up) {
		got += part + " " + r.Path + "?" + r.Query + " "
	}
	if want := "path /wsx?a=b query /ws?zz=1&a=b "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
