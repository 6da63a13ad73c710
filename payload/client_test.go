package payload

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// TestClients: nothing that real clients send is found to attack, and hardly anything has to be examined for that.
func TestClients(t *testing.T) {
	f := &Filter{}
	suspicious := 0
	requests, messages := clients(t, func(name string, r *venue.Request) {
		if f.Suspicious(r) {
			suspicious++
			items, _ := Collect(r)
			t.Logf("%s: %+v", name, items)
		}
	})
	t.Logf("%d requests, %d messages, %d suspicious", requests, messages, suspicious)
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
