package ruleset

import (
	"fmt"
	"io"
	"strings"

	"vedette"
	"vedette/detect"
)

// Summary is a rule in a list.
type Summary struct {
	ID         string   `json:"id"`
	Title      string   `json:"title"`
	Severity   string   `json:"severity"`
	By         string   `json:"by"`
	Path       string   `json:"path"` // fast, or slow where CEL evaluates a part
	StateBytes int      `json:"state_bytes"`
	Tests      int      `json:"tests"`
	Enabled    bool     `json:"enabled"`
	Response   string   `json:"response"`
	Tags       []string `json:"tags"`
	File       string   `json:"file"`
	Line       int      `json:"line"`
}

// Summary returns the rule as a list shows it.
func (r *Rule) Summary() Summary {
	d := r.Detector
	return Summary{r.ID, d.Title, d.Severity.String(), d.By.String(), r.path(), d.StateBytes(), r.Tests, r.Enabled, r.Response,
		append([]string{}, d.Tags...), r.File, r.Line}
}

func (r *Rule) path() string {
	if len(r.Slow) > 0 {
		return "slow"
	}
	return "fast"
}

// Explain writes what a rule finds, in words, and what it costs.
func (r *Rule) Explain(w io.Writer) error {
	d, s := r.Detector, r.spec
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "%s: %s\n\n", r.ID, d.Title)
	if s.Match.given() {
		line("calls", "%s", strings.Join(strings.Fields(s.Match.s), " "))
	} else {
		line("calls", "all")
	}
	line("asked", "%s", r.asked())
	line("finds", "%s", r.measures())
	line("again", "after %s of quiet; until then it is the same finding", lasting(int64(s.Quiet)))
	line("severity", "%s, score %g", d.Severity, r.score)
	line("why", "%s", d.Why)
	line("look", "%s", d.Look)
	line("fields", "%s", strings.Join(r.Fields, ", "))
	line("state", "%d bytes for each %s", d.StateBytes(), d.By)
	line("path", "%s", r.path())
	for _, e := range r.Slow {
		line("", "CEL evaluates: %s", e)
	}
	if len(d.Tags) > 0 {
		line("tags", "%s", strings.Join(d.Tags, ", "))
	}
	if r.Response != "" {
		line("response", "%s", r.Response)
	}
	if !r.Enabled {
		line("enabled", "no")
	}
	line("tests", "%d", r.Tests)
	line("from", "%s:%d", r.File, r.Line)
	_, err := io.WriteString(w, b.String())
	return err
}

// asked names the operations whose calls reach the rule at all.
func (r *Rule) asked() string {
	var names []string
	for op := range vedette.Operation(vedette.Operations) {
		for v := range vedette.Verdict(vedette.Verdicts) {
			if r.asks(detect.Sort{Operation: op, Verdict: v}) {
				names = append(names, op.String())
				break
			}
		}
	}
	switch len(names) {
	case vedette.Operations:
		return "of every operation"
	case 0:
		return "never: the condition cannot hold"
	}
	return "of " + strings.Join(names, ", ")
}

// measures says what is made of the calls that match.
func (r *Rule) measures() string {
	s := r.spec
	limit := figureText(r.atLeast)
	if r.atLeast == 0 {
		limit = "any figure"
	} else {
		limit = limit + " or more"
	}
	if u := r.usual; u != nil {
		limit += fmt.Sprintf(", and at least %gx the %s of its own last %s, once it was watched for %s", u.factor, u.name, lasting(int64(u.over)), lasting(r.learn))
	}
	per := fmt.Sprintf("of one %s within %s", r.Detector.By, lasting(r.width))
	switch r.measure {
	case "count":
		return fmt.Sprintf("such calls %s: %s", per, limit)
	case "sum":
		return fmt.Sprintf("the sum of %s %s: %s", s.Sum.s, per, limit)
	case "value":
		return fmt.Sprintf("%s in one call of a %s: %s", s.Value.s, r.Detector.By, limit)
	case "ratio":
		return fmt.Sprintf("%s of such calls %s, where %s; from %d calls on", percent(r.atLeast), per, s.Ratio.Of.s, s.Ratio.Least)
	case "distinct":
		exact := "told apart one by one"
		if r.capacity > maxExact {
			exact = "counted to within some 5%"
		}
		return fmt.Sprintf("different values of %s %s, %s: %s", s.Distinct.s, per, exact, limit)
	case "first_seen":
		return fmt.Sprintf("a %s that one %s did not have for %s, once it was watched for %s; not of one with more than %d", s.FirstSeen.s, r.Detector.By,
			lasting(r.width), lasting(r.learn), r.capacity)
	case "sequence":
		return fmt.Sprintf("%s, of one %s within %s", r.story(), r.Detector.By, lasting(r.width))
	}
	return "every such call"
}

func percent(v float64) string { return figureText(v*100) + "% or more" }

// story tells the steps of a sequence.
func (r *Rule) story() string {
	var parts []string
	for i, st := range r.steps {
		word := "then "
		if i == 0 {
			word = ""
		}
		switch {
		case st.not:
			parts = append(parts, word+"not ("+r.spec.Sequence[i].Not.s+")")
		case st.times > 1:
			parts = append(parts, fmt.Sprintf("%s%d times (%s)", word, st.times, r.spec.Sequence[i].Match.s))
		default:
			parts = append(parts, word+"("+r.spec.Sequence[i].Match.s+")")
		}
	}
	return strings.Join(parts, ", ")
}

// Cost is what the rules of a set keep of one subject of each kind, in bytes.
func (s *Set) Cost() map[string]int {
	out := map[string]int{}
	for _, d := range s.Detectors() {
		out[d.By.String()] += d.StateBytes()
	}
	return out
}
