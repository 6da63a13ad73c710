package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// errAmbiguous marks a document that two readers could take in two ways.
var errAmbiguous = errors.New("document can be read in two ways")

// object is a JSON object that was read strictly: no member twice at any depth,
// no invalid UTF-8, no lone surrogate, nothing after it. Names compare exactly.
type object map[string]json.RawMessage

// parseObject reads data as exactly one JSON object.
func parseObject(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("cannot read JSON: invalid UTF-8: %w", errAmbiguous)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("cannot read JSON: want an object")
	}
	o := make(object, 12)
	for dec.More() {
		name, err := memberName(dec)
		if err != nil {
			return nil, err
		}
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("cannot read JSON: a member appears twice: %w", errAmbiguous)
		}
		if len(o) == maxMembers {
			return nil, errors.New("cannot read JSON: too many members")
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errors.New("cannot read JSON: bad value")
		}
		if err := checkValue(raw); err != nil {
			return nil, err
		}
		o[name] = raw
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("cannot read JSON: no end of object")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("cannot read JSON: data after the object")
	}
	return o, nil
}

func memberName(dec *json.Decoder) (string, error) {
	t, err := dec.Token()
	name, ok := t.(string)
	if err != nil || !ok {
		return "", errors.New("cannot read JSON: want a member name")
	}
	return name, checkString(name)
}

// checkString refuses U+FFFD: the decoder puts it where an escape named half a
// surrogate pair, and no identifier has a use for it.
func checkString(s string) error {
	if strings.ContainsRune(s, utf8.RuneError) {
		return fmt.Errorf("cannot read JSON: replacement character: %w", errAmbiguous)
	}
	return nil
}

// checkValue holds a nested value to the same rules.
func checkValue(raw []byte) error {
	if c := raw[0]; c != '{' && c != '[' && c != '"' {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return walk(dec, 1)
}

func walk(dec *json.Decoder, depth int) error {
	if depth > maxDepth {
		return errors.New("cannot read JSON: nested too deep")
	}
	t, err := dec.Token()
	if err != nil {
		return errors.New("cannot read JSON: bad value")
	}
	switch t := t.(type) {
	case string:
		return checkString(t)
	case json.Delim:
		var seen map[string]bool
		for dec.More() {
			if t == '{' {
				name, err := memberName(dec)
				if err != nil {
					return err
				}
				if seen[name] {
					return fmt.Errorf("cannot read JSON: a member appears twice: %w", errAmbiguous)
				}
				if seen == nil {
					seen = make(map[string]bool)
				}
				seen[name] = true
			}
			if err := walk(dec, depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
		return err
	}
	return nil
}

func (o object) has(name string) bool { _, ok := o[name]; return ok }

// text returns a string member of at most maxName bytes; "" if it is absent.
func (o object) text(name string) (string, error) { return o.textUpTo(name, maxName) }

func (o object) textUpTo(name string, limit int) (string, error) {
	raw, ok := o[name]
	if !ok {
		return "", nil
	}
	var s string
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil || len(s) > limit {
		return "", fmt.Errorf("cannot read %s: want a string of at most %d bytes", name, limit)
	}
	return s, nil
}

// identifier returns a string, or the digits of a whole number, as text: account
// claims come both ways.
func (o object) identifier(name string) (string, error) {
	raw, ok := o[name]
	if !ok {
		return "", nil
	}
	if raw[0] == '"' {
		return o.text(name)
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	return "", fmt.Errorf("cannot read %s: want a string or a whole number", name)
}

// texts returns a member that is a string or an array of strings.
func (o object) texts(name string, limit int) ([]string, error) {
	raw, ok := o[name]
	if !ok {
		return nil, nil
	}
	if raw[0] == '"' {
		s, err := o.text(name)
		return []string{s}, err
	}
	var list []string
	if raw[0] != '[' || json.Unmarshal(raw, &list) != nil || len(list) > limit || bytes.Contains(raw, []byte("null")) && hasNull(raw) {
		return nil, fmt.Errorf("cannot read %s: want a string or at most %d strings", name, limit)
	}
	for _, s := range list {
		if len(s) > maxName {
			return nil, fmt.Errorf("cannot read %s: an entry is too long", name)
		}
	}
	return list, nil
}

// hasNull tells an array entry null, which the decoder takes for "", from a
// string that contains the word.
func hasNull(raw []byte) bool {
	var list []*string
	if json.Unmarshal(raw, &list) != nil {
		return true
	}
	for _, s := range list {
		if s == nil {
			return true
		}
	}
	return false
}

// time returns a NumericDate (RFC 7519 section 2); zero if it is absent.
func (o object) time(name string) (time.Time, error) {
	raw, ok := o[name]
	if !ok {
		return time.Time{}, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsNaN(f) || f < 0 || f >= maxSeconds {
		return time.Time{}, fmt.Errorf("cannot read %s: want seconds since 1970", name)
	}
	return time.Unix(int64(f), 0), nil
}

// object returns a member that is itself an object; nil if it is absent.
func (o object) object(name string) (object, error) {
	raw, ok := o[name]
	if !ok {
		return nil, nil
	}
	return parseObject(raw)
}
