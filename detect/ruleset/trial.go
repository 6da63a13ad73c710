package ruleset

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/detect"
)

// testSpec is a test that a rule carries: events, and the subjects of the findings that they cause.
type testSpec struct {
	Name   string         `yaml:"name"`
	Given  map[string]any `yaml:"given"`
	Events []any          `yaml:"events"`
	Want   []string       `yaml:"want"`
}

// Parser reads a JSONL event. ok is false for one that is about no call.
type Parser func(line []byte) (c *vedette.Call, ok bool, err error)

// Tested is what came of a rule's test.
type Tested struct {
	Rule string `json:"rule"`
	Test string `json:"test"`
	Err  error  `json:"-"`
}

// testBegin is when tests begin: noon of a Monday.
var testBegin = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// testDefaults are what events of tests say unless told otherwise.
var testDefaults = map[string]any{"event": "call", "venue": "binance", "source": "192.0.2.7", "credential": "key-1", "account": "acct-1",
	"owner": "owner-1", "status": 200, "verdict": "authentic", "reasons": []string{}}

// Test runs the tests that a rule carries. A rule that is not shown to find something, and to leave
// something alone, fails.
func (r *Rule) Test(parse Parser) (out []Tested) {
	found, quiet := 0, 0
	for i := range r.spec.Tests {
		t := &r.spec.Tests[i]
		name := t.Name
		if name == "" {
			name = fmt.Sprintf("test %d", i+1)
		}
		out = append(out, Tested{r.ID, name, r.try(t, parse)})
		if len(t.Want) > 0 {
			found++
		} else {
			quiet++
		}
	}
	if found == 0 || quiet == 0 {
		out = append(out, Tested{r.ID, "tests", fmt.Errorf("the rule has %d tests that want a finding and %d that want none; it needs one of each", found, quiet)})
	}
	return out
}

// try runs a test, once within one goroutine and once in shards.
func (r *Rule) try(t *testSpec, parse Parser) error {
	lines, err := t.lines()
	if err != nil {
		return err
	}
	for _, shards := range []int{0, 2} {
		got, err := r.run(lines, shards, parse)
		if err != nil {
			return err
		}
		if !slices.Equal(got, t.Want) {
			return fmt.Errorf("found %q, want %q", got, t.Want)
		}
	}
	return nil
}

func (r *Rule) run(lines [][]byte, shards int, parse Parser) (subjects []string, err error) {
	e, err := detect.New(detect.Config{Detectors: []*detect.Detector{r.Detector}, Shards: shards, Subjects: 1 << 10,
		Raise: func(f *vedette.Finding) { subjects = append(subjects, subjectOf(f, r.Detector.By)) }})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	for i, line := range lines {
		c, ok, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w\n%s", i+1, err, line)
		}
		if ok {
			e.Observe(uint64(i+1), c)
		}
	}
	e.Close()
	return subjects, nil
}

// subjectOf names whom a finding is about.
func subjectOf(f *vedette.Finding, by detect.Kind) string {
	switch by {
	case detect.ByCredential:
		return f.Credential
	case detect.ByAccount:
		return f.Account
	case detect.ByOwner:
		return f.Owner
	case detect.BySource, detect.BySubnet:
		return f.Source
	case detect.ByFingerprint:
		return f.JA4
	case detect.ByInstrument:
		return f.Instrument
	}
	return f.Venue
}

// lines writes the test's events out as JSONL.
func (t *testSpec) lines() (out [][]byte, err error) {
	at := testBegin
	for i, raw := range t.Events {
		if s, ok := raw.(string); ok {
			out = append(out, []byte(s))
			continue
		}
		short, ok := raw.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("event %d is neither a map nor a line of JSON", i+1)
		}
		e := event{fields: maps.Clone(testDefaults)}
		maps.Copy(e.fields, t.Given)
		maps.Copy(e.fields, short)
		if err := e.timing(); err != nil {
			return nil, fmt.Errorf("event %d: %w", i+1, err)
		}
		at = at.Add(e.after)
		if e.hasAt {
			at = testBegin.Add(e.at)
		}
		for n := range e.repeat {
			if n > 0 {
				at = at.Add(e.every)
			}
			line, err := e.line(at, n)
			if err != nil {
				return nil, fmt.Errorf("event %d: %w", i+1, err)
			}
			if out = append(out, line); len(out) > maxEvents {
				return nil, fmt.Errorf("over %d events", maxEvents)
			}
		}
	}
	return out, nil
}

// event is an event of a test in its short form.
type event struct {
	fields           map[string]any
	at, after, every time.Duration
	hasAt            bool
	repeat           int
	vary             []string
}

// timing takes out of the fields what is about the test and not the call.
func (e *event) timing() error {
	e.after, e.every, e.repeat = time.Second, time.Second, 1
	for name, into := range map[string]*time.Duration{"at": &e.at, "after": &e.after, "every": &e.every} {
		v, ok := e.fields[name]
		if !ok {
			continue
		}
		d, err := testDuration(fmt.Sprint(v))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*into = d
		e.hasAt = e.hasAt || name == "at"
		delete(e.fields, name)
	}
	if v, ok := e.fields["repeat"]; ok {
		if _, err := fmt.Sscan(fmt.Sprint(v), &e.repeat); err != nil || e.repeat < 1 || e.repeat > maxEvents {
			return fmt.Errorf("repeat is a number from 1 to %d", maxEvents)
		}
		delete(e.fields, "repeat")
	}
	switch v := e.fields["vary"].(type) {
	case nil:
	case string:
		e.vary = []string{v}
	case []any:
		for _, name := range v {
			e.vary = append(e.vary, fmt.Sprint(name))
		}
	default:
		return errors.New("vary is the name of a field, or a list of names")
	}
	delete(e.fields, "vary")
	return nil
}

func testDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		s = days + "h"
		d, err := time.ParseDuration(s)
		return 24 * d, err
	}
	return time.ParseDuration(s)
}

// line writes the n-th repetition.
func (e *event) line(at time.Time, n int) ([]byte, error) {
	m := maps.Clone(e.fields)
	m["time"] = at.Format(time.RFC3339Nano)
	decimals(m)
	if parts, ok := m["batch"].([]any); ok {
		for _, p := range parts {
			if p, ok := p.(map[string]any); ok {
				decimals(p)
			}
		}
	}
	for _, name := range e.vary {
		if name != "source" {
			m[name] = fmt.Sprintf("%v-%d", m[name], n)
			continue
		}
		a, err := netip.ParseAddr(fmt.Sprint(m[name]))
		if err != nil {
			return nil, err
		}
		for range n {
			a = a.Next()
		}
		m[name] = a.String()
	}
	for name, v := range m {
		if v == nil {
			delete(m, name)
		}
	}
	return json.Marshal(m)
}

// decimals writes amounts as texts, as events have them.
func decimals(m map[string]any) {
	for _, name := range []string{"price", "stop_price", "quantity"} {
		if v, ok := m[name]; ok && v != nil {
			m[name] = fmt.Sprint(v)
		}
	}
}
