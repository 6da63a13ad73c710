package gate

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"vedette"
)

// TestLoadFrom: what another process changed comes into force, and what is being set meanwhile does
// not fall away. A restriction that was in force keeps its end when the clock is set.
func TestLoadFrom(t *testing.T) {
	elapsed := time.Duration(0)
	g := newGate(t, Config{Mode: Enforce, Elapsed: func() time.Duration { return elapsed }})
	kept, err := g.Set(vedette.Restriction{ID: "kept", Kind: vedette.RestrictFreeze, Account: "a", Until: t0.Add(time.Hour), Reason: "r", By: "b"}, t0)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(kept) // as a store gives it back
	var stored vedette.Restriction
	if err := json.Unmarshal(b, &stored); err != nil {
		t.Fatal(err)
	}
	other := vedette.Restriction{ID: "other", Kind: vedette.RestrictFreeze, Account: "b", Reason: "r", By: "b", From: t0}
	set := make(chan error, 1)
	later := t0.Add(2 * time.Hour) // by a clock that was set; no time passed
	_, _, err = g.LoadFrom(func() ([]vedette.Restriction, error) {
		go func() {
			_, err := g.Set(vedette.Restriction{ID: "new", Kind: vedette.RestrictFreeze, Account: "c", Reason: "r", By: "b"}, later)
			set <- err
		}()
		time.Sleep(10 * time.Millisecond)
		return []vedette.Restriction{stored, other}, nil
	}, later)
	if err := errors.Join(err, <-set); err != nil {
		t.Fatal(err)
	}
	if list := g.List(); len(list) != 3 || list[0].ID != "kept" || list[1].ID != "new" || list[2].ID != "other" {
		t.Errorf("%+v", list)
	}
	fault := errors.New("no")
	if _, _, err := g.LoadFrom(func() ([]vedette.Restriction, error) { return nil, fault }, later); !errors.Is(err, fault) || len(g.List()) != 3 {
		t.Errorf("%v, %d left", err, len(g.List()))
	}
}

// TestLoadFromKeepsWhatIsImposed: a restriction that is in force and not yet stored does not fall away because the
// store does not know it, and is stored afterwards. Once it was stored, the store's word counts.
func TestLoadFromKeepsWhatIsImposed(t *testing.T) {
	var saved []string
	g := newGate(t, Config{Mode: Enforce, OnChange: func(c Change) error { saved = append(saved, c.Restriction.ID); return nil }})
	frozen := func(account string) bool {
		c := &vedette.Call{Account: account, Verdict: vedette.Authentic, Action: vedette.Action{Operation: vedette.OpOrderNew}}
		return g.Decide(c, t0).Reason == vedette.Frozen
	}
	r := vedette.Restriction{ID: "r", Kind: vedette.RestrictFreeze, Account: "a", From: t0, Reason: "r", By: "b"}
	before := vedette.Restriction{ID: "r", Kind: vedette.RestrictFreeze, Account: "elsewhere", From: t0, Reason: "r", By: "b"}
	other := vedette.Restriction{ID: "other", Kind: vedette.RestrictFreeze, Account: "b", From: t0, Reason: "r", By: "b"}
	load := func(list ...vedette.Restriction) (added, dropped int) {
		a, d, err := g.LoadFrom(func() ([]vedette.Restriction, error) { return list, nil }, t0)
		if err != nil {
			t.Fatal(err)
		}
		return len(a), len(d)
	}
	save, err := g.Impose(r, t0)
	if err != nil {
		t.Fatal(err)
	}
	if a, d := load(other, before); a != 1 || d != 0 || !frozen("a") || !frozen("b") || frozen("elsewhere") || len(g.List()) != 2 {
		t.Fatalf("%d added, %d dropped, in force: %+v", a, d, g.List())
	}
	if err := save(); err != nil || len(saved) != 1 {
		t.Fatalf("%v, saved %v", err, saved)
	}
	if a, d := load(other); a != 0 || d != 1 || frozen("a") || !frozen("b") {
		t.Errorf("%d added, %d dropped, in force: %+v", a, d, g.List())
	}
}
