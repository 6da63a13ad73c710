package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vedette"
	"vedette/api"
	"vedette/internal/durable"
	"vedette/respond"
	"vedette/respond/format"
)

var respondCommand = &command{name: "respond", args: "list [flags] | approve [flags] ID… | reject [flags] ID… | undo [flags] ID… | test [flags] FILE… | keygen [flags] FILE",
	short:   "See, approve and undo what playbooks do",
	example: "vedette respond approve -by alice 3f0c5a1be2d4",
	run:     runRespond}

// respondFlags are those of all respond commands.
type respondFlags struct {
	config, dir, by, why, playbooks, key string
	json                                 bool
}

func runRespond(ctx context.Context, e *env, flags *flag.FlagSet) error {
	f := &respondFlags{}
	flags.StringVar(&f.config, "c", "", "configuration file")
	flags.StringVar(&f.dir, "dir", "", "data folder, if not that of the configuration")
	flags.StringVar(&f.by, "by", cmp.Or(e.getenv("SUDO_USER"), person()), "approve, reject, undo, keygen: who says so")
	flags.StringVar(&f.key, "key", "", "approve: file of the approver's key, as keygen made it")
	flags.StringVar(&f.why, "reason", "", "reject, undo: why, in words")
	flags.StringVar(&f.playbooks, "playbooks", "", "test: file of playbooks, if not that of the configuration")
	flags.BoolVar(&f.json, "json", false, "list: machine-readable output")
	verb := e.verb()
	if err := e.parse(flags); err != nil {
		return err
	}
	switch verb {
	case "":
		return usagef("say what to do: list, approve, reject, undo, test or keygen")
	case "test":
		return e.testPlaybooks(f, flags.Args())
	case "keygen":
		return e.makeApproverKey(f, flags.Args())
	case "list", "approve", "reject", "undo":
	default:
		return usagef("unknown %q: want list, approve, reject, undo, test or keygen", verb)
	}
	at, err := e.site(f.config, f.dir)
	if err != nil {
		return err
	}
	if verb != "list" {
		return at.decide(ctx, verb, f, flags.Args())
	}
	if flags.NArg() > 0 {
		return usagef("no argument is wanted here, got %q: flags come last", flags.Arg(0))
	}
	return at.listInterventions(ctx, f.json)
}

// decide tells the running monitor what a person says of each intervention.
func (s *site) decide(ctx context.Context, verb string, f *respondFlags, ids []string) error {
	if len(ids) == 0 {
		return usagef("say the ids of what to %s, as vedette respond list shows them", verb)
	}
	sign := func(string) []byte { return nil }
	if f.key != "" {
		key, err := readApproverKey(f.key)
		if err != nil {
			return err
		}
		sign = func(id string) []byte { return respond.SignApproval(key, id, f.by) }
	}
	client, err := s.monitor()
	if err != nil {
		return err
	}
	if client == nil {
		return fmt.Errorf("no monitor runs on %s: nothing was changed; what is in force vedette restrict lift lifts", s.config.Dir)
	}
	for _, id := range ids {
		var i respond.Intervention
		if err := client.Do(ctx, "POST", "/v1/interventions", f.by, api.Decision{ID: id, Verb: verb, By: f.by, Why: f.why, Signature: sign(id)}, &i); err != nil {
			return err
		}
		words := string(i.State)
		if n := i.Needs - len(i.Approvals); i.State == respond.Proposed {
			words = fmt.Sprintf("approved, %d more must", n)
		}
		fmt.Fprintf(s.stderr, "%s: %s, id %s\n", words, format.OneLine(i.Words), i.ID)
	}
	return nil
}

func (s *site) listInterventions(ctx context.Context, asJSON bool) error {
	client, err := s.monitor()
	if err != nil {
		return err
	}
	var list []respond.Intervention
	if client != nil {
		err = client.Do(ctx, "GET", "/v1/interventions", person(), nil, &list)
	} else if err = s.mustExist(); err == nil {
		list, err = storedInterventions(s.config.Dir)
	}
	if err != nil {
		return err
	}
	return show(s.env, asJSON, "no playbook has done or proposed anything", "ID,STATE,WHAT,PLAYBOOK,AT,UNTIL,APPROVED,WHY", list, interventionRow)
}

// storedInterventions reads the journal where no monitor runs.
func storedInterventions(dir string) ([]respond.Intervention, error) {
	name := filepath.Join(dir, respondFile)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return nil, nil // and none is made by asking
	}
	return respond.Read(durable.OS{}, name)
}

func interventionRow(i respond.Intervention) []any {
	until, approved := "", fmt.Sprintf("%d of %d", len(i.Approvals), i.Needs)
	if !i.Until.IsZero() {
		until = i.Until.UTC().Format(time.RFC3339)
	}
	if i.Automatic {
		approved = "automatic"
	}
	why := i.Why
	for _, more := range []string{i.Held, i.Result} {
		if more != "" {
			why += "; " + more
		}
	}
	return []any{i.ID, i.State, i.Words, i.Playbook, i.At.UTC().Format(time.RFC3339), until, approved, why}
}

// makeApproverKey makes the key of a person who may approve, and prints what the configuration wants of it.
func (e *env) makeApproverKey(f *respondFlags, files []string) error {
	switch {
	case len(files) != 1:
		return usagef("say the file that the private key goes to")
	case f.by == "":
		return usagef("say by -by who the approver is")
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	b, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	if err := durable.Create(durable.OS{}, files[0], pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}), 0o600); err != nil {
		return err
	}
	// Text in JSON is the same in YAML; without quotes a name could be a number, null or more than one value.
	fmt.Fprintf(e.stdout, "{name: %s, key: %s}\n", vedette.AppendJSONString(nil, f.by), base64.StdEncoding.EncodeToString(public))
	fmt.Fprintln(e.stderr, "add the line to respond.approvers of the monitor's configuration, and keep the file to yourself")
	return nil
}

// readApproverKey reads a private key as keygen or openssl genpkey -algorithm ed25519 writes it.
func readApproverKey(name string) (ed25519.PrivateKey, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("cannot use %s: it holds no key in PEM", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cannot use %s: %w", name, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("cannot use %s: it is no Ed25519 key", name)
	}
	return private, nil
}

// planned is what test prints for one response.
type planned struct {
	Finding  string          `json:"finding"`
	Playbook string          `json:"playbook"`
	Do       respond.Do      `json:"do"`
	Subject  vedette.Subject `json:"subject"`
	Venue    string          `json:"venue,omitempty"`
	Words    string          `json:"words"`
	Approve  int             `json:"approve"` // people that must
	DryRun   bool            `json:"dry_run"`
	Held     string          `json:"held,omitempty"` // why it is not automatic although the playbook says so
}

// maxFindingLine bounds a line that test reads, in bytes.
const maxFindingLine = 1 << 20

// testPlaybooks says what playbooks would do about recorded findings, each by itself.
func (e *env) testPlaybooks(f *respondFlags, files []string) error {
	c, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	if f.playbooks != "" {
		c.Respond.Playbooks, c.path = f.playbooks, ""
		c.Respond.CancelWith = append(c.Respond.CancelWith, cancelWithConfig{}) // which keys there are is the monitor's matter
	}
	if c.Respond.Playbooks == "" {
		return usagef("say which playbooks: -playbooks, or a configuration that names them")
	}
	if len(files) == 0 {
		return usagef("no file of findings given; - reads standard input")
	}
	book, err := c.book()
	if err != nil {
		return err
	}
	n := 0
	for _, name := range files {
		m, err := e.testFile(book, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		n += m
	}
	if n == 0 {
		fmt.Fprintln(e.stderr, "no playbook would do anything")
		return errNo
	}
	return nil
}

func (e *env) testFile(book *respond.Book, name string) (n int, err error) {
	in, err := e.open(name)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxFindingLine)
	enc := json.NewEncoder(e.stdout)
	for number := 1; lines.Scan(); number++ {
		var f vedette.Finding
		dec := json.NewDecoder(strings.NewReader(lines.Text()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&f); err != nil {
			return n, fmt.Errorf("line %d: %w", number, err)
		}
		event := respond.Of(&f)
		for _, p := range book.Plan(event) {
			out := planned{f.ID, p.Playbook.Name, p.Response.Do, p.Subject, p.Venue, p.Words(), *p.Response.Approve, *p.Playbook.DryRun, ""}
			if who := book.Protected(p, event, nil); out.Approve == 0 && who != "" {
				out.Approve, out.Held = 1, "never lists "+who
			}
			if err := enc.Encode(out); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, lines.Err()
}
