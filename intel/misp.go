package intel

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"vedette"
)

// misp reads the events of a feed that changed, and keeps the indicators of the others.
func (f *fetch) misp(ctx context.Context, next *copyOf) (*reading, error) {
	url, file := f.inFolder("manifest.json")
	b, err := f.first(ctx, next, url, file, maxBody)
	if err != nil {
		return nil, err
	}
	if next.State, err = readManifest(b); err != nil {
		return nil, suspect(Unreadable, "manifest.json: %v", err)
	}
	old := map[string]string{}
	if f.last != nil {
		old = f.last.State
		for _, in := range f.last.indicators {
			if t, ok := next.State[in.Object]; ok && t == old[in.Object] {
				next.indicators = append(next.indicators, in)
			}
		}
	}
	all := &reading{}
	for _, id := range slices.Sorted(maps.Keys(next.State)) {
		if t, ok := old[id]; ok && t == next.State[id] {
			continue
		}
		r, err := f.event(ctx, id)
		if err != nil {
			return nil, err
		}
		if all.join(r); len(all.indicators) > maxIndicators {
			return nil, suspect(TooLarge, "over %d indicators", maxIndicators)
		}
	}
	return all, nil
}

// inFolder returns where a file of the feed is.
func (f *fetch) inFolder(name string) (url, file string) {
	if f.URL != "" {
		return strings.TrimSuffix(f.URL, "/") + "/" + name, ""
	}
	return "", filepath.Join(f.File, name)
}

// event reads one event of the feed.
func (f *fetch) event(ctx context.Context, id string) (*reading, error) {
	url, file := f.inFolder(id + ".json")
	b, _, err := f.read(ctx, url, file, "", maxBody, false)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", id, err)
	}
	if !utf8.Valid(b) {
		return nil, suspect(BadEncoding, "event %s is not UTF-8", id)
	}
	like := f.like()
	like.Object = id
	r, err := readEvent(b, like)
	if err != nil {
		return nil, suspect(Unreadable, "event %s: %v", id, err)
	}
	return r, nil
}

// mispManifest is what is read of a MISP feed's manifest.json: its events by UUID.
type mispManifest map[string]struct {
	Timestamp json.RawMessage `json:"timestamp"` // a number, or one in quotes
}

// readManifest returns the events of a feed with their times of change, as text.
func readManifest(b []byte) (map[string]string, error) {
	var m mispManifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	if len(m) > maxEvents {
		return nil, fmt.Errorf("%d events, over %d", len(m), maxEvents)
	}
	out := make(map[string]string, len(m))
	for id, e := range m {
		if !isUUID(id) {
			return nil, fmt.Errorf("event %s has no UUID for a name", short(id))
		}
		out[id] = strings.Trim(string(e.Timestamp), `"`)
	}
	return out, nil
}

// isUUID keeps what would lead elsewhere out of paths.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		hexDigit := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !hexDigit {
			return false
		}
	}
	return true
}

type mispAttribute struct {
	Type     string `json:"type"`
	Relation string `json:"object_relation"`
	Value    string `json:"value"`
	ToIDS    bool   `json:"to_ids"` // fit for detection
	Deleted  bool   `json:"deleted"`
}

// readEvent reads an event of a MISP feed.
func readEvent(b []byte, like Indicator) (*reading, error) {
	var doc struct {
		Event *struct {
			UUID       string          `json:"uuid"`
			Attributes []mispAttribute `json:"Attribute"`
			Objects    []struct {
				Name       string          `json:"name"`
				Deleted    bool            `json:"deleted"`
				Attributes []mispAttribute `json:"Attribute"`
			} `json:"Object"`
		} `json:"Event"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	if doc.Event == nil {
		return nil, fmt.Errorf("it has no member Event")
	}
	r := &reading{}
	for i := range doc.Event.Attributes {
		r.attribute(&doc.Event.Attributes[i], "", like)
	}
	for _, o := range doc.Event.Objects {
		for i := range o.Attributes {
			a := &o.Attributes[i]
			a.Deleted = a.Deleted || o.Deleted
			r.attribute(a, o.Name, like)
		}
	}
	return r, nil
}

// attribute takes in an attribute, of an object of that name if it is in one.
func (r *reading) attribute(a *mispAttribute, object string, like Indicator) {
	value := a.Value
	switch {
	case a.Deleted:
		r.ignore("deleted attribute")
		return
	case !a.ToIDS:
		r.ignore("attribute not for detection")
		return
	case a.Type == "ip-src" || a.Type == "ip-dst":
		like.Kind = vedette.IndicatorAddress
	case a.Type == "ip-src|port" || a.Type == "ip-dst|port":
		like.Kind = vedette.IndicatorAddress
		value, _, _ = strings.Cut(value, "|")
	case a.Type == "AS":
		like.Kind = vedette.IndicatorASN
	case a.Type == "btc" || a.Type == "xmr" || a.Type == "dash" || object == "coin-address" && strings.HasPrefix(a.Relation, "address"):
		like.Kind = vedette.IndicatorWallet
	case a.Type == "ja4" || a.Relation == "ja4" || a.Relation == "ja4-fingerprint":
		like.Kind = vedette.IndicatorJA4
	default:
		r.ignore(a.Type)
		return
	}
	r.value(like, value)
}
