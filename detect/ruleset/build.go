package ruleset

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette/detect"
	"vedette/internal/strictyaml"
)

var idShape = regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)

// build compiles a rule. Its errors have their place.
func build(s *spec) (*Rule, error) {
	r := &Rule{ID: s.ID.s, Line: s.ID.line, Enabled: s.Enabled == nil || *s.Enabled, Response: s.Response, Tests: len(s.Tests), spec: s}
	for _, step := range []func() error{r.words, r.numbers, r.condition, r.aggregate, r.threshold, r.bounds, r.summary} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	slices.Sort(r.Fields)
	r.Fields = slices.Compact(r.Fields)
	r.Detector = r.detector()
	return r, nil
}

// words checks what a rule says of itself.
func (r *Rule) words() error {
	s := r.spec
	if !idShape.MatchString(s.ID.s) {
		return s.ID.problem("the id %q is no family.name in small letters, digits and _", s.ID.s)
	}
	for name, v := range map[string]string{"title": s.Title, "why": s.Why, "look": s.Look} {
		if strings.TrimSpace(v) == "" {
			return s.ID.problem("the rule has no %s: say in a sentence, to who gets the finding, %s", name, map[string]string{
				"title": "what it finds", "why": "why that matters and where the threshold comes from", "look": "what to look at first"}[name])
		}
	}
	if severityOf(s.Severity.s) == 0 {
		return s.place(s.Severity).problem("severity is one of low, medium, high and critical")
	}
	if !slices.Contains(kinds(), s.By.s) {
		return s.place(s.By).problem("by says what is kept apart, one of %s%s", strings.Join(kinds(), ", "), strictyaml.Suggest(s.By.s, kinds()))
	}
	if s.Since == "" {
		s.Since = "site"
	}
	return nil
}

// place is where to point for a key: to itself, or to the rule if it is not there.
func (s *spec) place(t text) text {
	if t.given() {
		return t
	}
	return s.ID
}

// numbers reads the times and figures of a rule.
func (r *Rule) numbers() (err error) {
	s := r.spec
	if r.width, err = duration(s.Within); err != nil {
		return err
	}
	if r.learn, err = duration(s.Learn); err != nil {
		return err
	}
	if s.Quiet == 0 {
		s.Quiet = strictyaml.Duration(time.Hour)
	}
	if d := time.Duration(s.Quiet); d < 0 || d > maxWindow {
		return s.ID.problem("quiet is %v; want up to %v", d, maxWindow)
	}
	r.score = defaultScore[severityOf(s.Severity.s)]
	if s.Score.given() {
		if r.score, err = strconv.ParseFloat(s.Score.s, 64); err != nil || !(r.score > 0 && r.score <= 1) {
			return s.Score.problem("score is a number above 0 and up to 1")
		}
	}
	if s.AtLeast.given() {
		if r.atLeast, err = strconv.ParseFloat(s.AtLeast.s, 64); err != nil || !(r.atLeast > 0) || math.IsInf(r.atLeast, 0) {
			return s.AtLeast.problem("at_least is a number above 0")
		}
	}
	r.usual, err = parseUsual(s.Above)
	return err
}

func duration(t text) (int64, error) {
	if !t.given() {
		return 0, nil
	}
	s := t.s
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 31 {
			return int64(n) * int64(24*time.Hour), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < minWindow || d > maxWindow {
		return 0, t.problem("cannot read %q as a length of time: want something like 10s, 1h30m or 7d, from %v to 31d", s, minWindow)
	}
	return int64(d), nil
}

var usualShape = regexp.MustCompile(`^([0-9.]+)x own (mean|median|p99) over ([0-9a-z]+)$`)

var quantiles = map[string]float64{"mean": 0, "median": 0.5, "p99": 0.99}

func parseUsual(t text) (*usual, error) {
	if !t.given() {
		return nil, nil
	}
	m := usualShape.FindStringSubmatch(t.s)
	if m == nil {
		return nil, t.problem("cannot read %q: want something like 5x own p99 over 7d, with mean, median or p99; a fixed limit is at_least", t.s)
	}
	factor, err := strconv.ParseFloat(m[1], 64)
	if err != nil || factor <= 1 {
		return nil, t.problem("%sx is not above the usual: want a factor above 1", m[1])
	}
	over, err := duration(text{m[3], t.line, t.col})
	return &usual{factor, m[2], quantiles[m[2]], time.Duration(over)}, err
}

// matcher compiles a condition of the rule and notes what it asks for.
func (r *Rule) matcher(t text) (*matcher, error) {
	m, err := newMatcher(t)
	if err != nil {
		return nil, err
	}
	r.Fields = append(r.Fields, m.fields...)
	if m.slow != nil {
		r.Slow = append(r.Slow, t.s)
	}
	return m, nil
}

func (r *Rule) condition() (err error) {
	t := r.spec.Match
	if !t.given() {
		if len(r.spec.Sequence) == 0 {
			return r.spec.ID.problem("the rule has no match: say which calls it is about, such as match: operation == 'withdraw'")
		}
		t = text{"true", r.spec.ID.line, r.spec.ID.col}
	}
	r.match, err = r.matcher(t)
	return err
}

// aggregate compiles what is made of the calls that match.
func (r *Rule) aggregate() (err error) {
	s := r.spec
	given := map[string]bool{"count": s.Count, "sum": s.Sum.given(), "value": s.Value.given(), "ratio": s.Ratio != nil,
		"distinct": s.Distinct.given(), "first_seen": s.FirstSeen.given(), "sequence": len(s.Sequence) > 0}
	for _, name := range []string{"count", "sum", "value", "ratio", "distinct", "first_seen", "sequence"} {
		switch {
		case given[name] && r.measure != "":
			return s.ID.problem("the rule has both %s and %s: make it two rules", r.measure, name)
		case given[name]:
			r.measure = name
		}
	}
	switch r.measure {
	case "sum":
		return r.figure(s.Sum)
	case "value":
		return r.figure(s.Value)
	case "ratio":
		if !s.Ratio.Of.given() || s.Ratio.Least < 2 {
			return s.ID.problem("ratio wants of, a condition, and least, how many matching calls there must be before a share says anything (2 or more)")
		}
		m, err := r.matcher(s.Ratio.Of)
		if err != nil {
			return err
		}
		r.part = m.whole()
	case "distinct":
		return r.hashed(s.Distinct)
	case "first_seen":
		return r.hashed(s.FirstSeen)
	case "sequence":
		return r.sequenceSteps()
	}
	return nil
}

func (r *Rule) figure(t text) error {
	of, fields, slow, err := newFigure(t)
	r.of, r.Fields = of, append(r.Fields, fields...)
	if slow {
		r.Slow = append(r.Slow, t.s)
	}
	return err
}

// hashed finds what stands for a field's values.
func (r *Rule) hashed(t text) error {
	f := fieldNamed(t.s)
	switch {
	case f == nil:
		return t.problem("there is no field %q%s", t.s, suggest(t.s, fieldNames()))
	case f.kind == isReasons || f.kind == isBool:
		return t.problem("values of %s cannot be told apart: it is a %s", f.Name, f.kind)
	case f.hash != nil:
		r.hash = func(e *detect.Event, _ *detect.Context) uint64 { return f.hash(e) }
	default:
		r.hash = func(e *detect.Event, x *detect.Context) uint64 { return fnv(f.view(e, x)) }
	}
	r.Fields = append(r.Fields, f.Name)
	return nil
}

// fnv hashes texts that have no keyed hash of their own; 0 is for none.
func fnv(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return max(h, 1)
}

func (r *Rule) sequenceSteps() error {
	s := r.spec
	for i, st := range s.Sequence {
		t := st.Match
		if st.Match.given() == st.Not.given() {
			return s.ID.problem("step %d of the sequence wants either match or not", i+1)
		}
		if st.Not.given() {
			t = st.Not
		}
		m, err := r.matcher(t)
		if err != nil {
			return err
		}
		if st.Times < 0 || st.Times > maxTimes || st.Not.given() && st.Times > 0 {
			return t.problem("times is from 1 to %d, and not for what must not come", maxTimes)
		}
		r.steps = append(r.steps, step{m.whole(), m, uint16(max(st.Times, 1)), st.Not.given()})
	}
	for i, st := range r.steps {
		if st.not && (i == 0 || r.steps[i-1].not) {
			return s.ID.problem("step %d of the sequence says what must not come, and needs a step before it that is waited for; join two such steps with ||", i+1)
		}
	}
	return nil
}

// threshold holds the figures to the measure.
func (r *Rule) threshold() error {
	s := r.spec
	windowed := slices.Contains([]string{"count", "sum", "ratio", "distinct", "first_seen", "sequence"}, r.measure)
	switch {
	case windowed && !s.Within.given():
		return s.ID.problem("%s needs within: over how long", r.measure)
	case !windowed && s.Within.given():
		return s.Within.problem("within needs something to measure: count, sum, ratio, distinct, first_seen or sequence")
	}
	limited := slices.Contains([]string{"count", "sum", "ratio", "distinct"}, r.measure) || r.measure == "value" && r.usual == nil
	switch {
	case limited && !s.AtLeast.given():
		return s.ID.problem("%s needs at_least: from which figure on it is a finding", r.measure)
	case !limited && s.AtLeast.given() && r.measure != "value":
		return s.AtLeast.problem("at_least needs something to compare with it: count, sum, value, ratio or distinct")
	case r.usual != nil && !slices.Contains([]string{"count", "sum", "value"}, r.measure):
		return s.Above.problem("above needs count, sum or value: of others no baseline is kept")
	case s.Learn.given() && r.usual == nil && r.measure != "first_seen":
		return s.Learn.problem("learn needs above or first_seen: nothing else learns")
	case r.measure == "ratio" && r.atLeast > 1:
		return s.AtLeast.problem("a ratio is never above 1: write 50%% as 0.5")
	case r.measure == "first_seen" && r.learn == 0:
		return s.ID.problem("first_seen needs learn: how long a subject is watched before something is new to it, such as learn: 7d")
	case r.usual != nil && r.learn == 0:
		return s.Above.problem("above needs learn: how long a subject is watched before its past is compared with, such as learn: 2d")
	}
	return nil
}

// bounds refuses what would not fit into a state of fixed size.
func (r *Rule) bounds() error {
	s := r.spec
	if s.Cap.given() {
		n, err := strconv.Atoi(s.Cap.s)
		if err != nil || n < 1 || r.measure != "distinct" && r.measure != "first_seen" {
			return s.Cap.problem("cap is how many values of distinct or first_seen are told apart, 1 or more")
		}
		r.capacity = n
	}
	switch r.measure {
	case "distinct":
		need := int(math.Ceil(r.atLeast))
		if r.capacity == 0 {
			r.capacity = need
		}
		switch {
		case r.capacity > maxSketch:
			return s.place(s.Cap).problem("the rule would have to tell %d values of %s apart for every %s; the limit is %d: lower at_least, or shorten within", r.capacity, s.Distinct.s, s.By.s, maxSketch)
		case need > r.capacity:
			return s.Cap.problem("cap is %d, so that at_least: %d could never be reached", r.capacity, need)
		}
	case "first_seen":
		if r.capacity == 0 {
			return s.FirstSeen.problem("first_seen needs cap: how many values of %s one %s has at most, up to %d; one with more is never new to anything", s.FirstSeen.s, s.By.s, maxSeen)
		}
		if r.capacity > maxSeen {
			return s.Cap.problem("the rule would have to remember %d values of %s for every %s; the limit is %d", r.capacity, s.FirstSeen.s, s.By.s, maxSeen)
		}
	case "sequence":
		if len(r.steps) < 2 || len(r.steps) > maxSteps {
			return s.ID.problem("the sequence has %d steps; want from 2 to %d", len(r.steps), maxSteps)
		}
	}
	return nil
}
