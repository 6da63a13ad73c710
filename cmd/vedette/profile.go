package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"vedette/api"
	"vedette/detect"
	"vedette/detect/behaviour"
)

var profileCommand = &command{name: "profile", args: "[show] [flags] KEY | export [flags] KEY…|all | import [flags] FILE… | reset [flags] KEY…",
	short:   "What was learned of a key's or account's behaviour: see, export, import, begin anew",
	example: "vedette profile export all > profiles.jsonl",
	run:     runProfile}

// profiles gives orders about what the running monitor has learned.
type profiles struct {
	*site
	client  *api.Client
	venue   string
	account bool
}

var profileVerbs = []string{"show", "export", "import", "reset"}

func runProfile(ctx context.Context, e *env, flags *flag.FlagSet) error {
	p := &profiles{}
	config := flags.String("c", "", "configuration file")
	dir := flags.String("dir", "", "data folder, if not that of the configuration")
	flags.StringVar(&p.venue, "venue", "", "dialect of the key or account")
	flags.BoolVar(&p.account, "account", false, "KEY is an account, not a credential")
	asJSON := flags.Bool("json", false, "show: machine-readable output")
	verb := "show"
	if len(e.args) > 0 && slices.Contains(profileVerbs, e.args[0]) {
		verb, e.args = e.args[0], e.args[1:]
	}
	if err := e.parse(flags); err != nil {
		return err
	}
	names := flags.Args()
	all := verb == "export" && len(names) == 1 && names[0] == "all"
	switch {
	case verb == "import" && len(names) == 0:
		return usagef("say the files, as export wrote them; - reads standard input")
	case verb != "import" && !all && (p.venue == "" || len(names) == 0 || verb == "show" && len(names) > 1):
		return usagef("say -venue and the key, after the flags")
	}
	var err error
	if p.site, err = e.site(*config, *dir); err != nil {
		return err
	}
	if err := p.knowsVenue(p.venue); err != nil {
		return err
	}
	if p.client, err = p.monitor(); err != nil {
		return err
	}
	if p.client == nil {
		return fmt.Errorf("no monitor runs on %s: profiles are in its memory", p.config.Dir)
	}
	switch verb {
	case "export":
		return p.export(ctx, names, all)
	case "import":
		return p.imports(ctx, names)
	case "reset":
		return p.reset(ctx, names)
	}
	return p.show(ctx, names[0], *asJSON)
}

func (p *profiles) of(name string) api.ProfileOf {
	return api.ProfileOf{Venue: p.venue, Name: name, Account: p.account}
}

func profilePath(path string, s api.ProfileOf) string {
	q := url.Values{"venue": {s.Venue}, "name": {s.Name}}
	if s.Account {
		q.Set("kind", "account")
	}
	return path + "?" + q.Encode()
}

func (p *profiles) show(ctx context.Context, name string, asJSON bool) error {
	var found behaviour.Profile
	if err := p.client.Do(ctx, "GET", profilePath("/v1/profile", p.of(name)), person(), nil, &found); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(p.stdout).Encode(found)
	}
	fmt.Fprintln(p.stdout, found)
	return nil
}

// export writes a line for each key or account.
func (p *profiles) export(ctx context.Context, names []string, all bool) error {
	var list []api.ProfileOf
	for _, name := range names {
		list = append(list, p.of(name))
	}
	if all {
		list = nil
		if err := p.client.Do(ctx, "GET", "/v1/profiles", person(), nil, &list); err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(s api.ProfileOf) bool { return p.venue != "" && s.Venue != p.venue || p.account && !s.Account })
	}
	out, n := bufio.NewWriter(p.stdout), 0
	enc := json.NewEncoder(out)
	for _, s := range list {
		var v behaviour.Saved
		err := p.client.Do(ctx, "GET", profilePath("/v1/profile/saved", s), person(), nil, &v)
		if err != nil && all { // it was forgotten meanwhile
			fmt.Fprintf(p.stderr, "left out: %s at %s: %v\n", s.Name, s.Venue, err)
			continue
		}
		if err == nil {
			err = enc.Encode(&v)
		}
		if err != nil {
			return err
		}
		n++
	}
	fmt.Fprintf(p.stderr, "exported: %d\n", n)
	return out.Flush()
}

// maxProfileLine bounds a line of an import, in bytes: a state takes some 8,000.
const maxProfileLine = 64 << 10

func (p *profiles) imports(ctx context.Context, files []string) error {
	n := 0
	for _, name := range files {
		m, err := p.importFile(ctx, name)
		if n += m; err != nil {
			return fmt.Errorf("%s: %w; %d were imported before", name, err, n)
		}
	}
	fmt.Fprintf(p.stderr, "imported: %d\n", n)
	return nil
}

func (p *profiles) importFile(ctx context.Context, name string) (n int, err error) {
	in, err := p.open(name)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxProfileLine)
	for number := 1; lines.Scan(); number++ {
		var v behaviour.Saved
		dec := json.NewDecoder(strings.NewReader(lines.Text()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&v); err != nil {
			return n, fmt.Errorf("line %d: %w", number, err)
		}
		if _, err := dec.Token(); err != io.EOF {
			return n, fmt.Errorf("line %d: there is more than one object", number)
		}
		if p.venue != "" && v.Venue != p.venue || p.account && !v.Account {
			continue
		}
		if err := p.client.Do(ctx, "PUT", "/v1/profile/saved", person(), &v, nil); err != nil {
			return n, fmt.Errorf("line %d: %.100s at %.64s: %w", number, v.Name, v.Venue, err)
		}
		n++
	}
	return n, lines.Err()
}

func (p *profiles) reset(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := p.client.Do(ctx, "DELETE", profilePath("/v1/profile", p.of(name)), person(), nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(p.stderr, "forgotten: what was learned of %s at %s\n", name, p.venue)
	}
	return nil
}

// profiled is the kind of subject that has a profile.
func profiled(s api.ProfileOf) detect.Kind {
	if s.Account {
		return detect.ByAccount
	}
	return detect.ByCredential
}

func nothingLearned(s api.ProfileOf) error {
	return fmt.Errorf("nothing was learned of %s at %s yet", s.Name, s.Venue)
}

// Profile implements api.Orders.
func (a *app) Profile(s api.ProfileOf) (behaviour.Profile, error) {
	p, ok := behaviour.Read(a.monitor.Engine(), profiled(s), s.Venue, s.Name)
	if !ok {
		return p, nothingLearned(s)
	}
	return p, nil
}

// Profiled implements api.Orders.
func (a *app) Profiled() []api.ProfileOf {
	seen := map[api.ProfileOf]bool{}
	list := []api.ProfileOf{}
	add := func(s api.ProfileOf) {
		if s.Name == "" || seen[s] {
			return
		}
		seen[s] = true
		if _, ok := behaviour.Read(a.monitor.Engine(), profiled(s), s.Venue, s.Name); ok {
			list = append(list, s)
		}
	}
	for _, e := range a.ring.List() {
		add(api.ProfileOf{Venue: e.Venue, Name: e.ID})
		add(api.ProfileOf{Venue: e.Venue, Name: e.Account, Account: true})
	}
	slices.SortFunc(list, func(x, y api.ProfileOf) int {
		return cmp.Or(cmp.Compare(x.Venue, y.Venue), cmp.Compare(x.Name, y.Name))
	})
	return list
}

// SaveProfile implements api.Orders.
func (a *app) SaveProfile(s api.ProfileOf) (behaviour.Saved, error) {
	v := behaviour.Saved{Venue: s.Venue, Name: s.Name, Account: s.Account}
	if !v.Save(a.monitor.Engine()) {
		return v, nothingLearned(s)
	}
	return v, nil
}

// LoadProfile implements api.Orders.
func (a *app) LoadProfile(v *behaviour.Saved, who string) error {
	if v.Venue == "" || v.Name == "" {
		return errors.New("it names no key or account")
	}
	if err := v.Load(a.monitor.Engine()); err != nil {
		return err
	}
	a.saveSoon()
	_, err := a.monitor.Note(who, "profile.import", api.ProfileOf{Venue: v.Venue, Name: v.Name, Account: v.Account})
	return err
}

// ForgetProfile implements api.Orders.
func (a *app) ForgetProfile(s api.ProfileOf, who string) error {
	if !behaviour.Import(a.monitor.Engine(), profiled(s), s.Venue, s.Name, behaviour.State{}) {
		return nothingLearned(s)
	}
	a.saveSoon()
	_, err := a.monitor.Act(who, "profile.reset", s)
	return err
}

// saveSoon has what was learned saved: a restart would else know what a person changed as it was before, or learn much again.
func (a *app) saveSoon() {
	select {
	case a.saveNow <- struct{}{}:
	default:
	}
}
