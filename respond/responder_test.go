package respond

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
	"vedette/internal/durable/durabletest"
)

// desk is what a responder acts on. The gate and the store outlive a kill of the responder as those of the
// monitor do: the store does, the gate is loaded from it.
type desk struct {
	t       *testing.T
	fs      *durabletest.FS
	mu      sync.Mutex
	now     time.Time
	store   map[string]vedette.Restriction
	steps   []string // in the order they happened
	records []string
	told    []Intervention
	cancels []string
	cancel  func() (string, error)
	setErr  error       // of the gate
	saveErr error       // of the store
	die     func() bool // the process dies between gate and store
	r       *Responder
}

var errKilled = errors.New("killed")

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, fs: durabletest.New(), now: time.Unix(1767614400, 0).UTC(), store: map[string]vedette.Restriction{}}
	t.Cleanup(func() {
		if d.r != nil {
			d.r.Close()
		}
	})
	return d
}

func (d *desk) config() Config {
	return Config{FS: d.fs, File: "dir/respond", Now: func() time.Time { d.mu.Lock(); defer d.mu.Unlock(); return d.now },
		Impose: func(r vedette.Restriction) (func() error, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.setErr != nil {
				return nil, d.setErr
			}
			d.steps = append(d.steps, "in force "+r.ID)
			return func() error {
				d.mu.Lock()
				defer d.mu.Unlock()
				if d.die != nil && d.die() {
					return errKilled
				}
				d.steps = append(d.steps, "stored "+r.ID)
				d.store[r.ID] = r
				return d.saveErr
			}, nil
		},
		Lift: func(id string) error { d.mu.Lock(); defer d.mu.Unlock(); delete(d.store, id); return nil },
		InForce: func() (list []vedette.Restriction) {
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, r := range d.store {
				list = append(list, r)
			}
			return list
		},
		Cancel: func(_ context.Context, venue, account string) (string, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.cancels = append(d.cancels, venue+" "+account)
			if d.cancel != nil {
				return d.cancel()
			}
			return "2 orders cancelled", nil
		},
		CanCancel: func(venue, account string) error {
			if account != "acct-1" {
				return fmt.Errorf("no key cancels orders of account %s at %s", account, venue)
			}
			return nil
		},
		Credential: func(venue, id string) (vedette.Credential, bool) {
			return vedette.Credential{ID: id, Venue: venue, Account: "acct-of-" + id, Owner: "owner-of-" + id}, true
		},
		Record: func(by, what string, detail any) error {
			b, err := json.Marshal(detail)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.steps, d.records = append(d.steps, "record "+what), append(d.records, by+" "+what+" "+string(b))
			return err
		},
		Settle: func() error { return nil },
		Tell:   func(i Intervention) { d.mu.Lock(); defer d.mu.Unlock(); d.told = append(d.told, i) },
		Delay:  func(int) time.Duration { return time.Millisecond }}
}

func (d *desk) open(yaml string) *Responder {
	d.t.Helper()
	b, err := ParseBook([]byte(yaml))
	if err != nil {
		d.t.Fatal(err)
	}
	if d.r, err = Open(d.config(), b); err != nil {
		d.t.Fatal(err)
	}
	return d.r
}

// kill ends the responder as kill -9 does.
func (d *desk) kill() {
	d.r.cancel()
	d.r.wg.Wait()
	d.fs.Kill()
}

func (d *desk) pass(t time.Duration) { d.mu.Lock(); d.now = d.now.Add(t); d.mu.Unlock() }

// inForce tells what is in force, once it is stored.
func (d *desk) inForce() string {
	d.r.settleDown()
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []string
	for _, r := range d.store {
		list = append(list, fmt.Sprintf("%s %s%s%s%s %s", r.Kind, r.Credential, r.Account, r.Source, r.Instrument, r.Operation))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func forged(n int, credential string) Event {
	return Of(&vedette.Finding{ID: fmt.Sprint("sha256:", n), Detector: "access.forged_signature", Severity: vedette.High, Score: 0.9, Venue: "binance",
		Credential: credential, Account: "acct-1", Source: "192.0.2.7", Instrument: "BTCUSDT", Summary: "Forged.", Tags: []string{"attack:T1078"}})
}

const freezing = `
playbooks:
  - name: forged
    dry_run: false
    match: {detector: access.forged_*, severity: medium}
    respond: [{do: freeze, subject: credential, for: 1h, approve: 0}]
`

func (d *desk) only(state State) Intervention {
	d.t.Helper()
	d.r.settleDown()
	var found []Intervention
	for _, i := range d.r.List() {
		if i.State == state {
			found = append(found, i)
		}
	}
	if len(found) != 1 {
		d.t.Fatalf("%d interventions are %s: %+v", len(found), state, d.r.List())
	}
	return found[0]
}

// TestAutomatic: the gate comes first; one attack is one freeze, over a restart too; it is undone by one
// order, and does not come back without a person.
func TestAutomatic(t *testing.T) {
	d := newDesk(t)
	r := d.open(freezing)
	for n := range 5 {
		r.Take(forged(n, "key-1"))
	}
	if got := d.inForce(); got != "freeze key-1 unknown" {
		t.Fatalf("in force: %s", got)
	}
	i := d.only(Done)
	if want := []string{"in force playbook:" + i.ID + "/0", "stored playbook:" + i.ID + "/0", "record respond.do"}; !slices.Equal(d.steps, want) || i.Times != 5 || !i.Automatic {
		t.Errorf("steps %v, want %v; %+v", d.steps, want, i)
	}
	if x := d.store["playbook:"+i.ID+"/0"]; !x.Until.Equal(d.now.Add(time.Hour)) || x.Venue != "binance" || x.By != "playbook forged" || x.Reason != "Forged. (sha256:0)" {
		t.Errorf("%+v", x)
	}
	if !strings.HasPrefix(d.records[0], `playbook forged respond.do {"id":"`) || strings.Contains(d.records[0], `"key"`) {
		t.Errorf("record %s", d.records[0])
	}
	d.kill()
	r = d.open(freezing)
	for n := range 6 {
		r.Take(forged(n, "key-1"))
	}
	if r.settleDown(); len(d.steps) != 3 {
		t.Errorf("done again: %v", d.steps)
	}
	if _, err := r.Undo(i.ID, "alice", "a test of ours"); err != nil || d.inForce() != "" {
		t.Errorf("%v, in force %s", err, d.inForce())
	}
	r.Take(forged(7, "key-1"))
	if p := d.only(Proposed); d.inForce() != "" || p.Held != "alice undid it within the hour" {
		t.Errorf("%+v", p)
	}
	d.pass(25 * time.Hour)
	r.Expire()
	d.only(Expired)
	r.Take(forged(8, "key-1"))
	if d.inForce() == "" {
		t.Error("a day later it is not frozen")
	}
}

// TestFound: a restriction that was stored and not noted is known at the next start, for what it is.
func TestFound(t *testing.T) {
	d := newDesk(t)
	r := d.open(freezing)
	r.Take(forged(1, "key-1"))
	id := d.only(Done).ID
	d.kill()
	d.fs.WriteAll(nil)
	r = d.open(freezing)
	if i := d.only(Done); i.ID != id || i.Do != Freeze || i.Subject.ID != "key-1" || !i.Automatic {
		t.Errorf("%+v", i)
	}
	r.Take(forged(2, "key-1"))
	if r.settleDown(); len(r.List()) != 1 {
		t.Errorf("%+v", r.List())
	}
	if _, err := r.Undo(id, "alice", ""); err != nil || d.inForce() != "" {
		t.Errorf("%v", err)
	}
}

// TestRetake: what was done, or was in force when a finding came, is not done again days later; what a crash
// kept from being done is.
func TestRetake(t *testing.T) {
	d := newDesk(t)
	r := d.open(freezing)
	first, second := forged(1, "key-1"), forged(2, "key-1")
	first.Finding.Time, second.Finding.Time = d.now, d.now.Add(5*time.Second)
	r.Take(first)
	r.Take(second)
	d.pass(5 * 24 * time.Hour)
	r.Retake(first)
	r.Retake(second)
	if r.settleDown(); len(r.List()) != 1 {
		t.Errorf("%+v", r.List())
	}
	other := forged(3, "key-2")
	other.Finding.Time = second.Finding.Time
	r.Retake(other)
	if r.settleDown(); len(r.List()) != 2 {
		t.Errorf("%+v", r.List())
	}
}

// TestDryRun: a playbook does nothing until it is switched on, and says what it would have done.
func TestDryRun(t *testing.T) {
	d := newDesk(t)
	r := d.open(strings.Replace(freezing, "    dry_run: false\n", "", 1))
	for n := range 3 {
		r.Take(forged(n, "key-1"))
	}
	if i := d.only(DryRun); d.inForce() != "" || !i.Automatic || len(d.records) != 1 || !strings.Contains(d.records[0], "respond.would") {
		t.Errorf("%+v %v", i, d.records)
	}
	b, _ := ParseBook([]byte(freezing))
	r.Use(b)
	r.Take(forged(2, "key-1"))
	if d.only(Done); d.inForce() == "" {
		t.Error("switched on, it does nothing")
	}
}

const twoPeople = `
playbooks:
  - name: halt
    dry_run: false
    wait: 30m
    match: {tags: ["attack:T1078"], subjects: [instrument]}
    respond: [{do: halt, for: 10m, approve: 2}]
`

// TestTwoPeople: two different people approve, and a kill in between loses nothing and does nothing twice.
func TestTwoPeople(t *testing.T) {
	d := newDesk(t)
	r := d.open(twoPeople)
	r.Take(forged(1, "key-1"))
	id := d.only(Proposed).ID
	for _, who := range []string{"", "alice", "alice", "Alice"} {
		if _, err := r.Approve(id, Person{Name: who}); (err == nil) != (who == "alice" && len(d.only(Proposed).Approvals) == 1 && len(d.records) == 2) && err == nil {
			t.Errorf("%q: %v", who, err)
		}
	}
	if len(d.only(Proposed).Approvals) != 1 || d.inForce() != "" {
		t.Fatalf("%+v", d.only(Proposed))
	}
	d.kill()
	r = d.open(twoPeople)
	r.Take(forged(1, "key-1"))
	if _, err := r.Approve(id, Person{Name: "bob"}); err != nil {
		t.Fatal(err)
	}
	if got := d.inForce(); got != "deny_operation BTCUSDT order.amend, deny_operation BTCUSDT order.new" {
		t.Errorf("in force: %s", got)
	}
	if _, err := r.Approve(id, Person{Name: "carol"}); err == nil || !strings.Contains(err.Error(), "it is done") {
		t.Errorf("a third approval: %v", err)
	}
	if _, err := r.Approve("none", Person{Name: "bob"}); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	if _, err := r.Undo(id, "bob", ""); err != nil || d.inForce() != "" {
		t.Errorf("%v", err)
	}
}

// TestOnePersonTwice: two names with one proof are one person, also over a restart, and one name with two proofs is.
func TestOnePersonTwice(t *testing.T) {
	d := newDesk(t)
	r := d.open(twoPeople)
	r.Take(forged(1, "key-1"))
	id := d.only(Proposed).ID
	if _, err := r.Approve(id, Person{"alice", "uid 1000"}); err != nil {
		t.Fatal(err)
	}
	d.kill()
	r = d.open(twoPeople)
	for _, who := range []Person{{"bob", "uid 1000"}, {"Alice", "uid 1001"}} {
		if _, err := r.Approve(id, who); err == nil || !strings.Contains(err.Error(), "alice has approved already") || len(d.only(Proposed).Approvals) != 1 {
			t.Errorf("%+v: %v", who, err)
		}
	}
	if i, err := r.Approve(id, Person{"bob", "uid 1001"}); err != nil || i.State != Done || i.Approvals[1] != (Vote{"bob", "uid 1001", i.Approvals[1].At}) {
		t.Errorf("%v %+v", err, i)
	}
}

// TestApprovalBeforeApprovers: once the configuration names approvers, an approval of before that nobody's key shows
// counts no more.
func TestApprovalBeforeApprovers(t *testing.T) {
	d := newDesk(t)
	r := d.open(twoPeople)
	r.Take(forged(1, "key-1"))
	id := d.only(Proposed).ID
	if _, err := r.Approve(id, Person{"mallory", "uid 1000"}); err != nil {
		t.Fatal(err)
	}
	if i, err := r.Approve(id, Person{"alice", "key of alice"}); err != nil || i.State != Proposed || len(i.Approvals) != 1 || i.Approvals[0].By != "alice" {
		t.Errorf("%v %+v", err, i)
	}
	if i, err := r.Approve(id, Person{"bob", "key of bob"}); err != nil || i.State != Done {
		t.Errorf("%v %+v", err, i)
	}
}

// TestApproverTakenOut: who may approve no longer does not count among those who did.
func TestApproverTakenOut(t *testing.T) {
	d := newDesk(t)
	r := d.open(twoPeople)
	gone := ""
	r.Stands = func(v Vote) bool { return v.By != gone }
	r.Take(forged(1, "key-1"))
	id := d.only(Proposed).ID
	if _, err := r.Approve(id, Person{"bob", "key of bob"}); err != nil {
		t.Fatal(err)
	}
	gone = "bob"
	if i, err := r.Approve(id, Person{"alice", "key of alice"}); err != nil || i.State != Proposed || len(i.Approvals) != 1 {
		t.Errorf("%v %+v", err, i)
	}
	if i, err := r.Approve(id, Person{"carol", "key of carol"}); err != nil || i.State != Done {
		t.Errorf("%v %+v", err, i)
	}
}

// TestApprovers: an approval with a key is that person's, for that intervention.
func TestApprovers(t *testing.T) {
	pub, key, _ := ed25519.GenerateKey(nil)
	_, other, _ := ed25519.GenerateKey(nil)
	a := Approvers{"alice": pub}
	if p, err := a.Verify("id", "alice", SignApproval(key, "id", "alice")); err != nil || p != (Person{"alice", "key of alice"}) {
		t.Errorf("%+v %v", p, err)
	}
	for what, try := range map[string]struct {
		id, name  string
		signature []byte
	}{"another key": {"id", "alice", SignApproval(other, "id", "alice")}, "another intervention": {"id2", "alice", SignApproval(key, "id", "alice")},
		"another name": {"id", "alice", SignApproval(key, "id", "bob")}, "none": {"id", "alice", nil}, "nobody known": {"id", "bob", SignApproval(key, "id", "bob")},
		"an id that runs into the name": {"id\nx", "alice", SignApproval(key, "id", "x\nalice")}} {
		if p, err := a.Verify(try.id, try.name, try.signature); !errors.Is(err, ErrApproval) || p != (Person{}) {
			t.Errorf("%s: %+v %v", what, p, err)
		}
	}
}

// TestProposalEvent: people hear what waits for whom, and hear again when one of two has approved.
func TestProposalEvent(t *testing.T) {
	d := newDesk(t)
	r := d.open(twoPeople)
	r.Take(forged(1, "key-1"))
	e := OfProposal(d.only(Proposed))
	i := e.Proposal
	if want := "halt of instrument BTCUSDT at binance for 10m0s waits for 2 people until " + i.Until.Format(time.RFC3339) + ", vedette respond approve " + i.ID + ": "; !strings.HasPrefix(e.Words(), want) {
		t.Errorf("%s\nwant %s", e.Words(), want)
	}
	if e.Severity() != vedette.High || e.Time() != i.At || i.Key != "" || len(e.Subjects()) != 2 || e.Tags()[0] != "playbook:halt" {
		t.Errorf("%+v", e)
	}
	if _, err := r.Approve(i.ID, Person{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	if after := OfProposal(d.only(Proposed)); after.ID() == e.ID() || !strings.Contains(after.Words(), "waits for 1 person until") {
		t.Errorf("%s: %s", after.ID(), after.Words())
	}
}

// TestRejected: what a person rejected is not proposed again within the hour.
func TestRejected(t *testing.T) {
	d := newDesk(t)
	r := d.open(twoPeople)
	r.Take(forged(1, "key-1"))
	if _, err := r.Reject(d.only(Proposed).ID, "alice", "a listing"); err != nil {
		t.Fatal(err)
	}
	r.Take(forged(2, "key-1"))
	if i := d.only(Rejected); i.Result != "a listing" || i.By != "alice" || len(r.List()) != 1 {
		t.Errorf("%+v", r.List())
	}
	d.pass(time.Hour)
	r.Take(forged(3, "key-1"))
	d.only(Proposed)
	d.pass(30 * time.Minute)
	if _, err := r.Approve(d.only(Proposed).ID, Person{Name: "bob"}); err == nil {
		t.Error("approved after it had ended")
	}
}

// TestBounds: beyond so many an hour, and for whom never lists, a person is asked.
func TestBounds(t *testing.T) {
	d := newDesk(t)
	yaml := strings.Replace(freezing, "playbooks:", "never: [{credential: maker, venue: binance}, {source: 198.51.100.0/24}]\nplaybooks:", 1) + "    at_most: 2\n"
	r := d.open(yaml)
	r.Take(forged(0, "maker"))
	if i := d.only(Proposed); d.inForce() != "" || i.Held != "never lists credential maker, venue binance" {
		t.Errorf("%+v", i)
	}
	e := forged(1, "key-0")
	e.Finding.Source = "198.51.100.7"
	r.Take(e)
	if d.inForce() != "" {
		t.Error("a source that never lists was no bound")
	}
	r.Take(forged(2, "key-1"))
	d.kill()
	r = d.open(yaml)
	for n := range 5 {
		r.Take(forged(10+n, fmt.Sprint("key-", 10+n)))
	}
	if got := d.inForce(); got != "freeze key-1 unknown, freeze key-10 unknown" {
		t.Errorf("in force: %s", got)
	}
	d.pass(time.Hour)
	r.Take(forged(20, "key-20"))
	if got := d.inForce(); !strings.Contains(got, "key-20") {
		t.Errorf("an hour later: %s", got)
	}
}

// TestNeverBelongs: freezing an account or owner would hit a key that never lists.
func TestNeverBelongs(t *testing.T) {
	for _, kind := range []string{"account", "owner"} {
		d := newDesk(t)
		r := d.open(strings.Replace(strings.Replace(freezing, "playbooks:", "never: [{credential: maker, venue: binance}]\nplaybooks:", 1), "subject: credential", "subject: "+kind, 1))
		e := forged(0, "other")
		e.Finding.Account, e.Finding.Owner = "acct-of-maker", "owner-of-maker"
		if r.Take(e); d.inForce() != "" {
			t.Errorf("%s of maker is frozen", kind)
		}
		e.Finding.ID, e.Finding.Account, e.Finding.Owner = "2", "acct-2", "owner-2"
		if r.Take(e); d.inForce() == "" {
			t.Errorf("%s of somebody else is not frozen", kind)
		}
	}
}

// TestKilledAnywhere kills the process at every step, also between gate and store, and goes on: in the end each
// key is frozen by one restriction, and every approval that was answered counts.
func TestKilledAnywhere(t *testing.T) {
	const yaml = freezing + "  - name: ask\n    dry_run: false\n    match: {severity: high}\n    respond: [{do: block, for: 1h}]\n"
	for at := range 40 {
		d := newDesk(t)
		n, dead := 0, false
		dies := func() bool {
			if n++; n == at {
				dead = true
			}
			return dead
		}
		hook := func(op durabletest.Op) durabletest.Fault {
			if dead || (op.Kind == "write" || op.Kind == "sync") && dies() {
				return durabletest.Fault{Err: errKilled}
			}
			return durabletest.Fault{}
		}
		d.die = dies
		r := d.open(yaml)
		d.fs.Hook(hook)
		approved := map[string]bool{}
		run := func() {
			for k := range 3 {
				if e := forged(k, fmt.Sprint("key-", k)); !dead {
					e.Finding.Source = fmt.Sprint("192.0.2.", k)
					r.Take(e)
					r.settleDown()
				}
			}
			for _, i := range r.List() {
				if i.State == Proposed && !dead {
					if _, err := r.Approve(i.ID, Person{Name: "alice"}); err == nil && !dead {
						approved[i.ID] = true
					}
				}
			}
		}
		run()
		d.fs.Hook(nil)
		d.die = nil
		d.kill()
		dead = false
		r = d.open(yaml)
		for _, i := range r.List() {
			if approved[i.ID] && i.State != Done {
				t.Fatalf("killed at %d: an approved one is %s", at, i.State)
			}
		}
		run()
		if got, want := d.inForce(), "block 192.0.2.0 unknown, block 192.0.2.1 unknown, block 192.0.2.2 unknown, freeze key-0 unknown, freeze key-1 unknown, freeze key-2 unknown"; got != want {
			t.Fatalf("killed at %d: in force %s: %+v", at, got, r.List())
		}
		if len(r.List()) != 6 {
			t.Fatalf("killed at %d: %d interventions: %+v", at, len(r.List()), r.List())
		}
	}
}

const cancelling = `
playbooks:
  - name: stolen
    dry_run: false
    match: {detector: "access.*"}
    respond: [{do: cancel_all, approve: 0}, {do: freeze, subject: credential, for: 1h, approve: 0}]
`

func (d *desk) await(what string, ok func() bool) {
	d.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("%s never came: %+v", what, d.r.List())
		}
	}
}

// TestCancelAll: the venue is asked until it answers, again after a kill, and no longer than stated.
func TestCancelAll(t *testing.T) {
	d := newDesk(t)
	calls := 0
	d.cancel = func() (string, error) {
		if calls++; calls < 3 {
			return "", errors.New("the venue answers 503")
		}
		return "2 orders cancelled", nil
	}
	r := d.open(cancelling)
	r.Take(forged(1, "key-1"))
	if d.inForce() == "" {
		t.Error("the freeze waited for the venue")
	}
	state := func(s State) func() bool {
		return func() bool {
			return slices.ContainsFunc(d.r.List(), func(i Intervention) bool { return i.Do == CancelAll && i.State == s })
		}
	}
	d.await("the cancellation", state(Done))
	for _, i := range r.List() {
		if _, err := r.Undo(i.ID, "alice", ""); (err == nil) != (i.Do == Freeze) {
			t.Errorf("undo of %s: %v", i.Do, err)
		}
	}
	d.pass(2 * time.Hour)
	d.cancel = func() (string, error) { return "", errors.New("down") }
	r.Take(forged(2, "key-1"))
	d.await("the failure", state(Failed))
	d.pass(2 * time.Hour)
	block := make(chan struct{})
	d.cancel = func() (string, error) {
		d.mu.Unlock()
		<-block
		d.mu.Lock()
		return "", errors.New("cut off")
	}
	r.Take(forged(3, "key-1"))
	d.await("the request", state(Doing))
	go func() { time.Sleep(10 * time.Millisecond); close(block) }()
	d.kill()
	d.cancel = nil
	d.open(cancelling)
	d.await("the rest of it", func() bool { return !state(Doing)() })
	e := forged(4, "key-2")
	e.Finding.Account = "acct-2"
	d.r.Take(e)
	d.await("the refusal", func() bool {
		return slices.ContainsFunc(d.r.List(), func(i Intervention) bool {
			return i.Subject.ID == "acct-2" && strings.Contains(i.Result, "no key cancels orders of account acct-2")
		})
	})
}

// TestSetFails: what the gate refuses is said, and what could not be stored is in force all the same.
func TestSetFails(t *testing.T) {
	d := newDesk(t)
	d.setErr = errors.New("131072 are in force, the limit")
	r := d.open(freezing)
	r.Take(forged(1, "key-1"))
	d.only(Failed)
	r.Take(forged(2, "key-1"))
	if i := d.only(Failed); !strings.Contains(i.Result, "the limit") || len(d.records) != 1 {
		t.Errorf("%+v %v", i, d.records)
	}
	d.pass(time.Minute)
	d.setErr, d.saveErr = nil, errors.New("disk full")
	r.Take(forged(3, "key-1"))
	if i := d.only(Done); !strings.Contains(i.Result, "disk full") {
		t.Errorf("%+v", i)
	}
}

// TestSlowStore: a store that hangs holds up neither the next finding nor its restriction.
func TestSlowStore(t *testing.T) {
	d := newDesk(t)
	r := d.open(freezing)
	hang := make(chan struct{})
	d.die = func() bool { d.mu.Unlock(); <-hang; d.mu.Lock(); return false }
	for n := range 5 {
		r.Take(forged(n, fmt.Sprint("key-", n)))
	}
	d.mu.Lock()
	if len(d.steps) != 5 || len(d.store) != 0 {
		t.Errorf("%v", d.steps)
	}
	d.mu.Unlock()
	close(hang)
	if r.settleDown(); len(d.store) != 5 {
		t.Errorf("%v", d.steps)
	}
}

// TestForgets: the list and the file stay bounded.
func TestForgets(t *testing.T) {
	d := newDesk(t)
	r := d.open(strings.Replace(freezing, "for: 1h", "for: 1s", 1) + "    at_most: 1000\n")
	for n := range 3 * keepClosed {
		r.Take(forged(n, fmt.Sprint("key-", n)))
		if n%500 == 499 {
			r.settleDown()
			d.pass(time.Hour)
			r.Expire()
		}
	}
	if n := len(r.List()); n > keepClosed+500 {
		t.Errorf("%d are kept", n)
	}
	if n := d.fs.Used(); n > 3*journalSlack {
		t.Errorf("the journal has %d bytes", n)
	}
}
