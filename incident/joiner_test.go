package incident

import (
	"encoding/json"
	"fmt"
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
	f("a counterparty that the detector names", 1, func(a, b *vedette.Finding) { a.Account, b.Related = "a", []string{"a"} })
	f("who made the last call through an instrument", 2, func(a, b *vedette.Finding) {
		a.Account, b.Instrument, b.Related = "a", "BTCUSDT", []string{"account:a"}
	})
	f("who made the last call from an address", 1, func(a, b *vedette.Finding) {
		a.Account, b.Source, b.Related = "a", "198.51.100.7", []string{"account:a"}
	})
	f("whose key it was", 1, func(a, b *vedette.Finding) {
		a.Credential, b.Source, b.Related = "k", "198.51.100.7", []string{"credential:k"}
	})
	f("who made the last call from a gateway", 2, func(a, b *vedette.Finding) {
		a.Account, b.Source, b.Related = "a", "192.0.0.2", []string{"account:a"}
	})
	f("who made the last call with a common fingerprint", 2, func(a, b *vedette.Finding) {
		a.Account, b.JA4, b.Related = "a", "ja42", []string{"account:a"}
	})
	f("the address of an account's call", 1, func(a, b *vedette.Finding) {
		a.Source, b.Account, b.Related = "198.51.100.7", "b", []string{"source:198.51.100.7"}
	})
	f("the gateway of an account's call", 2, func(a, b *vedette.Finding) {
		a.Source, b.Account, b.Related = "192.0.0.2", "b", []string{"source:192.0.0.2"}
	})
	f("a rare fingerprint of an account's call", 1, func(a, b *vedette.Finding) { a.JA4, b.Account, b.Related = "ja41", "b", []string{"ja4:ja41"} })
	f("a common fingerprint of an account's call", 2, func(a, b *vedette.Finding) { a.JA4, b.Account, b.Related = "ja42", "b", []string{"ja4:ja42"} })
	f("a broker of an account's call", 2, func(a, b *vedette.Finding) { a.Owner, b.Account, b.Related = "ja43", "b", []string{"owner:ja43"} })
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
