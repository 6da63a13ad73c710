// Package capture reads recorded traffic: HAR 1.2 files and JSONL.
package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"vedette/sensor"
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
	// Answer is that of an HTTP request; Status 0 if none was recorded. Like every
	// sensor's, its body is cut at sensor.AnswerLimit: AnswerBytes is its full length.
	Answer      venue.Request
	AnswerBytes int
	Latency     time.Duration // 0 if not recorded
}

// Read calls f for every unit of a HAR or JSONL stream; it tells the two apart by
// the first object. f's error ends the reading. Every error names the entry or line
// and wraps its cause. A file that ends early is an error, after the units that it
// still held.
func Read(r io.Reader, f func(*Unit) error) error { return read(r, maxUnit, f) }

// read is Read with another limit than maxUnit.
func read(r io.Reader, limit int, f func(*Unit) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	har, err := isHAR(br)
	if err != nil {
		return err
	}
	if har {
		return readHAR(br, limit, f)
	}
	return readLines(br, limit, f)
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
	u := &Unit{Index: index, Message: -1, Venue: q.venue, At: q.at, Answer: q.answer, AnswerBytes: len(q.answer.Body), Latency: q.latency}
	u.Answer.Body = u.Answer.Body[:min(len(u.Answer.Body), sensor.AnswerLimit)]
	if q.method == "" {
		return errors.New("cannot read request: it has no method")
	}
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
	if scheme, rest, ok := strings.Cut(s, "://"); ok && !strings.ContainsAny(scheme, "/?") {
		r.Scheme = strings.ToLower(scheme)
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			i = len(rest)
		}
		r.Host, s = rest[:i], rest[i:]
		r.Host = r.Host[strings.LastIndexByte(r.Host, '@')+1:] // user and password are no part of a Host field
	} else if !strings.HasPrefix(s, "/") {
		return fmt.Errorf("cannot read url %q: want scheme://host/path, or a path", s)
	}
	r.Path, r.Query, _ = strings.Cut(s, "?")
	if r.Path == "" {
		r.Path = "/"
	}
	return nil
}

// latency is a recorded latency in µs; 0, as if not recorded, for what none can be.
func latency(us float64) time.Duration {
	if us < 0 || us > maxLatency {
		return 0
	}
	return time.Duration(us * float64(time.Microsecond))
}
