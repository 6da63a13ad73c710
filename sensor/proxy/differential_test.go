package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vedette/venue"
)

// compareWithNetHTTP parses a request as the proxy does, writes it as it would go to the
// venue, and has net/http read that: method, target, header and body must be those that the
// monitor would have seen, with nothing left over.
func compareWithNetHTTP(t *testing.T, in []byte, lim *Limits) {
	end := headEnd(in, 0)
	if end < 0 {
		return
	}
	c := &call{st: &state{}}
	if c.h.parse(in[:end], lim) != faultNone {
		return
	}
	body, ok := bodyOf(&c.h, in[end:])
	if !ok || c.h.socket {
		return
	}
	c.v = &route{Venue: Venue{HideClient: true}, up: &upstream{}}
	c.target, c.x.Request.Body = c.h.target, body
	c.from = netip.MustParseAddr("192.0.2.1")
	br := bufio.NewReader(bytes.NewReader(append(c.appendRequest(nil), body...)))
	r, err := http.ReadRequest(br)
	if err != nil {
		// net/http also parses the target as a URL, which is not framing.
		if strings.Contains(err.Error(), "parse") || strings.Contains(err.Error(), "URL") || strings.Contains(err.Error(), "malformed Host") {
			return
		}
		t.Fatalf("net/http refuses what was accepted: %v\n%q", err, in)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("body: monitor %q, venue %q (%v)\n%q", body, got, err, in)
	}
	if r.Method != c.h.method || r.RequestURI != c.target || r.Host != c.h.host {
		t.Fatalf("monitor %s %s at %s, venue %s %s at %s\n%q", c.h.method, c.target, c.h.host, r.Method, r.RequestURI, r.Host, in)
	}
	if rest, _ := io.ReadAll(br); len(rest) != 0 {
		t.Fatalf("left over: %q\n%q", rest, in)
	}
	compareFields(t, c.h.fields, r.Header, in)
}

func compareFields(t *testing.T, saw venue.Header, got http.Header, in []byte) {
	n := 0
	for _, f := range saw {
		switch kindOf(f.Name) {
		case kindHost, kindForwarded, kindForwardedFor, kindForwardedProto, kindAcceptCoding:
			got.Del(f.Name)
			continue
		}
		if !contains(got.Values(f.Name), f.Value) {
			t.Fatalf("monitor saw %s: %q, venue %q\n%q", f.Name, f.Value, got.Values(f.Name), in)
		}
		n++
	}
	total := 0
	for name, values := range got {
		if total += len(values); kindOf(name) == kindLength && saw.Get(name) == "" {
			total-- // made of chunks
		}
	}
	if total != n {
		t.Fatalf("monitor saw %d fields, venue %d: %v %v\n%q", n, total, saw, got, in)
	}
}

// bodyOf reads a body that is all there.
func bodyOf(h *head, in []byte) ([]byte, bool) {
	if !h.chunked {
		n := max(h.length, 0)
		if int64(len(in)) < n {
			return nil, false
		}
		return in[:n], true
	}
	body, _, ok := readAllChunks(in, len(in)+1)
	return body, ok
}

// readAllChunks reads a chunked body, shown at most step new bytes at a time.
func readAllChunks(in []byte, step int) (body []byte, used int, ok bool) {
	var ch chunks
	shown := 0
	for ch.state != chunkDone {
		n, data, ok := ch.next(in[used:shown])
		if !ok {
			return nil, 0, false
		}
		body = append(body, data...)
		if used += n; n == 0 && ch.state != chunkDone {
			if shown == len(in) {
				return nil, 0, false
			}
			shown = min(len(in), shown+step)
		}
	}
	return body, used, true
}

// compareChunks checks that pieces do not matter, and that net/http reads the same.
func compareChunks(t *testing.T, in []byte, step int) {
	body, used, ok := readAllChunks(in, len(in)+1)
	body2, used2, ok2 := readAllChunks(in, step)
	if ok != ok2 || used != used2 || !bytes.Equal(body, body2) {
		t.Fatalf("at once %q %d %v, in pieces %q %d %v", body, used, ok, body2, used2, ok2)
	}
	if !ok {
		return
	}
	got, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(in)))
	if err != nil || !bytes.Equal(got, body) {
		t.Fatalf("read %q, net/http %q, %v", body, got, err)
	}
}

// FuzzAnswer checks that an answer that is accepted is the same to net/http: status, header, body.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"), false)
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), false)
	f.Add([]byte("HTTP/1.0 200\r\n\r\nuntil the end"), false)
	f.Add([]byte("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, in []byte, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		l := &link{Conn: fakeConn{bytes.NewReader(in)}, buf: make([]byte, 512)}
		var a answer
		end := headEnd(in, 0)
		if end < 0 {
			return
		}
		if a.parse(in[:end]) != nil || a.status < 200 {
			return
		}
		l.Conn = fakeConn{bytes.NewReader(in[end:])}
		src := body{l: l, frame: a.framing(method), left: a.length}
		src.chunks.lenient = true
		var got []byte
		for {
			piece, err := src.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			got = append(got, piece...)
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(in)), &http.Request{Method: method})
		if err != nil {
			t.Fatalf("net/http refuses what was accepted: %v\n%q", err, in)
		}
		want, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Equal(got, want) || resp.StatusCode != a.status {
			t.Fatalf("%d with %q, net/http %d with %q, %v\n%q", a.status, got, resp.StatusCode, want, err, in)
		}
		for _, f := range a.fields {
			switch answerKind(f.Name) {
			case kindCoding, kindLength, kindHop, kindConnection: // the library takes them out
				continue
			}
			if !contains(resp.Header.Values(f.Name), f.Value) {
				t.Fatalf("%s: %q, net/http %q\n%q", f.Name, f.Value, resp.Header.Values(f.Name), in)
			}
		}
	})
}

// fakeConn is a connection that only gives bytes.
type fakeConn struct{ *bytes.Reader }

func (fakeConn) Close() error                     { return nil }
func (fakeConn) LocalAddr() net.Addr              { return nil }
func (fakeConn) RemoteAddr() net.Addr             { return nil }
func (fakeConn) SetDeadline(time.Time) error      { return nil }
func (fakeConn) SetReadDeadline(time.Time) error  { return nil }
func (fakeConn) SetWriteDeadline(time.Time) error { return nil }
func (fakeConn) Write(b []byte) (int, error)      { return len(b), nil }

func TestCompareSeeds(t *testing.T) {
	lim := Limits{}.withDefaults()
	for _, row := range odd {
		compareWithNetHTTP(t, []byte(row.request), &lim)
	}
	for _, row := range smuggling {
		compareWithNetHTTP(t, []byte(row.request), &lim)
	}
}

func TestOffer(t *testing.T) {
	for value, want := range map[string]string{
		"gzip": "gzip", "gzip, deflate": "gzip, deflate", "gzip;q=0.5, deflate": "gzip;q=0.5, deflate", "": "", "identity": "identity",
		"gzip, br": "gzip", "br, zstd": "identity", "*": "identity", "br, gzip;q=0": "identity", "br;q=1, deflate;q=0.3": "deflate",
		"GZIP, Br": "gzip", "br, gzip ; q=0.000": "identity",
	} {
		if got := offer(value); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

func TestDotSegments(t *testing.T) {
	for path, want := range map[string]bool{"/": false, "/a.b": false, "/...": false, "/a/..": true, "/../a": true, "/%2e": true,
		"/%2E%2e/x": true, "/.%2e": true, "/a/.": true, "/a%2eb": false, "/..a": false, "/%2e%2e%2e": false, "//": false} {
		if got := dotSegment(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
