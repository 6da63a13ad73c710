package incident

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vedette"
)

func act(t *testing.T, j *Joiner, id string, a Act) Record {
	t.Helper()
	r := all(j)[id]
	a.By = "ann"
	if err := r.Do(a); err != nil {
		t.Fatal(err)
	}
	j.Adopt(r)
	return r
}

// TestClosed: what comes after an incident was closed as true opens it again; after another
// resolution it is another incident. What was on its way then changes nothing.
func TestClosed(t *testing.T) {
	f := func(res vedette.Resolution, minutes float64, count int, state vedette.IncidentState, same bool) {
		t.Helper()
		j := New(Config{Exposure: known})
		a := finding(0, "x", "k", "alice", "")
		j.Join(a)
		act(t, j, a.Incident, Act{Kind: Close, Resolution: res, At: t0.Add(10 * time.Minute), Text: "why"})
		b := finding(minutes, "y", "k", "alice", "")
		i, ok := j.Join(b)
		if !ok || (b.Incident == a.Incident) != same || i.Count != count || i.State != state {
			t.Errorf("%s, after %v min: %+v", res, minutes, i)
		}
		c := finding(minutes+1, "z", "k", "alice", "")
		j.Join(c)
		if minutes > 10 && c.Incident != b.Incident {
			t.Errorf("%s: the next finding is in %s, not %s", res, c.Incident, b.Incident)
		}
	}
	f(vedette.TrueIncident, 20, 2, vedette.IncidentNew, true)
	f(vedette.TrueIncident, 5, 2, vedette.IncidentClosed, true)
	f(vedette.FalseAlarm, 20, 1, vedette.IncidentNew, false)
	f(vedette.FalseAlarm, 5, 2, vedette.IncidentClosed, true)
	f(vedette.BenignTrigger, 20, 1, vedette.IncidentNew, false)
}

// TestActs: who may do what, and what is kept.
func TestActs(t *testing.T) {
	var r Record
	r.ID = "inc:1"
	f := func(a Act, fails bool, state vedette.IncidentState) {
		t.Helper()
		before := text(r)
		a.By, a.At = "ann", t0
		err := r.Do(a)
		if (err != nil) != fails || r.State != state || err != nil && text(r) != before {
			t.Errorf("%s: %v, now %s", a.Kind, err, r.State)
		}
	}
	f(Act{Kind: Close, Text: "why"}, true, vedette.IncidentNew)
	f(Act{Kind: Close, Resolution: vedette.FalseAlarm}, true, vedette.IncidentNew)
	f(Act{Kind: "bury"}, true, vedette.IncidentNew)
	f(Act{Kind: Comment}, true, vedette.IncidentNew)
	f(Act{Kind: Triage}, false, vedette.IncidentTriaged)
	f(Act{Kind: Triage}, true, vedette.IncidentTriaged)
	f(Act{Kind: Assign, Assignee: "bob"}, false, vedette.IncidentTriaged)
	f(Act{Kind: Contain, Text: "froze it"}, false, vedette.IncidentContained)
	f(Act{Kind: Contain}, true, vedette.IncidentContained)
	f(Act{Kind: Comment, Text: "hm"}, false, vedette.IncidentContained)
	f(Act{Kind: Close, Resolution: vedette.TrueIncident, Text: "done"}, false, vedette.IncidentClosed)
	f(Act{Kind: Close, Resolution: vedette.TrueIncident, Text: "done"}, true, vedette.IncidentClosed)
	if r.Assignee != "bob" || r.Resolution != vedette.TrueIncident || r.Closed != t0 || r.Revision != 5 {
		t.Errorf("%+v", r)
	}
	var said []string
	for _, n := range r.Notes {
		said = append(said, n.Text)
	}
	if want := []string{"triaged", "assigned to bob", "contained: froze it", "hm", "closed as true: done"}; !slices.Equal(said, want) {
		t.Errorf("notes %q", said)
	}
	f(Act{Kind: Triage}, false, vedette.IncidentTriaged)
	if r.Resolution != vedette.Unresolved || !r.Closed.IsZero() {
		t.Errorf("opened again: %+v", r)
	}
	if err := r.Do(Act{Kind: Triage, At: t0}); err == nil {
		t.Error("nobody did it")
	}
	long := strings.Repeat("x", 5000)
	for want, a := range map[string]Act{"cannot note inc:1: text has 5000 bytes, over 4096": {Kind: Comment, By: "ann", Text: long},
		"cannot assign inc:1: assignee has 5000 bytes, over 512": {Kind: Assign, By: "ann", Assignee: long}, "cannot note inc:1: by has 5000 bytes, over 512": {Kind: Comment, By: long, Text: "hm"}} {
		if err := r.Do(a); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestMergeActs: what people did to two incidents outlives that they are one.
func TestMergeActs(t *testing.T) {
	j := New(Config{Exposure: known})
	a, b := finding(0, "x", "k", "alice", ""), finding(1, "y", "", "bob", "198.51.100.7")
	j.Join(a)
	j.Join(b)
	act(t, j, a.Incident, Act{Kind: Contain, At: t0})
	act(t, j, b.Incident, Act{Kind: Assign, Assignee: "eve", At: t0.Add(time.Second)})
	i, _ := j.Join(finding(2, "z", "k", "alice", "198.51.100.7"))
	if i.State != vedette.IncidentTriaged || i.Assignee != "eve" || len(i.Notes) != 2 || i.Notes[0].Text != "contained" {
		t.Errorf("%+v", i)
	}
	i, _ = j.Join(finding(3, "z2", "k", "alice", ""))
	if i.State != vedette.IncidentTriaged || len(i.Notes) != 2 {
		t.Errorf("a further finding undid what people did: %+v", i)
	}
}
