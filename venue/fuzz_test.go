package venue_test

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"vedette"
	"vedette/venue"
)

// FuzzDialects puts arbitrary requests, messages and answers through everything
// that every dialect does: no panic, bounded output, refusals that are JSON.
func FuzzDialects(f *testing.F) {
	seedDialects(f)
	dialects := append([]*venue.Dialect{example(f)}, venue.All...)
	for _, d := range described {
		g, err := venue.NewGeneric([]byte(d))
		if err != nil {
			f.Fatal(err)
		}
		dialects = append(dialects, g)
	}
	f.Fuzz(func(t *testing.T, which, kind uint8, method, target, headers string, body, reply []byte) {
		d := dialects[int(which)%len(dialects)]
		r := fuzzRequest(kind, method, target, headers, body)
		size := len(method) + len(target) + len(headers) + len(body)
		r.Ambiguous(d.Repeatable)
		claim := fuzzClaim(t, d, r, size)
		if r.Session != nil && d.Push != nil {
			d.Push(&venue.Request{Kind: venue.Reply, Session: r.Session, Body: reply}, r.Session)
		}
		var call vedette.Call
		d.Meaning(r, &call)
		if len(call.Batch) > venue.MaxParts+1 || len(call.Instrument)+len(call.Object) > 4*size+64 {
			t.Fatalf("%s: %d parts of %d bytes", d.Name, len(call.Batch), size)
		}
		answer := &venue.Request{Kind: venue.HTTPAnswer, Status: 200, Body: reply, Session: r.Session}
		if r.Kind == venue.Message {
			answer.Kind = venue.Reply
		}
		var a vedette.Answer
		var issued venue.Issued
		d.Answer(r, answer, &a, &issued)
		if len(a.Error) > len(reply)+64 {
			t.Fatalf("%s: error of %d bytes from an answer of %d", d.Name, len(a.Error), len(reply))
		}
		d.Correlate(r)
		d.Correlate(answer)
		for _, reason := range denyReasons {
			f := d.Deny(r, vedette.Decision{Effect: vedette.Deny, Reason: reason}, nil)
			if !json.Valid(f.Body) {
				t.Fatalf("%s refused for %s: not JSON: %q (claim %+v)", d.Name, reason, f.Body, claim)
			}
			if len(f.Body) > 16<<10 {
				t.Fatalf("%s refused for %s: %d bytes", d.Name, reason, len(f.Body))
			}
		}
	})
}

// fuzzClaim claims and builds every form of the message, twice: a dialect keeps no
// state of its own.
func fuzzClaim(t *testing.T, d *venue.Dialect, r *venue.Request, size int) venue.Claim {
	var claim, again venue.Claim
	d.Claim(r, &claim)
	d.Claim(r, &again)
	claim.Scratch, again.Scratch = nil, nil
	if len(claim.SigBytes) == 0 && len(again.SigBytes) == 0 {
		claim.SigBytes, again.SigBytes = nil, nil
	}
	if !reflect.DeepEqual(claim, again) {
		t.Fatalf("%s: claims differ:\n%+v\n%+v", d.Name, claim, again)
	}
	if claim.Auth != venue.AuthSignature && claim.Auth != venue.AuthRecover || claim.Fault != "" {
		return claim // nothing else has its message built
	}
	const maxForms = 8 // as package verify tries
	for form := 0; ; form++ {
		first, ok := d.Message(r, &claim, form, []byte("before"))
		if second, also := d.Message(r, &claim, form, []byte("before")); ok != also || ok && string(first) != string(second) {
			t.Fatalf("%s: form %d differs from itself", d.Name, form)
		}
		if ok && !strings.HasPrefix(string(first), "before") {
			t.Fatalf("%s: form %d does not append", d.Name, form)
		}
		if len(first) > 4*size+1024 {
			t.Fatalf("%s: a message of %d bytes from %d", d.Name, len(first), size)
		}
		if !ok {
			return claim
		}
		if form >= maxForms {
			t.Fatalf("%s: over %d forms", d.Name, maxForms)
		}
	}
}

func fuzzRequest(kind uint8, method, target, headers string, body []byte) *venue.Request {
	r := &venue.Request{Kind: []venue.Kind{venue.HTTPRequest, venue.Upgrade, venue.Message}[kind%3], Method: method, Scheme: "https", Body: body}
	r.Path, r.Query, _ = strings.Cut(target, "?")
	for line := range strings.SplitSeq(headers, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			r.Header = append(r.Header, venue.Field{Name: name, Value: value})
		}
	}
	r.Host = r.Header.Get("host")
	if r.Kind != venue.HTTPRequest {
		r.Session = &venue.Session{ID: 1, Challenge: "c", Upgrade: r}
		if kind >= 128 {
			r.Session.Key = "k"
		}
	}
	return r
}

func seedDialects(f *testing.F) {
	f.Helper()
	number := map[string]uint8{}
	for i, d := range venue.All {
		number[d.Name] = uint8(i + 1)
	}
	f.Add(uint8(0), uint8(0), "POST", "/v1/order?a=1", "X-Acme-Key: k\nX-Acme-Sign: s", []byte(`{"a":1}`), []byte(`{"code":"0"}`))
	files, err := filepath.Glob("testdata/clients/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no captures: %v", err)
	}
	for _, c := range captures(f, "*.json") {
		which := number[c.Exchange]
		var headers strings.Builder
		for _, h := range c.Headers {
			headers.WriteString(h[0] + ": " + h[1] + "\n")
		}
		if c.Method != "" {
			f.Add(which, uint8(0), c.Method, c.URL, headers.String(), []byte(c.Body), []byte(`{"code":0,"result":{"orderId":"1"}}`))
		}
		for _, m := range c.Messages {
			f.Add(which, uint8(2), "", c.URL, headers.String(), []byte(m), []byte(`{"id":1,"event":"challenge","message":"m"}`))
		}
	}
}

// FuzzGeneric holds the reading of descriptions to ending in a dialect or an error.
func FuzzGeneric(f *testing.F) {
	for _, d := range described {
		f.Add([]byte(d))
	}
	f.Add([]byte("name: x\nschemes: [{name: hmac, algorithm: hmac-sha256}]\nrequest: {key: header K, signature: header S, sign: [\"{body}\"]}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := venue.NewGeneric(b)
		if err != nil {
			return
		}
		r := fuzzRequest(0, "POST", "/a?b=c", "K: k\nS: s", []byte(`{"a":[1]}`))
		fuzzClaim(t, d, r, 1<<20)
		var call vedette.Call
		d.Meaning(r, &call)
	})
}
