package ruleset

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func manual(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestManualRules runs the rules that the manual shows.
func TestManualRules(t *testing.T) {
	parts := strings.Split(manual(t), "```yaml rules\n")
	if len(parts) < 3 {
		t.Fatalf("%d blocks of rules", len(parts)-1)
	}
	for i, p := range parts[1:] {
		doc, _, _ := strings.Cut(p, "\n```")
		set, err := Parse(fmt.Sprintf("block %d", i+1), []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range set.Rules {
			for _, res := range r.Test(parse) {
				if res.Err != nil {
					t.Errorf("%s: %s: %v", r.ID, res.Test, res.Err)
				}
			}
			if len(r.Slow) > 0 {
				t.Errorf("%s is slow", r.ID)
			}
		}
	}
}

// TestManualTables wants every field in the manual, and the bounds as they are.
func TestManualTables(t *testing.T) {
	text := manual(t)
	_, table, _ := strings.Cut(text, "| field | kind | is |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, f := range Fields() {
		if !strings.Contains(table, fmt.Sprintf("\n| `%s` | %s | %s", f.Name, f.Kind, f.Says)) {
			t.Errorf("the table has no row for %s, or another", f.Name)
		}
	}
	if n := strings.Count(table, "\n| `"); n != len(Fields()) {
		t.Errorf("the table has %d rows of %d fields", n, len(Fields()))
	}
	for bound, want := range map[string]string{"rules of a set": fmt.Sprint(maxRules), "expression": fmt.Sprintf("%d bytes", maxMatch),
		"text to compare with": fmt.Sprintf("%d bytes", maxLiteral), "regular expression": fmt.Sprintf("%d bytes", maxRegex),
		"`within`": fmt.Sprintf("from %v to %s", minWindow, lasting(int64(maxWindow))), "steps of a sequence": fmt.Sprint(maxSteps), "`times` of a step": fmt.Sprint(maxTimes),
		"`distinct`": fmt.Sprintf("%d exactly, %d to within some 5%%", maxExact, maxSketch), "`cap` of `first_seen`": fmt.Sprint(maxSeen)} {
		if !strings.Contains(text, fmt.Sprintf("\n| %s | %s |", bound, want)) {
			t.Errorf("bound of %s is %s, the manual says otherwise", bound, want)
		}
	}
	for _, k := range kinds() {
		if !strings.Contains(text, "`"+k+"`") {
			t.Errorf("the manual does not name by: %s", k)
		}
	}
}
