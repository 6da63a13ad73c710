package format

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"vedette"
	"vedette/respond"
)

// Name spaces of version 5 UUIDs (RFC 9562). That of cyber-observable objects is the
// specification's (STIX 2.1, section 2.9), that of all others must be another.
var (
	stixObservables = [16]byte{0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7}
	stixOwn         = [16]byte{0x6d, 0x1e, 0x0b, 0x5a, 0x33, 0xc4, 0x4f, 0x0e, 0x8a, 0x52, 0x9b, 0x07, 0xe1, 0xd4, 0x70, 0x2c}
)

// stixEpoch is when the identity of this program was made; an id must keep it.
const stixEpoch = "2026-01-01T00:00:00.000Z"

// STIX writes a bundle of STIX 2.1 (OASIS): an indicator for what the event names, the data that was
// observed, and the sighting that ties them. The same event gives the same ids. What is only proposed is no sighting: that
// stays JSON.
func STIX(e respond.Event) []byte {
	if e.Proposal != nil {
		return JSON(e)
	}
	id := func(kind string) string { return kind + "--" + uuid5(stixOwn, kind+" "+e.ID()) }
	at := stamp(e.Time())
	from, to := span(e)
	own := object{"type": "identity", "spec_version": "2.1", "id": "identity--" + uuid5(stixOwn, "vedette"), "created": stixEpoch,
		"modified": stixEpoch, "name": "Vedette", "identity_class": "system"}
	about := func(kind string) object {
		o := object{"type": kind, "spec_version": "2.1", "id": id(kind), "created": at, "modified": at, "created_by_ref": own["id"], "confidence": percent(e.Risk)}
		if tags := valids(e.Tags()); len(tags) > 0 {
			o["labels"] = tags
		}
		return o
	}
	seen, pattern := stixSeen(e)
	var refs []string
	for _, o := range seen {
		refs = append(refs, o["id"].(string))
	}
	indicator := about("indicator")
	indicator["name"], indicator["description"] = valid(kindOf(e)), valid(e.Words())
	indicator["indicator_types"] = []string{"anomalous-activity"}
	indicator["pattern"], indicator["pattern_type"], indicator["valid_from"] = pattern, "stix", stamp(from)
	count := 1
	if e.Incident != nil {
		count = max(1, min(e.Incident.Count, 999_999_999))
	}
	observed := about("observed-data")
	observed["first_observed"], observed["last_observed"], observed["number_observed"], observed["object_refs"] = stamp(from), stamp(to), count, refs
	sighting := about("sighting")
	sighting["first_seen"], sighting["last_seen"], sighting["count"] = stamp(from), stamp(to), count
	sighting["sighting_of_ref"], sighting["observed_data_refs"] = indicator["id"], []any{observed["id"]}
	sighting["where_sighted_refs"] = []any{own["id"]}
	objects := append([]object{own}, seen...)
	return encode(object{"type": "bundle", "id": id("bundle"), "objects": append(objects, indicator, observed, sighting)})
}

// stixSeen returns what was observed as cyber-observable objects, and the pattern that
// matches all of it.
func stixSeen(e respond.Event) (seen []object, pattern string) {
	var tests []string
	for _, s := range e.Subjects() {
		kind, name, extra := stixKind(s)
		if kind == "" {
			continue
		}
		v := valid(s.ID)
		o := object{"type": kind, "spec_version": "2.1", name: v}
		key := "{" + canonical(name) + ":" + canonical(v) + "}"
		test := fmt.Sprintf("[%s:%s = %s]", kind, name, stixText(v))
		if extra != "" {
			o["account_type"] = extra
			key = `{"account_type":` + canonical(extra) + "," + key[1:]
			test = fmt.Sprintf("[%s:account_type = %s AND %s:%s = %s]", kind, stixText(extra), kind, name, stixText(v))
		}
		o["id"] = kind + "--" + uuid5(stixObservables, key)
		seen, tests = append(seen, o), append(tests, test)
	}
	if len(seen) == 0 { // the specification wants one at least
		return stixSeen(respond.Event{Incident: &vedette.Incident{Subjects: []vedette.Subject{{Kind: "venue", ID: "unknown"}}}})
	}
	return seen, strings.Join(tests, " AND ")
}

// stixKind returns the object type for a subject, its property, and an account's type. A range
// of addresses is an address object: its value may be in CIDR notation.
func stixKind(s vedette.Subject) (kind, property, account string) {
	switch s.Kind {
	case "source":
		text, _, _ := strings.Cut(s.ID, "/")
		switch a, err := netip.ParseAddr(text); {
		case err != nil:
			return "", "", ""
		case a.Is4():
			return "ipv4-addr", "value", ""
		}
		return "ipv6-addr", "value", ""
	case "credential", "account", "owner":
		return "user-account", "user_id", "trading-" + s.Kind
	case "ja4", "instrument", "venue":
		return "software", "name", ""
	}
	return "", "", ""
}

// stixText is a string of the pattern language.
func stixText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// canonical is a JSON string as RFC 8785 writes it; s has no control characters.
func canonical(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// uuid5 returns the version 5 UUID of a name (RFC 9562, section 5.5).
func uuid5(space [16]byte, name string) string {
	h := sha1.Sum(append(space[:], name...))
	h[6], h[8] = h[6]&0x0f|0x50, h[8]&0x3f|0x80
	x := hex.EncodeToString(h[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
