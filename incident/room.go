package incident

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"vedette"
)

// limit keeps memory bounded after an incident has entered, and returns the one that it is now.
//
// Incidents that concern nobody known to the keyring have room of their own. Anybody can make such by
// inventing addresses; when that room is full the further ones become one, whose findings go on being
// counted, and no incident of a known party is touched. Those can only be made with a credential that
// exists; when there are too many, those of the lowest risk leave memory, untouched ones first. They
// stay in the store, as they are; only the next finding on them begins a new incident.
func (j *Joiner) limit(n *node) *node {
	if n.record.Memory.Exposure == 0 && n != j.rest && n.record.Count == 1 && len(j.open)-j.known > maxStrangers {
		if j.rest == nil {
			n.record.Title = clip("More findings on strangers than can be told apart; the first: " + n.record.Title)
			n.record.Memory.Weight = 2 // so that the title stays
			j.rest = n
			return n
		}
		j.rest = j.union(j.rest, n)
		return j.rest
	}
	if j.known > maxOpen {
		j.evict(n)
	}
	return n
}

// evict takes a sixteenth of the incidents of known parties out of memory.
func (j *Joiner) evict(but *node) {
	var list []*node
	for _, n := range j.open {
		if n.record.Memory.Exposure > 0 && n != but {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *node) int {
		return cmp.Or(cmp.Compare(min(a.record.Revision, 1), min(b.record.Revision, 1)), cmp.Compare(a.record.Risk, b.record.Risk),
			a.record.Updated.Compare(b.record.Updated), cmp.Compare(a.record.ID, b.record.ID))
	})
	for _, n := range list[:max(1, len(list)/16)] {
		j.forget(n)
		j.stats.Evicted++
		for l := range n.keys {
			j.keep(l, slices.DeleteFunc(j.links[l], func(e *episode) bool {
				if e.node.root() != n {
					return false
				}
				j.drop(e)
				return true
			}))
		}
	}
}

// Take returns what changed since the last time, for the store: incidents, and those that were merged
// into others. Give them to Retry if they could not be stored.
func (j *Joiner) Take() []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := j.gone
	j.gone = nil
	for _, id := range slices.Sorted(maps.Keys(j.open)) {
		if n := j.open[id]; n.dirty {
			n.dirty = false
			list = append(list, j.recordOf(n))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(j.merged)) {
		list = append(list, Record{Incident: vedette.Incident{ID: id, Updated: j.newest}, Monitor: j.c.Monitor, MergedInto: j.merged[id]})
	}
	clear(j.merged)
	return list
}

// Retry takes back what Take returned and could not be stored. What changed meanwhile wins.
func (j *Joiner) Retry(records []Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range records {
		n := j.open[r.ID]
		switch {
		case r.MergedInto != "":
			if j.merged[r.ID] == "" {
				j.merged[r.ID] = r.MergedInto
			}
		case n != nil:
			n.dirty = true
		case j.merged[r.ID] == "":
			j.gone = append(j.gone, r)
		}
	}
	j.bound()
}

// bound gives up the oldest changes that nothing would store.
func (j *Joiner) bound() {
	if n := len(j.gone) - maxUnstored; n > 0 {
		j.gone = slices.Delete(j.gone, 0, n)
		j.stats.Lost += uint64(n)
	}
	for id := range j.merged {
		if len(j.merged) <= maxUnstored {
			break
		}
		delete(j.merged, id)
		j.stats.Lost++
	}
}

// recordOf returns a node's record with what leads to it.
func (j *Joiner) recordOf(n *node) Record {
	r := n.record.clone()
	for l := range n.keys {
		for _, e := range j.links[l] {
			if e.node.root() == n {
				r.Memory.Links = append(r.Memory.Links, Linked{l.kind, l.id, e.From, e.To})
			}
		}
	}
	slices.SortFunc(r.Memory.Links, func(a, b Linked) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), a.From.Compare(b.From))
	})
	return r
}

// Restore takes in incidents of an earlier run, as Take returned them. Those that no finding can join
// any more, at the time given, are left out.
func (j *Joiner) Restore(records []Record, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range records {
		if r.MergedInto != "" || len(r.Memory.Seen) == 0 || j.open[r.ID] != nil {
			continue
		}
		r = r.clone()
		r.Weigh()
		n := &node{record: r, first: r.Memory.Seen[0], seen: r.Memory.Seen, keys: map[link]struct{}{}, given: true}
		if n.record.Memory.Evidence == nil {
			n.record.Memory.Evidence = map[string]float64{}
		}
		for _, l := range r.Memory.Links {
			at := link{l.Kind, l.ID}
			if l.To.Before(now.Add(-at.reach(j.c.Window)-j.c.Tolerance)) || n.links >= maxLinks || j.episodes >= maxAllLinks {
				continue
			}
			j.links[at] = append(j.links[at], &episode{l.From, l.To, n})
			n.keys[at] = struct{}{}
			n.links++
			j.episodes++
		}
		n.record.Memory.Links = nil
		if n.links == 0 {
			continue
		}
		j.enter(n)
		j.newest = latest(j.newest, r.Memory.Seen[len(r.Memory.Seen)-1].Time)
	}
}
