package docs

import (
	"context"
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vedette/detect/rule"
)

type log struct{ last *[]byte }

func logTo(b *[]byte) log                        { return log{b} }
func (l log) Append(b []byte) (uint64, error)    { *l.last = slices.Clone(b); return 0, nil }
func (l log) Wait(context.Context, uint64) error { return nil }
func (l log) Lost(uint64)                        {}
func (l log) Overdue() bool                      { return false }

// TestReasons: reasons.md lists every reason, with the verdicts that it comes with.
func TestReasons(t *testing.T) {
	listed := rows(read(t, "reasons.md"), "reason")
	reasons := constants(t, "Reason", "verdict.go")
	same(t, "reasons.md", listed, slices.Collect(maps.Values(reasons)))
	for code, row := range listed {
		cells := strings.Split(row, "|")
		if len(cells) != 6 || strings.TrimSpace(cells[2]) == "" || strings.TrimSpace(cells[3]) == "" {
			t.Errorf("%s: verdicts or meaning are missing: %s", code, row)
		}
	}
	pairs := 0
	for _, f := range source(t, "verify/*.go", "verify/token/*.go") {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			verdict := ""
			for _, arg := range call.Args {
				sel, ok := arg.(*ast.SelectorExpr)
				if !ok {
					continue
				}
				if id, ok := sel.X.(*ast.Ident); !ok || id.Name != "vedette" {
					continue
				}
				if code, ok := reasons[sel.Sel.Name]; ok && verdict != "" {
					pairs++
					if !strings.Contains(strings.Split(listed[code], "|")[2], "`"+verdict+"`") {
						t.Errorf("%s also comes with %s", code, verdict)
					}
				} else if !ok {
					verdict = strings.ToLower(sel.Sel.Name)
				}
			}
			return true
		})
	}
	if pairs < 40 {
		t.Errorf("only %d places of the code were compared", pairs)
	}
}

// TestSuspicions: intel.md lists every reason for which a feed is refused.
func TestSuspicions(t *testing.T) {
	same(t, "intel.md", rows(read(t, "intel.md"), "suspicion"), slices.Collect(maps.Values(constants(t, "Suspicion", "intel/check.go"))))
}

// TestFindings: findings.md has a section for each detector, in order, with its words and figures.
func TestFindings(t *testing.T) {
	var want []string
	for _, d := range rule.All() {
		want = append(want, d.Name)
		s := section(t, "findings.md", "## "+d.Name)
		say := append([]string{"**" + d.Title + ".** " + d.Why, "| Subject | " + d.By.String() + " |", "| Severity | " + d.Severity.String(), d.Look}, d.Tags...)
		for _, p := range d.Params {
			say = append(say, strings.TrimSuffix(fmt.Sprintf("| `%s` | %s %s", p.Name, strconv.FormatFloat(p.Default, 'f', -1, 64), p.Unit), " "), p.Why[1:])
		}
		for _, words := range say {
			if !strings.Contains(s, words) {
				t.Errorf("%s: the section does not say %q", d.Name, words)
			}
		}
	}
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^## ([a-z]+\..*)$`).FindAllStringSubmatch(read(t, "findings.md"), -1) {
		have = append(have, m[1])
	}
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("sections %q, want %q", have, want)
	}
}

// TestMetrics: operating.md lists every metric.
func TestMetrics(t *testing.T) {
	var want []string
	for _, m := range regexp.MustCompile(`(?:one\(|gauge\(|Name: )"([a-z_]+)"`).FindAllStringSubmatch(read(t, "../cmd/vedette/figures.go"), -1) {
		want = append(want, m[1])
	}
	same(t, "metrics", rows(section(t, "operating.md", "## What fails how"), "metric"), want)
}
