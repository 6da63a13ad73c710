package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/api"
	"vedette/incident"
	"vedette/respond/format"
	"vedette/store"
)

var incidentCommand = &command{name: "incident", args: "list | show ID | triage ID | contain ID | close ID | note ID | assign ID | suppress | expect | rules | lift ID…  [flags]",
	short:   "See incidents and act on them; suppress findings, expect changes",
	example: "vedette incident close -as true -note 'key stolen, rotated' aebfd04cbe01",
	run:     runIncident}

// incidentFlags are those of all incident commands.
type incidentFlags struct {
	config, dir  string
	all, json    bool
	low          bool
	limit        int
	note, as, to string
	rule         incident.Rule
	from, until  string
	duration     time.Duration
}

func (f *incidentFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&f.config, "c", "", "configuration file")
	flags.StringVar(&f.dir, "dir", "", "data folder, if not that of the configuration")
	flags.BoolVar(&f.json, "json", false, "list, show, rules: machine-readable output")
	flags.BoolVar(&f.all, "all", false, "list: closed ones too, and those that are no alerts")
	flags.BoolVar(&f.low, "low", false, "list: those too that are no alerts")
	flags.IntVar(&f.limit, "limit", listIncidents, "list: at most so many, the riskiest; up to 500")
	flags.StringVar(&f.note, "note", "", "triage, contain, close, note, assign: why, or what was seen or done")
	flags.StringVar(&f.as, "as", "", "close: true, benign_trigger or false")
	flags.StringVar(&f.to, "to", "", "assign: to whom; nobody if not given")
	flags.StringVar(&f.rule.Detector, "detector", "", "suppress, expect: a detector, or a family such as access.")
	flags.StringVar(&f.rule.Venue, "venue", "", "suppress, expect: dialect of the venue")
	flags.StringVar(&f.rule.Credential, "credential", "", "suppress, expect: the id of a key")
	flags.StringVar(&f.rule.Account, "account", "", "suppress, expect: an account")
	flags.StringVar(&f.rule.Owner, "owner", "", "suppress, expect: a beneficial owner")
	flags.StringVar(&f.rule.Source, "source", "", "suppress, expect: an address or range of clients")
	flags.StringVar(&f.rule.JA4, "ja4", "", "suppress, expect: a TLS fingerprint")
	flags.StringVar(&f.rule.Instrument, "instrument", "", "suppress, expect: an instrument, as the venue writes it")
	flags.StringVar(&f.rule.Reason, "reason", "", "suppress, expect: why, in words")
	flags.StringVar(&f.from, "from", "", "expect: when it begins, such as 2026-01-05T12:00:00Z; now if not given")
	flags.DurationVar(&f.duration, "for", 0, "suppress, expect: how long it lasts")
	flags.StringVar(&f.until, "until", "", "suppress, expect: when it ends instead")
}

// incidentArgs is how many arguments each command wants: -1 for one or more.
var incidentArgs = map[string]int{"list": 0, "show": 1, "triage": 1, "contain": 1, "close": 1, "note": 1, "assign": 1, "suppress": 0, "expect": 0, "rules": 0, "lift": -1}

func runIncident(ctx context.Context, e *env, flags *flag.FlagSet) error {
	f := &incidentFlags{}
	f.define(flags)
	verb := e.verb()
	if err := e.parse(flags); err != nil {
		return err
	}
	want, ok := incidentArgs[verb]
	switch {
	case verb == "":
		return usagef("say what to do: list, show, triage, contain, close, note, assign, suppress, expect, rules or lift")
	case !ok:
		return usagef("unknown %q: want list, show, triage, contain, close, note, assign, suppress, expect, rules or lift", verb)
	case want == 0 && flags.NArg() > 0:
		return usagef("no argument is wanted here, got %q: flags come last", flags.Arg(0))
	case want == 1 && flags.NArg() != 1 || want < 0 && flags.NArg() == 0:
		return usagef("say the id, after the flags; vedette incident list and rules show them")
	}
	s, err := e.site(f.config, f.dir)
	if err != nil {
		return err
	}
	i, err := s.incidents(ctx)
	if err != nil {
		return err
	}
	defer i.close()
	return i.do(ctx, verb, f, flags.Args())
}

// desk gives orders about incidents: to the monitor that runs on the data folder, else to its state.
type desk struct {
	*site
	client *api.Client // nil if none runs
	state  store.Store // nil if one runs
}

func (s *site) incidents(ctx context.Context) (*desk, error) {
	client, err := s.monitor()
	if err != nil || client != nil {
		return &desk{site: s, client: client}, err
	}
	state, err := s.existing(ctx)
	return &desk{site: s, state: state}, err
}

func (d *desk) close() {
	if d.state != nil {
		d.state.Close()
	}
}

func (d *desk) do(ctx context.Context, verb string, f *incidentFlags, args []string) error {
	switch verb {
	case "list":
		return d.list(ctx, f)
	case "show":
		return d.show(ctx, f, args[0])
	case "suppress", "expect":
		return d.addRule(ctx, f, verb == "expect")
	case "rules":
		return d.rules(ctx, f)
	case "lift":
		return d.lift(ctx, args)
	}
	return d.act(ctx, incident.ActKind(verb), f, args[0])
}

// maxListed keeps the answer of the control socket within its bound.
const maxListed = 500

func (d *desk) list(ctx context.Context, f *incidentFlags) (err error) {
	if f.limit < 1 || f.limit > maxListed {
		return usagef("-limit is %d, want 1 to %d", f.limit, maxListed)
	}
	var list []vedette.Incident
	if d.client != nil {
		err = d.client.Do(ctx, "GET", fmt.Sprintf("/v1/incidents?open=%t&limit=%d", !f.all, f.limit), person(), nil, &list)
	} else {
		list, err = incidentsOf(ctx, d.state, !f.all, f.limit)
	}
	if err != nil {
		return err
	}
	all := len(list)
	if !f.all && !f.low {
		list = slices.DeleteFunc(list, func(i vedette.Incident) bool { return !i.Alert })
	}
	if low := all - len(list); low > 0 {
		defer fmt.Fprintf(d.stderr, "%d more are no alerts: -low shows them\n", low)
	}
	return show(d.env, f.json, "no incident is open", "ID,RISK,STATE,SEVERITY,FINDINGS,LAST,WITH,WHAT", list, func(i vedette.Incident) []any {
		return []any{api.ShortID(i.ID), fmt.Sprintf("%.2f", i.Risk), stateOf(i), i.Severity, i.Count, i.Updated.UTC().Format(time.RFC3339), orDash(i.Assignee), i.Title}
	})
}

func stateOf(i vedette.Incident) string {
	if i.Resolution != vedette.Unresolved {
		return i.State.String() + " " + i.Resolution.String()
	}
	return i.State.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (d *desk) show(ctx context.Context, f *incidentFlags, id string) error {
	i, err := d.get(ctx, id)
	if err != nil {
		return err
	}
	if f.json {
		return lines(d.stdout, []vedette.Incident{i})
	}
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	rows := [][]any{{"id", i.ID}, {"state", stateOf(i)}, {"risk", fmt.Sprintf("%.2f", i.Risk)}, {"at stake", orDash(i.AtStake)}, {"severity", i.Severity}, {"with", orDash(i.Assignee)},
		{"findings", i.Count}, {"from", at(i.From)}, {"to", at(i.To)}, {"tags", strings.Join(i.Tags, " ")}}
	for _, s := range i.Subjects {
		rows = append(rows, []any{s.Kind, s.ID})
	}
	for _, n := range i.Notes {
		rows = append(rows, []any{at(n.Time), n.By + ": " + n.Text})
	}
	fmt.Fprintln(d.stdout, format.OneLine(i.Title))
	return table(d.stdout, "", rows, func(row []any) []any { return row })
}

func (d *desk) get(ctx context.Context, id string) (i vedette.Incident, err error) {
	if d.client != nil {
		err = d.client.Do(ctx, "GET", "/v1/incidents/"+url.PathEscape(id), person(), nil, &i)
		return i, err
	}
	r, err := d.state.Incident(ctx, id)
	return r.Incident, err
}

func (d *desk) act(ctx context.Context, kind incident.ActKind, f *incidentFlags, id string) error {
	a := incident.Act{Kind: kind, By: person(), At: time.Now().UTC(), Assignee: f.to, Text: f.note}
	if kind == incident.Close {
		if err := a.Resolution.UnmarshalText([]byte(f.as)); err != nil || a.Resolution == vedette.Unresolved {
			return usagef("say as what it is closed: -as true, benign_trigger or false")
		}
	}
	if f.note == "" && (kind == incident.Close || kind == incident.Comment) {
		return usagef("say -note")
	}
	var i vedette.Incident
	var err error
	if d.client != nil {
		err = d.client.Do(ctx, "POST", "/v1/incidents/"+url.PathEscape(id), a.By, a, &i)
	} else {
		var r incident.Record
		r, err = actOn(ctx, d.state, id, a)
		i = r.Incident
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(d.stderr, "%s: %s, %s\n", api.ShortID(i.ID), stateOf(i), i.Notes[len(i.Notes)-1].Text)
	return nil
}

// when reads the times of a rule.
func (f *incidentFlags) when(now time.Time) (err error) {
	f.rule.From = now
	if f.from != "" {
		if f.rule.From, err = time.Parse(time.RFC3339, f.from); err != nil {
			return usagef("cannot read -from %q: want a time such as 2026-01-05T12:00:00Z", f.from)
		}
	}
	switch {
	case f.duration < 0 || f.duration > 0 && f.until != "" || f.duration == 0 && f.until == "":
		return usagef("say -for or -until: nothing is silenced for ever")
	case f.duration > 0:
		f.rule.Until = f.rule.From.Add(f.duration)
	default:
		if f.rule.Until, err = time.Parse(time.RFC3339, f.until); err != nil {
			return usagef("cannot read -until %q: want a time such as 2026-01-05T12:00:00Z", f.until)
		}
	}
	return nil
}

func (d *desk) addRule(ctx context.Context, f *incidentFlags, expected bool) (err error) {
	now := time.Now().UTC()
	if err := f.when(now); err != nil {
		return err
	}
	if err := d.knowsVenue(f.rule.Venue); err != nil {
		return err
	}
	f.rule.Expected, f.rule.By = expected, person()
	if _, err := incident.NewRule(f.rule); err != nil {
		return usageError{err}
	}
	r := f.rule
	if d.client != nil {
		err = d.client.Do(ctx, "POST", "/v1/rules", r.By, r, &r)
	} else {
		r, err = addRule(ctx, d.state, r, now)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(d.stderr, "%s, until %s, id %s\n", ruleScope(r), r.Until.Format(time.RFC3339), r.ID)
	return nil
}

func (d *desk) rules(ctx context.Context, f *incidentFlags) (err error) {
	var list []incident.Rule
	if d.client != nil {
		err = d.client.Do(ctx, "GET", "/v1/rules", person(), nil, &list)
	} else if list, err = d.state.LoadRules(ctx); err == nil {
		list = slices.DeleteFunc(list, func(r incident.Rule) bool { return !r.Until.After(time.Now()) })
	}
	if err != nil {
		return err
	}
	return show(d.env, f.json, "nothing is suppressed or expected", "ID,KIND,SCOPE,FROM,UNTIL,KEPT OUT,BY,REASON", list, func(r incident.Rule) []any {
		kind := "suppressed"
		if r.Expected {
			kind = "expected"
		}
		return []any{r.ID, kind, ruleScope(r), r.From.Format(time.RFC3339), r.Until.Format(time.RFC3339), r.Kept, r.By, r.Reason}
	})
}

func (d *desk) lift(ctx context.Context, ids []string) error {
	for _, id := range ids {
		var err error
		if d.client != nil {
			err = d.client.Do(ctx, "DELETE", "/v1/rules/"+url.PathEscape(id), person(), nil, nil)
		} else {
			err = endRule(ctx, d.state, id, person(), time.Now())
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(d.stderr, "lifted: %s\n", id)
	}
	return nil
}
