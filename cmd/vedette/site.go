package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/api"
	"vedette/gate"
	"vedette/internal/durable"
	"vedette/internal/strictyaml"
	"vedette/keyring"
	"vedette/store"
	"vedette/venue"
	"vedette/verify"
)

// site is a data folder that a command gives orders to: to the monitor that runs on it,
// else to its state, for the next start.
type site struct {
	*env
	config   *config
	dialects []*venue.Dialect
	venues   []string // names of the dialects
	options  keyring.Options
}

// site reads the configuration, if one is named; dir wins over its data folder.
func (e *env) site(path, dir string) (*site, error) {
	c, err := loadConfig(path)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		c.Dir = dir
	}
	dialects, err := c.dialects()
	if err != nil {
		return nil, err
	}
	all := withBuiltIn(dialects)
	return &site{e, c, all, dialectNames(all), verify.KeyOptions(all)}, nil
}

// person names who gives the order, for the record.
func person() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func audit(action, subject, detail string) store.Audit {
	return store.Audit{At: time.Now(), Actor: person(), Action: action, Subject: subject, Detail: detail}
}

func orNone(reason string) string {
	if reason == "" {
		return "no reason given"
	}
	return reason
}

// knowsVenue refuses a venue of no dialect; "" is none.
func (s *site) knowsVenue(name string) error {
	if name != "" && !slices.Contains(s.venues, name) {
		return usagef("unknown venue %q%s: a venue of your own is known with the configuration that describes it, -c", name, strictyaml.Suggest(name, s.venues))
	}
	return nil
}

// monitor returns a client of the monitor that runs on the data folder, nil if none
// does. A monitor holds the ledger's lock: one that does so and does not answer would
// not learn of a change, so that is an error.
func (s *site) monitor() (*api.Client, error) {
	client, err := api.Dial(s.config.Dir)
	if err == nil {
		return client, nil
	}
	held, lockErr := ledgerHeld(s.config.Dir)
	switch {
	case held:
		return nil, fmt.Errorf("a monitor runs on %s but its control socket does not answer: nothing was changed", s.config.Dir)
	case lockErr != nil:
		return nil, lockErr
	case errors.Is(err, api.ErrNotRunning):
		return nil, nil
	}
	return nil, err
}

// ledgerHeld tells whether a process has the folder's ledger open for appending.
func ledgerHeld(dir string) (bool, error) {
	name := filepath.Join(dir, "ledger", "lock")
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return false, nil // and the lock is not made by asking
	}
	lock, err := durable.OS{}.Lock(name)
	if errors.Is(err, durable.ErrLocked) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot tell whether a monitor runs: %w", err)
	}
	return false, lock.Close()
}

// mustExist is for what only reads or changes a state that is there: a mistyped folder
// must not become a new one.
func (s *site) mustExist() error {
	lost, err := stateLost(s.config.Dir)
	if err != nil || lost { // of a lost one openState says more
		return err
	}
	fresh, err := stateFresh(s.config.Dir)
	if err == nil && fresh {
		err = fmt.Errorf("there is no %s: no monitor has run on this folder and no key was added", filepath.Join(s.config.Dir, store.FileName))
	}
	return err
}

// existing opens the state that is there.
func (s *site) existing(ctx context.Context) (store.Store, error) {
	url, err := s.config.postgresURL(s.getenv)
	if err != nil {
		return nil, err
	}
	if url != "" {
		state, err := store.OpenPostgres(ctx, url, false)
		if err != nil {
			return nil, err
		}
		return state, nil
	}
	if err := s.mustExist(); err != nil {
		return nil, err
	}
	state, _, _, err := openState(ctx, s.config, s.getenv)
	return state, err
}

// restrict puts a restriction in force, and says so.
func (s *site) restrict(ctx context.Context, r vedette.Restriction) error {
	r.From, r.Reason, r.By = time.Now().UTC(), orNone(r.Reason), person()
	r.Credential = lowerWallet(s.dialects, r.Venue, r.Credential)
	client, err := s.monitor()
	if err != nil {
		return err
	}
	if client == nil {
		err = s.restrictStored(ctx, r)
	} else if err = client.Do(ctx, "POST", "/v1/restrictions", r.By, r, &r); err == nil {
		fmt.Fprintf(s.stderr, "in force: %s of %s, id %s\n", r.Kind, api.Scope(r), r.ID)
	}
	if err != nil {
		return err
	}
	s.warnUnknown(ctx, client, api.KeyScope{Venue: r.Venue, ID: r.Credential, Account: r.Account, Owner: r.Owner})
	return nil
}

// restrictStored stores the restriction for the next start, if a gate takes it.
func (s *site) restrictStored(ctx context.Context, r vedette.Restriction) error {
	g, err := gate.New(gate.Config{})
	if err != nil {
		return err
	}
	if r, err = g.Set(r, r.From); err != nil {
		return err
	}
	state, err := s.existing(ctx)
	if err != nil {
		return err
	}
	defer state.Close()
	if err := state.PutRestriction(ctx, r, audit("restriction.set", api.Scope(r), r.Reason)); err != nil {
		return err
	}
	then := "in force from its next start"
	if _, shared := state.(*store.Postgres); shared {
		then = "monitors on " + state.String() + " put it in force"
	}
	fmt.Fprintf(s.stderr, "no monitor runs on %s: stored, %s, id %s\n", s.config.Dir, then, r.ID)
	return nil
}

// warnUnknown says that no key is in the scope: neither the running monitor's nor, without one,
// of store and keys file. It may be mistyped. It comes after the order, which must not wait or
// fail for it.
func (s *site) warnUnknown(ctx context.Context, client *api.Client, k api.KeyScope) {
	if k.ID == "" && k.Account == "" && k.Owner == "" {
		return
	}
	found := api.Known{}
	if client == nil {
		found = s.stored(ctx, k)
	} else if client.Do(ctx, "GET", "/v1/keys?"+k.Query().Encode(), person(), nil, &found) != nil {
		return
	}
	switch {
	case found.Known:
	case found.Near != "":
		fmt.Fprintf(s.stderr, "warning: no such key in the keyring: done all the same; did you mean %q? Case counts\n", found.Near)
	case k.ID == "":
		fmt.Fprintln(s.stderr, "warning: no key in the keyring has that account or owner: done all the same")
	default:
		fmt.Fprintln(s.stderr, "warning: no such key in the keyring: done all the same")
	}
}

// known reports whether the running monitor knows the key, from wherever it has it.
func (s *site) known(ctx context.Context, client *api.Client, venue, id string) bool {
	var known api.Known
	return client.Do(ctx, "GET", "/v1/keys?"+api.KeyScope{Venue: venue, ID: id}.Query().Encode(), person(), nil, &known) == nil && known.Known
}

// inFile reports whether the configuration's keys file has the key. A file that cannot
// be read has none.
func (s *site) inFile(venue, id string) bool {
	specs, err := s.config.fileKeys(s.options)
	return err == nil && slices.ContainsFunc(specs, func(k keyring.Spec) bool { return k.Venue == venue && k.ID == id })
}

// stored looks for a key in the keys file and in the store. What cannot be read may have it.
func (s *site) stored(ctx context.Context, k api.KeyScope) (found api.Known) {
	unsure := api.Known{Known: true}
	look := func(specs []keyring.Spec) bool {
		return slices.ContainsFunc(specs, func(spec keyring.Spec) bool { return k.Look(&spec.Credential, &found) })
	}
	if specs, err := s.config.fileKeys(s.options); err == nil && look(specs) {
		return found
	}
	if fresh, err := stateFresh(s.config.Dir); err != nil || fresh {
		return unsure
	}
	state, err := s.existing(ctx)
	if err != nil {
		return unsure
	}
	defer state.Close()
	if keys, err := state.LoadKeys(ctx); err != nil {
		return unsure
	} else if len(keys) == 0 {
		return found
	}
	sealer, err := openSealer(ctx, s.config, state, s.getenv)
	if err != nil {
		return unsure
	}
	specs, err := storedKeys(ctx, state, sealer)
	if err != nil {
		return unsure
	}
	look(specs)
	return found
}

// lowerWallet returns the id of a key in the form in which it is looked up: at a venue where
// keys are wallets, or at none in particular, an address in lower case, since people write it with a checksum in
// its case. Any other id is left.
func lowerWallet(all []*venue.Dialect, name, id string) string {
	wallets := func(d *venue.Dialect) bool {
		_, ok := d.Scheme("eip712")
		return ok
	}
	d := findDialect(all, name)
	digits, ok := strings.CutPrefix(strings.ToLower(id), "0x")
	if _, err := hex.DecodeString(digits); !ok || err != nil || len(digits) != 40 || name != "" && (d == nil || !wallets(d)) {
		return id
	}
	return "0x" + digits
}

// withRestrictions calls use with the restrictions in force, or stored where no monitor
// runs, and with what lifts one and says so. What has ended the monitor knows best: its
// clock may have been set since.
func (s *site) withRestrictions(ctx context.Context, reason string, use func([]vedette.Restriction, func(vedette.Restriction) error) error) error {
	client, err := s.monitor()
	if err != nil {
		return err
	}
	if client != nil {
		var list []vedette.Restriction
		if err := client.Do(ctx, "GET", "/v1/restrictions", person(), nil, &list); err != nil {
			return err
		}
		return use(list, s.lifting(func(r vedette.Restriction) error {
			return client.Do(ctx, "DELETE", "/v1/restrictions/"+url.PathEscape(r.ID), person(), nil, nil)
		}))
	}
	state, err := s.existing(ctx)
	if err != nil {
		return err
	}
	defer state.Close()
	list, err := state.LoadRestrictions(ctx)
	if err != nil {
		return err
	}
	return use(inForce(list), s.lifting(func(r vedette.Restriction) error {
		return state.LiftRestriction(ctx, r.ID, audit("restriction.lift", r.ID, reason))
	}))
}

func inForce(list []vedette.Restriction) []vedette.Restriction {
	return slices.DeleteFunc(list, func(r vedette.Restriction) bool { return !r.Until.IsZero() && !time.Now().Before(r.Until) })
}

// lifting says what lift lifted.
func (s *site) lifting(lift func(vedette.Restriction) error) func(vedette.Restriction) error {
	return func(r vedette.Restriction) error {
		if err := lift(r); err != nil {
			return err
		}
		fmt.Fprintf(s.stderr, "lifted: %s of %s, id %s\n", r.Kind, api.Scope(r), r.ID)
		return nil
	}
}
