// Package detecttest runs detectors over golden data.
//
// The data of a detector lie beside its test, in testdata/NAME (without the family) as *.txt: JSONL events
// as in docs/formats.md, lines that begin with #, and behind each event that raises findings a line for each:
//
//	=> high 0.90 key-1: 3 calls with key key-1 carried a signature that does not verify (burst).
//
// A file whose name begins with "positive" must raise something, one that begins with "near_miss" nothing;
// every detector has at least one of each. go test -rewrite writes the findings anew.
package detecttest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vedette"
	"vedette/detect"
	"vedette/sensor/capture"
)

var rewrite = flag.Bool("rewrite", false, "write the expected findings of golden files anew")

// Run holds the detector to its golden data, once for each number of shards, which must not matter.
func Run(t *testing.T, d *detect.Detector) {
	t.Helper()
	_, name, _ := strings.Cut(d.Name, ".")
	files, err := filepath.Glob(filepath.Join("testdata", name, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, file := range files {
		for _, kind := range []string{"positive", "near_miss"} {
			if strings.HasPrefix(filepath.Base(file), kind) {
				kinds[kind]++
				t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { golden(t, d, file, kind == "positive") })
			}
		}
	}
	if kinds["positive"] == 0 || kinds["near_miss"] == 0 || kinds["positive"]+kinds["near_miss"] != len(files) {
		t.Errorf("testdata/%s has %d positive and %d near_miss of %d files: want at least one of each, and no others", name, kinds["positive"], kinds["near_miss"], len(files))
	}
}

func golden(t *testing.T, d *detect.Detector, file string, positive bool) {
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var found int
	for _, shards := range []int{0, 1, 3} {
		var got []byte
		got, found = story(t, d, want, shards)
		if *rewrite && shards == 0 {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%s with %d shards: findings differ; go test -rewrite, and look at the difference\n%s", file, shards, difference(want, got))
		}
	}
	if positive != (found > 0) {
		t.Errorf("%s raised %d findings", file, found)
	}
}

// story runs a file's events and returns it with the findings that came.
func story(t *testing.T, d *detect.Detector, file []byte, shards int) (out []byte, found int) {
	byLine := map[uint64][]*vedette.Finding{}
	e, err := detect.New(detect.Config{Detectors: []*detect.Detector{d}, Shards: shards, Subjects: 1 << 10,
		Raise: func(f *vedette.Finding) {
			byLine[f.Evidence[len(f.Evidence)-1]] = append(byLine[f.Evidence[len(f.Evidence)-1]], f)
		}})
	if err != nil {
		t.Fatal(err)
	}
	lines, events := strings.SplitAfter(string(file), "\n"), 0
	for i, line := range lines {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		c, ok, err := capture.ParseJudged([]byte(line), false)
		if err != nil || !ok {
			t.Fatalf("line %d: %v", i+1, err)
		}
		e.Observe(uint64(i+1), c)
		events++
	}
	e.Close()
	if events == 0 {
		t.Error("the file has no events")
	}
	for i, line := range lines {
		if strings.HasPrefix(line, "=>") {
			continue
		}
		out = append(out, line...)
		for _, f := range byLine[uint64(i+1)] {
			out = fmt.Appendf(out, "=> %s %.2f %s: %s\n", f.Severity, f.Score, who(f), f.Summary)
			found++
		}
	}
	return out, found
}

func who(f *vedette.Finding) string {
	for _, s := range []string{f.Credential, f.Account, f.Owner, f.Source, f.JA4, f.Instrument} {
		if s != "" {
			return s
		}
	}
	return f.Venue
}

// difference returns the lines that are in one text only, in place.
func difference(want, got []byte) string {
	w, g := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for len(w) > 0 && len(g) > 0 && bytes.Equal(w[0], g[0]) {
		w, g = w[1:], g[1:]
	}
	for len(w) > 0 && len(g) > 0 && bytes.Equal(w[len(w)-1], g[len(g)-1]) {
		w, g = w[:len(w)-1], g[:len(g)-1]
	}
	return fmt.Sprintf("want:\n%s\ngot:\n%s", bytes.Join(w, []byte("\n")), bytes.Join(g, []byte("\n")))
}
