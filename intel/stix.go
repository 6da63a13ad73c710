package intel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"vedette"
)

// stixObject is what is read of an object of STIX 2.1.
type stixObject struct {
	Type        string     `json:"type"`
	ID          string     `json:"id"`
	Pattern     string     `json:"pattern"`
	PatternType string     `json:"pattern_type"`
	ValidFrom   time.Time  `json:"valid_from"`
	ValidUntil  *time.Time `json:"valid_until"`
	Confidence  *int       `json:"confidence"`
	Revoked     bool       `json:"revoked"`
	Modified    time.Time  `json:"modified"`
}

// readBundle reads a STIX 2.1 bundle.
func readBundle(b []byte, like Indicator) (*reading, error) {
	return readObjects(b, like, "bundle")
}

// readObjects reads a document whose member objects is a list of STIX objects: a bundle,
// or, where want is "", the envelope of a TAXII server. Of several versions of an object
// the newest counts.
func readObjects(b []byte, like Indicator, want string) (*reading, error) {
	var doc struct {
		Type    string            `json:"type"`
		Objects []json.RawMessage `json:"objects"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the document")
	}
	if doc.Type != want {
		return nil, fmt.Errorf("type is %s, want %q", short(doc.Type), want)
	}
	r := &reading{dropped: map[string]bool{}}
	newest := map[string]stixObject{}
	var order []string
	for _, raw := range doc.Objects {
		var o stixObject
		if err := json.Unmarshal(raw, &o); err != nil {
			r.entries++
			r.bad(fmt.Errorf("cannot read an object: %w", err))
			continue
		}
		if o.Type != "indicator" {
			r.ignore(o.Type)
			continue
		}
		old, ok := newest[o.ID]
		if !ok {
			order = append(order, o.ID)
		}
		if !ok || !o.Modified.Before(old.Modified) {
			newest[o.ID] = o
		}
	}
	for _, id := range order {
		o := newest[id]
		r.object(&o, like)
	}
	return r, nil
}

// object takes in an indicator object.
func (r *reading) object(o *stixObject, like Indicator) {
	like.Object = o.ID
	switch {
	case !goodID(o.ID) || o.Confidence != nil && (*o.Confidence < 0 || *o.Confidence > 100):
		r.entries++
		r.bad(fmt.Errorf("indicator %s: its id or confidence cannot be", short(o.ID)))
		return
	case o.Revoked:
		r.dropped[o.ID] = true
		r.ignore("revoked indicator")
		return
	case o.PatternType != "stix":
		r.ignore("pattern of type " + o.PatternType)
		return
	}
	if o.Confidence != nil {
		like.Confidence = uint8(*o.Confidence)
	}
	if !o.ValidFrom.IsZero() {
		like.From = o.ValidFrom.Unix()
	}
	if o.ValidUntil != nil {
		if like.Until = o.ValidUntil.Unix(); like.Until <= max(like.From, 0) {
			r.entries++
			r.bad(fmt.Errorf("indicator %s: valid_until is not after valid_from", short(o.ID)))
			return
		}
	}
	terms, combined, err := readPattern(o.Pattern)
	if err != nil {
		r.entries++
		r.bad(fmt.Errorf("indicator %s: %w", short(o.ID), err))
		return
	}
	if combined {
		r.ignore("combination in a pattern")
	}
	r.dropped[o.ID] = true // what an earlier version of it said
	for _, t := range terms {
		if like.Kind = t.kind(); like.Kind == vedette.IndicatorNone {
			r.ignore(t.object)
			continue
		}
		r.value(like, t.value)
	}
}

// goodID reports whether an object's id can be kept in a line of text.
func goodID(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxObject
}
