package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vedette"
	"vedette/api"
	"vedette/keyring"
	"vedette/ledger"
	"vedette/store"
	"vedette/verify"
)

// masterEnv names the variable that may hold the master key, as 64 hex digits.
const masterEnv = "VEDETTE_MASTER_KEY"

// stateFresh tells whether a data folder has no state yet; an empty file is none.
func stateFresh(dir string) (bool, error) {
	st, err := os.Stat(filepath.Join(dir, store.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot look for state: %w", err)
	}
	return st.Size() == 0, nil
}

// stateLost tells whether the state is gone: there is none, but a ledger with a segment,
// which only a start makes, after the state.
func stateLost(dir string) (bool, error) {
	fresh, err := stateFresh(dir)
	if err != nil || !fresh {
		return false, err
	}
	return ledgerUsed(dir)
}

// ledgerUsed tells whether the folder's ledger has a segment.
func ledgerUsed(dir string) (bool, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "ledger"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("cannot look for ledger: %w", err)
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return filepath.Ext(e.Name()) == ".seg" }), nil
}

// postgresEnv names the variable that may hold the URL of PostgreSQL, with its password.
const postgresEnv = "VEDETTE_POSTGRES_URL"

// postgresURL returns the URL of the state in PostgreSQL, "" where it is in the data folder. It comes
// from the environment, else from the configured file.
func (c *config) postgresURL(getenv func(string) string) (string, error) {
	url, from := getenv(postgresEnv), postgresEnv
	if url == "" {
		if c.Store.Postgres == nil {
			return "", nil
		}
		from = c.file(c.Store.Postgres.URLFile)
		b, err := os.ReadFile(from)
		if err != nil {
			return "", fmt.Errorf("store: postgres: %w", err)
		}
		if st, err := os.Stat(from); err == nil && st.Mode().Perm()&0o077 != 0 {
			return "", fmt.Errorf("store: postgres: others may read or write %s (mode %o): chmod 600 it", from, st.Mode().Perm())
		}
		url = strings.TrimSpace(string(b))
	}
	if _, err := store.ParsePostgres(url); err != nil {
		return "", fmt.Errorf("%s: %w", from, err)
	}
	return url, nil
}

// openStore opens the state: in PostgreSQL, or state.db. It makes none where one was lost, unless that
// was accepted: freezes and stored keys would be forgotten. lost says that this was so.
func openStore(ctx context.Context, c *config, getenv func(string) string) (s store.Store, lost bool, err error) {
	url, err := c.postgresURL(getenv)
	if err != nil {
		return nil, false, err
	}
	if url == "" {
		if lost, err = stateLost(c.Dir); err != nil {
			return nil, lost, err
		}
		if lost && !c.acceptNewState {
			return nil, lost, stateGone(filepath.Join(c.Dir, store.FileName) + " is gone or empty")
		}
		s, err := store.OpenSQLite(ctx, c.Dir)
		if err != nil {
			return nil, lost, err
		}
		return s, lost, nil
	}
	p, err := store.OpenPostgres(ctx, url, false)
	if errors.Is(err, store.ErrNoTables) {
		if lost, err = ledgerUsed(c.Dir); err != nil {
			return nil, lost, err
		}
		if lost && !c.acceptNewState {
			return nil, lost, stateGone("the PostgreSQL database has no state")
		}
		p, err = store.OpenPostgres(ctx, url, true)
	}
	if err != nil {
		return nil, lost, err
	}
	return p, lost, nil
}

func stateGone(what string) error {
	return fmt.Errorf("%s, but the ledger has records: freezes and stored keys would be forgotten; restore it, or start once with vedette run -accept-new-state", what)
}

// openState opens the state and what seals the secrets in it.
func openState(ctx context.Context, c *config, getenv func(string) string) (s store.Store, sealer *keyring.Sealer, lost bool, err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, nil, false, fmt.Errorf("cannot make data folder: %w", err)
	}
	if s, lost, err = openStore(ctx, c, getenv); err != nil {
		return nil, nil, lost, err
	}
	if sealer, err = openSealer(ctx, c, s, getenv); err != nil {
		s.Close()
		return nil, nil, lost, err
	}
	return s, sealer, lost, nil
}

func openSealer(ctx context.Context, c *config, s store.Store, getenv func(string) string) (*keyring.Sealer, error) {
	master, err := masterKey(c, getenv)
	if errors.Is(err, fs.ErrNotExist) && c.Keys.MasterKey == "" {
		stored, lerr := s.LoadKeys(ctx)
		if lerr != nil {
			return nil, lerr
		}
		if len(stored) > 0 {
			return nil, fmt.Errorf("%s is gone, and %d keys are sealed with it: restore it, or set %s", filepath.Join(c.Dir, masterFile), len(stored), masterEnv)
		}
		master, err = keyring.CreateMaster(filepath.Join(c.Dir, masterFile), rand.Reader)
	}
	if err != nil {
		return nil, err
	}
	return keyring.NewSealer(master)
}

// masterFile is where the master key lies unless it is elsewhere.
const masterFile = "master.key"

// masterKey takes the master key from the environment, from the configured file,
// or from the data folder.
func masterKey(c *config, getenv func(string) string) (keyring.Secret, error) {
	if s := getenv(masterEnv); s != "" {
		k, err := keyring.ParseMaster(s)
		if err != nil {
			return k, fmt.Errorf("%s: %w", masterEnv, err)
		}
		return k, nil
	}
	if c.Keys.MasterKey != "" {
		return keyring.LoadMaster(c.file(c.Keys.MasterKey))
	}
	return keyring.LoadMaster(filepath.Join(c.Dir, masterFile))
}

// storedKeys opens every sealed credential of the store.
func storedKeys(_ context.Context, s store.Store, sealer *keyring.Sealer) ([]keyring.Spec, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	keys, err := s.LoadKeys(ctx)
	if err != nil {
		return nil, err
	}
	specs := make([]keyring.Spec, 0, len(keys))
	for _, k := range keys {
		spec, err := sealer.Open(k.Venue, k.ID, k.Sealed)
		if err != nil {
			return nil, fmt.Errorf("%w: was the master key changed?", err)
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

const (
	// restoreRecords bounds the records that are read for restoring the window: 60 s at
	// 16,000 calls a second.
	restoreRecords = 1 << 20
)

// restoreWindow remembers the signatures that the ledger's last records show. The
// window's own file holds them after anything but a power cut.
func restoreWindow(l *ledger.Ledger, w *verify.Window, now time.Time) (int, error) {
	size := l.Size()
	from := max(l.First(), size-min(size, restoreRecords))
	n := 0
	err := l.Read(from, size, func(_ uint64, record []byte) error {
		var r struct {
			Event string    `json:"event"`
			Time  time.Time `json:"time"`
			Hash  string    `json:"signature_hash"`
			Until time.Time `json:"accept_until"`
		}
		if json.Unmarshal(record, &r) != nil || r.Event != "call" || r.Hash == "" || !r.Until.After(now) {
			return nil
		}
		if w.RestoreHash(r.Hash, r.Time, r.Until, now) {
			n++
		}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("cannot restore the replay window: %w", err)
	}
	return n, nil
}

// Status implements api.Orders.
func (a *app) Status() api.Snapshot {
	s := api.Snapshot{Now: a.now(), Started: a.started, Restrictions: a.gate.List(), Incidents: a.joiner.Open(pageIncidents), Findings: a.findings.last(), Failing: map[string]string{}}
	a.mu.Lock()
	c := a.config
	a.mu.Unlock()
	s.Mode = c.Mode
	for part, why := range a.gate.Failing() {
		s.Failing[string(part)] = why
	}
	l := a.ledger.Stats()
	if l.Err != nil {
		s.Failing["ledger"] = l.Err.Error()
	}
	if why := a.storeFails.Load(); why != nil {
		s.Failing["store"] = *why
	}
	p := a.monitor.Stats()
	for v := range vedette.Verdict(vedette.Verdicts) {
		if n := p.Verdicts[v]; n > 0 {
			s.Verdicts = append(s.Verdicts, api.Count{Verdict: v.String(), Calls: n})
		}
	}
	up := a.proxy.Up()
	for _, v := range c.Venues {
		for _, addr := range a.venueAddresses(c, &v) {
			s.Listening = append(s.Listening, api.Address{Venue: v.Name, URL: addr, Upstream: v.Upstream, Up: up[v.Name]})
		}
	}
	s.Figures = a.figures(p, l)
	return s
}

// venueAddresses are the URLs under which clients reach a venue.
func (a *app) venueAddresses(c *config, v *venueConfig) []string {
	var list []string
	for _, l := range c.Listeners {
		served := len(l.Venues) == 0
		for _, n := range l.Venues {
			served = served || n == v.Name
		}
		if !served {
			continue
		}
		scheme, addr := "http", l.Address
		if l.TLS != nil {
			scheme = "https"
		}
		if real := a.proxy.Addr(l.Address); real != nil {
			addr = real.String()
		}
		list = append(list, scheme+"://"+addr+v.PathPrefix)
	}
	return list
}
