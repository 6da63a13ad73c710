package proxy

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"vedette"
)

// Requests that must never reach a venue, with the status of the answer and the fault counted.
var smuggling = []struct {
	name    string
	request string
	status  int
	fault   fault
}{
	{"length and coding", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, faultLengthAndCoding},
	{"coding and length", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400, faultLengthAndCoding},
	{"two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, faultLength},
	{"two equal lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400, faultLength},
	{"length list", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na", 400, faultLength},
	{"length with plus", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na", 400, faultLength},
	{"length with minus", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\na", 400, faultLength},
	{"length in hex", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\na", 400, faultLength},
	{"length with zeros", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 01\r\n\r\na", 400, faultLength},
	{"length empty", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400, faultLength},
	{"length overflows", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551617\r\n\r\na", 400, faultLength},
	{"length with inner space", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 1\r\n\r\na", 400, faultLength},
	{"length under another name", "POST / HTTP/1.1\r\nHost: h\r\nContent_Length: 1\r\n\r\n", 400, faultName},
	{"coding under another name", "POST / HTTP/1.1\r\nHost: h\r\nTransfer_Encoding: chunked\r\n\r\n", 400, faultName},
	{"coding identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", 400, faultCoding},
	{"coding gzip, chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, faultCoding},
	{"coding twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, faultCoding},
	{"coding chunked, identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, faultCoding},
	{"coding xchunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, faultCoding},
	{"coding with vertical tab", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400, faultLine},
	{"coding quoted", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400, faultCoding},
	{"coding empty", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n", 400, faultCoding},
	{"coding with HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, faultCoding},
	{"fold", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400, faultFold},
	{"fold with tab", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tTransfer-Encoding: chunked\r\n\r\n", 400, faultFold},
	{"fold of the first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400, faultFold},
	{"space before colon", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, faultName},
	{"tab before colon", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length\t: 1\r\n\r\na", 400, faultName},
	{"no colon", "GET / HTTP/1.1\r\nHost: h\r\nnothing\r\n\r\n", 400, faultName},
	{"empty name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n", 400, faultName},
	{"name with slash", "GET / HTTP/1.1\r\nHost: h\r\na/b: x\r\n\r\n", 400, faultName},
	{"name with NUL", "GET / HTTP/1.1\r\nHost: h\r\na\x00b: x\r\n\r\n", 400, faultLine},
	{"bare LF ends a line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400, faultLine},
	{"bare LF ends a field", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400, faultLine},
	{"bare LF ends the head", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400, faultLine},
	{"bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rContent-Length: 5\r\n\r\n", 400, faultLine},
	{"two CRs", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", 400, faultRequestLine},
	{"NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", 400, faultLine},
	{"DEL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x7fb\r\n\r\n", 400, faultLine},
	{"no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400, faultHost},
	{"no host with HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 400, faultHost},
	{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, faultHost},
	{"two hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400, faultHost},
	{"host with a path", "GET / HTTP/1.1\r\nHost: h/evil\r\n\r\n", 400, faultHost},
	{"host with user", "GET / HTTP/1.1\r\nHost: a@h\r\n\r\n", 400, faultHost},
	{"host with a bad port", "GET / HTTP/1.1\r\nHost: h:80a\r\n\r\n", 400, faultHost},
	{"host list", "GET / HTTP/1.1\r\nHost: h, i\r\n\r\n", 400, faultHost},
	{"host under another name", "GET / HTTP/1.1\r\nHost: h\r\nHost : i\r\n\r\n", 400, faultName},
	{"absolute-form elsewhere", "GET http://evil/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"absolute-form with user", "GET http://h@evil/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"absolute-form of another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"absolute-form without a path", "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"authority-form", "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"dot segment", "GET /api/../admin HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"dot segment at the end", "GET /api/.. HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"escaped dot segment", "GET /api/%2e%2E/admin HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"half escaped dot segment", "GET /api/.%2e/admin HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"single dot", "GET /./a HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"backslash", "GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"control in target", "GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"byte over ASCII in target", "GET /a\xe4 HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultTarget},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultRequestLine},
	{"space in target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultRequestLine},
	{"space before the line", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, faultRequestLine},
	{"tab for space", "GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n", 400, faultRequestLine},
	{"trailing space", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400, faultRequestLine},
	{"no version", "GET /\r\nHost: h\r\n\r\n", 400, faultRequestLine},
	{"lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n", 400, faultRequestLine},
	{"version 1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505, faultVersion},
	{"version 2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, faultVersion},
	{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, faultVersion},
	{"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", 501, faultMethod},
	{"TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501, faultMethod},
	{"method in lower case", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 501, faultMethod},
	{"expectation unknown", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\na", 417, faultExpect},
	{"coded body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na", 415, faultContentCoding},
	{"h2c", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", 400, faultUpgrade},
	{"upgrade to two", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400, faultUpgrade},
	{"upgrade without key", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", 400, faultUpgrade},
	{"upgrade of another version", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400, faultUpgrade},
	{"upgrade by POST", "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400, faultUpgrade},
	{"connection names host", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, Host\r\n\r\n", 400, faultConnection},
	{"connection names length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: content-length\r\n\r\na", 400, faultConnection},
	{"connection names authorization", "GET / HTTP/1.1\r\nHost: h\r\nAuthorization: x\r\nConnection: authorization\r\n\r\n", 400, faultConnection},
	{"chunk size not hex", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n\r\n", 400, faultChunk},
	{"chunk size with 0x", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", 400, faultChunk},
	{"chunk size empty", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\r\na\r\n0\r\n\r\n", 400, faultChunk},
	{"chunk size with space", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n", 400, faultChunk},
	{"chunk size negative", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n", 400, faultChunk},
	{"chunk size overflows", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n", 400, faultChunk},
	{"chunk ends with LF", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", 400, faultChunk},
	{"chunk longer than said", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", 400, faultChunk},
	{"chunk data ends with LF", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n", 400, faultChunk},
	{"chunk data ends with something else", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n", 400, faultChunk},
	{"extension with CR", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;a=\rb\r\na\r\n0\r\n\r\n", 400, faultChunk},
	{"extension too long", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", 300) + "\r\na\r\n0\r\n\r\n", 400, faultChunk},
	{"trailer no field", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n", 400, faultChunk},
	{"trailers too long", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("a: b\r\n", 1000) + "\r\n", 400, faultChunk},
	{"head too long", "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("a", 40<<10) + "\r\n\r\n", 431, faultHead},
	{"too many fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: y\r\n", 120) + "\r\n", 431, faultHead},
	{"target too long", "GET /" + strings.Repeat("a", 17<<10) + " HTTP/1.1\r\nHost: h\r\n\r\n", 414, faultTargetLength},
	{"body too long", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\n\r\n", 413, faultBody},
	{"chunk too long", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n", 413, faultBody},
}

func TestSmuggling(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	for _, row := range smuggling {
		before, judged := r.Stats().Faults[row.fault.String()], len(r.m.Calls())
		// What follows must not be taken for a request of its own either.
		got := statuses(r.raw(row.request + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"))
		if len(got) != 1 || got[0] != row.status {
			t.Errorf("%s: got %v, want one answer %d", row.name, got, row.status)
		}
		if n := r.Stats().Faults[row.fault.String()] - before; n != 1 {
			t.Errorf("%s: fault %s counted %d times: %v", row.name, row.fault, n, r.Stats().Faults)
		}
		calls := r.m.Calls()
		want := vedette.Ambiguous
		if row.fault.size() {
			want = vedette.TooLarge
		}
		if len(calls) != judged+1 || calls[judged].Fault != want || !calls[judged].Done {
			t.Errorf("%s: judged %+v, want one call with fault %s, done", row.name, calls[judged:], want)
		}
	}
	select {
	case g := <-o.got:
		t.Errorf("reached the venue: %+v", g)
	default:
	}
}

// Requests that are odd but have one meaning only, with what the venue must read.
var odd = []struct {
	name, request            string
	method, uri, body        string
	absent                   string // header that must be gone
	presentName, presentText string
}{
	{"plain", "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "/a?b=c", "", "", "", ""},
	{"empty query", "GET /a? HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "/a?", "", "", "", ""},
	{"odd characters stay", "GET /a%2Fb//c;d?x=[\"A\"]&y={z}&e=%e4&& HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "/a%2Fb//c;d?x=[\"A\"]&y={z}&e=%e4&&", "", "", "", ""},
	{"empty line before", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "/", "", "", "", ""},
	{"absolute-form", "GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET", "/a?b", "", "", "", ""},
	{"chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n00a\r\n0123456789\r\n0\r\n\r\n", "POST", "/", "abc0123456789", "Transfer-Encoding", "", ""},
	{"chunk extensions", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0;x\r\n\r\n", "POST", "/", "abc", "", "", ""},
	{"trailers are dropped", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n1\r\na\r\n0\r\nX-T: v\r\n\r\n", "POST", "/", "a", "X-T", "", ""},
	{"no chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST", "/", "", "", "", ""},
	{"zero length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "POST", "/", "", "", "", ""},
	{"body with GET", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", "GET", "/", "{}", "", "", ""},
	{"body with DELETE", "DELETE /o HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", "DELETE", "/o", "{}", "", "", ""},
	{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: h\r\n\r\n", "GET", "/", "", "", "", ""},
	{"named fields go", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-Gone\r\nX-Gone: 1\r\nX-Stays: 2\r\n\r\n", "GET", "/", "", "X-Gone", "X-Stays", "2"},
	{"hop-by-hop fields go", "GET / HTTP/1.1\r\nHost: h\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\n\r\n", "GET", "/", "", "Proxy-Authorization", "", ""},
	{"upgrade without connection is nothing", "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n", "GET", "/", "", "Upgrade", "", ""},
	{"value bytes stay", "GET / HTTP/1.1\r\nHost: h\r\nX-Sig:  a  b\t\xe4\xf6= \t\r\n\r\n", "GET", "/", "", "", "X-Sig", "a  b\t\xe4\xf6="},
	{"empty value", "GET / HTTP/1.1\r\nHost: h\r\nX-E:\r\n\r\n", "GET", "/", "", "", "X-E", ""},
	{"foreign forwarding goes", "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Host: evil\r\n\r\n", "GET", "/", "", "X-Forwarded-Host", "X-Forwarded-For", "127.0.0.1"},
	{"codings we can read", "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\r\n", "GET", "/", "", "", "Accept-Encoding", "gzip, deflate"},
	{"no coding we can read", "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br\r\n\r\n", "GET", "/", "", "", "Accept-Encoding", "identity"},
	{"coding refused by weight", "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br, gzip;q=0\r\n\r\n", "GET", "/", "", "", "Accept-Encoding", "identity"},
	{"expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "POST", "/", "abc", "Expect", "", ""},
}

func TestOddButSafe(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	for _, row := range odd {
		answers := statuses(r.raw(row.request))
		if len(answers) == 2 && answers[0] == 100 {
			answers = answers[1:]
		}
		if len(answers) != 1 || answers[0] != 200 {
			t.Errorf("%s: answers %v", row.name, answers)
			continue
		}
		got := <-o.got
		if got.method != row.method || got.uri != row.uri || got.body != row.body || got.host != "h" {
			t.Errorf("%s: venue read %+v", row.name, got)
		}
		if row.absent != "" && got.header.Get(row.absent) != "" {
			t.Errorf("%s: venue got %s", row.name, row.absent)
		}
		if row.presentName != "" {
			if v := got.header.Values(row.presentName); len(v) != 1 || v[0] != row.presentText {
				t.Errorf("%s: venue got %s: %q, want %q", row.name, row.presentName, v, row.presentText)
			}
		}
	}
}

// What is accepted must be the same to Go's net/http as it was to the monitor.
func TestMonitorAndVenueReadTheSame(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	for _, row := range odd {
		before := len(r.m.Calls())
		r.raw(row.request)
		got, call := <-o.got, r.m.Calls()[before].Request
		uri := call.Path
		if call.Query != "" || strings.HasSuffix(got.uri, "?") {
			uri += "?" + call.Query
		}
		if call.Method != got.method || uri != got.uri || call.Host != got.host || string(call.Body) != got.body {
			t.Errorf("%s: monitor saw %+v, venue %+v", row.name, call, got)
		}
		for _, f := range call.Header {
			switch kindOf(f.Name) {
			case kindHost, kindLength, kindAcceptCoding, kindForwarded, kindForwardedFor, kindForwardedProto:
				continue
			}
			if !contains(got.header.Values(f.Name), f.Value) {
				t.Errorf("%s: monitor saw %s: %q, venue %q", row.name, f.Name, f.Value, got.header.Values(f.Name))
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// However the bytes are cut into packets, they mean the same.
func TestRequestInPieces(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	request := "POST /x?y=z HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;e\r\n world\r\n0\r\nT: u\r\n\r\n"
	c := r.dial()
	for round := range 3 {
		for i := range request {
			c.Write([]byte{request[i]})
		}
		buf := make([]byte, 1000)
		n, err := c.Read(buf)
		if err != nil || !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 200 OK\r\n")) {
			t.Fatalf("round %d: %q %v", round, buf[:n], err)
		}
		if got := <-o.got; got.uri != "/x?y=z" || got.body != "hello world" {
			t.Fatalf("round %d: venue read %+v", round, got)
		}
	}
}

func TestPipelining(t *testing.T) {
	o := newOrigin(t, nil)
	r := newRig(t, o.addr, nil)
	var all strings.Builder
	for i := range 200 {
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", i, i*7, strings.Repeat("x", i*7))
	}
	if got := statuses(r.raw(all.String())); len(got) != 200 {
		t.Fatalf("got %d answers", len(got))
	}
	for i := range 200 {
		if got := <-o.got; got.uri != fmt.Sprintf("/%d", i) || len(got.body) != i*7 {
			t.Fatalf("request %d: venue read %s with %d bytes", i, got.uri, len(got.body))
		}
	}
}
