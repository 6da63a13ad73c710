package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"vedette"
	"vedette/store"
	"vedette/verify/token"
)

var tokenCommand = &command{name: "token", args: "revoke|list [flags]",
	short:   "Revoke OAuth access tokens before they expire",
	example: "vedette token revoke -subject alice -for 24h -reason 'stolen laptop'",
	run:     runToken}

// tokenFlags are those of all token commands.
type tokenFlags struct {
	config, dir   string
	r             vedette.Revocation
	hash, file    string
	before, until string
	duration      time.Duration
	json          bool
}

func (f *tokenFlags) define(flags *flag.FlagSet) {
	flags.StringVar(&f.config, "c", "", "configuration file")
	flags.StringVar(&f.dir, "dir", "", "data folder, if not that of the configuration")
	flags.StringVar(&f.r.Issuer, "issuer", "", "of this issuer only; of every configured one if not given")
	flags.StringVar(&f.r.TokenID, "jti", "", "the one token with this jti")
	flags.StringVar(&f.hash, "hash", "", "the one token with this SHA-256, sha256:HEX")
	flags.StringVar(&f.file, "token-file", "", "the one token in this file, - for standard input")
	flags.StringVar(&f.r.Subject, "subject", "", "all tokens of this subject")
	flags.StringVar(&f.r.Client, "client", "", "all tokens of this client")
	flags.StringVar(&f.before, "before", "", "those that were issued at or before this time, such as 2026-01-05T12:00:00Z; until now if not given")
	flags.DurationVar(&f.duration, "for", 0, "how long to remember it: at least as long as the tokens can still live")
	flags.StringVar(&f.until, "until", "", "until when to remember it instead")
	flags.StringVar(&f.r.Reason, "reason", "", "why, in words")
	flags.BoolVar(&f.json, "json", false, "list: machine-readable output")
}

func runToken(ctx context.Context, e *env, flags *flag.FlagSet) error {
	f := &tokenFlags{}
	f.define(flags)
	verb := ""
	if len(e.args) > 0 && !strings.HasPrefix(e.args[0], "-") {
		verb, e.args = e.args[0], e.args[1:]
	}
	if err := e.parse(flags); err != nil {
		return err
	}
	if verb == "" {
		return usagef("say what to do: revoke or list")
	}
	if flags.NArg() > 0 {
		return usagef("no argument is wanted, got %q", flags.Arg(0))
	}
	at, err := e.site(f.config, f.dir)
	if err != nil {
		return err
	}
	switch verb {
	case "revoke":
		return at.revokeTokens(ctx, f)
	case "list":
		return at.listRevocations(ctx, f)
	}
	return usagef("unknown %q: want revoke or list", verb)
}

// revokeTokens makes a revocation of the flags and puts it in force.
func (s *site) revokeTokens(ctx context.Context, f *tokenFlags) error {
	if err := f.complete(s); err != nil {
		return err
	}
	r := f.r
	client, err := s.monitor()
	if err != nil {
		return err
	}
	if client != nil {
		if err := client.Do(ctx, "POST", "/v1/tokens/revocations", r.By, r, &r); err != nil {
			return err
		}
		fmt.Fprintf(s.stderr, "in force: %s is revoked, id %s\n", revocationScope(&r), r.ID)
		return nil
	}
	state, err := s.existing(ctx)
	if err != nil {
		return err
	}
	defer state.Close()
	if r, err = token.CheckRevocation(r, r.From); err != nil {
		return err
	}
	if err := state.PutRevocation(ctx, r, audit("token.revoke", revocationScope(&r), r.Reason)); err != nil {
		return err
	}
	then := "in force from its next start"
	if _, shared := state.(*store.Postgres); shared {
		then = "monitors on " + state.String() + " put it in force"
	}
	fmt.Fprintf(s.stderr, "no monitor runs on %s: stored, %s, id %s\n", s.config.Dir, then, r.ID)
	return nil
}

// complete reads what is to be revoked and for how long.
func (f *tokenFlags) complete(s *site) (err error) {
	now := time.Now().UTC()
	f.r.From, f.r.Reason, f.r.By = now, orNone(f.r.Reason), person()
	named := 0
	for _, given := range []string{f.r.TokenID, f.hash, f.file} {
		if given != "" {
			named++
		}
	}
	party := f.r.Subject != "" || f.r.Client != ""
	if named > 1 || (named == 1) == party {
		return usagef("say which: one of -jti, -hash and -token-file; or -subject, -client or both")
	}
	if f.hash != "" {
		if f.r.TokenID = f.hash; !strings.HasPrefix(f.hash, "sha256:") {
			f.r.TokenID = "sha256:" + f.hash
		}
	}
	if f.r.Until, err = ends(f.duration, f.until, now); err != nil {
		return err
	}
	if f.file != "" {
		if err := f.readToken(s); err != nil {
			return err
		}
	}
	switch {
	case f.r.Until.IsZero():
		return usagef("say -for or -until: how long the tokens can still live; what is forgotten earlier comes back to life")
	case f.before != "" && !party:
		return usagef("-before has no use with one token")
	case f.before != "":
		if f.r.Before, err = time.Parse(time.RFC3339, f.before); err != nil {
			return usagef("cannot read -before %q: want a time such as 2026-01-05T12:00:00Z", f.before)
		}
	case party:
		f.r.Before = now
	}
	return nil
}

// ends returns when what lasts that long, or until then, ends; zero where neither is said.
func ends(d time.Duration, until string, now time.Time) (time.Time, error) {
	switch {
	case d < 0:
		return time.Time{}, usagef("-for is %v: want a time to come, such as 24h", d)
	case d > 0 && until != "":
		return time.Time{}, usagef("say -for or -until, not both")
	case d > 0:
		return now.Add(d), nil
	case until == "":
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, until)
	if err != nil {
		return t, usagef("cannot read -until %q: want a time such as 2026-01-05T12:00:00Z", until)
	}
	return t, nil
}

// expiryLeeway is how much later than a token's exp a revocation of it ends, for clocks that differ.
const expiryLeeway = time.Hour

// readToken names the token in the file by its hash, and takes the end from it if it says one.
func (f *tokenFlags) readToken(s *site) error {
	b, err := s.readSecret(f.file)
	if err != nil {
		return fmt.Errorf("cannot read token: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return fmt.Errorf("cannot read token: %s is empty", f.file)
	}
	f.r.TokenID = token.Hash(text)
	if f.r.Until.IsZero() {
		f.r.Until = expiry(text)
	}
	return nil
}

// expiry returns when a JWT says that it ends, some time added; zero if it does not say.
func expiry(text string) time.Time {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(b, &claims) != nil || claims.Exp <= 0 || claims.Exp > 1<<38 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0).UTC().Add(expiryLeeway)
}

func revocationScope(r *vedette.Revocation) string {
	var words []string
	add := func(what, value string) {
		if value != "" {
			words = append(words, what+" "+value)
		}
	}
	add("token", r.TokenID)
	add("subject", r.Subject)
	add("client", r.Client)
	add("issuer", r.Issuer)
	out := strings.Join(words, ", ")
	if !r.Before.IsZero() {
		out += ", issued until " + r.Before.UTC().Format(time.RFC3339)
	}
	return out
}

func (s *site) listRevocations(ctx context.Context, f *tokenFlags) error {
	client, err := s.monitor()
	if err != nil {
		return err
	}
	var list []vedette.Revocation
	if client != nil {
		err = client.Do(ctx, "GET", "/v1/tokens/revocations", person(), nil, &list)
	} else {
		var state store.Store
		if state, err = s.existing(ctx); err != nil {
			return err
		}
		defer state.Close()
		list, err = state.LoadRevocations(ctx)
	}
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', 0)
	enc := json.NewEncoder(s.stdout)
	if !f.json {
		fmt.Fprintln(w, "ID\tTOKENS\tUNTIL\tBY\tREASON")
	}
	for _, r := range list {
		if !r.Until.After(time.Now()) {
			continue
		}
		if f.json {
			if err := enc.Encode(r); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, revocationScope(&r), r.Until.UTC().Format(time.RFC3339), r.By, r.Reason)
	}
	return w.Flush()
}
