package capture

import (
	"errors"
	"io"
	"strings"
	"testing"

	"vedette/sensor"
	"vedette/venue"
)

// FuzzHAR reads anything as a HAR file.
func FuzzHAR(f *testing.F) {
	f.Add(har(`{"startedDateTime":"2026-01-05T12:00:00Z","time":1,"request":{"method":"GET","url":"https://h/p?q","headers":[{"name":":authority","value":"h"}],"postData":{"params":[{"name":"a","value":"b"}]}},"response":{"status":200,"content":{"text":"AA==","encoding":"base64"}}}`))
	f.Add(har(`{"request":{"method":"GET","url":"wss://h"},"_webSocketMessages":[{"type":"send","time":1.5,"opcode":1,"data":"x"},{"type":"receive","time":2,"opcode":2,"data":"AA=="}]}`))
	f.Add(har(`{"request":{"method":"GET","url":"/p","postData":{"text":"\ud800"}},"_source":"[::1]:1"}`, `{}`))
	f.Add(`{"log":{"entries":[]}}`)
	f.Add(`{ "log" : {"entries":[],"entries":[{}]}}`)
	f.Add(`{"log":{"entries":[{"request":{"method":"G","url":"/"},"time":-1e999}]}}`)
	f.Fuzz(fuzz)
}

// FuzzLines reads anything as a JSONL capture.
func FuzzLines(f *testing.F) {
	f.Add(base + "\n" + base)
	f.Add("\ufeff\n" + base)
	f.Add(`{"event":"request","method":"GET","url":"ws://u@h:1/?","headers":[["a","b"]],"messages":[{"from":"client","data_base64":"AA=="},{"from":"venue","data":"x"}]}`)
	f.Add(`{"event":"request","method":"GET","url":"/a?b=http://c#d","source":"::1","latency_us":-1}`)
	f.Add("{}\n[]\n\x00")
	f.Fuzz(fuzz)
}

// fuzz holds whatever is read to what Unit promises.
func fuzz(t *testing.T, text string) {
	last, message := -1, -1
	var session *venue.Session
	check := func(u *Unit) error {
		r := &u.Request
		switch {
		case u.Message < 0 && u.Index <= last, u.Message >= 0 && (u.Index != last || u.Message != message+1):
			t.Fatalf("unit %d.%d after %d.%d", u.Index, u.Message, last, message)
		case r.Method == "" && u.Message < 0:
			t.Fatal("a request without method")
		case r.Path == "" || strings.ContainsAny(r.Path, "?#") || strings.Contains(r.Query, "#"):
			t.Fatalf("path %q, query %q", r.Path, r.Query)
		case u.Message >= 0 && (r.Session == nil || r.Session != session || r.Kind != venue.Message && r.Kind != venue.Reply):
			t.Fatalf("message of no session: %+v", r)
		case len(u.Answer.Body) > sensor.AnswerLimit || len(u.Answer.Body) > u.AnswerBytes || u.Latency < 0:
			t.Fatalf("answer of %d in %d bytes, %v", len(u.Answer.Body), u.AnswerBytes, u.Latency)
		}
		if u.Message < 0 {
			session = r.Session
		}
		last, message = u.Index, u.Message
		return nil
	}
	err := Read(strings.NewReader(text), check)
	if errors.Is(err, io.EOF) {
		t.Fatalf("a bare end of file is no reason: %v", err)
	}
	// The same text in small pieces reads the same.
	last, message, session = -1, -1, nil
	again := Read(&dribble{text}, check)
	if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
		t.Fatalf("error %v, in pieces %v", err, again)
	}
}

type dribble struct{ text string }

func (d *dribble) Read(p []byte) (int, error) {
	if d.text == "" {
		return 0, io.EOF
	}
	n := copy(p, d.text[:min(len(d.text), 7)])
	d.text = d.text[n:]
	return n, nil
}
