package respond

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// note brings the intervention into a state, and puts that into the journal and the ledger. Neither
// failing takes anything back; what failed is counted and returned.
func (r *Responder) note(i *Intervention, what string, s State, by string) error {
	i.State, i.Changed, i.By = s, r.Now().UTC(), by
	err := errors.Join(r.save(i), r.Record(by, what, step{Intervention: i}))
	r.Tell(i.copy())
	return err
}

// settle returns when what was noted outlasts a power cut. It is called without the lock.
func (r *Responder) settle() error { return errors.Join(r.syncJournal(), r.Settle()) }

func (r *Responder) syncJournal() error {
	r.files.RLock()
	defer r.files.RUnlock()
	return r.journal.Sync()
}

func (r *Responder) save(i *Intervention) error {
	b, err := json.Marshal(i)
	if err != nil {
		panic("BUG: an intervention does not encode: " + err.Error())
	}
	if _, err := r.journal.Append(b); err != nil {
		r.stats.Unsaved++
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

// rewrite leaves the newest record of each intervention. After an error the old file goes on.
func (r *Responder) rewrite() error {
	r.files.Lock()
	defer r.files.Unlock()
	list := slices.Clone(r.order)
	err := r.journal.Replace(func(yield func([]byte, error) bool) {
		for _, i := range list {
			if b, err := json.Marshal(i); !yield(b, err) {
				return
			}
		}
	}, func(int64) {})
	r.rewritten = r.journal.Size()
	return err
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
			r.mu.Lock()
			r.stats.Unsaved++
			r.rewrite()
			r.mu.Unlock()
		}
	}
}
