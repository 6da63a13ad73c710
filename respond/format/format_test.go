package format

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"vedette"
	"vedette/respond"
)

var rewrite = flag.Bool("rewrite", false, "write the expected outputs anew")

func events(t *testing.T) map[string]respond.Event {
	t.Helper()
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	out := map[string]respond.Event{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var e respond.Event
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[strings.TrimSuffix(filepath.Base(name), ".json")] = e
	}
	return out
}

func syslogOf(f Format) Format {
	return func(e respond.Event) []byte { return Syslog(e, "monitor-1", "4711", f) }
}

// TestGolden holds every format to the files in testdata, named EVENT.FORMAT.
func TestGolden(t *testing.T) {
	all := map[string]Format{"syslog": syslogOf(Text), "syslog-cef": syslogOf(CEF)}
	for name, f := range Named {
		all[name] = f
	}
	for name, e := range events(t) {
		for kind, f := range all {
			got := append(f(e), '\n')
			if strings.HasPrefix(string(got), "{") {
				var b bytes.Buffer
				if err := json.Indent(&b, got, "", " "); err != nil {
					t.Fatal(err)
				}
				got = b.Bytes()
			}
			file := filepath.Join("testdata", name+"."+kind)
			if *rewrite {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s:\n%s\nwant\n%s", file, got, want)
			}
		}
	}
}

// anyText makes texts that want escaping.
var anyText = rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("|=\\\"]['\n\r\x00\x1b\x7f \u0085\u2028\u202e\ufeffaé漢😀")), 0, 40, -1),
	rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))

func anyEvent(t *rapid.T) respond.Event {
	at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 5)
	text := func(name string) string { return anyText.Draw(t, name) }
	severity := vedette.Severity(rapid.IntRange(0, 4).Draw(t, "severity"))
	if rapid.Bool().Draw(t, "incident") {
		i := &vedette.Incident{ID: text("id"), Opened: at, Updated: at, From: at, To: at, State: vedette.IncidentState(rapid.IntRange(0, 3).Draw(t, "state")),
			Resolution: vedette.Resolution(rapid.IntRange(0, 3).Draw(t, "resolution")), Severity: severity, Title: text("title"), Assignee: text("assignee"), Findings: []string{text("finding")}, Tags: []string{text("tag")}}
		for _, kind := range []string{"credential", "account", "owner", "source", "ja4", "instrument", "venue"} {
			i.Subjects = append(i.Subjects, vedette.Subject{Kind: kind, ID: text(kind)})
		}
		return respond.OfIncident(i)
	}
	return respond.Of(&vedette.Finding{ID: text("id"), Detector: text("detector"), Time: at, From: at, To: at, Severity: severity, Score: rapid.Float64Range(0, 1).Draw(t, "score"),
		Venue: text("venue"), Credential: text("credential"), Account: text("account"), Owner: text("owner"), Source: text("source"), JA4: text("ja4"),
		Instrument: text("instrument"), Summary: text("summary"), Tags: []string{text("tag")}})
}

// TestAnything: whatever the texts hold, every format is valid UTF-8 and one line without control
// characters, JSON parses, and CEF and syslog read back, by the rules of their specifications, to
// what went in.
func TestAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent(t)
		for name, f := range Named {
			b := f(e)
			if !utf8.Valid(b) {
				t.Fatalf("%s: not UTF-8: %q", name, b)
			}
			if name != "json" && OneLine(string(b)) != string(b) { // JSON of our own escapes less, as JSON may
				t.Fatalf("%s: control characters in %q", name, b)
			}
			if bytes.ContainsAny(b, "\n\r") {
				t.Fatalf("%s: two lines in %q", name, b)
			}
			if b[0] == '{' && !json.Valid(b) {
				t.Fatalf("%s: %s", name, b)
			}
			if msg := checkSyslog(t, e, string(Syslog(e, "a host", "1", f))); b[0] == '{' && !json.Valid([]byte(msg)) {
				t.Fatalf("%s in syslog: %s", name, msg)
			}
		}
		checkOCSF(t, OCSF(e))
		checkSTIX(t, STIX(e))
		checkCEF(t, e, string(CEF(e)))
	})
}

type failer interface{ Fatalf(string, ...any) }

// TestGoldenChecked holds the golden files to what the specifications require.
func TestGoldenChecked(t *testing.T) {
	for _, e := range events(t) {
		if e.Proposal != nil { // has no form in either, and is not sent
			if string(OCSF(e)) != string(JSON(e)) || string(STIX(e)) != string(JSON(e)) {
				t.Errorf("a proposal is\n%s\nand\n%s", OCSF(e), STIX(e))
			}
			continue
		}
		checkOCSF(t, OCSF(e))
		checkSTIX(t, STIX(e))
		checkCEF(t, e, string(CEF(e)))
		checkSyslog(t, e, string(Syslog(e, "", "1", Text)))
	}
}
