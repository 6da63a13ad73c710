package proxy

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"vedette/sensor"
)

// FuzzStream: a request of HTTP/2 that is taken means the same when it is written as
// HTTP/1.1, as it is to the upstream.
func FuzzStream(f *testing.F) {
	f.Add("POST", "/api/v3/order?a=b", "h.example", "content-type: application/json\nx-mbx-apikey: k")
	f.Add("GET", "/", "h", "transfer-encoding: chunked\nconnection: close")
	lim := Limits{}.withDefaults()
	f.Fuzz(func(t *testing.T, method, target, host, fields string) {
		r := &http.Request{Method: method, RequestURI: target, Host: host, Header: http.Header{}}
		for line := range strings.Lines(fields) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			r.Header[http.CanonicalHeaderKey(name)] = append(r.Header[http.CanonicalHeaderKey(name)], value)
		}
		s := &h2Stream{}
		s.c.st = &state{cfg: Config{Limits: lim}}
		if s.readHead(r) != faultNone {
			return
		}
		var b bytes.Buffer
		b.WriteString(method + " " + target + " HTTP/1.1\r\n")
		for _, x := range s.c.h.fields {
			b.WriteString(x.Name + ": " + x.Value + "\r\n")
		}
		b.WriteString("\r\n")
		var h head
		if why := h.parse(b.Bytes(), &lim); why != faultNone {
			t.Fatalf("taken over HTTP/2, as HTTP/1.1 %v: %q", why, b.String())
		}
		if h.method != method || h.target != s.c.h.target || h.host != s.c.h.host || len(h.fields) != len(s.c.h.fields) {
			t.Fatalf("%q reads as %s %s for %s, %d fields", b.String(), h.method, h.target, h.host, len(h.fields))
		}
	})
}

// FuzzDecode: the copy of an answer never grows beyond its limit, and gzip reads as the
// standard library's.
func FuzzDecode(f *testing.F) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, `{"code":0,"data":[]}`)
	w.Close()
	f.Add("gzip", packed.Bytes())
	f.Add("deflate", []byte("\x78\x9c\x03\x00\x00\x00\x00\x01"))
	var d decoder
	f.Fuzz(func(t *testing.T, coding string, raw []byte) {
		out, known := d.decode(coding, raw)
		if !known && out != nil || len(out) > max(sensor.AnswerLimit, len(raw)) {
			t.Fatalf("%d bytes, known %v", len(out), known)
		}
		if coding != "gzip" || len(raw) == 0 {
			return
		}
		var want []byte
		if r, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
			want, _ = io.ReadAll(io.LimitReader(r, sensor.AnswerLimit))
		}
		if !bytes.Equal(out, want) {
			t.Fatalf("%q, want %q", out, want)
		}
	})
}
