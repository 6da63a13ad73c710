package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"

	"vedette/api"
	"vedette/detect"
	"vedette/detect/behaviour"
)

var profileCommand = &command{name: "profile", args: "[-dir DIR] [-venue NAME] [-account] [-json | -reset] KEY",
	short:   "What was learned of a key's or account's behaviour; -reset begins anew",
	example: "vedette profile -venue binance desk-1",
	run:     runProfile}

func runProfile(ctx context.Context, e *env, flags *flag.FlagSet) error {
	config := flags.String("c", "", "configuration file")
	dir := flags.String("dir", "", "data folder, if not that of the configuration")
	venue := flags.String("venue", "", "dialect of the key or account")
	account := flags.Bool("account", false, "KEY is an account, not a credential")
	asJSON := flags.Bool("json", false, "machine-readable output")
	reset := flags.Bool("reset", false, "forget what was learned, such as after a key changed hands")
	if err := e.parse(flags); err != nil {
		return err
	}
	if flags.NArg() != 1 || *venue == "" || *reset && *asJSON {
		return usagef("say -venue and one key, and -json or -reset at most")
	}
	at, err := e.site(*config, *dir)
	if err != nil {
		return err
	}
	if err := at.knowsVenue(*venue); err != nil {
		return err
	}
	client, err := at.monitor()
	if err != nil {
		return err
	}
	if client == nil {
		return fmt.Errorf("no monitor runs on %s: profiles are in its memory", at.config.Dir)
	}
	q := url.Values{"venue": {*venue}, "name": {flags.Arg(0)}}
	if *account {
		q.Set("kind", "account")
	}
	if *reset {
		if err := client.Do(ctx, "DELETE", "/v1/profile?"+q.Encode(), person(), nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(e.stderr, "forgotten: what was learned of %s at %s\n", flags.Arg(0), *venue)
		return nil
	}
	var p behaviour.Profile
	if err := client.Do(ctx, "GET", "/v1/profile?"+q.Encode(), person(), nil, &p); err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(e.stdout).Encode(p)
	}
	fmt.Fprintln(e.stdout, p)
	return nil
}

// profiled is the kind of subject that has a profile.
func profiled(s api.ProfileOf) detect.Kind {
	if s.Account {
		return detect.ByAccount
	}
	return detect.ByCredential
}

// Profile implements api.Orders.
func (a *app) Profile(s api.ProfileOf) (behaviour.Profile, error) {
	p, ok := behaviour.Read(a.monitor.Engine(), profiled(s), s.Venue, s.Name)
	if !ok {
		return p, fmt.Errorf("nothing was learned of %s at %s yet", s.Name, s.Venue)
	}
	return p, nil
}

// ForgetProfile implements api.Orders.
func (a *app) ForgetProfile(s api.ProfileOf, who string) error {
	if !behaviour.Import(a.monitor.Engine(), profiled(s), s.Venue, s.Name, behaviour.State{}) {
		return fmt.Errorf("nothing was learned of %s at %s yet", s.Name, s.Venue)
	}
	_, err := a.monitor.Act(who, "profile.reset", s)
	return err
}
