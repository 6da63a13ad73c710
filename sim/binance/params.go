package binance

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
)

// param is one parameter of a call, decoded.
type param struct{ name, value string }

// params are a call's parameters in the order given, without the signature.
type params struct {
	list      []param
	signature string
	signed    bool // a signature was given at all
}

// errParams is what the parser says of anything it cannot read.
var errParams = errors.New("malformed parameters")

// get returns a parameter, "" if it was not sent.
func (p *params) get(name string) string {
	for i := range p.list {
		if p.list[i].name == name {
			return p.list[i].value
		}
	}
	return ""
}

func (p *params) add(name, value string) error {
	if name == "signature" {
		if p.signed {
			return duplicate(name)
		}
		p.signature, p.signed = value, true
		return nil
	}
	for i := range p.list {
		if p.list[i].name == name {
			return duplicate(name)
		}
	}
	if len(p.list) >= MaxParams {
		return errParams
	}
	p.list = append(p.list, param{name, value})
	return nil
}

// form reads URL-encoded parameters. A '+' is a space; a raw space is taken as
// well, since some clients send it.
func (p *params) form(raw string) error {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := unescape(name)
		if err != nil || name == "" {
			return errParams
		}
		if value, err = unescape(value); err != nil {
			return errParams
		}
		if err := p.add(name, value); err != nil {
			return err
		}
	}
	return nil
}

// unescape saves the copy where there is nothing to decode.
func unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, nil
	}
	return url.QueryUnescape(s)
}

// unsigned splits a raw parameter string around its signature parameter: what was
// signed is before followed by after.
func unsigned(raw string) (before, after string) {
	for i := 0; i <= len(raw); {
		end := strings.IndexByte(raw[i:], '&')
		if end < 0 {
			end = len(raw)
		} else {
			end += i
		}
		if strings.HasPrefix(raw[i:end], "signature=") {
			if i > 0 {
				return raw[:i-1], raw[end:]
			}
			return "", strings.TrimPrefix(raw[end:], "&")
		}
		i = end + 1
	}
	return raw, ""
}

// wsRequest is one message of the WebSocket API.
type wsRequest struct {
	id     string // raw JSON: a string, an integer or null
	method string
	params params
	stream []string // SUBSCRIBE and its kind have a list instead
}

// readMessage parses a message of a client. Names given twice are refused: two
// readers could take different ones.
func readMessage(b []byte) (*wsRequest, error) {
	q := &wsRequest{id: "null"}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	seen := map[string]bool{}
	err := object(d, func(name string) error {
		if seen[name] {
			return duplicate(name)
		}
		seen[name] = true
		switch name {
		case "id":
			return q.readID(d)
		case "method":
			return d.Decode(&q.method)
		case "params":
			return q.readParams(d)
		}
		return errParams
	})
	if err != nil {
		return q, err
	}
	if _, err := d.Token(); err != io.EOF || q.method == "" {
		return q, errParams
	}
	return q, nil
}

// object walks a JSON object; value must consume the value of each name.
func object(d *json.Decoder, value func(name string) error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errParams
	}
	return members(d, value)
}

// members walks a JSON object whose opening brace was read.
func members(d *json.Decoder, value func(name string) error) error {
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return errParams
		}
		if err := value(name); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errParams
	}
	return nil
}

func (q *wsRequest) readID(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return errParams
	}
	switch v := t.(type) {
	case string:
		if len(v) > 64 {
			return errParams
		}
		q.id = string(appendString(nil, v))
	case json.Number:
		if len(v) > 19 || strings.ContainsAny(v.String(), ".eE") {
			return errParams
		}
		q.id = v.String()
	case nil:
	default:
		return errParams
	}
	return nil
}

func (q *wsRequest) readParams(d *json.Decoder) error {
	t, err := d.Token()
	if err != nil {
		return errParams
	}
	if t == json.Delim('[') {
		return q.readStreams(d)
	}
	if t != json.Delim('{') {
		return errParams
	}
	return members(d, func(name string) error {
		t, err := d.Token()
		if err != nil {
			return errParams
		}
		switch v := t.(type) {
		case string:
			return q.params.add(name, v)
		case json.Number:
			return q.params.add(name, v.String())
		case bool:
			if v {
				return q.params.add(name, "true")
			}
			return q.params.add(name, "false")
		case nil:
			return nil
		case json.Delim:
			if v == '[' {
				return q.readList(d, name)
			}
		}
		return errParams
	})
}

func (q *wsRequest) readStreams(d *json.Decoder) error {
	for d.More() {
		var s string
		if len(q.stream) >= MaxStreams || d.Decode(&s) != nil {
			return errParams
		}
		q.stream = append(q.stream, s)
	}
	_, err := d.Token()
	return err
}

// readList reads a list of strings as the parameter that REST would carry.
func (q *wsRequest) readList(d *json.Decoder, name string) error {
	var out []string
	for d.More() {
		var s string
		if len(out) >= MaxParams || d.Decode(&s) != nil {
			return errParams
		}
		out = append(out, s)
	}
	if _, err := d.Token(); err != nil {
		return errParams
	}
	b, _ := json.Marshal(out)
	return q.params.add(name, string(b))
}

// payload is what a WebSocket request signs: its parameters sorted by name, not
// encoded.
func (p *params) payload() string {
	sorted := slices.Clone(p.list)
	slices.SortFunc(sorted, func(a, b param) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	for i, v := range sorted {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(v.name)
		b.WriteByte('=')
		b.WriteString(v.value)
	}
	return b.String()
}
