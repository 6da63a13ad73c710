package ruleset

import "fmt"

// meaning is a hash of what the rule keeps of a subject and how it counts: what it keeps by, its conditions, its
// window and its measure. A rule that is edited there begins anew; one whose words, severity, score, quiet time or
// response are edited goes on.
func (r *Rule) meaning() uint64 {
	s := r.spec
	said := fmt.Appendf(nil, "%s %t %q %d %s %q %v %d %d", s.By.s, s.Parts, s.Match.s, r.width, r.measure,
		[]string{s.Sum.s, s.Value.s, s.Distinct.s, s.FirstSeen.s}, r.atLeast, r.capacity, r.learn)
	if s.Ratio != nil {
		said = fmt.Appendf(said, " ratio %q %d", s.Ratio.Of.s, s.Ratio.Least)
	}
	if r.usual != nil {
		said = fmt.Appendf(said, " above %v", *r.usual)
	}
	for i, st := range r.steps {
		said = fmt.Appendf(said, " step %q %q %d", s.Sequence[i].Match.s, s.Sequence[i].Not.s, st.times)
	}
	return fnv(said)
}
