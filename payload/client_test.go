package payload

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"vedette/venue"
)

// recorded is a request, or a session, of a real client, as venue/testdata/clients has them.
type recorded struct {
	Client, Call, Method, URL, Body string
	Headers                         [][2]string
	UpgradeHeaders                  any
	Messages                        []any
}

// clients gives f every request and message of the recorded clients.
func clients(t *testing.T, f func(name string, r *venue.Request)) (requests, messages int) {
	t.Helper()
	files, err := filepath.Glob("../venue/testdata/clients/*.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files of clients: %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []recorded
		if err := json.Unmarshal(b, &list); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range list {
			r := &venue.Request{Method: c.Method, Body: []byte(c.Body)}
			url := c.URL
			if i := strings.Index(url, "://"); i >= 0 {
				url = url[i+3:]
				url = url[strings.IndexByte(url+"/", '/'):]
			}
			r.Path, r.Query, _ = strings.Cut(url, "?")
			for _, h := range append(c.Headers, upgrade(c.UpgradeHeaders)...) {
				r.Header = append(r.Header, venue.Field{Name: h[0], Value: h[1]})
			}
			name := filepath.Base(file) + " " + c.Call
			f(name, r)
			requests++
			for _, m := range c.Messages {
				body, ok := m.(string)
				if o, isObject := m.(map[string]any); isObject {
					body, ok = o["data"].(string)
				}
				if !ok {
					b, _ := json.Marshal(m)
					body = string(b)
				}
				f(name, &venue.Request{Kind: venue.Message, Body: []byte(body)})
				messages++
			}
		}
	}
	return requests, messages
}

// TestClients: nothing that real clients send is found to attack, and hardly anything has to be examined for that. Most
// of what is examined was sent to try the recorders: client order ids such as "a b/c+é".
func TestClients(t *testing.T) {
	f, e := &Filter{}, New(Config{})
	suspicious, odd := 0, 0
	requests, messages := clients(t, func(name string, r *venue.Request) {
		if !f.Suspicious(r) {
			return
		}
		suspicious++
		items, _ := Collect(r)
		if len(items) == 0 {
			t.Errorf("%s is suspicious for nothing: %+v", name, r)
		}
		for _, it := range items {
			if strings.IndexFunc(it.Value, func(c rune) bool { return c >= utf8.RuneSelf }) >= 0 {
				odd++
				break
			}
		}
		if found := e.Examine(r, nil); !found.Zero() {
			t.Errorf("%s: %+v in %+v", name, found, items)
		}
	})
	t.Logf("%d requests, %d messages: %d suspicious, %d of them for letters beyond ASCII", requests, messages, suspicious, odd)
	if suspicious > (requests+messages)/10 || suspicious-odd > 10 {
		t.Errorf("%d of %d are suspicious", suspicious, requests+messages)
	}
}

// TestClientsUnfiltered says what the rules alone would make of them.
func TestClientsUnfiltered(t *testing.T) {
	e := New(Config{})
	bad, i := 0, 0
	n, m := clients(t, func(name string, r *venue.Request) {
		if i++; i%every != 0 {
			return
		}
		if found := e.ExamineAll(r); found.Classes != 0 {
			bad++
			t.Logf("%s: %v", name, found.Classes.List())
		}
	})
	t.Logf("%d of %d", bad, (n+m)/every)
}

// upgrade reads header fields that are pairs or an object.
func upgrade(v any) (list [][2]string) {
	switch v := v.(type) {
	case []any:
		for _, p := range v {
			if p, ok := p.([]any); ok {
				list = append(list, [2]string{p[0].(string), p[1].(string)})
			}
		}
	case map[string]any:
		for name, value := range v {
			list = append(list, [2]string{name, fmt.Sprint(value)})
		}
	}
	return list
}
