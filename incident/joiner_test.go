package incident

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vedette"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// finding makes one on key k of account a, from an address, so many minutes after t0.
func finding(minutes float64, detector, key, account, source string) *vedette.Finding {
	at := t0.Add(time.Duration(minutes * float64(time.Minute)))
	f := &vedette.Finding{Detector: detector, Time: at, From: at, To: at, Severity: vedette.High, Score: 0.9, Venue: "binance", Credential: key,
		Account: account, Source: source, Summary: detector + " on " + key + source, Tags: []string{"t:" + detector}, Related: []string{}}
	f.ID = vedette.FindingID(detector, key+account+source+f.JA4, at)
	return f
}

// known gives every finding on an account an exposure.
func known(f *vedette.Finding) float64 {
	if f.Account != "" {
		return 0.5
	}
	return 0
}

// all returns what a Joiner has, as Take hands it out, by id.
func all(j *Joiner) map[string]Record {
	out := map[string]Record{}
	for _, n := range j.open {
		out[n.record.ID] = j.recordOf(n)
	}
	return out
}

func text(v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		panic(err)
	}
	return string(b)
}

// findings draws findings that often share subjects, over some days.
func findings(t *rapid.T) []*vedette.Finding {
	one := rapid.Custom(func(t *rapid.T) *vedette.Finding {
		pick := func(name string, n int) string {
			if i := rapid.IntRange(0, n).Draw(t, name); i > 0 {
				return fmt.Sprint(name, i)
			}
			return ""
		}
		f := finding(float64(rapid.IntRange(0, 4*24*60).Draw(t, "minute")), fmt.Sprint("d", rapid.IntRange(0, 3).Draw(t, "d")), pick("key", 12), pick("account", 12), "")
		if i := rapid.IntRange(0, 12).Draw(t, "source"); i > 0 {
			f.Source = fmt.Sprintf("192.0.%d.%d", i%2, i)
		}
		f.Owner, f.JA4 = pick("owner", 8), pick("ja4", 3)
		f.Severity, f.Score = vedette.Severity(rapid.IntRange(1, 4).Draw(t, "severity")), rapid.Float64Range(0, 1).Draw(t, "score")
		if r := pick("account", 40); r != "" {
			f.Related = []string{"account:" + r}
		}
		f.ID = vedette.FindingID(f.Detector, f.Credential+f.Account+f.Source+f.Owner+f.JA4+fmt.Sprint(f.Related, f.Score, f.Severity), f.Time)
		return f
	})
	return rapid.SliceOfNDistinct(one, 1, 40, func(f *vedette.Finding) string { return f.ID }).Draw(t, "findings")
}

// crowd says that some subjects are common.
func crowd(s vedette.Subject) (int, int) {
	return map[string]int{"192.0.0.2": 100, "ja41": 1, "ja42": 500, "ja43": 900}[s.ID], 1000
}

// TestModel holds the Joiner to the definition: an incident is what hangs together by shared links
// whose findings lie within reach.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := findings(t)
		slices.SortFunc(list, func(a, b *vedette.Finding) int { return a.Time.Compare(b.Time) })
		j := New(Config{Population: crowd, Exposure: known})
		for _, f := range list {
			j.Join(f)
		}
		group := make([]int, len(list))
		for i := range group {
			group[i] = i
		}
		for i, f := range list {
			for k, g := range list[:i] {
				for _, l := range j.linksOf(f) {
					if slices.Contains(j.linksOf(g), l) && f.Time.Sub(g.Time) <= l.reach(DefaultWindow) {
						from, to := group[i], group[k]
						for x := range group {
							if group[x] == from {
								group[x] = to
							}
						}
					}
				}
			}
		}
		want := map[int][]string{}
		for i, f := range list {
			want[group[i]] = append(want[group[i]], f.ID)
		}
		got := map[string]bool{}
		for _, r := range all(j) {
			slices.Sort(r.Findings)
			got[fmt.Sprint(r.Findings)] = true
		}
		for _, r := range j.gone {
			slices.Sort(r.Findings)
			got[fmt.Sprint(r.Findings)] = true
		}
		for _, ids := range want {
			slices.Sort(ids)
			if !got[fmt.Sprint(ids)] {
				t.Errorf("no incident of %q; there are %v", ids, got)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d incidents, want %d", len(got), len(want))
		}
	})
}

// TestOrder: findings that come late, within the tolerance, change nothing.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := findings(t)
		c := Config{Population: crowd, Exposure: known, Tolerance: 6 * time.Hour}
		sorted, late := New(c), New(c)
		slices.SortFunc(list, func(a, b *vedette.Finding) int { return stamp{a.Time, a.ID}.compare(stamp{b.Time, b.ID}) })
		for _, f := range list {
			sorted.Join(f)
		}
		delay := map[string]time.Time{}
		for _, f := range list {
			delay[f.ID] = f.Time.Add(time.Duration(rapid.IntRange(0, 359).Draw(t, "late")) * time.Minute)
		}
		slices.SortStableFunc(list, func(a, b *vedette.Finding) int { return delay[a.ID].Compare(delay[b.ID]) })
		given := map[string]bool{}
		for _, f := range list {
			late.Join(f)
			given[f.Incident] = true
			late.Join(f) // that it comes again changes nothing either
		}
		for _, j := range []*Joiner{sorted, late} {
			j.advance(t0.Add(24 * 365 * time.Hour)) // all leave
		}
		a, b := taken(sorted), taken(late)
		if text(a.records) != text(b.records) {
			t.Fatalf("in order\n%s\nlate\n%s", text(a.records), text(b.records))
		}
		for id := range given { // every id that was given out leads to an incident
			for b.merged[id] != "" {
				id = b.merged[id]
			}
			if _, ok := b.records[id]; !ok {
				t.Fatalf("%s leads nowhere", id)
			}
		}
		if late.Stats().Late > 0 {
			t.Fatal("within the tolerance, but counted as late")
		}
	})
}

type takenRecords struct {
	records map[string]vedette.Incident
	merged  map[string]string
}

func taken(j *Joiner) takenRecords {
	out := takenRecords{map[string]vedette.Incident{}, map[string]string{}}
	for _, r := range j.Take() {
		if r.MergedInto != "" {
			out.merged[r.ID] = r.MergedInto
		} else {
			out.records[r.ID] = r.Incident
		}
	}
	return out
}

// TestRestart: a Joiner that takes up the records of another goes on as that would have.
func TestRestart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := findings(t)
		slices.SortFunc(list, func(a, b *vedette.Finding) int { return stamp{a.Time, a.ID}.compare(stamp{b.Time, b.ID}) })
		c := Config{Population: crowd, Exposure: known, Monitor: "m"}
		whole, first, second := New(c), New(c), New(c)
		cut := rapid.IntRange(0, len(list)).Draw(t, "cut")
		for _, f := range list {
			whole.Join(f)
		}
		for _, f := range list[:cut] {
			first.Join(f)
		}
		var stored []Record
		if err := json.Unmarshal([]byte(text(first.Take())), &stored); err != nil {
			t.Fatal(err)
		}
		if cut > 0 {
			second.Restore(stored, list[cut-1].Time)
		}
		for _, f := range list[max(0, cut-3):] { // the last come again
			second.Join(f)
		}
		have := all(second)
		for id, r := range all(whole) {
			if text(have[id]) != text(r) {
				t.Fatalf("%s\nwithout restart %s\nwith %s", id, text(r), text(have[id]))
			}
		}
	})
}

func TestLinks(t *testing.T) {
	f := func(name string, want int, change func(a, b *vedette.Finding)) {
		t.Helper()
		j := New(Config{Population: crowd})
		a, b := finding(0, "x", "", "", ""), finding(60, "y", "", "", "")
		change(a, b)
		j.Join(a)
		j.Join(b)
		if got := len(map[string]bool{a.Incident: true, b.Incident: true}); got != want {
			t.Errorf("%s: %d incidents, want %d", name, got, want)
		}
	}
	f("nothing in common", 2, func(a, b *vedette.Finding) {})
	f("one key", 1, func(a, b *vedette.Finding) { a.Credential, b.Credential = "k", "k" })
	f("one id at two venues", 2, func(a, b *vedette.Finding) { a.Credential, b.Credential, b.Venue = "k", "k", "okx" })
	f("one account, two keys", 1, func(a, b *vedette.Finding) {
		a.Credential, b.Credential, a.Account, b.Account = "k", "l", "a", "a"
	})
	f("one instrument", 2, func(a, b *vedette.Finding) { a.Instrument, b.Instrument = "BTCUSDT", "BTCUSDT" })
	f("a counterparty", 1, func(a, b *vedette.Finding) { a.Account, b.Related = "a", []string{"account:a"} })
	f("a related instrument", 2, func(a, b *vedette.Finding) { a.Related, b.Related = []string{"instrument:i"}, []string{"instrument:i"} })
	f("one address", 1, func(a, b *vedette.Finding) { a.Source, b.Source = "198.51.100.7", "198.51.100.7" })
	f("the address of a gateway", 2, func(a, b *vedette.Finding) { a.Source, b.Source = "192.0.0.2", "192.0.0.2" })
	f("one IPv6 host", 1, func(a, b *vedette.Finding) { a.Source, b.Source = "2001:db8::1", "2001:db8::/64" })
	f("one address, half a day apart", 2, func(a, b *vedette.Finding) {
		a.Source, b.Source, b.Time = "198.51.100.7", "198.51.100.7", a.Time.Add(12*time.Hour)
	})
	f("one key, half a day apart", 1, func(a, b *vedette.Finding) { a.Credential, b.Credential, b.Time = "k", "k", a.Time.Add(12*time.Hour) })
	f("one key, days apart", 2, func(a, b *vedette.Finding) { a.Credential, b.Credential, b.Time = "k", "k", a.Time.Add(25*time.Hour) })
	f("a rare fingerprint", 1, func(a, b *vedette.Finding) { a.JA4, b.JA4 = "ja41", "ja41" })
	f("a common fingerprint", 2, func(a, b *vedette.Finding) { a.JA4, b.JA4 = "ja42", "ja42" })
	f("a common fingerprint in one subnet", 1, func(a, b *vedette.Finding) {
		a.JA4, b.JA4, a.Source, b.Source = "ja42", "ja42", "198.51.100.7", "198.51.100.8"
	})
	f("two fingerprints in one subnet", 2, func(a, b *vedette.Finding) {
		a.JA4, b.JA4, a.Source, b.Source = "ja42", "ja43", "198.51.100.7", "198.51.100.8"
	})
	f("a broker", 2, func(a, b *vedette.Finding) { a.Owner, b.Owner = "ja43", "ja43" })
}

// TestBridge: a finding that links two incidents makes them one, under the older id.
func TestBridge(t *testing.T) {
	j := New(Config{Exposure: known})
	a, b := finding(0, "x", "k", "alice", ""), finding(1, "y", "", "bob", "198.51.100.7")
	j.Join(a)
	j.Join(b)
	if a.Incident == b.Incident {
		t.Fatal("joined by nothing")
	}
	c := finding(2, "z", "k", "alice", "198.51.100.7")
	i, _ := j.Join(c)
	if i.ID != a.Incident || c.Incident != a.Incident || i.Count != 3 || i.ID != "inc:"+a.ID || !reflect.DeepEqual(i.Findings, []string{a.ID, b.ID, c.ID}) {
		t.Errorf("%+v", i)
	}
	got := taken(j)
	if got.merged[b.Incident] != a.Incident || len(got.merged) != 1 || len(got.records) != 1 {
		t.Errorf("%+v", got)
	}
	if len(j.Take()) != 0 {
		t.Error("taken twice")
	}
}

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

// TestFlood: inventing addresses takes no memory without end, and nothing from incidents of known
// parties: they go on, and are one incident each.
func TestFlood(t *testing.T) {
	j := New(Config{Exposure: known})
	victim := finding(0, "x", "k", "alice", "198.51.100.7")
	j.Join(victim)
	const n = 5 * maxStrangers
	for i := range n {
		j.Join(finding(1+float64(i)/1e4, "enum", "", "", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)))
	}
	s := j.Stats()
	if s.Open > maxStrangers+3 || s.Links > maxStrangers+3 || s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
	total := 0
	for _, r := range all(j) {
		total += r.Count
	}
	if total != n+1 {
		t.Errorf("%d findings are in incidents, want %d", total, n+1)
	}
	again := finding(5, "y", "k", "alice", "")
	if i, _ := j.Join(again); again.Incident != victim.Incident || i.Count != 2 {
		t.Errorf("the victim's incident was lost: %+v", i)
	}
	// An address of the flood that then uses a known key does not drag the flood along.
	i, _ := j.Join(finding(6, "y", "k2", "bob", "10.0.79.255"))
	if i.Count > 2 {
		t.Errorf("%d findings in one", i.Count)
	}
}

// TestEviction: too many incidents of known parties lose those of the lowest risk, never what people work on.
func TestEviction(t *testing.T) {
	j := New(Config{Exposure: known})
	var worked string
	for i := range maxOpen + 100 {
		f := finding(float64(i)/1e4, "d", fmt.Sprint("k", i), fmt.Sprint("a", i), "")
		f.Severity = vedette.Low
		if i == 5 {
			f.Severity = vedette.Critical
		}
		j.Join(f)
		if i == 3 {
			worked = f.Incident
			act(t, j, worked, Act{Kind: Triage, At: f.Time})
		}
	}
	s := j.Stats()
	if s.Open > maxOpen || s.Evicted == 0 || s.Links != 2*s.Open || j.open[worked] == nil {
		t.Errorf("%+v", s)
	}
	if top := j.Open(1); top[0].Severity != vedette.Critical {
		t.Errorf("%+v", top)
	}
}

func TestRetry(t *testing.T) {
	j := New(Config{Exposure: known})
	a, b := finding(0, "x", "k", "alice", ""), finding(1, "y", "", "bob", "198.51.100.7")
	j.Join(a)
	j.Join(b)
	first := j.Take()
	j.Join(finding(2, "z", "k", "alice", "198.51.100.7"))
	j.Retry(first)
	got := taken(j)
	if r := got.records[a.Incident]; len(got.records) != 1 || r.Count != 3 || got.merged[b.Incident] != a.Incident {
		t.Errorf("%+v", got)
	}
}

func TestRisk(t *testing.T) {
	unit := rapid.Float64Range(0, 1)
	rapid.Check(t, func(t *rapid.T) {
		in := Input{rapid.SliceOfN(unit, 0, 6).Draw(t, "evidence"), unit.Draw(t, "exposure"), unit.Draw(t, "intel")}
		r := Risk(in)
		if r < 0 || r > 1 {
			t.Fatalf("risk %v of %+v", r, in)
		}
		up := func(name string, v float64) float64 { return v + (1-v)*unit.Draw(t, name) }
		const rounding = 1e-12
		more := in
		more.Exposure = up("more exposure", in.Exposure)
		higher := []Input{more}
		more = in
		more.Intel = up("more intel", in.Intel)
		higher = append(higher, more)
		more = in
		more.Evidence = append(slices.Clone(in.Evidence), unit.Draw(t, "one more"))
		higher = append(higher, more)
		for i := range in.Evidence {
			more = in
			more.Evidence = slices.Clone(in.Evidence)
			more.Evidence[i] = up("more evidence", in.Evidence[i])
			higher = append(higher, more)
		}
		for _, h := range higher {
			if Risk(h) < r-rounding {
				t.Fatalf("risk fell from %v to %v: %+v, %+v", r, Risk(h), in, h)
			}
		}
	})
	for s := vedette.Low; s < vedette.Critical; s++ {
		if Weight(s) >= Weight(s+1) {
			t.Errorf("%s counts as much as %s", s, s+1)
		}
	}
	if r := Risk(Input{Evidence: []float64{0.5, 0.5}, Exposure: 1}); r != 0.75 {
		t.Errorf("two witnesses: %v", r)
	}
}

// TestRepeats: one detector that fires often is no more than one that fires once.
func TestRepeats(t *testing.T) {
	j := New(Config{Exposure: known})
	first, _ := j.Join(finding(0, "x", "k", "alice", ""))
	again, _ := j.Join(finding(1, "x", "k", "alice", ""))
	other, _ := j.Join(finding(2, "y", "k", "alice", ""))
	if again.Risk != first.Risk || other.Risk <= first.Risk || again.Count != 2 {
		t.Errorf("%v, %v, %v", first.Risk, again.Risk, other.Risk)
	}
}

func TestRules(t *testing.T) {
	hour := func(r Rule) Rule {
		r.Reason, r.By, r.From, r.Until = "why", "ann", t0, t0.Add(time.Hour)
		return r
	}
	bad := map[string]Rule{"everything": {}, "no end": {Detector: "x", From: t0, Reason: "r", By: "b"}, "no reason": {Detector: "x", From: t0, Until: t0.Add(1), By: "b"},
		"too long": {Detector: "x", From: t0, Until: t0.Add(maxSuppression + 1), Reason: "r", By: "b"}, "before it begins": {Detector: "x", From: t0, Until: t0, Reason: "r", By: "b"},
		"no address": hour(Rule{Source: "there"}), "a venue": hour(Rule{Venue: "binance"})}
	for name, r := range bad {
		if _, err := NewRule(r); err == nil && name != "everything" {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := NewRule(hour(Rule{})); err == nil {
		t.Error("everything: taken")
	}
	f := func(r Rule, change func(*vedette.Finding), want bool) {
		t.Helper()
		r, err := NewRule(hour(r))
		if err != nil {
			t.Fatal(err)
		}
		j := New(Config{})
		if err := j.SetRules([]Rule{r}); err != nil {
			t.Fatal(err)
		}
		g := finding(1, "access.replay", "k", "alice", "198.51.100.7")
		change(g)
		_, joined := j.Join(g)
		if joined == want || Suppressed(g) != want || (g.Incident == "") != want || j.Stats().Suppressed != j.Rules()[0].Kept || (j.Rules()[0].Kept == 1) != want {
			t.Errorf("%+v: joined %v, %+v", r, joined, g)
		}
	}
	same := func(*vedette.Finding) {}
	f(Rule{Detector: "access.replay"}, same, true)
	f(Rule{Detector: "access."}, same, true)
	f(Rule{Detector: "access"}, same, false)
	f(Rule{Detector: "access.replay", Account: "bob"}, same, false)
	f(Rule{Source: "198.51.100.0/24"}, same, true)
	f(Rule{Source: "198.51.100.7"}, func(g *vedette.Finding) { g.Source = "198.51.100.0/24" }, false)
	f(Rule{Account: "alice"}, func(g *vedette.Finding) { g.Time = t0.Add(time.Hour) }, false)
	f(Rule{Account: "alice"}, func(g *vedette.Finding) { g.Time = t0.Add(-1) }, false)
	f(Rule{Account: "alice"}, func(g *vedette.Finding) { g.Severity = vedette.Critical }, true)
	f(Rule{Account: "alice", Expected: true}, same, true)
	f(Rule{Venue: "binance", Expected: true}, same, true)
	f(Rule{Account: "alice", Expected: true}, func(g *vedette.Finding) { g.Severity = vedette.Critical }, false)
	a, _ := NewRule(hour(Rule{Detector: "x"}))
	b, _ := NewRule(hour(Rule{Detector: "y"}))
	if a.ID == b.ID || a.ID == "" {
		t.Error("two rules have one id")
	}
}

// TestBounds: an incident lists only so much, the first and the last of it, and counts on.
func TestBounds(t *testing.T) {
	j := New(Config{Exposure: known})
	var ids []string
	var last vedette.Incident
	for i := range 1000 {
		f := finding(float64(i), "d", "k", "alice", fmt.Sprintf("10.0.%d.%d", i/256, i%256))
		f.Tags = []string{fmt.Sprint("tag", i)}
		last, _ = j.Join(f)
		ids = append(ids, f.ID)
	}
	half := maxFindings / 2
	if want := slices.Concat(ids[:half], ids[1000-half:]); !slices.Equal(last.Findings, want) || last.Count != 1000 {
		t.Errorf("%d findings listed, %d counted", len(last.Findings), last.Count)
	}
	if len(last.Subjects) != maxSubjects || len(last.Tags) != maxTags || last.Subjects[0].ID != "alice" || last.Subjects[1].ID != "k" {
		t.Errorf("%d subjects, %d tags, first %v", len(last.Subjects), len(last.Tags), last.Subjects[:2])
	}
	if n := len(slices.Collect(maps.Keys(j.open))); n != 1 {
		t.Errorf("%d incidents", n)
	}
}

func BenchmarkJoin(b *testing.B) {
	j := New(Config{Exposure: known, Population: crowd})
	list := make([]*vedette.Finding, 1<<14)
	for i := range list {
		list[i] = finding(float64(i)/1000, "d", fmt.Sprint("k", i%4000), fmt.Sprint("a", i%4000), fmt.Sprintf("10.0.%d.%d", i%4000/256, i%256))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f := *list[i%len(list)]
		f.ID = fmt.Sprint(i)
		j.Join(&f)
	}
}
