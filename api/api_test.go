package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vedette"
	"vedette/detect/behaviour"
	"vedette/incident"
	"vedette/intel"
	"vedette/respond"
)

func snapshot() Snapshot {
	now := time.Unix(1767614400, 0)
	return Snapshot{Now: now, Started: now.Add(-time.Hour), Mode: "enforce", Listening: []Address{{Venue: "binance", URL: "http://127.0.0.1:1", Upstream: "http://127.0.0.1:2", Up: true}},
		Figures:  []Figure{{Name: "calls_total", Help: "Calls by verdict.", Label: "verdict", Of: []Of{{"authentic", 3}, {"forged", 1}}}, {Name: "keys", Gauge: true, Of: []Of{{Value: 7}}}},
		Verdicts: []Count{{"authentic", 3}, {"forged", 1}},
		Incidents: []vedette.Incident{{ID: "inc:1", Title: "a <b>bold</b> attack", Risk: 0.724, Alert: true, Count: 12, Updated: now, Subjects: []vedette.Subject{{Kind: "account", ID: "alice"},
			{Kind: "credential", ID: "k1"}, {Kind: "credential", ID: "2JZoY2KGGzW2dINe2kPVG67meJMKiTvG"}, {Kind: "source", ID: "192.0.2.1"}, {Kind: "ja4", ID: "t13d"}, {Kind: "venue", ID: "binance"}}}},
		Restrictions: []vedette.Restriction{{ID: "r1", Kind: vedette.RestrictFreeze, Credential: "key-<b>", Reason: "stolen", By: "ops"}},
		Findings:     []*vedette.Finding{{ID: "sha256:1", Detector: "access.replay", Severity: vedette.High, Time: now, Summary: "<script>alert(1)</script>", Evidence: []uint64{4}}}}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func get(t *testing.T, h http.Handler, path string) (int, string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1:9464"+path, nil))
	return w.Code, w.Body.String(), w.Header()
}

func TestOps(t *testing.T) {
	s := snapshot()
	h := Ops(func() Snapshot { return s }, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ledger "+r.URL.Path) }))
	want := func(path string, status int, parts ...string) {
		t.Helper()
		code, body, head := get(t, h, path)
		if code != status {
			t.Errorf("%s: status %d", path, code)
		}
		for _, p := range parts {
			if !strings.Contains(body, p) {
				t.Errorf("%s lacks %q: %.600s", path, p, body)
			}
		}
		if !strings.Contains(head.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has no policy", path)
		}
	}
	want("/metrics", 200, `vedette_calls_total{verdict="authentic"} 3`, "vedette_keys 7", "go_goroutines")
	want("/healthz", 200, `"healthy": true`)
	want("/status.json", 200, `"access.replay"`)
	want("/ledger/checkpoint", 200, "ledger /checkpoint")
	want("/nothing", 404)
	want("/", 200, "a &lt;b&gt;bold&lt;/b&gt; attack", "width:72%", `<b>72</b>`, "inc:1 · account alice · credential k1 · credential 2JZoY2KGGzW2… · source 192.0.2.1 · 1 more", `class="state">new<`, `class="bad">alert<`)
	want("/", 200, "&lt;script&gt;alert(1)", "key key-&lt;b&gt;", "signed by its key, fresh, once, permitted")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "http://rebound.example/", nil))
	if w.Code != http.StatusMisdirectedRequest {
		t.Errorf("a foreign name was served: %d", w.Code)
	}
	s.Failing = map[string]string{"ledger": "the disk is full"}
	want("/healthz", 503, "the disk is full")
	want("/view", 200, "the disk is full")
}

// orders is a monitor that obeys.
type orders struct {
	list    []vedette.Restriction
	lifted  []string
	granted []vedette.StepUpGrant
	revoked []vedette.Revocation
	asked   []IntelRefresh
	decided Decision
	err     error
}

func (o *orders) Intel() []intel.Status { return []intel.Status{{Feed: "tor", State: intel.Refused}} }
func (o *orders) IntelLookup(value string) intel.Result {
	return intel.Result{Value: value, Hits: []intel.Hit{{Feed: "tor"}}}
}
func (o *orders) IntelRefresh(_ context.Context, r IntelRefresh) (intel.Status, error) {
	o.asked = append(o.asked, r)
	return intel.Status{Feed: r.Feed}, o.err
}

func (o *orders) Restrict(r vedette.Restriction) (vedette.Restriction, error) {
	o.list = append(o.list, r)
	return r, o.err
}
func (o *orders) Lift(id, who string) (vedette.Restriction, error) {
	o.lifted = append(o.lifted, id+" by "+who)
	return vedette.Restriction{ID: id}, o.err
}
func (o *orders) StepUp(g vedette.StepUpGrant) error {
	o.granted = append(o.granted, g)
	return o.err
}
func (o *orders) Revoke(r vedette.Revocation) (vedette.Revocation, error) {
	o.revoked = append(o.revoked, r)
	return r, o.err
}
func (o *orders) Revocations() []vedette.Revocation        { return o.revoked }
func (o *orders) Restrictions() []vedette.Restriction      { return o.list }
func (o *orders) Known(k KeyScope) Known                   { return Known{Known: k.Venue == "a" && k.ID == "k/1 &"} }
func (o *orders) ReloadKeys(who, what string) (int, error) { return 3, o.err }
func (o *orders) Incidents(_ context.Context, open bool, limit int) ([]vedette.Incident, error) {
	return []vedette.Incident{{ID: "inc:1", Title: fmt.Sprint(open, limit)}}, o.err
}
func (o *orders) Incident(_ context.Context, id string) (vedette.Incident, error) {
	return vedette.Incident{ID: id}, o.err
}
func (o *orders) Act(_ context.Context, id string, a incident.Act) (vedette.Incident, error) {
	return vedette.Incident{ID: id, Title: string(a.Kind) + " by " + a.By, Resolution: a.Resolution}, o.err
}
func (o *orders) Rules() []incident.Rule { return []incident.Rule{{ID: "s-1"}} }
func (o *orders) AddRule(_ context.Context, r incident.Rule) (incident.Rule, error) {
	return r, o.err
}
func (o *orders) EndRule(_ context.Context, id, who string) error {
	o.lifted = append(o.lifted, id+" by "+who)
	return o.err
}
func (o *orders) Reload() error    { return o.err }
func (o *orders) Status() Snapshot { return snapshot() }
func (o *orders) Profile(s ProfileOf) (behaviour.Profile, error) {
	return behaviour.Profile{Kind: s.Venue + " " + s.Name}, o.err
}
func (o *orders) Profiled() []ProfileOf { return []ProfileOf{{Venue: "a", Name: "k"}} }
func (o *orders) SaveProfile(s ProfileOf) (behaviour.Saved, error) {
	return behaviour.Saved{Venue: s.Venue, Name: s.Name, Account: s.Account, State: []byte{1, 2}, Mark: 1<<64 - 1}, o.err
}
func (o *orders) LoadProfile(v *behaviour.Saved, who string) error {
	o.lifted = append(o.lifted, fmt.Sprint("load ", v.Name, v.State, v.Mark, " by ", who))
	return o.err
}
func (o *orders) ForgetProfile(s ProfileOf, who string) error {
	o.lifted = append(o.lifted, s.Name+" by "+who)
	return o.err
}
func (o *orders) Interventions() []respond.Intervention {
	return []respond.Intervention{{ID: "1", State: respond.Proposed}}
}
func (o *orders) Decide(d Decision) (respond.Intervention, error) {
	o.decided = d
	o.lifted = append(o.lifted, d.Verb+" "+d.ID+" by "+d.By)
	return respond.Intervention{ID: d.ID, State: respond.Done}, o.err
}

func TestControl(t *testing.T) {
	dir := t.TempDir()
	if _, err := Dial(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("dialled nothing: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, SocketName), nil, 0o600); err != nil { // left behind
		t.Fatal(err)
	}
	if _, err := Dial(dir); !errors.Is(err, ErrNotRunning) {
		t.Errorf("dialled what was left behind: %v", err)
	}
	l, err := ListenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Join(dir, SocketName)); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	o := &orders{}
	s := &http.Server{Handler: Control(o)}
	go s.Serve(l)
	defer s.Close()
	if _, err := ListenControl(dir); err == nil || !strings.Contains(err.Error(), "another monitor") {
		t.Errorf("second monitor: %v", err)
	}
	c, err := Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var found []vedette.Incident
	if err := c.Do(ctx, "GET", "/v1/incidents?open=true&limit=7", "me", nil, &found); err != nil || found[0].Title != "true 7" {
		t.Errorf("%v %+v", err, found)
	}
	var acted vedette.Incident
	act := incident.Act{Kind: incident.Close, By: "me", Resolution: vedette.FalseAlarm, Text: "why"}
	if err := c.Do(ctx, "POST", "/v1/incidents/inc:sha256:1", "me", act, &acted); err != nil || acted.ID != "inc:sha256:1" || acted.Title != "close by me" || acted.Resolution != vedette.FalseAlarm {
		t.Errorf("%v %+v", err, acted)
	}
	var rule incident.Rule
	if err := c.Do(ctx, "POST", "/v1/rules", "me", incident.Rule{Detector: "x", Expected: true}, &rule); err != nil || !rule.Expected || rule.Detector != "x" {
		t.Errorf("%v %+v", err, rule)
	}
	if err := c.Do(ctx, "DELETE", "/v1/rules/s-1", "me", nil, nil); err != nil || len(o.lifted) != 1 || o.lifted[0] != "s-1 by me" {
		t.Errorf("%v %v", err, o.lifted)
	}
	o.lifted = nil
	in := vedette.Restriction{Kind: vedette.RestrictFreeze, Credential: "k", Reason: "r", By: "me", Until: time.Unix(1767614400, 0).UTC()}
	var out vedette.Restriction
	if err := c.Do(ctx, "POST", "/v1/restrictions", "me", in, &out); err != nil || out != in {
		t.Errorf("%v %+v", err, out)
	}
	nobody := in
	nobody.By = ""
	if err := c.Do(ctx, "POST", "/v1/restrictions", "me", nobody, nil); err == nil || !strings.Contains(err.Error(), "by says nobody") {
		t.Errorf("a restriction by nobody: %v", err)
	}
	if err := c.Do(ctx, "DELETE", "/v1/restrictions/r-1", "", nil, nil); err == nil || len(o.lifted) != 0 {
		t.Errorf("lifted by nobody: %v %v", err, o.lifted)
	}
	var list []vedette.Restriction
	if err := c.Do(ctx, "GET", "/v1/restrictions", "me", nil, &list); err != nil || len(list) != 1 || list[0] != in {
		t.Errorf("%v %+v", err, list)
	}
	if err := c.Do(ctx, "DELETE", "/v1/restrictions/keyring:binance:a%2Fb", "me", nil, nil); err != nil || o.lifted[0] != "keyring:binance:a/b by me" {
		t.Errorf("%v %v", err, o.lifted)
	}
	grant := vedette.StepUpGrant{Venue: "v", Credential: "k", Reason: "r", By: "mfa", Until: in.Until}
	if err := c.Do(ctx, "POST", "/v1/stepups", "me", grant, nil); err != nil || len(o.granted) != 1 || o.granted[0] != grant {
		t.Errorf("%v %+v", err, o.granted)
	}
	var known Known
	if err := c.Do(ctx, "GET", "/v1/keys?venue=a&id=k%2F1+%26", "me", nil, &known); err != nil || !known.Known {
		t.Errorf("%v %+v", err, known)
	}
	if err := c.Do(ctx, "GET", "/v1/keys?venue=a&id=other", "me", nil, &known); err != nil || known.Known {
		t.Errorf("%v %+v", err, known)
	}
	var fares []intel.Status
	if err := c.Do(ctx, "GET", "/v1/intel", "me", nil, &fares); err != nil || len(fares) != 1 || fares[0].State != intel.Refused {
		t.Errorf("%v %+v", err, fares)
	}
	var listed intel.Result
	if err := c.Do(ctx, "GET", "/v1/intel/lookup?value=2001:db8::1%26", "me", nil, &listed); err != nil || listed.Value != "2001:db8::1&" || len(listed.Hits) != 1 {
		t.Errorf("%v %+v", err, listed)
	}
	ask := IntelRefresh{By: "me", Feed: "tor", Accept: true}
	if err := c.Do(ctx, "POST", "/v1/intel/refresh", "me", ask, nil); err != nil || len(o.asked) != 1 || o.asked[0] != ask {
		t.Errorf("%v %+v", err, o.asked)
	}
	var profile behaviour.Profile
	if err := c.Do(ctx, "GET", "/v1/profile?venue=a&name=k%2F1+%26", "me", nil, &profile); err != nil || profile.Kind != "a k/1 &" {
		t.Errorf("%v %+v", err, profile)
	}
	var some []ProfileOf
	if err := c.Do(ctx, "GET", "/v1/profiles", "me", nil, &some); err != nil || len(some) != 1 {
		t.Errorf("%v %+v", err, some)
	}
	loaded := &orders{}
	saved := behaviour.Saved{}
	if err := c.Do(ctx, "GET", "/v1/profile/saved?venue=a&name=k&kind=account", "me", nil, &saved); err != nil || !saved.Account {
		t.Errorf("%v %+v", err, saved)
	}
	h := httptest.NewRecorder()
	put := httptest.NewRequest("PUT", "/v1/profile/saved", strings.NewReader(text(saved)))
	put.Header.Set("By", "me")
	if Control(loaded).ServeHTTP(h, put); h.Code != 200 || len(loaded.lifted) != 1 || loaded.lifted[0] != "load k[1 2] 18446744073709551615 by me" {
		t.Errorf("%d %s %q", h.Code, h.Body, loaded.lifted)
	}
	for long, say := range map[*behaviour.Saved]string{{Venue: "a", Name: strings.Repeat("k", 20_000)}: "name has 20000 bytes, over 1024",
		{Venue: strings.Repeat("v", 65), Name: "k"}: "venue has 65 bytes, over 64"} {
		h := httptest.NewRecorder()
		if Control(loaded).ServeHTTP(h, httptest.NewRequest("PUT", "/v1/profile/saved", strings.NewReader(text(long)))); h.Code != 400 || !strings.Contains(h.Body.String(), say) || len(loaded.lifted) != 1 {
			t.Errorf("%d %s %d", h.Code, h.Body, len(loaded.lifted))
		}
		h = httptest.NewRecorder()
		if Control(loaded).ServeHTTP(h, httptest.NewRequest("DELETE", "/v1/profile?"+url.Values{"venue": {long.Venue}, "name": {long.Name}}.Encode(), nil)); h.Code != 400 || !strings.Contains(h.Body.String(), say) {
			t.Errorf("%d %s", h.Code, h.Body)
		}
	}
	h = httptest.NewRecorder()
	put = httptest.NewRequest("PUT", "/v1/profile/saved", strings.NewReader(text(saved)))
	put.Header.Set("By", strings.Repeat("me", 600))
	if Control(loaded).ServeHTTP(h, put); h.Code != 400 || !strings.Contains(h.Body.String(), "by has 1200 bytes, over 1024") {
		t.Errorf("%d %s", h.Code, h.Body)
	}
	var pending []respond.Intervention
	if err := c.Do(ctx, "GET", "/v1/interventions", "me", nil, &pending); err != nil || len(pending) != 1 || pending[0].State != respond.Proposed {
		t.Errorf("%v %+v", err, pending)
	}
	var decided respond.Intervention
	if err := c.Do(ctx, "POST", "/v1/interventions", "me", Decision{ID: "1", Verb: "approve", By: "me"}, &decided); err != nil || decided.State != respond.Done || o.lifted[1] != "approve 1 by me" {
		t.Errorf("%v %+v %v", err, decided, o.lifted)
	}
	o.err = errors.New("the reason")
	if err := c.Do(ctx, "POST", "/v1/reload", "me", nil, nil); err == nil || err.Error() != "the reason" {
		t.Errorf("%v", err)
	}
	var b json.RawMessage
	if err := c.Do(ctx, "POST", "/v1/restrictions", "me", map[string]string{"kindd": "freeze"}, &b); err == nil || !strings.Contains(err.Error(), "kindd") {
		t.Errorf("unknown field: %v", err)
	}
}

// TestTextsAreBounded: no order puts a text of any length into a record.
func TestTextsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 20_000)
	try := func(want, method, path, by string, in any) {
		t.Helper()
		o := &orders{err: errors.New("it came to the order")}
		r := httptest.NewRequest(method, path, strings.NewReader(text(in)))
		r.Header.Set("By", by)
		w := httptest.NewRecorder()
		Control(o).ServeHTTP(w, r)
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusBadRequest || p.Error != "cannot take the order: "+want {
			t.Errorf("%s %.60s: %d %.200s, want %s", method, path, w.Code, w.Body, want)
		}
	}
	const name = " has 20000 bytes, over 1024"
	try("by"+name, "POST", "/v1/keys/reload", "me", map[string]string{"By": long, "What": "key.add"})
	try("what has 20000 bytes, over 4096", "POST", "/v1/keys/reload", "me", map[string]string{"By": "me", "What": long})
	try("by"+name, "DELETE", "/v1/restrictions/r-1", long, nil)
	try("id"+name, "DELETE", "/v1/restrictions/"+long, "me", nil)
	try("by"+name, "DELETE", "/v1/rules/s-1", long, nil)
	try("id"+name, "DELETE", "/v1/rules/"+long, "me", nil)
	try("id"+name, "POST", "/v1/incidents/"+long, "me", incident.Act{Kind: incident.Triage, By: "me"})
	try("act"+name, "POST", "/v1/incidents/1", "me", incident.Act{Kind: incident.ActKind(long), By: "me"})
	try("by"+name, "POST", "/v1/incidents/1", "me", incident.Act{Kind: incident.Triage, By: long})
	try("id"+name, "POST", "/v1/interventions", "me", Decision{ID: long, Verb: "undo", By: "me"})
	try("by"+name, "POST", "/v1/interventions", "me", Decision{ID: "1", Verb: "approve", By: long})
	try("why has 20000 bytes, over 4096", "POST", "/v1/interventions", "me", Decision{ID: "1", Verb: "reject", By: "me", Why: long})
	try("feed"+name, "POST", "/v1/intel/refresh", "me", IntelRefresh{By: "me", Feed: long})
	try("by"+name, "POST", "/v1/intel/refresh", "me", IntelRefresh{By: long, Feed: "tor"})
}

// TestDialUnknown: an error that does not tell whether a monitor runs is not taken for
// none.
func TestDialUnknown(t *testing.T) {
	for what, dir := range map[string]string{"a path too long": filepath.Join(t.TempDir(), strings.Repeat("x", maxPath)), "a folder that is a file": os.Args[0]} {
		if _, err := Dial(dir); err == nil || errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestPeer: the server on the control socket knows which user gives an order; who gives it cannot say so.
func TestPeer(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the user at the other end is known on Linux only")
	}
	dir := t.TempDir()
	l, err := ListenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := &orders{}
	s := &http.Server{Handler: Control(o), ConnContext: WithPeer}
	go s.Serve(l)
	defer s.Close()
	c, err := Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Do(t.Context(), "POST", "/v1/interventions", "me", Decision{ID: "1", Verb: "approve", By: "me", Signature: []byte("s")}, nil); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("uid %d", os.Getuid()); o.decided.Peer != want || string(o.decided.Signature) != "s" {
		t.Errorf("%+v, want %s", o.decided, want)
	}
	if err := c.Do(t.Context(), "POST", "/v1/interventions", "me", map[string]string{"id": "1", "verb": "approve", "by": "me", "peer": "uid 7"}, nil); err == nil {
		t.Error("an order said who gives it")
	}
}
