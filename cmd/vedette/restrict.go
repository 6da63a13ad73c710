package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vedette"
	"vedette/api"
	"vedette/internal/strictyaml"
)

var restrictCommand = &command{name: "restrict", args: "set KIND [flags] | list [flags] | lift [flags] ID…",
	short:   "Set, list and lift restrictions of a running monitor",
	example: "vedette restrict set throttle -venue binance -account alice -rate 5 -for 2h -reason 'runaway bot'",
	run:     runRestrict}

// restrictFlags are those of all restrict commands.
type restrictFlags struct {
	config, dir      string
	r                vedette.Restriction
	operation, until string
	duration         time.Duration
	timed            bool // duration was given
	maxAge           time.Duration
	json             bool
}

func (f *restrictFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&f.config, "c", "", "configuration file")
	flags.StringVar(&f.dir, "dir", "", "data folder, if not that of the configuration")
	flags.StringVar(&f.r.Venue, "venue", "", "scope: dialect of the venue")
	flags.StringVar(&f.r.Credential, "credential", "", "scope: the id of a key, as the client sends it")
	flags.StringVar(&f.r.Account, "account", "", "scope: an account")
	flags.StringVar(&f.r.Owner, "owner", "", "scope: a beneficial owner")
	flags.StringVar(&f.r.Source, "source", "", "scope: an address or range of clients")
	flags.StringVar(&f.r.Instrument, "instrument", "", "scope: an instrument, as the venue writes it")
	flags.StringVar(&f.operation, "operation", "", "deny_operation, step_up and throttle: an operation, such as withdraw")
	flags.Float64Var(&f.r.Rate, "rate", 0, "throttle: calls a second")
	flags.IntVar(&f.r.Burst, "burst", 0, "throttle: calls at once; as many as in a second if not given")
	flags.StringVar(&f.r.ACR, "acr", "", "step_up: one of these authentication classes satisfies it")
	flags.StringVar(&f.r.AMR, "amr", "", "step_up: all of these authentication methods satisfy it")
	flags.DurationVar(&f.maxAge, "max-age", 0, "step_up: how long ago the user may have authenticated")
	flags.StringVar(&f.r.Reason, "reason", "", "why, in words")
	flags.DurationVar(&f.duration, "for", 0, "how long it lasts; until lifted if not given")
	flags.StringVar(&f.until, "until", "", "when it ends instead, such as 2026-01-05T12:00:00Z")
	flags.BoolVar(&f.json, "json", false, "list: machine-readable output")
}

func runRestrict(ctx context.Context, e *env, flags *flag.FlagSet) error {
	f := &restrictFlags{}
	f.define(flags)
	verb, which := e.verb(), ""
	if verb == "set" {
		which = e.verb()
	}
	if which != "" {
		if err := kind(which, &f.r.Kind); err != nil {
			return err
		}
	}
	if err := e.parse(flags); err != nil {
		return err
	}
	if verb == "" {
		return usagef("say what to do: set, list or lift")
	}
	flags.Visit(func(given *flag.Flag) { f.timed = f.timed || given.Name == "for" })
	if verb != "lift" && flags.NArg() > 0 {
		return usagef("no argument is wanted here, got %q: flags come last", flags.Arg(0))
	}
	at, err := e.site(f.config, f.dir)
	if err != nil {
		return err
	}
	switch verb {
	case "set":
		return at.setRestriction(ctx, f)
	case "list":
		return at.withRestrictions(ctx, "", func(list []vedette.Restriction, _ func(vedette.Restriction) error) error {
			return at.showRestrictions(list, f.json)
		})
	case "lift":
		return at.liftRestrictions(ctx, f.r.Reason, flags.Args())
	}
	return usagef("unknown %q: want set, list or lift", verb)
}

// kinds are the names of the restrictions.
func kinds() (names []string) {
	for k := vedette.RestrictFreeze; k <= vedette.RestrictBlock; k++ {
		names = append(names, k.String())
	}
	return names
}

func kind(name string, into *vedette.RestrictionKind) error {
	if into.UnmarshalText([]byte(name)) != nil || *into == vedette.RestrictNone {
		return usagef("unknown restriction %q%s; want %s", name, strictyaml.Suggest(name, kinds()), strings.Join(kinds(), ", "))
	}
	return nil
}

// setRestriction makes a restriction of the flags and puts it in force.
func (s *site) setRestriction(ctx context.Context, f *restrictFlags) error {
	if f.r.Kind == vedette.RestrictNone {
		return usagef("say which restriction, right after set: %s", strings.Join(kinds(), ", "))
	}
	if err := s.knowsVenue(f.r.Venue); err != nil {
		return err
	}
	if f.operation != "" {
		if err := f.r.Operation.UnmarshalText([]byte(f.operation)); err != nil {
			return usageError{err}
		}
	}
	switch {
	case f.timed && f.duration <= 0:
		return usagef("-for is %v: want a time to come, such as 1h; leave it out for a restriction until it is lifted", f.duration)
	case f.duration > 0 && f.until != "":
		return usagef("say -for or -until, not both")
	case f.duration > 0:
		f.r.Until = time.Now().UTC().Add(f.duration)
	case f.until != "":
		var err error
		if f.r.Until, err = time.Parse(time.RFC3339, f.until); err != nil {
			return usagef("cannot read -until %q: want a time such as 2026-01-05T12:00:00Z", f.until)
		}
	}
	if f.maxAge%time.Second != 0 {
		return usagef("-max-age is %v: want whole seconds", f.maxAge)
	}
	f.r.MaxAge = int(f.maxAge / time.Second)
	return s.restrict(ctx, f.r)
}

func (s *site) showRestrictions(list []vedette.Restriction, asJSON bool) error {
	return show(s.env, asJSON, "no restriction is in force", "ID,KIND,SCOPE,UNTIL,BY,REASON", list, func(r vedette.Restriction) []any {
		until := "lifted"
		if !r.Until.IsZero() {
			until = r.Until.UTC().Format(time.RFC3339)
		}
		return []any{r.ID, details(r), api.Scope(r), until, r.By, r.Reason}
	})
}

// details says the kind, with what else its calls are held to.
func details(r vedette.Restriction) string {
	out := r.Kind.String()
	add := func(name, value string) {
		if value != "" && value != "0" {
			out += " " + name + "=" + value
		}
	}
	add("rate", strconv.FormatFloat(r.Rate, 'g', -1, 64))
	add("burst", strconv.Itoa(r.Burst))
	add("acr", strings.Join(strings.Fields(r.ACR), ","))
	add("amr", strings.Join(strings.Fields(r.AMR), ","))
	add("max_age", strconv.Itoa(r.MaxAge))
	return out
}

// liftRestrictions lifts the named ones, or none if one of them is not there.
func (s *site) liftRestrictions(ctx context.Context, reason string, ids []string) error {
	if len(ids) == 0 {
		return usagef("say the ids of what to lift, as vedette restrict list shows them")
	}
	return s.withRestrictions(ctx, reason, func(list []vedette.Restriction, lift func(vedette.Restriction) error) error {
		var named []vedette.Restriction
		for _, id := range ids {
			i := slices.IndexFunc(list, func(r vedette.Restriction) bool { return r.ID == id })
			if i < 0 {
				return fmt.Errorf("no restriction %q is in force: nothing was lifted", id)
			}
			named = append(named, list[i])
		}
		for _, r := range named {
			if err := lift(r); err != nil {
				return err
			}
		}
		return nil
	})
}
