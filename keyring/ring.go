package keyring

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrUnknown says that the ring has no such credential.
var ErrUnknown = errors.New("no such key")

// Ring is the set of credentials that the monitor knows. Lookups take no lock
// and see an update as soon as the call that made it returns; updates take turns.
type Ring struct {
	options Options
	seed    maphash.Seed
	table   atomic.Pointer[table]

	mu   sync.Mutex // orders updates
	live int        // entries; mu
	used int        // slots that are not nil, graves among them; mu
}

// table is an open-addressed hash table, probed linearly. A slot goes from nil to
// an entry, and from there to other entries of the same credential or to grave,
// which only a rebuild clears, or an entry that takes its place. So a
// reader that meets nil has seen all there is.
type table struct {
	slots []atomic.Pointer[Entry]
	mask  uint64
}

var grave = &Entry{} // holds the slot of a removed entry; never changed

const minSlots = 64

// New returns an empty ring that builds its entries with the options.
func New(o Options) *Ring {
	r := &Ring{options: o, seed: maphash.MakeSeed()}
	r.table.Store(newTable(minSlots))
	return r
}

func newTable(n int) *table {
	return &table{slots: make([]atomic.Pointer[Entry], n), mask: uint64(n - 1)}
}

// hash is seeded, so that nobody can choose ids that collide.
func (r *Ring) hash(venue, id string) uint64 {
	return maphash.String(r.seed, id) ^ maphash.String(r.seed, venue)*0x9e3779b97f4a7c15
}

// Lookup returns the entry of a credential, which the caller must not change. It
// allocates nothing and keeps neither string.
func (r *Ring) Lookup(venue, id string) (*Entry, bool) {
	t := r.table.Load()
	for i := r.hash(venue, id) & t.mask; ; i = (i + 1) & t.mask {
		e := t.slots[i].Load()
		if e == nil {
			return nil, false
		}
		if e.ID == id && e.Venue == venue && e != grave {
			return e, true
		}
	}
}

// Len returns the number of credentials.
func (r *Ring) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live
}

// Put takes in the entry, in place of one with the same venue, id and scheme;
// beside one with another scheme. It fails only when the ring is full.
func (r *Ring) Put(e *Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.put(e)
}

func (r *Ring) put(e *Entry) error {
	if e.ID == "" {
		panic("BUG: an entry without an id")
	}
	t := r.table.Load()
	if slot := r.find(t, e.Venue, e.ID); slot != nil {
		slot.Store(slot.Load().with(e))
		return nil
	}
	if r.live >= maxCredentials {
		return fmt.Errorf("cannot add %s key %q: the keyring holds %d, its limit", e.Venue, clip(e.ID), r.live)
	}
	if (r.used+1)*3 > len(t.slots)*2 {
		t = r.rebuild(t)
	}
	if r.insert(t, e) {
		r.used++
	}
	r.live++
	return nil
}

// with returns the chain of entries with n in it. Nothing shared is changed.
func (e *Entry) with(n *Entry) *Entry {
	if e == nil {
		return n
	}
	if e.Scheme == n.Scheme || e.Scheme == "" || n.Scheme == "" {
		c := *n
		c.Also = e.Also
		return &c
	}
	c := *e
	c.Also = e.Also.with(n)
	return &c
}

// find returns the slot of the credential, nil if it has none.
func (r *Ring) find(t *table, venue, id string) *atomic.Pointer[Entry] {
	for i := r.hash(venue, id) & t.mask; ; i = (i + 1) & t.mask {
		e := t.slots[i].Load()
		if e == nil {
			return nil
		}
		if e != grave && e.ID == id && e.Venue == venue {
			return &t.slots[i]
		}
	}
}

// insert puts an entry that is not in t into the first free slot and reports
// whether that slot was a new one.
func (r *Ring) insert(t *table, e *Entry) bool {
	for i := r.hash(e.Venue, e.ID) & t.mask; ; i = (i + 1) & t.mask {
		switch t.slots[i].Load() {
		case nil:
			t.slots[i].Store(e)
			return true
		case grave:
			t.slots[i].Store(e)
			return false
		}
	}
}

// rebuild publishes a table without graves that is at most a third full.
func (r *Ring) rebuild(old *table) *table {
	n := minSlots
	for n < 3*(r.live+1) {
		n *= 2
	}
	t := newTable(n)
	for i := range old.slots {
		if e := old.slots[i].Load(); e != nil && e != grave {
			r.insert(t, e)
		}
	}
	r.used = r.live
	r.table.Store(t)
	return t
}

// Add builds the spec and takes the entry in.
func (r *Ring) Add(s Spec, now time.Time) error {
	e, err := r.options.Build(s, now)
	if err != nil {
		return err
	}
	return r.Put(e)
}

// Replace makes the entries, of which no two name the same credential and scheme, the whole
// content of the ring, at once.
func (r *Ring) Replace(entries []*Entry) error {
	fresh := &Ring{seed: r.seed}
	fresh.table.Store(newTable(minSlots))
	for _, e := range entries {
		if err := fresh.put(e); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live, r.used = fresh.live, fresh.used
	r.table.Store(fresh.table.Load())
	return nil
}

// Remove forgets a credential and reports whether it was there.
func (r *Ring) Remove(venue, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	slot := r.find(r.table.Load(), venue, id)
	if slot == nil {
		return false
	}
	slot.Store(grave)
	r.live--
	return true
}

// SetFrozen sets or clears the credential's Frozen flag.
func (r *Ring) SetFrozen(venue, id string, frozen bool) error {
	return r.update(venue, id, func(e *Entry) error {
		for {
			e.Frozen = frozen
			if e.Also == nil {
				return nil
			}
			c := *e.Also
			e.Also = &c
			e = e.Also
		}
	})
}

// Rotate puts new secrets in force for a credential. The old ones stay valid for
// the overlap, which is between 0 and MaxOverlap; what was rotated away before
// that is forgotten.
func (r *Ring) Rotate(venue, id string, new Secrets, overlap time.Duration, now time.Time) error {
	err := r.update(venue, id, func(e *Entry) error {
		if err := checkOverlap(overlap); err != nil {
			return err
		}
		old := e.Material
		if new.Passphrase.Empty() {
			new.Passphrase = old.Passphrase
		}
		m, err := r.options.material(&e.Credential, e.Scheme, new)
		if err != nil {
			return err
		}
		if m.Empty() {
			return errors.New("there is no new secret")
		}
		e.Material, e.LastRotated, e.Previous = m, now, nil
		if overlap > 0 {
			e.Previous = &Previous{Material: old, Until: now.Add(overlap)}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot rotate %s key %q: %w", clip(venue), clip(id), err)
	}
	return nil
}

// update replaces an entry by a changed copy.
func (r *Ring) update(venue, id string, change func(*Entry) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	slot := r.find(r.table.Load(), venue, id)
	if slot == nil {
		return fmt.Errorf("%w: %s %q", ErrUnknown, clip(venue), clip(id))
	}
	e := *slot.Load()
	if err := change(&e); err != nil {
		return err
	}
	slot.Store(&e)
	return nil
}

// Each calls f for every entry, in no order, until it returns false. f must not change
// the ring.
func (r *Ring) Each(f func(*Entry) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.table.Load()
	for i := range t.slots {
		if e := t.slots[i].Load(); e != grave {
			for ; e != nil; e = e.Also {
				if !f(e) {
					return
				}
			}
		}
	}
}

// List returns the entries by venue and id.
func (r *Ring) List() []*Entry {
	var list []*Entry
	r.Each(func(e *Entry) bool {
		list = append(list, e)
		return true
	})
	slices.SortFunc(list, func(a, b *Entry) int {
		return cmp.Or(cmp.Compare(a.Venue, b.Venue), cmp.Compare(a.ID, b.ID))
	})
	return list
}
