package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
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
	"vedette/internal/durable"
	"vedette/internal/strictyaml"
	"vedette/keyring"
	"vedette/store"
	"vedette/verify"
)

var keyCommand = &command{name: "key", args: "add|list|import|rotate|remove|freeze|thaw [flags]",
	short:   "Manage the keyring; freeze and thaw keys of a running monitor",
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
	if len(e.args) == 0 || strings.HasPrefix(e.args[0], "-") {
		f := &keyFlags{}
		f.define(flags)
		if err := e.parse(flags); err != nil {
			return err
		}
		return usagef("say what to do: add, list, import, rotate, remove, freeze or thaw")
	}
	verb := e.args[0]
	e.args = e.args[1:]
	f := &keyFlags{}
	f.define(flags)
	if err := e.parse(flags); err != nil {
		return err
	}
	c, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	if f.dir != "" {
		c.Dir = f.dir
	}
	dialects, err := c.dialects()
	if err != nil {
		return err
	}
	all := withBuiltIn(dialects)
	k := &keys{env: e, config: c, venues: dialectNames(all), options: verify.KeyOptions(all), f: f, rest: flags.Args()}
	flags.Visit(func(given *flag.Flag) { k.given = append(k.given, given.Name) })
	run := map[string]func(context.Context) error{"add": k.add, "list": k.list, "import": k.importFile, "rotate": k.rotate,
		"remove": k.remove, "freeze": k.freeze, "thaw": k.thaw}[verb]
	if run == nil {
		return usagef("unknown %q: want add, list, import, rotate, remove, freeze or thaw", verb)
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
	flags.DurationVar(&f.duration, "for", 0, "how long a freeze lasts; until thawed if not given")
	flags.BoolVar(&f.force, "force", false, "rotate, though that ends a secret before its overlap does")
	flags.BoolVar(&f.json, "json", false, "machine-readable output")
}

// keys is one key command under way.
type keys struct {
	*env
	config  *config
	venues  []string // names of the dialects
	options keyring.Options
	f       *keyFlags
	given   []string // names of the flags on the command line
	rest    []string
}

// person names who gives the order, for the record.
func person() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// withStore opens the state for one change and tells a running monitor after it.
func (k *keys) withStore(ctx context.Context, what string, change func(*store.Store, *keyring.Sealer) error) error {
	client, err := k.monitor()
	if err != nil {
		return err
	}
	s, sealer, err := openState(ctx, k.config, k.getenv)
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

// monitor returns a client of the monitor that runs on the data folder, nil if none
// does. A monitor holds the ledger's lock: one that does so and does not answer would
// not learn of a change, so that is an error.
func (k *keys) monitor() (*api.Client, error) {
	client, err := api.Dial(k.config.Dir)
	if err == nil {
		return client, nil
	}
	held, lockErr := ledgerHeld(k.config.Dir)
	switch {
	case held:
		return nil, fmt.Errorf("a monitor runs on %s but its control socket does not answer: nothing was changed", k.config.Dir)
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
func (k *keys) mustExist() error {
	lost, err := stateLost(k.config.Dir)
	if err != nil || lost { // of a lost one openState says more
		return err
	}
	fresh, err := stateFresh(k.config.Dir)
	if err == nil && fresh {
		err = fmt.Errorf("there is no %s: no monitor has run on this folder and no key was added", filepath.Join(k.config.Dir, store.FileName))
	}
	return err
}

func (k *keys) audit(action, subject, detail string) store.Audit {
	return store.Audit{At: time.Now(), Actor: person(), Action: action, Subject: subject, Detail: detail}
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
		b, err := k.read(p.file)
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

func (k *keys) read(name string) ([]byte, error) {
	const limit = 64 << 10
	in := k.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(bufio.NewReader(in), limit))
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
	return k.put(ctx, "key.add", []keyring.Spec{spec}, func(s *store.Store) error {
		_, err := s.Key(ctx, spec.Venue, spec.ID)
		if err == nil {
			return fmt.Errorf("%s key %q is there already: rotate it, or remove it first", spec.Venue, spec.ID)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if client, err := k.monitor(); k.inFile() || err == nil && client != nil && k.inForce(ctx, client) {
			k.warnFile()
		}
		return nil
	})
}

// inFile reports whether the configuration's keys file has the key. A file that cannot
// be read has none.
func (k *keys) inFile() bool {
	specs, err := k.config.fileKeys(k.options)
	return err == nil && slices.ContainsFunc(specs, func(s keyring.Spec) bool { return s.Venue == k.f.venue && s.ID == k.f.id })
}

// inForce reports whether the running monitor knows the key, from wherever it has it.
func (k *keys) inForce(ctx context.Context, client *api.Client) bool {
	var known api.Known
	q := url.Values{"venue": {k.f.venue}, "id": {k.f.id}}
	return client.Do(ctx, "GET", "/v1/keys?"+q.Encode(), person(), nil, &known) == nil && known.Known
}

func (k *keys) warnFile() {
	fmt.Fprintf(k.stderr, "warning: the keys file has %s key %q too, and wins: what is stored has no effect while it stands there\n", k.f.venue, k.f.id)
}

// put seals and stores credentials, if the check allows it.
func (k *keys) put(ctx context.Context, what string, specs []keyring.Spec, check func(*store.Store) error) error {
	return k.withStore(ctx, what, func(s *store.Store, sealer *keyring.Sealer) error {
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
		if err := s.PutKeys(ctx, list, k.audit(what, subject, k.f.reason)); err != nil {
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
	return k.put(ctx, "key.import", specs, func(*store.Store) error { return nil })
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
	s, sealer, err := openState(ctx, k.config, k.getenv)
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
	return k.withStore(ctx, "key.rotate", func(s *store.Store, sealer *keyring.Sealer) error {
		spec, err := k.load(ctx, s, sealer)
		if err != nil {
			return err
		}
		if until := spec.PreviousUntil; time.Now().Before(until) && !k.f.force {
			return fmt.Errorf("the secret before this one is valid until %s, and rotating again would end it now: wait, or say -force", until.Format(time.RFC3339))
		}
		if k.inFile() {
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
			k.audit("key.rotate", spec.Venue+" "+spec.ID, k.f.reason))
	})
}

func (k *keys) load(ctx context.Context, s *store.Store, sealer *keyring.Sealer) (keyring.Spec, error) {
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
	return k.withStore(ctx, "key.remove", func(s *store.Store, _ *keyring.Sealer) error {
		return s.DeleteKey(ctx, k.f.venue, k.f.id, k.audit("key.remove", k.f.venue+" "+k.f.id, k.f.reason))
	})
}

// scope is what a freeze or thaw concerns.
func (k *keys) scope() (vedette.Restriction, error) {
	r := vedette.Restriction{Kind: vedette.RestrictFreeze, Venue: k.f.venue, Credential: k.f.id, Account: k.f.account, Owner: k.f.owner, Source: k.f.source,
		Reason: k.f.reason, By: person()}
	if r.Source != "" {
		r.Kind = vedette.RestrictBlock
	}
	if r.Credential == "" && r.Account == "" && r.Owner == "" && r.Source == "" {
		return r, usagef("say what: -id, -account, -owner or -source")
	}
	if r.Venue != "" && !slices.Contains(k.venues, r.Venue) {
		return r, usagef("unknown venue %q%s: a venue of your own is known with the configuration that describes it, -c", r.Venue, strictyaml.Suggest(r.Venue, k.venues))
	}
	if r.Reason == "" {
		r.Reason = "no reason given"
	}
	return r, nil
}

func (k *keys) freeze(ctx context.Context) error {
	r, err := k.scope()
	if err != nil {
		return err
	}
	r.From = time.Now().UTC()
	if slices.Contains(k.given, "for") {
		if k.f.duration <= 0 {
			return usagef("-for %v: want a time to come, such as 1h; leave it out for a freeze until it is thawed", k.f.duration)
		}
		r.Until = r.From.Add(k.f.duration)
	}
	client, err := k.monitor()
	if err != nil {
		return err
	}
	if client == nil {
		if err := k.freezeStored(ctx, r); err != nil {
			return err
		}
		k.warnUnknown(ctx, nil)
		return nil
	}
	var out vedette.Restriction
	if err := client.Do(ctx, "POST", "/v1/restrictions", r.By, r, &out); err != nil {
		return err
	}
	fmt.Fprintf(k.stderr, "in force: %s of %s, id %s\n", out.Kind, api.Scope(out), out.ID)
	k.warnUnknown(ctx, client)
	return nil
}

// warnUnknown says that nobody knows the frozen key: neither the running monitor nor,
// without one, store and keys file. It may be mistyped. It comes after the freeze, which
// must not wait or fail for it.
func (k *keys) warnUnknown(ctx context.Context, client *api.Client) {
	if k.f.venue == "" || k.f.id == "" || client != nil && k.inForce(ctx, client) || client == nil && (k.inFile() || k.stored(ctx)) {
		return
	}
	fmt.Fprintln(k.stderr, "warning: no such key in the keyring: freezing it anyway")
}

// stored reports whether the store has the key, or cannot tell.
func (k *keys) stored(ctx context.Context) bool {
	if fresh, err := stateFresh(k.config.Dir); err != nil || fresh {
		return true
	}
	s, err := store.Open(ctx, k.config.Dir)
	if err != nil {
		return true
	}
	defer s.Close()
	_, err = s.Key(ctx, k.f.venue, k.f.id)
	return !errors.Is(err, store.ErrNotFound)
}

// freezeStored stores the restriction for the next start.
func (k *keys) freezeStored(ctx context.Context, r vedette.Restriction) error {
	if err := k.mustExist(); err != nil {
		return err
	}
	s, _, err := openState(ctx, k.config, k.getenv)
	if err != nil {
		return err
	}
	defer s.Close()
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	r.ID = hex.EncodeToString(id[:])
	if err := s.PutRestriction(ctx, r, k.audit("restriction.set", api.Scope(r), r.Reason)); err != nil {
		return err
	}
	fmt.Fprintf(k.stderr, "no monitor runs on %s: stored, in force from its next start, id %s\n", k.config.Dir, r.ID)
	return nil
}

func (k *keys) thaw(ctx context.Context) error {
	want, err := k.scope()
	if err != nil {
		return err
	}
	client, err := k.monitor()
	if err != nil {
		return err
	}
	var list []vedette.Restriction
	lift := func(id string) error {
		return client.Do(ctx, "DELETE", "/v1/restrictions/"+url.PathEscape(id), person(), nil, nil)
	}
	if client != nil {
		err = client.Do(ctx, "GET", "/v1/restrictions", person(), nil, &list)
	} else {
		if err := k.mustExist(); err != nil {
			return err
		}
		var s *store.Store
		if s, _, err = openState(ctx, k.config, k.getenv); err != nil {
			return err
		}
		defer s.Close()
		list, err = s.LoadRestrictions(ctx)
		lift = func(id string) error {
			return s.LiftRestriction(ctx, id, k.audit("restriction.lift", id, k.f.reason))
		}
	}
	if err != nil {
		return err
	}
	lifted := 0
	for _, r := range list {
		if r.Kind != want.Kind || r.Credential != want.Credential || r.Account != want.Account || r.Owner != want.Owner || r.Source != want.Source ||
			want.Venue != "" && r.Venue != want.Venue || !r.Until.IsZero() && !time.Now().Before(r.Until) {
			continue
		}
		if err := lift(r.ID); err != nil {
			return err
		}
		lifted++
		fmt.Fprintf(k.stderr, "lifted: %s of %s, id %s\n", r.Kind, api.Scope(r), r.ID)
	}
	if lifted == 0 {
		fmt.Fprintln(k.stderr, "no such restriction is in force")
		return errNo
	}
	return nil
}
