package keyring

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Importer reads keys.yaml, the file form of the keyring, that docs/configuration.md
// describes.
type Importer struct {
	Options
	// ReadFile reads the files that secret_file and its like name; nil is os.ReadFile
	// bounded in size.
	ReadFile func(name string) ([]byte, error)
	// Getenv reads the variables that secret_env and its like name; nil is os.LookupEnv.
	Getenv func(name string) (string, bool)
}

// File reads a keys file. Names of further files in it are relative to its folder.
func (im Importer) File(path string) ([]Spec, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read keys: %w", err)
	}
	defer f.Close()
	specs, err := im.Read(f, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("cannot read keys from %s: %w", path, err)
	}
	return specs, nil
}

// Read reads the content of a keys file; dir is what further file names are
// relative to. It reads all of it or nothing: the error names the first problems,
// each by its line, and repeats no secret. Memory grows with the credentials, not
// with what is written about them.
func (im Importer) Read(r io.Reader, dir string) ([]Spec, error) {
	if im.ReadFile == nil {
		im.ReadFile = readSmall
	}
	if im.Getenv == nil {
		im.Getenv = os.LookupEnv
	}
	b := &batch{Importer: im, dir: dir, seen: map[[3]string]int{}, words: map[string]string{}}
	if err := splitItems(r, b.item); err != nil {
		b.fail(err)
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	return b.specs, nil
}

// batch is one import under way.
type batch struct {
	Importer
	dir   string
	specs []Spec
	seen  map[[3]string]int // venue, id and scheme to line
	words map[string]string // texts seen, see intern
	errs  []error
}

var errTooMany = errors.New("further problems are not listed")

func (b *batch) fail(err error) bool {
	b.errs = append(b.errs, err)
	return len(b.errs) < maxErrors
}

// item takes one element of the list. It returns an error to stop.
func (b *batch) item(m *mapping) error {
	s, line, errs := b.spec(m)
	for _, err := range errs {
		if !b.fail(err) {
			return errTooMany
		}
	}
	if len(errs) > 0 {
		return nil
	}
	e, err := b.Build(s, time.Time{})
	if err != nil {
		if !b.fail(at(line, err)) {
			return errTooMany
		}
		return nil
	}
	key := [3]string{s.Venue, s.ID, e.Scheme}
	if first, ok := b.seen[key]; ok {
		if !b.fail(at(line, fmt.Errorf("%s key %q is already on line %d", s.Venue, s.ID, first))) {
			return errTooMany
		}
		return nil
	}
	if len(b.specs) >= maxCredentials {
		return at(line, fmt.Errorf("over %d keys", maxCredentials))
	}
	b.seen[key] = line
	b.specs = append(b.specs, s)
	return nil
}

// at puts a line before an error.
func at(line int, err error) error { return fmt.Errorf("line %d: %w", line, err) }

func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err == nil && len(b) > maxSecretBytes {
		err = fmt.Errorf("%s has over %d bytes", name, maxSecretBytes)
	}
	return b, err
}

// spec reads one credential from its mapping.
func (b *batch) spec(m *mapping) (s Spec, line int, errs []error) {
	line = m.line
	for _, f := range m.fields {
		set, ok := fields[f.key]
		if !ok {
			errs = append(errs, at(f.line, fmt.Errorf("unknown key %q%s", clip(f.key), suggest(f.key, fieldNames()))))
			continue
		}
		if f.key == "id" {
			line = f.line
		}
		if err := set(b, &s, f.value); err != nil {
			errs = append(errs, at(f.line, fmt.Errorf("%s: %w", f.key, err)))
		}
	}
	return s, line, errs
}

// fields are the keys of a credential. A value is a scalar or a list of scalars.
var fields = map[string]func(*batch, *Spec, value) error{
	"id":             text(func(s *Spec) *string { return &s.ID }),
	"venue":          text(func(s *Spec) *string { return &s.Venue }),
	"scheme":         text(func(s *Spec) *string { return &s.Scheme }),
	"account":        text(func(s *Spec) *string { return &s.Account }),
	"owner":          text(func(s *Spec) *string { return &s.Owner }),
	"wallet":         text(func(s *Spec) *string { return &s.Wallet }),
	"public_key":     text(func(s *Spec) *string { return &s.PublicKey }),
	"instruments":    texts(func(s *Spec) *[]string { return &s.Instruments }),
	"withdraw_allow": texts(func(s *Spec) *[]string { return &s.WithdrawAllow }),
	"mfa":            truth(func(s *Spec) *bool { return &s.MFA }),
	"frozen":         truth(func(s *Spec) *bool { return &s.Frozen }),
	"created":        instant(func(s *Spec) *time.Time { return &s.Created }),
	"expires":        instant(func(s *Spec) *time.Time { return &s.Expires }),
	"previous_until": instant(func(s *Spec) *time.Time { return &s.PreviousUntil }),
	"nonce_window":   setNonceWindow,
	"signers":        setSigners,
	"threshold":      setThreshold,
	"permissions":    setPermissions,
	"operations":     setOperations,
	"ip_allow":       setPrefixes,

	"secret":                   secret(here, func(s *Spec) *Secret { return &s.Secret }),
	"secret_file":              secret(inFile, func(s *Spec) *Secret { return &s.Secret }),
	"secret_env":               secret(inEnv, func(s *Spec) *Secret { return &s.Secret }),
	"passphrase":               secret(here, func(s *Spec) *Secret { return &s.Passphrase }),
	"passphrase_file":          secret(inFile, func(s *Spec) *Secret { return &s.Passphrase }),
	"passphrase_env":           secret(inEnv, func(s *Spec) *Secret { return &s.Passphrase }),
	"previous_secret":          secret(here, func(s *Spec) *Secret { return &s.Previous.Secret }),
	"previous_secret_file":     secret(inFile, func(s *Spec) *Secret { return &s.Previous.Secret }),
	"previous_secret_env":      secret(inEnv, func(s *Spec) *Secret { return &s.Previous.Secret }),
	"previous_passphrase":      secret(here, func(s *Spec) *Secret { return &s.Previous.Passphrase }),
	"previous_passphrase_file": secret(inFile, func(s *Spec) *Secret { return &s.Previous.Passphrase }),
	"previous_passphrase_env":  secret(inEnv, func(s *Spec) *Secret { return &s.Previous.Passphrase }),
	"public_key_file":          publicFile(func(s *Spec) *string { return &s.PublicKey }),
	"previous_public_key":      text(func(s *Spec) *string { return &s.Previous.PublicKey }),
	"previous_public_key_file": publicFile(func(s *Spec) *string { return &s.Previous.PublicKey }),
	"previous_wallet":          text(func(s *Spec) *string { return &s.Previous.Wallet }),
}

// source is where the text of a secret lies.
type source func(b *batch, name string) ([]byte, error)

func here(_ *batch, s string) ([]byte, error) { return []byte(s), nil }

func inFile(b *batch, name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(b.dir, name)
	}
	t, err := b.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if t = trimNewline(t); len(t) == 0 {
		return nil, fmt.Errorf("%s is empty", name)
	}
	return t, nil
}

func inEnv(b *batch, name string) ([]byte, error) {
	t, ok := b.Getenv(name)
	if !ok || t == "" {
		return nil, fmt.Errorf("the environment has no %s", clip(name))
	}
	return []byte(t), nil
}

// trimNewline cuts the line end that editors and echo leave, and nothing else: a
// blank may belong to the secret.
func trimNewline(b []byte) []byte {
	s := strings.TrimSuffix(string(b), "\n")
	return []byte(strings.TrimSuffix(s, "\r"))
}

func secret(from source, field func(*Spec) *Secret) func(*batch, *Spec, value) error {
	return func(b *batch, s *Spec, v value) error {
		word, err := v.one()
		if err != nil {
			return err
		}
		t, err := from(b, word)
		if err != nil {
			return err
		}
		if len(t) == 0 {
			return errors.New("is empty: leave it out for a credential without a secret")
		}
		if !field(s).Empty() {
			return errors.New("is given twice, in the file or elsewhere")
		}
		*field(s) = NewSecret(t)
		return nil
	}
}

func publicFile(field func(*Spec) *string) func(*batch, *Spec, value) error {
	return func(b *batch, s *Spec, v value) error {
		word, err := v.one()
		if err != nil {
			return err
		}
		t, err := inFile(b, word)
		if err != nil {
			return err
		}
		if len(t) == 0 {
			return errors.New("is empty")
		}
		if *field(s) != "" {
			return errors.New("is given twice, in the file or elsewhere")
		}
		*field(s) = string(t)
		return nil
	}
}

// intern keeps one copy of a short text that repeats, such as a venue.
func (b *batch) intern(s string) string {
	if len(s) > maxVenueBytes {
		return s
	}
	if kept, ok := b.words[s]; ok {
		return kept
	}
	if len(b.words) < maxInterned {
		s = strings.Clone(s)
		b.words[s] = s
	}
	return s
}
