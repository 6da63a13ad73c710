package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/api"
	"vedette/keyring"
	"vedette/store"
)

var keyCommand = &command{name: "key", args: "add|list|import|rotate|remove|freeze|thaw|stepup [flags]",
	short:   "Manage the keyring; freeze, thaw and step up keys",
	example: "vedette key freeze -venue binance -id dummy-key -for 1h -reason 'stolen laptop'",
	run:     runKey}

// keyFlags are those of all key commands.
type keyFlags struct {
	config, dir, venue, id, reason string
	account, owner, source         string
	secretFile, publicKeyFile      string
	passphraseFile, scheme         string
	permissions, wallet            string
	overlap, duration              time.Duration
	json, force                    bool
}

func runKey(ctx context.Context, e *env, flags *flag.FlagSet) error {
	verb := e.verb()
	f := &keyFlags{}
	f.define(flags)
	if err := e.parse(flags); err != nil {
		return err
	}
	if verb == "" {
		return usagef("say what to do: add, list, import, rotate, remove, freeze, thaw or stepup")
	}
	at, err := e.site(f.config, f.dir)
	if err != nil {
		return err
	}
	k := &keys{site: at, f: f, rest: flags.Args()}
	flags.Visit(func(given *flag.Flag) { k.given = append(k.given, given.Name) })
	run := map[string]func(context.Context) error{"add": k.add, "list": k.list, "import": k.importFile, "rotate": k.rotate,
		"remove": k.remove, "freeze": k.freeze, "thaw": k.thaw, "stepup": k.stepUp}[verb]
	if run == nil {
		return usagef("unknown %q: want add, list, import, rotate, remove, freeze, thaw or stepup", verb)
	}
	if verb != "import" && len(k.rest) > 0 {
		return usagef("no argument is wanted, got %q", k.rest[0])
	}
	return run(ctx)
}

func (f *keyFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&f.config, "c", "", "configuration file")
	flags.StringVar(&f.dir, "dir", "", "data folder, if not that of the configuration")
	flags.StringVar(&f.venue, "venue", "", "dialect of the key's venue")
	flags.StringVar(&f.id, "id", "", "the key's id, as the client sends it")
	flags.StringVar(&f.reason, "reason", "", "why, in words")
	flags.StringVar(&f.account, "account", "", "account of the key; freeze and thaw: the account instead of a key")
	flags.StringVar(&f.owner, "owner", "", "beneficial owner; freeze and thaw: the owner instead of a key")
	flags.StringVar(&f.source, "source", "", "freeze and thaw: an address or range instead of a key")
	flags.StringVar(&f.scheme, "scheme", "", "hmac, rsa, ed25519, es256, eddsa or eip712; told by the secret if not given")
	flags.StringVar(&f.secretFile, "secret-file", "", "file with the secret, - for standard input")
	flags.StringVar(&f.publicKeyFile, "public-key-file", "", "file with the public key")
	flags.StringVar(&f.passphraseFile, "passphrase-file", "", "file with the passphrase")
	flags.StringVar(&f.wallet, "wallet", "", "address of the signing wallet")
	flags.StringVar(&f.permissions, "permissions", "", "of read,trade,withdraw,transfer,admin; not held to any if not given")
	flags.DurationVar(&f.overlap, "overlap", time.Hour, "how long a rotated-away secret stays valid")
	flags.DurationVar(&f.duration, "for", 0, "how long a freeze lasts, until thawed if not given; how long a step-up lasts")
	flags.BoolVar(&f.force, "force", false, "rotate, though that ends a secret before its overlap does")
	flags.BoolVar(&f.json, "json", false, "machine-readable output")
}

// keys is one key command under way.
type keys struct {
	*site
	f     *keyFlags
	given []string // names of the flags on the command line
	rest  []string
}

// withStore opens the state for one change and tells a running monitor after it.
func (k *keys) withStore(ctx context.Context, what string, change func(store.Store, *keyring.Sealer) error) error {
	client, err := k.monitor()
	if err != nil {
		return err
	}
	s, sealer, _, err := openState(ctx, k.config, k.getenv)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := change(s, sealer); err != nil {
		return err
	}
	if client == nil {
		return nil
	}
	order := struct{ By, What string }{person(), what}
	if err := client.Do(ctx, "POST", "/v1/keys/reload", person(), order, nil); err != nil {
		return fmt.Errorf("stored, but the running monitor did not take it: %w", err)
	}
	return nil
}

// named checks that venue and id were given.
func (k *keys) named() error {
	if k.f.venue == "" || k.f.id == "" {
		return usagef("say -venue and -id")
	}
	return nil
}

func (k *keys) secrets() (s keyring.Secrets, err error) {
	for _, p := range []struct {
		file string
		set  func([]byte)
	}{{k.f.secretFile, func(b []byte) { s.Secret = keyring.NewSecret(b) }}, {k.f.passphraseFile, func(b []byte) { s.Passphrase = keyring.NewSecret(b) }},
		{k.f.publicKeyFile, func(b []byte) { s.PublicKey = string(b) }}} {
		if p.file == "" {
			continue
		}
		b, err := k.readSecret(p.file)
		if err != nil {
			return s, fmt.Errorf("cannot read secret: %w", err)
		}
		text := strings.TrimRight(string(b), "\r\n")
		if strings.TrimSpace(text) == "" {
			return s, fmt.Errorf("cannot use secret: %s is empty", p.file)
		}
		p.set([]byte(text))
	}
	s.Wallet = k.f.wallet
	return s, nil
}

func (k *keys) add(ctx context.Context) error {
	if err := k.named(); err != nil {
		return err
	}
	secrets, err := k.secrets()
	if err != nil {
		return err
	}
	spec := keyring.Spec{Credential: vedette.Credential{ID: k.f.id, Venue: k.f.venue, Account: k.f.account, Owner: k.f.owner, Created: time.Now().UTC()},
		Scheme: k.f.scheme, Secrets: secrets}
	for _, name := range strings.FieldsFunc(k.f.permissions, func(r rune) bool { return r == ',' || r == ' ' }) {
		bit := vedette.Permission(0)
		for i, n := range vedette.PermissionNames {
			if n == name {
				bit = 1 << i
			}
		}
		if bit == 0 {
			return usagef("unknown permission %q: want of %s", name, strings.Join(vedette.PermissionNames, ","))
		}
		spec.Permissions |= bit
	}
	if slices.Contains(k.given, "permissions") && spec.Permissions == 0 {
		return usagef("-permissions is empty: name some of %s, or leave it out for a key that is not held to any", strings.Join(vedette.PermissionNames, ","))
	}
	return k.put(ctx, "key.add", []keyring.Spec{spec}, func(s store.Store) error {
		_, err := s.Key(ctx, spec.Venue, spec.ID)
		if err == nil {
			return fmt.Errorf("%s key %q is there already: rotate it, or remove it first", spec.Venue, spec.ID)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if client, err := k.monitor(); k.inFile(k.f.venue, k.f.id) || err == nil && client != nil && k.known(ctx, client, k.f.venue, k.f.id) {
			k.warnFile()
		}
		return nil
	})
}

func (k *keys) warnFile() {
	fmt.Fprintf(k.stderr, "warning: the keys file has %s key %q too, and wins: what is stored has no effect while it stands there\n", k.f.venue, k.f.id)
}

// put seals and stores credentials, if the check allows it.
func (k *keys) put(ctx context.Context, what string, specs []keyring.Spec, check func(store.Store) error) error {
	return k.withStore(ctx, what, func(s store.Store, sealer *keyring.Sealer) error {
		if err := check(s); err != nil {
			return err
		}
		list := make([]store.Key, len(specs))
		seen := map[[2]string]bool{}
		for i, spec := range specs {
			if id := [2]string{spec.Venue, spec.ID}; seen[id] {
				return fmt.Errorf("%s key %q is there under two schemes: the store holds one; name such keys in the configuration's keys file", spec.Venue, spec.ID)
			} else {
				seen[id] = true
			}
			if _, err := k.options.Build(spec, time.Now()); err != nil {
				return err
			}
			sealed, err := sealer.Seal(spec)
			if err != nil {
				return err
			}
			list[i] = store.Key{Venue: spec.Venue, ID: spec.ID, Sealed: sealed, Changed: time.Now()}
		}
		subject := fmt.Sprintf("%d keys", len(list))
		if len(list) == 1 {
			subject = list[0].Venue + " " + list[0].ID
		}
		if err := s.PutKeys(ctx, list, audit(what, subject, k.f.reason)); err != nil {
			return err
		}
		fmt.Fprintf(k.stderr, "%s: %s\n", what, subject)
		return nil
	})
}

func (k *keys) importFile(ctx context.Context) error {
	if len(k.rest) != 1 {
		return usagef("say which keys.yaml to import")
	}
	specs, err := keyring.Importer{Options: k.options}.File(k.rest[0])
	if err != nil {
		return err
	}
	return k.put(ctx, "key.import", specs, func(store.Store) error { return nil })
}

// listed is one key of key list: no secret is among it.
type listed struct {
	Venue       string    `json:"venue"`
	ID          string    `json:"id"`
	Scheme      string    `json:"scheme"`
	Account     string    `json:"account"`
	Owner       string    `json:"owner"`
	Permissions []string  `json:"permissions"`
	Created     time.Time `json:"created,omitzero"`
	Expires     time.Time `json:"expires,omitzero"`
	Rotated     time.Time `json:"rotated,omitzero"`
	OldUntil    time.Time `json:"old_secret_until,omitzero"`
	Frozen      bool      `json:"frozen"`
}

func (k *keys) list(ctx context.Context) error {
	if err := k.mustExist(); err != nil {
		return err
	}
	s, sealer, _, err := openState(ctx, k.config, k.getenv)
	if err != nil {
		return err
	}
	defer s.Close()
	specs, err := storedKeys(ctx, s, sealer)
	if err != nil {
		return err
	}
	restrictions, err := s.LoadRestrictions(ctx)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(k.stdout)
	for i := range specs {
		l := describeKey(&specs[i], restrictions)
		if e, err := k.options.Build(specs[i], time.Now()); err == nil {
			l.Scheme = e.Scheme
		}
		if k.f.json {
			if err := enc.Encode(l); err != nil {
				return err
			}
			continue
		}
		state := ""
		if l.Frozen {
			state = "frozen"
		}
		fmt.Fprintf(k.stdout, "%-22s %-44s %-8s %-16s %-28s %s\n", l.Venue, l.ID, l.Scheme, l.Account, strings.Join(l.Permissions, ","), state)
	}
	switch file := k.config.Keys.File; {
	case file != "":
		fmt.Fprintf(k.stderr, "keys of %s are in force too and are not listed\n", file)
	case len(specs) == 0:
		fmt.Fprintln(k.stderr, "no key is stored; those of a keys file are not listed")
	}
	return nil
}

func describeKey(spec *keyring.Spec, restrictions []vedette.Restriction) listed {
	l := listed{Venue: spec.Venue, ID: spec.ID, Scheme: spec.Scheme, Account: spec.Account, Owner: spec.Owner, Permissions: []string{},
		Created: spec.Created, Expires: spec.Expires, Rotated: spec.LastRotated, OldUntil: spec.PreviousUntil, Frozen: spec.Frozen}
	for i, n := range vedette.PermissionNames {
		if spec.Permissions&(1<<i) != 0 {
			l.Permissions = append(l.Permissions, n)
		}
	}
	for _, r := range restrictions {
		if r.Kind == vedette.RestrictFreeze && r.Credential == spec.ID && (r.Venue == "" || r.Venue == spec.Venue) && (r.Until.IsZero() || time.Now().Before(r.Until)) {
			l.Frozen = true
		}
	}
	return l
}

func (k *keys) rotate(ctx context.Context) error {
	if err := k.named(); err != nil {
		return err
	}
	fresh, err := k.secrets()
	if err != nil {
		return err
	}
	if fresh.Secret.Empty() && fresh.PublicKey == "" && fresh.Wallet == "" {
		return usagef("say -secret-file, -public-key-file or -wallet with the new secret")
	}
	return k.withStore(ctx, "key.rotate", func(s store.Store, sealer *keyring.Sealer) error {
		spec, err := k.load(ctx, s, sealer)
		if err != nil {
			return err
		}
		if until := spec.PreviousUntil; time.Now().Before(until) && !k.f.force {
			return fmt.Errorf("the secret before this one is valid until %s, and rotating again would end it now: wait, or say -force", until.Format(time.RFC3339))
		}
		if k.inFile(k.f.venue, k.f.id) {
			k.warnFile()
		}
		if err := spec.Rotate(fresh, k.f.overlap, time.Now().UTC()); err != nil {
			return err
		}
		if _, err := k.options.Build(spec, time.Now()); err != nil {
			return err
		}
		sealed, err := sealer.Seal(spec)
		if err != nil {
			return err
		}
		fmt.Fprintf(k.stderr, "rotated %s %s; the old secret is valid until %s, and its use is flagged\n", spec.Venue, spec.ID, spec.PreviousUntil.Format(time.RFC3339))
		return s.PutKeys(ctx, []store.Key{{Venue: spec.Venue, ID: spec.ID, Sealed: sealed, Changed: time.Now()}},
			audit("key.rotate", spec.Venue+" "+spec.ID, k.f.reason))
	})
}

func (k *keys) load(ctx context.Context, s store.Store, sealer *keyring.Sealer) (keyring.Spec, error) {
	stored, err := s.Key(ctx, k.f.venue, k.f.id)
	if err != nil {
		return keyring.Spec{}, err
	}
	return sealer.Open(stored.Venue, stored.ID, stored.Sealed)
}

func (k *keys) remove(ctx context.Context) error {
	if err := k.named(); err != nil {
		return err
	}
	return k.withStore(ctx, "key.remove", func(s store.Store, _ *keyring.Sealer) error {
		return s.DeleteKey(ctx, k.f.venue, k.f.id, audit("key.remove", k.f.venue+" "+k.f.id, k.f.reason))
	})
}

// scope is what a freeze or thaw concerns.
func (k *keys) scope() (vedette.Restriction, error) {
	r := vedette.Restriction{Kind: vedette.RestrictFreeze, Venue: k.f.venue, Credential: lowerWallet(k.dialects, k.f.venue, k.f.id), Account: k.f.account, Owner: k.f.owner, Source: k.f.source,
		Reason: k.f.reason, By: person()}
	if r.Source != "" {
		r.Kind = vedette.RestrictBlock
	}
	if r.Credential == "" && r.Account == "" && r.Owner == "" && r.Source == "" {
		return r, usagef("say what: -id, -account, -owner or -source")
	}
	return r, k.knowsVenue(r.Venue)
}

func (k *keys) freeze(ctx context.Context) error {
	r, err := k.scope()
	if err != nil {
		return err
	}
	if slices.Contains(k.given, "for") {
		if k.f.duration <= 0 {
			return usagef("-for %v: want a time to come, such as 1h; leave it out for a freeze until it is thawed", k.f.duration)
		}
		r.Until = time.Now().UTC().Add(k.f.duration)
	}
	return k.restrict(ctx, r)
}

func (k *keys) thaw(ctx context.Context) error {
	want, err := k.scope()
	if err != nil {
		return err
	}
	lifted := 0
	err = k.withRestrictions(ctx, k.f.reason, func(list []vedette.Restriction, lift func(vedette.Restriction) error) error {
		for _, r := range list {
			if r.Kind != want.Kind || r.Credential != want.Credential || r.Account != want.Account || r.Owner != want.Owner || r.Source != want.Source ||
				want.Venue != "" && r.Venue != want.Venue {
				continue
			}
			if err := lift(r); err != nil {
				return err
			}
			lifted++
		}
		return nil
	})
	if err == nil && lifted == 0 {
		fmt.Fprintln(k.stderr, "no such restriction is in force")
		return errNo
	}
	return err
}

// stepUp says that who uses the key has authenticated more strongly. It is for a running
// monitor alone: a step-up does not outlast it.
func (k *keys) stepUp(ctx context.Context) error {
	if err := k.named(); err != nil {
		return err
	}
	if err := k.knowsVenue(k.f.venue); err != nil {
		return err
	}
	if k.f.duration <= 0 {
		return usagef("say -for: how long the step-up lasts")
	}
	client, err := k.monitor()
	if err != nil {
		return err
	}
	if client == nil {
		return fmt.Errorf("no monitor runs on %s: a step-up is for a running one, and does not outlast it", k.config.Dir)
	}
	g := vedette.StepUpGrant{Venue: k.f.venue, Credential: lowerWallet(k.dialects, k.f.venue, k.f.id), Reason: orNone(k.f.reason), By: person(), Until: time.Now().UTC().Add(k.f.duration)}
	if err := client.Do(ctx, "POST", "/v1/stepups", g.By, g, nil); err != nil {
		return err
	}
	fmt.Fprintf(k.stderr, "stepped up until %s: %s %s\n", g.Until.Format(time.RFC3339), g.Venue, g.Credential)
	k.warnUnknown(ctx, client, api.KeyScope{Venue: g.Venue, ID: g.Credential})
	return nil
}
