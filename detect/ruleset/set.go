package ruleset

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vedette"
	"vedette/detect"
)

//go:embed pack/*.yaml
var pack embed.FS

// Set is a set of rules, in the order of their ids. It is never changed: who reloads makes another and
// puts it in its place once it is whole.
type Set struct{ Rules []*Rule }

// Default returns the rules that come with Vedette.
func Default() (*Set, error) {
	names, err := fs.Glob(pack, "pack/*.yaml")
	if err != nil {
		return nil, err
	}
	return compileFiles(names, pack.ReadFile)
}

// Load compiles the rules of files, and of all *.yaml and *.yml in folders. Where one is wrong there is no
// set, and the error names every one.
func Load(paths ...string) (*Set, error) {
	var names []string
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("cannot read rules: %w", err)
		}
		if !st.IsDir() {
			names = append(names, p)
			continue
		}
		for _, pattern := range []string{"*.yaml", "*.yml"} {
			found, err := filepath.Glob(filepath.Join(p, pattern))
			if err != nil {
				return nil, fmt.Errorf("cannot read rules: %w", err)
			}
			names = append(names, found...)
		}
	}
	return compileFiles(names, os.ReadFile)
}

// Parse compiles the rules of one document; file names it in errors.
func Parse(file string, b []byte) (*Set, error) {
	return compileFiles([]string{file}, func(string) ([]byte, error) { return b, nil })
}

func compileFiles(names []string, readFile func(string) ([]byte, error)) (*Set, error) {
	set := &Set{}
	var problems []error
	for _, name := range names {
		b, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read rules: %w", err)
		}
		specs, err := read(b)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		for i := range specs {
			r, err := build(&specs[i])
			if err == nil {
				r.File = name
				err = set.add(r)
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, about(&specs[i], err)))
			}
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	slices.SortFunc(set.Rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return set, nil
}

// about names the rule in an error.
func about(s *spec, err error) error {
	var p placed
	if errors.As(err, &p) {
		p.message = "rule " + s.ID.s + ": " + p.message
		if s.ID.s == "" {
			p.message = "a rule without an id" + strings.TrimPrefix(p.message, "rule ")
			p.line, p.col = max(p.line, 1), max(p.col, 1)
		}
		return p
	}
	return fmt.Errorf("rule %s: %w", s.ID.s, err)
}

func (s *Set) add(r *Rule) error {
	if len(s.Rules) >= maxRules {
		return r.spec.ID.problem("it is one more than the %d rules that a set may have", maxRules)
	}
	if other := s.Rule(r.ID); other != nil {
		return r.spec.ID.problem("the id is taken by the rule in line %d of %s", other.Line, other.File)
	}
	s.Rules = append(s.Rules, r)
	return nil
}

// Rule returns the rule of an id, nil if there is none.
func (s *Set) Rule(id string) *Rule {
	for _, r := range s.Rules {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// With returns a set of the rules of both. Where both have an id, over's counts: so a site changes or
// disables a rule of the pack.
func (s *Set) With(over *Set) *Set {
	out := &Set{Rules: slices.Clone(over.Rules)}
	for _, r := range s.Rules {
		if over.Rule(r.ID) == nil {
			out.Rules = append(out.Rules, r)
		}
	}
	slices.SortFunc(out.Rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Detectors returns the detectors of the rules that are enabled.
func (s *Set) Detectors() (list []*detect.Detector) {
	for _, r := range s.Rules {
		if r.Enabled {
			list = append(list, r.Detector)
		}
	}
	return list
}

// Response returns the playbook for findings of a rule, "" if it names none.
func (s *Set) Response(id string) string {
	if r := s.Rule(id); r != nil {
		return r.Response
	}
	return ""
}

func values(name string, v, threshold float64) map[string]vedette.Value {
	return map[string]vedette.Value{name: {Value: v, Threshold: threshold}}
}
