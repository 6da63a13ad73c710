package intel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"vedette"
	"vedette/internal/durable"
)

// A copy is what was good of a feed last. It never changes.
type copyOf struct {
	header
	indicators []Indicator
	geo        *geo
	database   []byte // what geo was read from
}

// header is the first line of a stored copy.
type header struct {
	Version   int    `json:"version"`
	Source    string `json:"source"`    // what it was read from: a copy of something else is of no use
	Changed   int64  `json:"changed"`   // Unix seconds, when the content came
	Confirmed int64  `json:"confirmed"` // Unix seconds, when the feed last said it
	// Document is the SHA-256 of what came, to tell that nothing changed.
	Document     string            `json:"document,omitempty"`
	ETag         string            `json:"etag,omitempty"`
	LastModified string            `json:"last_modified,omitempty"`
	State        map[string]string `json:"state,omitempty"` // where a TAXII or MISP feed goes on
	Ignored      map[string]int    `json:"ignored,omitempty"`
	Unreadable   int               `json:"unreadable,omitempty"`
	Count        int               `json:"count"` // indicators, or networks of a database
	SHA256       string            `json:"sha256"`
}

// storedVersion is that of the form of the file.
const storedVersion = 1

// fileName returns where the copy of a feed is.
func fileName(dir, feed string) string { return filepath.Join(dir, feed+".feed") }

// source says what a copy was read from.
func (f *Feed) source() string {
	return strings.Join([]string{string(f.Format), f.Kind.String(), f.Column, f.URL, f.File, f.Collection}, " ")
}

// save writes a copy; a power cut leaves the old one or this.
func (c *copyOf) save(fsys durable.FS, dir, feed string) error {
	body := c.database
	if c.geo == nil {
		body = appendIndicators(nil, c.indicators)
	}
	h := c.header
	sum := sha256.Sum256(body)
	h.Version, h.SHA256 = storedVersion, hex.EncodeToString(sum[:])
	head, err := json.Marshal(h)
	if err != nil {
		panic("BUG: a header does not encode: " + err.Error())
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make folder of feeds: %w", err)
	}
	return durable.Replace(fsys, fileName(dir, feed), append(append(head, '\n'), body...), 0o600)
}

// errNoCopy says that no copy of the feed is stored.
var errNoCopy = errors.New("no copy")

// readCopy reads the stored copy of a feed. The error wraps errNoCopy if there is none, or
// one of another source.
func readCopy(fsys durable.FS, dir string, f *Feed) (*copyOf, error) {
	b, err := durable.ReadFile(fsys, fileName(dir, f.Name), maxStored)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoCopy
	}
	if err != nil {
		return nil, err
	}
	return parseCopy(b, f)
}

func parseCopy(b []byte, f *Feed) (*copyOf, error) {
	head, body, ok := bytes.Cut(b, []byte("\n"))
	c := &copyOf{}
	dec := json.NewDecoder(bytes.NewReader(head))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c.header); !ok || err != nil {
		return nil, fmt.Errorf("cannot read header of the stored copy: %v", err)
	}
	sum := sha256.Sum256(body)
	switch {
	case c.Version != storedVersion:
		return nil, fmt.Errorf("the stored copy has version %d, want %d", c.Version, storedVersion)
	case c.SHA256 != hex.EncodeToString(sum[:]):
		return nil, errors.New("the stored copy is damaged: its SHA-256 differs")
	case c.Source != f.source():
		return nil, errNoCopy
	}
	var err error
	if f.Format == MMDB {
		c.database = body
		c.geo, err = newGeo(body)
		return c, err
	}
	c.indicators, err = readIndicators(body)
	return c, err
}

// appendIndicators appends a line for each: kind, value, confidence, from, until, object.
func appendIndicators(dst []byte, of []Indicator) []byte {
	for i := range of {
		in := &of[i]
		dst = append(append(dst, in.Kind.String()...), '\t')
		if in.Kind == vedette.IndicatorAddress {
			dst = in.Prefix.AppendTo(dst)
		} else {
			dst = append(dst, in.Value...)
		}
		dst = strconv.AppendInt(append(dst, '\t'), int64(in.Confidence), 10)
		dst = strconv.AppendInt(append(dst, '\t'), in.From, 10)
		dst = strconv.AppendInt(append(dst, '\t'), in.Until, 10)
		dst = append(append(append(dst, '\t'), in.Object...), '\n')
	}
	return dst
}

// readIndicators reads what appendIndicators wrote, and nothing else.
func readIndicators(b []byte) ([]Indicator, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("invalid UTF-8")
	}
	text := string(b) // values share it
	out := make([]Indicator, 0, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		in, err := readIndicator(line)
		if err != nil {
			return nil, fmt.Errorf("cannot read indicator %d: %w", len(out)+1, err)
		}
		if out = append(out, in); len(out) > maxIndicators {
			return nil, fmt.Errorf("over %d indicators", maxIndicators)
		}
	}
	return out, nil
}

func readIndicator(line string) (in Indicator, err error) {
	line, ended := strings.CutSuffix(line, "\n")
	var f [6]string
	rest, ok := line, true
	for i := range f[:5] {
		if f[i], rest, ok = strings.Cut(rest, "\t"); !ok {
			return in, errors.New("not six columns")
		}
	}
	f[5] = rest
	if !ended || rest != "" && !goodID(rest) {
		return in, errors.New("not six columns")
	}
	if err := in.Kind.UnmarshalText([]byte(f[0])); err != nil {
		return in, err
	}
	if in.Kind == vedette.IndicatorAddress {
		if in.Prefix, err = netip.ParsePrefix(f[1]); err == nil && (in.Prefix != in.Prefix.Masked() || in.Prefix.Addr().Is4In6()) {
			err = errors.New("a prefix with bits below it")
		}
	} else {
		var one []Indicator
		if one, err = readValue(nil, in.Kind, f[1]); err == nil && one[0].Value != f[1] {
			err = errors.New("a value in another form")
		}
		in.Value = f[1]
	}
	if err != nil {
		return in, err
	}
	confidence, err1 := strconv.ParseUint(f[2], 10, 8)
	from, err2 := strconv.ParseInt(f[3], 10, 64)
	until, err3 := strconv.ParseInt(f[4], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil || confidence > 100 && confidence != unsaid {
		return in, errors.New("confidence or times cannot be read")
	}
	in.Confidence, in.From, in.Until, in.Object = uint8(confidence), from, until, f[5]
	return in, nil
}

// contribution is what the copy gives to look-ups.
func (c *copyOf) contribution(f *Feed) contribution {
	return contribution{feed: f, indicators: c.indicators, geo: c.geo, lapse: c.Confirmed + int64(f.TTL.Seconds())}
}

// size is what growth is measured by: the indicators that have not ended.
func (c *copyOf) size(now int64) int {
	if c == nil {
		return 0
	}
	if c.geo != nil {
		return c.geo.n
	}
	n := 0
	for i := range c.indicators {
		if u := c.indicators[i].Until; u == 0 || u > now {
			n++
		}
	}
	return n
}
