package respond

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vedette/internal/durable"
)

// load reads the journal: each record is an intervention as it was then; the last one of an id holds.
func (r *Responder) load() (err error) {
	r.journal, _, err = durable.OpenJournal(r.FS, r.File, func(_ int64, b []byte) error {
		i := &Intervention{}
		if err := json.Unmarshal(b, i); err != nil || i.ID == "" {
			return errors.New("a record is no intervention: it was written by another program or version")
		}
		if old := r.all[i.ID]; old != nil {
			*old = *i
			return nil
		}
		r.add(i)
		return nil
	})
	if err != nil {
		return fmt.Errorf("cannot open interventions: %w", err)
	}
	now := r.Now()
	for _, i := range r.order {
		if i.Automatic && i.State != DryRun && now.Sub(i.At) < atMostWindow {
			r.recent[i.Playbook] = append(r.recent[i.Playbook], i.At)
		}
	}
	return nil
}

// Read returns the interventions of a journal that no Responder has open, oldest first.
func Read(fsys durable.FS, file string) ([]Intervention, error) {
	r := &Responder{Config: Config{FS: fsys, File: file, Now: time.Now}, all: map[string]*Intervention{}, byKey: map[string]*Intervention{}, recent: map[string][]time.Time{}}
	if err := r.load(); err != nil {
		return nil, err
	}
	return r.List(), r.journal.Close()
}

func (r *Responder) add(i *Intervention) {
	r.all[i.ID], r.byKey[i.Key] = i, i
	r.order = append(r.order, i)
}

// step is what the ledger holds of a change.
type step struct {
	*Intervention
	Key string `json:"key,omitempty"` // hides that of the journal
}

// written is how noting a change went; it is set once the responder has settled down.
type written struct{ err error }

// note brings the intervention into a state, with the lock held, and has that put into the journal
// and the ledger behind the caller's back. Neither failing takes anything back; what failed is counted.
func (r *Responder) note(i *Intervention, what string, s State, by string) *written {
	i.State, i.Changed, i.By = s, r.Now().UTC(), by
	as, w := i.copy(), &written{}
	r.later(func() {
		w.err = errors.Join(r.save(&as), r.Record(by, what, step{Intervention: &as}))
		r.Tell(as)
	})
	return w
}

// settle returns when what was noted outlasts a power cut. It is called without the lock.
func (r *Responder) settle(w *written) error {
	r.settleDown()
	return errors.Join(w.err, r.syncJournal(), r.Settle())
}

func (r *Responder) syncJournal() error {
	r.files.RLock()
	defer r.files.RUnlock()
	return r.journal.Sync()
}

// save appends to the journal; only what later calls may do so.
func (r *Responder) save(i *Intervention) error {
	b, err := json.Marshal(i)
	if err != nil {
		panic("BUG: an intervention does not encode: " + err.Error())
	}
	if _, err := r.journal.Append(b); err != nil {
		r.unsaved()
		return fmt.Errorf("not noted: %w", err)
	}
	select {
	case r.dirty <- struct{}{}:
	default:
	}
	if r.journal.Size() > 2*r.rewritten+journalSlack {
		r.rewrite()
	}
	return nil
}

func (r *Responder) unsaved() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Unsaved++
}

// rewrite leaves the newest record of each intervention; only what later calls may do so. Records
// that wait to be appended follow, so the last one holds again. After an error the old file goes on.
func (r *Responder) rewrite() {
	r.mu.Lock()
	var list [][]byte
	for _, i := range r.order {
		b, err := json.Marshal(i)
		if err != nil {
			panic("BUG: an intervention does not encode: " + err.Error())
		}
		list = append(list, b)
	}
	r.mu.Unlock()
	r.files.Lock()
	defer r.files.Unlock()
	err := r.journal.Replace(func(yield func([]byte, error) bool) {
		for _, b := range list {
			if !yield(b, nil) {
				return
			}
		}
	}, func(int64) {})
	if err != nil {
		r.unsaved()
	}
	r.rewritten = r.journal.Size()
}

// sync makes what was noted outlast a power cut, at most every syncEvery.
func (r *Responder) sync() {
	defer r.wg.Done()
	for {
		select {
		case <-r.dirty:
		case <-r.life.Done():
			return
		}
		select {
		case <-time.After(syncEvery):
		case <-r.life.Done():
			return // Close syncs
		}
		if err := r.syncJournal(); err != nil {
			r.unsaved()
			r.mu.Lock()
			r.later(r.rewrite)
			r.mu.Unlock()
		}
	}
}
