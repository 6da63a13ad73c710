package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vedette"
	"vedette/api"
	"vedette/gate"
	"vedette/internal/durable"
	"vedette/internal/strictyaml"
	"vedette/keyring"
	"vedette/respond"
	"vedette/respond/cancel"
	"vedette/store"
	"vedette/venue"
	"vedette/verify"
)

// respondConfig says what is done about findings.
type respondConfig struct {
	Playbooks  string             `yaml:"playbooks"` // file
	CancelWith []cancelWithConfig `yaml:"cancel_with"`
	Approvers  []approverConfig   `yaml:"approvers"`
	OneUser    bool               `yaml:"one_user"` // names alone tell people apart
}

// approverConfig is a person who may approve.
type approverConfig struct {
	Name string `yaml:"name"`
	Key  string `yaml:"key"` // base64 of an Ed25519 public key
}

// approvers are who may approve, and how people are told apart.
type approvers struct {
	keys    respond.Approvers // nil for anybody who may use the control socket
	oneUser bool
}

// approvers reads them, and refuses what would let one person be two.
func (c *config) approvers() (out approvers, err error) {
	if out.oneUser = c.Respond.OneUser; len(c.Respond.Approvers) == 0 {
		return out, nil
	}
	if out.oneUser {
		return out, errors.New("respond: one_user and approvers exclude each other: approvers are told apart by their keys")
	}
	out.keys = respond.Approvers{}
	names := map[string]string{} // by key, and keys by small name
	for _, a := range c.Respond.Approvers {
		key, err := base64.StdEncoding.DecodeString(a.Key)
		switch {
		case a.Name == "":
			return out, errors.New("respond: approvers: one has no name")
		case err != nil || len(key) != ed25519.PublicKeySize:
			return out, fmt.Errorf("respond: approvers: %s: key is no Ed25519 public key in base64, as vedette respond keygen prints it", a.Name)
		case names[string(key)] != "":
			return out, fmt.Errorf("respond: approvers: %s and %s have the same key", names[string(key)], a.Name)
		case names[strings.ToLower(a.Name)] != "":
			return out, fmt.Errorf("respond: approvers: there are two called %s", a.Name)
		}
		names[string(key)], names[strings.ToLower(a.Name)] = a.Name, a.Name
		out.keys[a.Name] = key
	}
	return out, nil
}

// person says who approves, by the strongest that there is.
func (a *approvers) person(d api.Decision) (respond.Person, error) {
	switch {
	case a.keys != nil:
		return a.keys.Verify(d.ID, d.By, d.Signature)
	case a.oneUser:
		return respond.Person{Name: d.By}, nil
	}
	return respond.Person{Name: d.By, Proof: cmp.Or(d.Peer, "control socket")}, nil
}

// stands says whether somebody who approved before may still do so.
func (a *approvers) stands(v respond.Vote) bool { return a.keys == nil || a.keys[v.By] != nil }

// cancelWithConfig names the key that cancels the open orders of its account.
type cancelWithConfig struct {
	Venue string `yaml:"venue"` // name in venues
	Key   string `yaml:"key"`   // id of a key that may read and trade
}

// book reads the playbooks; none if no file is named.
func (c *config) book() (*respond.Book, error) {
	if c.Respond.Playbooks == "" {
		return &respond.Book{}, nil
	}
	name := c.file(c.Respond.Playbooks)
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("respond: playbooks: %w", err)
	}
	book, err := respond.ParseBook(b)
	if err != nil {
		return nil, fmt.Errorf("respond: %s: %w", name, err)
	}
	if book.Cancels() && len(c.Respond.CancelWith) == 0 {
		return nil, fmt.Errorf("respond: %s: a playbook has cancel_all, but cancel_with names no key", name)
	}
	return book, nil
}

// checkCancelWith finds what is wrong without looking at keys.
func (c *config) checkCancelWith(dialects []*venue.Dialect) error {
	for _, w := range c.Respond.CancelWith {
		_, d, err := c.cancelVenue(w, dialects)
		if err == nil {
			err = cancel.Check(d.Name, "hmac")
		}
		if err == nil && w.Key == "" {
			err = errors.New("key is missing")
		}
		if err != nil {
			return fmt.Errorf("respond: cancel_with: %s: %w", w.Venue, err)
		}
	}
	return nil
}

func (c *config) cancelVenue(w cancelWithConfig, dialects []*venue.Dialect) (*venueConfig, *venue.Dialect, error) {
	var names []string
	for i := range c.Venues {
		if c.Venues[i].Name == w.Venue {
			return &c.Venues[i], dialects[i], nil
		}
		names = append(names, c.Venues[i].Name)
	}
	return nil, nil, fmt.Errorf("no venue has that name%s", strictyaml.Suggest(w.Venue, names))
}

// canceller cancels the open orders of one account at one venue.
type canceller struct {
	config cancel.Config
}

// account names whose orders a canceller cancels.
type account struct{ venue, id string }

// cancellers makes one for each key of cancel_with, from the keys that are to be in force.
func (a *app) cancellers(c *config, dialects []*venue.Dialect, lookup func(venue, id string) (*keyring.Entry, bool)) (map[account]canceller, error) {
	out := map[account]canceller{}
	for _, w := range c.Respond.CancelWith {
		fail := func(err error) (map[account]canceller, error) {
			return nil, fmt.Errorf("respond: cancel_with: %s key %q: %w", w.Venue, w.Key, err)
		}
		v, d, err := c.cancelVenue(w, dialects)
		if err != nil {
			return fail(err)
		}
		e, ok := lookup(d.Name, w.Key)
		const needs = vedette.PermRead | vedette.PermTrade
		switch {
		case !ok:
			return fail(errors.New("no such key in the keyring: vedette key add"))
		case e.Permissions&needs != needs:
			return fail(errors.New("it needs the permissions read and trade"))
		case e.Account == "":
			return fail(errors.New("it names no account, so nothing says whose orders it cancels"))
		}
		if err := cancel.Check(d.Name, e.Scheme); err != nil {
			return fail(err)
		}
		var roots *tls.Config
		if v.UpstreamCA != "" {
			if roots, err = trust(c.file(v.UpstreamCA)); err != nil {
				return fail(err)
			}
		}
		id := account{d.Name, e.Account}
		if _, twice := out[id]; twice {
			return fail(fmt.Errorf("another key cancels for account %s already", e.Account))
		}
		out[id] = canceller{cancel.Config{Venue: d.Name, URL: v.Upstream, Key: func() (cancel.Key, error) { return a.operatorKey(c, d.Name, w.Key) },
			Client: httpsClient(roots), Now: a.now, Nonce: rand.Text}}
	}
	return out, nil
}

// httpsClient returns a client that trusts the roots, nil for the system's.
func httpsClient(roots *tls.Config) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if roots != nil {
		t.TLSClientConfig = roots
	}
	return &http.Client{Transport: t}
}

// operatorKey opens the secret of a key, for one use.
func (a *app) operatorKey(c *config, venue, id string) (cancel.Key, error) {
	specs, err := c.fileKeys(verify.KeyOptions(a.allDialects()))
	if err != nil {
		return cancel.Key{}, err
	}
	key := func(s keyring.Spec) (cancel.Key, error) {
		if s.Secret.Empty() {
			return cancel.Key{}, errors.New("the key has no secret")
		}
		return cancel.Key{ID: id, Secret: s.Secret.Reveal(), Passphrase: s.Passphrase.Reveal()}, nil
	}
	for _, s := range specs {
		if s.Venue == venue && s.ID == id {
			return key(s)
		}
	}
	ctx, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	stored, err := a.store.Key(ctx, venue, id)
	if errors.Is(err, store.ErrNotFound) {
		return cancel.Key{}, errors.New("the key is gone from the keyring")
	}
	if err != nil {
		return cancel.Key{}, err
	}
	s, err := a.sealer.Open(venue, id, stored.Sealed)
	if err != nil {
		return cancel.Key{}, err
	}
	return key(s)
}

// respondFile is the name of the journal of interventions within the data folder.
const respondFile = "respond"

// startResponder goes on with what playbooks began, and lets them see the next finding.
func (a *app) startResponder(context.Context) error {
	book, err := a.config.book()
	if err != nil {
		return err
	}
	keys, err := a.cancellers(a.config, a.dialects, a.ring.Lookup)
	if err != nil {
		return err
	}
	a.cancels.Store(&keys)
	people, err := a.config.approvers()
	if err != nil {
		return err
	}
	a.approvers.Store(&people)
	a.responder, err = respond.Open(respond.Config{FS: durable.OS{}, File: filepath.Join(a.config.Dir, respondFile), Now: a.now,
		Impose: func(r vedette.Restriction) (func() error, error) { return a.gate.Impose(r, a.now()) }, Lift: a.liftForPlaybook, InForce: a.gate.List, Cancel: a.cancelOrders, CanCancel: a.canCancel,
		Credential: a.credential, Stands: func(v respond.Vote) bool { return a.approvers.Load().stands(v) }, Record: a.recordStep, Settle: a.settleSteps, Tell: a.tellStep}, book)
	if err != nil {
		return err
	}
	for _, i := range a.responder.List() { // a crash may have come before somebody was told
		if i.State == respond.Proposed && a.now().Sub(i.Changed) < retakeTime {
			a.findings.takeProposal(i)
		}
	}
	for _, f := range a.untaken() {
		a.responder.Retake(respond.Of(f))
	}
	a.findings.respond = a.responder.Take
	return nil
}

func (a *app) liftForPlaybook(id string) error {
	if _, err := a.gate.Lift(id); !errors.Is(err, gate.ErrUnknown) {
		return err
	}
	return nil
}

func (a *app) credential(venue, id string) (vedette.Credential, bool) {
	e, ok := a.ring.Lookup(venue, id)
	if !ok {
		return vedette.Credential{}, false
	}
	return e.Credential, true
}

func (a *app) canCancel(venue, id string) error {
	if _, ok := (*a.cancels.Load())[account{venue, id}]; !ok {
		return fmt.Errorf("respond.cancel_with names no key of account %q at %q", id, venue)
	}
	return nil
}

func (a *app) cancelOrders(ctx context.Context, venue, id string) (string, error) {
	c, ok := (*a.cancels.Load())[account{venue, id}]
	if !ok {
		return "", a.canCancel(venue, id)
	}
	n, err := cancel.All(ctx, c.config)
	return fmt.Sprintf("%d orders cancelled, none is open", n), err
}

func (a *app) recordStep(by, what string, detail any) error {
	at, err := a.monitor.Note(by, what, detail)
	if err == nil {
		a.lastStep.Store(at)
	}
	return err
}

func (a *app) settleSteps() error {
	if !a.monitor.Settled(a.lastStep.Load()) {
		return errors.New("done, but the ledger does not have it on disk")
	}
	return nil
}

func (a *app) tellStep(i respond.Intervention) {
	a.log.Warn("intervention: "+i.Words, "id", i.ID, "state", string(i.State), "playbook", i.Playbook, "by", i.By, "held", i.Held, "result", i.Result)
	if i.State == respond.Proposed {
		a.findings.takeProposal(i)
	}
}

const (
	// retakeRecords and retakeTime bound which findings of the ledger's end a start takes again:
	// those that a crash may have come before.
	retakeRecords = 1 << 16
	retakeTime    = 10 * time.Second
)

// untaken returns the findings at the end of the ledger, oldest first: a crash may have kept
// playbooks from all or some of what they do about them. What was done is not done again.
func (a *app) untaken() (list []*vedette.Finding) {
	type event struct {
		Time    time.Time        `json:"time"`
		Finding *vedette.Finding `json:"finding"`
	}
	var last event
	size := a.ledger.Size()
	err := a.ledger.Read(max(a.ledger.First(), size-min(size, retakeRecords)), size, func(_ uint64, b []byte) error {
		if bytes.HasPrefix(b, []byte(`{"event":"action"`)) {
			return nil // of this start too
		}
		if finding := bytes.HasPrefix(b, []byte(`{"event":"finding"`)); !finding && !bytes.HasPrefix(b, []byte(`{"event":"call"`)) {
			return nil
		} else if e := (event{}); json.Unmarshal(b, &e) == nil {
			if last = e; finding && e.Finding != nil {
				list = append(list, e.Finding)
			}
		}
		return nil
	})
	if err != nil {
		a.log.Error("findings before the end not taken again", "error", err)
	}
	for len(list) > 0 && last.Time.Sub(list[0].Time) > retakeTime {
		list = list[1:]
	}
	return list
}

// Interventions implements api.Orders.
func (a *app) Interventions() []respond.Intervention { return a.responder.List() }

// Decide implements api.Orders.
func (a *app) Decide(d api.Decision) (respond.Intervention, error) {
	switch d.Verb {
	case "approve":
		by, err := a.approvers.Load().person(d)
		if err != nil {
			return respond.Intervention{}, fmt.Errorf("cannot approve %s: %w", d.ID, err)
		}
		return a.responder.Approve(d.ID, by)
	case "reject":
		return a.responder.Reject(d.ID, d.By, d.Why)
	case "undo":
		return a.responder.Undo(d.ID, d.By, d.Why)
	}
	return respond.Intervention{}, fmt.Errorf("cannot %q an intervention: want approve, reject or undo", d.Verb)
}
