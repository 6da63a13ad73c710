package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/gate"
	"vedette/incident"
	"vedette/store"
	"vedette/store/storetest"
)

// found makes a finding on an account of the test's keyring.
func found(detector, account string, at time.Time) *vedette.Finding {
	f := &vedette.Finding{Detector: detector, Time: at, From: at, To: at, Severity: vedette.High, Score: 0.9, Venue: "binance", Credential: "key-1",
		Account: account, Summary: detector + " on " + account, Tags: []string{}, Related: []string{}}
	f.ID = vedette.FindingID(detector, account, at)
	return f
}

// record puts a finding into the ledger as the pipeline does.
func record(t *testing.T, a *app, f *vedette.Finding) {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.monitor.Record([]byte(`{"event":"finding","time":"` + f.Time.Format(time.RFC3339Nano) + `","finding":` + string(b) + `}`)); err != nil {
		t.Fatal(err)
	}
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not come: " + what)
		}
	}
}

// TestIncidentsOutlive: incidents, acts and rules outlive a restart; findings that were recorded and
// not stored, as after a kill, are found again in the ledger, each once.
func TestIncidentsOutlive(t *testing.T) {
	p := newPlace(t)
	a, err := p.start(false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, now := context.Background(), time.Now().UTC()
	first, lost := found("access.replay", "alice", now.Add(-time.Minute)), found("access.scope_probe", "alice", now)
	a.joiner.Join(first)
	record(t, a, first)
	record(t, a, lost) // and killed before it was stored
	if _, err := a.Act(ctx, first.Incident, incident.Act{Kind: incident.Triage, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AddRule(ctx, incident.Rule{Detector: "access.", Account: "bob", Until: now.Add(time.Hour), Reason: "test", By: "ann"}); err != nil {
		t.Fatal(err)
	}
	a.close()
	if out, _, _ := invoke("", "ledger", "read", "-dir", p.dir); !strings.Contains(out, `"what":"incident.triage"`) || !strings.Contains(out, `"what":"incident.suppress"`) {
		t.Error("a human action is not in the ledger")
	}
	a = p.started()
	i, err := a.Incident(ctx, first.Incident)
	if err != nil || i.Count != 2 || i.State != vedette.IncidentTriaged || i.Assignee != "ann" || i.ID != "inc:"+first.ID {
		t.Errorf("%+v %v", i, err)
	}
	kept := found("access.replay", "bob", time.Now().UTC())
	if _, joined := a.joiner.Join(kept); joined || !incident.Suppressed(kept) {
		t.Errorf("the rule is forgotten: %+v", kept)
	}
	if s := a.Status(); len(s.Incidents) != 1 || s.Incidents[0].Count != 2 {
		t.Errorf("the page shows %+v", s.Incidents)
	}
}

// TestRecentCrowd: how common an address is survives a restart too, by the ledger.
func TestRecentCrowd(t *testing.T) {
	p := newPlace(t)
	a, err := p.start(false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if _, err := a.monitor.Record(fmt.Appendf(nil, `{"event":"call","time":"%s","venue":"binance","source":"192.0.2.9:1000","credential":"k%d","account":"a%d","verdict":"authentic"}`,
			time.Now().UTC().Format(time.RFC3339Nano), i, i)); err != nil {
			t.Fatal(err)
		}
	}
	a.close()
	a = p.started()
	if n, of := a.parties.Population(vedette.Subject{Kind: "source", ID: "192.0.2.9"}); n < 30 || of < 35 {
		t.Errorf("%d of %d accounts", n, of)
	}
	x, y := found("access.replay", "", time.Now().UTC()), found("access.replay", "", time.Now().UTC().Add(time.Second))
	x.Credential, y.Credential, x.Source, y.Source = "k1", "k2", "192.0.2.9", "192.0.2.9"
	a.joiner.Join(x)
	a.joiner.Join(y)
	if x.Incident == y.Incident {
		t.Error("two customers behind one gateway are one incident")
	}
}

// with runs a command in this process, with the state in PostgreSQL.
func with(url, stdin string, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = run(context.Background(), &env{args: args, stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, getenv: environ(url)})
	return out.String(), errs.String(), code
}

func environ(url string) func(string) string {
	return func(name string) string {
		return map[string]string{postgresEnv: url, masterEnv: strings.Repeat("0a", 32)}[name]
	}
}

// TestShared: monitors on one PostgreSQL database take over each other's restrictions, keys, acts and
// rules, and what one could not store while the server was away.
func TestShared(t *testing.T) {
	server := storetest.StartPostgres(t)
	url := server.Fresh(t)
	start := func(origin string) (*place, *app) {
		p := newPlace(t)
		text, _ := os.ReadFile(p.config)
		p.write("vedette.yaml", string(text)+"ledger: {origin: vedette/"+origin+"}\n")
		c, err := loadConfig(p.config)
		if err != nil {
			t.Fatal(err)
		}
		a, err := startApp(context.Background(), c, environ(url), discardLog(), systemClock())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.close)
		return p, a
	}
	pa, a := start("a")
	_, b := start("b")
	if _, err := os.Stat(filepath.Join(pa.dir, store.FileName)); err == nil {
		t.Error("there is a state.db too")
	}
	ctx := context.Background()
	has := func(x *app, id string) func() bool {
		return func() bool { _, ok := x.gate.Restriction(id); return ok }
	}
	freeze := vedette.Restriction{Kind: vedette.RestrictFreeze, Account: "alice", Reason: "test", By: "ann"}
	r, err := a.Restrict(freeze)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	await(t, "a restriction at the other", has(b, r.ID))
	t.Logf("in force at the other monitor after %v", time.Since(began))
	if _, err := b.Lift(r.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	await(t, "that it is lifted", func() bool { return !has(a, r.ID)() })

	if _, errs, code := with(url, "dummysecret0123456789", "key", "add", "-c", pa.config, "-venue", "binance", "-id", "key-2", "-secret-file", "-"); code != 0 {
		t.Fatal(errs)
	}
	for _, x := range []*app{a, b} {
		await(t, "a key", func() bool { _, ok := x.ring.Lookup("binance", "key-2"); return ok })
	}

	f := found("access.replay", "alice", time.Now().UTC())
	a.joiner.Join(f)
	if err := a.storeIncidents(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Act(ctx, f.Incident, incident.Act{Kind: incident.Close, Resolution: vedette.FalseAlarm, By: "ann", Text: "a drill"}); err != nil {
		t.Fatal(err)
	}
	await(t, "that it was closed", func() bool { return len(a.joiner.Open(9)) == 0 })
	if _, err := b.AddRule(ctx, incident.Rule{Detector: "access.replay", Until: time.Now().Add(time.Hour), Reason: "a drill", By: "ann"}); err != nil {
		t.Fatal(err)
	}
	await(t, "a rule", func() bool { return len(a.Rules()) == 1 })

	server.Stop()
	await(t, "that the store fails", func() bool { return a.Status().Failing["store"] != "" })
	if why := a.Status().Failing["store"]; strings.Contains(why, "not-a-real-secret") {
		t.Errorf("the password is shown: %s", why)
	}
	freeze.Account = "bob"
	r, err = b.Restrict(freeze)
	if !errors.Is(err, gate.ErrNotSaved) || !has(b, r.ID)() {
		t.Fatalf("%v", err)
	}
	server.Start(t)
	await(t, "what could not be stored", has(a, r.ID))
	if !has(b, r.ID)() {
		t.Error("it fell away where it was set")
	}
	await(t, "that the store works", func() bool { return a.Status().Failing["store"] == "" })
	a.close()
	b.close()
	for _, x := range []*app{a, b} {
		out, _, _ := invoke("", "ledger", "read", "-dir", x.config.Dir)
		for _, what := range []string{"incident.close", "incident.suppress", "key.add"} {
			if strings.Count(out, `"what":"`+what+`"`) != 1 {
				t.Errorf("the ledger of %s has %s %d times", x.origin, what, strings.Count(out, `"what":"`+what+`"`))
			}
		}
	}
	for what, times := range map[string]int{"restriction.taken_over": 1, "restriction.dropped": 0} {
		if out, _, _ := invoke("", "ledger", "read", "-dir", b.config.Dir); strings.Count(out, `"what":"`+what+`"`) != times {
			t.Errorf("%s: %d times, want %d", what, strings.Count(out, `"what":"`+what+`"`), times)
		}
	}
	out, errs, code := with(url, "", "incident", "list", "-all", "-c", pa.config)
	if code != 0 || !strings.Contains(out, "closed false") {
		t.Errorf("without a monitor: %s%s", out, errs)
	}
}

// TestNewSharedState: a monitor that has recorded does not start on a database without state.
func TestNewSharedState(t *testing.T) {
	server := storetest.StartPostgres(t)
	p := newPlace(t)
	start := func(url string, accept bool) error {
		c, err := loadConfig(p.config)
		if err != nil {
			t.Fatal(err)
		}
		c.acceptNewState = accept
		a, err := startApp(context.Background(), c, environ(url), discardLog(), systemClock())
		if err == nil {
			a.close()
		}
		return err
	}
	if err := start(server.Fresh(t), false); err != nil {
		t.Fatal(err)
	}
	lost := server.Fresh(t)
	for range 2 { // a refused start must not make the next one pass
		if err := start(lost, false); err == nil || !strings.Contains(err.Error(), "-accept-new-state") {
			t.Fatalf("%v", err)
		}
	}
	if _, errs, code := with(lost, "", "key", "freeze", "-c", p.config, "-account", "alice"); code != exitNo || !strings.Contains(errs, "no state") {
		t.Errorf("%d %s", code, errs)
	}
	if err := start(lost, true); err != nil {
		t.Fatal(err)
	}
}

// TestPostgresFile: the file with the URL must be its owner's alone, and good.
func TestPostgresFile(t *testing.T) {
	p := newPlace(t)
	p.write("vedette.yaml", p.yaml("http://127.0.0.1:1", "observe")+"store: {postgres: {url_file: pg.url}}\n")
	check := func(code int, says string) { t.Helper(); expect(t, code, says, "run", "-check-config", "-c", p.config) }
	check(exitNo, "pg.url")
	p.write("pg.url", "postgres://u:hunter2@db.example/v\n")
	check(exitNo, "sslmode=verify-full")
	p.write("pg.url", "postgres://u:hunter2@db.example/v?sslmode=verify-full\n")
	check(exitDone, "configuration is good")
	if err := os.Chmod(filepath.Join(p.root, "pg.url"), 0o644); err != nil {
		t.Fatal(err)
	}
	check(exitNo, "chmod 600")
}
