package ruleset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Imported is what became of a Sigma rule.
type Imported struct {
	File    string
	Title   string
	ID      string   // of the rule here; "" where there is none
	Rule    string   // an entry of a file of rules, in YAML
	Missing []string // what of it could not be translated
	Notes   []string // where it means something else here
}

// sigmaRule is the part of a Sigma rule that is read. Others, such as author, are left.
type sigmaRule struct {
	Title       string `yaml:"title"`
	Description string `yaml:"description"`
	Level       string `yaml:"level"`
	Logsource   struct {
		Category string `yaml:"category"`
		Product  string `yaml:"product"`
		Service  string `yaml:"service"`
	} `yaml:"logsource"`
	Detection      yaml.MapSlice `yaml:"detection"`
	FalsePositives any           `yaml:"falsepositives"`
	References     []string      `yaml:"references"`
	Tags           []string      `yaml:"tags"`
}

// sigmaCategories are the log sources whose fields calls have.
var sigmaCategories = []string{"webserver", "proxy", "api", "application", "web"}

// ImportSigma translates the Sigma rules of a file. A translated rule finds nothing that the original would not
// find: what has no counterpart never matches, and a rule of which nothing is left is not translated.
func ImportSigma(file string, b []byte) (list []Imported, err error) {
	defer func() {
		// The parser has panicked on nonsense before.
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: not YAML", file)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(b))
	for n := 1; ; n++ {
		var s sigmaRule
		switch err := d.Decode(&s); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			first, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
			return list, fmt.Errorf("%s: cannot read Sigma rule %d: %s", file, n, first)
		}
		if s.Title == "" && s.Detection == nil {
			continue
		}
		list = append(list, s.translate(file))
	}
}

// sigmaOut is a rule as it is written.
type sigmaOut struct {
	ID       string   `yaml:"id"`
	Title    string   `yaml:"title"`
	Why      string   `yaml:"why"`
	Look     string   `yaml:"look"`
	Severity string   `yaml:"severity"`
	Tags     []string `yaml:"tags,omitempty"`
	By       string   `yaml:"by"`
	Match    string   `yaml:"match"`
	Within   string   `yaml:"within,omitempty"`
	Count    bool     `yaml:"count,omitempty"`
	Distinct string   `yaml:"distinct,omitempty"`
	AtLeast  int      `yaml:"at_least,omitempty"`
}

func (s *sigmaRule) translate(file string) Imported {
	out := Imported{File: file, Title: s.Title}
	if !slices.Contains(sigmaCategories, s.Logsource.Category) {
		out.Missing = append(out.Missing, fmt.Sprintf("log source %q: calls have what logs of %s have", strings.TrimSpace(s.Logsource.Category+" "+s.Logsource.Product), strings.Join(sigmaCategories, ", ")))
		return out
	}
	t := &sigmaTranslation{selections: map[string]any{}}
	var conditions []string
	for _, item := range s.Detection {
		switch name := fmt.Sprint(item.Key); name {
		case "condition":
			conditions = stringList(item.Value)
		case "timeframe":
			t.timeframe = fmt.Sprint(item.Value)
		default:
			t.selections[name] = item.Value
			t.names = append(t.names, name)
		}
	}
	r := s.described()
	rule, err := t.rule(conditions, &r)
	out.Missing, out.Notes = tidyTexts(t.missing), tidyTexts(t.notes)
	if err != nil {
		out.Missing = append(out.Missing, err.Error())
		return out
	}
	b, err := yaml.Marshal([]sigmaOut{*rule})
	if err == nil {
		_, err = Parse(file, append([]byte("rules:\n"), b...))
	}
	if err != nil {
		out.Missing = append(out.Missing, err.Error())
		return out
	}
	out.ID, out.Rule = rule.ID, string(b)
	return out
}

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

// described carries over what the rule says of itself.
func (s *sigmaRule) described() sigmaOut {
	r := sigmaOut{ID: "sigma." + strings.Trim(notWord.ReplaceAllString(lower(s.Title), "_"), "_"), Title: s.Title,
		Why: strings.Join(strings.Fields(s.Description), " "), Severity: s.Level, By: "source"}
	if !idShape.MatchString(r.ID) {
		r.ID = "sigma.rule_" + strings.TrimPrefix(r.ID, "sigma.")
	}
	if r.Why == "" {
		r.Why = "A rule of Sigma that does not say why."
	}
	if severityOf(r.Severity) == 0 {
		r.Severity = map[string]string{"informational": "low"}[r.Severity]
		if r.Severity == "" {
			r.Severity = "medium"
		}
	}
	r.Look = "Known false positives: " + strings.Join(stringList(s.FalsePositives), "; ")
	if len(stringList(s.FalsePositives)) == 0 {
		r.Look = "The call itself: the rule names no false positives."
	}
	for _, tag := range s.Tags {
		if technique, ok := strings.CutPrefix(lower(tag), "attack.t"); ok {
			r.Tags = append(r.Tags, "attack:T"+technique)
		} else {
			r.Tags = append(r.Tags, "sigma:"+tag)
		}
	}
	return r
}

func stringList(v any) (list []string) {
	switch v := v.(type) {
	case nil:
	case []any:
		for _, x := range v {
			list = append(list, fmt.Sprint(x))
		}
	default:
		list = append(list, fmt.Sprint(v))
	}
	return list
}

func tidyTexts(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// sigmaTranslation is a rule under way.
type sigmaTranslation struct {
	selections map[string]any
	names      []string
	timeframe  string
	missing    []string
	notes      []string
}

func (t *sigmaTranslation) miss(format string, args ...any) {
	t.missing = append(t.missing, fmt.Sprintf(format, args...))
}

func (t *sigmaTranslation) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

var sigmaCount = regexp.MustCompile(`^count\(\s*([^)\s]*)\s*\)\s*(?:by\s+(\S+)\s*)?(>=|>|=|==)\s*([0-9]+)$`)

// rule translates the conditions and what is counted.
func (t *sigmaTranslation) rule(conditions []string, r *sigmaOut) (*sigmaOut, error) {
	if len(conditions) == 0 {
		return nil, errors.New("the rule has no condition")
	}
	all := either()
	for _, c := range conditions {
		c, aggregate, counted := strings.Cut(c, "|")
		tree, err := t.condition(c)
		if err != nil {
			return nil, err
		}
		all.kids = append(all.kids, tree)
		if counted {
			if len(conditions) > 1 {
				return nil, errors.New("several conditions of which one counts")
			}
			if err := t.counted(strings.TrimSpace(aggregate), r); err != nil {
				return nil, err
			}
		}
	}
	switch s := all.simple(false); s.op {
	case "false":
		return nil, errors.New("nothing is left that could match")
	case "true":
		return nil, errors.New("what is left matches every call")
	default:
		r.Match = s.String()
	}
	return r, nil
}

// counted translates count(), the old form of aggregation.
func (t *sigmaTranslation) counted(s string, r *sigmaOut) error {
	m := sigmaCount.FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf("aggregation %q: only count() with > or >= is translated", s)
	}
	fmt.Sscan(m[4], &r.AtLeast)
	if m[3] == ">" {
		r.AtLeast++
	}
	if m[3] == "=" || m[3] == "==" {
		t.note("count = %s is taken as that many or more", m[4])
	}
	r.Within = t.timeframe
	if r.Within == "" {
		r.Within = "10m"
		t.note("the rule counts without a timeframe: 10m is taken")
	}
	r.Count = m[1] == ""
	if !r.Count {
		if r.Distinct = sigmaFields[lower(m[1])]; r.Distinct == "" {
			return fmt.Errorf("count of %s: calls have no such field", m[1])
		}
	}
	by, ok := map[string]string{"source": "source", "account": "account", "ja4": "fingerprint", "credential": "credential", "": "venue"}[sigmaFields[lower(m[2])]]
	if !ok || m[2] != "" && by == "venue" {
		return fmt.Errorf("count by %s: state is kept by %s", m[2], strings.Join(kinds(), ", "))
	}
	if r.By = by; m[2] == "" {
		t.note("the rule counts over everything: it is counted for each venue")
	}
	return nil
}
