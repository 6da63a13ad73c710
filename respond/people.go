package respond

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrUnknown says that there is no such intervention.
var ErrUnknown = errors.New("no such intervention: vedette respond list shows them")

// find returns the intervention, with the lock held.
func (r *Responder) find(id, by string) (*Intervention, error) {
	if by == "" {
		return nil, errors.New("nobody says so: by is empty")
	}
	i := r.all[id]
	if i == nil {
		return nil, fmt.Errorf("%q: %w", id, ErrUnknown)
	}
	return i, nil
}

// settled waits until what a person did is done and on disk.
func (r *Responder) settled(id string, w *written, err error) (Intervention, error) {
	if err == nil {
		err = r.settle(w)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.all[id]
	if i == nil {
		return Intervention{}, err
	}
	return i.copy(), err
}

// Approve adds a person's approval, and carries the intervention out once as many different people
// as it needs have approved. The playbook that proposed it is none of them.
func (r *Responder) Approve(id string, by Person) (Intervention, error) {
	w, err := r.approve(id, by)
	i, err := r.settled(id, w, err)
	if err == nil && i.State == Failed {
		err = fmt.Errorf("cannot carry out %s: %s", id, i.Result)
	}
	return i, err
}

func (r *Responder) approve(id string, by Person) (*written, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, err := r.find(id, by.Name)
	now := r.Now().UTC()
	switch {
	case err != nil:
		return nil, err
	case i.State != Proposed:
		return nil, fmt.Errorf("cannot approve %s: it is %s", id, i.State)
	case !now.Before(i.Until):
		return nil, fmt.Errorf("cannot approve %s: it waited until %s", id, i.Until.Format(time.RFC3339))
	}
	// What was shown in another way, before the configuration named approvers or no longer did, may be the same person.
	i.Approvals = slices.DeleteFunc(slices.Clone(i.Approvals), func(v Vote) bool {
		return proofKind(v.Proof) != proofKind(by.Proof) || r.Stands != nil && !r.Stands(v)
	})
	if v := i.approvedBy(by); v != nil {
		if v.Proof != "" && !strings.EqualFold(v.By, by.Name) {
			return nil, fmt.Errorf("cannot approve %s: %s has approved already with the same %s, another person must", id, v.By, v.Proof)
		}
		return nil, fmt.Errorf("cannot approve %s: %s has approved already, another person must", id, v.By)
	}
	i.Approvals = append(i.Approvals, Vote{by.Name, by.Proof, now})
	if len(i.Approvals) < i.Needs {
		return r.note(i, "respond.approve", Proposed, by.Name), nil
	}
	r.stats.Approved++
	// Noted before it is stored: a crash in between does not lose the approval.
	w := r.note(i, "respond.approve", Doing, by.Name)
	r.carryOut(i)
	return w, nil
}

// Reject ends a proposal. The playbook does not propose the same again for an hour.
func (r *Responder) Reject(id, by, why string) (Intervention, error) {
	w, err := r.reject(id, by, why)
	return r.settled(id, w, err)
}

func (r *Responder) reject(id, by, why string) (*written, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, err := r.find(id, by)
	if err != nil {
		return nil, err
	}
	if i.State != Proposed {
		return nil, fmt.Errorf("cannot reject %s: it is %s", id, i.State)
	}
	i.Result = why
	return r.note(i, "respond.reject", Rejected, by), nil
}

// Undo lifts what was put in force. For an hour the playbook does not do the same again without a
// person. Orders that were cancelled stay so.
func (r *Responder) Undo(id, by, why string) (Intervention, error) {
	w, err := r.undo(id, by, why)
	return r.settled(id, w, err)
}

func (r *Responder) undo(id, by, why string) (*written, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, err := r.find(id, by)
	switch {
	case err != nil:
		return nil, err
	case i.Do == CancelAll:
		return nil, fmt.Errorf("cannot undo %s: cancelled orders do not come back", id)
	case i.State == Proposed:
		return nil, fmt.Errorf("cannot undo %s: it is only proposed: reject it", id)
	case i.State != Done && i.State != Failed || len(i.Restrictions) == 0:
		return nil, fmt.Errorf("cannot undo %s: it is %s", id, i.State)
	}
	var errs []error
	for _, x := range i.Restrictions {
		errs = append(errs, r.Lift(x.ID))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("cannot undo %s: %w", id, err)
	}
	i.Result = why
	return r.note(i, "respond.undo", Undone, by), nil
}

// Expire ends the proposals that nobody approved in time, and forgets the oldest of what has ended.
// Call it now and then.
func (r *Responder) Expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now().UTC()
	closed := 0
	for _, i := range r.order {
		if i.State == Proposed && !now.Before(i.Until) {
			r.note(i, "respond.expire", Expired, "vedette")
		}
		if !i.open(now) {
			closed++
		}
	}
	if closed <= keepClosed {
		return
	}
	r.order = slices.DeleteFunc(r.order, func(i *Intervention) bool {
		if closed <= keepClosed || i.open(now) || i.live(now) {
			return false
		}
		closed--
		delete(r.all, i.ID)
		if r.byKey[i.Key] == i {
			delete(r.byKey, i.Key)
		}
		return true
	})
}

// List returns what was proposed and done, oldest first, without what is long ended.
func (r *Responder) List() []Intervention {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Intervention, len(r.order))
	for n, i := range r.order {
		list[n] = i.copy()
	}
	return list
}

// Stats returns the figures.
func (r *Responder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	for _, i := range r.order {
		if i.State == Proposed {
			s.Proposed++
		}
	}
	return s
}
