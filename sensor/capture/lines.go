package capture

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"vedette/venue"
)

// Line is one line of a JSONL capture: the event "request" of docs/formats.md.
type Line struct {
	Event      string        `json:"event"`
	Time       time.Time     `json:"time"`
	Venue      string        `json:"venue,omitempty"`
	Source     string        `json:"source,omitempty"`
	Method     string        `json:"method"`
	URL        string        `json:"url"`
	Headers    [][2]string   `json:"headers"`
	Body       string        `json:"body,omitempty"`
	BodyBase64 string        `json:"body_base64,omitempty"`
	Messages   []LineMessage `json:"messages,omitempty"`
	Answer     *LineAnswer   `json:"answer,omitempty"`
	LatencyUS  int64         `json:"latency_us,omitempty"`
}

// LineMessage is one WebSocket message of a Line.
type LineMessage struct {
	Time time.Time `json:"time,omitzero"`
	From string    `json:"from"` // client or venue
	Data string    `json:"data"`
}

// LineAnswer is the answer of a Line.
type LineAnswer struct {
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers,omitempty"`
	Body    string      `json:"body,omitempty"`
}

func readLines(br *bufio.Reader, f func(*Unit) error) error {
	for i := 0; ; i++ {
		line, err := readLine(br)
		if len(bytes.TrimSpace(line)) > 0 {
			if err := emitLine(line, i, f); err != nil {
				return fmt.Errorf("line %d: %w", i+1, err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read line %d: %w", i+1, err)
		}
	}
}

func readLine(br *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, fmt.Errorf("over %d bytes", maxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func emitLine(b []byte, index int, f func(*Unit) error) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var l Line
	if err := dec.Decode(&l); err != nil {
		return fmt.Errorf("cannot read request: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("cannot read request: text after the object")
	}
	if l.Event != "request" {
		return fmt.Errorf("event is %q, want \"request\": see docs/formats.md", l.Event)
	}
	q, err := l.request()
	if err != nil {
		return err
	}
	return q.emit(index, f)
}

func (l *Line) request() (*request, error) {
	q := &request{venue: l.Venue, method: l.Method, url: l.URL, at: l.Time, source: l.Source, body: []byte(l.Body),
		header: fields(l.Headers), latency: time.Duration(l.LatencyUS) * time.Microsecond}
	if l.BodyBase64 != "" {
		var err error
		if q.body, err = base64.StdEncoding.DecodeString(l.BodyBase64); err != nil {
			return nil, fmt.Errorf("cannot read body_base64: %w", err)
		}
	}
	if l.Answer != nil {
		q.answer = venue.Request{Status: l.Answer.Status, Header: fields(l.Answer.Headers), Body: []byte(l.Answer.Body)}
	}
	if len(l.Messages) > maxMessage {
		return nil, fmt.Errorf("%d messages, over %d", len(l.Messages), maxMessage)
	}
	for i, m := range l.Messages {
		if m.From != "client" && m.From != "venue" {
			return nil, fmt.Errorf("message %d is from %q, want client or venue", i, m.From)
		}
		if m.Time.IsZero() {
			m.Time = l.Time
		}
		q.messages = append(q.messages, message{reply: m.From == "venue", at: m.Time, data: []byte(m.Data)})
	}
	return q, nil
}

func fields(pairs [][2]string) venue.Header {
	h := make(venue.Header, len(pairs))
	for i, p := range pairs {
		h[i] = venue.Field{Name: p[0], Value: p[1]}
	}
	return h
}
