package ruleset

import (
	"math"

	"vedette/detect"
)

// define gives the rule the smallest state that does.
func (r *Rule) define(d detect.Detector) *detect.Detector {
	switch r.measure {
	case "count", "sum":
		if r.usual != nil {
			return r.unusualSum(d)
		}
		switch {
		case r.measure == "count" && r.atLeast <= 4:
			return exact(r, d, func(s *trail4) (*uint32, []mark) { return &s.n, s.marks[:] })
		case r.measure == "count" && r.atLeast <= 8:
			return exact(r, d, func(s *trail8) (*uint32, []mark) { return &s.n, s.marks[:] })
		}
		return r.sliding(d)
	case "value":
		return r.unusualValue(d)
	case "ratio":
		return r.ratio(d)
	case "distinct":
		return sized(r.capacity, sketched(r, d),
			distinct(r, d, (*values4).list), distinct(r, d, (*values8).list), distinct(r, d, (*values16).list), distinct(r, d, (*values32).list))
	case "first_seen":
		return sized(r.capacity, nil, firstSeen(r, d, (*values4).list), firstSeen(r, d, (*values8).list),
			firstSeen(r, d, (*values16).list), firstSeen(r, d, (*values32).list))
	case "sequence":
		return r.sequence(d)
	}
	return detect.Define(d, func(x *detect.Context, _ *struct{}) {
		if x.Open() {
			r.raise(x, 1, 1, x.Time, nil)
		}
	})
}

func (v *values4) list() []value  { return v.v[:] }
func (v *values8) list() []value  { return v.v[:] }
func (v *values16) list() []value { return v.v[:] }
func (v *values32) list() []value { return v.v[:] }

// sized chooses the smallest state that holds n values, and beyond them the sketch.
func sized(n int, beyond func() *detect.Detector, by4, by8, by16, by32 func() *detect.Detector) *detect.Detector {
	switch {
	case n <= 4:
		return by4()
	case n <= 8:
		return by8()
	case n <= 16:
		return by16()
	case n <= 32:
		return by32()
	}
	return beyond()
}

// exact counts up to as many events as the state remembers.
func exact[S any](r *Rule, d detect.Detector, parts func(*S) (*uint32, []mark)) *detect.Detector {
	return detect.Define(d, func(x *detect.Context, s *S) {
		n, marks := parts(s)
		marks[*n%uint32(len(marks))] = mark{x.Time, x.Position}
		*n++
		if count, from := recent(marks, x.Time, r.width); float64(count) >= r.atLeast && x.Open() {
			r.raise(x, float64(count), r.atLeast, from, positions(marks, x.Time, r.width))
		}
	})
}

// amount is what an event adds.
func (r *Rule) amount(x *detect.Context) float64 {
	if r.of == nil {
		return 1
	}
	return r.of(x.Event, x)
}

func (r *Rule) sliding(d detect.Detector) *detect.Detector {
	return detect.Define(d, func(x *detect.Context, s *sums) {
		if sum, from := s.add(x.Time, r.width, r.amount(x), x.Position); sum >= r.atLeast && x.Open() {
			r.raise(x, sum, r.atLeast, from, s.evidence())
		}
	})
}

func (r *Rule) unusualSum(d detect.Detector) *detect.Detector {
	type state struct {
		sums
		busy
	}
	return detect.Define(d, func(x *detect.Context, s *state) {
		sum, from := s.add(x.Time, r.width, r.amount(x), x.Position)
		s.see(sum, x.Time, r.width, r.usual)
		if limit := max(r.atLeast, r.usual.factor*s.usual); s.ready(x.Time, r.learn) && sum >= limit && x.Open() {
			r.raise(x, sum, limit, from, s.evidence())
		}
	})
}

func (r *Rule) unusualValue(d detect.Detector) *detect.Detector {
	return detect.Define(d, func(x *detect.Context, s *baseline) {
		v := r.of(x.Event, x)
		if v <= 0 {
			return // not given
		}
		limit := r.atLeast
		ready := true
		if r.usual != nil {
			ready = s.ready(x.Time, r.learn)
			limit = max(limit, r.usual.factor*s.usual)
			s.update(v, x.Time, r.usual)
		}
		if ready && v >= limit && x.Open() {
			r.raise(x, v, limit, x.Time, nil)
		}
	})
}

func (r *Rule) ratio(d detect.Detector) *detect.Detector {
	least := float64(r.spec.Ratio.Least)
	return detect.Define(d, func(x *detect.Context, s *shares) {
		part, whole, from := s.add(x.Time, r.width, r.part(x.Event, x), x.Position)
		if whole >= least && part/whole >= r.atLeast && x.Open() {
			r.raise(x, part/whole, r.atLeast, from, []uint64{s.last})
		}
	})
}

func distinct[S any](r *Rule, d detect.Detector, list func(*S) []value) func() *detect.Detector {
	type state struct {
		values S
		first  mark // of the values that are there
	}
	return func() *detect.Detector {
		return detect.Define(d, func(x *detect.Context, s *state) {
			h := r.hash(x.Event, x)
			if h == 0 {
				return // not given
			}
			n, _, _ := meet(list(&s.values), h, x.Time, r.width)
			if n == 1 || x.Time-s.first.at > r.width {
				s.first = mark{x.Time, x.Position}
			}
			if float64(n) >= r.atLeast && x.Open() {
				r.raise(x, float64(n), r.atLeast, s.first.at, []uint64{s.first.position})
			}
		})
	}
}

func sketched(r *Rule, d detect.Detector) func() *detect.Detector {
	if r.capacity <= fewSketch {
		return sketchedBy(r, d, (*halves8).words)
	}
	return sketchedBy(r, d, (*halves16).words)
}

func sketchedBy[S any](r *Rule, d detect.Detector, words func(*S) [2][]uint64) func() *detect.Detector {
	type state struct {
		bits S
		sketch
	}
	n := float64(64 * len(words(new(S))[0]))
	limit := freeAt(r.atLeast, n)
	return func() *detect.Detector {
		return detect.Define(d, func(x *detect.Context, s *state) {
			h := r.hash(x.Event, x)
			if h == 0 {
				return
			}
			before := s.last
			if free := s.add(words(&s.bits), h, x.Time, r.width, x.Position); free <= limit && x.Open() {
				r.raise(x, math.Round(estimate(free, n)), r.atLeast, x.Time-r.width, []uint64{before})
			}
		})
	}
}

// firstSeen raises on a value that the subject never had, once it is known what the subject has. A
// subject that had too many to remember raises nothing: variety is its habit.
func firstSeen[S any](r *Rule, d detect.Detector, list func(*S) []value) func() *detect.Detector {
	type state struct {
		values S
		first  int64
		varied int64 // when a value had to give way
	}
	return func() *detect.Detector {
		return detect.Define(d, func(x *detect.Context, s *state) {
			h := r.hash(x.Event, x)
			if h == 0 {
				return
			}
			if s.first == 0 {
				s.first = x.Time
			}
			n, old, full := meet(list(&s.values), h, x.Time, r.width)
			if full {
				s.varied = x.Time
			}
			if !old && n == 1 {
				s.first = x.Time // all that was known has faded: whatever comes is new, and says nothing
			}
			varied := s.varied != 0 && x.Time-s.varied <= r.width
			if !old && !varied && x.Time-s.first >= r.learn && x.Open() {
				r.raise(x, float64(n), float64(n-1), x.Time, nil)
			}
		})
	}
}

// sequence waits for its steps, one run a subject.
func (r *Rule) sequence(d detect.Detector) *detect.Detector {
	d.Starts = func(x *detect.Context) bool { return r.steps[0].match(x.Event, x) }
	return detect.Define(d, func(x *detect.Context, s *run) {
		if s.start != 0 && x.Time-s.start > r.width {
			r.expire(x, s)
		}
		if s.start == 0 {
			s.begin(x.Event)
			if r.advance(x, s); s.n == 0 {
				s.start = 0
			}
			return
		}
		r.advance(x, s)
	})
}

// expire ends a run whose time is over. If only the absence of something was still to be seen, it was.
func (r *Rule) expire(x *detect.Context, s *run) {
	if i := int(s.step); i == len(r.steps)-1 && r.steps[i].not && x.Open() {
		r.raise(x, float64(i), float64(i), s.start, s.evidence())
	}
	*s = run{}
}

// advance shows an event to the step that is waited for.
func (r *Rule) advance(x *detect.Context, s *run) {
	for r.steps[s.step].not {
		if r.steps[s.step].match(x.Event, x) {
			*s = run{}
			return
		}
		if int(s.step) == len(r.steps)-1 {
			return // until the time is over
		}
		if !r.steps[s.step+1].match(x.Event, x) {
			return
		}
		s.step++
	}
	st := r.steps[s.step]
	if !st.match(x.Event, x) {
		if s.step == 1 && s.times == 0 && r.steps[0].times == 1 && r.steps[0].match(x.Event, x) {
			s.begin(x.Event) // the first again: what follows is measured from here
			s.step = 1
			s.note(x.Position)
		}
		return
	}
	s.note(x.Position)
	if s.times++; s.times < st.times {
		return
	}
	s.step, s.times = s.step+1, 0
	if int(s.step) == len(r.steps) {
		from, evidence := s.start, s.evidence()
		*s = run{}
		if x.Open() {
			r.raise(x, float64(len(r.steps)), float64(len(r.steps)), from, evidence)
		}
	}
}
