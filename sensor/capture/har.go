package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"vedette/venue"
)

// har* are the parts of HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec)
// that matter here, with Chromium's _webSocketMessages.
type harEntry struct {
	StartedDateTime time.Time `json:"startedDateTime"`
	Time            float64   `json:"time"` // ms
	Request         struct {
		Method   string   `json:"method"`
		URL      string   `json:"url"`
		Headers  harPairs `json:"headers"`
		PostData *struct {
			Text     string   `json:"text"`
			Params   harPairs `json:"params"`
			Encoding string   `json:"encoding"` // base64, as some recorders write
		} `json:"postData"`
	} `json:"request"`
	Response struct {
		Status  int      `json:"status"`
		Headers harPairs `json:"headers"`
		Content struct {
			Text     string `json:"text"`
			Encoding string `json:"encoding"`
		} `json:"content"`
	} `json:"response"`
	Venue    string      `json:"_venue"`  // ours: the dialect's name
	Client   string      `json:"_source"` // ours: the client's address
	Messages harMessages `json:"_webSocketMessages"`
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type harMessage struct {
	Type   string  `json:"type"` // send, receive
	Time   float64 `json:"time"` // seconds since 1970
	Opcode int     `json:"opcode"`
	Data   string  `json:"data"` // base64 if Opcode is binary
}

type (
	harPairs    []harPair
	harMessages []harMessage
)

// UnmarshalJSON reads at most maxPairs.
func (p *harPairs) UnmarshalJSON(b []byte) (err error) {
	*p, err = list[harPair](b, maxPairs, false)
	return err
}

// UnmarshalJSON reads at most maxMessages.
func (m *harMessages) UnmarshalJSON(b []byte) (err error) {
	*m, err = list[harMessage](b, maxMessages, false)
	return err
}

// The opcodes of data frames (RFC 6455 section 11.8).
const (
	opText   = 1
	opBinary = 2
)

// readHAR reads entry by entry: a HAR file of a day does not fit in memory.
func readHAR(r io.Reader, limit int, f func(*Unit) error) error {
	in := &bounded{r: r, limit: limit, left: limit}
	dec := json.NewDecoder(in)
	if err := in.seek(dec, "log", "entries"); err != nil {
		return fmt.Errorf("cannot read HAR: %w", early(err))
	}
	var raw json.RawMessage
	for i := 0; dec.More(); i++ {
		if err := in.decode(dec, &raw); err != nil {
			return fmt.Errorf("cannot read HAR entry %d: %w", i, early(err))
		}
		var e harEntry
		if err := unmarshal(raw, &e); err != nil {
			return fmt.Errorf("cannot read HAR entry %d: %w", i, err)
		}
		q, err := e.request()
		if err == nil {
			err = q.emit(i, f)
		}
		if err != nil {
			return fmt.Errorf("HAR entry %d: %w", i, err)
		}
	}
	if err := in.rest(dec); err != nil {
		return fmt.Errorf("cannot read HAR: %w", early(err))
	}
	return nil
}

// bounded bounds what one value of the stream may make the decoder hold.
type bounded struct {
	r           io.Reader
	limit, left int
	over        bool
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.over = b.over || b.left <= 0; b.over {
		return 0, fmt.Errorf("one part has over %d bytes", b.limit)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *bounded) decode(dec *json.Decoder, v any) error {
	b.left = b.limit
	return dec.Decode(v)
}

func (b *bounded) token(dec *json.Decoder) (json.Token, error) {
	b.left = b.limit
	return dec.Token()
}

// skipped is a value of no use to us.
type skipped struct{}

// UnmarshalJSON keeps nothing.
func (skipped) UnmarshalJSON([]byte) error { return nil }

// seek goes into nested members by name and leaves the decoder after the opening
// bracket of the last one's array.
func (b *bounded) seek(dec *json.Decoder, path ...string) error {
	for _, name := range path {
		if t, err := b.token(dec); err != nil {
			return err
		} else if t != json.Delim('{') {
			return fmt.Errorf("no object that holds %q", name)
		}
		for {
			t, err := b.token(dec)
			if err != nil {
				return err
			}
			if t == json.Delim('}') {
				return fmt.Errorf("no member %q", name)
			}
			if t == name {
				break
			}
			if err := b.decode(dec, &skipped{}); err != nil {
				return err
			}
		}
	}
	if t, err := b.token(dec); err != nil {
		return err
	} else if t != json.Delim('[') {
		return errors.New("entries is no array")
	}
	return nil
}

// rest reads what follows the entries: the ends of the array, of log and of the
// file. So a file that was cut, or that holds entries twice, does not pass for whole.
func (b *bounded) rest(dec *json.Decoder) error {
	if _, err := b.token(dec); err != nil { // the array's end
		return err
	}
	for depth := 2; depth > 0; {
		t, err := b.token(dec)
		if err != nil {
			return err
		}
		if t == json.Delim('}') {
			depth--
			continue
		}
		if t == "entries" && depth == 2 {
			return errors.New("it has entries twice")
		}
		if err := b.decode(dec, &skipped{}); err != nil {
			return err
		}
	}
	b.left = b.limit
	switch _, err := dec.Token(); {
	case err == nil:
		return errors.New("text after the end")
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("text after the end: %w", err)
	}
	return nil
}

// errNotUTF8 refuses what encoding/json would silently change.
var errNotUTF8 = errors.New("it is not UTF-8: give such bytes as base64")

func unmarshal(b []byte, e *harEntry) error {
	if !utf8.Valid(b) {
		return errNotUTF8
	}
	return json.Unmarshal(b, e)
}

// early says of an end of file that it came too early.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (e *harEntry) request() (*request, error) {
	q := &request{venue: e.Venue, method: e.Request.Method, url: e.Request.URL, at: e.StartedDateTime, source: e.Client,
		latency: latency(e.Time * 1000)}
	for _, h := range e.Request.Headers {
		switch {
		case h.Name == ":authority":
			q.header = append(q.header, venue.Field{Name: "Host", Value: h.Value})
		case !strings.HasPrefix(h.Name, ":"):
			q.header = append(q.header, venue.Field(h))
		}
	}
	if p := e.Request.PostData; p != nil {
		var err error
		if q.body, err = harBody(p.Text, p.Encoding, p.Params); err != nil {
			return nil, fmt.Errorf("cannot read postData: %w", err)
		}
	}
	q.answer.Status = e.Response.Status
	for _, h := range e.Response.Headers {
		q.answer.Header = append(q.answer.Header, venue.Field(h))
	}
	var err error
	if q.answer.Body, err = harBody(e.Response.Content.Text, e.Response.Content.Encoding, nil); err != nil {
		return nil, fmt.Errorf("cannot read content: %w", err)
	}
	for i := range e.Messages {
		m, err := e.Messages[i].message(q.at)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		q.messages = append(q.messages, m)
	}
	return q, nil
}

// message returns the message; at stands in for a time that was not recorded.
func (m *harMessage) message(at time.Time) (message, error) {
	out := message{reply: m.Type == "receive", at: at, data: []byte(m.Data)}
	switch {
	case m.Type != "send" && m.Type != "receive":
		return out, fmt.Errorf("type is %q, want send or receive", m.Type)
	case m.Opcode != opText && m.Opcode != opBinary && m.Opcode != 0: // 0: not recorded
		return out, fmt.Errorf("opcode is %d, want %d or %d: HAR keeps whole messages", m.Opcode, opText, opBinary)
	case m.Time < 0 || m.Time > maxSeconds:
		return out, fmt.Errorf("time %v is no number of seconds since 1970", m.Time)
	case m.Time > 0:
		out.at = time.UnixMicro(int64(m.Time * 1e6)).UTC()
	}
	if m.Opcode != opBinary {
		return out, nil
	}
	var err error
	if out.data, err = base64.StdEncoding.DecodeString(m.Data); err != nil {
		return out, fmt.Errorf("cannot read binary data: %w", err)
	}
	return out, nil
}

// harBody returns the body's bytes. A recorder that kept only the parameters of a
// form lost the bytes; joining the names and values is the best guess.
func harBody(s, encoding string, params []harPair) ([]byte, error) {
	switch {
	case encoding == "base64":
		return base64.StdEncoding.DecodeString(s)
	case encoding != "":
		return nil, fmt.Errorf("encoding is %q, want base64 or none", encoding)
	case s != "":
		return []byte(s), nil
	}
	var b []byte
	for i, p := range params {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, p.Name...), '='), p.Value...)
	}
	return b, nil
}

// list reads an array of at most limit elements. encoding/json alone would make 3
// bytes of text into an element of up to 56.
func list[T any](b []byte, limit int, strict bool) ([]T, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	if strict {
		dec.DisallowUnknownFields()
	}
	switch t, err := dec.Token(); {
	case err != nil:
		return nil, err
	case t == nil:
		return nil, nil
	case t != json.Delim('['):
		return nil, errors.New("want an array")
	}
	var out []T
	for dec.More() {
		if len(out) == limit {
			return nil, fmt.Errorf("an array has over %d elements", limit)
		}
		var v T
		if err := dec.Decode(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
