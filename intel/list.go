package intel

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// A reading is what was read of a feed: its indicators, and what was left out.
type reading struct {
	indicators []Indicator
	entries    int // lines, values or objects that were to be indicators
	unreadable int // of them
	firstBad   error
	// Ignored counts what is no indicator of ours, by what it is: a STIX relationship, an
	// attribute of a kind that calls do not have.
	ignored map[string]int
	dropped map[string]bool // ids of objects that the feed took back
}

func (r *reading) bad(err error) {
	r.unreadable++
	if r.firstBad == nil {
		r.firstBad = err
	}
}

// maxIgnored bounds the kinds of things that are told apart.
const maxIgnored = 64

func (r *reading) ignore(what string) {
	if r.ignored == nil {
		r.ignored = map[string]int{}
	}
	if _, ok := r.ignored[what]; !ok && len(r.ignored) >= maxIgnored || len(what) > maxObject {
		what = "other"
	}
	r.ignored[what]++
}

// value takes in one value as an indicator like the one given. It keeps no string of the
// document.
func (r *reading) value(like Indicator, s string) {
	r.entries++
	if len(r.indicators) >= maxIndicators {
		r.bad(fmt.Errorf("over %d indicators", maxIndicators))
		return
	}
	before := len(r.indicators)
	var err error
	if r.indicators, err = readValue(r.indicators, like.Kind, s); err != nil {
		r.bad(err)
		return
	}
	for i := before; i < len(r.indicators); i++ {
		in := &r.indicators[i]
		in.Confidence, in.Object, in.From, in.Until = like.Confidence, like.Object, like.From, like.Until
		in.Value = strings.Clone(in.Value)
	}
}

// join adds what was read of a further part.
func (r *reading) join(o *reading) {
	r.indicators = append(r.indicators, o.indicators...)
	r.entries += o.entries
	r.unreadable += o.unreadable
	if r.firstBad == nil {
		r.firstBad = o.firstBad
	}
	for what, n := range o.ignored {
		if r.ignored == nil {
			r.ignored = map[string]int{}
		}
		if _, ok := r.ignored[what]; !ok && len(r.ignored) >= maxIgnored {
			what = "other"
		}
		r.ignored[what] += n
	}
	for id := range o.dropped {
		if r.dropped == nil {
			r.dropped = map[string]bool{}
		}
		r.dropped[id] = true
	}
}

// readList reads a value a line. What follows a value after a space, and # and ; with what
// follows, are comments.
func readList(b []byte, like Indicator) *reading {
	r := &reading{}
	for line := range bytes.Lines(b) {
		if i := bytes.IndexAny(line, "#;"); i >= 0 {
			line = line[:i]
		}
		f := bytes.Fields(line)
		if len(f) >= 3 && string(f[1]) == "-" { // 192.0.2.1 - 192.0.2.9
			if _, err := netip.ParseAddr(string(f[2])); err == nil {
				f[0] = bytes.Join(f[:3], nil)
			}
		}
		if len(f) > 0 {
			r.value(like, string(f[0]))
		}
	}
	return r
}

// readCSV reads the values of one column.
func readCSV(b []byte, column string, like Indicator) (*reading, error) {
	in := csv.NewReader(bytes.NewReader(b))
	in.Comment, in.FieldsPerRecord, in.ReuseRecord, in.TrimLeadingSpace = '#', -1, true, true
	r := &reading{}
	at, err := strconv.Atoi(column)
	if at--; err == nil && at < 0 {
		return nil, errNoColumn
	}
	if err != nil {
		head, err := in.Read()
		if err != nil {
			return nil, fmt.Errorf("no first line: %w", err)
		}
		if at = columnOf(head, column); at < 0 {
			return nil, fmt.Errorf("the first line has no column %q", column)
		}
	}
	for {
		rec, err := in.Read()
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return nil, err
		}
		if at >= len(rec) {
			r.entries++
			r.bad(fmt.Errorf("a line has only %d columns", len(rec)))
			continue
		}
		r.value(like, strings.TrimSpace(rec[at]))
	}
}

var errNoColumn = errors.New("columns are counted from 1")

func columnOf(head []string, name string) int {
	for i, h := range head {
		if strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")), name) {
			return i
		}
	}
	return -1
}
