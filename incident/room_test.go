package incident

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"vedette"
)

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
