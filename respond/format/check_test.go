package format

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"vedette/respond"
)

// The checks below hold outputs to the attributes that the published schemas call required, to
// their constraints, types and enumerations, as far as we write them: OCSF 1.3.0 (events/findings,
// objects of schema.ocsf.io) and STIX 2.1 (OASIS standard, sections 3 to 6). They are no
// validator of whole schemas: attributes that we do not write are not known to them.

type need struct {
	name string
	ok   func(any) bool
}

func text(v any) bool   { s, ok := v.(string); return ok && s != "" }
func anyStr(v any) bool { _, ok := v.(string); return ok }
func whole(v any) bool  { f, ok := v.(float64); return ok && f == float64(int64(f)) }
func oneOf(list ...float64) func(any) bool {
	return func(v any) bool { f, ok := v.(float64); return ok && slices.Contains(list, f) }
}

func holds(t failer, where string, v any, needs ...need) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%s is no object: %v", where, v)
	}
	for _, n := range needs {
		if x, ok := m[n.name]; !ok || !n.ok(x) {
			t.Fatalf("%s: %s is %v", where, n.name, x)
		}
	}
	return m
}

func checkOCSF(t failer, b []byte) {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	o := holds(t, "event", v, need{"activity_id", oneOf(0, 1, 2, 3, 99)}, need{"category_uid", oneOf(2)}, need{"class_uid", oneOf(2004, 2005)},
		need{"type_uid", whole}, need{"severity_id", oneOf(0, 1, 2, 3, 4, 5, 6, 99)}, need{"time", whole},
		need{"metadata", func(v any) bool {
			m := holds(t, "metadata", v, need{"version", func(v any) bool { return v == "1.3.0" }})
			holds(t, "product", m["product"], need{"vendor_name", text}, need{"name", text})
			return true
		}})
	if o["type_uid"].(float64) != o["class_uid"].(float64)*100+o["activity_id"].(float64) {
		t.Fatalf("type_uid %v of class %v, activity %v", o["type_uid"], o["class_uid"], o["activity_id"])
	}
	known := []string{"activity_id", "activity_name", "category_name", "category_uid", "class_name", "class_uid", "end_time", "message", "metadata", "severity",
		"severity_id", "start_time", "status", "status_id", "time", "type_name", "type_uid", "unmapped"}
	if o["class_uid"] == 2004.0 {
		known = append(known, "confidence_score", "evidences", "finding_info", "is_alert", "resources", "risk_score")
		f := holds(t, "finding_info", o["finding_info"], need{"uid", anyStr}, need{"title", anyStr})
		holds(t, "analytic", f["analytic"], need{"type_id", oneOf(0, 1, 2, 3, 4, 99)})
		holds(t, "event", v, need{"status_id", oneOf(0, 1, 2, 3, 4, 5, 6, 99)}, need{"confidence_score", whole}, need{"risk_score", whole})
		for _, x := range o["evidences"].([]any) { // at least one of these
			if e := holds(t, "evidence", x); e["data"] == nil && e["src_endpoint"] == nil {
				t.Fatalf("empty evidence in %s", b)
			}
		}
	} else {
		known = append(known, "assignee", "assignee_group", "desc", "finding_info_list", "verdict_id")
		holds(t, "event", v, need{"status_id", oneOf(0, 1, 2, 3, 4, 5, 99)}, need{"finding_info_list", func(v any) bool {
			for _, x := range v.([]any) {
				holds(t, "finding_info", x, need{"uid", anyStr}, need{"title", anyStr})
			}
			return true
		}})
		if o["assignee"] == nil && o["assignee_group"] == nil {
			t.Fatalf("neither assignee nor assignee_group in %s", b)
		}
		if x, ok := o["verdict_id"]; ok && !oneOf(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99)(x) {
			t.Fatalf("verdict_id %v", x)
		}
	}
	for name := range o {
		if !slices.Contains(known, name) {
			t.Fatalf("the class %v has no attribute %s", o["class_uid"], name)
		}
	}
}

var stixID = regexp.MustCompile(`^([a-z0-9-]+)--[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func checkSTIX(t failer, b []byte) {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	isTime := func(v any) bool { _, err := time.Parse("2006-01-02T15:04:05.000Z", v.(string)); return err == nil }
	bundle := holds(t, "bundle", v, need{"type", func(v any) bool { return v == "bundle" }}, need{"id", text}, need{"objects", func(v any) bool { return len(v.([]any)) > 0 }})
	ids, kinds := map[string]bool{}, map[string]int{}
	objects := bundle["objects"].([]any)
	for _, x := range objects {
		o := holds(t, "object", x, need{"type", text}, need{"id", text}, need{"spec_version", func(v any) bool { return v == "2.1" }})
		if m := stixID.FindStringSubmatch(o["id"].(string)); m == nil || m[1] != o["type"] {
			t.Fatalf("id %v of a %v", o["id"], o["type"])
		}
		ids[o["id"].(string)] = true
		kinds[o["type"].(string)]++
	}
	refer := func(v any) bool { return ids[v.(string)] }
	refers := func(v any) bool {
		list := v.([]any)
		return len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool { return !refer(v) })
	}
	for _, x := range objects {
		o := x.(map[string]any)
		kind := o["type"].(string)
		if !slices.Contains([]string{"ipv4-addr", "ipv6-addr", "user-account", "software"}, kind) {
			holds(t, kind, o, need{"created", isTime}, need{"modified", isTime})
		}
		switch kind {
		case "identity":
			holds(t, kind, o, need{"name", text}, need{"identity_class", func(v any) bool { return v == "system" }})
		case "indicator":
			holds(t, kind, o, need{"pattern", func(v any) bool { return text(v) && stixPattern(v.(string)) }}, need{"pattern_type", func(v any) bool { return v == "stix" }}, need{"valid_from", isTime},
				need{"indicator_types", func(v any) bool { return v.([]any)[0] == "anomalous-activity" }})
		case "observed-data":
			holds(t, kind, o, need{"first_observed", isTime}, need{"last_observed", isTime}, need{"number_observed", whole}, need{"object_refs", refers})
		case "sighting":
			holds(t, kind, o, need{"sighting_of_ref", refer}, need{"observed_data_refs", refers}, need{"where_sighted_refs", refers}, need{"count", whole})
		case "ipv4-addr", "ipv6-addr":
			holds(t, kind, o, need{"value", func(v any) bool {
				_, err := netip.ParsePrefix(v.(string))
				_, err2 := netip.ParseAddr(v.(string))
				return err == nil || err2 == nil
			}})
		case "user-account":
			holds(t, kind, o, need{"user_id", anyStr})
		case "software":
			holds(t, kind, o, need{"name", anyStr})
		default:
			t.Fatalf("an object of type %s", kind)
		}
	}
	for _, kind := range []string{"identity", "indicator", "observed-data", "sighting"} {
		if kinds[kind] != 1 {
			t.Fatalf("%d objects of type %s", kinds[kind], kind)
		}
	}
}

// stixPattern reports whether s is comparisons in brackets, joined by AND, with whole strings.
func stixPattern(s string) bool {
	const test = `[a-z0-9-]+:[a-z_]+ = '(?:[^'\\]|\\['\\])*'`
	return regexp.MustCompile(`^\[` + test + `(?: AND ` + test + `)*\](?: AND \[` + test + `(?: AND ` + test + `)*\])*$`).MatchString(s)
}

// checkCEF splits the line at unescaped pipes and equals signs and compares.
func checkCEF(t failer, e respond.Event, line string) {
	var head []string
	rest := line
	for len(head) < 7 {
		i := 0
		var field strings.Builder
		for ; i < len(rest) && rest[i] != '|'; i++ {
			if rest[i] == '\\' {
				if i++; i == len(rest) || rest[i] != '\\' && rest[i] != '|' {
					t.Fatalf("wrong escape in the header of %q", line)
				}
			}
			field.WriteByte(rest[i])
		}
		if i == len(rest) {
			t.Fatalf("only %d fields in the header of %q", len(head), line)
		}
		head, rest = append(head, field.String()), rest[i+1:]
	}
	if n, err := strconv.Atoi(head[6]); head[0] != "CEF:0" || head[5] != Clip(OneLine(e.Words()), 512) || err != nil || n < 0 || n > 10 {
		t.Fatalf("header %q of %q", head, line)
	}
	// A value ends where an unescaped equals sign follows: the word before that is the next key.
	got := map[string]string{}
	key, value := "", ""
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\':
			if i++; i == len(rest) || rest[i] != '\\' && rest[i] != '=' {
				t.Fatalf("wrong escape in %q", rest)
			}
			value += rest[i : i+1]
		case c == '=':
			before, next, ok := cutLast(value)
			if !ok && key != "" {
				t.Fatalf("no key before the equals sign at %d of %q", i, rest)
			}
			if key != "" {
				got[key] = before
			}
			key, value = next, ""
		default:
			value += rest[i : i+1]
		}
	}
	got[key] = value
	if want := Clip(OneLine(e.Words()), 1023); got["msg"] != want {
		t.Fatalf("msg %q, want %q in %q", got["msg"], want, line)
	}
	if want := Clip(OneLine(e.ID()), 128); got["externalId"] != want && want != "" {
		t.Fatalf("externalId %q, want %q", got["externalId"], want)
	}
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// checkSyslog reads the message by the grammar of RFC 5424 and returns what follows the
// structured data.
func checkSyslog(t failer, e respond.Event, line string) (msg string) {
	m := regexp.MustCompile(`^<(\d{1,3})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) \[([!#-<>-\\^-~]{1,32})`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("header of %q", line)
	}
	if pri, _ := strconv.Atoi(m[1]); pri > 191 || pri/8 != 4 {
		t.Fatalf("priority %s", m[1])
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000000Z", m[2]); err != nil {
		t.Fatalf("%v", err)
	}
	rest, got := line[len(m[0]):], map[string]string{}
	for strings.HasPrefix(rest, " ") {
		p := regexp.MustCompile(`^ ([!#-<>-\\^-~]{1,32})="((?:[^"\\\]]|\\["\\\]])*)"`).FindStringSubmatch(rest)
		if p == nil {
			t.Fatalf("structured data %q", rest)
		}
		got[p[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\]`, `]`).Replace(p[2])
		rest = rest[len(p[0]):]
	}
	msg, ok := strings.CutPrefix(rest, "] ")
	if !ok {
		t.Fatalf("structured data ends with %q", rest)
	}
	if want := Clip(OneLine(e.ID()), maxParam); got["id"] != want {
		t.Fatalf("id %q, want %q", got["id"], want)
	}
	mark := strings.HasPrefix(msg, "\ufeff")
	if ascii(strings.TrimPrefix(msg, "\ufeff")) == mark || !utf8.ValidString(msg) {
		t.Fatalf("byte order mark: %v before %q", mark, msg)
	}
	return msg
}
