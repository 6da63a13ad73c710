package httpsig

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Message is the request or response whose signature is verified.
type Message struct {
	Method    string
	Scheme    string // "https" or "http", as the client addressed it
	Authority string // host and port as the client addressed it
	Target    string // the request target as received
	Header    http.Header
	Trailer   http.Header
	Body      []byte

	Status  int      // of a response; 0 says that the message is a request
	Request *Message // what a response answers
}

// FromRequest reads what is signed of a request that net/http parsed. The scheme
// and the body, read and kept, are the caller's to say.
func FromRequest(r *http.Request, scheme string, body []byte) Message {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	return Message{Method: r.Method, Scheme: scheme, Authority: r.Host, Target: target, Header: r.Header,
		Trailer: r.Trailer, Body: body}
}

var errAbsent = errors.New("message lacks it")

// authority is @authority, RFC 9421 section 2.2.3: lower case, without the
// scheme's own port.
func (m *Message) authority() string {
	a := strings.ToLower(m.Authority)
	switch strings.ToLower(m.Scheme) {
	case "https":
		return strings.TrimSuffix(a, ":443")
	case "http":
		return strings.TrimSuffix(a, ":80")
	}
	return a
}

// origin splits the target into path and query; an absolute target is reduced to
// that part of it.
func (m *Message) origin() (path, query string, hasQuery bool) {
	t := m.Target
	if i := strings.Index(t, "://"); i >= 0 && !strings.HasPrefix(t, "/") {
		t = t[i+3:]
		if j := strings.IndexAny(t, "/?"); j >= 0 {
			t = t[j:]
		} else {
			t = ""
		}
	}
	path, query, hasQuery = strings.Cut(t, "?")
	if path == "" {
		path = "/"
	}
	return path, query, hasQuery
}

// derived returns the value of a derived component other than @query-param, RFC
// 9421 section 2.2.
func (m *Message) derived(name string) (string, error) {
	if name == "@status" {
		if m.Status == 0 {
			return "", errAbsent
		}
		return fmt.Sprintf("%03d", m.Status), nil
	}
	if m.Status != 0 {
		return "", errors.New("only a request has it")
	}
	path, query, hasQuery := m.origin()
	switch name {
	case "@method":
		return m.Method, nil
	case "@scheme":
		return strings.ToLower(m.Scheme), nil
	case "@authority":
		return m.authority(), nil
	case "@request-target":
		return m.Target, nil
	case "@path":
		return path, nil
	case "@query":
		return "?" + query, nil
	case "@target-uri":
		uri := strings.ToLower(m.Scheme) + "://" + m.authority() + path
		if hasQuery {
			uri += "?" + query
		}
		return uri, nil
	}
	return "", errors.New("it is not a derived component")
}

// queryParam is @query-param, RFC 9421 section 2.2.8. A name that occurs twice has
// no one value, so the signature cannot cover it.
func (m *Message) queryParam(name string) (string, error) {
	if m.Status != 0 {
		return "", errors.New("only a request has it")
	}
	_, query, _ := m.origin()
	found := false
	value := ""
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		k, v, _ := strings.Cut(pair, "=")
		key, err := recode(k)
		if err != nil {
			return "", err
		}
		if key != name {
			continue
		}
		if found {
			return "", fmt.Errorf("parameter occurs twice: %w", errAmbiguous)
		}
		found = true
		if value, err = recode(v); err != nil {
			return "", err
		}
	}
	if !found {
		return "", errAbsent
	}
	return value, nil
}

// recode decodes a form-encoded name or value and encodes it in the one way that
// the signature base wants: the application/x-www-form-urlencoded percent-encode
// set of the WHATWG URL standard, with spaces as %20.
func recode(s string) (string, error) {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", fmt.Errorf("broken percent-encoding: %w", errAmbiguous)
			}
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		}
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("*-._", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String(), nil
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
