// Package storetest holds implementations of store.Store to its contract.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vedette"
	"vedette/incident"
	"vedette/store"
)

// Open opens one database; every call is another process's view of the same one. The store is closed
// at the end of the test.
type Open func(t *testing.T) store.Store

var t0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// Run runs the suite. fresh returns a database of its own for each test.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{{"Keys", keys}, {"Restrictions", restrictions}, {"Revocations", revocations}, {"Audit", audit}, {"Incidents", incidents}, {"Acts", acts}, {"Merged", merged},
		{"Prune", prune}, {"Rules", rules}, {"Watch", watch}, {"ConcurrentWriters", concurrentWriters}, {"ConcurrentActs", concurrentActs},
		{"OddText", oddText}, {"Cancelled", cancelled}} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

func key(venue, id string, sealed []byte, changed time.Time) store.Key {
	return store.Key{Venue: venue, ID: id, Sealed: sealed, Changed: changed}
}

// everything is the change that is told when watching begins.
var everything = store.Change{Keys: true, Restrictions: true, Revocations: true, Incidents: true, Rules: true, Audit: true}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	must(t, s.PutKeys(ctx, []store.Key{key("b", "1", []byte("x"), t0), key("a", "2", []byte("y"), t0)}, store.Audit{At: t0, Actor: "me", Action: "key.import"}))
	must(t, s.PutKeys(ctx, []store.Key{key("b", "1", []byte("z"), t0.Add(time.Second))}))
	s = open(t)
	list, err := s.LoadKeys(ctx)
	if got, want := fmt.Sprint(list, err), fmt.Sprint([]store.Key{key("a", "2", []byte("y"), t0), key("b", "1", []byte("z"), t0.Add(time.Second))}, nil); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if k, err := s.Key(ctx, "a", "2"); err != nil || string(k.Sealed) != "y" {
		t.Error(k, err)
	}
	if _, err := s.Key(ctx, "a", "1"); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), s.String()) {
		t.Error(err)
	}
	must(t, s.DeleteKey(ctx, "a", "2"))
	if err := s.DeleteKey(ctx, "a", "2", store.Audit{}); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	must(t, s.RewriteKeys(ctx, func(k store.Key) ([]byte, error) { return append(k.Sealed, '!'), nil }))
	if k, _ := s.Key(ctx, "b", "1"); string(k.Sealed) != "z!" {
		t.Errorf("rewritten to %q", k.Sealed)
	}
	fault := errors.New("no")
	if err := s.RewriteKeys(ctx, func(k store.Key) ([]byte, error) { return nil, fault }); !errors.Is(err, fault) {
		t.Error(err)
	}
	if k, _ := s.Key(ctx, "b", "1"); string(k.Sealed) != "z!" {
		t.Error("a rewrite that failed changed something")
	}
	if err := s.PutKeys(ctx, []store.Key{key("b", "9", []byte("x"), t0), key("b", "10", nil, t0)}); err == nil {
		t.Error("a key without content was taken")
	}
	if _, err := s.Key(ctx, "b", "9"); !errors.Is(err, store.ErrNotFound) {
		t.Error("half of a change was kept")
	}
	told, err := s.LoadAudit(ctx, 0, 10)
	if err != nil || len(told) != 1 || told[0] != (store.Audit{N: 1, At: t0, Actor: "me", Action: "key.import"}) {
		t.Error("a change that failed left its audit, or one that did not left none:", told, err)
	}
}

func restrictions(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	r := vedette.Restriction{ID: "r1", Kind: vedette.RestrictThrottle, Venue: "v", Credential: "c", Account: "a", Owner: "o", Source: "192.0.2.0/24",
		Instrument: "i", Operation: vedette.OpWithdraw, Rate: 0.5, Burst: 3, Reason: "why", By: "me", From: t0, Until: t0.Add(time.Hour)}
	must(t, s.PutRestriction(ctx, vedette.Restriction{ID: "r1", Kind: vedette.RestrictFreeze, From: t0}))
	must(t, s.PutRestriction(ctx, r, store.Audit{At: t0, Action: "restriction.set", Subject: "r1"}))
	must(t, s.PutRestriction(ctx, vedette.Restriction{ID: "R2", Kind: vedette.RestrictKill, From: t0}))
	rs, err := open(t).LoadRestrictions(ctx)
	if err != nil || len(rs) != 2 || rs[1] != r || rs[0].ID != "R2" || !rs[0].Until.IsZero() { // capitals first: by bytes
		t.Errorf("%+v %v", rs, err)
	}
	must(t, s.LiftRestriction(ctx, "r1"))
	if err := s.LiftRestriction(ctx, "r1"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

func revocations(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	r := vedette.Revocation{ID: "t-1", Issuer: "https://i", Subject: "s", Client: "c", Before: t0, Reason: "why", By: "me", From: t0, Until: t0.Add(time.Hour)}
	old := vedette.Revocation{ID: "T-2", TokenID: "jti", Reason: "why", By: "me", From: t0, Until: t0.Add(time.Minute)}
	must(t, s.PutRevocation(ctx, vedette.Revocation{ID: "t-1", TokenID: "other", From: t0, Until: t0}))
	must(t, s.PutRevocation(ctx, r, store.Audit{At: t0, Action: "token.revoke", Subject: "subject s"}))
	must(t, s.PutRevocation(ctx, old))
	list, err := open(t).LoadRevocations(ctx)
	if err != nil || len(list) != 2 || list[1] != r || list[0] != old { // capitals first: by bytes
		t.Errorf("%+v %v", list, err)
	}
	if told, _ := s.LoadAudit(ctx, 0, 9); len(told) != 1 || told[0].Action != "token.revoke" {
		t.Errorf("audit %+v", told)
	}
	if n, err := s.PruneRevocations(ctx, t0.Add(time.Minute)); n != 0 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if n, err := s.PruneRevocations(ctx, t0.Add(time.Minute+time.Second)); n != 1 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if list, err = s.LoadRevocations(ctx); err != nil || len(list) != 1 || list[0] != r {
		t.Errorf("%+v %v", list, err)
	}
}

func audit(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	for i := range 5 {
		must(t, s.AppendAudit(ctx, store.Audit{At: t0, Actor: fmt.Sprint(i)}))
	}
	list, err := s.LoadAudit(ctx, 2, 2)
	if err != nil || len(list) != 2 || list[0].N != 3 || list[1].Actor != "3" {
		t.Errorf("%+v %v", list, err)
	}
}

// record makes an incident that a monitor found.
func record(id, monitor string, risk float64, updated time.Time) incident.Record {
	return incident.Record{Incident: vedette.Incident{ID: id, Opened: t0, Updated: updated, From: t0, To: updated, Severity: vedette.High, Risk: risk, Title: "title of " + id,
		Subjects: []vedette.Subject{{Kind: "account", ID: "alice"}}, Findings: []string{"f1"}, Count: 1, Tags: []string{"t"}, Notes: []vedette.Note{}},
		Monitor: monitor, Memory: incident.Memory{Exposure: 0.5, Links: []incident.Linked{{Kind: "credential", ID: "binance\x00k", From: t0, To: updated}}}}
}

func ids(list []incident.Record) string {
	var out []string
	for _, r := range list {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

func incidents(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	a, b, c := record("inc:a", "m1", 0.3, t0), record("inc:b", "m1", 0.9, t0.Add(time.Hour)), record("inc:C", "m2", 0.3, t0)
	c.State, c.Resolution, c.Closed, c.Revision = vedette.IncidentClosed, vedette.FalseAlarm, t0, 1
	must(t, s.PutIncidents(ctx, []incident.Record{a, b, c}))
	s = open(t)
	got, err := s.Incident(ctx, "inc:b")
	if err != nil || fmt.Sprint(got) != fmt.Sprint(b) {
		t.Errorf("%v\n got %v\nwant %v", err, got, b)
	}
	if _, err := s.Incident(ctx, "inc:z"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	want := func(q store.IncidentQuery, want string) {
		t.Helper()
		if list, err := s.Incidents(ctx, q); err != nil || ids(list) != want {
			t.Errorf("%+v: %q, want %q: %v", q, ids(list), want, err)
		}
	}
	want(store.IncidentQuery{}, "inc:b inc:C inc:a")
	want(store.IncidentQuery{Open: true}, "inc:b inc:a")
	want(store.IncidentQuery{Monitor: "m2"}, "inc:C")
	want(store.IncidentQuery{Limit: 1}, "inc:b")
	want(store.IncidentQuery{Updated: t0.Add(time.Minute)}, "inc:b")
	want(store.IncidentQuery{Acted: t0}, "")
	long := record("inc:sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "m3", 0, t0)
	other := record("inc:sha256:0123456789abcdee0123456789abcdef0123456789abcdef0123456789abcdef", "m3", 0, t0)
	must(t, s.PutIncidents(ctx, []incident.Record{long, other}))
	for _, id := range []string{long.ID, "0123456789abcdef", "inc:sha256:0123456789abcdef"} {
		if r, err := s.Incident(ctx, id); err != nil || r.ID != long.ID {
			t.Errorf("%s: %s %v", id, r.ID, err)
		}
	}
	for id, want := range map[string]string{"0123456789": "several", "0123": "not found", "ffffffffff": "not found"} {
		if _, err := s.Incident(ctx, id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", id, err)
		}
	}
	a.Risk, b.Risk, b.Count = 0.2, 0.1, 2
	must(t, s.PutIncidents(ctx, []incident.Record{a, b}))
	want(store.IncidentQuery{Limit: 3}, "inc:C inc:a inc:b")
}

func triage(by string) func(*incident.Record) error {
	return func(r *incident.Record) error { return r.Do(incident.Act{Kind: incident.Triage, By: by, At: t0}) }
}

func acts(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	must(t, s.PutIncidents(ctx, []incident.Record{record("inc:a", "m1", 0.3, t0)}))
	r, err := s.Act(ctx, "inc:a", triage("ann"), store.Audit{At: t0, Actor: "ann", Action: "incident.triage", Subject: "inc:a"})
	if err != nil || r.State != vedette.IncidentTriaged || r.Assignee != "ann" || r.Revision != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	found := record("inc:a", "m1", 0.8, t0.Add(time.Hour)) // what the monitor found since knows nothing of it
	must(t, s.PutIncidents(ctx, []incident.Record{found}))
	if r, _ = open(t).Incident(ctx, "inc:a"); r.State != vedette.IncidentTriaged || r.Risk != 0.8 || len(r.Notes) != 1 {
		t.Errorf("what was found undid what people did, or the other way round: %+v", r)
	}
	fault := errors.New("no")
	if _, err := s.Act(ctx, "inc:a", func(r *incident.Record) error { r.Assignee = "eve"; return fault }, store.Audit{}); !errors.Is(err, fault) {
		t.Error(err)
	}
	if r, _ = s.Incident(ctx, "inc:a"); r.Assignee != "ann" {
		t.Error("an act that failed changed something")
	}
	if _, err := s.Act(ctx, "inc:z", triage("ann"), store.Audit{}); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if told, _ := s.LoadAudit(ctx, 0, 9); len(told) != 1 || told[0].Action != "incident.triage" {
		t.Errorf("audit %+v", told)
	}
	if list, err := s.Incidents(ctx, store.IncidentQuery{Acted: t0}); ids(list) != "inc:a" || err != nil {
		t.Errorf("acted on: %q %v", ids(list), err)
	}
}

func merged(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	into := func(id, other string) incident.Record {
		return incident.Record{Incident: vedette.Incident{ID: id, Updated: t0}, MergedInto: other}
	}
	must(t, s.PutIncidents(ctx, []incident.Record{record("inc:a", "m", 0.3, t0), record("inc:b", "m", 0.3, t0)}))
	must(t, s.PutIncidents(ctx, []incident.Record{into("inc:b", "inc:a"), into("inc:c", "inc:b")})) // c was never stored before
	if r, err := s.Incident(ctx, "inc:c"); err != nil || r.ID != "inc:a" {
		t.Errorf("%s %v", r.ID, err)
	}
	if r, err := s.Act(ctx, "inc:c", triage("ann")); err != nil || r.ID != "inc:a" {
		t.Errorf("%s %v", r.ID, err)
	}
	must(t, s.PutIncidents(ctx, []incident.Record{record("inc:b", "m", 0.9, t0)})) // late: it stays merged
	if list, _ := s.Incidents(ctx, store.IncidentQuery{}); ids(list) != "inc:a" {
		t.Errorf("listed: %s", ids(list))
	}
	must(t, s.PutIncidents(ctx, []incident.Record{into("inc:x", "inc:y"), into("inc:y", "inc:x")}))
	if _, err := s.Incident(ctx, "inc:x"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a circle: %v", err)
	}
}

func prune(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	stranger, touched, young := record("inc:s", "m", 0.3, t0), record("inc:t", "m", 0.3, t0), record("inc:y", "m", 0.3, t0.Add(time.Hour))
	for _, r := range []*incident.Record{&stranger, &touched, &young} {
		r.Memory.Exposure = 0
	}
	must(t, s.PutIncidents(ctx, []incident.Record{stranger, touched, young, record("inc:k", "m", 0.3, t0)}))
	if _, err := s.Act(ctx, "inc:t", triage("ann")); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Prune(ctx, t0.Add(time.Minute)); n != 1 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if list, _ := s.Incidents(ctx, store.IncidentQuery{}); len(list) != 3 {
		t.Errorf("left: %s", ids(list))
	}
}

func rules(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	r, err := incident.NewRule(incident.Rule{Detector: "access.replay", Account: "alice", Reason: "why", By: "ann", From: t0, Until: t0.Add(time.Hour)})
	must(t, err)
	must(t, s.PutRule(ctx, r, store.Audit{At: t0, Action: "incident.suppress"}))
	if list, err := open(t).LoadRules(ctx); err != nil || len(list) != 1 || list[0] != r {
		t.Errorf("%+v %v", list, err)
	}
	must(t, s.DeleteRule(ctx, r.ID, store.Audit{At: t0, Action: "incident.lift"}))
	if err := s.DeleteRule(ctx, r.ID, store.Audit{}); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
	if told, _ := s.LoadAudit(ctx, 0, 9); len(told) != 2 {
		t.Errorf("audit %+v", told)
	}
}

const patience = 20 * time.Second

// Await waits for a change that the condition accepts.
func Await(t *testing.T, from <-chan store.Change, what string, is func(store.Change) bool) {
	t.Helper()
	end := time.After(patience)
	for {
		select {
		case c := <-from:
			if is(c) {
				return
			}
		case <-end:
			t.Fatalf("not told: %s", what)
		}
	}
}

// Watching watches a store until the end of the test.
func Watching(t *testing.T, s store.Store) <-chan store.Change {
	ctx, cancel := context.WithCancel(context.Background())
	told, done := make(chan store.Change, 1000), make(chan error)
	go func() { done <- s.Watch(ctx, func(c store.Change) { told <- c }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch ended with %v", err)
		}
	})
	return told
}

func watch(t *testing.T, open Open) {
	a, b, ctx := open(t), open(t), t.Context()
	told := Watching(t, a)
	Await(t, told, "that watching began", func(c store.Change) bool { return c == everything })
	must(t, b.PutRestriction(ctx, vedette.Restriction{ID: "r", Kind: vedette.RestrictKill}))
	Await(t, told, "a restriction of another process", func(c store.Change) bool { return c.Restrictions && !c.Keys })
	must(t, a.LiftRestriction(ctx, "r"))
	Await(t, told, "a change of our own", func(c store.Change) bool { return c.Restrictions })
	must(t, b.PutRevocation(ctx, vedette.Revocation{ID: "t", Until: t0}))
	Await(t, told, "a revocation", func(c store.Change) bool { return c.Revocations && !c.Keys })
	must(t, b.PutKeys(ctx, []store.Key{key("v", "k", []byte("x"), t0)}, store.Audit{At: t0}))
	audited := false
	Await(t, told, "a key", func(c store.Change) bool { audited = audited || c.Audit; return c.Keys })
	if !audited {
		Await(t, told, "its audit", func(c store.Change) bool { return c.Audit })
	}
	must(t, b.PutIncidents(ctx, []incident.Record{record("inc:a", "m", 0.3, t0)}))
	Await(t, told, "an incident", func(c store.Change) bool { return c.Incidents })
	must(t, b.PutRule(ctx, incident.Rule{ID: "s-1"}))
	Await(t, told, "a rule", func(c store.Change) bool { return c.Rules })
}

func concurrentWriters(t *testing.T, open Open) {
	stores := []store.Store{open(t), open(t)}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 20 {
				id := fmt.Sprintf("%d-%d", w, i)
				if err := stores[w%2].PutKeys(t.Context(), []store.Key{key("v", id, []byte("s"), t0)}, store.Audit{At: t0, Subject: id}); err != nil {
					t.Error(err)
				}
				if _, err := stores[w%2].LoadRestrictions(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := int64(0) // who reads on after the last position misses nothing
	for n := 0; n < 80; {
		list, err := stores[0].LoadAudit(t.Context(), seen, 7)
		must(t, err)
		for _, a := range list {
			if a.N != seen+1 {
				t.Fatalf("position %d after %d", a.N, seen)
			}
			seen, n = a.N, n+1
		}
		if t.Failed() {
			break
		}
	}
	wg.Wait()
	if list, _ := stores[0].LoadKeys(t.Context()); len(list) != 80 {
		t.Errorf("%d keys", len(list))
	}
}

func concurrentActs(t *testing.T, open Open) {
	stores := []store.Store{open(t), open(t)}
	must(t, stores[0].PutIncidents(t.Context(), []incident.Record{record("inc:a", "m", 0.3, t0)}))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				note := incident.Act{Kind: incident.Comment, By: "ann", At: t0, Text: fmt.Sprint(w, i)}
				if _, err := stores[w%2].Act(t.Context(), "inc:a", func(r *incident.Record) error { return r.Do(note) }, store.Audit{At: t0}); err != nil {
					t.Error(err)
				}
				if w == 0 { // the monitor goes on finding
					if err := stores[1].PutIncidents(t.Context(), []incident.Record{record("inc:a", "m", 0.3, t0)}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if r, err := stores[0].Incident(t.Context(), "inc:a"); err != nil || len(r.Notes) != 40 || r.Revision != 40 {
		t.Errorf("%d notes, revision %d, %v", len(r.Notes), r.Revision, err)
	}
}

// oddText: what people and clients write comes back, as far as text can hold it.
func oddText(t *testing.T, open Open) {
	s, ctx := open(t), t.Context()
	must(t, s.AppendAudit(ctx, store.Audit{At: t0, Actor: "Żółw 🐢", Action: "it's \"x\" \\ $1 %s", Subject: "a\x00b", Detail: "\xff"}))
	list, err := s.LoadAudit(ctx, 0, 1)
	if want := (store.Audit{N: 1, At: t0, Actor: "Żółw 🐢", Action: "it's \"x\" \\ $1 %s", Subject: "a\ufffdb", Detail: "\ufffd"}); err != nil || list[0] != want {
		t.Errorf("%+v %v", list, err)
	}
	must(t, s.PutRestriction(ctx, vedette.Restriction{ID: "'; DROP TABLE keys; --", Kind: vedette.RestrictKill, Reason: "a\x00b"}))
	if rs, err := s.LoadRestrictions(ctx); err != nil || rs[0].Reason != "a\x00b" {
		t.Errorf("%+v %v", rs, err)
	}
}

func cancelled(t *testing.T, open Open) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.PutRestriction(ctx, vedette.Restriction{ID: "r"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if list, err := s.LoadRestrictions(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}
