package payload

import (
	"testing"

	"vedette"
	"vedette/venue"
)

// FuzzFilter: nothing makes the filter panic or keep memory, what is suspicious has something to examine, and what is not has
// none. The fuzzer's text comes as query, form, JSON, message, path and header field.
func FuzzFilter(f *testing.F) {
	f.Fuzz(func(t *testing.T, kind uint8, s string) {
		if len(s) > 1<<12 {
			return
		}
		r := &venue.Request{Method: "POST", Path: "/api/v3/order"}
		switch kind % 6 {
		case 0:
			r.Query = s
		case 1:
			r.Body = []byte(s)
		case 2:
			r.Body = []byte(`{"symbol":` + s + `}`)
		case 3:
			r.Kind, r.Body = venue.Message, []byte(s)
		case 4:
			r.Path = s
		case 5:
			r.Header = venue.Header{{Name: "X-GEMINI-PAYLOAD", Value: s}, {Name: "Cookie", Value: s}, {Name: "User-Agent", Value: s}}
		}
		filter := &Filter{}
		suspicious := filter.Suspicious(r)
		if len(filter.scratch) != 0 {
			t.Fatalf("%d bytes are left in the memory for decoding", len(filter.scratch))
		}
		items, cut := Collect(r)
		if suspicious != (len(items) > 0 || cut) {
			t.Fatalf("suspicious: %v, items: %+v", suspicious, items)
		}
		size := 0
		for _, it := range items {
			if it.Where == vedette.Nowhere || len(it.Value) > maxItem {
				t.Fatalf("%+v", it)
			}
			size += len(it.Name) + len(it.Value)
		}
		if len(items) > maxItems || size > maxBytes {
			t.Fatalf("%d items of %d bytes", len(items), size)
		}
	})
}
