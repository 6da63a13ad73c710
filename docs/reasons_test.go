package docs

import (
	"context"
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vedette/detect"
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

// TestFindings: findings.md has a section for each detector, with its words and
// figures.
func TestFindings(t *testing.T) {
	text := read(t, "findings.md")
	var want []string
	for _, d := range detect.All {
		want = append(want, d.Name)
		s := flat(section(t, "findings.md", "## "+d.Name))
		for _, say := range []string{"**" + d.Title + ".**", d.Why, "| Window, quiet | " + short(d.Window) + ", " + short(d.Quiet) + " |",
			"| Severity, score | " + d.Severity.String() + ", "} {
			if !strings.Contains(s, say) {
				t.Errorf("%s: the section does not say %q", d.Name, say)
			}
		}
	}
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^## (access\..*)$`).FindAllStringSubmatch(text, -1) {
		have = append(have, m[1])
	}
	if !slices.Equal(have, want) {
		t.Errorf("sections %q, want %q", have, want)
	}
	text = flat(text)
	for name, value := range constants(t, "", "detect/access.go") {
		if !strings.Contains(text, "`"+name+"` "+value+" ") {
			t.Errorf("findings.md does not say that %s is %s", name, value)
		}
	}
	for _, m := range regexp.MustCompile("f\\.Values\\[\"([a-z_]+)\"\\]").FindAllStringSubmatch(read(t, "../detect/access.go"), -1) {
		if !strings.Contains(text, "`"+m[1]+"`") {
			t.Errorf("findings.md does not name the value %s", m[1])
		}
	}
}

// short writes a duration as the documents do.
func short(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

// TestMetrics: operating.md lists every metric.
func TestMetrics(t *testing.T) {
	var want []string
	for _, m := range regexp.MustCompile(`(?:one\(|gauge\(|Name: )"([a-z_]+)"`).FindAllStringSubmatch(read(t, "../cmd/vedette/figures.go"), -1) {
		want = append(want, m[1])
	}
	same(t, "metrics", rows(section(t, "operating.md", "## What fails how"), "metric"), want)
}
