package ruleset

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette/detect"
)

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

func (r *Rule) summary() error {
	known := []string{"{value}", "{threshold}", "{within}", "{name}", "{operation}"}
	for _, f := range fields {
		if f.kind == isText && f.text != country {
			known = append(known, "{"+f.Name+"}")
		}
	}
	for _, p := range placeholder.FindAllString(r.spec.Summary.s, -1) {
		if !slices.Contains(known, p) {
			return r.spec.Summary.problem("the summary cannot hold %s%s", p, suggest(p, known))
		}
	}
	return nil
}

// raise hands out the rule's finding.
func (r *Rule) raise(x *detect.Context, v, threshold float64, from int64, evidence []uint64) {
	x.Raise(detect.Raised{Score: r.score, From: from, Summary: r.sentence(x, v, threshold), Evidence: evidence,
		Values: values(r.key(), v, threshold)})
}

// key names the figure of a finding.
func (r *Rule) key() string {
	switch {
	case r.measure == "":
		return "calls"
	case r.measure == "distinct":
		return "distinct_" + r.spec.Distinct.s
	case r.measure == "first_seen":
		return "known_" + r.spec.FirstSeen.s
	case r.measure == "sequence":
		return "steps"
	}
	return r.measure
}

// sentence fills the summary in.
func (r *Rule) sentence(x *detect.Context, v, threshold float64) string {
	s := r.spec.Summary.s
	if s == "" {
		s = r.Detector.Title + ": {name}" + map[string]string{"": ", {operation}", "first_seen": ", first seen", "sequence": ", within {within}",
			"value": ", {value} against {threshold}", "ratio": ", {value} of the calls within {within}"}[r.measure] + "."
		if slices.Contains([]string{"count", "sum", "distinct"}, r.measure) {
			s = r.Detector.Title + ": {name}, {value} within {within}, threshold {threshold}."
		}
	}
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		switch p {
		case "{value}":
			return figureText(v)
		case "{threshold}":
			return figureText(threshold)
		case "{within}":
			return lasting(r.width)
		case "{name}":
			return x.Name()
		case "{operation}":
			return x.Operation.String()
		}
		return x.Text(fieldNamed(strings.Trim(p, "{}")).text)
	})
}

// figureText writes a figure as people read it.
func figureText(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// lasting writes a length of time without what is zero.
func lasting(ns int64) string {
	d := time.Duration(ns)
	if day := 24 * time.Hour; d > 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	s = strings.TrimSuffix(s, "m0s")
	if s != d.String() {
		s += "m"
	}
	if t, ok := strings.CutSuffix(s, "h0m"); ok {
		s = t + "h"
	}
	return s
}
