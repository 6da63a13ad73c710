package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"vedette/api"
	"vedette/internal/durable"
	"vedette/ledger"
)

var ledgerCommand = &command{name: "ledger", args: "verify|prove|check|checkpoint|read|export|retain|hold|release [flags]",
	short:   "Verify the ledger, prove records, keep and release them",
	example: "vedette ledger verify -dir vedette-data -trusted checkpoint.txt",
	run:     runLedger}

// ledgerFlags are those of all ledger commands.
type ledgerFlags struct {
	dir, key, trusted, out, name string
	from, to, record, old        uint64
	before                       string
	json, open                   bool
	config                       string
}

func runLedger(ctx context.Context, e *env, flags *flag.FlagSet) error {
	verb := e.verb()
	f := &ledgerFlags{}
	flags.StringVar(&f.dir, "dir", "vedette-data", "data folder, or the ledger's own folder")
	flags.StringVar(&f.key, "key", "", "file with the verifier key; by default ledger.pub of the ledger")
	flags.StringVar(&f.trusted, "trusted", "", "file with a checkpoint that was kept elsewhere: verify, prove consistency")
	flags.Uint64Var(&f.from, "from", 0, "first record: verify, read, hold")
	flags.Uint64Var(&f.to, "to", 0, "record after the last, 0 for the end: verify, read, hold")
	flags.Uint64Var(&f.record, "record", 0, "position of the record: prove")
	flags.Uint64Var(&f.old, "old", 0, "tree size to prove consistency with: prove")
	flags.StringVar(&f.before, "before", "", "retain: remove records before this position or RFC 3339 time, whole segments only")
	flags.StringVar(&f.name, "name", "", "name of a legal hold: hold, release")
	flags.StringVar(&f.out, "out", "", "folder to export to")
	flags.BoolVar(&f.json, "json", false, "machine-readable output: verify")
	flags.BoolVar(&f.open, "open", false, "read: open sealed bodies with the master key; who reads them can see secrets")
	flags.StringVar(&f.config, "c", "", "configuration that says where the master key is: read -open")
	if err := e.parse(flags); err != nil {
		return err
	}
	l := &ledgers{env: e, f: f, args: flags.Args()}
	run := map[string]func(context.Context) error{"verify": l.verify, "prove": l.prove, "check": l.check, "checkpoint": l.checkpoint, "read": l.read,
		"export": l.export, "retain": l.retain, "hold": l.hold, "release": l.release}[verb]
	if run == nil {
		return usagef("say what to do: verify, prove, check, checkpoint, read, export, retain, hold or release")
	}
	if verb != "check" && len(l.args) > 0 {
		return usagef("no argument is wanted, got %q", l.args[0])
	}
	return run(ctx)
}

// ledgers is one ledger command under way.
type ledgers struct {
	*env
	f    *ledgerFlags
	args []string
}

// folder returns the ledger's folder, given it or the data folder.
func (l *ledgers) folder() string {
	if _, err := os.Stat(filepath.Join(l.f.dir, "ledger")); err == nil {
		return filepath.Join(l.f.dir, "ledger")
	}
	return l.f.dir
}

// verifier reads the public key that checkpoints are held to.
func (l *ledgers) verifier() (note.Verifier, error) {
	name := l.f.key
	if name == "" {
		name = filepath.Join(l.folder(), "ledger.pub")
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read verifier key: %w", err)
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("cannot read verifier key %s: %w", name, err)
	}
	return v, nil
}

func (l *ledgers) reader() (*ledger.Reader, note.Verifiers, error) {
	v, err := l.verifier()
	if err != nil {
		return nil, nil, err
	}
	list := note.VerifierList(v)
	r, err := ledger.OpenReader(durable.OS{}, l.folder(), v.Name(), list)
	return r, list, err
}

func (l *ledgers) verify(context.Context) error {
	v, err := l.verifier()
	if err != nil {
		return err
	}
	o := ledger.VerifyOptions{Origin: v.Name(), Verifiers: note.VerifierList(v), From: l.f.from, To: l.f.to}
	if l.f.trusted != "" {
		if o.Trusted, err = os.ReadFile(l.f.trusted); err != nil {
			return fmt.Errorf("cannot read trusted checkpoint: %w", err)
		}
	}
	if l.terminal {
		began := time.Now()
		o.Progress = func(done, total uint64) {
			if time.Since(began) > 2*time.Second {
				fmt.Fprintf(l.stderr, "\r%d of %d records", done, total)
			}
		}
	}
	r, err := ledger.Verify(l.folder(), o)
	if err != nil {
		return err
	}
	if l.f.json {
		if err := json.NewEncoder(l.stdout).Encode(r); err != nil {
			return err
		}
	} else {
		l.tell(r)
	}
	if !r.OK() {
		return errNo
	}
	return nil
}

// tell says what verification found, in words.
func (l *ledgers) tell(r *ledger.Report) {
	w := l.stdout
	for _, p := range r.Problems {
		note := ""
		if p.Repairable {
			note = " (`vedette run` repairs it and goes on)"
		}
		fmt.Fprintf(w, "%s: %s at byte %d, record %d: %s%s\n", p.Kind, p.File, p.Offset, p.Position, p.Detail, note)
	}
	if r.More > 0 {
		fmt.Fprintf(w, "and %d problems more\n", r.More)
	}
	state := "whole and unchanged"
	if !r.OK() {
		state = "NOT as it was committed"
	}
	fmt.Fprintf(w, "%d records in %d segments, %d commits, records %d to %d verified: %s\n", r.Size, r.Segments, r.Commits, r.From, r.To, state)
	for _, n := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	if l.f.trusted == "" {
		fmt.Fprintln(w, "without -trusted a ledger that was cut back to an earlier state, or made anew with its key, cannot be told: keep checkpoints elsewhere")
	}
}

func (l *ledgers) prove(context.Context) error {
	r, verifiers, err := l.reader()
	if err != nil {
		return err
	}
	defer r.Close()
	enc := json.NewEncoder(l.stdout)
	enc.SetIndent("", "  ")
	old := l.f.old
	if l.f.trusted != "" {
		b, err := os.ReadFile(l.f.trusted)
		if err != nil {
			return fmt.Errorf("cannot read trusted checkpoint: %w", err)
		}
		cp, err := ledger.ParseCheckpoint(b, verifiers)
		if err != nil {
			return err
		}
		old = cp.Size
		p, err := r.ProveConsistency(old)
		if err != nil {
			return err
		}
		if err := p.Check(cp, verifiers); err != nil {
			fmt.Fprintln(l.stderr, "the ledger does not continue the trusted checkpoint:", err)
			return errNo
		}
		return enc.Encode(p)
	}
	if old > 0 {
		p, err := r.ProveConsistency(old)
		if err != nil {
			return err
		}
		return enc.Encode(p)
	}
	p, err := r.ProveInclusion(l.f.record)
	if err != nil {
		return err
	}
	return enc.Encode(p)
}

// check verifies a proof of inclusion from a file against the verifier key alone.
func (l *ledgers) check(context.Context) error {
	if len(l.args) != 1 {
		return usagef("say which file holds the proof")
	}
	v, err := l.verifier()
	if err != nil {
		return err
	}
	in, err := l.env.open(l.args[0]) // not the ledger
	if err != nil {
		return err
	}
	defer in.Close()
	b, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("cannot read proof: %w", err)
	}
	var p ledger.Inclusion
	if err := json.Unmarshal(b, &p); err != nil {
		return fmt.Errorf("cannot read proof: %w", err)
	}
	if err := p.Check(note.VerifierList(v)); err != nil {
		fmt.Fprintln(l.stderr, err)
		return errNo
	}
	fmt.Fprintf(l.stderr, "record %d is in the ledger of %d records that %s signed\n", p.Position, p.TreeSize, v.Name())
	return nil
}

func (l *ledgers) checkpoint(context.Context) error {
	r, _, err := l.reader()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = fmt.Fprint(l.stdout, r.Checkpoint().Note)
	return err
}

func (l *ledgers) export(context.Context) error {
	if l.f.out == "" {
		return usagef("say -out with the folder to export to")
	}
	r, _, err := l.reader()
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Export(l.f.out)
}

// open opens the ledger for a change, which only works while no monitor has it.
func (l *ledgers) open() (*ledger.Ledger, error) {
	if _, err := api.Dial(l.f.dir); err == nil {
		return nil, errors.New("a monitor runs on this folder: stop it first")
	} else if !errors.Is(err, api.ErrNotRunning) {
		return nil, err
	}
	v, err := l.verifier()
	if err != nil {
		return nil, err
	}
	key, err := ledger.LoadOrCreateKey(l.folder(), v.Name(), rand.Reader)
	if err != nil {
		return nil, err
	}
	led, _, err := ledger.Open(ledger.Config{Dir: l.folder(), Signer: key.Signer, Verifiers: note.VerifierList(key.Verifier)})
	return led, err
}

func (l *ledgers) retain(ctx context.Context) error {
	led, err := l.open()
	if err != nil {
		return err
	}
	defer led.Close()
	before, err := l.position(led)
	if err != nil {
		return err
	}
	out, err := led.Retain(ctx, before)
	if err != nil {
		return err
	}
	fmt.Fprintf(l.stderr, "removed %d records in %d segments, %d bytes; their hashes stay\n", out.Records, out.Segments, out.Bytes)
	if len(out.Held) > 0 {
		fmt.Fprintf(l.stderr, "kept for legal hold: %s\n", strings.Join(out.Held, ", "))
	}
	return nil
}

// position reads -before: a position, or the first record at or after a time.
func (l *ledgers) position(led *ledger.Ledger) (uint64, error) {
	var n uint64
	if _, err := fmt.Sscanf(l.f.before+"\n", "%d\n", &n); err == nil {
		return n, nil
	}
	t, err := time.Parse(time.RFC3339Nano, l.f.before)
	if err != nil {
		return 0, usagef("cannot read -before %q: want a position or a time such as 2026-01-05T12:00:00Z", l.f.before)
	}
	return led.Find(func(record []byte) bool {
		at, ok := timeOf(record)
		return ok && !at.Before(t)
	})
}

func (l *ledgers) hold(ctx context.Context) error {
	if l.f.name == "" {
		return usagef("say -name, and -from and -to")
	}
	led, err := l.open()
	if err != nil {
		return err
	}
	defer led.Close()
	return led.LegalHold(ctx, l.f.name, l.f.from, l.f.to)
}

func (l *ledgers) release(ctx context.Context) error {
	if l.f.name == "" {
		return usagef("say -name")
	}
	led, err := l.open()
	if err != nil {
		return err
	}
	defer led.Close()
	return led.Release(ctx, l.f.name)
}
