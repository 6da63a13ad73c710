// Package incident joins findings into incidents, with a risk, and holds what people do about them.
package incident

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"vedette"
)

// Config is what a Joiner is made of. All of it may be left out.
type Config struct {
	// Window is how long a subject links findings, DefaultWindow if 0; addresses and fingerprints
	// link for a quarter of it.
	Window time.Duration
	// Tolerance is how late a finding may come, in event time, and change nothing by it:
	// DefaultTolerance if 0.
	Tolerance time.Duration
	// Population says how common a subject is. Without it addresses always link and fingerprints never.
	Population Population
	// Exposure returns, in [0,1] and in words, what the parties of a finding could lose: what the credentials may do.
	// It is above 0 if the keyring knows one of them: such incidents have room that strangers cannot take.
	Exposure func(*vedette.Finding) (float64, string)
	// Intel returns, in [0,1], how sure threat intelligence is that a party is hostile.
	Intel func(*vedette.Finding) float64
	// Monitor names the records as those of one monitor, where several share a store.
	Monitor string
}

// Joiner joins findings on linked subjects within a window into incidents. Given the same findings,
// population and rules, its incidents are the same in whatever order the findings came, as long as none
// came later than the tolerance: what links two findings does not depend on the others, an incident
// is all that hangs together, and its id is that of its first finding. An id that was given out before
// an earlier finding came lives on as merged into the new one.
//
// Its methods may be called concurrently.
type Joiner struct {
	c Config

	mu       sync.Mutex
	newest   time.Time // event time
	swept    time.Time
	open     map[string]*node // roots by id
	links    map[link][]*episode
	episodes int
	known    int   // roots that concern somebody known
	rest     *node // takes the findings of strangers when there is no more room; nil before
	rules    []*Rule
	merged   map[string]string // not yet taken: what was merged, into what
	gone     []Record          // left memory before they were taken
	stats    Stats
}

// Stats are figures of a Joiner since it was made. Open, Links, Incidents and Unstored may fall.
type Stats struct {
	Open       int // incidents in memory
	Links      int // subjects that lead to them
	Incidents  int // all that there were, less those that became part of others
	Joined     uint64
	Repeated   uint64 // findings that came again
	Suppressed uint64
	Late       uint64 // findings beyond the tolerance
	Evicted    uint64 // incidents that left memory before their time
	Unlinked   uint64 // links left out for lack of room
	Unstored   int    // changes that wait for the store
	Lost       uint64 // changes that were given up
}

// New returns a Joiner without incidents.
func New(c Config) *Joiner {
	c.Window, c.Tolerance = cmp.Or(c.Window, DefaultWindow), cmp.Or(c.Tolerance, DefaultTolerance)
	return &Joiner{c: c, open: map[string]*node{}, links: map[link][]*episode{}, merged: map[string]string{}}
}

// Join takes in a finding, sets its Incident, or its tag where a rule keeps it out, and returns the
// incident as it is now. It returns false where the finding was kept out or came before.
func (j *Joiner) Join(f *vedette.Finding) (vedette.Incident, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.keepOut(f) {
		return vedette.Incident{}, false
	}
	j.advance(f.Time)
	links := j.linksOf(f)
	roots := j.near(links, f)
	at := stamp{f.Time.UTC(), f.ID}
	for _, r := range roots {
		if r.has(at) {
			j.stats.Repeated++
			f.Incident = r.record.ID
			return vedette.Incident{}, false
		}
	}
	j.stats.Joined++
	j.stats.Incidents++
	n := newNode(f, ask(j.c.Intel, f))
	if j.c.Exposure != nil {
		n.expose(j.c.Exposure(f))
	}
	n.record.Monitor = j.c.Monitor
	j.enter(n)
	n = j.unite(n, roots, f)
	if n = j.limit(n); n != j.rest {
		j.attach(n, links, f.Time.UTC())
	}
	n.given = true
	f.Incident = n.record.ID
	return n.record.clone().Incident, true
}

func ask(figure func(*vedette.Finding) float64, f *vedette.Finding) float64 {
	if figure == nil {
		return 0
	}
	return clamp(figure(f))
}

// keepOut applies the rules to a finding.
func (j *Joiner) keepOut(f *vedette.Finding) bool {
	for _, r := range j.rules {
		if r.matches(f) {
			r.Kept++
			j.stats.Suppressed++
			f.Tags = append(slices.Clone(f.Tags), TagSuppressed+":"+r.ID)
			return true
		}
	}
	return false
}

// near returns the incidents that the links lead to, each once. One that was closed as benign or false
// takes in no finding from after that; one from before only if nothing open wants it.
func (j *Joiner) near(links []link, f *vedette.Finding) []*node {
	var open, closed []*node
	for _, l := range links {
		for _, e := range j.links[l] {
			n := e.node.root()
			switch {
			case !e.near(f.Time, l.reach(j.c.Window)) || slices.Contains(open, n) || slices.Contains(closed, n):
			case n.record.State != vedette.IncidentClosed || n.record.Resolution == vedette.TrueIncident:
				open = append(open, n)
			case !f.Time.After(n.record.Closed):
				closed = append(closed, n)
			}
		}
	}
	if len(open) > 0 {
		return open
	}
	return closed[:min(len(closed), 1)]
}

// enter makes a new root known.
func (j *Joiner) enter(n *node) {
	j.open[n.record.ID] = n
	if n.record.Memory.Exposure > 0 {
		j.known++
	}
}

// leave forgets a root.
func (j *Joiner) leave(n *node) {
	delete(j.open, n.record.ID)
	if n.record.Memory.Exposure > 0 {
		j.known--
	}
}

// unite makes the incident of one finding and those that it links one.
func (j *Joiner) unite(n *node, roots []*node, f *vedette.Finding) *node {
	var were []string // ids that were given out
	for _, r := range roots {
		if r.record.State == vedette.IncidentClosed && f.Time.After(r.record.Closed) {
			r.record.reopen(f)
		}
		were = append(were, r.record.ID)
		n = j.union(n, r)
	}
	for _, id := range were {
		if id != n.record.ID {
			j.merged[id] = n.record.ID
		}
	}
	return n
}

// union makes two roots one, under the id of the older.
func (j *Joiner) union(a, b *node) *node {
	if a == b {
		return a
	}
	if b.first.compare(a.first) < 0 {
		a, b = b, a
	}
	j.stats.Incidents--
	j.leave(a)
	j.leave(b)
	a.merge(b)
	j.enter(a)
	return a
}

// attach notes that the links lead to the incident.
func (j *Joiner) attach(n *node, links []link, at time.Time) {
	for _, l := range links {
		reach, list := l.reach(j.c.Window), j.links[l]
		e := &episode{at, at, n}
		kept := list[:0:0]
		for _, o := range list {
			if o.node.root() != n || !o.near(at, reach) {
				kept = append(kept, o)
				continue
			}
			j.drop(o)
			if o.From.Before(e.From) {
				e.From = o.From
			}
			e.To = latest(e.To, o.To)
		}
		if n.links >= maxLinks || j.episodes >= maxAllLinks && n.record.Memory.Exposure == 0 {
			j.stats.Unlinked++
		} else {
			kept = append(kept, e)
			n.keys[l] = struct{}{}
			n.links++
			j.episodes++
		}
		j.keep(l, kept)
	}
}

func (j *Joiner) drop(e *episode) {
	j.episodes--
	e.node.root().links--
}

// advance moves the clock of the findings and forgets what no finding can join any more.
func (j *Joiner) advance(t time.Time) {
	if t.Before(j.newest.Add(-j.c.Tolerance)) {
		j.stats.Late++
	}
	j.newest = latest(j.newest, t)
	if j.newest.Sub(j.swept) < j.c.Window/16 {
		return
	}
	j.swept = j.newest
	for l, list := range j.links {
		end := j.newest.Add(-l.reach(j.c.Window) - j.c.Tolerance)
		j.keep(l, slices.DeleteFunc(list, func(e *episode) bool {
			if !e.To.Before(end) {
				return false
			}
			j.drop(e)
			return true
		}))
	}
	for _, n := range j.open {
		if n.links == 0 && n.record.Updated.Before(j.newest.Add(-j.c.Window/addressPart)) {
			j.forget(n)
		}
	}
}

func (j *Joiner) keep(l link, list []*episode) {
	if len(list) == 0 {
		delete(j.links, l)
		return
	}
	j.links[l] = list
}

// forget takes a root out of memory; the store keeps it.
func (j *Joiner) forget(n *node) {
	if n.dirty {
		j.gone = append(j.gone, j.recordOf(n))
		j.bound()
	}
	j.leave(n)
	if n == j.rest {
		j.rest = nil
	}
}

// ErrUnknown says that there is no such incident or rule.
var ErrUnknown = errors.New("there is no such")

// Adopt takes over what people did to incidents, as the store has it now.
func (j *Joiner) Adopt(records ...Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range records {
		if n := j.open[records[i].ID]; n != nil {
			n.record.adopt(&records[i])
		}
	}
}

// Open returns the incidents in memory that are not closed, alerts before context and the riskiest first, at most limit.
func (j *Joiner) Open(limit int) []vedette.Incident {
	j.mu.Lock()
	defer j.mu.Unlock()
	var roots []*node
	for _, n := range j.open {
		if n.record.State != vedette.IncidentClosed {
			roots = append(roots, n)
		}
	}
	slices.SortFunc(roots, func(a, b *node) int {
		return cmp.Or(vedette.AlertsFirst(a.record.Incident, b.record.Incident), cmp.Compare(b.record.Risk, a.record.Risk), b.record.Updated.Compare(a.record.Updated), cmp.Compare(a.record.ID, b.record.ID))
	})
	list := make([]vedette.Incident, 0, min(len(roots), limit))
	for _, n := range roots[:min(len(roots), limit)] {
		list = append(list, n.record.clone().Incident)
	}
	return list
}

// Rules returns the suppressions and expected changes with what they kept out.
func (j *Joiner) Rules() []Rule {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]Rule, len(j.rules))
	for i, r := range j.rules {
		list[i] = *r
	}
	return list
}

// SetRules puts these rules in force, instead of those before.
func (j *Joiner) SetRules(rules []Rule) error {
	if len(rules) > maxRules {
		return fmt.Errorf("cannot keep %d rules: %d is the limit", len(rules), maxRules)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	kept := map[string]uint64{}
	for _, r := range j.rules {
		kept[r.ID] = r.Kept
	}
	j.rules = nil
	for _, r := range rules {
		r.Kept = kept[r.ID]
		j.rules = append(j.rules, &r)
	}
	return nil
}

// Stats returns the figures now.
func (j *Joiner) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.stats
	s.Open, s.Links, s.Unstored = len(j.open), j.episodes, len(j.merged)+len(j.gone)
	for n := range maps.Values(j.open) {
		if n.dirty {
			s.Unstored++
		}
	}
	return s
}
