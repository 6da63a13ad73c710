package ruleset

import (
	"strings"
	"testing"
)

// whole is a rule with nothing wrong, to change one thing of.
const whole = `rules:
  - id: a.b
    title: T
    why: W
    look: L
    severity: low
    by: credential
    match: operation == 'order.new'
    within: 1m
    count: true
    at_least: 3
`

func TestErrors(t *testing.T) {
	try := func(old, new, want string) {
		t.Helper()
		doc := strings.Replace(whole, old, new, 1)
		if old != "" && doc == whole {
			t.Fatalf("%q is not in the rule", old)
		}
		_, err := Parse("x.yaml", []byte(doc))
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", new, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v\nwant %q", new, err, want)
		}
	}
	match, count := "match: operation == 'order.new'", "    count: true\n    at_least: 3\n"
	try("", "", "")
	try("id: a.b", "id: ab", `x.yaml: line 2, column 9: rule ab: the id "ab" is no family.name`)
	try("    title: T\n", "", "the rule has no title")
	try("severity: low", "severity: lwo", "line 6, column 15: rule a.b: severity is one of")
	try("by: credential", "by: credentail", `did you mean "credential"?`)
	try("title: T", "titel: T", `line 3, column 5: unknown key "titel"; did you mean "title"?`)
	try(match, "match: operation = 'order.new'", "line 8, column 22: rule a.b: ")
	try(match, "match: opration == 'order.new'", `line 8, column 12: rule a.b: there is no field or function "opration"; did you mean "operation"?`)
	try(match, "match: operation == 'order.nwe'", `line 8, column 25: rule a.b: operation has no value "order.nwe"; did you mean "order.new"?`)
	try(match, "match: \"operation == 'order.nwe'\"", `line 8, column 26: rule a.b: operation has no value`)
	try(match, "match: |\n      known &&\n      operation in ['order.new', 'withdrew']", `line 10, column 34: rule a.b: operation has no value "withdrew"; did you mean "withdraw"?`)
	try(match, "match: \"'bad_sig' in reasons\"", `reasons has no value "bad_sig"`)
	try(match, "match: status == 'x'", "found no matching overload")
	try(match, "match: price * 2 > 1.0", "write 2.0")
	try(match, "match: status + 1", "the expression is a int; want a condition")
	try(match, "match: path.matches('(')", "not a regular expression of RE2")
	try(match, "match: path.matches(client)", "a regular expression must be written out")
	try(match, "match: source.in_cidr('192.0.2.7/24')", "192.0.2.7/24 has bits beyond its length: want 192.0.2.0/24")
	try(match, "match: source == '192.0.2.0/24'", `write source.in_cidr("192.0.2.0/24")`)
	try(match, "match: path == '"+strings.Repeat("x", 300)+"'", "the text has 300 bytes, over the limit of 255")
	try(match, "match: [a]", "want one word or text here")
	try("    "+match+"\n", "", "the rule has no match")
	try("within: 1m", "within: 90d", "line 9, column 13: rule a.b: cannot read \"90d\" as a length of time")
	try("    within: 1m\n", "", "count needs within")
	try("    at_least: 3\n", "", "count needs at_least")
	try(count, count+"    sum: price\n", "the rule has both count and sum: make it two rules")
	try(count, "    distinct: path\n", "distinct needs at_least")
	try(count, "    distinct: path\n    at_least: 5000\n", "would have to tell 5000 values of path apart for every credential; the limit is 1000")
	try(count, "    distinct: path\n    at_least: 50\n    cap: 20\n", "cap is 20, so that at_least: 50 could never be reached")
	try(count, "    distinct: pth\n    at_least: 5\n", `there is no field "pth"; did you mean "path"?`)
	try(count, "    distinct: reasons\n    at_least: 5\n", "cannot be told apart")
	try(count, "    first_seen: country\n    learn: 1d\n", "first_seen needs cap")
	try(count, "    first_seen: country\n    learn: 1d\n    cap: 100\n", "would have to remember 100 values of country for every credential; the limit is 32")
	try(count, "    first_seen: country\n    cap: 4\n", "first_seen needs learn")
	try(count, "    sequence: [{match: known}]\n", "the sequence has 1 steps; want from 2 to 6")
	try(count, "    sequence: ["+strings.Repeat("{match: known},", 7)+"]\n", "the sequence has 7 steps; want from 2 to 6")
	try(count, "    sequence: [{not: known}, {match: known}]\n", "needs a step before it")
	try(count, "    sequence: [{match: known, times: 5000}, {match: known}]\n", "times is from 1 to 1000")
	try(count, count+"    above: 5x own average over 7d\n    learn: 1d\n", "line 12, column 12: rule a.b: cannot read \"5x own average over 7d\"")
	try(count, count+"    above: 5x own p99 over 7d\n", "above needs learn")
	try(count, "    ratio: {of: known, least: 5}\n    at_least: 50\n", "a ratio is never above 1")
	try(count, "    ratio: {of: known}\n    at_least: 0.5\n", "ratio wants of, a condition, and least")
	try(count, count+"    summary: \"{vlaue} calls\"\n", `the summary cannot hold {vlaue}; did you mean "{value}"?`)
	try("", "", "")
	if _, err := Parse("x.yaml", []byte(whole+strings.TrimPrefix(whole, "rules:\n"))); err == nil || !strings.Contains(err.Error(), "the id is taken by the rule in line 2") {
		t.Errorf("a second rule of the id: %v", err)
	}
	if _, err := Parse("x.yaml", nil); err == nil || !strings.Contains(err.Error(), "no rules") {
		t.Errorf("an empty file: %v", err)
	}
}
