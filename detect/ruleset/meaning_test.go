package ruleset

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/detect"
)

// A rule that was edited without a new version begins anew, even where what it keeps has the same size; its
// neighbour goes on.
func TestEditedRuleBeginsAnew(t *testing.T) {
	other := strings.Replace(strings.TrimPrefix(whole, "rules:\n"), "a.b", "a.other", 1)
	got := func(edited string) (found []string) {
		rules := func(doc string) []*detect.Detector {
			set, err := Parse("x.yaml", []byte(doc+other))
			if err != nil {
				t.Fatal(err)
			}
			return set.Detectors()
		}
		engine := func(list []*detect.Detector) *detect.Engine {
			e, err := detect.New(detect.Config{Detectors: list, Raise: func(f *vedette.Finding) { found = append(found, f.Detector) }})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
		order := func(e *detect.Engine, n uint64) {
			e.Observe(n, &vedette.Call{Time: at.Add(time.Duration(n) * time.Second), Venue: "binance", Credential: "k", Account: "a",
				Verdict: vedette.Authentic, Action: vedette.Action{Operation: vedette.OpOrderNew}})
		}
		before := engine(rules(whole))
		order(before, 1)
		order(before, 2)
		var state bytes.Buffer
		if _, err := before.Snapshot(&state); err != nil {
			t.Fatal(err)
		}
		after := engine(rules(edited))
		if _, err := after.Restore(&state); err != nil {
			t.Fatal(err)
		}
		order(after, 3)
		return found
	}
	both, fresh := []string{"a.b", "a.other"}, []string{"a.other"}
	try := func(old, new string, want []string) {
		t.Helper()
		doc := strings.Replace(whole, old, new, 1)
		if found := got(doc); !reflect.DeepEqual(found, want) {
			t.Errorf("%q instead of %q: %v, want %v", new, old, found, want)
		}
	}
	try("title: T", "title: Other words", both)
	try("severity: low", "severity: high", both)
	try("within: 1m", "within: 60s", both)
	try("match: operation == 'order.new'", "match: operation == 'order.new' && status == 0", fresh)
	try("within: 1m", "within: 2m", fresh)
	try("at_least: 3", "at_least: 2", fresh)
	try("by: credential", "by: account", fresh)
	try("by: credential", "by: credential\n    parts: true", fresh)
}

// What a rule counts is its meaning, in every form that there is.
func TestMeaning(t *testing.T) {
	const rest = `rules:
  - {id: a.b, title: T, why: W, look: L, severity: low, by: account, match: operation == 'order.new', `
	forms := []string{"within: 1h, count: true, at_least: 9}", "within: 1h, sum: quantity, at_least: 9}", "within: 1h, sum: price, at_least: 9}",
		"value: price, at_least: 9}", "value: price, above: 5x own p99 over 7d, learn: 1d}", "value: price, above: 5x own mean over 7d, learn: 1d}",
		"value: price, above: 5x own mean over 6d, learn: 1d}", "value: price, above: 5x own mean over 6d, learn: 2d}",
		"within: 1h, ratio: {of: status == 429, least: 9}, at_least: 0.5}", "within: 1h, ratio: {of: status == 429, least: 8}, at_least: 0.5}",
		"within: 1h, ratio: {of: status == 403, least: 8}, at_least: 0.5}",
		"within: 1h, distinct: instrument, at_least: 5}", "within: 1h, distinct: client, at_least: 5}", "within: 1h, distinct: client, at_least: 5, cap: 6}",
		"within: 1h, first_seen: client, cap: 6, learn: 1d}", "within: 1h, first_seen: client, cap: 7, learn: 1d}",
		"within: 1h, sequence: [{match: status == 403}, {match: status == 200}]}", "within: 1h, sequence: [{match: status == 403, times: 2}, {match: status == 200}]}",
		"within: 1h, sequence: [{match: status == 403}, {not: status == 200}]}"}
	seen := map[uint64]string{}
	for _, form := range forms {
		set, err := Parse("x.yaml", []byte(rest+form+"\n"))
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		m := set.Rules[0].Detector.Meaning
		if other, ok := seen[m]; ok || m == 0 {
			t.Errorf("%s means the same as %s", form, other)
		}
		seen[m] = form
	}
}
