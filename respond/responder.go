package respond

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vedette"
	"vedette/internal/durable"
)

// Config is what a Responder needs. All but Cancel, CanCancel, Credential, Stands and Delay must be set.
type Config struct {
	FS   durable.FS
	File string // what was proposed and done
	Now  func() time.Time
	// Impose puts a restriction in force before it returns; save stores it. An error of save leaves
	// it in force.
	Impose func(r vedette.Restriction) (save func() error, err error)
	// Lift takes one out of force. Whether it was in force is no error.
	Lift func(id string) error
	// InForce lists restrictions, those of others too.
	InForce func() []vedette.Restriction
	// Cancel cancels all open orders of an account at a venue and says in words what it did.
	Cancel func(ctx context.Context, venue, account string) (string, error)
	// CanCancel says why Cancel cannot be for the account, nil if it can.
	CanCancel func(venue, account string) error
	// Credential returns what is known of a credential.
	Credential func(venue, id string) (vedette.Credential, bool)
	// Stands says whether an approval of before still counts: that of a person who may approve no longer does not. nil for all.
	Stands func(v Vote) bool
	// Record puts a step into the ledger, without waiting for the disk.
	Record func(by, what string, detail any) error
	// Settle returns when what was recorded is on disk.
	Settle func() error
	// Tell is told of every change, for the log and for people. It must not call the Responder.
	Tell func(i Intervention)
	// Delay returns how long to wait after a failed attempt to cancel, from 1; nil for doubling
	// from 1 s to 1 min, with half of it random.
	Delay func(attempt int) time.Duration
}

// Responder carries playbooks out. It is safe for concurrent use.
type Responder struct {
	Config
	book   atomic.Pointer[Book]
	life   context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	dirty  chan struct{}

	files sync.RWMutex // held for writing while the journal is replaced

	mu      sync.Mutex
	journal *durable.Journal
	// rewritten is the size of the journal after its last rewrite, in bytes.
	rewritten int64
	finishing []func()                 // what follows after what is in force, in order
	idle      *sync.Cond               // told when nothing is
	all       map[string]*Intervention // by id
	order     []*Intervention          // oldest first
	byKey     map[string]*Intervention // the newest
	recent    map[string][]time.Time   // automatic ones, by playbook, in the window
	stats     Stats
}

// Stats are figures since the start.
type Stats struct {
	Automatic, Approved, Dry, Failed uint64
	Refused                          uint64 // since too much waited for approval already
	Unsaved                          uint64 // changes that the disk did not take
	Proposed                         int    // that wait
}

// Open reads what was proposed and done, and goes on with what a crash interrupted: what was being
// carried out is carried out again, which changes nothing where it had been.
func Open(c Config, book *Book) (*Responder, error) {
	if c.Delay == nil {
		c.Delay = func(n int) time.Duration {
			d := min(time.Second<<min(n-1, 10), maxCancelDelay)
			return d/2 + rand.N(d/2+1)
		}
	}
	r := &Responder{Config: c, dirty: make(chan struct{}, 1), all: map[string]*Intervention{}, byKey: map[string]*Intervention{}, recent: map[string][]time.Time{}}
	r.idle = sync.NewCond(&r.mu)
	r.book.Store(book)
	if err := r.load(); err != nil {
		return nil, err
	}
	r.life, r.cancel = context.WithCancel(context.Background())
	r.wg.Add(1)
	go r.sync()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.adopt()
	for _, i := range slices.Clone(r.order) {
		if i.State == Doing {
			r.carryOut(i)
		}
	}
	return r, nil
}

// adopt takes in restrictions that a playbook set and that a crash kept from being noted.
func (r *Responder) adopt() {
	known := map[string]bool{}
	for _, i := range r.order {
		for _, x := range i.Restrictions {
			known[x.ID] = true
		}
	}
	found := map[string]*Intervention{}
	for _, x := range r.InForce() {
		id, ours := strings.CutPrefix(x.ID, restrictionPrefix)
		if !ours || known[x.ID] {
			continue
		}
		id, _, _ = strings.Cut(id, "/")
		if i := found[id]; i != nil {
			i.Restrictions = append(i.Restrictions, x)
			continue
		}
		i := &Intervention{ID: id, Playbook: strings.TrimPrefix(x.By, byPlaybook), Words: x.Kind.String(), Why: x.Reason, Restrictions: []vedette.Restriction{x},
			State: Done, Automatic: true, At: x.From, Until: x.Until, Result: "found in force after a crash", By: x.By, Key: "found " + id}
		if p, ok := r.book.Load().planOf(x); ok { // so that the next event adds nothing to it
			i.Do, i.Subject, i.Venue, i.For, i.Words, i.Key = p.Response.Do, p.Subject, p.Venue, p.Response.lasts(), p.Words(), p.key()
		}
		found[id] = i
	}
	for _, i := range found {
		r.add(i)
		r.note(i, "respond.found", i.State, i.By)
	}
}

// Use puts other playbooks in force for the next event. What is proposed stays so.
func (r *Responder) Use(b *Book) { r.book.Store(b) }

// byPlaybook begins the name under which a playbook acts.
const byPlaybook = "playbook "

// Take responds to an event. A restriction that needs no approval is in force when it returns; the
// rest follows without the caller. The order is: in force in the gate, in the store, in the journal,
// in the ledger. A crash after the first leaves nothing, and the event must be taken again; after
// the second the next start finds the restriction; after the third only the ledger's record is missing.
func (r *Responder) Take(e Event) { r.respond(e, r.Now()) }

// Retake is Take for an event of before a crash, that may have been taken: what was done about it
// then, or was in force then already, is not done again, however long ago it ended.
func (r *Responder) Retake(e Event) { r.respond(e, e.Time()) }

// respond takes an event that came at a time.
func (r *Responder) respond(e Event, at time.Time) {
	b := r.book.Load()
	plans := b.Plan(e)
	if len(plans) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range plans {
		r.take(b, p, e, at)
	}
}

func (r *Responder) take(b *Book, p Plan, e Event, at time.Time) {
	now, key := r.Now().UTC(), p.key()
	last := r.byKey[key]
	if last != nil && last.live(at) && !(last.State == DryRun && !*p.Playbook.DryRun) {
		last.Times++
		return
	}
	id := idOf(key, e.ID())
	if old := r.all[id]; old != nil {
		if !(old.State == DryRun && !*p.Playbook.DryRun) {
			return
		}
		id = idOf(key, e.ID()+" in earnest") // the playbook was switched on since
		if r.all[id] != nil {
			return
		}
	}
	i := &Intervention{ID: id, Key: key, Playbook: p.Playbook.Name, Do: p.Response.Do, Subject: p.Subject, Venue: p.Venue, Restrictions: p.restrictions(),
		For: p.Response.lasts(), Words: p.Words(), Event: e.ID(), Why: e.Words(), Times: 1, Needs: *p.Response.Approve, At: now, By: byPlaybook + p.Playbook.Name}
	for n := range i.Restrictions {
		x := &i.Restrictions[n]
		x.ID, x.By, x.Reason = fmt.Sprintf("%s%s/%d", restrictionPrefix, id, n), i.By, reason(i)
	}
	if err := r.possible(p); err != nil {
		i.Result = err.Error()
		r.add(i)
		r.note(i, "respond.fail", Failed, i.By)
		return
	}
	r.hold(b, i, p, e, last, now)
	switch {
	case *p.Playbook.DryRun:
		i.Until = now.Add(max(i.For, time.Minute))
		i.Automatic = i.Needs == 0
		r.stats.Dry++
		r.add(i)
		r.note(i, "respond.would", DryRun, i.By)
	case i.Needs > 0:
		r.propose(i, p, now)
	default:
		i.Automatic = true
		r.stats.Automatic++
		r.recent[i.Playbook] = append(r.recent[i.Playbook], now)
		r.carryOut(i)
	}
}

func reason(i *Intervention) string {
	s := i.Why + " (" + i.Event + ")"
	return s[:min(len(s), 1024)]
}

// possible says why a plan cannot be carried out whatever people say.
func (r *Responder) possible(p Plan) error {
	if p.Response.Do != CancelAll {
		return nil
	}
	if r.CanCancel == nil {
		return errors.New("no credential for cancelling is configured (respond.cancel_with)")
	}
	return r.CanCancel(p.Venue, p.Subject.ID)
}

// hold turns what would be automatic into a proposal where a bound says so.
func (r *Responder) hold(b *Book, i *Intervention, p Plan, e Event, last *Intervention, now time.Time) {
	if i.Needs > 0 {
		return
	}
	recent := slices.DeleteFunc(r.recent[i.Playbook], func(t time.Time) bool { return now.Sub(t) >= atMostWindow })
	r.recent[i.Playbook] = recent
	switch who := b.Protected(p, e, r.Credential); {
	case who != "":
		i.Held = "never lists " + who
	case len(recent) >= p.Playbook.AtMost:
		i.Held = fmt.Sprintf("%d automatic interventions of the playbook within an hour", len(recent))
	case last != nil && last.State == Undone && now.Before(last.Changed.Add(afterUndo)):
		i.Held = last.By + " undid it within the hour"
	default:
		return
	}
	i.Needs = 1
}

func (r *Responder) propose(i *Intervention, p Plan, now time.Time) {
	waiting := 0
	for _, o := range r.order {
		if o.State == Proposed {
			waiting++
		}
	}
	if waiting >= maxProposed {
		r.stats.Refused++
		return
	}
	i.Until = now.Add(p.Playbook.wait())
	r.add(i)
	r.note(i, "respond.propose", Proposed, i.By)
}

// carryOut does it, with the lock held: what is in force is so on return, the rest follows.
func (r *Responder) carryOut(i *Intervention) {
	if r.all[i.ID] == nil {
		r.add(i)
	}
	if i.Do == CancelAll {
		r.note(i, "respond.do", Doing, i.By)
		r.later(func() {
			r.wg.Add(1)
			go r.cancelOrders(i)
		})
		return
	}
	now := r.Now().UTC()
	i.State, i.Until = Doing, now.Add(i.For)
	var saves []func() error
	var errs []error
	for n := range i.Restrictions {
		x := &i.Restrictions[n]
		x.From, x.Until = now, i.Until
		save, err := r.Impose(*x)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		saves = append(saves, save)
	}
	r.later(func() { r.finish(i, saves, errors.Join(errs...)) })
}

// finish stores what carryOut put in force, and then notes that it is.
func (r *Responder) finish(i *Intervention, saves []func() error, failed error) {
	var unsaved []error
	for _, save := range saves {
		if err := save(); err != nil {
			unsaved = append(unsaved, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	state, what := Done, "respond.do"
	if failed != nil {
		state, what = Failed, "respond.fail"
		r.stats.Failed++
	}
	if err := errors.Join(failed, errors.Join(unsaved...)); err != nil {
		i.Result = err.Error()
	}
	r.note(i, what, state, i.By)
}

// later has finish called soon and without the lock, after those that came before; with the lock held.
// All that waits for a disk goes this way, so that Take never does.
func (r *Responder) later(finish func()) {
	r.finishing = append(r.finishing, finish)
	if len(r.finishing) > 1 {
		return // the goroutine that works on the first one goes on with it
	}
	r.wg.Go(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for len(r.finishing) > 0 {
			next := r.finishing[0]
			r.mu.Unlock()
			next()
			r.mu.Lock()
			r.finishing = r.finishing[1:]
		}
		r.idle.Broadcast()
	})
}

// settleDown returns when all that Take began is stored and noted.
func (r *Responder) settleDown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.finishing) > 0 {
		r.idle.Wait()
	}
}

// cancelOrders has the venue cancel, in a goroutine of its own.
func (r *Responder) cancelOrders(i *Intervention) {
	defer r.wg.Done()
	r.mu.Lock()
	venue, account, by := i.Venue, i.Subject.ID, i.By
	r.mu.Unlock()
	said, err := "", error(nil)
	for n := 1; n <= cancelAttempts; n++ {
		ctx, stop := context.WithTimeout(r.life, cancelTime)
		said, err = r.Cancel(ctx, venue, account)
		if stop(); err == nil || n == cancelAttempts {
			break
		}
		select {
		case <-r.life.Done():
			return // the next start goes on
		case <-time.After(r.Delay(n)):
		}
	}
	if err != nil && r.life.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		i.Result = err.Error()
		r.stats.Failed++
		r.note(i, "respond.fail", Failed, by)
		return
	}
	i.Result, i.Until = said, r.Now().UTC().Add(time.Minute) // a second cancel_all within it has nothing to add
	r.note(i, "respond.do", Done, by)
}

// Close waits until what is in force is stored; what a venue is still asked for is asked for again
// after the next Open.
func (r *Responder) Close() error {
	r.settleDown()
	r.cancel()
	r.wg.Wait()
	return r.journal.Close()
}
