package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"vedette/internal/durable"
)

const (
	keyName    = "ledger.key" // signing key, form of C2SP signed-note, mode 0600
	publicName = "ledger.pub" // verifier key, the same
)

// Key is the Ed25519 key that signs checkpoints.
type Key struct {
	Signer   note.Signer
	Verifier note.Verifier
	Public   string // verifier key in the text form of C2SP signed-note, to hand out
}

// LoadOrCreateKey reads the key in a folder, or makes one named after the origin on the
// first start: ledger.key, mode 0600, and ledger.pub. It refuses a key that others
// may read. Random bytes come from rand, which is crypto/rand.Reader outside tests.
func LoadOrCreateKey(dir, origin string, rand io.Reader) (*Key, error) {
	name := filepath.Join(dir, keyName)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKey(dir, origin, rand); err != nil {
			return nil, err
		}
		info, err = os.Stat(name)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot find key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("cannot use key %s: mode %04o lets others read it, want 0600", name, info.Mode().Perm())
	}
	return loadKey(name, filepath.Join(dir, publicName))
}

// CheckOrigin says why a name cannot be a ledger's origin, nil if it can: it is the
// name of the key too (C2SP signed-note), and stands on a line of its own.
func CheckOrigin(name string) error {
	if name == "" || len(name) > MaxOrigin || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsSpace) || strings.Contains(name, "+") {
		return fmt.Errorf("origin %q: want a name without spaces and plus signs, of at most %d bytes, such as vedette/desk-a", name, MaxOrigin)
	}
	return nil
}

func createKey(dir, origin string, rand io.Reader) error {
	if err := CheckOrigin(origin); err != nil {
		return fmt.Errorf("cannot make key: %w", err)
	}
	private, public, err := note.GenerateKey(rand, origin)
	if err != nil {
		return fmt.Errorf("cannot make key: %w", err)
	}
	if err := (durable.OS{}).MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make %s: %w", dir, err)
	}
	// The public half first: a crash between the two leaves no key without it.
	if err := durable.Replace(durable.OS{}, filepath.Join(dir, publicName), []byte(public+"\n"), 0o644); err != nil {
		return err
	}
	return durable.Create(durable.OS{}, filepath.Join(dir, keyName), []byte(private+"\n"), 0o600)
}

func loadKey(private, public string) (*Key, error) {
	skey, err := durable.ReadFile(durable.OS{}, private, 4096)
	if err != nil {
		return nil, fmt.Errorf("cannot read key: %w", err)
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(skey)))
	if err != nil {
		return nil, fmt.Errorf("cannot use key %s: it is no signed-note key", private) // the cause may quote it
	}
	vkey, err := durable.ReadFile(durable.OS{}, public, 4096)
	if err != nil {
		return nil, fmt.Errorf("cannot read key: %w", err)
	}
	k := &Key{Signer: signer, Public: strings.TrimSpace(string(vkey))}
	if k.Verifier, err = note.NewVerifier(k.Public); err != nil {
		return nil, fmt.Errorf("cannot use key %s: %w", public, err)
	}
	if k.Verifier.Name() != signer.Name() || k.Verifier.KeyHash() != signer.KeyHash() {
		return nil, fmt.Errorf("cannot use key %s: %s belongs to another key", private, public)
	}
	return k, nil
}
