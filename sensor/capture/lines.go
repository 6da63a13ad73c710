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
	"unicode/utf8"

	"vedette/venue"
)

// Line is one line of a JSONL capture: the event "request" of docs/formats.md.
type Line struct {
	Event      string       `json:"event"`
	Time       time.Time    `json:"time,omitzero"`
	Venue      string       `json:"venue,omitempty"`
	Source     string       `json:"source,omitempty"`
	Method     string       `json:"method"`
	URL        string       `json:"url"`
	Headers    LineFields   `json:"headers"`
	Body       string       `json:"body,omitempty"`
	BodyBase64 string       `json:"body_base64,omitempty"` // instead of Body
	Messages   LineMessages `json:"messages,omitempty"`
	Answer     *LineAnswer  `json:"answer,omitempty"`
	LatencyUS  int64        `json:"latency_us,omitempty"`
}

// LineMessage is one WebSocket message of a Line.
type LineMessage struct {
	Time       time.Time `json:"time,omitzero"`
	From       string    `json:"from"` // client or venue
	Data       string    `json:"data,omitempty"`
	DataBase64 string    `json:"data_base64,omitempty"` // instead of Data
}

// LineAnswer is the answer of a Line.
type LineAnswer struct {
	Status     int        `json:"status"`
	Headers    LineFields `json:"headers,omitempty"`
	Body       string     `json:"body,omitempty"`
	BodyBase64 string     `json:"body_base64,omitempty"` // instead of Body
}

// LineFields are header fields, name and value.
type LineFields [][2]string

// LineMessages are the messages of a session in their order.
type LineMessages []LineMessage

// UnmarshalJSON reads at most maxPairs, each of two texts: encoding/json would take
// any number for two.
func (f *LineFields) UnmarshalJSON(b []byte) error {
	pairs, err := list[[]string](b, maxPairs, true)
	if err != nil {
		return fmt.Errorf("headers: %w", err)
	}
	*f = make(LineFields, len(pairs))
	for i, p := range pairs {
		if len(p) != 2 {
			return fmt.Errorf("headers: field %d has %d texts, want name and value", i, len(p))
		}
		(*f)[i] = [2]string(p)
	}
	return nil
}

// UnmarshalJSON reads at most maxMessages.
func (m *LineMessages) UnmarshalJSON(b []byte) (err error) {
	if *m, err = list[LineMessage](b, maxMessages, true); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	return nil
}

func readLines(br *bufio.Reader, limit int, f func(*Unit) error) error {
	for i := 0; ; i++ {
		line, err := readLine(br, limit)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("cannot read line %d: %w", i+1, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if err := emitLine(line, i, f); err != nil {
				return fmt.Errorf("line %d: %w", i+1, err)
			}
		}
		if err != nil {
			return nil
		}
	}
}

func readLine(br *bufio.Reader, limit int) ([]byte, error) { return appendLine(nil, br, limit) }

func appendLine(line []byte, br *bufio.Reader, limit int) ([]byte, error) {
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > limit {
			return nil, fmt.Errorf("over %d bytes", limit)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func emitLine(b []byte, index int, f func(*Unit) error) error {
	if !utf8.Valid(b) {
		return fmt.Errorf("cannot read request: %w", errNotUTF8)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var l Line
	if err := dec.Decode(&l); err != nil {
		return fmt.Errorf("cannot read request: %w", early(err))
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
	q := &request{venue: l.Venue, method: l.Method, url: l.URL, at: l.Time, source: l.Source,
		header: fields(l.Headers), latency: latency(float64(l.LatencyUS))}
	var err error
	if q.body, err = lineBody(l.Body, l.BodyBase64); err != nil {
		return nil, fmt.Errorf("cannot read body: %w", err)
	}
	if a := l.Answer; a != nil {
		q.answer = venue.Request{Status: a.Status, Header: fields(a.Headers)}
		if q.answer.Body, err = lineBody(a.Body, a.BodyBase64); err != nil {
			return nil, fmt.Errorf("cannot read body of the answer: %w", err)
		}
	}
	for i, m := range l.Messages {
		if m.From != "client" && m.From != "venue" {
			return nil, fmt.Errorf("message %d is from %q, want client or venue", i, m.From)
		}
		if m.Time.IsZero() {
			m.Time = l.Time
		}
		data, err := lineBody(m.Data, m.DataBase64)
		if err != nil {
			return nil, fmt.Errorf("cannot read message %d: %w", i, err)
		}
		q.messages = append(q.messages, message{reply: m.From == "venue", at: m.Time, data: data})
	}
	return q, nil
}

// lineBody returns the bytes that stand in one of two members.
func lineBody(text, base64Text string) ([]byte, error) {
	switch {
	case base64Text == "":
		return []byte(text), nil
	case text != "":
		return nil, errors.New("it is given as text and as base64")
	}
	return base64.StdEncoding.DecodeString(base64Text)
}

func fields(pairs LineFields) venue.Header {
	h := make(venue.Header, len(pairs))
	for i, p := range pairs {
		h[i] = venue.Field{Name: p[0], Value: p[1]}
	}
	return h
}
