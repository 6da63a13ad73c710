// Package capture reads recorded traffic: HAR 1.2 files and JSONL.
package capture

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"vedette/venue"
)

// Unit is one recorded unit of traffic, in the order it was recorded. Its memory
// is its own.
type Unit struct {
	Index   int // of the HAR entry or JSONL line, from 0
	Message int // of the WebSocket message within its entry, -1 for an HTTP request
	Venue   string
	At      time.Time // when the venue's side received it; zero if the record does not say
	Source  netip.Addr
	Request venue.Request // Kind Reply for a message of the venue
	Answer  venue.Request // of an HTTP request; Status 0 if none was recorded
	Latency time.Duration
}

// Limits against hostile files.
const (
	maxLine    = 64 << 20 // bytes of one JSONL line: a body of 16 MiB, escaped
	maxMessage = 1 << 20  // messages in one entry
)

// Read calls f for every unit of a HAR or JSONL stream; it tells the two apart by
// the first object. An error names the entry or line. f's error ends the reading
// and is returned as it is.
func Read(r io.Reader, f func(*Unit) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	har, err := isHAR(br)
	if err != nil {
		return err
	}
	if har {
		return readHAR(br, f)
	}
	return readLines(br, f)
}

// isHAR reports whether the text begins with an object whose first member is log.
func isHAR(br *bufio.Reader) (bool, error) {
	if b, err := br.Peek(3); err == nil && string(b) == "\xef\xbb\xbf" { // HAR viewers write a byte order mark
		br.Discard(3)
	}
	for n := 64; ; n *= 2 {
		b, err := br.Peek(n)
		s := strings.Join(strings.Fields(string(b)), "")
		if len(s) >= len(`{"log":`) || err != nil {
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
				return false, fmt.Errorf("cannot read capture: %w", err)
			}
			return strings.HasPrefix(s, `{"log":`), nil
		}
	}
}

// request is what HAR entries and JSONL lines have in common.
type request struct {
	venue, method, url string
	header             venue.Header
	body               []byte
	at                 time.Time
	source             string
	latency            time.Duration
	answer             venue.Request
	messages           []message
}

type message struct {
	reply bool
	at    time.Time
	data  []byte
}

// emit calls f for the request and its messages.
func (q *request) emit(index int, f func(*Unit) error) error {
	u := &Unit{Index: index, Message: -1, Venue: q.venue, At: q.at, Answer: q.answer, Latency: q.latency}
	if q.source != "" {
		if ap, err := netip.ParseAddrPort(q.source); err == nil {
			u.Source = ap.Addr()
		} else if u.Source, err = netip.ParseAddr(q.source); err != nil {
			return fmt.Errorf("cannot read source %q: want an address", q.source)
		}
	}
	r := &u.Request
	if err := splitURL(q.url, r); err != nil {
		return err
	}
	r.Method, r.Header, r.Body = q.method, q.header, q.body
	if h := r.Header.Get("Host"); h != "" {
		r.Host = h
	}
	if len(q.messages) > 0 || strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || r.Scheme == "ws" || r.Scheme == "wss" {
		r.Kind = venue.Upgrade
		r.Session = &venue.Session{ID: uint64(index) + 1, Upgrade: r}
	}
	u.Answer.Kind = venue.HTTPAnswer
	if err := f(u); err != nil {
		return err
	}
	for i, m := range q.messages {
		kind := venue.Message
		if m.reply {
			kind = venue.Reply
		}
		mu := &Unit{Index: index, Message: i, Venue: q.venue, At: m.at, Source: u.Source, Request: venue.Request{Kind: kind,
			Scheme: r.Scheme, Host: r.Host, Path: r.Path, Query: r.Query, Header: r.Header, Body: m.data, Session: r.Session}}
		if err := f(mu); err != nil {
			return err
		}
	}
	return nil
}

// splitURL splits without decoding: signatures cover the bytes as they were.
func splitURL(s string, r *venue.Request) error {
	s, _, _ = strings.Cut(s, "#")
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		r.Scheme = strings.ToLower(scheme)
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			i = len(rest)
		}
		r.Host, s = rest[:i], rest[i:]
	} else if !strings.HasPrefix(s, "/") {
		return fmt.Errorf("cannot read url %q: want scheme://host/path, or a path", s)
	}
	r.Path, r.Query, _ = strings.Cut(s, "?")
	if r.Path == "" {
		r.Path = "/"
	}
	return nil
}

// har* are the parts of HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec)
// that matter here, with Chromium's _webSocketMessages.
type harEntry struct {
	StartedDateTime time.Time `json:"startedDateTime"`
	Time            float64   `json:"time"` // ms
	Request         struct {
		Method   string    `json:"method"`
		URL      string    `json:"url"`
		Headers  []harPair `json:"headers"`
		PostData *struct {
			MimeType string    `json:"mimeType"`
			Text     *string   `json:"text"`
			Params   []harPair `json:"params"`
			Encoding string    `json:"encoding"` // base64, as some recorders write
		} `json:"postData"`
	} `json:"request"`
	Response struct {
		Status  int       `json:"status"`
		Headers []harPair `json:"headers"`
		Content struct {
			Text     string `json:"text"`
			Encoding string `json:"encoding"`
		} `json:"content"`
	} `json:"response"`
	Venue    string `json:"_venue"`  // ours: the dialect's name
	Client   string `json:"_source"` // ours: the client's address
	Messages []struct {
		Type   string  `json:"type"` // send, receive
		Time   float64 `json:"time"` // seconds since 1970
		Opcode int     `json:"opcode"`
		Data   string  `json:"data"`
	} `json:"_webSocketMessages"`
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// readHAR reads entry by entry: a HAR file of a day does not fit in memory.
func readHAR(r io.Reader, f func(*Unit) error) error {
	dec := json.NewDecoder(r)
	if err := seek(dec, "log", "entries"); err != nil {
		return fmt.Errorf("cannot read HAR: %w", err)
	}
	for i := 0; dec.More(); i++ {
		var e harEntry
		if err := dec.Decode(&e); err != nil {
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
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("cannot read HAR: the entries do not end: %w", err)
	}
	return nil
}

// seek goes into nested members by name and leaves the decoder after the opening
// bracket of the last one's array.
func seek(dec *json.Decoder, path ...string) error {
	for _, name := range path {
		if t, err := dec.Token(); err != nil || t != json.Delim('{') {
			return fmt.Errorf("no object that holds %q", name)
		}
		for {
			t, err := dec.Token()
			if err != nil {
				return err
			}
			if t == json.Delim('}') {
				return fmt.Errorf("no member %q", name)
			}
			if t == name {
				break
			}
			var skip json.RawMessage
			if err := dec.Decode(&skip); err != nil {
				return err
			}
		}
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return errors.New("entries is no array")
	}
	return nil
}

func (e *harEntry) request() (*request, error) {
	q := &request{venue: e.Venue, method: e.Request.Method, url: e.Request.URL, at: e.StartedDateTime, source: e.Client,
		latency: time.Duration(e.Time * float64(time.Millisecond))}
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
	if q.answer.Body, err = harBody(&e.Response.Content.Text, e.Response.Content.Encoding, nil); err != nil {
		return nil, fmt.Errorf("cannot read content: %w", err)
	}
	if len(e.Messages) > maxMessage {
		return nil, fmt.Errorf("%d messages, over %d", len(e.Messages), maxMessage)
	}
	for i, m := range e.Messages {
		data, err := []byte(m.Data), error(nil)
		if m.Opcode == 2 {
			if data, err = base64.StdEncoding.DecodeString(m.Data); err != nil {
				return nil, fmt.Errorf("cannot read message %d: %w", i, err)
			}
		}
		at := time.UnixMicro(int64(m.Time * 1e6))
		if m.Time == 0 {
			at = q.at
		}
		q.messages = append(q.messages, message{reply: m.Type == "receive", at: at, data: data})
	}
	return q, nil
}

// harBody returns the body's bytes. A recorder that kept only the parameters of a
// form lost the bytes; joining the names and values is the best guess.
func harBody(s *string, encoding string, params []harPair) ([]byte, error) {
	switch {
	case s != nil && encoding == "base64":
		return base64.StdEncoding.DecodeString(*s)
	case s != nil:
		return []byte(*s), nil
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
