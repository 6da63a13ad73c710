// Package ruleset compiles rules that are written as data into detectors: a condition over calls in CEL,
// and what is counted of the calls that match. docs/rules.md is its manual.
package ruleset

import (
	"slices"
	"time"

	"vedette"
	"vedette/detect"
)

// Rule is a compiled rule.
type Rule struct {
	ID       string
	File     string
	Line     int
	Enabled  bool
	Response string // the playbook that answers it, "" for none
	Detector *detect.Detector
	Fields   []string // of a call, that it asks for
	Slow     []string // expressions that CEL evaluates, a hundred times slower than the others
	Tests    int

	spec     *spec
	match    *matcher
	width    int64 // of the window, ns; 0 for none
	atLeast  float64
	usual    *usual // what is compared with the subject's own past, nil for nothing
	learn    int64
	score    float64
	of       func(*detect.Event, *detect.Context) float64 // summed, or compared
	part     func(*detect.Event, *detect.Context) bool    // of a ratio
	hash     func(*detect.Event, *detect.Context) uint64  // of distinct and first_seen
	capacity int                                          // of values that are told apart
	steps    []step
	measure  string // what is measured: count, sum, …
}

// usual says how a value is compared with the subject's own past.
type usual struct {
	factor   float64
	name     string        // mean, median, p99
	quantile float64       // 0 for the mean
	over     time.Duration // how far back
}

// step is a compiled step of a sequence.
type step struct {
	match func(*detect.Event, *detect.Context) bool
	m     *matcher
	times uint16
	not   bool
}

// detector puts a rule into the engine's form.
func (r *Rule) detector() *detect.Detector {
	s := r.spec
	event, rest := r.match.split()
	d := detect.Detector{Name: r.ID, Version: max(s.Version, 1), Meaning: r.meaning(), Since: s.Since, Title: s.Title, Why: s.Why, Look: s.Look,
		Severity: severityOf(s.Severity.s), Tags: s.Tags, By: kindOf(s.By.s), Quiet: time.Duration(s.Quiet), Parts: s.Parts, Asks: r.asks}
	if event != nil {
		d.When = func(e *detect.Event) bool { return event(e, nil) }
	}
	if rest != nil {
		d.Match = func(x *detect.Context) bool { return rest(x.Event, x) }
	}
	return r.define(d)
}

// asks reports whether an event of a sort can concern the rule.
func (r *Rule) asks(sort detect.Sort) bool {
	if !r.match.possible(sort) {
		return false
	}
	if len(r.steps) == 0 || r.steps[len(r.steps)-1].not {
		return true // also what merely shows that time has passed
	}
	return slices.ContainsFunc(r.steps, func(s step) bool { return s.m.possible(sort) })
}

func severityOf(s string) (v vedette.Severity) {
	if v.UnmarshalText([]byte(s)) != nil {
		return vedette.SeverityNone
	}
	return v
}

var defaultScore = map[vedette.Severity]float64{vedette.Low: 0.3, vedette.Medium: 0.5, vedette.High: 0.7, vedette.Critical: 0.9}

// kinds are the words for what state is kept by.
func kinds() (names []string) {
	for k := range detect.Kinds {
		names = append(names, detect.Kind(k).String())
	}
	return names
}

func kindOf(s string) detect.Kind { return detect.Kind(max(slices.Index(kinds(), s), 0)) }
