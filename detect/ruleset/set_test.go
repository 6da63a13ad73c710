package ruleset

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("b.yaml", whole)
	put("a.yml", strings.ReplaceAll(whole, "a.b", "a.a"))
	put("notes.txt", "not a rule")
	set, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Rules) != 2 || set.Rules[0].ID != "a.a" || set.Rules[1].ID != "a.b" {
		t.Errorf("rules %v", set.Rules)
	}
	if r := set.Rule("a.b"); r.File != filepath.Join(dir, "b.yaml") || r.Line != 2 {
		t.Errorf("a.b is from %s:%d", r.File, r.Line)
	}

	// One bad rule, and there is no set; the error has every one.
	put("c.yaml", strings.ReplaceAll(strings.ReplaceAll(whole, "a.b", "c.c"), "low", "none"))
	put("d.yaml", whole)
	if set, err = Load(dir); set != nil || err == nil || !strings.Contains(err.Error(), "c.yaml: line 6, column 15: rule c.c") || !strings.Contains(err.Error(), "d.yaml: line 2, column 9: rule a.b: the id is taken") {
		t.Errorf("%v: %v", set, err)
	}
	if _, err := Load(filepath.Join(dir, "none.yaml")); err == nil {
		t.Error("a file that is not there was read")
	}
}

// TestWith: a site replaces and disables rules of the pack.
func TestWith(t *testing.T) {
	pack := defaults(t)
	own, err := Parse("own.yaml", []byte(strings.Replace(whole, "a.b", "limit.reject_storm\n    enabled: false\n    response: call-desk", 1)))
	if err != nil {
		t.Fatal(err)
	}
	set := pack.With(own)
	if len(set.Rules) != len(pack.Rules) || len(set.Detectors()) != len(pack.Detectors())-1 {
		t.Errorf("%d rules and %d detectors, of %d and %d", len(set.Rules), len(set.Detectors()), len(pack.Rules), len(pack.Detectors()))
	}
	if got := set.Response("limit.reject_storm"); got != "call-desk" {
		t.Errorf("response %q", got)
	}
	if got := pack.Response("limit.reject_storm"); got != "" {
		t.Errorf("the pack itself was changed: %q", got)
	}
	if got := set.Response("no.such"); got != "" {
		t.Errorf("response %q to no rule", got)
	}
}

// TestPackCost bounds what the pack keeps: with a million keys and accounts it is some 3 GiB.
func TestPackCost(t *testing.T) {
	for by, n := range defaults(t).Cost() {
		t.Logf("%s: %d bytes", by, n)
		if n > 2048 {
			t.Errorf("the pack keeps %d bytes for each %s", n, by)
		}
	}
}

// TestSteps holds sequences to their order.
func TestSteps(t *testing.T) {
	try := func(steps, events string, want int) {
		t.Helper()
		var list strings.Builder
		for _, e := range strings.Fields(events) {
			op, after, _ := strings.Cut(e, "+")
			if after == "" {
				after = "1s"
			}
			list.WriteString("{operation: " + map[string]string{"A": "order.new", "B": "order.cancel", "C": "withdraw", "x": "market.read"}[op] + ", after: " + after + "},")
		}
		steps = strings.NewReplacer("A", "operation == 'order.new'", "B", "operation == 'order.cancel'", "C", "operation == 'withdraw'").Replace(steps)
		doc := `{rules: [{id: a.b, title: T, why: W, look: L, severity: low, by: credential, quiet: 1ms, within: 10s, sequence: [` + steps + `],
  tests: [{events: [` + list.String() + `], want: [` + strings.TrimSuffix(strings.Repeat("key-1,", want), ",") + `]}]}]}`
		set, err := Parse("x.yaml", []byte(doc))
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if res := set.Rules[0].Test(parse)[0]; res.Err != nil {
			t.Errorf("%s: %s: %v", steps, events, res.Err)
		}
	}
	try("{match: A}, {match: B}", "A B", 1)
	try("{match: A}, {match: B}", "B A", 0)
	try("{match: A}, {match: B}", "A x C B", 1)
	try("{match: A}, {match: B}", "A B+11s", 0)
	try("{match: A}, {match: B}", "A A+8s B+8s", 1) // the last A counts
	try("{match: A}, {match: B}", "A B B A B", 2)
	try("{match: A, times: 3}, {match: B}", "A A B A B", 1)
	try("{match: A, times: 3}, {match: B}", "A A B", 0)
	try("{match: A}, {match: B}, {match: C}", "A C B C", 1)
	try("{match: A}, {not: C}, {match: B}", "A B", 1)
	try("{match: A}, {not: C}, {match: B}", "A C B", 0)
	try("{match: A}, {not: C}, {match: B}", "A C A B", 1)
	try("{match: A}, {match: B}, {not: C}", "A B x+11s", 1)
	try("{match: A}, {match: B}, {not: C}", "A B x+5s C x+11s", 0)
	try("{match: A}, {match: B}, {not: C}", "A B", 0) // nothing shows that the time is over
	try("{match: A}, {not: B}", "A A+11s A+11s", 2)
	try("{match: A}, {match: A}", "A A", 1)
}
