package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"vedette/sensor"
	"vedette/venue"
)

// readAll returns what Read hands out.
func readAll(t testing.TB, text string) ([]*Unit, error) {
	t.Helper()
	var units []*Unit
	err := Read(strings.NewReader(text), func(u *Unit) error {
		units = append(units, u)
		return nil
	})
	return units, err
}

func mustRead(t *testing.T, text string) []*Unit {
	t.Helper()
	units, err := readAll(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return units
}

// har wraps entries.
func har(entries ...string) string {
	return `{"log":{"version":"1.2","creator":{"name":"t","nested":[{}]},"pages":[],"entries":[` + strings.Join(entries, ",") + `],"comment":"after"}}` + "\n"
}

func TestHAREntry(t *testing.T) {
	units := mustRead(t, har(`{"startedDateTime":"2026-01-05T12:00:00.250+01:00","time":12.5,"_venue":"binance","_source":"192.0.2.7:4711",
		"request":{"method":"POST","url":"https://api.example.com/api/v3/order?a=1&b=%20#frag","httpVersion":"h2","cookies":[],"queryString":[{"name":"a","value":"1"}],
			"headers":[{"name":":method","value":"POST"},{"name":":authority","value":"api.example.com:8443"},{"name":":path","value":"/x"},{"name":"X-MBX-APIKEY","value":"k"}],
			"postData":{"mimeType":"application/x-www-form-urlencoded","text":"c=3","params":[{"name":"other","value":"ignored"}]}},
		"response":{"status":200,"statusText":"","headers":[{"name":"content-type","value":"application/json"}],"content":{"size":8,"text":"eyJvayI6MX0=","encoding":"base64"}},
		"cache":{},"timings":{}}`))
	if len(units) != 1 {
		t.Fatalf("%d units, want 1", len(units))
	}
	u := units[0]
	r := &u.Request
	want := venue.Header{{Name: "Host", Value: "api.example.com:8443"}, {Name: "X-MBX-APIKEY", Value: "k"}}
	switch {
	case u.Index != 0 || u.Message != -1 || u.Venue != "binance" || u.Source.String() != "192.0.2.7" || u.Latency != 12500*time.Microsecond:
		t.Errorf("got %+v", u)
	case !u.At.Equal(time.Date(2026, 1, 5, 11, 0, 0, 250e6, time.UTC)):
		t.Errorf("at %v", u.At)
	case r.Kind != venue.HTTPRequest || r.Method != "POST" || r.Scheme != "https" || r.Host != "api.example.com:8443" || r.Path != "/api/v3/order" || r.Query != "a=1&b=%20":
		t.Errorf("request %+v", r)
	case fmt.Sprint(r.Header) != fmt.Sprint(want):
		t.Errorf("header %v, want %v: pseudo fields of HTTP/2 are no fields", r.Header, want)
	case string(r.Body) != "c=3":
		t.Errorf("body %q", r.Body)
	case u.Answer.Status != 200 || u.Answer.Kind != venue.HTTPAnswer || string(u.Answer.Body) != `{"ok":1}` || u.AnswerBytes != 8 || u.Answer.Header.Get("Content-Type") == "":
		t.Errorf("answer %+v", u.Answer)
	}
}

func TestHARBodies(t *testing.T) {
	f := func(postData, want, wantErr string) {
		t.Helper()
		units, err := readAll(t, har(`{"request":{"method":"POST","url":"/x","postData":`+postData+`}}`))
		if wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("%s: error %v, want %q", postData, err, wantErr)
			}
			return
		}
		if err != nil || string(units[0].Request.Body) != want {
			t.Errorf("%s: body %q, error %v, want %q", postData, units[0].Request.Body, err, want)
		}
	}
	f(`null`, "", "")
	f(`{"text":"{\"a\":\"\u00e9\"}"}`, `{"a":"é"}`, "")
	f(`{"params":[{"name":"a","value":"1%2B"},{"name":"b","value":""}]}`, "a=1%2B&b=", "")
	f(`{"text":"","params":[{"name":"a","value":"1"}]}`, "a=1", "")
	f(`{"text":"AP8=","encoding":"base64"}`, "\x00\xff", "")
	f(`{"text":"A","encoding":"base64"}`, "", "cannot read postData")
	f(`{"text":"A","encoding":"gzip"}`, "", `encoding is "gzip"`)
	f(`{"text":7}`, "", "HAR entry 0")
	f(`{"params":{"a":1}}`, "", "want an array")
}

func TestHARWebSocket(t *testing.T) {
	units := mustRead(t, har(
		`{"startedDateTime":"2026-01-05T12:00:00Z","request":{"method":"GET","url":"wss://u:p@ws.example.com?x=1","headers":[{"name":"Origin","value":"o"}]},"response":{"status":101},
		 "_webSocketMessages":[{"type":"send","time":1767614400.5,"opcode":1,"data":"{\"op\":\"login\"}"},{"type":"receive","time":1767614401,"opcode":2,"data":"H4sA/w=="},{"type":"send","time":0,"opcode":1,"data":"x"}]}`,
		`{"startedDateTime":"2026-01-05T12:00:09Z","request":{"method":"GET","url":"https://ws.example.com/plain","headers":[{"name":"upgrade","value":"WebSocket"}]}}`))
	if len(units) != 5 {
		t.Fatalf("%d units, want 5", len(units))
	}
	up := units[0]
	if up.Request.Kind != venue.Upgrade || up.Request.Host != "ws.example.com" || up.Request.Path != "/" || up.Request.Query != "x=1" || up.Request.Session == nil || up.Answer.Status != 101 {
		t.Errorf("upgrade %+v", up.Request)
	}
	kinds := []venue.Kind{venue.Message, venue.Reply, venue.Message}
	data := []string{`{"op":"login"}`, "\x1f\x8b\x00\xff", "x"}
	at := []string{"2026-01-05T12:00:00.5Z", "2026-01-05T12:00:01Z", "2026-01-05T12:00:00Z"}
	for i, u := range units[1:4] {
		r := &u.Request
		if u.Index != 0 || u.Message != i || r.Kind != kinds[i] || string(r.Body) != data[i] || u.At.UTC().Format(time.RFC3339Nano) != at[i] {
			t.Errorf("message %d: %+v", i, u)
		}
		if r.Session != up.Request.Session || r.Host != up.Request.Host || r.Query != up.Request.Query || r.Header.Get("origin") != "o" {
			t.Errorf("message %d does not carry its upgrade: %+v", i, r)
		}
	}
	if u := units[4]; u.Request.Kind != venue.Upgrade || u.Index != 1 || u.Request.Session.ID == up.Request.Session.ID {
		t.Errorf("an upgrade without messages: %+v", u)
	}
}

func TestHARErrors(t *testing.T) {
	entry := `{"request":{"method":"GET","url":"/x"}}`
	message := func(m string) string {
		return har(`{"request":{"method":"GET","url":"/x"},"_webSocketMessages":[` + m + `]}`)
	}
	whole := har(entry, entry)
	f := func(text string, units int, want string) {
		t.Helper()
		got, err := readAll(t, text)
		if err == nil || !strings.Contains(err.Error(), want) || len(got) != units {
			t.Errorf("%.90q: %d units, error %v; want %d, %q", text, len(got), err, units, want)
		}
	}
	f(har(entry, `{"request":`), 1, "cannot read HAR entry 1")
	f(har(entry, `{"request":7}`), 1, "HAR entry 1")
	f(har(entry, `{"request":{"method":"GET","url":"x"}}`), 1, `HAR entry 1: cannot read url "x"`)
	f(har(`{"request":{"method":"","url":"/x"}}`), 0, "no method")
	f(har(`{"request":{"method":"GET","url":"/x"},"_source":"nobody"}`), 0, `cannot read source "nobody"`)
	f(har("{\"request\":{\"method\":\"GET\",\"url\":\"/\xff\"}}"), 0, "HAR entry 0: it is not UTF-8")
	f(message(`{"type":"send","time":1,"opcode":2,"data":"?"}`), 0, "message 0: cannot read binary data")
	f(message(`{"type":"sent","time":1,"opcode":1,"data":""}`), 0, `type is "sent"`)
	f(message(`{"type":"send","time":1,"opcode":9,"data":""}`), 0, "opcode is 9")
	f(message(`{"type":"send","time":1e300,"opcode":1,"data":""}`), 0, "no number of seconds")
	f(message(`{"type":"send","time":-1,"opcode":1,"data":""}`), 0, "no number of seconds")
	f(`{"log":{}}`, 0, `no member "entries"`)
	f(`{"log":{"entries":{}}}`, 0, "entries is no array")
	f(`{"log":[]}`, 0, `no object that holds "entries"`)
	f(strings.TrimSpace(whole)+"x", 2, "text after the end")
	f(strings.Replace(whole, `"comment":"after"`, `"entries":[]`, 1), 2, "entries twice")
	body := strings.TrimSpace(whole)
	first := strings.Index(body, entry)
	for i := len(`{"log":`); i < len(body); i++ {
		got, err := readAll(t, body[:i])
		if err == nil {
			t.Fatalf("cut at %d of %d, it passed for whole", i, len(body))
		}
		if i > first+2*len(entry)+1 && len(got) != 2 {
			t.Fatalf("cut at %d, %d units were read", i, len(got))
		}
	}
}

// base is a line that uses every member.
const base = `{"event":"request","time":"2026-01-05T12:00:00.5Z","venue":"kraken","source":"2001:db8::1","method":"POST","url":"https://api.example.com/0/private/AddOrder?otp=1","headers":[["API-Key","k"],["a","b"]],"body":"nonce=1","answer":{"status":503,"headers":[["Retry-After","1"]],"body":"down"},"latency_us":1500}`

func TestLines(t *testing.T) {
	units := mustRead(t, "\ufeff"+base+"\r\n\n  \n"+
		`{"event":"request","time":"2026-01-05T12:00:01Z","method":"GET","url":"ws://h/p","headers":[],"messages":[{"from":"client","data":"a"},{"from":"venue","time":"2026-01-05T12:00:02Z","data_base64":"/w=="}]}`+"\n"+
		`{"event":"request","method":"PUT","url":"/p?next=https://h/q","headers":null,"body_base64":"/w==","answer":{"status":200,"body_base64":"/g=="}}`)
	if len(units) != 5 {
		t.Fatalf("%d units, want 5", len(units))
	}
	u := units[0]
	if u.Index != 0 || u.Venue != "kraken" || u.Source.String() != "2001:db8::1" || u.Request.Query != "otp=1" || u.Request.Host != "api.example.com" ||
		u.Request.Header.Get("api-key") != "k" || string(u.Request.Body) != "nonce=1" || u.Answer.Status != 503 || string(u.Answer.Body) != "down" ||
		u.Answer.Header.Get("retry-after") != "1" || u.Latency != 1500*time.Microsecond {
		t.Errorf("got %+v", u)
	}
	if a, b := units[2], units[3]; a.Index != 3 || a.Message != 0 || a.Request.Kind != venue.Message || !a.At.Equal(units[1].At) ||
		b.Request.Kind != venue.Reply || string(b.Request.Body) != "\xff" || b.At.Sub(a.At) != time.Second {
		t.Errorf("messages %+v, %+v", a, b)
	}
	if u := units[4]; u.Index != 4 || u.Request.Path != "/p" || u.Request.Query != "next=https://h/q" || string(u.Request.Body) != "\xff" || string(u.Answer.Body) != "\xfe" || !u.At.IsZero() {
		t.Errorf("a path without host: %+v", u.Request)
	}
	if units := mustRead(t, ""); len(units) != 0 {
		t.Errorf("an empty file has %d units", len(units))
	}
}

func TestLineErrors(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		units, err := readAll(t, base+"\n"+line+"\n"+base)
		if err == nil || !strings.HasPrefix(err.Error(), "line 2: ") || !strings.Contains(err.Error(), want) || len(units) != 1 {
			t.Errorf("%.80q: %d units, error %v; want line 2 and %q", line, len(units), err, want)
		}
	}
	change := func(old, new string) string { return strings.Replace(base, old, new, 1) }
	f(change(`"body":`, `"bodi":`), `unknown field "bodi"`)
	f(change(`"status":503`, `"state":503`), `unknown field "state"`)
	f(change(`"request"`, `"call"`), `event is "call", want "request"`)
	f(change(`"event":"request",`, ``), `event is ""`)
	f(change(`"POST"`, `""`), "no method")
	f(change(`["a","b"]`, `["a"]`), "field 1 has 1 texts")
	f(change(`["a","b"]`, `["a","b","c"]`), "field 1 has 3 texts")
	f(change(`"body":"nonce=1"`, `"body":"a","body_base64":"YQ=="`), "as text and as base64")
	f(change(`"body":"nonce=1"`, `"body_base64":"?"`), "cannot read body")
	f(change(`"body":"down"`, `"body_base64":"?"`), "body of the answer")
	f(change(`"latency_us"`, `"messages":[{"from":"us","data":""}],"latency_us"`), `message 0 is from "us"`)
	f(change(`"latency_us"`, `"messages":[{"form":"client"}],"latency_us"`), `unknown field "form"`)
	f(change(`nonce`, "\xff"), "it is not UTF-8")
	f(change(`2026-01-05T`, `2026-01-05 `), "time")
	f(base+base, "text after the object")
	f(base[:len(base)-3], "unexpected EOF")
	f(`[]`, "cannot read request")
}

func TestStops(t *testing.T) {
	stop := errors.New("stop")
	for _, text := range []string{base + "\n" + base, har(`{"request":{"method":"GET","url":"/x"}}`, `{"request":{"method":"GET","url":"/x"}}`)} {
		n := 0
		err := Read(strings.NewReader(text), func(*Unit) error { n++; return stop })
		if !errors.Is(err, stop) || n != 1 {
			t.Errorf("after %d units: %v", n, err)
		}
	}
	broken := errors.New("broken disk")
	for _, text := range []string{base + "\n" + base[:9], har(`{"request":{}}`)[:80], ""} {
		err := Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), func(*Unit) error { return nil })
		if !errors.Is(err, broken) {
			t.Errorf("%.20q: error %v", text, err)
		}
	}
}

// TestAnswerLimit: a recorded answer looks to the monitor as it does inline.
func TestAnswerLimit(t *testing.T) {
	u := mustRead(t, strings.Replace(base, `"down"`, `"`+strings.Repeat("x", sensor.AnswerLimit+5)+`"`, 1))[0]
	if len(u.Answer.Body) != sensor.AnswerLimit || u.AnswerBytes != sensor.AnswerLimit+5 {
		t.Errorf("%d of %d bytes", len(u.Answer.Body), u.AnswerBytes)
	}
}

// endless repeats a text between a beginning and an end, without holding it.
func endless(begin, repeat, end string, bytes int) io.Reader {
	return io.MultiReader(strings.NewReader(begin), io.LimitReader(&repeater{text: repeat}, int64(bytes/len(repeat)*len(repeat))), strings.NewReader(end))
}

type repeater struct {
	text string
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[r.at]
		r.at = (r.at + 1) % len(r.text)
	}
	return len(p), nil
}

// TestMemory reads hostile files, whichever part of them is large. With
// VEDETTE_SOAK=1 it does so with the limit in force, otherwise with a smaller one.
func TestMemory(t *testing.T) {
	limit := 1 << 20
	if os.Getenv("VEDETTE_SOAK") != "" {
		limit = maxUnit
	}
	const messages = 128 << 20 // maxMessages of them, as they grow
	over, within, tooLong := 4*limit, limit-1<<10, fmt.Sprintf("over %d bytes", limit)
	f := func(name string, in io.Reader, extra uint64, want string) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read(in, limit, func(*Unit) error { return nil })
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(8*limit)+extra; got > most {
			t.Errorf("%s: %d KiB allocated in all, over %d", name, got>>10, most>>10)
		}
	}
	f("line", endless("{", " ", "", over), 0, tooLong)
	f("skipped text", endless(`{"log":{"x":"`, "y", "", over), 0, tooLong)
	f("skipped list", endless(`{"log":{"x":[`, "{},", "", over), 0, tooLong)
	f("text of an entry", endless(`{"log":{"entries":[{"x":"`, "y", "", over), 0, tooLong)
	f("space between entries", endless(`{"log":{"entries":[`, " ", "", over), 0, tooLong)
	f("deep", endless(`{"log":{"entries":[`, "[", "", over), 0, "depth")
	f("after the entries", endless(`{"log":{"entries":[],"x":"`, "y", "", over), 0, tooLong)
	f("after the end", endless(`{"log":{"entries":[]}}`, " ", "", over), 0, tooLong)
	f("fields", endless(`{"log":{"entries":[{"request":{"headers":[`, "{},", "{}]}}]}}", within), 0, "over 4096 elements")
	f("messages", endless(`{"log":{"entries":[{"_webSocketMessages":[`, "{},", "{}]}]}}", within), messages, "over 262144 elements")
	f("line of fields", endless(`{"event":"request","headers":[`, `[],`, `[]]}`, within), 0, "over 4096 elements")
	f("line of messages", endless(`{"event":"request","messages":[`, `{},`, `{}]}`, within), messages, "over 262144 elements")
}

// TestLineRoundTrip: what a Line encodes to is read back.
func TestLineRoundTrip(t *testing.T) {
	var l Line
	if err := json.Unmarshal([]byte(base), &l); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(&l)
	if err != nil || string(b) != base {
		t.Errorf("%s\nwant\n%s\n%v", b, base, err)
	}
}
