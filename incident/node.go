package incident

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vedette"
)

// stamp orders findings: by time, and by id within one.
type stamp struct {
	Time time.Time
	ID   string
}

func (a stamp) compare(b stamp) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
}

// node is an incident under way. Those that were merged into another have a parent; what they found
// is in the root (union-find). Everything that merge does commutes, so that the order in which findings
// arrive does not show.
type node struct {
	parent *node
	record Record
	first  stamp
	seen   []stamp           // oldest first, bounded as Findings is
	links  int               // episodes that lead here
	keys   map[link]struct{} // where they are; some may be gone
	dirty  bool              // not yet taken for the store
	given  bool              // its id was given out
}

// root returns the node that n was merged into, and shortens the way there.
func (n *node) root() *node {
	for n.parent != nil {
		if n.parent.parent != nil {
			n.parent = n.parent.parent
		}
		n = n.parent
	}
	return n
}

// newNode returns an incident of one finding.
func newNode(f *vedette.Finding, intel float64) *node {
	at := stamp{f.Time.UTC(), f.ID}
	n := &node{first: at, seen: []stamp{at}, keys: map[link]struct{}{}}
	weight := Evidence(f)
	n.record = Record{
		Incident: vedette.Incident{ID: "inc:" + f.ID, Opened: at.Time, Updated: at.Time, From: f.From.UTC(), To: f.To.UTC(), Severity: f.Severity,
			Title: clip(f.Summary), Subjects: subjects(f), Count: 1, Tags: smallest(slices.Clone(f.Tags), cmp.Compare[string], maxTags), Notes: []vedette.Note{}},
		Memory: Memory{Evidence: map[string]float64{}, Intel: clamp(intel), Weight: weight, Strongest: at}}
	strengthen(n.record.Memory.Evidence, f.Detector, weight)
	n.finish()
	return n
}

// expose says what the parties could lose.
func (n *node) expose(value float64, words string) {
	if n.record.Memory.Exposure = clamp(value); n.record.Memory.Exposure > 0 {
		n.record.AtStake = clip(words)
	}
	n.finish()
}

// finish fills in what follows from the rest.
func (n *node) finish() {
	r := &n.record
	r.Findings = make([]string, len(n.seen))
	for i, s := range n.seen {
		r.Findings[i] = s.ID
	}
	r.Memory.Seen = n.seen
	r.Weigh()
	n.dirty = true
}

// has reports whether the incident has the finding, as far as it lists them.
func (n *node) has(s stamp) bool {
	_, ok := slices.BinarySearchFunc(n.seen, s, stamp.compare)
	return ok
}

// merge takes in another root, which then leads here. The older of the two must be n.
func (n *node) merge(o *node) {
	a, b := &n.record, &o.record
	a.Updated = latest(a.Updated, b.Updated)
	if b.From.Before(a.From) {
		a.From = b.From
	}
	a.To = latest(a.To, b.To)
	a.Severity = max(a.Severity, b.Severity)
	a.Count += b.Count
	a.Subjects = smallest(append(a.Subjects, b.Subjects...), compareSubjects, maxSubjects)
	a.Tags = smallest(append(a.Tags, b.Tags...), cmp.Compare[string], maxTags)
	m := &a.Memory
	for d, w := range b.Memory.Evidence {
		strengthen(m.Evidence, d, w)
	}
	if c := cmp.Compare(b.Memory.Exposure, m.Exposure); c > 0 || c == 0 && b.AtStake != "" && (a.AtStake == "" || b.AtStake < a.AtStake) {
		a.AtStake = b.AtStake
	}
	m.Exposure, m.Intel = max(m.Exposure, b.Memory.Exposure), max(m.Intel, b.Memory.Intel)
	if c := cmp.Compare(b.Memory.Weight, m.Weight); c > 0 || c == 0 && b.Memory.Strongest.compare(m.Strongest) < 0 {
		m.Weight, m.Strongest, a.Title = b.Memory.Weight, b.Memory.Strongest, b.Title
	}
	n.seen = ends(append(slices.Clone(n.seen), o.seen...))
	switch {
	case !o.given: // a finding says nothing of what people did
	case !n.given:
		a.adopt(b)
	default:
		a.mergeActs(b)
	}
	n.links += o.links
	maps.Copy(n.keys, o.keys)
	o.parent, o.links, o.seen, o.keys = n, 0, nil, nil
	o.record = Record{}
	n.finish()
}

// ends keeps the first and the last findings.
func ends(list []stamp) []stamp {
	slices.SortFunc(list, stamp.compare)
	list = slices.CompactFunc(list, func(a, b stamp) bool { return a == b })
	if len(list) > maxFindings {
		list = slices.Delete(list, maxFindings/2, len(list)-maxFindings/2)
	}
	return list
}

// smallest sorts, leaves out repeats and keeps the first n.
func smallest[T comparable](list []T, compare func(a, b T) int, n int) []T {
	slices.SortFunc(list, compare)
	list = slices.Compact(list)
	if list == nil {
		list = []T{}
	}
	return slices.Clip(list[:min(len(list), n)])
}

// subjectKinds are the kinds of subjects, the most telling first.
var subjectKinds = []string{"owner", "account", "credential", "source", "ja4", "instrument", "venue"}

func compareSubjects(a, b vedette.Subject) int {
	return cmp.Or(cmp.Compare(slices.Index(subjectKinds, a.Kind), slices.Index(subjectKinds, b.Kind)), cmp.Compare(a.ID, b.ID))
}

// subjects lists what the finding is about.
func subjects(f *vedette.Finding) []vedette.Subject {
	var list []vedette.Subject
	for i, id := range []string{f.Owner, f.Account, f.Credential, f.Source, f.JA4, f.Instrument, f.Venue} {
		if id != "" {
			list = append(list, vedette.Subject{Kind: subjectKinds[i], ID: clip(id)})
		}
	}
	for _, r := range f.Related[:min(len(f.Related), maxRelated)] {
		if l, _ := related(r, ""); l.id != "" {
			list = append(list, vedette.Subject{Kind: l.kind, ID: clip(strings.TrimPrefix(l.id, "\x00"))})
		}
	}
	return smallest(list, compareSubjects, maxSubjects)
}

// clip bounds a text without breaking a letter.
func clip(s string) string {
	if len(s) <= maxTitle {
		return s
	}
	n := maxTitle
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
