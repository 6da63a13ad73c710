package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/pipeline"
	"vedette/sensor/capture"
)

func operations() []vedette.Operation {
	list := make([]vedette.Operation, vedette.Operations)
	for i := range list {
		list[i] = vedette.Operation(i)
	}
	return list
}

func permission(p vedette.Permission) string {
	for i, n := range vedette.PermissionNames {
		if p == 1<<i {
			return n
		}
	}
	return fmt.Sprint(p)
}

// fill sets every field to something that is not empty.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1767614400, 5)))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("192.0.2.1:4711")))
		return
	case vedette.Decimal:
		v.Set(reflect.ValueOf(vedette.NewDecimal(15, 1)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(5000)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	default:
		panic("BUG: fill does not know " + v.Type().String())
	}
}

func names(t *testing.T, object []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(object))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, name.(string))
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestCallMembers: the table of a call is what AppendCall writes of a call that has
// everything, with what the pipeline adds about the body.
func TestCallMembers(t *testing.T) {
	var c vedette.Call
	fill(reflect.ValueOf(&c).Elem())
	want := names(t, vedette.AppendCall(nil, &c))
	for _, m := range regexp.MustCompile(`member\("([a-z0-9_]*)"\)`).FindAllStringSubmatch(read(t, "../pipeline/body.go"), -1) {
		want = append(want, "query"+m[1], "body"+m[1])
	}
	want = append(want, "clipped")
	same(t, "call", rows(section(t, "formats.md", "### call"), "member"), want)
}

// TestMembers: the other tables are those of the types.
func TestMembers(t *testing.T) {
	f := func(heading, head, file, typ string) {
		t.Helper()
		same(t, heading, rows(section(t, "formats.md", heading), head), members(t, file, typ))
	}
	f("### JSONL: the event `request`", "member", "sensor/capture/lines.go", "Line")
	f("### JSONL: the event `request`", "member of `messages`", "sensor/capture/lines.go", "LineMessage")
	f("### JSONL: the event `request`", "member of `answer`", "sensor/capture/lines.go", "LineAnswer")
	f("## What `check` prints", "member", "cmd/vedette/check.go", "checked")
	f("### action", "member", "pipeline/findings.go", "Action")
	f("### Restriction", "member", "restriction.go", "Restriction")
	f("## Finding", "member", "finding.go", "Finding")
	f("## Incident", "member", "incident.go", "Incident")
	f("## What `demo -json` ends with", "member", "cmd/vedette/demo.go", "outcome")
	f("## What `demo -json` ends with", "member of `injected`", "cmd/vedette/demo.go", "injectedResult")
	f("## What `key list -json` prints", "member", "cmd/vedette/key.go", "listed")
}

// TestRecordedBlocks: capture reads the examples of what it reads.
func TestRecordedBlocks(t *testing.T) {
	for _, kind := range []string{"jsonl request", "json har"} {
		for _, b := range blocks(t, kind) {
			n := 0
			if err := capture.Read(strings.NewReader(b.text), func(*capture.Unit) error { n++; return nil }); err != nil || n == 0 {
				t.Errorf("%s:%d: %d units, %v", b.file, b.line, n, err)
			}
		}
	}
}

// TestExamples: the other examples have no member that their type has not.
func TestExamples(t *testing.T) {
	for kind, into := range map[string]func() any{
		"json finding":  func() any { return &vedette.Finding{} },
		"json incident": func() any { return &vedette.Incident{} },
		"json action": func() any {
			return &struct {
				pipeline.Action
				Detail vedette.Restriction
			}{}
		},
		"json call": func() any { return &map[string]any{} },
		"json gap":  func() any { return &map[string]any{} },
	} {
		for _, b := range blocks(t, kind) {
			dec := json.NewDecoder(strings.NewReader(b.text))
			dec.DisallowUnknownFields()
			v := into()
			if err := dec.Decode(v); err != nil {
				t.Errorf("%s:%d: %v", b.file, b.line, err)
			}
			if m, ok := v.(*map[string]any); ok {
				listed := rows(section(t, "formats.md", "### "+strings.TrimPrefix(kind, "json ")), "member")
				for name := range *m {
					if listed[name] == "" {
						t.Errorf("%s:%d: member %q is not in the table", b.file, b.line, name)
					}
				}
			}
		}
	}
}

// TestGapMembers: a gap is written as its table says.
func TestGapMembers(t *testing.T) {
	var gap []byte
	m, err := pipeline.New(pipeline.Config{Log: logTo(&gap), Inline: true})
	if err != nil {
		t.Fatal(err)
	}
	m.Gap("x", 1, "y")
	m.Close()
	same(t, "gap", rows(section(t, "formats.md", "### gap"), "member"), names(t, gap))
}
